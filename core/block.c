/* SPDX-License-Identifier: MIT */
/* What all disk backends share (core/block.h): checks, counts, error policies; and the backend in
 * memory. */
#include "core/block.h"

#include "core/xalloc.h"

/* struct block_req.state */
enum {
    REQ_DONE,      /* also: refused before any backend saw it, so no policy applies */
    REQ_SUBMITTED,
    REQ_RETRY,     /* the host failed it and the machine was stopped */
    REQ_LATE,      /* submitted, and the device waits for done() */
};

void block_submit(struct block *b, struct block_req *r)
{
    bool moves = r->op == BLOCK_READ || r->op == BLOCK_WRITE;
    bool writes = r->op == BLOCK_WRITE || r->op == BLOCK_DISCARD;

    r->status = BLOCK_PENDING;
    r->state = REQ_DONE;
    if (!b->inserted) {
        r->status = BLOCK_IO_ERROR;
        return;
    }
    if (r->op != BLOCK_FLUSH &&
        (r->sector > b->sectors || r->count > b->sectors - r->sector ||
         (moves && r->count > BLOCK_MAX_SECTORS))) {
        r->status = BLOCK_IO_ERROR;
        b->errors++;
        return;
    }
    if (writes && b->read_only) {
        r->status = BLOCK_READ_ONLY;
        return;
    }
    if (moves && !r->count) {
        r->status = BLOCK_OK;
        return;
    }
    if (r->op == BLOCK_READ) {
        b->rd_ops++;
        b->rd_bytes += (u64)r->count * BLOCK_SECTOR;
    } else if (r->op == BLOCK_WRITE) {
        b->wr_ops++;
        b->wr_bytes += (u64)r->count * BLOCK_SECTOR;
    } else if (r->op == BLOCK_FLUSH) {
        b->flush_ops++;
    } else {
        b->discard_ops++;
    }
    r->state = REQ_SUBMITTED;
    b->ops->submit(b, r);
}

/* The host failed r: what the guest sees of it. */
static enum block_status apply_policy(struct block *b, struct block_req *r)
{
    enum block_policy p = r->op == BLOCK_READ ? b->rerror : b->werror;

    b->errors++;
    if (p == BLOCK_ENOSPC)
        p = r->status == BLOCK_NO_SPACE ? BLOCK_STOP : BLOCK_REPORT;
    if (p == BLOCK_IGNORE) {
        if (r->op == BLOCK_READ) /* never what the last request left in the buffer */
            memset(r->buf, 0, (size_t)r->count * BLOCK_SECTOR);
        r->status = BLOCK_OK;
    } else if (p == BLOCK_STOP && b->on_stop) {
        r->status = BLOCK_PENDING;
        r->state = REQ_RETRY;
        b->stalled = true;
        b->on_stop(b->on_stop_to, b);
    }
    return r->status;
}

static enum block_status finish(struct block *b, struct block_req *r)
{
    r->state = REQ_DONE;
    if (r->status == BLOCK_IO_ERROR || r->status == BLOCK_NO_SPACE)
        return apply_policy(b, r);
    return r->status;
}

static void retry(struct block *b, struct block_req *r)
{
    if (r->state != REQ_RETRY)
        return;
    r->state = REQ_SUBMITTED;
    b->stalled = false;
    b->ops->submit(b, r);
}

enum block_status block_wait(struct block *b, struct block_req *r)
{
    if (r->state == REQ_DONE)
        return r->status;
    retry(b, r);
    if (r->status == BLOCK_PENDING)
        b->ops->wait(b, r);
    return finish(b, r);
}

enum block_status block_result(struct block *b, struct block_req *r)
{
    if (!b->async || !b->ops->poll)
        return block_wait(b, r);
    if (r->state == REQ_DONE)
        return r->status;
    retry(b, r);
    if (r->status == BLOCK_PENDING && !b->ops->poll(b, r)) {
        b->late_ops += r->state != REQ_LATE;
        r->state = REQ_LATE;
        return BLOCK_PENDING;
    }
    return finish(b, r);
}

bool block_late(const struct block_req *r)
{
    return r->state == REQ_LATE;
}

bool block_cancel(struct block *b, struct block_req *r)
{
    bool kept = false;

    if (r->state == REQ_RETRY)
        b->stalled = false; /* never acknowledged, and nobody waits for it */
    else if (r->state != REQ_DONE && r->status == BLOCK_PENDING) {
        if (b->async && b->ops->cancel)
            kept = b->ops->cancel(b, r);
        else
            b->ops->wait(b, r);
    }
    r->state = REQ_DONE;
    r->status = BLOCK_IO_ERROR;
    return kept;
}

enum block_status block_rw(struct block *b, enum block_op op, u64 sector, u32 count, u8 *buf)
{
    struct block_req r = { .op = op, .sector = sector, .count = count, .buf = buf };
    block_submit(b, &r);
    return block_wait(b, &r);
}

void block_close(struct block *b)
{
    if (b)
        b->ops->close(b);
}

/* ---- a drive with a tray ---- */

struct block_tray {
    struct block b;
    struct block *medium; /* NULL: none */
};

static void tray_submit(struct block *b, struct block_req *r)
{
    struct block_tray *t = container_of(b, struct block_tray, b);

    if (t->medium)
        t->medium->ops->submit(t->medium, r);
    else
        r->status = BLOCK_IO_ERROR;
}

static void tray_wait(struct block *b, struct block_req *r)
{
    struct block_tray *t = container_of(b, struct block_tray, b);

    if (t->medium)
        t->medium->ops->wait(t->medium, r);
    else
        r->status = BLOCK_IO_ERROR;
}

static bool tray_poll(struct block *b, struct block_req *r)
{
    struct block_tray *t = container_of(b, struct block_tray, b);

    if (t->medium && t->medium->ops->poll)
        return t->medium->ops->poll(t->medium, r);
    tray_wait(b, r);
    return true;
}

static bool tray_cancel(struct block *b, struct block_req *r)
{
    struct block_tray *t = container_of(b, struct block_tray, b);

    if (t->medium && t->medium->ops->cancel)
        return t->medium->ops->cancel(t->medium, r);
    tray_wait(b, r);
    return false;
}

static void tray_close(struct block *b)
{
    struct block_tray *t = container_of(b, struct block_tray, b);

    block_close(t->medium);
    xfree(t);
}

static bool tray_save_overlay(struct block *b, bool (*write)(void *to, const void *p, size_t n),
                              void *to, struct err *e)
{
    struct block *medium = container_of(b, struct block_tray, b)->medium;

    return medium->ops->save_overlay(medium, write, to, e);
}

static bool tray_load_overlay(struct block *b, bool (*read)(void *from, void *p, size_t n),
                              void *from, struct err *e)
{
    struct block *medium = container_of(b, struct block_tray, b)->medium;

    return medium->ops->load_overlay(medium, read, from, e);
}

/* Whether there is an overlay to save depends on the medium, and callers ask the table. */
static const struct block_ops tray_ops = {
    .format = "tray", .submit = tray_submit, .wait = tray_wait, .close = tray_close,
    .poll = tray_poll, .cancel = tray_cancel,
};
static const struct block_ops overlay_tray_ops = {
    .format = "tray", .submit = tray_submit, .wait = tray_wait, .close = tray_close,
    .save_overlay = tray_save_overlay, .load_overlay = tray_load_overlay,
    .poll = tray_poll, .cancel = tray_cancel,
};

struct block *block_tray(void)
{
    struct block_tray *t = xcalloc(1, sizeof *t);

    t->b.ops = &tray_ops;
    t->b.removable = true;
    return &t->b;
}

void block_tray_load(struct block *tray, struct block *medium)
{
    struct block_tray *t = container_of(tray, struct block_tray, b);

    block_close(t->medium);
    t->medium = medium;
    tray->ops = medium && medium->ops->save_overlay ? &overlay_tray_ops : &tray_ops;
    tray->sectors = medium ? medium->sectors : 0;
    tray->read_only = medium && medium->read_only;
    tray->async = medium && medium->async;
    tray->through = medium && medium->through;
    tray->discard = medium && medium->discard;
    tray->file = medium ? medium->file : NULL;
    tray->inserted = medium != NULL;
    tray->eject_wanted = false;
    tray->change_count++;
}

struct block *block_tray_medium(struct block *tray)
{
    return container_of(tray, struct block_tray, b)->medium;
}

/* ---- in memory ---- */

struct block_mem {
    struct block b;
    u8 *data;
};

static void mem_submit(struct block *b, struct block_req *r)
{
    struct block_mem *m = container_of(b, struct block_mem, b);
    size_t at = (size_t)r->sector * BLOCK_SECTOR, n = (size_t)r->count * BLOCK_SECTOR;

    if (r->op == BLOCK_READ)
        memcpy(r->buf, m->data + at, n);
    else if (r->op == BLOCK_WRITE)
        memcpy(m->data + at, r->buf, n);
    else if (r->op == BLOCK_DISCARD)
        memset(m->data + at, 0, n);
    r->status = BLOCK_OK;
}

static void mem_wait(struct block *b, struct block_req *r)
{
    (void)b;
    (void)r;
}

static void mem_close(struct block *b)
{
    struct block_mem *m = container_of(b, struct block_mem, b);
    xfree(m->data);
    xfree(m);
}

static const struct block_ops mem_ops = {
    .format = "mem", .submit = mem_submit, .wait = mem_wait, .close = mem_close,
};

struct block *block_mem(const u8 *data, u64 sectors, bool read_only)
{
    struct block_mem *m = xcalloc(1, sizeof(*m));
    m->data = xcalloc((size_t)sectors, BLOCK_SECTOR);
    if (data)
        memcpy(m->data, data, (size_t)sectors * BLOCK_SECTOR);
    m->b.ops = &mem_ops;
    m->b.sectors = sectors;
    m->b.read_only = read_only;
    m->b.inserted = true;
    m->b.file = "(memory)";
    return &m->b;
}
