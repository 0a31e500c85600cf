/* SPDX-License-Identifier: MIT */
/* Templates of rows that do not end a block. The host's instruction is the guest's, with the
 * registers mapped; what it does to the flags is what the row says. */
#include "cpu/isa.h"
#include "cpu/jit/x64/x64.h"

/* A register operand (byte offset in struct cpu) as the host's of that size. */
static unsigned host_reg(unsigned off, unsigned size)
{
    unsigned r = off >> 2;

    return size == 1 && (off & 1) ? AS_HIGH | 4 | r : x64_host_of[r];
}

static bool is_high(unsigned h) { return h & AS_HIGH; }

/* AH..BH with operands that need REX: exchange with the low byte, around the operation. */
static unsigned swap_in(struct x64 *x, unsigned h)
{
    if (!is_high(h))
        return h;
    as_rr(&x->a, 1, 0x86, h & 3, h);
    return h & 3;
}
/* ... for x64_access() */
static unsigned swapped(unsigned h) { return is_high(h) ? h & 3 : H_NONE; }
static void swap_out(struct x64 *x, unsigned h)
{
    swap_in(x, h);
}

static void capture(struct x64 *x, unsigned cond) { as_setcc(&x->a, cond, H_R12); }

/* ADC, SBB: CF for the host's instruction, and for the recipe. */
static void carry_in(struct x64 *x, unsigned k)
{
    x64_want_cf(x);
    if (x64_live_after(x, k))
        capture(x, HC_B);
}

/* Flags that somebody may see later: the memory operand goes to r11, where a recipe finds it. */
static bool alu_by_r11(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form,
                       unsigned kind)
{
    const struct insn *in = &x->b->insns[k];
    unsigned dst = host_reg(in->dst, size), src = host_reg(in->src, size);
    bool carry = n == HA_ADC || n == HA_SBB;

    if (!x64_live_after(x, k) || (form != FORM_RM && n != HA_CMP) ||
        (form == FORM_RM && is_high(dst)) || (form == FORM_MR && is_high(src)))
        return false;
    if (carry)
        x64_before_write(x, k, BIT(H_R11), true);
    x64_load_operand(x, k, size);
    if (carry)
        carry_in(x, k);
    if (form == FORM_RM) {
        as_alu_rr(&x->a, size, n, dst, H_R11);
        x64_wrote(x, x64_recipe(kind, size, dst, H_R11, 0));
    } else if (form == FORM_MI) {
        as_alu_ri(&x->a, size, n, H_R11, in->imm);
        x64_wrote(x, x64_recipe(kind, size, H_R11, H_NONE, in->imm));
    } else {
        as_alu_rr(&x->a, size, n, H_R11, src);
        x64_wrote(x, x64_recipe(kind, size, H_R11, src, 0));
    }
    return true;
}

static bool alu(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    static const u8 kinds[] = { RC_ADD, RC_LOGIC, RC_ADC, RC_SBB, RC_LOGIC, RC_SUB, RC_LOGIC,
                                RC_CMP };
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    bool carry = n == HA_ADC || n == HA_SBB;
    unsigned dst = host_reg(in->dst, size), src = host_reg(in->src, size), r;
    struct host_mem m;
    struct cold *o;

    if (form == FORM_RR || form == FORM_RI) {
        if (carry)
            carry_in(x, k);
        if (form == FORM_RR)
            as_alu_rr(a, size, n, dst, src);
        else
            as_alu_ri(a, size, n, dst, in->imm);
        x64_wrote(x, x64_recipe(kinds[n], size, dst, form == FORM_RR ? src : H_NONE, in->imm));
        return true;
    }
    if (alu_by_r11(x, k, n, size, form, kinds[n]))
        return true;
    if (carry)
        x64_save(x); /* r10 is not free between the look-up and the operation */
    o = x64_mem_of(x, k, size, form != FORM_RM && n != HA_CMP, &m);
    if (carry)
        x64_want_cf(x);
    if (form == FORM_RM) {
        r = swap_in(x, dst);
        x64_access(x, o, swapped(dst));
        as_alu_rm(a, size, n, r, m);
        swap_out(x, dst);
    } else if (form == FORM_MI) {
        x64_access(x, o, H_NONE);
        as_alu_mi(a, size, n, m, in->imm);
    } else {
        r = swap_in(x, src);
        x64_access(x, o, swapped(src));
        as_alu_mr(a, size, n, m, r);
        swap_out(x, src);
    }
    x64_wrote_unknown(x);
    x64_done(x, o);
    return true;
}

static bool test(struct x64 *x, unsigned k, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    unsigned dst = host_reg(in->dst, size), src = host_reg(in->src, size);
    bool imm = form == FORM_RI || form == FORM_MI;

    if (form == FORM_MR || form == FORM_MI) {
        if (!imm && is_high(src)) {
            struct host_mem m;
            struct cold *o = x64_mem_of(x, k, size, false, &m);
            unsigned from = swap_in(x, src);
            x64_access(x, o, swapped(src));
            as_rm(a, size, AS_OP(size, 0x84), from, m);
            swap_out(x, src);
            x64_wrote_unknown(x);
            x64_done(x, o);
            return true;
        }
        x64_load_operand(x, k, size);
        dst = H_R11;
    } else if (form != FORM_RR && form != FORM_RI) {
        return false;
    }
    if (imm)
        as_test_ri(a, size, dst, in->imm);
    else
        as_rr(a, size, AS_OP(size, 0x84), src, dst);
    x64_wrote(x, x64_recipe(RC_TEST, size, dst, imm ? H_NONE : src, in->imm));
    return true;
}

/* INC, DEC, NOT, NEG */
static bool unary(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    static const u8 op[] = { 0xfe, 0xfe, 0xf6, 0xf6 }, ext[] = { 0, 1, 2, 3 };
    static const u8 kinds[] = { RC_INC, RC_DEC, RC_NONE, RC_NEG };
    const struct insn *in = &x->b->insns[k];
    unsigned dst = host_reg(in->dst, size);

    if (form == FORM_M) {
        if (n < 2)
            x64_save(x);
        struct host_mem m;
        struct cold *o = x64_mem_of(x, k, size, true, &m);
        if (n < 2)
            x64_want_cf(x);
        x64_access(x, o, H_NONE);
        as_nm(&x->a, size, AS_OP(size, op[n]), ext[n], m);
        if (n != 2)
            x64_wrote_unknown(x);
        x64_done(x, o);
        return true;
    }
    if (n < 2 && x64_live_after(x, k))
        x64_want_cf(x);
    as_nr(&x->a, size, AS_OP(size, op[n]), ext[n], dst);
    if (n != 2)
        x64_wrote(x, x64_recipe(kinds[n], size, dst, H_NONE, 0));
    return true;
}

static bool shift_mem(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned count)
{
    struct host_mem m;

    if (n < 4)
        x64_save(x);
    struct cold *o = x64_mem_of(x, k, size, true, &m);
    if (n < 4)
        x64_load_saved(&x->a, H_R11);
    x64_access(x, o, H_NONE);
    as_nm(&x->a, size, AS_OP(size, 0xc0), n, m);
    as_8(&x->a, count);
    x64_wrote_unknown(x);
    x->clear_af = n >= 4;
    x64_done(x, o);
    return true;
}

static bool shift(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    unsigned count = in->imm & 31, dst = host_reg(in->dst, size);
    unsigned kind = n == 4 ? RC_SHL : n == 5 ? RC_SHR : RC_SAR;

    if (form != FORM_RI && form != FORM_MI)
        return false;
    if (form == FORM_MI)
        return count && shift_mem(x, k, n, size, count);
    if (!count)
        return true;
    if (n < 4) { /* rotates keep all but CF and OF */
        if (x64_live_after(x, k))
            x64_want_flags(x);
        bool af = x->clear_af;
        as_shift_ri(&x->a, size, n, dst, count);
        x64_wrote_unknown(x);
        x->clear_af = af;
        return true;
    }
    as_shift_ri(&x->a, size, n, dst, count);
    x64_wrote(x, x64_recipe(size == 4 ? kind : RC_NONE, size, dst, H_NONE, count));
    x->clear_af = true;
    return true;
}

/* A count of 0 changes no flag. */
static bool shift_cl(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    struct asm_buf *a = &x->a;
    unsigned dst = host_reg(x->b->insns[k].dst, size);

    if (form != FORM_R || (x64_live_after(x, k) && size != 4))
        return false;
    if (!x64_live_after(x, k)) {
        as_nr(a, size, AS_OP(size, 0xd2), n, dst);
        x64_wrote_unknown(x);
        return true;
    }
    x64_save(x);
    as_test_ri(a, 1, H_RCX, 31);
    u32 none = as_jcc(a, HC_Z);
    if (n < 4)
        x64_load_saved(a, H_R10);
    as_nr(a, size, AS_OP(size, 0xd2), n, dst);
    x64_wrote_unknown(x);
    x->clear_af = n >= 4;
    x64_save(x);
    x->at = AT_SAVED;
    as_rel(a, none, a->pos);
    return true;
}

/* SHLD, SHRD of registers, where nobody looks at the flags. */
static bool shift_double(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    static const u8 op[] = { 0xa4, 0xac, 0xa5, 0xad };
    const struct insn *in = &x->b->insns[k];

    if (form != FORM_RR || size != 4 || x64_live_after(x, k))
        return false;
    as_rr(&x->a, 4, 0x100 | op[n], x64_host_of[in->src >> 2], x64_host_of[in->dst >> 2]);
    if (n < 2)
        as_8(&x->a, in->imm & 31);
    x64_wrote_unknown(x);
    return true;
}

/* MUL 8, IMUL 9 of one operand; 10 and 11 of two and three. What they leave undefined follows the
 * low half, AF is clear (op_muldiv.c). */
static bool multiply(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    unsigned dst = x64_host_of[in->dst >> 2], src = x64_host_of[in->src >> 2];
    struct cold *o = NULL;
    bool mem = form == FORM_M || form == FORM_RM;
    struct host_mem m = { 0 };

    if (n >= 10 && size == 1)
        return false;
    if (mem) {
        o = x64_mem_of(x, k, size, false, &m);
        x64_access(x, o, H_NONE);
    }
    if (n < 10) {
        if (mem)
            as_nm(a, size, AS_OP(size, 0xf6), n == 8 ? 4 : 5, m);
        else
            as_nr(a, size, AS_OP(size, 0xf6), n == 8 ? 4 : 5, host_reg(in->dst, size));
        dst = H_RAX;
    } else if (n == 10) {
        if (mem)
            as_rm(a, size, 0x1af, dst, m);
        else
            as_rr(a, size, 0x1af, dst, src);
    } else {
        bool s = as_fits8(size, in->imm);
        if (mem)
            as_rm(a, size, s ? 0x6b : 0x69, dst, m);
        else
            as_rr(a, size, s ? 0x6b : 0x69, dst, src);
        as_imm(a, s ? 1 : size, in->imm);
    }
    if (x64_live_after(x, k))
        capture(x, HC_O);
    /* behind the handler r12's low byte is OF as well: what was captured */
    x64_wrote(x, x64_recipe(RC_IMUL, size, dst, H_NONE, 0));
    if (o)
        x64_done(x, o);
    return true;
}

static bool mov(struct x64 *x, unsigned k, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    unsigned dst = host_reg(in->dst, size), src = host_reg(in->src, size), r;
    struct host_mem m;
    struct cold *o;

    switch (form) {
    case FORM_RR:
        as_mov_rr(a, size, dst, src);
        return true;
    case FORM_RI:
        as_mov_ri(a, size, dst, in->imm);
        return true;
    case FORM_RM:
        o = x64_mem_of(x, k, size, false, &m);
        r = swap_in(x, dst);
        x64_access(x, o, swapped(dst));
        as_load(a, size, r, m);
        swap_out(x, dst);
        break;
    default:
        o = x64_mem_of(x, k, size, true, &m);
        if (form == FORM_MI) {
            x64_access(x, o, H_NONE);
            as_store_i(a, size, m, in->imm);
        } else {
            r = swap_in(x, src);
            x64_access(x, o, swapped(src));
            as_store(a, size, r, m);
            swap_out(x, src);
        }
        break;
    }
    x64_done(x, o);
    return true;
}

static bool extend(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    unsigned from = n & 1 ? 2 : 1, op = 0x1b6 | n, dst = x64_host_of[in->dst >> 2];

    if (form == FORM_RR) {
        unsigned src = host_reg(in->src, from);
        if (is_high(src) && dst >= 8)
            return false;
        as_rr(&x->a, size, op, dst, src);
        return true;
    }
    struct host_mem m;
    struct cold *o = x64_mem_of(x, k, from, false, &m);
    x64_access(x, o, H_NONE);
    as_rm(&x->a, size, op, dst, m);
    x64_done(x, o);
    return true;
}

static bool lea(struct x64 *x, unsigned k, unsigned size)
{
    const struct insn *in = &x->b->insns[k];

    x64_ea(x, in);
    as_mov_rr(&x->a, size, x64_host_of[in->dst >> 2], H_R9);
    return true;
}

static bool push(struct x64 *x, unsigned k, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    struct host_mem m;

    if (form == FORM_M) {
        x64_before_write(x, k, BIT(H_R11), true);
        x64_load_operand(x, k, 4);
    }
    struct cold *o = x64_mem(x, k, S_SS, HMEM(H_R8, -4), 4, true, &m);
    if (form == FORM_M && o->group) { /* it was read already */
        o->from_r11 = true;
        o->group->insns[0].fn = jit_push_handler();
        o->group->insns[0].dst = (u8)offsetof(struct cpu, fast.temp);
    }
    x64_access(x, o, H_NONE);
    if (form == FORM_I)
        as_store_i(a, 4, m, in->imm);
    else
        as_store(a, 4, form == FORM_M ? H_R11 : x64_host_of[in->dst >> 2], m);
    as_lea(a, 4, H_R8, HMEM(H_R8, -4));
    x64_esp_moved(x, -4);
    x64_done(x, o);
    return true;
}

static bool pop(struct x64 *x, unsigned k, unsigned form)
{
    unsigned dst = x64_host_of[x->b->insns[k].dst >> 2];
    struct host_mem m;

    if (form != FORM_R)
        return false;
    struct cold *o = x64_mem(x, k, S_SS, HMEM(H_R8, 0), 4, false, &m);
    x64_access(x, o, H_NONE);
    as_load(&x->a, 4, dst, m);
    if (dst != H_R8)
        as_lea(&x->a, 4, H_R8, HMEM(H_R8, 4));
    x64_esp_moved(x, 4);
    x64_done(x, o);
    return true;
}

static bool leave(struct x64 *x, unsigned k)
{
    struct host_mem m;
    struct cold *o = x64_mem(x, k, S_SS, HMEM(H_RBP, 0), 4, false, &m);

    x64_access(x, o, H_NONE);
    as_load(&x->a, 4, H_R9, m); /* it may fault: ESP is still what it was */
    as_lea(&x->a, 4, H_R8, HMEM(H_RBP, 4));
    as_mov_rr(&x->a, 4, H_RBP, H_R9);
    x64_done(x, o);
    return true;
}

/* SETCC and CMOVCC want the flags by a recipe that may need the very register that they write. */
static bool cmov(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    unsigned dst = x64_host_of[in->dst >> 2], src = x64_host_of[in->src >> 2];

    if (form == FORM_RM) { /* loaded whatever the condition is */
        if (x64_recipe_uses(&x->recipe, BIT(H_R11)))
            x64_save(x);
        x64_load_operand(x, k, size);
        x64_before_write(x, k, BIT(H_R11), true);
        src = H_R11;
    }
    x64_want_flags(x);
    as_rr(&x->a, size, 0x140 | n, dst, src);
    x64_before_write(x, k, BIT(dst), false);
    return true;
}

static bool setcc(struct x64 *x, unsigned k, unsigned n, unsigned form)
{
    const struct insn *in = &x->b->insns[k];

    x64_want_flags(x);
    if (form == FORM_R) {
        as_setcc(&x->a, n, host_reg(in->dst, 1));
        x64_before_write(x, k, BIT(x64_host_of[in->dst >> 2]), false);
        return true;
    }
    x64_before_write(x, k, BIT(H_R11), true);
    as_setcc(&x->a, n, H_R11);
    struct host_mem m;
    struct cold *o = x64_mem_of(x, k, 1, true, &m);
    x64_access(x, o, H_NONE);
    as_store(&x->a, 1, H_R11, m);
    x64_done(x, o);
    return true;
}

static bool misc(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;

    switch (n) {
    case 0: /* XCHG */
        if (form != FORM_RR)
            return false;
        as_rr(a, size, AS_OP(size, 0x86), host_reg(in->src, size), host_reg(in->dst, size));
        return true;
    case 1: /* CBW, CWDE */
    case 2: /* CWD, CDQ */
        if (size == 2)
            as_8(a, 0x66);
        as_8(a, n == 1 ? 0x98 : 0x99);
        return true;
    case 3: /* BSWAP */
        if (size != 4)
            return false;
        as_prefix(a, 4, 0x1c8 + (x64_host_of[in->dst >> 2] & 7), H_NONE, H_NONE,
                  x64_host_of[in->dst >> 2], false, false);
        return true;
    case 4: /* SAHF: OF stays */
        if (x64_live_after(x, k))
            x64_want_flags(x);
        as_8(a, 0x9e);
        x64_wrote_unknown(x);
        return true;
    case 6: /* NOP */
        return true;
    case 7:
        return size == 4 && leave(x, k);
    case 8: case 9: case 10: case 11:
        return multiply(x, k, n, size, form);
    case 12: case 13: case 14: case 15:
        return shift_double(x, k, n - 12, size, form);
    }
    return false;
}

bool x64_op(struct x64 *x, unsigned k, unsigned cls, unsigned size, unsigned form)
{
    unsigned n = cls & 15;

    switch (cls & 0xf0) {
    case T_ALU: return alu(x, k, n, size, form);
    case T_TEST: return test(x, k, size, form);
    case T_UNARY: return unary(x, k, n, size, form);
    case T_SHIFT: return shift(x, k, n, size, form);
    case T_SHIFT_CL: return shift_cl(x, k, n, size, form);
    case T_MOV: return mov(x, k, size, form);
    case T_EXTEND: return extend(x, k, n, size, form);
    case T_LEA: return lea(x, k, size);
    case T_PUSH: return size == 4 && push(x, k, form);
    case T_POP: return size == 4 && pop(x, k, form);
    case T_CMOV: return cmov(x, k, n, size, form);
    case T_SETCC: return setcc(x, k, n, form);
    case T_MISC: return misc(x, k, n, size, form);
    }
    return false;
}
