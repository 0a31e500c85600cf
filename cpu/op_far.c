/* SPDX-License-Identifier: MIT */
/* Handlers of far transfers, software interrupts and segment register moves; the work is done in
 * gate.c, fault.c and seg.c (SDM 2: CALL, JMP, RET, IRET, INT n, LDS, MOV, PUSH, POP). */
#include "cpu/flags.h"
#include "cpu/isa.h"
#include "cpu/sys.h"

#define OP32(i) ((i)->flags & INSN_OP32)

static unsigned op_callf(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (!far_call(c, i->imm2, i->imm, OP32(i), next_eip(c, i)))
        FAULT(c);
    EXIT_DONE(c, i);
}

static unsigned op_jmpf(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (!far_jump(c, i->imm2, i->imm, OP32(i), next_eip(c, i)))
        FAULT(c);
    EXIT_DONE(c, i);
}

/* A far pointer in memory: offset, then selector. The whole of it must lie in the segment, so that
 * the second address does not wrap. */
static bool read_ptr(struct cpu *c, const struct insn *i, u32 *off, u16 *sel)
{
    u32 ea = insn_ea(c, i);
    u16 off16;

    if (OP32(i))
        return mem_read32(c, i->seg, ea, off) && mem_read16(c, i->seg, ea + 4, sel);
    if (!mem_read16(c, i->seg, ea, &off16) || !mem_read16(c, i->seg, ea + 2, sel))
        return false;
    *off = off16;
    return true;
}

static unsigned op_callf_ind(struct cpu *c, const struct insn *i)
{
    u32 off;
    u16 sel;

    c->cur = i;
    if (!read_ptr(c, i, &off, &sel) || !far_call(c, sel, off, OP32(i), next_eip(c, i)))
        FAULT(c);
    EXIT_DONE(c, i);
}

static unsigned op_jmpf_ind(struct cpu *c, const struct insn *i)
{
    u32 off;
    u16 sel;

    c->cur = i;
    if (!read_ptr(c, i, &off, &sel) || !far_jump(c, sel, off, OP32(i), next_eip(c, i)))
        FAULT(c);
    EXIT_DONE(c, i);
}

static unsigned op_retf(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (!far_ret(c, OP32(i), (u16)i->imm))
        FAULT(c);
    EXIT_DONE(c, i);
}

static unsigned op_iret(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    /* even when it faults (SDM 3C 25.3) */
    c->events &= ~(u32)EV_NMI_BLOCKED;
    if (!far_iret(c, OP32(i), next_eip(c, i)))
        FAULT(c);
    EXIT_DONE(c, i);
}

const struct hset hs_callf = HSET_ONE(op_callf);
const struct hset hs_jmpf = HSET_ONE(op_jmpf);
const struct hset hs_callf_ind = HSET_ONE(op_callf_ind);
const struct hset hs_jmpf_ind = HSET_ONE(op_jmpf_ind);
const struct hset hs_retf = HSET_ONE(op_retf);
const struct hset hs_iret = HSET_ONE(op_iret);

/* ---- software interrupts */

static unsigned soft_int(struct cpu *c, const struct insn *i, unsigned vec, bool icebp)
{
    c->cur = i;
    cpu_sync(c); /* who watches vectors reads the count */
    if (!fault_soft_int(c, vec, next_eip(c, i), icebp))
        FAULT(c);
    EXIT_DONE(c, i);
}

static unsigned op_int3(struct cpu *c, const struct insn *i)
{
    return soft_int(c, i, EXC_BP, false);
}

static unsigned op_into(struct cpu *c, const struct insn *i)
{
    if (!(cc_flags(c) & FL_OF))
        END_AT(c, i, next_eip(c, i));
    return soft_int(c, i, EXC_OF, false);
}

static unsigned op_icebp(struct cpu *c, const struct insn *i)
{
    return soft_int(c, i, EXC_DB, true);
}

/* Bit of the VME redirection bitmap: the 32 bytes below the I/O bitmap (SDM 3A 20.3.3). */
static bool redirection_bit(struct cpu *c, unsigned vec, bool *set)
{
    const struct seg *tr = &c->seg[S_TR];
    u16 map;
    u32 ofs;
    u8 bits;

    if (!(tr->attr & SEG_P) || !(SEG_TYPE(tr->attr) & 8) || tr->limit < 0x67)
        return cpu_raise_err(c, EXC_GP, 0);
    if (!sys_read16(c, tr->base + 0x66, &map))
        return false;
    ofs = map - 32u + vec / 8;
    if (map < 32 || ofs > tr->limit)
        return cpu_raise_err(c, EXC_GP, 0);
    if (!sys_read8(c, tr->base + ofs, &bits))
        return false;
    *set = bits >> (vec & 7) & 1;
    return true;
}

static unsigned op_int(struct cpu *c, const struct insn *i)
{
    unsigned vec = i->imm & 0xff;
    bool to_monitor = true;

    if (is_v86(c) && !c->catch_faults) {
        c->cur = i;
        if ((c->cr4 & CR4_VME) && !redirection_bit(c, vec, &to_monitor))
            FAULT(c);
        if (!to_monitor) {
            cpu_sync(c); /* as above */
            if (!fault_v86_redirect(c, vec, next_eip(c, i)))
                FAULT(c);
            EXIT_DONE(c, i);
        }
        if (IOPL(c) < 3)
            RAISE_ERR(c, i, EXC_GP, 0);
    }
    return soft_int(c, i, vec, false);
}

const struct hset hs_int3 = HSET_ONE(op_int3);
const struct hset hs_int = HSET_ONE(op_int);
const struct hset hs_into = HSET_ONE(op_into);
const struct hset hs_icebp = HSET_ONE(op_icebp);

/* ---- segment registers */

/* The shadow of MOV SS and POP SS; one inside a shadow does not make another. */
static void shadow_ss(struct cpu *c)
{
    if (!(c->events & (EV_SHADOW | EV_SHADOW_SS)))
        c->events |= EV_SHADOW_SS;
}

static unsigned op_mov_to_sreg(struct cpu *c, const struct insn *i)
{
    u16 sel;

    if (i->dst == S_CS || i->dst > S_GS)
        RAISE(c, i, EXC_UD);
    c->cur = i;
    if (!(i->flags & INSN_MEM))
        sel = REG16(c, i->src);
    else if (!mem_read16(c, i->seg, insn_ea(c, i), &sel))
        FAULT(c);
    if (!seg_load(c, i->dst, sel))
        FAULT(c);
    if (i->dst == S_SS) {
        shadow_ss(c);
        EXIT_AT(c, i, next_eip(c, i));
    }
    END_AT(c, i, next_eip(c, i));
}

static unsigned op_mov_from_sreg(struct cpu *c, const struct insn *i)
{
    if (i->src > S_GS)
        RAISE(c, i, EXC_UD);
    if (i->flags & INSN_MEM) {
        c->cur = i;
        if (!mem_write16(c, i->seg, insn_ea(c, i), c->seg[i->src].sel))
            FAULT(c);
    } else if (OP32(i)) {
        REG32(c, i->dst) = c->seg[i->src].sel;
    } else {
        REG16(c, i->dst) = c->seg[i->src].sel;
    }
    NEXT(c, i);
}

/* With a 32-bit operand only the low word of the slot is written or read. */
static unsigned op_push_sreg(struct cpu *c, const struct insn *i)
{
    u32 mask = stack_mask(c), esp = c->gpr[R_ESP], sp = (esp - (OP32(i) ? 4 : 2)) & mask;

    c->cur = i;
    if (!mem_write16(c, S_SS, sp, c->seg[i->dst].sel))
        FAULT(c);
    c->gpr[R_ESP] = (esp & ~mask) | sp;
    NEXT(c, i);
}

static unsigned op_pop_sreg(struct cpu *c, const struct insn *i)
{
    u32 mask = stack_mask(c), esp = c->gpr[R_ESP];
    u16 sel;

    c->cur = i;
    if (!mem_read16(c, S_SS, esp & mask, &sel) || !seg_load(c, i->dst, sel))
        FAULT(c);
    c->gpr[R_ESP] = (esp & ~mask) | ((esp + (OP32(i) ? 4 : 2)) & mask);
    if (i->dst == S_SS) {
        shadow_ss(c);
        EXIT_AT(c, i, next_eip(c, i));
    }
    END_AT(c, i, next_eip(c, i));
}

static unsigned load_ptr(struct cpu *c, const struct insn *i, unsigned s)
{
    u32 off;
    u16 sel;

    c->cur = i;
    if (!read_ptr(c, i, &off, &sel) || !seg_load(c, s, sel))
        FAULT(c);
    if (OP32(i))
        REG32(c, i->dst) = off;
    else
        REG16(c, i->dst) = (u16)off;
    END_AT(c, i, next_eip(c, i));
}

#define LOAD_PTR_(name, s) \
static unsigned op_##name(struct cpu *c, const struct insn *i) { return load_ptr(c, i, s); } \
const struct hset hs_##name = HSET_ONE(op_##name);
LOAD_PTR_(les, S_ES)
LOAD_PTR_(lds, S_DS)
LOAD_PTR_(lss, S_SS)
LOAD_PTR_(lfs, S_FS)
LOAD_PTR_(lgs, S_GS)

const struct hset hs_mov_to_sreg = HSET_ONE(op_mov_to_sreg);
const struct hset hs_mov_from_sreg = HSET_ONE(op_mov_from_sreg);
const struct hset hs_push_sreg = HSET_ONE(op_push_sreg);
const struct hset hs_pop_sreg = HSET_ONE(op_pop_sreg);
