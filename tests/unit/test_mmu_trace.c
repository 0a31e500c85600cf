/* SPDX-License-Identifier: MIT */
/* Lines of -d mmu (docs/traces.md): walks, faults, Accessed and Dirty, flushes, the filter. */
#include <stdio.h>

#include "cpu/trace.h"
#include "tests/unit/mmu_rig.h"

Suite *suite_mmu_trace(void);

static struct log the_log;
static char lines[16][160];
static unsigned num_lines;

static void sink(void *to, enum log_class cls, const char *line)
{
    (void)to;
    if (cls == LOG_MMU && num_lines < ARRAY_LEN(lines))
        snprintf(lines[num_lines++], sizeof lines[0], "%s", line);
}

static void set_up_trace(void)
{
    set_up();
    log_init(&the_log);
    the_log.sink = sink;
    the_log.mask = BIT(LOG_MMU);
    c->log = &the_log;
    c->retired = 7;
    put32(PD + 4 * 1, PT | P | W | U);
    put32(PT + 4 * 2, 0x5000 | P | U);
    put32(PT + 4 * 3, 0x6000 | P | W | U);
    paging(PD, CR0_WP, 0);
    num_lines = 0;
}

static void tear_down_trace(void)
{
    trace_free(c);
    tear_down();
    log_free(&the_log);
}

static void expect(unsigned n, const char *line)
{
    ck_assert_msg(n < num_lines, "only %u lines", num_lines);
    ck_assert_str_eq(lines[n], line);
}

START_TEST(a_walk_and_the_bits_it_sets)
{
    u32 v;

    ck_assert(rd(0x402004, true, &v));
    ck_assert_uint_eq(num_lines, 3);
    expect(0, "mmu 7 walk la=00402004 acc=r user=1 pde=00002007 pte=00005005 pa=000005004");
    expect(1, "mmu 7 set pde old=00002007 new=00002027");
    expect(2, "mmu 7 set pte old=00005005 new=00005025");
    ck_assert(wr(0x403008, false, 1));
    ck_assert_uint_eq(num_lines, 5);
    expect(3, "mmu 7 walk la=00403008 acc=w user=0 pde=00002027 pte=00006007 pa=000006008");
    expect(4, "mmu 7 set pte old=00006007 new=00006067");
}
END_TEST

START_TEST(faults_set_nothing)
{
    u32 v, frame;

    ck_assert(!wr(0x402000, false, 1)); /* CR0.WP */
    ck_assert(!rd(0x800000, true, &v)); /* no directory entry */
    ck_assert(!ex(0x404000, &frame));
    ck_assert_uint_eq(num_lines, 3);
    expect(0, "mmu 7 walk la=00402000 acc=w user=0 pde=00002007 pte=00005005 fault=0003");
    expect(1, "mmu 7 walk la=00800000 acc=r user=1 pde=00000000 fault=0004");
    expect(2, "mmu 7 walk la=00404000 acc=x user=0 pde=00002007 pte=00000000 fault=0000");
}
END_TEST

START_TEST(flushes)
{
    mmu_invlpg(c, 0x402123);
    load_cr3(PD | 0x18);
    mmu_flush_global(c);
    ck_assert_uint_eq(num_lines, 3);
    expect(0, "mmu 7 invlpg la=00402123");
    expect(1, "mmu 7 cr3 cr0=80010001 cr3=00001018 cr4=00000000");
    expect(2, "mmu 7 mode cr0=80010001 cr3=00001018 cr4=00000000");
}
END_TEST

START_TEST(the_filter_is_by_address)
{
    static const struct cpu_trace_range r[] = { { 0x403000, 0x403fff }, { 0, 0 } };
    u32 v;

    cpu_trace_filter(c, r, 2);
    ck_assert(trace_wants(c, 0x403000) && trace_wants(c, 0x403fff) && trace_wants(c, 0));
    ck_assert(!trace_wants(c, 0x402fff) && !trace_wants(c, 0x404000) && !trace_wants(c, 1));
    ck_assert(rd(0x402000, true, &v));
    mmu_invlpg(c, 0x402000);
    ck_assert_uint_eq(num_lines, 0); /* nor the bits that it set */
    mmu_invlpg(c, 0x403000);
    expect(0, "mmu 7 invlpg la=00403000");
    cpu_trace_filter(c, r, 0);
    ck_assert(trace_wants(c, 0x402fff));
}
END_TEST

START_TEST(nothing_when_off)
{
    u32 v;

    the_log.mask = 0;
    ck_assert(rd(0x402000, true, &v));
    mmu_invlpg(c, 0x402000);
    load_cr3(PD);
    ck_assert_uint_eq(num_lines, 0);
}
END_TEST

Suite *suite_mmu_trace(void)
{
    Suite *s = suite_create("mmu_trace");
    TCase *t = tcase_create("lines");

    tcase_add_checked_fixture(t, set_up_trace, tear_down_trace);
    tcase_add_test(t, a_walk_and_the_bits_it_sets);
    tcase_add_test(t, faults_set_nothing);
    tcase_add_test(t, flushes);
    tcase_add_test(t, the_filter_is_by_address);
    tcase_add_test(t, nothing_when_off);
    suite_add_tcase(s, t);
    return s;
}
