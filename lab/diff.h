/* SPDX-License-Identifier: MIT */
/* `nestbox lab diff`: generated cases on two engines. */
#ifndef NB_LAB_DIFF_H
#define NB_LAB_DIFF_H

#include "core/err.h"
#include "core/types.h"

struct diff_options {
    const char *engine[2];
    u64 count, seed, first; /* cases first .. first + count - 1 of seed */
    const char *row;        /* mnemonic, or NULL */
    unsigned size;          /* 8, 16, 32, or 0 */
    unsigned show;          /* mismatches to print in full */
    bool verbose;           /* a line per row */
    bool undefined;         /* what the second engine does with undefined flags */
};

/* Exit status: 0 all agree, 1 some don't (or nothing ran). */
int lab_diff(const struct diff_options *o);

#endif
