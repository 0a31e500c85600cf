/* SPDX-License-Identifier: MIT */
/* What the files of the x86-64 emitter share.
 *
 * Registers while code runs
 *   rax rcx rdx rbx rbp rsi rdi   the guest's, zero-extended; guest ESP is in r8
 *   r9 r10                        scratch: linear address, table entry, anything
 *   r11                           scratch; a recipe may need it (below)
 *   r12                           guest flags when saved: AH of LAHF in bits 15:8, OF in bit 0;
 *                                 else what a recipe needs: a bit that it has captured, a register
 *   r13                           retired count at the running block's end
 *   r14                           struct cpu
 *   r15                           c->fast.view; where there are no views c->tlb_rd, and c->tlb_wr
 *                                 lies TLB_WR_BYTES behind it
 *   rsp                           the host's stack, and on it the shadow stack: for each call a
 *                                 guest EIP, and below it the host's return address
 *   xmm0..7, MXCSR                the guest's if c->fast.fp_in has FP_SSE, else C's
 *   x87                           the guest's if it has FP_X87, register by register (TOP too)
 *
 * Where the guest's flags are
 * At each point of a translation they are in some of three places (enum at). A recipe makes them
 * anew from registers that are still as they were; code that needs it lies behind the block, so
 * that flags which only a fault, an interrupt or the next block may ever see cost nothing.
 * Blocks are entered by their head (budget not asked for yet, flags saved) or by their body (asked
 * for by the edge that leads there; flags saved, or nowhere if the block sees none of them). */
#ifndef NB_CPU_JIT_X64_X64_H
#define NB_CPU_JIT_X64_X64_H

#include "cpu/insn.h"
#include "cpu/jit/jit.h"
#include "cpu/jit/rows.h"
#include "cpu/jit/x64/asm.h"

enum { MAX_COLD = 256 };

/* What is known of x87, MMX and SSE state at a point of the translation (fp.c). */
struct fp_known {
    u8 in;              /* FP_x that are in the host's registers for certain */
    u8 note, note_mem;  /* 1 + the last x87 instruction, and that with a memory operand, whose
                           pointers are still to be stored; 0: none */
};

/* Code that is emitted behind the block. */
struct cold {
    enum {
        COLD_SLOW,      /* a memory access that the look-up could not do */
        COLD_LOAD,      /* x87, MMX or SSE state is wanted */
        COLD_OVER,      /* an edge: beyond the budget, or kicked */
        COLD_FAR,       /* an edge: the mapping has changed */
        COLD_UNLINKED,  /* an edge that leads nowhere yet */
        COLD_SAVE,      /* an edge to a block that sees flags */
        COLD_HOT,       /* an edge of tier 1: a loop that has run often */
        COLD_HEAD,      /* as OVER, at a block's head */
        COLD_HEAD_HOT,  /* as HOT, there */
        COLD_MISS,      /* an indirect transfer to another place than the last time */
        COLD_RESET,     /* the shadow stack is full: begin anew */
        COLD_RETURN,    /* RET that the shadow stack knows nothing of */
    } kind;
    u32 from[3];        /* rel32 fields that lead here; 0: none */
    u32 misaligned;     /* one that leads to the test for the page's end, going on at `aligned` */
    u32 aligned;
    u32 back;           /* SLOW: where to go on, 0: nowhere; LOAD: the same */
    u8 size;
    u8 k;               /* SLOW, LOAD: instruction */
    struct fp_known fp; /* SLOW: in front of the instruction; LOAD: what to load */
    bool load;          /* SLOW: the handler only loads, into r11 */
    bool from_r11;      /* SLOW: the handler stores r11 */
    struct flags_at before;
    u8 after;           /* enum at */
    bool same;          /* the recipe is still that of `before` */
    u32 serial;
    bool write;
    bool view;          /* looks through the view: */
    u32 site;           /* where it does that; 0: nowhere */
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
    struct fp_known fp;
    bool open;          /* struct jit_block's */
    u8 at;
    bool clear_af;      /* what made them left AF undefined (a shift), the guest's is clear */
    struct recipe recipe;
    u32 serial;         /* of recipes */
    unsigned num_cold;
    bool full;          /* of groups or links */
    u32 thunk_from[16]; /* rel32 fields that call the thunk: flags as at the block's end */
    unsigned num_thunk;
    struct flags_at end;
    struct jit_map map;
    struct cold cold[MAX_COLD]; /* last: not cleared for each block */
};

#define TLB_WR_BYTES ((i32)((1u << 20) * sizeof(u64)))
#define CPU_AT(field) HMEM(H_R14, (i32)offsetof(struct cpu, field))

extern const u8 x64_host_of[8];

/* flags.c */
void x64_save(struct x64 *x);       /* to r12, if they are not there */
void x64_spoil(struct x64 *x);      /* the host's flags are about to change */
void x64_want_flags(struct x64 *x); /* into the host's; r10 is spoilt */
void x64_want_cf(struct x64 *x);    /* CF alone; the other host flags may be spoilt */
/* The host's instruction has just made them; how to make them again. */
void x64_wrote(struct x64 *x, struct recipe recipe);
void x64_wrote_unknown(struct x64 *x);
/* insns[k], which leaves the flags alone, writes these host registers (BIT each) next. */
void x64_before_write(struct x64 *x, unsigned k, u32 regs, bool accesses);
bool x64_esp_may_move(const struct x64 *x); /* the recipe can follow */
void x64_esp_moved(struct x64 *x, i32 by);
struct flags_at x64_flags_here(const struct x64 *x);
void x64_recover(struct asm_buf *a, const struct flags_at *f); /* to r12 */
void x64_save_host(struct asm_buf *a, bool clear_af);          /* the host's, to r12 */
void x64_load_saved(struct asm_buf *a, unsigned temp); /* r12 to the host's */
bool x64_recipe_uses(const struct recipe *r, u32 regs);
struct recipe x64_recipe(unsigned kind, unsigned size, unsigned dst, unsigned src, u32 imm);

/* Whether somebody may see the flags that insns[k] leaves. */
static inline bool x64_live_after(const struct x64 *x, unsigned k) { return x->map.live[k + 1]; }

/* memory.c */
struct host_mem x64_ea_of(const struct insn *in);
void x64_ea(struct x64 *x, const struct insn *in); /* r9d = effective address */
/* From r9d to r10, so that [r10 + r9] is the operand; what needs more is done by the handler of
 * insns[k], behind the block, and goes on where x64_done() says. Spoils the host's flags. */
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
bool x64_by_view(const struct x64 *x, unsigned k); /* insns[k] leaves the host's flags alone */
/* The operand of insns[k] to r11, zero-extended. */
void x64_load_operand(struct x64 *x, unsigned k, unsigned size);
struct cold *x64_new_cold(struct x64 *x);
void x64_slow_path(struct x64 *x, const struct cold *o);

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
 * block's start and behind each call of handlers; spoils the host's flags. */
void x64_fp_want(struct x64 *x, unsigned k);
unsigned x64_fp_wants(const struct x64 *x, unsigned k); /* FP_x */
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

/* flow.c: the same for rows that end a block. */
bool x64_flow(struct x64 *x, unsigned k, unsigned cls, unsigned size, unsigned form);
void x64_end(struct x64 *x);               /* the flags can be had without the host's from here */
void x64_edge(struct x64 *x, u32 eip, enum jit_edge_flags flags);
void x64_cold_code(struct x64 *x);

#endif
