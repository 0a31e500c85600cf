/* SPDX-License-Identifier: MIT */
/* Disk backends. The device half and the host half meet here; all calls are on the machine
 * thread. A backend may work on host threads, and must then complete through the machine's post
 * queue; the device never sees that: it submits, arms its modelled latency, and at the deadline
 * calls block_wait(), which returns at once if the host is done. */
#ifndef NB_CORE_BLOCK_H
#define NB_CORE_BLOCK_H

#include "core/err.h"
#include "core/strbuf.h"
#include "core/types.h"

#define BLOCK_SECTOR 512u
#define BLOCK_MAX_SECTORS 65536u /* largest request */

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD };
enum block_status { BLOCK_OK, BLOCK_PENDING, BLOCK_IO_ERROR, BLOCK_NO_SPACE, BLOCK_READ_ONLY };

/* Filled by the device; the buffer is the device's and stays valid until the request is done. */
struct block_req {
    enum block_op op;
    u64 sector;
    u32 count;
    u8 *buf;
    enum block_status status; /* BLOCK_PENDING until done */
    void *priv;               /* the backend's */
    u8 state;                 /* private */
};

struct block;
struct block_ops {
    const char *format; /* "raw" */
    void (*submit)(struct block *b, struct block_req *r);
    void (*wait)(struct block *b, struct block_req *r); /* until r->status != BLOCK_PENDING */
    void (*close)(struct block *b);
    /* Temporary overlay of snapshot=on, for snapshots of the machine; NULL: none to save. */
    bool (*save_overlay)(struct block *b, bool (*write)(void *to, const void *p, size_t n),
                         void *to, struct err *e);
    bool (*load_overlay)(struct block *b, bool (*read)(void *from, void *p, size_t n), void *from,
                         struct err *e);
};

/* What to do when the host fails an access (werror=, rerror=). */
enum block_policy { BLOCK_REPORT, BLOCK_IGNORE, BLOCK_STOP, BLOCK_ENOSPC };

struct block {
    const struct block_ops *ops;
    u64 sectors;        /* size; requests beyond it fail in block_submit */
    bool read_only;     /* writes fail with BLOCK_READ_ONLY */
    bool removable, inserted, locked;
    u32 change_count;   /* incremented at each media change; devices compare */
    bool eject_wanted;  /* the user asked for a locked medium: the device tells the guest, once */
    bool stalled;       /* a failed access waits for cont: the medium must stay */
    enum block_policy werror, rerror;
    const char *file;   /* for messages and `info block` */
    /* Called (machine thread) when a failing access must stop the machine: policy STOP, or ENOSPC
     * with no space. The request is retried after cont. */
    void (*on_stop)(void *to, struct block *b);
    void *on_stop_to;
    u64 rd_bytes, wr_bytes, rd_ops, wr_ops, flush_ops, errors;
};

/* Checks the range (overflow included), read_only and inserted, counts, then submits. */
void block_submit(struct block *b, struct block_req *r);
/* Waits for the host. BLOCK_PENDING: the access failed and the policy stopped the machine; the
 * device arms its deadline anew and calls block_wait() again then, which retries. */
enum block_status block_wait(struct block *b, struct block_req *r);
/* submit and wait; BLOCK_PENDING as above: call it again later */
enum block_status block_rw(struct block *b, enum block_op op, u64 sector, u32 count, u8 *buf);
void block_close(struct block *b);

/* A removable drive: a backend that passes everything to the medium in it, which may change while the
 * machine runs. Empty at first; policies and counts are the drive's, not the medium's. */
struct block *block_tray(void);
/* Closes what was in it and puts `medium` in (NULL: it stays empty), the tray being closed then. No
 * request may be with the backend: the devices' pre_save() sees to that. */
void block_tray_load(struct block *tray, struct block *medium);
struct block *block_tray_medium(struct block *tray); /* NULL: nothing lies in it */

/* In memory, for tests and the built-in disk; data is copied, writes go to the copy. */
struct block *block_mem(const u8 *data, u64 sectors, bool read_only);

#endif
