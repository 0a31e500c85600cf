/* SPDX-License-Identifier: MIT */
/* Pictures on their way from the display device to front ends: rows that didn't change are not
 * copied. */
#include "tests/unit/machine_rig.h"

#include <stdlib.h>
#include <time.h>

#include "machine/machine.h"

enum { WIDTH = 160, HEIGHT = 100 };

/* A linear mode of 32 bits, all of it in the window. Then, for ever: when the word at 600h changes,
 * its low byte is written to A000:[602h]. */
static size_t guest(u8 *code)
{
    static const u16 dispi[][2] = { { 1, WIDTH }, { 2, HEIGHT }, { 3, 32 }, { 4, 0x41 } };
    static const u8 head[] = {
        0xfa,                   /* cli */
        0xba, 0xc2, 0x03,       /* mov dx,0x3c2 */
        0xb0, 0x63,             /* mov al,0x63 */
        0xee,                   /* out dx,al */
        0xba, 0xda, 0x03,       /* mov dx,0x3da */
        0xec,                   /* in al,dx */
        0xba, 0xc0, 0x03,       /* mov dx,0x3c0 */
        0xb0, 0x20,             /* mov al,0x20 */
        0xee,                   /* out dx,al */
    };
    static const u8 tail[] = {
        0x31, 0xc0,             /* xor ax,ax */
        0x8e, 0xd8,             /* mov ds,ax */
        0xb8, 0x00, 0xa0,       /* mov ax,0xa000 */
        0x8e, 0xc0,             /* mov es,ax */
        0x31, 0xdb,             /* xor bx,bx */
        0xa1, 0x00, 0x06,       /* 1: mov ax,ds:0x600 */
        0x39, 0xd8,             /* cmp ax,bx */
        0x74, 0xf9,             /* je 1b */
        0x89, 0xc3,             /* mov bx,ax */
        0x8b, 0x3e, 0x02, 0x06, /* mov di,ds:0x602 */
        0x26, 0x88, 0x05,       /* mov es:[di],al */
        0xeb, 0xee,             /* jmp 1b */
    };
    size_t n = 0;

    memcpy(code, head, sizeof(head));
    n += sizeof(head);
    for (unsigned k = 0; k < ARRAY_LEN(dispi); k++) {
        const u8 set[] = {
            0xba, 0xce, 0x01,                                   /* mov dx,0x1ce */
            0xb8, (u8)dispi[k][0], 0,                           /* mov ax,index */
            0xef,                                               /* out dx,ax */
            0x42,                                               /* inc dx */
            0xb8, (u8)dispi[k][1], (u8)(dispi[k][1] >> 8),      /* mov ax,value */
            0xef,                                               /* out dx,ax */
        };
        memcpy(code + n, set, sizeof(set));
        n += sizeof(set);
    }
    memcpy(code + n, tail, sizeof(tail));
    return n + sizeof(tail);
}

/* A frame later, in the guest's time and, for the limit of pictures a second, in the host's: what
 * was asked for last time is there. */
static bool next(struct nb_machine *m, struct nb_frame *f)
{
    const struct timespec t = { 0, 16000000 };

    nanosleep(&t, NULL);
    nb_run(m, 1000000);
    return nb_frame_get(m, f);
}

static void put(struct nb_machine *m, u32 x, u32 y, u8 blue, u8 count)
{
    u32 at = (y * WIDTH + x) * 4;
    const u8 where[2] = { (u8)at, (u8)(at >> 8) }, what[2] = { blue, count };

    ck_assert_uint_eq(nb_mem_write(m, true, 0x602, where, 2), 2);
    ck_assert_uint_eq(nb_mem_write(m, true, 0x600, what, 2), 2);
    nb_run(m, 1000000);
}

START_TEST(rows_that_changed_are_copied)
{
    u8 code[256];
    size_t len = guest(code);
    struct nb_machine *m = rig_machine(code, len, NULL);
    struct nb_frame *f = calloc(1, sizeof *f), *g = calloc(1, sizeof *g);

    nb_run(m, 1000000);
    nb_frame_get(m, f);
    ck_assert(next(m, f));
    ck_assert_uint_eq(f->width, WIDTH);
    ck_assert_uint_eq(f->height, HEIGHT);
    ck_assert(nb_frame_get(m, g));
    u64 rows = picture_rows_copied(m);
    ck_assert_uint_eq(rows, 3 * HEIGHT); /* published, and taken twice */

    /* nothing changes: nothing is copied */
    for (unsigned n = 0; n < 30; n++) {
        ck_assert(!next(m, f));
        ck_assert_uint_gt(f->dirty_first, f->dirty_last);
    }
    nb_frame_now(m, f);
    ck_assert_uint_eq(picture_rows_copied(m), rows);

    put(m, 7, 50, 0xe1, 1);
    ck_assert(next(m, f));
    ck_assert_uint_eq(f->dirty_first, 50);
    ck_assert_uint_eq(f->dirty_last, 50);
    ck_assert_uint_eq(f->pixels[50 * WIDTH + 7], 0xe1);
    ck_assert_uint_eq(picture_rows_copied(m), rows + 2);

    /* who looks less often gets what came together */
    put(m, 3, 20, 0x12, 2);
    ck_assert(next(m, f));
    ck_assert_uint_eq(f->dirty_first, 20);
    ck_assert(nb_frame_get(m, g));
    ck_assert_uint_eq(g->dirty_first, 20);
    ck_assert_uint_eq(g->dirty_last, 50);
    ck_assert_uint_eq(picture_rows_copied(m), rows + 6);
    ck_assert_mem_eq(f->pixels, g->pixels, WIDTH * HEIGHT * 4);
    ck_assert(!nb_frame_get(m, g));

    /* a screenshot into a frame of its own */
    struct nb_frame *shot = calloc(1, sizeof *shot);
    put(m, 0, 99, 0x77, 3);
    nb_frame_now(m, shot);
    ck_assert_uint_eq(shot->pixels[99 * WIDTH], 0x77);
    ck_assert_uint_eq(shot->pixels[50 * WIDTH + 7], 0xe1);
    nb_frame_get(m, g);
    ck_assert_mem_eq(shot->pixels, g->pixels, WIDTH * HEIGHT * 4);

    struct nb_frame *all[] = { f, g, shot };
    for (unsigned k = 0; k < ARRAY_LEN(all); k++) {
        nb_frame_free(all[k]);
        free(all[k]);
    }
    nb_free(m);
}
END_TEST

/* -device VGA reaches the card. */
START_TEST(properties_of_the_card)
{
    static const struct { const char *device; u32 mb, width, height; } cases[] = {
        { NULL, 16, 1024, 768 },
        { "VGA,vgamem_mb=64,xres=1920,yres=1080", 64, 1920, 1080 },
        { "VGA,vgamem_mb=1,xres=1366", 1, 1366, 768 },
        { "VGA,edid=off", 16, 0, 0 },
    };
    for (unsigned k = 0; k < ARRAY_LEN(cases); k++) {
        const char *pairs[] = { cases[k].device ? "device" : NULL, cases[k].device, NULL };
        struct nb_machine *m = rig_machine((const u8[]){ 0xeb, 0xfe }, 2, pairs);
        struct space *io = &m->io, *mem = &m->mem;
        u32 bdf = 0x80001000; /* the card is in slot 2 */
        space_write(io, 0x1ce, 10, 2);
        ck_assert_uint_eq(space_read(io, 0x1d0, 2), cases[k].mb * 16);
        static const u32 set[][2] = { { 0x10, 0xe0000000 }, { 0x18, 0xf0000000 }, { 4, 2 } };
        for (unsigned n = 0; n < ARRAY_LEN(set); n++) {
            space_write(io, 0xcf8, bdf | set[n][0], 4);
            space_write(io, 0xcfc, set[n][1], 4);
        }
        u32 last = 0xe0000000 + (cases[k].mb << 20) - 4;
        space_write(mem, last, 0x12345678, 4);
        ck_assert_uint_eq(space_read(mem, last, 4), 0x12345678);
        ck_assert_uint_eq(space_read(mem, last + 4, 4), 0xffffffff);
        const u32 at = 0xf0000000 + 54;
        u32 w = space_read(mem, at + 2, 1) | (space_read(mem, at + 4, 1) & 0xf0) << 4;
        u32 h = space_read(mem, at + 5, 1) | (space_read(mem, at + 7, 1) & 0xf0) << 4;
        ck_assert_uint_eq(w, cases[k].width);
        ck_assert_uint_eq(h, cases[k].height);
        nb_free(m);
    }
}
END_TEST

Suite *suite_picture(void);
Suite *suite_picture(void)
{
    Suite *s = suite_create("picture");
    TCase *t = tcase_create("rows");

    tcase_add_checked_fixture(t, rig_folder_new, rig_folder_remove);
    tcase_add_test(t, rows_that_changed_are_copied);
    tcase_add_test(t, properties_of_the_card);
    suite_add_tcase(s, t);
    return s;
}
