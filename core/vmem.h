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

/* Memory for code, mapped twice: what is written at `write` is executed at `exec`, and neither
 * address is ever both. Zero pages at first. false: the host allows no such thing. */
struct vmem_code { u8 *write; const u8 *exec; size_t size; };
bool vmem_code_new(struct vmem_code *m, size_t size);
void vmem_code_free(struct vmem_code *m);

#endif
