/* SPDX-License-Identifier: MIT */
/* MONITOR and MWAIT (SDM 2; SDM 3A 8.10). MONITOR keeps a copy of the line; MWAIT waits as HLT does
 * until an interrupt or until the line differs from the copy: a store of the bytes that were there
 * already wakes nobody, and nobody could tell. Without extensions (CPUID.5 has none) an interrupt
 * that IF masks wakes nobody either. A line that is no RAM is never waited for. */
#include "cpu/isa.h"
#include "cpu/mem.h"
#include "cpu/mmu.h"

static void read_line(const struct cpu *c, u8 line[MONITOR_LINE])
{
    for (u32 k = 0; k < MONITOR_LINE; k += 4)
        st32(line + k, space_peek(c->mem, c->monitor.pa + k, 4));
}

bool monitor_written(const struct cpu *c)
{
    u8 now[MONITOR_LINE];

    read_line(c, now);
    return memcmp(now, c->monitor.line, sizeof now) != 0;
}

/* Above CPL 0 there are no such instructions. Hints are ignored (EDX; MWAIT's EAX), extensions
 * (ECX) are not there. */
static bool allowed(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (c->cpl)
        return cpu_raise(c, EXC_UD);
    if (c->gpr[R_ECX])
        return cpu_raise_err(c, EXC_GP, 0);
    return true;
}

static unsigned op_monitor(struct cpu *c, const struct insn *i)
{
    u32 la, ea = c->gpr[R_EAX] & insn_ea_mask(i);
    paddr pa;

    if (!allowed(c, i) || !seg_linear(c, i->seg, ea, 1, false, &la) ||
        !mmu_translate(c, la, false, false, &pa))
        FAULT(c);
    c->monitor.pa = pa & ~(paddr)(MONITOR_LINE - 1);
    c->monitor.armed = mmu_phys(c, pa)->rd != NO_FRAME;
    if (c->monitor.armed)
        read_line(c, c->monitor.line);
    NEXT(c, i);
}
const struct hset hs_monitor = HSET_ONE(op_monitor);

static unsigned op_mwait(struct cpu *c, const struct insn *i)
{
    if (!allowed(c, i))
        FAULT(c);
    if (c->monitor.armed && !monitor_written(c)) {
        c->monitor.waiting = true;
        c->events |= EV_HALT;
    }
    c->monitor.armed = false;
    EXIT_AT(c, i, next_eip(c, i));
}
const struct hset hs_mwait = HSET_ONE(op_mwait);
