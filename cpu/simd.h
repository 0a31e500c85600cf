/* SPDX-License-Identifier: MIT */
/* What handlers of MMX and SSE rows are made of: registers as unions, the state rule of MMX, memory
 * operands of 4 to 16 bytes, one handler for each form. SDM 1 chapters 9 to 11. Private to cpu/.
 *
 * Register operands of struct insn are byte offsets: MMX from fpu.reg (physical registers, whatever
 * TOP is), XMM from fpu.xmm. #UD, #NM and LOCK were dealt with by isa_bind(). */
#ifndef NB_CPU_SIMD_H
#define NB_CPU_SIMD_H

#include "cpu/mem.h"
#include "cpu/x87.h"

union mmx {
    u64 q[1];
    u32 d[2];
    u16 w[4];
    u8 b[8];
    i32 sd[2];
    i16 sw[4];
    i8 sb[8];
};
union xmm {
    u64 q[2];
    u32 d[4];
    u16 w[8];
    u8 b[16];
    i64 sq[2];
    i32 sd[4];
    i16 sw[8];
    i8 sb[16];
    float f[4];
    double g[2];
};

/* ---- registers */

NB_INLINE u8 *xmm_reg(struct cpu *c, u8 off)
{
    return &c->fpu.xmm[0][0] + off;
}
NB_INLINE union xmm xmm_get(const struct cpu *c, u8 off)
{
    union xmm v;

    memcpy(&v, &c->fpu.xmm[0][0] + off, 16);
    return v;
}
NB_INLINE void xmm_put(struct cpu *c, u8 off, union xmm v)
{
    memcpy(&c->fpu.xmm[0][0] + off, &v, 16);
}
NB_INLINE u8 *mmx_reg(struct cpu *c, u8 off)
{
    return &c->fpu.reg[0][0] + off;
}
NB_INLINE union mmx mmx_get(const struct cpu *c, u8 off)
{
    union mmx v;

    memcpy(&v, &c->fpu.reg[0][0] + off, 8);
    return v;
}
/* Sign and exponent become ones (SDM 1, 9.2.1). */
NB_INLINE void mmx_put(struct cpu *c, u8 off, union mmx v)
{
    memcpy(&c->fpu.reg[0][0] + off, &v, 8);
    memset(&c->fpu.reg[0][0] + off + 8, 0xff, 2);
}

/* An MMX instruction begins: a pending x87 exception comes before everything that an operand can
 * raise. It must change nothing until its operands are there; then mmx_enter(). */
#define MMX_WAIT(c, i) FPU_WAIT(c, i)
/* Every MMX instruction but EMMS: all registers valid, TOP 0 (SDM 1, 9.5.1). */
NB_INLINE void mmx_enter(struct cpu *c)
{
    c->fpu.sw &= (u16)~SW_TOP;
    c->fpu.valid = 0xff;
}

/* ---- memory operands
 * simd_rd() gives the address of `size` bytes to read, simd_wr() stores them; both check segment,
 * alignment (where SIMD_ALIGNED), pages. NULL or false: the fault is parked, and nothing changed. The
 * address is good until the next access. A misaligned 16-byte operand is #GP(0) before its pages
 * are looked at. */
enum { SIMD_ALIGNED = 64 };

NB_COLD const u8 *simd_rd_slow(struct cpu *c, const struct insn *i, unsigned how);
NB_COLD bool simd_wr_slow(struct cpu *c, const struct insn *i, const void *v, unsigned how);

/* MASKMOVQ, MASKMOVDQU: those bytes of v whose byte of mask has its top bit set go to [eDI]. */
NB_WARN_UNUSED bool simd_masked_store(struct cpu *c, const struct insn *i, const u8 *v,
                                      const u8 *mask, unsigned size);

#define SIMD_FITS_(la, how) \
    ((how) & SIMD_ALIGNED ? !((la) & 15) : ((la) & PAGE_MASK) <= PAGE_SIZE - (how))

/* how: the size, and SIMD_ALIGNED. */
NB_INLINE const u8 *simd_rd(struct cpu *c, const struct insn *i, unsigned how)
{
    u32 ea = insn_ea(c, i), la = c->seg[i->seg].base + ea;
    u64 e = c->tlb_rd[la >> 12];

    if (likely(ea < c->seg[i->seg].rd_end) && likely(e != 0) && likely(SIMD_FITS_(la, how)))
        return (const u8 *)(uintptr_t)(e + la);
    return simd_rd_slow(c, i, how);
}
/* v must not be a local: a handler whose locals nobody can reach needs no frame. */
NB_INLINE NB_WARN_UNUSED bool simd_wr(struct cpu *c, const struct insn *i, const void *v,
                                      unsigned how)
{
    u32 ea = insn_ea(c, i), la = c->seg[i->seg].base + ea;
    u64 e = c->tlb_wr[la >> 12];

    if (likely(ea < c->seg[i->seg].wr_end) && likely(e != 0) && likely(SIMD_FITS_(la, how))) {
        memcpy((u8 *)(uintptr_t)(e + la), v, how & ~(unsigned)SIMD_ALIGNED);
        return true;
    }
    return simd_wr_slow(c, i, v, how);
}

/* ---- handler sets: forms are the same for every operand size */
#define HSET_FORMS(name, ...) \
    const struct hset hs_##name = { { { __VA_ARGS__ }, { __VA_ARGS__ }, { __VA_ARGS__ } } }
#define HSET_RR_RM(name) HSET_FORMS(name, [FORM_RR] = name##_rr, [FORM_RM] = name##_rm)

/* dst = kernel(dst, src), src a register or memory of the register's size. K is a kernel that takes
 * and gives unions by value. */
#define MMX_BINARY_(name, K, size) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        MMX_WAIT(c, i); \
        mmx_enter(c); \
        mmx_put(c, i->dst, K(mmx_get(c, i->dst), mmx_get(c, i->src))); \
        NEXT(c, i); \
    } \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        union mmx v = { { 0 } }; \
        MMX_WAIT(c, i); \
        const u8 *p = simd_rd(c, i, size); \
        if (unlikely(!p)) \
            FAULT(c); \
        memcpy(&v, p, size); \
        mmx_enter(c); \
        mmx_put(c, i->dst, K(mmx_get(c, i->dst), v)); \
        NEXT(c, i); \
    } \
    HSET_RR_RM(name)
#define MMX_BINARY(name, K) MMX_BINARY_(name, K, 8)

/* dst = kernel(dst, src), XMM. how: as simd_rd() has it (16 | SIMD_ALIGNED, or 4 or 8 for scalars:
 * then the rest of the memory operand is zero). */
#define XMM_BINARY_(name, K, how) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        xmm_put(c, i->dst, K(xmm_get(c, i->dst), xmm_get(c, i->src))); \
        NEXT(c, i); \
    } \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        union xmm v = { { 0 } }; \
        const u8 *p = simd_rd(c, i, how); \
        if (unlikely(!p)) \
            FAULT(c); \
        memcpy(&v, p, (how) & ~(unsigned)SIMD_ALIGNED); \
        xmm_put(c, i->dst, K(xmm_get(c, i->dst), v)); \
        NEXT(c, i); \
    } \
    HSET_RR_RM(name)
#define XMM_BINARY(name, K) XMM_BINARY_(name, K, 16 | SIMD_ALIGNED)

/* The same with i->imm as third argument of K. */
#define XMM_TERNARY(name, K) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        xmm_put(c, i->dst, K(xmm_get(c, i->dst), xmm_get(c, i->src), i->imm)); \
        NEXT(c, i); \
    } \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        union xmm v; \
        const u8 *p = simd_rd(c, i, 16 | SIMD_ALIGNED); \
        if (unlikely(!p)) \
            FAULT(c); \
        memcpy(&v, p, 16); \
        xmm_put(c, i->dst, K(xmm_get(c, i->dst), v, i->imm)); \
        NEXT(c, i); \
    } \
    HSET_RR_RM(name)

/* ---- MXCSR (SDM 1, 10.2.3) */
enum {
    MXCSR_IE = 1, MXCSR_DE = 2, MXCSR_ZE = 4, MXCSR_OE = 8, MXCSR_UE = 16, MXCSR_PE = 32,
    MXCSR_EXC = 0x3f, MXCSR_DAZ = 0x40, MXCSR_MASKS = 0x1f80, MXCSR_RC = 0x6000, MXCSR_FZ = 0x8000,
};
/* Bits that exist: DAZ came after the Pentium III. */
NB_INLINE u32 mxcsr_mask(const struct cpu *c)
{
    return c->isa_features & BIT(FEAT_SSE2) ? 0xffff : 0xffbf;
}

#endif
