/* SPDX-License-Identifier: MIT */
/* PIIX4 function 2: configuration space, UHCI registers, root hub and schedule. */
#include "devices/pci.h"
#include "devices/piix4_usb.h"
#include "tests/dev/rig.h"

#define IO 0xc020u
#define LIST 0x10000u
#define QH(n) (0x20000u + (n) * 0x10)
#define TD(n) (0x21000u + (n) * 0x20)
#define BUF(n) (0x30000u + (n) * 0x800)
#define END 1u
#define MS 1000000u

#define ACTIVE 0x800000u
#define IOC 0x1000000u
#define ISO 0x2000000u
#define LOW 0x4000000u
#define ERR3 0x18000000u
#define SPD 0x20000000u

static u32 cfg_addr(u32 reg) { return 0x80000a00u | (reg & 0xfc); }
static u32 cfg(struct rig *r, u32 reg)
{
    out32(r, 0xcf8, cfg_addr(reg));
    return in32(r, 0xcfc);
}
static u8 cfg8(struct rig *r, u32 reg)
{
    out32(r, 0xcf8, cfg_addr(reg));
    return in8(r, 0xcfc + (reg & 3));
}
static u16 cfg16(struct rig *r, u32 reg)
{
    out32(r, 0xcf8, cfg_addr(reg));
    return in16(r, 0xcfc + (reg & 2));
}
static void cfgw8(struct rig *r, u32 reg, u8 v)
{
    out32(r, 0xcf8, cfg_addr(reg));
    out8(r, 0xcfc + (reg & 3), v);
}
static void cfgw16(struct rig *r, u32 reg, u16 v)
{
    out32(r, 0xcf8, cfg_addr(reg));
    out16(r, 0xcfc + (reg & 2), v);
}
static void cfgw32(struct rig *r, u32 reg, u32 v)
{
    out32(r, 0xcf8, cfg_addr(reg));
    out32(r, 0xcfc, v);
}

static struct rig *bare(void)
{
    struct rig *r = rig_new("i440fx", NULL);
    struct device *usb = rig_make(r, "piix4_usb", "usb", NULL);
    rig_start(r, usb);
    ck_assert(pci_bus_add(r->sys.pci, (struct pci_device *)usb, 0x0a, NULL));
    return r;
}

/* With BAR and bus master on, an empty list, and the list's address set. */
static struct rig *ready(void)
{
    struct rig *r = bare();
    cfgw32(r, 0x20, IO);
    cfgw16(r, 4, 5);
    for (u32 k = 0; k < 1024; k++)
        st32(rig_ram(r, LIST + 4 * k), END);
    out32(r, IO + 8, LIST);
    return r;
}

static struct uhci *hub(struct rig *r)
{
    return piix4_usb_hub(r->dev[r->num_devices - 1]);
}

static void list(struct rig *r, u32 entry)
{
    for (u32 k = 0; k < 1024; k++)
        st32(rig_ram(r, LIST + 4 * k), entry);
}
static void qh(struct rig *r, unsigned n, u32 link, u32 element)
{
    st32(rig_ram(r, QH(n)), link);
    st32(rig_ram(r, QH(n) + 4), element);
}
static void td(struct rig *r, unsigned n, u32 link, u32 ctrl, u8 pid, u8 address, u32 len)
{
    u8 *p = rig_ram(r, TD(n));
    st32(p, link);
    st32(p + 4, ctrl);
    st32(p + 8, ((len - 1) & 0x7ff) << 21 | (u32)address << 8 | pid);
    st32(p + 12, BUF(n));
}
static u32 ctrl_of(struct rig *r, unsigned n) { return ld32(rig_ram(r, TD(n) + 4)); }
static u32 element_of(struct rig *r, unsigned n) { return ld32(rig_ram(r, QH(n) + 4)); }
static u16 sts(struct rig *r) { return in16(r, IO + 2); }
static void run(struct rig *r) { out16(r, IO, 1); }
static int intd(struct rig *r) { return wire(r, "i440fx.pirq3"); }

/* ---- a device ---- */

struct toy {
    struct usb_device d;
    int answer;     /* what it says; IN: bytes of it */
    u8 address;
    u32 calls, resets;
    u8 pid, endpoint, got[1280];
    bool toggle;
    u32 got_len;
};

static int toy_transact(struct usb_device *d, enum usb_pid pid, u8 address, u8 endpoint,
                        bool toggle, u8 *data, u32 len)
{
    struct toy *t = d->priv;
    if (address != t->address)
        return USB_SILENT;
    t->calls++;
    t->pid = (u8)pid;
    t->endpoint = endpoint;
    t->toggle = toggle;
    t->got_len = len;
    if (pid != USB_PID_IN)
        memcpy(t->got, data, len);
    for (int k = 0; pid == USB_PID_IN && k < t->answer && k < (int)len; k++)
        data[k] = (u8)(0x40 + k);
    return t->answer == 99999 ? (int)len : t->answer;
}

static void toy_reset(struct usb_device *d)
{
    ((struct toy *)d->priv)->resets++;
}

static void plug(struct rig *r, struct toy *t, bool low)
{
    memset(t, 0, sizeof(*t));
    t->d.transact = toy_transact;
    t->d.bus_reset = toy_reset;
    t->d.low_speed = low;
    t->d.priv = t;
    uhci_plug(hub(r), 0, &t->d);
    out16(r, IO + 0x10, 0x0200);
    out16(r, IO + 0x10, 0);
    out16(r, IO + 0x10, 0x0006);
}

/* ---- configuration space ---- */

START_TEST(configuration)
{
    struct rig *r = bare();
    ck_assert_uint_eq(cfg(r, 0), 0x71128086);
    ck_assert_uint_eq(cfg(r, 4), 0x02800000);
    ck_assert_uint_eq(cfg(r, 8) >> 8, 0x0c0300);
    ck_assert_uint_eq(cfg(r, 0x0c), 0);
    ck_assert_uint_eq(cfg(r, 0x20), 1);
    ck_assert_uint_eq(cfg(r, 0x3c), 0x0400); /* INTD */
    ck_assert_uint_eq(cfg8(r, 0x60), 0x10);
    ck_assert_uint_eq(cfg16(r, 0xc0), 0x2000);

    cfgw16(r, 4, 0xffff);
    ck_assert_uint_eq(cfg16(r, 4), 0x0005);
    cfgw32(r, 0x0c, 0xffffffff);
    ck_assert_uint_eq(cfg(r, 0x0c), 0xf000);
    cfgw32(r, 0x20, 0xffffffff);
    ck_assert_uint_eq(cfg(r, 0x20), 0xffffffe1);
    cfgw32(r, 0x3c, 0xffffffff);
    ck_assert_uint_eq(cfg(r, 0x3c), 0x04ff);
    cfgw8(r, 0x60, 0xff);
    ck_assert_uint_eq(cfg8(r, 0x60), 0x10);
    cfgw16(r, 0xc0, 0xffff);
    ck_assert_uint_eq(cfg16(r, 0xc0), 0x20bf); /* status bits: never on */
    ck_assert(rig_log_has(r, "keyboard emulation"));
    cfgw16(r, 0xc0, 0x8f00); /* Linux takes it over so */
    ck_assert_uint_eq(cfg16(r, 0xc0), 0);
    for (u32 reg = 0x10; reg < 0x100; reg += 4)
        if (reg != 0x20 && reg != 0x3c && reg != 0x60 && reg != 0xc0) {
            cfgw32(r, reg, 0xffffffff);
            ck_assert_msg(cfg(r, reg) == 0, "%02x", reg);
        }
    rig_snapshot_roundtrip(r);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(cfg16(r, 0xc0), 0x2000);
    ck_assert_uint_eq(cfg(r, 0x20), 1);
    rig_free(r);
}
END_TEST

/* ---- registers ---- */

static void check_defaults(struct rig *r)
{
    static const u16 want[16] = { 0, 0x20, 0, 0, 0, 0, 0x40, 0, 0x80, 0x80 };
    for (u32 k = 0; k < 16; k++)
        ck_assert_msg(in16(r, IO + 2 * k) == want[k], "register %02x: %04x", 2 * k,
                      in16(r, IO + 2 * k));
}

START_TEST(registers)
{
    struct rig *r = bare();
    ck_assert_uint_eq(in16(r, IO), 0xffff); /* no BAR yet */
    cfgw32(r, 0x20, IO);
    cfgw16(r, 4, 1);
    check_defaults(r);
    out16(r, IO + 4, 0xffff);
    ck_assert_uint_eq(in16(r, IO + 4), 0x000f);
    out16(r, IO + 6, 0xffff);
    ck_assert_uint_eq(in16(r, IO + 6), 0x07ff);
    out32(r, IO + 8, 0xffffffff);
    ck_assert_uint_eq(in32(r, IO + 8), 0xfffff000);
    out8(r, IO + 0x0c, 0xff);
    ck_assert_uint_eq(in8(r, IO + 0x0c), 0x7f);
    out8(r, IO + 7, 0x05); /* bytes of a word */
    ck_assert_uint_eq(in16(r, IO + 6), 0x05ff);
    out8(r, IO + 0x0b, 0x12);
    ck_assert_uint_eq(in32(r, IO + 8), 0x12fff000);
    out16(r, IO, 0x00f8); /* everything but RS and resets is stored */
    ck_assert_uint_eq(in16(r, IO), 0x00f8);
    out8(r, IO, 0xc0);
    ck_assert_uint_eq(in16(r, IO), 0x00c0);
    out16(r, IO + 2, 0x0001); /* HCHalted is cleared by writing 1 to it alone */
    ck_assert_uint_eq(sts(r), 0x20);
    out8(r, IO + 3, 0xff);
    ck_assert_uint_eq(sts(r), 0x20);
    out16(r, IO + 2, 0xffff);
    ck_assert_uint_eq(sts(r), 0);
    for (u32 off = 0x14; off < 0x20; off += 2) {
        out16(r, IO + off, 0xffff);
        ck_assert_uint_eq(in16(r, IO + off), 0);
    }
    rig_snapshot_roundtrip(r);
    out16(r, IO, 2); /* HCRESET: over when it is looked at */
    check_defaults(r);
    out16(r, IO + 4, 15);
    out16(r, IO, 4); /* GRESET stays until it is taken back */
    ck_assert_uint_eq(in16(r, IO), 4);
    ck_assert_uint_eq(in16(r, IO + 4), 0);
    out16(r, IO, 5); /* no running in reset */
    ck_assert_uint_eq(in16(r, IO), 4);
    rig_snapshot_roundtrip(r);
    out16(r, IO, 0);
    check_defaults(r);
    rig_free(r);
}
END_TEST

START_TEST(frame_counter)
{
    struct rig *r = ready();
    ck_assert_uint_eq(clock_next(&r->clock), CLOCK_NEVER); /* stopped: no timer */
    out16(r, IO + 6, 0x7fe);
    run(r);
    ck_assert_uint_eq(sts(r), 0);
    step_ns(r, MS - 1);
    ck_assert_uint_eq(in16(r, IO + 6), 0x7fe);
    step_ns(r, 1);
    ck_assert_uint_eq(in16(r, IO + 6), 0x7ff);
    step_ns(r, MS);
    ck_assert_uint_eq(in16(r, IO + 6), 0);
    out16(r, IO + 6, 0x123); /* not while it runs */
    ck_assert_uint_eq(in16(r, IO + 6), 0);
    /* an empty list: few timers, yet exact at every look */
    step_ns(r, 1100ull * MS);
    ck_assert_uint_ge(clock_next(&r->clock) - now_ns(r), 2 * MS);
    for (u32 k = 1100; k < 1300; k++) {
        ck_assert_uint_eq(space_peek(&r->io, IO + 6, 2), k);
        ck_assert_uint_eq(in16(r, IO + 6), k);
        if (k % 50 == 0)
            rig_snapshot_roundtrip(r);
        step_ns(r, MS);
    }
    step_ns(r, MS / 2);
    out16(r, IO, 0);
    ck_assert_uint_eq(sts(r), 0x20);
    ck_assert_uint_eq(clock_next(&r->clock), CLOCK_NEVER);
    step_ns(r, 10 * MS);
    ck_assert_uint_eq(in16(r, IO + 6), 1300);
    out8(r, IO + 0x0c, 0x7f); /* 12063 bits of 1/12 us */
    run(r);
    step_ns(r, 1005249);
    ck_assert_uint_eq(in16(r, IO + 6), 1300);
    step_ns(r, 1);
    ck_assert_uint_eq(in16(r, IO + 6), 1301);
    rig_reset(r, RESET_POWER_ON);
    ck_assert_uint_eq(clock_next(&r->clock), CLOCK_NEVER);
    rig_free(r);
}
END_TEST

/* ---- root hub ---- */

START_TEST(empty_ports)
{
    struct rig *r = ready();
    for (u32 p = IO + 0x10; p <= IO + 0x12; p += 2) {
        out16(r, p, 0xfdff);
        ck_assert_uint_eq(in16(r, p), 0x0080); /* nothing to enable, suspend or resume */
        out16(r, p, 0x0200);
        ck_assert_uint_eq(in16(r, p), 0x0280);
        step_ns(r, 50 * MS);
        out16(r, p, 0);
        ck_assert_uint_eq(in16(r, p), 0x0080); /* no change bits */
    }
    rig_free(r);
}
END_TEST

START_TEST(ports_with_devices)
{
    struct rig *r = ready();
    struct toy t = { 0 }, low;
    t.d.transact = toy_transact;
    t.d.bus_reset = toy_reset;
    t.d.priv = &t;
    low = t;
    low.d.low_speed = true;
    low.d.priv = &low;
    uhci_plug(hub(r), 0, &t.d);
    uhci_plug(hub(r), 1, &low.d);
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x0093);
    ck_assert_uint_eq(in16(r, IO + 0x12), 0x01a3);
    out16(r, IO + 0x10, 0x0000); /* change bits stay unless 1 is written */
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x0093);
    out16(r, IO + 0x10, 0x0002);
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x0091);
    out16(r, IO + 0x10, 0x0004);
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x0095);
    out16(r, IO + 0x10, 0x0204); /* reset disables */
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x0291);
    ck_assert_uint_eq(t.resets, 1);
    out16(r, IO + 0x10, 0x0200);
    ck_assert_uint_eq(t.resets, 1);
    out16(r, IO + 0x10, 0);
    out16(r, IO + 0x10, 0x1004);
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x1095);
    uhci_wake(hub(r), 0);
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x10d5);
    ck_assert_uint_eq(sts(r), 0x24);
    ck_assert_int_eq(intd(r), 0);
    out16(r, IO + 4, 2);
    ck_assert_int_eq(intd(r), 1);
    out16(r, IO + 2, 4);
    ck_assert_int_eq(intd(r), 0);
    out16(r, IO + 0x10, 0x1004); /* the resume ends, and with it the suspend state */
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x0095);
    uhci_plug(hub(r), 0, NULL);
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x008a); /* connect and enable change */
    out16(r, IO + 0x10, 0x000a);
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x0080);
    out16(r, IO, 4); /* global reset: nobody is seen, and then newly connected */
    ck_assert_uint_eq(in16(r, IO + 0x12), 0x0080);
    ck_assert_uint_eq(low.resets, 1);
    out16(r, IO, 0);
    ck_assert_uint_eq(in16(r, IO + 0x12), 0x01a3);
    out16(r, IO, 8); /* global suspend: a new device wakes it */
    uhci_plug(hub(r), 0, &t.d);
    ck_assert_uint_eq(sts(r), 0x24);
    out16(r, IO, 2);
    ck_assert_uint_eq(in16(r, IO + 0x10), 0x0093);
    uhci_plug(hub(r), 0, NULL);
    uhci_plug(hub(r), 1, NULL);
    rig_free(r);
}
END_TEST

/* ---- schedule ---- */

/* Nobody answers: three frames, then stalled. */
START_TEST(silence)
{
    struct rig *r = ready();
    out16(r, IO + 4, 15);
    td(r, 0, END, ACTIVE | IOC | ERR3, USB_PID_IN, 5, 8);
    qh(r, 0, END, TD(0));
    list(r, QH(0) | 2);
    run(r);
    step_ns(r, MS);
    ck_assert_uint_eq(ctrl_of(r, 0), ACTIVE | IOC | 0x10000000u | 0x407ff);
    ck_assert_uint_eq(sts(r), 0);
    step_ns(r, MS);
    ck_assert_uint_eq(ctrl_of(r, 0), ACTIVE | IOC | 0x08000000u | 0x407ff);
    ck_assert_int_eq(intd(r), 0);
    step_ns(r, MS);
    ck_assert_uint_eq(ctrl_of(r, 0), IOC | 0x4407ff); /* stalled, time-out */
    ck_assert_uint_eq(element_of(r, 0), TD(0));
    ck_assert_uint_eq(sts(r), 3);
    ck_assert_int_eq(intd(r), 1);
    ck_assert_uint_eq(cfg16(r, 0xc0), 0x3000);
    cfgw16(r, 0xc0, 0); /* not routed to PIRQD */
    ck_assert_int_eq(intd(r), 0);
    ck_assert_uint_eq(cfg16(r, 0xc0), 0x1000);
    cfgw16(r, 0xc0, 0x2000);
    ck_assert_int_eq(intd(r), 1);
    rig_snapshot_roundtrip(r);
    out16(r, IO + 2, 1);
    ck_assert_int_eq(intd(r), 1);
    out16(r, IO + 2, 2);
    ck_assert_int_eq(intd(r), 0);
    /* that TD's IOC asks again each frame, active or not; a counter of 0 tries for ever */
    step_ns(r, MS);
    ck_assert_uint_eq(sts(r), 1);
    td(r, 1, END, ACTIVE, USB_PID_SETUP, 0, 8);
    list(r, TD(1));
    out16(r, IO + 2, 1);
    step_ns(r, 100 * MS);
    ck_assert_uint_eq(ctrl_of(r, 1), ACTIVE | 0x407ff);
    ck_assert_uint_eq(sts(r), 0);
    /* isochronous: once */
    td(r, 2, END, ACTIVE | ISO, USB_PID_OUT, 0, 100);
    list(r, TD(2));
    step_ns(r, MS);
    ck_assert_uint_eq(ctrl_of(r, 2), ISO | 0x407ff);
    rig_free(r);
}
END_TEST

START_TEST(transfers)
{
    struct rig *r = ready();
    struct toy t;
    plug(r, &t, false);
    out16(r, IO + 4, 4);
    /* two OUT in one queue, breadth first: one a frame */
    t.answer = 99999;
    memcpy(rig_ram(r, BUF(0)), "setup678", 8);
    td(r, 0, TD(1), ACTIVE | ERR3, USB_PID_SETUP, 0, 8);
    td(r, 1, END, ACTIVE | ERR3 | IOC, USB_PID_OUT, 0, 0);
    qh(r, 0, END, TD(0));
    list(r, QH(0) | 2);
    run(r);
    step_ns(r, MS);
    ck_assert_uint_eq(t.calls, 1);
    ck_assert_uint_eq(t.got_len, 8);
    ck_assert_mem_eq(t.got, "setup678", 8);
    ck_assert_uint_eq(ctrl_of(r, 0), ERR3 | 7);
    ck_assert_uint_eq(element_of(r, 0), TD(1));
    ck_assert_uint_eq(sts(r), 0);
    rig_ram(r, TD(1) + 8)[2] = 0xeb; /* endpoint 6 by bits 18:15, toggle */
    rig_ram(r, TD(1) + 8)[1] = 0x00;
    step_ns(r, MS);
    ck_assert_uint_eq(t.endpoint, 6);
    ck_assert(t.toggle);
    ck_assert_uint_eq(ctrl_of(r, 1), ERR3 | IOC | 0x7ff);
    ck_assert_uint_eq(element_of(r, 0), END);
    ck_assert_uint_eq(sts(r), 1);
    ck_assert_int_eq(intd(r), 1);
    out16(r, IO + 2, 1);

    /* IN, depth first, the last one short: both in one frame, the rest of the queue waits */
    t.answer = 64;
    td(r, 2, TD(3) | 4, ACTIVE | SPD, USB_PID_IN, 0, 64);
    td(r, 3, TD(4) | 4, ACTIVE | SPD, USB_PID_IN, 0, 65);
    td(r, 4, END, ACTIVE, USB_PID_IN, 0, 64);
    qh(r, 1, END, TD(2));
    list(r, QH(1) | 2);
    out16(r, IO + 4, 8);
    step_ns(r, MS);
    ck_assert_uint_eq(ctrl_of(r, 2), SPD | 63);
    ck_assert_uint_eq(ctrl_of(r, 3), SPD | 63);
    ck_assert_uint_eq(ctrl_of(r, 4), ACTIVE);
    ck_assert_uint_eq(element_of(r, 1), TD(3));
    ck_assert_uint_eq(rig_ram(r, BUF(2))[63], 0x7f);
    ck_assert_uint_eq(rig_ram(r, BUF(2))[64], 0);
    ck_assert_int_eq(intd(r), 1); /* short packet */
    out16(r, IO + 4, 4);
    ck_assert_int_eq(intd(r), 0); /* which is no IOC */
    out16(r, IO + 2, 1);

    /* NAK leaves all as it is, and a low-speed packet isn't for it */
    t.answer = USB_NAK;
    td(r, 5, TD(6), ACTIVE | ERR3, USB_PID_IN, 0, 8);
    td(r, 6, END, ACTIVE | ERR3 | LOW, USB_PID_IN, 0, 8);
    list(r, TD(5));
    step_ns(r, MS);
    ck_assert_uint_eq(ctrl_of(r, 5), ACTIVE | ERR3 | 0x807ff);
    ck_assert_uint_eq(ctrl_of(r, 6), ACTIVE | 0x10000000u | LOW | 0x407ff);
    ck_assert_uint_eq(sts(r), 0);
    t.answer = 8; /* NAK goes with ACTIVE */
    step_ns(r, MS);
    ck_assert_uint_eq(ctrl_of(r, 5), ERR3 | 7);

    t.answer = USB_STALL;
    td(r, 0, END, ACTIVE | ERR3, USB_PID_OUT, 0, 8);
    list(r, TD(0));
    step_ns(r, MS);
    ck_assert_uint_eq(ctrl_of(r, 0), ERR3 | 0x4007ff);
    ck_assert_uint_eq(sts(r), 2);
    t.answer = 9; /* more than 8 */
    td(r, 0, END, ACTIVE | ERR3, USB_PID_IN, 0, 8);
    step_ns(r, MS);
    ck_assert_uint_eq(ctrl_of(r, 0), ERR3 | 0x5007ff);
    ck_assert_uint_eq(rig_ram(r, BUF(0))[8], 0);

    /* suspended, then disabled: nobody hears it */
    u32 calls = t.calls;
    td(r, 0, END, ACTIVE, USB_PID_IN, 0, 8);
    out16(r, IO + 0x10, 0x1004);
    step_ns(r, 2 * MS);
    out16(r, IO + 0x10, 0);
    step_ns(r, 2 * MS);
    ck_assert_uint_eq(t.calls, calls);
    uhci_plug(hub(r), 0, NULL);
    rig_free(r);
}
END_TEST

/* Frames are found by FRNUM; work is found though the list was empty for long. */
START_TEST(list_positions)
{
    struct rig *r = ready();
    td(r, 0, END, ACTIVE | ISO | IOC, USB_PID_OUT, 0, 8);
    run(r);
    step_ns(r, 3000ull * MS);
    u32 at = (in16(r, IO + 6) + 7) & 1023;
    st32(rig_ram(r, LIST + 4 * at), TD(0));
    step_ns(r, 40 * MS);
    ck_assert_uint_eq(ctrl_of(r, 0) & ACTIVE, 0);
    ck_assert_uint_eq(sts(r) & 1, 1);
    /* and from then on each frame has its timer */
    ck_assert_uint_le(clock_next(&r->clock) - now_ns(r), MS);
    rig_free(r);
}
END_TEST

START_TEST(no_bus_master)
{
    struct rig *r = ready();
    cfgw16(r, 4, 1);
    td(r, 0, END, ACTIVE | ERR3, USB_PID_IN, 0, 8);
    list(r, TD(0));
    run(r);
    step_ns(r, 5 * MS);
    ck_assert_uint_eq(ctrl_of(r, 0), ACTIVE | ERR3);
    ck_assert_uint_eq(in16(r, IO + 6), 5);
    rig_free(r);
}
END_TEST

/* ---- hostile schedules ---- */

static void check_dead(struct rig *r, u16 why)
{
    run(r);
    step_ns(r, MS);
    ck_assert_uint_eq(sts(r), 0x20 | why);
    ck_assert_uint_eq(in16(r, IO) & 1, 0);
    ck_assert_int_eq(intd(r), 1); /* not maskable */
    ck_assert_uint_eq(clock_next(&r->clock), CLOCK_NEVER);
    rig_snapshot_roundtrip(r);
    out16(r, IO + 2, 0xff);
    ck_assert_int_eq(intd(r), 0);
}

START_TEST(fatal_schedules)
{
    struct rig *r = ready();
    out32(r, IO + 8, 0xfee00000); /* the list is nowhere */
    check_dead(r, 8);
    out32(r, IO + 8, 0x1ff000); /* the last page of RAM, and the entry is there */
    st32(rig_ram(r, 0x1ff000 + 4 * in16(r, IO + 6)), END);
    run(r);
    step_ns(r, MS);
    ck_assert_uint_eq(sts(r), 0);
    out16(r, IO, 0);
    out32(r, IO + 8, LIST);
    list(r, 0xfffffff0u); /* a TD */
    check_dead(r, 8);
    list(r, 0xfffffff2u); /* a queue */
    check_dead(r, 8);
    qh(r, 0, END, 0x200000); /* the queue's TD, just behind RAM */
    list(r, QH(0) | 2);
    check_dead(r, 8);
    td(r, 0, END, ACTIVE, USB_PID_IN, 0, 64); /* a buffer that ends behind RAM */
    st32(rig_ram(r, TD(0) + 12), 0x1fffff);
    list(r, TD(0));
    check_dead(r, 8);
    ck_assert_uint_eq(ctrl_of(r, 0), ACTIVE);
    td(r, 0, END, ACTIVE, 0xa5, 0, 8); /* no such packet */
    check_dead(r, 0x10);
    td(r, 0, END, ACTIVE, USB_PID_IN, 0, 0x501);
    check_dead(r, 0x10);
    td(r, 0, END, ACTIVE, USB_PID_IN, 0, 0x7ff);
    check_dead(r, 0x10);
    td(r, 0, END, ACTIVE, USB_PID_IN, 0, 0x500); /* the longest */
    run(r);
    step_ns(r, MS);
    ck_assert_uint_eq(sts(r), 0);
    ck_assert_uint_eq(ctrl_of(r, 0), ACTIVE | 0x407ff);
    rig_free(r);
}
END_TEST

START_TEST(endless_schedules)
{
    struct rig *r = ready();
    struct toy t;
    plug(r, &t, false);
    t.answer = USB_NAK;
    td(r, 0, TD(0), ACTIVE, USB_PID_IN, 0, 1); /* a TD that links to itself */
    list(r, TD(0));
    run(r);
    step_ns(r, MS);
    ck_assert_uint_le(t.calls, 1280 / 14 + 1);
    ck_assert_uint_ge(t.calls, 1);
    td(r, 0, TD(0), 0, USB_PID_IN, 0, 1); /* the same, not active */
    step_ns(r, 5 * MS);
    qh(r, 0, QH(0) | 2, QH(0) | 2); /* queues: to itself, */
    list(r, QH(0) | 2);
    step_ns(r, 5 * MS);
    qh(r, 0, QH(1) | 2, END); /* a long way into a ring, */
    for (unsigned k = 1; k < 200; k++)
        qh(r, k, QH(k == 199 ? 77 : k + 1) | 2, END);
    step_ns(r, 5 * MS);
    /* a ring with a TD that NAKs: asked once each frame */
    td(r, 1, END, ACTIVE, USB_PID_IN, 0, 8);
    qh(r, 199, QH(77) | 2, TD(1));
    t.calls = 0;
    step_ns(r, 1 * MS);
    ck_assert_uint_ge(t.calls, 1);
    ck_assert_uint_le(t.calls, 3);
    /* a queue whose TD links to itself, depth first, and always works: ended by the bandwidth */
    t.answer = 1;
    td(r, 2, TD(2) | 4, ACTIVE, USB_PID_OUT, 0, 1);
    qh(r, 0, QH(0) | 2, TD(2));
    t.calls = 0;
    step_ns(r, 1 * MS);
    ck_assert_uint_eq(t.calls, 1); /* it isn't active any more */
    /* a list that the controller's own writes damage: a TD upon its queue */
    st32(rig_ram(r, QH(0) + 0x10), END);
    qh(r, 0, QH(0) | 2, QH(0));
    step_ns(r, 20 * MS);
    ck_assert_uint_eq(sts(r) & 0x1a & ~0x18, 0);
    uhci_plug(hub(r), 0, NULL);
    rig_free(r);
}
END_TEST

/* Random memory as schedule: it ends, whatever it says. */
START_TEST(random_schedules)
{
    struct rig *r = ready();
    struct toy t;
    u64 x = 88172645463325252ull + (u64)_i;
    plug(r, &t, _i & 1);
    for (int round = 0; round < 40; round++) {
        for (u32 a = 0; a < 0x1000; a += 4) { /* small addresses, so that things meet */
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            u32 v = (u32)x & (x >> 60 ? 0x0ff7u : 0xffffffffu);
            if (a % 16 == 4)
                v |= (u32)x & ACTIVE;
            if (a % 16 == 8)
                v = (v & ~0xffu) | (x >> 40 & 1 ? USB_PID_IN : USB_PID_OUT);
            st32(rig_ram(r, a), v);
        }
        t.answer = (int)(x >> 20 & 0x3f) - 4;
        out32(r, IO + 8, 0);
        out16(r, IO + 0x10, 4);
        run(r);
        step_ns(r, 3 * MS);
        out16(r, IO + 2, 0xff);
    }
    uhci_plug(hub(r), 0, NULL);
    rig_snapshot_roundtrip(r);
    rig_free(r);
}
END_TEST

Suite *suite_piix4_usb(void);
Suite *suite_piix4_usb(void)
{
    Suite *s = suite_create("piix4_usb");
    TCase *tc = tcase_create("piix4_usb");
    tcase_add_test(tc, configuration);
    tcase_add_test(tc, registers);
    tcase_add_test(tc, frame_counter);
    tcase_add_test(tc, empty_ports);
    tcase_add_test(tc, ports_with_devices);
    tcase_add_test(tc, silence);
    tcase_add_test(tc, transfers);
    tcase_add_test(tc, list_positions);
    tcase_add_test(tc, no_bus_master);
    tcase_add_test(tc, fatal_schedules);
    tcase_add_test(tc, endless_schedules);
    tcase_add_loop_test(tc, random_schedules, 0, 8);
    suite_add_tcase(s, tc);
    return s;
}
