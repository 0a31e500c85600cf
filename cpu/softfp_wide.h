/* SPDX-License-Identifier: MIT */
/* 128-bit fractions and floating point with 128-bit significands, for the transcendental functions
 * of the portable x87. Results are within a few units of 2^-128, far more than a rounding to 64
 * bits can see in all but one case in 2^60; no flags, no special values. Private to cpu/x87_*.c. */
#ifndef NB_CPU_SOFTFP_WIDE_H
#define NB_CPU_SOFTFP_WIDE_H

#include "cpu/softfp_f80.h"

/* ---- fractions: hi:lo / 2^128 */

struct q128 {
    u64 hi, lo;
};

NB_INLINE struct q128 q_mul(struct q128 a, struct q128 b)
{
    struct q128 r;
    u64 m1, m2;

    r.lo = mul64(a.hi, b.hi, &r.hi);
    mul64(a.hi, b.lo, &m1);
    mul64(a.lo, b.hi, &m2);
    r.lo += m1;
    r.hi += r.lo < m1;
    r.lo += m2;
    r.hi += r.lo < m2;
    return r;
}
NB_INLINE struct q128 q_add(struct q128 a, struct q128 b)
{
    struct q128 r = { a.hi + b.hi, a.lo + b.lo };

    r.hi += r.lo < b.lo;
    return r;
}
NB_INLINE struct q128 q_sub(struct q128 a, struct q128 b)
{
    return (struct q128){ a.hi - b.hi - (a.lo < b.lo), a.lo - b.lo };
}

/* c[0] + z (c[1] + z (c[2] ...)), and the same with z negative. */
NB_INLINE struct q128 q_series(const struct q128 *c, unsigned n, struct q128 z)
{
    struct q128 r = c[--n];

    while (n--)
        r = q_add(c[n], q_mul(z, r));
    return r;
}
NB_INLINE struct q128 q_alternating(const struct q128 *c, unsigned n, struct q128 z)
{
    struct q128 r = c[--n];

    while (n--)
        r = q_sub(c[n], q_mul(z, r));
    return r;
}

/* ---- floating point: struct sf_wide, which is never zero but where it says so */

NB_INLINE struct sf_wide w_norm(struct sf_wide a)
{
    if (!a.hi) {
        a.hi = a.lo;
        a.lo = 0;
        a.exp -= 64;
        if (!a.hi)
            return a;
    }
    unsigned n = clz64(a.hi);
    if (n) {
        a.hi = a.hi << n | a.lo >> (64 - n);
        a.lo <<= n;
        a.exp -= (i32)n;
    }
    return a;
}

NB_INLINE struct sf_wide w_of_num(struct sf_num a)
{
    return (struct sf_wide){ .hi = a.sig, .exp = a.exp, .sign = a.sign };
}
/* hi:lo / 2^128 * 2^exp */
NB_INLINE struct sf_wide w_of_q(struct q128 a, i32 exp)
{
    return w_norm((struct sf_wide){ .hi = a.hi, .lo = a.lo, .exp = exp - 1 });
}
/* |a| < 1 as a fraction */
NB_INLINE struct q128 q_of_w(struct sf_wide a)
{
    struct q128 r;

    r.hi = sf_shr_sticky(a.hi, a.lo, (u32)(-1 - a.exp), &r.lo);
    return r;
}

NB_INLINE struct sf_wide w_mul(struct sf_wide a, struct sf_wide b)
{
    struct q128 p = q_mul((struct q128){ a.hi, a.lo }, (struct q128){ b.hi, b.lo });

    return w_norm((struct sf_wide){ .hi = p.hi, .lo = p.lo, .exp = a.exp + b.exp + 1,
                                    .sign = a.sign ^ b.sign });
}

/* Two digits of 64 bits, of a/2 by b so that no digit overflows. */
NB_INLINE struct sf_wide w_div(struct sf_wide a, struct sf_wide b)
{
    struct sf_wide q = { .exp = a.exp - b.exp, .sign = a.sign ^ b.sign };
    u64 rem, phi, plo, low;

    q.hi = sf_div128(a.hi >> 1, a.hi << 63 | a.lo >> 1, b.hi, &rem);
    plo = mul64(q.hi, b.lo, &phi);
    low = 0 - plo;
    phi += plo != 0;
    bool negative = rem < phi;
    rem -= phi;
    while (negative) {
        q.hi--;
        low += b.lo;
        if (low < b.lo)
            negative = ++rem != 0; /* not yet through zero */
        rem += b.hi;
        negative &= rem >= b.hi;
    }
    q.lo = rem >= b.hi ? ~0ull : sf_div128(rem, low, b.hi, &rem);
    return w_norm(q);
}

/* Sum. .hi = 0: it is zero. */
NB_INLINE struct sf_wide w_add(struct sf_wide a, struct sf_wide b)
{
    u64 lo;

    if (a.exp < b.exp || (a.exp == b.exp && (a.hi < b.hi || (a.hi == b.hi && a.lo < b.lo)))) {
        struct sf_wide t = a;
        a = b;
        b = t;
    }
    u64 hi = sf_shr_sticky(b.hi, b.lo, (u32)(a.exp - b.exp), &lo);
    if (a.sign != b.sign) {
        a.hi = a.hi - hi - (a.lo < lo);
        a.lo -= lo;
        return w_norm(a);
    }
    a.lo += lo;
    u64 carry = a.lo < lo;
    u64 sum = a.hi + hi;
    bool over = sum < hi;
    sum += carry;
    over |= sum < carry;
    a.hi = sum;
    if (over) {
        a.lo = a.hi << 63 | a.lo >> 1;
        a.hi = SF_TOP | a.hi >> 1;
        a.exp++;
    }
    return a;
}

/* a, but a little nearer to zero or farther from it: what a function is that only differs from its
 * argument where no format sees it. */
NB_INLINE struct sf_wide w_inside(struct sf_wide a)
{
    a.hi -= a.lo == 0;
    a.lo -= 1;
    return w_norm(a);
}
NB_INLINE struct sf_wide w_outside(struct sf_wide a)
{
    a.lo |= 1;
    return a;
}

#endif
