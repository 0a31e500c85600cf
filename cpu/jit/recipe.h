/* SPDX-License-Identifier: MIT */
/* Where emitted code has the guest's arithmetic flags (x64/x64.h tells the story). */
#ifndef NB_CPU_JIT_RECIPE_H
#define NB_CPU_JIT_RECIPE_H

#include "core/types.h"

enum at { AT_HOST = 1, AT_SAVED = 2, AT_RECIPE = 4 };

enum recipe_kind {
    RC_NONE, RC_CMP, RC_TEST, RC_LOGIC, RC_ADD, RC_SUB, RC_NEG,
    /* with something captured in r12's low byte: CF (of ADC and SBB, before), or OF */
    RC_CAPTURE, RC_INC = RC_CAPTURE, RC_DEC, RC_ADC, RC_SBB, RC_SHL, RC_SHR, RC_SAR, RC_IMUL,
};
struct recipe {
    u8 kind, size;
    u8 dst, src; /* host registers (x64/asm.h), AH..BH with AS_HIGH; src H_NONE: imm */
    u32 imm;
    i32 moved;   /* how far ESP has gone since, if it is dst */
};

/* Flags as they are at some point of emitted code. */
struct flags_at {
    u8 at;
    bool clear_af;
    struct recipe recipe;
};

static inline bool recipe_equal(const struct recipe *a, const struct recipe *b)
{
    return a->kind == b->kind && a->size == b->size && a->dst == b->dst && a->src == b->src &&
           a->imm == b->imm && a->moved == b->moved;
}

#endif
