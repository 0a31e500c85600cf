/* SPDX-License-Identifier: MIT */
/* The run loop: requests, timers, host events, then the CPU until something is due.
 *
 * All that reaches the machine from outside comes through the loop's queue or an atomic wish, and
 * is taken between two instructions. In counted time the CPU's budget is the next deadline; in
 * real time it is a slice short enough that deadlines are met to some tens of microseconds. */
#include "machine/machine.h"

#include "devices/cmos.h"
#include "devices/piix4_pm.h"

#define REAL_SLICE 8192u       /* instructions between two looks at the host's clock */
#define SOON_SLICE 1024u       /* ... when a chip just asked for a moment soon */
#define COUNTED_SLICE 2000000u /* ... at the host's descriptors */

void machine_wake(struct nb_machine *m)
{
    loop_kick(m->loop);
}

static void hold(struct nb_machine *m, bool on)
{
    if (m->holding == on)
        return;
    m->holding = on;
    if (on)
        clock_hold(&m->clock);
    else
        clock_release(&m->clock);
    if (!on && m->clock.source == CLOCK_PACED) {
        /* however short the stop was: nothing of it is made up */
        m->paced_anchor_host = os_mono_ns(NULL);
        m->paced_anchor_guest = clock_now(&m->clock);
    }
}

/* Other threads ask nb_is_paused(). */
static void set_paused(struct nb_machine *m, bool on)
{
    __atomic_store_n(&m->paused, on, __ATOMIC_RELAXED);
}

/* From chips, between or during instructions. */
void machine_request(void *machine, enum system_request what, int arg)
{
    struct nb_machine *m = machine;

    switch (what) {
    case SYSTEM_RESET:
        m->want_reset = true;
        break;
    case SYSTEM_INIT:
        m->want_init = true;
        break;
    case SYSTEM_POWER_OFF:
        m->want_power_off = true;
        break;
    case SYSTEM_EXIT:
        m->want_exit = true;
        m->exit_code = arg;
        break;
    case SYSTEM_SUSPEND:
        log_unimp(&m->log, "machine", "suspend to RAM");
        return;
    case SYSTEM_A20:
        m->a20_level = arg;
        if (m->cpu)
            cpu_set_a20(m->cpu, arg);
        return;
    case SYSTEM_NMI:
        if (m->cpu)
            cpu_nmi(m->cpu);
        return;
    }
    if (m->cpu)
        cpu_stop(m->cpu);
}

void machine_reset(struct nb_machine *m, enum reset_kind kind)
{
    if (kind == RESET_INIT) {
        cpu_reset(m->cpu, CPU_INIT);
        return;
    }
    LOG(&m->log, INFO, "machine: power-on reset");
    ram_zero(&m->ram, 0, m->layout.ram_frames);
    for (unsigned k = 0; k < m->num_devices; k++)
        if (m->dev[k]->cls->reset)
            m->dev[k]->cls->reset(m->dev[k], kind);
    firmware_reset(m);
    cpu_set_a20(m->cpu, m->a20_level);
    cpu_reset(m->cpu, CPU_POWER_ON);
}

/* INIT by port 92h, the keyboard controller or a triple fault: with one of these shutdown codes the
 * firmware returns to 40:67h and everything but the CPU stays as it is; else it is a power-on
 * reset (docs/how-it-works.md, "Reset"). */
static bool init_keeps_machine(struct nb_machine *m)
{
    u8 code = cmos_get(m->rtc, 0x0f);

    return code == 0x05 || code == 0x0a || code == 0x0b || code == 0x0c;
}

/* Takes requests. true: nb_run must return m->stopped_by. */
static bool take_requests(struct nb_machine *m)
{
    if (m->want_exit) {
        m->want_exit = false;
        m->stopped_by = NB_EXIT;
        return true;
    }
    if (m->want_power_off) {
        m->want_power_off = false;
        m->powered_off = true;
        if (m->cfg->no_shutdown) {
            set_paused(m, true);
            m->stopped_by = NB_PAUSED;
        } else {
            m->stopped_by = NB_POWER_OFF;
        }
        return true;
    }
    if (m->want_init) {
        m->want_init = false;
        if (init_keeps_machine(m))
            machine_reset(m, RESET_INIT);
        else
            m->want_reset = true;
    }
    if (m->want_reset) {
        m->want_reset = false;
        if (m->cfg->no_reboot) {
            m->stopped_by = NB_RESET;
            return true;
        }
        machine_reset(m, RESET_POWER_ON);
    }
    if (m->want_io_stop) {
        m->want_io_stop = false;
        set_paused(m, true);
        m->stopped_by = NB_IO_ERROR;
        return true;
    }
    return false;
}

enum { POWER_BUTTON = 1, POWER_SHUTDOWN = 2 }; /* want_powerdown */

static bool wish(volatile int *w)
{
    return __atomic_load_n(w, __ATOMIC_RELAXED) && __atomic_exchange_n(w, 0, __ATOMIC_SEQ_CST);
}

static bool take_wishes(struct nb_machine *m)
{
    if (wish(&m->want_quit)) {
        m->stopped_by = NB_QUIT;
        return true;
    }
    if (wish(&m->want_user_reset)) {
        if (m->cfg->no_reboot) {
            m->stopped_by = NB_RESET;
            return true;
        }
        /* what the guest asked for just before goes with the machine that asked */
        m->want_reset = m->want_init = m->want_io_stop = false;
        machine_reset(m, RESET_POWER_ON);
    }
    if (wish(&m->want_nmi))
        cpu_nmi(m->cpu);
    int power = __atomic_exchange_n(&m->want_powerdown, 0, __ATOMIC_SEQ_CST);
    if (power == POWER_SHUTDOWN && (m->paused || !m->pm || !piix4_pm_acpi_on(m->pm))) {
        m->stopped_by = NB_QUIT; /* nobody would hear the button */
        return true;
    }
    if (power && m->pm)
        piix4_pm_press(m->pm);
    if (wish(&m->want_pause) && !m->paused) {
        set_paused(m, true);
        m->stopped_by = NB_PAUSED;
        return true;
    }
    return false;
}

/* A chip armed a timer that comes before all others, perhaps in the middle of cpu_run(). */
void machine_earlier_deadline(void *machine)
{
    struct nb_machine *m = machine;

    if (!m->cpu)
        return;
    if (m->clock.source == CLOCK_REAL)
        cpu_set_until(m->cpu, *cpu_retired(m->cpu) + SOON_SLICE);
    else
        cpu_set_until(m->cpu, clock_budget(&m->clock));
}

/* Retired count up to which the CPU may run now. */
static u64 budget(struct nb_machine *m, u64 guest_end)
{
    u64 retired = *cpu_retired(m->cpu), until = m->stop_at;

    if (m->clock.source == CLOCK_REAL)
        return MIN(until, retired + REAL_SLICE);
    until = MIN(until, clock_budget(&m->clock));
    until = MIN(until, retired + COUNTED_SLICE);
    if (guest_end != UINT64_MAX) {
        u64 now = clock_now(&m->clock);
        u64 left = guest_end > now ? (guest_end - now + m->clock.ns_per_insn - 1) /
                                     m->clock.ns_per_insn : 0;
        until = MIN(until, retired + left);
    }
    return until;
}

enum { QUIET_INSNS = 2000000, QUIET_SLEEPS = 128 };

/* A guest that slept QUIET_SLEEPS times within QUIET_INSNS instructions does nothing but tick. Its
 * decoded code is what the boot has left, and the few blocks of a tick lie all over it: with the caches
 * cold, as they are after each sleep, finding them is most of what a tick costs (measured: laid out
 * anew it costs a tenth less). And it gives 12 MB back. The translator rests meanwhile: its code takes
 * more room, so that a tick costs half as much again. */
static void tidy_when_quiet(struct nb_machine *m)
{
    struct quiet *q = &m->quiet;
    u64 insns = *cpu_retired(m->cpu) - q->since;

    q->sleeps++;
    if (insns > QUIET_INSNS) {
        if (insns / q->sleeps > QUIET_INSNS / QUIET_SLEEPS)
            q->tidy = false; /* there was work */
        else if (q->tidy)
            cpu_rest(m->cpu, QUIET_INSNS);
        q->sleeps = 0;
        q->since = *cpu_retired(m->cpu);
    } else if (!q->tidy && q->sleeps >= QUIET_SLEEPS) {
        q->tidy = true;
        q->times_tidied++;
        cpu_tidy(m->cpu);
        cpu_rest(m->cpu, QUIET_INSNS);
    }
}

/* The guest waits for an interrupt. */
static void idle(struct nb_machine *m, u64 host_left, u64 guest_end)
{
    if (m->clock.source == CLOCK_REAL) {
        tidy_when_quiet(m);
        loop_wait(m->loop, MIN(host_left, clock_sleep_ns(&m->clock)));
        return;
    }
    u64 next = MIN(clock_next(&m->clock), guest_end);
    if (next == UINT64_MAX)
        loop_wait(m->loop, MIN(host_left, 100000000ull)); /* only the host can wake it */
    else
        clock_skip_to(&m->clock, next);
}

/* Paced: the guest may not be ahead of the host. */
static void pace(struct nb_machine *m)
{
    u64 guest = clock_now(&m->clock) - m->paced_anchor_guest;
    u64 host = os_mono_ns(NULL) - m->paced_anchor_host;

    if (guest > host + 2000000)
        loop_wait(m->loop, guest - host);
    else if (host > guest + 250000000) { /* a gap of the host's: held time */
        m->paced_anchor_host += host - guest;
    }
}

enum nb_stop nb_run(struct nb_machine *m, uint64_t max_ns)
{
    bool real = m->clock.source == CLOCK_REAL;
    u64 host_end = max_ns && real ? os_mono_ns(NULL) + max_ns : UINT64_MAX;
    u64 guest_end = max_ns && !real ? clock_now(&m->clock) + max_ns : UINT64_MAX;
    bool look = true; /* at descriptors */

    __atomic_store_n(&m->thread, os_thread_self(), __ATOMIC_RELAXED);
    if (m->clock.source == CLOCK_PACED && !m->paced_anchor_host) {
        m->paced_anchor_host = os_mono_ns(NULL);
        m->paced_anchor_guest = clock_now(&m->clock);
    }
    for (;;) {
        u64 left = UINT64_MAX;
        if (real && host_end != UINT64_MAX) {
            u64 now = os_mono_ns(NULL);
            if (now >= host_end) {
                m->stopped_by = NB_TIMEOUT;
                break;
            }
            left = host_end - now;
        }
        if (m->paused) {
            hold(m, true);
            loop_wait(m->loop, real ? left : max_ns ? MIN(max_ns, 50000000ull) : UINT64_MAX);
            loop_drain(m->loop, clock_now(&m->clock));
            picture_tick(m);
            if (take_wishes(m))
                break;
            if (m->paused && !real && max_ns) {
                m->stopped_by = NB_TIMEOUT;
                break;
            }
            continue;
        }
        hold(m, false);
        if (look)
            loop_wait(m->loop, 0);
        look = false;
        if (loop_pending(m->loop))
            loop_drain(m->loop, clock_now(&m->clock));
        picture_tick(m);
        if (take_wishes(m) || take_requests(m))
            break;
        if (clock_run(&m->clock) && (m->want_exit || m->want_reset || m->want_init ||
                                     m->want_power_off || m->want_io_stop))
            continue;
        if (!real && clock_now(&m->clock) >= guest_end) {
            m->stopped_by = NB_TIMEOUT;
            break;
        }
        if (*cpu_retired(m->cpu) >= m->stop_at) {
            m->stopped_by = NB_STOP_AT;
            break;
        }
        switch (cpu_run(m->cpu, budget(m, guest_end))) {
        case CPU_BUDGET:
            look = !real || (++m->slices & 15) == 0;
            break;
        case CPU_KICK:
            look = true;
            break;
        case CPU_HALT:
            look = !real; /* in real time idle() has looked */
            if (!loop_pending(m->loop))
                idle(m, left, guest_end);
            break;
        case CPU_SHUTDOWN:
            if (m->cfg->no_reboot && !init_keeps_machine(m)) {
                m->stopped_by = NB_SHUTDOWN;
                hold(m, true);
                return NB_SHUTDOWN;
            }
            log_guest(&m->log, "cpu", "triple fault");
            m->want_init = true;
            break;
        case CPU_BREAK:
            m->stopped_by = NB_BREAK;
            hold(m, true);
            return NB_BREAK;
        case CPU_WATCH:
            m->stopped_by = NB_WATCH;
            hold(m, true);
            return NB_WATCH;
        case CPU_BUG:
            m->stopped_by = NB_BUG;
            hold(m, true);
            return NB_BUG;
        }
        if (m->clock.source == CLOCK_PACED)
            pace(m);
    }
    if (m->stopped_by != NB_TIMEOUT)
        hold(m, true);
    return m->stopped_by;
}

/* A debugger's step: one instruction, with whatever is due before it. */
enum nb_stop nb_step(struct nb_machine *m)
{
    enum cpu_exit why;

    hold(m, false);
    loop_drain(m->loop, clock_now(&m->clock));
    clock_run(&m->clock);
    if (take_requests(m))
        return m->stopped_by;
    if (cpu_halted(m->cpu) && !cpu_wakeable(m->cpu) && m->clock.source != CLOCK_REAL &&
        clock_next(&m->clock) != UINT64_MAX) {
        clock_skip_to(&m->clock, clock_next(&m->clock));
        clock_run(&m->clock);
    }
    /* A kick (nb_call's, for one) and the breakpoint we stand on come before the instruction. */
    u64 before = *cpu_retired(m->cpu);
    for (int tries = 0; tries < 4; tries++) {
        why = cpu_step(m->cpu);
        if (why != CPU_KICK && (why != CPU_BREAK || *cpu_retired(m->cpu) != before))
            break;
    }
    hold(m, true);
    if (take_requests(m))
        return m->stopped_by;
    return why == CPU_SHUTDOWN ? NB_SHUTDOWN : why == CPU_WATCH ? NB_WATCH :
           why == CPU_BUG ? NB_BUG : NB_BREAK;
}

/* ---- wishes of other threads */

void nb_pause(struct nb_machine *m)
{
    __atomic_store_n(&m->want_pause, 1, __ATOMIC_SEQ_CST);
    machine_wake(m);
}

static void do_cont(void *arg, bool run)
{
    struct nb_machine *m = arg;

    if (run) {
        set_paused(m, false);
        m->powered_off = false;
    }
}

void nb_cont(struct nb_machine *m)
{
    __atomic_store_n(&m->want_pause, 0, __ATOMIC_SEQ_CST);
    loop_post(m->loop, do_cont, m, LOOP_ASAP);
}

bool nb_is_paused(const struct nb_machine *m)
{
    return __atomic_load_n(&m->paused, __ATOMIC_RELAXED) ||
           __atomic_load_n(&m->want_pause, __ATOMIC_RELAXED);
}

void nb_quit(struct nb_machine *m)
{
    __atomic_store_n(&m->want_quit, 1, __ATOMIC_SEQ_CST);
    machine_wake(m);
}

void nb_reset(struct nb_machine *m)
{
    __atomic_store_n(&m->want_user_reset, 1, __ATOMIC_SEQ_CST);
    machine_wake(m);
}

void nb_powerdown(struct nb_machine *m)
{
    __atomic_store_n(&m->want_powerdown, POWER_BUTTON, __ATOMIC_SEQ_CST);
    machine_wake(m);
}

void nb_shutdown(struct nb_machine *m)
{
    __atomic_store_n(&m->want_powerdown, POWER_SHUTDOWN, __ATOMIC_SEQ_CST);
    machine_wake(m);
}

void nb_nmi(struct nb_machine *m)
{
    __atomic_store_n(&m->want_nmi, 1, __ATOMIC_SEQ_CST);
    machine_wake(m);
}

struct call_msg {
    void (*fn)(void *arg);
    void *arg;
    struct os_event *done;
    bool ran;
};

static void call_arrives(void *arg, bool run)
{
    struct call_msg *c = arg;

    if (run)
        c->fn(c->arg);
    c->ran = run;
    os_event_signal(c->done);
}

bool nb_call(struct nb_machine *m, void (*fn)(void *arg), void *arg)
{
    struct call_msg c = { .fn = fn, .arg = arg };

    if (__atomic_load_n(&m->freeing, __ATOMIC_RELAXED))
        return false;
    if (os_thread_self() == __atomic_load_n(&m->thread, __ATOMIC_RELAXED)) {
        fn(arg);
        return true;
    }
    c.done = os_event_new();
    loop_post(m->loop, call_arrives, &c, LOOP_ASAP);
    while (!os_event_wait(c.done, UINT64_MAX))
        ;
    os_event_free(c.done);
    return c.ran;
}
