/* SPDX-License-Identifier: MIT */
/* The late disk (tests/dev/late_disk.h). */
#include "tests/dev/late_disk.h"

#include <check.h>

#include "core/xalloc.h"

static void finish(struct late_disk *d)
{
    struct block_req *r = d->r;

    d->r = NULL;
    d->mem->ops->submit(d->mem, r);
    if (d->fails_with != BLOCK_OK)
        r->status = d->fails_with;
    if (r == &d->lost && (r->op == BLOCK_READ || r->op == BLOCK_WRITE))
        xfree(r->buf);
}

static void late_submit(struct block *b, struct block_req *r)
{
    struct late_disk *d = container_of(b, struct late_disk, b);

    if (d->r == &d->lost) /* the worker does one after the other */
        finish(d);
    ck_assert_ptr_null(d->r);
    d->r = r;
    d->submitted++;
    d->op = r->op;
    d->sector = r->sector;
    d->count = r->count;
    d->through = r->through;
    d->notify = false;
    if (d->in_time)
        finish(d);
}

static bool late_poll(struct block *b, struct block_req *r)
{
    struct late_disk *d = container_of(b, struct late_disk, b);

    d->notify = d->r == r;
    return d->r != r;
}

static void late_wait(struct block *b, struct block_req *r)
{
    struct late_disk *d = container_of(b, struct late_disk, b);

    if (d->r == r)
        finish(d);
}

static bool late_cancel(struct block *b, struct block_req *r)
{
    struct late_disk *d = container_of(b, struct late_disk, b);

    ck_assert_ptr_eq(d->r, r);
    d->cancelled++;
    d->lost = *r;
    d->r = &d->lost;
    memset(r, 0xee, sizeof(*r)); /* nobody looks at it again */
    return d->lost.op == BLOCK_READ || d->lost.op == BLOCK_WRITE;
}

static void late_close(struct block *b)
{
    (void)b;
}

static const struct block_ops late_ops = {
    .format = "late", .submit = late_submit, .wait = late_wait, .close = late_close,
    .poll = late_poll, .cancel = late_cancel,
};

void late_finish(struct late_disk *d)
{
    struct block_req *r = d->r;

    ck_assert_ptr_nonnull(r);
    finish(d);
    if (d->notify && r != &d->lost)
        r->done(r->done_to);
}

struct late_disk *late_disk_new(const u8 *data, u64 sectors)
{
    struct late_disk *d = xcalloc(1, sizeof(*d));

    d->mem = block_mem(data, sectors, false);
    d->b = *d->mem;
    d->b.ops = &late_ops;
    d->b.async = true;
    return d;
}

void late_disk_free(struct late_disk *d)
{
    if (d->r)
        finish(d);
    block_close(d->mem);
    xfree(d);
}
