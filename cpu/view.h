/* SPDX-License-Identifier: MIT */
/* Views: the linear address space of a context and class as host addresses.
 *
 * c->fast.view + linear address is where code of the current class may read and write, as long as
 * the page is shown; where it is not, the access faults (core/vmem.h) and whoever made it does it
 * in another way. What is always true: a page is shown for reading only while the read table of its
 * context and class has an entry for it, which names the same memory; for writing only while the
 * write table has. mmu_ctx.c changes entries and tells.
 *
 * Showing a page costs a system call, and a fault costs another: only what is used much is worth
 * it. A view is on when code in its context has been hot for a while; then all that the tables
 * know is shown, and later what is missed. Nothing here is seen by the guest. */
#ifndef NB_CPU_VIEW_H
#define NB_CPU_VIEW_H

#include "core/err.h"
#include "cpu/state.h"

struct ctx;
struct strbuf;

#define VIEW_BYTES (1ull << 32)
#define VIEW_STEP (2 * VIEW_BYTES)   /* with nothing between two: 2 GB on each side at least */

struct view {
    u8 *base;
    u64 *shown[2];      /* bit per page: for reading, for writing */
    u8 *hides;          /* per page: how often it has gone */
    u32 pages, pieces;  /* shown for reading; mappings of the host's, at most */
    u32 heat;           /* of code that ran in it */
    bool on;
};

/* How much it takes. */
struct view_policy {
    u32 on_heat;        /* calls of view_heat() until a view is on */
    u32 max_pieces;     /* of all views */
};

/* Makes views possible. false: the host or the kind of RAM does not allow them. */
bool view_new(struct cpu *c, const struct view_policy *p, struct err *e);
void view_free(struct cpu *c);

/* Hot code runs in the current context and class. */
void view_heat(struct cpu *c);
/* An access of the current class to la has missed, and was then done otherwise. Whether there is
 * anything to show: now it is. */
bool view_missed(struct cpu *c, u32 la, bool write);
/* Shows the page and those around it that lie in one piece with it. */
bool view_show(struct cpu *c, u32 page);
/* For mmu_select(): c->fast.view, c->fast.view_on. */
void view_select(struct cpu *c);

/* For mmu_ctx.c: entries have changed or gone. */
void view_entry_gone(struct mmu *m, struct ctx *x, unsigned cls, unsigned wr, u32 page);
void view_range_gone(struct mmu *m, struct ctx *x, unsigned cls, u32 first, u32 count);
void view_flush(struct cpu *c, struct ctx *x);

void view_info(struct cpu *c, struct strbuf *sb);

#endif
