/* SPDX-License-Identifier: MIT */
/* Extended double taken apart and packed. Private to cpu/softfp_*.c and cpu/x87_*.c. */
#ifndef NB_CPU_SOFTFP_F80_H
#define NB_CPU_SOFTFP_F80_H

#include "cpu/softfp_core.h"

NB_INLINE struct f80 f80_make(bool sign, u32 exp, u64 sig)
{
    return (struct f80){ sig, (u16)((u32)sign << 15 | exp) };
}
NB_INLINE struct f80 f80_zero(bool sign) { return f80_make(sign, 0, 0); }
NB_INLINE struct f80 f80_inf(bool sign) { return f80_make(sign, 0x7fff, SF_TOP); }
NB_INLINE struct f80 f80_indefinite(void) { return f80_make(true, 0x7fff, 3ull << 62); }

NB_INLINE struct f80 f80_ld(const void *p)
{
    return (struct f80){ ld64(p), ld16((const u8 *)p + 8) };
}
NB_INLINE void f80_st(void *p, struct f80 a)
{
    st64(p, a.sig);
    st16((u8 *)p + 8, a.se);
}

static NB_NOINLINE NB_UNUSED struct sf_num f80_odd(struct f80 a)
{
    u32 e = a.se & 0x7fff;
    struct sf_num n = { .sign = a.se >> 15, .sig = a.sig };

    if (e == 0) {
        n.cls = SF_CL_ZERO;
        if (a.sig) { /* pseudo-denormals too */
            unsigned z = clz64(a.sig);
            n.cls = SF_CL_FINITE;
            n.denormal = true;
            n.sig = a.sig << z;
            n.exp = -16382 - (i32)z;
        }
    } else if (!(a.sig >> 63)) {
        n.cls = SF_CL_BAD;
    } else {
        n.cls = a.sig << 1 ? SF_CL_NAN : SF_CL_INF;
    }
    return n;
}

NB_INLINE struct sf_num f80_num(struct f80 a)
{
    u32 e = a.se & 0x7fff;

    if (unlikely(e - 1 >= 0x7ffe || !(a.sig >> 63)))
        return f80_odd(a);
    return (struct sf_num){ .sig = a.sig, .exp = (i32)e - 16383, .cls = SF_CL_FINITE,
                            .sign = a.se >> 15 };
}

NB_INLINE struct f80 f80_round(struct sf *s, unsigned bits, struct sf_wide w)
{
    i32 field;
    u64 sig = sf_round(s, SF_F80((u8)bits), w, &field);

    return f80_make(w.sign, (u32)field, sig);
}

NB_INLINE struct f80 f80_pack(struct sf *s, unsigned bits, enum sf_kind k, struct sf_wide w)
{
    switch (k) {
    case SF_K_NUMBER: return likely(bits == 64) ? f80_round(s, 64, w) : f80_round(s, bits, w);
    case SF_K_ZERO: return f80_zero(w.sign);
    case SF_K_INF: return f80_inf(w.sign);
    default: return f80_indefinite();
    }
}

NB_INLINE bool f80_is_snan(struct f80 a) { return !(a.sig >> 62 & 1); } /* of a NaN */

/* One of the two is a NaN, or an encoding that is none (SDM 1, table 4-7; 8.5.1.1): both NaNs, a
 * quiet one goes before a signalling one, then the larger significand, then the positive one. */
static NB_NOINLINE NB_UNUSED struct f80 f80_nan(struct sf *s, struct f80 a, struct f80 b)
{
    struct sf_num na = f80_num(a), nb = f80_num(b);
    bool from_a = na.cls == SF_CL_NAN;

    if (na.cls == SF_CL_BAD || nb.cls == SF_CL_BAD) {
        s->flags |= SF_IE;
        return f80_indefinite();
    }
    bool sa = from_a && f80_is_snan(a), sb = nb.cls == SF_CL_NAN && f80_is_snan(b);
    if (sa || sb)
        s->flags |= SF_IE;
    if (from_a && nb.cls == SF_CL_NAN) {
        if (sa != sb)
            from_a = sb;
        else if (a.sig != b.sig)
            from_a = a.sig > b.sig;
        else
            from_a = a.se < b.se;
    }
    if (!from_a)
        a = b;
    a.sig |= BIT64(62);
    return a;
}

/* The same for one operand. */
NB_INLINE struct f80 f80_nan1(struct sf *s, struct f80 a) { return f80_nan(s, a, a); }

#endif
