/* SPDX-License-Identifier: MIT */
/* A bare CPU with ports that do what a test asks for: test_run.c, test_run_budget.c. */
#ifndef NB_TESTS_RUN_ENV_H
#define NB_TESTS_RUN_ENV_H

#include "tests/unit/cpu_rig.h"

#define PD_AT 0x40000u
#define PT_AT 0x41000u
enum { PTE_RWU = 7 };

/* One program's surroundings: ports that do what a test asks for. */
struct env {
    struct rig *r;
    struct cpu *c;
    void (*hook)(struct env *v, u16 port, bool write); /* at each port access */
    unsigned acks, accesses;
    u64 deadline;     /* the timer that OUT 42h arms */
    u64 trace;        /* a sum of all accesses and vectors with their counts */
};

static inline void note(struct env *v, u32 what)
{
    u64 x = v->trace ^ ((u64)what << 32 | (u32)*cpu_retired(v->c));

    v->trace = (x ^ x >> 29) * 0x9e3779b97f4a7c15ull;
}

static inline u32 env_read(void *dev, u32 off, unsigned size)
{
    struct env *v = dev;

    v->accesses++;
    note(v, 0x10000 | off);
    if (v->hook)
        v->hook(v, (u16)off, false);
    return (v->accesses * 0x01010101u) & size_mask(size);
}

static inline void env_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct env *v = dev;

    (void)size;
    v->accesses++;
    note(v, 0x20000 | off);
    note(v, val);
    if (v->hook)
        v->hook(v, (u16)off, true);
}

static const struct region_ops env_ops = { .read = env_read, .write = env_write, .min = 1, .max = 4,
                                           .unaligned = true };

static inline int env_ack(void *to)
{
    struct env *v = to;

    v->acks++;
    cpu_set_intr(v->c, 0);
    return 0x50;
}

static inline void env_vector(void *to, unsigned vec)
{
    struct env *v = to;

    note(v, 0x30000 | vec);
    note(v, cpu_get(v->c, CPU_EIP));
}

static inline struct env env_new(void)
{
    struct env v = { .deadline = UINT64_MAX };

    v.r = rig_prot();
    v.c = v.r->c;
    v.c->counted = true;
    return v;
}

/* The struct has its place now. */
static inline void env_plug(struct env *v)
{
    v->r->port_region.ops = &env_ops;
    v->r->port_region.dev = v;
    v->c->ack = env_ack;
    v->c->ack_to = v;
    v->c->on_vector = env_vector;
    v->c->on_vector_to = v;
}

#define CODE(v, at, ...) \
    do { \
        static const u8 code_[] = { __VA_ARGS__ }; \
        memcpy((v)->r->host + (at), code_, sizeof code_); \
        cpu_state_loaded((v)->c); \
    } while (0)

/* 4 KB pages, linear = physical for the first 4 MB. */
static inline void paging_on(struct env *v)
{
    st32(v->r->host + PD_AT, PT_AT | PTE_RWU);
    for (u32 p = 0; p < 256; p++)
        st32(v->r->host + PT_AT + 4 * p, p << 12 | PTE_RWU);
    cpu_set(v->c, CPU_CR3, PD_AT);
    cpu_set(v->c, CPU_CR0, CR0_PE | CR0_ET | CR0_PG | CR0_WP);
}

static inline void set_pte(struct env *v, u32 la, u32 pte)
{
    st32(v->r->host + PT_AT + 4 * (la >> 12), pte);
    cpu_set(v->c, CPU_CR3, PD_AT); /* a flush point */
}

static inline u64 run_for(struct env *v, u64 n, enum cpu_exit want)
{
    u64 from = *cpu_retired(v->c);

    ck_assert_int_eq(cpu_run(v->c, from + n), want);
    return *cpu_retired(v->c) - from;
}

#endif
