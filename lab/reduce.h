/* SPDX-License-Identifier: MIT */
/* A case on which two engines differ, made as short and plain as it can be while they still do. */
#ifndef NB_LAB_REDUCE_H
#define NB_LAB_REDUCE_H

#include "lab/lab.h"

struct reduced {
    struct lab_case c;
    struct lab_result r[2];
    u32 diff;        /* lab_compare's, of the reduced case */
    unsigned runs;   /* how many cases it took */
};
/* The two results' difference as `diff` counts it: restart of our own engines included. */
struct isa;
u32 lab_difference(struct lab_engine *const e[2], const struct isa *isa, const struct lab_case *c,
                   const struct lab_result *a, const struct lab_result *b);
/* False when the difference does not come again (then *out is the case itself with its results). */
bool lab_reduce(struct lab_engine *const e[2], const struct lab_case *c, struct reduced *out);

#endif
