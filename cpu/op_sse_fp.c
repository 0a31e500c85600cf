/* SPDX-License-Identifier: MIT */
/* SSE, SSE2 and SSE3 floating-point arithmetic and comparisons, and what all operations of sse.h
 * have in common: MXCSR and #XM (SDM 1, 11.5).
 *
 * Three ways to a result, from fast to slow: the compiler's own arithmetic for scalars where
 * nothing but an inexact result that is known already can have happened; the host's SSE unit with
 * all exceptions masked; our own routines, for hosts without one, on demand (soft_fpu), and for
 * each operation that meets an exception that is not masked. */
#include <float.h>

#include "cpu/flags.h"
#include "cpu/softfp.h"
#include "cpu/sse.h"

static const u8 result_size[SSE_NUM] = {
#define X_(name, size) size,
    SSE_OPS(X_)
#undef X_
};

/* On the host, with the guest's modes. false: it met something that is not masked (or that masked
 * exceptions cannot show: an exact tiny result is an underflow only where that is not masked). */
static bool run_masked(struct cpu *c, enum sse_op op, void *out, const void *a, const void *b)
{
#if SSE_HAVE_HOST
    u32 mxcsr = c->fpu.mxcsr, masks = mxcsr >> 7, f;

    if (unlikely(c->soft_fpu) || unlikely(!(masks & MXCSR_UE)))
        return false;
    if (likely(!(mxcsr & (MXCSR_RC | MXCSR_DAZ | MXCSR_FZ)))) {
        f = sse_host[op](SSE_STICK, out, a, b) & MXCSR_EXC;
        if (likely(!(f & ~(mxcsr & masks))))
            return true;
    }
    f = sse_host[op]((mxcsr & ~(u32)MXCSR_EXC) | MXCSR_MASKS, out, a, b) & MXCSR_EXC;
    if (f & ~masks)
        return false;
    c->fpu.mxcsr |= f;
    return true;
#else
    (void)c, (void)op, (void)out, (void)a, (void)b;
    return false;
#endif
}

bool sse_run(struct cpu *c, const struct insn *i, enum sse_op op, void *out, const void *a,
             const void *b)
{
    union xmm r;

    if (unlikely(!run_masked(c, op, &r, a, b))) {
        u32 f = sse_soft[op](c->fpu.mxcsr, &r, a, b);

        c->fpu.mxcsr |= f;
        if (f & ~(c->fpu.mxcsr >> 7)) {
            c->cur = i;
            return cpu_raise(c, c->cr4 & CR4_OSXMMEXCPT ? EXC_XM : EXC_UD);
        }
    }
    memcpy(out, &r, result_size[op]);
    return true;
}

void sse_approximate(struct cpu *c, enum sse_op op, void *out, const void *b)
{
    union xmm r;

#if SSE_HAVE_HOST
    if (!c->counted && !c->soft_fpu)
        sse_host[op](SSE_STICK, &r, b, b);
    else
#endif
        sse_soft[op](c->fpu.mxcsr, &r, b, b);
    memcpy(out, &r, result_size[op]);
}

/* ---- xmm := xmm OP xmm/m */

#define PACKED_ (16 | SIMD_ALIGNED)

XMM_(addps, PACKED_)
XMM_(addpd, PACKED_)
XMM_(mulps, PACKED_)
XMM_(mulpd, PACKED_)
XMM_(subps, PACKED_)
XMM_(subpd, PACKED_)
XMM_(divps, PACKED_)
XMM_(divpd, PACKED_)
XMM_(minps, PACKED_)
XMM_(minpd, PACKED_)
XMM_(minss, 4)
XMM_(minsd, 8)
XMM_(maxps, PACKED_)
XMM_(maxpd, PACKED_)
XMM_(maxss, 4)
XMM_(maxsd, 8)
XMM_(sqrtps, PACKED_)
XMM_(sqrtpd, PACKED_)
XMM_(sqrtss, 4)
XMM_(sqrtsd, 8)
XMM_(addsubps, PACKED_)
XMM_(addsubpd, PACKED_)
XMM_(haddps, PACKED_)
XMM_(haddpd, PACKED_)
XMM_(hsubps, PACKED_)
XMM_(hsubpd, PACKED_)

/* ---- scalar arithmetic: the compiler's where that will do */

#if FLT_EVAL_METHOD == 0
#define NATIVE_ 1
#else
#define NATIVE_ 0
#endif

/* Neither tiny, whatever it was before it was rounded, nor infinite, nor a NaN. */
NB_INLINE bool is_usual32(u32 v) { return (v >> 23 & 0xff) - 2 < 0xfd; }
NB_INLINE bool is_usual64(u64 v) { return (u32)(v >> 52 & 0x7ff) - 2 < 0x7fd; }
NB_INLINE bool is_zero32(u32 v) { return !(v << 1); }
NB_INLINE bool is_zero64(u64 v) { return !(v << 1); }

/* A zero of a sum is exact; one of a product or quotient is if an operand is. */
#define SCALAR_(name, T, bits, OP, sum) \
NB_INLINE bool name##_native(struct cpu *c, const struct insn *i, const u8 *p) \
{ \
    u##bits a, b, r; \
    T x, y; \
\
    memcpy(&a, xmm_reg(c, i->dst), sizeof(a)); \
    memcpy(&b, p, sizeof(b)); \
    memcpy(&x, &a, sizeof(x)); \
    memcpy(&y, &b, sizeof(y)); \
    x = x OP y; \
    memcpy(&r, &x, sizeof(r)); \
    if (!NATIVE_ || !sse_is_plain(c) || \
        unlikely(f##bits##_is_denormal(a)) || unlikely(f##bits##_is_denormal(b)) || \
        (unlikely(!is_usual##bits(r)) && \
         !(is_zero##bits(r) && (sum || is_zero##bits(a) || is_zero##bits(b))))) \
        return false; \
    memcpy(xmm_reg(c, i->dst), &r, sizeof(r)); \
    return true; \
} \
static unsigned name##_rr(struct cpu *c, const struct insn *i) \
{ \
    u8 *d = xmm_reg(c, i->dst); \
    const u8 *p = xmm_reg(c, i->src); \
    if (!likely(name##_native(c, i, p)) && unlikely(!sse_run(c, i, SSE_##name, d, d, p))) \
        FAULT(c); \
    NEXT(c, i); \
} \
static unsigned name##_rm(struct cpu *c, const struct insn *i) \
{ \
    u8 *d = xmm_reg(c, i->dst); \
    const u8 *p = simd_rd(c, i, bits / 8); \
    if (unlikely(!p) || \
        (!likely(name##_native(c, i, p)) && unlikely(!sse_run(c, i, SSE_##name, d, d, p)))) \
        FAULT(c); \
    NEXT(c, i); \
} \
HSET_RR_RM(name);

SCALAR_(addss, float, 32, +, true)
SCALAR_(addsd, double, 64, +, true)
SCALAR_(subss, float, 32, -, true)
SCALAR_(subsd, double, 64, -, true)
SCALAR_(mulss, float, 32, *, false)
SCALAR_(mulsd, double, 64, *, false)
SCALAR_(divss, float, 32, /, false)
SCALAR_(divsd, double, 64, /, false)

/* ---- RCP, RSQRT */

#define APPROX_(name, how) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        sse_approximate(c, SSE_##name, xmm_reg(c, i->dst), xmm_reg(c, i->src)); \
        NEXT(c, i); \
    } \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        const u8 *p = simd_rd(c, i, how); \
        if (unlikely(!p)) \
            FAULT(c); \
        sse_approximate(c, SSE_##name, xmm_reg(c, i->dst), p); \
        NEXT(c, i); \
    } \
    HSET_RR_RM(name);
APPROX_(rcpps, PACKED_)
APPROX_(rcpss, 4)
APPROX_(rsqrtps, PACKED_)
APPROX_(rsqrtss, 4)

/* ---- CMP: of the immediate, the processor looks at three bits (AVX uses more) */

#define CMP_(name, how) \
    static unsigned name##_rr(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = xmm_reg(c, i->dst); \
        if (unlikely(!sse_run(c, i, SSE_##name##_0 + (i->imm & 7), d, d, xmm_reg(c, i->src)))) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    static unsigned name##_rm(struct cpu *c, const struct insn *i) \
    { \
        u8 *d = xmm_reg(c, i->dst); \
        const u8 *p = simd_rd(c, i, how); \
        if (unlikely(!p) || unlikely(!sse_run(c, i, SSE_##name##_0 + (i->imm & 7), d, d, p))) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    HSET_FORMS(name##_imm, [FORM_RR] = name##_rr, [FORM_RM] = name##_rm);
CMP_(cmpps, PACKED_)
CMP_(cmppd, PACKED_)
CMP_(cmpss, 4)
CMP_(cmpsd, 8)

/* ---- COMIS, UCOMIS: EFLAGS stay as they are with an unmasked exception */

static NB_COLD bool com_slow(struct cpu *c, const struct insn *i, enum sse_op op, const u8 *b)
{
    u32 fl;

    if (!sse_run(c, i, op, &fl, xmm_reg(c, i->dst), b))
        return false;
    cc_set(c, fl);
    return true;
}

#define COM_(name, T, bits) \
NB_INLINE bool name(struct cpu *c, const struct insn *i, const u8 *p) \
{ \
    u##bits a, b; \
    T x, y; \
\
    memcpy(&a, xmm_reg(c, i->dst), sizeof(a)); \
    memcpy(&b, p, sizeof(b)); \
    memcpy(&x, &a, sizeof(x)); \
    memcpy(&y, &b, sizeof(y)); \
    if (unlikely(c->soft_fpu) || unlikely(f##bits##_is_nan(a)) || unlikely(f##bits##_is_nan(b)) || \
        unlikely(f##bits##_is_denormal(a)) || unlikely(f##bits##_is_denormal(b))) \
        return com_slow(c, i, SSE_##name, p); \
    cc_set(c, x == y ? FL_ZF : x < y ? FL_CF : 0); \
    return true; \
} \
static unsigned name##_rr(struct cpu *c, const struct insn *i) \
{ \
    if (unlikely(!name(c, i, xmm_reg(c, i->src)))) \
        FAULT(c); \
    NEXT(c, i); \
} \
static unsigned name##_rm(struct cpu *c, const struct insn *i) \
{ \
    const u8 *p = simd_rd(c, i, bits / 8); \
    if (unlikely(!p) || unlikely(!name(c, i, p))) \
        FAULT(c); \
    NEXT(c, i); \
} \
HSET_RR_RM(name);
COM_(comiss, float, 32)
COM_(ucomiss, float, 32)
COM_(comisd, double, 64)
COM_(ucomisd, double, 64)
