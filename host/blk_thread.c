/* SPDX-License-Identifier: MIT */
/* Disk access on a thread of its own: a backend that hands requests to one that only knows how to do
 * them at once, in the order in which they came.
 *
 * One worker per image and one request after the other: what the drives of this machine can have
 * under way (no queued commands), and the order that a guest relies on, a flush behind its writes and
 * overlapping writes one after the other, needs no rule. The worker has a copy of each request: the
 * device may forget its own at any time (block_cancel) and never waits for a slow disk then; the
 * buffer of such a request is the worker's to free. What was written goes to the image even then, as
 * a drive that is reset finishes what is in its cache.
 *
 * When the device has asked for a result and it wasn't there, its end is posted to the machine's
 * loop; a result that is there in time costs no post. What the host has in memory is read at once if
 * the queue is empty: the copy is cheaper than waking a thread. In counted time writes into its memory
 * are done at once as well: nothing is gained by the hand-over, as the machine would wait. */
#include "host/blk.h"

#include "core/xalloc.h"
#include "host/loop.h"
#include "host/os.h"

#define MAX_JOBS 16u

struct job {
    struct block_req *owner; /* NULL: cancelled */
    struct block_req req;    /* the worker's copy */
    bool used, running, done;
    bool notify;             /* the device wants to be told */
    bool free_buf;
    u64 order;
};

struct threaded {
    struct block b;
    struct block *inner;     /* its submit() returns when the work is done */
    struct loop *loop;       /* NULL: nobody is told, results are waited for */
    struct os_thread *thread;
    /* `lock` guards what follows */
    struct os_mutex *lock;
    struct os_cond *cond;
    struct job jobs[MAX_JOBS];
    u64 next_order;
    u64 lost;                /* failures of cancelled requests */
    bool stop, posted;
    unsigned refs;           /* the owner and a post under way */
};

static void release(struct threaded *t)
{
    os_mutex_lock(t->lock);
    bool last = !--t->refs;
    os_mutex_unlock(t->lock);
    if (!last)
        return;
    os_cond_free(t->cond);
    os_mutex_free(t->lock);
    xfree(t);
}

/* ---- machine thread: news of finished requests ---- */

static void news(void *arg, bool run)
{
    struct threaded *t = arg;

    os_mutex_lock(t->lock);
    t->posted = false;
    for (unsigned i = 0; i < MAX_JOBS; i++) {
        struct job *j = &t->jobs[i];
        if (!j->used || !j->done || !j->notify)
            continue;
        j->notify = false;
        struct block_req *r = j->owner;
        os_mutex_unlock(t->lock);
        if (run && r && r->done)
            r->done(r->done_to);
        os_mutex_lock(t->lock);
    }
    os_mutex_unlock(t->lock);
    release(t);
}

/* ---- worker ---- */

static struct job *oldest(struct threaded *t)
{
    struct job *first = NULL;
    for (unsigned i = 0; i < MAX_JOBS; i++) {
        struct job *j = &t->jobs[i];
        if (j->used && !j->done && (!first || j->order < first->order))
            first = j;
    }
    return first;
}

/* With the lock held; gives it up for the work and for the post. */
static void do_job(struct threaded *t, struct job *j)
{
    j->running = true;
    os_mutex_unlock(t->lock);
    t->inner->ops->submit(t->inner, &j->req);
    os_mutex_lock(t->lock);
    j->running = false;
    j->done = true;
    if (!j->owner) {
        if (j->free_buf)
            xfree(j->req.buf);
        t->lost += j->req.status != BLOCK_OK;
        j->used = false;
    }
    os_cond_broadcast(t->cond);
    if (j->used && j->notify && t->loop && !t->posted) {
        t->posted = true;
        t->refs++;
        os_mutex_unlock(t->lock);
        loop_post(t->loop, news, t, LOOP_ASAP);
        os_mutex_lock(t->lock);
    }
}

static void worker(void *arg)
{
    struct threaded *t = arg;

    os_mutex_lock(t->lock);
    for (;;) {
        struct job *j = oldest(t);
        if (j)
            do_job(t, j);
        else if (t->stop)
            break;
        else
            os_cond_wait(t->cond, t->lock);
    }
    os_mutex_unlock(t->lock);
}

/* ---- machine thread ---- */

static struct job *job_of(struct threaded *t, const struct block_req *r)
{
    for (unsigned i = 0; i < MAX_JOBS; i++)
        if (t->jobs[i].used && t->jobs[i].owner == r)
            return &t->jobs[i];
    return NULL;
}

/* Takes the result of a job that is done. */
static void take(struct job *j)
{
    j->owner->status = j->req.status;
    j->used = false;
}

/* Until the worker has nothing to do. The lock is held. */
static void wait_idle(struct threaded *t)
{
    while (oldest(t))
        os_cond_wait(t->cond, t->lock);
    t->b.errors += t->lost;
    t->lost = 0;
}

static void drain(struct threaded *t)
{
    os_mutex_lock(t->lock);
    wait_idle(t);
    os_mutex_unlock(t->lock);
}

/* Needs no thread: true if it was done. The worker is idle and stays so, as only we give it work. */
static bool at_once(struct threaded *t, struct block_req *r)
{
    if (r->op == BLOCK_READ)
        return t->inner->ops->try_now && t->inner->ops->try_now(t->inner, r);
    if (r->op == BLOCK_WRITE && !t->b.async && !r->through) {
        t->inner->ops->submit(t->inner, r);
        return true;
    }
    return false;
}

static void threaded_submit(struct block *b, struct block_req *r)
{
    struct threaded *t = container_of(b, struct threaded, b);
    struct job *j = NULL;

    r->status = BLOCK_PENDING;
    os_mutex_lock(t->lock);
    bool idle = !oldest(t);
    os_mutex_unlock(t->lock);
    if (idle && at_once(t, r))
        return;
    if (!t->thread)
        t->thread = os_thread_start(worker, t, "nb-disk");
    os_mutex_lock(t->lock);
    while (t->thread && !j) {
        for (unsigned i = 0; i < MAX_JOBS && !j; i++)
            if (!t->jobs[i].used)
                j = &t->jobs[i];
        if (!j && !oldest(t))
            break; /* all are done and nobody has fetched them */
        if (!j)
            os_cond_wait(t->cond, t->lock);
    }
    if (j) {
        *j = (struct job){ .owner = r, .req = *r, .used = true, .order = t->next_order++ };
        os_cond_broadcast(t->cond);
    }
    os_mutex_unlock(t->lock);
    if (!j)
        t->inner->ops->submit(t->inner, r);
}

static void threaded_wait(struct block *b, struct block_req *r)
{
    struct threaded *t = container_of(b, struct threaded, b);

    os_mutex_lock(t->lock);
    struct job *j = job_of(t, r);
    while (j && !j->done)
        os_cond_wait(t->cond, t->lock);
    if (j)
        take(j);
    os_mutex_unlock(t->lock);
}

static bool threaded_poll(struct block *b, struct block_req *r)
{
    struct threaded *t = container_of(b, struct threaded, b);

    os_mutex_lock(t->lock);
    struct job *j = job_of(t, r);
    bool done = !j || j->done;
    if (j && done)
        take(j);
    else if (j)
        j->notify = true;
    b->errors += t->lost;
    t->lost = 0;
    os_mutex_unlock(t->lock);
    return done;
}

static bool threaded_cancel(struct block *b, struct block_req *r)
{
    struct threaded *t = container_of(b, struct threaded, b);
    bool kept = false;

    os_mutex_lock(t->lock);
    struct job *j = job_of(t, r);
    if (j && (j->done || (r->op == BLOCK_READ && !j->running))) {
        j->used = false;
    } else if (j) {
        j->owner = NULL;
        kept = j->free_buf = r->op == BLOCK_READ || r->op == BLOCK_WRITE;
    }
    os_mutex_unlock(t->lock);
    return kept;
}

static void threaded_close(struct block *b)
{
    struct threaded *t = container_of(b, struct threaded, b);

    if (t->thread) {
        os_mutex_lock(t->lock);
        t->stop = true; /* once all that was submitted is done */
        os_cond_broadcast(t->cond);
        os_mutex_unlock(t->lock);
        os_thread_join(t->thread);
    }
    for (unsigned i = 0; i < MAX_JOBS; i++)
        t->jobs[i].used = false;
    block_close(t->inner);
    release(t);
}

static bool threaded_save(struct block *b, bool (*write)(void *to, const void *p, size_t n),
                          void *to, struct err *e)
{
    struct threaded *t = container_of(b, struct threaded, b);

    drain(t);
    return t->inner->ops->save_overlay(t->inner, write, to, e);
}

static bool threaded_load(struct block *b, bool (*read)(void *from, void *p, size_t n), void *from,
                          struct err *e)
{
    struct threaded *t = container_of(b, struct threaded, b);

    drain(t);
    return t->inner->ops->load_overlay(t->inner, read, from, e);
}

static const struct block_ops threaded_ops = {
    .format = "raw", .submit = threaded_submit, .wait = threaded_wait, .close = threaded_close,
    .poll = threaded_poll, .cancel = threaded_cancel,
};
static const struct block_ops overlay_ops = {
    .format = "snapshot", .submit = threaded_submit, .wait = threaded_wait,
    .close = threaded_close, .save_overlay = threaded_save, .load_overlay = threaded_load,
    .poll = threaded_poll, .cancel = threaded_cancel,
};

struct block *blk_thread(struct block *inner, struct loop *loop, bool async)
{
    struct threaded *t = xcalloc(1, sizeof(*t));

    t->b = *inner;
    t->b.ops = inner->ops->save_overlay ? &overlay_ops : &threaded_ops;
    t->b.async = async;
    t->inner = inner;
    t->loop = loop;
    t->lock = os_mutex_new();
    t->cond = os_cond_new();
    t->refs = 1;
    return &t->b;
}

struct block *blk_thread_inner(struct block *threaded)
{
    return container_of(threaded, struct threaded, b)->inner;
}
