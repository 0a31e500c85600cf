/* SPDX-License-Identifier: MIT */
/* Where the machine thread meets the host: descriptors to watch, and the one queue through which
 * other threads hand it work. Only loop_post() and loop_kick() may be called on other threads. */
#ifndef NB_HOST_LOOP_H
#define NB_HOST_LOOP_H

#include "core/err.h"
#include "core/types.h"

struct loop;
struct loop_fd;

#define LOOP_FOREVER UINT64_MAX
#define LOOP_ASAP 0ull

struct loop *loop_new(struct err *e);
void loop_free(struct loop *l); /* drops what is still posted: see loop_post */

/* Called at each post and kick, on the posting thread: to stop the CPU at the next block. Set it
 * before other threads know the loop. */
void loop_on_kick(struct loop *l, void (*kick)(void *to), void *to);

/* [any thread] Runs fn(arg, true) on the machine thread in the first loop_drain() whose `now` (guest
 * time) is not before deadline, in order of (deadline, posting). If the loop is freed before,
 * fn(arg, false) is called instead, so that arg can be released. */
void loop_post(struct loop *l, void (*fn)(void *arg, bool run), void *arg, u64 deadline);
/* [any thread, signal handlers too] Ends a sleep in loop_wait(). */
void loop_kick(struct loop *l);

/* Anything posted since the last drain? One load: for every block boundary. */
bool loop_pending(const struct loop *l);
/* Runs what is due; true if anything was. */
bool loop_drain(struct loop *l, u64 now);
/* The earliest deadline of what is posted and not due yet; UINT64_MAX: none. */
u64 loop_next(struct loop *l);

/* Sleeps up to timeout_ns for a descriptor or a kick (0: only looks), and calls the functions of
 * the descriptors that are ready. true if there was anything. */
bool loop_wait(struct loop *l, u64 timeout_ns);

/* Watches fd. fn may remove any watch, its own too. */
enum { LOOP_READ = 1, LOOP_WRITE = 2, LOOP_HUP = 4 };
struct loop_fd *loop_watch(struct loop *l, int fd, int events,
                           void (*fn)(void *arg, int events), void *arg);
void loop_set_events(struct loop_fd *w, int events); /* 0: not watched for now */
void loop_unwatch(struct loop_fd *w);                /* does not close fd; NULL: nothing */

#endif
