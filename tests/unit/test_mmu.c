/* SPDX-License-Identifier: MIT */
/* The page walker against the oracle: every combination of entry bits, modes and kinds of access,
 * and a long random run of edits with their flushes. */
#include "tests/unit/mmu_rig.h"

Suite *suite_mmu(void);

/* ---- every combination of bits ---- */

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
    TCase *tc;

    tc = tcase_create("walk");
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
    tc = tcase_create("random");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 300);
    tcase_add_loop_test(tc, random_run, 0, 4);
    suite_add_tcase(s, tc);
    return s;
}
