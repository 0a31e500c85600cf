/* SPDX-License-Identifier: MIT */
/* include/nestbox.h as its callers use it: input, pause, calls and pictures from other threads while the
 * machine runs, debuggers' calls between two runs. Meant to be run under -fsanitize=thread as well. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "machine/machine.h"
#include "tests/unit/machine_rig.h"

/* The busy guest, halting in its loop, silent on its serial port but for the scan codes it gets. */
static struct nb_machine *echo(const char *const *pairs)
{
    static const u8 thre_on[] = { 0xba, 0xf9, 0x03, 0xb0, 0x02, 0xee };
    u8 *code = malloc(guest_busy_len);
    bool found = false;

    memcpy(code, guest_busy, guest_busy_len);
    code[BUSY_PAUSE] = 0xf4;
    for (size_t k = 0; k + sizeof thre_on <= guest_busy_len && !found; k++)
        if (!memcmp(code + k, thre_on, sizeof thre_on)) {
            code[k + 4] = 0;
            found = true;
        }
    ck_assert(found);
    struct nb_config *cfg = rig_config(code, guest_busy_len, pairs);
    rig_set(cfg, "serial", "callback");
    struct nb_error e = { 0 };
    struct nb_machine *m = nb_new(cfg, &e);
    ck_assert_msg(m != NULL, "%s", e.text);
    nb_config_free(cfg);
    free(code);
    return m;
}

struct heard { u8 data[4096]; size_t len; };

static void hear(void *to, const uint8_t *data, size_t len)
{
    struct heard *h = to;

    for (size_t k = 0; k < len && h->len < sizeof h->data; k++)
        h->data[h->len++] = data[k];
}

static void sleep_ms(unsigned ms)
{
    struct timespec t = { ms / 1000, (long)(ms % 1000) * 1000000 };

    nanosleep(&t, NULL);
}

static u64 host_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (u64)t.tv_sec * 1000 + (u64)t.tv_nsec / 1000000;
}

static void expect(const struct heard *h, const u8 *want, size_t n)
{
    ck_assert_uint_eq(h->len, n);
    for (size_t k = 0; k < n; k++)
        ck_assert_msg(h->data[k] == want[k], "byte %zu: %02x, not %02x", k, h->data[k], want[k]);
}
#define EXPECT(h, ...) \
    do { \
        static const u8 want_[] = { __VA_ARGS__ }; \
        expect(h, want_, sizeof want_); \
        (h)->len = 0; \
    } while (0)

/* ---- input, one thread, counted: the very bytes */

START_TEST(keys)
{
    struct heard h = { .len = 0 };
    struct nb_machine *m = echo(NULL);

    nb_serial_output(m, 0, hear, &h);
    nb_run(m, 50000000);
    EXPECT(&h, 0xfa); /* the answer to F4 */
    nb_key(m, 0x04, true);
    nb_key(m, 0x04, false);
    nb_run(m, 50000000);
    EXPECT(&h, 0x1e, 0x9e);
    nb_key(m, 0, true); /* no key */
    nb_key(m, 0xff, true);
    nb_run(m, 50000000);
    ck_assert_uint_eq(h.len, 0);
    ck_assert_uint_eq(nb_type(m, "aB\xc3\xa4\n"), 3);
    nb_run(m, 400000000);
    EXPECT(&h, 0x1e, 0x9e, 0x2a, 0x30, 0xb0, 0xaa, 0x1c, 0x9c);
    ck_assert_uint_eq(nb_type(m, ""), 0);
    ck_assert(nb_sendkey(m, "ctrl-alt-delete", 50));
    nb_run(m, 400000000);
    EXPECT(&h, 0x1d, 0x38, 0xe0, 0x53, 0xe0, 0xd3, 0xb8, 0x9d);
    ck_assert(!nb_sendkey(m, "ctrl-alt-nonsense", 50));
    ck_assert(!nb_sendkey(m, "", 50));
    ck_assert(!nb_sendkey(m, "a-", 50));
    ck_assert(!nb_sendkey(m, "-a", 50));
    ck_assert(!nb_sendkey(m, "a-b-c-d-e-f-g-h-i", 50));
    nb_run(m, 100000000);
    ck_assert_uint_eq(h.len, 0);
    ck_assert(nb_sendkey(m, "shift-f1", 200));
    nb_run(m, 150000000);
    EXPECT(&h, 0x2a, 0x3b);
    nb_run(m, 150000000);
    EXPECT(&h, 0xbb, 0xaa);
    nb_mouse(m, 5, 5, 0, NB_MOUSE_LEFT); /* no mouse is enabled */
    nb_run(m, 50000000);
    ck_assert_uint_eq(h.len, 0);
    nb_free(m);
}
END_TEST

START_TEST(serial_input)
{
    static const u8 code[] = {
        0xba, 0xfb, 0x03, 0xb0, 0x03, 0xee, /* mov dx,3fbh; mov al,3; out dx,al: 8 bits */
        0xb2, 0xfd, 0xec, 0xa8, 0x01,       /* again: mov dl,0fdh; next: in al,dx; test al,1 */
        0x74, 0xfb, 0xb2, 0xf8, 0xec,       /* jz next; mov dl,0f8h; in al,dx */
        0xf6, 0xd0, 0xee, 0xeb, 0xf1,       /* not al; out dx,al; jmp again */
    };
    static const char *const pairs[] = { "serial", "callback", NULL };
    struct nb_machine *m = rig_machine(code, sizeof code, pairs);
    struct heard h = { .len = 0 };
    u8 sent[1000];

    for (unsigned k = 0; k < sizeof sent; k++)
        sent[k] = (u8)(k * 3);
    nb_serial_output(m, 0, hear, &h);
    nb_serial_input(m, 0, sent, 600);
    nb_run(m, 1000000);
    nb_serial_input(m, 0, sent + 600, 400);
    nb_serial_input(m, 7, sent, 400);
    nb_serial_input(m, 1, sent, 400);
    nb_run(m, 2000000000);
    ck_assert_uint_eq(h.len, sizeof sent);
    for (unsigned k = 0; k < sizeof sent; k++)
        ck_assert_uint_eq(h.data[k], (u8)~sent[k]);
    nb_free(m);
}
END_TEST

/* ---- other threads */

struct worker {
    struct nb_machine *m;
    u32 calls, gets, changed;
    volatile int stop;
};

static void count_call(void *arg)
{
    struct worker *w = arg;

    w->calls++;
}

static void *caller(void *arg)
{
    struct worker *w = arg;

    for (unsigned k = 0; k < 200; k++)
        ck_assert(nb_call(w->m, count_call, w));
    return NULL;
}

static void *typist(void *arg)
{
    struct worker *w = arg;

    for (unsigned k = 0; k < 20; k++) {
        nb_key(w->m, 0x05, true);
        nb_key(w->m, 0x05, false);
        nb_type(w->m, "x");
        nb_sendkey(w->m, "ret", 1);
        nb_mouse(w->m, (int)k, 1, 0, 0);
        nb_keyboard_leds(w->m);
        sleep_ms(2);
    }
    return NULL;
}

static void *watcher(void *arg)
{
    struct worker *w = arg;
    struct nb_frame *f = calloc(1, sizeof *f);

    while (!__atomic_load_n(&w->stop, __ATOMIC_RELAXED)) {
        w->gets++;
        if (nb_frame_get(w->m, f)) {
            w->changed++;
            u64 sum = 0;
            for (u64 k = 0; k < (u64)f->width * f->height; k++)
                sum += f->pixels[k];
            ck_assert(f->dirty_last < f->height || f->height == 0);
            ck_assert(sum < UINT64_MAX);
        }
        sleep_ms(1);
    }
    nb_frame_free(f);
    free(f);
    return NULL;
}

static void *pauser(void *arg)
{
    struct worker *w = arg;

    for (unsigned k = 0; k < 30; k++) {
        nb_pause(w->m);
        sleep_ms(1);
        nb_cont(w->m);
        nb_is_paused(w->m);
    }
    nb_nmi(w->m);
    return NULL;
}

static void *quitter(void *arg)
{
    struct worker *w = arg;

    sleep_ms(50);
    nb_quit(w->m);
    return NULL;
}

static const char *const sources[] = { "real", "counted,ns=20", "counted" };

START_TEST(threads)
{
    const char *const pairs[] = { "clock", sources[_i], NULL };
    struct nb_machine *m = echo(pairs);
    struct worker w[5] = { { .m = m }, { .m = m }, { .m = m }, { .m = m }, { .m = m } };
    pthread_t t[5];

    pthread_create(&t[0], NULL, caller, &w[0]);
    pthread_create(&t[1], NULL, caller, &w[1]);
    pthread_create(&t[2], NULL, typist, &w[2]);
    pthread_create(&t[3], NULL, watcher, &w[3]);
    pthread_create(&t[4], NULL, pauser, &w[4]);
    for (u64 end = host_ms() + 300; host_ms() < end || w[0].calls < 200 || w[1].calls < 200; ) {
        enum nb_stop why = nb_run(m, 5000000);
        ck_assert(why == NB_TIMEOUT || why == NB_PAUSED);
    }
    __atomic_store_n(&w[3].stop, 1, __ATOMIC_RELAXED);
    pthread_t q;
    pthread_create(&q, NULL, quitter, &w[0]);
    enum nb_stop why;
    do
        why = nb_run(m, 0);
    while (why == NB_PAUSED);
    ck_assert_int_eq(why, NB_QUIT);
    for (unsigned k = 0; k < 5; k++)
        pthread_join(t[k], NULL);
    pthread_join(q, NULL);
    ck_assert_uint_eq(w[0].calls, 200);
    ck_assert_uint_eq(w[1].calls, 200);
    ck_assert_uint_gt(w[3].changed, 1);
    nb_free(m);
}
END_TEST

static void take_ns(void *arg)
{
    struct { struct nb_machine *m; u64 ns; } *a = arg;

    a->ns = nb_guest_ns(a->m);
}

static void *pause_a_second(void *arg)
{
    struct worker *w = arg;
    struct { struct nb_machine *m; u64 ns; } a = { w->m, 0 }, b = { w->m, 0 };

    sleep_ms(100);
    nb_pause(w->m);
    sleep_ms(100);
    nb_call(w->m, take_ns, &a);
    /* in pieces: a gap of 250 ms would be held for its own sake */
    for (unsigned k = 0; k < 10; k++) {
        sleep_ms(100);
        nb_call(w->m, take_ns, &b);
    }
    w->calls = (u32)((b.ns - a.ns) / 1000);
    w->gets = nb_is_paused(w->m);
    nb_cont(w->m);
    sleep_ms(100);
    w->changed = nb_is_paused(w->m);
    nb_quit(w->m);
    return NULL;
}

/* A second's pause is no second of the guest's. */
START_TEST(held_time)
{
    static const char *const pairs[] = { "clock", "real", NULL };
    struct nb_machine *m = echo(pairs);
    struct worker w = { .m = m };
    pthread_t t;
    unsigned pauses = 0;
    u64 start = host_ms();

    pthread_create(&t, NULL, pause_a_second, &w);
    enum nb_stop why;
    while ((why = nb_run(m, 0)) == NB_PAUSED)
        pauses++;
    pthread_join(t, NULL);
    u64 host = host_ms() - start, guest = nb_guest_ns(m) / 1000000;
    ck_assert_int_eq(why, NB_QUIT);
    ck_assert_uint_eq(pauses, 1);
    ck_assert_uint_eq(w.calls, 0); /* microseconds that passed while it was paused */
    ck_assert_uint_eq(w.gets, 1);
    ck_assert_uint_eq(w.changed, 0);
    ck_assert_uint_ge(host, 1300);
    ck_assert_uint_le(guest + 1050, host);
    ck_assert_uint_ge(guest, 80);
    nb_free(m);
}
END_TEST

static void nothing(void *arg)
{
    (void)arg;
}

static void *late_caller(void *arg)
{
    struct worker *w = arg;

    w->calls = nb_call(w->m, nothing, NULL);
    __atomic_store_n(&w->stop, 1, __ATOMIC_SEQ_CST);
    return NULL;
}

/* A call that waits while the machine is freed comes back. */
START_TEST(call_while_freeing)
{
    struct nb_machine *m = echo(NULL);
    struct worker w = { .m = m, .calls = 9 };
    pthread_t t;

    nb_run(m, 1000000);
    ck_assert(nb_call(m, nothing, NULL)); /* this is the machine thread: at once */
    pthread_create(&t, NULL, late_caller, &w);
    sleep_ms(100);
    ck_assert_int_eq(__atomic_load_n(&w.stop, __ATOMIC_SEQ_CST), 0);
    nb_free(m);
    pthread_join(t, NULL);
    ck_assert_uint_eq(w.calls, 0);
}
END_TEST

/* ---- picture */

START_TEST(pictures)
{
    struct nb_machine *m = rig_machine((const u8[]){ 0xeb, 0xfe }, 2, NULL);
    struct nb_frame *f = calloc(1, sizeof *f), *g = calloc(1, sizeof *g);
    char *text = nb_screen_text(m);

    ck_assert_ptr_nonnull(text);
    nb_string_free(text);
    nb_frame_now(m, f);
    nb_frame_get(m, g);
    ck_assert_uint_eq(f->width, g->width);
    ck_assert_uint_eq(f->generation, g->generation);
    ck_assert(!nb_frame_get(m, g));
    nb_frame_now(m, f);
    nb_frame_free(f);
    nb_frame_free(g);
    ck_assert_ptr_null(f->pixels);
    nb_frame_free(f);
    free(f);
    free(g);
    nb_free(m);

    static const char *const pairs[] = { "vga", "none", NULL };
    m = rig_machine((const u8[]){ 0xeb, 0xfe }, 2, pairs);
    f = calloc(1, sizeof *f);
    nb_frame_now(m, f);
    ck_assert_uint_eq(f->width, 0);
    text = nb_screen_text(m);
    ck_assert_str_eq(text, "");
    nb_string_free(text);
    nb_frame_free(f);
    free(f);
    nb_free(m);
}
END_TEST

/* ---- debuggers */

/* mov ax,1; inc ax; mov [600h],ax; mov bx,[600h]; inc word [700h]; jmp F000:3 */
static const u8 loop_code[] = { 0xb8, 0x01, 0x00, 0x40, 0xa3, 0x00, 0x06, 0x8b, 0x1e, 0x00, 0x06,
                                0xff, 0x06, 0x00, 0x07, 0xeb, 0xf2 };

START_TEST(breakpoints)
{
    struct nb_machine *m = rig_machine(loop_code, sizeof loop_code, NULL);

    ck_assert(nb_break_set(m, 0xf0004, true));
    for (u32 k = 2; k < 10; k++) {
        ck_assert_int_eq(nb_run(m, 1000000), NB_BREAK);
        ck_assert_uint_eq(rig_reg(m, "eip"), 4);
        ck_assert_uint_eq(rig_reg(m, "eax"), k);
    }
    u64 before = nb_retired(m);
    ck_assert_int_eq(nb_step(m), NB_BREAK);
    ck_assert_uint_eq(nb_retired(m), before + 1);
    ck_assert_uint_eq(rig_reg(m, "eip"), 7);
    ck_assert(nb_break_set(m, 0xf0004, false));
    ck_assert(!nb_break_set(m, 0xf0004, false));
    ck_assert_int_eq(nb_run(m, 1000000), NB_TIMEOUT);
    nb_free(m);
}
END_TEST

START_TEST(watchpoints)
{
    struct nb_machine *m = rig_machine(loop_code, sizeof loop_code, NULL);

    ck_assert(nb_watch_set(m, 0x600, 2, NB_WATCH_WRITE, true));
    ck_assert_int_eq(nb_run(m, 1000000), NB_WATCH);
    ck_assert_uint_eq(nb_watch_addr(m), 0x600);
    ck_assert_uint_eq(rig_reg(m, "eip"), 7);
    ck_assert_uint_eq(rig_mem32(m, 0x600), 2);
    ck_assert_int_eq(nb_run(m, 1000000), NB_WATCH);
    ck_assert_uint_eq(rig_mem32(m, 0x600), 3);
    ck_assert(nb_watch_set(m, 0x600, 2, NB_WATCH_WRITE, false));
    ck_assert(nb_watch_set(m, 0x601, 1, NB_WATCH_READ, true));
    ck_assert_int_eq(nb_run(m, 1000000), NB_WATCH);
    ck_assert_uint_eq(rig_reg(m, "eip"), 11);
    ck_assert(nb_watch_set(m, 0x601, 1, NB_WATCH_READ, false));
    ck_assert(nb_watch_set(m, 0x700, 1, NB_WATCH_RW, true));
    ck_assert_int_eq(nb_run(m, 1000000), NB_WATCH);
    ck_assert_uint_eq(rig_reg(m, "eip"), 15);
    ck_assert(nb_watch_set(m, 0x700, 1, NB_WATCH_RW, false));
    ck_assert(!nb_watch_set(m, 0x700, 1, 0, true));
    ck_assert(!nb_watch_set(m, 0x700, 1, 4, true));
    ck_assert_int_eq(nb_run(m, 1000000), NB_TIMEOUT);
    nb_free(m);
}
END_TEST

START_TEST(stepping)
{
    static const u32 eip[] = { 0, 3, 4, 7, 11, 15, 3 };
    struct nb_machine *m = rig_machine(loop_code, sizeof loop_code, NULL);

    for (unsigned k = 0; k < ARRAY_LEN(eip); k++) {
        ck_assert_int_eq(nb_step(m), NB_BREAK);
        ck_assert_uint_eq(rig_reg(m, "eip"), eip[k]);
        ck_assert_uint_eq(nb_retired(m), k + 1);
    }
    char line[64];
    ck_assert_uint_eq(nb_disassemble(m, 0xf0004, line, sizeof line), 3);
    ck_assert_uint_eq(nb_disassemble(m, 0xf0007, line, sizeof line), 4);
    nb_free(m);
}
END_TEST

START_TEST(registers)
{
    struct nb_machine *m = rig_machine(loop_code, sizeof loop_code, NULL);
    static const char *const names[] = { "eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi" };
    u8 v[16], w[16];
    u32 x = 0x12345678;

    for (unsigned k = 0; k < ARRAY_LEN(names); k++) {
        u32 n = x + k;
        ck_assert(nb_reg_set(m, names[k], &n, 4));
        ck_assert(!nb_reg_set(m, names[k], &n, 2));
    }
    for (unsigned k = 0; k < ARRAY_LEN(names); k++)
        ck_assert_uint_eq(rig_reg(m, names[k]), x + k);
    ck_assert_uint_eq(nb_reg_get(m, "eax", v, 3), 0);
    ck_assert_uint_eq(nb_reg_get(m, "rax", v, 16), 0);
    ck_assert_uint_eq(nb_reg_get(m, "st8", v, 16), 0);
    ck_assert_uint_eq(nb_reg_get(m, "st", v, 16), 0);
    ck_assert_uint_eq(nb_reg_get(m, "st0", v, 9), 0);
    ck_assert_uint_eq(nb_reg_get(m, "st0", v, 10), 10);
    for (unsigned k = 0; k < 16; k++)
        v[k] = (u8)(k + 0x81);
    ck_assert(nb_reg_set(m, "st3", v, 10));
    ck_assert_uint_eq(nb_reg_get(m, "st3", w, 16), 10);
    ck_assert(!memcmp(v, w, 10));
    ck_assert(nb_reg_set(m, "xmm7", v, 16));
    ck_assert_uint_eq(nb_reg_get(m, "xmm7", w, 16), 16);
    ck_assert(!memcmp(v, w, 16));
    nb_free(m);
}
END_TEST

START_TEST(memory)
{
    struct nb_machine *m = rig_machine(loop_code, sizeof loop_code, NULL);
    u8 in[300], out[300];

    for (unsigned k = 0; k < sizeof in; k++)
        in[k] = (u8)(k ^ 0x5a);
    ck_assert_uint_eq(nb_mem_write(m, true, 0x10ff00, in, sizeof in), sizeof in);
    ck_assert_uint_eq(nb_mem_read(m, true, 0x10ff00, out, sizeof out), sizeof out);
    ck_assert(!memcmp(in, out, sizeof in));
    ck_assert_uint_eq(nb_mem_write(m, false, 0x1234, in, sizeof in), sizeof in);
    ck_assert_uint_eq(nb_mem_read(m, false, 0x1234, out, sizeof out), sizeof out);
    ck_assert(!memcmp(in, out, sizeof in));
    /* ROM, nothing, beyond 4 GB: all ones, and nothing written */
    nb_mem_write(m, true, 0xfffffff0, in, 16);
    ck_assert_uint_eq(rig_mem32(m, 0xfffffff0), 0x000000ea);
    nb_mem_read(m, true, 0xfffffff8, out, 16);
    nb_mem_read(m, true, UINT64_MAX - 3, out, 16);
    ck_assert_uint_eq(out[0], 0xff);
    nb_mem_write(m, true, UINT64_MAX - 3, in, 16);
    nb_mem_write(m, true, 0x200000 - 4, in, 16);
    ck_assert_uint_eq(rig_mem32(m, 0x200000 - 4), ld32(in));
    nb_free(m);
}
END_TEST

START_TEST(info)
{
    static const char *const what[] = { "registers", "mem", "tlb", "jit", "pic", "irq", "pci",
                                        "block", "mtree", "status", "unimp", "wires", "version",
                                        "help", "kbc", "ide", "fdc", "rtc", "pit" };
    struct nb_machine *m = echo(NULL);

    nb_run(m, 20000000);
    u64 before = nb_retired(m);
    for (unsigned k = 0; k < ARRAY_LEN(what); k++) {
        char *text = nb_info(m, what[k]);
        ck_assert_msg(text != NULL, "no info %s", what[k]);
        nb_string_free(text);
    }
    ck_assert_ptr_null(nb_info(m, "nonsense"));
    ck_assert_ptr_null(nb_info(m, ""));
    ck_assert_uint_eq(nb_retired(m), before);
    struct nb_error e = { 0 };
    ck_assert(!nb_media_change(m, "ide9-hd9", NULL, false, &e));
    ck_assert_int_eq(e.code, 1);
    ck_assert(nb_log_items(m, "int,none", &e));
    ck_assert(!nb_log_items(m, "sausages", &e));
    ck_assert(!nb_save(m, rig_path("no/such/folder"), &e));
    nb_free(m);
    nb_free(NULL);
}
END_TEST

/* Runs end where they are told to. */
START_TEST(stop_at)
{
    static const char *const pairs[] = { "stop-at", "12345", NULL };
    struct nb_machine *m = rig_machine(loop_code, sizeof loop_code, pairs);

    ck_assert_int_eq(nb_run(m, 0), NB_STOP_AT);
    ck_assert_uint_eq(nb_retired(m), 12345);
    ck_assert_int_eq(nb_run(m, 0), NB_STOP_AT);
    ck_assert_uint_eq(nb_retired(m), 12345);
    nb_free(m);
    m = rig_machine(loop_code, sizeof loop_code, NULL);
    for (u64 k = 1; k < 50; k++) {
        ck_assert_int_eq(nb_run(m, 200 * k), NB_TIMEOUT);
        ck_assert_uint_eq(nb_retired(m), k * (k + 1) / 2);
    }
    nb_free(m);
}
END_TEST

/* Two machines in one process know nothing of each other. */
START_TEST(two_machines)
{
    static const char *const pairs[] = { "d", "hash", NULL };
    struct nb_machine *a = echo(pairs), *b = echo(pairs);

    for (unsigned k = 0; k < 20; k++) {
        nb_run(a, 1000000);
        nb_run(b, 1000000);
    }
    ck_assert_uint_eq(nb_trace_hash(a, true), nb_trace_hash(b, true));
    nb_type(a, "x");
    nb_run(a, 50000000);
    nb_run(b, 50000000);
    ck_assert_uint_ne(nb_trace_hash(a, true), nb_trace_hash(b, true));
    nb_free(a);
    nb_run(b, 50000000);
    nb_free(b);
}
END_TEST

Suite *suite_api(void);
Suite *suite_api(void)
{
    Suite *s = suite_create("api");
    TCase *t = tcase_create("api");

    tcase_add_checked_fixture(t, rig_folder_new, rig_folder_remove);
    tcase_set_timeout(t, 120);
    tcase_add_test(t, keys);
    tcase_add_test(t, serial_input);
    tcase_add_loop_test(t, threads, 0, (int)ARRAY_LEN(sources));
    tcase_add_test(t, held_time);
    tcase_add_test(t, call_while_freeing);
    tcase_add_test(t, pictures);
    tcase_add_test(t, breakpoints);
    tcase_add_test(t, watchpoints);
    tcase_add_test(t, stepping);
    tcase_add_test(t, registers);
    tcase_add_test(t, memory);
    tcase_add_test(t, info);
    tcase_add_test(t, stop_at);
    tcase_add_test(t, two_machines);
    suite_add_tcase(s, t);
    return s;
}
