/* SPDX-License-Identifier: MIT */
/* Character backends on descriptors: null, stdio, file, pipe, pty; sockets are in chr_socket.c. */
#define _GNU_SOURCE
#include "host/chr.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "core/strbuf.h"
#include "core/xalloc.h"
#include "host/chr_int.h"
#include "host/os.h"

const char chr_help[] =
    "null                            nothing is connected\n"
    "stdio                           this terminal\n"
    "file:PATH[,append=on]           output to a file; ,input-path=PATH: and input from one\n"
    "pipe:PATH                       PATH.in and PATH.out, or PATH both ways\n"
    "pty                             a new pseudo terminal\n"
    "tcp:HOST:PORT[,server[,nowait]] a TCP connection\n"
    "unix:PATH[,server[,nowait]]     a local socket\n";

void chr_note(const struct chr_opts *o, const char *fmt, ...)
{
    char line[256];
    int n = 0;
    va_list ap;
    if (!o->note)
        return;
    if (o->label)
        n = snprintf(line, 64, "%s: ", o->label);
    va_start(ap, fmt);
    vsnprintf(line + MIN(n, 63), sizeof(line) - 64, fmt, ap);
    va_end(ap);
    o->note(o->note_to, line);
}

/* ---- output ---- */

static ssize_t write_some(struct chr *s, const u8 *p, u32 n)
{
    if (s->may_block) {
        /* Whoever shares the terminal would find it non-blocking as well, so it stays as it is;
         * what poll() calls writable takes a small piece at once. */
        struct pollfd pf = { s->out, POLLOUT, 0 };
        if (poll(&pf, 1, 0) <= 0) {
            errno = EAGAIN;
            return -1;
        }
        n = MIN(n, 512u);
    }
    for (;;) {
        ssize_t done = s->socket ? send(s->out, p, n, MSG_NOSIGNAL) : write(s->out, p, n);
        if (done >= 0 || errno != EINTR)
            return done;
    }
}

/* Writes what is pending; false: the other side cannot take more now, or is gone. */
static bool flush_pending(struct chr *s)
{
    while (s->pend_len) {
        ssize_t n = write_some(s, s->pending + s->pend_pos, s->pend_len);
        if (n <= 0) {
            if (n < 0 && errno != EAGAIN)
                s->pend_len = 0; /* gone: the reading side notices and detaches */
            return false;
        }
        s->pend_pos += (u32)n;
        s->pend_len -= (u32)n;
    }
    s->pend_pos = 0;
    return true;
}

static void on_writable(void *arg, int events)
{
    struct chr *s = arg;
    (void)events;
    flush_pending(s);
    if (!s->pend_len)
        loop_set_events(s->out_watch, 0);
}

static u32 chr_write(struct chardev *c, const u8 *data, u32 len)
{
    struct chr *s = container_of(c, struct chr, c);
    u32 done = 0;

    if (s->out < 0)
        return len; /* an unplugged cable takes everything */
    flush_pending(s);
    while (!s->pend_len && done < len) {
        ssize_t n = write_some(s, data + done, len - done);
        if (n > 0) {
            done += (u32)n;
            continue;
        }
        if (n < 0 && errno != EAGAIN)
            return len; /* a full disk or a dead peer: output is lost */
        break;
    }
    if (done == len)
        return len;
    if (s->drop_when_full && s->pend_len == CHR_OUT_CAP)
        return len;
    if (!s->pending)
        s->pending = xcalloc(CHR_OUT_CAP, 1);
    if (s->pend_pos) {
        memmove(s->pending, s->pending + s->pend_pos, s->pend_len);
        s->pend_pos = 0;
    }
    u32 n = MIN(len - done, CHR_OUT_CAP - s->pend_len);
    memcpy(s->pending + s->pend_len, data + done, n);
    s->pend_len += n;
    loop_set_events(s->out_watch, LOOP_WRITE);
    return s->drop_when_full ? len : done + n;
}

/* ---- input ---- */

static void on_readable(void *arg, int events)
{
    struct chr *s = arg;
    u8 buf[4096];
    u32 room = sizeof(buf);
    (void)events;

    if (s->c.receive && s->c.can_receive) {
        room = MIN(s->c.can_receive(s->c.dev), (u32)sizeof(buf));
        if (!room) {
            loop_set_events(s->in_watch, 0); /* until accept_input */
            return;
        }
    }
    ssize_t n = read(s->in, buf, room);
    if (n > 0) {
        if (s->c.receive)
            s->c.receive(s->c.dev, buf, (u32)n);
        return;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0 && errno == EIO && s->spare >= 0)
        return; /* a pty */
    if (s->in != s->out) { /* standard input may end long before the guest has said all */
        loop_unwatch(s->in_watch);
        s->in_watch = NULL;
        return;
    }
    chr_detach(s);
}

static void chr_accept_input(struct chardev *c)
{
    struct chr *s = container_of(c, struct chr, c);
    loop_set_events(s->in_watch, LOOP_READ);
}

/* ---- life ---- */

static void event(struct chr *s, int what)
{
    if (s->c.event)
        s->c.event(s->c.dev, what);
}

static void chr_close_cb(struct chardev *c)
{
    chr_free(container_of(c, struct chr, c));
}

struct chr *chr_new(const struct chr_opts *o)
{
    struct chr *s = xcalloc(1, sizeof(*s));
    s->c.write = chr_write;
    s->c.close = chr_close_cb;
    s->c.accept_input = chr_accept_input;
    s->c.priv = s;
    s->loop = o->loop;
    s->in = s->out = s->listener = s->spare = -1;
    return s;
}

void chr_attach(struct chr *s, int in, int out)
{
    s->in = in;
    s->out = out;
    s->c.unplugged = false;
    if (in >= 0)
        s->in_watch = loop_watch(s->loop, in, LOOP_READ, on_readable, s);
    if (out >= 0 && !s->wait_out)
        s->out_watch = loop_watch(s->loop, out, 0, on_writable, s);
    event(s, CHARDEV_OPENED);
}

void chr_detach(struct chr *s)
{
    loop_unwatch(s->in_watch);
    loop_unwatch(s->out_watch);
    s->in_watch = s->out_watch = NULL;
    if (s->in > 2)
        os_close(s->in);
    if (s->out > 2 && s->out != s->in)
        os_close(s->out);
    s->in = s->out = -1;
    s->pend_len = s->pend_pos = 0;
    s->c.unplugged = true;
    event(s, CHARDEV_CLOSED);
    if (s->accept_watch)
        loop_set_events(s->accept_watch, LOOP_READ); /* the next client may come */
}

void chr_free(struct chr *s)
{
    s->c.event = NULL; /* the device may be gone already */
    if (s->out >= 0)
        flush_pending(s);
    if (s->on_close)
        s->on_close(s);
    chr_detach(s);
    loop_unwatch(s->accept_watch);
    os_close(s->listener);
    os_close(s->spare);
    if (s->unlink_path)
        unlink(s->unlink_path);
    xfree(s->unlink_path);
    xfree(s->pending);
    xfree(s);
}

void chr_close(struct chardev *c)
{
    if (c && c->close)
        c->close(c);
}

/* ---- kinds ---- */

static void stdio_close(struct chr *s)
{
    (void)s;
    os_tty_restore();
}

static struct chardev *chr_stdio(const struct chr_opts *o)
{
    struct chr *s = chr_new(o);
    s->may_block = true;
    if (os_tty_raw(STDIN_FILENO))
        s->on_close = stdio_close;
    chr_attach(s, STDIN_FILENO, STDOUT_FILENO);
    return &s->c;
}

static struct chardev *chr_file(const char *spec, const struct chr_opts *o, struct err *e)
{
    static const char input_path[] = ",input-path=";
    char *path = xstrdup(spec), *input = strstr(path, input_path), *comma;
    int in = -1;
    if (input) {
        *input = 0;
        input += sizeof(input_path) - 1;
        in = open(input, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        if (in < 0) {
            err_set(e, ERR_RESOURCE, "%s: cannot be opened for reading: %s", input,
                    strerror(errno));
            xfree(path);
            return NULL;
        }
    }
    comma = strrchr(path, ',');
    bool append = comma && !strcmp(comma, ",append=on");
    if (append || (comma && !strcmp(comma, ",append=off")))
        *comma = 0;

    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOCTTY | (append ? O_APPEND : O_TRUNC),
                  0666);
    if (fd < 0)
        err_set(e, ERR_RESOURCE, "%s: cannot be opened for writing: %s", path, strerror(errno));
    xfree(path);
    if (fd < 0) {
        os_close(in);
        return NULL;
    }
    struct chr *s = chr_new(o);
    s->wait_out = true;
    chr_attach(s, in, fd);
    return &s->c;
}

static int open_pipe(const char *path, const char *suffix)
{
    struct strbuf sb = { 0 };
    sb_addf(&sb, "%s%s", path, suffix);
    /* O_RDWR: it opens at once, and the end of a peer is no end of file. */
    int fd = open(sb_text(&sb), O_RDWR | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    sb_free(&sb);
    return fd;
}

static struct chardev *chr_pipe(const char *path, const struct chr_opts *o, struct err *e)
{
    int in = open_pipe(path, ".in"), out = open_pipe(path, ".out");
    if (in < 0 || out < 0) {
        os_close(in);
        os_close(out);
        in = out = open_pipe(path, "");
    }
    if (in < 0) {
        err_set(e, ERR_RESOURCE, "pipe:%s: neither %s.in and %s.out nor %s: make them with "
                "'mkfifo'", path, path, path, path);
        return NULL;
    }
    struct chr *s = chr_new(o);
    s->drop_when_full = true;
    chr_attach(s, in, out);
    return &s->c;
}

struct chardev *chr_pty(const struct chr_opts *o, struct err *e)
{
    int fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK), spare = -1;
    char name[64] = "";

    if (fd < 0 || grantpt(fd) || unlockpt(fd) || ptsname_r(fd, name, sizeof(name)) ||
        (spare = open(name, O_RDWR | O_NOCTTY | O_CLOEXEC)) < 0) {
        err_set(e, ERR_RESOURCE, "no pseudo terminal is to be had: %s", strerror(errno));
        os_close(fd);
        return NULL;
    }
    struct termios t;
    if (!tcgetattr(spare, &t)) {
        cfmakeraw(&t); /* no echo of our own output back to us */
        tcsetattr(spare, TCSANOW, &t);
    }
    struct chr *s = chr_new(o);
    s->spare = spare; /* else every poll says "hung up" until somebody opens it */
    s->drop_when_full = true;
    chr_attach(s, fd, fd);
    chr_note(o, "the pseudo terminal is %s", name);
    return &s->c;
}

static u32 null_write(struct chardev *c, const u8 *data, u32 len)
{
    (void)c;
    (void)data;
    return len;
}

static void null_close(struct chardev *c)
{
    xfree(c);
}

static struct chardev *chr_null(void)
{
    struct chardev *c = xcalloc(1, sizeof(*c));
    c->write = null_write;
    c->close = null_close;
    return c;
}

struct chardev *chr_open(const char *spec, const struct chr_opts *o, struct err *e)
{
    if (!strcmp(spec, "null") || !strcmp(spec, "none"))
        return chr_null();
    if (!strcmp(spec, "stdio"))
        return chr_stdio(o);
    if (!strcmp(spec, "pty"))
        return chr_pty(o, e);
    if (!strncmp(spec, "file:", 5) && spec[5])
        return chr_file(spec + 5, o, e);
    if (!strncmp(spec, "pipe:", 5) && spec[5])
        return chr_pipe(spec + 5, o, e);
    if (!strncmp(spec, "tcp:", 4) || !strncmp(spec, "unix:", 5))
        return chr_socket(spec, o, e);
    if (!strncmp(spec, "telnet:", 7) || !strncmp(spec, "udp:", 4)) {
        err_set(e, ERR_CONFIG, "%s: there is no telnet or UDP; use tcp:HOST:PORT[,server[,nowait]]",
                spec);
        return NULL;
    }
    if (!strncmp(spec, "vc", 2) && (!spec[2] || spec[2] == ':')) {
        err_set(e, ERR_CONFIG, "vc: the window has no text consoles; use pty, or unix:PATH,server,"
                "nowait with a terminal program");
        return NULL;
    }
    err_set(e, ERR_CONFIG, "\"%s\" is no character device; known are: null, stdio, file:PATH, "
            "pipe:PATH, pty, tcp:HOST:PORT and unix:PATH", spec);
    return NULL;
}
