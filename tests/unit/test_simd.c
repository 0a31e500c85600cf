/* SPDX-License-Identifier: MIT */
/* MMX and SSE rows of the instruction table, what vectors cannot show: prefixes, absent features,
 * CR0.EM and TS, CR4.OSFXSR, pending x87 exceptions, LOCK, alignment and pages of every row's memory
 * operand, the state that MMX makes, FXSAVE images, MXCSR, masked stores. What the
 * rows should do is derived here from their operands and names, not from their attributes.
 * SDM 1 chapters 9 to 11, SDM 3A chapters 2, 12 and 13. */
#include "tests/unit/simd_rig.h"

Suite *suite_simd(void);

enum { PD_AT = 0x60000, PT_AT = 0x61000 };

/* ---- rows */

static bool has_kind(const struct isa_row *row, unsigned a, unsigned b, unsigned c)
{
    for (unsigned k = 0; k < 3; k++) {
        unsigned kind = OPD_KIND(row->o[k]);
        if (kind && (kind == a || kind == b || kind == c))
            return true;
    }
    return false;
}

static bool touches_mmx(const struct isa_row *row)
{
    return has_kind(row, OK_P, OK_Q, OK_N) || !strcmp(row->name, "emms");
}

static bool touches_xmm(const struct isa_row *row)
{
    return has_kind(row, OK_VX, OK_W, OK_U) || !strcmp(row->name + 2, "mxcsr");
}

static bool is_fxsave(const struct isa_row *row)
{
    return !strcmp(row->name, "fxsave") || !strcmp(row->name, "fxrstor");
}

/* Converts from memory, or an MMX register: only then it is an MMX instruction. */
static bool is_cvtpi(const struct isa_row *row)
{
    return !strncmp(row->name, "cvtpi", 5);
}

static bool is_simd(const struct isa_row *row)
{
    return row->pfx != PFX_ANY && row->map == MAP_2;
}

static bool has_form(const struct isa_row *row, bool mem)
{
    bool either = has_kind(row, OK_E, OK_Q, OK_W);

    return either || (mem ? has_kind(row, OK_M, OK_M, OK_M)
                          : !has_kind(row, OK_M, OK_M, OK_M));
}

/* Bytes of the memory operand; 0: not from the table. */
static unsigned mem_size(const struct isa_row *row)
{
    for (unsigned k = 0; k < 3; k++) {
        unsigned kind = OPD_KIND(row->o[k]);
        if (kind != OK_E && kind != OK_M && kind != OK_Q && kind != OK_W)
            continue;
        switch (OPD_SIZE(row->o[k])) {
        case OZ_B: return 1;
        case OZ_W: return 2;
        case OZ_D: return 4;
        case OZ_Q: return 8;
        case OZ_DQ: return 16;
        default: return 0;
        }
    }
    return 0;
}

static bool is_store(const struct isa_row *row)
{
    unsigned kind = OPD_KIND(row->o[0]);

    return ((kind == OK_E || kind == OK_M || kind == OK_Q || kind == OK_W) && row->o[1]) ||
           !strcmp(row->name, "stmxcsr") || !strcmp(row->name, "fxsave");
}

static bool must_align(const struct isa_row *row)
{
    static const char *const free_ones[] = { "movups", "movupd", "movdqu", "lddqu" };

    for (unsigned k = 0; k < ARRAY_LEN(free_ones); k++)
        if (!strcmp(row->name, free_ones[k]))
            return false;
    return mem_size(row) == 16 || is_fxsave(row);
}

/* The row's encoding with [esi], or with register 2 in r/m; register 1 in reg. */
static unsigned encode(const struct isa_row *row, bool mem, bool lock, u8 *b)
{
    static const u8 prefix[] = { [PFX_66] = 0x66, [PFX_F3] = 0xf3, [PFX_F2] = 0xf2 };
    u8 *at = b;

    if (lock)
        *at++ = 0xf0;
    if (row->pfx != PFX_NONE && row->pfx != PFX_ANY)
        *at++ = prefix[row->pfx];
    *at++ = 0x0f;
    *at++ = row->op;
    if (row->ext >= 0 || row->o[0]) /* all but EMMS */
        *at++ = (u8)((mem ? 0x06 : 0xc2) | (row->ext >= 0 ? row->ext : 1) << 3);
    if (has_kind(row, OK_I, OK_I, OK_I))
        *at++ = 1;
    return (unsigned)(at - b);
}

/* A known state with everything allowed. */
static void fresh(void)
{
    struct cpu *c = r->c;

    cpu_set(c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE | (c->cr0 & CR0_PG));
    cpu_set(c, CPU_CR4, CR4_OSFXSR | CR4_OSXMMEXCPT);
    cpu_set(c, CPU_FCW, 0x37f);
    cpu_set(c, CPU_FSW, 0x2900); /* TOP 5, C0 */
    cpu_set(c, CPU_FTW, 0xffff);
    cpu_set(c, CPU_MXCSR, 0x1f80);
    for (unsigned k = 0; k < 8; k++) {
        memset(c->fpu.reg[k], 0x10 + (int)k, 16);
        memset(c->fpu.xmm[k], 0x20 + (int)k, 16);
    }
    for (unsigned k = 0; k < 8; k++)
        c->gpr[k] = 0x01010101u * k;
    cpu_set(c, CPU_ESI, AT);
    cpu_set(c, CPU_EDI, AT);
    cpu_set(c, CPU_EIP, CODE_AT);
    memset(r->host + AT - 512, 0x30, 4096);
    st32(r->host + AT, 0x1f80); /* MXCSR, for LDMXCSR */
    st32(r->host + AT + 24, 0x1f80);
}

static int run_row(const struct isa_row *row, bool mem, bool lock)
{
    u8 code[15];

    return run(code, encode(row, mem, lock, code));
}

#define EACH_ROW(row, mem) \
    for (unsigned n_ = 0; n_ < 2 * isa_num_rows(); n_++) \
        if (row = isa_row(n_ / 2), mem = n_ & 1, is_simd(row) && has_form(row, mem))

#define CHECK_ROW(row, mem, got, want) \
    ck_assert_msg((got) == (want), "%s (0F %02x, prefix %u, %s): %d, not %d", (row)->name, \
                  (row)->op, (row)->pfx, (mem) ? "memory" : "register", got, want)

/* ---- decoding */

START_TEST(the_prefix_is_part_of_the_opcode)
{
    static const struct { u8 code[6], len; const char *name; } t[] = {
        { { 0x0f, 0x6f, 0xc1 }, 3, "movq" },
        { { 0x66, 0x0f, 0x6f, 0xc1 }, 4, "movdqa" },
        { { 0xf3, 0x0f, 0x6f, 0xc1 }, 4, "movdqu" },
        { { 0xf3, 0x66, 0x0f, 0x6f, 0xc1 }, 5, "movdqu" },
        { { 0x66, 0xf3, 0x0f, 0x6f, 0xc1 }, 5, "movdqu" },
        { { 0xf2, 0x0f, 0x6f, 0xc1 }, 4, NULL },
        { { 0xf2, 0xf3, 0x0f, 0x6f, 0xc1 }, 5, "movdqu" }, /* the last one */
        { { 0xf3, 0xf2, 0x0f, 0x6f, 0xc1 }, 5, NULL },
        { { 0xf2, 0xf3, 0x0f, 0x10, 0xc1 }, 5, "movss" },
        { { 0xf3, 0xf2, 0x0f, 0x10, 0xc1 }, 5, "movsd" },
        { { 0x0f, 0x12, 0xc1 }, 3, "movhlps" },
        { { 0x0f, 0x12, 0x06 }, 3, "movlps" },
        { { 0x66, 0x0f, 0x12, 0xc1 }, 4, NULL },
        { { 0xf2, 0x0f, 0x12, 0xc1 }, 4, "movddup" },
        { { 0x66, 0x0f, 0x77 }, 3, NULL },
        { { 0x66, 0x0f, 0x6c, 0xc1 }, 4, "punpcklqdq" },
        { { 0x0f, 0x6c, 0xc1 }, 3, NULL },
        { { 0x0f, 0x71, 0x06 }, 3, NULL },
        { { 0xf3, 0x90 }, 2, "pause" },
        { { 0xf2, 0x90 }, 2, "xchg" },
        { { 0x66, 0x0f, 0xaf, 0xc1 }, 4, "imul" }, /* an operand size still */
        { { 0xf3, 0x0f, 0xaf, 0xc1 }, 4, "imul" },
        { { 0x0f, 0xae, 0xe8 }, 3, "lfence" },
        { { 0x0f, 0xae, 0xef }, 3, "lfence" },
        { { 0x0f, 0xae, 0xf0 }, 3, "mfence" },
        { { 0x0f, 0xae, 0xf8 }, 3, "sfence" },
        { { 0x0f, 0xae, 0x3e }, 3, "clflush" },
        { { 0x0f, 0xae, 0xc0 }, 3, NULL },
        { { 0x0f, 0x01, 0xc8 }, 3, "monitor" },
        { { 0x0f, 0x01, 0xc9 }, 3, "mwait" },
        { { 0x0f, 0x01, 0xca }, 3, NULL },
        { { 0x0f, 0x18, 0x0e }, 3, "prefetcht0" },
        { { 0x0f, 0x18, 0x26 }, 3, "nop" },
        { { 0x0f, 0x18, 0xc8 }, 3, "nop" },
    };

    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        struct decoded d;
        ck_assert_int_eq(isa_decode(r->c->isa, t[k].code, t[k].len, MODE_D, &d), DECODE_OK);
        ck_assert_msg(d.row ? t[k].name && !strcmp(d.row->name, t[k].name) : !t[k].name,
                      "case %u: %s", k, d.row ? d.row->name : "undefined");
        if (d.row)
            ck_assert_uint_eq(d.in.len, t[k].len);
    }
}
END_TEST

START_TEST(registers_are_offsets)
{
    static const u8 mmx[] = { 0x0f, 0xfc, 0xdd }, xmm[] = { 0x66, 0x0f, 0xfc, 0xfe };
    static const u8 mixed[] = { 0x66, 0x0f, 0x7e, 0xd9 }; /* movd ecx, xmm3 */
    struct decoded d;

    isa_decode(r->c->isa, mmx, sizeof mmx, MODE_D, &d);
    ck_assert_uint_eq(d.in.dst, 3 * 16);
    ck_assert_uint_eq(d.in.src, 5 * 16);
    isa_decode(r->c->isa, xmm, sizeof xmm, 0, &d); /* 16-bit code: 66 is no size to it */
    ck_assert_uint_eq(d.in.dst, 7 * 16);
    ck_assert_uint_eq(d.in.src, 6 * 16);
    isa_decode(r->c->isa, mixed, sizeof mixed, MODE_D, &d);
    ck_assert_uint_eq(d.in.dst, 4);
    ck_assert_uint_eq(d.in.src, 3 * 16);
    ck_assert_uint_eq(d.form, FORM_RR);
}
END_TEST

/* Without a feature its rows are undefined, and the prefix does not lead to another one. */
START_TEST(absent_features_are_undefined)
{
    const struct isa_row *row;
    bool mem;

    EACH_ROW(row, mem) {
        all_features(r->c, 0xffffffffu & ~BIT(row->feat));
        fresh();
        CHECK_ROW(row, mem, run_row(row, mem, false), EXC_UD);
    }
}
END_TEST

/* ---- availability */

/* Every row runs, with and without memory, and what follows faults only for the reason given. */
START_TEST(every_row_runs)
{
    const struct isa_row *row;
    unsigned forms = 0;
    bool mem;

    EACH_ROW(row, mem) {
        fresh();
        CHECK_ROW(row, mem, run_row(row, mem, false), -1);
        forms++;
    }
    ck_assert_uint_gt(forms, 300);
}
END_TEST

START_TEST(lock_is_undefined)
{
    const struct isa_row *row;
    bool mem;

    EACH_ROW(row, mem) {
        fresh();
        CHECK_ROW(row, mem, run_row(row, mem, true), EXC_UD);
    }
}
END_TEST

START_TEST(emulation_and_task_switched)
{
    const struct isa_row *row;
    bool mem;

    EACH_ROW(row, mem) {
        bool simd = touches_mmx(row) || touches_xmm(row);

        fresh();
        cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_EM);
        CHECK_ROW(row, mem, run_row(row, mem, false), is_fxsave(row) ? EXC_NM : simd ? EXC_UD : -1);
        fresh();
        cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_TS);
        CHECK_ROW(row, mem, run_row(row, mem, false), is_fxsave(row) || simd ? EXC_NM : -1);
        fresh();
        cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_TS | CR0_EM);
        CHECK_ROW(row, mem, run_row(row, mem, false), is_fxsave(row) ? EXC_NM : simd ? EXC_UD : -1);
        fresh();
        cpu_set(r->c, CPU_CR4, 0);
        CHECK_ROW(row, mem, run_row(row, mem, false), touches_xmm(row) ? EXC_UD : -1);
    }
}
END_TEST

/* A pending x87 exception: MMX instructions report it, before a page that is not there. */
START_TEST(pending_x87_exception)
{
    const struct isa_row *row;
    bool mem;

    EACH_ROW(row, mem) {
        bool mmx = touches_mmx(row) && !(is_cvtpi(row) && mem);
        u8 before[sizeof r->c->fpu.reg];

        if (!strcmp(row->name, "fxrstor"))
            continue;
        fresh();
        cpu_set(r->c, CPU_FCW, 0x37e);
        cpu_set(r->c, CPU_FSW, 0x2901);
        if (mmx)
            cpu_set(r->c, CPU_DS_LIMIT, 0x10);
        memcpy(before, r->c->fpu.reg, sizeof before);
        CHECK_ROW(row, mem, run_row(row, mem, false), mmx ? EXC_MF : -1);
        cpu_set(r->c, CPU_DS_LIMIT, 0xffffffff);
        ck_assert_mem_eq(before, r->c->fpu.reg, sizeof before);
        ck_assert_uint_eq(r->c->fpu.valid, 0);
    }
}
END_TEST

/* TOP 0, everything valid; what is written gets an exponent of ones; C0 and the pointers stay. */
START_TEST(mmx_state)
{
    const struct isa_row *row;
    bool mem;

    EACH_ROW(row, mem) {
        struct fpu *f = &r->c->fpu;
        bool mmx = touches_mmx(row) && !(is_cvtpi(row) && mem);
        unsigned dst = OPD_KIND(row->o[0]) == OK_P ? 1 : 2;
        bool writes = OPD_KIND(row->o[0]) == OK_P || (OPD_KIND(row->o[0]) == OK_Q && !mem) ||
                      (OPD_KIND(row->o[0]) == OK_N && row->ext >= 0);

        if (!strcmp(row->name, "fxrstor"))
            continue;
        if (!strcmp(row->name, "maskmovq"))
            writes = false;
        fresh();
        f->fip = 0x1234;
        f->fop = 0x321;
        CHECK_ROW(row, mem, run_row(row, mem, false), -1);
        CHECK_ROW(row, mem, f->sw, mmx ? 0x100 : 0x2900);
        CHECK_ROW(row, mem, f->valid, mmx && strcmp(row->name, "emms") ? 0xff : 0);
        ck_assert_uint_eq(f->fip, 0x1234);
        ck_assert_uint_eq(f->fop, 0x321);
        for (unsigned k = 0; k < 8; k++)
            CHECK_ROW(row, mem, ld16(f->reg[k] + 8),
                      mmx && writes && k == dst ? 0xffff : 0x0101 * (0x10 + (int)k));
    }
}
END_TEST

/* ---- memory operands */

START_TEST(alignment)
{
    const struct isa_row *row;
    bool mem;

    EACH_ROW(row, mem) {
        struct fpu before;
        u8 memory[600];

        if (!mem)
            continue;
        for (u32 off = 1; off < 16; off += off) {
            fresh();
            cpu_set(r->c, CPU_ESI, AT + off);
            st32(r->host + AT + off, 0x1f80);
            before = r->c->fpu;
            memcpy(memory, r->host + AT, sizeof memory);
            int got = run_row(row, true, false);
            CHECK_ROW(row, mem, got, must_align(row) ? EXC_GP : -1);
            if (got >= 0) {
                ck_assert_uint_eq(cpu_last_fault(r->c).error, 0);
                ck_assert_mem_eq(&before, &r->c->fpu, offsetof(struct fpu, operand));
                ck_assert_mem_eq(memory, r->host + AT, sizeof memory);
            }
        }
    }
}
END_TEST

static void map_all(void)
{
    poke32(r, PD_AT, PT_AT | 7);
    for (u32 k = 0; k < 256; k++)
        poke32(r, PT_AT + 4 * k, k << 12 | 7);
    cpu_set(r->c, CPU_CR3, PD_AT);
    cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_PG);
}

static void map_page(u32 la, u32 bits)
{
    poke32(r, PT_AT + (la >> 12) * 4, la | bits);
    mmu_invlpg(r->c, la);
}

/* The second of two pages is missing, or the first; nothing has changed then. */
START_TEST(missing_pages)
{
    const struct isa_row *row;
    bool mem;

    map_all();
    EACH_ROW(row, mem) {
        unsigned size = is_fxsave(row) ? 512 : mem_size(row), step = must_align(row) ? 16 : 1;
        const char *name = row->name;

        if (!mem || !strcmp(name, "clflush"))
            continue;
        ck_assert_uint_ne(size, 0);
        for (u32 la = 0x31000 - size + step; la <= 0x31000; la += step) {
            struct fpu before;
            fresh();
            map_page(0x31000, 0);
            memset(r->host + 0x30e00, 0x30, 0x400);
            st32(r->host + la, 0x1f80);
            if (is_fxsave(row))
                st32(r->host + la + 24, 0x1f80);
            cpu_set(r->c, CPU_ESI, la);
            before = r->c->fpu;
            CHECK_ROW(row, mem, run_row(row, true, false), EXC_PF);
            ck_assert_uint_eq(cpu_last_fault(r->c).cr2, 0x31000);
            ck_assert_uint_eq(cpu_last_fault(r->c).error, is_store(row) ? 2 : 0);
            ck_assert_mem_eq(&before, &r->c->fpu, offsetof(struct fpu, operand));
            for (u32 k = 0x30e00; k < 0x31200; k++)
                if (k - la >= 4 && k - la - 24 >= 4)
                    ck_assert_uint_eq(r->host[k], 0x30);
            map_page(0x31000, 7);
            /* and now it is done */
            CHECK_ROW(row, mem, run_row(row, true, false), -1);
        }
    }
}
END_TEST

START_TEST(read_only_pages)
{
    const struct isa_row *row;
    bool mem;

    map_all();
    EACH_ROW(row, mem) {
        if (!mem)
            continue;
        fresh();
        map_page(AT, 5);
        cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE | CR0_PG | CR0_WP);
        CHECK_ROW(row, mem, run_row(row, true, false), is_store(row) ? EXC_PF : -1);
        if (is_store(row))
            ck_assert_uint_eq(cpu_last_fault(r->c).error, 3);
        map_page(AT, 7);
    }
}
END_TEST

START_TEST(segment_limits)
{
    const struct isa_row *row;
    bool mem;

    EACH_ROW(row, mem) {
        unsigned size = is_fxsave(row) ? 512 : mem_size(row);

        if (!mem)
            continue;
        fresh();
        cpu_set(r->c, CPU_DS_LIMIT, AT + size - 1);
        CHECK_ROW(row, mem, run_row(row, true, false), -1);
        fresh();
        cpu_set(r->c, CPU_DS_LIMIT, AT + size - 2);
        CHECK_ROW(row, mem, run_row(row, true, false), EXC_GP);
        cpu_set(r->c, CPU_DS_LIMIT, 0xffffffff);
    }
}
END_TEST

/* ---- FXSAVE and FXRSTOR */

static const u8 fxsave_esi[] = { 0x0f, 0xae, 0x06 }, fxrstor_esi[] = { 0x0f, 0xae, 0x0e };

static void known_state(void)
{
    struct cpu *c = r->c;

    fresh();
    cpu_set(c, CPU_FCW, 0x0b7f);
    cpu_set(c, CPU_FSW, 0x6a21); /* TOP 5 */
    c->fpu.valid = 0x85;
    for (unsigned k = 0; k < 8; k++)
        for (unsigned n = 0; n < 16; n++) {
            c->fpu.reg[k][n] = (u8)(16 * k + n);
            c->fpu.xmm[k][n] = (u8)(0x80 + 16 * k + n);
        }
    cpu_set(c, CPU_FIP, 0x12389abc);
    cpu_set(c, CPU_FCS, 0x0123);
    cpu_set(c, CPU_FDP, 0x45676543);
    cpu_set(c, CPU_FDS, 0x0456);
    cpu_set(c, CPU_FOP, 0x5a5);
    cpu_set(c, CPU_MXCSR, 0x7fa1);
    memset(r->host + AT, 0xcc, 1024);
}

static const u8 fx_head[32] = {
    0x7f, 0x0b, 0x21, 0x6a, 0x85, 0x00, 0xa5, 0x05, 0xbc, 0x9a, 0x38, 0x12, 0x23, 0x01, 0x00, 0x00,
    0x43, 0x65, 0x67, 0x45, 0x56, 0x04, 0x00, 0x00, 0xa1, 0x7f, 0x00, 0x00, 0xff, 0xff, 0x00, 0x00,
};

static void check_fx_registers(bool sse)
{
    for (unsigned k = 0; k < 8; k++)
        for (unsigned n = 0; n < 16; n++) {
            unsigned phys = (5 + k) & 7;
            ck_assert_uint_eq(r->host[AT + 32 + 16 * k + n], n < 10 ? 16 * phys + n : 0);
            ck_assert_uint_eq(r->host[AT + 160 + 16 * k + n], sse ? 0x80 + 16 * k + n : 0xcc);
        }
    for (unsigned k = 288; k < 1024; k++)
        ck_assert_uint_eq(r->host[AT + k], 0xcc);
}

START_TEST(fxsave_image)
{
    known_state();
    ck_assert_int_eq(run(fxsave_esi, 3), -1);
    ck_assert_mem_eq(r->host + AT, fx_head, 32);
    check_fx_registers(true);
    ck_assert_uint_eq(r->c->fpu.sw, 0x6a21); /* FXSAVE leaves the unit as it is */
    ck_assert_uint_eq(r->c->fpu.valid, 0x85);
}
END_TEST

/* What SSE added is there with CR4.OSFXSR, and on processors with SSE, only. */
START_TEST(fxsave_without_sse)
{
    for (unsigned k = 0; k < 2; k++) {
        known_state();
        if (k == 0)
            cpu_set(r->c, CPU_CR4, 0);
        else
            all_features(r->c, 0xffffffffu & ~(BIT(FEAT_SSE) | BIT(FEAT_SSE2) | BIT(FEAT_SSE3)));
        ck_assert_int_eq(run(fxsave_esi, 3), -1);
        ck_assert_mem_eq(r->host + AT, fx_head, 24);
        for (unsigned n = 24; n < 32; n++)
            ck_assert_uint_eq(r->host[AT + n], 0xcc);
        check_fx_registers(false);
        /* reserved bits of what is not read are no matter */
        memset(r->c->fpu.xmm, 0x77, sizeof r->c->fpu.xmm);
        ck_assert_int_eq(run(fxrstor_esi, 3), -1);
        ck_assert_uint_eq(r->c->fpu.mxcsr, 0x7fa1);
        ck_assert_uint_eq(r->c->fpu.xmm[3][5], 0x77);
    }
}
END_TEST

START_TEST(fxrstor_takes_all_back)
{
    struct fpu was;

    known_state();
    was = r->c->fpu;
    ck_assert_int_eq(run(fxsave_esi, 3), -1);
    st16(r->host + AT + 6, 0xfda5); /* FOP has 11 bits */
    fpu_reset(r->c, false);
    ck_assert_int_eq(run(fxrstor_esi, 3), -1);
    for (unsigned k = 0; k < 8; k++) {
        ck_assert_mem_eq(r->c->fpu.reg[k], was.reg[k], 10);
        ck_assert_mem_eq(r->c->fpu.xmm[k], was.xmm[k], 16);
    }
    ck_assert_uint_eq(r->c->fpu.cw, was.cw);
    ck_assert_uint_eq(r->c->fpu.sw, was.sw);
    ck_assert_uint_eq(r->c->fpu.valid, was.valid);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FTW), 0x3fcc | (cpu_get(r->c, CPU_FTW) & 0xc033));
    ck_assert_uint_eq(r->c->fpu.fop, 0x5a5);
    ck_assert_uint_eq(r->c->fpu.fip, was.fip);
    ck_assert_uint_eq(r->c->fpu.fcs, was.fcs);
    ck_assert_uint_eq(r->c->fpu.fdp, was.fdp);
    ck_assert_uint_eq(r->c->fpu.fds, was.fds);
    ck_assert_uint_eq(r->c->fpu.mxcsr, was.mxcsr);
}
END_TEST

/* The summary bits follow flags and masks, and what is pending then waits for the next one. */
START_TEST(fxrstor_makes_an_exception_pending)
{
    static const u8 emms[] = { 0x0f, 0x77 };

    known_state();
    ck_assert_int_eq(run(fxsave_esi, 3), -1);
    st16(r->host + AT, 0x037e);
    st16(r->host + AT + 2, 0x0001);
    ck_assert_int_eq(run(fxrstor_esi, 3), -1);
    ck_assert_uint_eq(r->c->fpu.sw, 0x8081);
    ck_assert_int_eq(run(fxsave_esi, 3), -1); /* no waiting instruction */
    ck_assert_int_eq(run(fxrstor_esi, 3), -1);
    ck_assert_int_eq(run(emms, 2), EXC_MF);
}
END_TEST

/* Reserved bits of MXCSR: #GP, nothing loaded. A Pentium III has no DAZ. */
START_TEST(mxcsr_reserved_bits)
{
    static const u8 ldmxcsr[] = { 0x0f, 0xae, 0x16 };

    for (unsigned bit = 0; bit < 32; bit++)
        for (unsigned sse2 = 0; sse2 < 2; sse2++) {
            u32 mask = sse2 ? 0xffff : 0xffbf;
            int want = mask >> bit & 1 ? -1 : EXC_GP;

            all_features(r->c, sse2 ? 0xffffffffu : 0xffffffffu & ~BIT(FEAT_SSE2));
            fresh();
            st32(r->host + AT, BIT(bit));
            ck_assert_int_eq(run(ldmxcsr, 3), want);
            ck_assert_uint_eq(r->c->fpu.mxcsr, want < 0 ? BIT(bit) : 0x1f80);
            known_state();
            ck_assert_int_eq(run(fxsave_esi, 3), -1);
            ck_assert_uint_eq(peek32(r, AT + 28), mask);
            st32(r->host + AT + 24, BIT(bit));
            st16(r->host + AT, 0x37f);
            struct fpu was = r->c->fpu;
            ck_assert_int_eq(run(fxrstor_esi, 3), want);
            if (want >= 0)
                ck_assert_mem_eq(&r->c->fpu, &was, offsetof(struct fpu, operand));
            else
                ck_assert_uint_eq(r->c->fpu.mxcsr, BIT(bit));
        }
}
END_TEST

/* ---- masked stores */

START_TEST(masked_stores)
{
    static const u8 maskmovq[] = { 0x0f, 0xf7, 0xca }, maskmovdqu[] = { 0x66, 0x0f, 0xf7, 0xca };
    static const u8 fs_16bit[] = { 0x64, 0x67, 0x0f, 0xf7, 0xca };

    fresh();
    cpu_set(r->c, CPU_EDI, AT + 0x103);
    memset(r->host + AT + 0x100, 0x30, 32);
    for (unsigned k = 0; k < 16; k++)
        r->c->fpu.xmm[2][k] = k % 3 == 0 ? 0x80 : 0x7f;
    ck_assert_int_eq(run(maskmovdqu, 4), -1);
    for (unsigned k = 0; k < 32; k++)
        ck_assert_uint_eq(r->host[AT + 0x100 + k],
                          k - 3 < 16 && (k - 3) % 3 == 0 ? 0x21 : 0x30);
    /* the segment prefix and the address size count */
    fresh();
    cpu_set(r->c, CPU_FS_BASE, AT);
    cpu_set(r->c, CPU_EDI, 0xffff0100);
    memset(r->c->fpu.reg[2], 0xff, 4);
    ck_assert_int_eq(run(fs_16bit, 5), -1);
    ck_assert_uint_eq(peek32(r, AT + 0x100), 0x11111111);
    ck_assert_uint_eq(peek32(r, AT + 0x104), 0x30303030);
    cpu_set(r->c, CPU_FS_BASE, 0);
    /* all bytes are judged, even those that stay */
    map_all();
    fresh();
    map_page(0x31000, 0);
    memset(r->c->fpu.reg[2], 0, 16);
    r->c->fpu.reg[2][0] = 0x80;
    cpu_set(r->c, CPU_EDI, 0x30ffc);
    r->host[0x30ffc] = 0x30;
    ck_assert_int_eq(run(maskmovq, 3), EXC_PF);
    ck_assert_uint_eq(cpu_last_fault(r->c).cr2, 0x31000);
    ck_assert_uint_eq(cpu_last_fault(r->c).error, 2);
    ck_assert_uint_eq(r->host[0x30ffc], 0x30);
    ck_assert_uint_eq(r->c->fpu.valid, 0);
}
END_TEST

Suite *suite_simd(void)
{
    Suite *s = suite_create("simd");
    TCase *rows = tcase_create("rows"), *mem = tcase_create("memory"), *fx = tcase_create("state");

    tcase_add_checked_fixture(rows, set_up, tear_down);
    tcase_add_test(rows, the_prefix_is_part_of_the_opcode);
    tcase_add_test(rows, registers_are_offsets);
    tcase_add_test(rows, absent_features_are_undefined);
    tcase_add_test(rows, every_row_runs);
    tcase_add_test(rows, lock_is_undefined);
    tcase_add_test(rows, emulation_and_task_switched);
    tcase_add_test(rows, pending_x87_exception);
    tcase_add_test(rows, mmx_state);
    suite_add_tcase(s, rows);

    tcase_add_checked_fixture(mem, set_up, tear_down);
    tcase_add_test(mem, alignment);
    tcase_add_test(mem, missing_pages);
    tcase_add_test(mem, read_only_pages);
    tcase_add_test(mem, segment_limits);
    tcase_add_test(mem, masked_stores);
    suite_add_tcase(s, mem);

    tcase_add_checked_fixture(fx, set_up, tear_down);
    tcase_add_test(fx, fxsave_image);
    tcase_add_test(fx, fxsave_without_sse);
    tcase_add_test(fx, fxrstor_takes_all_back);
    tcase_add_test(fx, fxrstor_makes_an_exception_pending);
    tcase_add_test(fx, mxcsr_reserved_bits);
    suite_add_tcase(s, fx);
    return s;
}
