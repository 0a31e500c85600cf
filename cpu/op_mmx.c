/* SPDX-License-Identifier: MIT */
/* MMX on MMX registers: packed integers, moves, EMMS; and what SSE and SSE2 added to them. */
#include "cpu/simd.h"

static unsigned op_emms(struct cpu *c, const struct insn *i)
{
    MMX_WAIT(c, i);
    c->fpu.valid = 0;
    NEXT(c, i);
}
const struct hset hs_emms = HSET_ONE(op_emms);

NB_INLINE union mmx k_paddb(union mmx a, union mmx b)
{
    for (unsigned n = 0; n < 8; n++)
        a.b[n] += b.b[n];
    return a;
}
MMX_BINARY(mmx_paddb, k_paddb);
