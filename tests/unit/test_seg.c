/* SPDX-License-Identifier: MIT */
/* Segmentation on a bare CPU: loads against the tables of SDM 2 (MOV) and 3A 5, limits in every
 * form, unreal mode, LAR and its kin, port rights. Expectations are written out, not computed. */
#include "tests/unit/cpu_rig.h"

Suite *suite_seg(void);

/* ---- loads */

/* MOV sreg, AX with the selector in AX; nothing faulted: vec -1. */
struct load_case {
    unsigned cpl;
    u8 sreg; /* S_DS or S_SS */
    u16 sel;
    int vec;
    u16 err;
};
static const struct load_case loads[] = {
    /* data segments at CPL 0 */
    { 0, S_DS, G_DATA0, -1, 0 }, { 0, S_DS, G_DATA0 | 1, EXC_GP, G_DATA0 },
    { 0, S_DS, G_DATA0 | 3, EXC_GP, G_DATA0 }, { 0, S_DS, G_DATA3, -1, 0 },
    { 0, S_DS, G_DATA3 | 3, -1, 0 }, { 0, S_DS, G_DATA1 | 1, -1, 0 },
    { 0, S_DS, G_DATA1 | 2, EXC_GP, G_DATA1 }, { 0, S_DS, G_CODE0, -1, 0 },
    { 0, S_DS, G_CONF0 | 3, -1, 0 }, { 0, S_DS, G_XONLY3, EXC_GP, G_XONLY3 },
    { 0, S_DS, G_RO3, -1, 0 }, { 0, S_DS, G_TSS, EXC_GP, G_TSS },
    { 0, S_DS, G_LDT, EXC_GP, G_LDT }, { 0, S_DS, G_ABSENT | 3, EXC_NP, G_ABSENT },
    { 0, S_DS, 0xb0, EXC_GP, 0xb0 }, { 0, S_DS, 0xfffb, EXC_GP, 0xfff8 },
    { 0, S_DS, 0x0c, EXC_GP, 0x0c } /* no LDT */, { 0, S_DS, 0, -1, 0 }, { 0, S_DS, 3, -1, 0 },
    /* and at CPL 3 */
    { 3, S_DS, G_DATA0, EXC_GP, G_DATA0 }, { 3, S_DS, G_DATA1 | 1, EXC_GP, G_DATA1 },
    { 3, S_DS, G_DATA3, -1, 0 }, { 3, S_DS, G_DATA3 | 3, -1, 0 },
    { 3, S_DS, G_CODE0, EXC_GP, G_CODE0 }, { 3, S_DS, G_CODE3 | 3, -1, 0 },
    { 3, S_DS, G_CONF0 | 3, -1, 0 }, { 3, S_DS, G_XONLY3 | 3, EXC_GP, G_XONLY3 },
    { 3, S_DS, G_DOWN | 3, -1, 0 }, { 3, S_DS, 2, -1, 0 },
    /* SS */
    { 0, S_SS, G_DATA0, -1, 0 }, { 0, S_SS, 0, EXC_GP, 0 }, { 0, S_SS, 3, EXC_GP, 0 },
    { 0, S_SS, G_DATA0 | 1, EXC_GP, G_DATA0 }, { 0, S_SS, G_DATA3, EXC_GP, G_DATA3 },
    { 0, S_SS, G_DATA3 | 3, EXC_GP, G_DATA3 }, { 0, S_SS, G_CODE0, EXC_GP, G_CODE0 },
    { 0, S_SS, G_RO3, EXC_GP, G_RO3 }, { 0, S_SS, G_TSS, EXC_GP, G_TSS },
    { 3, S_SS, G_DATA3 | 3, -1, 0 }, { 3, S_SS, G_DATA3, EXC_GP, G_DATA3 },
    { 3, S_SS, G_RO3 | 3, EXC_GP, G_RO3 }, { 3, S_SS, G_ABSENT | 3, EXC_SS, G_ABSENT },
    { 3, S_SS, G_DOWN | 3, -1, 0 }, { 3, S_SS, G_DATA1 | 1, EXC_GP, G_DATA1 },
    { 1, S_SS, G_DATA1 | 1, -1, 0 }, { 1, S_SS, G_DATA0, EXC_GP, G_DATA0 },
    { 1, S_DS, G_DATA1 | 1, -1, 0 }, { 1, S_DS, G_DATA0, EXC_GP, G_DATA0 },
};

START_TEST(loads_follow_the_tables)
{
    const struct load_case *t = &loads[_i];
    struct rig *r = rig_prot();
    u16 before;

    if (t->cpl)
        rig_level(r, t->cpl);
    before = (u16)cpu_get(r->c, CPU_ES + t->sreg);
    cpu_set(r->c, CPU_EAX, t->sel);
    if (t->vec >= 0) {
        if (t->sreg == S_SS)
            EXPECT_FAULT(r, t->vec, t->err, 0x8e, 0xd0);
        else
            EXPECT_FAULT(r, t->vec, t->err, 0x8e, 0xd8);
        if (t->sreg != S_SS)
            ck_assert_uint_eq(cpu_get(r->c, CPU_DS), before);
        else if (t->cpl)
            ck_assert_uint_eq(frame_seen(r).ss, before);
    } else {
        if (t->sreg == S_SS)
            RUN(r, 1, 0x8e, 0xd0);
        else
            RUN(r, 1, 0x8e, 0xd8);
        ck_assert_int_eq(frame_seen(r).vec, -1);
        ck_assert_uint_eq(cpu_get(r->c, CPU_ES + t->sreg), t->sel);
        ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT + 2);
        if (t->sel & 0xfffc)
            ck_assert_msg(access_of(r, t->sel) & 1, "accessed bit of %x", t->sel);
    }
    rig_free(r);
}
END_TEST

START_TEST(descriptor_reaches_the_cache)
{
    struct rig *r = rig_prot();

    set_desc(r, GDT_AT + G_SMALL, 0x12345678, 0xabcde, 0x93, 0xd);
    cpu_set(r->c, CPU_EAX, G_SMALL);
    RUN(r, 1, 0x8e, 0xe0); /* mov fs, ax */
    ck_assert_uint_eq(cpu_get(r->c, CPU_FS_BASE), 0x12345678);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FS_LIMIT), 0xabcdefff);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FS_ATTR), 0xd093);
    /* the table may change afterwards: the cache stays */
    set_desc(r, GDT_AT + G_SMALL, 0, 0, 0x13, 0);
    cpu_set(r->c, CPU_EAX, 0);
    RUN(r, 1, 0x8e, 0xe8); /* mov gs, ax */
    ck_assert_uint_eq(cpu_get(r->c, CPU_FS_BASE), 0x12345678);
    rig_free(r);
}
END_TEST

START_TEST(mov_cs_and_numbers_6_and_7_are_undefined)
{
    struct rig *r = rig_prot();

    EXPECT_FAULT(r, EXC_UD, 0, 0x8e, 0xc8);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    EXPECT_FAULT(r, EXC_UD, 0, 0x8e, 0xf0);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    EXPECT_FAULT(r, EXC_UD, 0, 0x8c, 0xf8);
    rig_free(r);
}
END_TEST

START_TEST(ldt_with_a_limit_of_64k_works)
{
    struct rig *r = rig_prot();

    set_desc(r, GDT_AT + G_LDT, LDT_AT, 0xffff, 0x82, 0);
    set_desc(r, LDT_AT + 0x20, 0x777, 0xfff, 0x93, 0);
    cpu_set(r->c, CPU_EAX, G_LDT);
    RUN(r, 1, 0x0f, 0x00, 0xd0); /* lldt ax */
    cpu_set(r->c, CPU_EAX, 0x24);
    RUN(r, 1, 0x8e, 0xd8);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DS_BASE), 0x777);
    cpu_set(r->c, CPU_EAX, G_DATA0); /* not an LDT */
    EXPECT_FAULT(r, EXC_GP, G_DATA0, 0x0f, 0x00, 0xd0);
    rig_free(r);
}
END_TEST

START_TEST(push_and_pop_of_segments_touch_a_word)
{
    struct rig *r = rig_prot();

    poke32(r, SP0 - 4, 0xaaaaaaaa);
    RUN(r, 1, 0x1e); /* push ds */
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0 - 4);
    ck_assert_uint_eq(peek32(r, SP0 - 4), 0xaaaa0000 | G_DATA0);
    RUN(r, 1, 0x07); /* pop es */
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ES), G_DATA0);
    RUN(r, 1, 0x66, 0x1e);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0 - 2);
    /* a pop that faults leaves ESP */
    poke32(r, SP0 - 2, G_TSS);
    EXPECT_FAULT(r, EXC_GP, G_TSS, 0x1f);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0 - 2 - 16);
    rig_free(r);
}
END_TEST

/* ---- limits */

/* MOV of a size at an offset of DS, which has this descriptor. */
struct limit_case { u32 limit; u16 attr; u32 ea; u8 size; bool write; bool ok; };
static const struct limit_case limits[] = {
    /* expand-up, 100h bytes */
    { 0xff, 0x93, 0xff, 1, false, true }, { 0xff, 0x93, 0x100, 1, false, false },
    { 0xff, 0x93, 0xfe, 2, false, true }, { 0xff, 0x93, 0xff, 2, false, false },
    { 0xff, 0x93, 0xfc, 4, true, true }, { 0xff, 0x93, 0xfd, 4, true, false },
    { 0x00, 0x93, 0x00, 1, true, true }, { 0x00, 0x93, 0x00, 2, true, false },
    { 0x03, 0x93, 0x00, 4, true, true },
    { 0xff, 0x93, 0xffffffff, 4, false, false }, { 0xff, 0x93, 0xfffffffe, 1, false, false },
    /* read-only, execute-only, readable code */
    { 0xfff, 0x91, 0x10, 4, false, true }, { 0xfff, 0x91, 0x10, 4, true, false },
    { 0xfff, 0x99, 0x10, 4, false, false }, { 0xfff, 0x99, 0x10, 4, true, false },
    { 0xfff, 0x9b, 0x10, 4, false, true }, { 0xfff, 0x9b, 0x10, 4, true, false },
    /* expand-down above 0fffh, to 64 KB and to 4 GB */
    { 0xfff, 0x97, 0xfff, 1, false, false }, { 0xfff, 0x97, 0x1000, 1, false, true },
    { 0xfff, 0x97, 0x1000, 4, true, true }, { 0xfff, 0x97, 0xffc, 4, true, false },
    { 0xfff, 0x97, 0xffff, 1, true, true }, { 0xfff, 0x97, 0xfffe, 4, true, false },
    { 0xfff, 0x97, 0x10000, 1, true, false }, { 0xfff, 0x4097, 0x10000, 1, true, true },
    { 0xfff, 0x95, 0x2000, 4, true, false } /* read-only */,
    { 0xffffffff, 0x97, 0x1000, 1, false, false } /* nothing is left */,
    /* 4 GB */
    { 0xffffffff, 0xc093, 0xfffffffc, 4, false, true },
    { 0xffffffff, 0xc093, 0xffffffff, 1, false, true },
    { 0xfffff, 0xc093, 0xffffd, 4, false, false },
};

START_TEST(limits_hold_in_every_form)
{
    const struct limit_case *t = &limits[_i];
    struct rig *r = rig_prot();
    static const u8 codes[2][3][3] = {
        { { 0x8a, 0x03, 0x90 }, { 0x66, 0x8b, 0x03 }, { 0x8b, 0x03, 0x90 } }, /* mov eax, [ebx] */
        { { 0x88, 0x03, 0x90 }, { 0x66, 0x89, 0x03 }, { 0x89, 0x03, 0x90 } },
    };

    cpu_set(r->c, CPU_DS_LIMIT, t->limit);
    cpu_set(r->c, CPU_DS_ATTR, t->attr);
    cpu_set(r->c, CPU_EBX, t->ea);
    poke(r, CODE_AT, codes[t->write][t->size == 4 ? 2 : t->size - 1], 3);
    ck_assert_int_eq(cpu_step(r->c), CPU_BUDGET);
    if (t->ok) {
        ck_assert_int_eq(frame_seen(r).vec, -1);
    } else {
        ck_assert_int_eq(frame_seen(r).vec, EXC_GP);
        ck_assert_uint_eq(frame_seen(r).err, 0);
        ck_assert_uint_eq(frame_seen(r).eip, CODE_AT);
    }
    rig_free(r);
}
END_TEST

START_TEST(null_segment_faults_on_use)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_EAX, 0);
    RUN(r, 1, 0x8e, 0xd8);
    EXPECT_FAULT(r, EXC_GP, 0, 0x8b, 0x03);
    rig_free(r);
}
END_TEST

START_TEST(far_pointer_lies_inside_its_segment)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_DS_LIMIT, 0xff);
    cpu_set(r->c, CPU_DS_ATTR, 0x93);
    cpu_set(r->c, CPU_EBX, 0xfc);
    cpu_set(r->c, CPU_EAX, 0x5555);
    EXPECT_FAULT(r, EXC_GP, 0, 0xc4, 0x03); /* les eax, [ebx] */
    ck_assert_uint_eq(cpu_get(r->c, CPU_EAX), 0x5555);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ES), G_DATA0);
    rig_free(r);
}
END_TEST

/* ---- real mode */

static struct rig *rig_real(void)
{
    struct rig *r = rig_cpu("max");

    cpu_set(r->c, CPU_CS, 0x1000);
    cpu_set(r->c, CPU_EIP, 0);
    cpu_set(r->c, CPU_SS, 0x0500);
    cpu_set(r->c, CPU_ESP, 0x1000);
    cpu_set(r->c, CPU_IDTR_LIMIT, 0x3ff);
    for (unsigned v = 0; v < 256; v++) {
        poke32(r, v * 4, 0x20000000 | v * 16);
        poke16(r, 0x20000 + 16 * v, 0xfeeb);
    }
    return r;
}

START_TEST(real_mode_word_at_ffff_is_13_or_12)
{
    struct rig *r = rig_real();

    cpu_set(r->c, CPU_EBX, 0xffff);
    cpu_set(r->c, CPU_EFLAGS, FL_IF | FL_TF * 0 | FL_CF);
    RUN(r, 1, 0x8b, 0x07); /* mov ax, [bx] */
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS), 0x2000);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), 16 * EXC_GP);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), 0x1000 - 6); /* no error code */
    ck_assert_uint_eq(peek16(r, 0x5ffa), 0);
    ck_assert_uint_eq(peek16(r, 0x5ffc), 0x1000);
    ck_assert_uint_eq(peek16(r, 0x5ffe), FL_IF | FL_CF | FL_1);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS) & FL_IF, 0);

    cpu_set(r->c, CPU_CS, 0x1000);
    cpu_set(r->c, CPU_EIP, 0);
    cpu_set(r->c, CPU_EBP, 0xffff);
    RUN(r, 1, 0x8b, 0x46, 0x00); /* mov ax, [bp] */
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), 16 * EXC_SS);
    rig_free(r);
}
END_TEST

START_TEST(real_mode_idt_limit_makes_double_and_triple_faults)
{
    struct rig *r = rig_real();

    /* INT 40h with room up to vector 13: #GP */
    cpu_set(r->c, CPU_IDTR_LIMIT, 14 * 4 - 1);
    RUN(r, 1, 0xcd, 0x40);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), 16 * EXC_GP);
    ck_assert_uint_eq(peek16(r, 0x5ffa), 0); /* the INT's own IP */
    /* without room for #GP, but for #DF */
    cpu_set(r->c, CPU_CS, 0x1000);
    cpu_set(r->c, CPU_EIP, 0);
    cpu_set(r->c, CPU_IDTR_LIMIT, 9 * 4 - 1);
    RUN(r, 1, 0xcd, 0x40);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), 16 * EXC_DF);
    /* and for none */
    cpu_set(r->c, CPU_CS, 0x1000);
    cpu_set(r->c, CPU_EIP, 0);
    cpu_set(r->c, CPU_IDTR_LIMIT, 8 * 4 - 1);
    ck_assert_int_eq(cpu_step(r->c), CPU_SHUTDOWN);
    ck_assert_int_eq(cpu_step(r->c), CPU_SHUTDOWN);
    rig_free(r);
}
END_TEST

START_TEST(unreal_mode_keeps_limit_and_size)
{
    struct rig *r = rig_prot();

    /* clear PE: caches stay */
    cpu_set(r->c, CPU_EAX, CR0_ET);
    RUN(r, 1, 0x0f, 0x22, 0xc0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DS_LIMIT), 0xffffffff);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS_ATTR) & SEG_DB, SEG_DB);
    cpu_set(r->c, CPU_EBX, 0x80000);
    poke32(r, 0x80000, 0xcafe1234);
    RUN(r, 1, 0x8b, 0x03); /* still 32-bit code and data beyond 64 KB */
    ck_assert_uint_eq(cpu_get(r->c, CPU_EAX), 0xcafe1234);
    /* a real-mode load changes base and selector alone */
    cpu_set(r->c, CPU_EAX, 0x100);
    RUN(r, 1, 0x8e, 0xd8);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DS_BASE), 0x1000);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DS_LIMIT), 0xffffffff);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DS_ATTR), 0xc093);
    RUN(r, 1, 0x8b, 0x83, 0x00, 0xf0, 0xff, 0xff); /* mov eax, [ebx - 1000h] */
    ck_assert_uint_eq(cpu_get(r->c, CPU_EAX), 0xcafe1234);
    rig_free(r);
}
END_TEST

/* ---- LAR, LSL, VERR, VERW, ARPL */

struct look_case { unsigned cpl; u16 sel; bool lar, lsl, verr, verw; };
static const struct look_case looks[] = {
    { 0, 0, false, false, false, false }, { 0, 0xb0, false, false, false, false },
    { 0, G_DATA0, true, true, true, true }, { 0, G_CODE0, true, true, true, false },
    { 0, G_XONLY3, true, true, false, false }, { 0, G_RO3, true, true, true, false },
    { 0, G_TSS, true, true, false, false }, { 0, G_LDT, true, true, false, false },
    { 0, G_TSS16, true, true, false, false }, { 0, G_GATE, true, false, false, false },
    { 0, G_TASKGATE, true, false, false, false }, { 0, G_ABSENT, true, true, true, true },
    { 0, G_DATA0 | 3, false, false, false, false }, { 0, G_CONF0 | 3, true, true, true, false },
    { 3, G_DATA0, false, false, false, false }, { 3, G_DATA3 | 3, true, true, true, true },
    { 3, G_CONF0 | 3, true, true, true, false }, { 3, G_TSS, false, false, false, false },
};

START_TEST(lookups_follow_the_tables)
{
    const struct look_case *t = &looks[_i];
    struct rig *r = rig_prot();

    set_gate(r, GDT_AT + G_GATE, G_CODE0, 0, 0x8c, 0);
    set_gate(r, GDT_AT + G_TASKGATE, G_TSS2, 0, 0x85, 0);
    if (t->cpl)
        rig_level(r, t->cpl);
    cpu_set(r->c, CPU_EAX, t->sel);
    cpu_set(r->c, CPU_ECX, 0x55555555);
    cpu_set(r->c, CPU_EDX, 0x55555555);
    RUN(r, 1, 0x0f, 0x02, 0xc8); /* lar ecx, eax */
    ck_assert_uint_eq(!!(cpu_get(r->c, CPU_EFLAGS) & FL_ZF), t->lar);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ECX),
                      t->lar ? peek32(r, GDT_AT + (t->sel & 0xfff8) + 4) & 0xf0ff00 : 0x55555555);
    RUN(r, 1, 0x0f, 0x03, 0xd0); /* lsl edx, eax */
    ck_assert_uint_eq(!!(cpu_get(r->c, CPU_EFLAGS) & FL_ZF), t->lsl);
    if (!t->lsl)
        ck_assert_uint_eq(cpu_get(r->c, CPU_EDX), 0x55555555);
    else if ((t->sel & 0xfff8) == G_TSS)
        ck_assert_uint_eq(cpu_get(r->c, CPU_EDX), 0x67);
    else if ((t->sel & 0xfff8) == G_DATA3)
        ck_assert_uint_eq(cpu_get(r->c, CPU_EDX), 0xffffffff);
    RUN(r, 1, 0x0f, 0x00, 0xe0); /* verr ax */
    ck_assert_uint_eq(!!(cpu_get(r->c, CPU_EFLAGS) & FL_ZF), t->verr);
    RUN(r, 1, 0x0f, 0x00, 0xe8); /* verw ax */
    ck_assert_uint_eq(!!(cpu_get(r->c, CPU_EFLAGS) & FL_ZF), t->verw);
    rig_free(r);
}
END_TEST

START_TEST(arpl_raises_only)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_EAX, 0x11110041);
    cpu_set(r->c, CPU_ECX, 3);
    RUN(r, 1, 0x63, 0xc8);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EAX), 0x11110043);
    ck_assert(cpu_get(r->c, CPU_EFLAGS) & FL_ZF);
    cpu_set(r->c, CPU_ECX, 0x10);
    RUN(r, 1, 0x63, 0xc8);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EAX), 0x11110043);
    ck_assert(!(cpu_get(r->c, CPU_EFLAGS) & FL_ZF));
    rig_free(r);
}
END_TEST

/* ---- ports */

struct io_case { u16 port; u8 size; u16 map; u16 limit; u8 byte; u8 bits; bool ok; };
static const struct io_case ios[] = {
    { 0x60, 1, 0x68, 0x87, 12, 0x00, true }, { 0x60, 1, 0x68, 0x87, 12, 0x01, false },
    { 0x60, 1, 0x68, 0x87, 12, 0xfe, true }, { 0x67, 1, 0x68, 0x87, 12, 0x80, false },
    { 0x60, 2, 0x68, 0x87, 12, 0x02, false }, { 0x60, 4, 0x68, 0x87, 12, 0x08, false },
    { 0x60, 4, 0x68, 0x87, 12, 0xf0, true },
    { 0x67, 2, 0x68, 0x87, 13, 0x01, false } /* straddles bytes */,
    { 0x66, 4, 0x68, 0x87, 13, 0x02, false }, { 0x66, 4, 0x68, 0x87, 13, 0x04, true },
    /* the byte behind must be inside the limit, needed or not */
    { 0x60, 1, 0x68, 0x75, 12, 0x00, true }, { 0x60, 1, 0x68, 0x74, 12, 0x00, false },
    { 0x60, 1, 0xffff, 0x87, 12, 0x00, false }, { 0x60, 1, 0x68, 0x67, 12, 0x00, false },
    { 0x60, 1, 0x68, 0x66, 12, 0x00, false },
};

START_TEST(port_rights_come_from_the_bitmap)
{
    const struct io_case *t = &ios[_i];
    struct rig *r = rig_prot();

    poke16(r, TSS_AT + 0x66, t->map);
    cpu_set(r->c, CPU_TR_LIMIT, t->limit);
    r->host[TSS_AT + 0x68 + t->byte] = t->bits;
    rig_level(r, 3);
    cpu_set(r->c, CPU_EDX, t->port);
    cpu_set(r->c, CPU_EAX, 0);
    poke(r, CODE_AT, t->size == 1 ? "\xec\x90" : t->size == 2 ? "\x66\xed" : "\xed\x90", 2);
    cpu_step(r->c);
    ck_assert_int_eq(frame_seen(r).vec, t->ok ? -1 : EXC_GP);
    ck_assert_uint_eq(r->num_io, t->ok);
    if (t->ok)
        ck_assert_uint_eq(cpu_get(r->c, CPU_EAX), 0x44332211u & size_mask(t->size));

    /* IOPL 3 needs no map, V86 mode does with any IOPL */
    rig_level(r, 3);
    r->num_io = 0;
    cpu_set(r->c, CPU_EFLAGS, FL_IOPL);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    cpu_step(r->c);
    ck_assert_uint_eq(r->num_io, 1);
    rig_v86(r, 0x1000, 3);
    r->num_io = 0;
    poke(r, CODE_AT, t->size == 1 ? "\xec\x90" : t->size == 2 ? "\xed\x90" : "\x66\xed", 2);
    cpu_step(r->c);
    ck_assert_uint_eq(r->num_io, t->ok);
    rig_free(r);
}
END_TEST

START_TEST(ins_is_restartable_and_counted)
{
    struct rig *r = rig_prot();
    u64 before;

    /* the third element lies beyond the limit */
    cpu_set(r->c, CPU_ES_LIMIT, 0x5007);
    cpu_set(r->c, CPU_ES_ATTR, 0x93);
    cpu_set(r->c, CPU_EDI, 0x5000);
    cpu_set(r->c, CPU_EDX, 0x1f0);
    cpu_set(r->c, CPU_ECX, 5);
    before = *cpu_retired(r->c);
    poke(r, CODE_AT, "\xf3\x6d", 2); /* rep insd */
    cpu_run(r->c, before + 3); /* the third of these is the handler's jump */
    ck_assert_int_eq(frame_seen(r).vec, EXC_GP);
    ck_assert_uint_eq(r->num_io, 2); /* no port access whose data would be lost */
    ck_assert_uint_eq(cpu_get(r->c, CPU_ECX), 3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EDI), 0x5008);
    ck_assert_uint_eq(frame_seen(r).eip, CODE_AT);
    ck_assert_uint_eq(peek32(r, 0x5004), 0x44332211);

    cpu_set(r->c, CPU_EIP, CODE_AT);
    cpu_set(r->c, CPU_ES_LIMIT, 0xffff);
    before = *cpu_retired(r->c);
    cpu_run(r->c, before + 2);
    ck_assert_uint_eq(*cpu_retired(r->c), before + 2);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ECX), 1);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT);
    cpu_run(r->c, before + 3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ECX), 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT + 2);
    /* a count of 0 is one instruction */
    cpu_set(r->c, CPU_EIP, CODE_AT);
    r->num_io = 0;
    cpu_run(r->c, before + 4);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT + 2);
    ck_assert_uint_eq(r->num_io, 0);
    rig_free(r);
}
END_TEST

Suite *suite_seg(void)
{
    Suite *s = suite_create("seg");
    TCase *tc = tcase_create("segments");

    tcase_add_loop_test(tc, loads_follow_the_tables, 0, ARRAY_LEN(loads));
    tcase_add_test(tc, descriptor_reaches_the_cache);
    tcase_add_test(tc, mov_cs_and_numbers_6_and_7_are_undefined);
    tcase_add_test(tc, ldt_with_a_limit_of_64k_works);
    tcase_add_test(tc, push_and_pop_of_segments_touch_a_word);
    tcase_add_loop_test(tc, limits_hold_in_every_form, 0, ARRAY_LEN(limits));
    tcase_add_test(tc, null_segment_faults_on_use);
    tcase_add_test(tc, far_pointer_lies_inside_its_segment);
    tcase_add_test(tc, real_mode_word_at_ffff_is_13_or_12);
    tcase_add_test(tc, real_mode_idt_limit_makes_double_and_triple_faults);
    tcase_add_test(tc, unreal_mode_keeps_limit_and_size);
    tcase_add_loop_test(tc, lookups_follow_the_tables, 0, ARRAY_LEN(looks));
    tcase_add_test(tc, arpl_raises_only);
    tcase_add_loop_test(tc, port_rights_come_from_the_bitmap, 0, ARRAY_LEN(ios));
    tcase_add_test(tc, ins_is_restartable_and_counted);
    suite_add_tcase(s, tc);
    return s;
}
