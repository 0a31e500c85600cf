/* SPDX-License-Identifier: MIT */
/* Intel 82077AA floppy disk controller (data sheet 290166-007) in AT mode with two drives:
 * registers, transfer of data, reset, drives and media. i82077_cmd.c has the commands.
 *
 * The medium turns faster than a real one unless exact_timing is set: a sector passes in 400 us
 * and a step takes 50 us. Not modelled: FM (single density), deleted marks on the medium (WRITE
 * DELETED writes plain data), sector sizes other than 512 bytes, gaps, precompensation, power-down
 * timing, tape drives, units 2 and 3 (never present). */
#include "devices/i82077.h"

#include "core/xalloc.h"
#include "devices/isa_dma.h"

#define NS_FAST_SECTOR 400000u
#define NS_FAST_STEP 50000u
#define NS_REVOLUTION 200000000u
#define NS_RESET 150000u
/* How long the host may leave the FIFO alone before data are lost. A real controller gives it a
 * byte's time; guests under a slow emulator would never get on. */
#define NS_OVERRUN 500000000u

enum { DOR_RESET = 0x04, DOR_DMAGATE = 0x08 };
enum { HLT_ND = 0x01 };

/* Exact sizes of disks. Any other size is taken as the smallest high-density format that holds it:
 * boot programs that come as short images read whole tracks of a 1.44 MB disk. */
static const struct fdc_format formats[] = {
    { 320, 40, 1, 8, 0, 1 },    { 360, 40, 1, 9, 0, 1 },    { 640, 40, 2, 8, 0, 1 },
    { 720, 40, 2, 9, 0, 1 },    { 1280, 80, 2, 8, 0, 4 },   { 1440, 80, 2, 9, 0, 4 },
    { 1600, 80, 2, 10, 0, 4 },  { 1640, 82, 2, 10, 0, 4 },  { 2400, 80, 2, 15, 1, 2 },
    { 2880, 80, 2, 18, 1, 4 },  { 2952, 82, 2, 18, 1, 4 },  { 3200, 80, 2, 20, 1, 4 },
    { 3360, 80, 2, 21, 1, 4 },  { 3444, 82, 2, 21, 1, 4 },  { 3486, 83, 2, 21, 1, 4 },
    { 3520, 80, 2, 22, 1, 4 },  { 3680, 80, 2, 23, 1, 4 },  { 3840, 80, 2, 24, 1, 4 },
    { 5760, 80, 2, 36, 2, 5 },  { 6240, 80, 2, 39, 2, 5 },  { 6400, 80, 2, 40, 2, 5 },
    { 7040, 80, 2, 44, 2, 5 },  { 7680, 80, 2, 48, 2, 5 },
};

static const struct fdc_format *format_of(u64 sectors)
{
    for (unsigned i = 0; i < ARRAY_LEN(formats); i++) {
        if (formats[i].sectors == sectors)
            return &formats[i];
    }
    for (unsigned i = 0; i < ARRAY_LEN(formats); i++) {
        if (formats[i].sectors >= sectors && formats[i].sectors >= 2880)
            return &formats[i];
    }
    return &formats[ARRAY_LEN(formats) - 1];
}

/* ---- drives and media ---- */

struct fdc_drive *fdc_unit(struct i82077 *f, u8 unit)
{
    return unit < 2 && f->drive[unit].present ? &f->drive[unit] : NULL;
}

static void take_medium(struct fdc_drive *d)
{
    d->format = NULL;
    if (d->blk && d->blk->inserted && d->blk->sectors)
        d->format = format_of(d->blk->sectors);
    d->seen_change = d->blk ? d->blk->change_count : 0;
}

void fdc_check_medium(struct i82077 *f, struct fdc_drive *d)
{
    (void)f;
    if (!d->blk || d->blk->change_count == d->seen_change)
        return;
    take_medium(d);
    d->change = true;
}

u8 i82077_cmos_type(struct device *dev, unsigned n)
{
    struct i82077 *f = (struct i82077 *)dev;
    return n < 2 && f->drive[n].present ? f->drive[n].cmos_type : 0;
}

u64 fdc_sector_ns(const struct i82077 *f, const struct fdc_drive *d)
{
    if (!f->exact_timing || !d->format)
        return NS_FAST_SECTOR;
    return NS_REVOLUTION / d->format->spt;
}

void fdc_seek_start(struct i82077 *f, u8 unit, u8 target, bool recal)
{
    struct fdc_drive *d = &f->drive[unit];
    u64 rate_ns = f->rate == 3 ? 500000u : f->rate == 0 ? 1000000u : f->rate == 1 ? 1666667u : 2000000u;
    u64 step = f->exact_timing ? (16 - (f->srt_hut >> 4)) * rate_ns : NS_FAST_STEP;
    u32 steps = recal ? d->cyl : (u32)(target > d->pcn ? target - d->pcn : d->pcn - target);

    d->target = target;
    d->seeking = true;
    d->recal = recal;
    d->sense = false;
    timer_at(&d->seek, clock_now(f->dev.sys->clock) + 2 * NS_FAST_STEP + step * steps);
}

/* ---- outputs ---- */

void fdc_update(struct i82077 *f)
{
    wire_set(&f->irq, f->irq_pending && (f->dor & DOR_DMAGATE) && (f->dor & DOR_RESET));
}

bool fdc_uses_dma(const struct i82077 *f)
{
    return !(f->hlt_nd & HLT_ND);
}

static void set_dreq(struct i82077 *f, bool level)
{
    struct isa_dma *bus = f->dev.sys->isa_dma;
    if (bus)
        bus->dreq(bus->dev, 2, level && (f->dor & DOR_DMAGATE));
}

/* len bytes of the buffer are to go to the host, or to come from it. */
void fdc_offer(struct i82077 *f, bool to_host, u16 len)
{
    f->to_host = to_host;
    f->pos = 0;
    f->end = len;
    f->step = FDC_STEP_HOST;
    timer_at(&f->timer, clock_now(f->dev.sys->clock) + NS_OVERRUN);
    if (fdc_uses_dma(f)) {
        set_dreq(f, true);
    } else {
        f->irq_pending = true;
        fdc_update(f);
    }
}

/* The DMA controller's transfer function. */
static u32 dma_step(void *card, u8 *buf, u32 len, bool to_memory, bool verify, bool tc)
{
    struct i82077 *f = card;
    u32 n;

    if (f->phase != FDC_EXECUTE || f->step != FDC_STEP_HOST || !fdc_uses_dma(f))
        return 0;
    n = MIN(len, (u32)(f->end - f->pos));
    if (f->to_host) {
        if (to_memory)
            memcpy(buf, f->buf + f->pos, n);
    } else if (to_memory || verify) {
        memset(f->buf + f->pos, 0, n);
    } else {
        memcpy(f->buf + f->pos, buf, n);
    }
    f->pos = (u16)(f->pos + n);
    if (tc && n == len)
        f->tc = true;
    if (f->pos == f->end || f->tc) {
        set_dreq(f, false);
        fdc_host_done(f);
    }
    return n;
}

bool fdc_scans(const struct i82077 *f)
{
    return f->op == FDC_SCAN_EQ || f->op == FDC_SCAN_LE || f->op == FDC_SCAN_GE;
}

static void io_done(void *dev)
{
    struct i82077 *f = dev;

    if (!f->late)
        return;
    f->late = false;
    timer_at(&f->timer, clock_now(f->dev.sys->clock));
}

void fdc_submit(struct i82077 *f, enum block_op op, u32 sector)
{
    struct block *b = f->drive[f->unit & 1].blk;

    f->io_state = 1;
    f->io_op = (u8)op;
    f->io_sector = sector;
    f->req = (struct block_req){ .op = op, .sector = sector, .count = 1, .buf = f->io_buf,
                                 .done = io_done, .done_to = f };
    if (op == BLOCK_WRITE)
        memcpy(f->io_buf, f->buf, FDC_SECTOR);
    if (op == BLOCK_READ && b && sector >= b->sectors && b->inserted) { /* a short image */
        memset(fdc_scans(f) ? f->io_buf : f->buf, 0, FDC_SECTOR);
        f->io_state = 2;
        f->io_status = BLOCK_OK;
        return;
    }
    if (b)
        block_submit(b, &f->req);
    else
        f->req.status = BLOCK_IO_ERROR;
}

enum block_status fdc_io_result(struct i82077 *f)
{
    struct block *b = f->drive[f->unit & 1].blk;
    enum block_status st = BLOCK_IO_ERROR;

    if (f->io_state == 2)
        st = (enum block_status)f->io_status;
    else if (f->io_state == 1 && b)
        st = block_result(b, &f->req);
    if (st == BLOCK_PENDING && block_late(&f->req)) {
        f->late = true;
        return st;
    }
    if (st == BLOCK_PENDING) { /* tried again after cont */
        timer_at(&f->timer, clock_now(f->dev.sys->clock) + 1000000);
        return st;
    }
    if (f->io_state == 1 && f->req.op == BLOCK_READ && !fdc_scans(f))
        memcpy(f->buf, f->io_buf, FDC_SECTOR);
    f->io_state = 0;
    return st;
}

static void io_cancel(struct i82077 *f)
{
    struct block *b = f->drive[f->unit & 1].blk;
    if (f->io_state == 1 && b && block_cancel(b, &f->req))
        f->io_buf = xcalloc(1, FDC_SECTOR);
    f->io_state = 0;
    f->late = false;
}

/* ---- reset ---- */

static void stop_all(struct i82077 *f)
{
    io_cancel(f);
    set_dreq(f, false);
    timer_off(&f->timer);
    timer_off(&f->reset_timer);
    f->phase = FDC_COMMAND;
    f->op = FDC_NONE;
    f->step = FDC_STEP_NONE;
    f->cmd_len = f->cmd_want = f->res_len = f->res_pos = 0;
    f->pos = f->end = 0;
    f->irq_pending = false;
    f->reset_senses = 0;
    for (unsigned i = 0; i < 2; i++) {
        struct fdc_drive *d = &f->drive[i];
        timer_off(&d->seek);
        d->seeking = d->sense = false;
        d->pcn = d->target = 0;
    }
}

static void software_reset(struct i82077 *f)
{
    stop_all(f);
    if (!f->lock) { /* LOCK keeps the FIFO's set-up */
        f->config = 0x20;
        f->pretrk = 0;
    }
    f->perpendicular &= 0x3c;
    fdc_update(f);
}

static void reset_done(void *dev, u64 late_ns)
{
    struct i82077 *f = dev;
    (void)late_ns;
    if (f->config & 0x10) /* polling disabled */
        return;
    f->reset_senses = 4;
    f->irq_pending = true;
    fdc_update(f);
}

static void leave_reset(struct i82077 *f)
{
    timer_at(&f->reset_timer, clock_now(f->dev.sys->clock) + NS_RESET);
}

/* ---- registers ---- */

static u8 msr(const struct i82077 *f)
{
    u8 v = 0;

    if (!(f->dor & DOR_RESET) || timer_armed(&f->reset_timer))
        return 0;
    for (unsigned i = 0; i < 2; i++)
        v |= f->drive[i].seeking ? BIT(i) : 0;
    if (f->phase == FDC_COMMAND)
        return v | MSR_RQM | (f->cmd_len ? MSR_CB : 0);
    if (f->phase == FDC_RESULT)
        return v | MSR_RQM | MSR_DIO | MSR_CB;
    v |= MSR_CB;
    if (!fdc_uses_dma(f)) {
        v |= MSR_NDM;
        if (f->step == FDC_STEP_HOST)
            v |= MSR_RQM | (f->to_host ? MSR_DIO : 0);
    }
    return v;
}

static u8 fifo_read(struct i82077 *f)
{
    u8 v = 0;

    if (!(msr(f) & MSR_RQM) || !(msr(f) & MSR_DIO)) {
        log_guest(f->dev.sys->log, f->dev.id, "FIFO read without data");
        return 0;
    }
    if (f->phase == FDC_EXECUTE) {
        v = f->buf[f->pos++];
        if (f->pos == f->end) {
            f->irq_pending = false;
            fdc_host_done(f);
        }
    } else {
        /* The first byte of a data command's result acknowledges its interrupt, not a seek's. */
        if (!f->res_pos && f->res_len == 7)
            f->irq_pending = f->drive[0].sense || f->drive[1].sense;
        v = f->res[f->res_pos++];
        if (f->res_pos == f->res_len)
            f->phase = FDC_COMMAND;
    }
    fdc_update(f);
    return v;
}

static void fifo_write(struct i82077 *f, u8 v)
{
    if (!(msr(f) & MSR_RQM) || (msr(f) & MSR_DIO)) {
        log_guest(f->dev.sys->log, f->dev.id, "FIFO write while it takes none");
        return;
    }
    if (f->phase == FDC_EXECUTE) {
        f->buf[f->pos++] = v;
        if (f->pos == f->end) {
            f->irq_pending = false;
            fdc_host_done(f);
        }
        fdc_update(f);
        return;
    }
    if (!f->cmd_len)
        f->cmd_want = (u8)fdc_params(v);
    f->cmd[f->cmd_len++] = v;
    if (f->cmd_len == f->cmd_want) {
        f->cmd_len = 0;
        fdc_command(f);
        fdc_update(f);
    }
}

static void write_dor(struct i82077 *f, u8 v)
{
    u8 old = f->dor;

    f->dor = v;
    if (!(v & DOR_RESET) && (old & DOR_RESET))
        software_reset(f);
    else if ((v & DOR_RESET) && !(old & DOR_RESET))
        leave_reset(f);
    fdc_update(f);
}

/* The change line is the selected drive's, and only while its motor is on. */
static u8 dir(struct i82077 *f)
{
    u8 unit = f->dor & 3;
    struct fdc_drive *d = fdc_unit(f, unit);

    if (!d || !(f->dor & (0x10 << unit)))
        return 0;
    fdc_check_medium(f, d);
    return d->change || !d->format ? 0x80 : 0;
}

static u32 fdc_read(void *dev, u32 off, unsigned size)
{
    struct i82077 *f = dev;
    (void)size;

    switch (off) {
    case 2: return f->dor;
    case 3: return f->tdr | 0xfc;
    case 4: return msr(f);
    case 5: return fifo_read(f);
    default: return 0xff; /* SRA and SRB exist in PS/2 mode only */
    }
}

static u32 fdc_peek(void *dev, u32 off, unsigned size)
{
    struct i82077 *f = dev;
    if (off == 5)
        return f->phase == FDC_RESULT ? f->res[f->res_pos] : 0;
    return fdc_read(dev, off, size);
}

static void fdc_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i82077 *f = dev;
    u8 v = (u8)val;
    (void)size;

    switch (off) {
    case 2: write_dor(f, v); break;
    case 3: f->tdr = v & 3; break;
    case 4:
        f->dsr = v & 0x7f;
        f->rate = v & 3;
        if ((v & 0x80) && (f->dor & DOR_RESET)) { /* clears itself */
            software_reset(f);
            leave_reset(f);
        }
        break;
    case 5: fifo_write(f, v); break;
    default: break;
    }
}

static u32 dir_read(void *dev, u32 off, unsigned size)
{
    (void)off;
    (void)size;
    return dir(dev);
}

static void ccr_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i82077 *f = dev;
    (void)off;
    (void)size;
    f->rate = val & 3;
}

static const struct region_ops fdc_ops = { fdc_read, fdc_write, fdc_peek, 1, 1, false };
static const struct region_ops dir_ops = { dir_read, ccr_write, dir_read, 1, 1, false };

/* ---- life ---- */

static bool i82077_init(struct device *dev, struct err *e)
{
    struct i82077 *f = (struct i82077 *)dev;

    for (unsigned i = 0; i < 2; i++) {
        struct fdc_drive *d = &f->drive[i];
        d->fdc = f;
        d->number = (u8)i;
        d->blk = f->medium[i];
        d->present = f->has_drive[i] || d->blk;
        timer_init(&d->seek, dev->sys->clock, fdc_seek_done, d, "fdc-seek");
        take_medium(d);
        d->cmos_type = d->format ? d->format->cmos : 4;
        if (d->blk && d->blk->inserted && d->blk->sectors > FDC_MAX_SECTORS)
            return err_set(e, ERR_CONFIG, "%s is larger than any floppy disk (3840 KB)",
                           d->blk->file ? d->blk->file : "the image");
    }
    f->io_buf = xcalloc(1, FDC_SECTOR);
    timer_init(&f->timer, dev->sys->clock, fdc_deadline, f, "fdc");
    timer_init(&f->reset_timer, dev->sys->clock, reset_done, f, "fdc-reset");
    if (dev->sys->isa_dma)
        dev->sys->isa_dma->attach(dev->sys->isa_dma->dev, 2, dma_step, f);
    return device_io(dev, "fdc", f->iobase, 6, &fdc_ops, e) &&
           device_io(dev, "fdc-dir", f->iobase + 7, 1, &dir_ops, e);
}

static void i82077_reset(struct device *dev, enum reset_kind kind)
{
    struct i82077 *f = (struct i82077 *)dev;
    (void)kind;

    stop_all(f);
    f->dor = 0;
    f->dsr = 2;
    f->rate = 2;
    f->tdr = 0;
    f->srt_hut = f->hlt_nd = 0;
    f->config = 0x20;
    f->pretrk = f->perpendicular = 0;
    f->lock = false;
    memset(f->cmd, 0, sizeof(f->cmd));
    memset(f->res, 0, sizeof(f->res));
    memset(f->buf, 0, sizeof(f->buf));
    f->unit = f->head = f->st0 = f->st1 = f->st2 = 0;
    f->c = f->h = f->r = f->n = f->count = 0;
    f->tc = f->to_host = false;
    f->io_status = f->io_op = 0;
    f->io_sector = 0;
    for (unsigned i = 0; i < 2; i++) {
        f->drive[i].cyl = 0;
        f->drive[i].recal = false;
        f->drive[i].sense_st0 = 0;
        f->drive[i].change = true; /* until the head was moved */
        take_medium(&f->drive[i]);
    }
    fdc_update(f);
}

static void i82077_pre_save(struct device *dev)
{
    struct i82077 *f = (struct i82077 *)dev;
    struct block *b = f->drive[f->unit & 1].blk;

    /* which media were changed is not saved, only what the drives make of it */
    for (unsigned i = 0; i < 2; i++)
        fdc_check_medium(f, &f->drive[i]);
    if (f->io_state != 1 || !b)
        return;
    enum block_status st = block_wait(b, &f->req);
    if (f->late) {
        f->late = false;
        timer_at(&f->timer, clock_now(dev->sys->clock));
    }
    if (st == BLOCK_PENDING || fdc_scans(f)) /* SCAN's sector is read again */
        return;
    if (f->req.op == BLOCK_READ)
        memcpy(f->buf, f->io_buf, FDC_SECTOR);
    f->io_state = 2;
    f->io_status = (u8)st;
}

static bool i82077_post_load(struct device *dev, struct err *e)
{
    struct i82077 *f = (struct i82077 *)dev;
    u32 want = f->cmd_len ? fdc_params(f->cmd[0]) : 0;

    if (f->phase > FDC_RESULT || f->op >= FDC_NUM_OPS || f->step > FDC_STEP_END ||
        f->cmd_len >= sizeof(f->cmd) || (f->cmd_len && (f->cmd_want != want || f->cmd_len >= want)) ||
        f->res_len > sizeof(f->res) || (f->phase == FDC_RESULT && f->res_pos >= f->res_len) ||
        f->end > FDC_SECTOR || f->pos > f->end || (f->step == FDC_STEP_HOST && f->pos == f->end) ||
        f->unit > 3 || f->reset_senses > 4 || f->io_state > 2 || f->io_op > BLOCK_WRITE ||
        f->io_status > BLOCK_READ_ONLY || f->rate > 3)
        return err_set(e, ERR_STATE, "impossible state of the floppy controller");
    for (unsigned i = 0; i < 2; i++) {
        struct fdc_drive *d = &f->drive[i];
        if (!d->present && timer_armed(&d->seek))
            d->cyl = 0;
        take_medium(d);
    }
    f->late = false;
    if (f->io_state == 1)
        fdc_submit(f, (enum block_op)f->io_op, f->io_sector);
    fdc_update(f);
    return true;
}

static void i82077_close(struct device *dev)
{
    struct i82077 *f = (struct i82077 *)dev;
    if (!f->timer.clock)
        return;
    io_cancel(f);
    xfree(f->io_buf);
    f->io_buf = NULL;
    for (unsigned i = 0; i < 2; i++)
        timer_off(&f->drive[i].seek);
}

static void i82077_info(struct device *dev, struct strbuf *sb)
{
    struct i82077 *f = (struct i82077 *)dev;
    sb_addf(sb, "DOR %02x MSR %02x rate %u phase %u%s\n", f->dor, msr(f), f->rate, f->phase,
            f->irq_pending ? ", INT" : "");
    for (unsigned i = 0; i < 2; i++) {
        const struct fdc_drive *d = &f->drive[i];
        if (!d->present)
            sb_addf(sb, "drive %u: none\n", i);
        else if (!d->format)
            sb_addf(sb, "drive %u: empty, cylinder %u\n", i, d->cyl);
        else
            sb_addf(sb, "drive %u: %u cylinders, %u heads, %u sectors, at cylinder %u%s\n", i,
                    d->format->cyls, d->format->heads, d->format->spt, d->cyl,
                    d->change ? ", changed" : "");
    }
}

static const struct field drive_fields[] = {
    F_U8(struct fdc_drive, cyl), F_U8(struct fdc_drive, pcn), F_U8(struct fdc_drive, target),
    F_BOOL(struct fdc_drive, seeking), F_BOOL(struct fdc_drive, recal),
    F_BOOL(struct fdc_drive, change), F_BOOL(struct fdc_drive, sense),
    F_U8(struct fdc_drive, sense_st0), F_TIMER(struct fdc_drive, seek), F_END
};

static const struct field i82077_fields[] = {
    F_SUB(struct i82077, drive, struct fdc_drive, drive_fields), F_U8(struct i82077, dor),
    F_U8(struct i82077, dsr), F_U8(struct i82077, rate), F_U8(struct i82077, tdr),
    F_U8(struct i82077, phase), F_U8(struct i82077, op), F_U8(struct i82077, step),
    F_ARRAY(struct i82077, cmd, u8), F_U8(struct i82077, cmd_len), F_U8(struct i82077, cmd_want),
    F_ARRAY(struct i82077, res, u8), F_U8(struct i82077, res_len), F_U8(struct i82077, res_pos),
    F_BOOL(struct i82077, irq_pending), F_U8(struct i82077, reset_senses),
    F_U8(struct i82077, srt_hut), F_U8(struct i82077, hlt_nd), F_U8(struct i82077, config),
    F_U8(struct i82077, pretrk), F_U8(struct i82077, perpendicular), F_BOOL(struct i82077, lock),
    F_U8(struct i82077, unit), F_U8(struct i82077, head), F_U8(struct i82077, st0),
    F_U8(struct i82077, st1), F_U8(struct i82077, st2), F_U8(struct i82077, c),
    F_U8(struct i82077, h), F_U8(struct i82077, r), F_U8(struct i82077, n),
    F_U8(struct i82077, count), F_BOOL(struct i82077, tc),
    F_BOOL(struct i82077, to_host), F_U16(struct i82077, pos), F_U16(struct i82077, end),
    F_U8(struct i82077, io_state), F_U8(struct i82077, io_status), F_U8(struct i82077, io_op),
    F_U32(struct i82077, io_sector), F_ARRAY(struct i82077, buf, u8),
    F_TIMER(struct i82077, timer), F_TIMER(struct i82077, reset_timer), F_END
};

static const struct prop i82077_props[] = {
    { "drive0", PROP_BLOCK, offsetof(struct i82077, medium[0]), 0, NULL, "medium of drive A:" },
    { "drive1", PROP_BLOCK, offsetof(struct i82077, medium[1]), 0, NULL, "medium of drive B:" },
    { "present0", PROP_BOOL, offsetof(struct i82077, has_drive[0]), 0, NULL,
      "there is a drive A: even without a medium" },
    { "present1", PROP_BOOL, offsetof(struct i82077, has_drive[1]), 0, NULL,
      "there is a drive B: even without a medium" },
    { "exact_timing", PROP_BOOL, offsetof(struct i82077, exact_timing), 0, NULL,
      "300 revolutions a minute and the guest's step rate" },
    { "iobase", PROP_U32, offsetof(struct i82077, iobase), 0x3f0, NULL, "first port" },
    { 0 }
};

static const struct pin i82077_pins[] = {
    { "irq", PIN_OUT, 1, offsetof(struct i82077, irq), NULL },
    { 0 }
};

static const struct reg_doc i82077_regs[] = {
    { "SRA", "io+0", REG_RO, false, "PS/2 modes only: reads FFh in AT mode" },
    { "SRB", "io+1", REG_RO, false, "PS/2 modes only: reads FFh in AT mode" },
    { "DOR", "io+2", REG_RW, true, "motors have no spin-up time" },
    { "TDR", "io+3", REG_RW, true, "no tape drives" },
    { "MSR", "io+4", REG_RO, true, NULL },
    { "DSR", "io+4", REG_WO, true, "precompensation and power-down are kept only" },
    { "FIFO", "io+5", REG_RW, true, "the threshold has no effect: a sector is buffered" },
    { "DIR", "io+7", REG_RO, true, "bits 6:0 float in AT mode: 0" },
    { "CCR", "io+7", REG_WO, true, NULL },
    REG_END
};

const struct device_class i82077_class = {
    .name = "i82077",
    .desc = "Intel 82077AA floppy disk controller",
    .size = sizeof(struct i82077),
    .props = i82077_props,
    .pins = i82077_pins,
    .regs = i82077_regs,
    .init = i82077_init,
    .reset = i82077_reset,
    .close = i82077_close,
    .fields = i82077_fields,
    .version = 1,
    .post_load = i82077_post_load,
    .pre_save = i82077_pre_save,
    .info = i82077_info,
};
