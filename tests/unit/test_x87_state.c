/* SPDX-License-Identifier: MIT */
/* What the host cannot show about the x87: environment layouts of every mode, pointers, #MF, FERR#
 * and IGNNE#, #NM, faults in the middle of an operand. SDM 1 chapter 8, SDM 3A 2.5. */
#include "tests/unit/cpu_rig.h"

Suite *suite_x87_state(void);

enum { AT = 0x30000 };

static const u8 one[10] = { 0, 0, 0, 0, 0, 0, 0, 0x80, 0xff, 0x3f };
static const u8 big[10] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe, 0x7f };

static struct rig *r;

static void set_up(void)
{
    r = rig_prot();
    cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE);
    cpu_set(r->c, CPU_FCW, 0x37f);
    cpu_set(r->c, CPU_FTW, 0xffff);
    cpu_set(r->c, CPU_ESI, AT);
}

static void tear_down(void)
{
    rig_free(r);
}

/* ---- environments */

static void known_state(void)
{
    struct cpu *c = r->c;

    cpu_set(c, CPU_FCW, 0x0b7f);
    cpu_set(c, CPU_FSW, 0x6a21); /* TOP 5 */
    cpu_set(c, CPU_FTW, 0x3fff); /* R7 = ST(2) */
    for (unsigned k = 0; k < 8; k++)
        cpu_set_st(c, k, one);
    cpu_set(c, CPU_FIP, 0x89abc);
    cpu_set(c, CPU_FCS, 0x0123);
    cpu_set(c, CPU_FDP, 0x76543);
    cpu_set(c, CPU_FDS, 0x0456);
    cpu_set(c, CPU_FOP, 0x5a5);
}

static void enter_real(void)
{
    cpu_set(r->c, CPU_CR0, CR0_ET | CR0_NE);
    for (unsigned s = S_ES; s <= S_GS; s++) {
        cpu_set(r->c, CPU_ES + s, 0x1000);
        cpu_set(r->c, CPU_ES_LIMIT + s, 0xffff);
        cpu_set(r->c, CPU_ES_ATTR + s, 0x93);
    }
    cpu_set(r->c, CPU_EIP, 0);
}

static void check_bytes(u32 at, const u8 *want, unsigned n)
{
    for (unsigned k = 0; k < n; k++)
        ck_assert_msg(r->host[at + k] == want[k], "byte %u: %02x, not %02x", k, r->host[at + k],
                      want[k]);
    ck_assert_uint_eq(r->host[at + n], 0xcc);
}

static const u8 env_prot32[] = {
    0x7f, 0x0b, 0xff, 0xff, 0x21, 0x6a, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0xbc, 0x9a, 0x08, 0x00,
    0x23, 0x01, 0xa5, 0x05, 0x43, 0x65, 0x07, 0x00, 0x56, 0x04, 0xff, 0xff,
};
static const u8 env_prot16[] = {
    0x7f, 0x0b, 0x21, 0x6a, 0xff, 0x3f, 0xbc, 0x9a, 0x23, 0x01, 0x43, 0x65, 0x56, 0x04,
};
/* linear: 89ABC + 1230 = 8ACEC, 76543 + 4560 = 7AAA3 */
static const u8 env_real32[] = {
    0x7f, 0x0b, 0xff, 0xff, 0x21, 0x6a, 0xff, 0xff, 0xff, 0x3f, 0xff, 0xff, 0xec, 0xac, 0xff, 0xff,
    0xa5, 0x85, 0x00, 0x00, 0xa3, 0xaa, 0xff, 0xff, 0x00, 0x70, 0x00, 0x00,
};
static const u8 env_real16[] = {
    0x7f, 0x0b, 0x21, 0x6a, 0xff, 0x3f, 0xec, 0xac, 0xa5, 0x85, 0xa3, 0xaa, 0x00, 0x70,
};

enum { PROT32, PROT16, REAL32, REAL16, V86_32, V86_16, NUM_LAYOUTS };

static u32 enter_layout(unsigned layout, const u8 **want, unsigned *n)
{
    static const struct { const u8 *env; u8 n; } t[] = {
        { env_prot32, 28 }, { env_prot16, 14 }, { env_real32, 28 }, { env_real16, 14 },
        { env_real32, 28 }, { env_real16, 14 },
    };

    *want = t[layout].env;
    *n = t[layout].n;
    if (layout == REAL32 || layout == REAL16)
        enter_real();
    else if (layout >= V86_32)
        rig_v86(r, 0x1000, 3);
    u32 base = layout < REAL32 ? 0 : 0x10000, ea = layout < REAL32 ? AT : 0x4000;
    cpu_set(r->c, CPU_ESI, ea);
    memset(r->host + base + ea, 0xcc, 256);
    return base + ea;
}

static bool wants_prefix(unsigned layout)
{
    return layout == PROT16 || layout == REAL32 || layout == V86_32;
}

/* One x87 instruction with memory operand [ESI] or [SI]. */
static void run_mem(unsigned layout, u8 op, u8 reg)
{
    u8 code[3] = { 0x66, op, (u8)(reg << 3 | (layout < REAL32 ? 6 : 4)) };
    bool prefix = wants_prefix(layout);

    poke(r, cpu_get(r->c, CPU_CS_BASE) + cpu_get(r->c, CPU_EIP), code + !prefix, 2u + prefix);
    ck_assert_int_eq(cpu_step(r->c), CPU_BUDGET);
}

START_TEST(fnstenv_has_the_modes_layout)
{
    const u8 *want;
    unsigned n;
    u32 at = enter_layout((unsigned)_i, &want, &n);

    known_state();
    run_mem((unsigned)_i, 0xd9, 6);
    check_bytes(at, want, n);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FCW), 0x0b7f); /* masked, as they were */
}
END_TEST

START_TEST(fnsave_and_frstor)
{
    const u8 *want;
    unsigned n;
    u32 at = enter_layout((unsigned)_i, &want, &n);
    u8 all[108], v[10];

    known_state();
    for (unsigned k = 0; k < 8; k++) {
        memcpy(v, one, 10);
        v[0] = (u8)k;
        cpu_set_st(r->c, k, v);
    }
    memcpy(all, want, n);
    for (unsigned k = 0; k < 8; k++) {
        memcpy(all + n + 10 * k, one, 10);
        all[n + 10 * k] = (u8)k;
    }
    run_mem((unsigned)_i, 0xdd, 6);
    check_bytes(at, all, n + 80);
    /* and FNINIT's state behind it, registers untouched */
    ck_assert_uint_eq(cpu_get(r->c, CPU_FCW), 0x37f);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FSW), 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FTW), 0xffff);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FIP) | cpu_get(r->c, CPU_FCS) | cpu_get(r->c, CPU_FDP) |
                          cpu_get(r->c, CPU_FDS) | cpu_get(r->c, CPU_FOP), 0);

    run_mem((unsigned)_i, 0xdd, 4);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FCW), 0x0b7f);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FSW), 0x6a21);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FTW), 0x3fff);
    for (unsigned k = 0; k < 8; k++) {
        cpu_get_st(r->c, k, v);
        ck_assert_uint_eq(v[0], k);
        ck_assert_mem_eq(v + 1, one + 1, 9);
    }
    bool real = _i >= REAL32, wide = n == 28;
    ck_assert_uint_eq(cpu_get(r->c, CPU_FIP), real ? 0x8acec : wide ? 0x89abc : 0x9abc);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FDP), real ? 0x7aaa3 : wide ? 0x76543 : 0x6543);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FCS), real ? 0 : 0x123);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FDS), real ? 0 : 0x456);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FOP), real || wide ? 0x5a5 : 0);
    /* the same bytes come out again */
    memset(r->host + at, 0xcc, 256);
    run_mem((unsigned)_i, 0xdd, 6);
    check_bytes(at, all, n + 80);
}
END_TEST

START_TEST(fnstenv_masks)
{
    cpu_set(r->c, CPU_FCW, 0x340);
    cpu_set(r->c, CPU_FSW, 0x0004);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FSW), 0x8084);
    RUN(r, 1, 0xd9, 0x36);
    ck_assert_uint_eq(peek32(r, AT), 0xffff0340);
    ck_assert_uint_eq(peek32(r, AT + 4), 0xffff8084);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FCW), 0x37f);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FSW), 0x0004);
    RUN(r, 1, 0xd9, 0xe8); /* FLD1 meets nothing pending */
    ck_assert_uint_eq(cpu_get(r->c, CPU_FTW), 0x3fff);
}
END_TEST

/* ---- pointers */

START_TEST(pointers_follow_instructions_that_compute)
{
    struct cpu *c = r->c;

    cpu_set(c, CPU_FS, G_DATA3);
    poke32(r, AT, 0x3f800000);
    RUN(r, 1, 0x64, 0xd9, 0x06); /* FLD dword FS:[ESI] */
    ck_assert_uint_eq(cpu_get(c, CPU_FIP), CODE_AT); /* the prefix is part of it */
    ck_assert_uint_eq(cpu_get(c, CPU_FCS), G_CODE0);
    ck_assert_uint_eq(cpu_get(c, CPU_FDP), AT);
    ck_assert_uint_eq(cpu_get(c, CPU_FDS), G_DATA3);
    ck_assert_uint_eq(cpu_get(c, CPU_FOP), 0x106);
    RUN(r, 1, 0xde, 0xc0); /* FADDP: no operand in memory */
    ck_assert_uint_eq(cpu_get(c, CPU_FIP), CODE_AT + 3);
    ck_assert_uint_eq(cpu_get(c, CPU_FDP), AT);
    ck_assert_uint_eq(cpu_get(c, CPU_FOP), 0x6c0);
    /* control instructions leave them: FNSTCW, FLDCW, FNSTSW m and AX, FNCLEX, FNSTENV, WAIT */
    cpu_set(c, CPU_ESI, AT + 64);
    RUN(r, 7, 0xd9, 0x3e, 0xd9, 0x2e, 0xdd, 0x3e, 0xdf, 0xe0, 0xdb, 0xe2, 0xd9, 0x36, 0x9b);
    ck_assert_uint_eq(cpu_get(c, CPU_EIP), CODE_AT + 5 + 13);
    ck_assert_uint_eq(cpu_get(c, CPU_FIP), CODE_AT + 3);
    ck_assert_uint_eq(cpu_get(c, CPU_FDP), AT);
    ck_assert_uint_eq(cpu_get(c, CPU_FOP), 0x6c0);
    RUN(r, 1, 0xdb, 0x3e); /* FSTP tbyte */
    ck_assert_uint_eq(cpu_get(c, CPU_FDP), AT + 64);
    ck_assert_uint_eq(cpu_get(c, CPU_FDS), G_DATA0);
    ck_assert_uint_eq(cpu_get(c, CPU_FOP), 0x33e);
}
END_TEST

/* ---- exceptions */

/* FLDZ; FDIVR ST, ST(1) with ST(1) = 1: 1 / 0. */
static void divide_by_zero(void)
{
    cpu_set(r->c, CPU_FCW, 0x37b);
    RUN(r, 3, 0xd9, 0xe8, 0xd9, 0xee, 0xd8, 0xf9);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FSW), 0x8084 | 6 << 11);
}

static void check_intact(void) /* operands of divide_by_zero() */
{
    u8 v[10];

    cpu_get_st(r->c, 0, v);
    ck_assert_mem_eq(v, "\0\0\0\0\0\0\0\0\0", 10);
    cpu_get_st(r->c, 1, v);
    ck_assert_mem_eq(v, one, 10);
}

START_TEST(mf_at_the_next_waiting_instruction)
{
    divide_by_zero();
    check_intact();
    u32 fip = cpu_get(r->c, CPU_FIP);
    RUN(r, 3, 0xdf, 0xe0, 0xd9, 0x3e, 0xdb, 0xe4); /* FNSTSW AX, FNSTCW, FNSETPM do not wait */
    ck_assert_uint_eq(cpu_get(r->c, CPU_EAX) & 0xffff, 0x8084 | 6 << 11);
    switch (_i) {
    case 0: EXPECT_FAULT(r, EXC_MF, 0, 0xd9, 0xe8); break;  /* FLD1 */
    case 1: EXPECT_FAULT(r, EXC_MF, 0, 0x9b); break;
    case 2: EXPECT_FAULT(r, EXC_MF, 0, 0xd9, 0x2e); break;  /* FLDCW */
    case 3: EXPECT_FAULT(r, EXC_MF, 0, 0xdd, 0x26); break;  /* FRSTOR */
    case 4: EXPECT_FAULT(r, EXC_MF, 0, 0xd9, 0xd0); break;  /* FNOP */
    case 5: EXPECT_FAULT(r, EXC_MF, 0, 0xdb, 0x3e); break;  /* FSTP tbyte */
    default: EXPECT_FAULT(r, EXC_MF, 0, 0xdd, 0xc0); break; /* FFREE */
    }
    check_intact();
    ck_assert_uint_eq(cpu_get(r->c, CPU_FIP), fip);
    RUN(r, 2, 0xdb, 0xe2, 0xd9, 0xe8); /* FNCLEX; FLD1 */
    ck_assert_uint_eq(cpu_get(r->c, CPU_FSW), 5 << 11);
}
END_TEST

/* FLDCW that unmasks what is recorded makes it pending. */
START_TEST(unmasking_reports)
{
    cpu_set(r->c, CPU_FSW, 0x0020);
    poke16(r, AT, 0x035f);
    RUN(r, 1, 0xd9, 0x2e);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FSW), 0x80a0);
    EXPECT_FAULT(r, EXC_MF, 0, 0xd9, 0xe8);
}
END_TEST

static int ferr_level, ferr_calls;
static void on_ferr(void *to, int level)
{
    ck_assert_ptr_eq(to, r);
    ferr_level = level;
    ferr_calls++;
}

START_TEST(ferr_and_ignne)
{
    struct cpu *c = r->c;

    cpu_set(c, CPU_CR0, CR0_PE | CR0_ET);
    cpu_set_ferr(c, on_ferr, r);
    ck_assert_int_eq(ferr_level, 0);
    divide_by_zero();
    ck_assert_int_eq(ferr_level, 1);
    u32 at = cpu_get(c, CPU_EIP);
    u64 before = *cpu_retired(c);
    RUN(r, 3, 0xd9, 0xe8); /* FLD1 stays where it is, while time goes on */
    ck_assert_uint_eq(cpu_get(c, CPU_EIP), at);
    ck_assert_uint_eq(*cpu_retired(c) - before, 3);
    check_intact();
    ck_assert_int_eq(ferr_level, 1);
    cpu_ignne(c);
    RUN(r, 1, 0xd9, 0xe8);
    ck_assert_uint_eq(cpu_get(c, CPU_EIP), at + 2);
    ck_assert_uint_eq(cpu_get(c, CPU_FSW), 0x8084 | 5 << 11);
    ck_assert_int_eq(ferr_level, 1);
    RUN(r, 1, 0xdb, 0xe2); /* FNCLEX ends it, IGNNE# too */
    ck_assert_int_eq(ferr_level, 0);
    cpu_ignne(c); /* not while FERR# is low */
    RUN(r, 1, 0xdb, 0xe3);
    divide_by_zero();
    ck_assert_int_eq(ferr_level, 1);
    at = cpu_get(c, CPU_EIP);
    RUN(r, 1, 0x9b);
    ck_assert_uint_eq(cpu_get(c, CPU_EIP), at);
    RUN(r, 1, 0xdb, 0xe3); /* FNINIT */
    ck_assert_int_eq(ferr_level, 0);
    /* with NE there is no FERR# for IRQ13: MOV CR0 */
    divide_by_zero();
    ck_assert_int_eq(ferr_level, 1);
    cpu_set(c, CPU_EAX, CR0_PE | CR0_ET | CR0_NE);
    RUN(r, 1, 0x0f, 0x22, 0xc0);
    ck_assert_int_eq(ferr_level, 0);
    EXPECT_FAULT(r, EXC_MF, 0, 0x9b);
    RUN(r, 1, 0xdb, 0xe3);
    ferr_calls = 0;
    divide_by_zero();
    ck_assert_int_eq(ferr_calls, 0);
}
END_TEST

START_TEST(without_ferr_wired_nothing_hangs)
{
    cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET);
    divide_by_zero();
    RUN(r, 2, 0xd9, 0xe8, 0x9b);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FSW), 0x8084 | 5 << 11);
}
END_TEST

START_TEST(nm)
{
    static const struct { u32 cr0; bool esc, wait; } t[] = {
        { 0, false, false }, { CR0_MP, false, false }, { CR0_TS, true, false },
        { CR0_MP | CR0_TS, true, true }, { CR0_EM, true, false }, { CR0_EM | CR0_MP, true, false },
        { CR0_EM | CR0_TS, true, false }, { CR0_EM | CR0_MP | CR0_TS, true, true },
    };

    cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE | t[_i].cr0);
    if (t[_i].wait)
        EXPECT_FAULT(r, EXC_NM, 0, 0x9b);
    else
        RUN(r, 1, 0x9b);
    cpu_set(r->c, CPU_EIP, CODE_AT + 0x100);
    if (t[_i].esc) {
        EXPECT_FAULT(r, EXC_NM, 0, 0xdb, 0xe3); /* FNINIT */
        cpu_set(r->c, CPU_EIP, CODE_AT + 0x200);
        EXPECT_FAULT(r, EXC_NM, 0, 0xdf, 0xe0); /* FNSTSW AX */
    } else {
        RUN(r, 1, 0xdb, 0xe3);
    }
}
END_TEST

/* ---- page faults */

enum { PDIR = 0x40000, PTAB = 0x41000, GONE = 0x51000 };

/* Identity, but for one page that is not there. */
static void page(void)
{
    poke32(r, PDIR, PTAB | 7);
    for (u32 k = 0; k < 256; k++)
        poke32(r, PTAB + 4 * k, k << 12 | (k << 12 == GONE ? 0 : 7));
    cpu_set(r->c, CPU_CR3, PDIR);
    cpu_set(r->c, CPU_CR0, cpu_get(r->c, CPU_CR0) | CR0_PG);
}

/* Operands that cross into the missing page; unit and memory must be as before. */
START_TEST(page_fault_changes_nothing)
{
    static const struct { u8 op, reg, size; bool write; u16 cw; } t[] = {
        { 0xd9, 0, 4, false, 0x37f }, { 0xdd, 0, 8, false, 0x37f }, { 0xdb, 5, 10, false, 0x37f },
        { 0xdf, 0, 2, false, 0x37f }, { 0xdf, 4, 10, false, 0x37f }, { 0xdf, 5, 8, false, 0x37f },
        { 0xd8, 0, 4, false, 0x37f }, { 0xdc, 3, 8, false, 0x37f }, { 0xde, 6, 2, false, 0x37f },
        { 0xd9, 4, 28, false, 0x37f }, { 0xd9, 5, 2, false, 0x37f }, { 0xdd, 4, 108, false, 0x37f },
        { 0xd9, 2, 4, true, 0x37f }, { 0xd9, 3, 4, true, 0x37f }, { 0xdd, 3, 8, true, 0x37f },
        { 0xdb, 7, 10, true, 0x37f }, { 0xdf, 3, 2, true, 0x37f }, { 0xdf, 7, 8, true, 0x37f },
        { 0xdf, 6, 10, true, 0x37f }, { 0xd9, 6, 28, true, 0x37f }, { 0xd9, 7, 2, true, 0x37f },
        { 0xdd, 6, 108, true, 0x37f }, { 0xdd, 7, 2, true, 0x37f },
        /* stores that an unmasked exception would keep from memory: too big for it */
        { 0xd9, 3, 4, true, 0x340 }, { 0xdd, 3, 8, true, 0x340 }, { 0xdf, 3, 2, true, 0x340 },
        { 0xdf, 6, 10, true, 0x340 },
    };
    u32 ea = GONE - 1u - (unsigned)_i % (t[_i].size - 1u);
    struct fpu before, *f = &r->c->fpu;
    u8 code[2] = { t[_i].op, (u8)(t[_i].reg << 3 | 6) };

    page();
    cpu_set(r->c, CPU_FCW, t[_i].cw);
    cpu_set(r->c, CPU_FTW, 0);
    for (unsigned k = 0; k < 7; k++)
        cpu_set_st(r->c, k, big);
    cpu_set(r->c, CPU_FTW, 0xc000); /* ST(7) is free */
    cpu_set(r->c, CPU_ESI, ea);
    memset(r->host + GONE - 128, 0xcc, 128);
    before = *f;
    poke(r, CODE_AT, code, 2);
    ck_assert_int_eq(cpu_step(r->c), CPU_BUDGET);
    struct frame_seen seen = frame_seen(r);
    ck_assert_int_eq(seen.vec, EXC_PF);
    ck_assert_uint_eq(seen.eip, CODE_AT);
    ck_assert_uint_eq(seen.err, t[_i].write ? 2 : 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CR2), GONE);
    ck_assert_mem_eq(&before, f, sizeof(before));
    for (unsigned k = 0; k < 128; k++)
        ck_assert_uint_eq(r->host[GONE - 128 + k], 0xcc);

    /* the page comes, the instruction is restarted and ends */
    poke32(r, PTAB + 4 * (GONE >> 12), GONE | 7);
    memset(r->host + GONE, 0, 128);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    ck_assert_int_eq(cpu_step(r->c), CPU_BUDGET);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT + 2);
}
END_TEST

START_TEST(power_on)
{
    struct rig *fresh = rig_cpu("max");

    ck_assert_uint_eq(cpu_get(fresh->c, CPU_FCW), 0x0040); /* SDM 3A table 9-1 */
    ck_assert_uint_eq(cpu_get(fresh->c, CPU_FSW), 0);
    ck_assert_uint_eq(cpu_get(fresh->c, CPU_FTW), 0x5555);
    rig_free(fresh);
}
END_TEST

Suite *suite_x87_state(void)
{
    Suite *s = suite_create("x87_state");
    TCase *t = tcase_create("all");

    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_loop_test(t, fnstenv_has_the_modes_layout, 0, NUM_LAYOUTS);
    tcase_add_loop_test(t, fnsave_and_frstor, 0, NUM_LAYOUTS);
    tcase_add_test(t, fnstenv_masks);
    tcase_add_test(t, pointers_follow_instructions_that_compute);
    tcase_add_loop_test(t, mf_at_the_next_waiting_instruction, 0, 7);
    tcase_add_test(t, unmasking_reports);
    tcase_add_test(t, ferr_and_ignne);
    tcase_add_test(t, without_ferr_wired_nothing_hangs);
    tcase_add_loop_test(t, nm, 0, 8);
    tcase_add_loop_test(t, page_fault_changes_nothing, 0, 27);
    tcase_add_test(t, power_on);
    suite_add_tcase(s, t);
    return s;
}
