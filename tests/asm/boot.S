/* SPDX-License-Identifier: MIT */
/* Boot sector of a 1.44 MB floppy: reads SECTORS sectors behind itself to 10000h, copies them to
 * 1 MB and starts them in flat protected mode, as a multiboot loader would. */
        .code16
        .globl  _start
_start: cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        movw    $0x7c00, %sp
        sti
        movb    %dl, drive
        movw    $0x1000, %bx
        movw    %bx, %es
        movw    $1, %si                 /* next sector */
next:   movw    %si, %ax
        movb    $18, %cl
        divb    %cl                     /* al track * 2 + head, ah sector */
        movb    %ah, %cl
        incb    %cl
        movb    %al, %ch
        shrb    $1, %ch
        movb    %al, %dh
        andb    $1, %dh
        movb    drive, %dl
        xorw    %bx, %bx
        movw    $0x0201, %ax
        int     $0x13
        jc      fail
        movw    %es, %ax
        addw    $32, %ax
        movw    %ax, %es
        incw    %si
        cmpw    $SECTORS, %si
        jbe     next
        /* A20 is on under SeaBIOS; port 92h makes sure elsewhere */
        inb     $0x92, %al
        orb     $2, %al
        andb    $0xfe, %al
        outb    %al, $0x92
        cli
        lgdt    gdtr
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmp    $8, $flat
fail:   movw    $0x0e45, %ax
        xorw    %bx, %bx
        int     $0x10
        hlt
        jmp     fail

        .code32
flat:   movl    $0x10, %eax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    $0x10000, %esi
        movl    $0x100000, %edi
        movl    $SECTORS * 128, %ecx
        cld
        rep movsl
        movl    $0x100020, %eax
        jmp     *%eax

        .balign 8
gdt:    .quad   0, 0x00cf9a000000ffff, 0x00cf92000000ffff
gdtr:   .word   23
        .long   gdt
drive:  .byte   0
        .org    510
        .word   0xaa55
        .section .note.GNU-stack, "", @progbits
