/* SPDX-License-Identifier: MIT */
/* Comparison of results and how they look in print. */
#include "lab/compare.h"

#include <stdio.h>

#include "cpu/isa.h"

const char lab_gpr_name[8][4] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
const char lab_sreg_name[6][3] = { "es", "cs", "ss", "ds", "fs", "gs" };

/* Control, status, tags, registers, MXCSR. The pointers FOP, FIP, FDP are left out: processors keep
 * them as they like, and AMD's FXSAVE only does with an exception pending (APM 2, 11.4.4). */
static u32 compare_fx(const u8 *a, const u8 *b, u16 sw_mask)
{
    u32 diff = 0;

    if (ld16(a) != ld16(b) || ((ld16(a + 2) ^ ld16(b + 2)) & sw_mask) || a[4] != b[4])
        diff |= LD_FPU;
    for (unsigned k = 0; k < 8; k++)
        if (memcmp(a + 32 + 16 * k, b + 32 + 16 * k, 10))
            diff |= LD_FPU;
    if (ld32(a + 24) != ld32(b + 24) || memcmp(a + 160, b + 160, 128))
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
        diff |= compare_fx(a->fx, b->fx, m.c1 ? 0xfdff : 0xffff);
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
                                     "segs", "memory", "fpu", "sse", "restart" };

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

static void print_fx(struct strbuf *sb, const u8 *fx)
{
    sb_addf(sb, "    fcw=%04x fsw=%04x ftw=%02x mxcsr=%08x\n", ld16(fx), ld16(fx + 2), fx[4],
            ld32(fx + 24));
    for (unsigned k = 0; k < 8; k++)
        sb_addf(sb, "%sst%u=%04x:%016llx%s", k % 4 ? " " : "    ", k, ld16(fx + 40 + 16 * k),
                (unsigned long long)ld64(fx + 32 + 16 * k), k % 4 == 3 ? "\n" : "");
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
        print_fx(sb, c->fx);
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
        print_fx(sb, r->fx);
    for (u32 k = 0; k < MIN(r->num_words, 12u); k++)
        sb_addf(sb, "    mem[%08x]=%08x\n", r->word[k].la, r->word[k].val);
    if (r->num_words > 12)
        sb_addf(sb, "    ... %u dwords changed\n", r->num_words);
}
