/* SPDX-License-Identifier: MIT */
/* Disk images. Machine thread only, but for what a backend does on threads of its own: blk_raw() and
 * blk_snapshot() do their work in submit(), on whatever thread that is called, and blk_thread() gives
 * them one. */
#ifndef NB_HOST_BLK_H
#define NB_HOST_BLK_H

#include "core/block.h"

struct loop;

/* cache=, with QEMU's meanings. */
enum blk_cache {
    BLK_WRITEBACK,    /* host page cache; the guest's flushes reach the disk */
    BLK_NONE,         /* O_DIRECT: past the page cache */
    BLK_WRITETHROUGH, /* page cache, and each write is followed by a flush */
    BLK_DIRECTSYNC,   /* both */
    BLK_UNSAFE,       /* page cache, and flushes do nothing */
};
extern const char *const blk_cache_names[]; /* in that order; ends with NULL */

struct blk_opts {
    const char *file;
    const char *format;   /* "raw"; NULL: raw, but a file that is known to be something else is
                             refused (format=raw insists) */
    bool read_only;       /* readonly=on: shares the file with other readers */
    bool snapshot;        /* snapshot=on: writes go to a temporary overlay; shares the file, too */
    bool removable;
    enum blk_cache cache;
    bool discard;         /* discard=unmap: what the guest discards becomes a hole in the file */
    struct loop *loop;    /* hears of late results; NULL: they are waited for */
    bool async;           /* struct block's */
    /* Something that the user should know; may be NULL. One line, without newline. On any thread. */
    void (*warn)(void *to, const char *line);
    void *warn_to;
};

/* NULL with one clear line in *e. The format is decided here once and never again. */
struct block *blk_open(const struct blk_opts *o, struct err *e);

/* Formats that blk_open knows, for `help`; ends with NULL. */
extern const char *const blk_formats[];

/* The parts. */
struct block *blk_raw(const struct blk_opts *o, struct err *e);
/* Copy on write over `base`, which it takes over (also when it fails). */
struct block *blk_snapshot(struct block *base, struct err *e);
/* `inner` on a thread of its own, which starts with the first request that needs it. */
struct block *blk_thread(struct block *inner, struct loop *loop, bool async);
struct block *blk_thread_inner(struct block *threaded); /* for tests */

#endif
