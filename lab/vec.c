/* SPDX-License-Identifier: MIT */
/* Reading of vector files and the comparison with what they expect. */
#include "lab/vec.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/xalloc.h"
#include "cpu/isa.h"
#include "lab/compare.h"
#include "lab/masks.h"

const struct vec_flag vec_flags[11] = {
    { 0x800, "of" }, { 0x80, "sf" }, { 0x40, "zf" }, { 0x10, "af" }, { 4, "pf" }, { 1, "cf" },
    { 0x400, "df" }, { 0x4000, "nt" }, { 0x40000, "ac" }, { 0x200000, "id" }, { 0x100, "tf" },
};
const char vec_fault_name[20][4] = { "DE", "DB", "NMI", "BP", "OF", "BR", "UD", "NM", "DF", "",
                                     "TS", "NP", "SS",  "GP", "PF", "",   "MF", "AC", "MC", "XM" };

void vec_defaults(struct lab_case *c, unsigned bits)
{
    static const u16 flat[6] = { SEL_DATA32, SEL_CODE32, SEL_DATA32, SEL_DATA32, 0, 0 };
    static const u16 small[6] = { LDT_DATA16, LDT_CODE16, LDT_STACK16, LDT_DATA16, 0, 0 };

    memset(c, 0, sizeof *c);
    c->bits = (u8)bits;
    memcpy(c->in.sreg, bits == 32 ? flat : small, sizeof flat);
    c->in.eip = bits == 32 ? LAB_CODE + LAB_START : LAB_START;
    c->in.gpr[LG_ESP] = bits == 32 ? LAB_STACK + 0x2000 : 0x2000;
    c->in.eflags = LAB_FLAGS_FIXED;
    st16(c->fx, 0x37f);
    st32(c->fx + 24, 0x1f80);
}

u8 vec_byte_before(const struct lab_case *c, u32 la)
{
    u8 v = lab_fill(la);

    for (unsigned k = 0; k < c->num_patches; k++)
        if (la - c->patch[k].la < c->patch[k].len)
            v = c->patch[k].data[la - c->patch[k].la];
    return v;
}

const u8 *vec_st_before(const struct lab_case *c, u16 sw, unsigned k)
{
    unsigned old_top = ld16(c->fx + 2) >> 11 & 7, top = sw >> 11 & 7;

    return c->fx + 32 + 16 * ((top + k - old_top) & 7);
}

const char lab_sys_name[LY_NUM][9] = {
    "cr0", "cr2", "cr3", "cr4", "dr0", "dr1", "dr2", "dr3", "dr6", "dr7", "efer", "gdtbase",
    "gdtlimit", "idtbase", "idtlimit", "ldtr", "tr", "cpl", "if", "iopl", "halted",
};

/* ---- parsing */

struct cursor {
    const char *line, *p;
    struct vec_error *e;
};

static bool bad(struct cursor *cu, const char *at, const char *fmt, ...) NB_PRINTF(3, 4);
static bool bad(struct cursor *cu, const char *at, const char *fmt, ...)
{
    va_list ap;

    cu->e->column = (unsigned)(at - cu->line) + 1;
    va_start(ap, fmt);
    vsnprintf(cu->e->msg, sizeof cu->e->msg, fmt, ap);
    va_end(ap);
    return false;
}

static void blanks(struct cursor *cu)
{
    while (*cu->p == ' ' || *cu->p == '\t')
        cu->p++;
}

static int nibble(char ch)
{
    return ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
           : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
}

static bool hex(struct cursor *cu, unsigned max_digits, u64 *v)
{
    const char *start = cu->p;

    *v = 0;
    while (nibble(*cu->p) >= 0)
        *v = *v << 4 | (u64)nibble(*cu->p++);
    if (cu->p == start)
        return bad(cu, start, "a hexadecimal number is missing");
    if ((unsigned)(cu->p - start) > max_digits)
        return bad(cu, start, "more than %u hexadecimal digits", max_digits);
    return true;
}

static bool hex_bytes(struct cursor *cu, u8 *to, unsigned max, unsigned *n)
{
    const char *start = cu->p;

    *n = 0;
    while (nibble(cu->p[0]) >= 0) {
        if (nibble(cu->p[1]) < 0)
            return bad(cu, cu->p, "half a byte");
        if (*n == max)
            return bad(cu, start, "more than %u bytes", max);
        to[(*n)++] = (u8)(nibble(cu->p[0]) << 4 | nibble(cu->p[1]));
        cu->p += 2;
    }
    return *n ? true : bad(cu, start, "bytes are missing");
}

/* Where a side of "=>" puts what it names. */
struct side {
    struct lab_regs *regs;
    u8 *fx;
    struct lab_patch *mem;
    unsigned *num_mem, max_mem;
    struct vec_expect *x;   /* NULL on the left */
    u8 *use_fx;
    struct lab_sys *sys;    /* NULL: not at CPL 0 */
    u8 st_named;            /* BIT(n): ST(n) was */
    u8 mm_named;            /* BIT(n): MMn was; placed when TOP is known, at the side's end */
    u8 mm[8][8];
};

static bool parse_mem(struct cursor *cu, struct side *s, const char *start)
{
    struct lab_patch *p;
    unsigned n;
    u64 la;

    if (!hex(cu, 8, &la))
        return false;
    if (cu->p[0] != ']' || cu->p[1] != '=')
        return bad(cu, cu->p, "expected ]=");
    cu->p += 2;
    for (u32 at = (u32)la;; at += n) {
        u8 buf[sizeof p->data];
        unsigned room = sizeof p->data;
        const char *q = cu->p;
        for (n = 0; n < room && nibble(q[0]) >= 0 && nibble(q[1]) >= 0; n++, q += 2)
            buf[n] = (u8)(nibble(q[0]) << 4 | nibble(q[1]));
        if (nibble(*q) >= 0 && n < room)
            return bad(cu, q, "half a byte");
        if (!n)
            return at == (u32)la ? bad(cu, cu->p, "bytes are missing") : true;
        if (*s->num_mem == s->max_mem)
            return bad(cu, start, "more memory than a line can have");
        cu->p = q;
        p = &s->mem[(*s->num_mem)++];
        p->la = at;
        p->len = (u8)n;
        memcpy(p->data, buf, n);
        if (n < room && nibble(*cu->p) < 0)
            return true;
    }
}

static bool is_undef(struct cursor *cu)
{
    if (cu->p[0] != 'u' || (cu->p[1] && !isspace((unsigned char)cu->p[1])))
        return false;
    cu->p++;
    return true;
}

static bool parse_fx(struct cursor *cu, struct side *s, const char *name, size_t len, bool *known)
{
    u64 v, m;
    unsigned n;

    *known = true;
    if (len == 3 && !strncmp(name, "st", 2) && name[2] >= '0' && name[2] <= '7') {
        u8 *st = s->fx + FX_ST + 16 * (name[2] - '0');
        if (!hex(cu, 4, &v))
            return false;
        if (*cu->p != ':')
            return bad(cu, cu->p, "expected : between exponent and significand");
        cu->p++;
        if (!hex(cu, 16, &m))
            return false;
        st64(st, m);
        st16(st + 8, (u16)v);
        s->st_named |= (u8)BIT(name[2] - '0');
    } else if (len == 4 && !strncmp(name, "xmm", 3) && name[3] >= '0' && name[3] <= '7') {
        u8 *to = s->fx + FX_XMM + 16 * (name[3] - '0');
        if (!hex_bytes(cu, to, 16, &n))
            return false;
        if (n != 16)
            return bad(cu, cu->p, "16 bytes are needed");
        *s->use_fx |= USE_SSE;
    } else if (len == 3 && !strncmp(name, "mm", 2) && name[2] >= '0' && name[2] <= '7') {
        if (!hex_bytes(cu, s->mm[name[2] - '0'], 8, &n))
            return false;
        if (n != 8)
            return bad(cu, cu->p, "8 bytes are needed");
        s->mm_named |= (u8)BIT(name[2] - '0');
    } else if (len == 3 && (!strncmp(name, "fcw", 3) || !strncmp(name, "fsw", 3))) {
        if (!hex(cu, 4, &v))
            return false;
        st16(s->fx + (name[1] == 'c' ? FX_CW : FX_SW), (u16)v);
    } else if (len == 3 && !strncmp(name, "ftw", 3)) {
        if (!hex(cu, 2, &v))
            return false;
        s->fx[FX_TAG] = (u8)v;
    } else if (len == 5 && !strncmp(name, "mxcsr", 5)) {
        if (!hex(cu, 8, &v))
            return false;
        if (v & ~(u64)FX_MXCSR_KNOWN)
            return bad(cu, cu->p, "MXCSR has no such bits");
        st32(s->fx + FX_MXCSR, (u32)v);
        *s->use_fx |= USE_SSE;
    } else {
        *known = false;
        return true;
    }
    *s->use_fx |= USE_X87;
    return true;
}

/* cr0=, if=, msr174=, out0080= (right side): only at CPL 0. */
static bool parse_sys(struct cursor *cu, struct side *s, const char *name, size_t len, bool *known)
{
    struct lab_sys *y = s->sys;
    struct cursor in_name = { cu->line, name, cu->e };
    unsigned n;
    u64 v, index;
    u8 b[4];

    *known = true;
    for (unsigned k = 0; k < LY_NUM; k++)
        if (len == strlen(lab_sys_name[k]) && !strncmp(name, lab_sys_name[k], len)) {
            if (!hex(cu, 8, &v))
                return false;
            y->v[k] = (u32)v;
            y->named |= BIT(k);
            return true;
        }
    if (len > 3 && !strncmp(name, "msr", 3)) {
        in_name.p += 3;
        if (!hex(&in_name, 8, &index) || !hex(cu, 16, &v))
            return false;
        if (y->num_msrs == LAB_MAX_MSRS)
            return bad(cu, name, "more MSRs than a line can have");
        y->msr[y->num_msrs].index = (u32)index;
        y->msr[y->num_msrs++].v = v;
        return true;
    }
    if (len > 3 && !strncmp(name, "out", 3) && s->x) {
        in_name.p += 3;
        if (!hex(&in_name, 4, &index) || !hex_bytes(cu, b, 4, &n))
            return false;
        if (y->num_outs == LAB_MAX_OUTS)
            return bad(cu, name, "more ports than a line can have");
        y->out[y->num_outs].port = (u16)index;
        y->out[y->num_outs].size = (u8)n;
        for (unsigned k = 0; k < n; k++)
            y->out[y->num_outs].v |= (u32)b[k] << (8 * k);
        y->num_outs++;
        return true;
    }
    *known = false;
    return true;
}

static bool parse_item(struct cursor *cu, struct side *s)
{
    const char *name = cu->p;
    size_t len;
    bool known;
    u64 v;

    if (!strncmp(name, "mem[", 4)) {
        cu->p += 4;
        return parse_mem(cu, s, name);
    }
    while (isalnum((unsigned char)*cu->p))
        cu->p++;
    len = (size_t)(cu->p - name);
    if (!len)
        return bad(cu, name, "expected NAME=VALUE");
    if (*cu->p != '=')
        return bad(cu, cu->p, "expected = behind %.*s", (int)len, name);
    cu->p++;
    for (unsigned k = 0; k < 8; k++)
        if (len == 3 && !strncmp(name, lab_gpr_name[k], 3)) {
            if (s->x && is_undef(cu)) {
                s->x->gpr_undef |= (u8)BIT(k);
                return true;
            }
            if (!hex(cu, 8, &v))
                return false;
            s->regs->gpr[k] = (u32)v;
            return true;
        }
    for (unsigned k = 0; k < 6; k++)
        if (len == 2 && !strncmp(name, lab_sreg_name[k], 2)) {
            const char *at = cu->p;
            if (!hex(cu, 4, &v))
                return false;
            if ((v & ~3u) == (SEL_LONG & ~3u))
                return bad(cu, at, "selector %x is 64-bit code", (unsigned)v);
            s->regs->sreg[k] = (u16)v;
            return true;
        }
    for (unsigned k = 0; k < ARRAY_LEN(vec_flags); k++)
        if (len == 2 && !strncmp(name, vec_flags[k].name, 2)) {
            if (s->x && is_undef(cu)) {
                s->x->flags_undef |= vec_flags[k].bit;
                return true;
            }
            if (*cu->p != '0' && *cu->p != '1')
                return bad(cu, cu->p, "a flag is 0%s", s->x ? ", 1 or u" : " or 1");
            s->regs->eflags &= ~vec_flags[k].bit;
            if (*cu->p++ == '1')
                s->regs->eflags |= vec_flags[k].bit;
            return true;
        }
    if (len == 3 && !strncmp(name, "eip", 3)) {
        if (!hex(cu, 8, &v))
            return false;
        s->regs->eip = (u32)v;
        return true;
    }
    if (!parse_fx(cu, s, name, len, &known))
        return false;
    if (!known && s->sys && !parse_sys(cu, s, name, len, &known))
        return false;
    return known ? true : bad(cu, name, "no such register or flag: %.*s", (int)len, name);
}

/* #GP(0), #PF(6,20003000), #UD */
static bool parse_fault(struct cursor *cu, struct vec_expect *x)
{
    const char *name = ++cu->p;
    size_t len;
    u64 v;

    while (isupper((unsigned char)*cu->p))
        cu->p++;
    len = (size_t)(cu->p - name);
    x->status = LAB_FAULT;
    for (x->vec = 0; x->vec < ARRAY_LEN(vec_fault_name); x->vec++)
        if (strlen(vec_fault_name[x->vec]) == len && len &&
            !strncmp(name, vec_fault_name[x->vec], len))
            break;
    if (x->vec == ARRAY_LEN(vec_fault_name))
        return bad(cu, name, "no such exception: %.*s", (int)len, name);
    x->has_err = lab_vector_has_error(x->vec);
    if (!x->has_err)
        return true;
    if (*cu->p != '(')
        return bad(cu, cu->p, "expected (ERROR CODE)");
    cu->p++;
    if (!hex(cu, 8, &v))
        return false;
    x->err = (u32)v;
    if (x->vec == 14) {
        if (*cu->p != ',')
            return bad(cu, cu->p, "expected ,CR2 behind #PF's error code");
        cu->p++;
        if (!hex(cu, 8, &v))
            return false;
        x->cr2 = (u32)v;
    }
    if (*cu->p != ')')
        return bad(cu, cu->p, "expected )");
    cu->p++;
    return true;
}

static bool parse_side(struct cursor *cu, struct side *s)
{
    for (;;) {
        blanks(cu);
        bool fault = *cu->p == '#' && s->x && isupper((unsigned char)cu->p[1]);
        if (!*cu->p || (*cu->p == '#' && !fault) || (cu->p[0] == '=' && cu->p[1] == '>'))
            return true;
        if (fault) {
            if (!parse_fault(cu, s->x))
                return false;
        } else if (!parse_item(cu, s)) {
            return false;
        }
        if (*cu->p && !isspace((unsigned char)*cu->p))
            return bad(cu, cu->p, "something is left behind a value");
    }
}

/* MMX registers as an MMX instruction leaves them: exponent and sign all ones. */
static void place_mm(struct side *s)
{
    for (unsigned n = 0; n < 8; n++)
        if (s->mm_named & BIT(n)) {
            u8 *to = fx_phys(s->fx, n);
            memcpy(to, s->mm[n], 8);
            st16(to + 8, 0xffff);
            s->st_named |= (u8)BIT((n - fx_top(s->fx)) & 7);
        }
}

void vec_describe(struct lab_case *c)
{
    const struct isa *isa = isa_new(0xffffffffu);
    struct decoded d;

    c->row = 0xffff;
    if (isa_decode(isa, c->code, 15, c->bits == 32 ? MODE_D : 0, &d) == DECODE_OK && d.row) {
        c->row = d.in.row;
        c->form = d.form;
        c->size = d.size;
        if (d.row->map >= MAP_FM || (d.row->attr & (A_FPU | A_MMX | A_SSE | A_WAIT)))
            c->use_fx |= d.row->attr & A_SSE ? USE_X87 | USE_SSE : USE_X87;
    }
    isa_free(isa);
}

bool vec_parse(const char *line, unsigned bits, struct vec_line *v, struct vec_error *e)
{
    struct cursor cu = { line, line, e };
    struct lab_case *c = &v->c;
    struct vec_expect *x = &v->x;
    unsigned num_patches = 0;
    u8 use_fx = 0;
    bool eip_named;

    memset(v, 0, sizeof *v);
    v->system = bits & VEC_SYSTEM;
    vec_defaults(c, v->system ? 32 : bits);
    for (unsigned k = 0; v->system && k < 4; k++) /* flat, of CPL 0 */
        c->in.sreg[k] = k == LS_CS ? SEL_CODE0 : SEL_DATA0;
    for (blanks(&cu); nibble(*cu.p) >= 0; blanks(&cu)) {
        unsigned n;
        if (!hex_bytes(&cu, c->code + c->len, LAB_MAX_CODE - c->len, &n))
            return false;
        c->len = (u16)(c->len + n);
    }
    if (!c->len)
        return bad(&cu, cu.p, "expected the instruction's bytes");
    if (*cu.p == '"') {
        const char *end = strchr(cu.p + 1, '"');
        if (!end)
            return bad(&cu, cu.p, "the quotation doesn't end");
        if (end - cu.p > VEC_TEXT)
            return bad(&cu, cu.p, "the quotation is too long");
        memcpy(v->text, cu.p + 1, (size_t)(end - cu.p - 1));
        cu.p = end + 1;
    }
    struct side in = { .regs = &c->in, .fx = c->fx, .mem = c->patch, .num_mem = &num_patches,
                       .max_mem = LAB_MAX_PATCH, .use_fx = &use_fx,
                       .sys = v->system ? &v->sys_in : NULL };
    if (!parse_side(&cu, &in))
        return false;
    place_mm(&in);
    c->num_patches = (u8)num_patches;
    if (cu.p[0] != '=' || cu.p[1] != '>')
        return bad(&cu, cu.p, "expected =>");
    cu.p += 2;

    x->out = c->in;
    x->status = LAB_DONE;
    x->out.eip = 0xffffffffu; /* unless it is named */
    memcpy(x->fx, c->fx, FX_SIZE);
    struct side out = { .regs = &x->out, .fx = x->fx, .mem = x->mem, .num_mem = &x->num_mem,
                        .max_mem = VEC_MAX_MEM, .x = x, .use_fx = &use_fx,
                        .sys = v->system ? &v->sys_out : NULL };
    if (!parse_side(&cu, &out))
        return false;
    if (*cu.p && *cu.p != '#')
        return bad(&cu, cu.p, "something is left at the end");
    place_mm(&out);
    eip_named = x->out.eip != 0xffffffffu;
    if (!eip_named)
        x->out.eip = x->status == LAB_FAULT ? c->in.eip : c->in.eip + c->len;
    for (unsigned k = 0; k < 8; k++) {
        /* the others stay in their physical register, whatever TOP is now */
        if (!(out.st_named & BIT(k)))
            memcpy(x->fx + 32 + 16 * k, vec_st_before(c, ld16(x->fx + 2), k), 10);
    }
    vec_describe(c);
    c->use_fx |= use_fx;
    return true;
}

/* ---- checking */

static void check_memory(const struct vec_line *v, const struct lab_result *r, struct strbuf *why)
{
    const struct vec_expect *x = &v->x;

    for (unsigned k = 0; k < x->num_mem; k++)
        for (unsigned b = 0; b < x->mem[k].len; b++) {
            u32 la = x->mem[k].la + b;
            u8 got = vec_byte_before(&v->c, la);
            for (u32 w = 0; w < MIN(r->num_words, (u32)LAB_MAX_WORDS); w++)
                if (r->word[w].la == (la & ~3u))
                    got = (u8)(r->word[w].val >> (8 * (la & 3)));
            if (got != x->mem[k].data[b])
                sb_addf(why, " mem[%08x]=%02x (expected %02x)", la, got, x->mem[k].data[b]);
        }
    for (u32 w = 0; w < MIN(r->num_words, (u32)LAB_MAX_WORDS); w++)
        for (unsigned b = 0; b < 4; b++) {
            u32 la = r->word[w].la + b;
            u8 got = (u8)(r->word[w].val >> (8 * b));
            bool named = false;
            for (unsigned k = 0; k < x->num_mem; k++)
                named |= la - x->mem[k].la < x->mem[k].len;
            if (!named && got != vec_byte_before(&v->c, la))
                sb_addf(why, " mem[%08x]=%02x (expected unchanged)", la, got);
        }
    if (r->num_words > LAB_MAX_WORDS)
        sb_addf(why, " %u dwords of memory changed", r->num_words);
}

/* Neighbours of 80 bits: what the manual allows transcendental functions. */
static bool one_ulp(const u8 *a, const u8 *b)
{
    u16 ea = ld16(a + 8), eb = ld16(b + 8);
    u64 sa = ld64(a), sb = ld64(b);

    if (ea == eb)
        return sa - sb + 1 <= 2;
    return (ea + 1 == eb && sa == UINT64_MAX && sb == BIT64(63)) ||
           (eb + 1 == ea && sb == UINT64_MAX && sa == BIT64(63));
}

static void check_fx(const struct vec_line *v, const struct lab_result *r, struct strbuf *why)
{
    struct lab_mask m = lab_mask_of(&v->c);
    const u8 *x = v->x.fx;

    if (ld16(r->fx) != ld16(x))
        sb_addf(why, " fcw=%04x (expected %04x)", ld16(r->fx), ld16(x));
    if ((ld16(r->fx + 2) ^ ld16(x + 2)) & ~(v->x.sw_undef | (m.ulp ? 0x200u : 0)))
        sb_addf(why, " fsw=%04x (expected %04x)", ld16(r->fx + 2), ld16(x + 2));
    if (r->fx[4] != x[4])
        sb_addf(why, " ftw=%02x (expected %02x)", r->fx[4], x[4]);
    if (ld32(r->fx + 24) != ld32(x + 24))
        sb_addf(why, " mxcsr=%08x (expected %08x)", ld32(r->fx + 24), ld32(x + 24));
    for (unsigned k = 0; k < 8; k++)
        if (memcmp(r->fx + 32 + 16 * k, x + 32 + 16 * k, 10) &&
            !(m.ulp && one_ulp(r->fx + 32 + 16 * k, x + 32 + 16 * k)))
            sb_addf(why, " st%u=%04x:%016llx (expected %04x:%016llx)", k, ld16(r->fx + 40 + 16 * k),
                    (unsigned long long)ld64(r->fx + 32 + 16 * k), ld16(x + 40 + 16 * k),
                    (unsigned long long)ld64(x + 32 + 16 * k));
    for (unsigned k = 0; k < 8; k++)
        if (memcmp(r->fx + 160 + 16 * k, x + 160 + 16 * k, 16))
            sb_addf(why, " xmm%u=%016llx:%016llx (expected %016llx:%016llx)", k,
                    (unsigned long long)ld64(r->fx + 168 + 16 * k),
                    (unsigned long long)ld64(r->fx + 160 + 16 * k),
                    (unsigned long long)ld64(x + 168 + 16 * k),
                    (unsigned long long)ld64(x + 160 + 16 * k));
}

static void say_outcome(struct strbuf *sb, u8 status, u8 vec, u32 err, u32 cr2)
{
    static const char other[][16] = { "done", "fault", "hangs", "a system call", "child died" };

    if (status != LAB_FAULT || vec >= ARRAY_LEN(vec_fault_name)) {
        sb_add(sb, other[MIN(status, 4)]);
        return;
    }
    sb_addf(sb, "#%s", vec_fault_name[vec]);
    if (lab_vector_has_error(vec))
        sb_addf(sb, vec == 14 ? "(%x,%08x)" : "(%x)", err, cr2);
}

void vec_check(const struct vec_line *v, const struct lab_result *r, struct strbuf *why)
{
    const struct vec_expect *x = &v->x;

    if (r->status != x->status || r->vec != x->vec || r->err != x->err || r->cr2 != x->cr2) {
        sb_add(why, " ");
        say_outcome(why, r->status, r->vec, r->err, r->cr2);
        sb_add(why, " (expected ");
        say_outcome(why, x->status, x->vec, x->err, x->cr2);
        sb_add(why, ")");
    }
    if (r->status != LAB_DONE && r->status != LAB_FAULT)
        return;
    for (unsigned k = 0; k < 8; k++)
        if (r->out.gpr[k] != x->out.gpr[k] && !(x->gpr_undef & BIT(k)))
            sb_addf(why, " %s=%x (expected %x)", lab_gpr_name[k], r->out.gpr[k], x->out.gpr[k]);
    if (r->out.eip != x->out.eip)
        sb_addf(why, " eip=%x (expected %x)", r->out.eip, x->out.eip);
    for (unsigned k = 0; k < ARRAY_LEN(vec_flags); k++)
        if (((r->out.eflags ^ x->out.eflags) & vec_flags[k].bit) &&
            !(x->flags_undef & vec_flags[k].bit))
            sb_addf(why, " %s=%d (expected %d)", vec_flags[k].name,
                    !!(r->out.eflags & vec_flags[k].bit), !!(x->out.eflags & vec_flags[k].bit));
    for (unsigned k = 0; k < 6; k++)
        if (r->out.sreg[k] != x->out.sreg[k])
            sb_addf(why, " %s=%x (expected %x)", lab_sreg_name[k], r->out.sreg[k], x->out.sreg[k]);
    check_memory(v, r, why);
    if (v->c.use_fx)
        check_fx(v, r, why);
}

static void check_outs(const struct lab_sys *x, const struct lab_sys *got, struct strbuf *why)
{
    for (unsigned k = 0; k < MAX(x->num_outs, got->num_outs); k++) {
        bool same = k < x->num_outs && k < got->num_outs && x->out[k].port == got->out[k].port &&
                    x->out[k].size == got->out[k].size && x->out[k].v == got->out[k].v;
        if (same)
            continue;
        if (k < got->num_outs)
            sb_addf(why, " out%04x=%0*x", got->out[k].port, got->out[k].size * 2, got->out[k].v);
        else
            sb_add(why, " no write to a port");
        if (k < x->num_outs)
            sb_addf(why, " (expected out%04x, %u bytes, %x)", x->out[k].port, x->out[k].size,
                    x->out[k].v);
        else
            sb_add(why, " (expected none)");
    }
}

void vec_check_system(const struct vec_line *v, const struct lab_sys *before,
                      const struct lab_sys *after, struct strbuf *why)
{
    const struct lab_sys *x = &v->sys_out;

    for (unsigned k = 0; k < LY_NUM; k++) {
        u32 want = x->named & BIT(k) ? x->v[k] : before->v[k];
        if (after->v[k] != want)
            sb_addf(why, " %s=%x (expected %x)", lab_sys_name[k], after->v[k], want);
    }
    for (unsigned k = 0; k < after->num_msrs; k++) {
        u64 want = before->msr[k].v;
        for (unsigned n = 0; n < x->num_msrs; n++)
            if (x->msr[n].index == after->msr[k].index)
                want = x->msr[n].v;
        if (after->msr[k].v != want)
            sb_addf(why, " msr%x=%llx (expected %llx)", after->msr[k].index,
                    (unsigned long long)after->msr[k].v, (unsigned long long)want);
    }
    check_outs(x, after, why);
}
