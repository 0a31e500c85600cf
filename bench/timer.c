/* SPDX-License-Identifier: MIT */
/*
 * Starts a program and notes when it prints marks: lines that start with '@'.
 *
 *     timer [-p] [-f FIFO] [-u TEXT] [-m KIB] [-i SECONDS] [-c SECONDS] COMMAND ARGUMENT...
 *
 *     -p          the program runs on a pseudo terminal (80x25), whose output is thrown away
 *                 if there is a FIFO
 *     -f FIFO     the marks come from there, not from the program's standard output
 *     -u TEXT     done when TEXT appears anywhere in the output (default: "@done")
 *     -i SECONDS  when done, wait four seconds more, then take the processor time of this long
 *     -m KIB      when done, take the process's memory less this many KiB
 *     -c SECONDS  the cap: give up then (120)
 *
 * Prints one line for each mark:
 *
 *     FIRST_NS LAST_NS CPU_FIRST_NS CPU_LAST_NS mark words
 *
 * FIRST is when the line's first byte arrived and LAST when its end did, in nanoseconds since the
 * program was started: what follows a mark is timed from LAST, what ends with it to FIRST. CPU is
 * the processor time of the program with all its threads at these moments. When TEXT appeared the
 * words are "=found", then "=idle CPU_NS WALL_NS" or "=memory KIB". In the end: "=end", "=cap" or
 * "=exit STATUS" (ended by itself before TEXT appeared).
 *
 * The program is then ended, with all that it started.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND     1000000000ll
#define LINE_BYTES 512
#define TAIL_BYTES 1024

struct options {
    bool pty;
    const char *fifo;
    const char *until;
    double idle_s;
    long memory_kib; /* -1: not asked for */
    double cap_s;
    char **command;
};

struct run {
    const struct options *opt;
    pid_t pid;
    int out;  /* where marks come from */
    int junk; /* a terminal nobody looks at; -1: none */
    clockid_t cpu_clock;
    int64_t start_ns, cpu_ns; /* the latter: last known */
    bool exited;
    int status;

    char tail[TAIL_BYTES]; /* the last of all output, round and round */
    size_t tail_count;
    char line[LINE_BYTES];
    size_t line_len;
    int64_t line_ns, line_cpu_ns; /* when its first byte came */
    size_t matched;               /* bytes of opt->until seen so far */
    bool matching, found;
};

static void fail(const char *what)
{
    fprintf(stderr, "timer: %s: %s\n", what, strerror(errno));
    exit(2);
}

static int64_t now_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return ts.tv_sec * SECOND + ts.tv_nsec;
}

/* Of the process while it lives; afterwards what was read last. */
static int64_t cpu_now(struct run *r)
{
    struct timespec ts;

    if (!r->exited && clock_gettime(r->cpu_clock, &ts) == 0)
        r->cpu_ns = ts.tv_sec * SECOND + ts.tv_nsec;
    return r->cpu_ns;
}

static void report(struct run *r, int64_t first_ns, int64_t cpu_first_ns, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

static void report(struct run *r, int64_t first_ns, int64_t cpu_first_ns, const char *format, ...)
{
    va_list ap;

    printf("%lld %lld %lld %lld ", (long long)(first_ns - r->start_ns),
           (long long)(now_ns() - r->start_ns), (long long)cpu_first_ns, (long long)cpu_now(r));
    va_start(ap, format);
    vprintf(format, ap);
    va_end(ap);
    putchar('\n');
    fflush(stdout);
}

/* ---- starting ---- */
static void child_start(const struct options *opt, int out, int slave)
{
    int null = open("/dev/null", O_RDWR);

    setsid();
    dup2(slave >= 0 ? slave : null, STDIN_FILENO);
    dup2(out >= 0 ? out : slave >= 0 ? slave : null, STDOUT_FILENO);
    dup2(slave >= 0 ? slave : null, STDERR_FILENO);
    /* Nothing that the timer holds open may keep a pipe alive. */
    for (int fd = 3; fd < 64; fd++)
        close(fd);
    if (slave >= 0)
        setenv("TERM", "linux", 1);
    execvp(opt->command[0], opt->command);
    _exit(127);
}

static void start(struct run *r)
{
    const struct options *opt = r->opt;
    int out[2] = { -1, -1 }, master = -1, slave = -1;
    struct winsize size = { .ws_row = 25, .ws_col = 80 };

    if (opt->pty && openpty(&master, &slave, NULL, NULL, &size) != 0)
        fail("openpty");
    if (opt->fifo) {
        /* For writing too: the program may open and close it as it likes without an end of file. */
        r->out = open(opt->fifo, O_RDWR | O_NONBLOCK | O_CLOEXEC);
        if (r->out < 0)
            fail(opt->fifo);
        r->junk = master;
    } else if (opt->pty) {
        r->out = master;
        r->junk = -1;
    } else {
        if (pipe(out) != 0)
            fail("pipe");
        r->out = out[0];
        r->junk = -1;
    }
    r->start_ns = now_ns();
    r->pid = fork();
    if (r->pid < 0)
        fail("fork");
    if (r->pid == 0)
        child_start(opt, out[1], slave);
    if (slave >= 0)
        close(slave);
    if (out[1] >= 0)
        close(out[1]);
    if (clock_getcpuclockid(r->pid, &r->cpu_clock) != 0)
        fail("clock_getcpuclockid");
}

static bool still_runs(struct run *r)
{
    if (!r->exited && waitpid(r->pid, &r->status, WNOHANG) == r->pid)
        r->exited = true;
    return !r->exited;
}

static void stop(struct run *r)
{
    kill(-r->pid, SIGTERM);
    for (int i = 0; i < 100 && still_runs(r); i++)
        usleep(10000);
    kill(-r->pid, SIGKILL);
    if (!r->exited)
        waitpid(r->pid, &r->status, 0);
}

/* ---- reading ---- */
static void take_byte(struct run *r, char c, int64_t at_ns, int64_t cpu_ns)
{
    const char *until = r->opt->until;

    r->tail[r->tail_count++ % TAIL_BYTES] = c;
    if (c == until[r->matched])
        r->matched++;
    else
        r->matched = c == until[0];
    if (!until[r->matched]) {
        r->matching = true;
        r->matched = 0;
    }
    /* A mark counts when all of its line is there. */
    if (r->matching && (until[0] != '@' || c == '\n'))
        r->found = true;
    if (c == '\n' || c == '\r') {
        r->line[r->line_len] = '\0';
        if (r->line[0] == '@')
            report(r, r->line_ns, r->line_cpu_ns, "%s", r->line + 1);
        r->line_len = 0;
    } else if (r->line_len < sizeof(r->line) - 1) {
        if (r->line_len == 0) {
            r->line_ns = at_ns;
            r->line_cpu_ns = cpu_ns;
        }
        r->line[r->line_len++] = c;
    }
}

/* False at the end of the output. */
static bool take_output(struct run *r)
{
    char buf[4096];
    ssize_t len = read(r->out, buf, sizeof(buf));
    int64_t at_ns = now_ns(), cpu_ns = cpu_now(r);

    if (len < 0)
        return errno == EAGAIN || errno == EINTR;
    for (ssize_t i = 0; i < len; i++)
        take_byte(r, buf[i], at_ns, cpu_ns);
    return len > 0;
}

/* What it said last, to the standard error: the reason why it did not get there. */
static void show_tail(const struct run *r)
{
    size_t from = r->tail_count > TAIL_BYTES ? r->tail_count - TAIL_BYTES : 0;

    fprintf(stderr, "timer: %s ended or was given up; its last output:\n", r->opt->command[0]);
    for (size_t i = from; i < r->tail_count; i++)
        fputc(r->tail[i % TAIL_BYTES], stderr);
    fputc('\n', stderr);
}

static void drop_output(struct run *r)
{
    char buf[4096];

    if (read(r->junk, buf, sizeof(buf)) <= 0) {
        close(r->junk);
        r->junk = -1;
    }
}

/* Reads until the text was found, the time is over or the program has ended. */
static bool read_until(struct run *r, int64_t end_ns)
{
    while (!r->found || end_ns == 0) {
        struct pollfd fds[2] = { { .fd = r->out, .events = POLLIN },
                                 { .fd = r->junk, .events = POLLIN } };
        int64_t left_ms = (end_ns - now_ns()) / 1000000;

        if (left_ms <= 0)
            return true;
        if (poll(fds, 2, left_ms > 200 ? 200 : (int)left_ms) < 0 && errno != EINTR)
            fail("poll");
        if (fds[1].revents)
            drop_output(r);
        if (fds[0].revents) {
            if (!take_output(r)) {
                r->exited = r->exited || waitpid(r->pid, &r->status, 0) == r->pid;
                return false;
            }
        } else if (!still_runs(r)) {
            return false;
        }
    }
    return true;
}

/* ---- what is asked at the end ---- */
static void take_idle(struct run *r)
{
    int64_t from_ns, cpu_from_ns, to_ns;
    struct timespec settle = { 4, 0 };

    nanosleep(&settle, NULL);
    from_ns = now_ns();
    cpu_from_ns = cpu_now(r);
    usleep((useconds_t)(r->opt->idle_s * 1e6));
    to_ns = now_ns();
    report(r, to_ns, r->cpu_ns, "=idle %lld %lld", (long long)(cpu_now(r) - cpu_from_ns),
           (long long)(to_ns - from_ns));
}

/* The proportional share of all its pages, with what was swapped out. */
static long memory_kib(pid_t pid)
{
    char path[64], line[128];
    long total = 0, kib;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/smaps_rollup", (int)pid);
    f = fopen(path, "r");
    if (!f)
        return -1;
    while (fgets(line, sizeof(line), f)) {
        if (sscanf(line, "Pss: %ld kB", &kib) == 1 || sscanf(line, "SwapPss: %ld kB", &kib) == 1)
            total += kib;
    }
    fclose(f);
    return total;
}

static void run(const struct options *opt)
{
    struct run r = { .opt = opt };
    int64_t end_ns;
    bool alive;

    start(&r);
    end_ns = r.start_ns + (int64_t)(opt->cap_s * 1e9);
    alive = read_until(&r, end_ns);
    if (r.found)
        report(&r, now_ns(), cpu_now(&r), "=found");
    if (r.found && alive && opt->idle_s > 0)
        take_idle(&r);
    if (r.found && alive && opt->memory_kib >= 0)
        report(&r, now_ns(), cpu_now(&r), "=memory %ld", memory_kib(r.pid) - opt->memory_kib);
    if (r.found)
        report(&r, now_ns(), cpu_now(&r), "=end");
    else if (alive)
        report(&r, now_ns(), cpu_now(&r), "=cap");
    else
        report(&r, now_ns(), cpu_now(&r), "=exit %d",
               WIFEXITED(r.status) ? WEXITSTATUS(r.status) : 128 + WTERMSIG(r.status));
    if (!r.found)
        show_tail(&r);
    stop(&r);
}

int main(int argc, char **argv)
{
    struct options opt = { .until = "@done", .memory_kib = -1, .cap_s = 120 };
    int c;

    while ((c = getopt(argc, argv, "+pf:u:i:m:c:")) != -1) {
        switch (c) {
        case 'p': opt.pty = true; break;
        case 'f': opt.fifo = optarg; break;
        case 'u': opt.until = optarg; break;
        case 'i': opt.idle_s = atof(optarg); break;
        case 'm': opt.memory_kib = atol(optarg); break;
        case 'c': opt.cap_s = atof(optarg); break;
        default: return 2;
        }
    }
    opt.command = argv + optind;
    if (!opt.command[0] || !opt.until[0]) {
        fprintf(stderr, "usage: timer [-p] [-f FIFO] [-u TEXT] [-i SECONDS] [-m KIB] [-c SECONDS] "
                        "COMMAND...\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    run(&opt);
    return 0;
}
