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

static void wrote_flags(struct x64 *x)
{
    x->fl = FL_HOST_ONLY;
    x->clear_af = false;
}

static bool alu(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    bool carry = n == HA_ADC || n == HA_SBB;
    unsigned dst = host_reg(in->dst, size), src = host_reg(in->src, size);
    struct host_mem m;
    struct cold *o;

    switch (form) {
    case FORM_RR:
        if (carry)
            x64_want_cf(x);
        as_alu_rr(a, size, n, dst, src);
        wrote_flags(x);
        return true;
    case FORM_RI:
        if (carry)
            x64_want_cf(x);
        as_alu_ri(a, size, n, dst, in->imm);
        wrote_flags(x);
        return true;
    case FORM_RM:
        o = x64_mem_of(x, k, size, false, &m);
        if (carry)
            x64_want_cf(x);
        unsigned to = swap_in(x, dst);
        x64_access(x, o, swapped(dst));
        as_alu_rm(a, size, n, to, m);
        swap_out(x, dst);
        break;
    default:
        o = x64_mem_of(x, k, size, n != HA_CMP, &m);
        if (carry)
            x64_want_cf(x);
        if (form == FORM_MI) {
            x64_access(x, o, H_NONE);
            as_alu_mi(a, size, n, m, in->imm);
        } else {
            unsigned from = swap_in(x, src);
            x64_access(x, o, swapped(src));
            as_alu_mr(a, size, n, m, from);
            swap_out(x, src);
        }
        break;
    }
    wrote_flags(x);
    x64_done(x, o);
    return true;
}

static bool test(struct x64 *x, unsigned k, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    unsigned dst = host_reg(in->dst, size), src = host_reg(in->src, size);

    if (form == FORM_RR) {
        as_rr(a, size, AS_OP(size, 0x84), src, dst);
    } else if (form == FORM_RI) {
        as_test_ri(a, size, dst, in->imm);
    } else if (form == FORM_MR || form == FORM_MI) {
        struct host_mem m;
        struct cold *o = x64_mem_of(x, k, size, false, &m);
        if (form == FORM_MI) {
            x64_access(x, o, H_NONE);
            as_nm(a, size, AS_OP(size, 0xf6), 0, m);
            as_imm(a, size, in->imm);
        } else {
            unsigned from = swap_in(x, src);
            x64_access(x, o, swapped(src));
            as_rm(a, size, AS_OP(size, 0x84), from, m);
            swap_out(x, src);
        }
        wrote_flags(x);
        x64_done(x, o);
        return true;
    } else {
        return false;
    }
    wrote_flags(x);
    return true;
}

/* INC, DEC, NOT, NEG */
static bool unary(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    static const u8 op[] = { 0xfe, 0xfe, 0xf6, 0xf6 }, ext[] = { 0, 1, 2, 3 };
    const struct insn *in = &x->b->insns[k];
    struct cold *o = NULL;

    if (form == FORM_M) {
        struct host_mem m;
        o = x64_mem_of(x, k, size, true, &m);
        if (n < 2)
            x64_want_cf(x);
        x64_access(x, o, H_NONE);
        as_nm(&x->a, size, AS_OP(size, op[n]), ext[n], m);
    } else {
        if (n < 2 && x64_live_after(x, k))
            x64_want_cf(x);
        as_nr(&x->a, size, AS_OP(size, op[n]), ext[n], host_reg(in->dst, size));
    }
    if (n != 2)
        wrote_flags(x);
    if (o)
        x64_done(x, o);
    return true;
}

static bool shift(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    unsigned count = in->imm & 31;

    if (form != FORM_RI && form != FORM_MI)
        return false;
    if (form == FORM_MI) {
        if (!count)
            return false;
        struct host_mem m;
        struct cold *o = x64_mem_of(x, k, size, true, &m);
        if (n < 4)
            x64_want_flags(x, H_R11);
        x64_access(x, o, H_NONE);
        as_nm(&x->a, size, AS_OP(size, 0xc0), n, m);
        as_8(&x->a, count);
        wrote_flags(x);
        x->clear_af = n >= 4;
        x64_done(x, o);
        return true;
    }
    if (!count)
        return true;
    if (n < 4 && x64_live_after(x, k)) /* rotates keep all but CF and OF */
        x64_want_flags(x, H_R10);
    bool af = x->clear_af;
    as_shift_ri(&x->a, size, n, host_reg(in->dst, size), count);
    wrote_flags(x);
    x->clear_af = n >= 4 || af;
    return true;
}

/* A count of 0 changes no flag, another one leaves AF undefined: only where nobody looks. */
static bool shift_cl(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    if (form != FORM_R || x64_live_after(x, k))
        return false;
    as_nr(&x->a, size, AS_OP(size, 0xd2), n, host_reg(x->b->insns[k].dst, size));
    wrote_flags(x);
    return true;
}

/* SHLD, SHRD of registers, under the same condition. */
static bool shift_double(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    static const u8 op[] = { 0xa4, 0xac, 0xa5, 0xad };
    const struct insn *in = &x->b->insns[k];

    if (form != FORM_RR || size != 4 || x64_live_after(x, k))
        return false;
    as_rr(&x->a, 4, 0x100 | op[n], x64_host_of[in->src >> 2], x64_host_of[in->dst >> 2]);
    if (n < 2)
        as_8(&x->a, in->imm & 31);
    wrote_flags(x);
    return true;
}

/* What multiplications leave undefined follows the low half, AF is clear (op_muldiv.c). */
static void multiplied(struct x64 *x, unsigned k, unsigned size, unsigned low)
{
    struct asm_buf *a = &x->a;

    wrote_flags(x);
    if (!x64_live_after(x, k))
        return;
    as_setcc(a, HC_O, H_R11);
    as_rr(a, 4, 0x1b6, H_R11, H_R11); /* movzx r11d, r11b */
    as_rr(a, size, AS_OP(size, 0x84), low, low);
    as_mov_rr(a, 8, H_R10, H_RAX);
    as_8(a, 0x9f); /* lahf */
    as_alu_ri(a, 4, HA_AND, H_RAX, 0xee00);
    as_mov_rr(a, 4, H_R12, H_RAX);
    as_mov_rr(a, 8, H_RAX, H_R10);
    as_alu_rr(a, 4, HA_OR, H_R12, H_R11);
    as_shift_ri(a, 4, 4, H_R11, 8);
    as_alu_rr(a, 4, HA_OR, H_R12, H_R11);
    x->fl = FL_SAVED_ONLY;
}

/* MUL 8, IMUL 9 of one operand; 10 and 11 of two and three */
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
    multiplied(x, k, size, dst);
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

    if (form == FORM_M) /* two accesses */
        return false;
    struct cold *o = x64_mem(x, k, S_SS, HMEM(H_R8, -4), 4, true, &m);
    x64_access(x, o, H_NONE);
    if (form == FORM_I)
        as_store_i(a, 4, m, in->imm);
    else
        as_store(a, 4, x64_host_of[in->dst >> 2], m);
    as_lea(a, 4, H_R8, HMEM(H_R8, -4));
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
    x64_done(x, o);
    return true;
}

static bool leave(struct x64 *x, unsigned k)
{
    struct host_mem m;
    struct cold *o = x64_mem(x, k, S_SS, HMEM(H_RBP, 0), 4, false, &m);

    x64_access(x, o, H_NONE);
    if (o->view) /* which may fault here: ESP must be what it was */
        as_load(&x->a, 4, H_R11, m);
    as_lea(&x->a, 4, H_R8, HMEM(H_RBP, 4));
    if (o->view)
        as_mov_rr(&x->a, 4, H_RBP, H_R11);
    else
        as_load(&x->a, 4, H_RBP, m);
    x64_done(x, o);
    return true;
}

static bool cmov(struct x64 *x, unsigned k, unsigned n, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    unsigned dst = x64_host_of[in->dst >> 2];

    if (form == FORM_RR) {
        x64_want_flags(x, H_R10);
        as_rr(a, size, 0x140 | n, dst, x64_host_of[in->src >> 2]);
        return true;
    }
    struct host_mem m;
    struct cold *o = x64_mem_of(x, k, size, false, &m);
    x64_access(x, o, H_NONE);
    as_load(a, size, H_R11, m); /* whatever the condition is */
    x64_want_flags(x, H_R10);
    as_rr(a, size, 0x140 | n, dst, H_R11);
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
            x64_want_flags(x, H_R10);
        as_8(a, 0x9e);
        wrote_flags(x);
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
    case T_SETCC:
        if (form != FORM_R)
            return false;
        x64_want_flags(x, H_R10);
        as_setcc(&x->a, n, host_reg(x->b->insns[k].dst, 1));
        return true;
    case T_MISC: return misc(x, k, n, size, form);
    }
    return false;
}
