/* SPDX-License-Identifier: MIT */
/* The portable x87 (cpu/x87_soft.c) against the host's unit (cpu/x87_host.c), routine by routine:
 * pairs of edge values and random ones under each rounding, precision and set of masks, results,
 * flags and condition codes. The transcendental functions are in test_softtrans.c.
 * SOFTFP_CASES in the environment is the number of random cases for each operation. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cpu/x87.h"
#include "tests/unit/x87_values.h"

Suite *suite_softx87(void);

#if NB_HOST_X87

/* Everything of struct fpu_ops that is exact, and what to compare. */
struct row {
    const char *name;
    size_t at;          /* in struct fpu_ops */
    u8 a, b;            /* operand is an enum fpu_type; FT_NUM: there is none */
    u8 out;             /* bytes of the result, at out and (two) at out + 16 */
    u16 cc;
};
enum { NONE = FT_NUM };

#define AT_(field) offsetof(struct fpu_ops, field)
#define FIVE_(name, k, out, cc) \
    { name, AT_(arith[k][FT_ST]), FT_ST, FT_ST, out, cc }, \
    { name " f32", AT_(arith[k][FT_F32]), FT_ST, FT_F32, out, cc }, \
    { name " f64", AT_(arith[k][FT_F64]), FT_ST, FT_F64, out, cc }, \
    { name " i16", AT_(arith[k][FT_I16]), FT_ST, FT_I16, out, cc }, \
    { name " i32", AT_(arith[k][FT_I32]), FT_ST, FT_I32, out, cc }
static const struct row rows[] = {
    FIVE_("add", FA_ADD, 10, SW_C1), FIVE_("mul", FA_MUL, 10, SW_C1),
    FIVE_("sub", FA_SUB, 10, SW_C1), FIVE_("subr", FA_SUBR, 10, SW_C1),
    FIVE_("div", FA_DIV, 10, SW_C1), FIVE_("divr", FA_DIVR, 10, SW_C1),
    FIVE_("com", FA_COM, 0, SW_CC),
    { "load f32", AT_(load[FT_F32]), NONE, FT_F32, 10, SW_C1 },
    { "load f64", AT_(load[FT_F64]), NONE, FT_F64, 10, SW_C1 },
    { "load i16", AT_(load[FT_I16]), NONE, FT_I16, 10, SW_C1 },
    { "load i32", AT_(load[FT_I32]), NONE, FT_I32, 10, SW_C1 },
    { "load i64", AT_(load[FT_I64]), NONE, FT_I64, 10, SW_C1 },
    { "load bcd", AT_(load[FT_BCD]), NONE, FT_BCD, 10, SW_C1 },
    { "store f32", AT_(store[FT_F32]), FT_ST, NONE, 4, SW_C1 },
    { "store f64", AT_(store[FT_F64]), FT_ST, NONE, 8, SW_C1 },
    { "store i16", AT_(store[FT_I16]), FT_ST, NONE, 2, SW_C1 },
    { "store i32", AT_(store[FT_I32]), FT_ST, NONE, 4, SW_C1 },
    { "store i64", AT_(store[FT_I64]), FT_ST, NONE, 8, SW_C1 },
    { "store bcd", AT_(store[FT_BCD]), FT_ST, NONE, 10, SW_C1 },
    { "1", AT_(constant[0]), NONE, NONE, 10, 0 }, { "l2t", AT_(constant[1]), NONE, NONE, 10, 0 },
    { "l2e", AT_(constant[2]), NONE, NONE, 10, 0 }, { "pi", AT_(constant[3]), NONE, NONE, 10, 0 },
    { "lg2", AT_(constant[4]), NONE, NONE, 10, 0 }, { "ln2", AT_(constant[5]), NONE, NONE, 10, 0 },
    { "z", AT_(constant[6]), NONE, NONE, 10, 0 },
    { "ucom", AT_(ucom), FT_ST, FT_ST, 0, SW_CC }, { "tst", AT_(tst), FT_ST, NONE, 0, SW_CC },
    { "sqrt", AT_(sqrt), FT_ST, NONE, 10, SW_C1 }, { "rndint", AT_(rndint), FT_ST, NONE, 10, SW_C1 },
    { "scale", AT_(scale), FT_ST, FT_ST, 10, SW_C1 },
    { "prem", AT_(prem), FT_ST, FT_ST, 10, SW_CC }, { "prem1", AT_(prem1), FT_ST, FT_ST, 10, SW_CC },
    { "xtract", AT_(xtract), FT_ST, NONE, 20, SW_C1 },
};

static fpu_fn *fn_of(const struct fpu_ops *ops, const struct row *r)
{
    fpu_fn *fn;

    memcpy(&fn, (const char *)ops + r->at, sizeof(fn));
    return fn;
}

static void print_bytes(const char *name, const u8 *v, unsigned n)
{
    printf(" %s ", name);
    while (n--)
        printf("%02x", v[n]);
}

static unsigned compare(const struct row *r, u16 cw, const u8 *a, const u8 *b)
{
    u8 host[32] = { 0 }, soft[32] = { 0 };
    u16 cc = r->cc, keep = r->out && r->out < 10 ? SW_NOSTORE : SW_PRE;

    fpu_host_ops.clear();
    u16 want = (u16)fn_of(&fpu_host_ops, r)(cw, host, a, b);
    u16 got = (u16)fn_of(&fpu_soft_ops, r)(cw, soft, a, b);
    bool none = want & ~cw & keep & SW_EXC;
    if (r->at == AT_(store[FT_BCD]))
        none = want & ~cw & SW_NOSTORE & SW_EXC;
    if (r->at == AT_(prem) || r->at == AT_(prem1)) { /* bits of the quotient, if there is one */
        if (none || fpu_exp(host) == 0x7fff)
            cc = SW_C1;
    }
    if (!((want ^ got) & (cc | SW_EXC)) &&
        (none || (!memcmp(host, soft, MIN(r->out, 10)) &&
                  (r->out <= 10 || !memcmp(host + 16, soft + 16, 10)))))
        return 0;
    printf("%-9s cw %04x", r->name, cw);
    print_bytes("a", a, 10);
    print_bytes("b", b, 10);
    printf("\n  host sw %04x", want & (cc | SW_EXC));
    print_bytes("", host, 10);
    print_bytes("", host + 16, r->out > 10 ? 10 : 0);
    printf("\n  soft sw %04x", got & (cc | SW_EXC));
    print_bytes("", soft, 10);
    print_bytes("", soft + 16, r->out > 10 ? 10 : 0);
    printf("\n");
    return 1;
}

static u16 any_cw(void)
{
    static const u16 pc[] = { 0x300, 0x300, 0x200, 0 };

    return (u16)(0x40 | (rnd() & 0xc00) | pc[rnd() % 4] | (rnd() % 2 ? 0x3f : rnd() & 0x3f));
}

static void edge(u8 v[16], unsigned k)
{
    memcpy(v, &edges[k].sig, 8);
    memcpy(v + 8, &edges[k].se, 2);
}

START_TEST(as_the_host)
{
    const struct row *r = &rows[_i];
    const char *env = getenv("SOFTFP_CASES");
    unsigned cases = env ? (unsigned)atoi(env) : 30000, bad = 0;
    u8 a[16] = { 0 }, b[112] = { 0 };

    if (r->a == FT_ST) /* pairs of edges, under a few control words each */
        for (unsigned k = 0; k < ARRAY_LEN(edges) * ARRAY_LEN(edges) * 3 && bad < 4; k++) {
            edge(a, k / 3 / ARRAY_LEN(edges));
            if (r->b == FT_ST)
                edge(b, k / 3 % ARRAY_LEN(edges));
            else
                any_mem(b);
            bad += compare(r, any_cw(), a, b);
        }
    for (unsigned k = 0; k < cases && bad < 4; k++) {
        any_f80(a);
        if (r->b == FT_ST)
            any_f80(b);
        else
            any_mem(b);
        if (r->b == FT_BCD)
            for (unsigned j = 0; j < 9; j++) /* other digits are undefined */
                b[j] = (u8)((rnd() % 10) << 4 | rnd() % 10);
        bad += compare(r, any_cw(), a, b);
    }
    ck_assert_uint_eq(bad, 0);
}
END_TEST

#endif

Suite *suite_softx87(void)
{
    Suite *s = suite_create("softx87");
#if NB_HOST_X87
    TCase *t = tcase_create("host");

    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, as_the_host, 0, (int)ARRAY_LEN(rows));
    suite_add_tcase(s, t);
#endif
    return s;
}
