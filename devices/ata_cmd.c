/* SPDX-License-Identifier: MIT */
/* Commands of an ATA disk (T13 1321D, ATA/ATAPI-5, chapter 8; the EXT commands from ATA/ATAPI-6).
 *
 * Not modelled (aborted as unsupported commands are): SECURITY but for FREEZE LOCK, SET MAX,
 * CFA, media status, device configuration, queued DMA, READ/WRITE LONG, FORMAT TRACK, APM and
 * AAM settings. SLEEP is left by any command, not only by a reset. */
#include "devices/ata.h"

static u8 chs_device(const struct ata_drive *d)
{
    return d->device & (ATA_DEV_LBA | ATA_DEV_1);
}

void ata_set_defaults(struct ata_drive *d, bool power_on)
{
    if (d->cdrom)
        atapi_reset(d, power_on);
    if (power_on) {
        d->keep_settings = false;
        d->smart = true;
        d->udma = d->mdma = 0xff;
        d->pio_mode = 0;
        d->standby = false;
    }
    if (!power_on && d->keep_settings)
        return;
    d->heads = d->phys_heads;
    d->spt = d->phys_spt;
    d->cyls = d->phys_cyls;
    d->mult = 0;
    d->write_cache = !d->blk || !d->blk->through;
    d->look_ahead = true;
}

/* The registers of a command that got as far as sector lba; the count is what is left of it. */
void ata_set_address(struct ata_channel *c, struct ata_drive *d, u64 lba)
{
    u32 count = c->left + (c->filled > c->pos ? (c->filled - c->pos) / BLOCK_SECTOR : 0);

    d->nsector[0] = (u8)count;
    if (c->ext) {
        d->nsector[1] = (u8)(count >> 8);
        d->lbal[0] = (u8)lba;
        d->lbam[0] = (u8)(lba >> 8);
        d->lbah[0] = (u8)(lba >> 16);
        d->lbal[1] = (u8)(lba >> 24);
        d->lbam[1] = (u8)(lba >> 32);
        d->lbah[1] = (u8)(lba >> 40);
    } else if (d->device & ATA_DEV_LBA) {
        d->lbal[0] = (u8)lba;
        d->lbam[0] = (u8)(lba >> 8);
        d->lbah[0] = (u8)(lba >> 16);
        d->device = (u8)((d->device & 0xf0) | (lba >> 24 & 15));
    } else if (d->heads && d->spt) {
        u64 track = lba / d->spt, cyl = track / d->heads;
        d->lbal[0] = (u8)(lba % d->spt + 1);
        d->lbam[0] = (u8)cyl;
        d->lbah[0] = (u8)(cyl >> 8);
        d->device = (u8)((d->device & 0xf0) | (track % d->heads & 15));
    }
}

/* The sector that the task file names; false: no such address. */
static bool get_address(const struct ata_channel *c, const struct ata_drive *d, u64 *lba)
{
    u32 low = d->lbal[0] | (u32)d->lbam[0] << 8 | (u32)d->lbah[0] << 16;

    if (c->ext) {
        *lba = low | (u64)d->lbal[1] << 24 | (u64)d->lbam[1] << 32 | (u64)d->lbah[1] << 40;
    } else if (d->device & ATA_DEV_LBA) {
        *lba = low | (u32)(d->device & 15) << 24;
    } else {
        u32 cyl = d->lbam[0] | (u32)d->lbah[0] << 8, head = d->device & 15, sec = d->lbal[0];
        if (cyl >= d->cyls || head >= d->heads || !sec || sec > d->spt)
            return false;
        *lba = ((u64)cyl * d->heads + head) * d->spt + sec - 1;
    }
    return *lba < d->sectors;
}

static void set_abort(struct ata_channel *c)
{
    ata_end_later(c, ATA_NS_COMMAND, ATA_DRDY | ATA_DSC | ATA_ERR, ATA_ABRT);
}

static void set_success(struct ata_channel *c, u64 ns)
{
    ata_end_later(c, ns, ATA_DRDY | ATA_DSC, 0);
}

/* Address and count of a data command. false: it ends with an error. */
static bool begin_transfer(struct ata_channel *c, struct ata_drive *d, enum ata_mode mode, bool ext)
{
    c->ext = ext;
    c->mode = (u8)mode;
    if (!get_address(c, d, &c->lba)) {
        ata_end_later(c, ATA_NS_COMMAND, ATA_DRDY | ATA_DSC | ATA_ERR, ATA_IDNF);
        return false;
    }
    c->left = d->nsector[0];
    if (ext) {
        c->left |= (u32)d->nsector[1] << 8;
        if (!c->left)
            c->left = 65536;
    } else if (!c->left) {
        c->left = 256;
    }
    d->standby = false;
    return true;
}

static void start_transfer(struct ata_channel *c, struct ata_drive *d, bool write,
                           enum ata_mode mode, bool ext, u32 block)
{
    if (!block) { /* READ/WRITE MULTIPLE before SET MULTIPLE MODE */
        set_abort(c);
        return;
    }
    if (mode == ATA_DMA && d->udma == 0xff && d->mdma == 0xff)
        log_guest(c->owner->sys->log, c->owner->id, "DMA command before a DMA mode was set");
    if (!begin_transfer(c, d, mode, ext))
        return;
    c->block = block * BLOCK_SECTOR;
    if (!write) {
        ata_start_read(c, true);
    } else if (mode == ATA_DMA) {
        ata_phase_at(c, ATA_DMA_OUT, ATA_NS_DRQ);
    } else {
        ata_phase_at(c, ATA_NEXT_OUT, ATA_NS_DRQ);
    }
}

/* A block of our own making, for the host to read. */
static void send_block(struct ata_channel *c)
{
    c->filled = BLOCK_SECTOR;
    ata_offer_block(c, ATA_NS_COMMAND);
}

/* ---- IDENTIFY DEVICE ---- */

static void put_string(u8 *words, unsigned word, unsigned bytes, const char *text)
{
    u8 *p = words + word * 2;
    bool over = false;
    for (unsigned i = 0; i < bytes; i++) {
        over = over || !text || !text[i];
        p[i ^ 1] = over ? ' ' : (u8)text[i];
    }
}

static void put_modes(u8 *b, const struct ata_drive *d)
{
    st16(b + 63 * 2, (u16)(0x0007 | (d->mdma != 0xff ? 0x100 << (d->mdma & 7) : 0)));
    st16(b + 64 * 2, 0x0003);
    for (unsigned w = 65; w <= 68; w++)
        st16(b + w * 2, 120);
    st16(b + 88 * 2, (u16)(0x003f | (d->udma != 0xff ? 0x100 << (d->udma & 7) : 0)));
}

static void identify(struct ata_channel *c, struct ata_drive *d)
{
    u8 *b = c->buf;
    u32 chs = (u32)d->cyls * d->heads * d->spt;
    u32 lba28 = (u32)MIN(d->sectors, 0x0fffffffu);

    memset(b, 0, BLOCK_SECTOR);
    st16(b + 0 * 2, 0x0040);
    st16(b + 1 * 2, d->phys_cyls);
    st16(b + 3 * 2, d->phys_heads);
    st16(b + 4 * 2, (u16)(512 * d->phys_spt));
    st16(b + 5 * 2, 512);
    st16(b + 6 * 2, d->phys_spt);
    put_string(b, 10, 20, d->serial);
    st16(b + 20 * 2, 3);
    st16(b + 21 * 2, 512);
    st16(b + 22 * 2, 4);
    put_string(b, 23, 8, d->firmware);
    put_string(b, 27, 40, d->model);
    st16(b + 47 * 2, 0x8000 | ATA_MAX_MULT);
    st16(b + 48 * 2, 1);
    st16(b + 49 * 2, 0x0b00);
    st16(b + 51 * 2, 0x0200);
    st16(b + 52 * 2, 0x0200);
    st16(b + 53 * 2, 7);
    st16(b + 54 * 2, d->cyls);
    st16(b + 55 * 2, d->heads);
    st16(b + 56 * 2, d->spt);
    st32(b + 57 * 2, chs);
    st16(b + 59 * 2, d->mult ? 0x100 | d->mult : 0);
    st32(b + 60 * 2, lba28);
    put_modes(b, d);
    st16(b + 80 * 2, 0x00f0);
    st16(b + 81 * 2, 0x0016);
    st16(b + 82 * 2, 0x4021); /* NOP, write cache, SMART */
    st16(b + 83 * 2, 0x7400); /* FLUSH EXT, FLUSH, LBA48 */
    st16(b + 84 * 2, 0x4000);
    st16(b + 85 * 2, (u16)(0x4000 | (d->write_cache ? 0x20 : 0) |
                           (d->smart ? 1 : 0)));
    st16(b + 86 * 2, 0x3400);
    st16(b + 87 * 2, 0x4000);
    st16(b + 93 * 2, 0x6001); /* 80-wire cable */
    st64(b + 100 * 2, d->sectors);
    if (d->blk->discard) {
        st16(b + 105 * 2, ATA_BUF_SECTORS); /* sectors of ranges in one command */
        st16(b + 169 * 2, 1);               /* TRIM */
    }
}

/* ---- SET FEATURES ---- */

static bool set_transfer_mode(struct ata_drive *d, u8 mode)
{
    u8 n = mode & 7;
    switch (mode >> 3) {
    case 0: /* PIO default, with or without IORDY */
        if (n > 1)
            return false;
        d->pio_mode = 0;
        break;
    case 1: /* PIO flow control 0..4 */
        if (n > 4)
            return false;
        d->pio_mode = n;
        break;
    case 4: /* multiword DMA 0..2 */
        if (n > 2)
            return false;
        d->mdma = n;
        d->udma = 0xff;
        break;
    case 8: /* Ultra DMA 0..5 */
        if (n > 5)
            return false;
        d->udma = n;
        d->mdma = 0xff;
        break;
    default:
        return false;
    }
    return true;
}

static void set_features(struct ata_channel *c, struct ata_drive *d)
{
    bool ok = true;

    switch (d->feature[0]) {
    case 0x03: ok = set_transfer_mode(d, d->nsector[0]); break;
    case 0x02: d->write_cache = true; break;
    case 0x82: /* what was cached goes to the medium first */
        d->write_cache = false;
        ata_submit(c, BLOCK_FLUSH, 0, 0);
        ata_phase_at(c, ATA_FLUSHING, ATA_NS_ACCESS);
        return;
    case 0xaa: d->look_ahead = true; break;
    case 0x55: d->look_ahead = false; break;
    case 0x66: d->keep_settings = true; break;
    case 0xcc: d->keep_settings = false; break;
    default: ok = false; break;
    }
    if (ok)
        set_success(c, ATA_NS_COMMAND);
    else
        set_abort(c);
}

/* ---- SMART ---- */

static void checksum(u8 *b)
{
    u8 sum = 0;
    for (unsigned i = 0; i < 511; i++)
        sum = (u8)(sum + b[i]);
    b[511] = (u8)-sum;
}

/* Attributes as most drives have them: id, flags, value and worst, raw; the threshold. */
static const struct smart_attr { u8 id, flags, value, threshold; } smart_attrs[] = {
    { 0x01, 0x03, 100, 6 },  /* raw read error rate */
    { 0x03, 0x03, 100, 0 },  /* spin-up time */
    { 0x04, 0x02, 100, 20 }, /* start/stop count */
    { 0x05, 0x03, 100, 36 }, /* reallocated sectors */
    { 0x09, 0x03, 100, 0 },  /* power-on hours */
    { 0x0c, 0x03, 100, 0 },  /* power cycles */
};

static void smart_data(u8 *b, bool thresholds)
{
    memset(b, 0, BLOCK_SECTOR);
    st16(b, 1);
    for (unsigned i = 0; i < ARRAY_LEN(smart_attrs); i++) {
        const struct smart_attr *a = &smart_attrs[i];
        u8 *p = b + 2 + 12 * i;
        p[0] = a->id;
        if (thresholds) {
            p[1] = a->threshold;
        } else {
            st16(p + 1, a->flags);
            p[3] = p[4] = a->value;
        }
    }
    if (!thresholds) {
        b[362] = 0x02; /* off-line data collection completed */
        st16(b + 368, 0x0003);
        b[372] = 0x02; /* minutes of a short self-test */
        b[373] = 0x36;
    }
    checksum(b);
}

static bool smart_log(u8 *b, u8 address)
{
    memset(b, 0, BLOCK_SECTOR);
    switch (address) {
    case 0x00: /* directory */
        st16(b, 1);
        b[2] = 1;  /* one sector of log 01h, error summary */
        b[12] = 1; /* and of log 06h, self-tests */
        return true;
    case 0x01:
        b[0] = 1;
        checksum(b);
        return true;
    case 0x06:
        st16(b, 1);
        checksum(b);
        return true;
    default:
        return false;
    }
}

static void smart(struct ata_channel *c, struct ata_drive *d)
{
    u8 sub = d->feature[0];

    if (d->lbam[0] != 0x4f || d->lbah[0] != 0xc2 || (!d->smart && sub != 0xd8)) {
        set_abort(c);
        return;
    }
    switch (sub) {
    case 0xd0: smart_data(c->buf, false); send_block(c); return;
    case 0xd1: smart_data(c->buf, true); send_block(c); return;
    case 0xd5:
        if (d->nsector[0] == 1 && smart_log(c->buf, d->lbal[0])) {
            send_block(c);
            return;
        }
        set_abort(c);
        return;
    case 0xd8: d->smart = true; break;
    case 0xd9: d->smart = false; break;
    case 0xda: break; /* 4Fh C2h stay: no threshold exceeded */
    case 0xd2: case 0xd3: case 0xdb: break; /* autosave, save: nothing to do */
    case 0xd4: break; /* off-line tests end at once, without a finding */
    default: set_abort(c); return;
    }
    set_success(c, ATA_NS_COMMAND);
}

/* ---- DATA SET MANAGEMENT ---- */

/* With TRIM alone: the ranges come by DMA, in the sectors that the count says. */
static void data_set_management(struct ata_channel *c, struct ata_drive *d)
{
    u32 n = d->nsector[0] | (u32)d->nsector[1] << 8;

    if (!d->blk->discard || d->feature[0] != 1 || !n || n > ATA_BUF_SECTORS) {
        set_abort(c);
        return;
    }
    c->ext = true;
    c->mode = ATA_DMA;
    c->left = n;
    ata_phase_at(c, ATA_DMA_OUT, ATA_NS_DRQ);
}

/* ---- the rest ---- */

static void initialize_parameters(struct ata_channel *c, struct ata_drive *d)
{
    u8 heads = (u8)((d->device & 15) + 1), spt = d->nsector[0];
    u64 cyls = spt ? MIN(d->sectors, (u64)d->phys_cyls * 16 * 63) / ((u32)heads * spt) : 0;

    if (!spt || !cyls) {
        set_abort(c);
        return;
    }
    d->heads = heads;
    d->spt = spt;
    d->cyls = (u16)MIN(cyls, 65535);
    set_success(c, ATA_NS_COMMAND);
}

static void set_multiple(struct ata_channel *c, struct ata_drive *d)
{
    u8 n = d->nsector[0];
    if (n > ATA_MAX_MULT || (n & (n - 1))) {
        set_abort(c);
        return;
    }
    d->mult = n;
    set_success(c, ATA_NS_COMMAND);
}

static void read_native_max(struct ata_channel *c, struct ata_drive *d, bool ext)
{
    c->ext = ext;
    if (!ext && !(d->device & ATA_DEV_LBA)) {
        set_abort(c);
        return;
    }
    u8 keep[2] = { d->nsector[0], d->nsector[1] };
    ata_set_address(c, d, ext ? d->sectors - 1 : MIN(d->sectors, BIT64(28)) - 1);
    memcpy(d->nsector, keep, 2);
    set_success(c, ATA_NS_COMMAND);
}

static void power(struct ata_channel *c, struct ata_drive *d, u8 cmd)
{
    switch (cmd) {
    case 0x98: case 0xe5:
        d->nsector[0] = d->standby ? 0x00 : 0xff;
        break;
    case 0x94: case 0x96: case 0x99: case 0xe0: case 0xe2: case 0xe6:
        d->standby = true;
        break;
    default: /* IDLE */
        d->standby = false;
        break;
    }
    set_success(c, ATA_NS_COMMAND);
}

void ata_execute(struct ata_channel *c, struct ata_drive *d, u8 cmd)
{
    u64 lba;

    if (d->cdrom) {
        bool handled = false;
        atapi_execute(c, d, cmd, &handled);
        if (handled)
            return;
        if (cmd == 0xef && d->feature[0] != 0x02 && d->feature[0] != 0x82)
            set_features(c, d);
        else if (cmd == 0xe5 || cmd == 0xe0 || cmd == 0xe1)
            power(c, d, cmd);
        else
            ata_end_later(c, ATA_NS_COMMAND, ATA_DRDY | ATA_ERR, ATA_ABRT);
        return;
    }
    switch (cmd) {
    case 0x06: data_set_management(c, d); return;
    case 0x10: case 0x11: case 0x12: case 0x13: case 0x14: case 0x15: case 0x16: case 0x17:
    case 0x18: case 0x19: case 0x1a: case 0x1b: case 0x1c: case 0x1d: case 0x1e: case 0x1f:
        d->lbam[0] = d->lbah[0] = 0; /* RECALIBRATE */
        d->device = chs_device(d);
        d->lbal[0] = d->device & ATA_DEV_LBA ? 0 : 1;
        set_success(c, ATA_NS_ACCESS);
        return;
    case 0x20: case 0x21: start_transfer(c, d, false, ATA_PIO, false, 1); return;
    case 0x24: start_transfer(c, d, false, ATA_PIO, true, 1); return;
    case 0x25: start_transfer(c, d, false, ATA_DMA, true, 1); return;
    case 0x27: read_native_max(c, d, true); return;
    case 0x29: start_transfer(c, d, false, ATA_PIO, true, d->mult); return;
    case 0x30: case 0x31: case 0x3c: start_transfer(c, d, true, ATA_PIO, false, 1); return;
    case 0x34: start_transfer(c, d, true, ATA_PIO, true, 1); return;
    case 0x35: start_transfer(c, d, true, ATA_DMA, true, 1); return;
    case 0x39: start_transfer(c, d, true, ATA_PIO, true, d->mult); return;
    case 0x40: case 0x41: start_transfer(c, d, false, ATA_VERIFY, false, 1); return;
    case 0x42: start_transfer(c, d, false, ATA_VERIFY, true, 1); return;
    case 0x70: case 0x71: case 0x72: case 0x73: case 0x74: case 0x75: case 0x76: case 0x77:
    case 0x78: case 0x79: case 0x7a: case 0x7b: case 0x7c: case 0x7d: case 0x7e: case 0x7f:
        if (get_address(c, d, &lba)) /* SEEK */
            set_success(c, ATA_NS_ACCESS);
        else
            ata_end_later(c, ATA_NS_COMMAND, ATA_DRDY | ATA_DSC | ATA_ERR, ATA_IDNF);
        return;
    case 0x91: initialize_parameters(c, d); return;
    case 0x94: case 0x95: case 0x96: case 0x97: case 0x98: case 0x99:
    case 0xe0: case 0xe1: case 0xe2: case 0xe3: case 0xe5: case 0xe6:
        power(c, d, cmd);
        return;
    case 0xb0: smart(c, d); return;
    case 0xc4: start_transfer(c, d, false, ATA_PIO, false, d->mult); return;
    case 0xc5: start_transfer(c, d, true, ATA_PIO, false, d->mult); return;
    case 0xc6: set_multiple(c, d); return;
    case 0xc8: case 0xc9: start_transfer(c, d, false, ATA_DMA, false, 1); return;
    case 0xca: case 0xcb: start_transfer(c, d, true, ATA_DMA, false, 1); return;
    case 0xe4: send_block(c); return; /* READ BUFFER */
    case 0xe8: /* WRITE BUFFER */
        c->left = 1;
        ata_phase_at(c, ATA_NEXT_OUT, ATA_NS_DRQ);
        return;
    case 0xe7: case 0xea:
        ata_submit(c, BLOCK_FLUSH, 0, 0);
        ata_phase_at(c, ATA_FLUSHING, ATA_NS_ACCESS);
        return;
    case 0xec:
        identify(c, d);
        send_block(c);
        return;
    case 0xef: set_features(c, d); return;
    case 0xf5: set_success(c, ATA_NS_COMMAND); return; /* SECURITY FREEZE LOCK */
    case 0xf8: read_native_max(c, d, false); return;
    case 0x00: set_abort(c); return; /* NOP */
    default:
        log_unimp(c->owner->sys->log, c->owner->id, "ATA command %02xh", cmd);
        set_abort(c);
        return;
    }
}
