/* SPDX-License-Identifier: MIT */
/* Data accesses behind the inline paths: page crossings, MMIO, alignment, breakpoints, debugger. */
#include "tests/unit/mmu_rig.h"

Suite *suite_mmu_access(void);

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

Suite *suite_mmu_access(void)
{
    Suite *s = suite_create("mmu_access");
    TCase *tc;

    tc = tcase_create("access");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, crossing_into_a_fault_changes_nothing);
    tcase_add_test(tc, crossing_pages);
    tcase_add_test(tc, mmio_is_split_ascending);
    tcase_add_test(tc, a20_masks_bit_20);
    tcase_add_test(tc, alignment_check);
    tcase_add_test(tc, fetch);
    tcase_add_test(tc, probe_and_rmw);
    suite_add_tcase(s, tc);
    tc = tcase_create("breakpoints");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, data_breakpoints);
    tcase_add_test(tc, watchpoints);
    tcase_add_test(tc, debugger_access);
    suite_add_tcase(s, tc);
    return s;
}
