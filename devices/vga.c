/* SPDX-License-Identifier: MIT */
/* Standard VGA with the Bochs display interface, PCI function 1234:1111, as QEMU's "std" card.
 *
 * Registers after the IBM Personal System/2 Hardware Interface Technical Reference, "Video
 * Subsystem" (84F8933, 1988); the DAC after the INMOS IMSG171 data sheet; the Bochs interface
 * after its VBE display API. This file: ports, timing, PCI, life; vga_mem.c: the CPU's
 * way to memory; vga_draw.c: the picture; vbe.c: DISPI and the MMIO BAR; vga_edid.c: the monitor.
 *
 * Not modelled: the wire of the vertical retrace interrupt (its flip-flop is there, in ST00, to be
 * polled; a PCI adapter of this kind has no interrupt pin), light pen, changes of registers in
 * the middle of a frame (a picture is drawn with what the registers hold when it is asked for, but
 * for the start address), the border, display-enable skew, the diagnostic bits of ST01 and of ATC
 * 12h, PAS as a lock on the palette. Legacy addresses don't depend on the COMMAND
 * register of the function: there is one VGA in the machine, and firmware may leave them off.
 * Indices of the sequencer beyond its registers answer nothing instead of aliasing: probes for S3
 * and Trident chips write there. */
#include "devices/vga.h"

#include "core/xalloc.h"
#include "devices/vga_rom.h"

static const u8 seq_mask[VGA_NUM_SEQ] = { 0x03, 0x3d, 0x0f, 0x3f, 0x0e };
static const u8 gc_mask[VGA_NUM_GC] = { 0x0f, 0x0f, 0x0f, 0x1f, 0x03, 0x7b, 0x0f, 0x0f, 0xff };
static const u8 crtc_mask[VGA_NUM_CRTC] = {
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0x3f, 0x7f, 0xff,
    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0xff, 0xff, 0xef, 0xff,
};
static const u8 atc_mask[VGA_NUM_ATC] = {
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0x3f,
    0x3f, 0x3f, 0x3f, 0x3f, 0x3f, 0xef, 0xff, 0x3f, 0x0f, 0x0f,
};
#define MISC_MASK 0xefu
#define FCR_MASK 0x0bu

/* ---- where the beam is ---- */

struct timing {
    u64 clock;                     /* dots a second */
    u32 line_dots, char_dots, hde; /* hde: characters */
    u32 vtotal, vde, vrs, vrlen;   /* lines */
};

static void get_timing(const struct vga *v, struct timing *t)
{
    const struct vga_regs *r = &v->r;
    const u8 *cr = r->crtc;

    if (r->dispi[DISPI_ENABLE] & DISPI_ENABLED) {
        /* DISPI has no timing registers: a usual mode of that size at 60 Hz. */
        u32 xres = r->dispi[DISPI_XRES], yres = r->dispi[DISPI_YRES];
        t->char_dots = 8;
        t->hde = (xres + 7) / 8;
        t->line_dots = (t->hde + t->hde / 4 + 2) * 8;
        t->vde = yres;
        t->vrs = yres + 1;
        t->vrlen = 3;
        t->vtotal = yres + yres / 20 + 5;
        t->clock = (u64)t->line_dots * t->vtotal * 60;
        return;
    }
    /* Selections 2 and 3 are inputs where nothing is connected on this card. */
    t->clock = (r->misc >> 2 & 3) == 1 ? 28322000 : 25175000;
    if (r->seq[1] & SEQ1_HALF_CLOCK)
        t->clock /= 2;
    t->char_dots = r->seq[1] & SEQ1_8DOT ? 8 : 9;
    t->line_dots = (cr[0] + 5u) * t->char_dots;
    t->hde = cr[1] + 1u;
    t->vtotal = (cr[6] | (cr[7] & 1u) << 8 | (cr[7] & 0x20u) << 4) + 2;
    t->vde = (cr[0x12] | (cr[7] & 2u) << 7 | (cr[7] & 0x40u) << 3) + 1;
    t->vrs = cr[0x10] | (cr[7] & 4u) << 6 | (cr[7] & 0x80u) << 2;
    t->vrlen = (cr[0x11] - t->vrs) & 15;
    if (!t->vrlen)
        t->vrlen = 16;
    if (cr[0x17] & CR17_LINES_BY2) {
        t->vtotal *= 2;
        t->vde *= 2;
        t->vrs *= 2;
        t->vrlen *= 2;
    }
    /* A guest that is half way through a mode set must not wait for ever: the last line of each
     * frame is blank, and one line is retrace and one is not. */
    t->vrs = MIN(t->vrs, t->vtotal - 1);
    t->vrlen = MIN(t->vrlen, t->vtotal - 1);
    t->vde = MIN(t->vde, t->vtotal - 1);
}

/* ST01: bit 0 display disabled, bit 3 vertical retrace. In closed form from the clock: the
 * smallest frame (2 lines of 40 dots) takes 3 us. */
static u8 read_st01(struct vga *v)
{
    struct timing t;

    get_timing(v, &t);
    u64 dots = muldiv64(clock_now(v->pci.dev.sys->clock), t.clock, NS_PER_SEC);
    u32 pos = (u32)(dots % ((u64)t.line_dots * t.vtotal));
    u32 line = pos / t.line_dots, col = pos % t.line_dots / t.char_dots;
    u8 val = 0;
    if (line >= t.vde || col >= t.hde)
        val |= 1;
    if (line >= t.vrs && line < t.vrs + t.vrlen)
        val |= 8;
    return val;
}

u64 vga_frame_count(struct vga *v)
{
    struct timing t;

    get_timing(v, &t);
    u64 dots = muldiv64(clock_now(v->pci.dev.sys->clock), t.clock, NS_PER_SEC);
    return dots / ((u64)t.line_dots * t.vtotal);
}

/* When vertical retrace starts next. */
static u64 next_retrace(const struct vga *v)
{
    struct timing t;
    u64 now = clock_now(v->pci.dev.sys->clock);

    get_timing(v, &t);
    u64 frame = (u64)t.line_dots * t.vtotal, at = (u64)t.line_dots * t.vrs;
    u64 pos = muldiv64(now, t.clock, NS_PER_SEC) % frame;
    return now + muldiv64(at > pos ? at - pos : at + frame - pos, NS_PER_SEC, t.clock) + 1;
}

static bool is_due(const struct vga *v, u64 when)
{
    return clock_now(v->pci.dev.sys->clock) >= when;
}

/* The CRTC takes the start address at vertical retrace: a program that writes its two halves in the
 * middle of a frame never shows a mixture of the old and the new one. */
u32 vga_start_address(const struct vga *v)
{
    return is_due(v, v->start_due) ? (u32)v->r.crtc[0xc] << 8 | v->r.crtc[0xd] : v->start_old;
}

/* What waits for a retrace waits for the next one of the new timing. */
void vga_timing_changed(struct vga *v)
{
    if (!is_due(v, v->start_due))
        v->start_due = next_retrace(v);
    if (!is_due(v, v->vint_due))
        v->vint_due = next_retrace(v);
}

/* ---- ports ---- */

void vga_visible_change(struct vga *v)
{
    if (v->notified || !v->display)
        return;
    v->notified = true;
    if (v->display->changed)
        v->display->changed(v->display->to);
}

static bool dac_8bit(const struct vga *v)
{
    return v->r.dispi[DISPI_ENABLE] & DISPI_8BIT_DAC;
}

static void dac_fetch(struct vga *v)
{
    memcpy(v->dac_buf, &v->r.dac[v->dac_addr * 3], 3);
    v->dac_addr++;
}

static u8 dac_read(struct vga *v, bool peek)
{
    u8 val = v->dac_buf[v->dac_sub];

    if (!dac_8bit(v))
        val >>= 2;
    if (!peek && ++v->dac_sub == 3) {
        v->dac_sub = 0;
        dac_fetch(v);
    }
    return val;
}

static void dac_write(struct vga *v, u8 val)
{
    v->dac_buf[v->dac_sub] = dac_8bit(v) ? val : (u8)(val << 2);
    if (++v->dac_sub == 3) {
        v->dac_sub = 0;
        memcpy(&v->r.dac[v->dac_addr * 3], v->dac_buf, 3);
        v->dac_addr++;
    }
}

static u8 crtc_read(const struct vga *v)
{
    u8 i = v->crtc_index;

    if (i < VGA_NUM_CRTC)
        return v->r.crtc[i];
    switch (i) { /* these three are in every VGA, though no manual of IBM lists them */
    case 0x22: return (u8)(v->latch >> (8 * v->r.gc[4]));
    case 0x24: return v->atc_flip_flop ? 0x80 : 0;
    case 0x26: return v->r.atc_index;
    default: return 0;
    }
}

static void crtc_write(struct vga *v, u8 val)
{
    u8 i = v->crtc_index;

    if (i >= VGA_NUM_CRTC)
        return;
    if (i <= 7 && (v->r.crtc[0x11] & 0x80)) {
        /* Protected, but for the line compare bit among the overflow bits. */
        if (i == 7)
            v->r.crtc[7] = (u8)((v->r.crtc[7] & ~0x10) | (val & 0x10));
        return;
    }
    val &= crtc_mask[i];
    if ((i == 0xc || i == 0xd) && val != v->r.crtc[i] && is_due(v, v->start_due)) {
        v->start_old = (u16)(v->r.crtc[0xc] << 8 | v->r.crtc[0xd]);
        v->start_due = next_retrace(v);
    }
    bool armed = i == 0x11 && (val & ~v->r.crtc[i] & CR11_INT_RUN);
    v->r.crtc[i] = val;
    if (i <= 7 || i == 0x10 || i == 0x17)
        vga_timing_changed(v);
    if (armed)
        v->vint_due = next_retrace(v);
}

/* The address select bit of MISC moves 3D4, 3D5 and 3DA to 3B4, 3B5 and 3BA; gives the port as if
 * it were in the colour range, 0 for one that does not answer now. */
static u32 decode(const struct vga *v, u32 port)
{
    bool colour = v->r.misc & MISC_COLOUR;

    if (!v->r.enabled && port != 0x3c3)
        return 0;
    if (port >= 0x3b0 && port < 0x3c0)
        return colour ? 0 : port + 0x20;
    if (port >= 0x3d0)
        return colour ? port : 0;
    return port;
}

u32 vga_port_read(struct vga *v, u32 port, bool peek)
{
    struct vga_regs *r = &v->r;
    u8 i;

    switch (decode(v, port)) {
    case 0x3c0: return r->atc_index;
    case 0x3c1:
        i = r->atc_index & 0x1f;
        return i < VGA_NUM_ATC ? r->atc[i] : 0;
    case 0x3c2: /* bit 4: the comparator at the DAC's outputs finds a colour monitor */
        return (r->crtc[0x11] & CR11_INT_RUN) && is_due(v, v->vint_due) ? 0x90 : 0x10;
    case 0x3c3: return r->enabled;
    case 0x3c4: return v->seq_index;
    case 0x3c5: return v->seq_index < VGA_NUM_SEQ ? r->seq[v->seq_index] : 0;
    case 0x3c6: return r->dac_mask;
    case 0x3c7: return v->dac_reading ? 3 : 0;
    case 0x3c8: return v->dac_addr;
    case 0x3c9: return dac_read(v, peek);
    case 0x3ca: return v->fcr;
    case 0x3cc: return r->misc;
    case 0x3ce: return v->gc_index;
    case 0x3cf: return v->gc_index < VGA_NUM_GC ? r->gc[v->gc_index] : 0;
    case 0x3d4: return v->crtc_index;
    case 0x3d5: return crtc_read(v);
    case 0x3da:
        if (!peek)
            v->atc_flip_flop = false;
        return read_st01(v);
    default: return 0xff;
    }
}

static void atc_write(struct vga *v, u8 val)
{
    u8 i = v->r.atc_index & 0x1f;

    if (!v->atc_flip_flop)
        v->r.atc_index = val & 0x3f;
    else if (i < VGA_NUM_ATC)
        v->r.atc[i] = val & atc_mask[i];
    v->atc_flip_flop = !v->atc_flip_flop;
}

void vga_port_write(struct vga *v, u32 port, u8 val)
{
    struct vga_regs *r = &v->r;

    LOG(v->pci.dev.sys->log, REG, "%s: port %03x <- %02x", v->pci.dev.id, port, val);
    switch (decode(v, port)) {
    case 0x3c0: atc_write(v, val); break;
    case 0x3c2:
        r->misc = val & MISC_MASK;
        vga_timing_changed(v);
        break;
    case 0x3c3: r->enabled = val & 1; break;
    case 0x3c4: v->seq_index = val; return;
    case 0x3c5:
        if (v->seq_index < VGA_NUM_SEQ)
            r->seq[v->seq_index] = val & seq_mask[v->seq_index];
        if (v->seq_index == 1)
            vga_timing_changed(v);
        break;
    case 0x3c6: r->dac_mask = val; break;
    case 0x3c7: /* the DAC reads ahead: its address register is one further afterwards */
        v->dac_addr = val;
        v->dac_sub = 0;
        v->dac_reading = true;
        dac_fetch(v);
        return;
    case 0x3c8:
        v->dac_addr = val;
        v->dac_sub = 0;
        v->dac_reading = false;
        return;
    case 0x3c9: dac_write(v, val); break;
    case 0x3ce: v->gc_index = val; return;
    case 0x3cf:
        if (v->gc_index < VGA_NUM_GC)
            r->gc[v->gc_index] = val & gc_mask[v->gc_index];
        if (v->gc_index != 5 && v->gc_index != 6)
            return; /* the others change with each glyph and don't show */
        break;
    case 0x3d4: v->crtc_index = val; return;
    case 0x3d5: crtc_write(v, val); break;
    case 0x3da: v->fcr = val & FCR_MASK; return;
    default: return;
    }
    vga_visible_change(v);
}

static u32 port_read_at(struct vga *v, u32 port) { return vga_port_read(v, port, false); }

/* One set of handlers per run of ports, as a handler knows only its offset. */
#define PORTS(name, first) \
    static u32 name##_read(void *dev, u32 off, unsigned size) \
    { \
        (void)size; \
        return port_read_at(dev, (first) + off); \
    } \
    static u32 name##_peek(void *dev, u32 off, unsigned size) \
    { \
        (void)size; \
        return vga_port_read(dev, (first) + off, true); \
    } \
    static void name##_write(void *dev, u32 off, u32 val, unsigned size) \
    { \
        (void)size; \
        vga_port_write(dev, (first) + off, (u8)val); \
    } \
    static const struct region_ops name##_ops = { \
        .read = name##_read, .write = name##_write, .peek = name##_peek, .min = 1, .max = 1, \
    };
PORTS(mono_crtc, 0x3b4)
PORTS(mono_status, 0x3ba)
PORTS(common, 0x3c0)
PORTS(colour_crtc, 0x3d4)
PORTS(colour_status, 0x3da)

/* ---- life ---- */

static bool vga_init(struct device *dev, struct err *e)
{
    struct vga *v = (struct vga *)dev;
    struct system *sys = dev->sys;
    u32 mb = v->vgamem_mb;

    if (mb < VGA_MIN_VRAM_MB || mb > VGA_MAX_VRAM_MB || (mb & (mb - 1)))
        return err_set(e, ERR_CONFIG, "%s: vgamem_mb=%u: use a power of two from %u to %u", dev->id,
                       mb, VGA_MIN_VRAM_MB, VGA_MAX_VRAM_MB);
    if (v->xres < VGA_MIN_XRES || v->xres > DISPI_MAX_XRES || v->yres < VGA_MIN_YRES ||
        v->yres > DISPI_MAX_YRES)
        return err_set(e, ERR_CONFIG, "%s: xres=%u,yres=%u: use %ux%u to %ux%u", dev->id, v->xres,
                       v->yres, VGA_MIN_XRES, VGA_MIN_YRES, DISPI_MAX_XRES, DISPI_MAX_YRES);
    v->vram_size = mb << 20;
    u32 pages = v->vram_size >> PAGE_SHIFT;
    v->lfb.name = "vga-lfb";
    v->lfb.dev = v;
    if (v->vram_frame == VGA_NO_FRAME) {
        v->own_vram = xcalloc(1, v->vram_size);
        ram_init(&v->own_ram,
                 (struct ram_object){ .base = v->own_vram, .size = v->vram_size, .fd = -1 });
        v->ram = &v->own_ram;
        v->lfb.kind = REGION_IO;
        v->lfb.ops = &vga_lfb_ops;
    } else {
        if (!sys->ram || v->vram_frame > sys->ram->frames ||
            sys->ram->frames - v->vram_frame < pages)
            return err_set(e, ERR_INTERNAL, "%s: frames %u to %llu for VRAM lie outside of RAM",
                           dev->id, v->vram_frame, (unsigned long long)v->vram_frame + pages - 1);
        v->ram = sys->ram;
        v->frame0 = v->vram_frame;
        v->lfb.kind = REGION_RAM;
        v->lfb.ram_frame = v->frame0;
    }
    v->mmio.name = "vga-mmio";
    v->mmio.dev = v;
    v->mmio.kind = REGION_IO;
    v->mmio.ops = &vga_mmio_ops;

    v->dirty = xcalloc(pages, 1);
    v->row = xcalloc(DISPLAY_MAX_HEIGHT, sizeof(*v->row));
    v->line = xcalloc(DISPLAY_MAX_WIDTH + VGA_LINE_SLACK, sizeof(*v->line));
    v->dots = xcalloc(DISPLAY_MAX_WIDTH + VGA_LINE_SLACK, 4);
    if (v->has_edid)
        vga_make_edid(v->edid, v->xres, v->yres);

    pci_setup(&v->pci, 0x1234, 0x1111, 2, 0x030000, 0);
    pci_set16(v->pci.reset_config, PCI_SUBSYS_VENDOR, 0x1af4);
    pci_set16(v->pci.reset_config, PCI_SUBSYS_ID, 0x1100);
    pci_bar_set(&v->pci, 0, v->vram_size, false, true, &v->lfb);
    pci_bar_set(&v->pci, 2, VGA_MMIO_SIZE, false, false, &v->mmio);

    if (v->display) {
        v->display->dev = v;
        v->display->render = vga_render;
    }
    return device_io(dev, "vga-mono-crtc", 0x3b4, 2, &mono_crtc_ops, e) &&
           device_io(dev, "vga-mono-status", 0x3ba, 1, &mono_status_ops, e) &&
           device_io(dev, "vga", 0x3c0, 16, &common_ops, e) &&
           device_io(dev, "vga-crtc", 0x3d4, 2, &colour_crtc_ops, e) &&
           device_io(dev, "vga-status", 0x3da, 1, &colour_status_ops, e) &&
           device_io(dev, "vga-dispi", 0x1ce, 4, &vga_dispi_ops, e) &&
           device_mmio(dev, "vga-window", 0xa0000, 0x20000, PRIO_VGA, &vga_window_ops, e);
}

bool vga_set_rom(struct device *dev, const u8 *data, u32 len, struct err *e)
{
    struct vga *v = (struct vga *)dev;

    if (len < 512 || len > VGA_ROM_SIZE)
        return err_set(e, ERR_CONFIG, "VGA BIOS: %u bytes, where an option ROM of 512 to %u is "
                       "needed", len, VGA_ROM_SIZE);
    if (data[0] != 0x55 || data[1] != 0xaa)
        return err_set(e, ERR_CONFIG, "VGA BIOS: no option ROM (it does not begin with 55 AA)");
    if (!v->rom_data)
        v->rom_data = xcalloc(1, VGA_ROM_SIZE);
    memset(v->rom_data, 0xff, VGA_ROM_SIZE);
    memcpy(v->rom_data, data, len);
    v->rom.name = "vga-rom";
    v->rom.dev = v;
    v->rom.kind = REGION_IO;
    v->rom.ops = &vga_rom_ops;
    pci_bar_set(&v->pci, PCI_ROM_BAR, VGA_ROM_SIZE, false, false, &v->rom);
    return true;
}

static void vga_reset(struct device *dev, enum reset_kind kind)
{
    struct vga *v = (struct vga *)dev;

    pci_reset(&v->pci);
    memset(&v->r, 0, sizeof(v->r));
    v->r.enabled = 1;
    v->r.dac_mask = 0xff;
    v->fcr = v->seq_index = v->crtc_index = v->gc_index = 0;
    v->atc_flip_flop = v->dac_reading = false;
    v->dac_addr = v->dac_sub = 0;
    memset(v->dac_buf, 0, sizeof(v->dac_buf));
    v->latch = 0;
    v->start_old = 0;
    v->start_due = v->vint_due = 0;
    vga_dispi_reset(v);
    if (kind == RESET_POWER_ON)
        ram_zero(v->ram, v->frame0, v->vram_size >> PAGE_SHIFT);
    v->drawn = false;
    vga_visible_change(v);
}

static void vga_close(struct device *dev)
{
    struct vga *v = (struct vga *)dev;

    pci_close(&v->pci);
    if (v->display && v->display->dev == v) {
        v->display->render = NULL;
        v->display->dev = NULL;
    }
    if (v->own_vram)
        ram_free(&v->own_ram);
    xfree(v->own_vram);
    xfree(v->rom_data);
    xfree(v->dirty);
    xfree(v->row);
    xfree(v->line);
    xfree(v->dots);
}

static bool within(const u8 *val, const u8 *mask, unsigned n)
{
    for (unsigned i = 0; i < n; i++) {
        if (val[i] & ~mask[i])
            return false;
    }
    return true;
}

static bool vga_post_load(struct device *dev, struct err *e)
{
    struct vga *v = (struct vga *)dev;
    const struct vga_regs *r = &v->r;

    if (!within(r->seq, seq_mask, VGA_NUM_SEQ) || !within(r->gc, gc_mask, VGA_NUM_GC) ||
        !within(r->crtc, crtc_mask, VGA_NUM_CRTC) || !within(r->atc, atc_mask, VGA_NUM_ATC) ||
        (r->misc & ~MISC_MASK) || (v->fcr & ~FCR_MASK) || r->atc_index > 0x3f || r->enabled > 1 ||
        v->dac_sub > 2)
        return err_set(e, ERR_STATE, "%s: a register in the snapshot has bits that do not exist",
                       dev->id);
    if (!vga_dispi_valid(v))
        return err_set(e, ERR_STATE, "%s: no display mode of %ux%u with %u bits is possible here",
                       dev->id, r->dispi[DISPI_XRES], r->dispi[DISPI_YRES], r->dispi[DISPI_BPP]);
    v->drawn = false;
    vga_visible_change(v);
    return pci_post_load(&v->pci, e);
}

static u32 own_vram_len(const void *obj)
{
    const struct vga *v = obj;
    return v->own_vram ? v->vram_size : 0;
}

static const struct prop vga_props[] = {
    { "display", PROP_DISPLAY, offsetof(struct vga, display), 0, NULL, "where the picture goes" },
    { "vgamem_mb", PROP_U32, offsetof(struct vga, vgamem_mb), 16, NULL,
      "video memory in MB: a power of two, 1 to 256" },
    { "vram_frame", PROP_U32, offsetof(struct vga, vram_frame), VGA_NO_FRAME, NULL,
      "first frame of the machine's RAM that is video memory; by default the card has its own" },
    { "edid", PROP_BOOL, offsetof(struct vga, has_edid), 1, NULL,
      "whether the monitor says what it can" },
    { "xres", PROP_U32, offsetof(struct vga, xres), 1024, NULL, "width that the monitor prefers" },
    { "yres", PROP_U32, offsetof(struct vga, yres), 768, NULL, "height that the monitor prefers" },
    { NULL, PROP_U32, 0, 0, NULL, NULL },
};

#define SINCE_2(m, type) \
    { #m, FIELD_INT, offsetof(struct vga, m) + F_CHECK_(struct vga, m, type), sizeof(type), 1, \
      NULL, 0, NULL, 2 }
static const struct field vga_fields[] = {
    PCI_FIELDS(struct vga, pci),
    F_U8(struct vga, r.misc), F_ARRAY(struct vga, r.seq, u8), F_ARRAY(struct vga, r.crtc, u8),
    F_ARRAY(struct vga, r.gc, u8), F_ARRAY(struct vga, r.atc, u8), F_U8(struct vga, r.atc_index),
    F_U8(struct vga, r.dac_mask), F_U8(struct vga, r.enabled), F_ARRAY(struct vga, r.dac, u8),
    F_ARRAY(struct vga, r.dispi, u16),
    F_U8(struct vga, fcr), F_U8(struct vga, seq_index), F_U8(struct vga, crtc_index),
    F_U8(struct vga, gc_index), F_BOOL(struct vga, atc_flip_flop), F_U8(struct vga, dac_addr),
    F_U8(struct vga, dac_sub), F_BOOL(struct vga, dac_reading),
    F_ARRAY(struct vga, dac_buf, u8), F_U32(struct vga, latch), F_U16(struct vga, dispi_index),
    SINCE_2(start_old, u16), SINCE_2(start_due, u64), SINCE_2(vint_due, u64),
    F_BUF(struct vga, own_vram, own_vram_len),
    F_END,
};
#undef SINCE_2

#define R(name, where, access) { name, where, access, true, NULL }
#define P(name, where, access, note) { name, where, access, true, note }
static const struct reg_doc vga_reg_docs[] = {
    P("Miscellaneous output", "3C2 write, 3CC read", REG_RW, "clocks 2 and 3 are clock 0; sync "
      "polarities have no effect"),
    P("Input status 0", "3C2 read", REG_RO, "switch sense is always 1"),
    P("Input status 1", "3BA/3DA read", REG_RO, "diagnostic bits 5:4 read 0"),
    P("Feature control", "3BA/3DA write, 3CA read", REG_RW, "no effect"),
    R("Video subsystem enable", "3C3", REG_RW),
    R("Sequencer index", "3C4", REG_RW),
    R("Reset", "seq 0", REG_RW),
    R("Clocking mode", "seq 1", REG_RW),
    R("Map mask", "seq 2", REG_RW),
    R("Character map select", "seq 3", REG_RW),
    R("Memory mode", "seq 4", REG_RW),
    R("CRTC index", "3B4/3D4", REG_RW),
    R("Horizontal total", "crtc 00h", REG_RW),
    R("Horizontal display end", "crtc 01h", REG_RW),
    P("Start horizontal blanking", "crtc 02h", REG_RW, "no border: no effect"),
    P("End horizontal blanking", "crtc 03h", REG_RW, "no border, no skew, no light pen: no effect"),
    P("Start horizontal retrace", "crtc 04h", REG_RW, "picture position only: no effect"),
    P("End horizontal retrace", "crtc 05h", REG_RW, "picture position only: no effect"),
    R("Vertical total", "crtc 06h", REG_RW),
    R("Overflow", "crtc 07h", REG_RW),
    R("Preset row scan", "crtc 08h", REG_RW),
    P("Maximum scan line", "crtc 09h", REG_RW, "bit 5 (blanking) has no effect"),
    R("Cursor start", "crtc 0Ah", REG_RW),
    R("Cursor end", "crtc 0Bh", REG_RW),
    R("Start address high", "crtc 0Ch", REG_RW),
    R("Start address low", "crtc 0Dh", REG_RW),
    R("Cursor location high", "crtc 0Eh", REG_RW),
    R("Cursor location low", "crtc 0Fh", REG_RW),
    R("Vertical retrace start", "crtc 10h", REG_RW),
    P("Vertical retrace end", "crtc 11h", REG_RW, "bit 4 lets the interrupt flip-flop of ST00 be "
      "set; no wire, so bit 5 has no effect, nor bit 6 (refresh)"),
    R("Vertical display end", "crtc 12h", REG_RW),
    R("Offset", "crtc 13h", REG_RW),
    R("Underline location", "crtc 14h", REG_RW),
    P("Start vertical blanking", "crtc 15h", REG_RW, "no border: no effect"),
    P("End vertical blanking", "crtc 16h", REG_RW, "no border: no effect"),
    R("CRT mode control", "crtc 17h", REG_RW),
    R("Line compare", "crtc 18h", REG_RW),
    R("Latch read-back", "crtc 22h", REG_RO),
    R("Attribute flip-flop", "crtc 24h", REG_RO),
    R("Attribute index read-back", "crtc 26h", REG_RO),
    R("Graphics index", "3CE", REG_RW),
    R("Set/reset", "gc 0", REG_RW),
    R("Enable set/reset", "gc 1", REG_RW),
    R("Colour compare", "gc 2", REG_RW),
    R("Data rotate", "gc 3", REG_RW),
    R("Read map select", "gc 4", REG_RW),
    R("Mode", "gc 5", REG_RW),
    R("Miscellaneous", "gc 6", REG_RW),
    R("Colour don't care", "gc 7", REG_RW),
    R("Bit mask", "gc 8", REG_RW),
    R("Attribute index and data", "3C0 write, 3C0/3C1 read", REG_MIXED),
    P("Palette 0-15", "atc 00h-0Fh", REG_RW, "written whether PAS is 0 or 1; passed over in 256 "
      "colours"),
    R("Attribute mode control", "atc 10h", REG_RW),
    P("Overscan colour", "atc 11h", REG_RW, "no border: no effect"),
    P("Colour plane enable", "atc 12h", REG_RW, "diagnostic bits 5:4 have no effect"),
    R("Horizontal pel panning", "atc 13h", REG_RW),
    R("Colour select", "atc 14h", REG_RW),
    R("PEL mask", "3C6", REG_RW),
    R("PEL address, read mode", "3C7 write", REG_WO),
    R("DAC state", "3C7 read", REG_RO),
    R("PEL address, write mode", "3C8", REG_RW),
    R("PEL data", "3C9", REG_RW),
    R("DISPI index", "1CE", REG_RW),
    R("ID", "dispi 0", REG_RW),
    R("XRES", "dispi 1", REG_RW),
    R("YRES", "dispi 2", REG_RW),
    R("BPP", "dispi 3", REG_RW),
    R("ENABLE", "dispi 4", REG_RW),
    R("BANK", "dispi 5", REG_RW),
    R("VIRT_WIDTH", "dispi 6", REG_RW),
    R("VIRT_HEIGHT", "dispi 7", REG_RO),
    R("X_OFFSET", "dispi 8", REG_RW),
    R("Y_OFFSET", "dispi 9", REG_RW),
    R("VIDEO_MEMORY_64K", "dispi Ah", REG_RO),
    R("EDID", "bar2+000h", REG_RO),
    R("VGA ports 3C0-3DF", "bar2+400h", REG_MIXED),
    R("DISPI registers", "bar2+500h", REG_MIXED),
    R("qext size", "bar2+600h", REG_RO),
    P("qext byte order", "bar2+604h", REG_RO, "little-endian only"),
    REG_END,
};
#undef R
#undef P

const struct device_class vga_class = {
    .name = "vga",
    .desc = "standard VGA with the Bochs display interface (1234:1111)",
    .size = sizeof(struct vga),
    .props = vga_props,
    .regs = vga_reg_docs,
    .init = vga_init,
    .reset = vga_reset,
    .close = vga_close,
    .fields = vga_fields,
    .version = 2,
    .post_load = vga_post_load,
    .is_pci = true,
};
