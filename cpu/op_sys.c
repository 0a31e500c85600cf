/* SPDX-License-Identifier: MIT */
/* Handlers of system instructions: descriptor tables, control and debug registers, LAR and friends,
 * MSRs, time stamp, SYSENTER, CPUID (SDM 2).
 *
 * SGDT and SIDT store the whole base with either operand size, as processors do (the SDM's
 * description has 24 bits, its pseudo-code 32). SMSW with a 32-bit register gives all of CR0. */
#include "cpu/flags.h"
#include "cpu/isa.h"
#include "cpu/sys.h"

#define OP32(i) ((i)->flags & INSN_OP32)

/* The 16-bit r/m operand of a row with Ew as operand `reg`. */
static bool read_rm16(struct cpu *c, const struct insn *i, u8 reg, u16 *v)
{
    c->cur = i;
    if (i->flags & INSN_MEM)
        return mem_read16(c, i->seg, insn_ea(c, i), v);
    *v = REG16(c, reg);
    return true;
}

/* To r/m: 16 bits to memory, the operand size to a register. */
static unsigned store_rm(struct cpu *c, const struct insn *i, u32 v)
{
    c->cur = i;
    if (i->flags & INSN_MEM) {
        if (!mem_write16(c, i->seg, insn_ea(c, i), (u16)v))
            FAULT(c);
    } else if (OP32(i)) {
        REG32(c, i->dst) = v;
    } else {
        REG16(c, i->dst) = (u16)v;
    }
    NEXT(c, i);
}

/* ---- task register, LDT */

static unsigned op_sldt(struct cpu *c, const struct insn *i)
{
    return store_rm(c, i, c->seg[S_LDTR].sel);
}

static unsigned op_str(struct cpu *c, const struct insn *i)
{
    return store_rm(c, i, c->seg[S_TR].sel);
}

static bool load_ldtr(struct cpu *c, u16 sel)
{
    struct desc d;

    if (sel_is_null(sel)) {
        seg_set_null(c, S_LDTR, sel);
        return true;
    }
    if (sel & 4)
        return cpu_raise_err(c, EXC_GP, sel & 0xfffc);
    if (!desc_read(c, sel, EXC_GP, &d))
        return false;
    if (desc_is_seg(&d) || desc_type(&d) != SYS_LDT)
        return cpu_raise_err(c, EXC_GP, sel & 0xfffc);
    if (!desc_present(&d))
        return cpu_raise_err(c, EXC_NP, sel & 0xfffc);
    seg_set_desc(c, S_LDTR, sel, &d);
    return true;
}

static bool load_tr(struct cpu *c, u16 sel)
{
    struct desc d;

    if (sel_is_null(sel))
        return cpu_raise_err(c, EXC_GP, 0);
    if (sel & 4)
        return cpu_raise_err(c, EXC_GP, sel & 0xfffc);
    if (!desc_read(c, sel, EXC_GP, &d))
        return false;
    if (desc_is_seg(&d) || (desc_type(&d) != SYS_TSS16 && desc_type(&d) != SYS_TSS32))
        return cpu_raise_err(c, EXC_GP, sel & 0xfffc);
    if (!desc_present(&d))
        return cpu_raise_err(c, EXC_NP, sel & 0xfffc);
    if (!sys_write8(c, d.la + 5, (d.hi >> 8 & 0xff) | 2)) /* busy */
        return false;
    d.hi |= 0x200;
    seg_set_desc(c, S_TR, sel, &d);
    return true;
}

static unsigned op_lldt(struct cpu *c, const struct insn *i)
{
    u16 sel;

    c->cur = i;
    if (!need_cpl0(c) || !read_rm16(c, i, i->dst, &sel) || !load_ldtr(c, sel))
        FAULT(c);
    END_AT(c, i, next_eip(c, i));
}

static unsigned op_ltr(struct cpu *c, const struct insn *i)
{
    u16 sel;

    c->cur = i;
    if (!need_cpl0(c) || !read_rm16(c, i, i->dst, &sel) || !load_tr(c, sel))
        FAULT(c);
    END_AT(c, i, next_eip(c, i));
}

const struct hset hs_sldt = HSET_ONE(op_sldt);
const struct hset hs_str = HSET_ONE(op_str);
const struct hset hs_lldt = HSET_ONE(op_lldt);
const struct hset hs_ltr = HSET_ONE(op_ltr);

/* ---- LAR, LSL, VERR, VERW, ARPL */

/* Finds a descriptor of one of the system types in `sys`, or any segment, that the CPL and RPL may
 * see. */
static bool visible(struct cpu *c, u16 sel, u32 sys, struct desc *d, bool *ok)
{
    if (!desc_find(c, sel, d, ok))
        return false;
    if (!*ok)
        return true;
    if (!desc_is_seg(d) && !(sys & BIT(desc_type(d))))
        *ok = false;
    else if (!(desc_is_code(d) && desc_is_conforming(d)) &&
             (desc_dpl(d) < c->cpl || desc_dpl(d) < (sel & 3u)))
        *ok = false;
    return true;
}

static unsigned finish_lookup(struct cpu *c, const struct insn *i, bool ok, u32 v)
{
    if (ok && OP32(i))
        REG32(c, i->dst) = v;
    else if (ok)
        REG16(c, i->dst) = (u16)v;
    cc_set_zf(c, ok);
    NEXT(c, i);
}

static unsigned op_lar(struct cpu *c, const struct insn *i)
{
    struct desc d;
    u16 sel;
    bool ok;

    if (!read_rm16(c, i, i->src, &sel) ||
        !visible(c, sel, BIT(SYS_TSS16) | BIT(SYS_LDT) | BIT(SYS_TSS16_BUSY) | BIT(SYS_CALL16) |
                 BIT(SYS_TASK) | BIT(SYS_TSS32) | BIT(SYS_TSS32_BUSY) | BIT(SYS_CALL32), &d, &ok))
        FAULT(c);
    return finish_lookup(c, i, ok, d.hi & 0xf0ff00);
}

static unsigned op_lsl(struct cpu *c, const struct insn *i)
{
    struct desc d;
    u16 sel;
    bool ok;

    if (!read_rm16(c, i, i->src, &sel) ||
        !visible(c, sel, BIT(SYS_TSS16) | BIT(SYS_LDT) | BIT(SYS_TSS16_BUSY) | BIT(SYS_TSS32) |
                 BIT(SYS_TSS32_BUSY), &d, &ok))
        FAULT(c);
    return finish_lookup(c, i, ok, ok ? desc_limit(&d) : 0);
}

static unsigned op_verr(struct cpu *c, const struct insn *i)
{
    struct desc d;
    u16 sel;
    bool ok;

    if (!read_rm16(c, i, i->dst, &sel) || !visible(c, sel, 0, &d, &ok))
        FAULT(c);
    cc_set_zf(c, ok && (desc_type(&d) & 0xa) != 0x8);
    NEXT(c, i);
}

static unsigned op_verw(struct cpu *c, const struct insn *i)
{
    struct desc d;
    u16 sel;
    bool ok;

    if (!read_rm16(c, i, i->dst, &sel) || !visible(c, sel, 0, &d, &ok))
        FAULT(c);
    cc_set_zf(c, ok && desc_is_wr_data(&d));
    NEXT(c, i);
}

static unsigned op_arpl(struct cpu *c, const struct insn *i)
{
    unsigned rpl = REG16(c, i->src) & 3;
    u16 v;
    bool adjust;

    c->cur = i;
    if (i->flags & INSN_MEM) {
        /* not a read-modify-write cycle: memory is written only where there is something to change */
        u32 ea = insn_ea(c, i);
        if (!mem_read16(c, i->seg, ea, &v))
            FAULT(c);
        adjust = (v & 3u) < rpl;
        if (adjust && !mem_write16(c, i->seg, ea, (u16)((v & ~3u) | rpl)))
            FAULT(c);
    } else {
        v = REG16(c, i->dst);
        adjust = (v & 3u) < rpl;
        if (adjust)
            REG16(c, i->dst) = (u16)((v & ~3u) | rpl);
    }
    cc_set_zf(c, adjust);
    NEXT(c, i);
}

const struct hset hs_lar = HSET_ONE(op_lar);
const struct hset hs_lsl = HSET_ONE(op_lsl);
const struct hset hs_verr = HSET_ONE(op_verr);
const struct hset hs_verw = HSET_ONE(op_verw);
const struct hset hs_arpl = HSET_ONE(op_arpl);

/* ---- GDTR, IDTR */

static unsigned store_table(struct cpu *c, const struct insn *i, u16 limit, u32 base)
{
    u32 ea = insn_ea(c, i), la;

    c->cur = i;
    if (!seg_check_slow(c, i->seg, ea, 6, true, &la) ||
        !mem_probe_write(c, la, 6, c->cpl == 3) ||
        !mem_write16(c, i->seg, ea, limit) || !mem_write32(c, i->seg, ea + 2, base))
        FAULT(c);
    NEXT(c, i);
}

static unsigned op_sgdt(struct cpu *c, const struct insn *i)
{
    return store_table(c, i, c->gdtr.limit, c->gdtr.base);
}

static unsigned op_sidt(struct cpu *c, const struct insn *i)
{
    return store_table(c, i, c->idtr.limit, c->idtr.base);
}

static bool load_table(struct cpu *c, const struct insn *i, u16 *limit, u32 *base)
{
    u32 ea = insn_ea(c, i);

    c->cur = i;
    if (!need_cpl0(c) || !mem_read16(c, i->seg, ea, limit) ||
        !mem_read32(c, i->seg, ea + 2, base))
        return false;
    if (!OP32(i))
        *base &= 0xffffff;
    return true;
}

static unsigned op_lgdt(struct cpu *c, const struct insn *i)
{
    u16 limit;
    u32 base;

    if (!load_table(c, i, &limit, &base))
        FAULT(c);
    c->gdtr.base = base;
    c->gdtr.limit = limit;
    END_AT(c, i, next_eip(c, i));
}

static unsigned op_lidt(struct cpu *c, const struct insn *i)
{
    u16 limit;
    u32 base;

    if (!load_table(c, i, &limit, &base))
        FAULT(c);
    c->idtr.base = base;
    c->idtr.limit = limit;
    END_AT(c, i, next_eip(c, i));
}

const struct hset hs_sgdt = HSET_ONE(op_sgdt);
const struct hset hs_sidt = HSET_ONE(op_sidt);
const struct hset hs_lgdt = HSET_ONE(op_lgdt);
const struct hset hs_lidt = HSET_ONE(op_lidt);

/* ---- control registers */

static unsigned op_smsw(struct cpu *c, const struct insn *i)
{
    return store_rm(c, i, c->cr0);
}

static unsigned op_lmsw(struct cpu *c, const struct insn *i)
{
    u16 v;

    c->cur = i;
    if (!need_cpl0(c) || !read_rm16(c, i, i->dst, &v))
        FAULT(c);
    /* PE can be set, not cleared */
    if (!cr0_write(c, (c->cr0 & ~(u32)(CR0_MP | CR0_EM | CR0_TS)) | (v & 0xf)))
        FAULT(c);
    EXIT_AT(c, i, next_eip(c, i));
}

static unsigned op_clts(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (!need_cpl0(c))
        FAULT(c);
    c->cr0 &= ~(u32)CR0_TS;
    cpu_update_mode(c);
    END_AT(c, i, next_eip(c, i));
}

static bool cr_exists(const struct cpu *c, unsigned n)
{
    if (n == 4)
        return cr4_mask(c) || (c->isa_features & BIT(FEAT_PENTIUM));
    return n == 0 || n == 2 || n == 3;
}

static unsigned op_mov_from_cr(struct cpu *c, const struct insn *i)
{
    if (!cr_exists(c, i->src))
        RAISE(c, i, EXC_UD);
    c->cur = i;
    if (!need_cpl0(c))
        FAULT(c);
    REG32(c, i->dst) = i->src == 0 ? c->cr0 : i->src == 2 ? c->cr2 : i->src == 3 ? c->cr3 : c->cr4;
    NEXT(c, i);
}

static unsigned op_mov_to_cr(struct cpu *c, const struct insn *i)
{
    u32 v = REG32(c, i->src);
    bool ok = true;

    if (!cr_exists(c, i->dst))
        RAISE(c, i, EXC_UD);
    c->cur = i;
    if (!need_cpl0(c))
        FAULT(c);
    switch (i->dst) {
    case 0:
        ok = cr0_write(c, v);
        break;
    case 2:
        c->cr2 = v;
        break;
    case 3:
        ok = cr3_write(c, v);
        break;
    case 4:
        ok = cr4_write(c, v);
        break;
    }
    if (!ok)
        FAULT(c);
    EXIT_AT(c, i, next_eip(c, i));
}

/* DR4 and DR5 are DR6 and DR7 unless CR4.DE; GD catches every access. */
static bool dr_access(struct cpu *c, unsigned *n)
{
    if (*n == 4 || *n == 5) {
        if (c->cr4 & CR4_DE)
            return cpu_raise(c, EXC_UD);
        *n += 2;
    }
    if (!need_cpl0(c))
        return false;
    if (c->dr7 & DR7_GD) {
        c->pending_dr6 |= DR6_BD;
        return cpu_raise(c, EXC_DB);
    }
    return true;
}

static unsigned op_mov_from_dr(struct cpu *c, const struct insn *i)
{
    unsigned n = i->src;

    c->cur = i;
    if (!dr_access(c, &n))
        FAULT(c);
    REG32(c, i->dst) = n < 4 ? c->dr[n] : n == 6 ? (c->dr6 & DR6_WRITABLE) | DR6_FIXED
                                                 : (c->dr7 & DR7_WRITABLE) | DR7_FIXED;
    NEXT(c, i);
}

static unsigned op_mov_to_dr(struct cpu *c, const struct insn *i)
{
    unsigned n = i->dst;
    u32 v = REG32(c, i->src);

    c->cur = i;
    if (!dr_access(c, &n))
        FAULT(c);
    if (n == 6) {
        c->dr6 = (v & DR6_WRITABLE) | DR6_FIXED;
    } else if (n == 7) {
        dr7_write(c, v);
    } else {
        dr_write(c, n, v);
    }
    EXIT_AT(c, i, next_eip(c, i));
}

static unsigned op_invlpg(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (!need_cpl0(c))
        FAULT(c);
    mmu_invlpg(c, c->seg[i->seg].base + insn_ea(c, i));
    EXIT_AT(c, i, next_eip(c, i));
}

static unsigned op_wbinvd(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (!need_cpl0(c))
        FAULT(c);
    END_AT(c, i, next_eip(c, i));
}

const struct hset hs_smsw = HSET_ONE(op_smsw);
const struct hset hs_lmsw = HSET_ONE(op_lmsw);
const struct hset hs_clts = HSET_ONE(op_clts);
const struct hset hs_mov_from_cr = HSET_ONE(op_mov_from_cr);
const struct hset hs_mov_to_cr = HSET_ONE(op_mov_to_cr);
const struct hset hs_mov_from_dr = HSET_ONE(op_mov_from_dr);
const struct hset hs_mov_to_dr = HSET_ONE(op_mov_to_dr);
const struct hset hs_invlpg = HSET_ONE(op_invlpg);
const struct hset hs_wbinvd = HSET_ONE(op_wbinvd);

/* ---- MSRs, time stamp, performance counters, CPUID */

static void set_edx_eax(struct cpu *c, u64 v)
{
    c->gpr[R_EAX] = (u32)v;
    c->gpr[R_EDX] = v >> 32;
}

static unsigned op_rdmsr(struct cpu *c, const struct insn *i)
{
    u64 v;

    c->cur = i;
    cpu_sync(c);
    if (!need_cpl0(c) || !msr_read(c, c->gpr[R_ECX], &v))
        FAULT(c);
    set_edx_eax(c, v);
    NEXT(c, i);
}

static unsigned op_wrmsr(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    cpu_sync(c);
    if (!need_cpl0(c) ||
        !msr_write(c, c->gpr[R_ECX], (u64)c->gpr[R_EDX] << 32 | c->gpr[R_EAX]))
        FAULT(c);
    EXIT_AT(c, i, next_eip(c, i));
}

static unsigned op_rdtsc(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if ((c->cr4 & CR4_TSD) && !need_cpl0(c))
        FAULT(c);
    cpu_sync(c);
    set_edx_eax(c, cpu_tsc(c));
    NEXT(c, i);
}

/* The two counters of the P6 exist and stand still: no event is modelled. */
static unsigned op_rdpmc(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (!(c->cr4 & CR4_PCE) && !need_cpl0(c))
        FAULT(c);
    if (c->gpr[R_ECX] > 1)
        RAISE_ERR(c, i, EXC_GP, 0);
    set_edx_eax(c, c->perf_ctr[c->gpr[R_ECX]] & 0xffffffffffull);
    NEXT(c, i);
}

static unsigned op_cpuid(struct cpu *c, const struct insn *i)
{
    u32 r[4], leaf = c->gpr[R_EAX];

    cpu_cpuid(c, leaf, c->gpr[R_ECX], r);
    if (leaf == 1)
        c->microcode = 1ull << 32; /* the update signature shows in MSR 8Bh after leaf 1 */
    c->gpr[R_EAX] = r[0];
    c->gpr[R_EBX] = r[1];
    c->gpr[R_ECX] = r[2];
    c->gpr[R_EDX] = r[3];
    NEXT(c, i);
}

const struct hset hs_rdmsr = HSET_ONE(op_rdmsr);
const struct hset hs_wrmsr = HSET_ONE(op_wrmsr);
const struct hset hs_rdtsc = HSET_ONE(op_rdtsc);
const struct hset hs_rdpmc = HSET_ONE(op_rdpmc);
const struct hset hs_cpuid = HSET_ONE(op_cpuid);

/* ---- SYSENTER, SYSEXIT: flat segments without descriptors */

static void set_flat(struct cpu *c, unsigned s, u16 sel, u8 access)
{
    c->seg[s].sel = sel;
    c->seg[s].base = 0;
    c->seg[s].limit = 0xffffffff;
    c->seg[s].attr = SEG_G | SEG_DB | access;
    seg_update(&c->seg[s]);
}

static unsigned op_sysenter(struct cpu *c, const struct insn *i)
{
    u16 cs = c->sysenter_cs & 0xfffc;

    if (!is_pe(c) || cs == 0)
        RAISE_ERR(c, i, EXC_GP, 0);
    c->eflags &= ~(u32)(FL_VM | FL_IF | FL_RF);
    c->cpl = 0;
    set_flat(c, S_CS, cs, 0x9b);
    set_flat(c, S_SS, (u16)(cs + 8), 0x93);
    c->gpr[R_ESP] = c->sysenter_esp;
    cpu_update_mode(c);
    EXIT_AT(c, i, c->sysenter_eip);
}

static unsigned op_sysexit(struct cpu *c, const struct insn *i)
{
    u16 cs = c->sysenter_cs & 0xfffc;

    if (!is_pe(c) || c->cpl != 0 || cs == 0)
        RAISE_ERR(c, i, EXC_GP, 0);
    c->cpl = 3;
    set_flat(c, S_CS, (u16)(cs + 16) | 3, 0xfb);
    set_flat(c, S_SS, (u16)(cs + 24) | 3, 0xf3);
    c->gpr[R_ESP] = c->gpr[R_ECX];
    cpu_update_mode(c);
    EXIT_AT(c, i, c->gpr[R_EDX]);
}

const struct hset hs_sysenter = HSET_ONE(op_sysenter);
const struct hset hs_sysexit = HSET_ONE(op_sysexit);
