/* SPDX-License-Identifier: MIT */
/* Bus-master IDE engine (Programming Interface for Bus Master IDE Controller 1.0; PIIX4 data sheet
 * 290562-001, chapter 4.2): eight bytes of ports and a table of physical region descriptors.
 *
 * Active falls when the table's last byte has moved or the driver stops the engine; a drive that
 * has less than the table leaves it set, with INT. Not modelled: simplex mode, target aborts
 * (a table outside RAM reads as ones and so moves nothing into RAM). */
#include "devices/bmide.h"

void bmide_reset(struct bmide *bm)
{
    *bm = (struct bmide){ 0 };
}

static u8 reg_read(const struct bmide *bm, u32 off)
{
    switch (off) {
    case 0: return bm->cmd;
    case 2: return bm->status;
    case 4: case 5: case 6: case 7: return (u8)(bm->table >> (8 * (off - 4)));
    default: return 0;
    }
}

u32 bmide_read(const struct bmide *bm, u32 off, unsigned size)
{
    u32 v = 0;
    for (unsigned i = 0; i < size; i++)
        v |= (u32)reg_read(bm, (off + i) & 7) << (8 * i);
    return v;
}

static bool write_command(struct bmide *bm, u8 val)
{
    bool was = bm->cmd & BM_START;

    bm->cmd = val & (BM_START | BM_TO_MEMORY);
    if (!(val & BM_START)) {
        bm->status &= (u8)~BM_ACTIVE; /* what was not moved is lost */
        bm->count = 0;
        return false;
    }
    if (was)
        return false;
    bm->status |= BM_ACTIVE;
    bm->next = bm->table;
    bm->count = 0;
    bm->last = false;
    return true;
}

bool bmide_write(struct bmide *bm, u32 off, u32 val, unsigned size)
{
    bool started = false;

    for (unsigned i = 0; i < size; i++) {
        u32 reg = (off + i) & 7;
        u8 b = (u8)(val >> (8 * i));
        if (reg == 0) {
            started = write_command(bm, b);
        } else if (reg == 2) {
            bm->status = (u8)((bm->status & BM_ACTIVE) | (b & 0x60) |
                              (bm->status & (BM_ERROR | BM_INT) & ~b));
        } else if (reg >= 4) {
            unsigned shift = 8 * (reg - 4);
            bm->table = (bm->table & ~(0xffu << shift)) | (u32)b << shift;
            bm->table &= ~3u;
        }
    }
    return started;
}

bool bmide_ready(const struct bmide *bm, bool to_memory)
{
    return (bm->status & BM_ACTIVE) && !(bm->cmd & BM_TO_MEMORY) == !to_memory;
}

u32 bmide_move(struct bmide *bm, struct space *mem, u8 *buf, u32 len, bool to_memory)
{
    u32 moved = 0;

    while (moved < len && (bm->status & BM_ACTIVE)) {
        if (!bm->count) {
            u8 prd[8];
            dma_read(mem, bm->next, prd, sizeof(prd));
            bm->addr = ld32(prd) & ~1u;
            bm->count = ld16(prd + 4) & 0xfffe;
            if (!bm->count)
                bm->count = 0x10000;
            bm->last = prd[7] & 0x80;
            /* The table may not cross a 64 KB boundary: the address counter doesn't. */
            bm->next = (bm->next & 0xffff0000) | ((bm->next + 8) & 0xffff);
        }
        u32 n = MIN(len - moved, bm->count);
        if (to_memory)
            dma_write(mem, bm->addr, buf + moved, n);
        else
            dma_read(mem, bm->addr, buf + moved, n);
        bm->addr += n;
        bm->count -= n;
        moved += n;
        if (!bm->count && bm->last)
            bm->status &= (u8)~BM_ACTIVE;
    }
    return moved;
}

void bmide_interrupt(struct bmide *bm)
{
    bm->status |= BM_INT;
}

const struct field bmide_fields[] = {
    F_U8(struct bmide, cmd), F_U8(struct bmide, status), F_U32(struct bmide, table),
    F_U32(struct bmide, next), F_U32(struct bmide, addr), F_U32(struct bmide, count),
    F_BOOL(struct bmide, last), F_END
};
