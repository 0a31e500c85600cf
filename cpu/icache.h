/* SPDX-License-Identifier: MIT */
/* Blocks of decoded instructions, keyed by where their bytes lie and by the mode word. Private to
 * the engines. */
#ifndef NB_CPU_ICACHE_H
#define NB_CPU_ICACHE_H

#include "cpu/insn.h"

#define BLOCK_MAX_INSNS 64u
#define MODE_DEAD (1u << 31)    /* no mode that the CPU is in: of blocks that must not be entered */

enum { LINK_FALL, LINK_BRANCH }; /* next[] of direct transfers: behind the block, or elsewhere */

struct block {
    /* for those who look it up, write over it or throw it away */
    struct block *hash_next;
    struct block *page_next[2]; /* lists of the first and the second page */
    u32 frame, frame2;          /* RAM frames; frame2 is NO_FRAME unless the last insn crosses */
    /* for execution, which finds all of it beside the first instructions */
    u32 mode;
    u16 off, len;               /* of its bytes: offset in the page, length */
    u8 n;                       /* instructions; insns[n] ends the block */
    bool valid;                 /* false: every insn now leads out of the block */
    bool uncached;              /* not in RAM: used once */
    bool direct;                /* next[] is by LINK_x, not by age */
    u8 heat;                    /* executions, until it is hot */
    void *made;                 /* an engine's */
    /* where execution went from here; valid while the generation is that of the CPU */
    struct block_link { u32 eip, generation; struct block *to; } next[2];
    struct insn insns[];
};

/* The block at CS:EIP in the current mode (with MODE_SINGLE if single), made if need be. NULL: a
 * fault is parked (#PF or #GP of the fetch). The pointer lives until the next call. */
struct block *code_find(struct cpu *c, bool single);

/* The same, after block `from` ended with RUN_NEXT: CS is as it was; the mode may differ in what a
 * segment register load changes (SS.B, flat or not). */
struct block *code_find_after(struct cpu *c, struct block *from);

/* Leaves the running block behind the current instruction (c->cur), to look at events or to fetch anew. */
void code_stop(struct cpu *c);

/* Whether the running instruction is still what memory holds, as far as that is known: between two
 * iterations a string instruction that has written over itself is fetched anew, however it runs. */
NB_INLINE bool code_stands(const struct cpu *c)
{
    return likely(c->blk->valid && !c->blk->uncached && !c->patched);
}

/* ---- from block to block within the handlers of FORM_FLAT, without a return to the run loop. Only
 * where nothing needs looking at, and CHAIN_MAX times in a row: the loop looks for kicks from other
 * threads, and where compilers make calls of the handlers' last jumps the stack stays small. */
enum { CHAIN_MAX = 24 };

NB_INLINE unsigned code_enter(struct cpu *c, struct block *b, u32 eip)
{
    if (unlikely(b->mode != c->mode) || unlikely(c->retired + b->n > c->until) ||
        unlikely(c->events & ~(u32)EV_NMI_BLOCKED) || unlikely(!c->chain))
        return RUN_NEXT;
    c->chain--;
    c->blk = b;
    c->blk_eip = eip;
    c->blk_retired = c->retired;
    return b->insns[0].fn(c, b->insns);
}

/* END_AT a place that the transfer always means (LINK_x). */
NB_INLINE unsigned code_chain(struct cpu *c, const struct insn *i, u32 to, unsigned link)
{
    const struct block_link *l = &c->blk->next[link];

    c->eip = to;
    c->retired = c->blk_retired + i->n + 1;
    if (likely(l->eip == to) && likely(l->generation == c->code_generation))
        return code_enter(c, l->to, to);
    return RUN_NEXT;
}

/* END_AT any place. */
unsigned code_jump(struct cpu *c, const struct insn *i, u32 to);

#endif
