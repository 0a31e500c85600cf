/* SPDX-License-Identifier: MIT */
/* Keys typed at the terminal go to the guest's serial port or to the monitor; Ctrl-A x ends, c
 * switches between the two, as in QEMU. Raw mode is given back at every orderly end, which
 * includes SIGTERM, SIGHUP and SIGINT. */
#include "frontend/tty.h"

#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "frontend/front.h"
#include "frontend/monitor.h"

#define CTRL_A 1
#define LINE_MAX_LEN 1024

struct tty {
    struct front *f;
    struct tty_config c;
    struct termios saved;
    atomic_bool raw;
    bool to_monitor, escaped;
    bool gone; /* nobody reads our output any more */
    char line[LINE_MAX_LEN];
    size_t len;
};

static void raw_mode(struct tty *t)
{
    struct termios tio;

    /* From the background, tcsetattr() would stop us. */
    if (!isatty(0) || tcgetpgrp(0) != getpgrp() || tcgetattr(0, &t->saved) < 0)
        return;
    tio = t->saved;
    tio.c_iflag &= ~(tcflag_t)(IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON);
    tio.c_oflag |= OPOST;
    tio.c_lflag &= ~(tcflag_t)(ECHO | ECHONL | ICANON | IEXTEN);
    if (t->c.escape)
        tio.c_lflag &= ~(tcflag_t)ISIG;
    tio.c_cflag &= ~(tcflag_t)(CSIZE | PARENB);
    tio.c_cflag |= CS8;
    tio.c_cc[VMIN] = 1;
    tio.c_cc[VTIME] = 0;
    if (tcsetattr(0, TCSANOW, &tio) == 0)
        atomic_store(&t->raw, true);
}

struct tty *tty_new(struct front *f, const struct tty_config *c)
{
    struct tty *t = front_alloc(sizeof *t);

    t->f = f;
    t->c = *c;
    t->to_monitor = !c->serial;
    return t;
}

void tty_restore(struct tty *t)
{
    if (t && atomic_exchange(&t->raw, false))
        tcsetattr(0, TCSADRAIN, &t->saved);
}

void tty_free(struct tty *t)
{
    tty_restore(t);
    free(t);
}

static void say(struct tty *t, const char *s)
{
    /* The terminal is raw only in part: OPOST stays, so "\n" is a new line. */
    if (!t->gone && !front_write(1, front_stop_fd(t->f), s, strlen(s)))
        t->gone = true;
}

void tty_serial(void *tty, const uint8_t *data, size_t len)
{
    struct tty *t = tty;

    /* The machine waits for a slow reader: no output is lost. */
    if (!t->gone && !front_write(1, -1, data, len))
        t->gone = true;
}

/* ---- the monitor's line */

static void monitor_key(struct tty *t, char c)
{
    struct text out = { 0 };

    switch (c) {
    case '\r':
    case '\n':
        say(t, atomic_load(&t->raw) ? "\n" : "");
        t->line[t->len] = 0;
        t->len = 0;
        monitor_line(t->f, t->line, &out);
        say(t, text_str(&out));
        say(t, MONITOR_PROMPT);
        text_free(&out);
        break;
    case 8:
    case 127:
        if (t->len) {
            t->len--;
            say(t, "\b \b");
        }
        break;
    case 'U' & 31:
        while (t->len) {
            t->len--;
            say(t, "\b \b");
        }
        break;
    default:
        if ((unsigned char)c >= ' ' && t->len < sizeof t->line - 1) {
            char echo[2] = { c, 0 };
            t->line[t->len++] = c;
            if (atomic_load(&t->raw))
                say(t, echo);
        }
    }
}

/* ---- the escape key */

static void escape_key(struct tty *t, char c)
{
    uint8_t a = CTRL_A;

    switch (c) {
    case 'x':
        say(t, "\n");
        nb_quit(t->f->m);
        break;
    case 'c':
        if (!t->c.monitor || !t->c.serial)
            break;
        t->to_monitor = !t->to_monitor;
        say(t, t->to_monitor ? "\nnestbox monitor; \"help\" lists commands, Ctrl-A c goes back\n"
            MONITOR_PROMPT : "\n");
        break;
    case 'h':
    case '?':
        say(t, "\nCtrl-A x   end nestbox\n"
            "Ctrl-A c   switch between the guest's serial port and the monitor\n"
            "Ctrl-A b   send a break (Magic SysRq of Linux)\n"
            "Ctrl-A h   this help\n"
            "Ctrl-A Ctrl-A   send Ctrl-A\n");
        break;
    case 'b':
        if (!t->c.serial || !nb_serial_break(t->f->m, 0))
            say(t, "\nnestbox: the terminal is no serial port's; use \"sendbreak\"\n");
        break;
    case CTRL_A:
        if (!t->to_monitor)
            nb_serial_input(t->f->m, 0, &a, 1);
        break;
    default:
        break;
    }
}

static void keys(struct tty *t, const uint8_t *data, size_t n)
{
    size_t from = 0;

    for (size_t k = 0; k < n; k++) {
        bool special = t->c.escape && (t->escaped || data[k] == CTRL_A);
        if (!special && !t->to_monitor)
            continue;
        if (!t->to_monitor && k > from)
            nb_serial_input(t->f->m, 0, data + from, k - from);
        from = k + 1;
        if (!special) {
            monitor_key(t, (char)data[k]);
        } else if (t->escaped) {
            t->escaped = false;
            escape_key(t, (char)data[k]);
        } else {
            t->escaped = true;
        }
    }
    if (!t->to_monitor && n > from)
        nb_serial_input(t->f->m, 0, data + from, n - from);
}

static void *tty_thread(void *arg)
{
    struct tty *t = arg;
    uint8_t buf[512];

    if (t->to_monitor)
        say(t, "nestbox monitor; \"help\" lists commands\n" MONITOR_PROMPT);
    for (;;) {
        struct pollfd pf[2] = { { 0, POLLIN, 0 }, { front_stop_fd(t->f), POLLIN, 0 } };
        if (poll(pf, 2, -1) < 0 && errno != EINTR)
            break;
        if (pf[1].revents)
            break;
        if (!pf[0].revents)
            continue;
        ssize_t n = read(0, buf, sizeof buf);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0) /* the end of a file or pipe: the guest goes on without input */
            break;
        keys(t, buf, (size_t)n);
    }
    return NULL;
}

bool tty_start(struct tty *t)
{
    /* A terminal's own line editing is better than ours, if nothing but the monitor is here. */
    if (t->c.serial || t->c.escape)
        raw_mode(t);
    return front_service(t->f, tty_thread, t);
}
