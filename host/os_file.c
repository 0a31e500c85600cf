/* SPDX-License-Identifier: MIT */
/* Files on POSIX (host/os.h). Messages name the file and say what to do. */
#define _GNU_SOURCE
#include "host/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "core/strbuf.h"
#include "core/xalloc.h"

static bool open_failed(const char *path, const char *what, int error, struct err *e)
{
    switch (error) {
    case ENOENT:
        return err_set(e, ERR_RESOURCE, "%s: there is no such file", path);
    case EACCES:
    case EPERM:
        return err_set(e, ERR_RESOURCE, "%s: no permission %s: see 'ls -l'", path, what);
    case EROFS:
        return err_set(e, ERR_RESOURCE,
                       "%s: it is on a read-only file system: use readonly=on or snapshot=on",
                       path);
    case ETXTBSY:
        return err_set(e, ERR_RESOURCE, "%s: it is a program that is running", path);
    case EISDIR:
        return err_set(e, ERR_RESOURCE, "%s: this is a directory, a file is wanted", path);
    default:
        return err_set(e, ERR_RESOURCE, "%s: cannot be opened %s: %s", path, what,
                       strerror(error));
    }
}

bool os_file_exists(const char *path)
{
    struct stat st;
    return !stat(path, &st) && !S_ISDIR(st.st_mode) && !access(path, R_OK);
}

u8 *os_read_file(const char *path, size_t limit, size_t *len, struct err *e)
{
    int fd = os_open(path, false, e);
    if (fd < 0)
        return NULL;
    if (os_kind(fd) == OS_DIRECTORY) {
        open_failed(path, "for reading", EISDIR, e);
        close(fd);
        return NULL;
    }
    /* By reading, not by size: it may be a pipe, or growing. */
    size_t cap = 65536, n = 0;
    u8 *data = xcalloc(cap, 1);
    for (;;) {
        ssize_t got = read(fd, data + n, cap - n - 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0) {
            err_set(e, ERR_RESOURCE, "%s: cannot be read: %s", path, strerror(errno));
            break;
        }
        n += (size_t)got;
        if (n > limit) {
            err_set(e, ERR_RESOURCE, "%s: is longer than %zu bytes", path, limit);
            break;
        }
        if (!got) {
            close(fd);
            data[n] = 0;
            *len = n;
            return data;
        }
        if (n + 1 == cap) {
            cap *= 2;
            data = xrealloc(data, cap);
        }
    }
    close(fd);
    xfree(data);
    return NULL;
}

/* ---- whole files ---- */

struct os_out {
    FILE *f;
    char *path, *temp;
    bool failed;
    int error;
};

struct os_out *os_out_new(const char *path, struct err *e)
{
    struct os_out *o = xcalloc(1, sizeof(*o));
    struct strbuf sb = { 0 };
    struct stat st;

    o->path = xstrdup(path);
    /* A device or a pipe is written in place; a file appears whole or not at all. */
    if (!stat(path, &st) && !S_ISREG(st.st_mode)) {
        o->f = fopen(path, "wb");
    } else {
        sb_addf(&sb, "%s.XXXXXX", path);
        o->temp = xstrdup(sb_text(&sb));
        sb_free(&sb);
        int fd = mkostemp(o->temp, O_CLOEXEC);
        if (fd >= 0) {
            mode_t mask = umask(0);
            umask(mask);
            fchmod(fd, 0666 & ~mask);
            o->f = fdopen(fd, "wb");
        }
    }
    if (!o->f) {
        open_failed(path, "for writing", errno, e);
        xfree(o->temp);
        xfree(o->path);
        xfree(o);
        return NULL;
    }
    return o;
}

bool os_out_write(void *out, const void *data, size_t len)
{
    struct os_out *o = out;
    if (o->failed)
        return false;
    if (fwrite(data, 1, len, o->f) != len) {
        o->failed = true;
        o->error = errno;
    }
    return !o->failed;
}

static void out_free(struct os_out *o)
{
    xfree(o->path);
    xfree(o->temp);
    xfree(o);
}

bool os_out_commit(struct os_out *o, struct err *e)
{
    if (!o->failed && (fflush(o->f) || (o->temp && fdatasync(fileno(o->f))))) {
        o->failed = true;
        o->error = errno;
    }
    if (fclose(o->f) && !o->failed) {
        o->failed = true;
        o->error = errno;
    }
    if (o->temp && !o->failed && rename(o->temp, o->path)) {
        o->failed = true;
        o->error = errno;
    }
    bool ok = !o->failed;
    if (!ok) {
        if (o->temp)
            unlink(o->temp);
        err_set(e, ERR_RESOURCE, "%s: cannot be written: %s", o->path, strerror(o->error));
    }
    out_free(o);
    return ok;
}

void os_out_abort(struct os_out *o)
{
    if (!o)
        return;
    fclose(o->f);
    if (o->temp)
        unlink(o->temp);
    out_free(o);
}

struct os_in {
    FILE *f;
};

struct os_in *os_in_new(const char *path, struct err *e)
{
    int fd = os_open(path, false, e);
    if (fd < 0)
        return NULL;
    if (os_kind(fd) == OS_DIRECTORY) {
        open_failed(path, "for reading", EISDIR, e);
        close(fd);
        return NULL;
    }
    struct os_in *in = xcalloc(1, sizeof(*in));
    in->f = fdopen(fd, "rb");
    if (!in->f) {
        open_failed(path, "for reading", errno, e);
        close(fd);
        xfree(in);
        return NULL;
    }
    return in;
}

bool os_in_read(void *in, void *data, size_t len)
{
    return fread(data, 1, len, ((struct os_in *)in)->f) == len;
}

void os_in_free(struct os_in *in)
{
    if (!in)
        return;
    fclose(in->f);
    xfree(in);
}

/* ---- positioned access ---- */

int os_open(const char *path, bool writable, struct err *e)
{
    /* O_NONBLOCK: opening a pipe must not wait for its other end. */
    int fd = open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        open_failed(path, writable ? "for writing" : "for reading", errno, e);
        return -1;
    }
    int flags = fcntl(fd, F_GETFL);
    fcntl(fd, F_SETFL, flags & ~O_NONBLOCK);
    return fd;
}

int os_temp(struct err *e)
{
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir)
        dir = "/var/tmp"; /* not /tmp, which is often in memory */
    int fd = open(dir, O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600);
    if (fd >= 0)
        return fd;

    struct strbuf sb = { 0 };
    sb_addf(&sb, "%s/nestbox-XXXXXX", dir);
    char *path = xstrdup(sb_text(&sb));
    sb_free(&sb);
    fd = mkostemp(path, O_CLOEXEC);
    if (fd >= 0)
        unlink(path);
    else
        err_set(e, ERR_RESOURCE,
                "a temporary file cannot be made in %s: %s; set TMPDIR to another directory", dir,
                strerror(errno));
    xfree(path);
    return fd;
}

void os_close(int fd)
{
    if (fd >= 0)
        close(fd);
}

enum os_kind os_kind(int fd)
{
    struct stat st;
    if (fstat(fd, &st))
        return OS_OTHER;
    return S_ISREG(st.st_mode) ? OS_REGULAR : S_ISBLK(st.st_mode) ? OS_BLOCK_DEVICE
         : S_ISDIR(st.st_mode) ? OS_DIRECTORY : OS_OTHER;
}

bool os_size(int fd, u64 *size)
{
    struct stat st;
    if (fstat(fd, &st))
        return false;
    if (S_ISBLK(st.st_mode))
        return !ioctl(fd, BLKGETSIZE64, size);
    *size = (u64)st.st_size;
    return S_ISREG(st.st_mode);
}

static enum os_status status_of(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return OS_NO_SPACE;
    case EAGAIN:
        return OS_AGAIN;
    default:
        return OS_FAILED;
    }
}

enum os_status os_pread(int fd, void *buf, size_t len, u64 offset, bool no_wait)
{
    u8 *to = buf;
    size_t done = 0;

    while (done < len) {
        struct iovec v = { to + done, len - done };
        ssize_t n = preadv2(fd, &v, 1, (off_t)(offset + done), no_wait ? RWF_NOWAIT : 0);
        if (n > 0) {
            done += (size_t)n;
        } else if (n == 0) {
            memset(to + done, 0, len - done);
            return OS_EOF;
        } else if (errno == EOPNOTSUPP && no_wait) {
            return OS_AGAIN; /* a file system that cannot tell */
        } else if (errno != EINTR) {
            return status_of(errno);
        }
    }
    return OS_OK;
}

enum os_status os_pwrite(int fd, const void *buf, size_t len, u64 offset)
{
    const u8 *from = buf;
    size_t done = 0;

    while (done < len) {
        ssize_t n = pwrite(fd, from + done, len - done, (off_t)(offset + done));
        if (n > 0)
            done += (size_t)n;
        else if (n == 0)
            return OS_NO_SPACE;
        else if (errno != EINTR)
            return status_of(errno) == OS_NO_SPACE ? OS_NO_SPACE : OS_FAILED;
    }
    return OS_OK;
}

enum os_status os_flush(int fd)
{
    while (fdatasync(fd) < 0) {
        if (errno == EINTR)
            continue;
        if (errno == EINVAL || errno == EROFS)
            return OS_OK; /* nothing behind it that could be flushed */
        return status_of(errno) == OS_NO_SPACE ? OS_NO_SPACE : OS_FAILED;
    }
    return OS_OK;
}

bool os_set_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    return flags >= 0 && !fcntl(fd, F_SETFL, flags | O_DIRECT);
}

u32 os_direct_align(int fd, u8 *page)
{
    for (u32 align = 512; align <= 65536; align *= 2)
        if (pread(fd, page, align, 0) >= 0)
            return align;
    return 0;
}

void os_punch(int fd, u64 offset, u64 len)
{
    int n = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)len);
    (void)n;
}

/* ---- locks ---- */

/* Who holds a lock of the file behind fd: /proc/locks has
 * "1: FLOCK  ADVISORY  WRITE 1234 08:02:131105 0 EOF". 0: unknown. */
static int lock_holder(int fd, bool *writer)
{
    struct stat st;
    FILE *f = fopen("/proc/locks", "re");
    char line[256];
    int found = 0;

    if (!f)
        return 0;
    if (!fstat(fd, &st)) {
        while (!found && fgets(line, sizeof(line), f)) {
            char kind[16], mode[16];
            int pid;
            unsigned major_no, minor_no;
            unsigned long long inode;
            if (sscanf(line, "%*d: %15s ADVISORY %15s %d %x:%x:%llu", kind, mode, &pid, &major_no,
                       &minor_no, &inode) == 6 &&
                !strcmp(kind, "FLOCK") && inode == st.st_ino && major_no == major(st.st_dev) &&
                minor_no == minor(st.st_dev) && pid > 0) {
                found = pid;
                *writer = !strcmp(mode, "WRITE");
            }
        }
    }
    fclose(f);
    return found;
}

static void process_name(int pid, char *name, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    FILE *f = fopen(path, "re");
    if (!f || !fgets(name, (int)size, f))
        snprintf(name, size, "unknown");
    else
        name[strcspn(name, "\n")] = 0;
    if (f)
        fclose(f);
}

bool os_lock(int fd, bool exclusive, const char *path, struct err *e)
{
    /* flock, not fcntl: it belongs to this opening of the file and not to the process, so that
     * closing the file elsewhere in the process keeps it, and the kernel tells who holds it. */
    while (flock(fd, (exclusive ? LOCK_EX : LOCK_SH) | LOCK_NB) < 0) {
        if (errno == EINTR)
            continue;
        if (errno != EWOULDBLOCK)
            return true; /* a file system without locks */

        bool writer = false;
        int pid = lock_holder(fd, &writer);
        char who[64] = "another process";
        if (pid == getpid()) {
            snprintf(who, sizeof(who), "this machine (it is given twice)");
        } else if (pid) {
            char name[32];
            process_name(pid, name, sizeof(name));
            snprintf(who, sizeof(who), "process %d (%s)", pid, name);
        }
        return err_set(e, ERR_RESOURCE, "%s: %s by %s: %s", path,
                       exclusive && !writer ? "is being read" : "is being written", who,
                       exclusive && !writer ? "end it, or use snapshot=on or readonly=on"
                                            : "end it, or use a copy of the file");
    }
    return true;
}
