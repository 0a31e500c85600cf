/* SPDX-License-Identifier: MIT */
/* Allocation that does not fail (it ends the process with a message): for sizes that
 * we choose. Sizes that a guest or a file chooses are bounded first. */
#ifndef NB_CORE_XALLOC_H
#define NB_CORE_XALLOC_H

#include "core/types.h"

void *xcalloc(size_t n, size_t size);
/* For what the host's kernel copies much to: into memory that doesn't start at a cache line it is three
 * times slower. Zeroed, at a page. */
void *xcalloc_pages(size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
void xfree(void *p);

#endif
