/* SPDX-License-Identifier: MIT */
/* Extended double from and to the formats that the x87 has in memory. */
#include "cpu/softfp_f80.h"

struct f80 f80_from_f32(struct sf *s, u32 a)
{
    u32 e = a >> 23 & 0xff;
    u64 frac = (u64)(a & 0x7fffff) << 40;
    bool sign = a >> 31;

    if (likely(e - 1 < 0xfe))
        return f80_make(sign, e + 16383 - 127, SF_TOP | frac);
    if (e) {
        if (!frac)
            return f80_inf(sign);
        return f80_nan1(s, f80_make(sign, 0x7fff, SF_TOP | frac));
    }
    if (!frac)
        return f80_zero(sign);
    unsigned z = clz64(frac);
    s->flags |= SF_DE;
    return f80_make(sign, 16383 - 126 - z, frac << z);
}

struct f80 f80_from_f64(struct sf *s, u64 a)
{
    u32 e = a >> 52 & 0x7ff;
    u64 frac = a << 12 >> 1;
    bool sign = a >> 63;

    if (likely(e - 1 < 0x7fe))
        return f80_make(sign, e + 16383 - 1023, SF_TOP | frac);
    if (e) {
        if (!frac)
            return f80_inf(sign);
        return f80_nan1(s, f80_make(sign, 0x7fff, SF_TOP | frac));
    }
    if (!frac)
        return f80_zero(sign);
    unsigned z = clz64(frac);
    s->flags |= SF_DE;
    return f80_make(sign, 16383 - 1022 - z, frac << z);
}

struct f80 f80_from_i64(i64 v)
{
    if (!v)
        return f80_zero(false);
    struct sf_wide w = sf_wide_of_i64(v);
    return f80_make(w.sign, (u32)(w.exp + 16383), w.hi);
}

/* An unmasked overflow or underflow keeps a store from memory: nothing has been rounded then. */
NB_INLINE void stored(struct sf *s)
{
    if (unlikely(s->flags & ~s->masks & (SF_OE | SF_UE))) {
        s->flags &= (u8)~SF_PE;
        s->up = false;
    }
}

/* A denormal operand is no exception of a store. */
u32 f80_to_f32(struct sf *s, struct f80 a)
{
    struct sf_num n = f80_num(a);
    struct sf_wide w = { .hi = n.sig, .exp = n.exp, .sign = n.sign };
    u32 sign = (u32)n.sign << 31;
    i32 field;

    switch (n.cls) {
    case SF_CL_FINITE: {
        u64 sig = sf_round(s, SF_F32, w, &field);
        stored(s);
        return sign | (u32)field << 23 | ((u32)(sig >> 40) & 0x7fffff);
    }
    case SF_CL_ZERO: return sign;
    case SF_CL_INF: return sign | 0x7f800000;
    default:
        a = f80_nan1(s, a);
        return (u32)(a.se >> 15) << 31 | 0x7f800000 | ((u32)(a.sig >> 40) & 0x7fffff);
    }
}

u64 f80_to_f64(struct sf *s, struct f80 a)
{
    struct sf_num n = f80_num(a);
    struct sf_wide w = { .hi = n.sig, .exp = n.exp, .sign = n.sign };
    u64 sign = (u64)n.sign << 63;
    i32 field;

    switch (n.cls) {
    case SF_CL_FINITE: {
        u64 sig = sf_round(s, SF_F64, w, &field);
        stored(s);
        return sign | (u64)(u32)field << 52 | (sig >> 11 & 0xfffffffffffff);
    }
    case SF_CL_ZERO: return sign;
    case SF_CL_INF: return sign | 0x7ff0000000000000;
    default:
        a = f80_nan1(s, a);
        return (u64)(a.se >> 15) << 63 | 0x7ff0000000000000 | (a.sig >> 11 & 0xfffffffffffff);
    }
}

/* |a| rounded, at most max; false and invalid where it is none. */
static bool rounded(struct sf *s, struct sf_num n, u64 max, u64 *v)
{
    bool big = true, inexact = false, up = false;

    *v = n.cls <= SF_CL_FINITE ? sf_to_u64(n, s->rc, &big, &inexact, &up) : 0;
    if (big || *v > max) {
        s->flags |= SF_IE;
        return false;
    }
    if (inexact)
        s->flags |= SF_PE;
    s->up = up;
    return true;
}

i64 f80_to_int(struct sf *s, struct f80 a, unsigned bits)
{
    struct sf_num n = f80_num(a);
    u64 v, min = BIT64(bits - 1);

    if (n.cls == SF_CL_INF)
        n.cls = SF_CL_BAD;
    if (!rounded(s, n, min - !n.sign, &v))
        return -(i64)(min - 1) - 1;
    return n.sign ? (i64)(0 - v) : (i64)v;
}

/* Digits above 9 count for what they are: 10 to 15. */
struct f80 f80_from_bcd(const u8 v[10])
{
    u64 n = 0;

    for (unsigned k = 9; k--;)
        n = n * 100 + (v[k] >> 4) * 10u + (v[k] & 15);
    struct f80 r = f80_from_i64((i64)n);
    r.se |= (u16)((v[9] & 0x80) << 8);
    return r;
}

void f80_to_bcd(struct sf *s, struct f80 a, u8 v[10])
{
    struct sf_num n = f80_num(a);
    u64 d;

    memset(v, 0, 10);
    if (!rounded(s, n, 999999999999999999, &d)) {
        v[7] = 0xc0;
        v[8] = v[9] = 0xff;
        return;
    }
    for (unsigned k = 0; k < 9; k++) {
        unsigned pair = (unsigned)(d % 100);
        v[k] = (u8)(pair / 10 << 4 | pair % 10);
        d /= 100;
    }
    v[9] = n.sign ? 0x80 : 0;
}
