/* SPDX-License-Identifier: MIT */
/* A DOS extender in the raw, without DPMI or VCPI: to 16-bit and 32-bit protected mode and back thousands of
 * times, hardware interrupts taken there and handed to the real-mode handlers, exceptions caught, paging,
 * 4 GB segments, calls of DOS from 32-bit code.
 *
 * The master 8259 is at 50h meanwhile, so that a vector tells exceptions from IRQs; real mode has the handlers
 * of 08h to 0Fh there, too. */
#include "tests/dos/dos.h"

        SEL_CODE32 = 0x08               /* base: our segment */
        SEL_DATA = 0x10                 /* the same, 64 KB, B = 1 */
        SEL_FLAT = 0x18
        SEL_CODE16 = 0x20
        SEL_DATA16 = 0x28
        SEL_ABSENT = 0x30               /* data, not present */
        SEL_SHORT = 0x38                /* data, limit 0Fh */
        SEL_TSS = 0x40

        .text
main:   smsww   %ax
        testb   $1, %al
        jz      1f
        say     "NOTE in V86 mode: nothing to test here"
        ret
1:      call    set_up
        call    memory_calls
        testl   $-1, memory
        jnz     1f
        ret
1:      call    plain
        call    ticks
        call    exceptions
        call    paging
        call    wide
        call    dos_calls
        call    switches
        jmp     tear_down

set_up: xorl    %eax, %eax
        movw    %cs, %ax
        movw    %ax, real_cs
        shll    $4, %eax
        movl    %eax, base
        movw    $bases, %si
        movw    $5, %cx
1:      movw    (%si), %bx
        movl    base, %eax
        movw    %ax, gdt + 2(%bx)
        shrl    $16, %eax
        movb    %al, gdt + 4(%bx)
        addw    $2, %si
        loop    1b
        movl    base, %eax
        addl    $tss, %eax
        movw    %ax, gdt + SEL_TSS + 2
        shrl    $16, %eax
        movb    %al, gdt + SEL_TSS + 4
        movl    base, %eax
        addl    $gdt, %eax
        movl    %eax, gdtr + 2
        movl    base, %eax
        addl    $idt, %eax
        movl    %eax, idtr + 2
        /* gates: 32-bit interrupt gates to stubs of 16 bytes */
        movw    $idt, %di
        movw    $stubs, %ax
        movw    $0x78, %cx
1:      movw    %ax, (%di)
        movw    $SEL_CODE32, 2(%di)
        movw    $0x8e00, 4(%di)
        movw    $0, 6(%di)
        addw    $8, %di
        addw    $16, %ax
        loop    1b
        cli
        xorw    %ax, %ax
        movw    %ax, %fs
        xorw    %si, %si
1:      movl    %fs:0x140(%si), %eax
        movl    %eax, saved(%si)
        movl    %fs:0x20(%si), %eax
        movl    %eax, %fs:0x140(%si)
        addw    $4, %si
        cmpw    $32, %si
        jb      1b
        sti
        ret
tear_down:
        pushw   %es
        pushw   $0
        popw    %es
        movw    $saved, %si
        movw    $0x140, %di
        movw    $8, %cx
        rep movsl
        popw    %es
        movb    $6, %ah
        lcall   *xms
        jmp     xms_free

/* The master's vectors from AL on; with interrupts off. */
pic_base:
        movb    %al, %ah
        inb     $0x21, %al
        pushw   %ax
        movb    $0x11, %al
        outb    %al, $0x20
        movb    %ah, %al
        outb    %al, $0x21
        movb    $4, %al
        outb    %al, $0x21
        movb    $1, %al
        outb    %al, $0x21
        popw    %ax
        outb    %al, $0x21
        ret

memory_calls:
        movb    $0x88, %ah
        int     $0x15
        movzwl  %ax, %eax
        note    %eax, "int 15h AH=88h, KB above 1 MB left by the XMS driver"
        movw    $0xe801, %ax
        int     $0x15
        is      nc, "int 15h AX=E801h"
        shll    $16, %ebx
        movw    %ax, %bx
        note    %ebx, "64 KB units above 16 MB, KB above 1 MB"
        movl    $1024, %eax
        call    xms_get
        movl    %eax, memory
        testl   %eax, %eax
        is      nz, "1 MB of extended memory"
        movb    $5, %ah
        lcall   *xms
        movzwl  %ax, %eax
        eq      %eax, $1, "A20"
        /* int 15h AH=87h: our 256 words there, and back to another place */
        movw    $pattern, %di
        movw    $256, %cx
        movw    $0x4711, %ax
1:      stosw
        imulw   $25173, %ax, %ax
        addw    $13849, %ax
        loop    1b
        movl    base, %eax
        addl    $pattern, %eax
        movl    memory, %ebx
        call    block_move
        is      nc, "int 15h AH=87h up"
        movl    memory, %eax
        movl    base, %ebx
        addl    $back, %ebx
        call    block_move
        is      nc, "and down"
        movw    $pattern, %si
        movw    $back, %di
        movw    $256, %cx
        repe cmpsw
        is      e, "the same words"
        /* XMS 0Bh: the same to offset 8000h */
        movl    $512, xmove
        movw    $0, xmove + 4
        movw    $pattern, xmove + 6
        movw    %cs, xmove + 8
        movw    xms_handle, %ax
        movw    %ax, xmove + 10
        movl    $0x8000, xmove + 12
        movb    $0x0b, %ah
        movw    $xmove, %si
        lcall   *xms
        movzwl  %ax, %eax
        eq      %eax, $1, "XMS 0Bh: move"
        ret

/* 512 bytes from EAX to EBX. CF. */
block_move:
        movw    %ax, bm + 0x12
        shrl    $16, %eax
        movb    %al, bm + 0x14
        movb    %ah, bm + 0x17
        movw    %bx, bm + 0x1a
        shrl    $16, %ebx
        movb    %bl, bm + 0x1c
        movb    %bh, bm + 0x1f
        movw    $bm, %si
        movw    $256, %cx
        movb    $0x87, %ah
        int     $0x15
        ret

/* ---- the switch. call to_pm, .code32 / call to_real, .code16. Interrupts are off on return; the stack is ours
 * in both. EAX is changed. */
to_pm:  cli
        lgdtl   gdtr
        lidtl   idtr
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmp    $SEL_CODE32, $1f
        .code32
1:      movw    $SEL_DATA, %ax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movzwl  %sp, %esp
        movw    $SEL_FLAT, %ax
        movl    %eax, %fs
        xorl    %eax, %eax
        movl    %eax, %gs
        popw    %ax
        movzwl  %ax, %eax
        jmp     *%eax

to_real:
        cli
        popl    %eax
        pushw   %ax
        ljmp    $SEL_CODE16, $1f
        .code16
1:      movw    $SEL_DATA16, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    %ax, %fs
        movw    %ax, %gs
        movl    %cr0, %eax
        andb    $0xfe, %al
        movl    %eax, %cr0
        ljmp    *1f
        .section .rodata
        .balign 4
1:      .word   2f
real_cs: .word  0
        .text
2:      movw    %cs:real_cs, %ax
        movw    %ax, %ds
        movw    %ax, %es
        movw    %ax, %ss
        movw    %ax, %fs
        movw    %ax, %gs
        lidtl   real_idt
        ret

plain:  call    to_pm
        .code32
        movw    %cs, %ax
        movzwl  %ax, %eax
        movl    %eax, r + 0
        movl    %esp, r + 4
        pushl   $0xcafebabe
        popl    r + 8
        movl    $1000, %ecx             /* a 32-bit loop */
        xorl    %eax, %eax
        movl    $1, %edx
1:      addl    %edx, %eax
        leal    1(%edx,%edx,2), %edx
        roll    $3, %eax
        loop    1b
        movl    %eax, r + 12
        ljmp    $SEL_CODE16, $1f
        .code16
1:      movl    $1000, %ecx             /* the same in 16-bit code of protected mode */
        xorl    %eax, %eax
        movl    $1, %edx
2:      addl    %edx, %eax
        leal    1(%edx,%edx,2), %edx
        roll    $3, %eax
        loopl   2b
        movl    %eax, r + 16
        ljmp    $SEL_CODE32, $1f
        .code32
1:      call    to_real
        .code16
        sti
        movl    $1000, %ecx
        xorl    %eax, %eax
        movl    $1, %edx
2:      addl    %edx, %eax
        leal    1(%edx,%edx,2), %edx
        roll    $3, %eax
        loopl   2b
        eq      r, $SEL_CODE32, "CS in protected mode"
        movzwl  %sp, %ebx
        eq      r+4, %ebx, "ESP"
        eq      r+8, $0xcafebabe, "PUSH and POP of 32 bits"
        eq      r+12, %eax, "a loop in 32-bit code as in real mode"
        eq      r+16, %eax, "in 16-bit code, too"
        ret

/* ---- interrupts: the stub has pushed the vector (and an error code or 0 before). */
        .code32
        .balign 16
stubs:  .set    v, 0
        .rept   0x78
        .balign 16
        .if     !(v == 8 || (v >= 10 && v <= 14) || v == 17)
        pushl   $0
        .endif
        pushl   $v
        jmp     common
        .set    v, v + 1
        .endr

/* Frame: pushal 0, ds 32, vector 36, error 40, EIP 44, CS 48, EFLAGS 52. */
common: pushl   %ds
        pushal
        movw    $SEL_DATA, %ax
        movl    %eax, %ds
        movl    36(%esp), %eax
        cmpl    $0x50, %eax
        jae     irq
        incl    faults
        movl    %eax, fault
        movl    40(%esp), %eax
        movl    %eax, fault + 4
        movl    44(%esp), %eax
        movl    %eax, fault + 8
        movl    52(%esp), %eax
        movl    %eax, fault + 12
        movl    %cr2, %eax
        movl    %eax, fault + 16
        movl    resume, %eax
        testl   %eax, %eax
        jz      1f
        movl    %eax, 44(%esp)
1:      andl    $~0x100, 52(%esp)
        jmp     restore
irq:    incl    irqs - 0x140(,%eax,4)
        cmpl    $0x70, %eax
        jae     2f
        subl    $0x48, %eax             /* 50h is 08h again */
2:      movb    %al, int_number + 1
        /* To real mode and INT there, on the stack as it is. */
        pushl   %es
        pushl   %fs
        call    to_real
        .code16
        pushw   %bp
int_number:
        int     $0
        popw    %bp
        call    to_pm
        .code32
        popl    %fs
        popl    %es
restore: popal
        popl    %ds
        addl    $8, %esp
        iretl
        .code16

/* Ten ticks taken in protected mode: the BIOS' handler counts them, too. */
ticks:  cli
        movb    $0x50, %al
        call    pic_base
        xorw    %ax, %ax
        movw    %ax, %fs
        movl    %fs:0x46c, %eax
        movl    %eax, r
        call    to_pm
        .code32
        movl    $0, irqs
        sti
        xorl    %ebx, %ebx
1:      hlt
        incl    %ebx
        cmpl    $10, irqs
        jb      1b
        cli
        movl    %fs:0x46c, %eax
        subl    r, %eax
        movl    %eax, r + 4
        movl    irqs, %eax
        movl    %eax, r + 8
        /* and in a loop that never halts, whose registers must stay */
        sti
        movl    $0x11111111, %eax
        movl    $0x22222222, %ebx
        movl    $0x33333333, %ecx
        movl    $0x44444444, %edx
        movl    $0x55555555, %esi
        movl    $0x66666666, %edi
        movl    $0x77777777, %ebp
1:      cmpl    $20, irqs
        jb      1b
        cli
        addl    %ebx, %eax
        addl    %ecx, %eax
        addl    %edx, %eax
        addl    %esi, %eax
        addl    %edi, %eax
        addl    %ebp, %eax
        movl    %eax, r + 12
        movw    %ds, %ax
        movzwl  %ax, %eax
        movl    %eax, r + 16
        movw    %fs, %ax
        movzwl  %ax, %eax
        movl    %eax, r + 20
        call    to_real
        .code16
        movb    $8, %al
        call    pic_base
        sti
        eq      r+8, $10, "ten timer interrupts in protected mode"
        eq      r+4, $10, "the BIOS has counted them"
        eq      r+12, $0xdddddddc, "registers behind ten more"
        eq      r+16, $SEL_DATA, "DS"
        eq      r+20, $SEL_FLAT, "FS"
        ret

/* TRY n: the next instruction at local label 1 must fault and go on at 2. */
exceptions:
        call    to_pm
        .code32
        .macro  caught place
        movl    fault, %eax
        shll    $16, %eax
        movw    fault + 4, %ax
        movl    %eax, got + 8*\place
        movl    fault + 8, %eax
        subl    $1b, %eax
        movl    %eax, got + 8*\place + 4
        .endm
        xorl    %edx, %edx
        xorl    %ecx, %ecx
        movl    $2f, resume
1:      divl    %ecx
2:      caught  0
        movl    $2f, resume
1:      ud2
2:      caught  1
        movl    $2f, resume
        movw    $SEL_ABSENT, %ax
1:      movl    %eax, %es
2:      caught  2
        movl    $2f, resume
        movw    $SEL_ABSENT, %ax
1:      movl    %eax, %ss
2:      caught  3
        movl    $2f, resume
        movw    $0x1234, %ax
1:      movl    %eax, %es
2:      caught  4
        movl    $2f, resume
        movw    $SEL_SHORT, %ax
        movl    %eax, %gs
1:      movl    %gs:0xd, %eax
2:      caught  5
        movl    $2f, resume
1:      movl    %eax, %cs:base
2:      caught  6
        movl    $0, resume              /* traps: behind the instruction */
1:      int3
        caught  7
        movl    $2f, resume
        movb    $0x7f, %al
        incb    %al
1:      into
2:      caught  8
        movl    $0, resume
        pushfl
        orl     $0x100, (%esp)
        popfl
1:      nop
        caught  9
        movl    $2f, resume
1:      int     $0x77 + 1               /* behind the IDT's limit */
2:      caught  10
        movl    $2f, resume
        movl    %cr0, %eax
        orl     $8, %eax
        movl    %eax, %cr0
1:      fnop
2:      clts
        caught  11
        movl    faults, %eax
        movl    %eax, r
        call    to_real
        .code16
        sti
        .macro  want place, vec, error, offset, name:vararg
        eq      got+8*\place, $\vec<<16|\error, \name
        eq      got+8*\place+4, $\offset, "its EIP"
        .endm
        want    0, 0, 0, 0, "#DE"
        want    1, 6, 0, 0, "#UD"
        want    2, 11, SEL_ABSENT, 0, "#NP: MOV ES"
        want    3, 12, SEL_ABSENT, 0, "#SS: MOV SS, absent"
        want    4, 13, 0x1234, 0, "#GP: behind the GDT's limit"
        want    5, 13, 0, 0, "#GP: across a segment's limit"
        want    6, 13, 0, 0, "#GP: write through CS"
        want    7, 3, 0, 1, "#BP"
        want    8, 4, 0, 1, "#OF"
        want    9, 1, 0, 1, "#DB: single step"
        want    10, 13, 0x78<<3|2, 0, "#GP: INT behind the IDT's limit"
        want    11, 7, 0, 0, "#NM"
        eq      r, $12, "no other exception"
        ret

/* One page table at memory + 4 KB's next page; the first 4 MB but one page. */
paging: call    to_pm
        .code32
        movl    $0, faults
        movl    memory, %edi
        addl    $0x1fff, %edi
        andl    $~0xfff, %edi           /* directory; behind it the table */
        movl    %edi, %ebx
        movl    $1024, %ecx
        xorl    %eax, %eax
1:      movl    %eax, %fs:(%edi)
        addl    $4, %edi
        loop    1b
        leal    0x1003(%ebx), %eax
        movl    %eax, %fs:(%ebx)
        movl    $3, %eax
1:      movl    %eax, %fs:(%edi)
        addl    $0x1000, %eax
        addl    $4, %edi
        testl   $0x3ff000, %eax
        jnz     1b
        /* linear 3F0000h: absent; 3F1000h: our page behind the table */
        movl    $0, %fs:0x1000+0x3f0*4(%ebx)
        leal    0x2003(%ebx), %eax
        movl    %eax, %fs:0x1000+0x3f1*4(%ebx)
        movl    $0x0badcafe, %fs:0x2ffc(%ebx)
        movl    %ebx, %cr3
        movl    %cr0, %eax
        orl     $0x80000000, %eax
        movl    %eax, %cr0
        jmp     1f
1:      movl    %fs:0x3f1ffc, %eax
        movl    %eax, r
        movl    $0x3f0123, %edx
        movl    $2f, resume
1:      movl    %eax, %fs:(%edx)
2:      caught  0
        movl    fault + 16, %eax
        movl    %eax, r + 4
        leal    0x2003(%ebx), %eax      /* there now: no INVLPG for what was absent */
        movl    %eax, %fs:0x1000+0x3f0*4(%ebx)
        movl    $0x600dcafe, %fs:0x3f0ffc
        movl    %fs:0x3f1ffc, %eax
        movl    %eax, r + 8
        movl    %fs:0x1000+0x3f0*4(%ebx), %eax
        andl    $0x60, %eax
        movl    %eax, r + 12
        movl    faults, %eax
        movl    %eax, r + 16
        movl    %cr0, %eax
        andl    $0x7fffffff, %eax
        movl    %eax, %cr0
        jmp     1f
1:      xorl    %eax, %eax
        movl    %eax, %cr3
        call    to_real
        .code16
        sti
        eq      r, $0x0badcafe, "paging: a page elsewhere"
        want    0, 14, 2, 0, "#PF: write to an absent page"
        eq      r+4, $0x3f0123, "CR2"
        eq      r+8, $0x600dcafe, "the page, when it is there"
        eq      r+12, $0x60, "accessed and dirty"
        eq      r+16, $1, "no other exception"
        ret

wide:   call    to_pm
        .code32
        movl    $0xfffffff0, %esi
        movl    %fs:(%esi), %eax
        movl    %eax, r
        movl    %fs:0xffff0, %eax
        movl    %eax, r + 4
        movl    base, %esi              /* our own data through the flat segment */
        movl    %fs:pattern(%esi), %eax
        movl    %eax, r + 8
        movl    memory, %esi
        movl    %fs:0x8004(%esi), %eax  /* where XMS moved them */
        movl    %eax, r + 12
        movw    $SEL_FLAT, %ax
        movl    %eax, %es
        movl    %eax, %ds
        movl    %fs:(%esi), %edx
        leal    0x10000(%esi), %edi
        movl    $0xa000, %ecx           /* 160 KB of our 1 MB */
        movl    $0x01020304, %eax
        rep stosl
        leal    0x10000(%esi), %edx
        movl    %edx, %esi
        leal    0x40000(%esi), %edi
        movl    $0xa000, %ecx
        rep movsl
        movl    -4(%edi), %ebx
        subl    %edx, %edi
        movw    $SEL_DATA, %ax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %ebx, r + 16
        movl    %edi, r + 20
        call    to_real
        .code16
        sti
        eq      r, r+4, "the ROM at the top of 4 GB"
        eq      r+8, pattern, "our data through the flat segment"
        eq      r+12, pattern+4, "what XMS moved"
        eq      r+16, $0x01020304, "160 KB by REP MOVSD"
        eq      r+20, $0x68000, "EDI"
        ret

/* DOS from 32-bit code, by a switch for each call: a file made, written, read and deleted. */
dos_calls:
        cli
        movb    $0x50, %al
        call    pic_base
        call    to_pm
        .code32
        movb    $0x3c, %ah
        xorl    %ecx, %ecx
        movl    $filename, %edx
        call    dos
        movl    %eax, r
        movl    %eax, %ebx
        movb    $0x40, %ah
        movl    $512, %ecx
        movl    $pattern, %edx
        call    dos
        movl    %eax, r + 4
        movb    $0x3e, %ah
        call    dos
        movl    $0x3d00, %eax
        movl    $filename, %edx
        call    dos
        movl    %eax, %ebx
        movl    $back, %edi
        movl    $128, %ecx
        xorl    %eax, %eax
        rep stosl
        movb    $0x3f, %ah
        movl    $600, %ecx
        movl    $back, %edx
        call    dos
        movl    %eax, r + 8
        movb    $0x3e, %ah
        call    dos
        movl    $pattern, %esi
        movl    $back, %edi
        movl    $128, %ecx
        repe cmpsl
        sete    %al
        movzbl  %al, %eax
        movl    %eax, r + 12
        movb    $0x41, %ah
        movl    $filename, %edx
        call    dos
        movl    dos_flags, %eax
        andl    $1, %eax
        movl    %eax, r + 16
        call    to_real
        .code16
        movb    $8, %al
        call    pic_base
        sti
        movl    r, %eax
        cmpl    $4, %eax
        is      a, "DOS from 32-bit code: a new file"
        eq      r+4, $512, "written"
        eq      r+8, $512, "read"
        eq      r+12, $1, "the same"
        eq      r+16, $0, "deleted"
        ret

        .code32
/* int 21h in real mode with our registers; EAX, zero-extended. Interrupts are on meanwhile. */
dos:    pushal
        movw    %ax, regs
        call    to_real
        .code16
        pushl   %ebx
        pushl   %ecx
        pushl   %edx
        movw    regs, %ax
        sti
        int     $0x21
        pushfw
        popw    dos_flags
        movw    %ax, regs
        popl    %edx
        popl    %ecx
        popl    %ebx
        call    to_pm
        .code32
        popal
        movzwl  regs, %eax
        ret
        .code16

/* 5000 times there and back, with what was in the registers. */
switches:
        movl    $5000, %ecx
        xorl    %ebx, %ebx
1:      call    to_pm
        .code32
        incl    %ebx
        call    to_real
        .code16
        sti
        loopl   1b
        eq      %ebx, $5000, "5000 switches"
        ret

        .section .rodata
progname: .asciz "pmraw"
filename: .asciz "PMRAW.TMP"
        .balign 2
bases:  .word   SEL_CODE32, SEL_DATA, SEL_CODE16, SEL_DATA16, SEL_SHORT
        .data
        .balign 8
gdt:    .quad   0
        .quad   0x00409a000000ffff
        .quad   0x004092000000ffff
        .quad   0x00cf92000000ffff
        .quad   0x00009a000000ffff
        .quad   0x000092000000ffff
        .quad   0x004012000000ffff
        .quad   0x004092000000000f
        .quad   0x0000890000000067
gdt_end:
gdtr:   .word   gdt_end - gdt - 1
        .long   0
idtr:   .word   0x78 * 8 - 1
        .long   0
real_idt: .word 0x3ff
        .long   0
        .balign 4
bm:     .fill   16, 1, 0                /* int 15h AH=87h: source at 10h, destination at 18h */
        .quad   0x00009300000001ff
        .quad   0x00009300000001ff
        .fill   16, 1, 0
        .bss
        .balign 8
idt:    .skip   0x78 * 8
tss:    .skip   104
memory: .skip   4
base:   .skip   4
resume: .skip   4
faults: .skip   4
fault:  .skip   20                      /* vector, error code, EIP, EFLAGS, CR2 */
irqs:   .skip   0x28 * 4                /* from vector 50h on */
r:      .skip   32
got:    .skip   8 * 16
regs:   .skip   4
dos_flags: .skip 4
xmove:  .skip   16
saved:  .skip   32
pattern: .skip  512
back:   .skip   608
