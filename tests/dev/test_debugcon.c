/* SPDX-License-Identifier: MIT */
/* Debug console port. */
#include "tests/dev/rig.h"

struct sink {
    u8 data[64];
    u32 len;
};

static u32 sink_write(struct chardev *c, const u8 *data, u32 len)
{
    struct sink *k = c->priv;
    for (u32 i = 0; i < len && k->len < sizeof(k->data); i++)
        k->data[k->len++] = data[i];
    return len;
}

START_TEST(bytes_go_out)
{
    struct rig *r = rig_empty();
    struct sink k = { .len = 0 };
    struct chardev c = { .write = sink_write, .priv = &k };
    struct err e = { 0 };
    struct device *dev = rig_make(r, "debugcon", "debugcon", "iobase=0x402");
    ck_assert(device_set_ptr(dev, "chardev", &c, &e));
    rig_start(r, dev);
    ck_assert_uint_eq(in8(r, 0x402), 0xe9);
    out8(r, 0x402, 'h');
    out8(r, 0x402, 0);
    out8(r, 0x402, 0xff);
    ck_assert_uint_eq(k.len, 3);
    ck_assert_mem_eq(k.data, "h\0\xff", 3);
    ck_assert_uint_eq(in8(r, 0x403), 0xff);
    rig_free(r);
}
END_TEST

START_TEST(defaults_without_backend)
{
    struct rig *r = rig_new("debugcon", "");
    out8(r, 0xe9, 'x');
    ck_assert_uint_eq(in8(r, 0xe9), 0xe9);
    rig_free(r);
    r = rig_new("debugcon", "readback=0");
    ck_assert_uint_eq(in8(r, 0xe9), 0);
    rig_free(r);
}
END_TEST

Suite *suite_debugcon(void);
Suite *suite_debugcon(void)
{
    Suite *s = suite_create("debugcon");
    TCase *tc = tcase_create("debugcon");
    tcase_add_test(tc, bytes_go_out);
    tcase_add_test(tc, defaults_without_backend);
    suite_add_tcase(s, tc);
    return s;
}
