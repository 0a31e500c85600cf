/* SPDX-License-Identifier: MIT */
/* `nestbox lab diff`: generated cases on two engines. */
#ifndef NB_LAB_DIFF_H
#define NB_LAB_DIFF_H

#include "core/err.h"
#include "core/types.h"

struct diff_options {
    const char *engine[2];
    u64 count, seed, first; /* cases first .. first + count - 1 of seed */
    u64 sequences;          /* so many sequences, from `first` on, instead of single instructions */
    u64 min;                /* on until each row, form, size and outcome has so many; 0: count */
    const char *row;        /* mnemonic, or NULL */
    unsigned size;          /* 8, 16, 32, or 0 */
    unsigned show;          /* mismatches to print in full */
    bool verbose;           /* a line per row */
    bool cells;             /* list what has less than 1000 cases */
    bool done;              /* only cases that aim at no fault */
    bool undefined;         /* what the second engine does with undefined flags */
    bool reduce;            /* mismatches are reduced before they are printed */
};

/* Exit status: 0 all agree, 1 some don't (or nothing ran). */
int lab_diff(const struct diff_options *o);
/* The same from the command line, behind the word diff. */
int lab_diff_main(int argc, char **argv);

#endif
