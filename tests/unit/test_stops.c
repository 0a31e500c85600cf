/* SPDX-License-Identifier: MIT */
/* Whole machines in real time and paced: stops, breakpoints, saving and stalls of the host are held, and the guest's
 * interrupts keep step with its clock. Nothing here depends on how fast the host is. */
#define _GNU_SOURCE
#include "tests/unit/machine_rig.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "machine/machine.h"

#define MS 1000000ull

static u64 host_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * NS_PER_SEC + (u64)t.tv_nsec;
}

static struct nb_machine *busy(const char *const *pairs)
{
    struct nb_machine *m = rig_machine(guest_busy, guest_busy_len, pairs);

    for (unsigned k = 0; k < 200 && rig_mem32(m, 0x50c) < 5; k++)
        nb_run(m, 20 * MS);
    ck_assert_uint_ge(rig_mem32(m, 0x50c), 5);
    return m;
}

/* Interrupts of the PIT (1,024 counts) and of the RTC (1,024 Hz) since `from` fit the guest's time. */
struct moment { u64 guest, host; u32 irq0, irq8; };

static struct moment moment(struct nb_machine *m)
{
    return (struct moment){ nb_guest_ns(m), host_now(), rig_mem32(m, 0x50c), rig_mem32(m, 0x51c) };
}

static void fits(struct moment from, struct moment to)
{
    u64 ns = to.guest - from.guest;
    i64 pit = (i64)(ns * 1193182 / 1024 / NS_PER_SEC), rtc = (i64)(ns * 1024 / NS_PER_SEC);

    ck_assert_int_le(llabs((i64)(to.irq0 - from.irq0) - pit), 2);
    ck_assert_int_le(llabs((i64)(to.irq8 - from.irq8) - rtc), 2);
}

static const char *const real[] = { "clock", "real", NULL };

START_TEST(pause_is_held)
{
    struct nb_machine *m = busy(real);
    struct moment a = moment(m);

    nb_run(m, 50 * MS);
    nb_pause(m);
    ck_assert_int_eq(nb_run(m, 5000 * MS), NB_PAUSED);
    struct moment b = moment(m);
    ck_assert_int_eq(nb_run(m, 400 * MS), NB_TIMEOUT);
    ck_assert_uint_eq(nb_guest_ns(m), b.guest);
    ck_assert_uint_eq(rig_mem32(m, 0x50c), b.irq0);
    usleep(150000); /* nobody is in nb_run() */
    ck_assert_uint_eq(nb_guest_ns(m), b.guest);
    nb_cont(m);
    u64 host = host_now();
    nb_run(m, 100 * MS);
    struct moment c = moment(m);
    /* it has run for what it ran, and made up no part of the pause */
    ck_assert_uint_le(c.guest - b.guest, 2 * (c.host - host) + MS);
    ck_assert_uint_le(c.guest - a.guest, c.host - a.host - 500 * MS);
    nb_run(m, 300 * MS);
    fits(a, moment(m));
    nb_free(m);
}
END_TEST

START_TEST(debugger_is_held)
{
    struct nb_machine *m = busy(real);
    struct moment a = moment(m);

    ck_assert(nb_break_set(m, 0xf0000 + BUSY_PAUSE, true));
    for (unsigned k = 0; k < 4; k++) {
        ck_assert_int_eq(nb_run(m, 10000 * MS), NB_BREAK);
        u64 guest = nb_guest_ns(m), host = host_now();
        usleep(200000); /* less than what counts as a gap by itself */
        ck_assert_uint_eq(nb_guest_ns(m), guest);
        ck_assert_int_eq(nb_step(m), NB_BREAK);
        usleep(200000);
        ck_assert_int_eq(nb_step(m), NB_BREAK);
        ck_assert_uint_le(nb_guest_ns(m) - guest, host_now() - host - 400 * MS);
    }
    ck_assert(nb_break_set(m, 0xf0000 + BUSY_PAUSE, false));
    struct moment b = moment(m);
    ck_assert_uint_le(b.guest - a.guest, b.host - a.host - 1600 * MS);
    nb_run(m, 300 * MS);
    fits(a, moment(m));
    nb_free(m);
}
END_TEST

/* nb_run() is left for a time limit, so nothing says that the machine stands; then the host is away. */
START_TEST(host_stall_is_held)
{
    struct nb_machine *m = busy(real);
    struct moment a = moment(m);

    for (unsigned k = 0; k < 2; k++) {
        nb_run(m, 50 * MS);
        u64 guest = nb_guest_ns(m);
        usleep(600000);
        ck_assert_uint_le(nb_guest_ns(m) - guest, 100 * MS);
        ck_assert_uint_ge(m->clock.held_ns, (k + 1) * 500 * MS);
    }
    nb_run(m, 300 * MS);
    struct moment b = moment(m);
    fits(a, b);
    ck_assert_uint_le(b.guest - a.guest, b.host - a.host - 1000 * MS);
    nb_free(m);
}
END_TEST

/* The loaded machine goes on from where it was saved, whatever time has passed outside. */
START_TEST(saving_is_held)
{
    struct nb_machine *m = busy(real);
    struct nb_error e = { 0 };
    const char *file = rig_path("state");
    const char *const load[] = { "clock", "real", "loadvm", file, NULL };

    nb_run(m, 20 * MS);
    struct moment a = moment(m);
    u64 held = m->clock.held_ns;
    ck_assert_msg(nb_save(m, file, &e), "%s", e.text);
    ck_assert_uint_gt(m->clock.held_ns, held);
    struct moment b = moment(m);
    ck_assert_uint_le(b.guest - a.guest, 100 * MS);
    nb_free(m);
    usleep(300000);
    m = rig_machine(guest_busy, guest_busy_len, load);
    struct moment c = moment(m);
    ck_assert_uint_ge(c.guest, a.guest);
    ck_assert_uint_le(c.guest, b.guest);
    ck_assert_uint_eq(c.irq0, a.irq0);
    nb_run(m, 300 * MS);
    fits(a, moment(m));
    nb_free(m);
}
END_TEST

static const char *const paced[] = { "clock", "real", "speed", "5", NULL };

/* -speed 5: five instructions a microsecond, no more, and none of a pause is made up. */
START_TEST(paced_speed)
{
    struct nb_machine *m = busy(paced);
    u64 retired = nb_retired(m), host = host_now(), guest = nb_guest_ns(m);

    nb_run(m, 300 * MS);
    u64 ran = nb_retired(m) - retired, took = host_now() - host;
    ck_assert_uint_eq(nb_guest_ns(m) - guest, 200 * ran);
    ck_assert_uint_le(200 * ran, took + 10 * MS + 250 * MS); /* a slow start may be made up */
    for (unsigned k = 0; k < 3; k++) {
        nb_pause(m);
        ck_assert_int_eq(nb_run(m, 5000 * MS), NB_PAUSED);
        usleep(200000);
        nb_cont(m);
        retired = nb_retired(m);
        host = host_now();
        nb_run(m, 50 * MS);
        ck_assert_uint_le(200 * (nb_retired(m) - retired), host_now() - host + 10 * MS);
    }
    nb_free(m);
}
END_TEST

static void poke32(struct nb_machine *m, u32 addr, u32 v)
{
    ck_assert_uint_eq(nb_mem_write(m, true, addr, &v, 4), 4);
}

/* A guest that only ticks is tidied once, and ticks on. */
START_TEST(quiet_guest_is_tidied)
{
    /* IRQ 0 at 20h each 1,193 counts; 20h: inc word [500h], and, while [504h] is not 0, a loop of 64 K
     * rounds; sti; hlt; jmp hlt */
    static const u8 code[] = {
        0xb0, 0x11, 0xe6, 0x20, 0xb0, 0x20, 0xe6, 0x21, 0xb0, 0x04, 0xe6, 0x21, 0xb0, 0x01, 0xe6,
        0x21, 0xb0, 0xfe, 0xe6, 0x21, 0xb0, 0x34, 0xe6, 0x43, 0xb0, 0xa9, 0xe6, 0x40, 0xb0, 0x04,
        0xe6, 0x40, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x80, 0xc7, 0x06, 0x80, 0x00,
        0x39, 0x00, 0xc7, 0x06, 0x82, 0x00, 0x00, 0xf0, 0xfb, 0xf4, 0xeb, 0xfd,
        /* 39h */ 0xff, 0x06, 0x00, 0x05, 0x50, 0x83, 0x3e, 0x04, 0x05, 0x00, 0x74, 0x04, 0x31,
        0xc9, 0xe2, 0xfe, 0xb0, 0x20, 0xe6, 0x20, 0x58, 0xcf,
    };
    struct nb_machine *m = rig_machine(code, sizeof code, real);

    for (unsigned round = 1; round <= 2; round++) {
        for (unsigned k = 0; k < 300 && m->quiet.times_tidied < round; k++)
            nb_run(m, 20 * MS);
        ck_assert_uint_eq(m->quiet.times_tidied, round);
        u32 ticks = rig_mem32(m, 0x500) & 0xffff;
        for (unsigned k = 0; k < 300 && (rig_mem32(m, 0x500) & 0xffff) < ticks + 400; k++)
            nb_run(m, 20 * MS);
        ck_assert_uint_ge(rig_mem32(m, 0x500) & 0xffff, ticks + 400);
        ck_assert_uint_eq(m->quiet.times_tidied, round);
        poke32(m, 0x504, 1); /* work for a while: what was tidied once is tidied again after it */
        u64 retired = nb_retired(m);
        for (unsigned k = 0; k < 3000 && nb_retired(m) < retired + 30000000; k++)
            nb_run(m, 20 * MS);
        ck_assert_uint_ge(nb_retired(m), retired + 30000000);
        poke32(m, 0x504, 0);
    }
    nb_free(m);
}
END_TEST

Suite *suite_stops(void);
Suite *suite_stops(void)
{
    Suite *s = suite_create("stops");
    TCase *t = tcase_create("stops");

    tcase_add_checked_fixture(t, rig_folder_new, rig_folder_remove);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, pause_is_held);
    tcase_add_test(t, debugger_is_held);
    tcase_add_test(t, host_stall_is_held);
    tcase_add_test(t, saving_is_held);
    tcase_add_test(t, paced_speed);
    tcase_add_test(t, quiet_guest_is_tidied);
    suite_add_tcase(s, t);
    return s;
}
