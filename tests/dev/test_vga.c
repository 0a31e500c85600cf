/* SPDX-License-Identifier: MIT */
/* VGA: registers, retrace timing, the way to memory against a blunt model, PCI, snapshots. */
#include "tests/dev/test_vga.h"

#include "devices/vga_rom.h"

/* ---- registers ---- */

START_TEST(registers_keep_the_bits_that_exist)
{
    static const u8 seq_bits[5] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
    static const u8 gc_bits[9] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
    static const u8 pattern[4] = { 0xff, 0x00, 0x55, 0xaa };
    struct bench *b = bench_new("vgamem_mb=1");

    for (unsigned k = 0; k < 4; k++) {
        u8 v = pattern[k];
        out8(b->r, 0x3c2, v);
        ck_assert_uint_eq(in8(b->r, 0x3cc), v & 0xef);
        out8(b->r, 0x3c2, 1);
        out8(b->r, 0x3da, v);
        ck_assert_uint_eq(in8(b->r, 0x3ca), v & 0x0b);
        out8(b->r, 0x3c6, v);
        ck_assert_uint_eq(in8(b->r, 0x3c6), v);
        for (u8 i = 0; i < 5; i++) {
            seq(b, i, v);
            ck_assert_uint_eq(rd_at(b, 0x3c4, i), v & seq_bits[i]);
        }
        for (u8 i = 0; i < 9; i++) {
            gc(b, i, v);
            ck_assert_uint_eq(rd_at(b, 0x3ce, i), v & gc_bits[i]);
        }
        crtc(b, 0x11, 0);
        for (u8 i = 0; i < 0x19; i++) {
            u8 bits = i == 8 || i == 0xb || i == 0x14 ? 0x7f
                      : i == 0xa                      ? 0x3f
                      : i == 0x17                     ? 0xef
                                                      : 0xff;
            if (i == 0x11)
                continue;
            crtc(b, i, v);
            ck_assert_uint_eq(rd_at(b, 0x3d4, i), v & bits);
        }
        crtc(b, 0x11, v);
        ck_assert_uint_eq(rd_at(b, 0x3d4, 0x11), v);
        for (u8 i = 0; i < 0x15; i++) {
            u8 bits = i < 0x10 || i == 0x12 ? 0x3f : i == 0x10 ? 0xef : i == 0x11 ? 0xff : 0x0f;
            atc(b, i, v);
            in8(b->r, 0x3da);
            out8(b->r, 0x3c0, i);
            ck_assert_uint_eq(in8(b->r, 0x3c1), v & bits);
        }
    }
    bench_free(b);
}
END_TEST

START_TEST(indices_beyond_the_registers_alias_nothing)
{
    struct bench *b = bench_new("vgamem_mb=1");
    set_mode(b, &mode_03);
    seq(b, 8, 0x06); /* how S3 chips are unlocked: must not reset the sequencer */
    crtc(b, 0x38, 0x48);
    gc(b, 0x19, 0x55);
    ck_assert_uint_eq(rd_at(b, 0x3c4, 0), 3);
    ck_assert_uint_eq(rd_at(b, 0x3c4, 8), 0);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x18), 0xff);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x38), 0);
    ck_assert_uint_eq(rd_at(b, 0x3ce, 9), 0);
    atc(b, 0x15, 0xff);
    in8(b->r, 0x3da);
    out8(b->r, 0x3c0, 0x15);
    ck_assert_uint_eq(in8(b->r, 0x3c1), 0);
    bench_free(b);
}
END_TEST

START_TEST(crtc_0_to_7_are_protected_but_for_line_compare)
{
    struct bench *b = bench_new("vgamem_mb=1");
    out8(b->r, 0x3c2, 1);
    crtc(b, 0x11, 0x00);
    for (u8 i = 0; i < 8; i++)
        crtc(b, i, 0x11);
    crtc(b, 0x11, 0x80);
    for (u8 i = 0; i < 8; i++)
        crtc(b, i, 0xee);
    for (u8 i = 0; i < 7; i++)
        ck_assert_uint_eq(rd_at(b, 0x3d4, i), 0x11);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 7), 0x01);
    crtc(b, 7, 0x10);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 7), 0x11);
    crtc(b, 8, 0x2a);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 8), 0x2a);
    bench_free(b);
}
END_TEST

START_TEST(misc_bit_0_moves_the_crtc)
{
    struct bench *b = bench_new("vgamem_mb=1");
    out8(b->r, 0x3c2, 0);
    out8(b->r, 0x3b4, 0x0e);
    out8(b->r, 0x3b5, 0x12);
    out8(b->r, 0x3d5, 0x34); /* not there */
    ck_assert_uint_eq(in8(b->r, 0x3b5), 0x12);
    ck_assert_uint_eq(in8(b->r, 0x3d4), 0xff);
    ck_assert_uint_eq(in8(b->r, 0x3d5), 0xff);
    ck_assert_uint_eq(in8(b->r, 0x3da), 0xff);
    ck_assert_uint_ne(in8(b->r, 0x3ba), 0xff);
    out8(b->r, 0x3c2, 1);
    ck_assert_uint_eq(in8(b->r, 0x3d4), 0x0e);
    ck_assert_uint_eq(in8(b->r, 0x3d5), 0x12);
    ck_assert_uint_eq(in8(b->r, 0x3b5), 0xff);
    ck_assert_uint_eq(in8(b->r, 0x3ba), 0xff);
    bench_free(b);
}
END_TEST

START_TEST(attribute_flip_flop)
{
    struct bench *b = bench_new("vgamem_mb=1");
    out8(b->r, 0x3c2, 1);
    in8(b->r, 0x3da);
    out8(b->r, 0x3c0, 0x32); /* index 12h, PAS */
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x24), 0x80);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x26), 0x32);
    out8(b->r, 0x3c0, 0x05);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x24), 0x00);
    ck_assert_uint_eq(in8(b->r, 0x3c0), 0x32);
    ck_assert_uint_eq(in8(b->r, 0x3c1), 0x05);
    out8(b->r, 0x3c0, 0x13);
    in8(b->r, 0x3ba); /* the mono port does not reset it now */
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x24), 0x80);
    space_peek(&b->r->io, 0x3da, 1); /* nor does a debugger */
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x24), 0x80);
    in8(b->r, 0x3da);
    out8(b->r, 0x3c0, 0x14); /* an index again */
    ck_assert_uint_eq(in8(b->r, 0x3c0), 0x14);
    bench_free(b);
}
END_TEST

START_TEST(dac_reads_ahead_and_counts)
{
    struct bench *b = bench_new("vgamem_mb=1");
    out8(b->r, 0x3c8, 254);
    for (u8 i = 0; i < 9; i++) /* 254, 255 and, wrapped, 0 */
        out8(b->r, 0x3c9, (u8)(0xc0 + i));
    ck_assert_uint_eq(in8(b->r, 0x3c8), 1);
    ck_assert_uint_eq(in8(b->r, 0x3c7), 0);
    out8(b->r, 0x3c7, 255);
    ck_assert_uint_eq(in8(b->r, 0x3c7), 3);
    ck_assert_uint_eq(in8(b->r, 0x3c8), 0);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 3); /* six bits */
    ck_assert_uint_eq(in8(b->r, 0x3c9), 4);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 5);
    ck_assert_uint_eq(in8(b->r, 0x3c8), 1);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 6);
    /* an unfinished write changes nothing */
    out8(b->r, 0x3c8, 0);
    out8(b->r, 0x3c9, 0x3f);
    out8(b->r, 0x3c9, 0x3f);
    out8(b->r, 0x3c7, 0);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 6);
    /* eight bits: the six were the upper ones */
    dispi(b, 4, 0x20);
    out8(b->r, 0x3c7, 0);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 6 << 2);
    out8(b->r, 0x3c8, 7);
    out8(b->r, 0x3c9, 0xa5);
    out8(b->r, 0x3c9, 0x5a);
    out8(b->r, 0x3c9, 0xff);
    out8(b->r, 0x3c7, 7);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 0xa5);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 0x5a);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 0xff);
    bench_free(b);
}
END_TEST

START_TEST(subsystem_enable_turns_all_off)
{
    struct bench *b = bench_new("vgamem_mb=1");
    set_mode(b, &mode_12);
    memw8(b->r, 0xa0000, 0x5a);
    out8(b->r, 0x3c3, 0xfe);
    ck_assert_uint_eq(in8(b->r, 0x3c3), 0);
    ck_assert_uint_eq(in8(b->r, 0x3cc), 0xff);
    ck_assert_uint_eq(mem8(b->r, 0xa0000), 0xff);
    out8(b->r, 0x3c2, 0x00);
    out8(b->r, 0x3c3, 0xff);
    ck_assert_uint_eq(in8(b->r, 0x3c3), 1);
    ck_assert_uint_eq(in8(b->r, 0x3cc), 0xe3);
    ck_assert_uint_eq(mem8(b->r, 0xa0000), 0x5a);
    bench_free(b);
}
END_TEST

/* ---- ST01 ---- */

/* Times of n rising edges of a bit of 3DA, to the step. */
static void edges(struct bench *b, u8 bit, unsigned n, u64 step, u64 *when)
{
    bool last = true;
    for (unsigned guard = 0; n && guard < 3000000; guard++) {
        bool now = in8(b->r, 0x3da) & bit;
        if (now && !last) {
            *when++ = now_ns(b->r);
            n--;
        }
        last = now;
        step_ns(b->r, step);
    }
    ck_assert_uint_eq(n, 0);
}

static void check_period(const struct vga_mode *m, u64 frame_ns, u64 line_ns, u64 retrace_ns)
{
    struct bench *b = bench_new("vgamem_mb=1");
    u64 t[3];

    set_mode(b, m);
    edges(b, 8, 3, 500, t);
    ck_assert_int_le(llabs((long long)(t[2] - t[0] - 2 * frame_ns)), 1500);
    /* t[2] is at the start of retrace, up to 500 ns late */
    u64 from = now_ns(b->r) - 500;
    while (in8(b->r, 0x3da) & 8) {
        ck_assert_uint_eq(in8(b->r, 0x3da) & 1, 1);
        step_ns(b->r, 500);
    }
    ck_assert_int_le(llabs((long long)(now_ns(b->r) - from - retrace_ns)), 1500);
    step_ns(b->r, frame_ns / 2);
    edges(b, 1, 2, 100, t);
    ck_assert_int_le(llabs((long long)(t[1] - t[0] - line_ns)), 200);
    bench_free(b);
}

START_TEST(retrace_has_the_rate_of_the_mode)
{
    /* 900 dots of 28.322 MHz, 449 lines: 70.09 Hz; 800 of 25.175 MHz, 525 lines: 59.94 Hz */
    check_period(&mode_03, 14268060, 31777, 2 * 31777);
    check_period(&mode_12, 16683217, 31778, 2 * 31778);
    check_period(&mode_13, 14268123, 31778, 2 * 31778);
    check_period(&mode_04, 14268123, 31778, 2 * 31778); /* half the clock, half the characters */
}
END_TEST

START_TEST(retrace_toggles_whatever_the_crtc_holds)
{
    struct bench *b = bench_new("vgamem_mb=1");
    u32 seed = 1;
    out8(b->r, 0x3c2, 1);
    for (unsigned n = 0; n < 200; n++) {
        u8 seen = 0, clear = 0;
        crtc(b, 0x11, 0);
        for (u8 i = 0; i < 0x19; i++) {
            seed = seed * 1664525 + 1013904223;
            crtc(b, i, n == 0 ? 0 : n == 1 ? 0xff : (u8)(seed >> 24));
        }
        /* no frame is longer than 260 * 9 * 1025 * 2 dots of 12.6 MHz */
        for (unsigned i = 0; i < 40000 && (seen & clear & 9) != 9; i++) {
            u8 v = in8(b->r, 0x3da);
            seen |= v;
            clear |= (u8)~v;
            step_ns(b->r, 9973);
        }
        ck_assert_msg((seen & clear & 9) == 9, "round %u: seen %02x clear %02x", n, seen, clear);
    }
    bench_free(b);
}
END_TEST

/* The interrupt flip-flop: bit 7 of ST00, held at 0 by bit 4 of CRTC 11h, set by a retrace. */
START_TEST(retrace_sets_the_flip_flop)
{
    struct bench *b = bench_new("vgamem_mb=1");
    set_mode(b, &mode_12);
    step_ns(b->r, 50000000);
    ck_assert_uint_eq(in8(b->r, 0x3c2), 0x10);
    while (in8(b->r, 0x3da) & 8)
        step_ns(b->r, 1000);
    for (unsigned n = 0; n < 3; n++) {
        crtc(b, 0x11, 0x9c); /* bit 5 is about the wire */
        for (unsigned k = 0; !(in8(b->r, 0x3da) & 8); k++) {
            ck_assert_uint_eq(in8(b->r, 0x3c2), 0x10);
            ck_assert_uint_lt(k, 17000);
            step_ns(b->r, 1000);
        }
        ck_assert_uint_eq(in8(b->r, 0x3c2), 0x90);
        step_ns(b->r, 40000000 + n * 1000000);
        ck_assert_uint_eq(in8(b->r, 0x3c2), 0x90); /* stays */
        rig_snapshot_roundtrip(b->r);
        ck_assert_uint_eq(in8(b->r, 0x3c2), 0x90);
        crtc(b, 0x11, 0x8c);
        ck_assert_uint_eq(in8(b->r, 0x3c2), 0x10);
        while (in8(b->r, 0x3da) & 8)
            step_ns(b->r, 1000);
    }
    bench_free(b);
}
END_TEST

/* ---- memory: a model that does everything bit by bit ---- */

struct model {
    u8 plane[4][65536], latch[4];
    u8 misc, seq2, seq4, gc[9];
};

static int mbit(u32 v, int n) { return v >> n & 1; }

/* Window offset -> offset in the map; -1: nobody. */
static long model_map(const struct model *m, u32 a)
{
    if (!mbit(m->misc, 1))
        return -1;
    int hi = mbit(m->gc[6], 3), lo = mbit(m->gc[6], 2);
    if (!hi && !lo)
        return (long)a;
    if (!hi && lo)
        return a < 65536 ? (long)a : -1;
    if (hi && !lo)
        return a >= 65536 && a < 65536 + 32768 ? (long)a - 65536 : -1;
    return a >= 65536 + 32768 ? (long)a - 65536 - 32768 : -1;
}

static u32 model_addr(const struct model *m, long off)
{
    u32 a = (u32)off & 65535;
    if (mbit(m->seq4, 3)) {
        a = a / 4 * 4;
        if (off >= 65536)
            a += 1; /* A16 (the map ends at A16) */
    } else if (mbit(m->gc[6], 1)) {
        a = a / 2 * 2;
        if (!mbit(m->gc[6], 3) && !mbit(m->gc[6], 2))
            a += off >= 65536;
        else
            a += !mbit(m->misc, 5);
    }
    if (!mbit(m->seq4, 1))
        a %= 16384;
    return a;
}

static void model_write(struct model *m, u32 at, u8 val)
{
    long off = model_map(m, at);
    if (off < 0)
        return;
    u32 addr = model_addr(m, off);
    int mode = m->gc[5] % 4, rot = m->gc[3] % 8, fn = m->gc[3] / 8 % 4;
    for (int p = 0; p < 4; p++) {
        if (!mbit(m->seq2, p))
            continue;
        if (mbit(m->seq4, 3) && off % 4 != p)
            continue;
        if (!mbit(m->seq4, 3) && !mbit(m->seq4, 2) && off % 2 != p % 2)
            continue;
        u8 result = 0;
        for (int bit = 0; bit < 8; bit++) {
            int cpu = mbit(val, (bit + rot) % 8), old = mbit(m->latch[p], bit);
            int use = mbit(m->gc[8], bit), d;
            if (mode == 0)
                d = mbit(m->gc[1], p) ? mbit(m->gc[0], p) : cpu;
            else if (mode == 2)
                d = mbit(val, p);
            else
                d = mbit(m->gc[0], p);
            if (mode == 3)
                use = use && cpu;
            if (fn == 1)
                d = d && old;
            else if (fn == 2)
                d = d || old;
            else if (fn == 3)
                d = d != old;
            if (mode == 1 || !use)
                d = old;
            result = (u8)(result + (d << bit));
        }
        m->plane[p][addr] = result;
    }
}

static u8 model_read(struct model *m, u32 at)
{
    long off = model_map(m, at);
    if (off < 0)
        return 0xff;
    u32 addr = model_addr(m, off);
    for (int p = 0; p < 4; p++)
        m->latch[p] = m->plane[p][addr];
    if (mbit(m->gc[5], 3)) {
        u8 result = 0;
        for (int bit = 0; bit < 8; bit++) {
            int same = 1;
            for (int p = 0; p < 4; p++)
                if (mbit(m->gc[7], p) && mbit(m->latch[p], bit) != mbit(m->gc[2], p))
                    same = 0;
            result = (u8)(result + (same << bit));
        }
        return result;
    }
    if (mbit(m->seq4, 3))
        return m->latch[off % 4];
    if (mbit(m->gc[5], 4))
        return m->latch[m->gc[4] / 2 * 2 + off % 2];
    return m->latch[m->gc[4]];
}

static u32 rnd(u64 *s)
{
    *s = *s * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(*s >> 33);
}

static void random_register(struct bench *b, struct model *m, u64 *s)
{
    u8 v = (u8)rnd(s);
    u32 which = rnd(s) % 14;
    if (which < 9) {
        static const u8 bits[9] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
        if (rnd(s) % 4 == 0) /* common values: everything else is rarely plain */
            v = which == 8 ? 0xff : 0;
        m->gc[which] = v & bits[which];
        gc(b, (u8)which, v);
    } else if (which == 9) {
        m->seq2 = v & 0x0f;
        seq(b, 2, v);
    } else if (which < 12) {
        m->seq4 = v & 0x0e;
        seq(b, 4, v);
    } else if (which == 12) {
        m->gc[6] = v & 0x0f;
        gc(b, 6, v);
    } else {
        m->misc = (v | (rnd(s) % 8 ? 2 : 0)) & 0xef;
        out8(b->r, 0x3c2, m->misc);
    }
}

START_TEST(datapath_is_the_model)
{
    struct bench *b = bench_frames();
    struct model *m = calloc(1, sizeof(*m));
    u64 s = 0x1234 + (u64)_i;
    u32 where = 0;

    memset(m->gc, 0, 9);
    for (unsigned n = 0; n < 60000; n++) {
        for (u32 k = rnd(&s) % 4; k; k--)
            random_register(b, m, &s);
        /* now and then anywhere, mostly in a small neighbourhood so that things meet */
        if (rnd(&s) % 64 == 0)
            where = rnd(&s) & 0x1ffc0;
        u32 at = (where + rnd(&s) % 40) & 0x1ffff;
        unsigned size = 1u << rnd(&s) % 3;
        if (rnd(&s) % 4 == 0)
            at &= ~3u;
        if (at + size > 0x20000)
            continue;
        if (rnd(&s) % 3 == 0) {
            u32 want = 0;
            for (unsigned i = 0; i < size; i++)
                want |= (u32)model_read(m, at + i) << (8 * i);
            ck_assert_uint_eq(space_read(&b->r->mem, 0xa0000 + at, size), want);
        } else {
            u32 v = rnd(&s) ^ rnd(&s) << 16;
            for (unsigned i = 0; i < size; i++)
                model_write(m, at + i, (u8)(v >> (8 * i)));
            space_write(&b->r->mem, 0xa0000 + at, v, size);
        }
    }
    u32 used = 0;
    for (u32 a = 0; a < 65536; a++)
        for (u32 p = 0; p < 4; p++) {
            used += m->plane[p][a] != 0;
            ck_assert_msg(rig_ram(b->r, VRAM_AT)[a * 4 + p] == m->plane[p][a],
                          "plane %u address %x", p, a);
        }
    ck_assert_uint_gt(used, 1000);
    free(m);
    bench_free(b);
}
END_TEST

START_TEST(peek_loads_no_latch)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_12);
    poke(b, 0, 1, 0x11);
    poke(b, 0, 2, 0x22);
    mem8(b->r, 0xa0001);
    ck_assert_uint_eq(space_peek(&b->r->mem, 0xa0002, 1), 0x22);
    gc(b, 5, 1);
    memw8(b->r, 0xa0003, 0);
    ck_assert_uint_eq(peek(b, 0, 3), 0x11);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x22), 0x11); /* the latch, read back */
    bench_free(b);
}
END_TEST

/* ---- how NT's boot video driver draws (write mode 2, read mode 1, write mode 1) ---- */

START_TEST(bootvid_solid_fill)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_12);
    for (u32 i = 0; i < 80; i++)
        for (unsigned p = 0; p < 4; p++)
            poke(b, p, i, (u8)(0x35 * (i + p)));
    out16(b->r, 0x3ce, 0x0a05); /* write mode 2, read mode 1 */
    out16(b->r, 0x3ce, 0x0007); /* no plane counts: reads give FF */
    out16(b->r, 0x3ce, 0x3c08); /* four pixels of the byte */
    for (u32 i = 0; i < 80; i++) {
        u8 got = mem8(b->r, 0xa0000 + i);
        ck_assert_uint_eq(got, 0xff);
        memw8(b->r, 0xa0000 + i, got & 0x06);
    }
    for (u32 i = 0; i < 80; i++)
        for (unsigned p = 0; p < 4; p++) {
            u8 old = (u8)(0x35 * (i + p)), fill = p == 1 || p == 2 ? 0x3c : 0;
            ck_assert_uint_eq(peek(b, p, i), (old & 0xc3) | fill);
        }
    ck_assert_uint_eq(rd_at(b, 0x3ce, 5) & 0xf4, 0);
    bench_free(b);
}
END_TEST

START_TEST(bootvid_scroll)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_12);
    for (u32 i = 0; i < 160; i++)
        for (unsigned p = 0; p < 4; p++)
            poke(b, p, i, (u8)(i * 7 + p * 61));
    gc(b, 5, 1);
    gc(b, 8, 0xff);
    seq(b, 2, 0x0f);
    for (u32 i = 0; i < 80; i++) /* REP MOVSB */
        memw8(b->r, 0xa0000 + i, mem8(b->r, 0xa0000 + 80 + i));
    for (u32 i = 0; i < 80; i++)
        for (unsigned p = 0; p < 4; p++)
            ck_assert_uint_eq(peek(b, p, i), (u8)((i + 80) * 7 + p * 61));
    /* A dword move copies the last latch four times: what the hardware does to MOVSD. */
    memw32(b->r, 0xa0000, mem32(b->r, 0xa0000 + 100));
    for (u32 i = 0; i < 4; i++)
        ck_assert_uint_eq(peek(b, 2, i), (u8)(103 * 7 + 2 * 61));
    /* 64 KB of each plane: the row below the screen keeps what is put there */
    memw8(b->r, 0xa0000, mem8(b->r, 0xa0000 + 80));
    memw8(b->r, 0xaffff, 0);
    ck_assert_uint_eq(peek(b, 3, 0xffff), peek(b, 3, 80));
    bench_free(b);
}
END_TEST

START_TEST(chain4_and_text_lie_where_the_crtc_looks)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_13);
    memw32(b->r, 0xa0004, 0x44332211);
    for (unsigned p = 0; p < 4; p++)
        ck_assert_uint_eq(peek(b, p, 4), 0x11 * (p + 1));
    ck_assert_uint_eq(mem8(b->r, 0xa0006), 0x33);
    set_mode(b, &mode_03);
    memw32(b->r, 0xb8000 + 0xa0, 0x1f421e41); /* "AB" */
    ck_assert_uint_eq(peek(b, 0, 0xa0), 0x41);
    ck_assert_uint_eq(peek(b, 1, 0xa0), 0x1e);
    ck_assert_uint_eq(peek(b, 0, 0xa2), 0x42);
    ck_assert_uint_eq(peek(b, 1, 0xa2), 0x1f);
    ck_assert_uint_eq(mem32(b->r, 0xb8000 + 0xa0), 0x1f421e41);
    ck_assert_uint_eq(mem8(b->r, 0xa0000), 0xff);
    ck_assert_uint_eq(mem8(b->r, 0xb0000), 0xff);
    bench_free(b);
}
END_TEST

/* ---- PCI, life ---- */

START_TEST(pci_function)
{
    struct bench *b = bench_new("vgamem_mb=16");
    ck_assert_uint_eq(cfg_rd32(b, 0x00), 0x11111234);
    ck_assert_uint_eq(cfg_rd32(b, 0x08), 0x03000002);
    ck_assert_uint_eq(cfg_rd32(b, 0x2c), 0x11001af4);
    ck_assert_uint_eq(cfg_rd32(b, 0x30), 0); /* no ROM yet */
    ck_assert_uint_eq(cfg_rd32(b, 0x3c), 0);
    cfg32(b, 0x10, ~0u);
    ck_assert_uint_eq(cfg_rd32(b, 0x10), 0xff000008);
    cfg32(b, 0x18, ~0u);
    ck_assert_uint_eq(cfg_rd32(b, 0x18), 0xfffff000);
    cfg32(b, 0x10, LFB);
    memw32(b->r, LFB + 0xfffffc, 0x12345678);
    ck_assert_uint_eq(mem32(b->r, LFB + 0xfffffc), 0x12345678);
    cfg32(b, 0x04, 0);
    ck_assert_uint_eq(mem32(b->r, LFB + 0xfffffc), 0xffffffff);
    bench_free(b);
}
END_TEST

START_TEST(option_rom)
{
    struct bench *b = bench_new("vgamem_mb=1");
    struct device *dev = b->r->dev[0];
    struct err e = { 0 };
    u8 *rom = calloc(1, 0x10001);

    ck_assert(!vga_set_rom(dev, rom, 0x9c00, &e));
    ck_assert_ptr_nonnull(strstr(e.msg, "55 AA"));
    rom[0] = 0x55;
    rom[1] = 0xaa;
    ck_assert(!vga_set_rom(dev, rom, 0x10001, NULL));
    ck_assert(!vga_set_rom(dev, rom, 511, NULL));
    rom[0x9bff] = 0x77;
    ck_assert(vga_set_rom(dev, rom, 0x9c00, NULL));
    cfg32(b, 0x30, ~0u);
    ck_assert_uint_eq(cfg_rd32(b, 0x30), 0xffff0001);
    cfg32(b, 0x30, LFB | 1); /* over the frame buffer: the ROM wins while it is on (V7) */
    memw32(b->r, LFB, 0xdeadbeef);
    ck_assert_uint_eq(mem32(b->r, LFB), 0x0000aa55);
    ck_assert_uint_eq(mem32(b->r, LFB + 0x9bfc), 0x77000000);
    ck_assert_uint_eq(mem32(b->r, LFB + 0x9c00), 0xffffffff);
    cfg32(b, 0x30, LFB);
    ck_assert_uint_ne(mem32(b->r, LFB), 0x0000aa55);
    free(rom);
    bench_free(b);
}
END_TEST

START_TEST(bad_properties_are_refused)
{
    static const char *const bad[][2] = {
        { "vgamem_mb", "0" }, { "vgamem_mb", "3" }, { "vgamem_mb", "512" },
        { "vram_frame", "257" }, { "vram_frame", "0xfffffff0" }, { "xres", "639" },
        { "xres", "2561" }, { "yres", "479" }, { "yres", "1601" }, { "xres", "0" },
    };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct rig *r = rig_empty();
        struct device *dev = rig_make(r, "vga", "vga", "vgamem_mb=1");
        struct err e = { 0 };
        ck_assert(device_set(dev, bad[i][0], bad[i][1], &e));
        ck_assert_msg(!device_init(dev, &e), "%s=%s", bad[i][0], bad[i][1]);
        ck_assert_str_ne(e.msg, "");
        device_free(dev);
        rig_free(r);
    }
}
END_TEST

START_TEST(reset_values)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_12);
    dispi(b, 1, 640);
    poke(b, 0, 5, 0x99);
    rig_reset(b->r, RESET_WAKE);
    ck_assert_uint_eq(rig_ram(b->r, VRAM_AT)[20], 0x99);
    rig_reset(b->r, RESET_POWER_ON);
    ck_assert_uint_eq(rig_ram(b->r, VRAM_AT)[20], 0);
    ck_assert_uint_eq(in8(b->r, 0x3cc), 0);
    ck_assert_uint_eq(in8(b->r, 0x3c3), 1);
    ck_assert_uint_eq(in8(b->r, 0x3c6), 0xff);
    ck_assert_uint_eq(in8(b->r, 0x3c2), 0x10);
    ck_assert_uint_eq(rd_at(b, 0x3c4, 0), 0);
    ck_assert_uint_eq(dispi_rd(b, 0), 0xb0c5);
    ck_assert_uint_eq(dispi_rd(b, 1), 0);
    render(b);
    ck_assert_uint_eq(b->f->width, 0);
    bench_free(b);
}
END_TEST

START_TEST(snapshot_keeps_everything)
{
    struct bench *b = bench_new("vgamem_mb=1");
    set_mode(b, &mode_13);
    for (u32 i = 0; i < 64000; i++)
        memw8(b->r, 0xa0000 + i, (u8)(i * 31 >> 3));
    mem8(b->r, 0xa0007);
    out8(b->r, 0x3c8, 9);
    out8(b->r, 0x3c9, 0x15); /* half a triple */
    in8(b->r, 0x3da);
    out8(b->r, 0x3c0, 0x31); /* half a pair */
    dispi(b, 3, 16);
    out16(b->r, 0x1ce, 2);
    render(b);
    struct display_frame *before = b->f;
    b->f = frame_new();

    rig_snapshot_roundtrip(b->r);
    b->display.render(b->display.dev, b->f, true);
    ck_assert_uint_eq(b->f->width, 640);
    ck_assert_mem_eq(b->f->pixels, before->pixels, 640 * 400 * 4);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x22), (u8)(4 * 31 >> 3)); /* the latch */
    ck_assert_uint_eq(in16(b->r, 0x1ce), 2);
    out8(b->r, 0x3c0, 0x2a); /* the second half */
    ck_assert_uint_eq(in8(b->r, 0x3c1), 0x2a);
    out8(b->r, 0x3c9, 0x16);
    out8(b->r, 0x3c9, 0x17);
    out8(b->r, 0x3c7, 9);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 0x15);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 0x16);
    ck_assert_uint_eq(in8(b->r, 0x3c9), 0x17);
    frame_free(before);
    bench_free(b);
}
END_TEST

Suite *suite_vga(void);
Suite *suite_vga(void)
{
    Suite *s = suite_create("vga");
    TCase *tc = tcase_create("registers");
    tcase_add_test(tc, registers_keep_the_bits_that_exist);
    tcase_add_test(tc, indices_beyond_the_registers_alias_nothing);
    tcase_add_test(tc, crtc_0_to_7_are_protected_but_for_line_compare);
    tcase_add_test(tc, misc_bit_0_moves_the_crtc);
    tcase_add_test(tc, attribute_flip_flop);
    tcase_add_test(tc, dac_reads_ahead_and_counts);
    tcase_add_test(tc, subsystem_enable_turns_all_off);
    suite_add_tcase(s, tc);

    tc = tcase_create("timing");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, retrace_has_the_rate_of_the_mode);
    tcase_add_test(tc, retrace_toggles_whatever_the_crtc_holds);
    tcase_add_test(tc, retrace_sets_the_flip_flop);
    suite_add_tcase(s, tc);

    tc = tcase_create("memory");
    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, datapath_is_the_model, 0, 4);
    tcase_add_test(tc, peek_loads_no_latch);
    tcase_add_test(tc, bootvid_solid_fill);
    tcase_add_test(tc, bootvid_scroll);
    tcase_add_test(tc, chain4_and_text_lie_where_the_crtc_looks);
    suite_add_tcase(s, tc);

    tc = tcase_create("life");
    tcase_add_test(tc, pci_function);
    tcase_add_test(tc, option_rom);
    tcase_add_test(tc, bad_properties_are_refused);
    tcase_add_test(tc, reset_values);
    tcase_add_test(tc, snapshot_keeps_everything);
    suite_add_tcase(s, tc);
    return s;
}
