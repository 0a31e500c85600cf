/* SPDX-License-Identifier: MIT */
/* Vector files: what a line means, that every kind of difference is found, where errors are said to
 * be, and that printing and reading agree. */
#include <check.h>
#include <stdlib.h>

#include "lab/compare.h"
#include "lab/gen.h"
#include "lab/vec.h"

static struct vec_line *parsed(const char *line, unsigned bits)
{
    struct vec_line *v = malloc(sizeof(*v));
    struct vec_error e = { 0 };

    ck_assert_msg(vec_parse(line, bits, v, &e), "column %u: %s", e.column, e.msg);
    return v;
}

/* The result that the line itself expects. */
static struct lab_result *as_expected(const struct vec_line *v)
{
    struct lab_result *r = calloc(1, sizeof(*r));

    r->out = v->x.out;
    r->status = v->x.status;
    r->vec = v->x.vec;
    r->has_err = v->x.has_err;
    r->err = v->x.err;
    r->cr2 = v->x.cr2;
    memcpy(r->fx, v->x.fx, 512);
    return r;
}

static void check_says(const struct vec_line *v, const struct lab_result *r, const char *text)
{
    struct strbuf why = { 0 };

    vec_check(v, r, &why);
    ck_assert_str_eq(sb_text(&why), text);
    sb_free(&why);
}

START_TEST(a_line)
{
    struct vec_line *v = parsed("01 d8 \"add eax, ebx\" eax=1 ebx=ffffffff cf=1 => eax=0 of=0 sf=0 "
                                "zf=1 af=1 pf=1 cf=1 # a comment", 32);

    ck_assert_uint_eq(v->c.len, 2);
    ck_assert_uint_eq(v->c.code[0], 0x01);
    ck_assert_uint_eq(v->c.code[1], 0xd8);
    ck_assert_str_eq(v->text, "add eax, ebx");
    ck_assert_uint_eq(v->c.in.gpr[LG_EAX], 1);
    ck_assert_uint_eq(v->c.in.gpr[LG_EBX], 0xffffffff);
    ck_assert_uint_eq(v->c.in.gpr[LG_ESP], LAB_STACK + 0x2000);
    ck_assert_uint_eq(v->c.in.eflags, 0x203);
    ck_assert_uint_eq(v->c.in.sreg[LS_CS], SEL_CODE32);
    ck_assert_uint_eq(v->x.status, LAB_DONE);
    ck_assert_uint_eq(v->x.out.gpr[LG_EAX], 0);
    ck_assert_uint_eq(v->x.out.gpr[LG_EBX], 0xffffffff);
    ck_assert_uint_eq(v->x.out.eip, LAB_CODE + LAB_START + 2);
    ck_assert_uint_eq(v->x.out.eflags, 0x257);
    ck_assert(!v->c.use_fx);
    free(v);
}
END_TEST

START_TEST(a_fault)
{
    struct vec_line *v = parsed("8b 03 \"\" ebx=2000 => #PF(4,20002000)", 16);

    ck_assert_uint_eq(v->x.status, LAB_FAULT);
    ck_assert_uint_eq(v->x.vec, 14);
    ck_assert_uint_eq(v->x.err, 4);
    ck_assert_uint_eq(v->x.cr2, 0x20002000);
    ck_assert_uint_eq(v->x.out.eip, LAB_START); /* not behind it */
    ck_assert_uint_eq(v->c.in.sreg[LS_CS], LDT_CODE16);
    free(v);
}
END_TEST

START_TEST(differences)
{
    struct vec_line *v =
        parsed("01 18 \"add [eax], ebx\" eax=20001000 ebx=5 mem[20001000]=01000000 => "
               "mem[20001000]=06 cf=0 of=u",
               32);
    struct lab_result *r = as_expected(v);

    check_says(v, r, " mem[20001000]=01 (expected 06)");
    r->num_words = 1;
    r->word[0] = (struct lab_word){ 0x20001000, 6 };
    check_says(v, r, "");
    r->word[0].val = 0x106;
    check_says(v, r, " mem[20001001]=01 (expected unchanged)");
    r->word[0].val = 6;
    r->out.eflags ^= 0x800; /* undefined */
    check_says(v, r, "");
    r->out.eflags ^= 1;
    check_says(v, r, " cf=1 (expected 0)");
    r->out.eflags ^= 1 | 0x400;
    check_says(v, r, " df=1 (expected 0)");
    r->out.eflags ^= 0x400;
    r->out.gpr[LG_EDI] = 7;
    check_says(v, r, " edi=7 (expected 0)");
    r->out.gpr[LG_EDI] = 0;
    r->out.sreg[LS_FS] = 3;
    check_says(v, r, " fs=3 (expected 0)");
    r->out.sreg[LS_FS] = 0;
    r->out.eip++;
    check_says(v, r, " eip=10000803 (expected 10000802)");
    r->out.eip--;
    r->status = LAB_FAULT;
    r->vec = 13;
    check_says(v, r, " #GP(0) (expected done)");
    free(r);
    free(v);
}
END_TEST

START_TEST(fault_differences)
{
    struct vec_line *v = parsed("8b 03 \"\" ebx=ffff => #PF(4,ffff)", 32);
    struct lab_result *r = as_expected(v);

    check_says(v, r, "");
    r->err = 6;
    check_says(v, r, " #PF(6,0000ffff) (expected #PF(4,0000ffff))");
    r->err = 4;
    r->cr2 = 0x10000;
    check_says(v, r, " #PF(4,00010000) (expected #PF(4,0000ffff))");
    free(r);
    free(v);
}
END_TEST

START_TEST(x87_registers_follow_top)
{
    /* FLD1 with TOP 0: what was ST0 is ST1 now, and nothing else changed */
    struct vec_line *v =
        parsed("d9 e8 \"fld1\" ftw=01 st0=4000:c000000000000000 => fsw=3800 ftw=81 "
               "st0=3fff:8000000000000000",
               32);
    struct lab_result *r = as_expected(v);

    ck_assert(v->c.use_fx);
    ck_assert_uint_eq(ld16(v->x.fx + 40), 0x3fff);
    ck_assert_uint_eq(ld16(v->x.fx + 56), 0x4000);
    ck_assert(ld64(v->x.fx + 48) == 0xc000000000000000ull);
    check_says(v, r, "");
    r->fx[48] = 1;
    check_says(v, r, " st1=4000:c000000000000001 (expected 4000:c000000000000000)");
    r->fx[48] = 0;
    st16(r->fx + 2, 0x3a00);
    check_says(v, r, " fsw=3a00 (expected 3800)");
    free(r);
    free(v);
}
END_TEST

START_TEST(errors_have_a_column)
{
    static const struct { const char *line; unsigned column; const char *msg; } bad[] = {
        { "\"nop\" =>", 1, "expected the instruction's bytes" },
        { "9 \"nop\" =>", 1, "half a byte" },
        { "90 \"nop =>", 4, "the quotation doesn't end" },
        { "90 \"nop\" eax=1", 15, "expected =>" },
        { "90 \"nop\" eax= =>", 14, "a hexadecimal number is missing" },
        { "90 \"nop\" eax=123456789 =>", 14, "more than 8 hexadecimal digits" },
        { "90 \"nop\" eaz=1 =>", 10, "no such register or flag: eaz" },
        { "90 \"nop\" eax =>", 13, "expected = behind eax" },
        { "90 \"nop\" cf=2 =>", 13, "a flag is 0 or 1" },
        { "90 \"nop\" cf=u =>", 13, "a flag is 0 or 1" },
        { "90 \"nop\" => cf=x", 16, "a flag is 0, 1 or u" },
        { "90 \"nop\" => #XX(0)", 14, "no such exception: XX" },
        { "90 \"nop\" => #GP", 16, "expected (ERROR CODE)" },
        { "90 \"nop\" => #PF(4)", 18, "expected ,CR2 behind #PF's error code" },
        { "90 \"nop\" cs=33 =>", 13, "selector 33 is 64-bit code" },
        { "90 \"nop\" mem[20001000]= =>", 24, "bytes are missing" },
        { "90 \"nop\" mem[20001000]=123 =>", 26, "half a byte" },
        { "90 \"nop\" st0=1 =>", 15, "expected : between exponent and significand" },
        { "90 \"nop\" xmm1=00 =>", 17, "16 bytes are needed" },
        { "90 \"nop\" eax=1x =>", 15, "something is left behind a value" },
        { "90 \"nop\" => eax=1 =>", 19, "something is left at the end" },
    };

    for (unsigned k = 0; k < ARRAY_LEN(bad); k++) {
        struct vec_line v;
        struct vec_error e = { 0 };
        ck_assert_msg(!vec_parse(bad[k].line, 32, &v, &e), "accepted: %s", bad[k].line);
        ck_assert_msg(e.column == bad[k].column && !strcmp(e.msg, bad[k].msg),
                      "%s: column %u: %s", bad[k].line, e.column, e.msg);
    }
}
END_TEST

/* Whatever the generator makes survives being printed and read again. */
START_TEST(round_trip)
{
    struct lab_case *c = malloc(sizeof(*c));
    struct err err = { 0 };
    struct lab_engine *e = lab_interp_open(&err);
    unsigned lines = 0;
    struct gen g;

    ck_assert_msg(e != NULL, "%s", err.msg);
    gen_init(&g, NULL, 0);
    for (u64 k = 0; k < 5000; k++) {
        const struct lab_result *r;
        struct strbuf sb = { 0 }, why = { 0 };
        struct vec_line v;
        struct vec_error ve;
        gen_case(&g, 3, k, c);
        e->start(e, c, 1);
        r = e->wait(e);
        if (vec_print(c, r, &sb)) {
            ck_assert_msg(vec_parse(sb_text(&sb), c->bits, &v, &ve), "%u: %s: %s", ve.column,
                          ve.msg, sb_text(&sb));
            ck_assert_int_eq(memcmp(&v.c.in, &c->in, sizeof(c->in)), 0);
            ck_assert_int_eq(v.c.len, c->len);
            ck_assert_int_eq(memcmp(v.c.code, c->code, c->len), 0);
            vec_check(&v, r, &why);
            ck_assert_msg(!why.len, "%s:%s", sb_text(&sb), sb_text(&why));
            lines++;
        }
        sb_free(&sb);
        sb_free(&why);
    }
    ck_assert_uint_gt(lines, 4500);
    gen_free(&g);
    e->close(e);
    free(c);
}
END_TEST

Suite *suite_lab_vec(void);
Suite *suite_lab_vec(void)
{
    Suite *s = suite_create("lab_vec");
    TCase *t = tcase_create("vec");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, a_line);
    tcase_add_test(t, a_fault);
    tcase_add_test(t, differences);
    tcase_add_test(t, fault_differences);
    tcase_add_test(t, x87_registers_follow_top);
    tcase_add_test(t, errors_have_a_column);
    tcase_add_test(t, round_trip);
    suite_add_tcase(s, t);
    return s;
}
