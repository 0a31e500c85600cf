/* SPDX-License-Identifier: MIT */
/* The one clock that every timer, counter and RDTSC reads (docs/how-it-works.md, "Time").
 * Nanoseconds of guest time since power-on of the machine object. Machine thread only. */
#ifndef NB_CORE_CLOCK_H
#define NB_CORE_CLOCK_H

#include "core/types.h"

#define NS_PER_SEC 1000000000ull
#define CLOCK_NEVER UINT64_MAX
/* No guest timer fires faster than this in real time (so that a guest always gets on). */
#define CLOCK_MIN_GAP_NS 20000u

enum clock_source {
    CLOCK_REAL,    /* host monotonic time minus held time, with catch-up */
    CLOCK_COUNTED, /* retired instructions * ns_per_insn, jumping ahead when idle */
    CLOCK_PACED,   /* counted, slept to real time by the run loop */
};

struct timer;
typedef void timer_fn(void *dev, u64 late_ns);

/* Embedded in the chip. `fn` is called on the machine thread between instructions, with
 * clock_now() == the deadline (late_ns is then 0; it is >0 only if the timer was set in
 * the past). A timer is one-shot; fn re-arms it from `when`, never from clock_now(), so that
 * periodic timers do not drift. */
struct timer {
    u64 when; /* deadline, CLOCK_NEVER: off */
    u64 seq;  /* order of arming: ties fire in it */
    timer_fn *fn;
    void *dev;
    const char *name;
    int heap_pos; /* private; -1 when off, -2 - i: set aside in late[i] */
    struct clock *clock;
};

struct clock {
    enum clock_source source;
    u32 ns_per_insn;            /* counted and paced; at least 1 */
    const u64 *retired;         /* counted: the CPU's retired-instruction count */
    u64 (*host_ns)(void *host); /* real: host monotonic ns */
    void *host;
    bool holding;               /* real: guest time stands still (stop, debugger, snapshot) */
    u64 offset;                 /* counted: skipped (idle) ns; real: guest - host base */
    u64 base_retired;
    /* real-time catch-up: guest time may not pass the next deadline, nor run faster than
     * twice real speed from the anchor while behind */
    u64 anchor_host, anchor_guest, last_fire_host, last_host;
    u64 held_ns;                /* sum of all held time: the RTC's wall offset may step by it */
    u64 floor;                  /* the highest value ever handed out: never goes back */
    bool firing;
    u64 firing_at;              /* clock_now() while callbacks run */
    /* Called when a timer became the earliest deadline outside clock_run(): the CPU, which may be in
     * the middle of a budget that was made for a later one, must be told. May be NULL. */
    void (*on_earlier)(void *to);
    void *on_earlier_to;
    struct timer **heap;
    unsigned heap_len, heap_cap;
    /* armed for the past by a callback: set aside until the next clock_run() */
    struct timer **late;
    unsigned late_len, late_cap;
    u64 next_seq;
};

void clock_init(struct clock *c, enum clock_source source, u32 ns_per_insn, const u64 *retired,
                u64 (*host_ns)(void *), void *host);
void clock_free(struct clock *c);

/* Sets guest time of a machine that is being loaded, before its timers are. */
void clock_restore(struct clock *c, u64 now);

/* Guest nanoseconds. Never passes the next deadline before that was fired; never goes backwards; two calls in a row may give the same value. */
u64 clock_now(struct clock *c);

/* Deadline of the earliest timer, CLOCK_NEVER if none. */
u64 clock_next(const struct clock *c);

/* Fires what is due, in order of (when, seq). Real time: at most what the catch-up rule
 * allows now. Returns true if anything fired. Run loop only, which calls it at least every
 * 100 ms while the guest runs: longer gaps count as the host's and are held. */
bool clock_run(struct clock *c);

/* Counted: moves guest time to `when` without executing (HLT). Nothing in real time. */
void clock_skip_to(struct clock *c, u64 when);

/* Real: how long the host may sleep until clock_run() has something to do (0: now). */
u64 clock_sleep_ns(struct clock *c);

/* Real: guest time stands between hold and release; nested calls are not counted. */
void clock_hold(struct clock *c);
void clock_release(struct clock *c);

/* Counted: retired count at which the next deadline is reached (UINT64_MAX: never). */
u64 clock_budget(struct clock *c);

void timer_init(struct timer *t, struct clock *c, timer_fn *fn, void *dev, const char *name);
/* Arms (or re-arms) for an absolute time; a time in the past fires at the next clock_run. */
void timer_at(struct timer *t, u64 when);
void timer_off(struct timer *t);
/* For loading: arms with a known order of arming. */
void timer_restore(struct timer *t, u64 when, u64 seq);
static inline bool timer_armed(const struct timer *t) { return t->when != CLOCK_NEVER; }

/* floor(a * b / c) without overflow in between; c != 0 and the result must fit. */
u64 muldiv64(u64 a, u64 b, u64 c);

#endif
