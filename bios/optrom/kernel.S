/* SPDX-License-Identifier: MIT */
/*
 * The option ROM that starts a kernel given with -kernel. machine/kernel.c fills the table below with
 * what to load and where, patches the checksums and hands the ROM to the firmware as a fw_cfg file
 * "genroms/nestbox-kernel.rom"; the firmware runs it like any boot device (BIOS Boot Specification 1.01,
 * appendix B: expansion header with a bootstrap entry vector).
 *
 * Every item is copied by the fw_cfg DMA interface, which reaches all of memory from real mode.
 */
    .code16
    .text
    .globl  _start

    DESC = 0x7000                   /* DMA descriptor, in conventional memory nobody else uses now */
    MMAP = 0x7100                   /* multiboot memory map: up to 32 entries of 24 bytes */

_start:
    .word   0xaa55
    .byte   (rom_end - _start) / 512
    jmp     init                    /* near or short: three bytes are reserved */
    .org    0x18
    .word   0                       /* no PCI data: the firmware takes it from fw_cfg */
    .word   pnp

/* ---- parameters: the loader writes here (offsets in machine/kernel.c) */
    .org    0x20
kind:    .long  0                   /* 0 Linux, 1 multiboot */
entry:   .long  0                   /* multiboot: entry point */
info:    .long  0                   /* multiboot: address of the information structure */
count:   .long  0
table:   .fill  8 * 3, 4, 0         /* key, address, length */

    .balign 16
pnp:
    .ascii  "$PnP"
    .byte   1, 2                    /* revision, length in 16 bytes */
    .word   0                       /* next header */
    .byte   0, 0                    /* reserved, checksum */
    .long   0                       /* device identifier */
    .word   vendor, product
    .byte   0, 0, 0                 /* class */
    .byte   0x40                    /* boots */
    .word   0                       /* boot connection vector */
    .word   0                       /* disconnect vector */
    .word   boot                    /* bootstrap entry vector */
    .word   0, 0
vendor:  .asciz "nestbox"
product: .asciz "kernel given with -kernel"

init:
    movw    $0x20, %ax              /* an IPL device is attached */
    lret

boot:
    cli
    cld
    xorw    %ax, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %ss
    movw    $0x7000, %sp
    movl    %cs:count, %ecx
    movw    $table, %si
1:  jecxz   2f
    call    load_item
    addw    $12, %si
    decl    %ecx
    jmp     1b
2:  cmpl    $0, %cs:kind
    jne     multiboot

    /* Linux boot protocol: all segments at the setup code, entry 20h paragraphs behind it */
    movw    $0x1000, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %fs
    movw    %ax, %gs
    movw    %ax, %ss
    movw    $0xe000, %sp
    ljmp    $0x1020, $0

/* One entry of the table at %cs:(%si): the descriptor is big-endian; ports 514h and 518h take its
 * address, high half first. */
load_item:
    pushl   %ecx
    movl    %cs:(%si), %eax
    shll    $16, %eax
    orl     $0x0a, %eax             /* select, read */
    bswapl  %eax
    movl    %eax, DESC
    movl    %cs:8(%si), %eax
    bswapl  %eax
    movl    %eax, DESC + 4
    movl    $0, DESC + 8
    movl    %cs:4(%si), %eax
    bswapl  %eax
    movl    %eax, DESC + 12
    xorl    %eax, %eax
    movw    $0x514, %dx
    outl    %eax, %dx
    movl    $DESC, %eax
    bswapl  %eax
    movw    $0x518, %dx
    outl    %eax, %dx
1:  movl    DESC, %eax              /* done when all but the error bit is clear */
    bswapl  %eax
    testl   $~1, %eax
    jnz     1b
    testl   $1, %eax
    jnz     load_failed
    popl    %ecx
    ret

load_failed:
    movw    $message, %si
1:  lodsb   %cs:(%si), %al
    testb   %al, %al
    jz      2f
    movb    $0x0e, %ah
    movw    $7, %bx
    int     $0x10
    jmp     1b
2:  hlt
    jmp     2b
message: .asciz "nestbox: the kernel could not be copied into guest memory\r\n"

/* Multiboot 0.6.96, 3.2 and 3.3: memory map by INT 15h E820, then flat protected mode. */
multiboot:
    sti
    movl    $MMAP, %edi
    xorl    %ebx, %ebx
1:  movl    $0xe820, %eax
    movl    $0x534d4150, %edx
    movl    $20, %ecx
    movl    $20, (%di)
    addw    $4, %di
    int     $0x15
    jc      2f
    cmpl    $0x534d4150, %eax
    jne     2f
    addw    $20, %di
    cmpw    $MMAP + 32 * 24, %di
    jae     3f
    testl   %ebx, %ebx
    jnz     1b
    jmp     3f
2:  subw    $4, %di
3:  movzwl  %di, %eax
    subl    $MMAP, %eax
    cli
    movl    %cs:info, %ebx
    movl    %cs:entry, %ebp
    movl    %eax, %ecx              /* length of the map */

    xorl    %eax, %eax
    movw    %cs, %ax
    shll    $4, %eax                /* where the ROM runs */
    leal    gdt(%eax), %edx
    movl    %edx, DESC + 2
    movw    $gdt_end - gdt - 1, DESC
    lgdtl   DESC
    pushl   $0x08
    leal    protected(%eax), %edx
    pushl   %edx
    movl    %cr0, %eax
    orb     $1, %al
    movl    %eax, %cr0
    lretl

    .code32
protected:
    movw    $0x10, %ax
    movw    %ax, %ds
    movw    %ax, %es
    movw    %ax, %fs
    movw    %ax, %gs
    movw    %ax, %ss
    orl     $0x40, (%ebx)           /* flags: mmap_* are valid */
    movl    %ecx, 44(%ebx)
    movl    $MMAP, 48(%ebx)
    movl    $0x2badb002, %eax
    jmp     *%ebp

    .balign 8
gdt:
    .quad   0
    .quad   0x00cf9a000000ffff
    .quad   0x00cf92000000ffff
gdt_end:
    .balign 512
rom_end:
