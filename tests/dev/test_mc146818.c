/* SPDX-License-Identifier: MIT */
/* Real-time clock and CMOS RAM. The rig's clock starts on Saturday, 2000-01-01 00:00:00. */
#include "devices/cmos.h"
#include "tests/dev/rig.h"

#define SEC NS_PER_SEC

static u8 rd(struct rig *r, u8 i)
{
    out8(r, 0x70, i);
    return in8(r, 0x71);
}

static void wr(struct rig *r, u8 i, u8 v)
{
    out8(r, 0x70, i);
    out8(r, 0x71, v);
}

static void set_time(struct rig *r, const u8 t[10]) /* century, year, month, day, wday, h, m, s */
{
    static const u8 reg[8] = { 0x32, 9, 8, 7, 6, 4, 2, 0 };
    u8 b = rd(r, 0x0b);
    wr(r, 0x0b, b | 0x80);
    for (unsigned i = 0; i < 8; i++)
        wr(r, reg[i], t[i]);
    wr(r, 0x0b, b);
}

static void check_time(struct rig *r, const u8 t[10])
{
    static const u8 reg[8] = { 0x32, 9, 8, 7, 6, 4, 2, 0 };
    for (unsigned i = 0; i < 8; i++)
        ck_assert_msg(rd(r, reg[i]) == t[i], "register %02x is %02x, not %02x", reg[i],
                      rd(r, reg[i]), t[i]);
}

static const u8 start_time[10] = { 0x20, 0x00, 0x01, 0x01, 7, 0, 0, 0 };

START_TEST(power_on)
{
    struct rig *r = rig_new("mc146818", "");
    check_time(r, start_time);
    ck_assert_uint_eq(rd(r, 0x0a), 0x26);
    ck_assert_uint_eq(rd(r, 0x0b), 0x02);
    ck_assert_uint_eq(rd(r, 0x0c), 0x00);
    ck_assert_uint_eq(rd(r, 0x0d), 0x80);
    ck_assert_uint_eq(rd(r, 0x37), 0x20);
    ck_assert_int_eq(wire(r, "irq"), 0);
    rig_free(r);

    r = rig_empty();
    r->sys.rtc_base = 951868799; /* 2000-02-29 23:59:59, a Tuesday */
    rig_add(r, "mc146818", "rtc", "");
    check_time(r, (const u8[10]){ 0x20, 0x00, 0x02, 0x29, 3, 0x23, 0x59, 0x59 });
    step_ns(r, SEC);
    check_time(r, (const u8[10]){ 0x20, 0x00, 0x03, 0x01, 4, 0, 0, 0 });
    rig_free(r);

    r = rig_empty();
    r->sys.rtc_base = -1; /* before 1970 */
    rig_add(r, "mc146818", "rtc", "");
    check_time(r, (const u8[10]){ 0x19, 0x69, 0x12, 0x31, 4, 0x23, 0x59, 0x59 });
    rig_free(r);
}
END_TEST

START_TEST(ports)
{
    struct rig *r = rig_new("mc146818", "");
    out8(r, 0x70, 0x8f);
    ck_assert_int_eq(wire(r, "nmi_mask"), 1);
    ck_assert_uint_eq(in8(r, 0x70), 0x8f);
    out8(r, 0x71, 0x5a); /* index 0Fh */
    ck_assert_uint_eq(in8(r, 0x71), 0x5a);
    out8(r, 0x70, 0x0f);
    ck_assert_int_eq(wire(r, "nmi_mask"), 0);
    ck_assert_uint_eq(in8(r, 0x71), 0x5a);
    out8(r, 0x72, 0x8f); /* the upper bank is another */
    ck_assert_uint_eq(in8(r, 0x72), 0x0f);
    ck_assert_uint_eq(in8(r, 0x73), 0x00);
    out8(r, 0x73, 0xa5);
    ck_assert_uint_eq(rd(r, 0x0f), 0x5a);
    ck_assert_uint_eq(cmos_get(r->dev[0], 0x8f), 0xa5);
    out16(r, 0x70, 0x7740); /* index and data in one OUT */
    ck_assert_uint_eq(rd(r, 0x40), 0x77);
    /* C and D are read-only, UIP cannot be written */
    wr(r, 0x0c, 0xff);
    wr(r, 0x0d, 0x00);
    wr(r, 0x0a, 0xa6);
    ck_assert_uint_eq(rd(r, 0x0c), 0);
    ck_assert_uint_eq(rd(r, 0x0d), 0x80);
    ck_assert_uint_eq(rd(r, 0x0a), 0x26);
    /* the century is one byte in two places */
    wr(r, 0x37, 0x19);
    ck_assert_uint_eq(rd(r, 0x32), 0x19);
    wr(r, 0x32, 0x21);
    ck_assert_uint_eq(rd(r, 0x37), 0x21);
    for (unsigned i = 0x0e; i < 0x80; i++) {
        wr(r, (u8)i, (u8)(i * 7));
        ck_assert_uint_eq(rd(r, (u8)i), (u8)(i * 7));
    }
    rig_snapshot_roundtrip(r);
    ck_assert_uint_eq(rd(r, 0x7f), (u8)(0x7f * 7));
    rig_free(r);
}
END_TEST

START_TEST(board_contents)
{
    struct rig *r = rig_new("mc146818", "");
    struct device *rtc = r->dev[0];
    cmos_set(rtc, 0x10, 0x40);
    cmos_set(rtc, 0x2d, 0xff);
    cmos_set(rtc, 0x15, 0x80);
    cmos_set(rtc, 0x16, 0x02);
    cmos_set(rtc, 0x30, 0x11); /* outside the sum */
    cmos_set(rtc, 0x04, 0x11); /* the clock isn't the board's */
    cmos_checksum(rtc);
    ck_assert_uint_eq(rd(r, 0x2e), 0x01);
    ck_assert_uint_eq(rd(r, 0x2f), 0xc1);
    ck_assert_uint_eq(rd(r, 0x04), 0x00);
    cmos_set(rtc, 0x32, 0x19);
    ck_assert_uint_eq(rd(r, 0x37), 0x19);
    rig_reset(r, RESET_POWER_ON); /* the battery keeps it */
    ck_assert_uint_eq(rd(r, 0x10), 0x40);
    rig_free(r);
}
END_TEST

START_TEST(update_in_progress)
{
    struct rig *r = rig_new("mc146818", "");
    out8(r, 0x70, 0x0a);
    step_ns(r, SEC - 244141 - 1);
    ck_assert_uint_eq(in8(r, 0x71), 0x26);
    step_ns(r, 1);
    ck_assert_uint_eq(in8(r, 0x71), 0xa6);
    step_ns(r, 244140);
    ck_assert_uint_eq(in8(r, 0x71), 0xa6);
    ck_assert_uint_eq(rd(r, 0), 0x00);
    step_ns(r, 1);
    ck_assert_uint_eq(rd(r, 0x0a), 0x26);
    ck_assert_uint_eq(rd(r, 0), 0x01);
    ck_assert_uint_eq(rd(r, 0x0c), 0x50); /* PF has come by too; nobody enabled IRQF */
    ck_assert_uint_eq(rd(r, 0x0c), 0x00);
    /* one a second, seen by polling every 100 us */
    unsigned rises = 0;
    bool last = false;
    for (unsigned i = 0; i < 100000; i++) {
        step_ns(r, 100000);
        bool uip = rd(r, 0x0a) & 0x80;
        rises += uip && !last;
        last = uip;
    }
    ck_assert_uint_eq(rises, 10);
    wr(r, 0x0b, 0x82); /* SET: no update, no UIP */
    step_ns(r, SEC - 100000 - now_ns(r) % SEC);
    ck_assert_uint_eq(rd(r, 0x0a), 0x26);
    rig_free(r);
}
END_TEST

START_TEST(formats)
{
    static const struct { u8 b, before[10], after[10]; } t[] = {
        { 0x02, { 0x19, 0x99, 0x12, 0x31, 6, 0x23, 0x59, 0x59 }, { 0x20, 0, 1, 1, 7, 0, 0, 0 } },
        { 0x06, { 0x19, 99, 12, 31, 6, 23, 59, 59 }, { 0x20, 0, 1, 1, 7, 0, 0, 0 } },
        { 0x00, { 0x20, 0x25, 0x02, 0x28, 7, 0x91, 0x59, 0x59 },
          { 0x20, 0x25, 0x03, 0x01, 1, 0x12, 0, 0 } },
        { 0x00, { 0x20, 0x24, 0x02, 0x28, 1, 0x11, 0x59, 0x59 },
          { 0x20, 0x24, 0x02, 0x28, 1, 0x92, 0, 0 } },
        { 0x04, { 0x20, 24, 2, 28, 1, 0x8b, 59, 59 }, { 0x20, 24, 2, 29, 2, 12, 0, 0 } },
        { 0x04, { 0x20, 24, 4, 30, 1, 12, 59, 59 }, { 0x20, 24, 4, 30, 1, 1, 0, 0 } },
        { 0x02, { 0x20, 0x24, 0x04, 0x30, 1, 0x09, 0x09, 0x59 },
          { 0x20, 0x24, 0x04, 0x30, 1, 0x09, 0x10, 0x00 } },
    };
    struct rig *r = rig_new("mc146818", "");
    for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
        wr(r, 0x0b, t[i].b);
        set_time(r, t[i].before);
        check_time(r, t[i].before);
        step_ns(r, SEC);
        check_time(r, t[i].after);
    }
    rig_free(r);
}
END_TEST

START_TEST(long_absence)
{
    struct rig *r = rig_new("mc146818", "");
    step_ns(r, (366ull + 31 + 28) * 86400 * SEC + 3661 * SEC);
    check_time(r, (const u8[10]){ 0x20, 0x01, 0x03, 0x01, 5, 0x01, 0x01, 0x01 });
    rig_free(r);
}
END_TEST

START_TEST(nonsense_recovers)
{
    struct rig *r = rig_new("mc146818", "");
    set_time(r, (const u8[10]){ 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f });
    step_ns(r, 2 * 86400ull * SEC);
    ck_assert_uint_le(rd(r, 7), 0x02);
    ck_assert_uint_eq(rd(r, 8), 0x01);
    ck_assert_uint_le(rd(r, 4), 0x23);
    rig_free(r);
}
END_TEST

START_TEST(set_and_divider)
{
    struct rig *r = rig_new("mc146818", "");
    wr(r, 0x0b, 0x92); /* SET clears UIE */
    ck_assert_uint_eq(rd(r, 0x0b), 0x82);
    step_ns(r, 5 * SEC);
    check_time(r, start_time);
    wr(r, 0x0b, 0x02);
    step_ns(r, SEC);
    ck_assert_uint_eq(rd(r, 0), 1);
    /* Linux sets the clock with the divider reset: the next second begins half a second later. */
    step_ns(r, 300000000);
    wr(r, 0x0a, 0x76);
    step_ns(r, 10 * SEC);
    ck_assert_uint_eq(rd(r, 0), 1);
    wr(r, 0x0a, 0x26);
    step_ns(r, SEC / 2 - 1);
    ck_assert_uint_eq(rd(r, 0), 1);
    ck_assert_uint_eq(rd(r, 0x0a), 0xa6);
    step_ns(r, 1);
    ck_assert_uint_eq(rd(r, 0), 2);
    rig_free(r);
}
END_TEST

START_TEST(periodic)
{
    static const u32 hz[16] = { 0, 256, 128, 8192, 4096, 2048, 1024, 512, 256, 128, 64, 32, 16, 8,
                                4, 2 };
    struct rig *r = rig_new("mc146818", "");
    for (u8 rs = 0; rs < 16; rs++) {
        wr(r, 0x0a, 0x70); /* the divider begins anew */
        wr(r, 0x0b, 0x42);
        rd(r, 0x0c);
        wr(r, 0x0a, 0x20 | rs);
        u32 n = 0;
        u64 end = now_ns(r) + 2 * SEC;
        while (now_ns(r) < end) {
            u64 next = clock_next(&r->clock);
            step_ns(r, MIN(next, end) - now_ns(r));
            if (!wire(r, "irq"))
                continue;
            n++;
            ck_assert_uint_eq(rd(r, 0x0c) & 0xc0, 0xc0);
            ck_assert_int_eq(wire(r, "irq"), 0);
            ck_assert_uint_eq(rd(r, 0x0c), 0); /* the profile handler spins on this */
        }
        ck_assert_uint_eq(n, 2 * hz[rs]);
    }
    /* Without a read of C there is one interrupt, and time doesn't build up a heap of them. */
    wr(r, 0x0a, 0x26);
    rd(r, 0x0c);
    u32 rises = wire_rises(r, "irq");
    step_ns(r, SEC);
    ck_assert_uint_eq(wire_rises(r, "irq"), rises + 1);
    rig_snapshot_roundtrip(r);
    rd(r, 0x0c);
    step_ns(r, 976562);
    ck_assert_int_eq(wire(r, "irq"), 0);
    step_ns(r, 1);
    ck_assert_int_eq(wire(r, "irq"), 1);
    /* PF comes without PIE, too, and enabling it late raises the line */
    wr(r, 0x0b, 0x02);
    ck_assert_int_eq(wire(r, "irq"), 0);
    wr(r, 0x0b, 0x42);
    ck_assert_int_eq(wire(r, "irq"), 1);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_int_eq(wire(r, "irq"), 0);
    ck_assert_uint_eq(rd(r, 0x0b), 0x02);
    rig_free(r);
}
END_TEST

START_TEST(update_and_alarm)
{
    struct rig *r = rig_new("mc146818", "");
    wr(r, 0x0b, 0x12);
    step_ns(r, SEC - 1);
    ck_assert_int_eq(wire(r, "irq"), 0);
    step_ns(r, 1);
    ck_assert_int_eq(wire(r, "irq"), 1);
    ck_assert_uint_eq(rd(r, 0x0c) & 0xb0, 0x90);
    step_ns(r, SEC);
    ck_assert_int_eq(wire(r, "irq"), 1);
    rd(r, 0x0c);

    wr(r, 0x0b, 0x22);
    wr(r, 5, 0x00);
    wr(r, 3, 0x01);
    wr(r, 1, 0x30);
    step_ns(r, 88 * SEC - 1);
    ck_assert_int_eq(wire(r, "irq"), 0);
    step_ns(r, 1); /* 00:01:30 */
    ck_assert_int_eq(wire(r, "irq"), 1);
    ck_assert_uint_eq(rd(r, 0x0c) & 0xa0, 0xa0);
    u32 rises = wire_rises(r, "irq");
    step_ns(r, 86400ull * SEC - 1);
    ck_assert_uint_eq(wire_rises(r, "irq"), rises);
    step_ns(r, 1);
    ck_assert_uint_eq(wire_rises(r, "irq"), rises + 1);
    rd(r, 0x0c);
    /* don't care: C0h to FFh */
    wr(r, 5, 0xc0);
    wr(r, 3, 0xff);
    rises = wire_rises(r, "irq");
    for (unsigned i = 0; i < 180; i++) {
        step_ns(r, SEC);
        rd(r, 0x0c);
    }
    ck_assert_uint_eq(wire_rises(r, "irq"), rises + 3);
    /* polled, with no interrupt enabled and nobody looking for days */
    wr(r, 0x0b, 0x02);
    rd(r, 0x0c);
    step_ns(r, 7 * 86400ull * SEC);
    ck_assert_uint_eq(rd(r, 0x0c) & 0xb0, 0x30);
    rig_free(r);
}
END_TEST

static u64 fake_host_ns(void *host) { return *(u64 *)host; }

/* A stop of 10.4 s on a fake host's clock: the time steps in the next update cycle by what has passed
 * outside, less than a second off, and every update and periodic interrupt comes in its guest time. */
START_TEST(held_time)
{
    for (unsigned follow = 0; follow < 2; follow++) {
        struct rig *r = rig_empty();
        u64 host = 1000 * SEC;
        const u8 late[10] = { 0x20, 0x00, 0x01, 0x01, 7, 0, 0, follow ? 0x13 : 0x03 };
        unsigned uf = 0, pf = 0, af = 0;

        clock_free(&r->clock);
        clock_init(&r->clock, CLOCK_REAL, 1, NULL, fake_host_ns, &host);
        rig_add(r, "mc146818", "rtc", follow ? "follow_host=on" : "");
        wr(r, 0x0a, 0x2d); /* 8 Hz */
        wr(r, 0x01, 0x08); /* an alarm at 00:00:08, which the stop passes */
        wr(r, 0x03, 0xff);
        wr(r, 0x05, 0xff);
        wr(r, 0x0b, 0x72);
        rd(r, 0x0c);
        for (unsigned ms = 0; ms < 3950; ms++) {
            if (ms == 2500) {
                clock_hold(&r->clock);
                host += 10 * SEC + SEC / 2 - SEC / 10;
                clock_release(&r->clock);
                ck_assert_uint_eq(rd(r, 0), 0x02); /* not outside an update cycle */
            }
            host += SEC / 1000;
            clock_run(&r->clock);
            clock_run(&r->clock);
            u8 c = rd(r, 0x0c);
            uf += c >> 4 & 1;
            af += c >> 5 & 1;
            pf += c >> 6 & 1;
        }
        ck_assert_uint_eq(uf, 3);
        ck_assert_uint_eq(pf, 31);
        ck_assert_uint_eq(af, follow);
        check_time(r, late);
        /* what the guest sets itself is right from then on */
        clock_hold(&r->clock);
        host += 5 * SEC;
        clock_release(&r->clock);
        set_time(r, start_time);
        for (unsigned ms = 0; ms < 500; ms++) {
            host += SEC / 1000;
            clock_run(&r->clock);
        }
        ck_assert_uint_eq(rd(r, 0), 0x01);
        rig_free(r);
    }
}
END_TEST

START_TEST(idle_costs_nothing)
{
    struct rig *r = rig_new("mc146818", "");
    step_ns(r, 10 * SEC);
    ck_assert_uint_eq(clock_next(&r->clock), CLOCK_NEVER);
    ck_assert_uint_eq(space_peek(&r->io, 0x71, 1), 0x10);
    rig_free(r);
}
END_TEST

Suite *suite_mc146818(void);
Suite *suite_mc146818(void)
{
    Suite *s = suite_create("mc146818");
    TCase *tc = tcase_create("mc146818");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, power_on);
    tcase_add_test(tc, ports);
    tcase_add_test(tc, board_contents);
    tcase_add_test(tc, update_in_progress);
    tcase_add_test(tc, formats);
    tcase_add_test(tc, long_absence);
    tcase_add_test(tc, nonsense_recovers);
    tcase_add_test(tc, set_and_divider);
    tcase_add_test(tc, periodic);
    tcase_add_test(tc, update_and_alarm);
    tcase_add_test(tc, held_time);
    tcase_add_test(tc, idle_costs_nothing);
    suite_add_tcase(s, tc);
    return s;
}
