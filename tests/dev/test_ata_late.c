/* SPDX-License-Identifier: MIT */
/* ATA disks whose host is late: the drive is busy for so long, and resets and snapshots don't mind. */
#include <stdlib.h>

#include "devices/pci.h"
#include "tests/dev/late_disk.h"
#include "tests/dev/rig.h"

#define LATE_SECTORS 2048u

static struct late_disk *late; /* each test runs in a process of its own */

struct ata {
    struct rig *r;
};

/* As firmware leaves it. */
static void enable(struct rig *r)
{
    out32(r, 0xcf8, 0x80000940);
    out32(r, 0xcfc, 0x80008000);
    out32(r, 0xcf8, 0x80000904);
    out8(r, 0xcfc, 1);
    step_ns(r, 3000000);
}

static struct ata new_late(void)
{
    struct ata t = { rig_new("i440fx", NULL) };
    u8 *data = calloc(LATE_SECTORS, 512);
    for (u32 i = 0; i < LATE_SECTORS; i++)
        st32(data + i * 512, i);
    late = late_disk_new(data, LATE_SECTORS);
    free(data);
    struct device *ide = rig_make(t.r, "piix4_ide", "ide", NULL);
    ck_assert(device_set_ptr(ide, "disk0", &late->b, NULL));
    rig_start(t.r, ide);
    ck_assert(pci_bus_add(t.r->sys.pci, (struct pci_device *)ide, 0x09, NULL));
    enable(t.r);
    return t;
}

static void end_late(struct ata *t)
{
    rig_free(t->r);
    late_disk_free(late);
}

static void set_lba(struct rig *r, u32 lba, u8 count)
{
    out8(r, 0x1f6, (u8)(0xe0 | lba >> 24));
    out8(r, 0x1f2, count);
    out8(r, 0x1f3, (u8)lba);
    out8(r, 0x1f4, (u8)(lba >> 8));
    out8(r, 0x1f5, (u8)(lba >> 16));
}

/* One that needs no medium; the status at its end. */
static u8 command(struct rig *r, u8 cmd)
{
    out8(r, 0x1f7, cmd);
    step_ns(r, 1000000);
    return in8(r, 0x1f7);
}

static bool is_busy(struct rig *r) { return in8(r, 0x3f6) & 0x80; }

/* The drive is busy until the host is done, and then it is done at once. */
START_TEST(late_read)
{
    struct ata t = new_late();
    set_lba(t.r, 9, 130);
    out8(t.r, 0x1f7, 0x20);
    ck_assert_uint_eq(late->count, 128);
    step_ns(t.r, 50000000);
    ck_assert(is_busy(t.r));
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    ck_assert_uint_eq(late->b.late_ops, 1);
    late_finish(late);
    ck_assert(is_busy(t.r)); /* not within the message: between two instructions */
    step_ns(t.r, 10);
    ck_assert_uint_eq(in8(t.r, 0x3f6), 0x58);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
    for (u32 i = 0; i < 128; i++) {
        ck_assert_uint_eq(in32(t.r, 0x1f0), 9 + i);
        for (u32 k = 1; k < 128; k++)
            in32(t.r, 0x1f0);
        step_ns(t.r, 5000);
    }
    ck_assert_uint_eq(late->submitted, 2); /* the rest */
    ck_assert_uint_eq(late->sector, 137);
    ck_assert(is_busy(t.r));
    late_finish(late); /* the host is early: the model decides */
    step_ns(t.r, 50000);
    ck_assert(is_busy(t.r));
    step_ns(t.r, 60000);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x58);
    ck_assert_uint_eq(in32(t.r, 0x1f0), 137);
    end_late(&t);
}
END_TEST

static void pio_write_one(struct rig *r, u32 lba, u32 mark)
{
    set_lba(r, lba, 1);
    out8(r, 0x1f7, 0x30);
    step_ns(r, 5000);
    ck_assert_uint_eq(in8(r, 0x1f7), 0x58);
    for (u32 i = 0; i < 128; i++)
        out32(r, 0x1f0, mark);
}

START_TEST(late_write_and_flush)
{
    struct ata t = new_late();
    pio_write_one(t.r, 100, 0x12345678);
    late_finish(late); /* long before the 50 us that Windows 2000 needs */
    for (unsigned i = 0; i < 50; i++) {
        ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
        step_ns(t.r, 1000);
    }
    step_ns(t.r, 20000);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    ck_assert(!late->through);

    out8(t.r, 0x1f7, 0xe7);
    ck_assert_int_eq(late->op, BLOCK_FLUSH);
    step_ns(t.r, 900000000);
    ck_assert(is_busy(t.r));
    late_finish(late);
    step_ns(t.r, 10);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);

    /* write cache off: what is acknowledged is on the medium; on again after a hardware reset */
    out8(t.r, 0x1f1, 0x82);
    out8(t.r, 0x1f7, 0xef);
    late_finish(late);
    step_ns(t.r, 1000000);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    pio_write_one(t.r, 101, 5);
    ck_assert(late->through);
    step_ns(t.r, 1000000);
    ck_assert(is_busy(t.r));
    late->fails_with = BLOCK_IO_ERROR;
    late_finish(late);
    step_ns(t.r, 10);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x71);
    end_late(&t);
}
END_TEST

START_TEST(write_through_drive)
{
    u16 w[256];
    struct ata t = new_late();
    late->b.through = true;
    late->in_time = true;
    rig_reset(t.r, RESET_POWER_ON);
    enable(t.r);
    command(t.r, 0xec);
    for (unsigned i = 0; i < 256; i++)
        w[i] = in16(t.r, 0x1f0);
    ck_assert_uint_eq(w[85], 0x4001); /* no write cache at power-on */
    pio_write_one(t.r, 3, 3);
    ck_assert(late->through);
    step_ns(t.r, 1000000);
    out8(t.r, 0x1f1, 0x02);
    ck_assert_uint_eq(command(t.r, 0xef), 0x50);
    pio_write_one(t.r, 3, 3);
    ck_assert(!late->through);
    end_late(&t);
}
END_TEST

/* A reset doesn't wait for the host: what was written is written, what was read goes nowhere. */
START_TEST(reset_while_late)
{
    struct ata t = new_late();
    u8 sector[512];

    for (unsigned i = 0; i < 2; i++) {
        if (i == 0) {
            set_lba(t.r, 50, 8);
            out8(t.r, 0x1f7, 0x20);
        } else {
            pio_write_one(t.r, 60, 0xfeedface);
        }
        step_ns(t.r, i == 0 ? 1000 : 10000000); /* before the deadline, and behind it */
        out8(t.r, 0x3f6, 4);
        out8(t.r, 0x3f6, 0);
        ck_assert_uint_eq(late->cancelled, i + 1);
        step_ns(t.r, 3000000);
        ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
        ck_assert_uint_eq(in8(t.r, 0x1f1), 1);
        late_finish(late); /* into the buffer that it has, not into the drive's */
        step_ns(t.r, 1000000);
        ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
        ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
        ck_assert_uint_eq(command(t.r, 0xe4), 0x58); /* READ BUFFER */
        ck_assert_uint_eq(in32(t.r, 0x1f0), 0);
        for (u32 k = 1; k < 128; k++)
            in32(t.r, 0x1f0);
    }
    ck_assert_int_eq(block_rw(late->mem, BLOCK_READ, 60, 1, sector), BLOCK_OK);
    ck_assert_uint_eq(ld32(sector), 0xfeedface);
    end_late(&t);
}
END_TEST

/* A snapshot waits; the machine that loads it, and the one that goes on, get the result. */
START_TEST(snapshot_while_late)
{
    struct ata t = new_late();
    set_lba(t.r, 20, 2);
    out8(t.r, 0x1f7, 0x20);
    step_ns(t.r, 10000000);
    ck_assert(is_busy(t.r));
    rig_snapshot_roundtrip(t.r);
    ck_assert_ptr_null(late->r);
    step_ns(t.r, 10);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x58);
    ck_assert_uint_eq(in32(t.r, 0x1f0), 20);
    end_late(&t);

    t = new_late(); /* before the deadline */
    pio_write_one(t.r, 30, 7);
    step_ns(t.r, 1000);
    rig_snapshot_roundtrip(t.r);
    step_ns(t.r, 40000);
    ck_assert(is_busy(t.r));
    step_ns(t.r, 40000);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    ck_assert_uint_eq(late->submitted, 1); /* not written again */
    end_late(&t);
}
END_TEST

static void stop_machine(void *to, struct block *b)
{
    (void)b;
    ++*(unsigned *)to;
}

/* Paused by a full disk, later than the deadline; tried again until it works. */
START_TEST(late_and_stopped)
{
    struct ata t = new_late();
    unsigned stops = 0;
    late->b.on_stop = stop_machine;
    late->b.on_stop_to = &stops;
    late->b.werror = BLOCK_ENOSPC;
    late->fails_with = BLOCK_NO_SPACE;
    pio_write_one(t.r, 40, 0x40404040);
    step_ns(t.r, 1000000);
    ck_assert_uint_eq(stops, 0);
    late_finish(late);
    step_ns(t.r, 10);
    ck_assert_uint_eq(stops, 1);
    ck_assert(is_busy(t.r));
    step_ns(t.r, 110000); /* cont */
    ck_assert_uint_eq(late->submitted, 2);
    late_finish(late);
    step_ns(t.r, 10);
    ck_assert_uint_eq(stops, 2);
    late->fails_with = BLOCK_OK;
    step_ns(t.r, 110000);
    late_finish(late);
    step_ns(t.r, 10);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    ck_assert_uint_eq(stops, 2);
    u8 sector[512];
    ck_assert_int_eq(block_rw(late->mem, BLOCK_READ, 40, 1, sector), BLOCK_OK);
    ck_assert_uint_eq(ld32(sector), 0x40404040);
    end_late(&t);
}
END_TEST

Suite *suite_ata_late(void);
Suite *suite_ata_late(void)
{
    Suite *s = suite_create("ata_late");
    TCase *t = tcase_create("ata_late");
    tcase_add_test(t, late_read);
    tcase_add_test(t, late_write_and_flush);
    tcase_add_test(t, write_through_drive);
    tcase_add_test(t, reset_while_late);
    tcase_add_test(t, snapshot_while_late);
    tcase_add_test(t, late_and_stopped);
    suite_add_tcase(s, t);
    return s;
}
