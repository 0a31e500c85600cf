/* SPDX-License-Identifier: MIT */
/* The CD-ROM drive: signature, packet commands, byte count limits, media change, DMA. */
#include <stdlib.h>

#include "devices/pci.h"
#include "tests/dev/rig.h"

#define CD_SECTORS 1000u
#define BM 0xc000u

struct cd {
    struct rig *r;
    struct block *disc;
};

static struct cd new_cd(bool disc)
{
    struct cd t = { rig_new("i440fx", NULL), NULL };
    struct device *ide = rig_make(t.r, "piix4_ide", "ide", "cdrom2=on");
    u8 *data = calloc(CD_SECTORS, 2048);
    for (u32 i = 0; i < CD_SECTORS * 4; i++)
        st32(data + i * 512, i);
    t.disc = block_mem(data, CD_SECTORS * 4, true);
    free(data);
    t.disc->inserted = disc;
    ck_assert(device_set_ptr(ide, "disk2", t.disc, NULL));
    rig_start(t.r, ide);
    ck_assert(pci_bus_add(t.r->sys.pci, (struct pci_device *)ide, 0x09, NULL));
    out32(t.r, 0xcf8, 0x80000940);
    out32(t.r, 0xcfc, 0x80008000);
    out32(t.r, 0xcf8, 0x80000920);
    out32(t.r, 0xcfc, BM);
    out32(t.r, 0xcf8, 0x80000904);
    out8(t.r, 0xcfc, 5);
    step_ns(t.r, 3000000);
    return t;
}

static void end_cd(struct cd *t)
{
    rig_free(t->r);
    block_close(t->disc);
}

static u8 wait_ready(struct rig *r)
{
    for (unsigned i = 0; i < 100000; i++) {
        u8 s = in8(r, 0x376);
        if (!(s & 0x80))
            return s;
        step_ns(r, 1000);
    }
    ck_abort_msg("the drive stays busy");
    return 0xff;
}

static void packet(struct rig *r, const u8 *cdb, u16 limit, bool dma)
{
    out8(r, 0x171, dma);
    out8(r, 0x174, (u8)limit);
    out8(r, 0x175, (u8)(limit >> 8));
    out8(r, 0x177, 0xa0);
    ck_assert_uint_eq(wait_ready(r) & 0x09, 0x08);
    ck_assert_uint_eq(in8(r, 0x172) & 3, 1); /* a command is wanted */
    ck_assert_int_eq(wire(r, "ide.irq1"), 0);
    for (unsigned i = 0; i < 12; i += 2)
        out16(r, 0x170, (u16)(cdb[i] | cdb[i + 1] << 8));
}

/* Runs a data-in command by PIO; returns bytes, 0 with *status on error. Notes block sizes. */
static u32 data_in(struct rig *r, const u8 *cdb, u16 limit, u8 *buf, u32 *blocks, u8 *status)
{
    u32 got = 0;
    *blocks = 0;
    packet(r, cdb, limit, false);
    for (;;) {
        u8 s = wait_ready(r);
        ck_assert_int_eq(wire(r, "ide.irq1"), 1);
        *status = in8(r, 0x177);
        ck_assert_int_eq(wire(r, "ide.irq1"), 0);
        if (!(s & 8)) {
            ck_assert_uint_eq(in8(r, 0x172) & 3, 3);
            return got;
        }
        ck_assert_uint_eq(in8(r, 0x172) & 3, 2);
        u32 n = in8(r, 0x174) | (u32)in8(r, 0x175) << 8;
        ck_assert_uint_gt(n, 0);
        for (u32 i = 0; i < n; i += 2) {
            u16 w = in16(r, 0x170);
            buf[got++] = (u8)w;
            if (i + 1 < n)
                buf[got++] = (u8)(w >> 8);
        }
        ++*blocks;
    }
}

static u8 run(struct rig *r, u8 op, u8 b1, u8 b4)
{
    const u8 cdb[12] = { op, b1, 0, 0, b4 };
    packet(r, cdb, 0, false);
    wait_ready(r);
    return in8(r, 0x177);
}

static void expect_sense(struct rig *r, u8 key, u8 asc)
{
    const u8 cdb[12] = { 3, 0, 0, 0, 18 };
    u8 b[64], s;
    u32 n;
    ck_assert_uint_eq(data_in(r, cdb, 18, b, &n, &s), 18);
    ck_assert_uint_eq(b[2], key);
    ck_assert_uint_eq(b[12], asc);
}

START_TEST(signature_and_identify)
{
    struct cd t = new_cd(true);
    struct rig *r = t.r;
    ck_assert_uint_eq(in8(r, 0x174), 0x14);
    ck_assert_uint_eq(in8(r, 0x175), 0xeb);
    ck_assert_uint_eq(in8(r, 0x177), 0);
    out8(r, 0x174, 0);
    out8(r, 0x177, 0xec); /* aborted, with the signature */
    wait_ready(r);
    ck_assert_uint_eq(in8(r, 0x177) & 1, 1);
    ck_assert_uint_eq(in8(r, 0x171), 4);
    ck_assert_uint_eq(in8(r, 0x174), 0x14);
    out8(r, 0x177, 0xa1);
    ck_assert_uint_eq(wait_ready(r) & 8, 8);
    ck_assert_uint_eq(in16(r, 0x170), 0x85c0);
    out8(r, 0x177, 0x08); /* DEVICE RESET, though it has DRQ */
    ck_assert_uint_eq(in8(r, 0x376), 0);
    ck_assert_uint_eq(in8(r, 0x175), 0xeb);
    end_cd(&t);
}
END_TEST

START_TEST(byte_count_limits)
{
    static const struct { u16 limit; u32 blocks; } limits[] = {
        { 2048, 3 }, { 2049, 3 }, { 4096, 2 }, { 4095, 3 }, { 0, 1 }, { 0xffff, 1 },
        { 0xfffe, 1 }, { 512, 12 }, { 2, 3072 }, { 2047, 4 },
    };
    struct cd t = new_cd(true);
    static u8 b[8192];
    for (unsigned i = 0; i < ARRAY_LEN(limits); i++) {
        const u8 cdb[12] = { 0x28, 0, 0, 0, 0, 100, 0, 0, 3 };
        u32 blocks;
        u8 s;
        memset(b, 0, sizeof(b));
        ck_assert_uint_eq(data_in(t.r, cdb, limits[i].limit, b, &blocks, &s), 6144);
        ck_assert_msg(blocks == limits[i].blocks, "limit %u: %u blocks", limits[i].limit, blocks);
        for (u32 k = 0; k < 12; k++)
            ck_assert_uint_eq(ld32(b + k * 512), 400 + k);
    }
    end_cd(&t);
}
END_TEST

START_TEST(allocation_lengths)
{
    static const u8 lens[] = { 1, 5, 7, 8, 35, 36, 255 };
    struct cd t = new_cd(true);
    u8 b[4096], s;
    u32 n;
    for (unsigned i = 0; i < ARRAY_LEN(lens); i++) {
        const u8 cdb[12] = { 0x12, 0, 0, 0, lens[i] };
        ck_assert_uint_eq(data_in(t.r, cdb, 0xfffe, b, &n, &s), MIN(lens[i], 36));
        ck_assert_uint_eq(b[0], 5);
    }
    const u8 none[12] = { 0x12 };
    ck_assert_uint_eq(data_in(t.r, none, 0xfffe, b, &n, &s), 0);
    ck_assert_uint_eq(s & 1, 0);
    const u8 conf[12] = { 0x46, 0, 0, 0, 0, 0, 0, 0, 8 };
    ck_assert_uint_eq(data_in(t.r, conf, 8, b, &n, &s), 8);
    ck_assert_uint_eq(b[7], 0x08);
    u32 all = b[3] + 4u;
    const u8 conf2[12] = { 0x46, 0, 0, 0, 0, 0, 0, 1, 0 };
    ck_assert_uint_eq(data_in(t.r, conf2, 256, b, &n, &s), all);
    /* MECHANISM STATUS has its length in bytes 8 and 9 (S19) */
    const u8 status[3][12] = { { 0xbd, [9] = 4 }, { 0xbd, [9] = 8 }, { 0xbd, [8] = 1 } };
    for (unsigned i = 0; i < 3; i++)
        ck_assert_uint_eq(data_in(t.r, status[i], 0xfffe, b, &n, &s), i ? 8 : 4);
    ck_assert_uint_eq(b[6] << 8 | b[7], 0); /* no changer's slots follow */
    end_cd(&t);
}
END_TEST

START_TEST(toc_and_capacity)
{
    struct cd t = new_cd(true);
    u8 b[64], s;
    u32 n;
    const u8 cap[12] = { 0x25 };
    ck_assert_uint_eq(data_in(t.r, cap, 8, b, &n, &s), 8);
    ck_assert_uint_eq(b[2] << 8 | b[3], CD_SECTORS - 1);
    ck_assert_uint_eq(b[6], 8);
    const u8 toc[12] = { 0x43, 2, 0, 0, 0, 0, 0, 0, 20 };
    ck_assert_uint_eq(data_in(t.r, toc, 20, b, &n, &s), 20);
    ck_assert_uint_eq(b[1], 18);
    ck_assert_uint_eq(b[10], 2); /* track 1 at 00:02:00 */
    ck_assert_uint_eq(b[14], 0xaa);
    ck_assert_uint_eq((b[17] * 60u + b[18]) * 75 + b[19], CD_SECTORS + 150);
    const u8 sessions[12] = { 0x43, 0, 1, 0, 0, 0, 0, 0, 12 };
    ck_assert_uint_eq(data_in(t.r, sessions, 12, b, &n, &s), 12);
    end_cd(&t);
}
END_TEST

START_TEST(errors_and_unknown)
{
    static const u8 unknown[] = { 0x42, 0x44, 0x45, 0x47, 0x4b, 0x52, 0x55, 0xa3, 0xa4, 0xac, 0xff };
    struct cd t = new_cd(true);
    u8 b[64], s;
    u32 n;
    for (unsigned i = 0; i < ARRAY_LEN(unknown); i++) {
        ck_assert_uint_eq(run(t.r, unknown[i], 0, 0) & 1, 1);
        ck_assert_uint_eq(in8(t.r, 0x171), 0x54);
        expect_sense(t.r, 5, 0x20);
    }
    const u8 beyond[12] = { 0x28, 0, 0, 0, CD_SECTORS >> 8, CD_SECTORS & 255, 0, 0, 1 };
    data_in(t.r, beyond, 2048, b, &n, &s);
    ck_assert_uint_eq(s & 1, 1);
    expect_sense(t.r, 5, 0x21);
    const u8 huge[12] = { 0xa8, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
    data_in(t.r, huge, 2048, b, &n, &s);
    expect_sense(t.r, 5, 0x21);
    expect_sense(t.r, 0, 0); /* and it is gone */
    end_cd(&t);
}
END_TEST

/* S25: half a millisecond without the medium, longer with it than a disk; busy until then. */
START_TEST(no_answer_is_early)
{
    static const struct { u8 op, b4, b8; u32 ns; } t[] = {
        { 0x00, 0, 0, 500000 }, { 0x03, 18, 0, 500000 }, { 0x12, 36, 0, 500000 },
        { 0x25, 0, 0, 500000 }, { 0x43, 0, 12, 500000 }, { 0x46, 0, 8, 500000 },
        { 0x5a, 0, 8, 500000 }, { 0xff, 0, 0, 500000 }, { 0x28, 0, 1, 200000 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
        struct cd c = new_cd(true);
        const u8 cdb[12] = { t[i].op, 0, t[i].op == 0x5a ? 0x2a : 0, 0, t[i].b4, 0, 0, 0, t[i].b8 };
        packet(c.r, cdb, 2048, false);
        step_ns(c.r, t[i].ns - 1000);
        ck_assert_msg(!wire(c.r, "ide.irq1"), "command %02x", t[i].op);
        ck_assert_msg(in8(c.r, 0x376) & 0x80, "command %02x is through", t[i].op);
        step_ns(c.r, 20000000);
        ck_assert_msg(wire(c.r, "ide.irq1"), "command %02x never", t[i].op);
        end_cd(&c);
    }
}
END_TEST

START_TEST(media_change)
{
    struct cd t = new_cd(false);
    ck_assert_uint_eq(run(t.r, 0, 0, 0) & 1, 1);
    expect_sense(t.r, 2, 0x3a);
    t.disc->inserted = true;
    t.disc->change_count++;
    ck_assert_uint_eq(run(t.r, 0, 0, 0) & 1, 1); /* first NOT READY */
    expect_sense(t.r, 2, 0x3a);
    rig_snapshot_roundtrip(t.r);
    ck_assert_uint_eq(run(t.r, 0, 0, 0) & 1, 1); /* then UNIT ATTENTION */
    expect_sense(t.r, 6, 0x28);
    ck_assert_uint_eq(run(t.r, 0, 0, 0) & 1, 0);
    run(t.r, 0x1e, 0, 1); /* locked: no eject */
    ck_assert(t.disc->locked);
    ck_assert_uint_eq(run(t.r, 0x1b, 0, 2) & 1, 1);
    expect_sense(t.r, 5, 0x53);
    run(t.r, 0x1e, 0, 0);
    ck_assert_uint_eq(run(t.r, 0x1b, 0, 2) & 1, 0);
    ck_assert(!t.disc->inserted);
    ck_assert_uint_eq(run(t.r, 0, 0, 0) & 1, 1);
    expect_sense(t.r, 2, 0x3a);
    end_cd(&t);
}
END_TEST

/* GET EVENT STATUS NOTIFICATION of the media class: event code and status. */
static u32 media_event(struct rig *r)
{
    const u8 cdb[12] = { 0x4a, 1, 0, 0, 0x10, 0, 0, 0, 8 };
    u8 b[64], s;
    u32 n;
    ck_assert_uint_eq(data_in(r, cdb, 8, b, &n, &s), 8);
    ck_assert_uint_eq(b[2], 4);
    return (u32)b[4] << 8 | b[5];
}

/* Each event is told once, and it neither eats nor is eaten by what the other commands report. */
START_TEST(media_events)
{
    struct cd t = new_cd(false);
    t.disc->sectors = 0;
    ck_assert_uint_eq(media_event(t.r), 0x0000);
    t.disc->sectors = CD_SECTORS * 4;
    t.disc->inserted = true;
    t.disc->change_count++;
    rig_snapshot_roundtrip(t.r);
    ck_assert_uint_eq(run(t.r, 0, 0, 0) & 1, 1);
    rig_snapshot_roundtrip(t.r);
    ck_assert_uint_eq(media_event(t.r), 0x0202); /* new medium, present */
    ck_assert_uint_eq(media_event(t.r), 0x0002);
    ck_assert_uint_eq(run(t.r, 0, 0, 0) & 1, 1);
    expect_sense(t.r, 6, 0x28);
    ck_assert_uint_eq(run(t.r, 0, 0, 0) & 1, 0);
    t.disc->eject_wanted = true;
    ck_assert_uint_eq(media_event(t.r), 0x0102); /* the button */
    ck_assert_uint_eq(media_event(t.r), 0x0002);
    run(t.r, 0x1b, 0, 2);
    ck_assert_uint_eq(media_event(t.r), 0x0301); /* removed, tray open */
    ck_assert_uint_eq(media_event(t.r), 0x0001);
    run(t.r, 0x1b, 0, 3);
    ck_assert(t.disc->inserted);
    ck_assert_uint_eq(media_event(t.r), 0x0202);
    t.disc->inserted = false;
    t.disc->sectors = 0;
    t.disc->change_count++;
    ck_assert_uint_eq(media_event(t.r), 0x0300); /* taken away, tray shut */
    end_cd(&t);
}
END_TEST

START_TEST(read_by_dma)
{
    struct cd t = new_cd(true);
    const u8 cdb[12] = { 0x28, 0, 0, 0, 0, 7, 0, 0, 40 }; /* more than one burst */
    st32(rig_ram(t.r, 0x1000), 0x20000);
    st32(rig_ram(t.r, 0x1004), 0);
    st32(rig_ram(t.r, 0x1008), 0x30000);
    st32(rig_ram(t.r, 0x100c), 0x80004000);
    out32(t.r, BM + 12, 0x1000);
    packet(t.r, cdb, 0, true);
    out8(t.r, BM + 8, 0x09);
    step_ns(t.r, 300000);
    rig_snapshot_roundtrip(t.r);
    step_ns(t.r, 10000000);
    ck_assert_uint_eq(in8(t.r, BM + 10), 0x04);
    ck_assert_uint_eq(in8(t.r, 0x177), 0x40);
    ck_assert_uint_eq(in8(t.r, 0x172) & 3, 3);
    for (u32 k = 0; k < 160; k++)
        ck_assert_uint_eq(ld32(rig_ram(t.r, 0x20000 + k * 512)), 28 + k);
    end_cd(&t);
}
END_TEST

START_TEST(raw_sector)
{
    struct cd t = new_cd(true);
    static u8 b[8192];
    const u8 cdb[12] = { 0xbe, 0, 0, 0, 0, 10, 0, 0, 2, 0xf8 };
    u32 n;
    u8 s;
    ck_assert_uint_eq(data_in(t.r, cdb, 0xfffe, b, &n, &s), 2 * 2352);
    ck_assert_uint_eq(b[0], 0);
    ck_assert_uint_eq(b[1], 0xff);
    ck_assert_uint_eq(b[13], 0x02); /* 00:02:10 in BCD */
    ck_assert_uint_eq(b[14], 0x10);
    ck_assert_uint_eq(b[15], 1);
    ck_assert_uint_eq(ld32(b + 16), 40);
    ck_assert_uint_eq(ld32(b + 2352 + 16), 44);
    ck_assert_uint_eq(b[2352 + 14], 0x11);
    end_cd(&t);
}
END_TEST

Suite *suite_atapi(void);
Suite *suite_atapi(void)
{
    Suite *s = suite_create("atapi");
    TCase *t = tcase_create("atapi");
    tcase_add_test(t, signature_and_identify);
    tcase_add_test(t, byte_count_limits);
    tcase_add_test(t, allocation_lengths);
    tcase_add_test(t, toc_and_capacity);
    tcase_add_test(t, errors_and_unknown);
    tcase_add_test(t, no_answer_is_early);
    tcase_add_test(t, media_change);
    tcase_add_test(t, media_events);
    tcase_add_test(t, read_by_dma);
    tcase_add_test(t, raw_sector);
    suite_add_tcase(s, t);
    return s;
}
