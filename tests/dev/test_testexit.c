/* SPDX-License-Identifier: MIT */
/* Exit port for test programs. */
#include "tests/dev/rig.h"

START_TEST(exit_codes)
{
    struct rig *r = rig_new("testexit", "");
    ck_assert_uint_eq(in8(r, 0xf4), 0);
    ck_assert_uint_eq(r->requests[SYSTEM_EXIT], 0);
    out8(r, 0xf4, 0);
    ck_assert_uint_eq(r->requests[SYSTEM_EXIT], 1);
    ck_assert_int_eq(r->last_request_arg, 1);
    out8(r, 0xf4, 0x10);
    ck_assert_int_eq(r->last_request_arg, 0x21);
    out16(r, 0xf4, 0x1234);
    ck_assert_int_eq(r->last_request_arg, 0x2469);
    out32(r, 0xf4, 0x00012345);
    ck_assert_int_eq(r->last_request_arg, 0x2468b);
    ck_assert_uint_eq(r->requests[SYSTEM_EXIT], 4);
    rig_free(r);
}
END_TEST

START_TEST(place_and_size)
{
    struct rig *r = rig_new("testexit", "iobase=0x501,iosize=2");
    out8(r, 0x502, 3);
    ck_assert_int_eq(r->last_request_arg, 7);
    out8(r, 0x503, 3);
    ck_assert_uint_eq(r->requests[SYSTEM_EXIT], 1);
    struct err e = { 0 };
    struct device *dev = rig_make(r, "testexit", "x", "iosize=5");
    ck_assert(!device_init(dev, &e));
    ck_assert_ptr_nonnull(strstr(e.msg, "iosize=5"));
    device_free(dev);
    rig_free(r);
}
END_TEST

Suite *suite_testexit(void);
Suite *suite_testexit(void)
{
    Suite *s = suite_create("testexit");
    TCase *tc = tcase_create("testexit");
    tcase_add_test(tc, exit_codes);
    tcase_add_test(tc, place_and_size);
    suite_add_tcase(s, tc);
    return s;
}
