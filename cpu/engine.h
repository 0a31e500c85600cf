/* SPDX-License-Identifier: MIT */
/* What an engine that translates plugs into the run loop and the code cache. cpu/ itself knows the
 * interpreter alone; cpu/jit/ fills this in. */
#ifndef NB_CPU_ENGINE_H
#define NB_CPU_ENGINE_H

#include "cpu/icache.h"

/* What run() returns beside enum run. */
enum {
    RUN_COLD = 4, /* nothing was done, the block is the interpreter's */
    RUN_BUG,      /* RUN_EXIT, and cpu_run() returns CPU_BUG */
};

struct cpu_engine {
    u32 mask, want; /* blocks whose mode has these bits so: the others are the interpreter's */
    /* Runs from block b, at whose start the CPU stands, through as many others as it knows.
     * Returns as a block of the interpreter does, or RUN_COLD. */
    unsigned (*run)(struct cpu *c, struct block *b);
    void (*killed)(struct cpu *c, struct block *b); /* its bytes were written over */
    void (*flushed)(struct cpu *c);                 /* all blocks are gone */
    void (*info)(struct cpu *c, struct strbuf *sb);
    void (*free)(struct cpu *c);
};

#endif
