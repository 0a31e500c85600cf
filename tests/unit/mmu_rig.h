/* SPDX-License-Identifier: MIT */
/* What the MMU's suites share: a bare CPU with 16 MB of RAM, ROM and an I/O region, and an oracle,
 * judge(): a second, plain reading of SDM 3A chapter 4. */
#ifndef NB_TESTS_MMU_RIG_H
#define NB_TESTS_MMU_RIG_H

#include <check.h>
#include <stdlib.h>

#include "core/xalloc.h"
#include "cpu/mem.h"
#include "cpu/mmu.h"

#define RAM_BYTES (16u << 20)
#define HIGH 0x100000000ull /* the first 4 MB of RAM a second time */
#define IO_BASE 0xe0000000u
#define ROM_BASE 0xf0000000u
#define ROM_AT (RAM_BYTES - 0x10000) /* place in RAM of the 64 KB that ROM_BASE shows */
#define PD 0x1000u
#define PT 0x2000u
enum { P = 1, W = 2, U = 4, A = 32, D = 64, PS = 128, G = 256 };

static struct cpu *c;
static u8 *ram_bytes;
static struct ram ram;
static struct space mem;
static struct region r_ram, r_high, r_io, r_rom;

static struct { u32 off, val; unsigned size; bool write; } io_log[32];
static unsigned io_len;
NB_UNUSED static u32 io_read(void *dev, u32 off, unsigned size)
{
    (void)dev;
    if (io_len < ARRAY_LEN(io_log)) {
        io_log[io_len].off = off;
        io_log[io_len].size = size;
        io_log[io_len++].write = false;
    }
    return 0x11223344 & size_mask(size);
}
NB_UNUSED static void io_write(void *dev, u32 off, u32 val, unsigned size)
{
    (void)dev;
    if (io_len < ARRAY_LEN(io_log)) {
        io_log[io_len].off = off;
        io_log[io_len].val = val;
        io_log[io_len].size = size;
        io_log[io_len++].write = true;
    }
}
static const struct region_ops io_ops = { .read = io_read, .write = io_write };

NB_UNUSED static void map(struct region *r, const char *name, paddr base, u64 size,
                          enum region_kind kind, u32 frame, int prio)
{
    memset(r, 0, sizeof(*r));
    r->name = name;
    r->base = base;
    r->size = size;
    r->kind = kind;
    r->ops = kind == REGION_IO ? &io_ops : NULL;
    r->ram_frame = frame;
    r->prio = prio;
    r->flags = REGION_RW;
    ck_assert(space_map(&mem, r, NULL));
}

NB_UNUSED static void set_up_on(struct ram_object obj)
{
    ram_bytes = obj.base;
    ram_init(&ram, obj);
    space_init(&mem, "memory", BIT64(36) - 1, NULL, &ram);
    map(&r_ram, "ram", 0, RAM_BYTES, REGION_RAM, 0, PRIO_RAM);
    map(&r_high, "high", HIGH, 4 << 20, REGION_RAM, 0, PRIO_RAM);
    map(&r_io, "io", IO_BASE, 0x10000, REGION_IO, 0, PRIO_BAR);
    map(&r_rom, "rom", ROM_BASE, 0x10000, REGION_ROM, ROM_AT >> 12, PRIO_ROM);
    io_len = 0;

    c = xcalloc(1, sizeof(*c));
    c->mem = &mem;
    c->ram = &ram;
    c->a20 = true;
    c->cpuid_edx = BIT(6) | BIT(16) | BIT(17);
    struct err e;
    ck_assert(mmu_new(c, &e));
}

static void free_ram(struct ram_object *obj)
{
    free(obj->base);
}
NB_UNUSED static void set_up(void)
{
    set_up_on((struct ram_object){ .base = calloc(1, RAM_BYTES), .size = RAM_BYTES, .fd = -1,
                                   .release = free_ram });
}

NB_UNUSED static void tear_down(void)
{
    mmu_free(c);
    xfree(c);
    space_free(&mem);
    ram_free(&ram);
}

NB_UNUSED static u32 get32(u32 pa) { return ld32(ram_bytes + pa); }
NB_UNUSED static u64 get64(u32 pa) { return ld64(ram_bytes + pa); }
NB_UNUSED static void put32(u32 pa, u32 v) { st32(ram_bytes + pa, v); }
NB_UNUSED static void put64(u32 pa, u64 v) { st64(ram_bytes + pa, v); }

NB_UNUSED static void paging(u32 cr3, u32 cr0_bits, u32 cr4)
{
    c->cr0 = CR0_PG | CR0_PE | cr0_bits;
    c->cr4 = cr4;
    c->cr3 = cr3;
    if (cr4 & CR4_PAE)
        ck_assert(mmu_load_pdptes(c, cr3));
    mmu_switch(c, true);
}

NB_UNUSED static void load_cr3(u32 cr3)
{
    c->cr3 = cr3;
    if (c->cr4 & CR4_PAE)
        ck_assert(mmu_load_pdptes(c, cr3));
    mmu_switch(c, true);
}

NB_UNUSED static bool rd(u32 la, bool user, u32 *v) { return mem_read_slow(c, la, v, 4, user); }
NB_UNUSED static bool wr(u32 la, bool user, u32 v) { return mem_write_slow(c, la, &v, 4, user); }
NB_UNUSED static bool ex(u32 la, u32 *frame)
{
    paddr pa;
    return mmu_fetch(c, la, frame, &pa);
}

/* ---- the oracle ---- */

struct verdict {
    bool ok;
    u32 err;
    paddr pa;
    u32 at[2];      /* places of the entries, in RAM */
    u64 after[2];   /* and what they hold afterwards */
    unsigned n;
};

/* Only tables in RAM. */
NB_UNUSED static struct verdict judge(u32 la, enum mmu_access acc, bool user)
{
    struct verdict v = { .ok = false };
    bool pae = c->cr4 & CR4_PAE, nxe = c->efer & EFER_NXE, wp = c->cr0 & CR0_WP;
    bool pat = c->cpuid_edx & BIT(16), pse36 = c->cpuid_edx & BIT(17), pse = c->cr4 & CR4_PSE;
    u64 e[2] = { 0, 0 }, bad[2] = { 0, 0 };

    if (acc == ACC_WRITE)
        v.err |= 2;
    if (user)
        v.err |= 4;
    if (acc == ACC_EXEC && pae && nxe)
        v.err |= 16;

    if (pae) {
        u64 top = c->pdpte[la >> 30];
        if (!(top & 1))
            return v;
        v.at[0] = (u32)(top & 0xffffff000) + 8 * (la << 2 >> 23);
        e[0] = get64(v.at[0]);
        v.at[1] = (u32)(e[0] & 0xffffff000) + 8 * (la << 11 >> 23);
    } else {
        v.at[0] = (c->cr3 & 0xfffff000) + 4 * (la >> 22);
        e[0] = get32(v.at[0]);
        v.at[1] = (u32)(e[0] & 0xfffff000) + 4 * (la << 10 >> 22);
    }
    bool large = (e[0] & 0x80) && (pae || pse);
    v.n = 1;
    if (!(e[0] & 1))
        return v;
    if (!large)
        e[1] = pae ? get64(v.at[1] % RAM_BYTES) : get32(v.at[1] % RAM_BYTES);

    for (int bit = 0; bit < 64; bit++) {
        u64 b = BIT64(bit);
        if (pae && (bit == 63 ? !nxe : bit >= 36)) {
            bad[0] |= b;
            bad[1] |= b;
        }
        if (pae && large && bit >= 13 && bit <= 20)
            bad[0] |= b;
        if (!pae && large && bit >= (pse36 ? 17 : 13) && bit <= 21)
            bad[0] |= b;
        if (!pat && large && bit == 12)
            bad[0] |= b;
        if (!pat && (pae || pse) && bit == 7)
            bad[1] |= b;
    }
    if (e[0] & bad[0]) {
        v.err |= 1 | 8;
        return v;
    }
    if (!large) {
        v.n = 2;
        if (!(e[1] & 1))
            return v;
        if (e[1] & bad[1]) {
            v.err |= 1 | 8;
            return v;
        }
    } else {
        e[1] = e[0];
    }
    bool u = e[0] & e[1] & 4, w = e[0] & e[1] & 2, x = !((e[0] | e[1]) >> 63);
    if ((user && !u) || (acc == ACC_WRITE && !w && (user || wp)) || (acc == ACC_EXEC && !x)) {
        v.err |= 1;
        return v;
    }
    v.ok = true;
    v.err = 0;
    if (!large)
        v.pa = (e[1] & (pae ? 0xffffff000 : 0xfffff000)) | (la & 0xfff);
    else if (pae)
        v.pa = (e[0] & 0xfffe00000) | (la & 0x1fffff);
    else
        v.pa = (e[0] & 0xffc00000) | (la & 0x3fffff) | (pse36 ? (e[0] & 0x1e000) << 19 : 0);
    u64 dirty = acc == ACC_WRITE ? 64 : 0;
    v.after[0] = e[0] | 32 | (large ? dirty : 0);
    v.after[1] = e[1] | 32 | dirty;
    return v;
}

NB_UNUSED static u64 entry(u32 at) { return c->cr4 & CR4_PAE ? get64(at) : get32(at); }

/* One access compared with the oracle, memory included. Pages are filled with their own address. */
NB_UNUSED static bool agrees(u32 la, enum mmu_access acc, bool user)
{
    struct verdict v = judge(la, acc, user);
    u64 before[2] = { v.n ? entry(v.at[0]) : 0, v.n == 2 ? entry(v.at[1]) : 0 };
    u32 val = 0, frame = 0;
    bool ok;

    memset(&c->fault, 0, sizeof(c->fault));
    c->cpl = user ? 3 : 0;
    if (acc == ACC_READ)
        ok = rd(la, user, &val);
    else if (acc == ACC_WRITE)
        ok = wr(la, user, 0x5a5a0000 | (la & 0xffff));
    else
        ok = ex(la, &frame);
    if (ok != v.ok)
        return false;
    for (unsigned i = 0; i < v.n; i++)
        if (entry(v.at[i]) != (ok ? v.after[i] : before[i]))
            return false;
    if (!ok)
        return c->fault.vec == EXC_PF && c->fault.has_err && c->fault.err == v.err &&
               c->fault.cr2 == la;
    u32 place = (u32)(v.pa >= HIGH ? v.pa - HIGH : v.pa);
    if (acc == ACC_READ)
        return val == get32(place);
    if (acc == ACC_WRITE)
        return get32(place) == (0x5a5a0000 | (la & 0xffff));
    return frame == place >> 12;
}

/* A 4 KB page at M_LA, whose table entry is PTE. */
#define M_LA 0x40003004u
#define PTE (get32(PT + 12))
NB_UNUSED static void map_4k(u32 pte)
{
    put32(PD + 0x400, PT | P | W | U);
    put32(PT + 12, pte);
}

NB_UNUSED static struct { unsigned n; u32 frame, off, len; u32 old; } code_log;
NB_UNUSED static void code_hook(void *to, u32 frame, u32 off, u32 len)
{
    (void)to;
    code_log.n++;
    code_log.frame = frame;
    code_log.off = off;
    code_log.len = len;
    code_log.old = get32(frame * 4096 + (off & ~3u));
}

#endif
