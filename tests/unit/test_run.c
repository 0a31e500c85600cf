/* SPDX-License-Identifier: MIT */
/* The run loop: interrupt shadow, single step, several events at once, stops, shutdown. What it runs and
 * from where: test_run_code.c; budgets: test_run_budget.c. */
#include "tests/unit/run_env.h"

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

/* The same for traps: a data breakpoint on #DB's own vector is hit by each delivery of #DB. No
 * instruction begins between two of them, and the budget still ends. */
START_TEST(traps_without_end)
{
    struct rig *r = rig_cpu("max");

    for (unsigned s = CPU_ES; s <= CPU_GS; s++)
        cpu_set(r->c, s, 0);
    poke32(r, 4 * EXC_DB, 0x1000);
    poke32(r, 0x1000, 0x000004a1); /* MOV AX,[4] */
    cpu_set(r->c, CPU_EIP, 0x1000);
    cpu_set(r->c, CPU_ESP, 0x8000);
    cpu_set(r->c, CPU_DR1, 4 * EXC_DB);
    cpu_set(r->c, CPU_DR7, 0x00f00408); /* DR1: reads and writes, 4 bytes */
    u64 before = *cpu_retired(r->c);
    for (unsigned n = 2; n <= 100; n += 49) {
        ck_assert_int_eq(cpu_run(r->c, before + n), CPU_BUDGET);
        ck_assert_uint_eq(*cpu_retired(r->c), before + n);
        ck_assert_int_eq(cpu_run(r->c, before + n), CPU_BUDGET); /* nothing more within it */
        ck_assert_uint_eq(*cpu_retired(r->c), before + n);
    }
    rig_free(r);
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
    tcase_add_test(tc, traps_without_end);
    tcase_add_test(tc, watchpoint_stops_behind_the_access);
    tcase_add_test(tc, breakpoint_in_a_handler_that_comes_first);
    tcase_add_test(tc, ferr_is_taken_behind_its_instruction);
    suite_add_tcase(s, tc);
    return s;
}
