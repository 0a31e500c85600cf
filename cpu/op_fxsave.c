/* SPDX-License-Identifier: MIT */
/* FXSAVE and FXRSTOR (SDM 1, 10.5; SDM 2), MXCSR, CLFLUSH.
 *
 * The image: control, status, one tag bit a register ("not empty", by physical number, while the
 * registers themselves are in stack order), FOP, FIP, FCS, FDP, FDS, MXCSR and its mask, eight
 * registers of 16 bytes, XMM0 to XMM7. Bytes from 288 are reserved or the program's: they are checked
 * with the others, and never written. What SSE adds is there only where the model has SSE and with
 * CR4.OSFXSR; else these bytes are neither written nor read, MXCSR's mask included. FXSAVE stores the
 * pointers whether an exception is pending or not, as Intel's processors do, and zeros in reserved
 * bytes. */
#include "cpu/simd.h"

enum {
    FX_CW = 0, FX_SW = 2, FX_TAG = 4, FX_FOP = 6, FX_FIP = 8, FX_FCS = 12, FX_FDP = 16, FX_FDS = 20,
    FX_MXCSR = 24, FX_MASK = 28, FX_ST = 32, FX_XMM = 160, FX_END = 288, FX_SIZE = 512,
    FX_STEP = 16,
};

static bool has_sse_state(const struct cpu *c)
{
    return (c->cr4 & CR4_OSFXSR) && (c->isa_features & BIT(FEAT_SSE));
}

/* Linear address of the image; alignment, then segment, as other 16-byte operands (simd.c). */
static NB_WARN_UNUSED bool image_la(struct cpu *c, const struct insn *i, bool write, u32 *la)
{
    u32 ea = insn_ea(c, i);

    c->cur = i;
    if ((c->seg[i->seg].base + ea) & 15)
        return cpu_raise_err(c, EXC_GP, 0);
    return seg_check_slow(c, i->seg, ea, FX_SIZE, write, la);
}

static NB_WARN_UNUSED bool image_write(struct cpu *c, u32 la, const u8 *fx, unsigned from,
                                       unsigned to)
{
    for (unsigned k = from; k < to; k += FX_STEP)
        if (!mem_write_slow(c, la + k, fx + k, MIN(to - k, (unsigned)FX_STEP), c->cpl == 3))
            return false;
    return true;
}

static unsigned op_fxsave(struct cpu *c, const struct insn *i)
{
    const struct fpu *f = &c->fpu;
    bool sse = has_sse_state(c);
    u8 fx[FX_END] = { 0 };
    u32 la;

    if (!image_la(c, i, true, &la) || !mem_probe_write(c, la, FX_SIZE, c->cpl == 3))
        FAULT(c);
    st16(fx + FX_CW, f->cw);
    st16(fx + FX_SW, f->sw);
    fx[FX_TAG] = f->valid;
    st16(fx + FX_FOP, f->fop);
    st32(fx + FX_FIP, f->fip);
    st16(fx + FX_FCS, f->fcs);
    st32(fx + FX_FDP, f->fdp);
    st16(fx + FX_FDS, f->fds);
    st32(fx + FX_MXCSR, f->mxcsr);
    st32(fx + FX_MASK, mxcsr_mask(c));
    for (unsigned k = 0; k < 8; k++)
        memcpy(fx + FX_ST + 16 * k, fpu_st(c, k), 10);
    memcpy(fx + FX_XMM, f->xmm, sizeof f->xmm);
    /* all pages were probed: none of these can fault any more */
    if (sse ? !image_write(c, la, fx, 0, FX_END)
            : !image_write(c, la, fx, 0, FX_MXCSR) || !image_write(c, la, fx, FX_ST, FX_XMM))
        FAULT(c);
    NEXT(c, i);
}
HSET_FORMS(fxsave, [FORM_M] = op_fxsave);

static unsigned op_fxrstor(struct cpu *c, const struct insn *i)
{
    struct fpu *f = &c->fpu;
    bool sse = has_sse_state(c);
    u8 fx[FX_SIZE];
    u32 la;

    if (!image_la(c, i, false, &la))
        FAULT(c);
    for (unsigned k = 0; k < FX_SIZE; k += FX_STEP)
        if (!mem_read_slow(c, la + k, fx + k, FX_STEP, c->cpl == 3))
            FAULT(c);
    if (sse && (ld32(fx + FX_MXCSR) & ~mxcsr_mask(c)))
        RAISE_ERR(c, i, EXC_GP, 0);
    f->sw = ld16(fx + FX_SW); /* TOP is where the registers go */
    for (unsigned k = 0; k < 8; k++)
        memcpy(fpu_st(c, k), fx + FX_ST + 16 * k, 10);
    f->valid = fx[FX_TAG];
    f->fop = ld16(fx + FX_FOP) & 0x7ff;
    f->fip = ld32(fx + FX_FIP);
    f->fcs = ld16(fx + FX_FCS);
    f->fdp = ld32(fx + FX_FDP);
    f->fds = ld16(fx + FX_FDS);
    if (sse) {
        f->mxcsr = ld32(fx + FX_MXCSR);
        memcpy(f->xmm, fx + FX_XMM, sizeof f->xmm);
    }
    fpu_set_cw(c, ld16(fx + FX_CW)); /* and the summary bits; a pending #MF waits */
    NEXT(c, i);
}
HSET_FORMS(fxrstor, [FORM_M] = op_fxrstor);

/* ---- MXCSR: a flag that meets its mask open raises nothing here, only the next operation does */

static unsigned op_ldmxcsr(struct cpu *c, const struct insn *i)
{
    const u8 *p = simd_rd(c, i, 4);

    if (unlikely(!p))
        FAULT(c);
    if (unlikely(ld32(p) & ~mxcsr_mask(c)))
        RAISE_ERR(c, i, EXC_GP, 0);
    c->fpu.mxcsr = ld32(p);
    NEXT(c, i);
}
HSET_FORMS(ldmxcsr, [FORM_M] = op_ldmxcsr);

static unsigned op_stmxcsr(struct cpu *c, const struct insn *i)
{
    if (!simd_wr(c, i, &c->fpu.mxcsr, 4))
        FAULT(c);
    NEXT(c, i);
}
HSET_FORMS(stmxcsr, [FORM_M] = op_stmxcsr);

/* CLFLUSH has no cache to flush, but is judged as a load of a byte is, though execute-only segments
 * will do (SDM 2). Nothing is read: it may be a device. */
static unsigned op_clflush(struct cpu *c, const struct insn *i)
{
    u32 la, ea = insn_ea(c, i);
    const struct seg *s = &c->seg[i->seg];
    const u16 code = SEG_CODE | SEG_S | SEG_P;
    paddr pa;

    c->cur = i;
    if (is_prot(c) && (s->attr & code) == code && ea <= s->limit)
        la = s->base + ea;
    else if (!seg_linear(c, i->seg, ea, 1, false, &la))
        FAULT(c);
    if (!mmu_translate(c, la, false, c->cpl == 3, &pa))
        FAULT(c);
    NEXT(c, i);
}
HSET_FORMS(clflush, [FORM_M] = op_clflush);
