/* SPDX-License-Identifier: MIT */
/*
 * The master boot record. It runs on any PC (8086 instructions only), says so when the processor
 * is older than a 386, and reads the rest of the image to 7E00h, by sector number where the BIOS
 * has the EDD extensions and by cylinder, head and sector where it has not.
 */
    .include "defs.inc"
    .arch   i8086
    .code16
    .section .boot, "ax"
    .globl  _start, boot_drive

_start:
    cli
    xorw    %ax, %ax
    movw    %ax, %ss
    movw    $REAL_STACK_TOP, %sp
    movw    %ax, %ds
    movw    %ax, %es
    sti
    cld
    ljmp    $0, $1f                     /* some BIOSes start us at 07C0:0000 */
1:  movb    %dl, boot_drive

    /* FLAGS 15-12: stuck at one on an 8086, stuck at zero in a 286's real mode. */
    pushf
    popw    %ax
    andb    $0x0f, %ah
    pushw   %ax
    popf
    pushf
    popw    %bx
    andb    $0xf0, %bh
    cmpb    $0xf0, %bh
    je      too_old
    orb     $0x70, %ah
    pushw   %ax
    popf
    pushf
    popw    %bx
    testb   $0x70, %bh
    jz      too_old
    andb    $0x0f, %ah                  /* IOPL and NT back to zero */
    pushw   %ax
    popf

    movb    $0x41, %ah
    movw    $0x55aa, %bx
    movb    boot_drive, %dl
    int     $0x13
    jc      read_chs
    cmpw    $0xaa55, %bx
    jne     read_chs
    testb   $1, %cl
    jz      read_chs
    movb    $0x42, %ah
    movw    $packet, %si
    movb    boot_drive, %dl
    int     $0x13
    jnc     loaded

read_chs:
    movb    $0x08, %ah
    movb    boot_drive, %dl
    int     $0x13
    jc      bad_disk
    xorw    %ax, %ax
    movw    %ax, %es                    /* 08h returns a table in ES:DI for floppies */
    andw    $0x3f, %cx
    jz      bad_disk
    movw    %cx, track_sectors
    movb    %dh, %al
    incw    %ax
    movw    %ax, heads
    movw    $1, %si                     /* sector number */
    movw    $0x7e00, %bx
1:  movw    $3, %di                     /* attempts */
2:  movw    %si, %ax
    xorw    %dx, %dx
    divw    track_sectors
    movw    %dx, %cx
    incw    %cx
    xorw    %dx, %dx
    divw    heads
    movb    %al, %ch                    /* the image is far too small to need bits 8 and 9 */
    movb    %dl, %dh
    movb    boot_drive, %dl
    movw    $0x0201, %ax
    int     $0x13
    jnc     3f
    xorw    %ax, %ax
    movb    boot_drive, %dl
    int     $0x13
    decw    %di
    jnz     2b
    jmp     bad_disk
3:  addw    $512, %bx
    incw    %si
    cmpw    $image_sectors, %si
    jb      1b

loaded:
    cmpw    $0x656e, image_tail         /* "ne" of "nest" */
    jne     bad_disk
    jmp     stage2

too_old:
    movw    $text_old, %si
    jmp     complain
bad_disk:
    movw    $text_bad, %si
complain:
    lodsb
    testb   %al, %al
    jz      1f
    movb    $0x0e, %ah
    movw    $0x0007, %bx
    int     $0x10
    jmp     complain
1:  hlt
    jmp     1b

text_old:   .asciz "nestbox: the built-in disk needs a 386 or better.\r\n"
text_bad:   .asciz "nestbox: the built-in disk cannot be read.\r\n"
boot_drive: .byte 0
track_sectors: .word 0
heads:      .word 0
    .balign 4
packet:     .byte 16, 0
            .word image_sectors - 1
            .word 0x7e00, 0             /* to 0000:7E00 */
            .long 1, 0                  /* from sector 1 */

    /* Disk signature and partition table. Type 7Fh is the one set aside for private use. */
    .org    440
    .ascii  "nest"
    .word   0
    .byte   0x80, 0, 2, 0               /* active; first sector: cylinder 0, head 0, sector 2 */
    .byte   0x7f, 0
    .byte   image_sectors, 0            /* last sector: the image stays on the first track */
    .long   1
    .long   image_sectors - 1
    .skip   48
    .word   0xaa55
