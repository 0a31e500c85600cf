/* SPDX-License-Identifier: MIT */
/* END [WORD]: ends the machine, through isa-debug-exit or, under Bochs, port 8900h; status 1, or 3 with a
 * WORD. AUTOEXEC.BAT gives one if a program failed. */
#include "tests/dos/dos.h"

        .text
main:   say     "END"
        movw    $0x81, %si
1:      lodsb
        cmpb    $' ', %al
        je      1b
        cmpb    $'\r', %al
        setne   %al
        outb    %al, $0xf4
        movw    $0x8900, %dx
        movw    $word, %si
        movw    $8, %cx
        rep outsb
        cli
        hlt
        .section .rodata
progname: .asciz "end"
word:   .ascii  "Shutdown"
