/* SPDX-License-Identifier: MIT */
/* Extended double: arithmetic, comparison, rounding to an integer, scaling, taking apart and
 * remainders, as the x87 does them: see softfp.h. */
#include "cpu/softfp_f80.h"

NB_INLINE struct f80 binary(struct sf *s, struct f80 a, struct f80 b, bool negate_b,
                            enum sf_kind (*op)(struct sf *, struct sf_num, struct sf_num,
                                               struct sf_wide *))
{
    struct sf_num na = f80_num(a), nb = f80_num(b);
    struct sf_wide w = { 0 };

    if (unlikely(na.cls >= SF_CL_NAN || nb.cls >= SF_CL_NAN))
        return f80_nan(s, a, b);
    nb.sign ^= negate_b;
    enum sf_kind k = op(s, na, nb, &w);
    return f80_pack(s, s->bits, k, w);
}

struct f80 f80_add(struct sf *s, struct f80 a, struct f80 b)
{
    return binary(s, a, b, false, sf_add);
}

struct f80 f80_sub(struct sf *s, struct f80 a, struct f80 b)
{
    return binary(s, a, b, true, sf_add);
}

struct f80 f80_mul(struct sf *s, struct f80 a, struct f80 b)
{
    return binary(s, a, b, false, sf_mul);
}

struct f80 f80_div(struct sf *s, struct f80 a, struct f80 b)
{
    return binary(s, a, b, false, sf_div);
}

struct f80 f80_sqrt(struct sf *s, struct f80 a)
{
    struct sf_num n = f80_num(a);
    struct sf_wide w = { 0 };

    if (n.cls >= SF_CL_NAN)
        return f80_nan1(s, a);
    enum sf_kind k = sf_sqrt(s, n, &w);
    return f80_pack(s, s->bits, k, w);
}

enum sf_order f80_compare(struct sf *s, struct f80 a, struct f80 b, bool quiet)
{
    struct sf_num na = f80_num(a), nb = f80_num(b);

    if (unlikely(na.cls >= SF_CL_NAN || nb.cls >= SF_CL_NAN)) {
        f80_nan(s, a, b); /* for its flag */
        if (!quiet)
            s->flags |= SF_IE;
        return SF_UNORDERED;
    }
    sf_denormal(s, na.denormal | nb.denormal);
    return sf_order(na, nb);
}

struct f80 f80_rint(struct sf *s, struct f80 a)
{
    struct sf_num n = f80_num(a);
    bool big, inexact;

    if (n.cls >= SF_CL_NAN)
        return f80_nan1(s, a);
    if (n.cls != SF_CL_FINITE || n.exp >= 63 || !sf_denormal(s, n.denormal))
        return a;
    u64 v = sf_to_u64(n, s->rc, &big, &inexact, &s->up);
    if (inexact)
        s->flags |= SF_PE;
    if (!v)
        return f80_zero(n.sign);
    unsigned z = clz64(v);
    return f80_make(n.sign, 16383 + 63 - z, v << z);
}

/* a * 2^trunc(b). What is out of the format even with its exponent off by 24576 becomes zero or
 * infinity, although the exception is unmasked. */
struct f80 f80_scale(struct sf *s, struct f80 a, struct f80 b)
{
    struct sf_num na = f80_num(a), nb = f80_num(b);
    bool big, inexact, up;

    if (na.cls >= SF_CL_NAN || nb.cls >= SF_CL_NAN)
        return f80_nan(s, a, b);
    if (nb.cls == SF_CL_INF && na.cls == (nb.sign ? SF_CL_INF : SF_CL_ZERO)) {
        s->flags |= SF_IE;
        return f80_indefinite();
    }
    if (!sf_denormal(s, na.denormal | nb.denormal))
        return a;
    if (na.cls != SF_CL_FINITE)
        return a;
    if (nb.cls == SF_CL_INF)
        return nb.sign ? f80_zero(na.sign) : f80_inf(na.sign);
    u64 v = sf_to_u64(nb, SF_ZERO, &big, &inexact, &up);
    i32 by = big || v > 0x10000 ? 0x10000 : (i32)v;
    struct sf_wide w = { .hi = na.sig, .exp = na.exp + (nb.sign ? -by : by), .sign = na.sign };
    if (w.exp + SF_WRAP < -16382 && !(s->masks & SF_UE)) {
        s->flags |= SF_UE | SF_PE;
        return f80_zero(w.sign);
    }
    if (w.exp - SF_WRAP > 16383 && !(s->masks & SF_OE)) {
        s->flags |= SF_OE | SF_PE;
        s->up = true;
        return f80_inf(w.sign);
    }
    return f80_round(s, 64, w);
}

struct f80 f80_xtract(struct sf *s, struct f80 a, struct f80 *sig)
{
    struct sf_num n = f80_num(a);

    *sig = a;
    if (n.cls >= SF_CL_NAN)
        return *sig = f80_nan1(s, a);
    if (n.cls == SF_CL_ZERO) {
        s->flags |= SF_ZE;
        return f80_inf(true);
    }
    if (n.cls == SF_CL_INF)
        return f80_inf(false);
    sf_denormal(s, n.denormal);
    *sig = f80_make(n.sign, 16383, n.sig);
    return f80_from_i64(n.exp);
}

/* ---- FPREM and FPREM1: exact remainders, by one division of 128 by 64 bits. Where the exponents are
 * d >= 64 apart, a step takes off a multiple of the divisor times 2^(d - n), n = 32 + d mod 32, as
 * the hardware does, and says that it is not done. */

struct f80 f80_rem(struct sf *s, struct f80 a, struct f80 b, bool near, unsigned *quotient)
{
    struct sf_num na = f80_num(a), nb = f80_num(b);
    u64 q = 0, r = na.sig;
    bool sign = na.sign;

    *quotient = 0;
    if (na.cls >= SF_CL_NAN || nb.cls >= SF_CL_NAN)
        return f80_nan(s, a, b);
    if (na.cls == SF_CL_INF || nb.cls == SF_CL_ZERO) {
        s->flags |= SF_IE;
        return f80_indefinite();
    }
    if (!sf_denormal(s, na.denormal | nb.denormal) || na.cls == SF_CL_ZERO)
        return a;
    i32 d = na.exp - nb.exp, exp = nb.exp;
    if (nb.cls == SF_CL_INF || d < -1 || (d < 0 && !near)) {
        exp = na.exp;
    } else if (d < 0) { /* between a quarter of b and b: the nearest quotient is 0 or 1 */
        if (na.sig > nb.sig) {
            /* b - a, in units of a's last place */
            r = (nb.sig << 1) - na.sig;
            q = 1;
            sign = !sign;
        }
        exp = na.exp;
    } else {
        i32 left = 0;
        if (d >= 64) {
            i32 n = (d & 31) | 32;
            left = d - n;
            d = n;
        }
        if (d == 0) {
            q = na.sig >= nb.sig;
            r = q ? na.sig - nb.sig : na.sig;
        } else {
            q = sf_div128(na.sig >> (64 - d), na.sig << d, nb.sig, &r);
        }
        exp += left;
        if (left) {
            *quotient = SF_PARTIAL;
        } else if (near && (r > nb.sig - r || (r == nb.sig - r && (q & 1)))) {
            r = nb.sig - r;
            q++;
            sign = !sign;
        }
    }
    if (*quotient != SF_PARTIAL)
        *quotient = q & 7;
    if (!r)
        return f80_zero(na.sign);
    unsigned z = clz64(r);
    return f80_round(s, 64, (struct sf_wide){ .hi = r << z, .exp = exp - (i32)z, .sign = sign });
}
