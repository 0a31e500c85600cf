/* SPDX-License-Identifier: MIT */
/* struct fpu_ops on the portable floating point: what x87_host.c takes from the host's unit, in
 * integers. The transcendental functions are in x87_trig.c and x87_log.c. No flags stick here. */
#include "cpu/softfp_f80.h"
#include "cpu/x87_soft.h"

/* ---- two operands, and each type that the second can have in memory */

NB_INLINE struct f80 get_st(struct sf *s, const void *p)
{
    (void)s;
    return f80_ld(p);
}
NB_INLINE struct f80 get_f32(struct sf *s, const void *p) { return f80_from_f32(s, ld32(p)); }
NB_INLINE struct f80 get_f64(struct sf *s, const void *p) { return f80_from_f64(s, ld64(p)); }
NB_INLINE struct f80 get_i16(struct sf *s, const void *p)
{
    (void)s;
    return f80_from_i64((i16)ld16(p));
}
NB_INLINE struct f80 get_i32(struct sf *s, const void *p)
{
    (void)s;
    return f80_from_i64((i32)ld32(p));
}

static struct f80 op_subr(struct sf *s, struct f80 a, struct f80 b) { return f80_sub(s, b, a); }
static struct f80 op_divr(struct sf *s, struct f80 a, struct f80 b) { return f80_div(s, b, a); }

/* A denormal or signalling operand in memory counts when the operation meets it: what its
 * conversion found is found before the operation. An unmasked one ends it there. But then, a NaN
 * or another invalid operand goes before a denormal one. */
NB_INLINE struct f80 with_mem(struct sf *s, struct f80 a, struct f80 b,
                              struct f80 (*op)(struct sf *, struct f80, struct f80))
{
    struct sf_num na = f80_num(a);

    if (likely(!s->flags))
        return op(s, a, b);
    if (s->flags & SF_IE) { /* b was a signalling NaN: its being quiet now must not count */
        b.sig &= ~BIT64(62);
        return op(s, a, b);
    }
    struct sf quiet = *s;
    quiet.flags = 0;
    struct f80 r = op(&quiet, a, b);
    bool first = quiet.flags & (SF_IE | SF_ZE) || na.cls >= SF_CL_NAN;
    if (!first && !(s->masks & SF_DE))
        return a; /* DE and no more */
    s->flags = quiet.flags | (first ? 0 : SF_DE);
    s->up = quiet.up;
    return r;
}

#define ARITH_(name, op, type) \
    static u32 name##_##type(u16 cw, void *out, const void *a, const void *b) \
    { \
        struct sf s = soft_begin(cw); \
        struct f80 v = get_##type(&s, b); \
        f80_st(out, with_mem(&s, f80_ld(a), v, op)); \
        return soft_end(&s); \
    }
#define ARITH5_(name, op) \
    ARITH_(name, op, st) ARITH_(name, op, f32) ARITH_(name, op, f64) ARITH_(name, op, i16) \
    ARITH_(name, op, i32)
ARITH5_(add, f80_add)
ARITH5_(mul, f80_mul)
ARITH5_(sub, f80_sub)
ARITH5_(subr, op_subr)
ARITH5_(div, f80_div)
ARITH5_(divr, op_divr)

/* ---- comparisons */

static u32 order_codes(enum sf_order o)
{
    switch (o) {
    case SF_LESS: return SW_C0;
    case SF_EQUAL: return SW_C3;
    case SF_GREATER: return 0;
    default: return SW_C0 | SW_C2 | SW_C3;
    }
}

static u32 compared(struct sf *s, struct f80 a, struct f80 b, bool quiet)
{
    u8 before = s->flags;

    s->flags = 0;
    enum sf_order o = f80_compare(s, a, b, quiet);
    /* a denormal in memory is none any more, but counts where there is no NaN */
    if (o != SF_UNORDERED)
        s->flags |= before;
    return order_codes(o) | s->flags;
}

#define COM_(type) \
    static u32 com_##type(u16 cw, void *out, const void *a, const void *b) \
    { \
        struct sf s = soft_begin(cw); \
        struct f80 v = get_##type(&s, b); \
        (void)out; \
        return compared(&s, f80_ld(a), v, false); \
    }
COM_(st) COM_(f32) COM_(f64) COM_(i16) COM_(i32)

static u32 ucom(u16 cw, void *out, const void *a, const void *b)
{
    struct sf s = soft_begin(cw);

    (void)out;
    return compared(&s, f80_ld(a), f80_ld(b), true);
}

static u32 tst(u16 cw, void *out, const void *a, const void *b)
{
    struct sf s = soft_begin(cw);

    (void)out;
    (void)b;
    return compared(&s, f80_ld(a), f80_zero(false), false);
}

/* ---- loads, stores, constants */

#define LOAD_(type, value) \
    static u32 load_##type(u16 cw, void *out, const void *a, const void *b) \
    { \
        struct sf s = soft_begin(cw); \
        (void)a; \
        f80_st(out, value); \
        return soft_end(&s); \
    }
LOAD_(f32, get_f32(&s, b))
LOAD_(f64, get_f64(&s, b))
LOAD_(i16, get_i16(&s, b))
LOAD_(i32, get_i32(&s, b))
LOAD_(i64, f80_from_i64((i64)ld64(b)))
LOAD_(bcd, f80_from_bcd(b))

#define STORE_(type, put) \
    static u32 store_##type(u16 cw, void *out, const void *a, const void *b) \
    { \
        struct sf s = soft_begin(cw); \
        struct f80 v = f80_ld(a); \
        (void)b; \
        put; \
        return soft_end(&s); \
    }
STORE_(f32, st32(out, f80_to_f32(&s, v)))
STORE_(f64, st64(out, f80_to_f64(&s, v)))
STORE_(i16, st16(out, (u16)f80_to_int(&s, v, 16)))
STORE_(i32, st32(out, (u32)f80_to_int(&s, v, 32)))
STORE_(i64, st64(out, (u64)f80_to_int(&s, v, 64)))
STORE_(bcd, f80_to_bcd(&s, v, out))

/* Rounded as CW says; the hardware has a few bits more than 64 of each, and these are 128. */
#define CONSTANT_(name, expo, high, low) \
    static u32 name(u16 cw, void *out, const void *a, const void *b) \
    { \
        struct sf s = soft_begin(cw); \
        (void)a; \
        (void)b; \
        f80_st(out, f80_round(&s, 64, (struct sf_wide){ .hi = high, .lo = low, .exp = expo })); \
        return 0; \
    }
CONSTANT_(fld1, 0, 0x8000000000000000, 0)
CONSTANT_(fldl2t, 1, 0xd49a784bcd1b8afe, 0x492bf6ff4dafdb4d)
CONSTANT_(fldl2e, 0, 0xb8aa3b295c17f0bb, 0xbe87fed0691d3e89)
CONSTANT_(fldpi, 1, 0xc90fdaa22168c234, 0xc4c6628b80dc1cd1)
CONSTANT_(fldlg2, -2, 0x9a209a84fbcff798, 0x8f8959ac0b7c9178)
CONSTANT_(fldln2, -1, 0xb17217f7d1cf79ab, 0xc9e3b39803f2f6af)

static u32 fldz(u16 cw, void *out, const void *a, const void *b)
{
    (void)cw;
    (void)a;
    (void)b;
    f80_st(out, f80_zero(false));
    return 0;
}

/* ---- one operand */

#define UNARY_(name, op) \
    static u32 name(u16 cw, void *out, const void *a, const void *b) \
    { \
        struct sf s = soft_begin(cw); \
        (void)b; \
        f80_st(out, op(&s, f80_ld(a))); \
        return soft_end(&s); \
    }
UNARY_(fsqrt, f80_sqrt)
UNARY_(frndint, f80_rint)

static u32 fxtract(u16 cw, void *out, const void *a, const void *b)
{
    struct sf s = soft_begin(cw);
    struct f80 sig, exp = f80_xtract(&s, f80_ld(a), &sig);

    (void)b;
    f80_st(out, exp);
    f80_st((u8 *)out + 16, sig);
    return soft_end(&s);
}

/* ---- ST(0) and ST(1) */

static u32 fscale(u16 cw, void *out, const void *a, const void *b)
{
    struct sf s = soft_begin(cw);

    f80_st(out, f80_scale(&s, f80_ld(a), f80_ld(b)));
    return soft_end(&s);
}

static u32 remainder_of(u16 cw, void *out, const void *a, const void *b, bool near)
{
    struct sf s = soft_begin(cw);
    unsigned q;

    f80_st(out, f80_rem(&s, f80_ld(a), f80_ld(b), near, &q));
    return s.flags | (q & 4 ? SW_C0 : 0) | (q & 2 ? SW_C3 : 0) | (q & 1 ? SW_C1 : 0) |
           (q & SF_PARTIAL ? SW_C2 : 0);
}
static u32 fprem(u16 cw, void *out, const void *a, const void *b)
{
    return remainder_of(cw, out, a, b, false);
}
static u32 fprem1(u16 cw, void *out, const void *a, const void *b)
{
    return remainder_of(cw, out, a, b, true);
}

static void clear(void)
{
}

#define FIVE_(name) { name##_st, name##_f32, name##_f64, name##_i16, name##_i32 }
const struct fpu_ops fpu_soft_ops = {
    .arith = { FIVE_(add), FIVE_(mul), FIVE_(com), FIVE_(com), FIVE_(sub), FIVE_(subr), FIVE_(div),
               FIVE_(divr) },
    .load = { NULL, load_f32, load_f64, load_i16, load_i32, load_i64, load_bcd },
    .store = { NULL, store_f32, store_f64, store_i16, store_i32, store_i64, store_bcd },
    .constant = { fld1, fldl2t, fldl2e, fldpi, fldlg2, fldln2, fldz },
    .ucom = ucom, .tst = tst, .sqrt = fsqrt, .rndint = frndint, .scale = fscale, .prem = fprem,
    .prem1 = fprem1, .xtract = fxtract, FPU_SOFT_TRANSCENDENTALS, .clear = clear,
};
