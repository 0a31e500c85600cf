/* SPDX-License-Identifier: MIT */
/* VM386: puts DOS and all that runs after it into V86 mode with IOPL 0, as EMM386 does, and stays resident: a
 * monitor with an I/O bitmap that emulates what IOPL 0 forbids, hands interrupts on, keeps those back that
 * come while the guest has them off, with or without VME; and a VCPI 1.0 server (int 67h, AX=DE00h to
 * DE0Ch), the smallest that a client can use: no EMS, its pages from one block of XMS.
 *
 * int 67h, AH=5Dh is for the tests: AL=0 is it there (EBX "NB86"; CL: 1 VME is on, CH: 1 the processor has
 * it), 1 VME on or off (BL), 2 the counters to ES:DI and then zero, 3 trap port DX (BL 1) or let it
 * through (0). A trapped port is a latch that reads back inverted.
 *
 * Master 8259 at 50h. Linear is physical, 64 MB. Monitor mode has interrupts off throughout. */
#include "tests/dos/dos.h"
#include "tests/dos/vm386.h"

        SEL_CODE = 0x08
        SEL_DATA = 0x10
        SEL_FLAT = 0x18
        SEL_TSS = 0x20
        POOL = 96                       /* pages that VCPI gives away */

        F_VEC = 32                      /* frame, from EBP on: PUSHAL, vector, error code, what V86 pushes */
        F_EAX = 28
        F_ECX = 24
        F_EDX = 20
        F_EBX = 16
        F_ESI = 4
        F_EDI = 0
        F_EIP = 40
        F_CS = 44
        F_FLAGS = 48
        F_ESP = 52
        F_SS = 56
        F_ES = 60
        F_DS = 64

        .text
main:   smsww   %ax
        testb   $1, %al
        is      z, "the processor is in real mode"
        jz      1f
        ret
1:      movl    $512, %eax
        call    xms_get
        testl   %eax, %eax
        is      nz, "512 KB of extended memory"
        jnz     1f
        ret
1:      addl    $0xfff, %eax
        andl    $~0xfff, %eax
        movl    %eax, new_cr3
        addl    $0x11000, %eax          /* directory, 16 tables */
        movl    %eax, pool
        movb    $5, %ah
        lcall   *xms
        pushfl                          /* VME: CPUID leaf 1, EDX bit 1 */
        popl    %eax
        movl    %eax, %ebx
        xorl    $0x200000, %eax
        pushl   %eax
        popfl
        pushfl
        popl    %eax
        xorl    %ebx, %eax
        testl   $0x200000, %eax
        jz      1f
        movl    $1, %eax
        cpuid
        shrb    $1, %dl
        andb    $1, %dl
        movb    %dl, has_vme
1:      movzbl  has_vme, %eax
        note    %eax, "the processor has VME"

        xorl    %eax, %eax
        movw    %cs, %ax
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
        movl    base, %eax
        addl    $gdt, %eax
        movl    %eax, gdtr + 2
        movl    base, %eax
        addl    $idt, %eax
        movl    %eax, idtr + 2
        movw    $idt, %di
        movw    $stubs, %ax
        movw    $0x78, %cx
1:      movw    %ax, (%di)
        movw    $SEL_CODE, 2(%di)
        movw    $0x8e00, 4(%di)
        addw    $8, %di
        addw    $16, %ax
        loop    1b
        orb     $0x60, idt + 3*8 + 5    /* INT3 and INTO may be used by all */
        orb     $0x60, idt + 4*8 + 5
        movl    $stack_top, tss + 4
        movl    $SEL_DATA, tss + 8
        movw    $iomap - tss, tss + 102
        movb    $0xff, iomap + 8192
        /* with VME, these two come to the monitor all the same */
        movb    $1 << (0x67 & 7), redirect + 0x67 / 8
        movb    $1 << (0x15 & 7), redirect + 0x15 / 8
        movb    $0x67, %al
        movw    $on_67, %cx
        call    set_vector

        cli
        inb     $0x21, %al
        pushw   %ax
        movb    $0x11, %al
        outb    %al, $0x20
        movb    $0x50, %al
        outb    %al, $0x21
        movb    $4, %al
        outb    %al, $0x21
        movb    $1, %al
        outb    %al, $0x21
        popw    %ax
        outb    %al, $0x21
        lgdtl   gdtr
        lidtl   idtr
        movl    %esp, %ecx
        movl    %cr0, %eax
        orb     $1, %al
        movl    %eax, %cr0
        ljmp    $SEL_CODE, $1f
        .code32
1:      movw    $SEL_DATA, %ax
        movl    %eax, %ds
        movl    %eax, %es
        movl    %eax, %ss
        movl    $stack_top, %esp
        movw    $SEL_FLAT, %ax
        movl    %eax, %fs
        movl    new_cr3, %edi
        leal    0x1007(%edi), %eax
        movl    $16, %ecx
1:      movl    %eax, %fs:(%edi)
        addl    $4, %edi
        addl    $0x1000, %eax
        loop    1b
        movl    $1008, %ecx
1:      movl    $0, %fs:(%edi)
        addl    $4, %edi
        loop    1b
        movl    $7, %eax
        movl    $0x4000, %ecx
1:      movl    %eax, %fs:(%edi)
        addl    $4, %edi
        addl    $0x1000, %eax
        loop    1b
        movl    new_cr3, %eax
        movl    %eax, %cr3
        movl    %cr0, %eax
        orl     $0x80000000, %eax
        movl    %eax, %cr0
        jmp     1f
1:      movw    $SEL_TSS, %ax
        ltr     %ax
        xorl    %eax, %eax
        lldt    %ax
        movl    base, %eax
        shrl    $4, %eax
        pushl   %eax                    /* GS ... */
        pushl   %eax
        pushl   %eax
        pushl   %eax
        pushl   %eax
        pushl   $0xf000                 /* a stack below the one that main returns on */
        pushl   $0x20202                /* VM, IF */
        pushl   %eax
        pushl   $in_v86
        iretl
        .code16
in_v86: sti
        smsww   %ax
        testb   $1, %al
        is      nz, "in V86 mode"
        movb    $0x30, %ah
        int     $0x21
        cmpb    $2, %al
        is      ae, "DOS answers"
        call    finish
        movw    $__bss_end + 15, %dx
        shrw    $4, %dx
        movw    $0x3100, %ax
        int     $0x21

/* Who calls the vector without INT. */
on_67:  int     $0x67
        iret

/* ---- the monitor */
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

common: pushal
        movl    %esp, %ebp
        movw    $SEL_DATA, %ax
        movl    %eax, %ds
        movl    %eax, %es
        movw    $SEL_FLAT, %ax
        movl    %eax, %fs
        cld
        testl   $0x20000, F_FLAGS(%ebp)
        jz      panic                   /* a fault of the monitor's own */
        cmpb    $0, vme
        je      1f
        btl     $19, F_FLAGS(%ebp)      /* VIF */
        setc    vif
1:      movl    F_VEC(%ebp), %eax
        cmpl    $0x50, %eax
        jae     irq
        cmpl    $13, %eax
        je      protection
        cmpl    $14, %eax
        je      panic
        incl    counters + C_EXCEPTION
        call    guest_int
resume: cmpb    $0, vif                 /* what was kept back goes first */
        je      2f
        movzwl  pending, %eax
        bsfl    %eax, %eax
        jz      2f
        btrw    %ax, pending
        incl    counters + C_LATE
        call    irq_vector
        call    guest_int
2:      movl    F_FLAGS(%ebp), %eax
        andl    $~0x183000, %eax        /* VIP, VIF, IOPL */
        orl     $0x20200, %eax
        cmpb    $0, vme
        je      4f
        cmpb    $0, vif
        je      3f
        orl     $0x80000, %eax
3:      cmpw    $0, pending
        je      4f
        orl     $0x100000, %eax
4:      movl    %eax, F_FLAGS(%ebp)
        popal
        addl    $8, %esp
        iretl

/* IRQ EAX has which vector: EAX. */
irq_vector:
        addl    $8, %eax
        cmpl    $16, %eax
        jb      1f
        addl    $0x60, %eax
1:      ret

irq:    incl    counters + C_IRQ
        subl    $0x50, %eax
        cmpl    $8, %eax
        jb      1f
        subl    $0x18, %eax             /* 70h is IRQ 8 */
1:      cmpb    $0, vif
        je      2f
        call    irq_vector
        call    guest_int
        jmp     resume
2:      btsw    %ax, pending
        incl    counters + C_KEPT
        jmp     resume

/* Vector EAX in the guest, as real mode does it; the flags say IOPL 3, as with VME. */
guest_int:
        movl    %eax, %ecx
        call    guest_flags
        call    push16
        movl    F_CS(%ebp), %eax
        call    push16
        movl    F_EIP(%ebp), %eax
        call    push16
        movb    $0, vif
        andl    $~0x4100, F_FLAGS(%ebp) /* NT, TF */
        movzwl  %fs:(,%ecx,4), %eax
        movl    %eax, F_EIP(%ebp)
        movzwl  %fs:2(,%ecx,4), %eax
        movl    %eax, F_CS(%ebp)
        ret

guest_flags:
        movl    F_FLAGS(%ebp), %eax
        andl    $~0x1b0200, %eax
        orl     $0x3000, %eax
        cmpb    $0, vif
        je      1f
        orl     $0x200, %eax
1:      ret

/* POPF and IRET: the flags EAX. */
set_flags:
        btl     $9, %eax
        setc    vif
        andl    $0x44dd5, %eax          /* AC NT OF DF TF SF ZF AF PF CF */
        andl    $~0x44dd5, F_FLAGS(%ebp)
        orl     %eax, F_FLAGS(%ebp)
        ret

/* Keep all but EDI; EAX is what is pushed or popped. */
push16: subw    $2, F_ESP(%ebp)
        call    stack
        movw    %ax, %fs:(%edi)
        ret
push32: subw    $4, F_ESP(%ebp)
        call    stack
        movl    %eax, %fs:(%edi)
        ret
pop16:  call    stack
        movzwl  %fs:(%edi), %eax
        addw    $2, F_ESP(%ebp)
        ret
pop32:  call    stack
        movl    %fs:(%edi), %eax
        addw    $4, F_ESP(%ebp)
        ret
stack:  pushl   %eax
        movzwl  F_SS(%ebp), %edi
        shll    $4, %edi
        movzwl  F_ESP(%ebp), %eax
        addl    %eax, %edi
        popl    %eax
        ret

/* #GP. ESI: linear address of the instruction, then behind it; BL: 1 operand size, 2 REP; EDX: string source. */
protection:
        movzwl  F_CS(%ebp), %esi
        shll    $4, %esi
        movl    %esi, code_base
        movzwl  F_EIP(%ebp), %eax
        addl    %eax, %esi
        movzwl  F_DS(%ebp), %edx
        shll    $4, %edx
        xorl    %ebx, %ebx
next_byte:
        movzbl  %fs:(%esi), %eax
        incl    %esi
        cmpb    $0x66, %al
        je      p_size
        cmpb    $0xf3, %al
        je      p_rep
        cmpb    $0xf2, %al
        je      p_rep
        cmpb    $0x26, %al
        je      p_es
        cmpb    $0x2e, %al
        je      p_cs
        movl    $table, %edi
1:      cmpb    (%edi), %al
        je      2f
        addl    $8, %edi
        cmpl    $table_end, %edi
        jb      1b
unknown:
        incl    counters + C_GP
        movl    $13, %eax               /* not ours: the guest's */
        call    guest_int
        jmp     resume
2:      movl    %esi, %ecx
        subl    code_base, %ecx
        movzwl  %cx, %ecx
        movl    %ecx, after
        call    *4(%edi)
        jmp     resume
p_size: orb     $1, %bl
        jmp     next_byte
p_rep:  orb     $2, %bl
        jmp     next_byte
p_es:   movzwl  F_ES(%ebp), %edx
        shll    $4, %edx
        jmp     next_byte
p_cs:   movl    code_base, %edx
        jmp     next_byte

/* EIP: behind the opcode, and behind an immediate byte. */
done:   movl    after, %eax
        movl    %eax, F_EIP(%ebp)
        ret
done1:  movl    after, %eax
        incl    %eax
        movl    %eax, F_EIP(%ebp)
        ret

e_cli:  incl    counters + C_CLI
        movb    $0, vif
        jmp     done
e_sti:  incl    counters + C_STI
        movb    $1, vif
        jmp     done
e_hlt:  incl    counters + C_HLT
        jmp     done
e_pushf:
        incl    counters + C_PUSHF
        call    guest_flags
        testb   $1, %bl
        jnz     1f
        call    push16
        jmp     done
1:      andl    $0xfcffff, %eax         /* VM and RF */
        call    push32
        jmp     done
e_popf: incl    counters + C_POPF
        testb   $1, %bl
        jnz     1f
        call    pop16
        jmp     2f
1:      call    pop32
2:      call    set_flags
        jmp     done
e_iret: incl    counters + C_IRET
        testb   $1, %bl
        jnz     1f
        call    pop16
        movl    %eax, F_EIP(%ebp)
        call    pop16
        movl    %eax, F_CS(%ebp)
        call    pop16
        jmp     set_flags
1:      call    pop32
        movl    %eax, F_EIP(%ebp)
        call    pop32
        movzwl  %ax, %eax
        movl    %eax, F_CS(%ebp)
        call    pop32
        jmp     set_flags
e_int:  incl    counters + C_INT
        movzbl  %fs:(%esi), %ecx
        call    done1
        movb    F_EAX+1(%ebp), %al
        cmpb    $0x67, %cl
        je      ems
        cmpb    $0x15, %cl
        jne     1f
        cmpb    $0x87, %al
        je      block_move
1:      movl    %ecx, %eax
        jmp     guest_int

/* ---- ports: EDX the port, ECX the size in bits less one: 7, 15, 31 */
e_in_ib:
        movl    $7, %ecx
        jmp     1f
e_in_iv: call   width
1:      movzbl  %fs:(%esi), %edx
        call    done1
        jmp     port_in
e_in_db:
        movl    $7, %ecx
        jmp     1f
e_in_dv: call   width
1:      movzwl  F_EDX(%ebp), %edx
        call    done
port_in:
        call    port_read
        cmpl    $15, %ecx
        jb      1f
        ja      2f
        movw    %ax, F_EAX(%ebp)
        ret
1:      movb    %al, F_EAX(%ebp)
        ret
2:      movl    %eax, F_EAX(%ebp)
        ret
e_out_ib:
        movl    $7, %ecx
        jmp     1f
e_out_iv: call  width
1:      movzbl  %fs:(%esi), %edx
        call    done1
        jmp     port_out
e_out_db:
        movl    $7, %ecx
        jmp     1f
e_out_dv: call  width
1:      movzwl  F_EDX(%ebp), %edx
        call    done
port_out:
        movl    F_EAX(%ebp), %eax
port_write:
        incl    counters + C_OUT
        movl    %eax, latch
        jmp     noted
port_read:
        incl    counters + C_IN
        movl    latch, %eax
        notl    %eax
noted:  movl    %edx, counters + C_PORT
        movl    %ecx, counters + C_SIZE
        ret
width:  movl    $15, %ecx
        testb   $1, %bl
        jz      1f
        movl    $31, %ecx
1:      ret

/* INS and OUTS with 16-bit addresses. */
e_insb: movl    $7, %ecx
        jmp     1f
e_insv: call    width
1:      call    done
2:      testb   $2, %bl
        jz      3f
        cmpw    $0, F_ECX(%ebp)
        je      9f
3:      movzwl  F_EDX(%ebp), %edx
        call    port_read
        movzwl  F_ES(%ebp), %edi
        shll    $4, %edi
        movzwl  F_EDI(%ebp), %esi
        addl    %esi, %edi
        movb    %al, %fs:(%edi)
        cmpl    $15, %ecx
        jb      4f
        movw    %ax, %fs:(%edi)
        je      4f
        movl    %eax, %fs:(%edi)
4:      call    step
        addw    %ax, F_EDI(%ebp)
        testb   $2, %bl
        jz      9f
        decw    F_ECX(%ebp)
        jmp     2b
9:      ret
e_outsb:
        movl    $7, %ecx
        jmp     1f
e_outsv: call   width
1:      movl    %edx, %esi              /* the source's segment */
        call    done
2:      testb   $2, %bl
        jz      3f
        cmpw    $0, F_ECX(%ebp)
        je      9f
3:      movzwl  F_ESI(%ebp), %eax
        movl    %fs:(%eax,%esi), %eax
        movzwl  F_EDX(%ebp), %edx
        call    port_write
        call    step
        addw    %ax, F_ESI(%ebp)
        testb   $2, %bl
        jz      9f
        decw    F_ECX(%ebp)
        jmp     2b
9:      ret
step:   leal    1(%ecx), %eax
        shrl    $3, %eax
        testb   $4, F_FLAGS+1(%ebp)     /* DF */
        jz      1f
        negl    %eax
1:      ret

/* 0Fh: MOV from CR0, CR2, CR3; MOV to CR0 is ignored; CLTS, INVD, WBINVD. */
e_0f:   movzbl  %fs:(%esi), %eax
        cmpb    $0x06, %al
        je      1f
        cmpb    $0x08, %al
        je      2f
        cmpb    $0x09, %al
        je      2f
        cmpb    $0x22, %al
        je      3f
        cmpb    $0x20, %al
        je      4f
        popl    %eax                    /* the way back to resume */
        jmp     unknown
1:      clts
2:      incl    counters + C_SYSTEM
        jmp     done1
3:      incl    counters + C_SYSTEM
        incl    after
        jmp     done1
4:      movzbl  %fs:1(%esi), %ecx
        movl    %cr0, %eax
        testb   $0x38, %cl
        jz      5f
        movl    %cr3, %eax
        testb   $8, %cl
        jnz     5f
        movl    %cr2, %eax
5:      andl    $7, %ecx
        negl    %ecx                    /* PUSHAL has EAX last */
        movl    %eax, F_EAX(%ebp,%ecx,4)
        jmp     3b

/* int 15h AH=87h: CX words, ES:SI the table. */
block_move:
        movzwl  F_ES(%ebp), %ecx
        shll    $4, %ecx
        movzwl  F_ESI(%ebp), %eax
        addl    %eax, %ecx
        movl    %fs:0x12(%ecx), %esi
        andl    $0xffffff, %esi
        movzbl  %fs:0x17(%ecx), %eax
        shll    $24, %eax
        orl     %eax, %esi
        movl    %fs:0x1a(%ecx), %edi
        andl    $0xffffff, %edi
        movzbl  %fs:0x1f(%ecx), %eax
        shll    $24, %eax
        orl     %eax, %edi
        movzwl  F_ECX(%ebp), %ecx
        pushl   %ds
        pushl   %es
        movw    $SEL_FLAT, %ax
        movl    %eax, %ds
        movl    %eax, %es
        rep movsw
        popl    %es
        popl    %ds
        incl    counters + C_MOVE
        movb    $0, F_EAX+1(%ebp)
        andb    $~1, F_FLAGS(%ebp)
        ret

/* ---- int 67h: AL is AH */
ems:    cmpb    $0xde, %al
        je      vcpi
        cmpb    $0x5d, %al
        jne     1f
        movzbl  F_EAX(%ebp), %eax
        cmpl    $3, %eax
        ja      1f
        jmp     *test_calls(,%eax,4)
1:      movb    $0x84, F_EAX+1(%ebp)
        ret

t_here: movl    $0x3638424e, F_EBX(%ebp)
        movb    vme, %al
        movb    has_vme, %ah
        movw    %ax, F_ECX(%ebp)
ok:     movb    $0, F_EAX+1(%ebp)
        ret
t_vme:  movb    F_EBX(%ebp), %al
        andb    has_vme, %al
        movb    %al, vme
        movzbl  %al, %ecx
        cmpb    $0, has_vme
        je      ok
        movl    %cr4, %eax
        andb    $~1, %al
        orb     %cl, %al
        movl    %eax, %cr4
        jmp     ok
t_counters:
        call    guest_di
        movl    $counters, %esi
        movl    $C_LEN / 4, %ecx
1:      movl    (%esi), %eax
        movl    $0, (%esi)
        movl    %eax, %fs:(%edi)
        addl    $4, %esi
        addl    $4, %edi
        loop    1b
        jmp     ok
t_port: movzwl  F_EDX(%ebp), %eax
        btrl    %eax, iomap
        cmpb    $0, F_EBX(%ebp)
        je      ok
        btsl    %eax, iomap
        jmp     ok
guest_di:
        movzwl  F_ES(%ebp), %edi
        shll    $4, %edi
        movzwl  F_EDI(%ebp), %eax
        addl    %eax, %edi
        ret

/* ---- VCPI */
vcpi:   incl    counters + C_VCPI
        movzbl  F_EAX(%ebp), %eax
        cmpl    $0x0c, %eax
        ja      1f
        movb    $0, F_EAX+1(%ebp)
        jmp     *vcpi_calls(,%eax,4)
1:      movb    $0x8f, F_EAX+1(%ebp)
        ret

v_here: movw    $0x0100, F_EBX(%ebp)
        ret
/* The first 1 MB and 64 KB for the client's page table; our code, data and 4 GB for its GDT. */
v_interface:
        call    guest_di
        movl    $7, %eax
        movl    $0x110, %ecx
1:      movl    %eax, %fs:(%edi)
        addl    $4, %edi
        addl    $0x1000, %eax
        loop    1b
        addw    $0x440, F_EDI(%ebp)
        movzwl  F_DS(%ebp), %edi
        shll    $4, %edi
        movzwl  F_ESI(%ebp), %eax
        addl    %eax, %edi
        movl    $gdt + SEL_CODE, %esi
        movl    $6, %ecx
1:      movl    (%esi), %eax
        movl    %eax, %fs:(%edi)
        addl    $4, %esi
        addl    $4, %edi
        loop    1b
        movl    $from_client, F_EBX(%ebp)
        ret
v_top:  movl    pool, %eax
        addl    $(POOL - 1) * 0x1000, %eax
        movl    %eax, F_EDX(%ebp)
        ret
v_pages:
        movl    F_EAX(%ebp), %eax
        movl    F_EDX(%ebp), %edx
        call    pages
        movl    %edx, F_EDX(%ebp)
        movb    %ah, F_EAX+1(%ebp)
        ret
v_physical:
        movzwl  F_ECX(%ebp), %eax
        cmpl    $0x110, %eax
        jae     1f
        shll    $12, %eax
        movl    %eax, F_EDX(%ebp)
        ret
1:      movb    $0x8b, F_EAX+1(%ebp)
        ret
v_cr0:  movl    %cr0, %eax
        movl    %eax, F_EBX(%ebp)
        ret
v_get_dr:
        call    guest_di
        movl    %dr0, %eax
        movl    %eax, %fs:(%edi)
        movl    %dr1, %eax
        movl    %eax, %fs:4(%edi)
        movl    %dr2, %eax
        movl    %eax, %fs:8(%edi)
        movl    %dr3, %eax
        movl    %eax, %fs:12(%edi)
        movl    %dr6, %eax
        movl    %eax, %fs:24(%edi)
        movl    %dr7, %eax
        movl    %eax, %fs:28(%edi)
        ret
v_set_dr:
        call    guest_di
        movl    %fs:(%edi), %eax
        movl    %eax, %dr0
        movl    %fs:4(%edi), %eax
        movl    %eax, %dr1
        movl    %fs:8(%edi), %eax
        movl    %eax, %dr2
        movl    %fs:12(%edi), %eax
        movl    %eax, %dr3
        movl    %fs:24(%edi), %eax
        movl    %eax, %dr6
        movl    %fs:28(%edi), %eax
        movl    %eax, %dr7
        ret
v_get_pic:
        movw    $0x50, F_EBX(%ebp)
        movw    $0x70, F_ECX(%ebp)
        ret
v_set_pic:
        movb    $0x8f, F_EAX+1(%ebp)    /* a client that moves the 8259s: not here */
        ret

/* To the client: ESI its table. The frame on our stack is left there for ever. */
v_switch:
        movl    F_ESI(%ebp), %esi
        movl    F_EBX(%ebp), %ebx
        movl    %fs:(%esi), %eax
        movl    %eax, %cr3
        movl    %fs:4(%esi), %eax
        lgdtl   %fs:(%eax)
        movl    %fs:2(%eax), %ecx
        movzwl  %fs:14(%esi), %edx
        andb    $~2, %fs:5(%ecx,%edx)   /* its TSS is not busy */
        movl    %fs:8(%esi), %eax
        lidtl   %fs:(%eax)
        lldt    %fs:12(%esi)
        ltr     %fs:14(%esi)
        movl    F_ECX(%ebp), %ecx
        movl    F_EDX(%ebp), %edx
        movl    F_EDI(%ebp), %edi
        movl    8(%ebp), %ebp
        ljmp    *%fs:16(%esi)

/* Far calls from the client's protected mode: AX=DE03h to DE05h, DE0Ch. Its GDT has our data behind our code. */
from_client:
        cmpw    $0xde0c, %ax
        je      to_v86
        pushl   %ds
        pushl   %eax
        movw    %cs, %ax
        addw    $8, %ax
        movl    %eax, %ds
        popl    %eax
        cmpw    $0xde03, %ax
        jb      1f
        cmpw    $0xde05, %ax
        ja      1f
        call    pages
        popl    %ds
        lret
1:      movb    $0x8f, %ah
        popl    %ds
        lret

/* Its stack, below 1 MB: the far return address, EIP, CS, EFLAGS, ESP, SS, ES, DS, FS, GS. */
to_v86: cli
        movw    %cs, %ax
        addw    $8, %ax
        movl    %eax, %ds
        movl    new_cr3, %eax
        movl    %eax, %cr3
        lgdtl   gdtr
        lidtl   idtr
        ljmp    $SEL_CODE, $1f
1:      movw    $SEL_DATA, %ax
        movl    %eax, %ds
        andb    $~2, gdt + SEL_TSS + 5
        movw    $SEL_TSS, %ax
        ltr     %ax
        xorl    %eax, %eax
        lldt    %ax
        clts
        movb    $0, vif                 /* the client turns interrupts on */
        incl    counters + C_BACK
        addl    $8, %esp
        movl    $0x20202, 8(%esp)
        cmpb    $0, vme
        je      1f
        cmpw    $0, pending
        je      1f
        orl     $0x100000, 8(%esp)
1:      iretl

/* AL: 03h how many pages (EDX), 04h one (EDX), 05h EDX back. AH: status. With DS. */
pages:  pushl   %ecx
        cmpb    $4, %al
        je      2f
        ja      4f
        xorl    %edx, %edx
        movl    $POOL, %ecx
1:      cmpb    $1, used - 1(%ecx)
        adcl    $0, %edx                /* used < 1: free */
        loop    1b
        jmp     9f
2:      xorl    %ecx, %ecx
3:      cmpb    $0, used(%ecx)
        je      1f
        incl    %ecx
        cmpl    $POOL, %ecx
        jb      3b
        movb    $0x88, %ah
        popl    %ecx
        ret
1:      movb    $1, used(%ecx)
        movl    %ecx, %edx
        shll    $12, %edx
        addl    pool, %edx
        jmp     9f
4:      movl    %edx, %ecx
        subl    pool, %ecx
        testl   $0xfff, %ecx
        jnz     5f
        shrl    $12, %ecx
        cmpl    $POOL, %ecx
        jae     5f
        cmpb    $0, used(%ecx)
        je      5f
        movb    $0, used(%ecx)
9:      movb    $0, %ah
        popl    %ecx
        ret
5:      movb    $0x8a, %ah
        popl    %ecx
        ret

/* "FAIL vm386: vector EIP CS CR2" to the debug console and COM1, and the end. */
panic:  movl    $panic_text, %esi
1:      lodsb
        testb   %al, %al
        jz      2f
        call    out
        jmp     1b
2:      movl    F_VEC(%ebp), %edx
        call    hex
        movl    F_EIP(%ebp), %edx
        call    hex
        movl    F_CS(%ebp), %edx
        call    hex
        movl    %cr2, %edx
        call    hex
        movb    $'\n', %al
        call    out
        movb    $1, %al
        outb    %al, $0xf4
        hlt
hex:    movb    $' ', %al
        call    out
        movl    $8, %ecx
1:      roll    $4, %edx
        movb    %dl, %al
        andb    $15, %al
        addb    $'0', %al
        cmpb    $'9', %al
        jbe     2f
        addb    $'a' - '0' - 10, %al
2:      call    out
        loop    1b
        ret
out:    outb    %al, $0xe9
        pushl   %edx
        movw    $0x3f8, %dx
        outb    %al, %dx
        popl    %edx
        ret
        .code16

        .section .rodata
progname: .asciz "vm386"
panic_text: .asciz "FAIL vm386: fault of the monitor's:"
        .balign 4
        .macro  op code, to
        .long   \code, \to
        .endm
table:  op      0xfa, e_cli
        op      0xfb, e_sti
        op      0x9c, e_pushf
        op      0x9d, e_popf
        op      0xcd, e_int
        op      0xcf, e_iret
        op      0xf4, e_hlt
        op      0xe4, e_in_ib
        op      0xe5, e_in_iv
        op      0xe6, e_out_ib
        op      0xe7, e_out_iv
        op      0xec, e_in_db
        op      0xed, e_in_dv
        op      0xee, e_out_db
        op      0xef, e_out_dv
        op      0x6c, e_insb
        op      0x6d, e_insv
        op      0x6e, e_outsb
        op      0x6f, e_outsv
        op      0x0f, e_0f
table_end:
test_calls: .long t_here, t_vme, t_counters, t_port
vcpi_calls: .long v_here, v_interface, v_top, v_pages, v_pages, v_pages, v_physical, v_cr0, v_get_dr, v_set_dr
        .long   v_get_pic, v_set_pic, v_switch
        .data
        .balign 8
gdt:    .quad   0
        .quad   0x00cf9a000000ffff      /* the first three are also what VCPI clients get */
        .quad   0x00cf92000000ffff
        .quad   0x00cf92000000ffff
        .word   tss_end - tss - 1, 0    /* TSS */
        .long   0x00008900
gdt_end:
gdtr:   .word   gdt_end - gdt - 1
        .long   0
idtr:   .word   0x78 * 8 - 1
        .long   0
vif:    .byte   1
        .bss
        .balign 8
idt:    .skip   0x78 * 8
tss:    .skip   104
redirect: .skip 32
iomap:  .skip   8193
tss_end:
        .balign 4
        .skip   2048
stack_top:
counters: .skip C_LEN
base:   .skip   4
new_cr3: .skip  4
pool:   .skip   4
code_base: .skip 4
after:  .skip   4
latch:  .skip   4
pending: .skip  2
vme:    .skip   1
has_vme: .skip  1
used:   .skip   POOL
