/* SPDX-License-Identifier: MIT */
/* The file in which Linux's perf looks for names of generated code: /tmp/perf-PID.map, a line
 * "START SIZE NAME" a piece (tools/perf/Documentation/jit-interface.txt). */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "host/os.h"

int os_perf_map(struct err *e)
{
    char path[64];
    int fd;

    snprintf(path, sizeof path, "/tmp/perf-%ld.map", (long)getpid());
    unlink(path); /* an older process's; and nobody else's file is written to */
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0)
        err_set(e, ERR_RESOURCE, "%s: cannot be made: %s", path, strerror(errno));
    return fd;
}

void os_perf_map_add(int fd, const void *code, size_t size, const char *name)
{
    char line[160];
    int n = snprintf(line, sizeof line, "%llx %llx %s\n",
                     (unsigned long long)(uintptr_t)code, (unsigned long long)size, name);

    if (n > 0 && (size_t)n < sizeof line && write(fd, line, (size_t)n) < 0)
        return; /* a name less */
}
