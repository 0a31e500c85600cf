/* SPDX-License-Identifier: MIT */
/* IDEDMA.SYS makes IDE ready for DMA as a BIOS of its time did and SeaBIOS does not, then leaves memory:
 * bus mastering on, and with a PIIX4 (8086:7111) the fastest Ultra DMA mode, up to 2, in each drive and in
 * the interface. A DOS driver such as UIDE only looks whether that was done.
 *
 *      DEVICE=IDEDMA.SYS           before UIDE.SYS
 *
 * Configuration mechanism 1, bus 0 alone; drives at the legacy ports. */
        .code16
        .text
        .globl  _start
_start: .long   -1                      /* next driver */
        .word   0x8000                  /* a character device */
        .word   strategy, entry
        .ascii  "IDEDMA$$"
request: .long  0
udma_on: .word  0                       /* PIIX4's 48h: a bit for each drive */
udma_times: .word 0                     /* 4Ah: the mode, four bits for each drive */

strategy:
        movw    %bx, %cs:request
        movw    %es, %cs:request + 2
        lret

entry:  pushfw
        pushal
        pushw   %ds
        pushw   %es
        cld
        les     %cs:request, %bx
        movw    %cs, %ax
        movw    %ax, %ds
        movw    $0x8103, %es:3(%bx)     /* done, error: unknown command */
        cmpb    $0, %es:2(%bx)
        jne     leave
        movl    $0x80000008, %ecx       /* class code of bus 0, device 0, function 0 */
next:   movb    $0x08, %cl
        call    address
        inl     %dx, %eax
        shrl    $16, %eax
        cmpw    $0x0101, %ax
        jne     no
        movb    $0x04, %cl              /* command register: I/O, bus master */
        call    address
        inw     %dx, %ax
        orb     $5, %al
        outw    %ax, %dx
        movb    $0x00, %cl
        call    address
        inl     %dx, %eax
        cmpl    $0x71118086, %eax
        je      piix4
no:     addl    $0x100, %ecx            /* next function */
        testl   $0x10000, %ecx
        jz      next
        movw    $0x0100, %es:3(%bx)
        movw    $0, %es:14(%bx)         /* nothing stays */
        movw    %cs, %es:16(%bx)
leave:  popw    %es
        popw    %ds
        popal
        popfw
        lret

piix4:  pushw   %bx
        xorw    %si, %si                /* drive 0 to 3 */
drive:  movw    $0x1f0, %dx
        testw   $2, %si
        jz      1f
        movb    $0x70, %dl
1:      call    set_up
        incw    %si
        cmpw    $4, %si
        jb      drive
        movb    $0x48, %cl
        call    address
        movw    udma_on, %ax
        outb    %al, %dx
        movb    $0x48, %cl              /* 4Ah is the upper half of the double word */
        call    address
        addw    $2, %dx
        movw    udma_times, %ax
        outw    %ax, %dx
        popw    %bx
        jmp     no

/* Selects register ECX; DX: the data port. */
address:
        movw    $0xcf8, %dx
        movl    %ecx, %eax
        outl    %eax, %dx
        movb    $0xfc, %dl
        ret

/* Drive SI of the channel at DX. */
set_up: pushw   %dx
        addw    $6, %dx
        movw    %si, %ax
        andb    $1, %al
        shlb    $4, %al
        orb     $0xa0, %al
        outb    %al, %dx
        incw    %dx                     /* status and command */
        inb     %dx, %al
        testb   %al, %al                /* an absent drive gives 0, an absent channel FFh */
        jz      done
        cmpb    $0xff, %al
        je      done
        movb    $0xec, %al
        call    command
        jz      1f
        movb    $0xa1, %al              /* a CD-ROM has an IDENTIFY of its own */
        call    command
        jnz     done
1:      popw    %dx
        pushw   %dx
        xorw    %di, %di
2:      inw     %dx, %ax                /* word 53 bit 2: word 88 is valid; its bits 2:0: the modes that it has */
        cmpw    $53, %di
        jne     3f
        movw    %ax, %bx
3:      cmpw    $88, %di
        jne     4f
        movw    %ax, %bp
4:      incw    %di
        cmpw    $256, %di
        jb      2b
        testb   $4, %bl
        jz      done
        andw    $7, %bp
        jz      done
        bsrw    %bp, %bp                /* mode 0 to 2 */
        incw    %dx                     /* features: 03h sets the transfer mode in the sector count */
        movb    $3, %al
        outb    %al, %dx
        incw    %dx
        movw    %bp, %ax
        orb     $0x40, %al
        outb    %al, %dx
        addw    $5, %dx
        movb    $0xef, %al
        outb    %al, %dx
        call    wait
        testb   $0x21, %al
        jnz     done
        btsw    %si, udma_on
        pushw   %cx
        movw    %si, %cx
        shlb    $2, %cl
        shlw    %cl, %bp
        popw    %cx
        orw     %bp, udma_times
done:   popw    %dx
        ret

/* Command AL; Z: the drive offers data. */
command:
        outb    %al, %dx
        call    wait
        andb    $9, %al
        cmpb    $8, %al
        ret

/* Until BSY is clear, for a second or two at the most; AL: status. */
wait:   movl    $0x100000, %edi
1:      inb     %dx, %al
        testb   $0x80, %al
        jz      2f
        decl    %edi
        jnz     1b
2:      ret
