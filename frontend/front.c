/* SPDX-License-Identifier: MIT */
#include "frontend/front.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/gdb.h"
#include "frontend/script.h"
#include "frontend/shot.h"
#include "frontend/tty.h"

#define SLICE_NS 50000000ull      /* between two looks of a script */
#define SERVE_NS 10000000ull      /* ... at services that are ending */

bool front_init(struct front *f, const struct opts *o)
{
    *f = (struct front){ .o = o, .stop_pipe = { -1, -1 }, .log = stderr };
    if (o->pidfile && !pidfile_take(&f->pidfile, o->pidfile))
        return false;
    if (pipe(f->stop_pipe) < 0) {
        fprintf(stderr, "nestbox: pipe: %s\n", strerror(errno));
        return false;
    }
    if (o->log_file) {
        f->log = fopen(o->log_file, "w");
        if (!f->log) {
            fprintf(stderr, "nestbox: -D %s: %s\n", o->log_file, strerror(errno));
            return false;
        }
        setvbuf(f->log, NULL, _IOLBF, 0);
    }
    return true;
}

void front_free(struct front *f)
{
    for (int k = 0; k < 2; k++)
        if (f->stop_pipe[k] >= 0)
            close(f->stop_pipe[k]);
    if (f->log && f->log != stderr)
        fclose(f->log);
    if (f->log_lost)
        fprintf(stderr, "nestbox: %lu log lines were not shown; -D FILE keeps them\n", f->log_lost);
    pidfile_drop(&f->pidfile);
}

void front_ready(struct front *f)
{
    if (*f->tell_fd < 0)
        return;
    daemon_quiet();
    daemon_tell(f->tell_fd, 0);
}

void front_log(void *front, const char *line)
{
    struct front *f = front;

    if (f->log)
        fprintf(f->log, f->log == stderr ? "nestbox: %s\n" : "%s\n", line);
    else
        f->log_lost++;
}

void front_say(struct front *f, const char *fmt, ...)
{
    va_list ap;
    char line[640];

    va_start(ap, fmt);
    vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    if (f->log && f->log != stderr)
        fprintf(f->log, "nestbox: %s\n", line);
    fprintf(stderr, "nestbox: %s\n", line);
}

bool front_write(int fd, int stop_fd, const void *data, size_t len)
{
    const char *p = data;

    while (len) {
        ssize_t n = write(fd, p, len);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
            continue;
        }
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK)
            return false;
        struct pollfd pf[2] = { { fd, POLLOUT, 0 }, { stop_fd, POLLIN, 0 } };
        if (poll(pf, stop_fd >= 0 ? 2 : 1, -1) < 0 && errno != EINTR)
            return false;
        if (pf[1].revents)
            return false;
    }
    return true;
}

/* ---- services */

struct service_start {
    struct front *f;
    void *(*fn)(void *arg);
    void *arg;
};

static void *service_thread(void *arg)
{
    struct service_start s = *(struct service_start *)arg;

    free(arg);
    s.fn(s.arg);
    atomic_fetch_sub(&s.f->services_alive, 1);
    return NULL;
}

bool front_service(struct front *f, void *(*fn)(void *arg), void *arg)
{
    struct service_start *s = front_alloc(sizeof *s);
    sigset_t all, old;

    if (f->num_services == FRONT_MAX_SERVICES)
        return false;
    *s = (struct service_start){ f, fn, arg };
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, &old);
    atomic_fetch_add(&f->services_alive, 1);
    int rc = pthread_create(&f->service[f->num_services], NULL, service_thread, s);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    if (rc) {
        atomic_fetch_sub(&f->services_alive, 1);
        free(s);
        fprintf(stderr, "nestbox: no thread: %s\n", strerror(rc));
        return false;
    }
    f->num_services++;
    return true;
}

int front_stop_fd(const struct front *f)
{
    return f->stop_pipe[0];
}

/* ---- signals */

static void signal_set(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGTERM);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGHUP);
    sigaddset(set, SIGQUIT);
    sigaddset(set, SIGUSR2); /* ours: ends the thread that waits for the others */
}

void front_block_signals(void)
{
    sigset_t set;

    signal_set(&set);
    pthread_sigmask(SIG_BLOCK, &set, NULL);
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a write behind the limit fails with EFBIG instead */
}

#define SHUTDOWN_SECONDS 10

/* A thread that waits needs no handler and no flag that a handler could reach. */
static void *signal_thread(void *arg)
{
    struct front *f = arg;
    enum { NOTHING, BUTTON, QUIT } asked = NOTHING;
    const struct timespec patience = { SHUTDOWN_SECONDS, 0 };
    sigset_t set;

    signal_set(&set);
    for (;;) {
        int sig = asked == BUTTON ? sigtimedwait(&set, NULL, &patience) : sigwaitinfo(&set, NULL);
        if (sig < 0 && errno == EINTR)
            continue;
        if (sig == SIGUSR2 && atomic_load(&f->over))
            break;
        if (sig == SIGUSR2)
            continue;
        if (asked == QUIT) { /* no answer */
            tty_restore(f->tty);
            pidfile_drop(&f->pidfile);
            _exit(128 + sig);
        }
        /* SIGTERM is the power button to a system that listens to it */
        if (asked == NOTHING && sig == SIGTERM) {
            asked = BUTTON;
            nb_shutdown(f->m);
        } else {
            asked = QUIT;
            nb_quit(f->m);
        }
    }
    return NULL;
}

bool front_catch_signals(struct front *f)
{
    return front_service(f, signal_thread, f);
}

/* ---- the end */

static void final_shot(struct front *f)
{
    char why[200];

    if (f->o->screendump && !shot_file(f->m, f->o->screendump, NULL, why, sizeof why)) {
        front_say(f, "-screendump %s", why);
        if (!f->status)
            f->status = 2;
    }
    if (f->o->print_screen) {
        char *text = nb_screen_text(f->m);
        fputs(text, stdout);
        if (*text && text[strlen(text) - 1] != '\n')
            putchar('\n');
        nb_string_free(text);
        fflush(stdout);
    }
}

/* What the machine's end means for the program's exit status. */
static int status_of(struct front *f, enum nb_stop why)
{
    struct nb_error e = { 0 };

    switch (why) {
    case NB_EXIT:
        return nb_exit_code(f->m) & 0xff;
    case NB_SHUTDOWN:
        front_say(f, "triple fault: the guest stopped itself");
        return 3;
    case NB_BUG:
        front_say(f, "the translator and the interpreter differ: the report is above, or in the log");
        return 6;
    case NB_STOP_AT:
        if (f->o->savevm && !nb_save(f->m, f->o->savevm, &e)) {
            front_say(f, "-savevm %s: %s", f->o->savevm, e.text);
            return e.code ? e.code : 2;
        }
        return 0;
    default:
        return 0;
    }
}

/* Everything that the machine's state is needed for. */
static void finish(struct front *f, enum nb_stop why)
{
    f->why = why;
    f->status = status_of(f, why);
    if (f->script)
        f->status = script_end(f->script, f->status);
    final_shot(f);
    if (f->o->hash)
        fprintf(f->log ? f->log : stderr, "trace hash %016llx at %llu instructions\n",
                (unsigned long long)nb_trace_hash(f->m, true),
                (unsigned long long)nb_retired(f->m));
    atomic_store(&f->over, true);
    if (f->gdb)
        gdb_stopped(f->gdb, why);
    close(f->stop_pipe[1]);
    f->stop_pipe[1] = -1;
    kill(getpid(), SIGUSR2);
    nb_pause(f->m);
    /* A service may wait for an answer to its last call. */
    while (atomic_load(&f->services_alive))
        nb_run(f->m, SERVE_NS);
    for (unsigned k = 0; k < f->num_services; k++)
        pthread_join(f->service[k], NULL);
    f->num_services = 0;
    if (f->wake_ui)
        f->wake_ui(f->ui);
}

void front_end(struct front *f, enum nb_stop why)
{
    atomic_store(&f->forced_stop, (int)why + 1);
    nb_quit(f->m);
}

/* true: the run goes on. */
static bool goes_on(struct front *f, enum nb_stop *why)
{
    int forced = atomic_load(&f->forced_stop);

    switch (*why) {
    case NB_TIMEOUT:
        break;
    case NB_PAUSED:
    case NB_BREAK:
    case NB_WATCH:
        if (*why != NB_PAUSED)
            nb_pause(f->m); /* nb_run() then waits for whoever set it */
        if (f->gdb)
            gdb_stopped(f->gdb, *why);
        break;
    case NB_IO_ERROR:
        front_say(f, "a disk failed, the machine is paused: make room, then \"cont\" in the "
                  "monitor (\"info block\" names the disk)");
        if (f->script) {
            script_fail(f->script, "a disk failed");
            return false;
        }
        if (f->gdb)
            gdb_stopped(f->gdb, *why);
        break;
    default:
        if (*why == NB_QUIT && forced)
            *why = (enum nb_stop)(forced - 1);
        return false;
    }
    if (f->script && !script_poll(f->script)) {
        *why = NB_QUIT;
        return false;
    }
    return true;
}

void front_run(struct front *f)
{
    enum nb_stop why = NB_TIMEOUT;

    if (f->o->start_paused)
        nb_pause(f->m);
    if (!f->script || script_poll(f->script)) {
        do
            why = nb_run(f->m, f->script ? SLICE_NS : 0);
        while (goes_on(f, &why));
    } else {
        why = NB_QUIT;
    }
    finish(f, why);
}
