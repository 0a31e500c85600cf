/* SPDX-License-Identifier: MIT */
/* Character backends (serial, parallel, debug console). NULL-safe: no backend is an unplugged
 * cable. Machine thread only; host threads deliver input through the machine's post queue. */
#ifndef NB_CORE_CHARDEV_H
#define NB_CORE_CHARDEV_H

#include "core/types.h"

struct chardev {
    /* host half */
    u32 (*write)(struct chardev *c, const u8 *data, u32 len); /* returns what was taken */
    void (*close)(struct chardev *c);
    void *priv;
    bool unplugged; /* nobody is at the other end now; CHARDEV_OPENED and _CLOSED say so later */
    /* device half, set by the device */
    u32 (*can_receive)(void *dev);                       /* bytes the device takes now */
    void (*receive)(void *dev, const u8 *data, u32 len); /* len <= can_receive() */
    void (*event)(void *dev, int what);                  /* CHARDEV_BREAK, ... */
    void *dev;
    /* The device calls it when can_receive() grew from 0; NULL: the host half polls. */
    void (*accept_input)(struct chardev *c);
};

enum { CHARDEV_OPENED, CHARDEV_CLOSED, CHARDEV_BREAK };

static inline u32 chardev_write(struct chardev *c, const u8 *data, u32 len)
{
    return c && c->write ? c->write(c, data, len) : len;
}

static inline void chardev_accept_input(struct chardev *c)
{
    if (c && c->accept_input)
        c->accept_input(c);
}

#endif
