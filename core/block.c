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
        b->on_stop(b->on_stop_to, b);
    }
    return r->status;
}

enum block_status block_wait(struct block *b, struct block_req *r)
{
    if (r->state == REQ_DONE)
        return r->status;
    if (r->state == REQ_RETRY) {
        r->state = REQ_SUBMITTED;
        b->ops->submit(b, r);
    }
    if (r->status == BLOCK_PENDING)
        b->ops->wait(b, r);
    r->state = REQ_DONE;
    if (r->status == BLOCK_IO_ERROR || r->status == BLOCK_NO_SPACE)
        return apply_policy(b, r);
    return r->status;
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

static const struct block_ops mem_ops = { "mem", mem_submit, mem_wait, mem_close, NULL, NULL };

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
