/* SPDX-License-Identifier: MIT */
/* MOO files, version 1.1: little-endian chunks `id[4] length[4] payload`, nested; unknown ones are
 * skipped. The layout is that of the format's own description (dbalsom/moo, doc/moo_format_v1.md).
 * Chunks of ours, which other readers skip:
 *   NBLB  behind the header: u32 version (1), then the CPU that made the tests as text;
 *   NBFX  in INIT and FINA: an FXSAVE image, 512 bytes;
 *   NBFT  in TEST: u8 vector, u8 whether there is an error code, u16 0, u32 error code, u32 CR2;
 *   NBMK  in TEST: u16, bits of the x87 status word that are compared.
 * With NBLB the state is that of docs/lab.md (CPL 3, paging), BYTS is the code alone, without HLT,
 * and memory that isn't listed holds the lab's pattern. */
#include <stdio.h>
#include <string.h>

#include "lab/sst.h"

/* MOO's order of 16-bit registers. */
static const u8 reg16[14] = {
    SR_EAX, SR_EBX, SR_ECX, SR_EDX, SR_CS, SR_SS, SR_DS, SR_ES, SR_ESP, SR_EBP, SR_ESI, SR_EDI,
    SR_EIP, SR_EFLAGS,
};

struct chunk { char id[5]; size_t at; const u8 *p; size_t len; /* at: of the payload */ };

struct walk {
    const struct sst_file *f;
    size_t pos, end;
    struct sst_error *e;
    bool bad;
};

/* The next chunk of [pos, end); false at the end or when it is bad. */
static bool next_chunk(struct walk *w, struct chunk *c)
{
    const u8 *d = w->f->data;

    if (w->pos == w->end)
        return false;
    if (w->end - w->pos < 8) {
        w->bad = true;
        return sst_bad(w->e, w->f->record, w->pos, "%u bytes are left, too few for a chunk",
                       (unsigned)(w->end - w->pos));
    }
    for (unsigned k = 0; k < 4; k++) {
        u8 ch = d[w->pos + k];
        if (ch < 0x20 || ch > 0x7e) {
            w->bad = true;
            return sst_bad(w->e, w->f->record, w->pos, "no chunk starts here");
        }
        c->id[k] = (char)ch;
    }
    c->id[4] = 0;
    c->len = ld32(d + w->pos + 4);
    c->at = w->pos + 8;
    if (c->len > w->end - c->at) {
        w->bad = true;
        return sst_bad(w->e, w->f->record, w->pos, "chunk %s: its length %u goes %zu bytes too far",
                       c->id, (unsigned)c->len, c->len - (w->end - c->at));
    }
    c->p = d + c->at;
    w->pos = c->at + c->len;
    return true;
}

static bool is(const struct chunk *c, const char *id)
{
    return !memcmp(c->id, id, 4);
}

static bool short_chunk(struct walk *w, const struct chunk *c)
{
    w->bad = true;
    return sst_bad(w->e, w->f->record, c->at - 8, "chunk %s is too short: %u bytes", c->id,
                   (unsigned)c->len);
}

/* REGS, RMSK: values into reg[], bits into *have. */
static bool take_regs(struct walk *w, const struct chunk *c, u32 *have, u32 *reg, bool mask)
{
    unsigned n = 0;

    if (c->len < 2)
        return short_chunk(w, c);
    for (unsigned k = 0; k < 14; k++) {
        if (!(ld16(c->p) & BIT(k)))
            continue;
        if (c->len < 2 + 2 * (n + 1))
            return short_chunk(w, c);
        reg[reg16[k]] = ld16(c->p + 2 + 2 * n++) | (mask ? 0xffff0000u : 0);
        *have |= BIT(reg16[k]);
    }
    return true;
}

static bool take_regs32(struct walk *w, const struct chunk *c, u32 *have, u32 *reg)
{
    unsigned n = 0;

    if (c->len < 4)
        return short_chunk(w, c);
    for (unsigned k = 0; k < SST_REGS; k++) {
        if (!(ld32(c->p) & BIT(k)))
            continue;
        if (c->len < 4 + 4 * (n + 1))
            return short_chunk(w, c);
        reg[k] = ld32(c->p + 4 + 4 * n++);
        *have |= BIT(k);
    }
    return true;
}

static bool take_ram(struct walk *w, const struct chunk *c, struct sst_state *s)
{
    u32 n;

    if (c->len < 4)
        return short_chunk(w, c);
    n = ld32(c->p);
    if (n > (c->len - 4) / 5)
        return short_chunk(w, c);
    for (u32 k = 0; k < n; k++)
        if (!sst_add_ram(s, ld32(c->p + 4 + 5 * k), c->p[8 + 5 * k])) {
            w->bad = true;
            return sst_bad(w->e, w->f->record, c->at, "more than %u bytes of RAM", SST_MAX_RAM);
        }
    return true;
}

/* A text or bytes with their length in front. */
static bool take_counted(struct walk *w, const struct chunk *c, const u8 **p, u32 *n)
{
    if (c->len < 4 || ld32(c->p) > c->len - 4)
        return short_chunk(w, c);
    *p = c->p + 4;
    *n = ld32(c->p);
    return true;
}

static void take_text(char *to, size_t size, const u8 *p, size_t n)
{
    size_t k;

    for (k = 0; k < n && k < size - 1; k++)
        to[k] = p[k] >= 0x20 && p[k] <= 0x7e ? (char)p[k] : '?';
    to[k] = 0;
}

/* INIT or FINA. A mask in FINA is this test's. */
static bool take_state(struct walk *w, const struct chunk *c, struct sst_state *s, u32 *mask)
{
    struct walk in = { w->f, c->at, c->at + c->len, w->e, false };
    struct chunk k;
    u32 dummy;

    while (next_chunk(&in, &k)) {
        bool ok = true;
        if (is(&k, "REGS"))
            ok = take_regs(&in, &k, &s->have, s->reg, false);
        else if (is(&k, "RG32"))
            ok = take_regs32(&in, &k, &s->have, s->reg);
        else if (is(&k, "RMSK") && mask)
            ok = take_regs(&in, &k, &dummy, mask, true);
        else if (is(&k, "RM32") && mask)
            ok = take_regs32(&in, &k, &dummy, mask);
        else if (is(&k, "RAM "))
            ok = take_ram(&in, &k, s);
        else if (is(&k, "NBFX")) {
            ok = k.len >= 512 || short_chunk(&in, &k);
            if (ok)
                memcpy(s->fx, k.p, 512);
            s->has_fx = ok;
        }
        if (!ok)
            break;
    }
    w->bad |= in.bad;
    return !in.bad;
}

static bool take_test(struct walk *w, const struct chunk *c, struct sst_test *t)
{
    struct walk in = { w->f, c->at + 4, c->at + c->len, w->e, false };
    struct chunk k;
    bool code = false, before = false, after = false;
    const u8 *p = NULL;
    u32 n = 0;

    if (c->len < 4)
        return short_chunk(w, c);
    while (next_chunk(&in, &k)) {
        bool ok = true;
        if (is(&k, "NAME")) {
            ok = take_counted(&in, &k, &p, &n);
            if (ok)
                take_text(t->name, sizeof t->name, p, n);
        } else if (is(&k, "BYTS")) {
            ok = take_counted(&in, &k, &p, &n);
            if (ok && (!n || n > sizeof t->code)) {
                in.bad = true;
                ok = sst_bad(w->e, w->f->record, k.at, "%u bytes of code; 1 to %u can be run", n,
                             (unsigned)sizeof t->code);
            }
            if (ok)
                memcpy(t->code, p, t->len = n);
            code = true;
        } else if (is(&k, "INIT")) {
            ok = before = take_state(&in, &k, &t->before, NULL);
        } else if (is(&k, "FINA")) {
            ok = after = take_state(&in, &k, &t->after, t->mask);
        } else if (is(&k, "EXCP")) {
            ok = k.len >= 5 || short_chunk(&in, &k);
            if (ok) {
                t->has_exc = true;
                t->exc = k.p[0];
                t->exc_flags = ld32(k.p + 1);
            }
        } else if (is(&k, "HASH")) {
            ok = k.len >= 20 || short_chunk(&in, &k);
            if (ok)
                memcpy(t->hash, k.p, 20);
            t->has_hash = ok;
        } else if (is(&k, "NBFT")) {
            ok = k.len >= 12 || short_chunk(&in, &k);
            if (ok) {
                t->has_fault = true;
                t->fault = k.p[0];
                t->fault_has_err = k.p[1];
                t->fault_err = ld32(k.p + 4);
                t->fault_cr2 = ld32(k.p + 8);
            }
        } else if (is(&k, "NBMK")) {
            ok = k.len >= 2 || short_chunk(&in, &k);
            if (ok)
                t->sw_mask = ld16(k.p);
        }
        if (!ok)
            break;
    }
    w->bad |= in.bad;
    if (in.bad)
        return false;
    if (!code || !before || !after) {
        w->bad = true;
        return sst_bad(w->e, w->f->record, c->at - 8, "the test has no %s chunk",
                       !code ? "BYTS" : !before ? "INIT" : "FINA");
    }
    return true;
}

static enum sst_cpu cpu_of(const u8 id[4])
{
    static const struct { char id[5]; enum sst_cpu cpu; } table[] = {
        { "8088", SST_8086 }, { "8086", SST_8086 }, { "V20 ", SST_186 }, { "V30 ", SST_186 },
        { "186 ", SST_186 }, { "C286", SST_286 }, { "286 ", SST_286 }, { "386E", SST_386 },
        { "386 ", SST_386 }, { "LAB ", SST_LAB },
    };

    for (unsigned k = 0; k < ARRAY_LEN(table); k++)
        if (!memcmp(id, table[k].id, 4))
            return table[k].cpu;
    return SST_OTHER;
}

bool moo_start(struct sst_file *f, struct sst_error *e)
{
    struct walk w = { f, 0, f->size, e, false };
    struct chunk c;
    u32 dummy;

    if (!next_chunk(&w, &c))
        return false;
    if (!is(&c, "MOO "))
        return sst_bad(e, 0, 0, "not a MOO file");
    if (c.len < 12)
        return short_chunk(&w, &c);
    if (c.p[0] != 1)
        return sst_bad(e, 0, c.at, "version %u.%u; only 1.x is known", c.p[0], c.p[1]);
    f->count = ld32(c.p + 4);
    f->cpu = cpu_of(c.p + 8);
    take_text(f->maker, sizeof f->maker, c.p + 8, 4);
    if (f->cpu == SST_OTHER)
        return sst_bad(e, 0, c.at + 8, "tests of an unknown CPU, \"%s\"", f->maker);
    for (f->pos = w.pos; next_chunk(&w, &c) && !is(&c, "TEST"); f->pos = w.pos) {
        bool ok = true;
        if (is(&c, "META")) {
            ok = c.len >= 28 || short_chunk(&w, &c);
            if (ok)
                f->seed = ld64(c.p + 19);
            if (ok && f->cpu != SST_LAB && c.p[27])
                return sst_bad(e, 0, c.at + 27, "CPU mode %u; only real mode (0) can be run",
                               c.p[27]);
        } else if (is(&c, "RMSK")) {
            ok = take_regs(&w, &c, &dummy, f->mask, true);
        } else if (is(&c, "RM32")) {
            ok = take_regs32(&w, &c, &dummy, f->mask);
        } else if (is(&c, "NBLB")) {
            ok = c.len >= 4 || short_chunk(&w, &c);
            if (ok && ld32(c.p) != 1)
                return sst_bad(e, 0, c.at, "version %u of the lab's tests; only 1 is known",
                               ld32(c.p));
            if (ok)
                take_text(f->maker, sizeof f->maker, c.p + 4, c.len - 4);
            f->cpu = SST_LAB;
        }
        if (!ok)
            return false;
    }
    return !w.bad;
}

enum sst_got moo_next(struct sst_file *f, struct sst_test *t, struct sst_error *e, bool *more)
{
    struct walk w = { f, f->pos, f->size, e, false };
    struct chunk c;

    while (next_chunk(&w, &c)) {
        bool ok;
        if (!is(&c, "TEST")) {
            f->pos = w.pos;
            continue;
        }
        sst_clear(f, t);
        ok = take_test(&w, &c, t);
        f->pos = w.pos;
        f->record++;
        *more = true; /* the chunk's own length was good */
        return ok ? SST_TEST : SST_BAD;
    }
    f->pos = f->size;
    if (w.bad)
        return SST_BAD;
    if (f->record < f->count && !f->started) {
        f->started = true;
        sst_bad(e, f->record, f->size, "the file ends after %llu of %llu tests",
                (unsigned long long)f->record, (unsigned long long)f->count);
        return SST_BAD;
    }
    return SST_END;
}

/* ---- writing */

static void add16(struct strbuf *sb, u16 v)
{
    u8 b[2];

    st16(b, v);
    sb_addn(sb, (const char *)b, 2);
}

static void add32(struct strbuf *sb, u32 v)
{
    u8 b[4];

    st32(b, v);
    sb_addn(sb, (const char *)b, 4);
}

static void add_chunk(struct strbuf *sb, const char *id, const struct strbuf *body)
{
    sb_addn(sb, id, 4);
    add32(sb, (u32)body->len);
    sb_addn(sb, sb_text(body), body->len);
}

static void add_regs(struct strbuf *sb, const char *id, u32 have, const u32 *reg)
{
    struct strbuf b = { 0 };

    add32(&b, have);
    for (unsigned k = 0; k < SST_REGS; k++)
        if (have & BIT(k))
            add32(&b, reg[k]);
    add_chunk(sb, id, &b);
    sb_free(&b);
}

static void add_state(struct strbuf *sb, const char *id, const struct sst_state *s, const u32 *mask)
{
    struct strbuf b = { 0 }, ram = { 0 }, fx = { 0 };
    u32 masked = 0;

    add_regs(&b, "RG32", s->have, s->reg);
    for (unsigned k = 0; mask && k < SST_REGS; k++)
        if (mask[k] != 0xffffffffu)
            masked |= BIT(k);
    if (masked)
        add_regs(&b, "RM32", masked, mask);
    add32(&ram, s->num_ram);
    for (unsigned k = 0; k < s->num_ram; k++) {
        add32(&ram, s->ram[k].at);
        sb_addn(&ram, (const char *)&s->ram[k].v, 1);
    }
    add_chunk(&b, "RAM ", &ram);
    if (s->has_fx) {
        sb_addn(&fx, (const char *)s->fx, 512);
        add_chunk(&b, "NBFX", &fx);
    }
    add_chunk(sb, id, &b);
    sb_free(&b);
    sb_free(&ram);
    sb_free(&fx);
}

void moo_head(const struct sst_writer *w, struct strbuf *out)
{
    struct strbuf b = { 0 };

    sb_addn(&b, "\1\1\0", 4);
    add32(&b, (u32)w->count);
    sb_addn(&b, "LAB ", 4);
    add_chunk(out, "MOO ", &b);
    sb_free(&b);
    sb_addn(&b, "\1\0\377", 3);   /* version of the set; a CPU that the format has no number for */
    add32(&b, 0xffffffffu);      /* opcode: several */
    sb_addn(&b, "        ", 8);
    add32(&b, (u32)w->count);
    add32(&b, (u32)w->seed);
    add32(&b, (u32)(w->seed >> 32));
    sb_addn(&b, "\1\377\0", 4);   /* protected mode, no extension, reserved */
    add_chunk(out, "META", &b);
    sb_free(&b);
    add32(&b, 1);
    sb_add(&b, w->maker);
    add_chunk(out, "NBLB", &b);
    sb_free(&b);
}

void moo_test(const struct sst_writer *w, const struct sst_test *t, struct strbuf *out)
{
    struct strbuf b = { 0 }, c = { 0 };

    (void)w;
    add32(&b, (u32)t->record);
    add32(&c, (u32)strlen(t->name));
    sb_add(&c, t->name);
    add_chunk(&b, "NAME", &c);
    sb_free(&c);
    add32(&c, t->len);
    sb_addn(&c, (const char *)t->code, t->len);
    add_chunk(&b, "BYTS", &c);
    sb_free(&c);
    add_state(&b, "INIT", &t->before, NULL);
    add_state(&b, "FINA", &t->after, t->mask);
    if (t->has_fault) {
        u8 head[4] = { t->fault, t->fault_has_err };
        sb_addn(&c, (const char *)head, 4);
        add32(&c, t->fault_err);
        add32(&c, t->fault_cr2);
        add_chunk(&b, "NBFT", &c);
        sb_free(&c);
    }
    if (t->sw_mask != 0xffff) {
        add16(&c, t->sw_mask);
        add_chunk(&b, "NBMK", &c);
        sb_free(&c);
    }
    add_chunk(out, "TEST", &b);
    sb_free(&b);
}
