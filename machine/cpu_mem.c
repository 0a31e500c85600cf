/* SPDX-License-Identifier: MIT */
/* Memory of a CPU without a machine: mappings, their rights, and access from outside. */
#include "core/vmem.h"
#include "core/xalloc.h"
#include "machine/cpu_api.h"

#define LLX(v) ((unsigned long long)(v))

/* ---- functions instead of memory */

static u32 io_read(void *mapping, u32 off, unsigned size)
{
    struct cpu_mapping *m = mapping;
    struct nb_cpu *cpu = m->cpu;
    enum cpu_where was = cpu->where;
    u32 v;

    if (!m->read)
        return size_mask(size);
    cpu->where = CPU_WITHIN;
    v = m->read(m->user, m->io_offset + off, size);
    cpu->where = was;
    cpu_hooks_stop(cpu);
    return v;
}

static void io_write(void *mapping, u32 off, u32 val, unsigned size)
{
    struct cpu_mapping *m = mapping;
    struct nb_cpu *cpu = m->cpu;
    enum cpu_where was = cpu->where;

    if (!m->write)
        return;
    cpu->where = CPU_WITHIN;
    m->write(m->user, m->io_offset + off, val, size);
    cpu->where = was;
    cpu_hooks_stop(cpu);
}

static const struct region_ops io_ops = { .read = io_read, .write = io_write, .min = 1, .max = 4 };

/* ---- the list */

/* Index of the first mapping that ends behind pa. */
static unsigned first_behind(const struct nb_cpu *cpu, u64 pa)
{
    unsigned lo = 0, hi = cpu->num_maps;

    while (lo < hi) {
        unsigned mid = (lo + hi) / 2;
        if (cpu->map[mid]->addr + cpu->map[mid]->size <= pa)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo;
}

struct cpu_mapping *cpu_mem_find(const struct nb_cpu *cpu, u64 pa)
{
    unsigned n = first_behind(cpu, pa);

    return n < cpu->num_maps && cpu->map[n]->addr <= pa ? cpu->map[n] : NULL;
}

bool cpu_mem_allowed(void *to, paddr pa, enum cpu_access how, u32 *frame)
{
    static const unsigned need[] = { NB_CPU_R, NB_CPU_W, NB_CPU_X };
    const struct cpu_mapping *m = cpu_mem_find(to, pa);

    if (!m || !(m->prot & need[how]))
        return false;
    if (how == CPU_FETCH)
        *frame = (u32)(pa >> PAGE_SHIFT);
    return true;
}

/* Puts the mapping's region into the space. */
static void show(struct nb_cpu *cpu, struct cpu_mapping *m)
{
    struct region *r = &m->region;

    memset(r, 0, sizeof *r);
    r->name = m->backing ? "memory" : "functions";
    r->base = m->addr;
    r->size = m->size;
    r->kind = m->backing ? REGION_RAM : REGION_IO;
    r->ops = &io_ops;
    r->dev = m;
    r->ram_frame = (u32)(m->addr >> PAGE_SHIFT);
    r->prio = PRIO_RAM;
    r->flags =
        (u8)((m->prot & NB_CPU_R ? REGION_READ : 0) | (m->prot & NB_CPU_W ? REGION_WRITE : 0));
    /* cannot fail: overlap was looked for, and the frames cover all addresses */
    if (r->flags)
        space_map(&cpu->mem, r, NULL);
}

static void hide(struct nb_cpu *cpu, struct cpu_mapping *m)
{
    if (m->region.mapped)
        space_unmap(&cpu->mem, &m->region);
}

static void set_pages(struct nb_cpu *cpu, const struct cpu_mapping *m, bool there)
{
    u32 first = (u32)(m->addr >> PAGE_SHIFT);

    for (u64 k = 0; k < m->size >> PAGE_SHIFT; k++) {
        ram_wr_rom(&cpu->ram, first + (u32)k, 0, PAGE_SIZE); /* no code was made from it */
        cpu->ram.page[first + k] = there ? m->host + (k << PAGE_SHIFT) : cpu->nowhere;
    }
}

static void insert(struct nb_cpu *cpu, struct cpu_mapping *m)
{
    unsigned at = first_behind(cpu, m->addr);

    if (cpu->num_maps == cpu->cap_maps) {
        cpu->cap_maps = cpu->cap_maps ? cpu->cap_maps * 2 : 16;
        cpu->map = xrealloc(cpu->map, cpu->cap_maps * sizeof *cpu->map);
    }
    memmove(cpu->map + at + 1, cpu->map + at, (cpu->num_maps - at) * sizeof *cpu->map);
    cpu->map[at] = m;
    cpu->num_maps++;
}

/* What was asked for before holds no more. An access that is going on sees it by the count, the CPU
 * by the space's news; but views are equal when only the right to execute changed: told here. */
static void map_changed(struct nb_cpu *cpu)
{
    cpu->hooks.map_changes++;
    if (cpu->mem.on_change)
        cpu->mem.on_change(cpu->mem.on_change_to, 0, CPU_MEM_END - 1);
}

static void add(struct nb_cpu *cpu, const struct cpu_mapping *like)
{
    struct cpu_mapping *m = xcalloc(1, sizeof *m);

    *m = *like;
    m->cpu = cpu;
    if (m->backing) {
        m->backing->refs++;
        set_pages(cpu, m, true);
    }
    insert(cpu, m);
    show(cpu, m);
}

void cpu_backing_drop(struct nb_cpu *cpu, struct cpu_backing *b)
{
    if (!b || --b->refs)
        return;
    if (cpu->num_dead == cpu->cap_dead) {
        cpu->cap_dead = cpu->cap_dead ? cpu->cap_dead * 2 : 8;
        cpu->dead = xrealloc(cpu->dead, cpu->cap_dead * sizeof *cpu->dead);
    }
    cpu->dead[cpu->num_dead++] = b;
}

void cpu_mem_bury(struct nb_cpu *cpu)
{
    if (cpu->where == CPU_WITHIN)
        return;
    while (cpu->dead_maps) {
        struct cpu_mapping *m = cpu->dead_maps;
        cpu->dead_maps = m->next_dead;
        xfree(m);
    }
    while (cpu->num_dead) {
        struct cpu_backing *b = cpu->dead[--cpu->num_dead];
        if (b->own)
            vmem_release(b->base, b->size);
        xfree(b);
    }
}

static void remove_at(struct nb_cpu *cpu, unsigned at)
{
    struct cpu_mapping *m = cpu->map[at];

    hide(cpu, m);
    if (m->backing)
        set_pages(cpu, m, false);
    cpu->num_maps--;
    memmove(cpu->map + at, cpu->map + at + 1, (cpu->num_maps - at) * sizeof *cpu->map);
    cpu_backing_drop(cpu, m->backing);
    m->next_dead = cpu->dead_maps;
    cpu->dead_maps = m;
}

/* Makes a mapping end at addr if one spans it. */
static void split(struct nb_cpu *cpu, u64 addr)
{
    struct cpu_mapping *m = addr < CPU_MEM_END ? cpu_mem_find(cpu, addr) : NULL, *rest;
    u64 left;

    if (!m || m->addr == addr)
        return;
    left = addr - m->addr;
    rest = xcalloc(1, sizeof *rest);
    *rest = *m;
    hide(cpu, m);
    m->size = left;
    rest->addr += left;
    rest->size -= left;
    rest->io_offset += (u32)left;
    if (rest->backing) {
        rest->host += left;
        rest->backing->refs++;
    }
    insert(cpu, rest);
    show(cpu, m);
    show(cpu, rest);
}

void cpu_mem_replace(struct nb_cpu *cpu, const struct cpu_mapping *list, unsigned n)
{
    space_begin(&cpu->mem);
    while (cpu->num_maps)
        remove_at(cpu, cpu->num_maps - 1);
    for (unsigned k = 0; k < n; k++)
        add(cpu, &list[k]);
    space_end(&cpu->mem);
    map_changed(cpu);
    cpu_mem_bury(cpu);
}

void cpu_mem_init(struct nb_cpu *cpu)
{
    struct ram *r = &cpu->ram;

    cpu->nowhere = xcalloc(1, PAGE_SIZE);
    r->frames = (u32)(CPU_MEM_END >> PAGE_SHIFT);
    r->page = xcalloc(r->frames, sizeof *r->page);
    r->flags = xcalloc(r->frames, 1);
    r->obj.fd = -1;
    space_init(&cpu->mem, "memory", 0xfffffffffull, &cpu->log, r);
}

void cpu_mem_free(struct nb_cpu *cpu)
{
    while (cpu->num_maps)
        remove_at(cpu, cpu->num_maps - 1);
    cpu_mem_bury(cpu);
    space_free(&cpu->mem);
    ram_free(&cpu->ram);
    xfree(cpu->map);
    xfree(cpu->dead);
    xfree(cpu->nowhere);
}

/* ---- checks of what callers give */

static bool check_range(u64 addr, u64 size, struct nb_error *e)
{
    if ((addr | size) & PAGE_MASK)
        return cpu_fail(e, ERR_CONFIG,
                        "%llx, size %llx: address and size must be multiples of 1000h", LLX(addr),
                        LLX(size));
    if (!size || addr >= CPU_MEM_END || size > CPU_MEM_END - addr)
        return cpu_fail(e, ERR_CONFIG, "%llx, size %llx: not within 4 GB, or empty", LLX(addr),
                        LLX(size));
    return true;
}

static bool check_new(struct nb_cpu *cpu, u64 addr, u64 size, unsigned prot, struct nb_error *e)
{
    unsigned n;

    if (!check_range(addr, size, e))
        return false;
    if (prot & ~(unsigned)NB_CPU_RWX)
        return cpu_fail(e, ERR_CONFIG, "protection %xh is none of NB_CPU_R, _W, _X", prot);
    n = first_behind(cpu, addr);
    if (n < cpu->num_maps && cpu->map[n]->addr < addr + size)
        return cpu_fail(e, ERR_CONFIG,
                        "%llx, size %llx overlaps the mapping at %llx, size %llx: unmap it",
                        LLX(addr), LLX(size), LLX(cpu->map[n]->addr), LLX(cpu->map[n]->size));
    return true;
}

/* All pages are mapped. */
static bool check_mapped(struct nb_cpu *cpu, u64 addr, u64 len, bool bytes, struct nb_error *e)
{
    u64 at = addr;

    if (len > CPU_MEM_END || addr > CPU_MEM_END - len)
        return cpu_fail(e, ERR_CONFIG, "%llx, size %llx: not within 4 GB", LLX(addr), LLX(len));
    while (at < addr + len) {
        const struct cpu_mapping *m = cpu_mem_find(cpu, at);
        if (!m)
            return cpu_fail(e, ERR_CONFIG, "%llx is not mapped", LLX(at));
        if (bytes && !m->backing)
            return cpu_fail(e, ERR_CONFIG, "%llx is mapped to functions, not to memory", LLX(at));
        at = m->addr + m->size;
    }
    return true;
}

/* ---- nestbox.h */

bool nb_cpu_map(struct nb_cpu *cpu, uint64_t addr, uint64_t size, unsigned prot, struct nb_error *e)
{
    struct cpu_mapping m = { .addr = addr, .size = size, .prot = prot };

    if (!check_new(cpu, addr, size, prot, e))
        return false;
    m.backing = xcalloc(1, sizeof *m.backing);
    m.backing->own = true;
    m.backing->size = size;
    m.backing->base = m.host = vmem_reserve(size);
    if (!m.host) {
        xfree(m.backing);
        return cpu_fail(e, ERR_RESOURCE, "the host gives no %llu KB of memory", LLX(size >> 10));
    }
    add(cpu, &m);
    map_changed(cpu);
    return true;
}

bool nb_cpu_map_buffer(struct nb_cpu *cpu, uint64_t addr, uint64_t size, unsigned prot,
                       void *buffer, struct nb_error *e)
{
    struct cpu_mapping m = { .addr = addr, .size = size, .prot = prot, .host = buffer };

    if (!check_new(cpu, addr, size, prot, e))
        return false;
    if (!buffer || (uintptr_t)buffer & 15)
        return cpu_fail(e, ERR_CONFIG, "%llx: the buffer must be there, at a multiple of 16",
                        LLX(addr));
    for (unsigned k = 0; k < cpu->num_maps; k++) {
        const struct cpu_mapping *o = cpu->map[k];
        if (o->host && m.host < o->host + o->size && o->host < m.host + size)
            return cpu_fail(e, ERR_CONFIG, "%llx: bytes of the buffer are mapped at %llx already",
                            LLX(addr), LLX(o->addr));
    }
    m.backing = xcalloc(1, sizeof *m.backing);
    m.backing->size = size;
    m.backing->base = buffer;
    add(cpu, &m);
    map_changed(cpu);
    return true;
}

bool nb_cpu_map_io(struct nb_cpu *cpu, uint64_t addr, uint64_t size,
                   uint32_t (*read)(void *user, uint32_t offset, unsigned size),
                   void (*write)(void *user, uint32_t offset, uint32_t value, unsigned size),
                   void *user, struct nb_error *e)
{
    struct cpu_mapping m = { .addr = addr,
                             .size = size,
                             .prot = NB_CPU_R | NB_CPU_W,
                             .read = read,
                             .write = write,
                             .user = user };

    if (!check_new(cpu, addr, size, m.prot, e))
        return false;
    add(cpu, &m);
    map_changed(cpu);
    return true;
}

bool nb_cpu_unmap(struct nb_cpu *cpu, uint64_t addr, uint64_t size, struct nb_error *e)
{
    if (!check_range(addr, size, e) || !check_mapped(cpu, addr, size, false, e))
        return false;
    space_begin(&cpu->mem);
    split(cpu, addr);
    split(cpu, addr + size);
    for (unsigned n = first_behind(cpu, addr);
         n < cpu->num_maps && cpu->map[n]->addr < addr + size;)
        remove_at(cpu, n);
    space_end(&cpu->mem);
    map_changed(cpu);
    cpu_mem_bury(cpu);
    return true;
}

bool nb_cpu_protect(struct nb_cpu *cpu, uint64_t addr, uint64_t size, unsigned prot,
                    struct nb_error *e)
{
    if (!check_range(addr, size, e) || !check_mapped(cpu, addr, size, false, e))
        return false;
    if (prot & ~(unsigned)NB_CPU_RWX)
        return cpu_fail(e, ERR_CONFIG, "protection %xh is none of NB_CPU_R, _W, _X", prot);
    space_begin(&cpu->mem);
    split(cpu, addr);
    split(cpu, addr + size);
    for (unsigned n = first_behind(cpu, addr); n < cpu->num_maps && cpu->map[n]->addr < addr + size;
         n++) {
        struct cpu_mapping *m = cpu->map[n];
        hide(cpu, m);
        m->prot = m->backing ? prot : prot & ~(unsigned)NB_CPU_X; /* functions can't be executed */
        show(cpu, m);
    }
    space_end(&cpu->mem);
    map_changed(cpu);
    return true;
}

size_t nb_cpu_regions(struct nb_cpu *cpu, struct nb_cpu_region *out, size_t max)
{
    for (size_t k = 0; k < cpu->num_maps && k < max; k++) {
        const struct cpu_mapping *m = cpu->map[k];
        out[k] = (struct nb_cpu_region){ m->addr, m->size, m->prot, !m->backing, m->host };
    }
    return cpu->num_maps;
}

/* What is mapped at addr, at most len bytes of it. */
static u8 *piece(struct nb_cpu *cpu, u64 addr, size_t len, size_t *n)
{
    struct cpu_mapping *m = cpu_mem_find(cpu, addr);
    u64 off = addr - m->addr;

    *n = (size_t)MIN((u64)len, m->size - off);
    return m->host + off;
}

bool nb_cpu_mem_read(struct nb_cpu *cpu, uint64_t addr, void *to, size_t len, struct nb_error *e)
{
    if (!check_mapped(cpu, addr, len, true, e))
        return false;
    for (size_t done = 0, n; done < len; done += n) {
        const u8 *from = piece(cpu, addr + done, len - done, &n);
        memcpy((u8 *)to + done, from, n);
    }
    return true;
}

bool nb_cpu_mem_write(struct nb_cpu *cpu, uint64_t addr, const void *from, size_t len,
                      struct nb_error *e)
{
    if (!check_mapped(cpu, addr, len, true, e))
        return false;
    for (size_t done = 0; done < len;) {
        u64 at = addr + done;
        u32 off = (u32)at & PAGE_MASK, n = (u32)MIN(len - done, (size_t)(PAGE_SIZE - off));
        memcpy(ram_wr_rom(&cpu->ram, (u32)(at >> PAGE_SHIFT), off, n) + off,
               (const u8 *)from + done, n);
        done += n;
    }
    return true;
}

bool nb_cpu_mem_changed(struct nb_cpu *cpu, uint64_t addr, uint64_t size, struct nb_error *e)
{
    if (!check_mapped(cpu, addr, size, true, e))
        return false;
    for (u64 done = 0; done < size;) {
        u32 off = (u32)(addr + done) & PAGE_MASK, n = (u32)MIN(size - done, (u64)(PAGE_SIZE - off));
        ram_wr_rom(&cpu->ram, (u32)((addr + done) >> PAGE_SHIFT), off, n);
        done += n;
    }
    return true;
}

bool nb_cpu_translate(struct nb_cpu *cpu, uint32_t linear, uint64_t *physical)
{
    return cpu_debug_translate(cpu->c, linear, physical);
}
