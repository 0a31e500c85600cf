/* SPDX-License-Identifier: MIT */
/* The portable x87: what its files share. Private to cpu/. */
#ifndef NB_CPU_X87_SOFT_H
#define NB_CPU_X87_SOFT_H

#include "cpu/softfp.h"
#include "cpu/x87.h"

/* Control state from CW, status bits to SW. */
NB_INLINE struct sf soft_begin(u16 cw)
{
    static const u8 bits[4] = { 24, 64, 53, 64 }; /* 1 is reserved */

    return (struct sf){ .rc = cw >> 10 & 3, .masks = cw & SF_ALL, .bits = bits[cw >> 8 & 3] };
}
NB_INLINE u32 soft_end(const struct sf *s)
{
    return s->flags | (s->up ? SW_C1 : 0);
}

/* x87_trig.c, x87_log.c */
fpu_fn soft_f2xm1, soft_sin, soft_cos, soft_patan, soft_yl2x, soft_yl2xp1, soft_ptan, soft_sincos;

/* Their places in struct fpu_ops. */
#define FPU_SOFT_TRANSCENDENTALS \
    .f2xm1 = soft_f2xm1, .sin = soft_sin, .cos = soft_cos, .patan = soft_patan, \
    .yl2x = soft_yl2x, .yl2xp1 = soft_yl2xp1, .ptan = soft_ptan, .sincos = soft_sincos

#endif
