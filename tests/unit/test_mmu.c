/* SPDX-License-Identifier: MIT */
/* The MMU against an oracle of its own: tests/unit/test_mmu.c has a second, plain reading of SDM 3A
 * chapter 4 (judge()), which every combination of bits and a long random run are compared with. */
#include <check.h>
#include <stdlib.h>

#include "core/xalloc.h"
#include "cpu/mem.h"
#include "cpu/mmu.h"

Suite *suite_mmu(void);

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
static u32 io_read(void *dev, u32 off, unsigned size)
{
    (void)dev;
    if (io_len < ARRAY_LEN(io_log)) {
        io_log[io_len].off = off;
        io_log[io_len].size = size;
        io_log[io_len++].write = false;
    }
    return 0x11223344 & size_mask(size);
}
static void io_write(void *dev, u32 off, u32 val, unsigned size)
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

static void map(struct region *r, const char *name, paddr base, u64 size, enum region_kind kind,
                u32 frame, int prio)
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

static void set_up(void)
{
    ram_bytes = calloc(1, RAM_BYTES);
    ram_init(&ram, (struct ram_object){ .base = ram_bytes, .size = RAM_BYTES, .fd = -1 });
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

static void tear_down(void)
{
    mmu_free(c);
    xfree(c);
    space_free(&mem);
    ram_free(&ram);
    free(ram_bytes);
}

static u32 get32(u32 pa) { return ld32(ram_bytes + pa); }
static u64 get64(u32 pa) { return ld64(ram_bytes + pa); }
static void put32(u32 pa, u32 v) { st32(ram_bytes + pa, v); }
static void put64(u32 pa, u64 v) { st64(ram_bytes + pa, v); }

static void paging(u32 cr3, u32 cr0_bits, u32 cr4)
{
    c->cr0 = CR0_PG | CR0_PE | cr0_bits;
    c->cr4 = cr4;
    c->cr3 = cr3;
    if (cr4 & CR4_PAE)
        ck_assert(mmu_load_pdptes(c, cr3));
    mmu_switch(c, true);
}

static void load_cr3(u32 cr3)
{
    c->cr3 = cr3;
    if (c->cr4 & CR4_PAE)
        ck_assert(mmu_load_pdptes(c, cr3));
    mmu_switch(c, true);
}

static bool rd(u32 la, bool user, u32 *v) { return mem_read_slow(c, la, v, 4, user); }
static bool wr(u32 la, bool user, u32 v) { return mem_write_slow(c, la, &v, 4, user); }
static bool ex(u32 la, u32 *frame)
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
static struct verdict judge(u32 la, enum mmu_access acc, bool user)
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

static u64 entry(u32 at) { return c->cr4 & CR4_PAE ? get64(at) : get32(at); }

/* One access compared with the oracle, memory included. Pages are filled with their own address. */
static bool agrees(u32 la, enum mmu_access acc, bool user)
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

/* ---- every combination of bits ---- */

#define M_LA 0x40003004u
static const char *const acc_name[] = { "read", "write", "fetch" };

/* All accesses by both classes, each against tables as they were, uncached and cached. */
static void try_all(u32 at0, u64 pde, u32 at1, u64 pte)
{
    unsigned size = c->cr4 & CR4_PAE ? 8 : 4;

    for (unsigned k = 0; k < 6; k++) {
        enum mmu_access acc = k / 2;
        memcpy(ram_bytes + at0, &pde, size);
        memcpy(ram_bytes + at1, &pte, size);
        mmu_switch(c, true);
        for (unsigned again = 0; again < 2; again++)
            if (!agrees(M_LA, acc, k & 1))
                ck_abort_msg("%s user=%u again=%u pde=%llx pte=%llx cr0=%x cr4=%x efer=%x: "
                             "error code %x, pde %llx, pte %llx",
                             acc_name[acc], k & 1, again, (unsigned long long)pde,
                             (unsigned long long)pte, c->cr0, c->cr4, c->efer, c->fault.err,
                             (unsigned long long)entry(at0), (unsigned long long)entry(at1));
    }
}

/* Spreads the bits of n over the given positions. */
static u64 spread(unsigned n, const u8 *pos, unsigned num)
{
    u64 v = 0;
    for (unsigned i = 0; i < num; i++)
        if (n >> i & 1)
            v |= BIT64(pos[i]);
    return v;
}

START_TEST(matrix_32)
{
    static const u8 bits[] = { 0, 1, 2, 5, 6, 7 };

    for (unsigned cfg = 0; cfg < 16; cfg++) {
        c->cpuid_edx = BIT(6) | (cfg & 4 ? BIT(16) : 0) | (cfg & 8 ? BIT(17) : 0);
        paging(PD, cfg & 1 ? CR0_WP : 0, cfg & 2 ? CR4_PSE : 0);
        for (unsigned i = 0; i < 64; i++)
            for (unsigned j = 0; j < 64; j++) {
                u64 pde = spread(i, bits, 6), pte = 0x803000 | spread(j, bits, 6);
                bool large = (pde & PS) && (c->cr4 & CR4_PSE);
                try_all(PD + 0x400, pde | (large ? 0x800000 : PT), PT + 12, pte);
                if (large && j == 0)
                    for (unsigned bit = 12; bit < 22; bit++) {
                        if (bit >= 14 && bit <= 16)
                            continue; /* addresses without RAM, below */
                        try_all(PD + 0x400, pde | (bit == 13 ? 0 : 0x800000) | BIT(bit), PT + 12,
                                pte);
                    }
            }
    }
}
END_TEST

START_TEST(matrix_pae)
{
    static const u8 pde_bits[] = { 0, 1, 2, 5, 6, 7, 63 }, pte_bits[] = { 0, 1, 2, 5, 6, 7, 63 };

    for (unsigned cfg = 0; cfg < 16; cfg++) {
        c->cpuid_edx = BIT(6) | BIT(17) | (cfg & 4 ? BIT(16) : 0);
        c->efer = cfg & 2 ? EFER_NXE : 0;
        put64(0x800 + 8, PD | P);
        paging(0x800, cfg & 1 ? CR0_WP : 0, CR4_PAE | (cfg & 8 ? CR4_PSE : 0));
        for (unsigned i = 0; i < 128; i++)
            for (unsigned j = 0; j < 128; j++) {
                u64 pde = spread(i, pde_bits, 7), pte = 0x803000 | spread(j, pte_bits, 7);
                pde |= pde & PS ? 0x800000 : PT;
                try_all(PD, pde, PT + 24, pte);
                if (j == 7 || j == 71) /* present, writable, user */
                    for (unsigned bit = 12; bit < 63; bit++) {
                        if (bit >= 36 || ((pde & PS) && bit < 21))
                            try_all(PD, pde | BIT64(bit), PT + 24, pte);
                        if (bit >= 36)
                            try_all(PD, pde, PT + 24, pte | BIT64(bit));
                    }
            }
    }
}
END_TEST

START_TEST(pdptes_are_checked_at_load)
{
    c->cr4 = CR4_PAE;
    for (unsigned bit = 0; bit < 64; bit++) {
        bool rsvd = (bit >= 1 && bit <= 2) || (bit >= 5 && bit <= 8) || bit >= 36;
        put64(0x820 + 16, BIT64(bit) | P);
        c->pdpte[2] = 77;
        memset(&c->fault, 0, sizeof(c->fault));
        ck_assert_msg(mmu_load_pdptes(c, 0x820) == !rsvd, "bit %u", bit);
        ck_assert(rsvd ? c->fault.vec == EXC_GP && c->fault.err == 0 && c->pdpte[2] == 77
                       : c->pdpte[2] == (BIT64(bit) | P));
        put64(0x820 + 16, BIT64(bit) & ~1ull); /* absent: anything goes */
        ck_assert(mmu_load_pdptes(c, 0x820));
    }
    /* CR3 31:5; nothing there reads as ones */
    put64(0x820 + 16, 0x5001);
    ck_assert(mmu_load_pdptes(c, 0x83f));
    ck_assert_uint_eq(c->pdpte[2], 0x5001);
    ck_assert(!mmu_load_pdptes(c, 0xd0000000));
}
END_TEST

/* The tables change behind the register: the PDPTE in use is the loaded one. */
START_TEST(pdptes_are_registers)
{
    u32 v;
    put64(0x808, PD | P);
    put64(PD, 0x800000 | PS | P);
    paging(0x800, 0, CR4_PAE);
    put64(0x808, 0);
    ck_assert(rd(M_LA, false, &v));
    load_cr3(0x800);
    ck_assert(!rd(M_LA, false, &v));
    ck_assert_uint_eq(c->fault.err, 0);
}
END_TEST

START_TEST(pse36)
{
    u32 v;
    put32(0x3004, 0xcafe0001);
    put32(PD + 0x400, 0x2000 | PS | P | W); /* 4 GB */
    paging(PD, 0, CR4_PSE);
    ck_assert(rd(M_LA, false, &v));
    ck_assert_uint_eq(v, 0xcafe0001);
    ck_assert(wr(M_LA, false, 0xcafe0002));
    ck_assert_uint_eq(get32(0x3004), 0xcafe0002);
    paddr pa;
    put32(PD + 0x400, 0x1e000 | 0xffc00000 | PS | P | W);
    mmu_invlpg(c, M_LA);
    ck_assert(mmu_translate(c, M_LA, false, false, &pa));
    ck_assert_uint_eq(pa, 0xfffc03004ull);
    ck_assert(rd(M_LA, false, &v)); /* nothing there */
    ck_assert_uint_eq(v, ~0u);
    ck_assert(wr(M_LA, false, 0));
}
END_TEST

/* ---- stale entries ---- */

static void map_4k(u32 pte)
{
    put32(PD + 0x400, PT | P | W | U);
    put32(PT + 12, pte);
}
#define PTE (get32(PT + 12))

START_TEST(absent_to_present_needs_no_invlpg)
{
    u32 v;
    map_4k(0x803000);
    paging(PD, CR0_WP, 0);
    ck_assert(!rd(M_LA, false, &v));
    put32(PT + 12, 0x803000 | P);
    ck_assert(rd(M_LA, false, &v));
    ck_assert(!wr(M_LA, false, 1)); /* read-only */
    ck_assert_uint_eq(c->fault.err, PF_P | PF_W);
    put32(PT + 12, PTE | W); /* more rights: the faulting path walks again */
    ck_assert(wr(M_LA, false, 1));
    ck_assert_uint_eq(PTE, 0x803000 | P | W | A | D);
}
END_TEST

START_TEST(less_rights_after_invlpg)
{
    u32 v, frame;
    map_4k(0x803000 | P | W | U);
    paging(PD, CR0_WP, 0);
    ck_assert(wr(M_LA, true, 1));
    c->cpl = 3;
    ck_assert(ex(M_LA, &frame));
    put32(PT + 12, PTE & ~(u32)W);
    mmu_invlpg(c, M_LA & ~0xfffu);
    ck_assert(!wr(M_LA, true, 2));
    ck_assert(!wr(M_LA, false, 2));
    ck_assert(rd(M_LA, true, &v));
    put32(PT + 12, PTE & ~(u32)U);
    mmu_invlpg(c, M_LA | 0xfff);
    ck_assert(!rd(M_LA, true, &v));
    ck_assert(!ex(M_LA, &frame));
    ck_assert_uint_eq(c->fault.err, PF_P | PF_U);
    ck_assert(rd(M_LA, false, &v));
    put32(PT + 12, 0);
    load_cr3(PD); /* the same value is a flush, too */
    ck_assert(!rd(M_LA, false, &v));
}
END_TEST

START_TEST(first_write_sets_d)
{
    u32 v;
    map_4k(0x803000 | P | W | U);
    paging(PD, CR0_WP, 0);
    c->cpl = 3;
    mmu_select(c);
    ck_assert(la_read32(c, M_LA, &v));
    ck_assert_uint_ne(c->tlb_rd[M_LA >> 12], 0);
    ck_assert_uint_eq(c->tlb_wr[M_LA >> 12], 0);
    ck_assert_uint_eq(PTE, 0x803000 | P | W | U | A);
    ck_assert(la_write32(c, M_LA, 7));
    ck_assert_uint_ne(c->tlb_wr[M_LA >> 12], 0);
    ck_assert_uint_eq(PTE, 0x803000 | P | W | U | A | D);
    /* the guest cleans it: the next write after a flush must set D again */
    for (unsigned how = 0; how < 3; how++) {
        put32(PT + 12, PTE & ~(u32)D);
        if (how == 0)
            mmu_invlpg(c, M_LA);
        else if (how == 1)
            load_cr3(PD);
        else
            mmu_flush_global(c);
        ck_assert_uint_eq(c->tlb_wr[M_LA >> 12], 0);
        ck_assert(la_write32(c, M_LA, 8));
        ck_assert_uint_eq(PTE, 0x803000 | P | W | U | A | D);
    }
    put32(PD + 0x400, get32(PD + 0x400) & ~(u32)A);
    load_cr3(PD);
    ck_assert(la_read32(c, M_LA, &v));
    ck_assert_uint_eq(get32(PD + 0x400), PT | P | W | U | A);
}
END_TEST

START_TEST(global_pages)
{
    u32 v;
    map_4k(0x803000 | P | W | G);
    put32(0x803004, 1);
    put32(0x804004, 2);
    paging(PD, CR0_WP, CR4_PGE);
    ck_assert(rd(M_LA, false, &v));
    put32(PT + 12, 0x804000 | P | W | G);
    c->cr4 &= ~(u32)CR4_PGE;
    mmu_flush_global(c);
    ck_assert(rd(M_LA, false, &v));
    ck_assert_uint_eq(v, 2);
    c->cr4 |= CR4_PGE;
    mmu_flush_global(c);
    put32(PT + 12, 0x803000 | P | W | G);
    mmu_invlpg(c, M_LA);
    ck_assert(rd(M_LA, false, &v));
    ck_assert_uint_eq(v, 1);
}
END_TEST

START_TEST(self_map)
{
    u32 v, pte_la = 0xc0000000 + (M_LA >> 12) * 4;
    map_4k(0x803000 | P | W);
    put32(PD + 0x300 * 4, PD | P | W);
    put32(0x803004, 1);
    put32(0x804004, 2);
    paging(PD, CR0_WP, 0);
    ck_assert(rd(M_LA, false, &v));
    ck_assert(rd(pte_la, false, &v));
    ck_assert_uint_eq(v, 0x803000 | P | W | A);
    ck_assert(wr(pte_la, false, 0x804000 | P | W));
    ck_assert(la_write32(c, pte_la, 0x804000 | P | W));
    mmu_invlpg(c, M_LA);
    ck_assert(rd(M_LA, false, &v));
    ck_assert_uint_eq(v, 2);
    /* the directory through itself: one word is both directory and table entry */
    u32 pde_la = 0xc0300000 + 0x300 * 4;
    put32(PD + 0x300 * 4, PD | P | W);
    load_cr3(PD);
    ck_assert(wr(pde_la, false, PD | P | W));
    ck_assert_uint_eq(get32(PD + 0x300 * 4), PD | P | W);
    put32(PD + 0x300 * 4, PD | P | W);
    load_cr3(PD);
    ck_assert(mem_probe_write(c, pde_la, 4, false));
    ck_assert_uint_eq(get32(PD + 0x300 * 4), PD | P | W | A | D);
}
END_TEST

static void two_spaces(void) /* PD and 5000h share the table at PT; M_LA + 4 MB is their own */
{
    map_4k(0x803000 | P | W | U);
    put32(PT + 16, 0x804000 | P | W | U);
    put32(PD + 0x404, 0x6000 | P | W | U);
    put32(0x5000 + 0x400, PT | P | W | U);
    put32(0x5000 + 0x404, 0x7000 | P | W | U);
    for (u32 i = 0; i < 1024; i++) {
        put32(0x6000 + 4 * i, 0x805000 | P | W | U);
        put32(0x7000 + 4 * i, 0x806000 | P | W | U);
    }
    for (u32 p = 0x803; p < 0x807; p++)
        put32(p * 4096 + 4, p);
}

START_TEST(contexts_are_kept_and_compared)
{
    u32 v, own = M_LA + 0x400000;
    two_spaces();
    paging(PD, CR0_WP, 0);
    ck_assert(rd(M_LA, false, &v) && rd(M_LA + 0x1000, false, &v) && rd(own, false, &v));
    ck_assert_uint_eq(v, 0x805);
    load_cr3(0x5000);
    ck_assert_uint_eq(c->tlb_rd[own >> 12], 0);
    ck_assert(rd(M_LA, false, &v) && wr(M_LA + 0x1000, false, 0x804) && rd(own, false, &v));
    ck_assert_uint_eq(v, 0x806);

    load_cr3(PD);
    /* still there without a walk; the D bit that the other one set is no reason to forget */
    ck_assert_uint_ne(c->tlb_rd[M_LA >> 12], 0);
    ck_assert_uint_ne(c->tlb_rd[(M_LA + 0x1000) >> 12], 0);
    ck_assert_uint_ne(c->tlb_rd[own >> 12], 0);
    ck_assert(rd(own, false, &v));
    ck_assert_uint_eq(v, 0x805);

    /* edits while it is away: a table, a directory entry, and one that restricts */
    load_cr3(0x5000);
    put32(0x6000 + 12, 0x806000 | P | W | U);
    put32(PT + 16, (get32(PT + 16) & ~(u32)W));
    load_cr3(PD);
    ck_assert(rd(own, false, &v));
    ck_assert_uint_eq(v, 0x806);
    ck_assert(!wr(M_LA + 0x1000, false, 1));
    load_cr3(0x5000);
    ck_assert(!wr(M_LA + 0x1000, false, 1));
    put32(PD + 0x404, 0);
    load_cr3(PD);
    ck_assert(!rd(own, false, &v));
    ck_assert_uint_eq(c->fault.err, 0);
    put32(PD + 0x404, 0x7000 | P);
    ck_assert(rd(own, false, &v));
    ck_assert_uint_eq(v, 0x806);
}
END_TEST

START_TEST(more_spaces_than_are_kept)
{
    u32 v;
    for (u32 round = 0; round < 3; round++)
        for (u32 i = 0; i < 40; i++) {
            u32 pd = 0x100000 + i * 0x2000, pt = pd + 0x1000;
            put32(pd + 0x400, pt | P | W);
            put32(pt + 12, (0x900000 + i * 0x1000) | P | W);
            paging(pd, CR0_WP, 0);
            if (round)
                ck_assert(rd(M_LA, false, &v) && v == i + (round - 1) * 100);
            ck_assert(wr(M_LA, false, i + round * 100));
            ck_assert_uint_eq(get32(0x900000 + i * 0x1000 + 4), i + round * 100);
        }
}
END_TEST

/* CR0.WP, CR4.PSE, EFER.NXE and CR0.PG select what applies; going back finds the old rules. */
START_TEST(mode_bits_select)
{
    u32 v;
    map_4k(0x803000 | P);
    paging(PD, 0, 0);
    ck_assert(wr(M_LA, false, 1)); /* WP = 0 */
    ck_assert_uint_eq(PTE, 0x803000 | P | A | D);
    paging(PD, CR0_WP, 0);
    ck_assert(!wr(M_LA, false, 2));
    ck_assert_uint_eq(c->tlb_sys_wr[M_LA >> 12], 0);
    paging(PD, 0, 0);
    ck_assert_uint_ne(c->tlb_sys_wr[M_LA >> 12], 0);
    put32(PD + 0x400, PT | P | W | PS);
    paging(PD, 0, 0);
    put32(0x803004, 0x1234);
    ck_assert(rd(M_LA, false, &v) && v == 0x1234);
    paging(PD, 0, CR4_PSE);
    ck_assert(rd(M_LA, false, &v)); /* now a 4 MB page: 0 and PSE-36 bits 2000h = 4 GB */
    ck_assert_uint_eq(v, get32(0x3004));
    c->cr0 = CR0_PE;
    mmu_switch(c, false);
    ck_assert(wr(0x803004, true, 99));
    ck_assert_uint_eq(get32(0x803004), 99);
}
END_TEST

START_TEST(invlpg_of_a_large_page)
{
    u32 v, frame;
    put32(PD + 0x400, 0x800000 | PS | P | W | U);
    paging(PD, CR0_WP, CR4_PSE);
    c->cpl = 3;
    for (u32 off = 0; off < 0x400000; off += 0x1000)
        ck_assert(wr(0x40000000 + off, true, off) && rd(0x40000000 + off, false, &v));
    ck_assert(ex(0x40380000, &frame));
    put32(PD + 0x400, 0x400000 | PS | P);
    mmu_invlpg(c, 0x40123000);
    for (u32 off = 0; off < 0x400000; off += 0x1000) {
        ck_assert_uint_eq(c->mmu->cur->tab[0][0][(0x40000000 + off) >> 12], 0);
        ck_assert_uint_eq(c->mmu->cur->tab[1][0][(0x40000000 + off) >> 12], 0);
        ck_assert_uint_eq(c->mmu->cur->tab[1][1][(0x40000000 + off) >> 12], 0);
    }
    ck_assert(!ex(0x40380000, &frame));
    ck_assert(!rd(0x40123000, true, &v));
    ck_assert(rd(0x40123004, false, &v));
    ck_assert_uint_eq(v, get32(0x523004));
    /* neighbours came along, to the ends of their group of 16 and not beyond */
    ck_assert_uint_ne(c->tlb_sys_rd[0x40120], 0);
    ck_assert_uint_ne(c->tlb_sys_rd[0x4012f], 0);
    ck_assert_uint_eq(c->tlb_sys_rd[0x40130], 0);
    ck_assert_uint_eq(c->tlb_sys_rd[0x4011f], 0);
}
END_TEST

/* A large page over RAM and other things: entries only where there is RAM. */
START_TEST(large_page_with_holes)
{
    u32 v;
    put32(PD + 0x400, IO_BASE | PS | P | W);
    put32(PD + 0x404, 0xc00000 | PS | P | W);
    paging(PD, CR0_WP, CR4_PSE);
    ck_assert(rd(0x40000010, false, &v));
    ck_assert_uint_eq(v, 0x11223344);
    ck_assert_uint_eq(io_len, 1);
    ck_assert_uint_eq(c->tlb_sys_rd[0x40000], 0);
    ck_assert(rd(0x40010000, false, &v)); /* behind the region */
    ck_assert_uint_eq(v, ~0u);
    struct region win;
    map(&win, "window", 0xd05000, 0x800, REGION_IO, 0, PRIO_VGA);
    ck_assert(rd(0x40504000, false, &v));
    ck_assert_uint_ne(c->tlb_sys_rd[0x40504], 0);
    ck_assert_uint_eq(c->tlb_sys_rd[0x40505], 0);
    put32(0xd05800, 0x600d);
    ck_assert(rd(0x40505800, false, &v)); /* same page, but RAM */
    ck_assert_uint_eq(v, 0x600d);
    ck_assert(wr(0x40505804, false, 0xf00d));
    ck_assert_uint_eq(get32(0xd05804), 0xf00d);
    ck_assert_uint_eq(c->tlb_sys_rd[0x40505], 0);
    space_move(&mem, &win, 0xd05800); /* the other half: the page begins as RAM */
    ck_assert(rd(0x40505800, false, &v));
    ck_assert_uint_eq(v, 0x11223344);
    ck_assert(rd(0x405057fe, false, &v));
    ck_assert_uint_eq(v, 0x33440000);
    /* a piece of reads alone is enough to break the run */
    space_set_flags(&mem, &win, REGION_READ);
    ck_assert(rd(0x40504000, false, &v));
    ck_assert_uint_eq(c->tlb_sys_rd[0x40505], 0);
    ck_assert(wr(0x40505800, false, 0xfeed));
    ck_assert_uint_eq(get32(0xd05800), 0xfeed);
    ck_assert(rd(0x40505800, false, &v));
    ck_assert_uint_eq(v, 0x11223344);
    put32(PD + 0x404, 0);
    mmu_invlpg(c, 0x40401000);
    ck_assert(!rd(0x40504000, false, &v));
    space_unmap(&mem, &win);
}
END_TEST

/* ---- writes that must be seen ---- */

static struct { unsigned n; u32 frame, off, len; u32 old; } code_log;
static void code_hook(void *to, u32 frame, u32 off, u32 len)
{
    (void)to;
    code_log.n++;
    code_log.frame = frame;
    code_log.off = off;
    code_log.len = len;
    code_log.old = get32(frame * 4096 + (off & ~3u));
}

START_TEST(code_pages_are_slow_for_writes)
{
    u32 v, own = M_LA + 0x400000;
    ram.code_written = code_hook;
    memset(&code_log, 0, sizeof(code_log));
    two_spaces();
    put32(0x7000 + 12, 0x805000 | P | W | U);
    paging(PD, CR0_WP, 0);
    ck_assert(wr(own, false, 0x805) && wr(own, true, 0x805));
    load_cr3(0x5000);
    ck_assert(wr(own, false, 0x805));
    struct ctx *here = c->mmu->cur;
    ck_assert_uint_ne(here->tab[0][1][own >> 12], 0);

    ram_set_flag(&ram, 0x805, RAM_CODE);
    for (unsigned i = 0; i < NUM_CTX; i++)
        for (unsigned cls = 0; cls < 2 && c->mmu->ctx[i]; cls++)
            ck_assert_uint_eq(c->mmu->ctx[i]->tab[cls][1][own >> 12], 0);
    ck_assert_uint_ne(c->tlb_sys_rd[own >> 12], 0);
    u16 half = 0xbeef;
    ck_assert(mem_write_slow(c, own + 2, &half, 2, false));
    ck_assert_uint_eq(code_log.n, 1);
    ck_assert_uint_eq(code_log.frame, 0x805);
    ck_assert_uint_eq(code_log.off, 6);
    ck_assert_uint_eq(code_log.len, 2);
    ck_assert_uint_eq(code_log.old, 0x805); /* before the write */
    ck_assert_uint_eq(get32(0x805004), 0xbeef0805);
    ck_assert_uint_eq(c->tlb_sys_wr[own >> 12], 0);
    ck_assert_ptr_null(mem_page_ptr(c, own, true, false));
    ck_assert_ptr_nonnull(mem_page_ptr(c, own, false, false));
    load_cr3(PD);
    ck_assert(wr(own, true, 1));
    ck_assert_uint_eq(code_log.n, 2);
    ram_clear_flag(&ram, 0x805, RAM_CODE);
    ck_assert(wr(own, true, 2));
    ck_assert_uint_ne(c->mmu->cur->tab[1][1][own >> 12], 0);
    ck_assert(rd(own, true, &v) && v == 2);

    /* through a large page and with paging off */
    put32(PD + 0x800, 0x800000 | PS | P | W);
    paging(PD, CR0_WP, CR4_PSE);
    ck_assert(wr(0x80005000, false, 3) && wr(0x80006000, false, 3));
    struct ctx *big = c->mmu->cur;
    c->cr0 = 0;
    mmu_switch(c, false);
    ck_assert(wr(0x805000, false, 3) && wr(0x806000, false, 3));
    ram_set_flag(&ram, 0x805, RAM_CODE);
    ck_assert_uint_eq(big->tab[0][1][0x80005], 0);
    ck_assert_uint_ne(big->tab[0][1][0x80006], 0);
    ck_assert_uint_eq(c->tlb_sys_wr[0x805], 0);
    ck_assert_uint_ne(c->tlb_sys_wr[0x806], 0);
}
END_TEST

START_TEST(table_updates_are_seen_as_writes)
{
    u32 v;
    ram.code_written = code_hook;
    memset(&code_log, 0, sizeof(code_log));
    map_4k(0x803000 | P);
    ram_set_flag(&ram, PT >> 12, RAM_CODE | RAM_CLEAN);
    paging(PD, 0, 0);
    ck_assert(rd(M_LA, false, &v));
    ck_assert_uint_eq(code_log.n, 1);
    ck_assert_uint_eq(code_log.frame, PT >> 12);
    ck_assert_uint_eq(code_log.off, 12);
    ck_assert(!(ram.flags[PT >> 12] & RAM_CLEAN));
    mmu_invlpg(c, M_LA);
    ck_assert(rd(M_LA, false, &v));
    ck_assert_uint_eq(code_log.n, 1); /* A is set: no write */
}
END_TEST

START_TEST(dirty_log)
{
    u32 v;
    map_4k(0x803000 | P | W);
    paging(PD, 0, 0);
    ck_assert(wr(M_LA, false, 1));
    ram_set_flag(&ram, 0x803, RAM_CLEAN);
    ck_assert_uint_eq(c->tlb_sys_wr[M_LA >> 12], 0);
    ck_assert(rd(M_LA, false, &v));
    ck_assert_uint_eq(c->tlb_sys_wr[M_LA >> 12], 0);
    ck_assert(ram.flags[0x803] & RAM_CLEAN);
    ck_assert(wr(M_LA, false, 1));
    ck_assert(!(ram.flags[0x803] & RAM_CLEAN));
    ck_assert_uint_ne(c->tlb_sys_wr[M_LA >> 12], 0);
    ram_set_flag(&ram, 0x803, RAM_CLEAN);
    u8 *p = mem_page_ptr(c, M_LA, true, false);
    ck_assert_ptr_eq(p, ram_bytes + 0x803004);
    ck_assert(!(ram.flags[0x803] & RAM_CLEAN));
}
END_TEST

START_TEST(rom_and_pam)
{
    u32 v;
    put32(ROM_AT, 0x12345678);
    map_4k(ROM_BASE | P | W);
    paging(PD, 0, 0);
    ck_assert(rd(M_LA - 4, false, &v) && v == 0x12345678);
    ck_assert_uint_ne(c->tlb_sys_rd[M_LA >> 12], 0);
    ck_assert(wr(M_LA - 4, false, 1));
    ck_assert_uint_eq(get32(ROM_AT), 0x12345678);
    ck_assert_uint_eq(c->tlb_sys_wr[M_LA >> 12], 0);
    ck_assert_uint_eq(PTE, ROM_BASE | P | W | A | D);
    u32 frame;
    ck_assert(ex(M_LA, &frame) && frame == ROM_AT >> 12);

    /* RAM takes the writes, then the reads: a change of the view reaches cached entries */
    struct region shadow;
    map(&shadow, "shadow", ROM_BASE, 0x10000, REGION_RAM, 0xa00, PRIO_SHADOW);
    space_set_flags(&mem, &shadow, REGION_WRITE);
    ck_assert(rd(M_LA - 4, false, &v) && v == 0x12345678);
    ck_assert(la_write32(c, M_LA - 4, 0xabcd));
    ck_assert_uint_eq(get32(0xa00000), 0xabcd);
    ck_assert(la_read32(c, M_LA - 4, &v) && v == 0x12345678);
    space_set_flags(&mem, &shadow, REGION_RW);
    ck_assert(la_read32(c, M_LA - 4, &v) && v == 0xabcd);
    ck_assert(ex(M_LA, &frame) && frame == 0xa00);
    space_set_flags(&mem, &shadow, REGION_READ);
    ck_assert(la_write32(c, M_LA - 4, 5));
    ck_assert_uint_eq(get32(0xa00000), 0xabcd);
    space_unmap(&mem, &shadow);
}
END_TEST

/* Tables in ROM keep their A bits; where nothing is, all ones are read. */
START_TEST(tables_outside_ram)
{
    u32 v;
    put32(ROM_AT + 0x400, PT | P | W | U);
    put32(PT + 12, 0x803000 | P | W);
    put32(0x803004, 42);
    paging(ROM_BASE, 0, 0);
    ck_assert(rd(M_LA, false, &v) && v == 42);
    ck_assert_uint_eq(get32(ROM_AT + 0x400), PT | P | W | U);
    ck_assert_uint_eq(PTE, 0x803000 | P | W | A);

    paging(0xd0000000, CR0_WP, 0); /* PDE and PTE FFFFFFFFh */
    paddr pa;
    ck_assert(mmu_translate(c, M_LA, true, true, &pa) && pa == 0xfffff004);
    ck_assert(rd(M_LA, true, &v) && v == ~0u);
    paging(0xd0000000, CR0_WP, CR4_PSE); /* a large page with reserved bits set */
    ck_assert(!rd(M_LA, true, &v));
    ck_assert_uint_eq(c->fault.err, PF_P | PF_U | PF_RSVD);
    put64(0x808, 0xfffff0001); /* directory at the top of the 36-bit space */
    c->efer = EFER_NXE;
    paging(0x800, 0, CR4_PAE);
    ck_assert(!rd(M_LA, false, &v));
    ck_assert_uint_eq(c->fault.err, PF_P | PF_RSVD);
}
END_TEST

/* ---- accesses ---- */

START_TEST(crossing_into_a_fault_changes_nothing)
{
    u8 buf[16];
    for (unsigned size = 2; size <= 16; size *= 2)
        for (unsigned second = 0; second < 2; second++)
            for (unsigned write = 0; write < 3; write++) {
                put32(PD + 0x400, PT | P | W | U);
                put32(PT + 12, 0x803000 | (second ? P : 0) | W | U);
                put32(PT + 16, 0x805000 | (second ? 0 : P) | W | U);
                memset(ram_bytes + 0x803000, 0x33, 4096);
                memset(ram_bytes + 0x805000, 0x33, 4096);
                memset(buf, 0x77, sizeof(buf));
                paging(PD, CR0_WP, 0);
                u32 la = 0x40004000 - size / 2;
                bool ok = write == 0   ? mem_read_slow(c, la, buf, size, true)
                          : write == 1 ? mem_write_slow(c, la, buf, size, true)
                                       : mem_rmw_slow(c, la, buf, size, true);
                ck_assert(!ok);
                ck_assert_uint_eq(c->fault.err, PF_U | (write ? PF_W : 0));
                ck_assert_uint_eq(c->fault.cr2, second ? 0x40004000 : la);
                ck_assert_uint_eq(get32(PD + 0x400), PT | P | W | U);
                ck_assert_uint_eq(get32(PT + 12) | get32(PT + 16), 0x807000 | P | W | U);
                for (unsigned i = 0; i < size / 2; i++)
                    ck_assert(ram_bytes[0x803fff - i] == 0x33 && ram_bytes[0x805000 + i] == 0x33 &&
                              buf[i] == 0x77);
            }
}
END_TEST

START_TEST(crossing_pages)
{
    u8 buf[16], back[16];
    for (unsigned i = 0; i < 16; i++)
        buf[i] = (u8)(i + 1);
    put32(PD + 0x400, PT | P | W | U);
    put32(PT + 12, 0x803000 | P | W | U);
    put32(PT + 16, 0x801000 | P | W | U);
    paging(PD, CR0_WP, 0);
    for (unsigned pass = 0; pass < 2; pass++) /* walked, then cached */
        for (unsigned before = 1; before < 16; before++) {
            u32 la = 0x40004000 - before;
            ck_assert(mem_write_slow(c, la, buf, 16, true));
            ck_assert(!memcmp(ram_bytes + 0x804000 - before, buf, before));
            ck_assert(!memcmp(ram_bytes + 0x801000, buf + before, 16 - before));
            ck_assert(mem_read_slow(c, la, back, 16, true));
            ck_assert(!memcmp(back, buf, 16));
        }
    ck_assert_uint_eq(get32(PT + 16), 0x801000 | P | W | U | A | D);
    /* over the top of the linear space */
    c->cr0 = 0;
    mmu_switch(c, false);
    struct region top;
    map(&top, "top", 0xfffff000, 0x1000, REGION_RAM, 0x900, PRIO_RAM);
    ck_assert(mem_write_slow(c, 0xfffffffe, buf, 4, false));
    ck_assert_uint_eq(get32(0x900ffc) >> 16, 0x0201);
    ck_assert_uint_eq(get32(0) & 0xffff, 0x0403);
    ck_assert(mem_read_slow(c, 0xfffffffe, back, 4, false) && !memcmp(back, buf, 4));
    space_unmap(&mem, &top);
}
END_TEST

START_TEST(mmio_is_split_ascending)
{
    u8 buf[16];
    for (unsigned i = 0; i < 16; i++)
        buf[i] = (u8)(i + 1);
    ck_assert(mem_write_slow(c, IO_BASE + 8, buf, 8, false));
    ck_assert_uint_eq(io_len, 2);
    ck_assert(io_log[0].off == 8 && io_log[0].val == 0x04030201 && io_log[0].size == 4);
    ck_assert(io_log[1].off == 12 && io_log[1].val == 0x08070605 && io_log[1].size == 4);
    io_len = 0;
    ck_assert(mem_read_slow(c, IO_BASE + 0x20, buf, 10, false));
    ck_assert_uint_eq(io_len, 3);
    ck_assert(io_log[2].off == 0x28 && io_log[2].size == 2 && !io_log[2].write);
    ck_assert(ld32(buf) == 0x11223344 && ld16(buf + 8) == 0x3344);
    /* RAM, then the region: bytes before and behind the border */
    put32(PD + 0x400, PT | P | W);
    put32(PT + 12, 0x803000 | P | W);
    put32(PT + 16, IO_BASE | P | W);
    paging(PD, 0, 0);
    io_len = 0;
    u32 v = 0xddccbbaa;
    ck_assert(wr(0x40003ffe, false, v));
    ck_assert_uint_eq(get32(0x803ffc) >> 16, 0xbbaa);
    ck_assert(io_len == 1 && io_log[0].off == 0 && io_log[0].size == 2 && io_log[0].val == 0xddcc);
    ck_assert(rd(0x40003ffe, false, &v) && v == 0x3344bbaa);
}
END_TEST

START_TEST(a20_masks_bit_20)
{
    u32 v;
    put32(0x4, 0x111);
    put32(0x100004, 0x222);
    c->a20 = false;
    mmu_switch(c, false);
    ck_assert(rd(0x100004, false, &v) && v == 0x111);
    ck_assert(rd(0x300004, false, &v) && v == get32(0x200004));
    ck_assert(la_write32(c, 0x100008, 0x333));
    ck_assert_uint_eq(get32(8), 0x333);
    c->a20 = true;
    mmu_switch(c, false);
    ck_assert(rd(0x100004, false, &v) && v == 0x222);
    /* tables and directory too */
    put32(0x100000 + PD + 0x400, 0x100000 | PT | P | W);
    map_4k(0x903000 | P | W);
    put32(0x803004, 0x444);
    c->a20 = false;
    paging(0x100000 | PD, 0, 0);
    ck_assert(rd(M_LA, false, &v) && v == 0x444);
    ck_assert_uint_eq(get32(0x100000 + PD + 0x400), 0x100000 | PT | P | W);
    ck_assert_uint_eq(get32(PD + 0x400), PT | P | W | U | A);
}
END_TEST

START_TEST(alignment_check)
{
    u8 buf[16] = { 0 };
    static const struct { unsigned size, align; } kinds[] = {
        { 1, 1 }, { 2, 2 }, { 4, 4 }, { 6, 4 }, { 8, 8 }, { 10, 8 }, { 16, 16 },
    };
    map_4k(0x803000 | P | W | U);
    paging(PD, CR0_WP, 0);
    c->cpl = 3;
    c->mode = MODE_AC | MODE_CPL3;
    mmu_select(c);
    for (unsigned k = 0; k < ARRAY_LEN(kinds); k++)
        for (unsigned off = 0; off < 16; off++) {
            bool good = off % kinds[k].align == 0;
            put32(PT + 12, 0x803000 | P | W | U);
            load_cr3(PD);
            memset(&c->fault, 0, sizeof(c->fault));
            ck_assert(mem_write_slow(c, 0x40003000 + off, buf, kinds[k].size, true) == good);
            ck_assert_uint_eq(c->fault.vec, good ? 0 : EXC_AC);
            ck_assert(c->fault.has_err == !good && c->fault.err == 0);
            ck_assert_uint_eq(PTE, 0x803000 | P | W | U | (good ? A | D : 0));
            ck_assert(mem_read_slow(c, 0x40003000 + off, buf, kinds[k].size, true) == good);
            ck_assert(mem_rmw_slow(c, 0x40003000 + off, buf, kinds[k].size, true) == good);
            ck_assert(mem_write_slow(c, 0x40003000 + off, buf, kinds[k].size, false));
        }
    /* the inline paths cannot miss it, though the page is in the tables */
    u32 v;
    ck_assert(la_read32(c, 0x40003004, &v));
    ck_assert(!la_read32(c, 0x40003002, &v));
    ck_assert(sys_read32(c, 0x40003002, &v));
    ck_assert_ptr_null(mem_page_ptr(c, 0x40003004, false, true));
    /* a page fault comes first */
    ck_assert(!la_read32(c, 0x40005002, &v));
    ck_assert_uint_eq(c->fault.vec, EXC_PF);
    c->mode = 0;
    mmu_select(c);
    ck_assert(la_read32(c, 0x40003002, &v));
}
END_TEST

START_TEST(fetch)
{
    u32 frame = 0, v;
    paddr pa = 0;
    put64(0x808, PD | P);
    put64(PD, PT | P | W | U);
    put64(PT + 24, 0x803000 | P | U | PTE_NX);
    put64(PT + 32, 0x804000 | P | U);
    put64(PT + 40, IO_BASE | P | U);
    c->efer = EFER_NXE;
    paging(0x800, CR0_WP, CR4_PAE);
    c->cpl = 3;
    ck_assert(rd(M_LA, true, &v));
    ck_assert(!mmu_fetch(c, M_LA, &frame, &pa));
    ck_assert_uint_eq(c->fault.err, PF_P | PF_U | PF_ID);
    ck_assert_uint_eq(c->fault.cr2, M_LA);
    c->cpl = 0;
    ck_assert(!mmu_fetch(c, M_LA, &frame, &pa));
    ck_assert_uint_eq(c->fault.err, PF_P | PF_ID);
    ck_assert(mmu_fetch(c, M_LA + 0x1000, &frame, &pa) && frame == 0x804);
    ck_assert_uint_eq(get64(PT + 32), 0x804000 | P | U | A);
    pa = 0;
    ck_assert(mmu_fetch(c, M_LA + 0x1008, &frame, &pa) && frame == 0x804 && pa == 0x80400c);
    ck_assert(mmu_fetch(c, M_LA + 0x2000, &frame, &pa) && frame == NO_FRAME);
    ck_assert_uint_eq(pa, IO_BASE + 4);
    ck_assert_uint_eq(io_len, 0);
    put64(PT + 32, 0x805000 | P);
    mmu_invlpg(c, M_LA + 0x1000);
    ck_assert(mmu_fetch(c, M_LA + 0x1000, &frame, &pa) && frame == 0x805);
    c->cpl = 3; /* what CPL 0 may fetch, CPL 3 may not */
    ck_assert(!mmu_fetch(c, M_LA + 0x1000, &frame, &pa));
    ck_assert_uint_eq(c->fault.err, PF_P | PF_U | PF_ID);
    /* the same bits read as reserved without NXE */
    c->efer = 0;
    mmu_switch(c, false);
    ck_assert(!rd(M_LA, true, &v));
    ck_assert_uint_eq(c->fault.err, PF_P | PF_U | PF_RSVD);
}
END_TEST

START_TEST(probe_and_rmw)
{
    u32 v = 0;
    map_4k(0x803000 | P | W | U);
    put32(PT + 16, 0x804000 | P | U);
    put32(0x803004, 0x99);
    paging(PD, CR0_WP, 0);
    ck_assert(mem_probe_write(c, 0x40003000, 4096, true));
    ck_assert_uint_eq(PTE, 0x803000 | P | W | U | A | D);
    put32(PT + 12, 0x803000 | P | W | U);
    load_cr3(PD);
    ck_assert(!mem_probe_write(c, 0x40003001, 4096, true));
    ck_assert_uint_eq(c->fault.err, PF_P | PF_U | PF_W);
    ck_assert_uint_eq(c->fault.cr2, 0x40004000);
    ck_assert_uint_eq(PTE, 0x803000 | P | W | U);
    ck_assert(!mem_rmw_slow(c, 0x40004008, &v, 4, true));
    ck_assert_uint_eq(c->fault.err, PF_P | PF_U | PF_W);
    ck_assert(mem_rmw_slow(c, M_LA, &v, 4, true) && v == 0x99);
    ck_assert_uint_eq(PTE, 0x803000 | P | W | U | A | D);
    ck_assert(mem_probe_write(c, 0x40005000, 0, true));
    /* page pointers raise nothing */
    memset(&c->fault, 0, sizeof(c->fault));
    ck_assert_ptr_null(mem_page_ptr(c, 0x40004000, true, true));
    ck_assert_ptr_null(mem_page_ptr(c, 0x40005000, false, true));
    ck_assert_uint_eq(c->fault.vec, 0);
    ck_assert_uint_eq(get32(PT + 16), 0x804000 | P | U);
    ck_assert_ptr_eq(mem_page_ptr(c, 0x40004123, false, true), ram_bytes + 0x804123);
    ck_assert_uint_eq(get32(PT + 16), 0x804000 | P | U | A);
}
END_TEST

/* ---- breakpoints ---- */

static u32 dr_hits(u32 la, unsigned size, bool write)
{
    u8 buf[16] = { 0 };
    c->pending_dr6 = c->events = 0;
    ck_assert(write ? mem_write_slow(c, la, buf, size, false)
                    : mem_read_slow(c, la, buf, size, false));
    ck_assert((c->events & EV_TRAP) == (c->pending_dr6 ? EV_TRAP : 0));
    return c->pending_dr6;
}

START_TEST(data_breakpoints)
{
    u32 v;
    ck_assert(la_write32(c, 0x5000, 1) && la_read32(c, 0x5000, &v));
    ck_assert_uint_ne(c->tlb_wr[5], 0);
    c->dr[0] = 0x5007; /* word, written: 5006-5007 */
    c->dr[1] = 0x5002; /* dword, read or written: 5000-5003 */
    c->dr[2] = 0x5010; /* execution */
    c->dr[3] = 0x5013; /* byte, read or written, not enabled */
    c->dr7 = 0x400 | 2 | 4 | 0x10 | (5u << 16) | (15u << 20) | (3u << 28);
    mmu_select(c);
    ck_assert_uint_eq(c->tlb_rd[5], 0);
    ck_assert_uint_eq(c->tlb_wr[5], 0);
    ck_assert_uint_eq(dr_hits(0x5006, 1, true), 1);
    ck_assert_uint_eq(dr_hits(0x5007, 1, true), 1);
    ck_assert_uint_eq(dr_hits(0x5006, 2, false), 0);
    ck_assert_uint_eq(dr_hits(0x5005, 1, true), 0);
    ck_assert_uint_eq(dr_hits(0x5008, 4, true), 0);
    ck_assert_uint_eq(dr_hits(0x5003, 1, false), 2);
    ck_assert_uint_eq(dr_hits(0x4ffe, 4, false), 2);
    ck_assert_uint_eq(dr_hits(0x4ffe, 2, false), 0);
    ck_assert_uint_eq(dr_hits(0x5004, 1, true), 0);
    ck_assert_uint_eq(dr_hits(0x5000, 8, true), 3);
    ck_assert_uint_eq(dr_hits(0x5010, 4, true), 0);  /* DR3 matches, but is not enabled */
    ck_assert_uint_eq(dr_hits(0x5000, 16, true), 3);
    ck_assert_uint_eq(dr_hits(0x5004, 16, true), 9); /* told beside an enabled one */
    ck_assert_uint_eq(c->tlb_rd[5], 0);
    ck_assert_ptr_null(mem_page_ptr(c, 0x5800, false, false));
    ck_assert_uint_ne(c->tlb_rd[4], 0);
    c->dr7 = 0x400;
    mmu_select(c);
    ck_assert_uint_eq(dr_hits(0x5000, 8, true), 0);
    ck_assert_uint_ne(c->tlb_wr[5], 0);
    /* also inside a large page's run of neighbours */
    put32(PD + 0x400, PS | P | W);
    paging(PD, 0, CR4_PSE);
    c->dr[0] = 0x40005000;
    c->dr7 = 0x400 | 1 | (0xfu << 16);
    mmu_select(c);
    ck_assert(rd(0x40004000, false, &v));
    ck_assert_uint_ne(c->tlb_rd[0x40006], 0);
    ck_assert_uint_eq(c->tlb_rd[0x40005], 0);
    ck_assert_uint_eq(dr_hits(0x40005000, 2, false), 1);
}
END_TEST

START_TEST(watchpoints)
{
    u32 v;
    ck_assert(la_write32(c, 0x6000, 1));
    c->watch[0].la = 0x6004;
    c->watch[0].len = 8;
    c->watch[0].kind = CPU_WATCH_WRITE;
    c->num_watch = 1;
    mmu_select(c);
    ck_assert(la_read32(c, 0x6004, &v) && la_write32(c, 0x6000, 1));
    ck_assert(!c->watch_stop && !c->events);
    ck_assert(la_write32(c, 0x6002, 1));
    ck_assert(c->watch_stop && (c->events & EV_STOP));
    ck_assert_uint_eq(c->watch_hit, 0x6004);
    ck_assert(la_write8(c, 0x600b, 1));
    ck_assert_uint_eq(c->watch_hit, 0x600b);
    c->watch_stop = false;
    c->events = 0;
    ck_assert(la_write32(c, 0x600c, 1));
    ck_assert(!c->watch_stop);
    c->num_watch = 0;
    mmu_select(c);
    ck_assert(la_write32(c, 0x6004, 1));
    ck_assert(!c->watch_stop);
    ck_assert_uint_ne(c->tlb_wr[6], 0);
}
END_TEST

START_TEST(debugger_access)
{
    u8 buf[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, back[8];
    paddr pa;
    ram.code_written = code_hook;
    memset(&code_log, 0, sizeof(code_log));
    map_4k(0x803000 | P); /* read-only, supervisor: no matter */
    paging(PD, CR0_WP, 0);
    c->cpl = 3;
    ram_set_flag(&ram, 0x803, RAM_CODE);
    ck_assert_uint_eq(cpu_debug_write(c, 0x40003ffc, buf, 8), 4);
    ck_assert_uint_eq(code_log.n, 1);
    ck_assert(!memcmp(ram_bytes + 0x803ffc, buf, 4));
    ck_assert_uint_eq(cpu_debug_read(c, 0x40003ffe, back, 8), 2);
    ck_assert(back[0] == 3 && back[1] == 4);
    ck_assert(cpu_debug_translate(c, M_LA, &pa) && pa == 0x803004);
    ck_assert(!cpu_debug_translate(c, 0x40004000, &pa));
    ck_assert_uint_eq(get32(PD + 0x400), PT | P | W | U);
    ck_assert_uint_eq(PTE, 0x803000 | P);
    ck_assert_uint_eq(c->fault.vec, 0);
    put32(PT + 12, IO_BASE | P);
    ck_assert_uint_eq(cpu_debug_read(c, M_LA, back, 4), 4);
    ck_assert_uint_eq(io_len, 0);
    ck_assert_uint_eq(cpu_debug_write(c, M_LA, back, 4), 0);
}
END_TEST

START_TEST(coherent_tables)
{
    u32 v, pt_la = 0x40008000;
    mmu_free(c);
    c->tlb_coherent = true;
    ck_assert(mmu_new(c, NULL));
    map_4k(0x803000 | P | W);
    put32(PT + 16, 0x805000 | P | W);
    put32(PT + 32, PT | P | W); /* the table itself at pt_la */
    put32(0x803004, 1);
    put32(0x804004, 2);
    paging(PD, 0, 0);
    ck_assert(la_write32(c, pt_la + 0x800, 0)); /* before anything: cached for writing */
    ck_assert(la_read32(c, M_LA, &v) && v == 1);
    ck_assert(la_read32(c, M_LA + 0x1000, &v));
    ck_assert(ram.flags[PT >> 12] & RAM_TABLES);
    ck_assert(ram.flags[PD >> 12] & RAM_TABLES);
    ck_assert_uint_eq(c->tlb_wr[pt_la >> 12], 0);
    ck_assert(la_write32(c, pt_la + 12, 0x804000 | P | W)); /* no INVLPG */
    ck_assert(la_read32(c, M_LA, &v) && v == 2);
    ck_assert_uint_ne(c->tlb_rd[(M_LA + 0x1000) >> 12], 0); /* its neighbour was left alone */
    u16 z = 0;
    dma_write(&mem, PT + 12, &z, 1); /* devices too: P is cleared */
    ck_assert(!la_read32(c, M_LA, &v));
    dma_write(&mem, PD + 0x400, &z, 1);
    ck_assert(!la_read32(c, M_LA + 0x1000, &v));
    /* nothing is made of the table any more: ordinary memory after the next write */
    dma_write(&mem, PT + 64, &z, 1);
    ck_assert(!(ram.flags[PT >> 12] & RAM_TABLES));
    /* a context that comes back is protected again */
    put32(PD + 0x400, PT | P | W);
    put32(PT + 12, 0x803000 | P | W);
    put32(0x5000 + 0x800, PT | P | W);
    put32(0x5000 + 0x400, 0x7000 | P | W);
    put32(0x7000 + 32, PT | P | W);
    ck_assert(la_read32(c, M_LA, &v) && v == 1);
    load_cr3(0x5000);
    ck_assert(la_write32(c, pt_la + 64, 0));
    load_cr3(PD);
    ck_assert(ram.flags[PT >> 12] & RAM_TABLES);
    dma_write(&mem, PT + 12, &z, 1);
    ck_assert(!la_read32(c, M_LA, &v));
}
END_TEST

/* ---- bounds ---- */

START_TEST(many_pages_stay_within_bounds)
{
    u32 v;
    /* 12 MB of 4 KB pages thrice, and one page in each 2 MB of the address space */
    for (u32 i = 0; i < 1024; i++) {
        put32(PD + 4 * i, 0x100000 + (i % 8) * 0x1000 + (P | W | U));
        for (u32 k = 0; i < 8 && k < 1024; k++)
            put32(0x100000 + i * 0x1000 + k * 4, (0x200000 + (i * 1024 + k) % 0xc00 * 4096) | P | W | U);
    }
    paging(PD, CR0_WP, 0);
    for (u32 pass = 0; pass < 3; pass++)
        for (u32 page = 0; page < 12 * 1024; page++) {
            ck_assert(wr(page << 12, page & 1, page + pass));
            ck_assert(c->mmu->cur->num_leaves <= MAX_LEAVES);
        }
    for (u32 n = 0; n < 3; n++) {
        u32 pd = 0xf00000 + n * 0x1000;
        memcpy(ram_bytes + pd, ram_bytes + PD, 4096);
        load_cr3(pd);
        for (u32 la = 0; la < 0xffe00000; la += 0x200000) {
            struct verdict j = judge(la, ACC_WRITE, true);
            ck_assert(wr(la, true, la) && get32((u32)j.pa) == la);
            ck_assert(rd(la, false, &v) && v == la);
            ck_assert(c->mmu->num_slices <= MAX_SLICES);
        }
    }
    unsigned sum = 0;
    for (unsigned i = 0; i < NUM_CTX; i++)
        if (c->mmu->ctx[i])
            sum += c->mmu->ctx[i]->num_slices;
    ck_assert_uint_eq(sum, c->mmu->num_slices);
}
END_TEST

START_TEST(info_text)
{
    struct strbuf sb = { 0 };
    cpu_info_mem(c, &sb);
    ck_assert_str_eq(sb_text(&sb), "paging is off\n");
    sb_free(&sb);
    map_4k(0x803000 | P | U);
    put32(PT + 16, 0x100000 | P | U | A);
    put32(PT + 24, 0x200000 | P | W | D);
    put32(PD + 0x404, 0x400000 | PS | P | W | G);
    put32(PD + 0xffc, 0x400000 | PS | P);
    paging(PD, 0, CR4_PSE);
    memset(&sb, 0, sizeof(sb));
    cpu_info_mem(c, &sb);
    ck_assert_str_eq(sb_text(&sb), "40003000-40005000 00002000 ur-x\n"
                                   "40006000-40007000 00001000 -rwx\n"
                                   "40400000-40800000 00400000 -rwx\n"
                                   "ffc00000-100000000 00400000 -r-x\n");
    sb_free(&sb);
    memset(&sb, 0, sizeof(sb));
    cpu_info_tlb(c, &sb);
    ck_assert_str_eq(sb_text(&sb), "40003000: 000803000 -------U-\n"
                                   "40004000: 000100000 ----A--U-\n"
                                   "40006000: 000200000 ---D----W\n"
                                   "40400000: 000400000 -GP-----W\n"
                                   "ffc00000: 000400000 --P------\n");
    sb_free(&sb);
    ck_assert_uint_eq(get32(PD + 0x400), PT | P | W | U);
}
END_TEST

/* ---- a long random run: edits with their flushes, everything compared ---- */

static u32 seed;
static u32 rnd(u32 n)
{
    seed = seed * 1664525 + 1013904223;
    return (u32)((u64)(seed >> 4) * n >> 28);
}

/* Four directories at 10000h.., eight tables at 20000h..; pages from 8 MB on. */
static u64 random_entry(bool pde, bool pae)
{
    u64 e = 0;
    e |= rnd(8) ? P : 0;
    e |= rnd(4) ? W : 0;
    e |= rnd(4) ? U : 0;
    e |= rnd(2) ? A : 0;
    e |= rnd(2) ? D : 0;
    e |= rnd(3) ? 0 : G;
    if (pae)
        e |= rnd(6) ? 0 : PTE_NX;
    if (pde && !rnd(4))
        return e | PS | 0x800000 | rnd(2) * 0x400000 | (rnd(20) ? 0 : 0x20000);
    if (pde)
        return e | (0x20000 + rnd(8) * 0x1000);
    return e | (0x800000 + rnd(2048) * 0x1000) | (pae && !rnd(30) ? BIT64(40) : 0);
}

static void set_entry_at(u32 at, u64 e)
{
    memcpy(ram_bytes + at, &e, c->cr4 & CR4_PAE ? 8 : 4);
}

START_TEST(random_run)
{
    bool pae = _i & 1;
    unsigned size = pae ? 8 : 4, per = 4096 / size, faults = 0, hits = 0;

    seed = 12345 + (u32)_i;
    c->efer = _i & 2 ? EFER_NXE : 0;
    c->cr4 = pae ? CR4_PAE : CR4_PSE;
    for (u32 d = 0; d < 4; d++) {
        put64(0x800 + d * 32, (0x10000 + d * 0x1000) | P); /* PDPT d: one directory for all */
        put64(0x808 + d * 32, (0x10000 + d * 0x1000) | P);
        for (u32 k = 0; k < 4; k++)
            set_entry_at(0x10000 + d * 0x1000 + k * size, random_entry(true, pae));
    }
    for (u32 t = 0; t < 8; t++)
        for (u32 k = 0; k < per; k++)
            set_entry_at(0x20000 + t * 0x1000 + k * size, random_entry(false, pae));
    paging(pae ? 0x800 : 0x10000, CR0_WP, c->cr4);

    for (unsigned step = 0; step < 300000; step++) {
        u32 la = rnd(4) * (pae ? 0x200000 : 0x400000) + rnd(24) * 0x1000 + rnd(1023) * 4;
        u32 what = rnd(64);
        struct verdict v = judge(la, ACC_READ, false);
        if (what == 0) {
            u32 d = rnd(4);
            load_cr3(pae ? 0x800 + d * 32 : 0x10000 + d * 0x1000);
        } else if (what == 1) {
            c->cr0 ^= CR0_WP;
            mmu_switch(c, false);
        } else if (what == 2 && v.n) { /* a directory entry; other addresses may use the table */
            set_entry_at(v.at[0], random_entry(true, pae));
            load_cr3(c->cr3);
        } else if (what < 6 && v.n == 2) {
            /* the same table may be mapped more than once, so that INVLPG is not enough for all */
            set_entry_at(v.at[1], random_entry(false, pae));
            mmu_invlpg(c, la);
            bool ok = agrees(la, rnd(3), rnd(2));
            ck_assert_msg(ok, "step %u after INVLPG, la %x", step, la);
            mmu_switch(c, true);
        } else if (what == 6) {
            u32 frame = 0x800 + rnd(2048);
            if (ram.flags[frame] & RAM_CODE)
                ram_clear_flag(&ram, frame, RAM_CODE);
            else
                ram_set_flag(&ram, frame, RAM_CODE);
        } else {
            enum mmu_access acc = rnd(3);
            bool user = rnd(2);
            c->cpl = user ? 3 : 0;
            mmu_select(c);
            /* what is cached must be permitted, and right */
            u64 e = (acc == ACC_WRITE ? c->tlb_wr : c->tlb_rd)[la >> 12];
            if (e && acc != ACC_EXEC) {
                v = judge(la, acc, user);
                hits++;
                ck_assert_msg(v.ok && (u8 *)(uintptr_t)(e + la) == ram_bytes + v.pa,
                              "step %u: stale entry for %x", step, la);
                ck_assert(entry(v.at[v.n - 1]) == v.after[v.n - 1]);
                if (acc == ACC_WRITE)
                    ck_assert(!(ram.flags[v.pa >> 12] & RAM_CODE));
            }
            ck_assert_msg(agrees(la, acc, user), "step %u: %s user=%u la %x err %x", step,
                          acc_name[acc], user, la, c->fault.err);
            faults += c->fault.vec == EXC_PF;
        }
    }
    ck_assert_uint_gt(faults, 10000);
    ck_assert_uint_gt(hits, 10000);
}
END_TEST

Suite *suite_mmu(void)
{
    Suite *s = suite_create("mmu");
    TCase *tc = tcase_create("walk");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, matrix_32);
    tcase_add_test(tc, matrix_pae);
    tcase_add_test(tc, pdptes_are_checked_at_load);
    tcase_add_test(tc, pdptes_are_registers);
    tcase_add_test(tc, pse36);
    tcase_add_test(tc, tables_outside_ram);
    tcase_add_test(tc, info_text);
    suite_add_tcase(s, tc);

    tc = tcase_create("caching");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, absent_to_present_needs_no_invlpg);
    tcase_add_test(tc, less_rights_after_invlpg);
    tcase_add_test(tc, first_write_sets_d);
    tcase_add_test(tc, global_pages);
    tcase_add_test(tc, self_map);
    tcase_add_test(tc, contexts_are_kept_and_compared);
    tcase_add_test(tc, more_spaces_than_are_kept);
    tcase_add_test(tc, mode_bits_select);
    tcase_add_test(tc, invlpg_of_a_large_page);
    tcase_add_test(tc, large_page_with_holes);
    tcase_add_test(tc, code_pages_are_slow_for_writes);
    tcase_add_test(tc, table_updates_are_seen_as_writes);
    tcase_add_test(tc, dirty_log);
    tcase_add_test(tc, rom_and_pam);
    tcase_add_test(tc, coherent_tables);
    tcase_add_test(tc, many_pages_stay_within_bounds);
    tcase_add_loop_test(tc, random_run, 0, 4);
    suite_add_tcase(s, tc);

    tc = tcase_create("access");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, crossing_into_a_fault_changes_nothing);
    tcase_add_test(tc, crossing_pages);
    tcase_add_test(tc, mmio_is_split_ascending);
    tcase_add_test(tc, a20_masks_bit_20);
    tcase_add_test(tc, alignment_check);
    tcase_add_test(tc, fetch);
    tcase_add_test(tc, probe_and_rmw);
    tcase_add_test(tc, data_breakpoints);
    tcase_add_test(tc, watchpoints);
    tcase_add_test(tc, debugger_access);
    suite_add_tcase(s, tc);
    return s;
}
