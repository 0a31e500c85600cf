/* SPDX-License-Identifier: MIT */
/* struct fpu_ops on the host's x87 unit: each operation is the instruction itself, under the
 * guest's rounding and precision control. The only file with inline assembly for the x87.
 *
 * The host's unit is used by nobody else in this program: between two operations its stack is empty
 * and its control word is 037F. Its exception flags stick, since clearing them takes longer than
 * any arithmetic; see fpu_fn.
 *
 * Unmasked exceptions: the host reports one at the next waiting instruction only, so that FNCLEX
 * behind the operation lets us see the exact unmasked response without a signal. Operands are
 * loaded before the control word, as a load of 80 bits finds no exceptions; FNINIT ends it whatever
 * the operation has left on the stack.
 *
 * Where an operation did not push what the masked path takes away (FPTAN out of range), taking it
 * leaves IE on the host, which costs the next operation a retry, no more. */
#include "cpu/x87_soft.h"

#if NB_HOST_X87

#define X87_CLOBBERS_ \
    "memory", "cc", "st", "st(1)", "st(2)", "st(3)", "st(4)", "st(5)", "st(6)", "st(7)"

/* load, op and take are instructions; drop empties the stack behind a masked operation */
#define X87_OP_(name, load, op, take, drop) \
static u32 name(u16 cw, void *out, const void *a, const void *b) \
{ \
    static const u16 host_cw = 0x037f; \
    u16 before = 0, after; \
\
    if (likely((cw & CW_MASKS) == CW_MASKS)) \
        __asm__ volatile("fnstsw %[before]\n\t" load "fldcw %[cw]\n\t" op "fnstsw %[after]\n\t" \
                         take drop "fldcw %[host]" \
                         : [before] "=m"(before), [after] "=&a"(after) \
                         : [cw] "m"(cw), [host] "m"(host_cw), [out] "r"(out), [a] "r"(a), \
                           [b] "r"(b) : X87_CLOBBERS_); \
    else \
        __asm__ volatile("fnclex\n\t" load "fldcw %[cw]\n\t" op "fnstsw %[after]\n\t" \
                         "fnclex\n\t" take "fninit" \
                         : [after] "=&a"(after) \
                         : [cw] "m"(cw), [out] "r"(out), [a] "r"(a), [b] "r"(b) \
                         : X87_CLOBBERS_); \
    return (u32)before << 16 | after; \
}

#define LOAD_A_ "fldt (%[a])\n\t"
#define LOAD_BA_ "fldt (%[b])\n\tfldt (%[a])\n\t"
#define TAKE_ "fstpt (%[out])\n\t"
#define DROP_ "fstp %%st(0)\n\t"

#define ARITH_(name, insn, iinsn) \
    X87_OP_(name##_st, LOAD_BA_, insn " %%st(1), %%st\n\t", TAKE_, DROP_) \
    X87_OP_(name##_f32, LOAD_A_, insn "s (%[b])\n\t", TAKE_, "") \
    X87_OP_(name##_f64, LOAD_A_, insn "l (%[b])\n\t", TAKE_, "") \
    X87_OP_(name##_i16, LOAD_A_, iinsn "s (%[b])\n\t", TAKE_, "") \
    X87_OP_(name##_i32, LOAD_A_, iinsn "l (%[b])\n\t", TAKE_, "")
ARITH_(add, "fadd", "fiadd")
ARITH_(mul, "fmul", "fimul")
ARITH_(sub, "fsub", "fisub")
ARITH_(subr, "fsubr", "fisubr")
ARITH_(div, "fdiv", "fidiv")
ARITH_(divr, "fdivr", "fidivr")

X87_OP_(com_st, LOAD_BA_, "fcom %%st(1)\n\t", "", DROP_ DROP_)
X87_OP_(com_f32, LOAD_A_, "fcoms (%[b])\n\t", "", DROP_)
X87_OP_(com_f64, LOAD_A_, "fcoml (%[b])\n\t", "", DROP_)
X87_OP_(com_i16, LOAD_A_, "ficoms (%[b])\n\t", "", DROP_)
X87_OP_(com_i32, LOAD_A_, "ficoml (%[b])\n\t", "", DROP_)
X87_OP_(ucom, LOAD_BA_, "fucom %%st(1)\n\t", "", DROP_ DROP_)
X87_OP_(tst, LOAD_A_, "ftst\n\t", "", DROP_)

X87_OP_(load_f32, "", "flds (%[b])\n\t", TAKE_, "")
X87_OP_(load_f64, "", "fldl (%[b])\n\t", TAKE_, "")
X87_OP_(load_i16, "", "filds (%[b])\n\t", TAKE_, "")
X87_OP_(load_i32, "", "fildl (%[b])\n\t", TAKE_, "")
X87_OP_(load_i64, "", "fildll (%[b])\n\t", TAKE_, "")
X87_OP_(load_bcd, "", "fbld (%[b])\n\t", TAKE_, "")
X87_OP_(store_f32, LOAD_A_, "fstps (%[out])\n\t", "", "")
X87_OP_(store_f64, LOAD_A_, "fstpl (%[out])\n\t", "", "")
X87_OP_(store_i16, LOAD_A_, "fistps (%[out])\n\t", "", "")
X87_OP_(store_i32, LOAD_A_, "fistpl (%[out])\n\t", "", "")
X87_OP_(store_i64, LOAD_A_, "fistpll (%[out])\n\t", "", "")
X87_OP_(store_bcd, LOAD_A_, "fbstp (%[out])\n\t", "", "")

X87_OP_(fld1, "", "fld1\n\t", TAKE_, "")
X87_OP_(fldl2t, "", "fldl2t\n\t", TAKE_, "")
X87_OP_(fldl2e, "", "fldl2e\n\t", TAKE_, "")
X87_OP_(fldpi, "", "fldpi\n\t", TAKE_, "")
X87_OP_(fldlg2, "", "fldlg2\n\t", TAKE_, "")
X87_OP_(fldln2, "", "fldln2\n\t", TAKE_, "")
X87_OP_(fldz, "", "fldz\n\t", TAKE_, "")

X87_OP_(fsqrt, LOAD_A_, "fsqrt\n\t", TAKE_, "")
X87_OP_(frndint, LOAD_A_, "frndint\n\t", TAKE_, "")
X87_OP_(f2xm1, LOAD_A_, "f2xm1\n\t", TAKE_, "")
X87_OP_(fsin, LOAD_A_, "fsin\n\t", TAKE_, "")
X87_OP_(fcos, LOAD_A_, "fcos\n\t", TAKE_, "")
X87_OP_(fscale, LOAD_BA_, "fscale\n\t", TAKE_, DROP_)
X87_OP_(fprem, LOAD_BA_, "fprem\n\t", TAKE_, DROP_)
X87_OP_(fprem1, LOAD_BA_, "fprem1\n\t", TAKE_, DROP_)
X87_OP_(fpatan, LOAD_BA_, "fpatan\n\t", TAKE_, "")
X87_OP_(fyl2x, LOAD_BA_, "fyl2x\n\t", TAKE_, "")
X87_OP_(fyl2xp1, LOAD_BA_, "fyl2xp1\n\t", TAKE_, "")

#define TAKE2_ "fstpt 16(%[out])\n\tfstpt (%[out])\n\t"
X87_OP_(fptan, LOAD_A_, "fptan\n\t", TAKE2_, "")
X87_OP_(fsincos, LOAD_A_, "fsincos\n\t", TAKE2_, "")
X87_OP_(fxtract, LOAD_A_, "fxtract\n\t", TAKE2_, "")

static void clear(void)
{
    __asm__ volatile("fninit" : : : X87_CLOBBERS_);
}

#define FIVE_(name) { name##_st, name##_f32, name##_f64, name##_i16, name##_i32 }
#define EXACT_ \
    .arith = { FIVE_(add), FIVE_(mul), FIVE_(com), FIVE_(com), FIVE_(sub), FIVE_(subr), \
               FIVE_(div), FIVE_(divr) }, \
    .load = { NULL, load_f32, load_f64, load_i16, load_i32, load_i64, load_bcd }, \
    .store = { NULL, store_f32, store_f64, store_i16, store_i32, store_i64, store_bcd }, \
    .constant = { fld1, fldl2t, fldl2e, fldpi, fldlg2, fldln2, fldz }, \
    .ucom = ucom, .tst = tst, .sqrt = fsqrt, .rndint = frndint, .scale = fscale, .prem = fprem, \
    .prem1 = fprem1, .xtract = fxtract, .clear = clear

const struct fpu_ops fpu_host_ops = {
    EXACT_, .f2xm1 = f2xm1, .sin = fsin, .cos = fcos, .patan = fpatan, .yl2x = fyl2x,
    .yl2xp1 = fyl2xp1, .ptan = fptan, .sincos = fsincos,
};
const struct fpu_ops fpu_counted_ops = { EXACT_, FPU_SOFT_TRANSCENDENTALS };

#endif
