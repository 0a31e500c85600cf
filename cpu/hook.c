/* SPDX-License-Identifier: MIT */
/* The CPU's side of hook.h: where run loop, MMU and memory accesses ask, and the state of a CPU
 * that somebody drives from outside. */
#include "cpu/hook.h"

#include "cpu/icache.h"
#include "cpu/isa.h"
#include "cpu/mmu.h"
#include "cpu/sys.h"

enum { MAX_TRIES = 16 }; /* of an access whose hook says that it has mapped something */

void cpu_set_hooks(struct cpu *c, struct cpu_hooks *h)
{
    c->hooks = h;
    mmu_flush_all(c); /* what was looked up was not asked for */
    cpu_hooks_changed(c);
}

void cpu_hooks_changed(struct cpu *c)
{
    const struct cpu_hooks *h = c->hooks;

    c->events &= ~(u32)EV_HOOK;
    if (h && (h->want_fetch || h->want_insn || h->want_block))
        c->events |= EV_HOOK;
    mmu_watch_changed(c);
    cpu_update_mode(c);
}

void cpu_block_starts(struct cpu *c)
{
    if (c->hooks)
        c->hooks->block_next = true;
}

enum hook_says hook_insn(struct cpu *c)
{
    struct cpu_hooks *h = c->hooks;
    struct block *b;

    if (h->want_fetch && h->fetch && !h->fetch(h->to, c->seg[S_CS].base + c->eip))
        return HOOK_AGAIN;
    if (!h->want_insn || !h->insn)
        return HOOK_GO_ON;
    b = code_find(c, true);
    if (!b)
        return HOOK_FAULT;
    return h->insn(h->to, c->seg[S_CS].base + c->eip, b->len) ? HOOK_GO_ON : HOOK_AGAIN;
}

enum hook_says hook_block(struct cpu *c)
{
    struct cpu_hooks *h = c->hooks;
    struct block *b;

    if (!h->block_next || !h->want_block || !h->block)
        return HOOK_GO_ON;
    b = code_find(c, false);
    if (!b)
        return HOOK_FAULT;
    h->block_next = false;
    if (h->block(h->to, c->seg[S_CS].base + c->eip, b->len))
        return HOOK_GO_ON;
    h->block_next = true;
    return HOOK_AGAIN;
}

enum hook_says hook_page(struct cpu *c, u32 la, paddr pa, u32 size, unsigned access, bool user,
                         u32 *frame)
{
    const struct cpu_hooks *h = c->hooks;
    u32 err, none;

    if (!h->allowed || h->allowed(h->to, pa, access, frame ? frame : &none))
        return HOOK_GO_ON;
    if (c->blk)
        cpu_sync(c);
    for (unsigned n = 0; h->refused && n < MAX_TRIES; n++) {
        bool again = h->refused(h->to, la, pa, size, access);
        if (access == CPU_FETCH && (c->events & EV_STOP)) { /* in front of this instruction */
            c->stop_hit = STOP_FETCH;
            return HOOK_FAULT;
        }
        if (!again)
            break;
        if (h->allowed(h->to, pa, access, frame ? frame : &none))
            return HOOK_AGAIN; /* the hook may have changed page tables, too */
    }
    /* the error code of a page table with these rights (SDM 3A 4.7), bit 4 for all fetches */
    err = (access == CPU_WRITE ? PF_W : 0) | (user ? PF_U : 0) | (access == CPU_FETCH ? PF_ID : 0);
    for (unsigned how = CPU_READ; how <= CPU_FETCH; how++)
        if (h->allowed(h->to, pa, how, &none))
            err |= PF_P;
    mmu_raise_pf(c, la, err);
    return HOOK_FAULT;
}

/* ---- the address to stop at */

void cpu_set_stop_at(struct cpu *c, bool on, u32 la)
{
    if (c->stop_on == on && (!on || c->stop_la == la))
        return;
    c->stop_on = on;
    c->stop_la = la;
    if (on)
        code_mapping_changed(c); /* near[] and links don't know it */
}

bool cpu_fetch_left(const struct cpu *c) { return c->stop_hit == STOP_FETCH; }

bool cpu_is_at_stop(const struct cpu *c) { return c->stop_hit == STOP_ADDRESS; }

/* ---- exceptions that came back */

bool cpu_caught_int(const struct cpu *c) { return c->fault.soft; }

void cpu_skip_int(struct cpu *c)
{
    if (!c->fault.soft || !c->cur)
        return;
    c->eip = next_eip(c, c->cur);
    if (!(c->seg[S_CS].attr & SEG_DB))
        c->eip &= 0xffff;
    c->retired++;
    c->fault.soft = false;
}

void cpu_deliver_caught(struct cpu *c)
{
    u32 hooked = c->events & EV_HOOK;

    c->catch_faults = false;
    if (c->fault.soft) {
        /* it was caught before VME, IOPL and the gate were looked at: once more, in earnest */
        c->fault.soft = false;
        c->events &= ~(u32)EV_HOOK;
        cpu_step(c);
        c->events |= hooked;
    } else {
        fault_deliver(c);
    }
    c->catch_faults = true;
}

void cpu_note_caught(struct cpu *c)
{
    if (c->fault.soft)
        return;
    if (c->last_fault.vector == EXC_PF)
        c->cr2 = c->last_fault.cr2;
    if (c->last_fault.vector == EXC_DB)
        c->dr6 |= c->pending_dr6;
}

void cpu_drop_caught(struct cpu *c)
{
    c->pending_dr6 = 0;
    c->fault.soft = false;
}

void cpu_unhalt(struct cpu *c) { c->events &= ~(u32)EV_HALT; }

bool cpu_is_shut_down(const struct cpu *c) { return c->events & EV_SHUTDOWN; }

/* ---- registers */

void cpu_set_eip(struct cpu *c, u32 v) { c->eip = v; }

void cpu_set_flags(struct cpu *c, u32 v) { cpu_set_eflags(c, v); }

bool cpu_set_ctl(struct cpu *c, enum cpu_reg r, u32 v)
{
    struct pending_fault held = c->fault;
    u32 cr0 = r == CPU_CR0 ? v : c->cr0, cr4 = r == CPU_CR4 ? v : c->cr4;

    if ((cr0 & CR0_PG) && !(cr0 & CR0_PE))
        return false;
    if ((cr0 & CR0_NW) && !(cr0 & CR0_CD))
        return false;
    if ((r == CPU_CR4 && (v & ~cr4_mask(c))) || (r == CPU_EFER && (v & ~(u32)EFER_NXE)))
        return false;
    if ((cr0 & CR0_PG) && (cr4 & CR4_PAE) && r != CPU_EFER &&
        !mmu_load_pdptes(c, r == CPU_CR3 ? v : c->cr3)) {
        c->fault = held;
        return false;
    }
    cpu_set(c, r, v);
    return true;
}

bool cpu_load_seg(struct cpu *c, enum cpu_reg r, u16 sel, struct cpu_fault *f)
{
    struct pending_fault held = c->fault;
    bool ok = seg_load(c, r - CPU_ES, sel);

    if (!ok)
        *f = (struct cpu_fault){ true, c->fault.vec, c->fault.has_err, c->fault.err, c->fault.cr2 };
    c->fault = held;
    cpu_update_mode(c);
    return ok;
}

bool cpu_get_msr(struct cpu *c, u32 msr, u64 *v)
{
    struct pending_fault held = c->fault;
    bool ok = msr_read(c, msr, v);

    c->fault = held;
    return ok;
}

bool cpu_set_msr(struct cpu *c, u32 msr, u64 v)
{
    struct pending_fault held = c->fault;
    bool ok = msr_write(c, msr, v);

    c->fault = held;
    return ok;
}

void cpu_get_mm(const struct cpu *c, unsigned i, u8 v[8]) { memcpy(v, c->fpu.reg[i & 7], 8); }

void cpu_set_mm(struct cpu *c, unsigned i, const u8 v[8])
{
    memcpy(c->fpu.reg[i & 7], v, 8);
    st16(c->fpu.reg[i & 7] + 8, 0xffff); /* SDM 1, 9.2.1 */
}
