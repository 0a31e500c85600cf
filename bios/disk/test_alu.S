/* SPDX-License-Identifier: MIT */
/*
 * Self-tests of the integer unit: values at the edges, and each flag that the manual defines.
 */
    .include "defs.inc"
    .include "selftest.inc"

TEST add, "add/adc flags"
    movl    $0x7fffffff, %eax
    addl    $1, %eax
    FLAGS_ARE PF|AF|SF|OF
    cmpl    $0x80000000, %eax
    NEED    e
    addl    $0x80000000, %eax
    FLAGS_ARE CF|PF|ZF|OF
    movb    $0xff, %al
    stc
    adcb    $0, %al
    FLAGS_ARE CF|PF|AF|ZF
    movw    $0x7fff, %ax
    stc
    adcw    $0x8000, %ax                /* FFFF + carry: zero with a carry, no overflow */
    FLAGS_ARE CF|PF|AF|ZF
    /* a 64-bit sum */
    movl    $0xfffffff0, %eax
    movl    $0x12345678, %edx
    addl    $0x20, %eax
    adcl    $0, %edx
    cmpl    $0x10, %eax
    NEED    e
    cmpl    $0x12345679, %edx
    NEED    e
    /* byte registers touch nothing above */
    movl    $0x12345680, %ecx
    addb    $0x80, %cl
    FLAGS_ARE CF|PF|ZF|OF
    cmpl    $0x12345600, %ecx
    NEED    e
    addb    $0x12, %ch
    cmpl    $0x12346800, %ecx
    NEED    e
    PASS

TEST sub, "sub/sbb/cmp"
    xorl    %eax, %eax
    subl    $1, %eax
    FLAGS_ARE CF|PF|AF|SF
    movl    $0x80000000, %eax
    subl    $1, %eax
    FLAGS_ARE PF|AF|OF
    movb    $0x80, %al
    cmpb    $0x7f, %al
    FLAGS_ARE AF|OF
    cmpb    $0x80, %al
    FLAGS_ARE PF|ZF
    stc
    sbbb    %al, %al
    FLAGS_ARE CF|PF|AF|SF
    cmpb    $0xff, %al
    NEED    e
    movl    $0, %edx
    movl    $5, %eax
    subl    $6, %eax
    sbbl    $0, %edx
    cmpl    $-1, %edx
    NEED    e
    negl    %edx
    FLAGS_ARE CF|AF, 0x8d1
    movb    $0x80, %al
    negb    %al
    FLAGS_ARE CF|SF|OF
    movb    $0, %al
    negb    %al
    FLAGS_ARE PF|ZF
    PASS

TEST incdec, "inc/dec"
    movl    $0x7fffffff, %eax
    stc
    incl    %eax
    FLAGS_ARE CF|PF|AF|SF|OF            /* CF stays */
    clc
    decl    %eax
    FLAGS_ARE PF|AF|OF
    xorl    %eax, %eax
    stc
    decl    %eax
    FLAGS_ARE CF|PF|AF|SF
    stc
    incb    %al
    FLAGS_ARE CF|PF|AF|ZF
    cmpl    $0xffffff00, %eax
    NEED    e
    PASS

TEST logic, "and/or/xor/not"
    movl    $0xf0f0f0f0, %eax
    stc
    andl    $0x0ff00ff0, %eax
    FLAGS_ARE PF, 0x8c5                 /* AF is undefined */
    cmpl    $0x00f000f0, %eax
    NEED    e
    orl     $0x80000001, %eax
    FLAGS_ARE SF, 0x8c5
    xorl    %eax, %eax
    FLAGS_ARE PF|ZF, 0x8c5
    notl    %eax
    FLAGS_ARE PF|ZF, 0x8c5              /* NOT changes none */
    testb   $0x80, %al
    FLAGS_ARE SF, 0x8c5
    cmpl    $-1, %eax
    NEED    e
    PASS

TEST mul, "mul/imul"
    movb    $0x10, %al
    movb    $0x10, %bl
    mulb    %bl
    FLAGS_ARE CF|OF, 0x801
    cmpw    $0x100, %ax
    NEED    e
    movw    $0xffff, %ax
    movw    $0xffff, %cx
    mulw    %cx
    cmpw    $0x0001, %ax
    NEED    e
    cmpw    $0xfffe, %dx
    NEED    e
    movl    $0xffffffff, %eax
    movl    $0xffffffff, %ecx
    mull    %ecx
    FLAGS_ARE CF|OF, 0x801
    cmpl    $1, %eax
    NEED    e
    cmpl    $0xfffffffe, %edx
    NEED    e
    movl    $0x1234, %eax
    movl    $3, %ecx
    mull    %ecx
    FLAGS_ARE 0, 0x801
    movl    $-7, %eax
    movl    $6, %ecx
    imull   %ecx
    FLAGS_ARE 0, 0x801
    cmpl    $-42, %eax
    NEED    e
    cmpl    $-1, %edx
    NEED    e
    movl    $0x10000, %eax
    imull   $0x8000, %eax, %ecx
    FLAGS_ARE CF|OF, 0x801
    cmpl    $0x80000000, %ecx
    NEED    e
    movb    $0x80, %al                  /* -128 * -128 does not fit a byte */
    imulb   %al
    FLAGS_ARE CF|OF, 0x801
    cmpw    $0x4000, %ax
    NEED    e
    PASS

TEST div, "div/idiv"
    movl    $1, %edx
    movl    $2, %eax
    movl    $0x10, %ecx
    divl    %ecx
    cmpl    $0x10000000, %eax
    NEED    e
    cmpl    $2, %edx
    NEED    e
    movl    $-7, %eax
    cltd
    movl    $2, %ecx
    idivl   %ecx                        /* truncates: -3 remainder -1 */
    cmpl    $-3, %eax
    NEED    e
    cmpl    $-1, %edx
    NEED    e
    movw    $-128, %ax
    movb    $1, %cl
    idivb   %cl                         /* -128 just fits */
    cmpw    $0x0080, %ax
    NEED    e
    movw    $0xfe, %ax
    movw    $0, %dx
    movw    $0xff, %cx
    divw    %cx
    cmpw    $0, %ax
    NEED    e
    cmpw    $0xfe, %dx
    NEED    e
    PASS

TEST bcd, "daa/aam/aad"
    movb    $0x79, %al
    addb    $0x35, %al
    daa
    FLAGS_ARE CF|AF, 0x0d1
    cmpb    $0x14, %al
    NEED    e
    movb    $0x23, %al
    subb    $0x47, %al
    das
    FLAGS_ARE CF|AF, 0x051
    cmpb    $0x76, %al
    NEED    e
    movw    $0x020f, %ax
    addb    $0, %al
    aaa
    FLAGS_ARE CF|AF, 0x011
    cmpw    $0x0305, %ax
    NEED    e
    movw    $0x0205, %ax
    subb    $9, %al
    aas
    cmpw    $0x0106, %ax
    NEED    e
    movb    $99, %al
    aam
    FLAGS_ARE PF, 0x0c4
    cmpw    $0x0909, %ax
    NEED    e
    aad
    cmpw    $99, %ax
    NEED    e
    PASS

TEST shift, "shl/shr/sar"
    movl    $0x80000001, %eax
    shll    $1, %eax
    FLAGS_ARE CF|OF, 0x8c1
    cmpl    $2, %eax
    NEED    e
    movl    $0x80000000, %eax
    shrl    $1, %eax
    FLAGS_ARE PF|OF, 0x8c5
    movl    $0x80000001, %eax
    sarl    $1, %eax
    FLAGS_ARE CF|PF|SF, 0x8c5
    cmpl    $0xc0000000, %eax
    NEED    e
    movb    $33, %cl                    /* counts are taken modulo 32 */
    movl    $1, %eax
    shll    %cl, %eax
    cmpl    $2, %eax
    NEED    e
    movb    $32, %cl                    /* a count of zero changes no flag */
    cmpl    $3, %eax
    shrl    %cl, %eax
    FLAGS_ARE CF|PF|AF|SF
    movb    $0xff, %al
    movb    $9, %cl
    sarb    %cl, %al
    FLAGS_ARE CF|PF|SF, 0x0c5
    movb    $0xff, %al
    shrb    $8, %al
    FLAGS_ARE CF|PF|ZF, 0x0c5
    movl    $0x12345678, %eax
    movl    $0x9abcdef0, %edx
    shldl   $12, %edx, %eax
    cmpl    $0x456789ab, %eax
    NEED    e
    movl    $0x12345678, %eax
    movb    $8, %cl
    shrdl   %cl, %edx, %eax
    FLAGS_ARE SF|PF, 0x0c5
    cmpl    $0xf0123456, %eax
    NEED    e
    PASS

TEST rotate, "rol/ror/rcl/rcr"
    movl    $0x80000001, %eax
    roll    $4, %eax
    FLAGS_ARE 0, 0x001
    cmpl    $0x18, %eax
    NEED    e
    movl    $0x12345678, %eax
    rorl    $8, %eax
    cmpl    $0x78123456, %eax
    NEED    e
    movl    $1, %eax
    rorl    $1, %eax
    FLAGS_ARE CF|OF, 0x801
    movb    $0x80, %al
    clc
    rclb    $1, %al
    FLAGS_ARE CF|OF, 0x801
    cmpb    $0, %al
    NEED    e
    movb    $0x01, %al
    stc
    rcrb    $1, %al                     /* carry in at the top, bit 0 out */
    FLAGS_ARE CF|OF, 0x801
    cmpb    $0x80, %al
    NEED    e
    movb    $0x5a, %al                  /* nine places through the carry: a whole turn */
    stc
    rclb    $9, %al
    FLAGS_ARE CF, 0x001
    cmpb    $0x5a, %al
    NEED    e
    movw    $0x1234, %ax
    stc
    movb    $17, %cl
    rcrw    %cl, %ax
    FLAGS_ARE CF, 0x001
    cmpw    $0x1234, %ax
    NEED    e
    PASS

TEST bits, "bit operations"
    movl    $TEST_PAGE, %edi
    movl    $0, (%edi)
    movl    $0, 4(%edi)
    movl    $37, %eax
    btsl    %eax, (%edi)                /* bit offsets reach beyond the operand */
    FLAGS_ARE 0, 0x001
    cmpl    $0x20, 4(%edi)
    NEED    e
    leal    8(%edi), %esi
    movl    $-27, %eax                  /* and before it */
    btl     %eax, (%esi)
    FLAGS_ARE CF, 0x001
    btrl    %eax, (%esi)
    FLAGS_ARE CF, 0x001
    cmpl    $0, 4(%edi)
    NEED    e
    movl    $0, %eax
    btcl    $35, %eax                   /* an immediate is taken modulo 32 */
    cmpl    $8, %eax
    NEED    e
    bsfl    %eax, %ecx
    cmpl    $3, %ecx
    NEED    e
    movl    $0x00f00000, %eax
    bsrl    %eax, %ecx
    cmpl    $23, %ecx
    NEED    e
    xorl    %eax, %eax
    bsfl    %eax, %edx
    FLAGS_ARE ZF, 0x040
    PASS

TEST conditions, "jcc/setcc"
    /* for each of the 16 conditions: the flags that make it true, and some that do not */
    movl    $condition_table, %esi
1:  lodsl
    testl   %eax, %eax
    jz      2f
    movl    %eax, %ebx
    lodsl
    pushl   %eax
    popfl
    call    *%ebx
    cmpb    $1, %al
    NEED    e
    lodsl
    pushl   %eax
    popfl
    call    *%ebx
    cmpb    $0, %al
    NEED    e
    jmp     1b
2:  PASS
    .irp cc, o, no, b, ae, e, ne, be, a, s, ns, p, np, l, ge, le, g
condition_\cc:
    set\cc  %al
    j\cc    1f
    xorb    $0x80, %al                  /* 80h or 81h when the jump disagrees: caught above */
    cmpb    $0x80, %al
    jne     1f
    movb    $0, %al
1:  ret
    .endr
    .pushsection .rodata, "a"
condition_table:
    .long   condition_o, OF|2, CF|PF|AF|ZF|SF|2
    .long   condition_no, CF|2, OF|2
    .long   condition_b, CF|2, OF|ZF|2
    .long   condition_ae, ZF|2, CF|2
    .long   condition_e, ZF|2, CF|SF|2
    .long   condition_ne, CF|2, ZF|2
    .long   condition_be, CF|2, OF|SF|2
    .long   condition_be, ZF|2, PF|2
    .long   condition_a, SF|2, ZF|2
    .long   condition_a, OF|2, CF|2
    .long   condition_s, SF|2, OF|2
    .long   condition_ns, OF|2, SF|2
    .long   condition_p, PF|2, SF|2
    .long   condition_np, ZF|2, PF|2
    .long   condition_l, SF|2, SF|OF|2
    .long   condition_l, OF|2, ZF|2
    .long   condition_ge, SF|OF|2, SF|2
    .long   condition_le, ZF|2, CF|2
    .long   condition_le, SF|2, SF|OF|2
    .long   condition_g, SF|OF|2, SF|OF|ZF|2
    .long   condition_g, 2, OF|2
    .long   0
    .popsection

TEST strings, "string operations"
    movl    $TEST_PAGE, %edi
    movl    $0x64636261, %eax
    movl    $4, %ecx
    cld
    rep stosl
    cmpl    $TEST_PAGE + 16, %edi
    NEED    e
    jecxz   1f
    NEED    o                           /* ECX must be zero */
1:  movl    $TEST_PAGE, %esi            /* overlapping by one: the first byte spreads */
    movl    $TEST_PAGE + 1, %edi
    movl    $7, %ecx
    rep movsb
    cmpl    $0x61616161, TEST_PAGE + 4
    NEED    e
    std
    movl    $TEST_PAGE + 15, %esi
    movl    $TEST_PAGE + 31, %edi
    movl    $16, %ecx
    rep movsb
    cld
    cmpl    $TEST_PAGE - 1, %esi
    NEED    e
    movl    $TEST_PAGE, %esi
    movl    $TEST_PAGE + 16, %edi
    movl    $4, %ecx
    repe cmpsl
    NEED    e
    movb    $0, TEST_PAGE + 9
    movl    $TEST_PAGE, %edi
    movb    $0, %al
    movl    $-1, %ecx
    repne scasb                         /* strlen */
    notl    %ecx
    cmpl    $10, %ecx
    NEED    e
    cmpl    $TEST_PAGE + 10, %edi
    NEED    e
    stc
    movl    $0, %ecx
    repe cmpsb                          /* no iteration: no flag changes */
    FLAGS_ARE CF, 0x001
    movl    $TEST_PAGE + 16, %esi
    lodsw
    cmpw    $0x6161, %ax
    NEED    e
    PASS

TEST moves, "mov/xchg/movzx"
    movl    $0x12348081, %eax
    movsbl  %al, %ebx
    cmpl    $0xffffff81, %ebx
    NEED    e
    movzbl  %ah, %ebx
    cmpl    $0x80, %ebx
    NEED    e
    movswl  %ax, %ebx
    cmpl    $0xffff8081, %ebx
    NEED    e
    cbtw
    cmpl    $0x1234ff81, %eax
    NEED    e
    cwtl
    cwtd
    cltd
    cmpl    $-1, %edx
    NEED    e
    movl    $1, %ecx
    xchgl   %eax, %ecx
    cmpl    $1, %eax
    NEED    e
    xchgb   %al, %ah
    cmpl    $0x100, %eax
    NEED    e
    movl    $xlat_table, %ebx
    movb    $3, %al
    xlatb
    cmpb    $0x33, %al
    NEED    e
    movb    $0xd5, %ah
    sahf
    FLAGS_ARE CF|PF|AF|ZF|SF, 0x0d5
    sahf
    lahf
    cmpb    $0xd7, %ah                  /* bit 1 always reads as one */
    NEED    e
    movl    $0x1000, %esi
    movl    $0x20, %ecx
    leal    -4(%esi, %ecx, 8), %eax
    cmpl    $0x10fc, %eax
    NEED    e
    leaw    0x7fff(%bx, %si), %dx       /* 16-bit addressing wraps */
    leal    0x7fff(%ebx, %esi), %eax
    cmpw    %ax, %dx
    NEED    e
    stc
    .byte   0xd6                        /* SALC, in no manual but in every processor */
    cmpb    $0xff, %al
    NEED    e
    PASS
    .pushsection .rodata, "a"
xlat_table: .byte 0x30, 0x31, 0x32, 0x33
    .popsection

TEST stack, "stack frames"
    movl    %esp, %esi
    movl    $0x11111111, %eax
    movl    $0x22222222, %ebx
    pushal
    movl    12(%esp), %ecx              /* ESP as it was before PUSHA */
    cmpl    %esi, %ecx
    NEED    e
    xorl    %ebx, %ebx
    popal
    cmpl    $0x22222222, %ebx
    NEED    e
    cmpl    %esi, %esp
    NEED    e
    pushl   %esp                        /* pushes the old value */
    popl    %ecx
    cmpl    %esi, %ecx
    NEED    e
    movl    $0x33333333, %ebp
    enterl  $16, $0
    leal    -4(%esi), %ecx
    cmpl    %ecx, %ebp
    NEED    e
    leal    -20(%esi), %ecx
    cmpl    %ecx, %esp
    NEED    e
    leavel
    cmpl    $0x33333333, %ebp
    NEED    e
    movl    %esp, %ebp                  /* nested: the frame pointers of the levels are copied */
    enterl  $8, $2
    leal    -20(%esi), %ecx
    cmpl    %ecx, %esp
    NEED    e
    leal    -4(%esi), %ecx
    cmpl    %ecx, -8(%ebp)
    NEED    e
    movl    %esi, %esp
    pushl   $7
    pushl   $9
    call    1f
    cmpl    %esi, %esp
    NEED    e
    cmpl    $9, %eax
    NEED    e
    pushw   $0x1234
    pushw   $0x5678
    popl    %eax
    cmpl    $0x12345678, %eax
    NEED    e
    pushl   $0x55
    popl    -4(%esp)                    /* the address is formed after ESP moved */
    cmpl    $0x55, -4(%esp)
    NEED    e
    PASS
1:  movl    4(%esp), %eax
    ret     $8

TEST locked, "486 instructions"
    cmpb    $4, cpu_kind
    jae     1f
    SKIP
1:  movl    $TEST_PAGE, %edi
    movl    $5, (%edi)
    movl    $5, %eax
    movl    $9, %ecx
    lock cmpxchgl %ecx, (%edi)
    FLAGS_ARE PF|ZF
    cmpl    $9, (%edi)
    NEED    e
    lock cmpxchgl %ecx, (%edi)          /* 5 - 9: not equal, EAX loaded */
    FLAGS_ARE CF|AF|SF, 0x8d1
    cmpl    $9, %eax
    NEED    e
    movl    $-1, %edx
    lock xaddl %edx, (%edi)
    FLAGS_ARE CF|AF, 0x8d1
    cmpl    $9, %edx
    NEED    e
    cmpl    $8, (%edi)
    NEED    e
    movl    $0x12345678, %eax
    bswapl  %eax
    cmpl    $0x78563412, %eax
    NEED    e
    PASS

TEST cx8, "cmpxchg8b"
    testl   $FEAT_CX8, cpu_edx
    jnz     1f
    SKIP
1:  movl    $TEST_PAGE, %edi
    movl    $1, (%edi)
    movl    $2, 4(%edi)
    movl    $1, %eax
    movl    $2, %edx
    movl    $3, %ebx
    movl    $4, %ecx
    stc
    lock cmpxchg8b (%edi)
    FLAGS_ARE CF|ZF, 0x041              /* only ZF changes */
    cmpl    $4, 4(%edi)
    NEED    e
    stc
    lock cmpxchg8b (%edi)
    FLAGS_ARE CF, 0x041
    cmpl    $3, %eax
    NEED    e
    cmpl    $4, %edx
    NEED    e
    PASS

TEST cmov, "cmov"
    testl   $FEAT_CMOV, cpu_edx
    jnz     1f
    SKIP
1:  movl    $1, %eax
    movl    $2, %ecx
    cmpl    %ecx, %eax
    cmovgl  %ecx, %eax
    cmpl    $1, %eax
    NEED    e
    cmpl    %ecx, %eax
    cmovbel %ecx, %eax
    cmpl    $2, %eax
    NEED    e
    /* a memory operand is read whatever the condition */
    movl    $PAGE_TABLE, %edi
    movl    $0, PAGE_TABLE + 4 * (OTHER_PAGE >> 12)
    FLUSH_TLB
    CATCH   2f
    cmpl    %eax, %eax
cmov_read:
    cmovnel OTHER_PAGE, %ecx
    movl    $(OTHER_PAGE | 7), PAGE_TABLE + 4 * (OTHER_PAGE >> 12)
    FLUSH_TLB
    cmpl    $0, fault_vector
    NEED    e
2:  movl    $(OTHER_PAGE | 7), PAGE_TABLE + 4 * (OTHER_PAGE >> 12)
    FLUSH_TLB
    CAUGHT  14, 0, cmov_read
    PASS
