/* SPDX-License-Identifier: MIT */
/* -kernel, -initrd, -append: what is handed to the option ROM, files that lie, and a kernel of ours that runs
 * by SeaBIOS and that ROM. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bios/optrom/rom.h"
#include "devices/fw_cfg.h"
#include "machine/machine.h"
#include "tests/unit/machine_rig.h"

#define SEABIOS "/usr/share/seabios/bios-256k.bin"
#define SEAVGA "/usr/share/seabios/vgabios-stdvga.bin"

static const u8 halt[] = { 0xf4 };

/* ---- images */

struct image { u8 *p; size_t len; };

/* A bzImage with `body` bytes behind its setup code of `sects` sectors. */
static struct image bzimage(u16 protocol, u8 sects, size_t body)
{
    struct image im = { NULL, ((sects ? sects : 4u) + 1) * 512u + body };

    im.p = calloc(1, im.len);
    im.p[0x1f1] = sects;
    st16(im.p + 0x1fe, 0xaa55);
    memcpy(im.p + 0x202, "HdrS", 4);
    st16(im.p + 0x206, protocol);
    im.p[0x211] = 1;                 /* LOADED_HIGH */
    st32(im.p + 0x22c, 0x37ffffff);  /* initrd_addr_max */
    st32(im.p + 0x238, 2047);        /* cmdline_size */
    st64(im.p + 0x258, 0x100000);    /* pref_address */
    st32(im.p + 0x260, 0x80000);     /* init_size */
    for (size_t k = 0; k < body; k++)
        im.p[im.len - body + k] = (u8)(k + 1);
    return im;
}

/* A multiboot kernel with addresses in its header (a.out kludge). */
static struct image flat(u32 load, u32 load_end, u32 bss_end, u32 entry, size_t len)
{
    struct image im = { calloc(1, len), len };
    u32 flags = 0x10003;

    st32(im.p, 0x1badb002);
    st32(im.p + 4, flags);
    st32(im.p + 8, 0u - 0x1badb002 - flags);
    st32(im.p + 12, load);
    st32(im.p + 16, load);
    st32(im.p + 20, load_end);
    st32(im.p + 24, bss_end);
    st32(im.p + 28, entry);
    return im;
}

/* An ELF file with a multiboot header at 100h and room for `phnum` program headers at 34h. */
static struct image elf(u16 phnum, size_t len)
{
    struct image im = { calloc(1, len), len };
    u8 *p = im.p;

    memcpy(p, "\177ELF\1\1\1", 7);
    st16(p + 16, 2);
    st16(p + 18, 3);
    st32(p + 24, 0x100000);
    st32(p + 28, 0x34);
    st16(p + 42, 32);
    st16(p + 44, phnum);
    st32(p + 0x100, 0x1badb002);
    st32(p + 0x104, 3);
    st32(p + 0x108, 0u - 0x1badb002 - 3);
    return im;
}

static void segment(struct image *im, unsigned n, u32 off, u32 pa, u32 fsz, u32 msz)
{
    u8 *ph = im->p + 0x34 + n * 32;

    st32(ph, 1);
    st32(ph + 4, off);
    st32(ph + 8, pa);
    st32(ph + 12, pa);
    st32(ph + 16, fsz);
    st32(ph + 20, msz);
}

static struct nb_machine *build(struct image im, const char *m, const char *append,
                                const char *initrd, struct nb_error *e)
{
    const char *pairs[] = { "m", m, "kernel", rig_write("k", im.p, im.len), NULL };
    struct nb_config *cfg = rig_config(halt, sizeof halt, pairs);

    if (append)
        rig_set(cfg, "append", append);
    if (initrd)
        rig_set(cfg, "initrd", initrd);
    struct nb_machine *nm = nb_new(cfg, e);
    nb_config_free(cfg);
    free(im.p);
    return nm;
}

static void refused(const char *text, struct image im, const char *m, const char *append,
                    const char *initrd)
{
    struct nb_error e = { 0 };
    struct nb_machine *nm = build(im, m, append, initrd, &e);

    ck_assert_msg(nm == NULL, "taken, though \"%s\"", text);
    ck_assert_msg(strstr(e.text, text) != NULL, "\"%s\" does not say \"%s\"", e.text, text);
    ck_assert_int_eq(e.code, 1);
    ck_assert_ptr_null(strchr(e.text, '\n'));
}

static struct nb_machine *taken(struct image im, const char *m, const char *append,
                                const char *initrd)
{
    struct nb_error e = { 0 };
    struct nb_machine *nm = build(im, m, append, initrd, &e);

    ck_assert_msg(nm != NULL, "%s", e.text);
    return nm;
}

/* ---- what the firmware sees, by the fw_cfg ports */

static void fw_get(struct nb_machine *m, u16 key, void *buf, size_t len)
{
    space_write(&m->io, 0x510, key, 2);
    for (size_t k = 0; k < len; k++)
        ((u8 *)buf)[k] = (u8)space_read(&m->io, 0x511, 1);
}

static u32 be32(const u8 *p)
{
    return (u32)p[0] << 24 | (u32)p[1] << 16 | (u32)p[2] << 8 | p[3];
}

static u8 *fw_file(struct nb_machine *m, const char *name, u32 *len)
{
    u8 dir[4 + 64 * 64], *data;

    fw_get(m, 0x19, dir, sizeof dir);
    for (u32 k = 0; k < be32(dir); k++) {
        const u8 *f = dir + 4 + k * 64;
        if (strcmp((const char *)f + 8, name) != 0)
            continue;
        *len = be32(f);
        data = malloc(*len);
        fw_get(m, (u16)(f[4] << 8 | f[5]), data, *len);
        return data;
    }
    return NULL;
}

START_TEST(uuid_in_fw_cfg)
{
    static const u8 code[] = { 0xf4 };
    static const char *const pairs[] = { "uuid", "00112233-4455-6677-8899-aabbccddeeff", NULL };
    struct nb_machine *m = rig_machine(code, sizeof code, pairs);
    u8 got[17];

    fw_get(m, FW_CFG_UUID, got, sizeof got);
    for (unsigned k = 0; k < 16; k++)
        ck_assert_uint_eq(got[k], k * 0x11);
    ck_assert_uint_eq(got[16], 0); /* the item's end */
    nb_free(m);
}
END_TEST

struct item { u32 key, addr, len; };

/* The option ROM's table; checks its checksums. */
static unsigned rom_items(struct nb_machine *m, struct item *items, u32 *entry)
{
    u32 len;
    u8 *rom = fw_file(m, "genroms/nestbox-kernel.rom", &len), sum = 0;

    ck_assert_ptr_nonnull(rom);
    ck_assert_uint_eq(ld16(rom), 0xaa55);
    ck_assert_uint_eq(rom[2] * 512u, len);
    for (u32 k = 0; k < len; k++)
        sum = (u8)(sum + rom[k]);
    ck_assert_uint_eq(sum, 0);
    for (u32 k = 0; k < 32; k++)
        sum = (u8)(sum + rom[KROM_PNP + k]);
    ck_assert_uint_eq(sum, 0);
    unsigned n = ld32(rom + KROM_COUNT);
    ck_assert_uint_le(n, KROM_MAX_ITEMS);
    for (unsigned k = 0; k < n; k++) {
        const u8 *at = rom + KROM_TABLE + k * KROM_ITEM;
        items[k] = (struct item){ ld32(at), ld32(at + 4), ld32(at + 8) };
    }
    if (entry)
        *entry = ld32(rom + KROM_ENTRY);
    free(rom);
    return n;
}

static struct item item(struct nb_machine *m, u32 key)
{
    struct item items[KROM_MAX_ITEMS];
    unsigned n = rom_items(m, items, NULL);

    for (unsigned k = 0; k < n; k++)
        if (items[k].key == key)
            return items[k];
    ck_abort_msg("no item %x for the ROM", key);
    return items[0];
}

/* ---- Linux */

START_TEST(linux_placement)
{
    u8 rd[5000];

    memset(rd, 0x5a, sizeof rd);
    struct nb_machine *m = taken(bzimage(0x20f, 15, 70000), "16", "root=/dev/hda vga=0x317",
                                 rig_write("rd", rd, sizeof rd));
    struct item k = item(m, FW_CFG_KERNEL_DATA), s = item(m, FW_CFG_SETUP_DATA),
                c = item(m, FW_CFG_CMDLINE_DATA), r = item(m, FW_CFG_INITRD_DATA);
    u8 setup[16 * 512];
    char cmd[64];

    ck_assert_uint_eq(k.addr, 0x100000);
    ck_assert_uint_eq(k.len, 70000);
    ck_assert_uint_eq(s.addr, 0x10000);
    ck_assert_uint_eq(s.len, 16 * 512);
    ck_assert_uint_eq(c.addr, 0x20000);
    ck_assert_uint_eq(c.len, 24);
    ck_assert_uint_eq(r.len, 5000);
    ck_assert_uint_eq(r.addr & 0xfff, 0);
    ck_assert_uint_eq(r.addr, ((16u << 20) - (512u << 10) - 5000) & ~0xfffu);
    fw_get(m, FW_CFG_SETUP_DATA, setup, sizeof setup);
    ck_assert_uint_eq(setup[0x210], 0xff);
    ck_assert_uint_eq(setup[0x211], 0x81);
    ck_assert_uint_eq(ld32(setup + 0x218), r.addr);
    ck_assert_uint_eq(ld32(setup + 0x21c), 5000);
    ck_assert_uint_eq(ld32(setup + 0x228), 0x20000);
    ck_assert_uint_eq(ld16(setup + 0x1fa), 0x317);
    ck_assert_uint_eq(ld16(setup + 0x224), 0xde00 - 0x200);
    fw_get(m, FW_CFG_CMDLINE_DATA, cmd, 24);
    ck_assert_str_eq(cmd, "root=/dev/hda vga=0x317");
    nb_free(m);
}
END_TEST

START_TEST(linux_vga)
{
    static const struct { const char *append; u16 mode; } rows[] = {
        { "vga=normal", 0xffff }, { "vga=ext", 0xfffe }, { "vga=ask", 0xfffd }, { "vga=791", 791 },
        { "vga=1 vga=2", 2 }, { "xvga=5", 0 }, { "xvga=5 vga=6", 6 }, { "vga=0xF", 15 },
        { "a vga=788 b", 788 },
    };

    for (unsigned k = 0; k < ARRAY_LEN(rows); k++) {
        struct nb_machine *m = taken(bzimage(0x20f, 4, 100), "8", rows[k].append, NULL);
        u8 setup[0x200];
        fw_get(m, FW_CFG_SETUP_DATA, setup, sizeof setup);
        ck_assert_msg(ld16(setup + 0x1fa) == rows[k].mode, "%s: %x", rows[k].append,
                      ld16(setup + 0x1fa));
        nb_free(m);
    }
}
END_TEST

/* Exactly as much as fits. */
START_TEST(linux_limits)
{
    u8 *rd = calloc(1, 4 << 20);
    char *append = calloc(1, 20000);
    struct image im;

    /* 8 MB less 512 KB at the top, 1 MB and init_size at the bottom */
    im = bzimage(0x20f, 4, 1000);
    st32(im.p + 0x260, (8u << 20) - (512u << 10) - (1u << 20) - (4u << 20));
    struct nb_machine *m = taken(im, "8", NULL, rig_write("rd", rd, 4 << 20));
    ck_assert_uint_eq(item(m, FW_CFG_INITRD_DATA).addr, (8u << 20) - (512u << 10) - (4u << 20));
    nb_free(m);
    im = bzimage(0x20f, 4, 1000);
    st32(im.p + 0x260, (8u << 20) - (512u << 10) - (1u << 20) - (4u << 20) + 1);
    refused("4 MB and the kernel do not fit in -m 8M", im, "8", NULL, rig_path("rd"));
    /* initrd_addr_max is the highest address that it may use */
    im = bzimage(0x20f, 4, 1000);
    st32(im.p + 0x22c, 0x5fffff);
    m = taken(im, "16", NULL, rig_path("rd"));
    ck_assert_uint_eq(item(m, FW_CFG_INITRD_DATA).addr, 0x200000);
    nb_free(m);
    im = bzimage(0x20f, 4, 1000);
    st32(im.p + 0x22c, 0xffffffff);
    m = taken(im, "16", NULL, rig_path("rd"));
    nb_free(m);
    /* protocol 2.02 has none: 37FFFFFFh */
    m = taken(bzimage(0x202, 4, 1000), "1024", NULL, rig_path("rd"));
    ck_assert_uint_eq(item(m, FW_CFG_INITRD_DATA).addr, 0x38000000 - (4u << 20));
    nb_free(m);
    free(rd);

    memset(append, 'a', 2047);
    m = taken(bzimage(0x20f, 4, 1000), "8", append, NULL);
    ck_assert_uint_eq(item(m, FW_CFG_CMDLINE_DATA).len, 2048);
    nb_free(m);
    append[2047] = 'b';
    refused("-append: 2048 characters; this kernel takes 2047", bzimage(0x20f, 4, 1000), "8", append,
            NULL);
    append[256] = 0;
    refused("-append: 256 characters; this kernel takes 255", bzimage(0x205, 4, 1000), "8", append,
            NULL);
    append[255] = 0;
    nb_free(taken(bzimage(0x205, 4, 1000), "8", append, NULL));
    memset(append, 'a', 0x4000);
    im = bzimage(0x20f, 4, 1000);
    st32(im.p + 0x238, 0xffffffff);
    refused("-append: 16384 characters; this kernel takes 16383", im, "8", append, NULL);
    free(append);
}
END_TEST

START_TEST(linux_lies)
{
    struct image im = bzimage(0x1ff, 4, 100);
    const char *rd = rig_write("rd", halt, 1);

    refused("boot protocol 1.255 is older than 2.00", im, "8", NULL, NULL);
    im = bzimage(0x20f, 4, 100);
    im.len = 5 * 512;
    refused("truncated (setup code of 2560 bytes in a file of 2560)", im, "8", NULL, NULL);
    im = bzimage(0x20f, 4, 100);
    im.p[0x1f1] = 255;
    refused("truncated (setup code of 131072 bytes", im, "8", NULL, NULL);
    im = bzimage(0x20f, 96, 100);
    refused("truncated (setup code of 49664 bytes", im, "8", NULL, NULL);
    im = bzimage(0x20f, 4, 100);
    im.p[0x211] = 0;
    refused("a zImage (loaded low) is not supported", im, "8", NULL, NULL);
    refused("needs more memory than -m 2M", bzimage(0x20f, 4, 600 << 10), "2", NULL, NULL);
    refused("needs more memory than -m 1M", bzimage(0x20f, 4, 1), "1", NULL, NULL);
    im = bzimage(0x20f, 4, 100);
    st64(im.p + 0x258, UINT64_MAX - 5); /* pref_address + init_size wraps */
    refused("do not fit in -m 8M", im, "8", NULL, rd);
    im = bzimage(0x20f, 4, 100);
    st32(im.p + 0x260, UINT32_MAX);
    refused("do not fit in -m 8M", im, "8", NULL, rd);
    im = bzimage(0x20f, 4, 100);
    st32(im.p + 0x22c, 0);
    refused("do not fit in -m 8M", im, "8", NULL, rd);
    /* short files */
    for (size_t n = 0; n < 0x270; n += 13) {
        im = bzimage(0x20f, 1, 100);
        im.len = n;
        refused("-kernel ", im, "8", NULL, NULL);
    }
}
END_TEST

/* ---- multiboot */

START_TEST(multiboot_flat)
{
    u32 entry;
    struct item items[KROM_MAX_ITEMS];
    u8 info[0x100], data[64];
    struct nb_machine *m = taken(flat(0x100000, 0x100040, 0x101000, 0x100020, 4096), "8", "a b",
                                 rig_write("mod", "hello", 5));

    ck_assert_uint_eq(rom_items(m, items, &entry), 4);
    ck_assert_uint_eq(entry, 0x100020);
    ck_assert_uint_eq(item(m, FW_CFG_KERNEL_DATA).addr, 0x100000);
    ck_assert_uint_eq(item(m, FW_CFG_KERNEL_DATA).len, 0x1000);
    ck_assert_uint_eq(item(m, FW_CFG_INITRD_DATA).addr, 0x101000);
    ck_assert_uint_eq(item(m, FW_CFG_INITRD_DATA).len, 5);
    fw_get(m, FW_CFG_KERNEL_DATA, data, sizeof data);
    ck_assert_uint_eq(ld32(data), 0x1badb002);
    fw_get(m, FW_CFG_SETUP_DATA, info, sizeof info);
    ck_assert_uint_eq(ld32(info), 0x0d);
    ck_assert_uint_eq(ld32(info + 4), 639);
    ck_assert_uint_eq(ld32(info + 8), 7168);
    ck_assert_uint_eq(ld32(info + 20), 1);
    ck_assert_uint_eq(ld32(info + 0x80), 0x101000);
    ck_assert_uint_eq(ld32(info + 0x84), 0x101005);
    nb_free(m);
    /* load_end 0: to the end of the file; bss_end 0: none */
    m = taken(flat(0x200000, 0, 0, 0x200020, 5000), "8", NULL, NULL);
    ck_assert_uint_eq(item(m, FW_CFG_KERNEL_DATA).len, 5000);
    nb_free(m);
}
END_TEST

START_TEST(multiboot_lies)
{
    struct image im;

    refused("wants memory f0000 to f0040; there is 100000 to 780000",
            flat(0xf0000, 0xf0040, 0, 0, 64), "8", NULL, NULL);
    refused("lie outside the file", flat(0x100000, 0x100041, 0, 0, 64), "8", NULL, NULL);
    refused("lie outside the file", flat(0x100000, 0x0fffff, 0, 0, 64), "8", NULL, NULL);
    refused("lie outside the file", flat(0x100000, 0x100040, 0x10003f, 0, 64), "8", NULL, NULL);
    refused("wants memory", flat(0x100000, 0x100040, 0xfffffff0, 0, 64), "8", NULL, NULL);
    refused("wants memory", flat(0xfffffff0, 0, 0, 0, 64), "8", NULL, NULL);
    refused("MB of memory at once; at most 256", flat(0x100000, 0x100040, 0x60000000, 0, 64), "2048",
            NULL, NULL);
    im = flat(0x100000, 0, 0, 0, 64);
    st32(im.p + 12, 0xfffff); /* header before the load address */
    refused("broken multiboot address fields", im, "8", NULL, NULL);
    im = flat(0x100000, 0, 0, 0, 64);
    st32(im.p + 12, 0x100001); /* file offset before the file */
    refused("broken multiboot address fields", im, "8", NULL, NULL);
    im = flat(0x100000, 0, 0, 0, 64);
    im.len = 31;
    refused("the multiboot header is cut off", im, "8", NULL, NULL);
    im = flat(0x100000, 0, 0, 0, 64);
    st32(im.p + 4, 0x10008);
    st32(im.p + 8, 0u - 0x1badb002 - 0x10008);
    refused("multiboot flags 8 are not supported", im, "8", NULL, NULL);
    im = flat(0x100000, 0, 0, 0, 64);
    im.p[8] ^= 1;
    refused("neither a Linux bzImage nor a multiboot kernel", im, "8", NULL, NULL);
    im = flat(0x100000, 0, 0, 0, 64);
    st32(im.p + 4, 3);
    st32(im.p + 8, 0u - 0x1badb002 - 3);
    refused("no 32-bit ELF file and gives no addresses", im, "8", NULL, NULL);

    char *append = calloc(1, 9000);
    memset(append, 'x', 8999);
    refused("too long for a multiboot kernel (8999 characters)", flat(0x100000, 0, 0, 0, 64), "8",
            append, NULL);
    free(append);
    u8 *mod = calloc(1, 7 << 20);
    refused("does not fit in -m 8M", flat(0x100000, 0, 0, 0, 64), "8", NULL,
            rig_write("mod", mod, 7 << 20));
    free(mod);
}
END_TEST

START_TEST(multiboot_elf)
{
    struct image im = elf(2, 8192);
    u8 data[0x3000];

    memset(im.p + 0x1000, 0xaa, 16);
    memset(im.p + 0x1100, 0xbb, 16);
    segment(&im, 0, 0x1000, 0x102000, 16, 0x1000);
    segment(&im, 1, 0x1100, 0x100000, 16, 32);
    struct nb_machine *m = taken(im, "8", NULL, NULL);
    struct item k = item(m, FW_CFG_KERNEL_DATA);
    ck_assert_uint_eq(k.addr, 0x100000);
    ck_assert_uint_eq(k.len, 0x3000);
    fw_get(m, FW_CFG_KERNEL_DATA, data, sizeof data);
    ck_assert_uint_eq(data[15], 0xbb);
    ck_assert_uint_eq(data[16], 0);
    ck_assert_uint_eq(data[0x200f], 0xaa);
    ck_assert_uint_eq(data[0x2010], 0);
    nb_free(m);

    im = elf(1, 8192);
    refused("the ELF file has nothing to load", im, "8", NULL, NULL);
    im = elf(1, 8192);
    segment(&im, 0, 0x1000, 0x100000, 0x1001, 0x2000);
    refused("an ELF segment lies outside the file", im, "8", NULL, NULL);
    im = elf(1, 8192);
    segment(&im, 0, 0xfffffff0, 0x100000, 0x20, 0x2000);
    refused("an ELF segment lies outside the file", im, "8", NULL, NULL);
    im = elf(1, 8192);
    segment(&im, 0, 0x1000, 0x100000, 0x20, 0x1f);
    refused("an ELF segment lies outside the file", im, "8", NULL, NULL);
    im = elf(1, 8192);
    segment(&im, 0, 0x1000, 0xfffffff0, 0x20, 0x20);
    refused("wants memory fffffff0 to 100000010", im, "8", NULL, NULL);
    im = elf(2, 8192);
    segment(&im, 0, 0, 0x100000, 16, 16);
    segment(&im, 1, 0, 0x7fff0, 16, 16);
    refused("wants memory 7fff0", im, "8", NULL, NULL);
    im = elf(0, 8192);
    refused("broken ELF program headers", im, "8", NULL, NULL);
    im = elf(0xffff, 8192);
    refused("broken ELF program headers", im, "8", NULL, NULL);
    im = elf(1, 8192);
    st32(im.p + 28, 0xfffffff0);
    refused("broken ELF program headers", im, "8", NULL, NULL);
    im = elf(1, 8192);
    st16(im.p + 42, 31);
    refused("broken ELF program headers", im, "8", NULL, NULL);
    im = elf(4, 8192);
    for (unsigned n = 0; n < 4; n++)
        segment(&im, n, 0, 0x100000 + n, 8192, 8192);
    refused("its ELF segments overlap", im, "8", NULL, NULL);
}
END_TEST

/* ---- and one that runs: it sends its command line and module to the debug console and leaves with the
 * megabytes of its memory as exit code. */
static const u8 kernel[] = {
    0x02, 0xb0, 0xad, 0x1b, 0x03, 0x00, 0x01, 0x00, 0xfb, 0x4f, 0x51, 0xe4, 0x00, 0x00, 0x10, 0x00,
    0x00, 0x00, 0x10, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0x10, 0x00, 0x20, 0x00, 0x10, 0x00,
    0xba, 0xe9, 0x00, 0x00, 0x00,            /* mov edx, 0xe9 */
    0x3d, 0x02, 0xb0, 0xad, 0x2b,            /* cmp eax, 0x2badb002 */
    0x75, 0x3b,                              /* jne bad */
    0xbe, 0x00, 0x01, 0x10, 0x00,            /* mov esi, 0x100100 */
    0xa0, 0xf0, 0x3f, 0x10, 0x00,            /* mov al, [0x103ff0]: in the bss */
    0x84, 0xc0,                              /* test al, al */
    0x75, 0x2d,                              /* jne bad */
    0x8b, 0x73, 0x10,                        /* mov esi, [ebx + 16] */
    0x8a, 0x06,                              /* next: mov al, [esi] */
    0x84, 0xc0,                              /* test al, al */
    0x74, 0x04,                              /* je done */
    0xee,                                    /* out dx, al */
    0x46,                                    /* inc esi */
    0xeb, 0xf6,                              /* jmp next */
    0xb0, 0x0a,                              /* done: mov al, 10 */
    0xee,                                    /* out dx, al */
    0xf7, 0x03, 0x08, 0x00, 0x00, 0x00,      /* test dword [ebx], 8 */
    0x74, 0x0c,                              /* je nomod */
    0x8b, 0x4b, 0x18,                        /* mov ecx, [ebx + 24] */
    0x8b, 0x31,                              /* mov esi, [ecx] */
    0x8b, 0x49, 0x04,                        /* mov ecx, [ecx + 4] */
    0x29, 0xf1,                              /* sub ecx, esi */
    0xf3, 0x6e,                              /* rep outsb */
    0x8b, 0x43, 0x08,                        /* nomod: mov eax, [ebx + 8] */
    0xc1, 0xe8, 0x0a,                        /* shr eax, 10 */
    0x40,                                    /* inc eax */
    0xe7, 0xf4,                              /* out 0xf4, eax */
    0xb0, 0x7f,                              /* bad: mov al, 0x7f */
    0xe6, 0xf4,                              /* out 0xf4, al */
    0xf4,                                    /* hlt */
};

START_TEST(kernel_runs)
{
    if (access(SEABIOS, R_OK) || access(SEAVGA, R_OK)) {
        fprintf(stderr, "not run: kernel_runs: no %s (package seabios)\n", SEABIOS);
        return;
    }
    char con[200], text[300], want[300];
    snprintf(con, sizeof con, "file:%s", rig_path("con"));
    const char *const pairs[] = {
        "bios", SEABIOS, "vgabios", SEAVGA, "m", "8", "kernel", rig_write("k", kernel, sizeof kernel),
        "append", "one two", "initrd", rig_write("mod", "module text", 11), "debugcon", con,
        "device", "isa-debug-exit", "clock", "counted,ns=10", NULL,
    };
    struct nb_machine *m = rig_machine(halt, sizeof halt, pairs);

    for (unsigned boots = 0; boots < 2; boots++) {
        ck_assert_int_eq(nb_run(m, 20000000000ull), NB_EXIT);
        ck_assert_int_eq(nb_exit_code(m), 8 << 1 | 1);
        nb_reset(m);
    }
    nb_free(m);
    size_t len;
    u8 *out = rig_read(rig_path("con"), &len);
    snprintf(want, sizeof want, "%s one two\nmodule text", rig_path("k"));
    ck_assert_uint_eq(len, 2 * strlen(want));
    snprintf(text, sizeof text, "%.*s", (int)strlen(want), (const char *)out);
    ck_assert_str_eq(text, want);
    free(out);
}
END_TEST

Suite *suite_kernel(void);
Suite *suite_kernel(void)
{
    Suite *s = suite_create("kernel");
    TCase *t = tcase_create("kernel");

    tcase_add_checked_fixture(t, rig_folder_new, rig_folder_remove);
    tcase_add_test(t, linux_placement);
    tcase_add_test(t, linux_vga);
    tcase_add_test(t, linux_limits);
    tcase_add_test(t, linux_lies);
    tcase_add_test(t, multiboot_flat);
    tcase_add_test(t, multiboot_lies);
    tcase_add_test(t, multiboot_elf);
    tcase_add_test(t, kernel_runs);
    tcase_add_test(t, uuid_in_fw_cfg);
    suite_add_tcase(s, t);
    return s;
}
