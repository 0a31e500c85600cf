/* SPDX-License-Identifier: MIT */
/* Moves, extensions, LEA, XLAT, BSWAP, SETcc, CMOVcc, LAHF/SAHF and the single-flag instructions. */
#include "cpu/flags.h"
#include "cpu/isa.h"
#include "cpu/mem.h"

#define MOV_MEM_(suf, AM, bits, T) \
static unsigned mov##bits##_rm##suf(struct cpu *c, const struct insn *i) \
{ \
    const u8 *p = AM##_RD(c, i, bits / 8); \
    if (unlikely(!p)) \
        return mov##bits##_rm_slow(c, i); \
    memcpy(&REG##bits(c, i->dst), p, bits / 8); \
    NEXT(c, i); \
} \
static unsigned mov##bits##_mr##suf(struct cpu *c, const struct insn *i) \
{ \
    u8 *p = AM##_WR(c, i, bits / 8); \
    if (unlikely(!p)) \
        return mov##bits##_mr_slow(c, i); \
    memcpy(p, &REG##bits(c, i->src), bits / 8); \
    NEXT(c, i); \
} \
static unsigned mov##bits##_mi##suf(struct cpu *c, const struct insn *i) \
{ \
    T v = (T)i->imm; \
    u8 *p = AM##_WR(c, i, bits / 8); \
    if (unlikely(!p)) \
        return mov##bits##_mi_slow(c, i); \
    memcpy(p, &v, bits / 8); \
    NEXT(c, i); \
}
#define MOV_(bits, T) \
static unsigned mov##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    REG##bits(c, i->dst) = REG##bits(c, i->src); \
    NEXT(c, i); \
} \
static unsigned mov##bits##_ri(struct cpu *c, const struct insn *i) \
{ \
    REG##bits(c, i->dst) = (T)i->imm; \
    NEXT(c, i); \
} \
static NB_COLD unsigned mov##bits##_rm_slow(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    REG##bits(c, i->dst) = v; \
    NEXT(c, i); \
} \
static NB_COLD unsigned mov##bits##_mr_slow(struct cpu *c, const struct insn *i) \
{ \
    c->cur = i; \
    if (!mem_write##bits(c, i->seg, insn_ea(c, i), REG##bits(c, i->src))) \
        FAULT(c); \
    NEXT(c, i); \
} \
static NB_COLD unsigned mov##bits##_mi_slow(struct cpu *c, const struct insn *i) \
{ \
    c->cur = i; \
    if (!mem_write##bits(c, i->seg, insn_ea(c, i), (T)i->imm)) \
        FAULT(c); \
    NEXT(c, i); \
} \
ADDRESSINGS(MOV_MEM_, bits, T)
MOV_(8, u8)
MOV_(16, u16)
MOV_(32, u32)
#define MOV_FORMS_(bits) \
    { [FORM_RR] = mov##bits##_rr, [FORM_RI] = mov##bits##_ri, \
      [FORM_PURE + FORM_RR] = mov##bits##_rr, [FORM_PURE + FORM_RI] = mov##bits##_ri, \
      ADDRESSED(FORM_RM, mov##bits##_rm), \
      ADDRESSED(FORM_MR, mov##bits##_mr), ADDRESSED(FORM_MI, mov##bits##_mi) }
const struct hset hs_mov = { { MOV_FORMS_(8), MOV_FORMS_(16), MOV_FORMS_(32) } };

/* MOVZX, MOVSX: D is the destination's size, S and ST the source's */
#define EXTEND_MEM_(suf, AM, name, D, DT, S, ST) \
static unsigned name##D##_rm##suf(struct cpu *c, const struct insn *i) \
{ \
    u##S v; \
    const u8 *p = AM##_RD(c, i, S / 8); \
    if (unlikely(!p)) \
        return name##D##_rm_slow(c, i); \
    memcpy(&v, p, S / 8); \
    REG##D(c, i->dst) = (DT)(ST)v; \
    NEXT(c, i); \
}
#define EXTEND_(name, D, DT, S, ST) \
static unsigned name##D##_rr(struct cpu *c, const struct insn *i) \
{ \
    REG##D(c, i->dst) = (DT)(ST)REG##S(c, i->src); \
    NEXT(c, i); \
} \
static NB_COLD unsigned name##D##_rm_slow(struct cpu *c, const struct insn *i) \
{ \
    u##S v; \
    c->cur = i; \
    if (!mem_read##S(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    REG##D(c, i->dst) = (DT)(ST)v; \
    NEXT(c, i); \
} \
ADDRESSINGS(EXTEND_MEM_, name, D, DT, S, ST)
#define EXTEND(name, S, ST) \
    EXTEND_(name, 16, u16, S, ST) \
    EXTEND_(name, 32, u32, S, ST) \
    const struct hset hs_##name = { { { 0 }, { [FORM_RR] = name##16_rr, \
        [FORM_PURE + FORM_RR] = name##16_rr, ADDRESSED(FORM_RM, name##16_rm) }, \
                                      { [FORM_RR] = name##32_rr, \
        [FORM_PURE + FORM_RR] = name##32_rr, ADDRESSED(FORM_RM, name##32_rm) } } };
EXTEND(movzxb, 8, u8)
EXTEND(movzxw, 16, u16)
EXTEND(movsxb, 8, i8)
EXTEND(movsxw, 16, i16)

static unsigned lea16(struct cpu *c, const struct insn *i)
{
    REG16(c, i->dst) = (u16)insn_ea(c, i);
    NEXT(c, i);
}

static unsigned lea32(struct cpu *c, const struct insn *i)
{
    REG32(c, i->dst) = insn_ea(c, i);
    NEXT(c, i);
}

static unsigned lea32_f(struct cpu *c, const struct insn *i)
{
    REG32(c, i->dst) = FLAT_EA(c, i);
    NEXT(c, i);
}

static unsigned lea32_x(struct cpu *c, const struct insn *i)
{
    REG32(c, i->dst) = FLATX_EA(c, i);
    NEXT(c, i);
}
const struct hset hs_lea = { { { 0 }, { [FORM_RM] = lea16 }, { ADDRESSED(FORM_RM, lea32), [FORM_PURE + FORM_RM] = lea32 } } };

static unsigned cbw(struct cpu *c, const struct insn *i)
{
    REG16(c, 0) = (u16)(i8)REG8(c, 0);
    NEXT(c, i);
}

static unsigned cwde(struct cpu *c, const struct insn *i)
{
    c->gpr[R_EAX] = (u32)(i16)c->gpr[R_EAX];
    NEXT(c, i);
}

static unsigned cwd(struct cpu *c, const struct insn *i)
{
    REG16(c, R_EDX * 4) = (i16)REG16(c, 0) < 0 ? 0xffff : 0;
    NEXT(c, i);
}

static unsigned cdq(struct cpu *c, const struct insn *i)
{
    c->gpr[R_EDX] = (i32)c->gpr[R_EAX] < 0 ? 0xffffffffu : 0;
    NEXT(c, i);
}
const struct hset hs_cbw = { { { 0 }, { [FORM_N] = cbw }, { [FORM_N] = cwde } } };
const struct hset hs_cwd = { { { 0 }, { [FORM_N] = cwd },
                               { [FORM_N] = cdq, [FORM_PURE + FORM_N] = cdq } } };

static unsigned xlat(struct cpu *c, const struct insn *i)
{
    u8 v;

    c->cur = i;
    if (!mem_read8(c, i->seg, (c->gpr[R_EBX] + REG8(c, 0)) & insn_ea_mask(i), &v))
        FAULT(c);
    REG8(c, 0) = v;
    NEXT(c, i);
}
const struct hset hs_xlat = HSET_ONE(xlat);

/* BSWAP of a 16-bit register is undefined; P6 to today's processors clear it. */
static unsigned bswap16(struct cpu *c, const struct insn *i)
{
    REG16(c, i->dst) = 0;
    NEXT(c, i);
}

static unsigned bswap32(struct cpu *c, const struct insn *i)
{
    REG32(c, i->dst) = swap_bytes32(REG32(c, i->dst));
    NEXT(c, i);
}
const struct hset hs_bswap = { { { 0 }, { [FORM_R] = bswap16 }, { [FORM_R] = bswap32, [FORM_PURE + FORM_R] = bswap32 } } };

/* CMOVcc reads its memory operand whatever the condition is (SDM 2A). */
#define COND_(id, n) \
static unsigned setcc_##id##_r(struct cpu *c, const struct insn *i) \
{ \
    REG8(c, i->dst) = cc_cond(c, n); \
    NEXT(c, i); \
} \
static unsigned setcc_##id##_m(struct cpu *c, const struct insn *i) \
{ \
    c->cur = i; \
    if (!mem_write8(c, i->seg, insn_ea(c, i), cc_cond(c, n))) \
        FAULT(c); \
    NEXT(c, i); \
} \
const struct hset hs_setcc_##id = { { { [FORM_R] = setcc_##id##_r, \
    [FORM_PURE + FORM_R] = setcc_##id##_r, [FORM_M] = setcc_##id##_m }, \
                                      { 0 }, { 0 } } }; \
static unsigned cmov_##id##16_rr(struct cpu *c, const struct insn *i) \
{ \
    if (cc_cond(c, n)) \
        REG16(c, i->dst) = REG16(c, i->src); \
    NEXT(c, i); \
} \
static unsigned cmov_##id##32_rr(struct cpu *c, const struct insn *i) \
{ \
    if (cc_cond(c, n)) \
        REG32(c, i->dst) = REG32(c, i->src); \
    NEXT(c, i); \
} \
static unsigned cmov_##id##16_rm(struct cpu *c, const struct insn *i) \
{ \
    u16 v; \
    c->cur = i; \
    if (!mem_read16(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    if (cc_cond(c, n)) \
        REG16(c, i->dst) = v; \
    NEXT(c, i); \
} \
static unsigned cmov_##id##32_rm(struct cpu *c, const struct insn *i) \
{ \
    u32 v; \
    c->cur = i; \
    if (!mem_read32(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    if (cc_cond(c, n)) \
        REG32(c, i->dst) = v; \
    NEXT(c, i); \
} \
const struct hset hs_cmovcc_##id = { { { 0 }, \
    { [FORM_RR] = cmov_##id##16_rr, [FORM_RM] = cmov_##id##16_rm }, \
    { [FORM_RR] = cmov_##id##32_rr, [FORM_PURE + FORM_RR] = cmov_##id##32_rr, \
      [FORM_RM] = cmov_##id##32_rm } } };
COND_(o, 0)
COND_(no, 1)
COND_(b, 2)
COND_(nb, 3)
COND_(z, 4)
COND_(nz, 5)
COND_(be, 6)
COND_(nbe, 7)
COND_(s, 8)
COND_(ns, 9)
COND_(p, 10)
COND_(np, 11)
COND_(l, 12)
COND_(nl, 13)
COND_(le, 14)
COND_(nle, 15)

static unsigned lahf(struct cpu *c, const struct insn *i)
{
    REG8(c, 1 + R_EAX * 4) = (u8)((cc_flags(c) & 0xd5) | FL_1);
    NEXT(c, i);
}
const struct hset hs_lahf = HSET_ONE(lahf);

static unsigned sahf(struct cpu *c, const struct insn *i)
{
    cc_set(c, (cc_flags(c) & FL_OF) | (REG8(c, 1 + R_EAX * 4) & 0xd5));
    NEXT(c, i);
}
const struct hset hs_sahf = HSET_ONE(sahf);

static unsigned clc(struct cpu *c, const struct insn *i)
{
    cc_set_cf(c, false);
    NEXT(c, i);
}
const struct hset hs_clc = HSET_ONE(clc);

static unsigned stc(struct cpu *c, const struct insn *i)
{
    cc_set_cf(c, true);
    NEXT(c, i);
}
const struct hset hs_stc = HSET_ONE(stc);

static unsigned cmc(struct cpu *c, const struct insn *i)
{
    cc_set_cf(c, !cc_cf(c));
    NEXT(c, i);
}
const struct hset hs_cmc = HSET_ONE(cmc);

static unsigned cld(struct cpu *c, const struct insn *i)
{
    c->eflags &= ~(u32)FL_DF;
    NEXT(c, i);
}
const struct hset hs_cld = HSET_ONE(cld);

static unsigned std_(struct cpu *c, const struct insn *i)
{
    c->eflags |= FL_DF;
    NEXT(c, i);
}
const struct hset hs_std = HSET_ONE(std_);

static unsigned salc(struct cpu *c, const struct insn *i)
{
    REG8(c, 0) = cc_cf(c) ? 0xff : 0;
    NEXT(c, i);
}
const struct hset hs_salc = HSET_ONE(salc);

static unsigned nop(struct cpu *c, const struct insn *i)
{
    NEXT(c, i);
}
const struct hset hs_nop = HSET_ONE(nop);
