/* SPDX-License-Identifier: MIT */
/* x87 control instructions. */
#include "cpu/isa.h"
#include "cpu/x87.h"

static unsigned op_wait(struct cpu *c, const struct insn *i)
{
    if (unlikely(c->fpu.sw & SW_ES) && (c->cr0 & CR0_NE))
        RAISE(c, i, EXC_MF);
    NEXT(c, i);
}
extern const struct hset hs_wait;
const struct hset hs_wait = HSET_ONE(op_wait);
