/* SPDX-License-Identifier: MIT */
/* The monitor's expressions, formats and refusals, and the scripts' statements: everything that
 * needs no machine. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/expr.h"
#include "frontend/front.h"
#include "frontend/monitor.h"
#include "frontend/script.h"
#include "frontend/text.h"

Suite *suite_front_monitor(void);

static bool reg(void *to, const char *name, uint64_t *v)
{
    (void)to;
    *v = 0x1000;
    return !strcmp(name, "eax") || !strcmp(name, "cs_base");
}

static uint64_t value(const char *text)
{
    char why[80] = "";
    uint64_t v;

    ck_assert_msg(expr_eval(text, reg, NULL, &v, why, sizeof why), "%s: %s", text, why);
    return v;
}

START_TEST(expressions)
{
    ck_assert_uint_eq(value("0x7c00"), 0x7c00);
    ck_assert_uint_eq(value(" 10 "), 10);
    ck_assert_uint_eq(value("010"), 10); /* nobody means octal here */
    ck_assert_uint_eq(value("$eax+4"), 0x1004);
    ck_assert_uint_eq(value("$cs_base + $eax * 2"), 0x3000);
    ck_assert_uint_eq(value("(1 + 2) * 3"), 9);
    ck_assert_uint_eq(value("10 - 2 - 3"), 5); /* from the left */
    ck_assert_uint_eq(value("-1 & 0xff"), 0xff);
    ck_assert_uint_eq(value("~0"), UINT64_MAX);
    ck_assert_uint_eq(value("1 << 4 | 3"), 0x13);
    ck_assert_uint_eq(value("0x100 >> 4 ^ 1"), 0x11);
    ck_assert_uint_eq(value("1 << 64"), 0);
    ck_assert_uint_eq(value("17 / 5 + 17 % 5"), 5);
    ck_assert_uint_eq(value("0xffffffffffffffff"), UINT64_MAX);
}
END_TEST

START_TEST(bad_expressions)
{
    static const char *const bad[] = { "", " ", "zz", "$nope", "1 +", "(1", "1)", "1 2", "7c00h",
                                       "0xg", "1 / 0", "1 % 0", "1 < 2", "$", "*3", "1 <<< 2" };
    char deep[200] = "", why[80];
    uint64_t v;

    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        why[0] = 0;
        ck_assert_msg(!expr_eval(bad[k], reg, NULL, &v, why, sizeof why), "%s", bad[k]);
        ck_assert_msg(why[0] != 0, "%s", bad[k]);
    }
    memset(deep, '(', sizeof deep - 1);
    ck_assert(!expr_eval(deep, reg, NULL, &v, why, sizeof why));
    memset(deep, '-', sizeof deep - 1);
    ck_assert(!expr_eval(deep, reg, NULL, &v, why, sizeof why));
}
END_TEST

START_TEST(formats)
{
    struct mem_format f = { 1, 'x', 4 };
    const char *p = "/16xb 0x100";
    char why[80];

    ck_assert(mem_format_parse(&p, &f, why, sizeof why));
    ck_assert_uint_eq(f.count, 16);
    ck_assert_uint_eq(f.size, 1);
    ck_assert_str_eq(p, " 0x100");
    p = "0x100"; /* none */
    ck_assert(mem_format_parse(&p, &f, why, sizeof why));
    ck_assert_str_eq(p, "0x100");
    p = "/i";
    ck_assert(mem_format_parse(&p, &f, why, sizeof why));
    ck_assert_int_eq(f.format, 'i');
    ck_assert_uint_eq(f.count, 16); /* kept */
    static const char *const bad[] = { "/0x", "/99999999x", "/z", "/65537", "/1f" };
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        p = bad[k];
        ck_assert_msg(!mem_format_parse(&p, &f, why, sizeof why), "%s", bad[k]);
    }
}
END_TEST

START_TEST(values)
{
    static const struct { char format; unsigned size; uint64_t v; const char *text; } rows[] = {
        { 'x', 1, 0x1a5, "0xa5" }, { 'x', 2, 0xa5, "0x00a5" }, { 'x', 4, 0xa5, "0x000000a5" },
        { 'x', 8, 1, "0x0000000000000001" }, { 'd', 1, 0xff, "-1" }, { 'd', 2, 0x7fff, "32767" },
        { 'd', 4, 0x80000000, "-2147483648" }, { 'd', 8, UINT64_MAX, "-1" },
        { 'u', 1, 0xff, "255" }, { 'u', 4, 0xffffffff, "4294967295" }, { 'o', 2, 0777, "0777" },
        { 'c', 1, 'A', "'A'" }, { 'c', 1, 0, "'\\x00'" }, { 'c', 1, '\'', "'\\''" },
        { 'c', 1, 0x7f, "'\\x7f'" }, { 'c', 1, '~', "'~'" },
    };
    char text[40];

    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        struct mem_format f = { 1, rows[k].format, rows[k].size };
        mem_format_value(text, sizeof text, &f, rows[k].v);
        ck_assert_str_eq(text, rows[k].text);
    }
}
END_TEST

START_TEST(words)
{
    struct text t = { 0 };
    const char *p = "\"a\\n\\x41\\\"\\\\\" next";

    ck_assert(text_word(&p, &t));
    ck_assert_str_eq(text_str(&t), "a\nA\"\\");
    ck_assert_str_eq(p, "next");
    text_free(&t);
    ck_assert(text_word(&p, &t));
    ck_assert_str_eq(text_str(&t), "next");
    text_free(&t);
    static const char *const bad[] = { "\"open", "\"\\q\"", "\"\\x4\"", "\"\\x\"", "\"\\",
                                       "\"\\x4" };
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        p = bad[k];
        ck_assert_msg(!text_word(&p, &t), "%s", bad[k]);
        text_free(&t);
    }
}
END_TEST

/* The machine is never reached: f->m is NULL. */
static const char *answer(const char *line)
{
    static struct text out;
    struct front f = { 0 };

    text_free(&out);
    monitor_line(&f, line, &out);
    return text_str(&out);
}

START_TEST(refusals_are_one_line)
{
    ck_assert_str_eq(answer(""), "");
    ck_assert_str_eq(answer("   "), "");
    ck_assert_str_eq(answer("frob 1"), "unknown command: frob (\"help\" lists them)\n");
    ck_assert_str_eq(answer("stop now"), "stop: use it without arguments\n");
    ck_assert_str_eq(answer("sendkey"), "sendkey: use KEY[-KEY...] [MS]\n");
    ck_assert_str_eq(answer("mouse_move 1"), "mouse_move: use DX DY [DZ]\n");
    ck_assert_str_eq(answer("x"), "x: use [/FMT] ADDR\n");
    ck_assert_str_eq(answer("x/4xw"), "x: use [/FMT] ADDR\n");
    ck_assert_str_eq(answer("change a"), "change: use [-f] DRIVE FILE [MODE]\n");
    ck_assert_str_eq(answer("savevm \"a"),
                     "savevm: the string is not closed or has an unknown escape\n");
    ck_assert_str_eq(answer("sendkey 1 2 3 4 5 6 7 8 9"), "sendkey: too many words\n");
}
END_TEST

static bool statement(const char *line, char *why)
{
    struct opts o = { .script = "s" };
    struct script *s = script_new(&o);
    bool ok = script_add(s, line, 7, why);

    script_free(s);
    return ok;
}

START_TEST(statements)
{
    static const char *const good[] = {
        "", "  # remark", "expect screen \"A:\\\\>\"", "expect serial login: 2.5", "quit",
        "reject serial \"Oops\"", "type \"dir\\n\"", "send \"\\x03\"", "sendkey ctrl-alt-delete",
        "key f1 ret a", "mouse -3 4", "button 1", "screendump a.png", "screentext", "save x",
        "stop-at 1000", "sleep 0.25", "monitor \"info pic\"", "hash", "exit 3", "budget 5000",
        "  quit  # at the end",
    };
    static const char *const bad[] = {
        "frob", "expect", "expect screen", "expect window \"x\"", "expect screen \"\"",
        "expect screen \"x\" soon", "expect screen \"x\" 1 2", "type", "type \"open", "mouse 1",
        "mouse 1 x", "button left", "stop-at -1", "sleep", "quit now", "exit", "key", "budget x",
    };
    char why[200];

    for (size_t k = 0; k < sizeof good / sizeof good[0]; k++)
        ck_assert_msg(statement(good[k], why), "%s", good[k]);
    for (size_t k = 0; k < sizeof bad / sizeof bad[0]; k++) {
        ck_assert_msg(!statement(bad[k], why), "%s", bad[k]);
        ck_assert_msg(!strncmp(why, "s:7: ", 5), "%s", why);
    }
}
END_TEST

START_TEST(stop_at_is_known_before_the_start)
{
    struct opts o = { .script = "s" };
    struct script *s = script_new(&o);
    char why[200];

    ck_assert_ptr_null(script_stop_at(s));
    ck_assert(!script_wants_serial(s));
    ck_assert(script_add(s, "stop-at 123456789012", 1, why));
    ck_assert_str_eq(script_stop_at(s), "123456789012");
    ck_assert(!script_add(s, "stop-at 5", 2, why)); /* there is one such count */
    ck_assert(script_add(s, "expect serial \"x\"", 3, why));
    ck_assert(script_wants_serial(s));
    script_free(s);
}
END_TEST

Suite *suite_front_monitor(void)
{
    Suite *s = suite_create("front_monitor");
    TCase *t = tcase_create("monitor");

    tcase_add_test(t, expressions);
    tcase_add_test(t, bad_expressions);
    tcase_add_test(t, formats);
    tcase_add_test(t, values);
    tcase_add_test(t, words);
    tcase_add_test(t, refusals_are_one_line);
    tcase_add_test(t, statements);
    tcase_add_test(t, stop_at_is_known_before_the_start);
    suite_add_tcase(s, t);
    return s;
}
