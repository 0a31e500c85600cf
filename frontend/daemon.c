/* SPDX-License-Identifier: MIT */
/* The process that the user started lives until the machine is built and listens: its exit status
 * says whether that worked, and messages until then are on its stderr. The folder stays the same,
 * so that file names mean what they meant. */
#include "frontend/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static bool fail(const char *what, const char *name)
{
    fprintf(stderr, "nestbox: %s%s%s: %s\n", what, name ? " " : "", name ? name : "",
            strerror(errno));
    return false;
}

static _Noreturn void wait_for_word(int fd, pid_t child)
{
    unsigned char status;
    ssize_t n;

    while (waitpid(child, NULL, 0) < 0 && errno == EINTR)
        ;
    while ((n = read(fd, &status, 1)) < 0 && errno == EINTR)
        ;
    if (n != 1) {
        fprintf(stderr, "nestbox: -daemonize: the process ended before the machine was ready\n");
        status = 6;
    }
    _exit(status);
}

bool daemon_start(int *tell_fd)
{
    int fd[2];
    pid_t child;

    fflush(NULL);
    if (pipe(fd) < 0)
        return fail("-daemonize: pipe", NULL);
    child = fork();
    if (child < 0) {
        close(fd[0]);
        close(fd[1]);
        return fail("-daemonize: fork", NULL);
    }
    if (child) {
        close(fd[1]);
        wait_for_word(fd[0], child);
    }
    close(fd[0]);
    setsid();
    /* No leader of a session: a terminal that is opened (pty) does not become ours. */
    child = fork();
    if (child < 0) {
        fail("-daemonize: fork", NULL);
        daemon_tell(&fd[1], 2);
    }
    if (child)
        _exit(0);
    fcntl(fd[1], F_SETFD, FD_CLOEXEC);
    *tell_fd = fd[1];
    return true;
}

void daemon_quiet(void)
{
    int null = open("/dev/null", O_RDWR);

    fflush(NULL);
    for (int fd = 0; null >= 0 && fd < 3; fd++)
        dup2(null, fd);
    if (null > 2)
        close(null);
}

void daemon_tell(int *tell_fd, int status)
{
    unsigned char byte = (unsigned char)status;

    if (*tell_fd < 0)
        return;
    /* Whoever waited may be gone; that changes nothing. */
    while (write(*tell_fd, &byte, 1) < 0 && errno == EINTR)
        ;
    close(*tell_fd);
    *tell_fd = -1;
}

/* ---- -pidfile */

static bool locked(int fd, const char *path)
{
    struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

    if (fcntl(fd, F_SETLK, &l) == 0)
        return true;
    if (errno != EACCES && errno != EAGAIN)
        return fail("-pidfile: no lock on", path);
    l = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
    if (fcntl(fd, F_GETLK, &l) == 0 && l.l_type != F_UNLCK)
        fprintf(stderr, "nestbox: -pidfile %s: process %ld is using it\n", path, (long)l.l_pid);
    else
        fprintf(stderr, "nestbox: -pidfile %s: another process is using it\n", path);
    return false;
}

/* A wrong word on the command line must not cost anybody a file. */
static bool is_pidfile(int fd, const char *path)
{
    char text[32];
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) < 0)
        return fail("-pidfile", path);
    n = S_ISREG(st.st_mode) ? pread(fd, text, sizeof text, 0) : -1;
    if (n >= 0 && n < (ssize_t)sizeof text) {
        text[n] = 0;
        if (strspn(text, "0123456789\n ") == (size_t)n)
            return true;
    }
    fprintf(stderr, "nestbox: -pidfile %s: that is no file with a process number; remove it or use "
            "another name\n", path);
    return false;
}

bool pidfile_take(struct pidfile *p, const char *path)
{
    struct stat ours, there;
    char text[24];
    int fd, len;

    for (;;) {
        fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0644);
        if (fd < 0)
            return fail("-pidfile", path);
        if (!is_pidfile(fd, path) || !locked(fd, path)) {
            close(fd);
            return false;
        }
        /* removed by its last owner between our open and our lock? */
        if (fstat(fd, &ours) == 0 && stat(path, &there) == 0 && ours.st_ino == there.st_ino &&
            ours.st_dev == there.st_dev)
            break;
        close(fd);
    }
    len = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(fd, 0) < 0 || pwrite(fd, text, (size_t)len, 0) != len) {
        fail("-pidfile", path);
        unlink(path);
        close(fd);
        return false;
    }
    *p = (struct pidfile){ path, fd };
    return true;
}

void pidfile_drop(struct pidfile *p)
{
    if (!p->path)
        return;
    unlink(p->path);
    close(p->fd);
    p->path = NULL;
}
