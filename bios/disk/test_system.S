/* SPDX-License-Identifier: MIT */
/*
 * Self-tests of protection: gates, exceptions with their exact frames, paging, rings, V86, tasks.
 */
    .include "defs.inc"
    .include "selftest.inc"

/* ---- gates ---- */

TEST gates, "int/iret gates"
    movl    $0x30, %ebx
    movl    $gate_plain, %eax
    movb    $0x8e, %dl                  /* interrupt gate */
    call    set_gate
    incl    %ebx
    movb    $0x8f, %dl                  /* trap gate */
    call    set_gate
    /* The timer must not come while IF is set: mask the PICs. */
    inb     $0x21, %al
    movb    %al, %bl
    inb     $0xa1, %al
    movb    %al, %bh
    movb    $0xff, %al
    outb    %al, $0x21
    outb    %al, $0xa1
    movl    %esp, %esi
    pushl   $(CF|0x202)
    popfl
    int     $0x30
gate_after:
    pushfl
    popl    %ebp
    movl    %edx, %edi                  /* flags inside */
    pushl   $(ZF|0x202)
    popfl
    int     $0x31
    pushl   $2
    popfl
    movb    %bl, %al
    outb    %al, $0x21
    movb    %bh, %al
    outb    %al, $0xa1
    cmpl    %esi, %esp
    NEED    e
    andl    $0xcd7, %edi
    cmpl    $(CF|2), %edi               /* IF is clear inside an interrupt gate, CF kept */
    NEED    e
    andl    $0x200, %edx
    cmpl    $0x200, %edx                /* and set inside a trap gate */
    NEED    e
    andl    $0xed7, %ebp
    cmpl    $(CF|0x202), %ebp           /* IRET restores */
    NEED    e
    cmpl    $gate_after, gate_eip
    NEED    e
    PASS
gate_plain:
    pushfl
    popl    %edx
    cmpl    $gate_after, (%esp)
    jne     1f
    movl    $gate_after, gate_eip
1:  iretl

TEST de, "#DE divide"
    xorl    %ecx, %ecx
    movl    $1, %eax
    movl    $2, %edx
    CATCH   1f
de_zero:
    divl    %ecx
1:  CAUGHT  0, 0, de_zero
    cmpl    $1, %eax
    NEED    e
    cmpl    $2, %edx                    /* nothing changed */
    NEED    e
    cmpl    $SEL_CODE, fault_cs
    NEED    e
    movl    $2, %ecx
    CATCH   1f
de_overflow:
    divl    %ecx                        /* 2:1 / 2 needs 33 bits */
1:  CAUGHT  0, 0, de_overflow
    movl    $0x80000000, %eax
    cltd
    movl    $-1, %ecx
    CATCH   1f
de_signed:
    idivl   %ecx
1:  CAUGHT  0, 0, de_signed
    movw    $0x80, %ax                  /* +128 fits no signed byte */
    movb    $1, %cl
    CATCH   1f
de_byte:
    idivb   %cl
1:  CAUGHT  0, 0, de_byte
    movb    $7, %al
    CATCH   1f
de_aam:
    aam     $0
1:  CAUGHT  0, 0, de_aam
    PASS

TEST ud, "#UD opcodes"
    CATCH   1f
ud_two:
    ud2
1:  CAUGHT  6, 0, ud_two
    CATCH   1f
ud_lock:
    .byte   0xf0, 0x90                  /* LOCK NOP */
1:  CAUGHT  6, 0, ud_lock
    CATCH   1f
ud_register:
    .byte   0xf0, 0x01, 0xc0            /* LOCK ADD EAX, EAX: no memory operand */
1:  CAUGHT  6, 0, ud_register
    CATCH   1f
ud_lea:
    .byte   0x8d, 0xc0                  /* LEA EAX, EAX */
1:  CAUGHT  6, 0, ud_lea
    CATCH   1f
ud_cs:
    .byte   0x8e, 0xc8                  /* MOV CS, AX */
1:  CAUGHT  6, 0, ud_cs
    PASS

TEST gp, "#GP segments"
    movl    $SEL_BEYOND, %ecx
    CATCH   1f
gp_beyond:
    movw    %cx, %es
1:  CAUGHT  13, SEL_BEYOND, gp_beyond
    movl    $(SEL_BEYOND | 7), %ecx     /* the LDT is empty: TI is part of the error, RPL isn't */
    CATCH   1f
gp_ldt:
    movw    %cx, %fs
1:  CAUGHT  13, (SEL_BEYOND|4), gp_ldt
    CATCH   1f
gp_null:
    ljmp    $0, $gp_null
1:  CAUGHT  13, 0, gp_null
    movl    $SEL_CODE, %ecx             /* SS must be writable data */
    CATCH   1f
gp_ss:
    movw    %cx, %ss
1:  CAUGHT  13, SEL_CODE, gp_ss
    PASS

TEST np, "#NP and #SS"
    movl    $SEL_ABSENT, %ecx
    CATCH   1f
np_data:
    movw    %cx, %gs
1:  CAUGHT  11, SEL_ABSENT, np_data
    CATCH   1f
np_stack:
    movw    %cx, %ss
1:  CAUGHT  12, SEL_ABSENT, np_stack
    PASS

TEST limits, "segment limits"
    xorl    %ecx, %ecx
    movw    %cx, %es                    /* loading null is fine, using it is not */
    CATCH   1f
gp_use:
    movb    %es:(%ecx), %al
1:  CAUGHT  13, 0, gp_use
    CATCH   1f
gp_write:
    movb    %al, %cs:TEST_PAGE          /* code segments are never writable */
1:  CAUGHT  13, 0, gp_write
    movl    $SEL_SHORT, %ecx
    movw    %cx, %es
    movl    $0x12345678, TEST_PAGE + 12
    cmpl    $0x12345678, %es:12         /* the last dword inside 16 bytes */
    NEED    e
    CATCH   1f
gp_limit:
    movl    %es:13, %eax
1:  CAUGHT  13, 0, gp_limit
    movl    $SEL_DOWN, %ecx
    movw    %cx, %es
    movb    %es:0x1000, %al             /* expand-down: valid from limit + 1 up */
    CATCH   1f
gp_down:
    movb    %es:0xfff, %al
1:  CAUGHT  13, 0, gp_down
    /* A stack access beyond the limit. The stack itself must stay good to take the exception on:
       in an expand-down segment it lies above the forbidden part. */
    movl    $SEL_DOWN, %ecx
    movl    $0xffd, %ebp
    movw    %cx, %ss
    CATCH   1f
ss_limit:
    movl    (%ebp), %eax
1:  CAUGHT  12, 0, ss_limit
    movl    $0x1000, %ebp
    movw    %cx, %ss
    movl    (%ebp), %eax
    movl    $SEL_DATA, %eax
    movw    %ax, %ss
    PASS

TEST soft, "#BP #OF #BR"
    CATCH   1f
    int3
bp_next:
    nop
1:  CAUGHT  3, 0, bp_next               /* traps: the address is the next instruction's */
    movb    $0x7f, %al
    addb    $1, %al
    CATCH   1f
    into
of_next:
    nop
1:  CAUGHT  4, 0, of_next
    xorl    %eax, %eax
    into                                /* no overflow, no trap */
    movl    $-5, TEST_PAGE
    movl    $5, TEST_PAGE + 4
    movl    $5, %eax
    bound   %eax, TEST_PAGE
    movl    $-6, %eax
    CATCH   1f
br_at:
    bound   %eax, TEST_PAGE
1:  CAUGHT  5, 0, br_at
    PASS

TEST step, "#DB single step"
    xorl    %eax, %eax
    movl    %eax, %dr6
    CATCH   1f
    pushl   $0x102
    popfl                               /* TF: traps after the next instruction */
    incl    %eax
step_next:
    incl    %eax
1:  CAUGHT  1, 0, step_next
    cmpl    $1, %eax
    NEED    e
    movl    %dr6, %eax
    testl   $0x4000, %eax               /* BS */
    NEED    nz
    testl   $0x100, fault_flags         /* TF is in the frame */
    NEED    nz
    PASS

TEST breakpoints, "#DB breakpoints"
    xorl    %eax, %eax
    movl    %eax, %dr6
    movl    $break_at, %eax
    movl    %eax, %dr0
    movl    $TEST_PAGE, %eax
    movl    %eax, %dr1
    movl    $0x00d00302, %eax           /* G0: execute; LE, GE; DR1: write, 4 bytes, not yet on */
    movl    %eax, %dr7
    xorl    %ecx, %ecx
    CATCH   1f
break_at:
    incl    %ecx
    jmp     1f
1:  xorl    %eax, %eax
    movl    %dr7, %edx
    movl    %eax, %dr7
    CAUGHT  1, 0, break_at              /* a fault: before the instruction */
    cmpl    $0, %ecx
    NEED    e
    movl    %dr6, %eax
    andl    $0x400f, %eax
    cmpl    $1, %eax
    NEED    e
    xorl    %eax, %eax
    movl    %eax, %dr6
    movl    $0x00d00308, %eax           /* G1: data writes */
    movl    %eax, %dr7
    movl    TEST_PAGE, %ecx             /* a read does not count */
    CATCH   1f
    movb    $1, TEST_PAGE + 2
watch_next:
    nop
1:  xorl    %eax, %eax
    movl    %eax, %dr7
    CAUGHT  1, 0, watch_next            /* a trap: after it */
    movl    %dr6, %eax
    andl    $0x400f, %eax
    cmpl    $2, %eax
    NEED    e
    PASS

/* ---- paging ---- */

    .set    TEST_PTE, PAGE_TABLE + 4 * (TEST_PAGE >> 12)
    .set    OTHER_PTE, PAGE_TABLE + 4 * (OTHER_PAGE >> 12)

TEST pf, "#PF error codes"
    movl    $TEST_PAGE, TEST_PTE        /* not present */
    FLUSH_TLB
    CATCH   1f
pf_read:
    movl    TEST_PAGE + 4, %eax
1:  CAUGHT  14, 0, pf_read
    cmpl    $TEST_PAGE + 4, fault_cr2
    NEED    e
    CATCH   1f
pf_write:
    movb    $1, TEST_PAGE + 0xfff
1:  CAUGHT  14, 2, pf_write
    cmpl    $TEST_PAGE + 0xfff, fault_cr2
    NEED    e
    /* An operand across two pages faults for the second, and the first is not written. */
    movl    $0, TEST_PAGE - 4
    CATCH   1f
pf_split:
    movl    $-1, TEST_PAGE - 2
1:  CAUGHT  14, 2, pf_split
    cmpl    $TEST_PAGE, fault_cr2
    NEED    e
    cmpl    $0, TEST_PAGE - 4
    NEED    e
    /* Read-modify-write reports the write. */
    movl    $TEST_PAGE + 0x800, %eax
    CATCH   1f
pf_rmw:
    incl    (%eax)
1:  CAUGHT  14, 2, pf_rmw
    cmpl    $TEST_PAGE + 0x800, %eax
    NEED    e
    /* REP MOVS stops in the middle with the registers at the element that faulted. */
    movl    $OTHER_PAGE, %esi
    movl    $TEST_PAGE - 8, %edi
    movl    $4, %ecx
    CATCH   1f
pf_rep:
    rep movsl
1:  CAUGHT  14, 2, pf_rep
    cmpl    $2, %ecx
    NEED    e
    cmpl    $TEST_PAGE, %edi
    NEED    e
    cmpl    $OTHER_PAGE + 8, %esi
    NEED    e
    /* Executing there. */
    CATCH   1f
    movl    $TEST_PAGE, %eax
    jmp     *%eax
1:  CAUGHT  14, 0, TEST_PAGE
    movl    $(TEST_PAGE | 7), TEST_PTE
    /* A whole directory entry that is absent. */
    CATCH   1f
pf_dir:
    movl    0x40000000, %eax
1:  CAUGHT  14, 0, pf_dir
    cmpl    $0x40000000, fault_cr2
    NEED    e
    PASS

TEST wp, "CR0.WP"
    movl    $(TEST_PAGE | 5), TEST_PTE  /* read-only */
    FLUSH_TLB
    movl    $1, TEST_PAGE               /* ring 0 may, while WP is clear */
    cmpb    $4, cpu_kind
    jae     1f
    movl    $(TEST_PAGE | 7), TEST_PTE
    SKIP                                /* the 386 has no WP */
1:  movl    %cr0, %eax
    orl     $0x10000, %eax
    movl    %eax, %cr0
    CATCH   1f
wp_write:
    movl    $2, TEST_PAGE
1:  movl    %cr0, %eax
    andl    $~0x10000, %eax
    movl    %eax, %cr0
    movl    TEST_PAGE, %ecx
    movl    $(TEST_PAGE | 7), TEST_PTE
    FLUSH_TLB
    CAUGHT  14, 3, wp_write
    cmpl    $1, %ecx
    NEED    e
    PASS

TEST dirty, "accessed/dirty"
    movl    $(PAGE_TABLE | 7), PAGE_DIR
    movl    $(TEST_PAGE | 7), TEST_PTE
    FLUSH_TLB
    movl    TEST_PAGE, %eax
    cmpl    $(TEST_PAGE | 0x27), TEST_PTE
    NEED    e
    testl   $0x20, PAGE_DIR
    NEED    nz
    movl    $0, TEST_PAGE
    cmpl    $(TEST_PAGE | 0x67), TEST_PTE
    NEED    e
    testl   $0x40, PAGE_DIR             /* a directory entry never becomes dirty */
    NEED    z
    PASS

TEST remap, "remap and INVLPG"
    movl    $0x11111111, TEST_PAGE
    movl    $0x22222222, OTHER_PAGE
    movl    $(OTHER_PAGE | 7), TEST_PTE
    cmpb    $4, cpu_kind
    jae     1f
    FLUSH_TLB
    jmp     2f
1:  invlpg  TEST_PAGE
2:  movl    TEST_PAGE, %ecx
    movl    $0x33333333, TEST_PAGE
    movl    OTHER_PAGE, %edx
    movl    $(TEST_PAGE | 7), TEST_PTE
    FLUSH_TLB
    cmpl    $0x22222222, %ecx
    NEED    e
    cmpl    $0x33333333, %edx
    NEED    e
    cmpl    $0x11111111, TEST_PAGE
    NEED    e
    /* Code that is changed runs changed. */
    movl    $0xc3000000, TEST_PAGE + 2
    movl    $0x000001b8, TEST_PAGE      /* MOV EAX, 1; RET */
    movl    $0xc3000000, TEST_PAGE + 2
    movl    $TEST_PAGE, %ebx
    call    *%ebx
    movb    $2, TEST_PAGE + 1
    call    *%ebx
    cmpl    $2, %eax
    NEED    e
    PASS

TEST pse, "4 MB pages"
    testl   $FEAT_PSE, cpu_edx
    jnz     1f
    SKIP
1:  movl    %cr4, %ebx
    movl    %ebx, %eax
    orl     $0x10, %eax
    movl    %eax, %cr4
    movl    $0x87, PAGE_DIR + 8         /* 800000h: physical 0 again */
    FLUSH_TLB
    movl    $0x600df00d, TEST_PAGE
    movl    0x800000 + TEST_PAGE, %ecx
    movl    $0x5a5a5a5a, 0x800000 + TEST_PAGE
    movl    TEST_PAGE, %edx
    movl    PAGE_DIR + 8, %esi
    movl    $0, PAGE_DIR + 8
    movl    %ebx, %cr4
    FLUSH_TLB
    cmpl    $0x600df00d, %ecx
    NEED    e
    cmpl    $0x5a5a5a5a, %edx
    NEED    e
    cmpl    $0xe7, %esi                 /* accessed and dirty in the directory entry itself */
    NEED    e
    PASS

/* ---- rings ---- */

TEST ring3, "ring 3"
    CATCH   1f
    TO_RING3 user_cli
user_cli:
    movw    %cs, %cx
user_cli_at:
    cli
1:  CAUGHT  13, 0, user_cli_at
    cmpw    $SEL_USER_CODE, %cx
    NEED    e
    cmpl    $SEL_USER_CODE, fault_cs
    NEED    e
    cmpl    $SEL_USER_DATA, fault_ss    /* the outer stack is in the frame */
    NEED    e
    cmpl    $USER_STACK_TOP, fault_esp
    NEED    e
    CATCH   1f
    TO_RING3 user_hlt
user_hlt:
    hlt
1:  CAUGHT  13, 0, user_hlt
    CATCH   1f
    TO_RING3 user_in
user_in:
    inb     $0x61, %al                  /* no I/O bitmap, IOPL 0 */
1:  CAUGHT  13, 0, user_in
    CATCH   1f
    TO_RING3 user_cr0
user_cr0:
    movl    %cr0, %eax
1:  CAUGHT  13, 0, user_cr0
    /* A gate of DPL 0 refuses a software INT from ring 3: vector * 8 + 2. */
    CATCH   1f
    TO_RING3 user_int
user_int:
    int     $0x35
1:  CAUGHT  13, (0x35*8+2), user_int
    /* IOPL 3 allows CLI and IN; POPF cannot change IOPL. */
    CATCH   1f
    TO_RING3 user_iopl, 0x3002
user_iopl:
    cli
    inb     $0x61, %al
    pushl   $2
    popfl
    pushfl
    popl    %ecx
    int3
user_iopl_end:
1:  CAUGHT  3, 0, user_iopl_end
    andl    $0x3000, %ecx
    cmpl    $0x3000, %ecx
    NEED    e
    PASS

TEST upages, "ring 3 #PF"
    movl    $(TEST_PAGE | 3), TEST_PTE  /* supervisor */
    movl    $(OTHER_PAGE | 5), OTHER_PTE /* read-only */
    FLUSH_TLB
    CATCH   1f
    TO_RING3 upage_read
upage_read:
    movl    TEST_PAGE, %eax
1:  CAUGHT  14, 5, upage_read
    cmpl    $TEST_PAGE, fault_cr2
    NEED    e
    CATCH   1f
    TO_RING3 upage_write
upage_write:
    movl    %eax, OTHER_PAGE + 8
1:  CAUGHT  14, 7, upage_write
    cmpl    $OTHER_PAGE + 8, fault_cr2
    NEED    e
    movl    $TEST_PAGE, TEST_PTE
    FLUSH_TLB
    CATCH   1f
    TO_RING3 upage_absent
upage_absent:
    movl    %eax, TEST_PAGE
1:  movl    $(TEST_PAGE | 7), TEST_PTE
    movl    $(OTHER_PAGE | 7), OTHER_PTE
    FLUSH_TLB
    CAUGHT  14, 6, upage_absent
    PASS

TEST callgate, "call gate"
    /* From ring 3 with two parameters, which the gate copies to the ring 0 stack. */
    movl    $callgate_entry, %eax
    movw    %ax, gdt_gate
    movw    $SEL_CODE, gdt_gate + 2
    movw    $0xec02, gdt_gate + 4
    shrl    $16, %eax
    movw    %ax, gdt_gate + 6
    CATCH   1f
    TO_RING3 callgate_user
callgate_user:
    pushl   $0x1111
    pushl   $0x2222
    lcall   $SEL_GATE, $0
    movl    %esp, %edi
    int3
callgate_end:
1:  CAUGHT  3, 0, callgate_end
    cmpl    $(GATE_STACK_TOP - 24), %esi
    NEED    e
    cmpl    $0x2222, %ebx
    NEED    e
    cmpl    $0x1111, %ecx
    NEED    e
    cmpl    $SEL_CODE, %edx
    NEED    e
    cmpl    $USER_STACK_TOP, %edi       /* RET 8 released them on both stacks */
    NEED    e
    PASS
callgate_entry:
    movl    %esp, %esi
    movl    8(%esp), %ebx
    movl    12(%esp), %ecx
    movl    %cs, %edx
    lret    $8

TEST task, "task switch"
    movl    $task_entry, task_tss + 32
    movl    $0x82, task_tss + 36        /* SF */
    movl    $TASK_STACK_TOP, task_tss + 56
    movl    $PAGE_DIR, task_tss + 28
    movl    $SEL_DATA, task_tss + 72    /* ES */
    movl    $SEL_CODE, task_tss + 76
    movl    $SEL_DATA, task_tss + 80
    movl    $SEL_DATA, task_tss + 84
    movl    $0xabcd, task_tss + 40      /* EAX */
    movl    $0, task_seen
    clts
    movl    $0x1234, %eax
    lcall   $SEL_TASK, $0
task_back:
    movl    %cr0, %ecx
    clts
    cmpl    $0x1234, %eax
    NEED    e
    testb   $8, %cl                     /* TS */
    NEED    nz
    cmpl    $0xabcd, task_seen
    NEED    e
    cmpw    $SEL_TSS, task_tss          /* back link */
    NEED    e
    cmpl    $task_back, tss + 32
    NEED    e
    cmpb    $0x89, gdt_task + 5         /* IRET made it available again */
    NEED    e
    cmpb    $0x8b, gdt_tss + 5
    NEED    e
    movl    task_flags, %eax
    andl    $0x40c0, %eax
    cmpl    $0x4080, %eax               /* NT, and SF from the TSS */
    NEED    e
    pushfl
    popl    %eax
    testl   $0x4000, %eax
    NEED    z
    PASS
task_entry:
    pushfl
    popl    task_flags
    movl    %eax, task_seen
    iretl

TEST v86, "virtual 8086"
    movl    $0, TEST_PAGE
    CATCH   1f
    pushl   $0                          /* GS FS DS ES SS ESP EFLAGS CS EIP */
    pushl   $0
    pushl   $(TEST_PAGE >> 4)
    pushl   $0
    pushl   $((USER_STACK_TOP - 0x1000) >> 4)
    pushl   $0x1000
    pushl   $0x20002                    /* VM, IOPL 0 */
    pushl   $0
    pushl   $v86_code
    iretl
    .code16
v86_code:
    movw    $0x1234, %ax
    movw    %ax, 4                      /* DS * 16 + 4 */
    movw    %ss, %bx
    pushw   %ax
    popw    %cx
    movw    %sp, %dx
v86_cli:
    cli
    .code32
1:  CAUGHT  13, 0, v86_cli
    testl   $0x20000, fault_flags
    NEED    nz
    cmpl    $0, fault_cs
    NEED    e
    cmpw    $0x1234, TEST_PAGE + 4
    NEED    e
    cmpw    $0x1234, %cx
    NEED    e
    cmpw    $0x1000, %dx
    NEED    e
    cmpw    $((USER_STACK_TOP - 0x1000) >> 4), fault_ss
    NEED    e
    PASS

    .bss
    .balign 4
gate_eip:   .skip 4
task_seen:  .skip 4
task_flags: .skip 4
