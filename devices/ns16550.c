/* SPDX-License-Identifier: MIT */
/* National Semiconductor PC16550D UART with FIFOs (data sheet, June 1995), clocked at 1.8432 MHz.
 *
 * Characters take the time that divisor and frame give them, in both directions: a transmitted one
 * reaches the backend when its stop bits are out, a received one is followed by a pause of the same
 * length. IIR and the interrupt pin are a pure function of the registers, IER being 0 or not.
 * On a PC, OUT2 gates the interrupt; it does so by the MCR bit, in loopback mode too.
 *
 * Modem inputs follow the backend: CTS, DSR and DCD are on while one is connected, and nothing is
 * on an unplugged cable. Not modelled: parity and framing errors (the backend delivers bytes; break
 * is modelled, without the framing error that would come with it), the DMA pins (FCR bit 3 is
 * stored), baud rates of the peer (it always matches). Break that the guest sends reaches only the
 * loopback: backends have no way to say it. */
#include "core/chardev.h"
#include "core/device.h"

#define UART_HZ 1843200u
#define FIFO_SIZE 16u
/* Without exact timing: at 9600 baud a boot log would take minutes, and Linux's early console gives
 * up on a transmitter after 10,000 reads of LSR, which take an emulator less than a character. */
#define QUICK_NS 500ull
#define RETRY_NS 10000000u /* backend full: when to ask again at the latest */

struct ns16550 {
    struct device dev;
    u32 iobase;
    struct chardev *chardev;
    bool exact_timing;
    struct wire irq;

    u16 divisor;
    u8 ier, fcr, lcr, mcr, scr;
    u8 errors;          /* LSR bits OE, PE, FE, BI of the character at the head, until read */
    u8 msr;
    u8 rx[FIFO_SIZE], rx_err[FIFO_SIZE], rx_head, rx_count;
    u8 tx[FIFO_SIZE], tx_head, tx_count;
    u8 tsr;
    bool tsr_full;
    bool thr_int;       /* THRE interrupt pending */
    bool timed_out;     /* character time-out indication */
    bool rx_busy;       /* the line is busy with the pause after a character */
    bool connected;     /* the host's side: not saved */
    struct timer tx_done, rx_done, timeout;
};

enum { IER_RDA = 1, IER_THRE = 2, IER_LINE = 4, IER_MODEM = 8 };
enum { IIR_NONE = 1, IIR_MODEM = 0, IIR_THRE = 2, IIR_RDA = 4, IIR_LINE = 6, IIR_TIMEOUT = 12 };
enum { FCR_ENABLE = 1, FCR_CLEAR_RX = 2, FCR_CLEAR_TX = 4, FCR_DMA = 8 };
enum { LCR_STOP = 4, LCR_PARITY = 8, LCR_BREAK = 0x40, LCR_DLAB = 0x80 };
enum { MCR_DTR = 1, MCR_RTS = 2, MCR_OUT1 = 4, MCR_OUT2 = 8, MCR_LOOP = 0x10 };
enum { LSR_DR = 1, LSR_OE = 2, LSR_PE = 4, LSR_FE = 8, LSR_BI = 0x10, LSR_THRE = 0x20,
       LSR_TEMT = 0x40, LSR_FIFO_ERR = 0x80 };
enum { MSR_DCTS = 1, MSR_DDSR = 2, MSR_TERI = 4, MSR_DDCD = 8, MSR_CTS = 0x10, MSR_DSR = 0x20,
       MSR_RI = 0x40, MSR_DCD = 0x80 };

static bool fifos(const struct ns16550 *s)
{
    return s->fcr & FCR_ENABLE;
}

static u32 capacity(const struct ns16550 *s)
{
    return fifos(s) ? FIFO_SIZE : 1;
}

static u64 char_ns(const struct ns16550 *s)
{
    /* In half bits, for the 1.5 stop bits of five-bit characters. */
    u32 bits = 5 + (s->lcr & 3);
    u32 halves = 2 + 2 * bits + (s->lcr & LCR_PARITY ? 2 : 0) + 2;
    if (s->lcr & LCR_STOP)
        halves += bits == 5 ? 1 : 2;
    u32 div = s->divisor ? s->divisor : 65536;
    u64 ns = (u64)halves * 8 * div * NS_PER_SEC / UART_HZ;
    return s->exact_timing ? ns : MIN(ns, QUICK_NS);
}

static u64 now(const struct ns16550 *s)
{
    return clock_now(s->dev.sys->clock);
}

/* ---- what follows from the registers ---- */

static u8 lsr(const struct ns16550 *s)
{
    u8 v = s->errors;

    if (s->rx_count)
        v |= LSR_DR;
    if (!s->tx_count)
        v |= LSR_THRE;
    if (!s->tx_count && !s->tsr_full)
        v |= LSR_TEMT;
    for (u32 i = 0; fifos(s) && i < s->rx_count; i++)
        if (s->rx_err[(s->rx_head + i) % FIFO_SIZE])
            v |= LSR_FIFO_ERR;
    return v;
}

static u8 trigger(const struct ns16550 *s)
{
    static const u8 level[4] = { 1, 4, 8, 14 };
    return fifos(s) ? level[s->fcr >> 6] : 1;
}

static u8 iir(const struct ns16550 *s)
{
    u8 id = IIR_NONE;

    if (s->ier & IER_LINE && s->errors)
        id = IIR_LINE;
    else if (s->ier & IER_RDA && s->rx_count >= trigger(s))
        id = IIR_RDA;
    else if (s->ier & IER_RDA && s->timed_out)
        id = IIR_TIMEOUT;
    else if (s->ier & IER_THRE && s->thr_int)
        id = IIR_THRE;
    else if (s->ier & IER_MODEM && s->msr & 0x0f)
        id = IIR_MODEM;
    return id | (fifos(s) ? 0xc0 : 0);
}

static void uart_update(struct ns16550 *s)
{
    wire_set(&s->irq, !(iir(s) & IIR_NONE) && s->mcr & MCR_OUT2);
}

/* Four character times without a character or a read, with something in the FIFO. */
static void restart_timeout(struct ns16550 *s)
{
    s->timed_out = false;
    if (fifos(s) && s->rx_count)
        timer_at(&s->timeout, now(s) + 4 * char_ns(s));
    else
        timer_off(&s->timeout);
}

static void timeout_due(void *dev, u64 late)
{
    struct ns16550 *s = dev;
    (void)late;
    s->timed_out = true;
    uart_update(s);
}

/* ---- modem lines ---- */

static u8 modem_inputs(const struct ns16550 *s)
{
    if (s->mcr & MCR_LOOP)
        return (u8)((s->mcr & MCR_RTS ? MSR_CTS : 0) | (s->mcr & MCR_DTR ? MSR_DSR : 0) |
                    (s->mcr & MCR_OUT1 ? MSR_RI : 0) | (s->mcr & MCR_OUT2 ? MSR_DCD : 0));
    return s->connected ? MSR_CTS | MSR_DSR | MSR_DCD : 0;
}

static void set_modem(struct ns16550 *s, u8 lines)
{
    u8 change = (s->msr ^ lines) & 0xf0;

    s->msr = (u8)((s->msr & 0x0f) | lines);
    s->msr |= (change & (MSR_CTS | MSR_DSR | MSR_DCD)) >> 4;
    if (change & MSR_RI && !(lines & MSR_RI))
        s->msr |= MSR_TERI; /* trailing edge only */
}

/* ---- receiver ---- */

/* The character that comes to the head brings its errors into LSR. */
static void expose_head(struct ns16550 *s)
{
    if (s->rx_count)
        s->errors |= s->rx_err[s->rx_head];
}

static void receive_char(struct ns16550 *s, u8 v, u8 err)
{
    if (s->rx_count == capacity(s)) {
        s->errors |= LSR_OE;
        if (fifos(s))
            return; /* the FIFO keeps what it has */
        s->rx_count = 0; /* RBR is overwritten */
    }
    u8 at = (u8)((s->rx_head + s->rx_count) % FIFO_SIZE);
    s->rx[at] = v;
    s->rx_err[at] = err;
    s->rx_count++;
    if (s->rx_count == 1)
        expose_head(s);
    restart_timeout(s);
}

static u32 can_receive(void *dev)
{
    const struct ns16550 *s = dev;
    if (s->rx_busy || s->mcr & MCR_LOOP)
        return 0;
    return s->rx_count < capacity(s);
}

static void pause_line(struct ns16550 *s)
{
    s->rx_busy = true;
    timer_at(&s->rx_done, now(s) + char_ns(s));
}

static void on_receive(void *dev, const u8 *data, u32 len)
{
    struct ns16550 *s = dev;
    if (!len || s->mcr & MCR_LOOP)
        return;
    u8 bits = (u8)(0xff >> (3 - (s->lcr & 3)));
    for (u32 i = 0; i < len; i++)
        receive_char(s, data[i] & bits, 0);
    pause_line(s);
    uart_update(s);
}

static void rx_done_due(void *dev, u64 late)
{
    struct ns16550 *s = dev;
    (void)late;
    s->rx_busy = false;
    if (can_receive(s))
        chardev_accept_input(s->chardev);
}

static void on_event(void *dev, int what)
{
    struct ns16550 *s = dev;

    if (what == CHARDEV_BREAK && !(s->mcr & MCR_LOOP)) {
        /* One zero character however long the line is held, and the next only after that. */
        receive_char(s, 0, LSR_BI);
        pause_line(s);
    } else if (what == CHARDEV_OPENED || what == CHARDEV_CLOSED) {
        s->connected = what == CHARDEV_OPENED;
        set_modem(s, modem_inputs(s));
    }
    uart_update(s);
}

static u8 read_rbr(struct ns16550 *s)
{
    u8 v = s->rx[s->rx_head];

    if (!s->rx_count)
        return v; /* an empty receiver gives its last character */
    s->rx_err[s->rx_head] = 0;
    if (fifos(s))
        s->rx_head = (u8)((s->rx_head + 1) % FIFO_SIZE);
    s->rx_count--;
    expose_head(s);
    restart_timeout(s);
    uart_update(s);
    if (can_receive(s))
        chardev_accept_input(s->chardev);
    return v;
}

/* ---- transmitter ---- */

static void start_tx(struct ns16550 *s)
{
    if (s->tsr_full || !s->tx_count)
        return;
    s->tsr = s->tx[s->tx_head];
    s->tx_head = (u8)((s->tx_head + 1) % FIFO_SIZE);
    s->tx_count--;
    s->tsr_full = true;
    if (!s->tx_count)
        s->thr_int = true;
    timer_at(&s->tx_done, now(s) + char_ns(s));
}

static void tx_done_due(void *dev, u64 late)
{
    struct ns16550 *s = dev;
    u8 bits = (u8)(0xff >> (3 - (s->lcr & 3)));
    u8 v = s->tsr & bits;
    (void)late;

    if (s->mcr & MCR_LOOP) {
        if (!(s->lcr & LCR_BREAK))
            receive_char(s, v, 0);
    } else if (!(s->lcr & LCR_BREAK) && !chardev_write(s->chardev, &v, 1)) {
        /* The host is slow: the line stands, as with a modem that holds CTS. */
        timer_at(&s->tx_done, now(s) + MAX(char_ns(s), RETRY_NS));
        return;
    }
    s->tsr_full = false;
    start_tx(s);
    uart_update(s);
}

static void write_thr(struct ns16550 *s, u8 v)
{
    if (s->tx_count == capacity(s)) {
        log_guest(s->dev.sys->log, s->dev.id, "transmitter overrun");
        if (fifos(s))
            return;
        s->tx_count = 0; /* THR is overwritten */
    }
    s->tx[(s->tx_head + s->tx_count) % FIFO_SIZE] = v;
    s->tx_count++;
    s->thr_int = false;
    start_tx(s);
}

/* ---- registers ---- */

static void clear_rx(struct ns16550 *s)
{
    s->rx_count = s->rx_head = 0;
    memset(s->rx_err, 0, sizeof(s->rx_err));
    restart_timeout(s);
}

static void clear_tx(struct ns16550 *s)
{
    if (s->tx_count)
        s->thr_int = true;
    s->tx_count = s->tx_head = 0; /* the shift register goes on */
}

static void write_fcr(struct ns16550 *s, u8 v)
{
    bool change = (v ^ s->fcr) & FCR_ENABLE;

    /* Other bits are programmed only together with the enable bit. */
    s->fcr = v & FCR_ENABLE ? v & 0xc9 : 0;
    if (change || (v & FCR_ENABLE && v & FCR_CLEAR_RX))
        clear_rx(s);
    if (change || (v & FCR_ENABLE && v & FCR_CLEAR_TX))
        clear_tx(s);
}

static void write_ier(struct ns16550 *s, u8 v)
{
    /* Enabling the interrupt of an empty transmitter raises it. */
    if (v & IER_THRE && !(s->ier & IER_THRE) && !s->tx_count)
        s->thr_int = true;
    s->ier = v & 0x0f;
}

static void write_mcr(struct ns16550 *s, u8 v)
{
    s->mcr = v & 0x1f;
    set_modem(s, modem_inputs(s));
}

static void write_lcr(struct ns16550 *s, u8 v)
{
    bool start = v & LCR_BREAK && !(s->lcr & LCR_BREAK);

    s->lcr = v;
    /* One zero character is received for a break, however long. */
    if (start && s->mcr & MCR_LOOP)
        receive_char(s, 0, LSR_BI);
}

static void uart_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct ns16550 *s = dev;
    u8 v = (u8)val;
    bool dlab = s->lcr & LCR_DLAB, had_room = can_receive(s);
    (void)size;

    switch (off) {
    case 0:
        if (dlab)
            s->divisor = (u16)((s->divisor & 0xff00) | v);
        else
            write_thr(s, v);
        break;
    case 1:
        if (dlab)
            s->divisor = (u16)((s->divisor & 0x00ff) | v << 8);
        else
            write_ier(s, v);
        break;
    case 2:
        write_fcr(s, v);
        break;
    case 3:
        write_lcr(s, v);
        break;
    case 4:
        write_mcr(s, v);
        break;
    case 7:
        s->scr = v;
        break;
    default: /* LSR and MSR: factory test only */
        break;
    }
    uart_update(s);
    if (!had_room && can_receive(s))
        chardev_accept_input(s->chardev);
}

static u32 uart_peek(void *dev, u32 off, unsigned size)
{
    const struct ns16550 *s = dev;
    bool dlab = s->lcr & LCR_DLAB;
    (void)size;

    switch (off) {
    case 0:
        return dlab ? s->divisor & 0xff : s->rx[s->rx_head];
    case 1:
        return dlab ? s->divisor >> 8 : s->ier;
    case 2:
        return iir(s);
    case 3:
        return s->lcr;
    case 4:
        return s->mcr;
    case 5:
        return lsr(s);
    case 6:
        return s->msr;
    default:
        return s->scr;
    }
}

static u32 uart_read(void *dev, u32 off, unsigned size)
{
    struct ns16550 *s = dev;

    if (off == 0 && !(s->lcr & LCR_DLAB))
        return read_rbr(s);
    u32 v = uart_peek(dev, off, size);
    if (off == 2 && (v & 0x0f) == IIR_THRE)
        s->thr_int = false;
    if (off == 5) {
        s->errors = 0;
        if (s->rx_count) /* seen: the head doesn't show it again */
            s->rx_err[s->rx_head] = 0;
    }
    if (off == 6)
        s->msr &= 0xf0;
    uart_update(s);
    return v;
}

static const struct region_ops uart_ops = { uart_read, uart_write, uart_peek, 1, 1, false };

/* ---- device ---- */

static bool uart_init(struct device *dev, struct err *e)
{
    struct ns16550 *s = (struct ns16550 *)dev;
    struct clock *clock = dev->sys->clock;

    timer_init(&s->tx_done, clock, tx_done_due, s, "uart transmitter");
    timer_init(&s->rx_done, clock, rx_done_due, s, "uart receiver");
    timer_init(&s->timeout, clock, timeout_due, s, "uart time-out");
    s->connected = s->chardev && !s->chardev->unplugged;
    s->divisor = 12; /* undefined in the data sheet; 9600 baud */
    if (s->chardev) {
        s->chardev->can_receive = can_receive;
        s->chardev->receive = on_receive;
        s->chardev->event = on_event;
        s->chardev->dev = s;
    }
    return device_io(dev, dev->id, s->iobase, 8, &uart_ops, e) != NULL;
}

static void uart_reset(struct device *dev, enum reset_kind kind)
{
    struct ns16550 *s = (struct ns16550 *)dev;
    (void)kind;

    s->ier = s->fcr = s->lcr = s->mcr = s->errors = 0;
    s->tx_count = s->tx_head = 0;
    s->tsr_full = s->thr_int = s->rx_busy = false;
    timer_off(&s->tx_done);
    timer_off(&s->rx_done);
    clear_rx(s);
    s->msr = modem_inputs(s);
    uart_update(s);
    chardev_accept_input(s->chardev);
}

static void uart_close(struct device *dev)
{
    struct ns16550 *s = (struct ns16550 *)dev;

    if (s->chardev && s->chardev->dev == s) {
        s->chardev->can_receive = NULL;
        s->chardev->receive = NULL;
        s->chardev->event = NULL;
    }
}

static bool uart_post_load(struct device *dev, struct err *e)
{
    struct ns16550 *s = (struct ns16550 *)dev;
    u32 cap = capacity(s);

    if (s->rx_head >= FIFO_SIZE || s->tx_head >= FIFO_SIZE || s->rx_count > cap ||
        s->tx_count > cap || s->ier > 0x0f || s->mcr > 0x1f || s->fcr & ~0xc9 ||
        s->errors & ~(LSR_OE | LSR_PE | LSR_FE | LSR_BI) ||
        s->tsr_full != timer_armed(&s->tx_done) || s->rx_busy != timer_armed(&s->rx_done))
        return err_set(e, ERR_STATE, "%s: impossible register values", dev->id);
    uart_update(s);
    return true;
}

static void uart_info(struct device *dev, struct strbuf *sb)
{
    const struct ns16550 *s = (const struct ns16550 *)dev;

    sb_addf(sb, "%s: %u baud, ier=%02x iir=%02x fcr=%02x lcr=%02x mcr=%02x lsr=%02x msr=%02x, "
            "%u received, %u to send%s\n", dev->id,
            UART_HZ / 16 / (s->divisor ? s->divisor : 65536u), s->ier, iir(s), s->fcr, s->lcr,
            s->mcr, lsr(s), s->msr, s->rx_count, s->tx_count + s->tsr_full,
            s->chardev ? "" : ", not connected");
}

static const struct field uart_fields[] = {
    F_U16(struct ns16550, divisor),
    F_U8(struct ns16550, ier),
    F_U8(struct ns16550, fcr),
    F_U8(struct ns16550, lcr),
    F_U8(struct ns16550, mcr),
    F_U8(struct ns16550, scr),
    F_U8(struct ns16550, errors),
    F_U8(struct ns16550, msr),
    F_ARRAY(struct ns16550, rx, u8),
    F_ARRAY(struct ns16550, rx_err, u8),
    F_U8(struct ns16550, rx_head),
    F_U8(struct ns16550, rx_count),
    F_ARRAY(struct ns16550, tx, u8),
    F_U8(struct ns16550, tx_head),
    F_U8(struct ns16550, tx_count),
    F_U8(struct ns16550, tsr),
    F_BOOL(struct ns16550, tsr_full),
    F_BOOL(struct ns16550, thr_int),
    F_BOOL(struct ns16550, timed_out),
    F_BOOL(struct ns16550, rx_busy),
    F_TIMER(struct ns16550, tx_done),
    F_TIMER(struct ns16550, rx_done),
    F_TIMER(struct ns16550, timeout),
    F_END,
};

static const struct prop uart_props[] = {
    { "iobase", PROP_U32, offsetof(struct ns16550, iobase), 0x3f8, NULL, "first of eight ports" },
    { "chardev", PROP_CHARDEV, offsetof(struct ns16550, chardev), 0, NULL, "the other end" },
    { "exact_timing", PROP_BOOL, offsetof(struct ns16550, exact_timing), 1, NULL,
      "characters take what the divisor says; off: half a microsecond at most" },
    { NULL, PROP_U32, 0, 0, NULL, NULL },
};

static const struct pin uart_pins[] = {
    { "irq", PIN_OUT, 1, offsetof(struct ns16550, irq), NULL },
    { NULL, PIN_OUT, 0, 0, NULL },
};

static const struct reg_doc uart_regs[] = {
    { "RBR", "io+0 (DLAB = 0)", REG_RO, true, NULL },
    { "THR", "io+0 (DLAB = 0)", REG_WO, true, NULL },
    { "IER", "io+1 (DLAB = 0)", REG_RW, true, NULL },
    { "IIR", "io+2", REG_RO, true, NULL },
    { "FCR", "io+2", REG_WO, true, "DMA mode: no such pins on a PC" },
    { "LCR", "io+3", REG_RW, true, "a break isn't passed to the backend" },
    { "MCR", "io+4", REG_RW, true, NULL },
    { "LSR", "io+5", REG_RO, true, "PE and FE never happen; writes (factory test) are ignored" },
    { "MSR", "io+6", REG_RO, true, "writes are ignored" },
    { "SCR", "io+7", REG_RW, true, NULL },
    { "DLL", "io+0 (DLAB = 1)", REG_RW, true, NULL },
    { "DLM", "io+1 (DLAB = 1)", REG_RW, true, NULL },
    REG_END,
};

const struct device_class ns16550_class = {
    .name = "ns16550",
    .desc = "PC16550D serial port",
    .size = sizeof(struct ns16550),
    .props = uart_props,
    .pins = uart_pins,
    .regs = uart_regs,
    .init = uart_init,
    .reset = uart_reset,
    .close = uart_close,
    .fields = uart_fields,
    .version = 1,
    .post_load = uart_post_load,
    .info = uart_info,
};
