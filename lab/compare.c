/* SPDX-License-Identifier: MIT */
/* Comparison of results and how they look in print. */
#include "lab/compare.h"

#include <stdio.h>

#include "cpu/isa.h"

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
    if (memcmp(a + FX_XMM, b + FX_XMM, FX_USED - FX_XMM))
        diff |= LD_XMM;
    return diff;
}

u32 lab_compare(const struct lab_case *c, const struct lab_result *a, const struct lab_result *b)
{
    struct lab_mask m = lab_mask_of(c);
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
    if ((a->num_words != b->num_words || a->hash != b->hash) && !m.mem)
        diff |= LD_MEM;
    if (c->use_fx)
        diff |= compare_fx(a->fx, b->fx, m);
    return diff;
}

u32 lab_check_restart(const struct lab_case *c, const struct lab_result *r)
{
    const struct isa_row *row = c->row == 0xffff ? NULL : isa_row(c->row);

    /* REP strings stop between iterations, branches may have come back to where they started */
    if (r->status != LAB_FAULT || r->out.eip != c->in.eip ||
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

void lab_print_case(struct strbuf *sb, const struct lab_case *c)
{
    char text[96];
    unsigned n;

    n = cpu_disasm(c->code, c->len, c->in.eip, c->bits, text, sizeof text);
    sb_addf(sb, "case: seed %llu index %llu, %u-bit, row %s%s\n    ", (unsigned long long)c->seed,
            (unsigned long long)c->index, c->bits,
            c->row == 0xffff ? "(none)" : isa_row(c->row)->name, n < c->len ? ", several" : "");
    for (unsigned k = 0; k < c->len; k++)
        sb_addf(sb, "%02x ", c->code[k]);
    sb_addf(sb, " %s\n  before:\n", text);
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
