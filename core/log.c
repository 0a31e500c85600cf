/* SPDX-License-Identifier: MIT */
/* Log classes, event ring and the register of what is not modelled (core/log.h).
 *
 * Whatever a guest does must not flood a disk or slow the host: guest errors are limited per
 * format, unmodelled features are kept in a bounded sorted table, and a message that goes nowhere
 * is not formatted. */
#include "core/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/xalloc.h"

#define RING_LEN 1024u
#define MAX_UNIMP 1024u
#define MAX_SITES 1024u /* formats in this program times devices: far fewer */
#define GUEST_LINES 8u

/* Messages are counted per format and speaker. Both are string constants or live as long as the
 * device, so pointers identify them. */
struct log_site {
    const char *fmt, *who;
    u64 count;
};

void log_init(struct log *log)
{
    memset(log, 0, sizeof(*log));
    log->mask = BIT(LOG_WARN);
    log->ring = xcalloc(RING_LEN, sizeof(*log->ring));
}

void log_free(struct log *log)
{
    xfree(log->ring);
    xfree(log->unimp);
    xfree(log->sites);
    memset(log, 0, sizeof(*log));
}

static void emit(struct log *log, enum log_class cls, bool show, const char *line)
{
    if (log->ring) {
        struct log_event *ev = &log->ring[log->ring_pos];
        ev->ns = log->now ? *log->now : 0;
        size_t n = MIN(strlen(line), sizeof(ev->text) - 1);
        memcpy(ev->text, line, n);
        ev->text[n] = 0;
        log->ring_pos = (log->ring_pos + 1) % RING_LEN;
        if (log->ring_len < RING_LEN)
            log->ring_len++;
    }
    if (show && log->sink)
        log->sink(log->sink_to, cls, line);
}

static bool shown(const struct log *log, enum log_class cls)
{
    return ((log->mask | BIT(LOG_WARN)) & BIT(cls)) != 0;
}

void log_write(struct log *log, enum log_class cls, const char *fmt, ...)
{
    char line[512];
    if (!log)
        return;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(line, sizeof(line), fmt, ap);
    va_end(ap);
    emit(log, cls, shown(log, cls), line);
}

/* "who: text"; a truncated line stays a line. */
static void format(char *line, size_t size, const char *who, const char *fmt, va_list ap)
    NB_VPRINTF(4);
static void format(char *line, size_t size, const char *who, const char *fmt, va_list ap)
{
    int n = who ? snprintf(line, size, "%s: ", who) : 0;
    size_t at = MIN((size_t)(n < 0 ? 0 : n), size - 1);
    vsnprintf(line + at, size - at, fmt, ap);
}

static u64 count_site(struct log *log, const char *who, const char *fmt)
{
    if (!log->sites)
        log->sites = xcalloc(MAX_SITES, sizeof(*log->sites));
    size_t h = ((uintptr_t)fmt >> 1) ^ ((uintptr_t)who << 3);
    for (unsigned i = 0; i < 32; i++) {
        struct log_site *s = &log->sites[(h + i) % MAX_SITES];
        if (!s->fmt) {
            s->fmt = fmt;
            s->who = who;
        }
        if (s->fmt == fmt && s->who == who)
            return ++s->count;
    }
    return UINT64_MAX; /* crowded: count nothing, print nothing */
}

void log_guest(struct log *log, const char *who, const char *fmt, ...)
{
    if (!log)
        return;
    u64 n = count_site(log, who, fmt);
    if (n > GUEST_LINES && (n & (n - 1)))
        return;

    char line[512], more[560];
    va_list ap;
    va_start(ap, fmt);
    format(line, sizeof(line), who, fmt, ap);
    va_end(ap);
    if (n > GUEST_LINES)
        snprintf(more, sizeof(more), "%s (%llu times)", line, (unsigned long long)n);
    emit(log, LOG_GUEST, shown(log, LOG_GUEST), n > GUEST_LINES ? more : line);
}

void log_unimp(struct log *log, const char *who, const char *fmt, ...)
{
    if (!log)
        return;
    struct log_unimp key = { .count = 1 };
    va_list ap;
    va_start(ap, fmt);
    format(key.key, sizeof(key.key), who, fmt, ap);
    va_end(ap);

    /* Sorted, so that `info unimp` has an order that doesn't depend on the guest's. */
    unsigned lo = 0, hi = log->num_unimp;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        int d = strcmp(log->unimp[mid].key, key.key);
        if (!d) {
            log->unimp[mid].count++;
            return;
        }
        if (d < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (log->num_unimp >= MAX_UNIMP)
        return;
    if (log->num_unimp == log->cap_unimp) {
        log->cap_unimp = log->cap_unimp ? log->cap_unimp * 2 : 32;
        log->unimp = xrealloc(log->unimp, log->cap_unimp * sizeof(*log->unimp));
    }
    memmove(&log->unimp[lo + 1], &log->unimp[lo], (log->num_unimp - lo) * sizeof(*log->unimp));
    log->unimp[lo] = key;
    log->num_unimp++;
    emit(log, LOG_UNIMP, shown(log, LOG_UNIMP), key.key);
}

void bug_at(struct log *log, const char *file, int line, const char *fmt, ...)
{
    if (log && log->sink) {
        char text[512];
        for (unsigned i = 0; i < log->ring_len; i++) {
            const struct log_event *ev =
                &log->ring[(log->ring_pos + RING_LEN - log->ring_len + i) % RING_LEN];
            snprintf(text, sizeof(text), "%llu %s", (unsigned long long)ev->ns, ev->text);
            log->sink(log->sink_to, LOG_WARN, text);
        }
        char what[400];
        va_list ap;
        va_start(ap, fmt);
        vsnprintf(what, sizeof(what), fmt, ap);
        va_end(ap);
        snprintf(text, sizeof(text), "internal error at %.80s:%d: %s", file, line, what);
        log->sink(log->sink_to, LOG_WARN, text);
    }
    abort();
}
