/* SPDX-License-Identifier: MIT */
/* Raw disk images and block devices, and what cache= and discard= make of the host's file.
 *
 * The size is the one at the time of opening. A file whose length is no multiple of 512 reads as
 * if it were padded with zeros. With O_DIRECT all goes through a buffer of ours that is aligned as the
 * file system wants it; what surrounds a shorter write is read first.
 *
 * A flush that failed is never made good by a later one: the kernel has forgotten what it could not
 * write (it tells once), so all later flushes fail, too. */
#include "host/blk.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/strbuf.h"
#include "core/xalloc.h"
#include "host/os.h"

#define BOUNCE 131072u /* bytes; at least twice the largest alignment */

struct raw {
    struct block b;
    int fd;
    u64 bytes;             /* of the file when it was opened */
    char *path;
    void (*warn)(void *to, const char *line);
    void *warn_to;
    enum blk_cache cache;
    u8 *bounce;            /* O_DIRECT; else NULL */
    u32 align;
    bool dirty;            /* written since the last flush */
    bool lost;             /* a flush failed */
    bool grown;            /* warned */
};

static void warn(struct raw *w, const char *what)
{
    struct strbuf sb = { 0 };
    if (!w->warn)
        return;
    sb_addf(&sb, "%s: %s", w->path, what);
    w->warn(w->warn_to, sb_text(&sb));
    sb_free(&sb);
}

static enum block_status to_block(enum os_status s)
{
    return s == OS_OK ? BLOCK_OK : s == OS_NO_SPACE ? BLOCK_NO_SPACE : BLOCK_IO_ERROR;
}

static enum os_status cached_read(const struct raw *w, u64 at, size_t len, u8 *buf, bool no_wait)
{
    enum os_status s = os_pread(w->fd, buf, len, at, no_wait);
    /* The end of the file inside the last sector is ours to pad; before it, the file was cut. */
    if (s == OS_EOF && at + len > w->bytes) {
        u64 size;
        if (os_size(w->fd, &size) && size >= w->bytes)
            s = OS_OK;
    }
    return s;
}

/* Any bytes past the page cache, piece by piece. */
static enum os_status direct_rw(const struct raw *w, bool write, u64 at, size_t len, u8 *buf)
{
    while (len) {
        u64 from = at / w->align * w->align;
        size_t head = (size_t)(at - from), n = MIN(len, BOUNCE - head);
        size_t whole = ALIGN_UP(head + n, (size_t)w->align);
        enum os_status s = OS_OK;

        if (!write || whole != n)
            s = os_pread(w->fd, w->bounce, whole, from, false);
        if (s != OS_OK)
            return s == OS_EOF ? OS_FAILED : s;
        if (write) {
            memcpy(w->bounce + head, buf, n);
            s = os_pwrite(w->fd, w->bounce, whole, from);
            if (s != OS_OK)
                return s;
        } else {
            memcpy(buf, w->bounce + head, n);
        }
        at += n;
        buf += n;
        len -= n;
    }
    return OS_OK;
}

static enum os_status flush(struct raw *w)
{
    if (w->lost)
        return OS_FAILED;
    enum os_status s = os_flush(w->fd);
    if (s == OS_OK) {
        w->dirty = false;
    } else {
        w->lost = true;
        warn(w, "the host could not write to the disk what the guest had written; its flushes fail "
                "from now on");
    }
    return s;
}

/* Another program that still writes the file: what it adds is not seen. */
static void check_growth(struct raw *w)
{
    u64 size;
    if (w->grown || !os_size(w->fd, &size) || size <= ALIGN_UP(w->bytes, (u64)BLOCK_SECTOR))
        return;
    w->grown = true;
    warn(w, "the file has grown since it was opened: another program writes to it; the machine "
            "sees the size that it had");
}

static void raw_submit(struct block *b, struct block_req *r)
{
    struct raw *w = container_of(b, struct raw, b);
    u64 at = r->sector * BLOCK_SECTOR;
    size_t len = (size_t)r->count * BLOCK_SECTOR;
    enum os_status s = OS_OK;

    switch (r->op) {
    case BLOCK_READ:
        s = w->bounce ? direct_rw(w, false, at, len, r->buf) :
                        cached_read(w, at, len, r->buf, false);
        break;
    case BLOCK_WRITE:
        w->dirty = true;
        s = w->bounce ? direct_rw(w, true, at, len, r->buf) : os_pwrite(w->fd, r->buf, len, at);
        if (s == OS_OK && (r->through || b->through) && w->cache != BLK_UNSAFE)
            s = flush(w);
        break;
    case BLOCK_FLUSH:
        check_growth(w);
        if (!b->read_only && w->cache != BLK_UNSAFE)
            s = flush(w);
        break;
    case BLOCK_DISCARD:
        if (b->discard)
            os_punch(w->fd, at, (u64)len);
        break;
    }
    r->status = to_block(s);
}

static bool raw_try_now(struct block *b, struct block_req *r)
{
    struct raw *w = container_of(b, struct raw, b);

    if (r->op != BLOCK_READ || w->bounce)
        return false;
    enum os_status s = cached_read(w, r->sector * BLOCK_SECTOR, (size_t)r->count * BLOCK_SECTOR,
                                   r->buf, true);
    if (s == OS_AGAIN)
        return false;
    r->status = to_block(s);
    return true;
}

static void raw_wait(struct block *b, struct block_req *r)
{
    (void)b;
    (void)r;
}

static void raw_free(struct raw *w)
{
    os_close(w->fd);
    free(w->bounce);
    xfree(w->path);
    xfree(w);
}

static void raw_close(struct block *b)
{
    struct raw *w = container_of(b, struct raw, b);
    check_growth(w);
    if (w->dirty && w->cache != BLK_UNSAFE)
        flush(w);
    raw_free(w);
}

static const struct block_ops raw_ops = {
    .format = "raw", .submit = raw_submit, .wait = raw_wait, .close = raw_close,
    .try_now = raw_try_now,
};

/* O_DIRECT for cache=none and directsync. */
static bool set_direct(struct raw *w, struct err *e)
{
    const char *name = blk_cache_names[w->cache];

    w->bounce = os_set_direct(w->fd) ? aligned_alloc(65536, BOUNCE) : NULL;
    if (w->bounce && (w->align = os_direct_align(w->fd, w->bounce)) && w->bytes % w->align == 0)
        return true;
    if (w->bounce && w->align)
        return err_set(e, ERR_RESOURCE,
                       "%s: cache=%s: its size is no multiple of %u, in which its file system counts "
                       "without the page cache: use cache=writeback", w->path, name, w->align);
    return err_set(e, ERR_RESOURCE,
                   "%s: cache=%s: its file system has no access without the page cache (O_DIRECT): "
                   "use cache=writeback", w->path, name);
}

static bool check_kind(const char *path, int fd, struct err *e)
{
    switch (os_kind(fd)) {
    case OS_REGULAR:
    case OS_BLOCK_DEVICE:
        return true;
    case OS_DIRECTORY:
        return err_set(e, ERR_RESOURCE, "%s: this is a directory; a disk image is wanted", path);
    default:
        return err_set(e, ERR_RESOURCE,
                       "%s: this is neither a file nor a block device; a disk image is wanted",
                       path);
    }
}

struct block *blk_raw(const struct blk_opts *o, struct err *e)
{
    bool writable = !o->read_only && !o->snapshot;
    int fd = os_open(o->file, writable, e);
    u64 size = 0;

    if (fd < 0) {
        /* The usual cause has a usual cure. */
        struct err as_reader = { 0 };
        if (writable && e && !strstr(e->msg, "readonly=on") &&
            (fd = os_open(o->file, false, &as_reader)) >= 0) {
            bool usable = check_kind(o->file, fd, &as_reader);
            os_close(fd);
            e->code = ERR_NONE;
            if (usable)
                err_set(e, ERR_RESOURCE, "%s: no permission to write it: use snapshot=on or "
                        "readonly=on, or change it with 'chmod u+w'", o->file);
            else
                err_set(e, as_reader.code, "%s", as_reader.msg);
        }
        return NULL;
    }
    if (!check_kind(o->file, fd, e) || !os_lock(fd, writable, o->file, e)) {
        os_close(fd);
        return NULL;
    }
    if (!os_size(fd, &size) || !size) {
        err_set(e, ERR_RESOURCE,
                "%s: it is empty: give it the size of a disk, as 'truncate -s 8G FILE' does",
                o->file);
        os_close(fd);
        return NULL;
    }

    struct raw *w = xcalloc(1, sizeof(*w));
    w->fd = fd;
    w->bytes = size;
    w->path = xstrdup(o->file);
    w->warn = o->warn;
    w->warn_to = o->warn_to;
    w->cache = o->cache;
    w->b.ops = &raw_ops;
    w->b.sectors = size / BLOCK_SECTOR + (size % BLOCK_SECTOR != 0);
    w->b.read_only = !writable;
    w->b.removable = o->removable;
    w->b.inserted = true;
    w->b.file = w->path;
    w->b.werror = BLOCK_ENOSPC;
    w->b.rerror = BLOCK_REPORT;
    w->b.through = o->cache == BLK_WRITETHROUGH || o->cache == BLK_DIRECTSYNC;
    w->b.discard = o->discard;
    if ((o->cache == BLK_NONE || o->cache == BLK_DIRECTSYNC) && !set_direct(w, e)) {
        raw_free(w);
        return NULL;
    }
    if (size % BLOCK_SECTOR) {
        char text[160];
        snprintf(text, sizeof(text),
                 "its size (%llu) is no multiple of 512: the last sector is padded with zeros%s",
                 (unsigned long long)size, writable ? ", and a write to it makes the file longer" : "");
        warn(w, text);
    }
    return &w->b;
}
