/* SPDX-License-Identifier: MIT */
/* 8259A: registers and cascade one by one, then a pair against a plain model of the data sheet. */
#include "devices/i8259.h"
#include "tests/dev/rig.h"

static struct rig *pair(void)
{
    struct rig *r = rig_empty();
    struct device *m = rig_make(r, "i8259", "pic0", "iobase=0x20,elcr=0x4d0");
    struct device *s = rig_make(r, "i8259", "pic1", "iobase=0xa0,elcr=0x4d1,slave=1");
    struct err e = { 0 };
    ck_assert_msg(device_connect(s, "int", m, "ir2", &e), "%s", e.msg);
    ck_assert_msg(device_connect(m, "cas", s, "cas", &e), "%s", e.msg);
    rig_start(r, m);
    rig_start(r, s);
    return r;
}

static void icw(struct rig *r, u32 port, u8 icw1, u8 icw2, u8 icw3, u8 icw4)
{
    out8(r, port, icw1);
    out8(r, port + 1, icw2);
    if (!(icw1 & 2))
        out8(r, port + 1, icw3);
    if (icw1 & 1)
        out8(r, port + 1, icw4);
}

static struct rig *nt_pair(void) /* as the PIC HALs do it */
{
    struct rig *r = pair();
    icw(r, 0x20, 0x11, 0x30, 0x04, 0x01);
    icw(r, 0xa0, 0x11, 0x38, 0x02, 0x01);
    return r;
}

static int ack(struct rig *r) { return i8259_ack(r->dev[0]); }
static int intr(struct rig *r) { return wire(r, "pic0.int"); }

static u8 isr(struct rig *r, u32 port)
{
    out8(r, port, 0x0b);
    return in8(r, port);
}

static u8 irr(struct rig *r, u32 port)
{
    out8(r, port, 0x0a);
    return in8(r, port);
}

static void irq(struct rig *r, unsigned n, int level)
{
    char pin[16] = "pic0.ir0";
    if (n >= 8)
        pin[3] = '1';
    pin[7] = (char)('0' + (n & 7));
    drive(r, pin, level);
}

START_TEST(initialisation)
{
    struct rig *r = pair();
    ck_assert_int_eq(intr(r), 0);
    out8(r, 0x21, 0xfb); /* OCW1 before any ICW */
    ck_assert_uint_eq(in8(r, 0x21), 0xfb);
    irq(r, 3, 1);
    ck_assert_uint_eq(irr(r, 0x20), 0x08);
    out8(r, 0x20, 0x11); /* clears mask and the edge circuit */
    ck_assert_uint_eq(in8(r, 0x21), 0x00);
    ck_assert_uint_eq(in8(r, 0x20), 0x00);
    ck_assert_int_eq(intr(r), 0);
    out8(r, 0x21, 0x67); /* low three bits don't matter */
    out8(r, 0x21, 0x04);
    out8(r, 0x21, 0x01);
    out8(r, 0x21, 0x12);
    ck_assert_uint_eq(in8(r, 0x21), 0x12);
    irq(r, 3, 1); /* no edge */
    ck_assert_int_eq(intr(r), 0);
    irq(r, 3, 0);
    irq(r, 3, 1);
    ck_assert_int_eq(intr(r), 1);
    ck_assert_int_eq(ack(r), 0x63);
    /* single, without ICW4: two words only, MCS-80 addresses */
    out8(r, 0x20, 0x12 | 0x40 | 4);
    out8(r, 0x21, 0xff);
    out8(r, 0x21, 0x80);
    ck_assert_uint_eq(in8(r, 0x21), 0x80);
    irq(r, 5, 1);
    ck_assert_int_eq(ack(r), 0x40 | 5 << 2);
    rig_free(r);
}
END_TEST

START_TEST(fixed_priority_and_eoi)
{
    struct rig *r = nt_pair();
    irq(r, 4, 1);
    irq(r, 1, 1);
    ck_assert_uint_eq(irr(r, 0x20), 0x12);
    ck_assert_int_eq(ack(r), 0x31);
    ck_assert_uint_eq(irr(r, 0x20), 0x10); /* acknowledged edges leave IRR */
    ck_assert_uint_eq(isr(r, 0x20), 0x02);
    ck_assert_int_eq(intr(r), 0); /* 4 waits */
    irq(r, 0, 1);
    ck_assert_int_eq(intr(r), 1); /* 0 nests */
    ck_assert_int_eq(ack(r), 0x30);
    ck_assert_uint_eq(isr(r, 0x20), 0x03);
    out8(r, 0x20, 0x20);
    ck_assert_uint_eq(isr(r, 0x20), 0x02); /* the highest */
    ck_assert_int_eq(intr(r), 0);
    out8(r, 0x20, 0x64); /* specific, for a level that isn't in service */
    ck_assert_uint_eq(isr(r, 0x20), 0x02);
    out8(r, 0x20, 0x61);
    ck_assert_uint_eq(isr(r, 0x20), 0x00);
    ck_assert_int_eq(intr(r), 1);
    ck_assert_int_eq(ack(r), 0x34);
    rig_free(r);
}
END_TEST

START_TEST(cascade)
{
    struct rig *r = nt_pair();
    irq(r, 14, 1);
    ck_assert_int_eq(intr(r), 1);
    ck_assert_int_eq(ack(r), 0x3e);
    ck_assert_uint_eq(isr(r, 0x20), 0x04);
    ck_assert_uint_eq(isr(r, 0xa0), 0x40);
    ck_assert_uint_eq(irr(r, 0x20) & 4, 0); /* IRQ2 fell with the acknowledge */
    /* A higher one of the slave waits for the master's EOI (not in special fully nested mode). */
    irq(r, 8, 1);
    ck_assert_uint_eq(irr(r, 0x20) & 4, 4);
    ck_assert_int_eq(intr(r), 0);
    out8(r, 0x20, 0x62);
    ck_assert_int_eq(intr(r), 1);
    ck_assert_int_eq(ack(r), 0x38);
    out8(r, 0xa0, 0x20);
    out8(r, 0xa0, 0x20);
    out8(r, 0x20, 0x62);
    ck_assert_uint_eq(isr(r, 0xa0), 0);
    /* Another pending one after the slave's EOI makes a new edge on IRQ2. */
    irq(r, 9, 1);
    irq(r, 10, 1);
    ck_assert_int_eq(ack(r), 0x39);
    out8(r, 0xa0, 0x20);
    out8(r, 0x20, 0x20);
    ck_assert_int_eq(intr(r), 1);
    ck_assert_int_eq(ack(r), 0x3a);
    rig_free(r);
}
END_TEST

START_TEST(special_fully_nested)
{
    struct rig *r = pair();
    icw(r, 0x20, 0x11, 0x30, 0x04, 0x11);
    icw(r, 0xa0, 0x11, 0x38, 0x02, 0x01);
    irq(r, 14, 1);
    ck_assert_int_eq(ack(r), 0x3e);
    irq(r, 8, 1);
    ck_assert_int_eq(intr(r), 1);
    ck_assert_int_eq(ack(r), 0x38);
    ck_assert_uint_eq(isr(r, 0xa0), 0x41);
    irq(r, 15, 1); /* lower: the slave itself holds it back */
    ck_assert_int_eq(intr(r), 0);
    rig_free(r);
}
END_TEST

START_TEST(spurious)
{
    struct rig *r = nt_pair();
    ck_assert_int_eq(ack(r), 0x37);
    ck_assert_uint_eq(isr(r, 0x20), 0);
    irq(r, 1, 1);
    irq(r, 1, 0); /* the line falls before INTA */
    ck_assert_int_eq(intr(r), 0);
    ck_assert_int_eq(ack(r), 0x37);
    /* masked between request and acknowledge */
    irq(r, 5, 1);
    ck_assert_int_eq(intr(r), 1);
    out8(r, 0x21, 0x20);
    ck_assert_int_eq(intr(r), 0);
    ck_assert_int_eq(ack(r), 0x37);
    ck_assert_uint_eq(isr(r, 0x20), 0);
    out8(r, 0x21, 0x00); /* the edge is still remembered */
    ck_assert_int_eq(ack(r), 0x35);
    out8(r, 0x20, 0x20);
    /* slave: the master takes IRQ2 in service, the slave has nothing. Its INT is forced here. */
    drive(r, "pic0.ir2", 1);
    ck_assert_int_eq(ack(r), 0x3f);
    ck_assert_uint_eq(isr(r, 0x20), 0x04);
    ck_assert_uint_eq(isr(r, 0xa0), 0x00);
    rig_free(r);
}
END_TEST

START_TEST(missing_slave)
{
    struct rig *r = rig_new("i8259", "iobase=0x20");
    icw(r, 0x20, 0x11, 0x30, 0x04, 0x01);
    drive(r, "ir2", 1);
    ck_assert_int_eq(i8259_ack(r->dev[0]), 0xff);
    rig_free(r);
    r = pair(); /* the slave listens to another number */
    icw(r, 0x20, 0x11, 0x30, 0x04, 0x01);
    icw(r, 0xa0, 0x11, 0x38, 0x03, 0x01);
    irq(r, 8, 1);
    ck_assert_int_eq(ack(r), 0xff);
    rig_free(r);
}
END_TEST

START_TEST(level_triggered)
{
    struct rig *r = nt_pair();
    out8(r, 0x4d0, 0xff);
    out8(r, 0x4d1, 0xff);
    ck_assert_uint_eq(in8(r, 0x4d0), 0xf8); /* 0, 1, 2, 8, 13 are edges for ever */
    ck_assert_uint_eq(in8(r, 0x4d1), 0xde);
    irq(r, 11, 1);
    ck_assert_int_eq(ack(r), 0x3b);
    ck_assert_uint_eq(irr(r, 0xa0), 0x08); /* the line shows through */
    out8(r, 0xa0, 0x20);
    out8(r, 0x20, 0x20);
    ck_assert_int_eq(intr(r), 1); /* still held */
    ck_assert_int_eq(ack(r), 0x3b);
    irq(r, 11, 0);
    out8(r, 0xa0, 0x20);
    out8(r, 0x20, 0x20);
    ck_assert_int_eq(intr(r), 0);
    /* Level again to edge: a line that stands high asks no more. */
    irq(r, 10, 1);
    ck_assert_int_eq(ack(r), 0x3a);
    out8(r, 0xa0, 0x20);
    out8(r, 0x20, 0x20);
    out8(r, 0x4d1, 0);
    ck_assert_int_eq(intr(r), 0);
    rig_free(r);

    r = rig_new("i8259", "iobase=0x20"); /* no ELCR: LTIM */
    icw(r, 0x20, 0x1b, 0x30, 0, 0x01);
    drive(r, "ir0", 1);
    ck_assert_int_eq(i8259_ack(r->dev[0]), 0x30);
    out8(r, 0x20, 0x20);
    ck_assert_int_eq(wire(r, "int"), 1);
    ck_assert_uint_eq(in8(r, 0x4d0), 0xff);
    rig_free(r);
    r = nt_pair(); /* with ELCR, LTIM does nothing */
    icw(r, 0x20, 0x19, 0x30, 0x04, 0x01);
    irq(r, 4, 1);
    ack(r);
    out8(r, 0x20, 0x20);
    ck_assert_int_eq(intr(r), 0);
    rig_free(r);
}
END_TEST

START_TEST(masks)
{
    struct rig *r = nt_pair();
    for (unsigned i = 0; i < 8; i++) {
        if (i == 2)
            continue;
        out8(r, 0x21, (u8)~(1u << i));
        irq(r, (i + 1) % 8 == 2 ? 3 : (i + 1) % 8, 1);
        ck_assert_int_eq(intr(r), 0);
        irq(r, i, 1);
        ck_assert_int_eq(intr(r), 1);
        ck_assert_int_eq(ack(r), (int)(0x30 + i));
        out8(r, 0x20, 0x20);
        for (unsigned k = 0; k < 8; k++)
            if (k != 2)
                irq(r, k, 0);
    }
    /* special mask mode: a masked level in service lets lower ones through */
    out8(r, 0x21, 0);
    irq(r, 3, 1);
    ck_assert_int_eq(ack(r), 0x33);
    irq(r, 6, 1);
    ck_assert_int_eq(intr(r), 0);
    out8(r, 0x21, 0x08);
    ck_assert_int_eq(intr(r), 0);
    out8(r, 0x20, 0x68);
    ck_assert_int_eq(intr(r), 1);
    out8(r, 0x20, 0x20); /* passes over the masked one: nothing */
    ck_assert_uint_eq(isr(r, 0x20), 0x08);
    out8(r, 0x20, 0x48); /* ESMM, SMM = 0 */
    ck_assert_int_eq(intr(r), 0);
    out8(r, 0x20, 0x28); /* without ESMM: no change */
    ck_assert_int_eq(intr(r), 0);
    rig_free(r);
}
END_TEST

START_TEST(rotation)
{
    struct rig *r = nt_pair();
    irq(r, 4, 1);
    irq(r, 6, 1);
    ck_assert_int_eq(ack(r), 0x34);
    out8(r, 0x20, 0xa0); /* rotate on non-specific EOI: 5 is the highest now */
    irq(r, 5, 1);
    irq(r, 0, 1);
    ck_assert_int_eq(ack(r), 0x35);
    out8(r, 0x20, 0xe1); /* rotate on specific EOI of 1: 5 stays in service */
    ck_assert_uint_eq(isr(r, 0x20), 0x20);
    out8(r, 0x20, 0x20);
    irq(r, 3, 1); /* order: 2 3 4 5 6 7 0 1 */
    ck_assert_int_eq(ack(r), 0x33);
    out8(r, 0x20, 0x20);
    out8(r, 0x20, 0xc6); /* set priority: 7 0 1 .. 6 */
    ck_assert_int_eq(ack(r), 0x30);
    out8(r, 0x20, 0x20);
    ck_assert_int_eq(ack(r), 0x36);
    rig_free(r);

    r = pair(); /* automatic EOI, with and without rotation */
    icw(r, 0x20, 0x11, 0x30, 0x04, 0x03);
    irq(r, 4, 1);
    irq(r, 5, 1);
    ck_assert_int_eq(ack(r), 0x34);
    ck_assert_uint_eq(isr(r, 0x20), 0);
    ck_assert_int_eq(intr(r), 1);
    out8(r, 0x20, 0x80);
    ck_assert_int_eq(ack(r), 0x35); /* and 5 is the lowest now */
    irq(r, 4, 0);
    irq(r, 4, 1);
    irq(r, 6, 1);
    ck_assert_int_eq(ack(r), 0x36);
    out8(r, 0x20, 0x00);
    ck_assert_int_eq(ack(r), 0x34);
    rig_free(r);
}
END_TEST

START_TEST(polling)
{
    struct rig *r = nt_pair();
    out8(r, 0x20, 0x0c);
    ck_assert_uint_eq(in8(r, 0x20) & 0x80, 0);
    irq(r, 6, 1);
    out8(r, 0x20, 0x0c);
    ck_assert_uint_eq(space_peek(&r->io, 0x20, 1), 0x40); /* peeking is no poll */
    ck_assert_uint_eq(in8(r, 0x20), 0x86);
    ck_assert_uint_eq(isr(r, 0x20), 0x40);
    ck_assert_int_eq(intr(r), 0);
    out8(r, 0x20, 0x20);
    irq(r, 5, 1);
    out8(r, 0x20, 0x0c);
    ck_assert_uint_eq(in8(r, 0x21), 0x85); /* any read will do */
    ck_assert_uint_eq(in8(r, 0x21), 0x00);
    rig_free(r);
}
END_TEST

START_TEST(shared_level_line)
{
    /* Two devices on one level line, let go in either order: no storm, none lost (D15). */
    for (int order = 0; order < 2; order++) {
        struct rig *r = nt_pair();
        struct or_gate gate = { 0 };
        ck_assert(device_in(r->dev[1], "ir3", &gate.out));
        out8(r, 0x4d1, 0x08);
        or_gate_input(&gate, 0, 1);
        ck_assert_int_eq(ack(r), 0x3b);
        or_gate_input(&gate, 1, 1);
        or_gate_input(&gate, order, 0);
        out8(r, 0xa0, 0x20);
        out8(r, 0x20, 0x20);
        ck_assert_int_eq(intr(r), 1);
        ck_assert_int_eq(ack(r), 0x3b);
        or_gate_input(&gate, !order, 0);
        out8(r, 0xa0, 0x20);
        out8(r, 0x20, 0x20);
        ck_assert_int_eq(intr(r), 0);
        rig_free(r);
    }
}
END_TEST

/* ---- model: priorities as a list, one flag each ---- */

struct chip {
    bool line[8], seen[8], service[8], mask[8], level[8];
    int order[8]; /* highest first */
    bool aeoi, rot_aeoi, smm, sfnm, master;
    u8 base;
};

static void order_from(struct chip *c, int lowest)
{
    for (int i = 0; i < 8; i++)
        c->order[i] = (lowest + 1 + i) % 8;
}

static bool asks(const struct chip *c, int ir)
{
    return c->line[ir] && (c->seen[ir] || c->level[ir]) && !c->mask[ir];
}

static int winner(const struct chip *c)
{
    for (int i = 0; i < 8; i++) {
        int ir = c->order[i];
        bool busy = c->service[ir] && !(c->smm && c->mask[ir]);
        if (asks(c, ir) && (!busy || (c->sfnm && c->master && ir == 2)))
            return ir;
        if (busy)
            return -1;
    }
    return -1;
}

static void line(struct chip *c, int ir, bool level)
{
    if (level && !c->line[ir])
        c->seen[ir] = true;
    if (!level)
        c->seen[ir] = false;
    c->line[ir] = level;
}

static void follow(struct chip *m, const struct chip *s)
{
    line(m, 2, winner(s) >= 0);
}

static int take(struct chip *c, struct chip *slave)
{
    int ir = winner(c), v;
    if (ir < 0)
        return c->base + 7;
    c->seen[ir] = false;
    c->service[ir] = true;
    v = c->base + ir;
    if (slave && ir == 2) {
        v = take(slave, NULL);
        line(c, 2, false);
        follow(c, slave);
    }
    if (c->aeoi) {
        c->service[ir] = false;
        if (c->rot_aeoi)
            order_from(c, ir);
    }
    return v;
}

static void eoi(struct chip *c, bool rotate)
{
    for (int i = 0; i < 8; i++) {
        int ir = c->order[i];
        if (c->service[ir] && !(c->smm && c->mask[ir])) {
            c->service[ir] = false;
            if (rotate)
                order_from(c, ir);
            return;
        }
    }
}

static u8 bits(const bool *b)
{
    u8 v = 0;
    for (int i = 0; i < 8; i++)
        v |= (u8)(b[i] << i);
    return v;
}

static u32 seed;
static u32 rnd(u32 n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

START_TEST(pair_like_the_model)
{
    struct rig *r = pair();
    struct chip c[2];
    const u32 port[2] = { 0x20, 0xa0 };

    seed = (u32)_i + 77;
    for (int round = 0; round < 60; round++) {
        bool was[2][8] = { { false } };
        if (round)
            for (int k = 0; k < 2; k++)
                memcpy(was[k], c[k].line, sizeof(was[k]));
        memset(c, 0, sizeof(c));
        for (int k = 0; k < 2; k++) {
            u8 icw4 = (u8)(1 | (rnd(4) ? 0 : 2) | (k == 0 && !rnd(3) ? 0x10 : 0));
            c[k].base = (u8)(rnd(32) << 3);
            icw(r, port[k], 0x11, c[k].base, k ? 2 : 4, icw4);
            c[k].aeoi = icw4 & 2;
            c[k].sfnm = icw4 & 0x10;
            c[k].master = !k;
            order_from(&c[k], 7);
            memcpy(c[k].line, was[k], sizeof(was[k]));
            u8 lev = (u8)(rnd(256) & (k ? 0xde : 0xf8));
            out8(r, 0x4d0 + (u32)k, lev);
            for (int i = 0; i < 8; i++)
                c[k].level[i] = lev >> i & 1;
        }
        /* initialising the slave last may have moved IRQ2: start from low lines */
        for (int k = 1; k >= 0; k--)
            for (int i = 0; i < 8; i++)
                if (k || i != 2) {
                    irq(r, (unsigned)(k * 8 + i), 0);
                    line(&c[k], i, false);
                }
        line(&c[0], 2, false);
        for (unsigned n = 0; n < 200; n++) {
            int k = (int)rnd(2), ir = (int)rnd(8);
            struct chip *p = &c[k];
            switch (rnd(12)) {
            case 0: case 1: case 2: case 3:
                if (!k && ir == 2)
                    break;
                irq(r, (unsigned)(k * 8 + ir), !p->line[ir]);
                line(p, ir, !p->line[ir]);
                break;
            case 4: case 5: {
                if (!wire(r, "pic0.int") && rnd(10))
                    break;
                int v = take(&c[0], &c[1]);
                ck_assert_int_eq(ack(r), v);
                break;
            }
            case 6: {
                u8 m = (u8)(rnd(256) & rnd(256));
                out8(r, port[k] + 1, m);
                for (int i = 0; i < 8; i++)
                    p->mask[i] = m >> i & 1;
                break;
            }
            case 7: {
                bool rot = rnd(2);
                out8(r, port[k], rot ? 0xa0 : 0x20);
                eoi(p, rot);
                break;
            }
            case 8: {
                bool rot = !rnd(3);
                out8(r, port[k], (u8)((rot ? 0xe0 : 0x60) | ir));
                p->service[ir] = false;
                if (rot)
                    order_from(p, ir);
                break;
            }
            case 9:
                if (rnd(3)) {
                    p->smm = rnd(2);
                    out8(r, port[k], p->smm ? 0x68 : 0x48);
                } else {
                    p->rot_aeoi = rnd(2);
                    out8(r, port[k], p->rot_aeoi ? 0x80 : 0x00);
                }
                break;
            case 10: {
                out8(r, port[k], 0x0c);
                int w = winner(p);
                u8 want = w < 0 ? 0 : (u8)(0x80 | w);
                if (w >= 0) {
                    p->seen[w] = false;
                    p->service[w] = true;
                    if (k)
                        line(&c[0], 2, false);
                    if (p->aeoi) {
                        p->service[w] = false;
                        if (p->rot_aeoi)
                            order_from(p, w);
                    }
                }
                ck_assert_uint_eq(in8(r, port[k]), want);
                break;
            }
            default:
                if (!rnd(20))
                    rig_snapshot_roundtrip(r);
                break;
            }
            follow(&c[0], &c[1]);
            ck_assert_int_eq(intr(r), winner(&c[0]) >= 0);
            for (int i = 0; i < 2; i++) {
                ck_assert_uint_eq(isr(r, port[i]), bits(c[i].service));
                bool q[8];
                for (int j = 0; j < 8; j++)
                    q[j] = c[i].line[j] && (c[i].seen[j] || c[i].level[j]);
                ck_assert_uint_eq(irr(r, port[i]), bits(q));
            }
        }
    }
    rig_free(r);
}
END_TEST

Suite *suite_i8259(void);
Suite *suite_i8259(void)
{
    Suite *s = suite_create("i8259");
    TCase *tc = tcase_create("i8259");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, initialisation);
    tcase_add_test(tc, fixed_priority_and_eoi);
    tcase_add_test(tc, cascade);
    tcase_add_test(tc, special_fully_nested);
    tcase_add_test(tc, spurious);
    tcase_add_test(tc, missing_slave);
    tcase_add_test(tc, level_triggered);
    tcase_add_test(tc, masks);
    tcase_add_test(tc, rotation);
    tcase_add_test(tc, polling);
    tcase_add_test(tc, shared_level_line);
    tcase_add_loop_test(tc, pair_like_the_model, 0, 8);
    suite_add_tcase(s, tc);
    return s;
}
