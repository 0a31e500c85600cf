/* SPDX-License-Identifier: MIT */
/* The run loop: interrupt shadow, single step, stops, budgets, halts, shutdown, and instructions
 * that fault and start again. What it runs and from where: test_run_code.c. */
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

static void note(struct env *v, u32 what)
{
    u64 x = v->trace ^ ((u64)what << 32 | (u32)*cpu_retired(v->c));

    v->trace = (x ^ x >> 29) * 0x9e3779b97f4a7c15ull;
}

static u32 env_read(void *dev, u32 off, unsigned size)
{
    struct env *v = dev;

    v->accesses++;
    note(v, 0x10000 | off);
    if (v->hook)
        v->hook(v, (u16)off, false);
    return (v->accesses * 0x01010101u) & size_mask(size);
}

static void env_write(void *dev, u32 off, u32 val, unsigned size)
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

static int env_ack(void *to)
{
    struct env *v = to;

    v->acks++;
    cpu_set_intr(v->c, 0);
    return 0x50;
}

static void env_vector(void *to, unsigned vec)
{
    struct env *v = to;

    note(v, 0x30000 | vec);
    note(v, cpu_get(v->c, CPU_EIP));
}

static struct env env_new(void)
{
    struct env v = { .deadline = UINT64_MAX };

    v.r = rig_prot();
    v.c = v.r->c;
    v.c->counted = true;
    return v;
}

/* The struct has its place now. */
static void env_plug(struct env *v)
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
static void paging_on(struct env *v)
{
    st32(v->r->host + PD_AT, PT_AT | PTE_RWU);
    for (u32 p = 0; p < 256; p++)
        st32(v->r->host + PT_AT + 4 * p, p << 12 | PTE_RWU);
    cpu_set(v->c, CPU_CR3, PD_AT);
    cpu_set(v->c, CPU_CR0, CR0_PE | CR0_ET | CR0_PG | CR0_WP);
}

static void set_pte(struct env *v, u32 la, u32 pte)
{
    st32(v->r->host + PT_AT + 4 * (la >> 12), pte);
    cpu_set(v->c, CPU_CR3, PD_AT); /* a flush point */
}

static u64 run_for(struct env *v, u64 n, enum cpu_exit want)
{
    u64 from = *cpu_retired(v->c);

    ck_assert_int_eq(cpu_run(v->c, from + n), want);
    return *cpu_retired(v->c) - from;
}

/* ---- interrupt shadow ---- */

enum { BY_INTR, BY_NMI, BY_TRAP };
static const struct {
    u8 code[8];
    unsigned first; /* instructions before the event comes */
    u8 by, vec;
    u8 at;          /* what is pushed */
} shadows[] = {
    { { 0xfb, 0x90, 0x90 }, 0, BY_INTR, 0x50, 2 },             /* STI; NOP */
    { { 0xfb, 0x90, 0x90 }, 1, BY_INTR, 0x50, 2 },
    { { 0xfb, 0xfb, 0x90 }, 1, BY_INTR, 0x50, 2 },             /* STI; STI */
    { { 0xfb, 0x8e, 0xd0, 0x89, 0xe4 }, 1, BY_INTR, 0x50, 3 }, /* STI; MOV SS */
    { { 0x8e, 0xd0, 0xfb, 0x90, 0x90 }, 1, BY_INTR, 0x50, 3 }, /* MOV SS; STI */
    { { 0xfb, 0xfa, 0xfb, 0x90, 0x90 }, 0, BY_INTR, 0x50, 4 }, /* STI; CLI; STI; NOP */
    { { 0xfb, 0xf4, 0x90 }, 0, BY_INTR, 0x50, 2 },             /* STI; HLT */
    { { 0xfb, 0xf4, 0x90 }, 1, BY_INTR, 0x50, 2 },
    { { 0xfb, 0xf4, 0x90 }, 2, BY_INTR, 0x50, 2 },
    { { 0x8e, 0xd0, 0x89, 0xe4, 0x90 }, 1, BY_NMI, 2, 4 },     /* MOV SS; MOV ESP,ESP */
    { { 0xfb, 0x90, 0x90 }, 1, BY_NMI, 2, 2 },
    { { 0xfb, 0x90, 0x90 }, 0, BY_TRAP, 1, 1 },                /* STI holds no #DB */
    { { 0x8e, 0xd0, 0x89, 0xe4, 0x90 }, 0, BY_TRAP, 1, 4 },    /* MOV SS does */
    { { 0x8e, 0xd0, 0x8e, 0xd0, 0x90 }, 0, BY_TRAP, 1, 4 },
    { { 0x17, 0x89, 0xe4, 0x90 }, 0, BY_TRAP, 1, 3 },          /* POP SS */
    { { 0x17, 0x89, 0xe4, 0x90 }, 1, BY_NMI, 2, 3 },
    { { 0x0f, 0xb2, 0x23, 0x90 }, 0, BY_TRAP, 1, 3 },          /* LSS holds nothing */
};

/* i / 3: the case; i % 3: in the middle of a page; first instruction at its end; the first two. */
START_TEST(shadow_ends_behind_one_instruction)
{
    unsigned k = (unsigned)_i / 3;
    u32 base = _i % 3 ? 0x11000u - (u32)_i % 3 : CODE_AT;
    struct env v = env_new();

    env_plug(&v);
    memcpy(v.r->host + base, shadows[k].code, 8);
    cpu_set(v.c, CPU_EIP, base);
    cpu_set(v.c, CPU_EAX, G_DATA0);
    cpu_set(v.c, CPU_EBX, 0x50000);
    st32(v.r->host + 0x50000, SP0);
    st32(v.r->host + 0x50004, G_DATA0);
    st32(v.r->host + SP0, G_DATA0);
    if (shadows[k].by == BY_TRAP)
        cpu_set(v.c, CPU_EFLAGS, FL_TF);
    for (unsigned n = 0; n < shadows[k].first; n++)
        cpu_run(v.c, *cpu_retired(v.c) + 1);
    if (shadows[k].by == BY_INTR)
        cpu_set_intr(v.c, 1);
    else if (shadows[k].by == BY_NMI)
        cpu_nmi(v.c);
    run_for(&v, 5, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, shadows[k].vec);
    ck_assert_msg(frame_seen(v.r).eip == base + shadows[k].at, "case %u: +%x", k,
                  frame_seen(v.r).eip - base);
    rig_free(v.r);
}
END_TEST

/* The shadowed instruction may be one iteration of many: the interrupt comes behind it, however
 * far the budget would let the repetition go. */
START_TEST(shadow_covers_one_iteration)
{
    static const u8 op[] = { 0xaa, 0xa4, 0xac, 0x6e, 0x6c, 0xae };

    for (unsigned k = 0; k < 2 * ARRAY_LEN(op); k++) {
        struct env v = env_new();

        env_plug(&v);
        CODE(&v, CODE_AT, 0xfb, 0xf3, 0x90, 0x90);
        v.r->host[CODE_AT + 2] = op[k / 2];
        cpu_set(v.c, CPU_ECX, 100);
        cpu_set(v.c, CPU_ESI, 0x51000);
        cpu_set(v.c, CPU_EDI, 0x50000);
        cpu_set_intr(v.c, 1);
        for (unsigned n = 0; n < (k & 1 ? 3u : 1u); n++)
            run_for(&v, k & 1 ? 1 : 3, CPU_BUDGET);
        ck_assert_int_eq(frame_seen(v.r).vec, 0x50);
        ck_assert_uint_eq(frame_seen(v.r).eip, CODE_AT + 1);
        ck_assert_msg(cpu_get(v.c, CPU_ECX) == 99, "op %02x: %u", op[k / 2],
                      cpu_get(v.c, CPU_ECX));
        ck_assert_uint_eq(frame_seen(v.r).eflags & FL_RF, FL_RF);
        rig_free(v.r);
    }
}
END_TEST

START_TEST(fault_in_the_shadow_ends_it)
{
    struct env v = env_new();

    env_plug(&v);
    CODE(&v, CODE_AT, 0xfb, 0x0f, 0x0b);
    cpu_set_intr(v.c, 1);
    run_for(&v, 3, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, EXC_UD);
    ck_assert_uint_eq(frame_seen(v.r).eip, CODE_AT + 1);
    ck_assert_uint_eq(v.c->events & (EV_SHADOW | EV_SHADOW_SS), 0);
    rig_free(v.r);
}
END_TEST

/* ---- single step ---- */

static const struct { u8 code[8]; u32 at; u32 eflags; } steps[] = {
    { { 0xeb, 0x02 }, 4, FL_TF }, { { 0x74, 0x02 }, 2, FL_TF }, { { 0x75, 0x02 }, 4, FL_TF },
    { { 0xe8, 3, 0, 0, 0 }, 8, FL_TF }, { { 0xe2, 0x10 }, 0x12, FL_TF }, { { 0xc3 }, 0x40, FL_TF },
    { { 0xe4, 0x42 }, 2, FL_TF }, { { 0xe6, 0x42 }, 2, FL_TF }, { { 0xfb }, 1, FL_TF | FL_IF },
    { { 0xfa }, 1, FL_TF }, { { 0x9c }, 1, FL_TF }, { { 0x0f, 0xa2 }, 2, FL_TF },
    { { 0xf4 }, 1, FL_TF }, { { 0xf3, 0xa4 }, 0, FL_TF | FL_RF }, { { 0xa4 }, 1, FL_TF },
    { { 0x0f, 0x23, 0xf0 }, 3, FL_TF }, { { 0x67, 0xe3, 0x10 }, 3, FL_TF },
    { { 0x9d }, 1, 0 }, /* POPF takes TF away, IRET below: the trap comes all the same */
    { { 0xd9, 0xee }, 2, FL_TF }, { { 0x0f, 0x34 }, 0x80, FL_TF },
};

START_TEST(trap_behind_each_kind)
{
    struct env v = env_new();

    env_plug(&v);
    memcpy(v.r->host + CODE_AT, steps[_i].code, 8);
    cpu_set(v.c, CPU_EFLAGS, FL_TF);
    cpu_set(v.c, CPU_ECX, 2);
    cpu_set(v.c, CPU_EDI, 0x50000);
    cpu_set(v.c, CPU_EAX, 0);
    v.c->sysenter_cs = G_CODE0;
    v.c->sysenter_esp = SP0;
    v.c->sysenter_eip = CODE_AT + 0x80;
    st32(v.r->host + SP0, steps[_i].code[0] == 0xc3 ? CODE_AT + 0x40 : 0);
    cpu_run(v.c, *cpu_retired(v.c) + 1);
    ck_assert_int_eq(frame_seen(v.r).vec, EXC_DB);
    ck_assert_uint_eq(frame_seen(v.r).eip, CODE_AT + steps[_i].at);
    ck_assert_uint_eq(frame_seen(v.r).eflags & (FL_TF | FL_RF | FL_IF), steps[_i].eflags);
    ck_assert_uint_eq(cpu_get(v.c, CPU_DR6), 0xffff4ff0);
    if (steps[_i].code[0] == 0x9c)
        ck_assert_uint_eq(peek32(v.r, SP0 - 4), FL_TF | FL_1);
    rig_free(v.r);
}
END_TEST

START_TEST(tf_comes_with_popf_and_iret_one_instruction_later)
{
    for (unsigned k = 0; k < 2; k++) {
        struct env v = env_new();

        env_plug(&v);
        CODE(&v, CODE_AT, 0x9d, 0x90, 0x90);
        if (k)
            v.r->host[CODE_AT] = 0xcf;
        cpu_set(v.c, CPU_ESP, SP0 - 12);
        st32(v.r->host + SP0 - 12, k ? CODE_AT + 1 : FL_TF);
        st32(v.r->host + SP0 - 8, G_CODE0);
        st32(v.r->host + SP0 - 4, FL_TF);
        run_for(&v, 1, CPU_BUDGET);
        ck_assert_int_eq(frame_seen(v.r).vec, -1);
        ck_assert_uint_eq(cpu_get(v.c, CPU_EIP), CODE_AT + 1);
        run_for(&v, 1, CPU_BUDGET);
        ck_assert_int_eq(frame_seen(v.r).vec, EXC_DB);
        ck_assert_uint_eq(frame_seen(v.r).eip, CODE_AT + 2);
        rig_free(v.r);
    }
}
END_TEST

/* A fault is no completed instruction: no BS, and TF stays in the image. */
START_TEST(fault_with_tf)
{
    struct env v = env_new();

    env_plug(&v);
    CODE(&v, CODE_AT, 0x0f, 0x0b);
    cpu_set(v.c, CPU_EFLAGS, FL_TF);
    run_for(&v, 1, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, EXC_UD);
    ck_assert_uint_eq(frame_seen(v.r).eip, CODE_AT);
    ck_assert_uint_eq(frame_seen(v.r).eflags, FL_TF | FL_RF | FL_1);
    ck_assert_uint_eq(cpu_get(v.c, CPU_DR6), 0xffff0ff0);
    rig_free(v.r);
}
END_TEST

/* A data breakpoint of MOV SS waits for the next instruction; if that is INT n, the trap finds its
 * handler's first instruction. */
START_TEST(watched_mov_ss_then_int)
{
    struct env v = env_new();

    env_plug(&v);
    CODE(&v, CODE_AT, 0x8e, 0x13, 0xcd, 0x40); /* mov ss,[ebx]; int 40h */
    st32(v.r->host + 0x50000, G_DATA0);
    cpu_set(v.c, CPU_EBX, 0x50000);
    cpu_set(v.c, CPU_DR2, 0x50000);
    cpu_set(v.c, CPU_DR7, 0x07000420); /* DR2: reads and writes, 2 bytes */
    run_for(&v, 2, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, EXC_DB);
    ck_assert_uint_eq(frame_seen(v.r).eip, 0x20000 + 16 * 0x40);
    ck_assert_uint_eq(cpu_get(v.c, CPU_DR6), 0xffff0ff4);
    ck_assert_uint_eq(peek32(v.r, SP0 - 12), CODE_AT + 4); /* INT's own frame below it */
    rig_free(v.r);
}
END_TEST

/* The code breakpoint of the instruction behind MOV SS does not fire. */
START_TEST(code_breakpoint_in_the_shadow)
{
    struct env v = env_new();

    env_plug(&v);
    CODE(&v, CODE_AT, 0x8e, 0xd0, 0x90, 0x90);
    cpu_set(v.c, CPU_EAX, G_DATA0);
    cpu_set(v.c, CPU_DR0, CODE_AT + 2);
    cpu_set(v.c, CPU_DR1, CODE_AT + 3);
    cpu_set(v.c, CPU_DR7, 0x405);
    run_for(&v, 3, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, EXC_DB);
    ck_assert_uint_eq(frame_seen(v.r).eip, CODE_AT + 3);
    ck_assert_uint_eq(cpu_get(v.c, CPU_DR6), 0xffff0ff2);
    rig_free(v.r);
}
END_TEST

/* ---- several events at once, and stops ---- */

static void hook_stop(struct env *v, u16 port, bool write)
{
    (void)port;
    (void)write;
    cpu_stop(v->c);
}
static void hook_nmi(struct env *v, u16 port, bool write)
{
    (void)port;
    (void)write;
    cpu_nmi(v->c);
}
static void hook_intr(struct env *v, u16 port, bool write)
{
    (void)port;
    (void)write;
    cpu_set_intr(v->c, 1);
}

/* Nothing runs between two events that wait at the same place. */
START_TEST(stop_behind_a_trap)
{
    struct env v = env_new();

    env_plug(&v);
    CODE(&v, CODE_AT, 0xe6, 0x42, 0x90, 0x90);
    cpu_set(v.c, CPU_EFLAGS, FL_TF);
    v.hook = hook_stop;
    ck_assert_uint_eq(run_for(&v, 100, CPU_KICK), 1);
    ck_assert_uint_eq(cpu_get(v.c, CPU_EIP), 0x20010);
    rig_free(v.r);
}
END_TEST

START_TEST(nmi_behind_a_trap)
{
    struct env v = env_new();

    env_plug(&v);
    CODE(&v, CODE_AT, 0xe6, 0x42, 0x90, 0x90);
    cpu_set(v.c, CPU_EFLAGS, FL_TF);
    v.hook = hook_nmi;
    run_for(&v, 1, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, EXC_NMI);
    ck_assert_uint_eq(frame_seen(v.r).eip, 0x20010);
    rig_free(v.r);
}
END_TEST

START_TEST(intr_behind_nmi_with_a_trap_gate)
{
    struct env v = env_new();

    env_plug(&v);
    set_gate(v.r, IDT_AT + 8 * EXC_NMI, G_CODE0, 0x20020, 0x8f, 0);
    CODE(&v, CODE_AT, 0xe4, 0x42, 0x90, 0x90);
    cpu_set(v.c, CPU_EFLAGS, FL_IF);
    cpu_nmi(v.c);
    cpu_set_intr(v.c, 1);
    run_for(&v, 1, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, 0x50);
    ck_assert_uint_eq(frame_seen(v.r).eip, 0x20020);
    rig_free(v.r);
}
END_TEST

static void (*const hooks[])(struct env *, u16, bool) = { hook_stop, hook_nmi, hook_intr };

START_TEST(event_of_a_port_is_taken_right_behind_it)
{
    static const u8 op[][2] = { { 0xe4, 0x42 }, { 0xe6, 0x42 }, { 0x6c, 0x90 }, { 0x6e, 0x90 } };

    for (unsigned k = 0; k < ARRAY_LEN(op); k++) {
        for (unsigned h = 0; h < ARRAY_LEN(hooks); h++) {
            struct env v = env_new();

            env_plug(&v);
            CODE(&v, CODE_AT, 0x41, 0x41, 0x90, 0x90, 0x42, 0x42, 0x42, 0x42);
            memcpy(v.r->host + CODE_AT + 2, op[k], 2);
            cpu_set(v.c, CPU_EDX, 0x42);
            cpu_set(v.c, CPU_EDI, 0x50000);
            cpu_set(v.c, CPU_EFLAGS, FL_IF);
            v.hook = hooks[h];
            u64 n = run_for(&v, 3, h ? CPU_BUDGET : CPU_KICK);
            u32 len = k < 2 ? 2 : 1;
            ck_assert_uint_eq(n, 3);
            ck_assert_uint_eq(h ? frame_seen(v.r).eip : cpu_get(v.c, CPU_EIP), CODE_AT + 2 + len);
            ck_assert_uint_eq(cpu_get(v.c, CPU_EDX), 0x42);
            rig_free(v.r);
        }
    }
}
END_TEST

/* An interrupt that cannot be delivered ends in shutdown; not one instruction more runs. */
START_TEST(shutdown_while_delivering)
{
    for (unsigned k = 0; k < 3; k++) {
        struct env v = env_new();

        env_plug(&v);
        CODE(&v, CODE_AT, 0x40, 0x40, 0x40, 0x40);
        cpu_set(v.c, CPU_IDTR_LIMIT, 0);
        cpu_set(v.c, CPU_EFLAGS, k == 2 ? FL_TF : FL_IF);
        if (k == 0)
            cpu_set_intr(v.c, 1);
        else if (k == 1)
            cpu_nmi(v.c);
        ck_assert_uint_eq(run_for(&v, 100, CPU_SHUTDOWN), k == 2 ? 1 : 0);
        ck_assert_uint_eq(cpu_get(v.c, CPU_EAX), k == 2 ? 1 : 0);
        /* only reset leaves it */
        cpu_nmi(v.c);
        cpu_set_intr(v.c, 1);
        ck_assert_uint_eq(run_for(&v, 100, CPU_SHUTDOWN), 0);
        cpu_reset(v.c, CPU_INIT);
        ck_assert_uint_eq(cpu_get(v.c, CPU_EIP), 0xfff0);
        ck_assert_uint_eq(v.c->events, EV_INTR); /* the line's level is no state of the CPU */
        rig_free(v.r);
    }
}
END_TEST

/* A handler that is itself the faulting instruction retires nothing, for ever: a thousand deliveries
 * count nothing, and each one after that counts one, however often the host looks in. */
START_TEST(faults_without_end)
{
    for (unsigned kicks = 0; kicks < 3; kicks++) {
        struct rig *r = rig_cpu("max");

        for (unsigned s = CPU_ES; s <= CPU_GS; s++)
            cpu_set(r->c, s, 0);
        poke32(r, 4 * EXC_UD, 0x1000);
        poke32(r, 0x1000, 0x0b0f4040); /* INC AX twice, UD2 */
        poke32(r, 4 * EXC_UD, 0x1002);
        cpu_set(r->c, CPU_EIP, 0x1000);
        cpu_set(r->c, CPU_ESP, 0x8000);
        u64 before = *cpu_retired(r->c);
        for (unsigned k = 0; k < kicks * 5; k++) { /* a kick, and the end of a budget */
            cpu_kick(r->c);
            ck_assert_int_eq(cpu_run(r->c, before + 100), CPU_KICK);
            ck_assert_int_eq(cpu_run(r->c, before + 3 + k), CPU_BUDGET);
        }
        ck_assert_int_eq(cpu_run(r->c, before + 100), CPU_BUDGET);
        ck_assert_uint_eq(*cpu_retired(r->c), before + 100);
        /* 2 retired, 1 + 1000 free, 98 counted */
        ck_assert_uint_eq(r->c->stat_faults[EXC_UD], 1001 + 98);
        ck_assert_uint_eq(cpu_get(r->c, CPU_EAX), 2);
        ck_assert_int_eq(cpu_step(r->c), CPU_BUDGET);
        ck_assert_uint_eq(*cpu_retired(r->c), before + 101);
        rig_free(r);
    }
}
END_TEST

/* ---- the debugger's stops ---- */

START_TEST(watchpoint_stops_behind_the_access)
{
    struct env v = env_new();

    env_plug(&v);
    CODE(&v, CODE_AT, 0x90, 0x90, 0x89, 0x03, 0x40, 0x40, 0x40, 0x40, 0x40);
    cpu_set(v.c, CPU_EBX, 0x50000);
    run_for(&v, 1, CPU_BUDGET);
    ck_assert(cpu_watch_add(v.c, 0x50000, 4, CPU_WATCH_WRITE));
    ck_assert_uint_eq(run_for(&v, 100, CPU_WATCH), 2);
    ck_assert_uint_eq(cpu_get(v.c, CPU_EIP), CODE_AT + 4);
    ck_assert_uint_eq(cpu_watch_hit(v.c), 0x50000);
    ck_assert(cpu_watch_del(v.c, 0x50000, 4, CPU_WATCH_WRITE));
    ck_assert_uint_eq(v.c->mode & MODE_SINGLE, 0);
    rig_free(v.r);
}
END_TEST

/* Going on from one breakpoint skips that one and no other. */
START_TEST(breakpoint_in_a_handler_that_comes_first)
{
    struct env v = env_new();

    env_plug(&v);
    CODE(&v, CODE_AT, 0x90, 0x90, 0x90);
    ck_assert(cpu_break_add(v.c, CODE_AT + 1));
    ck_assert(cpu_break_add(v.c, 0x20000 + 16 * 0x50));
    cpu_set(v.c, CPU_EFLAGS, FL_IF);
    ck_assert_uint_eq(run_for(&v, 100, CPU_BREAK), 1);
    cpu_set_intr(v.c, 1);
    ck_assert_uint_eq(run_for(&v, 100, CPU_BREAK), 0);
    ck_assert_uint_eq(cpu_get(v.c, CPU_EIP), 0x20000 + 16 * 0x50);
    rig_free(v.r);
}
END_TEST

static void ferr_line(void *to, int level)
{
    struct env *v = to;

    cpu_set_intr(v->c, level);
}

/* FERR# is an event like any other, whatever ran before: FDIV by zero in registers. */
START_TEST(ferr_is_taken_behind_its_instruction)
{
    struct env v = env_new();

    env_plug(&v);
    cpu_set_ferr(v.c, ferr_line, &v);
    /* a long block whose last access comes late, then a short one */
    memset(v.r->host + CODE_AT, 0x90, 40);
    CODE(&v, CODE_AT + 40, 0xe4, 0x42, 0xeb, 0x00,
         0xd8, 0xf1, 0x41, 0x41, 0x41, 0x41, 0xeb, 0xfe);
    cpu_set(v.c, CPU_EBX, 0x50000);
    cpu_set(v.c, CPU_EFLAGS, FL_IF);
    cpu_set(v.c, CPU_FCW, 0x37b); /* divide by zero unmasked */
    cpu_set(v.c, CPU_FTW, 0xffff);
    u8 one[10] = { 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f }, zero[10] = { 0 };
    cpu_set(v.c, CPU_FTW, 0);
    cpu_set_st(v.c, 0, one);
    cpu_set_st(v.c, 1, zero);
    run_for(&v, 43, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, 0x50);
    ck_assert_uint_eq(frame_seen(v.r).eip, CODE_AT + 46);
    ck_assert_uint_eq(cpu_get(v.c, CPU_ECX), 0);
    rig_free(v.r);
}
END_TEST

/* ---- budgets ---- */

/* A program with everything in it that counts: REP of all kinds, ports, calls, a timer that OUT 42h
 * arms, its handler, HLT. */
static const u8 busy[] = {
    0xfb,                                     /* 00 sti */
    0xb9, 0x25, 0, 0, 0,                      /* 01 mov ecx, 25h */
    0xbf, 0, 0, 5, 0,                         /* 06 mov edi, 50000h */
    0xbe, 0x33, 0, 1, 0,                      /* 0b mov esi, 10033h */
    0xe6, 0x42,                               /* 10 out 42h, al */
    0xf3, 0xa4,                               /* 12 rep movsb */
    0xb9, 0x85, 4, 0, 0, 0xf3, 0xab,          /* 14 mov ecx, 485h; rep stosd */
    0x66, 0xba, 0x60, 0,                      /* 1b mov dx, 60h */
    0xe6, 0x42,                               /* 1f out 42h, al */
    0xb9, 9, 0, 0, 0, 0xf3, 0x6e,             /* 21 mov ecx, 9; rep outsb */
    0xe4, 0x42, 0x01, 0xc3,                   /* 28 in al, 42h; add ebx, eax */
    0xe8, 0x10, 0, 0, 0,                      /* 2c call 41h */
    0xb9, 7, 0, 0, 0, 0xf3, 0x6d,             /* 31 mov ecx, 7; rep insd */
    0xb9, 0, 1, 0, 0, 0xf2, 0xae,             /* 38 mov ecx, 100h; repne scasb */
    0xeb, 0x08,                               /* 3f jmp 49h */
    0x60, 0x9c, 0xe4, 0x61, 0x40, 0x9d, 0x61, 0xc3, /* 41 pusha pushf in inc popf popa ret */
    0x4d, 0xb9, 5, 0, 0, 0,                   /* 49 dec ebp; mov ecx, 5 */
    0x43, 0xe2, 0xfd,                         /* 4f inc ebx; loop 4fh */
    0xeb, 0xad,                               /* 52 jmp 01h */
};

static void hook_timer(struct env *v, u16 port, bool write)
{
    if (port != 0x42 || !write)
        return;
    v->deadline = *cpu_retired(v->c) + 3 + v->accesses * 7 % 41;
    cpu_set_until(v->c, v->deadline);
}

static u32 lcg(u32 *s)
{
    return *s = *s * 1664525 + 1013904223;
}

/* chunk 0: in one go; 1: single instructions; else random pieces seeded with it. */
static u64 run_busy(u64 total, u32 chunk, u32 regs[10], u32 *ram_sum)
{
    struct env v = env_new();
    u32 seed = chunk;

    env_plug(&v);
    v.hook = hook_timer;
    memcpy(v.r->host + CODE_AT, busy, sizeof busy);
    CODE(&v, 0x20000 + 16 * 0x50, 0x50, 0xe4, 0x20, 0xff, 0x05, 0, 0, 6, 0, 0x58, 0xcf);
    u64 end = *cpu_retired(v.c) + total;
    while (*cpu_retired(v.c) < end) {
        u64 now = *cpu_retired(v.c), until = MIN(end, v.deadline), piece;

        if (chunk == 1)
            until = MIN(until, now + 1);
        else if (chunk)
            piece = now + 1 + (lcg(&seed) >> 16) % 50, until = MIN(until, piece);
        ck_assert_int_eq(cpu_run(v.c, until), CPU_BUDGET);
        ck_assert(*cpu_retired(v.c) <= MIN(until, v.deadline));
        if (*cpu_retired(v.c) >= v.deadline) {
            v.deadline = UINT64_MAX;
            cpu_set_intr(v.c, 1);
        }
    }
    ck_assert_uint_eq(*cpu_retired(v.c), end);
    for (unsigned k = 0; k < 10; k++)
        regs[k] = cpu_get(v.c, k);
    *ram_sum = 0;
    for (u32 k = 0; k < RIG_RAM; k += 4)
        *ram_sum = *ram_sum * 31 + peek32(v.r, k);
    ck_assert(total < 100 || v.acks > 0);
    rig_free(v.r);
    return v.trace;
}

/* The same registers, memory, and order and counts of port accesses and interrupts. */
START_TEST(budget_is_exact_for_every_split)
{
    u64 total = 1 + (u32)_i * 977;
    u32 want[10], got[10], want_ram, got_ram;
    u64 trace = run_busy(total, 0, want, &want_ram);

    for (u32 chunk = 1; chunk < 6; chunk++) {
        ck_assert_uint_eq(run_busy(total, chunk, got, &got_ram), trace);
        for (unsigned k = 0; k < 10; k++)
            ck_assert_uint_eq(got[k], want[k]);
        ck_assert_uint_eq(got_ram, want_ram);
    }
}
END_TEST

/* ---- halt ---- */

START_TEST(halt_and_what_ends_it)
{
    struct env v = env_new();

    env_plug(&v);
    CODE(&v, CODE_AT, 0xf4, 0x40, 0xf4, 0x40);
    ck_assert_uint_eq(run_for(&v, 10, CPU_HALT), 1);
    ck_assert_uint_eq(cpu_get(v.c, CPU_EIP), CODE_AT + 1);
    ck_assert(cpu_halted(v.c) && !cpu_wakeable(v.c));
    cpu_set_intr(v.c, 1); /* IF is clear */
    ck_assert(!cpu_wakeable(v.c));
    ck_assert_uint_eq(run_for(&v, 10, CPU_HALT), 0);
    cpu_set_intr(v.c, 0);
    cpu_stop(v.c); /* a stop ends cpu_run, not the halt */
    ck_assert_uint_eq(run_for(&v, 10, CPU_KICK), 0);
    ck_assert(cpu_halted(v.c));
    cpu_nmi(v.c);
    ck_assert(cpu_wakeable(v.c));
    run_for(&v, 1, CPU_BUDGET);
    ck_assert(!cpu_halted(v.c));
    ck_assert_int_eq(frame_seen(v.r).vec, EXC_NMI);
    ck_assert_uint_eq(frame_seen(v.r).eip, CODE_AT + 1);
    /* halted within the NMI handler: another NMI waits for IRET */
    cpu_set(v.c, CPU_EIP, CODE_AT + 2);
    ck_assert_uint_eq(run_for(&v, 10, CPU_HALT), 1);
    cpu_nmi(v.c);
    ck_assert(!cpu_wakeable(v.c));
    ck_assert_uint_eq(run_for(&v, 10, CPU_HALT), 0);
    cpu_set(v.c, CPU_EFLAGS, FL_IF);
    cpu_set_intr(v.c, 1);
    ck_assert(cpu_wakeable(v.c));
    run_for(&v, 1, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, 0x50);
    ck_assert_uint_eq(frame_seen(v.r).eip, CODE_AT + 3);
    cpu_reset(v.c, CPU_POWER_ON);
    ck_assert_uint_eq(v.c->events, 0);
    rig_free(v.r);
}
END_TEST

/* ---- instructions that fault change nothing and start again ---- */

enum { MISS = 0x60000 }; /* this page is missing; the one below it is there */
static const struct { u8 code[10]; u32 esp, ebx, cr2; u8 err; } restarts[] = {
    { { 0x60 }, MISS + 0x1010, 0, MISS + 0xffc, 2 },                   /* pusha, 5th value */
    { { 0x60 }, MISS + 0x1000, 0, MISS + 0xffc, 2 },
    { { 0x61 }, MISS - 8, 0, MISS, 0 },                               /* popa */
    { { 0xc8, 0x20, 0, 0 }, MISS + 0x1010, 0, MISS + 0xfec, 2 },       /* enter: final probe */
    { { 0xc8, 0x20, 0, 3 }, MISS + 0x1008, 0, MISS + 0xffc, 2 },       /* enter 20h, 3 */
    { { 0xe8, 1, 0, 0, 0 }, MISS + 0x1000, 0, MISS + 0xffc, 2 },       /* call */
    { { 0xff, 0x13 }, MISS + 0x1000, 0x52000, MISS + 0xffc, 2 },       /* call [ebx] */
    { { 0xff, 0x13 }, SP0, MISS, MISS, 0 },
    { { 0x9a, 0, 0, 1, 0, 8, 0 }, MISS + 0x1004, 0, MISS + 0xffc, 2 }, /* call far: second push */
    { { 0xc3 }, MISS, 0, MISS, 0 },                                   /* ret */
    { { 0xcb }, MISS - 4, 0, MISS, 0 },                               /* retf: CS is missing */
    { { 0xcf }, MISS - 8, 0, MISS, 0 },                               /* iret: EFLAGS */
    { { 0x8f, 0x03 }, SP0, MISS + 8, MISS + 8, 2 },                   /* pop [ebx] */
    { { 0x8f, 0x04, 0x24 }, MISS - 4, 0, MISS, 2 },               /* pop [esp]: after ESP rose */
    { { 0xff, 0x33 }, SP0, MISS + 4, MISS + 4, 0 },                   /* push [ebx] */
    { { 0x87, 0x03 }, SP0, MISS, MISS, 2 },                           /* xchg */
    { { 0x01, 0x03 }, SP0, MISS - 2, MISS, 2 },                       /* add, across the border */
    { { 0x0f, 0xc7, 0x0b }, SP0, MISS - 4, MISS, 2 },                 /* cmpxchg8b */
    { { 0x0f, 0xb1, 0x0b }, SP0, MISS, MISS, 2 },                     /* cmpxchg */
    { { 0x0f, 0xc1, 0x0b }, SP0, MISS, MISS, 2 },                     /* xadd */
    { { 0xc4, 0x03 }, SP0, MISS - 4, MISS, 0 },                       /* les: selector missing */
    { { 0x0f, 0xb2, 0x23 }, SP0, MISS - 4, MISS, 0 },                 /* lss esp */
    { { 0x62, 0x03 }, SP0, MISS - 4, MISS, 0 },                       /* bound */
    { { 0x1e }, MISS + 0x1000, 0, MISS + 0xffc, 2 },                   /* push ds */
    { { 0x1f }, MISS, 0, MISS, 0 },                                   /* pop ds */
    { { 0x9c }, MISS + 0x1000, 0, MISS + 0xffc, 2 }, { { 0x9d }, MISS, 0, MISS, 0 },
    { { 0xc9 }, SP0, 0, MISS, 0 },                                    /* leave: EBP below */
    { { 0xa4 }, SP0, 0, MISS, 2 },                                    /* movs: EDI below */
    { { 0x0f, 0x01, 0x03 }, SP0, MISS - 2, MISS, 2 },                 /* sgdt */
};

START_TEST(faulting_instruction_changes_nothing)
{
    struct env v = env_new();
    u32 before[CPU_NUM_REGS];
    static u8 ram[RIG_RAM];

    env_plug(&v);
    paging_on(&v);
    memcpy(v.r->host + CODE_AT, restarts[_i].code, 10);
    /* the handler's stack is its own: level 3 code */
    rig_level(v.r, 3);
    cpu_set(v.c, CPU_EIP, CODE_AT);
    for (unsigned k = 0; k < 8; k++)
        cpu_set(v.c, k, 0x11111111u * (k + 1));
    cpu_set(v.c, CPU_ESP, restarts[_i].esp);
    cpu_set(v.c, CPU_EBX, restarts[_i].ebx);
    cpu_set(v.c, CPU_EBP, restarts[_i].code[0] == 0xc9 ? MISS : 0x53100);
    cpu_set(v.c, CPU_ESI, 0x54000);
    cpu_set(v.c, CPU_EDI, restarts[_i].code[0] == 0xa4 ? MISS : 0x55000);
    if (restarts[_i].code[0] == 0x9a)
        v.r->host[CODE_AT + 5] = G_CODE3 | 3;
    set_pte(&v, MISS, MISS);
    for (unsigned k = 0; k < CPU_NUM_REGS; k++)
        before[k] = cpu_get(v.c, k);
    memcpy(ram, v.r->host, RIG_RAM);
    run_for(&v, 1, CPU_BUDGET);
    struct frame_seen f = frame_seen(v.r);
    ck_assert_int_eq(f.vec, EXC_PF);
    ck_assert_uint_eq(f.err, restarts[_i].err | 4u);
    ck_assert_uint_eq(cpu_get(v.c, CPU_CR2), restarts[_i].cr2);
    ck_assert_uint_eq(f.eip, CODE_AT);
    ck_assert_uint_eq(f.esp, restarts[_i].esp);
    ck_assert_uint_eq(f.eflags, before[CPU_EFLAGS] | FL_RF);
    for (unsigned k = 0; k < CPU_NUM_REGS; k++) {
        if (k == CPU_ESP || k == CPU_EIP || k == CPU_CR2 || k == CPU_CPL || k == CPU_CS ||
            k == CPU_SS || k == CPU_EFLAGS || k == CPU_CS_ATTR || k == CPU_SS_ATTR)
            continue;
        ck_assert_msg(cpu_get(v.c, k) == before[k], "register %u", k);
    }
    /* memory: only the handler's frame, A and D bits of tables, and, as the manual allows, what
     * ENTER pushed below ESP before its last check */
    for (u32 k = 0; k < RIG_RAM; k++) {
        if ((k >= SP0 - 64 && k < SP0) || (k >= PD_AT && k < PT_AT + 0x1000) ||
            (k >= GDT_AT && k < GDT_AT + 0x100))
            continue;
        if (restarts[_i].code[0] == 0xc8 && k >= MISS + 0x1000 && k < MISS + 0x1010)
            continue;
        ck_assert_msg(v.r->host[k] == ram[k], "memory at %x", k);
    }
    ck_assert_uint_eq(peek32(v.r, PT_AT + 4 * (MISS >> 12)), MISS);
    rig_free(v.r);
}
END_TEST

/* The source of MOVS is read before the destination is judged: no D bit without a write. */
START_TEST(movs_sets_no_dirty_bit_when_its_source_faults)
{
    struct env v = env_new();

    env_plug(&v);
    paging_on(&v);
    CODE(&v, CODE_AT, 0xf3, 0xa5);
    set_pte(&v, MISS, MISS);
    cpu_set(v.c, CPU_ESI, MISS);
    cpu_set(v.c, CPU_EDI, 0x55000);
    cpu_set(v.c, CPU_ECX, 4);
    run_for(&v, 1, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, EXC_PF);
    ck_assert_uint_eq(cpu_get(v.c, CPU_CR2), MISS);
    ck_assert_uint_eq(peek32(v.r, PT_AT + 4 * 0x55) & 0x40, 0);
    rig_free(v.r);
}
END_TEST

/* REP stops at the page that is missing with exact registers and goes on from there. */
START_TEST(rep_faults_in_the_middle)
{
    static const struct { u8 op; bool df; } t[] = {
        { 0xa4, false }, { 0xaa, false }, { 0xa4, true }, { 0x6c, false },
    };

    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        struct env v = env_new();
        u32 first = t[k].df ? MISS + 0x1004 : MISS - 5, step = t[k].df ? (u32)-1 : 1;

        env_plug(&v);
        paging_on(&v);
        CODE(&v, CODE_AT, 0xf3, 0x90, 0xeb, 0xfe);
        v.r->host[CODE_AT + 1] = t[k].op;
        set_pte(&v, MISS, MISS);
        for (unsigned n = 0; n < 16; n++)
            v.r->host[0x54000 - 8 + n] = (u8)(0xa0 + n);
        cpu_set(v.c, CPU_ESI, 0x54000);
        cpu_set(v.c, CPU_EDI, first);
        cpu_set(v.c, CPU_ECX, 8);
        cpu_set(v.c, CPU_EDX, 0x60);
        cpu_set(v.c, CPU_EFLAGS, t[k].df ? FL_DF : 0);
        u64 n = run_for(&v, 6, CPU_BUDGET);
        ck_assert_uint_eq(n, 6); /* five iterations, one instruction of the handler */
        struct frame_seen f = frame_seen(v.r);
        ck_assert_int_eq(f.vec, EXC_PF);
        ck_assert_uint_eq(f.eip, CODE_AT);
        ck_assert_uint_eq(f.eflags & FL_RF, FL_RF);
        ck_assert_uint_eq(cpu_get(v.c, CPU_ECX), 3);
        ck_assert_uint_eq(cpu_get(v.c, CPU_EDI), first + 5 * step);
        if (t[k].op == 0xa4)
            ck_assert_uint_eq(cpu_get(v.c, CPU_ESI), 0x54000 + 5 * step);
        ck_assert_uint_eq(v.accesses, t[k].op == 0x6c ? 5 : 0); /* C27: no byte is lost */
        set_pte(&v, MISS, MISS | PTE_RWU);
        cpu_set(v.c, CPU_EIP, CODE_AT);
        run_for(&v, 3, CPU_BUDGET);
        ck_assert_uint_eq(cpu_get(v.c, CPU_ECX), 0);
        ck_assert_uint_eq(cpu_get(v.c, CPU_EIP), CODE_AT + 2);
        if (t[k].op == 0xa4)
            ck_assert_int_eq(v.r->host[first + 7 * step], (u8)(0xa8 + 7 * step));
        rig_free(v.r);
    }
}
END_TEST

Suite *suite_run(void);
Suite *suite_run(void)
{
    Suite *s = suite_create("run");
    TCase *tc = tcase_create("shadow");

    tcase_add_loop_test(tc, shadow_ends_behind_one_instruction, 0, 3 * ARRAY_LEN(shadows));
    tcase_add_test(tc, shadow_covers_one_iteration);
    tcase_add_test(tc, fault_in_the_shadow_ends_it);
    suite_add_tcase(s, tc);
    tc = tcase_create("step");
    tcase_add_loop_test(tc, trap_behind_each_kind, 0, ARRAY_LEN(steps));
    tcase_add_test(tc, tf_comes_with_popf_and_iret_one_instruction_later);
    tcase_add_test(tc, fault_with_tf);
    tcase_add_test(tc, watched_mov_ss_then_int);
    tcase_add_test(tc, code_breakpoint_in_the_shadow);
    suite_add_tcase(s, tc);
    tc = tcase_create("events");
    tcase_add_test(tc, stop_behind_a_trap);
    tcase_add_test(tc, nmi_behind_a_trap);
    tcase_add_test(tc, intr_behind_nmi_with_a_trap_gate);
    tcase_add_test(tc, event_of_a_port_is_taken_right_behind_it);
    tcase_add_test(tc, shutdown_while_delivering);
    tcase_add_test(tc, faults_without_end);
    tcase_add_test(tc, watchpoint_stops_behind_the_access);
    tcase_add_test(tc, breakpoint_in_a_handler_that_comes_first);
    tcase_add_test(tc, ferr_is_taken_behind_its_instruction);
    suite_add_tcase(s, tc);
    tc = tcase_create("budget");
    tcase_add_loop_test(tc, budget_is_exact_for_every_split, 0, 12);
    tcase_add_test(tc, halt_and_what_ends_it);
    suite_add_tcase(s, tc);
    tc = tcase_create("restart");
    tcase_add_loop_test(tc, faulting_instruction_changes_nothing, 0, ARRAY_LEN(restarts));
    tcase_add_test(tc, movs_sets_no_dirty_bit_when_its_source_faults);
    tcase_add_test(tc, rep_faults_in_the_middle);
    suite_add_tcase(s, tc);
    return s;
}
