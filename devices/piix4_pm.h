/* SPDX-License-Identifier: MIT */
/* What the machine may ask of the PIIX4's power-management function. Machine thread. */
#ifndef NB_DEVICES_PIIX4_PM_H
#define NB_DEVICES_PIIX4_PM_H

#include "core/device.h"

/* The guest's system took over power management: SCI_EN is set. */
bool piix4_pm_acpi_on(const struct device *pm);
/* Presses the power button and lets it go. */
void piix4_pm_press(struct device *pm);

#endif
