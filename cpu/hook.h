/* SPDX-License-Identifier: MIT */
/* What a CPU without a machine needs beyond cpu.h: somebody who is asked about physical pages, who
 * sees accesses and instructions, and to whom exceptions come back (machine/cpu_api.h). A CPU
 * whose hooks are NULL pays nothing: every place that asks lies on a path that was slow already.
 *
 * Machine thread only. A hook may call what cpu.h and this header offer; the notes say when. */
#ifndef NB_CPU_HOOK_H
#define NB_CPU_HOOK_H

#include "core/types.h"
#include "cpu/cpu.h"

enum cpu_access { CPU_READ, CPU_WRITE, CPU_FETCH };

enum { CPU_HOOK_RANGES = 16 };

/* Any member may be NULL. */
struct cpu_hooks {
    void *to;
    /* Whether the page of pa may be accessed so; the answer is kept until the memory space changes.
     * A fetch gets its RAM frame from here. */
    bool (*allowed)(void *to, paddr pa, enum cpu_access how, u32 *frame);
    /* The page is not there, or not for this. true: look again; false: #PF. In an instruction. */
    bool (*refused)(void *to, u32 la, paddr pa, u32 size, enum cpu_access how);
    /* A data access in one of the ranges, before it and after it, in an instruction. data: NULL
     * before a read, else the bytes, which may be changed. */
    void (*access)(void *to, u32 la, u8 *data, u32 size, enum cpu_access how, bool after);
    /* Between two instructions, if wanted (below). false: registers or memory map are not what they
     * were, so that the run loop starts over. `fetch`: the bytes have not been looked at yet. */
    bool (*fetch)(void *to, u32 la);
    bool (*insn)(void *to, u32 la, u32 len);
    bool (*block)(void *to, u32 la, u32 len);
    bool want_fetch, want_insn, want_block;
    /* linear addresses, both inclusive, of `access` */
    struct {
        u32 first, last;
    } range[CPU_HOOK_RANGES];
    unsigned num_ranges;
    u32 map_changes; /* counted up by whoever changes the memory space during a hook */
    bool block_next; /* private: the next instruction starts a block */
};

/* h stays the caller's; NULL: none. */
void cpu_set_hooks(struct cpu *c, struct cpu_hooks *h);
/* Ranges or wishes changed. Not while an instruction is running. */
void cpu_hooks_changed(struct cpu *c);
/* The next instruction starts a block, whatever it follows. */
void cpu_block_starts(struct cpu *c);

/* cpu_run() returns CPU_BREAK in front of the instruction at linear address la, at full speed (the
 * breakpoints of cpu_break_add() step). */
void cpu_set_stop_at(struct cpu *c, bool on, u32 la);
/* Whether the last CPU_BREAK was that, or because `refused` called cpu_stop() for a fetch. */
bool cpu_is_at_stop(const struct cpu *c);
bool cpu_fetch_left(const struct cpu *c);

/* After CPU_BREAK of cpu_catch_faults(): INT n, INT3, INTO or ICEBP, which stand at EIP. */
bool cpu_caught_int(const struct cpu *c);
/* ... goes on behind it, as if its handler had returned. */
void cpu_skip_int(struct cpu *c);
/* ... delivers what was caught through the guest's table, as a machine would. */
void cpu_deliver_caught(struct cpu *c);
/* ... gives CR2 and DR6 what the delivery would give them. */
void cpu_note_caught(struct cpu *c);
/* ... forgets it. */
void cpu_drop_caught(struct cpu *c);
/* HLT is over. */
void cpu_unhalt(struct cpu *c);
bool cpu_is_shut_down(const struct cpu *c);

/* Without cpu_set()'s flush of what was looked up. Not while an instruction runs. */
void cpu_set_eip(struct cpu *c, u32 v);
void cpu_set_flags(struct cpu *c, u32 v);
/* CR0, CR3, CR4 and EFER as MOV and WRMSR set them, PDPTEs included. false: a processor refuses. */
bool cpu_set_ctl(struct cpu *c, enum cpu_reg r, u32 v);
/* MOV to ES, SS, DS, FS, GS with its checks in the current mode. false: *f is what it raises. */
bool cpu_load_seg(struct cpu *c, enum cpu_reg r, u16 sel, struct cpu_fault *f);
bool cpu_get_msr(struct cpu *c, u32 msr, u64 *v);
bool cpu_set_msr(struct cpu *c, u32 msr, u64 v);
void cpu_get_mm(const struct cpu *c, unsigned i, u8 v[8]);
void cpu_set_mm(struct cpu *c, unsigned i, const u8 v[8]);

/* The architectural state as bytes, for this process only: the same fields that cpu_save() stores,
 * without its format. */
size_t cpu_context_size(void);
void cpu_context_get(const struct cpu *c, void *to);
void cpu_context_set(struct cpu *c, const void *from); /* not while an instruction is running */

#endif
