/* SPDX-License-Identifier: MIT */
/* Hooks of a CPU without a machine: the list, and the ways from the CPU to its functions. */
#include "core/xalloc.h"
#include "machine/cpu_api.h"

#define DATA_KINDS \
    (NB_CPU_HOOK_READ | NB_CPU_HOOK_READ_AFTER | NB_CPU_HOOK_WRITE | NB_CPU_HOOK_WRITE_AFTER)
#define ALL_KINDS (2u * NB_CPU_HOOK_OUT - 1)

void cpu_hooks_stop(struct nb_cpu *cpu)
{
    if (__atomic_load_n(&cpu->stop, __ATOMIC_SEQ_CST))
        cpu_stop(cpu->c);
}

/* Calls the hooks for one event until one of them takes it. between: until the place in the program
 * has changed, too (*moved). Lists may grow and hooks may go meanwhile. */
static bool call(struct nb_cpu *cpu, struct nb_cpu_event *ev, u32 last, enum cpu_where where,
                 bool *moved)
{
    unsigned n = cpu->num_hooks;
    enum cpu_where was = cpu->where;
    u32 eip = cpu_get(cpu->c, CPU_EIP), base = cpu_get(cpu->c, CPU_CS_BASE);
    bool taken = false;

    ev->size_of_event = sizeof *ev;
    cpu->where = where;
    cpu->calling++;
    for (unsigned k = 0; k < n && !taken; k++) {
        struct cpu_hook h = cpu->hook[k];
        u32 at = ev->kind == NB_CPU_HOOK_INTERRUPT ? ev->number : ev->addr;

        if (!h.id || !(h.kinds & ev->kind))
            continue;
        /* an access may wrap at 4 GB */
        if (h.first <= h.last &&
            (last >= at ? at > h.last || last < h.first : at > h.last && last < h.first))
            continue;
        taken =
            h.fn(cpu, ev, h.user) == NB_CPU_TAKEN &&
            (ev->kind & ~(DATA_KINDS | NB_CPU_HOOK_CODE | NB_CPU_HOOK_BLOCK | NB_CPU_HOOK_FETCH));
        if (moved && (cpu_get(cpu->c, CPU_EIP) != eip || cpu_get(cpu->c, CPU_CS_BASE) != base)) {
            *moved = true;
            break;
        }
    }
    cpu->calling--;
    cpu->where = was;
    cpu_hooks_stop(cpu);
    return taken;
}

/* ---- between two instructions */

/* false: the instruction is not to be run as it is. */
static bool at_insn(struct nb_cpu *cpu, unsigned kind, u32 la, u32 len)
{
    struct nb_cpu_event ev = { .kind = kind, .addr = la, .size = len };
    bool moved = false;

    call(cpu, &ev, la, CPU_BETWEEN, &moved);
    if (moved)
        cpu_block_starts(cpu->c);
    if (cpu->hooks_new)
        cpu_hooks_tell(cpu);
    return !moved && !__atomic_load_n(&cpu->stop, __ATOMIC_SEQ_CST);
}

static bool on_insn(void *to, u32 la, u32 len) { return at_insn(to, NB_CPU_HOOK_CODE, la, len); }

static bool on_fetch(void *to, u32 la) { return at_insn(to, NB_CPU_HOOK_FETCH, la, 0); }

static bool on_block(void *to, u32 la, u32 len) { return at_insn(to, NB_CPU_HOOK_BLOCK, la, len); }

bool cpu_hooks_fault(struct nb_cpu *cpu, const struct cpu_fault *f)
{
    bool soft = cpu_caught_int(cpu->c), moved = false, taken = false;
    struct nb_cpu_event ev = {
        .addr = cpu_get(cpu->c, CPU_CS_BASE) + cpu_get(cpu->c, CPU_EIP),
        .number = f->vector,
        .error = f->has_error ? f->error : 0,
        .has_error = f->has_error,
        .software = soft,
        .cr2 = f->vector == 14 && !soft ? f->cr2 : 0,
    };

    if (f->vector == 6 && !soft) {
        ev.kind = NB_CPU_HOOK_INVALID;
        taken = call(cpu, &ev, ev.addr, CPU_BETWEEN, &moved);
    }
    if (!taken && !moved) {
        ev.kind = NB_CPU_HOOK_INTERRUPT;
        taken = call(cpu, &ev, ev.number, CPU_BETWEEN, &moved);
    }
    if (cpu->hooks_new)
        cpu_hooks_tell(cpu);
    if (!taken && !moved)
        return false;
    if (soft && !moved)
        cpu_skip_int(cpu->c);
    cpu_drop_caught(cpu->c);
    cpu_block_starts(cpu->c);
    return true;
}

/* ---- within one */

static void on_access(void *to, u32 la, u8 *data, u32 size, enum cpu_access how, bool after)
{
    struct nb_cpu *cpu = to;
    struct nb_cpu_event ev = { .addr = la, .size = size, .data = data };

    if (how == CPU_READ)
        ev.kind = after ? NB_CPU_HOOK_READ_AFTER : NB_CPU_HOOK_READ;
    else
        ev.kind = after ? NB_CPU_HOOK_WRITE_AFTER : NB_CPU_HOOK_WRITE;
    call(cpu, &ev, la + size - 1, CPU_WITHIN, NULL);
}

static bool on_refused(void *to, u32 la, paddr pa, u32 size, enum cpu_access how)
{
    struct nb_cpu *cpu = to;
    struct nb_cpu_event ev = {
        .kind = NB_CPU_HOOK_UNMAPPED,
        .addr = la,
        .size = size,
        .physical = pa & ~(paddr)PAGE_MASK,
        .access = how,
        .mapped = cpu_mem_find(cpu, pa) != NULL,
    };

    return call(cpu, &ev, la + size - 1, CPU_WITHIN, NULL);
}

static u32 port_read(void *to, u32 port, unsigned size)
{
    struct nb_cpu_event ev = { .kind = NB_CPU_HOOK_IN, .addr = port, .size = size };

    ev.value = size_mask(size);
    return call(to, &ev, port + size - 1, CPU_WITHIN, NULL) ? ev.value & size_mask(size)
                                                            : size_mask(size);
}

static void port_write(void *to, u32 port, u32 val, unsigned size)
{
    struct nb_cpu_event ev = {
        .kind = NB_CPU_HOOK_OUT,
        .addr = port,
        .size = size,
        .value = val & size_mask(size),
    };

    call(to, &ev, port + size - 1, CPU_WITHIN, NULL);
}

static const struct region_ops port_ops = {
    .read = port_read,
    .write = port_write,
    .min = 1,
    .max = 4,
    .unaligned = true,
};

/* ---- the list */

void cpu_hooks_init(struct nb_cpu *cpu)
{
    struct cpu_hooks *h = &cpu->hooks;

    h->to = cpu;
    h->allowed = cpu_mem_allowed;
    h->refused = on_refused;
    h->access = on_access;
    h->fetch = on_fetch;
    h->insn = on_insn;
    h->block = on_block;
    cpu->next_hook = 1;
    space_init(&cpu->io, "ports", 0xffff, &cpu->log, NULL);
    cpu->ports = (struct region){ .name = "hooks",
                                  .size = 0x10000,
                                  .kind = REGION_IO,
                                  .ops = &port_ops,
                                  .dev = cpu,
                                  .prio = PRIO_PORT,
                                  .flags = REGION_RW };
    space_map(&cpu->io, &cpu->ports, NULL);
}

void cpu_hooks_free(struct nb_cpu *cpu)
{
    space_free(&cpu->io);
    xfree(cpu->hook);
}

bool cpu_hooks_any(const struct nb_cpu *cpu, unsigned kinds)
{
    for (unsigned k = 0; k < cpu->num_hooks; k++)
        if (cpu->hook[k].id && (cpu->hook[k].kinds & kinds))
            return true;
    return false;
}

static void add_range(struct cpu_hooks *h, u32 first, u32 last)
{
    if (first > last || h->num_ranges == CPU_HOOK_RANGES) {
        /* everywhere, or more than there is room for: all memory takes the slow path */
        h->num_ranges = 1;
        h->range[0].first = 0;
        h->range[0].last = 0xffffffffu;
        return;
    }
    h->range[h->num_ranges].first = first;
    h->range[h->num_ranges++].last = last;
}

void cpu_hooks_tell(struct nb_cpu *cpu)
{
    struct cpu_hooks *h = &cpu->hooks;
    unsigned live = 0;

    if (cpu->where == CPU_WITHIN) {
        cpu->hooks_new = true;
        cpu_stop(cpu->c); /* and then */
        return;
    }
    if (!cpu->calling) {
        for (unsigned k = 0; k < cpu->num_hooks; k++)
            if (cpu->hook[k].id)
                cpu->hook[live++] = cpu->hook[k];
        cpu->num_hooks = live;
    }
    cpu->hooks_new = cpu->calling > 0; /* the list is still to be compacted */
    h->want_insn = cpu_hooks_any(cpu, NB_CPU_HOOK_CODE);
    h->want_fetch = cpu_hooks_any(cpu, NB_CPU_HOOK_FETCH);
    h->want_block = cpu_hooks_any(cpu, NB_CPU_HOOK_BLOCK);
    h->num_ranges = 0;
    for (unsigned k = 0; k < cpu->num_hooks; k++)
        if (cpu->hook[k].id && (cpu->hook[k].kinds & DATA_KINDS))
            add_range(h, cpu->hook[k].first, cpu->hook[k].last);
    cpu_hooks_changed(cpu->c);
}

uint32_t nb_cpu_hook_add(struct nb_cpu *cpu, unsigned kinds, uint32_t first, uint32_t last,
                         nb_cpu_hook_fn *fn, void *user, struct nb_error *e)
{
    if (!kinds || (kinds & ~ALL_KINDS) || !fn) {
        cpu_fail(e, ERR_CONFIG,
                 fn ? "hook kinds %xh: none, or unknown ones"
                    : "a hook without a function "
                      "(kinds %xh)",
                 kinds);
        return 0;
    }
    if (cpu->num_hooks == cpu->cap_hooks) {
        cpu->cap_hooks = cpu->cap_hooks ? cpu->cap_hooks * 2 : 8;
        cpu->hook = xrealloc(cpu->hook, cpu->cap_hooks * sizeof *cpu->hook);
    }
    u32 id = cpu->next_hook++;
    cpu->hook[cpu->num_hooks++] = (struct cpu_hook){ id, kinds, first, last, fn, user };
    cpu_hooks_tell(cpu);
    return id;
}

bool nb_cpu_hook_remove(struct nb_cpu *cpu, uint32_t hook)
{
    for (unsigned k = 0; k < cpu->num_hooks; k++)
        if (hook && cpu->hook[k].id == hook) {
            cpu->hook[k].id = 0;
            cpu_hooks_tell(cpu);
            return true;
        }
    return false;
}
