/* SPDX-License-Identifier: MIT */
/* ATAPI CD-ROM and DVD-ROM drive (SFF-8020i; MMC-2 for the later commands; ATA/ATAPI-5 chapter 9
 * for the protocol): packet commands over an image of 2,048-byte sectors.
 *
 * A changed medium shows as NOT READY once and as UNIT ATTENTION then: Windows tells its programs
 * only after both. Not modelled: audio, sub-channels, multi-session discs, raw sectors other than
 * mode 1 with a computed header (their EDC and ECC are zeros), changers, writing. */
#include "devices/ata.h"

enum { KEY_NONE = 0, KEY_NOT_READY = 2, KEY_MEDIUM = 3, KEY_ILLEGAL = 5, KEY_ATTENTION = 6 };
enum { ASC_READ_ERROR = 0x11, ASC_OPCODE = 0x20, ASC_LBA = 0x21, ASC_FIELD = 0x24,
       ASC_CHANGED = 0x28, ASC_NO_MEDIUM = 0x3a, ASC_LOCKED = 0x53 };
enum { REASON_COMMAND = 1, REASON_TO_HOST = 2 };

#define CD_SECTOR 2048u
#define RAW_SECTOR 2352u
#define CD_MAX_SECTORS 360000u /* 80 minutes: more is a DVD */

static void put16(u8 *b, u32 v)
{
    b[0] = (u8)(v >> 8);
    b[1] = (u8)v;
}

static void put32(u8 *b, u32 v)
{
    put16(b, v >> 16);
    put16(b + 2, v);
}

static u32 get16(const u8 *b)
{
    return (u32)b[0] << 8 | b[1];
}

static u32 get32(const u8 *b)
{
    return get16(b) << 16 | get16(b + 2);
}

static bool has_medium(const struct ata_drive *d)
{
    return d->blk && d->blk->inserted && d->blk->sectors >= 4;
}

/* The guest has ejected the disc, which nobody took from the tray. */
static bool tray_open(const struct ata_drive *d)
{
    return d->blk && !d->blk->inserted && d->blk->sectors;
}

static u32 capacity(const struct ata_drive *d)
{
    u64 n = has_medium(d) ? d->blk->sectors / 4 : 0;
    return (u32)MIN(n, 0xffffffffu);
}

/* ---- ends ---- */

static void finish(struct ata_channel *c, struct ata_drive *d)
{
    d->nsector[0] = REASON_COMMAND | REASON_TO_HOST;
    ata_done(c);
    d->status = ATA_DRDY;
}

static void set_sense(struct ata_drive *d, u8 key, u8 asc, u8 ascq)
{
    d->sense_key = key;
    d->asc = asc;
    d->ascq = ascq;
}

static void ok_later(struct ata_channel *c, struct ata_drive *d, u64 ns)
{
    set_sense(d, KEY_NONE, 0, 0);
    d->nsector[0] = REASON_COMMAND | REASON_TO_HOST;
    ata_end_later(c, ns, ATA_DRDY, 0);
}

static void check_later(struct ata_channel *c, struct ata_drive *d, u8 key, u8 asc, u8 ascq)
{
    set_sense(d, key, asc, ascq);
    d->nsector[0] = REASON_COMMAND | REASON_TO_HOST;
    ata_end_later(c, ATA_NS_PACKET, ATA_DRDY | ATA_ERR,
                  (u8)(key << 4 | (key == KEY_ILLEGAL ? ATA_ABRT : 0)));
}

/* ---- data to the host ---- */

void atapi_announce(struct ata_drive *d, u32 bytes)
{
    d->lbam[0] = (u8)bytes;
    d->lbah[0] = (u8)(bytes >> 8);
    d->nsector[0] = REASON_TO_HOST;
}

/* Bytes of a DRQ block: the host's limit, in whole sectors where one fits (XP's setup reads
 * nonsense from split ones), else even. */
static u32 drq_block(const struct ata_drive *d, u32 total, u32 unit)
{
    u32 limit = d->limit;

    if (!limit || limit == 0xffff)
        limit = 0xfffe;
    if (total <= limit)
        return total;
    if (unit && limit >= unit)
        return limit - limit % unit;
    return MAX(limit & ~1u, 2u);
}

static void send(struct ata_channel *c, struct ata_drive *d, u32 unit, u64 ns)
{
    c->pos = 0;
    if (c->mode == ATA_DMA) {
        d->status = ATA_BSY | ATA_DRDY;
        ata_phase_at(c, ATA_DMA_IN, ns);
    } else {
        c->block = drq_block(d, c->filled, unit);
        ata_offer_block(c, ns);
    }
}

/* An answer of len bytes in the buffer, of which the host wants alloc. */
static void reply(struct ata_channel *c, struct ata_drive *d, u32 len, u32 alloc)
{
    set_sense(d, KEY_NONE, 0, 0);
    c->filled = MIN(len, alloc);
    c->left = 0;
    if (!c->filled)
        ok_later(c, d, ATA_NS_PACKET);
    else
        send(c, d, 0, ATA_NS_PACKET);
}

static void start_burst(struct ata_channel *c, struct ata_drive *d)
{
    u32 room = (c->mode == ATA_PIO ? ATA_PIO_SECTORS : ATA_BUF_SECTORS) * BLOCK_SECTOR;
    u32 n = MIN(c->left, room / MAX(d->sector_size, CD_SECTOR));
    d->status = ATA_BSY | ATA_DRDY;
    ata_submit(c, BLOCK_READ, c->lba * 4, n * 4);
    ata_phase_at(c, ATA_READING, ATA_NS_PACKET / 2 + (u64)n * 4 * ATA_NS_SECTOR);
}

static u8 bcd(u32 v)
{
    return (u8)((v / 10 % 10) << 4 | v % 10);
}

/* Puts sync, header and empty EDC/ECC around each sector of the buffer, last one first. */
static void make_raw(u8 *buf, u32 n, u32 lba)
{
    for (u32 i = n; i-- > 0;) {
        u8 *to = buf + i * RAW_SECTOR;
        u32 at = lba + i + 150;
        memmove(to + 16, buf + i * CD_SECTOR, CD_SECTOR);
        memset(to, 0xff, 12);
        to[0] = to[11] = 0;
        to[12] = bcd(at / (60 * 75));
        to[13] = bcd(at / 75 % 60);
        to[14] = bcd(at % 75);
        to[15] = 1;
        memset(to + 16 + CD_SECTOR, 0, RAW_SECTOR - 16 - CD_SECTOR);
    }
}

void atapi_medium_read(struct ata_channel *c, struct ata_drive *d, enum block_status st)
{
    u32 n = c->io_count / 4;

    if (st != BLOCK_OK) {
        set_sense(d, KEY_MEDIUM, ASC_READ_ERROR, 0);
        d->nsector[0] = REASON_COMMAND | REASON_TO_HOST;
        ata_fail(c, ATA_DRDY, KEY_MEDIUM << 4);
        return;
    }
    if (d->sector_size == RAW_SECTOR)
        make_raw(c->buf, n, (u32)c->lba);
    c->lba += n;
    c->left -= n;
    c->filled = n * d->sector_size;
    send(c, d, d->sector_size, 0);
}

void atapi_data_taken(struct ata_channel *c, struct ata_drive *d)
{
    if (c->pos < c->filled)
        ata_offer_block(c, ATA_NS_NEXT);
    else if (c->left)
        start_burst(c, d);
    else if (c->mode == ATA_DMA)
        finish(c, d);
    else
        ok_later(c, d, ATA_NS_NEXT);
}

static void read_sectors(struct ata_channel *c, struct ata_drive *d, u32 lba, u32 count, u16 size)
{
    if (!count || !size) {
        ok_later(c, d, ATA_NS_PACKET);
        return;
    }
    if (lba >= capacity(d) || count > capacity(d) - lba) {
        check_later(c, d, KEY_ILLEGAL, ASC_LBA, 0);
        return;
    }
    set_sense(d, KEY_NONE, 0, 0);
    c->lba = lba;
    c->left = count;
    d->sector_size = size;
    start_burst(c, d);
}

/* READ CD: which parts of a sector byte 9 asks for; mode 1 data only. */
static void read_cd(struct ata_channel *c, struct ata_drive *d, u32 lba, u32 count)
{
    switch (d->cdb[9] & 0xf8) {
    case 0x00: read_sectors(c, d, lba, 0, 0); return;
    case 0x10: case 0x50: read_sectors(c, d, lba, count, CD_SECTOR); return;
    case 0xf8: read_sectors(c, d, lba, count, RAW_SECTOR); return;
    default: check_later(c, d, KEY_ILLEGAL, ASC_FIELD, 0); return;
    }
}

/* ---- answers ---- */

static void copy_padded(u8 *to, u32 len, const char *text)
{
    u32 n = text ? (u32)MIN(strlen(text), len) : 0;
    memset(to, ' ', len);
    if (n)
        memcpy(to, text, n);
}

static void inquiry(struct ata_channel *c, struct ata_drive *d)
{
    u8 *b = c->buf;

    if (d->cdb[1] & 1) { /* vital product data */
        check_later(c, d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    memset(b, 0, 36);
    b[0] = 0x05;
    b[1] = 0x80;
    b[3] = 0x21;
    b[4] = 31;
    copy_padded(b + 8, 8, "NESTBOX");
    copy_padded(b + 16, 16, d->model);
    copy_padded(b + 32, 4, d->firmware);
    reply(c, d, 36, d->cdb[4]);
}

static void request_sense(struct ata_channel *c, struct ata_drive *d)
{
    u8 *b = c->buf;
    memset(b, 0, 18);
    b[0] = 0xf0;
    b[2] = d->sense_key;
    b[7] = 10;
    b[12] = d->asc;
    b[13] = d->ascq;
    reply(c, d, 18, d->cdb[4]); /* and the sense data are gone */
}

static void put_address(u8 *b, u32 lba, bool msf)
{
    if (!msf) {
        put32(b, lba);
        return;
    }
    lba += 150;
    b[0] = 0;
    b[1] = (u8)(lba / (60 * 75));
    b[2] = (u8)(lba / 75 % 60);
    b[3] = (u8)(lba % 75);
}

static u8 *raw_toc_entry(u8 *p, u8 point, u8 min, u8 sec, u8 frame)
{
    memset(p, 0, 11);
    p[0] = 1;
    p[1] = 0x14;
    p[3] = point;
    p[8] = min;
    p[9] = sec;
    p[10] = frame;
    return p + 11;
}

static void read_toc(struct ata_channel *c, struct ata_drive *d)
{
    u8 *b = c->buf, *p = b + 4;
    bool msf = d->cdb[1] & 2;
    u8 format = d->cdb[2] & 15, track = d->cdb[6];
    u8 end[4];

    if (!format) /* where SFF-8020i had it */
        format = d->cdb[9] >> 6;
    memset(b, 0, 64);
    b[2] = b[3] = 1;
    switch (format) {
    case 0:
        if (track > 1 && track != 0xaa) {
            check_later(c, d, KEY_ILLEGAL, ASC_FIELD, 0);
            return;
        }
        if (track <= 1) {
            p[1] = 0x14;
            p[2] = 1;
            put_address(p + 4, 0, msf);
            p += 8;
        }
        p[1] = 0x14;
        p[2] = 0xaa;
        put_address(p + 4, capacity(d), msf);
        p += 8;
        break;
    case 1: /* one session */
        p[1] = 0x14;
        p[2] = 1;
        put_address(p + 4, 0, msf);
        p += 8;
        break;
    case 2:
        put_address(end, capacity(d), true);
        p = raw_toc_entry(p, 0xa0, 1, 0, 0);
        p = raw_toc_entry(p, 0xa1, 1, 0, 0);
        p = raw_toc_entry(p, 0xa2, end[1], end[2], end[3]);
        p = raw_toc_entry(p, 1, 0, 2, 0);
        break;
    default:
        check_later(c, d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    put16(b, (u32)(p - b) - 2);
    reply(c, d, (u32)(p - b), get16(d->cdb + 7));
}

static u32 current_profile(const struct ata_drive *d)
{
    if (!has_medium(d))
        return 0;
    return capacity(d) > CD_MAX_SECTORS ? 0x10 : 0x08;
}

/* Features: code, version/persistent/current bits, bytes of data. */
static void get_configuration(struct ata_channel *c, struct ata_drive *d)
{
    u32 profile = current_profile(d), start = get16(d->cdb + 2), rt = d->cdb[1] & 3;
    const struct feature { u16 code; u8 bits, len; u8 data[8]; } features[] = {
        { 0x0000, 0x03, 8, { 0, 0x10, profile == 0x10, 0, 0, 0x08, profile == 0x08, 0 } },
        { 0x0001, 0x0b, 8, { 0, 0, 0, 2, 1, 0, 0, 0 } },  /* ATAPI */
        { 0x0003, 0x03, 4, { 0x29, 0, 0, 0 } },           /* tray, eject, lock */
        { 0x0010, profile ? 0x01 : 0x00, 8, { 0, 0, 8, 0, 0, 1, 1, 0 } },
        { 0x001e, profile == 0x08 ? 0x09 : 0x08, 4, { 0 } },
        { 0x001f, profile == 0x10 ? 0x01 : 0x00, 0, { 0 } },
    };
    u8 *b = c->buf, *p = b + 8;

    if (rt == 3) {
        check_later(c, d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    memset(b, 0, 128);
    for (unsigned i = 0; i < ARRAY_LEN(features); i++) {
        const struct feature *f = &features[i];
        if (f->code < start || (rt == 2 && f->code != start) || (rt == 1 && !(f->bits & 1)))
            continue;
        put16(p, f->code);
        p[2] = f->bits;
        p[3] = f->len;
        memcpy(p + 4, f->data, f->len);
        p += 4 + f->len;
    }
    put32(b, (u32)(p - b) - 4);
    put16(b + 6, profile);
    reply(c, d, (u32)(p - b), get16(d->cdb + 7));
}

static void event_status(struct ata_channel *c, struct ata_drive *d)
{
    u8 *b = c->buf;

    if (!(d->cdb[1] & 1)) { /* asynchronous reports */
        check_later(c, d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    memset(b, 0, 8);
    b[3] = 0x10; /* we report the media class */
    if (!(d->cdb[4] & 0x10)) {
        put16(b, 2);
        b[2] = 0x80; /* no event available */
        reply(c, d, 4, get16(d->cdb + 7));
        return;
    }
    put16(b, 6);
    b[2] = 0x04;
    b[4] = d->event; /* each is reported once */
    d->event = 0;
    if (!b[4] && d->blk && d->blk->eject_wanted) {
        b[4] = 1; /* somebody pressed the button of the locked drive */
        d->blk->eject_wanted = false;
    }
    b[5] = has_medium(d) ? 2 : tray_open(d) ? 1 : 0;
    reply(c, d, 8, get16(d->cdb + 7));
}

static void disc_information(struct ata_channel *c, struct ata_drive *d)
{
    u8 *b = c->buf;
    memset(b, 0, 34);
    put16(b, 32);
    b[2] = 0x0e; /* complete, last session complete */
    b[3] = b[4] = b[5] = b[6] = 1;
    b[7] = 0x20;
    memset(b + 16, 0xff, 8);
    reply(c, d, 34, get16(d->cdb + 7));
}

static void mode_sense(struct ata_channel *c, struct ata_drive *d)
{
    u8 *b = c->buf, *p = b + 8;
    u8 page = d->cdb[2] & 0x3f, control = d->cdb[2] >> 6;

    if (control == 3) { /* saved values */
        check_later(c, d, KEY_ILLEGAL, 0x39, 0);
        return;
    }
    if (page != 0x01 && page != 0x0e && page != 0x2a && page != 0x3f) {
        check_later(c, d, KEY_ILLEGAL, ASC_FIELD, 0);
        return;
    }
    memset(b, 0, 96);
    b[2] = has_medium(d) ? 0x01 : 0x70; /* 120 mm data disc; no disc */
    if (page == 0x01 || page == 0x3f) {
        p[0] = 0x01;
        p[1] = 6;
        p[3] = control == 1 ? 0 : 5; /* retries */
        p += 8;
    }
    if (page == 0x0e || page == 0x3f) {
        p[0] = 0x0e;
        p[1] = 14;
        p[2] = control == 1 ? 0 : 4;
        p += 16;
    }
    if (page == 0x2a || page == 0x3f) {
        p[0] = 0x2a;
        p[1] = 18;
        if (control != 1) {
            p[2] = 0x3b;
            p[4] = 0x70; /* mode 2, multi-session, no audio */
            p[5] = 0x03;
            p[6] = (u8)(0x29 | (d->locked ? 2 : 0));
            put16(p + 8, 706); /* KB/s: 4x */
            put16(p + 10, 2);
            put16(p + 12, 512);
            put16(p + 14, 706);
        }
        p += 20;
    }
    put16(b, (u32)(p - b) - 2);
    reply(c, d, (u32)(p - b), get16(d->cdb + 7));
}

static void dvd_structure(struct ata_channel *c, struct ata_drive *d)
{
    u8 *b = c->buf;
    u32 last = capacity(d) ? capacity(d) - 1 : 0;

    if (current_profile(d) != 0x10 || d->cdb[7] != 0) { /* physical format only */
        check_later(c, d, KEY_ILLEGAL, current_profile(d) == 0x10 ? ASC_FIELD : 0x30,
                    current_profile(d) == 0x10 ? 0 : 2);
        return;
    }
    memset(b, 0, 2052);
    put16(b, 2050);
    b[4] = 0x01;
    b[5] = 0x0f;
    b[6] = 0x01;
    put32(b + 8, 0x30000);
    put32(b + 12, 0x30000 + last);
    reply(c, d, 2052, get16(d->cdb + 8));
}

static void start_stop(struct ata_channel *c, struct ata_drive *d)
{
    bool start = d->cdb[4] & 1, tray = d->cdb[4] & 2;

    if (tray && !start) {
        if (d->locked) {
            check_later(c, d, KEY_ILLEGAL, ASC_LOCKED, 2);
            return;
        }
        if (has_medium(d)) {
            d->blk->inserted = false;
            d->blk->change_count++;
        }
    } else if (tray && tray_open(d)) {
        d->blk->inserted = true; /* the same disc */
        d->blk->change_count++;
    }
    d->stopped = !start;
    ok_later(c, d, ATA_NS_PACKET);
}

static void mechanism_status(struct ata_channel *c, struct ata_drive *d)
{
    memset(c->buf, 0, 8);
    c->buf[5] = 1; /* one slot */
    reply(c, d, 8, get16(d->cdb + 8));
}

/* ---- dispatch ---- */

void atapi_look_for_change(struct ata_drive *d)
{
    if (!d->cdrom || !d->blk || d->blk->change_count == d->seen_change)
        return;
    d->seen_change = d->blk->change_count;
    d->ua = has_medium(d) ? 2 : 0;
    d->event = has_medium(d) ? 2 : 3;
}

/* A pending media change stops this command. */
static bool report_change(struct ata_channel *c, struct ata_drive *d)
{
    if (d->ua == 2) {
        d->ua = 1;
        check_later(c, d, KEY_NOT_READY, ASC_NO_MEDIUM, 0);
        return true;
    }
    if (d->ua == 1) {
        d->ua = 0;
        check_later(c, d, KEY_ATTENTION, ASC_CHANGED, 0);
        return true;
    }
    return false;
}

static void medium_command(struct ata_channel *c, struct ata_drive *d)
{
    const u8 *cdb = d->cdb;
    u32 start, end;

    switch (cdb[0]) {
    case 0x00: ok_later(c, d, ATA_NS_PACKET); return;
    case 0x25:
        put32(c->buf, capacity(d) - 1);
        put32(c->buf + 4, CD_SECTOR);
        reply(c, d, 8, 8);
        return;
    case 0x28: read_sectors(c, d, get32(cdb + 2), get16(cdb + 7), CD_SECTOR); return;
    case 0xa8: read_sectors(c, d, get32(cdb + 2), get32(cdb + 6), CD_SECTOR); return;
    case 0x2b:
        if (get32(cdb + 2) >= capacity(d))
            check_later(c, d, KEY_ILLEGAL, ASC_LBA, 0);
        else
            ok_later(c, d, ATA_NS_PACKET);
        return;
    case 0x43: read_toc(c, d); return;
    case 0x51: disc_information(c, d); return;
    case 0xad: dvd_structure(c, d); return;
    case 0xbe:
        read_cd(c, d, get32(cdb + 2), get32(cdb + 5) & 0xffffff);
        return;
    default: /* READ CD MSF */
        start = (cdb[3] * 60u + cdb[4]) * 75 + cdb[5];
        end = (cdb[6] * 60u + cdb[7]) * 75 + cdb[8];
        if (start < 150 || end < start)
            check_later(c, d, KEY_ILLEGAL, ASC_FIELD, 0);
        else
            read_cd(c, d, start - 150, end - start);
        return;
    }
}

void atapi_packet_complete(struct ata_channel *c, struct ata_drive *d)
{
    memcpy(d->cdb, c->buf, sizeof(d->cdb));
    c->pos = c->end = c->filled = 0;
    c->left = 0;
    atapi_look_for_change(d);
    LOG(c->owner->sys->log, REG, "%s: packet %02x %02x %02x %02x %02x %02x %02x %02x %02x %02x",
        c->owner->id, d->cdb[0], d->cdb[1], d->cdb[2], d->cdb[3], d->cdb[4], d->cdb[5], d->cdb[6],
        d->cdb[7], d->cdb[8], d->cdb[9]);
    switch (d->cdb[0]) {
    case 0x03: request_sense(c, d); return;
    case 0x12: inquiry(c, d); return;
    case 0x46: get_configuration(c, d); return;
    case 0x4a: event_status(c, d); return;
    default: break;
    }
    switch (d->cdb[0]) {
    case 0x00: case 0x25: case 0x28: case 0x2b: case 0x43: case 0x51: case 0xa8: case 0xad:
    case 0xb9: case 0xbe:
        if (report_change(c, d))
            return;
        if (!has_medium(d))
            check_later(c, d, KEY_NOT_READY, ASC_NO_MEDIUM, 0);
        else
            medium_command(c, d);
        return;
    case 0x1b: start_stop(c, d); return;
    case 0x1e:
        d->locked = d->cdb[4] & 1;
        if (d->blk)
            d->blk->locked = d->locked;
        ok_later(c, d, ATA_NS_PACKET);
        return;
    case 0x5a: mode_sense(c, d); return;
    case 0xbb: ok_later(c, d, ATA_NS_PACKET); return; /* SET CD SPEED: it has one */
    case 0xbd: mechanism_status(c, d); return;
    default:
        log_unimp(c->owner->sys->log, c->owner->id, "packet command %02xh", d->cdb[0]);
        check_later(c, d, KEY_ILLEGAL, ASC_OPCODE, 0);
        return;
    }
}

/* ---- ATA commands of a packet device ---- */

static void put_words(u8 *b, unsigned word, unsigned bytes, const char *text)
{
    u8 plain[40];
    copy_padded(plain, bytes, text);
    for (unsigned i = 0; i < bytes; i++)
        b[word * 2 + (i ^ 1)] = plain[i];
}

static void identify_packet(struct ata_channel *c, struct ata_drive *d)
{
    u8 *b = c->buf;

    memset(b, 0, BLOCK_SECTOR);
    st16(b + 0 * 2, 0x85c0); /* CD-ROM, removable, DRQ within 50 us, 12-byte packets */
    put_words(b, 10, 20, d->serial);
    st16(b + 20 * 2, 3);
    st16(b + 21 * 2, 512);
    st16(b + 22 * 2, 4);
    put_words(b, 23, 8, d->firmware);
    put_words(b, 27, 40, d->model);
    st16(b + 48 * 2, 1);
    st16(b + 49 * 2, 0x0b00);
    st16(b + 51 * 2, 0x0200);
    st16(b + 53 * 2, 7);
    st16(b + 63 * 2, (u16)(0x0007 | (d->mdma != 0xff ? 0x100 << (d->mdma & 7) : 0)));
    st16(b + 64 * 2, 0x0003);
    for (unsigned w = 65; w <= 68; w++)
        st16(b + w * 2, 120);
    st16(b + 71 * 2, 30);
    st16(b + 72 * 2, 30);
    st16(b + 80 * 2, 0x001e);
    st16(b + 82 * 2, 0x4210); /* NOP, DEVICE RESET, PACKET */
    st16(b + 83 * 2, 0x4000);
    st16(b + 84 * 2, 0x4000);
    st16(b + 85 * 2, 0x4210);
    st16(b + 87 * 2, 0x4000);
    st16(b + 88 * 2, (u16)(0x003f | (d->udma != 0xff ? 0x100 << (d->udma & 7) : 0)));
    st16(b + 93 * 2, 0x6001);
    c->filled = BLOCK_SECTOR;
    ata_offer_block(c, ATA_NS_COMMAND);
}

void atapi_execute(struct ata_channel *c, struct ata_drive *d, u8 cmd, bool *handled)
{
    *handled = true;
    switch (cmd) {
    case 0xa0:
        if (d->feature[0] & 2) { /* overlapped */
            ata_end_later(c, ATA_NS_COMMAND, ATA_DRDY | ATA_ERR, ATA_ABRT);
            return;
        }
        c->packet = true;
        c->mode = d->feature[0] & 1 ? ATA_DMA : ATA_PIO;
        d->limit = d->lbam[0] | (u32)d->lbah[0] << 8;
        ata_phase_at(c, ATA_NEXT_OUT, ATA_NS_DRQ);
        return;
    case 0xa1:
        identify_packet(c, d);
        return;
    case 0xec: case 0x20: /* aborted with the signature, by which the host knows us */
        ata_signature(d);
        ata_end_later(c, ATA_NS_COMMAND, ATA_DRDY | ATA_ERR, ATA_ABRT);
        return;
    default:
        *handled = false;
        return;
    }
}

void atapi_reset(struct ata_drive *d, bool power_on)
{
    set_sense(d, KEY_NONE, 0, 0);
    d->locked = false;
    if (d->blk)
        d->blk->locked = false;
    if (power_on) {
        memset(d->cdb, 0, sizeof(d->cdb));
        d->ua = d->event = 0;
        d->stopped = false;
        d->limit = 0;
        d->sector_size = CD_SECTOR;
        d->seen_change = d->blk ? d->blk->change_count : 0;
    }
}

bool atapi_post_load(struct ata_drive *d, struct err *e)
{
    if (d->ua > 2 || d->event > 3 ||
        (d->sector_size != CD_SECTOR && d->sector_size != RAW_SECTOR) ||
        d->limit > 0xffff)
        return err_set(e, ERR_STATE, "impossible state of a CD-ROM drive");
    d->seen_change = d->blk ? d->blk->change_count : 0;
    if (d->blk)
        d->blk->locked = d->locked;
    return true;
}
