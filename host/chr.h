/* SPDX-License-Identifier: MIT */
/* Character backends by name. Machine thread only. */
#ifndef NB_HOST_CHR_H
#define NB_HOST_CHR_H

#include "core/chardev.h"
#include "core/err.h"

struct loop;

struct chr_opts {
    struct loop *loop;
    /* What the user must know to use it ("serial port is /dev/pts/3"); may be NULL. */
    void (*note)(void *to, const char *line);
    void *note_to;
    const char *label; /* whose it is, for notes; may be NULL */
};

/* null | stdio | file:PATH[,append=on][,input-path=PATH] | pipe:PATH | pty |
 * tcp:HOST:PORT[,server[,nowait]] | unix:PATH[,server[,nowait]]. A server waits for its client
 * unless nowait is given; an empty HOST is this machine only. NULL with a message in *e. */
struct chardev *chr_open(const char *spec, const struct chr_opts *o, struct err *e);
void chr_close(struct chardev *c); /* NULL: nothing */

/* Lines that list the kinds, for `help`. */
extern const char chr_help[];

#endif
