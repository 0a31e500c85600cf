/* SPDX-License-Identifier: MIT */
/* Address spaces (core/bus.h).
 *
 * The regions are flattened into one sorted view for reads and one for writes. Views are small (a
 * hundred pieces) and rebuilt whole: a rebuild is rarer than a million lookups. */
#include "core/bus.h"

#include <stdlib.h>

#include "core/err.h"
#include "core/log.h"
#include "core/ram.h"
#include "core/strbuf.h"
#include "core/xalloc.h"

#define PORTS 0x10000u

static paddr region_end(const struct region *r)
{
    return r->base + r->size - 1;
}

static bool is_port_space(const struct space *s)
{
    return s->limit == PORTS - 1;
}

void space_init(struct space *s, const char *name, u64 limit, struct log *log, struct ram *ram)
{
    memset(s, 0, sizeof(*s));
    s->name = name;
    s->limit = limit;
    s->log = log;
    s->ram = ram;
    if (is_port_space(s))
        for (int d = 0; d < 2; d++)
            s->fast[d] = xcalloc(PORTS, sizeof(u16));
}

void space_free(struct space *s)
{
    for (unsigned i = 0; i < s->num_regions; i++)
        s->regions[i]->mapped = false;
    xfree(s->regions);
    for (int d = 0; d < 2; d++) {
        xfree(s->view[d]);
        xfree(s->fast[d]);
    }
    memset(s, 0, sizeof(*s));
}

/* ---- the flat views ---- */

static int by_address(const void *a, const void *b)
{
    paddr x = *(const paddr *)a, y = *(const paddr *)b;
    return x < y ? -1 : x > y;
}

static bool takes_part(const struct region *r, int dir)
{
    return r->enabled && (r->flags & (dir ? REGION_WRITE : REGION_READ));
}

/* a answers before b where both could. */
static bool wins(const struct region *a, const struct region *b)
{
    return a->prio != b->prio ? a->prio > b->prio : a->seq < b->seq;
}

static void build_view(struct space *s, int dir)
{
    /* Between two neighbouring borders the set of candidates is constant. */
    paddr *border = xcalloc(2 * (size_t)s->num_regions + 1, sizeof(*border));
    unsigned num = 0;
    for (unsigned i = 0; i < s->num_regions; i++) {
        const struct region *r = s->regions[i];
        if (!takes_part(r, dir) || r->base > s->limit)
            continue;
        border[num++] = r->base;
        if (region_end(r) < s->limit)
            border[num++] = region_end(r) + 1;
    }
    qsort(border, num, sizeof(*border), by_address);

    struct seg_view *view = xcalloc(num + 1, sizeof(*view));
    unsigned len = 0;
    for (unsigned b = 0; b < num; b++) {
        if (b && border[b] == border[b - 1])
            continue;
        paddr start = border[b];
        unsigned n = b + 1;
        while (n < num && border[n] == start)
            n++;
        paddr end = n < num ? border[n] - 1 : s->limit;

        struct region *best = NULL;
        for (unsigned i = 0; i < s->num_regions; i++) {
            struct region *r = s->regions[i];
            if (takes_part(r, dir) && r->base <= start && region_end(r) >= start &&
                (!best || wins(r, best)))
                best = r;
        }
        if (!best)
            continue;
        if (len && view[len - 1].r == best && view[len - 1].end + 1 == start)
            view[len - 1].end = end;
        else
            view[len++] = (struct seg_view){ start, end, best };
    }
    xfree(border);
    xfree(s->view[dir]);
    s->view[dir] = view;
    s->view_len[dir] = len;
    s->last[dir] = 0;

    if (s->fast[dir]) {
        memset(s->fast[dir], 0, PORTS * sizeof(u16));
        for (unsigned i = 0; i < len; i++)
            for (paddr a = view[i].start; a <= view[i].end; a++)
                s->fast[dir][a] = (u16)(i + 1);
    }
}

static void rebuild(struct space *s)
{
    if (!s->dirty)
        return;
    s->dirty = false;
    build_view(s, 0);
    build_view(s, 1);
    if (s->on_change)
        s->on_change(s->on_change_to, s->dirty_start, s->dirty_end);
}

/* What r covers now is (or was) visible and changes. */
static void touch(struct space *s, const struct region *r)
{
    if (!s->dirty) {
        s->dirty = true;
        s->dirty_start = r->base;
        s->dirty_end = region_end(r);
    } else {
        s->dirty_start = MIN(s->dirty_start, r->base);
        s->dirty_end = MAX(s->dirty_end, region_end(r));
    }
}

static void changed(struct space *s)
{
    if (!s->batch)
        rebuild(s);
}

void space_begin(struct space *s)
{
    s->batch++;
}

void space_end(struct space *s)
{
    if (s->batch && !--s->batch)
        rebuild(s);
}

/* ---- mapping ---- */

static bool check_region(const struct space *s, const struct region *r, struct err *e)
{
    if (r->mapped)
        return err_set(e, ERR_INTERNAL, "%s: region %s is mapped twice", s->name, r->name);
    if (!r->size || r->base > s->limit || r->size - 1 > s->limit - r->base)
        return err_set(e, ERR_CONFIG, "%s: region %s (base %llx, size %llx) lies outside the space",
                       s->name, r->name, (unsigned long long)r->base, (unsigned long long)r->size);
    if (r->kind == REGION_IO) {
        if (!r->ops)
            return err_set(e, ERR_INTERNAL, "%s: region %s has no handlers", s->name, r->name);
        return true;
    }
    if (!s->ram || ((r->base | r->size) & PAGE_MASK) ||
        r->ram_frame + (r->size >> PAGE_SHIFT) > s->ram->frames)
        return err_set(e, ERR_INTERNAL, "%s: region %s is no run of whole pages of RAM", s->name,
                       r->name);
    return true;
}

bool space_map(struct space *s, struct region *r, struct err *e)
{
    if (!check_region(s, r, e))
        return false;
    for (unsigned i = 0; i < s->num_regions; i++) {
        const struct region *o = s->regions[i];
        if (o->enabled && o->prio == r->prio && (o->flags & r->flags & REGION_RW) &&
            !((o->flags | r->flags) & REGION_GUEST_PLACED) && o->base <= region_end(r) &&
            r->base <= region_end(o))
            return err_set(e, ERR_CONFIG, "%s: %s (%llx-%llx) overlaps %s (%llx-%llx)", s->name,
                           r->name, (unsigned long long)r->base,
                           (unsigned long long)region_end(r), o->name,
                           (unsigned long long)o->base, (unsigned long long)region_end(o));
    }
    if (s->num_regions == s->cap_regions) {
        s->cap_regions = s->cap_regions ? s->cap_regions * 2 : 32;
        s->regions = xrealloc(s->regions, s->cap_regions * sizeof(*s->regions));
    }
    s->regions[s->num_regions++] = r;
    r->mapped = r->enabled = true;
    r->seq = s->next_seq++;
    touch(s, r);
    changed(s);
    return true;
}

void space_unmap(struct space *s, struct region *r)
{
    for (unsigned i = 0; i < s->num_regions; i++) {
        if (s->regions[i] != r)
            continue;
        memmove(&s->regions[i], &s->regions[i + 1],
                (s->num_regions - i - 1) * sizeof(*s->regions));
        s->num_regions--;
        touch(s, r);
        r->mapped = r->enabled = false;
        /* Even in a batch: the owner may release r next, and no view may point to it. */
        rebuild(s);
        return;
    }
}

void space_move(struct space *s, struct region *r, paddr base)
{
    if (r->base == base)
        return;
    /* The guest chose it: a BAR that would stick out of the space answers nowhere. */
    bool fits = base <= s->limit && r->size - 1 <= s->limit - base &&
                (r->kind == REGION_IO || !(base & PAGE_MASK));
    if (!r->mapped) {
        if (fits)
            r->base = base;
        return;
    }
    if (!fits) {
        log_guest(s->log, s->name, "%s cannot move to %llx", r->name, (unsigned long long)base);
        space_enable(s, r, false);
        return;
    }
    if (r->enabled)
        touch(s, r);
    r->base = base;
    if (r->enabled) {
        touch(s, r);
        changed(s);
    }
}

void space_set_flags(struct space *s, struct region *r, u8 flags)
{
    if (r->flags == flags)
        return;
    r->flags = flags;
    if (r->mapped && r->enabled) {
        touch(s, r);
        changed(s);
    }
}

void space_enable(struct space *s, struct region *r, bool on)
{
    if (!r->mapped || r->enabled == on)
        return;
    r->enabled = on;
    touch(s, r);
    changed(s);
}

/* ---- lookup ---- */

static const struct seg_view *lookup(struct space *s, paddr addr, int dir)
{
    if (addr > s->limit)
        return NULL;
    if (s->fast[dir]) {
        unsigned i = s->fast[dir][addr];
        return i ? &s->view[dir][i - 1] : NULL;
    }
    const struct seg_view *view = s->view[dir];
    unsigned len = s->view_len[dir];
    if (!len)
        return NULL;
    const struct seg_view *last = &view[s->last[dir]];
    if (addr >= last->start && addr <= last->end)
        return last;
    unsigned lo = 0, hi = len;
    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (view[mid].end < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    if (lo == len || view[lo].start > addr)
        return NULL;
    s->last[dir] = lo;
    return &view[lo];
}

struct region *space_find(struct space *s, paddr addr, bool write, paddr *end)
{
    const struct seg_view *view = s->view[write];
    unsigned lo = 0, hi = s->view_len[write];

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (view[mid].end < addr)
            lo = mid + 1;
        else
            hi = mid;
    }
    bool hit = lo < s->view_len[write] && view[lo].start <= addr;
    if (end) {
        if (hit)
            *end = view[lo].end;
        else if (lo < s->view_len[write])
            *end = view[lo].start - 1;
        else
            *end = MAX(s->limit, addr);
    }
    return hit ? view[lo].r : NULL;
}

/* ---- accesses ---- */

static void note_unmapped(struct space *s, paddr addr, bool write)
{
    const char *what = write ? "write to" : "read from";
    if (is_port_space(s)) {
        log_unimp(s->log, s->name, "%s unmapped port %03llx", what, (unsigned long long)addr);
        return;
    }
    /* Coarse, as guests scan for ROMs and for the end of memory: 16 KB below 1 MB, else 1 MB. */
    unsigned shift = addr < 0x100000 ? 14 : 20;
    log_unimp(s->log, s->name, "%s unmapped memory near %09llx", what,
              (unsigned long long)(addr >> shift << shift));
}

/* Host address of guest byte `addr` in the RAM or ROM of a piece; *len is cut down to what lies
 * in the same page and piece. */
static u8 *ram_at(const struct space *s, const struct seg_view *v, paddr addr, bool write, u32 *len)
{
    paddr off = addr - v->r->base, room = v->end - addr;
    u32 in_page = (u32)off & PAGE_MASK;
    u32 frame = v->r->ram_frame + (u32)(off >> PAGE_SHIFT);

    *len = MIN(*len, PAGE_SIZE - in_page);
    if (room < *len)
        *len = (u32)room + 1;
    u8 *page = write ? ram_wr(s->ram, frame, in_page, *len) : s->ram->page[frame];
    return page + in_page;
}

struct chunk {
    u32 off;        /* of the unit that the region sees */
    unsigned unit;  /* its size; 0: the region has no such register */
    unsigned skip;  /* bytes of it before the access */
    unsigned take;  /* bytes of it that the access wants */
};

/* The next access that an I/O region sees of `left` bytes at addr. */
static struct chunk next_chunk(const struct region *r, paddr addr, unsigned left)
{
    unsigned min = r->ops->min ? r->ops->min : 1, max = r->ops->max ? r->ops->max : 4;
    paddr off = addr - r->base, room = r->size - off;
    struct chunk c = { .off = (u32)off };

    unsigned unit = max;
    while (unit > 1 && (unit > left || unit > room || (!r->ops->unaligned && (off & (unit - 1)))))
        unit /= 2;
    if (unit < min) {
        /* narrower than the region takes, or unaligned in one that takes none such */
        unit = min;
        c.off = (u32)off & ~(min - 1);
        if (r->size - c.off < min) {
            c.take = (unsigned)MIN((paddr)left, room);
            return c;
        }
        c.skip = (unsigned)off - c.off;
    }
    c.unit = unit;
    c.take = MIN(left, unit - c.skip);
    return c;
}

static u32 bytes_of(u32 val, unsigned skip, unsigned take)
{
    return (val >> (8 * skip)) & size_mask(take);
}

static u32 io_read(const struct region *r, const struct chunk *c)
{
    u32 val = c->unit && r->ops->read ? r->ops->read(r->dev, c->off, c->unit) : ~0u;
    return bytes_of(val, c->skip, c->take);
}

static void io_write(struct space *s, const struct region *r, const struct chunk *c, u32 val)
{
    if (!c->unit || !r->ops->write)
        return;
    if (c->take != c->unit) {
        if (!r->ops->peek) {
            log_guest(s->log, r->name, "write of %u byte(s) at %x: narrower than the register",
                      c->take, c->off + c->skip);
            return;
        }
        u32 mask = size_mask(c->take) << (8 * c->skip);
        val = (r->ops->peek(r->dev, c->off, c->unit) & ~mask) | ((val << (8 * c->skip)) & mask);
    }
    r->ops->write(r->dev, c->off, val & size_mask(c->unit), c->unit);
}

u32 space_read(struct space *s, paddr addr, unsigned size)
{
    u32 val = 0;
    bool io = false, noted = false;

    for (unsigned at = 0; at < size;) {
        const struct seg_view *v = lookup(s, addr + at, 0);
        u32 part = 0, take = size - at;
        if (!v) {
            if (!noted)
                note_unmapped(s, addr + at, false);
            io = noted = true;
            part = 0xff;
            take = 1;
        } else if (v->r->kind != REGION_IO) {
            const u8 *p = ram_at(s, v, addr + at, false, &take);
            memcpy(&part, p, take);
        } else {
            struct chunk c = next_chunk(v->r, addr + at, take);
            part = io_read(v->r, &c);
            take = c.take;
            io = true;
        }
        val |= part << (8 * at);
        at += take;
    }
    if (unlikely(io && s->trace))
        s->trace(s->trace_to, addr, val, size, false, is_port_space(s));
    return val;
}

void space_write(struct space *s, paddr addr, u32 val, unsigned size)
{
    bool io = false, noted = false;

    for (unsigned at = 0; at < size;) {
        /* A handler may change the view: it is asked again after each. */
        const struct seg_view *v = lookup(s, addr + at, 1);
        u32 part = val >> (8 * at), take = size - at;
        if (!v) {
            if (!noted)
                note_unmapped(s, addr + at, true);
            io = noted = true;
            take = 1;
        } else if (v->r->kind == REGION_RAM) {
            u8 *p = ram_at(s, v, addr + at, true, &take);
            memcpy(p, &part, take);
        } else if (v->r->kind == REGION_IO) {
            struct chunk c = next_chunk(v->r, addr + at, take);
            io_write(s, v->r, &c, part);
            take = c.take;
            io = true;
        } else {
            take = 1; /* ROM */
        }
        at += take;
    }
    if (unlikely(io && s->trace))
        s->trace(s->trace_to, addr, val & size_mask(size), size, true, is_port_space(s));
}

u32 space_peek(struct space *s, paddr addr, unsigned size)
{
    u32 val = 0;

    for (unsigned at = 0; at < size;) {
        const struct seg_view *v = lookup(s, addr + at, 0);
        u32 part = 0, take = size - at;
        if (!v) {
            part = 0xff;
            take = 1;
        } else if (v->r->kind != REGION_IO) {
            const u8 *p = ram_at(s, v, addr + at, false, &take);
            memcpy(&part, p, take);
        } else {
            struct chunk c = next_chunk(v->r, addr + at, take);
            part = c.unit && v->r->ops->peek ? v->r->ops->peek(v->r->dev, c.off, c.unit) : ~0u;
            part = bytes_of(part, c.skip, c.take);
            take = c.take;
        }
        val |= part << (8 * at);
        at += take;
    }
    return val;
}

/* ---- DMA ---- */

/* How many of len bytes from addr to the end of the piece or hole there. */
static u32 dma_hole(struct space *s, paddr addr, u32 len, bool write)
{
    paddr end;
    const struct region *r = space_find(s, addr, write, &end);
    log_guest(s->log, s->name, "DMA %s %llx, which is %s", write ? "to" : "from",
              (unsigned long long)addr, r ? r->name : "not mapped");
    return end - addr < len ? (u32)(end - addr) + 1 : len;
}

void dma_read(struct space *s, paddr addr, void *buf, u32 len)
{
    u8 *to = buf;
    paddr start = addr;
    u32 all = len;

    while (len) {
        const struct seg_view *v = lookup(s, addr, 0);
        u32 take = len;
        if (v && v->r->kind != REGION_IO) {
            const u8 *p = ram_at(s, v, addr, false, &take);
            memcpy(to, p, take);
        } else {
            take = dma_hole(s, addr, len, false);
            memset(to, 0xff, take);
        }
        to += take;
        addr += take;
        len -= take;
    }
    if (unlikely(s->trace_dma != NULL))
        s->trace_dma(s->trace_to, start, buf, all, false);
}

void dma_write(struct space *s, paddr addr, const void *buf, u32 len)
{
    const u8 *from = buf;

    if (unlikely(s->trace_dma != NULL))
        s->trace_dma(s->trace_to, addr, buf, len, true);
    while (len) {
        const struct seg_view *v = lookup(s, addr, 1);
        u32 take = len;
        if (v && v->r->kind == REGION_RAM) {
            u8 *p = ram_at(s, v, addr, true, &take);
            memcpy(p, from, take);
        } else {
            take = dma_hole(s, addr, len, true);
        }
        from += take;
        addr += take;
        len -= take;
    }
}

/* ---- info ---- */

void space_info(struct space *s, struct strbuf *out)
{
    static const char *const kinds[] = { "io", "ram", "rom" };
    int digits = is_port_space(s) ? 4 : 9;

    sb_addf(out, "%s\n", s->name);
    for (unsigned i = 0; i < s->num_regions; i++) {
        const struct region *r = s->regions[i];
        sb_addf(out, "  %0*llx-%0*llx  %-3s %c%c prio %2d%s  %s\n", digits,
                (unsigned long long)r->base, digits, (unsigned long long)region_end(r),
                kinds[r->kind], r->flags & REGION_READ ? 'r' : '-',
                r->flags & REGION_WRITE ? 'w' : '-', r->prio, r->enabled ? "" : " off", r->name);
    }
    for (int dir = 0; dir < 2; dir++) {
        sb_addf(out, "%s: %s\n", s->name, dir ? "writes" : "reads");
        for (unsigned i = 0; i < s->view_len[dir]; i++) {
            const struct seg_view *v = &s->view[dir][i];
            sb_addf(out, "  %0*llx-%0*llx  %s", digits, (unsigned long long)v->start, digits,
                    (unsigned long long)v->end, v->r->name);
            if (v->r->kind != REGION_IO)
                sb_addf(out, " frame %llx", (unsigned long long)v->r->ram_frame +
                        ((v->start - v->r->base) >> PAGE_SHIFT));
            sb_add(out, "\n");
        }
    }
}
