/* SPDX-License-Identifier: MIT */
/* Big segments in real mode ("unreal mode"): what a segment register got in protected mode stays when PE
 * is cleared, limit and D/B bit; loads in real mode change the base alone. */
#include "tests/dos/dos.h"

        SEL_FLAT = 8                    /* 4 GB from 0 */
        SEL_BIG = 16                    /* 4 GB from our segment */
        SEL_STACK = 24                  /* the same with B = 1 */
        SEL_CODE32 = 32
        SEL_SMALL = 40                  /* 64 KB from our segment: as after a reset */
        SEL_CODE16 = 48

        .text
main:   smsww   %ax
        testb   $1, %al
        jz      1f
        say     "NOTE in V86 mode: nothing to test here"
        ret
1:      movl    $256, %eax
        call    xms_get
        movl    %eax, memory
        testl   %eax, %eax
        is      nz, "extended memory"
        jnz     1f
        ret
1:      movb    $5, %ah                 /* A20 on for us */
        lcall   *xms

        xorl    %eax, %eax
        movw    %cs, %ax
        shll    $4, %eax
        movl    %eax, base
        movw    $gdt + SEL_BIG, %bx
1:      movl    base, %eax
        movw    %ax, 2(%bx)
        shrl    $16, %eax
        movb    %al, 4(%bx)
        addw    $8, %bx
        cmpw    $gdt_end, %bx
        jb      1b
        movl    base, %eax
        addl    $gdt, %eax
        movl    %eax, gdtr + 2

        movb    $0x0d, %al
        call    get_vector
        movl    %eax, old_0d
        movb    $0x0c, %al
        call    get_vector
        movl    %eax, old_0c
        movw    $on_fault, %cx
        movb    $0x0d, %al
        call    set_vector
        movb    $0x0c, %al
        call    set_vector
        call    small                   /* XMS drivers leave big ones behind */
        call    limits
        call    data_segments
        call    interrupts
        call    bios
        call    strings
        call    big_stack
        call    code32
        call    off
        movl    old_0d, %ecx
        movb    $0x0d, %al
        call    put_vector
        movl    old_0c, %ecx
        movb    $0x0c, %al
        call    put_vector

        movb    $6, %ah
        lcall   *xms
        call    xms_free
        ret

/* Interrupt 0Dh is IRQ 5's, too: nobody uses that here. */
on_fault:
        pushw   %bp
        movw    %sp, %bp
        pushw   %ax
        incl    %cs:faults
        movw    2(%bp), %ax
        movw    %ax, %cs:fault_ip
        movw    %cs:resume, %ax
        movw    %ax, 2(%bp)
        popw    %ax
        popw    %bp
        iret

/* Without: an access behind 64 KB is interrupt 0Dh, one through SS 0Ch. */
limits: movl    $0x10000, %ebx
        movw    $2f, resume
1:      movl    (%ebx), %eax
2:      eq      faults, $1, "a read behind the limit faults"
        eqw     fault_ip, $1b, "at the instruction"
        movl    $0xffff, %ebx           /* its second byte is behind */
        movw    $2f, resume
1:      movw    %ax, (%ebx)
2:      eq      faults, $2, "a write across the limit faults"
        eqw     fault_ip, $1b, "at the instruction"
        movl    $0x10000, %ebx
        movw    $2f, resume
1:      movl    %ss:(%ebx), %eax
2:      eq      faults, $3, "through SS, too"
        movl    $0, faults
        ret

/* With interrupts off; CS stays as it is. */
enter:  cli
        lgdtl   gdtr
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        jmp     1f
1:      ret
leave:  movl    %cr0, %eax
        andb    $0xfe, %al
        movl    %eax, %cr0
        jmp     1f
1:      ret

/* DS big from our segment, ES, FS and GS from 0; then loads in real mode, which keep the limit. */
go_big: call    enter
        movw    $SEL_FLAT, %ax
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    $SEL_BIG, %ax
        movw    %ax, %ds
        call    leave
        xorw    %ax, %ax
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        movw    %cs, %ax
        movw    %ax, %ds
        sti
        ret

data_segments:
        call    go_big
        movw    $3f, resume
        movl    memory, %ebx
        movl    $0x13579bdf, %fs:(%ebx)
        movl    $0x2468ace0, %fs:0x3fffc(%ebx)
        movl    %gs:(%ebx), %eax
        eq      %eax, $0x13579bdf, "extended memory through FS and GS"
        movl    %es:0x3fffc(%ebx), %eax
        eq      %eax, $0x2468ace0, "its last double word through ES"
        movl    %ebx, %esi
        subl    base, %esi
        movl    (%esi), %eax
        eq      %eax, $0x13579bdf, "through DS, whose base is ours"
        movl    base, %esi
        negl    %esi
        movl    (%esi), %eax
        eq      %eax, %fs:0, "around 4 GB to address 0"
        movw    $0x1234, %ax
        movw    %ax, %fs
        movl    %fs:-0x12340(%ebx), %eax
        eq      %eax, $0x13579bdf, "a load in real mode changes the base alone"
        pushw   $0
        popw    %fs
        movl    $0xfffffff0, %esi
        movl    %fs:(%esi), %eax
        movl    $0xffff0, %esi
        eq      %eax, %fs:(%esi), "the ROM below 4 GB"
3:      eq      faults, $0, "no fault"
        ret

/* Two ticks; a handler pushes and pops segment registers. */
interrupts:
        movw    $3f, resume
        movl    %fs:0x46c, %ecx
        addl    $2, %ecx
1:      hlt
        cmpl    %fs:0x46c, %ecx
        ja      1b
        movl    memory, %ebx
        eq      %fs:(%ebx), $0x13579bdf, "FS is big behind timer interrupts"
        eq      %gs:(%ebx), $0x13579bdf, "GS, too"
        eq      %es:(%ebx), $0x13579bdf, "ES, too"
        movl    %ebx, %esi
        subl    base, %esi
        eq      (%esi), $0x13579bdf, "DS, too"
3:      eq      faults, $0, "no fault"
        ret

bios:   movw    $3f, resume
        movb    $0x0f, %ah
        int     $0x10
        movb    $1, %ah
        int     $0x16
        movb    $0x88, %ah
        int     $0x15
        xorb    %ah, %ah
        int     $0x1a
        movl    memory, %ebx
        eq      %fs:(%ebx), $0x13579bdf, "FS is big behind calls of the BIOS"
        pushw   %es
        pushw   %ds
        popw    %es
        movw    $3, %bp
1:      movw    $0x0201, %ax
        movw    $sector, %bx
        movw    $1, %cx
        movw    $0, %dx
        int     $0x13
        jnc     2f
        xorb    %ah, %ah
        int     $0x13
        decw    %bp
        jnz     1b
2:      popw    %es
        eqw     sector + 510, $0xaa55, "a sector of the floppy"
        movl    memory, %ebx
        eq      %gs:(%ebx), $0x13579bdf, "GS is big behind it"
        movb    $0x30, %ah
        int     $0x21
        movl    memory, %ebx
        eq      %fs:(%ebx), $0x13579bdf, "FS is big behind a call of DOS"
3:      eq      faults, $0, "no fault"
        ret

/* String instructions with 32-bit addresses, longer than 64 KB. */
strings:
        movw    $3f, resume
        movl    memory, %edi
        movl    $0x5000, %ecx
        movl    $0x10002000, %eax
1:      addr32 stosl
        addl    $7, %eax
        loopl   1b
        movl    memory, %esi
        movl    %esi, %edi
        addl    $0x18000, %edi
        subl    base, %esi
        movl    $0x5000, %ecx
        addr32 rep movsl
        eq      %ecx, $0, "REP MOVSD of 80 KB, ECX"
        movl    %edi, %eax
        subl    memory, %eax
        eq      %eax, $0x2c000, "EDI"
        movl    memory, %esi
        leal    0x18000(%esi), %edi
        movl    %fs:0x13ffc(%esi), %eax
        eq      %eax, $0x10002000+7*0x4fff, "the last double word"
        subl    base, %esi
        movl    $0x5000, %ecx
        addr32 repe cmpsl
        is      e, "REPE CMPSD finds no difference"
        eq      %ecx, $0, "to the end"
3:      eq      faults, $0, "no fault"
        ret

on_tick:
        pushw   %ax
        incl    %cs:ticks
        movb    $0x20, %al
        outb    %al, $0x20
        popw    %ax
        iret

/* B = 1: pushes and interrupts go through ESP. 128 KB from our segment on are ours. */
big_stack:
        movw    %cs, %ax
        addw    $0x2000, %ax
        cmpw    2, %ax                  /* PSP: end of our memory */
        is      be, "128 KB for a stack"
        ja      9f
        movw    $3f, resume
        movl    $0x1e000, %esi
1:      movl    $0xa5a5a5a5, (%esi)     /* where the frames will be */
        addl    $4, %esi
        cmpl    $0x1f000, %esi
        jb      1b
        movb    $8, %al                 /* DOS' handler is not made for it: it loads SP alone */
        call    get_vector
        movl    %eax, old_08
        cli
        movw    $on_tick, %cx
        movb    $8, %al
        call    set_vector
        movzwl  %sp, %esp
        call    enter
        movw    $SEL_STACK, %ax
        movw    %ax, %ss
        call    leave
        movw    %cs, %ax
        movw    %ax, %ss
        movl    %esp, %ebp
        movl    $0x1f000, %esp
        pushl   $0x600df00d
        movl    %esp, %edx
        popl    %eax
        movl    $0x1effc, %ecx
        movl    (%ecx), %ecx
        movl    %ecx, got32
        sti
1:      hlt
        cmpl    $2, ticks
        jb      1b
        cli
        movl    %esp, %esi
        movl    $0x1eff8, %eax
        movl    (%eax), %eax            /* CS and FLAGS of the last interrupt, half a frame */
        movl    %ebp, %esp
        pushl   %eax
        call    enter
        movw    $SEL_SMALL, %ax
        movw    %ax, %ss
        call    leave
        movw    %cs, %ax
        movw    %ax, %ss
        movl    old_08, %ecx
        movb    $8, %al
        call    put_vector
        popl    %eax
        sti
        eq      %edx, $0x1effc, "PUSH with B = 1 goes through ESP"
        eq      got32, $0x600df00d, "to the memory there"
        eq      %esi, $0x1f000, "ESP behind interrupts"
        cmpl    $0xa5a5a5a5, %eax
        is      ne, "their frames are at SS:ESP"
3:      eq      faults, $0, "no fault"
9:      ret

/* D = 1: 32-bit code goes on in real mode until the next far jump in protected mode. */
code32: call    enter
        ljmp    $SEL_CODE32, $1f
        .code32
1:      movl    %cr0, %eax
        andb    $0xfe, %al
        movl    %eax, %cr0
        movl    $0x89abcdef, %eax
        movl    %eax, got32
        pushl   $0x01234567             /* SS is small: SP */
        popl    got32 + 4
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmp    $SEL_CODE16, $1f
        .code16
1:      call    leave
        pushw   %cs                     /* CS is the descriptor's selector */
        popw    %ax
        pushw   %ds
        pushw   $1f
        lret
1:      sti
        eqw     %ax, $SEL_CODE16, "CS keeps its selector, too"
        eq      got32, $0x89abcdef, "32-bit code in real mode"
        eq      got32 + 4, $0x01234567, "its stack"
        ret

off:    call    small
        movw    $2f, resume
        movl    $0x10000, %ebx
        movl    %fs:(%ebx), %eax
2:      eq      faults, $1, "and small again"
        ret

small:  call    enter
        movw    $SEL_SMALL, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        call    leave
        movw    %cs, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %fs
        movw    %ax, %gs
        sti
        ret

        .section .rodata
progname: .asciz "unreal"
        .data
        .balign 8
gdt:    .quad   0
        .quad   0x00cf92000000ffff
        .quad   0x008f92000000ffff
        .quad   0x00cf92000000ffff
        .quad   0x00409a000000ffff
        .quad   0x000092000000ffff
        .quad   0x00009a000000ffff
gdt_end:
gdtr:   .word   gdt_end - gdt - 1
        .long   0
        .bss
memory: .skip   4
base:   .skip   4
old_08: .skip   4
old_0d: .skip   4
ticks:  .skip   4
old_0c: .skip   4
faults: .skip   4
fault_ip: .skip 2
resume: .skip   2
got32:  .skip   8
sector: .skip   512
