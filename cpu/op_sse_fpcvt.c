/* SPDX-License-Identifier: MIT */
/* Conversions of SSE and SSE2: between the formats, general registers, MMX registers.
 *
 * Those that touch an MMX register are MMX instructions, too: pending x87 exceptions first, then
 * the transition to MMX state, which stays where the conversion ends in #XM. With a memory operand
 * CVTPI2PS and CVTPI2PD touch none (SDM 2A, CVTPI2PD; of CVTPI2PS the manual does not say so, but
 * processors do the same). */
#include "cpu/softfp.h"
#include "cpu/sse.h"

#define PACKED_ (16 | SIMD_ALIGNED)

/* ---- xmm := xmm/m */

XMM_(cvtps2pd, 8)
XMM_(cvtpd2ps, PACKED_)
XMM_(cvtdq2ps, PACKED_)
XMM_(cvtps2dq, PACKED_)
XMM_(cvttps2dq, PACKED_)
XMM_(cvtdq2pd, 8)
XMM_(cvtpd2dq, PACKED_)
XMM_(cvttpd2dq, PACKED_)

/* ---- scalars, with the compiler's arithmetic where that will do (see op_sse_fp.c) */

NB_INLINE bool is_usual32(u32 v) { return (v >> 23 & 0xff) - 2 < 0xfd; }

/* Exact, for all but denormals, infinities and NaNs. */
NB_INLINE bool cvtss2sd_native(struct cpu *c, const struct insn *i, const u8 *p)
{
    u32 b;
    float x;
    double r;

    memcpy(&b, p, 4);
    memcpy(&x, &b, 4);
    if (unlikely(c->soft_fpu) || (unlikely((b >> 23 & 0xff) - 1 >= 0xfe) && b << 1))
        return false;
    r = x;
    memcpy(xmm_reg(c, i->dst), &r, 8);
    return true;
}

NB_INLINE bool cvtsd2ss_native(struct cpu *c, const struct insn *i, const u8 *p)
{
    u64 b;
    u32 r;
    double x;
    float y;

    memcpy(&b, p, 8);
    memcpy(&x, &b, 8);
    y = (float)x;
    memcpy(&r, &y, 4);
    if (!sse_is_plain(c) || (unlikely(!is_usual32(r)) && b << 1))
        return false;
    memcpy(xmm_reg(c, i->dst), &r, 4);
    return true;
}

/* No integer of 32 bits is inexact as a double. */
NB_INLINE bool cvtsi2sd_native(struct cpu *c, const struct insn *i, const u8 *p)
{
    i32 b;
    double r;

    memcpy(&b, p, 4);
    if (unlikely(c->soft_fpu))
        return false;
    r = b;
    memcpy(xmm_reg(c, i->dst), &r, 8);
    return true;
}

NB_INLINE bool cvtsi2ss_native(struct cpu *c, const struct insn *i, const u8 *p)
{
    i32 b;
    float r;

    memcpy(&b, p, 4);
    if (!sse_is_plain(c))
        return false;
    r = (float)b;
    memcpy(xmm_reg(c, i->dst), &r, 4);
    return true;
}

#define NATIVE_OP_(name, size, FROM) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = xmm_reg(c, i->dst); \
        const u8 *p = FROM; \
        if (!likely(name##_native(c, i, p)) && unlikely(!sse_run(c, i, SSE_##name, d, d, p))) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = xmm_reg(c, i->dst); \
        const u8 *p = simd_rd(c, i, size); \
        if (unlikely(!p) || (!likely(name##_native(c, i, p)) && \
                             unlikely(!sse_run(c, i, SSE_##name, d, d, p)))) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    HSET_RR_RM(name);
#define GPR_(c, off) ((u8 *)(c) + (off))
NATIVE_OP_(cvtss2sd, 4, xmm_reg(c, i->src))
NATIVE_OP_(cvtsd2ss, 8, xmm_reg(c, i->src))
NATIVE_OP_(cvtsi2ss, 4, GPR_(c, i->src))
NATIVE_OP_(cvtsi2sd, 4, GPR_(c, i->src))

/* ---- r32 := xmm/m. Truncation of what lies in range can only be inexact. */

NB_INLINE bool cvttss2si_native(struct cpu *c, const struct insn *i, const u8 *p)
{
    u32 b;
    float x;

    memcpy(&b, p, 4);
    memcpy(&x, &b, 4);
    if (!sse_is_plain(c) || (b >> 23 & 0xff) >= 127 + 31)
        return false;
    REG32(c, i->dst) = (u32)(i32)x;
    return true;
}
NB_INLINE bool cvttsd2si_native(struct cpu *c, const struct insn *i, const u8 *p)
{
    u64 b;
    double x;

    memcpy(&b, p, 8);
    memcpy(&x, &b, 8);
    if (!sse_is_plain(c) || (b >> 52 & 0x7ff) >= 1023 + 31)
        return false;
    REG32(c, i->dst) = (u32)(i32)x;
    return true;
}
NB_INLINE bool none_native(void)
{
    return false;
}

#define TO_GPR_(name, size, NATIVE) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = GPR_(c, i->dst); \
        const u8 *p = xmm_reg(c, i->src); \
        if (!likely(NATIVE) && unlikely(!sse_run(c, i, SSE_##name, d, p, p))) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = GPR_(c, i->dst); \
        const u8 *p = simd_rd(c, i, size); \
        if (unlikely(!p) || (!likely(NATIVE) && unlikely(!sse_run(c, i, SSE_##name, d, p, p)))) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    HSET_RR_RM(name);
TO_GPR_(cvtss2si, 4, none_native())
TO_GPR_(cvttss2si, 4, cvttss2si_native(c, i, p))
TO_GPR_(cvtsd2si, 8, none_native())
TO_GPR_(cvttsd2si, 8, cvttsd2si_native(c, i, p))

/* ---- xmm := mm/m64 */

#define FROM_MMX_(name, op) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = xmm_reg(c, i->dst); \
        MMX_WAIT(c, i); \
        mmx_enter(c); \
        if (unlikely(!sse_run(c, i, SSE_##op, d, d, mmx_reg(c, i->src)))) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = xmm_reg(c, i->dst); \
        const u8 *p = simd_rd(c, i, 8); \
        if (unlikely(!p) || unlikely(!sse_run(c, i, SSE_##op, d, d, p))) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    HSET_RR_RM(name);
FROM_MMX_(cvtpi2ps, cvtpi2ps)
FROM_MMX_(cvtpi2pd, cvtdq2pd)

/* ---- mm := xmm/m */

static bool to_mmx(struct cpu *c, const struct insn *i, enum sse_op op, const u8 *p)
{
    union mmx v;

    mmx_enter(c);
    if (!sse_run(c, i, op, &v, p, p))
        return false;
    mmx_put(c, i->dst, v);
    return true;
}
#define TO_MMX_(name, how) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        MMX_WAIT(c, i); \
        if (unlikely(!to_mmx(c, i, SSE_##name, xmm_reg(c, i->src)))) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        MMX_WAIT(c, i); \
        const u8 *p = simd_rd(c, i, how); \
        if (unlikely(!p) || unlikely(!to_mmx(c, i, SSE_##name, p))) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    HSET_RR_RM(name);
TO_MMX_(cvtps2pi, 8)
TO_MMX_(cvttps2pi, 8)
TO_MMX_(cvtpd2pi, PACKED_)
TO_MMX_(cvttpd2pi, PACKED_)
