/* SPDX-License-Identifier: MIT */
/* F2XM1, FYL2X, FYL2XP1 of the portable x87: the same bits on every host. Taylor's series of the
 * exponential function in x ln 2, and 2 atanh(s) for the logarithm, whose s = (m - 1)/(m + 1) is at
 * most 3 - 2 sqrt(2), all in 128 bits; then one rounding, as CW says. The inexact flag is set with
 * each result that is not a special case's, even where it is exact (2^1 - 1, log2 of powers of
 * two), as the hardware does. */
#include "cpu/softfp_wide.h"
#include "cpu/x87_soft.h"

/* ln(2)^(k + 1) / (k + 1)! */
static const struct q128 exp_c[] = {
    { 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af }, { 0x3d7f7bff058b1d50, 0xde2d60dd92e6bf95 },
    { 0x0e35846b82505fc5, 0x99d3b15d995e96f7 }, { 0x0276556df749cee5, 0x39977c16a7dd58a1 },
    { 0x005761ff9e299cc4, 0x41c5fda69452fb0d }, { 0x000a184897c363c3, 0xb7a58544c3591a10 },
    { 0x0000ffe5fe2c4586, 0x34358a8e643ec735 }, { 0x0000162c0223a5c8, 0x23fd8ffe606da77c },
    { 0x000001b5253d395e, 0x7c3da4a70e5a4ff9 }, { 0x0000001e4cf5158b, 0x8ec9f6fda1d952e7 },
    { 0x00000001e8cac735, 0x1bb24c0f57995e47 }, { 0x000000001c3bd650, 0xfc2985e2b5687e18 },
    { 0x0000000001816193, 0x166d0f96281ac301 }, { 0x0000000000131496, 0x4d5878a973f14362 },
    { 0x000000000000e1b7, 0x421d82010f33d8ac }, { 0x00000000000009c7, 0x44d73cfc59c91c7f },
    { 0x0000000000000066, 0x1112d070969f5587 }, { 0x0000000000000003, 0xee2ed7b686d2bae6 },
    { 0x0000000000000000, 0x24b4fd9706b8c9b6 }, { 0x0000000000000000, 0x0145acc4b5051358 },
    { 0x0000000000000000, 0x000abfe2bc1f04e4 }, { 0x0000000000000000, 0x000056b3eb4dc077 },
    { 0x0000000000000000, 0x0000029cea2bb932 }, { 0x0000000000000000, 0x0000001351aaf6cc },
    { 0x0000000000000000, 0x00000000891f7ecb }, { 0x0000000000000000, 0x0000000003a7d785 },
    { 0x0000000000000000, 0x0000000000180669 }, { 0x0000000000000000, 0x0000000000009841 },
    { 0x0000000000000000, 0x00000000000003a4 },
};
/* 1/(2k + 1) / 2 */
static const struct q128 odd_c[] = {
    { 0x8000000000000000, 0x0000000000000000 }, { 0x2aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab },
    { 0x1999999999999999, 0x999999999999999a }, { 0x1249249249249249, 0x2492492492492492 },
    { 0x0e38e38e38e38e38, 0xe38e38e38e38e38e }, { 0x0ba2e8ba2e8ba2e8, 0xba2e8ba2e8ba2e8c },
    { 0x09d89d89d89d89d8, 0x9d89d89d89d89d8a }, { 0x0888888888888888, 0x8888888888888889 },
    { 0x0787878787878787, 0x8787878787878788 }, { 0x06bca1af286bca1a, 0xf286bca1af286bca },
    { 0x0618618618618618, 0x6186186186186186 }, { 0x0590b21642c8590b, 0x21642c8590b21643 },
    { 0x051eb851eb851eb8, 0x51eb851eb851eb85 }, { 0x04bda12f684bda12, 0xf684bda12f684bda },
    { 0x0469ee58469ee584, 0x69ee58469ee5846a }, { 0x0421084210842108, 0x4210842108421084 },
    { 0x03e0f83e0f83e0f8, 0x3e0f83e0f83e0f84 }, { 0x03a83a83a83a83a8, 0x3a83a83a83a83a84 },
    { 0x03759f22983759f2, 0x2983759f2298375a }, { 0x0348348348348348, 0x3483483483483483 },
    { 0x031f3831f3831f38, 0x31f3831f3831f383 }, { 0x02fa0be82fa0be82, 0xfa0be82fa0be82fa },
    { 0x02d82d82d82d82d8, 0x2d82d82d82d82d83 }, { 0x02b9310572620ae4, 0xc415c9882b931057 },
    { 0x029cbc14e5e0a72f, 0x05397829cbc14e5e },
};
/* 2 / ln(2) */
#define TWO_OVER_LN2 ((struct sf_wide){ .hi = 0xb8aa3b295c17f0bb, .lo = 0xbe87fed0691d3e89, \
                                        .exp = 1 })
/* 1.011 0101 0000 ...: sqrt(2) */
#define SQRT2_SIG 0xb504f333f9de6484u

/* ---- 2^x - 1 */

u32 soft_f2xm1(u16 cw, void *out, const void *a, const void *b)
{
    struct sf s = soft_begin(cw);
    struct f80 x = f80_ld(a), r = x;
    struct sf_num n = f80_num(x);

    (void)b;
    if (n.cls >= SF_CL_NAN) {
        r = f80_nan1(&s, x);
    } else if (n.cls == SF_CL_INF) {
        if (n.sign)
            r = f80_make(true, 16383, SF_TOP);
    } else if (n.cls == SF_CL_FINITE && sf_denormal(&s, n.denormal)) {
        s.flags |= SF_PE;
        if (n.exp >= 0) { /* 1 and -1/2; beyond it is undefined, and x itself on the hardware */
            if (x.se == 0xbfff && x.sig == SF_TOP)
                r = f80_make(true, 16382, SF_TOP);
        } else {
            struct q128 z = q_of_w(w_of_num(n)), c;
            c = n.sign ? q_alternating(exp_c, ARRAY_LEN(exp_c), z)
                       : q_series(exp_c, ARRAY_LEN(exp_c), z);
            r = f80_round(&s, 64, w_outside(w_mul(w_of_num(n), w_of_q(c, 0))));
        }
    }
    f80_st(out, r);
    return soft_end(&s);
}

/* ---- logarithms */

/* log2((1 + t)/(1 - t)), t at most 0.172 */
static struct sf_wide log2_series(struct sf_wide t)
{
    struct q128 z = q_of_w(w_mul(t, t));
    struct sf_wide c = w_of_q(q_series(odd_c, ARRAY_LEN(odd_c), z), 1);

    return w_mul(w_mul(t, TWO_OVER_LN2), c);
}

/* log2(x) for x > 0; .hi = 0 for 1 */
static struct sf_wide log2_of(struct sf_wide x)
{
    struct sf_wide one = { .hi = SF_TOP }, minus_one = one, whole = { 0 }, part;
    i32 e = x.exp;

    x.sign = false;
    x.exp = 0;
    if (x.hi >= SQRT2_SIG) {
        x.exp = -1;
        e++;
    }
    minus_one.sign = true;
    part = w_add(x, minus_one);
    if (part.hi)
        part = log2_series(w_div(part, w_add(x, one)));
    if (e)
        whole = w_norm((struct sf_wide){ .hi = (u64)(e < 0 ? -e : e), .exp = 63, .sign = e < 0 });
    if (!part.hi)
        return whole;
    return e ? w_add(whole, part) : part;
}

static struct f80 times(struct sf *s, struct sf_wide l, struct sf_num y)
{
    struct sf_wide w = w_mul(l, w_of_num(y));

    struct f80 r = f80_round(s, 64, w);

    /* the logarithm of a power of two is exact, but nothing here is taken for exact */
    s->flags |= (r.se & 0x7fff) == 0 ? SF_PE | SF_UE : SF_PE;
    return r;
}

/* y log2(x): a is x, b is y (SDM 2, FYL2X). */
u32 soft_yl2x(u16 cw, void *out, const void *a, const void *b)
{
    struct sf s = soft_begin(cw);
    struct f80 fx = f80_ld(a), fy = f80_ld(b), r;
    struct sf_num x = f80_num(fx), y = f80_num(fy);
    bool one = x.cls == SF_CL_FINITE && x.exp == 0 && x.sig == SF_TOP;
    bool below_one = x.cls == SF_CL_ZERO || (x.cls == SF_CL_FINITE && x.exp < 0);

    if (x.cls >= SF_CL_NAN || y.cls >= SF_CL_NAN) {
        r = f80_nan(&s, fx, fy);
    } else if ((x.sign && x.cls != SF_CL_ZERO) ||
               (y.cls == SF_CL_ZERO && (x.cls == SF_CL_ZERO || x.cls == SF_CL_INF)) ||
               (y.cls == SF_CL_INF && one)) {
        s.flags |= SF_IE;
        r = f80_indefinite();
    } else if (x.cls == SF_CL_ZERO) {
        if (y.cls == SF_CL_FINITE)
            s.flags |= SF_ZE;
        r = f80_inf(!y.sign);
    } else if (!sf_denormal(&s, x.denormal | y.denormal)) {
        r = fy;
    } else if (x.cls == SF_CL_INF || y.cls == SF_CL_INF) {
        r = f80_inf(y.sign ^ below_one);
    } else if (y.cls == SF_CL_ZERO || one) {
        r = f80_zero(y.sign ^ below_one);
    } else {
        r = times(&s, log2_of(w_of_num(x)), y);
    }
    f80_st(out, r);
    return soft_end(&s);
}

/* y log2(x + 1): a is x, b is y (SDM 2, FYL2XP1). Defined up to 1 - sqrt(2)/2; up to -1 and beyond
 * 0.41 the logarithm is given, from -1 down x itself. */
u32 soft_yl2xp1(u16 cw, void *out, const void *a, const void *b)
{
    struct sf s = soft_begin(cw);
    struct f80 fx = f80_ld(a), fy = f80_ld(b), r;
    struct sf_num x = f80_num(fx), y = f80_num(fy);

    if (x.cls >= SF_CL_NAN || y.cls >= SF_CL_NAN) {
        r = f80_nan(&s, fx, fy);
    } else if ((x.cls == SF_CL_INF && (x.sign || y.cls == SF_CL_ZERO)) ||
               (x.cls == SF_CL_ZERO && y.cls == SF_CL_INF)) {
        s.flags |= SF_IE;
        r = f80_indefinite();
    } else if (!sf_denormal(&s, x.denormal | y.denormal)) {
        r = fy;
    } else if (x.cls == SF_CL_INF || y.cls == SF_CL_INF) {
        r = f80_inf(x.sign ^ y.sign);
    } else if (x.cls == SF_CL_ZERO || y.cls == SF_CL_ZERO) {
        r = f80_zero(x.sign ^ y.sign);
    } else if (x.sign && x.exp >= 0) {
        s.flags |= SF_PE;
        r = fx;
    } else {
        struct sf_wide one = { .hi = SF_TOP }, two = { .hi = SF_TOP, .exp = 1 };
        struct sf_wide w = w_of_num(x);
        bool near = x.exp < -2 || (x.exp == -2 && x.sig < (x.sign ? 0x95f619980c4336f8u
                                                                  : 0xd413cccfe7799212u));
        r = times(&s, near ? log2_series(w_div(w, w_add(two, w))) : log2_of(w_add(one, w)), y);
    }
    f80_st(out, r);
    return soft_end(&s);
}
