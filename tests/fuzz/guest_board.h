/* SPDX-License-Identifier: MIT */
/* The machine of fuzz_guest.c: a CPU, RAM that A20 folds, a ROM, an MMIO window, and of the PC's
 * chips those that interrupt and reset (PIC pair, PIT, RTC, system control), in counted time. Low
 * ports that no chip has lead to the fuzzer, which records what is done to them. */
#ifndef NB_TESTS_FUZZ_GUEST_BOARD_H
#define NB_TESTS_FUZZ_GUEST_BOARD_H

#include "core/device.h"
#include "core/xalloc.h"
#include "cpu/hook.h"
#include "cpu/jit/attach.h"
#include "cpu/sys.h"
#include "devices/i8259.h"
#include "host/os.h"

enum {
    LOW_RAM = 128 << 10,
    HIGH_AT = 1 << 20,
    HIGH_RAM = 64 << 10,
    ROM_SIZE = 4096,
    ALL_RAM = LOW_RAM + HIGH_RAM + ROM_SIZE,
    ROM_FRAME = (LOW_RAM + HIGH_RAM) / 4096,
    MMIO_AT = 0x80000,
    MMIO_SIZE = 0x8000,
    NUM_CHIPS = 5,
    MAX_HALTS = 60,
    MAX_RESETS = 3,
};
/* Ports of the fuzzer that do something. */
enum { PORT_NMI = 0xe0, PORT_STOP, PORT_A20, PORT_DMA };

struct board_options {
    const char *engine; /* "interp", "jit", "views" (the translator's) or "check" */
    unsigned hot;       /* jit_attach() */
    const char *model;
    bool coherent, soft_fpu;
    u32 ns; /* per instruction */
};

struct board {
    struct board_options opt;
    struct log log;
    struct ram ram;
    struct space mem, io;
    struct region low, high, rom, rom_top, mmio, ports;
    struct clock clock;
    struct system sys;
    struct cpu *c;
    struct device *chip[NUM_CHIPS]; /* pic0 pic1 pit rtc sys */
    u8 *host;
    u64 trace, accesses, vectors;
    unsigned halts, resets;
    bool want_init, dead;
};

struct board_bytes {
    u8 *p;
    size_t len, cap, pos;
};

static inline bool bytes_write(void *to, const void *p, size_t n)
{
    struct board_bytes *b = to;

    if (b->len + n > b->cap) {
        b->cap = (b->len + n) * 2;
        b->p = xrealloc(b->p, b->cap);
    }
    memcpy(b->p + b->len, p, n);
    b->len += n;
    return true;
}

static inline bool bytes_read(void *from, void *p, size_t n)
{
    struct board_bytes *b = from;

    if (n > b->len - b->pos)
        return false;
    memcpy(p, b->p + b->pos, n);
    b->pos += n;
    return true;
}

static inline void board_mix(struct board *b, u64 v)
{
    b->trace = (b->trace ^ v) * 0x9e3779b97f4a7c15ull;
    b->trace ^= b->trace >> 29;
}

static inline void board_mix_cpu(struct board *b)
{
    board_mix(b, *cpu_retired(b->c));
    board_mix(b, (u64)cpu_get(b->c, CPU_EIP) << 32 | cpu_get(b->c, CPU_ESP));
    board_mix(b, cpu_get(b->c, CPU_EFLAGS));
}

static inline void board_vector(void *board, unsigned vec)
{
    struct board *b = board;

    b->vectors++;
    board_mix(b, 0x100000000ull | vec);
    board_mix_cpu(b);
}

/* Ports only: how often code is fetched from outside RAM is an engine's own affair. */
static inline void board_access(void *board, paddr addr, u32 val, unsigned size, bool write,
                                bool port)
{
    struct board *b = board;

    (void)port;
    b->accesses++;
    cpu_sync_state(b->c);
    board_mix(b, addr << 8 | size << 4 | write);
    board_mix(b, val);
    board_mix_cpu(b);
}

static inline u32 board_mmio_read(void *board, u32 off, unsigned size)
{
    u32 v = 0;

    (void)board;
    for (unsigned k = 0; k < size; k++)
        v |= ((off + k) * 0x9e3779b1u >> 24) << 8 * k;
    return v;
}

static inline void board_mmio_write(void *board, u32 off, u32 val, unsigned size)
{
    board_access(board, MMIO_AT + off, val, size, true, false);
}

static inline u32 board_port_read(void *board, u32 off, unsigned size)
{
    struct board *b = board;

    (void)size;
    return (u32)(b->trace >> 7) ^ off;
}

static inline void board_port_write(void *board, u32 off, u32 val, unsigned size)
{
    struct board *b = board;
    u8 buf[4];

    (void)size;
    switch (off) {
    case PORT_NMI: cpu_nmi(b->c); break;
    case PORT_STOP: cpu_stop(b->c); break;
    case PORT_A20: cpu_set_a20(b->c, val & 1); break;
    case PORT_DMA: /* tables and code change under the CPU's feet */
        st32(buf, val * 0x01010101u);
        dma_write(&b->mem, val & 0xff80 ? val & 0xffff : 0xa000 + (val & 0x7f) * 64, buf, 4);
        break;
    default: break;
    }
}

static const struct region_ops board_mmio_ops = {
    .read = board_mmio_read,
    .write = board_mmio_write,
    .peek = board_mmio_read,
    .min = 1,
    .max = 4,
    .unaligned = true,
};
static const struct region_ops board_port_ops = {
    .read = board_port_read,
    .write = board_port_write,
    .min = 1,
    .max = 4,
    .unaligned = true,
};

static inline void board_request(void *board, enum system_request what, int arg)
{
    struct board *b = board;

    if (what == SYSTEM_A20) {
        cpu_set_a20(b->c, arg);
    } else if (what == SYSTEM_NMI) {
        cpu_nmi(b->c);
    } else {
        b->want_init = true;
        cpu_stop(b->c);
    }
}

static inline int board_ack(void *board) { return i8259_ack(((struct board *)board)->chip[0]); }

static inline void board_intr(void *board, int n, int level)
{
    (void)n;
    cpu_set_intr(((struct board *)board)->c, level);
}

static inline void board_a20(void *board, int n, int level)
{
    (void)n;
    cpu_set_a20(((struct board *)board)->c, level);
}

static inline void board_ignne(void *board, int n, int level)
{
    (void)n;
    if (level)
        cpu_ignne(((struct board *)board)->c);
}

static inline void board_ferr(void *board, int level)
{
    struct wire w;

    if (((struct board *)board)->chip[4] && device_in(((struct board *)board)->chip[4], "ferr", &w))
        wire_set(&w, level);
}

static inline void board_earlier(void *board)
{
    struct board *b = board;

    cpu_set_until(b->c, clock_budget(&b->clock));
}

static inline void board_chip(struct board *b, unsigned n, const char *cls, const char *id,
                              const char *prop, const char *value)
{
    struct err e = { 0 };

    b->chip[n] = device_new(device_class_find(cls), id, &b->sys);
    MUST(!prop || device_set(b->chip[n], prop, value, &e));
    if (n == 1)
        MUST(device_set(b->chip[n], "slave", "1", &e));
    MUST(device_init(b->chip[n], &e));
}

static inline void board_wire(struct board *b, unsigned from, const char *out, unsigned to,
                              const char *in)
{
    struct err e = { 0 };

    MUST(device_connect(b->chip[from], out, b->chip[to], in, &e));
}

static inline void board_report(void *to, enum log_class cls, const char *line)
{
    (void)to;
    if (cls == LOG_WARN)
        fprintf(stderr, "%s\n", line);
}

static inline void board_free_ram(struct ram_object *obj)
{
    free(obj->base);
}

static inline struct board *board_new(const struct board_options *opt)
{
    struct board *b = xcalloc(1, sizeof *b);
    struct err e = { 0 };
    struct ram_object obj = { .size = ALL_RAM, .fd = -1, .release = board_free_ram };
    struct region *maps[] = { &b->low, &b->high, &b->rom, &b->rom_top, &b->mmio };

    b->opt = *opt;
    log_init(&b->log);
    if (strcmp(opt->engine, "views")) {
        obj.base = aligned_alloc(4096, ALL_RAM);
        MUST(obj.base);
        memset(obj.base, 0, ALL_RAM);
    } else {
        MUST(os_ram_new(&obj, ALL_RAM, &e));
    }
    b->host = obj.base;
    ram_init(&b->ram, obj);
    b->ram.flags[ROM_FRAME] |= RAM_ROM;
    space_init(&b->mem, "memory", 0xfffffffffull, &b->log, &b->ram);
    space_init(&b->io, "ports", 0xffff, &b->log, NULL);
    b->low = (struct region){
        .name = "low", .size = LOW_RAM, .kind = REGION_RAM, .prio = PRIO_RAM, .flags = REGION_RW
    };
    b->high = b->low;
    b->high.name = "high";
    b->high.base = HIGH_AT;
    b->high.size = HIGH_RAM;
    b->high.ram_frame = LOW_RAM / 4096;
    b->rom = (struct region){ .name = "rom",
                              .base = 0xf0000,
                              .size = ROM_SIZE,
                              .kind = REGION_ROM,
                              .ram_frame = ROM_FRAME,
                              .prio = PRIO_ROM,
                              .flags = REGION_RW };
    b->rom_top = b->rom;
    b->rom_top.name = "rom top";
    b->rom_top.base = 0xfffff000;
    b->mmio = (struct region){ .name = "mmio",
                               .base = MMIO_AT,
                               .size = MMIO_SIZE,
                               .kind = REGION_IO,
                               .ops = &board_mmio_ops,
                               .dev = b,
                               .prio = PRIO_BAR,
                               .flags = REGION_RW };
    b->ports = (struct region){ .name = "ports",
                                .size = 0x1000,
                                .kind = REGION_IO,
                                .ops = &board_port_ops,
                                .dev = b,
                                .prio = PRIO_PORT - 5,
                                .flags = REGION_RW };
    space_begin(&b->mem); /* one rebuilt view instead of many */
    space_begin(&b->io);
    for (unsigned k = 0; k < ARRAY_LEN(maps); k++)
        MUST(space_map(&b->mem, maps[k], &e));
    MUST(space_map(&b->io, &b->ports, &e));

    static const u64 zero;
    clock_init(&b->clock, CLOCK_COUNTED, opt->ns, &zero, NULL, NULL);
    struct cpu_config cfg = { .model = opt->model,
                              .mem = &b->mem,
                              .io = &b->io,
                              .log = &b->log,
                              .clock = &b->clock,
                              .soft_fpu = opt->soft_fpu,
                              .tlb_coherent = opt->coherent,
                              .ack = board_ack,
                              .ack_to = b,
                              .on_vector = board_vector,
                              .on_vector_to = b };
    b->c = cpu_new(&cfg, &e);
    MUST(b->c);
#if HAVE_JIT
    if (!strcmp(opt->engine, "jit") || !strcmp(opt->engine, "views"))
        MUST(jit_attach(b->c, opt->hot, &e));
    if (!strcmp(opt->engine, "views")) /* sanitizers want none */
        (void)jit_views(b->c, 0, &e);
    if (!strcmp(opt->engine, "check")) {
        MUST(jit_attach_check(b->c, &e));
        if (!b->log.sink)
            b->log.sink = board_report;
    }
#endif
    b->clock.retired = cpu_retired(b->c);
    b->clock.on_earlier = board_earlier;
    b->clock.on_earlier_to = b;

    b->sys = (struct system){ .mem = &b->mem,
                              .io = &b->io,
                              .clock = &b->clock,
                              .log = &b->log,
                              .ram = &b->ram,
                              .request = board_request,
                              .machine = b,
                              .rtc_base = 946684800 };
    board_chip(b, 0, "i8259", "pic0", "iobase", "0x20");
    board_chip(b, 1, "i8259", "pic1", "iobase", "0xa0");
    board_chip(b, 2, "i8254", "pit", NULL, NULL);
    board_chip(b, 3, "mc146818", "rtc", NULL, NULL);
    board_chip(b, 4, "sysctl", "sys", NULL, NULL);
    space_end(&b->mem);
    space_end(&b->io);
    *device_out(b->chip[0], "int") = (struct wire){ board_intr, b, 0 };
    *device_out(b->chip[4], "a20") = (struct wire){ board_a20, b, 0 };
    *device_out(b->chip[4], "ignne") = (struct wire){ board_ignne, b, 0 };
    board_wire(b, 1, "int", 0, "ir2");
    board_wire(b, 0, "cas", 1, "cas");
    board_wire(b, 2, "out0", 0, "ir0");
    board_wire(b, 2, "out2", 4, "out2");
    board_wire(b, 3, "irq", 1, "ir0");
    board_wire(b, 3, "nmi_mask", 4, "nmi_mask");
    board_wire(b, 4, "gate2", 2, "gate2");
    board_wire(b, 4, "irq13", 1, "ir5");
    cpu_set_ferr(b->c, board_ferr, b);
    for (unsigned k = 0; k < NUM_CHIPS; k++)
        if (b->chip[k]->cls->reset)
            b->chip[k]->cls->reset(b->chip[k], RESET_POWER_ON);
    cpu_set_a20(b->c, true);
    b->io.trace = board_access;
    b->io.trace_to = b;
    return b;
}

static inline void board_free(struct board *b)
{
    space_begin(&b->io); /* no more views */
    space_begin(&b->mem);
    for (unsigned k = NUM_CHIPS; k-- > 0;)
        device_free(b->chip[k]);
    cpu_free(b->c);
    space_free(&b->io);
    space_free(&b->mem);
    ram_free(&b->ram);
    clock_free(&b->clock);
    log_free(&b->log);
    xfree(b);
}

static inline void board_save_chips(struct board *b, struct board_bytes *to)
{
    struct snap_out out = { bytes_write, to };
    struct err e = { 0 };

    for (unsigned k = 0; k < NUM_CHIPS; k++)
        MUST(!b->chip[k]->cls->fields || device_save(b->chip[k], &out, &e));
}

/* As a snapshot does it: a new board takes over, which has nothing but the declared state. */
static inline struct board *board_reborn(struct board *b)
{
    struct board_bytes bytes = { 0 };
    struct snap_out out = { bytes_write, &bytes };
    struct snap_in in = { bytes_read, &bytes };
    struct board *n = board_new(&b->opt);
    struct err e = { 0 };

    clock_run(&b->clock); /* the clock stands at a deadline that is due */
    u64 now = clock_now(&b->clock);

    MUST(cpu_save(b->c, &out, &e));
    board_save_chips(b, &bytes);
    bool ok = cpu_load(n->c, &in, &e);
    clock_restore(&n->clock, now);
    for (unsigned k = 0; ok && k < NUM_CHIPS; k++)
        ok = !n->chip[k]->cls->fields || snap_load(&in, n->chip[k]->id, n->chip[k]->cls->version,
                                                   n->chip[k]->cls->fields, n->chip[k], &e);
    for (unsigned k = 0; ok && k < NUM_CHIPS; k++)
        ok = !n->chip[k]->cls->post_load || n->chip[k]->cls->post_load(n->chip[k], &e);
    if (!ok) {
        fprintf(stderr, "snapshot: %s\n", e.msg);
        abort();
    }
    for (u32 f = 0; f < ALL_RAM / 4096; f++)
        memcpy(ram_wr_rom(&n->ram, f, 0, 4096), ram_rd(&b->ram, f), 4096);
    n->clock.next_seq = b->clock.next_seq; /* all timers are restored ones: numbers compare */
    cpu_set_a20(n->c, b->c->a20);
    cpu_state_loaded(n->c);
    n->trace = b->trace;
    n->accesses = b->accesses;
    n->vectors = b->vectors;
    n->halts = b->halts;
    n->resets = b->resets;
    n->want_init = b->want_init;
    n->dead = b->dead;
    n->log.mask = b->log.mask;
    n->log.sink = b->log.sink;
    n->log.sink_to = n;
    xfree(bytes.p);
    board_free(b);
    return n;
}

/* machine/run.c in short: what is due, then the CPU up to `until`. false: nothing more will
 * happen. */
static inline bool board_slice(struct board *b, u64 until)
{
    if (b->dead)
        return false;
    if (b->want_init) {
        b->want_init = false;
        if (++b->resets > MAX_RESETS) {
            b->dead = true;
            return false;
        }
        cpu_reset(b->c, CPU_INIT);
    }
    if (clock_run(&b->clock) && b->want_init)
        return true;
    enum cpu_exit why = cpu_run(b->c, MIN(until, clock_budget(&b->clock)));
    MUST(*cpu_retired(b->c) <= until);
    switch (why) {
    case CPU_HALT:
        if (clock_next(&b->clock) == CLOCK_NEVER || ++b->halts > MAX_HALTS)
            b->dead = true;
        else
            clock_skip_to(&b->clock, clock_next(&b->clock));
        break;
    case CPU_SHUTDOWN: b->want_init = true; break;
    case CPU_BUG: abort(); /* "check" has told */
    default: break;
    }
    return !b->dead;
}

#endif
