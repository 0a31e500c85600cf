/* SPDX-License-Identifier: MIT */
/* ATA channel: task files, selection, interrupts, PIO and DMA data phases (T13 1321D, ATA/ATAPI-5,
 * chapters 7 to 9; the 48-bit registers from ATA/ATAPI-6).
 *
 * Both drives' task files take every write, as they hang on one cable; only the selected one
 * drives the bus and INTRQ. Where a drive is absent, the other answers for its registers with
 * status 0; where both are, the bus floats to ones. Register writes while the active drive has
 * BSY or DRQ are ignored, but for device control and, with a packet device, DEVICE RESET.
 * Not modelled: overlapped and queued commands, Ultra DMA CRC errors, DASP and PDIAG timing. */
#include "devices/ata.h"

#include "core/xalloc.h"

static struct log *log_of(const struct ata_channel *c)
{
    return c->owner->sys->log;
}

static void update_irq(struct ata_channel *c)
{
    u8 line = c->drive[c->sel].present && c->drive[c->sel].irq && !(c->control & ATA_NIEN);
    if (line == c->line)
        return;
    c->line = line;
    c->intrq(c->to, c->number, line);
}

/* ---- phases ---- */

void ata_phase_at(struct ata_channel *c, enum ata_phase phase, u64 ns)
{
    c->phase = (u8)phase;
    timer_at(&c->timer, clock_now(c->owner->sys->clock) + ns);
}

void ata_set_idle(struct ata_channel *c)
{
    c->late = false;
    c->phase = ATA_IDLE;
    c->packet = false;
    c->pos = c->end = c->filled = 0;
    timer_off(&c->timer);
}

void ata_done(struct ata_channel *c)
{
    struct ata_drive *d = &c->drive[c->active];
    d->status = ATA_DRDY | ATA_DSC;
    d->error = 0; /* Windows looks at a stale one */
    d->irq = true;
    ata_set_idle(c);
    update_irq(c);
}

void ata_fail(struct ata_channel *c, u8 status, u8 error)
{
    struct ata_drive *d = &c->drive[c->active];
    d->status = status | ATA_ERR;
    d->error = error;
    d->irq = true;
    ata_set_idle(c);
    update_irq(c);
}

void ata_end_later(struct ata_channel *c, u64 ns, u8 status, u8 error)
{
    c->drive[c->active].status = ATA_BSY | ATA_DRDY | ATA_DSC;
    c->ends_status = status;
    c->ends_error = error;
    ata_phase_at(c, ATA_NONDATA, ns);
}

/* The host was late and is done: as if the deadline were now. */
static void io_done(void *channel)
{
    struct ata_channel *c = channel;

    if (!c->late)
        return;
    c->late = false;
    ata_phase_at(c, (enum ata_phase)c->phase, 0);
}

/* Hands a request to the backend now; its result is looked at when the deadline comes. */
void ata_submit(struct ata_channel *c, enum block_op op, u64 sector, u32 count)
{
    c->io_state = 1;
    c->io_op = (u8)op;
    c->io_sector = sector;
    c->io_count = count;
    c->req = (struct block_req){ .op = op, .sector = sector, .count = count, .buf = c->buf,
                                 .done = io_done, .done_to = c };
    c->req.through = op == BLOCK_WRITE && !c->drive[c->active].write_cache;
    if (c->drive[c->active].blk)
        block_submit(c->drive[c->active].blk, &c->req);
    else
        c->req.status = BLOCK_IO_ERROR;
}

enum block_status ata_io_result(struct ata_channel *c)
{
    enum block_status st;

    if (c->io_state == 2)
        st = (enum block_status)c->io_status;
    else if (c->io_state == 1 && c->drive[c->active].blk)
        st = block_result(c->drive[c->active].blk, &c->req);
    else
        st = BLOCK_IO_ERROR;
    if (st != BLOCK_PENDING)
        c->io_state = 0;
    else if (block_late(&c->req))
        c->late = true; /* until io_done() */
    else
        ata_phase_at(c, (enum ata_phase)c->phase, ATA_NS_ACCESS); /* tried again after cont */
    return st;
}

/* Work that a reset or the end of the channel leaves behind; perhaps with our buffer. */
static void io_cancel(struct ata_channel *c)
{
    if (c->io_state == 1 && c->drive[c->active].blk &&
        block_cancel(c->drive[c->active].blk, &c->req))
        c->buf = xcalloc_pages(ATA_BUF_SIZE);
    c->io_state = 0;
    c->late = false;
}

u64 ata_burst_ns(const struct ata_channel *c, u32 sectors, bool first)
{
    if (c->mode == ATA_DMA)
        return (first ? ATA_NS_DMA : ATA_NS_DMA_NEXT) + (u64)sectors * ATA_NS_DMA_SECTOR;
    return ATA_NS_ACCESS + (u64)sectors * ATA_NS_SECTOR;
}

void ata_start_read(struct ata_channel *c, bool first)
{
    struct ata_drive *d = &c->drive[c->active];
    u32 n = MIN(c->left, c->single ? 1 : c->mode == ATA_PIO ? ATA_PIO_SECTORS : ATA_BUF_SECTORS);

    if (c->lba >= d->sectors) { /* sectors before the end were delivered */
        ata_set_address(c, d, c->lba);
        ata_fail(c, ATA_DRDY | ATA_DSC, ATA_IDNF);
        return;
    }
    if (n > d->sectors - c->lba)
        n = (u32)(d->sectors - c->lba);
    d->status = ATA_BSY | ATA_DRDY | ATA_DSC;
    ata_submit(c, BLOCK_READ, c->lba, n);
    ata_phase_at(c, ATA_READING, ata_burst_ns(c, n, first));
}

void ata_offer_block(struct ata_channel *c, u64 ns)
{
    c->drive[c->active].status = ATA_BSY | ATA_DRDY | ATA_DSC;
    ata_phase_at(c, ATA_NEXT_IN, ns);
}

static void reading_done(struct ata_channel *c)
{
    struct ata_drive *d = &c->drive[c->active];
    enum block_status st = ata_io_result(c);
    u32 n = c->io_count;

    if (st == BLOCK_PENDING)
        return;
    if (c->packet) {
        atapi_medium_read(c, d, st);
        return;
    }
    if (st != BLOCK_OK) {
        if (n > 1) {
            c->single = true;
            ata_start_read(c, true);
            return;
        }
        ata_set_address(c, d, c->lba);
        ata_fail(c, ATA_DRDY | ATA_DSC, ATA_UNC);
        return;
    }
    c->lba += n;
    c->left -= n;
    c->pos = 0;
    c->filled = n * BLOCK_SECTOR;
    if (c->mode == ATA_VERIFY) {
        ata_set_address(c, d, c->lba - 1);
        if (c->left)
            ata_start_read(c, false);
        else
            ata_done(c);
    } else if (c->mode == ATA_DMA) {
        d->status = ATA_BSY | ATA_DRDY | ATA_DSC;
        c->phase = ATA_DMA_IN;
        ata_dma_in(c);
    } else {
        ata_phase_at(c, ATA_NEXT_IN, 0);
    }
}

static void offer_in(struct ata_channel *c)
{
    struct ata_drive *d = &c->drive[c->active];
    c->end = MIN(c->pos + c->block, c->filled);
    if (c->packet)
        atapi_announce(d, c->end - c->pos);
    c->phase = ATA_DATA_IN;
    d->status = ATA_DRDY | ATA_DSC | ATA_DRQ;
    d->irq = true;
    update_irq(c);
}

static void block_read_by_host(struct ata_channel *c)
{
    struct ata_drive *d = &c->drive[c->active];

    if (c->packet) {
        atapi_data_taken(c, d);
        return;
    }
    if (c->lba) /* of a read command: the last sector that the host took */
        ata_set_address(c, d, c->lba - (c->filled - c->pos) / BLOCK_SECTOR - 1);
    if (c->pos < c->filled) {
        ata_offer_block(c, ATA_NS_NEXT);
    } else if (c->left) {
        ata_start_read(c, false);
    } else { /* no interrupt after the last block of a PIO read */
        d->status = ATA_DRDY | ATA_DSC;
        d->error = 0;
        ata_set_idle(c);
    }
}

static void offer_out(struct ata_channel *c)
{
    struct ata_drive *d = &c->drive[c->active];
    c->pos = 0;
    c->end = c->packet ? 12 : MIN(c->block, c->left * BLOCK_SECTOR);
    c->phase = c->packet ? ATA_PACKET : ATA_DATA_OUT;
    if (c->packet)
        d->nsector[0] = 1; /* a command is wanted */
    d->status = ATA_DRDY | (c->packet ? 0 : ATA_DSC) | ATA_DRQ;
}

static void block_written_by_host(struct ata_channel *c)
{
    struct ata_drive *d = &c->drive[c->active];
    u32 n = c->end / BLOCK_SECTOR;

    d->status = ATA_BSY | ATA_DRDY | ATA_DSC;
    if (c->phase == ATA_PACKET) {
        atapi_packet_complete(c, d);
        return;
    }
    if (c->cmd == 0xe8) { /* WRITE BUFFER: it stays where it is */
        ata_end_later(c, ATA_NS_COMMAND, ATA_DRDY | ATA_DSC, 0);
        return;
    }
    if (c->lba >= d->sectors) {
        ata_set_address(c, d, c->lba);
        ata_end_later(c, ATA_NS_COMMAND, ATA_DRDY | ATA_DSC | ATA_ERR, ATA_IDNF);
        return;
    }
    if (n > d->sectors - c->lba)
        n = (u32)(d->sectors - c->lba); /* the rest of the block lies beyond the end */
    ata_submit(c, BLOCK_WRITE, c->lba, n);
    ata_phase_at(c, ATA_WRITING, ATA_NS_COMMAND + (u64)n * ATA_NS_SECTOR);
}

static void writing_done(struct ata_channel *c)
{
    struct ata_drive *d = &c->drive[c->active];
    enum block_status st = ata_io_result(c);
    u32 n = c->io_count;

    if (st == BLOCK_PENDING)
        return;
    if (st != BLOCK_OK) {
        ata_set_address(c, d, c->lba);
        if (st == BLOCK_READ_ONLY)
            ata_fail(c, ATA_DRDY | ATA_DSC, ATA_ABRT | ATA_WP);
        else
            ata_fail(c, ATA_DRDY | ATA_DSC | ATA_DF, ATA_ABRT);
        return;
    }
    c->lba += n;
    c->left -= n;
    ata_set_address(c, d, c->lba - 1);
    if (c->left && c->lba >= d->sectors) {
        ata_set_address(c, d, c->lba);
        ata_fail(c, ATA_DRDY | ATA_DSC, ATA_IDNF);
    } else if (!c->left) {
        ata_done(c);
    } else if (c->mode == ATA_DMA) {
        ata_phase_at(c, ATA_DMA_OUT, 0);
    } else {
        offer_out(c);
        d->irq = true;
        update_irq(c);
    }
}

static void flushing_done(struct ata_channel *c)
{
    enum block_status st = ata_io_result(c);
    if (st == BLOCK_PENDING)
        return;
    if (st == BLOCK_OK)
        ata_done(c);
    else
        ata_fail(c, ATA_DRDY | ATA_DSC | ATA_DF, ATA_ABRT);
}

/* ---- deadline ---- */

void ata_signature(struct ata_drive *d)
{
    d->nsector[0] = 1;
    d->lbal[0] = 1;
    d->lbam[0] = d->cdrom ? 0x14 : 0;
    d->lbah[0] = d->cdrom ? 0xeb : 0;
    d->device &= ATA_DEV_1;
}

static void reset_done(struct ata_channel *c)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ata_drive *d = &c->drive[i];
        if (!d->present)
            continue;
        ata_signature(d);
        d->device = 0;
        d->error = 1; /* diagnostic code: passed */
        d->status = d->cdrom ? 0 : ATA_DRDY | ATA_DSC;
    }
    c->sel = 0;
    bool diagnostics = c->cmd == 0x90;
    ata_set_idle(c);
    c->cmd = 0;
    if (diagnostics) { /* EXECUTE DEVICE DIAGNOSTIC ends with an interrupt, resets don't */
        c->drive[0].irq = true;
        update_irq(c);
    }
}

static void deadline(void *dev, u64 late_ns)
{
    struct ata_channel *c = dev;
    struct ata_drive *d = &c->drive[c->active];
    (void)late_ns;

    switch ((enum ata_phase)c->phase) {
    case ATA_RESETTING: reset_done(c); break;
    case ATA_NONDATA:
        if (c->ends_status & ATA_ERR) {
            ata_fail(c, c->ends_status, c->ends_error);
        } else {
            u8 status = c->ends_status;
            ata_done(c);
            d->status = status;
            d->error = c->ends_error;
        }
        break;
    case ATA_READING: reading_done(c); break;
    case ATA_NEXT_IN: offer_in(c); break;
    case ATA_NEXT_OUT: offer_out(c); break;
    case ATA_WRITING: writing_done(c); break;
    case ATA_FLUSHING: flushing_done(c); break;
    case ATA_DMA_IN: ata_dma_in(c); break;
    case ATA_DMA_OUT: ata_dma_out(c); break;
    case ATA_TRIMMING: ata_trimming_done(c); break;
    case ATA_IDLE: case ATA_HELD: case ATA_DATA_IN: case ATA_DATA_OUT: case ATA_PACKET:
    case ATA_NUM_PHASES:
        break;
    }
}

/* ---- registers ---- */

static bool busy(const struct ata_channel *c)
{
    return c->phase == ATA_HELD || c->phase == ATA_RESETTING ||
           (c->drive[c->active].status & (ATA_BSY | ATA_DRQ));
}

static u32 data_read(struct ata_channel *c)
{
    if (c->phase != ATA_DATA_IN || c->sel != c->active)
        return 0xffff;
    u32 v = c->buf[c->pos++];
    if (c->pos < c->end)
        v |= (u32)c->buf[c->pos++] << 8;
    if (c->pos >= c->end)
        block_read_by_host(c);
    return v;
}

static void data_write(struct ata_channel *c, u32 v)
{
    if ((c->phase != ATA_DATA_OUT && c->phase != ATA_PACKET) || c->sel != c->active)
        return;
    st16(c->buf + c->pos, (u16)v);
    c->pos += 2;
    if (c->pos >= c->end)
        block_written_by_host(c);
}

static u8 status_of_selected(const struct ata_channel *c)
{
    if (c->drive[c->sel].present)
        return c->drive[c->sel].status;
    return c->drive[!c->sel].present ? 0 : 0xff;
}

static u8 reg_read(struct ata_channel *c, u32 off)
{
    const struct ata_drive *d = &c->drive[c->sel];
    unsigned hob = c->control & ATA_HOB ? 1 : 0;

    if (!d->present)
        d = &c->drive[!c->sel];
    if (!d->present)
        return 0xff;
    switch (off) {
    case 1: return d->error;
    case 2: return d->nsector[hob];
    case 3: return d->lbal[hob];
    case 4: return d->lbam[hob];
    case 5: return d->lbah[hob];
    case 6: return d->device | 0xa0;
    default: return status_of_selected(c);
    }
}

u32 ata_read(struct ata_channel *c, u32 off, unsigned size)
{
    if (off == 0) {
        u32 v = data_read(c);
        if (size == 4)
            v |= data_read(c) << 16;
        return v & size_mask(size);
    }
    u32 v = 0;
    for (unsigned i = 0; i < size; i++) {
        v |= (u32)reg_read(c, off + i) << (8 * i);
        if (off + i == 7 && c->drive[c->sel].present) {
            c->drive[c->sel].irq = false;
            update_irq(c);
        }
    }
    return v;
}

u32 ata_peek(struct ata_channel *c, u32 off, unsigned size)
{
    u32 v = 0;
    if (off == 0)
        return size_mask(size);
    for (unsigned i = 0; i < size; i++)
        v |= (u32)reg_read(c, off + i) << (8 * i);
    return v;
}

/* EXECUTE DEVICE DIAGNOSTIC and SRST concern both drives. */
static void start_reset(struct ata_channel *c, u8 cmd, enum ata_phase phase)
{
    io_cancel(c);
    ata_set_idle(c);
    c->cmd = cmd;
    c->active = 0;
    for (unsigned i = 0; i < 2; i++) {
        c->drive[i].status = c->drive[i].present ? ATA_BSY : 0;
        c->drive[i].irq = false;
        if (c->drive[i].present && cmd != 0x90)
            ata_set_defaults(&c->drive[i], false);
    }
    if (phase == ATA_RESETTING)
        ata_phase_at(c, phase, ATA_NS_RESET);
    else
        c->phase = (u8)phase;
    update_irq(c);
}

static void command_write(struct ata_channel *c, u8 cmd)
{
    struct ata_drive *d = &c->drive[c->sel];

    if (c->phase == ATA_HELD || c->phase == ATA_RESETTING)
        return;
    if (cmd == 0x08 && d->present && d->cdrom) { /* DEVICE RESET: also while busy, no interrupt */
        if (c->active == c->sel) {
            io_cancel(c);
            ata_set_idle(c);
        }
        atapi_reset(d, false);
        ata_signature(d);
        d->error = 1;
        d->status = 0;
        d->irq = false;
        update_irq(c);
        return;
    }
    if (busy(c)) {
        log_guest(log_of(c), c->owner->id, "command while the drive is busy");
        return;
    }
    LOG(log_of(c), REG, "%s: channel %u drive %u command %02xh", c->owner->id, c->number, c->sel,
        cmd);
    if (cmd == 0x90 && (c->drive[0].present || c->drive[1].present)) {
        start_reset(c, cmd, ATA_RESETTING);
        return;
    }
    if (!d->present)
        return;
    c->active = c->sel;
    c->cmd = cmd;
    c->packet = c->single = c->ext = false;
    c->mode = ATA_PIO;
    c->block = BLOCK_SECTOR;
    c->lba = 0;
    c->left = 0;
    c->pos = c->end = c->filled = 0;
    d->irq = false;
    d->error = 0;
    d->status = ATA_BSY | ATA_DRDY | ATA_DSC;
    update_irq(c);
    ata_execute(c, d, cmd);
}

static void reg_write(struct ata_channel *c, u32 off, u8 val)
{
    if (off == 7) {
        c->control &= (u8)~ATA_HOB;
        command_write(c, val);
        return;
    }
    if (busy(c))
        return;
    c->control &= (u8)~ATA_HOB;
    for (unsigned i = 0; i < 2; i++) {
        struct ata_drive *d = &c->drive[i];
        u8 *regs[7] = { NULL, d->feature, d->nsector, d->lbal, d->lbam, d->lbah, NULL };
        if (off == 6) {
            d->device = val;
        } else {
            regs[off][1] = regs[off][0];
            regs[off][0] = val;
        }
    }
    if (off == 6) {
        c->sel = val & ATA_DEV_1 ? 1 : 0;
        update_irq(c);
    }
}

void ata_write(struct ata_channel *c, u32 off, u32 val, unsigned size)
{
    if (off == 0) {
        data_write(c, val & 0xffff);
        if (size == 4)
            data_write(c, val >> 16);
        return;
    }
    for (unsigned i = 0; i < size && off + i < 8; i++)
        reg_write(c, off + i, (u8)(val >> (8 * i)));
}

u8 ata_read_alt(struct ata_channel *c)
{
    return status_of_selected(c);
}

void ata_write_control(struct ata_channel *c, u8 val)
{
    u8 old = c->control;

    c->control = val & (ATA_NIEN | ATA_SRST | ATA_HOB);
    if ((val & ATA_SRST) && !(old & ATA_SRST))
        start_reset(c, 0, ATA_HELD);
    else if (!(val & ATA_SRST) && (old & ATA_SRST))
        ata_phase_at(c, ATA_RESETTING, ATA_NS_RESET);
    update_irq(c);
}

/* ---- life ---- */

bool ata_init(struct ata_channel *c, struct err *e)
{
    for (unsigned i = 0; i < 2; i++) {
        struct ata_drive *d = &c->drive[i];
        d->present = d->cdrom || d->blk;
        if (!d->present || d->cdrom)
            continue;
        if (!d->blk->sectors)
            return err_set(e, ERR_CONFIG, "the image %s is empty: a disk needs at least 512 bytes",
                           d->blk->file ? d->blk->file : "");
        if (d->blk->sectors > BIT64(48) - 1)
            return err_set(e, ERR_CONFIG, "the image %s is larger than an ATA disk can be",
                           d->blk->file ? d->blk->file : "");
        d->sectors = d->blk->sectors;
        /* The firmware's CMOS bytes say the same. */
        d->phys_heads = 16;
        d->phys_spt = 63;
        d->phys_cyls = (u16)MAX(1, MIN(d->sectors / (16 * 63), 16383));
    }
    c->buf = xcalloc_pages(ATA_BUF_SIZE);
    timer_init(&c->timer, c->owner->sys->clock, deadline, c, "ata");
    return true;
}

void ata_close(struct ata_channel *c)
{
    if (!c->buf)
        return;
    io_cancel(c);
    timer_off(&c->timer);
    xfree(c->buf);
    c->buf = NULL;
}

void ata_reset(struct ata_channel *c)
{
    io_cancel(c);
    for (unsigned i = 0; i < 2; i++) {
        struct ata_drive *d = &c->drive[i];
        memset(d->feature, 0, 2);
        memset(d->nsector, 0, 2);
        memset(d->lbal, 0, 2);
        memset(d->lbam, 0, 2);
        memset(d->lbah, 0, 2);
        d->device = 0;
        if (d->present)
            ata_set_defaults(d, true);
    }
    c->control = 0;
    c->sel = 0;
    memset(c->buf, 0, ATA_BUF_SIZE);
    c->mode = c->ends_status = c->ends_error = 0;
    c->ext = c->single = false;
    c->lba = c->left = c->block = 0;
    c->io_op = c->io_status = 0;
    c->io_sector = c->io_count = 0;
    start_reset(c, 0, ATA_RESETTING);
}

void ata_pre_save(struct ata_channel *c)
{
    for (unsigned k = 0; k < 2; k++) /* the counts that tell of a change are not saved */
        atapi_look_for_change(&c->drive[k]);
    if (c->io_state != 1 || !c->drive[c->active].blk)
        return;
    bool late = c->late;
    enum block_status st = block_wait(c->drive[c->active].blk, &c->req);
    c->late = false;
    if (late)
        ata_phase_at(c, (enum ata_phase)c->phase, 0);
    if (st == BLOCK_PENDING)
        return; /* stopped by its policy: the loaded machine submits it again */
    c->io_state = 2;
    c->io_status = (u8)st;
}

static bool drive_sane(const struct ata_drive *d)
{
    if (!d->present)
        return true;
    return (d->cdrom || (d->heads && d->spt)) && d->mult <= ATA_MAX_MULT && d->heads <= 16;
}

bool ata_post_load(struct ata_channel *c, struct err *e)
{
    const char *what = "impossible state of an ATA channel";
    if (c->sel > 1 || c->active > 1 || c->phase >= ATA_NUM_PHASES || c->mode > ATA_VERIFY ||
        c->io_state > 2 || c->line > 1 || c->io_op > BLOCK_DISCARD || c->io_status > BLOCK_READ_ONLY)
        return err_set(e, ERR_STATE, "%s", what);
    if (c->pos > c->end && c->phase != ATA_NEXT_IN && c->phase != ATA_DMA_IN &&
        c->phase != ATA_DMA_OUT && c->phase != ATA_TRIMMING)
        return err_set(e, ERR_STATE, "%s", what);
    if (c->filled > ATA_BUF_SIZE || c->end > ATA_BUF_SIZE || c->pos > ATA_BUF_SIZE ||
        c->block > ATA_BUF_SIZE || c->left > 65536 ||
        c->io_count > (c->io_op == BLOCK_DISCARD ? 65535 : ATA_BUF_SECTORS))
        return err_set(e, ERR_STATE, "%s", what);
    bool in = c->phase == ATA_DATA_IN || c->phase == ATA_DATA_OUT || c->phase == ATA_PACKET;
    if ((in && c->pos >= c->end) || ((c->phase == ATA_DATA_OUT || c->phase == ATA_PACKET) &&
                                     ((c->pos | c->end) & 1)))
        return err_set(e, ERR_STATE, "%s", what);
    if ((c->phase == ATA_NEXT_IN || c->phase == ATA_DMA_IN) && c->pos >= c->filled)
        return err_set(e, ERR_STATE, "%s", what);
    if (c->phase != ATA_IDLE && c->phase != ATA_HELD && c->phase != ATA_RESETTING &&
        !c->drive[c->active].present)
        return err_set(e, ERR_STATE, "%s", what);
    if (c->packet && !c->drive[c->active].cdrom)
        return err_set(e, ERR_STATE, "%s", what);
    for (unsigned i = 0; i < 2; i++) {
        if (!drive_sane(&c->drive[i]))
            return err_set(e, ERR_STATE, "%s", what);
        if (c->drive[i].cdrom && !atapi_post_load(&c->drive[i], e))
            return false;
    }
    c->late = false;
    if (c->phase == ATA_WRITING || c->phase == ATA_READING || c->phase == ATA_FLUSHING ||
        c->phase == ATA_TRIMMING) {
        if (!c->io_state || (c->io_op == BLOCK_DISCARD) != (c->phase == ATA_TRIMMING))
            return err_set(e, ERR_STATE, "%s", what);
        if (c->io_state == 1)
            ata_submit(c, (enum block_op)c->io_op, c->io_sector, c->io_count);
    } else {
        c->io_state = 0;
    }
    c->intrq(c->to, c->number, c->line);
    return true;
}

void ata_info(struct ata_channel *c, struct strbuf *sb)
{
    for (unsigned i = 0; i < 2; i++) {
        const struct ata_drive *d = &c->drive[i];
        sb_addf(sb, "channel %u drive %u: ", c->number, i);
        if (!d->present)
            sb_add(sb, "none\n");
        else
            sb_addf(sb, "%s, %llu sectors, status %02x error %02x%s%s\n",
                    d->cdrom ? "CD-ROM" : "disk", (unsigned long long)d->sectors, d->status,
                    d->error, d->irq ? ", INTRQ" : "", c->sel == i ? ", selected" : "");
    }
}

static u32 buf_len(const void *obj)
{
    (void)obj;
    return ATA_BUF_SIZE;
}

static const struct field drive_fields[] = {
    F_ARRAY(struct ata_drive, feature, u8), F_ARRAY(struct ata_drive, nsector, u8),
    F_ARRAY(struct ata_drive, lbal, u8), F_ARRAY(struct ata_drive, lbam, u8),
    F_ARRAY(struct ata_drive, lbah, u8), F_U8(struct ata_drive, device),
    F_U8(struct ata_drive, status), F_U8(struct ata_drive, error), F_BOOL(struct ata_drive, irq),
    F_U8(struct ata_drive, heads), F_U8(struct ata_drive, spt), F_U16(struct ata_drive, cyls),
    F_U8(struct ata_drive, mult), F_U8(struct ata_drive, pio_mode), F_U8(struct ata_drive, mdma),
    F_U8(struct ata_drive, udma), F_BOOL(struct ata_drive, write_cache),
    F_BOOL(struct ata_drive, look_ahead), F_BOOL(struct ata_drive, keep_settings),
    F_BOOL(struct ata_drive, standby), F_BOOL(struct ata_drive, smart),
    F_ARRAY(struct ata_drive, cdb, u8), F_U8(struct ata_drive, sense_key),
    F_U8(struct ata_drive, asc), F_U8(struct ata_drive, ascq), F_U8(struct ata_drive, ua),
    F_U8(struct ata_drive, event), F_BOOL(struct ata_drive, locked),
    F_BOOL(struct ata_drive, stopped),
    F_U32(struct ata_drive, limit), F_U16(struct ata_drive, sector_size), F_END
};

const struct field ata_channel_fields[] = {
    F_SUB(struct ata_channel, drive, struct ata_drive, drive_fields),
    F_U8(struct ata_channel, control), F_U8(struct ata_channel, sel),
    F_U8(struct ata_channel, active), F_U8(struct ata_channel, cmd),
    F_U8(struct ata_channel, phase), F_U8(struct ata_channel, mode),
    F_BOOL(struct ata_channel, ext), F_BOOL(struct ata_channel, single),
    F_BOOL(struct ata_channel, packet), F_U8(struct ata_channel, ends_status),
    F_U8(struct ata_channel, ends_error), F_U64(struct ata_channel, lba),
    F_U32(struct ata_channel, left), F_U32(struct ata_channel, block),
    F_U32(struct ata_channel, pos), F_U32(struct ata_channel, end),
    F_U32(struct ata_channel, filled), F_U8(struct ata_channel, io_state),
    F_U8(struct ata_channel, io_op), F_U8(struct ata_channel, io_status),
    F_U64(struct ata_channel, io_sector), F_U32(struct ata_channel, io_count),
    F_U8(struct ata_channel, line), F_TIMER(struct ata_channel, timer),
    F_BUF(struct ata_channel, buf, buf_len), F_END
};
