/* SPDX-License-Identifier: MIT */
/* What the fuzz targets share: reading the input, a machine of our own firmware, files in memory. */
#ifndef NB_TESTS_FUZZ_H
#define NB_TESTS_FUZZ_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/types.h"
#include "include/nestbox.h"

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);

#define MUST(cond) \
    do { \
        if (!(cond)) { \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #cond); \
            abort(); \
        } \
    } while (0)

struct fuzz_input { const u8 *p; size_t left; };

static inline u8 take8(struct fuzz_input *in)
{
    if (!in->left)
        return 0;
    in->left--;
    return *in->p++;
}

static inline u32 take(struct fuzz_input *in, unsigned bytes)
{
    u32 v = 0;

    for (unsigned k = 0; k < bytes; k++)
        v |= (u32)take8(in) << 8 * k;
    return v;
}

/* A file without a name; its path opens it anew. */
struct mem_file { int fd; char path[40]; };

static inline struct mem_file mem_file(const void *data, size_t len)
{
    struct mem_file f = { .fd = memfd_create("fuzz", MFD_CLOEXEC) };

    MUST(f.fd >= 0);
    MUST(len == 0 || pwrite(f.fd, data, len, 0) == (ssize_t)len);
    snprintf(f.path, sizeof f.path, "/proc/self/fd/%d", f.fd);
    return f;
}

static inline void mem_file_set(struct mem_file *f, const void *data, size_t len)
{
    MUST(ftruncate(f->fd, 0) == 0 && pwrite(f->fd, data, len, 0) == (ssize_t)len);
}

/* Counted clock, 1 MB, `code` at F000:0. */
static inline struct nb_config *fuzz_config(const u8 *code, size_t len)
{
    struct nb_config *cfg = nb_config_new();
    u8 *bios = calloc(1, 65536), rom[512] = { 0x55, 0xaa, 1, 0xcb };
    static const u8 start[] = { 0xea, 0x00, 0x00, 0x00, 0xf0 };
    static struct mem_file bios_file, rom_file; /* for all inputs of the process */
    struct nb_error e = { 0 };

    MUST(len < 0xfff0);
    memcpy(bios, code, len);
    memcpy(bios + 0xfff0, start, sizeof start);
    if (!bios_file.path[0]) {
        bios_file = mem_file(bios, 65536);
        rom_file = mem_file(rom, sizeof rom);
    } else {
        mem_file_set(&bios_file, bios, 65536);
    }
    free(bios);
    MUST(nb_config_set(cfg, "bios", bios_file.path, &e) &&
         nb_config_set(cfg, "vgabios", rom_file.path, &e) && nb_config_set(cfg, "m", "1", &e) &&
         nb_config_set(cfg, "clock", "counted,ns=100", &e));
    return cfg;
}

#endif
