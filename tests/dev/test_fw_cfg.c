/* SPDX-License-Identifier: MIT */
/* fw_cfg as SeaBIOS uses it: selector and data ports, file directory, DMA. */
#include "devices/fw_cfg.h"
#include "tests/dev/rig.h"

static void select_item(struct rig *r, u16 key)
{
    out16(r, 0x510, key);
}

static u32 be32(struct rig *r)
{
    u32 v = 0;
    for (unsigned i = 0; i < 4; i++)
        v = v << 8 | in8(r, 0x511);
    return v;
}

static void put_be(u8 *p, u32 v)
{
    p[0] = (u8)(v >> 24);
    p[1] = (u8)(v >> 16);
    p[2] = (u8)(v >> 8);
    p[3] = (u8)v;
}

static u32 swap(u32 v)
{
    return v << 24 | (v & 0xff00) << 8 | (v >> 8 & 0xff00) | v >> 24;
}

/* Descriptor at 1000h. Returns the control word when done. */
static u32 dma(struct rig *r, u32 control, u32 len, u64 addr)
{
    u8 *d = rig_ram(r, 0x1000);
    put_be(d, control);
    put_be(d + 4, len);
    put_be(d + 8, (u32)(addr >> 32));
    put_be(d + 12, (u32)addr);
    out32(r, 0x514, 0);
    out32(r, 0x518, swap(0x1000));
    return swap(ld32(d));
}

START_TEST(signature_and_id)
{
    struct rig *r = rig_new("fw_cfg", NULL);
    select_item(r, 0);
    ck_assert_uint_eq(in8(r, 0x511), 'Q');
    ck_assert_uint_eq(in8(r, 0x511), 'E');
    ck_assert_uint_eq(in8(r, 0x511), 'M');
    ck_assert_uint_eq(in8(r, 0x511), 'U');
    ck_assert_uint_eq(in8(r, 0x511), 0); /* behind the end */
    select_item(r, 1);
    ck_assert_uint_eq(in8(r, 0x511), 3);
    ck_assert_uint_eq(swap(in32(r, 0x514)), 0x51454d55); /* "QEMU" */
    ck_assert_uint_eq(swap(in32(r, 0x518)), 0x20434647); /* " CFG" */
    select_item(r, 0x7ff);
    ck_assert_uint_eq(in8(r, 0x511), 0);
    rig_free(r);
}
END_TEST

START_TEST(directory)
{
    struct rig *r = rig_new("fw_cfg", NULL);
    char name[57] = { 0 };
    ck_assert(fw_cfg_add_file(r->dev[0], "bootorder", "abc", 4));
    ck_assert(fw_cfg_add_file(r->dev[0], "etc/e820", "0123456789", 10));
    ck_assert(fw_cfg_add_file(r->dev[0], "bootorder", "abcdef", 7)); /* replaced */
    select_item(r, 0x19);
    ck_assert_uint_eq(be32(r), 2);
    ck_assert_uint_eq(be32(r), 7);
    ck_assert_uint_eq(be32(r), 0x00200000);
    for (unsigned i = 0; i < 56; i++)
        name[i] = (char)in8(r, 0x511);
    ck_assert_str_eq(name, "bootorder");
    ck_assert_uint_eq(be32(r), 10);
    ck_assert_uint_eq(be32(r), 0x00210000);
    select_item(r, 0x21);
    rig_snapshot_roundtrip(r); /* the files are the machine's: this rig's new one has none */
    ck_assert_uint_eq(in8(r, 0x511), 0);
    rig_free(r);
}
END_TEST

START_TEST(limits)
{
    struct rig *r = rig_new("fw_cfg", NULL);
    char name[64] = "etc/f00";
    memset(name, 'x', 56);
    ck_assert(!fw_cfg_add_file(r->dev[0], name, "", 0)); /* 56 characters */
    name[55] = 0;
    ck_assert(fw_cfg_add_file(r->dev[0], name, "", 0));
    for (unsigned i = 1; i < FW_CFG_MAX_FILES; i++) {
        name[0] = (char)('0' + i / 10);
        name[1] = (char)('0' + i % 10);
        name[2] = 0;
        ck_assert(fw_cfg_add_file(r->dev[0], name, "z", 1));
    }
    ck_assert(!fw_cfg_add_file(r->dev[0], "one more", "z", 1));
    ck_assert(!fw_cfg_add_key(r->dev[0], 0x4007, "z", 1));
    ck_assert(fw_cfg_add_u16(r->dev[0], FW_CFG_NB_CPUS, 1));
    select_item(r, FW_CFG_NB_CPUS);
    ck_assert_uint_eq(in8(r, 0x511), 1);
    rig_free(r);
}
END_TEST

START_TEST(dma_read_skip_select)
{
    struct rig *r = rig_new("fw_cfg", NULL);
    u8 data[1000];
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (u8)(i * 13);
    fw_cfg_add_key(r->dev[0], FW_CFG_KERNEL_DATA, data, sizeof(data));
    memset(rig_ram(r, 0x8000), 0xee, 2000);
    ck_assert_uint_eq(dma(r, 0x11u << 16 | 8 | 4, 100, 0), 0);
    ck_assert_uint_eq(dma(r, 2, 850, 0x8000), 0);
    for (unsigned i = 0; i < 850; i++)
        ck_assert_uint_eq(*rig_ram(r, 0x8000 + i), data[100 + i]);
    ck_assert_uint_eq(*rig_ram(r, 0x8000 + 850), 0xee);
    ck_assert_uint_eq(dma(r, 2, 100, 0x9000), 0); /* 50 are left, then zeros */
    ck_assert_uint_eq(*rig_ram(r, 0x9000 + 49), data[999]);
    ck_assert_uint_eq(*rig_ram(r, 0x9000 + 50), 0);
    ck_assert_uint_eq(dma(r, 0x11u << 16 | 8 | 2, 8, 0x8ffe), 0); /* across a page */
    ck_assert_uint_eq(*rig_ram(r, 0x9000), data[2]);
    ck_assert_uint_eq(dma(r, 0x11u << 16 | 8 | 16, 8, 0x9000), 1); /* not writable */
    ck_assert_uint_eq(dma(r, 2, 0xffffffff, 0xfffffff000ull), 1);
    ck_assert_uint_eq(dma(r, 0x7777u << 16 | 8 | 2, 0x10000000, 0x1f0000), 0); /* nobody there */
    ck_assert_uint_eq(*rig_ram(r, 0x1fffff), 0);
    rig_free(r);
}
END_TEST

START_TEST(writable_file)
{
    struct rig *r = rig_new("fw_cfg", NULL);
    u32 len = 0;
    ck_assert(fw_cfg_add_writable(r->dev[0], "etc/vmgenid_addr", "\0\0\0\0\0\0\0\0", 8));
    ck_assert(!fw_cfg_add_writable(r->dev[0], "etc/vmgenid_addr", "", 0));
    st32(rig_ram(r, 0x8000), 0x12345678);
    ck_assert_uint_eq(dma(r, 0x20u << 16 | 8 | 16, 4, 0x8000), 0);
    ck_assert_uint_eq(ld32(fw_cfg_file(r->dev[0], "etc/vmgenid_addr", &len)), 0x12345678);
    ck_assert_uint_eq(len, 8);
    ck_assert_uint_eq(dma(r, 16, 5, 0x8000), 1); /* four are left */
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(ld32(fw_cfg_file(r->dev[0], "etc/vmgenid_addr", &len)), 0);
    rig_free(r);
}
END_TEST

Suite *suite_fw_cfg(void);
Suite *suite_fw_cfg(void)
{
    Suite *s = suite_create("fw_cfg");
    TCase *t = tcase_create("fw_cfg");
    tcase_add_test(t, signature_and_id);
    tcase_add_test(t, directory);
    tcase_add_test(t, limits);
    tcase_add_test(t, dma_read_skip_select);
    tcase_add_test(t, writable_file);
    suite_add_tcase(s, t);
    return s;
}
