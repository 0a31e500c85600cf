/* SPDX-License-Identifier: MIT */
/* x87 against the host's unit: every two-byte encoding over edge values, roundings, precisions,
 * masks and stack states, complete state compared; on the host's unit and in integers, where the
 * transcendental functions are left out (test_softtrans.c has them).
 * X87_CASES in the environment is the number of cases for each. */
#include "cpu/x87.h"
#include "tests/unit/x87_native.h"
#include "tests/unit/x87_values.h"

Suite *suite_x87(void);

#if defined(__x86_64__)

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

/* Their last bit is not the same on all hosts. */
static bool is_transcendental(unsigned op, unsigned modrm)
{
    return op == 0xd9 && ((modrm >= 0xf0 && modrm <= 0xf3) || modrm == 0xf9 || modrm == 0xfb ||
                          modrm >= 0xfe);
}

/* One opcode byte a test: 8 memory forms and 64 register forms. From 8 on: in integers. */
START_TEST(as_the_host)
{
    u8 op = (u8)(0xd8 + _i % 8);
    bool soft = _i >= 8 || !NB_HOST_X87;
    struct rig *r = rig_prot();
    struct native n = native_new();
    unsigned bad = 0;
    const char *env = getenv("X87_CASES");
    unsigned cases = env ? (unsigned)atoi(env) : 1500;

    r->c->soft_fpu = soft;
    signal(SIGILL, native_signal);
    signal(SIGFPE, native_signal);
    for (unsigned m = 0; m < 72; m++) {
        u8 insn[2] = { op, (u8)(m < 8 ? m << 3 | 6 : 0xc0 + m - 8) };
        u32 at = CODE_AT + m * 16;
        unsigned bad_here = 0;

        if (is_fisttp(op, insn[1]) || (soft && is_transcendental(op, insn[1])))
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

    tcase_add_loop_test(t, as_the_host, 0, 16);
    suite_add_tcase(s, t);
    return s;
}

#else

Suite *suite_x87(void)
{
    return suite_create("x87"); /* no unit to compare with */
}

#endif
