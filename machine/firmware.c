/* SPDX-License-Identifier: MIT */
/* ROM images, and what the firmware is told: CMOS (contract 1.3, 4.5), fw_cfg items, boot order. */
#include "machine/machine.h"

#include <stdio.h>

#include "core/xalloc.h"
#include "devices/ata.h"
#include "devices/cmos.h"
#include "devices/fw_cfg.h"
#include "devices/i82077.h"
#include "devices/vga_rom.h"

/* Where Debian, Fedora, Arch and a local build put SeaBIOS. */
static const char *const search[] = {
    "/usr/share/seabios", "/usr/share/qemu", "/usr/local/share/seabios", "/usr/share/kvm",
    "/usr/share/edk2/seabios",
};

/* The image's path by the search order -L, $prefix, the system's folders; NULL with a message. */
static char *find_rom(const struct config *cfg, const char *given, const char *name, const char *opt,
                      struct err *e)
{
    char path[1024];

    if (given && (strchr(given, '/') || os_file_exists(given)))
        return xstrdup(given);
    if (given)
        name = given;
    for (unsigned k = 0; k < cfg->num_paths; k++) {
        snprintf(path, sizeof path, "%s/%s", cfg->paths[k], name);
        if (os_file_exists(path))
            return xstrdup(path);
    }
    for (unsigned k = 0; k < ARRAY_LEN(search); k++) {
        snprintf(path, sizeof path, "%s/%s", search[k], name);
        if (os_file_exists(path))
            return xstrdup(path);
    }
    err_set(e, ERR_RESOURCE, "%s not found: install the package \"seabios\", or name the folder with "
            "-L, or the file with -%s", name, opt);
    return NULL;
}

static bool load_bios(struct nb_machine *m, struct err *e)
{
    struct layout *l = &m->layout;
    u32 room = l->bios_frames << PAGE_SHIFT;
    char *path = find_rom(m->cfg, m->cfg->bios, "bios-256k.bin", "bios", e);
    size_t len = 0;
    u8 *data;

    if (!path)
        return false;
    data = os_read_file(path, 64u << 20, &len, e);
    if (!data) {
        xfree(path);
        return false;
    }
    if (len > room || len < 1024 || len % 1024) {
        err_set(e, ERR_CONFIG, "-bios %s: %zu bytes; a BIOS is a multiple of 1 KB and at most %u KB",
                path, len, room >> 10);
        xfree(data);
        xfree(path);
        return false;
    }
    /* the image ends at 4 GB; what is below it in the 256 KB window reads as erased flash */
    for (u32 f = 0; f < l->bios_frames; f++)
        memset(ram_wr_rom(&m->ram, l->bios_frame + f, 0, PAGE_SIZE), 0xff, PAGE_SIZE);
    for (size_t k = 0; k < len; k += 1024) {
        size_t at = room - len + k;
        u32 f = l->bios_frame + (u32)(at >> PAGE_SHIFT);
        memcpy(ram_wr_rom(&m->ram, f, 0, PAGE_SIZE) + (at & PAGE_MASK), data + k, 1024);
    }
    for (u32 f = 0; f < l->bios_frames; f++)
        ram_set_flag(&m->ram, l->bios_frame + f, RAM_ROM);
    xfree(data);
    xfree(path);

    m->bios_high = (struct region){ .name = "bios", .base = 0x100000000ull - room, .size = room,
                                    .kind = REGION_ROM, .ram_frame = l->bios_frame,
                                    .prio = PRIO_ROM, .flags = REGION_RW };
    m->bios_low = (struct region){ .name = "bios-low", .base = 0xe0000, .size = 0x20000,
                                   .kind = REGION_ROM,
                                   .ram_frame = l->bios_frame + l->bios_frames - 32,
                                   .prio = PRIO_ROM, .flags = REGION_RW };
    return space_map(&m->mem, &m->bios_high, e) && space_map(&m->mem, &m->bios_low, e);
}

static bool load_vgabios(struct nb_machine *m, struct err *e)
{
    char *path;
    size_t len = 0;
    u8 *data;
    bool ok;

    if (!m->vga)
        return true;
    path = find_rom(m->cfg, m->cfg->vgabios, "vgabios-stdvga.bin", "vgabios", e);
    if (!path)
        return false;
    data = os_read_file(path, 1u << 20, &len, e);
    ok = data && vga_set_rom(m->vga, data, (u32)len, e);
    if (data && !ok)
        err_prefix(e, "%s", path);
    xfree(data);
    xfree(path);
    return ok;
}

bool firmware_load(struct nb_machine *m, struct err *e)
{
    return load_bios(m, e) && load_vgabios(m, e);
}

/* ---- CMOS */

static u8 floppy_type(const struct nb_machine *m, unsigned unit)
{
    struct device *fdc = machine_device((struct nb_machine *)m, m->board->fdc);

    for (unsigned k = 0; fdc && k < m->num_drives; k++) {
        const struct drive *d = &m->drives[k];
        if (d->cfg.iface == DRIVE_FLOPPY && d->cfg.index == unit)
            return i82077_cmos_type(fdc, unit);
    }
    return 0;
}

/* Physical CHS as IDENTIFY gives it, in the layout of QEMU's CMOS (contract 1.3). */
static void describe_disk(struct nb_machine *m, unsigned n, u8 type_reg, u8 base, u8 *types,
                          u8 *translation)
{
    for (unsigned k = 0; k < m->num_drives; k++) {
        const struct drive *d = &m->drives[k];
        if (d->cfg.iface != DRIVE_IDE || d->cfg.index != n || d->cfg.cdrom || !d->blk)
            continue;
        u64 cyls = MIN(d->blk->sectors / 1008, 16383);
        unsigned heads = 16, spt = 63;
        if (cyls < 2)
            cyls = 2;
        *translation |= (u8)((cyls > 1024 ? 1 : 0) << (n * 2));
        if (!base)
            continue;
        *types |= (u8)(0xf << (n == 0 ? 4 : 0));
        cmos_set(m->rtc, type_reg, 47);
        cmos_set(m->rtc, base, (u8)cyls);
        cmos_set(m->rtc, (u8)(base + 1), (u8)(cyls >> 8));
        cmos_set(m->rtc, (u8)(base + 2), (u8)heads);
        cmos_set(m->rtc, (u8)(base + 3), 0xff);
        cmos_set(m->rtc, (u8)(base + 4), 0xff);
        cmos_set(m->rtc, (u8)(base + 5), 0xc0 | (heads > 8) << 3);
        cmos_set(m->rtc, (u8)(base + 6), (u8)cyls);
        cmos_set(m->rtc, (u8)(base + 7), (u8)(cyls >> 8));
        cmos_set(m->rtc, (u8)(base + 8), (u8)spt);
    }
}

/* Boot order, three nibbles: 1 floppy, 2 disk, 3 CD-ROM, 4 network. */
static void describe_boot(struct nb_machine *m, const char *order)
{
    u8 boot[3] = { 0 };

    for (unsigned k = 0; k < 3 && order[k]; k++)
        boot[k] = order[k] == 'a' || order[k] == 'b' ? 1 : order[k] == 'c' ? 2 :
                  order[k] == 'd' ? 3 : 4;
    cmos_set(m->rtc, 0x3d, (u8)(boot[1] << 4 | boot[0]));
    cmos_set(m->rtc, 0x38, (u8)(boot[2] << 4 | 1)); /* bit 0: no floppy signature check */
}

void firmware_reset(struct nb_machine *m)
{
    if (m->cfg->boot_once[0])
        describe_boot(m, m->cfg->boot_order);
}

static void describe_cmos(struct nb_machine *m)
{
    const struct config *cfg = m->cfg;
    struct device *rtc = m->rtc;
    u32 ext_kb = MIN((cfg->ram_mb << 10) - 1024, 65535);
    u32 high_64k = cfg->ram_mb > 16 ? MIN((cfg->ram_mb - 16) << 4, 65535) : 0;
    u8 fd = (u8)(floppy_type(m, 0) << 4 | floppy_type(m, 1));
    unsigned floppies = (fd >> 4 ? 1 : 0) + (fd & 15 ? 1 : 0);
    u8 types = 0, translation = 0;

    cmos_set(rtc, 0x10, fd);
    cmos_set(rtc, 0x14, (u8)(0x02 | 0x04 | (floppies ? 1 | (floppies - 1) << 6 : 0)));
    cmos_set(rtc, 0x15, 640 & 0xff);
    cmos_set(rtc, 0x16, 640 >> 8);
    cmos_set(rtc, 0x17, (u8)ext_kb);
    cmos_set(rtc, 0x18, (u8)(ext_kb >> 8));
    cmos_set(rtc, 0x30, (u8)ext_kb);
    cmos_set(rtc, 0x31, (u8)(ext_kb >> 8));
    cmos_set(rtc, 0x34, (u8)high_64k);
    cmos_set(rtc, 0x35, (u8)(high_64k >> 8));
    describe_disk(m, 0, 0x19, 0x1b, &types, &translation);
    describe_disk(m, 1, 0x1a, 0x24, &types, &translation);
    describe_disk(m, 2, 0, 0, &types, &translation);
    describe_disk(m, 3, 0, 0, &types, &translation);
    cmos_set(rtc, 0x12, types);
    cmos_set(rtc, 0x39, translation);
    cmos_set(rtc, 0x5f, 0); /* processors minus one */
    describe_boot(m, cfg->boot_once[0] ? cfg->boot_once : cfg->boot_order);
    cmos_checksum(rtc);
}

bool firmware_describe(struct nb_machine *m, struct err *e)
{
    const struct config *cfg = m->cfg;
    struct device *f = m->fw_cfg;
    char order[512] = "";
    bool ok = true;

    describe_cmos(m);
    ok &= fw_cfg_add_u16(f, FW_CFG_NB_CPUS, 1);
    /* more than 255: stock SeaBIOS then writes no MP table, which would announce an APIC that is
     * not there (contract 1.7) */
    ok &= fw_cfg_add_u16(f, FW_CFG_MAX_CPUS, 256);
    ok &= fw_cfg_add_u16(f, FW_CFG_BOOT_MENU, cfg->boot_menu);
    ok &= fw_cfg_add_u32(f, FW_CFG_NOGRAPHIC, 0);
    u64 ram = (u64)cfg->ram_mb << 20;
    ok &= fw_cfg_add_key(f, FW_CFG_RAM_SIZE, &ram, 8);
    u8 e820[20] = { 0 };
    st64(e820 + 8, ram);
    st32(e820 + 16, 1);
    ok &= fw_cfg_add_file(f, "etc/e820", e820, sizeof e820);
    if (cfg->has_uuid) /* as QEMU gives it; SMBIOS swaps the first three fields, this does not */
        ok &= fw_cfg_add_key(f, FW_CFG_UUID, cfg->uuid, sizeof cfg->uuid);
    if (cfg->kernel) {
        snprintf(order, sizeof order, "/rom@genroms/nestbox-kernel.rom\n");
        ok &= fw_cfg_add_file(f, "bootorder", order, (u32)strlen(order) + 1);
    }
    if (cfg->boot_menu) {
        u16 wait = cfg->boot_menu_ms < 0 ? 5000 : (u16)cfg->boot_menu_ms;
        ok &= fw_cfg_add_file(f, "etc/boot-menu-wait", &wait, 2);
    }
    if (cfg->boot_retry_ms >= 0) {
        u32 wait = (u32)cfg->boot_retry_ms;
        ok &= fw_cfg_add_file(f, "etc/boot-fail-wait", &wait, 4);
    }
    ok &= tables_describe(m);
    return ok || err_set(e, ERR_INTERNAL, "no room in fw_cfg");
}
