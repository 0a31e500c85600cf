/* SPDX-License-Identifier: MIT */
/* The reducer. It tries changes that make the case plainer and keeps each one behind which the
 * engines still differ: instructions away (halves, quarters, ..., single ones), prefixes away,
 * patches of memory away or zero, registers, flags and x87/SSE state back to what the lab starts
 * with. That goes on until nothing helps any more. Which difference it is may change on the way:
 * any will do. */
#include "lab/reduce.h"

#include "core/xalloc.h"
#include "cpu/isa.h"
#include "lab/compare.h"
#include "lab/seq.h"
#include "lab/vec.h"

enum { MAX_RUNS = 5000, MAX_ROUNDS = 6 };

struct reducer {
    struct lab_engine *const *e;
    struct reduced *best;
    const struct isa *isa;
};

u32 lab_difference(struct lab_engine *const e[2], const struct isa *isa, const struct lab_case *c,
                   const struct lab_result *a, const struct lab_result *b)
{
    bool alike = !strcmp(e[0]->name, "interp") && !strcmp(e[1]->name, "jit");
    u32 diff = alike ? lab_compare_exact(c, a, b) : lab_compare_by(isa, c, a, b);

    if (strcmp(e[0]->name, "host"))
        diff |= lab_check_restart(c, a);
    if (strcmp(e[1]->name, "host"))
        diff |= lab_check_restart(c, b);
    return diff;
}

static bool differs(struct reducer *x, const struct lab_case *c)
{
    struct reduced *best = x->best;
    const struct lab_result *r[2];
    u32 diff;

    if (best->runs >= MAX_RUNS)
        return false;
    best->runs++;
    x->e[0]->start(x->e[0], c, 1);
    x->e[1]->start(x->e[1], c, 1);
    r[0] = x->e[0]->wait(x->e[0]);
    r[1] = x->e[1]->wait(x->e[1]);
    if (r[0]->status == LAB_HANG || r[1]->status == LAB_HANG)
        return false;
    diff = lab_difference(x->e, x->isa, c, r[0], r[1]);
    if (!diff)
        return false;
    best->diff = diff;
    best->r[0] = *r[0];
    best->r[1] = *r[1];
    best->c = *c;
    return true;
}

/* Keeps t if the engines differ on it, too. */
static bool try(struct reducer *x, const struct lab_case *t)
{
    return memcmp(t, &x->best->c, sizeof *t) && differs(x, t);
}

static void describe(struct lab_case *c)
{
    u8 fx = c->use_fx;

    vec_describe(c);
    c->use_fx |= fx;
}

/* ---- code */

static bool drop_instructions(struct reducer *x)
{
    struct seq *s = xcalloc(1, sizeof *s);
    bool keep[SEQ_MAX], any = false, again;

    if (!seq_split(x->isa, &x->best->c, s) || s->n < 2) {
        xfree(s);
        return false;
    }
    /* halves, quarters, ..., single ones; these until none goes any more, as one may have needed
     * another that is gone now */
    for (unsigned chunk = s->n / 2; chunk && s->n > 1;
         chunk = again && chunk == 1 ? 1 : chunk / 2) {
        again = false;
        for (unsigned at = 0; at < s->n && s->n > 1;) {
            struct lab_case t;
            unsigned n = MIN(chunk, s->n - at);
            for (unsigned k = 0; k < s->n; k++)
                keep[k] = k < at || k >= at + n;
            bool ok = n < s->n && seq_keep(&x->best->c, s, keep, &t);
            if (ok)
                describe(&t);
            if (ok && try(x, &t)) {
                any = again = true;
                if (!seq_split(x->isa, &x->best->c, s))
                    break;
            } else {
                at += n;
            }
        }
    }
    xfree(s);
    return any;
}

static bool drop_prefixes(struct reducer *x)
{
    struct seq *s = xcalloc(1, sizeof *s);
    bool any = false;

    if (seq_split(x->isa, &x->best->c, s) && s->n == 1)
        for (unsigned k = 0; k < s->i[0].d.num_prefixes; k++) {
            struct lab_case t = x->best->c;
            if (t.len < 2 || k >= t.len)
                break;
            memmove(t.code + k, t.code + k + 1, t.len - k - 1u);
            t.code[--t.len] = 0;
            describe(&t);
            if (t.row == x->best->c.row && try(x, &t)) {
                any = true;
                if (!seq_split(x->isa, &x->best->c, s))
                    break;
                k--;
            }
        }
    xfree(s);
    return any;
}

/* ---- state */

static bool plain_registers(struct reducer *x, const struct lab_case *def)
{
    bool any = false;

    for (unsigned k = 0; k < 8; k++) {
        struct lab_case t = x->best->c;
        t.in.gpr[k] = def->in.gpr[k];
        any |= try(x, &t);
        for (unsigned b = 0; b < 32; b += 8) { /* or a byte of it */
            t = x->best->c;
            t.in.gpr[k] &= ~(0xffu << b);
            if (k != LG_ESP)
                any |= try(x, &t);
        }
    }
    for (u32 bit = 1; bit; bit <<= 1) {
        struct lab_case t = x->best->c;
        if (!(t.in.eflags & ~(u32)LAB_FLAGS_FIXED & bit))
            continue;
        t.in.eflags &= ~bit;
        any |= try(x, &t);
    }
    for (unsigned k = 0; k < 6; k++) {
        struct lab_case t = x->best->c;
        t.in.sreg[k] = def->in.sreg[k];
        if (k != LS_CS)
            any |= try(x, &t);
    }
    return any;
}

static bool plain_memory(struct reducer *x)
{
    bool any = false;

    for (unsigned k = x->best->c.num_patches; k--;) {
        struct lab_case t = x->best->c;
        memmove(&t.patch[k], &t.patch[k + 1], (t.num_patches - k - 1u) * sizeof t.patch[0]);
        t.num_patches--;
        memset(&t.patch[t.num_patches], 0, sizeof t.patch[0]);
        if (try(x, &t)) {
            any = true;
            continue;
        }
        while (x->best->c.patch[k].len > 1) { /* or its end */
            t = x->best->c;
            t.patch[k].data[--t.patch[k].len] = 0;
            if (!try(x, &t))
                break;
            any = true;
        }
        for (unsigned b = 0; b < x->best->c.patch[k].len; b++) {
            t = x->best->c;
            t.patch[k].data[b] = 0;
            any |= try(x, &t);
        }
    }
    return any;
}

static bool plain_fx(struct reducer *x, const struct lab_case *def)
{
    static const struct { u8 at, len; } field[] = {
        { FX_CW, 2 }, { FX_SW, 2 }, { FX_TAG, 1 }, { FX_MXCSR, 4 },
    };
    struct lab_case t = x->best->c;
    bool any = false;

    if (!t.use_fx)
        return false;
    memcpy(t.fx, def->fx, FX_SIZE);
    if (try(x, &t))
        return true;
    for (unsigned k = 0; k < ARRAY_LEN(field); k++) {
        t = x->best->c;
        memcpy(t.fx + field[k].at, def->fx + field[k].at, field[k].len);
        any |= try(x, &t);
    }
    for (unsigned k = 0; k < 16; k++)
        for (unsigned part = 0; part < 3; part++) { /* all of it, or a half */
            t = x->best->c;
            memset(t.fx + FX_ST + 16 * k + (part == 2 ? 8 : 0), 0, part ? 8 : 16);
            any |= try(x, &t);
        }
    return any;
}

bool lab_reduce(struct lab_engine *const e[2], const struct lab_case *c, struct reduced *out)
{
    struct reducer x = { .e = e, .best = out, .isa = isa_new(0xffffffffu) };
    struct lab_case def;
    bool any = true;

    memset(out, 0, sizeof *out);
    out->c = *c;
    if (differs(&x, c)) {
        vec_defaults(&def, c->bits);
        if (c->in.sreg[LS_CS] != def.in.sreg[LS_CS] && c->in.sreg[LS_SS] != SEL_DATA32)
            def.in.gpr[LG_ESP] &= 0xffff; /* not flat */
        for (unsigned round = 0; any && round < MAX_ROUNDS; round++) {
            any = drop_instructions(&x);
            any |= drop_prefixes(&x);
            any |= plain_fx(&x, &def);
            any |= plain_memory(&x);
            any |= plain_registers(&x, &def);
        }
    }
    isa_free(x.isa);
    return out->diff != 0;
}
