/* SPDX-License-Identifier: MIT */
/* Counting by row of isa.def: which engines ran it, whether anything came of it, what differed.
 *
 * Reached means: some case's result differs from its input in more than EIP. Rows that can't show
 * that are listed apart, and have to be run: those that only move EIP, those that change nothing
 * that a program sees (NOP, INVLPG), and those that are there to raise an exception (UD2, INT3). */
#include "lab/report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "core/xalloc.h"
#include "cpu/isa.h"
#include "lab/compare.h"
#include "lab/gen.h"
#include "lab/masks.h"
#include "lab/report_out.h"

static const char silent_names[] =
    " nop wait invd wbinvd invlpg fnop prefetch prefetchnta prefetcht0 prefetcht1 prefetcht2 "
    "prefetchw clflush lfence mfence sfence pause monitor mwait fneni fndisi fnsetpm ";
static const char trap_names[] = " ud1 ud2 int3 int1 into bound ";

static bool named_in(const char *list, const char *name)
{
    char key[40];

    snprintf(key, sizeof key, " %.30s ", name);
    return strstr(list, key);
}

static enum report_kind kind_of(const struct isa_row *row)
{
    if (row->attr & A_EIP)
        return RK_EIP;
    if (named_in(silent_names, row->name))
        return RK_SILENT;
    return named_in(trap_names, row->name) ? RK_TRAP : RK_STATE;
}

static void row_code(const struct isa_row *row, char *out, size_t size)
{
    static const char pfx[][4] = { "", "66 ", "F3 ", "F2 ", "" };
    int n = snprintf(out, size, "%s%s%02X", row->pfx < ARRAY_LEN(pfx) ? pfx[row->pfx] : "",
                     row->map == MAP_2 ? "0F " : "", row->op);

    if (row->map == MAP_FX)
        snprintf(out + n, size - (size_t)n, " %02X", row->modrm);
    else if (row->ext >= 0)
        snprintf(out + n, size - (size_t)n, " /%d", row->ext);
}

static struct row_stat *row_at(struct report *r, unsigned row)
{
    return row < r->num_rows ? &r->row[row] : NULL;
}

static void count(struct report *rep, unsigned engine, const struct lab_case *c,
                  const struct lab_result *res)
{
    const u32 traps = BIT(EXC_DB) | BIT(EXC_BP) | BIT(EXC_OF) | BIT(EXC_BR) | BIT(EXC_UD);
    struct row_stat *s = row_at(rep, c->row);

    if (!s)
        return;
    s->cases[engine]++;
    if (res->status == LAB_FAULT) {
        s->vectors |= res->vec < 32 ? BIT(res->vec) : 0;
        if (s->kind == RK_TRAP && res->vec < 32 && (traps & BIT(res->vec)))
            s->reached[engine]++;
    }
    if (s->kind == RK_STATE ? vec_changed(c, res) : s->kind != RK_TRAP && res->status == LAB_DONE)
        s->reached[engine]++;
    if (s->kind == RK_STATE && (isa_row(c->row)->attr & A_PRIV) && named_in(" int ", s->name) &&
        res->status == LAB_FAULT)
        s->reached[engine]++; /* delivery itself is the machine's */
}

void report_vector(struct report *rep, const char *engine, const struct vec_line *v,
                   const struct lab_result *res, bool ok, bool system_changed)
{
    unsigned e = strcmp(engine, "host") ? 0 : 1;
    struct row_stat *s = row_at(rep, v->c.row);

    if (s && s->kind == RK_STATE && system_changed && !vec_changed(&v->c, res))
        s->reached[e]++;

    count(rep, e, &v->c, res);
    rep->cases[e]++;
    rep->mismatches += !ok;
    if (!s)
        return;
    s->mismatches += !ok;
    s->masked |= v->x.flags_undef & LAB_FLAGS_SEEN;
    s->masked_regs |= v->x.gpr_undef != 0;
    s->vec_cases++;
}

void report_real(struct report *rep, unsigned row, bool did, bool ok, u32 masked)
{
    struct row_stat *s = row_at(rep, row);

    rep->cases[0]++;
    rep->mismatches += !ok;
    if (!s)
        return;
    s->cases[0]++;
    s->real_cases++;
    if (did || s->kind != RK_STATE)
        s->reached[0]++;
    s->mismatches += !ok;
    s->masked |= masked & LAB_ARITH;
}

void report_maker(struct report *rep, const char *cpu)
{
    for (unsigned k = 0; k < rep->num_makers; k++)
        if (!strcmp(rep->maker[k], cpu))
            return;
    if (rep->num_makers < ARRAY_LEN(rep->maker))
        snprintf(rep->maker[rep->num_makers++], sizeof rep->maker[0], "%s", cpu);
}

void report_message(struct report *rep, const char *text)
{
    if (rep->num_messages++ < 50)
        sb_addf(&rep->messages, "%s\n", text);
}

/* Generated cases on both engines. */
static bool generate(struct report *rep, const struct report_options *o)
{
    struct err err = { 0 };
    struct lab_engine *e[2] = { lab_interp_open(&err), lab_host_open(&err) };
    struct lab_case *batch;
    struct gen g;

    if (!e[0] || !e[1]) {
        report_message(rep, err.msg);
        for (unsigned k = 0; k < 2; k++)
            if (e[k])
                e[k]->close(e[k]);
        return false;
    }
    batch = xcalloc(LAB_BATCH, sizeof *batch);
    gen_init(&g, NULL, 0);
    for (u64 at = 0; at < o->count;) {
        unsigned n = (unsigned)MIN((u64)LAB_BATCH, o->count - at);
        const struct lab_result *r[2];
        for (unsigned k = 0; k < n; k++)
            gen_case(&g, o->seed, at + k, &batch[k]);
        e[1]->start(e[1], batch, n); /* beside the interpreter */
        e[0]->start(e[0], batch, n);
        for (unsigned k = 0; k < 2; k++)
            r[k] = e[k]->wait(e[k]);
        for (unsigned k = 0; k < n; k++) {
            struct row_stat *s = row_at(rep, batch[k].row);
            bool differ = lab_compare(&batch[k], &r[0][k], &r[1][k]) ||
                          lab_check_restart(&batch[k], &r[0][k]);
            for (unsigned en = 0; en < 2; en++) {
                count(rep, en, &batch[k], &r[en][k]);
                rep->cases[en]++;
            }
            rep->mismatches += differ;
            if (!s)
                continue;
            s->gen_cases++;
            s->mismatches += differ;
            s->masked |= lab_mask_of(&batch[k]).flags;
        }
        at += n;
    }
    gen_free(&g);
    xfree(batch);
    e[0]->close(e[0]);
    e[1]->close(e[1]);
    return true;
}

static void summarize(struct report *rep)
{
    for (unsigned n = 0; n < rep->num_rows; n++) {
        struct row_stat *s = &rep->row[n];
        for (unsigned e = 0; e < 2; e++) {
            struct report_sum *sum = &rep->sum[e];
            if (e == 1 && !s->on_host)
                continue;
            if (s->kind == RK_STATE) {
                sum->rows++;
                sum->reached += s->reached[e] != 0;
            } else {
                sum->apart++;
                sum->apart_run += s->reached[e] != 0;
            }
        }
    }
}

static bool write_html(const struct report *rep, const char *name)
{
    struct strbuf sb = { 0 };
    FILE *f;
    bool ok;

    report_html(rep, &sb);
    f = fopen(name, "w");
    ok = f && fwrite(sb_text(&sb), 1, sb.len, f) == sb.len;
    if (f && fclose(f))
        ok = false;
    if (!ok)
        fprintf(stderr, "nestbox lab: can't write %s: %s\n", name, strerror(errno));
    sb_free(&sb);
    return ok;
}

int lab_report(const struct report_options *o)
{
    struct report *rep = xcalloc(1, sizeof *rep);
    struct vec_run_options run = { .engine = "interp", .meta = o->meta, .report = rep };
    struct strbuf text = { 0 };
    struct err err = { 0 };
    struct lab_engine *host;
    int status = 0;

    rep->num_rows = isa_num_rows();
    rep->row = xcalloc(rep->num_rows, sizeof *rep->row);
    for (unsigned n = 0; n < rep->num_rows; n++) {
        const struct isa_row *row = isa_row(n);
        struct row_stat *s = &rep->row[n];
        s->name = row->name;
        s->kind = kind_of(row);
        s->on_host = !gen_left_out(row) && !(row->attr & A_PRIV);
        row_code(row, s->code, sizeof s->code);
    }
    lab_host_name(rep->host, sizeof rep->host);
    host = lab_host_open(&err);
    rep->have_host = host;
    if (host)
        host->close(host);
    else
        snprintf(rep->no_host, sizeof rep->no_host, "%s", err.msg);
    if (o->num_files) {
        if (vec_run_files(&run, o->files, o->num_files) > 1)
            status = 2;
        run.engine = "host";
        if (rep->have_host && vec_run_files(&run, o->files, o->num_files) > 1)
            status = 2;
    }
    if (o->count && !generate(rep, o))
        status = 2;
    summarize(rep);
    report_text(rep, &text);
    fputs(sb_text(&text), stdout);
    if (o->html && !write_html(rep, o->html))
        status = 2;
    for (unsigned e = 0; e < (rep->have_host ? 2u : 1u) && !status; e++)
        if (rep->sum[e].reached != rep->sum[e].rows || rep->sum[e].apart_run != rep->sum[e].apart)
            status = 1;
    if (rep->mismatches && !status)
        status = 1;
    sb_free(&text);
    sb_free(&rep->messages);
    xfree(rep->row);
    xfree(rep);
    return status;
}
