/* SPDX-License-Identifier: MIT */
/* Between the halves of the UHCI engine. */
#ifndef NB_DEVICES_UHCI_INT_H
#define NB_DEVICES_UHCI_INT_H

#include "devices/uhci.h"

#define UHCI_LIST 1024u /* entries of the frame list */

/* uhci_sched.c: the schedule of frame FRNUM; false if it had nothing to do. */
bool uhci_do_frame(struct uhci *u);

/* uhci.c */
void uhci_halt(struct uhci *u);
void uhci_update(struct uhci *u);

#endif
