/* SPDX-License-Identifier: MIT */
/* The lab's cases as tests of the SingleStepTests form, and back. */
#include <stdio.h>
#include <string.h>

#include "cpu/isa.h"
#include "lab/masks.h"
#include "lab/sst.h"

static const u8 gpr_of[8] = { /* LG_ order */
    SR_EAX, SR_ECX, SR_EDX, SR_EBX, SR_ESP, SR_EBP, SR_ESI, SR_EDI,
};
static const u8 sreg_of[6] = { SR_ES, SR_CS, SR_SS, SR_DS, SR_FS, SR_GS };

static void regs_to(const struct lab_regs *r, struct sst_state *s)
{
    for (unsigned k = 0; k < 8; k++) {
        s->reg[gpr_of[k]] = r->gpr[k];
        s->have |= BIT(gpr_of[k]);
    }
    for (unsigned k = 0; k < 6; k++) {
        s->reg[sreg_of[k]] = r->sreg[k];
        s->have |= BIT(sreg_of[k]);
    }
    s->reg[SR_EIP] = r->eip;
    s->reg[SR_EFLAGS] = r->eflags & LAB_FLAGS_SEEN;
    s->have |= BIT(SR_EIP) | BIT(SR_EFLAGS);
}

void sst_from_case(const struct lab_case *c, const struct lab_result *r, struct sst_test *t)
{
    struct sst_file f = { 0 };
    struct lab_mask m = lab_mask_of(c);
    u32 base = 0, limit;
    u16 attr;

    memset(f.mask, 0xff, sizeof f.mask);
    sst_clear(&f, t);
    if (cpu_disasm(c->code, c->len, c->in.eip, c->bits, t->name, sizeof t->name) != c->len)
        t->name[0] = 0;
    memcpy(t->code, c->code, t->len = c->len);
    regs_to(&c->in, &t->before);
    regs_to(&r->out, &t->after);
    for (unsigned k = 0; k < SST_REGS; k++)
        if (t->after.reg[k] == t->before.reg[k])
            t->after.have &= ~BIT(k);
    lab_seg_of(c->in.sreg[LS_CS], &base, &limit, &attr);
    for (unsigned k = 0; k < c->len; k++)
        sst_add_ram(&t->before, base + c->in.eip + k, c->code[k]);
    for (unsigned k = 0; k < c->num_patches; k++)
        for (unsigned b = 0; b < c->patch[k].len; b++)
            sst_add_ram(&t->before, c->patch[k].la + b, c->patch[k].data[b]);
    for (u32 w = 0; w < MIN(r->num_words, (u32)LAB_MAX_WORDS); w++)
        for (unsigned b = 0; b < 4; b++) {
            u8 v = (u8)(r->word[w].val >> (8 * b));
            if (v != vec_byte_before(c, r->word[w].la + b))
                sst_add_ram(&t->after, r->word[w].la + b, v);
        }
    if (c->use_fx) {
        t->before.has_fx = t->after.has_fx = true;
        memcpy(t->before.fx, c->fx, 512);
        memcpy(t->after.fx, r->fx, 512);
    }
    if (r->status == LAB_FAULT) {
        t->has_fault = true;
        t->fault = r->vec;
        t->fault_has_err = r->has_err;
        t->fault_err = r->err;
        t->fault_cr2 = r->cr2;
    }
    if (r->status != LAB_FAULT || r->out.eip != c->in.eip)
        t->mask[SR_EFLAGS] = ~m.flags;
    if (m.c1)
        t->sw_mask = 0xfdff;
}

/* Bytes of RAM as patches; those of the code are the code. */
static bool ram_to(const struct sst_state *s, u32 code, unsigned len, struct lab_patch *p,
                   unsigned max, unsigned *num)
{
    *num = 0;
    for (unsigned k = 0; k < s->num_ram; k++) {
        u32 at = s->ram[k].at;
        struct lab_patch *last = *num ? &p[*num - 1] : NULL;
        if (at - code < len)
            continue;
        if (last && at == last->la + last->len && last->len < sizeof last->data) {
            last->data[last->len++] = s->ram[k].v;
            continue;
        }
        if (*num == max)
            return false;
        p[*num] = (struct lab_patch){ .la = at, .len = 1, .data = { s->ram[k].v } };
        (*num)++;
    }
    return true;
}

static bool bad(const struct sst_test *t, struct sst_error *e, const char *what)
{
    return sst_bad(e, t->record, t->at, "%s", what);
}

bool sst_to_vec(const struct sst_test *t, struct vec_line *v, struct sst_error *e)
{
    const struct sst_state *in = &t->before, *out = &t->after;
    struct lab_case *c = &v->c;
    struct vec_expect *x = &v->x;
    u32 need = 0, base, limit;
    unsigned n;
    u16 attr;

    memset(v, 0, sizeof *v);
    for (unsigned k = 0; k < 8; k++)
        need |= BIT(gpr_of[k]);
    for (unsigned k = 0; k < 6; k++)
        need |= BIT(sreg_of[k]);
    need |= BIT(SR_EIP) | BIT(SR_EFLAGS);
    if ((in->have & need) != need)
        return bad(t, e, "a register is missing in the initial state");
    if (t->len > LAB_MAX_CODE)
        return bad(t, e, "too many bytes of code");
    vec_defaults(c, 32);
    for (unsigned k = 0; k < 8; k++)
        c->in.gpr[k] = in->reg[gpr_of[k]];
    for (unsigned k = 0; k < 6; k++) {
        c->in.sreg[k] = (u16)in->reg[sreg_of[k]];
        if ((c->in.sreg[k] & ~3u) == (SEL_LONG & ~3u))
            return bad(t, e, "a selector is that of 64-bit code");
    }
    c->in.eip = in->reg[SR_EIP];
    c->in.eflags = (in->reg[SR_EFLAGS] & LAB_FLAGS_SETTABLE) | LAB_FLAGS_FIXED;
    if (!lab_seg_of(c->in.sreg[LS_CS], &base, &limit, &attr) || !(attr & 8))
        return bad(t, e, "cs is no code segment of the lab");
    c->bits = attr & 0x4000 ? 32 : 16;
    memcpy(c->code, t->code, c->len = (u16)t->len);
    if (in->has_fx) {
        memcpy(c->fx, in->fx, 512);
        c->use_fx = USE_X87 | USE_SSE;
    }
    if (!ram_to(in, base + c->in.eip, c->len, c->patch, LAB_MAX_PATCH, &n))
        return bad(t, e, "the initial memory is in more pieces than a case can have");
    c->num_patches = (u8)n;
    vec_describe(c);

    x->out = c->in;
    for (unsigned k = 0; k < 8; k++) {
        if (out->have & BIT(gpr_of[k]))
            x->out.gpr[k] = out->reg[gpr_of[k]];
        if (!t->mask[gpr_of[k]])
            x->gpr_undef |= (u8)BIT(k);
    }
    for (unsigned k = 0; k < 6; k++)
        if (out->have & BIT(sreg_of[k]))
            x->out.sreg[k] = (u16)out->reg[sreg_of[k]];
    if (out->have & BIT(SR_EIP))
        x->out.eip = out->reg[SR_EIP];
    if (out->have & BIT(SR_EFLAGS))
        x->out.eflags = out->reg[SR_EFLAGS];
    x->flags_undef = ~t->mask[SR_EFLAGS];
    x->sw_undef = (u16)~t->sw_mask;
    memcpy(x->fx, out->has_fx ? out->fx : c->fx, 512);
    if (!ram_to(out, 0, 0, x->mem, VEC_MAX_MEM, &n))
        return bad(t, e, "the final memory is in more pieces than a case can have");
    x->num_mem = n;
    x->status = LAB_DONE;
    if (t->has_fault) {
        x->status = LAB_FAULT;
        x->vec = t->fault;
        x->has_err = t->fault_has_err;
        x->err = t->fault_err;
        x->cr2 = t->fault_cr2;
    }
    return true;
}
