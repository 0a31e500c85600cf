/* SPDX-License-Identifier: MIT */
/* The mode word and the EFLAGS image. */
#include "cpu/flags.h"
#include "cpu/hook.h"
#include "cpu/sys.h"

enum { EFLAGS_BITS = 0x003f7fd7 }; /* bits that exist (SDM 1, figure 3-8) */

static bool is_flat(const struct seg *s)
{
    return s->base == 0 && s->limit == 0xffffffffu;
}

void cpu_update_mode(struct cpu *c)
{
    const struct seg *cs = &c->seg[S_CS], *ss = &c->seg[S_SS];
    const struct seg *ds = &c->seg[S_DS], *es = &c->seg[S_ES];
    u32 old = c->mode, mode = 0;

    if (cs->attr & SEG_DB)
        mode |= MODE_D;
    if (ss->attr & SEG_DB)
        mode |= MODE_B;
    if (c->cr0 & CR0_PE)
        mode |= MODE_PE;
    if (c->eflags & FL_VM)
        mode |= MODE_V86;
    if (c->cpl == 3) {
        mode |= MODE_CPL3;
        if ((c->cr0 & CR0_AM) && (c->eflags & FL_AC))
            mode |= MODE_AC;
    }
    /* rd_end and wr_end are full for readable and writable 4 GB segments only */
    if (is_flat(cs) && is_flat(ds) && is_flat(es) && is_flat(ss) && cs->rd_end == 0xffffffffu &&
        ds->wr_end == 0xffffffffu && es->wr_end == 0xffffffffu && ss->wr_end == 0xffffffffu)
        mode |= MODE_FLAT;
    if ((c->eflags & (FL_TF | FL_RF)) || (c->dr7 & DR7_ENABLES) || c->num_breaks || c->num_watch ||
        (c->hooks && (c->hooks->want_insn || c->hooks->want_fetch)))
        mode |= MODE_SINGLE;
    if (c->cr0 & CR0_TS)
        mode |= MODE_TS;
    if (c->cr0 & CR0_EM)
        mode |= MODE_EM;
    if (c->cr0 & CR0_MP)
        mode |= MODE_MP;
    if (c->cr0 & CR0_NE)
        mode |= MODE_NE;
    if (c->cr4 & CR4_OSFXSR)
        mode |= MODE_FXSR;
    if (c->counted)
        mode |= MODE_COUNTED;
    c->mode = mode;
    if (((old ^ mode) & (MODE_CPL3 | MODE_AC)) || !c->tlb_rd)
        mmu_select(c);
}

u32 cpu_eflags(const struct cpu *c)
{
    return (c->eflags & ~(u32)FL_ARITH) | cc_flags(c) | FL_1;
}

void cpu_set_eflags(struct cpu *c, u32 v)
{
    c->eflags = (v & EFLAGS_BITS & ~(u32)FL_ARITH) | FL_1;
    cc_set(c, v);
    cpu_update_mode(c);
}
