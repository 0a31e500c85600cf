/* SPDX-License-Identifier: MIT */
/* X5: paging. Accessed and Dirty bits, what must be seen without INVLPG and what with it, the error
 * code of each combination of rights, 4 MB pages and PSE-36, global pages, page tables that map
 * themselves, PAE with 2 MB pages and NX (SDM 3A 4; XP contract 2.4). */
#include "kernel.h"

#define LA TEST_LA
static u32 *frame_a, *frame_b;

static u32 rd(u32 la) { return *(volatile u32 *)la; }
static void wr(u32 la, u32 v) { *(volatile u32 *)la = v; }

/* ---- A and D */
static void accessed_dirty(void)
{
    u32 *p = pte(LA), *pd = &page_dir[LA >> 22];

    map(LA, (u32)frame_a, PTE_P | PTE_W | PTE_U);
    *pd &= ~(u32)(PTE_A | PTE_D);
    set_cr3(get_cr3());
    rd(LA);
    check_eq(*p & (PTE_A | PTE_D), PTE_A, "read_sets_a");
    check_eq(*pd & PTE_A, PTE_A, "read_sets_a_of_pde");
    wr(LA, 1);
    check_eq(*p & (PTE_A | PTE_D), PTE_A | PTE_D, "write_after_read_sets_d");
    *p &= ~(u32)(PTE_A | PTE_D);
    invlpg(LA);
    wr(LA, 1);
    check_eq(*p & (PTE_A | PTE_D), PTE_A | PTE_D, "write_sets_a_and_d");
    *p &= ~(u32)PTE_D;
    invlpg(LA);
    rd(LA);
    check_eq(*p & PTE_D, 0, "read_leaves_d");
    u32 v;
    __asm__ volatile("lock; addl $0, (%1)\n movl $0, %0" : "=r"(v) : "r"(LA) : "memory");
    check_eq(*p & PTE_D, PTE_D, "locked_add_sets_d");

    /* instruction fetch */
    map(LA, (u32)frame_a, PTE_P | PTE_W | PTE_U);
    *(u8 *)frame_a = 0xc3;
    ((void (*)(void))LA)();
    check_eq(*p & (PTE_A | PTE_D), PTE_A, "fetch_sets_a");

    /* an access that faults sets nothing */
    map(LA, (u32)frame_a, PTE_P);
    *pd &= ~(u32)PTE_A;
    set_cr3(get_cr3());
    check(CATCH(wr(LA, 1)) && trap.vec == EXC_PF, "write_read_only", "vector %u", trap.vec);
    check_eq(*p & (PTE_A | PTE_D), 0, "fault_leaves_a_of_pte");
    check_eq(*pd & PTE_A, 0, "fault_leaves_a_of_pde");

    /* two pages, the second absent: the first is not marked dirty by a write that does not happen */
    map(LA, (u32)frame_a, PTE_P | PTE_W | PTE_U);
    map(LA + 4096, 0, 0);
    frame_a[1023] = 0x12345678;
    check(CATCH(wr(LA + 4094, 0xffffffff)) && trap_cr2 == LA + 4096, "write_across", "cr2 %x", trap_cr2);
    check_eq(frame_a[1023], 0x12345678, "write_across_wrote_nothing");
    check(CATCH(rd(LA + 4094)) && trap_cr2 == LA + 4096 && trap.err == 0, "read_across", "cr2 %x",
          trap_cr2);
}

/* ---- changes of entries */
static void changes(void)
{
    map(LA, 0, 0);
    check(CATCH(rd(LA)) && trap.err == 0, "absent", "error %x", trap.err);
    *pte(LA) = (u32)frame_a | PTE_P | PTE_W;
    frame_a[0] = 0xaaaa;
    check(!CATCH(rd(LA)) && rd(LA) == 0xaaaa, "present_without_invlpg", "vector %u", trap.vec);
    frame_b[0] = 0xbbbb;
    *pte(LA) = (u32)frame_b | PTE_P | PTE_W;
    invlpg(LA);
    check_eq(rd(LA), 0xbbbb, "other_frame_with_invlpg");
    *pte(LA) = (u32)frame_a | PTE_P;
    set_cr3(get_cr3());
    check_eq(rd(LA), 0xaaaa, "other_frame_with_cr3");
    check(CATCH(wr(LA, 1)) && trap.err == 3, "read_only_with_cr3", "error %x", trap.err);
    *pte(LA) = (u32)frame_a | PTE_P | PTE_W;
    check(!CATCH(wr(LA, 0xaaaa)), "writable_without_invlpg_after_fault", "error %x", trap.err);
    *pte(LA) = (u32)frame_a | PTE_P;
    invlpg(LA);
    check(CATCH(wr(LA, 1)) && trap.err == 3, "read_only_with_invlpg", "error %x", trap.err);
    /* INVLPG takes any address of the page, and faults at none */
    *pte(LA) = (u32)frame_b | PTE_P;
    invlpg(LA + 4095);
    check_eq(rd(LA), 0xbbbb, "invlpg_of_last_byte");
    check(!CATCH(invlpg(0x80000000u)), "invlpg_of_nothing", "vector %u", trap.vec);

    /* tables that map themselves: the entry is changed through the mapping */
    u32 *table = (u32 *)((u32)pte(LA) & ~4095u);
    map(LA + 0x5000, (u32)table, PTE_P | PTE_W);
    ((volatile u32 *)(LA + 0x5000))[6] = (u32)frame_a | PTE_P | PTE_W;
    check_eq(rd(LA + 0x6000), 0xaaaa, "self_map_makes_page");
    ((volatile u32 *)(LA + 0x5000))[6] = (u32)frame_b | PTE_P | PTE_W;
    invlpg(LA + 0x6000);
    check_eq(rd(LA + 0x6000), 0xbbbb, "self_map_changes_page");
    /* A and D are seen through the mapping at once */
    wr(LA + 0x6000, 0xbbbb);
    check_eq(((volatile u32 *)(LA + 0x5000))[6] & (PTE_A | PTE_D), PTE_A | PTE_D, "self_map_shows_d");
    /* copy on write: MOVS from and to the page whose entry it changes */
    ((volatile u32 *)(LA + 0x5000))[7] = 0;
    invlpg(LA + 0x7000);
    check(CATCH(rd(LA + 0x7000)), "self_map_takes_page", "");

    /* a page directory entry comes and goes */
    u32 pde = page_dir[LA >> 22];
    page_dir[LA >> 22] = 0;
    set_cr3(get_cr3());
    check(CATCH(rd(LA)) && trap.err == 0, "pde_gone", "error %x", trap.err);
    page_dir[LA >> 22] = pde;
    check(!CATCH(rd(LA)), "pde_back_without_invlpg", "error %x", trap.err);
}

/* ---- rights: five kinds of PDE and of PTE, three kinds of access rights, read and write */
extern u8 user_read[], user_write[];
__asm__(".balign 4096\n user_read: movl (%esi), %eax\n int $0x80\n user_write: movl %eax, (%esi)\n int $0x80\n");

static void rights(void)
{
    static const u32 kinds[] = { 0, PTE_P, PTE_P | PTE_W, PTE_P | PTE_U, PTE_P | PTE_W | PTE_U };
    u32 pde = page_dir[LA >> 22] & ~4095u, bad = 0, n = 0;

    for (unsigned who = 0; who < 3; who++) { /* supervisor with WP clear, with WP set; user */
        set_cr0(who == 0 ? get_cr0() & ~(u32)CR0_WP : get_cr0() | CR0_WP);
        for (unsigned d = 0; d < 5; d++) {
            for (unsigned t = 0; t < 5; t++) {
                for (unsigned write = 0; write < 2; write++) {
                    u32 both = kinds[d] & kinds[t];
                    bool ok = both & PTE_P;
                    u32 err = write * 2 + (who == 2) * 4, got_err;

                    if (ok) {
                        bool user_ok = both & PTE_U, write_ok = both & PTE_W;
                        err |= 1;
                        ok = who == 2 ? user_ok && (!write || write_ok)
                                      : !write || write_ok || who == 0;
                    }
                    page_dir[LA >> 22] = pde | kinds[d];
                    *pte(LA) = (u32)frame_a | kinds[t];
                    set_cr3(get_cr3());
                    bool fault;
                    if (who == 2) {
                        struct user u = user_regs(write ? (u32)user_write : (u32)user_read, 0);
                        u.esi = LA + 8;
                        run_user(&u);
                        fault = trap.vec != 0x80;
                    } else if (write) {
                        fault = CATCH(wr(LA + 8, 1));
                    } else {
                        fault = CATCH(rd(LA + 8));
                    }
                    got_err = trap.err;
                    n++;
                    if (fault == ok || (fault && (trap.vec != EXC_PF || got_err != err ||
                                                  trap_cr2 != LA + 8))) {
                        if (!bad++)
                            note("who %u pde %x pte %x write %u: fault %u vector %u error %x, want %x",
                                 who, kinds[d], kinds[t], write, fault, trap.vec, got_err, err);
                    }
                }
            }
        }
    }
    set_cr0(get_cr0() | CR0_WP);
    page_dir[LA >> 22] = pde | PTE_P | PTE_W | PTE_U;
    set_cr3(get_cr3());
    check(!bad, "rights_matrix", "%u of %u", bad, n);
}

/* ---- 4 MB pages */
#define LA4 0x50000000u
static void large(void)
{
    u32 *pd = &page_dir[LA4 >> 22];

    frame_a[0] = 0xaaaa;
    set_cr4(get_cr4() & ~(u32)CR4_PSE);
    static u32 table[1024] __attribute__((aligned(4096)));
    u32 base = (u32)frame_a & 0xffc00000u, off = (u32)frame_a & 0x3fffff;
    set_cr4(get_cr4() | CR4_PSE);
    *pd = base | PTE_PS | PTE_P | PTE_W;
    set_cr3(get_cr3());
    check_eq(rd(LA4 + off), 0xaaaa, "large_page");
    check_eq(*pd & (PTE_A | PTE_D), PTE_A, "large_read_sets_a");
    wr(LA4 + off, 0xaaab);
    check_eq(*pd & (PTE_A | PTE_D), PTE_A | PTE_D, "large_write_sets_d");
    *pd = base | PTE_PS | PTE_P;
    invlpg(LA4 + 0x3ff000); /* any address of the 4 MB */
    check(CATCH(wr(LA4 + off, 1)) && trap.err == 3, "large_read_only", "error %x", trap.err);
    /* bit 21 is reserved, bits 20:13 are address bits 39:32 */
    *pd = base | 1u << 21 | PTE_PS | PTE_P;
    set_cr3(get_cr3());
    check(CATCH(rd(LA4 + off)) && trap.err == 9, "large_reserved_bit", "vector %u error %x", trap.vec,
          trap.err);
    *pd = 0;
    set_cr3(get_cr3());
    /* small page under the same address afterwards */
    *pd = (u32)table | PTE_P | PTE_W;
    table[0] = (u32)frame_b | PTE_P | PTE_W;
    set_cr3(get_cr3());
    check_eq(rd(LA4), frame_b[0], "small_after_large");
    /* without CR4.PSE the PS bit means nothing */
    *pd |= PTE_PS;
    set_cr4(get_cr4() & ~(u32)CR4_PSE);
    set_cr3(get_cr3());
    check(!CATCH(rd(LA4)) && rd(LA4) == frame_b[0], "ps_ignored_without_pse", "vector %u", trap.vec);
    *pd = 0;
    set_cr3(get_cr3());
}

/* ---- global pages */
static void global(void)
{
    u32 r[4];

    cpuid(1, r);
    if (!(r[3] & 1 << 13)) {
        check(false, "pge", "the program needs a CPU with PGE");
        return;
    }
    frame_a[0] = 0xaaaa;
    frame_b[0] = 0xbbbb;
    set_cr4(get_cr4() | CR4_PGE);
    map(LA, (u32)frame_a, PTE_P | PTE_W | PTE_G);
    rd(LA);
    *pte(LA) = (u32)frame_b | PTE_P | PTE_W | PTE_G;
    set_cr3(get_cr3());
    note("global page after CR3 load: %s", rd(LA) == 0xaaaa ? "kept" : "walked again");
    set_cr4(get_cr4() & ~(u32)CR4_PGE);
    set_cr4(get_cr4() | CR4_PGE);
    check_eq(rd(LA), 0xbbbb, "pge_toggle_flushes_global");
    *pte(LA) = (u32)frame_a | PTE_P | PTE_W | PTE_G;
    invlpg(LA);
    check_eq(rd(LA), 0xaaaa, "invlpg_flushes_global");
    *pte(LA) = 0;
    set_cr4(get_cr4() & ~(u32)CR4_PGE);
    check(CATCH(rd(LA)), "pge_off_flushes_global", "");
}

/* ---- PAE */
static u64 pdpt[4] __attribute__((aligned(32))), pae_pd[4][512] __attribute__((aligned(4096)));
static u64 pae_pt[512] __attribute__((aligned(4096)));

static void pae(void)
{
    u32 r[4];

    cpuid(1, r);
    if (!(r[3] & 1 << 6)) {
        check(false, "pae", "the program needs a CPU with PAE");
        return;
    }
    for (unsigned k = 0; k < 4; k++)
        pdpt[k] = (u32)pae_pd[k] | 1;
    for (u32 k = 0; k < 8; k++) /* 16 MB, user-accessible, in 2 MB pages */
        pae_pd[0][k] = (u64)k << 21 | PTE_PS | PTE_U | PTE_W | PTE_P;
    pae_pd[1][0] = (u32)pae_pt | PTE_P | PTE_W | PTE_U;
    set_cr0(get_cr0() & 0x7fffffffu);
    set_cr3((u32)pdpt);
    set_cr4(get_cr4() | CR4_PAE);
    set_cr0(get_cr0() | 0x80000000u);
    frame_a[0] = 0xaaaa;
    pae_pt[0] = (u32)frame_a | PTE_P | PTE_W | PTE_U;
    check_eq(rd(LA), 0xaaaa, "pae_small");
    wr(LA, 0xaaac);
    check_eq((u32)pae_pt[0] & (PTE_A | PTE_D), PTE_A | PTE_D, "pae_a_d");
    check_eq((u32)pae_pd[0][0] & (PTE_A | PTE_D), PTE_A | PTE_D, "pae_large_a_d");
    pae_pt[0] |= 1ull << 52; /* reserved bits 62:52 */
    invlpg(LA);
    check(CATCH(rd(LA)) && trap.err == 9, "pae_reserved_bit", "vector %u error %x", trap.vec, trap.err);
    pae_pt[0] = (u32)frame_a | PTE_P | PTE_W;
    invlpg(LA);
    pae_pd[1][1] = 1ull << 13 | PTE_PS | PTE_P; /* 2 MB: bits 20:13 are reserved */
    check(CATCH(rd(LA + 0x200000)) && trap.err == 9, "pae_large_reserved_bit", "vector %u error %x",
          trap.vec, trap.err);
    /* PDPTEs are loaded with CR3: changed ones count from then on; reserved bits are #GP(0) */
    pdpt[1] = 0;
    note("PDPTE cleared in memory: %s", CATCH(rd(LA)) ? "seen at once" : "not seen before CR3 is loaded");
    set_cr3((u32)pdpt);
    check(CATCH(rd(LA)) && trap.err == 0, "pdpte_absent", "vector %u error %x", trap.vec, trap.err);
    pdpt[1] = (u32)pae_pd[1] | 1 | 1 << 1; /* R/W is reserved here */
    check(CATCH(set_cr3((u32)pdpt)) && trap.vec == EXC_GP && !trap.err, "pdpte_reserved",
          "vector %u error %x", trap.vec, trap.err);
    pdpt[1] = (u32)pae_pd[1] | 1;
    set_cr3((u32)pdpt);
    check(!CATCH(rd(LA)), "pdpte_back", "error %x", trap.err);

    /* NX */
    cpuid(0x80000001u, r);
    if (r[3] & 1 << 20) {
        ((u8 *)frame_a)[0] = 0xc3;
        pae_pt[0] = (u32)frame_a | PTE_P | PTE_W | 1ull << 63;
        invlpg(LA);
        check(CATCH(rd(LA)) && trap.err == 9, "nx_reserved_without_nxe", "vector %u error %x", trap.vec,
              trap.err);
        wrmsr(0xc0000080u, rdmsr(0xc0000080u) | 1 << 11);
        set_cr3((u32)pdpt);
        check(!CATCH(rd(LA)), "nx_page_is_readable", "error %x", trap.err);
        check(CATCH(((void (*)(void))LA)()) && trap.vec == EXC_PF && trap.err == 0x11 &&
              trap.eip == LA, "nx_fetch", "vector %u error %x eip %x", trap.vec, trap.err, trap.eip);
        map(0, 0, PTE_P | PTE_W); /* (the 32-bit table: not in use, must change nothing) */
        pae_pt[0] &= ~(1ull << 63);
        invlpg(LA);
        check(!CATCH(((void (*)(void))LA)()), "nx_gone", "vector %u", trap.vec);
        pae_pt[1] = 0;
        check(CATCH(((void (*)(void))(LA + 4096))()) && trap.err == 0x10, "absent_fetch", "error %x",
              trap.err);
        wrmsr(0xc0000080u, rdmsr(0xc0000080u) & ~(1ull << 11));
    } else {
        note("no NX");
    }
    set_cr0(get_cr0() & 0x7fffffffu);
    set_cr4(get_cr4() & ~(u32)CR4_PAE);
    set_cr3((u32)page_dir);
    set_cr0(get_cr0() | 0x80000000u);
    map(LA, (u32)frame_b, PTE_P);
    frame_b[0] = 0xbbbb;
    check_eq(rd(LA), 0xbbbb, "back_from_pae");
}

void test_main(void)
{
    frame_a = alloc_page();
    frame_b = alloc_page();
    paging_on();
    set_cr4(get_cr4() | CR4_PSE);
    accessed_dirty();
    changes();
    rights();
    large();
    global();
    pae();
}
