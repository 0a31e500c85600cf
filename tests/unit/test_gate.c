/* SPDX-License-Identifier: MIT */
/* Gates, far transfers, delivery, task switches and V86 mode on a bare CPU.
 * Expectations are written from the pseudo-code of SDM 2 and the tables of 3A chapters 6, 7 and
 * 20. */
#include "tests/unit/cpu_rig.h"

Suite *suite_gate(void);

enum { TARGET = 0x30000 };

/* ---- far JMP and CALL: who may go where */

struct far_case { unsigned cpl; bool call; u16 sel; int vec; u16 err; };
static const struct far_case fars[] = {
    { 0, false, G_CODE0, -1, 0 }, { 0, true, G_CODE0, -1, 0 },
    { 0, false, 0, EXC_GP, 0 }, { 0, true, 3, EXC_GP, 0 },
    { 0, false, G_CODE0 | 1, EXC_GP, G_CODE0 }, { 0, false, G_DATA0, EXC_GP, G_DATA0 },
    { 0, false, G_CODE3, EXC_GP, G_CODE3 }, { 0, false, G_CODE3 | 3, EXC_GP, G_CODE3 },
    { 0, false, G_CONF0 | 3, -1, 0 }, { 0, false, G_CONF3 | 3, EXC_GP, G_CONF3 },
    { 0, false, G_LDT, EXC_GP, G_LDT }, { 0, false, 0x100, EXC_GP, 0x100 },
    { 3, false, G_CODE3, -1, 0 }, { 3, true, G_CODE3 | 3, -1, 0 },
    { 3, false, G_CODE0 | 3, EXC_GP, G_CODE0 }, { 3, true, G_CONF0, -1, 0 },
    { 3, true, G_CONF3 | 3, -1, 0 }, { 3, false, G_TSS2, EXC_GP, G_TSS2 },
    { 3, false, G_CODE1 | 1, EXC_GP, G_CODE1 },
};

START_TEST(direct_transfers_follow_the_table)
{
    const struct far_case *t = &fars[_i];
    struct rig *r = rig_prot();
    u8 code[7] = { t->call ? 0x9a : 0xea };
    u32 esp;

    if (t->cpl)
        rig_level(r, t->cpl);
    esp = cpu_get(r->c, CPU_ESP);
    st32(code + 1, TARGET);
    st16(code + 5, t->sel);
    poke(r, CODE_AT, code, 7);
    poke16(r, TARGET, 0xfeeb);
    cpu_step(r->c);
    ck_assert_int_eq(frame_seen(r).vec, t->vec);
    if (t->vec >= 0) {
        ck_assert_uint_eq(frame_seen(r).err, t->err);
        ck_assert_uint_eq(frame_seen(r).eip, CODE_AT);
        if (t->cpl)
            ck_assert_uint_eq(frame_seen(r).esp, esp);
    } else {
        ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), TARGET);
        /* RPL becomes CPL, which stays */
        ck_assert_uint_eq(cpu_get(r->c, CPU_CS), (t->sel & 0xfffc) | t->cpl);
        ck_assert_uint_eq(cpu_get(r->c, CPU_CPL), t->cpl);
        ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), esp - (t->call ? 8 : 0));
        if (t->call) {
            ck_assert_uint_eq(peek32(r, esp - 8), CODE_AT + 7);
            ck_assert_uint_eq(peek32(r, esp - 4) & 0xfffc, t->cpl ? G_CODE3 : G_CODE0);
        }
    }
    rig_free(r);
}
END_TEST

START_TEST(not_present_and_limit_come_last)
{
    struct rig *r = rig_prot();

    set_desc(r, GDT_AT + G_SMALL, 0, 0xffff, 0x1a, 0x4);
    EXPECT_FAULT(r, EXC_NP, G_SMALL, 0xea, 0, 0, 3, 0, G_SMALL, 0);
    set_desc(r, GDT_AT + G_SMALL, 0, 0xffff, 0x9a, 0x4);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    EXPECT_FAULT(r, EXC_GP, 0, 0xea, 0, 0, 3, 0, G_SMALL, 0);
    ck_assert_uint_eq(access_of(r, G_SMALL), 0x9a); /* no Accessed bit for a fault */
    rig_free(r);
}
END_TEST

START_TEST(retf_at_the_same_level_pops_its_immediate)
{
    struct rig *r = rig_prot();

    poke32(r, SP0, TARGET);
    poke32(r, SP0 + 4, 0xabcd0000 | G_CODE0);
    RUN(r, 1, 0xca, 0x10, 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), TARGET);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0 + 8 + 0x10);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    cpu_set(r->c, CPU_ESP, SP0);
    poke32(r, SP0 + 4, G_CODE3); /* RPL below, DPL above */
    EXPECT_FAULT(r, EXC_GP, G_CODE3, 0xcb);
    rig_free(r);
}
END_TEST

/* ---- call gates */

START_TEST(gate_to_inner_level_switches_stacks_and_copies)
{
    struct rig *r = rig_prot();

    set_gate(r, GDT_AT + G_GATE, G_CODE0 | 3, TARGET, 0xec, 3);
    poke16(r, TARGET, 0xfeeb);
    rig_level(r, 3);
    for (u32 k = 0; k < 4; k++)
        poke32(r, SP3 + 4 * k, 0x11110000 + k);
    RUN(r, 1, 0x9a, 1, 2, 3, 4, G_GATE | 3, 0); /* the offset is ignored */
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), TARGET);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS), G_CODE0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_SS), G_DATA0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CPL), 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0 - 28);
    ck_assert_uint_eq(peek32(r, SP0 - 4), G_DATA3 | 3);
    ck_assert_uint_eq(peek32(r, SP0 - 8), SP3);
    ck_assert_uint_eq(peek32(r, SP0 - 12), 0x11110002);
    ck_assert_uint_eq(peek32(r, SP0 - 16), 0x11110001);
    ck_assert_uint_eq(peek32(r, SP0 - 20), 0x11110000);
    ck_assert_uint_eq(peek32(r, SP0 - 24), G_CODE3 | 3);
    ck_assert_uint_eq(peek32(r, SP0 - 28), CODE_AT + 7);
    /* and back: RETF 12 drops the parameters on both stacks, nulls what level 3 may not have */
    cpu_set(r->c, CPU_ES, G_DATA0);
    cpu_set(r->c, CPU_ES_ATTR, 0xc093);
    cpu_set(r->c, CPU_FS, G_CONF0);
    cpu_set(r->c, CPU_FS_ATTR, 0xc09f);
    RUN(r, 1, 0xca, 12, 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT + 7);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS), G_CODE3 | 3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_SS), G_DATA3 | 3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP3 + 12);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CPL), 3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ES), 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FS), G_CONF0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DS), G_DATA3 | 3);
    rig_free(r);
}
END_TEST

START_TEST(gate16_ignores_the_high_offset_and_moves_words)
{
    struct rig *r = rig_prot();

    set_gate(r, GDT_AT + G_GATE, G_CODE0, 0xdead1234, 0xe4, 1);
    poke16(r, 0x1234, 0xfeeb);
    rig_level(r, 3);
    poke32(r, SP3, 0x7777);
    RUN(r, 1, 0x9a, 0, 0, 0, 0, G_GATE, 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), 0x1234);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0 - 10);
    ck_assert_uint_eq(peek16(r, SP0 - 2), G_DATA3 | 3);
    ck_assert_uint_eq(peek16(r, SP0 - 4), SP3);
    ck_assert_uint_eq(peek16(r, SP0 - 6), 0x7777);
    ck_assert_uint_eq(peek16(r, SP0 - 8), G_CODE3 | 3);
    ck_assert_uint_eq(peek16(r, SP0 - 10), (CODE_AT + 7) & 0xffff);
    rig_free(r);
}
END_TEST

/* A level-3 CALL through a gate; what is wrong, and what comes of it. */
enum { W_NONE, W_GATE_DPL, W_GATE_P, W_CS_NULL, W_CS_TYPE, W_CS_LIMIT, W_CS_P, W_TSS_LIMIT,
       W_SS_NULL, W_SS_RPL, W_SS_DPL, W_SS_RO, W_SS_P, W_SS_ROOM, W_OFFSET };
struct gate_case { u8 wrong; u8 vec; u16 err; };
static const struct gate_case gates[] = {
    { W_GATE_DPL, EXC_GP, G_GATE }, { W_GATE_P, EXC_NP, G_GATE }, { W_CS_NULL, EXC_GP, 0 },
    { W_CS_TYPE, EXC_GP, G_DATA0 }, { W_CS_LIMIT, EXC_GP, 0x100 }, { W_CS_P, EXC_NP, G_CODE1 },
    { W_TSS_LIMIT, EXC_TS, G_TSS }, { W_SS_NULL, EXC_TS, 0 }, { W_SS_RPL, EXC_TS, G_DATA1 },
    { W_SS_DPL, EXC_TS, G_DATA3 }, { W_SS_RO, EXC_TS, G_SMALL }, { W_SS_P, EXC_SS, G_SMALL },
    { W_SS_ROOM, EXC_SS, G_SMALL }, { W_OFFSET, EXC_GP, 0 },
};

START_TEST(gate_faults_name_the_culprit)
{
    const struct gate_case *t = &gates[_i];
    struct rig *r = rig_prot();
    u16 cs = G_CODE1, ss = G_DATA1 | 1;
    u32 esp = SP1;
    u8 gate = 0xec;

    switch (t->wrong) {
    case W_GATE_DPL: gate = 0xcc; break;
    case W_GATE_P: gate = 0x6c; break;
    case W_CS_NULL: cs = 2; break;
    case W_CS_TYPE: cs = G_DATA0; break;
    case W_CS_LIMIT: cs = 0x100; break;
    case W_CS_P: set_desc(r, GDT_AT + G_CODE1, 0, 0xfffff, 0x3a, 0xc); break;
    case W_TSS_LIMIT: cpu_set(r->c, CPU_TR_LIMIT, 0x10); break;
    case W_SS_NULL: ss = 1; break;
    case W_SS_RPL: ss = G_DATA1 | 2; break;
    case W_SS_DPL: ss = G_DATA3 | 1; break;
    case W_SS_RO: set_desc(r, GDT_AT + G_SMALL, 0, 0xffff, 0xb0, 4); ss = G_SMALL | 1; break;
    case W_SS_P: set_desc(r, GDT_AT + G_SMALL, 0, 0xffff, 0x32, 4); ss = G_SMALL | 1; break;
    case W_SS_ROOM:
        set_desc(r, GDT_AT + G_SMALL, 0, 0xffff, 0xb2, 4);
        ss = G_SMALL | 1;
        esp = 15; /* CS would go below 0 */
        break;
    case W_OFFSET: set_desc(r, GDT_AT + G_CODE1, 0, 0xffff, 0xba, 4); break;
    }
    set_gate(r, GDT_AT + G_GATE, cs, TARGET, gate, 0);
    poke32(r, TSS_AT + 0xc, esp);
    poke16(r, TSS_AT + 0x10, ss);
    rig_level(r, 3);
    EXPECT_FAULT(r, t->vec, t->err, 0x9a, 0, 0, 0, 0, G_GATE | 3, 0);
    ck_assert_uint_eq(frame_seen(r).cs, G_CODE3 | 3);
    ck_assert_uint_eq(frame_seen(r).esp, SP3);
    ck_assert_uint_eq(frame_seen(r).ss, G_DATA3 | 3);
    rig_free(r);
}
END_TEST

START_TEST(jump_through_a_gate_keeps_the_level)
{
    struct rig *r = rig_prot();

    set_gate(r, GDT_AT + G_GATE, G_CODE0, TARGET, 0xec, 0);
    rig_level(r, 3);
    EXPECT_FAULT(r, EXC_GP, G_CODE0, 0xea, 0, 0, 0, 0, G_GATE, 0);
    rig_level(r, 3);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    set_gate(r, GDT_AT + G_GATE, G_CONF0, TARGET, 0xec, 0);
    RUN(r, 1, 0xea, 0, 0, 0, 0, G_GATE, 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), TARGET);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS), G_CONF0 | 3);
    rig_free(r);
}
END_TEST

/* ---- interrupts */

struct int_case { u8 gate; u16 sel; u8 vec; u16 err; };
static const struct int_case ints[] = {
    { 0x8e, G_CODE0, EXC_GP, 0x40 * 8 + 2 } /* DPL 0 */, { 0x6e, G_CODE0, EXC_NP, 0x40 * 8 + 2 },
    { 0xe0, G_CODE0, EXC_GP, 0x40 * 8 + 2 }, { 0xec, G_CODE0, EXC_GP, 0x40 * 8 + 2 },
    { 0xfe, G_CODE0, EXC_GP, 0x40 * 8 + 2 } /* S = 1 */, { 0xee, 0, EXC_GP, 0 },
    { 0xee, G_DATA0, EXC_GP, G_DATA0 }, { 0xee, 0x100, EXC_GP, 0x100 },
    { 0xee, G_ABSENT, EXC_GP, G_ABSENT } /* data */, { 0xe5, G_TSS, EXC_GP, G_TSS } /* busy */,
    { 0xe5, G_TSS2 | 4, EXC_GP, G_TSS2 | 4 }, { 0xe5, G_CODE0, EXC_GP, G_CODE0 },
};

START_TEST(software_interrupt_faults)
{
    const struct int_case *t = &ints[_i];
    struct rig *r = rig_prot();

    set_gate(r, IDT_AT + 8 * 0x40, t->sel, TARGET, t->gate, 0);
    rig_level(r, 3);
    EXPECT_FAULT(r, t->vec, t->err, 0xcd, 0x40); /* EXT is 0 */
    rig_free(r);
}
END_TEST

START_TEST(exceptions_and_interrupts_set_ext)
{
    struct rig *r = rig_prot();

    set_gate(r, IDT_AT + 8 * EXC_UD, G_CODE0, TARGET, 0x6e, 0);
    EXPECT_FAULT(r, EXC_NP, EXC_UD * 8 + 3, 0x0f, 0x0b);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    cpu_set(r->c, CPU_ESP, SP0);
    set_gate(r, IDT_AT + 8 * EXC_NMI, G_DATA0, TARGET, 0x8e, 0);
    cpu_nmi(r->c);
    RUN(r, 1, 0x90);
    ck_assert_int_eq(frame_seen(r).vec, EXC_GP);
    ck_assert_uint_eq(frame_seen(r).err, G_DATA0 | 1);
    ck_assert_uint_eq(frame_seen(r).eip, CODE_AT);
    rig_free(r);
}
END_TEST

START_TEST(gates_clear_what_they_must)
{
    static const struct { u8 gate; u32 pushed, kept; unsigned size; } t[] = {
        { 0x8e, FL_NT | FL_IF, 0, 4 }, { 0x8f, FL_NT | FL_IF, FL_IF, 4 },
        { 0x86, FL_NT | FL_IF, 0, 2 }, { 0x87, FL_NT | FL_IF, FL_IF, 2 },
    };
    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        struct rig *r = rig_prot();

        set_gate(r, IDT_AT + 8 * 0x40, G_CODE0, 0xabcd1000, t[k].gate, 0);
        if (t[k].size == 4)
            set_gate(r, IDT_AT + 8 * 0x40, G_CODE0, 0x1000f, t[k].gate, 0);
        poke16(r, t[k].size == 4 ? 0x1000f : 0x1000, 0xfeeb);
        cpu_set(r->c, CPU_EFLAGS, FL_NT | FL_IF | FL_AC | FL_CF);
        RUN(r, 1, 0xcd, 0x40);
        ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), t[k].size == 4 ? 0x1000f : 0x1000);
        ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_1 | FL_AC | FL_CF | t[k].kept);
        ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0 - 3 * t[k].size);
        ck_assert_uint_eq(peek16(r, SP0 - t[k].size), FL_1 | FL_CF | t[k].pushed);
        ck_assert_uint_eq(peek16(r, SP0 - 3 * t[k].size), (CODE_AT + 2) & 0xffff);
        rig_free(r);
    }
}
END_TEST

START_TEST(double_fault_classes)
{
    /* the gate of the first vector cannot be used, which raises #NP, or by its stack #SS, #TS */
    static const struct { u8 first; bool makes_df; } t[] = {
        { EXC_DE, true }, { EXC_TS, true }, { EXC_NP, true }, { EXC_SS, true }, { EXC_GP, true },
        { EXC_PF, true }, { EXC_UD, false }, { EXC_BR, false }, { EXC_NM, false },
        { EXC_AC, false },
        { EXC_MF, false },
    };
    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        struct rig *r = rig_prot();

        set_gate(r, IDT_AT + 8 * t[k].first, G_CODE0, TARGET, 0x0e, 0); /* not present */
        if (t[k].first == EXC_NP) /* #NP's own: its use raises #NP again */
            set_gate(r, IDT_AT + 8 * EXC_NP, G_CODE0, TARGET, 0x0e, 0);
        if (has_error_code(t[k].first))
            cpu_raise_err(r->c, t[k].first, 0);
        else
            cpu_raise(r->c, t[k].first);
        fault_deliver(r->c);
        ck_assert_int_eq(frame_seen(r).vec, t[k].makes_df ? EXC_DF : EXC_NP);
        ck_assert_uint_eq(frame_seen(r).err, t[k].makes_df ? 0 : t[k].first * 8 + 3u);
        ck_assert_uint_eq(frame_seen(r).eip, CODE_AT);
        ck_assert_uint_eq(r->c->df_state, 0);
        rig_free(r);
    }
}
END_TEST

START_TEST(triple_fault_shuts_down)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_IDTR_LIMIT, EXC_DF * 8 - 1);
    poke(r, CODE_AT, "\xcd\x40", 2);
    ck_assert_int_eq(cpu_step(r->c), CPU_SHUTDOWN);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT);
    cpu_reset(r->c, CPU_INIT);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), 0xfff0);
    rig_free(r);
}
END_TEST

/* ---- IRET */

START_TEST(iret_flags_by_level)
{
    static const struct { unsigned cpl, iopl; bool op32; u32 expect; } t[] = {
        /* all bits but VM popped as 1 */
        { 0, 0, true, 0x3d7fd7 }, { 0, 0, false, 0x007fd7 },
        { 1, 1, true, 0x255fd7 & ~0x3000u }, { 1, 0, true, 0x254dd7 },
        { 3, 3, true, 0x257fd7 }, { 3, 0, true, 0x254dd7 }, { 3, 0, false, 0x004dd7 },
    };
    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        struct rig *r = rig_prot();
        u16 cs = t[k].cpl == 0 ? G_CODE0 : t[k].cpl == 1 ? G_CODE1 | 1 : G_CODE3 | 3;
        u32 esp, expect = t[k].expect;

        if (t[k].cpl)
            rig_level(r, t[k].cpl);
        if (t[k].cpl == 1 && t[k].iopl == 1)
            expect = 0x255fd7; /* IOPL stays 1 */
        esp = cpu_get(r->c, CPU_ESP);
        cpu_set(r->c, CPU_EFLAGS, t[k].iopl << 12);
        if (t[k].op32) {
            poke32(r, esp, CODE_AT + 0x100);
            poke32(r, esp + 4, cs);
            poke32(r, esp + 8, t[k].cpl ? 0xffffffff : 0xfffdffff);
            poke(r, CODE_AT, "\xcf", 1);
        } else {
            set_desc(r, GDT_AT + G_CODE0, CODE_AT, 0xfffff, 0x9a, 0xc);
            set_desc(r, GDT_AT + G_CODE3, CODE_AT, 0xfffff, 0xfa, 0xc);
            poke16(r, esp, 0x100);
            poke16(r, esp + 2, cs);
            poke16(r, esp + 4, 0xffff);
            poke(r, CODE_AT, "\x66\xcf", 2);
        }
        cpu_step(r->c);
        ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), t[k].op32 ? CODE_AT + 0x100 : 0x100);
        ck_assert_msg(cpu_get(r->c, CPU_EFLAGS) == expect, "case %u: %x, not %x", k,
                      cpu_get(r->c, CPU_EFLAGS), expect);
        rig_free(r);
    }
}
END_TEST

static void push_v86_frame(struct rig *r, u32 eip, u32 eflags)
{
    static const u32 sel[] = { 0x2000, 0x3000, 0x4000, 0x5000, 0x6000 }; /* SS ES DS FS GS */

    poke32(r, SP0 - 36, eip);
    poke32(r, SP0 - 32, 0xabcd1000); /* CS */
    poke32(r, SP0 - 28, eflags);
    poke32(r, SP0 - 24, 0x12345678); /* ESP */
    for (u32 k = 0; k < 5; k++)
        poke32(r, SP0 - 20 + 4 * k, 0xffff0000 | sel[k]);
    cpu_set(r->c, CPU_ESP, SP0 - 36);
}

START_TEST(iret_to_v86_and_interrupt_back)
{
    struct rig *r = rig_prot();

    push_v86_frame(r, 0xffff0010, FL_VM | FL_IF | FL_1);
    RUN(r, 1, 0xcf);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), 0x10); /* 16 bits of it */
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), 0x12345678);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CPL), 3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS), 0x1000);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS_BASE), 0x10000);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS_LIMIT), 0xffff);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS_ATTR), 0xf3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_GS_BASE), 0x60000);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DS), 0x4000);

    RUN(r, 1, 0x0f, 0x0b); /* #UD leaves V86 mode */
    struct frame_seen f = frame_seen(r);
    ck_assert_int_eq(f.vec, EXC_UD);
    ck_assert_uint_eq(f.eip, 0x10);
    ck_assert_uint_eq(f.cs, 0x1000);
    ck_assert_uint_eq(f.eflags, FL_VM | FL_IF | FL_1 | FL_RF);
    ck_assert_uint_eq(f.esp, 0x12345678);
    ck_assert_uint_eq(f.ss, 0x2000);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0 - 36);
    ck_assert_uint_eq(peek32(r, SP0 - 16), 0x3000);
    ck_assert_uint_eq(peek32(r, SP0 - 4), 0x6000);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CPL), 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS) & FL_VM, 0);
    for (unsigned s = 0; s < 4; s++) {
        static const u8 data[] = { S_ES, S_DS, S_FS, S_GS };
        ck_assert_uint_eq(cpu_get(r->c, CPU_ES + data[s]), 0);
    }
    rig_free(r);
}
END_TEST

START_TEST(v86_needs_iopl_3)
{
    static const u8 ops[][2] = { { 0xfa }, { 0xfb }, { 0x9c }, { 0x9d }, { 0xcf }, { 0xcd, 0x40 },
                                 { 0xf4 } };

    for (unsigned k = 0; k < ARRAY_LEN(ops); k++) {
        struct rig *r = rig_prot();

        rig_v86(r, 0x1000, 0);
        poke(r, 0x10000, ops[k], 2);
        cpu_step(r->c);
        ck_assert_int_eq(frame_seen(r).vec, EXC_GP);
        ck_assert_uint_eq(frame_seen(r).err, 0);
        ck_assert_uint_eq(frame_seen(r).eip, 0);
        rig_free(r);
        r = rig_prot();
        rig_v86(r, 0x1000, 3);
        cpu_set(r->c, CPU_DS, 0x20);
        poke(r, 0x10000, ops[k], 2);
        cpu_step(r->c);
        /* INT 40h gets to its own handler, HLT never works */
        ck_assert_int_eq(frame_seen(r).vec, k == 5 ? 0x40 : k == 6 ? EXC_GP : -1);
        rig_free(r);
    }
}
END_TEST

START_TEST(v86_gate_must_lead_to_level_0)
{
    struct rig *r = rig_prot();

    set_gate(r, IDT_AT + 8 * 0x40, G_CODE1, TARGET, 0xee, 0);
    rig_v86(r, 0x1000, 3);
    RUN(r, 1, 0xcd, 0x40);
    ck_assert_int_eq(frame_seen(r).vec, EXC_GP);
    ck_assert_uint_eq(frame_seen(r).err, G_CODE1);
    rig_free(r);
}
END_TEST

START_TEST(vme_redirects_and_virtualises)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_CR4, CR4_VME);
    cpu_set(r->c, CPU_TR_LIMIT, 0x107);
    poke16(r, TSS_AT + 0x66, 0x88); /* redirection bitmap at 68h */
    r->host[TSS_AT + 0x68 + 8] = 0x02; /* vector 41h goes to the monitor */
    poke32(r, 0x40 * 4, 0x18880123);
    rig_v86(r, 0x1000, 0);
    cpu_set(r->c, CPU_EFLAGS, FL_VM | FL_IF | FL_VIF);
    RUN(r, 1, 0xcd, 0x40);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS), 0x1888);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), 0x123);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_VM | FL_IF | FL_1); /* VIF is gone, IF stays */
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), 0x7ffa);
    ck_assert_uint_eq(peek16(r, 0x10000 + 0x7ffe), FL_IF | FL_IOPL | FL_1);
    ck_assert_uint_eq(peek16(r, 0x10000 + 0x7ffa), 2);
    RUN(r, 1, 0xcf); /* iret: VIF from the image's IF */
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_VM | FL_IF | FL_VIF | FL_1);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), 2);
    RUN(r, 1, 0xfa); /* cli */
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_VM | FL_IF | FL_1);
    RUN(r, 1, 0xfb);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_VM | FL_IF | FL_VIF | FL_1);
    cpu_set(r->c, CPU_EFLAGS, FL_VM | FL_IF | FL_VIP);
    RUN(r, 1, 0xfb); /* an interrupt is waiting for it */
    ck_assert_int_eq(frame_seen(r).vec, EXC_GP);
    rig_v86(r, 0x1000, 0);
    RUN(r, 1, 0xcd, 0x41);
    ck_assert_int_eq(frame_seen(r).vec, EXC_GP);
    rig_free(r);
}
END_TEST

/* ---- tasks */

static void fill_tss32(struct rig *r, u32 at, u32 eip, u16 cs, u16 ds, u32 eflags)
{
    poke32(r, at + 0x1c, 0);
    poke32(r, at + 0x20, eip);
    poke32(r, at + 0x24, eflags);
    for (u32 k = 0; k < 8; k++)
        poke32(r, at + 0x28 + 4 * k, 0xc0de0000 + k);
    poke32(r, at + 0x38, SP2);
    for (u32 k = 0; k < 6; k++)
        poke32(r, at + 0x48 + 4 * k, k == S_CS ? cs : ds);
    poke32(r, at + 0x60, 0);
    poke32(r, at + 0x64, 0x680000);
}

START_TEST(task_call_nests_and_iret_returns)
{
    struct rig *r = rig_prot();

    fill_tss32(r, TSS2_AT, TARGET, G_CODE0, G_DATA0, FL_1 | FL_CF);
    poke(r, TARGET, "\xcf", 1);
    cpu_set(r->c, CPU_EBX, 0x1234);
    cpu_set(r->c, CPU_EFLAGS, FL_ZF);
    RUN(r, 1, 0x9a, 0, 0, 0, 0, G_TSS2, 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), TARGET);
    ck_assert_uint_eq(cpu_get(r->c, CPU_TR), G_TSS2);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_1 | FL_CF | FL_NT);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EBX), 0xc0de0003);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP2);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CR0) & CR0_TS, CR0_TS);
    ck_assert_uint_eq(access_of(r, G_TSS), 0x8b); /* busy: nested */
    ck_assert_uint_eq(access_of(r, G_TSS2), 0x8b);
    ck_assert_uint_eq(peek16(r, TSS2_AT), G_TSS);
    ck_assert_uint_eq(peek32(r, TSS_AT + 0x20), CODE_AT + 7);
    ck_assert_uint_eq(peek32(r, TSS_AT + 0x24), FL_1 | FL_ZF);
    ck_assert_uint_eq(peek32(r, TSS_AT + 0x34), 0x1234);
    ck_assert_uint_eq(peek16(r, TSS_AT + 0x4c), G_CODE0);
    RUN(r, 1, 0xcf);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT + 7);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EBX), 0x1234);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_1 | FL_ZF);
    ck_assert_uint_eq(cpu_get(r->c, CPU_TR), G_TSS);
    ck_assert_uint_eq(access_of(r, G_TSS), 0x8b);
    ck_assert_uint_eq(access_of(r, G_TSS2), 0x89);
    ck_assert_uint_eq(peek32(r, TSS2_AT + 0x24), FL_1 | FL_CF); /* NT is saved as 0 */
    ck_assert_uint_eq(peek32(r, TSS2_AT + 0x20), TARGET + 1);
    rig_free(r);
}
END_TEST

START_TEST(task_jump_frees_the_old_task)
{
    struct rig *r = rig_prot();

    fill_tss32(r, TSS2_AT, TARGET, G_CODE3 | 3, G_DATA3 | 3, FL_1 | FL_IF);
    poke16(r, TSS2_AT, 0x5555);
    set_gate(r, GDT_AT + G_TASKGATE, G_TSS2, 0, 0xe5, 0);
    RUN(r, 1, 0xea, 0, 0, 0, 0, G_TASKGATE, 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), TARGET);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CPL), 3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_1 | FL_IF);
    ck_assert_uint_eq(access_of(r, G_TSS), 0x89);
    ck_assert_uint_eq(access_of(r, G_TSS2), 0x8b);
    ck_assert_uint_eq(peek16(r, TSS2_AT), 0x5555); /* no link */
    rig_free(r);
}
END_TEST

/* Faults of a JMP to the second TSS: before the commit point in the old task, behind it in the
 * new. */
enum { T_BUSY, T_LIMIT, T_ABSENT, T_LDT_TYPE, T_LDT_TI, T_CS_NULL, T_CS_DPL, T_CS_DATA, T_CS_P,
       T_SS_NULL, T_SS_DPL, T_SS_P, T_DS_XONLY, T_DS_P, T_DS_DPL, T_EIP };
struct task_case { u8 wrong; u8 vec; u16 err; bool in_new; };
static const struct task_case tasks[] = {
    { T_BUSY, EXC_GP, G_TSS2, false }, { T_LIMIT, EXC_TS, G_TSS2, false },
    { T_ABSENT, EXC_NP, G_TSS2, false }, { T_LDT_TYPE, EXC_TS, G_DATA0, true },
    { T_LDT_TI, EXC_TS, 0xc, true }, { T_CS_NULL, EXC_TS, 0, true },
    { T_CS_DPL, EXC_TS, G_CODE3, true }, { T_CS_DATA, EXC_TS, G_DATA0, true },
    { T_CS_P, EXC_NP, G_SMALL, true }, { T_SS_NULL, EXC_TS, 0, true },
    { T_SS_DPL, EXC_TS, G_DATA3, true }, { T_SS_P, EXC_SS, G_SMALL, true },
    { T_DS_XONLY, EXC_TS, G_XONLY3, true }, { T_DS_P, EXC_NP, G_ABSENT, true },
    { T_DS_DPL, EXC_TS, G_DATA0, true }, { T_EIP, EXC_GP, 0, true },
};

START_TEST(task_switch_faults_in_the_right_task)
{
    const struct task_case *t = &tasks[_i];
    struct rig *r = rig_prot();
    struct frame_seen f;

    fill_tss32(r, TSS2_AT, TARGET, G_CODE0, G_DATA0, FL_1);
    /* the handler's stack must work whatever SS is: it comes from the new TSS for level 0 code that
     * interrupts itself only if the level changes, so most cases run at level 3 */
    if (t->in_new) {
        fill_tss32(r, TSS2_AT, TARGET, G_CODE3 | 3, G_DATA3 | 3, FL_1);
        poke32(r, TSS2_AT + 4, SP0);
        poke16(r, TSS2_AT + 8, G_DATA0);
    }
    switch (t->wrong) {
    case T_BUSY: r->host[GDT_AT + G_TSS2 + 5] = 0x8b; break;
    case T_LIMIT: set_desc(r, GDT_AT + G_TSS2, TSS2_AT, 0x66, 0x89, 0); break;
    case T_ABSENT: set_desc(r, GDT_AT + G_TSS2, TSS2_AT, 0x67, 0x09, 0); break;
    case T_LDT_TYPE: poke16(r, TSS2_AT + 0x60, G_DATA0); break;
    case T_LDT_TI: poke16(r, TSS2_AT + 0x60, 0xc); break;
    case T_CS_NULL: poke16(r, TSS2_AT + 0x4c, 3); break;
    case T_CS_DPL: poke16(r, TSS2_AT + 0x4c, G_CODE3 | 2); break;
    case T_CS_DATA: poke16(r, TSS2_AT + 0x4c, G_DATA0 | 3); break;
    case T_CS_P:
        set_desc(r, GDT_AT + G_SMALL, 0, 0xfffff, 0x7a, 0xc);
        poke16(r, TSS2_AT + 0x4c, G_SMALL | 3);
        break;
    case T_SS_NULL: poke16(r, TSS2_AT + 0x50, 3); break;
    case T_SS_DPL: poke16(r, TSS2_AT + 0x50, G_DATA3 | 1); break;
    case T_SS_P:
        set_desc(r, GDT_AT + G_SMALL, 0, 0xfffff, 0x72, 0xc);
        poke16(r, TSS2_AT + 0x50, G_SMALL | 3);
        break;
    case T_DS_XONLY: poke16(r, TSS2_AT + 0x54, G_XONLY3 | 3); break;
    case T_DS_P: poke16(r, TSS2_AT + 0x54, G_ABSENT | 3); break;
    case T_DS_DPL: poke16(r, TSS2_AT + 0x54, G_DATA0 | 3); break;
    case T_EIP:
        set_desc(r, GDT_AT + G_SMALL, 0, 0xffff, 0xfa, 4);
        poke16(r, TSS2_AT + 0x4c, G_SMALL | 3);
        break;
    }
    RUN(r, 1, 0xea, 0, 0, 0, 0, G_TSS2, 0);
    f = frame_seen(r);
    ck_assert_int_eq(f.vec, t->vec);
    ck_assert_uint_eq(f.err, t->err);
    ck_assert_uint_eq(f.eip, t->in_new ? TARGET : CODE_AT);
    ck_assert_uint_eq(cpu_get(r->c, CPU_TR), t->in_new ? G_TSS2 : G_TSS);
    ck_assert_uint_eq(access_of(r, G_TSS), t->in_new ? 0x89 : 0x8b);
    rig_free(r);
}
END_TEST

static void note_count(void *to, unsigned vec)
{
    struct rig *r = to;

    ck_assert_uint_eq(vec, EXC_TS);
    poke32(r, 0x500, (u32)*cpu_retired(r->c));
}

/* Behind others in its block: who watches vectors (the trace hash) reads the count of the JMP. */
START_TEST(fault_in_the_new_task_has_its_count)
{
    struct rig *r = rig_prot();

    fill_tss32(r, TSS2_AT, TARGET, G_CODE3 | 3, G_DATA3 | 3, FL_1);
    poke32(r, TSS2_AT + 4, SP0);
    poke16(r, TSS2_AT + 8, G_DATA0);
    poke16(r, TSS2_AT + 0x54, G_DATA0 | 3);
    r->c->on_vector = note_count;
    r->c->on_vector_to = r;
    /* slow accesses make the count exact by themselves: every page of the switch is made fast */
    static const u32 pages[] = { GDT_AT, IDT_AT, TSS_AT, TSS2_AT, SP0 - 4 };
    for (unsigned k = 0; k < ARRAY_LEN(pages); k++) {
        u8 touch[10] = { 0xa1, [5] = 0xa3 }; /* mov eax,[page]; mov [page],eax */
        st32(touch + 1, pages[k]);
        st32(touch + 6, pages[k]);
        poke(r, CODE_AT, touch, sizeof touch);
        cpu_set(r->c, CPU_EIP, CODE_AT);
        ck_assert_int_eq(cpu_run(r->c, *cpu_retired(r->c) + 2), CPU_BUDGET);
    }
    static const u8 code[] = { 0x90, 0x90, 0xea, 0, 0, 0, 0, G_TSS2, 0 }; /* one block */
    poke(r, CODE_AT, code, sizeof code);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    u32 before = (u32)*cpu_retired(r->c);
    ck_assert_int_eq(cpu_run(r->c, before + 3), CPU_BUDGET);
    ck_assert_uint_eq(frame_seen(r).eip, TARGET);
    ck_assert_uint_eq(peek32(r, 0x500), before + 2);
    rig_free(r);
}
END_TEST

START_TEST(task_with_conforming_cs_of_rpl_3_is_legal)
{
    struct rig *r = rig_prot();

    fill_tss32(r, TSS2_AT, TARGET, G_CONF0 | 3, G_DATA3 | 3, FL_1);
    RUN(r, 1, 0x9a, 0, 0, 0, 0, G_TSS2, 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), TARGET);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS), G_CONF0 | 3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CPL), 3);
    rig_free(r);
}
END_TEST

START_TEST(task16_loads_words)
{
    struct rig *r = rig_prot();

    for (u32 k = 0; k < 8; k++)
        poke16(r, TSS2_AT + 0x12 + 2 * k, (u16)(0x1100 + k));
    poke16(r, TSS2_AT + 0x0e, 0x4321);
    poke16(r, TSS2_AT + 0x10, FL_1 | FL_SF);
    for (u32 k = 0; k < 4; k++)
        poke16(r, TSS2_AT + 0x22 + 2 * k, k == S_CS ? G_CODE0 : G_DATA0);
    poke16(r, TSS2_AT + 0x2a, 0);
    RUN(r, 1, 0x9a, 0, 0, 0, 0, G_TSS16, 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), 0x4321);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EAX), 0xffff1100);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_1 | FL_SF | FL_NT);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FS), 0);
    ck_assert_uint_eq(access_of(r, G_TSS16), 0x83);
    rig_free(r);
}
END_TEST

START_TEST(nested_return_needs_a_good_link)
{
    static const struct { u16 link; u8 vec; u16 err; } t[] = {
        { G_TSS2, EXC_TS, G_TSS2 } /* not busy */, { G_CODE0, EXC_TS, G_CODE0 },
        { 0, EXC_TS, 0 }, { G_TSS2 | 4, EXC_TS, G_TSS2 | 4 }, { 0x200, EXC_TS, 0x200 },
    };
    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        struct rig *r = rig_prot();

        poke16(r, TSS_AT, t[k].link);
        cpu_set(r->c, CPU_EFLAGS, FL_NT);
        EXPECT_FAULT(r, t[k].vec, t[k].err, 0xcf);
        rig_free(r);
    }
}
END_TEST

START_TEST(double_fault_through_a_task_gate)
{
    struct rig *r = rig_prot();

    fill_tss32(r, TSS2_AT, TARGET, G_CODE0, G_DATA0, FL_1);
    poke16(r, TARGET, 0xfeeb);
    set_gate(r, IDT_AT + 8 * EXC_DF, G_TSS2, 0, 0x85, 0);
    /* PUSH on a stack without room: #SS, whose frame has none either: #DF */
    cpu_set(r->c, CPU_SS_LIMIT, 0xfff);
    cpu_set(r->c, CPU_SS_ATTR, 0x4097);
    cpu_set(r->c, CPU_ESP, 0x1000);
    cpu_set(r->c, CPU_EFLAGS, FL_CF);
    RUN(r, 1, 0x50);
    ck_assert_uint_eq(cpu_get(r->c, CPU_TR), G_TSS2);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), TARGET);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP2 - 4); /* error code 0 */
    ck_assert_uint_eq(peek32(r, SP2 - 4), 0);
    ck_assert_uint_eq(peek32(r, TSS_AT + 0x20), CODE_AT);
    ck_assert_uint_eq(peek32(r, TSS_AT + 0x24), FL_1 | FL_CF | FL_RF);
    ck_assert_uint_eq(peek32(r, TSS_AT + 0x38), 0x1000);
    ck_assert(cpu_get(r->c, CPU_EFLAGS) & FL_NT);
    rig_free(r);
}
END_TEST

Suite *suite_gate(void)
{
    Suite *s = suite_create("gate");
    TCase *tc = tcase_create("far");

    tcase_add_loop_test(tc, direct_transfers_follow_the_table, 0, ARRAY_LEN(fars));
    tcase_add_test(tc, not_present_and_limit_come_last);
    tcase_add_test(tc, retf_at_the_same_level_pops_its_immediate);
    tcase_add_test(tc, gate_to_inner_level_switches_stacks_and_copies);
    tcase_add_test(tc, gate16_ignores_the_high_offset_and_moves_words);
    tcase_add_loop_test(tc, gate_faults_name_the_culprit, 0, ARRAY_LEN(gates));
    tcase_add_test(tc, jump_through_a_gate_keeps_the_level);
    suite_add_tcase(s, tc);
    tc = tcase_create("delivery");
    tcase_add_loop_test(tc, software_interrupt_faults, 0, ARRAY_LEN(ints));
    tcase_add_test(tc, exceptions_and_interrupts_set_ext);
    tcase_add_test(tc, gates_clear_what_they_must);
    tcase_add_test(tc, double_fault_classes);
    tcase_add_test(tc, triple_fault_shuts_down);
    tcase_add_test(tc, iret_flags_by_level);
    suite_add_tcase(s, tc);
    tc = tcase_create("v86");
    tcase_add_test(tc, iret_to_v86_and_interrupt_back);
    tcase_add_test(tc, v86_needs_iopl_3);
    tcase_add_test(tc, v86_gate_must_lead_to_level_0);
    tcase_add_test(tc, vme_redirects_and_virtualises);
    suite_add_tcase(s, tc);
    tc = tcase_create("task");
    tcase_add_test(tc, task_call_nests_and_iret_returns);
    tcase_add_test(tc, task_jump_frees_the_old_task);
    tcase_add_loop_test(tc, task_switch_faults_in_the_right_task, 0, ARRAY_LEN(tasks));
    tcase_add_test(tc, fault_in_the_new_task_has_its_count);
    tcase_add_test(tc, task_with_conforming_cs_of_rpl_3_is_legal);
    tcase_add_test(tc, task16_loads_words);
    tcase_add_test(tc, nested_return_needs_a_good_link);
    tcase_add_test(tc, double_fault_through_a_task_gate);
    suite_add_tcase(s, tc);
    return s;
}
