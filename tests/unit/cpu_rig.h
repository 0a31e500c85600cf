/* SPDX-License-Identifier: MIT */
/* A bare CPU for the system tests: 1 MB of RAM at 0, all ports recorded, a GDT at 1000h, an LDT at
 * 1800h, an IDT at 2000h, a TSS at 3000h and 3800h, stacks below 9000h. Code is written as bytes
 * and run with cpu_step(). */
#ifndef NB_TESTS_CPU_RIG_H
#define NB_TESTS_CPU_RIG_H

#include <check.h>
#include <stdlib.h>

#include "core/bus.h"
#include "core/err.h"
#include "core/log.h"
#include "core/ram.h"
#include "cpu/cpu.h"
#include "cpu/sys.h"

enum {
    RIG_RAM = 1 << 20, GDT_AT = 0x1000, LDT_AT = 0x1800, IDT_AT = 0x2000, TSS_AT = 0x3000,
    TSS2_AT = 0x3800, CODE_AT = 0x10000,
    /* stack tops of the levels */
    SP0 = 0x6000, SP1 = 0x7000, SP2 = 0x8000, SP3 = 0x9000,
};
/* GDT selectors, RPL 0. Code is base 0, 4 GB unless the name says 16. */
enum {
    G_CODE0 = 0x08, G_DATA0 = 0x10, G_CODE3 = 0x18, G_DATA3 = 0x20, G_TSS = 0x28, G_TSS2 = 0x30,
    G_LDT = 0x38, G_CODE1 = 0x40, G_DATA1 = 0x48, G_CONF0 = 0x50, G_XONLY3 = 0x58, G_RO3 = 0x60,
    G_DOWN = 0x68, G_CODE16 = 0x70, G_DATA16 = 0x78, G_SMALL = 0x80, G_GATE = 0x88, G_ABSENT = 0x90,
    G_TASKGATE = 0x98, G_TSS16 = 0xa0, G_CONF3 = 0xa8, G_LIMIT = 0xaf,
};

struct rig {
    struct log log;
    struct ram ram;
    struct space mem, io;
    struct region ram_region, port_region;
    struct cpu *c;
    struct err e;
    u8 *host;
    unsigned num_io;
    struct { u16 port; u8 size; bool write; u32 val; } io_log[64];
};

static u32 rig_io_read(void *dev, u32 off, unsigned size)
{
    struct rig *r = dev;
    unsigned n = r->num_io++ % 64;

    r->io_log[n].port = (u16)off;
    r->io_log[n].size = (u8)size;
    r->io_log[n].write = false;
    return 0x44332211u & size_mask(size);
}

static void rig_io_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct rig *r = dev;
    unsigned n = r->num_io++ % 64;

    r->io_log[n].port = (u16)off;
    r->io_log[n].size = (u8)size;
    r->io_log[n].write = true;
    r->io_log[n].val = val;
}

static const struct region_ops rig_io_ops = { .read = rig_io_read, .write = rig_io_write, .min = 1,
                                              .max = 4, .unaligned = true };

static inline struct rig *rig_cpu(const char *model)
{
    struct rig *r = calloc(1, sizeof(*r));
    struct cpu_config cfg = { .model = model };

    log_init(&r->log);
    r->host = aligned_alloc(4096, RIG_RAM);
    memset(r->host, 0, RIG_RAM);
    ram_init(&r->ram, (struct ram_object){ .base = r->host, .size = RIG_RAM, .fd = -1 });
    space_init(&r->mem, "memory", 0xfffffffffull, &r->log, &r->ram);
    space_init(&r->io, "ports", 0xffff, &r->log, NULL);
    r->ram_region = (struct region){ .name = "ram", .size = RIG_RAM, .kind = REGION_RAM,
                                     .prio = PRIO_RAM, .flags = REGION_RW };
    r->port_region = (struct region){ .name = "ports", .size = 0x10000, .kind = REGION_IO,
                                      .ops = &rig_io_ops, .dev = r, .prio = PRIO_PORT,
                                      .flags = REGION_RW };
    ck_assert(space_map(&r->mem, &r->ram_region, &r->e));
    ck_assert(space_map(&r->io, &r->port_region, &r->e));
    cfg.mem = &r->mem;
    cfg.io = &r->io;
    cfg.log = &r->log;
    r->c = cpu_new(&cfg, &r->e);
    ck_assert_msg(r->c != NULL, "%s", r->e.msg);
    return r;
}

static inline void rig_free(struct rig *r)
{
    cpu_free(r->c);
    space_free(&r->mem);
    space_free(&r->io);
    ram_free(&r->ram);
    log_free(&r->log);
    free(r->host);
    free(r);
}

static inline void poke(struct rig *r, u32 at, const void *bytes, u32 n)
{
    ck_assert_uint_eq(cpu_debug_write(r->c, at, bytes, n), n);
}
static inline void poke16(struct rig *r, u32 at, u16 v) { poke(r, at, &v, 2); }
static inline void poke32(struct rig *r, u32 at, u32 v) { poke(r, at, &v, 4); }
static inline u32 peek32(const struct rig *r, u32 at) { return ld32(r->host + at); }
static inline u16 peek16(const struct rig *r, u32 at) { return ld16(r->host + at); }

/* access: bits 47:40 of the descriptor; flags: G D/B 0 AVL. */
static inline void set_desc(struct rig *r, u32 at, u32 base, u32 limit, u8 access, u8 flags)
{
    poke32(r, at, base << 16 | (limit & 0xffff));
    poke32(r, at + 4, (base & 0xff000000u) | (u32)flags << 20 | (limit & 0xf0000) |
                          (u32)access << 8 | (base >> 16 & 0xff));
}
static inline void set_gate(struct rig *r, u32 at, u16 sel, u32 off, u8 access, u8 count)
{
    poke32(r, at, (u32)sel << 16 | (off & 0xffff));
    poke32(r, at + 4, (off & 0xffff0000u) | (u32)access << 8 | count);
}
static inline u8 access_of(const struct rig *r, u16 sel)
{
    return r->host[GDT_AT + (sel & 0xfff8) + 5];
}

/* Protected mode at CPL 0 with flat 32-bit segments; gates of all vectors to 32-bit interrupt
 * gates at 20000h + 16 * vector, DPL 3. */
static inline struct rig *rig_prot(void)
{
    struct rig *r = rig_cpu("max,msr=gp");
    struct cpu *c = r->c;

    set_desc(r, GDT_AT + G_CODE0, 0, 0xfffff, 0x9a, 0xc);
    set_desc(r, GDT_AT + G_DATA0, 0, 0xfffff, 0x92, 0xc);
    set_desc(r, GDT_AT + G_CODE3, 0, 0xfffff, 0xfa, 0xc);
    set_desc(r, GDT_AT + G_DATA3, 0, 0xfffff, 0xf2, 0xc);
    set_desc(r, GDT_AT + G_TSS, TSS_AT, 0x67, 0x89, 0);
    set_desc(r, GDT_AT + G_TSS2, TSS2_AT, 0x67, 0x89, 0);
    set_desc(r, GDT_AT + G_LDT, LDT_AT, 0x2f, 0x82, 0);
    set_desc(r, GDT_AT + G_CODE1, 0, 0xfffff, 0xba, 0xc);
    set_desc(r, GDT_AT + G_DATA1, 0, 0xfffff, 0xb2, 0xc);
    set_desc(r, GDT_AT + G_CONF0, 0, 0xfffff, 0x9e, 0xc);
    set_desc(r, GDT_AT + G_XONLY3, 0, 0xfffff, 0xf8, 0xc);
    set_desc(r, GDT_AT + G_RO3, 0, 0xfffff, 0xf0, 0xc);
    set_desc(r, GDT_AT + G_DOWN, 0, 0x0fff, 0xf6, 0);
    set_desc(r, GDT_AT + G_CODE16, 0x10000, 0xffff, 0x9a, 0);
    set_desc(r, GDT_AT + G_DATA16, 0, 0xffff, 0x92, 0);
    set_desc(r, GDT_AT + G_SMALL, 0, 0x00ff, 0xf2, 0);
    set_desc(r, GDT_AT + G_ABSENT, 0, 0xfffff, 0x72, 0xc);
    set_desc(r, GDT_AT + G_TSS16, TSS2_AT, 0x2b, 0x81, 0);
    set_desc(r, GDT_AT + G_CONF3, 0, 0xfffff, 0xfe, 0xc);
    for (unsigned v = 0; v < 256; v++)
        set_gate(r, IDT_AT + 8 * v, G_CODE0, 0x20000 + 16 * v, 0xee, 0);
    for (unsigned v = 0; v < 256; v++)
        poke16(r, 0x20000 + 16 * v, 0xfeeb); /* JMP $ */
    poke32(r, TSS_AT + 4, SP0);
    poke16(r, TSS_AT + 8, G_DATA0);
    poke32(r, TSS_AT + 0xc, SP1);
    poke16(r, TSS_AT + 0x10, G_DATA1 | 1);
    poke16(r, TSS_AT + 0x66, 0x68);

    cpu_set(c, CPU_GDTR_BASE, GDT_AT);
    cpu_set(c, CPU_GDTR_LIMIT, G_LIMIT);
    cpu_set(c, CPU_IDTR_BASE, IDT_AT);
    cpu_set(c, CPU_IDTR_LIMIT, 0x7ff);
    cpu_set(c, CPU_CR0, CR0_PE | CR0_ET);
    for (unsigned s = S_ES; s <= S_GS; s++) {
        cpu_set(c, CPU_ES + s, s == S_CS ? G_CODE0 : G_DATA0);
        cpu_set(c, CPU_ES_BASE + s, 0);
        cpu_set(c, CPU_ES_LIMIT + s, 0xffffffff);
        cpu_set(c, CPU_ES_ATTR + s, s == S_CS ? 0xc09b : 0xc093);
    }
    cpu_set(c, CPU_TR, G_TSS);
    cpu_set(c, CPU_TR_BASE, TSS_AT);
    cpu_set(c, CPU_TR_LIMIT, 0x67);
    cpu_set(c, CPU_TR_ATTR, 0x8b);
    r->host[GDT_AT + G_TSS + 5] = 0x8b;
    cpu_set(c, CPU_LDTR_ATTR, 0);
    cpu_set(c, CPU_ESP, SP0);
    cpu_set(c, CPU_EIP, CODE_AT);
    return r;
}

/* Goes to level 1 or 3 with the level's flat segments. */
static inline void rig_level(struct rig *r, unsigned cpl)
{
    u16 cs = cpl == 3 ? G_CODE3 | 3 : G_CODE1 | 1, ds = cpl == 3 ? G_DATA3 | 3 : G_DATA1 | 1;

    for (unsigned s = S_ES; s <= S_GS; s++) {
        cpu_set(r->c, CPU_ES + s, s == S_CS ? cs : ds);
        cpu_set(r->c, CPU_ES_ATTR + s, (s == S_CS ? 0xc09b : 0xc093) | cpl << 5);
    }
    cpu_set(r->c, CPU_CPL, cpl);
    cpu_set(r->c, CPU_ESP, cpl == 3 ? SP3 : SP1);
}

/* V86 mode with all segments at `sel`. */
static inline void rig_v86(struct rig *r, u16 sel, unsigned iopl)
{
    cpu_set(r->c, CPU_EFLAGS, FL_VM | iopl << 12 | FL_IF);
    cpu_set(r->c, CPU_CPL, 3);
    for (unsigned s = S_ES; s <= S_GS; s++) {
        cpu_set(r->c, CPU_ES + s, sel);
        cpu_set(r->c, CPU_ES_LIMIT + s, 0xffff);
        cpu_set(r->c, CPU_ES_ATTR + s, 0xf3);
    }
    cpu_set(r->c, CPU_ESP, 0x8000);
    cpu_set(r->c, CPU_EIP, 0);
}

/* Runs n instructions of `bytes`, put at CS:EIP. */
#define RUN(r, n, ...) \
    do { \
        static const u8 code_[] = { __VA_ARGS__ }; \
        poke(r, cpu_get((r)->c, CPU_CS_BASE) + cpu_get((r)->c, CPU_EIP), code_, sizeof(code_)); \
        for (unsigned k_ = 0; k_ < (n); k_++) \
            ck_assert_int_eq(cpu_step((r)->c), CPU_BUDGET); \
    } while (0)

/* A step that ends in a fault retires nothing, so that it goes on to the handler's `JMP $`. Frame
 * of the handler that runs now: 32-bit gates, error code where the vector has one. */
struct frame_seen {
    int vec; /* -1: no handler runs */
    u32 err, eip, cs, eflags, esp, ss;
};
static inline bool has_error_code(unsigned vec)
{
    return vec == 8 || (vec >= 10 && vec <= 14) || vec == 17;
}
static inline struct frame_seen frame_seen(const struct rig *r)
{
    u32 eip = cpu_get(r->c, CPU_EIP), at = cpu_get(r->c, CPU_ESP);
    struct frame_seen f = { .vec = -1 };

    if (eip < 0x20000 || eip >= 0x21000)
        return f;
    f.vec = (int)(eip - 0x20000) / 16;
    if (has_error_code((unsigned)f.vec)) {
        f.err = peek32(r, at);
        at += 4;
    }
    f.eip = peek32(r, at);
    f.cs = peek32(r, at + 4);
    f.eflags = peek32(r, at + 8);
    f.esp = peek32(r, at + 12);
    f.ss = peek32(r, at + 16);
    return f;
}

/* The next instruction faults with this vector and error code, at its own EIP. */
#define EXPECT_FAULT(r, v, e, ...) \
    do { \
        u32 at_ = cpu_get((r)->c, CPU_EIP); \
        struct frame_seen f_; \
        RUN(r, 1, __VA_ARGS__); \
        f_ = frame_seen(r); \
        ck_assert_int_eq(f_.vec, (int)(v)); \
        ck_assert_uint_eq(f_.err, (e)); \
        ck_assert_uint_eq(f_.eip, at_); \
        ck_assert_uint_eq(f_.eflags & FL_RF, FL_RF); \
    } while (0)

#endif
