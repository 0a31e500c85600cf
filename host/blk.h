/* SPDX-License-Identifier: MIT */
/* Disk images. Machine thread only, but for what a backend does on threads of its own. */
#ifndef NB_HOST_BLK_H
#define NB_HOST_BLK_H

#include "core/block.h"

struct blk_opts {
    const char *file;
    const char *format;   /* "raw"; NULL: raw, but a file that is known to be something else is
                             refused (format=raw insists) */
    bool read_only;       /* readonly=on: shares the file with other readers */
    bool snapshot;        /* snapshot=on: writes go to a temporary overlay; shares the file, too */
    bool removable;
    /* Something that the user should know; may be NULL. One line, without newline. */
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

#endif
