/* SPDX-License-Identifier: MIT */
/* Files that the lab reads: MOO, JSON, vector lines, traces. What can be read is run, too. Input:
 * the file; 't' in front: two traces, of the first and second half of the rest. */
#include "tests/fuzz/fuzz.h" /* first: it wants _GNU_SOURCE */

#include "core/xalloc.h"
#include "lab/sst.h"
#include "lab/tracediff.h"

enum { MAX_RUNS = 40 };

struct bench {
    struct lab_engine *interp;
    struct real *real;
    struct vec_line line;
};

static void run_line(struct bench *b)
{
    struct strbuf why = { 0 };

    if (b->line.system) {
        struct lab_result *r = xcalloc(1, sizeof *r);
        struct lab_sys before, after;
        lab_interp_system(b->interp, &b->line.c, &b->line.sys_in, &b->line.sys_out, &before, &after,
                          r);
        vec_check(&b->line, r, &why);
        vec_check_system(&b->line, &before, &after, &why);
        xfree(r);
    } else {
        b->interp->start(b->interp, &b->line.c, 1);
        vec_check(&b->line, b->interp->wait(b->interp), &why);
    }
    sb_free(&why);
}

static void tests(struct bench *b, const u8 *data, size_t size)
{
    struct sst_test t = { 0 };
    struct sst_error e;
    struct sst_file f;
    enum sst_got got = SST_TEST;
    bool more = true;

    if (!sst_start(&f, data, size, &e)) {
        MUST(e.msg[0] && e.at <= size);
        return;
    }
    for (unsigned n = 0; more && got != SST_END && n < MAX_RUNS; n++) {
        got = sst_next(&f, &t, &e, &more);
        if (got == SST_BAD)
            MUST(e.msg[0] && !strchr(e.msg, '\n') && e.at <= size);
        if (got != SST_TEST)
            continue;
        if (f.cpu == SST_LAB) {
            if (sst_to_vec(&t, &b->line, &e))
                run_line(b);
        } else {
            struct strbuf why = { 0 };
            bool changed;
            real_run(b->real, f.cpu, &t, 0xffff, &why, &changed);
            real_known(b->real, f.cpu, &t);
            sb_free(&why);
        }
    }
    sst_free_test(&t);
}

static void lines(struct bench *b, const u8 *data, size_t size)
{
    char *text = calloc(1, size + 1), *save = NULL;
    unsigned n = 0, bits = 32;

    memcpy(text, data, size);
    for (char *p = strtok_r(text, "\n", &save); p && n < MAX_RUNS;
         p = strtok_r(NULL, "\n", &save)) {
        struct vec_error e;
        if (*p == '.') { /* as a directive would */
            bits = (strstr(p, "16") ? 16u : 32u) | (strstr(p, "cpl 0") ? VEC_SYSTEM : 0u);
        } else if (vec_parse(p, bits, &b->line, &e)) {
            run_line(b);
            n++;
        } else {
            MUST(e.msg[0] && e.column >= 1 && e.column <= strlen(p) + 1);
        }
    }
    free(text);
}

static void traces(const u8 *data, size_t size)
{
    static struct mem_file a, b;
    struct tracediff_options o = { .context = 2 };

    if (!a.path[0]) {
        a = mem_file(data, 0);
        b = mem_file(data, 0);
    }
    mem_file_set(&a, data, size / 2);
    mem_file_set(&b, data + size / 2, size - size / 2);
    o.file[0] = a.path;
    o.file[1] = b.path;
    lab_tracediff(&o);
    o.file[1] = a.path; /* a trace never differs from itself */
    MUST(lab_tracediff(&o) != 1);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static struct bench b;

    if (!b.interp) {
        struct err e = { 0 };
        b.interp = lab_interp_open(&e);
        b.real = real_open(SST_286, &e);
        MUST(b.interp && b.real);
    }
    if (size && data[0] == 't')
        traces(data + 1, size - 1);
    else if (sst_is_moo(data, size) || sst_is_json(data, size))
        tests(&b, data, size);
    else
        lines(&b, data, size);
    return 0;
}
