/* SPDX-License-Identifier: MIT */
/* A bare CPU with whole random guests: code, tables, mode switches. Each guest runs twice, in runs and in
 * single steps; registers, memory and what was done to ports must be the same, whatever was kept from earlier
 * instructions.
 *
 * Input: model, start mode, CR0, CR4, EFLAGS, general registers; the rest is put into memory, where code,
 * descriptor tables and page tables lie. */
#include "tests/fuzz/fuzz.h" /* first: it wants _GNU_SOURCE */

#include "core/bus.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/log.h"
#include "core/ram.h"
#include "cpu/cpu.h"

enum { RAM = 128 << 10, STEPS = 400, CODE = 0x8000, GDT = 0x1000, IDT = 0x2000, DIR = 0x4000,
       TABLE = 0x5000, TSS = 0x3000 };

struct guest {
    struct log log;
    struct ram ram;
    struct space mem, io;
    struct region ram_region, mmio, ports;
    struct clock clock;
    u64 zero;
    struct cpu *c;
    u8 *host;
    u64 trace;
};

static u32 port_read(void *dev, u32 off, unsigned size)
{
    struct guest *g = dev;

    g->trace = (g->trace ^ off ^ size) * 0x9e3779b97f4a7c15ull;
    return (u32)(g->trace >> 7);
}

static void port_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct guest *g = dev;

    g->trace = (g->trace ^ off ^ (u64)val << 16 ^ size) * 0xbf58476d1ce4e5b9ull;
    if (val == 0x5a)
        cpu_stop(g->c);
    if (val == 0xa5)
        cpu_set_a20(g->c, off & 1);
}

static const struct region_ops port_ops = { .read = port_read, .write = port_write, .min = 1,
                                            .max = 4, .unaligned = true };

static struct guest *guest(const u8 *data, size_t size)
{
    static const char *const models[] = { NULL, "max,msr=gp", "max", "486" };
    struct guest *g = calloc(1, sizeof *g);
    struct err e = { 0 };
    struct fuzz_input in = { data, size };
    u8 mode;

    log_init(&g->log);
    g->host = aligned_alloc(4096, RAM);
    memset(g->host, 0, RAM);
    ram_init(&g->ram, (struct ram_object){ .base = g->host, .size = RAM, .fd = -1 });
    space_init(&g->mem, "memory", 0xfffffffffull, &g->log, &g->ram);
    space_init(&g->io, "ports", 0xffff, &g->log, NULL);
    g->ram_region = (struct region){ .name = "ram", .size = RAM, .kind = REGION_RAM,
                                     .prio = PRIO_RAM, .flags = REGION_RW };
    g->mmio = (struct region){ .name = "mmio", .base = 0x80000, .size = 0x8000, .kind = REGION_IO,
                               .ops = &port_ops, .dev = g, .prio = PRIO_BAR, .flags = REGION_RW };
    g->ports = (struct region){ .name = "ports", .size = 0x10000, .kind = REGION_IO,
                                .ops = &port_ops, .dev = g, .prio = PRIO_PORT,
                                .flags = REGION_RW };
    MUST(space_map(&g->mem, &g->ram_region, &e) && space_map(&g->mem, &g->mmio, &e) &&
         space_map(&g->io, &g->ports, &e));
    struct cpu_config cfg = { .model = models[take8(&in) % 4], .mem = &g->mem, .io = &g->io,
                              .log = &g->log, .clock = &g->clock, .soft_fpu = true };
    clock_init(&g->clock, CLOCK_COUNTED, 1, &g->zero, NULL, NULL);
    g->c = cpu_new(&cfg, &e);
    if (!g->c) { /* no such model in this build */
        cfg.model = NULL;
        g->c = cpu_new(&cfg, &e);
    }
    MUST(g->c);
    g->clock.retired = cpu_retired(g->c);

    /* sane tables first, so that guests get somewhere; the input may overwrite any of them */
    static const u64 gdt[] = { 0, 0x00cf9b000000ffff, 0x00cf93000000ffff, 0x00cffb000000ffff,
                               0x00cff3000000ffff, 0x00009b000000ffff, 0x000093000000ffff,
                               0x0000890030000067, 0x0000ec0000088000, 0x00cf97000000ffff };
    memcpy(g->host + GDT, gdt, sizeof gdt);
    for (unsigned v = 0; v < 64; v++) {
        st32(g->host + IDT + v * 8, 0x80000u | (CODE + v * 8));
        st32(g->host + IDT + v * 8 + 4, 0x8e00u | (v & 3) << 13);
    }
    st32(g->host + TSS + 4, 0x7000);
    st32(g->host + TSS + 8, 0x10);
    for (unsigned k = 0; k < 1024; k++) {
        st32(g->host + DIR + k * 4, k & 3 ? 0x87 | k << 22 : TABLE | 7);
        st32(g->host + TABLE + k * 4, (k & 63) << 12 | 7);
    }
    mode = take8(&in);
    u32 cr0 = take(&in, 4), cr4 = take(&in, 4), efl = take(&in, 4);
    if (mode & 1) {
        cpu_set(g->c, CPU_GDTR_BASE, GDT);
        cpu_set(g->c, CPU_GDTR_LIMIT, 0xff);
        cpu_set(g->c, CPU_IDTR_BASE, IDT);
        cpu_set(g->c, CPU_IDTR_LIMIT, 0x1ff);
        cpu_set(g->c, CPU_CR3, DIR);
        cpu_set(g->c, CPU_CR4, cr4 & 0x6bf);
        /* protected mode, perhaps with paging; never paging alone */
        cpu_set(g->c, CPU_CR0, (cr0 & 0xe005002e) | 0x11);
        for (unsigned s = 0; s < 6; s++) {
            bool user = mode & 2, small = mode & 4;
            u16 sel = s == 1 ? (small ? 0x28 : user ? 0x1b : 0x08) : small ? 0x30 : user ? 0x23 : 0x10;
            cpu_set(g->c, CPU_ES + s, sel);
            cpu_set(g->c, CPU_ES_BASE + s, 0);
            cpu_set(g->c, CPU_ES_LIMIT + s, small ? 0xffff : 0xffffffff);
            cpu_set(g->c, CPU_ES_ATTR + s, (small ? 0 : 0xc000) | (s == 1 ? 0x9b : 0x93) |
                    (user && !small ? 0x60 : 0));
        }
        cpu_set(g->c, CPU_CPL, mode & 2 && !(mode & 4) ? 3 : 0);
        cpu_set(g->c, CPU_TR, 0x38);
        cpu_set(g->c, CPU_TR_BASE, TSS);
        cpu_set(g->c, CPU_TR_LIMIT, 0x67);
        cpu_set(g->c, CPU_TR_ATTR, 0x8b);
    } else {
        cpu_set(g->c, CPU_CS, 0);
        cpu_set(g->c, CPU_CS_BASE, 0);
    }
    cpu_set(g->c, CPU_EFLAGS, (efl & 0x00247fd5) | 2);
    for (unsigned k = 0; k < 8; k++)
        cpu_set(g->c, (enum cpu_reg)(CPU_EAX + k), take(&in, 2) | (mode & 8 ? take(&in, 2) << 16 : 0));
    if (mode & 16)
        cpu_set(g->c, CPU_ESP, 0x7000);
    cpu_set(g->c, CPU_EIP, CODE);
    /* memory: runs of {place, length, bytes}; the last one is code */
    while (mode & 32 && in.left > 8) {
        u32 at = take(&in, 2) * 4 % RAM, n = take8(&in) & 63;
        for (u32 k = 0; k < n && in.left; k++)
            g->host[(at + k) % RAM] = take8(&in);
        if (take8(&in) & 1)
            break;
    }
    memcpy(g->host + CODE, in.p, MIN(in.left, (size_t)0x4000));
    return g;
}

static void free_guest(struct guest *g)
{
    cpu_free(g->c);
    space_free(&g->mem);
    space_free(&g->io);
    ram_free(&g->ram);
    clock_free(&g->clock);
    log_free(&g->log);
    free(g->host);
    free(g);
}

/* false: it ended in a shutdown or in faults without end. */
static bool run(struct guest *g, bool steps, u64 until)
{
    unsigned idle = 0;

    while (*cpu_retired(g->c) < until && idle < 2000) {
        u64 before = *cpu_retired(g->c);
        enum cpu_exit why = steps ? cpu_step(g->c) : cpu_run(g->c, until);
        if (why == CPU_SHUTDOWN || why == CPU_HALT)
            return why == CPU_HALT;
        /* a fault retires nothing; an endless row of them is a guest's right, but not our time */
        idle = *cpu_retired(g->c) == before ? idle + 1 : 0;
    }
    return idle < 2000;
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    if (size < 32)
        return 0;
    struct guest *a = guest(data, size), *b = guest(data, size);

    bool clean = run(b, true, STEPS);
    run(a, false, *cpu_retired(b->c));
    MUST(*cpu_retired(a->c) <= STEPS);
    if (clean) {
        MUST(*cpu_retired(a->c) == *cpu_retired(b->c));
        for (unsigned r = 0; r < CPU_EFER; r++)
            if (cpu_get(a->c, (enum cpu_reg)r) != cpu_get(b->c, (enum cpu_reg)r)) {
                fprintf(stderr, "register %u: %x in runs, %x in steps, after %llu at %x and %x\n", r,
                        cpu_get(a->c, (enum cpu_reg)r), cpu_get(b->c, (enum cpu_reg)r),
                        (unsigned long long)*cpu_retired(a->c), cpu_get(a->c, CPU_EIP),
                        cpu_get(b->c, CPU_EIP));
                abort();
            }
        MUST(a->trace == b->trace);
        MUST(!memcmp(a->host, b->host, RAM));
    }
    free_guest(a);
    free_guest(b);
    return 0;
}
