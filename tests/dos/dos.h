/* SPDX-License-Identifier: MIT */
/* What a DOS test program can use: included by each .S, linked with lib.S to a .COM file. The program has
 * main (16-bit, called with DS = ES = SS = CS; it returns when it is through) and progname, a string. */
#ifndef NB_TESTS_DOS_DOS_H
#define NB_TESTS_DOS_DOS_H

        .code16
        .globl  main, progname

/* "PASS name", or "FAIL name: got X, want Y". 32-bit operands; registers and flags are kept. In real and
 * V86 mode. */
        .macro  eq got:req, want:req, name:vararg
        .pushsection .rodata
.Leq\@: .asciz  \name
        .popsection
        pushl   \got
        pushl   \want
        pushw   $.Leq\@
        call    check_eq
        .endm

/* The same for an operand of 16 bits. */
        .macro  eqw got:req, want:req, name:vararg
        pushw   $0
        pushw   \got
        .pushsection .rodata
.Leq\@: .asciz  \name
        .popsection
        pushl   \want
        pushw   $.Leq\@
        call    check_eq
        .endm

/* The condition holds; CC is what setCC takes (e, nc, a ...). */
        .macro  is cc:req, name:vararg
        pushl   %eax
        set\cc  %al
        movzbl  %al, %eax
        eq      %eax, $1, \name
        popl    %eax
        .endm

/* "NOTE name: value": a fact, never failed. */
        .macro  note value:req, name:vararg
        .pushsection .rodata
.Lnt\@: .asciz  \name
        .popsection
        pushl   \value
        pushw   $.Lnt\@
        call    print_note
        .endm

/* A line of text. */
        .macro  say text:vararg
        .pushsection .rodata
.Lsay\@: .asciz \text
        .popsection
        pushw   $.Lsay\@
        call    print_line
        .endm

#endif
