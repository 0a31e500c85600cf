/* SPDX-License-Identifier: MIT */
/* Comparison of results and how they look in print. */
#include "lab/compare.h"

#include <stdio.h>

#include "core/xalloc.h"
#include "cpu/isa.h"
#include "lab/seq.h"

const char lab_gpr_name[8][4] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
const char lab_sreg_name[6][3] = { "es", "cs", "ss", "ds", "fs", "gs" };

/* Numbers that are a unit in the last place apart. */
static bool neighbours(const u8 *a, const u8 *b)
{
    unsigned ea = ld16(a + 8), eb = ld16(b + 8);
    u64 sa = ld64(a), sb = ld64(b);

    if (ea == eb)
        return (ea & 0x7fff) != 0x7fff && (sa - sb == 1 || sb - sa == 1);
    /* 0.111 and 1.000, a denormal and the smallest normal */
    return (ea + 1 == eb && sb == BIT64(63) && (sa == ~0ull || sa == ~0ull >> 1)) ||
           (eb + 1 == ea && sa == BIT64(63) && (sb == ~0ull || sb == ~0ull >> 1));
}

/* Approximations of the same number, each within 1.5 * 2^-12 of it; around the smallest normal, one
 * may be flushed to zero. */
static bool both_approximate(const u8 *a, const u8 *b)
{
    for (unsigned k = 0; k < 16; k += 4) {
        u32 va = ld32(a + k), vb = ld32(b + k), ma = va & 0x7fffffff, mb = vb & 0x7fffffff;
        float fa, fb;

        if (va == vb)
            continue;
        if ((va ^ vb) >> 31 || ma >= 0x7f800000 || mb >= 0x7f800000)
            return false;
        if (ma < 0x01000000 && mb < 0x01000000)
            continue;
        memcpy(&fa, &ma, 4);
        memcpy(&fb, &mb, 4);
        if (fa > fb * (1 + 3.0 / 4096) || fb > fa * (1 + 3.0 / 4096))
            return false;
    }
    return true;
}

/* Control, status, tags, registers, MXCSR. The pointers FOP, FIP, FDP are left out: processors keep
 * them as they like, and AMD's FXSAVE only does with an exception pending (APM 2, 11.4.4). */
static u32 compare_fx(const u8 *a, const u8 *b, struct lab_mask m)
{
    u16 sw_mask = m.c1 ? 0xfdff : 0xffff;
    u32 diff = 0;

    if (m.st)
        sw_mask &= 0xff80; /* flags go with the result */

    if (ld16(a + FX_CW) != ld16(b + FX_CW) ||
        ((ld16(a + FX_SW) ^ ld16(b + FX_SW)) & sw_mask) || a[FX_TAG] != b[FX_TAG])
        diff |= LD_FPU;
    for (unsigned k = 0; k < 8; k++)
        if (memcmp(a + FX_ST + 16 * k, b + FX_ST + 16 * k, 10) && !m.st &&
            !(m.ulp && neighbours(a + FX_ST + 16 * k, b + FX_ST + 16 * k)))
            diff |= LD_FPU;
    if (ld32(a + FX_MXCSR) != ld32(b + FX_MXCSR))
        diff |= LD_MXCSR;
    for (unsigned k = FX_XMM; k < FX_USED; k += 16)
        if (memcmp(a + k, b + k, 16) && !(m.approx && both_approximate(a + k, b + k)))
            diff |= LD_XMM;
    return diff;
}

static u32 word_of(const struct lab_case *c, const struct lab_result *r, u32 la)
{
    u32 v = 0;

    for (u32 k = 0; k < MIN(r->num_words, (u32)LAB_MAX_WORDS); k++)
        if (r->word[k].la == la)
            return r->word[k].val;
    for (unsigned b = 0; b < 4; b++) { /* unchanged */
        u8 now = lab_fill(la + b);
        for (unsigned k = 0; k < c->num_patches; k++)
            if (la + b - c->patch[k].la < c->patch[k].len)
                now = c->patch[k].data[la + b - c->patch[k].la];
        v |= (u32)now << (8 * b);
    }
    return v;
}

/* Of FXSAVE's 512 bytes: all but FOP, FIP, FCS, FDP, FDS and MXCSR_MASK. */
static bool same_image(const struct lab_case *c, const struct lab_result *a,
                       const struct lab_result *b)
{
    u32 at = lab_operand_la(c);

    for (const struct lab_result *r = a;; r = b) {
        for (u32 k = 0; k < MIN(r->num_words, (u32)LAB_MAX_WORDS); k++) {
            u32 la = r->word[k].la, off = la - at, mask = 0xffffffffu;
            if ((off >= FX_IP && off < FX_MXCSR) || off == FX_MASK)
                continue;
            if (off == FX_TAG)
                mask = 0xffff;
            if ((word_of(c, a, la) ^ word_of(c, b, la)) & mask)
                return false;
        }
        if (r == b)
            return true;
    }
}

static u32 compare(const struct lab_case *c, struct lab_mask m, const struct lab_result *a,
                   const struct lab_result *b)
{
    u32 seen = LAB_FLAGS_SEEN, diff = 0;

    if (m.skip)
        return 0;
    if (a->status != b->status)
        return LD_STATUS;
    if (a->status == LAB_HANG)
        return 0;
    if (a->status == LAB_FAULT) {
        if (!m.fault && !lab_mask_order(c, a, b)) {
            if (a->vec != b->vec)
                return LD_VECTOR;
            if (a->has_err != b->has_err || a->err != b->err)
                diff |= LD_ERROR;
            if (a->cr2 != b->cr2)
                diff |= LD_CR2;
        }
    }
    /* behind the instruction, be it that the fetch of the next one faults */
    if (a->status != LAB_FAULT || a->out.eip != c->in.eip)
        seen &= ~m.flags;
    if (m.partial && a->status == LAB_FAULT) {
        m.gpr_any = 0xff;
        m.mem = true;
    }
    for (unsigned k = 0; k < 8; k++)
        if (a->out.gpr[k] != b->out.gpr[k] && !(m.gpr_any & BIT(k)))
            diff |= LD_GPR;
    if (a->out.eip != b->out.eip)
        diff |= LD_EIP;
    if ((a->out.eflags ^ b->out.eflags) & seen)
        diff |= LD_FLAGS;
    for (unsigned k = 0; k < 6; k++) /* the kernel may lose the RPL of a null selector */
        if (a->out.sreg[k] != b->out.sreg[k] && ((a->out.sreg[k] | b->out.sreg[k]) & ~3))
            diff |= LD_SEG;
    if ((a->num_words != b->num_words || a->hash != b->hash) && !m.mem &&
        !(m.image && same_image(c, a, b)))
        diff |= LD_MEM;
    if (c->use_fx && !(m.fpu_at_fault && a->status == LAB_FAULT))
        diff |= compare_fx(a->fx, b->fx, m);
    return diff;
}

/* A sequence: what its instructions left undefined up to here, and the masks of the one at the
 * fault. It is taken apart only where the results differ at all. */
static u32 compare_sequence(const struct isa *isa, const struct lab_case *c,
                            const struct lab_result *a, const struct lab_result *b)
{
    struct lab_mask m = { 0 };
    u32 diff = compare(c, m, a, b);
    const struct seq_insn *there;
    struct seq_undef u;
    struct lab_case at;
    struct seq *s;

    if (!diff || a->status != b->status || a->out.eip != b->out.eip)
        return diff;
    s = xcalloc(1, sizeof *s);
    if (seq_split(isa, c, s)) {
        u = seq_undefined_at(s, c, a->out.eip, &there);
        at = *c;
        if (there && there->d.row) { /* what is left open about this one */
            memcpy(at.code, c->code + there->at, there->len);
            at.len = there->len;
            at.row = there->d.in.row;
            at.form = there->d.form;
            at.size = there->d.size;
            at.insns = 0;
            at.in = a->out; /* registers as it found them, the fault's */
            m = lab_mask_of(&at);
            m.flags = 0;
        }
        m.flags |= u.flags;
        m.c1 |= u.c1;
        at.in.eip = a->out.eip + 1; /* undefined flags count, though it is a fault */
        diff = compare(&at, m, a, b);
    }
    xfree(s);
    return diff;
}

u32 lab_compare_exact(const struct lab_case *c, const struct lab_result *a,
                      const struct lab_result *b)
{
    u32 diff = compare(c, (struct lab_mask){ 0 }, a, b);

    if (c->use_fx && a->status == b->status &&
        memcmp(a->fx + FX_OP, b->fx + FX_OP, FX_MXCSR - FX_OP))
        diff |= LD_FPU;
    return diff;
}

u32 lab_compare_by(const struct isa *isa, const struct lab_case *c, const struct lab_result *a,
                   const struct lab_result *b)
{
    return c->insns ? compare_sequence(isa, c, a, b) : compare(c, lab_mask_of(c), a, b);
}

u32 lab_compare(const struct lab_case *c, const struct lab_result *a, const struct lab_result *b)
{
    const struct isa *isa = c->insns ? isa_new(0xffffffffu) : NULL;
    u32 diff = lab_compare_by(isa, c, a, b);

    if (isa)
        isa_free(isa);
    return diff;
}

u32 lab_check_restart(const struct lab_case *c, const struct lab_result *r)
{
    const struct isa_row *row = c->row == 0xffff ? NULL : isa_row(c->row);

    if (c->insns)
        return 0;
    /* REP strings stop between iterations, branches may have come back to where they started */
    if (r->status != LAB_FAULT || r->out.eip != c->in.eip || r->vec == 1 ||
        (row && (row->attr & (A_REP | A_REPC | A_END))))
        return 0;
    /* ENTER has pushed part of its frame below ESP, as hardware does */
    return memcmp(r->out.gpr, c->in.gpr, sizeof c->in.gpr) ||
                   (r->num_words && !(row && !strcmp(row->name, "enter"))) ||
                   ((r->out.eflags ^ c->in.eflags) & LAB_FLAGS_SEEN) ||
                   memcmp(r->out.sreg, c->in.sreg, sizeof c->in.sreg)
               ? LD_RESTART
               : 0;
}

void lab_print_difference(struct strbuf *sb, u32 diff)
{
    static const char names[][8] = { "status", "vector", "error", "cr2", "regs", "eip", "flags",
                                     "segs", "memory", "fpu", "xmm", "restart", "mxcsr" };

    for (unsigned k = 0; k < ARRAY_LEN(names); k++)
        if (diff & BIT(k))
            sb_addf(sb, " %s", names[k]);
}

static void print_regs(struct strbuf *sb, const struct lab_regs *r, const struct lab_regs *old)
{
    static const struct { u32 bit; char name[3]; } fl[] = {
        { 0x800, "of" }, { 0x400, "df" }, { 0x100, "tf" }, { 0x80, "sf" }, { 0x40, "zf" },
        { 0x10, "af" }, { 4, "pf" }, { 1, "cf" }, { 0x4000, "nt" }, { 0x40000, "ac" },
        { 0x200000, "id" },
    };

    sb_add(sb, "   ");
    for (unsigned k = 0; k < 8; k++)
        sb_addf(sb, " %s=%08x%s", lab_gpr_name[k], r->gpr[k],
                old && old->gpr[k] != r->gpr[k] ? "*" : "");
    sb_add(sb, "\n   ");
    sb_addf(sb, " eip=%08x efl=%08x", r->eip, r->eflags);
    for (unsigned k = 0; k < ARRAY_LEN(fl); k++)
        if (r->eflags & fl[k].bit)
            sb_addf(sb, " %s", fl[k].name);
    for (unsigned k = 0; k < 6; k++)
        sb_addf(sb, " %s=%02x%s", lab_sreg_name[k], r->sreg[k],
                old && old->sreg[k] != r->sreg[k] ? "*" : "");
    sb_add(sb, "\n");
}

/* old: as it was before, whose changed registers get a star; NULL: none do. */
static void print_fx(struct strbuf *sb, const u8 *fx, const u8 *old, bool sse)
{
    sb_addf(sb, "    fcw=%04x fsw=%04x ftw=%02x", ld16(fx + FX_CW), ld16(fx + FX_SW), fx[FX_TAG]);
    if (sse)
        sb_addf(sb, " mxcsr=%08x", ld32(fx + FX_MXCSR));
    sb_add(sb, "\n");
    for (unsigned k = 0; k < 8; k++) {
        const u8 *st = fx + FX_ST + 16 * k;
        unsigned was = old ? (fx_top(fx) + k - fx_top(old)) & 7 : 0;
        sb_addf(sb, "%sst%u=%04x:%016llx%s%s", k % 4 ? " " : "    ", k, ld16(st + 8),
                (unsigned long long)ld64(st),
                old && memcmp(st, old + FX_ST + 16 * was, 10) ? "*" : "", k % 4 == 3 ? "\n" : "");
    }
    for (unsigned k = 0; sse && k < 8; k++) {
        const u8 *x = fx + FX_XMM + 16 * k;
        sb_addf(sb, "%sxmm%u=%016llx:%016llx%s%s", k % 2 ? " " : "    ", k,
                (unsigned long long)ld64(x + 8), (unsigned long long)ld64(x),
                old && memcmp(x, old + FX_XMM + 16 * k, 16) ? "*" : "", k % 2 ? "\n" : "");
    }
}

static void print_code(struct strbuf *sb, const struct lab_case *c)
{
    for (unsigned at = 0, n; at < c->len; at += n) {
        char text[96];
        n = cpu_disasm(c->code + at, c->len - at, c->in.eip + at, c->bits, text, sizeof text);
        n = MIN(MAX(n, 1u), c->len - at);
        sb_addf(sb, "    %08x ", c->in.eip + at);
        for (unsigned k = 0; k < n; k++)
            sb_addf(sb, "%02x ", c->code[at + k]);
        sb_addf(sb, " %s\n", text);
    }
}

void lab_print_case(struct strbuf *sb, const struct lab_case *c)
{
    sb_addf(sb, "case: seed %llu index %llu, %u-bit, ", (unsigned long long)c->seed,
            (unsigned long long)c->index, c->bits);
    if (c->insns)
        sb_addf(sb, "%u instructions\n", c->insns);
    else
        sb_addf(sb, "row %s\n", c->row == 0xffff ? "(none)" : isa_row(c->row)->name);
    print_code(sb, c);
    sb_add(sb, "  before:\n");
    print_regs(sb, &c->in, NULL);
    if (c->use_fx)
        print_fx(sb, c->fx, NULL, c->use_fx & USE_SSE);
    for (unsigned k = 0; k < c->num_patches; k++) {
        sb_addf(sb, "    mem[%08x]=", c->patch[k].la);
        for (unsigned b = 0; b < c->patch[k].len; b++)
            sb_addf(sb, "%02x", c->patch[k].data[b]);
        sb_add(sb, "\n");
    }
}

void lab_print_result(struct strbuf *sb, const struct lab_case *c, const char *engine,
                      const struct lab_result *r)
{
    static const char status[][12] = { "done", "fault", "hang", "system call", "child died" };

    sb_addf(sb, "  %s: %s", engine, status[r->status]);
    if (r->status == LAB_FAULT) {
        sb_addf(sb, " vector %u", r->vec);
        if (r->has_err)
            sb_addf(sb, " error %x", r->err);
        if (r->vec == 14)
            sb_addf(sb, " cr2 %08x", r->cr2);
    }
    sb_add(sb, "\n");
    print_regs(sb, &r->out, &c->in);
    if (c->use_fx)
        print_fx(sb, r->fx, c->fx, c->use_fx & USE_SSE);
    for (u32 k = 0; k < MIN(r->num_words, 12u); k++)
        sb_addf(sb, "    mem[%08x]=%08x\n", r->word[k].la, r->word[k].val);
    if (r->num_words > 12)
        sb_addf(sb, "    ... %u dwords changed\n", r->num_words);
}
