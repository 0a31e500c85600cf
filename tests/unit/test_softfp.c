/* SPDX-License-Identifier: MIT */
/* The portable single and double precision (cpu/softfp_sse.c) against the host's SSE unit: every
 * operation over pairs of edge values and random ones, under every rounding, with and without
 * DAZ and FTZ, with masked and unmasked exceptions; bits and flags. On other hosts, and here too,
 * against a table of vectors that an SSE unit gave.
 * SOFTFP_CASES in the environment is the number of random cases for each operation. */
#include <check.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "cpu/softfp.h"

Suite *suite_softfp(void);

/* ---- operations by number, operands and results as 64 bits */

enum op {
    O_ADD, O_SUB, O_MUL, O_DIV, O_SQRT, O_COMI, O_UCOMI, O_CVT, O_I32, O_I64, O_TI32, O_TI64,
    O_FI32, O_FI64, O_NUM
};
static const char *const op_names[] = {
    "add", "sub", "mul", "div", "sqrt", "comi", "ucomi", "cvt", "toi32", "toi64", "ttoi32",
    "ttoi64", "fromi32", "fromi64"
};

static u64 soft32(struct sf *s, enum op op, u32 a, u32 b, u64 ia)
{
    enum sf_rounding rc = (enum sf_rounding)s->rc;

    switch (op) {
    case O_ADD: return f32_add(s, a, b);
    case O_SUB: return f32_sub(s, a, b);
    case O_MUL: return f32_mul(s, a, b);
    case O_DIV: return f32_div(s, a, b);
    case O_SQRT: return f32_sqrt(s, a);
    case O_COMI: return f32_compare(s, a, b, false);
    case O_UCOMI: return f32_compare(s, a, b, true);
    case O_CVT: return f32_to_f64(s, a);
    case O_I32: return (u32)f32_to_i32(s, a, rc);
    case O_I64: return (u64)f32_to_i64(s, a, rc);
    case O_TI32: return (u32)f32_to_i32(s, a, SF_ZERO);
    case O_TI64: return (u64)f32_to_i64(s, a, SF_ZERO);
    case O_FI32: return f32_from_i32(s, (i32)ia);
    default: return f32_from_i64(s, (i64)ia);
    }
}

static u64 soft64(struct sf *s, enum op op, u64 a, u64 b, u64 ia)
{
    enum sf_rounding rc = (enum sf_rounding)s->rc;

    switch (op) {
    case O_ADD: return f64_add(s, a, b);
    case O_SUB: return f64_sub(s, a, b);
    case O_MUL: return f64_mul(s, a, b);
    case O_DIV: return f64_div(s, a, b);
    case O_SQRT: return f64_sqrt(s, a);
    case O_COMI: return f64_compare(s, a, b, false);
    case O_UCOMI: return f64_compare(s, a, b, true);
    case O_CVT: return f64_to_f32(s, a);
    case O_I32: return (u32)f64_to_i32(s, a, rc);
    case O_I64: return (u64)f64_to_i64(s, a, rc);
    case O_TI32: return (u32)f64_to_i32(s, a, SF_ZERO);
    case O_TI64: return (u64)f64_to_i64(s, a, SF_ZERO);
    case O_FI32: return f64_from_i32(s, (i32)ia);
    default: return f64_from_i64(s, (i64)ia);
    }
}

static u64 soft(u32 mxcsr, bool wide, enum op op, u64 a, u64 b, u64 ia, u32 *flags)
{
    struct sf s = sf_of_mxcsr(mxcsr);
    u64 r = wide ? soft64(&s, op, a, b, ia) : soft32(&s, op, (u32)a, (u32)b, ia);

    *flags = s.flags;
    return r;
}

#include "tests/unit/softfp_vectors.h"

START_TEST(recorded)
{
    for (unsigned k = 0; k < ARRAY_LEN(vectors); k++) {
        const struct vector *v = &vectors[k];
        u32 flags;
        u64 r = soft(v->mxcsr, v->wide, (enum op)v->op, v->a, v->b, v->a, &flags);
        ck_assert_msg(r == v->result && flags == v->flags, "%s of row %u: %016llx flags %02x",
                      op_names[v->op], k, (unsigned long long)r, flags);
    }
}
END_TEST

/* ---- operands */

#if defined(__x86_64__)

static const u32 edge32[] = {
    0, 1, 2, 0x00400000, 0x007fffff, 0x00800000, 0x00800001, 0x00ffffff, 0x01000000, 0x33800000,
    0x34000000, 0x3effffff, 0x3f000000, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x3fc00000, 0x40000000,
    0x40400000, 0x40490fdb, 0x4b000000, 0x4b000001, 0x4b7fffff, 0x4effffff, 0x4f000000, 0x5effffff,
    0x5f000000, 0x7e800000, 0x7f000000, 0x7f7fffff, 0x7f800000, 0x7f800001, 0x7fbfffff, 0x7fc00000,
    0x7fffffff, 0x1f800000, 0x20000000, 0x5f7fffff,
};
static const u64 edge64[] = {
    0, 1, 2, 0x0008000000000000, 0x000fffffffffffff, 0x0010000000000000, 0x0010000000000001,
    0x001fffffffffffff, 0x0020000000000000, 0x3ca0000000000000, 0x3cb0000000000000,
    0x3fdfffffffffffff, 0x3fe0000000000000, 0x3fefffffffffffff, 0x3ff0000000000000,
    0x3ff0000000000001, 0x3ff8000000000000, 0x4000000000000000, 0x4008000000000000,
    0x400921fb54442d18, 0x41dfffffffc00000, 0x41dfffffffe00000, 0x41e0000000000000,
    0x41e0000000200000, 0x43dfffffffffffff, 0x43e0000000000000, 0x4340000000000000,
    0x4330000000000001, 0x7fd0000000000000, 0x7fe0000000000000, 0x7fefffffffffffff,
    0x7ff0000000000000, 0x7ff0000000000001, 0x7ff7ffffffffffff, 0x7ff8000000000000,
    0x7fffffffffffffff, 0x1ff0000000000000, 0x47efffffe0000000, 0x47efffffefffffff,
    0x47effffff0000000, 0x380fffffffffffff, 0x380fffffe0000000, 0x3810000000000000,
    0x369fffffffffffff, 0x36a0000000000000, 0x3690000000000000, 0x3690000000000001,
};
static const u64 edge_int[] = {
    0, 1, 2, 0x00ffffff, 0x01000000, 0x01000001, 0x01000003, 0x7fffffff, 0x7fffff80, 0x7fffffbf,
    0x7fffffc0, 0x80000000, 0xffffffff, 0x001fffffffffffff, 0x0020000000000001, 0x0020000000000003,
    0x7fffffffffffffff, 0x7ffffffffffffc00, 0x7ffffffffffffdff, 0x7ffffffffffffe00,
    0x8000000000000000, 0x8000000000000001, 0xffffff7fffffffff,
};

static u64 rng = 0x9e3779b97f4a7c15;
static u64 rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static u64 any(bool wide)
{
    unsigned frac = wide ? 52 : 23, how = rnd() % 8;
    u64 v = rnd(), top = wide ? BIT64(63) : BIT64(31), ones = wide ? 0x7ff : 0xff;

    switch (how) {
    case 0: break;
    case 1: case 2: /* an edge, or its neighbour */
        v = wide ? edge64[v % ARRAY_LEN(edge64)] : edge32[v % ARRAY_LEN(edge32)];
        v += how == 1 ? rnd() % 5 - 2 : 0;
        v ^= rnd() & top;
        break;
    case 3: /* around one */
        v = (v & (top | (BIT64(frac) - 1))) | (ones / 2 - 30 + rnd() % 60) << frac;
        break;
    case 4: /* few bits */
        v &= ~0ull << rnd() % frac;
        break;
    case 5: /* small, denormal */
        v = (v & top) | (v & (BIT64(frac + rnd() % 6) - 1)) >> rnd() % frac;
        break;
    case 6: /* around the format's middle: products and quotients at its ends */
        v = (v & (top | (BIT64(frac) - 1))) | ((rnd() & 1 ? ones / 4 : ones * 3 / 4) - 12 +
                                              rnd() % 26) << frac;
        break;
    default: /* a long row of ones */
        v = (v & ~(BIT64(frac) - 1)) | (BIT64(frac) - 1) << rnd() % frac >> rnd() % 3;
        break;
    }
    return wide ? v : (u32)v;
}

static u32 any_mxcsr(void)
{
    u32 v = (u32)rnd() & 0xe040;

    return v | (rnd() % 3 ? 0x1f80 : (u32)rnd() & 0x1f80);
}

/* ---- the host's unit */

static sigjmp_buf trap_out;
static volatile u32 trap_flags;

static void on_fpe(int sig, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;

    (void)sig;
    (void)info;
    trap_flags = uc->uc_mcontext.fpregs->mxcsr & SF_ALL;
    siglongjmp(trap_out, 1);
}

#define BIN_(insn) \
    __asm__ volatile("ldmxcsr %[m]\n\t" insn " %[b], %[x]\n\tstmxcsr %[after]\n\tldmxcsr %[std]" \
                     : [x] "+x"(xa), [after] "=m"(after) \
                     : [b] "x"(xb), [m] "m"(mxcsr), [std] "m"(std_mxcsr) : "memory")
#define UN_(insn) \
    __asm__ volatile("ldmxcsr %[m]\n\t" insn " %[b], %[x]\n\tstmxcsr %[after]\n\tldmxcsr %[std]" \
                     : [x] "+x"(xa), [after] "=m"(after) \
                     : [b] "x"(xa), [m] "m"(mxcsr), [std] "m"(std_mxcsr) : "memory")
#define COM_(insn) \
    __asm__ volatile("ldmxcsr %[m]\n\t" insn " %[b], %[a]\n\tpushfq\n\tpopq %[r]\n\t" \
                     "stmxcsr %[after]\n\tldmxcsr %[std]" \
                     : [r] "=r"(r), [after] "=m"(after) \
                     : [a] "x"(xa), [b] "x"(xb), [m] "m"(mxcsr), [std] "m"(std_mxcsr) \
                     : "memory", "cc")
#define TOI_(insn, reg) \
    __asm__ volatile("ldmxcsr %[m]\n\t" insn " %[a], %" reg "[r]\n\tstmxcsr %[after]\n\t" \
                     "ldmxcsr %[std]" : [r] "=r"(r), [after] "=m"(after) \
                     : [a] "x"(xa), [m] "m"(mxcsr), [std] "m"(std_mxcsr) : "memory")
#define FROMI_(insn, reg) \
    __asm__ volatile("ldmxcsr %[m]\n\t" insn " %" reg "[i], %[x]\n\tstmxcsr %[after]\n\t" \
                     "ldmxcsr %[std]" : [x] "+x"(xa), [after] "=m"(after) \
                     : [i] "r"(ia), [m] "m"(mxcsr), [std] "m"(std_mxcsr) : "memory")
#define BOTH_(how, name) do { if (wide) how(name "sd"); else how(name "ss"); } while (0)

static enum sf_order order_of(u64 fl)
{
    return fl & 4 ? SF_UNORDERED : fl & 1 ? SF_LESS : fl & 64 ? SF_EQUAL : SF_GREATER;
}

static NB_NOINLINE void host_run(u32 mxcsr, bool wide, enum op op, u64 a, u64 b, u64 ia,
                                 u32 *flags, u64 *result)
{
    typedef u64 vec __attribute__((vector_size(16)));
    static const u32 std_mxcsr = 0x1f80;
    u32 after = 0;
    vec xa = { a }, xb = { b };
    u64 r = 0;

    switch (op) {
    case O_ADD: BOTH_(BIN_, "add"); break;
    case O_SUB: BOTH_(BIN_, "sub"); break;
    case O_MUL: BOTH_(BIN_, "mul"); break;
    case O_DIV: BOTH_(BIN_, "div"); break;
    case O_SQRT: BOTH_(UN_, "sqrt"); break;
    case O_COMI: BOTH_(COM_, "comi"); *result = order_of(r); break;
    case O_UCOMI: BOTH_(COM_, "ucomi"); *result = order_of(r); break;
    case O_CVT:
        if (wide)
            UN_("cvtsd2ss");
        else
            UN_("cvtss2sd");
        wide = !wide;
        break;
    case O_I32: if (wide) TOI_("cvtsd2si", "k"); else TOI_("cvtss2si", "k"); break;
    case O_I64: if (wide) TOI_("cvtsd2si", "q"); else TOI_("cvtss2si", "q"); break;
    case O_TI32: if (wide) TOI_("cvttsd2si", "k"); else TOI_("cvttss2si", "k"); break;
    case O_TI64: if (wide) TOI_("cvttsd2si", "q"); else TOI_("cvttss2si", "q"); break;
    case O_FI32: if (wide) FROMI_("cvtsi2sdl", "k"); else FROMI_("cvtsi2ssl", "k"); break;
    default: if (wide) FROMI_("cvtsi2sdq", "q"); else FROMI_("cvtsi2ssq", "q"); break;
    }
    *flags = after & SF_ALL;
    if (op == O_I32 || op == O_TI32)
        *result = (u32)r;
    else if (op == O_I64 || op == O_TI64)
        *result = r;
    else if (op != O_COMI && op != O_UCOMI)
        *result = wide ? xa[0] : (u32)xa[0];
}

/* Returns false where it trapped; flags are exact in both cases. */
static bool host(u32 mxcsr, bool wide, enum op op, u64 a, u64 b, u64 ia, u32 *flags, u64 *result)
{
    if (sigsetjmp(trap_out, 1)) {
        *flags = trap_flags;
        return false;
    }
    host_run(mxcsr, wide, op, a, b, ia, flags, result);
    return true;
}

static unsigned compare(u32 mxcsr, bool wide, enum op op, u64 a, u64 b, u64 ia)
{
    u32 flags, want_flags;
    u64 r = soft(mxcsr, wide, op, a, b, ia, &flags), want = r;
    bool done = host(mxcsr & 0xffc0, wide, op, a, b, ia, &want_flags, &want);

    if (flags == want_flags && (!done || r == want))
        return 0;
    printf("%s %s mxcsr %04x a %016llx b %016llx i %016llx: %016llx flags %02x, host %s%016llx "
           "flags %02x\n", wide ? "f64" : "f32", op_names[op], mxcsr, (unsigned long long)a,
           (unsigned long long)b, (unsigned long long)ia, (unsigned long long)r, flags,
           done ? "" : "trapped ", (unsigned long long)want, want_flags);
    return 1;
}

START_TEST(as_the_host)
{
    bool wide = _i & 1;
    enum op op = (enum op)(_i >> 1);
    const char *env = getenv("SOFTFP_CASES");
    unsigned cases = env ? (unsigned)atoi(env) : 60000, bad = 0;
    unsigned n = 2 * (wide ? ARRAY_LEN(edge64) : ARRAY_LEN(edge32));
    struct sigaction sa = { .sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO };

    sigaction(SIGFPE, &sa, NULL);
    for (u32 how = 0; how < 16; how++) { /* roundings, DAZ, FTZ */
        u32 mxcsr = 0x1f80 | (how & 3) << 13 | (how >> 2 & 1) << 6 | (how >> 3) << 15;
        for (unsigned k = 0; k < n * n && bad < 5; k++) {
            u64 a = k / n, b = k % n, top = wide ? BIT64(63) : BIT64(31);
            u64 ia = edge_int[k % ARRAY_LEN(edge_int)];
            a = (wide ? edge64[a / 2] : edge32[a / 2]) ^ (a & 1 ? top : 0);
            b = (wide ? edge64[b / 2] : edge32[b / 2]) ^ (b & 1 ? top : 0);
            bad += compare(mxcsr, wide, op, a, b, k & 64 ? 0 - ia : ia);
        }
    }
    for (unsigned k = 0; k < cases && bad < 5; k++)
        bad += compare(any_mxcsr(), wide, op, any(wide), any(wide), rnd() >> rnd() % 64);
    ck_assert_uint_eq(bad, 0);
}
END_TEST

#endif

Suite *suite_softfp(void)
{
    Suite *s = suite_create("softfp");
    TCase *t = tcase_create("softfp");

    tcase_add_test(t, recorded);
#if defined(__x86_64__)
    tcase_set_timeout(t, 120);
    tcase_add_loop_test(t, as_the_host, 0, 2 * O_NUM);
#endif
    suite_add_tcase(s, t);
    return s;
}
