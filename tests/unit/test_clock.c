/* SPDX-License-Identifier: MIT */
/* Clock and timer queue: order, counted exactness, and the catch-up rule of real time. */
#include <check.h>
#include <stdlib.h>

#include "core/clock.h"

#define MS 1000000ull
#define NUM 200

struct fired { int id; u64 now, late; };

struct bench {
    struct clock c;
    u64 retired, host;
    struct timer t[NUM];
    struct fired log[4096];
    unsigned num;
    u64 period;     /* timer 0 re-arms by it if set */
    u64 rearm_at;   /* timer 1 re-arms for this absolute time */
    u64 cost;       /* host ns that a callback takes */
    int off_id;     /* timer that a callback turns off; -1: none */
};

static u64 host_ns(void *host) { return *(u64 *)host; }

struct one { struct bench *b; int id; };
static struct one ones[NUM]; /* test-only; each test runs in a process of its own */

static void cb(void *dev, u64 late)
{
    struct one *o = dev;
    struct bench *b = o->b;
    u64 now = clock_now(&b->c);
    b->host += b->cost;
    b->log[b->num++ % 4096] = (struct fired){ o->id, now, late };
    ck_assert_uint_eq(clock_now(&b->c), now);
    if (o->id == 0 && b->period)
        timer_at(&b->t[0], now - late + b->period);
    if (o->id == 1 && b->rearm_at)
        timer_at(&b->t[1], b->rearm_at);
    if (b->off_id >= 0)
        timer_off(&b->t[b->off_id]);
}

static struct bench *bench(enum clock_source source, u32 ns)
{
    struct bench *b = calloc(1, sizeof(*b));
    b->host = 5000000000ull;
    b->off_id = -1;
    clock_init(&b->c, source, ns, &b->retired, host_ns, &b->host);
    for (int i = 0; i < NUM; i++) {
        ones[i] = (struct one){ b, i };
        timer_init(&b->t[i], &b->c, cb, &ones[i], "t");
    }
    return b;
}

START_TEST(ties_fire_in_order_of_arming)
{
    struct bench *b = bench(CLOCK_COUNTED, 1);
    timer_at(&b->t[3], 100);
    timer_at(&b->t[1], 100);
    timer_at(&b->t[2], 100);
    timer_at(&b->t[3], 100); /* re-arming makes it the last */
    timer_at(&b->t[0], 99);
    b->retired = 100;
    ck_assert(clock_run(&b->c));
    static const int order[] = { 0, 1, 2, 3 };
    ck_assert_uint_eq(b->num, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(b->log[i].id, order[i]);
    ck_assert_uint_eq(b->log[0].now, 99);
    ck_assert_uint_eq(b->log[3].now, 100);
    ck_assert(!clock_run(&b->c));
}
END_TEST

/* Random arming, disarming and running against a plain array. */
START_TEST(heap_against_model)
{
    struct bench *b = bench(CLOCK_COUNTED, 1);
    u64 when[NUM], seq[NUM], next_seq = 1;
    for (int i = 0; i < NUM; i++)
        when[i] = CLOCK_NEVER, seq[i] = 0;
    srand(1);
    for (int step = 0; step < 20000; step++) {
        int i = rand() % NUM;
        switch (rand() % 4) {
        case 0:
        case 1:
            when[i] = b->retired + 1 + (u64)(rand() % 50);
            seq[i] = next_seq++;
            timer_at(&b->t[i], when[i]);
            break;
        case 2:
            when[i] = CLOCK_NEVER;
            timer_off(&b->t[i]);
            break;
        default:
            b->retired += (u64)(rand() % 12);
            b->num = 0;
            clock_run(&b->c);
            for (unsigned n = 0; n < b->num; n++) {
                int best = -1;
                for (int k = 0; k < NUM; k++)
                    if (when[k] <= b->retired &&
                        (best < 0 || when[k] < when[best] ||
                         (when[k] == when[best] && seq[k] < seq[best])))
                        best = k;
                ck_assert_int_eq(b->log[n].id, best);
                ck_assert_uint_eq(b->log[n].now, when[best]);
                ck_assert_uint_eq(b->log[n].late, 0);
                when[best] = CLOCK_NEVER;
            }
            for (int k = 0; k < NUM; k++)
                ck_assert(when[k] > b->retired);
        }
        u64 least = CLOCK_NEVER;
        for (int k = 0; k < NUM; k++)
            least = MIN(least, when[k]);
        ck_assert_uint_eq(clock_next(&b->c), least);
        ck_assert_int_eq(timer_armed(&b->t[i]), when[i] != CLOCK_NEVER);
    }
}
END_TEST

START_TEST(counted_time_and_budget)
{
    struct bench *b = bench(CLOCK_COUNTED, 3);
    ck_assert_uint_eq(clock_budget(&b->c), UINT64_MAX);
    b->retired = 10;
    ck_assert_uint_eq(clock_now(&b->c), 30);
    timer_at(&b->t[0], 40);
    ck_assert_uint_eq(clock_budget(&b->c), 14); /* 13 * 3 = 39 is too early */
    b->retired = 13;
    ck_assert(!clock_run(&b->c));
    b->retired = 14;
    ck_assert_uint_eq(clock_now(&b->c), 40); /* raw time is 42: it waits for the timer */
    ck_assert(clock_run(&b->c));
    ck_assert_uint_eq(b->log[0].now, 40);
    ck_assert_uint_eq(clock_now(&b->c), 42);

    clock_skip_to(&b->c, 1000);
    ck_assert_uint_eq(clock_now(&b->c), 1000);
    clock_skip_to(&b->c, 500);
    ck_assert_uint_eq(clock_now(&b->c), 1000);
    timer_at(&b->t[0], 1001);
    ck_assert_uint_eq(clock_budget(&b->c), 15);
}
END_TEST

START_TEST(periodic_timers_do_not_drift_or_lose)
{
    struct bench *b = bench(CLOCK_COUNTED, 1);
    b->period = 7;
    timer_at(&b->t[0], 7);
    b->retired = 7001; /* one long instruction */
    clock_run(&b->c);
    ck_assert_uint_eq(b->num, 1000);
    for (unsigned i = 0; i < 1000; i++)
        ck_assert_uint_eq(b->log[i].now, 7 * (i + 1));
}
END_TEST

START_TEST(arming_for_the_past_lets_the_guest_run)
{
    struct bench *b = bench(CLOCK_COUNTED, 1);
    b->rearm_at = 50;
    timer_at(&b->t[1], 100);
    timer_at(&b->t[2], 110);
    b->retired = 120;
    clock_run(&b->c);
    ck_assert_uint_eq(b->num, 2); /* 1 once, and 2 in spite of it */
    ck_assert_int_eq(b->log[1].id, 2);
    ck_assert_uint_eq(clock_next(&b->c), 50);
    u64 now = clock_now(&b->c);
    ck_assert_uint_ge(now, 110); /* never back */
    clock_run(&b->c);
    ck_assert_uint_eq(b->num, 3);
    ck_assert_uint_eq(b->log[2].now, now);
    ck_assert_uint_eq(b->log[2].late, now - 50);
}
END_TEST

START_TEST(set_aside_timer_can_be_turned_off)
{
    struct bench *b = bench(CLOCK_COUNTED, 1);
    b->rearm_at = 50;
    timer_at(&b->t[1], 100);
    timer_at(&b->t[2], 110);
    b->retired = 109;
    clock_run(&b->c);
    b->num = 0;
    b->off_id = 1;
    b->retired = 120;
    clock_run(&b->c); /* 1 fires, re-arms for the past, is turned off by itself and by 2 */
    ck_assert(!timer_armed(&b->t[1]));
    ck_assert_uint_eq(clock_next(&b->c), CLOCK_NEVER);
    ck_assert(!clock_run(&b->c));
}
END_TEST

START_TEST(real_time_follows_the_host)
{
    struct bench *b = bench(CLOCK_REAL, 1);
    ck_assert_uint_eq(clock_now(&b->c), 0);
    b->host += 1234;
    ck_assert_uint_eq(clock_now(&b->c), 1234);
    timer_at(&b->t[0], 100000);
    ck_assert_uint_eq(clock_sleep_ns(&b->c), 100000 - 1234);
    b->host += 100000;
    ck_assert_uint_eq(clock_now(&b->c), 100000);
    ck_assert(clock_run(&b->c));
    ck_assert_uint_eq(b->log[0].now, 100000);
    /* 1,234 ns behind: twice real speed until it is made up */
    b->host += 1000;
    ck_assert_uint_eq(clock_now(&b->c), 102000);
    b->host += 1000;
    ck_assert_uint_eq(clock_now(&b->c), 103234);
    b->host += 1000;
    ck_assert_uint_eq(clock_now(&b->c), 104234);
}
END_TEST

START_TEST(real_time_catches_up_without_skipping)
{
    struct bench *b = bench(CLOCK_REAL, 1);
    b->period = 100000; /* 10 kHz */
    timer_at(&b->t[0], 100000);
    b->host += 200 * MS; /* a gap too short to be held */
    u64 start = b->host, last_fire = 0, prev = 0;
    while (b->num < 4000) {
        u64 before = b->num;
        if (clock_run(&b->c)) {
            ck_assert_uint_eq(b->num, before + 1);
            if (last_fire)
                ck_assert_uint_ge(b->host - last_fire, CLOCK_MIN_GAP_NS);
            last_fire = b->host;
        }
        u64 now = clock_now(&b->c);
        ck_assert_uint_ge(now, prev);
        ck_assert_uint_le(now, clock_next(&b->c));
        prev = now;
        b->host += 3000;
    }
    for (unsigned i = 0; i < 4000; i++) {
        ck_assert_uint_eq(b->log[i].now, (u64)(i + 1) * 100000);
        ck_assert_uint_eq(b->log[i].late, 0);
    }
    /* 400 ms of guest time, of which 200 were overdue: 200 ms, as twice the speed allows */
    ck_assert_uint_ge(b->host - start, 195 * MS);
    ck_assert_uint_le(b->host - start, 215 * MS);
    ck_assert_uint_eq(b->c.held_ns, 0);
}
END_TEST

START_TEST(minimum_gap_between_deadlines)
{
    struct bench *b = bench(CLOCK_REAL, 1);
    b->cost = 7000;
    timer_at(&b->t[2], 1000);
    timer_at(&b->t[3], 1000);
    timer_at(&b->t[4], 3000);
    b->host += 5000;
    ck_assert(clock_run(&b->c));
    ck_assert_uint_eq(b->num, 2); /* one moment */
    b->host += CLOCK_MIN_GAP_NS - 1; /* since the callbacks ended */
    ck_assert(!clock_run(&b->c));
    ck_assert_uint_eq(clock_sleep_ns(&b->c), 1);
    ck_assert_uint_eq(clock_now(&b->c), 3000);
    b->host += 1;
    ck_assert(clock_run(&b->c));
    ck_assert_uint_eq(b->log[2].now, 3000);
}
END_TEST

START_TEST(held_time)
{
    struct bench *b = bench(CLOCK_REAL, 1);
    b->host += 250 * MS;
    ck_assert_uint_eq(clock_now(&b->c), 250 * MS);
    b->host += 250 * MS + 1; /* longer than that is the host's affair */
    ck_assert_uint_eq(clock_now(&b->c), 250 * MS);
    ck_assert_uint_eq(b->c.held_ns, 250 * MS + 1);
    b->host += 5;
    ck_assert_uint_eq(clock_now(&b->c), 250 * MS + 5);

    clock_hold(&b->c);
    timer_at(&b->t[0], 250 * MS + 6);
    b->host += 777;
    ck_assert_uint_eq(clock_now(&b->c), 250 * MS + 5);
    ck_assert(!clock_run(&b->c));
    ck_assert_uint_eq(clock_sleep_ns(&b->c), CLOCK_NEVER);
    clock_hold(&b->c);
    b->host += 900 * MS;
    clock_release(&b->c);
    ck_assert_uint_eq(clock_now(&b->c), 250 * MS + 5);
    b->host += 1;
    ck_assert(clock_run(&b->c));
    ck_assert_uint_eq(b->log[0].now, 250 * MS + 6);
}
END_TEST

START_TEST(planned_sleep_is_no_gap)
{
    struct bench *b = bench(CLOCK_REAL, 1);
    timer_at(&b->t[0], 3000 * MS);
    ck_assert_uint_eq(clock_sleep_ns(&b->c), 3000 * MS);
    b->host += 3000 * MS + 10;
    ck_assert(clock_run(&b->c));
    ck_assert_uint_eq(b->c.held_ns, 0);
    ck_assert_uint_eq(b->log[0].now, 3000 * MS);

    ck_assert_uint_eq(clock_sleep_ns(&b->c), CLOCK_NEVER); /* nothing to wait for */
    b->host += 9000 * MS;
    ck_assert_uint_eq(clock_now(&b->c), 12000 * MS + 10);
    /* woken early: the plan is void */
    timer_at(&b->t[0], 20000 * MS);
    clock_sleep_ns(&b->c);
    b->host += MS;
    clock_now(&b->c);
    b->host += 300 * MS;
    clock_now(&b->c);
    ck_assert_uint_eq(b->c.held_ns, 300 * MS);
}
END_TEST

/* Whatever the host's clock does and whoever asks, guest time never goes back, never passes a
 * deadline, and every deadline sees its own time. */
START_TEST(real_time_random)
{
    struct bench *b = bench(CLOCK_REAL, 1);
    u64 prev = 0;
    srand(7);
    for (int step = 0; step < 200000; step++) {
        b->num = 0;
        switch (rand() % 8) {
        case 0: timer_at(&b->t[rand() % 8], prev + 1 + (u64)(rand() % 900000)); break;
        case 1: timer_off(&b->t[rand() % 8]); break;
        case 2: if (rand() % 4 == 0) clock_hold(&b->c); break;
        case 3: clock_release(&b->c); break;
        case 4: clock_sleep_ns(&b->c); break;
        case 5: b->host += (u64)(rand() % (rand() % 50 ? 60000 : 500000000)); break;
        default: {
            u64 next = clock_next(&b->c);
            if (clock_run(&b->c))
                for (unsigned i = 0; i < b->num; i++) {
                    ck_assert_uint_eq(b->log[i].now, next);
                    ck_assert_uint_eq(b->log[i].late, 0);
                }
        }
        }
        u64 now = clock_now(&b->c);
        ck_assert_uint_ge(now, prev);
        ck_assert_uint_le(now, clock_next(&b->c));
        prev = now;
    }
    ck_assert_uint_ge(prev, 100 * MS); /* it got somewhere */
}
END_TEST

static void note_earlier(void *to)
{
    ++*(unsigned *)to;
}

static void arm_both(void *dev, u64 late)
{
    struct bench *b = dev;

    (void)late;
    timer_at(&b->t[1], 70);
    timer_at(&b->t[2], 65);
}

/* Whoever runs until the earliest deadline is told when it comes nearer, and only then. */
START_TEST(tells_of_an_earlier_deadline)
{
    struct bench *b = bench(CLOCK_COUNTED, 1);
    struct timer armer;
    unsigned told = 0;

    b->c.on_earlier = note_earlier;
    b->c.on_earlier_to = &told;
    timer_at(&b->t[0], 100);
    ck_assert_uint_eq(told, 1);
    timer_at(&b->t[1], 200);
    timer_at(&b->t[2], 100);
    ck_assert_uint_eq(told, 1);
    timer_at(&b->t[3], 99);
    ck_assert_uint_eq(told, 2);
    timer_off(&b->t[3]);
    ck_assert_uint_eq(told, 2);
    /* callbacks arm as they like: the caller of clock_run() asks for the budget afterwards */
    timer_init(&armer, &b->c, arm_both, b, "armer");
    timer_at(&armer, 60);
    ck_assert_uint_eq(told, 3);
    b->retired = 60;
    ck_assert(clock_run(&b->c));
    ck_assert_uint_eq(told, 3);
    ck_assert_uint_eq(clock_budget(&b->c), 65);
}
END_TEST

START_TEST(muldiv)
{
    ck_assert_uint_eq(muldiv64(7, 9, 4), 15);
    ck_assert_uint_eq(muldiv64(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
    ck_assert_uint_eq(muldiv64(UINT64_MAX, 3, 4), 0xbfffffffffffffffull);
    ck_assert_uint_eq(muldiv64(1ull << 63, 1ull << 63, (1ull << 63) + 1), (1ull << 63) - 1);
    ck_assert_uint_eq(muldiv64(86400ull * 365 * NS_PER_SEC, 1193182, NS_PER_SEC),
                      86400ull * 365 * 1193182);
    srand(3);
    for (int i = 0; i < 100000; i++) {
        u64 a = (u64)rand() << 33 ^ (u64)rand(), q, c = ((u64)rand() << 20 ^ (u64)rand()) | 1;
        u64 m = (u64)rand();
        /* a*m / c must satisfy q*c <= a*m < (q+1)*c; check modulo 2^64 where q*c wraps alike */
        if (a / c > UINT64_MAX / (m + 1))
            continue;
        q = muldiv64(a, m, c);
        ck_assert_uint_lt(a * m - q * c, c);
    }
}
END_TEST

Suite *suite_clock(void);
Suite *suite_clock(void)
{
    Suite *s = suite_create("clock");
    TCase *tc = tcase_create("clock");
    tcase_add_test(tc, ties_fire_in_order_of_arming);
    tcase_add_test(tc, heap_against_model);
    tcase_add_test(tc, counted_time_and_budget);
    tcase_add_test(tc, periodic_timers_do_not_drift_or_lose);
    tcase_add_test(tc, arming_for_the_past_lets_the_guest_run);
    tcase_add_test(tc, set_aside_timer_can_be_turned_off);
    tcase_add_test(tc, real_time_follows_the_host);
    tcase_add_test(tc, real_time_catches_up_without_skipping);
    tcase_add_test(tc, minimum_gap_between_deadlines);
    tcase_add_test(tc, held_time);
    tcase_add_test(tc, planned_sleep_is_no_gap);
    tcase_add_test(tc, real_time_random);
    tcase_add_test(tc, tells_of_an_earlier_deadline);
    tcase_add_test(tc, muldiv);
    suite_add_tcase(s, tc);
    return s;
}
