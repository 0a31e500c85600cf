/* SPDX-License-Identifier: MIT */
/* Blocks of decoded instructions, keyed by where their bytes lie and by the mode word. Private to
 * the engines. */
#ifndef NB_CPU_ICACHE_H
#define NB_CPU_ICACHE_H

#include "cpu/insn.h"

#define BLOCK_MAX_INSNS 64u

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
    /* where execution went from here, newest first: valid while the generation is that of the cache */
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

#endif
