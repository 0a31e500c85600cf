/* SPDX-License-Identifier: MIT */
/* VGA: the Bochs display interface, its banks and pictures, the MMIO BAR and EDID. */
#include "tests/dev/test_vga.h"

#include <stdio.h>

static void vbe_mode(struct bench *b, u16 w, u16 h, u16 bpp, u16 flags)
{
    dispi(b, 4, 0);
    dispi(b, 1, w);
    dispi(b, 2, h);
    dispi(b, 3, bpp);
    dispi(b, 4, flags | 0x41);
    out8(b->r, 0x3c2, 0x63);
    load_dac(b);
    in8(b->r, 0x3da);
    out8(b->r, 0x3c0, 0x20);
}

START_TEST(ids_caps_and_memory)
{
    struct bench *b = bench_new("vgamem_mb=16");
    ck_assert_uint_eq(dispi_rd(b, 0), 0xb0c5);
    for (u16 id = 0xb0c0; id <= 0xb0c5; id++) {
        dispi(b, 0, id);
        ck_assert_uint_eq(dispi_rd(b, 0), id);
    }
    dispi(b, 0, 0xb0c6);
    dispi(b, 0, 0xb0bf);
    ck_assert_uint_eq(dispi_rd(b, 0), 0xb0c5);
    ck_assert_uint_eq(dispi_rd(b, 10), 256);
    dispi(b, 10, 1);
    ck_assert_uint_eq(dispi_rd(b, 10), 256);
    ck_assert_uint_eq(dispi_rd(b, 11), 0);
    dispi(b, 1, 800);
    dispi(b, 2, 600);
    dispi(b, 3, 24);
    dispi(b, 4, 2);
    ck_assert_uint_eq(dispi_rd(b, 1), 2560);
    ck_assert_uint_eq(dispi_rd(b, 2), 1600);
    ck_assert_uint_eq(dispi_rd(b, 3), 32);
    ck_assert_uint_eq(dispi_rd(b, 4), 2);
    dispi(b, 4, 0);
    ck_assert_uint_eq(dispi_rd(b, 1), 800);
    ck_assert_uint_eq(dispi_rd(b, 2), 600);
    ck_assert_uint_eq(dispi_rd(b, 3), 24);
    /* data at 1CF and at 1D0; index and data in one dword at 1CE */
    out32(b->r, 0x1ce, 1);
    ck_assert_uint_eq(in16(b->r, 0x1cf), 0);
    out16(b->r, 0x1cf, 640);
    ck_assert_uint_eq(in32(b->r, 0x1ce), 640u << 16 | 1);
    ck_assert_uint_eq(in8(b->r, 0x1ce), 1);
    ck_assert_uint_eq(in8(b->r, 0x1d0), 640 & 0xff);
    ck_assert_uint_eq(in8(b->r, 0x1d1), 640 >> 8);
    /* and nowhere else: guests put BARs at FF80h (V8) */
    for (u32 port = 0xff80; port < 0xff84; port++)
        ck_assert_ptr_null(space_find(&b->r->io, port, true, NULL));
    ck_assert_ptr_null(space_find(&b->r->io, 0x1cd, false, NULL));
    ck_assert_ptr_null(space_find(&b->r->io, 0x1d2, false, NULL));
    bench_free(b);
}
END_TEST

START_TEST(impossible_modes_are_refused)
{
    struct bench *b = bench_new("vgamem_mb=1");
    static const u16 bad[][3] = { { 0, 480, 8 }, { 640, 0, 8 }, { 1024, 768, 16 },
                                  { 1024, 1025, 8 }, { 2560, 1600, 4 } };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        dispi(b, 4, 0);
        dispi(b, 1, bad[i][0]);
        dispi(b, 2, bad[i][1]);
        dispi(b, 3, bad[i][2]);
        dispi(b, 4, 0x41);
        ck_assert_msg(dispi_rd(b, 4) == 0x40, "mode %u", i);
    }
    dispi(b, 1, 2561);
    ck_assert_uint_eq(dispi_rd(b, 1), 2560);
    dispi(b, 2, 1601);
    ck_assert_uint_eq(dispi_rd(b, 2), 1600);
    dispi(b, 3, 12);
    ck_assert_uint_eq(dispi_rd(b, 3), 4);
    dispi(b, 3, 0);
    ck_assert_uint_eq(dispi_rd(b, 3), 8);
    /* exactly all of the memory */
    vbe_mode(b, 1024, 1024, 8, 0);
    ck_assert_uint_eq(dispi_rd(b, 4), 0x41);
    ck_assert_uint_eq(dispi_rd(b, 7), 1024);
    dispi(b, 2, 1025); /* while it is on */
    ck_assert_uint_eq(dispi_rd(b, 2), 1024);
    dispi(b, 6, 2000);
    ck_assert_uint_eq(dispi_rd(b, 6), 1024);
    bench_free(b);
}
END_TEST

START_TEST(virtual_screen)
{
    struct bench *b = bench_new("vgamem_mb=1");
    vbe_mode(b, 640, 480, 8, 0);
    ck_assert_uint_eq(dispi_rd(b, 6), 640);
    ck_assert_uint_eq(dispi_rd(b, 7), 1638);
    dispi(b, 8, 5);
    ck_assert_uint_eq(dispi_rd(b, 8), 0);
    dispi(b, 6, 1000);
    ck_assert_uint_eq(dispi_rd(b, 6), 1000);
    ck_assert_uint_eq(dispi_rd(b, 7), 1048);
    dispi(b, 8, 400);
    ck_assert_uint_eq(dispi_rd(b, 8), 360);
    dispi(b, 8, 7);
    dispi(b, 9, 569);
    ck_assert_uint_eq(dispi_rd(b, 9), 568);
    dispi(b, 9, 3);
    for (u32 y = 0; y < 1048; y++)
        for (u32 x = 0; x < 1000; x += 4)
            memw32(b->r, LFB + y * 1000 + x, (y * 1000 + x) * 0x9e3779b1u);
    render(b);
    ck_assert_uint_eq(b->f->width, 640);
    ck_assert_uint_eq(b->f->height, 480);
    for (u32 y = 0; y < 480; y++)
        for (u32 x = 0; x < 640; x++) {
            u32 i = (y + 3) * 1000 + x + 7;
            u8 c = (u8)((i & ~3u) * 0x9e3779b1u >> (8 * (i & 3)));
            ck_assert_msg(pixel(b, x, y) == dac_rgb(c), "%u,%u", x, y);
        }
    dispi(b, 6, 100); /* no narrower than the mode */
    ck_assert_uint_eq(dispi_rd(b, 6), 640);
    ck_assert_uint_eq(dispi_rd(b, 8), 0);
    bench_free(b);
}
END_TEST

START_TEST(colour_depths)
{
    static const struct { u16 bpp; u32 bytes, value, rgb; } d[] = {
        { 15, 2, 0x8000 | 31 << 10 | 1 << 5 | 16, 0xff0884 },
        { 15, 2, 0x7fff, 0xffffff },
        { 16, 2, 16 << 11 | 63 << 5 | 1, 0x84ff08 },
        { 16, 2, 1 << 5, 0x000400 },
        { 24, 3, 0x123456, 0x123456 },
        { 32, 4, 0xff9abcde, 0x9abcde },
    };
    for (u32 i = 0; i < ARRAY_LEN(d); i++) {
        struct bench *b = bench_new("vgamem_mb=16");
        vbe_mode(b, 1366, 768, d[i].bpp, 0);
        u32 x = 1365, y = 767, at = (y * 1366 + x) * d[i].bytes;
        for (u32 k = 0; k < d[i].bytes; k++)
            memw8(b->r, LFB + at + k, (u8)(d[i].value >> (8 * k)));
        render(b);
        ck_assert_uint_eq(b->f->width, 1366);
        ck_assert_uint_eq(b->f->height, 768);
        ck_assert_uint_eq(pixel(b, x, y), d[i].rgb);
        ck_assert_uint_eq(pixel(b, x - 1, y), 0);
        ck_assert_uint_eq(pixel(b, x, y - 1), 0);
        bench_free(b);
    }
}
END_TEST

START_TEST(largest_mode)
{
    struct bench *b = bench_new("vgamem_mb=16");
    vbe_mode(b, 2560, 1600, 32, 0);
    ck_assert_uint_eq(dispi_rd(b, 4), 0x41);
    memw32(b->r, LFB + (2560 * 1600 - 1) * 4, 0x00abcdef);
    render(b);
    ck_assert_uint_eq(pixel(b, 2559, 1599), 0xabcdef);
    u32 gen = b->f->generation;
    render(b);
    ck_assert_uint_eq(b->f->generation, gen);
    memw32(b->r, LFB + (2560 * 800 + 3) * 4, 0x00112233);
    render(b);
    ck_assert_uint_eq(pixel(b, 3, 800), 0x112233);
    ck_assert_uint_eq(b->f->dirty_first, 800);
    ck_assert_uint_eq(b->f->dirty_last, 800);
    bench_free(b);
}
END_TEST

START_TEST(palette_of_eight_bits)
{
    struct bench *b = bench_new("vgamem_mb=1");
    vbe_mode(b, 640, 480, 8, 0x20);
    memw8(b->r, LFB, 9);
    out8(b->r, 0x3c8, 9);
    out8(b->r, 0x3c9, 0x81);
    out8(b->r, 0x3c9, 0x42);
    out8(b->r, 0x3c9, 0x24);
    render(b);
    ck_assert_uint_eq(pixel(b, 0, 0), 0x814224);
    dispi(b, 4, 0x41); /* six bits again: the lower two are lost, full scale is full scale */
    render(b);
    ck_assert_uint_eq(pixel(b, 0, 0), 0x824124);
    load_dac(b);
    out8(b->r, 0x3c6, 0xf6); /* the PEL mask counts here, too */
    render(b);
    ck_assert_uint_eq(pixel(b, 0, 0), dac_rgb(0));
    bench_free(b);
}
END_TEST

START_TEST(banks)
{
    struct bench *b = bench_new("vgamem_mb=1");
    vbe_mode(b, 640, 480, 8, 0);
    /* linear whatever the planar registers say */
    gc(b, 5, 2);
    gc(b, 8, 0);
    seq(b, 2, 0);
    seq(b, 4, 2);
    gc(b, 6, 0x0c);
    for (u16 bank = 0; bank < 16; bank++) {
        dispi(b, 5, bank);
        memw32(b->r, 0xa0000, 0x10101010u + bank);
        memw8(b->r, 0xaffff, (u8)(0x80 + bank));
    }
    for (u32 bank = 0; bank < 16; bank++) {
        ck_assert_uint_eq(mem32(b->r, LFB + bank * 0x10000), 0x10101010 + bank);
        ck_assert_uint_eq(mem8(b->r, LFB + bank * 0x10000 + 0xffff), 0x80 + bank);
    }
    ck_assert_uint_eq(mem8(b->r, 0xb0000), 0xff);
    ck_assert_uint_eq(mem8(b->r, 0xb8000), 0xff);
    dispi(b, 5, 0x12); /* masked */
    ck_assert_uint_eq(dispi_rd(b, 5), 2);
    ck_assert_uint_eq(mem32(b->r, 0xa0000), 0x10101012);
    ck_assert_uint_eq(space_read(&b->r->mem, 0xa0001, 2), 0x1010);
    space_write(&b->r->mem, 0xa0003, 0xbeef, 2);
    ck_assert_uint_eq(mem32(b->r, LFB + 0x20002), 0x0000beef << 8 | 0x10);
    dispi(b, 4, 0);
    ck_assert_uint_eq(dispi_rd(b, 5), 0);
    bench_free(b);
}
END_TEST

START_TEST(planar_vbe_mode_with_banks)
{
    struct bench *b = bench_new("vgamem_mb=1");
    set_mode(b, &mode_12);
    vbe_mode(b, 800, 600, 4, 0);
    ck_assert_uint_eq(dispi_rd(b, 4), 0x41);
    ck_assert_uint_eq(dispi_rd(b, 7), 0x40000 / 100);
    /* four banks of 64 KB of each plane; the usual datapath */
    dispi(b, 5, 5);
    ck_assert_uint_eq(dispi_rd(b, 5), 1);
    gc(b, 5, 2);
    memw8(b->r, 0xa0000 + 3, 0x0b);
    for (u32 p = 0; p < 4; p++)
        ck_assert_uint_eq(peek(b, p, 0x10003), p == 2 ? 0 : 0xff);
    dispi(b, 5, 0);
    gc(b, 8, 0x41);
    mem8(b->r, 0xa0000 + 599 * 100 + 99);
    memw8(b->r, 0xa0000 + 599 * 100 + 99, 0x05);
    render(b);
    ck_assert_uint_eq(b->f->width, 800);
    ck_assert_uint_eq(b->f->height, 600);
    ck_assert_uint_eq(pixel(b, 799, 599), dac_rgb(mode_12.atc[5]));
    ck_assert_uint_eq(pixel(b, 793, 599), dac_rgb(mode_12.atc[5]));
    ck_assert_uint_eq(pixel(b, 798, 599), dac_rgb(0));
    dispi(b, 6, 816);
    dispi(b, 8, 3);
    dispi(b, 9, 587);
    render(b);
    ck_assert_uint_eq(pixel(b, 0, 0), dac_rgb(0)); /* 587 * 102 + 0, pixel 3 */
    u32 at = 599 * 100 + 99, y = at / 102, x = at % 102 * 8;
    ck_assert_uint_eq(pixel(b, x + 1 - 3, y - 587), dac_rgb(mode_12.atc[5]));
    ck_assert_uint_eq(pixel(b, x + 7 - 3, y - 587), dac_rgb(mode_12.atc[5]));
    ck_assert_uint_eq(pixel(b, x + 6 - 3, y - 587), dac_rgb(0));
    bench_free(b);
}
END_TEST

START_TEST(clear_and_noclear)
{
    struct bench *b = bench_new("vgamem_mb=1");
    memw32(b->r, LFB + 0xffffc, 0x11223344);
    vbe_mode(b, 640, 480, 8, 0x80);
    ck_assert_uint_eq(mem32(b->r, LFB + 0xffffc), 0x11223344);
    ck_assert_uint_eq(dispi_rd(b, 4), 0xc1);
    dispi(b, 4, 0x41); /* on already: not cleared */
    ck_assert_uint_eq(mem32(b->r, LFB + 0xffffc), 0x11223344);
    vbe_mode(b, 640, 480, 8, 0);
    ck_assert_uint_eq(mem32(b->r, LFB + 0xffffc), 0);
    bench_free(b);
}
END_TEST

START_TEST(back_to_vga)
{
    struct bench *b = bench_new("vgamem_mb=1");
    set_mode(b, &mode_12);
    poke(b, 1, 0, 0x80);
    vbe_mode(b, 1024, 768, 8, 0x80);
    render(b);
    ck_assert_uint_eq(b->f->width, 1024);
    ck_assert_uint_eq(pixel(b, 1, 0), dac_rgb(0x80));
    dispi(b, 4, 0);
    render(b);
    ck_assert_uint_eq(b->f->width, 640);
    ck_assert_uint_eq(b->f->height, 480);
    ck_assert_uint_eq(pixel(b, 0, 0), dac_rgb(mode_12.atc[2]));
    bench_free(b);
}
END_TEST

START_TEST(frames_of_ram_are_the_frame_buffer)
{
    struct bench *b = bench_frames();
    vbe_mode(b, 640, 480, 32, 0);
    ck_assert_uint_eq(dispi_rd(b, 4), 0x40); /* 1.2 MB */
    vbe_mode(b, 640, 400, 32, 0);
    render(b);
    u32 gen = b->f->generation;
    /* the CPU's view is memory: no handler is called, the page's flag tells */
    paddr end;
    struct region *r = space_find(&b->r->mem, LFB, true, &end);
    ck_assert_int_eq(r->kind, REGION_RAM);
    ck_assert_uint_eq(end, LFB + 0xfffff);
    memw32(b->r, LFB + 640 * 4 * 77, 0x00fedcba);
    ck_assert_uint_eq(ld32(rig_ram(b->r, VRAM_AT + 640 * 4 * 77)), 0x00fedcba);
    render(b);
    ck_assert_uint_ne(b->f->generation, gen);
    ck_assert_uint_eq(b->f->dirty_first, 77);
    ck_assert_uint_eq(pixel(b, 0, 77), 0xfedcba);
    gen = b->f->generation;
    dma_write(&b->r->mem, LFB + 640 * 4 * 78, "\x01\x02\x03\x00", 4);
    render(b);
    ck_assert_uint_ne(b->f->generation, gen);
    ck_assert_uint_eq(pixel(b, 0, 78), 0x030201);
    bench_free(b);
}
END_TEST

START_TEST(mmio)
{
    struct bench *b = bench_new("vgamem_mb=2");
    /* EDID */
    u8 sum = 0;
    for (u32 i = 0; i < 128; i++)
        sum = (u8)(sum + mem8(b->r, MMIO + i));
    ck_assert_uint_eq(sum, 0);
    ck_assert_uint_eq(mem32(b->r, MMIO), 0xffffff00);
    ck_assert_uint_eq(mem32(b->r, MMIO + 4), 0x00ffffff);
    ck_assert_uint_eq(mem8(b->r, MMIO + 126), 0);
    ck_assert_uint_eq(mem8(b->r, MMIO + 128), 0);
    u32 active = mem8(b->r, MMIO + 56) | (mem8(b->r, MMIO + 58) & 0xf0u) << 4;
    ck_assert_uint_eq(active, 1024);
    memw8(b->r, MMIO + 8, 0);
    ck_assert_uint_eq(mem8(b->r, MMIO + 8), 0x38);
    /* ports */
    memw8(b->r, MMIO + 0x402, 0x67);
    ck_assert_uint_eq(in8(b->r, 0x3cc), 0x67);
    space_write(&b->r->mem, MMIO + 0x414, 0x5a0e, 2); /* CRTC index and data at once */
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x0e), 0x5a);
    ck_assert_uint_eq(space_read(&b->r->mem, MMIO + 0x414, 2), 0x5a0e);
    memw8(b->r, MMIO + 0x400, 0x20);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x24), 0x80);
    mem8(b->r, MMIO + 0x41a);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x24), 0);
    ck_assert_uint_eq(mem8(b->r, MMIO + 0x420), 0);
    /* DISPI */
    ck_assert_uint_eq(space_read(&b->r->mem, MMIO + 0x500, 2), 0xb0c5);
    space_write(&b->r->mem, MMIO + 0x502, 800, 2);
    memw32(b->r, MMIO + 0x504, 16u << 16 | 600);
    ck_assert_uint_eq(dispi_rd(b, 1), 800);
    ck_assert_uint_eq(dispi_rd(b, 2), 600);
    ck_assert_uint_eq(dispi_rd(b, 3), 16);
    ck_assert_uint_eq(mem32(b->r, MMIO + 0x514), 32);
    /* qext */
    ck_assert_uint_eq(mem32(b->r, MMIO + 0x600), 8);
    ck_assert_uint_eq(mem32(b->r, MMIO + 0x604), 0x1e1e1e1e);
    memw32(b->r, MMIO + 0x604, 0x1e1e1e1e);
    ck_assert(!rig_log_has(b->r, "big-endian"));
    memw32(b->r, MMIO + 0x604, 0xbebebebe);
    ck_assert(rig_log_has(b->r, "big-endian"));
    ck_assert_uint_eq(mem32(b->r, MMIO + 0x604), 0x1e1e1e1e);
    ck_assert_uint_eq(mem32(b->r, MMIO + 0xffc), 0);
    bench_free(b);
}
END_TEST

/* One detailed timing, taken apart as drivers do. */
static void check_timing(const u8 *d, u32 w, u32 h)
{
    u32 clock = (d[0] | d[1] << 8) * 10000u;
    u32 hactive = d[2] | (d[4] & 0xf0u) << 4, hblank = d[3] | (d[4] & 15u) << 8;
    u32 vactive = d[5] | (d[7] & 0xf0u) << 4, vblank = d[6] | (d[7] & 15u) << 8;
    u32 hfront = d[8], hsync = d[9], vfront = d[10] >> 4, vsync = d[10] & 15;

    ck_assert_uint_eq(hactive, w);
    ck_assert_uint_eq(vactive, h);
    ck_assert_uint_lt(hfront + hsync, hblank);
    ck_assert_uint_lt(vfront + vsync, vblank);
    ck_assert(vfront && vsync && hfront && hsync);
    double rate = (double)clock / ((hactive + hblank) * (vactive + vblank));
    double line = clock / 1000.0 / (hactive + hblank);
    ck_assert_msg(rate > 59.5 && rate < 60.5, "%ux%u at %f Hz", w, h, rate);
    ck_assert_msg(line > 30 && line < 160, "%ux%u at %f kHz", w, h, line);
    ck_assert_uint_lt(clock, 400000000);
    ck_assert_uint_eq(d[17] & 0x98, 0x18); /* not interlaced; separate syncs */
}

START_TEST(edid_prefers_the_size_asked_for)
{
    static const u16 size[][3] = { /* and the sync width of its aspect ratio */
        { 1024, 768, 6 }, { 640, 480, 2 }, { 800, 600, 4 }, { 1366, 768, 10 },
        { 1280, 720, 5 }, { 1280, 1024, 7 },
        { 1440, 900, 6 }, { 1600, 900, 5 }, { 1680, 1050, 6 }, { 1920, 1080, 5 }, { 1920, 1200, 6 },
        { 2560, 1440, 5 }, { 2560, 1600, 6 },
    };
    for (unsigned i = 0; i < ARRAY_LEN(size); i++) {
        char opts[64];
        u8 e[128], sum = 0;
        snprintf(opts, sizeof(opts), "vgamem_mb=1,xres=%u,yres=%u", size[i][0], size[i][1]);
        struct bench *b = bench_new(opts);
        for (u32 k = 0; k < 128; k++) {
            e[k] = mem8(b->r, MMIO + k);
            sum = (u8)(sum + e[k]);
        }
        ck_assert_uint_eq(sum, 0);
        ck_assert_mem_eq(e, "\0\xff\xff\xff\xff\xff\xff\0", 8);
        ck_assert_uint_eq(e[18], 1);
        ck_assert_uint_eq(e[19], 3);
        ck_assert_uint_eq(e[24] & 2, 2); /* the first timing is the preferred one */
        check_timing(e + 54, size[i][0], size[i][1]);
        ck_assert_uint_eq(e[54 + 10] & 15, size[i][2]);
        /* an object of as many centimetres as millimetres say */
        u32 mm = e[54 + 12] | (e[54 + 14] & 0xf0u) << 4;
        ck_assert_int_le(abs((int)mm - e[21] * 10), 5);
        mm = e[54 + 13] | (e[54 + 14] & 15u) << 8;
        ck_assert_int_le(abs((int)mm - e[22] * 10), 5);
        ck_assert_mem_eq(e + 72, "\0\0\0\xfd", 5);
        ck_assert_mem_eq(e + 90, "\0\0\0\xfc\0nestbox\n     ", 18);
        ck_assert_mem_eq(e + 108, "\0\0\0\xfa", 5);
        bench_free(b);
    }
    struct bench *b = bench_new("vgamem_mb=1,edid=off");
    for (u32 k = 0; k < 256; k += 4)
        ck_assert_uint_eq(mem32(b->r, MMIO + k), 0);
    ck_assert_uint_eq(mem32(b->r, MMIO + 0x600), 8);
    bench_free(b);
}
END_TEST

/* Standard timings: sizes that the card can show in 32 bits with its usual 16 MB. */
START_TEST(edid_lists_usual_sizes)
{
    static const u16 want[][2] = { { 1280, 1024 }, { 1600, 1200 }, { 1920, 1200 }, { 1280, 800 },
        { 1440, 900 }, { 1680, 1050 }, { 1920, 1080 }, { 1280, 720 }, { 1600, 900 }, { 1400, 1050 },
        { 1280, 960 } };
    static const u8 ratio[4][2] = { { 16, 10 }, { 4, 3 }, { 5, 4 }, { 16, 9 } };
    struct bench *b = bench_new("vgamem_mb=1");
    for (u32 k = 0; k < ARRAY_LEN(want) + 3; k++) {
        u32 at = MMIO + (k < 8 ? 38 + 2 * k : 108 + 5 + 2 * (k - 8));
        u8 x = mem8(b->r, at), y = mem8(b->r, at + 1);
        if (k >= ARRAY_LEN(want)) {
            ck_assert_uint_eq(x << 8 | y, 0x0101);
            continue;
        }
        u32 w = (x + 31u) * 8;
        ck_assert_uint_eq(w, want[k][0]);
        ck_assert_uint_eq(w * ratio[y >> 6][1] / ratio[y >> 6][0], want[k][1]);
        ck_assert_uint_eq(y & 63, 0);
    }
    ck_assert_uint_eq(mem8(b->r, MMIO + 35), 0x21);
    ck_assert_uint_eq(mem8(b->r, MMIO + 36), 0x08);
    bench_free(b);
}
END_TEST

START_TEST(snapshot_of_a_vbe_mode)
{
    struct bench *b = bench_new("vgamem_mb=2");
    vbe_mode(b, 640, 480, 16, 0x20);
    dispi(b, 6, 700);
    dispi(b, 8, 9);
    dispi(b, 9, 11);
    dispi(b, 5, 3);
    for (u32 i = 0; i < 0x10000; i += 4)
        memw32(b->r, 0xa0000 + i, i * 0x12345);
    render(b);
    struct display_frame *before = b->f;
    b->f = frame_new();
    rig_snapshot_roundtrip(b->r);
    render(b);
    ck_assert_uint_eq(b->f->width, 640);
    ck_assert_mem_eq(b->f->pixels, before->pixels, 640 * 480 * 4);
    ck_assert_uint_eq(mem32(b->r, 0xa0100), 0x100 * 0x12345);
    ck_assert_uint_eq(mem32(b->r, LFB + 0x30100), 0x100 * 0x12345);
    frame_free(before);
    bench_free(b);
}
END_TEST

/* Random words into all registers: nothing outside of VRAM is touched (the sanitizers look on), a
 * picture is always possible, and what was saved can be loaded. */
START_TEST(random_registers)
{
    struct bench *b = bench_new("vgamem_mb=1");
    u32 s = 5 + (u32)_i;
    static const u16 usual[] = { 1,   4,   8,    15,   16,     24,   32,  64,
                                 320, 640, 1024, 2560, 0xffff, 0x41, 0xc1 };
    for (u32 n = 0; n < 3000; n++) {
        s = s * 1664525 + 1013904223;
        u16 v = s >> 8 & 1 ? usual[(s >> 9) % ARRAY_LEN(usual)] : (u16)(s >> 16);
        dispi(b, (s >> 4) % 12, v);
        memw32(b->r, 0xa0000 + (s >> 15 & 0x1fffc), s);
        mem32(b->r, 0xa0000 + (s >> 14 & 0x1fffc));
        if (n % 100 == 0) {
            in8(b->r, 0x3da);
            out8(b->r, 0x3c0, 0x20);
        }
        if (n % 5 == 0)
            render(b);
        if (n % 1000 == 999)
            rig_snapshot_roundtrip(b->r);
    }
    bench_free(b);
}
END_TEST

Suite *suite_vga_vbe(void);
Suite *suite_vga_vbe(void)
{
    Suite *s = suite_create("vga_vbe");
    TCase *tc = tcase_create("dispi");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, ids_caps_and_memory);
    tcase_add_test(tc, impossible_modes_are_refused);
    tcase_add_test(tc, virtual_screen);
    tcase_add_test(tc, colour_depths);
    tcase_add_test(tc, largest_mode);
    tcase_add_test(tc, palette_of_eight_bits);
    tcase_add_test(tc, banks);
    tcase_add_test(tc, planar_vbe_mode_with_banks);
    tcase_add_test(tc, clear_and_noclear);
    tcase_add_test(tc, back_to_vga);
    tcase_add_test(tc, frames_of_ram_are_the_frame_buffer);
    tcase_add_test(tc, mmio);
    tcase_add_test(tc, edid_prefers_the_size_asked_for);
    tcase_add_test(tc, edid_lists_usual_sizes);
    tcase_add_test(tc, snapshot_of_a_vbe_mode);
    tcase_add_loop_test(tc, random_registers, 0, 4);
    suite_add_tcase(s, tc);
    return s;
}
