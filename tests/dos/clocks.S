/* SPDX-License-Identifier: MIT */
/* The timer at 1 kHz and the RTC's periodic interrupt at 1024 Hz at the same time, as games with samples do; the
 * speaker's counter meanwhile; port 61h's refresh toggle; one-shot mode; the date goes on. */
#include "tests/dos/dos.h"

        .text
main:   movb    $8, %al
        call    get_vector
        movl    %eax, old_08
        movb    $0x70, %al
        call    get_vector
        movl    %eax, old_70
        cli
        movb    $8, %al
        movw    $on_8, %cx
        call    set_vector
        movb    $0x70, %al
        movw    $on_70, %cx
        call    set_vector
        inb     $0xa1, %al
        movb    %al, mask
        andb    $0xfe, %al
        outb    %al, $0xa1
        inb     $0x21, %al
        andb    $0xfa, %al
        outb    %al, $0x21
        call    together
        call    speaker
        call    one_shot
        cli
        movb    mask, %al
        outb    %al, $0xa1
        movb    $0x36, %al
        outb    %al, $0x43
        movb    $0, %al
        outb    %al, $0x40
        outb    %al, $0x40
        movl    old_08, %ecx
        movb    $8, %al
        call    put_vector
        movl    old_70, %ecx
        movb    $0x70, %al
        call    put_vector
        sti
        ret

on_8:   pushw   %ax
        incl    %cs:ticks
        movb    $0x20, %al
        outb    %al, $0x20
        popw    %ax
        iret

on_70:  pushw   %ax
        incl    %cs:beats
        movb    $0x0c, %al
        outb    %al, $0x70
        inb     $0x71, %al
        orb     %al, %cs:causes
        movb    $0x20, %al
        outb    %al, $0xa0
        outb    %al, $0x20
        popw    %ax
        iret

/* Register AL of the RTC from AH, with NMI on. */
rtc_set:
        outb    %al, $0x70
        xchgb   %al, %ah
        outb    %al, $0x71
        ret
rtc_get:
        outb    %al, $0x70
        inb     $0x71, %al
        ret

/* CX changes of port 61h bit 4, 15.085 us each. Changes AX. */
halves: inb     $0x61, %al
        andb    $0x10, %al
        movb    %al, %ah
1:      inb     $0x61, %al
        andb    $0x10, %al
        cmpb    %ah, %al
        je      1b
        movb    %al, %ah
        loop    1b
        ret

together:
        cli
        movb    $0x34, %al              /* rate generator, 1193: 1000.15 Hz */
        outb    %al, $0x43
        movw    $1193, %ax
        outb    %al, $0x40
        movb    %ah, %al
        outb    %al, $0x40
        movb    $0x0a, %al
        call    rtc_get
        movb    %al, old_a
        andb    $0xf0, %al
        orb     $6, %al                 /* 1024 Hz */
        movb    %al, %ah
        movb    $0x0a, %al
        call    rtc_set
        movb    $0x0b, %al
        call    rtc_get
        movb    %al, old_b
        orb     $0x40, %al
        movb    %al, %ah
        movb    $0x0b, %al
        call    rtc_set
        movb    $0x0c, %al
        call    rtc_get
        movl    $0, ticks
        movl    $0, beats
        sti
        movw    $33145, %cx             /* 500 ms */
        call    halves
        cli
        movl    ticks, %ebx
        movl    beats, %edx
        movb    old_b, %ah
        movb    $0x0b, %al
        call    rtc_set
        movb    old_a, %ah
        movb    $0x0a, %al
        call    rtc_set
        movb    $0x0c, %al
        call    rtc_get
        sti
        note    %ebx, "timer interrupts at 1 kHz in 500 ms"
        note    %edx, "RTC interrupts at 1024 Hz"
        movl    %ebx, %eax
        subl    $495, %eax
        cmpl    $10, %eax
        is      be, "500 within 1 %"
        movl    %edx, %eax
        subl    $507, %eax
        cmpl    $10, %eax
        is      be, "512 within 1 %"
        movzbl  causes, %eax
        andl    $0xe0, %eax             /* an update ends now and then: its flag is set without its interrupt */
        eq      %eax, $0xc0, "register C: periodic, and no alarm"
        ret

/* Counter 2 at 1 kHz: gate and output at port 61h, and half its time each way. */
speaker:
        cli
        movb    $0xb6, %al
        outb    %al, $0x43
        movw    $1193, %ax
        outb    %al, $0x42
        movb    %ah, %al
        outb    %al, $0x42
        inb     $0x61, %al
        movb    %al, old_61
        orb     $3, %al
        outb    %al, $0x61
        xorl    %ebx, %ebx              /* changes of OUT2 */
        xorl    %edx, %edx              /* times it was high */
        xorl    %esi, %esi
        movb    $0x20, %ah
1:      inb     $0x61, %al
        testb   $0x20, %al
        jz      2f
        incl    %edx
2:      xorb    %al, %ah
        testb   $0x20, %ah
        jz      3f
        incl    %ebx
3:      movb    %al, %ah
        incl    %esi
        /* 100 changes are 50 periods, each 66.3 refresh changes long */
        cmpl    $100, %ebx
        jb      1b
        movb    $0x80, %al              /* latch counter 2: it goes on */
        outb    %al, $0x43
        inb     $0x42, %al
        movb    %al, %cl
        inb     $0x42, %al
        movb    %al, %ch
        andb    $0xfc, old_61
        movb    old_61, %al
        outb    %al, $0x61
        sti
        cmpw    $1193, %cx
        is      be, "counter 2 counts within its period"
        testw   $1, %cx
        is      z, "by twos in mode 3"
        shll    $1, %edx
        movl    %edx, %eax
        subl    %esi, %eax
        jns     4f
        negl    %eax
4:      shll    $4, %eax
        cmpl    %esi, %eax
        is      be, "OUT2 is high half of the time, within 6 %"
        cli
        movb    $0xb6, %al              /* gate low: OUT2 high, and it stays */
        outb    %al, $0x43
        movb    $0, %al
        outb    %al, $0x42
        outb    %al, $0x42
        inb     $0x61, %al
        sti
        testb   $0x20, %al
        is      nz, "OUT2 is high while the gate is low"
        ret

/* Counter 0 in mode 0: one interrupt, 10 ms on, and no other. */
one_shot:
        cli
        movb    $0x30, %al
        outb    %al, $0x43
        movw    $11932, %ax
        outb    %al, $0x40
        movb    %ah, %al
        outb    %al, $0x40
        movl    $0, ticks
        sti
        movw    $600, %cx               /* 9.05 ms */
        call    halves
        movl    ticks, %ebx
        movw    $150, %cx               /* 11.3 ms */
        call    halves
        movl    ticks, %edx
        movw    $2000, %cx
        call    halves
        movl    ticks, %ecx
        eq      %ebx, $0, "one-shot: nothing behind 9 ms"
        eq      %edx, $1, "one behind 11 ms"
        eq      %ecx, $1, "and no more"
        ret

        .section .rodata
progname: .asciz "clocks"
        .bss
old_08: .skip   4
old_70: .skip   4
ticks:  .skip   4
beats:  .skip   4
mask:   .skip   1
causes: .skip   1
old_a:  .skip   1
old_b:  .skip   1
old_61: .skip   1
