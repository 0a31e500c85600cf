/* SPDX-License-Identifier: MIT */
/* `nestbox lab report`: what each row of isa.def was tested with. */
#ifndef NB_LAB_REPORT_H
#define NB_LAB_REPORT_H

#include "lab/vec.h"

struct report;

struct report_options {
    char **files;
    int num_files;
    const char *html;   /* file, or NULL */
    const char *meta;
    u64 count, seed;    /* generated cases, interpreter against host */
};
/* Exit status: 0 all rows reached and nothing differs, 1 otherwise. */
int lab_report(const struct report_options *o);

/* For the runner. */
void report_vector(struct report *r, const char *engine, const struct vec_line *v,
                   const struct lab_result *res, bool ok, bool system_changed);
void report_real(struct report *r, unsigned row, bool changed, bool ok, u32 masked);
void report_maker(struct report *r, const char *cpu);
void report_message(struct report *r, const char *text);

#endif
