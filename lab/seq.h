/* SPDX-License-Identifier: MIT */
/* Cases of several instructions: where each begins, what is undefined at each, and the same case
 * with some of them left out. */
#ifndef NB_LAB_SEQ_H
#define NB_LAB_SEQ_H

#include "cpu/isa.h"
#include "lab/lab.h"

enum { SEQ_MAX = 64 };

struct seq_insn {
    u16 at;      /* offset from the case's start */
    u8 len;
    u8 rel;      /* bytes of a relative branch's displacement at the end, 0: none */
    int target;  /* number of the instruction that it leads to; n for the end, -1 elsewhere */
    struct decoded d;
};
struct seq {
    unsigned n;
    struct seq_insn i[SEQ_MAX];
};

/* False when it can't be taken apart (data between, too many). */
bool seq_split(const struct isa *isa, const struct lab_case *c, struct seq *s);
/* c with only those instructions k that have keep[k]; branches are led to what is left. False where
 * that cannot be. */
bool seq_keep(const struct lab_case *c, const struct seq *s, const bool *keep,
              struct lab_case *out);

/* Flags that instructions leave undefined, followed through a sequence. */
struct seq_undef {
    u32 flags;  /* EFLAGS bits */
    bool c1;    /* of the x87 status word */
};
/* Whether the row, run now, would look at something undefined. */
bool seq_reads_undefined(const struct seq_undef *u, const struct isa_row *row);
/* Behind the row; skipped: a branch may have led around it, so that it defines nothing for sure. */
void seq_step(struct seq_undef *u, const struct isa_row *row, bool skipped);
/* At EIP, be it at an instruction of the case or its end. row: of the instruction there, or
 * NULL. */
struct seq_undef seq_undefined_at(const struct seq *s, const struct lab_case *c, u32 eip,
                                  const struct seq_insn **there);

#endif
