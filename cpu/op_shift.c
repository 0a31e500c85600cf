/* SPDX-License-Identifier: MIT */
/* Shifts and rotates, SHLD and SHRD (SDM 2B: RCL/RCR/ROL/ROR, SAL/SAR/SHL/SHR, 2B: SHLD, SHRD).
 *
 * Counts are masked to five bits first. A masked count of 0 changes no flag. OF is defined for
 * counts of 1 only; for others hardware applies the same formula to the result, and so do we (compared
 * with the host by the lab). */
#include "cpu/flags.h"
#include "cpu/isa.h"
#include "cpu/mem.h"

NB_INLINE void shift_flags(struct cpu *c, u32 res, bool cf, bool of)
{
    c->cc.res = res;
    c->cc.aux = (u32)cf << 31 | (u32)(cf ^ of) << 30;
}

#define SHIFT_KERNELS_(bits, T, S) \
NB_INLINE T k_rol##bits(struct cpu *c, T v, unsigned n) \
{ \
    if (!(n &= 31)) \
        return v; \
    unsigned k = n & (bits - 1); \
    T r = k ? (T)(v << k | v >> (bits - k)) : v; \
    bool cf = r & 1; \
    cc_set_cf_of(c, cf, cf ^ (bool)(r >> (bits - 1))); \
    return r; \
} \
NB_INLINE T k_ror##bits(struct cpu *c, T v, unsigned n) \
{ \
    if (!(n &= 31)) \
        return v; \
    unsigned k = n & (bits - 1); \
    T r = k ? (T)(v >> k | v << (bits - k)) : v; \
    cc_set_cf_of(c, r >> (bits - 1), (bool)(r >> (bits - 1)) ^ (bool)((r >> (bits - 2)) & 1)); \
    return r; \
} \
NB_INLINE T k_rcl##bits(struct cpu *c, T v, unsigned n) \
{ \
    if (!(n &= 31)) \
        return v; \
    if (bits < 32) \
        n %= bits + 1; /* 0: nothing moves, but OF is set as ever */ \
    u64 w = (u64)cc_cf(c) << bits | v; \
    w = (w << n | w >> (bits + 1 - n)) & ((2ull << bits) - 1); \
    T r = (T)w; \
    bool cf = (w >> bits) & 1; \
    cc_set_cf_of(c, cf, cf ^ (bool)(r >> (bits - 1))); \
    return r; \
} \
NB_INLINE T k_rcr##bits(struct cpu *c, T v, unsigned n) \
{ \
    if (!(n &= 31)) \
        return v; \
    if (bits < 32) \
        n %= bits + 1; /* 0: nothing moves, but OF is set as ever */ \
    u64 w = (u64)cc_cf(c) << bits | v; \
    w = (w >> n | w << (bits + 1 - n)) & ((2ull << bits) - 1); \
    T r = (T)w; \
    cc_set_cf_of(c, (w >> bits) & 1, \
                 (bool)(r >> (bits - 1)) ^ (bool)((r >> (bits - 2)) & 1)); \
    return r; \
} \
NB_INLINE T k_shl##bits(struct cpu *c, T v, unsigned n) \
{ \
    if (!(n &= 31)) \
        return v; \
    u64 w = (u64)v << n; \
    T r = (T)w; \
    bool cf = (w >> bits) & 1; \
    shift_flags(c, (u32)(i32)(S)r, cf, cf ^ (bool)(r >> (bits - 1))); \
    return r; \
} \
NB_INLINE T k_shr##bits(struct cpu *c, T v, unsigned n) \
{ \
    if (!(n &= 31)) \
        return v; \
    T r = (T)((u64)v >> n); \
    bool cf = ((u64)v >> (n - 1)) & 1; \
    shift_flags(c, (u32)(i32)(S)r, cf, (r >> (bits - 2)) & 1); \
    return r; \
} \
NB_INLINE T k_sar##bits(struct cpu *c, T v, unsigned n) \
{ \
    if (!(n &= 31)) \
        return v; \
    i64 w = (S)v; \
    T r = (T)(w >> n); \
    shift_flags(c, (u32)(i32)(S)r, (w >> (n - 1)) & 1, false); \
    return r; \
}
SHIFT_KERNELS_(8, u8, i8)
SHIFT_KERNELS_(16, u16, i16)
SHIFT_KERNELS_(32, u32, i32)

/* COUNT is an expression of c and i */
#define SHIFT_(name, suf, bits, T, COUNT) \
static unsigned name##suf##bits##_r(struct cpu *c, const struct insn *i) \
{ \
    REG##bits(c, i->dst) = k_##name##bits(c, REG##bits(c, i->dst), COUNT); \
    NEXT(c, i); \
} \
static unsigned name##suf##bits##_m(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    struct rmw m; \
    c->cur = i; \
    if (!rmw_begin##bits(c, i->seg, insn_ea(c, i), &v, &m)) \
        FAULT(c); \
    if (!rmw_end##bits(c, &m, k_##name##bits(c, v, COUNT))) \
        FAULT(c); \
    NEXT(c, i); \
}
/* Without the flags, which nobody will see (FORM_PURE); EXPR is of v and n. */
#define PURE_(name, suf, COUNT, EXPR) \
static unsigned name##suf##32_r_p(struct cpu *c, const struct insn *i) \
{ \
    u32 v = REG32(c, i->dst); \
    unsigned n = (COUNT) & 31; \
    REG32(c, i->dst) = (EXPR); \
    NEXT(c, i); \
}
#define SHIFT_SET_(name, suf, fr, fm, pure) \
    const struct hset hs_##name##suf = { { \
        { [fr] = name##suf##8_r, [fm] = name##suf##8_m }, \
        { [fr] = name##suf##16_r, [fm] = name##suf##16_m }, \
        { [fr] = name##suf##32_r, [fm] = name##suf##32_m, \
          [FORM_PURE + (fr)] = pure } } };
#define SHIFT_ALL_(name, pure, pure_cl) \
    SHIFT_(name, , 8, u8, i->imm) \
    SHIFT_(name, , 16, u16, i->imm) \
    SHIFT_(name, , 32, u32, i->imm) \
    SHIFT_SET_(name, , FORM_RI, FORM_MI, pure) \
    SHIFT_(name, _cl, 8, u8, c->gpr[R_ECX]) \
    SHIFT_(name, _cl, 16, u16, c->gpr[R_ECX]) \
    SHIFT_(name, _cl, 32, u32, c->gpr[R_ECX]) \
    SHIFT_SET_(name, _cl, FORM_R, FORM_M, pure_cl)
#define SHIFT(name, EXPR) \
    PURE_(name, , i->imm, EXPR) \
    PURE_(name, _cl, c->gpr[R_ECX], EXPR) \
    SHIFT_ALL_(name, name##32_r_p, name##_cl32_r_p)
/* RCL and RCR read a flag: there is no pure form of them. */
#define SHIFT_CF(name) SHIFT_ALL_(name, NULL, NULL)
SHIFT(rol, n ? v << n | v >> (32 - n) : v)
SHIFT(ror, n ? v >> n | v << (32 - n) : v)
SHIFT_CF(rcl)
SHIFT_CF(rcr)
SHIFT(shl, v << n)
SHIFT(shr, v >> n)
SHIFT(sar, (u32)((i32)v >> n))

/* Double shifts. A 16-bit operand with a count above 16 is undefined; processors since the P6 rotate
 * the 48-bit string destination:source:destination. */
NB_INLINE u16 k_shld16(struct cpu *c, u16 d, u16 s, unsigned n)
{
    if (!(n &= 31))
        return d;
    u64 w = (u64)d << 32 | (u64)s << 16 | d;
    u16 r = (u16)((w << n) >> 32);
    bool cf = (w >> (48 - n)) & 1;
    shift_flags(c, (u32)(i32)(i16)r, cf, cf ^ (bool)(r >> 15));
    return r;
}

NB_INLINE u32 k_shld32(struct cpu *c, u32 d, u32 s, unsigned n)
{
    if (!(n &= 31))
        return d;
    u32 r = d << n | s >> (32 - n);
    bool cf = (d >> (32 - n)) & 1;
    shift_flags(c, r, cf, cf ^ (bool)(r >> 31));
    return r;
}

NB_INLINE u16 k_shrd16(struct cpu *c, u16 d, u16 s, unsigned n)
{
    if (!(n &= 31))
        return d;
    u64 w = (u64)d << 32 | (u64)s << 16 | d;
    u16 r = (u16)(w >> n);
    shift_flags(c, (u32)(i32)(i16)r, (w >> (n - 1)) & 1, ((r ^ r << 1) >> 15) & 1);
    return r;
}

NB_INLINE u32 k_shrd32(struct cpu *c, u32 d, u32 s, unsigned n)
{
    if (!(n &= 31))
        return d;
    u32 r = d >> n | s << (32 - n);
    shift_flags(c, r, (d >> (n - 1)) & 1, (r ^ r << 1) >> 31);
    return r;
}

#define DOUBLE_(name, suf, bits, T, COUNT) \
static unsigned name##suf##bits##_r(struct cpu *c, const struct insn *i) \
{ \
    REG##bits(c, i->dst) = k_##name##bits(c, REG##bits(c, i->dst), REG##bits(c, i->src), COUNT); \
    NEXT(c, i); \
} \
static unsigned name##suf##bits##_m(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    struct rmw m; \
    c->cur = i; \
    if (!rmw_begin##bits(c, i->seg, insn_ea(c, i), &v, &m)) \
        FAULT(c); \
    if (!rmw_end##bits(c, &m, k_##name##bits(c, v, REG##bits(c, i->src), COUNT))) \
        FAULT(c); \
    NEXT(c, i); \
}
#define DOUBLE(name, suf, COUNT) \
    DOUBLE_(name, suf, 16, u16, COUNT) \
    DOUBLE_(name, suf, 32, u32, COUNT) \
    const struct hset hs_##name##suf = { { { 0 }, \
        { [FORM_RR] = name##suf##16_r, [FORM_MR] = name##suf##16_m }, \
        { [FORM_RR] = name##suf##32_r, [FORM_MR] = name##suf##32_m } } };
DOUBLE(shld, , i->imm)
DOUBLE(shld, _cl, c->gpr[R_ECX])
DOUBLE(shrd, , i->imm)
DOUBLE(shrd, _cl, c->gpr[R_ECX])
