/* SPDX-License-Identifier: MIT */
/* Floating point of SSE to SSE3: the portable routines against the host's unit, and the three ways
 * of op_sse_fp.c to a result against each other, over edge values, roundings, DAZ, FTZ and masks.
 * The host's flags with exceptions that are not masked are those that its SIGFPE handler sees.
 * SSEFP_CASES in the environment is the number of cases for each operation. */
#define _GNU_SOURCE
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <ucontext.h>

#include "cpu/sse.h"
#include "tests/unit/cpu_rig.h"

Suite *suite_ssefp(void);

static u64 rng = 0x9e3779b97f4a7c15;
static u64 rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static unsigned num_cases(unsigned usual)
{
    const char *s = getenv("SSEFP_CASES");

    return s ? (unsigned)strtoul(s, NULL, 0) : usual;
}

/* ---- operands */

static const u32 edges32[] = {
    0, 1, 2, 0x003fffff, 0x00400000, 0x007fffff, 0x00800000, 0x00800001, 0x00ffffff, 0x01000000,
    0x1fffffff, 0x20000000, 0x33800000, 0x34000000, 0x3effffff, 0x3f000000, 0x3f000001, 0x3f7fffff,
    0x3f800000, 0x3f800001, 0x3fc00000, 0x40000000, 0x40200000, 0x4b000001, 0x4b7fffff, 0x4effffff,
    0x4f000000, 0x4f000001, 0x5f000000, 0x5f800000, 0x7e800000, 0x7f000000, 0x7f7fffff, 0x7f800000,
    0x7f800001, 0x7fbfffff, 0x7fc00000, 0x7fc01234, 0x7fffffff,
};
static const u64 edges64[] = {
    0, 1, 2, 0x0007ffffffffffff, 0x0008000000000000, 0x000fffffffffffff, 0x0010000000000000,
    0x0010000000000001, 0x001fffffffffffff, 0x0020000000000000, 0x1ff0000000000000,
    0x2000000000000000, 0x3690000000000000, 0x36a0000000000000, 0x380fffffffffffff,
    0x3810000000000000, 0x380fffffe0000000, 0x380fffffefffffff, 0x380ffffff0000000,
    0x380fffffffffffff, 0x3ca0000000000000, 0x3cb0000000000000, 0x3fdfffffffffffff,
    0x3fe0000000000000, 0x3fe0000000000001, 0x3fefffffffffffff, 0x3ff0000000000000,
    0x3ff0000000000001, 0x3ff8000000000000, 0x4000000000000000, 0x4004000000000000,
    0x41dfffffffc00000, 0x41dfffffffdfffff, 0x41dfffffffe00000, 0x41dfffffffffffff,
    0x41e0000000000000, 0x41e0000000100000, 0x41e0000000200000, 0x4330000000000001,
    0x47efffffe0000000, 0x47efffffefffffff, 0x47effffff0000000, 0x47f0000000000000,
    0x5ff0000000000000, 0x7fe0000000000000, 0x7fefffffffffffff, 0x7ff0000000000000,
    0x7ff0000000000001, 0x7ff7ffffffffffff, 0x7ff8000000000000, 0x7ff8000000001234,
    0x7ff8000000000000 | 0x1fffffff, 0x7fffffffffffffff,
};

static u32 any32(void)
{
    u32 v = edges32[rnd() % ARRAY_LEN(edges32)] | (u32)(rnd() & 0x80000000);

    switch (rnd() % 8) {
    case 0: return (u32)rnd();
    case 1: return v + (u32)(rnd() % 5) - 2;
    case 2: return (u32)((95 + rnd() % 64) << 23 | (rnd() & 0x807fffff));
    case 3: return (u32)(rnd() & 0x807fffff);
    default: return v;
    }
}
static u64 any64(void)
{
    u64 v = edges64[rnd() % ARRAY_LEN(edges64)] | (rnd() & 0x8000000000000000);

    switch (rnd() % 8) {
    case 0: return rnd();
    case 1: return v + rnd() % 5 - 2;
    case 2: return (0x3ff0000000000000 + ((rnd() % 128) << 52) - (64ull << 52)) |
                   (rnd() & 0x800fffffffffffff);
    case 3: return rnd() & 0x800fffffffffffff;
    default: return v;
    }
}
/* mostly usual lanes, or no packed operation would ever get by without an exception */
static void any_xmm(union xmm *v, bool wide)
{
    bool tame = rnd() % 2;

    if (wide)
        for (unsigned n = 0; n < 2; n++)
            v->q[n] = tame && rnd() % 4 ? 0x3ff0000000000000 | (rnd() >> 12) : any64();
    else
        for (unsigned n = 0; n < 4; n++)
            v->d[n] = tame && rnd() % 4 ? 0x3f800000 | (u32)(rnd() >> 41) : any32();
}
static u32 any_mxcsr(void)
{
    u32 v = (u32)rnd() & (MXCSR_RC | MXCSR_DAZ | MXCSR_FZ);

    if (rnd() % 3 == 0)
        v = 0;
    return v | (rnd() % 2 ? (u32)MXCSR_MASKS : (u32)rnd() & MXCSR_MASKS);
}

static const struct { const char *name; u8 size; } ops[SSE_NUM] = {
#define X_(name, size) { #name, size },
    SSE_OPS(X_)
#undef X_
};

static bool is_wide(unsigned op)
{
    const char *n = ops[op].name;

    if (!strncmp(n, "cvt", 3)) { /* what it is from */
        n += n[3] == 't' ? 4 : 3;
        return n[1] == 'd' && n[0] != 's' ? true : !strncmp(n, "sd2", 3);
    }
    return strstr(n, "pd") || strstr(n, "sd");
}

/* ---- portable against host */

#if SSE_HAVE_HOST && defined(__linux__) && defined(__x86_64__)

static volatile int trapped;
static volatile u32 trap_mxcsr;

/* Notes what the exception left, and has the instruction run again with all masked. */
static void on_fpe(int sig, siginfo_t *si, void *context)
{
    ucontext_t *uc = context;

    (void)sig;
    (void)si;
    trapped++;
    trap_mxcsr = uc->uc_mcontext.fpregs->mxcsr;
    uc->uc_mcontext.fpregs->mxcsr |= MXCSR_MASKS;
}

START_TEST(portable_is_host)
{
    unsigned op = (unsigned)_i, bad = 0, n = num_cases(4000);
    struct sigaction sa = { .sa_sigaction = on_fpe, .sa_flags = SA_SIGINFO };

    ck_assert_int_eq(sigaction(SIGFPE, &sa, NULL), 0);
    for (unsigned k = 0; k < n; k++) {
        union xmm a, b, h = { { 0 } }, s = { { 0 } };
        u32 mxcsr = any_mxcsr(), hf, sf;
        bool traps;

        if (op == SSE_addsubps || op == SSE_addsubpd)
            mxcsr |= MXCSR_MASKS; /* two instructions there, which trap one after the other */
        any_xmm(&a, is_wide(op));
        any_xmm(&b, is_wide(op));
        trapped = 0;
        hf = sse_host[op](mxcsr, &h, &a, &b) & MXCSR_EXC;
        if (trapped)
            hf = trap_mxcsr & MXCSR_EXC;
        sf = sse_soft[op](mxcsr, &s, &a, &b);
        traps = sf & ~(mxcsr >> 7);
        if (sf == hf && traps == (trapped != 0) && (traps || !memcmp(&h, &s, ops[op].size)))
            continue;
        if (bad++ < 3)
            printf("%s mxcsr=%04x a=%016llx:%016llx b=%016llx:%016llx\n"
                   "  host %016llx:%016llx %02x%s, ours %016llx:%016llx %02x%s\n",
                   ops[op].name, mxcsr, (unsigned long long)a.q[1], (unsigned long long)a.q[0],
                   (unsigned long long)b.q[1], (unsigned long long)b.q[0],
                   (unsigned long long)h.q[1], (unsigned long long)h.q[0], hf,
                   trapped ? " trap" : "", (unsigned long long)s.q[1], (unsigned long long)s.q[0],
                   sf, traps ? " trap" : "");
    }
    ck_assert_msg(!bad, "%s: %u of %u cases differ", ops[op].name, bad, n);
}
END_TEST

/* Flags of the operation before must not get into an operation's, whatever way it goes. */
START_TEST(flags_that_stick_are_left_out)
{
    static const u32 one = 0x3f800000, two = 0x40000000, three = 0x40400000, zero;
    u32 out;

    sse_host[SSE_divss](SSE_STICK, &out, &one, &zero);
    ck_assert_uint_eq(sse_host[SSE_divss](SSE_STICK, &out, &one, &two) & MXCSR_EXC, MXCSR_ZE);
    ck_assert_uint_eq(sse_host[SSE_divss](MXCSR_MASKS, &out, &one, &two) & MXCSR_EXC, 0);
    ck_assert_uint_eq(sse_host[SSE_divss](SSE_STICK, &out, &one, &three) & MXCSR_EXC, MXCSR_PE);
    ck_assert_uint_eq(sse_host[SSE_divss](MXCSR_MASKS | 2 << 13, &out, &one, &three) & MXCSR_EXC,
                      MXCSR_PE);
    ck_assert_uint_eq(out, 0x3eaaaaab); /* up */
    sse_host[SSE_divss](SSE_STICK, &out, &one, &three);
    ck_assert_uint_eq(out, 0x3eaaaaab); /* nearest again */
    sse_host[SSE_divss](MXCSR_MASKS | 1 << 13, &out, &one, &three);
    ck_assert_uint_eq(out, 0x3eaaaaaa);
    ck_assert_uint_eq(__builtin_ia32_stmxcsr() & ~(u32)MXCSR_EXC, MXCSR_MASKS);
}
END_TEST
#endif

/* ---- instructions: every way gives the same state */

enum { OPERAND_AT = 0x40000 };

static struct rig *sse_rig(void)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_CR4, CR4_OSFXSR | CR4_OSXMMEXCPT);
    return r;
}

/* Runs `code` at CODE_AT; returns the vector it raised, or -1. */
static int run_at(struct rig *r, const u8 *code, unsigned len)
{
    poke(r, CODE_AT, code, len);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    cpu_set(r->c, CPU_ESP, SP0);
    ck_assert_int_eq(cpu_step(r->c), CPU_BUDGET);
    return frame_seen(r).vec;
}

static const struct { u8 prefix, opcode; bool wide; const char *name; } insns[] = {
#define FOUR_(op, name) \
    { 0, op, false, name "ps" }, { 0x66, op, true, name "pd" }, { 0xf3, op, false, name "ss" }, \
    { 0xf2, op, true, name "sd" }
    FOUR_(0x51, "sqrt"), FOUR_(0x58, "add"), FOUR_(0x59, "mul"), FOUR_(0x5c, "sub"),
    FOUR_(0x5d, "min"), FOUR_(0x5e, "div"), FOUR_(0x5f, "max"), FOUR_(0xc2, "cmp"),
    FOUR_(0x2c, "cvtt-2-i"), FOUR_(0x2d, "cvt-2-i"), FOUR_(0x2a, "cvt-i2-"), FOUR_(0x5a, "cvt-"),
    { 0, 0x2e, false, "ucomiss" }, { 0x66, 0x2e, true, "ucomisd" }, { 0, 0x2f, false, "comiss" },
    { 0x66, 0x2f, true, "comisd" }, { 0, 0x5b, false, "cvtdq2ps" },
    { 0x66, 0x5b, false, "cvtps2dq" },
    { 0xf3, 0x5b, false, "cvttps2dq" }, { 0x66, 0xe6, true, "cvttpd2dq" },
    { 0xf3, 0xe6, false, "cvtdq2pd" }, { 0xf2, 0xe6, true, "cvtpd2dq" },
    { 0x66, 0xd0, true, "addsubpd" }, { 0xf2, 0xd0, false, "addsubps" },
    { 0x66, 0x7c, true, "haddpd" }, { 0xf2, 0x7c, false, "haddps" }, { 0x66, 0x7d, true, "hsubpd" },
    { 0xf2, 0x7d, false, "hsubps" },
};

static void random_fpu(struct rig *r, bool wide)
{
    struct fpu *f = &r->c->fpu;

    for (unsigned k = 0; k < 8; k++) {
        union xmm v;
        any_xmm(&v, wide);
        memcpy(f->xmm[k], &v, 16);
        any_xmm(&v, wide);
        memcpy(f->reg[k], &v, 8);
        r->c->gpr[k] = rnd() % 4 ? (u32)rnd() : 1u << rnd() % 32;
    }
    /* often with an inexact result known, as in a program that computes */
    f->mxcsr = any_mxcsr() | (u32)(rnd() & rnd() & MXCSR_EXC) | (rnd() % 2 ? MXCSR_PE : 0);
    cpu_set_eflags(r->c, (u32)rnd() & FL_ARITH);
}

START_TEST(ways_agree)
{
    struct rig *r = sse_rig();
    unsigned bad = 0, n = num_cases(1500);

    for (unsigned k = 0; k < n; k++) {
        u8 code[5], len = 0;
        struct fpu before, by[2];
        u32 gpr[8], eax[2], eflags[2], was;
        int vec[2];
        unsigned reg = rnd() % 8, rm = rnd() % 8;

        random_fpu(r, insns[_i].wide);
        if (insns[_i].prefix)
            code[len++] = insns[_i].prefix;
        code[len++] = 0x0f;
        code[len++] = insns[_i].opcode;
        code[len++] = (u8)(0xc0 | reg << 3 | rm);
        code[len++] = (u8)rnd();
        before = r->c->fpu;
        was = cpu_get(r->c, CPU_EFLAGS);
        memcpy(gpr, r->c->gpr, sizeof(gpr));
        for (unsigned soft = 0; soft < 2; soft++) {
            r->c->fpu = before;
            memcpy(r->c->gpr, gpr, sizeof(gpr));
            cpu_set_eflags(r->c, was);
            r->c->soft_fpu = soft;
            vec[soft] = run_at(r, code, len);
            by[soft] = r->c->fpu;
            eax[soft] = reg == R_ESP ? 0 : r->c->gpr[reg];
            eflags[soft] = cpu_get(r->c, CPU_EFLAGS) & FL_ARITH;
        }
        if (vec[0] == vec[1] && eax[0] == eax[1] && eflags[0] == eflags[1] &&
            by[0].mxcsr == by[1].mxcsr && !memcmp(by[0].xmm, by[1].xmm, sizeof(by[0].xmm)) &&
            !memcmp(by[0].reg, by[1].reg, sizeof(by[0].reg)))
            continue;
        if (bad++ < 3)
            printf("%s reg %u rm %u mxcsr %04x: vector %d %d, mxcsr %04x %04x\n", insns[_i].name,
                   reg, rm, before.mxcsr, vec[0], vec[1], by[0].mxcsr, by[1].mxcsr);
    }
    ck_assert_msg(!bad, "%s: %u of %u cases differ", insns[_i].name, bad, n);
    rig_free(r);
}
END_TEST

/* ---- exceptions */

static void set_xmm(struct rig *r, unsigned n, u64 hi, u64 lo)
{
    union xmm v = { { lo, hi } };

    memcpy(r->c->fpu.xmm[n], &v, 16);
}
#define CK_XMM(r, n, hi, lo) \
    do { \
        union xmm v_; \
        memcpy(&v_, (r)->c->fpu.xmm[n], 16); \
        ck_assert_uint_eq(v_.q[1], (u64)(hi)); \
        ck_assert_uint_eq(v_.q[0], (u64)(lo)); \
    } while (0)
#define RUN_AT(r, ...) \
    ({ static const u8 code_[] = { __VA_ARGS__ }; run_at(r, code_, sizeof(code_)); })

/* Lanes 1/3, 1/0, 0/0, 2^127 * 4 of one DIVPS. _i: soft_fpu. */
START_TEST(unmasked_lane_stops_all)
{
    struct rig *r = sse_rig();
    const u64 a_hi = 0x7f00000000000000, a_lo = 0x3f8000003f800000;
    const u64 b_hi = 0x3e80000000000000, b_lo = 0x0000000040400000;
    static const struct { u32 mxcsr, after; int vec; } c[] = {
        { 0x1f80, 0x1fad, -1 },          /* all masked: IE, ZE, OE, PE */
        { 0x1f80 & ~0x200u, 0x1d85, 19 },/* ZE unmasked: nothing is computed, so no OE, no PE */
        { 0x1f80 & ~0x80u, 0x1f05, 19 }, /* IE */
        { 0x1f80 & ~0x400u, 0x1bad, 19 },/* OE: all were computed */
        { 0x1f80 & ~0x1000u, 0x0fad, 19 },
        { 0x1f80 & ~0x100u, 0x1ead, -1 },/* no denormals here */
        { 0x1f90 & ~0x800u, 0x17bd, -1 },/* an old UE, unmasked, is none of its business */
    };

    r->c->soft_fpu = _i;
    for (unsigned k = 0; k < ARRAY_LEN(c); k++) {
        set_xmm(r, 1, a_hi, a_lo);
        set_xmm(r, 2, b_hi, b_lo);
        r->c->fpu.mxcsr = c[k].mxcsr;
        ck_assert_int_eq(RUN_AT(r, 0x0f, 0x5e, 0xca), c[k].vec);
        ck_assert_uint_eq(r->c->fpu.mxcsr, c[k].after);
        if (c[k].vec >= 0) {
            CK_XMM(r, 1, a_hi, a_lo);
            ck_assert_uint_eq(frame_seen(r).eip, CODE_AT);
        } else {
            CK_XMM(r, 1, 0x7f800000ffc00000, 0x7f8000003eaaaaab);
        }
    }
    /* #UD where the system has not said that it knows #XM; flags all the same */
    cpu_set(r->c, CPU_CR4, CR4_OSFXSR);
    set_xmm(r, 1, a_hi, a_lo);
    r->c->fpu.mxcsr = 0x1d80;
    ck_assert_int_eq(RUN_AT(r, 0x0f, 0x5e, 0xca), 6);
    ck_assert_uint_eq(r->c->fpu.mxcsr, 0x1d85);
    CK_XMM(r, 1, a_hi, a_lo);
    rig_free(r);
}
END_TEST

/* DAZ makes a zero of a denormal without a word; FTZ counts only where underflow is masked. */
START_TEST(daz_and_ftz)
{
    struct rig *r = sse_rig();
    static const struct { u64 a, b; u32 mxcsr, after; int vec; u64 result; } c[] = {
        /* ADDSD of a denormal */
        { 5, 0, 0x1f80, 0x1f82, -1, 5 },
        { 5, 0, 0x1fc0, 0x1fc0, -1, 0 },
        { 0x8000000000000005, 0x8000000000000000, 0x1fc0, 0x1fc0, -1, 0x8000000000000000 },
        { 5, 0, 0x1e80, 0x1e82, 19, 5 },
        { 5, 0, 0x1ec0, 0x1ec0, -1, 0 },
        { 5, 0, 0x9fc0 | 3 << 13, 0xffc0, -1, 0 },
        /* an exact tiny sum: an underflow where that is not masked, flushed where it is */
        { 0x0018000000000000, 0x8010000000000000, 0x1f80, 0x1f80, -1, 0x0008000000000000 },
        { 0x0018000000000000, 0x8010000000000000, 0x9f80, 0x9fb0, -1, 0 },
        { 0x8018000000000000, 0x0010000000000000, 0x9f80, 0x9fb0, -1, 0x8000000000000000 },
        { 0x0018000000000000, 0x8010000000000000, 0x1780, 0x1790, 19, 0x0018000000000000 },
        { 0x0018000000000000, 0x8010000000000000, 0x9780, 0x9790, 19, 0x0018000000000000 },
    };

    r->c->soft_fpu = _i;
    for (unsigned k = 0; k < ARRAY_LEN(c); k++) {
        set_xmm(r, 1, 0x1122334455667788, c[k].a);
        set_xmm(r, 2, 0, c[k].b);
        r->c->fpu.mxcsr = c[k].mxcsr;
        ck_assert_int_eq(RUN_AT(r, 0xf2, 0x0f, 0x58, 0xca), c[k].vec);
        ck_assert_msg(r->c->fpu.mxcsr == c[k].after, "case %u: mxcsr %x", k, r->c->fpu.mxcsr);
        CK_XMM(r, 1, 0x1122334455667788, c[k].result);
    }
    rig_free(r);
}
END_TEST

/* Memory faults come before everything that arithmetic finds, and change nothing. */
START_TEST(memory_goes_first)
{
    struct rig *r = sse_rig();

    poke32(r, OPERAND_AT, 0);
    r->c->fpu.mxcsr = 0x1d80;
    set_xmm(r, 1, 0, 0x3f8000003f800000);
    ck_assert_int_eq(RUN_AT(r, 0x0f, 0x5e, 0x0d, 0x04, 0, 0x04, 0), 13); /* divps, misaligned */
    ck_assert_uint_eq(r->c->fpu.mxcsr, 0x1d80);
    ck_assert_int_eq(RUN_AT(r, 0x66, 0x0f, 0x2f, 0x0d, 0x04, 0, 0x04, 0), -1); /* comisd: may be */
    ck_assert_int_eq(RUN_AT(r, 0xf3, 0x0f, 0x5e, 0x0d, 0, 0, 0x04, 0), 19); /* divss by 0 */
    ck_assert_uint_eq(r->c->fpu.mxcsr, 0x1d84);
    CK_XMM(r, 1, 0, 0x3f8000003f800000);
    /* what the system has not enabled */
    cpu_set(r->c, CPU_CR4, CR4_OSXMMEXCPT);
    ck_assert_int_eq(RUN_AT(r, 0xf3, 0x0f, 0x5e, 0xca), 6);
    cpu_set(r->c, CPU_CR4, CR4_OSXMMEXCPT | CR4_OSFXSR);
    cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_TS);
    ck_assert_int_eq(RUN_AT(r, 0xf3, 0x0f, 0x5e, 0xca), 7);
    cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_TS | CR0_EM);
    ck_assert_int_eq(RUN_AT(r, 0xf3, 0x0f, 0x5e, 0xca), 6);
    rig_free(r);
}
END_TEST

/* An unmasked exception of COMISS leaves EFLAGS, of CVTTSD2SI the register, of CVTPS2PI the MMX
 * register, though not the x87 state. */
START_TEST(other_destinations_stay)
{
    struct rig *r = sse_rig();
    static const u8 mm3[10] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10 };

    r->c->soft_fpu = _i;
    set_xmm(r, 1, 0, 0x7ff8000000000000);
    set_xmm(r, 2, 0x7fc000007fc00000, 0x7fc000007fc00000);
    r->c->fpu.mxcsr = 0x1f00;
    cpu_set_eflags(r->c, FL_OF | FL_AF | FL_SF);
    ck_assert_int_eq(RUN_AT(r, 0x66, 0x0f, 0x2f, 0xc9), 19);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS) & FL_ARITH, FL_OF | FL_AF | FL_SF);
    ck_assert_int_eq(RUN_AT(r, 0x66, 0x0f, 0x2e, 0xc9), -1); /* ucomisd: quiet */
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS) & FL_ARITH, FL_ZF | FL_PF | FL_CF);
    r->c->gpr[R_EDX] = 0x12345678;
    ck_assert_int_eq(RUN_AT(r, 0xf2, 0x0f, 0x2c, 0xd1), 19);
    ck_assert_uint_eq(r->c->gpr[R_EDX], 0x12345678);
    memcpy(r->c->fpu.reg[3], mm3, 10);
    r->c->fpu.valid = 0;
    r->c->fpu.sw = 0x2800;
    ck_assert_int_eq(RUN_AT(r, 0x0f, 0x2d, 0xda), 19);
    ck_assert_mem_eq(r->c->fpu.reg[3], mm3, 10);
    ck_assert_uint_eq(r->c->fpu.valid, 0xff);
    ck_assert_uint_eq(r->c->fpu.sw, 0);
    r->c->fpu.mxcsr = 0x1f80;
    ck_assert_int_eq(RUN_AT(r, 0x0f, 0x2d, 0xda), -1);
    ck_assert_uint_eq(ld64(r->c->fpu.reg[3]), 0x8000000080000000);
    ck_assert_uint_eq(ld16(r->c->fpu.reg[3] + 8), 0xffff);
    rig_free(r);
}
END_TEST

/* A memory operand of CVTPI2PS and CVTPI2PD is no MMX register: x87 state and exceptions don't
 * matter. A register is. */
START_TEST(mmx_state)
{
    struct rig *r = sse_rig();
    struct fpu *f = &r->c->fpu;

    cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE);
    poke32(r, OPERAND_AT, 3);
    poke32(r, OPERAND_AT + 4, (u32)-2);
    for (unsigned wide = 0; wide < 2; wide++) {
        fpu_set_cw(r->c, 0x37f);
        fpu_set_sw(r->c, 0x2800);
        f->valid = 0x0f;
        set_xmm(r, 1, 7, 9);
        ck_assert_int_eq(wide ? RUN_AT(r, 0x66, 0x0f, 0x2a, 0x0d, 0, 0, 0x04, 0)
                              : RUN_AT(r, 0x0f, 0x2a, 0x0d, 0, 0, 0x04, 0), -1);
        if (wide)
            CK_XMM(r, 1, 0xc000000000000000, 0x4008000000000000);
        else
            CK_XMM(r, 1, 7, 0xc000000040400000);
        ck_assert_uint_eq(f->sw, 0x2800);
        ck_assert_uint_eq(f->valid, 0x0f);
        memcpy(f->reg[2], "\x05\0\0\0\xff\xff\xff\xff", 8);
        ck_assert_int_eq(wide ? RUN_AT(r, 0x66, 0x0f, 0x2a, 0xca)
                              : RUN_AT(r, 0x0f, 0x2a, 0xca), -1);
        if (wide)
            CK_XMM(r, 1, 0xbff0000000000000, 0x4014000000000000);
        else
            CK_XMM(r, 1, 7, 0xbf80000040a00000);
        ck_assert_uint_eq(f->sw, 0);
        ck_assert_uint_eq(f->valid, 0xff);
        /* with an x87 exception pending */
        fpu_set_sw(r->c, 0x2801);
        fpu_set_cw(r->c, 0x37e);
        ck_assert_int_eq(wide ? RUN_AT(r, 0x66, 0x0f, 0x2a, 0x0d, 0, 0, 0x04, 0)
                              : RUN_AT(r, 0x0f, 0x2a, 0x0d, 0, 0, 0x04, 0), -1);
        ck_assert_int_eq(wide ? RUN_AT(r, 0x66, 0x0f, 0x2a, 0xca)
                              : RUN_AT(r, 0x0f, 0x2a, 0xca), 16);
        ck_assert_int_eq(wide ? RUN_AT(r, 0x66, 0x0f, 0x2d, 0xca)
                              : RUN_AT(r, 0x0f, 0x2d, 0xca), 16);
        ck_assert_uint_eq(f->sw & SW_TOP, 0x2800);
    }
    rig_free(r);
}
END_TEST

/* ---- RCP and RSQRT */

static float f_of(u32 v)
{
    float f;

    memcpy(&f, &v, 4);
    return f;
}
static u32 approx(enum sse_op op, u32 v)
{
    u32 out;

    sse_soft[op](0x1f80, &out, &v, &v);
    return out;
}

START_TEST(approximations)
{
    static const u32 rcp[][2] = {
        { 0, 0x7f800000 }, { 0x80000000, 0xff800000 }, { 0x807fffff, 0xff800000 },
        { 0x7f800000, 0 }, { 0xff800000, 0x80000000 }, { 0x7fc00123, 0x7fc00123 },
        { 0xff800123, 0xffc00123 }, { 0x7e800000, 0 }, { 0xfe800000, 0x80000000 },
        { 0xff7fffff, 0x80000000 }, { 0x3f800000, 0x3f7ff800 }, { 0xbf800000, 0xbf7ff800 },
    };
    static const u32 rsqrt[][2] = {
        { 0, 0x7f800000 }, { 0x80000000, 0xff800000 }, { 0x807fffff, 0xff800000 },
        { 0x007fffff, 0x7f800000 }, { 0x80800000, 0xffc00000 }, { 0xff800000, 0xffc00000 },
        { 0x7f800000, 0 }, { 0x7f800001, 0x7fc00001 }, { 0xffc00001, 0xffc00001 },
        { 0x3f800000, 0x3f800000 }, { 0x40800000, 0x3f000000 },
    };
    const double bound = 1.5 / 4096;

    for (unsigned k = 0; k < ARRAY_LEN(rcp); k++)
        ck_assert_uint_eq(approx(SSE_rcpss, rcp[k][0]), rcp[k][1]);
    for (unsigned k = 0; k < ARRAY_LEN(rsqrt); k++)
        ck_assert_uint_eq(approx(SSE_rsqrtss, rsqrt[k][0]), rsqrt[k][1]);
    /* SDM 2B: operands up to 1.11111111110100000000000B * 2^125 give no tiny results */
    ck_assert_uint_ne(approx(SSE_rcpss, 0x7e7fe800) << 1, 0);
    for (u32 v = 0x00800000; v < 0x7f800000; v += 0x3fd) {
        double x = (double)f_of(v), y = (double)f_of(approx(SSE_rsqrtss, v));
        double e = y * sqrt(x) - 1;

        if (!(fabs(e) <= bound))
            ck_abort_msg("rsqrt(%08x): %g", v, e);
        if (v >= 0x7e800000)
            continue;
        y = (double)f_of(approx(SSE_rcpss, v));
        e = y * x - 1;
        if (!(fabs(e) <= bound))
            ck_abort_msg("rcp(%08x): %g", v, e);
        if (approx(SSE_rcpss, v | 0x80000000) != (approx(SSE_rcpss, v) | 0x80000000))
            ck_abort_msg("rcp(-%08x)", v);
    }
}
END_TEST

/* Counted time: the same bits on every host. */
START_TEST(approximations_are_ours_when_counted)
{
    struct rig *r = sse_rig();
    unsigned differ = 0;

    for (unsigned k = 0; k < 64; k++) {
        u32 v = 0x3f800000 + k * 0x12345, want = approx(k & 1 ? SSE_rcpss : SSE_rsqrtss, v), got;

        r->c->counted = true;
        r->c->fpu.mxcsr = 0x1f80;
        set_xmm(r, 2, 0, v);
        ck_assert_int_eq(k & 1 ? RUN_AT(r, 0xf3, 0x0f, 0x53, 0xca)
                               : RUN_AT(r, 0xf3, 0x0f, 0x52, 0xca), -1);
        got = ld32(r->c->fpu.xmm[1]);
        ck_assert_uint_eq(got, want);
        ck_assert_uint_eq(r->c->fpu.mxcsr, 0x1f80);
        r->c->counted = false;
        ck_assert_int_eq(k & 1 ? RUN_AT(r, 0x0f, 0x53, 0xca) : RUN_AT(r, 0x0f, 0x52, 0xca), -1);
        got = ld32(r->c->fpu.xmm[1]);
        differ += got != want;
        ck_assert(fabs((double)f_of(got) / (double)f_of(want) - 1) <= 3.0 / 4096);
    }
    if (SSE_HAVE_HOST)
        ck_assert_uint_ne(differ, 0);
    rig_free(r);
}
END_TEST

/* ---- FISTTP: towards zero whatever CW says, and pops */

START_TEST(fisttp)
{
    struct rig *r = sse_rig();
    static const u8 minus_2_75[10] = { 0, 0, 0, 0, 0, 0, 0, 0xb0, 0x00, 0xc0 };
    static const u8 big[10] = { 0, 0, 0, 0, 0, 0, 0, 0x80, 0x3e, 0x40 }; /* 2^63 */

    for (unsigned rc = 0; rc < 4; rc++)
        for (unsigned k = 0; k < 3; k++) {
            static const u8 ops3[3] = { 0xdf, 0xdb, 0xdd };
            u8 code[] = { ops3[k], 0x0d, 0, 0, 0x04, 0 };

            fpu_set_cw(r->c, (u16)(0x37f | rc << 10));
            fpu_set_sw(r->c, 0x3a00);
            r->c->fpu.valid = 0xff;
            memcpy(r->c->fpu.reg[7], minus_2_75, 10);
            poke32(r, OPERAND_AT, 0x55555555);
            poke32(r, OPERAND_AT + 4, 0x55555555);
            ck_assert_int_eq(run_at(r, code, sizeof(code)), -1);
            ck_assert_uint_eq(peek32(r, OPERAND_AT), k ? (u32)-2 : 0x5555fffe);
            ck_assert_uint_eq(peek32(r, OPERAND_AT + 4), k == 2 ? 0xffffffff : 0x55555555);
            ck_assert_uint_eq(r->c->fpu.sw, SW_PE); /* C1 clear, TOP 0 */
            ck_assert_uint_eq(r->c->fpu.valid, 0x7f);
            ck_assert_uint_eq(r->c->fpu.cw, 0x37f | rc << 10);
        }
    /* out of range: the indefinite integer, or nothing and no pop where that is not masked */
    fpu_set_cw(r->c, 0x37f);
    fpu_set_sw(r->c, 0x3800);
    r->c->fpu.valid = 0xff;
    memcpy(r->c->fpu.reg[7], big, 10);
    ck_assert_int_eq(RUN_AT(r, 0xdd, 0x0d, 0, 0, 0x04, 0), -1);
    ck_assert_uint_eq(peek32(r, OPERAND_AT + 4), 0x80000000);
    ck_assert_uint_eq(peek32(r, OPERAND_AT), 0);
    ck_assert_uint_eq(r->c->fpu.sw, SW_IE);
    fpu_set_cw(r->c, 0x37e);
    fpu_set_sw(r->c, 0x3800);
    poke32(r, OPERAND_AT, 0x55555555);
    r->c->fpu.valid = 0xff;
    ck_assert_int_eq(RUN_AT(r, 0xdf, 0x0d, 0, 0, 0x04, 0), -1);
    ck_assert_uint_eq(peek32(r, OPERAND_AT), 0x55555555);
    ck_assert_uint_eq(r->c->fpu.sw & (SW_TOP | SW_IE | SW_ES), 0x3800 | SW_IE | SW_ES);
    rig_free(r);
}
END_TEST

Suite *suite_ssefp(void)
{
    Suite *s = suite_create("ssefp");
    TCase *t = tcase_create("portable and host");
    TCase *w = tcase_create("instructions");

    tcase_set_timeout(t, 60);
    tcase_set_timeout(w, 60);
#if SSE_HAVE_HOST && defined(__linux__) && defined(__x86_64__)
    tcase_add_loop_test(t, portable_is_host, 0, SSE_rcpps);
    tcase_add_test(t, flags_that_stick_are_left_out);
#endif
    tcase_add_test(t, approximations);
    tcase_add_loop_test(w, ways_agree, 0, ARRAY_LEN(insns));
    tcase_add_loop_test(w, unmasked_lane_stops_all, 0, 2);
    tcase_add_loop_test(w, daz_and_ftz, 0, 2);
    tcase_add_test(w, memory_goes_first);
    tcase_add_loop_test(w, other_destinations_stay, 0, 2);
    tcase_add_test(w, mmx_state);
    tcase_add_test(w, approximations_are_ours_when_counted);
    tcase_add_test(w, fisttp);
    suite_add_tcase(s, t);
    suite_add_tcase(s, w);
    return s;
}
