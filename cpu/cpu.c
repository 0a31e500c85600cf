/* SPDX-License-Identifier: MIT */
/* Creation, reset (SDM 3A table 10-1), register access by number, and the saved state of the CPU. */
#include "cpu/cpu.h"

#include "core/xalloc.h"
#include "cpu/engine.h"
#include "cpu/flags.h"
#include "cpu/hook.h"
#include "cpu/isa.h"
#include "cpu/simd.h"
#include "cpu/sys.h"
#include "cpu/trace.h"
#include "cpu/x87.h"

struct cpu *cpu_new(const struct cpu_config *cfg, struct err *e)
{
    struct cpu *c = xcalloc(1, sizeof *c);

    c->mem = cfg->mem;
    c->io = cfg->io;
    c->ram = cfg->mem->ram;
    c->clock = cfg->clock;
    c->counted = cfg->exact || (cfg->clock && cfg->clock->source != CLOCK_REAL);
    c->log = cfg->log;
    c->ack = cfg->ack;
    c->ack_to = cfg->ack_to;
    c->on_vector = cfg->on_vector;
    c->on_vector_to = cfg->on_vector_to;
    c->soft_fpu = cfg->soft_fpu;
    c->tlb_coherent = cfg->tlb_coherent;
    c->a20 = true;
    if (!cpu_set_model(c, cfg->model, e) || !mmu_new(c, e) || !code_new(c, e)) {
        cpu_free(c);
        return NULL;
    }
    c->isa = isa_new(c->isa_features);
    cpu_reset(c, CPU_POWER_ON);
    return c;
}

void cpu_free(struct cpu *c)
{
    if (!c)
        return;
    trace_free(c);
    if (c->engine)
        c->engine->free(c);
    if (c->code)
        code_free(c);
    if (c->mmu)
        mmu_free(c);
    if (c->isa)
        isa_free(c->isa);
    xfree(c);
}

void cpu_reset(struct cpu *c, enum cpu_reset_kind kind)
{
    memset(c->gpr, 0, sizeof c->gpr);
    c->gpr[R_EDX] = c->model->signature;
    c->eip = 0xfff0;
    c->eflags = FL_1;
    cc_set(c, 0);
    for (unsigned s = 0; s < S_NUM; s++) {
        struct seg *g = &c->seg[s];
        g->sel = s == S_CS ? 0xf000 : 0;
        g->base = s == S_CS ? 0xffff0000u : 0;
        g->limit = 0xffff;
        g->attr = s == S_LDTR ? 0x82 : s == S_TR ? 0x8b : 0x93;
        seg_update(g);
    }
    c->gdtr.base = c->idtr.base = 0;
    c->gdtr.limit = c->idtr.limit = 0xffff;
    /* INIT keeps the cache bits of CR0, the FPU, the MTRRs and the machine-check banks */
    c->cr0 = kind == CPU_INIT ? (c->cr0 & (CR0_CD | CR0_NW)) | CR0_ET : CR0_CD | CR0_NW | CR0_ET;
    c->cr2 = c->cr3 = c->cr4 = 0;
    c->efer = 0;
    memset(c->pdpte, 0, sizeof c->pdpte);
    memset(c->dr, 0, sizeof c->dr);
    c->dr6 = DR6_FIXED;
    c->dr7 = DR7_FIXED;
    c->cpl = 0;
    c->events &= EV_INTR; /* the line's level is the PIC's */
    c->df_state = 0;
    c->pending_dr6 = 0;
    memset(&c->monitor, 0, sizeof c->monitor);
    memset(&c->fault, 0, sizeof c->fault);
    c->last_fault.valid = false;
    if (kind == CPU_POWER_ON) {
        msr_reset(c);
        fpu_reset(c, false);
        c->tsc_offset = 0;
        c->tsc_last = 0;
    } else {
        fpu_error_changed(c); /* CR0.NE has gone, an exception that was recorded has not */
    }
    mmu_flush_global(c);
    mmu_switch(c, false);
    cpu_update_mode(c);
    mmu_select(c);
    code_mapping_changed(c);
}

void cpu_set_a20(struct cpu *c, bool on)
{
    if (c->a20 == on)
        return;
    c->a20 = on;
    mmu_switch(c, false);
    code_mapping_changed(c);
}

void cpu_catch_faults(struct cpu *c, bool on)
{
    c->catch_faults = on;
}

struct cpu_fault cpu_last_fault(const struct cpu *c)
{
    return c->last_fault;
}

/* ---- registers by number */

u32 cpu_get(const struct cpu *c, enum cpu_reg r)
{
    if (r <= CPU_EDI)
        return c->gpr[r];
    if (r >= CPU_ES && r <= CPU_TR)
        return c->seg[r - CPU_ES].sel;
    if (r >= CPU_ES_BASE && r <= CPU_TR_BASE)
        return c->seg[r - CPU_ES_BASE].base;
    if (r >= CPU_ES_LIMIT && r <= CPU_TR_LIMIT)
        return c->seg[r - CPU_ES_LIMIT].limit;
    if (r >= CPU_ES_ATTR && r <= CPU_TR_ATTR)
        return c->seg[r - CPU_ES_ATTR].attr;
    if (r >= CPU_DR0 && r <= CPU_DR3)
        return c->dr[r - CPU_DR0];
    switch (r) {
    case CPU_EIP: return c->eip;
    case CPU_EFLAGS: return cpu_eflags(c);
    case CPU_GDTR_BASE: return c->gdtr.base;
    case CPU_GDTR_LIMIT: return c->gdtr.limit;
    case CPU_IDTR_BASE: return c->idtr.base;
    case CPU_IDTR_LIMIT: return c->idtr.limit;
    case CPU_CR0: return c->cr0;
    case CPU_CR2: return c->cr2;
    case CPU_CR3: return c->cr3;
    case CPU_CR4: return c->cr4;
    case CPU_DR6: return c->dr6;
    case CPU_DR7: return c->dr7;
    case CPU_EFER: return c->efer;
    case CPU_CPL: return c->cpl;
    case CPU_FCW: return c->fpu.cw;
    case CPU_FSW: return c->fpu.sw;
    case CPU_FTW: return fpu_tag_word(c);
    case CPU_FOP: return c->fpu.fop;
    case CPU_FIP: return c->fpu.fip;
    case CPU_FCS: return c->fpu.fcs;
    case CPU_FDP: return c->fpu.fdp;
    case CPU_FDS: return c->fpu.fds;
    case CPU_MXCSR: return c->fpu.mxcsr;
    default: return 0;
    }
}

void cpu_set(struct cpu *c, enum cpu_reg r, u32 v)
{
    if (r <= CPU_EDI) {
        c->gpr[r] = v;
        return;
    }
    if (r >= CPU_ES && r <= CPU_TR) {
        unsigned s = r - CPU_ES;
        c->seg[s].sel = (u16)v;
        if (s <= S_GS && (!is_pe(c) || is_v86(c)))
            c->seg[s].base = (v & 0xffff) << 4;
        if (s == S_CS && is_prot(c))
            c->cpl = v & 3;
    } else if (r >= CPU_ES_BASE && r <= CPU_TR_BASE) {
        c->seg[r - CPU_ES_BASE].base = v;
    } else if (r >= CPU_ES_LIMIT && r <= CPU_TR_LIMIT) {
        c->seg[r - CPU_ES_LIMIT].limit = v;
        seg_update(&c->seg[r - CPU_ES_LIMIT]);
    } else if (r >= CPU_ES_ATTR && r <= CPU_TR_ATTR) {
        c->seg[r - CPU_ES_ATTR].attr = (u16)v;
        seg_update(&c->seg[r - CPU_ES_ATTR]);
    } else if (r >= CPU_DR0 && r <= CPU_DR3) {
        c->dr[r - CPU_DR0] = v;
    } else {
        switch (r) {
        case CPU_EIP: c->eip = v; break;
        case CPU_EFLAGS: cpu_set_eflags(c, v); break;
        case CPU_GDTR_BASE: c->gdtr.base = v; break;
        case CPU_GDTR_LIMIT: c->gdtr.limit = (u16)v; break;
        case CPU_IDTR_BASE: c->idtr.base = v; break;
        case CPU_IDTR_LIMIT: c->idtr.limit = (u16)v; break;
        case CPU_CR0: c->cr0 = v | CR0_ET; break;
        case CPU_CR2: c->cr2 = v; break;
        case CPU_CR3: c->cr3 = v; break;
        case CPU_CR4: c->cr4 = v & cr4_mask(c); break;
        case CPU_DR6: c->dr6 = v; break;
        case CPU_DR7: dr7_write(c, v); break;
        case CPU_EFER: c->efer = v & EFER_NXE; break;
        case CPU_CPL: c->cpl = v & 3; break;
        case CPU_FCW: fpu_set_cw(c, (u16)v); break;
        case CPU_FSW: fpu_set_sw(c, (u16)v); break;
        case CPU_FTW: fpu_set_tag_word(c, (u16)v); break;
        case CPU_FOP: c->fpu.fop = v & 0x7ff; break;
        case CPU_FIP: c->fpu.fip = v; break;
        case CPU_FCS: c->fpu.fcs = (u16)v; break;
        case CPU_FDP: c->fpu.fdp = v; break;
        case CPU_FDS: c->fpu.fds = (u16)v; break;
        case CPU_MXCSR: c->fpu.mxcsr = v; break;
        default: return;
        }
    }
    if (r >= CPU_CR0 && r <= CPU_CR4) {
        mmu_flush_global(c);
        mmu_switch(c, false);
    }
    cpu_update_mode(c);
    mmu_select(c);
    code_mapping_changed(c);
}

/* ---- saved state */

#define SEG_FIELDS_ \
    F_U16(struct seg, sel), F_U16(struct seg, attr), F_U32(struct seg, base), F_U32(struct seg, limit)
static const struct field seg_fields[] = { SEG_FIELDS_, F_END };
static const struct field fpu_fields[] = {
    F_ARRAY(struct fpu, reg, u8), F_U16(struct fpu, cw), F_U16(struct fpu, sw),
    F_U8(struct fpu, valid), F_U16(struct fpu, fop), F_U16(struct fpu, fcs),
    F_U16(struct fpu, fds), F_U32(struct fpu, fip), F_U32(struct fpu, fdp),
    F_U32(struct fpu, mxcsr), F_ARRAY(struct fpu, xmm, u8), F_END
};
/* new in version 2 */
static const struct field monitor_fields[] = {
    F_BOOL(struct monitor, armed), F_BOOL(struct monitor, waiting), F_U64(struct monitor, pa),
    F_ARRAY(struct monitor, line, u8), F_END
};
static const struct field cpu_fields[] = {
    F_ARRAY(struct cpu, gpr, u32), F_U32(struct cpu, eip), F_U32(struct cpu, cc.res),
    F_U32(struct cpu, cc.aux), F_U32(struct cpu, eflags), F_U32(struct cpu, events),
    F_U64(struct cpu, retired), F_SUB(struct cpu, seg, struct seg, seg_fields),
    F_U8(struct cpu, cpl), F_U32(struct cpu, cr0), F_U32(struct cpu, cr2), F_U32(struct cpu, cr3),
    F_U32(struct cpu, cr4), F_U32(struct cpu, efer), F_ARRAY(struct cpu, pdpte, u64),
    F_ARRAY(struct cpu, dr, u32), F_U32(struct cpu, dr6), F_U32(struct cpu, dr7),
    F_U32(struct cpu, gdtr.base), F_U16(struct cpu, gdtr.limit), F_U32(struct cpu, idtr.base),
    F_U16(struct cpu, idtr.limit), F_BOOL(struct cpu, a20),
    F_SUB(struct cpu, fpu, struct fpu, fpu_fields), F_U64(struct cpu, tsc_offset),
    F_U64(struct cpu, tsc_last), F_U32(struct cpu, sysenter_cs), F_U32(struct cpu, sysenter_esp),
    F_U32(struct cpu, sysenter_eip), F_U64(struct cpu, apic_base), F_U64(struct cpu, misc_enable),
    F_U64(struct cpu, microcode), F_U64(struct cpu, pat), F_U64(struct cpu, debugctl),
    F_U64(struct cpu, mtrr_def), F_ARRAY(struct cpu, mtrr_fix, u64),
    F_ARRAY(struct cpu, mtrr_var, u64), F_ARRAY(struct cpu, perf_ctl, u64),
    F_ARRAY(struct cpu, perf_ctr, u64), F_U64(struct cpu, mcg_status),
    F_ARRAY(struct cpu, mc_bank, u64), F_U8(struct cpu, df_state),
    F_U32(struct cpu, pending_dr6), F_BOOL(struct cpu, ferr_on),
    F_BOOL(struct cpu, ignne),
    { .tag = "monitor", .kind = FIELD_SUB, .offset = offsetof(struct cpu, monitor), .count = 1,
      .sub = monitor_fields, .sub_size = sizeof(struct monitor), .since = 2 },
    { .tag = "fruitless_at", .kind = FIELD_INT, .offset = offsetof(struct cpu, fruitless_at),
      .elem_size = 8, .count = 1, .since = 3 },
    { .tag = "fruitless", .kind = FIELD_INT, .offset = offsetof(struct cpu, fruitless),
      .elem_size = 4, .count = 1, .since = 3 },
    F_END
};
#define CPU_STATE_VERSION 3

bool cpu_save(struct cpu *c, struct snap_out *out, struct err *e)
{
    return snap_save(out, "cpu", CPU_STATE_VERSION, cpu_fields, c, e);
}

bool cpu_load(struct cpu *c, struct snap_in *in, struct err *e)
{
    if (!snap_load(in, "cpu", CPU_STATE_VERSION, cpu_fields, c, e))
        return false;
    /* the file is not trusted: only what could break an invariant of ours is checked, the rest is a
     * guest's state like any other */
    c->gpr[R_ZERO] = 0;
    c->cpl &= 3;
    c->eflags = (c->eflags & ~(u32)FL_ARITH) | FL_1;
    c->cr0 |= CR0_ET;
    c->cr4 &= cr4_mask(c);
    c->events &= EV_INTR | EV_NMI | EV_SHADOW | EV_SHADOW_SS | EV_HALT | EV_SHUTDOWN | EV_TRAP |
                 EV_NMI_BLOCKED;
    c->dr7 = (c->dr7 & DR7_WRITABLE) | DR7_FIXED;
    c->fpu.mxcsr &= mxcsr_mask(c);
    c->monitor.pa &= 0xfffffffffull & ~(paddr)(MONITOR_LINE - 1);
    fpu_set_cw(c, c->fpu.cw);
    for (unsigned s = 0; s < S_NUM; s++)
        seg_update(&c->seg[s]);
    cpu_state_loaded(c);
    return true;
}

void cpu_state_loaded(struct cpu *c)
{
    code_flush(c);
    mmu_flush_all(c); /* RAM was replaced, too */
    mmu_switch(c, false);
    cpu_update_mode(c);
    mmu_select(c);
    code_mapping_changed(c);
}

/* ---- the same fields as plain bytes (hook.h) */

static size_t field_bytes(const struct field *f)
{
    return f->kind == FIELD_BOOL ? sizeof(bool) : (size_t)f->elem_size * f->count;
}

/* Copies the fields of obj to, or from, at; returns how many bytes they are. NULL: counts only. */
static size_t copy_fields(const struct field *f, u8 *obj, u8 *at, bool load)
{
    size_t done = 0;

    for (; f->kind != FIELD_END; f++) {
        if (f->kind == FIELD_SUB) {
            for (u32 k = 0; k < f->count; k++)
                done += copy_fields(f->sub, obj ? obj + f->offset + k * f->sub_size : NULL,
                                    at ? at + done : NULL, load);
            continue;
        }
        if (at && load)
            memcpy(obj + f->offset, at + done, field_bytes(f));
        else if (at)
            memcpy(at + done, obj + f->offset, field_bytes(f));
        done += field_bytes(f);
    }
    return done;
}

size_t cpu_context_size(void)
{
    return copy_fields(cpu_fields, NULL, NULL, false);
}

void cpu_context_get(const struct cpu *c, void *to)
{
    struct cpu *own = (struct cpu *)(uintptr_t)c;

    u32 events = c->events;

    cc_set(own, cc_flags(c)); /* the same flags are the same bytes */
    own->events &= ~(u32)(EV_HOOK | EV_STOP);
    copy_fields(cpu_fields, (u8 *)own, to, false);
    own->events = events;
}

void cpu_state_diff(struct strbuf *sb, const struct cpu *a, const struct cpu *b)
{
    struct cpu *c[2] = { (struct cpu *)(uintptr_t)a, (struct cpu *)(uintptr_t)b };

    for (unsigned k = 0; k < 2; k++)
        cc_set(c[k], cc_flags(c[k]));
    snap_diff(sb, cpu_fields, a, b);
    for (unsigned s = 0; s < S_NUM; s++)
        if (a->seg[s].rd_end != b->seg[s].rd_end || a->seg[s].wr_end != b->seg[s].wr_end)
            sb_addf(sb, "seg[%u]: checked up to %08x, %08x | %08x, %08x\n", s, a->seg[s].rd_end,
                    a->seg[s].wr_end, b->seg[s].rd_end, b->seg[s].wr_end);
}

void cpu_context_set(struct cpu *c, const void *from)
{
    u32 here = c->events & (EV_HOOK | EV_STOP);

    copy_fields(cpu_fields, (u8 *)c, (u8 *)(uintptr_t)from, true);
    c->events = (c->events & ~(u32)(EV_HOOK | EV_STOP)) | here;
    for (unsigned s = 0; s < S_NUM; s++)
        seg_update(&c->seg[s]);
    mmu_switch(c, false);
    cpu_update_mode(c);
    mmu_select(c);
}

/* ---- text */

void cpu_info_registers(struct cpu *c, struct strbuf *sb)
{
    static const char gpr[8][4] = { "EAX", "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI" };
    static const u8 order[8] = { 0, 3, 1, 2, 6, 7, 5, 4 };
    static const char seg[S_NUM][5] = { "ES", "CS", "SS", "DS", "FS", "GS", "LDT", "TR" };
    u32 fl = cpu_eflags(c);

    for (unsigned k = 0; k < 8; k++)
        sb_addf(sb, "%s=%08x%s", gpr[order[k]], c->gpr[order[k]], k % 4 == 3 ? "\n" : " ");
    sb_addf(sb, "EIP=%08x EFL=%08x [%c%c%c%c%c%c%c] CPL=%u II=%u A20=%u HLT=%u\n", c->eip, fl,
            fl & FL_DF ? 'D' : '-', fl & FL_OF ? 'O' : '-', fl & FL_SF ? 'S' : '-',
            fl & FL_ZF ? 'Z' : '-', fl & FL_AF ? 'A' : '-', fl & FL_PF ? 'P' : '-',
            fl & FL_CF ? 'C' : '-', c->cpl, !!(c->events & EV_SHADOW), c->a20,
            !!(c->events & EV_HALT));
    for (unsigned s = 0; s < S_NUM; s++)
        sb_addf(sb, "%-3s=%04x %08x %08x %04x\n", seg[s], c->seg[s].sel, c->seg[s].base,
                c->seg[s].limit, c->seg[s].attr);
    sb_addf(sb, "GDT=     %08x %08x\nIDT=     %08x %08x\n", c->gdtr.base, c->gdtr.limit,
            c->idtr.base, c->idtr.limit);
    sb_addf(sb, "CR0=%08x CR2=%08x CR3=%08x CR4=%08x EFER=%08x\n", c->cr0, c->cr2, c->cr3, c->cr4,
            c->efer);
    sb_addf(sb, "DR0=%08x DR1=%08x DR2=%08x DR3=%08x DR6=%08x DR7=%08x\n", c->dr[0], c->dr[1],
            c->dr[2], c->dr[3], c->dr6, c->dr7);
    sb_addf(sb, "FCW=%04x FSW=%04x FTW=%04x MXCSR=%08x\n", c->fpu.cw, c->fpu.sw, fpu_tag_word(c),
            c->fpu.mxcsr);
    for (unsigned k = 0; k < 8; k++) {
        u8 v[10];
        cpu_get_st(c, k, v);
        sb_addf(sb, "ST%u=%04x %016llx%s", k, ld16(v + 8), (unsigned long long)ld64(v),
                k % 2 ? "\n" : "  ");
    }
}

void cpu_info_stats(struct cpu *c, struct strbuf *sb)
{
    sb_addf(sb, "engine: %s\n", c->engine ? "translator" : "interpreter");
    if (c->engine)
        c->engine->info(c, sb);
    sb_addf(sb, "retired: %llu\nblocks made: %llu (%llu instructions), "
                "dropped by writes: %llu\ninterrupts: %llu\n",
            (unsigned long long)c->retired, (unsigned long long)c->stat_blocks,
            (unsigned long long)c->stat_decoded, (unsigned long long)c->stat_invalidated,
            (unsigned long long)c->stat_irqs);
    for (unsigned v = 0; v < 32; v++)
        if (c->stat_faults[v])
            sb_addf(sb, "exception %u: %llu\n", v, (unsigned long long)c->stat_faults[v]);
}

bool cpu_break_add(struct cpu *c, u32 la)
{
    if (c->num_breaks >= ARRAY_LEN(c->breaks))
        return false;
    c->breaks[c->num_breaks++] = la;
    cpu_update_mode(c);
    return true;
}

bool cpu_break_del(struct cpu *c, u32 la)
{
    for (unsigned k = 0; k < c->num_breaks; k++)
        if (c->breaks[k] == la) {
            c->breaks[k] = c->breaks[--c->num_breaks];
            cpu_update_mode(c);
            return true;
        }
    return false;
}

bool cpu_watch_add(struct cpu *c, u32 la, u32 len, enum cpu_watch_kind kind)
{
    if (c->num_watch >= ARRAY_LEN(c->watch) || !len || len > 4096)
        return false;
    c->watch[c->num_watch].la = la;
    c->watch[c->num_watch].len = len;
    c->watch[c->num_watch++].kind = (u8)kind;
    mmu_flush_global(c);
    cpu_update_mode(c); /* one instruction a block: the stop comes right behind the access */
    return true;
}

bool cpu_watch_del(struct cpu *c, u32 la, u32 len, enum cpu_watch_kind kind)
{
    for (unsigned k = 0; k < c->num_watch; k++)
        if (c->watch[k].la == la && c->watch[k].len == len && c->watch[k].kind == kind) {
            c->watch[k] = c->watch[--c->num_watch];
            mmu_flush_global(c);
            cpu_update_mode(c);
            return true;
        }
    return false;
}

u32 cpu_watch_hit(const struct cpu *c)
{
    return c->watch_hit;
}
