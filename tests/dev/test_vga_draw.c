/* SPDX-License-Identifier: MIT */
/* VGA: pictures, pixel by pixel, for each family of modes, and what is drawn anew when. */
#include "tests/dev/test_vga.h"

/* Colour of the attribute controller's output c (standard palettes, DAC of load_dac). */
static u32 attr_rgb(const struct vga_mode *m, unsigned c)
{
    return dac_rgb(m->atc[c & m->atc[0x12] & 15]);
}

/* A font where glyph ch has row pattern(ch, line). */
static u8 pattern(u32 ch, u32 line)
{
    return (u8)((ch * 37 + line * 101 + 1) * 0x9e3779b1u >> 20);
}

static void load_font(struct bench *b, u32 at, u8 flip)
{
    for (u32 ch = 0; ch < 256; ch++)
        for (u32 line = 0; line < 32; line++)
            poke(b, 2, (at + ch * 32 + line) & 0xffff, pattern(ch, line) ^ flip);
}

static void put_char(struct bench *b, u32 cell, u8 ch, u8 attr)
{
    u32 base = in8(b->r, 0x3cc) & 1 ? 0xb8000 : 0xb0000;
    memw8(b->r, base + cell * 2, ch);
    memw8(b->r, base + cell * 2 + 1, attr);
}

/* One dot of a character cell as a monitor shows it. */
static unsigned text_dot(u8 ch, u8 attr, u32 x, u32 line, u8 flip)
{
    u8 row = pattern(ch, line) ^ flip;
    bool on = x < 8 ? row >> (7 - x) & 1 : ch >= 0xc0 && ch <= 0xdf && (row & 1);
    return on ? attr & 15 : attr >> 4 & 7;
}

START_TEST(text_80x25)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_03);
    load_font(b, 0, 0);
    crtc(b, 0x0e, 0x07); /* cursor at cell 1999 */
    crtc(b, 0x0f, 0xcf);
    for (u32 i = 0; i < 2000; i++)
        put_char(b, i, (u8)(i * 3 + 0xb8), (u8)(i * 7 & 0x7f));
    render(b);
    ck_assert_uint_eq(b->f->width, 720);
    ck_assert_uint_eq(b->f->height, 400);
    ck_assert(b->f->text);
    ck_assert_uint_eq(b->f->cols, 80);
    ck_assert_uint_eq(b->f->rows, 25);
    ck_assert(b->f->cursor_visible);
    ck_assert_uint_eq(b->f->cursor_col, 79);
    ck_assert_uint_eq(b->f->cursor_row, 24);
    for (u32 i = 0; i < 2000; i++) {
        ck_assert_uint_eq(b->f->cells[i].ch, (u8)(i * 3 + 0xb8));
        ck_assert_uint_eq(b->f->cells[i].attr, i * 7 & 0x7f);
    }
    for (u32 y = 0; y < 400; y++)
        for (u32 x = 0; x < 720; x++) {
            u32 cell = y / 16 * 80 + x / 9, line = y % 16;
            u8 ch = (u8)(cell * 3 + 0xb8), attr = cell * 7 & 0x7f;
            unsigned c = text_dot(ch, attr, x % 9, line, 0);
            if (cell == 1999 && (line == 13 || line == 14)) /* cursor 0Dh-0Eh */
                c = attr & 15;
            ck_assert_msg(pixel(b, x, y) == attr_rgb(&mode_03, c), "%u,%u", x, y);
        }
    bench_free(b);
}
END_TEST

START_TEST(text_without_line_graphics_and_with_8_dots)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_03);
    load_font(b, 0, 0);
    crtc(b, 0x0a, 0x20);
    put_char(b, 0, 0xdb, 0x1e);
    atc(b, 0x10, 0x08);
    render(b);
    ck_assert(!b->f->cursor_visible);
    for (u32 y = 0; y < 16; y++)
        ck_assert_uint_eq(pixel(b, 8, y), attr_rgb(&mode_03, 1));
    seq(b, 1, 1);
    render(b);
    ck_assert_uint_eq(b->f->width, 640);
    for (u32 y = 0; y < 16; y++)
        for (u32 x = 0; x < 8; x++)
            ck_assert_uint_eq(pixel(b, x, y),
                              attr_rgb(&mode_03, text_dot(0xdb, 0x1e, x, y, 0)));
    ck_assert_uint_eq(pixel(b, 8, 0), attr_rgb(&mode_03, 0));
    /* half the dot clock, 40 characters: as wide as before */
    seq(b, 1, 9);
    crtc(b, 0x11, 0);
    crtc(b, 1, 0x27);
    render(b);
    ck_assert_uint_eq(b->f->width, 640);
    ck_assert_uint_eq(b->f->cols, 40);
    for (u32 x = 0; x < 16; x++)
        ck_assert_uint_eq(pixel(b, x, 5), attr_rgb(&mode_03, text_dot(0xdb, 0x1e, x / 2, 5, 0)));
    bench_free(b);
}
END_TEST

START_TEST(fonts_a_and_b)
{
    static const struct { u8 map, bits_b, bits_a; u32 at; } map[8] = {
        { 0, 0x00, 0x00, 0x0000 }, { 1, 0x01, 0x04, 0x4000 }, { 2, 0x02, 0x08, 0x8000 },
        { 3, 0x03, 0x0c, 0xc000 }, { 4, 0x10, 0x20, 0x2000 }, { 5, 0x11, 0x24, 0x6000 },
        { 6, 0x12, 0x28, 0xa000 }, { 7, 0x13, 0x2c, 0xe000 },
    };
    struct bench *b = bench_frames();
    set_mode(b, &mode_03);
    crtc(b, 0x0a, 0x20);
    for (u32 i = 0; i < 8; i++)
        load_font(b, map[i].at, (u8)(i * 0x2b));
    put_char(b, 0, 'A', 0x07); /* bit 3 clear: map B */
    put_char(b, 1, 'A', 0x0f);
    for (u32 i = 0; i < 8; i++) {
        u32 other = (i + 3) & 7;
        seq(b, 3, map[i].bits_b | map[other].bits_a);
        render(b);
        for (u32 x = 0; x < 8; x++) {
            ck_assert_uint_eq(pixel(b, x, 9), attr_rgb(&mode_03, text_dot('A', 0x07, x, 9,
                                                                          (u8)(i * 0x2b))));
            ck_assert_uint_eq(pixel(b, 9 + x, 9), attr_rgb(&mode_03, text_dot('A', 0x0f, x, 9,
                                                                              (u8)(other * 0x2b))));
        }
    }
    bench_free(b);
}
END_TEST

START_TEST(blinking)
{
    struct bench *b = bench_frames();
    u64 frame = 14268061;
    set_mode(b, &mode_03);
    load_font(b, 0, 0);
    put_char(b, 3, 'x', 0x9e); /* blinking yellow on blue */
    put_char(b, 163, 'x', 0x1e);
    render(b);
    u32 gen = b->f->generation;
    /* The cursor of cell 0 is on for 8 frames and off for 8. */
    ck_assert_uint_eq(pixel(b, 2, 13), attr_rgb(&mode_03, 0)); /* black on black so far */
    put_char(b, 0, 0, 0x02);
    for (u32 n = 0; n < 64; n++) {
        render(b);
        bool cursor = !(n & 8), chars = !(n & 16);
        unsigned under = text_dot(0, 2, 8, 13, 0);
        ck_assert_uint_eq(pixel(b, 8, 13), attr_rgb(&mode_03, cursor ? 2 : under));
        ck_assert(b->f->cursor_visible);
        for (u32 x = 0; x < 8; x++) {
            unsigned c = text_dot('x', 0x1e, x, 4, 0);
            ck_assert_uint_eq(pixel(b, 27 + x, 4), attr_rgb(&mode_03, chars ? c : 1));
            ck_assert_uint_eq(pixel(b, 27 + x, 36), attr_rgb(&mode_03, c));
        }
        if (n && n % 8)
            ck_assert_uint_eq(b->f->generation, gen);
        else
            ck_assert_uint_ne(b->f->generation, gen);
        gen = b->f->generation;
        step_ns(b->r, frame);
    }
    /* Nothing that blinks is visible: the generation stands. */
    crtc(b, 0x0a, 0x20);
    put_char(b, 3, 'x', 0x1e);
    render(b);
    gen = b->f->generation;
    for (u32 n = 0; n < 64; n++) {
        step_ns(b->r, frame);
        render(b);
        ck_assert_uint_eq(b->f->generation, gen);
    }
    /* Bit 7 is intensity where blinking is off. */
    atc(b, 0x10, 0x04);
    put_char(b, 3, 0, 0x9e);
    render(b);
    ck_assert_uint_eq(pixel(b, 27 + 8, 0), attr_rgb(&mode_03, 9));
    bench_free(b);
}
END_TEST

START_TEST(cursor_shapes)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_03);
    for (u32 i = 0; i < 2000; i++)
        put_char(b, i, 0, 0x07);
    crtc(b, 0x0e, 0);
    crtc(b, 0x0f, 82); /* column 2, row 1 */
    static const u8 shape[][2] = {
        { 0, 15 }, { 6, 7 }, { 15, 15 }, { 7, 6 }, { 0x26, 7 }, { 16, 31 }, { 13, 0x2e },
        { 3, 0x63 },
    };
    for (u32 i = 0; i < ARRAY_LEN(shape); i++) {
        u8 start = shape[i][0], end = shape[i][1];
        crtc(b, 0x0a, start);
        crtc(b, 0x0b, end);
        render(b);
        u32 col = 2 + (end >> 5 & 3);
        bool shown = !(start & 0x20) && start <= (end & 31) && start < 16;
        ck_assert_int_eq(b->f->cursor_visible, shown);
        for (u32 y = 0; y < 16; y++)
            for (u32 x = 0; x < 9 * 8; x++) {
                bool in = shown && x / 9 == col && y >= start && y <= (end & 31u);
                ck_assert_msg(pixel(b, x, 16 + y) == attr_rgb(&mode_03, in ? 7 : 0),
                              "shape %u at %u,%u", i, x, y);
            }
    }
    bench_free(b);
}
END_TEST

START_TEST(monochrome_text_underlines)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_07);
    put_char(b, 0, 0, 0x01);
    put_char(b, 1, 0, 0x07);
    put_char(b, 2, 0, 0x09);
    put_char(b, 3, 0, 0x71);
    crtc(b, 0x0a, 0x20);
    render(b);
    ck_assert(b->f->text);
    for (u32 y = 0; y < 16; y++) {
        bool line = y == 0x0d;
        for (u32 x = 0; x < 9; x++) {
            ck_assert_uint_eq(pixel(b, x, y), attr_rgb(&mode_07, line ? 1 : 0));
            ck_assert_uint_eq(pixel(b, 9 + x, y), attr_rgb(&mode_07, 0));
            ck_assert_uint_eq(pixel(b, 18 + x, y), attr_rgb(&mode_07, line ? 9 : 0));
            ck_assert_uint_eq(pixel(b, 27 + x, y), attr_rgb(&mode_07, 7));
        }
    }
    bench_free(b);
}
END_TEST

START_TEST(text_smooth_scroll_and_pan)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_03);
    load_font(b, 0, 0);
    crtc(b, 0x0a, 0x20);
    for (u32 i = 0; i < 4000; i++)
        put_char(b, i, (u8)(i * 5), 0x1e);
    start_at(b, 82);         /* two characters and a row */
    crtc(b, 0x08, 0x20 | 5); /* a byte more, five lines up */
    for (u32 pan = 0; pan < 10; pan++) {
        atc(b, 0x13, (u8)pan);
        render(b);
        u32 dots = pan >= 8 ? 0 : pan + 1;
        for (u32 y = 0; y < 400; y += 7)
            for (u32 x = 0; x < 720; x++) {
                u32 col = (x + dots) / 9, line = (y + 5) % 16;
                u32 cell = 83 + (y + 5) / 16 * 80 + col;
                unsigned c = text_dot((u8)(cell * 5), 0x1e, (x + dots) % 9, line, 0);
                ck_assert_msg(pixel(b, x, y) == attr_rgb(&mode_03, c), "pan %u at %u,%u", pan, x,
                              y);
            }
    }
    ck_assert_uint_eq(b->f->rows, 26);
    ck_assert_uint_eq(b->f->cells[0].ch, (u8)(83 * 5));
    bench_free(b);
}
END_TEST

/* ---- graphics ---- */

static unsigned planar_dot(struct bench *b, u32 addr, u32 bit)
{
    unsigned c = 0;
    for (unsigned p = 0; p < 4; p++)
        c |= (unsigned)(peek(b, p, addr & 0xffff) >> (7 - bit) & 1) << p;
    return c;
}

static void fill_planes(struct bench *b, u32 len)
{
    u32 s = 7;
    for (u32 i = 0; i < len; i++) {
        s = s * 1664525 + 1013904223;
        memw32(b->r, LFB + i * 4, s ^ s >> 13);
    }
}

START_TEST(planar_640x480)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_12);
    fill_planes(b, 0x10000);
    render(b);
    ck_assert_uint_eq(b->f->width, 640);
    ck_assert_uint_eq(b->f->height, 480);
    ck_assert(!b->f->text);
    for (u32 y = 0; y < 480; y++)
        for (u32 x = 0; x < 640; x++)
            ck_assert_msg(pixel(b, x, y) ==
                              attr_rgb(&mode_12, planar_dot(b, y * 80 + x / 8, x & 7)),
                          "%u,%u", x, y);
    /* plane enable, colour select, PEL mask */
    atc(b, 0x12, 0x05);
    atc(b, 0x10, 0x81);
    atc(b, 0x14, 0x0e);
    out8(b->r, 0x3c6, 0xdf);
    render(b);
    for (u32 x = 0; x < 640; x++) {
        u32 c = mode_12.atc[planar_dot(b, 100 * 80 + x / 8, x & 7) & 5];
        c = ((c & 0x0f) | 0x20 | 0xc0) & 0xdf;
        ck_assert_uint_eq(pixel(b, x, 100), dac_rgb(c));
    }
    bench_free(b);
}
END_TEST

START_TEST(planar_start_offset_pan_split)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_12);
    fill_planes(b, 0x10000);
    crtc(b, 0x13, 50);   /* 100 bytes a line */
    start_at(b, 0xf021); /* wraps at the end of the planes */
    crtc(b, 0x07, 0x2e); /* line compare 2BBh without bit 8 is 0BBh ... */
    crtc(b, 0x09, 0x00); /* ... and without bit 9 */
    crtc(b, 0x18, 0xbb);
    for (u32 split = 0; split < 2; split++) {
        atc(b, 0x10, split ? 0x21 : 0x01);
        atc(b, 0x13, 3);
        crtc(b, 0x08, 0x40);
        render(b);
        for (u32 y = 0; y < 480; y += y < 180 || y > 195 ? 13 : 1)
            for (u32 x = 0; x < 640; x++) {
                u32 base, pan = 3;
                if (y <= 0xbb) {
                    base = 0xf021 + 2 + y * 100;
                } else {
                    base = (y - 0xbc) * 100 + (split ? 0 : 2);
                    pan = split ? 0 : 3;
                }
                u32 want = attr_rgb(&mode_12, planar_dot(b, base + (x + pan) / 8, (x + pan) & 7));
                ck_assert_msg(pixel(b, x, y) == want, "split %u at %u,%u", split, x, y);
            }
    }
    /* bits 8 and 9 */
    crtc(b, 0x07, 0x3e);
    crtc(b, 0x18, 0x10); /* 110h */
    render(b);
    ck_assert_uint_eq(pixel(b, 0, 0x111), attr_rgb(&mode_12, planar_dot(b, 0, 0)));
    ck_assert_uint_eq(pixel(b, 7, 0x111), attr_rgb(&mode_12, planar_dot(b, 0, 7)));
    ck_assert_uint_eq(pixel(b, 640 - 1, 0x110),
                      attr_rgb(&mode_12, planar_dot(b, 0xf023 + 0x110 * 100 + 80, 2)));
    bench_free(b);
}
END_TEST

START_TEST(planar_blink_and_lines_by_two)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_12);
    fill_planes(b, 0x10000);
    atc(b, 0x10, 0x09);
    render(b);
    u32 c = planar_dot(b, 5, 0);
    ck_assert_uint_eq(pixel(b, 40, 0), attr_rgb(&mode_12, c));
    step_ns(b->r, 16683218ull * 16);
    render(b);
    ck_assert_uint_eq(pixel(b, 40, 0), attr_rgb(&mode_12, c ^ 8));
    atc(b, 0x10, 0x01);
    crtc(b, 0x17, 0xe7); /* vertical counter at half the rate: twice the lines */
    render(b);
    ck_assert_uint_eq(b->f->height, 960);
    ck_assert_uint_eq(pixel(b, 40, 959), attr_rgb(&mode_12, planar_dot(b, 959 * 80 + 5, 0)));
    bench_free(b);
}
END_TEST

START_TEST(cga_four_colours)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_04);
    for (u32 i = 0; i < 0x4000; i++)
        memw8(b->r, 0xb8000 + i, (u8)(i * 13 + (i >> 8)));
    render(b);
    ck_assert_uint_eq(b->f->width, 640);
    ck_assert_uint_eq(b->f->height, 400);
    for (u32 y = 0; y < 400; y++)
        for (u32 x = 0; x < 640; x++) {
            u32 px = x / 2, py = y / 2, i = (py & 1) * 0x2000 + py / 2 * 80 + px / 4;
            u8 byte = (u8)(i * 13 + (i >> 8));
            ck_assert_msg(pixel(b, x, y) == attr_rgb(&mode_04, byte >> (6 - 2 * (px & 3)) & 3),
                          "%u,%u", x, y);
        }
    bench_free(b);
}
END_TEST

START_TEST(cga_two_colours)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_06);
    for (u32 i = 0; i < 0x4000; i++)
        memw8(b->r, 0xb8000 + i, (u8)(i * 11 + (i >> 8)));
    render(b);
    for (u32 y = 0; y < 400; y++)
        for (u32 x = 0; x < 640; x++) {
            u32 py = y / 2, i = (py & 1) * 0x2000 + py / 2 * 80 + x / 8;
            u8 byte = (u8)(i * 11 + (i >> 8));
            ck_assert_msg(pixel(b, x, y) == attr_rgb(&mode_06, byte >> (7 - (x & 7)) & 1), "%u,%u",
                          x, y);
        }
    bench_free(b);
}
END_TEST

START_TEST(chain4_256_colours)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_13);
    for (u32 i = 0; i < 64000; i += 4)
        memw32(b->r, 0xa0000 + i, i * 0x9e3779b1u);
    render(b);
    ck_assert_uint_eq(b->f->width, 640);
    ck_assert_uint_eq(b->f->height, 400);
    for (u32 y = 0; y < 400; y++)
        for (u32 x = 0; x < 640; x++) {
            u32 i = y / 2 * 320 + x / 2;
            u8 c = (u8)((i & ~3u) * 0x9e3779b1u >> (8 * (i & 3)));
            ck_assert_msg(pixel(b, x, y) == dac_rgb(c), "%u,%u", x, y);
        }
    bench_free(b);
}
END_TEST

/* Which address the CRTC fetches for counter n in line `row` of a row, and how often it fetches. */
START_TEST(address_modes)
{
    static const struct { u8 seq1, cr14, cr17; } mode[] = {
        { 1, 0x00, 0xe3 }, { 1, 0x00, 0xa3 }, { 1, 0x00, 0x83 }, { 1, 0x40, 0xe3 },
        { 1, 0x40, 0x83 }, { 1, 0x00, 0xe2 }, { 1, 0x00, 0xe1 }, { 1, 0x00, 0xa0 },
        { 1, 0x00, 0xeb }, { 1, 0x20, 0xe3 }, { 1, 0x20, 0xeb }, { 5, 0x00, 0xeb },
        { 0x11, 0x20, 0xe3 }, { 0x15, 0x00, 0xe3 }, { 1, 0x60, 0x8b },
    };
    static const u32 starts[] = { 0, 0x1ff0, 0x3fe0, 0x7fd0, 0xbff0, 0xffc0 };
    struct bench *b = bench_frames();
    set_mode(b, &mode_12);
    fill_planes(b, 0x10000);
    crtc(b, 9, 3);
    for (u32 m = 0; m < ARRAY_LEN(mode); m++) {
        seq(b, 1, mode[m].seq1);
        crtc(b, 0x14, mode[m].cr14);
        crtc(b, 0x17, mode[m].cr17);
        u32 each = mode[m].cr14 & 0x20 ? 4 : mode[m].cr17 & 8 ? 2 : 1;
        u32 load = mode[m].seq1 & 0x10 ? 4 : mode[m].seq1 & 4 ? 2 : 1;
        for (u32 k = 0; k < ARRAY_LEN(starts); k++) {
            start_at(b, (u16)starts[k]);
            render(b);
            for (u32 y = 0; y < 480; y += 3)
                for (u32 col = 0; col < 80; col++) {
                    u32 n = (starts[k] + y / 4 * 80 + col / each) % 65536, row = y % 4, a = n;
                    if (mode[m].cr14 & 0x40)
                        a = n * 4 % 65536 + n / 16384;
                    else if (!(mode[m].cr17 & 0x40))
                        a = n * 2 % 65536 + (mode[m].cr17 & 0x20 ? n / 32768 : n / 8192 % 2);
                    if (!(mode[m].cr17 & 1))
                        a = a % 8192 + row % 2 * 8192 + a / 16384 * 16384;
                    if (!(mode[m].cr17 & 2))
                        a = a % 16384 + row / 2 * 16384 + a / 32768 * 32768;
                    for (u32 x = 0; x < 8; x += 3) {
                        u32 c = col % load ? 0 : planar_dot(b, a, x);
                        ck_assert_msg(pixel(b, col * 8 + x, y) == attr_rgb(&mode_12, c),
                                      "mode %u start %x: %u,%u", m, starts[k], col * 8 + x, y);
                    }
                }
        }
    }
    bench_free(b);
}
END_TEST

/* Mode X: 320x240, unchained, with a page of its own, panned by one pixel, split. */
START_TEST(mode_x)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_13);
    seq(b, 4, 6);
    out8(b->r, 0x3c2, 0xe3);
    crtc(b, 0x11, 0);
    static const u8 regs[][2] = { { 6, 0x0d }, { 7, 0x3e }, { 9, 0x41 }, { 0x10, 0xea },
        { 0x11, 0xac }, { 0x12, 0xdf }, { 0x14, 0 }, { 0x15, 0xe7 }, { 0x16, 6 }, { 0x17, 0xe3 } };
    for (u32 i = 0; i < ARRAY_LEN(regs); i++)
        crtc(b, regs[i][0], regs[i][1]);
    for (u8 p = 0; p < 4; p++) {
        seq(b, 2, (u8)(1 << p));
        for (u32 i = 0; i < 0x10000; i++)
            memw8(b->r, 0xa0000 + i, (u8)(i * 7 + (i >> 7) + p * 50));
    }
    start_at(b, 0x4b00); /* the second page */
    render(b);
    ck_assert_uint_eq(b->f->height, 480);
    for (u32 split = 0; split < 2; split++) {
        u32 at_split = split ? 301 : 1024;
        if (split) {
            atc(b, 0x13, 2); /* one pixel */
            crtc(b, 0x07, 0x3e); /* compare bit 8 */
            crtc(b, 0x09, 0x01);
            crtc(b, 0x18, 300 - 256);
            render(b);
        }
        for (u32 y = 0; y < 480; y++)
            for (u32 x = 0; x < 640; x++) {
                u32 px = x / 2 + split, base = 0x4b00 + y / 2 * 80;
                if (y >= at_split)
                    base = (y - at_split) / 2 * 80;
                u32 i = (base + px / 4) & 0xffff;
                ck_assert_msg(pixel(b, x, y) == dac_rgb((u8)(i * 7 + (i >> 7) + (px & 3) * 50)),
                              "%u,%u split %u", x, y, split);
            }
    }
    bench_free(b);
}
END_TEST

/* Two halves of a start address, written in the middle of a frame, count from the next retrace on;
 * what retrace that is follows the timing of now. */
START_TEST(start_address_is_taken_at_retrace)
{
    struct bench *b = bench_frames();
    u64 frame = 16683217, line = 31778;
    set_mode(b, &mode_12);
    fill_planes(b, 0x10000);
    step_ns(b->r, 2 * frame);
    while (!(in8(b->r, 0x3da) & 8))
        step_ns(b->r, 1000);
    step_ns(b->r, frame / 2); /* retrace began at line 490 of 525: this is line 227 or so */
    render(b);
    crtc(b, 0x0c, 0x12);
    render(b);
    ck_assert_uint_eq(pixel(b, 0, 0), attr_rgb(&mode_12, planar_dot(b, 0, 0)));
    crtc(b, 0x0d, 0x37);
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x0c), 0x12); /* reads give what was written */
    ck_assert_uint_eq(rd_at(b, 0x3d4, 0x0d), 0x37);
    step_ns(b->r, frame / 2 - 2 * line);
    render(b);
    for (u32 x = 0; x < 640; x++)
        ck_assert_uint_eq(pixel(b, x, 7),
                          attr_rgb(&mode_12, planar_dot(b, 7 * 80 + x / 8, x & 7)));
    rig_snapshot_roundtrip(b->r); /* that it waits is state */
    b->display.render(b->display.dev, b->f, true);
    ck_assert_uint_eq(pixel(b, 1, 0), attr_rgb(&mode_12, planar_dot(b, 0, 1)));
    step_ns(b->r, 2 * line);
    ck_assert_uint_eq(in8(b->r, 0x3da) & 8, 8);
    render(b);
    for (u32 x = 0; x < 640; x++)
        ck_assert_uint_eq(pixel(b, x, 7),
                          attr_rgb(&mode_12, planar_dot(b, 0x1237 + 7 * 80 + x / 8, x & 7)));
    /* Twice the lines: the retrace that is waited for comes later, and then comes. */
    crtc(b, 0x0d, 0);
    crtc(b, 0x17, 0xe7);
    step_ns(b->r, frame * 3 / 2);
    render(b);
    ck_assert_uint_eq(pixel(b, 9, 0), attr_rgb(&mode_12, planar_dot(b, 0x1237 + 1, 1)));
    step_ns(b->r, frame);
    render(b);
    ck_assert_uint_eq(pixel(b, 9, 0), attr_rgb(&mode_12, planar_dot(b, 0x1200 + 1, 1)));
    bench_free(b);
}
END_TEST

START_TEST(blank_screens_have_no_size)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_12);
    render(b);
    ck_assert_uint_eq(b->f->width, 640);
    u32 gen = b->f->generation;
    in8(b->r, 0x3da);
    out8(b->r, 0x3c0, 0x00); /* PAS */
    render(b);
    ck_assert_uint_eq(b->f->width, 0);
    ck_assert_uint_ne(b->f->generation, gen);
    gen = b->f->generation;
    render(b);
    ck_assert_uint_eq(b->f->generation, gen);
    in8(b->r, 0x3da);
    out8(b->r, 0x3c0, 0x20);
    render(b);
    ck_assert_uint_eq(b->f->width, 640);
    ck_assert_uint_ne(b->f->generation, gen);
    seq(b, 1, 0x21);
    render(b);
    ck_assert_uint_eq(b->f->width, 0);
    seq(b, 1, 1);
    crtc(b, 0x17, 0x63);
    render(b);
    ck_assert_uint_eq(b->f->width, 0);
    bench_free(b);
}
END_TEST

/* ---- what is drawn anew ---- */

START_TEST(only_what_changed_is_drawn)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_12);
    fill_planes(b, 38400);
    render(b);
    u32 gen = b->f->generation;
    ck_assert_uint_eq(b->f->dirty_first, 0);
    ck_assert_uint_eq(b->f->dirty_last, 479);
    render(b);
    ck_assert_uint_eq(b->f->generation, gen);
    ck_assert_uint_gt(b->f->dirty_first, b->f->dirty_last);

    u32 changes = b->changes;
    memw8(b->r, 0xa0000 + 200 * 80 + 5, (u8)~peek(b, 0, 200 * 80 + 5));
    memw8(b->r, 0xa0000 + 200 * 80 + 5, 0x5a ^ peek(b, 0, 200 * 80 + 5));
    ck_assert_uint_eq(b->changes, changes + 1); /* told once until the next render */
    render(b);
    ck_assert_uint_ne(b->f->generation, gen);
    ck_assert_uint_eq(b->f->dirty_first, 200);
    ck_assert_uint_eq(b->f->dirty_last, 200);

    /* what is written outside of the picture changes nothing */
    gen = b->f->generation;
    memw32(b->r, LFB + 0x80000, 1);
    memw8(b->r, 0xa0000 + 0xf000, 0x12);
    gc(b, 8, 0x0f);
    seq(b, 2, 3);
    render(b);
    ck_assert_uint_eq(b->f->generation, gen);
    /* nor does a register written with what it holds */
    crtc(b, 0x13, 0x28);
    render(b);
    ck_assert_uint_eq(b->f->generation, gen);
    bench_free(b);
}
END_TEST

START_TEST(a_second_frame_misses_nothing)
{
    struct bench *b = bench_frames();
    struct display_frame *other = frame_new();
    set_mode(b, &mode_12);
    gc(b, 8, 0xff);
    render(b);
    b->display.render(b->display.dev, other, false);
    u32 s = 3;
    for (u32 n = 0; n < 200; n++) {
        s = s * 1664525 + 1013904223;
        memw8(b->r, 0xa0000 + (s >> 8) % 38400, (u8)(s >> 24));
        if (n % 3)
            render(b);
        if (n % 50 == 49) {
            out8(b->r, 0x3c8, 0);
            out8(b->r, 0x3c9, (u8)n);
            out8(b->r, 0x3c9, 0);
            out8(b->r, 0x3c9, 0);
        }
        if (n % 7 == 0) {
            struct display_frame *fresh = frame_new();
            b->display.render(b->display.dev, other, false);
            b->display.render(b->display.dev, fresh, true);
            ck_assert_mem_eq(other->pixels, fresh->pixels, 640 * 480 * 4);
            ck_assert_uint_eq(other->generation, fresh->generation);
            frame_free(fresh);
        }
    }
    frame_free(other);
    bench_free(b);
}
END_TEST

/* Random pokes, incremental against drawn at once: all register settings are survived, too. */
START_TEST(incremental_is_whole)
{
    struct bench *b = bench_frames();
    struct display_frame *fresh = frame_new();
    static const struct vga_mode *const modes[] = { &mode_03, &mode_04, &mode_06,
                                                    &mode_07, &mode_12, &mode_13 };
    u32 s = 11 + (u32)_i;
    fill_planes(b, 0x10000);
    for (u32 n = 0; n < 120; n++) {
        s = s * 1664525 + 1013904223;
        if (n % 30 == 0) {
            set_mode(b, modes[(s >> 20) % ARRAY_LEN(modes)]);
            crtc(b, 0x11, 0);
        }
        for (u32 k = 0; k < 4; k++) {
            s = s * 1664525 + 1013904223;
            u8 v = (u8)(s >> 24);
            switch (s >> 12 & 7) {
            case 0: crtc(b, (s >> 16 & 0xff) % 0x19, v); break;
            case 1: atc(b, (s >> 16 & 0xff) % 0x15, v); break;
            case 2: gc(b, (s >> 16 & 0xff) % 9, v); break;
            case 3: crtc(b, 0x0f, v); break;
            case 4: memw8(b->r, 0xb8000 + (s >> 16 & 0xfff), v); break;
            case 5: memw32(b->r, LFB + (s >> 4 & 0xffffc), s); break;
            case 6: step_ns(b->r, (u64)v << 20); break;
            default: seq(b, 3 + (s >> 16 & 1), v); break;
            }
        }
        render(b);
        b->display.render(b->display.dev, fresh, true);
        ck_assert_uint_eq(b->f->width, fresh->width);
        ck_assert_uint_eq(b->f->height, fresh->height);
        ck_assert_uint_eq(b->f->rows, fresh->rows);
        ck_assert_uint_eq(b->f->cursor_visible, fresh->cursor_visible);
        ck_assert_mem_eq(b->f->pixels, fresh->pixels, (size_t)fresh->width * fresh->height * 4);
        if (fresh->text)
            ck_assert_mem_eq(b->f->cells, fresh->cells, (size_t)fresh->rows * fresh->cols * 2);
    }
    frame_free(fresh);
    bench_free(b);
}
END_TEST

Suite *suite_vga_draw(void);
Suite *suite_vga_draw(void)
{
    Suite *s = suite_create("vga_draw");
    TCase *tc = tcase_create("text");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, text_80x25);
    tcase_add_test(tc, text_without_line_graphics_and_with_8_dots);
    tcase_add_test(tc, fonts_a_and_b);
    tcase_add_test(tc, blinking);
    tcase_add_test(tc, cursor_shapes);
    tcase_add_test(tc, monochrome_text_underlines);
    tcase_add_test(tc, text_smooth_scroll_and_pan);
    suite_add_tcase(s, tc);

    tc = tcase_create("graphics");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, planar_640x480);
    tcase_add_test(tc, planar_start_offset_pan_split);
    tcase_add_test(tc, planar_blink_and_lines_by_two);
    tcase_add_test(tc, cga_four_colours);
    tcase_add_test(tc, cga_two_colours);
    tcase_add_test(tc, chain4_256_colours);
    tcase_add_test(tc, address_modes);
    tcase_add_test(tc, mode_x);
    tcase_add_test(tc, start_address_is_taken_at_retrace);
    tcase_add_test(tc, blank_screens_have_no_size);
    suite_add_tcase(s, tc);

    tc = tcase_create("changes");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, only_what_changed_is_drawn);
    tcase_add_test(tc, a_second_frame_misses_nothing);
    tcase_add_loop_test(tc, incremental_is_whole, 0, 4);
    suite_add_tcase(s, tc);
    return s;
}
