/* SPDX-License-Identifier: MIT */
/* The generator: rows of isa.def to cases. */
#ifndef NB_LAB_GEN_H
#define NB_LAB_GEN_H

#include "cpu/isa.h"
#include "lab/lab.h"
#include "lab/rng.h"

/* What a row needs beside operands. */
enum gen_kind {
    GEN_PLAIN, GEN_STRING, GEN_JREL, GEN_LOOP, GEN_JIND, GEN_RET, GEN_RETF, GEN_IRET, GEN_LSEG,
    GEN_FARIND, GEN_FARIMM, GEN_MOVSEG, GEN_POPSEG, GEN_POPF, GEN_DIV, GEN_SHIFT, GEN_BT, GEN_XLAT,
    GEN_ENTER, GEN_LEAVE, GEN_BOUND, GEN_CMPXCHG, GEN_SELARG, GEN_INT, GEN_X87,
};

/* One thing to cover: a row in one form and operand size. */
struct gen_unit {
    u16 row;
    bool mem;      /* r/m is memory */
    bool op32;
    u8 kind;
};

/* Rows that the lab leaves out, and why; NULL: it is run. */
const char *gen_left_out(const struct isa_row *row);

struct gen {
    const struct isa *isa;
    struct gen_unit *unit;
    unsigned num_units;
};
/* name: only rows of this mnemonic; NULL: all. size: 8, 16, 32 or 0. */
void gen_init(struct gen *g, const char *name, unsigned size);
void gen_free(struct gen *g);
/* Case `index` of `seed`. */
void gen_case(const struct gen *g, u64 seed, u64 index, struct lab_case *c);

/* ---- shared by gen.c and gen_op.c */
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
};

u32 gen_edge(struct rng *r);
void gen_segments(struct gctx *g);
void gen_registers(struct gctx *g);
/* ModRM byte for reg, SIB and displacement for the unit's form; appends to code. */
void gen_modrm(struct gctx *g, unsigned reg);
void gen_moffs(struct gctx *g);
/* An offset in segment s (as loaded) for an access of `size` bytes, in all kinds of places. */
u32 gen_offset(struct gctx *g, unsigned s, unsigned size);
u32 gen_linear(const struct gctx *g, unsigned s, u32 off);
struct lab_patch *gen_patch(struct gctx *g, u32 la, unsigned len);
u32 gen_stack_la(const struct gctx *g);
u16 gen_data_selector(struct rng *r);
u16 gen_code_selector(struct rng *r);
u16 gen_any_selector(struct rng *r);
/* Where a branch may go, as an offset in a code segment `sel`. */
u32 gen_code_target(struct gctx *g, u16 sel);
void gen_fx(struct gctx *g);
void gen_float(struct rng *r, u8 v[10]);
static inline void gen_byte(struct gctx *g, u32 b) { g->c->code[g->c->len++] = (u8)b; }
void gen_bytes(struct gctx *g, u32 v, unsigned n);

#endif
