/* SPDX-License-Identifier: MIT */
/* The page walker (SDM 3A, chapter 4): 32-bit paging with 4 MB pages and PSE-36, PAE with 2 MB
 * pages and NX. A walk looks and judges; A and D bits are set by a second call, when everything
 * that the instruction could fault on has been judged. There are no paging-structure caches. */
#include "cpu/insn.h"
#include "cpu/mmu.h"
#include "cpu/trace.h"
#include "cpu/twice.h"

enum { CPUID_PAE = 1u << 6, CPUID_PAT = 1u << 16, CPUID_PSE36 = 1u << 17 };
#define PHYS36 0xfffffffffull
#define PAE_RSVD 0x7ffffff000000000ull /* MAXPHYADDR is 36 */

const struct phys *mmu_phys(struct cpu *c, paddr pa)
{
    u32 ppn = (u32)(pa >> PAGE_SHIFT);
    struct phys *p = &c->mmu->phys[ppn % PHYS_LEN];
    if (likely(p->ppn1 == ppn + 1))
        return p;

    paddr page = pa & ~(paddr)PAGE_MASK, end;
    p->ppn1 = ppn + 1;
    p->rd = p->wr = NO_FRAME;
    /* A page that RAM fills only in part is for the space to sort out. */
    const struct region *r = space_find(c->mem, page, false, &end);
    if (r && r->kind != REGION_IO && end - page >= PAGE_MASK)
        p->rd = r->ram_frame + (u32)((page - r->base) >> PAGE_SHIFT);
    r = space_find(c->mem, page, true, &end);
    if (r && r->kind == REGION_RAM && end - page >= PAGE_MASK) {
        u32 frame = r->ram_frame + (u32)((page - r->base) >> PAGE_SHIFT);
        if (!(c->ram->flags[frame] & RAM_ROM))
            p->wr = frame;
    }
    return p;
}

static u64 load_entry(const struct cpu *c, u32 frame, u32 off, unsigned size)
{
    const u8 *p = ram_rd(c->ram, frame) + off;
    return size == 8 ? ld64(p) : ld32(p);
}

static u64 peek_entry(struct cpu *c, paddr pa, unsigned size)
{
    u64 v = space_peek(c->mem, pa, 4);
    return size == 8 ? v | (u64)space_peek(c->mem, pa + 4, 4) << 32 : v;
}

static u64 read_word(struct cpu *c, struct walk *w, paddr pa)
{
    pa &= a20_mask(c);
    const struct phys *p = mmu_phys(c, pa);
    struct word *d = &w->w[w->n++];
    d->rd = p->rd;
    d->wr = p->wr;
    d->off = (u16)(pa & PAGE_MASK);
    d->val = p->rd != NO_FRAME ? load_entry(c, p->rd, d->off, w->word_size)
                               : peek_entry(c, pa, w->word_size);
    return d->val;
}

/* Adds the rights of one level; false: a reserved bit is set. */
static bool take_level(struct walk *w, u64 e, u64 rsvd)
{
    w->us &= (e & PTE_U) != 0;
    w->rw &= (e & PTE_W) != 0;
    w->nx |= (e & PTE_NX) != 0;
    w->g = (e & PTE_G) != 0;
    return !(e & rsvd);
}

enum step { STEP_OK, STEP_ABSENT, STEP_RSVD };

static enum step walk_pae(struct cpu *c, struct walk *w, u32 la)
{
    u64 rsvd = PAE_RSVD | (c->efer & EFER_NXE ? 0 : PTE_NX);
    u64 pdpte = c->pdpte[la >> 30];

    w->word_size = 8;
    if (!(pdpte & PTE_P))
        return STEP_ABSENT;
    u64 e = read_word(c, w, (pdpte & PHYS36 & ~(u64)PAGE_MASK) + (la >> 21 & 511) * 8);
    if (!(e & PTE_P))
        return STEP_ABSENT;
    if (e & PTE_PS) {
        u64 big = rsvd | 0x1fe000 | (c->cpuid_edx & CPUID_PAT ? 0 : PDE_PAT);
        w->pa = (e & PHYS36 & ~0x1fffffull) | (la & 0x1fffff);
        return take_level(w, e, big) ? STEP_OK : STEP_RSVD;
    }
    if (!take_level(w, e, rsvd))
        return STEP_RSVD;
    e = read_word(c, w, (e & PHYS36 & ~(u64)PAGE_MASK) + (la >> 12 & 511) * 8);
    if (!(e & PTE_P))
        return STEP_ABSENT;
    w->pa = (e & PHYS36 & ~(u64)PAGE_MASK) | (la & PAGE_MASK);
    return take_level(w, e, rsvd | (c->cpuid_edx & CPUID_PAT ? 0 : PTE_PAT)) ? STEP_OK : STEP_RSVD;
}

/* SDM 3A 4.3: with CR4.PSE = 0 no bit is reserved. */
static enum step walk_32(struct cpu *c, struct walk *w, u32 la)
{
    bool pse = c->cr4 & CR4_PSE, pat = c->cpuid_edx & CPUID_PAT;

    w->word_size = 4;
    u64 e = read_word(c, w, (c->cr3 & ~PAGE_MASK) + (la >> 22) * 4);
    if (!(e & PTE_P))
        return STEP_ABSENT;
    if ((e & PTE_PS) && pse) {
        bool pse36 = c->cpuid_edx & CPUID_PSE36;
        u64 rsvd = (pse36 ? 0x3e0000 : 0x3fe000) | (pat ? 0 : PDE_PAT);
        w->pa = (e & 0xffc00000) | (la & 0x3fffff);
        if (pse36)
            w->pa |= (e & 0x1e000) << 19;
        return take_level(w, e, rsvd) ? STEP_OK : STEP_RSVD;
    }
    take_level(w, e, 0);
    e = read_word(c, w, (e & ~(u64)PAGE_MASK) + (la >> 12 & 1023) * 4);
    if (!(e & PTE_P))
        return STEP_ABSENT;
    w->pa = (e & ~(u64)PAGE_MASK) | (la & PAGE_MASK);
    return take_level(w, e, pse && !pat ? PTE_PAT : 0) ? STEP_OK : STEP_RSVD;
}

static bool walk(struct cpu *c, struct walk *w, u32 la, enum mmu_access acc, bool user)
{
    c->mmu->stat_walks++;
    w->n = 0;
    w->us = w->rw = true;
    w->nx = w->g = false;
    w->err = 0;
    if (!(c->cr0 & CR0_PG)) {
        w->pa = la & a20_mask(c);
        return true;
    }

    bool pae = c->cr4 & CR4_PAE;
    u32 err = (acc == ACC_WRITE ? PF_W : 0) | (user ? PF_U : 0) |
              (acc == ACC_EXEC && pae && (c->efer & EFER_NXE) ? PF_ID : 0);
    switch (pae ? walk_pae(c, w, la) : walk_32(c, w, la)) {
    case STEP_ABSENT:
        w->err = err;
        return false;
    case STEP_RSVD:
        w->err = err | PF_P | PF_RSVD;
        return false;
    case STEP_OK:
        break;
    }
    w->pa &= a20_mask(c);
    if (acc == ACC_DEBUG)
        return true;
    if ((user && !w->us) || (acc == ACC_EXEC && w->nx) ||
        (acc == ACC_WRITE && !w->rw && (user || (c->cr0 & CR0_WP)))) {
        w->err = err | PF_P;
        return false;
    }
    return true;
}

bool mmu_walk(struct cpu *c, struct walk *w, u32 la, enum mmu_access acc, bool user)
{
    bool ok = walk(c, w, la, acc, user);

    if (log_on(c->log, LOG_MMU) && acc != ACC_DEBUG && (c->cr0 & CR0_PG))
        trace_walk(c, w, la, acc, user, !ok);
    return ok;
}

bool mmu_walk_stands(const struct cpu *c, const struct walk *w)
{
    for (unsigned i = 0; i < w->n; i++)
        if (w->w[i].rd == NO_FRAME ||
            load_entry(c, w->w[i].rd, w->w[i].off, w->word_size) != w->w[i].val)
            return false;
    return true;
}

void mmu_commit(struct cpu *c, struct walk *w, bool write)
{
    bool changed = false;

    for (unsigned i = 0; i < w->n; i++) {
        struct word *d = &w->w[i];
        u32 need = PTE_A | (write && i + 1 == w->n ? PTE_D : 0);
        if ((d->val & need) == need || d->wr == NO_FRAME)
            continue;
        /* A locked read-modify-write of the low half: through a self-map both words may be one. The
         * value merged into is what reads see, as PAM may send the write elsewhere. */
        u32 v = d->rd != NO_FRAME ? ld32(ram_rd(c->ram, d->rd) + d->off) : (u32)d->val;
        if (c->blk)
            cpu_sync(c); /* the table may hold code */
        if (log_on(c->log, LOG_MMU))
            trace_word(c, i, v, v | need);
        if (unlikely(c->twice != NULL))
            twice_ad_bits(c);
        c->mmu->own_write = true;
        st32(ram_wr(c->ram, d->wr, d->off, 4) + d->off, v | need);
        c->mmu->own_write = false;
        changed = true;
    }
    if (changed)
        for (unsigned i = 0; i < w->n; i++)
            if (w->w[i].rd != NO_FRAME)
                w->w[i].val = load_entry(c, w->w[i].rd, w->w[i].off, w->word_size);
}

bool mmu_raise_pf(struct cpu *c, u32 la, u32 err)
{
    if (c->blk)
        cpu_sync(c);
    cpu_raise_err(c, EXC_PF, err);
    c->fault.cr2 = la;
    return false;
}

bool mmu_load_pdptes(struct cpu *c, u32 cr3)
{
    u64 e[4];

    for (unsigned i = 0; i < 4; i++) {
        paddr pa = ((paddr)(cr3 & ~31u) + 8 * i) & a20_mask(c);
        const struct phys *p = mmu_phys(c, pa);
        e[i] = p->rd != NO_FRAME ? load_entry(c, p->rd, pa & PAGE_MASK, 8) : peek_entry(c, pa, 8);
        /* bits 2:1, 8:5 and 63:36 (SDM 3A 4.4.1) */
        if ((e[i] & PTE_P) && (e[i] & (PAE_RSVD | PTE_NX | 0x1e6))) {
            if (c->blk)
                cpu_sync(c);
            return cpu_raise_err(c, EXC_GP, 0);
        }
    }
    memcpy(c->pdpte, e, sizeof(e));
    return true;
}

/* ---- what the tables say, for the monitor ---- */

/* The mapping at la and how many bytes of address space the same directory entry (absent or large)
 * or table entry covers. */
static bool map_at(struct cpu *c, u32 la, struct walk *w, u32 *span)
{
    bool there = mmu_walk(c, w, la, ACC_DEBUG, false);
    u32 dir = c->cr4 & CR4_PAE ? 0x200000 : 0x400000;

    if (w->n == 2)
        *span = PAGE_SIZE;
    else if (w->n == 0) /* no PDPTE */
        *span = 0x40000000;
    else
        *span = dir;
    return there;
}

static const char *rights(const struct walk *w, char out[5])
{
    out[0] = w->us ? 'u' : '-';
    out[1] = 'r';
    out[2] = w->rw ? 'w' : '-';
    out[3] = w->nx ? '-' : 'x';
    out[4] = 0;
    return out;
}

void cpu_info_mem(struct cpu *c, struct strbuf *sb)
{
    if (!(c->cr0 & CR0_PG)) {
        sb_add(sb, "paging is off\n");
        return;
    }
    char now[5], last[5] = "";
    u64 start = 0;
    for (u64 la = 0; la <= 0x100000000ull;) {
        struct walk w;
        u32 span = PAGE_SIZE;
        bool there = la < 0x100000000ull && map_at(c, (u32)la, &w, &span);
        if (there)
            rights(&w, now);
        else
            now[0] = 0;
        if (strcmp(now, last) != 0) {
            if (last[0])
                sb_addf(sb, "%08llx-%08llx %08llx %s\n", (unsigned long long)start,
                        (unsigned long long)la, (unsigned long long)(la - start), last);
            start = la;
            memcpy(last, now, sizeof(last));
        }
        la += span;
    }
}

void cpu_info_tlb(struct cpu *c, struct strbuf *sb)
{
    enum { MAX_LINES = 65536 };
    unsigned lines = 0;

    if (!(c->cr0 & CR0_PG)) {
        sb_add(sb, "paging is off\n");
        return;
    }
    for (u64 la = 0; la < 0x100000000ull;) {
        struct walk w;
        u32 span;
        if (map_at(c, (u32)la, &w, &span)) {
            if (lines++ == MAX_LINES) {
                sb_addf(sb, "... (%u lines shown)\n", (unsigned)MAX_LINES);
                return;
            }
            u64 e = w.w[w.n - 1].val;
            sb_addf(sb, "%08llx: %09llx %c%c%c%c%c%c%c%c%c\n", (unsigned long long)la,
                    (unsigned long long)w.pa, w.nx ? 'X' : '-', e & PTE_G ? 'G' : '-',
                    w.n == 1 ? 'P' : '-', e & PTE_D ? 'D' : '-', e & PTE_A ? 'A' : '-',
                    e & 16 ? 'C' : '-', e & 8 ? 'T' : '-', w.us ? 'U' : '-', w.rw ? 'W' : '-');
        }
        la += span;
    }
}
