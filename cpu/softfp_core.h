/* SPDX-License-Identifier: MIT */
/* What the three formats of softfp.h share: numbers taken apart, the four operations and the square
 * root on them, and one rounding. Private to cpu/softfp_*.c.
 *
 * A number is a significand with its leading bit in bit 63, and the exponent of that bit; denormals
 * are normalised on the way in. An operation gives 128 bits, of which all that lies below the
 * lowest is or-ed into it: 64 more than any format keeps, so that rounding sees what it needs. */
#ifndef NB_CPU_SOFTFP_CORE_H
#define NB_CPU_SOFTFP_CORE_H

#include "cpu/softfp.h"

#define SF_TOP BIT64(63)

enum sf_class { SF_CL_ZERO, SF_CL_FINITE, SF_CL_INF, SF_CL_NAN, SF_CL_BAD };

struct sf_num {
    u64 sig;
    i32 exp;
    u8 cls;
    bool sign, denormal;
};

struct sf_wide {
    u64 hi, lo;
    i32 exp;
    bool sign;
};

/* What an operation came to. */
enum sf_kind { SF_K_NUMBER, SF_K_ZERO, SF_K_INF, SF_K_DEFAULT };

struct sf_format {
    u8 bits;
    i16 emin, emax;
    bool wraps; /* unmasked overflow and underflow give a result with another exponent */
};
#define SF_F32 ((struct sf_format){ 24, -126, 127, false })
#define SF_F64 ((struct sf_format){ 53, -1022, 1023, false })
#define SF_F80(bits) ((struct sf_format){ bits, -16382, 16383, true })
enum { SF_WRAP = 24576 };

/* ---- 128 bits */

/* v != 0 or the result is 0; n may be anything from 0. */
NB_INLINE u64 sf_shr_sticky(u64 hi, u64 lo, u32 n, u64 *out_lo)
{
    if (likely(n < 64)) {
        if (n == 0) {
            *out_lo = lo;
            return hi;
        }
        *out_lo = hi << (64 - n) | lo >> n | (lo << (64 - n) != 0);
        return hi >> n;
    }
    if (n < 128) {
        unsigned m = n - 64;

        *out_lo = m ? hi >> m | (hi << (64 - m) != 0 || lo != 0) : hi | (lo != 0);
        return 0;
    }
    *out_lo = (hi | lo) != 0;
    return 0;
}

/* (hi:lo) / d with hi < d and d's top bit set: the quotient, *rem the remainder. Two steps of
 * schoolbook division in base 2^32 (Knuth 2, 4.3.1 D): the estimate is at most two too large. */
NB_INLINE u64 sf_div_step(u64 hi, u64 digit, u64 d, u64 *rem)
{
    u64 dh = d >> 32, dl = (u32)d, q = hi / dh, r = hi % dh;

    while (q >> 32 || q * dl > (r << 32 | digit)) {
        q--;
        r += dh;
        if (r >> 32)
            break;
    }
    *rem = (hi << 32 | digit) - q * d; /* modulo 2^64; it fits */
    return q;
}
NB_INLINE u64 sf_div128(u64 hi, u64 lo, u64 d, u64 *rem)
{
    u64 q1 = sf_div_step(hi, lo >> 32, d, &hi), q0 = sf_div_step(hi, (u32)lo, d, rem);

    return q1 << 32 | q0;
}

/* floor(sqrt(v)) for v >= 2^62, 32 bits, by digits; *rem gets v - root^2. */
static inline u32 sf_isqrt64(u64 v, u64 *rem)
{
    u64 root = 0, bit = BIT64(62);

    for (; bit; bit >>= 2) { /* no branch: they are not predictable */
        u64 t = root + bit, fits = 0 - (u64)(v >= t);
        v -= t & fits;
        root = (root >> 1) + (bit & fits);
    }
    *rem = v;
    return (u32)root;
}

/* ---- rounding */

/* rest: what is cut off, its weight relative to one unit, 2^63 being half of it */
NB_INLINE bool sf_rounds_up(unsigned rc, bool sign, u64 rest, bool odd)
{
    switch (rc) {
    case SF_NEAR: return rest > SF_TOP || (rest == SF_TOP && odd);
    case SF_DOWN: return sign && rest;
    case SF_UP: return !sign && rest;
    default: return false;
    }
}

/* Largest number or infinity? */
NB_INLINE bool sf_overflows_to_inf(unsigned rc, bool sign)
{
    return rc == SF_NEAR || rc == (sign ? SF_DOWN : SF_UP);
}

/* Cuts hi:lo down to f.bits; *carry: it became 1.000 with the next exponent. */
NB_INLINE u64 sf_cut(const struct sf *s, struct sf_format f, bool sign, u64 hi, u64 lo,
                     bool *inexact, bool *up, bool *carry)
{
    u64 unit = BIT64(64 - f.bits);
    u64 rest = f.bits == 64 ? lo : hi << (f.bits & 63) | (lo != 0);

    hi &= ~(unit - 1);
    *inexact = rest != 0;
    *up = sf_rounds_up(s->rc, sign, rest, hi & unit);
    *carry = false;
    if (*up) {
        hi += unit;
        if (unlikely(!hi)) {
            hi = SF_TOP;
            *carry = true;
        }
    }
    return hi;
}

/* Rounds a number that is too small for the format. Returns the significand, *exp the field. */
static NB_NOINLINE NB_UNUSED u64 sf_round_tiny(struct sf *s, struct sf_format f, struct sf_wide w,
                                               i32 *field)
{
    bool inexact, up, carry;
    u64 hi = w.hi, lo = w.lo;
    u64 sig = sf_cut(s, f, w.sign, hi, lo, &inexact, &up, &carry);
    bool tiny = w.exp < f.emin - 1 || !carry;

    if (tiny && !(s->masks & SF_UE)) {
        s->flags |= SF_UE | (inexact ? SF_PE : 0);
        s->up = up;
        *field = w.exp + carry + SF_WRAP + 1 - f.emin; /* for f32, f64: nothing that is looked at */
        return sig;
    }
    if (tiny && s->ftz && !f.wraps) {
        s->flags |= SF_UE | SF_PE;
        *field = 0;
        return 0;
    }
    hi = sf_shr_sticky(hi, lo, (u32)(f.emin - w.exp), &lo);
    sig = sf_cut(s, f, w.sign, hi, lo, &inexact, &up, &carry);
    if (inexact)
        s->flags |= tiny ? SF_UE | SF_PE : SF_PE;
    s->up = up;
    *field = (i32)(sig >> 63);
    return sig;
}

/* Rounds to the format. *field gets the exponent as the format has it: 0 for denormals and zero,
 * all ones for infinity. */
NB_INLINE u64 sf_round(struct sf *s, struct sf_format f, struct sf_wide w, i32 *field)
{
    bool inexact, up, carry;

    if (unlikely(w.exp < f.emin))
        return sf_round_tiny(s, f, w, field);
    u64 sig = sf_cut(s, f, w.sign, w.hi, w.lo, &inexact, &up, &carry);
    i32 exp = w.exp + carry;
    if (unlikely(exp > f.emax)) {
        s->flags |= SF_OE;
        if (s->masks & SF_OE) {
            s->flags |= SF_PE;
            s->up = sf_overflows_to_inf(s->rc, w.sign);
            *field = s->up ? f.emax + 1 - f.emin + 1 : f.emax - f.emin + 1;
            return s->up ? SF_TOP : ~(BIT64(64 - f.bits) - 1);
        }
        exp -= SF_WRAP;
    }
    if (inexact)
        s->flags |= SF_PE;
    s->up = up;
    *field = exp - f.emin + 1;
    return sig;
}

/* ---- operations on finite numbers that are not zero */

NB_INLINE struct sf_wide sf_wide_add(struct sf_num a, struct sf_num b)
{
    u64 lo;

    if (a.exp < b.exp || (a.exp == b.exp && a.sig < b.sig)) {
        struct sf_num t = a;
        a = b;
        b = t;
    }
    u64 small = sf_shr_sticky(b.sig, 0, (u32)(a.exp - b.exp), &lo);
    struct sf_wide w = { .exp = a.exp, .sign = a.sign };
    if (a.sign == b.sign) {
        w.hi = a.sig + small;
        w.lo = lo;
        if (w.hi < small) {
            w.lo = w.hi << 63 | lo >> 1 | (lo & 1);
            w.hi = SF_TOP | w.hi >> 1;
            w.exp++;
        }
        return w;
    }
    w.lo = 0 - lo;
    w.hi = a.sig - small - (lo != 0);
    if (likely(w.hi >> 63))
        return w;
    if (!w.hi) { /* equal, or all that is left is one guard bit of the operands' difference */
        w.hi = w.lo;
        w.lo = 0;
        w.exp -= 64;
        if (!w.hi)
            return w;
    }
    unsigned n = clz64(w.hi);
    if (n) {
        w.hi = w.hi << n | w.lo >> (64 - n);
        w.lo <<= n;
        w.exp -= (i32)n;
    }
    return w;
}

NB_INLINE struct sf_wide sf_wide_mul(struct sf_num a, struct sf_num b)
{
    struct sf_wide w = { .exp = a.exp + b.exp + 1, .sign = a.sign ^ b.sign };

    w.lo = mul64(a.sig, b.sig, &w.hi);
    if (!(w.hi >> 63)) {
        w.hi = w.hi << 1 | w.lo >> 63;
        w.lo <<= 1;
        w.exp--;
    }
    return w;
}

NB_INLINE struct sf_wide sf_wide_div(struct sf_num a, struct sf_num b)
{
    struct sf_wide w = { .exp = a.exp - b.exp, .sign = a.sign ^ b.sign };
    u64 rem;

    if (a.sig < b.sig) {
        w.exp--;
        w.hi = sf_div128(a.sig, 0, b.sig, &rem);
    } else { /* quotient 1.f: its leading bit is known */
        u64 odd, q = sf_div128(a.sig - b.sig, 0, b.sig, &rem);

        odd = q & 1;
        w.hi = SF_TOP | q >> 1;
        w.lo = odd << 63 | (rem != 0);
        return w;
    }
    w.lo = rem > b.sig >> 1 || (rem == b.sig >> 1 && !(b.sig & 1)) ? SF_TOP : 0;
    w.lo |= rem != 0 && !(w.lo && rem << 1 == b.sig);
    return w;
}

/* Zimmermann's square root with remainder, one level: 32 bits by digits, 32 more by a division. */
NB_INLINE struct sf_wide sf_wide_sqrt(struct sf_num a)
{
    struct sf_wide w = { .exp = (a.exp - (a.exp & 1)) / 2, .sign = false };
    /* radicand in [2^126, 2^128): n:low */
    u64 n = a.exp & 1 ? a.sig : a.sig >> 1, low = a.exp & 1 ? 0 : a.sig << 63;
    u64 r1, s1 = sf_isqrt64(n, &r1);
    /* (r1 : upper half of low) / 2 s1; r1 <= 2 s1 has up to 33 bits, hence one bit is kept apart */
    u64 top = low >> 32, num = r1 << 31 | top >> 1, q = num / s1, u = num % s1;
    u64 root, q2hi, q2lo, rhi, rlo;

    if (q >> 32) { /* only q = 2^32: the root's lower half is all ones or carries */
        q--;
        u += s1;
    }
    root = (s1 << 32) + q;
    /* remainder: (u : a0) - q^2, with the bit that the halved division left */
    u = u << 1 | (top & 1);
    rhi = u >> 32;
    rlo = u << 32 | (low & 0xffffffff);
    q2lo = q * q;
    q2hi = 0;
    bool borrow = rlo < q2lo;
    rlo -= q2lo;
    rhi = rhi - q2hi - borrow;
    while (rhi >> 63) { /* one too large: add 2 root - 1 */
        u64 add = (root << 1) - 1, ahi = root >> 63;

        root--;
        rlo += add;
        rhi += ahi + (rlo < add);
    }
    w.hi = root;
    /* beyond root + 1/2 iff the remainder is above root; it is never on it */
    if (rhi || rlo > root)
        w.lo = SF_TOP | 1;
    else
        w.lo = rlo != 0;
    return w;
}

/* ---- operations; no operand is a NaN, or an encoding that is none */

/* Records a denormal operand. false: it is not masked, nothing more is looked at. */
NB_INLINE bool sf_denormal(struct sf *s, bool found)
{
    if (likely(!found))
        return true;
    s->flags |= SF_DE;
    return s->masks & SF_DE;
}
NB_INLINE enum sf_kind sf_invalid(struct sf *s)
{
    s->flags |= SF_IE;
    return SF_K_DEFAULT;
}

NB_INLINE enum sf_kind sf_add(struct sf *s, struct sf_num a, struct sf_num b, struct sf_wide *w)
{
    if (a.cls == SF_CL_INF && b.cls == SF_CL_INF && a.sign != b.sign)
        return sf_invalid(s);
    w->sign = a.sign;
    if (unlikely(!sf_denormal(s, a.denormal | b.denormal)))
        return SF_K_ZERO;
    if (likely(a.cls == SF_CL_FINITE && b.cls == SF_CL_FINITE)) {
        *w = sf_wide_add(a, b);
        if (likely(w->hi))
            return SF_K_NUMBER;
        w->sign = s->rc == SF_DOWN;
        return SF_K_ZERO;
    }
    if (a.cls == SF_CL_INF)
        return SF_K_INF;
    if (b.cls == SF_CL_INF) {
        w->sign = b.sign;
        return SF_K_INF;
    }
    if (a.cls == SF_CL_ZERO && b.cls == SF_CL_ZERO) {
        w->sign = a.sign == b.sign ? a.sign : s->rc == SF_DOWN;
        return SF_K_ZERO;
    }
    if (a.cls == SF_CL_ZERO)
        a = b;
    *w = (struct sf_wide){ .hi = a.sig, .exp = a.exp, .sign = a.sign };
    return SF_K_NUMBER;
}

NB_INLINE enum sf_kind sf_mul(struct sf *s, struct sf_num a, struct sf_num b, struct sf_wide *w)
{
    if (likely(a.cls == SF_CL_FINITE && b.cls == SF_CL_FINITE)) {
        *w = sf_wide_mul(a, b);
        return likely(sf_denormal(s, a.denormal | b.denormal)) ? SF_K_NUMBER : SF_K_ZERO;
    }
    w->sign = a.sign ^ b.sign;
    if (a.cls == SF_CL_INF || b.cls == SF_CL_INF) {
        if (a.cls == SF_CL_ZERO || b.cls == SF_CL_ZERO)
            return sf_invalid(s);
        sf_denormal(s, a.denormal | b.denormal);
        return SF_K_INF;
    }
    sf_denormal(s, a.denormal | b.denormal);
    return SF_K_ZERO;
}

NB_INLINE enum sf_kind sf_div(struct sf *s, struct sf_num a, struct sf_num b, struct sf_wide *w)
{
    if (likely(a.cls == SF_CL_FINITE && b.cls == SF_CL_FINITE)) {
        *w = sf_wide_div(a, b);
        return likely(sf_denormal(s, a.denormal | b.denormal)) ? SF_K_NUMBER : SF_K_ZERO;
    }
    w->sign = a.sign ^ b.sign;
    if (a.cls == b.cls)
        return sf_invalid(s); /* 0/0, inf/inf */
    if (b.cls == SF_CL_ZERO && a.cls == SF_CL_FINITE) { /* goes before a denormal operand */
        s->flags |= SF_ZE;
        return SF_K_INF;
    }
    sf_denormal(s, a.denormal | b.denormal);
    return a.cls == SF_CL_INF || b.cls == SF_CL_ZERO ? SF_K_INF : SF_K_ZERO;
}

NB_INLINE enum sf_kind sf_sqrt(struct sf *s, struct sf_num a, struct sf_wide *w)
{
    w->sign = a.sign;
    if (a.cls == SF_CL_ZERO)
        return SF_K_ZERO;
    if (a.sign)
        return sf_invalid(s);
    if (a.cls == SF_CL_INF)
        return SF_K_INF;
    if (!sf_denormal(s, a.denormal))
        return SF_K_ZERO;
    *w = sf_wide_sqrt(a);
    return SF_K_NUMBER;
}

/* Neither is a NaN. */
NB_INLINE enum sf_order sf_order(struct sf_num a, struct sf_num b)
{
    enum sf_order o;

    if (a.cls == SF_CL_ZERO && b.cls == SF_CL_ZERO)
        return SF_EQUAL;
    if (a.cls == SF_CL_ZERO)
        return b.sign ? SF_GREATER : SF_LESS;
    if (b.cls == SF_CL_ZERO || a.sign != b.sign)
        return a.sign ? SF_LESS : SF_GREATER;
    if (a.cls != b.cls)
        o = a.cls == SF_CL_INF ? SF_GREATER : SF_LESS;
    else if (a.cls == SF_CL_INF)
        return SF_EQUAL;
    else if (a.exp != b.exp)
        o = a.exp > b.exp ? SF_GREATER : SF_LESS;
    else if (a.sig != b.sig)
        o = a.sig > b.sig ? SF_GREATER : SF_LESS;
    else
        return SF_EQUAL;
    return a.sign ? SF_GREATER + SF_LESS - o : o;
}

/* |a| as an integer, rounded; *big: 2^64 or more. Flags are the caller's: *inexact. */
NB_INLINE u64 sf_to_u64(struct sf_num a, unsigned rc, bool *big, bool *inexact, bool *up)
{
    u64 v, rest;

    *big = a.exp > 63;
    *inexact = *up = false;
    if (a.cls == SF_CL_ZERO || *big)
        return 0;
    v = sf_shr_sticky(a.sig, 0, (u32)(63 - a.exp), &rest);
    *inexact = rest != 0;
    *up = sf_rounds_up(rc, a.sign, rest, v & 1);
    if (*up)
        v++; /* a.exp == 63 leaves no rest */
    return v;
}

NB_INLINE struct sf_wide sf_wide_of_i64(i64 v)
{
    u64 u = v < 0 ? 0 - (u64)v : (u64)v;
    unsigned n = clz64(u);

    return (struct sf_wide){ .hi = u << n, .exp = 63 - (i32)n, .sign = v < 0 };
}

#endif
