/* SPDX-License-Identifier: MIT */
/* x87: bits, the register stack, and the interface behind which the arithmetic sits. Private to
 * cpu/. SDM 1 chapter 8. */
#ifndef NB_CPU_X87_H
#define NB_CPU_X87_H

#include "cpu/insn.h"
#include "cpu/isa.h"

enum {
    SW_IE = 1, SW_DE = 2, SW_ZE = 4, SW_OE = 8, SW_UE = 16, SW_PE = 32, SW_SF = 64, SW_ES = 128,
    SW_C0 = 0x100, SW_C1 = 0x200, SW_C2 = 0x400, SW_TOP = 0x3800, SW_C3 = 0x4000, SW_B = 0x8000,
    SW_EXC = 0x3f,
    SW_CC = SW_C0 | SW_C1 | SW_C2 | SW_C3,
    /* found before the operation: unmasked, they leave everything as it was (SDM 1, 8.7) */
    SW_PRE = SW_IE | SW_DE | SW_ZE,
    /* unmasked, they keep a store from reaching memory */
    SW_NOSTORE = SW_PRE | SW_OE | SW_UE,
};
enum {
    CW_MASKS = 0x3f, CW_PC = 0x300, CW_RC = 0xc00,
    CW_X = 0x1000, /* infinity control of the 287: kept, means nothing, slows a host down */
    CW_WRITABLE = 0x1f3f, CW_ONES = 0x40,
};

/* ---- arithmetic
 * One operation under control word cw, on 10-byte images (or memory operands) a and b; the result
 * goes to out, which may be a or b. Returns the status word behind it in 15:0 (exceptions,
 * condition codes) and the exception flags that were already set before it in 31:16: an
 * implementation whose flags stick need not clear them each time (clearing takes the host 80 ns,
 * an addition 10); with an unmasked exception in cw it starts and ends with clear flags. Where an
 * unmasked exception keeps the operation from giving a result, out is undefined. Condition codes
 * that an instruction leaves alone are undefined, too. Stack faults are the caller's. */
typedef u32 fpu_fn(u16 cw, void *out, const void *a, const void *b);

enum fpu_type { FT_ST, FT_F32, FT_F64, FT_I16, FT_I32, FT_I64, FT_BCD, FT_NUM };
enum fpu_arith { /* reg field of D8, DA, DC, DE */
    FA_ADD, FA_MUL, FA_COM, FA_COMP, FA_SUB, FA_SUBR, FA_DIV, FA_DIVR, FA_NUM
};

struct fpu_ops {
    fpu_fn *arith[FA_NUM][FT_I64];      /* a = ST or destination, b = other operand */
    fpu_fn *load[FT_NUM];               /* b in memory -> out */
    fpu_fn *store[FT_NUM];              /* a -> out in memory format */
    fpu_fn *constant[7];                /* FLD1, L2T, L2E, PI, LG2, LN2, Z */
    fpu_fn *ucom, *tst;
    fpu_fn *sqrt, *rndint, *f2xm1, *sin, *cos;                  /* of a */
    fpu_fn *scale, *prem, *prem1, *patan, *yl2x, *yl2xp1;       /* a = ST(0), b = ST(1) */
    fpu_fn *ptan, *sincos, *xtract;     /* of a; out = ST(1), out + 16 = what is pushed */
    void (*clear)(void);                /* forgets flags that stuck */
};
/* Hosts with an x87; -DNB_NO_HOST_X87 builds as the others do. */
#if (defined(__x86_64__) || defined(__i386__)) && !defined(NB_NO_HOST_X87)
#define NB_HOST_X87 1
extern const struct fpu_ops fpu_host_ops;    /* x87_host.c */
extern const struct fpu_ops fpu_counted_ops; /* the same, with the functions of x87_soft.c where one
                                                host's results differ from another's */
#else
#define NB_HOST_X87 0
#endif
extern const struct fpu_ops fpu_soft_ops; /* x87_soft.c */

NB_INLINE const struct fpu_ops *fpu_ops(const struct cpu *c)
{
#if NB_HOST_X87
    if (likely(!c->soft_fpu))
        return c->counted ? &fpu_counted_ops : &fpu_host_ops;
#else
    (void)c;
#endif
    return &fpu_soft_ops;
}

NB_COLD u16 fpu_run_exact(struct cpu *c, fpu_fn *fn, void *out, const void *a, const void *b);
NB_COLD u16 fpu_run_on_exact(struct cpu *c, fpu_fn *fn, u8 *a, const u8 *was, const void *b);

NB_INLINE bool fpu_try_again(const struct cpu *c, u32 r)
{
    return ((r >> 16 & ~(u32)c->fpu.sw) | ((r | SW_UE) & ~(u32)c->fpu.cw)) & SW_EXC;
}

/* Runs it as the guest's control word says. Flags of the result may be those the guest's status
 * word has already, too, but only as long as none of them is unmasked. It is tried with all
 * exceptions masked first; only a masked underflow that is exact would leave no trace. */
NB_INLINE u16 fpu_run(struct cpu *c, fpu_fn *fn, void *out, const void *a, const void *b)
{
    u32 r = fn((c->fpu.cw & ~CW_X) | CW_MASKS, out, a, b);

    if (unlikely(fpu_try_again(c, r)))
        return fpu_run_exact(c, fn, out, a, b);
    return (u16)r;
}

/* The same in place, on a register; an exception that keeps the operand leaves it as it was. */
NB_INLINE u16 fpu_run_on(struct cpu *c, fpu_fn *fn, u8 *a, const void *b)
{
    u8 was[10];

    memcpy(was, a, 10);
    u32 r = fn((c->fpu.cw & ~CW_X) | CW_MASKS, a, a, b);
    if (unlikely(fpu_try_again(c, r)))
        return fpu_run_on_exact(c, fn, a, was, b);
    return (u16)r;
}

/* Whether one of `which` was found and is not masked. */
NB_INLINE bool fpu_trapped(const struct cpu *c, u16 flags, u16 which)
{
    return flags & ~c->fpu.cw & which;
}

/* ---- status word */

/* ES and B from flags and masks; drives FERR#. */
void fpu_summarise(struct cpu *c);
/* SW.ES or CR0.NE may have changed: drives FERR#. */
void fpu_error_changed(struct cpu *c);

/* Records exceptions, and those condition codes that are in cc. */
NB_INLINE void fpu_flags(struct cpu *c, u16 r, u16 cc)
{
    u16 sw = (u16)((c->fpu.sw & ~cc) | (r & (cc | SW_EXC)));

    c->fpu.sw = sw;
    if (unlikely(sw & ~c->fpu.cw & SW_EXC))
        fpu_summarise(c);
}

/* #IS, with C1 for overflow. Returns whether it is masked. */
NB_COLD bool fpu_stack_fault(struct cpu *c, bool overflow);

/* ---- register stack */
extern const u8 fpu_indefinite[10];

NB_INLINE unsigned fpu_top(const struct cpu *c)
{
    return (c->fpu.sw >> 11) & 7;
}
NB_INLINE unsigned fpu_phys(const struct cpu *c, unsigned sti)
{
    return (fpu_top(c) + sti) & 7;
}
NB_INLINE u8 *fpu_st(struct cpu *c, unsigned sti)
{
    return c->fpu.reg[fpu_phys(c, sti)];
}
NB_INLINE bool fpu_empty(const struct cpu *c, unsigned sti)
{
    return !(c->fpu.valid >> fpu_phys(c, sti) & 1);
}
NB_INLINE void fpu_put(struct cpu *c, unsigned sti, const void *v)
{
    unsigned n = fpu_phys(c, sti);

    memcpy(c->fpu.reg[n], v, 10);
    c->fpu.valid |= (u8)(1u << n);
}
NB_INLINE void fpu_move_top(struct cpu *c, unsigned by)
{
    c->fpu.sw = (u16)((c->fpu.sw & ~SW_TOP) | ((c->fpu.sw + (by << 11)) & SW_TOP));
}
NB_INLINE void fpu_pop(struct cpu *c)
{
    c->fpu.valid &= (u8)~(1u << fpu_top(c));
    fpu_move_top(c, 1);
}
NB_INLINE void fpu_push(struct cpu *c, const void *v)
{
    fpu_move_top(c, 7);
    fpu_put(c, 0, v);
}
NB_INLINE unsigned fpu_exp(const u8 *r)
{
    return r[8] | (r[9] & 0x7fu) << 8;
}
NB_INLINE u64 fpu_sig(const u8 *r)
{
    u64 v;

    memcpy(&v, r, 8);
    return v;
}

/* ---- handlers' beginnings and ends */

/* A waiting instruction meets SW.ES. RUN_NEXT: go on; else what the handler returns. */
NB_COLD unsigned fpu_pending(struct cpu *c, const struct insn *i);

#define FPU_WAIT(c, i) \
    do { \
        if (unlikely((c)->fpu.sw & SW_ES)) { \
            unsigned how_ = fpu_pending(c, i); \
            if (how_ != RUN_NEXT) \
                return how_; \
        } \
    } while (0)

/* One handler and its set. */
#define FPU_HSET(name) const struct hset hs_##name = HSET_ONE(op_##name)
#define FPU_OP(name, call) \
    static unsigned op_##name(struct cpu *c, const struct insn *i) \
    { \
        return call; \
    } \
    FPU_HSET(name)

/* Last instruction's pointers (SDM 1, 8.1.8), as the P6 keeps them: of every instruction but the
 * control instructions, whether it found an exception or not. The data pointer stays where there is
 * no memory operand. */
NB_INLINE void fpu_note(struct cpu *c, const struct insn *i, unsigned opcode)
{
    c->cur = i; /* an exception found here may raise FERR#, and with it an interrupt */
    c->fpu.fip = c->blk_eip + i->ofs;
    c->fpu.fcs = c->seg[S_CS].sel;
    c->fpu.fop = (u16)((opcode & 7) << 8 | i->modrm);
}
NB_INLINE void fpu_note_mem(struct cpu *c, const struct insn *i, unsigned opcode, u32 ea)
{
    fpu_note(c, i, opcode);
    c->fpu.fdp = ea;
    c->fpu.fds = c->seg[i->seg].sel;
}

#endif
