/* SPDX-License-Identifier: MIT */
/* MMX registers: packed integers, moves, EMMS, and what SSE and SSE2 added to them. SDM 1 chapter 9,
 * SDM 2. Each makes TOP 0 and all registers valid (EMMS: empty), and the exponent of a register that
 * it writes all ones. */
#define VEC union mmx
#include "cpu/simd_int.h"

#define BINARY_(name, K) MMX_BINARY(mmx_##name, K)
SIMD_INT_COMMON(BINARY_);
MMX_BINARY_(mmx_punpcklbw, k_punpcklbw, 4);
MMX_BINARY_(mmx_punpcklwd, k_punpcklwd, 4);
MMX_BINARY_(mmx_punpckldq, k_punpckldq, 4);

#define SHIFT_IMM(name) \
    static unsigned mmx_##name##_ri(struct cpu *c, const struct insn *i) \
    { \
        MMX_WAIT(c, i); \
        mmx_enter(c); \
        mmx_put(c, i->dst, k_##name(mmx_get(c, i->dst), i->imm)); \
        NEXT(c, i); \
    } \
    HSET_FORMS(mmx_##name##_i, [FORM_RI] = mmx_##name##_ri)
SHIFT_IMM(psrlw);
SHIFT_IMM(psrld);
SHIFT_IMM(psrlq);
SHIFT_IMM(psllw);
SHIFT_IMM(pslld);
SHIFT_IMM(psllq);
SHIFT_IMM(psraw);
SHIFT_IMM(psrad);

static unsigned op_emms(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    mmx_enter(c);
    c->fpu.valid = 0;
    NEXT(c, i);
}
const struct hset hs_emms = HSET_ONE(op_emms);

/* ---- moves */

static unsigned movd_load_rr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    mmx_enter(c);
    mmx_put(c, i->dst, (union mmx){ .q = { REG32(c, i->src) } });
    NEXT(c, i);
}

static unsigned movd_load_rm(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    const u8 *p = simd_rd(c, i, 4);
    if (unlikely(!p))
        FAULT(c);
    mmx_enter(c);
    mmx_put(c, i->dst, (union mmx){ .q = { ld32(p) } });
    NEXT(c, i);
}

static unsigned movd_store_rr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    mmx_enter(c);
    REG32(c, i->dst) = mmx_get(c, i->src).d[0];
    NEXT(c, i);
}

static unsigned movd_store_mr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    if (!simd_wr(c, i, mmx_reg(c, i->src), 4))
        FAULT(c);
    mmx_enter(c);
    NEXT(c, i);
}

static unsigned movq_rr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    mmx_enter(c);
    mmx_put(c, i->dst, mmx_get(c, i->src));
    NEXT(c, i);
}

static unsigned movq_rm(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    const u8 *p = simd_rd(c, i, 8);
    if (unlikely(!p))
        FAULT(c);
    mmx_enter(c);
    mmx_put(c, i->dst, (union mmx){ .q = { ld64(p) } });
    NEXT(c, i);
}

static unsigned movq_mr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    if (!simd_wr(c, i, mmx_reg(c, i->src), 8))
        FAULT(c);
    mmx_enter(c);
    NEXT(c, i);
}
HSET_FORMS(mmx_movd_load, [FORM_RR] = movd_load_rr, [FORM_RM] = movd_load_rm);
HSET_FORMS(mmx_movd_store, [FORM_RR] = movd_store_rr, [FORM_MR] = movd_store_mr);
HSET_FORMS(mmx_movq_load, [FORM_RR] = movq_rr, [FORM_RM] = movq_rm);
HSET_FORMS(mmx_movq_store, [FORM_RR] = movq_rr, [FORM_MR] = movq_mr);

/* ---- SSE's additions */

NB_INLINE union mmx k_pshufw(union mmx v, u32 order)
{
    union mmx r;

    for (unsigned n = 0; n < 4; n++)
        r.w[n] = v.w[order >> (2 * n) & 3];
    return r;
}

static unsigned pshufw_rr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    mmx_enter(c);
    mmx_put(c, i->dst, k_pshufw(mmx_get(c, i->src), i->imm));
    NEXT(c, i);
}

static unsigned pshufw_rm(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    const u8 *p = simd_rd(c, i, 8);
    if (unlikely(!p))
        FAULT(c);
    mmx_enter(c);
    mmx_put(c, i->dst, k_pshufw((union mmx){ .q = { ld64(p) } }, i->imm));
    NEXT(c, i);
}
HSET_FORMS(mmx_pshufw, [FORM_RR] = pshufw_rr, [FORM_RM] = pshufw_rm);

NB_INLINE void pinsrw(struct cpu *c, const struct insn *i, u16 w)
{
    union mmx v = mmx_get(c, i->dst);

    mmx_enter(c);
    v.w[i->imm & 3] = w;
    mmx_put(c, i->dst, v);
}

static unsigned pinsrw_rr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    pinsrw(c, i, REG16(c, i->src));
    NEXT(c, i);
}

static unsigned pinsrw_rm(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    const u8 *p = simd_rd(c, i, 2);
    if (unlikely(!p))
        FAULT(c);
    pinsrw(c, i, ld16(p));
    NEXT(c, i);
}
HSET_FORMS(mmx_pinsrw, [FORM_RR] = pinsrw_rr, [FORM_RM] = pinsrw_rm);

static unsigned pextrw_rr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    mmx_enter(c);
    REG32(c, i->dst) = ld16(mmx_reg(c, i->src) + 2 * (i->imm & 3));
    NEXT(c, i);
}
HSET_FORMS(mmx_pextrw, [FORM_RR] = pextrw_rr);

static unsigned pmovmskb_rr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    mmx_enter(c);
    REG32(c, i->dst) = k_pmovmskb(mmx_get(c, i->src));
    NEXT(c, i);
}
HSET_FORMS(mmx_pmovmskb, [FORM_RR] = pmovmskb_rr);

static unsigned maskmovq_rr(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    if (!simd_masked_store(c, i, mmx_reg(c, i->dst), mmx_reg(c, i->src), 8))
        FAULT(c);
    mmx_enter(c);
    NEXT(c, i);
}
HSET_FORMS(mmx_maskmovq, [FORM_RR] = maskmovq_rr);
