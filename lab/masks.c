/* SPDX-License-Identifier: MIT */
/* Masks beyond the `u` columns of isa.def: results that the SDM calls undefined under a condition,
 * and points where the manual leaves the order or extent of what happens to the processor. Each
 * entry says where, and what was seen on which host; nothing else may be masked. */
#include "lab/masks.h"

#include "cpu/isa.h"

const struct lab_mask_note lab_mask_notes[] = {
    { "shld shrd", "operand size 16, count (mod 32) above 16", "destination, all flags",
      "SDM 2B, SHLD/SHRD: result and flags undefined if the count exceeds the operand size",
      "AMD family 25: other values than ours" },
    { "shld", "operand size 16, count 16", "OF", "SDM 2B, SHLD: OF undefined for counts above 1",
      "AMD family 25: OF = CF; every other count: CF ^ sign, as ours" },
    { "bswap", "operand size 16", "destination", "SDM 2A, BSWAP: 16-bit register undefined",
      "AMD family 25: lower half 0" },
    { "(all)", "EFLAGS.AC set, misaligned and not mapped", "which of #AC and #PF",
      "SDM 3A table 6-2: the order within a class varies", "AMD family 25: #AC; ours: #PF" },
    { "(all)", "the operand goes past FFFFFFFFh of a 4 GB segment", "#GP, #SS or none",
      "SDM 3A 5.3: implementation-specific", "AMD family 25: faults; ours: wraps" },
    { "cmps", "both operands fault", "which of the two faults", "SDM 2A, CMPS: order not given",
      "AMD family 25: ES:eDI first; ours: the other first" },
    { "iret retf", "the frame can't be read, or a selector is bad as well", "which fault, CR2",
      "SDM 3A table 6-2: the order within a class varies",
      "AMD family 25: reads from the highest word down, and all of the frame before checks" },
    { "call", "target beyond the limit and stack not writable; far: frame left in memory",
      "which fault; memory at a fault", "SDM 2A, CALL: limit first",
      "AMD family 25: pushes, then looks at the limit" },
    { "enter", "a fault behind the first push", "memory at a fault", "SDM 2A, ENTER: not given",
      "AMD family 25: what was pushed stays; ours: nothing changes" },
    { "pusha popa", "a fault midway",
      "which fault; memory and registers, which the restart restores",
      "SDM 2: not given", "AMD family 25: what was done before the fault stays" },
    { "enter", "EFLAGS.AC set, final stack pointer misaligned", "#AC or none",
      "SDM 2A, ENTER: only a page fault for the final pointer is named",
      "AMD family 25: #AC; ours: none" },
    { "push pop (segment registers)", "operand size 32", "upper half of the dword; faults of it",
      "SDM 2B, PUSH: zero-extended or a 16-bit move, as the processor does",
      "AMD family 25: 32 bits; ours: 16, as Intel's" },
    { "rcpps rcpss rsqrtps rsqrtss", "(always)",
      "XMM: two results within 1.5 * 2^-12 of the true one, and what is tiny",
      "SDM 2B, RCPPS: relative error; tiny results in a range left to the processor",
      "Intel, AMD and our own rule (soft, counted time) each have bits of their own" },
    { "verw", "LOCK", "all", "SDM 2A, LOCK: #UD",
      "AMD family 25: runs it (VERW is microcoded anew against side channels)" },
    { "fcomi fcomip fucomi fucomip", "(always)", "C1", "SDM 2A, FCOMI: set to 0",
      "AMD family 25: unchanged; ours: 0" },
    { "fldenv fnstenv frstor fnsave fbld fbstp, fld fstp of 80 bits",
      "the operand crosses into a bad "
      "page or a limit",
      "which fault, CR2", "SDM 3A table 6-2: the order within a class varies",
      "AMD family 25: several accesses, the highest first" },
    { "fxsave fxrstor", "the operand is misaligned, crosses a limit, or is not mapped",
      "which fault, CR2", "SDM 3A table 6-2: the order within a class varies",
      "AMD family 25: the last byte first, limits before alignment and always as #GP" },
    { "fxsave", "(always)", "FOP, FIP, FDP and MXCSR_MASK in the image",
      "SDM 1, 8.1.8: FCS and FDS may be 0; 11.6.6: MXCSR_MASK is the processor's",
      "AMD family 25: pointers 0 unless an exception is pending; mask 2FFFF, ours FFFF" },
    { "maskmovq", "a page fault", "x87 status and tags behind it",
      "SDM 1, 9.5.1: the transition to MMX is part of the instruction, not said of one that faults",
      "AMD family 25: TOP 0 and all valid before the fault; ours unchanged" },
    { "maskmovq maskmovdqu", "the operand crosses into a bad page or a limit, or is misaligned too",
      "which fault, CR2", "SDM 3A table 6-2: the order within a class varies",
      "AMD family 25: page faults first" },
    { "ud1", "its ModRM byte can't be fetched", "which fault", "SDM 2B, UD: has ModRM",
      "AMD family 25: #UD without looking at ModRM" },
};
const unsigned lab_num_mask_notes = ARRAY_LEN(lab_mask_notes);

/* OF SF ZF AF PF CF, in the order of isa_row.efl */
static const u32 flag_of[6] = { FL_OF, FL_SF, FL_ZF, FL_AF, FL_PF, FL_CF };

static bool named(const struct isa_row *row, const char *name)
{
    return !strcmp(row->name, name);
}

static const struct isa_row *row_of(const struct lab_case *c)
{
    return c->row == 0xffff ? NULL : isa_row(c->row);
}

static u32 shift_count(const struct lab_case *c, const struct isa_row *row)
{
    for (unsigned k = 1; k < 3; k++)
        if (OPD_KIND(row->o[k]) == OK_CL)
            return c->in.gpr[LG_ECX] & 31;
        else if (OPD_KIND(row->o[k]) == OK_ONE)
            return 1;
    return c->code[c->len - 1] & 31;
}

static void mask_shld(const struct lab_case *c, const struct isa_row *row, struct lab_mask *m)
{
    u32 count = shift_count(c, row);

    if (c->size != 1)
        return;
    if (count > 16) {
        unsigned modrm = c->code[c->len - (OPD_KIND(row->o[2]) == OK_CL ? 1 : 2)];
        m->flags |= LAB_ARITH;
        if (c->form == FORM_RR)
            m->gpr_any = (u8)BIT(modrm & 7);
        else
            m->mem = true;
    }
    if (count == 16 && named(row, "shld"))
        m->flags |= FL_OF;
}

static bool is_segment_stack_row(const struct isa_row *row)
{
    return OPD_KIND(row->o[0]) == OK_SREG && (named(row, "push") || named(row, "pop"));
}

/* FSIN ... FYL2XP1 */
static bool is_transcendental(const struct isa_row *row)
{
    static const char names[][8] = { "fsin", "fcos", "fsincos", "fptan", "fpatan", "f2xm1",
                                     "fyl2x", "fyl2xp1" };

    for (unsigned k = 0; k < ARRAY_LEN(names); k++)
        if (named(row, names[k]))
            return true;
    return false;
}

/* Operand for which the manual gives F2XM1 or FYL2XP1 no result. */
static bool out_of_range(const struct lab_case *c, const struct isa_row *row)
{
    unsigned exp = ld16(c->fx + FX_ST + 8) & 0x7fff;
    u64 sig = ld64(c->fx + FX_ST);

    if (named(row, "f2xm1"))
        return exp > 0x3fff || (exp == 0x3fff && sig << 1);
    return named(row, "fyl2xp1") && (exp > 0x3ffd || (exp == 0x3ffd && sig > 0x95f619980c4336f7));
}

struct lab_mask lab_mask_of(const struct lab_case *c)
{
    const struct isa_row *row = row_of(c);
    struct lab_mask m = { 0 };

    if (!row)
        return m;
    for (unsigned k = 0; k < 6; k++)
        if (row->efl[k] == 'u')
            m.flags |= flag_of[k];
    if (named(row, "shl") || named(row, "shr") || named(row, "sar") || named(row, "shld") ||
        named(row, "shrd"))
        if (!shift_count(c, row)) /* then no flag changes */
            m.flags = 0;
    if (named(row, "shld") || named(row, "shrd"))
        mask_shld(c, row, &m);
    if (named(row, "bswap") && c->size == 1)
        m.gpr_any = (u8)BIT(c->code[c->len - 1] & 7);
    if (named(row, "pusha") || named(row, "popa") || named(row, "call") || named(row, "enter"))
        m.partial = true;
    if (named(row, "enter") && (c->in.eflags & FL_AC))
        m.skip = true;
    if (is_segment_stack_row(row) && c->size == 2) {
        m.mem = named(row, "push");
        m.skip = c->in.gpr[LG_ESP] & 3;
    }
    m.image = named(row, "fxsave");
    m.fpu_at_fault = named(row, "maskmovq");
    m.c1 = named(row, "fcomi") || named(row, "fcomip") || named(row, "fucomi") ||
           named(row, "fucomip");
    if (is_transcendental(row)) {
        m.ulp = m.c1 = true;
        m.st = out_of_range(c, row);
    }
    m.approx = named(row, "rcpps") || named(row, "rcpss") || named(row, "rsqrtps") ||
               named(row, "rsqrtss");
    if (named(row, "verw"))
        for (unsigned k = 0; k < c->len && c->code[k] != 0x0f; k++)
            if (c->code[k] == 0xf0)
                m.skip = true;
    return m;
}

u32 lab_operand_la(const struct lab_case *c)
{
    const struct isa *isa = isa_new(0xffffffffu);
    u32 ea = 0, base = 0, limit;
    struct decoded d;
    u16 attr;

    if (isa_decode(isa, c->code, MIN(c->len, 15u), c->bits == 32 ? MODE_D : 0, &d) == DECODE_OK) {
        const struct insn *i = &d.in;
        ea = i->disp + (i->base < 8 ? c->in.gpr[i->base] : 0) +
             ((i->index < 8 ? c->in.gpr[i->index] : 0) << i->scale);
        ea &= insn_ea_mask(i);
        lab_seg_of(c->in.sreg[i->seg], &base, &limit, &attr);
    }
    isa_free(isa);
    return base + ea;
}

static bool long_x87(const struct isa_row *row)
{
    static const char names[][8] = { "fldenv", "fnstenv", "frstor", "fnsave", "fbld", "fbstp" };

    for (unsigned k = 0; k < ARRAY_LEN(names); k++)
        if (named(row, names[k]))
            return true;
    return row->op == 0xdb && (row->ext == 5 || row->ext == 7);
}

static bool one_of(unsigned vec, u32 set)
{
    return vec < 32 && (set & BIT(vec));
}

bool lab_mask_order(const struct lab_case *c, const struct lab_result *a,
                    const struct lab_result *b)
{
    const struct isa_row *row = row_of(c);
    u32 access = BIT(EXC_SS) | BIT(EXC_GP) | BIT(EXC_PF) | BIT(EXC_AC);

    if ((c->in.eflags & FL_AC) && one_of(a->vec, BIT(EXC_AC) | BIT(EXC_PF)) &&
        one_of(b->vec, BIT(EXC_AC) | BIT(EXC_PF)) && a->vec != b->vec)
        return true;
    if (!row || !one_of(a->vec, access | BIT(EXC_UD) | BIT(EXC_NP)) ||
        !one_of(b->vec, access | BIT(EXC_UD) | BIT(EXC_NP)))
        return false;
    /* past the end of a 4 GB segment */
    if ((a->vec == EXC_PF && b->vec != EXC_PF && a->cr2 >= 0xfffffff0) ||
        (b->vec == EXC_PF && a->vec != EXC_PF && b->cr2 >= 0xfffffff0))
        return true;
    if (named(row, "cmps"))
        return true;
    if (named(row, "retf") || named(row, "iret"))
        return a->vec != b->vec || a->vec == EXC_PF;
    if (named(row, "call") || named(row, "pusha") || named(row, "popa"))
        return a->vec != b->vec;
    if (row->map == MAP_FM && (row->attr & A_MEMSIZE || long_x87(row)))
        return true;
    if (named(row, "fxsave") || named(row, "fxrstor") || named(row, "maskmovq") ||
        named(row, "maskmovdqu"))
        return true;
    if (named(row, "ud1"))
        return a->vec == EXC_UD || b->vec == EXC_UD;
    return false;
}
