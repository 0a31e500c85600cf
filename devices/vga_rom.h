/* SPDX-License-Identifier: MIT */
/* What a board does with the VGA besides its properties: its option ROM. */
#ifndef NB_DEVICES_VGA_ROM_H
#define NB_DEVICES_VGA_ROM_H

#include "core/device.h"

/* Puts a copy of the VGA BIOS into the expansion ROM of a device of class "vga", after its init
 * and before its reset. Refuses what is no option ROM or does not fit in 64 KB. */
bool vga_set_rom(struct device *dev, const u8 *data, u32 len, struct err *e);

#endif
