/* SPDX-License-Identifier: MIT */
/* Sparse tables on POSIX hosts (core/vmem.h). */
#define _GNU_SOURCE
#include "core/vmem.h"

#include <sys/mman.h>
#include <unistd.h>

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

#ifdef __linux__
/* Shared memory without a file, which a length of 0 maps a second time: profilers take it for what
 * it is, code without a file (perf's map of names holds only there). */
static bool map_anonymous(void **w, void **x, size_t size)
{
    *w = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (*w == MAP_FAILED)
        return false;
    *x = mremap(*w, 0, size, MREMAP_MAYMOVE);
    if (*x != MAP_FAILED && mprotect(*x, size, PROT_READ | PROT_EXEC) == 0)
        return true;
    if (*x != MAP_FAILED)
        munmap(*x, size);
    munmap(*w, size);
    return false;
}

static bool map_file(void **w, void **x, size_t size)
{
    int fd = memfd_create("nestbox-code", MFD_CLOEXEC);

    if (fd < 0)
        return false;
    *w = *x = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) == 0) {
        *w = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
        *x = mmap(NULL, size, PROT_READ | PROT_EXEC, MAP_SHARED, fd, 0);
    }
    close(fd);
    if (*w != MAP_FAILED && *x != MAP_FAILED)
        return true;
    if (*w != MAP_FAILED)
        munmap(*w, size);
    if (*x != MAP_FAILED)
        munmap(*x, size);
    return false;
}
#endif

bool vmem_code_new(struct vmem_code *m, size_t size)
{
#ifdef __linux__
    void *w, *x;

    if (!map_anonymous(&w, &x, size) && !map_file(&w, &x, size))
        return false;
    *m = (struct vmem_code){ w, x, size };
    return true;
#else
    (void)m;
    (void)size;
    return false;
#endif
}

void vmem_code_free(struct vmem_code *m)
{
    if (!m->size)
        return;
    munmap(m->write, m->size);
    munmap((void *)(uintptr_t)m->exec, m->size);
    m->size = 0;
}
