/* SPDX-License-Identifier: MIT */
/* Published pictures. The display device renders into a frame of ours on the machine thread, at most
 * as often as somebody asks; front ends copy from it under a lock. */
#include "machine/machine.h"

#include "core/xalloc.h"

#define MIN_INTERVAL_NS 15000000ull

struct frame_store {
    struct display_frame work;   /* machine thread; pixels: MAX_WIDTH * MAX_HEIGHT, touched as needed */
    struct display_frame shown;  /* under m->lock; pixels of its own */
    u32 *shown_pixels;
    u64 shown_cap;
    u64 rows_copied;             /* under m->lock; since the start, both ways */
    volatile int wanted;         /* atomic: a front end waits for a newer picture */
    u64 last_ns;
};

bool picture_new(struct nb_machine *m)
{
    struct frame_store *f = xcalloc(1, sizeof *f);

    f->work.pixels = xcalloc((size_t)DISPLAY_MAX_WIDTH * DISPLAY_MAX_HEIGHT, 4);
    m->frames = f;
    return true;
}

void picture_free(struct nb_machine *m)
{
    if (!m->frames)
        return;
    xfree(m->frames->work.pixels);
    xfree(m->frames->shown_pixels);
    xfree(m->frames);
    m->frames = NULL;
}

/* Copies the rows of `from` that are newer than `since`, or all, to pixels of the same size. They
 * make the dirty range; first > last: none. */
static void copy_rows(struct frame_store *s, const struct display_frame *from, u32 *to, u32 since,
                      bool all, u32 *first, u32 *last)
{
    *first = MAX(from->height, 1u);
    *last = 0;
    for (u32 y = 0; y < from->height; y++) {
        if (!all && from->row_gen[y] <= since)
            continue;
        memcpy(to + (size_t)y * from->width, from->pixels + (size_t)y * from->stride,
               (size_t)from->width * 4);
        *first = MIN(*first, y);
        *last = y;
        s->rows_copied++;
    }
}

/* From the machine thread's frame to the one that front ends copy from: what is new. */
static void publish(struct nb_machine *m, struct frame_store *f)
{
    const struct display_frame *work = &f->work;
    u64 n = (u64)work->width * work->height;
    u32 first, last;

    os_mutex_lock(m->lock);
    bool all = f->shown.width != work->width || f->shown.height != work->height ||
               f->shown.generation > work->generation;
    if (n > f->shown_cap) {
        f->shown_pixels = xrealloc(f->shown_pixels, n * 4);
        f->shown_cap = n;
    }
    copy_rows(f, work, f->shown_pixels, f->shown.generation, all, &first, &last);
    f->shown = *work;
    f->shown.pixels = f->shown_pixels;
    f->shown.stride = work->width;
    os_mutex_unlock(m->lock);
}

static void render(struct nb_machine *m, bool full)
{
    struct frame_store *f = m->frames;
    u32 before = f->work.generation;

    if (!m->display.render)
        return;
    m->display.render(m->display.dev, &f->work, full);
    if (f->work.generation == before && !full)
        return;
    /* All that is copied here and by front ends is bounded by these. */
    f->work.width = MIN(f->work.width, DISPLAY_MAX_WIDTH);
    f->work.height = MIN(f->work.height, DISPLAY_MAX_HEIGHT);
    if ((u64)f->work.cols * f->work.rows > DISPLAY_TEXT_MAX)
        f->work.rows = DISPLAY_TEXT_MAX / f->work.cols;
    publish(m, f);
}

void picture_tick(struct nb_machine *m)
{
    struct frame_store *f = m->frames;

    if (!__atomic_load_n(&f->wanted, __ATOMIC_RELAXED))
        return;
    u64 now = os_mono_ns(NULL);
    if (now - f->last_ns < MIN_INTERVAL_NS)
        return;
    f->last_ns = now;
    __atomic_store_n(&f->wanted, 0, __ATOMIC_RELAXED);
    render(m, false);
}

/* Copies what is new in `shown` to the caller's frame. Lock held. */
static bool copy_out(struct frame_store *s, struct nb_frame *f)
{
    const struct display_frame *d = &s->shown;
    u64 n = (u64)d->width * d->height;
    bool all = !f->pixels || f->width != d->width || f->height != d->height ||
               f->generation > d->generation;

    if (!all && f->generation == d->generation) {
        f->dirty_first = 1;
        f->dirty_last = 0;
        return false;
    }
    if (n > f->capacity || !f->pixels) {
        f->pixels = xrealloc(f->pixels, (n ? n : 1) * 4);
        f->capacity = (u32)n;
    }
    copy_rows(s, d, f->pixels, f->generation, all, &f->dirty_first, &f->dirty_last);
    f->width = d->width;
    f->height = d->height;
    f->generation = d->generation;
    f->text = d->text;
    f->cols = MIN(d->cols, NB_MAX_COLS);
    f->rows = MIN(d->rows, NB_MAX_ROWS);
    f->cursor_col = d->cursor_col;
    f->cursor_row = d->cursor_row;
    f->cursor_visible = d->cursor_visible;
    for (u32 y = 0; y < f->rows; y++)
        for (u32 x = 0; x < f->cols; x++) {
            const struct display_cell *cell = &d->cells[y * d->cols + x];
            f->cells[y * f->cols + x] = (struct nb_cell){ cell->ch, cell->attr };
        }
    return true;
}

bool nb_frame_get(struct nb_machine *m, struct nb_frame *f)
{
    bool changed;

    os_mutex_lock(m->lock);
    changed = copy_out(m->frames, f);
    os_mutex_unlock(m->lock);
    if (!__atomic_exchange_n(&m->frames->wanted, 1, __ATOMIC_SEQ_CST))
        machine_wake(m);
    return changed;
}

void nb_frame_free(struct nb_frame *f)
{
    xfree(f->pixels);
    memset(f, 0, sizeof *f);
}

void nb_frame_now(struct nb_machine *m, struct nb_frame *f)
{
    render(m, true);
    os_mutex_lock(m->lock);
    copy_out(m->frames, f);
    os_mutex_unlock(m->lock);
}

u64 picture_rows_copied(struct nb_machine *m)
{
    os_mutex_lock(m->lock);
    u64 n = m->frames->rows_copied;
    os_mutex_unlock(m->lock);
    return n;
}

/* Code page 437 to Unicode: what PC text screens hold. */
static const u16 cp437_high[128] = {
    0xc7, 0xfc, 0xe9, 0xe2, 0xe4, 0xe0, 0xe5, 0xe7, 0xea, 0xeb, 0xe8, 0xef, 0xee, 0xec, 0xc4, 0xc5,
    0xc9, 0xe6, 0xc6, 0xf4, 0xf6, 0xf2, 0xfb, 0xf9, 0xff, 0xd6, 0xdc, 0xa2, 0xa3, 0xa5, 0x20a7, 0x192,
    0xe1, 0xed, 0xf3, 0xfa, 0xf1, 0xd1, 0xaa, 0xba, 0xbf, 0x2310, 0xac, 0xbd, 0xbc, 0xa1, 0xab, 0xbb,
    0x2591, 0x2592, 0x2593, 0x2502, 0x2524, 0x2561, 0x2562, 0x2556, 0x2555, 0x2563, 0x2551, 0x2557,
    0x255d, 0x255c, 0x255b, 0x2510, 0x2514, 0x2534, 0x252c, 0x251c, 0x2500, 0x253c, 0x255e, 0x255f,
    0x255a, 0x2554, 0x2569, 0x2566, 0x2560, 0x2550, 0x256c, 0x2567, 0x2568, 0x2564, 0x2565, 0x2559,
    0x2558, 0x2552, 0x2553, 0x256b, 0x256a, 0x2518, 0x250c, 0x2588, 0x2584, 0x258c, 0x2590, 0x2580,
    0x3b1, 0xdf, 0x393, 0x3c0, 0x3a3, 0x3c3, 0xb5, 0x3c4, 0x3a6, 0x398, 0x3a9, 0x3b4, 0x221e, 0x3c6,
    0x3b5, 0x2229, 0x2261, 0xb1, 0x2265, 0x2264, 0x2320, 0x2321, 0xf7, 0x2248, 0xb0, 0x2219, 0xb7,
    0x221a, 0x207f, 0xb2, 0x25a0, 0xa0,
};
static const u16 cp437_low[32] = {
    0x20, 0x263a, 0x263b, 0x2665, 0x2666, 0x2663, 0x2660, 0x2022, 0x25d8, 0x25cb, 0x25d9, 0x2642,
    0x2640, 0x266a, 0x266b, 0x263c, 0x25ba, 0x25c4, 0x2195, 0x203c, 0xb6, 0xa7, 0x25ac, 0x21a8,
    0x2191, 0x2193, 0x2192, 0x2190, 0x221f, 0x2194, 0x25b2, 0x25bc,
};

static void add_utf8(struct strbuf *sb, u32 u)
{
    char b[4];

    if (u < 0x80) {
        b[0] = (char)u;
        sb_addn(sb, b, 1);
    } else if (u < 0x800) {
        b[0] = (char)(0xc0 | u >> 6);
        b[1] = (char)(0x80 | (u & 63));
        sb_addn(sb, b, 2);
    } else {
        b[0] = (char)(0xe0 | u >> 12);
        b[1] = (char)(0x80 | (u >> 6 & 63));
        b[2] = (char)(0x80 | (u & 63));
        sb_addn(sb, b, 3);
    }
}

char *nb_screen_text(struct nb_machine *m)
{
    struct strbuf sb = { 0 };
    const struct display_frame *d = &m->frames->work;

    render(m, false);
    if (d->text)
        for (u32 y = 0; y < d->rows; y++) {
            const struct display_cell *row = d->cells + (size_t)y * d->cols;
            u32 end = d->cols;
            while (end && (row[end - 1].ch == ' ' || row[end - 1].ch == 0))
                end--;
            for (u32 x = 0; x < end; x++) {
                u8 ch = row[x].ch;
                add_utf8(&sb, ch < 32 ? cp437_low[ch] : ch == 127 ? 0x2302 :
                              ch >= 128 ? cp437_high[ch - 128] : ch);
            }
            sb_add(&sb, "\n");
        }
    if (!sb.s)
        return xstrdup("");
    return sb.s;
}

void nb_string_free(char *s)
{
    xfree(s);
}
