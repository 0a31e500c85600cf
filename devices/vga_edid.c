/* SPDX-License-Identifier: MIT */
/* The monitor's EDID (VESA E-EDID Standard, release A, EDID structure 1.3): what it is called, what
 * it can do and which size it prefers. Software reads it from the memory BAR (vbe.c) or asks the
 * VGA BIOS for it (VBE/DDC function 15h); there are no DDC wires. The timing of small sizes
 * is that of VESA DMT, of others VESA CVT 1.1 with reduced blanking. */
#include "devices/vga.h"

enum { PREFERRED = 54, RANGE = 72, NAME = 90, MORE = 108, EXTENSIONS = 126, CHECKSUM = 127 };

struct detailed {
    u32 clock; /* 10 kHz */
    u32 h, hblank, hfront, hsync;
    u32 v, vblank, vfront, vsync;
    bool hpos, vpos; /* polarities */
};

/* CVT: the aspect ratio shows in the width of the vertical sync. */
static u32 cvt_vsync(u32 w, u32 h)
{
    if (w * 3 == h * 4)
        return 4;
    if (w * 9 == h * 16)
        return 5;
    if (w * 10 == h * 16)
        return 6;
    if (w * 4 == h * 5 || w * 9 == h * 15)
        return 7;
    return 10;
}

static struct detailed make_timing(u32 w, u32 h)
{
    static const struct detailed dmt[] = {
        { 2518, 640, 160, 16, 96, 480, 45, 10, 2, false, false },
        { 4000, 800, 256, 40, 128, 600, 28, 1, 4, true, true },
        { 6500, 1024, 320, 24, 136, 768, 38, 3, 6, false, false },
    };
    for (unsigned i = 0; i < ARRAY_LEN(dmt); i++) {
        if (dmt[i].h == w && dmt[i].v == h)
            return dmt[i];
    }
    struct detailed t = { .h = w, .hblank = 160, .hfront = 48, .hsync = 32, .v = h, .vfront = 3,
                          .vsync = cvt_vsync(w, h), .hpos = true, .vpos = false };
    /* 60 Hz, 460 us without picture at least, 6 lines of back porch at least */
    t.vblank = MAX(460 * 60 * h / (1000000 - 460 * 60) + 1, t.vfront + t.vsync + 6);
    t.clock = (w + t.hblank) * (h + t.vblank) * 60 / 250000 * 25;
    return t;
}

static void put_timing(u8 *d, const struct detailed *t)
{
    u32 mm_w = t->h * 254 / 1000, mm_h = t->v * 254 / 1000; /* 100 dots an inch */

    st16(d, (u16)t->clock);
    d[2] = (u8)t->h;
    d[3] = (u8)t->hblank;
    d[4] = (u8)((t->h >> 8) << 4 | t->hblank >> 8);
    d[5] = (u8)t->v;
    d[6] = (u8)t->vblank;
    d[7] = (u8)((t->v >> 8) << 4 | t->vblank >> 8);
    d[8] = (u8)t->hfront;
    d[9] = (u8)t->hsync;
    d[10] = (u8)((t->vfront & 15) << 4 | (t->vsync & 15));
    d[11] = 0; /* all of them are small */
    d[12] = (u8)mm_w;
    d[13] = (u8)mm_h;
    d[14] = (u8)((mm_w >> 8) << 4 | mm_h >> 8);
    d[15] = d[16] = 0;
    d[17] = (u8)(0x18 | t->vpos << 2 | t->hpos << 1); /* separate syncs */
}

void vga_make_edid(u8 *edid, u32 width, u32 height)
{
    static const u8 base[PREFERRED] = {
        0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00,
        0x38, 0x58, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, /* NBX, product 1 */
        0x00, 34, 1, 3,                                 /* 2024, EDID 1.3 */
        0x08, 0, 0, 120, 0x0f, /* analogue; size: below; gamma 2.2; sRGB, preferred timing, GTF */
        0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54, /* sRGB */
        0x21, 0x08, 0x00,                               /* 640x480, 800x600, 1024x768 at 60 Hz */
        0x81, 0x80, 0xa9, 0x40, 0xd1, 0x00, 0x81, 0x00, /* 1280x1024 1600x1200 1920x1200 1280x800 */
        0x95, 0x00, 0xb3, 0x00, 0xd1, 0xc0, 0x81, 0xc0, /* 1440x900 1680x1050 1920x1080 1280x720 */
    };
    /* 50-125 Hz, 30-160 kHz, 400 MHz */
    static const u8 range[18] = { 0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 40, 0, 0x0a, 0x20, 0x20, 0x20,
                                  0x20, 0x20, 0x20 };
    static const u8 name[18] = { 0, 0, 0, 0xfc, 0, 'n', 'e', 's', 't', 'b', 'o', 'x', 0x0a, 0x20,
                                 0x20, 0x20, 0x20, 0x20 };
    /* 1600x900 1400x1050 1280x960, at 60 Hz; three unused */
    static const u8 more[18] = { 0, 0, 0, 0xfa, 0, 0xa9, 0xc0, 0x90, 0x40, 0x81, 0x40, 1, 1, 1, 1,
                                 1, 1, 0x0a };
    struct detailed t = make_timing(width, height);
    u8 sum = 0;

    memcpy(edid, base, sizeof(base));
    edid[21] = (u8)((width * 254 / 1000 + 5) / 10); /* cm */
    edid[22] = (u8)((height * 254 / 1000 + 5) / 10);
    put_timing(edid + PREFERRED, &t);
    memcpy(edid + RANGE, range, sizeof(range));
    memcpy(edid + NAME, name, sizeof(name));
    memcpy(edid + MORE, more, sizeof(more));
    edid[EXTENSIONS] = 0;
    for (unsigned i = 0; i < CHECKSUM; i++)
        sum = (u8)(sum + edid[i]);
    edid[CHECKSUM] = (u8)-sum;
}
