/* SPDX-License-Identifier: MIT */
/* A disk in memory whose host is as late as a test wants: what was submitted is done in late_finish(),
 * as if a thread of the host had come to it then. */
#ifndef NB_TESTS_DEV_LATE_DISK_H
#define NB_TESTS_DEV_LATE_DISK_H

#include "core/block.h"

struct late_disk {
    struct block b;
    struct block *mem;      /* what is on it */
    bool in_time;           /* requests are done at once */
    struct block_req *r;    /* under way; one at most */
    struct block_req lost;  /* cancelled: r points here */
    bool notify, through;   /* of the last request */
    unsigned cancelled, submitted;
    enum block_op op;       /* of the last request */
    u64 sector;
    u32 count;
    enum block_status fails_with; /* BLOCK_OK: works */
};

struct late_disk *late_disk_new(const u8 *data, u64 sectors);
void late_disk_free(struct late_disk *d);
void late_finish(struct late_disk *d); /* the host is done; who asked is told */

#endif
