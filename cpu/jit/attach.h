/* SPDX-License-Identifier: MIT */
/* The translator, as those who make CPUs see it. */
#ifndef NB_CPU_JIT_ATTACH_H
#define NB_CPU_JIT_ATTACH_H

#include <stddef.h>

#include "core/err.h"

struct cpu;

enum { JIT_HOT = 16, JIT_HOT_AGAIN = 3000 }; /* what is usual for `hot` */

/* Makes the CPU translate from now on, a block when it has run `hot` times (0 to 255). false: the
 * host allows no executable memory (*e says so); the CPU stays with the interpreter. Machine
 * thread; cpu_free() undoes it. */
bool jit_attach(struct cpu *c, unsigned hot, struct err *e);
/* The same, and each block is run by the interpreter, too, and compared (check.c): slow.
 * cpu_run() returns CPU_BUG at the first difference, which is in the log then; the CPU is where
 * the interpreter has brought it and may go on. */
bool jit_attach_check(struct cpu *c, struct err *e);
/* After that, where the RAM can be mapped a second time: blocks that have run `hot` times (0:
 * all) are translated again, to reach memory by views (cpu/view.h). false: not on this host (*e
 * says why), and all is as it was. Installs a handler for SIGSEGV, which passes on what is not
 * its own. */
bool jit_views(struct cpu *c, unsigned hot, struct err *e);

/* Tells where translations lie, the ones to come; and the stubs between them, at once. Names are
 * for profilers. An address may be told again when other code has come there. */
typedef void jit_code_fn(void *to, const void *code, size_t size, const char *name);
void jit_tell_code(struct cpu *c, jit_code_fn *fn, void *to);

#endif
