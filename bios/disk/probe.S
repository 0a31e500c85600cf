/* SPDX-License-Identifier: MIT */
/*
 * What machine is this: processor, memory, PCI, disks, ports. Each probe fills variables here;
 * pages.S prints them. Nothing waits: the two speed measurements take about 3 ms together.
 */
    .include "defs.inc"
    .code16
    .text
    .globl  probe_all
    .globl  cpu_kind, cpu_has_id, cpu_vendor, cpu_brand, cpu_signature, cpu_family, cpu_model
    .globl  cpu_stepping, cpu_edx, cpu_ecx, cpu_ext_edx, cpu_has_fpu, tsc_khz, loop_khz
    .globl  e820_map, e820_count, mem_total_kb, mem_source
    .globl  pci_list, pci_count, pci_total, pci_present
    .globl  fd_type, fd_count, hd_count, hd_list, equipment
    .globl  pm_timer_port, pm1a_cnt_port

probe_all:
    call    probe_cpu
    call    probe_memory
    call    probe_pci
    call    probe_disks
    int     $0x11
    movw    %ax, equipment
    movl    $acpi_find, %ebx
    call    pm_call
    call    measure_tsc
    call    measure_loop
    ret

/* ---- processor ---- */

probe_cpu:
    /* A 486 has EFLAGS.AC (18), a processor with CPUID a changeable EFLAGS.ID (21). */
    movb    $3, cpu_kind
    movl    $(1 << 18), %ecx
    call    flag_changes
    jz      probe_fpu
    movb    $4, cpu_kind
    movl    $(1 << 21), %ecx
    call    flag_changes
    jz      probe_fpu
    movb    $1, cpu_has_id

    xorl    %eax, %eax
    cpuid
    movl    %eax, max_leaf
    movl    %ebx, cpu_vendor
    movl    %edx, cpu_vendor + 4
    movl    %ecx, cpu_vendor + 8
    testl   %eax, %eax
    jz      1f
    movl    $1, %eax
    cpuid
    movl    %eax, cpu_signature
    movl    %edx, cpu_edx
    movl    %ecx, cpu_ecx

    movl    cpu_signature, %eax
    movl    %eax, %ebx
    andb    $0x0f, %al
    movb    %al, cpu_stepping
    movl    %ebx, %eax
    shrl    $4, %eax
    andb    $0x0f, %al
    movb    %al, cpu_model
    movb    %bh, %al
    andb    $0x0f, %al
    movzbw  %al, %cx
    /* The extended model counts for families 6 and 15, the extended family for 15. */
    cmpb    $6, %al
    je      2f
    cmpb    $15, %al
    jne     3f
    movl    %ebx, %edx
    shrl    $20, %edx
    movzbw  %dl, %dx
    addw    %dx, %cx
2:  movl    %ebx, %edx
    shrl    $12, %edx
    andb    $0xf0, %dl
    orb     %dl, cpu_model
3:  movw    %cx, cpu_family

1:  movl    $0x80000000, %eax
    cpuid
    movl    %eax, %esi
    cmpl    $0x80000001, %esi
    jb      probe_fpu
    cmpl    $0x8000ffff, %esi           /* old Intels answer with the last basic leaf */
    ja      probe_fpu
    movl    $0x80000001, %eax
    cpuid
    movl    %edx, cpu_ext_edx
    cmpl    $0x80000004, %esi
    jb      probe_fpu
    movl    $0x80000002, %esi
    movw    $cpu_brand, %di
1:  movl    %esi, %eax
    cpuid
    movl    %eax, (%di)
    movl    %ebx, 4(%di)
    movl    %ecx, 8(%di)
    movl    %edx, 12(%di)
    addw    $16, %di
    incl    %esi
    cmpl    $0x80000004, %esi
    jbe     1b

probe_fpu:
    /* Presence is that FNINIT and FNSTSW write what they must; EM would make them fault. */
    movl    %cr0, %eax
    movl    %eax, %edx
    andl    $~0x0c, %eax                /* EM, TS */
    movl    %eax, %cr0
    movw    $0x5a5a, fpu_word
    fninit
    fnstsw  fpu_word
    cmpb    $0, fpu_word
    jne     1f
    fnstcw  fpu_word
    movw    fpu_word, %ax
    andw    $0x103f, %ax
    cmpw    $0x003f, %ax
    jne     1f
    movb    $1, cpu_has_fpu
1:  movl    %edx, %cr0
    ret

/* ZF clear when the EFLAGS bit ECX can be changed. */
flag_changes:
    pushfl
    popl    %eax
    movl    %eax, %edx
    xorl    %ecx, %eax
    pushl   %eax
    popfl
    pushfl
    popl    %eax
    pushl   %edx
    popfl
    xorl    %edx, %eax
    testl   %ecx, %eax
    ret

/* ---- speed ---- */

/* PIT channel 2 free-running, speaker off; port 61h as it was is kept in port61. */
pit_begin:
    inb     $0x61, %al
    movb    %al, port61
    andb    $0xfd, %al
    orb     $1, %al
    outb    %al, $0x61
    movb    $0xb4, %al                  /* channel 2, low then high, mode 2 */
    outb    %al, $0x43
    movb    $0, %al
    outb    %al, $0x42
    outb    %al, $0x42
    ret

pit_end:
    pushw   %ax
    movb    port61, %al
    outb    %al, $0x61
    popw    %ax
    ret

/* AX = count of channel 2 */
pit_read:
    movb    $0x80, %al
    outb    %al, $0x43
    inb     $0x42, %al
    movb    %al, %ah
    inb     $0x42, %al
    xchgb   %al, %ah
    ret

/*
 * A pair (TSC, PIT) read together: EBX, BP. Of four attempts the one with the least time between
 * the two readings counts, so that an interruption by the host does not spoil the figure.
 */
tsc_pit_pair:
    movl    $-1, %edi
    movw    $4, %cx
1:  rdtsc
    movl    %eax, %esi
    call    pit_read
    movw    %ax, pit_now
    rdtsc
    movl    %eax, %edx
    subl    %esi, %edx
    cmpl    %edi, %edx
    jae     2f
    movl    %edx, %edi
    movl    %eax, %ebx
    movw    pit_now, %bp
2:  loop    1b
    ret

measure_tsc:
    testl   $FEAT_TSC, cpu_edx
    jz      3f
    pushfl
    cli
    call    pit_begin
    call    tsc_pit_pair
    pushl   %ebx
    pushw   %bp
    movl    $0x40000, %ecx              /* should the PIT stand still, give up */
1:  call    pit_read
    movw    %bp, %dx
    subw    %ax, %dx
    cmpw    $2386, %dx                  /* 2 ms */
    jae     2f
    decl    %ecx
    jnz     1b
2:  call    tsc_pit_pair
    popw    %ax
    subw    %bp, %ax
    popl    %edx
    subl    %edx, %ebx
    call    pit_end
    popfl
    movzwl  %ax, %ecx
    cmpw    $2386, %ax
    jb      3f
    movl    %ebx, %eax
    call    per_millisecond
    movl    %eax, tsc_khz
3:  ret

/* EAX events in ECX PIT periods -> EAX events per ms. */
per_millisecond:
    movl    $1193182, %edx
    mull    %edx
    imull   $1000, %ecx, %ecx
    cmpl    %ecx, %edx
    jae     1f
    divl    %ecx
    ret
1:  xorl    %eax, %eax
    ret

/* How fast a loop of two instructions runs: the figure that compares processors without a TSC. */
measure_loop:
    pushfl
    cli
    call    pit_begin
    movl    $512, %esi
1:  shll    $1, %esi
    call    pit_read
    movw    %ax, %bx
    movl    %esi, %ecx
2:  decl    %ecx
    jnz     2b
    call    pit_read
    subw    %ax, %bx
    cmpw    $600, %bx                   /* half a millisecond */
    jae     3f
    cmpl    $1 << 24, %esi
    jb      1b
3:  call    pit_end
    popfl
    movzwl  %bx, %ecx
    jcxz    4f
    movl    %esi, %eax
    call    per_millisecond
    movl    %eax, loop_khz
4:  ret

/* ---- memory ---- */

probe_memory:
    xorl    %ebx, %ebx
    movw    $e820_map, %di
1:  movl    $1, 20(%di)                 /* a BIOS that knows 20-byte entries only leaves this */
    movl    $0xe820, %eax
    movl    $0x534d4150, %edx           /* "SMAP" */
    movl    $E820_SIZE, %ecx
    int     $0x15
    jc      2f
    cmpl    $0x534d4150, %eax
    jne     2f
    movl    8(%di), %eax                /* empty entries say nothing */
    orl     12(%di), %eax
    jz      3f
    addw    $E820_SIZE, %di
    incw    e820_count
    cmpw    $MAX_E820, e820_count
    jae     2f
3:  testl   %ebx, %ebx
    jnz     1b
2:  movw    $text_e820, mem_source
    cmpw    $0, e820_count
    jne     memory_sum

    /* Older BIOSes: E801 counts 1-16 MB in KB and what is above in 64 KB, 88h up to 64 MB. */
    int     $0x12
    movzwl  %ax, %eax
    xorl    %edx, %edx
    call    memory_add
    movw    $text_e801, mem_source
    movw    $0xe801, %ax
    xorw    %cx, %cx
    xorw    %dx, %dx
    int     $0x15
    jc      4f
    jcxz    5f
    movw    %cx, %ax
    movw    %dx, %bx
5:  movzwl  %ax, %eax
    movl    $0x100000, %edx
    call    memory_add
    movzwl  %bx, %eax
    shll    $6, %eax
    movl    $0x1000000, %edx
    call    memory_add
    jmp     memory_sum
4:  movw    $text_88, mem_source
    movb    $0x88, %ah
    int     $0x15
    jc      memory_sum
    movzwl  %ax, %eax
    movl    $0x100000, %edx
    call    memory_add

memory_sum:
    movw    $e820_map, %di
    movw    e820_count, %cx
    xorl    %esi, %esi
    jcxz    3f
1:  cmpl    $1, 16(%di)
    jne     2f
    movl    8(%di), %eax
    movl    12(%di), %edx
    shrdl   $10, %edx, %eax
    addl    %eax, %esi
2:  addw    $E820_SIZE, %di
    loop    1b
3:  movl    %esi, mem_total_kb
    ret

/* Append EAX KB of RAM at EDX to the map; DI is its end. */
memory_add:
    testl   %eax, %eax
    jz      1f
    movl    %edx, (%di)
    movl    $0, 4(%di)
    shll    $10, %eax
    movl    %eax, 8(%di)
    movl    $0, 12(%di)
    movl    $1, 16(%di)
    addw    $E820_SIZE, %di
    incw    e820_count
1:  ret

/* ---- PCI ---- */

/* EAX = the dword at offset BL of function BH (device << 3 | function) of bus 0. */
pci_read:
    movl    $0x80000000, %eax
    movb    %bh, %ah
    movb    %bl, %al
    movw    $0xcf8, %dx
    outl    %eax, %dx
    movw    $0xcfc, %dx
    inl     %dx, %eax
    ret

probe_pci:
    /* Mechanism 1 is there when CF8h keeps what is written to it. */
    movw    $0xcf8, %dx
    inl     %dx, %eax
    pushl   %eax
    movl    $0x80000000, %eax
    outl    %eax, %dx
    inl     %dx, %eax
    movl    %eax, %ecx
    popl    %eax
    outl    %eax, %dx
    cmpl    $0x80000000, %ecx
    jne     9f
    movb    $1, pci_present
    xorw    %bx, %bx
    movw    $pci_list, %di
1:  movb    $0x00, %bl
    call    pci_read
    cmpw    $0xffff, %ax
    je      5f
    testw   %ax, %ax
    jz      5f
    incw    pci_total
    cmpw    $MAX_PCI, pci_count
    jae     4f
    incw    pci_count
    movl    %eax, 8(%di)
    movb    $0x08, %bl
    call    pci_read
    movl    %eax, 4(%di)                /* class, subclass, interface, revision */
    movb    $0x3c, %bl
    call    pci_read
    movb    %bh, (%di)
    movb    $0, 1(%di)
    testb   %ah, %ah                    /* no interrupt pin: the line means nothing */
    jz      3f
    movb    %al, 1(%di)
3:  addw    $PCI_SIZE, %di
4:  testb   $7, %bh
    jnz     6f
    movb    $0x0c, %bl
    call    pci_read
    testl   $0x800000, %eax             /* header type: several functions? */
    jnz     6f
    addb    $7, %bh
    jmp     6f
5:  testb   $7, %bh                     /* no function 0, no device */
    jnz     6f
    addb    $7, %bh
6:  incb    %bh
    jnz     1b
9:  ret

/* ---- disks ---- */

probe_disks:
    movb    $0, %dl
1:  pushw   %dx
    movb    $0x08, %ah
    xorw    %di, %di
    int     $0x13
    sti
    movw    $0, %ax
    movw    %ax, %es
    movb    %dl, %ch                    /* number of floppy drives */
    popw    %dx
    jc      2f
    movb    %ch, fd_count
    cmpb    %ch, %dl
    jae     2f
    movzbw  %dl, %si
    movb    %bl, fd_type(%si)
    incb    %dl
    cmpb    $2, %dl
    jb      1b
2:
    movzbw  BDA_HD_COUNT, %cx
    movb    %cl, hd_count
    cmpw    $MAX_HD, %cx
    jbe     3f
    movw    $MAX_HD, %cx
3:  testw   %cx, %cx
    jz      9f
    movw    $hd_list, %di
    movb    $0x80, %dl
4:  pushw   %cx
    pushw   %dx
    pushw   %di
    movb    $0x08, %ah
    int     $0x13
    sti
    popw    %di
    jc      5f
    movb    %cl, %al
    andw    $0x3f, %ax
    movw    %ax, 8(%di)                 /* sectors per track */
    movb    %ch, %al
    movb    %cl, %ah
    shrb    $6, %ah
    incw    %ax
    movw    %ax, 4(%di)                 /* cylinders */
    movzbw  %dh, %ax
    incw    %ax
    movw    %ax, 6(%di)                 /* heads */
    mulw    8(%di)
    movw    %dx, %bx
    shll    $16, %ebx
    movw    %ax, %bx
    movzwl  4(%di), %eax
    mull    %ebx
    movl    %eax, (%di)
5:  popw    %dx
    pushw   %dx
    movb    $0x41, %ah
    movw    $0x55aa, %bx
    int     $0x13
    sti
    popw    %dx
    jc      6f
    cmpw    $0xaa55, %bx
    jne     6f
    testb   $1, %cl
    jz      6f
    movb    $1, 10(%di)
    movw    $26, edd_buffer
    movw    $edd_buffer, %si
    pushw   %dx
    movb    $0x48, %ah
    int     $0x13
    sti
    popw    %dx
    jc      6f
    movl    edd_buffer + 16, %eax
    cmpl    $0, edd_buffer + 20         /* beyond 2 TB: as much as fits */
    je      7f
    movl    $-1, %eax
7:  movl    %eax, (%di)
6:  popw    %cx
    addw    $HD_SIZE, %di
    incb    %dl
    decw    %cx
    jnz     4b
9:  ret

/* ---- ACPI: where is the PM timer ---- */

    .code32
acpi_find:
    movzwl  BDA_EBDA_SEG, %esi
    shll    $4, %esi
    jz      1f
    leal    1024(%esi), %edi
    call    rsdp_scan
    jnc     2f
1:  movl    $0xe0000, %esi
    movl    $0x100000, %edi
    call    rsdp_scan
    jc      9f
2:  movl    16(%esi), %esi              /* RSDT */
    cmpl    $0x54445352, (%esi)         /* "RSDT" */
    jne     9f
    movl    4(%esi), %ecx
    cmpl    $40, %ecx
    jb      9f
    cmpl    $4096, %ecx
    ja      9f
    call    acpi_sum
    jnz     9f
    subl    $36, %ecx
    shrl    $2, %ecx
    addl    $36, %esi
3:  movl    (%esi), %edi
    addl    $4, %esi
    cmpl    $0x50434146, (%edi)         /* "FACP" */
    je      4f
    loop    3b
    jmp     9f
4:  cmpl    $116, 4(%edi)               /* the FADT of ACPI 1.0 */
    jb      9f
    movl    64(%edi), %eax              /* PM1a_CNT_BLK */
    cmpl    $0x10000, %eax
    jae     5f
    movw    %ax, pm1a_cnt_port
5:  movl    76(%edi), %eax              /* PM_TMR_BLK */
    cmpl    $0x10000, %eax
    jae     9f
    cmpb    $4, 91(%edi)                /* PM_TMR_LEN */
    jne     9f
    movw    %ax, pm_timer_port
9:  ret

/* Find "RSD PTR " between ESI and EDI; carry set when it is not there. */
rsdp_scan:
1:  cmpl    $0x20445352, (%esi)
    jne     2f
    cmpl    $0x20525450, 4(%esi)
    jne     2f
    movl    $20, %ecx
    call    acpi_sum
    jz      3f
2:  addl    $16, %esi
    cmpl    %edi, %esi
    jb      1b
    stc
    ret
3:  clc
    ret

/* ZF set when the ECX bytes at ESI sum to zero. */
acpi_sum:
    pushl   %ecx
    pushl   %esi
    xorl    %edx, %edx
1:  lodsb
    addb    %al, %dl
    loop    1b
    popl    %esi
    popl    %ecx
    testb   %dl, %dl
    ret

    .section .rodata, "a"
text_e820:  .asciz "E820"
text_e801:  .asciz "E801"
text_88:    .asciz "88h"

    .bss
    .balign 4
cpu_signature:  .skip 4
cpu_edx:        .skip 4
cpu_ecx:        .skip 4
cpu_ext_edx:    .skip 4
max_leaf:       .skip 4
tsc_khz:        .skip 4
loop_khz:       .skip 4
mem_total_kb:   .skip 4
e820_map:       .skip MAX_E820 * E820_SIZE + E820_SIZE
pci_list:       .skip MAX_PCI * PCI_SIZE
hd_list:        .skip MAX_HD * HD_SIZE
edd_buffer:     .skip 32
cpu_vendor:     .skip 16
cpu_brand:      .skip 52
cpu_family:     .skip 2
e820_count:     .skip 2
mem_source:     .skip 2
pci_count:      .skip 2
pci_total:      .skip 2
equipment:      .skip 2
pm_timer_port:  .skip 2
pm1a_cnt_port:  .skip 2
pit_now:        .skip 2
fpu_word:       .skip 2
fd_type:        .skip 2
fd_count:       .skip 1
hd_count:       .skip 1
port61:         .skip 1
cpu_kind:       .skip 1
cpu_has_id:     .skip 1
cpu_has_fpu:    .skip 1
cpu_model:      .skip 1
cpu_stepping:   .skip 1
pci_present:    .skip 1
