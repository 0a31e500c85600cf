/* SPDX-License-Identifier: MIT */
/* Descriptors and the post queue of the machine thread (host/loop.h). */
#define _GNU_SOURCE
#include "host/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <time.h>

#include "core/xalloc.h"
#include "host/os.h"

struct loop_fd {
    struct loop *loop;
    struct loop_fd *next;
    int fd, events;
    void (*fn)(void *arg, int events);
    void *arg;
    bool removed;
};

struct post {
    struct post *next;
    void (*fn)(void *arg, bool run);
    void *arg;
    u64 deadline;
};

struct loop {
    struct os_event *event;
    struct os_mutex *lock;        /* guards `fresh` */
    struct post *fresh, **fresh_end;
    atomic_bool pending;          /* `fresh` is not empty */
    void (*kick)(void *to);
    void *kick_to;
    struct post *waiting;         /* by (deadline, posting): the machine thread's */
    struct loop_fd *watches;
    struct pollfd *polls;         /* as many as watches, and the event */
    struct loop_fd **polled;
    unsigned cap;
    unsigned depth;               /* inside callbacks: watches are not released */
    bool any_removed;
};

struct loop *loop_new(struct err *e)
{
    struct os_event *event = os_event_new();
    if (!event) {
        err_set(e, ERR_RESOURCE, "no file descriptor is left for this process: see 'ulimit -n'");
        return NULL;
    }
    struct loop *l = xcalloc(1, sizeof(*l));
    l->event = event;
    l->lock = os_mutex_new();
    l->fresh_end = &l->fresh;
    return l;
}

static void drop(struct post *p)
{
    while (p) {
        struct post *next = p->next;
        p->fn(p->arg, false);
        xfree(p);
        p = next;
    }
}

void loop_free(struct loop *l)
{
    if (!l)
        return;
    os_mutex_lock(l->lock); /* who posted last has left loop_post() then */
    struct post *fresh = l->fresh;
    l->fresh = NULL;
    os_mutex_unlock(l->lock);
    drop(l->waiting);
    drop(fresh);
    while (l->watches) {
        struct loop_fd *w = l->watches;
        l->watches = w->next;
        xfree(w);
    }
    os_event_free(l->event);
    os_mutex_free(l->lock);
    xfree(l->polls);
    xfree(l->polled);
    xfree(l);
}

/* ---- posts ---- */

void loop_on_kick(struct loop *l, void (*kick)(void *to), void *to)
{
    os_mutex_lock(l->lock);
    l->kick = kick;
    l->kick_to = to;
    os_mutex_unlock(l->lock);
}

void loop_kick(struct loop *l)
{
    if (l->kick)
        l->kick(l->kick_to);
    os_event_signal(l->event);
}

void loop_post(struct loop *l, void (*fn)(void *arg, bool run), void *arg, u64 deadline)
{
    struct post *p = xcalloc(1, sizeof(*p));
    *p = (struct post){ NULL, fn, arg, deadline };
    os_mutex_lock(l->lock);
    *l->fresh_end = p;
    l->fresh_end = &p->next;
    atomic_store_explicit(&l->pending, true, memory_order_release);
    loop_kick(l); /* under the lock: the loop may be freed as soon as it is released */
    os_mutex_unlock(l->lock);
}

bool loop_pending(const struct loop *l)
{
    return atomic_load_explicit(&l->pending, memory_order_acquire);
}

/* Moves what other threads posted into the machine thread's own sorted list. */
static void take_fresh(struct loop *l)
{
    if (!loop_pending(l))
        return;
    os_mutex_lock(l->lock);
    struct post *p = l->fresh;
    l->fresh = NULL;
    l->fresh_end = &l->fresh;
    atomic_store_explicit(&l->pending, false, memory_order_release);
    os_mutex_unlock(l->lock);

    while (p) {
        struct post *next = p->next, **at = &l->waiting;
        while (*at && (*at)->deadline <= p->deadline)
            at = &(*at)->next;
        p->next = *at;
        *at = p;
        p = next;
    }
}

bool loop_drain(struct loop *l, u64 now)
{
    bool any = false;

    take_fresh(l);
    /* What a post posts runs in the next drain, so that the guest gets on. */
    struct post *due = l->waiting, **end = &due;
    while (*end && (*end)->deadline <= now)
        end = &(*end)->next;
    l->waiting = *end;
    *end = NULL;
    while (due) {
        struct post *p = due;
        due = p->next;
        p->fn(p->arg, true);
        xfree(p);
        any = true;
    }
    return any;
}

u64 loop_next(struct loop *l)
{
    take_fresh(l);
    return l->waiting ? l->waiting->deadline : UINT64_MAX;
}

/* ---- descriptors ---- */

struct loop_fd *loop_watch(struct loop *l, int fd, int events, void (*fn)(void *arg, int events),
                           void *arg)
{
    struct loop_fd *w = xcalloc(1, sizeof(*w)), **at = &l->watches;
    *w = (struct loop_fd){ .loop = l, .fd = fd, .events = events, .fn = fn, .arg = arg };
    while (*at) /* in order of watching: runs repeat */
        at = &(*at)->next;
    *at = w;
    return w;
}

void loop_set_events(struct loop_fd *w, int events)
{
    if (w)
        w->events = events;
}

static void release_removed(struct loop *l)
{
    struct loop_fd **at = &l->watches;
    while (*at) {
        struct loop_fd *w = *at;
        if (w->removed) {
            *at = w->next;
            xfree(w);
        } else {
            at = &w->next;
        }
    }
    l->any_removed = false;
}

void loop_unwatch(struct loop_fd *w)
{
    if (!w)
        return;
    w->removed = true;
    w->loop->any_removed = true;
    if (!w->loop->depth)
        release_removed(w->loop);
}

static unsigned fill_polls(struct loop *l)
{
    unsigned n = 1;
    for (struct loop_fd *w = l->watches; w; w = w->next)
        n++;
    if (n > l->cap) {
        l->cap = n + 8;
        l->polls = xrealloc(l->polls, l->cap * sizeof(*l->polls));
        l->polled = xrealloc(l->polled, l->cap * sizeof(*l->polled));
    }
    l->polls[0] = (struct pollfd){ os_event_fd(l->event), POLLIN, 0 };
    n = 1;
    for (struct loop_fd *w = l->watches; w; w = w->next) {
        if (!w->events)
            continue; /* not even for a hang-up, which would end every sleep */
        short ev = (short)((w->events & LOOP_READ ? POLLIN : 0) |
                           (w->events & LOOP_WRITE ? POLLOUT : 0));
        l->polls[n] = (struct pollfd){ w->fd, ev, 0 };
        l->polled[n++] = w;
    }
    return n;
}

bool loop_wait(struct loop *l, u64 timeout_ns)
{
    struct timespec ts, *limit = NULL;
    unsigned n = fill_polls(l);

    if (timeout_ns != LOOP_FOREVER) {
        ts = (struct timespec){ (time_t)(timeout_ns / 1000000000ull),
                                (long)(timeout_ns % 1000000000ull) };
        limit = &ts;
    }
    if (ppoll(l->polls, n, limit, NULL) <= 0)
        return false; /* a signal ends the sleep as a kick does: the caller looks around */
    if (l->polls[0].revents)
        os_event_clear(l->event);

    l->depth++;
    for (unsigned i = 1; i < n; i++) {
        struct loop_fd *w = l->polled[i];
        short got = l->polls[i].revents;
        int events = (got & (POLLIN | POLLHUP | POLLERR | POLLNVAL) ? LOOP_READ : 0) |
                     (got & POLLOUT ? LOOP_WRITE : 0) |
                     (got & (POLLHUP | POLLERR | POLLNVAL) ? LOOP_HUP : 0);
        events &= w->events | LOOP_HUP; /* an earlier function may have changed its mind */
        if (got && !w->removed && w->events && events)
            w->fn(w->arg, events);
    }
    l->depth--;
    if (l->any_removed && !l->depth)
        release_removed(l);
    return true;
}
