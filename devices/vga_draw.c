/* SPDX-License-Identifier: MIT */
/* The picture of the VGA, from its registers and memory: no list of modes. (IBM Personal
 * System/2 Hardware Interface Technical Reference, "Video Subsystem": CRTC, serializers, attribute
 * controller, DAC.)
 *
 * A frame is the raster that the monitor gets: a mode of 320x200 fills 640x400 dots, as its dots
 * and lines are doubled there. A blank screen is a frame of width 0. Only lines that may have
 * changed are drawn: RAM_CLEAN says which pages of VRAM were written, each line remembers the
 * pages it was made from, and the registers are compared with those of the last time. Lines carry
 * the generation of their last change, so that several frames may be kept up to date. */
#include "devices/vga.h"

enum view_kind { VIEW_BLANK, VIEW_TEXT, VIEW_GRAPHICS, VIEW_LINEAR };

struct view {
    enum view_kind kind;
    u32 width, height;
    u32 cols, char_dots, scale;  /* scale: pixels per dot */
    u32 first_page, last_page;   /* of VRAM, that can be visible */
    bool dispi;
    /* cursor, text */
    u32 cursor_at, cursor_skew, cursor_start, cursor_end;
    bool cursor_shown;           /* by the registers */
    bool cursor_on, blink_on;    /* phases */
    u32 font[2];                 /* address in plane 2 by attribute bit 3 */
    /* colours */
    u8 atc[16];                  /* four bits of a dot -> DAC address */
    u32 rgb[256];                /* DAC address -> 00RRGGBB */
};

/* Where the CRTC is at the start of a line. */
struct scan {
    u32 ma;         /* address counter */
    u32 row_scan;
    u32 pan;        /* dots to the left */
    bool second;    /* of two lines with the same row_scan */
    bool new_row;   /* first line of a character row */
};

/* A line as it is being made. */
struct drawing {
    u32 page_lo, page_hi;
    u8 flags;
};

static u32 fetch(const struct vga *v, struct drawing *d, u32 addr)
{
    u32 off = addr * 4, page = off >> PAGE_SHIFT;

    if (off >= v->vram_size)
        return 0;
    d->page_lo = MIN(d->page_lo, page);
    d->page_hi = MAX(d->page_hi, page);
    return vga_vram_rd32(v, off);
}

/* ---- what the registers say ---- */

static u32 font_address(u32 map, bool extended)
{
    return extended ? (map & 3) * 0x4000 + (map >> 2) * 0x2000 : 0;
}

static void view_pages(const struct vga *v, struct view *w)
{
    const u16 *d = v->r.dispi;
    u32 last = (v->vram_size >> PAGE_SHIFT) - 1;

    if (!w->dispi) {
        w->first_page = 0;
        w->last_page = MIN(last, (0x40000u >> PAGE_SHIFT) - 1);
        return;
    }
    u64 line = (u64)vga_dispi_pitch(v) * (d[DISPI_BPP] == 4 ? 4 : 1);
    w->first_page = (u32)(line * d[DISPI_Y_OFFSET] >> PAGE_SHIFT);
    w->last_page = (u32)(line * ((u64)d[DISPI_Y_OFFSET] + w->height) >> PAGE_SHIFT);
    w->first_page = MIN(w->first_page, last);
    w->last_page = MIN(w->last_page, last);
}

static void view_blink(struct vga *v, struct view *w)
{
    bool blink = w->kind == VIEW_TEXT ||
                 (w->kind == VIEW_GRAPHICS && (v->r.atc[0x10] & ATC10_BLINK));

    w->cursor_on = w->blink_on = true;
    if (!blink)
        return;
    /* The cursor changes every 8 frames, characters every 16. */
    u64 frames = vga_frame_count(v);
    w->cursor_on = !(frames & 8);
    w->blink_on = !(frames & 16);
}

static void make_view(struct vga *v, struct view *w)
{
    const struct vga_regs *r = &v->r;
    const u8 *cr = r->crtc;

    memset(w, 0, offsetof(struct view, atc));
    w->dispi = r->dispi[DISPI_ENABLE] & DISPI_ENABLED;
    if (!(r->atc_index & ATC_PAS) || (r->seq[1] & SEQ1_OFF) || !r->enabled)
        return;
    /* A linear mode needs neither the sequencer nor the CRTC; drivers without BIOS leave them. */
    if (!w->dispi && ((r->seq[0] & 3) != 3 || !(cr[0x17] & CR17_SYNC)))
        return;

    w->char_dots = 8;
    w->scale = 1;
    if (w->dispi) {
        w->kind = r->dispi[DISPI_BPP] == 4 ? VIEW_GRAPHICS : VIEW_LINEAR;
        w->width = r->dispi[DISPI_XRES];
        w->height = r->dispi[DISPI_YRES];
        w->cols = (w->width + 7) / 8;
    } else {
        w->kind = r->gc[6] & GC6_GRAPHICS ? VIEW_GRAPHICS : VIEW_TEXT;
        w->cols = cr[1] + 1u;
        w->char_dots = r->seq[1] & SEQ1_8DOT ? 8 : 9;
        w->scale = r->seq[1] & SEQ1_HALF_CLOCK ? 2 : 1;
        w->width = MIN(w->cols * w->char_dots * w->scale, DISPLAY_MAX_WIDTH);
        w->height = (cr[0x12] | (cr[7] & 2u) << 7 | (cr[7] & 0x40u) << 3) + 1;
        if (cr[0x17] & CR17_LINES_BY2)
            w->height *= 2;
        w->height = MIN(w->height, DISPLAY_MAX_HEIGHT);
    }
    view_pages(v, w);
    view_blink(v, w);
    if (w->kind != VIEW_TEXT)
        return;

    w->cursor_at = (u32)cr[0xe] << 8 | cr[0xf];
    w->cursor_skew = cr[0xb] >> 5 & 3;
    w->cursor_start = cr[0xa] & 0x1f;
    w->cursor_end = cr[0xb] & 0x1f;
    w->cursor_shown = !(cr[0xa] & 0x20) && w->cursor_start <= w->cursor_end;
    u8 maps = r->seq[3];
    bool extended = r->seq[4] & SEQ4_EXTENDED;
    w->font[0] = font_address((maps & 3) | (maps >> 2 & 4), extended);
    w->font[1] = font_address((maps >> 2 & 3) | (maps >> 3 & 4), extended);
}

static void make_colours(const struct vga *v, struct view *w)
{
    const struct vga_regs *r = &v->r;
    bool eight = r->dispi[DISPI_ENABLE] & DISPI_8BIT_DAC;

    for (unsigned i = 0; i < 16; i++) {
        u8 p = r->atc[i & r->atc[0x12] & 15];
        if (r->atc[0x10] & ATC10_P54S)
            p = (u8)((p & 0xf) | (r->atc[0x14] & 3) << 4);
        w->atc[i] = (u8)(p | (r->atc[0x14] >> 2 & 3) << 6);
    }
    for (unsigned i = 0; i < 256; i++) {
        const u8 *c = &r->dac[(i & r->dac_mask) * 3];
        u32 rgb = (u32)c[0] << 16 | (u32)c[1] << 8 | c[2];
        /* Full scale of six bits is full scale of eight. */
        w->rgb[i] = eight ? rgb : (rgb & 0xfcfcfc) | (rgb >> 6 & 0x030303);
    }
}

/* ---- CRTC ---- */

static u32 byte_pan(const struct vga_regs *r) { return r->crtc[8] >> 5 & 3; }

static void scan_start(const struct vga *v, const struct view *w, struct scan *s)
{
    const struct vga_regs *r = &v->r;
    u32 pan = r->atc[0x13] & 15;

    memset(s, 0, sizeof(*s));
    s->new_row = true;
    if (w->dispi) {
        u32 x = r->dispi[DISPI_X_OFFSET];
        s->ma = r->dispi[DISPI_Y_OFFSET] * vga_dispi_pitch(v);
        if (w->kind == VIEW_GRAPHICS) {
            s->ma += x / 8;
            s->pan = x & 7;
        }
        return;
    }
    s->ma = (vga_start_address(v) + byte_pan(r)) & 0xffff;
    s->row_scan = r->crtc[8] & 0x1f;
    if (w->char_dots == 9) /* 8 is no shift, 0 is one dot */
        s->pan = pan >= 8 ? 0 : pan + 1;
    else if (r->atc[0x10] & ATC10_PEL_HALF)
        s->pan = pan & 6;
    else
        s->pan = pan & 7;
}

/* From line y to the next. */
static void scan_next(const struct vga *v, const struct view *w, struct scan *s, u32 y)
{
    const struct vga_regs *r = &v->r;
    const u8 *cr = r->crtc;

    s->new_row = false;
    if (w->dispi) {
        s->ma += vga_dispi_pitch(v);
        return;
    }
    u32 compare = cr[0x18] | (cr[7] & 0x10u) << 4 | (cr[9] & 0x40u) << 3;
    bool by2 = cr[0x17] & CR17_LINES_BY2;
    if (y >> by2 == compare && (!by2 || (y & 1))) {
        bool pan_stays = !(r->atc[0x10] & ATC10_PAN_SPLIT);
        s->ma = pan_stays ? byte_pan(r) : 0;
        s->pan = pan_stays ? s->pan : 0;
        s->row_scan = 0;
        s->second = false;
        s->new_row = true;
        return;
    }
    if ((cr[9] & 0x80) && !s->second) {
        s->second = true;
        return;
    }
    s->second = false;
    if (s->row_scan == (cr[9] & 0x1fu)) {
        s->row_scan = 0;
        s->ma = (s->ma + cr[0x13] * 2u) & 0xffff;
        s->new_row = true;
    } else {
        s->row_scan = (s->row_scan + 1) & 0x1f;
    }
}

/* Address counter to memory address: byte, word or doubleword mode, then the row scan counter
 * in place of bits 13 and 14 for the interleaved lines of CGA and Hercules. */
static u32 memory_address(const u8 *cr, u32 counter, u32 row_scan)
{
    u32 a = counter & 0xffff;

    if (cr[0x14] & 0x40)
        a = a << 2 | (a >> 14 & 3);
    else if (!(cr[0x17] & CR17_BYTE))
        a = a << 1 | (a >> (cr[0x17] & CR17_WRAP16 ? 15 : 13) & 1);
    if (!(cr[0x17] & CR17_NO_ROW0))
        a = (a & ~0x2000u) | (row_scan & 1) << 13;
    if (!(cr[0x17] & CR17_NO_ROW1))
        a = (a & ~0x4000u) | (row_scan >> 1 & 1) << 14;
    return a & 0xffff;
}

/* ---- one line ---- */

/* Characters for one step of the address counter, as a shift. */
static u32 count_shift(const u8 *cr)
{
    return cr[0x14] & 0x20 ? 2 : cr[0x17] & CR17_COUNT2 ? 1 : 0;
}

/* The dots of a character, on or off; bit 8 is the first of nine. */
static u32 text_dots(struct vga *v, const struct view *w, u32 glyph, u8 ch, u8 attr, u32 row_scan,
                     struct drawing *d)
{
    u8 mode = v->r.atc[0x10];
    u32 dots = glyph >> 15 & 0x1fe; /* the last one off */

    if ((mode & ATC10_LINE_GRAPHICS) && ch >= 0xc0 && ch <= 0xdf)
        dots |= dots >> 1 & 1;
    if ((mode & ATC10_MONO) && (attr & 0x77) == 1 && row_scan == (v->r.crtc[0x14] & 0x1fu))
        dots = 0x1ff;
    if ((mode & ATC10_BLINK) && (attr & 0x80)) {
        d->flags |= ROW_BLINK;
        if (!w->blink_on)
            dots = 0;
    }
    return dots;
}

static void draw_text(struct vga *v, const struct view *w, const struct scan *s, u32 cols,
                      struct drawing *d)
{
    const struct vga_regs *r = &v->r;
    u32 shift = count_shift(r->crtc), skew = w->cursor_skew;
    u8 planes = r->atc[0x12] & 15, *out = v->dots;
    u8 back = r->atc[0x10] & ATC10_BLINK ? 7 : 15;
    bool pairs = r->atc[0x10] & ATC10_PEL_HALF;
    bool cursor_line = w->cursor_shown && s->row_scan >= w->cursor_start &&
                       s->row_scan <= w->cursor_end;

    for (u32 col = 0; col < cols; col++) {
        u32 cell = fetch(v, d, memory_address(r->crtc, s->ma + (col >> shift), s->row_scan));
        u8 ch = (u8)cell, attr = (u8)(cell >> 8);
        u32 glyph = fetch(v, d, (w->font[attr >> 3 & 1] + ch * 32u + s->row_scan) & 0xffff);
        u32 dots = text_dots(v, w, glyph, ch, attr, s->row_scan, d);
        u8 fg = attr & 15, bg = attr >> 4 & back;

        /* The skew delays the cursor's signal within the line. */
        if (cursor_line && col >= skew &&
            ((s->ma + ((col - skew) >> shift)) & 0xffff) == w->cursor_at) {
            d->flags |= ROW_CURSOR;
            if (w->cursor_on)
                dots = 0x1ff;
        }
        if (pairs) { /* no text mode of the BIOS: two dots of four bits make one of eight */
            fg &= planes;
            bg &= planes;
            for (u32 i = 0; i < w->char_dots; i++) {
                u32 even = i & ~1u, odd = even + 1;
                u8 lo = odd == w->char_dots ? 0 : dots & (0x100u >> odd) ? fg : bg;
                *out++ = (u8)((dots & (0x100u >> even) ? fg : bg) << 4 | lo);
            }
        } else {
            u8 on = w->atc[fg], off = w->atc[bg];
            for (u32 i = 0; i < w->char_dots; i++)
                *out++ = dots & (0x100u >> i) ? on : off;
        }
    }
}

/* The eight dots of one load of the serializers, four bits each. */
static void serialize(u8 mode, u32 data, u8 *dot)
{
    if (mode & GC5_256) {
        for (unsigned i = 0; i < 4; i++) {
            u8 b = (u8)(data >> (8 * i));
            dot[2 * i] = b >> 4;
            dot[2 * i + 1] = b & 15;
        }
    } else if (mode & GC5_INTERLEAVE) {
        /* Pairs of bits: planes 0 and 2 first, then 1 and 3. */
        for (unsigned i = 0; i < 8; i++) {
            u32 pair = data >> (i < 4 ? 0 : 8), shift = 6 - 2 * (i & 3);
            dot[i] = (u8)((pair >> shift & 3) | (pair >> 16 >> shift & 3) << 2);
        }
    } else {
        for (unsigned i = 0; i < 8; i++) {
            u32 b = data >> (7 - i) & 0x01010101u;
            dot[i] = (u8)((b | b >> 7 | b >> 14 | b >> 21) & 15);
        }
    }
}

static void draw_graphics(struct vga *v, const struct view *w, const struct scan *s, u32 cols,
                          struct drawing *d)
{
    const struct vga_regs *r = &v->r;
    const u8 *cr = r->crtc;
    u8 mode = r->gc[5], planes = r->atc[0x12] & 15, *out = v->dots;
    u8 blink = (r->atc[0x10] & ATC10_BLINK) && !w->blink_on ? 8 : 0;
    bool pairs = !w->dispi && (r->atc[0x10] & ATC10_PEL_HALF);
    u8 planes8 = (u8)(planes << 4 | planes);
    u32 shift = count_shift(cr), load_mask = 0;

    if (w->dispi)
        mode = 0;
    else if (r->seq[1] & SEQ1_LOAD4)
        load_mask = 3;
    else if (r->seq[1] & SEQ1_LOAD2)
        load_mask = 1;
    for (u32 col = 0; col < cols; col++) {
        u32 data = 0;
        u8 dot[10] = { 0 };

        if (w->dispi)
            data = fetch(v, d, s->ma + col);
        else if (!(col & load_mask)) /* between loads the serializers run empty */
            data = fetch(v, d, memory_address(cr, s->ma + (col >> shift), s->row_scan));
        if (pairs && (mode & GC5_256) && w->char_dots == 8) {
            for (unsigned i = 0; i < 4; i++, data >>= 8, out += 2)
                out[0] = out[1] = (u8)data & planes8;
            continue;
        }
        serialize(mode, data, dot);
        for (u32 i = 0; i < w->char_dots; i++) {
            if (!pairs)
                *out++ = w->atc[dot[i] ^ blink];
            else
                *out++ = (u8)((dot[i & ~1u] << 4 | dot[i | 1]) & planes8);
        }
    }
}

/* Dots to pixels. */
static void colour_line(struct vga *v, const struct view *w, u32 pan)
{
    const u8 *dots = v->dots + pan;
    u32 *out = v->line;

    if (w->scale == 1) {
        for (u32 x = 0; x < w->width; x++)
            out[x] = w->rgb[dots[x]];
    } else {
        for (u32 x = 0; x < w->width; x++)
            out[x] = w->rgb[dots[x / 2]];
    }
}

static u32 widen5(u32 c) { return c << 3 | c >> 2; }
static u32 widen6(u32 c) { return c << 2 | c >> 4; }

static void draw_linear(struct vga *v, const struct view *w, const struct scan *s,
                        struct drawing *d)
{
    u32 bpp = v->r.dispi[DISPI_BPP], bytes = (bpp + 7) / 8;
    u32 from = s->ma + v->r.dispi[DISPI_X_OFFSET] * bytes, len = w->width * bytes;
    u8 *p = v->dots;

    if (from >= v->vram_size || len > v->vram_size - from) {
        memset(v->line, 0, w->width * sizeof(*v->line));
        return;
    }
    d->page_lo = from >> PAGE_SHIFT;
    d->page_hi = (from + len - 1) >> PAGE_SHIFT;
    for (u32 done = 0; done < len;) {
        u32 at = from + done, n = MIN(len - done, PAGE_SIZE - (at & PAGE_MASK));
        memcpy(p + done, ram_rd(v->ram, v->frame0 + (at >> PAGE_SHIFT)) + (at & PAGE_MASK), n);
        done += n;
    }
    u32 *out = v->line;
    switch (bpp) {
    case 8:
        for (u32 x = 0; x < w->width; x++)
            out[x] = w->rgb[p[x]];
        break;
    case 15:
        for (u32 x = 0; x < w->width; x++) {
            u32 c = ld16(p + 2 * x);
            out[x] = widen5(c >> 10 & 31) << 16 | widen5(c >> 5 & 31) << 8 | widen5(c & 31);
        }
        break;
    case 16:
        for (u32 x = 0; x < w->width; x++) {
            u32 c = ld16(p + 2 * x);
            out[x] = widen5(c >> 11) << 16 | widen6(c >> 5 & 63) << 8 | widen5(c & 31);
        }
        break;
    case 24:
        for (u32 x = 0; x < w->width; x++)
            out[x] = (u32)p[3 * x + 2] << 16 | (u32)p[3 * x + 1] << 8 | p[3 * x];
        break;
    default:
        for (u32 x = 0; x < w->width; x++)
            out[x] = ld32(p + 4 * x) & 0xffffff;
        break;
    }
}

static void draw_line(struct vga *v, const struct view *w, const struct scan *s,
                      struct vga_row *row)
{
    struct drawing d = { UINT32_MAX, 0, 0 };
    u32 cols = w->cols + (s->pan != 0);

    v->lines_drawn++;
    row->ma = s->ma;
    switch (w->kind) {
    case VIEW_TEXT: draw_text(v, w, s, cols, &d); break;
    case VIEW_GRAPHICS: draw_graphics(v, w, s, cols, &d); break;
    default: draw_linear(v, w, s, &d); break;
    }
    if (w->kind != VIEW_LINEAR)
        colour_line(v, w, s->pan);
    row->page_lo = d.page_lo;
    row->page_hi = d.page_hi;
    row->flags = d.flags;
}

/* ---- what changed ---- */

/* The registers, without those that no picture shows. */
static void visible_regs(const struct vga *v, struct vga_regs *r)
{
    static const u8 hidden_gc[] = { 0, 1, 2, 3, 4, 7, 8 };
    static const u8 hidden_crtc[] = { 0x0a, 0x0b, 0x0e, 0x0f }; /* cursor: compared apart */

    u32 start = vga_start_address(v);

    memcpy(r, &v->r, sizeof(*r)); /* with its padding, for memcmp */
    r->crtc[0xc] = (u8)(start >> 8);
    r->crtc[0xd] = (u8)start;
    for (unsigned i = 0; i < ARRAY_LEN(hidden_gc); i++)
        r->gc[hidden_gc[i]] = 0;
    for (unsigned i = 0; i < ARRAY_LEN(hidden_crtc); i++)
        r->crtc[hidden_crtc[i]] = 0;
    r->seq[2] = 0;
    r->atc_index &= ATC_PAS;
    r->dispi[DISPI_BANK] = 0;
    r->dispi[DISPI_ENABLE] &= DISPI_ENABLED | DISPI_8BIT_DAC;
}

/* Which visible pages were written since the last time; marks them clean. */
static bool take_dirty(struct vga *v, const struct view *w)
{
    bool any = false;

    for (u32 p = w->first_page; p <= w->last_page; p++) {
        u32 frame = v->frame0 + p;
        v->dirty[p] = !(v->ram->flags[frame] & RAM_CLEAN);
        if (v->dirty[p]) {
            ram_set_flag(v->ram, frame, RAM_CLEAN);
            any = true;
        }
    }
    return any;
}

static bool pages_dirty(const struct vga *v, const struct view *w, const struct vga_row *row)
{
    u32 last = MIN(row->page_hi, w->last_page);
    for (u32 p = MAX(row->page_lo, w->first_page); p <= last; p++) {
        if (v->dirty[p])
            return true;
    }
    return false;
}

/* Finds the lines that may look different now and gives them a new generation. */
static void find_changes(struct vga *v, const struct view *w)
{
    struct vga_regs now;
    const u8 *cr = v->r.crtc;
    const u8 cursor[4] = { cr[0xa], cr[0xb], cr[0xe], cr[0xf] };
    bool dirty = take_dirty(v, w);

    visible_regs(v, &now);
    bool all = !v->drawn || memcmp(&now, &v->old, sizeof(now)) != 0;
    bool cursor_moved = w->kind == VIEW_TEXT && memcmp(cursor, v->old_cursor, sizeof(cursor)) != 0;
    bool blink = w->blink_on != v->old_blink_on;
    if (blink && w->kind == VIEW_GRAPHICS)
        all = true;
    u8 flags = (u8)((w->cursor_on != v->old_cursor_on || cursor_moved ? ROW_CURSOR : 0) |
                    (blink ? ROW_BLINK : 0));
    u32 gen = v->generation + 1;
    bool any = all;

    if (all || dirty || flags) {
        for (u32 y = 0; y < w->height; y++) {
            struct vga_row *row = &v->row[y];
            bool hit = all || (row->flags & flags) || (dirty && pages_dirty(v, w, row));
            if (!hit && cursor_moved)
                hit = ((w->cursor_at - row->ma) & 0xffff) <= w->cols;
            if (hit)
                row->gen = gen;
            any |= hit;
        }
    }
    if (any || cursor_moved)
        v->generation = gen;
    v->drawn = true;
    memcpy(&v->old, &now, sizeof(now));
    memcpy(v->old_cursor, cursor, sizeof(cursor));
    v->old_cursor_on = w->cursor_on;
    v->old_blink_on = w->blink_on;
}

/* ---- frames ---- */

static void fill_cells(const struct vga *v, const struct view *w, const struct scan *s,
                       struct display_frame *f)
{
    struct drawing unused = { 0, 0, 0 };

    if ((f->rows + 1) * w->cols > DISPLAY_TEXT_MAX)
        return;
    struct display_cell *cell = &f->cells[f->rows * w->cols];
    for (u32 col = 0; col < w->cols; col++) {
        u32 data = fetch(v, &unused, memory_address(v->r.crtc, s->ma + col, s->row_scan));
        cell[col] = (struct display_cell){ (u8)data, (u8)(data >> 8) };
    }
    u32 col = ((w->cursor_at - s->ma) & 0xffff) + w->cursor_skew;
    if (col < w->cols && w->cursor_shown && w->cursor_start <= (v->r.crtc[9] & 0x1fu) &&
        !f->cursor_visible) {
        f->cursor_visible = true;
        f->cursor_col = col;
        f->cursor_row = f->rows;
    }
    f->rows++;
}

static void show_line(struct vga *v, const struct view *w, struct display_frame *f, u32 y)
{
    u32 *to = f->pixels + (size_t)y * f->stride;

    if (!memcmp(to, v->line, w->width * sizeof(*to)))
        return;
    memcpy(to, v->line, w->width * sizeof(*to));
    f->row_gen[y] = v->generation;
    f->dirty_first = MIN(f->dirty_first, y);
    f->dirty_last = MAX(f->dirty_last, y);
}

static void render_blank(struct vga *v, struct display_frame *f)
{
    if (v->drawn || !v->generation)
        v->generation++;
    v->drawn = false;
    f->width = f->height = f->stride = 0;
    f->text = f->cursor_visible = false;
    f->cols = f->rows = 0;
    f->generation = v->generation;
}

void vga_render(void *dev, struct display_frame *f, bool full)
{
    struct vga *v = dev;
    struct view w;
    struct scan s, drawn = { 0 };
    const struct vga_row *drawn_row = NULL; /* what v->line holds */

    v->notified = false;
    f->dirty_first = 1;
    f->dirty_last = 0;
    make_view(v, &w);
    if (w.kind == VIEW_BLANK) {
        render_blank(v, f);
        return;
    }
    find_changes(v, &w);
    bool whole = full || f->width != w.width || f->height != w.height || !f->generation ||
                 f->generation > v->generation;
    if (!whole && f->generation == v->generation)
        return;

    make_colours(v, &w);
    if (f->width != w.width || f->height != w.height || f->generation > v->generation) {
        for (u32 y = 0; y < w.height; y++)
            f->row_gen[y] = v->generation;
    }
    f->width = f->stride = w.width;
    f->height = w.height;
    f->dirty_first = UINT32_MAX;
    f->text = w.kind == VIEW_TEXT;
    f->cursor_visible = false;
    f->cols = f->text ? w.cols : 0;
    f->rows = 0;
    scan_start(v, &w, &s);
    for (u32 y = 0; y < w.height; scan_next(v, &w, &s, y), y++) {
        struct vga_row *row = &v->row[y];
        if (f->text && s.new_row)
            fill_cells(v, &w, &s, f);
        if (!whole && row->gen <= f->generation)
            continue;
        if (drawn_row && drawn.ma == s.ma && drawn.row_scan == s.row_scan && drawn.pan == s.pan) {
            /* The same once more (double scan; several lines per row of pixels). */
            u32 gen = row->gen;
            *row = *drawn_row;
            row->gen = gen;
        } else {
            draw_line(v, &w, &s, row);
            drawn = s;
            drawn_row = row;
        }
        show_line(v, &w, f, y);
    }
    if (whole) {
        f->dirty_first = 0;
        f->dirty_last = w.height - 1;
    } else if (f->dirty_first == UINT32_MAX) {
        f->dirty_first = 1;
        f->dirty_last = 0;
    }
    f->generation = v->generation;
}
