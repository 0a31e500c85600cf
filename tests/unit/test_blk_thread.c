/* SPDX-License-Identifier: MIT */
/* Disk requests on a thread of their own: news, order, cancelling, closing; and a machine whose disk is
 * slow goes on in real time. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/xalloc.h"
#include "host/blk.h"
#include "host/loop.h"
#include "host/os.h"
#include "machine/machine.h"
#include "tests/unit/machine_rig.h"

#define SECTORS 64u

/* A disk in memory that takes its time. Fields that both threads use are atomic. */
struct slow {
    struct block b;
    u8 data[SECTORS * 512];
    u64 sleep_ns;
    enum block_status fails_with; /* BLOCK_OK: works */
    volatile u32 started, ended;
    u64 thread;
    u32 log[64];                  /* op << 16 | sector, as they were done */
    bool *closed;
};

static u32 get(volatile u32 *v) { return __atomic_load_n(v, __ATOMIC_ACQUIRE); }

static void slow_submit(struct block *b, struct block_req *r)
{
    struct slow *s = container_of(b, struct slow, b);
    u32 n = __atomic_fetch_add(&s->started, 1, __ATOMIC_ACQ_REL);

    s->thread = os_thread_self();
    if (n < ARRAY_LEN(s->log))
        s->log[n] = (u32)r->op << 16 | (u32)r->sector;
    if (s->sleep_ns)
        os_sleep_ns(s->sleep_ns);
    r->status = __atomic_load_n(&s->fails_with, __ATOMIC_ACQUIRE);
    if (r->op == BLOCK_READ)
        memcpy(r->buf, s->data + r->sector * 512, (size_t)r->count * 512);
    else if (r->op == BLOCK_WRITE)
        memcpy(s->data + r->sector * 512, r->buf, (size_t)r->count * 512);
    __atomic_fetch_add(&s->ended, 1, __ATOMIC_ACQ_REL);
}

static void slow_wait(struct block *b, struct block_req *r)
{
    (void)b;
    (void)r;
}

static void slow_close(struct block *b)
{
    struct slow *s = container_of(b, struct slow, b);
    if (s->closed)
        *s->closed = true;
}

static const struct block_ops slow_ops = {
    .format = "slow", .submit = slow_submit, .wait = slow_wait, .close = slow_close,
};

struct rig {
    struct slow *slow;
    struct loop *loop;
    struct block *b;
    struct block_req r;
    unsigned told;
    u64 told_on;
};

static struct rig *rig_new(u64 sleep_ms, bool async)
{
    struct rig *t = xcalloc(1, sizeof(*t));
    struct err e = { 0 };

    t->slow = xcalloc(1, sizeof(*t->slow));
    t->slow->b = (struct block){ .ops = &slow_ops, .sectors = SECTORS, .inserted = true };
    t->slow->sleep_ns = sleep_ms * 1000000;
    for (u32 i = 0; i < sizeof(t->slow->data); i++)
        t->slow->data[i] = (u8)(i / 512 + 1);
    t->loop = loop_new(&e);
    t->b = blk_thread(&t->slow->b, t->loop, async);
    return t;
}

static void rig_end(struct rig *t)
{
    block_close(t->b);
    loop_free(t->loop);
    xfree(t->slow);
    xfree(t);
}

static void told(void *to)
{
    struct rig *t = to;
    t->told++;
    t->told_on = os_thread_self();
}

static void submit(struct rig *t, struct block_req *r, enum block_op op, u64 sector, u32 count,
                   u8 *buf)
{
    *r = (struct block_req){ .op = op, .sector = sector, .count = count, .buf = buf, .done = told,
                             .done_to = t };
    block_submit(t->b, r);
}

/* Until somebody was told, at most five seconds. */
static void wait_news(struct rig *t)
{
    for (unsigned i = 0; i < 50 && !t->told; i++) {
        loop_wait(t->loop, 100000000);
        loop_drain(t->loop, 0);
    }
}

START_TEST(late_results_are_told)
{
    struct rig *t = rig_new(50, true);
    u8 buf[1024] = { 0 };

    submit(t, &t->r, BLOCK_READ, 3, 2, buf);
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_PENDING);
    ck_assert(block_late(&t->r));
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_PENDING); /* asking again does no harm */
    ck_assert_uint_eq(t->told, 0);
    wait_news(t);
    ck_assert_uint_eq(t->told, 1);
    ck_assert_uint_eq(t->told_on, os_thread_self());
    ck_assert_uint_ne(t->slow->thread, os_thread_self());
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_OK);
    ck_assert(!block_late(&t->r));
    ck_assert_uint_eq(buf[0], 4);
    ck_assert_uint_eq(buf[512], 5);
    ck_assert_uint_eq(t->b->late_ops, 1);
    ck_assert_uint_eq(t->b->rd_bytes, 1024);
    loop_drain(t->loop, 0);
    ck_assert_uint_eq(t->told, 1);
    rig_end(t);
}
END_TEST

START_TEST(results_in_time_are_not)
{
    struct rig *t = rig_new(0, true);
    u8 buf[512];

    submit(t, &t->r, BLOCK_READ, 0, 1, buf);
    while (!get(&t->slow->ended))
        os_sleep_ns(1000000);
    os_sleep_ns(50000000);
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_OK);
    loop_drain(t->loop, 0);
    ck_assert_uint_eq(t->told, 0);
    ck_assert_uint_eq(t->b->late_ops, 0);
    rig_end(t);
}
END_TEST

/* A device that waited meanwhile (savevm) isn't told any more. */
START_TEST(waited_for)
{
    struct rig *t = rig_new(30, true);
    u8 buf[512];

    submit(t, &t->r, BLOCK_READ, 7, 1, buf);
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_PENDING);
    ck_assert_int_eq(block_wait(t->b, &t->r), BLOCK_OK);
    ck_assert_uint_eq(buf[511], 8);
    os_sleep_ns(30000000);
    loop_drain(t->loop, 0);
    ck_assert_uint_eq(t->told, 0);
    rig_end(t);
}
END_TEST

START_TEST(counted_time_waits)
{
    struct rig *t = rig_new(30, false);
    u8 buf[512];

    submit(t, &t->r, BLOCK_READ, 7, 1, buf);
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_OK);
    ck_assert_uint_eq(buf[0], 8);
    submit(t, &t->r, BLOCK_READ, 9, 1, buf);
    ck_assert(!block_cancel(t->b, &t->r)); /* its buffer holds what it always holds */
    ck_assert_uint_eq(buf[0], 10);
    submit(t, &t->r, BLOCK_WRITE, 9, 1, buf);
    ck_assert_uint_eq(t->slow->thread, os_thread_self());
    rig_end(t);
}
END_TEST

START_TEST(order)
{
    struct rig *t = rig_new(3, true);
    static u8 buf[12][1024];
    struct block_req r[12];

    for (unsigned i = 0; i < 12; i++) { /* overlapping writes, flushes and reads */
        memset(buf[i], 0xa0 + (int)i, 1024);
        if (i % 4 == 3)
            submit(t, &r[i], BLOCK_FLUSH, 0, 0, NULL);
        else
            submit(t, &r[i], i % 4 == 2 ? BLOCK_READ : BLOCK_WRITE, i % 3, 2, buf[i]);
    }
    for (unsigned i = 12; i-- > 0;)
        ck_assert_int_eq(block_wait(t->b, &r[i]), BLOCK_OK);
    for (unsigned i = 0; i < 12; i++)
        ck_assert_uint_eq(t->slow->log[i], (u32)r[i].op << 16 | (u32)r[i].sector);
    /* 2: sectors 2, 3 after writes 0 (0, 1) and 1 (1, 2) */
    ck_assert_uint_eq(buf[2][0], 0xa1);
    ck_assert_uint_eq(buf[2][512], 4);
    /* 10: sectors 1, 2 after 8 (2, 3) and 9 (0, 1) */
    ck_assert_uint_eq(buf[10][0], 0xa9);
    ck_assert_uint_eq(buf[10][512], 0xa8);
    ck_assert_uint_eq(t->b->flush_ops, 3);
    rig_end(t);
}
END_TEST

START_TEST(cancelled)
{
    struct rig *t = rig_new(200, true);
    u8 *read = xcalloc(1, 512), *write = xcalloc(1, 512), queued[512];
    struct block_req q, w, f, again;

    memset(write, 0x77, 512);
    submit(t, &t->r, BLOCK_READ, 5, 1, read);
    while (!get(&t->slow->started))
        os_sleep_ns(1000000);
    submit(t, &q, BLOCK_READ, 6, 1, queued);
    submit(t, &w, BLOCK_WRITE, 5, 1, write);
    submit(t, &f, BLOCK_FLUSH, 0, 0, NULL);
    u64 before = os_mono_ns(NULL);
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_PENDING);
    ck_assert(block_cancel(t->b, &t->r));  /* under way: its buffer is theirs */
    ck_assert(!block_cancel(t->b, &q));    /* never started */
    ck_assert(block_cancel(t->b, &w));     /* will be written */
    ck_assert(!block_cancel(t->b, &f));
    ck_assert(!block_cancel(t->b, &f));    /* again: nothing happens */
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_IO_ERROR);
    ck_assert_msg(os_mono_ns(NULL) - before < 150000000, "cancelling waited for the disk");
    u8 buf[512];
    submit(t, &again, BLOCK_READ, 5, 1, buf); /* behind the write */
    ck_assert_int_eq(block_wait(t->b, &again), BLOCK_OK);
    ck_assert_uint_eq(buf[100], 0x77);
    ck_assert_uint_eq(get(&t->slow->started), 4);
    loop_drain(t->loop, 0);
    ck_assert_uint_eq(t->told, 0);
    rig_end(t);
}
END_TEST

/* What was submitted is done before the image closes, with nobody left who asks. */
START_TEST(closing)
{
    struct rig *t = rig_new(20, true);
    bool closed = false;
    u8 buf[512];
    struct block_req r[4];

    memset(buf, 0x3c, 512);
    t->slow->closed = &closed;
    for (unsigned i = 0; i < 4; i++)
        submit(t, &r[i], BLOCK_WRITE, 10 + i, 1, buf);
    ck_assert_int_eq(block_result(t->b, &r[0]), BLOCK_PENDING);
    while (get(&t->slow->ended) < 2) /* news of the first is posted and not fetched */
        os_sleep_ns(1000000);
    block_close(t->b);
    ck_assert(closed);
    for (unsigned i = 0; i < 4; i++)
        ck_assert_uint_eq(t->slow->data[(10 + i) * 512], 0x3c);
    loop_free(t->loop); /* drops it */
    ck_assert_uint_eq(t->told, 0);
    xfree(t->slow);
    xfree(t);
}
END_TEST

static struct block *stopped;
static void on_stop(void *to, struct block *b)
{
    (void)to;
    stopped = b;
}

START_TEST(stop_and_retry)
{
    struct rig *t = rig_new(20, true);
    u8 buf[512];

    memset(buf, 0x42, 512);
    t->b->werror = BLOCK_ENOSPC;
    t->b->on_stop = on_stop;
    t->slow->fails_with = BLOCK_NO_SPACE;
    submit(t, &t->r, BLOCK_WRITE, 1, 1, buf);
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_PENDING);
    ck_assert(block_late(&t->r));
    wait_news(t);
    ck_assert_ptr_null(stopped);
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_PENDING);
    ck_assert(!block_late(&t->r)); /* not the host is late: the machine is to stop */
    ck_assert_ptr_eq(stopped, t->b);
    ck_assert(t->b->stalled);
    __atomic_store_n(&t->slow->fails_with, BLOCK_OK, __ATOMIC_RELEASE);
    t->told = 0;
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_PENDING); /* after cont: tried again */
    ck_assert(block_late(&t->r));
    ck_assert(!t->b->stalled);
    wait_news(t);
    ck_assert_uint_eq(t->told, 1);
    ck_assert_int_eq(block_result(t->b, &t->r), BLOCK_OK);
    ck_assert_uint_eq(t->b->errors, 1);
    /* a cancelled one that fails is counted and stops nothing */
    stopped = NULL;
    __atomic_store_n(&t->slow->fails_with, BLOCK_NO_SPACE, __ATOMIC_RELEASE);
    u8 *lost = xcalloc(1, 512);
    submit(t, &t->r, BLOCK_WRITE, 1, 1, lost);
    ck_assert(block_cancel(t->b, &t->r));
    t->b->rerror = BLOCK_IGNORE;
    submit(t, &t->r, BLOCK_READ, 1, 1, buf);
    while (block_result(t->b, &t->r) == BLOCK_PENDING)
        os_sleep_ns(1000000);
    ck_assert_ptr_null(stopped);
    ck_assert_uint_eq(t->b->errors, 3);
    rig_end(t);
}
END_TEST

/* ---- a whole machine in real time ---- */

static void late_submit(struct block *b, struct block_req *r)
{
    os_sleep_ns(200000000);
    memset(r->buf, 0, r->op == BLOCK_READ ? (size_t)r->count * 512 : 0);
    r->status = BLOCK_OK;
    (void)b;
}

/* Reads sector 0 by PIO again and again, and counts IRQ0 at 50Ch. The disk takes 200 ms for each; the
 * guest's ticks come all the while. */
START_TEST(machine_goes_on)
{
    rig_folder_new();
    u8 *zeros = xcalloc(2048, 512);
    char drive[200];
    snprintf(drive, sizeof drive, "file=%s,cache=unsafe", rig_write("hd.img", zeros, 2048 * 512));
    xfree(zeros);
    const char *pairs[] = { "clock", "real", "drive", drive, NULL };
    struct nb_machine *m = rig_machine(guest_busy, guest_busy_len, pairs);
    struct block *inner = blk_thread_inner(m->drives[0].blk);
    const struct block_ops *was = inner->ops;
    struct block_ops late = *was;
    unsigned busy = 0, ticks = 0;

    late.submit = late_submit;
    late.try_now = NULL;
    inner->ops = &late;
    for (u64 end = os_mono_ns(NULL) + 20000000000ull; os_mono_ns(NULL) < end && ticks < 50;) {
        bool bsy = space_peek(&m->io, 0x3f6, 1) & 0x80;
        u32 before = rig_mem32(m, 0x50c);
        u64 ops = m->drives[0].blk->rd_ops;
        nb_run(m, 2000000);
        if (!bsy || !(space_peek(&m->io, 0x3f6, 1) & 0x80) || m->drives[0].blk->rd_ops != ops)
            continue; /* not one and the same request at both ends */
        busy++;
        ticks += rig_mem32(m, 0x50c) - before;
    }
    ck_assert_msg(ticks >= 50, "%u ticks in %u looks at a busy drive", ticks, busy);
    ck_assert_uint_ge(m->drives[0].blk->late_ops, 1);
    nb_free(m); /* with a request under way, perhaps */
    rig_folder_remove();
}
END_TEST

Suite *suite_blk_thread(void);
Suite *suite_blk_thread(void)
{
    Suite *s = suite_create("blk_thread");
    TCase *tc = tcase_create("blk_thread");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, late_results_are_told);
    tcase_add_test(tc, results_in_time_are_not);
    tcase_add_test(tc, waited_for);
    tcase_add_test(tc, counted_time_waits);
    tcase_add_test(tc, order);
    tcase_add_test(tc, cancelled);
    tcase_add_test(tc, closing);
    tcase_add_test(tc, stop_and_retry);
    tcase_add_test(tc, machine_goes_on);
    suite_add_tcase(s, tc);
    return s;
}
