/* SPDX-License-Identifier: MIT */
/* Commands of the 82077AA (data sheet 290166-007, chapter 5): parameters, execution sector by
 * sector, results. PART ID is not a command of this part and answers as an invalid one, which is
 * how drivers tell it from an 82078. */
#include "devices/i82077.h"

#include "devices/isa_dma.h"

#define NS_NO_INDEX 400000000u /* two revolutions without a mark */

enum { CFG_EIS = 0x40, CFG_POLL_OFF = 0x10 };

/* Opcode in the low five bits, which of MT, MFM and SK may be set, bytes, operation. */
static const struct command {
    u8 code, flags, bytes, op;
} commands[] = {
    { 0x02, 0x60, 9, FDC_READ_TRACK }, { 0x03, 0x00, 3, FDC_NONE },
    { 0x04, 0x00, 2, FDC_NONE },       { 0x05, 0xc0, 9, FDC_WRITE },
    { 0x06, 0xe0, 9, FDC_READ },       { 0x07, 0x00, 2, FDC_NONE },
    { 0x08, 0x00, 1, FDC_NONE },       { 0x09, 0xc0, 9, FDC_WRITE },
    { 0x0a, 0x40, 2, FDC_READ_ID },    { 0x0c, 0xe0, 9, FDC_READ_DELETED },
    { 0x0d, 0x40, 6, FDC_FORMAT },     { 0x0e, 0x00, 1, FDC_NONE },
    { 0x0f, 0xc0, 3, FDC_NONE },       { 0x10, 0x00, 1, FDC_NONE },
    { 0x11, 0xe0, 9, FDC_SCAN_EQ },    { 0x12, 0x00, 2, FDC_NONE },
    { 0x13, 0x00, 4, FDC_NONE },       { 0x14, 0x80, 1, FDC_NONE },
    { 0x16, 0xe0, 9, FDC_VERIFY },     { 0x19, 0xe0, 9, FDC_SCAN_LE },
    { 0x1d, 0xe0, 9, FDC_SCAN_GE },
};

static const struct command *command_of(u8 cmd)
{
    for (unsigned i = 0; i < ARRAY_LEN(commands); i++) {
        const struct command *c = &commands[i];
        if (c->code == (cmd & 0x1f) && !(cmd & 0xe0 & ~c->flags))
            return c;
    }
    return NULL;
}

u32 fdc_params(u8 cmd)
{
    const struct command *c = command_of(cmd);
    return c ? c->bytes : 1;
}

static u64 now(const struct i82077 *f)
{
    return clock_now(f->dev.sys->clock);
}

/* ---- results ---- */

void fdc_result(struct i82077 *f, u32 len)
{
    f->phase = FDC_RESULT;
    f->op = FDC_NONE;
    f->step = FDC_STEP_NONE;
    f->res_len = (u8)len;
    f->res_pos = 0;
    timer_off(&f->timer);
}

/* The seven bytes of a data command, and its interrupt. */
static void end_command(struct i82077 *f)
{
    u8 res[7] = { (u8)(f->st0 | f->head << 2 | f->unit), f->st1, f->st2, f->c, f->h, f->r, f->n };
    memcpy(f->res, res, sizeof(res));
    fdc_result(f, sizeof(res));
    f->irq_pending = true;
    fdc_update(f);
}

static void fail_command(struct i82077 *f, u8 st1, u8 st2)
{
    f->st0 = ST0_ABNORMAL;
    f->st1 |= st1;
    f->st2 |= st2;
    end_command(f);
}

static void end_later(struct i82077 *f, u64 ns)
{
    f->step = FDC_STEP_END;
    timer_at(&f->timer, now(f) + ns);
}

static void fail_later(struct i82077 *f, u64 ns, u8 st1, u8 st2)
{
    f->st0 = ST0_ABNORMAL;
    f->st1 |= st1;
    f->st2 |= st2;
    end_later(f, ns);
}

/* ---- sectors ---- */

/* MT is in the command, EOT in the sixth parameter. */
static bool multi_track(const struct i82077 *f)
{
    return f->cmd[0] & 0x80;
}

/* After a sector: the address that comes next (data sheet, table of result bytes). Returns true if
 * that was the last sector that the command can reach. */
static bool advance(struct i82077 *f)
{
    if (f->r != f->cmd[6]) {
        f->r++;
        return false;
    }
    f->r = 1;
    if (multi_track(f) && !(f->head & 1)) {
        f->head = 1;
        f->h ^= 1;
        return false;
    }
    if (multi_track(f))
        f->h ^= 1;
    f->c++;
    return true;
}

/* Rates 0 and 1 are 500 and 300 kbit/s, 2 is 250, 3 is 1000. */
static bool rate_fits(const struct i82077 *f, const struct fdc_drive *d)
{
    static const u8 class_of[4] = { 1, 0, 0, 2 };
    return class_of[f->rate & 3] == d->format->rate;
}

/* Is there a readable track under the head? */
static bool track_there(struct i82077 *f, struct fdc_drive *d)
{
    fdc_check_medium(f, d);
    return d->format && rate_fits(f, d) && (f->cmd[0] & 0x40) && d->cyl < d->format->cyls &&
           f->head < d->format->heads;
}

static u32 sector_number(const struct i82077 *f, const struct fdc_drive *d, u8 r)
{
    return ((u32)d->cyl * d->format->heads + f->head) * d->format->spt + r - 1;
}

/* Looks for the sector that comes next; false: the command has failed. */
static bool find_sector(struct i82077 *f, struct fdc_drive *d)
{
    if (!track_there(f, d)) {
        fail_later(f, NS_NO_INDEX, ST1_MA, 0);
        return false;
    }
    if (f->c != d->cyl) {
        fail_later(f, NS_NO_INDEX, ST1_ND, f->c == 0xff ? ST2_BC : ST2_WC);
        return false;
    }
    if (!f->r || f->r > d->format->spt || f->n != 2 || f->h != f->head) {
        fail_later(f, NS_NO_INDEX, ST1_ND, 0);
        return false;
    }
    return true;
}

static void start_sector(struct i82077 *f);

/* READ TRACK takes the sectors as they come, whatever the command says about their IDs. */
static bool prepare_track(struct i82077 *f, struct fdc_drive *d)
{
    if (!track_there(f, d)) {
        fail_later(f, NS_NO_INDEX, ST1_MA, 0);
        return false;
    }
    return true;
}

static bool writes(const struct i82077 *f)
{
    return f->op == FDC_WRITE || f->op == FDC_FORMAT;
}

/* Begins with the sector at c, h, r. */
static void start_sector(struct i82077 *f)
{
    struct fdc_drive *d = fdc_unit(f, f->unit);

    if (!d) {
        fail_later(f, NS_NO_INDEX, ST1_MA, 0);
        return;
    }
    if (f->op == FDC_READ_TRACK ? !prepare_track(f, d) : !find_sector(f, d))
        return;
    if (writes(f) && d->blk && d->blk->read_only) {
        fail_later(f, fdc_sector_ns(f, d), ST1_NW, 0);
        return;
    }
    switch ((enum fdc_op)f->op) {
    case FDC_WRITE: case FDC_SCAN_EQ: case FDC_SCAN_LE: case FDC_SCAN_GE:
        fdc_offer(f, false, FDC_SECTOR);
        return;
    case FDC_READ_TRACK:
        if (f->r > d->format->spt) { /* fewer sectors on the track than asked for */
            fail_later(f, NS_NO_INDEX, ST1_ND, 0);
            return;
        }
        if (f->c != d->cyl || f->h != f->head || f->n != 2)
            f->st1 |= ST1_ND;
        break;
    default:
        break;
    }
    fdc_submit(f, BLOCK_READ, sector_number(f, d, f->r));
    f->step = FDC_STEP_MEDIUM;
    timer_at(&f->timer, now(f) + fdc_sector_ns(f, d));
}

/* The sector is done with the host and the medium: on to the next, or to the result. */
static void next_sector(struct i82077 *f)
{
    bool last = advance(f);

    if (f->op == FDC_READ_TRACK) {
        if (!--f->count || f->tc) {
            if (f->st1)
                f->st0 = ST0_ABNORMAL;
            end_command(f);
            return;
        }
        /* The number goes on beyond EOT: it is the count that ends this command. */
        start_sector(f);
        return;
    }
    if (f->op == FDC_VERIFY) {
        bool counted = f->cmd[1] & 0x80; /* EC */
        if (counted ? !--f->count : last) {
            end_command(f);
            return;
        }
        if (last) {
            fail_command(f, ST1_EN, 0);
            return;
        }
        start_sector(f);
        return;
    }
    if (f->tc) {
        end_command(f);
    } else if (last) { /* no terminal count by the end of the cylinder */
        fail_command(f, ST1_EN, 0);
    } else {
        start_sector(f);
    }
}

static bool scan_matches(const struct i82077 *f, const u8 *disk)
{
    for (u32 i = 0; i < FDC_SECTOR; i++) {
        u8 host = f->buf[i], d = disk[i];
        if (host == 0xff || d == 0xff || host == d) /* FFh stands for anything */
            continue;
        if (f->op == FDC_SCAN_EQ)
            return false;
        return f->op == FDC_SCAN_LE ? d < host : d > host;
    }
    return true;
}

static void scan_sector(struct i82077 *f)
{
    const u8 *disk = f->io_buf;

    if (scan_matches(f, disk)) {
        if (!memcmp(disk, f->buf, FDC_SECTOR))
            f->st2 |= ST2_SH;
        end_command(f);
        return;
    }
    u8 step = f->cmd[8] == 2 ? 2 : 1; /* STP */
    if (f->r + step > f->cmd[6] || f->tc) {
        f->st2 |= ST2_SN;
        end_command(f);
        return;
    }
    f->r = (u8)(f->r + step);
    start_sector(f);
}

/* FORMAT TRACK: four ID bytes a sector, then the sector is filled. */
static void format_next(struct i82077 *f)
{
    if (f->count && !f->tc) {
        fdc_offer(f, false, 4);
        return;
    }
    end_command(f);
}

static void format_sector(struct i82077 *f)
{
    struct fdc_drive *d = fdc_unit(f, f->unit);
    u8 r = f->buf[2], filler = f->cmd[5];
    bool ok = d && track_there(f, d) && f->buf[0] == d->cyl && f->buf[1] == f->head &&
              f->buf[3] == 2 && r && r <= d->format->spt;

    f->c = f->buf[0];
    f->h = f->buf[1];
    f->r = r;
    f->n = f->buf[3];
    f->count--;
    if (!d || !d->format) {
        fail_later(f, NS_NO_INDEX, ST1_MA, 0);
        return;
    }
    f->step = FDC_STEP_MEDIUM;
    timer_at(&f->timer, now(f) + fdc_sector_ns(f, d));
    if (!ok) { /* a layout that an image of sectors cannot hold: the sector is lost */
        log_guest(f->dev.sys->log, f->dev.id, "formats a sector that the image has no place for");
        f->io_state = 2;
        f->io_status = BLOCK_OK;
        return;
    }
    memset(f->buf, filler, FDC_SECTOR);
    fdc_submit(f, BLOCK_WRITE, sector_number(f, d, r));
}

/* ---- progress ---- */

void fdc_host_done(struct i82077 *f)
{
    struct fdc_drive *d = fdc_unit(f, f->unit);

    timer_off(&f->timer);
    f->step = FDC_STEP_NONE;
    switch ((enum fdc_op)f->op) {
    case FDC_READ: case FDC_READ_DELETED: case FDC_READ_TRACK:
        next_sector(f);
        return;
    case FDC_FORMAT:
        format_sector(f);
        return;
    default: /* WRITE and SCAN: what the host did not give is zeros */
        memset(f->buf + f->pos, 0, (size_t)(FDC_SECTOR - f->pos));
        if (f->op != FDC_WRITE && (!d || !track_there(f, d))) {
            fail_later(f, d ? fdc_sector_ns(f, d) : 0, ST1_MA, 0);
            return;
        }
        if (d && d->format)
            fdc_submit(f, f->op == FDC_WRITE ? BLOCK_WRITE : BLOCK_READ,
                       sector_number(f, d, f->r));
        f->step = FDC_STEP_MEDIUM;
        timer_at(&f->timer, now(f) + (d ? fdc_sector_ns(f, d) : 0));
        return;
    }
}

static void medium_done(struct i82077 *f)
{
    enum block_status st = fdc_io_result(f);

    if (st == BLOCK_PENDING)
        return;
    if (st == BLOCK_READ_ONLY) {
        fail_command(f, ST1_NW, 0);
        return;
    }
    if (st != BLOCK_OK) {
        fail_command(f, ST1_DE, ST2_DD);
        return;
    }
    switch ((enum fdc_op)f->op) {
    case FDC_READ: case FDC_READ_TRACK:
        fdc_offer(f, true, FDC_SECTOR);
        break;
    case FDC_READ_DELETED: /* plain data: reads this sector, sets CM and ends */
        if (f->cmd[0] & 0x20) { /* SK: skipped */
            next_sector(f);
            break;
        }
        f->st2 |= ST2_CM;
        f->tc = true;
        fdc_offer(f, true, FDC_SECTOR);
        break;
    case FDC_SCAN_EQ: case FDC_SCAN_LE: case FDC_SCAN_GE:
        scan_sector(f);
        break;
    case FDC_FORMAT:
        format_next(f);
        break;
    default:
        next_sector(f);
        break;
    }
}

void fdc_deadline(void *dev, u64 late_ns)
{
    struct i82077 *f = dev;
    (void)late_ns;

    if (f->phase != FDC_EXECUTE)
        return;
    switch ((enum fdc_step)f->step) {
    case FDC_STEP_MEDIUM:
        if (f->op == FDC_READ_ID)
            end_command(f);
        else
            medium_done(f);
        break;
    case FDC_STEP_HOST:
        if (fdc_uses_dma(f) && f->dev.sys->isa_dma)
            f->dev.sys->isa_dma->dreq(f->dev.sys->isa_dma->dev, 2, false);
        fail_command(f, ST1_OR, 0);
        break;
    case FDC_STEP_END:
        end_command(f);
        break;
    case FDC_STEP_NONE:
        break;
    }
    fdc_update(f);
}

void fdc_seek_done(void *drive, u64 late_ns)
{
    struct fdc_drive *d = drive;
    struct i82077 *f = d->fdc;
    (void)late_ns;

    d->seeking = false;
    d->sense = true;
    d->sense_st0 = (u8)(ST0_SE | d->number);
    if (d->recal) {
        if (d->present) {
            d->cyl = 0;
        } else { /* 79 steps and no track 0 */
            d->sense_st0 |= ST0_ABNORMAL | ST0_EC;
        }
        d->pcn = 0;
    } else {
        int to = d->cyl + d->target - d->pcn;
        if (d->present)
            d->cyl = (u8)(to < 0 ? 0 : to > 85 ? 85 : to); /* the head stops there */
        d->pcn = d->target;
    }
    fdc_check_medium(f, d);
    if (d->format) /* a step with a disk in the drive resets its change line */
        d->change = false;
    f->irq_pending = true;
    fdc_update(f);
}

/* ---- commands ---- */

static void start_data(struct i82077 *f, u8 op)
{
    struct fdc_drive *d;

    f->unit = f->cmd[1] & 3;
    f->head = f->cmd[1] >> 2 & 1;
    f->st0 = f->st1 = f->st2 = 0;
    f->tc = false;
    f->phase = FDC_EXECUTE;
    f->op = op;
    f->count = 0;
    d = fdc_unit(f, f->unit);
    if (op == FDC_READ_ID) {
        u64 ns = d ? fdc_sector_ns(f, d) : 0;
        if (!d || !track_there(f, d)) {
            f->c = f->h = f->r = f->n = 0;
            fail_later(f, NS_NO_INDEX, ST1_MA, 0);
            return;
        }
        f->c = d->cyl;
        f->h = f->head;
        f->r = (u8)(now(f) / ns % d->format->spt + 1); /* the one that comes by */
        f->n = 2;
        f->step = FDC_STEP_MEDIUM;
        timer_at(&f->timer, now(f) + ns);
        return;
    }
    if (op == FDC_FORMAT) {
        f->n = f->cmd[2];
        f->count = f->cmd[3];
        f->c = f->h = f->r = 0;
        if (!d || !track_there(f, d))
            fail_later(f, NS_NO_INDEX, ST1_MA, 0);
        else if (d->blk && d->blk->read_only)
            fail_later(f, fdc_sector_ns(f, d), ST1_NW, 0);
        else
            format_next(f);
        return;
    }
    f->c = f->cmd[2];
    f->h = f->cmd[3];
    f->r = f->cmd[4];
    f->n = f->cmd[5];
    if (op == FDC_READ_TRACK) {
        f->r = 1;
        f->count = f->cmd[6] ? f->cmd[6] : 1;
    } else if (op == FDC_VERIFY) {
        f->count = f->cmd[8];
    }
    if (d && (f->config & CFG_EIS) && d->pcn != f->c) { /* implied seek */
        int to = d->cyl + f->c - d->pcn;
        d->cyl = (u8)(to < 0 ? 0 : to > 85 ? 85 : to);
        d->pcn = f->c;
        if (d->format)
            d->change = false;
    }
    start_sector(f);
}

static void sense_interrupt(struct i82077 *f)
{
    if (f->reset_senses) {
        u8 n = (u8)(4 - f->reset_senses--);
        f->res[0] = (u8)(0xc0 | n);
        f->res[1] = n < 2 ? f->drive[n].pcn : 0;
        f->irq_pending = false;
        fdc_result(f, 2);
        return;
    }
    for (unsigned i = 0; i < 2; i++) {
        struct fdc_drive *d = &f->drive[i];
        if (!d->sense)
            continue;
        d->sense = false;
        f->res[0] = d->sense_st0;
        f->res[1] = d->pcn;
        f->irq_pending = f->drive[0].sense || f->drive[1].sense;
        fdc_result(f, 2);
        return;
    }
    f->res[0] = ST0_INVALID;
    fdc_result(f, 1);
}

static void sense_drive(struct i82077 *f)
{
    u8 unit = f->cmd[1] & 3;
    struct fdc_drive *d = fdc_unit(f, unit);
    u8 st3 = (u8)((f->cmd[1] & 7) | 0x28);

    if (d) {
        fdc_check_medium(f, d);
        if (!d->cyl)
            st3 |= 0x10;
        if (!d->format || d->blk->read_only)
            st3 |= 0x40; /* an empty drive's sensor sees no tab */
    }
    f->res[0] = st3;
    fdc_result(f, 1);
}

static void seek(struct i82077 *f, u8 cmd)
{
    u8 unit = f->cmd[1] & 3;
    u8 target = f->cmd[2];

    f->reset_senses = 0; /* polling ends with the first command that is none of SENSE */
    if (unit > 1) {      /* no drive, and no place to keep its state: it ends at once */
        log_guest(f->dev.sys->log, f->dev.id, "seek of unit %u", unit);
        return;
    }
    if (cmd & 0x80) { /* relative: bit 6 says inwards */
        int to = f->drive[unit].pcn + (cmd & 0x40 ? target : -target);
        target = (u8)(to < 0 ? 0 : to > 255 ? 255 : to);
    }
    fdc_seek_start(f, unit, target, false);
}

static void dump_registers(struct i82077 *f)
{
    u8 eot = f->cmd[6];
    u8 res[10] = { f->drive[0].pcn, f->drive[1].pcn, 0, 0, f->srt_hut, f->hlt_nd, eot,
                   (u8)((f->lock ? 0x80 : 0) | (f->perpendicular & 0x7f)), f->config, f->pretrk };
    memcpy(f->res, res, sizeof(res));
    fdc_result(f, sizeof(res));
}

static void one_byte(struct i82077 *f, u8 v)
{
    f->res[0] = v;
    fdc_result(f, 1);
}

void fdc_command(struct i82077 *f)
{
    u8 cmd = f->cmd[0];
    const struct command *c = command_of(cmd);

    if (!c) {
        if (cmd != 0x18) /* PART ID is asked for on purpose */
            log_guest(f->dev.sys->log, f->dev.id, "invalid command %02x", cmd);
        one_byte(f, ST0_INVALID);
        return;
    }
    if (c->op != FDC_NONE) {
        f->reset_senses = 0;
        start_data(f, c->op);
        return;
    }
    switch (c->code) {
    case 0x03: /* SPECIFY */
        f->srt_hut = f->cmd[1];
        f->hlt_nd = f->cmd[2];
        break;
    case 0x04: sense_drive(f); break;
    case 0x07: /* RECALIBRATE */
        f->reset_senses = 0;
        if ((f->cmd[1] & 3) < 2)
            fdc_seek_start(f, f->cmd[1] & 3, 0, true);
        break;
    case 0x08: sense_interrupt(f); break;
    case 0x0e: dump_registers(f); break;
    case 0x0f: seek(f, cmd); break;
    case 0x10: one_byte(f, 0x90); break; /* VERSION: an enhanced controller */
    case 0x12: /* PERPENDICULAR MODE: OW opens the drive bits */
        if (f->cmd[1] & 0x80)
            f->perpendicular = f->cmd[1] & 0x3f;
        else
            f->perpendicular = (u8)((f->perpendicular & 0x3c) | (f->cmd[1] & 3));
        break;
    case 0x13: /* CONFIGURE */
        f->config = f->cmd[2] & 0x7f;
        f->pretrk = f->cmd[3];
        if (f->config & CFG_POLL_OFF)
            f->reset_senses = 0;
        break;
    case 0x14: /* LOCK, UNLOCK */
        f->lock = cmd & 0x80;
        one_byte(f, f->lock ? 0x10 : 0);
        break;
    default:
        one_byte(f, ST0_INVALID);
        break;
    }
}
