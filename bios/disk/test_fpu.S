/* SPDX-License-Identifier: MIT */
/*
 * Self-tests of the x87, MMX and SSE, each only where the processor says that it has the unit.
 */
    .include "defs.inc"
    .include "selftest.inc"

.macro NEED_FPU
    cmpb    $0, cpu_has_fpu
    jne     .Lfpu\@
    SKIP
.Lfpu\@:
    fninit
.endm

/* ST(0), popped, must be this 80-bit value. */
.macro ST0_IS exponent, high, low
    fstpt   fpu_value
    cmpl    $\low, fpu_value
    NEED    e
    cmpl    $\high, fpu_value + 4
    NEED    e
    cmpw    $\exponent, fpu_value + 8
    NEED    e
.endm

TEST x87, "x87 arithmetic"
    NEED_FPU
    fld1
    fadd    %st(0), %st
    ST0_IS  0x4000, 0x80000000, 0x00000000
    fld1
    fadd    %st(0), %st
    fsqrt
    ST0_IS  0x3fff, 0xb504f333, 0xf9de6484
    movl    $3, fpu_value
    fld1
    fidivl  fpu_value
    ST0_IS  0x3ffd, 0xaaaaaaaa, 0xaaaaaaab
    movl    $-1000000007, fpu_value
    fildl   fpu_value
    fmul    %st(0), %st
    fistpll fpu_value
    cmpl    $0xe9db0c31, fpu_value      /* 1000000014000000049 */
    NEED    e
    cmpl    $0x0de0b6b6, fpu_value + 4
    NEED    e
    fldpi
    ST0_IS  0x4000, 0xc90fdaa2, 0x2168c235
    /* double, and a signalling single that is none */
    fldl    fpu_tenth
    fsubl   fpu_tenth
    ftst
    fnstsw  %ax
    andb    $0x45, %ah
    cmpb    $0x40, %ah                  /* equal */
    NEED    e
    fstp    %st(0)
    fnstsw  %ax
    testw   $0x3800, %ax                /* the stack is empty again */
    NEED    z
    PASS

TEST x87round, "x87 rounding"
    NEED_FPU
    fnstcw  fpu_control
    movl    $fpu_rounds, %esi
1:  lodsl
    cmpl    $-1, %eax
    je      2f
    movw    fpu_control, %cx
    andb    $0xf3, %ch
    orb     %al, %ch
    movw    %cx, fpu_value
    fldcw   fpu_value
    flds    fpu_half                    /* -2.5 */
    fistpl  fpu_value
    lodsl
    cmpl    %eax, fpu_value
    NEED    e
    jmp     1b
2:  fldcw   fpu_control
    /* an invalid conversion gives the integer indefinite and the flag IE */
    fldt    fpu_huge
    fistpl  fpu_value
    cmpl    $0x80000000, fpu_value
    NEED    e
    fnstsw  %ax
    testb   $1, %al
    NEED    nz
    fnclex
    fldz
    fld1
    fdiv    %st(1), %st                 /* 1 / 0, masked: infinity and ZE */
    fnstsw  %ax
    andb    $0x3f, %al
    cmpb    $4, %al
    NEED    e
    ST0_IS  0x7fff, 0x80000000, 0
    PASS

TEST x87faults, "#NM and #MF"
    NEED_FPU
    movl    %cr0, %ebx
    movl    %ebx, %eax
    orl     $8, %eax                    /* TS */
    movl    %eax, %cr0
    CATCH   1f
nm_at:
    fnop
1:  movl    %ebx, %cr0
    CAUGHT  7, 0, nm_at
    cmpb    $4, cpu_kind
    jae     2f
    SKIP                                /* a 386 reports through IRQ 13 only */
2:  movl    %ebx, %eax
    orl     $0x20, %eax                 /* NE */
    movl    %eax, %cr0
    movw    $0x37b, fpu_value           /* ZM clear */
    fldcw   fpu_value
    fldz
    fld1
    CATCH   1f
    fdiv    %st(1), %st
mf_at:
    fwait                               /* the error waits for the next waiting instruction */
1:  fninit
    movl    %ebx, %cr0
    CAUGHT  16, 0, mf_at
    PASS

TEST mmx, "MMX"
    testl   $FEAT_MMX, cpu_edx
    jnz     1f
    SKIP
1:  NEED_FPU
    movq    mmx_a, %mm0
    paddsw  mmx_b, %mm0                 /* saturates both ways */
    movq    %mm0, fpu_value
    movq    mmx_a, %mm1
    pmaddwd mmx_b, %mm1
    movq    %mm1, fpu_value + 8
    emms
    cmpl    $0x80007fff, fpu_value
    NEED    e
    cmpl    $0x00030000, fpu_value + 4
    NEED    e
    cmpl    $0x7fff0001, fpu_value + 8  /* 7fff * 2 + 8000 * ffff (signed) */
    NEED    b
    cmpl    $0x00000001, fpu_value + 12 /* 1 * -1 + 1 * 2 */
    NEED    e
    PASS

TEST sse, "SSE"
    movl    cpu_edx, %eax
    andl    $(FEAT_SSE | FEAT_FXSR), %eax
    cmpl    $(FEAT_SSE | FEAT_FXSR), %eax
    je      1f
    SKIP
1:  movl    %cr4, %ebx
    movl    %ebx, %eax
    andl    $~0x200, %eax
    movl    %eax, %cr4
    CATCH   1f
sse_off:
    xorps   %xmm0, %xmm0                /* OSFXSR clear: no such instruction */
1:  CAUGHT  6, 0, sse_off
    movl    %ebx, %eax
    orl     $0x200, %eax
    movl    %eax, %cr4
    CATCH   2f
    movaps  sse_a, %xmm0
    addps   sse_a, %xmm0
    sqrtps  %xmm0, %xmm0                /* 2 4 1 3 */
    movaps  %xmm0, fpu_value
    cmpl    $0x40000000, fpu_value
    NEED    e
    cmpl    $0x40800000, fpu_value + 4
    NEED    e
    cmpl    $0x3f800000, fpu_value + 8
    NEED    e
    cmpl    $0x40400000, fpu_value + 12
    NEED    e
sse_misaligned:
    movaps  sse_a + 4, %xmm1
2:  movl    %ebx, %cr4
    CAUGHT  13, 0, sse_misaligned
    PASS

    .section .rodata, "a"
    .balign 16
sse_a:      .float 2.0, 8.0, 0.5, 4.5
fpu_tenth:  .double 0.1
mmx_a:      .word 0x7fff, 0x8000, 0x0001, 0x0001
mmx_b:      .word 0x0002, 0xffff, 0xffff, 0x0002
fpu_huge:   .long 0, 0x80000000
            .word 0x4050
    .balign 4
fpu_half:   .float -2.5
            /* RC << 2 in the high byte of the control word: nearest, down, up, to zero */
fpu_rounds: .long 0, -2, 4, -3, 8, -2, 12, -2, -1

    .bss
    .balign 16
fpu_value:  .skip 16
fpu_control: .skip 2
