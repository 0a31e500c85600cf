/* SPDX-License-Identifier: MIT */
/* Parallel port as in the SMSC FDC37C669 Super I/O (data sheet, "Parallel Port"), in its SPP,
 * bidirectional and EPP modes, with a Centronics printer at the other end whose paper is the
 * backend.
 *
 * The printer takes a character at the leading edge of STROBE and is busy until it has been let go
 * and 1 us has passed; then nACK is low for 5 us. A driver that polls may be away for longer than
 * that, the host's own pauses being part of ours, and SeaBIOS calls a character lost whose nACK it
 * has not seen: so while the interrupt is off, nACK stays low until it was read, 1 ms at most. The
 * interrupt comes with nACK's rising edge and holds until the status is read, the next nACK or
 * IRQE's end. What the backend cannot take yet keeps the printer busy.
 *
 * Without a backend, or while it has no other side, nothing is plugged in: pull-ups show nACK,
 * BUSY, PE, SLCT and nERROR high. No EPP peripheral is ever there, so that every EPP cycle runs
 * into its time-out (its 10 us are not waited for). Control's reset value is the 0Ch that firmware
 * leaves (data sheet: 00h, with which the printer would be held in its reset; SeaBIOS only looks
 * for the latch). Not modelled: ECP (no registers at base + 400h), IEEE 1284 negotiation (the
 * printer does not answer it), the chip's own configuration index. */
#include "core/chardev.h"
#include "core/device.h"

#define WORK_NS 1000u
#define ACK_NS 5000u
#define ACK_HELD_NS 1000000u
#define RETRY_NS 10000000u /* backend full: when to ask again */

enum { CTL_STROBE = 1, CTL_AUTOFD = 2, CTL_NINIT = 4, CTL_SLCTIN = 8, CTL_IRQE = 0x10,
       CTL_INPUT = 0x20, CTL_ALL = 0x3f };
enum { STS_TIMEOUT = 1, STS_NERROR = 8, STS_SLCT = 0x10, STS_PE = 0x20, STS_NACK = 0x40,
       STS_NBUSY = 0x80 };

enum phase {
    READY,
    FULL,   /* a character that the backend has not taken; the timer asks again */
    TAKEN,  /* STROBE still holds */
    WORK,   /* the timer ends it */
    ACK,    /* nACK low; the timer ends the pulse */
    HELD,   /* nACK still low, until it is seen or the timer ends it */
    NUM_PHASES
};

struct lpt {
    struct device dev;
    u32 iobase;
    struct chardev *chardev;
    struct wire irq;

    u8 data, control;
    u8 phase;
    u8 character;     /* FULL: what waits */
    bool seen;        /* ACK: low nACK was read */
    bool pending;     /* the interrupt */
    bool timed_out;   /* of an EPP cycle */
    struct timer timer;

    bool plugged;     /* the host's side: not saved */
};

static u64 now(const struct lpt *s)
{
    return clock_now(s->dev.sys->clock);
}

/* ---- what follows from the registers ---- */

static bool busy(const struct lpt *s)
{
    return s->phase == FULL || s->phase == TAKEN || s->phase == WORK || !(s->control & CTL_NINIT);
}

static u8 status(const struct lpt *s)
{
    u8 v = STS_NACK | STS_SLCT | STS_NERROR;

    if (!s->plugged)
        v |= STS_PE;
    else if (!busy(s))
        v |= STS_NBUSY;
    if (s->phase == ACK || s->phase == HELD)
        v &= (u8)~STS_NACK;
    return v | (s->timed_out ? STS_TIMEOUT : 0);
}

static void lpt_update(struct lpt *s)
{
    wire_set(&s->irq, s->pending && s->control & CTL_IRQE);
}

/* ---- the printer ---- */

static void enter(struct lpt *s, enum phase phase, u64 ns)
{
    s->phase = (u8)phase;
    if (ns)
        timer_at(&s->timer, now(s) + ns);
    else
        timer_off(&s->timer);
}

static void end_ack(struct lpt *s)
{
    enter(s, READY, 0);
    s->pending = s->control & CTL_IRQE; /* nACK rises */
}

static void begin_ack(struct lpt *s)
{
    enter(s, ACK, ACK_NS);
    s->seen = false;
    s->pending = false;
}

/* The character is on paper, or waits for the backend. */
static void taken(struct lpt *s)
{
    if (s->control & CTL_STROBE)
        enter(s, TAKEN, 0);
    else
        enter(s, WORK, WORK_NS);
}

static void offer(struct lpt *s)
{
    if (chardev_write(s->chardev, &s->character, 1))
        taken(s);
    else
        enter(s, FULL, RETRY_NS);
}

static void strobe_begins(struct lpt *s)
{
    if (!s->plugged || !(s->control & CTL_SLCTIN) || !(s->control & CTL_NINIT))
        return;
    if (busy(s)) {
        log_guest(s->dev.sys->log, s->dev.id, "strobe while the printer is busy");
        return;
    }
    if (s->phase == ACK || s->phase == HELD)
        end_ack(s);
    s->character = s->control & CTL_INPUT ? 0xff : s->data;
    offer(s);
}

static void timer_due(void *dev, u64 late)
{
    struct lpt *s = dev;
    (void)late;

    switch (s->phase) {
    case FULL:
        offer(s);
        break;
    case WORK:
        begin_ack(s);
        break;
    case ACK:
        if (s->seen || s->control & CTL_IRQE)
            end_ack(s);
        else
            enter(s, HELD, ACK_HELD_NS - ACK_NS);
        break;
    case HELD:
        end_ack(s);
        break;
    default:
        break;
    }
    lpt_update(s);
}

static void on_event(void *dev, int what)
{
    struct lpt *s = dev;

    if (what != CHARDEV_OPENED && what != CHARDEV_CLOSED)
        return;
    s->plugged = what == CHARDEV_OPENED;
    if (!s->plugged)
        enter(s, READY, 0);
    lpt_update(s);
}

/* ---- registers ---- */

static void write_control(struct lpt *s, u8 v)
{
    u8 old = s->control;

    s->control = v & CTL_ALL;
    if (!(v & CTL_IRQE))
        s->pending = false;
    if (!(v & CTL_NINIT)) {
        enter(s, READY, 0); /* the printer's own reset; a character that waited is gone */
        s->pending = false;
        return;
    }
    if (v & CTL_STROBE && !(old & CTL_STROBE))
        strobe_begins(s);
    else if (!(v & CTL_STROBE) && s->phase == TAKEN)
        enter(s, WORK, WORK_NS);
}

static void lpt_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct lpt *s = dev;
    u8 v = (u8)val;
    (void)size;

    switch (off) {
    case 0:
        s->data = v;
        break;
    case 1:
        if (v & STS_TIMEOUT)
            s->timed_out = false;
        break;
    case 2:
        write_control(s, v);
        break;
    default: /* EPP address and data */
        s->timed_out = true;
        break;
    }
    lpt_update(s);
}

static u32 lpt_peek(void *dev, u32 off, unsigned size)
{
    const struct lpt *s = dev;
    (void)size;

    switch (off) {
    case 0:
        return s->control & CTL_INPUT ? 0xff : s->data; /* nobody drives the lines */
    case 1:
        return status(s);
    case 2:
        return s->control;
    default:
        return 0xff;
    }
}

static u32 lpt_read(void *dev, u32 off, unsigned size)
{
    struct lpt *s = dev;
    u32 v = lpt_peek(dev, off, size);

    if (off == 1) {
        s->pending = false;
        if (s->phase == ACK)
            s->seen = true;
        else if (s->phase == HELD)
            end_ack(s);
    } else if (off > 2) {
        s->timed_out = true;
    }
    lpt_update(s);
    return v;
}

static const struct region_ops lpt_ops = { lpt_read, lpt_write, lpt_peek, 1, 1, false };

/* ---- device ---- */

static bool lpt_init(struct device *dev, struct err *e)
{
    struct lpt *s = (struct lpt *)dev;

    if (s->iobase > 0xfff8)
        return err_set(e, ERR_CONFIG, "iobase=%#x is no port", s->iobase);
    timer_init(&s->timer, dev->sys->clock, timer_due, s, "printer");
    s->plugged = s->chardev && !s->chardev->unplugged;
    if (s->chardev) {
        s->chardev->event = on_event;
        s->chardev->dev = s;
    }
    return device_io(dev, dev->id, s->iobase, 8, &lpt_ops, e) != NULL;
}

static void lpt_reset(struct device *dev, enum reset_kind kind)
{
    struct lpt *s = (struct lpt *)dev;
    (void)kind;

    s->data = s->character = 0;
    s->control = CTL_NINIT | CTL_SLCTIN;
    s->seen = s->pending = s->timed_out = false;
    enter(s, READY, 0);
    lpt_update(s);
}

static void lpt_close(struct device *dev)
{
    struct lpt *s = (struct lpt *)dev;

    if (s->chardev && s->chardev->dev == s)
        s->chardev->event = NULL;
}

static bool lpt_post_load(struct device *dev, struct err *e)
{
    struct lpt *s = (struct lpt *)dev;
    bool timed = s->phase == FULL || s->phase == WORK || s->phase == ACK || s->phase == HELD;

    if (s->control > CTL_ALL || s->phase >= NUM_PHASES || timed != timer_armed(&s->timer) ||
        (s->phase == TAKEN && !(s->control & CTL_STROBE)) ||
        (s->phase != READY && !(s->control & CTL_NINIT)) ||
        (s->pending && !(s->control & CTL_IRQE)))
        return err_set(e, ERR_STATE, "%s: impossible register values", dev->id);
    if (!s->plugged)
        enter(s, READY, 0);
    lpt_update(s);
    return true;
}

static void lpt_info(struct device *dev, struct strbuf *sb)
{
    static const char *const phases[NUM_PHASES] = { "ready", "backend full", "strobed", "at work",
                                                    "acknowledging", "acknowledging" };
    const struct lpt *s = (const struct lpt *)dev;

    sb_addf(sb, "%s: data=%02x status=%02x control=%02x, printer %s\n", dev->id, s->data,
            status(s), s->control, s->plugged ? phases[s->phase] : "not connected");
}

static const struct field lpt_fields[] = {
    F_U8(struct lpt, data),
    F_U8(struct lpt, control),
    F_U8(struct lpt, phase),
    F_U8(struct lpt, character),
    F_BOOL(struct lpt, seen),
    F_BOOL(struct lpt, pending),
    F_BOOL(struct lpt, timed_out),
    F_TIMER(struct lpt, timer),
    F_END,
};

static const struct prop lpt_props[] = {
    { "iobase", PROP_U32, offsetof(struct lpt, iobase), 0x378, NULL, "first of eight ports" },
    { "chardev", PROP_CHARDEV, offsetof(struct lpt, chardev), 0, NULL, "the printer's paper" },
    { NULL, PROP_U32, 0, 0, NULL, NULL },
};

static const struct pin lpt_pins[] = {
    { "irq", PIN_OUT, 1, offsetof(struct lpt, irq), NULL },
    { NULL, PIN_OUT, 0, 0, NULL },
};

static const struct reg_doc lpt_regs[] = {
    { "Data", "io+0", REG_RW, true, "reads as FFh while control's direction bit says input" },
    { "Status", "io+1", REG_MIXED, true, "bits 2 and 1 read as 0; TMOUT is cleared by writing 1" },
    { "Control", "io+2", REG_RW, true, "bits 7 and 6 read as 0" },
    { "EPP Address", "io+3", REG_RW, true, "every cycle times out" },
    { "EPP Data 0-3", "io+4..7", REG_RW, true, "every cycle times out" },
    { "ECP FIFO, configuration, ECR", "io+400h..402h", REG_RW, false, "no ECP mode" },
    REG_END,
};

const struct device_class lpt_class = {
    .name = "lpt",
    .desc = "parallel port (SPP, bidirectional, EPP) with a printer",
    .size = sizeof(struct lpt),
    .props = lpt_props,
    .pins = lpt_pins,
    .regs = lpt_regs,
    .init = lpt_init,
    .reset = lpt_reset,
    .close = lpt_close,
    .fields = lpt_fields,
    .version = 1,
    .post_load = lpt_post_load,
    .info = lpt_info,
};
