/* SPDX-License-Identifier: MIT */
/* A growing piece of bytes. */
#include "bios/blob.h"

#include "core/xalloc.h"

static void room(struct blob *b, u32 n)
{
    if (b->cap - b->len >= n)
        return;
    b->cap = MAX(b->cap * 2, b->len + n + 256);
    b->data = xrealloc(b->data, b->cap);
}

void blob_free(struct blob *b)
{
    xfree(b->data);
    *b = (struct blob){ 0 };
}

void blob_bytes(struct blob *b, const void *p, u32 n)
{
    room(b, n);
    if (n)
        memcpy(b->data + b->len, p, n);
    b->len += n;
}

void blob_zero(struct blob *b, u32 n)
{
    room(b, n);
    if (n) /* an empty blob has no data */
        memset(b->data + b->len, 0, n);
    b->len += n;
}

void blob_align(struct blob *b, u32 n)
{
    blob_zero(b, (n - b->len % n) % n);
}

void blob_insert(struct blob *b, u32 at, const void *p, u32 n)
{
    room(b, n);
    memmove(b->data + at + n, b->data + at, b->len - at);
    memcpy(b->data + at, p, n);
    b->len += n;
}

void blob_u8(struct blob *b, u8 v)
{
    blob_bytes(b, &v, 1);
}

void blob_u16(struct blob *b, u16 v)
{
    u8 t[2];
    st16(t, v);
    blob_bytes(b, t, 2);
}

void blob_u32(struct blob *b, u32 v)
{
    u8 t[4];
    st32(t, v);
    blob_bytes(b, t, 4);
}

u8 blob_checksum(const u8 *p, u32 n)
{
    u8 sum = 0;
    while (n--)
        sum = (u8)(sum + *p++);
    return (u8)-sum;
}
