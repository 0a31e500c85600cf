/* SPDX-License-Identifier: MIT */
/* A byte ring with its storage inside, so that field tables can save it. */
#ifndef NB_CORE_FIFO_H
#define NB_CORE_FIFO_H

#include "core/snap.h"
#include "core/types.h"

#define FIFO_CAP 64u

struct fifo {
    u8 data[FIFO_CAP];
    u8 head, count; /* loaders call fifo_sane() */
};

static inline void fifo_clear(struct fifo *f) { f->head = f->count = 0; }
static inline bool fifo_sane(const struct fifo *f)
{
    return f->head < FIFO_CAP && f->count <= FIFO_CAP;
}
static inline u32 fifo_room(const struct fifo *f) { return FIFO_CAP - f->count; }
static inline bool fifo_push(struct fifo *f, u8 v)
{
    if (f->count >= FIFO_CAP)
        return false;
    f->data[(f->head + f->count++) % FIFO_CAP] = v;
    return true;
}
static inline u8 fifo_pop(struct fifo *f) /* 0 when empty */
{
    if (!f->count)
        return 0;
    u8 v = f->data[f->head];
    f->head = (u8)((f->head + 1) % FIFO_CAP);
    f->count--;
    return v;
}
static inline u8 fifo_peek(const struct fifo *f, u32 i)
{
    return i < f->count ? f->data[(f->head + i) % FIFO_CAP] : 0;
}

#define FIFO_FIELDS \
    { F_ARRAY(struct fifo, data, u8), F_U8(struct fifo, head), F_U8(struct fifo, count), F_END }

#endif
