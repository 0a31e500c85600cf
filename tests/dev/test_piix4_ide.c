/* SPDX-License-Identifier: MIT */
/* PIIX4 function 1: configuration space, decode of the legacy ports, bus-master DMA with disks. */
#include "devices/pci.h"
#include "tests/dev/late_disk.h"
#include "tests/dev/rig.h"

#include <stdlib.h>

#define SECTORS 4096u
#define BM 0xc000u

struct ide {
    struct rig *r;
    struct block *disk;
};

static u8 *contents(void)
{
    u8 *data = calloc(SECTORS, 512);
    for (u32 i = 0; i < SECTORS; i++)
        st32(data + i * 512, i);
    return data;
}

static struct ide new_ide_with(struct block *disk)
{
    struct ide t = { rig_new("i440fx", NULL), disk };
    struct device *ide = rig_make(t.r, "piix4_ide", "ide", NULL);
    ck_assert(device_set_ptr(ide, "disk0", t.disk, NULL));
    rig_start(t.r, ide);
    ck_assert(pci_bus_add(t.r->sys.pci, (struct pci_device *)ide, 0x09, NULL));
    return t;
}

static struct ide new_ide(void)
{
    u8 *data = contents();
    struct block *disk = block_mem(data, SECTORS, false);
    free(data);
    return new_ide_with(disk);
}

static void end_ide(struct ide *t)
{
    rig_free(t->r);
    block_close(t->disk);
}

static u32 cfg(struct rig *r, u32 reg)
{
    out32(r, 0xcf8, 0x80000900u | (reg & 0xfc));
    return in32(r, 0xcfc);
}

static u8 cfg8(struct rig *r, u32 reg)
{
    out32(r, 0xcf8, 0x80000900u | (reg & 0xfc));
    return in8(r, 0xcfc + (reg & 3));
}

static void cfgw8(struct rig *r, u32 reg, u8 v)
{
    out32(r, 0xcf8, 0x80000900u | (reg & 0xfc));
    out8(r, 0xcfc + (reg & 3), v);
}

/* As firmware leaves it. */
static void enable(struct rig *r)
{
    out32(r, 0xcf8, 0x80000940);
    out32(r, 0xcfc, 0x80008000);
    out32(r, 0xcf8, 0x80000920);
    out32(r, 0xcfc, BM);
    out32(r, 0xcf8, 0x80000904);
    out16(r, 0xcfc, 0x0005);
    step_ns(r, 3000000);
}

START_TEST(configuration_space)
{
    static const struct { u8 reg, reset, ones; } want[] = {
        { 0x04, 0, 0x05 }, { 0x05, 0, 0 }, { 0x06, 0x80, 0x80 }, { 0x09, 0x80, 0x80 },
        { 0x0a, 1, 1 }, { 0x0b, 1, 1 }, { 0x0d, 0, 0xf0 }, { 0x0e, 0, 0 }, { 0x10, 0, 0 },
        { 0x20, 1, 0xf1 }, { 0x3c, 0, 0 }, { 0x3d, 0, 0 }, { 0x40, 0, 0xff }, { 0x41, 0, 0xf3 },
        { 0x42, 0, 0xff }, { 0x43, 0, 0xf3 }, { 0x44, 0, 0xff }, { 0x48, 0, 0x0f },
        { 0x4a, 0, 0x33 }, { 0x4b, 0, 0x33 },
    };
    struct ide t = new_ide();
    ck_assert_uint_eq(cfg(t.r, 0), 0x71118086);
    for (unsigned i = 0; i < ARRAY_LEN(want); i++) {
        ck_assert_msg(cfg8(t.r, want[i].reg) == want[i].reset, "register %02x", want[i].reg);
        cfgw8(t.r, want[i].reg, 0xff);
        ck_assert_msg(cfg8(t.r, want[i].reg) == want[i].ones, "register %02x written: %02x",
                      want[i].reg, cfg8(t.r, want[i].reg));
    }
    end_ide(&t);
}
END_TEST

START_TEST(decode_needs_idetim_and_command)
{
    struct ide t = new_ide();
    step_ns(t.r, 3000000);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0xff);
    cfgw8(t.r, 4, 1);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0xff);
    cfgw8(t.r, 0x41, 0x80);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    ck_assert_uint_eq(in8(t.r, 0x3f6), 0x50);
    ck_assert_uint_eq(in8(t.r, 0x3f7), 0xff); /* the floppy controller's */
    ck_assert_uint_eq(in8(t.r, 0x1f2), 0x01);
    cfgw8(t.r, 4, 0);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0xff);
    ck_assert_uint_eq(in8(t.r, 0x177), 0xff);
    end_ide(&t);
}
END_TEST

static void prd(struct rig *r, u32 at, u32 addr, u32 count, bool last)
{
    st32(rig_ram(r, at), addr);
    st32(rig_ram(r, at + 4), (count & 0xffff) | (last ? 0x80000000u : 0));
}

static void command(struct rig *r, u32 lba, u8 count, u8 cmd)
{
    out8(r, 0x1f6, (u8)(0xe0 | lba >> 24));
    out8(r, 0x1f2, count);
    out8(r, 0x1f3, (u8)lba);
    out8(r, 0x1f4, (u8)(lba >> 8));
    out8(r, 0x1f5, (u8)(lba >> 16));
    out8(r, 0x1f7, cmd);
}

START_TEST(dma_read_exact)
{
    struct ide t = new_ide();
    enable(t.r);
    prd(t.r, 0x1000, 0x20000, 512 * 3, false);
    prd(t.r, 0x1008, 0x40000, 512 * 5, true);
    out8(t.r, BM, 0x08);
    out8(t.r, BM + 2, 0x66);
    out32(t.r, BM + 4, 0x1000);
    command(t.r, 100, 8, 0xc8);
    out8(t.r, BM, 0x09);
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x61);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    step_ns(t.r, 50000); /* not before 50 us have passed */
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    rig_snapshot_roundtrip(t.r);
    step_ns(t.r, 1000000);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x64); /* exact: not active, interrupt */
    for (u32 i = 0; i < 8; i++)
        ck_assert_uint_eq(ld32(rig_ram(t.r, i < 3 ? 0x20000 + i * 512 : 0x40000 + (i - 3) * 512)),
                          100 + i);
    ck_assert_uint_eq(ld32(rig_ram(t.r, 0x20000 + 3 * 512)), 0);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    out8(t.r, BM, 0x08);
    out8(t.r, BM + 2, 0x64); /* W1C, the drive bits are kept as written */
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x60);
    end_ide(&t);
}
END_TEST

START_TEST(dma_table_longer_and_shorter)
{
    struct ide t = new_ide();
    enable(t.r);
    prd(t.r, 0x1000, 0x20000, 0, true); /* 0 is 64 KB */
    out32(t.r, BM + 4, 0x1000);
    command(t.r, 0, 2, 0xc8);
    out8(t.r, BM, 0x09);
    step_ns(t.r, 1000000);
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x05); /* longer: still active, interrupt */
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    out8(t.r, BM, 0x00);
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x04);
    out8(t.r, BM + 2, 0x04);

    prd(t.r, 0x1000, 0x20000, 512, true);
    command(t.r, 10, 2, 0xc8);
    out8(t.r, BM, 0x09);
    step_ns(t.r, 5000000);
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x00); /* shorter: neither */
    ck_assert_uint_eq(in8(t.r, 0x3f6) & 0x80, 0x80);
    ck_assert_uint_eq(ld32(rig_ram(t.r, 0x20000)), 10);
    ck_assert_uint_eq(ld32(rig_ram(t.r, 0x20200)), 1); /* of the first transfer: clipped */
    out8(t.r, 0x3f6, 4);
    out8(t.r, 0x3f6, 0);
    step_ns(t.r, 5000000);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    end_ide(&t);
}
END_TEST

START_TEST(dma_engine_started_late)
{
    struct ide t = new_ide();
    enable(t.r);
    prd(t.r, 0x1000, 0x20000, 512, true);
    out32(t.r, BM + 4, 0x1000);
    command(t.r, 7, 1, 0xc8);
    step_ns(t.r, 10000000);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    rig_snapshot_roundtrip(t.r);
    out8(t.r, BM, 0x01); /* the wrong direction moves nothing */
    step_ns(t.r, 1000000);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    out8(t.r, BM, 0x00);
    out8(t.r, BM, 0x09);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    step_ns(t.r, 1000000);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
    ck_assert_uint_eq(ld32(rig_ram(t.r, 0x20000)), 7);
    end_ide(&t);
}
END_TEST

START_TEST(dma_write_many_bursts)
{
    struct ide t = new_ide();
    u8 sector[512];
    enable(t.r);
    for (u32 i = 0; i < 256; i++)
        st32(rig_ram(t.r, 0x20000 + i * 512), 0xabc00000 + i);
    prd(t.r, 0x1000, 0x20000, 0x10000, false);
    prd(t.r, 0x1008, 0x30000, 0x10000, true);
    out32(t.r, BM + 4, 0x1000);
    command(t.r, 1000, 0, 0xca); /* 256 sectors */
    out8(t.r, BM, 0x01);
    step_ns(t.r, 150000);
    rig_snapshot_roundtrip(t.r);
    step_ns(t.r, 5000000);
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x04);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    for (u32 i = 0; i < 256; i++) {
        ck_assert_int_eq(block_rw(t.disk, BLOCK_READ, 1000 + i, 1, sector), BLOCK_OK);
        ck_assert_uint_eq(ld32(sector), 0xabc00000 + i);
    }
    ck_assert_int_eq(block_rw(t.disk, BLOCK_READ, 1256, 1, sector), BLOCK_OK);
    ck_assert_uint_eq(ld32(sector), 1256);
    end_ide(&t);
}
END_TEST

/* The host is late: DMA waits for it, data and interrupt come with it. */
START_TEST(dma_late)
{
    u8 *data = contents();
    struct late_disk *late = late_disk_new(data, SECTORS);
    struct ide t = new_ide_with(&late->b);
    free(data);
    enable(t.r);
    prd(t.r, 0x1000, 0x20000, 0x10000, false);
    prd(t.r, 0x1008, 0x30000, 0x10000, true);
    out32(t.r, BM + 4, 0x1000);
    command(t.r, 500, 0, 0xc8); /* 256 sectors */
    out8(t.r, BM, 0x09);
    ck_assert_uint_eq(late->count, 256); /* one piece */
    step_ns(t.r, 100000000);
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x01);
    ck_assert_uint_eq(ld32(rig_ram(t.r, 0x20000)), 0);
    late_finish(late);
    step_ns(t.r, 10);
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x04);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    for (u32 i = 0; i < 256; i++)
        ck_assert_uint_eq(ld32(rig_ram(t.r, 0x20000 + i * 512)), 500 + i);
    out8(t.r, BM, 0x00);
    out8(t.r, BM + 2, 0x04);

    command(t.r, 500, 0, 0xca);
    st32(rig_ram(t.r, 0x20000), 0x11112222);
    out8(t.r, BM, 0x01);
    step_ns(t.r, 1000000);
    st32(rig_ram(t.r, 0x20000), 0); /* it has been fetched */
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x00);
    ck_assert_uint_eq(in8(t.r, 0x3f6) & 0x80, 0x80);
    late_finish(late);
    step_ns(t.r, 10);
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x04);
    u8 sector[512];
    ck_assert_int_eq(block_rw(late->mem, BLOCK_READ, 500, 1, sector), BLOCK_OK);
    ck_assert_uint_eq(ld32(sector), 0x11112222);
    rig_free(t.r);
    late_disk_free(late);
}
END_TEST

static void ranges(struct rig *r, u32 at, const u64 *list, unsigned n)
{
    memset(rig_ram(r, at), 0, 512);
    for (unsigned i = 0; i < n; i++)
        st64(rig_ram(r, at + 8 * i), list[i]);
}

#define RANGE(lba, n) ((u64)(n) << 48 | (lba))

static u8 trim(struct rig *r, u8 feature, u8 count)
{
    out8(r, BM, 0);
    out8(r, BM + 2, 0x04);
    out32(r, BM + 4, 0x1000);
    out8(r, 0x1f6, 0xe0);
    out8(r, 0x1f1, feature);
    out8(r, 0x1f2, 0);
    out8(r, 0x1f2, count);
    out8(r, 0x1f7, 0x06);
    out8(r, BM, 0x01);
    step_ns(r, 1000000);
    return in8(r, 0x1f7);
}

static u32 word_of(struct block *b, u64 sector)
{
    u8 buf[512];
    ck_assert_int_eq(block_rw(b, BLOCK_READ, sector, 1, buf), BLOCK_OK);
    return ld32(buf);
}

/* TRIM is there with discard=unmap alone. */
START_TEST(data_set_management)
{
    for (unsigned on = 0; on < 2; on++) {
        u8 *data = contents();
        struct late_disk *late = late_disk_new(data, SECTORS);
        struct ide t = new_ide_with(&late->b);
        u16 w[256];
        free(data);
        late->b.discard = on;
        late->in_time = true;
        enable(t.r);
        command(t.r, 0, 0, 0xec);
        step_ns(t.r, 1000000);
        for (unsigned i = 0; i < 256; i++)
            w[i] = in16(t.r, 0x1f0);
        ck_assert_uint_eq(w[169], on);
        ck_assert_uint_eq(w[105], on ? 512 : 0);
        prd(t.r, 0x1000, 0x20000, 512, true);
        ranges(t.r, 0x20000, (u64[]){ RANGE(10, 2), 0, RANGE(9, 0), RANGE(100, 1) }, 4);
        u8 status = trim(t.r, 1, 1);
        if (!on) {
            ck_assert_uint_eq(status, 0x51);
            ck_assert_uint_eq(in8(t.r, 0x1f1), 0x04);
            ck_assert_uint_eq(word_of(late->mem, 10), 10);
        } else {
            ck_assert_uint_eq(status, 0x50);
            for (u32 i = 8; i < 14; i++)
                ck_assert_uint_eq(word_of(late->mem, i), i == 10 || i == 11 ? 0 : i);
            ck_assert_uint_eq(word_of(late->mem, 99), 99);
            ck_assert_uint_eq(word_of(late->mem, 100), 0);
            ck_assert_uint_eq(word_of(late->mem, 101), 101);
            ck_assert_uint_eq(trim(t.r, 0, 1), 0x51); /* no other function */
            ck_assert_uint_eq(trim(t.r, 1, 0), 0x51); /* no ranges */
            /* over the end: an error, and what comes behind is not done */
            ranges(t.r, 0x20000, (u64[]){ RANGE(SECTORS - 1, 1), RANGE(SECTORS - 1, 2),
                                          RANGE(50, 1) }, 3);
            ck_assert_uint_eq(trim(t.r, 1, 1), 0x51);
            ck_assert_uint_eq(word_of(late->mem, SECTORS - 1), 0);
            ck_assert_uint_eq(word_of(late->mem, 50), 50);
            ranges(t.r, 0x20000, (u64[]){ RANGE(BIT64(47), 1) }, 1);
            ck_assert_uint_eq(trim(t.r, 1, 1), 0x51);
            /* late, and in a snapshot */
            late->in_time = false;
            ranges(t.r, 0x20000, (u64[]){ RANGE(200, 1), RANGE(201, 1), RANGE(202, 1) }, 3);
            ck_assert_uint_eq(trim(t.r, 1, 1) & 0x80, 0x80);
            late_finish(late);
            step_ns(t.r, 10);
            ck_assert_uint_eq(late->sector, 201);
            rig_snapshot_roundtrip(t.r);
            ck_assert_ptr_null(late->r);
            step_ns(t.r, 1000000);
            ck_assert_uint_eq(late->sector, 202);
            late_finish(late);
            step_ns(t.r, 10);
            ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
            ck_assert_uint_eq(late->b.discard_ops, 6);
        }
        rig_free(t.r);
        late_disk_free(late);
    }
}
END_TEST

/* PIO interrupts set the engine's interrupt bit, too. */
START_TEST(pio_sets_bm_interrupt)
{
    struct ide t = new_ide();
    enable(t.r);
    command(t.r, 5, 1, 0x20);
    step_ns(t.r, 1000000);
    ck_assert_uint_eq(in8(t.r, BM + 2), 0x04);
    ck_assert_uint_eq(in32(t.r, 0x1f0), 5); /* a dword is two words */
    ck_assert_uint_eq(in16(t.r, 0x1f0), 0);
    end_ide(&t);
}
END_TEST

Suite *suite_piix4_ide(void);
Suite *suite_piix4_ide(void)
{
    Suite *s = suite_create("piix4_ide");
    TCase *t = tcase_create("piix4_ide");
    tcase_add_test(t, configuration_space);
    tcase_add_test(t, decode_needs_idetim_and_command);
    tcase_add_test(t, dma_read_exact);
    tcase_add_test(t, dma_table_longer_and_shorter);
    tcase_add_test(t, dma_engine_started_late);
    tcase_add_test(t, dma_write_many_bursts);
    tcase_add_test(t, dma_late);
    tcase_add_test(t, data_set_management);
    tcase_add_test(t, pio_sets_bm_interrupt);
    suite_add_tcase(s, t);
    return s;
}
