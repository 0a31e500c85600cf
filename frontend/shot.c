/* SPDX-License-Identifier: MIT */
#include "frontend/shot.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

static void put_be32(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

/* A chunk: length, type, data, CRC of type and data (PNG specification, 5.3). */
static bool png_chunk(FILE *to, const char *type, const uint8_t *data, uint32_t len)
{
    uint8_t head[8], tail[4];
    uLong crc;

    put_be32(head, len);
    memcpy(head + 4, type, 4);
    crc = crc32(0, head + 4, 4);
    if (len) /* zlib takes a NULL buffer for "start again" */
        crc = crc32(crc, data, len);
    put_be32(tail, (uint32_t)crc);
    return fwrite(head, 1, 8, to) == 8 && fwrite(data ? data : tail, 1, len, to) == len &&
           fwrite(tail, 1, 4, to) == 4;
}

static void rgb_row(uint8_t *to, const uint32_t *pixels, uint32_t width)
{
    for (uint32_t x = 0; x < width; x++) {
        *to++ = (uint8_t)(pixels[x] >> 16);
        *to++ = (uint8_t)(pixels[x] >> 8);
        *to++ = (uint8_t)pixels[x];
    }
}

bool shot_png(FILE *to, const uint32_t *pixels, uint32_t width, uint32_t height)
{
    static const uint8_t magic[8] = { 0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n' };
    size_t row = 1 + (size_t)width * 3; /* a filter byte, then the pixels */
    uint8_t *raw = calloc(height ? height : 1, row);
    uLongf len = compressBound((uLong)(row * height));
    uint8_t *packed = malloc(len), head[13] = { 0 };
    bool ok = raw && packed;

    for (uint32_t y = 0; ok && y < height; y++)
        rgb_row(raw + y * row + 1, pixels + (size_t)y * width, width);
    ok = ok && compress2(packed, &len, raw, (uLong)(row * height), 6) == Z_OK;
    put_be32(head, width);
    put_be32(head + 4, height);
    head[8] = 8; /* bits a sample */
    head[9] = 2; /* RGB */
    ok = ok && fwrite(magic, 1, sizeof magic, to) == sizeof magic &&
         png_chunk(to, "IHDR", head, sizeof head) && png_chunk(to, "IDAT", packed, (uint32_t)len) &&
         png_chunk(to, "IEND", NULL, 0);
    free(raw);
    free(packed);
    return ok;
}

bool shot_ppm(FILE *to, const uint32_t *pixels, uint32_t width, uint32_t height)
{
    uint8_t *row = malloc((size_t)width * 3 + 1);
    bool ok = row && fprintf(to, "P6\n%u %u\n255\n", width, height) > 0;

    for (uint32_t y = 0; ok && y < height; y++) {
        rgb_row(row, pixels + (size_t)y * width, width);
        ok = fwrite(row, 3, width, to) == width;
    }
    free(row);
    return ok;
}

bool shot_file(struct nb_machine *m, const char *file, const char *format, char *why, size_t size)
{
    struct nb_frame *f = calloc(1, sizeof *f);
    size_t n = strlen(file);
    bool png = format ? !strcmp(format, "png") : n > 4 && !strcmp(file + n - 4, ".png");
    FILE *to;

    if (!f) {
        snprintf(why, size, "out of memory");
        return false;
    }
    if (format && !png && strcmp(format, "ppm")) {
        snprintf(why, size, "format %s: use png or ppm", format);
        free(f);
        return false;
    }
    nb_frame_now(m, f);
    /* A blank screen is a picture, too; one black pixel is the least that a file can hold. */
    static const uint32_t black;
    uint32_t w = f->width && f->height ? f->width : 1, h = f->width && f->height ? f->height : 1;
    const uint32_t *pixels = f->width && f->height ? f->pixels : &black;

    to = fopen(file, "wb");
    bool ok = to && (png ? shot_png(to, pixels, w, h) : shot_ppm(to, pixels, w, h));
    if (to && fclose(to))
        ok = false;
    if (!ok)
        snprintf(why, size, "%s: %s", file, errno ? strerror(errno) : "cannot be written");
    nb_frame_free(f);
    free(f);
    return ok;
}
