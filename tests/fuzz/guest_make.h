/* SPDX-License-Identifier: MIT */
/* Fills memory with a guest for fuzz_guest.c: handlers, tables, routines, and the state it starts
 * in. */
#ifndef NB_TESTS_FUZZ_GUEST_MAKE_H
#define NB_TESTS_FUZZ_GUEST_MAKE_H

#include "tests/fuzz/guest_code.h"

static inline void make_handlers(struct gen *g)
{
    for (unsigned v = 0; v < NUM_GATES; v++) {
        bool err = v == 8 || (v >= 10 && v <= 14) || v == 17, irq = v >= 0x20 && v < 0x30;
        unsigned how = below(g->s, 8);
        u32 to = routine(below(g->s, ROUTINES));

        g->at = AT_HANDLERS + 32 * v;
        g->end = g->at + 32;
        g->bits = 32;
        if (irq && how < 7) {
            EMIT(g, 0x50, 0xb0, 0x20, 0xe6, 0x20, 0xe6, 0xa0, 0x58, 0xcf);
        } else if (v == 14 && how < 3) { /* makes the page present and goes on */
            EMIT(g, 0x60, 0x0f, 0x20, 0xd0, 0xc1, 0xe8, 0x0c, 0x25, 0xff, 0x03, 0x00, 0x00, 0x83,
                 0x0c, 0x85, 0x00, 0x50, 0x00, 0x00, 0x07, 0x0f, 0x20, 0xd0, 0x0f, 0x01, 0x38, 0x61,
                 0x83, 0xc4, 0x04, 0xcf);
        } else if (how < 4) { /* skips some bytes */
            if (err)
                EMIT(g, 0x83, 0xc4, 0x04);
            EMIT(g, 0x83, 0x04, 0x24);
            e8(g, v == 3 || v == 1 || v >= 0x20 ? 0 : 1 + below(g->s, 4));
            e8(g, 0xcf);
        } else if (how < 7) { /* a fresh start */
            EMIT(g, 0xb8, 0x10, 0x00, 0x00, 0x00, 0x8e, 0xd8, 0x8e, 0xc0, 0x8e, 0xd0, 0xbc, 0x00,
                 0xe8, 0x00, 0x00, 0xe9);
            e32(g, to - g->at - 4);
        } else {
            for (unsigned k = 0; k < 8; k++)
                e8(g, s8(g->s));
        }

        g->at = AT_STUBS + 16 * v;
        g->end = g->at + 16;
        g->bits = 16;
        if (irq) {
            EMIT(g, 0x50, 0xb0, 0x20, 0xe6, 0x20, 0xe6, 0xa0, 0x58, 0xcf);
        } else if (how < 4) {
            EMIT(g, 0x55, 0x89, 0xe5, 0x83, 0x46, 0x02);
            e8(g, v == 3 || v == 1 || v >= 0x20 ? 0 : 1 + below(g->s, 4));
            EMIT(g, 0x5d, 0xcf);
        } else {
            EMIT(g, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xc0, 0xbc, 0x00, 0xe8, 0xea);
            e16(g, to);
            e16(g, 0);
        }
    }
}

static inline void make_tables(struct gen *g)
{
    static const u64 gdt[] = {
        0,
        0x00cf9b000000ffff,
        0x00cf93000000ffff,
        0x00cffb000000ffff,
        0x00cff3000000ffff,
        0x00009b000000ffff,
        0x000093000000ffff,
        0x00008900300001ff,
        0x0000890032000067,
        0x000081003400002b,
        0x000082001800007f,
        0x0000ec000008a000,
        0x0000e4010028a400,
        0x0000e50000400000,
        0x00cf9f000000ffff,
        0x00cff70000000fff,
        0x0000f300000000ff,
        0x00cf73000000ffff,
        0x00cff9000000ffff,
        0x00cff1000000ffff,
    };
    struct source *s = g->s;
    u8 *m = g->b->host;

    memcpy(m + AT_GDT, gdt, sizeof gdt);
    for (unsigned k = ARRAY_LEN(gdt); k < 32; k++) {
        st64(m + AT_GDT + 8 * k, gdt[1 + below(s, 19)]);
        u8 v = (u8)s8(s);
        m[AT_GDT + 8 * k + below(s, 8)] = v;
    }
    for (unsigned k = 0; k < 16; k++) {
        st64(m + AT_LDT + 8 * k, gdt[1 + below(s, 19)]);
        m[AT_LDT + 8 * k + 3] = (u8)below(s, 4);
    }
    for (unsigned v = 0; v < 256; v++) {
        st16(m + 4 * v, (u16)(AT_STUBS + 16 * (v % NUM_GATES)));
        if (v >= NUM_GATES)
            continue;
        u32 type = 0x8e00u | (v & 3 ? 0x6000 : 0);
        u16 sel = SEL_CODE;
        switch (below(s, 24)) {
        case 0: type = 0x8f00; break;
        case 1:
            type = 0x8600;
            sel = SEL_CODE16;
            break;
        case 2:
            type = 0xe500;
            sel = SEL_TSS2;
            break;
        case 3: type = s8(s) << 8; break;
        case 4: sel = (u16)code_selector(g); break;
        case 5: sel = 0x70; break;
        default: break;
        }
        st32(m + AT_IDT + 8 * v, (u32)sel << 16 | (AT_HANDLERS + 32 * v));
        st32(m + AT_IDT + 8 * v + 4, type);
    }
    /* operands: GDT, IDT, real-mode IDT, a short GDT */
    st16(m + AT_OPERANDS, GDT_LIMIT);
    st32(m + AT_OPERANDS + 2, AT_GDT);
    st16(m + AT_OPERANDS + 8, NUM_GATES * 8 - 1);
    st32(m + AT_OPERANDS + 10, AT_IDT);
    st16(m + AT_OPERANDS + 16, 0x3ff);
    st32(m + AT_OPERANDS + 18, 0);
    st16(m + AT_OPERANDS + 24, 0x5f);
    st32(m + AT_OPERANDS + 26, AT_GDT);
    for (unsigned t = 0; t < 2; t++) {
        u8 *p = m + (t ? AT_TSS2 : AT_TSS);
        for (unsigned k = 0; k < 3; k++) {
            st32(p + 4 + 8 * k, AT_STACK - 0x200 * k);
            st16(p + 8 + 8 * k, SEL_DATA);
        }
        st32(p + 0x1c, one_in(s, 4) ? AT_PDPT : AT_DIR);
        st32(p + 0x20, routine(below(s, ROUTINES)));
        u32 fl = flag(s, 2, FL_IF) | 2;
        fl |= one_in(s, 4) ? eflags_toggle(s) : 0;
        st32(p + 0x24, fl);
        for (unsigned k = 0; k < 8; k++)
            st32(p + 0x28 + 4 * k, k == 4 ? AT_STACK : AT_DATA + 64 * k);
        for (unsigned k = 0; k < 6; k++)
            st16(p + 0x48 + 4 * k, k == 1 ? SEL_CODE : SEL_DATA);
        st16(p + 0x60, one_in(s, 2) ? SEL_LDT : 0);
        st16(p + 0x66, 0x68);
        p[0x64] = one_in(s, 8);
        for (unsigned k = 0; k < 33; k++)
            p[0x68 + k] = one_in(s, 2) ? 0 : (u8)s8(s);
    }
    u8 *p16 = m + AT_TSS16;
    st16(p16 + 2, AT_STACK);
    st16(p16 + 4, SEL_DATA16);
    st16(p16 + 14, (u16)routine(below(s, ROUTINES)));
    st16(p16 + 16, 2);
    st16(p16 + 26, AT_STACK);
    st16(p16 + 34, SEL_DATA16);
    st16(p16 + 36, SEL_CODE16);
    st16(p16 + 38, SEL_DATA16);
    st16(p16 + 40, SEL_DATA16);

    for (unsigned k = 0; k < 1024; k++) {
        u32 phys = k < 32 || (k >= 0x80 && k < 0x88) || (k >= 0x100 && k < 0x110) || k == 0xf0
                       ? k
                       : k & 31;
        st32(m + AT_TABLE + 4 * k, phys << 12 | 7);
        if (k < 512)
            st64(m + AT_PT + 8 * k, phys << 12 | 7);
    }
    for (unsigned d = 0; d < 2; d++) {
        u8 *dir = m + (d ? AT_DIR2 : AT_DIR);
        st32(dir, AT_TABLE | 7);
        st32(dir + 4, AT_TABLE | (d ? 5 : 7));
        st32(dir + 8, 0x87 | (d ? 0x100 : 0));
        st32(dir + 4 * 256, AT_TABLE | 7);
        st32(dir + 4 * 1023, (d ? AT_DIR2 : AT_DIR) | 7); /* sees itself */
    }
    st64(m + AT_PD, AT_PT | 7);
    st64(m + AT_PD + 8, 0x87);
    st64(m + AT_PD + 16, AT_PT | 7);
    st64(m + AT_PD + 24, AT_PT | 5);
    st64(m + AT_PD + 32, 0x87);
    st64(m + AT_PD + 8 * 511, AT_PD | 7);
    for (unsigned k = 0; k < 4; k++)
        st64(m + AT_PDPT + 8 * k, k == 2 ? 0 : AT_PD | 1);
    for (unsigned n = below(s, 12); n; n--) {
        u32 at = table_address(g);
        if (at != AT_TABLE + 4 * 0xe && at != AT_PT + 8 * 0xe)
            st32(m + at, pte(g));
    }
    if (one_in(s, 3))
        m[AT_PT + 8 * (below(s, 4) + 0xa) + 7] = 0x80; /* NX */
}

static inline void make_state(struct gen *g)
{
    struct source *s = g->s;
    struct cpu *c = g->b->c;
    unsigned mode = below(s, 8);
    bool prot = mode >= 2, small = mode == 2, user = mode == 5, v86 = mode == 6;
    u32 cr0 = (prot ? CR0_PE : 0) | (mode >= 3 && !one_in(s, 4) ? CR0_PG | CR0_PE : 0);
    cr0 |= flag(s, 2, CR0_WP);
    cr0 |= flag(s, 2, CR0_NE);
    cr0 |= flag(s, 8, CR0_AM);
    bool pae = one_in(s, 3);
    u32 cr4 = CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_PSE | (pae ? CR4_PAE : 0);
    cr4 |= flag(s, 2, CR4_PGE);
    cr4 |= flag(s, 3, CR4_VME);
    cr4 |= flag(s, 3, CR4_DE);
    cr4 |= flag(s, 8, CR4_PVI);

    for (unsigned n = 0; n < ROUTINES; n++)
        g->routine_bits[n] = one_in(s, 4) != (prot && !small && !v86) ? 32 : 16;
    cpu_set(c, CPU_GDTR_BASE, AT_GDT);
    cpu_set(c, CPU_GDTR_LIMIT, GDT_LIMIT);
    cpu_set(c, CPU_IDTR_BASE, prot ? AT_IDT : 0);
    cpu_set(c, CPU_IDTR_LIMIT, prot ? NUM_GATES * 8 - 1 : 0x3ff);
    cpu_set(c, CPU_CR3, pae ? AT_PDPT : AT_DIR);
    cpu_set(c, CPU_CR4, cr4);
    if (one_in(s, 2))
        cpu_set(c, CPU_EFER, EFER_NXE & g->b->c->model->ext_edx >> 9);
    cpu_set(c, CPU_CR0, cr0);
    u32 fl = flag(s, 2, FL_IF) | (v86 ? FL_VM : 0);
    fl |= flag(s, 3, FL_IOPL);
    fl |= one_in(s, 16) ? eflags_toggle(s) & ~(u32)FL_VM : 0;
    cpu_set(c, CPU_EFLAGS, fl);
    for (unsigned k = 0; k < 6; k++) {
        u16 sel = v86 || !prot ? 0
                  : k == S_CS  ? (small  ? SEL_CODE16
                                  : user ? SEL_CODE3
                                         : SEL_CODE)
                  : small      ? SEL_DATA16
                  : user       ? SEL_DATA3
                               : SEL_DATA;
        bool flat = (prot && !v86 && !small) || (mode == 1 && k != S_CS); /* mode 1: unreal */
        cpu_set(c, (enum cpu_reg)(CPU_ES + k), sel);
        cpu_set(c, (enum cpu_reg)(CPU_ES_BASE + k), 0);
        cpu_set(c, (enum cpu_reg)(CPU_ES_LIMIT + k), flat ? 0xffffffff : 0xffff);
        cpu_set(c, (enum cpu_reg)(CPU_ES_ATTR + k),
                (flat ? 0x8000u | (prot ? 0x4000u : 0) : 0) |
                    (k == S_CS && prot && !v86 ? 0x9b : 0x93) | (user || v86 ? 0x60 : 0));
    }
    cpu_set(c, CPU_CPL, user || v86 ? 3 : 0);
    cpu_set(c, CPU_TR, SEL_TSS);
    cpu_set(c, CPU_TR_BASE, AT_TSS);
    cpu_set(c, CPU_TR_LIMIT, 0x1ff);
    cpu_set(c, CPU_TR_ATTR, 0x8b);
    g->b->host[AT_GDT + SEL_TSS + 5] = 0x8b;
    cpu_set(c, CPU_LDTR, SEL_LDT);
    cpu_set(c, CPU_LDTR_BASE, AT_LDT);
    cpu_set(c, CPU_LDTR_LIMIT, LDT_LIMIT);
    cpu_set(c, CPU_LDTR_ATTR, 0x82);
    for (unsigned k = 0; k < 8; k++)
        cpu_set(c, (enum cpu_reg)(CPU_EAX + k),
                k == 4         ? user || v86 ? 0xf000 : AT_STACK
                : one_in(s, 4) ? s32(s)
                               : (prot && !small && !v86 ? AT_DATA : 0x3600) + 64 * k);
    cpu_set(c, CPU_EIP, routine(0));
    if (one_in(s, 3))
        cpu_set(c, CPU_FCW, s16(s) & 0xf3f);
    if (one_in(s, 3))
        cpu_set(c, CPU_MXCSR, s16(s) & 0xffbf);
    for (unsigned k = 0; k < 8; k++) {
        u8 v[16];
        for (unsigned n = 0; n < 16; n++)
            v[n] = (u8)(k & 1 ? s8(s) : k * 17 * n);
        cpu_set_xmm(c, k, v);
        cpu_set_st(c, k, v);
    }
}

static inline void make_chips(struct gen *g)
{
    static const u16 init[][2] = { { 0x20, 0x11 }, { 0x21, 0x20 }, { 0x21, 4 }, { 0x21, 1 },
                                   { 0xa0, 0x11 }, { 0xa1, 0x28 }, { 0xa1, 2 }, { 0xa1, 1 },
                                   { 0x21, 0 },    { 0xa1, 0 } };
    struct source *s = g->s;
    struct space *io = &g->b->io;

    for (unsigned k = 0; k < ARRAY_LEN(init); k++)
        space_write(io, init[k][0], init[k][1], 1);
    if (!one_in(s, 4)) {
        space_write(io, 0x43, 0x34, 1);
        space_write(io, 0x40, 5 + s8(s), 1);
        space_write(io, 0x40, one_in(s, 3), 1);
    }
    if (one_in(s, 3)) {
        space_write(io, 0x70, 0x0a, 1);
        space_write(io, 0x71, 0x23, 1);
        space_write(io, 0x70, 0x0b, 1);
        space_write(io, 0x71, 0x42, 1);
    }
}

static inline void make_guest(struct board *b, struct source *s)
{
    struct gen g = { .b = b, .s = s, .end = LOW_RAM };

    make_state(&g);
    make_tables(&g);
    make_handlers(&g);
    for (unsigned n = 0; n < ROUTINES; n++)
        make_routine(&g, n);
    for (unsigned k = 0; k < 64; k++)
        b->host[AT_DATA + 64 * k] = (u8)s8(s);
    /* the ROM: the code of two routines, and at the reset vector a jump to the first */
    memcpy(b->host + ROM_FRAME * 4096, b->host + AT_CODE, 2 * ROUTINE_ROOM);
    memcpy(b->host + ROM_FRAME * 4096 + 0xff0, "\xea\x00\xa0\x00\x00", 5);
    make_chips(&g);
    cpu_state_loaded(b->c);
}

#endif
