/* SPDX-License-Identifier: MIT */
/* What the character backends share: one object around an input and an output descriptor. */
#ifndef NB_HOST_CHR_INT_H
#define NB_HOST_CHR_INT_H

#include "host/chr.h"
#include "host/loop.h"

#define CHR_OUT_CAP 65536u

struct chr {
    struct chardev c;
    struct loop *loop;
    int in, out;             /* -1: none; equal for sockets */
    bool socket;             /* send() without SIGPIPE */
    bool wait_out;           /* a regular file: write() and wait for it */
    bool may_block;          /* shared with other processes, so not O_NONBLOCK: look before */
    bool drop_when_full;     /* nobody may be reading: lose output rather than stop the guest */
    struct loop_fd *in_watch, *out_watch;
    /* taken from the device and not written yet */
    u8 *pending;
    u32 pend_pos, pend_len;
    /* servers */
    int listener;
    struct loop_fd *accept_watch;
    char *unlink_path;
    int spare;               /* held open: a pty's other side */
    void (*on_close)(struct chr *s);
};

struct chr *chr_new(const struct chr_opts *o);
/* Starts with these descriptors (-1: none). */
void chr_attach(struct chr *s, int in, int out);
/* The peer is gone: the cable stays, unplugged. Closes in and out. */
void chr_detach(struct chr *s);
void chr_note(const struct chr_opts *o, const char *fmt, ...) NB_PRINTF(2, 3);
void chr_free(struct chr *s);

struct chardev *chr_socket(const char *spec, const struct chr_opts *o, struct err *e);
struct chardev *chr_pty(const struct chr_opts *o, struct err *e);

#endif
