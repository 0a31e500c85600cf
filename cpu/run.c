/* SPDX-License-Identifier: MIT */
/* The run loop of the interpreter: blocks while nothing is the matter, and between them interrupts,
 * traps, halts and the debugger, in the order of SDM 3A table 6-2. */
#include "cpu/engine.h"
#include "cpu/hook.h"
#include "cpu/icache.h"
#include "cpu/isa.h"
#include "cpu/sys.h"

/* Deliveries in a row, with no instruction retired between them, that count nothing. A handler that is
 * itself the instruction that faults goes on for ever: from here on each delivery counts one, so that
 * time passes, deadlines come and budgets end. The count is part of the CPU's state and moves with
 * deliveries alone: how often the host looked in between changes nothing. */
enum { FREE_DELIVERIES = 1000 };

static void count_delivery(struct cpu *c)
{
    if (c->retired != c->fruitless_at) {
        c->fruitless = 0;
    } else if (c->fruitless < FREE_DELIVERIES) {
        c->fruitless++;
    } else {
        c->retired++;
    }
    c->fruitless_at = c->retired;
}

static bool at_break(const struct cpu *c)
{
    u32 la = c->seg[S_CS].base + c->eip;

    for (unsigned k = 0; k < c->num_breaks; k++)
        if (c->breaks[k] == la)
            return true;
    return false;
}

/* Runs one block, and up to `chain` more that its last handler knows. *first becomes the last one. Returns
 * what its last handler did. */
NB_INLINE unsigned run_block(struct cpu *c, struct block **first, u32 chain)
{
    struct block *b = *first;
    unsigned r;

    c->blk = b;
    c->blk_eip = c->eip;
    c->blk_retired = c->retired;
    c->chain = chain;
    r = b->insns[0].fn(c, b->insns);
    if (unlikely(r == RUN_FAULT))
        cpu_sync(c);
    *first = b = c->blk;
    if (unlikely(c->patched != NULL)) {
        if (b->valid)
            c->patched->fn = c->patched_fn;
        c->patched = NULL;
    }
    c->blk = NULL;
    return r;
}

/* Delivers the parked fault, or stops with it for the lab. */
static bool deliver(struct cpu *c)
{
    if (unlikely(c->stop_hit)) /* no fault */
        return false;
    if (c->fault.vec < 32)
        c->stat_faults[c->fault.vec]++;
    fault_deliver(c);
    if (c->catch_faults)
        return false;
    count_delivery(c);
    return true;
}

/* Whether the next instruction starts a block: not behind a single one that the decoder would go on
 * after, and not where a string instruction was left in the middle. */
static NB_COLD void hook_block_ran(struct cpu *c, const struct block *b, unsigned r)
{
    const struct insn *last = &b->insns[b->n - 1];
    bool again = (c->eflags & FL_RF) && c->cur >= b->insns && c->cur <= last &&
                 c->eip == c->blk_eip + c->cur->ofs;

    c->hooks->block_next = r == RUN_FAULT || (!again && (!(b->mode & MODE_SINGLE) || c->eip !=
                           next_eip(c, last) || (isa_row(last->row)->attr & A_END)));
}

/* One instruction with everything that can attach to one: shadow, breakpoints, single step, RF. */
static bool run_single(struct cpu *c)
{
    u32 shadow = c->events & (EV_SHADOW | EV_SHADOW_SS);
    enum hook_says says = HOOK_GO_ON;
    struct block *b;
    unsigned r;
    bool tf;

    if (unlikely(c->events & EV_HOOK) && (says = hook_insn(c)) != HOOK_GO_ON)
        return says == HOOK_AGAIN || deliver(c);
    tf = c->eflags & FL_TF;
    if ((c->mode & MODE_SINGLE || c->eflags & FL_RF) && !(shadow & EV_SHADOW_SS) &&
        !debug_code_check(c))
        return deliver(c);
    b = code_find(c, true);
    if (!b)
        return deliver(c);
    c->soft_int = false;
    r = run_block(c, &b, 0);
    if (unlikely(c->events & EV_HOOK))
        hook_block_ran(c, b, r);
    if (r == RUN_FAULT) {
        c->events &= ~shadow;
        return deliver(c);
    }
    if (shadow) /* exactly one instruction, and no new shadow out of one */
        c->events &= ~(u32)(EV_SHADOW | EV_SHADOW_SS);
    if (tf && !c->soft_int && !(c->events & EV_SHUTDOWN))
        debug_trap(c, DR6_BS);
    return true;
}

enum attended { NOTHING_DUE, DELIVERED, LEAVE /* cpu_run() returns *why */ };

/* Takes one of the things that are pending between two instructions. */
static enum attended attend(struct cpu *c, enum cpu_exit *why)
{
    if (c->events & EV_SHUTDOWN) {
        *why = CPU_SHUTDOWN;
        return LEAVE;
    }
    if ((c->events & EV_TRAP) && !(c->events & EV_SHADOW_SS)) {
        c->events &= ~(u32)EV_HALT; /* a trap after HLT's own step wakes it */
        debug_deliver_trap(c);
        if (c->catch_faults) {
            *why = CPU_BREAK;
            return LEAVE;
        }
        count_delivery(c);
        return DELIVERED;
    }
    if (c->events & EV_STOP) {
        c->events &= ~(u32)EV_STOP;
        *why = c->watch_stop ? CPU_WATCH : CPU_KICK;
        c->watch_stop = false;
        return LEAVE;
    }
    if (!(c->events & (EV_SHADOW | EV_SHADOW_SS))) {
        if ((c->events & EV_NMI) && !(c->events & EV_NMI_BLOCKED)) {
            c->events &= ~(u32)(EV_NMI | EV_HALT);
            fault_interrupt(c, EXC_NMI, true);
            count_delivery(c);
            return DELIVERED;
        }
        if ((c->events & EV_INTR) && (c->eflags & FL_IF)) {
            int vec = c->ack ? c->ack(c->ack_to) : -1;
            if (vec < 0) {
                c->events &= ~(u32)EV_INTR;
                return DELIVERED;
            }
            c->events &= ~(u32)EV_HALT;
            c->stat_irqs++;
            fault_interrupt(c, (unsigned)vec & 0xff, false);
            count_delivery(c);
            return DELIVERED;
        }
    }
    if (c->events & EV_HALT) {
        if (c->monitor.waiting && monitor_written(c)) {
            c->events &= ~(u32)EV_HALT;
            return DELIVERED;
        }
        *why = CPU_HALT;
        return LEAVE;
    }
    return NOTHING_DUE;
}

/* cpu_disturbed(), and hooks that want to see each block. */
static inline bool must_look(const struct cpu *c)
{
    return unlikely(c->events & ~(u32)EV_NMI_BLOCKED) &&
           ((c->events & EV_HOOK) || cpu_disturbed(c));
}

enum cpu_exit cpu_run(struct cpu *c, u64 until)
{
    enum cpu_exit why;
    /* real time: `until` is a time slice, and the block that reaches it may end */
    bool exact = c->counted || c->stepping;

    c->until = until;
    c->stop_hit = 0;
    for (;;) {
        if (unlikely(cpu_kicked(c))) {
            __atomic_store_n(&c->kick, 0, __ATOMIC_SEQ_CST);
            return CPU_KICK;
        }
        if (unlikely(cpu_disturbed(c))) {
            if (unlikely(c->fruitless == FREE_DELIVERIES && c->fruitless_at == c->retired &&
                         c->retired >= c->until))
                return CPU_BUDGET; /* the next delivery counts, as an instruction does */
            enum attended what = attend(c, &why);
            if (what == LEAVE)
                return why;
            if (what == DELIVERED) { /* and perhaps the next one waits already */
                c->resume_over_break = false;
                continue;
            }
        }
        if (c->retired >= c->until)
            return CPU_BUDGET;
        if (unlikely(c->num_breaks) && !c->resume_over_break && at_break(c)) {
            c->resume_over_break = true;
            return CPU_BREAK;
        }
        if (unlikely((c->events & (EV_SHADOW | EV_SHADOW_SS | EV_HOOK)) ||
                     (c->mode & MODE_SINGLE) || (c->eflags & FL_RF))) {
            if (c->events & EV_HOOK) {
                enum hook_says says = hook_block(c);
                if (says == HOOK_FAULT && !deliver(c))
                    return CPU_BREAK;
                if (says != HOOK_GO_ON)
                    continue;
            }
            if ((c->events & (EV_SHADOW | EV_SHADOW_SS)) || (c->mode & MODE_SINGLE) ||
                (c->eflags & FL_RF)) {
                c->resume_over_break = false;
                if (!run_single(c))
                    return CPU_BREAK;
                continue;
            }
        }
        struct block *b = code_find(c, false);
        for (;;) {
            unsigned r;
            if (unlikely(!b)) {
                if (!deliver(c))
                    return CPU_BREAK;
                break;
            }
            if (unlikely(c->until - c->retired < b->n) && exact) {
                if (!run_single(c))
                    return CPU_BREAK;
                break;
            }
            if (c->engine && (b->mode & c->engine->mask) == c->engine->want &&
                c->retired >= c->engine_from &&
                (r = c->engine->run(c, b)) != RUN_COLD) {
                if (r == RUN_BUG)
                    return CPU_BUG;
                if (r == RUN_FAULT && !deliver(c))
                    return CPU_BREAK;
                break; /* it has followed its links as far as they go */
            }
            r = run_block(c, &b, CHAIN_MAX);
            if (unlikely(r != RUN_NEXT)) {
                if (c->events & EV_HOOK)
                    hook_block_ran(c, b, r);
                if (r == RUN_FAULT && !deliver(c))
                    return CPU_BREAK;
                break;
            }
            if (unlikely(must_look(c) || cpu_kicked(c) || c->retired >= c->until)) {
                if (c->events & EV_HOOK)
                    hook_block_ran(c, b, r);
                break;
            }
            b = code_find_after(c, b);
        }
    }
}

enum cpu_exit cpu_step(struct cpu *c)
{
    enum cpu_exit why;

    c->stepping = true;
    why = cpu_run(c, c->retired + 1);
    c->stepping = false;
    return why;
}

/* Stands in for the instruction behind one whose bus access raised an event, so that the event is
 * taken right there: every engine takes it at the same retired count, whatever its blocks are. */
static unsigned op_stop_here(struct cpu *c, const struct insn *i)
{
    c->eip = c->blk_eip + i->ofs;
    c->retired = c->blk_retired + i->n;
    return RUN_EXIT;
}

void code_stop(struct cpu *c)
{
    if (c->group_from) {
        if (!c->patched && c->cur >= c->group_from && c->cur < c->group_to) {
            c->patched = c->group_from + (c->cur - c->group_from) + 1;
            c->patched_fn = c->patched->fn;
            c->patched->fn = op_stop_here;
        }
        return;
    }
    if (!c->blk || c->patched || !c->blk->valid || c->cur < c->blk->insns ||
        c->cur >= c->blk->insns + c->blk->n)
        return;
    c->patched = &c->blk->insns[c->cur->n + 1];
    c->patched_fn = c->patched->fn;
    c->patched->fn = op_stop_here;
}

void cpu_rest(struct cpu *c, u64 insns)
{
    c->engine_from = c->retired + insns;
}

void cpu_set_until(struct cpu *c, u64 until)
{
    if (until >= c->until)
        return;
    /* the block was entered with the old budget; the deadline may even have passed */
    c->until = until;
    code_stop(c);
}

const u64 *cpu_retired(const struct cpu *c)
{
    return &c->retired;
}

void cpu_sync_state(struct cpu *c)
{
    if (c->blk && c->cur)
        cpu_sync(c);
}

void cpu_set_intr(struct cpu *c, int level)
{
    if (level)
        c->events |= EV_INTR;
    else
        c->events &= ~(u32)EV_INTR;
    if (level && (c->eflags & FL_IF))
        code_stop(c);
}

void cpu_nmi(struct cpu *c)
{
    c->events |= EV_NMI;
    code_stop(c);
}

void cpu_kick(struct cpu *c)
{
    __atomic_store_n(&c->kick, 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&c->fast.limit, 0, __ATOMIC_SEQ_CST); /* emitted code looks at nothing else */
}

void cpu_stop(struct cpu *c)
{
    c->events |= EV_STOP;
    code_stop(c);
}

bool cpu_halted(const struct cpu *c)
{
    return c->events & EV_HALT;
}

bool cpu_wakeable(const struct cpu *c)
{
    return ((c->events & EV_INTR) && (c->eflags & FL_IF)) ||
           ((c->events & EV_NMI) && !(c->events & EV_NMI_BLOCKED)) ||
           ((c->events & EV_HALT) && c->monitor.waiting && monitor_written(c)) ||
           (c->events & (EV_SHUTDOWN | EV_TRAP | EV_STOP | EV_INIT));
}
