/* SPDX-License-Identifier: MIT */
/* Near control transfer: Jcc, JMP, CALL, RET, LOOP, JCXZ, BOUND, UD. Targets are checked against the
 * CS limit by the transfer itself, so that the fault's EIP is the transfer's (SDM 2). */
#include "cpu/flags.h"
#include "cpu/icache.h"
#include "cpu/isa.h"
#include "cpu/mem.h"

#define GO(c, i, target) \
    do { \
        u32 to_ = (target); \
        if (unlikely(to_ > (c)->seg[S_CS].limit)) \
            RAISE_ERR(c, i, EXC_GP, 0); \
        END_AT(c, i, to_); \
    } while (0)
#define REL16(c, i) ((next_eip(c, i) + (i)->imm) & 0xffff)
#define REL32(c, i) (next_eip(c, i) + (i)->imm)

/* FORM_FLAT: CS has no limit that a target could miss, and the next block can be known here. */
#define JCC_(id, n) \
static unsigned jcc_##id##_16(struct cpu *c, const struct insn *i) \
{ \
    if (cc_cond(c, n)) \
        GO(c, i, REL16(c, i)); \
    END_AT(c, i, next_eip(c, i)); \
} \
static unsigned jcc_##id##_32(struct cpu *c, const struct insn *i) \
{ \
    if (cc_cond(c, n)) \
        GO(c, i, REL32(c, i)); \
    END_AT(c, i, next_eip(c, i)); \
} \
static unsigned jcc_##id##_32_f(struct cpu *c, const struct insn *i) \
{ \
    if (cc_cond(c, n)) \
        return code_chain(c, i, REL32(c, i), LINK_BRANCH); \
    return code_chain(c, i, next_eip(c, i), LINK_FALL); \
} \
const struct hset hs_jcc_##id = { { { 0 }, { [FORM_I] = jcc_##id##_16 }, \
    { [FORM_I] = jcc_##id##_32, [FORM_FLAT + FORM_I] = jcc_##id##_32_f } } };
JCC_(o, 0)
JCC_(no, 1)
JCC_(b, 2)
JCC_(nb, 3)
JCC_(z, 4)
JCC_(nz, 5)
JCC_(be, 6)
JCC_(nbe, 7)
JCC_(s, 8)
JCC_(ns, 9)
JCC_(p, 10)
JCC_(np, 11)
JCC_(l, 12)
JCC_(nl, 13)
JCC_(le, 14)
JCC_(nle, 15)

static unsigned jmp16(struct cpu *c, const struct insn *i)
{
    GO(c, i, REL16(c, i));
}

static unsigned jmp32(struct cpu *c, const struct insn *i)
{
    GO(c, i, REL32(c, i));
}

static unsigned jmp32_f(struct cpu *c, const struct insn *i)
{
    return code_chain(c, i, REL32(c, i), LINK_BRANCH);
}
const struct hset hs_jmp = { { { 0 }, { [FORM_I] = jmp16 },
                               { [FORM_I] = jmp32, [FORM_FLAT + FORM_I] = jmp32_f } } };

#define NEAR_(bits, T) \
static unsigned jmp_ind##bits##_r(struct cpu *c, const struct insn *i) \
{ \
    GO(c, i, REG##bits(c, i->dst)); \
} \
static unsigned jmp_ind##bits##_m(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    GO(c, i, v); \
} \
static NB_COLD unsigned call_to##bits##_slow(struct cpu *c, const struct insn *i, u32 to) \
{ \
    c->cur = i; \
    if (unlikely(to > c->seg[S_CS].limit)) \
        RAISE_ERR(c, i, EXC_GP, 0); \
    if (!stack_push##bits(c, &c->gpr[R_ESP], (T)next_eip(c, i))) \
        FAULT(c); \
    END_AT(c, i, to); \
} \
NB_INLINE unsigned call_to##bits(struct cpu *c, const struct insn *i, u32 to) \
{ \
    T v = (T)next_eip(c, i); \
    u32 mask = stack_mask(c), sp = (c->gpr[R_ESP] - bits / 8) & mask; \
    u8 *p = mem_fast_wr(c, S_SS, sp, bits / 8); \
    if (unlikely(!p) || unlikely(to > c->seg[S_CS].limit)) \
        return call_to##bits##_slow(c, i, to); \
    memcpy(p, &v, bits / 8); \
    c->gpr[R_ESP] = (c->gpr[R_ESP] & ~mask) | sp; \
    END_AT(c, i, to); \
} \
static unsigned call##bits(struct cpu *c, const struct insn *i) \
{ \
    return call_to##bits(c, i, REL##bits(c, i)); \
} \
static unsigned call_ind##bits##_r(struct cpu *c, const struct insn *i) \
{ \
    return call_to##bits(c, i, REG##bits(c, i->dst)); \
} \
static unsigned call_ind##bits##_m(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    return call_to##bits(c, i, v); \
} \
static unsigned ret##bits(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    u32 esp = c->gpr[R_ESP], mask = stack_mask(c); \
    c->cur = i; \
    if (!stack_pop##bits(c, &esp, &v)) \
        FAULT(c); \
    if (unlikely(v > c->seg[S_CS].limit)) \
        RAISE_ERR(c, i, EXC_GP, 0); \
    c->gpr[R_ESP] = (esp & ~mask) | ((esp + i->imm) & mask); \
    END_AT(c, i, v); \
}
NEAR_(16, u16)
NEAR_(32, u32)

/* The same for FORM_FLAT: a flat stack of 32 bits. What happens seldom is left to the ones above. */
NB_INLINE bool push_next_eip(struct cpu *c, const struct insn *i)
{
    u32 v = next_eip(c, i), sp = c->gpr[R_ESP] - 4;
    u8 *p = flat_ptr(c->tlb_wr, sp, 4);

    if (unlikely(!p))
        return false;
    memcpy(p, &v, 4);
    c->gpr[R_ESP] = sp;
    return true;
}

static unsigned call32_f(struct cpu *c, const struct insn *i)
{
    if (unlikely(!push_next_eip(c, i)))
        return call32(c, i);
    return code_chain(c, i, REL32(c, i), LINK_BRANCH);
}

static unsigned call_ind32_r_f(struct cpu *c, const struct insn *i)
{
    u32 to = REG32(c, i->dst);

    if (unlikely(!push_next_eip(c, i)))
        return call_ind32_r(c, i);
    return code_jump(c, i, to);
}

static unsigned jmp_ind32_r_f(struct cpu *c, const struct insn *i)
{
    return code_jump(c, i, REG32(c, i->dst));
}

#define NEAR_MEM_(suf, AM) \
static unsigned call_ind32_m##suf(struct cpu *c, const struct insn *i) \
{ \
    u32 v; \
    const u8 *p = AM##_RD(c, i, 4); \
    if (unlikely(!p)) \
        return call_ind32_m(c, i); \
    memcpy(&v, p, 4); \
    if (unlikely(!push_next_eip(c, i))) \
        return call_ind32_m(c, i); \
    return code_jump(c, i, v); \
} \
static unsigned jmp_ind32_m##suf(struct cpu *c, const struct insn *i) \
{ \
    u32 v; \
    const u8 *p = AM##_RD(c, i, 4); \
    if (unlikely(!p)) \
        return jmp_ind32_m(c, i); \
    memcpy(&v, p, 4); \
    return code_jump(c, i, v); \
}
NEAR_MEM_(_f, FLAT)
NEAR_MEM_(_x, FLATX)

static unsigned ret32_f(struct cpu *c, const struct insn *i)
{
    u32 v, esp = c->gpr[R_ESP];
    const u8 *p = flat_ptr(c->tlb_rd, esp, 4);

    if (unlikely(!p))
        return ret32(c, i);
    memcpy(&v, p, 4);
    c->gpr[R_ESP] = esp + 4 + i->imm;
    return code_jump(c, i, v);
}
const struct hset hs_jmp_ind = { { { 0 }, { [FORM_R] = jmp_ind16_r, [FORM_M] = jmp_ind16_m },
    { [FORM_R] = jmp_ind32_r, [FORM_FLAT + FORM_R] = jmp_ind32_r_f,
      ADDRESSED(FORM_M, jmp_ind32_m) } } };
const struct hset hs_call = { { { 0 }, { [FORM_I] = call16 },
                                { [FORM_I] = call32, [FORM_FLAT + FORM_I] = call32_f } } };
const struct hset hs_call_ind = { { { 0 }, { [FORM_R] = call_ind16_r, [FORM_M] = call_ind16_m },
    { [FORM_R] = call_ind32_r, [FORM_FLAT + FORM_R] = call_ind32_r_f,
      ADDRESSED(FORM_M, call_ind32_m) } } };
const struct hset hs_ret = { { { 0 }, { [FORM_N] = ret16, [FORM_I] = ret16 },
    { [FORM_N] = ret32, [FORM_I] = ret32, [FORM_FLAT + FORM_N] = ret32_f,
      [FORM_FLAT + FORM_I] = ret32_f } } };

/* The counter is CX or ECX by address size; it changes only if the jump does not fault. */
#define LOOP_(name, size, COND) \
static unsigned name##size(struct cpu *c, const struct insn *i) \
{ \
    u32 mask = insn_ea_mask(i), n = (c->gpr[R_ECX] - 1) & mask; \
    u32 ecx = (c->gpr[R_ECX] & ~mask) | n; \
    u32 to = REL##size(c, i); \
    if (n != 0 && (COND)) { \
        if (unlikely(to > c->seg[S_CS].limit)) \
            RAISE_ERR(c, i, EXC_GP, 0); \
        c->gpr[R_ECX] = ecx; \
        END_AT(c, i, to); \
    } \
    c->gpr[R_ECX] = ecx; \
    END_AT(c, i, next_eip(c, i)); \
}
LOOP_(loop, 16, true)
LOOP_(loop, 32, true)
LOOP_(loopz, 16, cc_zf(c))
LOOP_(loopz, 32, cc_zf(c))
LOOP_(loopnz, 16, !cc_zf(c))
LOOP_(loopnz, 32, !cc_zf(c))
const struct hset hs_loop = { { { 0 }, { [FORM_I] = loop16 }, { [FORM_I] = loop32 } } };
const struct hset hs_loopz = { { { 0 }, { [FORM_I] = loopz16 }, { [FORM_I] = loopz32 } } };
const struct hset hs_loopnz = { { { 0 }, { [FORM_I] = loopnz16 }, { [FORM_I] = loopnz32 } } };

static unsigned jcxz16(struct cpu *c, const struct insn *i)
{
    if (!(c->gpr[R_ECX] & insn_ea_mask(i)))
        GO(c, i, REL16(c, i));
    END_AT(c, i, next_eip(c, i));
}

static unsigned jcxz32(struct cpu *c, const struct insn *i)
{
    if (!(c->gpr[R_ECX] & insn_ea_mask(i)))
        GO(c, i, REL32(c, i));
    END_AT(c, i, next_eip(c, i));
}
const struct hset hs_jcxz = { { { 0 }, { [FORM_I] = jcxz16 }, { [FORM_I] = jcxz32 } } };

static unsigned bound16(struct cpu *c, const struct insn *i)
{
    u16 lo, hi;
    u32 ea = insn_ea(c, i);

    c->cur = i;
    if (!mem_read16(c, i->seg, ea, &lo) || !mem_read16(c, i->seg, (ea + 2) & insn_ea_mask(i), &hi))
        FAULT(c);
    i16 v = (i16)REG16(c, i->dst);
    if (v < (i16)lo || v > (i16)hi)
        RAISE(c, i, EXC_BR);
    NEXT(c, i);
}

static unsigned bound32(struct cpu *c, const struct insn *i)
{
    u32 lo, hi, ea = insn_ea(c, i);

    c->cur = i;
    if (!mem_read32(c, i->seg, ea, &lo) || !mem_read32(c, i->seg, (ea + 4) & insn_ea_mask(i), &hi))
        FAULT(c);
    i32 v = (i32)REG32(c, i->dst);
    if (v < (i32)lo || v > (i32)hi)
        RAISE(c, i, EXC_BR);
    NEXT(c, i);
}
const struct hset hs_bound = { { { 0 }, { [FORM_RM] = bound16 }, { [FORM_RM] = bound32 } } };

static unsigned ud(struct cpu *c, const struct insn *i)
{
    RAISE(c, i, EXC_UD);
}
const struct hset hs_ud = HSET_ONE(ud);
