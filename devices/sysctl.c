/* SPDX-License-Identifier: MIT */
/* The PC's odd system ports as they are in the Intel 82371AB PIIX4 (data sheet 290562, sections
 * 4.1.6 and 4.1.7): NMI status and control (61h), system control A (92h), APM control and status
 * (B2h, B3h).
 *
 * NMI is an edge made from SERR# and IOCHK# (each latched until its enable bit is written 1), the
 * two enables, and the mask in bit 7 of port 70h, which the RTC drives as "nmi_mask". A20 is one
 * input of the board's OR gate; the 8042 drives the other.
 * Not modelled: SMI#. A write to APMC is handed on by the "apmc" pin, whose level is the byte, and
 * the power-management function acts on it (ACPI enable and disable) as firmware's SMM code would.
 * Refresh requests don't exist; their toggle (61h bit 4) is 18 PIT clocks long, 15.1 us, whatever
 * counter 1 is set to, as delay loops expect. */
#include "core/device.h"

#define PIT_HZ 1193182u
#define REFRESH_CLOCKS 18u

struct sysctl {
    struct device dev;
    struct wire gate2, speaker, a20, apmc, irq13, ignne;
    bool ferr;       /* level of FERR# */
    bool irq13_latch;

    u8 port61;            /* bits 3:0 */
    u8 port92;            /* bits 1:0 */
    u8 apm_control, apm_status;
    bool out2, nmi_mask;
    bool serr, iochk;     /* inputs */
    bool serr_latch, iochk_latch;
    bool nmi;             /* level of the NMI line: its rise is the request */
};

enum { P61_GATE2 = 1, P61_SPEAKER = 2, P61_SERR_OFF = 4, P61_IOCHK_OFF = 8, P61_REFRESH = 0x10,
       P61_OUT2 = 0x20, P61_IOCHK = 0x40, P61_SERR = 0x80 };
enum { P92_INIT = 1, P92_A20 = 2 };

static void ask(struct sysctl *s, enum system_request what)
{
    s->dev.sys->request(s->dev.sys->machine, what, 0);
}

static void sys_update(struct sysctl *s)
{
    wire_set(&s->gate2, s->port61 & P61_GATE2);
    wire_set(&s->speaker, s->port61 & P61_SPEAKER && s->out2);
    wire_set(&s->a20, (s->port92 & P92_A20) != 0);
    wire_set(&s->irq13, s->irq13_latch);

    if (s->port61 & P61_SERR_OFF)
        s->serr_latch = false;
    else if (s->serr)
        s->serr_latch = true;
    if (s->port61 & P61_IOCHK_OFF)
        s->iochk_latch = false;
    else if (s->iochk)
        s->iochk_latch = true;

    bool nmi = (s->serr_latch || s->iochk_latch) && !s->nmi_mask;
    bool rise = nmi && !s->nmi;
    s->nmi = nmi;
    if (rise)
        ask(s, SYSTEM_NMI);
}

static void out2_input(void *to, int n, int level)
{
    struct sysctl *s = to;
    (void)n;
    s->out2 = level;
    sys_update(s);
}

static void serr_input(void *to, int n, int level)
{
    struct sysctl *s = to;
    (void)n;
    s->serr = level;
    sys_update(s);
}

static void iochk_input(void *to, int n, int level)
{
    struct sysctl *s = to;
    (void)n;
    s->iochk = level;
    sys_update(s);
}

static void mask_input(void *to, int n, int level)
{
    struct sysctl *s = to;
    (void)n;
    s->nmi_mask = level;
    sys_update(s);
}

static bool refresh_toggle(const struct sysctl *s)
{
    u64 ns = clock_now(s->dev.sys->clock);
    u64 clk = ns / NS_PER_SEC * PIT_HZ + ns % NS_PER_SEC * PIT_HZ / NS_PER_SEC;
    return clk / REFRESH_CLOCKS & 1;
}

static u32 port61_read(void *dev, u32 off, unsigned size)
{
    const struct sysctl *s = dev;
    (void)off;
    (void)size;
    return s->port61 | (refresh_toggle(s) ? P61_REFRESH : 0u) | (s->out2 ? P61_OUT2 : 0u) |
           (s->iochk_latch ? P61_IOCHK : 0u) | (s->serr_latch ? P61_SERR : 0u);
}

static void port61_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct sysctl *s = dev;
    (void)off;
    (void)size;
    s->port61 = val & 0x0f;
    sys_update(s);
}

static u32 port92_read(void *dev, u32 off, unsigned size)
{
    (void)off;
    (void)size;
    return ((struct sysctl *)dev)->port92;
}

static void port92_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct sysctl *s = dev;
    bool init = val & P92_INIT && !(s->port92 & P92_INIT);
    (void)off;
    (void)size;

    s->port92 = val & (P92_INIT | P92_A20);
    sys_update(s);
    if (init)
        ask(s, SYSTEM_INIT);
}

static u32 apm_read(void *dev, u32 off, unsigned size)
{
    const struct sysctl *s = dev;
    (void)size;
    return off ? s->apm_status : s->apm_control;
}

static void apm_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct sysctl *s = dev;
    (void)size;
    if (off) {
        s->apm_status = (u8)val;
        return;
    }
    s->apm_control = (u8)val;
    wire_set(&s->apmc, s->apm_control);
}

static const struct region_ops port61_ops = { port61_read, port61_write, port61_read, 1, 1, false };
static const struct region_ops port92_ops = { port92_read, port92_write, port92_read, 1, 1, false };
static const struct region_ops apm_ops = { apm_read, apm_write, apm_read, 1, 1, false };

/* Coprocessor errors as on the AT: FERR# latches IRQ13; a write to port F0h, whatever the value, takes
 * it back and tells the processor (IGNNE#) to go on past the error (82371AB 4.2.7, "RF0"). */
static void ferr_input(void *to, int n, int level)
{
    struct sysctl *s = to;

    (void)n;
    if (level && !s->ferr)
        s->irq13_latch = true;
    s->ferr = level;
    sys_update(s);
}

static u32 portf0_read(void *dev, u32 off, unsigned size)
{
    (void)dev;
    (void)off;
    return size_mask(size);
}

static void portf0_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct sysctl *s = dev;

    (void)off;
    (void)val;
    (void)size;
    s->irq13_latch = false;
    sys_update(s);
    wire_set(&s->ignne, 1);
    wire_set(&s->ignne, 0);
}

static const struct region_ops portf0_ops = { portf0_read, portf0_write, portf0_read, 1, 1, false };

static bool sys_init(struct device *dev, struct err *e)
{
    return device_io(dev, "port61", 0x61, 1, &port61_ops, e) &&
           device_io(dev, "port92", 0x92, 1, &port92_ops, e) &&
           device_io(dev, "apm", 0xb2, 2, &apm_ops, e) &&
           device_io(dev, "rf0", 0xf0, 1, &portf0_ops, e);
}

static void sys_reset(struct device *dev, enum reset_kind kind)
{
    struct sysctl *s = (struct sysctl *)dev;
    (void)kind;
    s->port61 = 0;
    s->port92 = 0;
    s->apm_control = s->apm_status = 0;
    s->serr_latch = s->iochk_latch = s->nmi = s->irq13_latch = false;
    sys_update(s);
}

static bool sys_post_load(struct device *dev, struct err *e)
{
    struct sysctl *s = (struct sysctl *)dev;

    if (s->port61 & ~0x0f || s->port92 & ~3 ||
        s->nmi != ((s->serr_latch || s->iochk_latch) && !s->nmi_mask))
        return err_set(e, ERR_STATE, "%s: impossible register values", dev->id);
    sys_update(s);
    return true;
}

static const struct field sys_fields[] = {
    F_U8(struct sysctl, port61),
    F_U8(struct sysctl, port92),
    F_U8(struct sysctl, apm_control),
    F_U8(struct sysctl, apm_status),
    F_BOOL(struct sysctl, out2),
    F_BOOL(struct sysctl, nmi_mask),
    F_BOOL(struct sysctl, serr),
    F_BOOL(struct sysctl, iochk),
    F_BOOL(struct sysctl, serr_latch),
    F_BOOL(struct sysctl, iochk_latch),
    F_BOOL(struct sysctl, nmi),
    F_BOOL(struct sysctl, ferr),
    F_BOOL(struct sysctl, irq13_latch),
    F_END,
};

/* What A20 became by another chip's doing: the chipset has one latch, seen through both ports. */
static void a20_state_input(void *dev, int n, int level)
{
    struct sysctl *s = dev;

    (void)n;
    s->port92 = (u8)((s->port92 & ~P92_A20) | (level ? P92_A20 : 0));
    wire_set(&s->a20, level);
}

static const struct pin sys_pins[] = {
    { "out2", PIN_IN, 1, 0, out2_input },
    { "serr", PIN_IN, 1, 0, serr_input },
    { "iochk", PIN_IN, 1, 0, iochk_input },
    { "nmi_mask", PIN_IN, 1, 0, mask_input },
    { "ferr", PIN_IN, 1, 0, ferr_input },
    { "irq13", PIN_OUT, 1, offsetof(struct sysctl, irq13), NULL },
    { "ignne", PIN_OUT, 1, offsetof(struct sysctl, ignne), NULL },
    { "gate2", PIN_OUT, 1, offsetof(struct sysctl, gate2), NULL },
    { "speaker", PIN_OUT, 1, offsetof(struct sysctl, speaker), NULL },
    { "a20", PIN_OUT, 1, offsetof(struct sysctl, a20), NULL },
    { "a20_state", PIN_IN, 1, 0, a20_state_input },
    { "apmc", PIN_OUT, 1, offsetof(struct sysctl, apmc), NULL },
    { NULL, PIN_OUT, 0, 0, NULL },
};

static const struct reg_doc sys_regs[] = {
    { "NMISC", "port 61h", REG_MIXED, true, "refresh toggle: fixed 18 PIT clocks" },
    { "P92", "port 92h", REG_RW, true, NULL },
    { "APMC", "port B2h", REG_RW, true, "no SMI#: the byte goes out on the apmc pin" },
    { "APMS", "port B3h", REG_RW, true, NULL },
    { "RF0", "port F0h", REG_WO, true, NULL },
    REG_END,
};

const struct device_class sysctl_class = {
    .name = "sysctl",
    .desc = "system control ports 61h, 92h, B2h, B3h, F0h (82371AB)",
    .size = sizeof(struct sysctl),
    .pins = sys_pins,
    .regs = sys_regs,
    .init = sys_init,
    .reset = sys_reset,
    .fields = sys_fields,
    .version = 1,
    .post_load = sys_post_load,
};
