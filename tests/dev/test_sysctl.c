/* SPDX-License-Identifier: MIT */
/* Ports 61h, 92h, B2h, B3h. */
#include "tests/dev/rig.h"

START_TEST(port61)
{
    struct rig *r = rig_new("sysctl", "");
    ck_assert_uint_eq(in8(r, 0x61) & ~0x10u, 0x00);
    out8(r, 0x61, 0xff);
    ck_assert_uint_eq(in8(r, 0x61) & ~0x10u, 0x0f); /* the upper half is read-only */
    out8(r, 0x61, 0x01);
    ck_assert_int_eq(wire(r, "gate2"), 1);
    ck_assert_int_eq(wire(r, "speaker"), 0);
    drive(r, "out2", 1);
    ck_assert_uint_eq(in8(r, 0x61) & ~0x10u, 0x21);
    ck_assert_int_eq(wire(r, "speaker"), 0);
    out8(r, 0x61, 0x02);
    ck_assert_int_eq(wire(r, "gate2"), 0);
    ck_assert_int_eq(wire(r, "speaker"), 1);
    drive(r, "out2", 0);
    ck_assert_int_eq(wire(r, "speaker"), 0);
    rig_free(r);
}
END_TEST

START_TEST(refresh_toggle)
{
    struct rig *r = rig_new("sysctl", "");
    unsigned changes = 0;
    u8 last = in8(r, 0x61) & 0x10;
    for (unsigned i = 0; i < 100000; i++) { /* 0.1 s */
        step_ns(r, 1000);
        u8 v = in8(r, 0x61) & 0x10;
        changes += v != last;
        last = v;
    }
    ck_assert_uint_eq(changes, 6628); /* 0.1 s * 1193182 / 18 */
    rig_free(r);
}
END_TEST

START_TEST(nmi)
{
    struct rig *r = rig_new("sysctl", "");
    drive(r, "serr", 1);
    ck_assert_uint_eq(r->requests[SYSTEM_NMI], 1);
    ck_assert_uint_eq(in8(r, 0x61) & 0xc0, 0x80);
    drive(r, "serr", 0);
    ck_assert_uint_eq(in8(r, 0x61) & 0xc0, 0x80); /* latched */
    out8(r, 0x61, 0x04);
    ck_assert_uint_eq(in8(r, 0x61) & 0xc0, 0x00);
    drive(r, "serr", 1); /* disabled */
    ck_assert_uint_eq(in8(r, 0x61) & 0xc0, 0x00);
    ck_assert_uint_eq(r->requests[SYSTEM_NMI], 1);
    drive(r, "serr", 0);
    out8(r, 0x61, 0x00);
    drive(r, "nmi_mask", 1);
    drive(r, "iochk", 1);
    ck_assert_uint_eq(in8(r, 0x61) & 0xc0, 0x40);
    ck_assert_uint_eq(r->requests[SYSTEM_NMI], 1);
    rig_snapshot_roundtrip(r);
    drive(r, "nmi_mask", 0); /* an edge when the mask goes */
    ck_assert_uint_eq(r->requests[SYSTEM_NMI], 2);
    out8(r, 0x61, 0x08);
    ck_assert_uint_eq(in8(r, 0x61) & 0xc0, 0x00);
    rig_free(r);
}
END_TEST

START_TEST(port92)
{
    struct rig *r = rig_new("sysctl", "");
    ck_assert_uint_eq(in8(r, 0x92), 0);
    ck_assert_int_eq(wire(r, "a20"), 0);
    out8(r, 0x92, 0xfe);
    ck_assert_uint_eq(in8(r, 0x92), 0x02);
    ck_assert_int_eq(wire(r, "a20"), 1);
    ck_assert_uint_eq(r->requests[SYSTEM_INIT], 0);
    out8(r, 0x92, 0x03);
    ck_assert_uint_eq(r->requests[SYSTEM_INIT], 1);
    out8(r, 0x92, 0x03); /* needs a 0 first */
    ck_assert_uint_eq(r->requests[SYSTEM_INIT], 1);
    out8(r, 0x92, 0x02);
    out8(r, 0x92, 0x01);
    ck_assert_uint_eq(r->requests[SYSTEM_INIT], 2);
    ck_assert_int_eq(wire(r, "a20"), 0);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(in8(r, 0x92), 0);
    rig_free(r);
}
END_TEST

/* FERR# latches IRQ13; only port F0h takes it back, and a new edge is needed for the next. */
START_TEST(coprocessor_error)
{
    struct rig *r = rig_new("sysctl", "");

    ck_assert_int_eq(wire(r, "irq13"), 0);
    drive(r, "ferr", 1);
    ck_assert_int_eq(wire(r, "irq13"), 1);
    drive(r, "ferr", 0);
    ck_assert_int_eq(wire(r, "irq13"), 1);
    rig_snapshot_roundtrip(r);
    ck_assert_int_eq(wire(r, "irq13"), 1);
    drive(r, "ferr", 1);
    u32 before = wire_rises(r, "ignne");
    out8(r, 0xf0, 0);
    ck_assert_int_eq(wire(r, "irq13"), 0);
    ck_assert_uint_eq(wire_rises(r, "ignne"), before + 1);
    ck_assert_int_eq(wire(r, "ignne"), 0);
    drive(r, "ferr", 1); /* still high: no edge */
    ck_assert_int_eq(wire(r, "irq13"), 0);
    drive(r, "ferr", 0);
    drive(r, "ferr", 1);
    ck_assert_int_eq(wire(r, "irq13"), 1);
    ck_assert_uint_eq(in8(r, 0xf0), 0xff);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_int_eq(wire(r, "irq13"), 0);
    rig_free(r);
}
END_TEST

static void note_byte(void *to, int n, int level)
{
    (void)n;
    *(int *)to = level;
}

START_TEST(apm)
{
    struct rig *r = rig_empty();
    int byte = -1;
    struct device *dev = rig_make(r, "sysctl", "sysctl", "");
    *device_out(dev, "apmc") = (struct wire){ note_byte, &byte, 0 };
    rig_start(r, dev);
    ck_assert_uint_eq(in16(r, 0xb2), 0);
    out8(r, 0xb3, 0x5a);
    ck_assert_int_eq(byte, -1); /* the status port is only storage */
    out8(r, 0xb2, 0xf1);
    ck_assert_int_eq(byte, 0xf1);
    ck_assert_uint_eq(in16(r, 0xb2), 0x5af1);
    rig_snapshot_roundtrip(r);
    ck_assert_uint_eq(in16(r, 0xb2), 0x5af1);
    rig_free(r);
}
END_TEST

/* Speaker and refresh on the two chips that share the work. */
START_TEST(with_the_pit)
{
    struct rig *r = rig_empty();
    struct device *sys = rig_make(r, "sysctl", "sys", ""), *pit = rig_make(r, "i8254", "pit", "");
    struct err e = { 0 };
    ck_assert_msg(device_connect(sys, "gate2", pit, "gate2", &e), "%s", e.msg);
    ck_assert_msg(device_connect(pit, "out2", sys, "out2", &e), "%s", e.msg);
    rig_start(r, sys);
    rig_start(r, pit);
    out8(r, 0x43, 0xb0); /* mode 0: what Linux calibrates the TSC with */
    out8(r, 0x42, 0x9b);
    out8(r, 0x42, 0x2e); /* 11931 */
    step_ns(r, 50000000);
    ck_assert_uint_eq(in8(r, 0x61) & 0x20, 0); /* gated off */
    out8(r, 0x61, 1);
    u64 from = now_ns(r);
    while (!(in8(r, 0x61) & 0x20))
        step_ns(r, 100);
    ck_assert_uint_ge(now_ns(r) - from, 9998000);
    ck_assert_uint_le(now_ns(r) - from, 10001000);
    rig_free(r);
}
END_TEST

Suite *suite_sysctl(void);
Suite *suite_sysctl(void)
{
    Suite *s = suite_create("sysctl");
    TCase *tc = tcase_create("sysctl");
    tcase_add_test(tc, port61);
    tcase_add_test(tc, refresh_toggle);
    tcase_add_test(tc, nmi);
    tcase_add_test(tc, port92);
    tcase_add_test(tc, coprocessor_error);
    tcase_add_test(tc, apm);
    tcase_add_test(tc, with_the_pit);
    suite_add_tcase(s, tc);
    return s;
}
