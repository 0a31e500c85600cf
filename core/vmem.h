/* SPDX-License-Identifier: MIT */
/* Large sparse tables: reserved address space that reads as zero and costs memory only where it
 * was written. Implemented in host/. */
#ifndef NB_CORE_VMEM_H
#define NB_CORE_VMEM_H

#include "core/types.h"

/* NULL if the host refuses. size is a multiple of the page size. */
void *vmem_reserve(size_t size);
void vmem_release(void *p, size_t size);
/* Back to zero pages; p and size are multiples of the page size. */
void vmem_zap(void *p, size_t size);

#endif
