/* SPDX-License-Identifier: MIT */
/* Single and double precision as the SSE units compute them: see softfp.h. Each operation takes
 * its operands apart, does the work that softfp_core.h shares between the formats, and packs the
 * rounded result. The two formats' functions come from one macro; what differs is above it. */
#include "cpu/softfp_core.h"

static NB_NOINLINE struct sf_num f32_odd(const struct sf *s, u32 a)
{
    struct sf_num n = { .sign = a >> 31 };
    u32 frac = a & 0x7fffff;

    if ((a >> 23 & 0xff) == 0xff) {
        n.cls = SF_CL_INF; /* NaNs have gone before */
    } else if (frac == 0 || s->daz) {
        n.cls = SF_CL_ZERO;
    } else {
        unsigned z = clz64(frac);
        n.cls = SF_CL_FINITE;
        n.denormal = true;
        n.sig = (u64)frac << z;
        n.exp = -126 + 40 - (i32)z;
    }
    return n;
}

static NB_NOINLINE struct sf_num f64_odd(const struct sf *s, u64 a)
{
    struct sf_num n = { .sign = a >> 63 };
    u64 frac = a & 0xfffffffffffff;

    if ((a >> 52 & 0x7ff) == 0x7ff) {
        n.cls = SF_CL_INF;
    } else if (frac == 0 || s->daz) {
        n.cls = SF_CL_ZERO;
    } else {
        unsigned z = clz64(frac);
        n.cls = SF_CL_FINITE;
        n.denormal = true;
        n.sig = frac << z;
        n.exp = -1022 + 11 - (i32)z;
    }
    return n;
}

NB_INLINE struct sf_num f32_num(const struct sf *s, u32 a)
{
    u32 e = a >> 23 & 0xff;

    if (unlikely(e - 1 >= 0xfe))
        return f32_odd(s, a);
    return (struct sf_num){ .sig = SF_TOP | (u64)(a & 0x7fffff) << 40, .exp = (i32)e - 127,
                            .cls = SF_CL_FINITE, .sign = a >> 31 };
}
NB_INLINE struct sf_num f64_num(const struct sf *s, u64 a)
{
    u32 e = a >> 52 & 0x7ff;

    if (unlikely(e - 1 >= 0x7fe))
        return f64_odd(s, a);
    return (struct sf_num){ .sig = SF_TOP | a << 11, .exp = (i32)e - 1023, .cls = SF_CL_FINITE,
                            .sign = a >> 63 };
}

NB_INLINE u32 f32_pack(struct sf *s, enum sf_kind k, struct sf_wide w)
{
    u32 sign = (u32)w.sign << 31;
    i32 field;

    switch (k) {
    case SF_K_NUMBER: {
        u64 sig = sf_round(s, SF_F32, w, &field);
        return sign | (u32)field << 23 | ((u32)(sig >> 40) & 0x7fffff);
    }
    case SF_K_ZERO: return sign;
    case SF_K_INF: return sign | 0x7f800000;
    default: return (u32)F32_INDEFINITE;
    }
}
NB_INLINE u64 f64_pack(struct sf *s, enum sf_kind k, struct sf_wide w)
{
    u64 sign = (u64)w.sign << 63;
    i32 field;

    switch (k) {
    case SF_K_NUMBER: {
        u64 sig = sf_round(s, SF_F64, w, &field);
        return sign | (u64)(u32)field << 52 | (sig >> 11 & 0xfffffffffffff);
    }
    case SF_K_ZERO: return sign;
    case SF_K_INF: return sign | 0x7ff0000000000000;
    default: return F64_INDEFINITE;
    }
}

/* The first operand if it is a NaN, else the second (SDM 1, table 4-7). */
#define SSE_OPS_(pre, type) \
static NB_NOINLINE type pre##_nan(struct sf *s, type a, type b) \
{ \
    if (pre##_is_snan(a) || pre##_is_snan(b)) \
        s->flags |= SF_IE; \
    return pre##_quiet(pre##_is_nan(a) ? a : b); \
} \
NB_INLINE type pre##_binary(struct sf *s, type a, type b, type flip, \
                            enum sf_kind (*op)(struct sf *, struct sf_num, struct sf_num, \
                                               struct sf_wide *)) \
{ \
    struct sf_wide w = { 0 }; \
    if (unlikely(pre##_is_nan(a) || pre##_is_nan(b))) \
        return pre##_nan(s, a, b); \
    enum sf_kind k = op(s, pre##_num(s, a), pre##_num(s, b ^ flip), &w); \
    return pre##_pack(s, k, w); \
} \
type pre##_add(struct sf *s, type a, type b) \
{ \
    return pre##_binary(s, a, b, 0, sf_add); \
} \
type pre##_sub(struct sf *s, type a, type b) \
{ \
    return pre##_binary(s, a, b, (type)1 << (8 * sizeof(type) - 1), sf_add); \
} \
type pre##_mul(struct sf *s, type a, type b) \
{ \
    return pre##_binary(s, a, b, 0, sf_mul); \
} \
type pre##_div(struct sf *s, type a, type b) \
{ \
    return pre##_binary(s, a, b, 0, sf_div); \
} \
type pre##_sqrt(struct sf *s, type a) \
{ \
    struct sf_wide w = { 0 }; \
    if (unlikely(pre##_is_nan(a))) \
        return pre##_nan(s, a, a); \
    enum sf_kind k = sf_sqrt(s, pre##_num(s, a), &w); \
    return pre##_pack(s, k, w); \
} \
enum sf_order pre##_compare(struct sf *s, type a, type b, bool quiet) \
{ \
    if (unlikely(pre##_is_nan(a) || pre##_is_nan(b))) { \
        if (!quiet || pre##_is_snan(a) || pre##_is_snan(b)) \
            s->flags |= SF_IE; \
        return SF_UNORDERED; \
    } \
    struct sf_num na = pre##_num(s, a), nb = pre##_num(s, b); \
    sf_denormal(s, na.denormal | nb.denormal); \
    return sf_order(na, nb); \
} \
i32 pre##_to_i32(struct sf *s, type a, enum sf_rounding rc) \
{ \
    if (pre##_is_nan(a)) \
        return (i32)int_of(s, (struct sf_num){ .cls = SF_CL_NAN }, rc, 32); \
    return (i32)int_of(s, pre##_num(s, a), rc, 32); \
} \
i64 pre##_to_i64(struct sf *s, type a, enum sf_rounding rc) \
{ \
    if (pre##_is_nan(a)) \
        return int_of(s, (struct sf_num){ .cls = SF_CL_NAN }, rc, 64); \
    return int_of(s, pre##_num(s, a), rc, 64); \
} \
type pre##_from_i64(struct sf *s, i64 v) \
{ \
    return v ? pre##_pack(s, SF_K_NUMBER, sf_wide_of_i64(v)) : 0; \
} \
type pre##_from_i32(struct sf *s, i32 v) \
{ \
    return pre##_from_i64(s, v); \
}

static i64 int_of(struct sf *s, struct sf_num n, enum sf_rounding rc, unsigned bits)
{
    bool big = true, inexact = false, up;
    u64 v = n.cls <= SF_CL_FINITE ? sf_to_u64(n, rc, &big, &inexact, &up) : 0;
    u64 min = BIT64(bits - 1);

    if (big || v > min - !n.sign) {
        s->flags |= SF_IE;
        return -(i64)(min - 1) - 1;
    }
    if (inexact)
        s->flags |= SF_PE;
    return n.sign ? (i64)(0 - v) : (i64)v;
}

SSE_OPS_(f32, u32)
SSE_OPS_(f64, u64)

/* ---- between the two */

u64 f32_to_f64(struct sf *s, u32 a)
{
    if (unlikely(f32_is_nan(a))) {
        if (f32_is_snan(a))
            s->flags |= SF_IE;
        return (u64)(a & 0x80000000) << 32 | 0x7ff8000000000000 | (u64)(a & 0x7fffff) << 29;
    }
    struct sf_num n = f32_num(s, a);
    struct sf_wide w = { .hi = n.sig, .exp = n.exp, .sign = n.sign };
    sf_denormal(s, n.denormal);
    return f64_pack(s, n.cls == SF_CL_FINITE ? SF_K_NUMBER
                       : n.cls == SF_CL_INF  ? SF_K_INF : SF_K_ZERO, w);
}

u32 f64_to_f32(struct sf *s, u64 a)
{
    if (unlikely(f64_is_nan(a))) {
        if (f64_is_snan(a))
            s->flags |= SF_IE;
        return (u32)(a >> 32 & 0x80000000) | 0x7fc00000 | (u32)(a >> 29 & 0x7fffff);
    }
    struct sf_num n = f64_num(s, a);
    struct sf_wide w = { .hi = n.sig, .exp = n.exp, .sign = n.sign };
    if (!sf_denormal(s, n.denormal))
        return 0;
    return f32_pack(s, n.cls == SF_CL_FINITE ? SF_K_NUMBER
                       : n.cls == SF_CL_INF  ? SF_K_INF : SF_K_ZERO, w);
}
