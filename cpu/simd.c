/* SPDX-License-Identifier: MIT */
/* Memory operands of MMX and SSE rows that the fast paths of simd.h do not reach: faults, page
 * crossings, MMIO, first touches. */
#include "cpu/simd.h"

/* Linear address; alignment, then segment: the manual gives no order (SDM 3A table 6-2), and AMD's
 * family 25 raises #GP(0) for a misaligned operand beyond SS's limit. */
static bool operand_la(struct cpu *c, const struct insn *i, unsigned how, bool write, u32 *la)
{
    u32 ea = insn_ea(c, i);

    c->cur = i;
    if ((how & SIMD_ALIGNED) && ((c->seg[i->seg].base + ea) & 15))
        return cpu_raise_err(c, EXC_GP, 0);
    return seg_linear(c, i->seg, ea, how & ~(unsigned)SIMD_ALIGNED, write, la);
}

const u8 *simd_rd_slow(struct cpu *c, const struct insn *i, unsigned how)
{
    u32 la;

    if (!operand_la(c, i, how, false, &la) ||
        !mem_read_slow(c, la, c->fpu.operand, how & ~(unsigned)SIMD_ALIGNED, c->cpl == 3))
        return NULL;
    return c->fpu.operand;
}

bool simd_wr_slow(struct cpu *c, const struct insn *i, const void *v, unsigned how)
{
    u32 la;

    return operand_la(c, i, how, true, &la) &&
           mem_write_slow(c, la, v, how & ~(unsigned)SIMD_ALIGNED, c->cpl == 3);
}

/* All bytes are judged as a write, alignment included, but no other than the selected ones are
 * stored: the rest may be a device's. */
bool simd_masked_store(struct cpu *c, const struct insn *i, const u8 *v, const u8 *mask,
                       unsigned size)
{
    u32 la, ea = c->gpr[R_EDI] & insn_ea_mask(i);

    c->cur = i;
    if (!seg_linear(c, i->seg, ea, size, true, &la) || !mem_probe_write(c, la, size, c->cpl == 3))
        return false;
    if ((c->mode & MODE_AC) && (la & 7)) /* silicon judges quadwords, also of MASKMOVDQU's sixteen bytes */
        return cpu_raise_err(c, EXC_AC, 0);
    for (unsigned n = 0; n < size; n++)
        if ((mask[n] & 0x80) && !la_write8(c, la + n, v[n]))
            return false;
    return true;
}
