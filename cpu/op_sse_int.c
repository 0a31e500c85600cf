/* SPDX-License-Identifier: MIT */
/* SSE2's packed integers and the shuffles and logic of all types in XMM registers (SDM 2). */
#define VEC union xmm
#include "cpu/simd_int.h"

#define BINARY_(name, K) XMM_BINARY(sse_##name, K)
SIMD_INT_COMMON(BINARY_);

UNPACK(punpcklqdq, q, 0)
UNPACK(punpckhqdq, q, 1)
XMM_BINARY(sse_punpcklbw, k_punpcklbw);
XMM_BINARY(sse_punpcklwd, k_punpcklwd);
XMM_BINARY(sse_punpckldq, k_punpckldq);
XMM_BINARY(sse_punpcklqdq, k_punpcklqdq);
XMM_BINARY(sse_punpckhqdq, k_punpckhqdq);

/* ---- shifts by an immediate; whole registers by bytes */

NB_INLINE union xmm k_psrldq(union xmm v, u64 count)
{
    u8 from[32] = { 0 };
    union xmm r;

    memcpy(from, &v, 16);
    memcpy(&r, from + MIN(count, (u64)16), 16);
    return r;
}

NB_INLINE union xmm k_pslldq(union xmm v, u64 count)
{
    u8 from[32] = { 0 };
    union xmm r;

    memcpy(from + 16, &v, 16);
    memcpy(&r, from + 16 - MIN(count, (u64)16), 16);
    return r;
}

#define SHIFT_IMM(name) \
    static unsigned sse_##name##_ri(struct cpu *c, const struct insn *i) \
    { \
        xmm_put(c, i->dst, k_##name(xmm_get(c, i->dst), i->imm)); \
        NEXT(c, i); \
    } \
    HSET_FORMS(sse_##name##_i, [FORM_RI] = sse_##name##_ri)
SHIFT_IMM(psrlw);
SHIFT_IMM(psrld);
SHIFT_IMM(psrlq);
SHIFT_IMM(psrldq);
SHIFT_IMM(psllw);
SHIFT_IMM(pslld);
SHIFT_IMM(psllq);
SHIFT_IMM(pslldq);
SHIFT_IMM(psraw);
SHIFT_IMM(psrad);

/* ---- shuffles: k(destination, source, order) */

NB_INLINE union xmm k_pshufd(union xmm a, union xmm b, u32 order)
{
    for (unsigned n = 0; n < 4; n++)
        a.d[n] = b.d[order >> (2 * n) & 3];
    return a;
}

NB_INLINE union xmm k_pshuflw(union xmm a, union xmm b, u32 order)
{
    a = b;
    for (unsigned n = 0; n < 4; n++)
        a.w[n] = b.w[order >> (2 * n) & 3];
    return a;
}

NB_INLINE union xmm k_pshufhw(union xmm a, union xmm b, u32 order)
{
    a = b;
    for (unsigned n = 0; n < 4; n++)
        a.w[4 + n] = b.w[4 + (order >> (2 * n) & 3)];
    return a;
}

/* two lanes of the destination, then two of the source */
NB_INLINE union xmm k_shufps(union xmm a, union xmm b, u32 order)
{
    union xmm r;

    r.d[0] = a.d[order & 3];
    r.d[1] = a.d[order >> 2 & 3];
    r.d[2] = b.d[order >> 4 & 3];
    r.d[3] = b.d[order >> 6 & 3];
    return r;
}

NB_INLINE union xmm k_shufpd(union xmm a, union xmm b, u32 order)
{
    union xmm r;

    r.q[0] = a.q[order & 1];
    r.q[1] = b.q[order >> 1 & 1];
    return r;
}
XMM_TERNARY(sse_pshufd, k_pshufd);
XMM_TERNARY(sse_pshuflw, k_pshuflw);
XMM_TERNARY(sse_pshufhw, k_pshufhw);
XMM_TERNARY(sse_shufps, k_shufps);
XMM_TERNARY(sse_shufpd, k_shufpd);

/* ---- to and from general registers */

static unsigned pinsrw_rr(struct cpu *c, const struct insn *i)
{
    st16(xmm_reg(c, i->dst) + 2 * (i->imm & 7), REG16(c, i->src));
    NEXT(c, i);
}

static unsigned pinsrw_rm(struct cpu *c, const struct insn *i)
{
    const u8 *p = simd_rd(c, i, 2);

    if (unlikely(!p))
        FAULT(c);
    st16(xmm_reg(c, i->dst) + 2 * (i->imm & 7), ld16(p));
    NEXT(c, i);
}
HSET_FORMS(sse_pinsrw, [FORM_RR] = pinsrw_rr, [FORM_RM] = pinsrw_rm);

static unsigned pextrw_rr(struct cpu *c, const struct insn *i)
{
    REG32(c, i->dst) = ld16(xmm_reg(c, i->src) + 2 * (i->imm & 7));
    NEXT(c, i);
}
HSET_FORMS(sse_pextrw, [FORM_RR] = pextrw_rr);

static unsigned pmovmskb_rr(struct cpu *c, const struct insn *i)
{
    REG32(c, i->dst) = k_pmovmskb(xmm_get(c, i->src));
    NEXT(c, i);
}
HSET_FORMS(sse_pmovmskb, [FORM_RR] = pmovmskb_rr);

static unsigned movmskps_rr(struct cpu *c, const struct insn *i)
{
    union xmm v = xmm_get(c, i->src);

    REG32(c, i->dst) = v.d[0] >> 31 | v.d[1] >> 31 << 1 | v.d[2] >> 31 << 2 | v.d[3] >> 31 << 3;
    NEXT(c, i);
}
HSET_FORMS(sse_movmskps, [FORM_RR] = movmskps_rr);

static unsigned movmskpd_rr(struct cpu *c, const struct insn *i)
{
    union xmm v = xmm_get(c, i->src);

    REG32(c, i->dst) = v.d[1] >> 31 | v.d[3] >> 31 << 1;
    NEXT(c, i);
}
HSET_FORMS(sse_movmskpd, [FORM_RR] = movmskpd_rr);

static unsigned maskmovdqu_rr(struct cpu *c, const struct insn *i)
{
    if (!simd_masked_store(c, i, xmm_reg(c, i->dst), xmm_reg(c, i->src), 16))
        FAULT(c);
    NEXT(c, i);
}
HSET_FORMS(sse_maskmovdqu, [FORM_RR] = maskmovdqu_rr);
