/* SPDX-License-Identifier: MIT */
/* Contexts: flat tables, the record of what their entries were made from, and dropping entries.
 *
 * 4 KB pages have a leaf each. A large page that is one run of RAM has only its group (directory
 * entry), and its table entries are found by arithmetic; others have leaves for what is in use. */
#include "core/vmem.h"
#include "core/xalloc.h"
#include "cpu/icache.h"
#include "cpu/mmu.h"
#include "cpu/twice.h"

/* Frames that must not be written through a cached pointer. */
#define WRITE_SLOW (RAM_ROM | RAM_CODE | RAM_SHARED | RAM_TABLES | RAM_CLEAN)

/* ---- table entries ---- */

bool ctx_tables(struct ctx *x)
{
    if (x->tab[0][0])
        return true;
    u64 *base = vmem_reserve(CTX_BYTES);
    if (!base)
        return false;
    for (unsigned i = 0; i < 4; i++) /* writes behind reads: emitted code knows */
        x->tab[i >> 1][i & 1] = base + (size_t)i * PAGES;
    return true;
}

static bool has_slice(const struct ctx *x, unsigned cls, unsigned wr, u32 page)
{
    return x->slice[cls][wr][page >> 14] >> (page >> 9 & 31) & 1;
}

static void set_entry(struct mmu *m, struct ctx *x, unsigned cls, unsigned wr, u32 page, u64 v)
{
    if (unlikely(!has_slice(x, cls, wr, page))) {
        x->slice[cls][wr][page >> 14] |= BIT(page >> 9 & 31);
        x->num_slices++;
        m->num_slices++;
    }
    if (x->view[cls] && x->tab[cls][wr][page] != v)
        view_entry_gone(m, x, cls, wr, page);
    x->tab[cls][wr][page] = v;
}

static void clear_entry(struct mmu *m, struct ctx *x, unsigned cls, unsigned wr, u32 page)
{
    /* A slice that was never written stays a hole. */
    if (!has_slice(x, cls, wr, page))
        return;
    x->tab[cls][wr][page] = 0;
    if (x->view[cls])
        view_entry_gone(m, x, cls, wr, page);
}

void ctx_hide_page(struct mmu *m, struct ctx *x, u32 page)
{
    for (unsigned i = 0; i < 4; i++)
        clear_entry(m, x, i >> 1, i & 1, page);
}

static void hide_pages(struct mmu *m, struct ctx *x, u32 first, u32 count) /* whole slices */
{
    for (unsigned cls = 0; cls < 2; cls++)
        if (x->view[cls])
            view_range_gone(m, x, cls, first, count);
    for (unsigned i = 0; i < 4; i++)
        for (u32 p = first; p < first + count; p += 512)
            if (has_slice(x, i >> 1, i & 1, p))
                memset(&x->tab[i >> 1][i & 1][p], 0, 512 * sizeof(u64));
}

/* ---- code fetch cache ---- */

static unsigned exec_slot(u32 page, bool user)
{
    return (page ^ (user ? EXEC_LEN / 2 : 0)) % EXEC_LEN;
}

static void exec_drop(struct ctx *x, u32 page)
{
    for (unsigned user = 0; user < 2; user++) {
        unsigned s = exec_slot(page, user);
        if (x->exec[s].tag == (page << 2 | user << 1 | 1))
            x->exec[s].tag = 0;
    }
}

static void exec_drop_range(struct ctx *x, u32 first, u32 count)
{
    for (unsigned s = 0; s < EXEC_LEN; s++)
        if (x->exec[s].tag && (x->exec[s].tag >> 2) - first < count)
            x->exec[s].tag = 0;
}

/* ---- leaves ---- */

static unsigned leaf_find(const struct ctx *x, u32 page)
{
    unsigned i = x->hash[page % HASH_LEN];
    while (i != NO_LEAF && LEAF_PAGE(&x->leaf[i - 1]) != page)
        i = x->leaf[i - 1].hnext;
    return i;
}

static u32 *rev_head(struct mmu *m, u32 frame)
{
    return &m->rev[frame % REV_LEN];
}

static void rev_unlink(struct mmu *m, const struct ctx *x, unsigned i)
{
    u32 id = (u32)x->index * MAX_LEAVES + i;
    u32 *link = rev_head(m, x->leaf[i - 1].frame);
    while (*link != id) {
        u32 other = *link - 1;
        link = &m->ctx[other / MAX_LEAVES]->leaf[other % MAX_LEAVES].rnext;
    }
    *link = x->leaf[i - 1].rnext;
}

static void leaf_drop(struct mmu *m, struct ctx *x, unsigned i)
{
    struct leaf *l = &x->leaf[i - 1];
    u32 page = LEAF_PAGE(l);

    ctx_hide_page(m, x, page);
    m->held[page % HELD_LEN].page1 = 0;
    if (LEAF_IS(l, L_EXEC)) {
        exec_drop(x, page);
        x->generation = 0;
        m->code_dirty = true;
    }
    if (l->frame != NO_FRAME)
        rev_unlink(m, x, i);
    u16 *link = &x->hash[page % HASH_LEN];
    while (*link != i)
        link = &x->leaf[*link - 1].hnext;
    *link = l->hnext;
    x->group[page >> dir_shift(x)].leaves--;
    l->page = 0;
    l->hnext = x->free;
    x->free = (u16)i;
    x->num_leaves--;
    m->stat_dropped++;
}

static unsigned leaf_new(struct mmu *m, struct ctx *x, u32 page, u32 frame, u64 pte, u32 flags)
{
    unsigned i = x->free;
    if (i != NO_LEAF)
        x->free = x->leaf[i - 1].hnext;
    else
        i = ++x->high; /* ctx_fill has made room */

    struct leaf *l = &x->leaf[i - 1];
    l->pte = pte;
    l->page = page | (flags | L_USED) << 20;
    l->frame = frame;
    if (frame != NO_FRAME) {
        u32 *head = rev_head(m, frame);
        l->rnext = *head;
        *head = (u32)x->index * MAX_LEAVES + i;
    }
    u16 *head = &x->hash[page % HASH_LEN];
    l->hnext = *head;
    *head = (u16)i;
    x->group[page >> dir_shift(x)].leaves++;
    x->num_leaves++;
    return i;
}

/* ---- groups ---- */

static void group_unlist(struct ctx *x, struct group *g)
{
    u16 last = x->used_dirs[--x->num_groups];
    x->used_dirs[g->pos] = last;
    x->group[last].pos = g->pos;
    g->flags = 0;
}

static void group_drop(struct mmu *m, struct ctx *x, unsigned dir)
{
    struct group *g = &x->group[dir];
    unsigned shift = dir_shift(x);
    u32 first = (u32)dir << shift, count = 1u << shift;

    if (g->flags & G_LINEAR) {
        hide_pages(m, x, first, count);
        if (g->flags & G_EXEC) {
            exec_drop_range(x, first, count);
            x->generation = 0;
            m->code_dirty = true;
        }
        m->stat_dropped++;
    }
    for (u32 p = first; g->leaves && p < first + count; p++) {
        unsigned i = leaf_find(x, p);
        if (i != NO_LEAF)
            leaf_drop(m, x, i);
    }
    group_unlist(x, g);
}

/* Whether memory now holds what an entry was made from. A D bit that came since does no harm: it
 * only permits what the entry did not. */
static bool same_word(u64 *kept, u64 now)
{
    if (likely(*kept == now))
        return true;
    if ((*kept | PTE_D) != now)
        return false;
    *kept = now;
    return true;
}

static u64 word_at(const struct cpu *c, const struct ctx *x, u32 frame, u32 off)
{
    const u8 *p = ram_rd(c->ram, frame) + off;
    return x->key.bits & CR4_PAE ? ld64(p) : ld32(p);
}

/* What lies behind a large page is one run of RAM for reads and writes. */
static bool linear_run(struct cpu *c, paddr start, u32 bytes, u32 *frame)
{
    paddr end_r, end_w;
    if (!c->a20)
        return false;
    const struct region *r = space_find(c->mem, start, false, &end_r);
    if (!r || r->kind != REGION_RAM || r != space_find(c->mem, start, true, &end_w) ||
        end_r - start < bytes - 1 || end_w - start < bytes - 1)
        return false;
    *frame = r->ram_frame + (u32)((start - r->base) >> PAGE_SHIFT);
    return true;
}

static void watch_tables(struct cpu *c, const struct group *g)
{
    if (g->flags & G_TABLE) {
        ram_set_flag(c->ram, g->pde_frame, RAM_TABLES);
        if (g->pt_frame != NO_FRAME)
            ram_set_flag(c->ram, g->pt_frame, RAM_TABLES);
    }
}

/* The group of the walk's directory entry, made or made anew. */
static struct group *group_get(struct cpu *c, struct ctx *x, const struct walk *w, u32 la)
{
    struct mmu *m = c->mmu;
    unsigned shift = dir_shift(x), dir = la >> PAGE_SHIFT >> shift;
    struct group *g = &x->group[dir];

    if (g->flags & G_USED) {
        if (!w->n)
            return g;
        if (g->pde_frame == w->w[0].rd && g->pde_off == w->w[0].off &&
            (w->n == 1 || g->pt_frame == w->w[1].rd) && same_word(&g->pde, w->w[0].val))
            return g;
        group_drop(m, x, dir);
    }
    g->flags = G_USED | (w->n ? G_TABLE : 0) | (w->n < 2 ? G_BIG : 0);
    g->leaves = 0;
    g->pde = w->n ? w->w[0].val : 0;
    g->pde_frame = w->n ? w->w[0].rd : NO_FRAME;
    g->pde_off = w->n ? w->w[0].off : 0;
    g->pt_frame = w->n == 2 ? w->w[1].rd : NO_FRAME;
    g->lin_frame = NO_FRAME;
    u32 bytes = PAGE_SIZE << shift;
    if ((g->flags & G_BIG) && linear_run(c, w->pa - (la & (bytes - 1)), bytes, &g->lin_frame))
        g->flags |= G_LINEAR;
    g->pos = (u16)x->num_groups;
    x->used_dirs[x->num_groups++] = (u16)dir;
    if (c->tlb_coherent)
        watch_tables(c, g);
    return g;
}

/* ---- whole contexts ---- */

void ctx_flush(struct cpu *c, struct ctx *x)
{
    struct mmu *m = c->mmu;

    view_flush(c, x);
    if (!x->num_groups && !x->num_slices)
        return;
    for (unsigned i = 1; i <= x->high; i++)
        if (LEAF_IS(&x->leaf[i - 1], L_USED)) {
            if (x->leaf[i - 1].frame != NO_FRAME)
                rev_unlink(m, x, i);
            x->leaf[i - 1].page = 0;
        }
    for (unsigned n = 0; n < x->num_groups; n++)
        x->group[x->used_dirs[n]].flags = 0;
    if (x->num_slices)
        vmem_zap(x->tab[0][0], CTX_BYTES);
    m->num_slices -= x->num_slices;
    x->num_slices = 0;
    memset(x->slice, 0, sizeof(x->slice));
    memset(x->exec, 0, sizeof(x->exec));
    memset(x->hash, 0, sizeof(x->hash));
    x->free = NO_LEAF;
    x->high = x->num_leaves = x->num_groups = 0;
    x->generation = 0;
    m->code_dirty = true;
}

void ctx_validate(struct cpu *c, struct ctx *x)
{
    struct mmu *m = c->mmu;
    unsigned shift = dir_shift(x), size = x->key.bits & CR4_PAE ? 8 : 4;
    u32 in_table = (1u << shift) - 1;
    bool any_bad = false;

    if (!(x->key.bits & BIT(31)))
        return; /* no paging: nothing to compare with */
    for (unsigned n = 0; n < x->num_groups; n++) {
        struct group *g = &x->group[x->used_dirs[n]];
        if (unlikely(!same_word(&g->pde, word_at(c, x, g->pde_frame, g->pde_off)))) {
            g->flags |= G_BAD;
            any_bad = true;
        }
    }
    for (unsigned i = 1; i <= x->high; i++) {
        struct leaf *l = &x->leaf[i - 1];
        if (!LEAF_IS(l, L_USED))
            continue;
        u32 page = LEAF_PAGE(l);
        const struct group *g = &x->group[page >> shift];
        if (unlikely(g->flags & G_BAD) ||
            (!LEAF_IS(l, L_SLICE) &&
             !same_word(&l->pte, word_at(c, x, g->pt_frame, (page & in_table) * size))))
            leaf_drop(m, x, i);
    }
    for (unsigned n = x->num_groups; any_bad && n-- > 0;)
        if (x->group[x->used_dirs[n]].flags & G_BAD)
            group_drop(m, x, x->used_dirs[n]);
    if (c->tlb_coherent)
        for (unsigned n = 0; n < x->num_groups; n++)
            watch_tables(c, &x->group[x->used_dirs[n]]);
}

static struct ctx *oldest(struct mmu *m, const struct ctx *except, bool with_slices)
{
    struct ctx *best = NULL;
    for (unsigned i = 0; i < NUM_CTX; i++) {
        struct ctx *x = m->ctx[i];
        if (x && x != except && x->used && (!with_slices || x->num_slices) &&
            (!best || x->age < best->age))
            best = x;
    }
    return best;
}

struct ctx *ctx_get(struct cpu *c, const struct key *key)
{
    struct mmu *m = c->mmu;
    struct ctx *x = NULL;

    for (unsigned i = 0; i < NUM_CTX && !x; i++)
        if (m->ctx[i] && m->ctx[i]->used && !memcmp(&m->ctx[i]->key, key, sizeof(*key)))
            x = m->ctx[i];
    if (x) {
        ctx_validate(c, x);
    } else {
        for (unsigned i = 0; i < NUM_CTX && !x; i++) {
            if (m->ctx[i]) {
                if (!m->ctx[i]->used)
                    x = m->ctx[i];
                continue;
            }
            struct ctx *fresh = xcalloc(1, sizeof(*fresh));
            fresh->index = (u8)i;
            if (!ctx_tables(fresh)) { /* address space is short: fewer contexts */
                xfree(fresh);
                break;
            }
            x = m->ctx[i] = fresh;
        }
        if (!x)
            x = oldest(m, NULL, false); /* mmu_new has made the first */
        ctx_flush(c, x);
        x->generation = 0;
        x->used = true;
        x->key = *key;
        m->stat_new++;
    }
    x->age = ++m->age;
    return x;
}

/* Keeps the bounds on table pages and leaves; may flush x itself. */
static void make_room(struct cpu *c, struct ctx *x)
{
    struct mmu *m = c->mmu;

    while (unlikely(m->num_slices + 4 > MAX_SLICES)) {
        struct ctx *old = oldest(m, x, true);
        ctx_flush(c, old ? old : x);
        m->stat_overflows++;
    }
    if (unlikely(x->num_leaves == MAX_LEAVES)) {
        ctx_flush(c, x);
        m->stat_overflows++;
    }
}

void ctx_drop_page(struct cpu *c, struct ctx *x, u32 page)
{
    unsigned dir = page >> dir_shift(x);
    const struct group *g = &x->group[dir];

    if (!(g->flags & G_USED))
        return;
    if (g->flags & G_BIG) {
        group_drop(c->mmu, x, dir);
        return;
    }
    unsigned i = leaf_find(x, page);
    if (i != NO_LEAF)
        leaf_drop(c->mmu, x, i);
}

/* ---- filling ---- */

static bool comparable(const struct walk *w)
{
    for (unsigned i = 0; i < w->n; i++)
        if (w->w[i].rd == NO_FRAME)
            return false;
    return true;
}

static u64 entry_of(const struct cpu *c, u32 frame, u32 page)
{
    return (u64)(uintptr_t)c->ram->page[frame] - ((u64)page << PAGE_SHIFT);
}

static void enter(struct cpu *c, struct ctx *x, bool user, u32 page, u32 rd, u32 wr)
{
    struct mmu *m = c->mmu;

    if (rd != NO_FRAME)
        set_entry(m, x, user, 0, page, entry_of(c, rd, page));
    if (wr != NO_FRAME && !(c->ram->flags[wr] & WRITE_SLOW)) {
        set_entry(m, x, user, 1, page, entry_of(c, wr, page));
        m->wr_cached[wr / 32] |= BIT(wr % 32);
    }
}

/* The leaf of la's page for this walk; one that tells another story is replaced. */
static unsigned leaf_get(struct cpu *c, struct ctx *x, const struct walk *w, u32 la, u32 frame)
{
    u32 page = la >> PAGE_SHIFT;
    u64 pte = w->n == 2 ? w->w[1].val : 0;
    unsigned i = leaf_find(x, page);

    if (i != NO_LEAF) {
        if (x->leaf[i - 1].frame == frame && same_word(&x->leaf[i - 1].pte, pte))
            return i;
        leaf_drop(c->mmu, x, i);
    }
    return leaf_new(c->mmu, x, page, frame, pte, w->n == 2 ? 0 : L_SLICE);
}

void ctx_fill(struct cpu *c, const struct walk *w, u32 la, bool user)
{
    struct mmu *m = c->mmu;
    struct ctx *x = m->cur;
    u32 page = la >> PAGE_SHIFT;

    if (!comparable(w))
        return;
    const struct phys *p = mmu_phys(c, w->pa);
    if (p->rd == NO_FRAME && p->wr == NO_FRAME)
        return;
    make_room(c, x);
    m->stat_fills++;

    bool may_write = w->rw || (!user && !(c->cr0 & CR0_WP));
    if (w->n && !(w->w[w->n - 1].val & PTE_D))
        may_write = false; /* the first write must set it */
    struct group *g = group_get(c, x, w, la);
    if (g->flags & G_LINEAR) {
        u32 first = page & ~(u32)(FILL_AHEAD - 1), mask = (1u << dir_shift(x)) - 1;
        if (unlikely(c->twice != NULL))
            twice_filled(c, first, FILL_AHEAD);
        for (u32 i = first; i < first + FILL_AHEAD; i++) {
            u32 frame = g->lin_frame + (i & mask);
            if (likely(!page_watched(m, i)))
                enter(c, x, user, i, frame, may_write ? frame : NO_FRAME);
        }
        return;
    }
    if (page_watched(m, page))
        return;
    if (unlikely(c->twice != NULL))
        twice_filled(c, page, 1);
    leaf_get(c, x, w, la, p->wr);
    /* Where reads and writes go to different places (PAM) a write entry would make a
     * read-modify-write read what it should not. */
    enter(c, x, user, page, p->rd, may_write && p->wr == p->rd ? p->wr : NO_FRAME);
}

void ctx_fill_large(struct cpu *c, u32 page, bool user)
{
    struct mmu *m = c->mmu;
    struct ctx *x = m->cur;
    unsigned shift = dir_shift(x), dir = page >> shift;
    const struct group *g = &x->group[dir];
    bool paged = g->flags & G_TABLE;

    if ((g->flags & (G_USED | G_LINEAR)) != (G_USED | G_LINEAR) ||
        (paged && user && !(g->pde & PTE_U)) || m->num_slices + 4 > MAX_SLICES)
        return;
    bool may_write = !paged || ((g->pde & PTE_D) &&
                                ((g->pde & PTE_W) || (!user && !(c->cr0 & CR0_WP))));
    u32 first = (u32)dir << shift, last = first + (1u << shift) - 1;
    if (x->tab[user][0][first] && x->tab[user][0][last] && (!may_write || x->tab[user][1][page]))
        return; /* done before, as far as it goes */
    for (u32 n = 0; n < 1u << shift; n++) {
        u32 p = first + n;
        if (!page_watched(m, p))
            enter(c, x, user, p, g->lin_frame + n, may_write ? g->lin_frame + n : NO_FRAME);
    }
}

void ctx_fill_exec(struct cpu *c, const struct walk *w, u32 la, bool user, u32 frame)
{
    struct mmu *m = c->mmu;
    struct ctx *x = m->cur;
    u32 page = la >> PAGE_SHIFT;

    if (!comparable(w)) {
        m->exec_untracked = true;
        return;
    }
    make_room(c, x);
    struct group *g = group_get(c, x, w, la);
    if (g->flags & G_LINEAR)
        g->flags |= G_EXEC;
    else
        x->leaf[leaf_get(c, x, w, la, mmu_phys(c, w->pa)->wr) - 1].page |= L_EXEC << 20;
    unsigned s = exec_slot(page, user);
    x->exec[s].tag = page << 2 | (u32)user << 1 | 1;
    x->exec[s].frame = frame;
    x->exec[s].ppn = (u32)(w->pa >> PAGE_SHIFT);
}

/* ---- what struct ram tells ---- */

void ctx_protect(void *cpu, u32 frame)
{
    struct cpu *c = cpu;
    struct mmu *m = c->mmu;

    if (!(m->wr_cached[frame / 32] & BIT(frame % 32)))
        return;
    m->wr_cached[frame / 32] &= ~BIT(frame % 32);
    for (u32 id = *rev_head(m, frame); id;) {
        struct ctx *x = m->ctx[(id - 1) / MAX_LEAVES];
        const struct leaf *l = &x->leaf[(id - 1) % MAX_LEAVES];
        if (l->frame == frame)
            for (unsigned cls = 0; cls < 2; cls++)
                clear_entry(m, x, cls, 1, LEAF_PAGE(l));
        id = l->rnext;
    }
    for (unsigned i = 0; i < NUM_CTX; i++) {
        struct ctx *x = m->ctx[i];
        if (!x || !x->used)
            continue;
        for (unsigned n = 0; n < x->num_groups; n++) {
            unsigned dir = x->used_dirs[n], shift = dir_shift(x);
            const struct group *g = &x->group[dir];
            u32 nth = frame - g->lin_frame;
            if ((g->flags & G_LINEAR) && nth < 1u << shift)
                for (unsigned cls = 0; cls < 2; cls++)
                    clear_entry(m, x, cls, 1, ((u32)dir << shift) + nth);
        }
    }
}

/* tlb=coherent: the current context forgets what it made of these words, before they change. Other
 * contexts are compared when they are used again. */
void ctx_tables_written(void *cpu, u32 frame, u32 off, u32 len)
{
    struct cpu *c = cpu;
    struct mmu *m = c->mmu;
    struct ctx *x = m->cur;
    unsigned shift = dir_shift(x), size = x->key.bits & CR4_PAE ? 8 : 4;
    bool still = false;

    if (m->own_write)
        return;
    for (unsigned n = x->num_groups; n-- > 0;) {
        unsigned dir = x->used_dirs[n];
        struct group *g = &x->group[dir];
        if (!(g->flags & G_TABLE))
            continue;
        if (g->pde_frame == frame && g->pde_off < off + len && off < g->pde_off + size) {
            group_drop(m, x, dir);
            continue;
        }
        if (g->pt_frame == frame) {
            for (u32 k = off / size; g->leaves && k <= (off + len - 1) / size; k++) {
                unsigned i = leaf_find(x, ((u32)dir << shift) + k);
                if (i != NO_LEAF)
                    leaf_drop(m, x, i);
            }
            if (!g->leaves)
                group_drop(m, x, dir);
            else
                still = true;
        }
        if (g->flags & G_USED)
            still |= g->pde_frame == frame;
    }
    if (!still)
        ram_clear_flag(c->ram, frame, RAM_TABLES); /* may be ordinary memory by now */
    if (m->code_dirty && c->twice)
        twice_give_up(c, "the address space changes");
    if (m->code_dirty)
        code_stop(c); /* perhaps the very page that runs */
    mmu_tell_code(c);
}
