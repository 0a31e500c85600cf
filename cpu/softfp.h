/* SPDX-License-Identifier: MIT */
/* Floating point in integers: single, double and extended double as IA-32 defines them (SDM 1
 * chapter 4, 8.5, 11.5), bit for bit, on any host. Private to cpu/.
 *
 * Values are the bits of the format: u32, u64, struct f80. A call takes the control state from
 * struct sf and adds what it found to its flags. Tininess is detected after rounding, as the x86
 * does.
 *
 * Unmasked exceptions. Invalid operation, zero divide and denormal operand are found before the
 * operation: where one of them is not masked, none that comes after it (overflow, underflow,
 * inexact) is looked for, and the result is undefined. Overflow and underflow: f80 gives the
 * result with its exponent off by 24576, which is what a register gets; f32 and f64 results are
 * undefined, but flags are exact. Whoever calls asks sf_trapped() and then drops the result.
 *
 * NaNs. f32 and f64 follow SSE: the first operand if it is a NaN, else the second, quieted. f80
 * follows the x87: the larger significand. */
#ifndef NB_CPU_SOFTFP_H
#define NB_CPU_SOFTFP_H

#include "core/types.h"

enum sf_rounding { SF_NEAR, SF_DOWN, SF_UP, SF_ZERO }; /* RC of CW and MXCSR */
enum { /* as they lie in SW and MXCSR; masks (CW, MXCSR >> 7) have the same order */
    SF_IE = 1, SF_DE = 2, SF_ZE = 4, SF_OE = 8, SF_UE = 16, SF_PE = 32, SF_ALL = 63,
    SF_PRE = SF_IE | SF_DE | SF_ZE,
};

struct sf {
    u8 rc;      /* enum sf_rounding */
    u8 masks;   /* SF_*: 1 = masked */
    u8 flags;   /* SF_*: added to, never cleared here */
    u8 bits;    /* f80 arithmetic: significand bits, 24, 53 or 64 (PC of CW) */
    bool daz;   /* f32, f64: denormal operands are zeros and no exception */
    bool ftz;   /* f32, f64: a tiny result is zero, if underflow is masked */
    bool up;    /* f80: the last rounding went away from zero (C1) */
};

/* MXCSR as it lies in the register. */
static inline struct sf sf_of_mxcsr(u32 mxcsr)
{
    return (struct sf){ .rc = mxcsr >> 13 & 3, .masks = mxcsr >> 7 & SF_ALL, .bits = 64,
                        .daz = mxcsr >> 6 & 1, .ftz = mxcsr >> 15 & 1 };
}

/* Whether an exception was found that is not masked. */
static inline bool sf_trapped(const struct sf *s)
{
    return s->flags & ~s->masks & SF_ALL;
}

enum sf_order { SF_LESS, SF_EQUAL, SF_GREATER, SF_UNORDERED };

/* ---- f32, f64: softfp_sse.c */
u32 f32_add(struct sf *s, u32 a, u32 b);
u32 f32_sub(struct sf *s, u32 a, u32 b);
u32 f32_mul(struct sf *s, u32 a, u32 b);
u32 f32_div(struct sf *s, u32 a, u32 b);
u32 f32_sqrt(struct sf *s, u32 a);
/* quiet: only a signalling NaN is invalid (UCOMISS), else any NaN (COMISS). DE as SDM 1, 4.9.2. */
enum sf_order f32_compare(struct sf *s, u32 a, u32 b, bool quiet);

u64 f64_add(struct sf *s, u64 a, u64 b);
u64 f64_sub(struct sf *s, u64 a, u64 b);
u64 f64_mul(struct sf *s, u64 a, u64 b);
u64 f64_div(struct sf *s, u64 a, u64 b);
u64 f64_sqrt(struct sf *s, u64 a);
enum sf_order f64_compare(struct sf *s, u64 a, u64 b, bool quiet);

/* Formats (CVTSS2SD, CVTSD2SS). */
u64 f32_to_f64(struct sf *s, u32 a);
u32 f64_to_f32(struct sf *s, u64 a);

/* Integers. rc: the rounding, s->rc or SF_ZERO for the truncating forms. Out of range and NaN:
 * invalid, INT_MIN. A denormal operand is no exception here (SDM 2, CVTSS2SI). */
i32 f32_to_i32(struct sf *s, u32 a, enum sf_rounding rc);
i64 f32_to_i64(struct sf *s, u32 a, enum sf_rounding rc);
i32 f64_to_i32(struct sf *s, u64 a, enum sf_rounding rc);
i64 f64_to_i64(struct sf *s, u64 a, enum sf_rounding rc);
u32 f32_from_i32(struct sf *s, i32 v);
u32 f32_from_i64(struct sf *s, i64 v);
u64 f64_from_i32(struct sf *s, i32 v);
u64 f64_from_i64(struct sf *s, i64 v);

static inline bool f32_is_nan(u32 a) { return (a & 0x7fffffff) > 0x7f800000; }
static inline bool f32_is_snan(u32 a) { return f32_is_nan(a) && !(a & 0x00400000); }
static inline bool f64_is_nan(u64 a) { return a << 1 > 0xffe0000000000000; }
static inline bool f64_is_snan(u64 a) { return f64_is_nan(a) && !(a & 0x0008000000000000); }
static inline u32 f32_quiet(u32 a) { return a | 0x00400000; }
static inline u64 f64_quiet(u64 a) { return a | 0x0008000000000000; }
static inline bool f32_is_denormal(u32 a) { return (a & 0x7fffffff) - 1 < 0x007fffff; }
static inline bool f64_is_denormal(u64 a)
{
    return (a & 0x7fffffffffffffff) - 1 < 0x000fffffffffffff;
}
enum { F32_INDEFINITE = (int)0xffc00000 };
#define F64_INDEFINITE 0xfff8000000000000u

/* ---- f80: softfp_f80.c, softfp_f80cvt.c
 * Unsupported encodings (unnormals, pseudo-NaNs, pseudo-infinities) are invalid operands. s->bits
 * is looked at by the first five only. */
struct f80 {
    u64 sig;
    u16 se; /* sign and exponent */
};

struct f80 f80_add(struct sf *s, struct f80 a, struct f80 b);
struct f80 f80_sub(struct sf *s, struct f80 a, struct f80 b);
struct f80 f80_mul(struct sf *s, struct f80 a, struct f80 b);
struct f80 f80_div(struct sf *s, struct f80 a, struct f80 b);
struct f80 f80_sqrt(struct sf *s, struct f80 a);
enum sf_order f80_compare(struct sf *s, struct f80 a, struct f80 b, bool quiet);
struct f80 f80_rint(struct sf *s, struct f80 a);
struct f80 f80_scale(struct sf *s, struct f80 a, struct f80 b);
/* Exponent as a number; *sig gets the significand. */
struct f80 f80_xtract(struct sf *s, struct f80 a, struct f80 *sig);

/* One step of FPREM (near: of FPREM1, whose quotient is rounded to nearest). *quotient gets the low
 * three bits of the quotient, or SF_PARTIAL where the exponents were too far apart for one step. */
enum { SF_PARTIAL = 8 };
struct f80 f80_rem(struct sf *s, struct f80 a, struct f80 b, bool near, unsigned *quotient);

struct f80 f80_from_f32(struct sf *s, u32 a);
struct f80 f80_from_f64(struct sf *s, u64 a);
struct f80 f80_from_i64(i64 v);
u32 f80_to_f32(struct sf *s, struct f80 a);
u64 f80_to_f64(struct sf *s, struct f80 a);
/* bits: 16, 32 or 64. Out of range: invalid, the most negative integer of that size. */
i64 f80_to_int(struct sf *s, struct f80 a, unsigned bits);
struct f80 f80_from_bcd(const u8 v[10]);
void f80_to_bcd(struct sf *s, struct f80 a, u8 v[10]);

#endif
