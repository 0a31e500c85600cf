/* SPDX-License-Identifier: MIT */
/* MONITOR and MWAIT (SDM 2B; 3A 8.10): the line, what ends the wait, who may execute them. */
#include "tests/unit/simd_rig.h"

Suite *suite_monitor(void);

static const u8 monitor[] = { 0x0f, 0x01, 0xc8 }, mwait[] = { 0x0f, 0x01, 0xc9 };

static void armed(void)
{
    cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE);
    cpu_set(r->c, CPU_EAX, AT + 0x47);
    cpu_set(r->c, CPU_ECX, 0);
    ck_assert_int_eq(run(monitor, 3), -1);
}

START_TEST(mwait_waits_for_the_line)
{
    armed();
    ck_assert_int_eq(run(mwait, 3), -1);
    ck_assert(cpu_halted(r->c));
    ck_assert(!cpu_wakeable(r->c));
    ck_assert_int_eq(cpu_run(r->c, *cpu_retired(r->c) + 10), CPU_HALT);
    r->host[AT + 0x3f] ^= 1; /* the line before */
    r->host[AT + 0x80] ^= 1; /* and behind */
    ck_assert(!cpu_wakeable(r->c));
    r->host[AT + 0x7f] ^= 1;
    ck_assert(cpu_wakeable(r->c));
    static const u8 nop[] = { 0x90 };
    ck_assert_int_eq(run(nop, 1), -1);
    ck_assert(!cpu_halted(r->c));
}
END_TEST

START_TEST(mwait_without_need)
{
    /* written between the two */
    armed();
    r->host[AT + 0x40] ^= 1;
    ck_assert_int_eq(run(mwait, 3), -1);
    ck_assert(!cpu_halted(r->c));
    /* not armed any more */
    ck_assert_int_eq(run(mwait, 3), -1);
    ck_assert(!cpu_halted(r->c));
    /* no memory there */
    armed();
    cpu_set(r->c, CPU_EAX, 0x80000000);
    ck_assert_int_eq(run(monitor, 3), -1);
    ck_assert_int_eq(run(mwait, 3), -1);
    ck_assert(!cpu_halted(r->c));
}
END_TEST

START_TEST(a_halt_is_not_ended_by_the_line)
{
    static const u8 hlt[] = { 0xf4 };

    armed();
    ck_assert_int_eq(run(mwait, 3), -1);
    cpu_nmi(r->c);
    cpu_catch_faults(r->c, false);
    ck_assert_int_eq(cpu_step(r->c), CPU_BUDGET);
    ck_assert(!cpu_halted(r->c));
    ck_assert_int_eq(run(hlt, 1), -1);
    r->host[AT + 0x40] ^= 1;
    ck_assert(cpu_halted(r->c));
    ck_assert(!cpu_wakeable(r->c));
}
END_TEST

START_TEST(monitor_faults)
{
    armed();
    cpu_set(r->c, CPU_ECX, 1);
    ck_assert_int_eq(run(monitor, 3), EXC_GP);
    ck_assert_int_eq(run(mwait, 3), EXC_GP);
    ck_assert_uint_eq(cpu_last_fault(r->c).error, 0);
    rig_level(r, 3);
    ck_assert_int_eq(run(monitor, 3), EXC_UD);
    ck_assert_int_eq(run(mwait, 3), EXC_UD);
    rig_level(r, 1);
    cpu_set(r->c, CPU_ECX, 0);
    ck_assert_int_eq(run(monitor, 3), EXC_UD);
    cpu_set(r->c, CPU_CPL, 0);
    cpu_set(r->c, CPU_EAX, 0x40000);
    cpu_set(r->c, CPU_DS_LIMIT, 0x3ffff);
    ck_assert_int_eq(run(monitor, 3), EXC_GP);
    static const u8 es_monitor[] = { 0x26, 0x0f, 0x01, 0xc8 };
    ck_assert_int_eq(run(es_monitor, 4), -1);
}
END_TEST

Suite *suite_monitor(void)
{
    Suite *s = suite_create("monitor");
    TCase *tc = tcase_create("monitor");

    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, mwait_waits_for_the_line);
    tcase_add_test(tc, mwait_without_need);
    tcase_add_test(tc, a_halt_is_not_ended_by_the_line);
    tcase_add_test(tc, monitor_faults);
    suite_add_tcase(s, tc);
    return s;
}
