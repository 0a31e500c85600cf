/* SPDX-License-Identifier: MIT */
/*
 * Runs the self-tests: descriptor tables, page tables, exception stubs, and the loop over the
 * tests that the test_*.S files have put into section .tests.
 */
    .include "defs.inc"
    .include "selftest.inc"
    .globl  selftest_run, tests_passed, tests_failed, tests_skipped, test_results, tests_count
    .globl  test_failed, test_unexpected, test_stack
    .globl  fault_resume, fault_vector, fault_error, fault_eip, fault_cs, fault_flags, fault_cr2
    .globl  fault_esp, fault_ss, tss, task_tss, set_gate, test_reload

    .set    MAX_TESTS, 96

/* ---- real mode ---- */
    .text
    .code16

selftest_run:
    pushal
    movl    $selftest_protected, %ebx
    call    pm_call
    /* One more that protected mode can't do: an exception through the real-mode vector table. */
    call    test_real_mode
    movw    tests_count, %bx
    movb    %al, test_results(%bx)
    incw    tests_count

    movw    $0, tests_passed
    movw    $0, tests_failed
    movw    $0, tests_skipped
    xorw    %bx, %bx
1:  movb    test_results(%bx), %al
    testb   %al, %al
    jnz     2f
    incw    tests_passed
    jmp     4f
2:  cmpb    $SKIPPED, %al
    jne     3f
    incw    tests_skipped
    jmp     4f
3:  incw    tests_failed
4:  incw    %bx
    cmpw    tests_count, %bx
    jb      1b
    popal
    ret

/* #DE in real mode: the frame must name the DIV; then IRET past it. AL = result. */
test_real_mode:
    pushfl
    cli
    pushl   0
    movl    $real_divide, 0             /* segment 0 */
    movw    $0, real_hit
    movw    %sp, %si
    xorw    %cx, %cx
    movw    $1, %ax
    movw    $1, %bp
real_div:
    divw    %cx
real_div_end:
    popl    0
    popfl
    movb    $1, %al
    cmpw    $real_div, real_hit
    jne     1f
    incb    %al
    cmpw    $1, %bp                     /* nothing else changed */
    jne     1f
    movb    $0, %al
1:  ret
real_divide:
    pushw   %bp
    movw    %sp, %bp
    pushw   %ax
    movw    2(%bp), %ax
    movw    %ax, real_hit
    leaw    8(%bp), %ax                 /* IP, CS and FLAGS on the old stack, nothing more */
    cmpw    %si, %ax
    je      1f
    movw    $-1, real_hit
1:  movw    $real_div_end, 2(%bp)
    popw    %ax
    popw    %bp
    iret

/* ---- protected mode ---- */
    .code32

selftest_protected:
    movl    %cr0, %eax
    movl    %eax, saved_cr0
    call    build_tables
    lidtl   pm_idtr
    movl    $PAGE_DIR, %eax
    movl    %eax, %cr3
    movl    saved_cr0, %eax
    andl    $~0x0001000e, %eax          /* WP, TS, EM, MP off; the tests set what they need */
    orl     $0x80000001, %eax           /* PG, PE */
    movl    %eax, %cr0
    jmp     1f                          /* a 386 or 486 wants a jump after PG changes */
1:  movl    $SEL_TSS, %eax
    ltr     %ax
    xorl    %eax, %eax
    lldt    %ax                         /* reset leaves it at base 0, limit FFFFh: usable! */

    movl    $tests_start, %esi
    xorl    %edi, %edi
2:  movzwl  2(%esi), %ebx
    pushl   %esi
    pushl   %edi
    movl    $test_unexpected, fault_resume
    movl    $1f, %eax
    pushl   %eax
    movl    %esp, test_stack
    jmp     *%ebx
1:  pushl   $2                          /* whatever the test left behind */
    popfl
    call    test_reload
    popl    %edi
    popl    %esi
    movb    %al, test_results(%edi)
    incl    %edi
    addl    $4, %esi
    cmpl    $MAX_TESTS - 1, %edi
    jae     3f
    cmpl    $tests_end, %esi
    jb      2b
3:  movw    %di, tests_count

    movl    saved_cr0, %eax
    movl    %eax, %cr0                  /* paging off again */
    jmp     1f
1:  xorl    %eax, %eax
    movl    %eax, %cr3
    xorl    %eax, %eax
    ret

/* A NEED did not hold: EAX is its number. The stack may be anything. */
test_unexpected:
    movl    $UNEXPECTED, %eax
test_failed:
    movl    %ss:test_stack, %esp
    ret

/* The data segment registers as tests expect them. */
test_reload:
    pushl   %eax
    movl    $SEL_DATA, %eax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %fs
    movw    %ax, %gs
    popl    %eax
    cld
    ret

/* Gate EBX of the IDT: handler EAX, type and DPL in DL, ring 0 code. */
set_gate:
    movw    %ax, idt(, %ebx, 8)
    movw    $SEL_CODE, idt + 2(, %ebx, 8)
    movb    $0, idt + 4(, %ebx, 8)
    movb    %dl, idt + 5(, %ebx, 8)
    pushl   %eax
    shrl    $16, %eax
    movw    %ax, idt + 6(, %ebx, 8)
    popl    %eax
    ret

/* Descriptor EDI := base EAX, limit ECX (bytes, below 64 KB), type byte DL. */
set_descriptor:
    movw    %cx, (%edi)
    movw    %ax, 2(%edi)
    pushl   %eax
    shrl    $16, %eax
    movb    %al, 4(%edi)
    movb    %dl, 5(%edi)
    movb    $0, 6(%edi)
    movb    %ah, 7(%edi)
    popl    %eax
    ret

build_tables:
    /* Identity map of the first 4 MB, open to ring 3; tests narrow single pages. */
    movl    $PAGE_DIR, %edi
    xorl    %eax, %eax
    movl    $1024, %ecx
    rep stosl
    movl    $(PAGE_TABLE | 7), PAGE_DIR
    movl    $PAGE_TABLE, %edi
    movl    $7, %eax
    movl    $1024, %ecx
1:  stosl
    addl    $4096, %eax
    loop    1b

    movl    $tss, %edi
    movl    $((104 + 104) / 4), %ecx    /* both */
    xorl    %eax, %eax
    rep stosl
    movl    $GATE_STACK_TOP, tss + 4    /* ESP0, SS0 */
    movl    $SEL_DATA, tss + 8
    movl    $PAGE_DIR, tss + 28         /* CR3 is read when a task is resumed, but never stored */
    movw    $104, tss + 102             /* no I/O bitmap */
    movl    $tss, %eax
    movl    $103, %ecx
    movb    $0x89, %dl
    movl    $gdt_tss, %edi
    call    set_descriptor
    movl    $task_tss, %eax
    movl    $gdt_task, %edi
    call    set_descriptor
    movl    $TEST_PAGE, %eax
    movl    $15, %ecx
    movb    $0x93, %dl
    movl    $gdt_short, %edi
    call    set_descriptor
    movb    $0x40, gdt_short + 6

    /* Exceptions: 32-bit interrupt gates, those that software may raise from ring 3 with DPL 3. */
    xorl    %ebx, %ebx
    movl    $stub_table, %esi
1:  lodsl
    movb    $0x8e, %dl
    cmpl    $3, %ebx
    je      2f
    cmpl    $4, %ebx
    jne     3f
2:  movb    $0xee, %dl
3:  call    set_gate
    incl    %ebx
    cmpl    $64, %ebx
    jb      1b
    ret

/*
 * One stub per vector, so that a stray interrupt is a failed test and not a crash. Each leaves
 * the vector and an error code, 0 where the processor pushes none, above the frame.
 */
.macro STUB vector
stub_\vector:
    .if \vector != 8 && (\vector < 10 || \vector > 14) && \vector != 17
    pushl   $0
    .endif
    pushl   $\vector
    jmp     fault
    .pushsection .rodata, "a"
    .long   stub_\vector
    .popsection
.endm

    .section .rodata, "a"
    .balign 4
stub_table:
    .text
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    STUB \n
    .endr
    .irp n, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    STUB \n
    .endr
    .irp n, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47
    STUB \n
    .endr
    .irp n, 48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63
    STUB \n
    .endr

/* Keep the frame, drop the stack back to where the test began, go on where the test says. */
fault:
    pushl   %eax
    movl    $SEL_DATA, %eax
    movw    %ax, %ds
    popl    fault_eax
    popl    fault_vector
    popl    fault_error
    popl    fault_eip
    popl    fault_cs
    popl    fault_flags
    testl   $0x20000, fault_flags
    jnz     1f
    testb   $3, fault_cs
    jz      2f
1:  popl    fault_esp
    popl    fault_ss
2:  movl    %cr2, %eax
    movl    %eax, fault_cr2
    movl    $SEL_DATA, %eax
    movw    %ax, %ss
    movl    test_stack, %esp
    call    test_reload
    movl    fault_eax, %eax
    jmp     *fault_resume

    .section .rodata, "a"
    .globl  name_real_mode
name_real_mode: .asciz "real-mode #DE"

    .bss
    .balign 8
tss:            .skip 104
task_tss:       .skip 104
saved_cr0:      .skip 4
test_stack:     .skip 4
fault_resume:   .skip 4
fault_vector:   .skip 4
fault_error:    .skip 4
fault_eip:      .skip 4
fault_cs:       .skip 4
fault_flags:    .skip 4
fault_esp:      .skip 4
fault_ss:       .skip 4
fault_cr2:      .skip 4
fault_eax:      .skip 4
tests_count:    .skip 2
tests_passed:   .skip 2
tests_failed:   .skip 2
tests_skipped:  .skip 2
real_hit:       .skip 2
test_results:   .skip MAX_TESTS
