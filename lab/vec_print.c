/* SPDX-License-Identifier: MIT */
/* A case and its result as a line of a vector file. */
#include <stdio.h>

#include "cpu/isa.h"
#include "lab/compare.h"
#include "lab/vec.h"

static void print_state(struct strbuf *sb, const struct lab_regs *now, const struct lab_regs *old)
{
    for (unsigned k = 0; k < 8; k++)
        if (now->gpr[k] != old->gpr[k])
            sb_addf(sb, " %s=%x", lab_gpr_name[k], now->gpr[k]);
    for (unsigned k = 0; k < 6; k++)
        if (now->sreg[k] != old->sreg[k])
            sb_addf(sb, " %s=%x", lab_sreg_name[k], now->sreg[k]);
}

static void print_fx_words(struct strbuf *sb, const u8 *now, const u8 *old)
{
    if (ld16(now) != ld16(old))
        sb_addf(sb, " fcw=%04x", ld16(now));
    if (ld16(now + 2) != ld16(old + 2))
        sb_addf(sb, " fsw=%04x", ld16(now + 2));
    if (now[4] != old[4])
        sb_addf(sb, " ftw=%02x", now[4]);
    if (ld32(now + 24) != ld32(old + 24))
        sb_addf(sb, " mxcsr=%x", ld32(now + 24));
    for (unsigned k = 0; k < 8; k++)
        if (memcmp(now + 160 + 16 * k, old + 160 + 16 * k, 16)) {
            sb_addf(sb, " xmm%u=", k);
            for (unsigned b = 0; b < 16; b++)
                sb_addf(sb, "%02x", now[160 + 16 * k + b]);
        }
}

/* As an MMX register where that says it all. */
static void print_st(struct strbuf *sb, const u8 *fx, unsigned k, const u8 *old, bool mmx)
{
    const u8 *st = fx + FX_ST + 16 * k;

    if (!memcmp(st, old, 10))
        return;
    if (mmx && ld16(st + 8) == 0xffff) {
        sb_addf(sb, " mm%u=", (fx_top(fx) + k) & 7);
        for (unsigned b = 0; b < 8; b++)
            sb_addf(sb, "%02x", st[b]);
    } else {
        sb_addf(sb, " st%u=%04x:%016llx", k, ld16(st + 8), (unsigned long long)ld64(st));
    }
}

static void print_flags_before(struct strbuf *sb, const struct lab_case *c)
{
    for (unsigned k = 0; k < ARRAY_LEN(vec_flags); k++)
        if (c->in.eflags & vec_flags[k].bit)
            sb_addf(sb, " %s=1", vec_flags[k].name);
}

/* Every flag that the row writes, and any other that changed. */
static void print_flags_after(struct strbuf *sb, const struct lab_case *c,
                              const struct lab_result *r, u32 undef)
{
    static const u8 efl_of[6] = {
        0, 1, 2, 3, 4, 5
    }; /* vec_flags start in the order of isa_row.efl */
    const struct isa_row *row = c->row == 0xffff ? NULL : isa_row(c->row);

    for (unsigned k = 0; k < ARRAY_LEN(vec_flags); k++) {
        u32 bit = vec_flags[k].bit;
        char how = row && k < 6 && r->status == LAB_DONE ? row->efl[efl_of[k]] : '-';
        if (r->status == LAB_DONE && (undef & bit))
            sb_addf(sb, " %s=u", vec_flags[k].name);
        else if (((r->out.eflags ^ c->in.eflags) & bit) || (how != '-' && how != 't'))
            sb_addf(sb, " %s=%d", vec_flags[k].name, !!(r->out.eflags & bit));
    }
}

static bool print_memory_after(struct strbuf *sb, const struct lab_case *c,
                               const struct lab_result *r)
{
    u32 next = 0;
    bool open = false;
    unsigned pieces = 0;

    if (r->num_words > LAB_MAX_WORDS)
        return false;
    for (u32 w = 0; w < r->num_words; w++)
        for (unsigned b = 0; b < 4; b++) {
            u32 la = r->word[w].la + b;
            u8 v = (u8)(r->word[w].val >> (8 * b));
            if (v == vec_byte_before(c, la))
                continue;
            if (!open || la != next) {
                if (++pieces > VEC_MAX_MEM)
                    return false;
                sb_addf(sb, " mem[%x]=", la);
                open = true;
            }
            sb_addf(sb, "%02x", v);
            next = la + 1;
        }
    return true;
}

bool vec_print(const struct lab_case *c, const struct lab_result *r, struct strbuf *out)
{
    struct lab_mask m = lab_mask_of(c);
    struct lab_case def;
    char text[VEC_TEXT];
    u32 next = r->status == LAB_FAULT ? c->in.eip : c->in.eip + c->len;
    bool mmx = c->row != 0xffff && (isa_row(c->row)->attr & A_MMX);

    if ((r->status != LAB_DONE && r->status != LAB_FAULT) || r->vec >= ARRAY_LEN(vec_fault_name))
        return false;
    vec_defaults(&def, c->bits);
    for (unsigned k = 0; k < c->len; k++)
        sb_addf(out, "%02x ", c->code[k]);
    if (cpu_disasm(c->code, c->len, c->in.eip, c->bits, text, sizeof text) == c->len)
        sb_addf(out, "\"%s\"", text);
    else
        sb_add(out, "\"\"");
    print_state(out, &c->in, &def.in);
    if (c->in.eip != def.in.eip)
        sb_addf(out, " eip=%x", c->in.eip);
    print_flags_before(out, c);
    if (c->use_fx) {
        print_fx_words(out, c->fx, def.fx);
        for (unsigned k = 0; k < 8; k++)
            print_st(out, c->fx, k, def.fx + FX_ST + 16 * k, mmx);
    }
    for (unsigned k = 0; k < c->num_patches; k++) {
        sb_addf(out, " mem[%x]=", c->patch[k].la);
        for (unsigned b = 0; b < c->patch[k].len; b++)
            sb_addf(out, "%02x", c->patch[k].data[b]);
    }
    sb_add(out, " =>");
    if (r->status == LAB_FAULT) {
        sb_addf(out, " #%s", vec_fault_name[r->vec]);
        if (r->has_err)
            sb_addf(out, r->vec == 14 ? "(%x,%x)" : "(%x)", r->err, r->cr2);
    }
    print_state(out, &r->out, &c->in);
    if (r->out.eip != next)
        sb_addf(out, " eip=%x", r->out.eip);
    print_flags_after(out, c, r, m.flags);
    if (c->use_fx) {
        print_fx_words(out, r->fx, c->fx);
        for (unsigned k = 0; k < 8; k++)
            print_st(out, r->fx, k, vec_st_before(c, ld16(r->fx + FX_SW), k), mmx);
    }
    return print_memory_after(out, c, r);
}
