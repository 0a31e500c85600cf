/* SPDX-License-Identifier: MIT */
/* The UHCI engine: I/O registers, frame counter, schedule and root hub, for the PCI functions that
 * have one. The owner gives it RAM, the bus master bit and an interrupt line. */
#ifndef NB_DEVICES_UHCI_H
#define NB_DEVICES_UHCI_H

#include "core/device.h"
#include "devices/usb.h"

#define UHCI_PORTS 2
#define UHCI_IO_SIZE 32

enum {
    UHCI_CMD_RS = 1, UHCI_CMD_HCRESET = 2, UHCI_CMD_GRESET = 4, UHCI_CMD_EGSM = 8,
    UHCI_CMD_FGR = 0x10, UHCI_CMD_SWDBG = 0x20, UHCI_CMD_CF = 0x40, UHCI_CMD_MAXP = 0x80,
    UHCI_CMD_ALL = 0xff,
};
enum {
    UHCI_STS_INT = 1, UHCI_STS_ERROR = 2, UHCI_STS_RESUME = 4, UHCI_STS_SYSTEM = 8,
    UHCI_STS_PROCESS = 0x10, UHCI_STS_HALTED = 0x20, UHCI_STS_ALL = 0x3f,
};
enum { UHCI_INTR_ERROR = 1, UHCI_INTR_RESUME = 2, UHCI_INTR_IOC = 4, UHCI_INTR_SHORT = 8 };
enum {
    UHCI_PORT_CONNECTED = 1, UHCI_PORT_CONNECT_CHANGE = 2, UHCI_PORT_ENABLED = 4,
    UHCI_PORT_ENABLE_CHANGE = 8, UHCI_PORT_LINE_DP = 0x10, UHCI_PORT_LINE_DM = 0x20,
    UHCI_PORT_RESUME = 0x40, UHCI_PORT_ONE = 0x80, UHCI_PORT_LOW_SPEED = 0x100,
    UHCI_PORT_RESET = 0x200, UHCI_PORT_SUSPEND = 0x1000,
};

struct uhci {
    /* the owner's */
    struct device *dev;
    bool (*master)(void *to);            /* may it read and write memory? */
    void (*irq)(void *to, int level);
    void *to;

    u16 cmd, sts, intr, frnum;
    u32 flbase;
    u8 sofmod;
    u16 port[UHCI_PORTS];
    u8 cause;       /* why STS_INT is set: UHCI_INTR_IOC, UHCI_INTR_SHORT */
    u64 frame_end;  /* running: when the frame FRNUM ends and its schedule has been done */
    u16 quiet;      /* frames in a row that had nothing to do, up to UHCI_LIST */
    struct timer frame;

    struct usb_device *plugged[UHCI_PORTS]; /* not saved: devices come with the machine */
};

extern const struct field uhci_fields[];

void uhci_init(struct uhci *u, struct device *dev);
void uhci_reset(struct uhci *u); /* power-on */
void uhci_close(struct uhci *u);
u32 uhci_read(struct uhci *u, u32 off, unsigned size);
u32 uhci_peek(struct uhci *u, u32 off, unsigned size);
void uhci_write(struct uhci *u, u32 off, u32 val, unsigned size); /* size 1 or 2 */
bool uhci_post_load(struct uhci *u, struct err *e);
bool uhci_irq_level(const struct uhci *u);
void uhci_info(struct uhci *u, struct strbuf *sb);

/* NULL unplugs. */
void uhci_plug(struct uhci *u, unsigned port, struct usb_device *d);
/* A suspended device wants attention. */
void uhci_wake(struct uhci *u, unsigned port);

#endif
