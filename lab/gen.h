/* SPDX-License-Identifier: MIT */
/* The generator: rows of isa.def to cases.
 *
 * What is to be covered is a list of units: a row in one form and operand size. Each unit knows
 * from the row which outcomes user mode can reach (gen_fault.c); case N of a seed goes to unit N
 * % num_units and, in turn, aims at one of them or at none in particular. An aim is a wish: the
 * case is made so that this outcome is likely, and the engines say what came of it. */
#ifndef NB_LAB_GEN_H
#define NB_LAB_GEN_H

#include "cpu/isa.h"
#include "lab/lab.h"
#include "lab/rng.h"

/* What a row needs beside operands. */
enum gen_kind {
    GEN_PLAIN, GEN_STRING, GEN_JREL, GEN_LOOP, GEN_JIND, GEN_RET, GEN_RETF, GEN_IRET, GEN_LSEG,
    GEN_FARIND, GEN_FARIMM, GEN_MOVSEG, GEN_POPSEG, GEN_POPF, GEN_DIV, GEN_SHIFT, GEN_BT, GEN_XLAT,
    GEN_ENTER, GEN_LEAVE, GEN_BOUND, GEN_CMPXCHG, GEN_SELARG, GEN_INT, GEN_FX,
};

/* Memory that a row reaches. */
enum {
    ACC_READ = 1, ACC_WRITE = 2,                /* the operand */
    ACC_PUSH = 4, ACC_POP = 8,                  /* the stack */
    ACC_MEM = ACC_READ | ACC_WRITE, ACC_STACK = ACC_PUSH | ACC_POP,
};

/* One thing to cover: a row in one form and operand size. */
struct gen_unit {
    u16 row;
    bool mem;      /* r/m is memory */
    bool op32;
    u8 kind;
    u8 access;     /* ACC_x */
    u16 size;      /* bytes of the memory operand, 0 where there is none */
    u32 outcomes;  /* BIT(LC_x) that it can have */
};

/* Rows that the lab leaves out, and why; NULL: it is run. */
const char *gen_left_out(const struct isa_row *row);

struct gen {
    const struct isa *isa;
    struct gen_unit *unit;
    unsigned num_units;
};
enum { GEN_ANY = LC_NUM }; /* no aim */
/* name: only rows of this mnemonic; NULL: all. size: 8, 16, 32 or 0. */
void gen_init(struct gen *g, const char *name, unsigned size);
void gen_free(struct gen *g);
/* Case `index` of `seed`. */
void gen_case(const struct gen *g, u64 seed, u64 index, struct lab_case *c);
/* What it aims at: LC_x or GEN_ANY. */
unsigned gen_aim(const struct gen *g, u64 index);
/* Sequence `index` of `seed`: 2 to 30 instructions (gen_seq.c). */
void gen_sequence(const struct gen *g, u64 seed, u64 index, struct lab_case *c);

/* ---- shared by gen*.c */
struct gctx {
    struct rng r;
    struct lab_case *c;
    const struct gen_unit *u;
    const struct isa_row *row;
    bool op32, a32, flat;
    u8 prefix[24];
    unsigned num_prefixes;
    int seg;             /* S_x prefix, or -1 */
    u32 operand_la;      /* linear address of the memory operand */
    unsigned opsize;     /* bytes of one operand */
    struct lab_patch *operand; /* the patch at it, or NULL */
    u8 aim;              /* LC_x or GEN_ANY */
    bool calm;           /* nothing but the aim may go wrong */
    u8 gp;               /* how: GP_x */
    u8 modrm_reg;        /* the reg field */
    bool bad_stack;      /* the stack is what the aim is about, not the operand */
};
enum { GP_LONG, GP_LIMIT, GP_RIGHTS, GP_ALIGN, GP_SELECTOR, GP_OWN };

/* gen_fault.c */
void gen_describe(struct gen_unit *u);
void gen_choose(struct gctx *g);

u32 gen_edge(struct rng *r);
void gen_segments(struct gctx *g);
void gen_registers(struct gctx *g);
/* ModRM byte for reg, SIB and displacement for the unit's form; appends to code. */
void gen_modrm(struct gctx *g, unsigned reg);
void gen_moffs(struct gctx *g);
/* An offset in segment s (as loaded) for an access (ACC_x) of `size` bytes, in all kinds of
 * places or where the aim wants it. */
u32 gen_offset(struct gctx *g, unsigned s, unsigned size, unsigned access);
u32 gen_linear(const struct gctx *g, unsigned s, u32 off);
struct lab_patch *gen_patch(struct gctx *g, u32 la, unsigned len);
u32 gen_stack_la(const struct gctx *g);
u16 gen_data_selector(struct rng *r);
u16 gen_code_selector(struct rng *r);
u16 gen_any_selector(struct rng *r);
/* Where a branch may go, as an offset in a code segment `sel`. */
u32 gen_code_target(struct gctx *g, u16 sel);
static inline void gen_byte(struct gctx *g, u32 b) { g->c->code[g->c->len++] = (u8)b; }
void gen_bytes(struct gctx *g, u32 v, unsigned n);
void gen_immediate(struct gctx *g, u16 o);
bool gen_wants_modrm(const struct isa_row *row);

/* gen_fx.c: x87, MMX and SSE */
void gen_fx(struct gctx *g);
void gen_fx_state(struct rng *r, u8 *fx);
u32 gen_mxcsr(struct rng *r);
/* What lies at a memory operand of such a row. */
void gen_fx_operand(struct gctx *g);
void gen_float(struct rng *r, u8 v[10]);
bool gen_raises_xm(const struct isa_row *row);

#endif
