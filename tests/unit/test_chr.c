/* SPDX-License-Identifier: MIT */
/* The machine thread's loop, its post queue under threads, and the character backends. */
#define _GNU_SOURCE
#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "core/xalloc.h"
#include "host/chr.h"
#include "host/loop.h"
#include "host/os.h"

static char dir[64], path[128]; /* test-only; each test runs in a process of its own */
static struct loop *loop;
static char noted[256];

static void setup(void)
{
    struct err e = { 0 };
    strcpy(dir, P_tmpdir "/nb-test-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/f", dir);
    loop = loop_new(&e);
    ck_assert_ptr_nonnull(loop);
}

static void teardown(void)
{
    loop_free(loop);
    unlink(path);
    ck_assert_msg(!rmdir(dir), "something was left behind");
}

static void note(void *to, const char *line)
{
    (void)to;
    snprintf(noted, sizeof(noted), "%s", line);
}

/* A device: takes up to `room` bytes. */
struct dev {
    u32 room, len;
    u8 got[1 << 18];
    int opened, closed;
};

static u32 can_receive(void *dev) { return ((struct dev *)dev)->room; }
static void receive(void *dev, const u8 *data, u32 len)
{
    struct dev *d = dev;
    ck_assert_uint_le(len, d->room);
    memcpy(d->got + d->len, data, len);
    d->len += len;
    d->room -= len;
}
static void on_event(void *dev, int what)
{
    struct dev *d = dev;
    d->opened += what == CHARDEV_OPENED;
    d->closed += what == CHARDEV_CLOSED;
}

static void plug(struct chardev *c, struct dev *d)
{
    c->can_receive = can_receive;
    c->receive = receive;
    c->event = on_event;
    c->dev = d;
}

static struct chardev *chr(const char *fmt, const char *arg)
{
    char spec[256];
    struct err e = { 0 };
    struct chr_opts o = { .loop = loop, .note = note };
    snprintf(spec, sizeof(spec), fmt, arg); /* NOLINT: formats of this file */
    struct chardev *c = chr_open(spec, &o, &e);
    ck_assert_msg(c != NULL, "%s", e.msg);
    return c;
}

static void spin(int times)
{
    while (times--)
        loop_wait(loop, 2000000);
}

/* ---- posts ---- */

static char order[64];
static unsigned num_order;
static void mark(void *arg, bool run)
{
    order[num_order++] = run ? (char)(uintptr_t)arg : '-';
}

static void repost(void *arg, bool run)
{
    mark(arg, run);
    loop_post(loop, mark, (void *)'z', LOOP_ASAP);
}

START_TEST(posts_run_by_deadline_then_order)
{
    loop_post(loop, mark, (void *)'c', 300);
    loop_post(loop, mark, (void *)'a', 100);
    loop_post(loop, mark, (void *)'d', 300);
    loop_post(loop, repost, (void *)'b', LOOP_ASAP);
    loop_post(loop, mark, (void *)'e', 301);
    ck_assert(loop_pending(loop));
    ck_assert_uint_eq(loop_next(loop), 0);
    ck_assert(!loop_pending(loop));
    ck_assert(loop_drain(loop, 99));
    ck_assert_str_eq(order, "b"); /* what it posted waits for the next drain */
    ck_assert(loop_pending(loop));
    ck_assert(loop_drain(loop, 300));
    ck_assert_str_eq(order, "bzacd");
    ck_assert_uint_eq(loop_next(loop), 301);
    ck_assert(!loop_drain(loop, 300));
    loop_post(loop, mark, (void *)'f', 5);
    loop_free(loop);
    loop = NULL;
    ck_assert_str_eq(order, "bzacd--");
}
END_TEST

static u64 sum;
static int kicks;
static void add(void *arg, bool run)
{
    sum += run ? (uintptr_t)arg : 0;
}
static void on_kick(void *to)
{
    __atomic_add_fetch((int *)to, 1, __ATOMIC_RELAXED);
}
static void poster(void *arg)
{
    (void)arg;
    for (uintptr_t i = 1; i <= 5000; i++)
        loop_post(loop, add, (void *)i, i % 7 ? LOOP_ASAP : i);
}

START_TEST(posts_from_threads)
{
    struct os_thread *t[4];
    loop_on_kick(loop, on_kick, &kicks);
    for (int i = 0; i < 4; i++)
        t[i] = os_thread_start(poster, NULL, "poster");
    const u64 want = 4ull * 5000 * 5001 / 2;
    for (int i = 0; i < 100000 && sum != want; i++) {
        loop_wait(loop, 1000000);
        loop_drain(loop, UINT64_MAX);
    }
    ck_assert_uint_eq(sum, want);
    for (int i = 0; i < 4; i++)
        os_thread_join(t[i]);
    ck_assert_int_eq(kicks, 20000);
}
END_TEST

static void kick_later(void *arg)
{
    (void)arg;
    os_sleep_ns(20000000);
    loop_kick(loop);
}

START_TEST(sleeping_and_kicking)
{
    u64 t0 = os_mono_ns(NULL);
    ck_assert(!loop_wait(loop, 5000000));
    u64 t1 = os_mono_ns(NULL);
    ck_assert_uint_ge(t1 - t0, 5000000);
    struct os_thread *t = os_thread_start(kick_later, NULL, "kick");
    ck_assert(loop_wait(loop, LOOP_FOREVER));
    os_thread_join(t);
    ck_assert(!loop_wait(loop, 0)); /* one kick, one wake */
    struct os_event *ev = os_event_new();
    ck_assert(!os_event_wait(ev, 1000000));
    os_event_signal(ev);
    os_event_signal(ev);
    ck_assert(os_event_wait(ev, UINT64_MAX));
    ck_assert(!os_event_wait(ev, 0));
    os_event_free(ev);
}
END_TEST

static struct loop_fd *watches[2];
static int calls;
static void remove_both(void *arg, int events)
{
    (void)arg, (void)events;
    calls++;
    loop_unwatch(watches[0]);
    loop_unwatch(watches[1]);
}

START_TEST(watches_may_be_removed_inside)
{
    int a[2], b[2];
    ck_assert(!pipe(a) && !pipe(b));
    ck_assert_int_eq(write(a[1], "x", 1) + write(b[1], "x", 1), 2);
    watches[0] = loop_watch(loop, a[0], LOOP_READ, remove_both, NULL);
    watches[1] = loop_watch(loop, b[0], LOOP_READ, remove_both, NULL);
    spin(3);
    ck_assert_int_eq(calls, 1);
}
END_TEST

/* ---- backends ---- */

START_TEST(bad_specs)
{
    static const struct { const char *spec; enum err_code code; } bad[] = {
        { "nonsense", ERR_CONFIG }, { "file:", ERR_CONFIG }, { "tcp:localhost", ERR_CONFIG },
        { "tcp:", ERR_CONFIG }, { "tcp:h:1,frob", ERR_CONFIG }, { "tcp:127.0.0.1:0", ERR_CONFIG },
        { "tcp:127.0.0.1:65536", ERR_CONFIG }, { "tcp:127.0.0.1:99999,server,nowait", ERR_CONFIG },
        { "tcp:127.0.0.1:http", ERR_CONFIG }, { "tcp:127.0.0.1:+1", ERR_CONFIG },
        { "telnet:127.0.0.1:4444", ERR_CONFIG }, { "udp:127.0.0.1:4444", ERR_CONFIG },
        { "file:/nonexistent/dir/x", ERR_RESOURCE }, { "unix:/nonexistent/x", ERR_RESOURCE },
        { "pipe:/nonexistent/x", ERR_RESOURCE }, { "vc", ERR_CONFIG }, { "vc:80Cx24C", ERR_CONFIG },
        { "file:/dev/null,input-path=/nonexistent/x", ERR_RESOURCE }, { "tcp:127.0.0.1:1", ERR_RESOURCE },
    };
    struct chr_opts o = { .loop = loop };
    for (unsigned i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = { 0 };
        ck_assert_ptr_null(chr_open(bad[i].spec, &o, &e));
        ck_assert_msg(e.code == bad[i].code, "%s: %d %s", bad[i].spec, e.code, e.msg);
    }
}
END_TEST

START_TEST(null_and_file)
{
    struct chardev *c = chr("null", NULL);
    ck_assert_uint_eq(chardev_write(c, (const u8 *)"abc", 3), 3);
    chardev_accept_input(c);
    chr_close(c);
    ck_assert_uint_eq(chardev_write(NULL, (const u8 *)"abc", 3), 3);
    c = chr("file:%s", path);
    ck_assert_uint_eq(chardev_write(c, (const u8 *)"abc", 3), 3);
    chr_close(c);
    c = chr("file:%s,append=on", path);
    chardev_write(c, (const u8 *)"def", 3);
    chr_close(c);
    size_t n;
    u8 *p = os_read_file(path, 100, &n, NULL);
    ck_assert_str_eq((char *)p, "abcdef");
    xfree(p);
    c = chr("file:%s", path);
    chr_close(c);
    p = os_read_file(path, 100, &n, NULL);
    ck_assert_uint_eq(n, 0);
    xfree(p);
}
END_TEST

/* What a file holds comes as the device takes it, and its end is no hang-up. */
START_TEST(input_file)
{
    static struct dev d;
    char in[140], spec[300];
    snprintf(in, sizeof(in), "%s.in", path);
    FILE *f = fopen(in, "w");
    for (int k = 0; k < 5000; k++)
        fprintf(f, "%04d\n", k);
    fclose(f);
    snprintf(spec, sizeof(spec), "file:%s,append=on,input-path=%s", path, in);
    struct chardev *c = chr("%s", spec);
    plug(c, &d);
    d.room = 7;
    spin(3);
    ck_assert_uint_eq(d.len, 7);
    ck_assert(!loop_wait(loop, 1000000)); /* it waits for accept_input */
    d.room = sizeof(d.got);
    chardev_accept_input(c);
    spin(20);
    ck_assert_uint_eq(d.len, 25000);
    ck_assert_mem_eq(d.got + 24995, "4999\n", 5);
    ck_assert_int_eq(d.closed, 0);
    ck_assert(!loop_wait(loop, 1000000));
    ck_assert_uint_eq(chardev_write(c, (const u8 *)"out", 3), 3);
    chr_close(c);
    size_t n;
    u8 *p = os_read_file(path, 100, &n, NULL);
    ck_assert_uint_eq(n, 3);
    xfree(p);
    unlink(in);
}
END_TEST

/* QEMU's pair of FIFOs; the other side may come, go and come again. */
START_TEST(pipes)
{
    static struct dev d;
    char in[140], out[140], buf[16] = "";
    u8 junk[1000] = { 0 };
    snprintf(in, sizeof(in), "%s.in", path);
    snprintf(out, sizeof(out), "%s.out", path);
    ck_assert(!mkfifo(in, 0600) && !mkfifo(out, 0600));
    struct chardev *c = chr("pipe:%s", path);
    plug(c, &d);
    d.room = 100;
    for (u32 round = 1; round <= 2; round++) {
        ck_assert(!loop_wait(loop, 1000000)); /* nobody there is no hang-up */
        int w = open(in, O_WRONLY), r = open(out, O_RDONLY | O_NONBLOCK);
        ck_assert_int_eq(write(w, "ping", 4), 4);
        spin(2);
        ck_assert_uint_eq(d.len, 4 * round);
        ck_assert_uint_eq(chardev_write(c, (const u8 *)"pong", 4), 4);
        ck_assert_int_eq(read(r, buf, sizeof(buf)), 4);
        ck_assert_str_eq(buf, "pong");
        close(w), close(r);
    }
    ck_assert_mem_eq(d.got, "pingping", 8);
    for (int k = 0; k < 300; k++) /* nobody reads: the guest is not stopped */
        ck_assert_uint_eq(chardev_write(c, junk, sizeof(junk)), sizeof(junk));
    chr_close(c);
    unlink(in), unlink(out);

    /* one FIFO for both ways: what goes out comes in, unless somebody else reads it first */
    ck_assert(!mkfifo(path, 0600));
    c = chr("pipe:%s", path);
    int w = open(path, O_RDWR);
    ck_assert_int_eq(write(w, "one", 3), 3);
    d.len = 0;
    plug(c, &d);
    spin(2);
    ck_assert_uint_eq(d.len, 3);
    ck_assert_uint_eq(chardev_write(c, (const u8 *)"two", 3), 3);
    ck_assert_int_eq(read(w, buf, sizeof(buf)), 3);
    close(w);
    chr_close(c);
}
END_TEST

static void talk(struct chardev *server, const char *fmt, const char *address)
{
    static struct dev ds, dc;
    static u8 big[200000];
    memset(&ds, 0, sizeof(ds));
    memset(&dc, 0, sizeof(dc));
    plug(server, &ds);
    ck_assert(server->unplugged);
    ck_assert_uint_eq(chardev_write(server, (const u8 *)"lost", 4), 4); /* nobody is there */
    struct chardev *client = chr(fmt, address);
    plug(client, &dc);
    spin(2);
    ck_assert_int_eq(ds.opened, 1);
    ck_assert(!server->unplugged && !client->unplugged);
    dc.room = 3;
    chardev_write(server, (const u8 *)"hello", 5);
    spin(3);
    ck_assert_uint_eq(dc.len, 3); /* no more than it takes */
    dc.room = 10;
    spin(2);
    ck_assert_uint_eq(dc.len, 3); /* and not before it asks */
    chardev_accept_input(client);
    spin(2);
    ck_assert_mem_eq(dc.got, "hello", 5);

    /* a slow reader: what was taken arrives, in order, and the rest was not taken */
    for (unsigned i = 0; i < sizeof(big); i++)
        big[i] = (u8)(i * 7 + (i >> 9));
    u32 sent = 0;
    ds.room = 0;
    for (int i = 0; i < 40; i++)
        sent += chardev_write(client, big + sent, MIN(10000u, (u32)sizeof(big) - sent));
    ds.room = sizeof(ds.got);
    chardev_accept_input(server);
    for (int i = 0; i < 400 && ds.len < sizeof(big); i++) {
        spin(1);
        if (sent < sizeof(big))
            sent += chardev_write(client, big + sent, (u32)sizeof(big) - sent);
    }
    ck_assert_uint_eq(ds.len, sizeof(big));
    ck_assert_mem_eq(ds.got, big, sizeof(big));

    /* the client leaves, another comes */
    chr_close(client);
    spin(3);
    ck_assert_int_eq(ds.closed, 1);
    ck_assert(server->unplugged);
    client = chr(fmt, address);
    spin(2);
    ck_assert_int_eq(ds.opened, 2);
    chr_close(server);
    memset(&dc, 0, sizeof(dc));
    plug(client, &dc);
    dc.room = 1;
    spin(3);
    ck_assert_int_eq(dc.closed, 1);
    ck_assert_uint_eq(chardev_write(client, big, 5), 5);
    chr_close(client);
}

START_TEST(local_sockets)
{
    talk(chr("unix:%s,server,nowait", path), "unix:%s", path);
    struct stat st;
    ck_assert(stat(path, &st) < 0); /* removed at its end */
    /* what a killed run leaves is taken over; what is in use is not */
    pid_t pid = fork();
    if (!pid) {
        chr("unix:%s,server=on,wait=off", path);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
    ck_assert(!stat(path, &st));
    struct chardev *c = chr("unix:%s,server,nowait", path);
    char spec[200];
    struct err e = { 0 };
    struct chr_opts o = { .loop = loop };
    snprintf(spec, sizeof(spec), "unix:%s,server,nowait", path);
    ck_assert_ptr_null(chr_open(spec, &o, &e));
    chr_close(c);
}
END_TEST

START_TEST(tcp_sockets)
{
    struct err e = { 0 };
    struct chr_opts o = { .loop = loop };
    char spec[64], address[32];
    for (int i = 0; i < 50; i++) { /* a free port */
        snprintf(address, sizeof(address), "127.0.0.1:%d", 20000 + (getpid() * 31 + i * 97) % 30000);
        snprintf(spec, sizeof(spec), "tcp:%s,server,nowait", address);
        memset(&e, 0, sizeof(e));
        struct chardev *c = chr_open(spec, &o, &e);
        if (c) {
            talk(c, "tcp:%s", address);
            return;
        }
    }
    ck_abort_msg("%s", e.msg);
}
END_TEST

START_TEST(pseudo_terminals)
{
    static struct dev d;
    u8 junk[1000] = { 'a' };
    struct chardev *c = chr("pty", NULL);
    plug(c, &d);
    d.room = 100;
    const char *name = strrchr(noted, ' ') + 1;
    ck_assert(!loop_wait(loop, 1000000)); /* nobody has opened it: no busy loop */
    int fd = open(name, O_RDWR | O_NOCTTY);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "in\r", 3), 3);
    spin(2);
    ck_assert_uint_eq(d.len, 3);
    ck_assert_mem_eq(d.got, "in\r", 3); /* raw: no translation */
    ck_assert_uint_eq(chardev_write(c, (const u8 *)"out\n", 4), 4);
    char buf[16] = "";
    ck_assert_int_eq(read(fd, buf, sizeof(buf)), 4);
    ck_assert_str_eq(buf, "out\n");
    spin(2);
    ck_assert_uint_eq(d.len, 3); /* no echo */
    close(fd);
    ck_assert(!loop_wait(loop, 1000000)); /* a hang-up is none, */
    fd = open(name, O_RDWR | O_NOCTTY);   /* and the next one finds the line open and raw */
    ck_assert_int_eq(write(fd, "again\r", 6), 6);
    spin(2);
    ck_assert_uint_eq(d.len, 9);
    ck_assert_mem_eq(d.got, "in\ragain\r", 9);
    ck_assert_int_eq(d.closed, 0);
    close(fd);
    for (int i = 0; i < 1000; i++) /* nobody reads: the guest is not stopped */
        ck_assert_uint_eq(chardev_write(c, junk, sizeof(junk)), sizeof(junk));
    chr_close(c);
}
END_TEST

/* On a terminal of its own: raw while open, as it was after exit. */
START_TEST(stdio_restores_the_terminal)
{
    int master = posix_openpt(O_RDWR | O_NOCTTY);
    ck_assert(!grantpt(master) && !unlockpt(master));
    char *name = ptsname(master);
    int keep = open(name, O_RDWR | O_NOCTTY);
    struct termios before, during, after;
    ck_assert(!tcgetattr(keep, &before));
    for (int how = 0; how < 3; how++) {
        int go[2];
        ck_assert(!pipe(go));
        pid_t pid = fork();
        if (!pid) {
            char c;
            setsid();
            int tty_fd = open(name, O_RDWR); /* becomes the controlling terminal */
            dup2(tty_fd, 0);
            dup2(tty_fd, 1);
            struct chr_opts o = { .loop = loop };
            struct chardev *s = chr_open("stdio", &o, NULL);
            chardev_write(s, (const u8 *)"!", 1);
            if (read(go[0], &c, 1) != 1)
                _exit(1);
            if (how == 0)
                chr_close(s);
            else if (how == 2)
                abort();
            exit(0);
        }
        char c;
        ck_assert_int_eq(read(master, &c, 1), 1);
        ck_assert_int_eq(c, '!');
        tcgetattr(keep, &during);
        ck_assert_uint_eq(during.c_lflag & (ICANON | ECHO | ISIG), 0);
        ck_assert_uint_eq(during.c_iflag & (ICRNL | IXON), 0);
        ck_assert_int_eq(write(go[1], "x", 1), 1);
        waitpid(pid, NULL, 0);
        tcgetattr(keep, &after);
        ck_assert_uint_eq(after.c_lflag, before.c_lflag);
        ck_assert_uint_eq(after.c_iflag, before.c_iflag);
        close(go[0]), close(go[1]);
    }
}
END_TEST

/* Input that ends does not end output. */
START_TEST(stdio_without_input)
{
    int out[2];
    ck_assert(!pipe(out));
    int null_fd = open("/dev/null", O_RDONLY), old_in = dup(0), old_out = dup(1);
    dup2(null_fd, 0);
    dup2(out[1], 1);
    struct chardev *c = chr("stdio", NULL);
    spin(2);
    ck_assert(!loop_wait(loop, 1000000)); /* not asked again and again */
    chardev_write(c, (const u8 *)"still", 5);
    chr_close(c);
    dup2(old_in, 0);
    dup2(old_out, 1);
    char buf[8] = "";
    ck_assert_int_eq(read(out[0], buf, 8), 5);
    ck_assert_str_eq(buf, "still");
}
END_TEST

Suite *suite_chr(void);
Suite *suite_chr(void)
{
    Suite *s = suite_create("chr");
    TCase *tc = tcase_create("chr");
    tcase_add_checked_fixture(tc, setup, teardown);
    tcase_add_test(tc, posts_run_by_deadline_then_order);
    tcase_add_test(tc, posts_from_threads);
    tcase_add_test(tc, sleeping_and_kicking);
    tcase_add_test(tc, watches_may_be_removed_inside);
    tcase_add_test(tc, bad_specs);
    tcase_add_test(tc, null_and_file);
    tcase_add_test(tc, input_file);
    tcase_add_test(tc, pipes);
    tcase_add_test(tc, local_sockets);
    tcase_add_test(tc, tcp_sockets);
    tcase_add_test(tc, pseudo_terminals);
    tcase_add_test(tc, stdio_restores_the_terminal);
    tcase_add_test(tc, stdio_without_input);
    suite_add_tcase(s, tc);
    return s;
}
