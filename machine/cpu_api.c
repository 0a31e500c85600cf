/* SPDX-License-Identifier: MIT */
/* nestbox.h, the CPU without a machine: making one, and running it. */
#include "machine/cpu_api.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/xalloc.h"
#include "host/os.h"

enum { SLICE = 100000 /* instructions between two looks at the host's clock */ };

/* ---- errors */

bool cpu_fail(struct nb_error *e, enum err_code code, const char *fmt, ...)
{
    va_list ap;

    if (e) {
        va_start(ap, fmt);
        vsnprintf(e->text, sizeof e->text, fmt, ap);
        va_end(ap);
        e->code = (int)code;
    }
    return false;
}

bool cpu_not_within(const struct nb_cpu *cpu, const char *what, struct nb_error *e)
{
    return cpu->where != CPU_WITHIN ||
           cpu_fail(e, ERR_CONFIG,
                    "%s in the middle of an instruction, which hooks of accesses and ports "
                    "are called in",
                    what);
}

/* ---- set-up */

static void set_segment(struct cpu *c, unsigned s, u32 sel, u32 limit, u32 attr)
{
    cpu_set(c, CPU_ES + s, sel);
    cpu_set(c, CPU_ES_BASE + s, 0);
    cpu_set(c, CPU_ES_LIMIT + s, limit);
    cpu_set(c, CPU_ES_ATTR + s, attr);
}

/* From power-on to what nb_cpu_mode promises. */
static void set_mode(struct nb_cpu *cpu)
{
    /* attributes: c09b is G, D, present, DPL 0, code, readable, accessed */
    static const struct {
        u32 code_sel, data_sel, code, data;
    } by_mode[] = {
        [NB_CPU_REAL] = { 0, 0, 0x0093, 0x0093 },
        [NB_CPU_PROT16] = { 0x08, 0x10, 0x809b, 0x8093 },
        [NB_CPU_PROT32] = { 0x08, 0x10, 0xc09b, 0xc093 },
        [NB_CPU_USER32] = { 0x1b, 0x23, 0xc0fb, 0xc0f3 },
    };
    struct cpu *c = cpu->c;
    bool real = cpu->mode == NB_CPU_REAL;
    u32 limit = real ? 0xffff : 0xffffffffu;

    cpu_reset(c, CPU_POWER_ON);
    cpu_unhalt(c);
    cpu_set(c, CPU_CR0, real ? 0x10 : 0x33); /* ET; NE, ET, MP, PE */
    cpu_set(c, CPU_CR4, 0x600);              /* OSFXSR, OSXMMEXCPT, where the model has SSE */
    for (unsigned s = 0; s < 6; s++)
        set_segment(c, s, s == 1 ? by_mode[cpu->mode].code_sel : by_mode[cpu->mode].data_sel, limit,
                    s == 1 ? by_mode[cpu->mode].code : by_mode[cpu->mode].data);
    cpu_set(c, CPU_CPL, cpu->mode == NB_CPU_USER32 ? 3 : 0);
    cpu_set(c, CPU_GDTR_LIMIT, 0);
    cpu_set(c, CPU_IDTR_LIMIT, real ? 0x3ff : 0);
    cpu_set(c, CPU_TR_LIMIT, 0); /* no I/O bitmap */
    cpu_set(c, CPU_FCW, 0x37f);  /* as FNINIT leaves it */
    cpu_set(c, CPU_FTW, 0xffff);
    cpu_set(c, CPU_MXCSR, 0x1f80);
    cpu_set(c, CPU_EDX, 0);
    cpu_set(c, CPU_EIP, 0);
    cpu_set(c, CPU_EFLAGS, cpu->mode == NB_CPU_USER32 ? 0x202 : 2);
    cpu_hooks_tell(cpu);
}

static bool take_options(struct nb_cpu_options *o, const struct nb_cpu_options *from,
                         struct nb_error *e)
{
    memset(o, 0, sizeof *o);
    if (!from)
        return true;
    if (from->size < offsetof(struct nb_cpu_options, model))
        return cpu_fail(e, ERR_CONFIG, "nb_cpu_options: size is %u, not sizeof", from->size);
    memcpy(o, from, MIN(from->size, sizeof *o));
    if (o->mode > NB_CPU_USER32)
        return cpu_fail(e, ERR_CONFIG, "nb_cpu_options: there is no mode %u", o->mode);
    if (o->faults > NB_CPU_FAULTS_IDT)
        return cpu_fail(e, ERR_CONFIG, "nb_cpu_options: there is no way %u to treat faults",
                        o->faults);
    return true;
}

static void destroy(struct nb_cpu *cpu)
{
    cpu_free(cpu->c);
    cpu_hooks_free(cpu);
    cpu_mem_free(cpu);
    log_free(&cpu->log);
    xfree(cpu->later);
    xfree(cpu->model);
    xfree(cpu);
}

struct nb_cpu *nb_cpu_new(const struct nb_cpu_options *options, struct nb_error *e)
{
    struct cpu_config cfg = { .exact = true };
    struct nb_cpu_options o;
    struct err err = { 0 };
    struct nb_cpu *cpu;

    if (!take_options(&o, options, e))
        return NULL;
    cpu = xcalloc(1, sizeof *cpu);
    cpu->mode = o.mode;
    cpu->faults = o.faults;
    cpu->model = xstrdup(o.model ? o.model : "");
    log_init(&cpu->log);
    cpu_mem_init(cpu);
    cpu_hooks_init(cpu);
    cfg.model = o.model;
    cfg.mem = &cpu->mem;
    cfg.io = &cpu->io;
    cfg.log = &cpu->log;
    cpu->c = cpu_new(&cfg, &err);
    if (!cpu->c) {
        cpu_fail(e, err.code, "%s", err.msg);
        destroy(cpu);
        return NULL;
    }
    cpu_set_hooks(cpu->c, &cpu->hooks);
    set_mode(cpu);
    return cpu;
}

void nb_cpu_free(struct nb_cpu *cpu)
{
    if (cpu && !cpu->running)
        destroy(cpu);
}

bool nb_cpu_reset(struct nb_cpu *cpu, struct nb_error *e)
{
    if (cpu->running)
        return cpu_fail(e, ERR_CONFIG, "a CPU can't be reset while it runs");
    set_mode(cpu);
    return true;
}

/* ---- running */

static void fill_exit(struct nb_cpu *cpu, struct nb_cpu_exit *to, enum nb_cpu_reason why, u64 start)
{
    struct nb_cpu_exit x = { .reason = why };
    size_t size;

    if (!to)
        return;
    size = MIN(to->size, sizeof x);
    if (size < offsetof(struct nb_cpu_exit, eip))
        return;
    if (why != NB_CPU_REFUSED) {
        x.eip = cpu_get(cpu->c, CPU_EIP);
        x.retired = *cpu_retired(cpu->c) - start;
    }
    if (why == NB_CPU_FAULT) {
        struct cpu_fault f = cpu_last_fault(cpu->c);
        x.software = cpu_caught_int(cpu->c);
        x.vector = f.vector;
        x.has_error = f.has_error;
        x.error = f.has_error ? f.error : 0;
        x.cr2 = f.vector == 14 && !x.software ? f.cr2 : 0;
    }
    x.size = to->size;
    memcpy(to, &x, size);
}

/* What CPU_BREAK means. true: go on. */
static bool take_break(struct nb_cpu *cpu, bool moved, enum nb_cpu_reason *why)
{
    struct cpu_fault f = cpu_last_fault(cpu->c);

    if (cpu_is_at_stop(cpu->c)) {
        *why = NB_CPU_ADDRESS;
        return false;
    }
    if (cpu_fetch_left(cpu->c))
        return true;
    if (moved) { /* a hook has said where to go on */
        cpu_drop_caught(cpu->c);
        return true;
    }
    cpu_note_caught(cpu->c);
    if (cpu_hooks_fault(cpu, &f))
        return true;
    if (cpu->faults == NB_CPU_FAULTS_RETURN) {
        *why = NB_CPU_FAULT;
        return false;
    }
    cpu_deliver_caught(cpu->c);
    cpu_block_starts(cpu->c);
    return true;
}

static enum nb_cpu_reason run(struct nb_cpu *cpu, const struct nb_cpu_limits *lim, u64 end)
{
    struct cpu *c = cpu->c;
    u64 deadline = lim->max_ns ? os_mono_ns(NULL) + lim->max_ns : 0;
    enum nb_cpu_reason why;

    for (;;) {
        u64 now = *cpu_retired(c), until = end;
        enum cpu_exit x;
        bool moved;

        if (__atomic_exchange_n(&cpu->stop, 0, __ATOMIC_SEQ_CST))
            return NB_CPU_STOPPED;
        if (now >= end)
            return NB_CPU_COUNT;
        if (deadline) {
            if (os_mono_ns(NULL) >= deadline)
                return NB_CPU_TIME;
            if (end - now > SLICE)
                until = now + SLICE;
        }
        /* delivery within the CPU is quicker, but says nothing about it here */
        cpu_catch_faults(c, cpu->faults == NB_CPU_FAULTS_RETURN || cpu_hooks_any(cpu, ~0u));
        cpu->where = CPU_BETWEEN;
        x = cpu_run(c, until);
        moved = cpu_regs_late(cpu);
        if (cpu->hooks_new)
            cpu_hooks_tell(cpu);
        cpu_mem_bury(cpu);
        switch (x) {
        case CPU_HALT:
            if (moved)
                cpu_unhalt(c);
            else if (!__atomic_exchange_n(&cpu->stop, 0, __ATOMIC_SEQ_CST))
                return NB_CPU_HALTED;
            else
                return NB_CPU_STOPPED;
            break;
        case CPU_SHUTDOWN: return NB_CPU_SHUTDOWN;
        case CPU_BREAK:
            if (!take_break(cpu, moved, &why))
                return why;
            break;
        case CPU_BUDGET:
        case CPU_KICK:
        case CPU_WATCH:
        case CPU_BUG: break;
        }
    }
}

enum nb_cpu_reason nb_cpu_run(struct nb_cpu *cpu, const struct nb_cpu_limits *limits,
                              struct nb_cpu_exit *exit)
{
    struct nb_cpu_limits lim = { 0 };
    enum nb_cpu_reason why = NB_CPU_REFUSED;
    u64 start = *cpu_retired(cpu->c);

    if (!cpu->running && (!limits || limits->size >= sizeof limits->size)) {
        if (limits)
            memcpy(&lim, limits, MIN(limits->size, sizeof lim));
        cpu->running = true;
        cpu_unhalt(cpu->c);
        cpu_set_stop_at(cpu->c, lim.has_until, lim.until);
        cpu_block_starts(cpu->c);
        why = run(cpu, &lim,
                  lim.max_insns && lim.max_insns < UINT64_MAX - start ? start + lim.max_insns
                                                                      : UINT64_MAX);
        cpu->where = CPU_IDLE;
        cpu->running = false;
    }
    fill_exit(cpu, exit, why, start);
    if (why == NB_CPU_FAULT)
        cpu_drop_caught(cpu->c);
    return why;
}

enum nb_cpu_reason nb_cpu_step(struct nb_cpu *cpu, struct nb_cpu_exit *exit)
{
    struct nb_cpu_limits one = { .size = sizeof one, .max_insns = 1 };

    return nb_cpu_run(cpu, &one, exit);
}

void nb_cpu_stop(struct nb_cpu *cpu)
{
    __atomic_store_n(&cpu->stop, 1, __ATOMIC_SEQ_CST);
    cpu_kick(cpu->c);
}

uint64_t nb_cpu_retired(struct nb_cpu *cpu) { return *cpu_retired(cpu->c); }

/* ---- an exit in words */

static const char *exception_name(unsigned v)
{
    static const char *const name[] = {
        "divide error",
        "debug exception",
        "NMI",
        "breakpoint",
        "overflow",
        "BOUND range exceeded",
        "invalid opcode",
        "device not available",
        "double fault",
        "exception 9",
        "invalid TSS",
        "segment not present",
        "stack fault",
        "general protection fault",
        "page fault",
        "exception 15",
        "x87 floating-point error",
        "alignment check",
        "machine check",
        "SIMD floating-point error",
    };

    return v < ARRAY_LEN(name) ? name[v] : "exception";
}

char *nb_cpu_exit_text(const struct nb_cpu_exit *x, char *out, size_t size)
{
    static const char *const plain[] = {
        [NB_CPU_COUNT] = "%llu instructions done, at %08x",
        [NB_CPU_ADDRESS] = "%llu instructions later at %08x",
        [NB_CPU_STOPPED] = "stopped after %llu instructions at %08x",
        [NB_CPU_FAULT] = "",
        [NB_CPU_HALTED] = "halted after %llu instructions, before %08x",
        [NB_CPU_SHUTDOWN] = "triple fault after %llu instructions at %08x",
        [NB_CPU_TIME] = "time over after %llu instructions at %08x",
        [NB_CPU_REFUSED] = "not run: the CPU runs already, or a size is missing",
    };

    if (x->reason > NB_CPU_REFUSED) {
        snprintf(out, size, "unknown reason %u", x->reason);
    } else if (x->reason == NB_CPU_REFUSED) {
        snprintf(out, size, "%s", plain[NB_CPU_REFUSED]);
    } else if (x->reason != NB_CPU_FAULT) {
        snprintf(out, size, plain[x->reason], (unsigned long long)x->retired, x->eip);
    } else if (x->software) {
        snprintf(out, size, "INT %02x at %08x", x->vector, x->eip);
    } else if (x->vector == 14) {
        snprintf(out, size, "page fault at %08x: %s %08x, %s", x->eip,
                 x->error & 16  ? "fetch from"
                 : x->error & 2 ? "write to"
                                : "read from",
                 x->cr2, x->error & 1 ? "not allowed" : "not mapped");
    } else if (x->has_error) {
        snprintf(out, size, "%s (%u) at %08x, error code %04x", exception_name(x->vector),
                 x->vector, x->eip, x->error);
    } else {
        snprintf(out, size, "%s (%u) at %08x", exception_name(x->vector), x->vector, x->eip);
    }
    return out;
}
