/* SPDX-License-Identifier: MIT */
/* Intel 8254 programmable interval timer (data sheet 231164): three 16-bit counters, six modes.
 *
 * Nothing ticks. CLK edge k lies at k / 1193182 s of guest time; a counter holds its state at one
 * such edge, and ctr_advance() moves it to a later one in closed form. An OUT edge that somebody
 * is wired to gets a timer. Two kinds of edges share one timer, so that no guest makes the host
 * busy: in real time the low pulse of one CLK (modes 2, 4, 5) is driven together with the rise
 * that ends it, and in every mode periods below 20 us are sampled every 20 us, with one edge for
 * all that passed. Registers always read the exact state.
 *
 * Power-on state is undefined in the data sheet; here counters stand in mode 0 with OUT low and
 * don't count until a count is written. GATE inputs that are not wired are high.
 * Not modelled: BCD digits above 9 in a count (they are taken at their decimal weight). */
#include "core/device.h"

#define PIT_HZ 1193182u
#define MERGE_TICKS 24u /* the first number of CLKs that is no less than 20 us */
#define NO_TICK UINT64_MAX

struct counter {
    u64 at;        /* CLK edge at which the fields below hold */
    u64 load_at;   /* CE := CR at this edge; NO_TICK: no load is pending */
    u32 ce;        /* counting element, 0..max; modes 2 and 3: CLKs to the reload or toggle, >= 1 */
    u32 period;    /* mode 3: the count that this half was loaded with */
    u32 cr;        /* count register as a number, 1..max */
    u16 latch;     /* latched count, as it is read */
    u8 control;    /* bits 5..0 of the control word as written */
    u8 status;     /* latched status */
    u8 write_low;  /* first byte of a two-byte count */
    u8 latched;    /* bytes of latched count still to read: 0, 1, 2 */
    bool status_latched;
    bool write_msb, read_msb; /* two-byte access: which byte is next */
    bool gate, out;
    bool written;  /* a count was written since the control word */
    bool loaded;   /* and has reached CE */
    bool null;     /* NULL COUNT: CR not yet in CE */
    bool hold;     /* mode 0: between the two bytes of a count */
    bool armed;    /* modes 1, 4, 5: the end of this count will change OUT */
    bool fell;     /* OUT was low at some time since the wire was last driven */
    struct timer edge;
};

struct i8254 {
    struct device dev;
    u32 iobase;
    struct counter ctr[3];
    struct wire out[3];
};

enum { RW_LATCH, RW_LSB, RW_MSB, RW_BOTH };

static u64 tick_of(u64 ns)
{
    return ns / NS_PER_SEC * PIT_HZ + ns % NS_PER_SEC * PIT_HZ / NS_PER_SEC;
}

static u64 ns_of(u64 tick) /* the first nanosecond at which tick_of() gives it */
{
    return tick / PIT_HZ * NS_PER_SEC + (tick % PIT_HZ * NS_PER_SEC + PIT_HZ - 1) / PIT_HZ;
}

static unsigned mode_of(const struct counter *c)
{
    unsigned m = c->control >> 1 & 7;
    return m >= 6 ? m - 4 : m;
}

static unsigned rw_of(const struct counter *c)
{
    return c->control >> 4 & 3;
}

static bool is_bcd(const struct counter *c)
{
    return c->control & 1;
}

static u32 max_of(const struct counter *c)
{
    return is_bcd(c) ? 10000 : 65536;
}

static u32 decode(const struct counter *c, u16 raw)
{
    u32 n = raw;
    if (is_bcd(c))
        n = ((raw >> 12) * 1000u + (raw >> 8 & 15) * 100u + (raw >> 4 & 15) * 10u + (raw & 15)) %
            10000;
    return n ? n : max_of(c);
}

static u16 encode(const struct counter *c, u32 n)
{
    n %= max_of(c);
    if (!is_bcd(c))
        return (u16)n;
    return (u16)(n / 1000 << 12 | n / 100 % 10 << 8 | n / 10 % 10 << 4 | n % 10);
}

/* ---- counting in closed form ---- */

static u32 half_of(u32 count, bool high)
{
    u32 n = high ? (count + 1) / 2 : count / 2;
    return n ? n : 1; /* a count of 1 is illegal in mode 3; it must only not hang us */
}

static void set_out(struct counter *c, bool level)
{
    c->out = level;
    if (!level)
        c->fell = true;
}

static void count_rate(struct counter *c, u64 n) /* mode 2 */
{
    if (n >= c->ce) {
        n -= c->ce;
        c->null = false;
        /* one low CLK lies before each reload */
        c->fell = true;
        n %= c->cr;
        c->ce = c->cr;
    }
    c->ce -= (u32)n;
    set_out(c, c->ce != 1);
}

static void toggle(struct counter *c)
{
    set_out(c, !c->out);
    c->period = c->cr;
    c->null = false;
    c->ce = half_of(c->period, c->out);
}

static void count_square(struct counter *c, u64 n) /* mode 3 */
{
    if (n >= c->ce) {
        n -= c->ce;
        toggle(c);
        u64 both = half_of(c->cr, true) + half_of(c->cr, false);
        if (n >= both)
            c->fell = true;
        n %= both;
        if (n >= c->ce) {
            n -= c->ce;
            toggle(c);
        }
    }
    c->ce -= (u32)n;
}

static void count_down(struct counter *c, u64 n) /* modes 0, 1, 4, 5 */
{
    unsigned mode = mode_of(c);
    u32 max = max_of(c);

    if (c->armed && n >= c->ce) {
        bool strobe = mode >= 4;
        u64 past = n - c->ce;
        c->armed = false;
        if (strobe)
            c->fell = true;
        set_out(c, !strobe || past > 0);
    } else if (mode >= 4 && !c->out) {
        set_out(c, true); /* the strobe lasts one CLK */
    }
    c->ce = (u32)((c->ce + max - n % max) % max);
}

/* n CLKs without a load in them. */
static void count(struct counter *c, u64 n)
{
    unsigned mode = mode_of(c);
    bool triggered = mode == 1 || mode == 5;

    if (!n || !c->loaded)
        return;
    if (!triggered && (!c->gate || c->hold)) {
        /* GATE doesn't lengthen a strobe that has begun */
        if (mode == 4 && !c->out)
            set_out(c, true);
        return;
    }
    if (mode == 2)
        count_rate(c, n);
    else if (mode == 3)
        count_square(c, n);
    else
        count_down(c, n);
}

static void load(struct counter *c)
{
    c->load_at = NO_TICK;
    c->loaded = true;
    c->null = false;
    c->hold = false;
    c->period = c->cr;
    c->ce = c->cr;
    switch (mode_of(c)) {
    case 0:
        c->armed = true;
        break;
    case 1:
        c->armed = true;
        set_out(c, false);
        break;
    case 2:
        set_out(c, !(c->ce == 1 && c->gate));
        break;
    case 3:
        set_out(c, true);
        c->ce = half_of(c->period, true);
        break;
    default:
        c->armed = true;
        set_out(c, true);
        break;
    }
}

static void ctr_advance(struct counter *c, u64 tick)
{
    if (tick <= c->at)
        return;
    if (c->load_at <= tick) {
        u64 clk = c->load_at;
        count(c, clk - 1 - c->at);
        load(c);
        c->at = clk;
    }
    count(c, tick - c->at);
    c->at = tick;
}

/* CLK edge of the next change of OUT if nothing is written meanwhile. */
static u64 next_edge(const struct counter *c)
{
    unsigned mode = mode_of(c);
    bool triggered = mode == 1 || mode == 5;

    if (c->load_at != NO_TICK) {
        struct counter t = *c;
        ctr_advance(&t, c->load_at);
        return t.out != c->out ? c->load_at : next_edge(&t);
    }
    if (mode >= 4 && !c->out)
        return c->at + 1;
    if (!c->loaded || (!triggered && (!c->gate || c->hold)))
        return NO_TICK;
    if (mode == 2) {
        if (c->cr == 1 && c->ce == 1)
            return NO_TICK;
        return c->ce > 1 ? c->at + c->ce - 1 : c->at + 1;
    }
    if (mode == 3)
        return c->at + c->ce;
    return c->armed ? c->at + c->ce : NO_TICK;
}

/* When to look at the counter next, for its OUT wire's sake. */
static u64 next_event(const struct counter *c, bool exact)
{
    u64 edge = next_edge(c);
    unsigned mode = mode_of(c);

    if (edge == NO_TICK)
        return edge;
    bool is_short = c->cr < MERGE_TICKS;
    if ((mode == 2 && is_short) ||
        (mode == 3 && (is_short || (!exact && c->cr < 2 * MERGE_TICKS)))) {
        /* the end of a period: the next one, or the first that is 20 us away */
        struct counter t = *c;
        ctr_advance(&t, edge);
        u64 rise = t.out ? edge : next_edge(&t);
        if (rise == NO_TICK)
            return edge;
        u64 period = mode == 2 ? c->cr : half_of(c->cr, true) + half_of(c->cr, false);
        u64 from = c->at + (is_short ? MERGE_TICKS : 1);
        return rise >= from ? rise : rise + (from - rise + period - 1) / period * period;
    }
    if (!exact && c->out && (mode == 2 || mode >= 4))
        return edge + 1;
    return edge;
}

static void pit_update(struct i8254 *s, unsigned n)
{
    struct counter *c = &s->ctr[n];
    const struct wire *w = &s->out[n];

    if (c->out && c->fell)
        wire_set(w, 0);
    c->fell = !c->out;
    wire_set(w, c->out);

    u64 tick = w->set ? next_event(c, s->dev.sys->clock->source != CLOCK_REAL) : NO_TICK;
    if (tick == NO_TICK)
        timer_off(&c->edge);
    else if (!timer_armed(&c->edge) || c->edge.when != ns_of(tick))
        timer_at(&c->edge, ns_of(tick));
}

/* Brings counter n up to now; the caller changes it and ends with pit_update(). */
static struct counter *sync(struct i8254 *s, unsigned n)
{
    struct counter *c = &s->ctr[n];
    ctr_advance(c, tick_of(clock_now(s->dev.sys->clock)));
    return c;
}

static void edge_due(struct i8254 *s, unsigned n)
{
    sync(s, n);
    pit_update(s, n);
}

static void edge0(void *dev, u64 late) { (void)late; edge_due(dev, 0); }
static void edge1(void *dev, u64 late) { (void)late; edge_due(dev, 1); }
static void edge2(void *dev, u64 late) { (void)late; edge_due(dev, 2); }

/* ---- inputs and registers ---- */

static void gate_input(void *to, int n, int level)
{
    struct i8254 *s = to;
    unsigned i = (unsigned)n % 3;
    if (s->ctr[i].gate == !!level)
        return;
    struct counter *c = sync(s, i);
    unsigned mode = mode_of(c);

    c->gate = level;
    if (!level && (mode == 2 || mode == 3)) {
        /* CE stands; the two halves of an odd count differ in how we count them */
        if (mode == 3 && c->loaded && !c->out && c->period & 1)
            c->ce++;
        set_out(c, true);
    }
    if (level && c->written && (mode == 1 || mode == 2 || mode == 3 || mode == 5))
        c->load_at = c->at + 1;
    pit_update(s, i);
}

static void write_control(struct counter *c, u8 v)
{
    c->control = v & 0x3f;
    c->load_at = NO_TICK;
    c->ce = c->cr = c->period = 1; /* nothing reads them before a count is written */
    c->written = c->loaded = c->hold = c->armed = false;
    c->null = true;
    c->latched = 0;
    c->status_latched = false;
    c->write_msb = c->read_msb = false;
    set_out(c, mode_of(c) != 0);
}

static void write_count(struct counter *c, u8 v)
{
    unsigned mode = mode_of(c);
    u16 raw = v;

    switch (rw_of(c)) {
    case RW_MSB:
        raw = (u16)(v << 8);
        break;
    case RW_BOTH:
        c->write_msb = !c->write_msb;
        if (c->write_msb) {
            c->write_low = v;
            if (mode == 0) {
                /* counting stops and OUT falls at once */
                c->hold = true;
                c->armed = false;
                c->load_at = NO_TICK;
                set_out(c, false);
            }
            return;
        }
        raw = (u16)(v << 8 | c->write_low);
        break;
    default:
        break;
    }
    c->cr = decode(c, raw);
    c->null = true;
    if (mode == 0) {
        c->armed = false;
        set_out(c, false);
    }
    /* Modes 0 and 4 load each count, 2 and 3 the first; 1 and 5 wait for their trigger. */
    if (mode == 0 || mode == 4 || ((mode == 2 || mode == 3) && !c->written))
        c->load_at = c->at + 1;
    c->written = true;
}

/* A count that waits for its CLK is read as loaded already. A real bus cycle lasts longer than one CLK,
 * so that no program has ever read the old count behind a write; here the read can follow within
 * nanoseconds, and Linux' quick TSC calibration gives up if it does not see its count at once. */
static u16 count_now(const struct counter *counter)
{
    struct counter t = *counter;
    const struct counter *c = &t;

    if (t.load_at != NO_TICK)
        load(&t);
    u32 n = t.ce;

    if (!c->loaded)
        return encode(c, 0);
    if (mode_of(c) == 3) {
        n = 2 * c->ce;
        if (c->period & 1 && c->out)
            n -= 2;
    }
    return encode(c, n);
}

static void latch_count(struct counter *c)
{
    if (c->latched)
        return; /* until it is read, further latch commands are ignored */
    c->latch = count_now(c);
    c->latched = rw_of(c) == RW_BOTH ? 2 : 1;
    /* A two-byte latch begins with the low byte only if reading stood there: the flip-flop is
     * one for latched and unlatched reads. */
    if (c->latched == 2 && c->read_msb)
        c->latched = 1;
}

static u8 status_now(const struct counter *c)
{
    return (u8)(c->out << 7 | c->null << 6 | c->control);
}

static u8 read_count(struct counter *c, bool peek)
{
    struct counter t = *c;
    struct counter *p = peek ? &t : c;

    if (p->status_latched) {
        p->status_latched = false;
        return p->status;
    }
    u16 v = p->latched ? p->latch : count_now(p);
    if (p->latched)
        p->latched--;
    switch (rw_of(p)) {
    case RW_MSB:
        return (u8)(v >> 8);
    case RW_BOTH:
        p->read_msb = !p->read_msb;
        return (u8)(p->read_msb ? v : v >> 8);
    default:
        return (u8)v;
    }
}

static void read_back(struct i8254 *s, u8 v)
{
    for (unsigned i = 0; i < 3; i++) {
        if (!(v & BIT(i + 1)))
            continue;
        struct counter *c = sync(s, i);
        if (!(v & 0x20))
            latch_count(c);
        if (!(v & 0x10) && !c->status_latched) {
            c->status = status_now(c);
            c->status_latched = true;
        }
        pit_update(s, i);
    }
}

static void pit_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i8254 *s = dev;
    u8 v = (u8)val;
    unsigned n = off == 3 ? v >> 6 : off;
    (void)size;

    if (n == 3) {
        if (v & 1)
            log_guest(s->dev.sys->log, s->dev.id, "read-back command with bit 0 set");
        read_back(s, v);
        return;
    }
    struct counter *c = sync(s, n);
    if (off != 3)
        write_count(c, v);
    else if ((v >> 4 & 3) == RW_LATCH)
        latch_count(c);
    else
        write_control(c, v);
    pit_update(s, n);
}

static u32 pit_read(void *dev, u32 off, unsigned size)
{
    struct i8254 *s = dev;
    (void)size;

    if (off == 3)
        return 0xff; /* the control word can't be read: the bus floats */
    u8 v = read_count(sync(s, off), false);
    pit_update(s, off);
    return v;
}

static u32 pit_peek(void *dev, u32 off, unsigned size)
{
    struct i8254 *s = dev;
    (void)size;

    if (off == 3)
        return 0xff;
    struct counter t = s->ctr[off];
    ctr_advance(&t, tick_of(clock_now(s->dev.sys->clock)));
    return read_count(&t, true);
}

/* ---- device ---- */

static const struct region_ops pit_ops = { pit_read, pit_write, pit_peek, 1, 1, false };

static bool pit_init(struct device *dev, struct err *e)
{
    struct i8254 *s = (struct i8254 *)dev;
    static timer_fn *const due[3] = { edge0, edge1, edge2 };

    for (unsigned i = 0; i < 3; i++) {
        timer_init(&s->ctr[i].edge, dev->sys->clock, due[i], s, "pit");
        s->ctr[i].gate = true;
        s->ctr[i].load_at = NO_TICK;
    }
    return device_io(dev, dev->id, s->iobase, 4, &pit_ops, e) != NULL;
}

static void pit_close(struct device *dev)
{
    for (unsigned i = 0; i < 3; i++)
        timer_off(&((struct i8254 *)dev)->ctr[i].edge);
}

static void pit_reset(struct device *dev, enum reset_kind kind)
{
    struct i8254 *s = (struct i8254 *)dev;
    (void)kind;

    for (unsigned i = 0; i < 3; i++) {
        struct counter *c = sync(s, i);
        write_control(c, RW_BOTH << 4);
        c->latch = c->status = c->write_low = 0;
        pit_update(s, i);
    }
}

static bool pit_post_load(struct device *dev, struct err *e)
{
    struct i8254 *s = (struct i8254 *)dev;

    for (unsigned i = 0; i < 3; i++) {
        struct counter *c = &s->ctr[i];
        unsigned mode = mode_of(c);
        u32 max = max_of(c);
        bool ok = c->control < 0x40 && rw_of(c) != RW_LATCH && c->latched <= 2 && c->cr >= 1 &&
                  c->cr <= max && c->period >= 1 && c->period <= max && c->ce <= max &&
                  (c->load_at == NO_TICK || c->load_at == c->at + 1) &&
                  c->at <= tick_of(clock_now(dev->sys->clock));
        if (c->loaded && (mode == 2 || mode == 3))
            ok = ok && c->ce >= 1;
        if (!ok)
            return err_set(e, ERR_STATE, "%s: counter %u has impossible values", dev->id, i);
        wire_set(&s->out[i], c->out);
    }
    return true;
}

static void pit_info(struct device *dev, struct strbuf *sb)
{
    struct i8254 *s = (struct i8254 *)dev;
    static const char *const rw[4] = { "latch", "lsb", "msb", "both" };

    for (unsigned i = 0; i < 3; i++) {
        struct counter t = s->ctr[i];
        ctr_advance(&t, tick_of(clock_now(dev->sys->clock)));
        sb_addf(sb, "%s counter %u: mode %u %s%s count %04x reload %u gate %d out %d%s\n", dev->id,
                i, mode_of(&t), rw[rw_of(&t)], is_bcd(&t) ? " bcd" : "", count_now(&t), t.cr,
                t.gate, t.out, t.written ? "" : " (no count written)");
    }
}

static const struct field counter_fields[] = {
    F_U64(struct counter, at),
    F_U64(struct counter, load_at),
    F_U32(struct counter, ce),
    F_U32(struct counter, period),
    F_U32(struct counter, cr),
    F_U16(struct counter, latch),
    F_U8(struct counter, control),
    F_U8(struct counter, status),
    F_U8(struct counter, write_low),
    F_U8(struct counter, latched),
    F_BOOL(struct counter, status_latched),
    F_BOOL(struct counter, write_msb),
    F_BOOL(struct counter, read_msb),
    F_BOOL(struct counter, gate),
    F_BOOL(struct counter, out),
    F_BOOL(struct counter, written),
    F_BOOL(struct counter, loaded),
    F_BOOL(struct counter, null),
    F_BOOL(struct counter, hold),
    F_BOOL(struct counter, armed),
    F_BOOL(struct counter, fell),
    F_TIMER(struct counter, edge),
    F_END,
};

static const struct field pit_fields[] = {
    F_SUB(struct i8254, ctr, struct counter, counter_fields),
    F_END,
};

static const struct prop pit_props[] = {
    { "iobase", PROP_U32, offsetof(struct i8254, iobase), 0x40, NULL, "first of four ports" },
    { NULL, PROP_U32, 0, 0, NULL, NULL },
};

static const struct pin pit_pins[] = {
    { "gate", PIN_IN, 3, 0, gate_input },
    { "out", PIN_OUT, 3, offsetof(struct i8254, out), NULL },
    { NULL, PIN_OUT, 0, 0, NULL },
};

static const struct reg_doc pit_regs[] = {
    { "Counter 0", "io+0", REG_RW, true, NULL },
    { "Counter 1", "io+1", REG_RW, true, NULL },
    { "Counter 2", "io+2", REG_RW, true, NULL },
    { "Control word", "io+3", REG_WO, true, NULL },
    { "Counter latch command", "io+3 (RW = 00)", REG_WO, true, NULL },
    { "Read-back command", "io+3 (SC = 11)", REG_WO, true, NULL },
    { "Status byte", "io+0..2 after read-back", REG_RO, true, NULL },
    REG_END,
};

const struct device_class i8254_class = {
    .name = "i8254",
    .desc = "Intel 8254 programmable interval timer",
    .size = sizeof(struct i8254),
    .props = pit_props,
    .pins = pit_pins,
    .regs = pit_regs,
    .init = pit_init,
    .reset = pit_reset,
    .close = pit_close,
    .fields = pit_fields,
    .version = 1,
    .post_load = pit_post_load,
    .info = pit_info,
};
