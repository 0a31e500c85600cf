/* SPDX-License-Identifier: MIT */
/* The lab's engines and its generator: what the host's child survives, that a case leaves nothing
 * behind, that comparison sees what it should, and that cases come out of seeds alone. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cpu/isa.h"
#include "lab/compare.h"
#include "lab/gen.h"
#include "lab/vec.h"

static struct lab_engine *engine(const char *name)
{
    struct err e = { 0 };
    struct lab_engine *en = lab_engine_open(name, &e);

    /* not here, or under a sanitizer that has memory below 4 GB */
    if (!en && strcmp(name, "host"))
        ck_abort_msg("%s", e.msg);
    return en;
}

static void run_line(struct lab_engine *e, const char *line, unsigned bits, struct lab_result *r,
                     struct vec_line *v)
{
    struct vec_error ve = { 0 };

    ck_assert_msg(vec_parse(line, bits, v, &ve), "%s: column %u: %s", line, ve.column, ve.msg);
    e->start(e, &v->c, 1);
    *r = *e->wait(e);
}

static void passes(struct lab_engine *e, const char *line, unsigned bits)
{
    struct vec_line v;
    struct lab_result r;
    struct strbuf why = { 0 };

    run_line(e, line, bits, &r, &v);
    vec_check(&v, &r, &why);
    ck_assert_msg(!why.len, "%s: %s:%s", e->name, line, sb_text(&why));
    sb_free(&why);
}

static const char *const engine_names[2] = { "interp", "host" };

/* Known answers, so that two engines can't be wrong together. */
START_TEST(known_answers)
{
    static const struct { const char *line; unsigned bits;
    } known[] = {
        { "01 d8 \"\" eax=7fffffff ebx=1 => eax=80000000 of=1 sf=1 af=1 pf=1", 32 },
        { "66 f7 fb \"\" eax=ffff8000 edx=ffff ebx=ffff => #DE", 32 },
        { "66 f7 fb \"\" eax=8001 edx=ffff ebx=ffff => eax=7fff edx=0 of=u sf=u zf=u af=u pf=u "
          "cf=u",
          32 },
        { "60 \"\" eax=11223344 esp=30002000 => esp=30001fe0 "
          "mem[30001fe0]=00000000000000000000000000200030000000000000000000000000"
          "44332211",
          32 },
        { "89 03 \"\" ebx=20003000 eax=5 => #PF(7,20003000)", 32 },
        { "89 03 \"\" ebx=20002ffe eax=5 => #PF(7,20003000)", 32 },
        { "8b 03 \"\" ebx=20003ffd => #PF(4,20004000)", 32 },
        { "8b 03 \"\" ds=67 ebx=1a29 => #GP(0)", 32 },
        { "8b 45 00 \"\" ss=27 esp=1100 ebp=3ffd => #SS(0)", 32 },
        { "8e db \"\" ebx=57 => #NP(54)", 32 },
        { "8e d3 \"\" ebx=57 => #SS(54)", 32 },
        { "8e db \"\" ebx=8f => #GP(8c)", 32 },
        { "8e db \"\" ebx=8 => #GP(8)", 32 },
        { "f4 \"\" => #GP(0)", 32 },
        { "cd 21 \"\" => #GP(10a)", 32 },
        { "cc \"\" => #BP eip=10000801", 32 },
        { "ce \"\" of=1 => #OF eip=10000801", 32 },
        { "0f 0b \"\" => #UD", 32 },
        { "f0 01 d8 \"\" => #UD", 32 },
        { "75 10 \"\" => eip=10000812", 32 },
        { "75 10 \"\" zf=1 =>", 32 },
        { "e8 10 00 \"\" => esp=1ffe eip=813 mem[30001ffe]=0308", 16 },
        { "f3 a4 \"\" esi=20001000 edi=20001100 ecx=3 mem[20001000]=0a0b0c => esi=20001003 "
          "edi=20001103 ecx=0 mem[20001100]=0a0b0c",
          32 },
        /* several instructions */
        { "b8 05 00 00 00 48 74 02 eb fb \"\" => eax=0 zf=1 pf=1", 32 },
    };

    for (unsigned n = 0; n < 2; n++) {
        struct lab_engine *e = engine(engine_names[n]);
        if (!e)
            continue;
        for (unsigned k = 0; k < ARRAY_LEN(known); k++)
            passes(e, known[k].line, known[k].bits);
        e->close(e);
    }
}
END_TEST

/* MMX and SSE state goes in and comes out; #XM is not #MF. On the host: engines that lack these
 * rows are none of this test's business. */
START_TEST(simd_state)
{
    static const char *const line[] = {
        "0f fc c1 \"paddb mm0, mm1\" mm0=0102030405060708 mm1=ff01010101010180 fsw=3800 => "
        "mm0=0003040506070888 fsw=0 ftw=ff",
        "0f 77 \"emms\" ftw=ff =>  ftw=0",
        "66 0f ef c9 \"pxor xmm1, xmm1\" xmm1=000102030405060708090a0b0c0d0e0f => "
        "xmm1=00000000000000000000000000000000",
        "0f 28 d7 \"movaps xmm2, xmm7\" xmm7=00112233445566778899aabbccddeeff => "
        "xmm2=00112233445566778899aabbccddeeff",
        /* 1 / 0 with masks on and off */
        "f3 0f 5e c1 \"divss xmm0, xmm1\" xmm0=0000803f000000000000000000000000 => "
        "xmm0=0000807f000000000000000000000000 mxcsr=1f84",
        "f3 0f 5e c1 \"divss xmm0, xmm1\" mxcsr=1d80 xmm0=0000803f000000000000000000000000 => "
        "#XM mxcsr=1d84",
        "d8 f1 \"fdiv st0, st1\" fcw=37b ftw=3 fsw=0 st0=3fff:8000000000000000 => fsw=8084",
        "d8 f1 9b \"\" fcw=37b ftw=3 fsw=0 st0=3fff:8000000000000000 => #MF eip=10000802 "
        "fsw=8084",
        "0f fc c1 \"paddb mm0, mm1\" fcw=37b fsw=8084 => #MF",
        "0f ae 13 \"ldmxcsr [ebx]\" ebx=20001000 mem[20001000]=000001 => #GP(0)",
        "0f ae 13 \"ldmxcsr [ebx]\" ebx=20001000 mem[20001000]=c0ff0000 => mxcsr=ffc0",
    };
    struct lab_engine *e = engine("host");
    struct vec_line v;
    struct vec_error ve = { 0 };

    ck_assert(!vec_parse("90 \"nop\" mm0=00 =>", 32, &v, &ve));
    ck_assert_str_eq(ve.msg, "8 bytes are needed");
    ck_assert(!vec_parse("90 \"nop\" mxcsr=10000 =>", 32, &v, &ve));
    if (!e)
        return;
    for (unsigned k = 0; k < ARRAY_LEN(line); k++) {
        struct strbuf sb = { 0 }, why = { 0 };
        passes(e, line[k], 32);
        passes(e, "40 \"inc eax\" eax=f => eax=10 af=1", 32);
        /* printed and read again */
        struct lab_result r;
        run_line(e, line[k], 32, &r, &v);
        ck_assert(vec_print(&v.c, &r, &sb));
        ck_assert_msg(vec_parse(sb_text(&sb), 32, &v, &ve), "%s", sb_text(&sb));
        vec_check(&v, &r, &why);
        ck_assert_msg(!why.len, "%s:%s", sb_text(&sb), sb_text(&why));
        sb_free(&sb);
        sb_free(&why);
    }
    e->close(e);
}
END_TEST

START_TEST(nothing_stays_behind)
{
    for (unsigned n = 0; n < 2; n++) {
        struct lab_engine *e = engine(engine_names[n]);
        if (!e)
            continue;
        for (unsigned k = 0; k < 3; k++) {
            char line[128];
            /* memory written by the case, memory patched for it, code, and x87 state */
            passes(e, "c7 03 78 56 34 12 \"\" ebx=20001000 => mem[20001000]=78563412", 32);
            snprintf(line, sizeof line, "8a 03 \"\" ebx=20001000 => eax=%x", lab_fill(0x20001000));
            passes(e, line, 32);
            passes(e, "8a 03 \"\" ebx=20001001 mem[20001001]=99 => eax=99", 32);
            snprintf(line, sizeof line, "8a 03 \"\" ebx=20001001 => eax=%x", lab_fill(0x20001001));
            passes(e, line, 32);
            passes(e, "2e 8a 03 \"\" ebx=10000900 => eax=cc", 32);
            passes(e, "d9 e8 \"\" => fsw=3800 ftw=80 st0=3fff:8000000000000000", 32);
            passes(e, "db e3 \"\" ftw=ff fsw=1800 fcw=27f => fcw=37f fsw=0 ftw=0", 32);
        }
        e->close(e);
    }
}
END_TEST

/* What would take an ordinary process down or out of our hands. */
START_TEST(host_survives)
{
    struct lab_engine *e = engine("host");
    struct vec_line v;
    struct lab_result r;

    if (!e)
        return;
    run_line(e, "cd 80 \"\" eax=1 =>", 32, &r, &v); /* exit(0) */
    ck_assert_int_eq(r.status, LAB_SYSCALL);
    run_line(e, "eb fe \"\" =>", 32, &r, &v);
    ck_assert_int_eq(r.status, LAB_HANG);
    passes(e, "40 \"inc eax\" eax=f => eax=10 af=1", 32);
    run_line(e, "0f 05 \"\" eax=3c =>", 32, &r, &v); /* SYSCALL: a system call or #UD */
    ck_assert(r.status == LAB_SYSCALL || (r.status == LAB_FAULT && r.vec == 6));
    /* a stack that no signal could be delivered on, segments that are gone, flags that upset C */
    passes(e, "0f 0b \"\" esp=5 => #UD", 32);
    passes(e, "0f 0b \"\" ds=0 es=0 ac=1 df=1 => #UD", 32);
    passes(e, "8e e0 0f 0b \"\" eax=17 => #UD eip=10000802 fs=17", 32);
    passes(e, "40 \"inc eax\" eax=f => eax=10 af=1", 32);
    e->close(e);
}
END_TEST

START_TEST(interp_gives_up)
{
    struct lab_engine *e = engine("interp");
    struct vec_line v;
    struct lab_result r;

    run_line(e, "eb fe \"\" =>", 32, &r, &v);
    ck_assert_int_eq(r.status, LAB_HANG);
    passes(e, "40 \"inc eax\" eax=f => eax=10 af=1", 32);
    e->close(e);
}
END_TEST

START_TEST(comparison)
{
    struct vec_line v;
    struct vec_error ve;
    struct lab_result *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));

    ck_assert(vec_parse("f7 e3 \"mul ebx\" =>", 32, &v, &ve)); /* SF ZF AF PF undefined */
    ck_assert_uint_eq(lab_compare(&v.c, a, b), 0);
    b->out.eflags = 0xd4;
    ck_assert_uint_eq(lab_compare(&v.c, a, b), 0);
    b->out.eflags = 0x801;
    ck_assert_uint_eq(lab_compare(&v.c, a, b), LD_FLAGS);
    b->out.eflags = 0x10000; /* RF is never seen */
    ck_assert_uint_eq(lab_compare(&v.c, a, b), 0);
    b->out.gpr[3] = 1;
    b->out.eip = 1;
    b->out.sreg[4] = LDT_RO;
    b->hash = 1;
    ck_assert_uint_eq(lab_compare(&v.c, a, b), LD_GPR | LD_EIP | LD_SEG | LD_MEM);
    *b = *a;
    a->status = b->status = LAB_FAULT;
    a->out.eip = b->out.eip = v.c.in.eip;
    b->out.eflags = 0x40; /* a fault leaves undefined flags alone, too */
    ck_assert_uint_eq(lab_compare(&v.c, a, b), LD_FLAGS);
    *b = *a;
    b->err = 4;
    ck_assert_uint_eq(lab_compare(&v.c, a, b), LD_ERROR);
    b->err = 0;
    b->cr2 = 1;
    ck_assert_uint_eq(lab_compare(&v.c, a, b), LD_CR2);
    b->vec = 6;
    ck_assert_uint_eq(lab_compare(&v.c, a, b), LD_VECTOR);
    b->status = LAB_DONE;
    ck_assert_uint_eq(lab_compare(&v.c, a, b), LD_STATUS);
    /* restart: registers as before */
    a->out = v.c.in;
    ck_assert_uint_eq(lab_check_restart(&v.c, a), 0);
    a->out.gpr[0] = 1;
    ck_assert_uint_eq(lab_check_restart(&v.c, a), LD_RESTART);
    free(a);
    free(b);
}
END_TEST

START_TEST(seeds)
{
    struct lab_case *a = calloc(1, sizeof(*a)), *b = calloc(1, sizeof(*b));
    struct gen g;

    gen_init(&g, NULL, 0);
    ck_assert_uint_gt(g.num_units, 1000);
    for (u64 k = 0; k < 20000; k += 97) {
        gen_case(&g, 5, k, a);
        gen_case(&g, 5, k, b);
        ck_assert_int_eq(memcmp(a, b, sizeof(*a)), 0);
        gen_case(&g, 6, k, b);
        ck_assert_int_ne(memcmp(&a->in, &b->in, sizeof(a->in)), 0);
        ck_assert_uint_gt(a->len, 0);
        ck_assert_uint_le(a->len, 32);
    }
    gen_free(&g);
    free(a);
    free(b);
}
END_TEST

/* Every row that isn't left out is reached in each form, and nothing leads out of the lab. */
START_TEST(coverage)
{
    struct lab_case *c = calloc(1, sizeof(*c));
    u8 *seen;
    struct gen g;

    gen_init(&g, NULL, 0);
    seen = calloc(g.num_units, 1);
    for (u64 k = 0; k < g.num_units * 12ull; k++) {
        gen_case(&g, 1, k, c);
        for (unsigned s = 0; s < 6; s++)
            ck_assert_uint_ne(c->in.sreg[s] & ~3u, SEL_LONG & ~3u);
        ck_assert(!(c->in.eflags & 0x100) || gen_aim(&g, k) == LC_DB);
        if (c->row == 0xffff)
            continue;
        const struct isa_row *row = isa_row(c->row);
        ck_assert_ptr_null(gen_left_out(row));
        ck_assert(strcmp(row->name, "int") || c->code[c->len - 1] != 0x80);
        if (c->row == g.unit[k % g.num_units].row)
            seen[k % g.num_units] = 1;
    }
    for (unsigned k = 0; k < g.num_units; k++)
        ck_assert_msg(seen[k], "row %u (%s) mem %d op32 %d", g.unit[k].row,
                      isa_row(g.unit[k].row)->name, g.unit[k].mem, g.unit[k].op32);
    free(seen);
    gen_free(&g);
    free(c);
}
END_TEST

Suite *suite_lab_engines(void);
Suite *suite_lab_engines(void)
{
    Suite *s = suite_create("lab_engines");
    TCase *t = tcase_create("engines");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, known_answers);
    tcase_add_test(t, simd_state);
    tcase_add_test(t, nothing_stays_behind);
    tcase_add_test(t, host_survives);
    tcase_add_test(t, interp_gives_up);
    tcase_add_test(t, comparison);
    tcase_add_test(t, seeds);
    tcase_add_test(t, coverage);
    suite_add_tcase(s, t);
    return s;
}
