/* SPDX-License-Identifier: MIT */
/* `nestbox lab run`: vector files and SingleStepTests on one engine. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <zlib.h>

#include "core/xalloc.h"
#include "cpu/isa.h"
#include "lab/masks.h"
#include "lab/report.h"
#include "lab/sst.h"
#include "lab/vec.h"

enum { MAX_LINE = 16384, MAX_REASONS = 32 };

struct runner {
    const struct vec_run_options *o;
    struct lab_engine *e;
    const char *file;
    struct vec_line *line;   /* LAB_BATCH */
    struct lab_case *batch;
    u64 *number;             /* line or record numbers */
    unsigned n, bits;
    bool records;            /* number[] are records */
    struct real *real;
    enum sst_cpu real_cpu;
    u64 passed, failed, skipped, left_system;
    struct { const char *why; u64 n; } reason[MAX_REASONS]; /* of real-mode tests skipped */
    unsigned printed;
};

static void say(struct runner *r, const char *text)
{
    if (r->o->report) /* the report has its own place for them */
        report_message(r->o->report, text);
    else if (r->o->show == 0 || r->printed < r->o->show)
        puts(text);
    else if (r->printed == r->o->show)
        puts("... (more; -show 0 prints all)");
    r->printed++;
}

static void check_text(const struct vec_line *v, struct strbuf *why)
{
#if HAVE_ZYDIS
    char text[VEC_TEXT];
    unsigned len;

    if (!v->text[0])
        return;
    len = cpu_disasm(v->c.code, v->c.len, v->c.in.eip, v->c.bits, text, sizeof text);
    if (strcmp(text, v->text))
        sb_addf(why, " the bytes are \"%s\"", text);
    else if (len != v->c.len)
        sb_addf(why, " the text is of %u bytes of %u", len, v->c.len);
#else
    (void)v;
    (void)why;
#endif
}

static void place(const struct runner *r, u64 number, struct strbuf *sb)
{
    sb_addf(sb, r->records ? "%s: test %llu: " : "%s:%llu: ", r->file, (unsigned long long)number);
}

static void skip(struct runner *r, const char *why)
{
    unsigned k = 0;

    r->skipped++;
    while (k < MAX_REASONS && r->reason[k].why && strcmp(r->reason[k].why, why))
        k++;
    if (k < MAX_REASONS) {
        r->reason[k].why = why;
        r->reason[k].n++;
    }
}

/* Counts and prints; frees why. */
static void judged(struct runner *r, const struct vec_line *v, u64 number, struct strbuf *why)
{
    struct strbuf all = { 0 };

    if (why->len) {
        r->failed++;
        place(r, number, &all);
        sb_addf(&all, "%s:%s", v->text[0] ? v->text : "(no text)", sb_text(why));
        say(r, sb_text(&all));
        sb_free(&all);
    } else {
        r->passed++;
    }
    sb_free(why);
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
        const struct vec_line *v = &r->line[k];
        check_text(v, &why);
        vec_check(v, &res[k], &why);
        if (r->o->report)
            report_vector(r->o->report, r->e->name, v, &res[k], !why.len, false);
        judged(r, v, r->number[k], &why);
    }
    r->n = 0;
}

static void run_system(struct runner *r, const struct vec_line *v, u64 number)
{
    struct lab_result *res;
    struct lab_sys before, after;
    struct strbuf why = { 0 };
    bool did;

    if (strncmp(r->e->name, "interp", 6)) {
        r->skipped++;
        r->left_system++;
        return;
    }
    res = xcalloc(1, sizeof *res);
    lab_interp_system(r->e, &v->c, &v->sys_in, &v->sys_out, &before, &after, res);
    check_text(v, &why);
    vec_check(v, res, &why);
    vec_check_system(v, &before, &after, &why);
    did = memcmp(before.v, after.v, sizeof after.v) || after.num_outs ||
          memcmp(before.msr, after.msr, sizeof after.msr);
    if (r->o->report)
        report_vector(r->o->report, r->e->name, v, res, !why.len, did);
    judged(r, v, number, &why);
    xfree(res);
}

static void bad_line(struct runner *r, u64 number, unsigned column, const char *msg)
{
    struct strbuf sb = { 0 };

    sb_addf(&sb, "%s:%llu:%u: %s", r->file, (unsigned long long)number, column, msg);
    say(r, sb_text(&sb));
    sb_free(&sb);
    r->failed++;
}

static void directive(struct runner *r, const char *s, u64 number)
{
    unsigned bits, cpl;
    char rest;

    if (sscanf(s, ".bits %u %c", &bits, &rest) == 1 && (bits == 16 || bits == 32))
        r->bits = bits | (r->bits & VEC_SYSTEM);
    else if (sscanf(s, ".cpl %u %c", &cpl, &rest) == 1 && (cpl == 0 || cpl == 3))
        r->bits = (r->bits & ~(unsigned)VEC_SYSTEM) | (cpl ? 0 : VEC_SYSTEM);
    else
        bad_line(r, number, 1, "a directive is .bits 16, .bits 32, .cpl 0 or .cpl 3");
}

static void run_lines(struct runner *r, char *data, size_t size)
{
    u64 number = 0;
    char *end = data + size, *next;

    r->bits = 32;
    r->records = false;
    for (char *line = data; line < end; line = next) {
        char *nl = memchr(line, '\n', (size_t)(end - line)), *s = line;
        struct vec_error e;
        size_t len;
        next = nl ? nl + 1 : end;
        len = (size_t)((nl ? nl : end) - line);
        line[len] = 0; /* there is a byte behind the data */
        number++;
        if (len >= MAX_LINE) {
            bad_line(r, number, MAX_LINE, "the line is too long");
            continue;
        }
        if (strlen(line) != len) {
            bad_line(r, number, (unsigned)strlen(line) + 1, "a NUL byte");
            continue;
        }
        while (len && line[len - 1] == '\r')
            line[--len] = 0;
        s += strspn(s, " \t");
        if (!strncmp(s, "# CPU: ", 7) && r->o->report)
            report_maker(r->o->report, s + 7);
        if (!*s || *s == '#')
            continue;
        if (*s == '.') {
            directive(r, s, number);
            continue;
        }
        if (!vec_parse(line, r->bits, &r->line[r->n], &e)) {
            bad_line(r, number, e.column, e.msg);
            continue;
        }
        if (r->line[r->n].system) {
            run_system(r, &r->line[r->n], number);
            continue;
        }
        r->number[r->n++] = number;
        if (r->n == LAB_BATCH)
            flush(r);
    }
    flush(r);
}

/* ---- SingleStepTests */

static void bad_record(struct runner *r, const struct sst_error *e)
{
    struct strbuf sb = { 0 };

    sb_addf(&sb, "%s: test %llu, offset %zu: %s", r->file, (unsigned long long)e->record, e->at,
            e->msg);
    say(r, sb_text(&sb));
    sb_free(&sb);
    r->failed++;
}

/* The masks of the suite: -meta FILE, or metadata.json in the file's folder. */
static bool open_meta(struct runner *r, struct sst_meta **meta, struct err *err)
{
    const char *slash = strrchr(r->file, '/');
    char name[4096];

    *meta = NULL;
    if (r->o->meta) {
        *meta = sst_meta_open(r->o->meta, err);
        if (!*meta && !err->code)
            err_set(err, ERR_RESOURCE, "can't open %s: %s", r->o->meta, strerror(errno));
        return *meta;
    }
    if ((size_t)snprintf(name, sizeof name, "%.*s/metadata.json",
                         slash ? (int)(slash - r->file) : 1, slash ? r->file : ".") < sizeof name)
        *meta = sst_meta_open(name, err);
    return !err->code;
}

/* SHA-1 names of tests that the suite has withdrawn: revocation_list.txt in the file's folder or
 * the one above, a hash a line. */
static char *open_revoked(const struct runner *r)
{
    const char *slash = strrchr(r->file, '/');
    int dir = slash ? (int)(slash - r->file) : 1;
    struct err err = { 0 };
    char name[4096];
    u8 *data;
    size_t size;

    for (unsigned up = 0; up < 2; up++) {
        if ((size_t)snprintf(name, sizeof name, "%.*s/%srevocation_list.txt", dir,
                             slash ? r->file : ".", up ? "../" : "") >= sizeof name)
            return NULL;
        if (sst_read_file(name, &data, &size, &err))
            return (char *)data; /* there is a NUL behind it */
    }
    return NULL;
}

static bool is_revoked(const char *list, const struct sst_test *t)
{
    char hex[41];

    if (!list || !t->has_hash)
        return false;
    for (unsigned k = 0; k < 20; k++)
        snprintf(hex + 2 * k, 3, "%02x", t->hash[k]);
    return strstr(list, hex);
}

/* Flags that isa.def calls undefined for the instruction. */
static u32 own_mask(const struct isa *isa, const struct sst_test *t, struct lab_case *c)
{
    memset(c, 0, sizeof *c);
    c->bits = 16;
    c->len = (u16)MIN(t->len, (unsigned)LAB_MAX_CODE);
    memcpy(c->code, t->code, c->len);
    c->in.gpr[LG_ECX] = t->before.reg[SR_ECX];
    c->row = 0xffff;
    struct decoded d;
    if (isa_decode(isa, c->code, MIN(c->len, 15u), 0, &d) == DECODE_OK && d.row) {
        c->row = d.in.row;
        c->form = d.form;
        c->size = d.size;
        c->len = d.in.len; /* without the HLT behind it */
    }
    return ~lab_mask_of(c).flags;
}

struct real_run {
    const struct isa *isa;
    struct sst_meta *meta;
    char *revoked;
};

static void run_real(struct runner *r, const struct sst_file *f, const struct sst_test *t,
                     struct real_run *rr)
{
    struct strbuf why = { 0 };
    struct lab_case c;
    bool changed;
    const char *known;
    u32 mask;

    if (is_revoked(rr->revoked, t)) {
        skip(r, "withdrawn by the suite");
        return;
    }
    mask = own_mask(rr->isa, t, &c) & sst_meta_mask(rr->meta, t->code, t->len);
    real_run(r->real, f->cpu, t, mask, &why, &changed);
    known = why.len ? real_known(r->real, f->cpu, t) : NULL;
    if (known) {
        skip(r, known);
        sb_free(&why);
        return;
    }
    if (r->o->report)
        report_real(r->o->report, c.row, changed, !why.len, ~mask);
    if (why.len) {
        struct strbuf all = { 0 };
        r->failed++;
        place(r, t->record, &all);
        sb_addf(&all, "%s:%s", t->name[0] ? t->name : "(no name)", sb_text(&why));
        say(r, sb_text(&all));
        sb_free(&all);
    } else {
        r->passed++;
    }
    sb_free(&why);
}

static bool real_ready(struct runner *r, enum sst_cpu cpu, struct err *err)
{
    if (r->real && r->real_cpu == cpu)
        return true;
    real_close(r->real);
    r->real = real_open(cpu, err);
    r->real_cpu = cpu;
    return r->real;
}

static void run_tests(struct runner *r, const u8 *data, size_t size, struct err *err)
{
    struct real_run rr = { 0 };
    struct sst_test *t = xcalloc(1, sizeof *t);
    struct sst_error e;
    struct sst_file f;
    bool more = true, meta_open = false;

    r->records = true;
    if (!sst_start(&f, data, size, &e)) {
        bad_record(r, &e);
        xfree(t);
        return;
    }
    while (more) {
        enum sst_got got = sst_next(&f, t, &e, &more);
        if (got == SST_END)
            break;
        if (got == SST_BAD) {
            bad_record(r, &e);
            continue;
        }
        if (f.cpu == SST_LAB) {
            struct vec_line *v = &r->line[r->n];
            if (!sst_to_vec(t, v, &e)) {
                bad_record(r, &e);
                continue;
            }
            memcpy(v->text, t->name, MIN(sizeof v->text, sizeof t->name));
            r->number[r->n++] = t->record;
            if (r->n == LAB_BATCH)
                flush(r);
            continue;
        }
        if (strncmp(r->e->name, "interp", 6)) {
            r->skipped++;
            continue;
        }
        if (!meta_open) {
            meta_open = true;
            rr.isa = isa_new(0xffffffffu);
            rr.revoked = open_revoked(r);
            if (!open_meta(r, &rr.meta, err))
                break;
            /* JSON doesn't say it, and a test of an 8086 may end in F4h, too */
            if (f.json && f.cpu != SST_386 && sst_meta_cpu(rr.meta) != SST_OTHER)
                f.cpu = sst_meta_cpu(rr.meta);
        }
        if (!real_ready(r, f.cpu, err))
            break;
        run_real(r, &f, t, &rr);
    }
    flush(r);
    if (r->o->report && f.maker[0])
        report_maker(r->o->report, f.maker);
    if (meta_open)
        isa_free(rr.isa);
    sst_meta_free(rr.meta);
    xfree(rr.revoked);
    sst_free_test(t);
    xfree(t);
}

static bool run_file(struct runner *r, const char *name)
{
    struct err err = { 0 };
    u64 skipped = r->skipped, left = r->left_system;
    size_t size;
    u8 *data;

    r->file = name;
    if (!sst_read_file(name, &data, &size, &err)) {
        fprintf(stderr, "nestbox lab: %s\n", err.msg);
        return false;
    }
    if (sst_is_moo(data, size) || sst_is_json(data, size))
        run_tests(r, data, size, &err);
    else
        run_lines(r, (char *)data, size);
    xfree(data);
    if (err.code)
        fprintf(stderr, "nestbox lab: %s\n", err.msg);
    if (r->skipped != skipped && strncmp(r->e->name, "interp", 6) && !r->o->report)
        printf("%s: %llu left out: %s, which the %s engine can't enter\n", name,
               (unsigned long long)(r->skipped - skipped),
               r->left_system != left ? "CPL 0" : "real mode", r->e->name);
    return !err.code;
}

int vec_run_files(const struct vec_run_options *o, char **files, int n)
{
    struct runner r = { .o = o };
    struct err err = { 0 };
    int status = 0;

    r.e = lab_engine_open(o->engine, &err);
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
    if (!o->report) {
        for (unsigned k = 0; k < MAX_REASONS && r.reason[k].why; k++)
            printf("%llu skipped: %s\n", (unsigned long long)r.reason[k].n, r.reason[k].why);
        printf("%llu passed, %llu failed", (unsigned long long)r.passed,
               (unsigned long long)r.failed);
        if (r.skipped)
            printf(", %llu skipped", (unsigned long long)r.skipped);
        printf("\n");
    }
    r.e->close(r.e);
    real_close(r.real);
    xfree(r.line);
    xfree(r.batch);
    xfree(r.number);
    return status ? status : r.failed || !r.passed;
}
