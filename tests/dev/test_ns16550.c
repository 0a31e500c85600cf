/* SPDX-License-Identifier: MIT */
/* PC16550D. */
#include "tests/dev/rig.h"

#define B 0x3f8
#define CHAR_115200 86805u /* 10 bits at divisor 1, in ns, rounded down */

struct line {
    struct chardev c;
    u8 out[4096];
    u32 len;
    bool full;
    u32 accepts;
};

static u32 line_write(struct chardev *c, const u8 *data, u32 len)
{
    struct line *l = c->priv;
    if (l->full)
        return 0;
    for (u32 i = 0; i < len && l->len < sizeof(l->out); i++)
        l->out[l->len++] = data[i];
    return len;
}

static void line_accept(struct chardev *c)
{
    ((struct line *)c->priv)->accepts++;
}

static struct rig *uart(struct line *l)
{
    struct rig *r = rig_empty();
    struct device *dev = rig_make(r, "ns16550", "com1", "");
    struct err e = { 0 };
    memset(l, 0, sizeof(*l));
    l->c.write = line_write;
    l->c.accept_input = line_accept;
    l->c.priv = l;
    ck_assert(device_set_ptr(dev, "chardev", &l->c, &e));
    rig_start(r, dev);
    return r;
}

static void setup(struct rig *r, u16 div, u8 lcr, u8 fcr)
{
    out8(r, B + 3, 0x80);
    out8(r, B, (u8)div);
    out8(r, B + 1, (u8)(div >> 8));
    out8(r, B + 3, lcr);
    out8(r, B + 2, fcr);
    out8(r, B + 4, 0x0b);
}

/* One character from the line, when it is free. */
static void rx(struct rig *r, struct line *l, u8 v)
{
    ck_assert_uint_ge(l->c.can_receive(l->c.dev), 1);
    l->c.receive(l->c.dev, &v, 1);
    (void)r;
}

START_TEST(reset_values_and_masks)
{
    struct rig *r = rig_new("ns16550", ""); /* unplugged */
    static const u8 reset[8] = { 0, 0, 0x01, 0, 0, 0x60, 0x00, 0 };
    static const u8 mask[8] = { 0, 0x0f, 0, 0xff, 0x1f, 0, 0, 0xff };
    for (unsigned i = 0; i < 8; i++)
        ck_assert_uint_eq(in8(r, B + i), reset[i]);
    for (unsigned i = 1; i < 8; i++) {
        if (!mask[i])
            continue;
        out8(r, B + i, 0xff);
        ck_assert_uint_eq(in8(r, B + i), mask[i]);
        out8(r, B + i, 0x00);
        ck_assert_uint_eq(in8(r, B + i), 0x00);
    }
    out8(r, B + 3, 0x83);
    ck_assert_uint_eq(in8(r, B), 12);
    out8(r, B, 0x34);
    out8(r, B + 1, 0x12);
    ck_assert_uint_eq(in8(r, B), 0x34);
    ck_assert_uint_eq(in8(r, B + 1), 0x12);
    out8(r, B + 3, 0x03);
    ck_assert_uint_eq(in8(r, B + 1), 0);
    out8(r, B + 5, 0x1f); /* LSR and MSR are read-only */
    out8(r, B + 6, 0x0f);
    ck_assert_uint_eq(in8(r, B + 5), 0x60);
    ck_assert_uint_eq(in8(r, B + 2), 0x01);
    out8(r, B + 2, 0x01);
    ck_assert_uint_eq(in8(r, B + 2), 0xc1);
    out8(r, B + 2, 0xce); /* without the enable bit: all off */
    ck_assert_uint_eq(in8(r, B + 2), 0x01);
    rig_free(r);
}
END_TEST

START_TEST(transmission_takes_its_time)
{
    struct line l;
    struct rig *r = uart(&l);
    setup(r, 1, 0x03, 0x00);
    out8(r, B + 1, 0x02);
    ck_assert_uint_eq(in8(r, B + 2), 0x02); /* empty already */
    ck_assert_uint_eq(in8(r, B + 2), 0x01); /* reading IIR took it */
    out8(r, B, 'a');
    ck_assert_uint_eq(in8(r, B + 5), 0x20); /* in the shift register: THRE, not TEMT */
    ck_assert_int_eq(wire(r, "irq"), 1);
    out8(r, B, 'b');
    ck_assert_uint_eq(in8(r, B + 5), 0x00);
    ck_assert_int_eq(wire(r, "irq"), 0);
    step_ns(r, CHAR_115200 - 1);
    ck_assert_uint_eq(l.len, 0);
    step_ns(r, 1);
    ck_assert_uint_eq(l.len, 1);
    ck_assert_int_eq(wire(r, "irq"), 1);
    rig_snapshot_roundtrip(r);
    step_ns(r, CHAR_115200);
    ck_assert_uint_eq(in8(r, B + 5), 0x60);
    ck_assert_mem_eq(l.out, "ab", 2);
    /* 9600, 7 bits, parity, two stop bits: 11 bits */
    setup(r, 12, 0x0e, 0x00);
    out8(r, B, 0xc1);
    step_ns(r, 11 * 104166ull - 10);
    ck_assert_uint_eq(l.len, 2);
    step_ns(r, 20);
    ck_assert_uint_eq(l.len, 3);
    ck_assert_uint_eq(l.out[2], 0x41);
    /* 5 bits, 1.5 stop bits: 7.5 bit times */
    setup(r, 12, 0x04, 0x00);
    out8(r, B, 0xff);
    step_ns(r, 781250 - 2);
    ck_assert_uint_eq(l.len, 3);
    step_ns(r, 4);
    ck_assert_uint_eq(l.out[3], 0x1f);
    rig_free(r);
}
END_TEST

START_TEST(thre_interrupt)
{
    struct line l;
    struct rig *r = uart(&l);
    setup(r, 1, 0x03, 0x01);
    ck_assert_int_eq(wire(r, "irq"), 0);
    out8(r, B + 1, 0x02); /* 0 -> 1 with THRE set: Windows relies on it */
    ck_assert_int_eq(wire(r, "irq"), 1);
    ck_assert_uint_eq(in8(r, B + 2), 0xc2);
    ck_assert_int_eq(wire(r, "irq"), 0);
    out8(r, B + 1, 0x02); /* no change: nothing */
    ck_assert_int_eq(wire(r, "irq"), 0);
    out8(r, B + 1, 0x00);
    out8(r, B + 1, 0x02);
    ck_assert_int_eq(wire(r, "irq"), 1);
    out8(r, B + 4, 0x03); /* OUT2 gates the pin, not IIR */
    ck_assert_int_eq(wire(r, "irq"), 0);
    out8(r, B + 4, 0x0b);
    ck_assert_int_eq(wire(r, "irq"), 1);
    for (unsigned i = 0; i < 17; i++) /* one leaves at once */
        out8(r, B, (u8)('0' + i));
    ck_assert_uint_eq(in8(r, B + 5), 0x00);
    out8(r, B, 'X'); /* does not fit */
    ck_assert_int_eq(wire(r, "irq"), 0);
    step_ns(r, 16 * CHAR_115200 - 1);
    ck_assert_int_eq(wire(r, "irq"), 0);
    step_ns(r, 32);
    ck_assert_int_eq(wire(r, "irq"), 1);
    step_ns(r, CHAR_115200);
    ck_assert_uint_eq(l.len, 17);
    ck_assert_mem_eq(l.out, "0123456789:;<=>?@", 17);
    ck_assert(rig_log_has(r, "overrun"));
    rig_free(r);
}
END_TEST

START_TEST(receive_without_fifo)
{
    struct line l;
    struct rig *r = uart(&l);
    setup(r, 1, 0x03, 0x00);
    out8(r, B + 1, 0x01);
    rx(r, &l, 'q');
    ck_assert_int_eq(wire(r, "irq"), 1);
    ck_assert_uint_eq(in8(r, B + 2), 0x04);
    ck_assert_uint_eq(in8(r, B + 5), 0x61);
    ck_assert_uint_eq(l.c.can_receive(l.c.dev), 0);
    ck_assert_uint_eq(space_peek(&r->io, B, 1), 'q');
    u32 accepts = l.accepts;
    ck_assert_uint_eq(in8(r, B), 'q');
    ck_assert_int_eq(wire(r, "irq"), 0);
    ck_assert_uint_eq(in8(r, B + 5), 0x60);
    ck_assert_uint_eq(l.c.can_receive(l.c.dev), 0); /* the line is as slow as the guest set it */
    ck_assert_uint_eq(l.accepts, accepts);
    step_ns(r, CHAR_115200);
    ck_assert_uint_eq(l.accepts, accepts + 1);
    /* a break is a zero with BI, and a line error interrupt */
    out8(r, B + 1, 0x05);
    l.c.event(l.c.dev, CHARDEV_BREAK);
    ck_assert_uint_eq(in8(r, B + 2), 0x06);
    ck_assert_uint_eq(in8(r, B + 5), 0x71);
    ck_assert_uint_eq(in8(r, B + 2), 0x04);
    ck_assert_uint_eq(in8(r, B), 0);
    /* overrun: a byte that comes all the same takes the place */
    l.c.event(l.c.dev, CHARDEV_BREAK);
    l.c.event(l.c.dev, CHARDEV_BREAK);
    ck_assert_uint_eq(in8(r, B + 5), 0x73);
    ck_assert_uint_eq(in8(r, B + 5), 0x61);
    rig_free(r);
}
END_TEST

START_TEST(receive_fifo)
{
    static const u8 level[4] = { 1, 4, 8, 14 };
    struct line l;
    struct rig *r = uart(&l);
    for (unsigned t = 0; t < 4; t++) {
        setup(r, 1, 0x03, (u8)(0x07 | t << 6));
        out8(r, B + 1, 0x01);
        step_ns(r, CHAR_115200);
        for (unsigned i = 1; i <= 16; i++) {
            rx(r, &l, (u8)(i * 3));
            ck_assert_int_eq(wire(r, "irq"), i >= level[t]);
            if (i < 16)
                step_ns(r, CHAR_115200);
        }
        ck_assert_uint_eq(l.c.can_receive(l.c.dev), 0);
        ck_assert_uint_eq(in8(r, B + 2), 0xc4);
        for (unsigned i = 1; i <= 16; i++) {
            ck_assert_uint_eq(in8(r, B), (u8)(i * 3));
            ck_assert_int_eq(wire(r, "irq"), 16 - i >= level[t]);
        }
        ck_assert_uint_eq(in8(r, B + 5), 0x60);
        step_ns(r, CHAR_115200);
    }
    rig_free(r);
}
END_TEST

START_TEST(character_timeout)
{
    struct line l;
    struct rig *r = uart(&l);
    setup(r, 1, 0x03, 0xc7);
    out8(r, B + 1, 0x01);
    rx(r, &l, 'a');
    step_ns(r, CHAR_115200);
    rx(r, &l, 'b');
    step_ns(r, 4 * CHAR_115200 - 1);
    ck_assert_int_eq(wire(r, "irq"), 0);
    rig_snapshot_roundtrip(r);
    l.c.dev = r->dev[0];
    step_ns(r, 4);
    ck_assert_int_eq(wire(r, "irq"), 1);
    ck_assert_uint_eq(in8(r, B + 2), 0xcc);
    ck_assert_uint_eq(in8(r, B), 'a'); /* a read starts it anew */
    ck_assert_int_eq(wire(r, "irq"), 0);
    step_ns(r, 4 * CHAR_115200 + 4);
    ck_assert_int_eq(wire(r, "irq"), 1);
    ck_assert_uint_eq(in8(r, B), 'b');
    step_ns(r, 10 * CHAR_115200);
    ck_assert_int_eq(wire(r, "irq"), 0);
    /* errors deep in the FIFO show in bit 7 only */
    rx(r, &l, 'c');
    l.c.event(l.c.dev, CHARDEV_BREAK);
    ck_assert_uint_eq(in8(r, B + 5), 0xe1);
    ck_assert_uint_eq(in8(r, B), 'c');
    ck_assert_uint_eq(in8(r, B + 5), 0xf1);
    ck_assert_uint_eq(in8(r, B + 5), 0x61);
    /* changing the FIFO enable empties both */
    out8(r, B + 2, 0x00);
    ck_assert_uint_eq(in8(r, B + 5), 0x60);
    rig_free(r);
}
END_TEST

START_TEST(modem_and_loopback)
{
    struct line l;
    struct rig *r = uart(&l);
    ck_assert_uint_eq(in8(r, B + 6), 0xb0);
    out8(r, B + 4, 0x08);
    out8(r, B + 1, 0x08);
    ck_assert_int_eq(wire(r, "irq"), 0);
    l.c.event(l.c.dev, CHARDEV_CLOSED);
    ck_assert_int_eq(wire(r, "irq"), 1);
    ck_assert_uint_eq(in8(r, B + 2), 0x00);
    ck_assert_uint_eq(in8(r, B + 6), 0x0b);
    ck_assert_uint_eq(in8(r, B + 6), 0x00);
    ck_assert_int_eq(wire(r, "irq"), 0);
    l.c.event(l.c.dev, CHARDEV_OPENED);
    ck_assert_uint_eq(in8(r, B + 6), 0xbb);
    out8(r, B + 1, 0);
    for (unsigned m = 0; m < 16; m++) { /* what NTDETECT and DOS drivers probe */
        static const u8 map[4] = { 0x20, 0x10, 0x40, 0x80 };
        u8 want = 0;
        for (unsigned i = 0; i < 4; i++)
            want |= m >> i & 1 ? map[i] : 0;
        out8(r, B + 4, (u8)(0x10 | m));
        ck_assert_uint_eq(in8(r, B + 6) & 0xf0, want);
    }
    out8(r, B + 4, 0x10);
    in8(r, B + 6);
    out8(r, B + 4, 0x14);
    ck_assert_uint_eq(in8(r, B + 6), 0x40); /* RI: only its trailing edge counts */
    out8(r, B + 4, 0x10);
    ck_assert_uint_eq(in8(r, B + 6), 0x04);
    setup(r, 1, 0x03, 0x00);
    out8(r, B + 4, 0x18);
    out8(r, B + 1, 0x01);
    out8(r, B, 0x5a);
    step_ns(r, CHAR_115200);
    ck_assert_uint_eq(l.len, 0);
    ck_assert_int_eq(wire(r, "irq"), 1);
    ck_assert_uint_eq(in8(r, B), 0x5a);
    ck_assert_uint_eq(l.c.can_receive(l.c.dev), 0);
    out8(r, B + 3, 0x43); /* break */
    ck_assert_uint_eq(in8(r, B + 5), 0x71);
    u32 accepts = l.accepts;
    in8(r, B);
    out8(r, B + 4, 0x08);
    ck_assert_uint_gt(l.accepts, accepts);
    rig_free(r);
}
END_TEST

/* A break is one zero character with BI, seen when it is at the head, gone when LSR was read. */
START_TEST(break_from_the_line)
{
    struct line l;
    struct rig *r = uart(&l);

    setup(r, 1, 0x03, 0xc1);
    out8(r, B + 1, 0x04);
    rx(r, &l, 'a');
    step_ns(r, CHAR_115200 + 1);
    l.c.event(l.c.dev, CHARDEV_BREAK);
    ck_assert_uint_eq(l.c.can_receive(l.c.dev), 0); /* it lasts a character at least */
    step_ns(r, CHAR_115200 + 1);
    rx(r, &l, 'b');
    ck_assert_int_eq(wire(r, "irq"), 0);
    ck_assert_uint_eq(in8(r, B + 5), 0xe1); /* somewhere in the FIFO, not at its head */
    ck_assert_uint_eq(in8(r, B), 'a');
    ck_assert_int_eq(wire(r, "irq"), 1);
    ck_assert_uint_eq(in8(r, B + 2), 0xc6);
    rig_snapshot_roundtrip(r);
    ck_assert_uint_eq(in8(r, B + 5), 0xf1);
    ck_assert_int_eq(wire(r, "irq"), 0);
    ck_assert_uint_eq(in8(r, B + 5), 0x61);
    ck_assert_uint_eq(in8(r, B), 0);
    ck_assert_uint_eq(in8(r, B + 5), 0x61);
    ck_assert_uint_eq(in8(r, B), 'b');
    ck_assert_uint_eq(in8(r, B + 5), 0x60);
    out8(r, B + 2, 0); /* without FIFOs */
    out8(r, B + 4, 0x08);
    step_ns(r, CHAR_115200 + 1);
    l.c.event(l.c.dev, CHARDEV_BREAK);
    ck_assert_uint_eq(in8(r, B + 5), 0x71);
    ck_assert_uint_eq(in8(r, B), 0);
    out8(r, B + 4, 0x10); /* the line is cut in loopback */
    l.c.event(l.c.dev, CHARDEV_BREAK);
    ck_assert_uint_eq(in8(r, B + 5), 0x60);
    rig_free(r);
}
END_TEST

START_TEST(slow_backend_loses_nothing)
{
    struct line l;
    struct rig *r = uart(&l);
    setup(r, 1, 0x03, 0x01);
    l.full = true;
    for (unsigned i = 0; i < 10; i++)
        out8(r, B, (u8)i);
    step_ns(r, 50000000);
    ck_assert_uint_eq(l.len, 0);
    ck_assert_uint_eq(in8(r, B + 5), 0x00);
    l.full = false;
    step_ns(r, 20000000);
    ck_assert_uint_eq(l.len, 10);
    ck_assert_uint_eq(l.out[9], 9);
    ck_assert_uint_eq(in8(r, B + 5), 0x60);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(in8(r, B + 4), 0);
    rig_free(r);
}
END_TEST

Suite *suite_ns16550(void);
Suite *suite_ns16550(void)
{
    Suite *s = suite_create("ns16550");
    TCase *tc = tcase_create("ns16550");
    tcase_add_test(tc, reset_values_and_masks);
    tcase_add_test(tc, transmission_takes_its_time);
    tcase_add_test(tc, thre_interrupt);
    tcase_add_test(tc, receive_without_fifo);
    tcase_add_test(tc, receive_fifo);
    tcase_add_test(tc, character_timeout);
    tcase_add_test(tc, modem_and_loopback);
    tcase_add_test(tc, break_from_the_line);
    tcase_add_test(tc, slow_backend_loses_nothing);
    suite_add_tcase(s, tc);
    return s;
}
