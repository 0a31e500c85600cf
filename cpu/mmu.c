/* SPDX-License-Identifier: MIT */
/* The MMU as the rest of the CPU sees it: contexts selected and flushed, translations asked for.
 *
 * Not modelled: hardware's freedom to keep stale entries beyond a flush point or to use global ones
 * in another address space; we keep only what a new walk would give (mmu.h). */
#include "core/vmem.h"
#include "core/xalloc.h"
#include "cpu/hook.h"
#include "cpu/insn.h"
#include "cpu/mmu.h"
#include "cpu/trace.h"
#include "cpu/twice.h"

static void space_changed(void *cpu, paddr start, paddr end)
{
    struct cpu *c = cpu;
    (void)start;
    (void)end;
    mmu_flush_all(c);
}

static void find_key(const struct cpu *c, struct key *k)
{
    memset(k, 0, sizeof(*k));
    k->bits = c->a20;
    if (!(c->cr0 & CR0_PG))
        return;
    /* bit 0 A20, bit 1 NXE, the others where CR0 and CR4 have them */
    k->bits |= (c->cr0 & (CR0_PG | CR0_WP)) | (c->cr4 & (CR4_PSE | CR4_PAE));
    if (c->cr4 & CR4_PAE) {
        k->bits |= c->efer & EFER_NXE ? 2 : 0;
        memcpy(k->pdpte, c->pdpte, sizeof(k->pdpte));
    } else {
        k->cr3 = c->cr3 & ~PAGE_MASK;
    }
}

void mmu_tell_code(struct cpu *c)
{
    if (c->mmu->code_dirty) {
        c->mmu->code_dirty = false;
        code_next_generation(c);
    }
}

void mmu_code_generation(struct cpu *c, bool all)
{
    struct mmu *m = c->mmu;

    if (!m)
        return;
    for (unsigned i = 0; all && i < NUM_CTX; i++)
        if (m->ctx[i])
            m->ctx[i]->generation = 0;
    if (m->cur)
        m->cur->generation = c->code_generation;
}

bool mmu_new(struct cpu *c, struct err *e)
{
    struct mmu *m = xcalloc(1, sizeof(*m));

    c->mmu = m;
    m->wr_cached = xcalloc(c->ram->frames / 32 + 1, sizeof(*m->wr_cached));
    m->zero = vmem_reserve(TABLE_BYTES);
    struct ctx *x = m->ctx[0] = xcalloc(1, sizeof(*x));
    if (!m->zero || !ctx_tables(x)) {
        mmu_free(c);
        return err_set(e, ERR_RESOURCE, "the host gives no %u MB of address space for page tables",
                       (unsigned)((CTX_BYTES + TABLE_BYTES) >> 20));
    }
    c->ram->protect = ctx_protect;
    c->ram->protect_to = c;
    c->ram->tables_written = ctx_tables_written;
    c->ram->tables_to = c;
    c->mem->on_change = space_changed;
    c->mem->on_change_to = c;

    struct key k;
    find_key(c, &k);
    m->cur = ctx_get(c, &k);
    m->code_dirty = false;
    mmu_select(c);
    return true;
}

void mmu_free(struct cpu *c)
{
    struct mmu *m = c->mmu;

    if (!m)
        return;
    if (c->ram->protect_to == c) {
        c->ram->protect = NULL;
        c->ram->protect_to = NULL;
    }
    if (c->ram->tables_to == c) {
        c->ram->tables_written = NULL;
        c->ram->tables_to = NULL;
    }
    if (c->mem->on_change_to == c) {
        c->mem->on_change = NULL;
        c->mem->on_change_to = NULL;
    }
    view_free(c);
    for (unsigned i = 0; i < NUM_CTX; i++)
        if (m->ctx[i]) {
            vmem_release(m->ctx[i]->tab[0][0], CTX_BYTES);
            xfree(m->ctx[i]);
        }
    vmem_release(m->zero, TABLE_BYTES);
    xfree(m->wr_cached);
    xfree(m);
    c->mmu = NULL;
    c->tlb_rd = c->tlb_wr = c->tlb_sys_rd = c->tlb_sys_wr = NULL;
}

void mmu_select(struct cpu *c)
{
    struct mmu *m = c->mmu;
    struct ctx *x = m->cur;

    if (unlikely(c->dr7 != m->seen_dr7 || c->num_watch != m->seen_watch ||
                 ((c->dr7 & 0xff) && memcmp(c->dr, m->seen_dr, sizeof(c->dr)))))
        mmu_watch_changed(c);
    c->tlb_sys_rd = x->tab[CLS_SUP][0];
    c->tlb_sys_wr = x->tab[CLS_SUP][1];
    if (unlikely(c->mode & MODE_AC)) {
        c->tlb_rd = c->tlb_wr = m->zero;
    } else {
        c->tlb_rd = x->tab[c->cpl == 3][0];
        c->tlb_wr = x->tab[c->cpl == 3][1];
    }
    if (unlikely(c->twice != NULL))
        twice_select(c);
    view_select(c);
}

void mmu_switch(struct cpu *c, bool cr3_load)
{
    struct mmu *m = c->mmu;
    struct ctx *old = m->cur;
    struct key k;

    if (unlikely(c->twice != NULL))
        twice_give_up(c, "the address space changes");
    /* every change is a flush point: ctx_get compares what it kept */
    m->stat_switches++;
    if (log_on(c->log, LOG_MMU))
        trace_tlb(c, cr3_load ? "cr3" : "mode", false, 0);
    held_drop(m);
    find_key(c, &k);
    if (m->exec_untracked) {
        old->generation = 0;
        m->code_dirty = true;
    }
    m->exec_untracked = false;
    m->cur = ctx_get(c, &k);
    if (m->cur != old && !m->code_dirty) {
        if (m->cur->generation) /* nothing that code was fetched through has changed */
            c->code_generation = m->cur->generation;
        else
            m->code_dirty = true;
    }
    mmu_select(c);
    mmu_tell_code(c);
}

void mmu_flush_global(struct cpu *c)
{
    mmu_switch(c, false); /* global entries have no privileges here */
}

void mmu_flush_all(struct cpu *c)
{
    struct mmu *m = c->mmu;

    if (unlikely(c->twice != NULL))
        twice_give_up(c, "the memory map changes");
    for (unsigned i = 0; i < NUM_CTX; i++)
        if (m->ctx[i])
            ctx_flush(c, m->ctx[i]);
    memset(m->phys, 0, sizeof(m->phys));
    held_drop(m);
    m->code_dirty = true;
    mmu_tell_code(c);
}

void mmu_invlpg(struct cpu *c, u32 la)
{
    struct mmu *m = c->mmu;

    if (log_on(c->log, LOG_MMU))
        trace_tlb(c, "invlpg", true, la);
    if (unlikely(c->twice != NULL))
        twice_give_up(c, "the address space changes");
    held_drop(m);
    ctx_drop_page(c, m->cur, la >> PAGE_SHIFT);
    if (m->exec_untracked)
        m->code_dirty = true;
    mmu_tell_code(c);
}

/* ---- data breakpoints and watchpoints: their pages have no entries ---- */

static void add_range(struct mmu *m, u32 la, u32 len)
{
    if (!len || m->num_ranges == MAX_RANGES)
        return;
    m->range[m->num_ranges].first = la >> PAGE_SHIFT;
    m->range[m->num_ranges].last = (la + (len - 1) < la ? ~0u : la + (len - 1)) >> PAGE_SHIFT;
    m->num_ranges++;
}

void mmu_watch_changed(struct cpu *c)
{
    struct mmu *m = c->mmu;
    u64 pages = 0;

    held_drop(m);
    memcpy(m->seen_dr, c->dr, sizeof(m->seen_dr));
    m->seen_dr7 = c->dr7;
    m->seen_watch = c->num_watch;
    m->num_ranges = 0;
    for (unsigned i = 0; i < 4; i++) {
        unsigned type = c->dr7 >> (16 + 4 * i) & 3;
        u32 len = mmu_dr_len(c->dr7, i);
        if ((c->dr7 >> (2 * i) & 3) && (type & 1))
            add_range(m, c->dr[i] & ~(len - 1), len);
    }
    for (unsigned i = 0; i < c->num_watch; i++)
        add_range(m, c->watch[i].la, c->watch[i].len);
    for (unsigned i = 0; c->hooks && i < c->hooks->num_ranges && m->num_ranges < MAX_RANGES; i++) {
        m->range[m->num_ranges].first = c->hooks->range[i].first >> PAGE_SHIFT;
        m->range[m->num_ranges++].last = c->hooks->range[i].last >> PAGE_SHIFT;
    }

    for (unsigned r = 0; r < m->num_ranges; r++)
        pages += m->range[r].last - m->range[r].first + 1;
    for (unsigned i = 0; i < NUM_CTX; i++) {
        struct ctx *x = m->ctx[i];
        if (!x || !x->num_slices)
            continue;
        if (pages > 4096) {
            ctx_flush(c, x);
            continue;
        }
        for (unsigned r = 0; r < m->num_ranges; r++)
            for (u32 p = m->range[r].first; p <= m->range[r].last; p++)
                ctx_hide_page(m, x, p);
    }
    mmu_tell_code(c);
}

/* ---- translations ---- */

bool mmu_fetch(struct cpu *c, u32 la, u32 *frame, paddr *pa)
{
    struct ctx *x = c->mmu->cur;
    bool user = c->cpl == 3;
    u32 page = la >> PAGE_SHIFT;
    unsigned s = (page ^ (user ? EXEC_LEN / 2 : 0)) % EXEC_LEN;

    if (likely(x->exec[s].tag == (page << 2 | (u32)user << 1 | 1))) {
        *frame = x->exec[s].frame;
        *pa = (paddr)x->exec[s].ppn << PAGE_SHIFT | (la & PAGE_MASK);
        return true;
    }
    struct walk w;
    u32 given = NO_FRAME;
    enum hook_says says;
    do {
        if (!mmu_walk(c, &w, la, ACC_EXEC, user))
            return mmu_raise_pf(c, la, w.err);
        says = likely(!c->hooks) ? HOOK_GO_ON : hook_page(c, la, w.pa, 1, CPU_FETCH, user, &given);
    } while (says == HOOK_AGAIN);
    if (says == HOOK_FAULT)
        return false;
    mmu_commit(c, &w, false);
    *pa = w.pa;
    *frame = given != NO_FRAME ? given : mmu_phys(c, w.pa)->rd;
    if (*frame != NO_FRAME)
        ctx_fill_exec(c, &w, la, user, *frame);
    mmu_tell_code(c);
    return true;
}

bool mmu_translate(struct cpu *c, u32 la, bool write, bool user, paddr *pa)
{
    struct walk w;

    if (!mmu_walk(c, &w, la, write ? ACC_WRITE : ACC_READ, user))
        return mmu_raise_pf(c, la, w.err);
    mmu_commit(c, &w, write);
    *pa = w.pa;
    return true;
}
