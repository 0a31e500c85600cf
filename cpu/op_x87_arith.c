/* SPDX-License-Identifier: MIT */
/* x87 arithmetic, comparisons and transcendental functions. One handler a row.
 * Order in each: pending exception, memory operand (may fault), stack, operation, status, result,
 * pops. */
#include "cpu/flags.h"
#include "cpu/mem.h"
#include "cpu/x87.h"

/* Memory operand of the arithmetic forms, as it lies there. */
NB_INLINE NB_WARN_UNUSED bool read_operand(struct cpu *c, const struct insn *i, unsigned type,
                                           u32 ea, u64 *v)
{
    u16 w;
    u32 d;

    switch (type) {
    case FT_F64:
        return mem_read64(c, i->seg, ea, v);
    case FT_I16:
        if (!mem_read16(c, i->seg, ea, &w))
            return false;
        *v = w;
        return true;
    default:
        if (!mem_read32(c, i->seg, ea, &d))
            return false;
        *v = d;
        return true;
    }
}

/* ---- FADD, FMUL, FSUB(R), FDIV(R) */

NB_INLINE unsigned arith_m(struct cpu *c, const struct insn *i, unsigned opc, unsigned k,
                           unsigned type)
{
    u32 ea = insn_ea(c, i);
    u64 v;

    FPU_WAIT(c, i);
    c->cur = i;
    if (!read_operand(c, i, type, ea, &v))
        FAULT(c);
    fpu_note_mem(c, i, opc, ea);
    if (unlikely(fpu_empty(c, 0))) {
        if (fpu_stack_fault(c, false))
            fpu_put(c, 0, fpu_indefinite);
        NEXT(c, i);
    }
    fpu_flags(c, fpu_run_on(c, fpu_ops(c)->arith[k][type], fpu_st(c, 0), &v), SW_C1);
    NEXT(c, i);
}

NB_INLINE unsigned arith_r(struct cpu *c, const struct insn *i, unsigned opc, unsigned k,
                           unsigned dst, unsigned src, bool pop)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, opc);
    if (unlikely(fpu_empty(c, dst) || fpu_empty(c, src))) {
        if (fpu_stack_fault(c, false)) {
            fpu_put(c, dst, fpu_indefinite);
            if (pop)
                fpu_pop(c);
        }
        NEXT(c, i);
    }
    u16 r = fpu_run_on(c, fpu_ops(c)->arith[k][FT_ST], fpu_st(c, dst), fpu_st(c, src));
    fpu_flags(c, r, SW_C1);
    if (pop && likely(!fpu_trapped(c, r, SW_PRE)))
        fpu_pop(c);
    NEXT(c, i);
}

/* dc, de: ST(i) is the destination */
#define ARITH_(name, k) \
    FPU_OP(name##_d8m, arith_m(c, i, 0xd8, k, FT_F32)); \
    FPU_OP(name##_dam, arith_m(c, i, 0xda, k, FT_I32)); \
    FPU_OP(name##_dcm, arith_m(c, i, 0xdc, k, FT_F64)); \
    FPU_OP(name##_dem, arith_m(c, i, 0xde, k, FT_I16)); \
    FPU_OP(name##_d8, arith_r(c, i, 0xd8, k, 0, i->src, false)); \
    FPU_OP(name##_dc, arith_r(c, i, 0xdc, k, i->src, 0, false)); \
    FPU_OP(name##_de, arith_r(c, i, 0xde, k, i->src, 0, true));
ARITH_(fadd, FA_ADD)
ARITH_(fmul, FA_MUL)
ARITH_(fsub, FA_SUB)
ARITH_(fsubr, FA_SUBR)
ARITH_(fdiv, FA_DIV)
ARITH_(fdivr, FA_DIVR)

/* ---- comparisons */

enum com_to { TO_SW, TO_EFLAGS };

static void com_result(struct cpu *c, u16 r, enum com_to to, unsigned pops)
{
    fpu_flags(c, r, to == TO_SW ? SW_CC : SW_C1);
    if (to == TO_EFLAGS)
        cc_set(c, (r & SW_C3 ? FL_ZF : 0) | (r & SW_C2 ? FL_PF : 0) | (r & SW_C0 ? FL_CF : 0));
    if (fpu_trapped(c, r, SW_PRE))
        return;
    while (pops--)
        fpu_pop(c);
}

/* The codes say "unordered" even where the exception is unmasked. */
static void com_empty(struct cpu *c, enum com_to to, unsigned pops)
{
    fpu_stack_fault(c, false);
    com_result(c, SW_IE | SW_C0 | SW_C2 | SW_C3, to, pops);
}

NB_INLINE unsigned com_m(struct cpu *c, const struct insn *i, unsigned opc, unsigned type,
                         unsigned pops)
{
    u32 ea = insn_ea(c, i);
    u64 v;

    FPU_WAIT(c, i);
    c->cur = i;
    if (!read_operand(c, i, type, ea, &v))
        FAULT(c);
    fpu_note_mem(c, i, opc, ea);
    if (unlikely(fpu_empty(c, 0)))
        com_empty(c, TO_SW, pops);
    else
        com_result(c, fpu_run(c, fpu_ops(c)->arith[FA_COM][type], NULL, fpu_st(c, 0), &v), TO_SW,
                   pops);
    NEXT(c, i);
}

NB_INLINE unsigned com_r(struct cpu *c, const struct insn *i, unsigned opc, bool quiet,
                         enum com_to to, unsigned pops)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, opc);
    if (unlikely(fpu_empty(c, 0) || fpu_empty(c, i->src))) {
        com_empty(c, to, pops);
    } else {
        fpu_fn *fn = quiet ? fpu_ops(c)->ucom : fpu_ops(c)->arith[FA_COM][FT_ST];
        com_result(c, fpu_run(c, fn, NULL, fpu_st(c, 0), fpu_st(c, i->src)), to, pops);
    }
    NEXT(c, i);
}

#define COM_M_(name, opc, type, pops) \
    FPU_OP(name, com_m(c, i, opc, type, pops));
COM_M_(fcom_d8m, 0xd8, FT_F32, 0)
COM_M_(fcom_dam, 0xda, FT_I32, 0)
COM_M_(fcom_dcm, 0xdc, FT_F64, 0)
COM_M_(fcom_dem, 0xde, FT_I16, 0)
COM_M_(fcomp_d8m, 0xd8, FT_F32, 1)
COM_M_(fcomp_dam, 0xda, FT_I32, 1)
COM_M_(fcomp_dcm, 0xdc, FT_F64, 1)
COM_M_(fcomp_dem, 0xde, FT_I16, 1)

#define COM_R_(name, opc, quiet, to, pops) \
    FPU_OP(name, com_r(c, i, opc, quiet, to, pops));
COM_R_(fcom_d8, 0xd8, false, TO_SW, 0)
COM_R_(fcomp_d8, 0xd8, false, TO_SW, 1)
COM_R_(fcom2_dc, 0xdc, false, TO_SW, 0)
COM_R_(fcomp3_dc, 0xdc, false, TO_SW, 1)
COM_R_(fcomp5_de, 0xde, false, TO_SW, 1)
COM_R_(fcompp, 0xde, false, TO_SW, 2)
COM_R_(fucom, 0xdd, true, TO_SW, 0)
COM_R_(fucomp, 0xdd, true, TO_SW, 1)
COM_R_(fucompp, 0xda, true, TO_SW, 2)
COM_R_(fcomi, 0xdb, false, TO_EFLAGS, 0)
COM_R_(fucomi, 0xdb, true, TO_EFLAGS, 0)
COM_R_(fcomip, 0xdf, false, TO_EFLAGS, 1)
COM_R_(fucomip, 0xdf, true, TO_EFLAGS, 1)

static unsigned op_ftst(struct cpu *c, const struct insn *i)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    if (fpu_empty(c, 0))
        com_empty(c, TO_SW, 0);
    else
        com_result(c, fpu_run(c, fpu_ops(c)->tst, NULL, fpu_st(c, 0), NULL), TO_SW, 0);
    NEXT(c, i);
}
FPU_HSET(ftst);

/* C3 C2 C0 for the class, C1 for the sign; an empty register is looked at for its sign alone. */
static unsigned op_fxam(struct cpu *c, const struct insn *i)
{
    const u8 *r = fpu_st(c, 0);
    unsigned exp = fpu_exp(r);
    u64 sig = fpu_sig(r);
    u16 cc;

    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    if (fpu_empty(c, 0))
        cc = SW_C3 | SW_C0;
    else if (exp == 0)
        cc = sig ? SW_C3 | SW_C2 : SW_C3; /* pseudo-denormals too */
    else if (!(sig >> 63))
        cc = 0; /* pseudo-NaN, pseudo-infinity, unnormal */
    else if (exp == 0x7fff)
        cc = sig << 1 ? SW_C0 : SW_C2 | SW_C0;
    else
        cc = SW_C2;
    if (r[9] & 0x80)
        cc |= SW_C1;
    fpu_flags(c, cc, SW_CC);
    NEXT(c, i);
}
FPU_HSET(fxam);

/* ---- one operand */

/* FABS and FCHS look at nothing but the sign. */
static unsigned sign_op(struct cpu *c, const struct insn *i, u8 and, u8 xor)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    if (unlikely(fpu_empty(c, 0))) {
        if (fpu_stack_fault(c, false))
            fpu_put(c, 0, fpu_indefinite);
        NEXT(c, i);
    }
    u8 *r = fpu_st(c, 0);
    r[9] = (u8)((r[9] & and) ^ xor);
    fpu_flags(c, 0, SW_C1);
    NEXT(c, i);
}
FPU_OP(fchs, sign_op(c, i, 0xff, 0x80));
FPU_OP(fabs, sign_op(c, i, 0x7f, 0));

/* cc: condition codes that the instruction defines. */
static unsigned unary(struct cpu *c, const struct insn *i, fpu_fn *fn, u16 cc)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    if (unlikely(fpu_empty(c, 0))) {
        c->fpu.sw &= (u16)~(cc & SW_C2);
        if (fpu_stack_fault(c, false))
            fpu_put(c, 0, fpu_indefinite);
        NEXT(c, i);
    }
    fpu_flags(c, fpu_run_on(c, fn, fpu_st(c, 0), NULL), cc);
    NEXT(c, i);
}
#define UNARY_(name, field, cc) \
    FPU_OP(name, unary(c, i, fpu_ops(c)->field, cc));
UNARY_(fsqrt, sqrt, SW_C1)
UNARY_(frndint, rndint, SW_C1)
UNARY_(f2xm1, f2xm1, SW_C1)
UNARY_(fsin, sin, SW_C1 | SW_C2)
UNARY_(fcos, cos, SW_C1 | SW_C2)

/* ---- ST(0) and ST(1) */

/* pop: the result goes to ST(1), which becomes the top. */
static unsigned binary(struct cpu *c, const struct insn *i, fpu_fn *fn, u16 cc, bool pop)
{
    u8 out[16];

    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    if (unlikely(fpu_empty(c, 0) || fpu_empty(c, 1))) {
        if (fpu_stack_fault(c, false)) {
            fpu_put(c, pop, fpu_indefinite);
            if (pop)
                fpu_pop(c);
        }
        NEXT(c, i);
    }
    u16 r = fpu_run(c, fn, out, fpu_st(c, 0), fpu_st(c, 1));
    fpu_flags(c, r, cc);
    if (likely(!fpu_trapped(c, r, SW_PRE))) {
        memcpy(fpu_st(c, pop), out, 10);
        if (pop)
            fpu_pop(c);
    }
    NEXT(c, i);
}
#define BINARY_(name, field, cc, pop) \
    FPU_OP(name, binary(c, i, fpu_ops(c)->field, cc, pop));
BINARY_(fscale, scale, SW_C1, false)
BINARY_(fpatan, patan, SW_C1, true)
BINARY_(fyl2x, yl2x, SW_C1, true)
BINARY_(fyl2xp1, yl2xp1, SW_C1, true)

/* FPREM and FPREM1. Where there is no remainder, the bits of the quotient (C0, C3) stay as
 * they were. */
static unsigned remainder_op(struct cpu *c, const struct insn *i, fpu_fn *fn)
{
    u8 out[16];

    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    c->fpu.sw &= (u16)~SW_C2;
    if (unlikely(fpu_empty(c, 0) || fpu_empty(c, 1))) {
        if (fpu_stack_fault(c, false))
            fpu_put(c, 0, fpu_indefinite);
        NEXT(c, i);
    }
    u16 r = fpu_run(c, fn, out, fpu_st(c, 0), fpu_st(c, 1));
    if (fpu_trapped(c, r, SW_PRE)) {
        fpu_flags(c, r, SW_C1);
        NEXT(c, i);
    }
    fpu_flags(c, r, fpu_exp(out) == 0x7fff ? SW_C1 : SW_CC);
    memcpy(fpu_st(c, 0), out, 10);
    NEXT(c, i);
}
FPU_OP(fprem, remainder_op(c, i, fpu_ops(c)->prem));
FPU_OP(fprem1, remainder_op(c, i, fpu_ops(c)->prem1));

/* ---- results that are pushed */

static unsigned pushing(struct cpu *c, const struct insn *i, fpu_fn *fn, u16 cc)
{
    u8 out[32];

    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    if (unlikely(fpu_empty(c, 0) || !fpu_empty(c, 7))) {
        c->fpu.sw &= (u16)~(cc & SW_C2);
        if (fpu_stack_fault(c, !fpu_empty(c, 0))) {
            fpu_put(c, 0, fpu_indefinite);
            fpu_push(c, fpu_indefinite);
        }
        NEXT(c, i);
    }
    u16 r = fpu_run(c, fn, out, fpu_st(c, 0), NULL);
    fpu_flags(c, r, cc);
    if (fpu_trapped(c, r, SW_PRE) || (r & cc & SW_C2)) /* C2: out of range, nothing done */
        NEXT(c, i);
    memcpy(fpu_st(c, 0), out, 10);
    fpu_push(c, out + 16);
    NEXT(c, i);
}
FPU_OP(fptan, pushing(c, i, fpu_ops(c)->ptan, SW_C1 | SW_C2));
FPU_OP(fsincos, pushing(c, i, fpu_ops(c)->sincos, SW_C1 | SW_C2));
FPU_OP(fxtract, pushing(c, i, fpu_ops(c)->xtract, SW_C1));
