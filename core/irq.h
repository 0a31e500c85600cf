/* SPDX-License-Identifier: MIT */
/* Wires: a level from one output pin to one input pin. Edges are the receiver's business. */
#ifndef NB_CORE_IRQ_H
#define NB_CORE_IRQ_H

#include "core/types.h"

typedef void wire_fn(void *to, int n, int level);

/* By value inside the driver's struct. All zero: not connected, setting it does nothing. */
struct wire {
    wire_fn *set;
    void *to;
    int n;
};

static inline void wire_set(const struct wire *w, int level)
{
    if (w->set)
        w->set(w->to, w->n, level);
}

/* OR gate for shared level-triggered lines (PCI INTx, SCI): one per line. Inputs are
 * numbered 0..31; input() is a wire_fn with `to` = the gate, n = input number. */
struct or_gate {
    u32 inputs;
    struct wire out;
};
void or_gate_input(void *gate, int n, int level);

#endif
