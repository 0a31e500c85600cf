/* SPDX-License-Identifier: MIT */
/* x87 against the host's unit: every two-byte encoding over edge values, roundings, precisions,
 * masks and stack states, complete state compared.
 * X87_CASES in the environment is the number of cases for each. */
#include "tests/unit/x87_native.h"

Suite *suite_x87(void);

#if defined(__x86_64__)

/* ---- operands */

struct f80 { u16 se; u64 sig; };

static const struct f80 edges[] = {
    { 0x0000, 0 }, { 0x8000, 0 },                                   /* zeros */
    { 0x0000, 1 }, { 0x8000, 0x7fffffffffffffff }, { 0, 0x4000000000000001 }, /* denormals */
    { 0x0000, 0x8000000000000000 }, { 0x8000, 0x8000000000000001 }, /* pseudo-denormals */
    { 0x0001, 0x8000000000000000 }, { 0x8001, 0xffffffffffffffff }, /* smallest normals */
    { 0x3fff, 0x8000000000000000 }, { 0xbfff, 0x8000000000000000 }, /* 1, -1 */
    { 0x3fff, 0x8000000000000001 }, { 0x3ffe, 0xffffffffffffffff }, /* 1 and a bit more, less */
    { 0x4000, 0x8000000000000000 }, { 0x3ffe, 0x8000000000000000 }, { 0xbffe, 0x8000000000000000 },
    { 0x4000, 0xc90fdaa22168c235 }, { 0x4000, 0xc000000000000000 }, { 0x3ffd, 0xaaaaaaaaaaaaaaab },
    { 0x3fff, 0xc000000000000000 }, { 0x4000, 0xa000000000000000 }, { 0xc000, 0xa000000000000000 },
    { 0x7ffe, 0xffffffffffffffff }, { 0xfffe, 0xffffffffffffffff }, /* largest */
    { 0x7fff, 0x8000000000000000 }, { 0xffff, 0x8000000000000000 }, /* infinities */
    { 0x7fff, 0xc000000000000000 }, { 0xffff, 0xc000000000000000 }, { 0x7fff, 0xc000000000000123 },
    { 0xffff, 0xffffffffffffffff }, { 0x7fff, 0xc000000000000124 }, /* quiet NaNs */
    { 0x7fff, 0x8000000000000001 }, { 0xffff, 0xbfffffffffffffff }, { 0x7fff, 0x8000000000000123 },
    { 0x3fff, 0x4000000000000000 }, { 0xc123, 0x0000000000000001 }, { 0x4005, 0 }, /* unnormals */
    { 0x7fff, 0 }, { 0xffff, 0x4000000000000000 }, { 0x7fff, 0x0000000000000001 }, /* pseudo */
    /* where integers end: 32767, 32767.5, -32768, -32768.5, 2^31, 2^63, 10^18 - 1, 10^18 */
    { 0x400d, 0xfffe000000000000 }, { 0x400d, 0xffff000000000000 }, { 0xc00e, 0x8000000000000000 },
    { 0xc00e, 0x8000800000000000 }, { 0x401d, 0xffffffff00000000 }, { 0x401e, 0x8000000000000000 },
    { 0xc01e, 0x8000000000000000 }, { 0xc01e, 0x8000000040000000 }, { 0x401d, 0xfffffffe00000000 },
    { 0x403e, 0x8000000000000000 }, { 0xc03e, 0x8000000000000000 }, { 0x403d, 0xffffffffffffffff },
    { 0x403d, 0xfffffffffffffffe }, { 0x403a, 0xde0b6b3a763fffff }, { 0x403a, 0xde0b6b3a76400000 },
    { 0x403a, 0xde0b6b3a763ffff8 }, { 0xc03a, 0xde0b6b3a763ffff4 }, { 0x403d, 0x8000000000000000 },
    /* where singles and doubles end */
    { 0x407e, 0xffffff0000000000 }, { 0x407e, 0xffffff8000000000 }, { 0x407f, 0x8000000000000000 },
    { 0x3f81, 0x8000000000000000 }, { 0x3f80, 0xffffffffffffffff }, { 0x3f6a, 0x8000000000000000 },
    { 0x3f69, 0x8000000000000000 }, { 0xbf69, 0x8000000000000001 }, { 0x3f80, 0xfffffe0000000000 },
    { 0x43fe, 0xfffffffffffff800 }, { 0x43fe, 0xfffffffffffffc00 }, { 0x43ff, 0x8000000000000000 },
    { 0x3c01, 0x8000000000000000 }, { 0x3c00, 0xffffffffffffffff }, { 0x3bcd, 0x8000000000000000 },
    { 0x3bcc, 0x8000000000000000 }, { 0xbbcc, 0x8000000000000001 }, { 0x3c00, 0xfffffffffffff000 },
    /* ranges of the functions: 2^62, 2^64, sqrt(2) - 1, scales */
    { 0x403d, 0x8000000000000001 }, { 0x403f, 0x8000000000000000 }, { 0xc03f, 0x8000000000000000 },
    { 0x3ffd, 0xd413cccfe7799211 }, { 0xbffd, 0x95f619980c4336f7 }, { 0x400d, 0x8000000000000000 },
    { 0xc00d, 0x8000000000000000 }, { 0x400d, 0x8008000000000000 }, { 0xc00e, 0xfffc000000000000 },
};

static u64 rng = 0x9e3779b97f4a7c15;
static u64 rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static void any_f80(u8 v[10])
{
    struct f80 f = edges[rnd() % ARRAY_LEN(edges)];
    unsigned how = rnd() % 8;

    if (how == 0) { /* anything */
        f.se = (u16)rnd();
        f.sig = rnd();
    } else if (how == 1) { /* near one */
        f.se = (u16)((0x3fff - 66 + rnd() % 132) | (rnd() & 0x8000));
        f.sig = rnd() | BIT64(63);
    } else if (how == 2) { /* short */
        f.se = (u16)((0x3fff - 20 + rnd() % 40) | (rnd() & 0x8000));
        f.sig = (rnd() | BIT64(63)) & ~0ull << rnd() % 64;
    } else if (how == 3) { /* an edge's neighbour */
        f.sig += rnd() % 5 - 2;
        f.se ^= (u16)(rnd() & 0x8001);
    }
    memcpy(v, &f.sig, 8);
    memcpy(v + 8, &f.se, 2);
}

static void any_mem(u8 mem[112])
{
    static const u32 f32[] = { 0, 0x80000000, 1, 0x807fffff, 0x00800000, 0x3f800000, 0xbf800000,
        0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0xffbfffff,
        0x40490fdb };
    static const u64 f64[] = { 0, 0x8000000000000000, 1, 0x800fffffffffffff, 0x0010000000000000,
        0x3ff0000000000000, 0xbff0000000000000, 0x7fefffffffffffff, 0x7ff0000000000000,
        0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000001, 0x7ff0000000000001,
        0xfff7ffffffffffff, 0x3fd5555555555555 };

    for (unsigned k = 0; k < 112; k += 8) {
        u64 v = rnd();
        memcpy(mem + k, &v, 8);
    }
    switch (rnd() % 5) {
    case 0: memcpy(mem, &f32[rnd() % ARRAY_LEN(f32)], 4); break;
    case 1: memcpy(mem, &f64[rnd() % ARRAY_LEN(f64)], 8); break;
    case 2: any_f80(mem); break;
    case 3: /* digits */
        for (unsigned k = 0; k < 9; k++)
            mem[k] = (u8)((rnd() % 10) << 4 | rnd() % 10);
        mem[9] = rnd() & 0x80;
        break;
    default: break;
    }
}

static void any_state(struct x87_state *s)
{
    unsigned how = rnd() % 8;

    memset(s, 0, sizeof(*s));
    s->cw = (u16)(0x40 | (rnd() & 0x0c00) | (rnd() % 16 ? 0x300 & ~(rnd() % 3 << 8) : 0x100));
    if ((s->cw & 0x300) == 0x100 && rnd() % 8)
        s->cw |= 0x200;
    s->cw |= rnd() % 2 ? 0x3f : rnd() & 0x3f;
    /* no exception may be pending, the next instruction would be a signal */
    s->sw = (u16)((rnd() & 0x4700) | (rnd() & rnd() & s->cw & 0x3f) | (rnd() & rnd() & 0x40));
    s->sw |= (u16)(rnd() & 0x3800);
    if (how == 0)
        s->tw = (u16)(rnd() | rnd());
    else if (how == 1)
        s->tw = (u16)rnd();
    else if (how < 7) { /* a few values on the stack, ST(7) free */
        unsigned top = s->sw >> 11 & 7, n = 2 + rnd() % 6;
        s->tw = 0;
        for (unsigned k = n; k < 8; k++)
            s->tw |= (u16)(3u << 2 * ((top + k) & 7));
    }
    for (unsigned k = 0; k < 8; k++)
        any_f80(s->st[k]);
    any_mem(s->mem);
    s->eax = (u32)rnd();
    s->eflags = (u32)rnd() & FL_ARITH;
}

static void print_state(const char *name, const struct x87_state *s)
{
    printf("%s cw=%04x sw=%04x tw=%04x eax=%08x fl=%04x mem=", name, s->cw, s->sw, s->tw, s->eax,
           s->eflags);
    for (unsigned k = 10; k--;)
        printf("%02x", s->mem[k]);
    printf("\n   ");
    for (unsigned k = 0; k < 8; k++) {
        printf(" %02x%02x:", s->st[k][9], s->st[k][8]);
        for (unsigned j = 8; j--;)
            printf("%02x", s->st[k][j]);
    }
    printf("\n");
}

/* ---- every encoding */

static bool stores_env(unsigned op, unsigned modrm)
{
    return modrm < 0xc0 && (modrm >> 3 & 7) == 6 && (op == 0xd9 || op == 0xdd);
}
static bool is_fisttp(unsigned op, unsigned modrm)
{
    return modrm < 0xc0 && (modrm >> 3 & 7) == 1 && (op == 0xdb || op == 0xdd || op == 0xdf);
}

/* One opcode byte a test: 8 memory forms and 64 register forms. */
START_TEST(as_the_host)
{
    u8 op = (u8)(0xd8 + _i);
    struct rig *r = rig_prot();
    struct native n = native_new();
    unsigned bad = 0;
    const char *env = getenv("X87_CASES");
    unsigned cases = env ? (unsigned)atoi(env) : 1500;

    signal(SIGILL, native_signal);
    signal(SIGFPE, native_signal);
    for (unsigned m = 0; m < 72; m++) {
        u8 insn[2] = { op, (u8)(m < 8 ? m << 3 | 6 : 0xc0 + m - 8) };
        u32 at = CODE_AT + m * 16;
        unsigned bad_here = 0;

        if (is_fisttp(op, insn[1]))
            continue;
        poke(r, at, insn, 2);
        for (unsigned k = 0; k < cases && bad_here < 3; k++) {
            struct x87_state in, host, guest;

            any_state(&in);
            if (op == 0xd9 && insn[1] == 0x2e) { /* FLDCW: nothing pending behind it */
                in.sw &= 0xffc0;
            }
            host = in;
            int sig = native_run(&n, insn, &host);
            guest_set(r, &in);
            cpu_set(r->c, CPU_EIP, at);
            cpu_step(r->c);
            if (sig) {
                ck_assert_int_eq(sig, SIGILL);
                if (frame_seen(r).vec != EXC_UD) {
                    printf("%02x %02x: defined here, not on the host\n", op, insn[1]);
                    bad++;
                }
                cpu_set(r->c, CPU_ESP, SP0);
                break;
            }
            if (cpu_get(r->c, CPU_EIP) != at + 2) {
                printf("%02x %02x: undefined here, not on the host\n", op, insn[1]);
                bad++;
                cpu_set(r->c, CPU_ESP, SP0);
                break;
            }
            guest_get(r, &guest);
            /* FCOMI and its kin: SDM 2 clears C1, AMD leaves it */
            if ((op == 0xdb || op == 0xdf) && insn[1] >= 0xe8)
                host.sw = (u16)((host.sw & ~0x200) | (guest.sw & 0x200));
            /* pointers: AMD keeps them only with an exception pending */
            if (stores_env(op, insn[1]))
                memcpy(host.mem + 12, guest.mem + 12, 16);
            if (memcmp(&host, &guest, sizeof(host))) {
                bad++;
                bad_here++;
                printf("%02x %02x:\n", op, insn[1]);
                print_state(" in   ", &in);
                print_state(" host ", &host);
                print_state(" guest", &guest);
            }
        }
    }
    ck_assert_uint_eq(bad, 0);
    rig_free(r);
}
END_TEST

Suite *suite_x87(void)
{
    Suite *s = suite_create("x87");
    TCase *t = tcase_create("host");

    tcase_add_loop_test(t, as_the_host, 0, 8);
    suite_add_tcase(s, t);
    return s;
}

#else

Suite *suite_x87(void)
{
    return suite_create("x87"); /* no unit to compare with */
}

#endif
