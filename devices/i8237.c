/* SPDX-License-Identifier: MIT */
/* Two Intel 8237A DMA controllers as in the AT (data sheet 231466-005) with the page registers of
 * a 74LS612, as the PIIX4 has them (290562-001, 4.1 and 8.1): channels 0-3 move bytes, 5-7 words,
 * 4 is the cascade. Cards see devices/isa_dma.h.
 *
 * A transfer takes no bus time: bytes move when the card asks and stop when it has had enough.
 * Addresses count within the 64 KB (128 KB for words) that the page register names.
 * Not modelled: memory-to-memory transfers (no DREQ0 wiring in an AT), compressed timing, rotating
 * priority and extended write (bits are kept), DREQ and DACK polarity other than the AT's. */
#include "core/device.h"
#include "devices/isa_dma.h"

enum { /* command register */
    CMD_MEM_TO_MEM = 0x01, CMD_DISABLE = 0x04,
};
enum { /* mode register */
    MODE_VERIFY = 0, MODE_WRITE = 1, MODE_READ = 2, /* bits 3:2; write: to memory */
    MODE_AUTO = 0x10, MODE_DOWN = 0x20,
    MODE_DEMAND = 0, MODE_SINGLE = 1, MODE_BLOCK = 2, MODE_CASCADE = 3, /* bits 7:6 */
};

#define STEP_MAX 512u

struct channel {
    u16 base_addr, base_count;
    u16 addr, count;
    u8 mode;            /* bits 7..2 as written; 1:0 are the channel */
};

struct controller {
    struct channel ch[4];
    u8 command, mask, tc, request, dreq, temp;
    bool flip_flop;     /* the next byte is the high one */
};

struct i8237 {
    struct device dev;
    struct isa_dma bus;  /* not saved: wiring */
    struct card {
        u32 (*step)(void *card, u8 *buf, u32 len, bool to_memory, bool verify, bool tc);
        void *card;
    } card[8];           /* not saved: wiring */
    struct controller dma[2];
    u8 page[16];         /* 80h-8Fh */
    u8 running;          /* not saved: BIT(channel) while its card is being called */
};

/* Page register of each channel, as an offset from 80h. */
static const u8 page_of[8] = { 0x7, 0x3, 0x1, 0x2, 0xf, 0xb, 0x9, 0xa };

static bool enabled(const struct i8237 *p, unsigned n)
{
    const struct controller *d = &p->dma[n >> 2];
    unsigned c = n & 3;

    if ((d->command & CMD_DISABLE) || (d->ch[c].mode >> 6) == MODE_CASCADE)
        return false;
    /* The first controller's HRQ goes through channel 4, in cascade mode. */
    if (n < 4) {
        const struct controller *m = &p->dma[1];
        if ((m->command & CMD_DISABLE) || (m->mask & 1) || (m->ch[0].mode >> 6) != MODE_CASCADE)
            return false;
    }
    /* A software request ignores the mask; it works in block mode only. */
    if (d->request & BIT(c))
        return (d->ch[c].mode >> 6) == MODE_BLOCK;
    return (d->dreq & ~d->mask & BIT(c)) != 0;
}

/* Moves n units at the channel's address; the address counter wraps in its 16 bits. */
static void copy(struct i8237 *p, unsigned n, u8 *buf, u32 units, bool to_memory)
{
    const struct channel *ch = &p->dma[n >> 2].ch[n & 3];
    unsigned shift = n >= 4;
    u32 page = p->page[page_of[n]], base = shift ? (page & 0xfe) << 16 : page << 16;
    bool down = ch->mode & MODE_DOWN;
    struct space *mem = p->dev.sys->mem;

    for (u32 done = 0; done < units;) {
        u16 at = (u16)(down ? ch->addr - done : ch->addr + done);
        u32 run = down ? 1 : MIN(units - done, 0x10000u - at);
        paddr pa = base + ((u32)at << shift);
        if (to_memory)
            dma_write(mem, pa, buf + (done << shift), run << shift);
        else
            dma_read(mem, pa, buf + (done << shift), run << shift);
        done += run;
    }
}

static void terminal_count(struct controller *d, unsigned c)
{
    struct channel *ch = &d->ch[c];

    d->tc |= (u8)BIT(c);
    d->request &= (u8)~BIT(c);
    if (ch->mode & MODE_AUTO) {
        ch->addr = ch->base_addr;
        ch->count = ch->base_count;
    } else {
        d->mask |= (u8)BIT(c);
    }
}

/* One burst; false: the card moved nothing. */
static bool run_once(struct i8237 *p, unsigned n)
{
    struct controller *d = &p->dma[n >> 2];
    struct channel *ch = &d->ch[n & 3];
    unsigned shift = n >= 4, type = ch->mode >> 2 & 3;
    u8 buf[STEP_MAX];
    u32 left = (u32)ch->count + 1;
    u32 units = MIN(left, STEP_MAX >> shift);
    bool to_memory = type == MODE_WRITE, verify = type != MODE_WRITE && type != MODE_READ;

    memset(buf, 0, sizeof(buf));
    if (type == MODE_READ)
        copy(p, n, buf, units, false);
    if (p->card[n].step) {
        u32 moved = p->card[n].step(p->card[n].card, buf, units << shift, to_memory, verify,
                                    units == left) >> shift;
        units = MIN(moved, units);
    }
    if (!units)
        return false;
    if (type == MODE_WRITE)
        copy(p, n, buf, units, true);
    ch->addr = (u16)(ch->mode & MODE_DOWN ? ch->addr - units : ch->addr + units);
    ch->count = (u16)(ch->count - units);
    if (units == left)
        terminal_count(d, n & 3);
    return true;
}

static void run(struct i8237 *p, unsigned n)
{
    if (p->running & BIT(n))
        return; /* the card changes DREQ from its step(): the loop below looks again */
    p->running |= (u8)BIT(n);
    /* An auto-init channel would go on for ever with a card that always wants more: one pass. */
    u32 most = (p->dma[n >> 2].ch[n & 3].count + 1u) / (STEP_MAX >> (n >= 4)) + 2;
    while (most-- && enabled(p, n) && run_once(p, n))
        ;
    p->running &= (u8)~BIT(n);
}

static void run_all(struct i8237 *p)
{
    for (unsigned n = 0; n < 8; n++) {
        if (enabled(p, n))
            run(p, n);
    }
}

/* ---- devices/isa_dma.h ---- */

static void attach(void *dev, unsigned n,
                   u32 (*step)(void *, u8 *, u32, bool, bool, bool), void *card)
{
    struct i8237 *p = dev;
    p->card[n & 7] = (struct card){ step, card };
}

static void dreq(void *dev, unsigned n, bool level)
{
    struct i8237 *p = dev;
    struct controller *d = &p->dma[n >> 2 & 1];
    d->dreq = (u8)((d->dreq & ~BIT(n & 3)) | (level ? BIT(n & 3) : 0));
    if (level)
        run(p, n & 7);
}

/* ---- registers ---- */

static void master_clear(struct controller *d)
{
    d->command = d->tc = d->request = d->temp = 0;
    d->flip_flop = false;
    d->mask = 15;
}

static u8 get_half(struct controller *d, u16 v)
{
    u8 b = d->flip_flop ? v >> 8 : (u8)v;
    d->flip_flop = !d->flip_flop;
    return b;
}

static void set_half(struct controller *d, u16 *base, u16 *now, u8 v)
{
    if (d->flip_flop)
        *base = (u16)((*base & 0x00ff) | v << 8);
    else
        *base = (u16)((*base & 0xff00) | v);
    *now = d->flip_flop ? (u16)((*now & 0x00ff) | v << 8) : (u16)((*now & 0xff00) | v);
    d->flip_flop = !d->flip_flop;
}

static u8 controller_read(struct controller *d, u32 reg)
{
    if (reg < 8)
        return get_half(d, reg & 1 ? d->ch[reg >> 1].count : d->ch[reg >> 1].addr);
    if (reg == 8) {
        u8 v = (u8)(d->tc | (d->dreq | d->request) << 4);
        d->tc = 0;
        return v;
    }
    if (reg == 13)
        return d->temp;
    if (reg == 15) /* the PIIX4 lets the mask be read here */
        return d->mask | 0xf0;
    return 0xff;
}

static u8 controller_peek(const struct controller *d, u32 reg)
{
    struct controller copy_of = *d;
    return controller_read(&copy_of, reg);
}

static void controller_write(struct i8237 *p, struct controller *d, u32 reg, u8 v)
{
    struct channel *ch;
    unsigned c = v & 3;

    switch (reg) {
    case 0: case 2: case 4: case 6:
        ch = &d->ch[reg >> 1];
        set_half(d, &ch->base_addr, &ch->addr, v);
        return;
    case 1: case 3: case 5: case 7:
        ch = &d->ch[reg >> 1];
        set_half(d, &ch->base_count, &ch->count, v);
        return;
    case 8:
        d->command = v;
        if (v & CMD_MEM_TO_MEM)
            log_unimp(p->dev.sys->log, p->dev.id, "memory-to-memory transfers");
        break;
    case 9:
        d->request = (u8)((d->request & ~BIT(c)) | (v & 4 ? BIT(c) : 0));
        break;
    case 10:
        d->mask = (u8)((d->mask & ~BIT(c)) | (v & 4 ? BIT(c) : 0));
        break;
    case 11: d->ch[c].mode = v & 0xfc; break;
    case 12: d->flip_flop = false; return;
    case 13: master_clear(d); return;
    case 14: d->mask = 0; break;
    case 15: d->mask = v & 15; break;
    default: return;
    }
    run_all(p);
}

static u32 dma0_read(void *dev, u32 off, unsigned size)
{
    struct i8237 *p = dev;
    (void)size;
    return controller_read(&p->dma[0], off & 15);
}

static u32 dma0_peek(void *dev, u32 off, unsigned size)
{
    struct i8237 *p = dev;
    (void)size;
    return controller_peek(&p->dma[0], off & 15);
}

static void dma0_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i8237 *p = dev;
    (void)size;
    controller_write(p, &p->dma[0], off & 15, (u8)val);
}

/* The second controller is wired one address line up: each register answers at two ports. */
static u32 dma1_read(void *dev, u32 off, unsigned size)
{
    struct i8237 *p = dev;
    (void)size;
    return controller_read(&p->dma[1], off >> 1);
}

static u32 dma1_peek(void *dev, u32 off, unsigned size)
{
    struct i8237 *p = dev;
    (void)size;
    return controller_peek(&p->dma[1], off >> 1);
}

static void dma1_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i8237 *p = dev;
    (void)size;
    controller_write(p, &p->dma[1], off >> 1, (u8)val);
}

static u32 page_read(void *dev, u32 off, unsigned size)
{
    struct i8237 *p = dev;
    (void)size;
    return p->page[off & 15];
}

static void page_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i8237 *p = dev;
    (void)size;
    p->page[off & 15] = (u8)val;
    if (off == 0)
        LOG(p->dev.sys->log, INFO, "%s: POST code %02xh", p->dev.id, val & 0xff);
}

static const struct region_ops dma0_ops = { dma0_read, dma0_write, dma0_peek, 1, 1, false };
static const struct region_ops dma1_ops = { dma1_read, dma1_write, dma1_peek, 1, 1, false };
static const struct region_ops page_ops = { page_read, page_write, page_read, 1, 1, false };

/* ---- life ---- */

static bool i8237_init(struct device *dev, struct err *e)
{
    struct i8237 *p = (struct i8237 *)dev;

    p->bus = (struct isa_dma){ p, attach, dreq };
    dev->sys->isa_dma = &p->bus;
    /* Port 92h lies in the second half of the page ports' alias and belongs to another chip. */
    return device_io(dev, "dma0", 0x00, 16, &dma0_ops, e) &&
           device_io(dev, "dma1", 0xc0, 32, &dma1_ops, e) &&
           device_io(dev, "dma-page", 0x80, 16, &page_ops, e);
}

static void i8237_reset(struct device *dev, enum reset_kind kind)
{
    struct i8237 *p = (struct i8237 *)dev;
    (void)kind;
    for (unsigned i = 0; i < 2; i++) {
        u8 lines = p->dma[i].dreq; /* inputs */
        memset(&p->dma[i], 0, sizeof(p->dma[i]));
        master_clear(&p->dma[i]);
        p->dma[i].dreq = lines;
    }
    memset(p->page, 0, sizeof(p->page));
}

static bool i8237_post_load(struct device *dev, struct err *e)
{
    struct i8237 *p = (struct i8237 *)dev;
    (void)e;
    for (unsigned i = 0; i < 2; i++) {
        struct controller *d = &p->dma[i];
        d->mask &= 15;
        d->tc &= 15;
        d->request &= 15;
        d->dreq &= 15;
        for (unsigned c = 0; c < 4; c++)
            d->ch[c].mode &= 0xfc;
    }
    return true;
}

static void i8237_close(struct device *dev)
{
    struct i8237 *p = (struct i8237 *)dev;
    if (dev->sys->isa_dma == &p->bus)
        dev->sys->isa_dma = NULL;
}

static void i8237_info(struct device *dev, struct strbuf *sb)
{
    static const char *const types[] = { "verify", "write", "read", "illegal" };
    static const char *const kinds[] = { "demand", "single", "block", "cascade" };
    struct i8237 *p = (struct i8237 *)dev;

    for (unsigned n = 0; n < 8; n++) {
        const struct controller *d = &p->dma[n >> 2];
        const struct channel *ch = &d->ch[n & 3];
        sb_addf(sb, "channel %u: page %02x address %04x count %04x (base %04x %04x) %s %s%s%s%s\n",
                n, p->page[page_of[n]], ch->addr, ch->count, ch->base_addr, ch->base_count,
                kinds[ch->mode >> 6], types[ch->mode >> 2 & 3],
                ch->mode & MODE_AUTO ? " auto" : "", d->mask >> (n & 3) & 1 ? " masked" : "",
                d->dreq >> (n & 3) & 1 ? " DREQ" : "");
    }
}

static const struct field channel_fields[] = {
    F_U16(struct channel, base_addr), F_U16(struct channel, base_count),
    F_U16(struct channel, addr), F_U16(struct channel, count), F_U8(struct channel, mode), F_END
};

static const struct field controller_fields[] = {
    F_SUB(struct controller, ch, struct channel, channel_fields),
    F_U8(struct controller, command), F_U8(struct controller, mask), F_U8(struct controller, tc),
    F_U8(struct controller, request), F_U8(struct controller, dreq), F_U8(struct controller, temp),
    F_BOOL(struct controller, flip_flop), F_END
};

static const struct field i8237_fields[] = {
    F_SUB(struct i8237, dma, struct controller, controller_fields),
    F_ARRAY(struct i8237, page, u8), F_END
};

static const struct reg_doc i8237_regs[] = {
    { "channel 0-3 base and current address", "io 00h, 02h, 04h, 06h", REG_RW, true, NULL },
    { "channel 0-3 base and current word count", "io 01h, 03h, 05h, 07h", REG_RW, true, NULL },
    { "command", "io 08h, D0h", REG_WO, true,
      "controller disable acts; the rest is kept: no memory-to-memory, timing, polarity" },
    { "status", "io 08h, D0h", REG_RO, true, NULL },
    { "request", "io 09h, D2h", REG_WO, true, NULL },
    { "single mask bit", "io 0Ah, D4h", REG_WO, true, NULL },
    { "mode", "io 0Bh, D6h", REG_WO, true, NULL },
    { "clear byte pointer flip-flop", "io 0Ch, D8h", REG_WO, true, NULL },
    { "master clear", "io 0Dh, DAh", REG_WO, true, NULL },
    { "temporary", "io 0Dh, DAh", REG_RO, true, "0: no memory-to-memory transfers" },
    { "clear mask", "io 0Eh, DCh", REG_WO, true, NULL },
    { "all mask bits", "io 0Fh, DEh", REG_RW, true, "reading is the PIIX4's addition" },
    { "channel 4-7 address and count", "io C0h-CEh", REG_RW, true, NULL },
    { "page registers", "io 81h-83h, 87h, 89h-8Bh, 8Fh", REG_RW, true, NULL },
    { "reserved page registers", "io 80h, 84h-86h, 88h, 8Ch-8Eh", REG_RW, true,
      "plain latches; 80h takes the firmware's POST codes" },
    REG_END
};

const struct device_class i8237_class = {
    .name = "i8237",
    .desc = "two Intel 8237A DMA controllers with page registers",
    .size = sizeof(struct i8237),
    .regs = i8237_regs,
    .init = i8237_init,
    .reset = i8237_reset,
    .close = i8237_close,
    .fields = i8237_fields,
    .version = 1,
    .post_load = i8237_post_load,
    .info = i8237_info,
};
