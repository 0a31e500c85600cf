/* SPDX-License-Identifier: MIT */
/* CLI, STI, PUSHF, POPF, HLT: what IOPL, V86 mode, VME and PVI make of them (SDM 2; SDM 3A 20.3,
 * 20.4). */
#include "cpu/flags.h"
#include "cpu/isa.h"
#include "cpu/sys.h"

/* Where IF lives for CLI and STI: in EFLAGS.IF, in EFLAGS.VIF, or nowhere (#GP). */
enum if_access { IF_REAL, IF_VIRTUAL, IF_FAULT };

static enum if_access if_access(const struct cpu *c)
{
    if (!is_pe(c) || (is_v86(c) ? IOPL(c) == 3 : c->cpl <= IOPL(c)))
        return IF_REAL;
    if (is_v86(c) ? c->cr4 & CR4_VME : c->cpl == 3 && (c->cr4 & CR4_PVI))
        return IF_VIRTUAL;
    return IF_FAULT;
}

static unsigned op_cli(struct cpu *c, const struct insn *i)
{
    switch (if_access(c)) {
    case IF_REAL:
        c->eflags &= ~(u32)FL_IF;
        break;
    case IF_VIRTUAL:
        c->eflags &= ~(u32)FL_VIF;
        break;
    case IF_FAULT:
        RAISE_ERR(c, i, EXC_GP, 0);
    }
    END_AT(c, i, next_eip(c, i));
}

static unsigned op_sti(struct cpu *c, const struct insn *i)
{
    switch (if_access(c)) {
    case IF_REAL:
        /* one instruction of shadow if IF was 0; not out of another shadow */
        if (!(c->eflags & FL_IF) && !(c->events & (EV_SHADOW | EV_SHADOW_SS)))
            c->events |= EV_SHADOW;
        c->eflags |= FL_IF;
        break;
    case IF_VIRTUAL:
        if (c->eflags & FL_VIP)
            RAISE_ERR(c, i, EXC_GP, 0);
        c->eflags |= FL_VIF;
        break;
    case IF_FAULT:
        RAISE_ERR(c, i, EXC_GP, 0);
    }
    EXIT_AT(c, i, next_eip(c, i));
}

static unsigned op_hlt(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (!need_cpl0(c))
        FAULT(c);
    c->monitor.waiting = false;
    c->events |= EV_HALT;
    EXIT_AT(c, i, next_eip(c, i));
}

static unsigned op_pushf(struct cpu *c, const struct insn *i)
{
    u32 fl = cpu_eflags(c);
    bool ok;

    c->cur = i;
    if (is_v86(c) && IOPL(c) < 3) {
        if (!(c->cr4 & CR4_VME) || (i->flags & INSN_OP32))
            RAISE_ERR(c, i, EXC_GP, 0);
        fl = (fl & ~(u32)FL_IF) | FL_IOPL | (c->eflags & FL_VIF ? FL_IF : 0);
    }
    if (i->flags & INSN_OP32)
        ok = stack_push32(c, &c->gpr[R_ESP], fl & ~(u32)(FL_VM | FL_RF));
    else
        ok = stack_push16(c, &c->gpr[R_ESP], (u16)fl);
    if (!ok)
        FAULT(c);
    NEXT(c, i);
}

/* SDM 2, POPF, table 4-17: what each privilege may change. */
static unsigned op_popf(struct cpu *c, const struct insn *i)
{
    u32 mask = FL_ARITH | FL_TF | FL_DF | FL_NT | FL_AC | FL_ID, fl, esp = c->gpr[R_ESP], old;
    bool vme = false;
    u16 low;

    c->cur = i;
    if (is_v86(c)) {
        if (IOPL(c) == 3)
            mask |= FL_IF;
        else if ((c->cr4 & CR4_VME) && !(i->flags & INSN_OP32))
            vme = true;
        else
            RAISE_ERR(c, i, EXC_GP, 0);
    } else {
        if (c->cpl <= IOPL(c))
            mask |= FL_IF;
        if (c->cpl == 0)
            mask |= FL_IF | FL_IOPL;
    }
    if (i->flags & INSN_OP32) {
        if (!stack_pop32(c, &esp, &fl))
            FAULT(c);
    } else {
        if (!stack_pop16(c, &esp, &low))
            FAULT(c);
        fl = low;
        mask &= 0xffff;
    }
    if (vme && ((fl & FL_TF) || ((fl & FL_IF) && (c->eflags & FL_VIP))))
        RAISE_ERR(c, i, EXC_GP, 0);
    c->gpr[R_ESP] = esp;
    old = cpu_eflags(c) & ~(u32)FL_RF;
    if (vme)
        old = (old & ~(u32)FL_VIF) | (fl & FL_IF ? FL_VIF : 0);
    cpu_set_eflags(c, (old & ~mask) | (fl & mask));
    EXIT_AT(c, i, next_eip(c, i));
}

const struct hset hs_cli = HSET_ONE(op_cli);
const struct hset hs_sti = HSET_ONE(op_sti);
const struct hset hs_hlt = HSET_ONE(op_hlt);
const struct hset hs_pushf = HSET_ONE(op_pushf);
const struct hset hs_popf = HSET_ONE(op_popf);
