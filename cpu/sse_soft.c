/* SPDX-License-Identifier: MIT */
/* The operations of sse.h in integers, for any host, over softfp.h: lane by lane, the flags of all
 * lanes together. SDM 1, 11.5.2 and 11.5.3: with an exception that is found before the computation
 * and is not masked, in whatever lane, nothing is computed in any.
 *
 * RCP and RSQRT (SDM 2B: |relative error| <= 1.5 * 2^-12) are, by our own rule, the reciprocal
 * (square root) of the middle of that interval of 2^-12 (relative to the power of two below) in
 * which the operand lies, rounded to 12 fraction bits: |relative error| < 2^-12. Denormal operands
 * are zeros, denormal results zeros. */
#include "cpu/softfp.h"
#include "cpu/sse.h"

/* ---- lanes */

static u32 settled(u32 mxcsr, u32 flags)
{
    return flags & ~(mxcsr >> 7) & SF_PRE ? flags & SF_PRE : flags;
}

/* r[n] = EXPR of lanes a[n], b[n] and of s, for lanes n */
#define SOFT_(name, RT, AT, BT, lanes, EXPR) \
static u32 soft_##name(u32 mxcsr, void *out, const void *pa, const void *pb) \
{ \
    RT r[lanes]; \
    AT a[lanes]; \
    BT b[lanes]; \
    u32 flags = 0; \
\
    memcpy(a, pa, sizeof(a)); \
    memcpy(b, pb, sizeof(b)); \
    for (unsigned n = 0; n < (lanes); n++) { \
        struct sf s = sf_of_mxcsr(mxcsr); \
        r[n] = (RT)(EXPR); \
        flags |= s.flags; \
    } \
    memcpy(out, r, sizeof(r)); \
    return settled(mxcsr, flags); \
}
/* of one operand */
#define SOFT1_(name, RT, BT, lanes, EXPR) \
static u32 soft_##name(u32 mxcsr, void *out, const void *pa, const void *pb) \
{ \
    RT r[lanes]; \
    BT b[lanes]; \
    u32 flags = 0; \
\
    (void)pa; \
    memcpy(b, pb, sizeof(b)); \
    for (unsigned n = 0; n < (lanes); n++) { \
        struct sf s = sf_of_mxcsr(mxcsr); \
        r[n] = (RT)(EXPR); \
        flags |= s.flags; \
    } \
    memcpy(out, r, sizeof(r)); \
    return settled(mxcsr, flags); \
}

/* ---- arithmetic */

#define TWO_(name, k32, k64) \
    SOFT_(name##ps, u32, u32, u32, 4, k32(&s, a[n], b[n])) \
    SOFT_(name##ss, u32, u32, u32, 1, k32(&s, a[n], b[n])) \
    SOFT_(name##pd, u64, u64, u64, 2, k64(&s, a[n], b[n])) \
    SOFT_(name##sd, u64, u64, u64, 1, k64(&s, a[n], b[n]))
TWO_(add, f32_add, f64_add)
TWO_(mul, f32_mul, f64_mul)
TWO_(sub, f32_sub, f64_sub)
TWO_(div, f32_div, f64_div)

SOFT1_(sqrtps, u32, u32, 4, f32_sqrt(&s, b[n]))
SOFT1_(sqrtss, u32, u32, 1, f32_sqrt(&s, b[n]))
SOFT1_(sqrtpd, u64, u64, 2, f64_sqrt(&s, b[n]))
SOFT1_(sqrtsd, u64, u64, 1, f64_sqrt(&s, b[n]))

/* MIN and MAX: the second operand where one is a NaN (which is left as it is) or both are zeros.
 * Under DAZ, what comes out of a denormal is a zero. */
static u32 zeroed32(const struct sf *s, u32 v)
{
    return s->daz && f32_is_denormal(v) ? v & 0x80000000 : v;
}
static u64 zeroed64(const struct sf *s, u64 v)
{
    return s->daz && f64_is_denormal(v) ? v & 0x8000000000000000 : v;
}
static u32 extreme32(struct sf *s, u32 a, u32 b, enum sf_order want)
{
    return zeroed32(s, f32_compare(s, a, b, false) == want ? a : b);
}
static u64 extreme64(struct sf *s, u64 a, u64 b, enum sf_order want)
{
    return zeroed64(s, f64_compare(s, a, b, false) == want ? a : b);
}
#define MIN32_(s, a, b) extreme32(s, a, b, SF_LESS)
#define MIN64_(s, a, b) extreme64(s, a, b, SF_LESS)
#define MAX32_(s, a, b) extreme32(s, a, b, SF_GREATER)
#define MAX64_(s, a, b) extreme64(s, a, b, SF_GREATER)
TWO_(min, MIN32_, MIN64_)
TWO_(max, MAX32_, MAX64_)

/* SSE3: pairs of lanes */
#define PAIRS_(name, T, lanes, EXPR) \
static u32 soft_##name(u32 mxcsr, void *out, const void *pa, const void *pb) \
{ \
    T v[2 * (lanes)], r[lanes]; /* a's lanes, then b's */ \
    u32 flags = 0; \
\
    memcpy(v, pa, 16); \
    memcpy(v + (lanes), pb, 16); \
    for (unsigned n = 0; n < (lanes); n++) { \
        struct sf s = sf_of_mxcsr(mxcsr); \
        r[n] = EXPR; \
        flags |= s.flags; \
    } \
    memcpy(out, r, 16); \
    return settled(mxcsr, flags); \
}
PAIRS_(haddps, u32, 4, f32_add(&s, v[2 * n], v[2 * n + 1]))
PAIRS_(hsubps, u32, 4, f32_sub(&s, v[2 * n], v[2 * n + 1]))
PAIRS_(haddpd, u64, 2, f64_add(&s, v[2 * n], v[2 * n + 1]))
PAIRS_(hsubpd, u64, 2, f64_sub(&s, v[2 * n], v[2 * n + 1]))
PAIRS_(addsubps, u32, 4, (n & 1 ? f32_add : f32_sub)(&s, v[n], v[n + 4]))
PAIRS_(addsubpd, u64, 2, (n & 1 ? f64_add : f64_sub)(&s, v[n], v[n + 2]))

/* ---- comparisons: EQ LT LE UNORD NEQ NLT NLE ORD. Those by size are invalid for quiet NaNs. */

static bool holds(enum sf_order o, unsigned predicate)
{
    bool yes;

    switch (predicate & 3) {
    case 0: yes = o == SF_EQUAL; break;
    case 1: yes = o == SF_LESS; break;
    case 2: yes = o == SF_LESS || o == SF_EQUAL; break;
    default: yes = o == SF_UNORDERED; break;
    }
    return yes != (predicate >> 2 & 1);
}
static bool is_quiet(unsigned predicate)
{
    return (predicate & 3) == 0 || (predicate & 3) == 3;
}
#define CMP32_(p) (holds(f32_compare(&s, a[n], b[n], is_quiet(p)), p) ? ~0u : 0)
#define CMP64_(p) (holds(f64_compare(&s, a[n], b[n], is_quiet(p)), p) ? ~(u64)0 : 0)
#define CMP_(p) \
    SOFT_(cmpps_##p, u32, u32, u32, 4, CMP32_(p)) \
    SOFT_(cmpss_##p, u32, u32, u32, 1, CMP32_(p)) \
    SOFT_(cmppd_##p, u64, u64, u64, 2, CMP64_(p)) \
    SOFT_(cmpsd_##p, u64, u64, u64, 1, CMP64_(p))
CMP_(0)
CMP_(1)
CMP_(2)
CMP_(3)
CMP_(4)
CMP_(5)
CMP_(6)
CMP_(7)

static u32 eflags_of(enum sf_order o)
{
    switch (o) {
    case SF_LESS: return FL_CF;
    case SF_EQUAL: return FL_ZF;
    case SF_GREATER: return 0;
    default: return FL_ZF | FL_PF | FL_CF;
    }
}
SOFT_(comiss, u32, u32, u32, 1, eflags_of(f32_compare(&s, a[n], b[n], false)))
SOFT_(ucomiss, u32, u32, u32, 1, eflags_of(f32_compare(&s, a[n], b[n], true)))
SOFT_(comisd, u32, u64, u64, 1, eflags_of(f64_compare(&s, a[n], b[n], false)))
SOFT_(ucomisd, u32, u64, u64, 1, eflags_of(f64_compare(&s, a[n], b[n], true)))

/* ---- conversions */

SOFT1_(cvtps2pd, u64, u32, 2, f32_to_f64(&s, b[n]))
SOFT1_(cvtss2sd, u64, u32, 1, f32_to_f64(&s, b[n]))
SOFT1_(cvtsd2ss, u32, u64, 1, f64_to_f32(&s, b[n]))
SOFT1_(cvtdq2ps, u32, i32, 4, f32_from_i32(&s, b[n]))
SOFT1_(cvtpi2ps, u32, i32, 2, f32_from_i32(&s, b[n]))
SOFT1_(cvtsi2ss, u32, i32, 1, f32_from_i32(&s, b[n]))
SOFT1_(cvtdq2pd, u64, i32, 2, f64_from_i32(&s, b[n]))
SOFT1_(cvtsi2sd, u64, i32, 1, f64_from_i32(&s, b[n]))
SOFT1_(cvtps2dq, i32, u32, 4, f32_to_i32(&s, b[n], s.rc))
SOFT1_(cvttps2dq, i32, u32, 4, f32_to_i32(&s, b[n], SF_ZERO))
SOFT1_(cvtps2pi, i32, u32, 2, f32_to_i32(&s, b[n], s.rc))
SOFT1_(cvttps2pi, i32, u32, 2, f32_to_i32(&s, b[n], SF_ZERO))
SOFT1_(cvtss2si, i32, u32, 1, f32_to_i32(&s, b[n], s.rc))
SOFT1_(cvttss2si, i32, u32, 1, f32_to_i32(&s, b[n], SF_ZERO))
SOFT1_(cvtpd2pi, i32, u64, 2, f64_to_i32(&s, b[n], s.rc))
SOFT1_(cvttpd2pi, i32, u64, 2, f64_to_i32(&s, b[n], SF_ZERO))
SOFT1_(cvtsd2si, i32, u64, 1, f64_to_i32(&s, b[n], s.rc))
SOFT1_(cvttsd2si, i32, u64, 1, f64_to_i32(&s, b[n], SF_ZERO))
SOFT1_(cvtpd2ps_low, u32, u64, 2, f64_to_f32(&s, b[n]))

/* the upper half becomes zero */
#define WITH_ZEROS_(name, low) \
static u32 soft_##name(u32 mxcsr, void *out, const void *a, const void *b) \
{ \
    memset((u8 *)out + 8, 0, 8); \
    return soft_##low(mxcsr, out, a, b); \
}
WITH_ZEROS_(cvtpd2ps, cvtpd2ps_low)
WITH_ZEROS_(cvtpd2dq, cvtpd2pi)
WITH_ZEROS_(cvttpd2dq, cvttpd2pi)

/* ---- approximations */

/* n = 13 leading bits of the significand, so that the middle of its interval is (2n + 1) / 2^13 */
static u32 rcp32(u32 v)
{
    u32 sign = v & 0x80000000, e = v >> 23 & 0xff;

    if (e == 0)
        return sign | 0x7f800000;
    if (e == 255)
        return v & 0x7fffff ? f32_quiet(v) : sign;
    if (e >= 253) /* below 2^-126 */
        return sign;
    u32 middle = 2 * ((v & 0x7fffff) >> 11 | 0x1000) + 1;
    u32 r = ((1u << 26) + middle / 2) / middle; /* 4096..8191 */
    return sign | ((253 - e) << 23) | (r - 4096) << 11;
}

static u64 isqrt(u64 v)
{
    u64 r = 0;

    for (u64 bit = (u64)1 << 30; bit; bit >>= 1)
        if ((r + bit) * (r + bit) <= v)
            r += bit;
    return r;
}

static u32 rsqrt32(u32 v)
{
    u32 e = v >> 23 & 0xff;

    if (e == 255 && (v & 0x7fffff))
        return f32_quiet(v);
    if (e == 0)
        return (v & 0x80000000) | 0x7f800000;
    if (v >> 31)
        return (u32)F32_INDEFINITE;
    if (e == 255)
        return 0;
    /* operand = middle / 2^13 * 2^(e - 127), of which an odd power goes to the fraction */
    u32 middle = 2 * ((v & 0x7fffff) >> 11 | 0x1000) + 1;
    u32 odd = (e - 127) & 1;
    /* twice 2^13 / sqrt(fraction), so that it can be rounded; 4096..8192 then */
    u32 r = (u32)(isqrt(((u64)1 << (41 - odd)) / middle) + 1) / 2;
    return ((126 - ((i32)(e - 127 - odd) / 2)) << 23) + ((r - 4096) << 11);
}

#define APPROX_(name, K, lanes) \
static u32 soft_##name(u32 mxcsr, void *out, const void *a, const void *pb) \
{ \
    u32 b[lanes]; \
\
    (void)mxcsr; \
    (void)a; \
    memcpy(b, pb, sizeof(b)); \
    for (unsigned n = 0; n < (lanes); n++) \
        b[n] = K(b[n]); \
    memcpy(out, b, sizeof(b)); \
    return 0; \
}
APPROX_(rcpps, rcp32, 4)
APPROX_(rcpss, rcp32, 1)
APPROX_(rsqrtps, rsqrt32, 4)
APPROX_(rsqrtss, rsqrt32, 1)

sse_fn *const sse_soft[SSE_NUM] = {
#define X_(name, size) soft_##name,
    SSE_OPS(X_)
#undef X_
};
