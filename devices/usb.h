/* SPDX-License-Identifier: MIT */
/* A device at the end of a USB 1.1 cable, as a host controller sees it: one call per transaction.
 * Toggles, addresses and endpoints are the device's business. */
#ifndef NB_DEVICES_USB_H
#define NB_DEVICES_USB_H

#include "core/types.h"

enum usb_pid { USB_PID_OUT = 0xe1, USB_PID_IN = 0x69, USB_PID_SETUP = 0x2d };

/* What a transaction may end with instead of a number of bytes. */
enum usb_answer {
    USB_SILENT = -1, /* not its address, or a damaged packet: the host runs into its time-out */
    USB_NAK = -2,
    USB_STALL = -3,
    USB_BABBLE = -4, /* it sent more than the host wanted */
};

struct usb_device {
    bool low_speed;
    /* IN: fills up to len bytes of data; OUT and SETUP: takes data[0..len). The bytes moved, or
     * an answer. */
    int (*transact)(struct usb_device *d, enum usb_pid pid, u8 address, u8 endpoint, bool toggle,
                    u8 *data, u32 len);
    void (*bus_reset)(struct usb_device *d);
    void *priv;
};

#endif
