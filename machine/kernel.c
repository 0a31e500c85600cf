/* SPDX-License-Identifier: MIT */
/* -kernel, -initrd, -append: Linux bzImage/zImage (Documentation/x86/boot.rst, protocol 2.00 to 2.15) and
 * multiboot 1 (0.6.96). Images are checked and prepared here and handed to our option ROM
 * (bios/optrom/kernel.S) as fw_cfg items; the ROM copies them when the firmware boots it.
 *
 * All offsets and sizes come from files that nobody vouches for: each is checked before use. */
#include "machine/machine.h"

#include "bios/optrom/rom.h"
#include "core/xalloc.h"
#include "devices/fw_cfg.h"

#define MAX_KERNEL (256u << 20)
#define MAX_INITRD (2048u << 20)
/* The firmware keeps its tables at the top of RAM. */
#define TOP_MARGIN (512u << 10)

#define SETUP_AT 0x10000u
#define CMDLINE_AT 0x20000u
#define CMDLINE_MAX 0x4000u
#define HEAP_END 0xde00u /* offset in the setup segment; the ROM's stack is above it */
#define MB_INFO_AT 0x9000u
#define MB_STRINGS_AT 0x9100u

struct rom {
    u8 *data;
    u32 len;
    unsigned items;
};

static void rom_put(struct rom *r, u32 off, u32 v)
{
    st32(r->data + off, v);
}

static bool rom_item(struct nb_machine *m, struct rom *r, u16 key, u32 addr, const void *data,
                     u32 len, struct err *e)
{
    u32 at = KROM_TABLE + r->items * KROM_ITEM;

    if (r->items == KROM_MAX_ITEMS || !fw_cfg_add_key(m->fw_cfg, key, data, len))
        return err_set(e, ERR_INTERNAL, "the kernel loader's table is full");
    rom_put(r, at, key);
    rom_put(r, at + 4, addr);
    rom_put(r, at + 8, len);
    rom_put(r, KROM_COUNT, ++r->items);
    return true;
}

static void fix_checksum(u8 *p, u32 len, u32 at)
{
    u8 sum = 0;

    p[at] = 0;
    for (u32 k = 0; k < len; k++)
        sum = (u8)(sum + p[k]);
    p[at] = (u8)-sum;
}

static u32 ram_top(const struct nb_machine *m)
{
    u32 top = m->cfg->ram_mb << 20;

    return top > TOP_MARGIN + 0x100000 ? top - TOP_MARGIN : 0;
}

static u8 *read_image(const char *file, const char *opt, size_t limit, size_t *len, struct err *e)
{
    u8 *p = os_read_file(file, limit, len, e);

    if (!p)
        err_prefix(e, "-%s %s", opt, file);
    return p;
}

/* ---- Linux */

static bool load_linux(struct nb_machine *m, struct rom *r, const u8 *k, size_t len, struct err *e)
{
    const struct config *cfg = m->cfg;
    const char *cmdline = cfg->append ? cfg->append : "";
    u16 protocol = ld16(k + 0x206);
    u32 setup_sects = k[0x1f1] ? k[0x1f1] : 4;
    u32 setup_len = (setup_sects + 1) * 512;
    u32 cmd_max = protocol >= 0x206 ? ld32(k + 0x238) : 255;
    size_t cmd_len = strlen(cmdline);
    bool high = k[0x211] & 1;
    bool ok;

    if (protocol < 0x200)
        return err_set(e, ERR_CONFIG, "-kernel %s: boot protocol %u.%02u is older than 2.00",
                       cfg->kernel, protocol >> 8, protocol & 0xff);
    if (setup_len >= len || setup_len > 0xc000)
        return err_set(e, ERR_CONFIG, "-kernel %s: truncated (setup code of %u bytes in a file of "
                       "%zu)", cfg->kernel, setup_len, len);
    cmd_max = MIN(cmd_max, CMDLINE_MAX - 1);
    if (cmd_len > cmd_max)
        return err_set(e, ERR_CONFIG, "-append: %zu characters; this kernel takes %u", cmd_len,
                       cmd_max);
    u32 kernel_at = high ? 0x100000 : 0x10000;
    u32 kernel_len = (u32)len - setup_len;
    u32 setup_at = high ? SETUP_AT : 0x90000;
    if (!high)
        return err_set(e, ERR_CONFIG, "-kernel %s: a zImage (loaded low) is not supported; use a "
                       "bzImage", cfg->kernel);
    if (kernel_at + (u64)kernel_len > ram_top(m))
        return err_set(e, ERR_CONFIG, "-kernel %s: needs more memory than -m %uM", cfg->kernel,
                       cfg->ram_mb);

    u8 *setup = xcalloc(1, setup_len);
    memcpy(setup, k, setup_len);
    u32 initrd_at = 0;
    size_t initrd_len = 0;
    u8 *initrd = NULL;
    if (cfg->initrd) {
        u32 max = protocol >= 0x203 ? ld32(k + 0x22c) : 0x37ffffff;
        initrd = read_image(cfg->initrd, "initrd", MAX_INITRD, &initrd_len, e);
        if (!initrd) {
            xfree(setup);
            return false;
        }
        /* the kernel unpacks itself to pref_address and up: stay clear of all it may need */
        u64 init_size = protocol >= 0x20a ? ld32(k + 0x260) : kernel_len;
        u64 pref = protocol >= 0x20a ? MIN(ld64(k + 0x258), (u64)UINT32_MAX) : kernel_at;
        u64 top = MIN((u64)ram_top(m), (u64)max + 1);
        u64 low = MAX(pref + init_size, (u64)kernel_at + kernel_len);
        if (top < initrd_len || ((top - initrd_len) & ~(u64)PAGE_MASK) < low) {
            xfree(initrd);
            xfree(setup);
            return err_set(e, ERR_CONFIG, "-initrd %s: %zu MB and the kernel do not fit in -m %uM",
                           cfg->initrd, initrd_len >> 20, cfg->ram_mb);
        }
        initrd_at = (u32)((top - initrd_len) & ~(u64)PAGE_MASK);
        st32(setup + 0x218, initrd_at);
        st32(setup + 0x21c, (u32)initrd_len);
    }
    setup[0x210] = 0xff; /* a loader without a number */
    if (protocol >= 0x201) {
        setup[0x211] |= 0x80; /* CAN_USE_HEAP */
        st16(setup + 0x224, HEAP_END - 0x200);
    }
    if (protocol >= 0x202) {
        st32(setup + 0x228, CMDLINE_AT);
    } else {
        st16(setup + 0x20, 0xa33f);
        st16(setup + 0x22, (u16)(CMDLINE_AT - setup_at));
    }
    /* vga= of the command line is the boot loader's business (boot.rst, "special options") */
    const char *vga = NULL;
    for (const char *p = strstr(cmdline, "vga="); p; p = strstr(p + 1, "vga="))
        if (p == cmdline || p[-1] == ' ')
            vga = p; /* the last one counts */
    if (vga) {
        u32 mode = 0xffff;
        if (!strncmp(vga + 4, "ext", 3))
            mode = 0xfffe;
        else if (!strncmp(vga + 4, "ask", 3))
            mode = 0xfffd;
        else if (strncmp(vga + 4, "normal", 6)) {
            unsigned base = vga[4] == '0' && (vga[5] | 32) == 'x' ? 16 : 10;
            mode = 0;
            for (const char *p = vga + (base == 16 ? 6 : 4); *p && *p != ' '; p++) {
                unsigned d = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0') :
                             (*p | 32) >= 'a' && (*p | 32) <= 'f' ? (unsigned)((*p | 32) - 'a' + 10) : 99;
                if (d >= base)
                    break;
                mode = mode * base + d;
            }
        }
        st16(setup + 0x1fa, (u16)mode);
    }
    ok = rom_item(m, r, FW_CFG_SETUP_DATA, setup_at, setup, setup_len, e) &&
         rom_item(m, r, FW_CFG_CMDLINE_DATA, CMDLINE_AT, cmdline, (u32)cmd_len + 1, e) &&
         rom_item(m, r, FW_CFG_KERNEL_DATA, kernel_at, k + setup_len, kernel_len, e) &&
         (!initrd || rom_item(m, r, FW_CFG_INITRD_DATA, initrd_at, initrd, (u32)initrd_len, e));
    rom_put(r, KROM_KIND, KROM_LINUX);
    xfree(initrd);
    xfree(setup);
    return ok;
}

/* ---- multiboot */

#define MB_MAGIC 0x1badb002u

/* The header lies 4-byte aligned in the first 8 KB. */
static const u8 *multiboot_header(const u8 *k, size_t len)
{
    for (size_t off = 0; off + 12 <= MIN(len, (size_t)8192); off += 4)
        if (ld32(k + off) == MB_MAGIC && ld32(k + off) + ld32(k + off + 4) + ld32(k + off + 8) == 0)
            return k + off;
    return NULL;
}

struct image {
    u8 *data;
    u32 at, len, entry;
};

static bool image_space(struct nb_machine *m, struct image *im, u64 lo, u64 hi, struct err *e)
{
    if (lo < 0x100000 || hi <= lo || hi > ram_top(m))
        return err_set(e, ERR_CONFIG, "-kernel %s: wants memory %llx to %llx; there is 100000 to %x",
                       m->cfg->kernel, (unsigned long long)lo, (unsigned long long)hi, ram_top(m));
    if (hi - lo > MAX_KERNEL)
        return err_set(e, ERR_CONFIG, "-kernel %s: wants %llu MB of memory at once; at most %u",
                       m->cfg->kernel, (unsigned long long)(hi - lo) >> 20, MAX_KERNEL >> 20);
    im->at = (u32)lo;
    im->len = (u32)(hi - lo);
    im->data = xcalloc(1, im->len);
    return true;
}

static bool load_elf(struct nb_machine *m, struct image *im, const u8 *k, size_t len, struct err *e)
{
    u32 phoff = ld32(k + 28), phnum = ld16(k + 44), phsize = ld16(k + 42);
    u64 lo = UINT64_MAX, hi = 0, sum = 0;

    if (phsize < 32 || !phnum || (u64)phoff + (u64)phnum * phsize > len)
        return err_set(e, ERR_CONFIG, "-kernel %s: broken ELF program headers", m->cfg->kernel);
    for (unsigned pass = 0; pass < 2; pass++) {
        for (u32 n = 0; n < phnum; n++) {
            const u8 *ph = k + phoff + (size_t)n * phsize;
            u32 off = ld32(ph + 4), pa = ld32(ph + 12), fsz = ld32(ph + 16), msz = ld32(ph + 20);
            if (ld32(ph) != 1 || !msz)
                continue;
            if ((u64)off + fsz > len || fsz > msz)
                return err_set(e, ERR_CONFIG, "-kernel %s: an ELF segment lies outside the file",
                               m->cfg->kernel);
            if (pass == 0) {
                /* segments may share a page of the file, but not be the file over and over */
                sum += fsz;
                if (sum > 2 * (u64)len)
                    return err_set(e, ERR_CONFIG, "-kernel %s: its ELF segments overlap",
                                   m->cfg->kernel);
                lo = MIN(lo, (u64)pa);
                hi = MAX(hi, (u64)pa + msz);
            } else {
                memcpy(im->data + (pa - im->at), k + off, fsz);
            }
        }
        if (!hi)
            return err_set(e, ERR_CONFIG, "-kernel %s: the ELF file has nothing to load",
                           m->cfg->kernel);
        if (pass == 0 && !image_space(m, im, lo, hi, e))
            return false;
    }
    im->entry = ld32(k + 24);
    return true;
}

static bool load_flat(struct nb_machine *m, struct image *im, const u8 *k, size_t len,
                      const u8 *h, struct err *e)
{
    u32 header = ld32(h + 12), load = ld32(h + 16), load_end = ld32(h + 20), bss = ld32(h + 24);
    u64 file_off = (u64)(h - k) - (header - load);

    if (header < load || (u64)(h - k) < header - load)
        return err_set(e, ERR_CONFIG, "-kernel %s: broken multiboot address fields", m->cfg->kernel);
    u64 data = load_end ? (u64)load_end - load : len - file_off;
    if ((load_end && load_end < load) || file_off + data > len || (bss && bss < load + data))
        return err_set(e, ERR_CONFIG, "-kernel %s: multiboot addresses lie outside the file",
                       m->cfg->kernel);
    if (!image_space(m, im, load, bss ? bss : (u64)load + data, e))
        return false;
    memcpy(im->data, k + file_off, data);
    im->entry = ld32(h + 28);
    return true;
}

static bool load_multiboot(struct nb_machine *m, struct rom *r, const u8 *k, size_t len,
                           const u8 *h, struct err *e)
{
    const struct config *cfg = m->cfg;
    u32 flags = ld32(h + 4);
    struct image im = { 0 };
    u8 info[0x100] = { 0 }, *strings = NULL, *mod = NULL;
    size_t mod_len = 0;
    bool ok = false;

    if (flags & 0xfff8) /* bits 3 to 15 must be understood; video mode (2) is a wish */
        return err_set(e, ERR_CONFIG, "-kernel %s: multiboot flags %x are not supported",
                       cfg->kernel, flags & 0xfff8);
    if (flags & 0x10000) {
        if ((size_t)(h - k) + 32 > len) {
            err_set(e, ERR_CONFIG, "-kernel %s: the multiboot header is cut off", cfg->kernel);
            goto out;
        }
        if (!load_flat(m, &im, k, len, h, e))
            goto out;
    } else if (len >= 52 && !memcmp(k, "\177ELF\1\1", 6) && ld16(k + 18) == 3) {
        if (!load_elf(m, &im, k, len, e))
            goto out;
    } else {
        err_set(e, ERR_CONFIG, "-kernel %s: a multiboot kernel that is no 32-bit ELF file and gives "
                "no addresses", cfg->kernel);
        goto out;
    }
    const char *args = cfg->append ? cfg->append : "";
    size_t name_len = strlen(cfg->kernel), args_len = strlen(args);
    u32 strings_len = (u32)(name_len + args_len + 2 + (cfg->initrd ? strlen(cfg->initrd) + 1 : 0));
    if (strings_len > 0x2000) {
        err_set(e, ERR_CONFIG, "-append: too long for a multiboot kernel (%zu characters)", args_len);
        goto out;
    }
    strings = xcalloc(1, strings_len);
    memcpy(strings, cfg->kernel, name_len);
    if (args_len) {
        strings[name_len] = ' ';
        memcpy(strings + name_len + 1, args, args_len);
    }
    st32(info, 0x1 | 0x4 | (cfg->initrd ? 0x8 : 0));
    st32(info + 4, 639);
    st32(info + 8, (cfg->ram_mb << 10) - 1024);
    st32(info + 16, MB_STRINGS_AT);
    if (cfg->initrd) {
        u32 at = (u32)ALIGN_UP((u64)im.at + im.len, PAGE_SIZE);
        mod = read_image(cfg->initrd, "initrd", MAX_INITRD, &mod_len, e);
        if (!mod)
            goto out;
        if ((u64)at + mod_len > ram_top(m)) {
            err_set(e, ERR_CONFIG, "-initrd %s: does not fit in -m %uM", cfg->initrd, cfg->ram_mb);
            goto out;
        }
        memcpy(strings + name_len + args_len + 2, cfg->initrd, strlen(cfg->initrd));
        st32(info + 20, 1);
        st32(info + 24, MB_INFO_AT + 0x80);
        st32(info + 0x80, at);
        st32(info + 0x84, at + (u32)mod_len);
        st32(info + 0x88, MB_STRINGS_AT + (u32)(name_len + args_len + 2));
        if (!rom_item(m, r, FW_CFG_INITRD_DATA, at, mod, (u32)mod_len, e))
            goto out;
    }
    ok = rom_item(m, r, FW_CFG_KERNEL_DATA, im.at, im.data, im.len, e) &&
         rom_item(m, r, FW_CFG_SETUP_DATA, MB_INFO_AT, info, sizeof info, e) &&
         rom_item(m, r, FW_CFG_CMDLINE_DATA, MB_STRINGS_AT, strings, strings_len, e);
    rom_put(r, KROM_KIND, KROM_MULTIBOOT);
    rom_put(r, KROM_ENTRY, im.entry);
    rom_put(r, KROM_INFO, MB_INFO_AT);
out:
    xfree(im.data);
    xfree(strings);
    xfree(mod);
    return ok;
}

bool kernel_load(struct nb_machine *m, struct err *e)
{
    const struct config *cfg = m->cfg;
    struct rom r = { 0 };
    size_t len;
    u8 *k;
    const u8 *h;
    bool ok;

    if (!cfg->kernel) {
        if (cfg->initrd || cfg->append)
            return err_set(e, ERR_CONFIG, "-initrd and -append need -kernel");
        return true;
    }
    k = read_image(cfg->kernel, "kernel", MAX_KERNEL, &len, e);
    if (!k)
        return false;
    r.len = (u32)(nb_kernel_rom_end - nb_kernel_rom);
    r.data = xcalloc(1, r.len);
    memcpy(r.data, nb_kernel_rom, r.len);
    h = multiboot_header(k, len);
    if (len > 0x264 && !memcmp(k + 0x202, "HdrS", 4) && ld16(k + 0x1fe) == 0xaa55)
        ok = load_linux(m, &r, k, len, e);
    else if (h)
        ok = load_multiboot(m, &r, k, len, h, e);
    else
        ok = err_set(e, ERR_CONFIG, "-kernel %s: neither a Linux bzImage nor a multiboot kernel",
                     cfg->kernel);
    if (ok) {
        fix_checksum(r.data + KROM_PNP, 32, 9);
        fix_checksum(r.data, r.len, 6);
        ok = fw_cfg_add_file(m->fw_cfg, "genroms/nestbox-kernel.rom", r.data, r.len) ||
             err_set(e, ERR_INTERNAL, "no room for the kernel ROM");
    }
    xfree(r.data);
    xfree(k);
    return ok;
}
