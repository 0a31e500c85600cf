/* SPDX-License-Identifier: MIT */
/* The portable transcendental functions (cpu/x87_trig.c, x87_log.c) against the host's unit. Flags
 * and special values must agree, results by one unit in the last place: where the functions are
 * defined, the host's own results are off by that much. C1 says which way that last place went, and
 * is not compared.
 * SOFTFP_CASES in the environment is the number of random cases for each function; with
 * SOFTFP_REPORT set, the largest and the mean difference are printed. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "cpu/x87_soft.h"
#include "tests/unit/cpu_rig.h"
#include "tests/unit/x87_values.h"

Suite *suite_softtrans(void);

#if NB_HOST_X87

struct row {
    const char *name;
    size_t at;
    bool two, pushes; /* operands; results */
    /* exponents of random operands, and whether they may be negative */
    i16 lo_a, hi_a, lo_b, hi_b;
    bool neg_a;
};
#define AT_(field) offsetof(struct fpu_ops, field)
static const struct row rows[] = {
    { "f2xm1", AT_(f2xm1), false, false, -70, -1, 0, 0, true },
    { "fsin", AT_(sin), false, false, -70, 62, 0, 0, true },
    { "fsin small", AT_(sin), false, false, -10, 4, 0, 0, true },
    { "fcos", AT_(cos), false, false, -70, 62, 0, 0, true },
    { "fcos small", AT_(cos), false, false, -10, 4, 0, 0, true },
    { "fsincos", AT_(sincos), false, true, -70, 62, 0, 0, true },
    { "fptan", AT_(ptan), false, true, -70, 62, 0, 0, true },
    { "fptan small", AT_(ptan), false, true, -10, 4, 0, 0, true },
    { "fpatan", AT_(patan), true, false, -40, 40, -40, 40, true },
    { "fpatan near", AT_(patan), true, false, -3, 3, -3, 3, true },
    { "fyl2x", AT_(yl2x), true, false, -16382, 16383, -200, 200, false },
    { "fyl2x near", AT_(yl2x), true, false, -2, 1, -70, 70, false },
    { "fyl2xp1", AT_(yl2xp1), true, false, -70, -2, -200, 200, true },
};

static fpu_fn *fn_of(const struct fpu_ops *ops, const struct row *r)
{
    fpu_fn *fn;

    memcpy(&fn, (const char *)ops + r->at, sizeof(fn));
    return fn;
}

/* Units in the last place between two results; 99: they are no neighbours. */
static unsigned ulps(const u8 *a, const u8 *b)
{
    u64 sa = ld64(a), sb = ld64(b), d;
    int ea = ld16(a + 8), eb = ld16(b + 8);

    if (!memcmp(a, b, 10))
        return 0;
    if ((ea ^ eb) & 0x8000 || (ea & 0x7fff) == 0x7fff || (eb & 0x7fff) == 0x7fff)
        return 99;
    ea = MAX(ea & 0x7fff, 1); /* (e, sig) as one number, 2^63 for each e */
    eb = MAX(eb & 0x7fff, 1);
    if (ea - eb > 1 || eb - ea > 1)
        return 99;
    sa += (u64)(ea - MIN(ea, eb)) << 63; /* modulo 2^64 */
    sb += (u64)(eb - MIN(ea, eb)) << 63;
    d = sa - sb;
    d = MIN(d, 0 - d);
    return d > 99 ? 99 : (unsigned)d;
}

static void print_f80(const char *name, const u8 *v)
{
    printf(" %s %04x:%016llx", name, ld16(v + 8), (unsigned long long)ld64(v));
}

struct tally {
    u64 cases, off;
    unsigned max;
};

static unsigned compare(const struct row *r, u16 cw, const u8 *a, const u8 *b, unsigned allowed,
                        struct tally *t)
{
    u8 host[32] = { 0 }, soft[32] = { 0 };

    fpu_host_ops.clear();
    u16 want = (u16)fn_of(&fpu_host_ops, r)(cw, host, a, b);
    u16 got = (u16)fn_of(&fpu_soft_ops, r)(cw, soft, a, b);
    unsigned d = 0;
    if (!(want & ~cw & SW_PRE) && !(r->pushes && want & SW_C2)) {
        d = ulps(host, soft);
        if (r->pushes)
            d = MAX(d, ulps(host + 16, soft + 16));
    }
    t->cases++;
    t->off += d != 0;
    t->max = MAX(t->max, d);
    if (!((want ^ got) & (SW_C2 | SW_EXC)) && d <= allowed)
        return 0;
    printf("%-12s cw %04x", r->name, cw);
    print_f80("a", a);
    print_f80("b", b);
    printf("\n   host sw %04x", want & (SW_C2 | SW_EXC));
    print_f80("", host);
    print_f80("", host + 16);
    printf("\n   soft sw %04x", got & (SW_C2 | SW_EXC));
    print_f80("", soft);
    print_f80("", soft + 16);
    printf("  %u\n", d);
    return 1;
}

static u16 any_cw(void)
{
    static const u16 pc[] = { 0x300, 0x300, 0x200, 0 };

    return (u16)(0x40 | (rnd() & 0xc00) | pc[rnd() % 4] | (rnd() % 2 ? 0x3f : rnd() & 0x3f));
}

/* Where the SDM calls the result undefined. */
static bool undefined(const struct row *r, const u8 *a)
{
    u16 e = fpu_exp(a);

    if (!(fpu_sig(a) >> 63) || e == 0x7fff)
        return false;
    if (r->at == AT_(f2xm1))
        return e > 0x3fff || (e == 0x3fff && fpu_sig(a) << 1);
    if (r->at == AT_(yl2xp1))
        return e > 0x3ffd || (e == 0x3ffd && fpu_sig(a) > (a[9] & 0x80 ? 0x95f619980c4336f7
                                                                     : 0xd413cccfe7799211));
    return false;
}

START_TEST(special)
{
    const struct row *r = &rows[_i];
    struct tally t = { 0 };
    unsigned bad = 0;

    for (unsigned k = 0; k < ARRAY_LEN(edges) * ARRAY_LEN(edges) * 4 && bad < 4; k++) {
        u8 a[16], b[16];
        const struct edge *ea = &edges[k / 4 / ARRAY_LEN(edges)];
        const struct edge *eb = &edges[k / 4 % ARRAY_LEN(edges)];
        memcpy(a, &ea->sig, 8);
        memcpy(a + 8, &ea->se, 2);
        memcpy(b, &eb->sig, 8);
        memcpy(b + 8, &eb->se, 2);
        if (!undefined(r, a))
            bad += compare(r, any_cw(), a, b, 1, &t);
    }
    ck_assert_uint_eq(bad, 0);
}
END_TEST

static void in_range(u8 v[16], int lo, int hi, bool negative)
{
    u64 sig = rnd() | BIT64(63);
    u16 se = (u16)(16383 + lo + (int)(rnd() % (u64)(hi - lo + 1)));

    if (rnd() % 8 == 0)
        sig &= ~0ull << rnd() % 64;
    if (negative)
        se |= (u16)(rnd() & 0x8000);
    memcpy(v, &sig, 8);
    memcpy(v + 8, &se, 2);
}

START_TEST(by_one_unit)
{
    const struct row *r = &rows[_i];
    const char *env = getenv("SOFTFP_CASES");
    unsigned cases = env ? (unsigned)atoi(env) : 20000, bad = 0;
    struct tally t = { 0 };
    u8 a[16] = { 0 }, b[16] = { 0 };

    for (unsigned k = 0; k < cases && bad < 4; k++) {
        in_range(a, r->lo_a, r->hi_a, r->neg_a);
        in_range(b, r->lo_b, r->hi_b, true);
        if (!undefined(r, a))
            bad += compare(r, 0x37f, a, b, 1, &t);
    }
    if (getenv("SOFTFP_REPORT"))
        printf("%-12s %llu cases, largest difference %u ulp, %.4f %% not the same\n", r->name,
               (unsigned long long)t.cases, t.max, 100.0 * (double)t.off / (double)t.cases);
    ck_assert_uint_eq(bad, 0);
}
END_TEST

#endif

/* Whose routines a CPU takes: ours for these functions in counted time, whatever the host has; the
 * host's, if it has any, in real time; ours for all with fpu=soft. */
START_TEST(selection)
{
    struct rig *r = rig_cpu("max,fpu=soft");
    const struct fpu_ops *o;

    ck_assert(r->c->soft_fpu);
    ck_assert_ptr_eq(fpu_ops(r->c), &fpu_soft_ops);
    r->c->counted = true;
    ck_assert_ptr_eq(fpu_ops(r->c), &fpu_soft_ops);
    rig_free(r);
    r = rig_cpu("max,fpu=host");
    ck_assert(!r->c->soft_fpu);
    r->c->counted = true;
    o = fpu_ops(r->c);
    ck_assert(o->f2xm1 == soft_f2xm1 && o->sin == soft_sin && o->cos == soft_cos);
    ck_assert(o->sincos == soft_sincos && o->ptan == soft_ptan && o->patan == soft_patan);
    ck_assert(o->yl2x == soft_yl2x && o->yl2xp1 == soft_yl2xp1);
#if NB_HOST_X87
    ck_assert(o->sqrt == fpu_host_ops.sqrt && o->prem == fpu_host_ops.prem);
    r->c->counted = false;
    ck_assert_ptr_eq(fpu_ops(r->c), &fpu_host_ops);
#endif
    rig_free(r);
}
END_TEST

/* Results that need no host to be known: nearest to the true value, pi being the hardware's. */
START_TEST(recorded)
{
    static const struct {
        fpu_fn *fn;
        struct edge a, b, want;
        u16 cw;
    } v[] = {
        /* sin(pi) with 66 bits of pi is exactly 2^-64 off */
        { soft_sin, { 0x4000, 0xc90fdaa22168c235 }, { 0, 0 }, { 0xbfbf, 0x8000000000000000 },
          0x37f },
        { soft_cos, { 0x3fff, 0xc90fdaa22168c235 }, { 0, 0 }, { 0xbfbe, 0x8000000000000000 },
          0x37f },
        /* a little below x, above x, below 1 */
        { soft_sin, { 0x3000, 0x8000000000000000 }, { 0, 0 }, { 0x2fff, 0xffffffffffffffff },
          0xf7f },
        { soft_ptan, { 0x3000, 0x8000000000000000 }, { 0, 0 }, { 0x3000, 0x8000000000000001 },
          0xb7f },
        { soft_cos, { 0x3000, 0x8000000000000000 }, { 0, 0 }, { 0x3ffe, 0xffffffffffffffff },
          0x77f },
        { soft_f2xm1, { 0x3ffe, 0x8000000000000000 }, { 0, 0 }, { 0x3ffd, 0xd413cccfe7799211 },
          0x37f },
        { soft_f2xm1, { 0xbfff, 0x8000000000000000 }, { 0, 0 }, { 0xbffe, 0x8000000000000000 },
          0x37f },
        { soft_patan, { 0xbfff, 0x8000000000000000 }, { 0xbfff, 0x8000000000000000 },
          { 0xc000, 0x96cbe3f9990e91a8 }, 0x37f }, /* -3 pi/4 */
        { soft_yl2x, { 0x4002, 0xa000000000000000 }, { 0x3fff, 0x8000000000000000 },
          { 0x4000, 0xd49a784bcd1b8afe }, 0x37f }, /* log2(10) */
        { soft_yl2x, { 0x3ff6, 0x8000000000000000 }, { 0x4000, 0xc000000000000000 },
          { 0xc003, 0xd800000000000000 }, 0xb7f }, /* 3 log2(2^-9) */
        { soft_yl2xp1, { 0x3fbf, 0x8000000000000000 }, { 0x3fff, 0x8000000000000000 },
          { 0x3fbf, 0xb8aa3b295c17f0bb }, 0x37f },
    };

    for (unsigned k = 0; k < ARRAY_LEN(v); k++) {
        u8 a[16], b[16], out[32] = { 0 };
        st64(a, v[k].a.sig);
        st16(a + 8, v[k].a.se);
        st64(b, v[k].b.sig);
        st16(b + 8, v[k].b.se);
        u32 r = v[k].fn(v[k].cw, out, a, b);
        ck_assert_uint_eq(r & (SW_C2 | SW_EXC), SW_PE);
        ck_assert_msg(ld64(out) == v[k].want.sig && ld16(out + 8) == v[k].want.se,
                      "row %u: %04x:%016llx", k, ld16(out + 8), (unsigned long long)ld64(out));
    }
}
END_TEST

Suite *suite_softtrans(void)
{
    Suite *s = suite_create("softtrans");
    TCase *ours = tcase_create("ours");
#if NB_HOST_X87
    TCase *t = tcase_create("host");

    tcase_set_timeout(t, 0);
    tcase_add_loop_test(t, special, 0, (int)ARRAY_LEN(rows));
    tcase_add_loop_test(t, by_one_unit, 0, (int)ARRAY_LEN(rows));
    suite_add_tcase(s, t);
#endif
    tcase_add_test(ours, selection);
    tcase_add_test(ours, recorded);
    suite_add_tcase(s, ours);
    return s;
}
