/* SPDX-License-Identifier: MIT */
/* The floppy controller with the DMA controller, driven as BIOSes and Linux's fd driver do. */
#include <stdlib.h>

#include "devices/i82077.h"
#include "tests/dev/late_disk.h"
#include "tests/dev/rig.h"

struct fd {
    struct rig *r;
    struct block *disk;
};

static struct block *make_disk(u32 sectors, bool read_only)
{
    u8 *data = calloc(sectors, 512);
    for (u32 i = 0; i < sectors; i++) {
        st32(data + i * 512, 0xf0000000 | i);
        data[i * 512 + 511] = (u8)~i;
    }
    struct block *b = block_mem(data, sectors, read_only);
    free(data);
    return b;
}

static struct fd new_fd_with(struct block *disk, const char *opts)
{
    struct fd t = { rig_new("i8237", NULL), disk };
    struct device *fdc = rig_make(t.r, "i82077", "fdc", opts);
    ck_assert(device_set_ptr(fdc, "drive0", t.disk, NULL));
    rig_start(t.r, fdc);
    out8(t.r, 0xd6, 0xc0);
    out8(t.r, 0xd4, 0);
    return t;
}

static struct fd new_fd(u32 sectors, bool read_only, const char *opts)
{
    return new_fd_with(sectors ? make_disk(sectors, read_only) : NULL, opts);
}

static void end_fd(struct fd *t)
{
    rig_free(t->r);
    block_close(t->disk);
}

static void put(struct rig *r, u8 v)
{
    for (unsigned i = 0; i < 10000 && (in8(r, 0x3f4) & 0xc0) != 0x80; i++)
        step_ns(r, 1000);
    ck_assert_uint_eq(in8(r, 0x3f4) & 0xc0, 0x80);
    out8(r, 0x3f5, v);
}

static u8 get(struct rig *r)
{
    ck_assert_uint_eq(in8(r, 0x3f4) & 0xd0, 0xd0);
    return in8(r, 0x3f5);
}

static void wait_irq(struct rig *r)
{
    for (unsigned i = 0; i < 100000; i++) {
        if (wire(r, "fdc.irq"))
            return;
        step_ns(r, 10000);
    }
    ck_abort_msg("no interrupt");
}

/* Out of reset with motor A on, 500 kbit/s, as the firmware does. */
static void start(struct rig *r, u8 rate)
{
    out8(r, 0x3f2, 0x00);
    out8(r, 0x3f2, 0x1c);
    wait_irq(r);
    for (u8 i = 0; i < 4; i++) {
        put(r, 0x08);
        ck_assert_uint_eq(get(r), 0xc0 | i);
        ck_assert_int_eq(wire(r, "fdc.irq"), 0);
        ck_assert_uint_eq(get(r), 0);
    }
    put(r, 0x03);
    put(r, 0xaf);
    put(r, 0x02); /* DMA */
    out8(r, 0x3f7, rate);
}

static void sense(struct rig *r, u8 st0, u8 pcn)
{
    wait_irq(r);
    put(r, 0x08);
    ck_assert_uint_eq(get(r), st0);
    ck_assert_uint_eq(get(r), pcn);
    ck_assert_int_eq(wire(r, "fdc.irq"), 0);
}

static void seek(struct rig *r, u8 cyl)
{
    put(r, 0x0f);
    put(r, 0x00);
    put(r, cyl);
    ck_assert_uint_eq(in8(r, 0x3f4) & 0x0f, 1);
    sense(r, 0x20, cyl);
}

static void program_dma(struct rig *r, u8 mode, u32 addr, u32 len)
{
    out8(r, 0x0a, 6);
    out8(r, 0x0b, (u8)(mode | 2));
    out8(r, 0x0c, 0);
    out8(r, 0x04, (u8)addr);
    out8(r, 0x04, (u8)(addr >> 8));
    out8(r, 0x05, (u8)(len - 1));
    out8(r, 0x05, (u8)((len - 1) >> 8));
    out8(r, 0x81, (u8)(addr >> 16));
    out8(r, 0x0a, 2);
}

static void send(struct rig *r, u8 cmd, u8 c, u8 h, u8 s, u8 eot, u8 dtl)
{
    const u8 bytes[9] = { cmd, (u8)(h << 2), c, h, s, 2, eot, 0x1b, dtl };
    for (unsigned i = 0; i < 9; i++)
        put(r, bytes[i]);
}

static void result(struct rig *r, u8 st0, u8 st1, u8 st2, u8 c, u8 h, u8 s)
{
    const u8 want[7] = { st0, st1, st2, c, h, s, 2 };
    wait_irq(r);
    for (unsigned i = 0; i < 7; i++) {
        u8 v = get(r);
        ck_assert_msg(v == want[i], "result byte %u is %02x, not %02x", i, v, want[i]);
        ck_assert_int_eq(wire(r, "fdc.irq"), 0);
    }
    ck_assert_uint_eq(in8(r, 0x3f4), 0x80);
}

START_TEST(reset_and_identification)
{
    struct fd t = new_fd(2880, false, NULL);
    struct rig *r = t.r;
    ck_assert_uint_eq(in8(r, 0x3f0), 0xff);
    ck_assert_uint_eq(in8(r, 0x3f1), 0xff);
    ck_assert_uint_eq(in8(r, 0x3f2), 0);
    ck_assert_uint_eq(in8(r, 0x3f4), 0);
    out8(r, 0x3f2, 0x04); /* out of reset with the IRQ gate shut */
    step_ns(r, 1000000);
    ck_assert_int_eq(wire(r, "fdc.irq"), 0);
    out8(r, 0x3f2, 0x0c); /* opening it shows what is pending */
    ck_assert_int_eq(wire(r, "fdc.irq"), 1);
    start(r, 0);
    put(r, 0x08); /* nothing to sense */
    ck_assert_uint_eq(get(r), 0x80);
    put(r, 0x10);
    ck_assert_uint_eq(get(r), 0x90);
    put(r, 0x18); /* PART ID: not of this part */
    ck_assert_uint_eq(get(r), 0x80);
    put(r, 0x1f);
    ck_assert_uint_eq(get(r), 0x80);
    put(r, 0x13);
    put(r, 0);
    put(r, 0x5a);
    put(r, 0x07);
    put(r, 0x94);
    ck_assert_uint_eq(get(r), 0x10);
    put(r, 0x0e);
    u8 dump[10];
    for (unsigned i = 0; i < 10; i++)
        dump[i] = get(r);
    ck_assert_uint_eq(dump[4], 0xaf);
    ck_assert_uint_eq(dump[5], 0x02);
    ck_assert_uint_eq(dump[7] & 0x80, 0x80);
    ck_assert_uint_eq(dump[8], 0x5a);
    ck_assert_uint_eq(dump[9], 0x07);
    out8(r, 0x3f4, 0x80); /* DSR reset keeps what is locked */
    step_ns(r, 1000000);
    ck_assert_int_eq(wire(r, "fdc.irq"), 0); /* polling is off */
    put(r, 0x0e);
    for (unsigned i = 0; i < 10; i++)
        dump[i] = get(r);
    ck_assert_uint_eq(dump[8], 0x5a);
    put(r, 0x14);
    ck_assert_uint_eq(get(r), 0x00);
    out8(r, 0x3f4, 0x80);
    step_ns(r, 1000000);
    ck_assert_int_eq(wire(r, "fdc.irq"), 1);
    rig_snapshot_roundtrip(r);
    end_fd(&t);
}
END_TEST

START_TEST(read_a_track_by_dma)
{
    struct fd t = new_fd(2880, false, NULL);
    struct rig *r = t.r;
    start(r, 0);
    put(r, 0x07);
    put(r, 0);
    sense(r, 0x20, 0);
    seek(r, 5);
    program_dma(r, 0x44, 0x10000, 18 * 512);
    send(r, 0xe6, 5, 1, 1, 18, 0xff);
    step_ns(r, 500000);
    ck_assert_uint_eq(in8(r, 0x3f4), 0x10); /* busy, nothing for the CPU */
    rig_snapshot_roundtrip(r);
    result(r, 0x04, 0, 0, 6, 0, 1); /* multi-track: over to the next cylinder */
    for (u32 i = 0; i < 18; i++)
        ck_assert_uint_eq(ld32(rig_ram(r, 0x10000 + i * 512)), 0xf0000000 | (5 * 36 + 18 + i));
    ck_assert_uint_eq(*rig_ram(r, 0x10000 + 18 * 512), 0);
    end_fd(&t);
}
END_TEST

START_TEST(result_addresses)
{
    static const struct { u8 cmd, h, s, n; u8 c_end, h_end, s_end; } reads[] = {
        { 0x46, 0, 3, 2, 0, 0, 5 },  { 0x46, 0, 17, 2, 1, 0, 1 }, { 0x46, 1, 18, 1, 1, 1, 1 },
        { 0xc6, 0, 18, 1, 0, 1, 1 }, { 0xc6, 0, 17, 4, 0, 1, 3 }, { 0xc6, 1, 18, 1, 1, 0, 1 },
    };
    struct fd t = new_fd(2880, false, NULL);
    struct rig *r = t.r;
    start(r, 0);
    for (unsigned i = 0; i < ARRAY_LEN(reads); i++) {
        u32 first = reads[i].h * 18u + reads[i].s - 1u;
        program_dma(r, 0x44, 0x10000, reads[i].n * 512u);
        send(r, reads[i].cmd, 0, reads[i].h, reads[i].s, 18, 0xff);
        bool crossed = reads[i].cmd == 0xc6 && reads[i].h == 0 && (reads[i].s + reads[i].n > 19 ||
                       reads[i].s + reads[i].n == 19);
        result(r, (u8)((reads[i].h || crossed ? 4 : 0)), 0, 0, reads[i].c_end, reads[i].h_end,
               reads[i].s_end);
        for (u32 k = 0; k < reads[i].n; k++)
            ck_assert_uint_eq(ld32(rig_ram(r, 0x10000 + k * 512)), 0xf0000000 | (first + k));
    }
    end_fd(&t);
}
END_TEST

START_TEST(errors)
{
    struct fd t = new_fd(2880, false, NULL);
    struct rig *r = t.r;
    start(r, 0);
    program_dma(r, 0x44, 0x10000, 512);
    send(r, 0x46, 0, 0, 19, 19, 0xff);
    result(r, 0x40, 0x04, 0, 0, 0, 19); /* no such sector */
    send(r, 0x46, 3, 0, 1, 18, 0xff);
    result(r, 0x40, 0x04, 0x10, 3, 0, 1); /* wrong cylinder */
    program_dma(r, 0x44, 0x10000, 0x2000);
    send(r, 0x46, 0, 0, 18, 18, 0xff);
    result(r, 0x40, 0x80, 0, 1, 0, 1); /* end of cylinder, no TC */
    out8(r, 0x3f7, 2);                 /* 250 kbit/s on a high-density disk */
    send(r, 0x46, 0, 0, 1, 18, 0xff);
    result(r, 0x40, 0x01, 0, 0, 0, 1);
    out8(r, 0x3f7, 0);
    out8(r, 0x0a, 6); /* nobody takes the data: overrun */
    send(r, 0x46, 0, 0, 1, 18, 0xff);
    result(r, 0x40, 0x10, 0, 0, 0, 1);
    put(r, 0x4a); /* drive B is not there */
    put(r, 0x01);
    wait_irq(r);
    ck_assert_uint_eq(get(r), 0x41);
    ck_assert_uint_eq(get(r), 0x01);
    end_fd(&t);
}
END_TEST

START_TEST(write_and_verify)
{
    struct fd t = new_fd(2880, false, NULL);
    struct rig *r = t.r;
    u8 b[512];
    start(r, 0);
    seek(r, 2);
    for (u32 i = 0; i < 1024; i++)
        *rig_ram(r, 0x10000 + i) = (u8)(i * 7);
    program_dma(r, 0x48, 0x10000, 700); /* TC inside the second sector: filled with zeros */
    send(r, 0x45, 2, 0, 4, 18, 0xff);
    step_ns(r, 100000);
    rig_snapshot_roundtrip(r);
    result(r, 0x00, 0, 0, 2, 0, 6);
    ck_assert_int_eq(block_rw(t.disk, BLOCK_READ, 72 + 3, 1, b), BLOCK_OK);
    ck_assert_uint_eq(b[511], (u8)(511 * 7));
    ck_assert_int_eq(block_rw(t.disk, BLOCK_READ, 72 + 4, 1, b), BLOCK_OK);
    ck_assert_uint_eq(b[187], (u8)(699 * 7));
    ck_assert_uint_eq(b[188], 0);
    put(r, 0xd6); /* VERIFY with EC: three sectors */
    const u8 verify[8] = { 0x80, 2, 0, 1, 2, 18, 0x1b, 3 };
    for (unsigned i = 0; i < 8; i++)
        put(r, verify[i]);
    result(r, 0x00, 0, 0, 2, 0, 4);
    end_fd(&t);
}
END_TEST

START_TEST(write_protected)
{
    struct fd t = new_fd(2880, true, NULL);
    struct rig *r = t.r;
    start(r, 0);
    program_dma(r, 0x48, 0x10000, 512);
    send(r, 0x45, 0, 0, 1, 18, 0xff);
    result(r, 0x40, 0x02, 0, 0, 0, 1);
    put(r, 0x04);
    put(r, 0x00);
    ck_assert_uint_eq(get(r), 0x78); /* protected, ready, track 0, two sides */
    end_fd(&t);
}
END_TEST

START_TEST(format_track)
{
    struct fd t = new_fd(1440, false, NULL);
    struct rig *r = t.r;
    u8 b[512];
    start(r, 2);
    seek(r, 7);
    for (u8 i = 0; i < 9; i++) {
        const u8 id[4] = { 7, 1, (u8)(i + 1), 2 };
        memcpy(rig_ram(r, 0x10000 + i * 4u), id, 4);
    }
    program_dma(r, 0x48, 0x10000, 36);
    const u8 cmd[6] = { 0x4d, 0x04, 2, 9, 0x50, 0xf6 };
    for (unsigned i = 0; i < 6; i++)
        put(r, cmd[i]);
    step_ns(r, 2000000);
    rig_snapshot_roundtrip(r);
    result(r, 0x04, 0, 0, 7, 1, 9);
    for (u32 i = 0; i < 9; i++) {
        ck_assert_int_eq(block_rw(t.disk, BLOCK_READ, 7 * 18 + 9 + i, 1, b), BLOCK_OK);
        ck_assert_uint_eq(b[0], 0xf6);
        ck_assert_uint_eq(b[511], 0xf6);
    }
    ck_assert_int_eq(block_rw(t.disk, BLOCK_READ, 7 * 18 + 8, 1, b), BLOCK_OK);
    ck_assert_uint_eq(ld32(b), 0xf0000000 | (7 * 18 + 8));
    end_fd(&t);
}
END_TEST

START_TEST(programmed_io)
{
    struct fd t = new_fd(2880, false, NULL);
    struct rig *r = t.r;
    start(r, 0);
    put(r, 0x03);
    put(r, 0xaf);
    put(r, 0x03); /* no DMA */
    send(r, 0x46, 0, 0, 18, 18, 0xff);
    wait_irq(r);
    ck_assert_uint_eq(in8(r, 0x3f4), 0xf0);
    u32 v = 0;
    for (unsigned i = 0; i < 512; i++) {
        u8 b = in8(r, 0x3f5);
        if (i < 4)
            v |= (u32)b << (8 * i);
        if (i == 100)
            rig_snapshot_roundtrip(r);
    }
    ck_assert_uint_eq(v, 0xf0000011);
    result(r, 0x40, 0x80, 0, 1, 0, 1); /* no TC pin: always the end of the cylinder */
    end_fd(&t);
}
END_TEST

START_TEST(read_id_and_scan)
{
    struct fd t = new_fd(2880, false, NULL);
    struct rig *r = t.r;
    u8 seen = 0;
    start(r, 0);
    put(r, 0x4a);
    put(r, 0x00);
    wait_irq(r);
    for (unsigned i = 0; i < 7; i++) {
        u8 b = get(r);
        if (i == 5)
            seen = b;
        else
            ck_assert_uint_eq(b, i == 6 ? 2 : 0);
    }
    ck_assert(seen >= 1 && seen <= 18);
    ck_assert_int_eq(block_rw(t.disk, BLOCK_READ, 4, 1, rig_ram(r, 0x10000)), BLOCK_OK);
    for (unsigned i = 1; i < 5; i++)
        memcpy(rig_ram(r, 0x10000 + i * 512), rig_ram(r, 0x10000), 512);
    program_dma(r, 0x58, 0x10000, 512 * 5);
    send(r, 0x51, 0, 0, 3, 18, 1); /* SCAN EQUAL from sector 3: found in the third */
    result(r, 0x00, 0, 0x08, 0, 0, 5);
    send(r, 0x51, 0, 0, 7, 8, 1);
    result(r, 0x00, 0, 0x04, 0, 0, 8);
    end_fd(&t);
}
END_TEST

/* The host needs longer than the disk turns. */
START_TEST(late_host)
{
    struct block *from = make_disk(2880, false);
    u8 *data = calloc(2880, 512), sector[512];
    ck_assert_int_eq(block_rw(from, BLOCK_READ, 0, 2880, data), BLOCK_OK);
    block_close(from);
    struct late_disk *late = late_disk_new(data, 2880);
    free(data);
    struct fd t = new_fd_with(&late->b, NULL);
    struct rig *r = t.r;
    start(r, 0);
    program_dma(r, 0x46, 0x10000, 512);
    send(r, 0x46, 0, 0, 5, 18, 0xff);
    step_ns(r, 3000000000ull);
    ck_assert_ptr_nonnull(late->r);
    ck_assert_int_eq(wire(r, "fdc.irq"), 0);
    ck_assert_uint_eq(in8(r, 0x3f4) & 0xd0, 0x10);
    rig_snapshot_roundtrip(r);
    result(r, 0x00, 0, 0, 0, 0, 6);
    ck_assert_uint_eq(ld32(rig_ram(r, 0x10000)), 0xf0000004);

    late->in_time = true;
    program_dma(r, 0x46, 0x10000, 512); /* in time as ever */
    send(r, 0x46, 0, 0, 6, 18, 0xff);
    result(r, 0x00, 0, 0, 0, 0, 7);
    ck_assert_uint_eq(ld32(rig_ram(r, 0x10000)), 0xf0000005);

    late->in_time = false;
    st32(rig_ram(r, 0x10000), 0x600dda7a);
    program_dma(r, 0x4a, 0x10000, 512);
    send(r, 0x45, 0, 0, 7, 18, 0xff);
    step_ns(r, 1000000000);
    ck_assert_ptr_nonnull(late->r);
    ck_assert_int_eq(late->op, BLOCK_WRITE);
    late_finish(late);
    result(r, 0x00, 0, 0, 0, 0, 8);
    ck_assert_int_eq(block_rw(late->mem, BLOCK_READ, 6, 1, sector), BLOCK_OK);
    ck_assert_uint_eq(ld32(sector), 0x600dda7a);

    /* SCAN: the host's sector waits for the disk's, also through a snapshot */
    ck_assert_int_eq(block_rw(late->mem, BLOCK_READ, 4, 1, rig_ram(r, 0x10000)), BLOCK_OK);
    memcpy(rig_ram(r, 0x10200), rig_ram(r, 0x10000), 512);
    program_dma(r, 0x4a, 0x10000, 1024);
    send(r, 0x51, 0, 0, 4, 18, 1);
    step_ns(r, 1000000000);
    ck_assert_uint_eq(late->sector, 3);
    late_finish(late);
    step_ns(r, 1000000000);
    ck_assert_uint_eq(late->sector, 4);
    rig_snapshot_roundtrip(r);
    if (late->r)
        late_finish(late);
    result(r, 0x00, 0, 0x08, 0, 0, 5);

    /* a reset doesn't wait, and what is read then goes nowhere */
    program_dma(r, 0x46, 0x10000, 512);
    send(r, 0x46, 0, 0, 5, 18, 0xff);
    step_ns(r, 1000000000);
    st32(rig_ram(r, 0x10000), 0);
    start(r, 0);
    ck_assert_uint_eq(late->cancelled, 1);
    late_finish(late);
    step_ns(r, 1000000000);
    ck_assert_int_eq(wire(r, "fdc.irq"), 0);
    ck_assert_uint_eq(ld32(rig_ram(r, 0x10000)), 0);
    rig_free(r);
    late_disk_free(late);
}
END_TEST

START_TEST(change_line)
{
    struct fd t = new_fd(2880, false, NULL);
    struct rig *r = t.r;
    start(r, 0);
    ck_assert_uint_eq(in8(r, 0x3f7), 0x80); /* until the head moves */
    seek(r, 1);
    ck_assert_uint_eq(in8(r, 0x3f7), 0x00);
    t.disk->inserted = false;
    t.disk->change_count++;
    ck_assert_uint_eq(in8(r, 0x3f7), 0x80);
    seek(r, 0);
    ck_assert_uint_eq(in8(r, 0x3f7), 0x80); /* no disk: it stays */
    t.disk->inserted = true;
    t.disk->change_count++;
    ck_assert_uint_eq(in8(r, 0x3f7), 0x80);
    seek(r, 1);
    ck_assert_uint_eq(in8(r, 0x3f7), 0x00);
    out8(r, 0x3f2, 0x0c); /* motor off: not driven */
    t.disk->change_count++;
    ck_assert_uint_eq(in8(r, 0x3f7), 0x00);
    end_fd(&t);
}
END_TEST

START_TEST(seeks)
{
    struct fd t = new_fd(2880, false, "present1=on");
    struct rig *r = t.r;
    start(r, 0);
    seek(r, 40);
    put(r, 0xcf); /* relative, inwards */
    put(r, 0x00);
    put(r, 10);
    sense(r, 0x20, 50);
    put(r, 0x8f);
    put(r, 0x00);
    put(r, 20);
    sense(r, 0x20, 30);
    put(r, 0x0f); /* both drives at once */
    put(r, 0x00);
    put(r, 35);
    put(r, 0x0f);
    put(r, 0x01);
    put(r, 7);
    ck_assert_uint_eq(in8(r, 0x3f4) & 0x0f, 3);
    rig_snapshot_roundtrip(r);
    step_ns(r, 100000000);
    put(r, 0x08);
    ck_assert_uint_eq(get(r), 0x20);
    ck_assert_uint_eq(get(r), 35);
    ck_assert_int_eq(wire(r, "fdc.irq"), 1); /* the other one */
    put(r, 0x08);
    ck_assert_uint_eq(get(r), 0x21);
    ck_assert_uint_eq(get(r), 7);
    ck_assert_int_eq(wire(r, "fdc.irq"), 0);
    end_fd(&t);
}
END_TEST

START_TEST(image_sizes)
{
    static const struct { u32 sectors; u8 cmos; u8 rate, spt; } sizes[] = {
        { 320, 1, 2, 8 },  { 720, 1, 2, 9 },   { 1440, 4, 2, 9 },  { 2400, 2, 0, 15 },
        { 2880, 4, 0, 18 }, { 5760, 5, 3, 36 }, { 18, 4, 0, 18 },   { 17, 4, 0, 18 },
        { 1441, 4, 0, 18 }, { 2881, 4, 0, 18 }, { 3361, 4, 0, 21 }, { 1, 4, 0, 18 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
        struct fd t = new_fd(sizes[i].sectors, false, NULL);
        struct rig *r = t.r;
        ck_assert_uint_eq(i82077_cmos_type(r->dev[1], 0), sizes[i].cmos);
        ck_assert_uint_eq(i82077_cmos_type(r->dev[1], 1), 0);
        start(r, sizes[i].rate);
        *rig_ram(r, 0x10000) = 0x99;
        program_dma(r, 0x44, 0x10000, 512);
        send(r, 0x46, 0, 0, sizes[i].spt, sizes[i].spt, 0xff);
        result(r, 0x00, 0, 0, 1, 0, 1);
        u32 lba = sizes[i].spt - 1u; /* sectors that the file does not have read as zeros */
        ck_assert_uint_eq(ld32(rig_ram(r, 0x10000)),
                          lba < sizes[i].sectors ? 0xf0000000 | lba : 0);
        program_dma(r, 0x44, 0x10000, 512);
        send(r, 0x46, 0, 0, (u8)(sizes[i].spt + 1), 99, 0xff);
        result(r, 0x40, 4, 0, 0, 0, (u8)(sizes[i].spt + 1));
        end_fd(&t);
    }
}
END_TEST

START_TEST(empty_drive)
{
    struct fd t = new_fd(0, false, "present0=on");
    struct rig *r = t.r;
    ck_assert_uint_eq(i82077_cmos_type(r->dev[1], 0), 4);
    start(r, 0);
    put(r, 0x07);
    put(r, 0);
    sense(r, 0x20, 0);
    send(r, 0x46, 0, 0, 1, 18, 0xff);
    result(r, 0x40, 1, 0, 0, 0, 1);
    put(r, 0x07); /* drive B is not there: no track 0 is found */
    put(r, 1);
    sense(r, 0x71, 0);
    end_fd(&t);
}
END_TEST

Suite *suite_i82077(void);
Suite *suite_i82077(void)
{
    Suite *s = suite_create("i82077");
    TCase *t = tcase_create("i82077");
    tcase_add_test(t, reset_and_identification);
    tcase_add_test(t, read_a_track_by_dma);
    tcase_add_test(t, result_addresses);
    tcase_add_test(t, errors);
    tcase_add_test(t, write_and_verify);
    tcase_add_test(t, write_protected);
    tcase_add_test(t, format_track);
    tcase_add_test(t, programmed_io);
    tcase_add_test(t, read_id_and_scan);
    tcase_add_test(t, late_host);
    tcase_add_test(t, change_line);
    tcase_add_test(t, seeks);
    tcase_add_test(t, image_sizes);
    tcase_add_test(t, empty_drive);
    suite_add_tcase(s, t);
    return s;
}
