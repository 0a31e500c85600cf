/* SPDX-License-Identifier: MIT */
/* FSIN, FCOS, FSINCOS, FPTAN, FPATAN of the portable x87: the same bits on every host.
 *
 * Arguments are reduced as Intel documents it (SDM 1, 8.3.8): with a pi of 66 bits, exactly. For
 * |x| above pi/4 the result is therefore that of x * pi / pi66, as on the hardware, and nothing
 * else would give programs what they get there. Within [-pi/4, pi/4] Taylor series in 128 bits;
 * FPATAN takes the nearest k/16 off first and then has |u| <= 1/32. The result is rounded once, as
 * CW says; precision control means nothing here. The inexact flag is set with each result that is
 * not a special case's, as the hardware does. */
#include "cpu/softfp_wide.h"
#include "cpu/x87_soft.h"

/* 1/(2k + 1)! / 2 */
static const struct q128 sin_c[] = {
    { 0x8000000000000000, 0x0000000000000000 }, { 0x1555555555555555, 0x5555555555555555 },
    { 0x0111111111111111, 0x1111111111111111 }, { 0x0006806806806806, 0x8068068068068068 },
    { 0x0000171de3a556c7, 0x338faac1c88e5001 }, { 0x00000035cc8acfea, 0x89c71fce8fc97070 },
    { 0x000000005849184e, 0xa1b425f28e0cc749 }, { 0x00000000006b9fcf, 0x9ccee07c476195ac },
    { 0x000000000000654b, 0x1dc0c2b529ac9814 }, { 0x000000000000004b, 0xd26d1a05055c9328 },
    { 0x0000000000000000, 0x2e371dedb9eae318 }, { 0x0000000000000000, 0x001761b41316381a },
    { 0x0000000000000000, 0x000009f9e66e8b30 }, { 0x0000000000000000, 0x00000003a356385c },
    { 0x0000000000000000, 0x0000000001259f99 }, { 0x0000000000000000, 0x00000000000050d3 },
};
/* 1/(2k)! / 2 */
static const struct q128 cos_c[] = {
    { 0x8000000000000000, 0x0000000000000000 }, { 0x4000000000000000, 0x0000000000000000 },
    { 0x0555555555555555, 0x5555555555555555 }, { 0x002d82d82d82d82d, 0x82d82d82d82d82d8 },
    { 0x0000d00d00d00d00, 0xd00d00d00d00d00d }, { 0x0000024fc9f6ef13, 0xeb8e5de02da7d4cd },
    { 0x000000047bb63bfe, 0x3625ed5136a61eb4 }, { 0x00000000064e5d2a, 0x301f27482eb7c517 },
    { 0x000000000006b9fc, 0xf9ccee07c476195b }, { 0x00000000000005a0, 0x9e18ee5f65deec01 },
    { 0x0000000000000003, 0xca8574804044a0f5 }, { 0x0000000000000000, 0x0219c72db6ff0a53 },
    { 0x0000000000000000, 0x0000f96780cb97ac }, { 0x0000000000000000, 0x000000623a17f1a9 },
    { 0x0000000000000000, 0x000000002143144c }, { 0x0000000000000000, 0x000000000009c996 },
    { 0x0000000000000000, 0x0000000000000287 },
};
/* 1/(2k + 1) / 2 */
static const struct q128 atan_c[] = {
    { 0x8000000000000000, 0x0000000000000000 }, { 0x2aaaaaaaaaaaaaaa, 0xaaaaaaaaaaaaaaab },
    { 0x1999999999999999, 0x999999999999999a }, { 0x1249249249249249, 0x2492492492492492 },
    { 0x0e38e38e38e38e38, 0xe38e38e38e38e38e }, { 0x0ba2e8ba2e8ba2e8, 0xba2e8ba2e8ba2e8c },
    { 0x09d89d89d89d89d8, 0x9d89d89d89d89d8a }, { 0x0888888888888888, 0x8888888888888889 },
    { 0x0787878787878787, 0x8787878787878788 }, { 0x06bca1af286bca1a, 0xf286bca1af286bca },
    { 0x0618618618618618, 0x6186186186186186 }, { 0x0590b21642c8590b, 0x21642c8590b21643 },
};
/* atan(k / 16) */
static const struct q128 atan_of[] = {
    { 0x0000000000000000, 0x0000000000000000 }, { 0x0ffaaddb967ef4e3, 0x6cb2792dc0e2e0d5 },
    { 0x1fd5ba9aac2f6dc6, 0x5912f313e7d111df }, { 0x2f72f6979cb6044d, 0x1ec2d3e207271d22 },
    { 0x3eb6ebf25901bac5, 0x5b71e7bd7de885f9 }, { 0x4d89dcdc1faf2f34, 0xe2d5da4c693d7994 },
    { 0x5bd86507937bc239, 0xc55190916e7f2242 }, { 0x6993bb0f308ff2db, 0x213e4af4800f389b },
    { 0x76b19c1586ed3da2, 0xb7f222f65e1d4682 }, { 0x832bf4a6d9867e2a, 0x4b6a09cb61a515c1 },
    { 0x8f005d5ef7f59f9b, 0x5c835e1665c43748 }, { 0x9a2f80e671bdda20, 0x4226f8e2204ff3bd },
    { 0xa4bc7d1934f70924, 0x19a87f2a457dac9f }, { 0xaeac4c38b4d8c080, 0x14725e2f3e52070a },
    { 0xb8053e2bc2319e73, 0xcb2da55210a4443d }, { 0xc0ce85b8ac526640, 0x89dd62c46e92fa25 },
    { 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1 },
};
#define PI_ ((struct sf_wide){ .hi = 0xc90fdaa22168c234, .lo = 0xc4c6628b80dc1cd1, .exp = 1 })

/* ---- sine and cosine */

/* pi/2 = PIO2_HI:PIO2_LO * 2^-65, 66 bits */
#define PIO2_HI 3u
#define PIO2_LO 0x243f6a8885a308d3u

/* |r| <= pi/4 and the quadrant. */
struct angle {
    struct sf_wide r;
    unsigned quadrant;
};

/* exp < 63. Long division by one bit a time: at most 65 steps. */
static struct angle reduce(struct sf_num x)
{
    struct angle g = { .r = w_of_num(x) };
    u64 hi = 0, lo = x.sig;
    unsigned q = 0;

    if (x.exp < -1 || (x.exp == -1 && x.sig < 0xc90fdaa22168c235))
        return g;
    for (i32 k = x.exp + 2; k--;) {
        hi = hi << 1 | lo >> 63;
        lo <<= 1;
        q <<= 1;
        if (hi > PIO2_HI || (hi == PIO2_HI && lo >= PIO2_LO)) {
            hi -= PIO2_HI + (lo < PIO2_LO);
            lo -= PIO2_LO;
            q++;
        }
    }
    /* above pi/4: from the other side */
    if (hi > PIO2_HI / 2 || (hi == PIO2_HI / 2 && lo > (1ull << 63 | PIO2_LO >> 1))) {
        hi = PIO2_HI - hi - (PIO2_LO < lo);
        lo = PIO2_LO - lo;
        g.r.sign = !g.r.sign;
        q++;
    }
    g.quadrant = x.sign ? (0 - q) & 3 : q & 3;
    g.r = w_norm((struct sf_wide){ .hi = hi, .lo = lo, .exp = 127 - 65, .sign = g.r.sign });
    return g;
}

enum { TINY_EXP = -36 }; /* below, x^2 is nothing to 64 bits */

static struct sf_wide sine(struct sf_wide r)
{
    if (!r.hi || r.exp < TINY_EXP)
        return r.hi ? w_inside(r) : r;
    struct q128 z = q_of_w(w_mul(r, r));
    return w_mul(r, w_of_q(q_alternating(sin_c, ARRAY_LEN(sin_c), z), 1));
}

static struct sf_wide cosine(struct sf_wide r)
{
    struct sf_wide one = { .hi = SF_TOP };

    if (!r.hi || r.exp < TINY_EXP)
        return w_inside(one);
    struct q128 z = q_of_w(w_mul(r, r));
    return w_of_q(q_alternating(cos_c, ARRAY_LEN(cos_c), z), 1);
}

static struct sf_wide sine_of(struct angle g, unsigned ahead)
{
    unsigned q = g.quadrant + ahead;
    struct sf_wide w = q & 1 ? cosine(g.r) : sine(g.r);

    w.sign ^= q >> 1 & 1;
    return w;
}

static struct sf_wide tangent_of(struct angle g)
{
    if (!(g.quadrant & 1) && g.r.exp < TINY_EXP)
        return w_outside(g.r);
    struct sf_wide s = sine(g.r), c = cosine(g.r);
    if (!(g.quadrant & 1))
        return w_div(s, c);
    c.sign = !c.sign; /* -1 / tan */
    return w_div(c, s);
}

/* Special operands. true: *w and *out are to be made. */
static bool circular(struct sf *s, struct f80 a, bool even, struct f80 *out, u32 *codes,
                     struct sf_num *n)
{
    *n = f80_num(a);
    *out = a;
    *codes = 0;
    switch (n->cls) {
    case SF_CL_ZERO:
        if (even)
            *out = f80_make(false, 16383, SF_TOP);
        return false;
    case SF_CL_FINITE:
        if (n->exp >= 63) {
            *codes = SW_C2;
            return false;
        }
        return sf_denormal(s, n->denormal);
    case SF_CL_INF:
        s->flags |= SF_IE;
        *out = f80_indefinite();
        return false;
    default:
        *out = f80_nan1(s, a);
        return false;
    }
}

static struct f80 inexact(struct sf *s, struct sf_wide w)
{
    s->flags |= SF_PE;
    return f80_round(s, 64, w);
}

static u32 sin_or_cos(u16 cw, void *out, const void *a, unsigned ahead)
{
    struct sf s = soft_begin(cw);
    struct sf_num n;
    struct f80 r;
    u32 codes;

    if (circular(&s, f80_ld(a), ahead, &r, &codes, &n))
        r = inexact(&s, sine_of(reduce(n), ahead));
    f80_st(out, r);
    return soft_end(&s) | codes;
}
u32 soft_sin(u16 cw, void *out, const void *a, const void *b)
{
    (void)b;
    return sin_or_cos(cw, out, a, 0);
}
u32 soft_cos(u16 cw, void *out, const void *a, const void *b)
{
    (void)b;
    return sin_or_cos(cw, out, a, 1);
}

/* The sine to out, the cosine behind it. C1 is the cosine's, the last one that is rounded. */
u32 soft_sincos(u16 cw, void *out, const void *a, const void *b)
{
    struct sf s = soft_begin(cw);
    struct f80 x = f80_ld(a), r, c;
    struct sf_num n;
    u32 codes;

    (void)b;
    if (circular(&s, x, false, &r, &codes, &n)) {
        struct angle g = reduce(n);
        r = inexact(&s, sine_of(g, 0));
        c = inexact(&s, sine_of(g, 1));
    } else {
        c = n.cls == SF_CL_ZERO ? f80_make(false, 16383, SF_TOP) : r;
    }
    f80_st(out, r);
    f80_st((u8 *)out + 16, c);
    return soft_end(&s) | codes;
}

u32 soft_ptan(u16 cw, void *out, const void *a, const void *b)
{
    struct sf s = soft_begin(cw);
    struct f80 r;
    struct sf_num n;
    u32 codes;

    (void)b;
    if (circular(&s, f80_ld(a), false, &r, &codes, &n))
        r = inexact(&s, tangent_of(reduce(n)));
    f80_st(out, r);
    f80_st((u8 *)out + 16, n.cls <= SF_CL_FINITE ? f80_make(false, 16383, SF_TOP) : r);
    return soft_end(&s) | codes;
}

/* ---- arc tangent */

/* atan(y / x), both positive, y <= x */
static struct sf_wide atan_ratio(struct sf_num y, struct sf_num x)
{
    i32 d = x.exp - y.exp;
    struct sf_wide u;
    unsigned k = 0;

    if (d <= 6)
        k = (unsigned)((((y.sig >> 32) * 32 >> d) / (x.sig >> 32) + 1) / 2);
    if (k == 0) {
        u = w_div(w_of_num(y), w_of_num(x));
    } else { /* (y - kx/16) / (x + ky/16), in units of 1/16 of y's last place */
        struct sf_wide y16, x16, ky = w_of_num(y), kx = w_of_num(x);
        y16 = ky;
        x16 = kx;
        y16.exp += 4;
        x16.exp += 4;
        struct sf_wide kw = w_norm((struct sf_wide){ .hi = k, .exp = 63 });
        ky = w_mul(ky, kw);
        kx = w_mul(kx, kw);
        kx.sign = true;
        u = w_add(y16, kx);
        if (!u.hi)
            return w_of_q(atan_of[k], 0);
        u = w_div(u, w_add(x16, ky));
    }
    struct q128 z = q_of_w(w_mul(u, u));
    struct sf_wide series = w_of_q(q_alternating(atan_c, ARRAY_LEN(atan_c), z), 1);
    if (series.exp == 0) /* u^2 is nothing to 128 bits */
        series = w_inside(series);
    u = w_mul(u, series);
    return k ? w_add(w_of_q(atan_of[k], 0), u) : u;
}

/* eighths of pi * 2: 1 is pi/4 */
static struct sf_wide pi_quarters(unsigned n)
{
    struct sf_wide w = PI_;

    w.exp -= 2;
    return w_mul(w, w_norm((struct sf_wide){ .hi = n, .exp = 63 }));
}

/* Angle of (x, y): a is x, b is y (SDM 2, FPATAN). */
u32 soft_patan(u16 cw, void *out, const void *a, const void *b)
{
    struct sf s = soft_begin(cw);
    struct f80 fx = f80_ld(a), fy = f80_ld(b), r;
    struct sf_num x = f80_num(fx), y = f80_num(fy);
    struct sf_wide w;

    if (x.cls >= SF_CL_NAN || y.cls >= SF_CL_NAN) {
        r = f80_nan(&s, fx, fy);
    } else if (!sf_denormal(&s, x.denormal | y.denormal)) {
        r = fy;
    } else if (!x.sign && (x.cls == SF_CL_INF ? y.cls != SF_CL_INF : y.cls == SF_CL_ZERO)) {
        r = f80_zero(y.sign);
    } else {
        if (x.cls == SF_CL_INF && y.cls == SF_CL_INF) {
            w = pi_quarters(x.sign ? 3 : 1);
        } else if (y.cls == SF_CL_ZERO || x.cls == SF_CL_INF) {
            w = PI_;
        } else if (x.cls == SF_CL_ZERO || y.cls == SF_CL_INF) {
            w = pi_quarters(2);
        } else {
            bool steep = y.exp > x.exp || (y.exp == x.exp && y.sig > x.sig), back = x.sign;
            bool below = y.sign;
            x.sign = y.sign = false;
            w = steep ? atan_ratio(x, y) : atan_ratio(y, x);
            if (steep) {
                w.sign = !back;
                w = w_add(pi_quarters(2), w);
            } else if (back) {
                w.sign = true;
                w = w_add(PI_, w);
            }
            y.sign = below;
        }
        w.sign = y.sign;
        r = inexact(&s, w);
    }
    f80_st(out, r);
    return soft_end(&s);
}
