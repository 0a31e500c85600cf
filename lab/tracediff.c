/* SPDX-License-Identifier: MIT */
/* Two traces side by side, instruction by instruction, by the fields that both have.
 *
 * QEMU and Bochs may write a line for each iteration of a repeated string instruction, we do one:
 * between different formats, instructions that come at the same address one after another count as
 * one. Events (vector, error code) are compared where both traces have one at the same place; one
 * that only one of them took shows in EIP. */
#include "lab/tracediff.h"

#include <stdio.h>
#include <string.h>

#include "core/err.h"
#include "core/xalloc.h"
#include "lab/trace_read.h"
#include "lab/vec.h"

enum { FLAGS_COMPARED = 0x003f7fd7 };

struct side {
    struct trace_reader *r;
    const char *file;
    struct trace_rec rec;
    struct trace_rec ahead;   /* the first behind a run at one address */
    bool has_ahead, more;
    struct trace_rec *ring;   /* the last ones, for the context */
    unsigned ring_at, ring_len;
};

struct differ {
    const struct tracediff_options *o;
    struct side s[2];
    u32 fields;    /* BIT(trace_field): compared */
    u32 flags;     /* of eflags */
    bool collapse;
    u64 count;
};

static bool read_one(struct differ *d, unsigned n, struct trace_rec *rec, struct err *e)
{
    struct side *s = &d->s[n];

    if (s->has_ahead) {
        *rec = s->ahead;
        s->has_ahead = false;
        return true;
    }
    return trace_next(s->r, rec, e);
}

static bool same_place(const struct trace_rec *a, const struct trace_rec *b)
{
    return (a->have & b->have & BIT(TF_EIP)) && a->v[TF_EIP] == b->v[TF_EIP] &&
           (!(a->have & b->have & BIT(TF_CS)) || a->v[TF_CS] == b->v[TF_CS]) &&
           !(b->have & BIT(TF_VECTOR));
}

/* The next record; those at the same address behind it go with it. */
static bool advance(struct differ *d, unsigned n, struct err *e)
{
    struct side *s = &d->s[n];

    if (!read_one(d, n, &s->rec, e))
        return s->more = false;
    if (d->collapse)
        while ((s->has_ahead = trace_next(s->r, &s->ahead, e)))
            if (!same_place(&s->rec, &s->ahead))
                break;
    return s->more = !e->code;
}

static void remember(struct differ *d, unsigned n)
{
    struct side *s = &d->s[n];

    if (!d->o->context)
        return;
    s->ring[s->ring_at] = s->rec;
    s->ring_at = (s->ring_at + 1) % d->o->context;
    s->ring_len = MIN(s->ring_len + 1, d->o->context);
}

static u32 differences(const struct differ *d)
{
    const struct trace_rec *a = &d->s[0].rec, *b = &d->s[1].rec;
    u32 both = a->have & b->have & d->fields, diff = 0;

    for (unsigned f = 0; f < TF_NUM; f++) {
        u32 mask = f == TF_EFLAGS ? d->flags : f >= TF_CS && f <= TF_GS ? 0xffff : 0xffffffff;
        if ((both & BIT(f)) && ((a->v[f] ^ b->v[f]) & mask))
            diff |= BIT(f);
    }
    return diff;
}

/* ---- output */

static void show(const char *mark, const struct trace_rec *r)
{
    printf("  %s %8llu  ", mark, (unsigned long long)r->line);
    if (r->have & BIT(TF_VECTOR) && !r->event)
        printf("[v=%02x e=%04x] ", r->v[TF_VECTOR], r->v[TF_ERROR]);
    if (r->event)
        printf("%s", r->text);
    else if (r->have & BIT(TF_CS))
        printf("%04x:%08x  %s", r->v[TF_CS] & 0xffff, r->v[TF_EIP], r->text);
    else
        printf("%08x  %s", r->v[TF_EIP], r->text);
    printf("\n");
}

static void show_flags(u32 bits)
{
    for (unsigned k = 0; k < ARRAY_LEN(vec_flags); k++) {
        if (bits & vec_flags[k].bit)
            printf(" %s", vec_flags[k].name);
        bits &= ~vec_flags[k].bit;
    }
    if (bits)
        printf(" %x", bits);
}

static void show_behind(struct differ *d, unsigned n)
{
    struct err e = { 0 };

    for (unsigned k = 0; k < d->o->context && advance(d, n, &e); k++)
        show(n ? "B" : "A", &d->s[n].rec);
}

static void report(struct differ *d, u32 diff)
{
    struct side *a = &d->s[0], *b = &d->s[1];

    printf("The traces part at instruction %llu: line %llu of %s (A), line %llu of %s (B)\n",
           (unsigned long long)d->count + 1, (unsigned long long)a->rec.line, a->file,
           (unsigned long long)b->rec.line, b->file);
    if (a->ring_len)
        printf("before, in both (lines of A):\n");
    for (unsigned k = 0; k < a->ring_len; k++)
        show(" ", &a->ring[(a->ring_at + d->o->context - a->ring_len + k) % d->o->context]);
    printf("then:\n");
    show("A", &a->rec);
    show("B", &b->rec);
    printf("differs, in the state before that instruction:\n");
    for (unsigned f = 0; f < TF_NUM; f++) {
        if (!(diff & BIT(f)))
            continue;
        printf("  %-7s A %08x  B %08x", trace_field_name[f], a->rec.v[f], b->rec.v[f]);
        if (f == TF_EFLAGS)
            show_flags((a->rec.v[f] ^ b->rec.v[f]) & d->flags);
        printf("\n");
    }
    if (!d->o->context)
        return;
    printf("behind:\n");
    show_behind(d, 0);
    show_behind(d, 1);
}

/* ---- */

static bool take_ignore(struct differ *d, const char *names)
{
    char text[256], *save = NULL;

    d->fields = BIT(TF_NUM) - 1;
    d->flags = FLAGS_COMPARED;
    if (!names)
        return true;
    if ((size_t)snprintf(text, sizeof text, "%s", names) >= sizeof text) {
        fprintf(stderr, "nestbox lab: -ignore: too long\n");
        return false;
    }
    for (char *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
        bool known = false;
        for (unsigned f = 0; f < TF_NUM; f++)
            if (!strcmp(p, trace_field_name[f])) {
                d->fields &= ~BIT(f);
                known = true;
            }
        for (unsigned k = 0; k < ARRAY_LEN(vec_flags); k++)
            if (!strcmp(p, vec_flags[k].name)) {
                d->flags &= ~vec_flags[k].bit;
                known = true;
            }
        if (!known) {
            fprintf(stderr, "nestbox lab: -ignore %s: no such field or flag\n", p);
            return false;
        }
    }
    return true;
}

static int compare(struct differ *d, struct err *e)
{
    if (!advance(d, 0, e) || !advance(d, 1, e))
        return e->code ? 2 : 0;
    d->collapse = trace_form(d->s[0].r) != trace_form(d->s[1].r);
    for (unsigned n = 0; d->o->has_from && n < 2; n++)
        while (!(d->s[n].rec.have & BIT(TF_EIP)) || d->s[n].rec.v[TF_EIP] != d->o->from)
            if (!advance(d, n, e)) {
                err_set(e, ERR_RESOURCE, "%s never comes to %08x", d->s[n].file, d->o->from);
                return 2;
            }
    for (;;) {
        u32 both = d->s[0].rec.have & d->s[1].rec.have & d->fields, diff;
        if (!both) {
            err_set(e, ERR_RESOURCE, "line %llu of %s and line %llu of %s have nothing in common "
                    "to compare", (unsigned long long)d->s[0].rec.line, d->s[0].file,
                    (unsigned long long)d->s[1].rec.line, d->s[1].file);
            return 2;
        }
        diff = differences(d);
        if (diff) {
            report(d, diff);
            return 1;
        }
        d->count++;
        remember(d, 0);
        remember(d, 1);
        advance(d, 0, e);
        if (!e->code)
            advance(d, 1, e);
        if (e->code)
            return 2;
        if (!d->s[0].more || !d->s[1].more)
            break;
    }
    printf("The traces agree over %llu instructions", (unsigned long long)d->count);
    if (d->s[0].more || d->s[1].more)
        printf("; %s goes on", d->s[d->s[1].more ? 1 : 0].file);
    printf("\n");
    return 0;
}

int lab_tracediff(const struct tracediff_options *o)
{
    struct differ d = { .o = o };
    struct err e = { 0 };
    int status = 2;

    if (!take_ignore(&d, o->ignore))
        return 1;
    for (unsigned n = 0; n < 2; n++) {
        d.s[n].file = o->file[n];
        d.s[n].ring = xcalloc(MAX(o->context, 1u), sizeof *d.s[n].ring);
        if (!e.code)
            d.s[n].r = trace_open(o->file[n], &e);
    }
    if (!e.code)
        status = compare(&d, &e);
    if (e.code) {
        fprintf(stderr, "nestbox lab: %s\n", e.msg);
        status = 2;
    }
    for (unsigned n = 0; n < 2; n++) {
        trace_close(d.s[n].r);
        xfree(d.s[n].ring);
    }
    return status;
}
