/* SPDX-License-Identifier: MIT */
/* `nestbox lab tracediff A B`: where two traces part. docs/traces.md has the formats. */
#ifndef NB_LAB_TRACEDIFF_H
#define NB_LAB_TRACEDIFF_H

#include "core/types.h"

enum { TRACEDIFF_MAX_CONTEXT = 1000 };

struct tracediff_options {
    const char *file[2];
    unsigned context;    /* instructions shown before and behind, at most TRACEDIFF_MAX_CONTEXT */
    const char *ignore;  /* fields and flags that are not compared, comma separated; or NULL */
    bool has_from;
    u32 from;            /* skip to this EIP in both */
};
/* Exit status: 0 the traces agree as far as both go, 1 they differ, 2 a file can't be read. */
int lab_tracediff(const struct tracediff_options *o);

#endif
