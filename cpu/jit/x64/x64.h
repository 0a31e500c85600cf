/* SPDX-License-Identifier: MIT */
/* What the files of the x86-64 emitter share.
 *
 * Registers while code runs
 *   rax rcx rdx rbx rbp rsi rdi   the guest's, zero-extended; guest ESP is in r8
 *   r9 r10 r11                    scratch: linear address, table entry, anything
 *   r12d                          guest flags when "saved": AH of LAHF in bits 15:8, OF in bit 0
 *   r13                           retired count at the block's start
 *   r14                           struct cpu
 *   r15                           c->fast.view, or c->tlb_rd where there are no views
 *   rsp                           host stack; 8(%rsp) is a free slot
 *   xmm0..7, MXCSR                the guest's if c->fast.fp_in has FP_SSE, else C's
 *   x87                           the guest's if it has FP_X87, register by register (TOP too)
 * Between blocks the flags are saved. Within one they are in the host's EFLAGS too, or there alone,
 * as enum fl says at each point of the translation. */
#ifndef NB_CPU_JIT_X64_X64_H
#define NB_CPU_JIT_X64_X64_H

#include "cpu/insn.h"
#include "cpu/jit/jit.h"
#include "cpu/jit/rows.h"
#include "cpu/jit/x64/asm.h"

enum fl { FL_SAVED_ONLY, FL_HOST_ONLY, FL_BOTH };

enum { MAX_COLD = 256 };

/* What is known of x87, MMX and SSE state at a point of the translation (fp.c). */
struct fp_known {
    u8 in;              /* FP_x that are in the host's registers for certain */
    u8 note, note_mem;  /* 1 + the last x87 instruction, and that with a memory operand, whose
                           pointers are still to be stored; 0: none */
};

/* Code that is emitted behind the block. */
struct cold {
    enum { COLD_SLOW, COLD_UNLINKED, COLD_LOOK, COLD_LOAD, COLD_HOT } kind;
    u32 from[3];        /* rel32 fields that lead here; 0: none */
    u32 misaligned;     /* one that leads to the test for the page's end, going on at `aligned` */
    u32 aligned;
    u32 back;           /* SLOW: where to go on, 0: nowhere; LOAD: the same */
    bool flags;         /* SLOW: host flags are wanted there */
    u8 size;
    u8 k;               /* SLOW, LOAD: instruction */
    struct fp_known fp; /* SLOW: in front of the instruction; LOAD: what to load */
    bool write;
    bool view;          /* looks through the view: */
    u32 site;           /* where it does that; 0: nowhere */
    bool unsaved, clear_af; /* the flags then: in the host's alone */
    u8 swapped;         /* AH..BH is exchanged with this one's low byte then; H_NONE */
    struct jit_group *group;
    struct jit_link *link;
    u32 eip;
};

struct x64 {
    struct asm_buf a;
    struct cpu *c;
    struct jit *j;
    struct block *b;
    struct jit_block *jb;
    u32 eip;
    enum fl fl;
    struct fp_known fp;
    bool open;          /* struct jit_block's */
    bool clear_af;      /* the host's AF is not the guest's: a shift has left it undefined */
    unsigned num_cold;
    bool full;          /* of groups or links */
    struct jit_map map;
    struct cold cold[MAX_COLD]; /* last: not cleared for each block */
};

#define CPU_AT(field) HMEM(H_R14, (i32)offsetof(struct cpu, field))

extern const u8 x64_host_of[8];

/* flags.c */
void x64_save(struct x64 *x);       /* to r12, if they are in the host's alone */
void x64_want_flags(struct x64 *x, unsigned temp); /* into the host's, by way of register temp */
void x64_want_cf(struct x64 *x);    /* CF alone; the other host flags may be spoilt */

/* Whether somebody may see the flags that insns[k] leaves. */
static inline bool x64_live_after(const struct x64 *x, unsigned k) { return x->map.live[k + 1]; }

/* memory.c */
struct host_mem x64_ea_of(const struct insn *in);
void x64_ea(struct x64 *x, const struct insn *in); /* r9d = effective address */
/* From r9d to r10, so that [r10 + r9] is the operand; what needs more is done by the handler of
 * insns[k], behind the block, and goes on where x64_done() says. Clobbers r11 for writes. Flags
 * must not be in the host's alone. */
struct cold *x64_lookup(struct x64 *x, unsigned k, unsigned seg, unsigned size, bool write);
void x64_done(struct x64 *x, struct cold *slow);
/* The operand of insns[k] at [seg:ea], for one host instruction, in *m: by look-up or, in code
 * of tier 2, through the view, and then flags may stay where they are. The registers of ea must
 * be as they are until then. x64_access() comes right in front of that instruction; swapped: see
 * struct cold. */
struct cold *x64_mem(struct x64 *x, unsigned k, unsigned seg, struct host_mem ea, unsigned size,
                     bool write, struct host_mem *m);
struct cold *x64_mem_of(struct x64 *x, unsigned k, unsigned size, bool write, struct host_mem *m);
void x64_access(struct x64 *x, struct cold *o, unsigned swapped);
struct cold *x64_new_cold(struct x64 *x);

/* ops.c: false: the handler's. size: log2 of the operand's bytes; form: enum isa_form */
bool x64_op(struct x64 *x, unsigned k, unsigned cls, unsigned size, unsigned form);

/* fp.c: residency of x87, MMX and SSE state. */
void x64_fp_store_stubs(struct jit *j, struct asm_buf *a);
void x64_fp_load_stubs(struct jit *j, struct asm_buf *a);
void x64_fp_out(struct jit *j, struct asm_buf *a); /* in a stub that goes to C; keeps rax, r11 */
void x64_fp_out_for_group(struct jit *j, struct asm_buf *a); /* the group in r11 */
/* What is in the registers behind a call of g. */
void x64_fp_called(struct x64 *x, const struct jit_group *g);
void x64_fp_poison(struct jit *j, struct asm_buf *a); /* spoils them; r10 is lost */
/* What the instructions from insns[k] to the next handler want gets into the registers. At the
 * block's start and behind each call of handlers; clobbers host flags. */
void x64_fp_want(struct x64 *x, unsigned k);
/* Stores the last x87 instruction's pointers: before anybody may look. Keeps host flags. */
void x64_fp_flush(struct x64 *x);
void x64_fp_flush_of(struct x64 *x, const struct fp_known *fp);
/* Loads FP_x that are not in, or leaves, with insns[k] as the next. */
void x64_fp_load(struct x64 *x, unsigned in, unsigned k);
/* Behind a call of g, a single instruction's handler: puts back what was in. */
void x64_fp_put_back(struct x64 *x, unsigned in, const struct jit_group *g);
/* In front of insns[k]: to its handler if an x87 exception is pending. */
void x64_fp_wait(struct x64 *x, unsigned k);
unsigned x64_fp_need(const struct x64 *x, const struct insn *in); /* FP_x */
bool x64_fp_usable(const struct x64 *x, const struct insn *in); /* a T_FP row has its template */

/* sse.c (MMX too), x87.c */
bool x64_fp_op(struct x64 *x, unsigned k, unsigned cls);
bool x64_x87_op(struct x64 *x, unsigned k, unsigned cls);

/* flow.c: the same for rows that end a block; n is the block's number of instructions then. */
bool x64_flow(struct x64 *x, unsigned k, unsigned cls, unsigned size, unsigned form);
void x64_exit_to(struct x64 *x, u32 eip); /* retired count is done */
void x64_cold_code(struct x64 *x);

#endif
