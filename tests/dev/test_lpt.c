/* SPDX-License-Identifier: MIT */
/* Parallel port and the printer behind it. */
#include "tests/dev/rig.h"

#define B 0x378

struct paper {
    struct chardev c;
    u8 out[64];
    u32 len;
    bool full;
};

static u32 paper_write(struct chardev *c, const u8 *data, u32 len)
{
    struct paper *p = c->priv;
    if (p->full)
        return 0;
    for (u32 i = 0; i < len && p->len < sizeof(p->out); i++)
        p->out[p->len++] = data[i];
    return len;
}

static struct rig *printer_at(struct paper *p, const char *opts, bool unplugged)
{
    struct rig *r = rig_empty();
    struct device *dev = rig_make(r, "lpt", "lpt1", opts);
    memset(p, 0, sizeof(*p));
    p->c.write = paper_write;
    p->c.priv = p;
    p->c.unplugged = unplugged;
    ck_assert(device_set_ptr(dev, "chardev", &p->c, NULL));
    rig_start(r, dev);
    return r;
}

static struct rig *printer(struct paper *p)
{
    return printer_at(p, "", false);
}

static void put(struct rig *r, u8 v, u8 control)
{
    out8(r, B, v);
    out8(r, B + 2, control | 1);
    out8(r, B + 2, control);
}

START_TEST(registers)
{
    struct paper p;
    struct rig *r = printer_at(&p, "iobase=0x278", false);
    ck_assert_uint_eq(in8(r, 0x278), 0);
    ck_assert_uint_eq(in8(r, 0x279), 0xd8); /* ready, no acknowledge, selected, no error */
    ck_assert_uint_eq(in8(r, 0x27a), 0x0c);
    ck_assert_uint_eq(in8(r, 0x277), 0xff);
    ck_assert_uint_eq(in8(r, 0x280), 0xff);
    for (u32 v = 0; v < 256; v++) { /* SeaBIOS, NT and Linux look for the latch */
        out8(r, 0x278, (u8)v);
        ck_assert_uint_eq(in8(r, 0x278), v);
    }
    out8(r, 0x279, 0xff); /* read-only but for the time-out */
    ck_assert_uint_eq(in8(r, 0x279), 0xd8);
    out8(r, 0x27a, 0xfe); /* bits 7, 6: none */
    ck_assert_uint_eq(in8(r, 0x27a), 0x3e);
    ck_assert_uint_eq(in8(r, 0x278), 0xff); /* input: nobody drives the lines */
    out8(r, 0x278, 0x12);
    ck_assert_uint_eq(in8(r, 0x278), 0xff);
    out8(r, 0x27a, 0x0c);
    ck_assert_uint_eq(in8(r, 0x278), 0x12); /* the latch is behind it */
    out8(r, 0x27a, 0x08);
    ck_assert_uint_eq(in8(r, 0x279), 0x58); /* held in reset: busy */
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(in8(r, 0x278), 0);
    ck_assert_uint_eq(in8(r, 0x27a), 0x0c);
    ck_assert_uint_eq(p.len, 0);
    rig_free(r);
}
END_TEST

/* Polled, to the nanosecond. */
START_TEST(one_character)
{
    struct paper p;
    struct rig *r = printer(&p);
    out8(r, B, 'A');
    out8(r, B + 2, 0x0d);
    ck_assert_uint_eq(p.len, 1); /* at the leading edge */
    ck_assert_uint_eq(p.out[0], 'A');
    ck_assert_uint_eq(in8(r, B + 1), 0x58);
    step_ns(r, 1000000); /* STROBE holds: nothing more happens */
    ck_assert_uint_eq(in8(r, B + 1), 0x58);
    out8(r, B + 2, 0x0d); /* no edge */
    ck_assert_uint_eq(p.len, 1);
    out8(r, B + 2, 0x0c);
    step_ns(r, 999);
    ck_assert_uint_eq(in8(r, B + 1), 0x58);
    step_ns(r, 1);
    ck_assert_uint_eq(in8(r, B + 1), 0x98); /* nACK */
    step_ns(r, 4999);
    ck_assert_uint_eq(in8(r, B + 1), 0x98);
    step_ns(r, 1);
    ck_assert_uint_eq(in8(r, B + 1), 0xd8); /* it was seen, so it ends */
    ck_assert_uint_eq(wire_rises(r, "irq"), 0); /* quiet without IRQE */
    rig_free(r);
}
END_TEST

/* Who comes late still finds nACK, once; who never looks finds it gone after 1 ms. */
START_TEST(acknowledge_waits_for_a_reader)
{
    struct paper p;
    struct rig *r = printer(&p);
    put(r, 'a', 0x0c);
    step_ns(r, 500000);
    ck_assert_uint_eq(in8(r, B + 1), 0x98);
    ck_assert_uint_eq(in8(r, B + 1), 0xd8);
    put(r, 'b', 0x0c);
    step_ns(r, 1000 + 999999);
    rig_snapshot_roundtrip(r);
    ck_assert_uint_eq(space_peek(&r->io, B + 1, 1), 0x98);
    step_ns(r, 1);
    ck_assert_uint_eq(space_peek(&r->io, B + 1, 1), 0xd8);
    put(r, 'c', 0x0c); /* a new strobe ends the old acknowledge */
    step_ns(r, 2000);
    put(r, 'd', 0x0c);
    ck_assert_uint_eq(in8(r, B + 1), 0x58);
    ck_assert_uint_eq(p.len, 4);
    ck_assert_mem_eq(p.out, "abcd", 4);
    put(r, 'e', 0x0c); /* busy: lost */
    ck_assert_uint_eq(p.len, 4);
    ck_assert(rig_log_has(r, "busy"));
    rig_free(r);
}
END_TEST

START_TEST(interrupt)
{
    struct paper p;
    struct rig *r = printer(&p);
    out8(r, B + 2, 0x1c); /* enabling alone is no interrupt */
    ck_assert_int_eq(wire(r, "irq"), 0);
    put(r, '1', 0x1c);
    step_ns(r, 5999);
    ck_assert_int_eq(wire(r, "irq"), 0);
    step_ns(r, 1);
    ck_assert_int_eq(wire(r, "irq"), 1); /* nACK's rising edge */
    rig_snapshot_roundtrip(r);
    ck_assert_uint_eq(in8(r, B + 1), 0xd8);
    ck_assert_int_eq(wire(r, "irq"), 0);
    for (int i = 0; i < 3; i++) { /* a handler that reads nothing: an edge each all the same */
        put(r, '2', 0x1c);
        step_ns(r, 10000);
    }
    ck_assert_uint_eq(wire_rises(r, "irq"), 4);
    ck_assert_int_eq(wire(r, "irq"), 1);
    out8(r, B + 2, 0x0c);
    ck_assert_int_eq(wire(r, "irq"), 0);
    out8(r, B + 2, 0x1c);
    ck_assert_int_eq(wire(r, "irq"), 0); /* forgotten */
    ck_assert_uint_eq(p.len, 4);
    rig_free(r);
}
END_TEST

START_TEST(printer_lines)
{
    struct paper p;
    struct rig *r = printer(&p);
    put(r, 'x', 0x04); /* not selected */
    ck_assert_uint_eq(p.len, 0);
    ck_assert_uint_eq(in8(r, B + 1), 0xd8);
    put(r, 'x', 0x08); /* in reset */
    out8(r, B + 2, 0x0c);
    step_ns(r, 100000);
    ck_assert_uint_eq(p.len, 0);
    ck_assert_uint_eq(in8(r, B + 1), 0xd8);
    put(r, 'y', 0x0c);
    out8(r, B + 2, 0x08); /* reset in the middle: no acknowledge comes */
    out8(r, B + 2, 0x0c);
    step_ns(r, 3000);
    ck_assert_uint_eq(in8(r, B + 1), 0xd8);
    ck_assert_uint_eq(p.len, 1);
    rig_free(r);
}
END_TEST

START_TEST(slow_backend)
{
    struct paper p;
    struct rig *r = printer(&p);
    p.full = true;
    put(r, 'q', 0x0c);
    out8(r, B, 'z'); /* the printer has its own copy */
    ck_assert_uint_eq(in8(r, B + 1), 0x58);
    step_ns(r, 25000000);
    ck_assert_uint_eq(in8(r, B + 1), 0x58);
    rig_snapshot_roundtrip(r);
    p.full = false;
    step_ns(r, 4999999);
    ck_assert_uint_eq(p.len, 0);
    step_ns(r, 1);
    ck_assert_uint_eq(p.len, 1);
    ck_assert_uint_eq(p.out[0], 'q');
    step_ns(r, 1000);
    ck_assert_uint_eq(in8(r, B + 1), 0x98);
    rig_free(r);
}
END_TEST

START_TEST(cable)
{
    struct paper p;
    struct rig *r = rig_new("lpt", "");
    ck_assert_uint_eq(in8(r, B + 1), 0x78); /* pull-ups */
    put(r, 'x', 0x1c);
    step_ns(r, 100000);
    ck_assert_uint_eq(in8(r, B + 1), 0x78);
    ck_assert_int_eq(wire(r, "irq"), 0);
    rig_free(r);

    r = printer_at(&p, "", true);
    ck_assert_uint_eq(in8(r, B + 1), 0x78);
    p.c.event(p.c.dev, CHARDEV_OPENED);
    ck_assert_uint_eq(in8(r, B + 1), 0xd8);
    put(r, 'x', 0x0c);
    p.c.event(p.c.dev, CHARDEV_CLOSED);
    step_ns(r, 100000);
    ck_assert_uint_eq(in8(r, B + 1), 0x78);
    put(r, 'y', 0x0c);
    ck_assert_uint_eq(p.len, 1);
    p.c.event(p.c.dev, CHARDEV_OPENED);
    ck_assert_uint_eq(in8(r, B + 1), 0xd8);
    rig_free(r);
    ck_assert(!p.c.event);
}
END_TEST

/* As Linux and NT look for EPP: the time-out bit comes with a cycle and goes by writing 1. */
START_TEST(epp_times_out)
{
    struct paper p;
    struct rig *r = printer(&p);
    for (u32 reg = 3; reg < 8; reg++) {
        ck_assert_uint_eq(in8(r, B + reg), 0xff);
        ck_assert_uint_eq(in8(r, B + 1), 0xd9);
        out8(r, B + 1, 0xfe);
        ck_assert_uint_eq(in8(r, B + 1), 0xd9);
        out8(r, B + 1, 0x01);
        ck_assert_uint_eq(in8(r, B + 1), 0xd8);
        out8(r, B + reg, 0x55);
        ck_assert_uint_eq(in8(r, B + 1), 0xd9);
        rig_snapshot_roundtrip(r);
        out8(r, B + 1, 0x01);
    }
    ck_assert_uint_eq(in8(r, B), 0); /* the SPP latch is untouched */
    out32(r, B + 4, 0x01020304);
    ck_assert_uint_eq(in8(r, B + 1), 0xd9);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(in8(r, B + 1), 0xd8);
    rig_free(r);
}
END_TEST

Suite *suite_lpt(void);
Suite *suite_lpt(void)
{
    Suite *s = suite_create("lpt");
    TCase *tc = tcase_create("lpt");
    tcase_add_test(tc, registers);
    tcase_add_test(tc, one_character);
    tcase_add_test(tc, acknowledge_waits_for_a_reader);
    tcase_add_test(tc, interrupt);
    tcase_add_test(tc, printer_lines);
    tcase_add_test(tc, slow_backend);
    tcase_add_test(tc, cable);
    tcase_add_test(tc, epp_times_out);
    suite_add_tcase(s, tc);
    return s;
}
