/* SPDX-License-Identifier: MIT */
/* Pictures read back, the character set, and keys of a terminal. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "frontend/cp437.h"
#include "frontend/shot.h"
#include "frontend/termkeys.h"

Suite *suite_front_shot(void);

static uint32_t be32(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static uint8_t *png_of(const uint32_t *pixels, uint32_t w, uint32_t h, size_t *len)
{
    char *data;
    FILE *f = open_memstream(&data, len);

    ck_assert(shot_png(f, pixels, w, h));
    fclose(f);
    return (uint8_t *)data;
}

/* The next chunk at *at, its CRC checked. */
static const uint8_t *chunk(const uint8_t *png, size_t len, size_t *at, const char *type,
                            uint32_t *n)
{
    ck_assert_uint_le(*at + 12, len);
    *n = be32(png + *at);
    ck_assert_uint_le(*at + 12 + *n, len);
    ck_assert_mem_eq(png + *at + 4, type, 4);
    ck_assert_uint_eq(crc32(crc32(0, NULL, 0), png + *at + 4, *n + 4), be32(png + *at + 8 + *n));
    const uint8_t *data = png + *at + 8;
    *at += 12 + *n;
    return data;
}

START_TEST(png_holds_the_pixels)
{
    enum { W = 37, H = 5 };
    uint32_t pixels[W * H];
    uint8_t raw[H * (1 + 3 * W) + 1];
    uLongf raw_len = sizeof raw;
    size_t len, at = 8;
    uint32_t n;

    for (uint32_t k = 0; k < W * H; k++)
        pixels[k] = 0xff000000 | k * 0x010307;
    uint8_t *png = png_of(pixels, W, H, &len);
    ck_assert_mem_eq(png, "\x89PNG\r\n\x1a\n", 8);
    const uint8_t *head = chunk(png, len, &at, "IHDR", &n);
    ck_assert_uint_eq(n, 13);
    ck_assert_uint_eq(be32(head), W);
    ck_assert_uint_eq(be32(head + 4), H);
    ck_assert_mem_eq(head + 8, "\x08\x02\0\0\0", 5);
    const uint8_t *data = chunk(png, len, &at, "IDAT", &n);
    ck_assert_int_eq(uncompress(raw, &raw_len, data, n), Z_OK);
    ck_assert_uint_eq(raw_len, sizeof raw - 1);
    for (uint32_t y = 0; y < H; y++) {
        const uint8_t *row = raw + y * (1 + 3 * W);
        ck_assert_uint_eq(row[0], 0);
        for (uint32_t x = 0; x < W; x++)
            ck_assert_uint_eq((uint32_t)row[1 + 3 * x] << 16 | (uint32_t)row[2 + 3 * x] << 8 |
                              row[3 + 3 * x], pixels[y * W + x] & 0xffffff);
    }
    chunk(png, len, &at, "IEND", &n);
    ck_assert_uint_eq(n, 0);
    ck_assert_uint_eq(at, len);
    free(png);
}
END_TEST

START_TEST(ppm_holds_the_pixels)
{
    static const uint32_t pixels[2] = { 0x00102030, 0xffa0b0c0 };
    static const uint8_t want[] = "P6\n2 1\n255\n\x10\x20\x30\xa0\xb0\xc0";
    char *data;
    size_t len;
    FILE *f = open_memstream(&data, &len);

    ck_assert(shot_ppm(f, pixels, 2, 1));
    fclose(f);
    ck_assert_uint_eq(len, sizeof want - 1);
    ck_assert_mem_eq(data, want, len);
    free(data);
}
END_TEST

START_TEST(full_disk_is_an_error)
{
    uint32_t pixel = 0;
    FILE *f = fopen("/dev/full", "wb");

    if (!f)
        return;
    setvbuf(f, NULL, _IONBF, 0);
    ck_assert(!shot_png(f, &pixel, 1, 1));
    ck_assert(!shot_ppm(f, &pixel, 1, 1));
    fclose(f);
}
END_TEST

START_TEST(code_page)
{
    ck_assert_uint_eq(cp437_unicode[0], ' ');
    ck_assert_uint_eq(cp437_unicode[0x01], 0x263a);
    for (unsigned c = 0x20; c < 0x7f; c++)
        ck_assert_uint_eq(cp437_unicode[c], c);
    ck_assert_uint_eq(cp437_unicode[0x7f], 0x2302);
    ck_assert_uint_eq(cp437_unicode[0x80], 0xc7);  /* C cedilla */
    ck_assert_uint_eq(cp437_unicode[0xb0], 0x2591);
    ck_assert_uint_eq(cp437_unicode[0xc4], 0x2500); /* lines */
    ck_assert_uint_eq(cp437_unicode[0xcd], 0x2550);
    ck_assert_uint_eq(cp437_unicode[0xdb], 0x2588);
    ck_assert_uint_eq(cp437_unicode[0xe1], 0xdf);  /* sharp s */
    ck_assert_uint_eq(cp437_unicode[0xff], 0xa0);
    for (unsigned a = 1; a < 256; a++) /* 00h and 20h are the only two that look alike */
        for (unsigned b = a + 1; b < 256; b++)
            ck_assert_msg(cp437_unicode[a] != cp437_unicode[b], "%02x and %02x", a, b);
}
END_TEST

START_TEST(terminal_keys)
{
    static const struct { unsigned c; uint8_t usage, mods; } rows[] = {
        { 'a', 0x04, 0 }, { 'z', 0x1d, 0 }, { 'Q', 0x14, TERM_SHIFT }, { '1', 0x1e, 0 },
        { '0', 0x27, 0 }, { ')', 0x27, TERM_SHIFT }, { '!', 0x1e, TERM_SHIFT },
        { '@', 0x1f, TERM_SHIFT }, { '-', 0x2d, 0 }, { '_', 0x2d, TERM_SHIFT }, { '=', 0x2e, 0 },
        { '[', 0x2f, 0 }, { '}', 0x30, TERM_SHIFT }, { '\\', 0x31, 0 }, { '|', 0x31, TERM_SHIFT },
        { ';', 0x33, 0 }, { ':', 0x33, TERM_SHIFT }, { '\'', 0x34, 0 }, { '"', 0x34, TERM_SHIFT },
        { '`', 0x35, 0 }, { '~', 0x35, TERM_SHIFT }, { ',', 0x36, 0 }, { '<', 0x36, TERM_SHIFT },
        { '.', 0x37, 0 }, { '/', 0x38, 0 }, { '?', 0x38, TERM_SHIFT }, { '\r', 0x28, 0 },
        { '\n', 0x28, 0 }, { '\t', 0x2b, 0 }, { 27, 0x29, 0 }, { 127, 0x2a, 0 }, { ' ', 0x2c, 0 },
        { 3, 0x06, TERM_CTRL }, { 26, 0x1d, TERM_CTRL }, { 0, 0x2c, TERM_CTRL },
        { 29, 0x30, TERM_CTRL }, { 200, 0, 0 }, { 0xfffd, 0, 0 },
    };

    for (size_t k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        struct term_key t = term_key_of_char(rows[k].c);
        ck_assert_msg(t.usage == rows[k].usage && t.mods == rows[k].mods, "%u: %02x %u",
                      rows[k].c, t.usage, t.mods);
    }
    for (unsigned c = ' '; c < 127; c++) /* every printable one has a key */
        ck_assert_uint_ne(term_key_of_char(c).usage, 0);
}
END_TEST

Suite *suite_front_shot(void)
{
    Suite *s = suite_create("front_shot");
    TCase *t = tcase_create("shot");

    tcase_add_test(t, png_holds_the_pixels);
    tcase_add_test(t, ppm_holds_the_pixels);
    tcase_add_test(t, full_disk_is_an_error);
    tcase_add_test(t, code_page);
    tcase_add_test(t, terminal_keys);
    suite_add_tcase(s, t);
    return s;
}
