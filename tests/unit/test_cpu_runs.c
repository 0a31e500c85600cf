/* SPDX-License-Identifier: MIT */
/* include/nestbox.h, the CPU without a machine: where runs end, threads, contexts and snapshots. */
#include <pthread.h>
#include <stdio.h>
#include <time.h>

#include "tests/unit/cpu_api_rig.h"

/* mov ecx,1000; L: inc eax; add ebx,eax; dec ecx; jnz L; hlt */
#define LOOP 0xb9, 0xe8, 3, 0, 0, 0x40, 0x01, 0xc3, 0x49, 0x75, 0xfa, 0xf4

START_TEST(counts_are_exact)
{
    struct nb_cpu *cpu = cpu32();
    struct nb_cpu *ref = cpu32();
    struct nb_cpu_exit x = { 0 };
    uint64_t total = 0;

    PUT(cpu, CODE, LOOP);
    PUT(ref, CODE, LOOP);
    for (unsigned n = 1; total + n < 4000; n += 7) {
        ck_assert_int_eq(run_for(cpu, n, &x), NB_CPU_COUNT);
        ck_assert_uint_eq(x.retired, n);
        for (unsigned k = 0; k < n; k++) {
            struct nb_cpu_exit one = { .size = sizeof one };
            ck_assert_int_eq(nb_cpu_step(ref, &one), NB_CPU_COUNT);
            ck_assert_uint_eq(one.retired, 1);
        }
        total += n;
        ck_assert_uint_eq(nb_cpu_retired(cpu), total);
        struct nb_cpu_context *a = nb_cpu_context_save(cpu, NULL),
                              *b = nb_cpu_context_save(ref, NULL);
        ck_assert(nb_cpu_context_equal(a, b));
        nb_cpu_context_free(a);
        nb_cpu_context_free(b);
    }
    ck_assert_int_eq(run_for(cpu, 0, &x), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_retired(cpu), 4002);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 1000);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EBX), 500500);
    /* behind HLT it goes on */
    PUT(cpu, CODE + 12, 0x42, 0xf4);
    ck_assert_int_eq(run_for(cpu, 0, &x), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EDX), 1);
    nb_cpu_free(cpu);
    nb_cpu_free(ref);
}
END_TEST

START_TEST(repeated_strings_count_iterations)
{
    struct nb_cpu *cpu = cpu32();
    struct nb_cpu_exit x = { 0 };

    PUT(cpu, CODE, 0xf3, 0xaa, 0xf4); /* rep stosb */
    nb_cpu_set(cpu, NB_CPU_ECX, 100);
    nb_cpu_set(cpu, NB_CPU_EDI, DATA);
    ck_assert_int_eq(run_for(cpu, 30, &x), NB_CPU_COUNT);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_ECX), 70);
    ck_assert_uint_eq(x.eip, CODE);
    x.size = sizeof x;
    ck_assert_int_eq(nb_cpu_step(cpu, &x), NB_CPU_COUNT);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_ECX), 69);
    ck_assert_int_eq(run_for(cpu, 0, &x), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EDI), DATA + 100);
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(until_an_address)
{
    struct nb_cpu *cpu = cpu32();
    struct nb_cpu_exit x = { 0 };

    PUT(cpu, CODE, LOOP);
    /* into the middle of code that was decoded in one piece before */
    ck_assert_int_eq(run_for(cpu, 0, &x), NB_CPU_HALTED);
    for (unsigned at = 5; at <= 11; at++) {
        static const unsigned insn[] = { 1, 2, 0, 3, 4, 0, 4001 };
        nb_cpu_set(cpu, NB_CPU_EIP, CODE);
        if (!insn[at - 5])
            continue;
        ck_assert_int_eq(run_to(cpu, CODE + at, &x), NB_CPU_ADDRESS);
        ck_assert_uint_eq(x.eip, CODE + at);
        ck_assert_uint_eq(x.retired, insn[at - 5]);
        /* it stands there already */
        ck_assert_int_eq(run_to(cpu, CODE + at, &x), NB_CPU_ADDRESS);
        ck_assert_uint_eq(x.retired, 0);
        /* round the loop: a step, and on */
        if (at < 11) {
            x.size = sizeof x;
            ck_assert_int_eq(nb_cpu_step(cpu, &x), NB_CPU_COUNT);
            ck_assert_int_eq(run_to(cpu, CODE + at, &x), NB_CPU_ADDRESS);
            ck_assert_uint_eq(x.retired, 3);
        }
    }
    /* in the middle of an instruction it is never reached */
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    ck_assert_int_eq(run_to(cpu, CODE + 7, &x), NB_CPU_HALTED);
    /* a linear address: CS has a base */
    nb_cpu_set(cpu, NB_CPU_CS_BASE, 0x100);
    nb_cpu_set(cpu, NB_CPU_EIP, CODE - 0x100);
    ck_assert_int_eq(run_to(cpu, CODE + 6, &x), NB_CPU_ADDRESS);
    ck_assert_uint_eq(x.eip, CODE - 0x100 + 6);
    /* without one it runs through */
    ck_assert_int_eq(run_for(cpu, 0, &x), NB_CPU_HALTED);
    nb_cpu_free(cpu);
}
END_TEST

/* The same bytes under two addresses: only the one that was named stops the run. */
START_TEST(until_with_page_tables)
{
    struct nb_cpu *cpu = cpu32();
    struct nb_cpu_exit x = { 0 };
    uint32_t pte;

    /* directory at DATA, table at DATA+1000h: 0-3FFFFFh identity, page 300h is CODE too */
    pte = (DATA + 0x1000) | 3;
    put(cpu, DATA, (uint8_t *)&pte, 4);
    for (uint32_t p = 0; p < 1024; p++) {
        pte = (p == 0x300 ? CODE : p << 12) | 3;
        put(cpu, DATA + 0x1000 + 4 * p, (uint8_t *)&pte, 4);
    }
    nb_cpu_set(cpu, NB_CPU_CR3, DATA);
    nb_cpu_set(cpu, NB_CPU_CR0, 0x80000033);
    /* 3 x inc eax; from the first address to the other, once */
    PUT(cpu, CODE, 0x40, 0x40, 0x40, 0x0f, 0x82, 6, 0, 0, 0, 0xf9, 0xe9, 0xf1, 0xff, 0x2e, 0,
        0xf4); /* jc out; stc; jmp */
    ck_assert_int_eq(run_to(cpu, 0x300001, &x), NB_CPU_ADDRESS);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 4);
    ck_assert_uint_eq(x.eip, 0x300001);
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    nb_cpu_set(cpu, NB_CPU_EAX, 0);
    nb_cpu_set(cpu, NB_CPU_EFLAGS, 2);
    ck_assert_int_eq(run_to(cpu, CODE + 2, &x), NB_CPU_ADDRESS);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 2);
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(limits_are_checked)
{
    struct nb_cpu *cpu = cpu32();
    struct nb_cpu_limits lim = { .size = 0 };
    struct nb_cpu_exit x = { .size = 8, .eip = 77 };
    char text[128];

    PUT(cpu, CODE, 0xf4, 0xf4);
    ck_assert_int_eq(nb_cpu_run(cpu, &lim, &x), NB_CPU_REFUSED);
    ck_assert_uint_eq(x.reason, NB_CPU_REFUSED);
    ck_assert_uint_eq(x.eip, 77); /* the caller's struct ends before it */
    ck_assert_uint_eq(x.size, 8);
    ck_assert_int_eq(nb_cpu_run(cpu, NULL, NULL), NB_CPU_HALTED);
    x.size = 0;
    x.reason = 99;
    ck_assert_int_eq(nb_cpu_run(cpu, NULL, &x), NB_CPU_HALTED);
    ck_assert_uint_eq(x.reason, 99);
    lim.size = sizeof lim;
    lim.max_ns = 20000000;
    PUT(cpu, CODE, 0xeb, 0xfe);
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    x.size = sizeof x;
    ck_assert_int_eq(nb_cpu_run(cpu, &lim, &x), NB_CPU_TIME);
    ck_assert_uint_eq(x.retired % 100000, 0);
    ck_assert_uint_ge(x.retired, 100000);
    for (unsigned r = 0; r <= NB_CPU_REFUSED + 1; r++) {
        x.reason = r;
        ck_assert_ptr_eq(nb_cpu_exit_text(&x, text, sizeof text), text);
        ck_assert_str_ne(text, "");
    }
    struct nb_cpu_exit pf = {
        .reason = NB_CPU_FAULT, .vector = 14, .error = 3, .cr2 = 0x1234, .eip = 0x99, .has_error = 1
    };
    ck_assert_str_eq(nb_cpu_exit_text(&pf, text, sizeof text),
                     "page fault at 00000099: write to 00001234, not allowed");
    nb_cpu_free(cpu);
}
END_TEST

static void *stop_later(void *cpu)
{
    struct timespec t = { 0, 20000000 };

    nanosleep(&t, NULL);
    nb_cpu_stop(cpu);
    return NULL;
}

START_TEST(stop_from_another_thread)
{
    struct nb_cpu *cpu = cpu32();
    struct nb_cpu_exit x = { 0 };
    pthread_t th;

    if (_i == 0) {
        PUT(cpu, CODE, 0xeb, 0xfe);
    } else { /* faults for ever, and retires nothing */
        nb_cpu_free(cpu);
        cpu = cpu_with(NB_CPU_PROT32, NB_CPU_FAULTS_IDT);
        PUT(cpu, DATA + 8, 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0);
        for (unsigned v = 0; v < 32; v++) /* IDT: the handler is the faulting instruction */
            PUT(cpu, DATA + 0x100 + 8 * v, 0, 0, 8, 0, 0, 0x8e, 1, 0);
        nb_cpu_set(cpu, NB_CPU_GDTR_BASE, DATA);
        nb_cpu_set(cpu, NB_CPU_GDTR_LIMIT, 15);
        nb_cpu_set(cpu, NB_CPU_IDTR_BASE, DATA + 0x100);
        nb_cpu_set(cpu, NB_CPU_IDTR_LIMIT, 255);
        nb_cpu_set(cpu, NB_CPU_SS_BASE, DATA + 0x10000);
        nb_cpu_set(cpu, NB_CPU_SS_LIMIT, 0xffff);
        nb_cpu_set(cpu, NB_CPU_SS_ATTR, 0x93); /* SP wraps at 64K within mapped memory */
        ck_assert(nb_cpu_map(cpu, DATA + 0x10000, 0x10000, NB_CPU_R | NB_CPU_W, NULL));
        nb_cpu_set(cpu, NB_CPU_ESP, 0xfff0);
        nb_cpu_set(cpu, NB_CPU_EIP, CODE);
        PUT(cpu, CODE, 0x0f, 0x0b);
    }
    ck_assert_int_eq(pthread_create(&th, NULL, stop_later, cpu), 0);
    enum nb_cpu_reason why = nb_cpu_run(cpu, NULL, NULL);
    ck_assert_int_eq(why, NB_CPU_STOPPED);
    pthread_join(th, NULL);
    /* one that comes before the run is not lost, and counts once */
    if (_i == 0) {
        nb_cpu_stop(cpu);
        ck_assert_int_eq(run_for(cpu, 5, &x), NB_CPU_STOPPED);
        ck_assert_uint_eq(x.retired, 0);
        ck_assert_int_eq(run_for(cpu, 5, &x), NB_CPU_COUNT);
    }
    nb_cpu_free(cpu);
}
END_TEST

static int count_insns(struct nb_cpu *cpu, struct nb_cpu_event *ev, void *user)
{
    (void)cpu, (void)ev;
    ++*(unsigned *)user;
    return 0;
}

static void *one_of_two(void *arg)
{
    unsigned n = 0;
    struct nb_cpu *cpu = cpu32();

    PUT(cpu, CODE, LOOP);
    if (arg)
        nb_cpu_hook_add(cpu, NB_CPU_HOOK_CODE, 1, 0, count_insns, &n, NULL);
    for (unsigned k = 0; k < 20; k++) {
        nb_cpu_set(cpu, NB_CPU_EIP, CODE);
        nb_cpu_set(cpu, NB_CPU_EAX, 0);
        nb_cpu_set(cpu, NB_CPU_EBX, 0);
        run_for(cpu, 0, NULL);
        if (nb_cpu_get(cpu, NB_CPU_EBX) != 500500)
            return "wrong";
    }
    nb_cpu_free(cpu);
    return n == (arg ? 20 * 4002u : 0) ? NULL : "miscounted";
}

START_TEST(two_cpus_on_two_threads)
{
    pthread_t th[2];
    void *bad;

    for (unsigned k = 0; k < 2; k++)
        ck_assert_int_eq(pthread_create(&th[k], NULL, one_of_two, k ? th : NULL), 0);
    for (unsigned k = 0; k < 2; k++) {
        pthread_join(th[k], &bad);
        ck_assert_msg(bad == NULL, "%s", (char *)bad);
    }
}
END_TEST

/* ---- contexts */

START_TEST(contexts)
{
    struct nb_cpu_options o = { .size = sizeof o, .model = "486" };
    struct nb_cpu *cpu = cpu32(), *other = cpu32(), *old = nb_cpu_new(&o, NULL);
    struct nb_cpu_context *a, *b;
    struct nb_error e = { 0 };
    uint8_t st[10] = { 1, 2, 3, 4, 5, 6, 7, 0x88, 0x12, 0x40 };

    PUT(cpu, CODE, LOOP);
    PUT(other, CODE, LOOP);
    ck_assert(nb_cpu_reg_set(cpu, NB_CPU_ST0 + 2, st, 10, NULL));
    ck_assert(nb_cpu_msr_set(cpu, 0x176, 0x1234, NULL));
    nb_cpu_set(cpu, NB_CPU_FS_BASE, 0x7000);
    run_for(cpu, 333, NULL);
    a = nb_cpu_context_save(cpu, NULL);
    ck_assert(nb_cpu_context_restore(other, a, NULL)); /* into another one of the same model */
    run_for(cpu, 500, NULL);
    b = nb_cpu_context_save(cpu, NULL);
    ck_assert(!nb_cpu_context_equal(a, b));
    ck_assert(nb_cpu_context_restore(cpu, a, NULL));
    run_for(cpu, 500, NULL);
    ck_assert(nb_cpu_context_update(cpu, a, NULL));
    ck_assert(nb_cpu_context_equal(a, b));
    run_for(other, 500, NULL);
    ck_assert(nb_cpu_context_update(other, a, NULL));
    ck_assert(nb_cpu_context_equal(a, b));
    uint64_t msr;
    uint8_t back[10];
    ck_assert(nb_cpu_msr_get(other, 0x176, &msr, NULL));
    ck_assert_uint_eq(msr, 0x1234);
    ck_assert(nb_cpu_reg_get(other, NB_CPU_ST0 + 2, back, 10, NULL));
    ck_assert_mem_eq(st, back, 10);
    ck_assert_uint_eq(nb_cpu_get(other, NB_CPU_FS_BASE), 0x7000);
    ck_assert(!nb_cpu_context_restore(old, a, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "486"));
    ck_assert_int_eq(e.code, 5);
    ck_assert(!nb_cpu_context_update(old, a, NULL));
    nb_cpu_context_free(a);
    nb_cpu_context_free(b);
    nb_cpu_context_free(NULL);
    nb_cpu_free(cpu);
    nb_cpu_free(other);
    nb_cpu_free(old);
}
END_TEST

/* Other page tables, another mode: a context brings its address space along. */
START_TEST(contexts_change_the_mode)
{
    struct nb_cpu *cpu = cpu_with(NB_CPU_REAL, 0);
    struct nb_cpu_context *real = nb_cpu_context_save(cpu, NULL), *paged;
    struct nb_cpu_exit x = { 0 };

    ck_assert(nb_cpu_map(cpu, 0, 0x1000, NB_CPU_RWX, NULL));
    PUT(cpu, 0, 0x40, 0xf4);       /* inc ax; hlt */
    PUT(cpu, DATA, 0x83, 0, 0, 0); /* 4 MB page 0 */
    nb_cpu_set(cpu, NB_CPU_CR4, 0x10);
    nb_cpu_set(cpu, NB_CPU_CR3, DATA);
    nb_cpu_set(cpu, NB_CPU_CR0, 0x80000033);
    nb_cpu_set(cpu, NB_CPU_CS_ATTR, 0xc09b);
    nb_cpu_set(cpu, NB_CPU_EAX, 0xffff);
    paged = nb_cpu_context_save(cpu, NULL);
    for (unsigned k = 0; k < 3; k++) {
        ck_assert(nb_cpu_context_restore(cpu, real, NULL));
        nb_cpu_set(cpu, NB_CPU_EAX, 0xffff);
        ck_assert_int_eq(run_for(cpu, 9, &x), NB_CPU_HALTED);
        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0);
        ck_assert(nb_cpu_context_restore(cpu, paged, NULL));
        ck_assert_int_eq(run_for(cpu, 9, &x), NB_CPU_HALTED);
        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0x10000);
    }
    nb_cpu_context_free(real);
    nb_cpu_context_free(paged);
    nb_cpu_free(cpu);
}
END_TEST

/* ---- snapshots */

START_TEST(snapshots)
{
    uint8_t *own = aligned_alloc(4096, 0x1000);
    struct nb_cpu_region before[8], after[8];
    struct nb_cpu *cpu = cpu32(), *other = cpu32();
    struct nb_cpu_snapshot *s;
    struct nb_error e = { 0 };

    memset(own, 1, 0x1000);
    ck_assert(nb_cpu_map_buffer(cpu, 0x50000, 0x1000, NB_CPU_R | NB_CPU_W, own, NULL));
    ck_assert(nb_cpu_map_io(cpu, 0x60000, 0x1000, NULL, NULL, NULL, NULL));
    ck_assert(nb_cpu_protect(cpu, CODE + 0x2000, 0x1000, NB_CPU_R, NULL));
    PUT(cpu, CODE, 0xff, 0x05, 0, 0, 2, 0, 0xfe, 0x05, 0, 0, 5, 0, 0xeb,
        0xf2); /* inc [DATA]; inc byte [50000] */
    ck_assert_int_eq(run_for(cpu, 30, NULL), NB_CPU_COUNT);
    s = nb_cpu_snapshot_take(cpu, &e);
    ck_assert_ptr_nonnull(s);
    size_t n = nb_cpu_regions(cpu, before, 8);
    for (unsigned round = 0; round < 4; round++) {
        run_for(cpu, 30, NULL);
        ck_assert_uint_eq(word_at(cpu, DATA), 20);
        ck_assert_uint_eq(own[0], 21);
        if (round == 1) { /* mappings change */
            ck_assert(nb_cpu_unmap(cpu, DATA, 0x1000, NULL));
            ck_assert(nb_cpu_unmap(cpu, 0x50000, 0x1000, NULL));
            ck_assert(nb_cpu_map(cpu, 0x90000, 0x1000, 0, NULL));
        } else if (round == 2) { /* and code */
            PUT(cpu, CODE, 0xf4);
        } else if (round == 3) {
            ck_assert(nb_cpu_unmap(cpu, CODE, 0x4000, NULL));
        }
        ck_assert(nb_cpu_snapshot_restore(cpu, s, &e));
        ck_assert_uint_eq(nb_cpu_regions(cpu, after, 8), n);
        ck_assert_mem_eq(before, after, n * sizeof *before);
        ck_assert_uint_eq(word_at(cpu, DATA), 10);
        ck_assert_uint_eq(own[0], 11);
        ck_assert_uint_eq(nb_cpu_retired(cpu), 30);
    }
    ck_assert(!nb_cpu_snapshot_restore(other, s, &e));
    ck_assert_str_ne(e.text, "");
    nb_cpu_snapshot_free(s);
    nb_cpu_snapshot_free(NULL);
    run_for(cpu, 30, NULL);
    ck_assert_uint_eq(word_at(cpu, DATA), 20);
    nb_cpu_free(cpu);
    nb_cpu_free(other);
    free(own);
}
END_TEST

Suite *suite_cpu_runs(void);
Suite *suite_cpu_runs(void)
{
    Suite *s = suite_create("cpu_runs");
    TCase *t = tcase_create("cpu_runs");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, counts_are_exact);
    tcase_add_test(t, repeated_strings_count_iterations);
    tcase_add_test(t, until_an_address);
    tcase_add_test(t, until_with_page_tables);
    tcase_add_test(t, limits_are_checked);
    tcase_add_loop_test(t, stop_from_another_thread, 0, 2);
    tcase_add_test(t, two_cpus_on_two_threads);
    tcase_add_test(t, contexts);
    tcase_add_test(t, contexts_change_the_mode);
    tcase_add_test(t, snapshots);
    suite_add_tcase(s, t);
    return s;
}
