/* SPDX-License-Identifier: MIT */
/* `nestbox lab gen`: vectors made on the host CPU, as lines, JSON or MOO. With -per-row each case
 * is reduced first: whatever has no influence on the outcome goes back to its default, so that a
 * line shows what matters. With -count they come as the generator makes them. */
#include <errno.h>
#include <fnmatch.h>
#include <stdio.h>
#include <zlib.h>

#include "core/xalloc.h"
#include "cpu/isa.h"
#include "lab/compare.h"
#include "lab/gen.h"
#include "lab/sst.h"
#include "lab/vec.h"

enum { MAX_TRIES = 600, MAX_FAULTS = 2, MAX_WORDS = 40 };

/* MMX and SSE rows: floating point, where the other two families are moves, integers and state. */
static const char *simd_family_of(const struct isa_row *row)
{
    static const u8 fp[] = { 0x2a, 0x2c, 0x2d, 0x2e, 0x2f, 0x51, 0x52, 0x53, 0x58, 0x59, 0x5a, 0x5b,
                             0x5c, 0x5d, 0x5e, 0x5f, 0x7c, 0x7d, 0xc2, 0xd0, 0xe6 };

    if (memchr(fp, row->op, sizeof fp))
        return row->feat == FEAT_SSE3 ? "sse3" : row->feat == FEAT_SSE2 ? "sse2_fp" : "sse_fp";
    return row->attr & A_MMX ? "mmx" : "sse_int";
}

/* Which file of tests/cpu/ a row belongs to. */
static const char *family_of(const struct isa_row *row)
{
    static const struct { const char *family, *names;
    } table[] = {
        { "muldiv", " mul imul div idiv aaa aas aam aad daa das " },
        { "shift", " rol ror rcl rcr shl shr sar shld shrd " },
        { "bit", " bt bts btr btc bsf bsr bswap " },
        { "string", " movs cmps stos lods scas ins outs " },
        { "flow",
          " loop loopz loopnz jcxz jmp call ret retf iret int3 int into int1 ud2 ud1 bound " },
        { "seg", " lds les lss lfs lgs arpl verr verw lar lsl " },
        { "stack", " push pop pusha popa enter leave pushf popf " },
        { "alu", " add or adc sbb and sub xor cmp test not neg inc dec cmpxchg cmpxchg8b xadd " },
        { "priv", " in out hlt cli sti lldt ltr lgdt lidt invlpg clts invd wbinvd wrmsr rdmsr "
                  "sysexit " },
    };
    char key[32];

    if (row->attr & (A_MMX | A_SSE))
        return simd_family_of(row);
    if (!strcmp(row->name, "fxsave") || row->map == MAP_2X)
        return "simd"; /* by hand: more memory than a line has, CPL 0 only */
    if (row->map <= MAP_2 && row->feat >= FEAT_FXSR && row->feat <= FEAT_CLFLUSH)
        return "sse_int"; /* FXRSTOR, fences, prefetches ... */
    if (row->map >= MAP_FM || (row->attr & (A_FPU | A_WAIT)))
        return row->map == MAP_FM ? "x87_mem" : "x87_reg";
    if (row->map == MAP_2 && row->op >= 0x20 && row->op <= 0x23)
        return "priv";
    if (row->map == MAP_1 && (row->op == 0x8e || row->op == 0x8c))
        return "seg";
    snprintf(key, sizeof key, " %s ", row->name);
    for (unsigned k = 0; k < ARRAY_LEN(table); k++)
        if (strstr(table[k].names, key))
            return table[k].family;
    if (OPD_KIND(row->o[0]) == OK_J)
        return "flow";
    if (!strncmp(row->name, "set", 3) || !strncmp(row->name, "cmov", 4))
        return "cond";
    return "mov";
}

static struct lab_result run_one(struct lab_engine *e, const struct lab_case *c)
{
    e->start(e, c, 1);
    return *e->wait(e);
}

/* The same outcome, but for registers and flags that pass through. */
static bool same_outcome(const struct lab_case *a, const struct lab_result *ra,
                         const struct lab_case *b, const struct lab_result *rb)
{
    if (ra->status != rb->status || ra->vec != rb->vec || ra->err != rb->err ||
        ra->cr2 != rb->cr2 || ra->out.eip != rb->out.eip || ra->num_words != rb->num_words ||
        ra->hash != rb->hash)
        return false;
    for (unsigned k = 0; k < 8; k++)
        if (ra->out.gpr[k] != rb->out.gpr[k] &&
            !(ra->out.gpr[k] == a->in.gpr[k] && rb->out.gpr[k] == b->in.gpr[k]))
            return false;
    for (unsigned k = 0; k < 6; k++)
        if (ra->out.sreg[k] != rb->out.sreg[k] &&
            !(ra->out.sreg[k] == a->in.sreg[k] && rb->out.sreg[k] == b->in.sreg[k]))
            return false;
    /* a flag that differs must have passed through in both */
    u32 differ = (ra->out.eflags ^ rb->out.eflags) & LAB_FLAGS_SEEN;
    if (differ & ((ra->out.eflags ^ a->in.eflags) | (rb->out.eflags ^ b->in.eflags)))
        return false;
    if (!a->use_fx)
        return true;
    if (ld16(ra->fx) != ld16(rb->fx) || ld16(ra->fx + 2) != ld16(rb->fx + 2) ||
        ra->fx[4] != rb->fx[4])
        return false;
    for (unsigned k = 0; k < 8; k++) {
        const u8 *x = ra->fx + 32 + 16 * k, *y = rb->fx + 32 + 16 * k;
        if (memcmp(x, y, 10) && (memcmp(x, vec_st_before(a, ld16(ra->fx + 2), k), 10) ||
                                 memcmp(y, vec_st_before(b, ld16(rb->fx + 2), k), 10)))
            return false;
    }
    for (unsigned k = 0; k < 8; k++) {
        const u8 *x = ra->fx + 160 + 16 * k, *y = rb->fx + 160 + 16 * k;
        if (memcmp(x, y, 16) && (memcmp(x, a->fx + 160 + 16 * k, 16) ||
                                 memcmp(y, b->fx + 160 + 16 * k, 16)))
            return false;
    }
    return true;
}

struct reduction {
    struct lab_engine *e;
    struct lab_case *c;
    struct lab_result *r;
};

static bool try_case(struct reduction *red, const struct lab_case *t)
{
    struct lab_result r;

    if (!memcmp(t, red->c, sizeof *t))
        return true;
    r = run_one(red->e, t);
    if (!same_outcome(red->c, red->r, t, &r))
        return false;
    if (vec_changed(red->c, red->r) && !vec_changed(t, &r)) /* a shift of 0 shows nothing */
        return false;
    *red->c = *t;
    *red->r = r;
    return true;
}

static void reduce(struct reduction *red)
{
    struct lab_case def, t;

    vec_defaults(&def, red->c->bits);
    for (unsigned k = 0; k < 8; k++) {
        t = *red->c;
        t.in.gpr[k] = def.in.gpr[k];
        try_case(red, &t);
    }
    for (unsigned k = 0; k < ARRAY_LEN(vec_flags); k++) {
        t = *red->c;
        t.in.eflags &= ~vec_flags[k].bit;
        try_case(red, &t);
    }
    for (unsigned k = 0; k < 6; k++) {
        t = *red->c;
        t.in.sreg[k] = def.in.sreg[k];
        /* the limit of a small segment may turn into a flat one's, which CPUs treat as they like */
        if (k != LS_CS && red->r->vec != 12 && red->r->vec != 13)
            try_case(red, &t);
    }
    for (unsigned k = red->c->num_patches; k--;) {
        t = *red->c;
        memmove(&t.patch[k], &t.patch[k + 1], (t.num_patches - k - 1u) * sizeof t.patch[0]);
        t.num_patches--;
        memset(&t.patch[t.num_patches], 0, sizeof t.patch[0]);
        if (try_case(red, &t))
            continue;
        while (red->c->patch[k].len > 1) { /* or its end */
            t = *red->c;
            t.patch[k].len--;
            t.patch[k].data[t.patch[k].len] = 0;
            if (!try_case(red, &t))
                break;
        }
    }
    if (!red->c->use_fx)
        return;
    for (unsigned k = 0; k < 16; k++) {
        t = *red->c;
        memcpy(t.fx + 32 + 16 * k, def.fx + 32 + 16 * k, 16);
        try_case(red, &t);
    }
    t = *red->c;
    t.fx[4] = 0;
    try_case(red, &t);
    t = *red->c;
    st16(t.fx, 0x37f);
    try_case(red, &t);
    t = *red->c;
    st16(t.fx + 2, ld16(t.fx + 2) & 0x3800);
    try_case(red, &t);
}

/* Control, status, tags, registers: not the pointers, nor the mask that FXSAVE reports. */
static bool fx_changed(const u8 *a, const u8 *b)
{
    if (ld16(a + FX_CW) != ld16(b + FX_CW) || ld16(a + FX_SW) != ld16(b + FX_SW) ||
        a[FX_TAG] != b[FX_TAG] || ld32(a + FX_MXCSR) != ld32(b + FX_MXCSR) ||
        memcmp(a + FX_XMM, b + FX_XMM, 128))
        return true;
    for (unsigned k = 0; k < 8; k++)
        if (memcmp(a + FX_ST + 16 * k, b + FX_ST + 16 * k, 10))
            return true;
    return false;
}

bool vec_changed(const struct lab_case *c, const struct lab_result *r)
{
    return memcmp(r->out.gpr, c->in.gpr, sizeof c->in.gpr) || r->num_words ||
           ((r->out.eflags ^ c->in.eflags) & LAB_FLAGS_SEEN) ||
           memcmp(r->out.sreg, c->in.sreg, sizeof c->in.sreg) ||
           (c->use_fx && fx_changed(r->fx, c->fx));
}

static bool has_effect(const struct lab_case *c, const struct lab_result *r)
{
    return vec_changed(c, r) || r->out.eip != c->in.eip + c->len;
}

/* Results that the manual gives an error bound for: another processor's vectors are no vectors. */
static bool approximate(const struct isa_row *row)
{
    return !strncmp(row->name, "rcp", 3) || !strncmp(row->name, "rsqrt", 5);
}

struct want {
    unsigned done, plain;  /* with and without effect */
    unsigned faults;
    u32 vectors;
    u32 units;             /* units that have a case already, of the first 32 */
};

static bool wanted(const struct want *w, const struct vec_gen_options *o, const struct lab_case *c,
                   const struct lab_result *r, unsigned unit, unsigned num_units, unsigned tries)
{
    const struct isa_row *row = isa_row(c->row);
    struct lab_mask m = lab_mask_of(c);

    if (m.c1 && (ld16(c->fx + 2) & 0x200)) /* both are 0 then */
        return false;
    if (m.skip || m.gpr_any || m.mem || c->len > 12 || r->num_words > MAX_WORDS ||
        (c->in.eflags & 0x40000) ||
        c->in.eip != (c->in.sreg[LS_CS] == SEL_CODE32 ? LAB_CODE + LAB_START : LAB_START))
        return false;
    if (r->status == LAB_FAULT) {
        if (row->attr & A_END && !(row->attr & A_PRIV) && r->vec < 7 && r->vec != 0)
            return w->faults < 1 || (r->vec != 6 && !(w->vectors & BIT(r->vec)));
        if (m.partial || r->out.eip == c->in.eip + c->len)
            return false;
        /* an order of faults that the manual leaves open doesn't belong in a vector */
        struct lab_result other = *r;
        other.vec = r->vec == 14 ? 13 : 14;
        if (lab_mask_order(c, r, &other))
            return false;
        return w->faults < MAX_FAULTS && !(w->vectors & BIT(r->vec)) && r->vec != 6;
    }
    if (r->status != LAB_DONE)
        return false;
    if (unit < 32 && num_units <= 32 && (w->units & BIT(unit)) && tries < num_units * 8)
        return false; /* every form first */
    return has_effect(c, r) ? w->done < o->per_row : tries > MAX_TRIES / 2 && !w->done && !w->plain;
}

/* ---- where cases go */

struct emitter {
    const struct vec_gen_options *o;
    struct strbuf body;
    struct sst_writer w;
    struct sst_test t;
    struct vec_line v;     /* scratch */
    unsigned bits;
};

/* false: the format can't carry it. */
static bool emit(struct emitter *em, const struct lab_case *c, const struct lab_result *r)
{
    struct sst_error e;

    if (em->o->format == FORMAT_VEC) {
        struct strbuf sb = { 0 };
        bool ok = vec_print(c, r, &sb);
        if (ok) {
            if (c->bits != em->bits)
                sb_addf(&em->body, ".bits %u\n", em->bits = c->bits);
            sb_addf(&em->body, "%s\n", sb_text(&sb));
            em->w.count++;
        }
        sb_free(&sb);
        return ok;
    }
    sst_from_case(c, r, &em->t);
    em->t.record = em->w.count;
    if (!sst_to_vec(&em->t, &em->v, &e)) /* too scattered */
        return false;
    (em->o->format == FORMAT_MOO ? moo_test : json_test)(&em->w, &em->t, &em->body);
    em->w.count++;
    return true;
}

static bool write_out(const struct vec_gen_options *o, const struct strbuf *all)
{
    size_t len = o->file ? strlen(o->file) : 0;
    bool pack = len > 3 && !strcmp(o->file + len - 3, ".gz"), ok;
    gzFile f;

    if (!o->file)
        return fwrite(sb_text(all), 1, all->len, stdout) == all->len && !fflush(stdout);
    errno = 0;
    f = gzopen(o->file, pack ? "wb9" : "wbT");
    if (!f) {
        fprintf(stderr, "nestbox lab: can't write %s: %s\n", o->file, strerror(errno));
        return false;
    }
    ok = !all->len || gzwrite(f, sb_text(all), (unsigned)all->len) == (int)all->len;
    ok &= gzclose(f) == Z_OK;
    if (!ok)
        fprintf(stderr, "nestbox lab: can't write %s: %s\n", o->file, strerror(errno));
    return ok;
}

static bool finish(struct emitter *em, const char *command)
{
    struct strbuf all = { 0 };
    bool ok;

    switch (em->o->format) {
    case FORMAT_VEC:
        sb_addf(&all, "# Made by: nestbox lab gen %s\n# CPU: %s\n", command, em->w.maker);
        sb_addn(&all, sb_text(&em->body), em->body.len);
        break;
    case FORMAT_JSON:
        json_head(&em->w, &all);
        sb_addn(&all, sb_text(&em->body), em->body.len);
        json_tail(&em->w, &all);
        break;
    case FORMAT_MOO:
        moo_head(&em->w, &all);
        sb_addn(&all, sb_text(&em->body), em->body.len);
        break;
    }
    ok = write_out(em->o, &all);
    sb_free(&all);
    sb_free(&em->body);
    sst_free_test(&em->t);
    return ok;
}

static unsigned gen_row(struct lab_engine *e, const struct gen *all, unsigned row,
                        const struct vec_gen_options *o, struct emitter *em)
{
    struct gen g = { .isa = all->isa };
    struct want w = { 0 };
    struct lab_case *c = xcalloc(1, sizeof *c);
    unsigned cases = 0;

    for (unsigned k = 0; k < all->num_units; k++)
        if (all->unit[k].row == row) {
            if (!g.num_units)
                g.unit = &all->unit[k];
            g.num_units++;
        }
    for (unsigned t = 0; g.num_units && t < MAX_TRIES; t++) {
        unsigned unit = t % g.num_units;
        struct lab_result r;
        gen_case(&g, o->seed + row * 1000003ull, t, c);
        if (c->row != row)
            continue;
        r = run_one(e, c);
        if (!wanted(&w, o, c, &r, unit, g.num_units, t))
            continue;
        struct reduction red = { e, c, &r };
        reduce(&red);
        if (emit(em, c, &r)) {
            cases++;
            if (r.status == LAB_FAULT) {
                w.faults++;
                w.vectors |= BIT(r.vec);
            } else {
                if (has_effect(c, &r))
                    w.done++;
                else
                    w.plain++;
                if (unit < 32)
                    w.units |= BIT(unit);
            }
        }
        if (w.done >= o->per_row && w.faults >= MAX_FAULTS)
            break;
    }
    xfree(c);
    return cases;
}

static bool row_wanted(const struct vec_gen_options *o, const struct isa_row *row)
{
    return !gen_left_out(row) && !approximate(row) && (!o->row || !strcmp(o->row, row->name)) &&
           (!o->family || !strcmp(o->family, family_of(row))) &&
           (!o->rows || !fnmatch(o->rows, row->name, 0));
}

/* Whether the outcome is one that every processor must show: the manual leaves nothing open. */
static bool settled(const struct lab_case *c, const struct lab_result *r)
{
    struct lab_mask m = lab_mask_of(c);

    if (m.skip || m.gpr_any || m.mem || (m.c1 && (ld16(c->fx + FX_SW) & 0x200)) ||
        (c->in.eflags & FL_AC) || r->num_words > MAX_WORDS)
        return false;
    for (unsigned k = 0; k < 6; k++) /* the kernel may lose the RPL of a null selector */
        if ((c->in.sreg[k] && c->in.sreg[k] < 4) || (r->out.sreg[k] && r->out.sreg[k] < 4))
            return false;
    if (r->status == LAB_DONE)
        return true;
    if (r->status != LAB_FAULT || m.partial || r->out.eip == c->in.eip + c->len)
        return false;
    struct lab_result other = *r;
    other.vec = r->vec == EXC_PF ? EXC_GP : EXC_PF;
    return !lab_mask_order(c, r, &other);
}

/* -count: cases as the generator makes them. */
static void gen_count(struct lab_engine *e, struct gen *g, const struct vec_gen_options *o,
                      struct emitter *em)
{
    struct lab_case *batch = xcalloc(LAB_BATCH, sizeof *batch);
    u64 index = 0, limit = o->count * 8 + 10000; /* most cases will do */

    while (em->w.count < o->count && index < limit) {
        const struct lab_result *r;
        unsigned n = (unsigned)MIN((u64)LAB_BATCH, 2 * (o->count - em->w.count) + 8);
        for (unsigned k = 0; k < n; k++)
            gen_case(g, o->seed, index + k, &batch[k]);
        e->start(e, batch, n);
        r = e->wait(e);
        for (unsigned k = 0; k < n && em->w.count < o->count; k++)
            if (settled(&batch[k], &r[k]))
                emit(em, &batch[k], &r[k]);
        index += n;
    }
    xfree(batch);
}

static void say_command(const struct vec_gen_options *o, char *out, size_t size)
{
    struct strbuf sb = { 0 };

    if (o->family)
        sb_addf(&sb, "-family %s ", o->family);
    if (o->row)
        sb_addf(&sb, "-row %s ", o->row);
    if (o->rows)
        sb_addf(&sb, "-rows '%s' ", o->rows);
    if (o->count)
        sb_addf(&sb, "-count %llu ", (unsigned long long)o->count);
    else
        sb_addf(&sb, "-per-row %u ", o->per_row);
    sb_addf(&sb, "-seed %llu", (unsigned long long)o->seed);
    snprintf(out, size, "%s", sb_text(&sb));
    sb_free(&sb);
}

int vec_gen(const struct vec_gen_options *o)
{
    struct emitter em = { .o = o, .bits = 32, .w = { .seed = o->seed } };
    struct err err = { 0 };
    struct lab_engine *e = lab_host_open(&err);
    char host[160], command[400];
    unsigned missing = 0, rows = 0;
    struct gen g;
    bool ok;

    if (!e) {
        fprintf(stderr, "nestbox lab: %s\n", err.msg);
        return err.code;
    }
    lab_host_name(host, sizeof host);
    em.w.maker = host;
    say_command(o, command, sizeof command);
    gen_init(&g, o->row, 0);
    for (unsigned n = 0; n < isa_num_rows(); n++) {
        const struct isa_row *row = isa_row(n);
        if (!row_wanted(o, row))
            continue;
        rows++;
        if (!o->count && !gen_row(e, &g, n, o, &em)) {
            fprintf(stderr, "nestbox lab: no vector for %s (%s%02x)\n", row->name,
                    row->map == MAP_2 ? "0f" : "", row->op);
            missing++;
        }
    }
    if (o->count && rows) {
        struct gen some = { .isa = g.isa };
        some.unit = xcalloc(g.num_units + 1, sizeof *some.unit);
        for (unsigned k = 0; k < g.num_units; k++)
            if (row_wanted(o, isa_row(g.unit[k].row)))
                some.unit[some.num_units++] = g.unit[k];
        if (some.num_units)
            gen_count(e, &some, o, &em);
        xfree(some.unit);
        if (em.w.count < o->count) {
            fprintf(stderr, "nestbox lab: only %llu of %llu cases\n",
                    (unsigned long long)em.w.count, (unsigned long long)o->count);
            missing++;
        }
    }
    gen_free(&g);
    e->close(e);
    if (!rows)
        fprintf(stderr, "nestbox lab: no such family or row\n");
    ok = finish(&em, command);
    return !ok ? 2 : missing || !rows;
}
