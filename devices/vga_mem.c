/* SPDX-License-Identifier: MIT */
/* The CPU's way to the memory of the VGA: the window A0000-BFFFF through sequencer and graphics
 * controller (IBM Personal System/2 Hardware Interface Technical Reference, "Video Subsystem",
 * 1988: memory maps, graphics controller), the banks and the linear frame buffer of DISPI, and
 * the ROM. Registers are in vga.c.
 *
 * VRAM holds the planes interleaved, byte 4 * address + plane, so that an access of all four
 * planes is one dword. In the planar modes the map is the real one: chain-4 puts CPU byte A at
 * address A & ~3 of plane A & 3, odd/even puts it at A & ~1, as the CRTC's dword and word modes
 * expect it, so that programs which unchain a mode find what they would on a real card. While a
 * linear mode of DISPI is on, the window is 64 KB of linear memory whatever these registers
 * say, and coincides with the frame buffer. */
#include "devices/vga.h"

/* Bit n of nibble to all bits of byte n. */
static u32 spread(unsigned nibble)
{
    return (((nibble & 15) * 0x00204081u) & 0x01010101u) * 0xffu;
}

static u8 *vram_wr(struct vga *v, u32 off, u32 len)
{
    u32 in_page = off & PAGE_MASK;
    return ram_wr(v->ram, v->frame0 + (off >> PAGE_SHIFT), in_page, len) + in_page;
}

static u8 vram_rd8(const struct vga *v, u32 off)
{
    return ram_rd(v->ram, v->frame0 + (off >> PAGE_SHIFT))[off & PAGE_MASK];
}

static bool dispi_on(const struct vga *v)
{
    return v->r.dispi[DISPI_ENABLE] & DISPI_ENABLED;
}

/* Where a CPU byte lies. */
struct cell {
    u32 addr;      /* in a plane */
    u8 wplanes;    /* that a write can reach (the map mask not considered) */
    u8 rplane;     /* that read mode 0 takes */
};

/* at: offset from A0000. False: this card does not answer there. */
static bool locate(const struct vga *v, u32 at, struct cell *c)
{
    const struct vga_regs *r = &v->r;
    unsigned map = r->gc[6] >> 2 & 3;

    if (!(r->misc & MISC_RAM) || !r->enabled)
        return false;
    switch (map) {
    case 0: break;
    case 1:
        if (at >= 0x10000)
            return false;
        break;
    case 2:
        if (at < 0x10000 || at >= 0x18000)
            return false;
        at -= 0x10000;
        break;
    default:
        if (at < 0x18000)
            return false;
        at -= 0x18000;
        break;
    }

    if (r->seq[4] & SEQ4_CHAIN4) {
        c->wplanes = (u8)BIT(at & 3);
        c->rplane = at & 3;
        c->addr = (at & 0xfffc) | (at >> 16 & 3);
    } else {
        c->wplanes = r->seq[4] & SEQ4_NO_ODD_EVEN ? 0xf : at & 1 ? 0xa : 0x5;
        c->rplane = r->gc[5] & GC5_ODD_EVEN ? (r->gc[4] & 2) | (at & 1) : r->gc[4];
        c->addr = at & 0xffff;
        /* The bit that chooses the plane is replaced: by A16 in the 128 KB map, else by the
         * page bit, whose usual value of 1 stands for the cells that the CRTC shows. */
        if (r->gc[6] & GC6_CHAIN_ODD_EVEN)
            c->addr = (c->addr & ~1u) | (map == 0 ? at >> 16 & 1 : !(r->misc & MISC_PAGE));
    }
    if (dispi_on(v))
        c->addr += (u32)r->dispi[DISPI_BANK] << 16;
    else if (!(r->seq[4] & SEQ4_EXTENDED))
        c->addr &= 0x3fff; /* a card with 64 KB in all */
    return c->addr < v->vram_size / 4;
}

static u8 rotate(const struct vga *v, u8 val)
{
    unsigned n = v->r.gc[3] & 7;
    return (u8)(val >> n | val << (8 - n));
}

static void write_byte(struct vga *v, u32 at, u8 val)
{
    const u8 *gc = v->r.gc;
    struct cell c;
    u32 data, bits = gc[8];

    if (!locate(v, at, &c))
        return;
    u32 planes = spread(v->r.seq[2] & c.wplanes);
    if (!planes)
        return;
    switch (gc[5] & 3) {
    case 0:
        data = rotate(v, val) * 0x01010101u;
        data = (data & ~spread(gc[1])) | (spread(gc[0]) & spread(gc[1]));
        break;
    case 1:
        data = v->latch;
        break;
    case 2:
        data = spread(val);
        break;
    default:
        data = spread(gc[0]);
        bits &= rotate(v, val);
        break;
    }
    if ((gc[5] & 3) != 1) {
        switch (gc[3] >> 3 & 3) {
        case 0: break;
        case 1: data &= v->latch; break;
        case 2: data |= v->latch; break;
        default: data ^= v->latch; break;
        }
        bits *= 0x01010101u;
        data = (data & bits) | (v->latch & ~bits);
    }
    u8 *p = vram_wr(v, c.addr * 4, 4);
    st32(p, (data & planes) | (ld32(p) & ~planes));
}

static u8 read_latched(const struct vga *v, const struct cell *c, u32 latch)
{
    const u8 *gc = v->r.gc;

    if (!(gc[5] & GC5_READ_MODE1))
        return (u8)(latch >> (8 * c->rplane));
    u32 differs = (latch ^ spread(gc[2])) & spread(gc[7]);
    differs |= differs >> 16;
    return (u8)~(differs | differs >> 8);
}

static u8 read_byte(struct vga *v, u32 at)
{
    struct cell c;

    if (!locate(v, at, &c))
        return 0xff;
    v->latch = vga_vram_rd32(v, c.addr * 4);
    return read_latched(v, &c, v->latch);
}

static u8 peek_byte(const struct vga *v, u32 at)
{
    struct cell c;

    if (!locate(v, at, &c))
        return 0xff;
    return read_latched(v, &c, vga_vram_rd32(v, c.addr * 4));
}

/* ---- the bank of the linear modes ---- */

/* Offset in VRAM, or vram_size where nothing answers. */
static u32 bank_offset(const struct vga *v, u32 at)
{
    u64 off = ((u64)v->r.dispi[DISPI_BANK] << 16) + at;

    if (at >= 0x10000 || off >= v->vram_size || !v->r.enabled || !(v->r.misc & MISC_RAM))
        return v->vram_size;
    return (u32)off;
}

static u32 bank_read(const struct vga *v, u32 at, unsigned size)
{
    u32 val = 0;

    for (unsigned i = 0; i < size; i++) {
        u32 off = bank_offset(v, at + i);
        val |= (u32)(off < v->vram_size ? vram_rd8(v, off) : 0xff) << (8 * i);
    }
    return val;
}

static void bank_write(struct vga *v, u32 at, u32 val, unsigned size)
{
    u32 off = bank_offset(v, at);

    if (size == 4 && !(at & 3) && off < v->vram_size) {
        st32(vram_wr(v, off, 4), val);
        return;
    }
    for (unsigned i = 0; i < size; i++) {
        off = bank_offset(v, at + i);
        if (off < v->vram_size)
            *vram_wr(v, off, 1) = (u8)(val >> (8 * i));
    }
}

/* ---- the window ---- */

/* Chain-4 as mode 13h has it: nothing between the CPU and memory, so that a dword is four pixels
 * in four planes at one address. */
static bool plain_chain4(const struct vga *v)
{
    const u8 *gc = v->r.gc;
    return (v->r.seq[4] & SEQ4_CHAIN4) && !(gc[5] & 3) && !gc[3] && !gc[1] && gc[8] == 0xff;
}

static u32 window_read(void *dev, u32 off, unsigned size)
{
    struct vga *v = dev;
    u32 val = 0;

    if (vga_linear(v))
        return bank_read(v, off, size);
    /* In ascending order, each byte with a latch load of its own. */
    for (unsigned i = 0; i < size; i++)
        val |= (u32)read_byte(v, off + i) << (8 * i);
    return val;
}

static void window_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct vga *v = dev;
    struct cell c;

    if (!v->notified)
        vga_visible_change(v);
    if (vga_linear(v)) {
        bank_write(v, off, val, size);
    } else if (size == 4 && !(off & 3) && plain_chain4(v)) {
        if (!locate(v, off, &c))
            return;
        u32 planes = spread(v->r.seq[2]);
        u8 *p = vram_wr(v, c.addr * 4, 4);
        st32(p, (val & planes) | (ld32(p) & ~planes));
    } else {
        for (unsigned i = 0; i < size; i++)
            write_byte(v, off + i, (u8)(val >> (8 * i)));
    }
}

static u32 window_peek(void *dev, u32 off, unsigned size)
{
    const struct vga *v = dev;
    u32 val = 0;

    if (vga_linear(v))
        return bank_read(v, off, size);
    for (unsigned i = 0; i < size; i++)
        val |= (u32)peek_byte(v, off + i) << (8 * i);
    return val;
}

const struct region_ops vga_window_ops = {
    .read = window_read, .write = window_write, .peek = window_peek,
    .min = 1, .max = 4, .unaligned = true,
};

/* ---- linear frame buffer, where it is no RAM of the machine ---- */

static u32 lfb_read(void *dev, u32 off, unsigned size)
{
    const struct vga *v = dev;
    const u8 *p = ram_rd(v->ram, v->frame0 + (off >> PAGE_SHIFT)) + (off & PAGE_MASK);

    return size == 4 ? ld32(p) : size == 2 ? ld16(p) : *p;
}

static void lfb_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct vga *v = dev;
    u8 *p = vram_wr(v, off, size);

    if (!v->notified)
        vga_visible_change(v);
    if (size == 4)
        st32(p, val);
    else if (size == 2)
        st16(p, (u16)val);
    else
        *p = (u8)val;
}

const struct region_ops vga_lfb_ops = {
    .read = lfb_read, .write = lfb_write, .peek = lfb_read, .min = 1, .max = 4,
};

/* ---- expansion ROM ---- */

static u32 rom_read(void *dev, u32 off, unsigned size)
{
    const struct vga *v = dev;
    const u8 *p = v->rom_data + off;

    return size == 4 ? ld32(p) : size == 2 ? ld16(p) : *p;
}

const struct region_ops vga_rom_ops = { .read = rom_read, .peek = rom_read, .min = 1, .max = 4 };
