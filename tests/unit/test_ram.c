/* SPDX-License-Identifier: MIT */
/* Guest RAM: what must happen before a write, and what must not. */
#include <check.h>
#include <stdlib.h>

#include "core/ram.h"

#define FRAMES 8u

struct fix {
    struct ram ram;
    u8 *mem;
    u32 code[FRAMES], tables[FRAMES], protects[FRAMES], zeroed, released;
    bool old_content; /* the code callback saw the page before the write */
};

static struct fix *current; /* test-only; each test runs in a process of its own */

static void code_written(void *to, u32 frame, u32 off, u32 len)
{
    struct fix *f = to;
    ck_assert_uint_gt(len, 0);
    ck_assert_uint_le(off + len, PAGE_SIZE);
    f->old_content = f->ram.page[frame][off] == 0x55;
    f->code[frame]++;
}

static void tables_written(void *to, u32 frame, u32 off, u32 len)
{
    (void)off, (void)len;
    ((struct fix *)to)->tables[frame]++;
}

static void protect(void *to, u32 frame) { ((struct fix *)to)->protects[frame]++; }
static void release(struct ram_object *obj) { (void)obj; current->released++; }
static void zero(struct ram_object *obj, u64 off, u64 len)
{
    memset(obj->base + off, 0, len);
    current->zeroed++;
}

static struct fix *fix(bool punch)
{
    struct fix *f = current = calloc(1, sizeof(*f));
    f->mem = calloc(FRAMES, PAGE_SIZE);
    struct ram_object obj = { f->mem, FRAMES * PAGE_SIZE, 7, release, punch ? zero : NULL };
    ram_init(&f->ram, obj);
    f->ram.code_written = code_written, f->ram.code_to = f;
    f->ram.tables_written = tables_written, f->ram.tables_to = f;
    f->ram.protect = protect, f->ram.protect_to = f;
    return f;
}

START_TEST(writes_are_announced)
{
    struct fix *f = fix(false);
    ck_assert_uint_eq(f->ram.frames, FRAMES);
    ck_assert_ptr_eq(ram_wr(&f->ram, 3, 0, 1), f->mem + 3 * PAGE_SIZE);
    ck_assert_uint_eq(f->code[3] + f->tables[3] + f->protects[3], 0);

    f->mem[2 * PAGE_SIZE + 10] = 0x55;
    ram_set_flag(&f->ram, 2, RAM_CODE);
    ck_assert_uint_eq(f->protects[2], 1);
    ram_set_flag(&f->ram, 2, RAM_CODE); /* no news */
    ck_assert_uint_eq(f->protects[2], 1);
    ram_set_flag(&f->ram, 2, RAM_TABLES);
    ck_assert_uint_eq(f->protects[2], 2);
    *(ram_wr(&f->ram, 2, 10, 4) + 10) = 1;
    ck_assert(f->old_content);
    ck_assert_uint_eq(f->code[2], 1);
    ck_assert_uint_eq(f->tables[2], 1);
    ck_assert_uint_eq(f->ram.flags[2], RAM_CODE | RAM_TABLES); /* the owner drops them, not we */
    ram_clear_flag(&f->ram, 2, RAM_CODE | RAM_TABLES);
    ram_wr(&f->ram, 2, 10, 4);
    ck_assert_uint_eq(f->code[2], 1);
    ck_assert_uint_eq(f->protects[2], 2);
}
END_TEST

START_TEST(dirty_log)
{
    struct fix *f = fix(false);
    ram_set_flag(&f->ram, 1, RAM_CLEAN);
    ck_assert_uint_eq(f->protects[1], 1);
    ram_rd(&f->ram, 1);
    ck_assert(f->ram.flags[1] & RAM_CLEAN);
    ram_wr(&f->ram, 1, 0, 1);
    ck_assert_uint_eq(f->ram.flags[1], 0);
    ck_assert_uint_eq(f->protects[1], 1);
}
END_TEST

START_TEST(backing)
{
    struct fix *f = fix(false);
    int fd;
    u64 off;
    u8 flags;
    ram_set_flag(&f->ram, 5, RAM_ROM);
    ck_assert(ram_backing(&f->ram, 5, &fd, &off, &flags));
    ck_assert_int_eq(fd, 7);
    ck_assert_uint_eq(off, 5 * PAGE_SIZE);
    ck_assert_uint_eq(flags, RAM_ROM);
    f->ram.obj.fd = -1;
    ck_assert(!ram_backing(&f->ram, 5, &fd, &off, &flags));
    f->ram.obj.fd = 7;
    f->ram.page[5] = calloc(1, PAGE_SIZE); /* copied elsewhere */
    ck_assert(!ram_backing(&f->ram, 5, &fd, &off, &flags));
}
END_TEST

START_TEST(zeroing)
{
    for (int punch = 0; punch < 2; punch++) {
        struct fix *f = fix(punch);
        memset(f->mem, 0x55, FRAMES * PAGE_SIZE);
        u8 *copy = malloc(PAGE_SIZE);
        memset(copy, 0x55, PAGE_SIZE);
        f->ram.page[3] = copy;
        ram_set_flag(&f->ram, 2, RAM_CODE | RAM_CLEAN);
        ram_set_flag(&f->ram, 4, RAM_ROM);
        ram_zero(&f->ram, 2, 3);
        ck_assert_uint_eq(f->zeroed, punch);
        ck_assert_uint_eq(f->code[2], 1);
        ck_assert_uint_eq(f->ram.flags[2], RAM_CODE);
        ck_assert_uint_eq(f->ram.flags[4], RAM_ROM);
        for (u32 i = 0; i < PAGE_SIZE; i++) {
            ck_assert_uint_eq(f->mem[1 * PAGE_SIZE + i], 0x55);
            ck_assert_uint_eq(f->mem[2 * PAGE_SIZE + i], 0);
            ck_assert_uint_eq(copy[i], 0);
            ck_assert_uint_eq(f->mem[4 * PAGE_SIZE + i], 0);
            ck_assert_uint_eq(f->mem[5 * PAGE_SIZE + i], 0x55);
        }
        ram_free(&f->ram);
        ck_assert_uint_eq(f->released, 1);
    }
}
END_TEST

START_TEST(guest_writes_to_rom_are_our_bug)
{
    struct fix *f = fix(false);
    ram_set_flag(&f->ram, 0, RAM_ROM);
    ck_assert_ptr_eq(ram_wr_rom(&f->ram, 0, 0, 1), f->mem); /* loaders may */
    ram_wr(&f->ram, 0, 0, 1);
}
END_TEST

Suite *suite_ram(void);
Suite *suite_ram(void)
{
    Suite *s = suite_create("ram");
    TCase *tc = tcase_create("ram");
    tcase_add_test(tc, writes_are_announced);
    tcase_add_test(tc, dirty_log);
    tcase_add_test(tc, backing);
    tcase_add_test(tc, zeroing);
    tcase_add_test_raise_signal(tc, guest_writes_to_rom_are_our_bug, 6);
    suite_add_tcase(s, tc);
    return s;
}
