/* SPDX-License-Identifier: MIT */
/* `nestbox lab run`: vector files on one engine. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/xalloc.h"
#include "cpu/isa.h"
#include "lab/vec.h"

enum { MAX_LINE = 16384 };

struct runner {
    struct lab_engine *e;
    const char *file;
    struct vec_line *line;   /* LAB_BATCH */
    struct lab_case *batch;
    unsigned *number;        /* line numbers */
    unsigned n, bits;
    u64 passed, failed;
};

static void check_text(struct runner *r, const struct vec_line *v, unsigned number,
                       struct strbuf *why)
{
#if HAVE_ZYDIS
    char text[VEC_TEXT];
    unsigned len;

    (void)r;
    (void)number;
    if (!v->text[0])
        return;
    len = cpu_disasm(v->c.code, v->c.len, v->c.in.eip, v->c.bits, text, sizeof text);
    if (strcmp(text, v->text))
        sb_addf(why, " the bytes are \"%s\"", text);
    else if (len != v->c.len)
        sb_addf(why, " the text is of %u bytes of %u", len, v->c.len);
#else
    (void)r;
    (void)v;
    (void)number;
    (void)why;
#endif
}

static void flush(struct runner *r)
{
    const struct lab_result *res;

    if (!r->n)
        return;
    for (unsigned k = 0; k < r->n; k++)
        r->batch[k] = r->line[k].c;
    r->e->start(r->e, r->batch, r->n);
    res = r->e->wait(r->e);
    for (unsigned k = 0; k < r->n; k++) {
        struct strbuf why = { 0 };
        check_text(r, &r->line[k], r->number[k], &why);
        vec_check(&r->line[k], &res[k], &why);
        if (why.len) {
            r->failed++;
            printf("%s:%u: %s:%s\n", r->file, r->number[k],
                   r->line[k].text[0] ? r->line[k].text : "(no text)", sb_text(&why));
        } else {
            r->passed++;
        }
        sb_free(&why);
    }
    r->n = 0;
}

static bool directive(struct runner *r, const char *s, unsigned number)
{
    unsigned bits;
    char rest;

    if (sscanf(s, ".bits %u %c", &bits, &rest) == 1 && (bits == 16 || bits == 32)) {
        r->bits = bits;
        return true;
    }
    printf("%s:%u:1: a directive is .bits 16 or .bits 32\n", r->file, number);
    r->failed++;
    return false;
}

static bool run_file(struct runner *r, const char *name)
{
    FILE *f = fopen(name, "r");
    char *line;
    unsigned number = 0;

    if (!f) {
        fprintf(stderr, "nestbox lab: can't open %s: %s\n", name, strerror(errno));
        return false;
    }
    line = xcalloc(1, MAX_LINE);
    r->file = name;
    r->bits = 32;
    while (fgets(line, MAX_LINE, f)) {
        size_t len = strlen(line);
        struct vec_error e;
        char *s = line;
        number++;
        if (len == MAX_LINE - 1 && line[len - 1] != '\n') {
            printf("%s:%u:%u: the line is too long\n", name, number, MAX_LINE);
            r->failed++;
            break;
        }
        while (len && (line[len - 1] == '\n' || line[len - 1] == '\r'))
            line[--len] = 0;
        s += strspn(s, " \t");
        if (!*s || *s == '#')
            continue;
        if (*s == '.') {
            directive(r, s, number);
            continue;
        }
        if (!vec_parse(line, r->bits, &r->line[r->n], &e)) {
            printf("%s:%u:%u: %s\n", name, number, e.column, e.msg);
            r->failed++;
            continue;
        }
        r->number[r->n++] = number;
        if (r->n == LAB_BATCH)
            flush(r);
    }
    flush(r);
    xfree(line);
    if (ferror(f)) {
        fprintf(stderr, "nestbox lab: can't read %s: %s\n", name, strerror(errno));
        fclose(f);
        return false;
    }
    fclose(f);
    return true;
}

int vec_run_files(const char *engine, char **files, int n)
{
    struct runner r = { 0 };
    struct err err = { 0 };
    int status = 0;

    r.e = lab_engine_open(engine, &err);
    if (!r.e) {
        fprintf(stderr, "nestbox lab: %s\n", err.msg);
        return err.code;
    }
    r.line = xcalloc(LAB_BATCH, sizeof *r.line);
    r.batch = xcalloc(LAB_BATCH, sizeof *r.batch);
    r.number = xcalloc(LAB_BATCH, sizeof *r.number);
    for (int k = 0; k < n; k++)
        if (!run_file(&r, files[k]))
            status = 2;
    printf("%llu passed, %llu failed\n", (unsigned long long)r.passed,
           (unsigned long long)r.failed);
    r.e->close(r.e);
    xfree(r.line);
    xfree(r.batch);
    xfree(r.number);
    return status ? status : r.failed || !r.passed;
}
