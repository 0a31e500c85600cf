/* SPDX-License-Identifier: MIT */
/* Cases at CPL 0, for the rows that a user program can't run: `.cpl 0` in a vector file. Only our
 * own engines take them, one at a time. Memory, code and stack are those of every case; CS is 08h
 * and the other segments 18h, flat; every port reads as lab_fill(port) and tells what is written
 * to it. */
#ifndef NB_LAB_SYSTEM_H
#define NB_LAB_SYSTEM_H

#include "lab/lab.h"

enum lab_sys_reg {
    LY_CR0, LY_CR2, LY_CR3, LY_CR4, LY_DR0, LY_DR1, LY_DR2, LY_DR3, LY_DR6, LY_DR7, LY_EFER,
    LY_GDTBASE, LY_GDTLIMIT, LY_IDTBASE, LY_IDTLIMIT, LY_LDTR, LY_TR, LY_CPL, LY_IF, LY_IOPL,
    LY_HALTED, LY_NUM
};
extern const char lab_sys_name[LY_NUM][9];

enum { SEL_CODE0 = 0x08, SEL_DATA0 = 0x18, LAB_MAX_MSRS = 4, LAB_MAX_OUTS = 8 };

struct lab_sys {
    u32 named;           /* BIT(lab_sys_reg): in a vector's line */
    u32 v[LY_NUM];
    struct { u32 index; u64 v; } msr[LAB_MAX_MSRS];
    struct { u16 port; u8 size; u32 v; } out[LAB_MAX_OUTS]; /* in the order of the writes */
    unsigned num_msrs, num_outs;
};

/* Runs c (its fields as in user mode) with what `in` names set. before and after get everything,
 * with the MSRs of in and of expect. The engine must be lab_interp_open()'s. */
void lab_interp_system(struct lab_engine *e, const struct lab_case *c, const struct lab_sys *in,
                       const struct lab_sys *expect, struct lab_sys *before, struct lab_sys *after,
                       struct lab_result *r);

#endif
