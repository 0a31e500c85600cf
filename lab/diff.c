/* SPDX-License-Identifier: MIT */
/* Generated cases on two engines, compared; what was covered and what differed. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lab/diff.h"

#include <stdio.h>
#include <time.h>

#include "core/xalloc.h"
#include "lab/compare.h"
#include "lab/gen.h"

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
    if (c->row != g->unit[c->index % g->num_units].row)
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

static void show(const struct lab_case *c, const struct diff_options *o, const struct lab_result *a,
                 const struct lab_result *b, u32 diff)
{
    struct strbuf sb = { 0 };

    sb_add(&sb, "MISMATCH in");
    lab_print_difference(&sb, diff);
    sb_add(&sb, "\n");
    lab_print_case(&sb, c);
    lab_print_result(&sb, c, o->engine[0], a);
    lab_print_result(&sb, c, o->engine[1], b);
    sb_addf(&sb, "  again: nestbox lab diff -engines %s,%s -seed %llu -first %llu -count 1",
            o->engine[0], o->engine[1], (unsigned long long)c->seed, (unsigned long long)c->index);
    if (o->row)
        sb_addf(&sb, " -row %s", o->row);
    if (o->size)
        sb_addf(&sb, " -size %u", o->size);
    puts(sb_text(&sb));
    sb_free(&sb);
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
    unsigned rows = 0, left_out = 0, units = 0;

    for (unsigned n = 0; n < isa_num_rows(); n++) {
        rows += t->row[n].cases != 0;
        left_out += gen_left_out(isa_row(n)) != NULL;
    }
    for (unsigned k = 0; k < g->num_units; k++)
        units += t->unit_seen[k];
    printf(
        "%llu cases (%llu done, %llu faults, %llu hangs, %llu lost), %u of %u rows (%u left out), "
        "%u of %u forms, seed %llu, %.0f cases/s: %llu mismatches\n",
        (unsigned long long)t->cases, (unsigned long long)t->done, (unsigned long long)t->faults,
        (unsigned long long)t->hangs, (unsigned long long)t->died, rows, isa_num_rows(), left_out,
        units, g->num_units, (unsigned long long)o->seed, secs > 0 ? (double)t->cases / secs : 0.0,
        (unsigned long long)t->bad);
}

int lab_diff(const struct diff_options *o)
{
    struct lab_engine *e[2] = { NULL, NULL };
    struct lab_case *batch;
    struct tally t = { 0 };
    struct gen g;
    struct err err = { 0 };
    double start;
    unsigned shown = 0;

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
    batch = xcalloc(LAB_BATCH, sizeof *batch);
    t.row = xcalloc(isa_num_rows() + 1, sizeof *t.row);
    t.unit_seen = xcalloc(g.num_units, 1);
    start = seconds();
    for (u64 at = 0; at < o->count; at += LAB_BATCH) {
        unsigned n = (unsigned)MIN(o->count - at, (u64)LAB_BATCH);
        const struct lab_result *r[2];
        for (unsigned k = 0; k < n; k++)
            gen_case(&g, o->seed, o->first + at + k, &batch[k]);
        /* the host's child works while this process interprets */
        unsigned late = !strcmp(o->engine[0], "host") ? 1 : 0;
        e[!late]->start(e[!late], batch, n);
        e[late]->start(e[late], batch, n);
        r[0] = e[0]->wait(e[0]);
        r[1] = e[1]->wait(e[1]);
        for (unsigned k = 0; k < n; k++) {
            u32 diff = lab_compare(&batch[k], &r[0][k], &r[1][k]);
            for (unsigned j = 0; j < 2; j++)
                if (strcmp(o->engine[j], "host"))
                    diff |= lab_check_restart(&batch[k], &r[j][k]);
            account(&t, &g, &batch[k], &r[1][k], diff);
            account_undefined(&t.row[batch[k].row == 0xffff ? isa_num_rows() : batch[k].row],
                              &batch[k], &r[0][k], &r[1][k]);
            if (diff && shown < o->show) {
                show(&batch[k], o, &r[0][k], &r[1][k], diff);
                shown++;
            }
        }
    }
    print_rows(&t, o->verbose);
    if (o->undefined)
        print_undefined(&t, o);
    print_summary(&t, &g, o, seconds() - start);
    xfree(t.row);
    xfree(t.unit_seen);
    xfree(batch);
    gen_free(&g);
    e[0]->close(e[0]);
    e[1]->close(e[1]);
    return t.bad || !t.cases ? 1 : 0;
}
