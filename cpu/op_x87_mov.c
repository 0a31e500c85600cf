/* SPDX-License-Identifier: MIT */
/* x87 data transfer: loads, stores, constants, exchanges, conditional moves.
 * A store computes first, then writes memory (which may fault), then changes the unit. */
#include "cpu/flags.h"
#include "cpu/mem.h"
#include "cpu/x87.h"

/* 10 bytes in one access, so that a page crossing faults before anything moves. */
static NB_WARN_UNUSED bool read80(struct cpu *c, unsigned s, u32 ea, u8 v[10])
{
    u32 la = c->seg[s].base + ea;

    if (unlikely(ea >= c->seg[s].rd_end) && !seg_check_slow(c, s, ea, 10, false, &la))
        return false;
    if (MEM_FAST_(c->tlb_rd, la, 10)) {
        memcpy(v, (const u8 *)(uintptr_t)(c->tlb_rd[la >> 12] + la), 10);
        return true;
    }
    return mem_read_slow(c, la, v, 10, c->cpl == 3);
}

static NB_WARN_UNUSED bool write80(struct cpu *c, unsigned s, u32 ea, const u8 v[10])
{
    u32 la = c->seg[s].base + ea;

    if (unlikely(ea >= c->seg[s].wr_end) && !seg_check_slow(c, s, ea, 10, true, &la))
        return false;
    if (MEM_FAST_(c->tlb_wr, la, 10)) {
        memcpy((u8 *)(uintptr_t)(c->tlb_wr[la >> 12] + la), v, 10);
        return true;
    }
    return mem_write_slow(c, la, v, 10, c->cpl == 3);
}

NB_INLINE NB_WARN_UNUSED bool read_typed(struct cpu *c, const struct insn *i, unsigned type, u32 ea,
                                         u8 v[16])
{
    u16 w;
    u32 d;
    u64 q;

    switch (type) {
    case FT_I16:
        if (!mem_read16(c, i->seg, ea, &w))
            return false;
        memcpy(v, &w, 2);
        return true;
    case FT_F32: case FT_I32:
        if (!mem_read32(c, i->seg, ea, &d))
            return false;
        memcpy(v, &d, 4);
        return true;
    case FT_F64: case FT_I64:
        if (!mem_read64(c, i->seg, ea, &q))
            return false;
        memcpy(v, &q, 8);
        return true;
    default:
        return read80(c, i->seg, ea, v);
    }
}

NB_INLINE NB_WARN_UNUSED bool write_typed(struct cpu *c, const struct insn *i, unsigned type,
                                          u32 ea, const u8 v[16])
{
    u16 w;
    u32 d;
    u64 q;

    switch (type) {
    case FT_I16:
        memcpy(&w, v, 2);
        return mem_write16(c, i->seg, ea, w);
    case FT_F32: case FT_I32:
        memcpy(&d, v, 4);
        return mem_write32(c, i->seg, ea, d);
    case FT_F64: case FT_I64:
        memcpy(&q, v, 8);
        return mem_write64(c, i->seg, ea, q);
    default:
        return write80(c, i->seg, ea, v);
    }
}

/* ---- loads */

static void push_or_overflow(struct cpu *c, const void *v)
{
    if (unlikely(!fpu_empty(c, 7))) {
        if (fpu_stack_fault(c, true))
            fpu_push(c, fpu_indefinite);
        return;
    }
    fpu_flags(c, 0, SW_C1);
    fpu_push(c, v);
}

NB_INLINE unsigned load_m(struct cpu *c, const struct insn *i, unsigned opc, unsigned type)
{
    u32 ea = insn_ea(c, i);
    u8 v[16], out[16];

    FPU_WAIT(c, i);
    c->cur = i;
    if (!read_typed(c, i, type, ea, v))
        FAULT(c);
    fpu_note_mem(c, i, opc, ea);
    if (type == FT_ST || unlikely(!fpu_empty(c, 7))) { /* 80 bits: as they are */
        push_or_overflow(c, v);
        NEXT(c, i);
    }
    u16 r = fpu_run(c, fpu_ops(c)->load[type], out, NULL, v);
    fpu_flags(c, r, SW_C1);
    if (likely(!fpu_trapped(c, r, SW_IE))) /* with unmasked #D, too */
        fpu_push(c, out);
    NEXT(c, i);
}
#define LOAD_(name, opc, type) \
    FPU_OP(name, load_m(c, i, opc, type));
LOAD_(fld_m32, 0xd9, FT_F32)
LOAD_(fld_m64, 0xdd, FT_F64)
LOAD_(fld_m80, 0xdb, FT_ST)
LOAD_(fild_m16, 0xdf, FT_I16)
LOAD_(fild_m32, 0xdb, FT_I32)
LOAD_(fild_m64, 0xdf, FT_I64)
LOAD_(fbld, 0xdf, FT_BCD)

static unsigned op_fld_st(struct cpu *c, const struct insn *i)
{
    u8 v[10];

    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    if (unlikely(fpu_empty(c, i->src))) {
        if (fpu_stack_fault(c, false))
            fpu_push(c, fpu_indefinite);
        NEXT(c, i);
    }
    memcpy(v, fpu_st(c, i->src), 10);
    push_or_overflow(c, v);
    NEXT(c, i);
}
FPU_HSET(fld_st);

/* FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: rounded as the control word says. */
static unsigned op_fld_const(struct cpu *c, const struct insn *i)
{
    u8 out[16];

    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    fpu_run(c, fpu_ops(c)->constant[i->src], out, NULL, NULL);
    push_or_overflow(c, out);
    NEXT(c, i);
}
FPU_HSET(fld_const);

/* ---- stores */

static const u8 indefinite_of[FT_NUM][10] = {
    [FT_ST] = { 0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff },
    [FT_F32] = { 0, 0, 0xc0, 0xff },
    [FT_F64] = { 0, 0, 0, 0, 0, 0, 0xf8, 0xff },
    [FT_I16] = { 0, 0x80 },
    [FT_I32] = { 0, 0, 0, 0x80 },
    [FT_I64] = { 0, 0, 0, 0, 0, 0, 0, 0x80 },
    [FT_BCD] = { 0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff },
};

/* An unmasked exception keeps the value from memory, but not the access from its faults. */
static NB_COLD NB_WARN_UNUSED bool probe_typed(struct cpu *c, const struct insn *i, unsigned type,
                                               u32 ea)
{
    static const u8 sizes[FT_NUM] = { 10, 4, 8, 2, 4, 8, 10 };
    unsigned size = sizes[type];
    u32 la;

    if (!seg_check_slow(c, i->seg, ea, size, true, &la) ||
        !mem_probe_write(c, la, size, c->cpl == 3))
        return false;
    if ((c->mode & MODE_AC) && (la & (MIN(size, 8u) - 1)))
        return cpu_raise_err(c, EXC_AC, 0);
    return true;
}

/* chop: rounds towards zero whatever the control word says (FISTTP). */
NB_INLINE unsigned store_m(struct cpu *c, const struct insn *i, unsigned opc, unsigned type,
                           bool pop, bool chop)
{
    u32 ea = insn_ea(c, i);
    const u8 *v;
    u8 out[16];
    u16 r = 0;
    bool empty = fpu_empty(c, 0);

    FPU_WAIT(c, i);
    c->cur = i;
    if (unlikely(empty)) {
        v = indefinite_of[type];
        r = SW_IE;
    } else if (type == FT_ST) {
        v = fpu_st(c, 0);
    } else {
        u16 cw = c->fpu.cw;

        if (chop)
            c->fpu.cw |= CW_RC;
        r = fpu_run(c, fpu_ops(c)->store[type], out, fpu_st(c, 0), NULL);
        if (chop)
            c->fpu.cw = cw;
        v = out;
    }
    bool stored = !fpu_trapped(c, r, SW_NOSTORE);
    if (unlikely(!stored) ? !probe_typed(c, i, type, ea) : !write_typed(c, i, type, ea, v))
        FAULT(c);
    fpu_note_mem(c, i, opc, ea);
    if (unlikely(empty))
        fpu_stack_fault(c, false);
    else
        fpu_flags(c, r, SW_C1);
    if (pop && stored)
        fpu_pop(c);
    NEXT(c, i);
}
#define STORE_(name, opc, type, pop) \
    FPU_OP(name, store_m(c, i, opc, type, pop, false));
STORE_(fst_m32, 0xd9, FT_F32, false)
STORE_(fstp_m32, 0xd9, FT_F32, true)
STORE_(fst_m64, 0xdd, FT_F64, false)
STORE_(fstp_m64, 0xdd, FT_F64, true)
STORE_(fstp_m80, 0xdb, FT_ST, true)
STORE_(fist_m16, 0xdf, FT_I16, false)
STORE_(fistp_m16, 0xdf, FT_I16, true)
STORE_(fist_m32, 0xdb, FT_I32, false)
STORE_(fistp_m32, 0xdb, FT_I32, true)
STORE_(fistp_m64, 0xdf, FT_I64, true)
STORE_(fbstp, 0xdf, FT_BCD, true)
#define STORE_CHOPPED_(name, opc, type) \
    FPU_OP(name, store_m(c, i, opc, type, true, true));
STORE_CHOPPED_(fisttp_m16, 0xdf, FT_I16)
STORE_CHOPPED_(fisttp_m32, 0xdb, FT_I32)
STORE_CHOPPED_(fisttp_m64, 0xdd, FT_I64)

static unsigned store_st(struct cpu *c, const struct insn *i, unsigned opc, bool pop)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, opc);
    if (unlikely(fpu_empty(c, 0))) {
        if (!fpu_stack_fault(c, false))
            NEXT(c, i);
        fpu_put(c, i->src, fpu_indefinite);
    } else {
        u8 v[10];
        memcpy(v, fpu_st(c, 0), 10);
        fpu_put(c, i->src, v);
        fpu_flags(c, 0, SW_C1);
    }
    if (pop)
        fpu_pop(c);
    NEXT(c, i);
}
FPU_OP(fst_st, store_st(c, i, 0xdd, false));
FPU_OP(fstp_st, store_st(c, i, 0xdd, true));
FPU_OP(fstp8_df, store_st(c, i, 0xdf, true));

/* D9 D8+i: FSTP, but an empty ST(0) is popped and that is all. */
static unsigned op_fstp1_d9(struct cpu *c, const struct insn *i)
{
    if (likely(!fpu_empty(c, 0)))
        return store_st(c, i, 0xd9, true);
    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    fpu_flags(c, 0, SW_C1);
    fpu_pop(c);
    NEXT(c, i);
}
FPU_HSET(fstp1_d9);

/* ---- exchange, conditional moves, tags */

static unsigned exchange(struct cpu *c, const struct insn *i, unsigned opc)
{
    u8 a[10], b[10];

    FPU_WAIT(c, i);
    fpu_note(c, i, opc);
    if (unlikely(fpu_empty(c, 0) || fpu_empty(c, i->src))) {
        if (!fpu_stack_fault(c, false))
            NEXT(c, i);
        if (fpu_empty(c, 0))
            fpu_put(c, 0, fpu_indefinite);
        if (fpu_empty(c, i->src))
            fpu_put(c, i->src, fpu_indefinite);
    } else {
        fpu_flags(c, 0, SW_C1);
    }
    memcpy(a, fpu_st(c, 0), 10);
    memcpy(b, fpu_st(c, i->src), 10);
    memcpy(fpu_st(c, 0), b, 10);
    memcpy(fpu_st(c, i->src), a, 10);
    NEXT(c, i);
}
FPU_OP(fxch, exchange(c, i, 0xd9));
FPU_OP(fxch4_dd, exchange(c, i, 0xdd));
FPU_OP(fxch7_df, exchange(c, i, 0xdf));

NB_INLINE unsigned cmov(struct cpu *c, const struct insn *i, unsigned opc, bool yes)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, opc);
    if (unlikely(fpu_empty(c, 0) || fpu_empty(c, i->src))) {
        if (fpu_stack_fault(c, false))
            fpu_put(c, 0, fpu_indefinite);
        NEXT(c, i);
    }
    if (yes)
        memmove(fpu_st(c, 0), fpu_st(c, i->src), 10);
    NEXT(c, i);
}
#define CMOV_(name, opc, cond) \
    FPU_OP(name, cmov(c, i, opc, cond));
CMOV_(fcmovb, 0xda, cc_cf(c))
CMOV_(fcmove, 0xda, cc_zf(c))
CMOV_(fcmovbe, 0xda, cc_cf(c) || cc_zf(c))
CMOV_(fcmovu, 0xda, cc_pf(c))
CMOV_(fcmovnb, 0xdb, !cc_cf(c))
CMOV_(fcmovne, 0xdb, !cc_zf(c))
CMOV_(fcmovnbe, 0xdb, !cc_cf(c) && !cc_zf(c))
CMOV_(fcmovnu, 0xdb, !cc_pf(c))

static unsigned op_ffree(struct cpu *c, const struct insn *i)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, 0xdd);
    fpu_flags(c, 0, SW_C1);
    c->fpu.valid &= (u8)~(1u << fpu_phys(c, i->src));
    NEXT(c, i);
}
FPU_HSET(ffree);

static unsigned op_ffreep(struct cpu *c, const struct insn *i)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, 0xdf);
    fpu_flags(c, 0, SW_C1);
    c->fpu.valid &= (u8)~(1u << fpu_phys(c, i->src));
    fpu_pop(c);
    NEXT(c, i);
}
FPU_HSET(ffreep);

static unsigned op_fdecstp(struct cpu *c, const struct insn *i)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    fpu_move_top(c, 7);
    fpu_flags(c, 0, SW_C1);
    NEXT(c, i);
}
FPU_HSET(fdecstp);

static unsigned op_fincstp(struct cpu *c, const struct insn *i)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    fpu_move_top(c, 1);
    fpu_flags(c, 0, SW_C1);
    NEXT(c, i);
}
FPU_HSET(fincstp);

static unsigned op_fnop(struct cpu *c, const struct insn *i)
{
    FPU_WAIT(c, i);
    fpu_note(c, i, 0xd9);
    NEXT(c, i);
}
FPU_HSET(fnop);
