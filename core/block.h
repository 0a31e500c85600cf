/* SPDX-License-Identifier: MIT */
/* Disk backends. The device half and the host half meet here; all calls are on the machine
 * thread. A backend may work on host threads, and must then complete through the machine's post
 * queue; the device never sees that: it submits, arms its modelled latency, and at the deadline
 * calls block_result(). In counted time that waits for a host that is late, so that runs repeat. In
 * real time the machine goes on, and done() of the request tells the device on the machine thread
 * when the result is there: a guest sees the later of model and host. */
#ifndef NB_CORE_BLOCK_H
#define NB_CORE_BLOCK_H

#include "core/err.h"
#include "core/strbuf.h"
#include "core/types.h"

#define BLOCK_SECTOR 512u
#define BLOCK_MAX_SECTORS 65536u /* largest request */

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD };
enum block_status { BLOCK_OK, BLOCK_PENDING, BLOCK_IO_ERROR, BLOCK_NO_SPACE, BLOCK_READ_ONLY };

/* Filled by the device; the buffer stays valid until the request is done or cancelled. */
struct block_req {
    enum block_op op;
    u64 sector;
    u32 count;
    u8 *buf;
    bool through;             /* a write: on the medium when it is done, as if flushed */
    enum block_status status; /* BLOCK_PENDING until done */
    /* Called on the machine thread, once, if block_result() found the host late and now it is not;
     * never from within another block_ function. NULL: the device asks again by itself. */
    void (*done)(void *to);
    void *done_to;
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
    /* For backends whose submit() may return before the work is done. */
    bool (*poll)(struct block *b, struct block_req *r); /* r is done; else done() is called once */
    /* Forgets r. true: its buffer is still in use, and the backend's to xfree() from now on. */
    bool (*cancel)(struct block *b, struct block_req *r);
    /* Does r if that needs no waiting for the host's disk, else false: nothing was done. */
    bool (*try_now)(struct block *b, struct block_req *r);
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
    bool async;         /* block_result() doesn't wait: real time */
    bool through;       /* the drive's write cache is off at power-on (cache=writethrough) */
    bool discard;       /* BLOCK_DISCARD is of use: drives offer it to the guest */
    enum block_policy werror, rerror;
    const char *file;   /* for messages and `info block` */
    /* Called (machine thread) when a failing access must stop the machine: policy STOP, or ENOSPC
     * with no space. The request is retried after cont. */
    void (*on_stop)(void *to, struct block *b);
    void *on_stop_to;
    u64 rd_bytes, wr_bytes, rd_ops, wr_ops, flush_ops, discard_ops, errors;
    u64 late_ops;       /* the model's deadline came before the host's result */
};

/* Checks the range (overflow included), read_only and inserted, counts, then submits. */
void block_submit(struct block *b, struct block_req *r);
/* Waits for the host. BLOCK_PENDING: the access failed and the policy stopped the machine; the
 * device arms its deadline anew and calls block_wait() again then, which retries. */
enum block_status block_wait(struct block *b, struct block_req *r);
/* As block_wait(), but where b is async it doesn't wait. BLOCK_PENDING: if block_late(), done() will be
 * called; else the policy stopped the machine, as above. */
enum block_status block_result(struct block *b, struct block_req *r);
bool block_late(const struct block_req *r);
/* The device wants no result any more (a reset). Writes reach the image all the same. true: the buffer
 * is the backend's now; the device takes a new one. Not async: waits, so that the buffer's contents
 * don't depend on the host; false. */
bool block_cancel(struct block *b, struct block_req *r);
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
