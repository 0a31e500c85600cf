/* SPDX-License-Identifier: MIT */
/* Operands of generated cases: registers, segments, addresses that reach every kind of page and
 * limit, and what lies in memory there. */
#include "lab/gen.h"

void gen_bytes(struct gctx *g, u32 v, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        gen_byte(g, v >> (8 * k));
}

u32 gen_edge(struct rng *r)
{
    static const u32 edge[] = {
        0, 1, 2, 0x0f, 0x10, 0x7e, 0x7f, 0x80, 0x81, 0xff, 0x100, 0x7ffe, 0x7fff, 0x8000, 0x8001,
        0xfffe, 0xffff, 0x10000, 0x7ffffffe, 0x7fffffff, 0x80000000, 0x80000001, 0xfffffffe,
        0xffffffff, 0xffff8000, 0xffff7fff, 0xffffff80, 0xffffff7f, 0x99, 0x9a, 0x55555555,
        0xaaaaaaaa, 0x80008000, 0x7fff7fff, 0x00800080,
    };
    u32 v = rng_u32(r);

    switch (rng_below(r, 10)) {
    case 0: case 1: case 2:
        return edge[rng_below(r, ARRAY_LEN(edge))];
    case 3:
        return 1u << (v & 31);
    case 4:
        return ~(1u << (v & 31));
    case 5:
        return v & 0xff;
    case 6:
        return (u32)(i32)(i8)v;
    case 7: /* an edge in the low half, noise above */
        return (v & 0xffff0000) | (edge[rng_below(r, ARRAY_LEN(edge))] & 0xffff);
    default:
        return v;
    }
}

u16 gen_data_selector(struct rng *r)
{
    static const u16 sel[] = {
        LDT_DATA32, LDT_DATA32, LDT_DATA32, LDT_DATA16, LDT_DATA16, LDT_RO, LDT_DOWN32, LDT_DOWN16,
        LDT_CUT, LDT_PAGED, LDT_STACK32, SEL_DATA32, SEL_DATA32, LDT_CODE32,
    };
    return sel[rng_below(r, ARRAY_LEN(sel))];
}

u16 gen_code_selector(struct rng *r)
{
    static const u16 sel[] = { LDT_CODE32, LDT_CODE16, LDT_CODE_PAGED, LDT_CODE_CUT, SEL_CODE32,
                               LDT_CODE32, LDT_CODE16, LDT_XONLY };
    return sel[rng_below(r, ARRAY_LEN(sel))];
}

/* Whatever a program may try, but for the 64-bit code segment. */
u16 gen_any_selector(struct rng *r)
{
    u16 sel;

    switch (rng_below(r, 8)) {
    case 0:
        return (u16)rng_below(r, 4);
    case 1: /* the kernel's part of the GDT, and beyond its limit */
        sel = (u16)(rng_below(r, 0x98) & ~4u);
        return (sel & ~7u) == (SEL_LONG & ~7u) ? SEL_DATA32 : sel;
    case 2: /* wrong RPL */
        return (u16)(rng_below(r, LAB_LDT_LEN) << 3 | 4 | rng_below(r, 4));
    case 3:
        return LDT_BEYOND;
    case 4:
        return gen_code_selector(r);
    case 5:
        return gen_data_selector(r);
    default:
        return (u16)(rng_below(r, LAB_LDT_LEN) << 3 | 7);
    }
}

static u16 calm_segment(const struct gctx *g)
{
    struct rng *r = (struct rng *)(uintptr_t)&g->r;

    if (g->aim == LC_GP && g->gp == GP_RIGHTS)
        return g->u->access & ACC_WRITE && rng_below(r, 4) ? LDT_RO : 0;
    if (g->aim == LC_GP && g->gp == GP_LIMIT && rng_below(r, 3))
        return rng_below(r, 2) ? LDT_CUT : LDT_PAGED;
    return rng_below(r, 2) ? LDT_DATA32 : LDT_DATA16;
}

/* Nothing that gets into the way of the aim. */
static void calm_segments(struct gctx *g)
{
    struct lab_regs *in = &g->c->in;
    struct rng *r = &g->r;
    bool by_limit = g->aim == LC_SS || (g->aim == LC_GP && g->gp >= GP_LIMIT && g->gp <= GP_RIGHTS);

    /* the 32-bit segment of the LDT ends with the pages: a jump to its end would fault */
    g->flat = g->c->bits == 32 && !by_limit && (g->aim == LC_PF_FETCH || !rng_permille(r, 350));
    for (unsigned s = 0; s < 6; s++)
        in->sreg[s] = g->flat ? SEL_DATA32 : calm_segment(g);
    if (g->flat) {
        in->sreg[LS_CS] = SEL_CODE32;
        in->eip = LAB_CODE + LAB_START;
        in->sreg[LS_FS] = in->sreg[LS_GS] = LDT_DATA32;
        return;
    }
    in->sreg[LS_CS] = g->c->bits == 16 ? LDT_CODE16 : LDT_CODE32;
    /* the return through TF goes by IRETQ, which wants a stack of 32 bits */
    in->sreg[LS_SS] = g->aim != LC_DB && rng_below(r, 2) ? LDT_STACK16 : LDT_STACK32;
    if (g->aim == LC_SS)
        in->sreg[LS_SS] = rng_below(r, 2) ? LDT_STACK_DOWN : LDT_STACK32;
    in->eip = LAB_START;
}

void gen_segments(struct gctx *g)
{
    static const u16 data[] = { LDT_DATA32, LDT_DATA32, LDT_DATA32, LDT_DATA16, LDT_DATA16, LDT_RO,
                                LDT_DOWN32, LDT_DOWN16, LDT_CUT, LDT_PAGED };
    static const u16 stack[] = { LDT_STACK32, LDT_STACK32, LDT_STACK16, LDT_STACK16, LDT_STACK_DOWN,
                                 LDT_DATA32 };
    struct lab_regs *in = &g->c->in;
    struct rng *r = &g->r;

    g->c->bits = rng_permille(r, 250) ? 16 : 32;
    if (g->calm) {
        calm_segments(g);
        return;
    }
    g->flat = g->c->bits == 32 && !rng_permille(r, 350);
    for (unsigned s = 0; s < 6; s++)
        in->sreg[s] = g->flat ? SEL_DATA32 : data[rng_below(r, ARRAY_LEN(data))];
    if (g->flat) {
        in->sreg[LS_CS] = SEL_CODE32;
        in->eip = LAB_CODE + LAB_START;
    } else {
        in->sreg[LS_CS] = g->c->bits == 16 ? LDT_CODE16 : LDT_CODE32;
        if (g->c->bits == 32 && rng_permille(r, 200))
            in->sreg[LS_CS] = rng_below(r, 2) ? LDT_CODE_PAGED : LDT_CODE_CUT;
        in->sreg[LS_SS] = stack[rng_below(r, ARRAY_LEN(stack))];
        in->eip = LAB_START;
    }
    in->sreg[LS_FS] = rng_permille(r, 100) ? 0 : gen_data_selector(r);
    in->sreg[LS_GS] = rng_permille(r, 300) ? 0 : gen_data_selector(r);
}

/* An offset into an area of pages: 0 missing, 1 and 2 read-write, 3 read-only or missing, 4
 * missing. */
static u32 area_offset(struct rng *r, unsigned size)
{
    u32 v = rng_u32(r), part = size > 1 ? 1 + v % (size - 1) : 0;

    switch (rng_below(r, 32)) {
    default:
        return 0x1040 + (v % 0x1f00) / 16 * 16;
    case 16: case 17: case 18: case 19: case 20: case 21:
        return 0x1040 + v % 0x1f00;
    case 22: case 23:
        return 0x2000 - part;
    case 24: case 25:
        return 0x3000 + v % 0xff0;
    case 26:
        return 0x3000 - part;
    case 27:
        return 0x4000 - part;
    case 28:
        return 0x1000 - part;
    case 29:
        return v % 0xff0;
    case 30:
        return 0x4000 + v % 0x8000;
    }
}

/* Beyond the limit, or across it; below it in an expand-down segment. */
static u32 beyond_limit(struct rng *r, u32 limit, u16 attr, unsigned size)
{
    if (attr & SEG_E)
        return rng_below(r, limit < 0x2000 ? limit : 0x2000);
    if (size > 1 && rng_below(r, 2))
        return limit + 2 - size + rng_below(r, size - 1);
    return limit + 1 + (limit < 0xff00 ? rng_below(r, 0x80) : 0);
}

/* A good place: page 3 can be read, except in the stack. */
static u32 good_offset(const struct gctx *g, struct rng *r, bool stack, unsigned size,
                       unsigned access)
{
    bool aligned = (g->row->attr & A_ALIGN16) || rng_below(r, 2) || g->aim == LC_AC;
    u32 end = g->aim == LC_GP ? 0x1a00 : stack || (access & ACC_WRITE) || rng_below(r, 8) ? 0x3000
                                                                                       : 0x4000;

    if (!aligned && size > 1 && end > 0x2000 && rng_permille(r, 150))
        return 0x2000 - 1 - rng_below(r, size - 1);
    return (0x1040 + rng_below(r, end - 0x1040 - size)) & (aligned ? ~15u : ~0u);
}

/* As the aim wants it. */
static u32 aimed_offset(struct gctx *g, unsigned s, u32 limit, u16 attr, unsigned size,
                        unsigned access)
{
    struct rng *r = &g->r;
    bool stack = s == LS_SS, write = access & ACC_WRITE;
    u32 bad = stack ? 0x3001 : 0x4001;

    switch (g->bad_stack ? (unsigned)GEN_ANY : g->aim) {
    case LC_PF_WRITE:
        if (write && !stack && rng_below(r, 2))
            return 0x3001 + rng_below(r, 0xc00);
        NB_FALLTHROUGH;
    case LC_PF_READ:
        if (!(access & (g->aim == LC_PF_READ ? ACC_READ : ACC_WRITE)))
            break;
        if (g->row->attr & A_ALIGN16)
            bad = (bad & ~15u) + 16;
        bad = rng_below(r, 3) ? bad + rng_below(r, 0xc00) : 0x10 + rng_below(r, 0xc00);
        return g->row->attr & A_ALIGN16 ? bad & ~15u : bad;
    case LC_PF_SECOND:
        if (size > 1)
            return (stack || write ? 0x3000 : 0x4000) - 1 - rng_below(r, size - 1);
        break;
    case LC_AC:
        if (size > 1)
            return good_offset(g, r, stack, size + 16, access) + 1 +
                   rng_below(r, MIN(size, 8u) - 1);
        break;
    case LC_SS:
        if (!stack || limit == 0xffffffffu)
            break;
        bad = beyond_limit(r, limit, attr, size);
        if (g->row->attr & A_ALIGN16) /* misaligned it would be #GP */
            bad = (attr & SEG_E ? bad : bad + 15) & ~15u;
        return bad;
    case LC_GP:
        if (g->gp == GP_LIMIT && limit != 0xffffffffu && !stack)
            return beyond_limit(r, limit, attr, size);
        if (g->gp == GP_ALIGN)
            return good_offset(g, r, stack, size + 16, access) + 1 + rng_below(r, 15);
        break;
    default:
        break;
    }
    return good_offset(g, r, stack, size, access);
}

u32 gen_offset(struct gctx *g, unsigned s, unsigned size, unsigned access)
{
    struct rng *r = &g->r;
    u32 base = 0, limit = 0, off;
    u16 attr = 0;

    if (g->calm) {
        bool there = lab_seg_of(g->c->in.sreg[s], &base, &limit, &attr);
        off = aimed_offset(g, s, limit, attr, size, access);
        return there && limit == 0xffffffffu ? (s == LS_SS ? LAB_STACK : LAB_DATA) + off : off;
    }
    off = area_offset(r, size);
    if ((g->row->attr & A_ALIGN16) && rng_below(r, 4))
        off &= ~15u;
    if (!lab_seg_of(g->c->in.sreg[s], &base, &limit, &attr))
        return off;
    if ((attr & SEG_CODE) && off >= 0x700 && off < 0x900)
        off += 0x400; /* not the case itself: what the harness puts behind it differs by engine */
    if (limit == 0xffffffffu)
        return (s == LS_SS ? LAB_STACK : LAB_DATA) + off;
    if (rng_permille(r, 60)) /* around the limit */
        return limit - 8 + rng_below(r, 17);
    if (!(attr & SEG_CODE) && (attr & SEG_E) && rng_permille(r, 700))
        return 0x1800 + off % 0x17f0;
    return off;
}

u32 gen_linear(const struct gctx *g, unsigned s, u32 off)
{
    u32 base = 0, limit;
    u16 attr;

    lab_seg_of(g->c->in.sreg[s], &base, &limit, &attr);
    return base + off;
}

struct lab_patch *gen_patch(struct gctx *g, u32 la, unsigned len)
{
    struct lab_case *c = g->c;
    struct lab_patch *p;

    if (c->num_patches >= LAB_MAX_PATCH)
        return NULL;
    p = &c->patch[c->num_patches++];
    p->la = la;
    p->len = (u8)MIN(len, sizeof p->data);
    memset(p->data, 0, sizeof p->data);
    for (unsigned k = 0; k + 4 <= p->len; k += 4)
        st32(p->data + k, gen_edge(&g->r));
    for (unsigned k = p->len & ~3u; k < p->len; k++)
        p->data[k] = (u8)gen_edge(&g->r);
    return p;
}

static bool stack_big(const struct gctx *g)
{
    u32 base, limit;
    u16 attr = SEG_DB;

    lab_seg_of(g->c->in.sreg[LS_SS], &base, &limit, &attr);
    return attr & SEG_DB;
}

u32 gen_stack_la(const struct gctx *g)
{
    u32 esp = g->c->in.gpr[LG_ESP];

    return gen_linear(g, LS_SS, stack_big(g) ? esp : esp & 0xffff);
}

/* Where the aim wants the top of the stack; as the CPU sees it, SP or ESP. */
static u32 calm_stack(struct gctx *g)
{
    struct rng *r = &g->r;
    u32 off = 0x1400 + rng_below(r, 0x1800) / 4 * 4, base, limit = 0;
    bool push = g->u->access & ACC_PUSH;
    unsigned w = g->u->op32 ? 4 : 2;
    u16 attr = 0;

    lab_seg_of(g->c->in.sreg[LS_SS], &base, &limit, &attr);
    switch (g->bad_stack ? g->aim : (unsigned)GEN_ANY) {
    case LC_PF_READ: case LC_PF_WRITE:
        off = rng_below(r, 2) ? 0x40 + rng_below(r, 0xf80) / 4 * 4
                              : 0x3040 + rng_below(r, 0xf00) / 4 * 4;
        break;
    case LC_PF_SECOND:
        off = push ? 0x3001 + rng_below(r, w - 1) : 0x2fff - rng_below(r, w - 1);
        break;
    case LC_AC:
        off |= 1 + rng_below(r, w - 1);
        break;
    case LC_SS:
        if (limit != 0xffffffffu)
            off = attr & SEG_E ? 0x10 + rng_below(r, 0xfc0) : limit + 8 + rng_below(r, 0x80);
        break;
    default:
        break;
    }
    if (limit == 0xffffffffu)
        off += LAB_STACK;
    else if (!stack_big(g) && rng_permille(r, 300))
        off |= rng_u32(r) << 16;
    return off;
}

void gen_registers(struct gctx *g)
{
    struct lab_regs *in = &g->c->in;
    struct rng *r = &g->r;
    u32 off;

    for (unsigned k = 0; k < 8; k++)
        in->gpr[k] = gen_edge(r);
    in->eflags = rng_u32(r) & 0x8d5;
    if (rng_permille(r, 250))
        in->eflags |= 0x400;
    if (rng_permille(r, 30))
        in->eflags |= 0x40000;
    if (rng_permille(r, 60))
        in->eflags |= 0x200000;
    if (rng_permille(r, 60) && g->u->kind != GEN_IRET) /* NT: IRET would return to a task */
        in->eflags |= 0x4000;
    in->eflags |= LAB_FLAGS_FIXED;
    if (g->calm) {
        in->eflags &= ~0x44000u;
        if (g->aim == LC_AC)
            in->eflags |= 0x40000;
        if (g->aim == LC_DB && strcmp(g->row->name, "int1"))
            in->eflags |= 0x100;
        in->gpr[LG_ESP] = calm_stack(g);
        return;
    }

    switch (rng_below(r, 32)) {
    default: off = 0x1100 + rng_below(r, 0x1e00) / 4 * 4; break;
    case 27: case 28: off = 0x1100 + rng_below(r, 0x1e00); break;
    case 29: off = 0x1000 + rng_below(r, 40); break;
    case 30: off = 0x3000 - rng_below(r, 40); break;
    case 31: off = gen_offset(g, LS_SS, 4, ACC_WRITE) & 0xffff; break;
    }
    if (in->sreg[LS_SS] == SEL_DATA32)
        off += LAB_STACK;
    else if (!stack_big(g) && rng_permille(r, 400))
        off |= rng_u32(r) << 16;
    in->gpr[LG_ESP] = off;
}

static void set16(u32 *reg, u32 v)
{
    *reg = (*reg & 0xffff0000) | (v & 0xffff);
}

static unsigned operand_size(const struct gctx *g)
{
    return g->opsize ? g->opsize : 4;
}

static void place_operand(struct gctx *g, unsigned s, u32 ea, bool a32)
{
    g->operand_la = gen_linear(g, s, a32 ? ea : ea & 0xffff);
    g->operand = gen_patch(g, g->operand_la, MAX(16u, MIN(g->opsize, 39u)));
}

static void modrm16(struct gctx *g, unsigned reg)
{
    static const u8 base[8] = { LG_EBX, LG_EBX, LG_EBP, LG_EBP, LG_ESI, LG_EDI, LG_EBP, LG_EBX };
    static const u8 index[8] = { LG_ESI, LG_EDI, LG_ESI, LG_EDI, 8, 8, 8, 8 };
    struct rng *r = &g->r;
    u32 *gpr = g->c->in.gpr;
    unsigned mod = rng_below(r, 3), rm = rng_below(r, 8), s = LS_DS;
    bool direct = mod == 0 && rm == 6;
    u32 disp = mod == 1 ? (u32)(i32)(i8)rng_u32(r) : 0, sum, ea;

    if (!direct && base[rm] == LG_EBP)
        s = LS_SS;
    if (g->seg >= 0)
        s = (unsigned)g->seg;
    ea = gen_offset(g, s, operand_size(g), g->u->access);
    sum = direct ? 0 : index[rm] < 8 ? gpr[index[rm]] : 0;
    if (direct || mod == 2)
        disp = ea - sum - (direct ? 0 : gpr[base[rm]]);
    else
        set16(&gpr[base[rm]], ea - sum - disp);
    gen_byte(g, mod << 6 | reg << 3 | rm);
    gen_bytes(g, disp, direct || mod == 2 ? 2 : mod);
    place_operand(g, s, ea, false);
}

static void modrm32(struct gctx *g, unsigned reg)
{
    struct rng *r = &g->r;
    u32 *gpr = g->c->in.gpr;
    unsigned mod = rng_below(r, 3), rm = rng_below(r, 8), s = LS_DS, base = rm, index = 8,
             scale = 0;
    u32 disp = mod == 1 ? (u32)(i32)(i8)rng_u32(r) : 0, sum = 0, ea;
    bool sib = rm == 4, no_base = false;

    if (sib) {
        base = rng_below(r, 8);
        index = rng_below(r, 8);
        scale = rng_below(r, 4);
        if (index == LG_ESP)
            index = 8;
    }
    if (mod == 0 && base == LG_EBP)
        no_base = true;
    if (mod != 2 && !no_base && index == base)
        mod = 2; /* two unknowns in one register: the displacement does it */
    if (base == LG_ESP && mod != 2 && g->calm && (g->u->access & ACC_STACK))
        mod = 2; /* the stack stays where the aim has it */
    if (!no_base && (base == LG_ESP || base == LG_EBP))
        s = LS_SS;
    if (g->seg >= 0)
        s = (unsigned)g->seg;
    ea = gen_offset(g, s, operand_size(g), g->u->access);
    if (index < 8)
        sum = gpr[index] << scale;
    if (no_base || mod == 2)
        disp = ea - sum - (no_base ? 0 : gpr[base]);
    else
        gpr[base] = ea - sum - disp;
    gen_byte(g, mod << 6 | reg << 3 | rm);
    if (sib)
        gen_byte(g, scale << 6 | (index == 8 ? 4 : index) << 3 | base);
    gen_bytes(g, disp, no_base || mod == 2 ? 4 : mod);
    place_operand(g, s, ea, true);
}

void gen_modrm(struct gctx *g, unsigned reg)
{
    if (!g->u->mem)
        gen_byte(g, 0xc0 | reg << 3 | rng_below(&g->r, 8));
    else if (g->a32)
        modrm32(g, reg);
    else
        modrm16(g, reg);
}

void gen_moffs(struct gctx *g)
{
    unsigned s = g->seg >= 0 ? (unsigned)g->seg : LS_DS;
    u32 ea = gen_offset(g, s, operand_size(g), g->u->access);

    gen_bytes(g, ea, g->a32 ? 4 : 2);
    place_operand(g, s, ea, g->a32);
}

static u32 code_target(struct gctx *g, u16 sel)
{
    struct rng *r = &g->r;
    u32 off;

    switch (g->calm ? 5 : rng_below(r, 20)) {
    case 0: off = 0x2000 - rng_below(r, 4); break;
    case 1: off = 0x2000 + rng_below(r, 0x1000); break;
    case 2: return gen_edge(r);
    case 3: case 4: off = 0x8f0 + rng_below(r, 32); break;
    default:
        off = rng_below(r, 2) ? 0x40 + rng_below(r, 0x780) : 0x860 + rng_below(r, 0x1700);
        break;
    }
    return sel == SEL_CODE32 ? LAB_CODE + off : off;
}

/* Not where the case itself lies: it would run twice. */
u32 gen_code_target(struct gctx *g, u16 sel)
{
    u32 v = code_target(g, sel);

    return (v & 0xfff) - (LAB_START - 0x20) < 0x40 ? v + 0x100 : v;
}
