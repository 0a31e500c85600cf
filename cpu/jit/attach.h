/* SPDX-License-Identifier: MIT */
/* The translator, as those who make CPUs see it. */
#ifndef NB_CPU_JIT_ATTACH_H
#define NB_CPU_JIT_ATTACH_H

#include "core/err.h"

struct cpu;

enum { JIT_HOT = 16 }; /* what is usual for `hot` */

/* Makes the CPU translate from now on, a block when it has run `hot` times (0 to 255). false: the
 * host allows no executable memory (*e says so); the CPU stays with the interpreter. Machine
 * thread; cpu_free() undoes it. */
bool jit_attach(struct cpu *c, unsigned hot, struct err *e);

#endif
