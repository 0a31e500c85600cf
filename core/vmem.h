/* SPDX-License-Identifier: MIT */
/* Large sparse tables: reserved address space that reads as zero and costs memory only where it
 * was written. Implemented in host/. */
#ifndef NB_CORE_VMEM_H
#define NB_CORE_VMEM_H

#include "core/types.h"

/* NULL if the host refuses. size is a multiple of the page size. */
void *vmem_reserve(size_t size);
void vmem_release(void *p, size_t size);
/* Back to zero pages; p and size are multiples of the page size. */
void vmem_zap(void *p, size_t size);

/* Memory for code, mapped twice: what is written at `write` is executed at `exec`, and neither
 * address is ever both. Zero pages at first. false: the host allows no such thing. */
struct vmem_code { u8 *write; const u8 *exec; size_t size; };
bool vmem_code_new(struct vmem_code *m, size_t size);
void vmem_code_free(struct vmem_code *m);

/* A window: `size` bytes of address space, at a multiple of 4 GB, in which pages of memory objects
 * are shown. Where none is, accesses fault, and nothing else of the process comes to lie there. NULL:
 * the host has not the room, or a tool (a sanitizer, valgrind) keeps faults for itself. */
u8 *vmem_window_new(size_t size);
void vmem_window_free(u8 *w, size_t size);
/* false: the host has no more pieces to give; nothing has changed. */
bool vmem_show(u8 *at, size_t size, int fd, u64 off, bool write);
/* false: the same; larger pieces may do, and a whole window always does. */
bool vmem_hide(u8 *at, size_t size);
bool vmem_show_read_only(u8 *at, size_t size);

/* Faults of code that counts on them: what happens when code in [from, to) reaches where nothing is.
 * `at` returns the address to go on at, or 0: it is a fault like any other. Called in a signal
 * handler of the thread. false: the host has no such thing. */
struct vmem_trap {
    u64 from, to;
    u64 (*at)(void *ctx, u64 pc, u64 addr);
    void *ctx;
};
bool vmem_trap_add(const struct vmem_trap *t);
void vmem_trap_remove(const struct vmem_trap *t);

#endif
