/* SPDX-License-Identifier: MIT */
/* Traces of execution (-d exec,cpu,int,mmu,in_asm), in the format of docs/traces.md. Lines go to the
 * log's classes EXEC, CPU, INT, MMU and IN_ASM; what is off costs nothing: the run loop looks at single
 * instructions only while EXEC or CPU is on (hook.h). */
#ifndef NB_CPU_TRACE_H
#define NB_CPU_TRACE_H

#include "core/types.h"

struct cpu;

/* Linear addresses, both inclusive. */
struct cpu_trace_range { u32 first, last; };
enum { CPU_TRACE_RANGES = 16 };

/* The log's mask changed. Between two instructions. */
void cpu_trace_update(struct cpu *c);
/* Only lines of instructions, events and accesses at these addresses; n 0: of all. */
void cpu_trace_filter(struct cpu *c, const struct cpu_trace_range *r, unsigned n);

/* ---- for cpu/ */
void trace_free(struct cpu *c);
/* Whether the filter lets la pass. */
bool trace_wants(const struct cpu *c, u32 la);
struct block;
/* A block was decoded. */
void trace_block(struct cpu *c, const struct block *b, u32 la);
struct walk;
void trace_walk(struct cpu *c, const struct walk *w, u32 la, unsigned acc, bool user, bool failed);
/* A word that the last walk read got its A or D bit; level 0: the directory's. */
void trace_word(struct cpu *c, unsigned level, u32 old, u32 val);
/* "cr3", "flush" (la is none), "invlpg" */
void trace_tlb(struct cpu *c, const char *what, bool has_la, u32 la);

#endif
