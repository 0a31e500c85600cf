/* SPDX-License-Identifier: MIT */
/* The clock and its timer queue (core/clock.h; docs/how-it-works.md, "Time").
 *
 * One rule serves all sources: clock_now() never passes the earliest deadline before that timer
 * was fired, so that every callback can run with the clock standing at its own deadline and time
 * still never goes back.
 *
 * Real time. With h the host's monotonic clock,
 *     ideal(h) = h + offset                  where the guest ought to be
 *     fast(h)  = anchor_guest + 2 * (h - anchor_host)
 *     now(h)   = min(ideal, fast, next deadline)
 * The anchor is where the last timer fired. A machine that keeps up sees `ideal`; one that is
 * behind gets on from deadline to deadline at twice real speed at most. Held time moves offset
 * and anchor alike, so neither jumps. */
#include "core/clock.h"

#include "core/xalloc.h"

#define HOST_GAP_NS 250000000ull

/* ---- timer queue: a binary heap by (when, seq) ---- */

static bool earlier(const struct timer *a, const struct timer *b)
{
    return a->when != b->when ? a->when < b->when : a->seq < b->seq;
}

static void place(struct clock *c, unsigned pos, struct timer *t)
{
    c->heap[pos] = t;
    t->heap_pos = (int)pos;
}

static void sift_up(struct clock *c, unsigned pos, struct timer *t)
{
    while (pos) {
        unsigned up = (pos - 1) / 2;
        if (!earlier(t, c->heap[up]))
            break;
        place(c, pos, c->heap[up]);
        pos = up;
    }
    place(c, pos, t);
}

static void sift_down(struct clock *c, unsigned pos, struct timer *t)
{
    for (;;) {
        unsigned kid = 2 * pos + 1;
        if (kid >= c->heap_len)
            break;
        if (kid + 1 < c->heap_len && earlier(c->heap[kid + 1], c->heap[kid]))
            kid++;
        if (!earlier(c->heap[kid], t))
            break;
        place(c, pos, c->heap[kid]);
        pos = kid;
    }
    place(c, pos, t);
}

static void heap_insert(struct clock *c, struct timer *t)
{
    if (c->heap_len == c->heap_cap) {
        c->heap_cap = c->heap_cap ? c->heap_cap * 2 : 32;
        c->heap = xrealloc(c->heap, c->heap_cap * sizeof(*c->heap));
    }
    sift_up(c, c->heap_len++, t);
}

static void dequeue(struct timer *t)
{
    struct clock *c = t->clock;
    if (t->heap_pos >= 0) {
        unsigned pos = (unsigned)t->heap_pos;
        struct timer *last = c->heap[--c->heap_len];
        if (last != t) {
            if (pos && earlier(last, c->heap[(pos - 1) / 2]))
                sift_up(c, pos, last);
            else
                sift_down(c, pos, last);
        }
    } else if (t->heap_pos <= -2) {
        c->late[-2 - t->heap_pos] = NULL;
    }
    t->heap_pos = -1;
}

static void enqueue(struct timer *t)
{
    struct clock *c = t->clock;
    /* A callback that arms for a time that is not after the clock would fire again at once, and
     * perhaps for ever: the guest gets its turn first. */
    if (c->firing && t->when <= c->firing_at) {
        if (c->late_len == c->late_cap) {
            c->late_cap = c->late_cap ? c->late_cap * 2 : 8;
            c->late = xrealloc(c->late, c->late_cap * sizeof(*c->late));
        }
        t->heap_pos = -2 - (int)c->late_len;
        c->late[c->late_len++] = t;
        return;
    }
    heap_insert(c, t);
    if (t->heap_pos == 0 && !c->firing && c->on_earlier)
        c->on_earlier(c->on_earlier_to);
}

static void queue_late(struct clock *c)
{
    for (unsigned i = 0; i < c->late_len; i++)
        if (c->late[i])
            heap_insert(c, c->late[i]);
    c->late_len = 0;
}

void timer_init(struct timer *t, struct clock *c, timer_fn *fn, void *dev, const char *name)
{
    t->when = CLOCK_NEVER;
    t->seq = 0;
    t->fn = fn;
    t->dev = dev;
    t->name = name;
    t->heap_pos = -1;
    t->clock = c;
}

void timer_restore(struct timer *t, u64 when, u64 seq)
{
    dequeue(t);
    t->when = when;
    t->seq = seq;
    if (seq >= t->clock->next_seq)
        t->clock->next_seq = seq + 1;
    if (when != CLOCK_NEVER)
        enqueue(t);
}

void timer_at(struct timer *t, u64 when)
{
    if (when == CLOCK_NEVER) {
        timer_off(t);
        return;
    }
    timer_restore(t, when, t->clock->next_seq);
}

void timer_off(struct timer *t)
{
    dequeue(t);
    t->when = CLOCK_NEVER;
}

/* ---- the clock ---- */

void clock_init(struct clock *c, enum clock_source source, u32 ns_per_insn, const u64 *retired,
                u64 (*host_ns)(void *), void *host)
{
    memset(c, 0, sizeof(*c));
    c->source = source;
    c->ns_per_insn = ns_per_insn ? ns_per_insn : 1;
    c->retired = retired;
    c->host_ns = host_ns;
    c->host = host;
    clock_restore(c, 0);
}

void clock_free(struct clock *c)
{
    /* Timers live in chips that may be released after us: leave none pointing into the queue. */
    for (unsigned i = 0; i < c->heap_len; i++)
        c->heap[i]->heap_pos = -1;
    xfree(c->heap);
    xfree(c->late);
    c->heap = c->late = NULL;
    c->heap_len = c->heap_cap = c->late_len = c->late_cap = 0;
}

void clock_restore(struct clock *c, u64 now)
{
    c->floor = now;
    if (c->source == CLOCK_REAL) {
        u64 host = c->host_ns(c->host);
        c->offset = now - host;
        c->anchor_host = c->last_host = host;
        c->anchor_guest = now;
        c->last_fire_host = host - CLOCK_MIN_GAP_NS;
    } else {
        c->offset = now;
        c->base_retired = *c->retired;
    }
}

static u64 counted_raw(const struct clock *c)
{
    return c->offset + (*c->retired - c->base_retired) * c->ns_per_insn;
}

/* Takes `gap` of the host's time out of the guest's. */
static void hold_gap(struct clock *c, u64 gap)
{
    c->offset -= gap;
    c->anchor_host += gap;
    c->held_ns += gap;
}

/* The host's clock; a gap that nobody planned (a suspended or starved process) is held. */
static u64 host_tick(struct clock *c)
{
    u64 host = c->host_ns(c->host);
    /* last_host lies ahead of the host's clock after clock_sleep_ns() planned a sleep. */
    if (host > c->last_host && host - c->last_host > HOST_GAP_NS)
        hold_gap(c, host - c->last_host);
    c->last_host = host;
    return host;
}

/* Guest time that real time allows at `host`, whatever the deadlines. */
static u64 real_raw(const struct clock *c, u64 host)
{
    u64 ideal = host + c->offset;
    u64 since = host > c->anchor_host ? host - c->anchor_host : 0;
    u64 fast = c->anchor_guest + 2 * since;
    return MIN(ideal, fast);
}

u64 clock_next(const struct clock *c)
{
    return c->heap_len ? c->heap[0]->when : CLOCK_NEVER;
}

u64 clock_now(struct clock *c)
{
    if (c->firing)
        return c->firing_at;
    if (c->holding)
        return c->floor;
    u64 raw = c->source == CLOCK_REAL ? real_raw(c, host_tick(c)) : counted_raw(c);
    u64 now = MIN(raw, clock_next(c));
    if (now > c->floor)
        c->floor = now;
    return c->floor;
}

/* Fires the earliest timer with the clock standing at `at`. */
static void fire_one(struct clock *c, u64 at)
{
    struct timer *t = c->heap[0];
    u64 late = at - t->when;

    dequeue(t);
    t->when = CLOCK_NEVER;
    c->floor = c->firing_at = at;
    c->firing = true;
    t->fn(t->dev, late);
    c->firing = false;
}

static bool run_counted(struct clock *c)
{
    bool fired = false;
    u64 now = counted_raw(c);

    while (c->heap_len && c->heap[0]->when <= MAX(now, c->floor)) {
        fire_one(c, MAX(c->heap[0]->when, c->floor));
        fired = true;
    }
    return fired;
}

static bool run_real(struct clock *c)
{
    if (c->holding || !c->heap_len)
        return false;
    u64 host = host_tick(c);
    u64 at = MAX(c->heap[0]->when, c->floor);
    if (MAX(real_raw(c, host), c->floor) < at || host - c->last_fire_host < CLOCK_MIN_GAP_NS)
        return false;

    /* One deadline per call, with all that share it. */
    while (c->heap_len && c->heap[0]->when <= at)
        fire_one(c, at);
    host = host_tick(c);
    c->last_fire_host = c->anchor_host = host;
    c->anchor_guest = at;
    return true;
}

bool clock_run(struct clock *c)
{
    if (c->firing)
        return false;
    bool fired = c->source == CLOCK_REAL ? run_real(c) : run_counted(c);
    queue_late(c);
    return fired;
}

void clock_skip_to(struct clock *c, u64 when)
{
    if (c->source == CLOCK_REAL || when == CLOCK_NEVER)
        return;
    u64 now = counted_raw(c);
    if (when > now)
        c->offset += when - now;
}

u64 clock_sleep_ns(struct clock *c)
{
    if (c->source != CLOCK_REAL) {
        u64 now = counted_raw(c), next = clock_next(c);
        return next == CLOCK_NEVER ? CLOCK_NEVER : next > now ? next - now : 0;
    }
    if (c->holding)
        return CLOCK_NEVER;
    u64 host = host_tick(c), next = clock_next(c), sleep = CLOCK_NEVER;
    if (next != CLOCK_NEVER) {
        u64 ideal = host + c->offset;
        sleep = next > ideal ? next - ideal : 0;
        if (next > c->anchor_guest) {
            u64 fast = c->anchor_host + (next - c->anchor_guest + 1) / 2;
            if (fast > host)
                sleep = MAX(sleep, fast - host);
        }
        u64 since = host - c->last_fire_host;
        if (since < CLOCK_MIN_GAP_NS)
            sleep = MAX(sleep, CLOCK_MIN_GAP_NS - since);
    }
    /* A sleep as long as this is no gap. */
    c->last_host = sleep > CLOCK_NEVER - host ? CLOCK_NEVER : host + sleep;
    return sleep;
}

void clock_hold(struct clock *c)
{
    if (c->holding)
        return;
    if (c->source == CLOCK_REAL)
        clock_now(c); /* sets floor and last_host, where time stands */
    c->holding = c->source == CLOCK_REAL;
}

void clock_release(struct clock *c)
{
    if (!c->holding)
        return;
    u64 host = c->host_ns(c->host);
    if (host > c->last_host)
        hold_gap(c, host - c->last_host);
    c->last_host = host;
    c->holding = false;
}

u64 clock_budget(struct clock *c)
{
    u64 next = clock_next(c);
    if (next == CLOCK_NEVER)
        return UINT64_MAX;
    if (next <= c->offset)
        return c->base_retired;
    u64 ns = next - c->offset;
    return c->base_retired + ns / c->ns_per_insn + (ns % c->ns_per_insn != 0);
}

u64 muldiv64(u64 a, u64 b, u64 c)
{
    /* Schoolbook in 32-bit halves: product in two words, then long division. */
    u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32;
    u64 ll = al * bl, lh = al * bh, hl = ah * bl, hh = ah * bh;
    u64 mid = (ll >> 32) + (u32)lh + (u32)hl;
    u64 lo = (mid << 32) | (u32)ll;
    u64 hi = hh + (lh >> 32) + (hl >> 32) + (mid >> 32);

    if (!hi)
        return lo / c;
    u64 rem = hi % c, quot = 0;
    for (int i = 63; i >= 0; i--) {
        bool carry = rem >> 63;
        rem = rem << 1 | ((lo >> i) & 1);
        quot <<= 1;
        if (carry || rem >= c) {
            rem -= c;
            quot |= 1;
        }
    }
    return quot;
}
