/* SPDX-License-Identifier: MIT */
/* Disk back ends against a model in memory: reads, writes and flushes on a raw image and on an overlay, which
 * is also saved, tampered with and loaded. */
#include "tests/fuzz/fuzz.h" /* first: it wants _GNU_SOURCE */

#include "core/xalloc.h"
#include "host/blk.h"

enum { SECTORS = 300 };

struct bytes { u8 *p; size_t len, pos; };

static bool b_write(void *to, const void *p, size_t n)
{
    struct bytes *b = to;

    b->p = xrealloc(b->p, b->len + n + 1);
    memcpy(b->p + b->len, p, n);
    b->len += n;
    return true;
}

static bool b_read(void *from, void *p, size_t n)
{
    struct bytes *b = from;

    if (n > b->len - b->pos)
        return false;
    memcpy(p, b->p + b->pos, n);
    b->pos += n;
    return true;
}

static struct block *open_image(struct mem_file *f, bool snapshot, bool read_only)
{
    struct blk_opts o = { .file = f->path, .format = "raw", .snapshot = snapshot,
                          .read_only = read_only };
    struct err e = { 0 };
    struct block *b = blk_open(&o, &e);

    if (!b)
        fprintf(stderr, "%s\n", e.msg);
    MUST(b);
    return b;
}

static void check(struct block *b, const u8 *model)
{
    u8 *all = malloc(SECTORS * 512);

    MUST(block_rw(b, BLOCK_READ, 0, SECTORS, all) == BLOCK_OK);
    MUST(!memcmp(all, model, SECTORS * 512));
    free(all);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    struct fuzz_input in = { data, MIN(size, (size_t)600) };
    static u8 model[SECTORS * 512], first[SECTORS * 512];
    u8 *buf = malloc(64 * 512);
    u8 how = take8(&in);
    bool snapshot = how & 1, read_only = how & 2;

    for (u32 k = 0; k < sizeof first; k++)
        first[k] = (u8)(k * 11 + (k >> 9));
    memcpy(model, first, sizeof model);
    struct mem_file f = mem_file(first, sizeof first);
    struct block *b = open_image(&f, snapshot, read_only);
    MUST(b->sectors == SECTORS);
    while (in.left) {
        u8 verb = take8(&in);
        u32 count = take8(&in) % 65;
        u64 at = take(&in, 2);
        if (verb & 0x80)
            at |= (u64)take(&in, 4) << 32;
        bool inside = at <= SECTORS && count <= SECTORS - at;
        enum block_status s;
        switch (verb & 3) {
        case 0:
            memset(buf, 0x77, 64 * 512);
            s = block_rw(b, BLOCK_READ, at, count, buf);
            MUST((s == BLOCK_OK) == inside);
            MUST(!inside || !memcmp(buf, model + at * 512, count * 512));
            break;
        case 1: case 2:
            for (u32 k = 0; k < count * 512; k++)
                buf[k] = (u8)(verb + k * 3);
            s = block_rw(b, BLOCK_WRITE, at, count, buf);
            MUST(s == BLOCK_OK ? inside && (!read_only || !count) : !inside || read_only);
            if (s == BLOCK_OK)
                memcpy(model + at * 512, buf, count * 512);
            break;
        default:
            MUST(block_rw(b, BLOCK_FLUSH, 0, 0, NULL) == BLOCK_OK);
            break;
        }
    }
    check(b, model);
    if (b->ops->save_overlay) {
        struct bytes saved = { 0 };
        struct err e = { 0 };
        MUST(b->ops->save_overlay(b, b_write, &saved, &e));
        struct block *c = open_image(&f, true, read_only);
        MUST(c->ops->load_overlay(c, b_read, &saved, &e) && saved.pos == saved.len);
        check(c, model);
        block_close(c);
        /* and with some bytes changed, the input again saying which */
        struct fuzz_input again = { data, size };
        c = open_image(&f, true, read_only);
        for (unsigned k = 0; k < 4 && saved.len; k++)
            saved.p[take(&again, 2) % MIN(saved.len, (size_t)64)] = take8(&again);
        saved.pos = 0;
        saved.len -= take8(&again) % (saved.len + 1) / 2;
        if (c->ops->load_overlay(c, b_read, &saved, &e)) {
            block_rw(c, BLOCK_READ, 0, 64, buf);
            block_rw(c, BLOCK_WRITE, 200, 64, buf);
        } else {
            MUST(e.msg[0]);
        }
        block_close(c);
        xfree(saved.p);
    }
    block_close(b);
    if (snapshot || read_only) { /* the image is as it was */
        static u8 now[SECTORS * 512];
        MUST(pread(f.fd, now, sizeof now, 0) == (ssize_t)sizeof now);
        MUST(!memcmp(now, first, sizeof now));
    }
    close(f.fd);
    free(buf);
    return 0;
}
