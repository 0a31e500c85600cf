/* SPDX-License-Identifier: MIT */
/* Keyboard and auxiliary device controller: an Intel 8042 (UPI-41, data sheet 210393) with the
 * program of the IBM PS/2 type 1 controller (Hardware Interface Technical Reference, "Keyboard and
 * Auxiliary Device Controller"), keyboard (ps2_kbd.c) and mouse (ps2_mouse.c) plugged in.
 *
 * A byte takes its time: 300 us from a device, 50 us from the controller itself, counted from the
 * moment the output buffer is free; so a driver that reads port 60h once for each interrupt never
 * sees two bytes for one edge. IRQ1 and IRQ12 follow from the output buffer and the command byte.
 * What the guest writes is taken at once: the input buffer always reads empty. At power-on both
 * interfaces are disabled and no interrupt is enabled, until firmware writes the command byte.
 *
 * Not modelled: password (there is none), diagnostic dump, the poll commands C1h/C2h, test inputs,
 * key lock (never locked), pulses on other output port bits than reset. Bits 7 and 6 of the status
 * never show errors: the links have none. */
#include "devices/ps2.h"

#define DEVICE_NS 300000u
#define CONTROLLER_NS 50000u

struct i8042 {
    struct device dev;
    u32 iobase;
    struct input *input;
    struct wire irq1, irq12, a20;

    struct ps2_kbd kbd;
    struct ps2_mouse mouse;
    struct fifo answers;   /* the controller's own bytes, and what D2h puts before the keyboard's */
    struct fifo aux_put;   /* what D3h puts before the mouse's */
    struct timer deliver;
    u8 ram[32];            /* [0] is the command byte */
    u8 output;             /* output buffer: stays readable */
    u8 outport;            /* bits 5:4 are not kept here */
    u8 command;            /* that waits for its byte at port 60h */
    bool obf, obf_aux;     /* output buffer full, and from the auxiliary device */
    bool sys_flag, last_was_command;
    bool broken;           /* translation: F0h was taken */
    bool last_aux;         /* source of the last device byte */
};

enum { ST_OBF = 1, ST_IBF = 2, ST_SYS = 4, ST_A2 = 8, ST_UNLOCKED = 0x10, ST_AUX = 0x20 };
enum { CCB_KBD_INT = 1, CCB_AUX_INT = 2, CCB_SYS = 4, CCB_NO_KBD = 0x10, CCB_NO_AUX = 0x20,
       CCB_XLAT = 0x40 };
enum { OUT_RESET = 1, OUT_A20 = 2, OUT_KBD_FULL = 0x10, OUT_AUX_FULL = 0x20 };

static u8 *ccb(struct i8042 *s)
{
    return &s->ram[0];
}

static bool kbd_ready(const struct i8042 *s)
{
    return !(s->ram[0] & CCB_NO_KBD) && ps2_pending(&s->kbd.link);
}

static bool aux_ready(const struct i8042 *s)
{
    return !(s->ram[0] & CCB_NO_AUX) && ps2_pending(&s->mouse.link);
}

static void kbc_update(struct i8042 *s)
{
    wire_set(&s->irq1, s->obf && !s->obf_aux && *ccb(s) & CCB_KBD_INT);
    wire_set(&s->irq12, s->obf && s->obf_aux && *ccb(s) & CCB_AUX_INT);
    wire_set(&s->a20, (s->outport & OUT_A20) != 0);

    if (s->obf) {
        timer_off(&s->deliver);
        return;
    }
    bool own = s->answers.count || s->aux_put.count;
    if (!own && !kbd_ready(s) && !aux_ready(s)) {
        timer_off(&s->deliver);
        return;
    }
    u64 when = clock_now(s->dev.sys->clock) + (own ? CONTROLLER_NS : DEVICE_NS);
    if (!timer_armed(&s->deliver) || when < s->deliver.when)
        timer_at(&s->deliver, when);
}

static void fill(struct i8042 *s, u8 v, bool aux)
{
    s->output = v;
    s->obf = true;
    s->obf_aux = aux;
}

/* Takes a byte from the keyboard; false: it was only the break prefix of a translated code. */
static bool take_kbd(struct i8042 *s)
{
    bool reply = s->kbd.link.reply.count;
    u8 v = ps2_pop(&s->kbd.link);

    s->last_aux = false;
    if (*ccb(s) & CCB_XLAT) {
        if (v == 0xf0 && !reply) {
            s->broken = true;
            return false;
        }
        v = ps2_translate(v);
        if (!reply && s->broken) {
            v |= 0x80;
            s->broken = false;
        }
    }
    fill(s, v, false);
    return true;
}

static void deliver_due(void *dev, u64 late)
{
    struct i8042 *s = dev;
    (void)late;

    if (s->answers.count) {
        fill(s, fifo_pop(&s->answers), false);
    } else if (s->aux_put.count) {
        fill(s, fifo_pop(&s->aux_put), true);
    } else if (aux_ready(s) && (s->last_aux || !kbd_ready(s))) {
        /* A packet that has begun goes on; the mouse makes the next one only when it is out. */
        s->last_aux = true;
        fill(s, ps2_pop(&s->mouse.link), true);
        ps2_mouse_drained(&s->mouse);
    } else {
        while (kbd_ready(s) && !take_kbd(s))
            ;
    }
    if (!ps2_pending(&s->mouse.link))
        s->last_aux = false;
    kbc_update(s);
}

static void device_ready(void *controller)
{
    kbc_update(controller);
}

/* ---- commands ---- */

static void ask_reset(struct i8042 *s)
{
    s->dev.sys->request(s->dev.sys->machine, SYSTEM_INIT, 0);
}

static void answer(struct i8042 *s, u8 v)
{
    fifo_push(&s->answers, v);
}

static u8 output_port(const struct i8042 *s)
{
    return (u8)(s->outport | (s->obf && !s->obf_aux ? OUT_KBD_FULL : 0) |
                (s->obf && s->obf_aux ? OUT_AUX_FULL : 0));
}

static void write_output_port(struct i8042 *s, u8 v)
{
    /* A reset that is held would hold the CPU for good; it is let go at once. */
    s->outport = (u8)((v & ~(OUT_KBD_FULL | OUT_AUX_FULL)) | OUT_RESET);
    if (!(v & OUT_RESET))
        ask_reset(s);
}

static void write_ram(struct i8042 *s, unsigned i, u8 v)
{
    s->ram[i] = v;
    if (i == 0) {
        s->ram[0] &= 0x7f;
        s->sys_flag = v & CCB_SYS;
    }
}

static void kbc_command(struct i8042 *s, u8 v)
{
    s->command = 0;
    if (v >= 0x20 && v <= 0x3f) {
        answer(s, s->ram[v & 31]);
        return;
    }
    if ((v >= 0x60 && v <= 0x7f) || (v >= 0xd1 && v <= 0xd4) || v == 0xa5) {
        s->command = v;
        return;
    }
    if (v >= 0xf0) {
        /* bits 3:0 that are 0 pulse low */
        if (!(v & 1))
            ask_reset(s);
        return;
    }
    switch (v) {
    case 0xa4: /* password installed? */
        answer(s, 0xf1);
        break;
    case 0xa6: /* enable password: there is none */
        break;
    case 0xa7:
        *ccb(s) |= CCB_NO_AUX;
        break;
    case 0xa8:
        *ccb(s) &= (u8)~CCB_NO_AUX;
        break;
    case 0xa9: /* auxiliary interface test: no error */
    case 0xab: /* keyboard interface test */
        answer(s, 0x00);
        break;
    case 0xaa: /* self-test */
        s->sys_flag = true;
        *ccb(s) |= CCB_SYS;
        answer(s, 0x55);
        break;
    case 0xad:
        *ccb(s) |= CCB_NO_KBD;
        break;
    case 0xae:
        *ccb(s) &= (u8)~CCB_NO_KBD;
        break;
    case 0xc0: /* input port: not locked, colour display, no jumper */
        answer(s, 0xe0);
        break;
    case 0xd0:
        answer(s, output_port(s));
        break;
    case 0xdd: /* A20 off and on: two commands that chip sets and clones added */
        s->outport &= (u8)~OUT_A20;
        break;
    case 0xdf:
        s->outport |= OUT_A20;
        break;
    case 0xe0: /* test inputs T0, T1: both clock lines high */
        answer(s, 0x03);
        break;
    default:
        log_unimp(s->dev.sys->log, s->dev.id, "command %02xh", v);
        break;
    }
}

static void kbc_data(struct i8042 *s, u8 v)
{
    u8 cmd = s->command;

    /* A password is a string that ends with 0. */
    if (cmd != 0xa5 || !v)
        s->command = 0;
    if (cmd >= 0x60 && cmd <= 0x7f) {
        write_ram(s, cmd & 31, v);
        return;
    }
    switch (cmd) {
    case 0xa5:
        break;
    case 0xd1:
        write_output_port(s, v);
        break;
    case 0xd2:
        fifo_push(&s->answers, v);
        break;
    case 0xd3:
        fifo_push(&s->aux_put, v);
        break;
    case 0xd4: /* sending enables the interface */
        *ccb(s) &= (u8)~CCB_NO_AUX;
        ps2_mouse_write(&s->mouse, v);
        break;
    default:
        *ccb(s) &= (u8)~CCB_NO_KBD;
        ps2_kbd_write(&s->kbd, v);
        break;
    }
}

/* ---- ports ---- */

static u32 data_peek(void *dev, u32 off, unsigned size)
{
    (void)off;
    (void)size;
    return ((struct i8042 *)dev)->output;
}

static u32 data_read(void *dev, u32 off, unsigned size)
{
    struct i8042 *s = dev;
    (void)off;
    (void)size;
    if (s->obf) {
        s->obf = false;
        s->obf_aux = false;
        kbc_update(s);
    }
    return s->output;
}

static void data_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i8042 *s = dev;
    (void)off;
    (void)size;
    s->last_was_command = false;
    kbc_data(s, (u8)val);
    kbc_update(s);
}

static u32 status_read(void *dev, u32 off, unsigned size)
{
    const struct i8042 *s = dev;
    (void)off;
    (void)size;
    return ST_UNLOCKED | (s->obf ? ST_OBF : 0u) | (s->obf_aux ? ST_AUX : 0u) |
           (s->sys_flag ? ST_SYS : 0u) | (s->last_was_command ? ST_A2 : 0u);
}

static void command_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i8042 *s = dev;
    (void)off;
    (void)size;
    s->last_was_command = true;
    kbc_command(s, (u8)val);
    kbc_update(s);
}

static const struct region_ops data_ops = { data_read, data_write, data_peek, 1, 1, false };
static const struct region_ops status_ops = { status_read, command_write, status_read, 1, 1,
                                              false };

/* ---- device ---- */

static void on_key(void *dev, u8 usage, bool down)
{
    ps2_kbd_key(&((struct i8042 *)dev)->kbd, usage, down);
}

static void on_mouse(void *dev, i32 dx, i32 dy, i32 dz, u32 buttons)
{
    ps2_mouse_move(&((struct i8042 *)dev)->mouse, dx, dy, dz, buttons);
}

static bool kbc_init(struct device *dev, struct err *e)
{
    struct i8042 *s = (struct i8042 *)dev;
    struct clock *clock = dev->sys->clock;

    timer_init(&s->deliver, clock, deliver_due, s, "8042 byte");
    ps2_kbd_init(&s->kbd, clock);
    ps2_mouse_init(&s->mouse, clock);
    s->kbd.input = s->input;
    s->kbd.link.ready = s->mouse.link.ready = device_ready;
    s->kbd.link.controller = s->mouse.link.controller = s;
    if (s->input) {
        s->input->key = on_key;
        s->input->key_dev = s;
        s->input->mouse = on_mouse;
        s->input->mouse_dev = s;
    }
    return device_io(dev, "8042 data", s->iobase, 1, &data_ops, e) &&
           device_io(dev, "8042 command", s->iobase + 4, 1, &status_ops, e);
}

static void kbc_reset(struct device *dev, enum reset_kind kind)
{
    struct i8042 *s = (struct i8042 *)dev;
    (void)kind;

    memset(s->ram, 0, sizeof(s->ram));
    *ccb(s) = CCB_NO_KBD | CCB_NO_AUX;
    s->output = 0;
    s->outport = 0xcf;
    s->command = 0;
    s->obf = s->obf_aux = s->sys_flag = s->last_was_command = s->broken = s->last_aux = false;
    fifo_clear(&s->answers);
    fifo_clear(&s->aux_put);
    ps2_kbd_reset(&s->kbd);
    ps2_mouse_reset(&s->mouse);
    kbc_update(s);
}

static void kbc_close(struct device *dev)
{
    struct i8042 *s = (struct i8042 *)dev;

    if (s->input && s->input->key_dev == s)
        s->input->key = NULL;
    if (s->input && s->input->mouse_dev == s)
        s->input->mouse = NULL;
    timer_off(&s->deliver);
    ps2_kbd_close(&s->kbd);
    ps2_mouse_close(&s->mouse);
}

static bool kbc_post_load(struct device *dev, struct err *e)
{
    struct i8042 *s = (struct i8042 *)dev;

    if (!fifo_sane(&s->answers) || !fifo_sane(&s->aux_put) || !ps2_kbd_sane(&s->kbd) ||
        !ps2_mouse_sane(&s->mouse) || s->ram[0] & 0x80 ||
        s->outport & (OUT_KBD_FULL | OUT_AUX_FULL) || (s->obf && timer_armed(&s->deliver)))
        return err_set(e, ERR_STATE, "%s: impossible register values", dev->id);
    wire_set(&s->irq1, s->obf && !s->obf_aux && *ccb(s) & CCB_KBD_INT);
    wire_set(&s->irq12, s->obf && s->obf_aux && *ccb(s) & CCB_AUX_INT);
    wire_set(&s->a20, (s->outport & OUT_A20) != 0);
    if (s->input)
        s->input->leds = (u8)((s->kbd.leds >> 1 & 3) | (s->kbd.leds & 1) << 2);
    return true;
}

static void kbc_info(struct device *dev, struct strbuf *sb)
{
    const struct i8042 *s = (const struct i8042 *)dev;

    sb_addf(sb, "%s: command byte %02x, status %02x, output %02x, output port %02x\n", dev->id,
            s->ram[0], status_read(dev, 0, 1), s->output, output_port(s));
    sb_addf(sb, "keyboard: set %u, %s, leds %x, rate %02x, %u bytes to send\n", s->kbd.set,
            s->kbd.enabled ? "scanning" : "disabled", s->kbd.leds, s->kbd.rate,
            s->kbd.link.reply.count + s->kbd.link.data.count);
    sb_addf(sb, "mouse: id %u, %s%s%s, rate %u, resolution %u, %u bytes to send\n", s->mouse.id,
            s->mouse.enabled ? "enabled" : "disabled", s->mouse.remote ? ", remote" : "",
            s->mouse.wrap ? ", wrap" : "", s->mouse.rate, s->mouse.resolution,
            s->mouse.link.reply.count + s->mouse.link.data.count);
}

static const struct field fifo_fields[] = FIFO_FIELDS;

static const struct field kbc_fields[] = {
    F_SUB(struct i8042, kbd, struct ps2_kbd, ps2_kbd_fields),
    F_SUB(struct i8042, mouse, struct ps2_mouse, ps2_mouse_fields),
    F_SUB(struct i8042, answers, struct fifo, fifo_fields),
    F_SUB(struct i8042, aux_put, struct fifo, fifo_fields),
    F_TIMER(struct i8042, deliver),
    F_ARRAY(struct i8042, ram, u8),
    F_U8(struct i8042, output),
    F_U8(struct i8042, outport),
    F_U8(struct i8042, command),
    F_BOOL(struct i8042, obf),
    F_BOOL(struct i8042, obf_aux),
    F_BOOL(struct i8042, sys_flag),
    F_BOOL(struct i8042, last_was_command),
    F_BOOL(struct i8042, broken),
    F_BOOL(struct i8042, last_aux),
    F_END,
};

static const struct prop kbc_props[] = {
    { "iobase", PROP_U32, offsetof(struct i8042, iobase), 0x60, NULL, "data port; +4: command" },
    { "input", PROP_INPUT, offsetof(struct i8042, input), 0, NULL, "keys and pointer" },
    { NULL, PROP_U32, 0, 0, NULL, NULL },
};

/* What A20 became by port 92h: one latch for both. */
static void a20_state_input(void *dev, int n, int level)
{
    struct i8042 *s = dev;

    (void)n;
    s->outport = (u8)((s->outport & ~OUT_A20) | (level ? OUT_A20 : 0));
    wire_set(&s->a20, level);
}

static const struct pin kbc_pins[] = {
    { "irq1", PIN_OUT, 1, offsetof(struct i8042, irq1), NULL },
    { "irq12", PIN_OUT, 1, offsetof(struct i8042, irq12), NULL },
    { "a20", PIN_OUT, 1, offsetof(struct i8042, a20), NULL },
    { "a20_state", PIN_IN, 1, 0, a20_state_input },
    { NULL, PIN_OUT, 0, 0, NULL },
};

static const struct reg_doc kbc_regs[] = {
    { "Output buffer", "io+0", REG_RO, true, NULL },
    { "Input buffer (data)", "io+0", REG_WO, true, NULL },
    { "Status", "io+4", REG_RO, true, "IBF, time-out and parity bits are never set" },
    { "Input buffer (command)", "io+4", REG_WO, true, NULL },
    { "Command byte", "20h/60h", REG_RW, true, "bit 3 is stored: there is no key lock" },
    { "Controller RAM", "21h-3Fh/61h-7Fh", REG_RW, true, NULL },
    { "Password", "A4h-A6h", REG_WO, false, "always none" },
    { "Interface and self-tests", "A9h, AAh, ABh", REG_RO, true, NULL },
    { "Diagnostic dump", "ACh", REG_RO, false, "internals of IBM's firmware" },
    { "Enable/disable interfaces", "A7h, A8h, ADh, AEh", REG_WO, true, NULL },
    { "Input port", "C0h", REG_RO, true, "constant" },
    { "Poll input port", "C1h, C2h", REG_RO, false, "no known user" },
    { "Output port", "D0h/D1h", REG_RW, true, "clock and data bits have no effect" },
    { "Put into output buffer", "D2h, D3h", REG_WO, true, NULL },
    { "Write to auxiliary device", "D4h", REG_WO, true, NULL },
    { "Test inputs", "E0h", REG_RO, true, "constant" },
    { "Pulse output port", "F0h-FFh", REG_WO, true, "only the reset bit" },
    REG_END,
};

const struct device_class i8042_class = {
    .name = "i8042",
    .desc = "8042 keyboard controller with PS/2 keyboard and mouse",
    .size = sizeof(struct i8042),
    .props = kbc_props,
    .pins = kbc_pins,
    .regs = kbc_regs,
    .init = kbc_init,
    .reset = kbc_reset,
    .close = kbc_close,
    .fields = kbc_fields,
    .version = 1,
    .post_load = kbc_post_load,
    .info = kbc_info,
};
