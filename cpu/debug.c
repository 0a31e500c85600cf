/* SPDX-License-Identifier: MIT */
/* Debug registers and #DB (SDM 3B chapter 17).
 *
 * A hit found while an instruction runs is kept in pending_dr6 and becomes a trap behind it
 * (EV_TRAP); a code breakpoint is a fault in front of it. EFLAGS.RF, set by IRET or by stopping in
 * the middle of a REP, lets one instruction pass its own breakpoint: MODE_SINGLE is on with it,
 * and the check clears it.
 * Data breakpoints are found by memslow.c.
 * Not modelled: DR7.LE/GE (always exact), branch trace, RTM. */
#include "cpu/sys.h"

static bool enabled(const struct cpu *c, unsigned n)
{
    return c->dr7 >> (2 * n) & 3;
}

static unsigned kind(const struct cpu *c, unsigned n) /* R/W field */
{
    return c->dr7 >> (16 + 4 * n) & 3;
}

static u32 len_mask(const struct cpu *c, unsigned n)
{
    return c->dr7 >> (18 + 4 * n) & 3; /* 0, 1, 3: bytes - 1; 2: reserved here, taken as 1 byte */
}

bool debug_code_check(struct cpu *c)
{
    u32 hits = 0;

    if (c->eflags & FL_RF) {
        c->eflags &= ~(u32)FL_RF;
        cpu_update_mode(c);
        return true;
    }
    if (!(c->dr7 & DR7_ENABLES) || (c->events & EV_SHADOW_SS))
        return true;
    for (unsigned n = 0; n < 4; n++) {
        if (enabled(c, n) && kind(c, n) == 0 && c->dr[n] == c->seg[S_CS].base + c->eip)
            hits |= BIT(n);
    }
    if (!hits)
        return true;
    c->pending_dr6 |= hits;
    return cpu_raise(c, EXC_DB);
}

static u32 overlap(const struct cpu *c, unsigned n, u32 addr, unsigned size)
{
    u32 mask = len_mask(c, n) == 2 ? 0 : len_mask(c, n);
    u32 start = c->dr[n] & ~mask; /* low bits are ignored, as the field is aligned */

    return addr <= start + mask && addr + size - 1 >= start ? BIT(n) : 0;
}

void debug_io_check(struct cpu *c, u16 port, unsigned size)
{
    u32 hits = 0;

    if (!(c->cr4 & CR4_DE) || !(c->dr7 & DR7_ENABLES))
        return;
    for (unsigned n = 0; n < 4; n++) {
        if (enabled(c, n) && kind(c, n) == 2)
            hits |= overlap(c, n, port, size);
    }
    if (hits)
        debug_trap(c, hits);
}

void debug_trap(struct cpu *c, u32 dr6_bits)
{
    c->pending_dr6 |= dr6_bits;
    c->events |= EV_TRAP;
}

void debug_deliver_trap(struct cpu *c)
{
    c->events &= ~(u32)EV_TRAP;
    cpu_raise(c, EXC_DB);
    fault_deliver(c);
}

void dr7_write(struct cpu *c, u32 v)
{
    c->dr7 = (v & DR7_WRITABLE) | DR7_FIXED;
    cpu_update_mode(c);
    mmu_select(c); /* pages with data breakpoints must leave the fast path */
}

void dr_write(struct cpu *c, unsigned n, u32 v)
{
    u32 dr7 = c->dr7;

    c->dr[n] = v;
    if (dr7 & DR7_ENABLES) { /* the MMU looks at DR7 alone */
        dr7_write(c, 0);
        dr7_write(c, dr7);
    }
}
