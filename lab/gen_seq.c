/* SPDX-License-Identifier: MIT */
/* Sequences: 2 to 30 instructions that work on each other's results. Registers ESI, EDI and EBX
 * point into one small window of data, EBP and ESP into the stack, so that accesses overlap;
 * EAX, ECX and EDX carry the numbers, as do the x87 stack, MMX and XMM. Branches go forward, by
 * a few instructions. Now and then an address is wild, a divisor zero, an exception unmasked:
 * such a sequence ends with its fault in the middle.
 *
 * No instruction looks at a flag that an earlier one left undefined (seq.c follows them); what
 * is undefined at the end is not compared. Left out: whatever the lab leaves out, transfers that
 * don't go forward, segment loads, POPF (but behind its PUSHF), images of the x87's state (they
 * hold instruction pointers, which processors keep as they like), and results that may differ in
 * their last bits (FSIN ... FYL2XP1, RCPPS, RSQRTPS). */
#include "lab/gen.h"

#include <stdio.h>

#include "lab/seq.h"

enum { WINDOW = 96, ROOM = 24, MAX_JUMPS = 8, MAX_INSNS = 30 };

struct builder {
    struct gctx g;
    const struct gen *gen;
    struct seq_undef undef;
    u32 window;      /* offset of the window in DS */
    unsigned n;
    struct { u16 at; u8 size, left; } jump[MAX_JUMPS]; /* to fill; instructions to go */
    unsigned num_jumps;
};

static bool named(const struct isa_row *row, const char *list)
{
    char key[24];

    snprintf(key, sizeof key, " %s ", row->name);
    return strstr(list, key) != NULL;
}

static bool forward_branch(const struct isa_row *row)
{
    return OPD_KIND(row->o[0]) == OK_J;
}

static bool suits(const struct builder *b, const struct gen_unit *u, const struct isa_row *row)
{
    if (!(u->outcomes & BIT(LC_DONE)) || (row->attr & (A_NOFLOW | A_PRIV | A_IO)))
        return false;
    /* EIP is cut to 16 bits, which leads out of a flat segment */
    if (forward_branch(row) && !u->op32 && b->g.flat)
        return false;
    if ((row->attr & A_END) && !forward_branch(row) && !named(row, " into "))
        return false;
    if (u->kind == GEN_MOVSEG || u->kind == GEN_POPSEG || u->kind == GEN_LSEG ||
        u->kind == GEN_SELARG || u->kind == GEN_LEAVE || u->kind == GEN_ENTER ||
        u->kind == GEN_POPF || OPD_KIND(row->o[0]) == OK_SREG)
        return false;
    if (named(row, " popa fnstenv fldenv fnsave frstor fxsave fxrstor fsin fcos fsincos fptan "
                   "fpatan f2xm1 fyl2x fyl2xp1 rcpps rcpss rsqrtps rsqrtss bswap ldmxcsr "))
        return false;
    /* undefined above 16 */
    if (named(row, " shld shrd ") && !u->op32)
        return false;
    /* a bit offset in a register reaches far */
    if (u->kind == GEN_BT && u->mem && OPD_KIND(row->o[1]) == OK_G)
        return false;
    return !seq_reads_undefined(&b->undef, row);
}

/* ---- one instruction */

static unsigned data_register(struct rng *r)
{
    static const u8 reg[] = { LG_EAX, LG_ECX, LG_EDX, LG_EAX, LG_ECX, LG_EDX, LG_EAX, LG_EDX };
    unsigned k = rng_below(r, 40);

    if (k < 36)
        return reg[k % 8];
    return k == 36 ? LG_EBX : k == 37 ? LG_ESI : k == 38 ? LG_EDI : LG_EBP;
}

/* As an operand of this size: bytes are AL CL DL BL AH CH DH BH. */
static unsigned some_register(struct rng *r, u16 o)
{
    if (OPD_SIZE(o) == OZ_B)
        return rng_below(r, 8);
    return data_register(r);
}

static void modrm(struct builder *b, unsigned reg)
{
    struct gctx *g = &b->g;
    struct rng *r = &g->r;
    static const u8 ptr[] = { LG_EBX, LG_ESI, LG_EDI, LG_EBX, LG_ESI, LG_EDI, LG_EBP, LG_ESP };
    unsigned base = ptr[rng_below(r, 8)], step = g->row->attr & A_ALIGN16 ? 16 : 1;
    u32 off = rng_below(r, WINDOW - 16);

    if (rng_below(r, 40))
        off &= ~(step - 1);
    if (rng_below(r, 3))
        off &= ~3u;
    if (rng_permille(r, 6)) { /* wild: a number as an address */
        base = rng_below(r, 3);
        off = rng_u32(r);
    }
    if (!g->a32) { /* [SI+d], [DI+d], [BP+d], [BX+d], or a plain address */
        unsigned rm = base == LG_ESI ? 4 : base == LG_EDI ? 5 : base == LG_EBX ? 7 : 6;
        if (rng_below(r, 6) == 0) {
            gen_byte(g, reg << 3 | 6);
            gen_bytes(g, b->window + (off & 0x7f), 2);
        } else if (rng_below(r, 2)) {
            gen_byte(g, 0x40 | reg << 3 | rm);
            gen_byte(g, off & 0x7f);
        } else {
            gen_byte(g, 0x80 | reg << 3 | rm);
            gen_bytes(g, off, 2);
        }
        return;
    }
    if (rng_below(r, 8) == 0) {
        gen_byte(g, reg << 3 | 5);
        gen_bytes(g, b->window + off, 4);
        return;
    }
    bool wide = off > 127 || rng_below(r, 6) == 0, sib = base == LG_ESP || rng_below(r, 8) == 0;
    gen_byte(g, (wide ? 0x80 : 0x40) | reg << 3 | (sib ? 4 : base));
    if (sib) /* no index, but once in a while a number */
        gen_byte(g, rng_below(r, 4) << 6 | base |
                        (rng_permille(r, 30) ? rng_below(r, 3) : 4u) << 3);
    gen_bytes(g, off, wide ? 4 : 1);
}

/* The displacement is filled in when the target is reached. */
static void branch_field(struct builder *b, u16 o)
{
    unsigned size = OPD_SIZE(o) == OZ_B ? 1 : b->g.op32 ? 4 : 2;

    b->jump[b->num_jumps].at = b->g.c->len;
    b->jump[b->num_jumps].size = (u8)size;
    b->jump[b->num_jumps++].left = (u8)(1 + rng_below(&b->g.r, 5));
    gen_bytes(&b->g, 0, size);
}

static void emit(struct builder *b, const struct gen_unit *u)
{
    struct gctx *g = &b->g;
    struct rng *r = &g->r;
    const struct isa_row *row = isa_row(u->row);
    bool is32 = g->c->bits == 32;
    u8 opcode = row->op;

    g->u = u;
    g->row = row;
    g->op32 = row->pfx != PFX_ANY ? is32 : u->op32;
    g->a32 = is32 || (g->flat ? true : rng_below(r, 2));
    if ((row->attr & A_LOCK) && u->mem && rng_permille(r, 60))
        gen_byte(g, 0xf0);
    if ((row->attr & (A_REP | A_REPC)) && rng_below(r, 2))
        gen_byte(g, 0xf2 + rng_below(r, 2));
    if (u->mem && rng_permille(r, 30))
        gen_byte(g, rng_below(r, 2) ? 0x3e : 0x26);
    if (g->a32 != is32)
        gen_byte(g, 0x67);
    if (row->pfx == PFX_66 || (row->pfx == PFX_ANY && g->op32 != is32))
        gen_byte(g, 0x66);
    if (row->pfx == PFX_F3 || row->pfx == PFX_F2)
        gen_byte(g, row->pfx == PFX_F3 ? 0xf3 : 0xf2);
    if (row->map == MAP_2 || row->map == MAP_2X)
        gen_byte(g, 0x0f);
    if (OPD_KIND(row->o[0]) == OK_Z) /* not ESP */
        opcode = (u8)(opcode + some_register(r, row->o[0]));
    gen_byte(g, opcode);
    if (row->map == MAP_FX || row->map == MAP_2X) {
        gen_byte(g, row->modrm);
    } else if (gen_wants_modrm(row)) {
        unsigned reg = row->ext >= 0 ? (unsigned)row->ext : rng_below(r, 8), rm = rng_below(r, 8);
        for (unsigned k = 0; k < 3; k++) {
            unsigned kind = OPD_KIND(row->o[k]);
            if (kind == OK_G)
                reg = some_register(r, row->o[k]);
            if (kind == OK_E || kind == OK_RM || kind == OK_R)
                rm = some_register(r, row->o[k]);
        }
        if (u->mem)
            modrm(b, reg);
        else
            gen_byte(g, 0xc0 | reg << 3 | rm);
    }
    for (unsigned k = 0; k < 3; k++) {
        unsigned kind = OPD_KIND(row->o[k]);
        if (kind == OK_O)
            gen_bytes(g, b->window + rng_below(r, WINDOW - 16), g->a32 ? 4 : 2);
        else if (kind == OK_J)
            branch_field(b, row->o[k]);
        else
            gen_immediate(g, row->o[k]);
    }
    seq_step(&b->undef, row, b->num_jumps != 0);
    b->n++;
}

/* Fills the branches that lead here. */
static void land(struct builder *b, bool all)
{
    struct lab_case *c = b->g.c;
    unsigned left = 0;

    for (unsigned k = 0; k < b->num_jumps; k++) {
        u32 rel = (u32)c->len - b->jump[k].at - b->jump[k].size;
        if (!all && --b->jump[k].left) {
            b->jump[left++] = b->jump[k];
            continue;
        }
        for (unsigned n = 0; n < b->jump[k].size; n++)
            c->code[b->jump[k].at + n] = (u8)(rel >> (8 * n));
    }
    b->num_jumps = left;
}

/* ---- the whole */

static void prepare_state(struct builder *b)
{
    struct gctx *g = &b->g;
    struct rng *r = &g->r;
    struct lab_regs *in = &g->c->in;
    static const u32 place[] = { 0x1400, 0x1400, 0x1400, 0x1fc0, 0x2fc0, 0x1400, 0x2200, 0x1fd0 };
    u32 data, stack, w;

    g->aim = LC_DONE;
    g->calm = true;
    gen_segments(g);
    w = place[rng_below(r, ARRAY_LEN(place))] + (rng_below(r, 2) ? 0 : rng_below(r, 16) * 4);
    if (rng_below(r, 4))
        w &= ~15u;
    data = g->flat ? LAB_DATA : 0;
    stack = g->flat ? LAB_STACK : 0;
    b->window = data + w;
    for (unsigned k = 0; k < 8; k++)
        in->gpr[k] = gen_edge(r);
    in->gpr[LG_EBX] = b->window;
    in->gpr[LG_ESI] = b->window + rng_below(r, 3) * 16;
    in->gpr[LG_EDI] = b->window + rng_below(r, 3) * 16;
    in->gpr[LG_ESP] = stack + 0x1800 + rng_below(r, 0x40) * 16;
    if (rng_permille(r, 40))
        in->gpr[LG_ESP] = stack + 0x1008; /* soon at its end */
    in->gpr[LG_EBP] = in->gpr[LG_ESP] - rng_below(r, 3) * 16;
    in->eflags = (rng_u32(r) & LAB_ARITH) | LAB_FLAGS_FIXED | (rng_permille(r, 100) ? 0x400 : 0);
    g->c->use_fx = USE_X87 | USE_SSE;
    gen_fx_state(r, g->c->fx);
    for (unsigned k = 0; k < 3; k++) {
        struct lab_patch *p = gen_patch(g, LAB_DATA + w + 32 * k, 32);
        if (rng_below(r, 2))
            memcpy(p->data, g->c->fx + FX_XMM + 16 * rng_below(r, 6), 32);
        if (rng_below(r, 4) == 0)
            gen_float(r, p->data + 16);
    }
}

static bool of_family(const struct isa_row *row, unsigned family)
{
    switch (family) {
    case 1: return row->attr & A_FPU;
    case 2: return row->attr & A_MMX;
    case 3: return row->attr & A_SSE;
    case 4: return forward_branch(row);
    default: return !(row->attr & (A_FPU | A_MMX | A_SSE));
    }
}

/* A pair that must stay together: PUSHF and POPF around nothing that moves ESP. */
static void emit_flags_pair(struct builder *b)
{
    gen_byte(&b->g, 0x9c);
    gen_byte(&b->g, 0x9d);
    b->n += 2;
}

/* MXCSR from memory that holds one: AMD has a bit 17 that Intel has not. */
static void emit_ldmxcsr(struct builder *b)
{
    struct gctx *g = &b->g;
    bool is32 = g->c->bits == 32;
    u32 at = b->window + rng_below(&g->r, WINDOW / 4) * 4, v = gen_mxcsr(&g->r);

    if (!is32)
        gen_byte(g, 0x66);
    gen_bytes(g, is32 ? 0x05c7 : 0x06c7, 2); /* MOV [at], v */
    gen_bytes(g, at, is32 ? 4 : 2);
    gen_bytes(g, v, 4);
    gen_bytes(g, is32 ? 0x15ae0f : 0x16ae0f, 3);
    gen_bytes(g, at, is32 ? 4 : 2);
    b->n += 2;
}

void gen_sequence(const struct gen *gen, u64 seed, u64 index, struct lab_case *c)
{
    struct builder b = { .gen = gen };
    struct rng *r = &b.g.r;
    unsigned want, main_family;
    struct decoded d;

    memset(c, 0, sizeof *c);
    c->seed = seed;
    c->index = index;
    b.g.c = c;
    b.g.r = rng_make(seed ^ 0x5e90e4ceull, index);
    b.g.u = &gen->unit[0];
    b.g.row = isa_row(gen->unit[0].row);
    b.g.seg = -1;
    prepare_state(&b);
    want = 2 + rng_below(r, rng_below(r, 2) ? 8 : MAX_INSNS - 1);
    main_family = rng_below(r, 4);
    for (unsigned tries = 0; b.n < want && c->len < LAB_MAX_CODE - ROOM && tries < 1000; tries++) {
        const struct gen_unit *u = &gen->unit[rng_next(r) % gen->num_units];
        const struct isa_row *row = isa_row(u->row);
        unsigned family = rng_below(r, 2) ? main_family : rng_below(r, 5);
        if (!of_family(row, family)) /* a few tries find one of its kind */
            for (unsigned k = 0; k < 40 && !of_family(row, family); k++) {
                u = &gen->unit[rng_next(r) % gen->num_units];
                row = isa_row(u->row);
            }
        if (!suits(&b, u, row))
            continue;
        if (forward_branch(row) && b.num_jumps == MAX_JUMPS)
            continue;
        if ((u->kind == GEN_DIV || named(row, " bound into div idiv aam fldcw ")) &&
            rng_below(r, 4))
            continue;
        if ((row->attr & (A_REP | A_REPC)) && b.n + 2 < want) { /* a small count first */
            gen_byte(&b.g, 0xb9);
            gen_bytes(&b.g, rng_below(r, 10), c->bits == 32 ? 4 : 2);
            b.n++;
            land(&b, false);
        }
        emit(&b, u);
        land(&b, false);
        if (rng_permille(r, 8) && b.n + 2 <= want && c->len < LAB_MAX_CODE - 2 * ROOM) {
            emit_ldmxcsr(&b);
            land(&b, false);
        }
        if (rng_permille(r, 15) && !b.undef.flags && b.n + 2 <= want) {
            emit_flags_pair(&b);
            land(&b, false);
        }
    }
    land(&b, true);
    c->insns = (u8)MAX(b.n, 2u);
    c->row = 0xffff;
    if (isa_decode(gen->isa, c->code, 15, c->bits == 32 ? MODE_D : 0, &d) == DECODE_OK && d.row) {
        c->row = d.in.row;
        c->form = d.form;
        c->size = d.size;
    }
}
