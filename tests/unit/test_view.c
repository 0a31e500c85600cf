/* SPDX-License-Identifier: MIT */
/* Views are never ahead of the tables: after anything that may happen, what is readable in a
 * view has an entry that names the same memory, and what is writable has one for writing. Seen
 * through the host's eyes: system calls that would fail on an address tell whether it can be
 * read or written. */
#include "tests/unit/mmu_rig.h"

#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "core/vmem.h"
#include "cpu/view.h"
#include "host/os.h"

Suite *suite_view(void);

enum {
    DIRS = 3,              /* page directories at PD, PD + 4000h, ... */
    FIRST_FRAME = 0x800, FRAMES = 24,
    SMALL = 0x40000000,    /* SMALL_PAGES pages of 4 KB */
    SMALL_PAGES = 12,
    LARGE = 0x80000000,    /* one page of 4 MB, of which LARGE_PAGES are looked at */
    LARGE_PAGES = 8,
    NUM_PAGES = SMALL_PAGES + LARGE_PAGES,
};

static int ends[2];
static u32 seed, seen[2];

static u32 rnd(u32 n)
{
    seed = seed * 1664525 + 1013904223;
    return (u32)((u64)(seed >> 8) * n >> 24);
}

static u32 dir_at(unsigned n) { return PD + n * 0x4000; }
static u32 page_la(unsigned n)
{
    return n < SMALL_PAGES ? SMALL + n * PAGE_SIZE : LARGE + (n - SMALL_PAGES) * PAGE_SIZE;
}

static bool can_read(const u8 *p, u8 *byte)
{
    if (write(ends[1], p, 1) != 1)
        return false;
    ck_assert_int_eq(read(ends[0], byte, 1), 1);
    return true;
}
static bool can_write(u8 *p)
{
    u8 was, other;

    ck_assert(can_read(p, &was));
    ck_assert_int_eq(write(ends[1], &was, 1), 1);
    if (read(ends[0], p, 1) == 1)
        return true;
    ck_assert_int_eq(read(ends[0], &other, 1), 1);
    return false;
}

static void in_step(void)
{
    for (unsigned i = 0; i < NUM_CTX; i++)
        for (unsigned cls = 0; c->mmu->ctx[i] && cls < 2; cls++) {
            const struct ctx *x = c->mmu->ctx[i];
            const struct view *v = x->view[cls];
            for (unsigned n = 0; v && n < NUM_PAGES; n++) {
                u32 page = page_la(n) >> 12;
                u8 *p = v->base + ((u64)page << 12) + 0x10, byte;
                bool r = can_read(p, &byte), w = r && can_write(p);
                u64 e = x->tab[cls][0][page];
                ck_assert_int_eq(r, v->shown[0][page / 64] >> (page % 64) & 1);
                ck_assert_int_eq(w, v->shown[1][page / 64] >> (page % 64) & 1);
                ck_assert(!w || x->tab[cls][1][page]);
                ck_assert(!r || e);
                if (r) /* each frame has its own number there */
                    ck_assert_uint_eq(byte, ld32((u8 *)(uintptr_t)(e + ((u64)page << 12)) + 0x10));
                seen[0] += r;
                seen[1] += w;
            }
        }
}

static void small_page(unsigned dir, unsigned n, u32 bits)
{
    put32(dir_at(dir) + 0x1000 + n * 4, (FIRST_FRAME + rnd(FRAMES)) << 12 | bits);
}

static void tables(void)
{
    for (unsigned d = 0; d < DIRS; d++) {
        put32(dir_at(d) + (SMALL >> 22) * 4, (dir_at(d) + 0x1000) | P | W | U);
        put32(dir_at(d) + (LARGE >> 22) * 4, (FIRST_FRAME << 12) | P | W | U | PS);
        for (unsigned n = 0; n < SMALL_PAGES; n++)
            small_page(d, n, P | W | U);
    }
    for (u32 f = 0; f < 1024; f++)
        if (FIRST_FRAME + f < ROM_AT >> 12)
            ram_bytes[(FIRST_FRAME + f) * 4096 + 0x10] = (u8)f;
}

static void set_up_views(void)
{
    struct ram_object obj;
    struct err e = { 0 };
    struct view_policy policy = { .on_heat = 2, .max_pieces = 100 };

    ck_assert(os_ram_new(&obj, RAM_BYTES, &e));
    set_up_on(obj);
    ck_assert_int_eq(pipe(ends), 0);
    seen[0] = seen[1] = 0;
    ck_assert_msg(view_new(c, &policy, &e), "%s", e.msg);
    tables();
    paging(dir_at(0), CR0_WP, CR4_PSE);
}

static void something(void)
{
    static const u32 bits[] = { P | W | U, P | W | U | D, P | W, P | U, P, 0, P | W | D | A };
    unsigned n = rnd(NUM_PAGES);
    u32 la = page_la(n) | (rnd(16) ? 0x20 + 4 * rnd(64) : 0xffe), v = rnd(1000);
    u32 frame = FIRST_FRAME + rnd(FRAMES);
    bool user = rnd(2);

    switch (rnd(22)) {
    case 0: case 1: case 2: case 3:
        rd(la, user, &v);
        break;
    case 4: case 5: case 6: case 7:
        wr(la, user, v);
        break;
    case 8:
    case 9:
        if (n < SMALL_PAGES)
            small_page(rnd(DIRS), n, bits[rnd(ARRAY_LEN(bits))]);
        mmu_invlpg(c, la);
        break;
    case 10: /* takes effect at the next flush point */
        small_page(rnd(DIRS), n % SMALL_PAGES, bits[rnd(ARRAY_LEN(bits))]);
        break;
    case 11:
        put32(dir_at(rnd(DIRS)) + (LARGE >> 22) * 4, FIRST_FRAME << 12 | PS |
              bits[rnd(ARRAY_LEN(bits))]);
        break;
    case 12:
    case 13:
        load_cr3(dir_at(rnd(DIRS)));
        break;
    case 14:
        ram_set_flag(&ram, frame, rnd(2) ? RAM_CODE : RAM_CLEAN);
        break;
    case 15:
        ram_clear_flag(&ram, frame, RAM_CODE | RAM_CLEAN);
        break;
    case 16:
    case 17:
        c->cpl = user ? 3 : 0;
        mmu_select(c);
        view_missed(c, la, rnd(2));
        break;
    case 18:
        c->cpl = user ? 3 : 0;
        mmu_select(c);
        view_heat(c);
        break;
    case 19:
        c->num_watch = rnd(2);
        c->watch[0].la = la;
        c->watch[0].len = 4;
        c->watch[0].kind = CPU_WATCH_WRITE;
        mmu_select(c);
        break;
    case 20:
        if (!rnd(20))
            mmu_flush_all(c);
        break;
    case 21:
        if (!rnd(5))
            paging(dir_at(rnd(DIRS)), rnd(2) ? CR0_WP : 0, CR4_PSE | (rnd(2) ? CR4_PGE : 0));
        break;
    }
    c->events = 0;
    c->watch_stop = false;
}

START_TEST(never_ahead_of_the_tables)
{
    set_up_views();
    seed = (u32)_i + 1;
    for (unsigned n = 0; n < 1500; n++) {
        something();
        in_step();
    }
    ck_assert_uint_gt(seen[0], 1000);
    ck_assert_uint_gt(seen[1], 100);
    tear_down();
}
END_TEST

static void be_on(unsigned cpl)
{
    c->cpl = (u8)cpl;
    mmu_select(c);
    view_heat(c);
    view_heat(c);
    ck_assert(c->fast.view_on);
}

START_TEST(code_pages_become_read_only)
{
    u8 byte;
    set_up_views();
    put32(dir_at(0) + 0x1000, FIRST_FRAME << 12 | P | W | U);
    ck_assert(wr(SMALL, true, 5));
    be_on(3);
    u8 *p = c->fast.view + SMALL;
    ck_assert(can_write(p));
    ram_set_flag(&ram, FIRST_FRAME, RAM_CODE);
    ck_assert(can_read(p, &byte));
    ck_assert(!can_write(p));
    ck_assert(!view_missed(c, SMALL, true)); /* no entry, nothing to show */
    ram_clear_flag(&ram, FIRST_FRAME, RAM_CODE);
    ck_assert(!can_write(p));
    ck_assert(wr(SMALL, true, 6));
    ck_assert(view_missed(c, SMALL, true));
    ck_assert(can_write(p));
    ck_assert_uint_eq(*p, 6);
    tear_down();
}
END_TEST

START_TEST(each_class_and_context_has_its_own)
{
    u8 byte;
    set_up_views();
    ck_assert(wr(SMALL, true, 1));
    be_on(3);
    u8 *user = c->fast.view;
    ck_assert(can_read(user + SMALL, &byte));
    c->cpl = 0;
    mmu_select(c);
    ck_assert(c->fast.view != user && !c->fast.view_on);
    ck_assert(!can_read(c->fast.view + SMALL, &byte));
    load_cr3(dir_at(1));
    c->cpl = 3;
    mmu_select(c);
    ck_assert(c->fast.view != user && !c->fast.view_on);
    ck_assert(!can_read(c->fast.view + SMALL, &byte));
    load_cr3(dir_at(0)); /* kept */
    ck_assert(c->fast.view == user && c->fast.view_on);
    ck_assert(can_read(user + SMALL, &byte));
    ck_assert(!can_read(user - 1, &byte));
    ck_assert(!can_read(user + VIEW_BYTES, &byte));
    ck_assert(!can_read(user + VIEW_BYTES + 0x7fffffff, &byte));
    tear_down();
}
END_TEST

/* A large page is shown as a whole, but for code in it. */
START_TEST(large_pages)
{
    u8 byte;
    set_up_views();
    ram_set_flag(&ram, FIRST_FRAME + 3, RAM_CODE);
    ck_assert(wr(LARGE, true, 1));
    be_on(3);
    for (u32 n = 0; n < 1024; n++) {
        u8 *p = c->fast.view + LARGE + n * 4096;
        ck_assert(can_read(p, &byte));
        ck_assert_int_eq(can_write(p), n != 3);
    }
    put32(dir_at(0) + (LARGE >> 22) * 4, 0);
    mmu_invlpg(c, LARGE + 0x7000);
    for (u32 n = 0; n < 1024; n++)
        ck_assert(!can_read(c->fast.view + LARGE + n * 4096, &byte));
    tear_down();
}
END_TEST

START_TEST(not_for_anonymous_memory)
{
    struct view_policy policy = { .on_heat = 1, .max_pieces = 100 };
    struct err e = { 0 };
    set_up();
    ck_assert(!view_new(c, &policy, &e));
    ck_assert_str_eq(e.msg, "the guest's memory cannot be mapped twice");
    view_free(c);
    tear_down();
}
END_TEST

/* ---- faults */

static u64 last_pc, last_addr;
static u64 resume_behind(void *ctx, u64 pc, u64 addr)
{
    last_pc = pc;
    last_addr = addr;
    return *(bool *)ctx ? pc + 2 : 0;
}

static struct vmem_code code;
static bool resume;
static struct vmem_trap trap;
static u8 *window;

static void set_up_trap(void)
{
    /* mov al,[rdi]; ret */
    static const u8 bytes[] = { 0x8a, 0x07, 0xc3 };

    window = vmem_window_new(VIEW_BYTES);
    ck_assert(window && vmem_code_new(&code, 4096));
    memcpy(code.write, bytes, sizeof bytes);
    trap = (struct vmem_trap){ (u64)(uintptr_t)code.exec, (u64)(uintptr_t)code.exec + 4096,
                               resume_behind, &resume };
    ck_assert(vmem_trap_add(&trap));
}

static void look(u8 *p) { ((void (*)(u8 *))(uintptr_t)code.exec)(p); }

START_TEST(a_fault_goes_on_elsewhere)
{
    set_up_trap();
    u8 *second = vmem_window_new(VIEW_BYTES);
    ck_assert(second && second != window);
    ck_assert_uint_eq((uintptr_t)window & 0xffffffff, 0);
    resume = true;
    look(window + 0x12345);
    ck_assert_uint_eq(last_pc, trap.from);
    ck_assert_uint_eq(last_addr, (uintptr_t)window + 0x12345);
    vmem_window_free(second, VIEW_BYTES);
    vmem_trap_remove(&trap);
    vmem_window_free(window, VIEW_BYTES);
    vmem_code_free(&code);
}
END_TEST

static void passed(int sig)
{
    (void)sig;
    _exit(7);
}

/* What is not ours goes to who was there before. */
START_TEST(other_faults_pass)
{
    signal(SIGSEGV, passed);
    set_up_trap();
    resume = false;
    look(window);
}
END_TEST
START_TEST(faults_of_others_pass)
{
    signal(SIGSEGV, passed);
    set_up_trap();
    resume = true;
    (void)*(volatile u8 *)window;
}
END_TEST
START_TEST(without_a_handler_they_kill)
{
    set_up_trap();
    resume = true;
    (void)*(volatile u8 *)window;
}
END_TEST
START_TEST(removed_means_removed)
{
    set_up_trap();
    resume = true;
    vmem_trap_remove(&trap);
    look(window);
}
END_TEST

Suite *suite_view(void)
{
    Suite *s = suite_create("view");
    TCase *t = tcase_create("views");
    u8 *window_here = vmem_window_new(VIEW_BYTES);
    tcase_add_test(t, not_for_anonymous_memory);
    suite_add_tcase(s, t);
    if (!window_here) { /* under a sanitizer, or on another host */
        fprintf(stderr, "not run: views\n");
        return s;
    }
    vmem_window_free(window_here, VIEW_BYTES);
    tcase_set_timeout(t, 60);
    tcase_add_loop_test(t, never_ahead_of_the_tables, 0, 8);
    tcase_add_test(t, code_pages_become_read_only);
    tcase_add_test(t, each_class_and_context_has_its_own);
    tcase_add_test(t, large_pages);
    t = tcase_create("faults");
    tcase_add_test(t, a_fault_goes_on_elsewhere);
    tcase_add_exit_test(t, other_faults_pass, 7);
    tcase_add_exit_test(t, faults_of_others_pass, 7);
    tcase_add_test_raise_signal(t, without_a_handler_they_kill, SIGSEGV);
    tcase_add_test_raise_signal(t, removed_means_removed, SIGSEGV);
    suite_add_tcase(s, t);
    return s;
}
