/* SPDX-License-Identifier: MIT */
/* From a row of isa.def to a case: prefixes, opcode, operands, and what the row needs around it
 * (a stack to return from, a selector to load, a count that matters).
 *
 * Never generated: INT 80h, SYSENTER and SYSCALL (system calls), the 64-bit code selector, TF in
 * the images that POPF and IRET take, REP before BSF and BSR (TZCNT, LZCNT on newer CPUs), before
 * LOOPcc (AMD swaps their conditions), LOCK MOV CR (CR8 on AMD), bit 17 of MXCSR (AMD's MM). */
#include "lab/gen.h"

#include "core/xalloc.h"

static bool is_selector_row(const struct isa_row *row)
{
    return !strcmp(row->name, "verr") || !strcmp(row->name, "verw") || !strcmp(row->name, "lar") ||
           !strcmp(row->name, "lsl");
}

const char *gen_left_out(const struct isa_row *row)
{
    if (!strcmp(row->name, "sysenter"))
        return "a system call on Intel, #UD in long mode on AMD";
    if (!strcmp(row->name, "rdpmc"))
        return "depends on CR4.PCE, which is the kernel's";
    if ((row->attr & A_NOFLOW) && !is_selector_row(row))
        return "its result is the machine's state, which the lab cannot set";
    return NULL;
}

static u8 kind_of(const struct isa_row *row)
{
    static const struct { const char *name; u8 kind; } names[] = {
        { "loop", GEN_LOOP }, { "loopz", GEN_LOOP }, { "loopnz", GEN_LOOP }, { "jcxz", GEN_LOOP },
        { "ret", GEN_RET }, { "retf", GEN_RETF }, { "iret", GEN_IRET }, { "les", GEN_LSEG },
        { "lds", GEN_LSEG }, { "lss", GEN_LSEG }, { "lfs", GEN_LSEG }, { "lgs", GEN_LSEG },
        { "popf", GEN_POPF }, { "div", GEN_DIV }, { "idiv", GEN_DIV }, { "xlat", GEN_XLAT },
        { "enter", GEN_ENTER }, { "leave", GEN_LEAVE }, { "bound", GEN_BOUND },
        { "cmpxchg", GEN_CMPXCHG }, { "cmpxchg8b", GEN_CMPXCHG }, { "int", GEN_INT },
        { "rol", GEN_SHIFT }, { "ror", GEN_SHIFT }, { "rcl", GEN_SHIFT }, { "rcr", GEN_SHIFT },
        { "shl", GEN_SHIFT }, { "shr", GEN_SHIFT }, { "sar", GEN_SHIFT }, { "shld", GEN_SHIFT },
        { "shrd", GEN_SHIFT }, { "bt", GEN_BT }, { "bts", GEN_BT }, { "btr", GEN_BT },
        { "btc", GEN_BT },
    };

    if (row->map >= MAP_FM || (row->attr & (A_FPU | A_MMX | A_SSE | A_WAIT)))
        return GEN_FX;
    if (is_selector_row(row))
        return GEN_SELARG;
    for (unsigned k = 0; k < ARRAY_LEN(names); k++)
        if (!strcmp(row->name, names[k].name))
            return names[k].kind;
    if (row->attr & (A_REP | A_REPC))
        return GEN_STRING;
    if (OPD_KIND(row->o[0]) == OK_J)
        return GEN_JREL;
    if (OPD_KIND(row->o[0]) == OK_A)
        return GEN_FARIMM;
    if (OPD_KIND(row->o[0]) == OK_S)
        return GEN_MOVSEG;
    if (OPD_KIND(row->o[0]) == OK_SREG && !strcmp(row->name, "pop"))
        return GEN_POPSEG;
    if (row->map == MAP_1 && row->op == 0xff && (row->ext == 2 || row->ext == 4))
        return GEN_JIND;
    if (row->map == MAP_1 && row->op == 0xff && (row->ext == 3 || row->ext == 5))
        return GEN_FARIND;
    return GEN_PLAIN;
}

/* ---- units */

static void add_unit(struct gen *g, unsigned row, bool mem, bool op32)
{
    if (g->num_units % 256 == 0)
        g->unit = xrealloc(g->unit, (g->num_units + 256) * sizeof *g->unit);
    g->unit[g->num_units] = (struct gen_unit){ .row = (u16)row, .mem = mem, .op32 = op32,
                                               .kind = kind_of(isa_row(row)) };
    gen_describe(&g->unit[g->num_units++]);
}

static unsigned fixed_size(
    const struct isa_row *row) /* bits, or 0 where the operand size decides */
{
    for (unsigned k = 0; k < 2; k++)
        switch (OPD_KIND(row->o[k])) {
        case OK_E: case OK_G: case OK_M: case OK_O: case OK_Z: case OK_REG: case OK_X: case OK_Y:
            switch (OPD_SIZE(row->o[k])) {
            case OZ_B: return 8;
            case OZ_W: return 16;
            case OZ_D: return 32;
            default: return 0;
            }
        default:
            break;
        }
    return 0;
}

void gen_init(struct gen *g, const char *name, unsigned size)
{
    memset(g, 0, sizeof *g);
    g->isa = isa_new(0xffffffffu);
    for (unsigned n = 0; n < isa_num_rows(); n++) {
        const struct isa_row *row = isa_row(n);
        bool can_reg = row->map != MAP_FM, can_mem = row->map == MAP_FM;
        unsigned fixed = fixed_size(row);

        if (gen_left_out(row) || (name && strcmp(name, row->name)))
            continue;
        for (unsigned k = 0; k < 3; k++) {
            unsigned kind = OPD_KIND(row->o[k]);
            if (kind == OK_E || kind == OK_Q || kind == OK_W)
                can_mem = true;
            if (kind == OK_M)
                can_mem = true, can_reg = false;
        }
        for (unsigned v = 0; v < 4; v++) {
            bool mem = v & 1, op32 = v & 2;
            if (mem ? !can_mem : !can_reg)
                continue;
            /* the prefix changes nothing and comes by chance, or is part of the opcode */
            if ((fixed == 8 || row->pfx != PFX_ANY) && !op32)
                continue;
            if (size && (fixed ? fixed : op32 ? 32u : 16u) != size)
                continue;
            add_unit(g, n, mem, op32);
        }
    }
}

void gen_free(struct gen *g)
{
    isa_free(g->isa);
    xfree(g->unit);
}

/* ---- prefixes */

static void prefix(struct gctx *g, unsigned b)
{
    if (g->num_prefixes < sizeof g->prefix)
        g->prefix[g->num_prefixes++] = (u8)b;
}

static bool rep_means_another(const struct isa_row *row)
{
    if (row->map != MAP_2)
        return (row->op & 0xfc) == 0xe0; /* AMD: LOOPNZ with F3 is LOOPZ, and the other way round */
    return row->op == 0xbc || row->op == 0xbd || row->op == 0xb8 || row->op == 0xc7 ||
           row->op == 0x1e || row->op == 0x01 || row->op == 0x09 || row->op == 0x00 ||
           (row->attr & (A_MMX | A_SSE));
}

static const u8 seg_byte[6] = { 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 };

static void choose_segment(struct gctx *g, bool uses_memory)
{
    struct rng *r = &g->r;

    if (g->calm && uses_memory && g->aim == LC_SS && !g->bad_stack) {
        g->seg = LS_SS;
    } else if (rng_permille(r, uses_memory ? 200 : 20)) {
        g->seg = (int)rng_below(r, 6);
        if (g->calm && g->seg == LS_CS)
            g->seg = LS_DS;
        if (rng_permille(r, 100)) /* the last one counts */
            prefix(g, seg_byte[rng_below(r, 6)]);
    }
    if (g->seg >= 0)
        prefix(g, seg_byte[g->seg]);
}

static void choose_lock_and_rep(struct gctx *g)
{
    struct rng *r = &g->r;
    const struct isa_row *row = g->row;
    bool string = row->attr & (A_REP | A_REPC), lockable = (row->attr & A_LOCK) && g->u->mem;
    bool lock = rng_permille(r, lockable ? 200 : 15);

    if (g->calm)
        lock = g->aim == LC_UD || (lockable && lock);
    if (lock && !(row->map == MAP_2 && row->op >= 0x20 && row->op <= 0x23))
        prefix(g, 0xf0);
    if (row->pfx == PFX_F3 || row->pfx == PFX_F2) {
        if (rng_permille(r, 30)) /* the last one counts */
            prefix(g, row->pfx == PFX_F3 ? 0xf2 : 0xf3);
        prefix(g, row->pfx == PFX_F3 ? 0xf3 : 0xf2);
        return;
    }
    if (row->pfx != PFX_ANY)
        return;
    if (string ? rng_permille(r, 600) : rng_permille(r, 20) && !rep_means_another(row))
        prefix(g, (row->attr & A_REPC) || rng_permille(r, 150) ? 0xf2 + rng_below(r, 2) : 0xf3);
}

static void choose_prefixes(struct gctx *g)
{
    struct rng *r = &g->r;
    bool is32 = g->c->bits == 32;
    bool string = g->row->attr & (A_REP | A_REPC);
    bool uses_memory = g->u->mem || string || g->u->kind == GEN_XLAT ||
                       OPD_KIND(g->row->o[0]) == OK_O || OPD_KIND(g->row->o[1]) == OK_O ||
                       (g->u->access & ACC_MEM);

    g->op32 = g->u->op32;
    g->a32 = is32 != rng_permille(r, g->flat ? 40 : 150);
    if (g->flat && g->calm)
        g->a32 = true; /* 16 bits reach none of the lab's pages */
    g->seg = -1;
    if (g->row->pfx != PFX_ANY) {
        g->op32 = is32;
        if (g->row->pfx == PFX_66 || (g->row->pfx != PFX_NONE && rng_permille(r, 40)))
            prefix(g, 0x66);
    } else if (g->op32 != is32) {
        prefix(g, 0x66);
    } else if (fixed_size(g->row) == 8 && rng_permille(r, 30)) {
        prefix(g, 0x66);
        g->op32 = !g->op32;
    }
    if (g->a32 != is32)
        prefix(g, 0x67);
    choose_segment(g, uses_memory);
    choose_lock_and_rep(g);
    if (rng_permille(r, 30) && g->num_prefixes) /* one again */
        for (unsigned k = g->num_prefixes; k--;)
            if (g->prefix[k] == 0x66 || g->prefix[k] == 0x67 || g->prefix[k] == 0xf0) {
                prefix(g, g->prefix[k]);
                break;
            }
    if (g->aim == LC_GP && g->gp == GP_LONG) /* the opcode is beyond the limit */
        while (g->num_prefixes < 15)
            prefix(g, g->seg >= 0 ? seg_byte[g->seg] : 0x3e);
    else if (rng_permille(r, 4) && !g->calm &&
             strcmp(g->row->name, "ud1")) /* to the limit of 15 bytes and past it */
        while (g->num_prefixes < 15 && rng_below(r, 12))
            prefix(g, g->seg >= 0 ? seg_byte[g->seg] : is32 != g->a32 ? 0x67 : 0x3e);
    if (g->num_prefixes > 4 && g->seg < 0)
        g->seg = g->prefix[g->num_prefixes - 1] == 0x3e ? LS_DS : g->seg;
    /* any order, but the order of segment prefixes among themselves matters */
    for (unsigned k = 0; k + 1 < g->num_prefixes; k++) {
        unsigned j = k + rng_below(r, g->num_prefixes - k);
        u8 a = g->prefix[k], b = g->prefix[j];
        bool seg_a = false, seg_b = false, seg_between = false;
        for (unsigned s = 0; s < 6; s++) {
            seg_a |= a == seg_byte[s];
            seg_b |= b == seg_byte[s];
            for (unsigned m = k + 1; m < j; m++)
                seg_between |= g->prefix[m] == seg_byte[s];
        }
        if ((seg_a || seg_b) && (seg_between || (seg_a && seg_b)))
            continue;
        if ((a & 0xfe) == 0xf2 && (b & 0xfe) == 0xf2)
            continue;
        g->prefix[k] = b;
        g->prefix[j] = a;
    }
    for (unsigned k = 0; k < g->num_prefixes; k++)
        gen_byte(g, g->prefix[k]);
}

/* ---- what some rows need before their operands are made */

static u32 shift_count(struct rng *r)
{
    static const u8 count[] = { 0,  1,  2,  7,  8,  9,  15, 16, 17,  18,
                                30, 31, 32, 33, 34, 63, 64, 65, 0xff };

    return rng_below(r, 2) ? count[rng_below(r, ARRAY_LEN(count))] : rng_u32(r) & 0xff;
}

static u32 base_of(const struct gctx *g, unsigned s)
{
    return gen_linear(g, s, 0);
}

static void prepare_string(struct gctx *g)
{
    struct rng *r = &g->r;
    u32 *gpr = g->c->in.gpr;
    unsigned s = g->seg >= 0 ? (unsigned)g->seg : LS_DS, n = g->opsize;
    bool writes = g->u->access & ACC_WRITE;
    u32 src = gen_offset(g, s, n, ACC_READ);
    u32 dst = gen_offset(g, LS_ES, n, writes ? ACC_WRITE : ACC_READ);
    u32 count = rng_below(r, 12);

    if (rng_permille(r, 150) && !g->calm) /* overlapping */
        dst = src + rng_below(r, 9) - 4;
    if (g->calm && g->aim != LC_DONE)
        count |= 1;
    if (rng_permille(r, 40) && !g->calm &&
        base_of(g, s) != LAB_CODE) /* runs into a bad page or beyond a limit */
        count = 0x100 + rng_below(r, 0x3000);
    gpr[LG_ESI] = src;
    gpr[LG_EDI] = dst;
    gpr[LG_ECX] = count;
    if (!g->a32) {
        gpr[LG_ESI] = (src & 0xffff) | (rng_u32(r) & 0xffff0000);
        gpr[LG_EDI] = (dst & 0xffff) | (rng_u32(r) & 0xffff0000);
        gpr[LG_ECX] = count | (rng_u32(r) & 0xffff0000);
    }
    struct lab_patch *a = gen_patch(g, gen_linear(g, s, g->a32 ? src : src & 0xffff), 12);
    struct lab_patch *b = gen_patch(g, gen_linear(g, LS_ES, g->a32 ? dst : dst & 0xffff), 12);
    if (rng_below(r, 2)) { /* equal for CMPS and SCAS */
        memcpy(b->data, a->data, 12);
        if (rng_below(r, 3) == 0)
            b->data[rng_below(r, 12)] ^= (u8)(1 + rng_u32(r));
        if (rng_below(r, 2))
            st32(a->data, gpr[LG_EAX]);
        if (rng_below(r, 2)) {
            u32 v = gpr[LG_EAX];
            if (n < 4)
                v = n == 1 ? (v & 0xff) * 0x01010101u : (v & 0xffff) * 0x10001u;
            for (unsigned k = 0; k < 8; k += 4)
                st32(b->data + k, v);
        }
    }
}

static void prepare(struct gctx *g)
{
    struct rng *r = &g->r;
    u32 *gpr = g->c->in.gpr;

    switch (g->u->kind) {
    case GEN_STRING:
        prepare_string(g);
        break;
    case GEN_SHIFT:
        gpr[LG_ECX] = (gpr[LG_ECX] & ~0xffu) | shift_count(r);
        break;
    case GEN_LOOP:
        if (rng_below(r, 2))
            gpr[LG_ECX] = rng_below(r, 3) | (rng_below(r, 2) ? 0x10000 : 0);
        break;
    case GEN_DIV:
        if (g->aim == LC_DE && rng_below(r, 2)) {
            gpr[LG_EDX] = gpr[LG_EAX] = 0x7fff7fff; /* hardly a quotient fits */
            break;
        }
        if (!rng_below(r, 3) && !g->calm)
            break;
        gpr[LG_EDX] = rng_below(r, 2) ? rng_below(r, 16) : (u32)((i32)gpr[LG_EAX] >> 31);
        if (g->opsize == 1)
            gpr[LG_EAX] = (u32)(rng_below(r, 2) ? (i32)(i8)rng_u32(r) : (i32)rng_below(r, 0x1000));
        else if (g->opsize == 2)
            gpr[LG_EDX] = rng_below(r, 2) ? gpr[LG_EDX] : (u32)((i16)gpr[LG_EAX] >> 15);
        break;
    case GEN_BT:
        for (unsigned k = 0; k < 8; k++)
            if (k != LG_ESP && (g->calm || rng_below(r, 3)))
                gpr[k] = g->calm && (g->u->mem || rng_below(r, 2)) ? rng_below(r, g->opsize * 8)
                                                                  : rng_u32(r) % 0x2000 - 0x1000;
        break;
    case GEN_XLAT: {
        unsigned s = g->seg >= 0 ? (unsigned)g->seg : LS_DS;
        u32 ea = gen_offset(g, s, 1, ACC_READ);
        gpr[LG_EBX] = ea - (gpr[LG_EAX] & 0xff);
        gen_patch(g, gen_linear(g, s, g->a32 ? ea : ea & 0xffff), 4);
        break;
    }
    case GEN_ENTER: case GEN_LEAVE:
        gpr[LG_EBP] = rng_below(r, 8) ? gpr[LG_ESP] + rng_below(r, 64) * 4 : gen_edge(r);
        if (!rng_below(r, 8))
            gpr[LG_EBP] = gen_offset(g, LS_SS, 4, ACC_WRITE);
        if (g->calm)
            gpr[LG_EBP] = gpr[LG_ESP] + (g->bad_stack && g->u->kind == GEN_LEAVE
                                             ? 0 : rng_below(r, 16) * 4);
        break;
    case GEN_FX:
        gen_fx(g);
        if (!g->u->mem && (g->u->access & ACC_MEM)) { /* MASKMOVQ, MASKMOVDQU: DS:eDI */
            unsigned s = g->seg >= 0 ? (unsigned)g->seg : LS_DS;
            u32 ea = gen_offset(g, s, g->u->size, ACC_WRITE);
            gpr[LG_EDI] = g->a32 ? ea : (ea & 0xffff) | (rng_u32(r) & 0xffff0000);
        }
        break;
    default:
        break;
    }
    if (!strcmp(g->row->name, "into") && g->calm)
        g->c->in.eflags = (g->c->in.eflags & ~0x800u) | (g->aim == LC_OF ? 0x800 : 0);
    if ((g->row->attr & A_IO) && !(g->row->attr & A_REP))
        gpr[LG_EDX] = rng_u32(r);
}

/* ---- what lies in memory and registers, once the operands' places are known */

static u32 flags_image(struct rng *r)
{
    return rng_u32(r) & ~0x100u;
}

static void put_word(struct lab_patch *p, unsigned *at, u32 v, unsigned w)
{
    for (unsigned k = 0; k < w && *at < p->len; k++)
        p->data[(*at)++] = (u8)(v >> (8 * k));
}

/* The selector that a far transfer or a load takes. */
static u16 code_argument(struct gctx *g)
{
    static const u16 good[] = { LDT_CODE32, LDT_CODE16, SEL_CODE32, LDT_CODE_PAGED };
    struct rng *r = &g->r;

    if (g->aim == LC_NP)
        return LDT_CODE_ABSENT;
    if (g->calm && !(g->aim == LC_GP && g->gp == GP_SELECTOR))
        return good[rng_below(r, ARRAY_LEN(good))];
    return rng_below(r, g->calm ? 4 : 6) ? gen_code_selector(r) : gen_any_selector(r);
}

static u16 data_argument(struct gctx *g, bool ss)
{
    static const u16 good[] = { LDT_DATA32, LDT_DATA16, LDT_STACK32, LDT_STACK16, SEL_DATA32,
                                LDT_DOWN32, LDT_PAGED };
    struct rng *r = &g->r;

    if (g->aim == LC_NP || (g->aim == LC_SS && !g->bad_stack && ss))
        return LDT_ABSENT;
    if (g->aim == LC_GP && g->gp == GP_SELECTOR)
        return rng_below(r, 2) ? gen_any_selector(r) : ss ? LDT_RO : LDT_XONLY;
    if (g->calm)
        return good[rng_below(r, ARRAY_LEN(good))];
    return rng_below(r, 3) ? gen_data_selector(r) : gen_any_selector(r);
}

static void finish_stack(struct gctx *g)
{
    struct rng *r = &g->r;
    unsigned w = g->op32 ? 4 : 2, at = 0;
    u8 kind = g->u->kind;
    u16 sel;
    struct lab_patch *p;

    if (kind != GEN_RET && kind != GEN_RETF && kind != GEN_IRET && kind != GEN_POPF &&
        kind != GEN_POPSEG)
        return;
    p = gen_patch(g, gen_stack_la(g), 24);
    if (!p)
        return;
    if (kind == GEN_POPSEG) {
        sel = data_argument(g, OPD_NUM(g->row->o[0]) == S_SS);
        put_word(p, &at, sel | (rng_u32(r) & 0xffff0000), w);
        return;
    }
    sel = code_argument(g);
    if (kind != GEN_POPF)
        put_word(p, &at, gen_code_target(g, kind == GEN_RET ? g->c->in.sreg[LS_CS] : sel), w);
    if (kind == GEN_RETF || kind == GEN_IRET)
        put_word(p, &at, sel | (rng_u32(r) & 0xffff0000), w);
    if (kind == GEN_IRET || kind == GEN_POPF)
        put_word(p, &at, flags_image(r), w);
}

static void finish(struct gctx *g)
{
    struct rng *r = &g->r;
    struct lab_case *c = g->c;
    struct lab_patch *p = g->operand;
    u32 *gpr = c->in.gpr;
    unsigned w = g->op32 ? 4 : 2, at = 0, rm = c->code[c->len - 1] & 7;
    unsigned sreg = g->modrm_reg;
    u16 sel;

    switch (g->u->kind) {
    case GEN_JIND: {
        u32 t = gen_code_target(g, c->in.sreg[LS_CS]);
        if (p)
            put_word(p, &at, t, w);
        else if (!g->u->mem)
            gpr[rm] = t;
        break;
    }
    case GEN_FARIND:
        if (!p)
            break;
        sel = code_argument(g);
        put_word(p, &at, gen_code_target(g, sel), w);
        put_word(p, &at, sel, 2);
        break;
    case GEN_LSEG:
        if (!p)
            break;
        put_word(p, &at, gen_edge(r), w);
        put_word(p, &at, data_argument(g, !strcmp(g->row->name, "lss")), 2);
        break;
    case GEN_MOVSEG: case GEN_SELARG:
        sel = g->u->kind == GEN_SELARG ? (u16)(rng_below(r, 18) << 3 | 4 | rng_below(r, 4))
                                       : data_argument(g, sreg == LS_SS);
        if (p)
            put_word(p, &at, sel | (rng_u32(r) & 0xffff0000), 4);
        else if (!g->u->mem)
            gpr[rm] = sel | (rng_u32(r) & 0xffff0000);
        break;
    case GEN_BOUND: {
        u32 v = gpr[g->modrm_reg];
        if (!p || (!rng_below(r, 3) && !g->calm))
            break;
        if (g->aim == LC_DONE || g->aim == LC_DB) { /* so that neither end wraps */
            put_word(p, &at, BIT(8 * w - 1), w);
            put_word(p, &at, BIT(8 * w - 1) - 1, w);
        } else {
            put_word(p, &at, v - rng_below(r, 3) + (g->aim == LC_BR ? 2 : 0), w);
            put_word(p, &at, v + rng_below(r, 3) - (rng_below(r, 2) ? 1 : 0), w);
        }
        break;
    }
    case GEN_CMPXCHG:
        if (!p || rng_below(r, 2))
            break;
        put_word(p, &at, gpr[LG_EAX], 4);
        put_word(p, &at, gpr[LG_EDX], 4);
        break;
    case GEN_FX:
        gen_fx_operand(g);
        break;
    default:
        break;
    }
    finish_stack(g);
}

/* ---- immediates */

void gen_immediate(struct gctx *g, u16 o)
{
    struct rng *r = &g->r;
    unsigned size = OPD_SIZE(o);
    struct lab_case *c = g->c;

    switch (OPD_KIND(o)) {
    case OK_I:
        if (g->u->kind == GEN_INT) {
            u32 v = g->aim == LC_BP ? 3 : g->aim == LC_OF ? 4 : rng_u32(r) & 0xff;
            gen_byte(g, v == 0x80 ? 0x81 : v);
        } else if (g->u->kind == GEN_SHIFT) {
            gen_byte(g, shift_count(r));
        } else if (g->u->kind == GEN_ENTER) {
            if (size == OZ_W)
                gen_bytes(g, rng_below(r, 4) ? rng_below(r, 0x100) : gen_edge(r), 2);
            else
                gen_byte(g, rng_below(r, 2) ? rng_below(r, 3) : rng_u32(r));
        } else if (g->u->kind == GEN_RET || g->u->kind == GEN_RETF) {
            gen_bytes(g, rng_below(r, 3) ? rng_below(r, 64) : gen_edge(r), 2);
        } else if (g->aim == LC_DE || (!strcmp(g->row->name, "aam") && !rng_below(r, 8))) {
            gen_byte(g, 0); /* AAM */
        } else {
            gen_bytes(g, gen_edge(r), size == OZ_B ? 1 : size == OZ_W ? 2 : g->op32 ? 4 : 2);
        }
        break;
    case OK_SI:
        gen_byte(g, gen_edge(r));
        break;
    case OK_J: {
        unsigned n = size == OZ_B ? 1 : g->op32 ? 4 : 2;
        u32 next = c->in.eip + c->len + n, d;
        if (n == 1)
            d = rng_below(r, 2) ? 0x10 + rng_below(r, 0x70) : 0u - 0x20 - rng_below(r, 0x60);
        else
            d = gen_code_target(g, c->in.sreg[LS_CS]) - next;
        gen_bytes(g, d, n);
        break;
    }
    case OK_A: {
        u16 sel = code_argument(g);
        gen_bytes(g, gen_code_target(g, sel), g->op32 ? 4 : 2);
        gen_bytes(g, sel, 2);
        break;
    }
    default:
        break;
    }
}

static unsigned operand_bytes(const struct gctx *g)
{
    unsigned f = fixed_size(g->row);

    if (g->u->size)
        return g->u->size;
    if (g->u->kind == GEN_FX || (g->row->attr & A_MEMSIZE) || OPD_SIZE(g->row->o[0]) == OZ_Q)
        return 8;
    return f ? f / 8 : g->op32 ? 4 : 2;
}

bool gen_wants_modrm(const struct isa_row *row)
{
    if (row->map >= MAP_FM || row->ext >= 0)
        return true;
    for (unsigned k = 0; k < 3; k++)
        switch (OPD_KIND(row->o[k])) {
        case OK_E: case OK_G: case OK_M: case OK_R: case OK_RM: case OK_S: case OK_C: case OK_D:
        case OK_STI: case OK_P: case OK_Q: case OK_VX: case OK_W: case OK_N: case OK_U:
            return true;
        default:
            break;
        }
    return false;
}

/* The first instruction as the decoder sees it. */
static void describe(const struct gen *g, struct lab_case *c)
{
    struct decoded d;

    c->row = 0xffff;
    c->form = c->size = 0;
    if (isa_decode(g->isa, c->code, 15, c->bits == 32 ? MODE_D : 0, &d) == DECODE_OK && d.row) {
        c->row = d.in.row;
        c->form = d.form;
        c->size = d.size;
    }
}

void gen_case(const struct gen *gen, u64 seed, u64 index, struct lab_case *c)
{
    const struct gen_unit *u = &gen->unit[index % gen->num_units];
    struct gctx g = { .c = c, .u = u, .row = isa_row(u->row), .r = rng_make(seed, index),
                      .aim = (u8)gen_aim(gen, index) };
    struct rng *r = &g.r;
    u8 opcode = g.row->op;

    memset(c, 0, sizeof *c);
    c->seed = seed;
    c->index = index;
    gen_choose(&g);
    gen_segments(&g);
    gen_registers(&g);
    choose_prefixes(&g);
    /* short jumps reach the limit only from near it */
    if ((u->kind == GEN_JREL || u->kind == GEN_LOOP) && c->in.sreg[LS_CS] == LDT_CODE_CUT &&
        rng_below(r, 2))
        c->in.eip += 0x88 + rng_below(r, 0x30);
    g.opsize = operand_bytes(&g);
    prepare(&g);
    if (g.row->map == MAP_2 || g.row->map == MAP_2X)
        gen_byte(&g, 0x0f);
    if (OPD_KIND(g.row->o[0]) == OK_Z)
        opcode = (u8)(opcode + rng_below(r, 8));
    gen_byte(&g, opcode);
    if (g.row->map == MAP_FX || g.row->map == MAP_2X)
        gen_byte(&g, g.row->modrm);
    else if (gen_wants_modrm(g.row)) {
        g.modrm_reg = (u8)(g.row->ext >= 0 ? (unsigned)g.row->ext : rng_below(r, 8));
        if (u->kind == GEN_MOVSEG && g.calm) {
            if (OPD_KIND(g.row->o[0]) == OK_S) /* not CS, nor what is not there; SS for #SS */
                g.modrm_reg = g.aim == LC_SS && !g.bad_stack ? LS_SS : g.aim == LC_NP ? LS_DS
                              : g.aim == LC_DB ? LS_FS : g.modrm_reg == LS_CS || g.modrm_reg > 5
                              ? LS_ES : g.modrm_reg;
        }
        if (g.row->map == MAP_2 && (g.row->op | 2) == 0x22 && g.aim == LC_UD)
            g.modrm_reg = (u8)(5 + rng_below(r, 3)); /* CR5 to CR7 */
        gen_modrm(&g, g.modrm_reg);
    }
    for (unsigned k = 0; k < 3; k++)
        if (OPD_KIND(g.row->o[k]) == OK_O)
            gen_moffs(&g);
    if (u->kind == GEN_MOVSEG || u->kind == GEN_SELARG || u->kind == GEN_JIND)
        finish(&g); /* needs ModRM as the last byte */
    else
        for (unsigned k = 0; k < 3; k++)
            gen_immediate(&g, g.row->o[k]);
    if (u->kind != GEN_MOVSEG && u->kind != GEN_SELARG && u->kind != GEN_JIND)
        finish(&g);
    /* a few lie across the end of the code pages: the fetch faults, whatever the instruction is */
    if ((g.calm ? g.aim == LC_PF_FETCH
                : rng_permille(r, 5) && u->kind != GEN_JREL && u->kind != GEN_LOOP) && c->len < 16)
        c->in.eip += (c->in.sreg[LS_CS] == LDT_CODE_CUT ? 0x900 : 0x2000) - LAB_START -
                     (g.calm ? rng_below(r, c->len) : 1 + rng_below(r, c->len));
    describe(gen, c);
    if (c->row == 0xffff && g.aim == LC_GP && g.gp == GP_LONG) /* were it shorter */
        c->row = u->row;
}
