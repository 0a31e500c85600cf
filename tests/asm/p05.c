/* SPDX-License-Identifier: MIT */
/* P5: the clocks of the machine agree (XP contract 3.6, T1, T2, T9). Over a number of the RTC's seconds,
 * taken from its update interrupts, the PIT's and the RTC's periodic interrupts, the PM timer with its
 * carries, and TSC are counted; the processor halts and works in turn. Options: seconds=N (60), busy=N:
 * of 100 ticks so many are spent working (1). Everything must be within 0.1 %, and interrupts exact.
 * Before and behind all that a delay loop is timed by counter 2, as DOS programs do: it must not be more
 * than twice as fast when it is hot (contract D11); calibrate=0 only prints it, where the host is busy. */
#include "kernel.h"

enum { RELOAD = 1193, PIT_HZ = 1193182, PM_HZ = 3579545 };

static volatile u32 ticks, periodic, updates;
static u32 pm_port, pm_start, pm_last, carries, backwards;
static u64 pm_ticks;
static u32 qpc_back, samples;
static u64 qpc_last;

/* What a second of the RTC saw. */
struct mark { u32 ticks, periodic; u64 pm, tsc; };
static volatile struct mark first, half, last;
static u32 seconds;

static u8 cmos(u8 reg)
{
    outb(0x70, reg);
    return inb(0x71);
}

static void cmos_put(u8 reg, u8 v)
{
    outb(0x70, reg);
    outb(0x71, v);
}

static void pm_sample(void)
{
    u32 v = inl((u16)(pm_port + 8)) & 0xffffff, step = (v - pm_last) & 0xffffff;

    if (step >= 0x800000)
        backwards++;
    pm_ticks += step;
    pm_last = v;
    if (inw((u16)pm_port) & 1) {
        carries++;
        outw((u16)pm_port, 1);
    }
}

static void on_irq0(struct frame *f)
{
    (void)f;
    ticks++;
    if (pm_port)
        pm_sample();
    pic_eoi(0);
}

static struct mark mark_now(void)
{
    if (pm_port)
        pm_sample();
    return (struct mark){ ticks, periodic, pm_ticks, rdtsc() };
}

static void on_irq8(struct frame *f)
{
    u8 c = cmos(0x0c);

    (void)f;
    if (c & 0x40)
        periodic++;
    if (c & 0x10) {
        struct mark m = mark_now();
        if (updates == 0)
            first = m;
        if (updates == seconds / 2)
            half = m;
        if (updates == seconds)
            last = m;
        updates++;
    }
    pic_eoi(8);
}

/* The counter as hal.dll reads it: ticks, and what the count has run down since; a tick that has not been
 * taken yet is seen in IRR. Interrupts are off. Where the host was away for a good part of a tick in the
 * middle of it, the tick in IRR may be younger than the count: such a sample says nothing. */
enum { AWAY = 300000 /* TSC of 1 GHz: 0.3 ms of a tick's 1 ms */ };

static void qpc_sample(void)
{
    u64 start = rdtsc();

    outb(0x43, 0);
    u32 count = inb(0x40);
    count |= (u32)inb(0x40) << 8;
    outb(0x20, 0x0a);
    u64 q = (u64)ticks * RELOAD + (RELOAD - count);
    bool pending = inb(0x20) & 1;
    if (rdtsc() - start > AWAY)
        return;
    if (pending && count > RELOAD / 2)
        q += RELOAD;
    else if (pending && q < qpc_last) /* the host was away behind the tick, as an SMI is on real machines */
        q += RELOAD;
    if (count < 1 || count > RELOAD || q < qpc_last)
        qpc_back++;
    qpc_last = q;
    samples++;
}

static void near(u64 got, u64 want, const char *name)
{
    u64 off = got > want ? got - want : want - got;

    check(off * 1000 <= want, name, "got %u, want %u", (u32)got, (u32)want);
}

/* PIT clocks that 200,000 LOOPs take, by counter 2. */
static u32 delay_loop(void)
{
    u32 n = 200000, left;

    outb(0x61, (u8)((inb(0x61) & 0xfc) | 1));
    outb(0x43, 0xb0);
    outb(0x42, 0xff);
    outb(0x42, 0xff);
    __asm__ volatile("1: loop 1b" : "+c"(n));
    outb(0x43, 0x80);
    left = inb(0x42);
    left |= (u32)inb(0x42) << 8;
    return 0xffff - left;
}

/* What the PM block says where it is. */
static void find_pm(void)
{
    u32 id = pci_read(1, 3, 0);

    if ((id & 0xffff) == 0x8086 && (pci_read(1, 3, 0x80) & 1))
        pm_port = pci_read(1, 3, 0x40) & 0xffc0;
    note("power management %x at %x", id, pm_port);
}

void test_main(void)
{
    u32 cold = delay_loop(), busy = option("busy", 1), from_s, to_s;

    seconds = option("seconds", 60);
    find_pm();
    handlers[0x20] = on_irq0;
    handlers[0x28] = on_irq8;
    pic_init(0xfa, 0xfe);
    cmos_put(0x0b, (u8)((cmos(0x0b) & 0x07) | 0x50)); /* PIE, UIE */
    cmos_put(0x0a, 0x26);                             /* 1,024 Hz */
    cmos(0x0c);
    if (pm_port) {
        outw((u16)pm_port, 1);
        pm_start = pm_last = inl((u16)(pm_port + 8)) & 0xffffff;
    }
    pit_start(2, RELOAD);
    while (updates == 0)
        hlt();
    from_s = cmos(0x00);
    while (updates <= seconds) {
        hlt();
        qpc_sample();
        if (ticks % 100 >= busy)
            continue;
        u32 until = ticks + 1, sum = 0;
        while (ticks < until) { /* interrupts on and off, samples at random places */
            sti();
            for (u32 k = 0; k < 50 + sum % 97; k++)
                sum = sum * 1664525 + 1013904223;
            cli();
            qpc_sample();
        }
    }
    to_s = cmos(0x00);
    cli();
    cmos_put(0x0b, (u8)(cmos(0x0b) & 0x07));

    from_s = (from_s >> 4) * 10 + (from_s & 15);
    to_s = (to_s >> 4) * 10 + (to_s & 15);
    check_eq((to_s + 60 - from_s) % 60, seconds % 60, "seconds_on_the_clock");
    near((u64)(last.ticks - first.ticks) * RELOAD, (u64)seconds * PIT_HZ, "pit_against_rtc");
    check(last.ticks - first.ticks >= seconds * PIT_HZ / RELOAD &&
          last.ticks - first.ticks <= seconds * PIT_HZ / RELOAD + 2, "no_pit_interrupt_is_lost",
          "%u in %u s", last.ticks - first.ticks, seconds);
    check(last.periodic - first.periodic >= seconds * 1024 - 1 &&
          last.periodic - first.periodic <= seconds * 1024 + 1, "no_rtc_interrupt_is_lost", "%u in %u s",
          last.periodic - first.periodic, seconds);
    if (pm_port) {
        near(last.pm - first.pm, (u64)seconds * PM_HZ, "pm_timer_against_rtc");
        check_eq(backwards, 0, "pm_timer_never_back");
        u32 want = (u32)((pm_start + pm_ticks) >> 23) - (pm_start >> 23);
        check_eq(carries, want, "each_carry_of_the_pm_timer");
    }
    u64 tsc1 = half.tsc - first.tsc, tsc2 = last.tsc - half.tsc;
    near(tsc1 * (seconds - seconds / 2), tsc2 * (seconds / 2), "tsc_is_even");
    u32 khz = 0;
    while (tsc1 >= (u64)1000 * (seconds / 2)) { /* no 64-bit division here */
        u64 step = (u64)1000 * (seconds / 2), n = 1;
        while (step << 1 <= tsc1 && n < 1u << 30)
            step <<= 1, n <<= 1;
        tsc1 -= step;
        khz += (u32)n;
    }
    u32 hot = delay_loop();
    for (u32 k = 0; k < 4; k++) {
        u32 again = delay_loop();
        hot = again < hot ? again : hot;
    }
    if (option("calibrate", 1))
        check(cold <= 2 * hot && hot <= 2 * cold && hot > 100, "delay_loop_cold_and_hot", "%u, then %u", cold, hot);
    note("delay loop: %u, then %u PIT clocks", cold, hot);
    note("TSC %u kHz, %u PIT interrupts, %u carries, %u samples", khz, last.ticks - first.ticks, carries,
         samples);
    check(qpc_back == 0 && samples > seconds * 900, "qpc_is_monotonic", "%u of %u", qpc_back, samples);
}
