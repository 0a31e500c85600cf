/* SPDX-License-Identifier: MIT */
/* Entry and exit of the DOS test programs, their output, extended memory. dos.h says how to use it.
 *
 * Output goes to the screen through DOS, to port E9h, and to COM1, because Bochs' port E9h shares
 * stdout with its screen. */
#include "tests/dos/dos.h"

        .section .start, "ax"
        .globl  _start
_start: cld
        xorw    %ax, %ax
        movw    $__bss_start, %di
        movw    $__bss_end, %cx
        subw    %di, %cx
        rep stosb
        movw    $0x3fb, %dx             /* COM1 at 115,200: DOS left 2,400 */
        movb    $0x83, %al
        outb    %al, %dx
        movw    $0x3f8, %dx
        movb    $1, %al
        outb    %al, %dx
        incw    %dx
        movb    $0, %al
        outb    %al, %dx
        movw    $0x3fb, %dx
        movb    $3, %al
        outb    %al, %dx
        call    main
        call    finish
        movb    failed, %al             /* the exit status */
        cmpw    $255, failed
        jbe     1f
        movb    $255, %al
1:      movb    $0x4c, %ah
        int     $0x21

/* The last line. */
        .globl  finish
finish: cld
        pushw   $2f
        call    print
        pushw   $progname
        call    print
        pushw   $3f
        call    print
        movw    passed, %ax
        call    print_number
        pushw   $4f
        call    print
        movw    failed, %ax
        call    print_number
        pushw   $5f
        call    print
        ret
        .section .rodata
2:      .asciz  "DONE "
3:      .asciz  ": "
4:      .asciz  " passed, "
5:      .asciz  " failed\n"

        .text
/* check_eq(name, want, got): see eq. */
        .globl  check_eq
check_eq:
        pushfw
        pushal
        pushw   %ds
        movw    %sp, %bp                /* name at 38, want at 40, got at 44 */
        cld
        movw    %cs, %ax
        movw    %ax, %ds
        movl    %ss:40(%bp), %eax
        cmpl    %eax, %ss:44(%bp)
        jne     1f
        incw    passed
        pushw   $text_pass
        call    print
        pushw   %ss:38(%bp)
        call    print
        jmp     2f
1:      incw    failed
        pushw   $text_fail
        call    print
        pushw   %ss:38(%bp)
        call    print
        pushw   $text_got
        call    print
        movl    %ss:44(%bp), %eax
        call    print_hex
        pushw   $text_want
        call    print
        movl    %ss:40(%bp), %eax
        call    print_hex
2:      call    newline
        popw    %ds
        popal
        popfw
        ret     $10

        .globl  print_note
print_note:
        pushfw
        pushal
        pushw   %ds
        movw    %sp, %bp                /* name at 38, value at 40 */
        cld
        movw    %cs, %ax
        movw    %ax, %ds
        pushw   $text_note
        call    print
        pushw   %ss:38(%bp)
        call    print
        pushw   $text_colon
        call    print
        movl    %ss:40(%bp), %eax
        call    print_hex
        call    newline
        popw    %ds
        popal
        popfw
        ret     $6

        .globl  print_line
print_line:
        pushfw
        pushal
        pushw   %ds
        movw    %sp, %bp
        cld
        movw    %cs, %ax
        movw    %ax, %ds
        pushw   %ss:38(%bp)
        call    print
        call    newline
        popw    %ds
        popal
        popfw
        ret     $2

newline:
        movb    $'\n', %al
        jmp     put

/* print(text), which is popped. Changes AX, SI. */
print:  pushw   %bp
        movw    %sp, %bp
        movw    4(%bp), %si
1:      lodsb
        testb   %al, %al
        jz      2f
        call    put
        jmp     1b
2:      popw    %bp
        ret     $2

/* EAX in eight digits. */
print_hex:
        movw    $8, %cx
1:      roll    $4, %eax
        pushl   %eax
        andb    $15, %al
        cmpb    $10, %al
        sbbb    $0x69, %al
        das
        orb     $0x20, %al
        call    put
        popl    %eax
        loop    1b
        ret

/* AX in decimal. */
print_number:
        movw    $10, %bx
        xorw    %cx, %cx
1:      xorw    %dx, %dx
        divw    %bx
        pushw   %dx
        incw    %cx
        testw   %ax, %ax
        jnz     1b
2:      popw    %ax
        orb     $'0', %al
        call    put
        loop    2b
        ret

/* The character AL. Keeps all but AX and DX. */
put:    outb    %al, $0xe9
        pushw   %cx
        pushw   %ax
        movw    $0x3fd, %dx             /* an absent port gives FFh */
        movw    $0xffff, %cx
1:      inb     %dx, %al
        testb   $0x20, %al
        loopz   1b
        movb    $0xf8, %dl
        popw    %ax
        popw    %cx
        outb    %al, %dx
        cmpb    $'\n', %al
        jne     2f
        movb    $'\r', %al
        call    screen
        movb    $'\n', %al
2:
screen: movb    %al, %dl
        movb    $2, %ah
        int     $0x21
        ret

/* Extended memory from the XMS driver: EAX KB. EAX: its address, 0 if there is none. One at a time. */
        .globl  xms_get
xms_get:
        pushw   %es
        pushw   %bx
        pushl   %edx
        pushl   %eax
        movw    $0x4300, %ax
        int     $0x2f
        cmpb    $0x80, %al
        popl    %edx
        movl    $0, %eax
        jne     1f
        pushl   %edx
        movw    $0x4310, %ax
        int     $0x2f
        movw    %bx, xms
        movw    %es, xms + 2
        popl    %edx
        movb    $0x09, %ah
        lcall   *xms
        movw    %dx, xms_handle
        testw   %ax, %ax
        movl    $0, %eax
        jz      1f
        movb    $0x0c, %ah
        lcall   *xms
        pushw   %dx
        pushw   %bx
        testw   %ax, %ax
        popl    %eax
        jnz     1f
        xorl    %eax, %eax
1:      popl    %edx
        popw    %bx
        popw    %es
        ret

        .globl  xms_free
xms_free:
        pushal
        movw    xms_handle, %dx
        movb    $0x0d, %ah
        lcall   *xms
        movw    xms_handle, %dx
        movb    $0x0a, %ah
        lcall   *xms
        popal
        ret

/* Interrupts 00h to FFh in real mode: EAX the old vector of AL; set_vector: CX the new offset, in CS. */
        .globl  get_vector, set_vector, put_vector
get_vector:
        pushw   %es
        pushw   %bx
        movzbw  %al, %bx
        shlw    $2, %bx
        movw    $0, %ax
        movw    %ax, %es
        movl    %es:(%bx), %eax
        popw    %bx
        popw    %es
        ret
set_vector:
        pushl   %ecx
        shll    $16, %ecx
        movw    %cs, %cx
        rorl    $16, %ecx
        call    put_vector
        popl    %ecx
        ret
/* ECX: segment and offset. */
put_vector:
        pushw   %es
        pushw   %bx
        movzbw  %al, %bx
        shlw    $2, %bx
        pushw   $0
        popw    %es
        movl    %ecx, %es:(%bx)
        popw    %bx
        popw    %es
        ret

        .section .rodata
text_pass:  .asciz "PASS "
text_fail:  .asciz "FAIL "
text_got:   .asciz ": got "
text_want:  .asciz ", want "
text_note:  .asciz "NOTE "
text_colon: .asciz ": "
        .bss
passed:     .skip 2
failed:     .skip 2
        .globl  xms, xms_handle
xms:        .skip 4
xms_handle: .skip 2
