/* SPDX-License-Identifier: MIT */
/*
 * The way into 32-bit protected mode and back, and the descriptor tables of the self-test. The
 * image lies at the same linear addresses in both modes, so both share all data.
 */
    .include "defs.inc"
    .text
    .code16
    .globl  pm_call, gdt, gdt_tss, gdt_task, gdt_short, gdt_gate, idt, pm_idtr

/*
 * Call the 32-bit function EBX with interrupts off, flat segments and paging as it was (off);
 * EAX is its result. The function returns with paging off and the CR0 that it was given.
 */
pm_call:
    pushfl
    pushl   %ebx
    pushl   %ecx
    pushl   %edx
    pushl   %esi
    pushl   %edi
    pushl   %ebp
    cli
    sidt    real_idtr
    movw    %sp, real_sp
    lgdtl   pm_gdtr
    movl    %cr0, %eax
    movl    %eax, real_cr0
    orl     $1, %eax
    movl    %eax, %cr0
    ljmpl   $SEL_CODE, $pm_entry

    .code32
pm_entry:
    movw    $SEL_DATA, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %fs
    movw    %ax, %gs
    movw    %ax, %ss
    movl    $PM_STACK_TOP, %esp
    cld
    call    *%ebx
    movl    %eax, pm_result
    /* Real mode needs 64 KB limits in the hidden parts of the segment registers. */
    ljmpl   $SEL_CODE16, $pm_leave

    .code16
pm_leave:
    movw    $SEL_DATA16, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %fs
    movw    %ax, %gs
    movw    %ax, %ss
    movl    real_cr0, %eax
    movl    %eax, %cr0
    ljmp    $0, $1f
1:  xorw    %ax, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %fs
    movw    %ax, %ss
    movzwl  real_sp, %esp
    lidtl   real_idtr
    movl    pm_result, %eax
    popl    %ebp
    popl    %edi
    popl    %esi
    popl    %edx
    popl    %ecx
    popl    %ebx
    popfl
    ret

    .data
    .balign 8
gdt:        .quad 0
            .quad 0x00cf9b000000ffff    /* 08 ring 0 code, 4 GB */
            .quad 0x00cf93000000ffff    /* 10 ring 0 data */
            .quad 0x00009b000000ffff    /* 18 16-bit code, base 0 */
            .quad 0x000093000000ffff    /* 20 16-bit data */
            .quad 0x00cffb000000ffff    /* 28 ring 3 code */
            .quad 0x00cff3000000ffff    /* 30 ring 3 data */
gdt_tss:    .quad 0                     /* 38 and the three below: filled by selftest_init */
            .quad 0x00cf13000000ffff    /* 40 data, not present */
gdt_short:  .quad 0                     /* 48 data, 16 bytes */
            .quad 0x0040970000000fff    /* 50 data, expand-down: 1000h-FFFFFFFFh */
gdt_gate:   .quad 0                     /* 58 call gate */
gdt_task:   .quad 0                     /* 60 second TSS */
gdt_end:

pm_gdtr:    .word gdt_end - gdt - 1
            .long gdt
pm_idtr:    .word 64 * 8 - 1
            .long idt

    .bss
    .balign 8
idt:        .skip 64 * 8
real_cr0:   .skip 4
pm_result:  .skip 4
real_idtr:  .skip 8
real_sp:    .skip 2
