/* SPDX-License-Identifier: MIT */
/*
 * A ROM of 64 KB instead of a BIOS. Its first instructions set up the UART at 3F8h and send the
 * line "@start"; then it halts. Row 'start' of the benchmark: how soon a guest runs.
 */
        .code16
        .text
rom:
        .org    0xff00, 0xff
entry:
        cli
        mov     $0x3fb, %dx             /* line control: divisor latch */
        mov     $0x80, %al
        out     %al, %dx
        mov     $0x3f8, %dx
        mov     $1, %al                 /* 115200 bits a second */
        out     %al, %dx
        inc     %dx
        dec     %ax
        out     %al, %dx
        mov     $0x3fb, %dx
        mov     $3, %al                 /* 8 bits, no parity */
        out     %al, %dx
        mov     $(message - rom), %si
1:      mov     $0x3fd, %dx
2:      in      %dx, %al                /* holding register empty? */
        test    $0x20, %al
        jz      2b
        mov     $0x3f8, %dx
        lodsb   %cs:(%si), %al
        test    %al, %al
        jz      3f
        out     %al, %dx
        jmp     1b
3:      hlt
        jmp     3b
message:
        .asciz  "@start\n"

        .org    0xfff0, 0xff            /* reset: F000:FFF0, at the top of 4 GB */
        .byte   0xe9
        .word   entry - rom - 0xfff3
        .org    0xffff, 0xff
        .byte   0xff
