/* SPDX-License-Identifier: MIT */
/* What the MMU keeps: stale entries, kept contexts, INVLPG, and the pages that must stay slow. */
#include "tests/unit/mmu_rig.h"

Suite *suite_mmu_cache(void);

/* ---- stale entries ---- */

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

START_TEST(many_pages_stay_within_bounds)
{
    u32 v;
    /* 12 MB of 4 KB pages thrice, and one page in each 2 MB of the address space */
    for (u32 i = 0; i < 1024; i++) {
        put32(PD + 4 * i, 0x100000 + (i % 8) * 0x1000 + (P | W | U));
        for (u32 k = 0; i < 8 && k < 1024; k++)
            put32(0x100000 + i * 0x1000 + k * 4,
                  (0x200000 + (i * 1024 + k) % 0xc00 * 4096) | P | W | U);
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

Suite *suite_mmu_cache(void)
{
    Suite *s = suite_create("mmu_cache");
    TCase *tc;

    tc = tcase_create("entries");
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
    suite_add_tcase(s, tc);
    tc = tcase_create("writes");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 300);
    tcase_add_test(tc, code_pages_are_slow_for_writes);
    tcase_add_test(tc, table_updates_are_seen_as_writes);
    tcase_add_test(tc, dirty_log);
    tcase_add_test(tc, rom_and_pam);
    tcase_add_test(tc, coherent_tables);
    tcase_add_test(tc, many_pages_stay_within_bounds);
    suite_add_tcase(s, tc);
    return s;
}
