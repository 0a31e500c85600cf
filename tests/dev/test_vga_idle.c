/* SPDX-License-Identifier: MIT */
/* VGA: what a picture costs that doesn't change: the lines that are drawn are counted. */
#include "tests/dev/test_vga.h"

#include "devices/vga.h"

enum { RATE = 60 };

static u64 drawn(const struct bench *b)
{
    return ((const struct vga *)b->r->dev[0])->lines_drawn;
}

/* Lines drawn in a second in which a front end asks 60 times. */
static u64 second(struct bench *b)
{
    u64 before = drawn(b);

    for (unsigned n = 0; n < RATE; n++) {
        step_ns(b->r, NS_PER_SEC / RATE);
        render(b);
    }
    return drawn(b) - before;
}

static const struct vga_mode *const modes[] = { &mode_03, &mode_04, &mode_06,
                                                &mode_07, &mode_12, &mode_13 };

START_TEST(an_idle_screen_draws_nothing)
{
    struct bench *b = bench_frames();
    set_mode(b, modes[_i]);
    crtc(b, 0x0a, 0x20); /* no cursor */
    for (u32 i = 0; i < 0x40000; i += 4)
        memw32(b->r, LFB + i, i * 0x01010101u & 0xffff7fff); /* nothing blinks */
    render(b);
    u64 first = drawn(b);
    ck_assert_uint_ge(first, 200);
    u32 gen = b->f->generation;
    ck_assert_uint_eq(second(b), 0);
    ck_assert_uint_eq(b->f->generation, gen);
    /* reading costs nothing; nor do registers that no picture shows, or that hold the same */
    mem32(b->r, 0xa0000);
    mem32(b->r, 0xb8000);
    in8(b->r, 0x3da);
    gc(b, 8, 0x55);
    gc(b, 3, 0x18);
    seq(b, 2, 1);
    crtc(b, 0x13, modes[_i]->crtc[0x13]);
    ck_assert_uint_eq(second(b), 0);
    /* memory behind the picture */
    memw32(b->r, LFB + 0x40000, 1);
    memw32(b->r, LFB + 0xffffc, 1);
    ck_assert_uint_eq(second(b), 0);
    bench_free(b);
}
END_TEST

START_TEST(a_cursor_draws_its_own_lines)
{
    struct bench *b = bench_frames();
    u64 frame = 14268061;
    set_mode(b, &mode_03);
    for (u32 i = 0; i < 2000; i++)
        memw32(b->r, LFB + i * 8, 0x0741);
    crtc(b, 0x0a, 13);
    crtc(b, 0x0b, 14);
    crtc(b, 0x0e, 80 * 11 >> 8);
    crtc(b, 0x0f, (u8)(80 * 11 + 5));
    render(b);
    u64 before = drawn(b);
    u32 rows = 0, changes = 0;
    for (unsigned n = 0; n < 64; n++) {
        u32 gen = b->f->generation;
        step_ns(b->r, frame);
        render(b);
        if (b->f->generation == gen) {
            ck_assert_uint_gt(b->f->dirty_first, b->f->dirty_last);
            continue;
        }
        changes++;
        rows += b->f->dirty_last - b->f->dirty_first + 1;
        ck_assert_uint_eq(b->f->dirty_first, 11 * 16 + 13);
        ck_assert_uint_eq(b->f->dirty_last, 11 * 16 + 14);
    }
    ck_assert_uint_eq(changes, 8);
    ck_assert_uint_eq(rows, 16);
    ck_assert_uint_eq(drawn(b) - before, 16);
    for (u32 y = 0; y < 400; y++) /* what a front end copies */
        ck_assert_msg((b->f->row_gen[y] == b->f->generation) == (y == 189 || y == 190), "%u", y);
    bench_free(b);
}
END_TEST

START_TEST(characters_that_blink_draw_their_rows)
{
    struct bench *b = bench_frames();
    set_mode(b, &mode_03);
    crtc(b, 0x0a, 0x20);
    memw8(b->r, LFB + 8 * 80 * 3 + 1, 0x87); /* row 3 */
    for (u32 line = 0; line < 32; line++)
        poke(b, 2, line, 0x18);
    render(b);
    u64 before = drawn(b);
    for (unsigned n = 0; n < 64; n++) {
        step_ns(b->r, 14268061);
        render(b);
    }
    ck_assert_uint_eq(drawn(b) - before, 4 * 16);
    bench_free(b);
}
END_TEST

/* Memory that the CPU or a controller writes with no handler in between: pages tell. */
START_TEST(linear_modes)
{
    struct bench *b = bench_frames();
    atc(b, 0x11, 0); /* PAS */
    dispi(b, 1, 640);
    dispi(b, 2, 400);
    dispi(b, 3, 32);
    dispi(b, 4, 0x41);
    render(b);
    ck_assert_uint_eq(b->f->height, 400);
    ck_assert_uint_eq(second(b), 0);
    /* a line is 2560 bytes: the page has parts of 99 and 100 */
    memw32(b->r, LFB + 100 * 2560 + 1024, 0x00123456);
    ck_assert_uint_eq(second(b), 2);
    ck_assert_uint_eq(pixel(b, 256, 100), 0x123456);
    /* drawn once more, but found the same: nothing for the front end */
    u32 gen = b->f->row_gen[100];
    memw32(b->r, LFB + 100 * 2560 + 1024, 0x00123456);
    ck_assert_uint_eq(second(b), 2);
    ck_assert_uint_eq(b->f->row_gen[100], gen);
    ck_assert_uint_gt(b->f->dirty_first, b->f->dirty_last);
    dma_write(&b->r->mem, LFB + 200 * 2560, "\x01\x02\x03\x00", 4);
    ck_assert_uint_eq(second(b), 2);
    ck_assert_uint_eq(pixel(b, 0, 200), 0x030201);
    /* two places far from each other: only their rows */
    memw32(b->r, LFB + 8 * 2560, 1);
    memw32(b->r, LFB + 392 * 2560, 1);
    u64 before = drawn(b);
    render(b);
    ck_assert_uint_lt(drawn(b) - before, 8);
    ck_assert_uint_eq(b->f->dirty_first, 8);
    ck_assert_uint_eq(b->f->dirty_last, 392);
    for (u32 y = 0; y < 400; y++)
        ck_assert_msg((b->f->row_gen[y] == b->f->generation) == (y == 8 || y == 392), "%u", y);
    bench_free(b);
}
END_TEST

/* A front end may keep any older frame: rows newer than it make it the new one. */
START_TEST(row_generations_miss_nothing)
{
    struct bench *b = bench_frames();
    struct display_frame *copy = frame_new();
    u32 s = 77 + (u32)_i;
    set_mode(b, &mode_12);
    render(b);
    for (u32 n = 0; n < 400; n++) {
        s = s * 1664525 + 1013904223;
        switch (s >> 24 & 15) {
        case 0: set_mode(b, modes[(s >> 8) % ARRAY_LEN(modes)]); break;
        case 1: /* the palette */
            out8(b->r, 0x3c8, (u8)(s >> 8 & 7));
            for (u32 k = 0; k < 3; k++)
                out8(b->r, 0x3c9, (u8)(s >> (8 + k)));
            break;
        case 2: start_at(b, (u16)(s >> 8 & 0xff)); break;
        case 3: /* off and on */
            in8(b->r, crtc_port(b) + 6);
            out8(b->r, 0x3c0, s & 0x100 ? 0x20 : 0);
            break;
        case 4: step_ns(b->r, s >> 2 & 0xfffffff); break;
        default: memw8(b->r, LFB + (s >> 8) % 0x28000, (u8)s); break;
        }
        render(b);
        if (s & 0x10)
            continue;
        const struct display_frame *f = b->f;
        bool all = copy->width != f->width || copy->height != f->height;
        for (u32 y = 0; y < f->height; y++) {
            if (all || f->row_gen[y] > copy->generation)
                memcpy(copy->pixels + y * f->width, f->pixels + y * f->stride, f->width * 4);
        }
        copy->width = f->width;
        copy->height = f->height;
        copy->generation = f->generation;
        for (u32 y = 0; y < f->height; y++)
            ck_assert_msg(!memcmp(copy->pixels + y * f->width, f->pixels + y * f->stride,
                                  f->width * 4), "round %u row %u", n, y);
    }
    frame_free(copy);
    bench_free(b);
}
END_TEST

Suite *suite_vga_idle(void);
Suite *suite_vga_idle(void)
{
    Suite *s = suite_create("vga_idle");
    TCase *tc = tcase_create("idle");

    tcase_set_timeout(tc, 60);
    tcase_add_loop_test(tc, an_idle_screen_draws_nothing, 0, 6);
    tcase_add_test(tc, a_cursor_draws_its_own_lines);
    tcase_add_test(tc, characters_that_blink_draw_their_rows);
    tcase_add_test(tc, linear_modes);
    tcase_add_loop_test(tc, row_generations_miss_nothing, 0, 3);
    suite_add_tcase(s, tc);
    return s;
}
