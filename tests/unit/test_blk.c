/* SPDX-License-Identifier: MIT */
/* Disk images on real files: raw, overlay, locks, bad files, policies. */
#define _GNU_SOURCE
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <signal.h>
#include <unistd.h>

#include "core/xalloc.h"
#include "host/blk.h"
#include "host/os.h"

static char dir[64], path[96]; /* test-only; each test runs in a process of its own */
static char warning[512];

static void setup(void)
{
    strcpy(dir, P_tmpdir "/nb-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/disk.img", dir);
    setenv("TMPDIR", dir, 1);
}

static void teardown(void)
{
    chmod(path, 0600);
    unlink(path);
    rmdir(path);
    ck_assert_msg(!rmdir(dir), "something was left in the directory of temporary files");
}

static void make_file(size_t size)
{
    FILE *f = fopen(path, "wb");
    for (size_t i = 0; i < size; i++)
        putc((int)(u8)(i / 512 * 31 + i), f);
    fclose(f);
}

static u8 byte_at(size_t i) { return (u8)(i / 512 * 31 + i); }

static void on_warn(void *to, const char *line)
{
    (void)to;
    snprintf(warning, sizeof(warning), "%s", line);
}

static struct block *open_it(bool ro, bool snap, const char *format, struct err *e)
{
    struct blk_opts o = { .file = path, .read_only = ro, .snapshot = snap, .format = format,
                          .warn = on_warn };
    return blk_open(&o, e);
}

/* Counts what reaches the kernel, and fails once where a test wants it. */
static int flushes, flush_error;
int fdatasync(int fd)
{
    flushes++;
    if (flush_error) {
        errno = flush_error;
        flush_error = 0;
        return -1;
    }
    return fsync(fd);
}

static struct block *open_cache(enum blk_cache cache, bool discard, struct err *e)
{
    struct blk_opts o = { .file = path, .format = "raw", .cache = cache, .discard = discard,
                          .warn = on_warn };
    flushes = 0;
    return blk_open(&o, e);
}

static struct block *must_open(bool ro, bool snap)
{
    struct err e = { 0 };
    struct block *b = open_it(ro, snap, "raw", &e);
    ck_assert_msg(b != NULL, "%s", e.msg);
    return b;
}

static void must_fail(bool ro, bool snap, const char *text)
{
    struct err e = { 0 };
    struct block *b = open_it(ro, snap, NULL, &e);
    ck_assert_ptr_null(b);
    ck_assert_int_eq(e.code, ERR_RESOURCE);
    ck_assert_msg(strstr(e.msg, text) && strstr(e.msg, path), "\"%s\" is not in: %s", text, e.msg);
    ck_assert_ptr_null(strchr(e.msg, '\n'));
}

START_TEST(reads_and_writes)
{
    make_file(100 * 512);
    struct block *b = must_open(false, false);
    u8 buf[4 * 512];
    ck_assert_uint_eq(b->sectors, 100);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 96, 4, buf), BLOCK_OK);
    for (size_t i = 0; i < sizeof(buf); i++)
        ck_assert_uint_eq(buf[i], byte_at(96 * 512 + i));
    memset(buf, 0xaa, sizeof(buf));
    ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 1, 2, buf), BLOCK_OK);
    ck_assert_int_eq(block_rw(b, BLOCK_FLUSH, 0, 0, NULL), BLOCK_OK);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 97, 4, buf), BLOCK_IO_ERROR);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, UINT64_MAX, 2, buf), BLOCK_IO_ERROR);
    ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 100, 1, buf), BLOCK_IO_ERROR);
    ck_assert_uint_eq(b->rd_ops, 1);
    ck_assert_uint_eq(b->wr_bytes, 1024);
    block_close(b);
    size_t len;
    u8 *all = os_read_file(path, 1 << 20, &len, NULL);
    ck_assert_uint_eq(len, 100 * 512);
    for (size_t i = 0; i < len; i++)
        ck_assert_uint_eq(all[i], i >= 512 && i < 3 * 512 ? 0xaa : byte_at(i));
    xfree(all);
}
END_TEST

START_TEST(odd_size)
{
    make_file(2 * 512 + 100);
    struct block *b = must_open(true, false);
    u8 buf[512];
    ck_assert_uint_eq(b->sectors, 3);
    ck_assert_ptr_nonnull(strstr(warning, "no multiple of 512"));
    memset(buf, 0x77, 512);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 2, 1, buf), BLOCK_OK);
    for (size_t i = 0; i < 512; i++)
        ck_assert_uint_eq(buf[i], i < 100 ? byte_at(1024 + i) : 0);
    ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 2, 1, buf), BLOCK_READ_ONLY);
    /* cut while in use: an error, not zeros */
    ck_assert(!truncate(path, 512));
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 2, 1, buf), BLOCK_IO_ERROR);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 1, 1, buf), BLOCK_IO_ERROR);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 0, 1, buf), BLOCK_OK);
    block_close(b);
}
END_TEST

START_TEST(growing_file)
{
    make_file(4 * 512);
    struct block *b = must_open(true, false);
    u8 buf[512];
    warning[0] = 0;
    ck_assert(!truncate(path, 40 * 512));
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 4, 1, buf), BLOCK_IO_ERROR);
    ck_assert_int_eq(block_rw(b, BLOCK_FLUSH, 0, 0, NULL), BLOCK_OK);
    ck_assert_ptr_nonnull(strstr(warning, "grown"));
    block_close(b);
}
END_TEST

START_TEST(bad_files)
{
    must_fail(false, false, "no such file");
    make_file(0);
    must_fail(false, false, "empty");
    must_fail(true, false, "truncate -s");
    make_file(512);
    if (geteuid()) { /* root may do anything */
        chmod(path, 0400);
        must_fail(false, false, "readonly=on");
        block_close(must_open(true, false));
        block_close(must_open(false, true));
        chmod(path, 0);
        must_fail(true, false, "no permission");
    }
    unlink(path);
    mkdir(path, 0700);
    must_fail(true, false, "directory");
    must_fail(false, false, "directory");
    rmdir(path);
    mkfifo(path, 0600);
    must_fail(true, false, "neither a file nor");
    must_fail(false, false, "neither a file nor");
}
END_TEST

START_TEST(other_formats_are_refused_once)
{
    make_file(2048);
    int fd = open(path, O_WRONLY);
    ck_assert_int_eq(pwrite(fd, "QFI\xfb", 4, 0), 4);
    close(fd);
    must_fail(false, false, "qcow2");
    struct err e = { 0 };
    ck_assert_ptr_null(open_it(false, false, "qcow2", &e));
    ck_assert_int_eq(e.code, ERR_CONFIG);
    struct block *b = must_open(true, false); /* format=raw insists */
    u8 buf[512];
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 0, 1, buf), BLOCK_OK);
    ck_assert_mem_eq(buf, "QFI\xfb", 4);
    block_close(b);
}
END_TEST

/* In a process of its own, as flock is per opening and the message names processes. */
static pid_t holder(bool ro, bool snap)
{
    int ready[2];
    char c;
    ck_assert(!pipe(ready));
    pid_t pid = fork();
    if (!pid) {
        must_open(ro, snap);
        if (write(ready[1], "x", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    ck_assert_int_eq(read(ready[0], &c, 1), 1);
    return pid;
}

static void end(pid_t pid)
{
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

START_TEST(locks)
{
    char name[64];
    make_file(4096);
    pid_t a = holder(true, false), b = holder(false, true);
    block_close(must_open(true, false));
    block_close(must_open(false, true));
    must_fail(false, false, "is being read");
    must_fail(false, false, "snapshot=on");
    end(a);
    must_fail(false, false, "is being read");
    snprintf(name, sizeof(name), "process %d (", (int)b);
    must_fail(false, false, name);
    end(b);
    a = holder(false, false);
    snprintf(name, sizeof(name), "is being written by process %d (", (int)a);
    must_fail(false, false, name);
    must_fail(true, false, name);
    must_fail(false, true, name);
    end(a);
    struct block *w = must_open(false, false);
    must_fail(false, false, "given twice");
    block_close(w);
    block_close(must_open(false, false));
}
END_TEST

static bool to_file(void *to, const void *p, size_t n) { return fwrite(p, 1, n, to) == n; }
static bool from_file(void *from, void *p, size_t n) { return fread(p, 1, n, from) == n; }

/* Random reads and writes of an overlay against an array; the file stays as it was; the overlay
 * survives saving and loading. */
START_TEST(overlay_against_model)
{
    enum { SECTORS = 1000 };
    make_file(SECTORS * 512 - 13);
    struct block *b = must_open(false, true);
    ck_assert(!b->read_only);
    ck_assert_uint_eq(b->sectors, SECTORS);
    static u8 model[SECTORS * 512], buf[300 * 512];
    for (size_t i = 0; i < sizeof(model) - 13; i++)
        model[i] = byte_at(i);
    srand(5);
    for (int step = 0; step < 2000; step++) {
        u32 n = 1 + (u32)(rand() % (rand() % 4 ? 8 : 300));
        u64 s = (u64)(rand() % (int)(SECTORS - n + 1));
        if (step < 60 && step % 2) {
            for (u32 i = 0; i < n * 512; i++)
                buf[i] = model[s * 512 + i] = (u8)rand();
            ck_assert_int_eq(block_rw(b, BLOCK_WRITE, s, n, buf), BLOCK_OK);
        } else {
            ck_assert_int_eq(block_rw(b, BLOCK_READ, s, n, buf), BLOCK_OK);
            ck_assert_mem_eq(buf, model + s * 512, n * 512);
        }
    }
    FILE *f = tmpfile();
    struct err e = { 0 };
    ck_assert_msg(b->ops->save_overlay(b, to_file, f, &e), "%s", e.msg);
    long len = ftell(f);
    block_close(b);

    size_t n;
    u8 *all = os_read_file(path, 1 << 20, &n, NULL);
    ck_assert_uint_eq(n, SECTORS * 512 - 13);
    for (size_t i = 0; i < n; i++)
        ck_assert_uint_eq(all[i], byte_at(i));
    xfree(all);

    b = must_open(false, true);
    rewind(f);
    ck_assert_msg(b->ops->load_overlay(b, from_file, f, &e), "%s", e.msg);
    for (u64 s = 0; s < SECTORS; s += 100) {
        ck_assert_int_eq(block_rw(b, BLOCK_READ, s, 100, buf), BLOCK_OK);
        ck_assert_mem_eq(buf, model + s * 512, 100 * 512);
    }
    /* cut short, and with each of its head's bits wrong: refused */
    for (int bit = -1; bit < 128; bit++) {
        u8 head[16];
        FILE *g = tmpfile();
        rewind(f);
        ck_assert_uint_eq(fread(head, 1, 16, f), 16);
        if (bit >= 0)
            head[bit / 8] ^= (u8)(1 << bit % 8);
        fwrite(head, 1, 16, g);
        for (long i = 16; i < len - (bit < 0); i++)
            putc(getc(f), g);
        rewind(g);
        struct err e2 = { 0 };
        bool ok = b->ops->load_overlay(b, from_file, g, &e2);
        if (bit < 96) /* sectors and cluster size; a smaller count is a shorter overlay */
            ck_assert(!ok && e2.code == ERR_STATE);
        fclose(g);
    }
    fclose(f);
    block_close(b);
}
END_TEST

static struct block *stopped;
static void on_stop(void *to, struct block *b)
{
    (void)to;
    stopped = b;
}

/* A file size limit stands for a full disk: EFBIG comes where ENOSPC would. */
START_TEST(full_disk)
{
    signal(SIGXFSZ, SIG_IGN);
    make_file(512);
    ck_assert(!truncate(path, 1 << 20));
    struct block *b = must_open(false, false), *o;
    u8 buf[512];
    memset(buf, 0x5a, 512);
    struct rlimit was, now = { 4096, RLIM_INFINITY };
    getrlimit(RLIMIT_FSIZE, &was);
    now.rlim_max = was.rlim_max;
    setrlimit(RLIMIT_FSIZE, &now);

    b->on_stop = on_stop;
    ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 1, 1, buf), BLOCK_OK);
    struct block_req r = { .op = BLOCK_WRITE, .sector = 100, .count = 1, .buf = buf };
    block_submit(b, &r);
    ck_assert_int_eq(block_wait(b, &r), BLOCK_PENDING);
    ck_assert_ptr_eq(stopped, b);
    stopped = NULL;
    ck_assert_int_eq(block_wait(b, &r), BLOCK_PENDING); /* still full */
    ck_assert_ptr_eq(stopped, b);
    setrlimit(RLIMIT_FSIZE, &was);
    ck_assert_int_eq(block_wait(b, &r), BLOCK_OK); /* retried */
    memset(buf, 0, 512);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 100, 1, buf), BLOCK_OK);
    ck_assert_uint_eq(buf[7], 0x5a);

    setrlimit(RLIMIT_FSIZE, &now);
    b->werror = BLOCK_REPORT;
    ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 200, 1, buf), BLOCK_NO_SPACE);
    b->werror = BLOCK_IGNORE;
    ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 200, 1, buf), BLOCK_OK);
    b->werror = BLOCK_STOP;
    stopped = NULL;
    /* the guest's own mistake stops nothing */
    ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 1 << 20, 1, buf), BLOCK_IO_ERROR);
    ck_assert_ptr_null(stopped);
    block_close(b);

    /* an overlay without space leaves what was there */
    o = must_open(false, true);
    o->werror = BLOCK_REPORT;
    memset(buf, 0x11, 512);
    ck_assert_int_eq(block_rw(o, BLOCK_WRITE, 100, 1, buf), BLOCK_NO_SPACE);
    ck_assert_int_eq(block_rw(o, BLOCK_READ, 100, 1, buf), BLOCK_OK);
    ck_assert_uint_eq(buf[7], 0x5a);
    setrlimit(RLIMIT_FSIZE, &was);
    block_close(o);
}
END_TEST

/* What a write and a flush of the guest do on the host. */
START_TEST(cache_modes)
{
    static const struct { enum blk_cache cache; int by_write, by_flush, by_close; bool through; } modes[] = {
        { BLK_WRITEBACK, 0, 1, 1, false }, { BLK_WRITETHROUGH, 1, 2, 0, true },
        { BLK_UNSAFE, 0, 0, 0, false }, { BLK_NONE, 0, 1, 1, false },
        { BLK_DIRECTSYNC, 1, 2, 0, true },
    };
    u8 buf[3 * 512];
    make_file(64 * 512);
    for (unsigned i = 0; i < ARRAY_LEN(modes); i++) {
        struct err e = { 0 };
        struct block *b = open_cache(modes[i].cache, false, &e);
        if (!b && strstr(e.msg, "O_DIRECT"))
            continue; /* a file system without it, which was said */
        ck_assert_msg(b != NULL, "%s", e.msg);
        ck_assert_int_eq(b->through, modes[i].through);
        memset(buf, 0x50 + (int)i, sizeof(buf));
        ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 3, 3, buf), BLOCK_OK);
        ck_assert_int_eq(flushes, modes[i].by_write);
        ck_assert_int_eq(block_rw(b, BLOCK_FLUSH, 0, 0, NULL), BLOCK_OK);
        ck_assert_int_eq(flushes, modes[i].by_flush);
        flushes = 0;
        block_close(b);
        ck_assert_int_eq(flushes, 0); /* nothing was left to flush */

        b = open_cache(modes[i].cache, false, &e);
        ck_assert_int_eq(block_rw(b, BLOCK_READ, 2, 3, buf), BLOCK_OK);
        ck_assert_uint_eq(buf[0], byte_at(1024));
        ck_assert_uint_eq(buf[512], 0x50 + i);
        ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 9, 1, buf), BLOCK_OK);
        flushes = 0;
        block_close(b);
        ck_assert_int_eq(flushes, modes[i].by_close);

        /* the drive's own write cache is off */
        b = open_cache(modes[i].cache, false, &e);
        struct block_req r = { .op = BLOCK_WRITE, .sector = 1, .count = 1, .buf = buf,
                               .through = true };
        block_submit(b, &r);
        ck_assert_int_eq(block_wait(b, &r), BLOCK_OK);
        ck_assert_int_eq(flushes, modes[i].cache != BLK_UNSAFE);
        block_close(b);
    }
}
END_TEST

/* Past the page cache, at any sector and of any length, against an array. */
START_TEST(direct_against_model)
{
    enum { SECTORS = 1024 };
    static u8 model[SECTORS * 512], buf[600 * 512];
    struct err e = { 0 };
    make_file(sizeof(model));
    for (size_t i = 0; i < sizeof(model); i++)
        model[i] = byte_at(i);
    struct block *b = open_cache(BLK_NONE, false, &e);
    if (!b) {
        ck_assert_msg(strstr(e.msg, "O_DIRECT") && strstr(e.msg, "cache=writeback"), "%s", e.msg);
        return;
    }
    srand(7);
    for (int step = 0; step < 300; step++) {
        u32 n = 1 + (u32)(rand() % (rand() % 4 ? 9 : 600));
        u64 s = (u64)(rand() % (int)(SECTORS - n + 1));
        if (step % 2) {
            for (u32 i = 0; i < n * 512; i++)
                buf[i] = model[s * 512 + i] = (u8)rand();
            ck_assert_int_eq(block_rw(b, BLOCK_WRITE, s, n, buf), BLOCK_OK);
        } else {
            ck_assert_int_eq(block_rw(b, BLOCK_READ, s, n, buf), BLOCK_OK);
            ck_assert_mem_eq(buf, model + s * 512, n * 512);
        }
    }
    ck_assert(!truncate(path, 4096));
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 64, 1, buf), BLOCK_IO_ERROR);
    block_close(b);
    make_file(1000);
    ck_assert_ptr_null(open_cache(BLK_DIRECTSYNC, false, &e));
    ck_assert_msg(strstr(e.msg, "cache=directsync") && strstr(e.msg, "no multiple of"), "%s", e.msg);
}
END_TEST

/* The kernel tells once that it could not write: no later flush may say that all is well. */
START_TEST(failed_flush)
{
    struct err e = { 0 };
    u8 buf[512] = { 0 };
    make_file(4096);
    struct block *b = open_cache(BLK_WRITEBACK, false, &e);
    ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 0, 1, buf), BLOCK_OK);
    flush_error = EIO;
    b->werror = BLOCK_REPORT;
    warning[0] = 0;
    ck_assert_int_eq(block_rw(b, BLOCK_FLUSH, 0, 0, NULL), BLOCK_IO_ERROR);
    ck_assert_ptr_nonnull(strstr(warning, "could not write"));
    ck_assert_int_eq(block_rw(b, BLOCK_FLUSH, 0, 0, NULL), BLOCK_IO_ERROR);
    b->werror = BLOCK_IGNORE;
    ck_assert_int_eq(block_rw(b, BLOCK_FLUSH, 0, 0, NULL), BLOCK_OK);
    ck_assert_uint_eq(b->errors, 3);
    ck_assert_uint_eq(b->flush_ops, 3);
    block_close(b);
}
END_TEST

static long blocks_of_file(void)
{
    struct stat st;
    ck_assert(!stat(path, &st));
    ck_assert_int_eq(st.st_size, 1 << 20);
    return (long)st.st_blocks;
}

START_TEST(discards)
{
    struct err e = { 0 };
    u8 buf[512];
    make_file(1 << 20);
    sync();
    long full = blocks_of_file();
    struct block *b = open_cache(BLK_WRITEBACK, false, &e);
    ck_assert(!b->discard);
    ck_assert_int_eq(block_rw(b, BLOCK_DISCARD, 0, 1024, NULL), BLOCK_OK);
    block_close(b);
    ck_assert_int_eq(blocks_of_file(), full);

    b = open_cache(BLK_WRITEBACK, true, &e);
    ck_assert(b->discard);
    ck_assert_int_eq(block_rw(b, BLOCK_DISCARD, 16, 1024, NULL), BLOCK_OK);
    ck_assert_int_eq(block_rw(b, BLOCK_DISCARD, 2000, 100, NULL), BLOCK_IO_ERROR);
    ck_assert_uint_eq(b->discard_ops, 1);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 15, 1, buf), BLOCK_OK);
    ck_assert_uint_eq(buf[3], byte_at(15 * 512 + 3));
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 16, 1, buf), BLOCK_OK);
    long left = blocks_of_file();
    ck_assert(left == full ? buf[3] == byte_at(16 * 512 + 3) : buf[3] == 0);
    ck_assert_msg(left == full || left <= full - 1000, "%ld of %ld blocks left", left, full);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 1040, 1, buf), BLOCK_OK);
    ck_assert_uint_eq(buf[3], byte_at(1040 * 512 + 3));
    block_close(b);
}
END_TEST

/* Many flushes and reads in flight; reset-like resubmission without a wait. */
START_TEST(worker)
{
    make_file(64 * 512);
    struct block *b = must_open(false, false);
    static u8 buf[40][512];
    struct block_req r[40];
    memset(r, 0, sizeof(r));
    for (int round = 0; round < 20; round++) {
        for (unsigned i = 0; i < 40; i++) {
            r[i].op = i % 3 ? BLOCK_READ : BLOCK_FLUSH;
            r[i].sector = i;
            r[i].count = i % 3 ? 1 : 0;
            r[i].buf = buf[i];
            block_submit(b, &r[i]);
        }
        if (round % 2)
            continue; /* submitted again without having been waited for */
        for (unsigned i = 0; i < 40; i++) {
            ck_assert_int_eq(block_wait(b, &r[i]), BLOCK_OK);
            if (i % 3)
                ck_assert_uint_eq(buf[i][9], byte_at(i * 512 + 9));
        }
    }
    block_close(b);
}
END_TEST

START_TEST(in_memory)
{
    u8 data[1024] = { 1, 2, 3 }, buf[1024];
    struct block *b = block_mem(data, 2, false);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 0, 2, buf), BLOCK_OK);
    ck_assert_mem_eq(buf, data, 1024);
    buf[0] = 9;
    ck_assert_int_eq(block_rw(b, BLOCK_WRITE, 1, 1, buf), BLOCK_OK);
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 1, 1, buf), BLOCK_OK);
    ck_assert_uint_eq(buf[0], 9);
    ck_assert_uint_eq(data[512], 0);
    b->inserted = false;
    ck_assert_int_eq(block_rw(b, BLOCK_READ, 0, 1, buf), BLOCK_IO_ERROR);
    block_close(b);
}
END_TEST

START_TEST(whole_files)
{
    struct err e = { 0 };
    size_t len;
    struct os_out *o = os_out_new(path, &e);
    ck_assert_ptr_nonnull(o);
    ck_assert(os_out_write(o, "hello", 5));
    ck_assert(!os_file_exists(path)); /* not before it is whole */
    ck_assert(os_out_commit(o, &e));
    u8 *p = os_read_file(path, 5, &len, &e);
    ck_assert_ptr_nonnull(p);
    ck_assert_str_eq((char *)p, "hello");
    xfree(p);
    ck_assert_ptr_null(os_read_file(path, 4, &len, &e));
    ck_assert_ptr_nonnull(strstr(e.msg, "longer than 4"));
    o = os_out_new(path, &e);
    os_out_write(o, "bye", 3);
    os_out_abort(o);
    char buf[6] = "";
    struct os_in *in = os_in_new(path, &e);
    ck_assert(os_in_read(in, buf, 5));
    ck_assert_str_eq(buf, "hello");
    ck_assert(!os_in_read(in, buf, 1));
    os_in_free(in);
}
END_TEST

START_TEST(ram_objects)
{
    struct ram_object obj;
    struct err e = { 0 };
    ck_assert(os_ram_new(&obj, 1 << 20, &e));
    ck_assert_uint_eq(obj.base[12345], 0);
    memset(obj.base, 0x55, 1 << 20);
    obj.zero(&obj, 4096, 8192);
    ck_assert_uint_eq(obj.base[4095], 0x55);
    ck_assert_uint_eq(obj.base[4096], 0);
    ck_assert_uint_eq(obj.base[12287], 0);
    ck_assert_uint_eq(obj.base[12288], 0x55);
    obj.release(&obj);
    ck_assert(!os_ram_new(&obj, 1ull << 60, &e));
    ck_assert_int_eq(e.code, ERR_RESOURCE);
}
END_TEST

Suite *suite_blk(void);
Suite *suite_blk(void)
{
    Suite *s = suite_create("blk");
    TCase *tc = tcase_create("blk");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, reads_and_writes);
    tcase_add_test(tc, odd_size);
    tcase_add_test(tc, growing_file);
    tcase_add_test(tc, bad_files);
    tcase_add_test(tc, other_formats_are_refused_once);
    tcase_add_test(tc, locks);
    tcase_add_test(tc, overlay_against_model);
    tcase_add_test(tc, full_disk);
    tcase_add_test(tc, cache_modes);
    tcase_add_test(tc, direct_against_model);
    tcase_add_test(tc, failed_flush);
    tcase_add_test(tc, discards);
    tcase_add_test(tc, worker);
    tcase_add_test(tc, in_memory);
    tcase_add_test(tc, whole_files);
    tcase_add_test(tc, ram_objects);
    suite_add_tcase(s, tc);
    return s;
}
