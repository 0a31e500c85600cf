/* SPDX-License-Identifier: MIT */
/* Modes 13h, 12h and X (320x240, four planes): frames of 3DAh at 70.09, 59.94 and 59.71 Hz by the refresh toggle;
 * in mode X pages flipped in the retrace, plane by plane writes and reads, copies through the latches in write mode 1. */
#include "tests/dos/dos.h"

        PAGE = 80 * 240

        .text
main:   movw    $0x0012, %ax
        int     $0x10
        call    frames
        movl    %ecx, r + 32
        movw    $0x0013, %ax
        int     $0x10
        call    frames
        movl    %ecx, r                 /* nothing is printed in graphics */
        call    mode_x
        call    frames
        movl    %ecx, r + 4
        call    pages
        call    planes
        call    latches
        call    flips
        movw    $0x0003, %ax
        int     $0x10
        note    r, "refresh changes (15.085 us) in 20 frames of mode 13h"
        note    r+4, "in 20 frames of mode X"
        movl    r, %eax
        subl    $18860, %eax            /* 70.086 Hz: 18917 */
        cmpl    $114, %eax
        is      be, "mode 13h: 70.09 Hz within 0.3 %"
        movl    r + 32, %eax
        subl    $22053, %eax            /* 525 lines, 59.94 Hz: 22119 */
        cmpl    $132, %eax
        is      be, "mode 12h: 59.94 Hz within 0.3 %"
        movl    r + 4, %eax
        subl    $22137, %eax            /* 527 lines, 59.71 Hz: 22203 */
        cmpl    $132, %eax
        is      be, "mode X: 59.71 Hz within 0.3 %"
        eq      r+8, $0, "two pages filled, each byte as written"
        eq      r+12, $0x03020100, "four planes, four bytes at one address"
        eq      r+16, $0, "a page copied by latches, every plane"
        eq      r+20, $60, "60 pages flipped in the retrace"
        movl    r + 24, %eax
        subl    $66410, %eax            /* 60 frames */
        cmpl    $398, %eax
        is      be, "in 60 frames' time"
        eq      r+28, $0x4b00, "start address reads back"
        ret

/* ECX: port 61h changes while the vertical retrace begins 20 times. */
frames: cli
        movw    $0x3da, %dx
        movw    $20, %bx
        call    retrace
        xorl    %ecx, %ecx
1:      call    until
        decw    %bx
        jnz     1b
        sti
        ret

/* Waits for the begin of a retrace. */
retrace:
        inb     %dx, %al
        testb   $8, %al
        jnz     retrace
1:      inb     %dx, %al
        testb   $8, %al
        jz      1b
        inb     $0x61, %al
        andb    $0x10, %al
        movb    %al, %ah
        ret
/* The same, and counts changes in ECX. */
until:  call    look
        testb   $8, %al
        jnz     until
1:      call    look
        testb   $8, %al
        jz      1b
        ret
look:   inb     $0x61, %al
        andb    $0x10, %al
        cmpb    %ah, %al
        je      1f
        movb    %al, %ah
        incl    %ecx
1:      inb     %dx, %al
        ret

/* From mode 13h: no chain 4, byte addresses, 480 lines doubled, 25 MHz. */
mode_x: movw    $0x3c4, %dx
        movw    $0x0604, %ax            /* memory mode: planes */
        outw    %ax, %dx
        movw    $0x0100, %ax            /* reset while the clock changes */
        outw    %ax, %dx
        movb    $0xe3, %al
        movw    $0x3c2, %dx
        outb    %al, %dx
        movw    $0x3c4, %dx
        movw    $0x0300, %ax
        outw    %ax, %dx
        movw    $0x3d4, %dx
        movb    $0x11, %al              /* registers 0 to 7 are protected */
        outb    %al, %dx
        incw    %dx
        inb     %dx, %al
        andb    $0x7f, %al
        outb    %al, %dx
        decw    %dx
        movw    $crtc, %si
        movw    $10, %cx
1:      lodsw
        outw    %ax, %dx
        loop    1b
        ret

/* Map mask AH. */
mask:   movw    $0x3c4, %dx
        movb    $2, %al
        outw    %ax, %dx
        ret
/* Read plane AH. */
plane:  movw    $0x3ce, %dx
        movb    $4, %al
        outw    %ax, %dx
        ret

pages:  movw    $0xa000, %ax
        movw    %ax, %es
        movb    $0x0f, %ah
        call    mask
        xorw    %di, %di
        movw    $PAGE, %cx
        movb    $0x21, %al
        rep stosb
        movw    $PAGE, %cx
        movb    $0x84, %al
        rep stosb
        xorl    %ebx, %ebx
        movb    $3, %ah
1:      call    plane
        xorw    %di, %di
        movw    $PAGE, %cx
        movb    $0x21, %al
        repe scasb
        je      2f
        incl    %ebx
2:      movw    $PAGE, %di
        movw    $PAGE, %cx
        movb    $0x84, %al
        repe scasb
        je      3f
        incl    %ebx
3:      decb    %ah
        jns     1b
        movl    %ebx, r + 8
        ret

planes: movb    $1, %ah
        xorb    %bl, %bl
1:      pushw   %ax
        call    mask
        popw    %ax
        movb    %bl, %es:2 * PAGE
        incb    %bl
        shlb    $1, %ah
        cmpb    $0x10, %ah
        jb      1b
        movb    $3, %ah
        xorl    %ebx, %ebx
1:      shll    $8, %ebx
        call    plane
        movb    %es:2 * PAGE, %bl
        decb    %ah
        jns     1b
        movl    %ebx, r + 12
        ret

/* Another byte in each plane of page 0, copied to page 2. */
latches:
        movb    $1, %ah
        movb    $0x31, %bl
1:      pushw   %ax
        call    mask
        popw    %ax
        xorw    %di, %di
        movw    $PAGE, %cx
        movb    %bl, %al
2:      stosb
        addb    $7, %al
        loop    2b
        addb    $0x40, %bl
        shlb    $1, %ah
        cmpb    $0x10, %ah
        jb      1b
        movb    $0x0f, %ah
        call    mask
        movw    $0x3ce, %dx
        movw    $0x4105, %ax            /* write mode 1, 256 colours */
        outw    %ax, %dx
        pushw   %ds
        pushw   %es
        popw    %ds
        xorw    %si, %si
        movw    $2 * PAGE, %di
        movw    $PAGE, %cx
        rep movsb
        popw    %ds
        movw    $0x4005, %ax
        outw    %ax, %dx
        movb    $3, %ah
        movb    $0xf1, %bl
        xorl    %ebp, %ebp
1:      call    plane
        movw    $2 * PAGE, %di
        movw    $PAGE, %cx
        movb    %bl, %al
2:      cmpb    %es:(%di), %al
        je      3f
        incl    %ebp
3:      incw    %di
        addb    $7, %al
        loop    2b
        subb    $0x40, %bl
        decb    %ah
        jns     1b
        movl    %ebp, r + 16
        pushw   %ds
        popw    %es
        ret

/* 60 frames, each showing the other page from its retrace on. */
flips:  cli
        movw    $0x3da, %dx
        call    retrace
        xorl    %ecx, %ecx
        movw    $0, %bx
        movw    $60, %bp
1:      call    until
        pushw   %ax
        xorw    $PAGE, %bx
        movw    $0x3d4, %dx
        movb    $0x0c, %al
        movb    %bh, %ah
        outw    %ax, %dx
        movb    $0x0d, %al
        movb    %bl, %ah
        outw    %ax, %dx
        movw    $0x3da, %dx
        popw    %ax
        incl    r + 20
        decw    %bp
        jnz     1b
        movl    %ecx, r + 24
        xorw    $PAGE, %bx              /* back to the other page: what is shown reads back */
        movw    $0x3d4, %dx
        movb    $0x0c, %al
        movb    %bh, %ah
        outw    %ax, %dx
        movb    $0x0d, %al
        movb    %bl, %ah
        outw    %ax, %dx
        movb    $0x0c, %al
        outb    %al, %dx
        incw    %dx
        inb     %dx, %al
        movb    %al, %bh
        decw    %dx
        movb    $0x0d, %al
        outb    %al, %dx
        incw    %dx
        inb     %dx, %al
        movb    %al, %bl
        movzwl  %bx, %ebx
        movl    %ebx, r + 28
        sti
        ret

        .section .rodata
progname: .asciz "modex"
        .balign 2
crtc:   .word   0x0d06, 0x3e07, 0x4109, 0xea10, 0xac11, 0xdf12, 0x0014, 0xe715, 0x0616, 0xe317
        .bss
r:      .skip   36
