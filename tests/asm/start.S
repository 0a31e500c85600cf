/* SPDX-License-Identifier: MIT */
/* Entry, exception stubs and the two ways to leave and come back: trap_set() and run_user(). */
        .section .start, "ax"
        .code32
        .globl  _start
        .balign 4
header: .long   0x1badb002, 0x00000003, -(0x1badb002 + 0x00000003)
        .org    0x20                    /* boot.S jumps here */
_start: cli
        cld
        movl    %eax, multiboot_magic
        movl    %ebx, multiboot_info
        lgdt    gdtr
        ljmp    $0x08, $1f
1:      movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        xorl    %ecx, %ecx
        movl    %ecx, %fs
        movl    %ecx, %gs
        movl    $__bss_start, %edi
        movl    $__bss_end, %ecx
        subl    %edi, %ecx
        xorl    %eax, %eax
        rep stosb
        movl    $stack_top, %esp
        call    kernel_main

        .text
/* Stubs of 16 bytes: a zero for the vectors without an error code, the vector, then common code. */
        .globl  stubs
        .balign 16
stubs:
        .set    v, 0
        .rept   256
        .balign 16
        .if     !(v == 8 || (v >= 10 && v <= 14) || v == 17)
        pushl   $0
        .endif
        pushl   $v
        jmp     common
        .set    v, v + 1
        .endr

/* From V86 mode the data segments are pushed by the processor and zero now. */
common: pushal
        pushl   %es
        pushl   %ds
        pushl   %fs
        pushl   %gs
        movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        cld
        pushl   %esp
        call    on_trap
        addl    $4, %esp
        popl    %gs
        popl    %fs
        popl    %ds
        popl    %es
        popal
        addl    $8, %esp
        iretl

        .globl  trap_set
trap_set:
        movl    (%esp), %eax
        movl    %eax, trap_ctx
        movl    %esp, trap_ctx + 4
        movl    %ebp, trap_ctx + 8
        movl    %ebx, trap_ctx + 12
        movl    %esi, trap_ctx + 16
        movl    %edi, trap_ctx + 20
        xorl    %eax, %eax
        ret

/* Back into trap_set()'s second return: the stack of the exception is left. */
        .globl  trap_return
trap_return:
        movl    $0x10, %eax
        movl    %eax, %ss
        movl    trap_ctx + 4, %esp
        movl    %eax, %ds
        movl    %eax, %es
        xorl    %ecx, %ecx
        movl    %ecx, %fs
        movl    %ecx, %gs
        movl    trap_ctx, %eax
        movl    %eax, (%esp)
        movl    trap_ctx + 8, %ebp
        movl    trap_ctx + 12, %ebx
        movl    trap_ctx + 16, %esi
        movl    trap_ctx + 20, %edi
        pushl   $2
        popfl
        movl    $0, trap_ctx
        movl    $1, %eax
        ret

/* void user_enter(const struct user *u): builds the frame that IRETD wants. */
        .globl  user_enter
user_enter:
        movl    4(%esp), %eax
        testl   $1 << 17, 40(%eax)
        jz      1f
        pushl   64(%eax)                /* gs */
        pushl   60(%eax)                /* fs */
        pushl   56(%eax)                /* ds */
        pushl   52(%eax)                /* es */
        jmp     2f
1:      movl    56(%eax), %ecx
        movl    %ecx, %edx
        movl    52(%eax), %ecx
        movl    %ecx, %es
        movl    60(%eax), %ecx
        movl    %ecx, %fs
        movl    64(%eax), %ecx
        movl    %ecx, %gs
2:      pushl   48(%eax)                /* ss */
        pushl   44(%eax)                /* esp */
        pushl   40(%eax)                /* eflags */
        pushl   36(%eax)                /* cs */
        pushl   32(%eax)                /* eip */
        movl    0(%eax), %edi
        movl    4(%eax), %esi
        movl    8(%eax), %ebp
        movl    16(%eax), %ebx
        movl    24(%eax), %ecx
        testl   $1 << 17, 40(%eax)
        pushl   20(%eax)                /* edx */
        pushl   28(%eax)                /* eax */
        jnz     3f
        movl    %edx, %ds
3:      popl    %eax
        popl    %edx
        iretl

        .data
        .balign 4
        .globl  gdtr
gdtr:   .word   64 * 8 - 1
        .long   gdt
        .globl  multiboot_magic, multiboot_info
        .balign 4
multiboot_magic: .long 0
multiboot_info:  .long 0
        .globl  trap_ctx
        .balign 4
trap_ctx:
        .fill   6, 4, 0
        .bss
        .balign 16
        .fill   65536
stack_top:
        .section .note.GNU-stack, "", @progbits
