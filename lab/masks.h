/* SPDX-License-Identifier: MIT */
/* What of a result is not compared, and why: the table's `u` columns and lab/masks.c. */
#ifndef NB_LAB_MASKS_H
#define NB_LAB_MASKS_H

#include "lab/lab.h"

struct isa_row;

struct lab_mask {
    u32 flags;      /* EFLAGS bits that are not compared */
    u8 gpr_any;     /* BIT(n): general register n */
    bool fault;     /* which of several faults is reported */
    bool mem;       /* memory */
    bool partial;   /* memory and registers behind a fault */
    bool c1;        /* of the x87 status word */
    bool ulp;       /* x87 registers may differ by a unit in the last place */
    bool approx;    /* single-precision lanes may be 3 * 2^-12 apart */
    bool st;        /* x87 registers and flags */
    bool image;     /* pointers and MXCSR_MASK in FXSAVE's image */
    bool fpu_at_fault; /* x87 state behind a fault */
    bool skip;      /* nothing is compared */
};

/* The mask of this case. */
struct lab_mask lab_mask_of(const struct lab_case *c);

/* Linear address of the memory operand of a case's first instruction. */
u32 lab_operand_la(const struct lab_case *c);

/* Whether the manual leaves open which of these two faults of one instruction comes. */
bool lab_mask_order(const struct lab_case *c, const struct lab_result *a,
                    const struct lab_result *b);

/* The entries, for reports. */
struct lab_mask_note {
    const char *rows;      /* mnemonics, space separated */
    const char *when;      /* the condition in words */
    const char *what;      /* what is masked */
    const char *sdm;       /* where the manual says so */
    const char *seen;      /* host: what it does */
};
extern const struct lab_mask_note lab_mask_notes[];
extern const unsigned lab_num_mask_notes;

#endif
