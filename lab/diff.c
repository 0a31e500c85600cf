/* SPDX-License-Identifier: MIT */
/* Generated cases on two engines, compared; what was covered and what differed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lab/diff.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "core/xalloc.h"
#include "lab/cells.h"
#include "lab/compare.h"
#include "lab/gen.h"
#include "lab/reduce.h"
#include "lab/vec.h"

enum { ENOUGH = 1000 };

struct row_count {
    u64 cases, done, faults, bad;
    u64 changed;  /* results that differ from their input in more than EIP */
    u32 vectors;  /* BIT(n): fault n was seen */
    u32 diff;
    /* undefined flags, in the order of isa_row.efl: of `undef_n` results how many kept the flag,
     * are 0, and are as on the first engine */
    u64 undef_n[6], kept[6], zero[6], same[6];
};

struct tally {
    u64 cases, bad, done, faults, hangs, died;
    u64 unreached;         /* decoded as something else than the row that was meant */
    u64 insns;             /* of sequences */
    u64 by_class[LC_NUM];
    struct cells cells;
    struct row_count *row; /* by row number, one more for undefined */
    u8 *unit_seen;         /* units that gave at least one result */
};

static double seconds(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static bool changes(const struct lab_case *c, const struct lab_result *r)
{
    return memcmp(r->out.gpr, c->in.gpr, sizeof c->in.gpr) || r->num_words ||
           ((r->out.eflags ^ c->in.eflags) & LAB_FLAGS_SEEN) ||
           memcmp(r->out.sreg, c->in.sreg, sizeof c->in.sreg) ||
           (c->use_fx && memcmp(r->fx, c->fx, 288));
}

static const u32 flag_of[6] = { 0x800, 0x80, 0x40, 0x10, 4, 1 };

/* b is the engine to learn about. */
static void account_undefined(struct row_count *n, const struct lab_case *c,
                              const struct lab_result *a, const struct lab_result *b)
{
    u32 undef = lab_mask_of(c).flags;

    if (a->status != LAB_DONE || b->status != LAB_DONE)
        return;
    for (unsigned k = 0; k < 6; k++) {
        u32 bit = flag_of[k];
        if (!(undef & bit))
            continue;
        n->undef_n[k]++;
        n->kept[k] += !((b->out.eflags ^ c->in.eflags) & bit);
        n->zero[k] += !(b->out.eflags & bit);
        n->same[k] += !((b->out.eflags ^ a->out.eflags) & bit);
    }
}

static void account(struct tally *t, const struct gen *g, const struct lab_case *c,
                    const struct lab_result *r, u32 diff)
{
    struct row_count *n = &t->row[c->row == 0xffff ? isa_num_rows() : c->row];

    t->cases++;
    n->cases++;
    t->insns += c->insns;
    t->by_class[lab_class_of(r)]++;
    if (c->insns)
        ;
    else if (c->row != g->unit[c->index % g->num_units].row)
        t->unreached++;
    else
        t->unit_seen[c->index % g->num_units] = 1;
    if (r->status == LAB_DONE) {
        t->done++;
        n->done++;
        n->changed += changes(c, r);
    } else if (r->status == LAB_FAULT) {
        t->faults++;
        n->faults++;
        n->vectors |= BIT(r->vec & 31);
    } else if (r->status == LAB_HANG) {
        t->hangs++;
    } else {
        t->died++;
    }
    if (diff) {
        t->bad++;
        n->bad++;
        n->diff |= diff;
    }
}

static void print_again(struct strbuf *sb, const struct lab_case *c, const struct diff_options *o)
{
    sb_addf(sb, "  again: nestbox lab diff -engines %s,%s -seed %llu %s %llu", o->engine[0],
            o->engine[1], (unsigned long long)c->seed, c->insns ? "-sequence" : "-case",
            (unsigned long long)c->index);
    if (o->row)
        sb_addf(sb, " -row %s", o->row);
    if (o->size)
        sb_addf(sb, " -size %u", o->size);
}

static void show(struct lab_engine *const e[2], const struct lab_case *c,
                 const struct diff_options *o, const struct lab_result *a,
                 const struct lab_result *b, u32 diff)
{
    struct reduced *red = xcalloc(1, sizeof *red);
    struct strbuf sb = { 0 }, line = { 0 };

    sb_add(&sb, "MISMATCH in");
    lab_print_difference(&sb, diff);
    sb_add(&sb, "\n");
    lab_print_case(&sb, c);
    lab_print_result(&sb, c, o->engine[0], a);
    lab_print_result(&sb, c, o->engine[1], b);
    if (o->reduce && a->status != LAB_DIED && b->status != LAB_DIED) {
        struct lab_case whole = *c;
        if (lab_reduce(e, &whole, red)) {
            sb_addf(&sb, " reduced, in %u runs, to a mismatch in", red->runs);
            lab_print_difference(&sb, red->diff);
            sb_add(&sb, "\n");
            lab_print_case(&sb, &red->c);
            lab_print_result(&sb, &red->c, o->engine[0], &red->r[0]);
            lab_print_result(&sb, &red->c, o->engine[1], &red->r[1]);
            if (vec_print(&red->c, &red->r[1], &line))
                sb_addf(&sb, "  as a vector, with the result of %s:\n.bits %u\n%s\n", o->engine[1],
                        red->c.bits, sb_text(&line));
        } else {
            sb_add(&sb, " it did not come again\n");
        }
        print_again(&sb, &whole, o);
    } else {
        print_again(&sb, c, o);
    }
    puts(sb_text(&sb));
    sb_free(&line);
    sb_free(&sb);
    xfree(red);
}

static void print_rows(const struct tally *t, bool all)
{
    for (unsigned n = 0; n <= isa_num_rows(); n++) {
        const struct row_count *c = &t->row[n];
        struct strbuf sb = { 0 };
        if (!c->cases || (!all && !c->bad))
            continue;
        if (n == isa_num_rows()) {
            sb_add(&sb, "row (undefined)");
        } else {
            const struct isa_row *row = isa_row(n);
            sb_addf(&sb, "row %s%02x", row->map == MAP_2 ? "0f" : "", row->op);
            if (row->ext >= 0)
                sb_addf(&sb, "/%d", row->ext);
            if (row->map == MAP_FX)
                sb_addf(&sb, " %02x", row->modrm);
            sb_addf(&sb, " %s", row->name);
        }
        sb_addf(&sb, ": %llu cases, %llu done (%llu with effect), %llu faults (",
                (unsigned long long)c->cases, (unsigned long long)c->done,
                (unsigned long long)c->changed, (unsigned long long)c->faults);
        for (unsigned v = 0, first = 1; v < 32; v++)
            if (c->vectors & BIT(v)) {
                sb_addf(&sb, "%s%u", first ? "" : " ", v);
                first = 0;
            }
        sb_addf(&sb, "), %llu differ", (unsigned long long)c->bad);
        lab_print_difference(&sb, c->diff);
        puts(sb_text(&sb));
        sb_free(&sb);
    }
}

static void print_undefined(const struct tally *t, const struct diff_options *o)
{
    static const char name[6][3] = { "of", "sf", "zf", "af", "pf", "cf" };

    for (unsigned n = 0; n < isa_num_rows(); n++) {
        const struct row_count *c = &t->row[n];
        const struct isa_row *row = isa_row(n);
        for (unsigned k = 0; k < 6; k++) {
            double all = (double)c->undef_n[k];
            if (c->undef_n[k])
                printf("undefined %s%02x/%d %s %s on %s: %.0f results, kept %.1f%%, 0 %.1f%%, as "
                       "on %s %.1f%%\n",
                       row->map == MAP_2 ? "0f" : "", row->op, row->ext, row->name, name[k],
                       o->engine[1], all, (double)c->kept[k] * 100 / all,
                       (double)c->zero[k] * 100 / all, o->engine[0],
                       (double)c->same[k] * 100 / all);
        }
    }
}

static void print_summary(const struct tally *t, const struct gen *g, const struct diff_options *o,
                          double secs)
{
    unsigned rows = 0, left_out = 0, units = 0, under, all;

    if (o->sequences) {
        printf("%llu sequences of %llu instructions, ends:", (unsigned long long)t->cases,
               (unsigned long long)t->insns);
        for (unsigned k = 0; k < LC_NUM; k++)
            if (t->by_class[k])
                printf(" %s %llu", lab_class_name[k], (unsigned long long)t->by_class[k]);
        printf("; seed %llu, %.0f sequences/s: %llu mismatches\n", (unsigned long long)o->seed,
               secs > 0 ? (double)t->cases / secs : 0.0, (unsigned long long)t->bad);
        return;
    }
    for (unsigned n = 0; n < isa_num_rows(); n++) {
        rows += t->row[n].cases != 0;
        left_out += gen_left_out(isa_row(n)) != NULL;
    }
    for (unsigned k = 0; k < g->num_units; k++)
        units += t->unit_seen[k];
    if (o->cells || o->min) {
        u64 min = o->min ? o->min : ENOUGH;
        cells_print_under(&t->cells, min);
        all = cells_count(&t->cells, min, &under);
        printf("%u of %u outcomes of rows, forms and sizes have %llu cases or more\n", all - under,
               all, (unsigned long long)min);
    }
    printf(
        "%llu cases (%llu done, %llu faults, %llu hangs, %llu lost), %u of %u rows (%u left out), "
        "%u of %u forms, seed %llu, %.0f cases/s: %llu mismatches\n",
        (unsigned long long)t->cases, (unsigned long long)t->done, (unsigned long long)t->faults,
        (unsigned long long)t->hangs, (unsigned long long)t->died, rows, isa_num_rows(), left_out,
        units, g->num_units, (unsigned long long)o->seed, secs > 0 ? (double)t->cases / secs : 0.0,
        (unsigned long long)t->bad);
}

/* Which cases to run: those asked for, or those that still lack something, up to so many tries for
 * each outcome as can be expected to do. */
struct source {
    const struct gen *g;
    const struct diff_options *o;
    const struct cells *cells;
    u64 next, end;
};

static unsigned next_batch(struct source *s, struct lab_case *batch)
{
    unsigned n = 0;

    for (; n < LAB_BATCH && s->next < s->end; s->next++) {
        u64 index = s->o->first + s->next;
        if (s->o->sequences)
            gen_sequence(s->g, s->o->seed, index, &batch[n++]);
        else if (s->o->done && gen_aim(s->g, index) != LC_DONE)
            continue;
        else if (!s->o->min || cells_lack(s->cells, index, s->o->min))
            gen_case(s->g, s->o->seed, index, &batch[n++]);
    }
    return n;
}

static void run(struct lab_engine *const e[2], struct source *s, const struct diff_options *o,
                struct tally *t)
{
    struct lab_case *batch = xcalloc(LAB_BATCH, sizeof *batch);
    /* the host's child works while this process interprets */
    unsigned late = !strcmp(o->engine[0], "host") ? 1 : 0, shown = 0, n;

    while ((n = next_batch(s, batch))) {
        const struct lab_result *r[2];
        e[!late]->start(e[!late], batch, n);
        e[late]->start(e[late], batch, n);
        r[0] = e[0]->wait(e[0]);
        r[1] = e[1]->wait(e[1]);
        for (unsigned k = 0; k < n; k++) {
            u32 diff = lab_difference(e, s->g->isa, &batch[k], &r[0][k], &r[1][k]);
            enum lab_class a = lab_class_of(&r[0][k]), b = lab_class_of(&r[1][k]);
            account(t, s->g, &batch[k], &r[1][k], diff);
            if (o->sequences)
                continue;
            cells_add(&t->cells, &batch[k], a);
            if (a != b) /* masked, or a mismatch */
                cells_add(&t->cells, &batch[k], b);
            account_undefined(&t->row[batch[k].row == 0xffff ? isa_num_rows() : batch[k].row],
                              &batch[k], &r[0][k], &r[1][k]);
        }
        /* at last, since reducing runs cases, too: the results go */
        for (unsigned k = 0; k < n && shown < o->show; k++) {
            struct lab_result *copy;
            if (!lab_difference(e, s->g->isa, &batch[k], &r[0][k], &r[1][k]))
                continue;
            copy = xcalloc(2 * LAB_BATCH, sizeof *copy);
            memcpy(copy, r[0], n * sizeof *copy);
            memcpy(copy + LAB_BATCH, r[1], n * sizeof *copy);
            for (; k < n && shown < o->show; k++) {
                u32 diff = lab_difference(e, s->g->isa, &batch[k], &copy[k], &copy[LAB_BATCH + k]);
                if (diff) {
                    show(e, &batch[k], o, &copy[k], &copy[LAB_BATCH + k], diff);
                    shown++;
                }
            }
            xfree(copy);
        }
    }
    xfree(batch);
}

int lab_diff(const struct diff_options *o)
{
    struct lab_engine *e[2] = { NULL, NULL };
    struct tally t = { 0 };
    struct gen g;
    struct source s = { .g = &g, .o = o, .cells = &t.cells };
    struct err err = { 0 };
    double start;

    for (unsigned k = 0; k < 2; k++) {
        e[k] = lab_engine_open(o->engine[k], &err);
        if (!e[k]) {
            fprintf(stderr, "nestbox lab: %s\n", err.msg);
            if (e[0])
                e[0]->close(e[0]);
            return err.code;
        }
    }
    gen_init(&g, o->row, o->size);
    if (!g.num_units) {
        fprintf(stderr, "nestbox lab: no row \"%s\" of this size that user mode can run\n",
                o->row ? o->row : "");
        gen_free(&g);
        e[0]->close(e[0]);
        e[1]->close(e[1]);
        return 1;
    }
    cells_init(&t.cells, &g);
    t.row = xcalloc(isa_num_rows() + 1, sizeof *t.row);
    t.unit_seen = xcalloc(g.num_units, 1);
    /* an outcome is aimed at in one of 4 to 20 cases of its unit */
    s.end = o->sequences ? o->sequences : o->min ? o->min * 200 * g.num_units
                           : o->done      ? o->count * 4
                                          : o->count;
    start = seconds();
    run(e, &s, o, &t);
    if (!o->sequences)
        print_rows(&t, o->verbose);
    if (o->undefined)
        print_undefined(&t, o);
    print_summary(&t, &g, o, seconds() - start);
    xfree(t.row);
    xfree(t.unit_seen);
    cells_free(&t.cells);
    gen_free(&g);
    e[0]->close(e[0]);
    e[1]->close(e[1]);
    return t.bad || !t.cases ? 1 : 0;
}

/* ---- command line */

static int complain(const char *what, const char *arg)
{
    fprintf(stderr, "nestbox lab: %s: %s\n", what, arg);
    return 1;
}

static bool flag(const char *a, struct diff_options *o)
{
    if (!strcmp(a, "-verbose"))
        o->verbose = true;
    else if (!strcmp(a, "-undefined"))
        o->undefined = true;
    else if (!strcmp(a, "-cells"))
        o->cells = true;
    else if (!strcmp(a, "-done"))
        o->done = true;
    else if (!strcmp(a, "-no-reduce"))
        o->reduce = false;
    else
        return false;
    return true;
}

static bool number_option(const char *a, u64 n, struct diff_options *o)
{
    if (!strcmp(a, "-count"))
        o->count = n;
    else if (!strcmp(a, "-seed"))
        o->seed = n;
    else if (!strcmp(a, "-first"))
        o->first = n;
    else if (!strcmp(a, "-sequences"))
        o->sequences = n;
    else if (!strcmp(a, "-min"))
        o->min = n;
    else if (!strcmp(a, "-show"))
        o->show = (unsigned)MIN(n, (u64)1000000);
    else if (!strcmp(a, "-size"))
        o->size = (unsigned)MIN(n, (u64)64);
    else if (!strcmp(a, "-case"))
        o->first = n, o->count = 1;
    else if (!strcmp(a, "-sequence"))
        o->first = n, o->sequences = 1;
    else
        return false;
    return true;
}

int lab_diff_main(int argc, char **argv)
{
    struct diff_options o = { .engine = { "interp", "host" }, .count = 100000, .seed = 1,
                              .show = 10, .reduce = true };
    char engines[64];

    for (int k = 0; k < argc; k++) {
        const char *a = argv[k], *v = k + 1 < argc ? argv[k + 1] : NULL;
        char *end;
        u64 n;
        if (flag(a, &o))
            continue;
        if (!v)
            return complain("unknown option, or one without its value", a);
        k++;
        if (!strcmp(a, "-engines")) {
            char *comma;
            snprintf(engines, sizeof engines, "%s", v);
            comma = strchr(engines, ',');
            if (!comma)
                return complain("-engines wants two names, such as interp,host", v);
            *comma = 0;
            o.engine[0] = engines;
            o.engine[1] = comma + 1;
            continue;
        }
        if (!strcmp(a, "-row")) {
            o.row = v;
            continue;
        }
        errno = 0;
        n = strtoull(v, &end, 0);
        if (*v < '0' || *v > '9' || *end || errno)
            return complain("not a number", v);
        if (!number_option(a, n, &o))
            return complain("unknown option", a);
        if (!strcmp(a, "-size") && n != 8 && n != 16 && n != 32)
            return complain("-size is 8, 16 or 32, not", v);
    }
    return lab_diff(&o);
}
