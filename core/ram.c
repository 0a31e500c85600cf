/* SPDX-License-Identifier: MIT */
/* Guest RAM and ROM (core/ram.h). */
#include "core/ram.h"

#include <assert.h>

#include "core/xalloc.h"

/* Flags that a cached write pointer must not bypass. */
#define WRITE_SLOW (RAM_ROM | RAM_CODE | RAM_SHARED | RAM_TABLES | RAM_CLEAN)

void ram_init(struct ram *ram, struct ram_object obj)
{
    memset(ram, 0, sizeof(*ram));
    ram->obj = obj;
    ram->frames = (u32)(obj.size >> PAGE_SHIFT);
    ram->page = xcalloc(ram->frames, sizeof(*ram->page));
    ram->flags = xcalloc(ram->frames, 1);
    for (u32 i = 0; i < ram->frames; i++)
        ram->page[i] = obj.base + ((u64)i << PAGE_SHIFT);
}

void ram_free(struct ram *ram)
{
    if (ram->obj.release)
        ram->obj.release(&ram->obj);
    xfree(ram->page);
    xfree(ram->flags);
    memset(ram, 0, sizeof(*ram));
}

/* The frame is a snapshot's: copy it into an arena of our own and point page[] there. No loader
 * sets RAM_SHARED yet, and the arena comes with the one that does. */
static void unshare(struct ram *ram, u32 frame)
{
    (void)ram;
    (void)frame;
    assert(!"a shared frame without an arena to copy it to");
}

static u8 *wr_slow(struct ram *ram, u32 frame, u32 off, u32 len)
{
    u8 flags = ram->flags[frame];

    /* First, since the callbacks below may want to know where the page lives now. */
    if (flags & RAM_SHARED)
        unshare(ram, frame);
    if ((flags & RAM_CODE) && ram->code_written)
        ram->code_written(ram->code_to, frame, off, len);
    if ((flags & RAM_TABLES) && ram->tables_written)
        ram->tables_written(ram->tables_to, frame, off, len);
    /* No protect(): that makes no cached pointer wrong, it permits one. */
    ram->flags[frame] &= (u8)~RAM_CLEAN;
    return ram->page[frame];
}

u8 *ram_wr(struct ram *ram, u32 frame, u32 off, u32 len)
{
    u8 flags = ram->flags[frame];
    assert(!(flags & RAM_ROM)); /* address spaces drop writes to ROM */
    if (unlikely(ram->writing != NULL))
        ram->writing(ram->writing_to, frame, off, len);
    if (likely(!(flags & WRITE_SLOW)))
        return ram->page[frame];
    return wr_slow(ram, frame, off, len);
}

u8 *ram_wr_rom(struct ram *ram, u32 frame, u32 off, u32 len)
{
    if (unlikely(ram->writing != NULL))
        ram->writing(ram->writing_to, frame, off, len);
    return wr_slow(ram, frame, off, len);
}

void ram_set_flag(struct ram *ram, u32 frame, u8 flag)
{
    u8 fresh = flag & (u8)~ram->flags[frame];
    ram->flags[frame] |= flag;
    if ((fresh & WRITE_SLOW) && ram->protect)
        ram->protect(ram->protect_to, frame);
}

void ram_clear_flag(struct ram *ram, u32 frame, u8 flag)
{
    ram->flags[frame] &= (u8)~flag;
}

bool ram_backing(const struct ram *ram, u32 frame, int *fd, u64 *offset, u8 *flags)
{
    *flags = ram->flags[frame];
    return ram_backing_at(ram, ram->page[frame], fd, offset);
}

bool ram_backing_at(const struct ram *ram, const u8 *p, int *fd, u64 *offset)
{
    if (ram->obj.fd < 0 || p < ram->obj.base || p >= ram->obj.base + ram->obj.size)
        return false;
    *fd = ram->obj.fd;
    *offset = (u64)(p - ram->obj.base);
    return true;
}

void ram_zero(struct ram *ram, u32 first, u32 count)
{
    bool by_hand = !ram->obj.zero;

    for (u32 f = first; f < first + count; f++) {
        u8 *p = ram_wr_rom(ram, f, 0, PAGE_SIZE);
        if (by_hand || p != ram->obj.base + ((u64)f << PAGE_SHIFT))
            memset(p, 0, PAGE_SIZE);
    }
    /* Frames that were copied elsewhere are cleared above; their place in the object is not read
     * any more, so clearing it too is harmless. */
    if (!by_hand)
        ram->obj.zero(&ram->obj, (u64)first << PAGE_SHIFT, (u64)count << PAGE_SHIFT);
}
