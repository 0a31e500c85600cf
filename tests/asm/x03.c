/* SPDX-License-Identifier: MIT */
/* X3: hardware tasks. JMP and CALL to a TSS, IRET with NT set over good and bad back links, task
 * gates for exceptions (also #DF from a stack that is not there), busy bits, CR0.TS, the debug trap
 * of a TSS, and what is saved where (SDM 3A 8; XP contract 2.5). */
#include "kernel.h"

static struct tss other __attribute__((aligned(128)));
static u8 other_stack[8192] __attribute__((aligned(16)));
u32 seen_err;
static u32 visits, seen_flags, seen_link, seen_tr, seen_cr0, seen_esp_delta;

#define BUSY(sel) (gdt[(sel) / 8] >> 41 & 1)
static void set_busy(u16 sel, bool busy)
{
    gdt[sel / 8] = (gdt[sel / 8] & ~(1ull << 41)) | (u64)busy << 41;
}

static u16 str(void)
{
    u32 v;
    __asm__ volatile("str %0" : "=r"(v));
    return (u16)v;
}

/* The other task: notes what it sees and goes back by IRET, again and again. */
extern u8 task_entry[];
__asm__(".text\n"
        "task_entry:\n"
        "1: pushl %esp\n call task_body\n addl $4, %esp\n iretl\n jmp 1b\n"
        "task_entry_err:\n"
        "2: popl seen_err\n pushl %esp\n call task_body\n addl $4, %esp\n iretl\n jmp 2b\n");
extern u8 task_entry_err[];
void task_body(u32 esp);
static u32 resume_at, saved_eip, saved_esp;

void task_body(u32 esp)
{
    visits++;
    seen_flags = flags_get();
    seen_link = other.link;
    seen_tr = str();
    seen_cr0 = get_cr0();
    seen_esp_delta = (u32)other_stack + sizeof(other_stack) - esp;
    __asm__ volatile("clts");
    saved_eip = task0.tss.eip;
    saved_esp = task0.tss.esp;
    if (resume_at)
        task0.tss.eip = resume_at;
    if (saved_esp >= TEST_LA) /* the broken stack */
        task0.tss.esp = task0.tss.ecx;
}

static void set_task(u32 entry)
{
    other = (struct tss){
        .cr3 = (u32)page_dir, .eip = entry, .eflags = 2, .esp = (u32)other_stack + sizeof(other_stack),
        .cs = SEL_CODE, .ss = SEL_DATA, .ds = SEL_DATA, .es = SEL_DATA, .ebx = 0xb1, .esi = 0x51,
        .iomap = sizeof(struct tss),
    };
    gdt[SEL_TASK / 8] = descriptor((u32)&other, sizeof(other) - 1, 0x89, 0);
    visits = 0;
}

#define FAR(instr, sel) __asm__ volatile(instr " %0, $0" :: "i"(sel) : "memory", "cc", "eax", "ecx", "edx")

static void call_and_return(void)
{
    set_task((u32)task_entry);
    set_cr0(get_cr0() & ~(u32)CR0_TS);
    FAR("lcall", SEL_TASK);
    check_eq(visits, 1, "call_runs_task");
    check_eq(seen_link, SEL_TSS, "call_sets_link");
    check(seen_flags & FL_NT, "call_sets_nt", "eflags %x", seen_flags);
    check_eq(seen_tr, SEL_TASK, "call_loads_tr");
    check(seen_cr0 & CR0_TS, "switch_sets_ts", "cr0 %x", seen_cr0);
    check_eq(str(), SEL_TSS, "iret_returns_tr");
    check_eq(BUSY(SEL_TASK), 0, "iret_clears_busy");
    check_eq(BUSY(SEL_TSS), 1, "caller_stays_busy");
    check(!(flags_get() & FL_NT), "caller_nt_is_clear", "eflags %x", flags_get());
    check(!(other.eflags & FL_NT), "iret_saves_nt_clear", "eflags %x", other.eflags);
    check_eq(other.ebx, 0xb1, "registers_saved");
    /* the saved EIP is behind the IRET */
    FAR("lcall", SEL_TASK);
    check_eq(visits, 2, "task_goes_on_behind_iret");
    /* a TSS descriptor that is busy: #GP(selector) by CALL and JMP */
    set_busy(SEL_TASK, true);
    check(CATCH(FAR("lcall", SEL_TASK)) && trap.vec == EXC_GP && trap.err == SEL_TASK, "call_busy",
          "vector %u error %x", trap.vec, trap.err);
    check(CATCH(FAR("ljmp", SEL_TASK)) && trap.vec == EXC_GP && trap.err == SEL_TASK, "jmp_busy",
          "vector %u error %x", trap.vec, trap.err);
    set_busy(SEL_TASK, false);
    u64 was = gdt[SEL_TASK / 8];
    gdt[SEL_TASK / 8] &= ~(1ull << 47);
    check(CATCH(FAR("lcall", SEL_TASK)) && trap.vec == EXC_NP && trap.err == SEL_TASK, "call_absent",
          "vector %u error %x", trap.vec, trap.err);
    gdt[SEL_TASK / 8] = descriptor((u32)&other, 0x66, 0x89, 0);
    check(CATCH(FAR("lcall", SEL_TASK)) && trap.vec == EXC_TS && trap.err == SEL_TASK, "call_short",
          "vector %u error %x", trap.vec, trap.err);
    check_eq(str(), SEL_TSS, "faults_keep_tr");
    check_eq(BUSY(SEL_TASK), 0, "faults_keep_busy");
    gdt[SEL_TASK / 8] = was;
}

static void jump(void)
{
    /* there and back by JMP: busy moves, no link, no NT */
    extern u8 jump_body[];
    __asm__ volatile("jmp 1f\n jump_body: ljmp %0, $0\n 1:" :: "i"(SEL_TSS));
    set_task((u32)jump_body);
    other.link = 0xbeef;
    FAR("ljmp", SEL_TASK);
    check_eq(str(), SEL_TSS, "jmp_back");
    check_eq(BUSY(SEL_TASK), 0, "jmp_clears_busy_of_old");
    check_eq(BUSY(SEL_TSS), 1, "jmp_sets_busy_of_new");
    check_eq(other.link, 0xbeef, "jmp_writes_no_link");
    check(!(flags_get() & FL_NT), "jmp_sets_no_nt", "eflags %x", flags_get());
    check(other.eip == (u32)jump_body + 7, "jmp_saves_eip", "eip %x", other.eip);
}

/* IRET with NT: the back link must be a busy TSS in the GDT, else #TS(link). */
static void bad_links(void)
{
    static const struct { u16 link; const char *name; } bad[] = {
        { SEL_TASK, "link_not_busy" }, { 0, "link_null" }, { SEL_DATA, "link_data_segment" },
        { 0xfff8, "link_beyond_gdt" }, { SEL_LDT | 4, "link_in_ldt" },
    };

    set_task((u32)task_entry);
    for (unsigned k = 0; k < ARRAY_LEN(bad); k++) {
        task0.tss.link = bad[k].link;
        bool caught = CATCH({
            flags_set(flags_get() | FL_NT);
            __asm__ volatile("iretl");
        });
        flags_set(2);
        check(caught && trap.vec == EXC_TS && trap.err == (bad[k].link & ~3u), bad[k].name,
              "caught %u vector %u error %x", caught, trap.vec, trap.err);
        check(trap.eflags & FL_NT, "nt_in_frame", "eflags %x", trap.eflags);
    }
    /* absent and busy: #NP */
    set_busy(SEL_TASK, true);
    gdt[SEL_TASK / 8] &= ~(1ull << 47);
    task0.tss.link = SEL_TASK;
    bool caught = CATCH({ flags_set(flags_get() | FL_NT); __asm__ volatile("iretl"); });
    flags_set(2);
    check(caught && trap.vec == EXC_NP && trap.err == SEL_TASK, "link_absent", "vector %u error %x",
          trap.vec, trap.err);
    gdt[SEL_TASK / 8] |= 1ull << 47;
    set_busy(SEL_TASK, false);
}

/* Faults in loading the new task's segments come in the new task, with #TS(selector). */
/* (A bad LDT or SS leaves no stack for the handler: bad_stacks().) */
static void bad_segments(void)
{
    static const struct { unsigned off; u16 sel; u8 vec; u32 err; const char *name; } bad[] = {
        { __builtin_offsetof(struct tss, cs), SEL_DATA, EXC_TS, SEL_DATA, "new_cs_is_data" },
        { __builtin_offsetof(struct tss, cs), 0, EXC_TS, 0, "new_cs_null" },
        { __builtin_offsetof(struct tss, es), SEL_TSS, EXC_TS, SEL_TSS, "new_es_is_tss" },
        { __builtin_offsetof(struct tss, ds), SEL_FREE + 8, EXC_TS, SEL_FREE + 8, "new_ds_empty" },
    };
    for (unsigned k = 0; k < ARRAY_LEN(bad); k++) {
        set_task((u32)task_entry);
        *(u16 *)((u8 *)&other + bad[k].off) = bad[k].sel;
        bool caught = CATCH(FAR("lcall", SEL_TASK));
        u16 tr = str();
        check(caught && trap.vec == bad[k].vec && trap.err == bad[k].err, bad[k].name,
              "caught %u vector %u error %x", caught, trap.vec, trap.err);
        check_eq(tr, SEL_TASK, "in_the_new_task");
        /* back: this stack is the old task's, which trap_set() restored; only TR is wrong */
        set_busy(SEL_TSS, false);
        __asm__ volatile("ltr %0" :: "r"((u16)SEL_TSS));
        flags_set(2);
        __asm__ volatile("lldt %0" :: "r"((u16)0));
    }
}

/* With a bad SS only a task gate can handle the #TS: the watcher notes the error code, frees the broken
 * task's TSS and the first one's, and jumps to the first. */
static struct tss watcher __attribute__((aligned(128)));
u32 watch_err;
extern u8 watch_entry[];
void watch_body(void);
__asm__("watch_entry: popl watch_err\n call watch_body\n ljmp $0x28, $0\n");
enum { SEL_WATCH = SEL_FREE + 16 };

void watch_body(void)
{
    seen_link = watcher.link;
    set_busy(SEL_TASK, false);
    set_busy(SEL_TSS, false);
    __asm__ volatile("clts");
}

static void bad_stacks(void)
{
    enum { SS = __builtin_offsetof(struct tss, ss), LDT = __builtin_offsetof(struct tss, ldt) };
    static const struct { u32 off; u16 sel; u32 err; const char *name; } bad[] = {
        { SS, SEL_CODE, SEL_CODE, "new_ss_is_code" },
        { SS, 0, 0, "new_ss_null" },
        { SS, SEL_UDATA, SEL_UDATA & ~3, "new_ss_rpl" },
        { SS, SEL_FREE + 8, SEL_FREE + 8, "new_ss_empty" },
        { LDT, SEL_DATA, SEL_DATA, "new_ldt_is_data" },
        { LDT, SEL_LDT | 4, SEL_LDT | 4, "new_ldt_in_ldt" },
    };
    u64 ts = idt[EXC_TS];

    for (unsigned k = 0; k < ARRAY_LEN(bad); k++) {
        watcher = (struct tss){
            .cr3 = (u32)page_dir, .eip = (u32)watch_entry, .eflags = 2, .ss = SEL_DATA,
            .esp = (u32)other_stack + 4096, .cs = SEL_CODE, .ds = SEL_DATA, .es = SEL_DATA,
            .iomap = sizeof(struct tss),
        };
        gdt[SEL_WATCH / 8] = descriptor((u32)&watcher, sizeof(watcher) - 1, 0x89, 0);
        idt[EXC_TS] = gate(SEL_WATCH, 0, 0x85);
        set_task((u32)task_entry);
        *(u16 *)((u8 *)&other + bad[k].off) = bad[k].sel;
        watch_err = 0xffffffff;
        seen_link = 0;
        FAR("lcall", SEL_TASK);
        check(watch_err == bad[k].err && seen_link == SEL_TASK, bad[k].name, "error %x link %x",
              watch_err, seen_link);
        check_eq(str(), SEL_TSS, "watcher_jumped_back");
        flags_set(2);
    }
    idt[EXC_TS] = ts;
}

static void gates(void)
{
    u64 ud = idt[EXC_UD], gp = idt[EXC_GP], df = idt[EXC_DF];
    extern u8 ud_next[], gp_next[], df_next[];

    set_task((u32)task_entry);
    idt[EXC_UD] = gate(SEL_TASK, 0, 0x85);
    __asm__ volatile("int $6" ::: "memory"); /* saved EIP is behind it */
    check(visits == 1 && seen_esp_delta == 0, "int_task_gate", "visits %u, stack %x", visits,
          seen_esp_delta);
    check_eq(seen_link, SEL_TSS, "gate_sets_link");
    resume_at = (u32)ud_next; /* saved EIP is at it; the task moves it */
    __asm__ volatile("ud2\n ud_next:" ::: "memory");
    check(visits == 2 && saved_eip + 2 == (u32)ud_next, "ud_task_gate", "visits %u, saved eip %x",
          visits, saved_eip);
    idt[EXC_UD] = ud;

    /* the error code is pushed on the new task's stack as 32 bits */
    set_task((u32)task_entry_err);
    idt[EXC_GP] = gate(SEL_TASK, 0, 0x85);
    seen_err = 0;
    resume_at = (u32)gp_next;
    __asm__ volatile("movl %0, %%ss\n gp_next:" :: "r"(SEL_CODE) : "memory");
    check(visits == 1 && seen_err == SEL_CODE && saved_eip + 2 == (u32)gp_next, "gp_task_gate",
          "visits %u error %x eip %x", visits, seen_err, saved_eip);
    idt[EXC_GP] = gp;

    /* a push to a page that is not there: #PF can't be delivered, #DF comes by its task gate */
    set_task((u32)task_entry_err);
    idt[EXC_DF] = gate(SEL_TASK, 0, 0x85);
    seen_err = 0xffffffff;
    resume_at = (u32)df_next;
    u32 esp_then;
    __asm__ volatile("movl %%esp, %%ecx\n movl %%ecx, %0\n movl %1, %%esp\n pushl $1\n df_next:"
                     : "=&m"(esp_then) : "i"(TEST_LA + 0x8000) : "ecx", "memory");
    check(visits == 1 && seen_err == 0, "double_fault_task_gate", "visits %u error %x", visits, seen_err);
    check_eq(saved_esp, TEST_LA + 0x8000, "double_fault_saves_esp");
    check(saved_eip + 2 == (u32)df_next, "double_fault_saves_eip", "eip %x", saved_eip);
    check_eq(get_cr2(), TEST_LA + 0x7ffc, "double_fault_cr2");
    check_eq(BUSY(SEL_TASK), 0, "double_fault_task_free");
    idt[EXC_DF] = df;
    resume_at = 0;
}

/* The T bit of a TSS: #DB before the new task's first instruction, DR6.BT set. */
static void debug_trap(void)
{
    extern u8 jump_body[];

    set_task((u32)jump_body);
    other.trap = 1;
    set_dr6(0xffff0ff0);
    bool caught = CATCH(FAR("ljmp", SEL_TASK));
    check(caught && trap.vec == EXC_DB && trap.eip == (u32)jump_body, "t_bit_traps",
          "caught %u vector %u eip %x", caught, trap.vec, trap.eip);
    check_eq(get_dr6(), 0xffff8ff0, "t_bit_in_dr6");
    set_busy(SEL_TSS, false);
    __asm__ volatile("ltr %0" :: "r"((u16)SEL_TSS));
}

void test_main(void)
{
    paging_on();
    call_and_return();
    jump();
    bad_links();
    bad_segments();
    bad_stacks();
    gates();
    debug_trap();
}
