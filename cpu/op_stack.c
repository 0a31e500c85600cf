/* SPDX-License-Identifier: MIT */
/* PUSH, POP, PUSHA, POPA, ENTER, LEAVE. ESP is committed after the last access that can fault. */
#include "cpu/flags.h"
#include "cpu/isa.h"
#include "cpu/mem.h"

#define PUSH_(bits, T) \
static NB_COLD unsigned push##bits##_slow(struct cpu *c, const struct insn *i, T v) \
{ \
    c->cur = i; \
    if (!stack_push##bits(c, &c->gpr[R_ESP], v)) \
        FAULT(c); \
    NEXT(c, i); \
} \
NB_INLINE unsigned push##bits(struct cpu *c, const struct insn *i, T v) \
{ \
    u32 mask = stack_mask(c), sp = (c->gpr[R_ESP] - bits / 8) & mask; \
    u8 *p = mem_fast_wr(c, S_SS, sp, bits / 8); \
    if (unlikely(!p)) \
        return push##bits##_slow(c, i, v); \
    memcpy(p, &v, bits / 8); \
    c->gpr[R_ESP] = (c->gpr[R_ESP] & ~mask) | sp; \
    NEXT(c, i); \
} \
static unsigned push##bits##_r(struct cpu *c, const struct insn *i) \
{ \
    return push##bits(c, i, REG##bits(c, i->dst)); \
} \
static unsigned push##bits##_i(struct cpu *c, const struct insn *i) \
{ \
    return push##bits(c, i, (T)i->imm); \
} \
static unsigned push##bits##_m(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!mem_read##bits(c, i->seg, insn_ea(c, i), &v)) \
        FAULT(c); \
    return push##bits(c, i, v); \
} \
static NB_COLD unsigned pop##bits##_r_slow(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    c->cur = i; \
    if (!stack_pop##bits(c, &c->gpr[R_ESP], &v)) \
        FAULT(c); \
    REG##bits(c, i->dst) = v; /* after ESP: POP ESP takes the popped value */ \
    NEXT(c, i); \
} \
static unsigned pop##bits##_r(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    u32 mask = stack_mask(c), esp = c->gpr[R_ESP]; \
    const u8 *p = mem_fast_rd(c, S_SS, esp & mask, bits / 8); \
    if (unlikely(!p)) \
        return pop##bits##_r_slow(c, i); \
    memcpy(&v, p, bits / 8); \
    c->gpr[R_ESP] = (esp & ~mask) | ((esp + bits / 8) & mask); \
    REG##bits(c, i->dst) = v; \
    NEXT(c, i); \
} \
static unsigned pop##bits##_m(struct cpu *c, const struct insn *i) \
{ \
    T v; \
    u32 old = c->gpr[R_ESP], esp = old; \
    c->cur = i; \
    if (!stack_pop##bits(c, &esp, &v)) \
        FAULT(c); \
    /* an address based on ESP is computed after the increment (SDM 2B, POP) */ \
    c->gpr[R_ESP] = esp; \
    u32 ea = insn_ea(c, i); \
    c->gpr[R_ESP] = old; \
    if (!mem_write##bits(c, i->seg, ea, v)) \
        FAULT(c); \
    c->gpr[R_ESP] = esp; \
    NEXT(c, i); \
}
PUSH_(16, u16)
PUSH_(32, u32)

/* Where SS is flat and 32 bits wide (FORM_FLAT). */
NB_INLINE unsigned push32_flat(struct cpu *c, const struct insn *i, u32 v)
{
    u32 sp = c->gpr[R_ESP] - 4;
    u8 *p = flat_ptr(c->tlb_wr, sp, 4);

    if (unlikely(!p))
        return push32_slow(c, i, v);
    memcpy(p, &v, 4);
    c->gpr[R_ESP] = sp;
    NEXT(c, i);
}

static unsigned push32_r_f(struct cpu *c, const struct insn *i)
{
    return push32_flat(c, i, REG32(c, i->dst));
}

static unsigned push32_i_f(struct cpu *c, const struct insn *i)
{
    return push32_flat(c, i, i->imm);
}

#define PUSH_MEM_(suf, AM) \
static unsigned push32_m##suf(struct cpu *c, const struct insn *i) \
{ \
    u32 v; \
    const u8 *p = AM##_RD(c, i, 4); \
    if (unlikely(!p)) \
        return push32_m(c, i); \
    memcpy(&v, p, 4); \
    return push32_flat(c, i, v); \
}
PUSH_MEM_(_f, FLAT)
PUSH_MEM_(_x, FLATX)

static unsigned pop32_r_f(struct cpu *c, const struct insn *i)
{
    u32 v, esp = c->gpr[R_ESP];
    const u8 *p = flat_ptr(c->tlb_rd, esp, 4);

    if (unlikely(!p))
        return pop32_r_slow(c, i);
    memcpy(&v, p, 4);
    c->gpr[R_ESP] = esp + 4;
    REG32(c, i->dst) = v;
    NEXT(c, i);
}
const struct hset hs_push = { { { 0 },
    { [FORM_R] = push16_r, [FORM_I] = push16_i, [FORM_M] = push16_m },
    { [FORM_R] = push32_r, [FORM_I] = push32_i, ADDRESSED(FORM_M, push32_m),
      [FORM_FLAT + FORM_R] = push32_r_f, [FORM_FLAT + FORM_I] = push32_i_f } } };
const struct hset hs_pop = { { { 0 }, { [FORM_R] = pop16_r, [FORM_M] = pop16_m },
                               { [FORM_R] = pop32_r, [FORM_M] = pop32_m,
                                 [FORM_FLAT + FORM_R] = pop32_r_f } } };

/* PUSHA writes eight values below ESP; all are checked before the first is written, so that a
 * fault in the middle leaves memory as it was. */
#define PUSHA_(bits, T) \
static unsigned pusha##bits(struct cpu *c, const struct insn *i) \
{ \
    u32 mask = stack_mask(c), esp = c->gpr[R_ESP]; \
    c->cur = i; \
    for (unsigned k = 1; k <= 8; k++) { \
        u32 la, ea = (esp - k * (bits / 8)) & mask; \
        if (!seg_check_slow(c, S_SS, ea, bits / 8, true, &la) || \
            !mem_probe_write(c, la, bits / 8, c->cpl == 3)) \
            FAULT(c); \
    } \
    u32 sp = esp; \
    for (unsigned k = 0; k < 8; k++) \
        if (!stack_push##bits(c, &sp, k == R_ESP ? (T)esp : REG##bits(c, k * 4))) \
            FAULT(c); \
    c->gpr[R_ESP] = sp; \
    NEXT(c, i); \
} \
static unsigned popa##bits(struct cpu *c, const struct insn *i) \
{ \
    u32 esp = c->gpr[R_ESP]; \
    T v[8]; \
    c->cur = i; \
    for (int k = 7; k >= 0; k--) \
        if (!stack_pop##bits(c, &esp, &v[k])) \
            FAULT(c); \
    for (unsigned k = 0; k < 8; k++) \
        if (k != R_ESP) \
            REG##bits(c, k * 4) = v[k]; \
    c->gpr[R_ESP] = esp; \
    NEXT(c, i); \
}
PUSHA_(16, u16)
PUSHA_(32, u32)
const struct hset hs_pusha = { { { 0 }, { [FORM_N] = pusha16 }, { [FORM_N] = pusha32 } } };
const struct hset hs_popa = { { { 0 }, { [FORM_N] = popa16 }, { [FORM_N] = popa32 } } };

/* ENTER (SDM 2A): the last check is a write probe at the final stack pointer, although nothing is
 * pushed there. The frame pointer is taken by the stack's size. Two rounds, so that a fault finds
 * nothing changed: the first makes every access in order without storing, the second stores. */
#define ENTER_(bits, T) \
static bool enter##bits##_check(struct cpu *c, u32 esp, u32 ebp, unsigned level, u16 size) \
{ \
    u32 mask = stack_mask(c), la; \
    T v; \
    for (unsigned k = 0; k <= level; k++) { \
        if (k && k < level) { \
            ebp -= bits / 8; \
            if (!mem_read##bits(c, S_SS, ebp & mask, &v)) \
                return false; \
        } \
        esp -= bits / 8; \
        if (!seg_check_slow(c, S_SS, esp & mask, bits / 8, true, &la) || \
            !mem_probe_write(c, la, bits / 8, c->cpl == 3)) \
            return false; \
    } \
    return seg_check_slow(c, S_SS, (esp - size) & mask, bits / 8, true, &la) && \
           mem_probe_write(c, la, bits / 8, c->cpl == 3); \
} \
static unsigned enter##bits(struct cpu *c, const struct insn *i) \
{ \
    u32 mask = stack_mask(c), esp = c->gpr[R_ESP], ebp = c->gpr[R_EBP]; \
    unsigned level = i->imm2 & 31; \
    c->cur = i; \
    if (!enter##bits##_check(c, esp, ebp, level, (u16)i->imm) || \
        !stack_push##bits(c, &esp, REG##bits(c, R_EBP * 4))) \
        FAULT(c); \
    u32 frame = esp; \
    for (unsigned k = 1; k < level; k++) { \
        T v; \
        ebp -= bits / 8; \
        if (!mem_read##bits(c, S_SS, ebp & mask, &v) || !stack_push##bits(c, &esp, v)) \
            FAULT(c); \
    } \
    if (level && !stack_push##bits(c, &esp, (T)frame)) \
        FAULT(c); \
    esp = (esp & ~mask) | ((esp - (u16)i->imm) & mask); \
    REG##bits(c, R_EBP * 4) = (T)frame; \
    c->gpr[R_ESP] = esp; \
    NEXT(c, i); \
} \
static unsigned leave##bits(struct cpu *c, const struct insn *i) \
{ \
    u32 mask = stack_mask(c); \
    u32 esp = (c->gpr[R_ESP] & ~mask) | (c->gpr[R_EBP] & mask); \
    T v; \
    c->cur = i; \
    if (!stack_pop##bits(c, &esp, &v)) \
        FAULT(c); \
    REG##bits(c, R_EBP * 4) = v; \
    c->gpr[R_ESP] = esp; \
    NEXT(c, i); \
}
ENTER_(16, u16)
ENTER_(32, u32)

static unsigned leave32_f(struct cpu *c, const struct insn *i)
{
    u32 v, esp = c->gpr[R_EBP];
    const u8 *p = flat_ptr(c->tlb_rd, esp, 4);

    if (unlikely(!p))
        return leave32(c, i);
    memcpy(&v, p, 4);
    c->gpr[R_EBP] = v;
    c->gpr[R_ESP] = esp + 4;
    NEXT(c, i);
}
const struct hset hs_enter = { { { 0 }, { [FORM_I] = enter16 }, { [FORM_I] = enter32 } } };
const struct hset hs_leave = { { { 0 }, { [FORM_N] = leave16 }, { [FORM_N] = leave32, [FORM_FLAT + FORM_N] = leave32_f } } };
