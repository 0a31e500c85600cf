/* SPDX-License-Identifier: MIT */
/* Serial and parallel ports and the debug console: host back ends, and the "callback" kind of the
 * API. */
#include "machine/machine.h"

#include "core/xalloc.h"
#include "host/chr.h"

#define INPUT_LIMIT (1u << 20) /* bytes that may wait for the guest to read them */

static void note_line(void *machine, const char *line)
{
    log_write(&((struct nb_machine *)machine)->log, LOG_WARN, "%s", line);
}

static u32 callback_write(struct chardev *c, const u8 *data, u32 len)
{
    struct serial_port *p = c->priv;

    if (p->out)
        p->out(p->out_to, data, len);
    return len;
}

static void pop_break(struct serial_port *p)
{
    p->num_breaks--;
    memmove(p->breaks, p->breaks + 1, p->num_breaks * sizeof p->breaks[0]);
}

static void callback_feed(struct chardev *c)
{
    struct serial_port *p = c->priv;

    while ((p->in_len || p->num_breaks) && c->can_receive && c->receive) {
        u32 n = c->can_receive(c->dev);
        if (!n)
            return;
        if (p->num_breaks && !p->breaks[0]) { /* takes the place of a character */
            pop_break(p);
            c->event(c->dev, CHARDEV_BREAK);
            continue;
        }
        n = MIN(n, p->num_breaks ? p->breaks[0] : p->in_len);
        c->receive(c->dev, p->in + p->in_first, n);
        p->in_first += n;
        p->in_len -= n;
        for (u32 k = 0; k < p->num_breaks; k++)
            p->breaks[k] -= n;
    }
    if (!p->in_len)
        p->in_first = 0;
}

struct input_msg {
    struct nb_machine *m;
    unsigned port;
    u32 len;
    u8 data[];
};

static void input_arrives(void *arg, bool run)
{
    struct input_msg *msg = arg;

    if (run) {
        struct serial_port *p = &msg->m->serial[msg->port];
        u32 n = MIN(msg->len, INPUT_LIMIT - p->in_len);
        if (p->in_first + p->in_len + n > p->in_cap) {
            /* a FIFO takes 16 at a time: what was read is dropped only when the room is needed */
            if (p->in_len)
                memmove(p->in, p->in + p->in_first, p->in_len);
            p->in_first = 0;
            if (p->in_len + n > p->in_cap) {
                p->in_cap = MAX(256u, (p->in_len + n) * 2);
                p->in = xrealloc(p->in, p->in_cap);
            }
        }
        memcpy(p->in + p->in_first + p->in_len, msg->data, n);
        p->in_len += n;
        callback_feed(&p->callback);
    }
    xfree(msg);
}

void nb_serial_input(struct nb_machine *m, unsigned n, const uint8_t *data, size_t len)
{
    if (n >= MACHINE_MAX_SERIAL || m->serial[n].chr != &m->serial[n].callback)
        return;
    if (!len || len > INPUT_LIMIT)
        return;
    struct input_msg *msg = xcalloc(1, sizeof *msg + len);
    msg->m = m;
    msg->port = n;
    msg->len = (u32)len;
    memcpy(msg->data, data, len);
    loop_post(m->loop, input_arrives, msg, LOOP_ASAP);
}

struct break_msg {
    struct nb_machine *m;
    unsigned port;
};

static void break_arrives(void *arg, bool run)
{
    struct break_msg *msg = arg;
    struct serial_port *p = &msg->m->serial[msg->port];

    if (run && p->chr == &p->callback) {
        if (p->num_breaks < SERIAL_MAX_BREAKS)
            p->breaks[p->num_breaks++] = p->in_len;
        callback_feed(&p->callback);
    } else if (run && p->chr && p->chr->event) {
        p->chr->event(p->chr->dev, CHARDEV_BREAK);
    }
    xfree(msg);
}

bool nb_serial_break(struct nb_machine *m, unsigned n)
{
    if (n >= MACHINE_MAX_SERIAL || !m->serial[n].chr)
        return false;
    struct break_msg *msg = xcalloc(1, sizeof *msg);
    msg->m = m;
    msg->port = n;
    loop_post(m->loop, break_arrives, msg, LOOP_ASAP);
    return true;
}

/* Per port: bytes that wait, breaks that wait, the bytes, the breaks' places. */
bool ports_save(struct nb_machine *m, bool (*write)(void *to, const void *p, size_t n), void *to)
{
    bool ok = true;

    for (unsigned k = 0; ok && k < MACHINE_MAX_SERIAL; k++) {
        const struct serial_port *p = &m->serial[k];
        ok = write(to, &p->in_len, 4) && write(to, &p->num_breaks, 4) &&
             (!p->in_len || write(to, p->in + p->in_first, p->in_len)) &&
             (!p->num_breaks || write(to, p->breaks, 4 * p->num_breaks));
    }
    return ok;
}

/* A port that is no callback port now forgets what waited, like a cable that was unplugged. */
bool ports_load(struct nb_machine *m, bool (*read)(void *from, void *p, size_t n), void *from)
{
    for (unsigned k = 0; k < MACHINE_MAX_SERIAL; k++) {
        struct serial_port *p = &m->serial[k];
        u32 len, num, last = 0;
        if (!read(from, &len, 4) || !read(from, &num, 4) || len > INPUT_LIMIT ||
            num > SERIAL_MAX_BREAKS)
            return false;
        xfree(p->in);
        p->in = len ? xcalloc(1, len) : NULL;
        p->in_cap = p->in_len = len;
        p->in_first = 0;
        p->num_breaks = num;
        if ((len && !read(from, p->in, len)) || (num && !read(from, p->breaks, 4 * num)))
            return false;
        for (u32 b = 0; b < num; last = p->breaks[b++])
            if (p->breaks[b] < last || p->breaks[b] > len)
                return false;
        if (p->chr != &p->callback)
            p->in_len = p->num_breaks = 0;
    }
    return true;
}

void nb_serial_output(struct nb_machine *m, unsigned n,
                      void (*fn)(void *to, const uint8_t *data, size_t len), void *to)
{
    if (n >= MACHINE_MAX_SERIAL)
        return;
    m->serial[n].out = fn;
    m->serial[n].out_to = to;
}

static bool open_port(struct nb_machine *m, unsigned n, const char *spec, struct err *e)
{
    static const char *const labels[] = { "COM1", "COM2", "COM3", "COM4" };
    struct chr_opts o = { .loop = m->loop, .label = labels[n], .note = note_line, .note_to = m };
    struct serial_port *p = &m->serial[n];

    if (!strcmp(spec, "none"))
        return true;
    if (!strcmp(spec, "callback")) {
        p->callback = (struct chardev){ .write = callback_write, .priv = p,
                                        .accept_input = callback_feed };
        p->chr = &p->callback;
        return true;
    }
    p->chr = chr_open(spec, &o, e);
    return p->chr != NULL;
}

bool ports_open(struct nb_machine *m, struct err *e)
{
    struct chr_opts o = { .loop = m->loop, .note = note_line, .note_to = m };

    for (unsigned k = 0; k < m->cfg->num_serial; k++) {
        if (!m->board->serial[k])
            return err_set(e, ERR_CONFIG, "-serial: this machine has %u serial port%s", k,
                           k == 1 ? "" : "s");
        if (!open_port(m, k, m->cfg->serial[k], e))
            return err_prefix(e, "-serial %s", m->cfg->serial[k]);
    }
    for (unsigned k = 0; k < MAX(m->cfg->num_parallel, 1u); k++) {
        const char *spec = m->cfg->num_parallel ? m->cfg->parallel[k] : "null";
        if (!m->board->parallel[k])
            return err_set(e, ERR_CONFIG, "-parallel: this machine has %u parallel port%s", k,
                           k == 1 ? "" : "s");
        if (!strcmp(spec, "none"))
            continue;
        o.label = k ? "LPT2" : "LPT1";
        m->parallel[k] = chr_open(spec, &o, e);
        if (!m->parallel[k])
            return err_prefix(e, "-parallel %s", spec);
    }
    if (m->cfg->debugcon && strcmp(m->cfg->debugcon, "none")) {
        o.label = "debugcon";
        m->debugcon = chr_open(m->cfg->debugcon, &o, e);
        if (!m->debugcon)
            return err_prefix(e, "-debugcon %s", m->cfg->debugcon);
    }
    return true;
}

void ports_close(struct nb_machine *m)
{
    for (unsigned k = 0; k < MACHINE_MAX_SERIAL; k++) {
        if (m->serial[k].chr && m->serial[k].chr != &m->serial[k].callback)
            chr_close(m->serial[k].chr);
        m->serial[k].chr = NULL;
        xfree(m->serial[k].in);
        m->serial[k].in = NULL;
    }
    for (unsigned k = 0; k < MACHINE_MAX_PARALLEL; k++) {
        chr_close(m->parallel[k]);
        m->parallel[k] = NULL;
    }
    chr_close(m->debugcon);
    m->debugcon = NULL;
}

bool ports_wanted(const struct nb_machine *m, const char *id)
{
    for (unsigned k = 1; k < MACHINE_MAX_SERIAL; k++)
        if (m->board->serial[k] && !strcmp(m->board->serial[k], id))
            return m->serial[k].chr != NULL;
    for (unsigned k = 0; k < MACHINE_MAX_PARALLEL; k++)
        if (m->board->parallel[k] && !strcmp(m->board->parallel[k], id))
            return m->parallel[k] != NULL;
    return true;
}
