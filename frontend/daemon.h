/* SPDX-License-Identifier: MIT */
/* -daemonize and -pidfile. */
#ifndef NB_FRONTEND_DAEMON_H
#define NB_FRONTEND_DAEMON_H

#include <stdbool.h>

/* Goes on in a process of its own that no terminal reaches; no thread may exist yet. The process
 * that was started waits for daemon_tell() and exits with that status. false: it cannot be done,
 * said on stderr. */
bool daemon_start(int *tell_fd);
/* Standard input, output and error are /dev/null from now on. */
void daemon_quiet(void);
/* Once, with the exit status of the process that waits: 0 when the machine runs. */
void daemon_tell(int *tell_fd, int status);

struct pidfile {
    const char *path; /* NULL: none */
    int fd;
};

/* Makes and locks the file with this process's number. false: said on stderr. */
bool pidfile_take(struct pidfile *p, const char *path);
void pidfile_drop(struct pidfile *p); /* removes it; callable in a hurry */

#endif
