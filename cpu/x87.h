/* SPDX-License-Identifier: MIT */
/* x87: bits, state helpers, and the interface behind which the arithmetic sits. Private to cpu/. */
#ifndef NB_CPU_X87_H
#define NB_CPU_X87_H

#include "cpu/insn.h"

enum {
    SW_IE = 1, SW_DE = 2, SW_ZE = 4, SW_OE = 8, SW_UE = 16, SW_PE = 32, SW_SF = 64, SW_ES = 128,
    SW_C0 = 0x100, SW_C1 = 0x200, SW_C2 = 0x400, SW_TOP = 0x3800, SW_C3 = 0x4000, SW_B = 0x8000,
    SW_EXC = 0x3f,
    SW_CC = SW_C0 | SW_C1 | SW_C2 | SW_C3,
    /* exceptions found before the operation: unmasked, they leave everything as it was */
    SW_PRE = SW_IE | SW_DE | SW_ZE,
};
enum {
    CW_MASKS = 0x3f, CW_PC = 0x300, CW_RC = 0xc00,
    CW_WRITABLE = 0x1f3f, CW_ONES = 0x40,
};

NB_INLINE unsigned fpu_top(const struct cpu *c)
{
    return (c->fpu.sw >> 11) & 7;
}
NB_INLINE unsigned fpu_exp(const u8 *r)
{
    return r[8] | (r[9] & 0x7fu) << 8;
}
NB_INLINE u64 fpu_sig(const u8 *r)
{
    u64 v;

    memcpy(&v, r, 8);
    return v;
}

/* SW.ES, CW or CR0.NE may have changed: drives FERR#. */
void fpu_error_changed(struct cpu *c);

#endif
