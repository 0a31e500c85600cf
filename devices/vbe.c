/* SPDX-License-Identifier: MIT */
/* The Bochs display interface of the VGA (Bochs VBE display API, versions B0C0 to B0C5), the MMIO
 * BAR of PCI function 1234:1111 (QEMU, docs/specs/standard-vga).
 *
 * Sizes may change while a mode is on; what would not fit in memory is refused (a mode) or
 * reduced (the virtual width). A multiple of eight is not demanded of XRES. Not modelled: the
 * big-endian frame buffer, the DDC wires of newer versions, 32 KB banks. */
#include "devices/vga.h"


static u32 bytes_per_line(u32 width, u32 bpp)
{
    switch (bpp) {
    case 4: return (width + 7) / 8; /* of each plane */
    case 8: return width;
    case 15:
    case 16: return width * 2;
    case 24: return width * 3;
    default: return width * 4;
    }
}

static bool bpp_exists(u32 bpp)
{
    return bpp == 4 || bpp == 8 || bpp == 15 || bpp == 16 || bpp == 24 || bpp == 32;
}

/* What one plane, or the linear memory, holds. */
static u32 room(const struct vga *v)
{
    return v->r.dispi[DISPI_BPP] == 4 ? v->vram_size / 4 : v->vram_size;
}

u32 vga_dispi_pitch(const struct vga *v)
{
    return bytes_per_line(v->r.dispi[DISPI_VIRT_WIDTH], v->r.dispi[DISPI_BPP]);
}

static bool mode_fits(const struct vga *v)
{
    const u16 *d = v->r.dispi;
    return d[DISPI_XRES] && d[DISPI_XRES] <= DISPI_MAX_XRES && d[DISPI_YRES] &&
           d[DISPI_YRES] <= DISPI_MAX_YRES && bpp_exists(d[DISPI_BPP]) &&
           bytes_per_line(d[DISPI_XRES], d[DISPI_BPP]) * d[DISPI_YRES] <= room(v);
}

bool vga_dispi_valid(const struct vga *v)
{
    const u16 *d = v->r.dispi;

    if (d[DISPI_ID] < 0xb0c0 || d[DISPI_ID] > 0xb0c5 || (d[DISPI_ENABLE] & ~DISPI_ENABLE_MASK) ||
        !bpp_exists(d[DISPI_BPP]) || d[DISPI_XRES] > DISPI_MAX_XRES ||
        d[DISPI_YRES] > DISPI_MAX_YRES || d[DISPI_BANK] >= room(v) >> 16)
        return false;
    if (!(d[DISPI_ENABLE] & DISPI_ENABLED))
        return true;
    return mode_fits(v) && d[DISPI_VIRT_WIDTH] >= d[DISPI_XRES] &&
           (u32)d[DISPI_X_OFFSET] + d[DISPI_XRES] <= d[DISPI_VIRT_WIDTH] &&
           (u64)vga_dispi_pitch(v) * ((u32)d[DISPI_Y_OFFSET] + d[DISPI_YRES]) <= room(v);
}

/* The virtual screen: at least as wide as the mode, at most as memory allows, as high as memory
 * allows; the window on it stays inside. */
static void set_virtual(struct vga *v, u32 width)
{
    u16 *d = v->r.dispi;
    u32 line = room(v) / d[DISPI_YRES], bpp = d[DISPI_BPP], most;

    most = bpp == 4 ? line * 8 : line / bytes_per_line(1, bpp);
    most = MIN(most, 0xfff8u);
    width = MAX(width, d[DISPI_XRES]);
    if (bpp == 4)
        width = ALIGN_UP(width, 8u);
    d[DISPI_VIRT_WIDTH] = (u16)MIN(width, most);
    u32 height = room(v) / vga_dispi_pitch(v);
    d[DISPI_VIRT_HEIGHT] = (u16)MIN(height, 0xffffu);
    d[DISPI_X_OFFSET] = (u16)MIN(d[DISPI_X_OFFSET], d[DISPI_VIRT_WIDTH] - d[DISPI_XRES]);
    d[DISPI_Y_OFFSET] = (u16)MIN(d[DISPI_Y_OFFSET], d[DISPI_VIRT_HEIGHT] - d[DISPI_YRES]);
}

void vga_dispi_reset(struct vga *v)
{
    memset(v->r.dispi, 0, sizeof(v->r.dispi));
    v->r.dispi[DISPI_ID] = 0xb0c5;
    v->r.dispi[DISPI_BPP] = 8;
    v->dispi_index = 0;
}

static u16 dispi_read(const struct vga *v, u32 index)
{
    if (v->r.dispi[DISPI_ENABLE] & DISPI_GETCAPS) {
        switch (index) {
        case DISPI_XRES: return DISPI_MAX_XRES;
        case DISPI_YRES: return DISPI_MAX_YRES;
        case DISPI_BPP: return DISPI_MAX_BPP;
        default: break;
        }
    }
    if (index < DISPI_NUM)
        return v->r.dispi[index];
    return index == DISPI_MEMORY_64K ? (u16)(v->vram_size >> 16) : 0;
}

static void write_enable(struct vga *v, u16 val)
{
    u16 *d = v->r.dispi;
    bool was_on = d[DISPI_ENABLE] & DISPI_ENABLED;

    val &= DISPI_ENABLE_MASK;
    if ((val & DISPI_ENABLED) && !was_on) {
        if (mode_fits(v)) {
            d[DISPI_BANK] = d[DISPI_X_OFFSET] = d[DISPI_Y_OFFSET] = 0;
            set_virtual(v, 0);
            if (!(val & DISPI_NOCLEAR))
                ram_zero(v->ram, v->frame0, v->vram_size >> PAGE_SHIFT);
            LOG(v->pci.dev.sys->log, INFO, "%s: %ux%u, %u bits", v->pci.dev.id, d[DISPI_XRES],
                d[DISPI_YRES], d[DISPI_BPP]);
        } else {
            log_guest(v->pci.dev.sys->log, v->pci.dev.id,
                      "a mode of %ux%u with %u bits does not fit in %u MB", d[DISPI_XRES],
                      d[DISPI_YRES], d[DISPI_BPP], v->vgamem_mb);
            val &= (u16)~DISPI_ENABLED;
        }
    }
    if (!(val & DISPI_ENABLED))
        d[DISPI_BANK] = 0;
    d[DISPI_ENABLE] = val;
}

/* XRES, YRES, BPP */
static void write_size(struct vga *v, u32 index, u16 val)
{
    u16 *d = v->r.dispi, old = d[index];

    if (index == DISPI_BPP && !val)
        val = 8;
    if (index == DISPI_XRES ? val > DISPI_MAX_XRES : index == DISPI_YRES ? val > DISPI_MAX_YRES
                                                                         : !bpp_exists(val)) {
        log_guest(v->pci.dev.sys->log, v->pci.dev.id, "DISPI register %u cannot be %u", index, val);
        return;
    }
    d[index] = val;
    if (d[DISPI_ENABLE] & DISPI_ENABLED) {
        if (!mode_fits(v)) {
            log_guest(v->pci.dev.sys->log, v->pci.dev.id,
                      "DISPI register %u set to %u in a mode that is on: does not fit", index, val);
            d[index] = old;
            return;
        }
        set_virtual(v, d[DISPI_VIRT_WIDTH]);
    }
    d[DISPI_BANK] &= (u16)((room(v) >> 16) - 1);
}

static void dispi_write(struct vga *v, u32 index, u16 val)
{
    u16 *d = v->r.dispi;

    LOG(v->pci.dev.sys->log, REG, "%s: dispi %u <- %04x", v->pci.dev.id, index, val);
    switch (index) {
    case DISPI_ID:
        /* The guest asks for a version; one that does not exist is not taken. */
        if (val >= 0xb0c0 && val <= 0xb0c5)
            d[DISPI_ID] = val;
        break;
    case DISPI_XRES:
    case DISPI_YRES:
    case DISPI_BPP: write_size(v, index, val); break;
    case DISPI_ENABLE: write_enable(v, val); break;
    case DISPI_BANK: d[DISPI_BANK] = val & (u16)((room(v) >> 16) - 1); break;
    case DISPI_VIRT_WIDTH:
    case DISPI_X_OFFSET:
    case DISPI_Y_OFFSET:
        if (index == DISPI_VIRT_WIDTH && (d[DISPI_ENABLE] & DISPI_ENABLED)) {
            set_virtual(v, val);
        } else {
            d[index] = val;
            if (d[DISPI_ENABLE] & DISPI_ENABLED)
                set_virtual(v, d[DISPI_VIRT_WIDTH]);
        }
        break;
    default: break; /* VIRT_HEIGHT and VIDEO_MEMORY_64K follow from others */
    }
    vga_timing_changed(v);
    vga_visible_change(v);
}

/* ---- ports 1CE-1D1: the index at 1CE, data at 1CF and, aligned, at 1D0; words ---- */

static u32 ports_read(void *dev, u32 off, unsigned size)
{
    const struct vga *v = dev;
    u16 val = off ? dispi_read(v, v->dispi_index) : v->dispi_index;

    if (size == 2)
        return val;
    return off == 3 ? val >> 8 : val & 0xff;
}

static void ports_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct vga *v = dev;

    if (!off) {
        v->dispi_index = size == 2 ? (u16)val : (u8)val;
        return;
    }
    if (size == 1) {
        u16 old = v->dispi_index < DISPI_NUM ? v->r.dispi[v->dispi_index] : 0;
        val = off == 3 ? (old & 0xffu) | (val & 0xff) << 8 : (old & 0xff00u) | (val & 0xff);
    }
    dispi_write(v, v->dispi_index, (u16)val);
}

const struct region_ops vga_dispi_ops = {
    .read = ports_read, .write = ports_write, .peek = ports_read, .min = 1, .max = 2,
    .unaligned = true,
};

/* ---- MMIO BAR ---- */

enum { MMIO_VGA = 0x400, MMIO_VGA_END = 0x420, MMIO_DISPI = 0x500,
       MMIO_DISPI_END = MMIO_DISPI + 2 * (DISPI_MEMORY_64K + 1), MMIO_QEXT = 0x600,
       MMIO_QEXT_END = 0x608 };

static u8 mmio_byte(struct vga *v, u32 off, bool peek)
{
    static const u8 qext[8] = { 8, 0, 0, 0, 0x1e, 0x1e, 0x1e, 0x1e };

    if (off < sizeof(v->edid))
        return v->edid[off];
    if (off >= MMIO_VGA && off < MMIO_VGA_END)
        return (u8)vga_port_read(v, 0x3c0 + off - MMIO_VGA, peek);
    if (off >= MMIO_DISPI && off < MMIO_DISPI_END)
        return (u8)(dispi_read(v, (off - MMIO_DISPI) / 2) >> (off & 1 ? 8 : 0));
    if (off >= MMIO_QEXT && off < MMIO_QEXT_END)
        return qext[off - MMIO_QEXT];
    return 0;
}

static u32 mmio_read(void *dev, u32 off, unsigned size)
{
    u32 val = 0;
    for (unsigned i = 0; i < size; i++)
        val |= (u32)mmio_byte(dev, off + i, false) << (8 * i);
    return val;
}

static u32 mmio_peek(void *dev, u32 off, unsigned size)
{
    u32 val = 0;
    for (unsigned i = 0; i < size; i++)
        val |= (u32)mmio_byte(dev, off + i, true) << (8 * i);
    return val;
}

static void mmio_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct vga *v = dev;

    if (off >= MMIO_DISPI && off < MMIO_DISPI_END) {
        u32 index = (off - MMIO_DISPI) / 2;
        if (size == 1) {
            u16 old = index < DISPI_NUM ? v->r.dispi[index] : 0;
            val = off & 1 ? (old & 0xffu) | (val & 0xff) << 8 : (old & 0xff00u) | (val & 0xff);
        }
        dispi_write(v, index, (u16)val);
        if (size == 4)
            dispi_write(v, index + 1, (u16)(val >> 16));
    } else if (off >= MMIO_VGA && off < MMIO_VGA_END) {
        for (unsigned i = 0; i < size; i++)
            vga_port_write(v, 0x3c0 + off - MMIO_VGA + i, (u8)(val >> (8 * i)));
    } else if (off == MMIO_QEXT + 4) {
        if (size != 4 || val != 0x1e1e1e1e)
            log_unimp(v->pci.dev.sys->log, v->pci.dev.id, "big-endian frame buffer");
    }
}

const struct region_ops vga_mmio_ops = {
    .read = mmio_read, .write = mmio_write, .peek = mmio_peek, .min = 1, .max = 4,
};
