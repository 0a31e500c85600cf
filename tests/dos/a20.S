/* SPDX-License-Identifier: MIT */
/* The A20 gate (contract D16): port 92h, the 8042's D1h and DDh/DFh, int 15h AX=24xxh and the XMS driver, each
 * switched to and fro with a look at FFFF:0010; code that runs through the wrap; both sources in turn, which
 * share one latch: the last one counts.
 *
 * With the gate off, physical address bit 20 is 0: FFFF:0500 is 0000:04F0, 16 bytes that belong to programs.
 * With it on, FFFF:0500 is DOS' in the HMA: it is put back before anything else runs. Nothing is printed
 * with the gate off, as half of DOS is not there then. */
#include "tests/dos/dos.h"

        .text
main:   smsww   %ax
        testb   $1, %al
        jz      1f
        say     "NOTE in V86 mode: nothing to test here"
        ret
1:      xorw    %ax, %ax
        movw    %ax, %fs                /* FS:0 and GS:10h: the two ends of the wrap */
        decw    %ax
        movw    %ax, %gs
        call    look
        movzbl  %al, %eax
        note    %eax, "gate at the start"
        movb    %al, at_start
        call    port92
        call    output_port
        call    commands
        call    int15
        call    driver
        call    wrap
        call    code
        call    high
        call    mixed
        cli
        movb    $1, %al
        call    set_92
        sti
        ret

/* AL: 1 if the gate is on. With interrupts off. Keeps the others. */
look:   pushfw
        cli
        pushl   %ebx
        pushl   %ecx
        movl    %fs:0x4f0, %ebx
        movl    %gs:0x500, %ecx
        movl    %ecx, %eax
        notl    %eax
        movl    %eax, %fs:0x4f0         /* below changed: does it show above? */
        cmpl    %eax, %gs:0x500
        movl    %ebx, %fs:0x4f0
        setne   %al
        popl    %ecx
        popl    %ebx
        popfw
        ret

/* AL: 0 or 1. These keep all registers. */
set_92: pushw   %ax
        movb    %al, %ah
        shlb    $1, %ah
        inb     $0x92, %al
        andb    $0xfc, %al
        orb     %ah, %al
        outb    %al, $0x92
        popw    %ax
        ret

ready:  pushw   %ax                     /* the 8042 takes a byte */
1:      inb     $0x64, %al
        testb   $2, %al
        jnz     1b
        popw    %ax
        ret

command: call   ready
        outb    %al, $0x64
        ret

set_dd: pushw   %ax                     /* DDh off, DFh on */
        shlb    $1, %al
        addb    $0xdd, %al
        call    command
        call    ready
        popw    %ax
        ret

/* The output port, with the keyboard held off. AL. */
read_port:
        movb    $0xad, %al
        call    command
        call    ready
1:      inb     $0x64, %al              /* what was there before */
        testb   $1, %al
        jz      2f
        inb     $0x60, %al
        jmp     1b
2:      movb    $0xd0, %al
        call    command
1:      inb     $0x64, %al
        testb   $1, %al
        jz      1b
        inb     $0x60, %al
        pushw   %ax
        movb    $0xae, %al
        call    command
        call    ready
        popw    %ax
        ret

set_d1: pushw   %ax
        pushw   %bx
        movb    %al, %bl
        shlb    $1, %bl
        call    read_port
        movb    %al, %bh
        movb    $0xd1, %al
        call    command
        movb    %bh, %al
        andb    $0xcd, %al              /* IRQ lines as their buffers are: empty */
        orb     %bl, %al
        call    ready
        outb    %al, $0x60
        call    ready
        popw    %bx
        popw    %ax
        ret

/* SI: a setter. On, off, on, 50 times; EAX: how often the gate was not where it should be. */
swing:  cli
        xorl    %ebx, %ebx
        movw    $100, %cx
1:      movb    %cl, %al
        andb    $1, %al
        movb    %al, %dl
        call    *%si
        call    look
        cmpb    %dl, %al
        je      2f
        incl    %ebx
2:      loop    1b
        sti
        movl    %ebx, %eax
        ret

port92: movw    $set_92, %si
        call    swing
        eq      %eax, $0, "port 92h, to and fro"
        cli
        movb    $1, %al
        call    set_92
        inb     $0x92, %al
        andl    $2, %eax
        movl    %eax, %ebx
        movb    $0, %al
        call    set_92
        inb     $0x92, %al
        andl    $2, %eax
        pushw   %ax
        movb    $1, %al
        call    set_92
        popw    %ax
        sti
        eq      %ebx, $2, "port 92h reads back on"
        eq      %eax, $0, "and off"
        ret

output_port:
        movw    $set_d1, %si
        call    swing
        eq      %eax, $0, "8042 D1h, to and fro"
        cli
        movb    $1, %al
        call    set_d1
        call    read_port
        movzbl  %al, %ebx
        movb    $0, %al
        call    set_d1
        call    read_port
        movzbl  %al, %ecx
        movb    $1, %al
        call    set_d1
        movl    %ecx, %eax
        sti
        andl    $3, %ebx
        andl    $3, %eax
        eq      %ebx, $3, "D0h reads back on, and no reset"
        eq      %eax, $1, "and off"
        ret

commands:
        movw    $set_dd, %si
        call    swing
        eq      %eax, $0, "8042 DDh and DFh, to and fro"
        ret

set_15: pusha
        movb    $0x24, %ah
        int     $0x15
        popa
        cli
        ret

int15:  movw    $0x2403, %ax
        int     $0x15
        is      nc, "int 15h AX=2403h: what there is"
        pushw   %bx
        movw    $set_15, %si
        call    swing
        eq      %eax, $0, "int 15h AX=2400h and 2401h, to and fro"
        popw    %bx
        movzwl  %bx, %ebx
        andl    $3, %ebx
        eq      %ebx, $3, "8042 and port 92h"
        movw    $0x2401, %ax
        int     $0x15
        movw    $0x2402, %ax
        int     $0x15
        is      nc, "AX=2402h: state"
        movzbl  %al, %eax
        eq      %eax, $1, "on"
        movw    $0x2400, %ax
        int     $0x15
        movw    $0x2402, %ax
        int     $0x15
        movzbl  %al, %ebx
        movw    $0x2401, %ax
        int     $0x15
        eq      %ebx, $0, "off"
        ret

/* The driver counts; DOS in the HMA has it on globally. */
driver: movl    $2048, %eax
        call    xms_get
        movl    %eax, memory
        testl   %eax, %eax
        is      nz, "extended memory"
        movb    $7, %ah
        lcall   *xms
        movzwl  %ax, %eax
        eq      %eax, $1, "XMS 07h finds it on"
        movb    $5, %ah
        lcall   *xms
        movzwl  %ax, %eax
        eq      %eax, $1, "XMS 05h: local enable"
        call    look
        movzbl  %al, %eax
        eq      %eax, $1, "it is on"
        movb    $6, %ah
        lcall   *xms
        movzwl  %ax, %eax
        eq      %eax, $1, "XMS 06h: local disable"
        movb    $7, %ah
        lcall   *xms
        movzwl  %ax, %ebx
        call    look
        movzbl  %al, %eax
        eq      %ebx, %eax, "XMS 07h says how it is"
        ret

wrap:   cli
        movb    $0, %al
        call    set_92
        xorw    %di, %di
        movl    $0, %ebx
        movw    $64, %cx
1:      movl    %fs:(%di), %eax
        cmpl    %eax, %gs:0x10(%di)
        je      2f
        incl    %ebx
2:      addw    $4, %di
        loop    1b
        movl    %fs:0x4f0, %esi
        movl    $0x55667788, %gs:0x500
        movl    %fs:0x4f0, %ecx
        movl    %esi, %fs:0x4f0
        movb    $1, %al
        call    set_92
        sti
        eq      %ebx, $0, "off: FFFF:0010 is 0000:0000, 256 bytes"
        eq      %ecx, $0x55667788, "a write above is one below"
        ret

/* Three programs in one place: below, above, below changed. */
code:   cli
        movb    $1, %al
        call    set_92
        pushl   %gs:0x500
        pushl   %fs:0x4f0
        movl    $0xcb55aab8, %gs:0x500  /* MOV AX,55AAh; RETF */
        movl    $0xcb1234b8, %fs:0x4f0
        xorl    %ebx, %ebx
        movw    $200, %cx
1:      movb    %cl, %al
        andb    $1, %al
        movb    %al, %dl
        call    set_92
        xorw    %ax, %ax
        lcall   $0xffff, $0x500
        movw    $0x55aa, %si
        testb   %dl, %dl
        jnz     2f
        movw    %fs:0x4f1, %si
2:      cmpw    %si, %ax
        je      3f
        incl    %ebx
3:      incw    %fs:0x4f1
        loop    1b
        popl    %fs:0x4f0
        movb    $1, %al
        call    set_92
        popl    %gs:0x500
        sti
        eq      %ebx, $0, "code at FFFF:0500 is below or above, and what is there now"
        ret

/* Above 1 MB it is bit 20 that goes, not the address behind 1 MB. Through a big segment. */
high:   movl    memory, %eax
        addl    $0xfffff, %eax
        andl    $0xfff00000, %eax
        movl    %eax, %edi              /* a megabyte's begin within our two */
        movl    %eax, %esi
        andl    $0xffefffff, %esi       /* where it is with bit 20 off */
        movl    %edi, %ebp
        xorl    $0x100000, %ebp
        xorl    %eax, %eax
        movw    %cs, %ax
        shll    $4, %eax
        addl    $gdt, %eax
        movl    %eax, gdtr + 2
        cli
        movb    $1, %al
        call    set_92
        lgdtl   gdtr
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        movw    $8, %bx
        movw    %bx, %fs
        andb    $0xfe, %al
        movl    %eax, %cr0
        xorw    %bx, %bx
        movw    %bx, %fs
        pushl   %fs:(%edi)
        pushl   %fs:(%ebp)
        movl    $0x11111111, %fs:(%esi)
        orl     $0x100000, %esi
        movl    $0x22222222, %fs:(%esi)
        movb    $0, %al
        call    set_dd
        movl    %fs:(%esi), %ebx        /* the odd megabyte's is the even one's */
        movl    $0x33333333, %fs:(%esi)
        andl    $0xffefffff, %esi
        movl    %fs:(%esi), %ecx
        movb    $1, %al
        call    set_dd
        orl     $0x100000, %esi
        movl    %fs:(%esi), %edx
        popl    %fs:(%ebp)
        popl    %fs:(%edi)
        sti
        eq      %ebx, $0x11111111, "off: an odd megabyte reads as the one below"
        eq      %ecx, $0x33333333, "and is written to it"
        eq      %edx, $0x22222222, "on: it has what was its own"
        call    xms_free
        ret

/* 3000 switches by all three in an order without rule. */
mixed:  cli
        xorl    %ebx, %ebx
        xorl    %ebp, %ebp
        movl    $0x12345678, %edi
        movw    $3000, %cx
1:      imull   $1664525, %edi
        addl    $1013904223, %edi
        movl    %edi, %eax
        shrl    $16, %eax
        movb    %al, %dl
        andb    $1, %dl                 /* on or off */
        shrw    $1, %ax
        movb    $3, %dh
        xorb    %ah, %ah
        divb    %dh
        movw    $set_92, %si
        cmpb    $1, %ah
        jb      2f
        movw    $set_dd, %si
        je      2f
        movw    $set_d1, %si
2:      movb    %dl, %al
        call    *%si
        call    look
        cmpb    %dl, %al
        je      3f
        incl    %ebx
3:      inb     $0x92, %al
        shrb    $1, %al
        andb    $1, %al
        cmpb    %dl, %al
        je      4f
        incl    %ebp
4:      loop    1b
        movb    $1, %al
        call    set_92
        sti
        eq      %ebx, $0, "all three by turns: the last one counts"
        eq      %ebp, $0, "port 92h reads what any of them did"
        ret

        .section .rodata
progname: .asciz "a20"
        .data
        .balign 8
gdt:    .quad   0
        .quad   0x00cf92000000ffff
gdtr:   .word   15
        .long   0
        .bss
at_start: .skip 1
memory: .skip   4
