/* SPDX-License-Identifier: MIT */
/* Allocation that does not fail (it ends the process with a message): for sizes that
 * we choose. Sizes that a guest or a file chooses are bounded first. */
#ifndef NB_CORE_XALLOC_H
#define NB_CORE_XALLOC_H

#include "core/types.h"

void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
void xfree(void *p);

#endif
