/* SPDX-License-Identifier: MIT */
/* core/types.h: the helpers whose edge values everything else leans on. Also the example of a
 * suite: a file test_NAME.c defines suite_NAME(), and nothing else has to be edited. */
#include <check.h>

#include "core/types.h"

Suite *suite_types(void);

START_TEST(sext_takes_any_width)
{
    ck_assert_int_eq(sext(1, 1), -1);
    ck_assert_int_eq(sext(0, 1), 0);
    ck_assert_int_eq(sext(0x7f, 8), 127);
    ck_assert_int_eq(sext(0x80, 8), -128);
    ck_assert_int_eq(sext(0xffffff7f, 8), 127); /* bits above the width don't count */
    ck_assert_int_eq(sext(0x8000, 16), -32768);
    ck_assert_int_eq(sext(0x80000000, 32), INT32_MIN);
    ck_assert_int_eq(sext(0x7fffffff, 32), INT32_MAX);
}
END_TEST

START_TEST(size_mask_covers_the_access)
{
    ck_assert_uint_eq(size_mask(1), 0xff);
    ck_assert_uint_eq(size_mask(2), 0xffff);
    ck_assert_uint_eq(size_mask(4), 0xffffffff);
}
END_TEST

START_TEST(loads_and_stores_are_little_endian_and_unaligned)
{
    u8 buf[12] = { 0 };

    st64(buf + 1, 0x8877665544332211);
    ck_assert_uint_eq(buf[0], 0);
    for (int i = 0; i < 8; i++)
        ck_assert_uint_eq(buf[1 + i], 0x11 * (i + 1));
    ck_assert_uint_eq(buf[9], 0);
    ck_assert_uint_eq(ld16(buf + 2), 0x3322);
    ck_assert_uint_eq(ld32(buf + 3), 0x66554433);
    ck_assert_uint_eq(ld64(buf + 1), 0x8877665544332211);
    st16(buf + 3, 0xabcd);
    st32(buf + 5, 0xdeadbeef);
    ck_assert_uint_eq(ld64(buf + 1), 0xdeadbeefabcd2211);
}
END_TEST

START_TEST(align_up_keeps_multiples)
{
    ck_assert_uint_eq(ALIGN_UP(0u, 4096), 0);
    ck_assert_uint_eq(ALIGN_UP(1u, 4096), 4096);
    ck_assert_uint_eq(ALIGN_UP(4096u, 4096), 4096);
    ck_assert_uint_eq(ALIGN_UP((u64)0xffffffff, 4096), 0x100000000);
}
END_TEST

Suite *suite_types(void)
{
    Suite *s = suite_create("types");
    TCase *tc = tcase_create("helpers");

    tcase_add_test(tc, sext_takes_any_width);
    tcase_add_test(tc, size_mask_covers_the_access);
    tcase_add_test(tc, loads_and_stores_are_little_endian_and_unaligned);
    tcase_add_test(tc, align_up_keeps_multiples);
    suite_add_tcase(s, tc);
    return s;
}
