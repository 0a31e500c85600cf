/* SPDX-License-Identifier: MIT */
/* PIIX4 function 3: PM block, timer and its carry, SCI, power button, SMBus with nobody on it. */
#include "devices/pci.h"
#include "devices/piix4_pm.h"
#include "tests/dev/rig.h"

#define PM 0x600u
#define SMB 0x700u
#define GPE 0xafe0u
#define HALF (1u << 23)
#define HZ 3579545ull

static struct rig *board(void)
{
    struct rig *r = rig_new("i440fx", NULL);
    struct device *pm = rig_add(r, "piix4_pm", "pm", NULL);
    ck_assert(pci_bus_add(r->sys.pci, (struct pci_device *)pm, 0x0b, NULL));
    return r;
}

static u8 cfg8(struct rig *r, u32 reg)
{
    out32(r, 0xcf8, 0x80000b00u | (reg & 0xfc));
    return in8(r, 0xcfc + (reg & 3));
}

static void cfgw8(struct rig *r, u32 reg, u8 v)
{
    out32(r, 0xcf8, 0x80000b00u | (reg & 0xfc));
    out8(r, 0xcfc + (reg & 3), v);
}

static void cfgw32(struct rig *r, u32 reg, u32 v)
{
    out32(r, 0xcf8, 0x80000b00u | reg);
    out32(r, 0xcfc, v);
}

/* As SeaBIOS leaves it. */
static struct rig *started(void)
{
    struct rig *r = board();
    cfgw32(r, 0x40, PM | 1);
    cfgw8(r, 0x80, 1);
    cfgw32(r, 0x90, SMB | 1);
    cfgw8(r, 0xd2, 0x09);
    cfgw8(r, 0x04, 0x03);
    return r;
}

/* First nanosecond after `from` at which the counter has made n ticks. */
static u64 ns_of(u64 n)
{
    return (n * 1000000000ull + HZ - 1) / HZ;
}

START_TEST(configuration_space)
{
    static const struct { u8 reg, reset, ones; } want[] = {
        { 0x00, 0x86, 0x86 }, { 0x01, 0x80, 0x80 }, { 0x02, 0x13, 0x13 }, { 0x03, 0x71, 0x71 },
        { 0x04, 0x00, 0x09 }, { 0x05, 0x00, 0x00 }, { 0x06, 0x80, 0x80 }, { 0x07, 0x02, 0x02 },
        { 0x09, 0x00, 0x00 }, { 0x0a, 0x80, 0x80 }, { 0x0b, 0x06, 0x06 }, { 0x0d, 0x00, 0x00 },
        { 0x0e, 0x00, 0x00 }, { 0x10, 0x00, 0x00 }, { 0x20, 0x00, 0x00 }, { 0x3c, 0x00, 0xff },
        { 0x3d, 0x01, 0x01 }, { 0x40, 0x01, 0xc1 }, { 0x41, 0x00, 0xff }, { 0x42, 0x00, 0x00 },
        { 0x44, 0x00, 0xff }, { 0x4b, 0x00, 0xff }, { 0x52, 0x00, 0xff }, { 0x53, 0x00, 0x00 },
        { 0x58, 0x00, 0xff }, { 0x5b, 0x02, 0xff }, { 0x6a, 0x00, 0xff }, { 0x6b, 0x00, 0x00 },
        { 0x72, 0x00, 0xff }, { 0x73, 0x00, 0x00 }, { 0x7f, 0x00, 0xff }, { 0x80, 0x00, 0x01 },
        { 0x90, 0x01, 0xf1 }, { 0x91, 0x00, 0xff }, { 0x92, 0x00, 0x00 }, { 0xd2, 0x00, 0x0f },
        { 0xd3, 0x00, 0xff }, { 0xd5, 0x00, 0xff }, { 0xd6, 0x00, 0x00 }, { 0xff, 0x00, 0x00 },
    };
    struct rig *r = board();
    for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
        ck_assert_msg(cfg8(r, want[i].reg) == want[i].reset, "register %02x", want[i].reg);
        cfgw8(r, want[i].reg, 0xff);
        ck_assert_msg(cfg8(r, want[i].reg) == want[i].ones, "register %02x written: %02x",
                      want[i].reg, cfg8(r, want[i].reg));
    }
    rig_free(r);
}
END_TEST

START_TEST(decode)
{
    struct rig *r = board();
    cfgw32(r, 0x40, PM | 1);
    ck_assert_uint_eq(in16(r, PM + 4), 0xffff);
    cfgw8(r, 0x80, 1); /* without COMMAND's I/O bit */
    ck_assert_uint_eq(in16(r, PM + 4), 0);
    ck_assert_uint_eq(in8(r, PM + 0x3f), 0);
    ck_assert_uint_eq(in8(r, PM + 0x40), 0xff);
    cfgw32(r, 0x40, 0xb000);
    ck_assert_uint_eq(in16(r, PM + 4), 0xffff);
    ck_assert_uint_eq(in32(r, 0xb034), 0x7fffbfff);
    cfgw32(r, 0x40, 0); /* nobody's */
    ck_assert_uint_eq(in16(r, 4), 0xffff);
    cfgw32(r, 0x90, SMB);
    cfgw8(r, 0xd2, 1);
    ck_assert_uint_eq(in8(r, SMB), 0xff);
    cfgw8(r, 4, 1);
    ck_assert_uint_eq(in8(r, SMB), 0);
    ck_assert_uint_eq(in8(r, SMB + 16), 0xff);
    cfgw8(r, 0xd2, 0);
    ck_assert_uint_eq(in8(r, SMB), 0xff);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(cfg8(r, 0x5b), 0x02);
    ck_assert_uint_eq(in8(r, SMB), 0xff);
    rig_free(r);
}
END_TEST

START_TEST(register_masks)
{
    static const struct { u8 off; u32 reset, ones; } want[] = {
        { 0x00, 0, 0x05210000 }, { 0x04, 0, 0x1c03 }, { 0x0c, 0, 0x0f010000 },
        { 0x10, 0, 0x3ffe }, { 0x14, 0, 0 }, { 0x1c, 0, 0 }, { 0x20, 0, 0x0d03 }, { 0x24, 0, 0 },
        { 0x2c, 0, 0xffffffff }, { 0x30, 0x3fffff, 0x3fffff }, { 0x34, 0x7fffbfff, 0x7fffffff },
        { 0x38, 0, 0 }, { 0x3c, 0, 0 },
    };
    struct rig *r = started();
    for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
        ck_assert_msg(in32(r, PM + want[i].off) == want[i].reset, "register %02x", want[i].off);
        out32(r, PM + want[i].off, want[i].off == 4 ? 0xffffdfffu : 0xffffffffu);
        ck_assert_msg(in32(r, PM + want[i].off) == want[i].ones, "register %02x written: %08x",
                      want[i].off, in32(r, PM + want[i].off));
    }
    ck_assert_uint_eq(in32(r, PM + 0x18), 1); /* GBL_RLS above was heard */
    out8(r, PM + 0x18, 1);
    ck_assert_uint_eq(in32(r, PM + 0x18), 0);
    out32(r, PM + 0x28, 0xffffffff);
    ck_assert_uint_eq(in32(r, PM + 0x28), 0x07ffff1d);
    ck_assert_uint_eq(in16(r, PM), 0x20); /* BIOS_RLS sets GBL_STS */
    /* bytes and words reach what they name, no more */
    out8(r, PM + 3, 0x01);
    ck_assert_uint_eq(in32(r, PM), 0x01210020);
    out8(r, PM + 1, 0xff);
    ck_assert_uint_eq(in16(r, PM), 0x20);
    out8(r, PM, 0x20);
    ck_assert_uint_eq(in16(r, PM), 0);
    out16(r, PM + 2, 0);
    ck_assert_uint_eq(in16(r, PM + 2), 0);
    out8(r, PM + 0x36, 0);
    ck_assert_uint_eq(in32(r, PM + 0x34), 0x7f00ffff);
    rig_snapshot_roundtrip(r);
    ck_assert_uint_eq(in32(r, PM + 0x34), 0x7f00ffff);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(in32(r, PM + 0x34), 0xffffffff); /* not decoded */
    rig_free(r);
}
END_TEST

/* P3: one value a read, 3579545 Hz to the tick over minutes, never back. */
START_TEST(timer_rate)
{
    struct rig *r = started();
    u64 start = now_ns(r);
    u32 last = in32(r, PM + 8);

    ck_assert_uint_eq(last, 0);
    step_ns(r, 279);
    ck_assert_uint_eq(in32(r, PM + 8), 0);
    step_ns(r, 1);
    ck_assert_uint_eq(in32(r, PM + 8), 1);
    for (unsigned i = 1; i < 3000; i++) {
        u64 ns = (u64)i * 7919 % 90000 + 300;
        step_ns(r, ns);
        u32 v = in32(r, PM + 8);
        ck_assert_uint_ne(v, last); /* never equal 0.3 us apart */
        ck_assert_uint_lt((v - last) & 0xffffff, ns / 279 + 2);
        last = v;
    }
    for (unsigned i = 0; i < 100; i++) {
        step_ns(r, 1234567891);
        u64 ticks = (u64)((unsigned __int128)(now_ns(r) - start) * HZ / 1000000000u);
        ck_assert_uint_eq(in32(r, PM + 8), ticks & 0xffffff);
        ck_assert_uint_eq(in8(r, PM + 0xa), ticks >> 16 & 0xff);
        ck_assert_uint_eq(in8(r, PM + 0xb), 0);
    }
    out32(r, PM + 8, 0); /* read-only */
    ck_assert_uint_ne(in32(r, PM + 8), 0);
    rig_free(r);
}
END_TEST

/* P3: TMROF at every toggle of bit 23, to the nanosecond, hour after hour, whether or not it is
 * enabled; cleared by 1 alone; two carries that nobody cleared are one. */
START_TEST(carry)
{
    struct rig *r = started();
    u64 start = now_ns(r);
    bool irq = _i; /* with SCI, or polled */

    out16(r, PM + 4, irq);
    out16(r, PM + 2, irq ? 1 : 0);
    for (u64 k = 1; k <= 1600; k++) { /* an hour */
        u64 edge = start + ns_of(k * HALF);
        step_ns(r, edge - 1 - now_ns(r));
        ck_assert_uint_eq(in16(r, PM), 0);
        ck_assert_int_eq(wire(r, "pm.sci"), 0);
        step_ns(r, 1);
        ck_assert_uint_eq(in16(r, PM), 1);
        ck_assert_uint_eq(in32(r, PM + 8), k & 1 ? HALF : 0);
        ck_assert_int_eq(wire(r, "pm.sci"), irq);
        ck_assert_uint_eq(wire_rises(r, "pm.sci"), irq ? k : 0);
        out16(r, PM, 0xfffe);
        ck_assert_uint_eq(in16(r, PM), 1);
        if (k % 400 == 0)
            rig_snapshot_roundtrip(r);
        out8(r, PM, 1);
        ck_assert_uint_eq(in16(r, PM), 0);
        ck_assert_int_eq(wire(r, "pm.sci"), 0);
    }
    step_ns(r, 3 * 2343500000ull);
    ck_assert_uint_eq(in16(r, PM), 1);
    out16(r, PM, 1);
    ck_assert_uint_eq(in16(r, PM), 0);
    rig_free(r);
}
END_TEST

/* SCI is a level that follows status, enables and SCI_EN, whichever of them changes. */
START_TEST(sci_level)
{
    struct rig *r = started();

    step_ns(r, ns_of(HALF) + 1);
    ck_assert_uint_eq(in16(r, PM), 1);
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    out16(r, PM + 4, 1);
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    out16(r, PM + 2, 0x520);
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    out16(r, PM + 2, 0x001); /* enabled late */
    ck_assert_int_eq(wire(r, "pm.sci"), 1);
    out16(r, PM + 4, 0);
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    drive(r, "pm.apmc", 0xf1);
    ck_assert_int_eq(wire(r, "pm.sci"), 1);
    ck_assert_uint_eq(in16(r, PM + 4), 1);
    ck_assert_uint_eq(in16(r, PM + 0x18), 0x20);
    rig_snapshot_roundtrip(r);
    ck_assert_int_eq(wire(r, "pm.sci"), 1);
    out8(r, PM + 2, 0);
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    out8(r, PM + 2, 1);
    ck_assert_int_eq(wire(r, "pm.sci"), 1);
    out8(r, PM, 1);
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    drive(r, "pm.apmc", 0xf2); /* any other byte */
    ck_assert(piix4_pm_acpi_on(r->dev[1]));
    drive(r, "pm.apmc", 0xf0);
    ck_assert(!piix4_pm_acpi_on(r->dev[1]));
    ck_assert_uint_eq(in16(r, PM + 4), 0);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    rig_free(r);
}
END_TEST

START_TEST(button_and_alarm)
{
    struct rig *r = started();

    out16(r, PM + 4, 1);
    piix4_pm_press(r->dev[1]);
    ck_assert_uint_eq(in16(r, PM), 0x100);
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    out16(r, PM + 2, 0x100);
    ck_assert_int_eq(wire(r, "pm.sci"), 1);
    out16(r, PM, 0x100);
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    out16(r, PM + 2, 0x500);
    drive(r, "pm.rtc", 1);
    ck_assert_uint_eq(in16(r, PM), 0x400);
    ck_assert_int_eq(wire(r, "pm.sci"), 1);
    out16(r, PM, 0x400); /* an edge of the alarm, not its level */
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    drive(r, "pm.rtc", 0);
    drive(r, "pm.rtc", 1);
    ck_assert_int_eq(wire(r, "pm.sci"), 1);
    out16(r, PM, 0x400);

    drive(r, "pm.pwrbtn", 1);
    step_ns(r, 3999999999ull);
    rig_snapshot_roundtrip(r);
    ck_assert_uint_eq(r->requests[SYSTEM_POWER_OFF], 0);
    drive(r, "pm.pwrbtn", 0);
    step_ns(r, 10);
    ck_assert_uint_eq(r->requests[SYSTEM_POWER_OFF], 0);
    ck_assert_uint_eq(in16(r, PM) & ~1, 0x100);
    drive(r, "pm.pwrbtn", 1);
    step_ns(r, 3999999999ull);
    ck_assert_uint_eq(r->requests[SYSTEM_POWER_OFF], 0);
    step_ns(r, 1);
    ck_assert_uint_eq(r->requests[SYSTEM_POWER_OFF], 1);
    ck_assert_uint_eq(in16(r, PM) & ~1, 0x800);
    rig_free(r);
}
END_TEST

START_TEST(suspend_types)
{
    struct rig *r = started();

    out16(r, PM + 4, 0x0000);
    out16(r, PM + 4, 0x1401); /* no SUS_EN */
    ck_assert_uint_eq(r->requests[SYSTEM_POWER_OFF], 0);
    for (u16 type = 1; type < 8; type++) {
        out16(r, PM + 4, (u16)(0x2001 | type << 10));
        ck_assert_uint_eq(r->requests[SYSTEM_POWER_OFF], 0);
        ck_assert_uint_eq(in16(r, PM + 4), 1u | type << 10); /* SUS_EN reads 0 */
    }
    ck_assert(rig_log_has(r, "suspend types"));
    out8(r, PM + 5, 0x20);
    ck_assert_uint_eq(r->requests[SYSTEM_POWER_OFF], 1);
    ck_assert_uint_eq(in16(r, PM + 4), 1);
    rig_free(r);
}
END_TEST

START_TEST(general_events)
{
    struct rig *r = board();
    ck_assert_uint_eq(in32(r, GPE), 0);
    out32(r, GPE, 0xa55affff);
    ck_assert_uint_eq(in32(r, GPE), 0xa55a0000);
    ck_assert_uint_eq(in8(r, GPE + 4), 0xff);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(in32(r, GPE), 0);
    rig_free(r);
}
END_TEST

START_TEST(smbus_without_devices)
{
    static const u8 protocols[] = { 0, 1, 2, 3, 5, 7 };
    struct rig *r = started();

    for (unsigned i = 0; i < ARRAY_LEN(protocols); i++) {
        out8(r, SMB, 0x1e);
        out8(r, SMB + 4, 0xa1);
        out8(r, SMB + 2, (u8)(0x40 | protocols[i] << 2));
        ck_assert_uint_eq(in8(r, SMB), 1);
        ck_assert_uint_eq(in8(r, SMB + 2), protocols[i] << 2); /* START reads 0 */
        step_ns(r, 599999);
        ck_assert_uint_eq(in8(r, SMB), 1);
        rig_snapshot_roundtrip(r);
        step_ns(r, 1);
        ck_assert_uint_eq(in8(r, SMB), 4);
        ck_assert_int_eq(wire(r, "pm.sci"), 0);
    }
    out8(r, SMB + 2, 0x41); /* with interrupt: IRQ 9, whatever SCI_EN says */
    ck_assert_int_eq(wire(r, "pm.sci"), 1); /* the last one's error still stands */
    out8(r, SMB, 4);
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    step_ns(r, 600000);
    ck_assert_int_eq(wire(r, "pm.sci"), 1);
    cfgw8(r, 0xd2, 0x01); /* SMI# instead */
    ck_assert_int_eq(wire(r, "pm.sci"), 0);
    cfgw8(r, 0xd2, 0x09);
    out8(r, SMB, 0x1e);
    ck_assert_uint_eq(in8(r, SMB), 0);

    out8(r, SMB + 2, 0x40);
    out8(r, SMB + 2, 0x02); /* KILL */
    ck_assert_uint_eq(in8(r, SMB), 0x10);
    out8(r, SMB, 0x10);
    step_ns(r, 1000000);
    ck_assert_uint_eq(in8(r, SMB), 0);
    out8(r, SMB + 2, 0x42); /* while KILL stands nothing starts */
    ck_assert_uint_eq(in8(r, SMB), 0);
    rig_free(r);
}
END_TEST

START_TEST(smbus_registers)
{
    struct rig *r = started();

    for (u8 k = 0; k < 33; k++)
        out8(r, SMB + 7, (u8)(k + 1)); /* the 33rd falls on the first */
    in8(r, SMB + 2);                   /* rewinds */
    ck_assert_uint_eq(in8(r, SMB + 7), 33);
    ck_assert_uint_eq(in8(r, SMB + 7), 2);
    rig_snapshot_roundtrip(r);
    ck_assert_uint_eq(in8(r, SMB + 7), 3);
    for (u32 k = 3; k < 7; k++) {
        out8(r, SMB + k, (u8)(0xf0 | k));
        ck_assert_uint_eq(in8(r, SMB + k), 0xf0 | k);
    }
    out8(r, SMB + 8, 0xff);
    ck_assert_uint_eq(in8(r, SMB + 8), 0x0f);
    out16(r, SMB + 10, 0x1234);
    ck_assert_uint_eq(in16(r, SMB + 10), 0x1234);
    out32(r, SMB + 12, 0xffffffff);
    ck_assert_uint_eq(in32(r, SMB + 12), 0);
    ck_assert_uint_eq(in8(r, SMB + 1), 0);
    ck_assert_uint_eq(in8(r, SMB + 9), 0);
    rig_free(r);
}
END_TEST

Suite *suite_piix4_pm(void);
Suite *suite_piix4_pm(void)
{
    Suite *s = suite_create("piix4_pm");
    TCase *t = tcase_create("piix4_pm");
    tcase_add_test(t, configuration_space);
    tcase_add_test(t, decode);
    tcase_add_test(t, register_masks);
    tcase_add_test(t, timer_rate);
    tcase_add_loop_test(t, carry, 0, 2);
    tcase_add_test(t, sci_level);
    tcase_add_test(t, button_and_alarm);
    tcase_add_test(t, suspend_types);
    tcase_add_test(t, general_events);
    tcase_add_test(t, smbus_without_devices);
    tcase_add_test(t, smbus_registers);
    suite_add_tcase(s, t);
    return s;
}
