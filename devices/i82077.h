/* SPDX-License-Identifier: MIT */
/* The floppy controller: i82077.c has registers, data transfer and media, i82077_cmd.c commands. */
#ifndef NB_DEVICES_I82077_H
#define NB_DEVICES_I82077_H

#include "core/block.h"
#include "core/device.h"

#define FDC_SECTOR 512u
#define FDC_MAX_SECTORS 7680u /* of the largest format */

/* CMOS 10h's drive type of drive n: 0 none, 1 360 KB, 2 1.2 MB, 4 1.44 MB, 5 2.88 MB. Fixed by the
 * medium at start. */
u8 i82077_cmos_type(struct device *dev, unsigned n);

/* ---- between i82077.c and i82077_cmd.c ---- */

enum { MSR_RQM = 0x80, MSR_DIO = 0x40, MSR_NDM = 0x20, MSR_CB = 0x10 };
enum { ST0_ABNORMAL = 0x40, ST0_INVALID = 0x80, ST0_SE = 0x20, ST0_EC = 0x10 };
enum { ST1_EN = 0x80, ST1_DE = 0x20, ST1_OR = 0x10, ST1_ND = 0x04, ST1_NW = 0x02, ST1_MA = 0x01 };
enum { ST2_CM = 0x40, ST2_DD = 0x20, ST2_WC = 0x10, ST2_SH = 0x08, ST2_SN = 0x04, ST2_BC = 0x02 };

enum fdc_phase { FDC_COMMAND, FDC_EXECUTE, FDC_RESULT };

/* What the command under way does with sectors. */
enum fdc_op { FDC_NONE, FDC_READ, FDC_READ_DELETED, FDC_READ_TRACK, FDC_VERIFY, FDC_WRITE,
              FDC_FORMAT, FDC_SCAN_EQ, FDC_SCAN_LE, FDC_SCAN_GE, FDC_READ_ID, FDC_NUM_OPS };

/* Where an execution phase stands. */
enum fdc_step {
    FDC_STEP_NONE,
    FDC_STEP_MEDIUM,  /* deadline: the sector has passed the head */
    FDC_STEP_HOST,    /* data between FIFO and host; deadline: overrun */
    FDC_STEP_END,     /* deadline: the command ends with st[] */
};

struct fdc_format {
    u32 sectors;
    u8 cyls, heads, spt, rate, cmos; /* rate: 0 250/300, 1 500, 2 1000 kbit/s */
};

struct i82077;

struct fdc_drive {
    /* not saved: host */
    struct i82077 *fdc;
    u8 number;
    struct block *blk;
    bool present;
    u32 seen_change;
    const struct fdc_format *format; /* NULL: no medium */
    u8 cmos_type;
    /* saved */
    u8 cyl;              /* where the head is */
    u8 pcn, target;      /* what the controller believes; where a seek goes */
    bool seeking, recal, change;
    bool sense;          /* a seek's end is to be sensed */
    u8 sense_st0;
    struct timer seek;
};

struct i82077 {
    struct device dev;
    struct wire irq;               /* not saved: wiring */
    struct fdc_drive drive[2];
    struct block *medium[2];       /* properties */
    bool has_drive[2];
    bool exact_timing;
    u32 iobase;
    /* registers */
    u8 dor, dsr, rate, tdr;
    u8 phase, op, step;
    u8 cmd[9], cmd_len, cmd_want;
    u8 res[10], res_len, res_pos;
    bool irq_pending;
    u8 reset_senses;               /* SENSE INTERRUPT answers C0h.. still due */
    u8 srt_hut, hlt_nd, config, pretrk, perpendicular;
    bool lock;
    /* execution */
    u8 unit, head, st0, st1, st2;
    u8 c, h, r, n;                 /* the sector that comes next */
    u8 count;                      /* READ TRACK, FORMAT, VERIFY: sectors still to do */
    bool tc;
    bool to_host;                  /* direction of the data in the buffer */
    u16 pos, end;
    u8 io_state, io_status, io_op; /* as in devices/ata.h */
    u32 io_sector;
    u8 buf[FDC_SECTOR];
    struct timer timer;
    struct timer reset_timer;
    /* not saved: io_* has what matters; pre_save waits for a host that is late */
    struct block_req req;
    u8 *io_buf;                    /* the request's: a sector */
    bool late;                     /* as in devices/ata.h */
};

void fdc_update(struct i82077 *f);
void fdc_command(struct i82077 *f);   /* all parameter bytes are in */
u32 fdc_params(u8 cmd);               /* bytes of a command, itself included; 1 if invalid */
void fdc_deadline(void *dev, u64 late_ns);
void fdc_host_done(struct i82077 *f); /* the host moved the buffer, or gave TC */
void fdc_result(struct i82077 *f, u32 len);
void fdc_check_medium(struct i82077 *f, struct fdc_drive *d);
void fdc_offer(struct i82077 *f, bool to_host, u16 len);
void fdc_seek_done(void *drive, u64 late_ns);
u64 fdc_sector_ns(const struct i82077 *f, const struct fdc_drive *d);
bool fdc_uses_dma(const struct i82077 *f);
void fdc_submit(struct i82077 *f, enum block_op op, u32 sector);
/* BLOCK_PENDING: the deadline comes again by itself. A sector that was read is in buf, but for SCAN,
 * which has the host's in it: there it stays in io_buf. */
enum block_status fdc_io_result(struct i82077 *f);
bool fdc_scans(const struct i82077 *f);
struct fdc_drive *fdc_unit(struct i82077 *f, u8 unit); /* NULL: no such drive */
void fdc_seek_start(struct i82077 *f, u8 unit, u8 target, bool recal);

#endif
