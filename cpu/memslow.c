/* SPDX-License-Identifier: MIT */
/* Every data access that the inline accessors of mem.h do not finish: first touches, page
 * crossings, MMIO, pages with code or breakpoints, alignment checks. The order is fixed: all pages
 * are judged, then alignment, then A and D bits are set, then bytes move. So an access that faults
 * has changed nothing, not even an A bit. */
#include "cpu/hook.h"
#include "cpu/mem.h"
#include "cpu/mmu.h"
#include "cpu/twice.h"

/* ---- data breakpoints (SDM 3B 17.2) and the debugger's watchpoints ---- */

static bool overlaps(u32 a, u32 alen, u32 b, u32 blen)
{
    return a - b < blen || b - a < alen; /* modulo 4 GB */
}

static void check_watch(struct cpu *c, u32 la, u32 size, bool write)
{
    u32 hit = 0;
    bool enabled = false;

    for (unsigned i = 0; i < 4; i++) {
        unsigned type = c->dr7 >> (16 + 4 * i) & 3;
        u32 len = mmu_dr_len(c->dr7, i);
        if (type != 3 && !(type == 1 && write))
            continue;
        if (!overlaps(la, size, c->dr[i] & ~(len - 1), len))
            continue;
        hit |= BIT(i);
        enabled |= c->dr7 >> (2 * i) & 3;
    }
    /* B0-B3 tell every condition that is met, but a disabled one alone is no debug exception. */
    if (enabled) {
        c->pending_dr6 |= hit;
        c->events |= EV_TRAP;
    }
    for (unsigned i = 0; i < c->num_watch; i++) {
        if (!(c->watch[i].kind & (write ? CPU_WATCH_WRITE : CPU_WATCH_READ)) ||
            !overlaps(la, size, c->watch[i].la, c->watch[i].len))
            continue;
        c->watch_hit = la - c->watch[i].la < c->watch[i].len ? la : c->watch[i].la;
        c->watch_stop = true;
        c->events |= EV_STOP;
        break;
    }
}

/* ---- the steps of an access ---- */

struct span {
    struct walk w[2];
    unsigned n[2];   /* bytes in each page */
    u32 la[2];
};

/* The same for who owns the physical pages of a CPU without a machine; a read-modify-write needs
 * both rights. */
static NB_COLD enum hook_says span_allowed(struct cpu *c, const struct span *s, bool read, bool write,
                                           bool user)
{
    for (unsigned i = 0; i < 2 && s->n[i]; i++)
        for (unsigned k = 0; k < 2; k++) { /* a write is what it is judged as first */
            if (!(k == 0 ? write : read))
                continue;
            enum hook_says says = hook_page(c, s->la[i], s->w[i].pa, s->n[i],
                                            k == 0 ? CPU_WRITE : CPU_READ, user, NULL);
            if (says != HOOK_GO_ON)
                return says;
        }
    return HOOK_GO_ON;
}

static bool span_walk(struct cpu *c, struct span *s, u32 la, unsigned size, bool read, bool write,
                      bool user)
{
    enum mmu_access acc = write ? ACC_WRITE : ACC_READ;
    enum hook_says says = HOOK_GO_ON;

    s->la[0] = la;
    s->n[0] = MIN(size, PAGE_SIZE - (la & PAGE_MASK));
    s->n[1] = size - s->n[0];
    s->la[1] = la + s->n[0];
    do {
        for (unsigned i = 0; i < 2 && s->n[i]; i++)
            if (!mmu_walk(c, &s->w[i], s->la[i], acc, user))
                return mmu_raise_pf(c, s->la[i], s->w[i].err);
        if (unlikely(c->hooks != NULL))
            says = span_allowed(c, s, read, write, user);
    } while (says == HOOK_AGAIN);
    return says == HOOK_GO_ON;
}

/* Tells the hook of an access that will now happen. false: a fault is parked, as the hook has taken
 * the memory away. data: NULL for reads. */
static NB_COLD bool hook_before(struct cpu *c, struct span *s, u32 la, u8 *data, unsigned size,
                                bool read, bool user)
{
    u32 map = c->hooks->map_changes;

    if (!c->hooks->access)
        return true;
    if (c->blk)
        cpu_sync(c);
    c->hooks->access(c->hooks->to, la, data, size, data ? CPU_WRITE : CPU_READ, false);
    return c->hooks->map_changes == map || span_walk(c, s, la, size, read, data != NULL, user);
}

static NB_COLD void hook_after(struct cpu *c, u32 la, u8 *data, unsigned size, bool write)
{
    if (!c->hooks->access)
        return;
    if (c->blk)
        cpu_sync(c);
    c->hooks->access(c->hooks->to, la, data, size, write ? CPU_WRITE : CPU_READ, true);
}

static void span_commit(struct cpu *c, struct span *s, bool write)
{
    for (unsigned i = 0; i < 2 && s->n[i]; i++)
        mmu_commit(c, &s->w[i], write);
}

static bool span_stands(const struct cpu *c, const struct span *s)
{
    return mmu_walk_stands(c, &s->w[0]) && (!s->n[1] || mmu_walk_stands(c, &s->w[1]));
}

static void span_fill(struct cpu *c, struct span *s, bool user)
{
    for (unsigned i = 0; i < 2 && s->n[i]; i++)
        ctx_fill(c, &s->w[i], s->la[i], user);
}

/* #AC (SDM 3A 6.15, table 6-7): natural alignment; 10-byte reals count as quadwords, 6-byte
 * pointers as doublewords. Only accesses of the program itself at CPL 3. */
static bool misaligned(const struct cpu *c, u32 la, unsigned size, bool user)
{
    if (likely(!(c->mode & MODE_AC)) || !user)
        return false;
    unsigned align = 1;
    while (align * 2 <= size)
        align *= 2;
    return la & (align - 1);
}

static bool raise_ac(struct cpu *c)
{
    if (c->blk)
        cpu_sync(c);
    return cpu_raise_err(c, EXC_AC, 0);
}

/* The bytes of one page. false: an I/O region (or nothing) was asked. */
static bool read_bytes(struct cpu *c, paddr pa, u8 *to, unsigned n)
{
    const struct phys *p = mmu_phys(c, pa);

    if (likely(p->rd != NO_FRAME)) {
        memcpy(to, ram_rd(c->ram, p->rd) + (pa & PAGE_MASK), n);
        return true;
    }
    if (c->blk)
        cpu_sync(c);
    while (n) {
        unsigned take = MIN(n, 4u);
        u32 v = bus_read(c, c->mem, pa, take);
        memcpy(to, &v, take);
        pa += take;
        to += take;
        n -= take;
    }
    return false;
}

static bool write_bytes(struct cpu *c, paddr pa, const u8 *from, unsigned n)
{
    const struct phys *p = mmu_phys(c, pa);

    if (c->blk)
        cpu_sync(c);
    if (likely(p->wr != NO_FRAME)) {
        u32 off = pa & PAGE_MASK;
        memcpy(ram_wr(c->ram, p->wr, off, n) + off, from, n);
        return true;
    }
    while (n) {
        unsigned take = MIN(n, 4u);
        u32 v = 0;
        memcpy(&v, from, take);
        bus_write(c, c->mem, pa, v, take);
        pa += take;
        from += take;
        n -= take;
    }
    return false;
}

/* Both pages have entries, which is the usual reason for a page-crossing access to be here. */
static bool cached(const struct cpu *c, u32 la, unsigned size, bool user, bool write, u8 *host[2])
{
    const u64 *t = c->mmu->cur->tab[user][write];
    u32 last = la + size - 1;

    if (!t[la >> PAGE_SHIFT] || !t[last >> PAGE_SHIFT])
        return false;
    host[0] = (u8 *)(uintptr_t)(t[la >> PAGE_SHIFT] + la);
    host[1] = (u8 *)(uintptr_t)(t[last >> PAGE_SHIFT] + (last & ~PAGE_MASK));
    return true;
}

/* Reads what is to be read, or read and then written: then it faults as the write would. */
static bool do_read(struct cpu *c, u32 la, void *buf, unsigned size, bool user, bool rmw)
{
    struct span s;
    bool told = unlikely(c->mmu->num_ranges) && c->hooks;

    if (!span_walk(c, &s, la, size, true, rmw, user))
        return false;
    if (misaligned(c, la, size, user))
        return raise_ac(c);
    if (told && !hook_before(c, &s, la, NULL, size, true, user))
        return false;
    span_commit(c, &s, rmw);
    bool ram = read_bytes(c, s.w[0].pa, buf, s.n[0]);
    if (s.n[1])
        ram &= read_bytes(c, s.w[1].pa, (u8 *)buf + s.n[0], s.n[1]);
    /* A chip that was asked may have changed the memory map or the mode: the walks are old then. */
    if (ram)
        span_fill(c, &s, user);
    if (unlikely(c->mmu->num_ranges))
        check_watch(c, la, size, false);
    if (told)
        hook_after(c, la, buf, size, false);
    mmu_tell_code(c);
    return true;
}

bool mem_read_slow(struct cpu *c, u32 la, void *buf, unsigned size, bool user)
{
    u8 *host[2];

    if (cached(c, la, size, user, false, host) && !misaligned(c, la, size, user)) {
        unsigned n = MIN(size, PAGE_SIZE - (la & PAGE_MASK));
        memcpy(buf, host[0], n);
        memcpy((u8 *)buf + n, host[1], size - n);
        return true;
    }
    return do_read(c, la, buf, size, user, false);
}

bool mem_rmw_slow(struct cpu *c, u32 la, void *buf, unsigned size, bool user)
{
    const struct mmu *m = c->mmu;
    u32 slot = (la >> PAGE_SHIFT) % HELD_LEN;
    u8 *host[2];

    if (unlikely(c->twice != NULL))
        twice_slow(c, la, size);
    if (m->held[slot].page1 == (la >> PAGE_SHIFT) + 1 && m->held[slot].user == user &&
        (la & PAGE_MASK) + size <= PAGE_SIZE && !(c->mode & MODE_AC)) {
        memcpy(buf, ram_rd(c->ram, m->held[slot].frame) + (la & PAGE_MASK), size);
        return true;
    }
    if (cached(c, la, size, user, true, host) && !misaligned(c, la, size, user)) {
        unsigned n = MIN(size, PAGE_SIZE - (la & PAGE_MASK));
        memcpy(buf, host[0], n);
        memcpy((u8 *)buf + n, host[1], size - n);
        return true;
    }
    return do_read(c, la, buf, size, user, true);
}

bool mem_write_slow(struct cpu *c, u32 la, const void *buf, unsigned size, bool user)
{
    struct span s;
    u8 *host[2], changed[16];
    u32 page = la >> PAGE_SHIFT;
    struct mmu *m = c->mmu;

    if (unlikely(c->twice != NULL))
        twice_slow(c, la, size);
    /* data beside code: real-mode stacks, kernels' read-mostly sections */
    if (m->held[page % HELD_LEN].page1 == page + 1 && m->held[page % HELD_LEN].user == user &&
        (la & PAGE_MASK) + size <= PAGE_SIZE && !(c->mode & MODE_AC) &&
        (c->ram->flags[m->held[page % HELD_LEN].frame] & RAM_CODE)) {
        if (c->blk)
            cpu_sync(c);
        memcpy(ram_wr(c->ram, m->held[page % HELD_LEN].frame, la & PAGE_MASK, size) +
               (la & PAGE_MASK), buf, size);
        return true;
    }
    if (cached(c, la, size, user, true, host) && !misaligned(c, la, size, user)) {
        unsigned n = MIN(size, PAGE_SIZE - (la & PAGE_MASK));
        if (unlikely(c->twice != NULL))
            twice_cached(c, la, host, n, size - n, user);
        memcpy(host[0], buf, n);
        memcpy(host[1], (const u8 *)buf + n, size - n);
        return true;
    }
    if (!span_walk(c, &s, la, size, false, true, user))
        return false;
    if (misaligned(c, la, size, user))
        return raise_ac(c);
    bool told = unlikely(m->num_ranges) && c->hooks && size <= sizeof changed;
    if (told) {
        memcpy(changed, buf, size);
        buf = changed;
        if (!hook_before(c, &s, la, changed, size, false, user))
            return false;
    }
    span_commit(c, &s, true);
    bool ram = write_bytes(c, s.w[0].pa, buf, s.n[0]);
    if (s.n[1])
        ram &= write_bytes(c, s.w[1].pa, (const u8 *)buf + s.n[0], s.n[1]);
    /* what was written may be the page's own table entry: nobody would hear of it any more */
    if (ram && (!c->tlb_coherent || span_stands(c, &s)))
        span_fill(c, &s, user);
    if (unlikely(c->mmu->num_ranges))
        check_watch(c, la, size, true);
    if (told)
        hook_after(c, la, changed, size, true);
    mmu_tell_code(c);
    if (ram && !s.n[1] && !m->num_ranges && !c->tlb_coherent) {
        const struct phys *p = mmu_phys(c, s.w[0].pa);
        u32 frame = p->wr;
        if (frame != NO_FRAME && frame == p->rd && (c->ram->flags[frame] & RAM_CODE)) {
            m->held[page % HELD_LEN].page1 = page + 1;
            m->held[page % HELD_LEN].frame = frame;
            m->held[page % HELD_LEN].user = user;
        }
    }
    return true;
}

bool mem_probe_write(struct cpu *c, u32 la, unsigned size, bool user)
{
    struct span s;
    u8 *host[2];

    const struct mmu *m = c->mmu;
    u32 slot = (la >> PAGE_SHIFT) % HELD_LEN;

    if (unlikely(c->twice != NULL))
        twice_slow(c, la, size);
    if (!size || cached(c, la, size, user, true, host))
        return true;
    if (m->held[slot].page1 == (la >> PAGE_SHIFT) + 1 && m->held[slot].user == user &&
        (la & PAGE_MASK) + size <= PAGE_SIZE)
        return true;
    if (!span_walk(c, &s, la, size, false, true, user))
        return false;
    span_commit(c, &s, true);
    span_fill(c, &s, user);
    mmu_tell_code(c);
    return true;
}

u8 *mem_page_ptr(struct cpu *c, u32 la, bool write, bool user)
{
    u64 e = c->mmu->cur->tab[user][write][la >> PAGE_SHIFT];
    struct walk w;

    if (unlikely(c->mode & MODE_AC) && user)
        return NULL;
    if (unlikely(c->twice != NULL) && write)
        twice_slow(c, la, 1);
    if (likely(e)) {
        u8 *host = (u8 *)(uintptr_t)(e + la);
        if (unlikely(c->twice != NULL) && write)
            twice_writing(c, host, PAGE_SIZE - (la & PAGE_MASK));
        return host;
    }
    if (page_watched(c->mmu, la >> PAGE_SHIFT) ||
        !mmu_walk(c, &w, la, write ? ACC_WRITE : ACC_READ, user))
        return NULL;
    const struct phys *p = mmu_phys(c, w.pa);
    u32 frame = write ? p->wr : p->rd;
    if (frame == NO_FRAME || (write && (c->ram->flags[frame] & (RAM_CODE | RAM_TABLES))))
        return NULL;
    mmu_commit(c, &w, write);
    /* Setting A or D may have been a write to this very frame, but that changes none of its flags
     * for the worse; asking for the page clears RAM_CLEAN and ends sharing. */
    if (write)
        ram_wr(c->ram, frame, 0, PAGE_SIZE);
    ctx_fill(c, &w, la, user);
    mmu_tell_code(c);
    return c->ram->page[frame] + (la & PAGE_MASK);
}

/* ---- the debugger's view ---- */

bool cpu_debug_translate(struct cpu *c, u32 la, paddr *pa)
{
    struct walk w;

    if (!mmu_walk(c, &w, la, ACC_DEBUG, false))
        return false;
    *pa = w.pa;
    return true;
}

u32 cpu_debug_read(struct cpu *c, u32 la, void *buf, u32 len)
{
    u8 *to = buf;
    u32 done = 0;

    while (done < len) {
        paddr pa;
        u32 n = MIN(len - done, PAGE_SIZE - ((la + done) & PAGE_MASK));
        if (!cpu_debug_translate(c, la + done, &pa))
            break;
        const struct phys *p = mmu_phys(c, pa);
        if (p->rd != NO_FRAME)
            memcpy(to + done, ram_rd(c->ram, p->rd) + (pa & PAGE_MASK), n);
        else
            for (u32 i = 0; i < n; i++)
                to[done + i] = (u8)space_peek(c->mem, pa + i, 1);
        done += n;
    }
    return done;
}

u32 cpu_debug_write(struct cpu *c, u32 la, const void *buf, u32 len)
{
    const u8 *from = buf;
    u32 done = 0;

    while (done < len) {
        paddr pa;
        u32 n = MIN(len - done, PAGE_SIZE - ((la + done) & PAGE_MASK));
        if (!cpu_debug_translate(c, la + done, &pa))
            break;
        /* Where code is read from, ROM too: a debugger puts its breakpoints there. */
        u32 frame = mmu_phys(c, pa)->rd, off = pa & PAGE_MASK;
        if (frame == NO_FRAME)
            break;
        memcpy(ram_wr_rom(c->ram, frame, off, n) + off, from + done, n);
        done += n;
    }
    return done;
}

/* ---- the same by value, for handlers (mem.h) ---- */

u64 mem_load_slow(struct cpu *c, u32 la, unsigned size, bool user)
{
    u32 v = 0;

    return mem_read_slow(c, la, &v, size, user) ? v : MEM_FAULT;
}

u64 mem_load_rmw_slow(struct cpu *c, u32 la, unsigned size, bool user)
{
    u32 v = 0;

    return mem_rmw_slow(c, la, &v, size, user) ? v : MEM_FAULT;
}

bool mem_store_slow(struct cpu *c, u32 la, u32 v, unsigned size, bool user)
{
    return mem_write_slow(c, la, &v, size, user);
}

u64 seg_linear_slow(struct cpu *c, unsigned s, u32 ea, unsigned size, bool write)
{
    u32 la = 0;

    return seg_check_slow(c, s, ea, size, write, &la) ? la : MEM_FAULT;
}
