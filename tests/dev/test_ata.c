/* SPDX-License-Identifier: MIT */
/* ATA disks as drivers use them, through PIIX4's legacy ports: PIO, errors, resets, latencies. */
#include <stdlib.h>

#include "devices/pci.h"
#include "tests/dev/rig.h"

#define SECTORS 20160u /* 20 cylinders of 16 x 63 */

struct ata {
    struct rig *r;
    struct block *disk[2];
};

static struct block *make_disk(u32 sectors, u32 mark)
{
    u8 *data = calloc(sectors, 512);
    for (u32 i = 0; i < sectors; i++) {
        st32(data + i * 512, i + mark);
        st32(data + i * 512 + 508, ~i);
    }
    struct block *b = block_mem(data, sectors, false);
    free(data);
    return b;
}

static struct ata new_ata_with(bool master, bool slave)
{
    struct ata t = { .r = rig_new("i440fx", NULL) };
    t.disk[0] = master ? make_disk(SECTORS, 0) : NULL;
    t.disk[1] = slave ? make_disk(100, 0x1000000) : NULL;
    struct device *ide = rig_make(t.r, "piix4_ide", "ide", "serial0=SN1,model0=A disk");
    ck_assert(device_set_ptr(ide, "disk0", t.disk[0], NULL));
    ck_assert(device_set_ptr(ide, "disk1", t.disk[1], NULL));
    rig_start(t.r, ide);
    ck_assert(pci_bus_add(t.r->sys.pci, (struct pci_device *)ide, 0x09, NULL));
    out32(t.r, 0xcf8, 0x80000940);
    out32(t.r, 0xcfc, 0x80008000);
    out32(t.r, 0xcf8, 0x80000904);
    out8(t.r, 0xcfc, 1);
    step_ns(t.r, 3000000);
    return t;
}

static struct ata new_ata(bool slave)
{
    return new_ata_with(true, slave);
}

static void end_ata(struct ata *t)
{
    rig_free(t->r);
    if (t->disk[0])
        block_close(t->disk[0]);
    block_close(t->disk[1]);
}

static void set_lba(struct rig *r, u32 lba, u8 count)
{
    out8(r, 0x1f6, (u8)(0xe0 | lba >> 24));
    out8(r, 0x1f2, count);
    out8(r, 0x1f3, (u8)lba);
    out8(r, 0x1f4, (u8)(lba >> 8));
    out8(r, 0x1f5, (u8)(lba >> 16));
}

static u32 get_lba(struct rig *r)
{
    return in8(r, 0x1f3) | (u32)in8(r, 0x1f4) << 8 | (u32)in8(r, 0x1f5) << 16 |
           (u32)(in8(r, 0x1f6) & 15) << 24;
}

/* Waits for BSY to fall, as polling firmware does; returns the status. */
static u8 wait_ready(struct rig *r)
{
    for (unsigned i = 0; i < 100000; i++) {
        u8 s = in8(r, 0x3f6);
        if (!(s & 0x80))
            return s;
        step_ns(r, 1000);
    }
    ck_abort_msg("the drive stays busy");
    return 0xff;
}

static u8 command(struct rig *r, u8 cmd)
{
    out8(r, 0x1f7, cmd);
    ck_assert_uint_eq(in8(r, 0x3f6) & 0x80, 0x80); /* never done in the same instruction */
    wait_ready(r);
    return in8(r, 0x1f7);
}

static void get_block(struct rig *r, u16 *words)
{
    for (unsigned i = 0; i < 256; i++)
        words[i] = in16(r, 0x1f0);
}

START_TEST(identify)
{
    struct ata t = new_ata(false);
    u16 w[256];
    ck_assert_uint_eq(command(t.r, 0xec), 0x58);
    get_block(t.r, w);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    ck_assert_uint_eq(w[0], 0x0040);
    ck_assert_uint_eq(w[1], 20);
    ck_assert_uint_eq(w[3], 16);
    ck_assert_uint_eq(w[6], 63);
    ck_assert_uint_eq(w[10], 'S' << 8 | 'N');
    ck_assert_uint_eq(w[11], '1' << 8 | ' ');
    ck_assert_uint_eq(w[27], 'A' << 8 | ' ');
    ck_assert_uint_eq(w[47], 0x8010);
    ck_assert_uint_eq(w[49], 0x0b00);
    ck_assert_uint_eq(w[53], 7);
    ck_assert_uint_eq(w[54], 20);
    ck_assert_uint_eq(w[57] | (u32)w[58] << 16, 20160);
    ck_assert_uint_eq(w[59], 0);
    ck_assert_uint_eq(w[60] | (u32)w[61] << 16, SECTORS);
    ck_assert_uint_eq(w[63], 0x0007);
    ck_assert_uint_eq(w[64], 3);
    ck_assert_uint_eq(w[80], 0x00f0);
    ck_assert_uint_eq(w[82], 0x4021);
    ck_assert_uint_eq(w[83], 0x7400);
    ck_assert_uint_eq(w[84], 0x4000);
    ck_assert_uint_eq(w[85], 0x4021);
    ck_assert_uint_eq(w[88], 0x003f);
    ck_assert_uint_eq(w[93], 0x6001);
    ck_assert_uint_eq(w[100] | (u32)w[101] << 16, SECTORS);
    end_ata(&t);
}
END_TEST

START_TEST(set_features_shows_in_identify)
{
    struct ata t = new_ata(false);
    u16 w[256];
    static const struct { u8 mode; bool ok; u16 w63, w88; } modes[] = {
        { 0x45, true, 0x0007, 0x203f }, { 0x22, true, 0x0407, 0x003f }, { 0x20, true, 0x0107, 0x003f },
        { 0x40, true, 0x0007, 0x013f }, { 0x46, false, 0, 0 }, { 0x23, false, 0, 0 },
        { 0x0c, true, 0x0007, 0x013f }, { 0x0d, false, 0, 0 }, { 0x01, true, 0x0007, 0x013f },
        { 0x02, false, 0, 0 }, { 0xff, false, 0, 0 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(modes); i++) {
        out8(t.r, 0x1f1, 3);
        out8(t.r, 0x1f2, modes[i].mode);
        ck_assert_uint_eq(command(t.r, 0xef), modes[i].ok ? 0x50 : 0x51);
        ck_assert_uint_eq(in8(t.r, 0x1f1), modes[i].ok ? 0 : 4);
        if (!modes[i].ok)
            continue;
        command(t.r, 0xec);
        get_block(t.r, w);
        ck_assert_uint_eq(w[63], modes[i].w63);
        ck_assert_uint_eq(w[88], modes[i].w88);
    }
    out8(t.r, 0x1f1, 0x82);
    ck_assert_uint_eq(command(t.r, 0xef), 0x50);
    ck_assert_uint_eq(t.disk[0]->flush_ops, 1);
    command(t.r, 0xec);
    get_block(t.r, w);
    ck_assert_uint_eq(w[85], 0x4001);
    out8(t.r, 0x1f1, 0x99);
    ck_assert_uint_eq(command(t.r, 0xef), 0x51);
    end_ata(&t);
}
END_TEST

/* One interrupt a block, none after the last; the registers tell the last sector. */
START_TEST(pio_read_interrupts)
{
    struct ata t = new_ata(false);
    u16 w[256];
    set_lba(t.r, 0x1234, 3);
    out8(t.r, 0x1f7, 0x20);
    for (u32 i = 0; i < 3; i++) {
        ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
        wait_ready(t.r);
        ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
        ck_assert_uint_eq(in8(t.r, 0x3f6), 0x58); /* alternate status keeps INTRQ */
        ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
        ck_assert_uint_eq(in8(t.r, 0x1f7), 0x58);
        ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
        if (i == 1)
            rig_snapshot_roundtrip(t.r);
        get_block(t.r, w);
        ck_assert_uint_eq(w[0] | (u32)w[1] << 16, 0x1234 + i);
        ck_assert_uint_eq(w[254] | (u32)w[255] << 16, ~(0x1234 + i));
    }
    step_ns(t.r, 10000000);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    ck_assert_uint_eq(wire_rises(t.r, "ide.irq0"), 3);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    ck_assert_uint_eq(get_lba(t.r), 0x1236);
    ck_assert_uint_eq(in8(t.r, 0x1f2), 0);
    ck_assert_uint_eq(in16(t.r, 0x1f0), 0xffff); /* no data any more */
    end_ata(&t);
}
END_TEST

START_TEST(read_256_sectors_and_mid_block_snapshot)
{
    struct ata t = new_ata(false);
    set_lba(t.r, 500, 0);
    out8(t.r, 0x1f7, 0x20);
    for (u32 i = 0; i < 256; i++) {
        ck_assert_uint_eq(wait_ready(t.r), 0x58);
        u32 v = in32(t.r, 0x1f0);
        ck_assert_uint_eq(v, 500 + i);
        if (i % 64 == 37)
            rig_snapshot_roundtrip(t.r);
        for (u32 k = 0; k < 126; k++)
            in32(t.r, 0x1f0);
        ck_assert_uint_eq(in32(t.r, 0x1f0), ~(500 + i));
    }
    ck_assert_uint_eq(wait_ready(t.r), 0x50);
    ck_assert_uint_eq(get_lba(t.r), 755);
    end_ata(&t);
}
END_TEST

START_TEST(read_multiple)
{
    struct ata t = new_ata(false);
    set_lba(t.r, 9, 5);
    ck_assert_uint_eq(command(t.r, 0xc4), 0x51); /* not before SET MULTIPLE */
    ck_assert_uint_eq(in8(t.r, 0x1f1), 4);
    for (unsigned n = 0; n < 256; n++) {
        bool ok = n == 0 || n == 1 || n == 2 || n == 4 || n == 8 || n == 16;
        out8(t.r, 0x1f2, (u8)n);
        ck_assert_uint_eq(command(t.r, 0xc6), ok ? 0x50 : 0x51);
    }
    out8(t.r, 0x1f2, 4);
    command(t.r, 0xc6);
    u32 before = wire_rises(t.r, "ide.irq0");
    set_lba(t.r, 9, 6);
    out8(t.r, 0x1f7, 0xc4);
    for (u32 i = 0; i < 6; i++) {
        if (i % 4 == 0) {
            ck_assert_uint_eq(wait_ready(t.r), 0x58);
            in8(t.r, 0x1f7);
        }
        ck_assert_uint_eq(in32(t.r, 0x1f0), 9 + i);
        for (u32 k = 0; k < 127; k++)
            in32(t.r, 0x1f0);
    }
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x50);
    ck_assert_uint_eq(wire_rises(t.r, "ide.irq0") - before, 2);
    ck_assert_uint_eq(get_lba(t.r), 14);
    end_ata(&t);
}
END_TEST

static void put_block(struct rig *r, u32 v)
{
    for (u32 i = 0; i < 128; i++)
        out32(r, 0x1f0, v + i);
}

/* D5, S5: Windows 2000's port driver loses an interrupt that comes within the instruction that asked. */
START_TEST(no_interrupt_is_early)
{
    static const struct { u8 cmd, feature; u32 ns; } t[] = {
        { 0x20, 0, 100000 }, { 0xc4, 0, 100000 }, { 0x40, 0, 50000 }, { 0xec, 0, 50000 }, { 0xef, 0x02, 50000 },
        { 0xe7, 0, 50000 }, { 0xe5, 0, 50000 }, { 0x91, 0, 50000 }, { 0xf5, 0, 50000 }, { 0xff, 0, 50000 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(t); i++) {
        struct ata a = new_ata(false);
        set_lba(a.r, 5, 1);
        out8(a.r, 0x1f1, t[i].feature);
        out8(a.r, 0x1f7, 0xc6); /* so that C4h is legal */
        wait_ready(a.r);
        in8(a.r, 0x1f7);
        out8(a.r, 0x1f7, t[i].cmd);
        ck_assert_uint_eq(in8(a.r, 0x3f6) & 0x80, 0x80);
        step_ns(a.r, t[i].ns - 1000);
        ck_assert_msg(!wire(a.r, "ide.irq0"), "command %02x", t[i].cmd);
        step_ns(a.r, 20000000);
        ck_assert_msg(wire(a.r, "ide.irq0"), "command %02x never", t[i].cmd);
        end_ata(&a);
    }
}
END_TEST

START_TEST(pio_write)
{
    struct ata t = new_ata(false);
    u8 b[512];
    set_lba(t.r, 77, 2);
    out8(t.r, 0x1f7, 0x30);
    ck_assert_uint_eq(wait_ready(t.r), 0x58);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0); /* none for the first DRQ */
    put_block(t.r, 0x11110000);
    ck_assert_uint_eq(in8(t.r, 0x3f6) & 0x88, 0x80);
    step_ns(t.r, 49000); /* a write's interrupt never comes early */
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    rig_snapshot_roundtrip(t.r);
    ck_assert_uint_eq(wait_ready(t.r), 0x58);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
    in8(t.r, 0x1f7);
    for (u32 i = 0; i < 64; i++)
        out32(t.r, 0x1f0, 0x22220000 + i);
    rig_snapshot_roundtrip(t.r); /* in the middle of a block */
    for (u32 i = 64; i < 128; i++)
        out32(t.r, 0x1f0, 0x22220000 + i);
    ck_assert_uint_eq(wait_ready(t.r), 0x50);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
    ck_assert_uint_eq(get_lba(t.r), 78);
    ck_assert_int_eq(block_rw(t.disk[0], BLOCK_READ, 77, 1, b), BLOCK_OK);
    ck_assert_uint_eq(ld32(b), 0x11110000);
    ck_assert_int_eq(block_rw(t.disk[0], BLOCK_READ, 78, 1, b), BLOCK_OK);
    ck_assert_uint_eq(ld32(b + 508), 0x2222007f);
    end_ata(&t);
}
END_TEST

START_TEST(lba48)
{
    struct ata t = new_ata(false);
    out8(t.r, 0x1f6, 0xe0);
    out8(t.r, 0x1f2, 1); /* high bytes first: 0x0100 sectors */
    out8(t.r, 0x1f3, 0);
    out8(t.r, 0x1f4, 0);
    out8(t.r, 0x1f5, 0);
    out8(t.r, 0x1f2, 0);
    out8(t.r, 0x1f3, 0x30);
    out8(t.r, 0x1f4, 0x02);
    out8(t.r, 0x1f5, 0);
    out8(t.r, 0x3f6, 0x80); /* HOB shows the high bytes */
    ck_assert_uint_eq(in8(t.r, 0x1f2), 1);
    ck_assert_uint_eq(in8(t.r, 0x1f3), 0);
    out8(t.r, 0x3f6, 0);
    ck_assert_uint_eq(in8(t.r, 0x1f2), 0);
    out8(t.r, 0x1f7, 0x24);
    for (u32 i = 0; i < 256; i++) {
        ck_assert_uint_eq(wait_ready(t.r), 0x58);
        ck_assert_uint_eq(in32(t.r, 0x1f0), 0x230 + i);
        for (u32 k = 0; k < 127; k++)
            in32(t.r, 0x1f0);
    }
    ck_assert_uint_eq(wait_ready(t.r), 0x50);
    /* beyond the end by a high byte */
    out8(t.r, 0x1f5, 1);
    out8(t.r, 0x1f5, 0);
    out8(t.r, 0x1f2, 0);
    out8(t.r, 0x1f2, 1);
    out8(t.r, 0x1f7, 0x24);
    wait_ready(t.r);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0x51);
    ck_assert_uint_eq(in8(t.r, 0x1f1), 0x10);
    end_ata(&t);
}
END_TEST

START_TEST(chs_translation)
{
    struct ata t = new_ata(false);
    static const struct { u8 c, h, s; bool ok; } at[] = {
        { 0, 0, 1, true }, { 19, 15, 63, true }, { 0, 0, 0, false }, { 0, 0, 64, false },
        { 20, 0, 1, false }, { 3, 7, 9, true },
    };
    for (unsigned i = 0; i < ARRAY_LEN(at); i++) {
        out8(t.r, 0x1f6, (u8)(0xa0 | at[i].h));
        out8(t.r, 0x1f2, 1);
        out8(t.r, 0x1f3, at[i].s);
        out8(t.r, 0x1f4, at[i].c);
        out8(t.r, 0x1f5, 0);
        u8 s = command(t.r, 0x20);
        ck_assert_uint_eq(s, at[i].ok ? 0x58 : 0x51);
        if (at[i].ok) {
            ck_assert_uint_eq(in32(t.r, 0x1f0), (at[i].c * 16u + at[i].h) * 63 + at[i].s - 1u);
            for (u32 k = 0; k < 127; k++)
                in32(t.r, 0x1f0);
        } else {
            ck_assert_uint_eq(in8(t.r, 0x1f1), 0x10);
        }
    }
    out8(t.r, 0x1f6, 0xa7); /* 8 heads of 17 */
    out8(t.r, 0x1f2, 17);
    ck_assert_uint_eq(command(t.r, 0x91), 0x50);
    out8(t.r, 0x1f6, 0xa3);
    out8(t.r, 0x1f2, 2); /* crosses a track */
    out8(t.r, 0x1f3, 17);
    out8(t.r, 0x1f4, 5);
    out8(t.r, 0x1f7, 0x20);
    for (u32 i = 0; i < 2; i++) {
        wait_ready(t.r);
        ck_assert_uint_eq(in32(t.r, 0x1f0), (5 * 8 + 3) * 17 + 16 + i);
        for (u32 k = 0; k < 127; k++)
            in32(t.r, 0x1f0);
    }
    ck_assert_uint_eq(in8(t.r, 0x1f3), 1);
    ck_assert_uint_eq(in8(t.r, 0x1f6) & 15, 4);
    out8(t.r, 0x1f2, 0);
    ck_assert_uint_eq(command(t.r, 0x91), 0x51);
    end_ata(&t);
}
END_TEST

/* What lies before the end is delivered, then IDNF with the first bad address. */
START_TEST(read_over_the_end)
{
    struct ata t = new_ata(false);
    set_lba(t.r, SECTORS - 2, 4);
    out8(t.r, 0x1f7, 0x20);
    for (u32 i = 0; i < 2; i++) {
        ck_assert_uint_eq(wait_ready(t.r), 0x58);
        ck_assert_uint_eq(in32(t.r, 0x1f0), SECTORS - 2 + i);
        for (u32 k = 0; k < 127; k++)
            in32(t.r, 0x1f0);
    }
    ck_assert_uint_eq(wait_ready(t.r), 0x51);
    ck_assert_uint_eq(in8(t.r, 0x1f1), 0x10);
    ck_assert_uint_eq(get_lba(t.r), SECTORS);
    ck_assert_uint_eq(in8(t.r, 0x1f2), 2);
    set_lba(t.r, 0x0fffffff, 1);
    ck_assert_uint_eq(command(t.r, 0x20), 0x51);
    ck_assert_uint_eq(in8(t.r, 0x1f1), 0x10);
    set_lba(t.r, SECTORS - 1, 2);
    ck_assert_uint_eq(command(t.r, 0x40), 0x51);
    set_lba(t.r, 0, 1); /* a later success clears the error */
    ck_assert_uint_eq(command(t.r, 0x40), 0x50);
    ck_assert_uint_eq(in8(t.r, 0x1f1), 0);
    end_ata(&t);
}
END_TEST

START_TEST(unknown_commands_abort)
{
    static const u8 cmds[] = { 0x00, 0x08, 0x50, 0x87, 0xa0, 0xa1, 0xb1, 0xc0, 0xda, 0xde, 0xf1,
                               0xf9, 0xff };
    struct ata t = new_ata(false);
    for (unsigned i = 0; i < ARRAY_LEN(cmds); i++) {
        u32 before = wire_rises(t.r, "ide.irq0");
        ck_assert_msg(command(t.r, cmds[i]) == 0x51, "command %02x", cmds[i]);
        ck_assert_uint_eq(in8(t.r, 0x1f1), 4);
        ck_assert_uint_eq(wire_rises(t.r, "ide.irq0"), before + 1);
    }
    end_ata(&t);
}
END_TEST

START_TEST(power_smart_and_others)
{
    struct ata t = new_ata(false);
    u16 w[256];
    u8 sum = 0;
    ck_assert_uint_eq(command(t.r, 0xe5), 0x50);
    ck_assert_uint_eq(in8(t.r, 0x1f2), 0xff);
    command(t.r, 0xe0);
    command(t.r, 0xe5);
    ck_assert_uint_eq(in8(t.r, 0x1f2), 0x00);
    ck_assert_uint_eq(command(t.r, 0xe7), 0x50);
    ck_assert_uint_eq(command(t.r, 0xea), 0x50);
    ck_assert_uint_eq(t.disk[0]->flush_ops, 2);
    ck_assert_uint_eq(command(t.r, 0xf5), 0x50);
    ck_assert_uint_eq(command(t.r, 0x10), 0x50);
    out8(t.r, 0x1f1, 0xd0);
    ck_assert_uint_eq(command(t.r, 0xb0), 0x51); /* no key */
    out8(t.r, 0x1f4, 0x4f);
    out8(t.r, 0x1f5, 0xc2);
    ck_assert_uint_eq(command(t.r, 0xb0), 0x58);
    get_block(t.r, w);
    for (unsigned i = 0; i < 256; i++)
        sum = (u8)(sum + (w[i] & 0xff) + (w[i] >> 8));
    ck_assert_uint_eq(sum, 0);
    out8(t.r, 0x1f1, 0xda);
    ck_assert_uint_eq(command(t.r, 0xb0), 0x50);
    ck_assert_uint_eq(in8(t.r, 0x1f4), 0x4f);
    out8(t.r, 0x1f6, 0xe0);
    ck_assert_uint_eq(command(t.r, 0xf8), 0x50);
    ck_assert_uint_eq(get_lba(t.r), SECTORS - 1);
    command(t.r, 0xe8);
    put_block(t.r, 0x5000);
    ck_assert_uint_eq(wait_ready(t.r), 0x50);
    ck_assert_uint_eq(command(t.r, 0xe4), 0x58);
    ck_assert_uint_eq(in32(t.r, 0x1f0), 0x5000);
    end_ata(&t);
}
END_TEST

START_TEST(interrupt_enable)
{
    struct ata t = new_ata(false);
    out8(t.r, 0x3f6, 2); /* nIEN */
    out8(t.r, 0x1f7, 0xe7);
    wait_ready(t.r);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    out8(t.r, 0x3f6, 0); /* it is still pending */
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
    out8(t.r, 0x1f6, 0xb0); /* the absent slave doesn't drive INTRQ */
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    out8(t.r, 0x1f6, 0xa0);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 1);
    in8(t.r, 0x1f7);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    end_ata(&t);
}
END_TEST

START_TEST(software_reset)
{
    struct ata t = new_ata(true);
    set_lba(t.r, 5, 2);
    out8(t.r, 0x1f7, 0x30);
    step_ns(t.r, 10000);
    out8(t.r, 0x1f6, 0xf3);
    out8(t.r, 0x3f6, 4);
    ck_assert_uint_eq(in8(t.r, 0x3f6), 0x80);
    step_ns(t.r, 100000000);
    ck_assert_uint_eq(in8(t.r, 0x3f6), 0x80);
    out8(t.r, 0x3f6, 0);
    step_ns(t.r, 1000);
    ck_assert_uint_eq(in8(t.r, 0x3f6), 0x80);
    rig_snapshot_roundtrip(t.r);
    ck_assert_uint_eq(wait_ready(t.r), 0x50);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    for (u8 i = 0; i < 2; i++) {
        ck_assert_uint_eq(in8(t.r, 0x1f1), 1);
        ck_assert_uint_eq(in8(t.r, 0x1f2), 1);
        ck_assert_uint_eq(in8(t.r, 0x1f3), 1);
        ck_assert_uint_eq(in8(t.r, 0x1f4), 0);
        ck_assert_uint_eq(in8(t.r, 0x1f5), 0);
        ck_assert_uint_eq(in8(t.r, 0x1f6), i ? 0xb0 : 0xa0);
        out8(t.r, 0x1f6, 0xb0);
    }
    out8(t.r, 0x1f6, 0xa0);
    ck_assert_uint_eq(command(t.r, 0x90), 0x50); /* diagnostics: with an interrupt */
    ck_assert_uint_eq(in8(t.r, 0x1f1), 1);
    end_ata(&t);
}
END_TEST

START_TEST(two_drives)
{
    struct ata t = new_ata(true);
    set_lba(t.r, 3, 1); /* both task files take the writes */
    out8(t.r, 0x1f6, 0xf0);
    ck_assert_uint_eq(in8(t.r, 0x1f3), 3);
    ck_assert_uint_eq(command(t.r, 0x20), 0x58);
    ck_assert_uint_eq(in32(t.r, 0x1f0), 0x1000003);
    out8(t.r, 0x1f3, 99); /* ignored while DRQ */
    ck_assert_uint_eq(in8(t.r, 0x1f3), 3);
    for (u32 k = 0; k < 127; k++)
        in32(t.r, 0x1f0);
    out8(t.r, 0x1f3, 100); /* the slave has 100 sectors, the master more */
    ck_assert_uint_eq(command(t.r, 0x20), 0x51);
    out8(t.r, 0x1f6, 0xe0);
    ck_assert_uint_eq(command(t.r, 0x20), 0x58);
    end_ata(&t);
}
END_TEST

/* A slave alone, found as SeaBIOS looks for it: registers that keep what is written answer for the absent
 * master, whose status is 0. */
START_TEST(slave_alone)
{
    struct ata t = new_ata_with(false, true);
    u16 w[256];

    for (unsigned pass = 0; pass < 2; pass++) {
        for (u8 dev = 0xa0; dev <= 0xb0; dev += 0x10) {
            out8(t.r, 0x1f6, dev);
            ck_assert_uint_eq(in8(t.r, 0x1f7), dev == 0xa0 ? 0x00 : 0x50);
            out8(t.r, 0x1f2, 0x55);
            out8(t.r, 0x1f3, 0xaa);
            ck_assert_uint_eq(in8(t.r, 0x1f2), 0x55);
            ck_assert_uint_eq(in8(t.r, 0x1f3), 0xaa);
            ck_assert_uint_eq(in8(t.r, 0x1f6), dev);
        }
        out8(t.r, 0x1f6, 0xa0); /* nobody obeys */
        out8(t.r, 0x1f7, 0xec);
        ck_assert_uint_eq(in8(t.r, 0x1f7), 0x00);
        out8(t.r, 0x1f6, 0xb0);
        out8(t.r, 0x1f7, 0xec);
        ck_assert_uint_eq(wait_ready(t.r), 0x58);
        get_block(t.r, w);
        ck_assert_uint_eq(w[60], 100);
        out8(t.r, 0x3f6, 4); /* and again after a software reset */
        step_ns(t.r, 10000);
        out8(t.r, 0x1f6, 0xb0);
        out8(t.r, 0x1f7, 0xec); /* no commands while it is held */
        out8(t.r, 0x3f6, 0);
        step_ns(t.r, 3000000);
    }
    end_ata(&t);
}
END_TEST

START_TEST(absent_drives)
{
    struct ata t = new_ata(false);
    out8(t.r, 0x1f6, 0xb0); /* no slave: the master answers with status 0 */
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0);
    out8(t.r, 0x1f2, 0x55);
    ck_assert_uint_eq(in8(t.r, 0x1f2), 0x55);
    out8(t.r, 0x1f7, 0xec);
    step_ns(t.r, 100000000);
    ck_assert_uint_eq(in8(t.r, 0x1f7), 0);
    ck_assert_int_eq(wire(t.r, "ide.irq0"), 0);
    ck_assert_uint_eq(in8(t.r, 0x177), 0xff); /* an empty channel floats */
    out8(t.r, 0x172, 0x55);
    ck_assert_uint_eq(in8(t.r, 0x172), 0xff);
    out8(t.r, 0x177, 0xec);
    step_ns(t.r, 1000000);
    ck_assert_uint_eq(in8(t.r, 0x177), 0xff);
    ck_assert_int_eq(wire(t.r, "ide.irq1"), 0);
    end_ata(&t);
}
END_TEST

static void fail_wait(struct block *b, struct block_req *q)
{
    (void)b;
    (void)q;
}

static void fail_submit(struct block *b, struct block_req *q)
{
    (void)b;
    q->status = q->sector <= 42 && 42 < q->sector + q->count ? BLOCK_IO_ERROR : BLOCK_OK;
    ck_assert_uint_eq((uintptr_t)q->buf % 4096, 0); /* elsewhere the host's copy takes three times as long */
    if (q->op == BLOCK_READ)
        memset(q->buf, 0x11, (size_t)q->count * 512);
}

/* The bad sector is found and named; what lies before it is delivered. */
START_TEST(host_errors)
{
    struct ata t = new_ata(false);
    const struct block_ops *was = t.disk[0]->ops;
    static const struct block_ops bad = { .format = "bad", .submit = fail_submit,
                                          .wait = fail_wait };
    t.disk[0]->ops = &bad;
    set_lba(t.r, 40, 8);
    out8(t.r, 0x1f7, 0x20);
    for (u32 i = 0; i < 2; i++) {
        ck_assert_uint_eq(wait_ready(t.r), 0x58);
        for (u32 k = 0; k < 128; k++)
            ck_assert_uint_eq(in32(t.r, 0x1f0), 0x11111111);
    }
    ck_assert_uint_eq(wait_ready(t.r), 0x51);
    ck_assert_uint_eq(in8(t.r, 0x1f1), 0x40);
    ck_assert_uint_eq(get_lba(t.r), 42);
    set_lba(t.r, 42, 1);
    out8(t.r, 0x1f7, 0x30);
    wait_ready(t.r);
    put_block(t.r, 0);
    ck_assert_uint_eq(wait_ready(t.r), 0x71);
    ck_assert_uint_eq(in8(t.r, 0x1f1), 4);
    t.disk[0]->ops = was;
    t.disk[0]->read_only = true;
    out8(t.r, 0x1f7, 0x30);
    wait_ready(t.r);
    put_block(t.r, 0);
    ck_assert_uint_eq(wait_ready(t.r), 0x51);
    ck_assert_uint_eq(in8(t.r, 0x1f1) & 0x40, 0x40);
    end_ata(&t);
}
END_TEST

Suite *suite_ata(void);
Suite *suite_ata(void)
{
    Suite *s = suite_create("ata");
    TCase *t = tcase_create("ata");
    tcase_add_test(t, identify);
    tcase_add_test(t, set_features_shows_in_identify);
    tcase_add_test(t, pio_read_interrupts);
    tcase_add_test(t, read_256_sectors_and_mid_block_snapshot);
    tcase_add_test(t, read_multiple);
    tcase_add_test(t, no_interrupt_is_early);
    tcase_add_test(t, pio_write);
    tcase_add_test(t, lba48);
    tcase_add_test(t, chs_translation);
    tcase_add_test(t, read_over_the_end);
    tcase_add_test(t, unknown_commands_abort);
    tcase_add_test(t, power_smart_and_others);
    tcase_add_test(t, interrupt_enable);
    tcase_add_test(t, software_reset);
    tcase_add_test(t, two_drives);
    tcase_add_test(t, slave_alone);
    tcase_add_test(t, absent_drives);
    tcase_add_test(t, host_errors);
    suite_add_tcase(s, t);
    return s;
}
