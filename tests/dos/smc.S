/* SPDX-License-Identifier: MIT */
/* Code that changes itself, as copy protections and fast loops of DOS programs do: the next instruction, a loop's
 * own immediate and opcode, through another segment, by REP MOVS, by DMA of the floppy; and TF with a
 * handler that decodes. */
#include "tests/dos/dos.h"

        .text
main:
        call    next
        call    loops
        call    alias
        call    copied
        call    dma
        call    decoder
        ret

/* The instruction right behind the store; with a jump between, for what a 486 had fetched. */
next:   xorl    %ebx, %ebx
        movw    $200, %cx
1:      movb    %cl, 2f + 1
        jmp     2f
2:      movb    $0, %al
        cmpb    %cl, %al
        je      3f
        incl    %ebx
3:      loop    1b
        eq      %ebx, $0, "an immediate behind a jump, 200 times"
        xorl    %ebx, %ebx
        movw    $100, %cx
1:      xorb    $0x08, 2f               /* INC DX, DEC DX */
        xorw    %dx, %dx
        jmp     2f
2:      incw    %dx
        addw    %dx, %bx
        loop    1b
        movzwl  %bx, %ebx
        eq      %ebx, $0, "an opcode, to and fro"
        ret

/* A loop that counts in its own immediate. */
loops:  movw    $10000, %cx
        xorl    %edx, %edx
        movl    $0, 2f + 2
        jmp     1f
1:
2:      movl    $0, %eax                /* 66 B8 */
        addl    %eax, %edx
        incl    2b + 2
        decw    %cx
        jnz     1b
        eq      %edx, $49995000, "a loop's own immediate, 10000 times"
        eq      2b+2, $10000, "and what it is"
        ret

/* The same bytes through a segment 1 KB below. */
alias:  movw    %cs, %ax
        subw    $0x40, %ax
        movw    %ax, %es
        xorl    %ebx, %ebx
        movw    $100, %cx
1:      movb    %cl, %es:2f + 0x401
        jmp     2f
2:      movb    $0, %al
        cmpb    %cl, %al
        je      3f
        incl    %ebx
3:      loop    1b
        pushw   %ds
        popw    %es
        eq      %ebx, $0, "through another segment"
        /* runs at CS-40h:x+400h what was written at CS:x */
        movw    $0xabcd, place + 1
        movw    %cs, %ax
        subw    $0x40, %ax
        movw    %ax, far + 2
        lcall   *far
        eqw     %ax, $0xabcd, "and run there"
        ret

/* Two routines copied by turns to one place. */
copied: xorl    %ebx, %ebx
        movw    $300, %bp
1:      movw    $one, %si
        movw    $0x1111, %dx
        testw   $1, %bp
        jz      2f
        movw    $two, %si
        movw    $0x2222, %dx
2:      movw    $buffer, %di
        movw    $two - one, %cx
        rep movsb
        movw    $buffer, %ax
        call    *%ax
        cmpw    %dx, %ax
        je      3f
        incl    %ebx
3:      decw    %bp
        jnz     1b
        eq      %ebx, $0, "routines by REP MOVSB, 300 times"
        ret
one:    movw    $0x1111, %ax
        ret
two:    movw    $0x2222, %ax
        ret

/* A sector of the floppy over code that has just run: its own boot sector begins with a jump over two bytes. */
dma:    movb    $0xc3, sector           /* RET */
        movw    $100, %cx
1:      call    sector
        loop    1b
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
2:      eqw     sector+510, $0xaa55, "the boot sector by DMA"
        movzbl  sector, %eax
        eq      %eax, $0xeb, "it begins with a jump"
        movzbw  sector + 1, %bx         /* where it jumps to: a RET there */
        movb    $0xc3, sector + 2(%bx)
        movw    $0x5678, %ax
        call    sector
        eqw     %ax, $0x5678, "which is run now, not the old RET"
        ret

/* Each instruction is decoded right before it is run and encoded again behind it, by the trap handler. */
decoder: movb   $1, %al
        call    get_vector
        movl    %eax, old
        cli
        movb    $1, %al
        movw    $on_step, %cx
        call    set_vector
        movw    $secret, %si
        movw    $secret_end - secret, %cx
1:      xorb    $0x5a, (%si)
        incw    %si
        loop    1b
        movw    $0, last
        xorw    %ax, %ax
        pushfw
        popw    %bx
        orw     $0x100, %bx
        pushw   %bx
        popfw
        jmp     secret                  /* the first trap comes behind this jump */
secret: addw    $0x1000, %ax
        addw    $0x0200, %ax
        addw    $0x0030, %ax
        addw    $0x0004, %ax
        jmp     secret_end
        hlt
        hlt
secret_end:
        pushfw
        popw    %bx
        andw    $~0x100, %bx
        pushw   %bx
        popfw
        movw    %ax, %dx
        movl    old, %ecx
        movb    $1, %al
        call    put_vector
        sti
        eqw     %dx, $0x1234, "code that is decoded step by step"
        movzwl  steps, %eax
        cmpl    $5, %eax
        is      ae, "a trap for each"
        eqw     secret, $0x5a5a^0x0005, "and is encoded again"
        ret
on_step: pushw  %bp
        movw    %sp, %bp
        pushw   %si
        pushw   %cx
        incw    %cs:steps
        movw    %cs:last, %si
        testw   %si, %si
        jz      1f
        call    flip                    /* what has run */
        movw    $0, %cs:last
1:      movw    2(%bp), %si
        cmpw    $secret, %si
        jb      2f
        cmpw    $secret_end, %si
        jae     2f
        movw    %si, %cs:last
        call    flip                    /* what runs next */
2:      popw    %cx
        popw    %si
        popw    %bp
        iret
/* The three bytes at SI; the last jump has two, and its neighbours don't matter. */
flip:   movw    $3, %cx
1:      xorb    $0x5a, %cs:(%si)
        incw    %si
        loop    1b
        ret

        .section .rodata
progname: .asciz "smc"
        .data
place:  movw    $0, %ax
        lret
far:    .word   place + 0x400, 0
        .bss
old:    .skip   4
last:   .skip   2
steps:  .skip   2
buffer: .skip   16
sector: .skip   512
