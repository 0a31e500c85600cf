/* SPDX-License-Identifier: MIT */
/* PS/2 mouse: the IBM PS/2 mouse (Hardware Interface Technical Reference) with Microsoft's
 * IntelliMouse (wheel, ID 3) and Explorer (five buttons, ID 4) protocols.
 *
 * Movement is kept as one sample for each state of the buttons, so that a click that is shorter
 * than a packet isn't lost. A packet is made only when the link is idle and the sample period is
 * over, and enters the link whole: a half packet makes Windows drop the mouse until reboot.
 * Movement that doesn't fit nine bits stays for the next packet; the overflow bits are never set.
 * Not modelled: resolution (the host's counts are taken to be in what the guest asked for). */
#include "devices/ps2.h"

#define BAT_NS 2000000u
#define SUM_MAX 32767

enum { ACK = 0xfa, RESEND = 0xfe, ERROR = 0xfc, BAT_OK = 0xaa };

static i32 clamp(i32 v, i32 lo, i32 hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}

static i32 scale(i32 v) /* 2:1 scaling is a table, not a factor */
{
    static const i32 small[6] = { 0, 1, 1, 3, 6, 9 };
    i32 a = v < 0 ? -v : v;
    a = a < 6 ? small[a] : 2 * a;
    return v < 0 ? -a : a;
}

static void drop_sample(struct ps2_mouse *m)
{
    m->queued--;
    memmove(&m->queue[0], &m->queue[1], m->queued * sizeof(m->queue[0]));
    memset(&m->queue[m->queued], 0, sizeof(m->queue[0]));
}

static void forget(struct ps2_mouse *m)
{
    memset(m->queue, 0, sizeof(m->queue));
    m->queued = 0;
}

static void put_packet(struct ps2_mouse *m, bool scaled)
{
    struct ps2_sample none = { 0, 0, 0, m->buttons };
    struct ps2_sample *s = m->queued ? &m->queue[0] : &none;
    struct fifo *f = m->link.reply.count ? &m->link.reply : &m->link.data;
    i32 limit = scaled ? 127 : 255;
    i32 x = clamp(s->dx, -limit, limit), y = clamp(s->dy, -limit, limit);
    i32 z = m->id ? clamp(s->dz, -7, 7) : s->dz;

    s->dx -= x;
    s->dy -= y;
    s->dz -= z;
    m->buttons = s->buttons;
    if (s != &none && !s->dx && !s->dy && !s->dz)
        drop_sample(m);

    y = -y; /* up is positive on the wire */
    z = -z; /* and towards the user */
    if (scaled) {
        x = scale(x);
        y = scale(y);
    }
    fifo_push(f, (u8)((m->buttons & 7) | 8 | (x < 0 ? 0x10 : 0) | (y < 0 ? 0x20 : 0)));
    fifo_push(f, (u8)x);
    fifo_push(f, (u8)y);
    if (m->id == 3)
        fifo_push(f, (u8)z);
    else if (m->id == 4)
        fifo_push(f, (u8)((z & 15) | (m->buttons & (MOUSE_SIDE | MOUSE_EXTRA)) << 1));
    if (m->link.ready)
        m->link.ready(m->link.controller);
}

static bool streaming(const struct ps2_mouse *m)
{
    return m->enabled && !m->remote && !m->wrap && !timer_armed(&m->bat);
}

static void try_send(struct ps2_mouse *m)
{
    if (!streaming(m) || !m->queued || ps2_pending(&m->link) || timer_armed(&m->sample))
        return;
    put_packet(m, m->scaling);
    timer_at(&m->sample, clock_now(m->clock) + NS_PER_SEC / m->rate);
}

static void sample_due(void *dev, u64 late)
{
    (void)late;
    try_send(dev);
}

void ps2_mouse_drained(struct ps2_mouse *m)
{
    try_send(m);
}

void ps2_mouse_move(struct ps2_mouse *m, i32 dx, i32 dy, i32 dz, u32 buttons)
{
    u8 b = buttons & (m->id == 4 ? 31 : 7);

    if (!streaming(m) && !m->remote) {
        m->buttons = b;
        return;
    }
    struct ps2_sample *last = m->queued ? &m->queue[m->queued - 1] : NULL;
    u8 now = last ? last->buttons : m->buttons;
    if (!dx && !dy && (!dz || !m->id) && b == now)
        return;
    if (!last || (b != now && m->queued < PS2_MOUSE_SAMPLES)) {
        last = &m->queue[m->queued++];
        *last = (struct ps2_sample){ 0, 0, 0, b };
    }
    last->buttons = b;
    last->dx = clamp(last->dx + clamp(dx, -SUM_MAX, SUM_MAX), -SUM_MAX, SUM_MAX);
    last->dy = clamp(last->dy + clamp(dy, -SUM_MAX, SUM_MAX), -SUM_MAX, SUM_MAX);
    if (m->id)
        last->dz = clamp(last->dz + clamp(dz, -SUM_MAX, SUM_MAX), -SUM_MAX, SUM_MAX);
    try_send(m);
}

/* ---- commands ---- */

static void set_defaults(struct ps2_mouse *m)
{
    m->rate = 100;
    m->resolution = 2;
    m->scaling = m->remote = m->enabled = m->wrap = false;
    forget(m);
    fifo_clear(&m->link.data);
    timer_off(&m->sample);
}

static void bat_due(void *dev, u64 late)
{
    struct ps2_mouse *m = dev;
    (void)late;
    ps2_reply(&m->link, BAT_OK);
    ps2_reply(&m->link, 0);
}

/* The first bad byte in a row gets Resend, the next Error, which also ends a command. */
static void reject(struct ps2_mouse *m)
{
    ps2_reply(&m->link, m->bad ? ERROR : RESEND);
    if (m->bad)
        m->command = 0;
    m->bad = !m->bad;
}

static bool rate_ok(u8 v)
{
    return v == 10 || v == 20 || v == 40 || v == 60 || v == 80 || v == 100 || v == 200;
}

static void set_rate(struct ps2_mouse *m, u8 v)
{
    m->rate = v;
    timer_off(&m->sample); /* a new period begins */
    if (m->knock[0] == 200 && v == 80) {
        if (m->knock[1] == 100 && m->id == 0)
            m->id = 3;
        else if (m->knock[1] == 200)
            m->id = 4;
    }
    m->knock[0] = m->knock[1];
    m->knock[1] = v;
}

static void argument(struct ps2_mouse *m, u8 v)
{
    if (m->command == 0xe8 ? v > 3 : !rate_ok(v)) {
        reject(m);
        return;
    }
    if (m->command == 0xe8)
        m->resolution = v;
    else
        set_rate(m, v);
    m->command = 0;
    m->bad = false;
    ps2_reply(&m->link, ACK);
}

static void status_request(struct ps2_mouse *m)
{
    u8 b = m->buttons;
    ps2_reply(&m->link, (u8)((b & MOUSE_RIGHT ? 1 : 0) | (b & MOUSE_MIDDLE ? 2 : 0) |
                             (b & MOUSE_LEFT ? 4 : 0) | (m->scaling ? 0x10 : 0) |
                             (m->enabled ? 0x20 : 0) | (m->remote ? 0x40 : 0)));
    ps2_reply(&m->link, m->resolution);
    ps2_reply(&m->link, m->rate);
}

static bool known(u8 v)
{
    return v >= 0xe6 && v != 0xed && v != 0xef && v != 0xf1 && !(v >= 0xf7 && v <= 0xfd);
}

static void command(struct ps2_mouse *m, u8 v)
{
    struct ps2_link *l = &m->link;

    if (!known(v)) {
        reject(m);
        return;
    }
    m->bad = false;
    m->command = 0; /* a command in place of an argument ends the former */
    if (v == 0xfe) {
        ps2_reply(l, l->last);
        return;
    }
    /* A command ends the packet that is on its way. */
    fifo_clear(&l->data);
    if (v == 0xff)
        fifo_clear(&l->reply);
    ps2_reply(l, ACK);
    switch (v) {
    case 0xe6: case 0xe7:
        m->scaling = v == 0xe7;
        break;
    case 0xe8: case 0xf3:
        m->command = v;
        break;
    case 0xe9:
        status_request(m);
        break;
    case 0xea:
        m->remote = false;
        forget(m);
        break;
    case 0xeb:
        put_packet(m, false);
        break;
    case 0xec:
        m->wrap = false;
        break;
    case 0xee:
        m->wrap = true;
        break;
    case 0xf0:
        m->remote = true;
        forget(m);
        break;
    case 0xf2:
        ps2_reply(l, m->id);
        break;
    case 0xf4:
        m->enabled = true;
        forget(m);
        break;
    case 0xf5:
        m->enabled = false;
        forget(m);
        break;
    case 0xf6:
        set_defaults(m);
        break;
    default: /* FFh */
        set_defaults(m);
        m->id = 0;
        m->knock[0] = m->knock[1] = 0;
        timer_at(&m->bat, clock_now(m->clock) + BAT_NS);
        break;
    }
}

void ps2_mouse_write(struct ps2_mouse *m, u8 v)
{
    if (timer_armed(&m->bat)) {
        timer_off(&m->bat);
        bat_due(m, 0);
    }
    if (m->wrap && v != 0xff && v != 0xec)
        ps2_reply(&m->link, v);
    else if (m->command && v < 0xe6)
        argument(m, v);
    else
        command(m, v);
}

/* ---- life ---- */

void ps2_mouse_init(struct ps2_mouse *m, struct clock *clock)
{
    m->clock = clock;
    timer_init(&m->bat, clock, bat_due, m, "mouse self-test");
    timer_init(&m->sample, clock, sample_due, m, "mouse sample");
}

void ps2_mouse_reset(struct ps2_mouse *m)
{
    timer_off(&m->bat);
    set_defaults(m);
    fifo_clear(&m->link.reply);
    m->link.last = 0;
    m->id = m->command = m->buttons = 0;
    m->knock[0] = m->knock[1] = 0;
    m->bad = false;
}

void ps2_mouse_close(struct ps2_mouse *m)
{
    timer_off(&m->bat);
    timer_off(&m->sample);
}

bool ps2_mouse_sane(const struct ps2_mouse *m)
{
    bool ok = ps2_link_sane(&m->link) && m->queued <= PS2_MOUSE_SAMPLES && rate_ok(m->rate) &&
              m->resolution <= 3 && (m->id == 0 || m->id == 3 || m->id == 4) &&
              (!m->command || m->command == 0xe8 || m->command == 0xf3);
    for (unsigned i = 0; i < PS2_MOUSE_SAMPLES; i++) {
        const struct ps2_sample *s = &m->queue[i];
        ok = ok && s->dx >= -SUM_MAX && s->dx <= SUM_MAX && s->dy >= -SUM_MAX &&
             s->dy <= SUM_MAX && s->dz >= -SUM_MAX && s->dz <= SUM_MAX;
    }
    return ok;
}

static const struct field sample_fields[] = {
    F_I32(struct ps2_sample, dx),
    F_I32(struct ps2_sample, dy),
    F_I32(struct ps2_sample, dz),
    F_U8(struct ps2_sample, buttons),
    F_END,
};

const struct field ps2_mouse_fields[] = {
    F_SUB(struct ps2_mouse, link, struct ps2_link, ps2_link_fields),
    F_TIMER(struct ps2_mouse, bat),
    F_TIMER(struct ps2_mouse, sample),
    F_SUB(struct ps2_mouse, queue, struct ps2_sample, sample_fields),
    F_U8(struct ps2_mouse, queued),
    F_U8(struct ps2_mouse, buttons),
    F_U8(struct ps2_mouse, command),
    F_U8(struct ps2_mouse, id),
    F_U8(struct ps2_mouse, rate),
    F_U8(struct ps2_mouse, resolution),
    F_ARRAY(struct ps2_mouse, knock, u8),
    F_BOOL(struct ps2_mouse, enabled),
    F_BOOL(struct ps2_mouse, remote),
    F_BOOL(struct ps2_mouse, wrap),
    F_BOOL(struct ps2_mouse, scaling),
    F_BOOL(struct ps2_mouse, bad),
    F_END,
};
