/* SPDX-License-Identifier: MIT */
/* Views of guest memory (view.h): kept in step with the tables of mmu_ctx.c.
 *
 * Mappings of the host's are counted from above: each call that may make one more counts one. When
 * there seem to be too many they are counted for good, and if it is so the view of the context that
 * was not used for longest is emptied. Emptying a whole view always works; everything else may be
 * refused for want of mappings, and then that is what happens instead. */
#include "cpu/view.h"

#include "core/strbuf.h"
#include "core/vmem.h"
#include "core/xalloc.h"
#include "cpu/mmu.h"

enum {
    MAX_RUN = 1024,          /* pages shown at once */
    BITMAP_BYTES = PAGES / 8,
    MAX_HIDES = 6,           /* a page that has gone so often is not shown again */
};
#define WINDOW_BYTES (VIEW_BYTES + NUM_CTX * 2 * VIEW_STEP)

struct views {
    u8 *window;
    struct view_policy policy;
    u32 pieces;
    u64 stat_on, stat_shown, stat_pages, stat_hidden, stat_protected, stat_emptied, stat_refused;
};

static struct view *view_of(const struct ctx *x, unsigned cls) { return x->view[cls]; }

static bool is_shown(const struct view *v, unsigned wr, u32 page)
{
    return v->shown[wr][page / 64] >> (page % 64) & 1;
}

static void mark(struct view *v, unsigned wr, u32 page, bool on)
{
    u64 bit = BIT64(page % 64);

    v->shown[wr][page / 64] = on ? v->shown[wr][page / 64] | bit : v->shown[wr][page / 64] & ~bit;
}

static u8 *place(const struct view *v, u32 page) { return v->base + ((u64)page << PAGE_SHIFT); }

/* ---- what goes ---- */

static void empty(struct views *vs, struct view *v)
{
    if (v->pages)
        vmem_hide(v->base, VIEW_BYTES);
    for (unsigned wr = 0; wr < 2; wr++)
        vmem_zap(v->shown[wr], BITMAP_BYTES);
    vs->pieces -= v->pieces;
    v->pieces = v->pages = 0;
    vs->stat_emptied++;
}

static void more_pieces(struct views *vs, struct view *v, u32 n)
{
    v->pieces += n;
    vs->pieces += n;
}

/* Pages first .. first + count - 1, all bits of them. */
static void hide(struct views *vs, struct view *v, u32 first, u32 count)
{
    if (!vmem_hide(place(v, first), (size_t)count << PAGE_SHIFT)) {
        vs->stat_refused++;
        empty(vs, v);
        return;
    }
    for (u32 p = first; p < first + count; p++) {
        if (!is_shown(v, 0, p))
            continue;
        mark(v, 0, p, false);
        mark(v, 1, p, false);
        v->pages--;
    }
    more_pieces(vs, v, 1);
    vs->stat_hidden++;
}

void view_entry_gone(struct mmu *m, struct ctx *x, unsigned cls, unsigned wr, u32 page)
{
    struct views *vs = m->views;
    struct view *v = view_of(x, cls);

    if (!is_shown(v, wr, page))
        return;
    if (!wr) {
        if (v->hides[page] < 255)
            v->hides[page]++;
        hide(vs, v, page, 1);
        return;
    }
    if (!vmem_show_read_only(place(v, page), PAGE_SIZE)) {
        vs->stat_refused++;
        empty(vs, v);
        return;
    }
    mark(v, 1, page, false);
    more_pieces(vs, v, 2);
    vs->stat_protected++;
}

void view_range_gone(struct mmu *m, struct ctx *x, unsigned cls, u32 first, u32 count)
{
    struct view *v = view_of(x, cls);

    for (u32 p = first; p < first + count; p++)
        if (is_shown(v, 0, p)) {
            hide(m->views, v, first, count);
            return;
        }
}

void view_flush(struct cpu *c, struct ctx *x)
{
    struct views *vs = c->mmu->views;

    for (unsigned cls = 0; cls < 2; cls++) {
        struct view *v = view_of(x, cls);
        if (!v || !(v->heat | v->pages))
            continue;
        empty(vs, v);
        vmem_zap(v->hides, PAGES);
        v->heat = 0;
        v->on = false;
    }
    if (x == c->mmu->cur)
        view_select(c);
}

/* ---- what comes ---- */

static u8 *base_of(const struct views *vs, const struct ctx *x, unsigned cls)
{
    return vs->window + VIEW_BYTES + (x->index * 2u + cls) * VIEW_STEP;
}

static struct view *make(struct cpu *c, struct ctx *x, unsigned cls)
{
    struct views *vs = c->mmu->views;
    struct view *v = xcalloc(1, sizeof *v);
    u8 *bits = vmem_reserve(2 * BITMAP_BYTES + PAGES);

    if (!bits) {
        xfree(v);
        return NULL;
    }
    v->base = base_of(vs, x, cls);
    v->shown[0] = (u64 *)(void *)bits;
    v->shown[1] = (u64 *)(void *)(bits + BITMAP_BYTES);
    v->hides = bits + 2 * BITMAP_BYTES;
    x->view[cls] = v;
    return v;
}

static void free_view(struct view *v)
{
    if (v)
        vmem_release(v->shown[0], 2 * BITMAP_BYTES + PAGES);
    xfree(v);
}

/* The mappings that the host needs for what is shown: a new one where the memory, the rights or the
 * run of pages breaks. */
static u32 count_pieces(const struct ctx *x, unsigned cls)
{
    const struct view *v = view_of(x, cls);
    u32 n = 0, last = ~0u;

    for (u32 w = 0; w < PAGES / 64; w++)
        for (u32 p = w * 64; v->shown[0][w] && p < w * 64 + 64; p++) {
            if (!is_shown(v, 0, p))
                continue;
            n += p != last + 1 || x->tab[cls][0][p] != x->tab[cls][0][last] ||
                 is_shown(v, 1, p) != is_shown(v, 1, last);
            last = p;
        }
    return n;
}

static bool room(struct cpu *c)
{
    struct mmu *m = c->mmu;
    struct views *vs = m->views;

    if (likely(vs->pieces < vs->policy.max_pieces))
        return true;
    for (unsigned i = 0; i < NUM_CTX; i++)
        for (unsigned cls = 0; m->ctx[i] && cls < 2; cls++) {
            struct view *v = view_of(m->ctx[i], cls);
            if (!v)
                continue;
            vs->pieces -= v->pieces;
            v->pieces = count_pieces(m->ctx[i], cls);
            vs->pieces += v->pieces;
        }
    while (vs->pieces >= vs->policy.max_pieces / 4 * 3) {
        struct ctx *old = NULL;
        for (unsigned i = 0; i < NUM_CTX; i++) {
            struct ctx *x = m->ctx[i];
            if (x && ((x->view[0] && x->view[0]->pieces) || (x->view[1] && x->view[1]->pieces)) &&
                (!old || x->age < old->age))
                old = x;
        }
        if (!old)
            return false;
        view_flush(c, old);
    }
    return true;
}

bool view_show(struct cpu *c, u32 page)
{
    struct views *vs = c->mmu->views;
    struct ctx *x = c->mmu->cur;
    unsigned cls = c->cpl == 3;
    struct view *v = view_of(x, cls);
    const u64 *rd = x->tab[cls][0], *wr = x->tab[cls][1];
    bool was_w;
    u32 from = page, to = page + 1, limit = page & ~(u32)(MAX_RUN - 1), off_page;
    int fd;
    u64 off;

    if (!v || !rd[page] || !room(c) || !v->on)
        return false; /* making room may have emptied this very view */
    ctx_fill_large(c, page, cls == CLS_USER);
    u64 e = rd[page];
    bool w = wr[page] != 0;
    /* neighbours in the same piece of memory that are not shown as they could be */
#define LIKE(p) (rd[p] == e && (wr[p] != 0) == w && !(is_shown(v, 0, p) && is_shown(v, 1, p) == w))
    while (from > limit && LIKE(from - 1))
        from--;
    while (to < limit + MAX_RUN && LIKE(to))
        to++;
#undef LIKE
    off_page = to - 1;
    if (!ram_backing_at(c->ram, (const u8 *)(uintptr_t)(e + ((u64)off_page << PAGE_SHIFT)), &fd,
                        &off) ||
        !ram_backing_at(c->ram, (const u8 *)(uintptr_t)(e + ((u64)from << PAGE_SHIFT)), &fd, &off))
        return false;
    if (!vmem_show(place(v, from), (size_t)(to - from) << PAGE_SHIFT, fd, off, w)) {
        vs->stat_refused++;
        return false;
    }
    for (u32 p = from; p < to; p++) {
        v->pages += !is_shown(v, 0, p);
        was_w = is_shown(v, 1, p);
        mark(v, 0, p, true);
        if (was_w != w)
            mark(v, 1, p, w);
    }
    more_pieces(vs, v, 2);
    vs->stat_shown++;
    vs->stat_pages += to - from;
    return true;
}

/* All that the tables have. */
static void show_all(struct cpu *c)
{
    struct ctx *x = c->mmu->cur;
    unsigned cls = c->cpl == 3;
    struct view *v = view_of(x, cls);

    for (u32 s = 0; s < SLICES; s++) {
        if (!(x->slice[cls][0][s / 32] >> (s % 32) & 1))
            continue;
        for (u32 p = s * 512; p < s * 512 + 512; p++)
            if (x->tab[cls][0][p] && !is_shown(v, 0, p) && !view_show(c, p))
                return;
    }
}

void view_heat(struct cpu *c)
{
    struct views *vs = c->mmu->views;
    struct ctx *x = c->mmu->cur;
    unsigned cls = c->cpl == 3;
    struct view *v = view_of(x, cls);

    if (!v && !(v = make(c, x, cls)))
        return;
    if (v->on || ++v->heat < vs->policy.on_heat)
        return;
    v->on = true;
    vs->stat_on++;
    view_select(c);
    show_all(c);
}

bool view_missed(struct cpu *c, u32 la, bool write)
{
    struct ctx *x = c->mmu->cur;
    unsigned cls = c->cpl == 3;
    struct view *v = view_of(x, cls);
    u32 page = la >> PAGE_SHIFT;

    if (!v || !v->on || !x->tab[cls][write][page] || is_shown(v, write, page))
        return false;
    if (v->hides[page] >= MAX_HIDES)
        return false;
    return view_show(c, page);
}

void view_select(struct cpu *c)
{
    struct views *vs = c->mmu->views;
    struct ctx *x = c->mmu->cur;
    unsigned cls = c->cpl == 3;

    c->fast.view = vs ? base_of(vs, x, cls) : NULL; /* made or not: then nothing is there */
    c->fast.view_on = vs && x->view[cls] && x->view[cls]->on;
}

/* ---- */

bool view_new(struct cpu *c, const struct view_policy *p, struct err *e)
{
    struct views *vs;
    int fd;
    u64 off;

    if (!ram_backing_at(c->ram, c->ram->obj.base, &fd, &off))
        return err_set(e, ERR_RESOURCE, "the guest's memory cannot be mapped twice");
    u8 *w = vmem_window_new(WINDOW_BYTES);
    if (!w)
        return err_set(e, ERR_RESOURCE, "the host has no room for views of the guest's memory");
    vs = xcalloc(1, sizeof *vs);
    vs->window = w;
    vs->policy = *p;
    c->mmu->views = vs;
    view_select(c);
    return true;
}

void view_free(struct cpu *c)
{
    struct mmu *m = c->mmu;
    struct views *vs = m ? m->views : NULL;

    if (!vs)
        return;
    for (unsigned i = 0; i < NUM_CTX; i++)
        for (unsigned cls = 0; m->ctx[i] && cls < 2; cls++) {
            free_view(m->ctx[i]->view[cls]);
            m->ctx[i]->view[cls] = NULL;
        }
    vmem_window_free(vs->window, WINDOW_BYTES);
    xfree(vs);
    m->views = NULL;
    view_select(c);
}

void view_info(struct cpu *c, struct strbuf *sb)
{
    const struct views *vs = c->mmu->views;

    sb_addf(sb, "views: %llu on; %llu times shown, %llu pages; %llu hidden, %llu protected, "
                "%llu emptied, %llu refused; at most %u mappings\n",
            (unsigned long long)vs->stat_on, (unsigned long long)vs->stat_shown,
            (unsigned long long)vs->stat_pages, (unsigned long long)vs->stat_hidden,
            (unsigned long long)vs->stat_protected, (unsigned long long)vs->stat_emptied,
            (unsigned long long)vs->stat_refused, vs->pieces);
}
