/* SPDX-License-Identifier: MIT */
/* The interrupt-acknowledge cycle of a pair of 8259As, for whoever answers the CPU's INTA. */
#ifndef NB_DEVICES_I8259_H
#define NB_DEVICES_I8259_H

#include "core/device.h"

/* Runs one INTA sequence on the PIC whose "int" goes to the CPU and returns the vector, 0..255.
 * A slave is found through the master's "cas" pin: a board says
 *     pic1.int -> pic0.ir2    pic0.cas -> pic1.cas
 * and the slave answers if its ICW3 names the input that is acknowledged. Never fails: a request
 * that went away gives the spurious vector (IR7), a slave that is not there 0FFh. */
int i8259_ack(struct device *master);

#endif
