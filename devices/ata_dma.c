/* SPDX-License-Identifier: MIT */
/* DMA data phases of the ATA channel (T13 1321D, ATA/ATAPI-5, chapter 9), and DATA SET MANAGEMENT, whose
 * ranges come by DMA (ACS-2, 7.10; TRIM alone). */
#include "devices/ata.h"

/* ---- DATA SET MANAGEMENT: TRIM ---- */

/* The next range of the buffer that names any sectors: 48 bits of address, 16 of length. */
static void trim_next(struct ata_channel *c)
{
    struct ata_drive *d = &c->drive[c->active];

    for (; c->pos + 8 <= c->filled; c->pos += 8) {
        u64 range = ld64(c->buf + c->pos), lba = range & (BIT64(48) - 1);
        u32 n = (u32)(range >> 48);
        if (!n)
            continue;
        if (lba >= d->sectors || n > d->sectors - lba) {
            ata_fail(c, ATA_DRDY | ATA_DSC, ATA_ABRT | ATA_IDNF);
            return;
        }
        c->pos += 8;
        ata_submit(c, BLOCK_DISCARD, lba, n);
        ata_phase_at(c, ATA_TRIMMING, ATA_NS_COMMAND);
        return;
    }
    ata_done(c);
}

void ata_trimming_done(struct ata_channel *c)
{
    enum block_status st = ata_io_result(c);

    if (st == BLOCK_PENDING)
        return;
    if (st == BLOCK_OK)
        trim_next(c);
    else
        ata_fail(c, ATA_DRDY | ATA_DSC | (st == BLOCK_READ_ONLY ? 0 : ATA_DF), ATA_ABRT);
}

/* ---- DMA ---- */

static bool dma_ready(struct ata_channel *c, bool to_memory)
{
    return c->dma_ready && c->dma_ready(c->to, c->number, to_memory);
}

void ata_dma_in(struct ata_channel *c)
{
    struct ata_drive *d = &c->drive[c->active];

    if (!dma_ready(c, true)) {
        timer_off(&c->timer); /* until ata_dma_kick() */
        return;
    }
    c->pos += c->dma_move(c->to, c->number, c->buf + c->pos, c->filled - c->pos, true);
    if (c->pos < c->filled) {
        timer_off(&c->timer); /* the table was too short: the driver's time-out resets us */
        return;
    }
    if (c->packet) {
        atapi_data_taken(c, d);
        return;
    }
    ata_set_address(c, d, c->lba - 1);
    if (c->left)
        ata_start_read(c, false);
    else
        ata_done(c);
}

void ata_dma_out(struct ata_channel *c)
{
    struct ata_drive *d = &c->drive[c->active];

    if (!dma_ready(c, false)) {
        timer_off(&c->timer);
        return;
    }
    bool trim = c->cmd == 0x06;
    if (!c->filled) { /* a new burst */
        u32 n = MIN(c->left, ATA_BUF_SECTORS);
        if (!trim && c->lba >= d->sectors) {
            ata_set_address(c, d, c->lba);
            ata_fail(c, ATA_DRDY | ATA_DSC, ATA_IDNF);
            return;
        }
        if (!trim && n > d->sectors - c->lba)
            n = (u32)(d->sectors - c->lba);
        c->pos = 0;
        c->filled = n * BLOCK_SECTOR;
    }
    c->pos += c->dma_move(c->to, c->number, c->buf + c->pos, c->filled - c->pos, false);
    if (c->pos < c->filled) {
        timer_off(&c->timer);
        return;
    }
    if (trim) {
        c->pos = 0;
        trim_next(c);
        return;
    }
    u32 n = c->filled / BLOCK_SECTOR;
    c->pos = c->filled = 0;
    ata_submit(c, BLOCK_WRITE, c->lba, n);
    ata_phase_at(c, ATA_WRITING, ATA_NS_COMMAND + (u64)n * ATA_NS_DMA_SECTOR);
}

void ata_dma_kick(struct ata_channel *c)
{
    if ((c->phase == ATA_DMA_IN || c->phase == ATA_DMA_OUT) && !timer_armed(&c->timer))
        ata_phase_at(c, (enum ata_phase)c->phase, ATA_NS_NEXT);
}
