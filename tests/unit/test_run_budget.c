/* SPDX-License-Identifier: MIT */
/* The run loop: budgets to the instruction, halts, and instructions that fault and start again. */
#include "tests/unit/run_env.h"

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

Suite *suite_run_budget(void);
Suite *suite_run_budget(void)
{
    Suite *s = suite_create("run_budget");
    TCase *tc = tcase_create("budget");

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
