/* SPDX-License-Identifier: MIT */
/* The UHCI schedule (Design Guide 1.1, chapters 3 and 4): one frame's list of transfer descriptors
 * and queue heads.
 *
 * All of it is in memory that the guest may have filled with anything. An address that is no RAM is
 * a master abort: host system error, and the controller stops. A descriptor that no controller can
 * execute is a process error, likewise. A frame visits at most MAX_VISITS descriptors, moves at
 * most FRAME_BYTES, and ends when it comes round a ring of queues in which nothing has moved
 * (hardware goes round until the frame is over, to the same effect). */
#include "devices/uhci_int.h"

#define MAX_VISITS 1024u
#define FRAME_BYTES 1280u
#define MAX_PACKET 1280u

#define LINK_END 1u
#define LINK_QUEUE 2u
#define LINK_DEPTH 4u
#define LINK_ADDR 0xfffffff0u

enum {
    TD_ACTUAL = 0x7ff, TD_BITSTUFF = 1 << 17, TD_TIMEOUT = 1 << 18, TD_NAK = 1 << 19,
    TD_BABBLE = 1 << 20, TD_BUFFER = 1 << 21, TD_STALLED = 1 << 22, TD_ACTIVE = 1 << 23,
    TD_IOC = 1 << 24, TD_ISO = 1 << 25, TD_LOW_SPEED = 1 << 26, TD_SHORT = 1 << 29,
    TD_STATUS = 0x7e0000,
};
#define TD_ERRORS(ctrl) ((ctrl) >> 27 & 3)

struct td {
    u32 link, ctrl, token, buffer;
};

struct frame {
    u32 bytes;
    bool worked;        /* something was executed or asked for an interrupt */
    bool progress;      /* ... since the mark */
    u8 cause;
    bool error;
};

enum outcome { TD_NEXT, TD_STAY, TD_FATAL };

/* ---- memory ---- */

static bool bus_ok(struct uhci *u, u32 addr, u32 len, bool write)
{
    struct space *mem = u->dev->sys->mem;

    while (len) {
        paddr end;
        struct region *r = space_find(mem, addr, write, &end);
        if (!r || r->kind == REGION_IO || (write && r->kind != REGION_RAM)) {
            log_guest(u->dev->sys->log, u->dev->id, "schedule: no memory at %08x", addr);
            u->sts |= UHCI_STS_SYSTEM;
            return false;
        }
        if (end - addr >= len - 1)
            return true;
        len -= (u32)(end - addr) + 1;
        addr = (u32)end + 1;
    }
    return true;
}

static bool fetch(struct uhci *u, u32 addr, u32 *v, u32 n)
{
    u8 raw[16];

    if (!bus_ok(u, addr, 4 * n, false))
        return false;
    dma_read(u->dev->sys->mem, addr, raw, 4 * n);
    for (u32 k = 0; k < n; k++)
        v[k] = ld32(raw + 4 * k);
    return true;
}

static bool store(struct uhci *u, u32 addr, u32 v)
{
    u8 raw[4];

    if (!bus_ok(u, addr, 4, true))
        return false;
    st32(raw, v);
    dma_write(u->dev->sys->mem, addr, raw, 4);
    return true;
}

/* ---- one transaction ---- */

static int ask(struct uhci *u, const struct td *t, u8 *data, u32 len)
{
    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        struct usb_device *d = u->plugged[n];
        u16 p = u->port[n] & (UHCI_PORT_ENABLED | UHCI_PORT_SUSPEND | UHCI_PORT_RESET);
        if (!d || p != UHCI_PORT_ENABLED || d->low_speed != !!(t->ctrl & TD_LOW_SPEED))
            continue;
        int r = d->transact(d, (enum usb_pid)(t->token & 0xff), t->token >> 8 & 0x7f,
                            t->token >> 15 & 0x0f, t->token >> 19 & 1, data, len);
        if (r > (int)len)
            return USB_BABBLE;
        if (r != USB_SILENT)
            return r;
    }
    return USB_SILENT;
}

static enum outcome process_error(struct uhci *u, const char *what, u32 value)
{
    log_guest(u->dev->sys->log, u->dev->id, "schedule: %s %x", what, value);
    u->sts |= UHCI_STS_PROCESS;
    return TD_FATAL;
}

/* The transaction failed once more; at the third time, as its counter says, for good. */
static void count_error(struct frame *f, u32 *ctrl, u32 bit)
{
    u32 left = TD_ERRORS(*ctrl);

    *ctrl |= bit;
    if (*ctrl & TD_ISO) {
        f->error = true;
        *ctrl &= ~(u32)TD_ACTIVE;
        return;
    }
    if (!left)
        return; /* tried for ever */
    *ctrl -= 1u << 27;
    if (left == 1) {
        *ctrl = (*ctrl | TD_STALLED) & ~(u32)TD_ACTIVE;
        f->error = true;
    }
}

/* Whether the queue goes on with the TD's link. */
static bool finish(struct frame *f, const struct td *t, u32 *ctrl, int r, u32 len)
{
    *ctrl &= ~(u32)(TD_ACTUAL | TD_STATUS);
    *ctrl |= r > 0 ? (u32)r - 1 : TD_ACTUAL;
    if (r == USB_SILENT) {
        count_error(f, ctrl, TD_TIMEOUT);
        return false;
    }
    if (r == USB_NAK) {
        *ctrl |= TD_NAK;
        if (*ctrl & TD_ISO)
            *ctrl &= ~(u32)TD_ACTIVE;
        return false;
    }
    *ctrl &= ~(u32)TD_ACTIVE;
    if (r < 0) {
        *ctrl |= r == USB_BABBLE ? TD_STALLED | TD_BABBLE : TD_STALLED;
        f->error = true;
        return false;
    }
    f->progress = true;
    if ((t->token & 0xff) == USB_PID_IN && (u32)r < len && t->ctrl & TD_SHORT) {
        f->cause |= UHCI_INTR_SHORT;
        return false; /* the driver decides what becomes of the rest */
    }
    return true;
}

static enum outcome do_td(struct uhci *u, struct frame *f, u32 addr, struct td *t)
{
    u8 data[MAX_PACKET];
    u32 pid, len, ctrl, word[4];

    if (!fetch(u, addr, word, 4))
        return TD_FATAL;
    *t = (struct td){ word[0], word[1], word[2], word[3] };
    if (!(t->ctrl & TD_ACTIVE)) {
        if (t->ctrl & TD_IOC) { /* even then: drivers use it as an alarm clock */
            f->cause |= UHCI_INTR_IOC;
            f->worked = true;
        }
        return TD_STAY;
    }
    f->worked = true;
    pid = t->token & 0xff;
    len = ((t->token >> 21) + 1) & 0x7ff;
    if (pid != USB_PID_IN && pid != USB_PID_OUT && pid != USB_PID_SETUP)
        return process_error(u, "packet of kind", pid);
    if (len > MAX_PACKET)
        return process_error(u, "packet of length", len);
    if (f->bytes + len > FRAME_BYTES && f->bytes) {
        f->bytes = FRAME_BYTES; /* the rest of the frame is too short for it */
        return TD_STAY;
    }
    f->bytes += len + 13; /* sync, token, handshake and pauses */
    /* Before the device acts: a transfer that cannot reach memory must not be half done. */
    if (len && !bus_ok(u, t->buffer, len, pid == USB_PID_IN))
        return TD_FATAL;
    if (len && pid != USB_PID_IN)
        dma_read(u->dev->sys->mem, t->buffer, data, len);
    else
        memset(data, 0, len);
    int r = ask(u, t, data, len);
    if (pid == USB_PID_IN && r > 0)
        dma_write(u->dev->sys->mem, t->buffer, data, (u32)r);
    ctrl = t->ctrl;
    bool next = finish(f, t, &ctrl, r, len);
    if (ctrl & TD_IOC && !(ctrl & TD_ACTIVE))
        f->cause |= UHCI_INTR_IOC;
    if (ctrl != t->ctrl && !store(u, addr + 4, ctrl))
        return TD_FATAL;
    return next ? TD_NEXT : TD_STAY;
}

/* ---- the list ---- */

static bool frame_full(const struct frame *f)
{
    return f->bytes >= FRAME_BYTES;
}

/* The TDs of a queue, from its element on: one, or more where they link "depth first". */
static bool do_queue(struct uhci *u, struct frame *f, u32 qh, u32 element, u32 *visits)
{
    struct td t;

    while (!(element & (LINK_END | LINK_QUEUE)) && *visits < MAX_VISITS && !frame_full(f)) {
        ++*visits;
        enum outcome o = do_td(u, f, element & LINK_ADDR, &t);
        if (o == TD_FATAL)
            return false;
        if (o == TD_STAY)
            return true;
        element = t.link & ~LINK_DEPTH;
        if (!store(u, qh + 4, element))
            return false;
        if (!(t.link & LINK_DEPTH))
            return true;
    }
    return true;
}

/* false: the controller stops. */
static bool walk(struct uhci *u, struct frame *f, u32 link)
{
    u32 visits = 0, mark = LINK_END, next_mark = 1, queue[2];
    struct td t;

    while (!(link & LINK_END) && visits < MAX_VISITS && !frame_full(f)) {
        u32 addr = link & LINK_ADDR;
        visits++;
        if (!(link & LINK_QUEUE)) {
            if (do_td(u, f, addr, &t) == TD_FATAL)
                return false;
            link = t.link;
            continue;
        }
        if (addr == mark && !f->progress)
            return true; /* once round, and nothing moved */
        if (addr == mark || visits >= next_mark) { /* Brent's cycle finder */
            mark = addr;
            next_mark = visits * 2;
            f->progress = false;
        }
        if (!fetch(u, addr, queue, 2))
            return false;
        if (!(queue[1] & LINK_END) && queue[1] & LINK_QUEUE) {
            link = queue[1]; /* a queue of queues */
            continue;
        }
        if (!do_queue(u, f, addr, queue[1], &visits))
            return false;
        link = queue[0];
    }
    return true;
}

bool uhci_do_frame(struct uhci *u)
{
    struct frame f = { 0 };
    u32 first;
    bool ok = true;

    if (!u->master(u->to))
        return false;
    if (u->plugged[0] || u->plugged[1])
        f.worked = true;
    ok = fetch(u, u->flbase + (u->frnum & (UHCI_LIST - 1)) * 4, &first, 1) && walk(u, &f, first);
    if (f.cause) {
        u->sts |= UHCI_STS_INT;
        u->cause |= f.cause;
    }
    if (f.error)
        u->sts |= UHCI_STS_ERROR;
    if (!ok)
        uhci_halt(u);
    return f.worked || !ok;
}
