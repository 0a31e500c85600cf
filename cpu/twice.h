/* SPDX-License-Identifier: MIT */
/* Running a piece of code a second time from the same state, as if it had never run: what it wrote
 * to RAM is undone, what the bus, the time stamp counter and the FERR# pin did is played back, so
 * that no device is touched twice and no time passes. Then both ends are compared.
 *
 * c->twice is set while such a piece runs, and the places that write memory past the tables or
 * reach outside ask for it: all of them are slow paths. In the first run c->tlb_wr leads all writes
 * to them; in the second it has the pages that the first one wrote to through a table entry: code
 * that is checked should take the ways that it takes otherwise.
 *
 * What cannot be undone is given up: the first run stands, and nothing is compared. Such are changes
 * of the memory map and of the address space, and very many writes. */
#ifndef NB_CPU_TWICE_H
#define NB_CPU_TWICE_H

#include "cpu/state.h"

struct block;
struct twice;

struct twice *twice_new(struct cpu *c); /* NULL: no room for a table */
void twice_free(struct twice *t);

/* The first run starts here. Between two blocks. */
void twice_begin(struct cpu *c, struct twice *t);
/* Block b in the interpreter from insns[from] on, where c->eip is, alone. Returns what a block
 * does. */
unsigned twice_interpret(struct cpu *c, struct block *b, unsigned from);
/* Back to where twice_begin() was, for the second run. false: impossible, all is over. */
bool twice_again(struct cpu *c);
/* Ends the second run. true: it did what the first had done, and *diff is still empty. Else *diff
 * tells what differs, a line a thing, *states has the registers before and behind, and the first
 * run's state and memory stand. fault: each run ended with one, which is then part of the state. */
bool twice_end(struct cpu *c, bool fault, struct strbuf *diff, struct strbuf *states);
const char *twice_why_not(const struct twice *t); /* after twice_again() failed */

/* ---- for the places that ask; c->twice is set */
/* Bytes [host, host + n) of RAM are about to be written. */
void twice_writing(struct cpu *c, u8 *host, u32 n);
/* ... by a data access to la that found table entries; pieces of the two pages that it lies in. */
void twice_cached(struct cpu *c, u32 la, u8 *const host[2], u32 first, u32 second, bool user);
/* Data at la are about to be written, or to be judged as if, and not through a table. */
void twice_slow(struct cpu *c, u32 la, u32 size);
/* ... a table entry is made for `count` pages. */
void twice_filled(struct cpu *c, u32 page, u32 count);
void twice_ad_bits(struct cpu *c);
/* This cannot be undone. */
void twice_give_up(struct cpu *c, const char *why);
void twice_select(struct cpu *c); /* tlb_wr, tlb_sys_wr */
u32 twice_read(struct cpu *c, struct space *s, paddr addr, unsigned size);
void twice_write(struct cpu *c, struct space *s, paddr addr, u32 v, unsigned size);
u64 twice_clock(struct cpu *c);
void twice_ferr(struct cpu *c, bool on);

/* The CPU's ways to its spaces. */
static inline u32 bus_read(struct cpu *c, struct space *s, paddr addr, unsigned size)
{
    return unlikely(c->twice != NULL) ? twice_read(c, s, addr, size) : space_read(s, addr, size);
}
static inline void bus_write(struct cpu *c, struct space *s, paddr addr, u32 v, unsigned size)
{
    if (unlikely(c->twice != NULL))
        twice_write(c, s, addr, v, size);
    else
        space_write(s, addr, v, size);
}

#endif
