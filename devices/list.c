/* SPDX-License-Identifier: MIT */
/* The array of all device classes, from devices/list.def. */
#include "core/device.h"

#define DEVICE(name) extern const struct device_class name##_class;
#include "devices/list.def"
#undef DEVICE

const struct device_class *const device_classes[] = {
#define DEVICE(name) &name##_class,
#include "devices/list.def"
#undef DEVICE
    NULL,
};
