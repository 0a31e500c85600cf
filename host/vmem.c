/* SPDX-License-Identifier: MIT */
/* Sparse tables on POSIX hosts (core/vmem.h). */
#include "core/vmem.h"

#include <sys/mman.h>

void *vmem_reserve(size_t size)
{
    void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED)
        return NULL;
#ifdef MADV_NOHUGEPAGE
    /* A single touched entry must not cost 2 MB. */
    madvise(p, size, MADV_NOHUGEPAGE);
#endif
    return p;
}

void vmem_release(void *p, size_t size)
{
    if (p)
        munmap(p, size);
}

void vmem_zap(void *p, size_t size)
{
#ifdef __linux__
    if (madvise(p, size, MADV_DONTNEED) == 0)
        return;
#endif
    memset(p, 0, size);
}
