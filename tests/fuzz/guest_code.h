/* SPDX-License-Identifier: MIT */
/* Code for the guests of fuzz_guest.c, all from the input: most of it makes sense, so that guests
 * get on; some of everything is spoilt. Where things lie in a guest's memory:
 *
 *   0000 real-mode vectors   0600 their handlers    0a00 operands of LGDT and LIDT
 *   1000 GDT                 1800 LDT               2000 IDT     2800 its handlers
 *   3000 TSS, 3200 TSS, 3400 16-bit TSS
 *   4000 page directory      5000 table             9000 another directory
 *   6000 PDPTEs              7000 PAE directory     8000 PAE table
 *   a000 routines            e000 stacks            10000 data */
#ifndef NB_TESTS_FUZZ_GUEST_CODE_H
#define NB_TESTS_FUZZ_GUEST_CODE_H

#include "cpu/isa.h"
#include "tests/fuzz/guest_board.h"

enum {
    AT_STUBS = 0x600,
    AT_OPERANDS = 0xa00,
    AT_GDT = 0x1000,
    AT_LDT = 0x1800,
    AT_IDT = 0x2000,
    AT_HANDLERS = 0x2800,
    AT_TSS = 0x3000,
    AT_TSS2 = 0x3200,
    AT_TSS16 = 0x3400,
    AT_DIR = 0x4000,
    AT_TABLE = 0x5000,
    AT_PDPT = 0x6000,
    AT_PD = 0x7000,
    AT_PT = 0x8000,
    AT_DIR2 = 0x9000,
    AT_CODE = 0xa000,
    AT_CODE_END = 0xe000,
    AT_STACK = 0xe800,
    AT_DATA = 0x10000,
    ROUTINES = 16,
    ROUTINE_ROOM = (AT_CODE_END - AT_CODE) / ROUTINES,
    NUM_GATES = 64,
    GDT_LIMIT = 0xff,
    LDT_LIMIT = 0x7f,
};
enum {
    SEL_CODE = 0x08,
    SEL_DATA = 0x10,
    SEL_CODE3 = 0x1b,
    SEL_DATA3 = 0x23,
    SEL_CODE16 = 0x28,
    SEL_DATA16 = 0x30,
    SEL_TSS = 0x38,
    SEL_TSS2 = 0x40,
    SEL_TSS16 = 0x48,
    SEL_LDT = 0x50,
    SEL_GATE = 0x58,
    SEL_GATE16 = 0x60,
    SEL_TASK = 0x68,
};

/* The input's bytes, and behind its end what follows from its first ones. An input has to make the
 * same guest with every compiler: arguments and operands, whose order C leaves open, are read into
 * variables first where more than one of them reads. */
struct source {
    const u8 *p;
    size_t left;
    u64 state;
};

static inline u32 s8(struct source *s)
{
    if (s->left) {
        s->left--;
        return *s->p++;
    }
    s->state ^= s->state << 13;
    s->state ^= s->state >> 7;
    s->state ^= s->state << 17;
    return (u8)(s->state >> 24);
}
static inline u32 s16(struct source *s)
{
    u32 v = s8(s);
    return v | s8(s) << 8;
}
static inline u32 s32(struct source *s)
{
    u32 v = s16(s);
    return v | s16(s) << 16;
}
static inline u32 below(struct source *s, u32 n) { return n <= 256 ? s8(s) % n : s16(s) % n; }
static inline bool one_in(struct source *s, u32 n) { return below(s, n) == n - 1; }
static inline u32 flag(struct source *s, u32 n, u32 bit) { return one_in(s, n) ? bit : 0; }

struct gen {
    struct board *b;
    struct source *s;
    u32 at, end;
    unsigned bits;
    u8 routine_bits[ROUTINES];
};

static inline u32 routine(unsigned n) { return AT_CODE + n % ROUTINES * ROUTINE_ROOM; }

static inline void e8(struct gen *g, u32 v)
{
    if (g->at < g->end)
        g->b->host[g->at++] = (u8)v;
}
static inline void e16(struct gen *g, u32 v)
{
    e8(g, v);
    e8(g, v >> 8);
}
static inline void e32(struct gen *g, u32 v)
{
    e16(g, v);
    e16(g, v >> 16);
}
static inline void ev(struct gen *g, u32 v, bool wide)
{
    if (wide)
        e32(g, v);
    else
        e16(g, v);
}
static inline void bytes(struct gen *g, const u8 *p, size_t n)
{
    while (n--)
        e8(g, *p++);
}
#define EMIT(g, ...)                               \
    do {                                           \
        static const u8 emit_[] = { __VA_ARGS__ }; \
        bytes(g, emit_, sizeof emit_);             \
    } while (0)
/* Makes the next instruction one of 32 bits. */
static inline void op32(struct gen *g)
{
    if (g->bits == 16)
        e8(g, 0x66);
}
static inline void a32(struct gen *g)
{
    if (g->bits == 16)
        e8(g, 0x67);
}

static inline u32 code_address(struct gen *g)
{
    u32 a;

    switch (below(g->s, 4)) {
    case 0: return g->at + 6 + below(g->s, 48); /* just ahead */
    case 1: return g->at - below(g->s, 64);
    case 2: /* a page's end */
        a = AT_CODE + 0x1000 * below(g->s, 4);
        return a + 0xff8 + below(g->s, 12);
    default:
        a = routine(below(g->s, ROUTINES));
        return a + below(g->s, 64);
    }
}

static inline u32 table_address(struct gen *g)
{
    static const u32 tables[] = { AT_TABLE, AT_DIR, AT_PT, AT_PD, AT_DIR2, AT_PDPT };
    unsigned k = below(g->s, 8);
    u32 t = k < 6 ? tables[k] : AT_TABLE;
    unsigned entry = t == AT_PDPT      ? 8 * below(g->s, 4)
                     : one_in(g->s, 4) ? 4 * below(g->s, 1024)
                                       : 4 * below(g->s, 36);

    return t + entry;
}

/* Somewhere that an operand may lie. */
static inline u32 data_address(struct gen *g)
{
    struct source *s = g->s;
    u32 a;

    switch (below(s, 24)) {
    case 0: /* a page's edge */
        a = AT_DATA + 0x1000 * below(s, 16) - 8;
        a += below(s, 16);
        break;
    case 1: a = code_address(g); break;
    case 2: a = table_address(g); break;
    case 3: a = AT_GDT + below(s, 256); break;
    case 4: a = AT_IDT + below(s, 512); break;
    case 5: a = AT_TSS + below(s, 256) * 6; break;
    case 6: a = MMIO_AT + s16(s) % MMIO_SIZE; break;
    case 7: a = HIGH_AT + s16(s); break;
    case 8: a = 0xf0ff0 + below(s, 32); break;
    case 9: a = s32(s); break;
    case 10: a = 0xfff0 + below(s, 32); break;
    case 11: a = AT_STACK - below(s, 128); break;
    default: a = AT_DATA + (s16(s) & 0xffff); break;
    }
    switch (below(s, 12)) { /* the same under another address */
    case 0: return a + 0x400000;
    case 1: return a + 0x800000;
    case 2: return a + 0x40000000;
    case 3: return g->bits == 16 ? a & 0xffff : a;
    default: return a;
    }
}

static inline u32 value(struct gen *g)
{
    static const u32 edge[] = { 0,      1,      0xffffffff, 0x7fffffff, 0x80000000, 0x7fff,
                                0x8000, 0xffff, 0x80,       0x7f,       0xff,       0x10,
                                0x1000, 0xfff,  0x20,       0x55555555 };

    switch (below(g->s, 4)) {
    case 0: return edge[below(g->s, 16)];
    case 1: return data_address(g);
    case 2: return s8(g->s);
    default: return s32(g->s);
    }
}

static inline u32 selector(struct gen *g)
{
    u32 k = below(g->s, 8);

    return k == 7 ? s16(g->s) : k == 6 ? (s8(g->s) & 0x7f) | 4 : (s8(g->s) & 0xfb);
}
static inline u32 code_selector(struct gen *g)
{
    static const u8 sel[] = { SEL_CODE, SEL_CODE, SEL_CODE3, SEL_CODE16, 0x70, 0x73, 0, SEL_GATE };
    u32 k = below(g->s, 10);

    return k < 8 ? sel[k] : selector(g);
}
static inline u32 data_selector(struct gen *g)
{
    static const u8 sel[] = { SEL_DATA, SEL_DATA, SEL_DATA3, SEL_DATA16, 0x78, 0x83, 0, 0x98 };
    u32 k = below(g->s, 10);

    return k < 8 ? sel[k] : selector(g);
}

static inline void mov_reg(struct gen *g, unsigned r, u32 v)
{
    op32(g);
    e8(g, 0xb8 | r);
    e32(g, v);
}
/* With all registers but EDX kept. size 1, 2, 4 */
static inline void mov_mem(struct gen *g, u32 addr, u32 v, unsigned size)
{
    if (size == 4)
        op32(g);
    else if (size == 2 && g->bits == 32)
        e8(g, 0x66);
    a32(g);
    e8(g, size == 1 ? 0xc6 : 0xc7);
    e8(g, 0x05);
    e32(g, addr);
    for (unsigned k = 0; k < size; k++)
        e8(g, v >> 8 * k);
}

static inline void modrm_mem(struct gen *g, unsigned reg, bool wide)
{
    struct source *s = g->s;
    unsigned how = below(s, 8);

    if (how < 4) {
        e8(g, reg << 3 | (wide ? 5 : 6));
        ev(g, data_address(g), wide);
    } else if (how < 6 || !wide) {
        static const u8 rm32[] = { 3, 6, 7, 5, 1, 0 }, rm16[] = { 7, 4, 5, 6, 0, 3 };
        e8(g, 0x40 | reg << 3 | (wide ? rm32 : rm16)[below(s, 6)]);
        e8(g, s8(s));
    } else {
        e8(g, 0x84 | reg << 3);
        e8(g, s8(s) & 0xbf);
        e32(g, how == 6 ? 0 : data_address(g));
    }
}

static inline void one_row(struct gen *g, const struct isa_row *r)
{
    struct source *s = g->s;
    bool wide = g->bits == 32, far_addr = wide, modrm = r->map >= MAP_FM || r->ext >= 0,
         reg_only = false, mem_only = r->map == MAP_FM;
    unsigned reg = below(s, 8);

    for (unsigned k = 0; k < 3; k++)
        switch (OPD_KIND(r->o[k])) {
        case OK_M: mem_only = modrm = true; break;
        case OK_R:
        case OK_RM:
        case OK_N:
        case OK_U:
        case OK_STI: reg_only = modrm = true; break;
        case OK_S:
            modrm = true;
            reg %= 6;
            break;
        case OK_C:
            modrm = true;
            reg = reg & 1 ? 3 : reg;
            break;
        case OK_E:
        case OK_G:
        case OK_D:
        case OK_P:
        case OK_Q:
        case OK_VX:
        case OK_W: modrm = true; break;
        default: break;
        }
    if (one_in(s, 12))
        e8(g, (u32)((const u8[]){ 0x26, 0x2e, 0x36, 0x3e, 0x64, 0x65 })[below(s, 6)]);
    if ((r->pfx == PFX_ANY || r->pfx == PFX_66) && (r->pfx == PFX_66 || one_in(s, 6))) {
        e8(g, 0x66);
        wide = !wide;
    }
    if (one_in(s, 10)) {
        e8(g, 0x67);
        far_addr = !far_addr;
    }
    if ((r->attr & A_LOCK) && one_in(s, 8))
        e8(g, 0xf0);
    if (r->pfx == PFX_F3 || ((r->attr & (A_REP | A_REPC)) && one_in(s, 2)))
        e8(g, r->attr & A_REPC && one_in(s, 2) ? 0xf2 : 0xf3);
    if (r->pfx == PFX_F2)
        e8(g, 0xf2);
    if (r->map == MAP_2 || r->map == MAP_2X)
        e8(g, 0x0f);
    e8(g, r->op | (OPD_KIND(r->o[0]) == OK_Z ? below(s, 8) : 0));
    if (r->map == MAP_FX || r->map == MAP_2X) {
        e8(g, r->modrm);
        modrm = false;
    }
    if (r->ext >= 0)
        reg = (unsigned)r->ext;
    if (modrm && (reg_only || r->map == MAP_FR || (!mem_only && one_in(s, 2))))
        e8(g, 0xc0 | reg << 3 | below(s, 8));
    else if (modrm)
        modrm_mem(g, reg, far_addr);
    for (unsigned k = 0; k < 3; k++) {
        unsigned kind = OPD_KIND(r->o[k]), size = OPD_SIZE(r->o[k]);
        if (kind == OK_I && size == OZ_B)
            e8(g, s8(s));
        else if (kind == OK_I && size == OZ_W)
            e16(g, one_in(s, 4) ? s16(s) : below(s, 16));
        else if (kind == OK_I)
            ev(g, value(g), wide);
        else if (kind == OK_SI)
            e8(g, s8(s));
        else if (kind == OK_J && size == OZ_B)
            e8(g, one_in(s, 4) ? (u8)-below(s, 40) : below(s, 12));
        else if (kind == OK_J)
            ev(g,
               one_in(s, 4) ? routine(below(s, ROUTINES)) - g->at - (wide ? 4 : 2) : below(s, 12),
               wide);
        else if (kind == OK_O)
            ev(g, data_address(g), far_addr);
        else if (kind == OK_A) {
            ev(g, routine(below(s, ROUTINES)), wide);
            e16(g, code_selector(g));
        }
    }
}

static inline void push32(struct gen *g, u32 v)
{
    op32(g);
    e8(g, 0x68);
    e32(g, v);
}
static inline void out8(struct gen *g, u32 port, u32 v)
{
    e8(g, 0xb0); /* mov al,v; out port,al */
    e8(g, v);
    e8(g, 0xe6);
    e8(g, port);
}
static inline void far_to(struct gen *g, bool call, u32 sel, u32 off)
{
    op32(g);
    e8(g, call ? 0x9a : 0xea);
    e32(g, off);
    e16(g, sel);
}
/* mov eax,CRn; xor eax,v; mov CRn,eax */
static inline void toggle_cr(struct gen *g, unsigned n, u32 v)
{
    e8(g, 0x0f);
    e8(g, 0x20);
    e8(g, 0xc0 | n << 3);
    op32(g);
    e8(g, 0x35);
    e32(g, v);
    e8(g, 0x0f);
    e8(g, 0x22);
    e8(g, 0xc0 | n << 3);
}
static inline void load_cr(struct gen *g, unsigned n, u32 v)
{
    mov_reg(g, 0, v);
    e8(g, 0x0f);
    e8(g, 0x22);
    e8(g, 0xc0 | n << 3);
}

static inline u32 pte(struct gen *g)
{
    u32 v = (one_in(g->s, 4) ? s8(g->s) : below(g->s, 32)) << 12 | 7;

    if (one_in(g->s, 8))
        v = MMIO_AT | below(g->s, 8) << 12 | 7;
    if (one_in(g->s, 3))
        v ^= s8(g->s); /* P W U PWT PCD A D PS */
    if (one_in(g->s, 12))
        v ^= 1u << below(g->s, 32);
    return v;
}

static inline u32 eflags_toggle(struct source *s)
{
    static const u32 bit[] = { FL_TF, FL_IF, FL_IF, FL_DF,  FL_NT,  FL_AC, FL_IOPL, FL_RF,
                               FL_CF, FL_ZF, FL_ID, FL_VIF, FL_VIP, FL_OF, FL_VM,   FL_IF };
    u32 v = bit[below(s, 16)];

    return one_in(s, 4) ? v | bit[below(s, 16)] : v;
}

static inline void iret_frame(struct gen *g)
{
    struct source *s = g->s;
    unsigned kind = below(s, 5), n = below(s, ROUTINES);
    u32 fl = flag(s, 2, FL_IF) | 2;

    fl |= flag(s, 3, FL_IOPL);
    fl |= one_in(s, 6) ? eflags_toggle(s) : 0;

    if (kind < 2) { /* to V86 */
        for (unsigned k = 0; k < 4; k++)
            push32(g, one_in(s, 4) ? s16(s) & 0xfff : 0);
        push32(g, 0);
        push32(g, 0xff00);
        fl |= FL_VM;
    } else if (kind < 4) { /* outwards */
        push32(g, SEL_DATA3);
        push32(g, 0xf000);
    }
    push32(g, fl);
    push32(g, fl & FL_VM ? 0 : kind < 4 ? SEL_CODE3 : code_selector(g));
    push32(g, routine(n));
    op32(g);
    e8(g, 0xcf);
}

static inline void system_item(struct gen *g)
{
    static const u32 cr0_bits[] = {
        CR0_PG, CR0_WP, CR0_WP, CR0_TS, CR0_EM,          CR0_MP,
        CR0_NE, CR0_AM, CR0_PE, CR0_CD, CR0_PG | CR0_PE, CR0_AM | CR0_WP
    };
    static const u32 cr3[] = { AT_DIR, AT_DIR2, AT_PDPT, AT_DIR, AT_PDPT | 0x18, AT_DIR | 0x18 };
    struct source *s = g->s;

    switch (below(s, 26)) {
    case 0: toggle_cr(g, 0, cr0_bits[below(s, 12)]); break;
    case 1: load_cr(g, 3, one_in(s, 16) ? s32(s) & 0x1ffff : cr3[below(s, 6)]); break;
    case 2:
        if (one_in(s, 3)) { /* to PAE and back, as an operating system does */
            toggle_cr(g, 0, CR0_PG);
            toggle_cr(g, 4, CR4_PAE);
            load_cr(g, 3, one_in(s, 2) ? AT_PDPT : AT_DIR);
            toggle_cr(g, 0, CR0_PG);
        } else {
            toggle_cr(g, 4, 1u << below(s, 11));
        }
        break;
    case 3:
    case 4: { /* page-table words; INVLPG or not */
        u32 at = table_address(g), page = (at & 0xfff) / 4 << 12, size = one_in(s, 8) ? 1 : 4;
        mov_mem(g, at, pte(g), size);
        if (one_in(s, 6))
            mov_mem(g, at + 4, one_in(s, 2) ? 0x80000000 : s8(s) % 3, 4);
        switch (below(s, 4)) {
        case 0:
            a32(g);
            e8(g, 0x0f);
            e8(g, 0x01);
            e8(g, 0x3d);
            e32(g, page);
            break;
        case 1: toggle_cr(g, 3, 0); break;
        case 2: toggle_cr(g, 4, CR4_PGE); break;
        default: break;
        }
        break;
    }
    case 5: {
        u32 to = routine(below(s, ROUTINES)), sel = code_selector(g);
        far_to(g, one_in(s, 3), sel, to);
        break;
    }
    case 6: {
        u32 off = s16(s), sel = SEL_TSS + 8 * below(s, 7);
        sel += below(s, 4);
        far_to(g, one_in(s, 2), sel, off);
        break;
    }
    case 7:
        e8(g, 0xcd);
        e8(g, one_in(s, 4) ? s8(s) : below(s, NUM_GATES));
        break;
    case 8: iret_frame(g); break;
    case 9: /* pushf; xor dword [esp],bits; popf */
        op32(g);
        e8(g, 0x9c);
        op32(g);
        a32(g);
        e8(g, 0x81);
        e8(g, 0x34);
        e8(g, 0x24);
        e32(g, eflags_toggle(s));
        op32(g);
        e8(g, 0x9d);
        break;
    case 10: { /* a debug register; then enable it */
        unsigned n = below(s, 4);
        mov_reg(g, 0, one_in(s, 2) ? code_address(g) : one_in(s, 4) ? s8(s) : data_address(g));
        e8(g, 0x0f);
        e8(g, 0x23);
        e8(g, 0xc0 | n << 3);
        mov_reg(g, 0,
                one_in(s, 4) ? s32(s) & 0xffff23ff : 2u << 2 * n | below(s, 16) << (16 + 4 * n));
        e8(g, 0x0f);
        e8(g, 0x23);
        e8(g, 0xf8);
        break;
    }
    case 11: /* PIT: counter 0 */
        out8(g, 0x43, 0x30 | below(s, 8) << 1);
        out8(g, 0x40, s8(s));
        out8(g, 0x40, below(s, 3));
        break;
    case 12: {
        u32 v = one_in(s, 2) ? 0x20 : one_in(s, 2) ? s8(s) : 0;
        out8(g, (u32)((const u8[]){ 0x20, 0x21, 0xa0, 0xa1 })[below(s, 4)], v);
        break;
    }
    case 13: {
        u32 v = one_in(s, 2) ? 2 : s8(s);
        out8(g, (u32)((const u8[]){ 0x92, 0x61, 0xf0, 0x70, 0x71, 0x42, 0x43, 0x41 })[below(s, 8)],
             v);
        break;
    }
    case 14: {
        u32 v = s8(s);
        out8(g, PORT_NMI + below(s, 4), v);
        break;
    }
    case 15:
        e8(g, 0xfb);
        e8(g, (u32)((const u8[]){ 0xf4, 0x90, 0xfa, 0xfb, 0xcf, 0x9d, 0xf4 })[below(s, 7)]);
        break;
    case 16: /* lgdt, lidt, sgdt, sidt with what lies ready */
        op32(g);
        a32(g);
        e8(g, 0x0f);
        e8(g, 0x01);
        e8(g, 0x05 | below(s, 4) << 3);
        e32(g, one_in(s, 12) ? data_address(g) : AT_OPERANDS + 8 * below(s, 4));
        break;
    case 17: /* lldt, ltr */
        mov_reg(g, 0,
                one_in(s, 4)   ? selector(g)
                : one_in(s, 2) ? SEL_LDT
                               : SEL_TSS + 8 * below(s, 3));
        e8(g, 0x0f);
        e8(g, 0x00);
        e8(g, 0xd0 | below(s, 2) << 3);
        break;
    case 18:
    case 19: /* a segment register; SS with its shadow */
        e8(g, 0xb8);
        ev(g, data_selector(g), g->bits == 32);
        e8(g, 0x8e);
        e8(g, 0xc0 | below(s, 6) << 3);
        break;
    case 20: { /* wrmsr */
        static const u32 msr[] = { 0xc0000080, 0x174, 0x175, 0x176, 0x10, 0x1d9, 0x277, 0x1a0 };
        static const u32 v[] = { 0x800, SEL_CODE, AT_STACK, AT_CODE, 0, 2, 0, 0 };
        unsigned n = below(s, 8);
        mov_reg(g, 1, msr[n]);
        mov_reg(g, 2, one_in(s, 8) ? s32(s) : 0);
        mov_reg(g, 0, one_in(s, 4) ? s32(s) : v[n] ^ (n == 0 && one_in(s, 2) ? 0x800 : 0));
        e8(g, 0x0f);
        e8(g, 0x30);
        break;
    }
    case 21:
        e8(g, 0x0f);
        e8(g, 0x34 + below(s, 2));
        break; /* sysenter, sysexit */
    case 22: {
        u32 v = one_in(s, 2) ? 0x00cf0000 | s8(s) << 8 : s32(s);
        mov_mem(g, AT_GDT + (s8(s) & 0xf8) + 4, v, 4);
        break;
    }
    case 23: {
        u32 v = (s16(s) & 0x7f00) | 0x8000;
        mov_mem(g, AT_IDT + below(s, NUM_GATES) * 8 + 4, v, 4);
        break;
    }
    case 24: {
        u32 v = value(g), at = one_in(s, 3) ? AT_TSS16 : one_in(s, 2) ? AT_TSS2 : AT_TSS;
        mov_mem(g, at + below(s, 26) * 4, v, 4);
        break;
    }
    default: /* unreal mode from real mode, or through protected mode and back */
        toggle_cr(g, 0, CR0_PE);
        e8(g, 0xb8);
        ev(g, one_in(s, 2) ? SEL_DATA : SEL_DATA16, g->bits == 32);
        e8(g, 0x8e);
        e8(g, 0xd8);
        if (one_in(s, 4))
            far_to(g, false, SEL_CODE, routine(below(s, ROUTINES)));
        toggle_cr(g, 0, CR0_PE);
        break;
    }
}

static inline void code_item(struct gen *g)
{
    struct source *s = g->s;
    u32 at, v;
    unsigned size;

    switch (below(s, 20)) {
    case 0:
    case 1:
        v = one_in(s, 2) ? data_address(g) : value(g);
        mov_reg(g, (unsigned)((const u8[]){ 0, 1, 2, 3, 6, 7, 3, 6 })[below(s, 8)], v);
        break;
    case 2:
    case 3: /* code is written: here, there, under another address */
        at = code_address(g);
        if (one_in(s, 3) && g->bits == 32)
            at += 0x400000u << below(s, 2);
        size = 1u << below(s, 3);
        mov_mem(g, at, one_in(s, 2) ? 0x90909090 : s32(s), size);
        break;
    case 4: { /* a string instruction with a sensible count, perhaps over code or a page's edge */
        static const u8 op[] = { 0xa4, 0xa5, 0xaa, 0xab, 0xa6, 0xa7,
                                 0xae, 0xaf, 0xac, 0xad, 0x6c, 0x6e };
        mov_reg(g, 7, one_in(s, 4) ? code_address(g) : data_address(g));
        if (one_in(s, 2))
            mov_reg(g, 6, data_address(g));
        mov_reg(g, 1, one_in(s, 6) ? value(g) : below(s, 40));
        if (one_in(s, 4))
            e8(g, 0xfc + below(s, 2));
        if (g->bits == 16 && one_in(s, 2))
            e8(g, 0x67);
        e8(g, one_in(s, 4) ? 0xf2 : 0xf3);
        e8(g, op[below(s, 12)]);
        break;
    }
    case 5: { /* a short loop */
        u32 top;
        mov_reg(g, 1, 2 + below(s, 12));
        top = g->at;
        for (unsigned n = 1 + below(s, 3); n; n--)
            one_row(g, isa_row(s16(s) % isa_num_rows()));
        if (g->at - top < 120) {
            e8(g, one_in(s, 2) ? 0xe2 : 0xe0);
            e8(g, top - g->at - 1);
        }
        break;
    }
    case 6:
        for (unsigned n = 1 + below(s, 4); n; n--)
            e8(g, s8(s));
        break;
    case 7:
    case 8:
    case 9:
    case 10: system_item(g); break;
    case 11: /* a stack that can be used, and segments */
        if (one_in(s, 2)) {
            mov_reg(g, 4, AT_STACK - 4 * below(s, 8));
        } else {
            mov_reg(g, 5, AT_DATA + s8(s));
            mov_reg(g, 3, AT_DATA + s8(s) * 16);
        }
        break;
    case 12: /* call a routine that may return */
        e8(g, 0xe8);
        at = routine(below(s, ROUTINES));
        at += one_in(s, 4) ? below(s, 32) : 0;
        ev(g, at - g->at - (g->bits == 32 ? 4 : 2), g->bits == 32);
        break;
    default: one_row(g, isa_row(s16(s) % isa_num_rows())); break;
    }
}

static inline void make_routine(struct gen *g, unsigned n)
{
    u32 end = routine(n) + ROUTINE_ROOM;
    unsigned to = below(g->s, ROUTINES);

    g->at = routine(n);
    g->bits = g->routine_bits[n];
    g->end = end - (one_in(g->s, 6) ? 0 : 5);
    for (unsigned items = 3 + below(g->s, 40); items && g->at < g->end; items--)
        code_item(g);
    g->end = end;
    for (unsigned k = 0; k < 7 && g->routine_bits[to] != g->bits; k++)
        to = (to + 1) % ROUTINES;
    if (one_in(g->s, 8))
        e8(g, 0xc3);
    e8(g, 0xe9);
    ev(g, routine(to) - g->at - (g->bits == 32 ? 4 : 2), g->bits == 32);
}

#endif
