/* SPDX-License-Identifier: MIT */
/* A deadline that comes nearer while the CPU runs: the budget ends there and nowhere else, whatever
 * block or repetition is under way. */
#include "tests/unit/cpu_rig.h"

#define MMIO_AT 0x200000u

/* The device asks at its access number `nth` (from 1) for the run to end `ahead` instructions on. */
struct asker {
    struct rig *r;
    struct region mmio;
    unsigned nth, seen;
    i64 ahead;
};

static void ask(struct asker *a)
{
    if (++a->seen == a->nth)
        cpu_set_until(a->r->c, (u64)((i64)*cpu_retired(a->r->c) + a->ahead));
}

static u32 ask_read(void *dev, u32 off, unsigned size)
{
    (void)off;
    (void)size;
    ask(dev);
    return 0;
}

static void ask_write(void *dev, u32 off, u32 val, unsigned size)
{
    (void)off;
    (void)val;
    (void)size;
    ask(dev);
}

static const struct region_ops ask_ops = { .read = ask_read, .write = ask_write, .min = 1, .max = 4,
                                           .unaligned = true };

static struct asker *asker(unsigned nth, i64 ahead)
{
    struct asker *a = calloc(1, sizeof *a);

    a->r = rig_prot();
    a->r->c->counted = true;
    a->nth = nth;
    a->ahead = ahead;
    a->r->port_region.ops = &ask_ops;
    a->r->port_region.dev = a;
    a->mmio = (struct region){ .name = "asker", .base = MMIO_AT, .size = 0x1000,
                               .kind = REGION_IO, .ops = &ask_ops, .dev = a, .prio = PRIO_PORT,
                               .flags = REGION_RW };
    ck_assert_msg(space_map(&a->r->mem, &a->mmio, &a->r->e), "%s", a->r->e.msg);
    return a;
}

/* Runs `code` with a large budget; it must end after `want` instructions, at `eip`. */
static void run_asked(struct asker *a, const u8 *code, u32 len, u64 want, u32 eip)
{
    u64 start = *cpu_retired(a->r->c);

    poke(a->r, CODE_AT, code, len);
    ck_assert_int_eq(cpu_run(a->r->c, start + 500), CPU_BUDGET);
    ck_assert_uint_eq(*cpu_retired(a->r->c) - start, want);
    ck_assert_uint_eq(cpu_get(a->r->c, CPU_EIP), CODE_AT + eip);
    space_unmap(&a->r->mem, &a->mmio);
    rig_free(a->r);
    free(a);
}

static const u8 in_code[] = { 0xe4, 0x42, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xeb, 0xfe };
static const u8 out_code[] = { 0xe6, 0x42, 0x90, 0x90, 0x90, 0x90, 0x90, 0x90, 0xeb, 0xfe };

START_TEST(inside_a_block)
{
    /* at the access the instruction itself is not yet retired */
    run_asked(asker(1, 4), in_code, sizeof in_code, 4, 5);
    run_asked(asker(1, 4), out_code, sizeof out_code, 4, 5);
}
END_TEST

START_TEST(at_the_instruction_itself)
{
    run_asked(asker(1, 1), in_code, sizeof in_code, 1, 2);
    run_asked(asker(1, 1), out_code, sizeof out_code, 1, 2);
}
END_TEST

/* A timer set for the past: the instruction ends, and then the run. */
START_TEST(already_over)
{
    static const u8 late[] = { 0x90, 0x90, 0xe4, 0x42, 0x90, 0x90, 0x90, 0x90, 0xeb, 0xfe };

    run_asked(asker(1, -1), late, sizeof late, 3, 4);
    run_asked(asker(1, -2), late, sizeof late, 3, 4);
}
END_TEST

START_TEST(a_later_one_changes_nothing)
{
    run_asked(asker(1, 1000000), in_code, sizeof in_code, 500, 8);
}
END_TEST

START_TEST(between_iterations_of_outs)
{
    static const u8 code[] = { 0xf3, 0x6e, 0xeb, 0xfe };
    struct asker *a = asker(5, 3);

    cpu_set(a->r->c, CPU_ECX, 100);
    cpu_set(a->r->c, CPU_EDX, 0x42);
    run_asked(a, code, sizeof code, 7, 0);
}
END_TEST

START_TEST(between_iterations_to_a_device)
{
    static const u8 movs[] = { 0xf3, 0xa4, 0xeb, 0xfe }, stos[] = { 0xf3, 0xaa, 0xeb, 0xfe };

    for (unsigned k = 0; k < 2; k++) {
        struct asker *a = asker(5, 3);
        cpu_set(a->r->c, CPU_ECX, 100);
        cpu_set(a->r->c, CPU_ESI, 0x4000);
        cpu_set(a->r->c, CPU_EDI, MMIO_AT);
        run_asked(a, k ? stos : movs, sizeof movs, 7, 0);
    }
}
END_TEST

/* The source's elements come from the device, the destination is plain memory. */
START_TEST(between_iterations_from_a_device)
{
    static const u8 cmps[] = { 0xf3, 0xa6, 0xeb, 0xfe }, scas[] = { 0xf2, 0xae, 0xeb, 0xfe };

    for (unsigned k = 0; k < 2; k++) {
        struct asker *a = asker(5, 1);
        cpu_set(a->r->c, CPU_EAX, 1);
        cpu_set(a->r->c, CPU_ECX, 100);
        cpu_set(a->r->c, CPU_ESI, 0x4000);
        cpu_set(a->r->c, CPU_EDI, MMIO_AT);
        run_asked(a, k ? scas : cmps, sizeof cmps, 5, 0);
    }
}
END_TEST

Suite *suite_until(void);
Suite *suite_until(void)
{
    Suite *s = suite_create("until");
    TCase *tc = tcase_create("nearer deadlines");

    tcase_add_test(tc, inside_a_block);
    tcase_add_test(tc, at_the_instruction_itself);
    tcase_add_test(tc, already_over);
    tcase_add_test(tc, a_later_one_changes_nothing);
    tcase_add_test(tc, between_iterations_of_outs);
    tcase_add_test(tc, between_iterations_to_a_device);
    tcase_add_test(tc, between_iterations_from_a_device);
    suite_add_tcase(s, tc);
    return s;
}
