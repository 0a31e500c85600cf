/* SPDX-License-Identifier: MIT */
/* `nestbox lab tracediff A B`: where two traces part. docs/traces.md has the formats. */
#ifndef NB_LAB_TRACEDIFF_H
#define NB_LAB_TRACEDIFF_H

struct tracediff_options {
    const char *file[2];
    unsigned context;    /* instructions shown before and behind */
    const char *ignore;  /* names that are not compared, comma separated; or NULL */
};
/* Exit status: 0 the traces agree as far as both go, 1 they differ, 2 a file can't be read. */
int lab_tracediff(const struct tracediff_options *o);

#endif
