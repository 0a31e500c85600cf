/* SPDX-License-Identifier: MIT */
/* x87, MMX and SSE state in the host's registers (cpu/jit/x64/fp.c): loops run by the translator
 * and by the interpreter, in pieces of all lengths, with interrupts whose handlers use the same
 * registers, task switches by CR0.TS, exceptions that are unmasked for a while. After each piece
 * both machines are the same, to the last byte. */
#include "lab/rng.h"
#include "tests/unit/cpu_rig.h"

Suite *suite_jitfp(void);

#if HAVE_JIT
#include "cpu/jit/jit.h"

enum { IRQ_VEC = 0x40, HANDLERS = 0x22000, STATES = 0x42400 };

static const u8 code_sse[] = {
    0xb9, 0x1e, 0x00, 0x00, 0x00, /* mov ecx,0x1e */
    0x0f, 0x10, 0x05, 0x00, 0x00, 0x04, 0x00, /* movups xmm0,[0x40000] */
    0x0f, 0x28, 0x0d, 0x10, 0x00, 0x04, 0x00, /* movaps xmm1,[0x40010] */
    0x66, 0x0f, 0x58, 0xc1, /* again: addpd xmm0,xmm1 */
    0xf2, 0x0f, 0x59, 0x05, 0x20, 0x00, 0x04, 0x00, /* mulsd xmm0,[0x40020] */
    0x51, /* push ecx */
    0xf2, 0x0f, 0x51, 0xd0, /* sqrtsd xmm2,xmm0 */
    0x0f, 0x11, 0x15, 0x34, 0x00, 0x04, 0x00, /* movups [0x40034],xmm2 */
    0x59, /* pop ecx */
    0x0f, 0xbc, 0xc1, /* bsf eax,ecx */
    0xf2, 0x0f, 0x2c, 0xd2, /* cvttsd2si edx,xmm2 */
    0x66, 0x0f, 0xfe, 0xda, /* paddd xmm3,xmm2 */
    0x66, 0x0f, 0x70, 0xe3, 0x1b, /* pshufd xmm4,xmm3,0x1b */
    0x66, 0x0f, 0x2e, 0xc2, /* ucomisd xmm0,xmm2 */
    0x77, 0x06, /* ja 1f */
    0x0f, 0x57, 0xc0, /* xorps xmm0,xmm0 */
    0x0f, 0x5c, 0xe1, /* subps xmm4,xmm1 */
    0x66, 0x0f, 0x7e, 0x25, 0x50, 0x00, 0x04, 0x00, /* 1: movd [0x40050],xmm4 */
    0x0f, 0xae, 0x1d, 0x54, 0x00, 0x04, 0x00, /* stmxcsr [0x40054] */
    0xf3, 0x0f, 0x5e, 0xec, /* divss xmm5,xmm4 */
    0x49, /* dec ecx */
    0x75, 0xb5, /* jnz again */
    0x0f, 0xae, 0x05, 0x00, 0x10, 0x04, 0x00, /* fxsave [0x41000] */
};
static const u8 code_x87[] = {
    0xb9, 0x19, 0x00, 0x00, 0x00, /* mov ecx,0x19 */
    0xdb, 0xe3, /* fninit */
    0xd9, 0xee, /* fldz */
    0xdd, 0x05, 0x00, 0x00, 0x04, 0x00, /* again: fld qword [0x40000] */
    0xd8, 0x05, 0x08, 0x00, 0x04, 0x00, /* fadd dword [0x40008] */
    0xd9, 0xc1, /* fld st(1) */
    0xd9, 0xfa, /* fsqrt */
    0xd9, 0xc9, /* fxch st(1) */
    0xde, 0xe9, /* fsubp st(1),st */
    0xd9, 0xfe, /* fsin */
    0xd9, 0x3d, 0x60, 0x00, 0x04, 0x00, /* fnstcw [0x40060] */
    0xd9, 0x2d, 0x64, 0x00, 0x04, 0x00, /* fldcw [0x40064] */
    0xdb, 0x15, 0x68, 0x00, 0x04, 0x00, /* fist dword [0x40068] */
    0xd9, 0x2d, 0x60, 0x00, 0x04, 0x00, /* fldcw [0x40060] */
    0xdb, 0xf1, /* fcomi st,st(1) */
    0xda, 0xc1, /* fcmovb st,st(1) */
    0x7a, 0x21, /* jp 2f */
    0xd8, 0xd1, /* fcom st(1) */
    0xdf, 0xe0, /* fnstsw ax */
    0x9e, /* sahf */
    0x76, 0x0f, /* jbe 1f */
    0xd9, 0x35, 0x70, 0x00, 0x04, 0x00, /* fnstenv [0x40070] */
    0xd9, 0xeb, /* fldpi */
    0x64, 0xdb, 0x3d, 0xa2, 0x00, 0x04, 0x00, /* fstp tbyte fs:[0x400a2] */
    0xde, 0xc1, /* 1: faddp st(1),st */
    0xdd, 0x15, 0xb0, 0x00, 0x04, 0x00, /* fst qword [0x400b0] */
    0x49, /* dec ecx */
    0x75, 0xab, /* jnz again */
    0x0f, 0xae, 0x05, 0x00, 0x10, 0x04, 0x00, /* 2: fxsave [0x41000] */
    0xdd, 0x35, 0x00, 0x12, 0x04, 0x00, /* fnsave [0x41200] */
};
static const u8 code_mmx[] = {
    0xb9, 0x14, 0x00, 0x00, 0x00, /* mov ecx,0x14 */
    0xdb, 0xe3, /* fninit */
    0xd9, 0xe8, /* again: fld1 */
    0xdb, 0x05, 0x00, 0x00, 0x04, 0x00, /* fild dword [0x40000] */
    0xd9, 0xf6, /* fdecstp */
    0x0f, 0x6f, 0x0d, 0x08, 0x00, 0x04, 0x00, /* movq mm1,[0x40008] */
    0x0f, 0xfd, 0xca, /* paddw mm1,mm2 */
    0x0f, 0x2a, 0xc1, /* cvtpi2ps xmm0,mm1 */
    0x0f, 0x7f, 0x0d, 0x18, 0x00, 0x04, 0x00, /* movq [0x40018],mm1 */
    0x0f, 0xae, 0x05, 0x00, 0x10, 0x04, 0x00, /* fxsave [0x41000] */
    0x0f, 0x77, /* emms */
    0xd9, 0xe5, /* fxam */
    0xdd, 0x3d, 0x20, 0x00, 0x04, 0x00, /* fnstsw [0x40020] */
    0xdf, 0x2d, 0x18, 0x00, 0x04, 0x00, /* fild qword [0x40018] */
    0xdf, 0x1d, 0x22, 0x00, 0x04, 0x00, /* fistp word [0x40022] */
    0x0f, 0x2c, 0xf8, /* cvttps2pi mm7,xmm0 */
    0x0f, 0xd7, 0xc7, /* pmovmskb eax,mm7 */
    0x85, 0xc8, /* test eax,ecx */
    0x74, 0x0c, /* jz 1f */
    0x0f, 0x60, 0xdf, /* punpcklbw mm3,mm7 */
    0x0f, 0x7e, 0x1d, 0x24, 0x00, 0x04, 0x00, /* movd [0x40024],mm3 */
    0x0f, 0x77, /* emms */
    0x49, /* 1: dec ecx */
    0x75, 0xac, /* jnz again */
    0xd9, 0x35, 0x00, 0x12, 0x04, 0x00, /* fnstenv [0x41200] */
};
/* Opens division by zero: #XM at DIVSD, #MF at FSTP, until the handlers mask it again. */
static const u8 code_open[] = {
    0xb9, 0x0c, 0x00, 0x00, 0x00, /* mov ecx,0xc */
    0xdb, 0xe3, /* again: fninit */
    0xd9, 0xe8, /* fld1 */
    0xd9, 0xe8, /* fld1 */
    0xd9, 0xee, /* fldz */
    0xf2, 0x0f, 0x58, 0xc1, /* addsd xmm0,xmm1 */
    0x0f, 0xae, 0x15, 0x40, 0x00, 0x04, 0x00, /* ldmxcsr [0x40040] */
    0xf2, 0x0f, 0x5e, 0xca, /* divsd xmm1,xmm2 */
    0xf2, 0x0f, 0x58, 0xc1, /* addsd xmm0,xmm1 */
    0xd9, 0x2d, 0x44, 0x00, 0x04, 0x00, /* fldcw [0x40044] */
    0xde, 0xf9, /* fdivp st(1),st */
    0xdd, 0x1d, 0x50, 0x00, 0x04, 0x00, /* fstp qword [0x40050] */
    0x9b, /* fwait */
    0x0f, 0xae, 0x15, 0x48, 0x00, 0x04, 0x00, /* ldmxcsr [0x40048] */
    0xf2, 0x0f, 0x59, 0xc8, /* mulsd xmm1,xmm0 */
    0x66, 0x0f, 0x58, 0xd1, /* addpd xmm2,xmm1 */
    0x49, /* dec ecx */
    0x75, 0xc4, /* jnz again */
};

/* With some open all the time: #MF at FLD1, whose handler clears it. */
static const u8 code_trap[] = {
    0xb9, 0x19, 0x00, 0x00, 0x00, /* mov ecx,0x19 */
    0xdb, 0xe3, /* fninit */
    0xd9, 0x2d, 0x00, 0x01, 0x04, 0x00, /* fldcw [0x40100] */
    0xdd, 0x05, 0x00, 0x00, 0x04, 0x00, /* again: fld qword [0x40000] */
    0xd8, 0x05, 0x08, 0x00, 0x04, 0x00, /* fadd dword [0x40008] */
    0xd9, 0xfa, /* fsqrt */
    0xd9, 0xc0, /* fld st(0) */
    0xdf, 0xf1, /* fcomip st,st(1) */
    0xdb, 0x15, 0x68, 0x00, 0x04, 0x00, /* fist dword [0x40068] */
    0xd9, 0x3d, 0x60, 0x00, 0x04, 0x00, /* fnstcw [0x40060] */
    0xd9, 0x2d, 0x62, 0x00, 0x04, 0x00, /* fldcw [0x40062] */
    0xd9, 0xfc, /* frndint */
    0xd9, 0x2d, 0x60, 0x00, 0x04, 0x00, /* fldcw [0x40060] */
    0xf6, 0xc1, 0x07, /* test cl,0x7 */
    0x75, 0x08, /* jnz 1f */
    0xd9, 0xee, /* fldz */
    0xde, 0xf9, /* fdivp st(1),st */
    0xd9, 0xe8, /* fld1 */
    0xdd, 0xd8, /* fstp st(0) */
    0xdd, 0x1d, 0xb0, 0x00, 0x04, 0x00, /* 1: fstp qword [0x400b0] */
    0x0f, 0x6f, 0x0d, 0x08, 0x00, 0x04, 0x00, /* movq mm1,qword [0x40008] */
    0x0f, 0xfd, 0xca, /* paddw mm1,mm2 */
    0x0f, 0x77, /* emms */
    0x51, /* push ecx */
    0x0f, 0xbc, 0xc1, /* bsf eax,ecx */
    0x59, /* pop ecx */
    0x49, /* dec ecx */
    0x75, 0xad, /* jnz again */
};

/* ---- handlers */

static const u8 code_use[] = { /* IRQ: saves, uses and restores */
    0x0f, 0xae, 0x05, 0x00, 0x20, 0x04, 0x00, /* fxsave [0x42000] */
    0xdb, 0xe3, /* fninit */
    0xd9, 0xe8, /* fld1 */
    0x66, 0x0f, 0xfe, 0xf8, /* paddd xmm7,xmm0 */
    0x0f, 0x58, 0xc7, /* addps xmm0,xmm7 */
    0xd9, 0x1d, 0x10, 0x22, 0x04, 0x00, /* fstp dword [0x42210] */
    0x0f, 0xae, 0x0d, 0x00, 0x20, 0x04, 0x00, /* fxrstor [0x42000] */
    0xcf, /* iret */
};
static const u8 code_ts[] = { /* IRQ: the next one who uses it is another task */
    0x50, /* push eax */
    0x0f, 0x20, 0xc0, /* mov eax,cr0 */
    0x0c, 0x08, /* or al,0x8 */
    0x0f, 0x22, 0xc0, /* mov cr0,eax */
    0x58, /* pop eax */
    0xcf, /* iret */
};
static const u8 code_nm[] = { /* #NM: from one state to the other */
    0x50, /* push eax */
    0x0f, 0x06, /* clts */
    0xa1, 0x10, 0x01, 0x04, 0x00, /* mov eax,[0x40110] */
    0x0f, 0xae, 0x00, /* fxsave [eax] */
    0x35, 0x00, 0x02, 0x00, 0x00, /* xor eax,0x200 */
    0x0f, 0xae, 0x08, /* fxrstor [eax] */
    0xa3, 0x10, 0x01, 0x04, 0x00, /* mov [0x40110],eax */
    0x58, /* pop eax */
    0xcf, /* iret */
};
static const u8 code_mask[] = { /* #MF, #XM: masks all */
    0xdb, 0xe2, /* fnclex */
    0xd9, 0x2d, 0x00, 0x01, 0x04, 0x00, /* fldcw [0x40100] */
    0x0f, 0xae, 0x15, 0x04, 0x01, 0x04, 0x00, /* ldmxcsr [0x40104] */
    0xcf, /* iret */
};

static int ack(void *to)
{
    cpu_set_intr(to, 0);
    return IRQ_VEC;
}

static void set_handler(struct rig *r, unsigned vec, const u8 *code, u32 n)
{
    u32 at = HANDLERS + 0x100 * vec;

    memcpy(r->host + at, code, n);
    set_gate(r, IDT_AT + 8 * vec, G_CODE0, at, 0xee, 0);
}
#define HANDLER(r, vec, code) set_handler(r, vec, code, sizeof(code))

enum engine { INTERP, JIT, CHECK };

static struct rig *rig_fp(enum engine e, const u8 *code, u32 n, bool tasks, u64 seed)
{
    static const double init[] = { 1.5, -2.25, 0.75, 3.0, 0.999 };
    struct rng rng = rng_make(seed, 1);
    struct rig *r = rig_prot();
    struct cpu *c = r->c;

    c->counted = true;
    cpu_set(c, CPU_CR4, CR4_OSFXSR | CR4_OSXMMEXCPT);
    cpu_set(c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_MP);
    cpu_set(c, CPU_EFLAGS, FL_IF);
    cpu_set(c, CPU_FS_BASE, 0x100);
    c->ack = ack;
    c->ack_to = c;
    if (tasks)
        HANDLER(r, IRQ_VEC, code_ts);
    else
        HANDLER(r, IRQ_VEC, code_use);
    HANDLER(r, EXC_NM, code_nm);
    HANDLER(r, EXC_MF, code_mask);
    HANDLER(r, EXC_XM, code_mask);
    memcpy(r->host + 0x40000, init, sizeof init);
    st32(r->host + 0x40040, 0x1d80); /* #Z open */
    st32(r->host + 0x40044, 0x037b);
    st32(r->host + 0x40048, 0x9fc0); /* FZ and DAZ */
    st32(r->host + 0x40064, 0x0e7f); /* chop, 53 bits */
    st32(r->host + 0x40060, 0x0e720000); /* another to chop; invalid, #Z and #O open */
    st32(r->host + 0x40100, code == code_trap ? 0x0372 : 0x037f);
    st32(r->host + 0x40104, 0x1f80);
    st32(r->host + 0x40110, STATES);
    for (u32 at = STATES; at < STATES + 0x400; at += 0x200) {
        for (u32 k = 32; k < 288; k += 4)
            st32(r->host + at + k, rng_u32(&rng));
        st32(r->host + at, 0x037f | 0x2800u << 16);
        r->host[at + 4] = (u8)rng_u32(&rng);
        st32(r->host + at + 24, 0x1f80);
    }
    for (unsigned k = 0; k < 8; k++) {
        double v[2] = { k == 2 ? 0 : 1.0 / (1 + k), (double)rng_u32(&rng) };
        cpu_set_xmm(c, k, (const u8 *)v);
    }
    memcpy(r->host + CODE_AT, code, n);
    r->host[CODE_AT + n] = 0xe9; /* and again */
    st32(r->host + CODE_AT + n + 1, (u32)-(i32)(n + 5));
    cpu_set(c, CPU_EIP, CODE_AT);
    if (e == JIT)
        ck_assert_msg(jit_attach(c, 0, &r->e), "%s", r->e.msg);
    if (e == CHECK)
        ck_assert_msg(jit_attach_check(c, &r->e), "%s", r->e.msg);
    return r;
}

static void expect_same(const struct rig *a, const struct rig *b, const char *what, u64 seed)
{
    const struct cpu *x = a->c, *y = b->c;
    unsigned long long at = *cpu_retired(x);

    ck_assert_uint_eq(*cpu_retired(x), *cpu_retired(y));
    for (unsigned k = CPU_EAX; k <= CPU_EFLAGS; k++)
        ck_assert_msg(cpu_get(x, k) == cpu_get(y, k), "%s, seed %llu, at %llu: register %u", what,
                      (unsigned long long)seed, at, k);
    ck_assert_msg(!memcmp(&x->fpu, &y->fpu, offsetof(struct fpu, operand)),
                  "%s, seed %llu, at %llu, EIP %08x: FPU", what, (unsigned long long)seed, at,
                  cpu_get(x, CPU_EIP));
    ck_assert_msg(!memcmp(a->host, b->host, RIG_RAM), "%s, seed %llu, at %llu: memory", what,
                  (unsigned long long)seed, at);
}

static void compare(const char *what, const u8 *code, u32 n, bool tasks)
{
    for (u64 seed = 1; seed <= 6; seed++) {
        struct rng rng = rng_make(seed, 0);
        struct rig *a = rig_fp(INTERP, code, n, tasks, seed);
        struct rig *b = rig_fp(JIT, code, n, tasks, seed);

        for (unsigned k = 0; k < 150; k++) {
            u64 until = *cpu_retired(a->c) + 1 + rng_below(&rng, k & 1 ? 30 : 400);
            if (rng_below(&rng, 3) == 0) {
                cpu_set_intr(a->c, 1);
                cpu_set_intr(b->c, 1);
            }
            ck_assert_int_eq(cpu_run(a->c, until), CPU_BUDGET);
            ck_assert_int_eq(cpu_run(b->c, until), CPU_BUDGET);
            expect_same(a, b, what, seed);
        }
        ck_assert_uint_gt(jit_of(b->c)->stat_links, 0);
        ck_assert_uint_lt(jit_of(b->c)->stat_enters, *cpu_retired(b->c) / 5);
        if (code != code_open) /* what is cut by a budget is the interpreter's, the rest is not */
            ck_assert_uint_gt(jit_of(b->c)->stat_ran, *cpu_retired(b->c) / 2);
        rig_free(a);
        rig_free(b);
    }
}

/* Block by block, with what the interpreter has to finish where exceptions are not masked. */
static void check(const u8 *code, u32 n)
{
    struct rig *r = rig_fp(CHECK, code, n, false, 1);

    for (unsigned k = 0; k < 20; k++) {
        if (k & 1)
            cpu_set_intr(r->c, 1);
        ck_assert_int_eq(cpu_run(r->c, *cpu_retired(r->c) + 200), CPU_BUDGET);
    }
    ck_assert_uint_gt(jit_of(r->c)->stat_checked, 100);
    rig_free(r);
}

#define LOOPS_(X) X(sse, false) X(x87, false) X(mmx, false) X(open, false) \
    X(trap, false)
#define TEST_(name, tasks) \
    START_TEST(name##_as_interpreted) { compare(#name, code_##name, sizeof code_##name, tasks); } \
    END_TEST
LOOPS_(TEST_)

START_TEST(checked)
{
    check(code_sse, sizeof code_sse);
    check(code_x87, sizeof code_x87);
    check(code_mmx, sizeof code_mmx);
    check(code_open, sizeof code_open);
    check(code_trap, sizeof code_trap);
}
END_TEST

START_TEST(tasks_as_interpreted)
{
    compare("sse", code_sse, sizeof code_sse, true);
    compare("x87", code_x87, sizeof code_x87, true);
    compare("mmx", code_mmx, sizeof code_mmx, true);
}
END_TEST

Suite *suite_jitfp(void)
{
    Suite *s = suite_create("jitfp");
    TCase *t = tcase_create("loops");

    tcase_set_timeout(t, 60);
#define ADD_(name, tasks) tcase_add_test(t, name##_as_interpreted);
    LOOPS_(ADD_)
    tcase_add_test(t, tasks_as_interpreted);
    tcase_add_test(t, checked);
    suite_add_tcase(s, t);
    return s;
}

#else
Suite *suite_jitfp(void) { return suite_create("jitfp"); }
#endif
