/* SPDX-License-Identifier: MIT */
/* VGA: the picture of random register settings against a model that knows no modes: it goes from
 * dot to dot as the chain of CRTC, serializers, attribute controller and DAC does, and looks every
 * bit up by itself (test V-a; the memory side is vga/datapath_is_the_model). Written from IBM's
 * register descriptions; what they leave open is said where it comes up.
 *
 * A failure names the seed and the round; VGA_MODEL_SEED=n runs that seed alone. */
#include "tests/dev/test_vga.h"

struct model {
    struct vga_mode r;
    u8 plane[4][65536];
    u8 dac[256][3], dac_mask;
    bool pas;
    u64 ns;
    u64 frames;         /* model_frames() */
    u32 start;          /* start address that the CRTC took at the last retrace */
    u32 at;             /* where the picture that is made goes: y * width + x */
};

static u32 bits(u32 v, int hi, int lo) { return (v >> lo) % (1u << (hi - lo + 1)); }
static bool bit(u32 v, int n) { return bits(v, n, n); }

static u32 rnd(u64 *s)
{
    *s = *s * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(*s >> 33);
}

/* ---- the monitor's side: how large, how often */

static u32 model_lines(const struct model *m, u32 low, int bit8, int bit9)
{
    return m->r.crtc[low] + 256u * bit(m->r.crtc[7], bit8) + 512u * bit(m->r.crtc[7], bit9);
}

static bool model_blank(const struct model *m)
{
    return !m->pas || bit(m->r.seq[1], 5) || bits(m->r.seq[0], 1, 0) != 3 ||
           !bit(m->r.crtc[0x17], 7);
}

static u32 dots_per_char(const struct model *m) { return bit(m->r.seq[1], 0) ? 8 : 9; }

static u32 model_width(const struct model *m)
{
    u32 w = (m->r.crtc[1] + 1u) * dots_per_char(m) * (bit(m->r.seq[1], 3) ? 2 : 1);
    return w < 2560 ? w : 2560;
}

static u32 model_height(const struct model *m)
{
    u32 h = (model_lines(m, 0x12, 1, 6) + 1) * (bit(m->r.crtc[0x17], 2) ? 2 : 1);
    return h < 2048 ? h : 2048;
}

static u64 model_frames(const struct model *m)
{
    double clock = bits(m->r.misc, 3, 2) == 1 ? 28322000 : 25175000;
    double dots = (m->r.crtc[0] + 5.0) * dots_per_char(m);

    if (bit(m->r.seq[1], 3))
        clock /= 2;
    dots *= (model_lines(m, 6, 0, 5) + 2) * (bit(m->r.crtc[0x17], 2) ? 2 : 1);
    return (u64)((double)m->ns * clock / 1e9 / dots);
}

/* ---- attribute controller and DAC */

static u32 model_dac(const struct model *m, u32 index)
{
    const u8 *c = m->dac[index & m->dac_mask];
    u32 rgb = 0;

    for (int k = 0; k < 3; k++) /* 63 is full scale */
        rgb = rgb * 256 + c[k] * 4 + c[k] / 16;
    return rgb;
}

/* Four bits of a dot to an index of the DAC. */
static u32 model_attribute(const struct model *m, u32 dot)
{
    u32 p = m->r.atc[dot & bits(m->r.atc[0x12], 3, 0)];

    if (bit(m->r.atc[0x10], 7))
        p = bits(p, 3, 0) + 16 * bits(m->r.atc[0x14], 1, 0);
    return p + 64 * bits(m->r.atc[0x14], 3, 2);
}

/* With eight bits a pixel two dots make one, and the palette is passed over. */
static u32 model_pixel(const struct model *m, u32 even, u32 odd, u32 dot)
{
    u32 on = bits(m->r.atc[0x12], 3, 0);

    if (bit(m->r.atc[0x10], 6))
        return model_dac(m, (even & on) * 16 + (odd & on));
    return model_dac(m, model_attribute(m, dot));
}

/* ---- CRTC */

static u32 model_address(const struct model *m, u32 counter, u32 row)
{
    u32 a = counter % 65536, out = 0;
    bool dword = bit(m->r.crtc[0x14], 6), byte = bit(m->r.crtc[0x17], 6);

    for (int n = 0; n < 16; n++) {
        bool b;
        if (dword)
            b = n >= 2 ? bit(a, n - 2) : bit(a, 14 + n);
        else if (byte)
            b = bit(a, n);
        else
            b = n >= 1 ? bit(a, n - 1) : bit(a, bit(m->r.crtc[0x17], 5) ? 15 : 13);
        if (n == 13 && !bit(m->r.crtc[0x17], 0))
            b = bit(row, 0);
        if (n == 14 && !bit(m->r.crtc[0x17], 1))
            b = bit(row, 1);
        out += (u32)b << n;
    }
    return out;
}

static u32 chars_per_count(const struct model *m)
{
    return bit(m->r.crtc[0x14], 5) ? 4 : bit(m->r.crtc[0x17], 3) ? 2 : 1;
}

static u32 model_font(const struct model *m, bool a)
{
    static const u32 where[8] = { 0, 0x4000, 0x8000, 0xc000, 0x2000, 0x6000, 0xa000, 0xe000 };
    u32 map = a ? bits(m->r.seq[3], 3, 2) + 4 * bit(m->r.seq[3], 5)
                : bits(m->r.seq[3], 1, 0) + 4 * bit(m->r.seq[3], 4);
    return bit(m->r.seq[4], 1) ? where[map] : 0;
}

/* Four bits of dot x (0 to 8) of character col of a line. */
static u32 text_dot(const struct model *m, u32 base, u32 row, u32 col, u32 x)
{
    const u8 *cr = m->r.crtc;
    u32 at = model_address(m, base + col / chars_per_count(m), row);
    u8 ch = m->plane[0][at], attr = m->plane[1][at];
    u8 glyph = m->plane[2][(model_font(m, bit(attr, 3)) + ch * 32u + row) % 65536];
    bool on = x < 8 ? bit(glyph, 7 - (int)x)
                    : bit(m->r.atc[0x10], 2) && ch >= 0xc0 && ch <= 0xdf && bit(glyph, 0);
    u32 back = bits(attr, 7, 4);

    if (bit(m->r.atc[0x10], 1) && (attr & 0x77) == 1 && row == bits(cr[0x14], 4, 0))
        on = true;
    if (bit(m->r.atc[0x10], 3)) {
        back = bits(attr, 6, 4);
        if (bit(attr, 7) && m->frames / 16 % 2)
            on = false;
    }
    /* The cursor's signal comes late by the skew, within the line. */
    u32 skew = bits(cr[0xb], 6, 5), start = bits(cr[0xa], 4, 0), end = bits(cr[0xb], 4, 0);
    if (!bit(cr[0xa], 5) && row >= start && row <= end && col >= skew &&
        (base + (col - skew) / chars_per_count(m)) % 65536 == cr[0xe] * 256u + cr[0xf] &&
        m->frames / 8 % 2 == 0)
        on = true;
    return on ? bits(attr, 3, 0) : back;
}

/* The same for graphics. A ninth dot is none of the eight that were loaded: 0. */
static u32 graphics_dot(const struct model *m, u32 base, u32 row, u32 col, u32 x)
{
    u32 loaded = bit(m->r.seq[1], 4) ? 4 : bit(m->r.seq[1], 2) ? 2 : 1;
    u32 at = model_address(m, base + col / chars_per_count(m), row), dot = 0;

    if (col % loaded || x >= 8) {
        dot = 0; /* nothing is left in the serializers */
    } else if (bit(m->r.gc[5], 6)) {
        dot = x % 2 ? bits(m->plane[x / 2][at], 3, 0) : bits(m->plane[x / 2][at], 7, 4);
    } else if (bit(m->r.gc[5], 5)) {
        int hi = 7 - 2 * (int)(x % 4);
        dot = bits(m->plane[x / 4][at], hi, hi - 1) + 4 * bits(m->plane[x / 4 + 2][at], hi, hi - 1);
    } else {
        for (int p = 0; p < 4; p++)
            dot += (u32)bit(m->plane[p][at], 7 - (int)x) << p;
    }
    /* Blinking in graphics modes alternates bit 3; eight-bit pixels don't blink. */
    if (bit(m->r.atc[0x10], 3) && !bit(m->r.atc[0x10], 6) && m->frames / 16 % 2)
        dot ^= 8;
    return dot;
}

static u32 model_dot(const struct model *m, u32 base, u32 row, u32 n)
{
    u32 per = dots_per_char(m), col = n / per, x = n % per;

    return bit(m->r.gc[6], 0) ? graphics_dot(m, base, row, col, x)
                              : text_dot(m, base, row, col, x);
}

static void model_line(const struct model *m, u32 base, u32 row, u32 pan, u32 *out)
{
    u32 width = model_width(m), per = dots_per_char(m);

    for (u32 px = 0; px < width; px++) {
        u32 n = (bit(m->r.seq[1], 3) ? px / 2 : px) + pan;
        u32 dot = model_dot(m, base, row, n), even = 0, odd = 0;
        if (bit(m->r.atc[0x10], 6)) { /* pairs begin at the character's first dot */
            u32 first = n - n % per % 2;
            even = model_dot(m, base, row, first);
            odd = first % per + 1 < per ? model_dot(m, base, row, first + 1) : 0;
        }
        out[px] = model_pixel(m, even, odd, dot);
    }
}

static u32 model_pan(const struct model *m)
{
    u32 pan = bits(m->r.atc[0x13], 3, 0);

    if (dots_per_char(m) == 9)
        return pan < 8 ? pan + 1 : 0;
    return bit(m->r.atc[0x10], 6) ? bits(pan, 2, 1) * 2 : bits(pan, 2, 0);
}

static void model_picture(const struct model *m, u32 *out)
{
    const u8 *cr = m->r.crtc;
    u32 base = m->start + bits(cr[8], 6, 5), row = bits(cr[8], 4, 0);
    u32 pan = model_pan(m), height = model_height(m), half = bit(cr[0x17], 2) ? 2 : 1;
    u32 compare = cr[0x18] + 256u * bit(cr[7], 4) + 512u * bit(cr[9], 6);
    bool again = bit(cr[9], 7);

    for (u32 y = 0; y < height; y++) {
        model_line(m, base, row, pan, out + (size_t)y * model_width(m));
        if ((y + 1) % half == 0 && y / half == compare) {
            bool still = bit(m->r.atc[0x10], 5);
            base = still ? 0 : bits(cr[8], 6, 5);
            pan = still ? 0 : pan;
            row = 0;
            again = bit(cr[9], 7);
        } else if (again) {
            again = false;
        } else {
            again = bit(cr[9], 7);
            if (row == bits(cr[9], 4, 0)) {
                row = 0;
                base += cr[0x13] * 2u;
            } else {
                row = (row + 1) % 32;
            }
        }
    }
}

/* ---- random settings */

static void put_regs(struct bench *b, const struct model *m)
{
    out8(b->r, 0x3c2, m->r.misc);
    for (u8 i = 0; i < 5; i++)
        seq(b, i, m->r.seq[i]);
    crtc(b, 0x11, 0); /* the protect bit */
    for (u8 i = 0; i < 0x19; i++)
        crtc(b, i, m->r.crtc[i]);
    for (u8 i = 0; i < 9; i++)
        gc(b, i, m->r.gc[i]);
    for (u8 i = 0; i < 0x15; i++)
        atc(b, i, m->r.atc[i]);
    if (!m->pas) {
        in8(b->r, crtc_port(b) + 6);
        out8(b->r, 0x3c0, 0);
    }
}

static const struct vga_mode *const bases[] = { &mode_03, &mode_04, &mode_06,
                                                &mode_07, &mode_12, &mode_13 };

static void new_regs(struct model *m, u64 *s)
{
    struct vga_mode *r = &m->r;

    *r = *bases[rnd(s) % ARRAY_LEN(bases)];
    u32 wild = rnd(s) % 4; /* from a mode with a change or two to chaos */
    u32 changes = wild == 0 ? 1 + rnd(s) % 3 : wild == 1 ? 8 : wild == 2 ? 30 : 200;
    for (u32 k = 0; k < changes; k++) {
        u8 v = (u8)(rnd(s) >> 3);
        if (rnd(s) % 4 == 0) /* one bit of what was there */
            v = 0;
        u8 one = (u8)(1u << rnd(s) % 8);
        u32 i;
        switch (rnd(s) % 8) {
        case 0:
        case 1:
        case 2:
            i = rnd(s) % 0x19;
            r->crtc[i] = v ? v : r->crtc[i] ^ one;
            break;
        case 3:
            i = rnd(s) % 0x15;
            r->atc[i] = v ? v : r->atc[i] ^ one;
            break;
        case 4:
            i = 0x10 + rnd(s) % 5;
            r->atc[i] = v ? v : r->atc[i] ^ one;
            break;
        case 5:
            i = rnd(s) % 5;
            r->seq[i] = v ? v : r->seq[i] ^ one;
            break;
        case 6:
            r->gc[5 + rnd(s) % 2] ^= one;
            break;
        default:
            r->misc ^= one & 0x0d;
            break;
        }
    }
    /* Small pictures, or the dots would take minutes: mostly some characters and some dozen lines,
     * with what is special put where they can be seen. */
    if (rnd(s) % 64) {
        r->crtc[1] = (u8)(rnd(s) % 20);
        r->crtc[0x12] = (u8)(rnd(s) % 50);
        r->crtc[7] &= (u8)~0x42;
        if (rnd(s) % 2) {
            r->crtc[7] &= (u8)~0x10;
            r->crtc[9] &= (u8)~0x40;
            r->crtc[0x18] = (u8)(rnd(s) % 60);
        }
        if (rnd(s) % 2) {
            r->crtc[9] = (u8)((r->crtc[9] & 0xe0) | rnd(s) % 9);
            r->crtc[0x0a] = (u8)(rnd(s) % 8);
            r->crtc[0x0b] = (u8)((r->crtc[0x0b] & 0x60) | rnd(s) % 10);
        }
        if (rnd(s) % 2) { /* cursor near the first cells */
            u32 c = r->crtc[0x0c] * 256u + r->crtc[0x0d] + rnd(s) % 40;
            r->crtc[0x0e] = (u8)(c >> 8);
            r->crtc[0x0f] = (u8)c;
        }
        if (rnd(s) % 2)
            r->crtc[0x14] = (u8)((r->crtc[0x14] & 0xe0) | rnd(s) % 10);
    }
    m->pas = rnd(s) % 64;
    r->seq[0] |= rnd(s) % 64 ? 3 : 0;
    r->crtc[0x17] |= rnd(s) % 64 ? 0x80 : 0;
    r->seq[1] &= rnd(s) % 64 ? 0xdf : 0xff;
    r->misc |= 2;
    /* registers hold the bits that exist */
    for (u32 i = 0; i < 16; i++)
        r->atc[i] &= 0x3f;
}

static void fill(struct bench *b, struct model *m, u64 *s)
{
    for (u32 a = 0; a < 65536; a++) {
        u32 v = rnd(s) ^ rnd(s) << 8;
        if (rnd(s) % 4 == 0) /* underlined, blinking */
            v = (v & 0xffff00ff) | (rnd(s) % 2 ? 0x8100 : 0x0100);
        memw32(b->r, LFB + a * 4, v);
        for (u32 p = 0; p < 4; p++)
            m->plane[p][a] = (u8)(v >> (8 * p));
    }
    for (u32 i = 0; i < 256; i++) {
        out8(b->r, 0x3c8, (u8)i);
        for (int k = 0; k < 3; k++) {
            m->dac[i][k] = (u8)(rnd(s) % 64);
            out8(b->r, 0x3c9, m->dac[i][k] | (rnd(s) % 4 ? 0 : 0xc0));
        }
    }
}

static void check_picture(const struct bench *b, struct model *m, u32 *want, u64 seed, u32 n)
{
    const struct display_frame *f = b->f;

    if (model_blank(m)) {
        ck_assert_msg(f->width == 0, "seed %llu round %u: %u wide, should be blank",
                      (unsigned long long)seed, n, f->width);
        return;
    }
    ck_assert_msg(f->width == model_width(m) && f->height == model_height(m),
                  "seed %llu round %u: %ux%u instead of %ux%u", (unsigned long long)seed, n,
                  f->width, f->height, model_width(m), model_height(m));
    m->frames = model_frames(m);
    model_picture(m, want);
    for (u32 y = 0; y < f->height; y++) {
        const u32 *got = f->pixels + (size_t)y * f->stride, *w = want + (size_t)y * f->width;
        if (!memcmp(got, w, f->width * sizeof(*w)))
            continue;
        u32 x = 0;
        while (got[x] == w[x])
            x++;
        ck_abort_msg("seed %llu round %u: pixel %u,%u of %ux%u is %06x, should be %06x (misc %02x "
                     "seq1 %02x crtc8 %02x 9 %02x 14 %02x 17 %02x gc5 %02x 6 %02x atc10 %02x)",
                     (unsigned long long)seed, n, x, y, f->width, f->height, got[x], w[x],
                     m->r.misc, m->r.seq[1], m->r.crtc[8], m->r.crtc[9], m->r.crtc[0x14],
                     m->r.crtc[0x17], m->r.gc[5], m->r.gc[6], m->r.atc[0x10]);
    }
}

START_TEST(picture_is_the_model)
{
    const char *only = getenv("VGA_MODEL_SEED");
    u64 seed = only ? strtoull(only, NULL, 0) : 0x5eed0000 + (u64)_i, s = seed;
    struct bench *b = bench_frames();
    struct model *m = calloc(1, sizeof(*m));
    u32 *want = malloc(2560 * 2048 * sizeof(*want));

    m->dac_mask = 0xff;
    for (u32 n = 0; n < 800; n++) {
        if (n % 100 == 0)
            fill(b, m, &s);
        if (n % 10 == 0) {
            m->dac_mask = rnd(&s) % 2 ? 0xff : (u8)rnd(&s);
            out8(b->r, 0x3c6, m->dac_mask);
        }
        new_regs(m, &s);
        put_regs(b, m);
        m->start = m->r.crtc[0x0c] * 256u + m->r.crtc[0x0d];
        step_ns(b->r, 1000000000ull + rnd(&s) % 800000000); /* over a retrace, into some phase */
        m->ns = now_ns(b->r);
        render(b);
        check_picture(b, m, want, seed, n);
    }
    free(want);
    free(m);
    bench_free(b);
}
END_TEST

/* ---- linear modes and the planar one of DISPI */

struct linear {
    u32 w, h, bpp, vw, x, y;
    bool eight;
};

static u8 *linear_memory(struct bench *b) { return rig_ram(b->r, VRAM_AT); }

static u32 scale(u32 v, int n) /* n bits to eight, full scale to full scale */
{
    return n == 5 ? v * 8 + v / 4 : n == 6 ? v * 4 + v / 16 : v;
}

static u32 linear_pixel(const struct model *m, struct bench *b, const struct linear *l, u32 px,
                        u32 py)
{
    const u8 *mem = linear_memory(b);
    u32 x = px + l->x, y = py + l->y, v = 0;

    if (l->bpp == 4) {
        u32 at = y * (l->vw / 8) + x / 8, dot = 0;
        for (u32 p = 0; p < 4; p++)
            dot += (u32)bit(mem[at * 4 + p], 7 - (int)(x % 8)) << p;
        return model_dac(m, model_attribute(m, dot));
    }
    u32 bytes = l->bpp == 15 ? 2 : l->bpp / 8;
    for (u32 k = 0; k < bytes; k++)
        v += (u32)mem[(y * l->vw + x) * bytes + k] << 8 * k;
    if (l->bpp == 8 && l->eight) {
        const u8 *c = m->dac[v & m->dac_mask];
        return c[0] * 65536u + c[1] * 256u + c[2];
    }
    switch (l->bpp) {
    case 8: return model_dac(m, v);
    case 15:
        return scale(bits(v, 14, 10), 5) << 16 | scale(bits(v, 9, 5), 5) << 8 |
               scale(bits(v, 4, 0), 5);
    case 16:
        return scale(bits(v, 15, 11), 5) << 16 | scale(bits(v, 10, 5), 6) << 8 |
               scale(bits(v, 4, 0), 5);
    default: return bits(v, 23, 0);
    }
}

/* Offsets and sizes within what 1 MB allows. */
static void new_linear(struct linear *l, u64 *s)
{
    static const u8 depths[] = { 4, 8, 15, 16, 24, 32 };

    l->bpp = depths[rnd(s) % ARRAY_LEN(depths)];
    l->w = 1 + rnd(s) % 200;
    l->h = 1 + rnd(s) % 60;
    l->vw = l->w + rnd(s) % 300;
    if (l->bpp == 4)
        l->vw = (l->vw + 7) / 8 * 8;
    l->x = rnd(s) % (l->vw - l->w + 1);
    l->y = rnd(s) % 400;
    l->eight = rnd(s) % 2;
}

static void put_linear(struct bench *b, struct model *m, const struct linear *l, u64 *s)
{
    dispi(b, 4, 0x80 | (l->eight ? 0x20 : 0));
    dispi(b, 1, (u16)l->w);
    dispi(b, 2, (u16)l->h);
    dispi(b, 3, (u16)l->bpp);
    dispi(b, 4, 0xc1 | (l->eight ? 0x20 : 0));
    dispi(b, 6, (u16)l->vw);
    dispi(b, 8, (u16)l->x);
    dispi(b, 9, (u16)l->y);
    for (u32 i = 0; i < 256; i++) {
        out8(b->r, 0x3c8, (u8)i);
        for (int k = 0; k < 3; k++) {
            m->dac[i][k] = (u8)(rnd(s) >> 5) & (l->eight ? 0xff : 0x3f);
            out8(b->r, 0x3c9, m->dac[i][k]);
        }
    }
    m->dac_mask = rnd(s) % 2 ? 0xff : (u8)rnd(s);
    out8(b->r, 0x3c6, m->dac_mask);
    for (u8 i = 0; i < 0x15; i++) {
        m->r.atc[i] = (u8)(rnd(s) & (i < 16 ? 0x3f : i == 0x10 ? 0x80 : 0x0f));
        atc(b, i, m->r.atc[i]);
    }
}

START_TEST(linear_picture_is_the_model)
{
    u64 seed = 0x11ea0000 + (u64)_i, s = seed;
    struct bench *b = bench_frames();
    struct model *m = calloc(1, sizeof(*m));
    u32 used[33] = { 0 };

    for (u32 i = 0; i < 0x100000; i += 4)
        memw32(b->r, LFB + i, rnd(&s) ^ rnd(&s) << 9);
    for (u32 n = 0; n < 400; n++) {
        struct linear l;
        new_linear(&l, &s);
        put_linear(b, m, &l, &s);
        if (l.bpp == 4 && l.eight)
            continue; /* a palette of six bits is what planar modes are tested with */
        render(b);
        ck_assert_msg(b->f->width == l.w && b->f->height == l.h, "seed %llu round %u: %ux%u",
                      (unsigned long long)seed, n, b->f->width, b->f->height);
        for (u32 y = 0; y < l.h; y++)
            for (u32 x = 0; x < l.w; x++)
                ck_assert_msg(pixel(b, x, y) == linear_pixel(m, b, &l, x, y),
                              "seed %llu round %u: %u,%u of %ux%ux%u, %u wide from %u,%u: "
                              "%06x, not %06x", (unsigned long long)seed, n, x, y, l.w, l.h,
                              l.bpp, l.vw, l.x, l.y, pixel(b, x, y),
                              linear_pixel(m, b, &l, x, y));
        used[l.bpp]++;
    }
    ck_assert(used[4] > 10 && used[8] > 10 && used[15] > 10 && used[16] > 10 && used[24] > 10 &&
              used[32] > 10);
    free(m);
    bench_free(b);
}
END_TEST

Suite *suite_vga_model(void);
Suite *suite_vga_model(void)
{
    Suite *s = suite_create("vga_model");
    TCase *tc = tcase_create("picture");

    tcase_set_timeout(tc, 240);
    tcase_add_loop_test(tc, picture_is_the_model, 0, 4);
    tcase_add_loop_test(tc, linear_picture_is_the_model, 0, 2);
    suite_add_tcase(s, tc);
    return s;
}
