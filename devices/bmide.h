/* SPDX-License-Identifier: MIT */
/* Bus-master IDE engine of one channel: shared by the IDE functions of the boards. */
#ifndef NB_DEVICES_BMIDE_H
#define NB_DEVICES_BMIDE_H

#include "core/bus.h"
#include "core/snap.h"

enum { BM_START = 0x01, BM_TO_MEMORY = 0x08 };                         /* command */
enum { BM_ACTIVE = 0x01, BM_ERROR = 0x02, BM_INT = 0x04, BM_SIMPLEX = 0x80 }; /* status */

struct bmide {
    u8 cmd, status;
    u32 table;     /* PRD table base */
    u32 next;      /* next table entry to fetch */
    u32 addr;      /* current piece of memory */
    u32 count;     /* bytes left in it */
    bool last;     /* it is the table's last */
};

void bmide_reset(struct bmide *bm);
u32 bmide_read(const struct bmide *bm, u32 off, unsigned size);
/* Returns true if the engine was started by this write. */
bool bmide_write(struct bmide *bm, u32 off, u32 val, unsigned size);
bool bmide_ready(const struct bmide *bm, bool to_memory);
/* Moves up to len bytes; fewer: the table ended. */
u32 bmide_move(struct bmide *bm, struct space *mem, u8 *buf, u32 len, bool to_memory);
/* INTRQ of the channel rose. */
void bmide_interrupt(struct bmide *bm);
extern const struct field bmide_fields[];

#endif
