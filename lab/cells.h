/* SPDX-License-Identifier: MIT */
/* What generated cases have covered: how often each row, form and operand size had each outcome
 * that user mode can reach (gen_fault.c says which those are). */
#ifndef NB_LAB_CELLS_H
#define NB_LAB_CELLS_H

#include "lab/gen.h"

struct cells {
    const struct gen *g;
    u64 (*n)[LC_NUM];    /* by unit */
    u64 strange[LC_NUM]; /* outcomes that the unit does not claim */
};
void cells_init(struct cells *t, const struct gen *g);
void cells_free(struct cells *t);
/* Case c, made for its index's unit, gave this. Nothing is counted if it became another row. */
void cells_add(struct cells *t, const struct lab_case *c, enum lab_class k);
/* Whether the unit of this index still lacks what the index aims at. */
bool cells_lack(const struct cells *t, u64 index, u64 min);
/* How many claimed outcomes there are, and how many of them came less than `min` times. */
unsigned cells_count(const struct cells *t, u64 min, unsigned *under);
/* A line for each unit that lacks some: "under 1000: ...". */
void cells_print_under(const struct cells *t, u64 min);
/* "0f58 addps mem32" */
void cells_unit_name(const struct gen_unit *u, char *out, size_t size);

#endif
