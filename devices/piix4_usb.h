/* SPDX-License-Identifier: MIT */
/* Where devices are plugged in: uhci_plug(). */
#ifndef NB_DEVICES_PIIX4_USB_H
#define NB_DEVICES_PIIX4_USB_H

#include "devices/uhci.h"

struct uhci *piix4_usb_hub(struct device *dev);

#endif
