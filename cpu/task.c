/* SPDX-License-Identifier: MIT */
/* Hardware task switches (SDM 3A chapter 7) and the I/O permission bitmap (SDM 1, 18.5.2).
 *
 * Up to the commit point (both TSS, the descriptors' busy bits, the PDPTEs) faults belong to the
 * old task and change nothing. Behind it they belong to the new one and are delivered here, with
 * its first EIP in the frame; the caller then sees a completed switch.
 * 16-bit TSS: the manual is silent on the upper halves of the general registers. They read FFFFh
 * on a 386 and are made so on every model; those of EIP and EFLAGS become zero, FS and GS null. */
#include "cpu/flags.h"
#include "cpu/sys.h"

/* Offsets (figures 7-2 and 7-11). */
enum { TSS32_CR3 = 0x1c, TSS32_EIP = 0x20, TSS32_EFLAGS = 0x24, TSS32_GPR = 0x28, TSS32_SEG = 0x48,
       TSS32_LDT = 0x60, TSS32_TRAP = 0x64, TSS32_IOMAP = 0x66, TSS32_LIMIT = 0x67 };
enum { TSS16_IP = 0x0e, TSS16_FLAGS = 0x10, TSS16_GPR = 0x12, TSS16_SEG = 0x22, TSS16_LDT = 0x2a,
       TSS16_LIMIT = 0x2b };

struct task {
    u32 cr3, eip, eflags, gpr[8];
    u16 seg[6]; /* S_ES..S_GS */
    u16 ldt;
    bool trap;
};

static bool read_task32(struct cpu *c, u32 base, struct task *t)
{
    u16 trap;

    for (unsigned k = 0; k < 8; k++) {
        if (!sys_read32(c, base + TSS32_GPR + 4 * k, &t->gpr[k]))
            return false;
    }
    for (unsigned k = 0; k < 6; k++) {
        if (!sys_read16(c, base + TSS32_SEG + 4 * k, &t->seg[k]))
            return false;
    }
    if (!sys_read32(c, base + TSS32_CR3, &t->cr3) || !sys_read32(c, base + TSS32_EIP, &t->eip) ||
        !sys_read32(c, base + TSS32_EFLAGS, &t->eflags) ||
        !sys_read16(c, base + TSS32_LDT, &t->ldt) || !sys_read16(c, base + TSS32_TRAP, &trap))
        return false;
    t->trap = trap & 1;
    return true;
}

static bool read_task16(struct cpu *c, u32 base, struct task *t)
{
    u16 v;

    for (unsigned k = 0; k < 8; k++) {
        if (!sys_read16(c, base + TSS16_GPR + 2 * k, &v))
            return false;
        t->gpr[k] = 0xffff0000u | v;
    }
    for (unsigned k = 0; k < 4; k++) {
        if (!sys_read16(c, base + TSS16_SEG + 2 * k, &t->seg[k]))
            return false;
    }
    t->seg[S_FS] = t->seg[S_GS] = 0;
    if (!sys_read16(c, base + TSS16_IP, &v))
        return false;
    t->eip = v;
    if (!sys_read16(c, base + TSS16_FLAGS, &v))
        return false;
    t->eflags = v;
    t->trap = false;
    return sys_read16(c, base + TSS16_LDT, &t->ldt);
}

/* The pages were probed. */
static bool save_task32(struct cpu *c, u32 base, u32 eip, u32 eflags)
{
    bool ok = sys_write32(c, base + TSS32_EIP, eip) && sys_write32(c, base + TSS32_EFLAGS, eflags);

    for (unsigned k = 0; k < 8 && ok; k++)
        ok = sys_write32(c, base + TSS32_GPR + 4 * k, c->gpr[k]);
    for (unsigned k = 0; k < 6 && ok; k++)
        ok = sys_write16(c, base + TSS32_SEG + 4 * k, c->seg[k].sel);
    return ok;
}

static bool save_task16(struct cpu *c, u32 base, u32 eip, u32 eflags)
{
    bool ok = sys_write16(c, base + TSS16_IP, (u16)eip) &&
              sys_write16(c, base + TSS16_FLAGS, (u16)eflags);

    for (unsigned k = 0; k < 8 && ok; k++)
        ok = sys_write16(c, base + TSS16_GPR + 2 * k, (u16)c->gpr[k]);
    for (unsigned k = 0; k < 4 && ok; k++)
        ok = sys_write16(c, base + TSS16_SEG + 2 * k, c->seg[k].sel);
    return ok;
}

/* ---- segments of the new task (table 7-1, from its sixth row on) */

static bool load_ldt(struct cpu *c, u16 sel)
{
    struct desc d;

    if (sel & 4)
        return cpu_raise_err(c, EXC_TS, sel_err(c, sel));
    if (sel_is_null(sel))
        return true;
    if (!desc_read(c, sel, EXC_TS, &d))
        return false;
    if (desc_is_seg(&d) || desc_type(&d) != SYS_LDT || !desc_present(&d))
        return cpu_raise_err(c, EXC_TS, sel_err(c, sel));
    seg_set_desc(c, S_LDTR, sel, &d);
    return true;
}

/* The order of SDM 3A table 8-1: of CS only the privilege is looked at before SS, so that #TS for any
 * other fault of CS finds a stack. */
static bool check_cs_privilege(struct cpu *c, u16 sel)
{
    struct desc d;
    unsigned rpl = sel & 3;

    if (sel_is_null(sel))
        return true;
    if (!desc_read(c, sel, EXC_TS, &d))
        return false;
    if (desc_is_code(&d) &&
        (desc_is_conforming(&d) ? desc_dpl(&d) > rpl : desc_dpl(&d) != rpl))
        return cpu_raise_err(c, EXC_TS, sel_err(c, sel));
    return true;
}

static bool load_cs(struct cpu *c, u16 sel)
{
    struct desc d;

    if (sel_is_null(sel))
        return cpu_raise_err(c, EXC_TS, ext_bit(c));
    if (!desc_read(c, sel, EXC_TS, &d))
        return false;
    if (!desc_is_code(&d))
        return cpu_raise_err(c, EXC_TS, sel_err(c, sel));
    if (!desc_present(&d))
        return cpu_raise_err(c, EXC_NP, sel_err(c, sel));
    if (!desc_set_accessed(c, &d))
        return false;
    seg_set_desc(c, S_CS, sel, &d);
    return true;
}

static bool load_ss(struct cpu *c, u16 sel)
{
    struct desc d;

    if (!ss_check_inner(c, sel, c->cpl, &d) || !desc_set_accessed(c, &d))
        return false;
    seg_set_desc(c, S_SS, sel, &d);
    return true;
}

static bool load_data(struct cpu *c, unsigned s, u16 sel)
{
    struct desc d;

    if (sel_is_null(sel))
        return true;
    if (!desc_read(c, sel, EXC_TS, &d))
        return false;
    if (!desc_is_seg(&d) || (desc_type(&d) & 0xa) == 0x8)
        return cpu_raise_err(c, EXC_TS, sel_err(c, sel));
    if (!(desc_is_code(&d) && desc_is_conforming(&d)) &&
        (desc_dpl(&d) < c->cpl || desc_dpl(&d) < (sel & 3u)))
        return cpu_raise_err(c, EXC_TS, sel_err(c, sel));
    if (!desc_present(&d))
        return cpu_raise_err(c, EXC_NP, sel_err(c, sel));
    if (!desc_set_accessed(c, &d))
        return false;
    seg_set_desc(c, s, sel, &d);
    return true;
}

static bool load_segments(struct cpu *c, const struct task *t)
{
    static const u8 data[] = { S_DS, S_ES, S_FS, S_GS };

    if (!load_ldt(c, t->ldt))
        return false;
    if (c->eflags & FL_VM) {
        for (unsigned s = S_ES; s <= S_GS; s++)
            seg_set_real(c, s, t->seg[s]);
        return true;
    }
    if (!check_cs_privilege(c, t->seg[S_CS]) || !load_ss(c, t->seg[S_SS]) ||
        !load_cs(c, t->seg[S_CS]))
        return false;
    for (unsigned k = 0; k < ARRAY_LEN(data); k++) {
        if (!load_data(c, data[k], t->seg[data[k]]))
            return false;
    }
    return true;
}

/* What comes behind the commit point. */
static bool enter_task(struct cpu *c, const struct task *t, bool is32, bool has_err, u32 err)
{
    u32 esp;

    if (!load_segments(c, t))
        return false;
    cpu_update_mode(c);
    if (has_err) {
        esp = c->gpr[R_ESP];
        if (!frame_push(c, &c->seg[S_SS], &esp, &err, 1, is32 ? 4 : 2, false, ext_bit(c)))
            return false;
        c->gpr[R_ESP] = esp;
    }
    if (!seg_in_limit(&c->seg[S_CS], t->eip, 1))
        return cpu_raise_err(c, EXC_GP, ext_bit(c));
    return true;
}

/* ---- the switch */

static bool is_tss(const struct desc *d, bool busy)
{
    unsigned type = desc_type(d);

    if (desc_is_seg(d))
        return false;
    return busy ? type == SYS_TSS16_BUSY || type == SYS_TSS32_BUSY
                : type == SYS_TSS16 || type == SYS_TSS32;
}

/* Old TSS and busy bits can be written; the new TSS is there. */
static bool check_memory(struct cpu *c, const struct desc *d, enum task_reason why, bool is32,
                         struct task *t)
{
    const struct seg *tr = &c->seg[S_TR];
    bool old32 = SEG_TYPE(tr->attr) & 8;
    u32 first = old32 ? TSS32_EIP : TSS16_IP, last = old32 ? 0x5f : 0x29;

    if (!(tr->attr & SEG_P) || tr->limit < last)
        return cpu_raise_err(c, EXC_TS, sel_err(c, tr->sel));
    if (!(is32 ? read_task32 : read_task16)(c, desc_base(d), t))
        return false;
    if (!mem_probe_write(c, tr->base + first, last - first + 1, false))
        return false;
    if ((why == TASK_JUMP || why == TASK_IRET) &&
        !mem_probe_write(c, c->gdtr.base + (tr->sel & 0xfff8) + 5, 1, false))
        return false;
    if (why != TASK_IRET && !mem_probe_write(c, d->la + 5, 1, false))
        return false;
    if ((why == TASK_CALL || why == TASK_GATE) && !mem_probe_write(c, desc_base(d), 2, false))
        return false;
    return true;
}

/* Writes that were probed. */
static bool write_memory(struct cpu *c, const struct desc *d, enum task_reason why, u32 eip)
{
    const struct seg *tr = &c->seg[S_TR];
    u32 old_la = c->gdtr.base + (tr->sel & 0xfff8) + 5, eflags = cpu_eflags(c);
    u8 access;

    if (why == TASK_IRET)
        eflags &= ~(u32)FL_NT;
    if (!(SEG_TYPE(tr->attr) & 8 ? save_task32 : save_task16)(c, tr->base, eip, eflags))
        return false;
    if (why == TASK_JUMP || why == TASK_IRET) {
        if (!sys_read8(c, old_la, &access) || !sys_write8(c, old_la, access & ~2u))
            return false;
    }
    if (why == TASK_CALL || why == TASK_GATE) {
        if (!sys_write16(c, desc_base(d), tr->sel))
            return false;
    }
    if (why != TASK_IRET)
        return sys_write8(c, d->la + 5, (d->hi >> 8 & 0xff) | 2);
    return true;
}

bool task_switch(struct cpu *c, u16 sel, enum task_reason why, u32 next, bool has_err, u32 err)
{
    unsigned vec = why == TASK_IRET ? EXC_TS : EXC_GP;
    u64 pdpte[2][4];
    struct desc d;
    struct task t;
    bool is32, pae;

    if (sel & 4)
        return cpu_raise_err(c, vec, sel_err(c, sel));
    if (!desc_read(c, sel, vec, &d))
        return false;
    if (sel_is_null(sel) || !is_tss(&d, why == TASK_IRET))
        return cpu_raise_err(c, vec, sel_err(c, sel));
    if (!desc_present(&d))
        return cpu_raise_err(c, EXC_NP, sel_err(c, sel));
    is32 = desc_type(&d) & 8;
    if (desc_limit(&d) < (is32 ? (u32)TSS32_LIMIT : (u32)TSS16_LIMIT))
        return cpu_raise_err(c, EXC_TS, sel_err(c, sel));
    if (!check_memory(c, &d, why, is32, &t))
        return false;
    pae = is32 && (c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE);
    if (pae) { /* checked now, loaded when the old task's memory is done with */
        memcpy(pdpte[0], c->pdpte, sizeof(pdpte[0]));
        if (!mmu_load_pdptes(c, t.cr3))
            return false;
        memcpy(pdpte[1], c->pdpte, sizeof(pdpte[1]));
        memcpy(c->pdpte, pdpte[0], sizeof(pdpte[0]));
    }
    if (!write_memory(c, &d, why, next))
        return false;
    /* a task may return to itself: its state is what was just saved */
    if (why == TASK_IRET && !(is32 ? read_task32 : read_task16)(c, desc_base(&d), &t))
        return false;

    /* committed */
    cpu_sync_state(c); /* a fault in the new task comes at the count of this instruction */
    seg_set_desc(c, S_TR, sel, &d);
    c->seg[S_TR].attr |= 2; /* busy */
    c->cr0 |= CR0_TS;
    if (is32 && (c->cr0 & CR0_PG)) {
        c->cr3 = t.cr3;
        if (pae)
            memcpy(c->pdpte, pdpte[1], sizeof(pdpte[1]));
        mmu_switch(c, true);
    }
    for (unsigned k = 0; k < 8; k++)
        c->gpr[k] = t.gpr[k];
    for (unsigned s = S_ES; s <= S_GS; s++) {
        seg_set_null(c, s, t.seg[s]);
        c->seg[s].attr = 0;
        c->seg[s].limit = 0;
    }
    seg_set_null(c, S_LDTR, t.ldt);
    if (why == TASK_CALL || why == TASK_GATE)
        t.eflags |= FL_NT;
    c->cpl = t.eflags & FL_VM ? 3 : t.seg[S_CS] & 3;
    c->eip = t.eip;
    cpu_set_eflags(c, t.eflags);
    if (c->dr7 & 0x155)
        dr7_write(c, c->dr7 & ~0x155u); /* L0..L3, LE */

    if (!enter_task(c, &t, is32, has_err, err)) {
        fault_deliver_at(c, t.eip);
        return true;
    }
    c->eip = t.eip;
    if (t.trap)
        debug_trap(c, DR6_BT);
    cpu_update_mode(c);
    return true;
}

/* ---- I/O permission */

bool io_check(struct cpu *c, u16 port, unsigned size)
{
    const struct seg *tr = &c->seg[S_TR];
    u32 ofs;
    u16 map, bits;

    if (!is_pe(c) || (!is_v86(c) && c->cpl <= IOPL(c)))
        return true;
    if (!(tr->attr & SEG_P) || !(SEG_TYPE(tr->attr) & 8) || tr->limit < TSS32_LIMIT)
        return cpu_raise_err(c, EXC_GP, 0);
    if (!sys_read16(c, tr->base + TSS32_IOMAP, &map))
        return false;
    /* two bytes are read always, so that the bits of an unaligned port are there */
    ofs = map + port / 8u;
    if (ofs + 1 > tr->limit)
        return cpu_raise_err(c, EXC_GP, 0);
    if (!sys_read16(c, tr->base + ofs, &bits))
        return false;
    if (bits >> (port & 7) & ((1u << size) - 1))
        return cpu_raise_err(c, EXC_GP, 0);
    return true;
}
