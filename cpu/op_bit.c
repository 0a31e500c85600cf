/* SPDX-License-Identifier: MIT */
/* BT, BTS, BTR, BTC, BSF, BSR and the decimal adjustments (SDM 2A). */
#include "cpu/flags.h"
#include "cpu/isa.h"
#include "cpu/mem.h"

/* A register bit offset reaches memory beyond the operand: signed, in units of the operand
 * (SDM 2A, BT; table 3-2). */
#define BIT_EA_(c, i, bits) \
    ((insn_ea(c, i) + (u32)(((i32)(i##bits)REG##bits(c, (i)->src) >> (bits == 16 ? 4 : 5)) * \
                            (bits / 8))) & insn_ea_mask(i))

#define BIT_OP_(name, bits, T, EXPR) \
static unsigned name##bits##_r(struct cpu *c, const struct insn *i, unsigned n) \
{ \
    T v = REG##bits(c, i->dst), m = (T)((T)1 << (n & (bits - 1))); \
    cc_set_cf(c, v & m); \
    REG##bits(c, i->dst) = (T)(EXPR); \
    NEXT(c, i); \
} \
static unsigned name##bits##_m(struct cpu *c, const struct insn *i, u32 ea, unsigned n) \
{ \
    T v, m = (T)((T)1 << (n & (bits - 1))); \
    struct rmw w; \
    c->cur = i; \
    if (!rmw_begin##bits(c, i->seg, ea, &v, &w) || !rmw_end##bits(c, &w, (T)(EXPR))) \
        FAULT(c); \
    cc_set_cf(c, v & m); \
    NEXT(c, i); \
} \
static unsigned name##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    return name##bits##_r(c, i, REG##bits(c, i->src)); \
} \
static unsigned name##bits##_ri(struct cpu *c, const struct insn *i) \
{ \
    return name##bits##_r(c, i, i->imm); \
} \
static unsigned name##bits##_mr(struct cpu *c, const struct insn *i) \
{ \
    return name##bits##_m(c, i, BIT_EA_(c, i, bits), REG##bits(c, i->src)); \
} \
static unsigned name##bits##_mi(struct cpu *c, const struct insn *i) \
{ \
    return name##bits##_m(c, i, insn_ea(c, i), i->imm); \
}
#define BIT_SET_(name) \
    const struct hset hs_##name = { { { 0 }, { [FORM_RR] = name##16_rr, [FORM_MR] = name##16_mr }, \
                                      { [FORM_RR] = name##32_rr, [FORM_MR] = name##32_mr } } }; \
    const struct hset hs_##name##i = { { { 0 }, { [FORM_RI] = name##16_ri, [FORM_MI] = name##16_mi }, \
                                         { [FORM_RI] = name##32_ri, [FORM_MI] = name##32_mi } } };
#define BIT_OP(name, EXPR) \
    BIT_OP_(name, 16, u16, EXPR) \
    BIT_OP_(name, 32, u32, EXPR) \
    BIT_SET_(name)
BIT_OP(bts, v | m)
BIT_OP(btr, v & ~m)
BIT_OP(btc, v ^ m)

#define BIT_TEST_(bits, T) \
static unsigned bt##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    cc_set_cf(c, (REG##bits(c, i->dst) >> (REG##bits(c, i->src) & (bits - 1))) & 1); \
    NEXT(c, i); \
} \
static unsigned bt##bits##_ri(struct cpu *c, const struct insn *i) \
{ \
    cc_set_cf(c, (REG##bits(c, i->dst) >> (i->imm & (bits - 1))) & 1); \
    NEXT(c, i); \
} \
static unsigned bt##bits##_mr(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, BIT_EA_(c, i, bits), &v)) \
        FAULT(c); \
    cc_set_cf(c, (v >> (REG##bits(c, i->src) & (bits - 1))) & 1); \
    NEXT(c, i); \
} \
static unsigned bt##bits##_mi(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    cc_set_cf(c, (v >> (i->imm & (bits - 1))) & 1); \
    NEXT(c, i); \
}
BIT_TEST_(16, u16)
BIT_TEST_(32, u32)
BIT_SET_(bt)

/* With a zero source the destination keeps its value: not documented by Intel, but so on every
 * processor, and AMD's manual says it. */
#define SCAN_(name, bits, T, EXPR) \
NB_INLINE void k_##name##bits(struct cpu *c, const struct insn *i, T v) \
{ \
    if (v) \
        REG##bits(c, i->dst) = (T)(EXPR); \
    c->cc.res = v; \
    c->cc.aux = 0; \
} \
static unsigned name##bits##_rr(struct cpu *c, const struct insn *i) \
{ \
    k_##name##bits(c, i, REG##bits(c, i->src)); \
    NEXT(c, i); \
} \
static unsigned name##bits##_rm(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    k_##name##bits(c, i, v); \
    NEXT(c, i); \
}
#define SCAN(name, EXPR) \
    SCAN_(name, 16, u16, EXPR) \
    SCAN_(name, 32, u32, EXPR) \
    const struct hset hs_##name = { { { 0 }, { [FORM_RR] = name##16_rr, [FORM_RM] = name##16_rm }, \
                                      { [FORM_RR] = name##32_rr, [FORM_RM] = name##32_rm } } };
SCAN(bsf, ctz32(v))
SCAN(bsr, 31 - clz32(v))

/* ---- decimal adjustments: the pseudo-code of SDM 2A */

#define AL_(c) REG8(c, 0)
#define AH_(c) REG8(c, 1)

/* Result flags of an 8-bit value, with AF and CF as given, OF clear. */
static void bcd_flags(struct cpu *c, u8 v, bool af, bool cf)
{
    c->cc.res = (u32)(i32)(i8)v;
    c->cc.aux = (cf ? AUX_CF | AUX_PO : 0) | (af ? AUX_AF : 0);
}

static unsigned daa(struct cpu *c, const struct insn *i)
{
    u8 al = AL_(c), r = al;
    bool cf = cc_cf(c), af = cc_af(c);
    bool low = (al & 15) > 9 || af, high = al > 0x99 || cf;

    if (low)
        r = (u8)(r + 6);
    if (high)
        r = (u8)(r + 0x60);
    AL_(c) = r;
    bcd_flags(c, r, low, high);
    NEXT(c, i);
}
const struct hset hs_daa = HSET_ONE(daa);

static unsigned das(struct cpu *c, const struct insn *i)
{
    u8 al = AL_(c), r = al;
    bool cf = cc_cf(c), af = cc_af(c), out = cf;
    bool low = (al & 15) > 9 || af, high = al > 0x99 || cf;

    if (low) {
        out = cf || al < 6;
        r = (u8)(r - 6);
    }
    if (high) {
        r = (u8)(r - 0x60);
        out = true;
    }
    AL_(c) = r;
    bcd_flags(c, r, low, out);
    NEXT(c, i);
}
const struct hset hs_das = HSET_ONE(das);

static unsigned aaa(struct cpu *c, const struct insn *i)
{
    bool adjust = (AL_(c) & 15) > 9 || cc_af(c);

    if (adjust)
        REG16(c, 0) = (u16)(REG16(c, 0) + 0x106);
    AL_(c) &= 15;
    bcd_flags(c, AL_(c), adjust, adjust);
    NEXT(c, i);
}
const struct hset hs_aaa = HSET_ONE(aaa);

static unsigned aas(struct cpu *c, const struct insn *i)
{
    bool adjust = (AL_(c) & 15) > 9 || cc_af(c);

    if (adjust)
        REG16(c, 0) = (u16)(REG16(c, 0) - 0x106);
    AL_(c) &= 15;
    bcd_flags(c, AL_(c), adjust, adjust);
    NEXT(c, i);
}
const struct hset hs_aas = HSET_ONE(aas);

static unsigned aam(struct cpu *c, const struct insn *i)
{
    u8 al = AL_(c), base = (u8)i->imm;

    if (!base)
        RAISE(c, i, EXC_DE);
    AH_(c) = al / base;
    AL_(c) = al % base;
    bcd_flags(c, AL_(c), false, false);
    NEXT(c, i);
}
const struct hset hs_aam = HSET_ONE(aam);

static unsigned aad(struct cpu *c, const struct insn *i)
{
    u8 r = (u8)(AL_(c) + AH_(c) * (u8)i->imm);

    REG16(c, 0) = r;
    bcd_flags(c, r, false, false);
    NEXT(c, i);
}
const struct hset hs_aad = HSET_ONE(aad);
