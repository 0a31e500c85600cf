/* SPDX-License-Identifier: MIT */
/* The host bridge: configuration mechanism, attribute map, SMRAM, DRAM hole, reset control. */
#include "devices/pci.h"
#include "tests/dev/rig.h"

static u32 cfg(struct rig *r, u32 devfn, u32 reg)
{
    out32(r, 0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc));
    return in32(r, 0xcfc);
}

static u8 cfg8(struct rig *r, u32 devfn, u32 reg)
{
    out32(r, 0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc));
    return in8(r, 0xcfc + (reg & 3));
}

static void cfgw8(struct rig *r, u32 devfn, u32 reg, u8 v)
{
    out32(r, 0xcf8, 0x80000000u | devfn << 8 | (reg & 0xfc));
    out8(r, 0xcfc + (reg & 3), v);
}

static void cfgw32(struct rig *r, u32 devfn, u32 reg, u32 v)
{
    out32(r, 0xcf8, 0x80000000u | devfn << 8 | reg);
    out32(r, 0xcfc, v);
}

START_TEST(reset_values)
{
    static const struct { u8 reg; u8 v; } want[] = {
        { 0x04, 0x06 }, { 0x05, 0x00 }, { 0x06, 0x80 }, { 0x07, 0x02 }, { 0x0e, 0x00 },
        { 0x2c, 0xf4 }, { 0x2d, 0x1a }, { 0x2e, 0x00 }, { 0x2f, 0x11 }, { 0x53, 0x80 },
        { 0x57, 0x01 }, { 0x58, 0x10 }, { 0x59, 0 }, { 0x5f, 0 }, { 0x60, 1 }, { 0x67, 1 },
        { 0x68, 0 }, { 0x70, 0x20 }, { 0x71, 0x10 }, { 0x72, 0x02 }, { 0x90, 0 }, { 0x91, 0 },
        { 0x93, 0 },
    };
    struct rig *r = rig_new("i440fx", NULL);
    ck_assert_uint_eq(cfg(r, 0, 0), 0x12378086);
    ck_assert_uint_eq(cfg(r, 0, 8), 0x06000002);
    for (unsigned i = 0; i < ARRAY_LEN(want); i++)
        ck_assert_msg(cfg8(r, 0, want[i].reg) == want[i].v, "register %02x", want[i].reg);
    rig_free(r);
}
END_TEST

START_TEST(write_masks)
{
    static const struct { u8 reg; u8 ones; } want[] = {
        { 0x00, 0x86 }, { 0x04, 0x46 }, { 0x05, 0x01 }, { 0x08, 0x02 }, { 0x0d, 0xf8 },
        { 0x10, 0x00 }, { 0x3c, 0x00 }, { 0x59, 0x30 }, { 0x5a, 0x33 }, { 0x5f, 0x33 },
        { 0x68, 0xc0 }, { 0x70, 0xf8 }, { 0x71, 0xf8 },
    };
    struct rig *r = rig_new("i440fx", NULL);
    for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
        cfgw8(r, 0, want[i].reg, 0xff);
        ck_assert_msg(cfg8(r, 0, want[i].reg) == want[i].ones, "register %02x: %02x", want[i].reg,
                      cfg8(r, 0, want[i].reg));
    }
    rig_free(r);
}
END_TEST

START_TEST(mechanism_one)
{
    struct rig *r = rig_new("i440fx", NULL);
    out32(r, 0xcf8, 0xffffffff);
    ck_assert_uint_eq(in32(r, 0xcf8), 0x80fffffc);
    out32(r, 0xcf8, 0x80000000);
    out8(r, 0xcf8, 0x12); /* no dword: not the address register */
    out16(r, 0xcfa, 0x3456);
    ck_assert_uint_eq(in32(r, 0xcf8), 0x80000000);
    ck_assert_uint_eq(in8(r, 0xcf8), 0xff);
    ck_assert_uint_eq(in16(r, 0xcfc), 0x8086);
    ck_assert_uint_eq(in16(r, 0xcfe), 0x1237);
    ck_assert_uint_eq(in8(r, 0xcff), 0x12);
    out32(r, 0xcf8, 0); /* not enabled */
    ck_assert_uint_eq(in32(r, 0xcfc), 0xffffffff);
    ck_assert_uint_eq(cfg(r, 0x08, 0), 0xffffffff); /* no such slot */
    ck_assert_uint_eq(cfg(r, 0x01, 0), 0xffffffff); /* no such function */
    ck_assert_uint_eq(cfg(r, 0x100, 0), 0xffffffff); /* bus 1 */
    cfgw32(r, 0x100, 0x58, 0xffffffff);              /* and it doesn't alias bus 0 */
    ck_assert_uint_eq(cfg8(r, 0, 0x59), 0);
    rig_free(r);
}
END_TEST

/* Each segment, each of the four modes: what a read sees and where a write goes. */
START_TEST(pam_truth_table)
{
    struct rig *r = rig_new("i440fx", "shadow_frame=0x100"); /* RAM for the shadow at 1 MB */
    struct region rom = { .name = "rom", .base = 0xc0000, .size = 0x40000, .kind = REGION_ROM,
                          .ram_frame = 0x140, .prio = PRIO_ROM, .flags = REGION_READ };
    ck_assert(space_map(&r->mem, &rom, NULL));
    for (unsigned n = 0; n < 13; n++) {
        u32 base = n ? 0xc0000 + (n - 1) * 0x4000 : 0xf0000, len = n ? 0x4000 : 0x10000;
        u32 reg = 0x59 + (n + 1) / 2, shift = (n + 1) % 2 ? 4 : 0;
        for (u32 at = 0; at < len; at += len - 1) {
            u32 pa = base + at;
            u8 *shadow = rig_ram(r, 0x100000 + pa - 0xc0000);
            u8 *under = rig_ram(r, 0x140000 + pa - 0xc0000);
            for (u8 mode = 0; mode < 4; mode++) {
                *shadow = 0x11;
                *under = 0x22;
                cfgw8(r, 0, reg, (u8)(mode << shift));
                ck_assert_uint_eq(mem8(r, pa), mode & 1 ? 0x11 : 0x22);
                memw8(r, pa, 0x33);
                ck_assert_uint_eq(*shadow, mode & 2 ? 0x33 : 0x11);
                ck_assert_uint_eq(*under, 0x22);
                if (mode == 3) { /* nothing leaks into the neighbours */
                    if (base > 0xc0000)
                        ck_assert_uint_eq(mem8(r, base - 1), *rig_ram(r, 0x140000 + base - 1 - 0xc0000));
                    if (base + len < 0x100000)
                        ck_assert_uint_eq(mem8(r, base + len), *rig_ram(r, 0x140000 + base + len - 0xc0000));
                }
                *under = 0;
                *shadow = 0;
            }
            cfgw8(r, 0, reg, 0);
        }
    }
    space_unmap(&r->mem, &rom);
    rig_free(r);
}
END_TEST

START_TEST(smram_opens_and_locks)
{
    struct rig *r = rig_new("i440fx", "shadow_frame=0x100");
    u8 *smram = rig_ram(r, 0xe0000), *ram = rig_ram(r, 0xa0000);
    *smram = 0x55;
    *ram = 0x66;
    ck_assert_uint_eq(mem8(r, 0xa0000), 0x66);
    cfgw8(r, 0, 0x72, 0x4a);
    ck_assert_uint_eq(mem8(r, 0xa0000), 0x55);
    cfgw8(r, 0, 0x72, 0x0a); /* closed */
    ck_assert_uint_eq(mem8(r, 0xa0000), 0x66);
    cfgw8(r, 0, 0x72, 0x5a); /* locking clears D_OPEN */
    ck_assert_uint_eq(cfg8(r, 0, 0x72), 0x1a);
    cfgw8(r, 0, 0x72, 0x4a);
    ck_assert_uint_eq(cfg8(r, 0, 0x72), 0x1a);
    rig_snapshot_roundtrip(r);
    cfgw8(r, 0, 0x72, 0x4a);
    ck_assert_uint_eq(cfg8(r, 0, 0x72), 0x1a);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(cfg8(r, 0, 0x72), 0x02);
    rig_free(r);
}
END_TEST

START_TEST(dram_hole)
{
    struct rig *r = rig_new("i440fx", NULL);
    *rig_ram(r, 0x80000) = 0x12;
    *rig_ram(r, 0x9ffff) = 0x34;
    *rig_ram(r, 0x7ffff) = 0x56;
    cfgw8(r, 0, 0x68, 0x40);
    ck_assert_uint_eq(mem8(r, 0x80000), 0xff);
    ck_assert_uint_eq(mem8(r, 0x9ffff), 0xff);
    ck_assert_uint_eq(mem8(r, 0x7ffff), 0x56);
    memw8(r, 0x80000, 0x99);
    cfgw8(r, 0, 0x68, 0x80);
    ck_assert_uint_eq(mem8(r, 0x80000), 0x12);
    cfgw8(r, 0, 0x68, 0);
    ck_assert_uint_eq(mem8(r, 0x9ffff), 0x34);
    rig_free(r);
}
END_TEST

START_TEST(turbo_reset_control)
{
    struct rig *r = rig_new("i440fx", NULL);
    cfgw8(r, 0, 0x93, 0x02);
    ck_assert_uint_eq(r->requests[SYSTEM_RESET], 0);
    cfgw8(r, 0, 0x93, 0x06);
    ck_assert_uint_eq(r->requests[SYSTEM_RESET], 1);
    cfgw8(r, 0, 0x93, 0x06); /* no edge */
    ck_assert_uint_eq(r->requests[SYSTEM_RESET], 1);
    cfgw8(r, 0, 0x93, 0x00);
    cfgw8(r, 0, 0x93, 0x04);
    ck_assert_uint_eq(r->requests[SYSTEM_INIT], 1);
    rig_free(r);
}
END_TEST

START_TEST(wake_keeps_shadow)
{
    struct rig *r = rig_new("i440fx", NULL);
    cfgw8(r, 0, 0x59, 0x30);
    rig_reset(r, RESET_WAKE);
    ck_assert_uint_eq(cfg8(r, 0, 0x59), 0x30);
    rig_snapshot_roundtrip(r);
    ck_assert_uint_eq(cfg8(r, 0, 0x59), 0x30);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(cfg8(r, 0, 0x59), 0);
    rig_free(r);
}
END_TEST

START_TEST(row_boundaries)
{
    static const u8 want[8] = { 16, 32, 48, 64, 80, 80, 80, 80 };
    struct rig *r = rig_new("i440fx", "ram_mb=640");
    for (u32 n = 0; n < 8; n++)
        ck_assert_uint_eq(cfg8(r, 0, 0x60 + n), want[n]);
    rig_free(r);
}
END_TEST

Suite *suite_i440fx(void);
Suite *suite_i440fx(void)
{
    Suite *s = suite_create("i440fx");
    TCase *t = tcase_create("i440fx");
    tcase_add_test(t, reset_values);
    tcase_add_test(t, write_masks);
    tcase_add_test(t, mechanism_one);
    tcase_add_test(t, pam_truth_table);
    tcase_add_test(t, smram_opens_and_locks);
    tcase_add_test(t, dram_hole);
    tcase_add_test(t, turbo_reset_control);
    tcase_add_test(t, wake_keeps_shadow);
    tcase_add_test(t, row_boundaries);
    suite_add_tcase(s, t);
    return s;
}
