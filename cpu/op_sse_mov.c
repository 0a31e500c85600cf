/* SPDX-License-Identifier: MIT */
/* SSE, SSE2 and SSE3 moves (SDM 2). Non-temporal stores are stores: nothing here has a cache. */
#include "cpu/simd.h"

/* ---- 16 bytes */

static unsigned mov_rr(struct cpu *c, const struct insn *i)
{
    xmm_put(c, i->dst, xmm_get(c, i->src));
    NEXT(c, i);
}

/* A load of the low `size` bytes clears the rest. */
#define LOAD_(name, how) \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        union xmm v = { { 0 } }; \
        const u8 *p = simd_rd(c, i, how); \
        if (unlikely(!p)) \
            FAULT(c); \
        memcpy(&v, p, (how) & ~(unsigned)SIMD_ALIGNED); \
        xmm_put(c, i->dst, v); \
        NEXT(c, i); \
    }
#define STORE_(name, how, from) \
    static unsigned name##_mr(struct cpu *c, const struct insn *i) \
    { \
        if (!simd_wr(c, i, xmm_reg(c, i->src) + (from), how)) \
            FAULT(c); \
        NEXT(c, i); \
    }
LOAD_(mova, 16 | SIMD_ALIGNED)
LOAD_(movu, 16)
LOAD_(movq, 8)
LOAD_(movd, 4)
STORE_(mova, 16 | SIMD_ALIGNED, 0)
STORE_(movu, 16, 0)
STORE_(movq, 8, 0)
STORE_(movd, 4, 0)
STORE_(movh, 8, 8)
HSET_FORMS(sse_mova_load, [FORM_RR] = mov_rr, [FORM_RM] = mova_rm);
HSET_FORMS(sse_movu_load, [FORM_RR] = mov_rr, [FORM_RM] = movu_rm);
HSET_FORMS(sse_mova_store, [FORM_RR] = mov_rr, [FORM_MR] = mova_mr);
HSET_FORMS(sse_movu_store, [FORM_RR] = mov_rr, [FORM_MR] = movu_mr);

/* ---- scalars: between registers the rest of the destination stays */

static unsigned movss_rr(struct cpu *c, const struct insn *i)
{
    st32(xmm_reg(c, i->dst), ld32(xmm_reg(c, i->src)));
    NEXT(c, i);
}

static unsigned movsd_rr(struct cpu *c, const struct insn *i)
{
    st64(xmm_reg(c, i->dst), ld64(xmm_reg(c, i->src)));
    NEXT(c, i);
}
HSET_FORMS(sse_movss_load, [FORM_RR] = movss_rr, [FORM_RM] = movd_rm);
HSET_FORMS(sse_movsd_load, [FORM_RR] = movsd_rr, [FORM_RM] = movq_rm);
HSET_FORMS(sse_movss_store, [FORM_RR] = movss_rr, [FORM_MR] = movd_mr);
HSET_FORMS(sse_movsd_store, [FORM_RR] = movsd_rr, [FORM_MR] = movq_mr);

/* MOVQ clears it, and so does MOVD from a general register. */
static unsigned movq_rr(struct cpu *c, const struct insn *i)
{
    xmm_put(c, i->dst, (union xmm){ .q = { ld64(xmm_reg(c, i->src)) } });
    NEXT(c, i);
}

static unsigned movd_from_gpr(struct cpu *c, const struct insn *i)
{
    xmm_put(c, i->dst, (union xmm){ .d = { REG32(c, i->src) } });
    NEXT(c, i);
}

static unsigned movd_to_gpr(struct cpu *c, const struct insn *i)
{
    REG32(c, i->dst) = ld32(xmm_reg(c, i->src));
    NEXT(c, i);
}
HSET_FORMS(sse_movq_load, [FORM_RR] = movq_rr, [FORM_RM] = movq_rm);
HSET_FORMS(sse_movq_store, [FORM_RR] = movq_rr, [FORM_MR] = movq_mr);
HSET_FORMS(sse_movd_load, [FORM_RR] = movd_from_gpr, [FORM_RM] = movd_rm);
HSET_FORMS(sse_movd_store, [FORM_RR] = movd_to_gpr, [FORM_MR] = movd_mr);

/* ---- halves */

#define HALF_LOAD_(name, to) \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        const u8 *p = simd_rd(c, i, 8); \
        if (unlikely(!p)) \
            FAULT(c); \
        st64(xmm_reg(c, i->dst) + (to), ld64(p)); \
        NEXT(c, i); \
    }
HALF_LOAD_(movlps, 0)
HALF_LOAD_(movhps, 8)
HSET_FORMS(sse_movlps_load, [FORM_RM] = movlps_rm);
HSET_FORMS(sse_movhps_load, [FORM_RM] = movhps_rm);
HSET_FORMS(sse_movlps_store, [FORM_MR] = movq_mr);
HSET_FORMS(sse_movhps_store, [FORM_MR] = movh_mr);

static unsigned movhlps_rr(struct cpu *c, const struct insn *i)
{
    st64(xmm_reg(c, i->dst), ld64(xmm_reg(c, i->src) + 8));
    NEXT(c, i);
}

static unsigned movlhps_rr(struct cpu *c, const struct insn *i)
{
    st64(xmm_reg(c, i->dst) + 8, ld64(xmm_reg(c, i->src)));
    NEXT(c, i);
}
HSET_FORMS(sse_movhlps, [FORM_RR] = movhlps_rr);
HSET_FORMS(sse_movlhps, [FORM_RR] = movlhps_rr);

/* ---- SSE3: doubled lanes */

#define DOUBLE_(name, lane, even, odd) \
    NB_INLINE union xmm k_##name(union xmm a, union xmm b) \
    { \
        for (unsigned n = 0; n < ARRAY_LEN(a.lane); n += 2) { \
            a.lane[n] = b.lane[n + (even)]; \
            a.lane[n + 1] = b.lane[n + (odd)]; \
        } \
        return a; \
    }
DOUBLE_(movsldup, d, 0, 0)
DOUBLE_(movshdup, d, 1, 1)
DOUBLE_(movddup, q, 0, 0)
XMM_BINARY(sse_movsldup, k_movsldup);
XMM_BINARY(sse_movshdup, k_movshdup);
XMM_BINARY_(sse_movddup, k_movddup, 8);

/* ---- between MMX and XMM: both are MMX instructions, too */

static unsigned movq2dq_rr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    mmx_enter(c);
    xmm_put(c, i->dst, (union xmm){ .q = { mmx_get(c, i->src).q[0] } });
    NEXT(c, i);
}

static unsigned movdq2q_rr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    mmx_enter(c);
    mmx_put(c, i->dst, (union mmx){ .q = { ld64(xmm_reg(c, i->src)) } });
    NEXT(c, i);
}
HSET_FORMS(sse_movq2dq, [FORM_RR] = movq2dq_rr);
HSET_FORMS(sse_movdq2q, [FORM_RR] = movdq2q_rr);

/* ---- from a general register, past the cache that isn't there */

static unsigned movnti_mr(struct cpu *c, const struct insn *i)
{
    if (!simd_wr(c, i, (const u8 *)c + i->src, 4))
        FAULT(c);
    NEXT(c, i);
}
HSET_FORMS(movnti, [FORM_MR] = movnti_mr);
