/* SPDX-License-Identifier: MIT */
/* V-b: a screen of 640x480 in 16 colours drawn as NT's boot video driver does, without BIOS: the
 * mode from register tables, solid fills by write mode 2 with reads that must give FFh (colour
 * don't care 0), characters by bit mask and latch, scrolling by REP MOVSB in write mode 1, a row
 * saved below the screen, pictures read back plane by plane. Everything is done in a plain array,
 * too, and compared. */
#include "kernel.h"

enum { W = 640, H = 480, PITCH = 80, SAVED = H * PITCH };

static volatile u8 *const vram = (volatile u8 *)0xa0000;
static u8 shadow[H][W];
static u8 below[H][W]; /* rows that were saved behind the screen: one, of the size of a text line */

static u32 rnd(void)
{
    static u32 s = 0x20021025;

    s = s * 1664525 + 1013904223;
    return s >> 8;
}

/* ---- registers */

static void gc(u8 index, u8 value) { outw(0x3ce, (u16)(value << 8 | index)); }
static void map_mask(u8 planes) { outw(0x3c4, (u16)(planes << 8 | 2)); }

/* Mode bits are read before they are changed: odd/even and shift modes stay. */
static void gc_mode(u8 mode)
{
    outb(0x3ce, 5);
    outb(0x3cf, (u8)((inb(0x3cf) & 0xf4) | mode));
}

static void set_mode(void)
{
    static const u8 seq[5] = { 1, 1, 0x0f, 0, 6 };
    static const u8 crtc[25] = {
        0x5f, 0x4f, 0x50, 0x82, 0x54, 0x80, 0x0b, 0x3e, 0, 0x40, 0, 0, 0, 0, 0, 0, 0xea, 0x8c, 0xdf,
        0x28, 0, 0xe7, 4, 0xe3, 0xff,
    };
    static const u8 gcs[9] = { 0, 0, 0, 0, 0, 0, 5, 0x0f, 0xff };

    inb(0x3da);
    outb(0x3c0, 0); /* dark */
    for (u8 i = 0; i < 5; i++)
        outw(0x3c4, (u16)(seq[i] << 8 | i));
    outb(0x3c2, 0xe3);
    outw(0x3c4, 0x0300);
    outb(0x3d4, 0x11);
    outb(0x3d5, (u8)(inb(0x3d5) & 0x7f));
    for (u8 i = 0; i < 25; i++)
        outw(0x3d4, (u16)(crtc[i] << 8 | i));
    for (u8 i = 0; i < 9; i++)
        gc(i, gcs[i]);
    inb(0x3da);
    for (u8 i = 0; i < 21; i++) {
        outb(0x3c0, i);
        outb(0x3c0, i < 16 ? i : i == 16 ? 1 : i == 18 ? 15 : 0);
    }
    outb(0x3c0, 0x20);
    outb(0x3c6, 0xff);
}

/* ---- drawing, on the screen and in the array */

static void fill(u32 left, u32 top, u32 right, u32 bottom, u8 colour) /* inclusive */
{
    u32 first = left / 8, last = right / 8;
    u8 mask_first = (u8)(0xff >> left % 8), mask_last = (u8)(0xff << (7 - right % 8));

    gc_mode(0x0a); /* write mode 2, read mode 1 */
    gc(7, 0);
    if (first == last)
        mask_first &= mask_last;
    gc(8, mask_first);
    for (u32 y = top; y <= bottom; y++) {
        volatile u8 *p = vram + y * PITCH + first;
        *p = *p & colour; /* FFh is read */
    }
    if (first != last) {
        gc(8, mask_last);
        for (u32 y = top; y <= bottom; y++) {
            volatile u8 *p = vram + y * PITCH + last;
            *p = *p & colour;
        }
        gc(8, 0xff);
        for (u32 y = top; y <= bottom; y++)
            memset((void *)(vram + y * PITCH + first + 1), colour, last - first - 1);
    }
    for (u32 y = top; y <= bottom; y++)
        memset(&shadow[y][left], colour, right - left + 1);
}

static u8 glyph(u32 ch, u32 line) { return (u8)((ch * 37 + line * 101 + 1) * 0x9e3779b1u >> 20); }

static void character(u32 x, u32 y, u32 ch, u8 colour)
{
    gc_mode(0x0a);
    gc(7, 0);
    for (u32 line = 0; line < 13; line++) {
        u32 row = glyph(ch, line), at = (y + line) * PITCH + x / 8;
        u32 wide = row << 8 >> x % 8; /* two bytes */
        gc(8, (u8)(wide >> 8));
        vram[at] = vram[at] & colour;
        if (x % 8) {
            gc(8, (u8)wide);
            vram[at + 1] = vram[at + 1] & colour;
        }
        for (u32 k = 0; k < 8; k++)
            if (row >> (7 - k) & 1)
                shadow[y + line][x + k] = colour;
    }
}

static void one_pixel(u32 x, u32 y, u8 colour)
{
    gc_mode(2);
    gc(8, (u8)(0x80 >> x % 8));
    u8 latched = vram[y * PITCH + x / 8];
    (void)latched;
    vram[y * PITCH + x / 8] = colour;
    shadow[y][x] = colour;
}

static void latch_copy(u32 to, u32 from, u32 bytes)
{
    volatile u8 *d = vram + to;
    const volatile u8 *s = vram + from;

    map_mask(0x0f);
    gc(8, 0xff);
    gc_mode(1);
    __asm__ volatile("cld; rep movsb" : "+D"(d), "+S"(s), "+c"(bytes) :: "memory");
}

static void scroll(u32 top, u32 bottom, u32 lines) /* up, within rows top to bottom */
{
    latch_copy(top * PITCH, (top + lines) * PITCH, (bottom - top + 1 - lines) * PITCH);
    for (u32 y = top; y + lines <= bottom; y++)
        memcpy(shadow[y], shadow[y + lines], W);
}

static void save_rows(u32 top, u32 lines)
{
    latch_copy(SAVED, top * PITCH, lines * PITCH);
    for (u32 y = 0; y < lines; y++)
        memcpy(below[y], shadow[top + y], W);
}

static void restore_rows(u32 top, u32 lines)
{
    latch_copy(top * PITCH, SAVED, lines * PITCH);
    for (u32 y = 0; y < lines; y++)
        memcpy(shadow[top + y], below[y], W);
}

/* A dword is four accesses: all that is read ends in one latch, which is written four times. */
static void wide_copy(u32 to, u32 from, u32 dwords)
{
    volatile u32 *d = (volatile u32 *)(vram + to);
    const volatile u32 *s = (const volatile u32 *)(vram + from);
    u32 n = dwords;

    map_mask(0x0f);
    gc(8, 0xff);
    gc_mode(1);
    __asm__ volatile("cld; rep movsl" : "+D"(d), "+S"(s), "+c"(n) :: "memory");
    for (u32 k = 0; k < dwords * 4; k++) {
        u32 t = to + k, f = from + (k | 3);
        memcpy(&shadow[t / PITCH][t % PITCH * 8], &shadow[f / PITCH][f % PITCH * 8], 8);
    }
}

/* Set/reset, the bit mask and the logical functions, as vga.sys. */
static void logical(u32 y, u8 colour, u8 function, u8 pattern)
{
    gc_mode(0);
    gc(0, colour);
    gc(1, 0x0f);
    gc(3, (u8)(function << 3));
    gc(8, pattern);
    for (u32 k = 0; k < PITCH; k++) {
        u8 latched = vram[y * PITCH + k];
        (void)latched;
        vram[y * PITCH + k] = (u8)k; /* set/reset: what is written does not count */
    }
    gc(1, 0);
    gc(3, 0);
    for (u32 x = 0; x < W; x++) {
        u8 *p = &shadow[y][x];
        if (pattern >> (7 - x % 8) & 1)
            *p = function == 1 ? *p & colour : function == 2 ? *p | colour
                                             : function == 3 ? *p ^ colour : colour;
    }
}

/* Write mode 3: the byte is a mask, as GDI draws text. */
static void masked(u32 y, u8 colour)
{
    gc_mode(3);
    gc(0, colour);
    gc(8, 0xf7);
    gc(3, 3); /* rotated first */
    for (u32 k = 0; k < PITCH; k++) {
        u8 data = glyph(k, y), latched = vram[y * PITCH + k];
        (void)latched;
        vram[y * PITCH + k] = data;
        u8 mask = (u8)((data >> 3 | data << 5) & 0xf7);
        for (u32 x = 0; x < 8; x++)
            if (mask >> (7 - x) & 1)
                shadow[y][k * 8 + x] = colour;
    }
    gc(3, 0);
}

/* ---- comparing: read mode 0, a plane at a time; and read mode 1, by colour */

static u32 differences(void)
{
    u32 wrong = 0;

    gc_mode(0);
    for (u8 plane = 0; plane < 4; plane++) {
        gc(4, plane);
        for (u32 y = 0; y < H; y++)
            for (u32 k = 0; k < PITCH; k++) {
                u8 want = 0;
                for (u32 x = 0; x < 8; x++)
                    want = (u8)(want << 1 | (shadow[y][k * 8 + x] >> plane & 1));
                if (vram[y * PITCH + k] != want && !wrong++)
                    print("NOTE plane %u of byte %u in row %u: %x, not %x\n", plane, k, y,
                          vram[y * PITCH + k], want);
            }
    }
    return wrong;
}

static u32 compare_wrong(u8 colour, u8 care)
{
    u32 wrong = 0;

    gc_mode(8);
    gc(2, colour);
    gc(7, care);
    for (u32 y = 0; y < H; y += 7)
        for (u32 k = 0; k < PITCH; k++) {
            u8 want = 0;
            for (u32 x = 0; x < 8; x++)
                want = (u8)(want << 1 | !((shadow[y][k * 8 + x] ^ colour) & care));
            wrong += vram[y * PITCH + k] != want;
        }
    return wrong;
}

static void step(void)
{
    u32 x = rnd() % W, y = rnd() % H, x2 = x + rnd() % (W - x), y2 = y + rnd() % (H - y);
    u8 colour = rnd() & 15;

    switch (rnd() % 12) {
    case 0: case 1: fill(x, y, x2, y2 < y + 60 ? y2 : y + 60 < H ? y + 60 : H - 1, colour); break;
    case 2: case 3: case 4: case 5: character(x % (W - 16), y % (H - 13), rnd(), colour); break;
    case 6: one_pixel(x, y, colour); break;
    case 7: scroll(y % 200, 200 + y % 280, 1 + rnd() % 40); break;
    case 8: save_rows(y % (H - 13), 13); break;
    case 9: restore_rows(y % (H - 13), 13); break;
    case 10: logical(y, colour, rnd() & 3, (u8)rnd()); break;
    default:
        if (rnd() & 1)
            masked(y, colour);
        else
            wide_copy(y % 100 * PITCH, (100 + y % 300) * PITCH, 20 * (1 + rnd() % 3));
        break;
    }
}

void test_main(void)
{
    set_mode();
    gc_mode(2);
    for (u32 y = 0; y < H + 13; y++)
        memset((void *)(vram + y * PITCH), 0, PITCH);
    check_eq(differences(), 0, "cleared");
    fill(0, 0, W - 1, H - 1, 3);
    check_eq(differences(), 0, "fill_all");
    fill(13, 7, 630, 400, 9);
    fill(17, 20, 22, 30, 12); /* within a byte */
    fill(17, 40, 24, 50, 5);  /* two bytes, nothing between */
    check_eq(differences(), 0, "fills");
    for (u32 k = 0; k < 80; k++)
        character(k * 7 + 3, 60 + k, 32 + k, (u8)(k & 15));
    check_eq(differences(), 0, "characters");
    scroll(0, H - 1, 13);
    check_eq(differences(), 0, "scroll");
    save_rows(100, 13);
    fill(0, 100, W - 1, 112, 0);
    restore_rows(300, 13);
    check_eq(differences(), 0, "row_below_the_screen");
    wide_copy(0, 200 * PITCH, 40);
    check_eq(differences(), 0, "wide_copy_spreads_a_latch");
    for (u8 f = 0; f < 4; f++)
        logical(220u + f, (u8)(5 + f), f, 0x5a);
    masked(230, 14);
    check_eq(differences(), 0, "functions");
    for (u32 round = 0; round < 4; round++) {
        for (u32 n = 0; n < 150; n++)
            step();
        check_eq(differences(), 0, "random");
    }
    u32 wrong = 0;
    for (u32 k = 0; k < 16; k++)
        wrong += compare_wrong((u8)k, k & 1 ? 15 : (u8)(rnd() & 15));
    check_eq(wrong, 0, "colour_compare");

    /* the palette, faded as the boot logo is */
    wrong = 0;
    for (u32 level = 0; level < 64; level += 9) {
        outb(0x3c8, 0);
        for (u32 k = 0; k < 48; k++)
            outb(0x3c9, (u8)(k * level / 48));
        outb(0x3c7, 0);
        for (u32 k = 0; k < 48; k++)
            wrong += inb(0x3c9) != (u8)(k * level / 48);
    }
    check_eq(wrong, 0, "fades");
}
