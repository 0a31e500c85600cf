/* SPDX-License-Identifier: MIT */
/* Far transfers: JMP, CALL, RET, IRET in all modes (SDM 2, pseudo-code of each; SDM 3A 5.8, 20.2).
 *
 * Order: every check, then Accessed bits and stack writes, then registers. Code segment limit
 * checks that the manual puts after the stack check are made in that order. */
#include "cpu/flags.h"
#include "cpu/sys.h"

static bool room(struct cpu *c, const struct seg *ss, u32 esp, unsigned bytes, unsigned size,
                 u32 err)
{
    u32 mask = ss->attr & SEG_DB ? 0xffffffffu : 0xffffu;

    for (u32 k = size; k <= bytes; k += size) {
        if (!seg_in_limit(ss, (esp - k) & mask, size))
            return cpu_raise_err(c, EXC_SS, err);
    }
    return true;
}

/* A task switch is made by its selector's descriptor or a task gate; `sel` names the TSS. */
static bool to_task(struct cpu *c, u16 sel, const struct desc *d, bool call, u32 next)
{
    if (desc_dpl(d) < c->cpl || desc_dpl(d) < (sel & 3u))
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    if (desc_type(d) == SYS_TASK) {
        if (!desc_present(d))
            return cpu_raise_err(c, EXC_NP, sel_err(c, sel));
        sel = gate_sel(d);
    }
    return task_switch(c, sel, call ? TASK_CALL : TASK_JUMP, next, false, 0);
}

/* DPL and RPL of a call gate, then its code segment: type, privilege, presence. */
static bool gate_code(struct cpu *c, u16 sel, const struct desc *gate, bool call, struct desc *code)
{
    u16 cs = gate_sel(gate);

    if (desc_dpl(gate) < c->cpl || desc_dpl(gate) < (sel & 3u))
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    if (!desc_present(gate))
        return cpu_raise_err(c, EXC_NP, sel_err(c, sel));
    if (sel_is_null(cs))
        return cpu_raise_err(c, EXC_GP, 0);
    if (!desc_read(c, cs, EXC_GP, code))
        return false;
    if (!desc_is_code(code) || desc_dpl(code) > c->cpl ||
        (!call && !desc_is_conforming(code) && desc_dpl(code) != c->cpl))
        return cpu_raise_err(c, EXC_GP, sel_err(c, cs));
    if (!desc_present(code))
        return cpu_raise_err(c, EXC_NP, sel_err(c, cs));
    return true;
}

/* A code segment named directly by JMP or CALL. */
static bool direct_code(struct cpu *c, u16 sel, const struct desc *d)
{
    if (!desc_is_code(d))
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    if (desc_is_conforming(d) ? desc_dpl(d) > c->cpl
                              : (sel & 3u) > c->cpl || desc_dpl(d) != c->cpl)
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    if (!desc_present(d))
        return cpu_raise_err(c, EXC_NP, sel_err(c, sel));
    return true;
}

static void enter(struct cpu *c, u16 sel, const struct desc *code, u32 eip)
{
    seg_set_desc(c, S_CS, (sel & 0xfffc) | c->cpl, code);
    c->eip = eip;
    cpu_update_mode(c);
}

bool far_jump(struct cpu *c, u16 sel, u32 off, bool op32, u32 next)
{
    struct desc d, code;

    if (!op32)
        off &= 0xffff;
    if (!is_prot(c)) {
        if (!seg_in_limit(&c->seg[S_CS], off, 1))
            return cpu_raise_err(c, EXC_GP, 0);
        seg_set_real(c, S_CS, sel);
        c->eip = off;
        cpu_update_mode(c);
        return true;
    }
    if (sel_is_null(sel))
        return cpu_raise_err(c, EXC_GP, 0);
    if (!desc_read(c, sel, EXC_GP, &d))
        return false;
    if (desc_is_seg(&d)) {
        if (!direct_code(c, sel, &d))
            return false;
        if (off > desc_limit(&d))
            return cpu_raise_err(c, EXC_GP, 0);
        if (!desc_set_accessed(c, &d))
            return false;
        enter(c, sel, &d, off);
        return true;
    }
    switch (desc_type(&d)) {
    case SYS_CALL16: case SYS_CALL32:
        if (!gate_code(c, sel, &d, false, &code))
            return false;
        off = gate_offset(&d);
        if (off > desc_limit(&code))
            return cpu_raise_err(c, EXC_GP, 0);
        if (!desc_set_accessed(c, &code))
            return false;
        enter(c, gate_sel(&d), &code, off);
        return true;
    case SYS_TASK: case SYS_TSS16: case SYS_TSS32:
        return to_task(c, sel, &d, false, next);
    default:
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    }
}

static bool call_real(struct cpu *c, u16 sel, u32 off, unsigned size, u32 next)
{
    u32 frame[2] = { c->seg[S_CS].sel, next }, esp = c->gpr[R_ESP];

    if (!room(c, &c->seg[S_SS], esp, 2 * size, size, 0))
        return false;
    if (!seg_in_limit(&c->seg[S_CS], off, 1))
        return cpu_raise_err(c, EXC_GP, 0);
    if (!frame_push(c, &c->seg[S_SS], &esp, frame, 2, size, false, 0))
        return false;
    c->gpr[R_ESP] = esp;
    seg_set_real(c, S_CS, sel);
    c->eip = off;
    cpu_update_mode(c);
    return true;
}

static bool call_same(struct cpu *c, u16 sel, struct desc *code, u32 off, unsigned size, u32 next)
{
    u32 frame[2] = { c->seg[S_CS].sel, next }, esp = c->gpr[R_ESP];

    if (!room(c, &c->seg[S_SS], esp, 2 * size, size, 0))
        return false;
    if (off > desc_limit(code))
        return cpu_raise_err(c, EXC_GP, 0);
    if (!desc_set_accessed(c, code) ||
        !frame_push(c, &c->seg[S_SS], &esp, frame, 2, size, false, 0))
        return false;
    c->gpr[R_ESP] = esp;
    enter(c, sel, code, off);
    return true;
}

/* Through a call gate to a more privileged level; parameters move to the new stack. */
static bool call_inner(struct cpu *c, const struct desc *gate, struct desc *code, u32 next)
{
    unsigned size = gate_is32(gate) ? 4 : 2, dpl = desc_dpl(code), count = gate->hi & 31, n = 0;
    u32 off = gate_offset(gate), frame[4 + 31], esp;
    struct desc stack;
    struct seg ss;
    u16 ss_sel;

    if (!tss_stack(c, dpl, &ss_sel, &esp) || !ss_check_inner(c, ss_sel, dpl, &stack))
        return false;
    ss.attr = desc_attr(&stack);
    ss.base = desc_base(&stack);
    ss.limit = desc_limit(&stack);
    if (!room(c, &ss, esp, (4 + count) * size, size, sel_err(c, ss_sel)))
        return false;
    if (off > desc_limit(code))
        return cpu_raise_err(c, EXC_GP, 0);

    frame[n++] = c->seg[S_SS].sel;
    frame[n++] = c->gpr[R_ESP];
    for (unsigned k = count; k-- > 0;) {
        if (!frame_peek(c, k * size, size, &frame[n++]))
            return false;
    }
    frame[n++] = c->seg[S_CS].sel;
    frame[n++] = next;
    if (!desc_set_accessed(c, &stack) || !desc_set_accessed(c, code) ||
        !frame_push(c, &ss, &esp, frame, n, size, true, sel_err(c, ss_sel)))
        return false;

    c->cpl = (u8)dpl;
    seg_set_desc(c, S_SS, ss_sel, &stack);
    c->gpr[R_ESP] = ss.attr & SEG_DB ? esp : (c->gpr[R_ESP] & 0xffff0000u) | (esp & 0xffff);
    enter(c, gate_sel(gate), code, off);
    return true;
}

bool far_call(struct cpu *c, u16 sel, u32 off, bool op32, u32 next)
{
    unsigned size = op32 ? 4 : 2;
    struct desc d, code;

    if (!op32)
        off &= 0xffff;
    if (!is_prot(c))
        return call_real(c, sel, off, size, next);
    if (sel_is_null(sel))
        return cpu_raise_err(c, EXC_GP, 0);
    if (!desc_read(c, sel, EXC_GP, &d))
        return false;
    if (desc_is_seg(&d))
        return direct_code(c, sel, &d) && call_same(c, sel, &d, off, size, next);
    switch (desc_type(&d)) {
    case SYS_CALL16: case SYS_CALL32:
        if (!gate_code(c, sel, &d, true, &code))
            return false;
        if (!desc_is_conforming(&code) && desc_dpl(&code) < c->cpl)
            return call_inner(c, &d, &code, next);
        return call_same(c, gate_sel(&d), &code, gate_offset(&d), gate_is32(&d) ? 4 : 2, next);
    case SYS_TASK: case SYS_TSS16: case SYS_TSS32:
        return to_task(c, sel, &d, true, next);
    default:
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    }
}

/* ---- returns */

/* The code segment that RET or IRET goes back to. */
static bool return_code(struct cpu *c, u16 sel, struct desc *d)
{
    unsigned rpl = sel & 3;

    if (sel_is_null(sel))
        return cpu_raise_err(c, EXC_GP, 0);
    if (!desc_read(c, sel, EXC_GP, d))
        return false;
    if (!desc_is_code(d) || rpl < c->cpl ||
        (desc_is_conforming(d) ? desc_dpl(d) > rpl : desc_dpl(d) != rpl))
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    if (!desc_present(d))
        return cpu_raise_err(c, EXC_NP, sel_err(c, sel));
    return true;
}

/* Its stack, when it is an outer level's. */
static bool return_stack(struct cpu *c, u16 sel, unsigned rpl, struct desc *d)
{
    if (sel_is_null(sel))
        return cpu_raise_err(c, EXC_GP, 0);
    if (!desc_read(c, sel, EXC_GP, d))
        return false;
    if ((sel & 3u) != rpl || !desc_is_wr_data(d) || desc_dpl(d) != rpl)
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    if (!desc_present(d))
        return cpu_raise_err(c, EXC_SS, sel_err(c, sel));
    return true;
}

static void pop_stack(struct cpu *c, u32 bytes)
{
    u32 mask = stack_mask(c);

    c->gpr[R_ESP] = (c->gpr[R_ESP] & ~mask) | ((c->gpr[R_ESP] + bytes) & mask);
}

/* All of an outer return but EFLAGS; ofs is where ESP and SS lie on the inner stack. */
static bool return_outer(struct cpu *c, u16 cs, struct desc *code, u32 eip, u32 ofs, unsigned size,
                         u16 pop)
{
    unsigned rpl = cs & 3;
    struct desc stack;
    u32 esp, ss;

    if (!frame_peek(c, ofs, size, &esp) || !frame_peek(c, ofs + size, size, &ss) ||
        !return_stack(c, (u16)ss, rpl, &stack))
        return false;
    if (eip > desc_limit(code))
        return cpu_raise_err(c, EXC_GP, 0);
    if (!desc_set_accessed(c, code) || !desc_set_accessed(c, &stack))
        return false;
    c->cpl = (u8)rpl;
    seg_set_desc(c, S_CS, cs, code);
    seg_set_desc(c, S_SS, (u16)ss, &stack);
    esp += pop;
    if (c->seg[S_SS].attr & SEG_DB)
        c->gpr[R_ESP] = esp;
    else
        c->gpr[R_ESP] = (c->gpr[R_ESP] & 0xffff0000u) | (esp & 0xffff);
    seg_drop_inner(c);
    c->eip = eip;
    return true;
}

bool far_ret(struct cpu *c, bool op32, u16 pop)
{
    unsigned size = op32 ? 4 : 2;
    struct desc code;
    u32 eip, cs;

    if (!frame_peek(c, 0, size, &eip) || !frame_peek(c, size, size, &cs))
        return false;
    cs &= 0xffff;
    if (!is_prot(c)) {
        if (!seg_in_limit(&c->seg[S_CS], eip, 1))
            return cpu_raise_err(c, EXC_GP, 0);
        seg_set_real(c, S_CS, (u16)cs);
        pop_stack(c, 2 * size + pop);
        c->eip = eip;
        cpu_update_mode(c);
        return true;
    }
    if (!return_code(c, (u16)cs, &code))
        return false;
    if ((cs & 3) > c->cpl) {
        if (!return_outer(c, (u16)cs, &code, eip, 2 * size + pop, size, pop))
            return false;
        cpu_update_mode(c);
        return true;
    }
    if (eip > desc_limit(&code))
        return cpu_raise_err(c, EXC_GP, 0);
    if (!desc_set_accessed(c, &code))
        return false;
    pop_stack(c, 2 * size + pop);
    enter(c, (u16)cs, &code, eip);
    return true;
}

/* ---- IRET */

/* Replaces the bits in `mask` of EFLAGS; with a 16-bit operand only the low word can change. RF,
 * if it is not among them, is cleared as after every instruction. */
static void set_flags(struct cpu *c, u32 v, u32 mask, bool op32)
{
    u32 old = cpu_eflags(c) & ~(u32)FL_RF;

    if (!op32)
        mask &= 0xffff;
    cpu_set_eflags(c, (old & ~mask) | (v & mask));
}

enum { IRET_ALWAYS = FL_ARITH | FL_TF | FL_DF | FL_NT | FL_RF | FL_AC | FL_ID };

static bool iret_real(struct cpu *c, unsigned size)
{
    u32 eip, cs, fl, mask = IRET_ALWAYS | FL_IF | FL_IOPL;
    bool vme = false;

    if (is_v86(c)) {
        mask &= ~(u32)FL_IOPL;
        if (IOPL(c) < 3) {
            if (!(c->cr4 & CR4_VME) || size == 4)
                return cpu_raise_err(c, EXC_GP, 0);
            vme = true;
            mask &= ~(u32)FL_IF;
        }
    }
    if (!frame_peek(c, 0, size, &eip) || !frame_peek(c, size, size, &cs) ||
        !frame_peek(c, 2 * size, size, &fl))
        return false;
    if (!seg_in_limit(&c->seg[S_CS], eip, 1))
        return cpu_raise_err(c, EXC_GP, 0);
    if (vme && ((fl & FL_TF) || ((fl & FL_IF) && (c->eflags & FL_VIP))))
        return cpu_raise_err(c, EXC_GP, 0);
    seg_set_real(c, S_CS, (u16)cs);
    pop_stack(c, 3 * size);
    c->eip = eip;
    if (vme) {
        c->eflags &= ~(u32)FL_VIF;
        if (fl & FL_IF)
            c->eflags |= FL_VIF;
    }
    set_flags(c, fl, mask, size == 4);
    return true;
}

/* Nine dwords on the stack of level 0. */
static bool iret_to_v86(struct cpu *c, u32 eip, u32 cs, u32 fl)
{
    static const u8 order[] = { S_SS, S_ES, S_DS, S_FS, S_GS };
    u32 esp, sel[5];

    if (!frame_peek(c, 12, 4, &esp))
        return false;
    for (unsigned k = 0; k < 5; k++) {
        if (!frame_peek(c, 16 + 4 * k, 4, &sel[k]))
            return false;
    }
    c->eflags |= FL_VM; /* seg_set_real() goes by it */
    c->cpl = 3;
    seg_set_real(c, S_CS, (u16)cs);
    for (unsigned k = 0; k < 5; k++)
        seg_set_real(c, order[k], (u16)sel[k]);
    c->gpr[R_ESP] = esp;
    c->eip = eip & 0xffff; /* NT counts on it */
    cpu_set_eflags(c, fl);
    return true;
}

static bool iret_task(struct cpu *c, u32 next)
{
    const struct seg *tr = &c->seg[S_TR];
    u16 link;

    if (!sys_read16(c, tr->base, &link))
        return false;
    if ((link & 4) || sel_is_null(link))
        return cpu_raise_err(c, EXC_TS, sel_err(c, link));
    return task_switch(c, link, TASK_IRET, next, false, 0);
}

bool far_iret(struct cpu *c, bool op32, u32 next)
{
    unsigned size = op32 ? 4 : 2, cpl = c->cpl;
    u32 eip, cs, fl, mask = IRET_ALWAYS;
    struct desc code;

    if (!is_prot(c))
        return iret_real(c, size);
    if (c->eflags & FL_NT)
        return iret_task(c, next);
    if (!frame_peek(c, 0, size, &eip) || !frame_peek(c, size, size, &cs) ||
        !frame_peek(c, 2 * size, size, &fl))
        return false;
    cs &= 0xffff;
    if (op32 && (fl & FL_VM) && cpl == 0)
        return iret_to_v86(c, eip, cs, fl);
    if (!return_code(c, (u16)cs, &code))
        return false;
    if (cpl <= IOPL(c))
        mask |= FL_IF;
    if (cpl == 0)
        mask |= FL_IOPL | FL_VIF | FL_VIP;
    if ((cs & 3) > cpl) {
        if (!return_outer(c, (u16)cs, &code, eip, 3 * size, size, 0))
            return false;
    } else {
        if (eip > desc_limit(&code))
            return cpu_raise_err(c, EXC_GP, 0);
        if (!desc_set_accessed(c, &code))
            return false;
        pop_stack(c, 3 * size);
        seg_set_desc(c, S_CS, (u16)cs, &code);
        c->eip = eip;
    }
    set_flags(c, fl, mask, op32);
    return true;
}
