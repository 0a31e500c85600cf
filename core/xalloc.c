/* SPDX-License-Identifier: MIT */
/* Allocation that does not fail (core/xalloc.h). */
#undef NDEBUG /* the assertion below is how this layer, which has no output, says its last word */
#include "core/xalloc.h"

#include <assert.h>
#include <stdlib.h>

void *xcalloc(size_t n, size_t size)
{
    void *p = calloc(n ? n : 1, size ? size : 1);
    assert(p && "out of memory");
    return p;
}

void *xcalloc_pages(size_t size)
{
    size = (size + 4095) & ~(size_t)4095;
    void *p = aligned_alloc(4096, size);
    assert(p && "out of memory");
    return memset(p, 0, size);
}

void *xrealloc(void *p, size_t size)
{
    p = realloc(p, size ? size : 1);
    assert(p && "out of memory");
    return p;
}

char *xstrdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(xcalloc(n, 1), s, n);
}

void xfree(void *p)
{
    free(p);
}
