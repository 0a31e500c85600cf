/* SPDX-License-Identifier: MIT */
/* X7: SYSENTER and SYSEXIT. Selectors from MSR 174h, flat descriptors whatever the tables say, IF, VM
 * and RF cleared, null CS is #GP(0), privilege of SYSEXIT, single step across, and NT's shared page: a
 * user-executable page at 7FFE0300h that the kernel writes through FFDF0000h (SDM 2B; contract 2.5). */
#include "kernel.h"

#define USER_PAGE 0x7ffe0000u
#define KERNEL_PAGE 0xffdf0000u
static u32 user_table[1024] __attribute__((aligned(4096))), kernel_table[1024] __attribute__((aligned(4096)));
static u8 *shared, *user_stack;
u32 seen_cs, seen_ss, seen_esp, seen_flags, seen_cs_limit, entries;

/* The kernel's entry: notes what it finds, returns by SYSEXIT to EDX with ESP = ECX. */
extern u8 sysenter_entry[];
__asm__(".text\n"
        "sysenter_entry:\n"
        "movl $0x10, %eax\n movl %eax, %ds\n" /* from V86 mode DS is a paragraph */
        "movl %esp, seen_esp\n movl %cs, %eax\n movl %eax, seen_cs\n movl %ss, %eax\n movl %eax, seen_ss\n"
        "pushfl\n popl seen_flags\n movl $8, %eax\n incl entries\n"
        "lsll %eax, %eax\n movl %eax, seen_cs_limit\n"
        "movl $0x23, %eax\n movl %eax, %ds\n movl $0x5e5e5e5e, %eax\n sysexit\n");

static void set_msrs(u32 cs)
{
    wrmsr(0x174, cs);
    wrmsr(0x175, 0x00900000);
    wrmsr(0x176, (u32)sysenter_entry);
}

/* mov edx, after; mov ecx, esp; sysenter; after: int 80h */
static void put_stub(u8 *at, u32 la)
{
    static const u8 stub[] = { 0xba, 0, 0, 0, 0, 0x89, 0xe1, 0x0f, 0x34, 0xcd, 0x80 };
    u32 after = la + 9;

    memcpy(at, stub, sizeof(stub));
    memcpy(at + 1, &after, 4);
}

static u32 steps[32], num_steps;
static void on_step(struct frame *f)
{
    if (num_steps < ARRAY_LEN(steps))
        steps[num_steps++] = f->eip;
    if ((f->cs & 3) == 0) /* as NT does: the kernel runs on without TF, the caller's is put back later */
        f->eflags &= ~(u32)FL_TF;
}

void test_main(void)
{
    u32 r[4], la = USER_PAGE + 0x300;

    cpuid(1, r);
    if (!(r[3] & 1 << 11)) {
        check(false, "sep", "the program needs a CPU with SEP");
        return;
    }
    paging_on();
    shared = alloc_page();
    user_stack = alloc_page();
    user_table[USER_PAGE >> 12 & 1023] = (u32)shared | PTE_P | PTE_U;
    page_dir[USER_PAGE >> 22] = (u32)user_table | PTE_P | PTE_W | PTE_U;
    kernel_table[KERNEL_PAGE >> 12 & 1023] = (u32)shared | PTE_P | PTE_W;
    page_dir[KERNEL_PAGE >> 22] = (u32)kernel_table | PTE_P | PTE_W;
    set_cr3(get_cr3());

    put_stub((u8 *)KERNEL_PAGE + 0x300, la);
    struct user u = user_regs(la, (u32)user_stack + 4096);
    u.eflags |= FL_IF | FL_CF;
    pic_init(0xff, 0xff);

    set_msrs(0);
    run_user(&u);
    check(trap.vec == EXC_GP && !trap.err && trap.eip == la + 7, "null_cs_msr", "vector %u error %x eip %x",
          trap.vec, trap.err, trap.eip);
    set_msrs(3); /* RPL alone is null, too */
    run_user(&u);
    check(trap.vec == EXC_GP && !trap.err && trap.eip == la + 7, "null_cs_msr_rpl", "vector %u", trap.vec);

    set_msrs(SEL_CODE);
    run_user(&u);
    check(trap.vec == 0x80 && trap.eip == la + 11 && trap.eax == 0x5e5e5e5e, "round_trip",
          "vector %u eip %x eax %x", trap.vec, trap.eip, trap.eax);
    check_eq(seen_cs, SEL_CODE, "entry_cs");
    check_eq(seen_ss, SEL_CODE + 8, "entry_ss");
    check_eq(seen_esp, 0x00900000, "entry_esp");
    check(!(seen_flags & FL_IF), "entry_clears_if", "flags %x", seen_flags);
    check(seen_flags & FL_CF, "entry_keeps_cf", "flags %x", seen_flags);
    check_eq(trap.cs, (SEL_CODE + 16) | 3, "exit_cs");
    check_eq(trap.ss, (SEL_CODE + 24) | 3, "exit_ss");
    check_eq(trap.esp, (u32)user_stack + 4096, "exit_esp");
    check(!(trap.eflags & FL_IF), "exit_leaves_if", "flags %x", trap.eflags);

    /* selectors with RPL: the low two bits of the MSR are ignored for CS */
    set_msrs(SEL_CODE | 3);
    run_user(&u);
    check(trap.vec == 0x80 && seen_cs == SEL_CODE, "msr_rpl_ignored", "vector %u cs %x", trap.vec, seen_cs);
    set_msrs(SEL_CODE);

    /* the descriptors are not read: SS's and the user's may be nonsense until they are loaded again */
    u64 was = gdt[SEL_UCODE / 8];
    gdt[SEL_UCODE / 8] = 0;
    run_user(&(struct user){ .eip = la, .esp = u.esp, .cs = SEL_UCODE, .ss = SEL_UDATA, .eflags = 2,
                             .ds = SEL_UDATA, .es = SEL_UDATA });
    gdt[SEL_UCODE / 8] = was;
    note("user code descriptor absent: vector %u", trap.vec); /* IRETD of run_user needs it */

    /* changed through the kernel's mapping: the user's next call runs the new stub */
    for (u32 k = 0; k < 20; k++) {
        put_stub((u8 *)KERNEL_PAGE + 0x300 + k, la + k);
        u.eip = la + k;
        run_user(&u);
        if (trap.vec != 0x80 || trap.eip != la + k + 11)
            break;
        ((u8 *)KERNEL_PAGE)[0x300 + k] = 0x90;
    }
    check(trap.vec == 0x80 && trap.eip == la + 30, "stub_rewritten_by_kernel", "vector %u eip %x", trap.vec,
          trap.eip);
    /* the user can't write it */
    put_stub((u8 *)KERNEL_PAGE + 0x300, la);
    static const u8 store[] = { 0xc6, 0x05, 0x00, 0x03, 0xfe, 0x7f, 0x00, 0xcd, 0x80 };
    memcpy((u8 *)KERNEL_PAGE + 0x400, store, sizeof(store));
    u.eip = la + 0x100;
    run_user(&u);
    check(trap.vec == EXC_PF && trap.err == 7 && trap_cr2 == la, "user_write_faults", "vector %u error %x",
          trap.vec, trap.err);
    u.eip = la;

    /* SYSEXIT: CPL 0 only, MSR not null, protected mode */
    static const u8 sysexit[] = { 0x0f, 0x35 };
    memcpy((u8 *)KERNEL_PAGE + 0x500, sysexit, 2);
    u.eip = la + 0x200;
    run_user(&u);
    check(trap.vec == EXC_GP && !trap.err && trap.eip == la + 0x200, "sysexit_cpl3", "vector %u", trap.vec);
    set_msrs(0);
    check(CATCH(__asm__ volatile("sysexit" :: "c"(0), "d"(0))) && trap.vec == EXC_GP && !trap.err,
          "sysexit_null_cs", "vector %u", trap.vec);
    set_msrs(SEL_CODE);

    /* TF over SYSENTER: kept, so that the first instruction of the kernel traps; NT's handler knows */
    u.eip = la;
    u.eflags |= FL_TF;
    handlers[EXC_DB] = on_step;
    run_user(&u);
    handlers[EXC_DB] = NULL;
    check(num_steps >= 3 && steps[0] == la + 5 && steps[1] == la + 7, "steps_before", "%x %x", steps[0],
          steps[1]);
    check_eq(steps[2], sysenter_entry, "step_behind_sysenter");
    check(trap.vec == 0x80 && num_steps == 3, "no_tf_after_sysexit", "vector %u, %u steps", trap.vec,
          num_steps);

    /* V86 mode enters the kernel, too, and VM is cleared */
    u8 *v86 = (u8 *)0x9000;
    v86[0] = 0x0f;
    v86[1] = 0x34;
    entries = 0;
    struct user v = v86_regs(0x900, 0, 0x1000, 0xff00);
    v.ecx = (u32)user_stack + 4096;
    v.edx = la + 9;
    run_user(&v);
    check(entries == 1 && !(seen_flags & FL_VM) && trap.vec == 0x80, "from_v86", "%u entries vector %u at %x:%x error %x",
          entries, trap.vec, trap.cs, trap.eip, trap.err);
}
