/* SPDX-License-Identifier: MIT */
/* Serial ports and the debug console: host back ends, and the "callback" kind of the API. */
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

static void callback_feed(struct chardev *c)
{
    struct serial_port *p = c->priv;

    while (p->in_len && c->can_receive && c->receive) {
        u32 n = MIN(c->can_receive(c->dev), p->in_len);
        if (!n)
            return;
        c->receive(c->dev, p->in + p->in_first, n);
        p->in_first += n;
        p->in_len -= n;
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

void nb_serial_output(struct nb_machine *m, unsigned n,
                      void (*fn)(void *to, const uint8_t *data, size_t len), void *to)
{
    if (n >= MACHINE_MAX_SERIAL)
        return;
    m->serial[n].out = fn;
    m->serial[n].out_to = to;
}

static bool open_port(struct nb_machine *m, struct serial_port *p, const char *spec, struct err *e)
{
    struct chr_opts o = { .loop = m->loop, .note = note_line, .note_to = m };

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
        if (!open_port(m, &m->serial[k], m->cfg->serial[k], e))
            return err_prefix(e, "-serial %s", m->cfg->serial[k]);
    }
    if (m->cfg->debugcon && strcmp(m->cfg->debugcon, "none")) {
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
    chr_close(m->debugcon);
    m->debugcon = NULL;
}
