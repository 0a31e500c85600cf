/* SPDX-License-Identifier: MIT */
/* A decoded instruction as every engine shares it, and the macros that handlers are made of. */
#ifndef NB_CPU_INSN_H
#define NB_CPU_INSN_H

#include "cpu/state.h"

enum {
    INSN_OP32 = 1,   /* operand size 32 (else 16; byte forms are in the handler) */
    INSN_A32 = 2,
    INSN_LOCK = 4,
    INSN_REP = 8,    /* F3 */
    INSN_REPNE = 16, /* F2 */
    INSN_MEM = 32,   /* ModRM names memory */
    INSN_SEGPFX = 64,
};

struct insn {
    insn_fn *fn;
    u32 imm;       /* immediate (extended to operand size), branch displacement, or far offset */
    u32 disp;      /* of the effective address (moffs too) */
    u8 dst, src;   /* register operands: byte offsets from struct cpu (gpr), fpu.reg (MMX), fpu.xmm;
                      or numbers (segment, CR, ST) */
    u8 base, index;/* gpr numbers, R_ZERO when absent */
    u8 scale;      /* 0..3 */
    u8 seg;        /* S_x of the effective address, prefix applied */
    u8 flags;      /* INSN_x */
    u8 len;        /* bytes, 1..15 */
    u8 n;          /* index in its block */
    u8 modrm;
    u16 row;       /* of isa.def */
    u16 ofs;       /* offset of its first byte from the block's first byte */
    u16 imm2;      /* far selector; ENTER's nesting level; EXTRQ-like second immediates */
    /* 32 bytes: two to a cache line */
};

#define REG8(c, off) (*((u8 *)(c) + (off)))
#define REG16(c, off) (*(u16 NB_MAY_ALIAS *)((u8 *)(c) + (off)))
#define REG32(c, off) (*(u32 NB_MAY_ALIAS *)((u8 *)(c) + (off)))

_Static_assert(sizeof(struct insn) == 32, "two to a cache line");

NB_INLINE u32 insn_ea_mask(const struct insn *i)
{
    return i->flags & INSN_A32 ? 0xffffffffu : 0xffffu;
}

NB_INLINE u32 insn_ea(const struct cpu *c, const struct insn *i)
{
    u32 ea = c->gpr[i->base] + (c->gpr[i->index] << i->scale) + i->disp;

    if (unlikely(!(i->flags & INSN_A32)))
        ea &= 0xffff;
    return ea;
}

/* Makes c->eip (of the current instruction) and c->retired exact. */
NB_INLINE void cpu_sync(struct cpu *c)
{
    c->eip = c->blk_eip + c->cur->ofs;
    c->retired = c->blk_retired + c->cur->n;
}

NB_INLINE u32 next_eip(const struct cpu *c, const struct insn *i)
{
    return c->blk_eip + i->ofs + i->len;
}

/* Handler endings. */
#define NEXT(c, i) return (i)[1].fn((c), (i) + 1)
#define FAULT(c) return RUN_FAULT
/* The block is over, execution goes on at `target` (already truncated to 16 bits where due). */
#define END_AT(c, i, target) \
    do { \
        (c)->eip = (target); \
        (c)->retired = (c)->blk_retired + (i)->n + 1; \
        return RUN_NEXT; \
    } while (0)
#define EXIT_AT(c, i, target) \
    do { \
        (c)->eip = (target); \
        (c)->retired = (c)->blk_retired + (i)->n + 1; \
        return RUN_EXIT; \
    } while (0)
/* For rows with ATTR END whose system function has set c->eip itself. */
#define EXIT_DONE(c, i) \
    do { \
        (c)->retired = (c)->blk_retired + (i)->n + 1; \
        return RUN_EXIT; \
    } while (0)
#define RAISE(c, i, vec) do { (c)->cur = (i); cpu_raise(c, vec); return RUN_FAULT; } while (0)
#define RAISE_ERR(c, i, vec, e) \
    do { (c)->cur = (i); cpu_raise_err(c, vec, e); return RUN_FAULT; } while (0)

#endif
