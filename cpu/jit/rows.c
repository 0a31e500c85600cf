/* SPDX-License-Identifier: MIT */
/* The translation class of each row, by the handlers that it names; of x87, MMX and SSE rows by
 * what the table says of them. */
#include "cpu/jit/rows.h"

#include "core/xalloc.h"
#include "cpu/isa.h"

#define CONDS_(X) \
    X(o, 0) X(no, 1) X(b, 2) X(nb, 3) X(z, 4) X(nz, 5) X(be, 6) X(nbe, 7) X(s, 8) X(ns, 9) \
    X(p, 10) X(np, 11) X(l, 12) X(nl, 13) X(le, 14) X(nle, 15)
#define CLASSES_(X) \
    X(add, T_ALU | 0) X(or, T_ALU | 1) X(adc, T_ALU | 2) X(sbb, T_ALU | 3) X(and, T_ALU | 4) \
    X(sub, T_ALU | 5) X(xor, T_ALU | 6) X(cmp, T_ALU | 7) X(test, T_TEST) \
    X(inc, T_UNARY | 0) X(dec, T_UNARY | 1) X(not, T_UNARY | 2) X(neg, T_UNARY | 3) \
    X(rol, T_SHIFT | 0) X(ror, T_SHIFT | 1) X(shl, T_SHIFT | 4) X(shr, T_SHIFT | 5) \
    X(sar, T_SHIFT | 7) X(rol_cl, T_SHIFT_CL | 0) X(ror_cl, T_SHIFT_CL | 1) \
    X(shl_cl, T_SHIFT_CL | 4) X(shr_cl, T_SHIFT_CL | 5) X(sar_cl, T_SHIFT_CL | 7) \
    X(mul, T_MISC | 8) X(imul, T_MISC | 9) X(imul2, T_MISC | 10) X(imul3, T_MISC | 11) \
    X(shld, T_MISC | 12) X(shrd, T_MISC | 13) X(shld_cl, T_MISC | 14) X(shrd_cl, T_MISC | 15) \
    X(mov, T_MOV) X(movzxb, T_EXTEND | 0) X(movzxw, T_EXTEND | 1) X(movsxb, T_EXTEND | 8) \
    X(movsxw, T_EXTEND | 9) X(lea, T_LEA) X(push, T_PUSH) X(pop, T_POP) \
    X(jmp, T_FLOW | 0) X(call, T_FLOW | 1) X(jmp_ind, T_FLOW | 2) X(call_ind, T_FLOW | 3) \
    X(ret, T_FLOW | 4) X(xchg, T_MISC | 0) X(cbw, T_MISC | 1) X(cwd, T_MISC | 2) \
    X(bswap, T_MISC | 3) X(sahf, T_MISC | 4) X(nop, T_MISC | 6) X(leave, T_MISC | 7)

#define DECLARE_(name, cls) extern const struct hset hs_##name;
CLASSES_(DECLARE_)
#define DECLARE_CC_(id, n) extern const struct hset hs_jcc_##id, hs_setcc_##id, hs_cmovcc_##id;
CONDS_(DECLARE_CC_)

/* ---- x87, MMX, SSE */

static bool named(const struct isa_row *row, const char *list)
{
    size_t n = strlen(row->name);

    for (const char *p = list; (p = strstr(p, row->name)) != NULL; p += n)
        if (p[-1] == ' ' && p[n] == ' ')
            return true;
    return false;
}

static u16 fp_class(const struct isa_row *row)
{
    static const struct { const char *names; u16 cls; } special[] = {
        /* whole states, and stores of selected bytes */
        { " fldenv fnstenv frstor fnsave fninit fxsave fxrstor maskmovq maskmovdqu ", T_HANDLER },
        { " fnstsw fnclex ", T_FP_CONTROL },
        { " fneni fndisi fnsetpm wait ", T_FP_NOTHING },
        { " fldcw ", T_FP_FLDCW },
        { " fnstcw ", T_FP_FNSTCW },
        { " ldmxcsr ", T_FP_LDMXCSR },
        { " stmxcsr ", T_FP_STMXCSR },
        { " fcomi fucomi fcomip fucomip ", T_FP_FCOMI },
        { " comiss ucomiss comisd ucomisd ", T_FP_COMIS },
        { " f2xm1 fyl2x fptan fpatan fyl2xp1 fsincos fsin fcos ", T_FP_FUNCTION },
        { " rcpps rcpss rsqrtps rsqrtss ", T_FP_APPROX },
        { " emms ", T_FP_EMMS },
    };

    if (!(row->attr & (A_FPU | A_WAIT | A_MMX | A_SSE)))
        return named(row, " movnti ") ? T_FP_SIMD : T_HANDLER;
    for (unsigned k = 0; k < ARRAY_LEN(special); k++)
        if (named(row, special[k].names))
            return special[k].cls;
    if (!strncmp(row->name, "fcmov", 5))
        return T_FP_FCMOV;
    return row->attr & A_FPU ? T_FP_X87 : T_FP_SIMD;
}

u16 *jit_rows(void)
{
    static const struct { const struct hset *hs; u8 cls; } known[] = {
#define ENTRY_(name, c) { &hs_##name, c },
        CLASSES_(ENTRY_)
#define ENTRY_CC_(id, n) \
        { &hs_jcc_##id, T_JCC | (n) }, { &hs_setcc_##id, T_SETCC | (n) }, \
        { &hs_cmovcc_##id, T_CMOV | (n) },
        CONDS_(ENTRY_CC_)
    };
    unsigned rows = isa_num_rows();
    u16 *cls = xcalloc(rows, sizeof *cls);

    for (unsigned r = 0; r < rows; r++) {
        cls[r] = fp_class(isa_row(r));
        for (unsigned k = 0; k < ARRAY_LEN(known); k++)
            if (isa_row(r)->hs == known[k].hs)
                cls[r] = known[k].cls;
    }
    return cls;
}

insn_fn *jit_load_handler(unsigned size) { return hs_mov.fn[size >> 1][FORM_RM]; }

insn_fn *jit_push_handler(void) { return hs_push.fn[2][FORM_R]; }
