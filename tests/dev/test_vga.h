/* SPDX-License-Identifier: MIT */
/* What the tests of the VGA share: a bench with the card on a PCI bus, BIOS mode tables. */
#ifndef NB_TESTS_DEV_TEST_VGA_H
#define NB_TESTS_DEV_TEST_VGA_H

#include <stdlib.h>

#include "devices/pci.h"
#include "tests/dev/rig.h"

#define LFB 0xe0000000u
#define MMIO 0xf0000000u
#define VRAM_AT 0x100000u /* where the rig's RAM is video memory (bench_frames) */

struct bench {
    struct rig *r;
    struct pci_bus bus;
    struct display display;
    struct display_frame *f;
    u32 changes;
};

static inline void count_change(void *to)
{
    ((struct bench *)to)->changes++;
}

static inline struct display_frame *frame_new(void)
{
    struct display_frame *f = calloc(1, sizeof(*f));
    f->pixels = calloc(DISPLAY_MAX_WIDTH * DISPLAY_MAX_HEIGHT, sizeof(u32));
    return f;
}

static inline void frame_free(struct display_frame *f)
{
    free(f->pixels);
    free(f);
}

static inline void cfg32(struct bench *b, u32 reg, u32 val)
{
    pci_config_write(&b->bus, 0x80001000u | reg, 0, val, 4);
}

static inline u32 cfg_rd32(struct bench *b, u32 reg)
{
    return pci_config_read(&b->bus, 0x80001000u | reg, 0, 4);
}

/* opts: "vgamem_mb=1,vram_frame=256" puts VRAM into the rig's second megabyte. */
static inline struct bench *bench_new(const char *opts)
{
    struct bench *b = calloc(1, sizeof(*b));
    struct err e = { 0 };

    b->r = rig_empty();
    b->f = frame_new();
    b->display.changed = count_change;
    b->display.to = b;
    struct device *dev = rig_make(b->r, "vga", "vga", opts);
    ck_assert_msg(device_set_ptr(dev, "display", &b->display, &e), "%s", e.msg);
    rig_start(b->r, dev);
    ck_assert_msg(pci_bus_add(&b->bus, (struct pci_device *)dev, 0x10, &e), "%s", e.msg);
    cfg32(b, 0x10, LFB);
    cfg32(b, 0x18, MMIO);
    cfg32(b, 0x04, 3);
    return b;
}

static inline struct bench *bench_frames(void)
{
    return bench_new("vgamem_mb=1,vram_frame=256");
}

static inline void bench_free(struct bench *b)
{
    rig_free(b->r);
    frame_free(b->f);
    free(b);
}

static inline void render(struct bench *b)
{
    b->display.render(b->display.dev, b->f, false);
}

static inline u32 pixel(const struct bench *b, u32 x, u32 y)
{
    ck_assert_msg(x < b->f->width && y < b->f->height, "%u,%u outside %ux%u", x, y, b->f->width,
                  b->f->height);
    return b->f->pixels[y * b->f->stride + x];
}

static inline void seq(struct bench *b, u8 i, u8 v) { out16(b->r, 0x3c4, (u16)(i | v << 8)); }
static inline void gc(struct bench *b, u8 i, u8 v) { out16(b->r, 0x3ce, (u16)(i | v << 8)); }
static inline u32 crtc_port(struct bench *b) { return in8(b->r, 0x3cc) & 1 ? 0x3d4 : 0x3b4; }
static inline void crtc(struct bench *b, u8 i, u8 v)
{
    out16(b->r, crtc_port(b), (u16)(i | v << 8));
}
static inline u8 rd_at(struct bench *b, u32 port, u8 i)
{
    out8(b->r, port, i);
    return in8(b->r, port + 1);
}
static inline void atc(struct bench *b, u8 i, u8 v)
{
    in8(b->r, crtc_port(b) + 6);
    out8(b->r, 0x3c0, i);
    out8(b->r, 0x3c0, v);
    out8(b->r, 0x3c0, 0x20);
}

/* The start address, and the retrace at which the CRTC takes it. */
static inline void start_at(struct bench *b, u16 addr)
{
    crtc(b, 0x0c, (u8)(addr >> 8));
    crtc(b, 0x0d, (u8)addr);
    step_ns(b->r, 20000000);
}

/* A byte of a plane, through the frame buffer. */
static inline void poke(struct bench *b, unsigned plane, u32 addr, u8 v)
{
    memw8(b->r, LFB + addr * 4 + plane, v);
}
static inline u8 peek(struct bench *b, unsigned plane, u32 addr)
{
    return mem8(b->r, LFB + addr * 4 + plane);
}

static inline void dispi(struct bench *b, u16 i, u16 v)
{
    out16(b->r, 0x1ce, i);
    out16(b->r, 0x1cf, v);
}
static inline u16 dispi_rd(struct bench *b, u16 i)
{
    out16(b->r, 0x1ce, i);
    return in16(b->r, 0x1d0);
}

/* DAC entry i: colours that tell all entries apart. */
static inline u32 dac_rgb(u32 i)
{
    u32 c[3] = { i & 63, (i * 5) & 63, 63 - (i >> 2) }, rgb = 0;
    for (int k = 0; k < 3; k++)
        rgb = rgb << 8 | (c[k] << 2 | c[k] >> 4);
    return rgb;
}
static inline void load_dac(struct bench *b)
{
    out8(b->r, 0x3c8, 0);
    for (u32 i = 0; i < 256; i++) {
        out8(b->r, 0x3c9, i & 63);
        out8(b->r, 0x3c9, (i * 5) & 63);
        out8(b->r, 0x3c9, (u8)(63 - (i >> 2)));
    }
}

struct vga_mode {
    u8 misc, seq[5], crtc[25], gc[9], atc[21];
};

static const struct vga_mode mode_03 NB_UNUSED = {
    0x67, { 3, 0, 3, 0, 2 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e,
      0x8f, 0x28, 0x1f, 0x96, 0xb9, 0xa3, 0xff },
    { 0, 0, 0, 0, 0, 0x10, 0x0e, 0, 0xff },
    { 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 0x0c, 0, 0x0f, 8,
      0 },
};
static const struct vga_mode mode_04 NB_UNUSED = {
    0x63, { 3, 9, 3, 0, 2 },
    { 0x2d, 0x27, 0x28, 0x90, 0x2b, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f,
      0x14, 0, 0x96, 0xb9, 0xa2, 0xff },
    { 0, 0, 0, 0, 0, 0x30, 0x0f, 0x0f, 0xff },
    { 0, 0x13, 0x15, 0x17, 2, 4, 6, 7, 0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x16, 0x17, 1, 0, 3, 0,
      0 },
};
static const struct vga_mode mode_06 NB_UNUSED = {
    0x63, { 3, 1, 1, 0, 6 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0xc1, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f,
      0x28, 0, 0x96, 0xb9, 0xc2, 0xff },
    { 0, 0, 0, 0, 0, 0, 0x0d, 0x0f, 0xff },
    { 0, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17, 0x17,
      1, 0, 1, 0, 0 },
};
static const struct vga_mode mode_07 NB_UNUSED = {
    0x66, { 3, 0, 3, 0, 2 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x55, 0x81, 0xbf, 0x1f, 0, 0x4f, 0x0d, 0x0e, 0, 0, 0, 0, 0x9c, 0x8e,
      0x8f, 0x28, 0x0d, 0x96, 0xb9, 0xa3, 0xff },
    { 0, 0, 0, 0, 0, 0x10, 0x0a, 0, 0xff },
    { 0, 8, 8, 8, 8, 8, 8, 8, 0x10, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x18, 0x0e, 0, 0x0f, 8,
      0 },
};
static const struct vga_mode mode_12 NB_UNUSED = {
    0xe3, { 3, 1, 0x0f, 0, 6 },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf,
      0x28, 0, 0xe7, 4, 0xe3, 0xff },
    { 0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff },
    { 0, 1, 2, 3, 4, 5, 0x14, 7, 0x38, 0x39, 0x3a, 0x3b, 0x3c, 0x3d, 0x3e, 0x3f, 1, 0, 0x0f, 0, 0 },
};
static const struct vga_mode mode_13 NB_UNUSED = {
    0x63, { 3, 1, 0x0f, 0, 0x0e },
    { 0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0xbf, 0x1f, 0, 0x41, 0, 0, 0, 0, 0, 0, 0x9c, 0x8e, 0x8f,
      0x28, 0x40, 0x96, 0xb9, 0xa3, 0xff },
    { 0, 0, 0, 0, 0, 0x40, 5, 0x0f, 0xff },
    { 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 0x41, 0, 0x0f, 0, 0 },
};

static inline void set_mode(struct bench *b, const struct vga_mode *m)
{
    out8(b->r, 0x3c2, m->misc);
    for (u8 i = 0; i < 5; i++)
        seq(b, i, m->seq[i]);
    crtc(b, 0x11, 0);
    for (u8 i = 0; i < 25; i++)
        crtc(b, i, m->crtc[i]);
    for (u8 i = 0; i < 9; i++)
        gc(b, i, m->gc[i]);
    for (u8 i = 0; i < 21; i++)
        atc(b, i, m->atc[i]);
    load_dac(b);
}

#endif
