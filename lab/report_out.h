/* SPDX-License-Identifier: MIT */
/* The report's figures, and the two ways to print them. */
#ifndef NB_LAB_REPORT_OUT_H
#define NB_LAB_REPORT_OUT_H

#include "core/strbuf.h"
#include "core/types.h"

enum report_kind { RK_STATE, RK_EIP, RK_SILENT, RK_TRAP };

struct row_stat {
    const char *name;
    char code[16];
    enum report_kind kind;
    bool on_host;              /* the host engine can run it */
    u64 cases[2], reached[2];  /* interp, host */
    u64 vec_cases, gen_cases, real_cases, mismatches;
    u32 masked;                /* EFLAGS bits that some case didn't compare */
    bool masked_regs;
    u32 vectors;               /* exceptions seen */
};

struct report_sum { unsigned rows, reached, apart, apart_run; };

struct report {
    struct row_stat *row;
    unsigned num_rows;
    u64 cases[2], mismatches;
    struct report_sum sum[2];
    char host[160], no_host[480];
    bool have_host;
    char maker[32][160];       /* CPUs named in the files */
    unsigned num_makers;
    struct strbuf messages;    /* failures, line by line; the first 50 */
    unsigned num_messages;
};

void report_text(const struct report *r, struct strbuf *sb);
void report_html(const struct report *r, struct strbuf *sb);

#endif
