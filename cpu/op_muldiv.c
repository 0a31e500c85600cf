/* SPDX-License-Identifier: MIT */
/* MUL, IMUL, DIV, IDIV (SDM 2A, 2B). SF, ZF, AF and PF after a multiplication are undefined: SF and
 * PF follow the low half, AF is clear, as on P6. DIV and IDIV leave the flags as they were. */
#include "cpu/flags.h"
#include "cpu/isa.h"
#include "cpu/mem.h"

NB_INLINE void mul_flags(struct cpu *c, u32 low, bool over)
{
    c->cc.res = low;
    c->cc.aux = over ? AUX_CF : 0; /* CF = OF = over: bit 31 set, bit 30 clear */
}

#define REG_AX(c) REG16(c, 0)
#define REG_DX(c) REG16(c, R_EDX * 4)

NB_INLINE bool k_mul8(struct cpu *c, u8 v)
{
    u16 r = (u16)(REG8(c, 0) * v);
    REG_AX(c) = r;
    mul_flags(c, (u32)(i32)(i8)r, r >> 8);
    return true;
}

NB_INLINE bool k_mul16(struct cpu *c, u16 v)
{
    u32 r = (u32)REG_AX(c) * v;
    REG_AX(c) = (u16)r;
    REG_DX(c) = (u16)(r >> 16);
    mul_flags(c, (u32)(i32)(i16)r, r >> 16);
    return true;
}

NB_INLINE bool k_mul32(struct cpu *c, u32 v)
{
    u64 r = (u64)c->gpr[R_EAX] * v;
    c->gpr[R_EAX] = (u32)r;
    c->gpr[R_EDX] = (u32)(r >> 32);
    mul_flags(c, (u32)r, r >> 32);
    return true;
}

NB_INLINE bool k_imul8(struct cpu *c, u8 v)
{
    i16 r = (i16)((i8)REG8(c, 0) * (i8)v);
    REG_AX(c) = (u16)r;
    mul_flags(c, (u32)(i32)(i8)r, r != (i8)r);
    return true;
}

NB_INLINE bool k_imul16(struct cpu *c, u16 v)
{
    i32 r = (i32)(i16)REG_AX(c) * (i16)v;
    REG_AX(c) = (u16)r;
    REG_DX(c) = (u16)(r >> 16);
    mul_flags(c, (u32)(i32)(i16)r, r != (i16)r);
    return true;
}

NB_INLINE bool k_imul32(struct cpu *c, u32 v)
{
    i64 r = (i64)(i32)c->gpr[R_EAX] * (i32)v;
    c->gpr[R_EAX] = (u32)r;
    c->gpr[R_EDX] = (u32)(r >> 32);
    mul_flags(c, (u32)r, r != (i32)r);
    return true;
}

/* false: #DE */
NB_INLINE bool k_div8(struct cpu *c, u8 v)
{
    u16 n = REG_AX(c);
    if (!v || n / v > 0xff)
        return false;
    REG_AX(c) = (u16)((n % v) << 8 | n / v);
    return true;
}

NB_INLINE bool k_div16(struct cpu *c, u16 v)
{
    u32 n = (u32)REG_DX(c) << 16 | REG_AX(c);
    if (!v || n / v > 0xffff)
        return false;
    REG_AX(c) = (u16)(n / v);
    REG_DX(c) = (u16)(n % v);
    return true;
}

NB_INLINE bool k_div32(struct cpu *c, u32 v)
{
    u64 n = (u64)c->gpr[R_EDX] << 32 | c->gpr[R_EAX];
    if (!v || n / v > 0xffffffffu)
        return false;
    c->gpr[R_EAX] = (u32)(n / v);
    c->gpr[R_EDX] = (u32)(n % v);
    return true;
}

NB_INLINE bool k_idiv8(struct cpu *c, u8 v)
{
    i32 n = (i16)REG_AX(c), d = (i8)v;
    if (!d || n / d != (i8)(n / d))
        return false;
    REG_AX(c) = (u16)((u8)(n % d) << 8 | (u8)(n / d));
    return true;
}

NB_INLINE bool k_idiv16(struct cpu *c, u16 v)
{
    i64 n = (i32)((u32)REG_DX(c) << 16 | REG_AX(c)), d = (i16)v; /* 64 bits: INT_MIN / -1 */
    if (!d || n / d != (i16)(n / d))
        return false;
    REG_AX(c) = (u16)(n / d);
    REG_DX(c) = (u16)(n % d);
    return true;
}

NB_INLINE bool k_idiv32(struct cpu *c, u32 v)
{
    i64 n = (i64)((u64)c->gpr[R_EDX] << 32 | c->gpr[R_EAX]);
    i32 d = (i32)v;
    if (!d || (d == -1 && n == INT64_MIN) || n / d != (i32)(n / d))
        return false;
    c->gpr[R_EAX] = (u32)(n / d);
    c->gpr[R_EDX] = (u32)(n % d);
    return true;
}

#define ONE_OPERAND_(name, bits, T) \
static unsigned name##bits##_r(struct cpu *c, const struct insn *i) \
{ \
    if (!k_##name##bits(c, REG##bits(c, i->dst))) \
        RAISE(c, i, EXC_DE); \
    NEXT(c, i); \
} \
static unsigned name##bits##_m(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    if (!k_##name##bits(c, v)) \
        RAISE(c, i, EXC_DE); \
    NEXT(c, i); \
}
#define ONE_OPERAND(name) \
    ONE_OPERAND_(name, 8, u8) \
    ONE_OPERAND_(name, 16, u16) \
    ONE_OPERAND_(name, 32, u32) \
    const struct hset hs_##name = { { { [FORM_R] = name##8_r, [FORM_M] = name##8_m }, \
                                      { [FORM_R] = name##16_r, [FORM_M] = name##16_m }, \
                                      { [FORM_R] = name##32_r, [FORM_M] = name##32_m } } };
ONE_OPERAND(mul)
ONE_OPERAND(imul)
ONE_OPERAND(div)
ONE_OPERAND(idiv)

NB_INLINE u16 k_imul_low16(struct cpu *c, u16 a, u16 b)
{
    i32 r = (i32)(i16)a * (i16)b;
    mul_flags(c, (u32)(i32)(i16)r, r != (i16)r);
    return (u16)r;
}

NB_INLINE u32 k_imul_low32(struct cpu *c, u32 a, u32 b)
{
    i64 r = (i64)(i32)a * (i32)b;
    mul_flags(c, (u32)r, r != (i32)r);
    return (u32)r;
}

#define IMUL_(bits, T) \
static unsigned imul2_##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    REG##bits(c, i->dst) = k_imul_low##bits(c, REG##bits(c, i->dst), REG##bits(c, i->src)); \
    NEXT(c, i); \
} \
static unsigned imul2_##bits##_rm(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    REG##bits(c, i->dst) = k_imul_low##bits(c, REG##bits(c, i->dst), v); \
    NEXT(c, i); \
} \
static unsigned imul3_##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    REG##bits(c, i->dst) = k_imul_low##bits(c, REG##bits(c, i->src), (T)i->imm); \
    NEXT(c, i); \
} \
static unsigned imul3_##bits##_rm(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    REG##bits(c, i->dst) = k_imul_low##bits(c, v, (T)i->imm); \
    NEXT(c, i); \
}
IMUL_(16, u16)
IMUL_(32, u32)
const struct hset hs_imul2 = { { { 0 }, { [FORM_RR] = imul2_16_rr, [FORM_RM] = imul2_16_rm },
                                 { [FORM_RR] = imul2_32_rr, [FORM_PURE + FORM_RR] = imul2_32_rr,
                                   [FORM_RM] = imul2_32_rm } } };
const struct hset hs_imul3 = { { { 0 }, { [FORM_RR] = imul3_16_rr, [FORM_RM] = imul3_16_rm },
                                 { [FORM_RR] = imul3_32_rr, [FORM_PURE + FORM_RR] = imul3_32_rr,
                                   [FORM_RM] = imul3_32_rm } } };
