/* SPDX-License-Identifier: MIT */
/* Two-operand arithmetic and logic, INC/DEC/NEG/NOT, CMP/TEST, XADD, CMPXCHG (SDM 2). One kernel a
 * row (flags.h); the macros make the register, memory and immediate forms. */
#include "cpu/flags.h"
#include "cpu/isa.h"
#include "cpu/mem.h"

#define REGV(bits, c, off) REG##bits(c, off)

/* dst = k(dst, src) */
#define BINARY_MEM_(suf, AM, name, bits, T) \
static unsigned name##bits##_rm##suf(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    const u8 *p = AM##_RD(c, i, bits / 8); \
    if (unlikely(!p)) \
        return name##bits##_rm_slow(c, i); \
    memcpy(&v, p, bits / 8); \
    REGV(bits, c, i->dst) = k_##name##bits(c, REGV(bits, c, i->dst), v); \
    NEXT(c, i); \
} \
NB_INLINE unsigned name##bits##_m##suf(struct cpu *c, const struct insn *i, T src) \
{ \
    T v; \
    u8 *p = AM##_WR(c, i, bits / 8); \
    if (unlikely(!p)) \
        return name##bits##_m_slow(c, i, src); \
    memcpy(&v, p, bits / 8); \
    v = k_##name##bits(c, v, src); \
    memcpy(p, &v, bits / 8); \
    NEXT(c, i); \
} \
static unsigned name##bits##_mr##suf(struct cpu *c, const struct insn *i) \
{ \
    return name##bits##_m##suf(c, i, REGV(bits, c, i->src)); \
} \
static unsigned name##bits##_mi##suf(struct cpu *c, const struct insn *i) \
{ \
    return name##bits##_m##suf(c, i, (T)i->imm); \
}

#define BINARY_(name, bits, T) \
static unsigned name##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    REGV(bits, c, i->dst) = k_##name##bits(c, REGV(bits, c, i->dst), REGV(bits, c, i->src)); \
    NEXT(c, i); \
} \
static unsigned name##bits##_ri(struct cpu *c, const struct insn *i) \
{ \
    REGV(bits, c, i->dst) = k_##name##bits(c, REGV(bits, c, i->dst), (T)i->imm); \
    NEXT(c, i); \
} \
static NB_COLD unsigned name##bits##_rm_slow(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    REGV(bits, c, i->dst) = k_##name##bits(c, REGV(bits, c, i->dst), v); \
    NEXT(c, i); \
} \
static NB_COLD unsigned name##bits##_m_slow(struct cpu *c, const struct insn *i, T src) \
{ \
    T v; \
    struct rmw m; \
    c->cur = i; \
    if (!rmw_begin##bits(c, i->seg, insn_ea(c, i), &v, &m)) \
        FAULT(c); \
    if (!rmw_end##bits(c, &m, k_##name##bits(c, v, src))) \
        FAULT(c); \
    NEXT(c, i); \
} \
ADDRESSINGS(BINARY_MEM_, name, bits, T)

/* Without the flags, which nobody will see (FORM_PURE); EXPR is of d and s. */
#define PURE_(name, EXPR) \
static unsigned name##32_rr_p(struct cpu *c, const struct insn *i) \
{ \
    u32 d = REG32(c, i->dst), s = REG32(c, i->src); \
    REG32(c, i->dst) = (EXPR); \
    NEXT(c, i); \
} \
static unsigned name##32_ri_p(struct cpu *c, const struct insn *i) \
{ \
    u32 d = REG32(c, i->dst), s = i->imm; \
    REG32(c, i->dst) = (EXPR); \
    NEXT(c, i); \
}

/* k(dst, src), flags only */
#define COMPARE_MEM_(suf, AM, name, bits, T, K) \
static unsigned name##bits##_rm##suf(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    const u8 *p = AM##_RD(c, i, bits / 8); \
    if (unlikely(!p)) \
        return name##bits##_rm_slow(c, i); \
    memcpy(&v, p, bits / 8); \
    K(c, REGV(bits, c, i->dst), v); \
    NEXT(c, i); \
} \
static unsigned name##bits##_mr##suf(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    const u8 *p = AM##_RD(c, i, bits / 8); \
    if (unlikely(!p)) \
        return name##bits##_mr_slow(c, i); \
    memcpy(&v, p, bits / 8); \
    K(c, v, REGV(bits, c, i->src)); \
    NEXT(c, i); \
} \
static unsigned name##bits##_mi##suf(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    const u8 *p = AM##_RD(c, i, bits / 8); \
    if (unlikely(!p)) \
        return name##bits##_mi_slow(c, i); \
    memcpy(&v, p, bits / 8); \
    K(c, v, (T)i->imm); \
    NEXT(c, i); \
}

#define COMPARE_(name, bits, T, K) \
static unsigned name##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    K(c, REGV(bits, c, i->dst), REGV(bits, c, i->src)); \
    NEXT(c, i); \
} \
static unsigned name##bits##_ri(struct cpu *c, const struct insn *i) \
{ \
    K(c, REGV(bits, c, i->dst), (T)i->imm); \
    NEXT(c, i); \
} \
static NB_COLD unsigned name##bits##_rm_slow(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    K(c, REGV(bits, c, i->dst), v); \
    NEXT(c, i); \
} \
static NB_COLD unsigned name##bits##_mr_slow(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    K(c, v, REGV(bits, c, i->src)); \
    NEXT(c, i); \
} \
static NB_COLD unsigned name##bits##_mi_slow(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    K(c, v, (T)i->imm); \
    NEXT(c, i); \
} \
ADDRESSINGS(COMPARE_MEM_, name, bits, T, K)

#define CF_FORMS_(name, bits) \
    [FORM_RR] = name##bits##_rr, [FORM_RI] = name##bits##_ri, \
    ADDRESSED(FORM_RM, name##bits##_rm), ADDRESSED(FORM_MR, name##bits##_mr), \
    ADDRESSED(FORM_MI, name##bits##_mi)
#define FORMS_(name, bits, pure) \
    CF_FORMS_(name, bits), [FORM_PURE + FORM_RR] = name##bits##_rr##pure, \
    [FORM_PURE + FORM_RI] = name##bits##_ri##pure
#define BINARY(name, EXPR) \
    BINARY_(name, 8, u8) \
    BINARY_(name, 16, u16) \
    BINARY_(name, 32, u32) \
    PURE_(name, EXPR) \
    const struct hset hs_##name = { { { FORMS_(name, 8, ) }, { FORMS_(name, 16, ) }, \
                                      { FORMS_(name, 32, _p) } } };

/* ADC and SBB read a flag: there is no pure form of them. */
#define BINARY_CF(name) \
    BINARY_(name, 8, u8) \
    BINARY_(name, 16, u16) \
    BINARY_(name, 32, u32) \
    const struct hset hs_##name = { { { CF_FORMS_(name, 8) }, { CF_FORMS_(name, 16) }, \
                                      { CF_FORMS_(name, 32) } } };

#define COMPARE(name, k) \
    COMPARE_(name, 8, u8, k##8) \
    COMPARE_(name, 16, u16, k##16) \
    COMPARE_(name, 32, u32, k##32) \
    const struct hset hs_##name = { { { FORMS_(name, 8, ) }, { FORMS_(name, 16, ) }, \
                                      { FORMS_(name, 32, ) } } };

BINARY(add, d + s)
BINARY_CF(adc)
BINARY(sub, d - s)
BINARY_CF(sbb)
BINARY(and, d & s)
BINARY(or, d | s)
BINARY(xor, d ^ s)
COMPARE(cmp, k_sub)
COMPARE(test, k_and)

/* dst = k(dst) */
#define UNARY_MEM_(suf, AM, name, bits, T) \
static unsigned name##bits##_m##suf(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    u8 *p = AM##_WR(c, i, bits / 8); \
    if (unlikely(!p)) \
        return name##bits##_m_slow(c, i); \
    memcpy(&v, p, bits / 8); \
    v = k_##name##bits(c, v); \
    memcpy(p, &v, bits / 8); \
    NEXT(c, i); \
}

#define UNARY_(name, bits, T) \
static unsigned name##bits##_r(struct cpu *c, const struct insn *i) \
{ \
    REGV(bits, c, i->dst) = k_##name##bits(c, REGV(bits, c, i->dst)); \
    NEXT(c, i); \
} \
static NB_COLD unsigned name##bits##_m_slow(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    struct rmw m; \
    c->cur = i; \
    if (!rmw_begin##bits(c, i->seg, insn_ea(c, i), &v, &m)) \
        FAULT(c); \
    if (!rmw_end##bits(c, &m, k_##name##bits(c, v))) \
        FAULT(c); \
    NEXT(c, i); \
} \
ADDRESSINGS(UNARY_MEM_, name, bits, T)
#define UFORMS_(name, bits, pure) \
    { [FORM_R] = name##bits##_r, [FORM_PURE + FORM_R] = name##bits##_r##pure, \
      ADDRESSED(FORM_M, name##bits##_m) }
#define UNARY(name, EXPR) \
    UNARY_(name, 8, u8) \
    UNARY_(name, 16, u16) \
    UNARY_(name, 32, u32) \
    static unsigned name##32_r_p(struct cpu *c, const struct insn *i) \
    { \
        u32 d = REG32(c, i->dst); \
        REG32(c, i->dst) = (EXPR); \
        NEXT(c, i); \
    } \
    const struct hset hs_##name = { { UFORMS_(name, 8, ), UFORMS_(name, 16, ), \
                                      UFORMS_(name, 32, _p) } };

#define k_not8(c, a) ((void)(c), (u8)~(a))
#define k_not16(c, a) ((void)(c), (u16)~(a))
#define k_not32(c, a) ((void)(c), ~(a))

UNARY(inc, d + 1)
UNARY(dec, d - 1)
UNARY(neg, 0 - d)
UNARY(not, ~d)

/* XADD: the source register gets the old destination, then the sum is written; with equal
 * registers the sum stays (SDM 2B, XADD). CMPXCHG writes memory in either case, so a read-only
 * page faults even if the comparison fails (SDM 2A, CMPXCHG). */
#define EXCHANGE_ADD_(bits, T) \
static unsigned xadd##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    T d = REGV(bits, c, i->dst), s = REGV(bits, c, i->src), r = k_add##bits(c, d, s); \
    REGV(bits, c, i->src) = d; \
    REGV(bits, c, i->dst) = r; \
    NEXT(c, i); \
} \
static unsigned xadd##bits##_mr(struct cpu *c, const struct insn *i) \
{ \
    T d; \
    struct rmw m; \
    c->cur = i; \
    if (!rmw_begin##bits(c, i->seg, insn_ea(c, i), &d, &m)) \
        FAULT(c); \
    T r = k_add##bits(c, d, REGV(bits, c, i->src)); \
    if (!rmw_end##bits(c, &m, r)) \
        FAULT(c); \
    REGV(bits, c, i->src) = d; \
    NEXT(c, i); \
} \
static unsigned cmpxchg##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    T d = REGV(bits, c, i->dst); \
    k_sub##bits(c, REGV(bits, c, 0), d); \
    if (cc_zf(c)) \
        REGV(bits, c, i->dst) = REGV(bits, c, i->src); \
    else \
        REGV(bits, c, 0) = d; \
    NEXT(c, i); \
} \
static unsigned cmpxchg##bits##_mr(struct cpu *c, const struct insn *i) \
{ \
    T d; \
    struct rmw m; \
    c->cur = i; \
    if (!rmw_begin##bits(c, i->seg, insn_ea(c, i), &d, &m)) \
        FAULT(c); \
    k_sub##bits(c, REGV(bits, c, 0), d); \
    bool equal = cc_zf(c); \
    if (!rmw_end##bits(c, &m, equal ? REGV(bits, c, i->src) : d)) \
        FAULT(c); \
    if (!equal) \
        REGV(bits, c, 0) = d; \
    NEXT(c, i); \
} \
static unsigned xchg##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    T d = REGV(bits, c, i->dst); \
    REGV(bits, c, i->dst) = REGV(bits, c, i->src); \
    REGV(bits, c, i->src) = d; \
    NEXT(c, i); \
} \
static unsigned xchg##bits##_mr(struct cpu *c, const struct insn *i) \
{ \
    T d; \
    struct rmw m; \
    c->cur = i; \
    if (!rmw_begin##bits(c, i->seg, insn_ea(c, i), &d, &m)) \
        FAULT(c); \
    if (!rmw_end##bits(c, &m, REGV(bits, c, i->src))) \
        FAULT(c); \
    REGV(bits, c, i->src) = d; \
    NEXT(c, i); \
}
EXCHANGE_ADD_(8, u8)
EXCHANGE_ADD_(16, u16)
EXCHANGE_ADD_(32, u32)

#define XFORMS_(name, bits) { [FORM_RR] = name##bits##_rr, [FORM_MR] = name##bits##_mr }
const struct hset hs_xadd = { { XFORMS_(xadd, 8), XFORMS_(xadd, 16), XFORMS_(xadd, 32) } };
const struct hset hs_cmpxchg = { { XFORMS_(cmpxchg, 8), XFORMS_(cmpxchg, 16), XFORMS_(cmpxchg, 32) } };
const struct hset hs_xchg = { { XFORMS_(xchg, 8), XFORMS_(xchg, 16), XFORMS_(xchg, 32) } };

/* CMPXCHG8B m64: writes memory in either case (SDM 2A). */
static unsigned op_cmpxchg8b(struct cpu *c, const struct insn *i)
{
    u64 v, want = (u64)c->gpr[R_EDX] << 32 | c->gpr[R_EAX];
    struct rmw m;

    c->cur = i;
    if (!rmw_begin64(c, i->seg, insn_ea(c, i), &v, &m))
        FAULT(c);
    if (!rmw_end64(c, &m, v == want ? (u64)c->gpr[R_ECX] << 32 | c->gpr[R_EBX] : v))
        FAULT(c);
    if (v != want) {
        c->gpr[R_EAX] = (u32)v;
        c->gpr[R_EDX] = (u32)(v >> 32);
    }
    cc_set_zf(c, v == want);
    NEXT(c, i);
}
const struct hset hs_cmpxchg8b = { { { [FORM_M] = op_cmpxchg8b }, { [FORM_M] = op_cmpxchg8b },
                                     { [FORM_M] = op_cmpxchg8b } } };
