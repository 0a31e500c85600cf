/* SPDX-License-Identifier: MIT */
/* A floppy disk's boot sectors for resets.sh. They say on the serial port and on the screen how they were
 * started, and reset the machine as a key tells:
 *
 *   s h  port CF9h, soft and hard         5 9 a b c  first CMOS 0Fh is set to this code, and 40:67h for
 *   k    8042, FEh                                   a return: the way of a DOS extender for the 286
 *   p    port 92h                         m          first the mode is protected mode
 *   t    triple fault                     x          first the chips are left in disorder
 *   j    a jump to FFFF:0000              i          int 19h
 */
        .code16
        .globl  _start
        .text
_start: ljmp    $0, $1f
1:      cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7000, %sp
        sti
        movb    %dl, drive
        movw    $0x0203, %ax            /* the other sectors, by the BIOS's diskette service */
        movw    $0x7e00, %bx
        movw    $0x0002, %cx
        xorb    %dh, %dh
        int     $0x13
        jc      broken
        cmpw    $0x4e45, magic
        jne     broken
        jmp     boot
broken: movw    $0x0e21, %ax            /* "!" */
        int     $0x10
1:      hlt
        jmp     1b
        .org    510
        .word   0xaa55

boot:   call    serial
        movw    $text_boot, %si
        call    say
        movw    $0x6000, %ax            /* what the last one left at 60000h */
        movw    %ax, %fs
        movw    $text_zero, %si
        cmpl    $0, %fs:0
        je      1f
        movw    $text_kept, %si
        cmpl    $0x5eed5eed, %fs:0
        je      1f
        movw    $text_else, %si
1:      call    say
        call    state
        jmp     ask

/* 40:67h leads here. */
back:   cli
        xorw    %ax, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    $0x7000, %sp
        movb    $0, %al                 /* as such a program opens the interrupts that it had masked */
        outb    %al, $0xa1
        movb    $0xb8, %al
        outb    %al, $0x21
        sti
        call    serial
        movw    $text_back, %si
        call    say
        movw    $0x6000, %ax
        movw    %ax, %fs
        movw    $text_kept, %si
        cmpl    $0x5eed5eed, %fs:0
        je      1f
        movw    $text_zero, %si
1:      call    say
        call    state

ask:    movl    $0x5eed5eed, %fs:0
        movw    $text_ask, %si
        call    say
next:   xorw    %ax, %ax
        int     $0x16
        cmpb    $'s', %al
        je      soft
        cmpb    $'h', %al
        je      hard
        cmpb    $'k', %al
        je      keyboard
        cmpb    $'p', %al
        je      port92
        cmpb    $'t', %al
        je      triple
        cmpb    $'j', %al
        je      jump
        cmpb    $'i', %al
        je      int19
        cmpb    $'m', %al
        je      protect
        cmpb    $'x', %al
        je      disorder
        movb    $5, %ah
        movw    $back, %bx              /* 40:67h: where to go */
        cmpb    $'5', %al
        je      code
        movb    $0x0a, %ah
        cmpb    $'a', %al
        je      code
        movb    $9, %ah
        movw    $0x7200, %bx            /* 40:67h: SS:SP of what is popped then */
        cmpb    $'9', %al
        je      code
        movb    $0x0b, %ah
        cmpb    $'b', %al
        je      code
        movb    $0x0c, %ah
        cmpb    $'c', %al
        jne     next

code:   movw    %bx, 0x467
        movw    $0, 0x469
        movw    $back, 0x7200           /* for IRET and RETF; 9 does not come back */
        movw    $0, 0x7202
        movw    $0x0002, 0x7204
        movb    $0x8f, %al
        outb    %al, $0x70
        movb    %ah, %al
        outb    %al, $0x71
        jmp     next

soft:   movb    $0x00, %ah
        jmp     1f
hard:   movb    $0x02, %ah
1:      movw    $0xcf9, %dx
        movb    %ah, %al
        outb    %al, %dx
        orb     $4, %al
        outb    %al, %dx
        jmp     stop
keyboard:
        inb     $0x64, %al
        testb   $2, %al
        jnz     keyboard
        movb    $0xfe, %al
        outb    %al, $0x64
        jmp     stop
port92: inb     $0x92, %al
        andb    $0xfe, %al
        outb    %al, $0x92
        orb     $1, %al
        outb    %al, $0x92
        jmp     stop
triple: lidtl   no_idt
        int3
stop:   hlt
        jmp     stop
jump:   ljmp    $0xffff, $0
int19:  int     $0x19

protect:                                /* the key that says how, as long as the BIOS is there */
        xorw    %ax, %ax
        int     $0x16
        cli
        movb    %al, %bl
        lgdtl   gdt_at
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmp    $8, $1f
1:      movw    $16, %ax
        movw    %ax, %ds
        movw    %ax, %ss
        cmpb    $'k', %bl
        je      keyboard
        cmpb    $'p', %bl
        je      port92
        cmpb    $'t', %bl
        je      triple
        cmpb    $'s', %bl
        je      soft
        jmp     hard

/* Interrupt controllers at other vectors, a fast timer, 320x200, no A20, another baud rate, DMA unmasked. */
disorder:
        cli
        movw    $0x0013, %ax
        int     $0x10
        movb    $0x11, %al
        outb    %al, $0x20
        outb    %al, $0xa0
        movb    $0x50, %al
        outb    %al, $0x21
        movb    $0x58, %al
        outb    %al, $0xa1
        movb    $0x04, %al
        outb    %al, $0x21
        movb    $0x02, %al
        outb    %al, $0xa1
        movb    $0x01, %al
        outb    %al, $0x21
        outb    %al, $0xa1
        movb    $0xff, %al
        outb    %al, $0x21
        outb    %al, $0xa1
        movb    $0x34, %al              /* 1.2 kHz */
        outb    %al, $0x43
        movb    $0xe8, %al
        outb    %al, $0x40
        movb    $0x03, %al
        outb    %al, $0x40
        movw    $0x3fb, %dx
        movb    $0x83, %al
        outb    %al, %dx
        movw    $0x3f8, %dx
        movb    $0x60, %al
        outb    %al, %dx
        movw    $0x3fb, %dx
        movb    $0x1a, %al
        outb    %al, %dx
        inb     $0x92, %al              /* A20 off */
        andb    $0xfd, %al
        outb    %al, $0x92
        movb    $0x00, %al              /* DMA: all channels open */
        outb    %al, $0x0e
        outb    %al, $0xdc
        movw    $0x0cf8, %dx            /* PIIX4's interrupt router and bus masters off */
        movl    $0x80000860, %eax
        outl    %eax, %dx
        movw    $0x0cfc, %dx
        movl    $0x80808080, %eax
        outl    %eax, %dx
        /* No interrupts, no BIOS: the scan code of the key that says how. */
1:      inb     $0x64, %al
        testb   $1, %al
        jz      1b
        inb     $0x60, %al
        cmpb    $0x25, %al              /* k */
        je      keyboard
        cmpb    $0x1f, %al              /* s */
        je      soft
        cmpb    $0x23, %al              /* h */
        je      hard
        cmpb    $0x19, %al              /* p */
        je      port92
        cmpb    $0x14, %al              /* t */
        je      triple
        jmp     1b

/* CR0's PE bit, the code in CMOS 0Fh, whether the timer ticks at its rate, the drive booted from. */
state:  smsww   %ax
        andb    $1, %al
        addb    $'0', %al
        movb    %al, text_pe
        movb    $0x8f, %al
        outb    %al, $0x70
        inb     $0x71, %al
        movb    %al, %ah
        shrb    $4, %al
        call    digit
        movb    %al, text_code
        movb    %ah, %al
        andb    $15, %al
        call    digit
        movb    %al, text_code+1
        movw    0x46c, %bx
        movw    $20000, %cx             /* some hundred milliseconds of port 61h's refresh bit */
1:      inb     $0x61, %al
        andb    $0x10, %al
        cmpb    %al, %ah
        je      1b
        movb    %al, %ah
        loop    1b
        subw    0x46c, %bx
        negw    %bx
        movb    $'0', %al               /* 20000 of 15 us are 5.5 ticks */
        cmpw    $4, %bx
        jb      1f
        cmpw    $7, %bx
        ja      1f
        incw    %ax
1:      movb    %al, text_tick
        movb    drive, %al
        addb    $'A', %al
        movb    %al, text_drive
        movw    $text_state, %si
        jmp     say

serial: movw    $0x00e3, %ax            /* 9,600 baud, 8 bits */
        xorw    %dx, %dx
        int     $0x14
        ret

say:    cld
1:      lodsb
        testb   %al, %al
        jz      2f
        pushw   %ax
        movb    $0x0e, %ah
        xorw    %bx, %bx
        int     $0x10
        popw    %ax
        xorw    %dx, %dx
        movb    $0x01, %ah
        int     $0x14
        jmp     1b
2:      ret

digit:  addb    $'0', %al
        cmpb    $'9', %al
        jbe     1f
        addb    $7, %al
1:      ret

magic:  .word   0x4e45
drive:  .byte   0
text_boot: .asciz "\r\nBOOT"
text_back: .asciz "\r\nBACK"
text_zero: .asciz " memory zero"
text_kept: .asciz " memory kept"
text_else: .asciz " memory ?"
text_state: .ascii " PE "
text_pe: .ascii "0 code "
text_code: .ascii "00 ticks "
text_tick: .ascii "0 from "
text_drive: .asciz "A"
text_ask: .asciz "\r\n> "
        .balign 8
gdt:    .quad   0
        .quad   0x00009a000000ffff      /* base 0, 64 KB */
        .quad   0x000092000000ffff
gdt_at: .word   23
        .long   gdt
no_idt: .word   0
        .long   0
        .org    2048
