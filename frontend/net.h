/* SPDX-License-Identifier: MIT */
/* Listening sockets for the monitor and gdb: this machine only. */
#ifndef NB_FRONTEND_NET_H
#define NB_FRONTEND_NET_H

#include <stdbool.h>
#include <stddef.h>

/* "tcp:[HOST]:PORT" (localhost, 127.0.0.1, ::1 or nothing; "tcp::1234" as QEMU writes it) or
 * "unix:PATH"; QEMU's ",server,nowait" may follow. A dead socket file is replaced. Returns a
 * listening descriptor, or -1: why says what is wrong. *path gets the socket file to remove at the
 * end (free() it), NULL for TCP. */
int net_listen(const char *spec, char **path, char *why, size_t size);
/* Waits for a client; -1: stop_fd became readable. */
int net_accept(int fd, int stop_fd);

#endif
