/* SPDX-License-Identifier: MIT */
/* Control registers (SDM 3A 2.5; SDM 2, MOV to CR). Unlisted bits of CR0 are ignored and read 0,
 * those of CR4 fault. Caches (CD, NW) have no effect. */
#include "cpu/isa.h"
#include "cpu/sys.h"
#include "cpu/x87.h"

enum { CR0_KNOWN = CR0_PE | CR0_MP | CR0_EM | CR0_TS | CR0_ET | CR0_NE | CR0_WP | CR0_AM | CR0_NW |
                   CR0_CD | (int)CR0_PG };

bool cr0_write(struct cpu *c, u32 v)
{
    u32 old = c->cr0, changed;

    v = (v & (u32)CR0_KNOWN) | CR0_ET;
    if (((v & CR0_PG) && !(v & CR0_PE)) || ((v & CR0_NW) && !(v & CR0_CD)))
        return cpu_raise_err(c, EXC_GP, 0);
    changed = old ^ v;
    if ((v & CR0_PG) && (c->cr4 & CR4_PAE) && (changed & (CR0_PG | CR0_CD | CR0_NW)) &&
        !mmu_load_pdptes(c, c->cr3))
        return false;
    c->cr0 = v;
    if (changed & CR0_PE)
        c->cpl = 0; /* PE can be changed at level 0 only */
    if (changed & (CR0_PG | CR0_WP))
        mmu_switch(c, false);
    if (changed & CR0_NE)
        fpu_error_changed(c);
    cpu_update_mode(c);
    return true;
}

bool cr3_write(struct cpu *c, u32 v)
{
    if ((c->cr0 & CR0_PG) && (c->cr4 & CR4_PAE) && !mmu_load_pdptes(c, v))
        return false;
    c->cr3 = v;
    mmu_switch(c, true);
    return true;
}

u32 cr4_mask(const struct cpu *c)
{
    u32 f = c->cpuid_edx, mask = 0;

    if (f & CPUID_VME)
        mask |= CR4_VME | CR4_PVI;
    if (f & CPUID_TSC)
        mask |= CR4_TSD;
    if (f & CPUID_DE)
        mask |= CR4_DE;
    if (f & CPUID_PSE)
        mask |= CR4_PSE;
    if (f & CPUID_PAE)
        mask |= CR4_PAE;
    if (f & CPUID_MCE)
        mask |= CR4_MCE;
    if (f & CPUID_PGE)
        mask |= CR4_PGE;
    if (c->isa_features & BIT(FEAT_PMC))
        mask |= CR4_PCE;
    if (f & CPUID_FXSR)
        mask |= CR4_OSFXSR;
    if (f & CPUID_SSE)
        mask |= CR4_OSXMMEXCPT;
    return mask;
}

bool cr4_write(struct cpu *c, u32 v)
{
    u32 changed = c->cr4 ^ v;

    if (v & ~cr4_mask(c))
        return cpu_raise_err(c, EXC_GP, 0);
    if ((v & CR4_PAE) && (c->cr0 & CR0_PG) && (changed & (CR4_PAE | CR4_PGE | CR4_PSE)) &&
        !mmu_load_pdptes(c, c->cr3))
        return false;
    c->cr4 = v;
    if (changed & CR4_PGE)
        mmu_flush_global(c);
    if (changed & (CR4_PSE | CR4_PAE | CR4_PGE))
        mmu_switch(c, false);
    cpu_update_mode(c);
    return true;
}
