/* SPDX-License-Identifier: MIT */
/* The ATA bus: one channel (cable) with two drives, as an IDE controller sees it.
 * ata.c has the registers, the data phases and the timing; ata_dma.c moves by DMA; ata_cmd.c has
 * the disk's commands, atapi.c the packet commands of a CD-ROM drive. */
#ifndef NB_DEVICES_ATA_H
#define NB_DEVICES_ATA_H

#include "core/block.h"
#include "core/device.h"

/* One burst at most; longer commands take several. */
#define ATA_BUF_SECTORS 512u
#define ATA_PIO_SECTORS 128u /* of PIO, whose first sector shall not wait for too many */
#define ATA_BUF_SIZE (ATA_BUF_SECTORS * 512u)
#define ATA_MAX_MULT 16u

enum { /* status */
    ATA_BSY = 0x80, ATA_DRDY = 0x40, ATA_DF = 0x20, ATA_DSC = 0x10, ATA_DRQ = 0x08, ATA_ERR = 0x01,
};
enum { /* error */
    ATA_ICRC = 0x80, ATA_UNC = 0x40, ATA_MC = 0x20, ATA_IDNF = 0x10, ATA_MCR = 0x08,
    ATA_ABRT = 0x04, ATA_NM = 0x02, ATA_WP = 0x40,
};
enum { ATA_NIEN = 0x02, ATA_SRST = 0x04, ATA_HOB = 0x80 }; /* device control */
enum { ATA_DEV_LBA = 0x40, ATA_DEV_1 = 0x10 };             /* device/head */

/* What the channel does and what its timer's deadline means. */
enum ata_phase {
    ATA_IDLE,
    ATA_RESETTING,   /* deadline: signature */
    ATA_HELD,        /* SRST is set: BSY until it is cleared */
    ATA_NONDATA,     /* deadline: the command ends with what ends_with says */
    ATA_READING,     /* a medium read is under way; deadline: it is done */
    ATA_NEXT_IN,     /* deadline: the next DRQ block of the buffer */
    ATA_DATA_IN,     /* DRQ: the host reads */
    ATA_NEXT_OUT,    /* deadline: DRQ for the host's data */
    ATA_DATA_OUT,    /* DRQ: the host writes */
    ATA_WRITING,     /* a medium write is under way */
    ATA_FLUSHING,
    ATA_DMA_IN,      /* DMARQ: data for memory in the buffer; deadline: moved, if the engine runs */
    ATA_DMA_OUT,     /* DMARQ: room in the buffer for data from memory */
    ATA_PACKET,      /* DRQ: the host writes a command packet */
    ATA_TRIMMING,    /* the ranges in the buffer are discarded one by one, next one at pos */
    ATA_NUM_PHASES
};

/* How sectors move in the command under way. */
enum ata_mode { ATA_PIO, ATA_DMA, ATA_VERIFY };

struct ata_channel;

struct ata_drive {
    /* not saved: set before ata_init() */
    struct block *blk;         /* NULL: a disk is absent, a CD-ROM drive is empty */
    bool cdrom;
    const char *model, *serial, *firmware;
    /* not saved: derived from the backend */
    bool present;
    u64 sectors;
    u32 seen_change;           /* change_count of the backend, when last looked at */
    u16 phys_cyls;
    u8 phys_heads, phys_spt;
    /* task file; [1] is the previous content (LBA48) */
    u8 feature[2], nsector[2], lbal[2], lbam[2], lbah[2];
    u8 device, status, error;
    bool irq;                  /* INTRQ of this drive */
    u8 heads, spt;             /* translation set by INITIALIZE DEVICE PARAMETERS */
    u16 cyls;
    u8 mult;                   /* sectors per DRQ block of READ/WRITE MULTIPLE, 0: none */
    u8 pio_mode, mdma, udma;   /* selected; FFh: none */
    bool write_cache, look_ahead, keep_settings, standby, smart;
    /* CD-ROM */
    u8 cdb[12];
    u8 sense_key, asc, ascq;
    u8 ua;                     /* steps of a media change still to report */
    u8 event;                  /* for GET EVENT STATUS: 2 new medium, 3 removed; 0: none */
    bool locked, stopped;
    u32 limit;                 /* byte count limit of the command */
    u16 sector_size;           /* 2048, 2352 ... of READ CD */
};

struct ata_channel {
    /* not saved: wiring, set before ata_init() */
    struct device *owner;
    unsigned number;           /* 0 primary, 1 secondary */
    void (*intrq)(void *to, unsigned channel, int level); /* called on each change */
    void *to;
    /* The bus-master engine moves up to len bytes; fewer: its table ended. NULL or false from
     * dma_ready: DMA waits until ata_dma_kick(). */
    bool (*dma_ready)(void *to, unsigned channel, bool to_memory);
    u32 (*dma_move)(void *to, unsigned channel, u8 *buf, u32 len, bool to_memory);

    struct ata_drive drive[2];
    u8 control;                /* device control register */
    u8 sel;                    /* drive that the device register names */
    u8 active;                 /* drive that executes the command */
    u8 cmd;
    u8 phase;                  /* enum ata_phase */
    u8 mode;                   /* enum ata_mode */
    bool ext;                  /* LBA48 command */
    bool single;               /* a burst failed: one sector at a time, to find the bad one */
    bool packet;               /* the command under way is a packet command */
    u8 ends_status, ends_error; /* how ATA_NONDATA ends */
    u64 lba;                   /* next sector for the medium (512 bytes; 2048 for packets) */
    u32 left;                  /* sectors not yet moved between medium and buffer */
    u32 block;                 /* bytes per DRQ block of this command */
    u32 pos, end, filled;      /* buffer: next byte, end of the DRQ block, end of valid data */
    u8 io_state;               /* 0 none, 1 with the backend, 2 done: io_status holds */
    u8 io_op, io_status;
    u64 io_sector;
    u32 io_count;
    u8 line;                   /* INTRQ as last driven */
    struct timer timer;
    u8 *buf;
    /* not saved: io_* has what matters; ata_pre_save() waits for a host that is late */
    struct block_req req;
    bool late;                 /* the deadline is over, the result isn't there: req.done() comes */
};

bool ata_init(struct ata_channel *c, struct err *e); /* for the controller's init */
void ata_close(struct ata_channel *c);
void ata_reset(struct ata_channel *c);               /* RESET- */
void ata_pre_save(struct ata_channel *c);
bool ata_post_load(struct ata_channel *c, struct err *e);
extern const struct field ata_channel_fields[];

/* Command block (1F0h + off) and control block (3F6h). */
u32 ata_read(struct ata_channel *c, u32 off, unsigned size);
u32 ata_peek(struct ata_channel *c, u32 off, unsigned size);
void ata_write(struct ata_channel *c, u32 off, u32 val, unsigned size);
u8 ata_read_alt(struct ata_channel *c);
void ata_write_control(struct ata_channel *c, u8 val);
/* The bus-master engine was started: a waiting DMA transfer goes on. */
void ata_dma_kick(struct ata_channel *c);
void ata_info(struct ata_channel *c, struct strbuf *sb);

/* ---- between ata.c, ata_dma.c, ata_cmd.c and atapi.c ---- */

void ata_execute(struct ata_channel *c, struct ata_drive *d, u8 cmd);     /* ata_cmd.c */
void ata_set_defaults(struct ata_drive *d, bool power_on);                /* ata_cmd.c */
void ata_set_address(struct ata_channel *c, struct ata_drive *d, u64 lba); /* ata_cmd.c */

void ata_done(struct ata_channel *c);                       /* end without error, INTRQ */
void ata_fail(struct ata_channel *c, u8 status, u8 error);  /* end with ERR, INTRQ */
void ata_end_later(struct ata_channel *c, u64 ns, u8 status, u8 error);
void ata_phase_at(struct ata_channel *c, enum ata_phase phase, u64 ns);
void ata_submit(struct ata_channel *c, enum block_op op, u64 sector, u32 count);
void ata_start_read(struct ata_channel *c, bool first);     /* next burst from the medium */
u64 ata_burst_ns(const struct ata_channel *c, u32 sectors, bool first);
void ata_offer_block(struct ata_channel *c, u64 ns);        /* next DRQ block after ns */
void ata_signature(struct ata_drive *d);
void ata_set_idle(struct ata_channel *c);
/* BLOCK_PENDING: the phase's deadline comes again by itself. */
enum block_status ata_io_result(struct ata_channel *c);

/* ata_dma.c: deadlines */
void ata_dma_in(struct ata_channel *c);
void ata_dma_out(struct ata_channel *c);
void ata_trimming_done(struct ata_channel *c);

/* atapi.c */
void atapi_execute(struct ata_channel *c, struct ata_drive *d, u8 cmd, bool *handled);
void atapi_packet_complete(struct ata_channel *c, struct ata_drive *d); /* 12 bytes arrived */
void atapi_look_for_change(struct ata_drive *d);
void atapi_announce(struct ata_drive *d, u32 bytes); /* a DRQ block is about to be offered */
void atapi_data_taken(struct ata_channel *c, struct ata_drive *d);      /* a DRQ block was read */
void atapi_medium_read(struct ata_channel *c, struct ata_drive *d, enum block_status st);
void atapi_reset(struct ata_drive *d, bool power_on);
bool atapi_post_load(struct ata_drive *d, struct err *e);

/* Latencies. No command ends in the instruction that starts it: drivers of Windows 2000 lose
 * interrupts that come too early. */
#define ATA_NS_COMMAND 60000u   /* without medium access */
#define ATA_NS_ACCESS 100000u   /* first burst */
#define ATA_NS_SECTOR 1000u     /* each further sector of a burst */
#define ATA_NS_DMA 50000u       /* first burst of a read by DMA */
#define ATA_NS_DMA_NEXT 20000u  /* further ones of the command */
#define ATA_NS_DMA_SECTOR 31u   /* faster than any drive, so that the host's disk is the limit */
#define ATA_NS_NEXT 5000u       /* next DRQ block, out of the drive's buffer */
#define ATA_NS_DRQ 2000u        /* DRQ after a PIO write command */
#define ATA_NS_RESET 2000000u
#define ATA_NS_PACKET 500000u   /* packet command without medium access */

#endif
