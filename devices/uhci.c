/* SPDX-License-Identifier: MIT */
/* Universal Host Controller Interface (Intel, Design Guide 1.1, March 1996): registers and root
 * hub. The schedule is in uhci_sched.c.
 *
 * The frame counter is a closed form of the clock. A frame's schedule is done at its end, at once,
 * which is when its interrupts are due. While frames have work there is a timer per frame; when the
 * whole list had none, and nothing is plugged in, one timer serves BATCH frames: what a driver puts
 * on the list then is answered by a time-out anyway. A stopped controller has no timer.
 *
 * Not modelled: over-current, bandwidth beyond 1,280 bytes a frame (MAXP is stored), the software
 * debug mode's single steps (SWDBG is stored and listed), the 20 ms of a resume (the bits are the
 * guest's to clear). HCRESET is over at once. */
#include "devices/uhci_int.h"

#define BATCH 32u /* a power of two below UHCI_LIST */

/* Bits that the guest sets and clears in PORTSC; enable and suspend need a device. */
#define PORT_W1C (UHCI_PORT_CONNECT_CHANGE | UHCI_PORT_ENABLE_CHANGE)

static u64 now(const struct uhci *u)
{
    return clock_now(u->dev->sys->clock);
}

static u64 frame_ns(const struct uhci *u)
{
    return (11936u + u->sofmod) * 250u / 3; /* bits of 1/12 us */
}

/* ---- what follows from the registers ---- */

bool uhci_irq_level(const struct uhci *u)
{
    u16 s = u->sts;

    return (s & UHCI_STS_INT && u->cause & u->intr) ||
           (s & UHCI_STS_ERROR && u->intr & UHCI_INTR_ERROR) ||
           (s & UHCI_STS_RESUME && u->intr & UHCI_INTR_RESUME) ||
           s & (UHCI_STS_SYSTEM | UHCI_STS_PROCESS); /* these cannot be masked */
}

void uhci_update(struct uhci *u)
{
    u->irq(u->to, uhci_irq_level(u));
}

/* ---- frames ---- */

static bool running(const struct uhci *u)
{
    return u->cmd & UHCI_CMD_RS;
}

static bool anything_plugged(const struct uhci *u)
{
    for (unsigned n = 0; n < UHCI_PORTS; n++)
        if (u->plugged[n])
            return true;
    return false;
}

static void arm(struct uhci *u)
{
    u64 more = 0;

    if (!running(u)) {
        timer_off(&u->frame);
        return;
    }
    if (u->quiet == UHCI_LIST && !anything_plugged(u))
        more = ~(u32)u->frnum & (BATCH - 1); /* to the batch's last frame */
    timer_at(&u->frame, u->frame_end + more * frame_ns(u));
}

void uhci_halt(struct uhci *u)
{
    if (running(u))
        u->sts |= UHCI_STS_HALTED;
    u->cmd &= (u16)~UHCI_CMD_RS;
    arm(u);
}

/* Does the frames that are over, with the effects of each before the next. Bounded: the timer is
 * never more than BATCH frames away. */
static void catch_up(struct uhci *u)
{
    u64 t = now(u);

    while (running(u) && t >= u->frame_end) {
        bool worked = uhci_do_frame(u);
        u->quiet = worked ? 0 : (u16)MIN(u->quiet + 1u, UHCI_LIST);
        if (!running(u))
            break;
        u->frnum = (u16)((u->frnum + 1) & 0x7ff);
        u->frame_end += frame_ns(u);
    }
}

static void frame_due(void *dev, u64 late)
{
    struct uhci *u = dev;
    (void)late;
    catch_up(u);
    arm(u);
    uhci_update(u);
}

static void start(struct uhci *u)
{
    u->sts &= (u16)~UHCI_STS_HALTED;
    u->quiet = 0;
    u->frame_end = now(u) + frame_ns(u);
}

/* ---- root hub ---- */

static void port_connect(struct uhci *u, unsigned n, bool change)
{
    u16 *p = &u->port[n];
    struct usb_device *d = u->plugged[n];
    u16 was = *p & UHCI_PORT_CONNECTED;

    *p &= (u16)~(UHCI_PORT_CONNECTED | UHCI_PORT_LINE_DP | UHCI_PORT_LINE_DM |
                 UHCI_PORT_LOW_SPEED);
    if (d)
        *p |= d->low_speed ? UHCI_PORT_CONNECTED | UHCI_PORT_LINE_DM | UHCI_PORT_LOW_SPEED
                           : UHCI_PORT_CONNECTED | UHCI_PORT_LINE_DP;
    if (!change && was == (*p & UHCI_PORT_CONNECTED))
        return;
    *p |= UHCI_PORT_CONNECT_CHANGE;
    if (!d && *p & UHCI_PORT_ENABLED)
        *p |= UHCI_PORT_ENABLE_CHANGE;
    if (!d)
        *p &= (u16)~(UHCI_PORT_ENABLED | UHCI_PORT_SUSPEND | UHCI_PORT_RESUME);
    if (u->cmd & UHCI_CMD_EGSM)
        u->sts |= UHCI_STS_RESUME;
}

void uhci_plug(struct uhci *u, unsigned n, struct usb_device *d)
{
    if (n >= UHCI_PORTS || u->plugged[n] == d)
        return;
    catch_up(u);
    if (u->plugged[n] && d) { /* the old one goes first */
        u->plugged[n] = NULL;
        port_connect(u, n, true);
    }
    u->plugged[n] = d;
    if (!(u->cmd & UHCI_CMD_GRESET))
        port_connect(u, n, true);
    arm(u);
    uhci_update(u);
}

void uhci_wake(struct uhci *u, unsigned n)
{
    if (n >= UHCI_PORTS || !u->plugged[n])
        return;
    if (u->port[n] & UHCI_PORT_SUSPEND)
        u->port[n] |= UHCI_PORT_RESUME;
    else if (!(u->cmd & UHCI_CMD_EGSM))
        return;
    if (u->cmd & UHCI_CMD_EGSM)
        u->cmd |= UHCI_CMD_FGR; /* the controller drives the resume until the guest ends it */
    u->sts |= UHCI_STS_RESUME;
    uhci_update(u);
}

static void bus_reset(struct uhci *u, unsigned n)
{
    if (u->plugged[n])
        u->plugged[n]->bus_reset(u->plugged[n]);
}

static void write_port(struct uhci *u, unsigned n, u16 v, u16 mask)
{
    u16 *p = &u->port[n], old = *p;
    u16 settable = UHCI_PORT_RESET;

    *p &= (u16)~(v & mask & PORT_W1C);
    if (u->plugged[n])
        settable |= UHCI_PORT_ENABLED | UHCI_PORT_SUSPEND | UHCI_PORT_RESUME;
    *p = (u16)((*p & ~(settable & mask)) | (v & mask & settable));
    if (*p & UHCI_PORT_RESET) {
        *p &= (u16)~(UHCI_PORT_ENABLED | UHCI_PORT_SUSPEND | UHCI_PORT_RESUME);
        if (!(old & UHCI_PORT_RESET))
            bus_reset(u, n);
    }
    if (old & UHCI_PORT_RESUME && !(*p & UHCI_PORT_RESUME))
        *p &= (u16)~UHCI_PORT_SUSPEND; /* the port is back */
}

/* ---- registers ---- */

/* All of it, to power-on state, but for what is plugged in: that shows as newly connected. */
void uhci_reset(struct uhci *u)
{
    u->cmd = 0;
    u->sts = UHCI_STS_HALTED;
    u->intr = u->frnum = 0;
    u->flbase = 0;
    u->sofmod = 64;
    u->cause = 0;
    u->frame_end = 0;
    u->quiet = 0;
    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        u->port[n] = UHCI_PORT_ONE;
        port_connect(u, n, false);
    }
    arm(u);
    uhci_update(u);
}

static void global_reset(struct uhci *u, u16 v)
{
    uhci_reset(u);
    u->cmd = v & (UHCI_CMD_GRESET | UHCI_CMD_CF | UHCI_CMD_MAXP);
    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        u->port[n] = UHCI_PORT_ONE; /* the lines are held at 0: nobody is seen */
        bus_reset(u, n);
    }
}

static void write_cmd(struct uhci *u, u16 v)
{
    u16 old = u->cmd;

    v &= UHCI_CMD_ALL;
    if (v & UHCI_CMD_HCRESET) {
        uhci_reset(u);
        return;
    }
    if (v & UHCI_CMD_GRESET) {
        if (!(old & UHCI_CMD_GRESET))
            global_reset(u, v);
        return;
    }
    if (old & UHCI_CMD_GRESET)
        for (unsigned n = 0; n < UHCI_PORTS; n++)
            port_connect(u, n, false);
    if (v & UHCI_CMD_SWDBG && !(old & UHCI_CMD_SWDBG))
        log_unimp(u->dev->sys->log, u->dev->id, "software debug mode");
    u->cmd = v;
    if (v & UHCI_CMD_RS && !(old & UHCI_CMD_RS)) {
        start(u);
    } else if (!(v & UHCI_CMD_RS) && old & UHCI_CMD_RS) {
        u->cmd |= UHCI_CMD_RS;
        uhci_halt(u);
    }
}

static u16 merge(u16 old, u16 v, u16 mask)
{
    return (u16)((old & ~mask) | (v & mask));
}

static u16 read16(struct uhci *u, u32 off)
{
    switch (off) {
    case 0x00: return u->cmd;
    case 0x02: return u->sts;
    case 0x04: return u->intr;
    case 0x06: return u->frnum;
    case 0x08: return (u16)u->flbase;
    case 0x0a: return (u16)(u->flbase >> 16);
    case 0x0c: return u->sofmod;
    case 0x10: return u->port[0];
    case 0x12: return u->port[1];
    default: return 0; /* bit 7 clear: no port */
    }
}

/* mask: 00FFh or FF00h for half a register. */
static void write16(struct uhci *u, u32 off, u16 v, u16 mask)
{
    switch (off) {
    case 0x00:
        write_cmd(u, merge(u->cmd, v, mask));
        break;
    case 0x02:
        u->sts &= (u16)~(v & mask);
        if (!(u->sts & UHCI_STS_INT))
            u->cause = 0;
        break;
    case 0x04:
        u->intr = merge(u->intr, v, mask) & 0x0f;
        break;
    case 0x06:
        if (!running(u))
            u->frnum = merge(u->frnum, v, mask) & 0x7ff;
        else
            log_guest(u->dev->sys->log, u->dev->id, "FRNUM written while running");
        break;
    case 0x08:
        u->flbase = (u->flbase & 0xffff0000u) | (merge((u16)u->flbase, v, mask) & 0xf000u);
        u->quiet = 0;
        break;
    case 0x0a:
        u->flbase = (u->flbase & 0xffffu) | (u32)merge((u16)(u->flbase >> 16), v, mask) << 16;
        u->quiet = 0;
        break;
    case 0x0c:
        u->sofmod = (u8)(merge(u->sofmod, v, mask) & 0x7f);
        break;
    case 0x10:
    case 0x12:
        write_port(u, (off - 0x10) / 2, v, mask);
        break;
    default:
        break;
    }
}

u32 uhci_peek(struct uhci *u, u32 off, unsigned size)
{
    u16 v = read16(u, off & ~1u);
    u64 t = now(u);

    if ((off & ~1u) == 6 && running(u) && t >= u->frame_end) /* not yet done, but over */
        v = (u16)((v + 1 + (t - u->frame_end) / frame_ns(u)) & 0x7ff);
    return size == 1 ? v >> (off & 1) * 8 & 0xff : v;
}

u32 uhci_read(struct uhci *u, u32 off, unsigned size)
{
    catch_up(u);
    arm(u);
    uhci_update(u);
    return uhci_peek(u, off, size);
}

void uhci_write(struct uhci *u, u32 off, u32 val, unsigned size)
{
    u32 shift = (off & 1) * 8;

    catch_up(u);
    write16(u, off & ~1u, (u16)(val << shift), size == 1 ? (u16)(0xff << shift) : 0xffff);
    arm(u);
    uhci_update(u);
}

/* ---- life ---- */

void uhci_init(struct uhci *u, struct device *dev)
{
    u->dev = dev;
    timer_init(&u->frame, dev->sys->clock, frame_due, u, "uhci frame");
}

void uhci_close(struct uhci *u)
{
    timer_off(&u->frame);
}

bool uhci_post_load(struct uhci *u, struct err *e)
{
    u64 t = now(u), frame = frame_ns(u);

    for (unsigned n = 0; n < UHCI_PORTS; n++) {
        bool plugged = u->plugged[n] != NULL;
        u16 p = u->port[n], allowed = UHCI_PORT_ONE | PORT_W1C | UHCI_PORT_RESET;
        if (plugged)
            allowed |= 0x1fff & ~0xc00;
        if (p & ~allowed || !(p & UHCI_PORT_ONE))
            return err_set(e, ERR_STATE, "%s: port %u cannot be %04x", u->dev->id, n, p);
    }
    if (u->cmd & ~UHCI_CMD_ALL || u->cmd & UHCI_CMD_HCRESET ||
        (u->cmd & UHCI_CMD_GRESET && running(u)) || u->sts & ~UHCI_STS_ALL || u->intr > 0x0f ||
        u->frnum > 0x7ff || u->flbase & 0xfff || u->sofmod > 0x7f || u->quiet > UHCI_LIST ||
        u->cause & ~(UHCI_INTR_IOC | UHCI_INTR_SHORT) ||
        (u->cause && !(u->sts & UHCI_STS_INT)) || running(u) != timer_armed(&u->frame) ||
        (running(u) && (u->frame_end > t + frame || u->frame_end + BATCH * frame < t ||
                        u->frame.when < u->frame_end ||
                        u->frame.when > u->frame_end + (BATCH - 1) * frame)))
        return err_set(e, ERR_STATE, "%s: impossible register values", u->dev->id);
    return true;
}

void uhci_info(struct uhci *u, struct strbuf *sb)
{
    sb_addf(sb, "%s, cmd=%04x sts=%04x intr=%x frame=%03x list=%08x sofmod=%u ports=%04x,%04x\n",
            running(u) ? "running" : "stopped", u->cmd, u->sts, u->intr, uhci_peek(u, 6, 2),
            u->flbase, u->sofmod, u->port[0], u->port[1]);
}

const struct field uhci_fields[] = {
    F_U16(struct uhci, cmd), F_U16(struct uhci, sts), F_U16(struct uhci, intr),
    F_U16(struct uhci, frnum), F_U32(struct uhci, flbase), F_U8(struct uhci, sofmod),
    F_ARRAY(struct uhci, port, u16), F_U8(struct uhci, cause), F_U64(struct uhci, frame_end),
    F_U16(struct uhci, quiet), F_TIMER(struct uhci, frame), F_END,
};
