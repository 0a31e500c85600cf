/* SPDX-License-Identifier: MIT */
/* Model-specific registers (SDM 4) and the time stamp counter.
 *
 * Modelled as storage without effect: microcode signature, PAT and MTRRs (memory types do not exist
 * here), machine check banks (nothing ever fails), performance counters (they stand still),
 * IA32_MISC_ENABLE, DEBUGCTL, the local APIC's base (there is no APIC). Read as 0 and not stored:
 * platform id, power-on configuration, last branch records, PERF_STATUS and its kind.
 * Any other MSR reads 0 and ignores writes, and is logged; with msr=gp it is #GP(0). */
#include "cpu/sys.h"
#include "cpu/twice.h"

enum {
    MSR_P5_MC_ADDR = 0, MSR_P5_MC_TYPE = 1, MSR_TSC = 0x10, MSR_PLATFORM_ID = 0x17,
    MSR_APIC_BASE = 0x1b, MSR_EBL_CR_POWERON = 0x2a, MSR_BIOS_UPDT_TRIG = 0x79,
    MSR_BIOS_SIGN_ID = 0x8b, MSR_PERFCTR0 = 0xc1, MSR_PERFCTR1 = 0xc2, MSR_MTRRCAP = 0xfe,
    MSR_BBL_CR_CTL3 = 0x11e, MSR_SYSENTER_CS = 0x174, MSR_SYSENTER_ESP = 0x175,
    MSR_SYSENTER_EIP = 0x176, MSR_MCG_CAP = 0x179, MSR_MCG_STATUS = 0x17a, MSR_MCG_CTL = 0x17b,
    MSR_PERFEVTSEL0 = 0x186, MSR_PERFEVTSEL1 = 0x187, MSR_PERF_STATUS = 0x198,
    MSR_PERF_CTL = 0x199, MSR_CLOCK_MODULATION = 0x19a, MSR_THERM_INTERRUPT = 0x19b,
    MSR_THERM_STATUS = 0x19c, MSR_MISC_ENABLE = 0x1a0, MSR_DEBUGCTL = 0x1d9,
    MSR_LASTBRANCH_FROM = 0x1db, MSR_LASTINT_TO = 0x1de, MSR_MTRR_PHYS = 0x200,
    MSR_PAT = 0x277, MSR_MTRR_DEF = 0x2ff, MSR_MC0_CTL = 0x400, MSR_EFER = 0xc0000080,
};
enum { MC_BANKS = 5, MTRR_VAR = 8 };

static bool is_p6(const struct cpu *c)
{
    return (c->model->signature >> 8 & 0xf) == 6;
}

void msr_reset(struct cpu *c)
{
    c->tsc_offset = 0;
    c->tsc_last = 0;
    c->sysenter_cs = c->sysenter_esp = c->sysenter_eip = 0;
    c->apic_base = 0xfee00100; /* bootstrap processor; not enabled */
    c->misc_enable = 1; /* fast strings: firmware turns them on, SeaBIOS does not, and Linux asks */
    c->microcode = 0;
    c->pat = 0x0007040600070406ull;
    c->debugctl = 0;
    c->mtrr_def = 0;
    memset(c->mtrr_fix, 0, sizeof(c->mtrr_fix));
    memset(c->mtrr_var, 0, sizeof(c->mtrr_var));
    memset(c->perf_ctl, 0, sizeof(c->perf_ctl));
    memset(c->perf_ctr, 0, sizeof(c->perf_ctr));
    c->mcg_status = 0;
    memset(c->mc_bank, 0, sizeof(c->mc_bank));
    c->efer = 0;
}

/* Counter before WRMSR's offset; never the same twice. */
static u64 raw_tsc(struct cpu *c)
{
    u64 now = !c->clock ? c->retired : c->twice ? twice_clock(c) : clock_now(c->clock);

    if (now <= c->tsc_last)
        now = c->tsc_last + 1;
    c->tsc_last = now;
    return now;
}

u64 cpu_tsc(struct cpu *c)
{
    return raw_tsc(c) + c->tsc_offset;
}

/* Where a plainly stored MSR lives; NULL for one that is none. *rsvd gets the bits that must not
 * be written. */
static u64 *stored(struct cpu *c, u32 msr, u64 *rsvd)
{
    static const u16 fixed[11] = { 0x250, 0x258, 0x259, 0x268, 0x269, 0x26a, 0x26b,
                                   0x26c, 0x26d, 0x26e, 0x26f };
    bool p6 = is_p6(c);

    *rsvd = 0;
    if (c->cpuid_edx & CPUID_MTRR) {
        if (msr >= MSR_MTRR_PHYS && msr < MSR_MTRR_PHYS + 2 * MTRR_VAR) {
            *rsvd = ~0ull << 36 | (msr & 1 ? 0x7ff : 0xf00);
            return &c->mtrr_var[msr - MSR_MTRR_PHYS];
        }
        for (unsigned k = 0; k < ARRAY_LEN(fixed); k++) {
            if (msr == fixed[k])
                return &c->mtrr_fix[k];
        }
        if (msr == MSR_MTRR_DEF) {
            *rsvd = ~0xcffull;
            return &c->mtrr_def;
        }
    }
    if (msr == MSR_PAT && (c->cpuid_edx & CPUID_PAT)) {
        *rsvd = 0xf8f8f8f8f8f8f8f8ull;
        return &c->pat;
    }
    if ((c->cpuid_edx & CPUID_MCA) && msr >= MSR_MC0_CTL && msr < MSR_MC0_CTL + 4 * MC_BANKS)
        return &c->mc_bank[(msr - MSR_MC0_CTL) / 4][msr & 3];
    if (msr == MSR_MCG_STATUS && (c->cpuid_edx & CPUID_MCA)) {
        *rsvd = ~7ull;
        return &c->mcg_status;
    }
    if (!p6)
        return NULL;
    switch (msr) {
    case MSR_APIC_BASE:
        return &c->apic_base;
    case MSR_BIOS_SIGN_ID:
        return &c->microcode;
    case MSR_PERFCTR0: case MSR_PERFCTR1:
        return &c->perf_ctr[msr - MSR_PERFCTR0];
    case MSR_PERFEVTSEL0: case MSR_PERFEVTSEL1:
        return &c->perf_ctl[msr - MSR_PERFEVTSEL0];
    case MSR_MISC_ENABLE:
        return &c->misc_enable;
    case MSR_DEBUGCTL:
        return &c->debugctl;
    default:
        return NULL;
    }
}

/* Known, but always 0. */
static bool reads_zero(const struct cpu *c, u32 msr)
{
    if (msr <= MSR_P5_MC_TYPE)
        return c->cpuid_edx & CPUID_MCE;
    if (!is_p6(c))
        return false;
    switch (msr) {
    case MSR_PLATFORM_ID: case MSR_EBL_CR_POWERON: case MSR_BIOS_UPDT_TRIG: case MSR_BBL_CR_CTL3:
    case MSR_MCG_CTL: case MSR_PERF_STATUS: case MSR_PERF_CTL: case MSR_CLOCK_MODULATION:
    case MSR_THERM_INTERRUPT: case MSR_THERM_STATUS:
        return true;
    default:
        return msr >= MSR_LASTBRANCH_FROM && msr <= MSR_LASTINT_TO;
    }
}

static bool unknown(struct cpu *c, u32 msr, const char *what)
{
    if (c->msr_gp)
        return cpu_raise_err(c, EXC_GP, 0);
    /* the numbers a guest can make up are bounded by log_unimp itself */
    log_unimp(c->log, "cpu", "%s of MSR %x", what, msr);
    return true;
}

bool msr_read(struct cpu *c, u32 msr, u64 *v)
{
    u64 rsvd, *p;

    *v = 0;
    switch (msr) {
    case MSR_TSC:
        if (!(c->cpuid_edx & CPUID_TSC))
            break;
        *v = cpu_tsc(c);
        return true;
    case MSR_SYSENTER_CS: case MSR_SYSENTER_ESP: case MSR_SYSENTER_EIP:
        if (!(c->cpuid_edx & CPUID_SEP))
            break;
        *v = msr == MSR_SYSENTER_CS ? c->sysenter_cs
                                    : msr == MSR_SYSENTER_ESP ? c->sysenter_esp : c->sysenter_eip;
        return true;
    case MSR_MTRRCAP:
        if (!(c->cpuid_edx & CPUID_MTRR))
            break;
        *v = 0x500 | MTRR_VAR; /* fixed ranges, write combining */
        return true;
    case MSR_MCG_CAP:
        if (!(c->cpuid_edx & CPUID_MCA))
            break;
        *v = MC_BANKS;
        return true;
    case MSR_EFER:
        if (!(c->cpuid_ext_edx & CPUID_EXT_NX))
            break;
        *v = c->efer;
        return true;
    }
    p = stored(c, msr, &rsvd);
    if (p)
        *v = *p;
    else if (!reads_zero(c, msr))
        return unknown(c, msr, "read");
    return true;
}

/* UC, WC, WT, WP, WB (SDM 3A table 11-8); UC- only in PAT. */
static bool memory_type(u64 t, bool pat)
{
    return t == 0 || t == 1 || (t >= 4 && t <= 6) || (pat && t == 7);
}

static bool valid_value(u32 msr, u64 v)
{
    if (msr == MSR_PAT || (msr >= 0x250 && msr <= 0x26f)) {
        for (unsigned k = 0; k < 64; k += 8) {
            if (!memory_type(v >> k & 0xff, msr == MSR_PAT))
                return false;
        }
    } else if (msr == MSR_MTRR_DEF ||
               (msr >= MSR_MTRR_PHYS && msr < MSR_MTRR_PHYS + 2 * MTRR_VAR && !(msr & 1))) {
        return memory_type(v & 0xff, false);
    } else if (msr >= MSR_MC0_CTL && msr < MSR_MC0_CTL + 4 * MC_BANKS && (msr & 3)) {
        return v == 0; /* status, address and miscellany can only be cleared */
    }
    return true;
}

bool msr_write(struct cpu *c, u32 msr, u64 v)
{
    u64 rsvd, *p;

    switch (msr) {
    case MSR_TSC:
        if (!(c->cpuid_edx & CPUID_TSC))
            break;
        if (is_p6(c))
            v = (u32)v; /* the upper half is cleared on P6 parts (SDM 3B 17.17) */
        c->tsc_offset = v - raw_tsc(c);
        return true;
    case MSR_SYSENTER_CS: case MSR_SYSENTER_ESP: case MSR_SYSENTER_EIP:
        if (!(c->cpuid_edx & CPUID_SEP))
            break;
        if (msr == MSR_SYSENTER_CS)
            c->sysenter_cs = (u32)v;
        else if (msr == MSR_SYSENTER_ESP)
            c->sysenter_esp = (u32)v;
        else
            c->sysenter_eip = (u32)v;
        return true;
    case MSR_MTRRCAP:
        if (c->cpuid_edx & CPUID_MTRR)
            return cpu_raise_err(c, EXC_GP, 0);
        break;
    case MSR_MCG_CAP:
        if (c->cpuid_edx & CPUID_MCA)
            return cpu_raise_err(c, EXC_GP, 0);
        break;
    case MSR_EFER:
        if (!(c->cpuid_ext_edx & CPUID_EXT_NX))
            break;
        if (v & ~(u64)EFER_NXE)
            return cpu_raise_err(c, EXC_GP, 0);
        if (c->efer != (u32)v) {
            c->efer = (u32)v;
            mmu_switch(c, false);
        }
        return true;
    case MSR_APIC_BASE:
        if (!is_p6(c))
            break;
        /* without an APIC there is nothing to enable */
        c->apic_base = (v & 0xffffff000ull) | 0x100;
        return true;
    }
    p = stored(c, msr, &rsvd);
    if (p) {
        if ((v & rsvd) || !valid_value(msr, v))
            return cpu_raise_err(c, EXC_GP, 0);
        *p = v;
        return true;
    }
    return reads_zero(c, msr) || unknown(c, msr, "write");
}
