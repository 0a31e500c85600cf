/* SPDX-License-Identifier: MIT */
/* P7: what NTLDR does to leave a loop (XP contract 1.1, T17; SeaBIOS 1297e5da). In real mode, with the BIOS's
 * timer interrupt, a handler of INT 1Ch overwrites the return address of IRQ 0, which must lie in the three
 * words below the stack pointer of the loop that was interrupted: IP, CS and FLAGS, nothing else. */
#include "kernel.h"

/* Copied to 0:8000h. EBX is the address of struct result; SP there is the recorded one. */
__asm__(".pushsection .text\n"
        ".globl rm_start, rm_end, rm_call\n"
        "rm_call:\n" /* void rm_call(u32 spin): into real mode and back */
        "   pushal\n"
        "   movl 36(%esp), %ebx\n"
        "   movl %esp, 0x7000\n"
        "   ljmp $0x30, $0x8000\n"
        "rm_back:\n"
        "   movl $0x10, %eax\n"
        "   movl %eax, %ds\n movl %eax, %es\n movl %eax, %ss\n"
        "   xorl %eax, %eax\n movl %eax, %fs\n movl %eax, %gs\n"
        "   movl 0x7000, %esp\n"
        "   lidt 0x7008\n"
        "   popal\n"
        "   ret\n"
        ".code16\n"
        "rm_start:\n"
        "   movw $0x38, %ax\n movw %ax, %ds\n movw %ax, %es\n movw %ax, %ss\n movw %ax, %fs\n"
        "   movw %ax, %gs\n"
        "   lidt 0x7010\n"
        "   movl %cr0, %eax\n andb $0xfe, %al\n movl %eax, %cr0\n"
        "   ljmp $0, $(1f - rm_start + 0x8000)\n"
        "1: xorw %ax, %ax\n movw %ax, %ds\n movw %ax, %es\n movw %ax, %ss\n"
        "   movw $0x6ff0, %sp\n"
        "   pushl 0x70\n popl 0x7018\n"                                /* BIOS's INT 1Ch */
        "   movw $(rm_tick - rm_start + 0x8000), 0x70\n movw %ax, 0x72\n"
        "   movw %sp, 0x7024\n"
        "   testb %bl, %bl\n"
        "   pushfw\n popw 0x7020\n" /* flags of the loop, but for IF */
        "   jz rm_spin\n"
        "   sti\n"
        "rm_hlt: hlt\n"
        "   jmp rm_hlt\n"
        "rm_spin: sti\n"
        "2: jmp 2b\n"
        "rm_new:\n" /* where no jump leads */
        "   pushfw\n"
        "   cli\n"
        "   popw 0x7022\n"
        "   movw %sp, 0x7026\n"
        "   movl 0x7018, %eax\n movl %eax, 0x70\n"
        "   movl %cr0, %eax\n orb $1, %al\n movl %eax, %cr0\n"
        "   ljmpl $8, $rm_back\n"
        "rm_tick:\n"
        "   pushw %ds\n pushw %si\n pushw %ax\n"
        "   xorw %ax, %ax\n movw %ax, %ds\n"
        "   incw 0x7028\n"
        "   movw 0x7024, %si\n"
        "   movw -6(%si), %ax\n movw %ax, 0x702a\n" /* IP, CS, FLAGS as they were pushed */
        "   movw -4(%si), %ax\n movw %ax, 0x702c\n"
        "   movw -2(%si), %ax\n movw %ax, 0x702e\n"
        "   movw $(rm_new - rm_start + 0x8000), -6(%si)\n"
        "   popw %ax\n popw %si\n popw %ds\n"
        "   iretw\n"
        "rm_end:\n"
        ".globl rm_at_spin, rm_at_hlt\n"
        ".set rm_at_spin, rm_spin - rm_start + 0x8000 + 1\n" /* behind STI */
        ".set rm_at_hlt, rm_hlt - rm_start + 0x8000 + 1\n"   /* behind HLT */
        ".code32\n"
        ".popsection\n");
extern u8 rm_start[], rm_end[], rm_at_spin[], rm_at_hlt[];
void rm_call(u32 halt);

static volatile u16 *const low = (volatile u16 *)0x7000;
#define LOW(at) low[((at) - 0x7000) / 2]

void test_main(void)
{
    static struct { u16 limit; u32 base; } __attribute__((packed)) real = { 0x3ff, 0 }, ours = { 0x7ff, 0 };
    u32 before, wrong_ip = 0, wrong_cs = 0, wrong_sp = 0, wrong_flags = 0, calls = 0, rounds = option("rounds", 20);

    ours.base = (u32)idt;
    memcpy((void *)0x8000, rm_start, (unsigned long)(rm_end - rm_start));
    memcpy((void *)0x7008, &ours, sizeof ours);
    memcpy((void *)0x7010, &real, sizeof real);
    outb(0x21, 0xfe); /* IRQ 0 at INT 8, where the BIOS has it */
    volatile u32 *bios_ticks = (volatile u32 *)option("ticks-at", 0x46c); /* the compiler must not know */
    before = *bios_ticks;
    for (u32 k = 0; k < rounds; k++) {
        u32 ip = (u32)(k & 1 ? rm_at_hlt : rm_at_spin);
        LOW(0x7028) = 0;
        LOW(0x7026) = 0;
        rm_call(k & 1);
        calls += LOW(0x7028);
        wrong_ip += LOW(0x702a) != ip;
        wrong_cs += LOW(0x702c) != 0;
        wrong_flags += LOW(0x702e) != (LOW(0x7020) | FL_IF) || (LOW(0x7022) & 0x0ed5) != (LOW(0x702e) & 0x0ed5);
        wrong_sp += LOW(0x7026) != LOW(0x7024);
    }
    outb(0x21, 0xff);
    check_eq(calls, rounds, "one_tick_leaves_the_loop");
    check_eq(wrong_ip, 0, "ip_at_sp_minus_6");
    check_eq(wrong_cs, 0, "cs_at_sp_minus_4");
    check_eq(wrong_flags, 0, "flags_at_sp_minus_2_and_restored");
    check_eq(wrong_sp, 0, "six_bytes_are_popped");
    check_eq(*bios_ticks - before, rounds, "bios_tick_count");
}
