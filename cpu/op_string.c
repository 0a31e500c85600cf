/* SPDX-License-Identifier: MIT */
/* MOVS, STOS, LODS, SCAS, CMPS with REP (SDM 2A, 2B). Plain RAM is done a page at a time; anything
 * else element by element. Registers are committed after each element or piece, so that a fault
 * in the middle leaves the instruction restartable, as the manual has it.
 *
 * Each iteration counts as one retired instruction. A REP instruction stops early, with EIP still
 * at it, when the budget ends, an event is waiting, or it has written over itself: real processors
 * go on with the old one until something interrupts them, which a snapshot would. */
#include "cpu/flags.h"
#include "cpu/icache.h"
#include "cpu/isa.h"
#include "cpu/mem.h"

#define IS_REP(i) ((i)->flags & (INSN_REP | INSN_REPNE))

/* Iterations that may be done before the loop must look around. Asked for after each piece: a device
 * that an element went to may have armed a timer. */
static u64 rep_limit(const struct cpu *c, const struct insn *i)
{
    u64 at = c->blk_retired + i->n;

    /* what is pending already, in a shadow, comes behind the first iteration */
    if ((c->eflags & FL_TF) || cpu_disturbed(c))
        return 0;
    return c->until > at ? MIN(c->until - at, 1u << 20) : 0;
}

/* c->blk_retired has been advanced by all iterations done (at least one). `more`: not finished. */
static unsigned rep_end(struct cpu *c, const struct insn *i, bool more)
{
    if (more) {
        c->eflags |= FL_RF; /* in frames pushed here (SDM 3B 17.3.1.1); the next round clears it */
        c->eip = c->blk_eip + i->ofs;
        c->retired = c->blk_retired + i->n;
        return RUN_EXIT;
    }
    c->blk_retired--; /* the instruction itself counts by its place in the block */
    /* the block was entered with budget for its instructions, not for our iterations */
    if (unlikely(c->until - (c->blk_retired + i->n) < 64))
        END_AT(c, i, next_eip(c, i));
    NEXT(c, i);
}

/* How many elements from ea on (at most count) lie in one page of plain RAM and inside the segment;
 * *p gets the host address. 0: do one the slow way. */
static u32 piece(struct cpu *c, unsigned s, u32 ea, u32 mask, u32 count, unsigned size, bool write,
                 u8 **p)
{
    u32 la = c->seg[s].base + ea;
    u32 n = MIN(count, (PAGE_SIZE - (la & PAGE_MASK)) / size);
    u64 end = (u64)ea + (u64)n * size;

    if (n == 0 || end > (write ? c->seg[s].wr_end : c->seg[s].rd_end) || end > (u64)mask + 1)
        return 0;
    *p = mem_page_ptr(c, la, write, c->cpl == 3);
    return *p ? n : 0;
}

/* Adds delta to the index register under the address-size mask. */
NB_INLINE void advance(struct cpu *c, unsigned r, u32 mask, u32 delta)
{
    c->gpr[r] = (c->gpr[r] & ~mask) | ((c->gpr[r] + delta) & mask);
}

#define STEP_(c, bits) ((c)->eflags & FL_DF ? (u32)-(bits / 8) : (u32)(bits / 8))

#define MOVS_(bits, T) \
static bool movs##bits##_one(struct cpu *c, const struct insn *i, u32 mask) \
{ \
    T v; \
    u32 step = STEP_(c, bits); \
    if (!mem_read##bits(c, i->seg, c->gpr[R_ESI] & mask, &v) || \
        !mem_write##bits(c, S_ES, c->gpr[R_EDI] & mask, v)) \
        return false; \
    advance(c, R_ESI, mask, step); \
    advance(c, R_EDI, mask, step); \
    return true; \
} \
static u32 movs##bits##_piece(struct cpu *c, const struct insn *i, u32 mask, u32 count) \
{ \
    u8 *s, *d; \
    u32 n; \
    if (c->eflags & FL_DF) \
        return 0; \
    /* The source is judged first, as it is read first: a destination that is not written gets \
     * no D bit. Making that ready may move the page, so the source is asked for again. */ \
    n = piece(c, i->seg, c->gpr[R_ESI] & mask, mask, count, bits / 8, false, &s); \
    if (!n) \
        return 0; \
    n = piece(c, S_ES, c->gpr[R_EDI] & mask, mask, n, bits / 8, true, &d); \
    if (!n) \
        return 0; \
    n = piece(c, i->seg, c->gpr[R_ESI] & mask, mask, n, bits / 8, false, &s); \
    if (!n) \
        return 0; \
    size_t bytes = (size_t)n * (bits / 8); \
    if (d <= s || d >= s + bytes) { \
        memmove(d, s, bytes); \
    } else { /* overlapping upwards: the pattern repeats, element by element */ \
        for (u32 k = 0; k < n; k++) { \
            T v; \
            memcpy(&v, s + k * sizeof v, sizeof v); \
            memcpy(d + k * sizeof v, &v, sizeof v); \
        } \
    } \
    advance(c, R_ESI, mask, (u32)bytes); \
    advance(c, R_EDI, mask, (u32)bytes); \
    return n; \
}

#define STOS_(bits, T) \
static bool stos##bits##_one(struct cpu *c, const struct insn *i, u32 mask) \
{ \
    (void)i; \
    if (!mem_write##bits(c, S_ES, c->gpr[R_EDI] & mask, (T)c->gpr[R_EAX])) \
        return false; \
    advance(c, R_EDI, mask, STEP_(c, bits)); \
    return true; \
} \
static u32 stos##bits##_piece(struct cpu *c, const struct insn *i, u32 mask, u32 count) \
{ \
    u8 *d; \
    u32 n; \
    (void)i; \
    if (c->eflags & FL_DF) \
        return 0; \
    n = piece(c, S_ES, c->gpr[R_EDI] & mask, mask, count, bits / 8, true, &d); \
    if (!n) \
        return 0; \
    T v = (T)c->gpr[R_EAX]; \
    for (u32 k = 0; k < n; k++) \
        memcpy(d + k * sizeof v, &v, sizeof v); \
    advance(c, R_EDI, mask, n * (bits / 8)); \
    return n; \
}

#define LODS_(bits, T) \
static bool lods##bits##_one(struct cpu *c, const struct insn *i, u32 mask) \
{ \
    T v; \
    if (!mem_read##bits(c, i->seg, c->gpr[R_ESI] & mask, &v)) \
        return false; \
    REG##bits(c, 0) = v; \
    advance(c, R_ESI, mask, STEP_(c, bits)); \
    return true; \
} \
static u32 lods##bits##_piece(struct cpu *c, const struct insn *i, u32 mask, u32 count) \
{ \
    (void)c, (void)i, (void)mask, (void)count; \
    return 0; \
}

/* One loop for all. `done` is what ends a repetition early: never for the three that do not compare, ZF
 * for the two that do (a constant, so that nothing of it is left in the former). */
#define STRING_OP_(name, bits, done) \
static unsigned name##bits(struct cpu *c, const struct insn *i) \
{ \
    u32 mask = insn_ea_mask(i), count; \
    bool go_on; \
    c->cur = i; \
    if (!IS_REP(i)) { \
        if (!name##bits##_one(c, i, mask)) \
            FAULT(c); \
        NEXT(c, i); \
    } \
    count = c->gpr[R_ECX] & mask; \
    if (!count) \
        NEXT(c, i); \
    u64 limit = MAX(rep_limit(c, i), 1); \
    do { \
        u32 n = name##bits##_piece(c, i, mask, (u32)MIN(limit, count)); \
        if (!n) { \
            if (!name##bits##_one(c, i, mask)) \
                FAULT(c); \
            n = 1; \
        } \
        count -= n; \
        c->blk_retired += n; \
        limit = rep_limit(c, i); \
        c->gpr[R_ECX] = (c->gpr[R_ECX] & ~mask) | count; \
        go_on = count && !(done); \
    } while (go_on && limit && !cpu_kicked(c) && code_stands(c)); \
    return rep_end(c, i, go_on); \
}
#define PLAIN_(name, bits) STRING_OP_(name, bits, false)
#define COMPARING_(name, bits) STRING_OP_(name, bits, cc_zf(c) == !!(i->flags & INSN_REPNE))

MOVS_(8, u8)
MOVS_(16, u16)
MOVS_(32, u32)
PLAIN_(movs, 8)
PLAIN_(movs, 16)
PLAIN_(movs, 32)
STOS_(8, u8)
STOS_(16, u16)
STOS_(32, u32)
PLAIN_(stos, 8)
PLAIN_(stos, 16)
PLAIN_(stos, 32)
LODS_(8, u8)
LODS_(16, u16)
LODS_(32, u32)
PLAIN_(lods, 8)
PLAIN_(lods, 16)
PLAIN_(lods, 32)

/* SCAS compares the accumulator with ES:[eDI]; CMPS DS:[eSI] with ES:[eDI] (first minus second).
 * A piece stops behind the first element that ends the repetition; only its flags are made. */
#define SCAS_(bits, T) \
static bool scas##bits##_one(struct cpu *c, const struct insn *i, u32 mask) \
{ \
    T v; \
    (void)i; \
    if (!mem_read##bits(c, S_ES, c->gpr[R_EDI] & mask, &v)) \
        return false; \
    k_sub##bits(c, (T)c->gpr[R_EAX], v); \
    advance(c, R_EDI, mask, STEP_(c, bits)); \
    return true; \
} \
static u32 scas##bits##_piece(struct cpu *c, const struct insn *i, u32 mask, u32 count) \
{ \
    u8 *p; \
    u32 n, k; \
    T acc = (T)c->gpr[R_EAX], v = 0; \
    bool stop_equal = i->flags & INSN_REPNE; \
    if (c->eflags & FL_DF) \
        return 0; \
    n = piece(c, S_ES, c->gpr[R_EDI] & mask, mask, count, bits / 8, false, &p); \
    if (!n) \
        return 0; \
    for (k = 0; k < n; ) { \
        memcpy(&v, p + k++ * sizeof v, sizeof v); \
        if ((v == acc) == stop_equal) \
            break; \
    } \
    k_sub##bits(c, acc, v); \
    advance(c, R_EDI, mask, k * (bits / 8)); \
    return k; \
}

#define CMPS_(bits, T) \
static bool cmps##bits##_one(struct cpu *c, const struct insn *i, u32 mask) \
{ \
    T a, b; \
    u32 step = STEP_(c, bits); \
    if (!mem_read##bits(c, i->seg, c->gpr[R_ESI] & mask, &a) || \
        !mem_read##bits(c, S_ES, c->gpr[R_EDI] & mask, &b)) \
        return false; \
    k_sub##bits(c, a, b); \
    advance(c, R_ESI, mask, step); \
    advance(c, R_EDI, mask, step); \
    return true; \
} \
static u32 cmps##bits##_piece(struct cpu *c, const struct insn *i, u32 mask, u32 count) \
{ \
    u8 *s, *d; \
    u32 n, k; \
    T a = 0, b = 0; \
    bool stop_equal = i->flags & INSN_REPNE; \
    if (c->eflags & FL_DF) \
        return 0; \
    n = piece(c, S_ES, c->gpr[R_EDI] & mask, mask, count, bits / 8, false, &d); \
    if (!n) \
        return 0; \
    n = piece(c, i->seg, c->gpr[R_ESI] & mask, mask, n, bits / 8, false, &s); \
    if (!n) \
        return 0; \
    for (k = 0; k < n; ) { \
        memcpy(&a, s + k * sizeof a, sizeof a); \
        memcpy(&b, d + k++ * sizeof b, sizeof b); \
        if ((a == b) == stop_equal) \
            break; \
    } \
    k_sub##bits(c, a, b); \
    advance(c, R_ESI, mask, k * (bits / 8)); \
    advance(c, R_EDI, mask, k * (bits / 8)); \
    return k; \
}

SCAS_(8, u8)
SCAS_(16, u16)
SCAS_(32, u32)
COMPARING_(scas, 8)
COMPARING_(scas, 16)
COMPARING_(scas, 32)
CMPS_(8, u8)
CMPS_(16, u16)
CMPS_(32, u32)
COMPARING_(cmps, 8)
COMPARING_(cmps, 16)
COMPARING_(cmps, 32)

#define STRING_SET(name) \
    const struct hset hs_##name = { { { [FORM_N] = name##8 }, { [FORM_N] = name##16 }, \
                                      { [FORM_N] = name##32 } } };
STRING_SET(movs)
STRING_SET(stos)
STRING_SET(lods)
STRING_SET(scas)
STRING_SET(cmps)
