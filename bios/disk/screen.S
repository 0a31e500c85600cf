/* SPDX-License-Identifier: MIT */
/*
 * Text output. Every formatter ends in putc, which goes to one of two sinks: the text screen
 * (written straight to video memory: a BIOS call per character would cost more than all the
 * rest) or the log (COM1 and the debug port E9h), so that what people and tests read comes from
 * the same code. All functions keep every register except those named.
 */
    .include "defs.inc"
    .code16
    .text
    .globl  screen_init, screen_clear, screen_fill, screen_skip_to
    .globl  to_screen, to_log, log_init, log_poll
    .globl  screen_putc, out_fn, putc, puts, put_hex, put_hex64, put_dec, put_dec_pad, put_dec2, put_size, put_tenths
    .globl  scr_pos, scr_end, scr_attr, com_base

/* Find the text buffer, set 80x25 if the BIOS left something else, and hide the cursor. */
screen_init:
    pushaw
    movb    BDA_VIDEO_MODE, %al
    cmpb    $7, %al
    je      1f
    cmpb    $3, %al
    je      2f
    movw    $0x0003, %ax
    int     $0x10
    jmp     2f
1:  movw    $0xb000, video_seg
    jmp     3f
2:  movw    $0xb800, video_seg
3:  movb    $0x01, %ah
    movw    $0x2000, %cx
    int     $0x10
    call    to_screen
    popaw
    ret

to_screen:
    movw    $screen_putc, out_fn
    ret

to_log:
    movw    $log_putc, out_fn
    ret

/* Clear rows 1-23, the part that belongs to a page. */
screen_clear:
    pushaw
    movw    $(80 * 2), %bx
    movw    $(80 * 23), %cx
    movb    $TEXT, %ah
    call    fill_words
    popaw
    ret

/* Fill from the position to the end of the clip region with spaces. */
screen_fill:
    pushaw
    movw    scr_pos, %bx
    movw    scr_end, %cx
    subw    %bx, %cx
    jbe     1f
    shrw    $1, %cx
    movb    scr_attr, %ah
    call    fill_words
    movw    scr_end, %bx
    movw    %bx, scr_pos
1:  popaw
    ret

/* CX spaces of attribute AH at offset BX. */
fill_words:
    pushw   %es                         /* ES: BIOS interrupts preserve it, but not FS and GS */
    movw    video_seg, %es
    movb    $' ', %al
1:  movw    %ax, %es:(%bx)
    addw    $2, %bx
    loop    1b
    popw    %es
    ret

/* Write spaces up to column AL of the present row. */
screen_skip_to:
    pushaw
    movzbw  %al, %cx
    movw    scr_pos, %ax
    shrw    $1, %ax
    movb    $80, %dl
    divb    %dl
    movzbw  %ah, %ax
    subw    %ax, %cx
    jbe     2f
1:  SAYC    ' '
    loop    1b
2:  popaw
    ret

putc:
    jmp     *out_fn

screen_putc:
    pushw   %ax
    pushw   %bx
    movw    scr_pos, %bx
    cmpw    scr_end, %bx
    jae     1f
    movb    scr_attr, %ah
    pushw   %es
    movw    video_seg, %es
    movw    %ax, %es:(%bx)
    popw    %es
    addw    $2, scr_pos
1:  popw    %bx
    popw    %ax
    ret

/* The string at SI; SI is left behind its terminator. */
puts:
    pushw   %ax
1:  lodsb
    testb   %al, %al
    jz      2f
    call    putc
    jmp     1b
2:  popw    %ax
    ret

/* EAX as CL hexadecimal digits. */
put_hex:
    pushal
    movb    %cl, %ch
    movb    $8, %cl
    subb    %ch, %cl
    shlb    $2, %cl
    shll    %cl, %eax                   /* the first digit to the top */
    movl    %eax, %edx
1:  roll    $4, %edx
    movb    %dl, %al
    andb    $0x0f, %al
    cmpb    $10, %al
    sbbb    $0x69, %al                  /* the classic digit trick, exact for 0-15 */
    das
    call    putc
    decb    %ch
    jnz     1b
    popal
    ret

/* EDX:EAX in hexadecimal, 8 digits or as many as it needs above that. */
put_hex64:
    pushal
    testl   %edx, %edx
    jz      2f
    xchgl   %eax, %edx
    movb    $8, %cl
    cmpl    $0x10, %eax
    jae     1f
    movb    $1, %cl
1:  call    put_hex
    movl    %edx, %eax
2:  movb    $8, %cl
    call    put_hex
    popal
    ret

/* EAX in decimal; put_dec_pad right-aligns it in CL columns with the character CH. */
put_dec:
    pushw   %cx
    movb    $1, %cl
    call    put_dec_pad
    popw    %cx
    ret

put_dec2:
    pushw   %cx
    movw    $('0' << 8 | 2), %cx
    call    put_dec_pad
    popw    %cx
    ret

put_dec_pad:
    pushal
    movl    $10, %ebx
    xorw    %di, %di
1:  xorl    %edx, %edx
    divl    %ebx
    pushw   %dx
    incw    %di
    testl   %eax, %eax
    jnz     1b
    movb    %ch, %al
    movzbw  %cl, %cx
    subw    %di, %cx
    jbe     3f
2:  call    putc
    loop    2b
3:  popw    %ax
    addb    $'0', %al
    call    putc
    decw    %di
    jnz     3b
    popal
    ret

/* EAX kilobytes, in the largest unit that keeps four digits or fewer, right-aligned in CL. */
put_size:
    pushal
    movb    $' ', %ch
    movw    $text_kb, %si
    cmpl    $10000, %eax
    jb      1f
    addl    $512, %eax
    shrl    $10, %eax
    movw    $text_mb, %si
    cmpl    $100000, %eax
    jb      1f
    addl    $512, %eax
    shrl    $10, %eax
    movw    $text_gb, %si
1:  call    put_dec_pad
    call    puts
    popal
    ret

/* EAX tenths as n.n */
put_tenths:
    pushal
    xorl    %edx, %edx
    movl    $10, %ebx
    divl    %ebx
    call    put_dec
    SAYC    '.'
    movb    %dl, %al
    addb    $'0', %al
    call    putc
    popal
    ret

/* ---- the log ---- */

/* COM1 as the BIOS found it, to 115200 8N1. */
log_init:
    pushaw
    movw    BDA_COM, %dx
    movw    %dx, com_base
    testw   %dx, %dx
    jz      1f
    addw    $3, %dx
    movb    $0x83, %al                  /* LCR: divisor latch, 8N1 */
    outb    %al, %dx
    subw    $3, %dx
    movb    $1, %al
    outb    %al, %dx                    /* divisor 1 */
    incw    %dx
    movb    $0, %al
    outb    %al, %dx
    addw    $2, %dx
    movb    $0x03, %al
    outb    %al, %dx
    subw    $2, %dx
    movb    $0, %al
    outb    %al, %dx                    /* IER: we poll */
    incw    %dx
    movb    $0x07, %al
    outb    %al, %dx                    /* FCR: FIFOs on and empty */
    addw    $2, %dx
    movb    $0x03, %al
    outb    %al, %dx                    /* MCR: DTR, RTS */
1:  popaw
    ret

log_putc:
    cmpb    $'\n', %al
    jne     1f
    pushw   %ax
    movb    $'\r', %al
    call    com_putc
    popw    %ax
1:  outb    %al, $0xe9
com_putc:
    pushal
    movw    com_base, %dx
    testw   %dx, %dx
    jz      3f
    movb    %al, %bl
    addw    $5, %dx
    movl    $0x400000, %ecx
    movl    BDA_TICKS, %edi
1:  inb     %dx, %al
    testb   $0x20, %al                  /* LSR: holding register empty */
    jnz     2f
    /* A line that nobody empties must not hold up the screen: after 3 ticks of the BIOS clock, or
       4M polls should that clock stand still, the port is given up for good. */
    movl    BDA_TICKS, %eax
    subl    %edi, %eax
    cmpl    $3, %eax
    ja      4f
    decl    %ecx
    jnz     1b
4:  movw    $0, com_base
    jmp     3f
2:  subw    $5, %dx
    movb    %bl, %al
    outb    %al, %dx
3:  popal
    ret

/* A byte that came in on COM1: AL, carry clear; otherwise carry set. */
log_poll:
    pushw   %dx
    movw    com_base, %dx
    testw   %dx, %dx
    jz      1f
    addw    $5, %dx
    inb     %dx, %al
    cmpb    $0xff, %al                  /* no port there at all */
    je      1f
    testb   $1, %al
    jz      1f
    subw    $5, %dx
    inb     %dx, %al
    popw    %dx
    clc
    ret
1:  popw    %dx
    stc
    ret

    .section .rodata, "a"
text_kb:    .asciz " KB"
text_mb:    .asciz " MB"
text_gb:    .asciz " GB"

    .bss
    .balign 4
video_seg:  .skip 2
out_fn:     .skip 2
scr_pos:    .skip 2
scr_end:    .skip 2
com_base:   .skip 2
scr_attr:   .skip 1
