/* SPDX-License-Identifier: MIT */
/* PIIX4 function 0: PIRQ steering, reset control, configuration registers. */
#include "devices/pci.h"
#include "tests/dev/rig.h"

static struct rig *board(void)
{
    struct rig *r = rig_new("i440fx", NULL);
    struct device *isa = rig_add(r, "piix4_isa", "isa", NULL);
    ck_assert(pci_bus_add(r->sys.pci, (struct pci_device *)isa, 0x08, NULL));
    return r;
}

static u8 cfg8(struct rig *r, u32 reg)
{
    out32(r, 0xcf8, 0x80000800u | (reg & 0xfc));
    return in8(r, 0xcfc + (reg & 3));
}

static void cfgw8(struct rig *r, u32 reg, u8 v)
{
    out32(r, 0xcf8, 0x80000800u | (reg & 0xfc));
    out8(r, 0xcfc + (reg & 3), v);
}

START_TEST(reset_values_and_masks)
{
    static const struct { u8 reg, reset, ones; } want[] = {
        { 0x00, 0x86, 0x86 }, { 0x01, 0x80, 0x80 }, { 0x02, 0x10, 0x10 }, { 0x03, 0x71, 0x71 },
        { 0x04, 0x07, 0x0f }, { 0x05, 0x00, 0x01 }, { 0x06, 0x80, 0x80 }, { 0x07, 0x02, 0x02 },
        { 0x09, 0x00, 0x00 }, { 0x0a, 0x01, 0x01 }, { 0x0b, 0x06, 0x06 }, { 0x0d, 0x00, 0x00 },
        { 0x0e, 0x80, 0x80 }, { 0x3c, 0x00, 0x00 }, { 0x3d, 0x00, 0x00 }, { 0x4c, 0x4d, 0xff },
        { 0x4e, 0x03, 0xff }, { 0x4f, 0x00, 0x07 }, { 0x60, 0x80, 0x8f }, { 0x61, 0x80, 0x8f },
        { 0x62, 0x80, 0x8f }, { 0x63, 0x80, 0x8f }, { 0x64, 0x10, 0xff }, { 0x69, 0x02, 0xfe },
        { 0x76, 0x04, 0x87 }, { 0x77, 0x04, 0x87 }, { 0x82, 0x00, 0x0f }, { 0xb0, 0x00, 0xff },
        { 0xcb, 0x21, 0x3d },
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

START_TEST(pirq_steering)
{
    struct rig *r = board();
    drive(r, "isa.pirq0", 1);
    for (u8 n = 0; n < 16; n++) { /* as SeaBIOS: value is the IRQ; 0, 1, 2, 8, 13 are reserved */
        bool legal = 0xdef8u >> n & 1;
        cfgw8(r, 0x60, n);
        for (unsigned k = 0; k < 16; k++) {
            char name[16] = "isa.irq00";
            if (k < 10) {
                name[7] = (char)('0' + k);
                name[8] = 0;
            } else {
                name[7] = '1';
                name[8] = (char)('0' + k - 10);
            }
            ck_assert_int_eq(wire(r, name), legal && k == n);
        }
    }
    cfgw8(r, 0x60, 0x8b);
    ck_assert_int_eq(wire(r, "isa.irq11"), 0);
    rig_free(r);
}
END_TEST

START_TEST(shared_irq_of_two_pirqs)
{
    struct rig *r = board();
    cfgw8(r, 0x60, 11);
    cfgw8(r, 0x63, 11);
    drive(r, "isa.pirq0", 1);
    drive(r, "isa.pirq3", 1);
    drive(r, "isa.pirq0", 0);
    ck_assert_int_eq(wire(r, "isa.irq11"), 1);
    rig_snapshot_roundtrip(r);
    ck_assert_int_eq(wire(r, "isa.irq11"), 1);
    drive(r, "isa.pirq3", 0);
    ck_assert_int_eq(wire(r, "isa.irq11"), 0);
    ck_assert_uint_eq(wire_rises(r, "isa.irq11"), 1);
    rig_free(r);
}
END_TEST

START_TEST(reset_control)
{
    struct rig *r = board();
    out32(r, 0xcf8, 0x80000000); /* a configuration access, no reset */
    ck_assert_uint_eq(r->requests[SYSTEM_RESET], 0);
    ck_assert_uint_eq(in8(r, 0xcf9), 0);
    out8(r, 0xcf9, 0x02);
    ck_assert_uint_eq(in8(r, 0xcf9), 0x02);
    ck_assert_uint_eq(r->requests[SYSTEM_RESET], 0);
    out8(r, 0xcf9, 0x06);
    ck_assert_uint_eq(r->requests[SYSTEM_RESET], 1);
    out8(r, 0xcf9, 0x0e); /* RCPU stays: no edge */
    ck_assert_uint_eq(r->requests[SYSTEM_RESET], 1);
    out8(r, 0xcf9, 0x00);
    out8(r, 0xcf9, 0x04);
    ck_assert_uint_eq(r->requests[SYSTEM_RESET], 2);
    ck_assert_uint_eq(in32(r, 0xcf8), 0x80000000);
    rig_free(r);
}
END_TEST

Suite *suite_piix4_isa(void);
Suite *suite_piix4_isa(void)
{
    Suite *s = suite_create("piix4_isa");
    TCase *t = tcase_create("piix4_isa");
    tcase_add_test(t, reset_values_and_masks);
    tcase_add_test(t, pirq_steering);
    tcase_add_test(t, shared_irq_of_two_pirqs);
    tcase_add_test(t, reset_control);
    suite_add_tcase(s, t);
    return s;
}
