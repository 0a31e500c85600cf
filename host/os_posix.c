/* SPDX-License-Identifier: MIT */
/* Time, events, threads, memory and the terminal on POSIX with Linux's eventfd and memfd
 * (host/os.h). */
#define _GNU_SOURCE
#include "host/os.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "core/xalloc.h"

/* ---- time ---- */

static u64 clock_ns(clockid_t id)
{
    struct timespec ts;
    clock_gettime(id, &ts);
    return (u64)ts.tv_sec * 1000000000ull + (u64)ts.tv_nsec;
}

u64 os_mono_ns(void *unused)
{
    (void)unused;
    return clock_ns(CLOCK_MONOTONIC);
}

i64 os_wall_ns(void)
{
    return (i64)clock_ns(CLOCK_REALTIME);
}

i64 os_zone_offset(i64 utc_seconds)
{
    time_t t = (time_t)utc_seconds;
    struct tm tm;
    return localtime_r(&t, &tm) ? tm.tm_gmtoff : 0;
}

static struct timespec to_timespec(u64 ns)
{
    return (struct timespec){ (time_t)(ns / 1000000000ull), (long)(ns % 1000000000ull) };
}

void os_sleep_ns(u64 ns)
{
    struct timespec ts = to_timespec(ns);
    while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
        ;
}

void os_precise_sleep(void)
{
    prctl(PR_SET_TIMERSLACK, 1000ul, 0ul, 0ul, 0ul);
}

/* ---- events ---- */

struct os_event {
    int fd;
};

struct os_event *os_event_new(void)
{
    int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (fd < 0)
        return NULL;
    struct os_event *ev = xcalloc(1, sizeof(*ev));
    ev->fd = fd;
    return ev;
}

void os_event_free(struct os_event *ev)
{
    if (!ev)
        return;
    close(ev->fd);
    xfree(ev);
}

void os_event_signal(struct os_event *ev)
{
    int saved = errno; /* for callers in signal handlers */
    u64 one = 1;
    ssize_t n = write(ev->fd, &one, sizeof(one)); /* full: it is signalled already */
    (void)n;
    errno = saved;
}

void os_event_clear(struct os_event *ev)
{
    u64 count;
    ssize_t n = read(ev->fd, &count, sizeof(count));
    (void)n;
}

int os_event_fd(const struct os_event *ev)
{
    return ev->fd;
}

bool os_event_wait(struct os_event *ev, u64 timeout_ns)
{
    struct pollfd p = { ev->fd, POLLIN, 0 };
    u64 start = os_mono_ns(NULL), left = timeout_ns;

    for (;;) {
        struct timespec ts = to_timespec(left);
        int n = ppoll(&p, 1, timeout_ns == UINT64_MAX ? NULL : &ts, NULL);
        if (n > 0) {
            os_event_clear(ev);
            return true;
        }
        if (n == 0 || errno != EINTR)
            return false;
        if (timeout_ns != UINT64_MAX) {
            u64 gone = os_mono_ns(NULL) - start;
            left = gone < timeout_ns ? timeout_ns - gone : 0;
        }
    }
}

/* ---- threads ---- */

struct os_thread {
    pthread_t id;
    void (*fn)(void *arg);
    void *arg;
};
struct os_mutex { pthread_mutex_t m; };
struct os_cond { pthread_cond_t c; };

static void *thread_main(void *arg)
{
    struct os_thread *t = arg;
    t->fn(t->arg);
    return NULL;
}

struct os_thread *os_thread_start(void (*fn)(void *arg), void *arg, const char *name)
{
    struct os_thread *t = xcalloc(1, sizeof(*t));
    sigset_t all, old;
    t->fn = fn;
    t->arg = arg;
    /* Signals are the front end's; a worker must not take them. */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int failed = pthread_create(&t->id, NULL, thread_main, t);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (failed) {
        xfree(t);
        return NULL;
    }
    char short_name[16] = "";
    memcpy(short_name, name, MIN(strlen(name), sizeof(short_name) - 1));
    pthread_setname_np(t->id, short_name);
    return t;
}

u64 os_thread_self(void)
{
    return (u64)(uintptr_t)pthread_self();
}

void os_thread_join(struct os_thread *t)
{
    if (!t)
        return;
    pthread_join(t->id, NULL);
    xfree(t);
}

struct os_mutex *os_mutex_new(void)
{
    struct os_mutex *m = xcalloc(1, sizeof(*m));
    pthread_mutex_init(&m->m, NULL);
    return m;
}

void os_mutex_free(struct os_mutex *m)
{
    if (!m)
        return;
    pthread_mutex_destroy(&m->m);
    xfree(m);
}

void os_mutex_lock(struct os_mutex *m)
{
    pthread_mutex_lock(&m->m);
}

void os_mutex_unlock(struct os_mutex *m)
{
    pthread_mutex_unlock(&m->m);
}

struct os_cond *os_cond_new(void)
{
    struct os_cond *c = xcalloc(1, sizeof(*c));
    pthread_cond_init(&c->c, NULL);
    return c;
}

void os_cond_free(struct os_cond *c)
{
    if (!c)
        return;
    pthread_cond_destroy(&c->c);
    xfree(c);
}

void os_cond_wait(struct os_cond *c, struct os_mutex *m)
{
    pthread_cond_wait(&c->c, &m->m);
}

void os_cond_broadcast(struct os_cond *c)
{
    pthread_cond_broadcast(&c->c);
}

/* ---- memory ---- */

static void ram_release(struct ram_object *obj)
{
    if (obj->base)
        munmap(obj->base, (size_t)obj->size);
    if (obj->fd >= 0)
        close(obj->fd);
    obj->base = NULL;
    obj->fd = -1;
}

static void ram_punch(struct ram_object *obj, u64 off, u64 len)
{
    int failed;
    if (obj->fd >= 0)
        failed = fallocate(obj->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)off,
                           (off_t)len);
    else
        failed = madvise(obj->base + off, (size_t)len, MADV_DONTNEED);
    if (failed)
        memset(obj->base + off, 0, (size_t)len);
}

bool os_ram_new(struct ram_object *obj, u64 size, struct err *e)
{
    void *p = MAP_FAILED;
    int fd = -1;

    if (size && size == (size_t)size && !(size & PAGE_MASK)) {
        fd = memfd_create("nestbox-ram", MFD_CLOEXEC);
        if (fd >= 0 && !ftruncate(fd, (off_t)size))
            p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, fd, 0);
        if (p == MAP_FAILED) {
            if (fd >= 0)
                close(fd);
            fd = -1;
            p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        }
    }
    if (p == MAP_FAILED)
        return err_set(e, ERR_RESOURCE,
                       "the host has no %llu MB of memory for the guest: choose a smaller -m",
                       (unsigned long long)(size >> 20));
    *obj = (struct ram_object){ p, size, fd, ram_release, ram_punch };
    return true;
}

/* ---- terminal ----
 * The one piece of state in this library that belongs to the process and not to a machine, because
 * the terminal does: whatever ends the process must put it back. */

static struct {
    struct termios saved;
    int fd;
    volatile sig_atomic_t raw;
    bool hooked;
} tty;

void os_tty_restore(void)
{
    if (!tty.raw)
        return;
    tty.raw = 0;
    tcsetattr(tty.fd, TCSANOW, &tty.saved); /* async-signal-safe */
}

static void on_abort(int sig)
{
    os_tty_restore();
    signal(sig, SIG_DFL);
    raise(sig);
}

bool os_tty_raw(int fd)
{
    struct termios t;

    if (!isatty(fd) || tcgetpgrp(fd) != getpgrp() || tcgetattr(fd, &t))
        return false;
    if (!tty.raw) {
        tty.saved = t;
        tty.fd = fd;
    }
    t.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    t.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN | ISIG);
    t.c_cflag = (t.c_cflag & ~(tcflag_t)(CSIZE | PARENB)) | CS8;
    t.c_oflag |= OPOST; /* messages of ours end in a bare newline */
    t.c_cc[VMIN] = 1;
    t.c_cc[VTIME] = 0;
    if (!tty.hooked) {
        struct sigaction old, sa = { .sa_handler = on_abort };
        tty.hooked = true;
        atexit(os_tty_restore);
        if (!sigaction(SIGABRT, NULL, &old) && old.sa_handler == SIG_DFL)
            sigaction(SIGABRT, &sa, NULL);
    }
    tty.raw = 1;
    if (tcsetattr(fd, TCSANOW, &t)) {
        tty.raw = 0;
        return false;
    }
    return true;
}
