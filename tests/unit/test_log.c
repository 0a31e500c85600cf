/* SPDX-License-Identifier: MIT */
/* Log limits, the unimp register, errors, text buffers and OR gates. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/err.h"
#include "core/irq.h"
#include "core/log.h"
#include "core/strbuf.h"

static char text[1 << 16]; /* test-only; each test runs in a process of its own */
static unsigned lines;

static void sink(void *to, enum log_class cls, const char *line)
{
    (void)to, (void)cls;
    lines++;
    if (strlen(text) + strlen(line) + 2 < sizeof(text))
        strcat(strcat(text, line), "\n");
}

static struct log *make(u32 mask)
{
    static struct log log;
    log_init(&log);
    log.mask = mask;
    log.sink = sink;
    text[0] = 0;
    lines = 0;
    return &log;
}

START_TEST(classes)
{
    struct log *log = make(BIT(LOG_IRQ));
    LOG(log, IRQ, "irq %d", 3);
    LOG(log, REG, "reg");
    LOG(log, WARN, "warn"); /* always */
    LOG((struct log *)NULL, IRQ, "nobody");
    ck_assert_str_eq(text, "irq 3\nwarn\n");
}
END_TEST

START_TEST(guest_errors_are_limited)
{
    struct log *log = make(~0u);
    for (int i = 0; i < 100; i++)
        log_guest(log, "pit", "bad %d", i);
    /* 8, then 16, 32, 64 */
    ck_assert_uint_eq(lines, 11);
    ck_assert_ptr_nonnull(strstr(text, "pit: bad 7\npit: bad 15 (16 times)\n"));
    log_guest(log, "pic", "bad %d", 0); /* another speaker, or another format, counts apart */
    log_guest(log, "pit", "worse");
    ck_assert_uint_eq(lines, 13);
    static char fmt[4000][16];
    for (int i = 0; i < 4000; i++) { /* more than there is room for: quiet, not broken */
        snprintf(fmt[i], sizeof(fmt[i]), "f%d", i);
        log_guest(log, "x", fmt[i], 0);
    }
    log_guest(NULL, "x", "y");
    log_free(log);
}
END_TEST

START_TEST(unimp_is_sorted_bounded_counted)
{
    struct log *log = make(~0u);
    for (int i = 0; i < 3000; i++)
        log_unimp(log, "chip", "register %03x", (i * 7) % 2000);
    ck_assert_uint_eq(log->num_unimp, 1024);
    ck_assert_uint_eq(lines, 1024);
    u64 sum = 0;
    for (unsigned i = 0; i < log->num_unimp; i++) {
        sum += log->unimp[i].count;
        if (i)
            ck_assert_int_lt(strcmp(log->unimp[i - 1].key, log->unimp[i].key), 0);
    }
    ck_assert_uint_gt(sum, 1024);
    char longer[300];
    memset(longer, 'x', sizeof(longer));
    longer[299] = 0;
    log_free(log);
    log = make(0);
    log_unimp(log, longer, "%s", longer);
    log_unimp(log, longer, "%s", longer);
    ck_assert_uint_eq(log->num_unimp, 1);
    ck_assert_uint_eq(log->unimp[0].count, 2);
    ck_assert_uint_eq(strlen(log->unimp[0].key), sizeof(log->unimp[0].key) - 1);
    ck_assert_uint_eq(lines, 0);
    log_free(log);
}
END_TEST

static void die_sink(void *to, enum log_class cls, const char *line)
{
    unsigned *n = to;
    (void)cls;
    /* the ring's first, then last event, then the message: else the exit code is wrong */
    if (*n == 0 && strcmp(line, "42 event 1"))
        exit(3);
    if (*n == 1023 && strcmp(line, "42 event 1024"))
        exit(4);
    if (*n == 1024 && !strstr(line, "internal error at "))
        exit(5);
    ++*n;
}

START_TEST(bug_prints_the_ring)
{
    static unsigned n;
    static u64 now = 42;
    struct log *log = make(0);
    log->sink = die_sink;
    log->sink_to = &n;
    log->now = &now;
    for (int i = 0; i < 1025; i++)
        log_write(log, LOG_IRQ, "event %d", i);
    ck_assert_uint_eq(n, 0);
    bug(log, "oops %d", 1);
}
END_TEST

START_TEST(errors)
{
    struct err e = { 0 };
    ck_assert(!err_set(NULL, ERR_CONFIG, "x"));
    ck_assert(!err_prefix(&e, "none"));
    ck_assert_int_eq(e.code, ERR_NONE);
    ck_assert(!err_set(&e, ERR_RESOURCE, "no %s", "disk"));
    ck_assert(!err_set(&e, ERR_CONFIG, "later"));
    ck_assert_int_eq(e.code, ERR_RESOURCE);
    err_prefix(&e, "-hda %s", "a.img");
    ck_assert_str_eq(e.msg, "-hda a.img: no disk");
    char big[1000];
    memset(big, 'a', 999);
    big[999] = 0;
    err_prefix(&e, "%s", big);
    ck_assert_uint_lt(strlen(e.msg), sizeof(e.msg));
    struct err f = { 0 };
    err_set(&f, ERR_CONFIG, "%s", big);
    err_prefix(&f, "p");
    ck_assert_uint_eq(strlen(f.msg), sizeof(f.msg) - 1);
    ck_assert_int_eq(strncmp(f.msg, "p: aaa", 6), 0);
}
END_TEST

START_TEST(strings)
{
    struct strbuf sb = { 0 };
    ck_assert_str_eq(sb_text(&sb), "");
    char want[3000] = "";
    for (int i = 0; i < 300; i++) {
        sb_addf(&sb, "%d,", i);
        snprintf(want + strlen(want), 16, "%d,", i);
    }
    ck_assert_str_eq(sb_text(&sb), want);
    ck_assert_uint_eq(sb.len, strlen(want));
    struct strbuf one = { 0 };
    sb_addf(&one, "%s", want); /* longer than any first guess */
    ck_assert_str_eq(sb_text(&one), want);
    sb_addn(&one, "xyz", 2);
    sb_add(&one, "");
    ck_assert_str_eq(one.s + one.len - 3, ",xy");
    sb_free(&one);
    sb_free(&sb);
}
END_TEST

static int levels[8], num_levels;
static void on_level(void *to, int n, int level)
{
    (void)to, (void)n;
    levels[num_levels++] = level;
}

START_TEST(or_gates)
{
    struct or_gate g = { 0, { on_level, NULL, 5 } };
    or_gate_input(&g, 0, 1);
    or_gate_input(&g, 31, 1);
    or_gate_input(&g, 0, 0);
    or_gate_input(&g, 0, 0);
    ck_assert_int_eq(num_levels, 1);
    or_gate_input(&g, 31, 0);
    ck_assert_int_eq(num_levels, 2);
    ck_assert_int_eq(levels[0], 1);
    ck_assert_int_eq(levels[1], 0);
}
END_TEST

Suite *suite_log(void);
Suite *suite_log(void)
{
    Suite *s = suite_create("log");
    TCase *tc = tcase_create("log");
    tcase_add_test(tc, classes);
    tcase_add_test(tc, guest_errors_are_limited);
    tcase_add_test(tc, unimp_is_sorted_bounded_counted);
    tcase_add_test_raise_signal(tc, bug_prints_the_ring, 6);
    tcase_add_test(tc, errors);
    tcase_add_test(tc, strings);
    tcase_add_test(tc, or_gates);
    suite_add_tcase(s, tc);
    return s;
}
