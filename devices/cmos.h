/* SPDX-License-Identifier: MIT */
/* The RTC's battery-backed RAM, for the board: what firmware finds there. Between init and run. */
#ifndef NB_DEVICES_CMOS_H
#define NB_DEVICES_CMOS_H

#include "core/device.h"

#define CMOS_SIZE 256u /* 0..127 through ports 70h/71h, 128..255 through 72h/73h */

/* Bytes 0Eh and up but for the century; clock registers are set by the guest only. */
void cmos_set(struct device *rtc, u8 index, u8 v);
u8 cmos_get(struct device *rtc, u8 index);
/* Stores the sum of bytes 10h..2Dh at 2Eh (high) and 2Fh (low). */
void cmos_checksum(struct device *rtc);

#endif
