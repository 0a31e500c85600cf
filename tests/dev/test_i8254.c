/* SPDX-License-Identifier: MIT */
/* 8254: each mode against a model that counts CLK by CLK, as the data sheet tells it. */
#include "tests/dev/rig.h"

#define HZ 1193182ull

static u64 ns_at(u64 tick)
{
    return (tick * NS_PER_SEC + HZ - 1) / HZ;
}

static u64 tick_now(struct rig *r)
{
    return now_ns(r) * HZ / NS_PER_SEC;
}

static void step_clk(struct rig *r, u64 n)
{
    step_ns(r, ns_at(tick_now(r) + n) - now_ns(r));
}

static void program(struct rig *r, unsigned ctr, unsigned mode, u16 count)
{
    out8(r, 0x43, (u8)(ctr << 6 | 0x30 | mode << 1));
    out8(r, 0x40 + ctr, (u8)count);
    out8(r, 0x40 + ctr, (u8)(count >> 8));
}

static u16 latched(struct rig *r, unsigned ctr)
{
    out8(r, 0x43, (u8)(ctr << 6));
    u16 lo = in8(r, 0x40 + ctr);
    return (u16)(in8(r, 0x40 + ctr) << 8 | lo);
}

static u8 status(struct rig *r, unsigned ctr)
{
    out8(r, 0x43, (u8)(0xe0 | 2u << ctr));
    return in8(r, 0x40 + ctr);
}

/* ---- the model: one counter ---- */

struct model {
    unsigned mode, rw, bcd, control;
    u16 cr, ce, ol;
    u8 low, st;
    bool gate, out, null, written, load, hold, loaded, live;
    bool wmsb, rmsb, st_latched;
    unsigned ol_left;
};

static u16 dec(const struct model *m, u16 v)
{
    if (!m->bcd)
        return (u16)(v - 1);
    for (unsigned d = 0; d < 16; d += 4) {
        if (v >> d & 15)
            return (u16)(v - (1u << d));
        v |= (u16)(9u << d);
    }
    return v;
}

static void m_clk(struct model *m)
{
    bool one_shot = m->mode == 1 || m->mode == 5;
    if (m->load) {
        m->load = m->hold = m->null = false;
        m->loaded = m->live = true;
        m->ce = m->cr;
        if (m->mode == 1)
            m->out = false;
        if (m->mode >= 2 && m->mode != 0)
            m->out = true;
        if (m->mode == 3 && m->ce & 1)
            m->ce--;
        return;
    }
    if (m->mode >= 4 && !m->out)
        m->out = true;
    if (!m->loaded || (!one_shot && (!m->gate || m->hold)))
        return;
    switch (m->mode) {
    case 2:
        if (m->ce == 1) {
            m->ce = m->cr;
            m->null = false;
        } else {
            m->ce = dec(m, m->ce);
        }
        m->out = m->ce != 1;
        break;
    case 3: {
        /* "period" parity is that of the count in use: kept in hold's place by `low` */
        bool odd = m->st & 1;
        bool end = odd && m->out ? m->ce == 0 : (m->ce = dec(m, dec(m, m->ce))) == 0;
        if (odd && m->out && !end)
            m->ce = dec(m, dec(m, m->ce));
        if (end) {
            m->out = !m->out;
            m->ce = m->cr & 0xfffe;
            m->st = m->cr & 1;
            m->null = false;
        }
        break;
    }
    default:
        m->ce = dec(m, m->ce);
        if (!m->ce && m->live) {
            m->live = false;
            m->out = m->mode < 4;
        }
        break;
    }
}

static void m_tick(struct model *m)
{
    bool load = m->load;
    u8 parity = m->st;
    if (load)
        parity = m->cr & 1;
    m->st = m->mode == 3 ? parity : m->st;
    m_clk(m);
}

static void m_control(struct model *m, u8 v)
{
    m->control = v & 0x3f;
    m->mode = v >> 1 & 7;
    if (m->mode > 5)
        m->mode -= 4;
    m->rw = v >> 4 & 3;
    m->bcd = v & 1;
    m->out = m->mode != 0;
    m->null = true;
    m->written = m->load = m->hold = m->loaded = m->live = m->wmsb = m->rmsb = false;
    m->st_latched = false;
    m->ol_left = 0;
}

static void m_write(struct model *m, u8 v)
{
    if (m->rw == 3 && !m->wmsb) {
        m->wmsb = true;
        m->low = v;
        if (m->mode == 0) {
            m->hold = true;
            m->out = m->live = m->load = false;
        }
        return;
    }
    m->cr = m->rw == 1 ? v : m->rw == 2 ? (u16)(v << 8) : (u16)(v << 8 | m->low);
    m->wmsb = false;
    m->null = true;
    if (m->mode == 0)
        m->out = m->live = false;
    if (m->mode == 0 || m->mode == 4 || ((m->mode == 2 || m->mode == 3) && !m->written))
        m->load = true;
    m->written = true;
}

static void m_gate(struct model *m, bool level)
{
    if (level == m->gate)
        return;
    m->gate = level;
    if (!level && (m->mode == 2 || m->mode == 3))
        m->out = true;
    if (level && m->written && m->mode != 0 && m->mode != 4)
        m->load = true;
}

/* What is read between a write and its CLK: bus cycles are longer than that (i8254.c, count_now). */
static u16 m_seen(const struct model *m)
{
    if (m->load)
        return m->mode == 3 ? m->cr & ~1u : m->cr;
    return m->loaded ? m->ce : 0;
}

static u8 m_read(struct model *m)
{
    u16 v = m->ol_left ? m->ol : m_seen(m);
    if (m->ol_left)
        m->ol_left--;
    if (m->rw == 1)
        return (u8)v;
    if (m->rw == 2)
        return (u8)(v >> 8);
    m->rmsb = !m->rmsb;
    return (u8)(m->rmsb ? v : v >> 8);
}

static void m_latch(struct model *m)
{
    if (m->ol_left)
        return;
    m->ol = m_seen(m);
    m->ol_left = m->rw == 3 && !m->rmsb ? 2 : 1;
}

static u32 seed;
static u32 rnd(u32 n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static u8 rnd_digit_byte(const struct model *m, bool high)
{
    u8 v = (u8)(high ? rnd(3) : rnd(256));
    return m->bcd ? (u8)((v >> 4) % 10 << 4 | (v & 15) % 10) : v;
}

/* Counts of 1 are illegal in modes 2 and 3. */
static bool legal(const struct model *m)
{
    return (m->mode != 2 && m->mode != 3) || m->cr != 1;
}

START_TEST(all_modes_like_the_model)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    unsigned c = (unsigned)_i % 3;
    struct model m = { .gate = true };
    char out[8] = "out0", gate[8] = "gate0";

    seed = (u32)_i * 7919u + 1;
    out[3] = gate[4] = (char)('0' + c);
    m_control(&m, 0x30);
    step_clk(r, 1);
    for (unsigned n = 0; n < 4000; n++) {
        u8 v;
        switch (rnd(12)) {
        case 0:
            if (rnd(4))
                break;
            v = (u8)(c << 6 | (1 + rnd(3)) << 4 | rnd(8) << 1 | rnd(2));
            out8(r, 0x43, v);
            m_control(&m, v);
            break;
        case 1: case 2: {
            v = rnd_digit_byte(&m, m.rw == 2 || m.wmsb);
            struct model t = m;
            m_write(&t, v);
            if (!legal(&t))
                break;
            m = t;
            out8(r, 0x40 + c, v);
            break;
        }
        case 3:
            if (rnd(3))
                break;
            m_gate(&m, !m.gate);
            drive(r, gate, m.gate);
            break;
        case 4:
            out8(r, 0x43, (u8)(c << 6));
            m_latch(&m);
            break;
        case 5: case 6:
            ck_assert_msg(in8(r, 0x40 + c) == m_read(&m), "op %u: count, mode %u", n, m.mode);
            break;
        case 7: {
            u64 k = rnd(40) ? rnd(600) : rnd(70000);
            step_clk(r, k);
            while (k--)
                m_tick(&m);
            break;
        }
        case 8:
            rig_snapshot_roundtrip(r);
            break;
        default:
            step_clk(r, 1);
            m_tick(&m);
            break;
        }
        bool shown = (m.mode != 2 && m.mode != 3) || !m.written || m.cr >= 24 || m.cr == 0;
        if (shown && !(m.written && m.mode >= 2 && m.mode <= 3 && m.bcd && m.cr < 0x24 && m.cr))
            ck_assert_msg(wire(r, out) == m.out, "op %u: OUT, mode %u count %x", n, m.mode, m.cr);
        u8 st = status(r, c);
        ck_assert_msg(st == (m.out << 7 | m.null << 6 | m.control),
                      "op %u: status %02x, mode %u out %d null %d", n, st, m.mode, m.out, m.null);
        ck_assert_int_eq(wire(r, out), m.out);
    }
    rig_free(r);
}
END_TEST

START_TEST(mode2_low_for_one_clk)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    program(r, 0, 2, 100);
    step_clk(r, 1); /* CR -> CE */
    ck_assert_int_eq(wire(r, "out0"), 1);
    ck_assert_uint_eq(latched(r, 0), 100);
    step_clk(r, 98);
    ck_assert_int_eq(wire(r, "out0"), 1);
    ck_assert_uint_eq(latched(r, 0), 2);
    /* The edge is exact to the nanosecond. */
    step_ns(r, ns_at(tick_now(r) + 1) - now_ns(r) - 1);
    ck_assert_int_eq(wire(r, "out0"), 1);
    step_ns(r, 1);
    ck_assert_int_eq(wire(r, "out0"), 0);
    ck_assert_uint_eq(latched(r, 0), 1);
    step_clk(r, 1);
    ck_assert_int_eq(wire(r, "out0"), 1);
    ck_assert_uint_eq(latched(r, 0), 100);
    u32 rises = wire_rises(r, "out0");
    step_clk(r, 100 * 1000);
    ck_assert_uint_eq(wire_rises(r, "out0") - rises, 1000);
    rig_free(r);
}
END_TEST

START_TEST(new_count_waits_for_the_reload)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    program(r, 0, 2, 50);
    ck_assert_uint_eq(status(r, 0), 0x80 | 0x40 | 0x34);
    step_clk(r, 11);
    ck_assert_uint_eq(status(r, 0), 0x80 | 0x34);
    out8(r, 0x40, 200);
    ck_assert_uint_eq(status(r, 0) & 0x40, 0); /* only the second byte makes the count null */
    out8(r, 0x40, 0);
    ck_assert_uint_eq(status(r, 0) & 0x40, 0x40);
    ck_assert_uint_eq(latched(r, 0), 40);
    step_clk(r, 39);
    ck_assert_uint_eq(status(r, 0), 0x40 | 0x34); /* CE = 1 */
    step_clk(r, 1);
    ck_assert_uint_eq(status(r, 0), 0x80 | 0x34);
    ck_assert_uint_eq(latched(r, 0), 200);
    rig_free(r);
}
END_TEST

/* Linux' quick_pit_calibrate() and 50,000 reads that take no time: FFh, not the old count. */
START_TEST(written_count_reads_at_once)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    out8(r, 0x43, 0xb0);
    out8(r, 0x42, 0xff);
    out8(r, 0x42, 0xff);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(in8(r, 0x42), 0xff);
    step_clk(r, 2);
    ck_assert_uint_eq(in8(r, 0x42), 0xfe);
    ck_assert_uint_eq(in8(r, 0x42), 0xff);
    rig_free(r);
}
END_TEST

START_TEST(latch_and_read_back)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    program(r, 0, 2, 0x1234);
    program(r, 2, 3, 0x2000);
    step_clk(r, 1);
    out8(r, 0x43, 0x00);
    step_clk(r, 16);
    out8(r, 0x43, 0x00); /* the second latch is ignored */
    ck_assert_uint_eq(in8(r, 0x40), 0x34);
    step_clk(r, 16);
    ck_assert_uint_eq(in8(r, 0x40), 0x12);
    /* count and status of 0 and 2 at once: status comes first */
    out8(r, 0x43, 0xca);
    step_clk(r, 5);
    ck_assert_uint_eq(in8(r, 0x40), 0xb4);
    ck_assert_uint_eq(in8(r, 0x40), 0x14);
    ck_assert_uint_eq(in8(r, 0x40), 0x12);
    ck_assert_uint_eq(in8(r, 0x42), 0xb6);
    ck_assert_uint_eq(in8(r, 0x42), 0xc0); /* 2000h - 2 * 32 */
    ck_assert_uint_eq(in8(r, 0x42), 0x1f);
    ck_assert_uint_eq(in8(r, 0x43), 0xff);
    /* a control word drops what was latched */
    out8(r, 0x43, 0x00);
    program(r, 0, 0, 0x5678);
    step_clk(r, 1);
    ck_assert_uint_eq(in8(r, 0x40), 0x78);
    ck_assert_uint_eq(in8(r, 0x40), 0x56);
    rig_free(r);
}
END_TEST

START_TEST(short_periods_merge)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    u32 before;
    program(r, 0, 2, 2);
    step_clk(r, 10);
    before = wire_rises(r, "out0");
    step_ns(r, 1000000); /* 596 periods */
    u32 n = wire_rises(r, "out0") - before;
    ck_assert_uint_ge(n, 40);
    ck_assert_uint_le(n, 50); /* one each 20 us */
    ck_assert_uint_eq(status(r, 0) & 0x3f, 0x34);
    program(r, 2, 3, 4);
    step_clk(r, 10);
    before = wire_rises(r, "out2");
    step_ns(r, 1000000);
    n = wire_rises(r, "out2") - before;
    ck_assert_uint_ge(n, 40);
    ck_assert_uint_le(n, 50);
    /* the rest of a long period comes before the short ones */
    program(r, 0, 2, 1000);
    step_clk(r, 2);
    out8(r, 0x40, 2);
    out8(r, 0x40, 0);
    before = wire_rises(r, "out0");
    step_clk(r, 997);
    ck_assert_uint_eq(wire_rises(r, "out0"), before);
    rig_free(r);
}
END_TEST

/* hal.dll: ticks counted at IRQ0 plus what the latched count has run down since (contract 3.1). */
START_TEST(qpc_is_monotonic)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    const u16 reload = 11932;
    u64 last = 0, first = 0;

    program(r, 0, 2, reload);
    step_clk(r, 1);
    u32 rises0 = wire_rises(r, "out0");
    seed = 5;
    for (unsigned i = 0; i < (HAVE_ASAN ? 300000 : 10000000); i++) {
        step_ns(r, rnd(2000) + (rnd(1000) ? 0 : 9000000));
        u16 count = latched(r, 0);
        ck_assert_uint_ge(count, 1);
        ck_assert_uint_le(count, reload);
        u64 qpc = (u64)(wire_rises(r, "out0") - rises0) * reload + (reload - count);
        ck_assert_msg(qpc >= last, "sample %u: %llu after %llu", i, (unsigned long long)qpc,
                      (unsigned long long)last);
        if (!i)
            first = qpc;
        last = qpc;
    }
    ck_assert_uint_eq(last, tick_now(r) - 1);
    ck_assert_uint_gt(last, first);
    rig_free(r);
}
END_TEST

START_TEST(bcd_and_full_scale)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    out8(r, 0x43, 0x31); /* mode 0, BCD */
    out8(r, 0x40, 0x00);
    out8(r, 0x40, 0x00); /* 10000 */
    step_clk(r, 1);
    ck_assert_uint_eq(latched(r, 0), 0x0000);
    step_clk(r, 1);
    ck_assert_uint_eq(latched(r, 0), 0x9999);
    step_clk(r, 9998);
    ck_assert_int_eq(wire(r, "out0"), 0);
    step_clk(r, 1);
    ck_assert_int_eq(wire(r, "out0"), 1);
    step_clk(r, 1);
    ck_assert_uint_eq(latched(r, 0), 0x9999);
    program(r, 0, 0, 0); /* 65536 */
    step_clk(r, 65536);
    ck_assert_int_eq(wire(r, "out0"), 0);
    step_clk(r, 1);
    ck_assert_int_eq(wire(r, "out0"), 1);
    rig_free(r);
}
END_TEST

START_TEST(odd_square_wave)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    program(r, 0, 3, 101);
    step_clk(r, 1);
    for (unsigned period = 0; period < 3; period++) {
        for (unsigned i = 0; i < 101; i++) {
            ck_assert_int_eq(wire(r, "out0"), i < 51);
            ck_assert_uint_eq(latched(r, 0), i < 51 ? 100 - 2 * i : 100 - 2 * (i - 51));
            step_clk(r, 1);
        }
    }
    rig_free(r);
}
END_TEST

/* GATE stops the count of mode 4, but not a strobe that has begun. */
START_TEST(gate_and_strobe)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    program(r, 0, 4, 30);
    step_clk(r, 11);
    drive(r, "gate0", 0);
    step_clk(r, 100);
    ck_assert_uint_eq(latched(r, 0), 20);
    drive(r, "gate0", 1);
    step_clk(r, 20);
    ck_assert_int_eq(wire(r, "out0"), 0);
    drive(r, "gate0", 0);
    ck_assert_int_eq(wire(r, "out0"), 0);
    step_clk(r, 1);
    ck_assert_int_eq(wire(r, "out0"), 1);
    ck_assert_uint_eq(latched(r, 0), 0);
    step_clk(r, 1000);
    ck_assert_uint_eq(status(r, 0), 0x80 | 0x38);
    rig_free(r);
}
END_TEST

START_TEST(reset_and_peek)
{
    struct rig *r = rig_new("i8254", "iobase=0x40");
    program(r, 0, 2, 100);
    step_clk(r, 50);
    ck_assert_uint_eq(space_peek(&r->io, 0x40, 1), 51);
    ck_assert_uint_eq(space_peek(&r->io, 0x40, 1), 51); /* no byte toggle */
    out8(r, 0x43, 0xc2);
    ck_assert_uint_eq(space_peek(&r->io, 0x40, 1), 0xb4);
    ck_assert_uint_eq(in8(r, 0x40), 0xb4);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_int_eq(wire(r, "out0"), 0);
    ck_assert_uint_eq(status(r, 0), 0x70);
    step_clk(r, 70000);
    ck_assert_uint_eq(latched(r, 0), 0);
    rig_free(r);
}
END_TEST

Suite *suite_i8254(void);
Suite *suite_i8254(void)
{
    Suite *s = suite_create("i8254");
    TCase *tc = tcase_create("i8254");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, all_modes_like_the_model, 0, 24);
    tcase_add_test(tc, mode2_low_for_one_clk);
    tcase_add_test(tc, new_count_waits_for_the_reload);
    tcase_add_test(tc, written_count_reads_at_once);
    tcase_add_test(tc, latch_and_read_back);
    tcase_add_test(tc, short_periods_merge);
    tcase_add_test(tc, qpc_is_monotonic);
    tcase_add_test(tc, bcd_and_full_scale);
    tcase_add_test(tc, odd_square_wave);
    tcase_add_test(tc, gate_and_strobe);
    tcase_add_test(tc, reset_and_peek);
    suite_add_tcase(s, tc);
    return s;
}
