/* SPDX-License-Identifier: MIT */
/* Wires (core/irq.h). */
#include "core/irq.h"

void or_gate_input(void *gate, int n, int level)
{
    struct or_gate *g = gate;
    u32 bit = BIT((unsigned)n & 31);
    u32 old = g->inputs;

    g->inputs = level ? old | bit : old & ~bit;
    /* Only a change goes on: receivers may count edges. */
    if (!old != !g->inputs)
        wire_set(&g->out, g->inputs != 0);
}
