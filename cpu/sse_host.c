/* SPDX-License-Identifier: MIT */
/* The operations of sse.h on the host's SSE2 unit: each is the instruction itself. The only file
 * with inline assembly for SSE.
 *
 * Between two operations the host's MXCSR is 1F80 but for its flags, which stick, since loading it
 * takes longer than any arithmetic; see sse_fn. Callers mask all exceptions: there
 * is no handler for the signal.
 *
 * SSE3's additions are made of SSE2's on shuffled operands: a lane that is computed twice finds the
 * same exceptions twice. */
#include "cpu/sse.h"

#if SSE_HAVE_HOST

/* load, op and take are instructions: operands to XMM0 (a) and XMM1 (b), result from XMM0 */
#define HOST_OP_(name, load, op, take) \
static u32 host_##name(u32 mxcsr, void *out, const void *a, const void *b) \
{ \
    static const u32 host_mxcsr = 0x1f80; \
    u32 after; \
\
    if (likely(mxcsr == SSE_STICK)) { \
        __asm__ volatile(load op take "stmxcsr %[after]" \
                         : [after] "=m"(after) \
                         : [out] "r"(out), [a] "r"(a), [b] "r"(b) \
                         : "memory", "cc", "eax", "xmm0", "xmm1", "xmm2"); \
        return after; \
    } \
    __asm__ volatile(load "ldmxcsr %[mxcsr]\n\t" op take "stmxcsr %[after]\n\t" \
                     "ldmxcsr %[host]" \
                     : [after] "=m"(after) \
                     : [out] "r"(out), [a] "r"(a), [b] "r"(b), [mxcsr] "m"(mxcsr), \
                       [host] "m"(host_mxcsr) \
                     : "memory", "cc", "eax", "xmm0", "xmm1", "xmm2"); \
    return after; \
}

#define B4_ "movss (%[b]), %%xmm1\n\t"
#define B8_ "movsd (%[b]), %%xmm1\n\t"
#define B16_ "movups (%[b]), %%xmm1\n\t"
#define AB4_ "movss (%[a]), %%xmm0\n\t" B4_
#define AB8_ "movsd (%[a]), %%xmm0\n\t" B8_
#define AB16_ "movups (%[a]), %%xmm0\n\t" B16_
#define TAKE4_ "movss %%xmm0, (%[out])\n\t"
#define TAKE8_ "movlps %%xmm0, (%[out])\n\t"
#define TAKE16_ "movups %%xmm0, (%[out])\n\t"
#define ON_(insn) insn " %%xmm1, %%xmm0\n\t"

#define TWO_(name) \
    HOST_OP_(name##ps, AB16_, ON_(#name "ps"), TAKE16_) \
    HOST_OP_(name##ss, AB4_, ON_(#name "ss"), TAKE4_) \
    HOST_OP_(name##pd, AB16_, ON_(#name "pd"), TAKE16_) \
    HOST_OP_(name##sd, AB8_, ON_(#name "sd"), TAKE8_)
TWO_(add)
TWO_(mul)
TWO_(sub)
TWO_(min)
TWO_(div)
TWO_(max)

HOST_OP_(sqrtps, B16_, ON_("sqrtps"), TAKE16_)
HOST_OP_(sqrtss, B4_, ON_("sqrtss"), TAKE4_)
HOST_OP_(sqrtpd, B16_, ON_("sqrtpd"), TAKE16_)
HOST_OP_(sqrtsd, B8_, ON_("sqrtsd"), TAKE8_)
HOST_OP_(rcpps, B16_, ON_("rcpps"), TAKE16_)
HOST_OP_(rcpss, B4_, ON_("rcpss"), TAKE4_)
HOST_OP_(rsqrtps, B16_, ON_("rsqrtps"), TAKE16_)
HOST_OP_(rsqrtss, B4_, ON_("rsqrtss"), TAKE4_)

#define CMP_(n) \
    HOST_OP_(cmpps_##n, AB16_, ON_("cmpps $" #n ","), TAKE16_) \
    HOST_OP_(cmpss_##n, AB4_, ON_("cmpss $" #n ","), TAKE4_) \
    HOST_OP_(cmppd_##n, AB16_, ON_("cmppd $" #n ","), TAKE16_) \
    HOST_OP_(cmpsd_##n, AB8_, ON_("cmpsd $" #n ","), TAKE8_)
CMP_(0)
CMP_(1)
CMP_(2)
CMP_(3)
CMP_(4)
CMP_(5)
CMP_(6)
CMP_(7)

/* LAHF: ZF, PF and CF lie in AH as in EFLAGS. */
#define TAKE_FLAGS_ "lahf\n\tmovzbl %%ah, %%eax\n\tandl $0x45, %%eax\n\tmovl %%eax, (%[out])\n\t"
HOST_OP_(comiss, AB4_, ON_("comiss"), TAKE_FLAGS_)
HOST_OP_(ucomiss, AB4_, ON_("ucomiss"), TAKE_FLAGS_)
HOST_OP_(comisd, AB8_, ON_("comisd"), TAKE_FLAGS_)
HOST_OP_(ucomisd, AB8_, ON_("ucomisd"), TAKE_FLAGS_)

HOST_OP_(cvtps2pd, B8_, ON_("cvtps2pd"), TAKE16_)
HOST_OP_(cvtpd2ps, B16_, ON_("cvtpd2ps"), TAKE16_)
HOST_OP_(cvtss2sd, B4_, ON_("cvtss2sd"), TAKE8_)
HOST_OP_(cvtsd2ss, B8_, ON_("cvtsd2ss"), TAKE4_)
HOST_OP_(cvtdq2ps, B16_, ON_("cvtdq2ps"), TAKE16_)
HOST_OP_(cvtps2dq, B16_, ON_("cvtps2dq"), TAKE16_)
HOST_OP_(cvttps2dq, B16_, ON_("cvttps2dq"), TAKE16_)
HOST_OP_(cvtdq2pd, B8_, ON_("cvtdq2pd"), TAKE16_)
HOST_OP_(cvtpd2dq, B16_, ON_("cvtpd2dq"), TAKE16_)
HOST_OP_(cvttpd2dq, B16_, ON_("cvttpd2dq"), TAKE16_)
/* upper halves are zeros, which convert without a word */
HOST_OP_(cvtpi2ps, B8_, ON_("cvtdq2ps"), TAKE8_)
HOST_OP_(cvtps2pi, B8_, ON_("cvtps2dq"), TAKE8_)
HOST_OP_(cvttps2pi, B8_, ON_("cvttps2dq"), TAKE8_)
HOST_OP_(cvtpd2pi, B16_, ON_("cvtpd2dq"), TAKE8_)
HOST_OP_(cvttpd2pi, B16_, ON_("cvttpd2dq"), TAKE8_)

#define TAKE_EAX_ "movl %%eax, (%[out])\n\t"
HOST_OP_(cvtsi2ss, "", "cvtsi2ssl (%[b]), %%xmm0\n\t", TAKE4_)
HOST_OP_(cvtsi2sd, "", "cvtsi2sdl (%[b]), %%xmm0\n\t", TAKE8_)
HOST_OP_(cvtss2si, B4_, "cvtss2si %%xmm1, %%eax\n\t", TAKE_EAX_)
HOST_OP_(cvttss2si, B4_, "cvttss2si %%xmm1, %%eax\n\t", TAKE_EAX_)
HOST_OP_(cvtsd2si, B8_, "cvtsd2si %%xmm1, %%eax\n\t", TAKE_EAX_)
HOST_OP_(cvttsd2si, B8_, "cvttsd2si %%xmm1, %%eax\n\t", TAKE_EAX_)

/* even lanes of a and b to XMM0, odd ones to XMM2 */
#define SPLIT_PS_ AB16_ \
    "movaps %%xmm0, %%xmm2\n\tshufps $0x88, %%xmm1, %%xmm0\n\tshufps $0xdd, %%xmm1, %%xmm2\n\t"
#define SPLIT_PD_ AB16_ \
    "movapd %%xmm0, %%xmm2\n\tunpcklpd %%xmm1, %%xmm0\n\tunpckhpd %%xmm1, %%xmm2\n\t"
HOST_OP_(haddps, SPLIT_PS_, "addps %%xmm2, %%xmm0\n\t", TAKE16_)
HOST_OP_(hsubps, SPLIT_PS_, "subps %%xmm2, %%xmm0\n\t", TAKE16_)
HOST_OP_(haddpd, SPLIT_PD_, "addpd %%xmm2, %%xmm0\n\t", TAKE16_)
HOST_OP_(hsubpd, SPLIT_PD_, "subpd %%xmm2, %%xmm0\n\t", TAKE16_)
/* even lanes are subtracted, odd ones added */
HOST_OP_(addsubps, AB16_ "movaps %%xmm0, %%xmm2\n\tshufps $0xdd, %%xmm2, %%xmm2\n\t"
         "shufps $0x88, %%xmm0, %%xmm0\n\t",
         "movups (%[b]), %%xmm1\n\tshufps $0x88, %%xmm1, %%xmm1\n\tsubps %%xmm1, %%xmm0\n\t"
         "movups (%[b]), %%xmm1\n\tshufps $0xdd, %%xmm1, %%xmm1\n\taddps %%xmm1, %%xmm2\n\t"
         "unpcklps %%xmm2, %%xmm0\n\t", TAKE16_)
HOST_OP_(addsubpd, AB16_ "movapd %%xmm0, %%xmm2\n\tunpckhpd %%xmm2, %%xmm2\n\t",
         "subsd %%xmm1, %%xmm0\n\tunpckhpd %%xmm1, %%xmm1\n\taddsd %%xmm1, %%xmm2\n\t"
         "unpcklpd %%xmm2, %%xmm0\n\t", TAKE16_)

sse_fn *const sse_host[SSE_NUM] = {
#define X_(name, size) host_##name,
    SSE_OPS(X_)
#undef X_
};

#endif
