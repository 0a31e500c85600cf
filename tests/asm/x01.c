/* SPDX-License-Identifier: MIT */
/* X1: interrupt shadows. An interrupt that is pending when STI sets IF is taken behind the next
 * instruction; a second STI or a MOV SS in the shadow doesn't make it longer (SDM 2B, STI; XP
 * contract 2.6). MOV SS and POP SS hold interrupts and single-step traps for one instruction
 * (SDM 3A 6.8.3). What is recorded is the EIP that the processor pushed. */
#include "kernel.h"

static u32 pushed, irqs;

static void on_irq0(struct frame *f)
{
    irqs++;
    pushed = f->eip;
    f->eflags &= ~(u32)FL_IF;
    pic_eoi(0);
}

/* IF is clear; IRQ 0 is pending in the 8259 when it returns. */
static void make_pending(void)
{
    outb(0x20, 0x0a);
    pit_start(0, 200);
    while (!(inb(0x20) & 1)) {
    }
}

/* CODE begins at label a and has labels b, c ... for the places that may be pushed. */
#define AT(name, setup, code, wanted) do { \
        extern u8 name##_##wanted[]; \
        make_pending(); \
        irqs = 0; \
        __asm__ volatile(setup "\n" code "\ncli\n" ::: "eax", "ecx", "memory", "cc"); \
        check(irqs == 1 && pushed == (u32)name##_##wanted, #name, \
              "%u interrupts, pushed %x, want %x", irqs, pushed, (u32)name##_##wanted); \
    } while (0)
#define L(name, label) #name "_" #label ": .globl " #name "_" #label "\n"

static void shadows(void)
{
    AT(sti_nop, "", "sti\n nop\n" L(sti_nop, b) "nop\n nop\n", b);
    AT(sti_sti, "", "sti\n sti\n" L(sti_sti, b) "nop\n nop\n", b);
    AT(sti_sti_sti, "", "sti\n sti\n" L(sti_sti_sti, b) "sti\n nop\n nop\n", b);
    AT(sti_cli_sti_nop, "", "sti\n cli\n nop\n sti\n nop\n" L(sti_cli_sti_nop, b) "nop\n", b);
    AT(popf_now, "pushfl\n orl $0x200, (%%esp)\n", "popfl\n" L(popf_now, b) "nop\n nop\n", b);
    /* in STI's shadow MOV SS makes none of its own on some processors and one on others */
    make_pending();
    irqs = 0;
    extern u8 sti_ss_b[], sti_ss_c[];
    __asm__ volatile("movl %%ss, %%eax\n movl %%esp, %%ecx\n sti\n movl %%eax, %%ss\n"
                     L(sti_ss, b) "movl %%ecx, %%esp\n" L(sti_ss, c) "nop\n nop\n cli\n"
                     ::: "eax", "ecx", "memory", "cc");
    check(irqs == 1 && (pushed == (u32)sti_ss_b || pushed == (u32)sti_ss_c), "sti_mov_ss",
          "%u interrupts, pushed %x", irqs, pushed);
    note("sti; mov ss: taken %s mov esp", pushed == (u32)sti_ss_b ? "before" : "behind");
    /* STI; HLT with the interrupt pending wakes at once, EIP behind HLT */
    AT(sti_hlt, "", "sti\n hlt\n" L(sti_hlt, b) "nop\n nop\n", b);
}

/* STI as the last instruction of a page, the shadowed one on the next. */
static void page_end(void)
{
    u8 *p = alloc_page();

    alloc_page();
    u8 *at = p + 4095;
    at[0] = 0xfb;               /* sti */
    at[1] = 0x90;               /* nop */
    at[2] = 0x90;
    at[3] = 0xfa;               /* cli */
    at[4] = 0xc3;
    for (unsigned k = 0; k < 3; k++) {
        make_pending();
        irqs = 0;
        ((void (*)(void))at)();
        check(irqs == 1 && pushed == (u32)at + 2, k ? "sti_page_end_again" : "sti_page_end",
              "%u interrupts, pushed %x, want %x", irqs, pushed, (u32)at + 2);
    }
}

/* With a fast tick, no interrupt may ever come between MOV SS (POP SS) and MOV ESP. */
static u32 bad, seen;
extern u8 ss_lo[], ss_hi[];

static void on_tick(struct frame *f)
{
    seen++;
    u32 at = (f->eip - (u32)ss_lo) % 9; /* the loop's body has 9 bytes; behind MOV SS, behind POP SS */
    if (f->eip >= (u32)ss_lo && f->eip < (u32)ss_hi && (at == 2 || at == 6))
        bad++;
    pic_eoi(0);
}

static void mov_ss_never_split(void)
{
    handlers[0x20] = on_tick;
    pit_start(2, 120); /* 10 kHz */
    sti();
    for (u32 round = 0; round < 2000000 && seen < 300; round++)
        __asm__ volatile("movl %%ss, %%eax\n movl %%esp, %%ecx\n"
                         "ss_lo:\n"
                         ".rept 32\n movl %%eax, %%ss\n movl %%ecx, %%esp\n"
                         "pushl %%eax\n popl %%ss\n movl %%ecx, %%esp\n nop\n .endr\n"
                         "ss_hi:\n" ::: "eax", "ecx", "memory");
    cli();
    handlers[0x20] = on_irq0;
    check(seen >= 300, "ticks_during_mov_ss", "%u ticks", seen);
    check(!bad, "mov_ss_never_split", "%u of %u interrupts lay between MOV SS and MOV ESP", bad, seen);
}

/* Single step: no trap behind MOV SS; the trap behind the next instruction. */
static u32 steps[16], num_steps;

static void on_step(struct frame *f)
{
    if (num_steps < ARRAY_LEN(steps))
        steps[num_steps++] = f->eip;
    if (num_steps >= 6)
        f->eflags &= ~(u32)FL_TF;
}

static void single_step(void)
{
    extern u8 st_a[], st_c[], st_d[];

    handlers[EXC_DB] = on_step;
    num_steps = 0;
    __asm__ volatile("movl %%ss, %%eax\n movl %%esp, %%ecx\n pushfl\n orl $0x100, (%%esp)\n popfl\n"
                     "nop\n st_a: movl %%eax, %%ss\n movl %%ecx, %%esp\n st_c: nop\n st_d: nop\n"
                     "pushfl\n andl $~0x100, (%%esp)\n popfl\n" ::: "eax", "ecx", "memory", "cc");
    check_eq(steps[0], st_a, "tf_behind_nop");
    check_eq(steps[1], st_c, "tf_held_by_mov_ss");
    check_eq(steps[2], st_d, "tf_goes_on");
    handlers[EXC_DB] = NULL;
}

/* A stack segment of the other size counts from the next instruction on, in the same straight line (C4). */
static void stack_size(void)
{
    u32 after;

    __asm__ volatile("movl %%esp, %%ebx\n movl %%ss, %%ecx\n"
                     "movl $0x10007000, %%edx\n"
                     "movl %2, %%eax\n"
                     "movl %%eax, %%ss\n movl %%edx, %%esp\n"
                     "pushl $0x12345678\n"            /* SP, not ESP */
                     "movl %%esp, %%edx\n"
                     "movl %%ecx, %%ss\n movl %%ebx, %%esp\n"
                     "pushl %%edx\n popl %0\n"       /* ESP again */
                     : "=&r"(after) : "i"(0), "i"(SEL_DATA16) : "eax", "ebx", "ecx", "edx", "memory");
    check_eq(after, 0x10006ffc, "ss_size_counts_at_once");
    check_eq(*(volatile u32 *)(after & 0xffff), 0x12345678, "pushed_below_sp");
}

void test_main(void)
{
    handlers[0x20] = on_irq0;
    pic_init(0xfe, 0xff);
    stack_size();
    shadows();
    page_end();
    mov_ss_never_split();
    single_step();
}
