/* SPDX-License-Identifier: MIT */
/* What whole random guests (tests/fuzz/fuzz_guest.c) have found: places where it mattered how a
 * run was cut into pieces. */
#include "machine/machine.h"
#include "tests/unit/machine_rig.h"
#include "tests/unit/run_env.h"

/* REP STOSB over its own prefix: each iteration is fetched anew, as after an interrupt. */
START_TEST(rep_writes_over_itself)
{
    struct env v = env_new();

    env_plug(&v);
    CODE(&v, CODE_AT, 0xf3, 0xaa, 0x90, 0x90, 0x90, 0x90);
    cpu_set(v.c, CPU_EAX, 0x90);
    cpu_set(v.c, CPU_ECX, 3);
    cpu_set(v.c, CPU_EDI, CODE_AT);
    ck_assert_uint_eq(run_for(&v, 3, CPU_BUDGET), 3); /* an iteration, NOP, STOSB */
    ck_assert_uint_eq(cpu_get(v.c, CPU_ECX), 2);
    ck_assert_uint_eq(cpu_get(v.c, CPU_EDI), CODE_AT + 2);
    ck_assert_uint_eq(cpu_get(v.c, CPU_EIP), CODE_AT + 2);
    rig_free(v.r);
}
END_TEST

/* tlb=coherent: a block does not outlive the mapping of its page. */
START_TEST(running_page_is_taken_away)
{
    struct env v = env_new();

    env_plug(&v);
    v.c->tlb_coherent = true;
    paging_on(&v);
    set_pte(&v, 0x90000, CODE_AT | PTE_RWU);
    /* mov dword [PT_AT + 240h],0; inc eax; jmp $ */
    CODE(&v, CODE_AT, 0xc7, 0x05, 0x40, 0x12, 0x04, 0x00, 0x00, 0x00, 0x00, 0x00, 0x40, 0xeb, 0xfe);
    cpu_set(v.c, CPU_EAX, 5);
    cpu_set(v.c, CPU_EIP, 0x90000);
    run_for(&v, 2, CPU_BUDGET);
    ck_assert_int_eq(frame_seen(v.r).vec, EXC_PF);
    ck_assert_uint_eq(frame_seen(v.r).eip, 0x9000a);
    ck_assert_uint_eq(cpu_get(v.c, CPU_CR2), 0x9000a);
    ck_assert_uint_eq(cpu_get(v.c, CPU_EAX), 5);
    rig_free(v.r);
}
END_TEST

/* ... nor does a translation outlive a write through it to the word that it was made from. */
START_TEST(write_to_its_own_entry)
{
    struct env v = env_new();

    env_plug(&v);
    v.c->tlb_coherent = true;
    paging_on(&v);
    st32(v.r->host + PD_AT + 0xffc, PD_AT | PTE_RWU); /* the directory at FFFFF000h */
    st32(v.r->host + 0x42ffc, 0x60000 | PTE_RWU);
    st32(v.r->host + 0x60000, 0x12345678);
    CODE(&v, CODE_AT, 0x89, 0x07, 0x8b, 0x1e, 0xeb, 0xfe); /* mov [edi],eax; mov ebx,[esi] */
    cpu_set(v.c, CPU_EAX, 0x42000 | PTE_RWU);
    cpu_set(v.c, CPU_EDI, 0xfffffffc);
    cpu_set(v.c, CPU_ESI, 0xfffff000);
    cpu_set(v.c, CPU_EIP, CODE_AT);
    run_for(&v, 2, CPU_BUDGET);
    ck_assert_uint_eq(cpu_get(v.c, CPU_EBX), 0x12345678);
    rig_free(v.r);
}
END_TEST

static void note_count(void *to, unsigned vec)
{
    struct env *v = to;

    ck_assert_uint_eq(vec, 0x21);
    v->deadline = *cpu_retired(v->c);
}

/* INT n in a V86 task's own table, behind others in its block: the trace hash reads the count. */
START_TEST(redirected_int_has_its_count)
{
    struct env v = env_new();

    env_plug(&v);
    v.c->on_vector = note_count;
    st32(v.r->host + 4 * 0x21, 0x10000100); /* 1000:0100 */
    CODE(&v, CODE_AT, 0x90, 0x90, 0x90, 0xcd, 0x21);
    CODE(&v, CODE_AT + 0x100, 0xeb, 0xfe);
    cpu_set(v.c, CPU_CR4, CR4_VME);
    rig_v86(v.r, CODE_AT >> 4, 3);
    run_for(&v, 4, CPU_BUDGET);
    ck_assert_uint_eq(cpu_get(v.c, CPU_EIP), 0x100);
    ck_assert_uint_eq(v.deadline, 3);
    rig_free(v.r);
}
END_TEST

static void ferr_is(void *to, int level)
{
    *(int *)to = level;
}

/* INIT clears CR0.NE and keeps the x87 unit with its exception. */
START_TEST(init_raises_ferr)
{
    struct rig *r = rig_prot();
    int level = -1;

    cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_NE);
    cpu_set_ferr(r->c, ferr_is, &level);
    cpu_set(r->c, CPU_FCW, 0x37b);
    cpu_set(r->c, CPU_FSW, 4);
    ck_assert_int_eq(level, 0);
    cpu_reset(r->c, CPU_INIT);
    ck_assert_uint_eq(cpu_get(r->c, CPU_FSW) & 0x84, 0x84);
    ck_assert_int_eq(level, 1);
    cpu_reset(r->c, CPU_POWER_ON);
    ck_assert_int_eq(level, 0);
    rig_free(r);
}
END_TEST

/* Saved where the CPU has just reached a deadline that falls between two instructions: the clock
 * must not be that fraction late in the machine that loads. */
START_TEST(save_at_a_deadline)
{
    static const char *const pairs[] = { "clock", "counted,ns=400", "d", "hash", NULL };
    struct nb_machine *m = rig_machine(guest_busy, guest_busy_len, pairs);
    struct nb_machine *n = rig_machine(guest_busy, guest_busy_len, pairs);
    struct err e = { 0 };
    u64 end;

    nb_run(m, 20000000);
    do {
        clock_run(&m->clock);
        cpu_run(m->cpu, clock_budget(&m->clock));
    } while (clock_next(&m->clock) % 400 == 0 || cpu_halted(m->cpu) ||
             *cpu_retired(m->cpu) < clock_budget(&m->clock));
    ck_assert_msg(machine_save(m, rig_path("due"), &e), "%s", e.msg);
    ck_assert_msg(machine_load(n, rig_path("due"), &e), "%s", e.msg);
    end = *cpu_retired(m->cpu) + 50000;
    m->stop_at = n->stop_at = end;
    ck_assert_int_eq(nb_run(m, 0), NB_STOP_AT);
    ck_assert_int_eq(nb_run(n, 0), NB_STOP_AT);
    ck_assert_uint_eq(nb_trace_hash(m, true), nb_trace_hash(n, true));
    nb_free(m);
    nb_free(n);
}
END_TEST

Suite *suite_guest_found(void);
Suite *suite_guest_found(void)
{
    Suite *s = suite_create("guest_found");
    TCase *tc = tcase_create("guest_found");

    tcase_add_checked_fixture(tc, rig_folder_new, rig_folder_remove);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, rep_writes_over_itself);
    tcase_add_test(tc, running_page_is_taken_away);
    tcase_add_test(tc, write_to_its_own_entry);
    tcase_add_test(tc, redirected_int_has_its_count);
    tcase_add_test(tc, init_raises_ferr);
    tcase_add_test(tc, save_at_a_deadline);
    suite_add_tcase(s, tc);
    return s;
}
