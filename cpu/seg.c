/* SPDX-License-Identifier: MIT */
/* Segmentation: descriptor tables, segment loads, limit checks, stack frames (SDM 3A chapters 3,
 * 5).
 *
 * Real mode: a load sets selector and base and makes the segment present and writable; limit, G
 * and D/B stay (SDM 3A 9.9.2 and "unreal" mode depend on it). Null loads in protected mode make
 * the segment unusable and keep the limit, so that a later real-mode load finds it.
 * A segment whose limit is 4 GB has no limit faults: accesses wrap, which the SDM (3A 5.3) leaves
 * open. */
#include "cpu/sys.h"

void seg_update(struct seg *s)
{
    u32 end = 0;

    s->rd_end = s->wr_end = 0;
    if (!(s->attr & SEG_P))
        return;
    if (!(s->attr & SEG_CODE) && (s->attr & SEG_E))
        return; /* expand-down: always the slow check */
    if (s->limit == 0xffffffffu)
        end = 0xffffffffu;
    else if (s->limit >= 15)
        end = s->limit - 14;
    if (!(s->attr & SEG_CODE) || (s->attr & SEG_R))
        s->rd_end = end;
    if (!(s->attr & SEG_CODE) && (s->attr & SEG_W))
        s->wr_end = end;
}

void seg_set_real(struct cpu *c, unsigned n, u16 sel)
{
    struct seg *s = &c->seg[n];

    s->sel = sel;
    s->base = (u32)sel << 4;
    if (is_v86(c)) {
        s->limit = 0xffff;
        s->attr = SEG_P | 3 << 5 | SEG_S | SEG_W | SEG_A;
    } else {
        s->attr = (s->attr & 0xf000) | SEG_P | SEG_S | SEG_W | SEG_A;
    }
    seg_update(s);
}

bool seg_in_limit(const struct seg *s, u32 ea, unsigned size)
{
    u64 last = (u64)ea + size - 1;

    if (!(s->attr & SEG_CODE) && (s->attr & SEG_E))
        return ea > s->limit && last <= (s->attr & SEG_DB ? 0xffffffffu : 0xffffu);
    return last <= s->limit || s->limit == 0xffffffffu;
}

bool seg_check_slow(struct cpu *c, unsigned n, u32 ea, unsigned size, bool write, u32 *la)
{
    const struct seg *s = &c->seg[n];
    unsigned vec = n == S_SS ? EXC_SS : EXC_GP;

    *la = s->base + ea;
    if (!(s->attr & SEG_P))
        return cpu_raise_err(c, vec, 0);
    if (s->attr & SEG_CODE ? write || !(s->attr & SEG_R) : write && !(s->attr & SEG_W))
        return cpu_raise_err(c, EXC_GP, 0);
    if (!seg_in_limit(s, ea, size))
        return cpu_raise_err(c, vec, 0);
    return true;
}

/* ---- descriptor tables */

static bool table_of(const struct cpu *c, u16 sel, u32 *la)
{
    u32 ofs = sel & 0xfff8;

    if (sel & 4) {
        if (!(c->seg[S_LDTR].attr & SEG_P) || ofs + 7 > c->seg[S_LDTR].limit)
            return false;
        *la = c->seg[S_LDTR].base + ofs;
    } else {
        if (ofs + 7 > c->gdtr.limit)
            return false;
        *la = c->gdtr.base + ofs;
    }
    return true;
}

static bool desc_load(struct cpu *c, struct desc *d)
{
    u64 v;

    if (!sys_read64(c, d->la, &v))
        return false;
    d->lo = (u32)v;
    d->hi = v >> 32;
    return true;
}

bool desc_read(struct cpu *c, u16 sel, unsigned vec, struct desc *d)
{
    if (!table_of(c, sel, &d->la))
        return cpu_raise_err(c, vec, sel_err(c, sel));
    return desc_load(c, d);
}

bool desc_find(struct cpu *c, u16 sel, struct desc *d, bool *found)
{
    *found = !sel_is_null(sel) && table_of(c, sel, &d->la);
    return !*found || desc_load(c, d);
}

bool desc_set_accessed(struct cpu *c, struct desc *d)
{
    if (d->hi & 0x100)
        return true;
    if (!sys_write8(c, d->la + 5, d->hi >> 8 | 1))
        return false;
    d->hi |= 0x100;
    return true;
}

void seg_set_desc(struct cpu *c, unsigned n, u16 sel, const struct desc *d)
{
    struct seg *s = &c->seg[n];

    s->sel = sel;
    s->attr = desc_attr(d);
    s->base = desc_base(d);
    s->limit = desc_limit(d);
    seg_update(s);
}

void seg_set_null(struct cpu *c, unsigned n, u16 sel)
{
    struct seg *s = &c->seg[n];

    s->sel = sel;
    s->base = 0;
    s->attr &= 0xf000;
    seg_update(s);
}

/* ---- loads */

static bool load_ss(struct cpu *c, u16 sel)
{
    struct desc d;

    if (sel_is_null(sel))
        return cpu_raise_err(c, EXC_GP, ext_bit(c));
    if (!desc_read(c, sel, EXC_GP, &d))
        return false;
    if ((sel & 3) != c->cpl || !desc_is_wr_data(&d) || desc_dpl(&d) != c->cpl)
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    if (!desc_present(&d))
        return cpu_raise_err(c, EXC_SS, sel_err(c, sel));
    if (!desc_set_accessed(c, &d))
        return false;
    seg_set_desc(c, S_SS, sel, &d);
    return true;
}

static bool load_data(struct cpu *c, unsigned n, u16 sel)
{
    struct desc d;
    unsigned dpl;

    if (sel_is_null(sel)) {
        seg_set_null(c, n, sel);
        return true;
    }
    if (!desc_read(c, sel, EXC_GP, &d))
        return false;
    dpl = desc_dpl(&d);
    /* data or readable code */
    if (!desc_is_seg(&d) || (desc_type(&d) & 0xa) == 0x8)
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    if (!(desc_is_code(&d) && desc_is_conforming(&d)) && (dpl < c->cpl || dpl < (sel & 3u)))
        return cpu_raise_err(c, EXC_GP, sel_err(c, sel));
    if (!desc_present(&d))
        return cpu_raise_err(c, EXC_NP, sel_err(c, sel));
    if (!desc_set_accessed(c, &d))
        return false;
    seg_set_desc(c, n, sel, &d);
    return true;
}

bool seg_load(struct cpu *c, unsigned n, u16 sel)
{
    if (!is_prot(c))
        seg_set_real(c, n, sel);
    else if (!(n == S_SS ? load_ss(c, sel) : load_data(c, n, sel)))
        return false;
    if (n != S_FS && n != S_GS)
        cpu_update_mode(c);
    return true;
}

void seg_drop_inner(struct cpu *c)
{
    static const u8 data[] = { S_ES, S_DS, S_FS, S_GS };

    for (unsigned k = 0; k < ARRAY_LEN(data); k++) {
        const struct seg *s = &c->seg[data[k]];

        if ((s->attr & SEG_P) && (s->attr & (SEG_CODE | SEG_C)) == (SEG_CODE | SEG_C))
            continue; /* conforming code stays */
        if ((s->attr & SEG_P) && SEG_DPL(s->attr) >= c->cpl)
            continue;
        seg_set_null(c, data[k], 0);
    }
}

/* ---- stacks */

bool tss_stack(struct cpu *c, unsigned dpl, u16 *ss, u32 *esp)
{
    const struct seg *tr = &c->seg[S_TR];
    bool is32 = SEG_TYPE(tr->attr) & 8;
    u32 ofs = is32 ? dpl * 8 + 4 : dpl * 4 + 2;
    u16 sp;

    if (!(tr->attr & SEG_P) || ofs + (is32 ? 5 : 3) > tr->limit)
        return cpu_raise_err(c, EXC_TS, sel_err(c, tr->sel));
    if (is32)
        return sys_read32(c, tr->base + ofs, esp) && sys_read16(c, tr->base + ofs + 4, ss);
    if (!sys_read16(c, tr->base + ofs, &sp) || !sys_read16(c, tr->base + ofs + 2, ss))
        return false;
    *esp = sp;
    return true;
}

bool ss_check_inner(struct cpu *c, u16 sel, unsigned dpl, struct desc *d)
{
    if (sel_is_null(sel))
        return cpu_raise_err(c, EXC_TS, ext_bit(c));
    if (!desc_read(c, sel, EXC_TS, d))
        return false;
    if ((sel & 3u) != dpl || desc_dpl(d) != dpl || !desc_is_wr_data(d))
        return cpu_raise_err(c, EXC_TS, sel_err(c, sel));
    if (!desc_present(d))
        return cpu_raise_err(c, EXC_SS, sel_err(c, sel));
    return true;
}

static bool probe(struct cpu *c, u32 la, unsigned size, bool inner)
{
    const u64 *tlb = inner ? c->tlb_sys_wr : c->tlb_wr;

    if (MEM_FAST_(tlb, la, size))
        return true;
    return mem_probe_write(c, la, size, !inner && c->cpl == 3);
}

bool frame_push(struct cpu *c, const struct seg *ss, u32 *sp, const u32 *v, unsigned n,
                unsigned size, bool inner, u32 ss_err)
{
    u32 mask = ss->attr & SEG_DB ? 0xffffffffu : 0xffffu;
    u32 low = (*sp - n * size) & mask;

    for (unsigned k = 1; k <= n; k++) {
        if (!seg_in_limit(ss, (*sp - k * size) & mask, size))
            return cpu_raise_err(c, EXC_SS, ss_err);
    }
    u32 first = ss->base + ((*sp - size) & mask), last = ss->base + low;
    if (!((first ^ last) & ~PAGE_MASK) && (first & PAGE_MASK) <= PAGE_SIZE - size) {
        if (!probe(c, first, size, inner)) /* CR2 is that of the first push */
            return false;
    } else {
        for (unsigned k = 1; k <= n; k++) {
            if (!probe(c, ss->base + ((*sp - k * size) & mask), size, inner))
                return false;
        }
    }
    for (unsigned k = 0; k < n; k++) {
        u32 la = ss->base + ((*sp - (k + 1) * size) & mask);
        bool ok;

        if (size == 4)
            ok = inner ? sys_write32(c, la, v[k]) : la_write32(c, la, v[k]);
        else
            ok = inner ? sys_write16(c, la, v[k]) : la_write16(c, la, v[k]);
        if (!ok)
            return false; /* an alignment check; pages were probed */
    }
    *sp = (*sp & ~mask) | low;
    return true;
}

bool frame_peek(struct cpu *c, u32 ofs, unsigned size, u32 *v)
{
    u32 ea = (c->gpr[R_ESP] + ofs) & stack_mask(c);
    u16 w;

    if (size == 4)
        return mem_read32(c, S_SS, ea, v);
    if (!mem_read16(c, S_SS, ea, &w))
        return false;
    *v = w;
    return true;
}
