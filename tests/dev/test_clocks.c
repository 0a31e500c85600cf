/* SPDX-License-Identifier: MIT */
/* PIT, RTC and PM timer together on a host's clock that the test holds: stops, stalls and catching up (P5, T1, T2,
 * T5, T9). Guest time may lag and be held; no clock of the guest may jump, go back, differ from another,
 * or lose an event. */
#include <stdlib.h>

#include "devices/pci.h"
#include "tests/dev/rig.h"

#define MS 1000000ull
#define PM 0x600u

enum { RELOAD = 1193 };

struct clocks {
    struct rig *r;
    u64 host, lost;          /* host ns; of them held */
    u32 pf, uf, carries;     /* what the guest's handlers saw */
    u64 last_now, last_fire, last_qpc, last_pm, last_pm_now, pm_wraps;
    u64 worst_step;          /* of guest time against twice the host's */
    u64 fires;
    bool fresh;              /* no step to compare with */
    bool lazy, waited;       /* the RTC's handler comes late */
};

static u32 seed;
static u32 rnd(u32 n)
{
    seed = seed * 1664525u + 1013904223u;
    return (seed >> 8) % n;
}

static u64 host_ns(void *host) { return *(u64 *)host; }

static void cmos(struct rig *r, u8 reg, u8 v)
{
    out8(r, 0x70, reg);
    out8(r, 0x71, v);
}

static void cfg32(struct rig *r, u32 reg, u32 v)
{
    out32(r, 0xcf8, 0x80000b00u | reg);
    out32(r, 0xcfc, v);
}

static struct clocks *clocks(void)
{
    struct clocks *c = calloc(1, sizeof *c);
    struct rig *r = c->r = rig_empty();

    c->host = 1000 * NS_PER_SEC;
    clock_free(&r->clock);
    clock_init(&r->clock, CLOCK_REAL, 1, NULL, host_ns, &c->host);
    rig_add(r, "i440fx", "bridge", NULL);
    rig_add(r, "i8254", "pit", "iobase=0x40");
    rig_add(r, "mc146818", "rtc", "");
    struct device *pm = rig_add(r, "piix4_pm", "pm", NULL);
    ck_assert(pci_bus_add(r->sys.pci, (struct pci_device *)pm, 0x0b, NULL));
    cfg32(r, 0x40, PM | 1);
    cfg32(r, 0x80, 1);
    cfg32(r, 0x04, 3);
    out16(r, PM + 2, 1);   /* TMROF_EN */
    out8(r, PM + 4, 1);    /* SCI_EN */
    cmos(r, 0x0a, 0x26);
    cmos(r, 0x0b, 0x52);   /* periodic at 1,024 Hz, update-ended */
    out8(r, 0x43, 0x34);
    out8(r, 0x40, (u8)RELOAD);
    out8(r, 0x40, RELOAD >> 8);
    c->fresh = true;
    return c;
}

/* The guest gets the processor once: its handlers, and a look at every clock. */
static void guest(struct clocks *c, u64 host_step)
{
    struct rig *r = c->r;

    if (wire(r, "rtc.irq") && c->lazy && !c->waited && rnd(2)) {
        c->waited = true; /* until the next time: its period does not begin anew with that */
    } else if (wire(r, "rtc.irq")) {
        c->waited = false;
        out8(r, 0x70, 0x0c);
        u8 v = in8(r, 0x71);
        c->pf += v >> 6 & 1;
        c->uf += v >> 4 & 1;
    }
    if (wire(r, "pm.sci")) {
        c->carries++;
        out16(r, PM, 1);
    }
    u64 now = clock_now(&r->clock);
    ck_assert_uint_ge(now, c->last_now);
    ck_assert_uint_le(now, clock_next(&r->clock));
    if (!c->fresh)
        ck_assert_msg(now - c->last_now <= 2 * host_step, "%llu ns in %llu of the host's",
                      (unsigned long long)(now - c->last_now), (unsigned long long)host_step);
    u32 t = in32(r, PM + 8);
    if (t < (c->last_pm & 0xffffff))
        c->pm_wraps++;
    u64 pm = c->pm_wraps << 24 | t;
    if (!c->fresh)
        ck_assert_uint_le((pm - c->last_pm) * 1000, (now - c->last_pm_now) * 3580 / 1000 + 2000);
    /* A look at the PIT does what is due there at this moment, so that time may go on behind it. */
    out8(r, 0x43, 0);
    u32 count = in8(r, 0x40);
    count |= (u32)in8(r, 0x40) << 8;
    u64 qpc = (u64)wire_rises(r, "pit.out0") * RELOAD + (RELOAD - count);
    ck_assert_uint_ge(qpc, c->last_qpc);
    if (!c->fresh)
        ck_assert_uint_le((qpc - c->last_qpc) * 1000,
                          (clock_now(&r->clock) - c->last_pm_now) * 1194 / 1000 + 2000);
    c->last_pm_now = now;
    c->last_now = clock_now(&r->clock);
    c->last_qpc = qpc;
    c->last_pm = pm;
    c->fresh = false;
}

static void run_once(struct clocks *c, u64 host_step)
{
    c->host += host_step;
    if (clock_run(&c->r->clock)) {
        if (c->fires++)
            ck_assert_uint_ge(c->host - c->last_fire, CLOCK_MIN_GAP_NS);
        c->last_fire = c->host;
    }
    guest(c, host_step);
}

static void run_for(struct clocks *c, u64 ns)
{
    for (u64 end = c->host + ns; c->host < end;)
        run_once(c, 2000 + rnd(80000));
}

/* All events of the time that the guest has seen, and no other. */
static void all_there(struct clocks *c)
{
    u64 now = c->last_now;

    ck_assert_uint_le((u64)wire_rises(c->r, "pit.out0"), now * 1193182 / NS_PER_SEC / RELOAD + 1);
    ck_assert_uint_ge((u64)wire_rises(c->r, "pit.out0") + 1, now * 1193182 / NS_PER_SEC / RELOAD);
    ck_assert_uint_le(c->pf, now * 1024 / NS_PER_SEC + 1);
    ck_assert_uint_ge(c->pf + 1, now * 1024 / NS_PER_SEC);
    ck_assert_uint_eq(c->uf, now / NS_PER_SEC);
    ck_assert_uint_eq(c->carries, muldiv64(now, 3579545, NS_PER_SEC) >> 23);
    ck_assert_uint_le(c->last_pm, muldiv64(now, 3579545, NS_PER_SEC));
    ck_assert_uint_ge(c->last_pm + 1, muldiv64(now, 3579545, NS_PER_SEC));
}

/* 10 s in the debugger, three times; not a nanosecond for the guest. */
START_TEST(stop)
{
    struct clocks *c = clocks();

    seed = 3;
    c->lazy = true;
    for (unsigned k = 0; k < 3; k++) {
        run_for(c, 2000 * MS);
        u64 now = clock_now(&c->r->clock);
        clock_hold(&c->r->clock);
        c->host += 10 * NS_PER_SEC;
        clock_run(&c->r->clock);
        ck_assert_uint_eq(clock_now(&c->r->clock), now);
        clock_release(&c->r->clock);
        ck_assert_uint_eq(clock_now(&c->r->clock), now);
    }
    run_for(c, 2000 * MS);
    all_there(c);
    ck_assert_uint_eq(c->r->clock.held_ns, 30 * NS_PER_SEC);
    ck_assert_uint_ge(c->last_now, 7900 * MS);
    ck_assert_uint_le(c->last_now, 8100 * MS);
    rig_free(c->r);
}
END_TEST

/* The host is away, nobody knew: over 250 ms is held, less is caught up with at twice real speed. */
START_TEST(stalls)
{
    static const u32 ms[] = { 100, 240, 251, 1000, 10000, 30 };
    struct clocks *c = clocks();
    u64 away = 0;

    seed = 4;
    for (unsigned k = 0; k < ARRAY_LEN(ms); k++) {
        run_for(c, 1200 * MS);
        u64 now = clock_now(&c->r->clock);
        c->host += ms[k] * MS;
        u64 after = clock_now(&c->r->clock);
        ck_assert_uint_le(after, clock_next(&c->r->clock));
        ck_assert_uint_le(after - now, 2 * ms[k] * MS);
        c->fresh = true;
        away += ms[k] > 250 ? ms[k] * MS : 0;
        /* the guest may not see more than one deadline at a time, 20 us apart */
        run_for(c, 600 * MS);
    }
    all_there(c);
    ck_assert_uint_ge(c->r->clock.held_ns, away);
    ck_assert_uint_le(c->r->clock.held_ns, away + MS);
    /* and the rest is made up */
    u64 real = c->host - 1000 * NS_PER_SEC - c->r->clock.held_ns;
    ck_assert_uint_le(real - c->last_now, 3 * MS);
    rig_free(c->r);
}
END_TEST

/* A host on which the guest gets 30 us in each 3 ms: it falls behind, and all events still come in order. */
START_TEST(starved)
{
    struct clocks *c = clocks();

    seed = 5;
    for (unsigned k = 0; k < 4000; k++)
        run_once(c, rnd(8) ? 20000 + rnd(4000000) : 200000000);
    all_there(c);
    ck_assert_uint_ge(c->uf, 1);
    u64 before = c->last_now, host = c->host;
    run_for(c, 1000 * MS); /* in peace, it catches up by twice that at most */
    ck_assert_uint_le(c->last_now - before, 2 * (c->host - host));
    ck_assert_uint_ge(c->last_now - before, 1500 * MS);
    all_there(c);
    rig_free(c->r);
}
END_TEST

Suite *suite_clocks(void);
Suite *suite_clocks(void)
{
    Suite *s = suite_create("clocks");
    TCase *tc = tcase_create("clocks");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, stop);
    tcase_add_test(tc, stalls);
    tcase_add_test(tc, starved);
    suite_add_tcase(s, tc);
    return s;
}
