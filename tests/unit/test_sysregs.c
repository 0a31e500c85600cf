/* SPDX-License-Identifier: MIT */
/* Flag rules, shadows, debug registers, system registers and CPUID on a bare CPU.
 * Expectations are written from the pseudo-code of SDM 2 and the tables of 3A chapters 6, 7, 17 and
 * 20. */
#include "cpu/isa.h"
#include "tests/unit/cpu_rig.h"

Suite *suite_sysregs(void);

enum { TARGET = 0x30000 };

/* ---- flags */

START_TEST(popf_by_level)
{
    static const struct { unsigned cpl, iopl; bool v86, op32; u32 popped, expect; } t[] = {
        { 0, 0, false, true, 0xffffffff, 0x247fd7 }, { 0, 0, false, false, 0xffff, 0x7fd7 },
        { 1, 0, false, true, 0xffffffff, 0x244dd7 }, { 1, 1, false, true, 0xffffffff, 0x245fd7 },
        { 3, 0, false, true, 0xffffffff, 0x244dd7 }, { 3, 3, false, true, 0xffffffff, 0x247fd7 },
        { 3, 3, false, true, 0, 0x3002 }, { 3, 3, true, true, 0xffffffff, 0x267fd7 },
    };
    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        struct rig *r = rig_prot();
        u32 esp;

        if (t[k].v86)
            rig_v86(r, 0x1000, t[k].iopl);
        else if (t[k].cpl)
            rig_level(r, t[k].cpl);
        if (!t[k].v86)
            cpu_set(r->c, CPU_EFLAGS, t[k].iopl << 12);
        esp = cpu_get(r->c, CPU_ESP);
        poke32(r, cpu_get(r->c, CPU_SS_BASE) + esp, t[k].popped);
        if (t[k].v86 == t[k].op32)
            poke(r, 0x10000, "\x66\x9d", 2);
        else
            poke(r, 0x10000, "\x9d", 1);
        cpu_step(r->c);
        ck_assert_msg(cpu_get(r->c, CPU_EFLAGS) == t[k].expect, "case %u: %x, not %x", k,
                      cpu_get(r->c, CPU_EFLAGS), t[k].expect);
        rig_free(r);
    }
}
END_TEST

static int ack_vector(void *to)
{
    cpu_set_intr(*(struct cpu **)to, 0);
    return 0x50;
}

START_TEST(shadows_last_exactly_one_instruction)
{
    /* EIP that INTR finds, with the line high from the start */
    static const struct { u8 code[6]; u32 at; } t[] = {
        { { 0xfb, 0x90, 0x90 }, 2 }, { { 0xfb, 0xfb, 0x90, 0x90 }, 2 },
        { { 0xfb, 0x8e, 0xd0, 0x90, 0x90 }, 3 }, { { 0x8e, 0xd0, 0xfb, 0x90, 0x90 }, 3 },
        { { 0xfb, 0x17, 0x90, 0x90 }, 2 },
    };
    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        struct rig *r = rig_prot();

        r->c->ack = ack_vector;
        r->c->ack_to = &r->c;
        cpu_set(r->c, CPU_EAX, G_DATA0);
        poke32(r, SP0, G_DATA0);
        cpu_set_intr(r->c, 1);
        poke(r, CODE_AT, t[k].code, 6);
        cpu_run(r->c, *cpu_retired(r->c) + 4);
        ck_assert_int_eq(frame_seen(r).vec, 0x50);
        ck_assert_msg(frame_seen(r).eip == CODE_AT + t[k].at, "case %u: %x", k,
                      frame_seen(r).eip);
        rig_free(r);
    }
}
END_TEST

START_TEST(sti_with_if_set_makes_no_shadow)
{
    struct rig *r = rig_prot();

    RUN(r, 1, 0xfb);
    ck_assert_uint_eq(r->c->events & EV_SHADOW, EV_SHADOW);
    RUN(r, 1, 0xfb);
    ck_assert_uint_eq(r->c->events & EV_SHADOW, 0);
    RUN(r, 1, 0xfb);
    ck_assert_uint_eq(r->c->events & EV_SHADOW, 0);
    rig_free(r);
}
END_TEST

START_TEST(nmi_waits_for_iret)
{
    struct rig *r = rig_prot();

    cpu_nmi(r->c);
    RUN(r, 1, 0x90);
    ck_assert_int_eq(frame_seen(r).vec, EXC_NMI);
    cpu_nmi(r->c);
    ck_assert_int_eq(cpu_step(r->c), CPU_BUDGET);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0 - 12); /* not nested */
    /* the second one was kept; it comes right behind IRET */
    poke32(r, SP0 - 12, CODE_AT + 0x100);
    poke(r, 0x20000 + 16 * EXC_NMI, "\xcf", 1);
    cpu_step(r->c);
    ck_assert_int_eq(frame_seen(r).vec, EXC_NMI);
    ck_assert_uint_eq(frame_seen(r).eip, CODE_AT + 0x100);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP0 - 12);
    rig_free(r);
}
END_TEST

/* ---- debug */

START_TEST(single_step_and_icebp)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_EFLAGS, FL_TF);
    RUN(r, 2, 0x90, 0x90);
    ck_assert_int_eq(frame_seen(r).vec, EXC_DB);
    ck_assert_uint_eq(frame_seen(r).eip, CODE_AT + 1);
    ck_assert_uint_eq(frame_seen(r).eflags, FL_TF | FL_1);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DR6), 0xffff4ff0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS) & FL_TF, 0);

    /* INT n with TF: none behind it */
    cpu_set(r->c, CPU_EIP, CODE_AT);
    cpu_set(r->c, CPU_ESP, SP0);
    cpu_set(r->c, CPU_EFLAGS, FL_TF);
    RUN(r, 2, 0xcd, 0x40);
    ck_assert_int_eq(frame_seen(r).vec, 0x40);
    ck_assert_uint_eq(frame_seen(r).eflags, FL_TF | FL_1);

    /* ICEBP asks for no DPL and leaves DR6 */
    cpu_set(r->c, CPU_DR6, 0xffff0ff0);
    set_gate(r, IDT_AT + 8, G_CODE0, 0x20010, 0x8e, 0);
    rig_level(r, 3);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    RUN(r, 1, 0xf1);
    ck_assert_int_eq(frame_seen(r).vec, EXC_DB);
    ck_assert_uint_eq(frame_seen(r).eip, CODE_AT + 1);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DR6), 0xffff0ff0);
    rig_free(r);
}
END_TEST

START_TEST(code_breakpoint_is_a_fault_that_rf_passes)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_DR1, CODE_AT + 1);
    cpu_set(r->c, CPU_DR7, 0x404);
    RUN(r, 2, 0x90, 0x40, 0x90);
    ck_assert_int_eq(frame_seen(r).vec, EXC_DB);
    ck_assert_uint_eq(frame_seen(r).eip, CODE_AT + 1);
    ck_assert_uint_eq(frame_seen(r).eflags & FL_RF, 0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DR6), 0xffff0ff2);
    /* the handler sets RF in the image and returns */
    poke32(r, cpu_get(r->c, CPU_ESP) + 8, FL_RF | FL_1);
    poke(r, 0x20010, "\xcf", 1);
    cpu_step(r->c);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_RF | FL_1);
    cpu_step(r->c);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT + 2);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS) & FL_RF, 0);
    rig_free(r);
}
END_TEST

START_TEST(data_and_port_breakpoints_trap)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_CR4, CR4_DE);
    cpu_set(r->c, CPU_EAX, 0x55002);
    RUN(r, 1, 0x0f, 0x23, 0xc0); /* mov dr0, eax */
    cpu_set(r->c, CPU_EAX, 0x60);
    RUN(r, 1, 0x0f, 0x23, 0xd8); /* mov dr3, eax */
    cpu_set(r->c, CPU_EAX, 0x200d0481); /* DR0 write, 4 bytes aligned; DR3 port, 1 byte */
    RUN(r, 1, 0x0f, 0x23, 0xf8);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DR7), 0x200d0481);
    cpu_set(r->c, CPU_EBX, 0x55001);
    RUN(r, 1, 0x8a, 0x03); /* read: no */
    ck_assert_int_eq(frame_seen(r).vec, -1);
    RUN(r, 2, 0x88, 0x03, 0x90);
    ck_assert_int_eq(frame_seen(r).vec, EXC_DB);
    ck_assert_uint_eq(frame_seen(r).eip & 0xff, (u32)(CODE_AT + 13) & 0xff);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DR6), 0xffff0ff1);

    cpu_set(r->c, CPU_DR6, 0xffff0ff0);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    RUN(r, 2, 0xe4, 0x60, 0x90);
    ck_assert_int_eq(frame_seen(r).vec, EXC_DB);
    ck_assert_uint_eq(frame_seen(r).eip, CODE_AT + 2);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DR6), 0xffff0ff8);
    rig_free(r);
}
END_TEST

START_TEST(debug_registers_have_fixed_bits_and_gd)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_EAX, 0);
    RUN(r, 1, 0x0f, 0x23, 0xf0); /* mov dr6, 0 */
    RUN(r, 1, 0x0f, 0x21, 0xe1); /* mov ecx, dr4: DR6 */
    ck_assert_uint_eq(cpu_get(r->c, CPU_ECX), 0xffff0ff0);
    cpu_set(r->c, CPU_EAX, 0xffffdc00);
    RUN(r, 1, 0x0f, 0x23, 0xf8);
    RUN(r, 1, 0x0f, 0x21, 0xe9); /* dr5: DR7 */
    ck_assert_uint_eq(cpu_get(r->c, CPU_ECX), 0xffff0400);
    cpu_set(r->c, CPU_CR4, CR4_DE);
    EXPECT_FAULT(r, EXC_UD, 0, 0x0f, 0x21, 0xe9);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    cpu_set(r->c, CPU_DR7, DR7_GD);
    EXPECT_FAULT(r, EXC_DB, 0, 0x0f, 0x21, 0xc1);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DR6), 0xffff0ff0 | DR6_BD);
    ck_assert_uint_eq(cpu_get(r->c, CPU_DR7), 0x400); /* GD is off in the handler */
    rig_free(r);
}
END_TEST

START_TEST(rep_traps_after_each_iteration)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_ECX, 2);
    cpu_set(r->c, CPU_EDI, 0x50000);
    cpu_set(r->c, CPU_EFLAGS, FL_TF);
    RUN(r, 2, 0xf3, 0x6c); /* rep insb */
    ck_assert_int_eq(frame_seen(r).vec, EXC_DB);
    ck_assert_uint_eq(frame_seen(r).eip, CODE_AT);
    ck_assert_uint_eq(frame_seen(r).eflags, FL_TF | FL_RF | FL_1); /* not the last iteration */
    ck_assert_uint_eq(cpu_get(r->c, CPU_ECX), 1);
    poke(r, 0x20010, "\xcf", 1);
    cpu_step(r->c);
    poke16(r, 0x20010, 0xfeeb);
    cpu_step(r->c);
    cpu_step(r->c);
    ck_assert_int_eq(frame_seen(r).vec, EXC_DB);
    ck_assert_uint_eq(frame_seen(r).eip, CODE_AT + 2);
    ck_assert_uint_eq(frame_seen(r).eflags, FL_TF | FL_1);
    rig_free(r);
}
END_TEST

/* ---- SYSENTER, control registers, MSRs, CPUID */

START_TEST(sysenter_and_sysexit)
{
    struct rig *r = rig_prot();

    rig_level(r, 3);
    EXPECT_FAULT(r, EXC_GP, 0, 0x0f, 0x34); /* no CS */
    r->c->sysenter_cs = G_CODE0;
    r->c->sysenter_esp = SP1;
    r->c->sysenter_eip = TARGET;
    rig_level(r, 3);
    cpu_set(r->c, CPU_EFLAGS, FL_IF | FL_CF);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    RUN(r, 1, 0x0f, 0x34);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), TARGET);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP1);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS), G_CODE0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_SS), G_DATA0);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EFLAGS), FL_CF | FL_1);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CPL), 0);
    cpu_set(r->c, CPU_ECX, SP3);
    cpu_set(r->c, CPU_EDX, CODE_AT);
    RUN(r, 1, 0x0f, 0x35);
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT);
    ck_assert_uint_eq(cpu_get(r->c, CPU_ESP), SP3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CS), G_CODE3 | 3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_SS), G_DATA3 | 3);
    ck_assert_uint_eq(cpu_get(r->c, CPU_CPL), 3);
    EXPECT_FAULT(r, EXC_GP, 0, 0x0f, 0x35);
    rig_free(r);
}
END_TEST

START_TEST(control_register_rules)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_EAX, CR0_PG); /* without PE */
    EXPECT_FAULT(r, EXC_GP, 0, 0x0f, 0x22, 0xc0);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    cpu_set(r->c, CPU_EAX, CR0_PE | CR0_NW);
    EXPECT_FAULT(r, EXC_GP, 0, 0x0f, 0x22, 0xc0);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    cpu_set(r->c, CPU_EAX, 1u << 20); /* CR4 */
    EXPECT_FAULT(r, EXC_GP, 0, 0x0f, 0x22, 0xe0);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    EXPECT_FAULT(r, EXC_UD, 0, 0x0f, 0x22, 0xc8); /* CR1 */
    cpu_set(r->c, CPU_EIP, CODE_AT);
    cpu_set(r->c, CPU_EAX, 0xfff0 | CR0_TS);
    RUN(r, 1, 0x0f, 0x01, 0xf0); /* lmsw cannot clear PE */
    ck_assert_uint_eq(cpu_get(r->c, CPU_CR0), CR0_PE | CR0_ET | CR0_TS);
    RUN(r, 1, 0x0f, 0x06); /* clts */
    ck_assert_uint_eq(cpu_get(r->c, CPU_CR0), CR0_PE | CR0_ET);
    rig_level(r, 1);
    EXPECT_FAULT(r, EXC_GP, 0, 0x0f, 0x06); /* CPL 1 is not enough */
    rig_free(r);
}
END_TEST

START_TEST(lgdt_of_16_bits_takes_24_of_the_base)
{
    struct rig *r = rig_prot();

    cpu_set(r->c, CPU_EBX, 0x50000);
    poke16(r, 0x50000, GDT_AT ? 0x1234 : 0);
    poke32(r, 0x50002, 0xab001000);
    RUN(r, 1, 0x66, 0x0f, 0x01, 0x1b); /* lidt */
    ck_assert_uint_eq(cpu_get(r->c, CPU_IDTR_BASE), 0x1000);
    ck_assert_uint_eq(cpu_get(r->c, CPU_IDTR_LIMIT), 0x1234);
    RUN(r, 1, 0x0f, 0x01, 0x1b);
    ck_assert_uint_eq(cpu_get(r->c, CPU_IDTR_BASE), 0xab001000);
    poke32(r, 0x50008, 0);
    RUN(r, 1, 0x0f, 0x01, 0x4b, 0x04); /* sidt [ebx + 4] */
    ck_assert_uint_eq(peek16(r, 0x50004), 0x1234);
    ck_assert_uint_eq(peek32(r, 0x50006), 0xab001000);
    rig_free(r);
}
END_TEST

START_TEST(msrs_of_the_contract_answer)
{
    static const u32 list[] = {
        0, 1, 0x10, 0x17, 0x1b, 0x2a, 0x79, 0x8b, 0xc1, 0xc2, 0x186, 0x187, 0x200, 0x20f, 0x250,
        0x258, 0x259, 0x268, 0x26f, 0x2ff, 0x277, 0x174, 0x175, 0x176, 0x17a, 0x17b, 0x400, 0x401,
        0x198, 0x199, 0x19a, 0x1a0, 0x1d9,
    };
    struct rig *r = rig_cpu("pentium-m,msr=gp");
    u64 v;

    for (unsigned k = 0; k < ARRAY_LEN(list); k++) {
        ck_assert_msg(msr_write(r->c, list[k], 0), "write %x", list[k]);
        ck_assert_msg(msr_read(r->c, list[k], &v), "read %x", list[k]);
    }
    ck_assert(msr_read(r->c, 0xfe, &v));
    ck_assert_uint_eq(v, 0x508);
    ck_assert(msr_write(r->c, 0x277, 0x0606060606060606ull));
    ck_assert(msr_read(r->c, 0x277, &v));
    ck_assert_uint_eq(v, 0x0606060606060606ull);
    ck_assert(!msr_write(r->c, 0x277, 0x0306060606060606ull));
    ck_assert_uint_eq(r->c->fault.vec, EXC_GP);
    ck_assert(!msr_read(r->c, 0x12345, &v));
    ck_assert(!msr_read(r->c, 0xc0000080, &v)); /* no NX */
    rig_free(r);
    r = rig_cpu("pentium-m,+nx");
    ck_assert(msr_read(r->c, 0x12345, &v));
    ck_assert_uint_eq(v, 0);
    ck_assert(msr_write(r->c, 0xc0000080, EFER_NXE));
    ck_assert(!msr_write(r->c, 0xc0000080, 0x500));
    rig_free(r);
}
END_TEST

/* SDM 3A table 9-1: CS is a read-write data segment until it is loaded. */
START_TEST(cs_of_reset_is_writable)
{
    struct rig *r = rig_cpu(NULL);

    cpu_reset(r->c, CPU_POWER_ON);
    ck_assert_uint_eq(r->c->seg[S_CS].attr, 0x93);
    ck_assert_uint_eq(r->c->seg[S_CS].base, 0xffff0000u);
    ck_assert_uint_ge(r->c->seg[S_CS].wr_end, 0xfff0);
    rig_free(r);
}
END_TEST

START_TEST(cpuid_reports_what_there_is)
{
    struct rig *r = rig_cpu(NULL);
    u32 v[4];

    cpu_cpuid(r->c, 0, 0, v);
    ck_assert_uint_eq(v[0], 2);
    ck_assert_mem_eq(&v[1], "Genu", 4);
    ck_assert_mem_eq(&v[3], "ineI", 4);
    ck_assert_mem_eq(&v[2], "ntel", 4);
    cpu_cpuid(r->c, 1, 0, v);
    ck_assert_uint_eq(v[0], 0x6d8);
    ck_assert_uint_eq(v[3] & (CPUID_APIC | CPUID_VME), 0);
    ck_assert_uint_eq(v[3], 0x0f8bf9fd); /* of the Pentium M: no VME, APIC, DS, ACPI, TM */
    ck_assert_uint_eq(v[2], 0);
    ck_assert_uint_eq(v[1] >> 8 & 0xff, 8); /* CLFLUSH's line: 64 bytes */
    ck_assert(r->c->isa_features & BIT(FEAT_SSE2));
    ck_assert(!(r->c->isa_features & BIT(FEAT_SSE3)));
    cpu_cpuid(r->c, 2, 0, v);
    ck_assert_uint_eq(v[0] & 0xff, 1);
    cpu_cpuid(r->c, 0x80000001, 0, v);
    ck_assert_uint_eq(v[3], 0);
    rig_free(r);

    struct err e = { 0 };
    struct cpu c;
    memset(&c, 0, sizeof(c));
    ck_assert(cpu_set_model(&c, "pentium3,+nx,-pae,level=1,vendor=GenuineTMx86", &e));
    ck_assert_uint_eq(c.cpuid_ext_edx, 0); /* NX goes with PAE */
    ck_assert(cpu_set_model(&c, "max", &e));
    ck_assert_uint_eq(c.cpuid_ecx, CPUID_ECX_SSE3 | CPUID_ECX_MONITOR);
    ck_assert(c.isa_features & BIT(FEAT_SSE3));
    ck_assert(cpu_set_model(&c, "max,-pni", &e));
    ck_assert_uint_eq(c.cpuid_ecx, CPUID_ECX_MONITOR);
    ck_assert(!(c.isa_features & BIT(FEAT_SSE3)));
    ck_assert(cpu_set_model(&c, "pentium3", &e));
    ck_assert_uint_eq(c.cpuid_edx & (CPUID_SSE | CPUID_SSE2 | CPUID_CLFSH), CPUID_SSE);
    ck_assert(cpu_set_model(&c, "486", &e));
    ck_assert_uint_eq(c.isa_features & BIT(5 + 2), 0);
    ck_assert_uint_eq(cr4_mask(&c), 0);
    static const char *const bad[] = { "8088", "pentium-m,", "pentium-m,+xyz", "pentium,+nx",
                                       "pentium-m,level=9", "pentium-m,vendor=me", "max,foo=1" };
    for (unsigned k = 0; k < ARRAY_LEN(bad); k++) {
        memset(&e, 0, sizeof(e));
        ck_assert_msg(!cpu_set_model(&c, bad[k], &e), "%s", bad[k]);
        ck_assert_int_eq(e.code, ERR_CONFIG);
    }
}
END_TEST

Suite *suite_sysregs(void)
{
    Suite *s = suite_create("sysregs");
    TCase *tc = tcase_create("flags");

    tcase_add_test(tc, popf_by_level);
    tcase_add_test(tc, shadows_last_exactly_one_instruction);
    tcase_add_test(tc, sti_with_if_set_makes_no_shadow);
    tcase_add_test(tc, nmi_waits_for_iret);
    suite_add_tcase(s, tc);
    tc = tcase_create("debug");
    tcase_add_test(tc, single_step_and_icebp);
    tcase_add_test(tc, code_breakpoint_is_a_fault_that_rf_passes);
    tcase_add_test(tc, data_and_port_breakpoints_trap);
    tcase_add_test(tc, debug_registers_have_fixed_bits_and_gd);
    tcase_add_test(tc, rep_traps_after_each_iteration);
    suite_add_tcase(s, tc);
    tc = tcase_create("system");
    tcase_add_test(tc, sysenter_and_sysexit);
    tcase_add_test(tc, control_register_rules);
    tcase_add_test(tc, lgdt_of_16_bits_takes_24_of_the_base);
    tcase_add_test(tc, msrs_of_the_contract_answer);
    tcase_add_test(tc, cs_of_reset_is_writable);
    tcase_add_test(tc, cpuid_reports_what_there_is);
    suite_add_tcase(s, tc);
    return s;
}
