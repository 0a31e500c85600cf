/* SPDX-License-Identifier: MIT */
/* Log classes, the sink, the event ring, and the register of what is not modelled.
 * One struct log per machine; used on the machine thread only. */
#ifndef NB_CORE_LOG_H
#define NB_CORE_LOG_H

#include "core/types.h"

enum log_class {
    LOG_GUEST,  /* the guest did something that no manual allows */
    LOG_UNIMP,  /* the guest used something that we do not model */
    LOG_REG,    /* register accesses */
    LOG_IRQ,    /* line changes and deliveries */
    LOG_INT,    /* -d int: interrupts and exceptions */
    LOG_EXEC,   /* -d exec */
    LOG_CPU,    /* -d cpu */
    LOG_MMU,    /* -d mmu */
    LOG_IN_ASM, /* -d in_asm: blocks that are decoded */
    LOG_OUT_ASM,/* -d out_asm, -d op: what the translator makes of them */
    LOG_OP,
    LOG_INFO,   /* what the machine does: reset, media change */
    LOG_WARN,   /* trouble with the host: always shown */
    LOG_NUM_CLASSES
};

typedef void log_sink_fn(void *to, enum log_class cls, const char *line);

struct log_site; /* private: counts per message site, for rate limits */

struct log {
    u32 mask;           /* BIT(class) of what goes to the sink; LOG_WARN always does */
    log_sink_fn *sink;  /* NULL: dropped */
    void *sink_to;
    /* private */
    struct log_event { u64 ns; char text[96]; } *ring;
    unsigned ring_pos, ring_len;
    struct log_unimp { char key[96]; u64 count; } *unimp;
    unsigned num_unimp, cap_unimp;
    struct log_site *sites;
    const u64 *now; /* time stamp source, may be NULL */
};

void log_init(struct log *log);
void log_free(struct log *log);

static inline bool log_on(const struct log *log, enum log_class cls)
{
    return unlikely(log && ((log->mask | BIT(LOG_WARN)) & BIT(cls)));
}

void log_write(struct log *log, enum log_class cls, const char *fmt, ...) NB_PRINTF(3, 4);

/* LOG(log, CLASS, "fmt", ...): off costs one load and one branch. */
#define LOG(log, cls, ...) \
    do { \
        if (log_on(log, LOG_##cls)) \
            log_write(log, LOG_##cls, __VA_ARGS__); \
    } while (0)

/* Guest errors: counted, and at most 8 lines per format go to the sink, then powers of two. */
void log_guest(struct log *log, const char *who, const char *fmt, ...) NB_PRINTF(3, 4);

/* Not modelled: the first use of each resulting text is logged, all uses are counted;
 * `info unimp` lists them. The text must have bounded variety (no data values in it):
 * at most 1,024 different ones are kept. */
void log_unimp(struct log *log, const char *who, const char *fmt, ...) NB_PRINTF(3, 4);

/* Our own bug: prints the event ring and the text to the sink, then aborts the process. */
void bug_at(struct log *log, const char *file, int line, const char *fmt, ...)
    NB_PRINTF(4, 5) NB_NORETURN;
#define bug(log, ...) bug_at(log, __FILE__, __LINE__, __VA_ARGS__)

#endif
