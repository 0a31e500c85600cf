/* SPDX-License-Identifier: MIT */
/* A program in V86 mode under VM386, without VME and with it: what IOPL 0 forbids is emulated and counted,
 * the I/O bitmap traps and lets through, interrupts come and are kept back, the timer at 20 kHz, DOS. */
#include "tests/dos/dos.h"
#include "tests/dos/vm386.h"

        LATCH = 0x1e0                   /* ports that nobody has; 1E1h is let through */

        .text
main:   movw    $0x5d00, %ax
        int     $0x67
        eq      %ebx, $0x3638424e, "VM386 is there"
        cmpl    $0x3638424e, %ebx
        je      1f
        ret
1:      movb    %ch, has_vme
        smsww   %ax
        testb   $1, %al
        is      nz, "SMSW says protected mode"
        movw    $LATCH, %dx
        movb    $1, %bl
        movw    $0x5d03, %ax
        int     $0x67
        say     "NOTE without VME"
        movb    $0, %bl
        call    round
        cmpb    $0, has_vme
        jne     1f
        say     "NOTE this processor has no VME"
        ret
1:      say     "NOTE with VME"
        movb    $1, %bl
        call    round
        movb    $0, %bl
        movw    $0x5d01, %ax
        int     $0x67
        ret

round:  movb    %bl, vme
        movw    $0x5d01, %ax
        int     $0x67
        call    flags
        call    interrupts
        call    exceptions
        call    ports
        call    system
        call    kept
        call    fast
        call    dos
        ret

/* The counters since the last time, to `count`. Keeps all but the flags. */
counts: pusha
        movw    $count, %di
        movw    $0x5d02, %ax
        int     $0x67
        popa
        ret

/* eq, with two wanted values: without VME and with it. */
        .macro  either got:req, without:req, with:req, name:vararg
        pushl   %eax
        movl    $\without, %eax
        cmpb    $0, vme
        je      .Lei\@
        movl    $\with, %eax
.Lei\@: eq      \got, %eax, \name
        popl    %eax
        .endm

flags:  call    counts
        cli
        pushfw
        popw    %ax
        sti
        pushfw
        popw    %bx
        pushw   $0x4ed5                 /* NT OF DF IF ZF ... */
        popfw
        pushfw
        popw    %cx
        pushw   $0x0202
        popfw
        pushfw
        popw    %dx
        call    counts
        andl    $0x3200, %eax
        eq      %eax, $0x3000, "CLI: IF is clear, IOPL seems 3"
        andl    $0x3200, %ebx
        eq      %ebx, $0x3200, "STI: IF is set"
        andl    $0xcfff, %ecx
        eq      %ecx, $0x4ed7, "POPF of all flags, PUSHF"
        andl    $0xcfff, %edx
        eq      %edx, $0x0202, "and of none"
        either  count+C_CLI, 1, 0, "CLI: how many were trapped"
        either  count+C_STI, 1, 0, "STI"
        either  count+C_PUSHF, 4, 0, "PUSHF"
        either  count+C_POPF, 2, 0, "POPF"
        call    counts
        pushfl
        popl    %eax
        orl     $0x240000, %eax         /* AC; ID is a matter of the model */
        pushl   %eax
        popfl
        pushfl
        popl    %ebx
        andl    $~0x240000, %eax
        pushl   %eax
        popfl
        call    counts
        shrl    $16, %eax
        andl    $3, %eax
        eq      %eax, $0, "PUSHFD: neither VM nor RF"
        shrl    $18, %ebx
        andl    $1, %ebx
        eq      %ebx, $1, "POPFD sets AC"
        eq      count+C_PUSHF, $2, "PUSHFD is trapped always"
        eq      count+C_POPF, $2, "POPFD, too"
        ret

/* INT n: the handler sees IF clear and the caller's flags on the stack. */
interrupts:
        movb    $0x60, %al
        movw    $on_60, %cx
        call    set_vector
        call    counts
        pushw   $0x0ad7                 /* OF IF SF ZF AF PF CF */
        popfw
        int     $0x60
        pushfw
        popw    %bx
        sti
        call    counts
        movzwl  seen, %eax
        andl    $0x0300, %eax
        eq      %eax, $0, "in INT's handler IF and TF are clear"
        movzwl  seen + 2, %eax
        andl    $0x0fff, %eax
        eq      %eax, $0x0ad7, "the flags on its stack"
        andl    $0x0fff, %ebx
        eq      %ebx, $0x0ad7, "the flags behind IRET"
        either  count+C_INT, 2, 1, "INT: how many were trapped, with our question"
        either  count+C_IRET, 1, 0, "IRET"
        /* IRETD with 32-bit operands: trapped always */
        pushfl
        xorl    %eax, %eax
        movw    %cs, %ax
        pushl   %eax
        pushl   $1f
        call    counts
        iretl
1:      call    counts
        eq      count+C_IRET, $1, "IRETD is trapped always"
        ret
on_60:  pushw   %bp
        movw    %sp, %bp
        pushw   %ax
        pushfw
        popw    %cs:seen
        movw    6(%bp), %ax
        movw    %ax, %cs:seen + 2
        popw    %ax
        popw    %bp
        iret

/* Vectors 0, 1, 3, 4, 6, 0Dh of the guest's own. */
        .macro  fault vec, handler
        movb    $\vec, %al
        call    get_vector
        pushl   %eax
        movw    $\handler, %cx
        movb    $\vec, %al
        call    set_vector
        .endm
        .macro  unfault vec
        popl    %ecx
        movb    $\vec, %al
        call    put_vector
        .endm
exceptions:
        movl    $0, faults
        call    counts
        fault   0, on_fault
        movw    $2f, resume
        xorw    %cx, %cx
        movw    $1, %ax
1:      divw    %cx
2:      eqw     fault_ip, $1b, "#DE comes as interrupt 0, at the instruction"
        unfault 0
        fault   6, on_fault
        movw    $2f, resume
1:      ud2
2:      eqw     fault_ip, $1b, "#UD as 6"
        unfault 6
        fault   3, on_trap
        int3
1:      eqw     fault_ip, $1b, "INT3, behind it"
        unfault 3
        fault   4, on_trap
        movb    $0x7f, %al
        incb    %al
        into
1:      eqw     fault_ip, $1b, "INTO"
        unfault 4
        fault   1, on_trap
        pushfw
        popw    %ax
        orw     $0x100, %ax
        pushw   %ax
        popfw
1:      nop
2:      eqw     fault_ip, $2b, "single step, one instruction on"
        unfault 1
        fault   0x0d, on_fault
        movw    $2f, resume
        movw    $0xffff, %bx
1:      movw    (%bx), %ax
2:      eqw     fault_ip, $1b, "a word at FFFFh: 0Dh"
        movl    $0x10000, %ebx
        movw    $2f, resume
1:      movb    (%ebx), %al
2:      eqw     fault_ip, $1b, "a byte at 10000h"
        unfault 0x0d
        call    counts
        eq      faults, $7, "seven in all"
        eq      count+C_EXCEPTION, $5, "five by other vectors"
        eq      count+C_GP, $2, "two that the monitor did not know"
        ret
on_fault:
        pushw   %bp
        movw    %sp, %bp
        pushw   %ax
        incl    %cs:faults
        movw    2(%bp), %ax
        movw    %ax, %cs:fault_ip
        movw    %cs:resume, %ax
        movw    %ax, 2(%bp)
        popw    %ax
        popw    %bp
        iret
on_trap:
        pushw   %bp
        movw    %sp, %bp
        pushw   %ax
        incl    %cs:faults
        movw    2(%bp), %ax
        movw    %ax, %cs:fault_ip
        andw    $~0x100, 6(%bp)
        popw    %ax
        popw    %bp
        iret

ports:  call    counts
        movw    $LATCH, %dx
        movb    $0x5a, %al
        outb    %al, %dx
        inb     %dx, %al
        call    counts
        movzbl  %al, %eax
        eq      %eax, $0xa5, "a trapped port is the monitor's latch"
        eq      count+C_OUT, $1, "one OUT"
        eq      count+C_IN, $1, "one IN"
        eq      count+C_PORT, $LATCH, "its number"
        incw    %dx
        movb    $0x5a, %al
        outb    %al, %dx
        inb     %dx, %al
        decw    %dx
        inb     $0x40, %al
        inb     $0x80, %al
        call    counts
        eq      count+C_OUT, $0, "its neighbour is let through"
        eq      count+C_IN, $0, "others, too"
        decw    %dx
        movw    $0x1234, %ax
        outw    %ax, %dx                /* 1DFh and 1E0h */
        call    counts
        eq      count+C_OUT, $1, "a word that ends in it is trapped"
        eq      count+C_SIZE, $15, "as a word"
        decw    %dx
        decw    %dx
        inl     %dx, %eax               /* 1DDh to 1E0h */
        call    counts
        eq      count+C_IN, $1, "a double word that ends in it"
        eq      count+C_SIZE, $31, "as a double word"
        eq      count+C_PORT, $LATCH-3, "at its first port"
        movw    $LATCH, %dx
        movw    $text, %si
        movw    $5, %cx
        rep outsb
        call    counts
        eq      count+C_OUT, $5, "REP OUTSB"
        eqw     %si, $text+5, "SI"
        eqw     %cx, $0, "CX"
        movw    $seen, %di
        movw    $2, %cx
        std
        rep insw
        cld
        call    counts
        eq      count+C_IN, $2, "REP INSW, downwards"
        eqw     %di, $seen-4, "DI"
        movzbl  seen, %eax
        eq      %eax, $0xff-'o', "the last byte, inverted"
        movb    $0, %bl
        movw    $0x5d03, %ax
        int     $0x67
        inb     %dx, %al
        movb    $1, %bl
        movw    $0x5d03, %ax
        int     $0x67
        call    counts
        eq      count+C_IN, $0, "no longer trapped when its bit is clear"
        ret

system: call    counts
        movl    %cr0, %ebx
        movl    %ebx, %eax
        movl    %eax, %cr0
        clts
        hlt
        call    counts
        andl    $0x80000001, %ebx
        eq      %ebx, $0x80000001, "MOV EBX,CR0 sees paging"
        eq      count+C_SYSTEM, $3, "MOV from and to CR0, CLTS: emulated"
        eq      count+C_HLT, $1, "HLT"
        ret

/* Interrupts off for three ticks by the refresh toggle, 15 us a half: one timer interrupt is kept, none lost that
 * a PC would keep. */
kept:   xorw    %ax, %ax
        movw    %ax, %fs
        call    fresh
        cli
        call    counts
        movl    %fs:0x46c, %ebx
        movw    $5000, %cx              /* 75 ms */
        call    halves
        cmpl    %fs:0x46c, %ebx
        sete    %al
        movzbl  %al, %eax
        sti
        nop
        nop
        movl    %fs:0x46c, %edx
        subl    %ebx, %edx
        call    counts
        eq      %eax, $1, "no tick while interrupts are off"
        eq      %edx, $1, "one behind STI"
        cmpl    $1, count + C_KEPT
        is      ae, "it was kept"
        eq      count+C_LATE, count+C_KEPT, "and handed on"
        cmpl    $1, count + C_STI
        is      ae, "by a trapped STI, with VME because of VIP"
        /* the same by POPF and by IRET */
        call    fresh
        pushfw
        cli
        movl    %fs:0x46c, %ebx
        movw    $5000, %cx
        call    halves
        popfw
        nop
        movl    %fs:0x46c, %edx
        subl    %ebx, %edx
        eq      %edx, $1, "POPF that sets IF"
        call    fresh
        pushfw
        cli
        movl    %fs:0x46c, %ebx
        movw    $5000, %cx
        call    halves
        pushw   %cs
        pushw   $1f
        iret
1:      nop
        movl    %fs:0x46c, %edx
        subl    %ebx, %edx
        eq      %edx, $1, "IRET"
        ret

/* Behind a tick: the 8259 keeps a second one while the first is in service. */
fresh:  movl    %fs:0x46c, %eax
1:      cmpl    %fs:0x46c, %eax
        je      1b
        ret

/* CX changes of port 61h bit 4. Changes AX. */
halves: inb     $0x61, %al
        andb    $0x10, %al
        movb    %al, %ah
1:      inb     $0x61, %al
        andb    $0x10, %al
        cmpb    %ah, %al
        je      1b
        movb    %al, %ah
        loop    halves + 6
        ret

/* The timer at 19,886 Hz, its interrupts through the monitor, for 3000 changes: 45.26 ms, 900 of them. */
fast:   movb    $8, %al
        call    get_vector
        movl    %eax, old_08
        cli
        movb    $8, %al
        movw    $on_tick, %cx
        call    set_vector
        movb    $0x34, %al
        outb    %al, $0x43
        movb    $60, %al
        outb    %al, $0x40
        movb    $0, %al
        outb    %al, $0x40
        movl    $0, ticks
        sti
        movw    $3000, %cx
        call    halves
        cli
        movb    $0x36, %al
        outb    %al, $0x43
        movb    $0, %al
        outb    %al, $0x40
        outb    %al, $0x40
        movl    old_08, %ecx
        movb    $8, %al
        call    put_vector
        sti
        movl    ticks, %eax
        note    %eax, "interrupts at 20 kHz"
        subl    $880, %eax
        cmpl    $40, %eax
        is      b, "900 within 20"
        ret
on_tick:
        pushw   %ax
        incl    %cs:ticks
        movb    $0x20, %al
        outb    %al, $0x20
        popw    %ax
        iret

/* A file on the floppy: BIOS, DMA and IRQ 6 under the monitor. And a block move. */
dos:    call    counts
        movb    $0x3c, %ah
        xorw    %cx, %cx
        movw    $filename, %dx
        int     $0x21
        is      nc, "DOS makes a file"
        movw    %ax, %bx
        movw    $file, %di
        movw    $2048, %cx
        movw    $0x4711, %ax
1:      stosw
        imulw   $25173, %ax, %ax
        addw    $13849, %ax
        loop    1b
        movb    $0x40, %ah
        movw    $4096, %cx
        movw    $file, %dx
        int     $0x21
        eqw     %ax, $4096, "writes it"
        movb    $0x3e, %ah
        int     $0x21
        movb    $0x0d, %ah              /* buffers to the disk */
        int     $0x21
        movw    $0x3d00, %ax
        movw    $filename, %dx
        int     $0x21
        movw    %ax, %bx
        movb    $0x3f, %ah
        movw    $4096, %cx
        movw    $copy, %dx
        int     $0x21
        eqw     %ax, $4096, "reads it"
        movb    $0x3e, %ah
        int     $0x21
        movw    $file, %si
        movw    $copy, %di
        movw    $4096, %cx
        repe cmpsb
        is      e, "finds the same"
        movb    $0x41, %ah
        movw    $filename, %dx
        int     $0x21
        call    counts
        movl    count + C_IRQ, %eax
        cmpl    $2, %eax
        is      a, "interrupts came meanwhile"
        either  count+C_MOVE, 0, 0, "no block move so far"
        xorl    %eax, %eax
        movw    %cs, %ax
        shll    $4, %eax
        leal    file(%eax), %ebx
        leal    copy(%eax), %edx
        movw    %bx, bm + 0x12
        movw    %dx, bm + 0x1a
        shrl    $16, %ebx
        movb    %bl, bm + 0x14
        shrl    $16, %edx
        movb    %dl, bm + 0x1c
        movl    $0, copy
        movw    $bm, %si
        movw    $2048, %cx
        movb    $0x87, %ah
        int     $0x15
        is      nc, "int 15h AH=87h"
        eq      copy, file, "moves"
        call    counts
        eq      count+C_MOVE, $1, "by the monitor"
        ret

        .section .rodata
progname: .asciz "v86"
filename: .asciz "V86.TMP"
text:   .ascii  "hello"
        .data
        .balign 4
bm:     .fill   16, 1, 0
        .quad   0x0000930000000fff
        .quad   0x0000930000000fff
        .fill   16, 1, 0
        .bss
        .balign 4
count:  .skip   C_LEN
old_08: .skip   4
ticks:  .skip   4
faults: .skip   4
        .skip   4
seen:   .skip   8
fault_ip: .skip 2
resume: .skip   2
vme:    .skip   1
has_vme: .skip  1
file:   .skip   4096
copy:   .skip   4096
