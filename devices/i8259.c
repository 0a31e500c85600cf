/* SPDX-License-Identifier: MIT */
/* Intel 8259A programmable interrupt controller (data sheet 231468), with the edge/level control
 * register (ELCR) of the 82371AB PIIX4 (290562, section 4.1.4) beside it.
 *
 * INT is a pure function of lines, latches, mask, in-service register and mode bits: pic_update()
 * derives it after each change. An edge-triggered request needs its line high until INTA, as the
 * data sheet has it: a line that falls early takes the request with it and leaves IR7 (spurious).
 *
 * Not modelled: the 3-byte CALL of MCS-80/85 mode (the byte that an x86 takes as vector is given),
 * the SP/EN output of buffered mode (only its effect on master/slave). */
#include "devices/i8259.h"

struct i8259 {
    struct device dev;
    u32 iobase, elcr_port, slave;
    struct wire out_int, cas;

    u8 lines;      /* levels of IR0..7 */
    u8 latch;      /* rising edge seen, not yet acknowledged, line still high */
    u8 imr, isr;
    u8 elcr;
    u8 icw1, icw2, icw3, icw4;
    u8 step;       /* which ICW the next write to A0=1 is: 2, 3, 4; 0: OCW1 */
    u8 lowest;     /* IR with the lowest priority: 7 unless rotated */
    bool read_isr; /* OCW3 RR/RIS */
    bool poll;     /* the next read is a poll */
    bool special_mask;
    bool rotate_aeoi;
};

enum { ICW1_IC4 = 1, ICW1_SNGL = 2, ICW1_ADI = 4, ICW1_LTIM = 8, ICW1_INIT = 0x10 };
enum { ICW4_UPM = 1, ICW4_AEOI = 2, ICW4_MS = 4, ICW4_BUF = 8, ICW4_SFNM = 0x10 };
enum { OCW3_RIS = 1, OCW3_RR = 2, OCW3_P = 4, OCW3_ID = 8, OCW3_SMM = 0x20, OCW3_ESMM = 0x40 };

static bool is_master(const struct i8259 *s)
{
    return s->icw4 & ICW4_BUF ? (s->icw4 & ICW4_MS) != 0 : !s->slave;
}

/* Inputs of a master that have a slave behind them. */
static u8 slave_inputs(const struct i8259 *s)
{
    return is_master(s) && !(s->icw1 & ICW1_SNGL) ? s->icw3 : 0;
}

static u8 level_inputs(const struct i8259 *s)
{
    /* Where there is an ELCR, LTIM has no function (290562, ICW1). */
    if (s->elcr_port)
        return s->elcr;
    return s->icw1 & ICW1_LTIM ? 0xff : 0;
}

static u8 irr(const struct i8259 *s)
{
    return s->lines & (u8)(s->latch | level_inputs(s));
}

/* Priority of the best bit in `set`: 0 is the highest, 8 means none. */
static int rank(const struct i8259 *s, u8 set)
{
    for (int r = 0; r < 8; r++)
        if (set & BIT((s->lowest + 1 + r) & 7))
            return r;
    return 8;
}

static int ir_of_rank(const struct i8259 *s, int r)
{
    return (s->lowest + 1 + r) & 7;
}

/* IR that asks for service now; -1: none. */
static int requesting(const struct i8259 *s)
{
    u8 in_service = s->special_mask ? s->isr & (u8)~s->imr : s->isr;
    int r = rank(s, irr(s) & (u8)~s->imr), busy = rank(s, in_service);

    if (r == 8 || r > busy)
        return -1;
    int ir = ir_of_rank(s, r);
    if (r == busy && !(s->icw4 & ICW4_SFNM && slave_inputs(s) & BIT(ir)))
        return -1;
    return ir;
}

static void pic_update(struct i8259 *s)
{
    /* During initialisation nothing is requested: it is not known yet what. */
    wire_set(&s->out_int, !s->step && requesting(s) >= 0);
}

static void pic_input(void *to, int n, int level)
{
    struct i8259 *s = to;
    u8 bit = (u8)BIT(n & 7);

    if (level && !(s->lines & bit)) {
        s->lines |= bit;
        s->latch |= bit;
    } else if (!level) {
        s->lines &= (u8)~bit;
        s->latch &= (u8)~bit;
    }
    pic_update(s);
}

/* Lets the master find the slave; the CAS lines themselves carry nothing at other times. */
static void pic_cas_input(void *to, int n, int level)
{
    (void)to;
    (void)n;
    (void)level;
}

static void accept(struct i8259 *s, int ir)
{
    s->latch &= (u8)~BIT(ir);
    s->isr |= (u8)BIT(ir);
    /* INT falls with every acknowledge, so that a master sees an edge for the next request. */
    wire_set(&s->out_int, 0);
}

static u8 vector(const struct i8259 *s, int ir)
{
    if (s->icw4 & ICW4_UPM)
        return (u8)((s->icw2 & 0xf8) | ir);
    return s->icw1 & ICW1_ADI ? (u8)((s->icw1 & 0xe0) | ir << 2) : (u8)((s->icw1 & 0xc0) | ir << 3);
}

static void auto_eoi(struct i8259 *s, int ir)
{
    if (s->icw4 & ICW4_AEOI && s->icw4 & ICW4_UPM) {
        s->isr &= (u8)~BIT(ir);
        if (s->rotate_aeoi)
            s->lowest = (u8)ir;
    }
}

int i8259_ack(struct device *master)
{
    struct i8259 *s = (struct i8259 *)master;
    int ir = requesting(s), vec;

    if (ir < 0) {
        LOG(s->dev.sys->log, IRQ, "%s: spurious", s->dev.id);
        return vector(s, 7);
    }
    accept(s, ir);
    if (slave_inputs(s) & BIT(ir)) {
        struct i8259 *t = s->cas.set == pic_cas_input ? s->cas.to : NULL;
        vec = t && !is_master(t) && (t->icw3 & 7) == ir ? i8259_ack(&t->dev) : 0xff;
    } else {
        vec = vector(s, ir);
    }
    auto_eoi(s, ir);
    pic_update(s);
    LOG(s->dev.sys->log, IRQ, "%s: IR%d acknowledged, vector %02xh", s->dev.id, ir, (unsigned)vec);
    return vec;
}

static u8 poll_read(struct i8259 *s)
{
    int ir = requesting(s);

    s->poll = false;
    if (ir < 0)
        return 0;
    accept(s, ir);
    auto_eoi(s, ir);
    pic_update(s);
    return (u8)(0x80 | ir);
}

static u32 pic_peek(void *dev, u32 off, unsigned size)
{
    const struct i8259 *s = dev;
    (void)size;
    if (off)
        return s->imr;
    return s->read_isr ? s->isr : irr(s);
}

static u32 pic_read(void *dev, u32 off, unsigned size)
{
    struct i8259 *s = dev;
    return s->poll ? poll_read(s) : pic_peek(dev, off, size);
}

static void icw1(struct i8259 *s, u8 v)
{
    s->icw1 = v;
    s->step = 2;
    s->latch = 0; /* the edge sense circuit: a line must rise anew */
    s->imr = 0;
    s->isr = 0;
    s->lowest = 7;
    s->special_mask = false;
    s->read_isr = false;
    s->poll = false;
    s->rotate_aeoi = false;
    s->icw3 = is_master(s) ? 0 : 7;
    if (!(v & ICW1_IC4))
        s->icw4 = 0;
}

static void ocw2(struct i8259 *s, u8 v)
{
    int ir = v & 7;
    /* A non-specific EOI passes over what the special mask mode hides. */
    int best = rank(s, s->special_mask ? s->isr & (u8)~s->imr : s->isr);

    switch (v >> 5) {
    case 0: /* rotate in automatic EOI mode: clear */
        s->rotate_aeoi = false;
        break;
    case 4: /* set */
        s->rotate_aeoi = true;
        break;
    case 1: /* non-specific EOI */
    case 5: /* and rotate */
        if (best == 8)
            break;
        ir = ir_of_rank(s, best);
        s->isr &= (u8)~BIT(ir);
        if (v >> 5 == 5)
            s->lowest = (u8)ir;
        break;
    case 7: /* specific EOI and rotate */
        s->lowest = (u8)ir;
        NB_FALLTHROUGH;
    case 3: /* specific EOI */
        s->isr &= (u8)~BIT(ir);
        break;
    case 6: /* set priority */
        s->lowest = (u8)ir;
        break;
    default: /* 2: no operation */
        break;
    }
}

static void ocw3(struct i8259 *s, u8 v)
{
    if (v & OCW3_ESMM)
        s->special_mask = v & OCW3_SMM;
    if (v & OCW3_RR)
        s->read_isr = v & OCW3_RIS;
    /* "If both P and RR are set, P wins." */
    s->poll = v & OCW3_P;
}

static void write_a1(struct i8259 *s, u8 v)
{
    bool ic4 = s->icw1 & ICW1_IC4;

    switch (s->step) {
    case 0:
        s->imr = v;
        break;
    case 2:
        s->icw2 = v;
        s->step = !(s->icw1 & ICW1_SNGL) ? 3 : ic4 ? 4 : 0;
        break;
    case 3:
        s->icw3 = v;
        s->step = ic4 ? 4 : 0;
        break;
    default:
        s->icw4 = v & 0x1f;
        s->step = 0;
        break;
    }
}

static void pic_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i8259 *s = dev;
    u8 v = (u8)val;
    (void)size;

    if (off)
        write_a1(s, v);
    else if (v & ICW1_INIT)
        icw1(s, v);
    else if (v & OCW3_ID)
        ocw3(s, v);
    else
        ocw2(s, v);
    pic_update(s);
}

static u32 elcr_read(void *dev, u32 off, unsigned size)
{
    (void)off;
    (void)size;
    return ((struct i8259 *)dev)->elcr;
}

/* IRQ0, 1, 2, 8 and 13 are always edges (290562). */
static u8 elcr_mask(const struct i8259 *s)
{
    return s->slave ? 0xde : 0xf8;
}

static void elcr_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i8259 *s = dev;
    (void)off;
    (void)size;
    s->elcr = (u8)val & elcr_mask(s);
    pic_update(s);
}

static const struct region_ops pic_ops = { pic_read, pic_write, pic_peek, 1, 1, false };
static const struct region_ops elcr_ops = { elcr_read, elcr_write, elcr_read, 1, 1, false };

static bool pic_init(struct device *dev, struct err *e)
{
    struct i8259 *s = (struct i8259 *)dev;

    if (!device_io(dev, dev->id, s->iobase, 2, &pic_ops, e))
        return false;
    return !s->elcr_port || device_io(dev, "elcr", s->elcr_port, 1, &elcr_ops, e);
}

static void pic_reset(struct device *dev, enum reset_kind kind)
{
    struct i8259 *s = (struct i8259 *)dev;
    (void)kind;
    /* The chip has no reset pin: this is ICW1 with everything off. Lines belong to others. */
    s->icw1 = s->icw2 = s->icw4 = 0;
    icw1(s, 0);
    s->step = 0;
    s->elcr = 0;
    pic_update(s);
}

static bool pic_post_load(struct device *dev, struct err *e)
{
    struct i8259 *s = (struct i8259 *)dev;

    if (s->lowest > 7 || s->step == 1 || s->step > 4 || s->icw4 > 0x1f || s->latch & ~s->lines ||
        s->elcr & ~elcr_mask(s))
        return err_set(e, ERR_STATE, "%s: impossible register values", dev->id);
    pic_update(s);
    return true;
}

static void pic_info(struct device *dev, struct strbuf *sb)
{
    const struct i8259 *s = (const struct i8259 *)dev;

    sb_addf(sb, "%s: lines=%02x irr=%02x imr=%02x isr=%02x base=%02x elcr=%02x lowest=%d%s%s%s%s\n",
            dev->id, s->lines, irr(s), s->imr, s->isr, s->icw2, s->elcr, s->lowest,
            s->icw4 & ICW4_AEOI ? " aeoi" : "", s->icw4 & ICW4_SFNM ? " sfnm" : "",
            s->special_mask ? " smm" : "", s->step ? " (in initialisation)" : "");
}

static const struct field pic_fields[] = {
    F_U8(struct i8259, lines),
    F_U8(struct i8259, latch),
    F_U8(struct i8259, imr),
    F_U8(struct i8259, isr),
    F_U8(struct i8259, elcr),
    F_U8(struct i8259, icw1),
    F_U8(struct i8259, icw2),
    F_U8(struct i8259, icw3),
    F_U8(struct i8259, icw4),
    F_U8(struct i8259, step),
    F_U8(struct i8259, lowest),
    F_BOOL(struct i8259, read_isr),
    F_BOOL(struct i8259, poll),
    F_BOOL(struct i8259, special_mask),
    F_BOOL(struct i8259, rotate_aeoi),
    F_END,
};

static const struct prop pic_props[] = {
    { "iobase", PROP_U32, offsetof(struct i8259, iobase), 0x20, NULL, "first of two ports" },
    { "elcr", PROP_U32, offsetof(struct i8259, elcr_port), 0, NULL, "port of the ELCR; 0: none" },
    { "slave", PROP_U32, offsetof(struct i8259, slave), 0, NULL, "1: SP/EN tied low" },
    { NULL, PROP_U32, 0, 0, NULL, NULL },
};

static const struct pin pic_pins[] = {
    { "ir", PIN_IN, 8, 0, pic_input },
    { "cas", PIN_IN, 1, 0, pic_cas_input },
    { "int", PIN_OUT, 1, offsetof(struct i8259, out_int), NULL },
    { "cas", PIN_OUT, 1, offsetof(struct i8259, cas), NULL },
    { NULL, PIN_OUT, 0, 0, NULL },
};

static const struct reg_doc pic_regs[] = {
    { "ICW1", "io+0 (bit 4 = 1)", REG_WO, true, NULL },
    { "ICW2", "io+1, first after ICW1", REG_WO, true, NULL },
    { "ICW3", "io+1, if SNGL = 0", REG_WO, true, NULL },
    { "ICW4", "io+1, if IC4 = 1", REG_WO, true, "buffered mode: only master/slave select" },
    { "OCW1 (IMR)", "io+1", REG_RW, true, NULL },
    { "OCW2", "io+0 (bits 4:3 = 00)", REG_WO, true, NULL },
    { "OCW3", "io+0 (bits 4:3 = 01)", REG_WO, true, NULL },
    { "IRR", "io+0, RIS = 0", REG_RO, true, NULL },
    { "ISR", "io+0, RIS = 1", REG_RO, true, NULL },
    { "Poll word", "io+0 or io+1 after P = 1", REG_RO, true, NULL },
    { "ELCR", "elcr+0", REG_RW, true, NULL },
    REG_END,
};

const struct device_class i8259_class = {
    .name = "i8259",
    .desc = "Intel 8259A programmable interrupt controller",
    .size = sizeof(struct i8259),
    .props = pic_props,
    .pins = pic_pins,
    .regs = pic_regs,
    .init = pic_init,
    .reset = pic_reset,
    .fields = pic_fields,
    .version = 1,
    .post_load = pic_post_load,
    .info = pic_info,
};
