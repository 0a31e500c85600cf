/* SPDX-License-Identifier: MIT */
/* Raw disk images and block devices.
 *
 * What the host has in its cache is read at once, and writes only go to that cache. What has to
 * wait for the disk, a read from it or a flush, goes to a worker thread: the guest's time then
 * goes on until the deadline at which the device wants the result.
 *
 * The size is the one at the time of opening. A file whose length is no multiple of 512 reads as
 * if it were padded with zeros. */
#include "host/blk.h"

#include <stdio.h>

#include "core/strbuf.h"
#include "core/xalloc.h"
#include "host/os.h"

struct raw {
    struct block b;
    int fd;
    u64 bytes;             /* of the file when it was opened */
    char *path;
    void (*warn)(void *to, const char *line);
    void *warn_to;
    bool grown;            /* warned */

    /* the worker; `lock` guards what follows. It works on jobs and never touches a request. */
    struct os_thread *thread;
    struct os_mutex *lock;
    struct os_cond *cond;
    struct job {
        struct block_req *r; /* whose it is; NULL: free */
        enum block_op op;
        u64 sector, order;
        u32 count;
        u8 *buf;
        bool done;
        enum block_status status;
    } jobs[16];
    u64 next_order;
    bool stop;
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

static enum os_status do_read(const struct raw *w, u64 sector, u32 count, u8 *buf, bool no_wait)
{
    u64 at = sector * BLOCK_SECTOR;
    size_t len = (size_t)count * BLOCK_SECTOR;
    enum os_status s = os_pread(w->fd, buf, len, at, no_wait);
    /* The end of the file inside the last sector is ours to pad; before it, the file was cut. */
    if (s == OS_EOF && at + len > w->bytes) {
        u64 size;
        if (os_size(w->fd, &size) && size >= w->bytes)
            s = OS_OK;
    }
    return s;
}

static enum block_status work(const struct raw *w, enum block_op op, u64 sector, u32 count, u8 *buf)
{
    return to_block(op == BLOCK_FLUSH ? os_flush(w->fd) : do_read(w, sector, count, buf, false));
}

static struct job *oldest_job(struct raw *w)
{
    struct job *first = NULL;
    for (unsigned i = 0; i < ARRAY_LEN(w->jobs); i++) {
        struct job *j = &w->jobs[i];
        if (j->r && !j->done && (!first || j->order < first->order))
            first = j;
    }
    return first;
}

static void worker(void *arg)
{
    struct raw *w = arg;

    os_mutex_lock(w->lock);
    for (;;) {
        struct job *j = oldest_job(w);
        if (j) {
            os_mutex_unlock(w->lock);
            enum block_status status = work(w, j->op, j->sector, j->count, j->buf);
            os_mutex_lock(w->lock);
            j->status = status;
            j->done = true;
            os_cond_broadcast(w->cond);
        } else if (w->stop) {
            break;
        } else {
            os_cond_wait(w->cond, w->lock);
        }
    }
    os_mutex_unlock(w->lock);
}

/* To the worker, or done here if that is busy or there is none to be had. */
static void hand_over(struct raw *w, struct block_req *r)
{
    struct job *j = NULL;

    if (!w->thread)
        w->thread = os_thread_start(worker, w, "nb-disk");
    os_mutex_lock(w->lock);
    for (unsigned i = 0; w->thread && i < ARRAY_LEN(w->jobs) && !j; i++)
        if (!w->jobs[i].r)
            j = &w->jobs[i];
    if (j) {
        *j = (struct job){ .r = r, .op = r->op, .sector = r->sector, .count = r->count,
                           .buf = r->buf, .order = w->next_order++ };
        os_cond_broadcast(w->cond);
    }
    os_mutex_unlock(w->lock);
    if (!j)
        r->status = work(w, r->op, r->sector, r->count, r->buf);
}

/* Waits for r's job, if it has one, and takes its result. */
static void collect(struct raw *w, struct block_req *r)
{
    os_mutex_lock(w->lock);
    for (unsigned i = 0; i < ARRAY_LEN(w->jobs); i++) {
        struct job *j = &w->jobs[i];
        if (j->r != r)
            continue;
        while (!j->done)
            os_cond_wait(w->cond, w->lock);
        r->status = j->status;
        j->r = NULL;
    }
    os_mutex_unlock(w->lock);
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
    enum os_status s;

    /* A device that was reset may submit a request again without having waited for it. */
    if (w->thread)
        collect(w, r);
    r->status = BLOCK_PENDING;
    switch (r->op) {
    case BLOCK_READ:
        s = do_read(w, r->sector, r->count, r->buf, true);
        if (s == OS_AGAIN)
            hand_over(w, r);
        else
            r->status = to_block(s);
        break;
    case BLOCK_WRITE:
        s = os_pwrite(w->fd, r->buf, (size_t)r->count * BLOCK_SECTOR, r->sector * BLOCK_SECTOR);
        r->status = to_block(s);
        break;
    case BLOCK_FLUSH:
        check_growth(w);
        if (b->read_only)
            r->status = BLOCK_OK;
        else
            hand_over(w, r);
        break;
    case BLOCK_DISCARD:
        os_punch(w->fd, r->sector * BLOCK_SECTOR, (u64)r->count * BLOCK_SECTOR);
        r->status = BLOCK_OK;
        break;
    }
}

static void raw_wait(struct block *b, struct block_req *r)
{
    collect(container_of(b, struct raw, b), r);
}

static void raw_free(struct raw *w)
{
    if (w->thread) {
        os_mutex_lock(w->lock);
        w->stop = true;
        os_cond_broadcast(w->cond);
        os_mutex_unlock(w->lock);
        os_thread_join(w->thread);
    }
    os_cond_free(w->cond);
    os_mutex_free(w->lock);
    os_close(w->fd);
    xfree(w->path);
    xfree(w);
}

static void raw_close(struct block *b)
{
    struct raw *w = container_of(b, struct raw, b);
    check_growth(w);
    raw_free(w);
}

static const struct block_ops raw_ops = { "raw", raw_submit, raw_wait, raw_close, NULL, NULL };

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
    w->lock = os_mutex_new();
    w->cond = os_cond_new();
    w->b.ops = &raw_ops;
    w->b.sectors = size / BLOCK_SECTOR + (size % BLOCK_SECTOR != 0);
    w->b.read_only = !writable;
    w->b.removable = o->removable;
    w->b.inserted = true;
    w->b.file = w->path;
    w->b.werror = BLOCK_ENOSPC;
    w->b.rerror = BLOCK_REPORT;
    if (size % BLOCK_SECTOR) {
        char text[160];
        snprintf(text, sizeof(text),
                 "its size (%llu) is no multiple of 512: the last sector is padded with zeros%s",
                 (unsigned long long)size, writable ? ", and a write to it makes the file longer" : "");
        warn(w, text);
    }
    return &w->b;
}
