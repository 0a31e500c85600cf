/* SPDX-License-Identifier: MIT */
/* Neutral input: USB HID usage codes (page 07h) for keys; chips translate to scan codes. */
#ifndef NB_CORE_INPUT_H
#define NB_CORE_INPUT_H

#include "core/types.h"

enum { MOUSE_LEFT = 1, MOUSE_RIGHT = 2, MOUSE_MIDDLE = 4, MOUSE_SIDE = 8, MOUSE_EXTRA = 16 };

/* Set by the device that takes the input; NULL members: nobody does. Machine thread only. */
struct input {
    void (*key)(void *dev, u8 hid_usage, bool down);
    void *key_dev;
    void (*mouse)(void *dev, i32 dx, i32 dy, i32 dz, u32 buttons); /* dy > 0: down; dz > 0: up */
    void *mouse_dev;
    u8 leds; /* bit 0 num, 1 caps, 2 scroll: HID order */
};

#endif
