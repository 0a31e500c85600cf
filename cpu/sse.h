/* SPDX-License-Identifier: MIT */
/* SSE, SSE2 and SSE3 floating point: the operations, and the interface behind which the arithmetic
 * sits. SDM 1 chapters 10 to 12. Private to cpu/. */
#ifndef NB_CPU_SSE_H
#define NB_CPU_SSE_H

#include "cpu/simd.h"

/* Operations, each with the bytes of its result. a: first (destination) operand, b: second; an
 * operation of one operand has it in b. Operands are as long as the instruction's memory operand
 * would be, and need no alignment. COMIS and UCOMIS give EFLAGS in 4 bytes. Operations on MMX
 * registers are those on 8 bytes. */
#define SSE_TYPES_(X, name) X(name##ps, 16) X(name##ss, 4) X(name##pd, 16) X(name##sd, 8)
#define SSE_CMP_(X, type, size) \
    X(cmp##type##_0, size) X(cmp##type##_1, size) X(cmp##type##_2, size) X(cmp##type##_3, size) \
    X(cmp##type##_4, size) X(cmp##type##_5, size) X(cmp##type##_6, size) X(cmp##type##_7, size)
#define SSE_OPS(X) \
    SSE_TYPES_(X, add) SSE_TYPES_(X, mul) SSE_TYPES_(X, sub) SSE_TYPES_(X, min) \
    SSE_TYPES_(X, div) SSE_TYPES_(X, max) SSE_TYPES_(X, sqrt) \
    SSE_CMP_(X, ps, 16) SSE_CMP_(X, ss, 4) SSE_CMP_(X, pd, 16) SSE_CMP_(X, sd, 8) \
    X(comiss, 4) X(ucomiss, 4) X(comisd, 4) X(ucomisd, 4) \
    X(cvtps2pd, 16) X(cvtpd2ps, 16) X(cvtss2sd, 8) X(cvtsd2ss, 4) \
    X(cvtdq2ps, 16) X(cvtps2dq, 16) X(cvttps2dq, 16) \
    X(cvtdq2pd, 16) X(cvtpd2dq, 16) X(cvttpd2dq, 16) \
    X(cvtsi2ss, 4) X(cvtsi2sd, 8) X(cvtss2si, 4) X(cvttss2si, 4) X(cvtsd2si, 4) X(cvttsd2si, 4) \
    X(cvtpi2ps, 8) X(cvtps2pi, 8) X(cvttps2pi, 8) X(cvtpd2pi, 8) X(cvttpd2pi, 8) \
    X(addsubps, 16) X(addsubpd, 16) X(haddps, 16) X(haddpd, 16) X(hsubps, 16) X(hsubpd, 16) \
    X(rcpps, 16) X(rcpss, 4) X(rsqrtps, 16) X(rsqrtss, 4)

enum sse_op {
#define X_(name, size) SSE_##name,
    SSE_OPS(X_)
#undef X_
    SSE_NUM
};

/* One operation under an MXCSR. Returns MXCSR's exception flags in 5:0, those before it left out;
 * other bits are undefined. out may be neither a nor b.
 *
 * The portable ones obey all of MXCSR: where an exception is not masked, flags are what the
 * processor sets before #XM, and out is undefined. The host's want all masked and flags clear, or
 * SSE_STICK for MXCSR: they round to nearest then, know denormals, and flags of earlier operations
 * stay in what they return: that is several times faster than to load MXCSR twice. */
typedef u32 sse_fn(u32 mxcsr, void *out, const void *a, const void *b);
enum { SSE_STICK = 1 << 16 };

extern sse_fn *const sse_soft[SSE_NUM]; /* sse_soft.c */
#if defined(__SSE2__)
#define SSE_HAVE_HOST 1
extern sse_fn *const sse_host[SSE_NUM]; /* sse_host.c */
#else
#define SSE_HAVE_HOST 0
/* Handlers of a row xmm := xmm OP xmm/m; `how` is simd_rd()'s, for the memory form. */
#define XMM_RR_(name) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = xmm_reg(c, i->dst); \
        if (unlikely(!sse_run(c, i, SSE_##name, d, d, xmm_reg(c, i->src)))) \
            FAULT(c); \
        NEXT(c, i); \
    }
#define XMM_RM_(name, how) \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = xmm_reg(c, i->dst); \
        const u8 *p = simd_rd(c, i, how); \
        if (unlikely(!p) || unlikely(!sse_run(c, i, SSE_##name, d, d, p))) \
            FAULT(c); \
        NEXT(c, i); \
    }
#define XMM_(name, how) \
    XMM_RR_(name) \
    XMM_RM_(name, how) \
    HSET_RR_RM(name);

#endif

/* Runs an operation as the guest's MXCSR says and records what it found. false: #XM (#UD without
 * CR4.OSXMMEXCPT) is parked, and only MXCSR's flags have changed. out may be an operand. */
NB_WARN_UNUSED bool sse_run(struct cpu *c, const struct insn *i, enum sse_op op, void *out,
                            const void *a, const void *b);
/* RCP and RSQRT: no exceptions. Where time is counted our own, which are the same on every host. */
void sse_approximate(struct cpu *c, enum sse_op op, void *out, const void *b);

/* Whether, in the operation at hand, an inexact result is no news (flag set, and masked), and
 * rounding is to nearest. Then the host compiler's own arithmetic will do where nothing else can
 * have happened: operands and result tell. Denormals don't come near, so
 * DAZ and FTZ don't matter. */
NB_INLINE bool sse_is_plain(const struct cpu *c)
{
    const u32 pe = MXCSR_PE | MXCSR_PE << 7;

    return likely((c->fpu.mxcsr & (pe | MXCSR_RC)) == pe) && likely(!c->soft_fpu);
}

/* Handlers of a row xmm := xmm OP xmm/m; `how` is simd_rd()'s, for the memory form. */
#define XMM_RR_(name) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = xmm_reg(c, i->dst); \
        if (unlikely(!sse_run(c, i, SSE_##name, d, d, xmm_reg(c, i->src)))) \
            FAULT(c); \
        NEXT(c, i); \
    }
#define XMM_RM_(name, how) \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = xmm_reg(c, i->dst); \
        const u8 *p = simd_rd(c, i, how); \
        if (unlikely(!p) || unlikely(!sse_run(c, i, SSE_##name, d, d, p))) \
            FAULT(c); \
        NEXT(c, i); \
    }
#define XMM_(name, how) \
    XMM_RR_(name) \
    XMM_RM_(name, how) \
    HSET_RR_RM(name);

#endif
