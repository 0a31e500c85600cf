/* SPDX-License-Identifier: MIT */
/* A VCPI client, as DOS extenders are one: all calls from V86 mode; into 32-bit protected mode by DE0Ch with page
 * tables of its own and back; the calls that exist there; exceptions and hardware interrupts there, these handed
 * to the V86 mode handlers. The server is VM386 here; the calls are those of EMM386. */
#include "tests/dos/dos.h"

        SEL_SERVER = 0x08               /* three descriptors */
        SEL_CODE = 0x20
        SEL_DATA = 0x28
        SEL_FLAT = 0x30
        SEL_TSS = 0x38

        .text
main:   pushw   $0                      /* a client looks at the vector first */
        popw    %fs
        cmpl    $0, %fs:0x67*4
        is      ne, "there is an interrupt 67h"
        movw    $0xde00, %ax
        int     $0x67
        movzbl  %ah, %eax
        eq      %eax, $0, "DE00h: VCPI is there"
        testb   %al, %al
        jz      1f
        ret
1:      eqw     %bx, $0x0100, "version 1.0"
        call    calls
        call    set_up
        call    enter_once
        call    inside
        call    faults
        call    irqs
        call    often
        ret

calls:  movw    $0xde02, %ax
        int     $0x67
        movzbl  %ah, %eax
        eq      %eax, $0, "DE02h: highest page"
        movl    %edx, highest
        movl    %edx, %eax
        andl    $0xfff, %eax
        eq      %eax, $0, "is a page"
        movw    $0xde03, %ax
        int     $0x67
        movl    %edx, free
        cmpl    $64, %edx
        is      ae, "DE03h: 64 pages or more are free"
        movw    $0xde04, %ax
        int     $0x67
        movzbl  %ah, %eax
        eq      %eax, $0, "DE04h: a page"
        movl    %edx, %esi
        movl    %edx, %eax
        andl    $0xfff, %eax
        eq      %eax, $0, "its address"
        cmpl    $0x110000, %esi
        is      ae, "is above the HMA"
        cmpl    highest, %esi
        is      be, "and not above the highest"
        movw    $0xde04, %ax
        int     $0x67
        movl    %edx, %edi
        cmpl    %esi, %edi
        is      ne, "the next is another"
        movw    $0xde03, %ax
        int     $0x67
        addl    $2, %edx
        eq      %edx, free, "two less are free"
        movl    %esi, %edx
        movw    $0xde05, %ax
        int     $0x67
        movzbl  %ah, %eax
        eq      %eax, $0, "DE05h: given back"
        movl    %edi, %edx
        movw    $0xde05, %ax
        int     $0x67
        movl    %edi, %edx
        movw    $0xde05, %ax
        int     $0x67
        movzbl  %ah, %eax
        eq      %eax, $0x8a, "not twice"
        movw    $0xde03, %ax
        int     $0x67
        eq      %edx, free, "as many as before"
        movw    $0xb8, %cx
        movw    $0xde06, %ax
        int     $0x67
        eq      %edx, $0xb8000, "DE06h: the screen is where it is"
        movw    $0x1000, %cx
        movw    $0xde06, %ax
        int     $0x67
        movzbl  %ah, %eax
        eq      %eax, $0x8b, "only the first megabyte"
        movw    $0xde07, %ax
        int     $0x67
        andl    $0x80000001, %ebx
        eq      %ebx, $0x80000001, "DE07h: CR0"
        movw    $debug, %di
        movl    $0x1234, (%di)
        movl    $0x567890, 12(%di)
        movl    $0xffff0ff0, 24(%di)
        movl    $0x400, 28(%di)
        movw    $0xde09, %ax
        int     $0x67
        xorl    %eax, %eax
        movl    %eax, (%di)
        movl    %eax, 12(%di)
        movw    $0xde08, %ax
        int     $0x67
        eq      debug, $0x1234, "DE09h, DE08h: DR0"
        eq      debug+12, $0x567890, "DR3"
        movw    $0xde0a, %ax
        int     $0x67
        movw    %bx, pic
        movw    %cx, pic + 2
        movzwl  %bx, %ebx
        note    %ebx, "DE0Ah: the master 8259"
        eqw     pic+2, $0x70, "the slave"
        movw    $0xde0d, %ax
        int     $0x67
        movzbl  %ah, %eax
        eq      %eax, $0x8f, "there is no DE0Dh"
        ret

set_up: xorl    %eax, %eax
        movw    %cs, %ax
        movw    %ax, our_cs
        shll    $4, %eax
        movl    %eax, base
        movw    %ax, gdt + SEL_CODE + 2
        movw    %ax, gdt + SEL_DATA + 2
        shrl    $16, %eax
        movb    %al, gdt + SEL_CODE + 4
        movb    %al, gdt + SEL_DATA + 4
        movl    base, %eax
        addl    $tss, %eax
        movw    %ax, gdt + SEL_TSS + 2
        shrl    $16, %eax
        movb    %al, gdt + SEL_TSS + 4
        movw    $idt, %di
        movw    $stubs, %ax
        movw    $0x78, %cx
1:      movw    %ax, (%di)
        movw    $SEL_CODE, 2(%di)
        movw    $0x8e00, 4(%di)
        addw    $8, %di
        addw    $16, %ax
        loop    1b
        /* directory, table of the first 4 MB, table of the next: the first page boundary in `room` */
        movl    base, %eax
        addl    $room + 0xfff, %eax
        andl    $~0xfff, %eax
        movl    %eax, cr3_value
        subl    base, %eax
        movw    %ax, tables             /* the directory's offset */
        movw    %ax, %di
        pushw   %di
        movw    $3 * 1024, %cx
        xorl    %eax, %eax
        rep stosl
        popw    %di
        movl    cr3_value, %eax
        addl    $0x1007, %eax
        movl    %eax, (%di)
        addl    $0x1000, %eax
        movl    %eax, 4(%di)
        addw    $0x1000, %di
        movw    $gdt + SEL_SERVER, %si
        movw    $0xde01, %ax
        int     $0x67
        movl    %ebx, server
        movzbl  %ah, %eax
        eq      %eax, $0, "DE01h: interface"
        movw    tables, %ax
        addw    $0x1000, %ax
        subw    %ax, %di
        shrw    $2, %di
        movzwl  %di, %edi
        note    %edi, "pages that the server shares"
        cmpl    $0x100, %edi
        is      ae, "1 MB or more"
        /* what a page of ours is: where the server says */
        movl    cr3_value, %ecx
        shrl    $12, %ecx
        movw    $0xde06, %ax
        int     $0x67
        eq      %edx, cr3_value, "our directory's address"
        movl    base, %eax
        leal    gdt(%eax), %ebx
        movl    %ebx, gdtr + 2
        leal    idt(%eax), %ebx
        movl    %ebx, idtr + 2
        leal    gdtr(%eax), %ebx
        movl    %ebx, table_gdtr
        leal    idtr(%eax), %ebx
        movl    %ebx, table_idtr
        ret

/* call to_pm / .code32 ... call to_v86: the code goes on in the other mode; interrupts are off then. EAX and ESI
 * are changed. */
to_pm:  cli
        popw    go_on
        movw    %sp, saved_sp
        movl    $1f, switch_eip
        movl    base, %esi
        addl    $switch, %esi
        movw    $0xde0c, %ax
        int     $0x67
        .code32
1:      movw    $SEL_DATA, %ax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movzwl  saved_sp, %esp
        movw    $SEL_FLAT, %ax
        movl    %eax, %fs
        movl    %eax, %gs
        movzwl  go_on, %eax
        jmp     *%eax

to_v86: cli
        popl    %eax
        movl    %esp, %esi
        pushl   our_cs                  /* GS FS DS ES SS */
        pushl   our_cs
        pushl   our_cs
        pushl   our_cs
        pushl   our_cs
        pushl   %esi
        pushl   $0
        pushl   our_cs
        pushl   %eax
        movw    $0xde0c, %ax
        lcall   *server
        .code16

enter_once:
        movl    $0, %ebx
        movl    $0x01020304, %ecx
        movl    $0x11121314, %edx
        movl    $0x21222324, %edi
        movl    $0x31323334, %ebp
        call    to_pm
        .code32
        movl    %ecx, r
        movl    %edx, r + 4
        movl    %edi, r + 8
        movl    %ebp, r + 12
        movw    %cs, %ax
        movzwl  %ax, %eax
        movl    %eax, r + 16
        movl    %cr3, %eax
        movl    %eax, r + 20
        strw    %ax
        movzwl  %ax, %eax
        movl    %eax, r + 24
        pushfl
        popl    r + 28
        call    to_v86
        .code16
        pushfw
        popw    %ax
        sti
        movzwl  %ax, %eax
        andl    $0x200, %eax
        eq      %eax, $0, "back, with interrupts off"
        eq      r, $0x01020304, "DE0Ch keeps ECX"
        eq      r+4, $0x11121314, "EDX"
        eq      r+8, $0x21222324, "EDI"
        eq      r+12, $0x31323334, "EBP"
        eq      r+16, $SEL_CODE, "CS is ours"
        eq      r+20, cr3_value, "CR3, too"
        eq      r+24, $SEL_TSS, "and TR"
        movl    r + 28, %eax
        andl    $0x20200, %eax
        eq      %eax, $0, "protected mode with interrupts off"
        smsww   %ax
        testb   $1, %al
        is      nz, "and here is V86 mode"
        ret

/* DE03h to DE05h by a far call; a page of the server's at 4 MB. */
inside: call    to_pm
        .code32
        movw    $0xde03, %ax
        lcall   *server
        movl    %edx, r
        movw    $0xde04, %ax
        lcall   *server
        movzbl  %ah, %eax
        movl    %eax, r + 4
        movl    %edx, page
        movzwl  tables, %edi
        orl     $7, %edx
        movl    %edx, 0x2000(%edi)
        movl    %cr3, %eax
        movl    %eax, %cr3
        movl    $0x400000, %edi
        movl    $0xfeedface, %fs:0xffc(%edi)
        movl    %fs:0xffc(%edi), %eax
        movl    %eax, r + 8
        movw    $0xde03, %ax
        lcall   *server
        movl    %edx, r + 12
        movl    page, %edx
        movw    $0xde05, %ax
        lcall   *server
        movzbl  %ah, %eax
        movl    %eax, r + 16
        movl    page, %edx
        movw    $0xde05, %ax
        lcall   *server
        movzbl  %ah, %eax
        movl    %eax, r + 20
        movw    $0xde0d, %ax
        lcall   *server
        movzbl  %ah, %eax
        movl    %eax, r + 24
        movw    %ds, %ax
        movzwl  %ax, %eax
        movl    %eax, r + 28
        call    to_v86
        .code16
        sti
        eq      r, free, "DE03h in protected mode"
        eq      r+4, $0, "DE04h there"
        eq      r+8, $0xfeedface, "its page, mapped at 4 MB"
        movl    free, %eax
        decl    %eax
        eq      r+12, %eax, "one less"
        eq      r+16, $0, "DE05h there"
        eq      r+20, $0x8a, "not twice"
        eq      r+24, $0x8f, "no DE0Dh"
        eq      r+28, $SEL_DATA, "DS is kept"
        ret

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

/* Frame: PUSHAL 0, ES, DS, FS, GS 32 to 44, vector 48, error code 52, EIP 56. */
common: pushl   %gs
        pushl   %fs
        pushl   %ds
        pushl   %es
        pushal
        movw    $SEL_DATA, %ax
        movl    %eax, %ds
        movl    48(%esp), %eax
        cmpl    $0x50, %eax
        jae     irq
        movl    %eax, fault
        movl    52(%esp), %eax
        movl    %eax, fault + 4
        movl    56(%esp), %eax
        movl    %eax, fault + 8
        movl    %cr2, %eax
        movl    %eax, fault + 12
        incl    fault + 16
        movl    resume, %eax
        movl    %eax, 56(%esp)
restore:
        popal
        popl    %es
        popl    %ds
        popl    %fs
        popl    %gs
        addl    $8, %esp
        iretl

/* To the V86 mode handler of the same IRQ, on this stack, and back. */
irq:    incl    irq_count
        subl    $0x48, %eax
        cmpl    $0x28, %eax
        jb      1f
        addl    $0x48, %eax
1:      movb    %al, int_number + 1
        call    to_v86
        .code16
int_number:
        int     $0
        call    to_pm
        .code32
        jmp     restore
        .code16

faults: call    to_pm
        .code32
        movl    $2f, resume
1:      ud2
2:      movl    fault, %eax
        movl    %eax, r
        movl    fault + 8, %eax
        subl    $1b, %eax
        movl    %eax, r + 4
        movl    $2f, resume
        movl    $0x401234, %edx
1:      movb    $1, %fs:(%edx)
2:      movl    fault, %eax
        movl    %eax, r + 8
        movl    fault + 4, %eax
        movl    %eax, r + 12
        movl    fault + 12, %eax
        movl    %eax, r + 16
        movl    fault + 16, %eax
        movl    %eax, r + 20
        call    to_v86
        .code16
        sti
        eq      r, $6, "#UD comes to our own IDT"
        eq      r+4, $0, "at the instruction"
        eq      r+8, $14, "#PF, too"
        eq      r+12, $2, "a write to an absent page"
        eq      r+16, $0x401234, "CR2"
        eq      r+20, $2, "two in all"
        ret

/* Ten ticks in protected mode; the BIOS counts them, which runs in V86 mode. */
irqs:   eqw     pic, $0x50, "the master 8259 is where our IDT has it"
        cmpw    $0x50, pic
        je      1f
        ret
1:      call    to_pm
        .code32
        movl    $0, irq_count
        movl    %fs:0x46c, %edi
        leal    10(%edi), %ecx
        sti
1:      cmpl    %ecx, %fs:0x46c
        jb      1b
        cli
        movl    %fs:0x46c, %eax
        subl    %edi, %eax
        movl    %eax, r
        movl    irq_count, %eax
        movl    %eax, r + 4
        movw    %ds, %ax
        movzwl  %ax, %eax
        movl    %eax, r + 8
        call    to_v86
        .code16
        sti
        eq      r, $10, "ten ticks while in protected mode"
        cmpl    $10, r + 4
        is      ae, "as many interrupts or more"
        eq      r+8, $SEL_DATA, "DS behind them"
        ret

often:  movl    $2000, counter
        xorl    %ebx, %ebx
1:      call    to_pm
        .code32
        incl    %ebx
        call    to_v86
        .code16
        sti
        decl    counter
        jnz     1b
        eq      %ebx, $2000, "2000 times there and back"
        movb    $0x30, %ah
        int     $0x21
        cmpb    $2, %al
        is      ae, "DOS answers"
        ret

        .section .rodata
progname: .asciz "vcpi"
        .data
        .balign 8
gdt:    .quad   0, 0, 0, 0
        .quad   0x00409a000000ffff
        .quad   0x004092000000ffff
        .quad   0x00cf92000000ffff
        .quad   0x0000890000000067
gdt_end:
gdtr:   .word   gdt_end - gdt - 1
        .long   0
idtr:   .word   0x78 * 8 - 1
        .long   0
        .balign 4
switch:                                 /* DE0Ch's table */
cr3_value: .long 0
table_gdtr: .long 0
table_idtr: .long 0
        .word   0, SEL_TSS              /* no LDT */
switch_eip: .long 0
        .word   SEL_CODE
        .balign 4
server: .long   0                       /* far pointer to the entry */
        .word   SEL_SERVER
        .balign 4
our_cs: .long   0
        .bss
        .balign 8
idt:    .skip   0x78 * 8
tss:    .skip   104
highest: .skip  4
free:   .skip   4
base:   .skip   4
page:   .skip   4
debug:  .skip   32
r:      .skip   32
fault:  .skip   20
resume: .skip   4
irq_count: .skip 4
counter: .skip  4
pic:    .skip   4
go_on:  .skip   4
saved_sp: .skip 2
tables: .skip   2
room:   .skip   4 * 4096
