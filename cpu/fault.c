/* SPDX-License-Identifier: MIT */
/* Exceptions and interrupts: parking, delivery through IVT and IDT, double and triple fault (SDM 3A
 * chapter 6; real mode and V86: chapter 20; pseudo-code: SDM 2, INT n).
 *
 * Delivery checks everything before it changes anything but memory below the new stack pointer, so
 * that a fault on the way finds the state of the event's instruction.
 * Deviation: a benign exception that keeps recurring while it is delivered (alignment checks on an
 * unaligned level-3 handler stack) would go on for ever; it ends in shutdown after 16 rounds. */
#include "cpu/flags.h"
#include "cpu/sys.h"
#include "cpu/trace.h"

enum { MAX_NESTED = 16 };

bool cpu_raise(struct cpu *c, unsigned vec)
{
    c->fault.vec = (u8)vec;
    c->fault.has_err = false;
    c->fault.soft = false;
    c->fault.err = 0;
    return false;
}

bool cpu_raise_err(struct cpu *c, unsigned vec, u32 err)
{
    cpu_raise(c, vec);
    c->fault.has_err = true;
    c->fault.err = err;
    return false;
}

bool need_cpl0(struct cpu *c)
{
    return c->cpl == 0 || cpu_raise_err(c, EXC_GP, 0);
}

struct event {
    unsigned vec;
    bool soft;    /* INT n, INT3, INTO: the gate's DPL is checked */
    bool has_err;
    u32 err;
    const char *how; /* for traces */
    u32 eip;      /* to push */
    u32 eflags;   /* to push */
};

/* The handler starts: outside any shadow, awake. */
static void entered(struct cpu *c, unsigned vec, u32 eip)
{
    c->eip = eip;
    c->events &= ~(u32)(EV_SHADOW | EV_SHADOW_SS | EV_HALT);
    cpu_update_mode(c);
    if (c->on_vector)
        c->on_vector(c->on_vector_to, vec);
}

/* SDM 3A 20.1.4: three words, no error code. */
static bool deliver_real(struct cpu *c, const struct event *ev)
{
    u32 esp = c->gpr[R_ESP], entry;
    u32 frame[3] = { ev->eflags & 0xffff, c->seg[S_CS].sel, ev->eip & 0xffff };

    if (ev->vec * 4 + 3 > c->idtr.limit)
        return cpu_raise_err(c, EXC_GP, ev->vec * 8 + 2 + ext_bit(c));
    if (!sys_read32(c, c->idtr.base + ev->vec * 4, &entry))
        return false;
    if (!frame_push(c, &c->seg[S_SS], &esp, frame, 3, 2, false, ext_bit(c)))
        return false;
    c->gpr[R_ESP] = esp;
    c->eflags &= ~(u32)(FL_IF | FL_TF | FL_AC | FL_RF);
    seg_set_real(c, S_CS, entry >> 16);
    entered(c, ev->vec, entry & 0xffff);
    return true;
}

static void handler_flags(struct cpu *c, bool interrupt_gate)
{
    c->eflags &= ~(u32)(FL_TF | FL_NT | FL_VM | FL_RF);
    if (interrupt_gate)
        c->eflags &= ~(u32)FL_IF;
}

/* To a more privileged level, from V86 mode too. */
static bool deliver_inner(struct cpu *c, const struct event *ev, const struct desc *gate, u16 sel,
                          struct desc *code)
{
    unsigned size = gate_is32(gate) ? 4 : 2, dpl = desc_dpl(code), n = 0;
    bool v86 = is_v86(c);
    u32 entry = gate_offset(gate), esp, frame[10];
    struct desc stack;
    struct seg ss;
    u16 ss_sel;

    if (!tss_stack(c, dpl, &ss_sel, &esp) || !ss_check_inner(c, ss_sel, dpl, &stack))
        return false;
    if (v86) {
        frame[n++] = c->seg[S_GS].sel;
        frame[n++] = c->seg[S_FS].sel;
        frame[n++] = c->seg[S_DS].sel;
        frame[n++] = c->seg[S_ES].sel;
    }
    frame[n++] = c->seg[S_SS].sel;
    frame[n++] = c->gpr[R_ESP];
    frame[n++] = ev->eflags;
    frame[n++] = c->seg[S_CS].sel;
    frame[n++] = ev->eip;
    if (ev->has_err)
        frame[n++] = ev->err;

    ss.attr = desc_attr(&stack);
    ss.base = desc_base(&stack);
    ss.limit = desc_limit(&stack);
    if (entry > desc_limit(code)) {
        /* room on the stack is checked first */
        u32 mask = ss.attr & SEG_DB ? 0xffffffffu : 0xffffu;

        for (unsigned k = 1; k <= n; k++) {
            if (!seg_in_limit(&ss, (esp - k * size) & mask, size))
                return cpu_raise_err(c, EXC_SS, sel_err(c, ss_sel));
        }
        return cpu_raise_err(c, EXC_GP, ext_bit(c));
    }
    if (!desc_set_accessed(c, &stack) || !desc_set_accessed(c, code) ||
        !frame_push(c, &ss, &esp, frame, n, size, true, sel_err(c, ss_sel)))
        return false;

    c->cpl = (u8)dpl;
    handler_flags(c, !(desc_type(gate) & 1));
    seg_set_desc(c, S_CS, (sel & 0xfffc) | dpl, code);
    seg_set_desc(c, S_SS, ss_sel, &stack);
    c->gpr[R_ESP] = ss.attr & SEG_DB ? esp : (c->gpr[R_ESP] & 0xffff0000u) | (esp & 0xffff);
    if (v86) {
        seg_set_null(c, S_ES, 0);
        seg_set_null(c, S_DS, 0);
        seg_set_null(c, S_FS, 0);
        seg_set_null(c, S_GS, 0);
    }
    entered(c, ev->vec, entry);
    return true;
}

static bool deliver_same(struct cpu *c, const struct event *ev, const struct desc *gate, u16 sel,
                         struct desc *code)
{
    u32 frame[4] = { ev->eflags, c->seg[S_CS].sel, ev->eip, ev->err };
    u32 esp = c->gpr[R_ESP], entry = gate_offset(gate);
    unsigned size = gate_is32(gate) ? 4 : 2, n = ev->has_err ? 4 : 3;

    if (entry > desc_limit(code)) {
        for (unsigned k = 1; k <= n; k++) {
            if (!seg_in_limit(&c->seg[S_SS], (esp - k * size) & stack_mask(c), size))
                return cpu_raise_err(c, EXC_SS, ext_bit(c));
        }
        return cpu_raise_err(c, EXC_GP, ext_bit(c));
    }
    if (!desc_set_accessed(c, code) ||
        !frame_push(c, &c->seg[S_SS], &esp, frame, n, size, false, ext_bit(c)))
        return false;
    c->gpr[R_ESP] = esp;
    handler_flags(c, !(desc_type(gate) & 1));
    seg_set_desc(c, S_CS, (sel & 0xfffc) | c->cpl, code);
    entered(c, ev->vec, entry);
    return true;
}

static bool deliver_prot(struct cpu *c, const struct event *ev)
{
    u32 idt_err = ev->vec * 8 + 2 + ext_bit(c);
    struct desc gate, code;
    u64 v;
    u16 sel;

    if (ev->vec * 8 + 7 > c->idtr.limit)
        return cpu_raise_err(c, EXC_GP, idt_err);
    gate.la = c->idtr.base + ev->vec * 8;
    if (!sys_read64(c, gate.la, &v))
        return false;
    gate.lo = (u32)v;
    gate.hi = v >> 32;
    if (desc_is_seg(&gate) ||
        !(BIT(desc_type(&gate)) &
          (BIT(SYS_TASK) | BIT(SYS_INT16) | BIT(SYS_TRAP16) | BIT(SYS_INT32) | BIT(SYS_TRAP32))))
        return cpu_raise_err(c, EXC_GP, idt_err);
    if (ev->soft && desc_dpl(&gate) < c->cpl)
        return cpu_raise_err(c, EXC_GP, idt_err);
    if (!desc_present(&gate))
        return cpu_raise_err(c, EXC_NP, idt_err);

    sel = gate_sel(&gate);
    if (desc_type(&gate) == SYS_TASK) {
        u32 old = c->eflags;

        c->eflags = (old & ~(u32)FL_RF) | (ev->eflags & FL_RF); /* the image in the old TSS */
        if (!task_switch(c, sel, TASK_GATE, ev->eip, ev->has_err, ev->err)) {
            c->eflags = old;
            return false;
        }
        c->events &= ~(u32)(EV_SHADOW | EV_SHADOW_SS | EV_HALT);
        if (c->on_vector)
            c->on_vector(c->on_vector_to, ev->vec);
        return true;
    }
    if (sel_is_null(sel))
        return cpu_raise_err(c, EXC_GP, ext_bit(c));
    if (!desc_read(c, sel, EXC_GP, &code))
        return false;
    if (!desc_is_code(&code) || desc_dpl(&code) > c->cpl)
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    if (!desc_present(&code))
        return cpu_raise_err(c, EXC_NP, sel_err(c, sel));
    if (!desc_is_conforming(&code) && desc_dpl(&code) < c->cpl) {
        if (is_v86(c) && desc_dpl(&code) != 0)
            return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
        return deliver_inner(c, ev, &gate, sel, &code);
    }
    if (is_v86(c))
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    return deliver_same(c, ev, &gate, sel, &code);
}

static bool deliver(struct cpu *c, const struct event *ev)
{
    u16 cs = c->seg[S_CS].sel, ss = c->seg[S_SS].sel;
    u32 la = c->seg[S_CS].base + ev->eip, esp = c->gpr[R_ESP], cr2 = c->cr2;
    unsigned cpl = c->cpl;
    bool ok;

    if (likely(!log_on(c->log, LOG_INT)))
        return is_pe(c) ? deliver_prot(c, ev) : deliver_real(c, ev);
    ok = is_pe(c) ? deliver_prot(c, ev) : deliver_real(c, ev);
    if (!trace_wants(c, la))
        return ok;
    if (ok)
        log_write(c->log, LOG_INT, "int %llu v=%02x e=%04x %s cpl=%u %04x:%08x ss:esp=%04x:%08x "
                  "cr2=%08x -> %04x:%08x", (unsigned long long)c->retired, ev->vec, ev->err,
                  ev->how, cpl, cs, ev->eip, ss, esp, cr2, c->seg[S_CS].sel, c->eip);
    else /* what comes of that is the next line */
        log_write(c->log, LOG_INT, "int %llu v=%02x e=%04x %s cpl=%u %04x:%08x ss:esp=%04x:%08x "
                  "cr2=%08x -> v=%02x e=%04x", (unsigned long long)c->retired, ev->vec, ev->err,
                  ev->how, cpl, cs, ev->eip, ss, esp, cr2, c->fault.vec,
                  c->fault.has_err ? c->fault.err : 0);
    return ok;
}

/* SDM 3A table 6-4. */
static unsigned class_of(unsigned vec)
{
    switch (vec) {
    case EXC_DE: case EXC_TS: case EXC_NP: case EXC_SS: case EXC_GP:
        return DELIVER_CONTRIBUTORY;
    case EXC_PF:
        return DELIVER_PAGE;
    case EXC_DF:
        return DELIVER_DOUBLE;
    default:
        return DELIVER_BENIGN;
    }
}

static void shutdown(struct cpu *c)
{
    LOG(c->log, INFO, "cpu: triple fault at %04x:%08x", c->seg[S_CS].sel, c->eip);
    c->df_state = DELIVER_NONE;
    c->events |= EV_SHUTDOWN;
}

/* SDM 3A table 6-5: what a fault makes of the event that was being delivered. false: shutdown. */
static bool nest(struct cpu *c)
{
    unsigned first = c->df_state, second = class_of(c->fault.vec);

    if (first == DELIVER_DOUBLE && second != DELIVER_BENIGN)
        return false;
    if ((first == DELIVER_CONTRIBUTORY && second == DELIVER_CONTRIBUTORY) ||
        (first == DELIVER_PAGE && (second == DELIVER_CONTRIBUTORY || second == DELIVER_PAGE))) {
        if (second == DELIVER_PAGE)
            c->cr2 = c->fault.cr2;
        cpu_raise_err(c, EXC_DF, 0);
    }
    return true;
}

void fault_deliver_at(struct cpu *c, u32 eip)
{
    unsigned saved = c->df_state;

    if (c->catch_faults) {
        c->last_fault = (struct cpu_fault){
            .valid = true, .vector = c->fault.vec, .has_error = c->fault.has_err,
            .error = c->fault.err, .cr2 = c->fault.vec == EXC_PF ? c->fault.cr2 : c->cr2,
        };
        c->eip = eip;
        return;
    }
    for (unsigned round = 0;; round++) {
        struct event ev = { .how = "fault", .eip = eip, .eflags = cpu_eflags(c) };

        if (!nest(c) || round == MAX_NESTED) {
            c->eip = eip;
            shutdown(c);
            return;
        }
        ev.vec = c->fault.vec;
        ev.has_err = c->fault.has_err;
        ev.err = c->fault.err;
        if (round)
            c->stat_faults[ev.vec & 31]++; /* the first was counted by the caller */
        if (ev.vec == EXC_PF)
            c->cr2 = c->fault.cr2;
        c->last_fault = (struct cpu_fault){
            .valid = true, .vector = (u8)ev.vec, .has_error = ev.has_err, .error = ev.err,
            .cr2 = c->cr2,
        };
        if (ev.vec == EXC_DB) {
            c->dr6 |= c->pending_dr6;
            /* GD is a fault proper; code breakpoints and traps push RF as it is (17.3.1.1) */
            if (c->pending_dr6 & DR6_BD)
                ev.eflags |= FL_RF;
            c->pending_dr6 = 0;
            c->events &= ~(u32)EV_TRAP;
            c->dr7 &= ~(u32)DR7_GD;
            c->debugctl &= ~(u64)3; /* LBR, BTF */
        } else {
            ev.eflags |= FL_RF;
            if (!round) { /* hits of an instruction that is to be restarted come again */
                c->pending_dr6 = 0;
                c->events &= ~(u32)EV_TRAP;
            }
        }
        c->df_state = (u8)class_of(ev.vec);
        if (deliver(c, &ev))
            break;
    }
    c->df_state = (u8)saved;
}

void fault_deliver(struct cpu *c)
{
    fault_deliver_at(c, c->eip);
}

void fault_interrupt(struct cpu *c, unsigned vec, bool nmi)
{
    struct event ev = { .vec = vec, .how = nmi ? "nmi" : "irq", .eip = c->eip,
                        .eflags = cpu_eflags(c) };

    if (nmi)
        c->events |= EV_NMI_BLOCKED;
    c->df_state = DELIVER_BENIGN;
    if (!deliver(c, &ev)) {
        c->events &= ~(u32)(EV_SHADOW | EV_SHADOW_SS | EV_HALT);
        fault_deliver_at(c, ev.eip);
    }
    c->df_state = DELIVER_NONE;
}

bool fault_soft_int(struct cpu *c, unsigned vec, u32 next, bool icebp)
{
    struct event ev = { .vec = vec, .soft = !icebp, .how = icebp ? "icebp" : "soft", .eip = next,
                        .eflags = cpu_eflags(c) };
    bool ok;

    if (c->catch_faults) {
        cpu_raise(c, vec);
        c->fault.soft = true;
        return false;
    }
    if (icebp) {
        c->df_state = DELIVER_BENIGN; /* EXT is set */
        c->dr7 &= ~(u32)DR7_GD;
    }
    ok = deliver(c, &ev);
    c->df_state = DELIVER_NONE;
    c->soft_int = ok; /* TF is clear now: no single-step trap behind it */
    return ok;
}

/* The interrupt table at linear 0 and a 16-bit frame on the V86 stack; with IOPL < 3 the virtual
 * interrupt flag stands in for IF and IOPL reads 3 (SDM 3A 20.3.3, methods 5 and 6). */
bool fault_v86_redirect(struct cpu *c, unsigned vec, u32 next)
{
    u32 esp = c->gpr[R_ESP], entry, fl = cpu_eflags(c);
    u32 frame[3];

    if (IOPL(c) < 3) {
        fl = (fl & ~(u32)FL_IF) | FL_IOPL;
        if (c->eflags & FL_VIF)
            fl |= FL_IF;
    }
    frame[0] = fl & 0xffff;
    frame[1] = c->seg[S_CS].sel;
    frame[2] = next & 0xffff;
    if (!la_read32(c, vec * 4, &entry) ||
        !frame_push(c, &c->seg[S_SS], &esp, frame, 3, 2, false, 0))
        return false;
    c->gpr[R_ESP] = esp;
    c->eflags &= ~(u32)(FL_TF | FL_RF | (IOPL(c) < 3 ? FL_VIF : FL_IF));
    seg_set_real(c, S_CS, entry >> 16);
    entered(c, vec, entry & 0xffff);
    c->soft_int = true;
    return true;
}
