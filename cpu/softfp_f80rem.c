/* SPDX-License-Identifier: MIT */
/* FPREM and FPREM1: exact remainders, by one division of 128 by 64 bits. Where the exponents differ
 * by 64 or more, a step takes off a multiple of the divisor that leaves the exponents between 0 and
 * 31 + 1 less apart than a multiple of 32, as the hardware does, and says that it is not done. */
#include "cpu/softfp_f80.h"

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
