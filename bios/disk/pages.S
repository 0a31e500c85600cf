/* SPDX-License-Identifier: MIT */
/*
 * What is shown: the bars, the overview, and the pages behind F1-F3. Each draw function paints
 * rows 1-21 of a cleared screen. The summaries that the log wants share the print_ functions.
 */
    .include "defs.inc"
    .code16
    .text
    .globl  draw_frame, draw_overview, draw_help, draw_selftest, draw_details
    .globl  print_brand, print_tsc, print_floppies, print_hard_disk, print_ports, print_input
    .globl  print_slot, print_cpu, print_speed, print_features, print_tests, print_test_list

.macro HEADING row, col, text:vararg
    AT      \row, \col
    ATTR    HEAD
    SAY     \text
    ATTR    TEXT
.endm

.macro BAR_ITEM key, text
    ATTR    BAR_KEY
    SAY     "\key"
    ATTR    BAR_TEXT
    SAY     "\text"
.endm

draw_frame:
    AT      0, 0
    ATTR    BAR
    call    screen_fill
    AT      0, 1
    SAY     "nestbox"
    ATTR    BAR_TEXT
    SAY     "   built-in disk: there was nothing else to start"
    AT      24, 0
    call    screen_fill
    AT      24, 1
    BAR_ITEM "F1", " help   "
    BAR_ITEM "F2", " self-test   "
    BAR_ITEM "F3", " memory and PCI   "
    BAR_ITEM "Esc", " restart   "
    BAR_ITEM "F10", " leave"
    ATTR    TEXT
    ret

/* ---- overview ---- */

draw_overview:
    HEADING 2, 1, "Processor"
    ATTR    BRIGHT
    AT      2, 13
    call    print_cpu
    ATTR    TEXT
    AT      3, 13
    cmpb    $0, cpu_brand
    je      1f
    call    print_brand
    SAY     ", "
1:  call    print_speed
    AT      4, 13, 66
    movw    $2, feature_rows
    ATTR    DIM
    call    print_features
    ATTR    TEXT

    HEADING 7, 1, "Memory"
    AT      7, 13
    ATTR    BRIGHT
    movl    mem_total_kb, %eax
    movb    $1, %cl
    call    put_size
    ATTR    TEXT
    SAY     " usable by "
    movw    mem_source, %si
    call    puts
    movw    $(8 * 160 + 2), table_pos
    movw    $6, table_rows
    call    draw_memory

    HEADING 7, 41, "PCI bus 0"
    movw    $(8 * 160 + 82), table_pos
    movw    $6, table_rows
    call    draw_pci

    HEADING 15, 1, "Disks"
    AT      16, 1, 38
    call    print_floppies
    AT      17, 1, 38
    xorw    %bx, %bx
    call    print_hard_disk
    AT      18, 1, 38
    movw    $1, %bx
    call    print_hard_disk

    HEADING 19, 1, "Ports"
    AT      19, 13, 27
    call    print_ports
    AT      20, 13, 27
    call    print_input

    HEADING 15, 41, "Clocks"
    AT      16, 41
    SAY     "TSC        "
    call    print_tsc
    AT      17, 41
    SAY     "PIT        "
    AT      18, 41
    SAY     "PM timer   "
    cmpw    $0, pm_timer_port
    jne     2f
    SAY     "none (ACPI names none)"
2:  AT      19, 41
    SAY     "RTC        "
    HEADING 22, 1, "Self-test"
    AT      22, 13
    call    print_tests
    ret

/* "GenuineIntel family 6 model 1 stepping 9 (00000619)" */
print_cpu:
    cmpb    $0, cpu_has_id
    jne     2f
    cmpb    $4, cpu_kind
    je      1f
    SAY     "386 (no CPUID)"
    jmp     3f
1:  SAY     "486 (no CPUID)"
    jmp     3f
2:  movw    $cpu_vendor, %si
    call    puts
    SAY     " family "
    movzwl  cpu_family, %eax
    call    put_dec
    SAY     " model "
    movzbl  cpu_model, %eax
    call    put_dec
    SAY     " stepping "
    movzbl  cpu_stepping, %eax
    call    put_dec
3:  cmpb    $0, cpu_has_fpu
    jne     4f
    SAY     ", no x87"
4:  ret

/* The brand string without the blanks that Intel pads it with in front. */
print_brand:
    movw    $cpu_brand, %si
1:  lodsb
    cmpb    $' ', %al
    je      1b
    decw    %si
    call    puts
    ret

/* "812.3 million loops a second" */
print_speed:
    movl    loop_khz, %eax
    testl   %eax, %eax
    jz      2f
    cmpl    $1000, %eax
    jb      1f
    xorl    %edx, %edx
    movl    $100, %ebx
    divl    %ebx
    call    put_tenths
    SAY     " million loops/s"
    ret
1:  call    put_dec
    SAY     " thousand loops/s"
    ret
2:  SAY     "speed not measured"
    ret

print_tsc:
    movl    tsc_khz, %eax
    testl   %eax, %eax
    jz      1f
    xorl    %edx, %edx
    movl    $100, %ebx
    divl    %ebx
    call    put_tenths
    SAY     " MHz"
    ret
1:  SAY     "none"
    ret

/* Names of all features; on the screen, over feature_rows rows of the clip region. */
print_features:
    movl    cpu_edx, %eax
    movw    $names_edx, %si
    call    1f
    movl    cpu_ecx, %eax
    movw    $names_ecx, %si
    call    1f
    movl    cpu_ext_edx, %eax
    movw    $names_ext, %si
1:  /* records: bit number, name; 255 ends */
    movzbw  (%si), %cx
    incw    %si
    cmpb    $255, %cl
    je      4f
    btl     %ecx, %eax
    jnc     3f
    call    feature_fits
    call    puts
    pushw   %ax
    SAYC    ' '
    popw    %ax
    jmp     1b
3:  cmpb    $0, (%si)                   /* skip the name */
    leaw    1(%si), %si
    jne     3b
    jmp     1b
4:  ret

/* Go to the next row when the name at SI does not fit this one. */
feature_fits:
    cmpw    $screen_putc, out_fn
    jne     3f
    pushw   %si
    pushw   %ax
    movw    scr_pos, %dx
1:  lodsb
    addw    $2, %dx
    testb   %al, %al
    jnz     1b
    popw    %ax
    popw    %si
    subw    $2, %dx
    cmpw    scr_end, %dx
    jbe     3f
    decw    feature_rows
    jz      2f
    movw    scr_end, %dx
    addw    $160, scr_end
    addw    $(160 - 66 * 2), %dx
    movw    %dx, scr_pos
    ret
2:  movw    scr_end, %dx                /* no more rows: nothing shows any more */
    movw    %dx, scr_pos
    movw    $1, feature_rows
3:  ret

/* The E820 map: table_rows rows at table_pos. */
draw_memory:
    movw    $e820_map, %di
    movw    e820_count, %cx
    jcxz    5f
1:  call    table_row
    jc      5f
    pushw   %cx
    movl    (%di), %eax
    movl    4(%di), %edx
    call    put_hex64
    SAY     "-"
    addl    8(%di), %eax
    adcl    12(%di), %edx
    subl    $1, %eax
    sbbl    $0, %edx
    call    put_hex64
    movl    8(%di), %eax
    movl    12(%di), %edx
    shrdl   $10, %edx, %eax
    movb    $8, %cl
    call    put_size
    SAY     " "
    movl    16(%di), %eax
    movw    $text_other, %si
    cmpl    $5, %eax
    ja      2f
    movw    %ax, %bx
    shlw    $1, %bx
    movw    memory_types(%bx), %si
2:  call    puts
    popw    %cx
    addw    $E820_SIZE, %di
    loop    1b
5:  ret

/*
 * Place the position on the next row of the table whose remaining rows are in table_rows. CX is
 * what is left to print: if it does not fit, the last row says how much there is. Carry: stop.
 */
table_row:
    pushl   %eax
    movw    table_pos, %ax
    movw    %ax, scr_pos
    addw    $78, %ax
    movw    %ax, scr_end
    addw    $160, table_pos
    cmpw    $1, table_rows
    jb      2f
    ja      1f
    cmpw    $1, %cx
    je      1f
    ATTR    DIM
    SAY     "and "
    movzwl  %cx, %eax
    call    put_dec
    SAY     " more: F3"
    ATTR    TEXT
2:  popl    %eax
    stc
    ret
1:  decw    table_rows
    popl    %eax
    clc
    ret

draw_pci:
    movw    pci_count, %cx
    movw    $pci_list, %di
    jcxz    5f
1:  call    table_row
    jc      9f
    pushw   %cx
    call    print_slot
    SAY     " "
    movl    8(%di), %eax
    movb    $4, %cl
    call    put_hex
    SAY     ":"
    shrl    $16, %eax
    call    put_hex
    SAY     " "
    call    print_class
    cmpb    $0, 1(%di)
    je      2f
    cmpb    $0xff, 1(%di)
    je      2f
    movw    scr_end, %ax                /* the interrupt right-aligned */
    subw    $(6 * 2), %ax
    movw    %ax, scr_pos
    ATTR    DIM
    SAY     "IRQ"
    movzbl  1(%di), %eax
    movw    $(' ' << 8 | 3), %cx
    call    put_dec_pad
    ATTR    TEXT
2:  popw    %cx
    addw    $PCI_SIZE, %di
    loop    1b
    ret
5:  call    table_row
    SAY     "no PCI configuration mechanism 1"
9:  ret

/* "01.1" of the entry at DI */
print_slot:
    pushl   %eax
    pushw   %cx
    movzbl  (%di), %eax
    shrb    $3, %al
    movb    $2, %cl
    call    put_hex
    SAY     "."
    movb    (%di), %al
    andb    $7, %al
    movb    $1, %cl
    call    put_hex
    popw    %cx
    popl    %eax
    ret

/* The class of the entry at DI in words. */
print_class:
    movw    6(%di), %ax                 /* base class, subclass */
    movw    $class_names, %bx
1:  cmpw    $0xffff, (%bx)
    je      3f
    cmpw    %ax, (%bx)
    je      3f
    cmpb    $0xff, (%bx)                /* any subclass */
    jne     2f
    cmpb    %ah, 1(%bx)
    je      3f
2:  addw    $4, %bx
    jmp     1b
3:  movw    2(%bx), %si
    call    puts
    ret

/* "Floppy A 1.44 MB, B none" */
print_floppies:
    SAY     "Floppy A "
    xorw    %bx, %bx
    call    1f
    SAY     ", B "
    movw    $1, %bx
1:  movw    $text_none, %si
    cmpb    %bl, fd_count
    jbe     2f
    movzbw  fd_type(%bx), %bx
    movw    $text_other, %si
    cmpw    $6, %bx
    ja      2f
    shlw    $1, %bx
    movw    floppy_types(%bx), %si
2:  call    puts
    ret

/* Hard disk BX (from 0). */
print_hard_disk:
    cmpb    %bl, hd_count
    jbe     9f
    cmpw    $MAX_HD, %bx
    jae     9f
    SAY     "Disk "
    movzwl  %bx, %eax
    addb    $0x80, %al
    movb    $2, %cl
    call    put_hex
    SAY     "h   "
    movw    %bx, %di
    imulw   $HD_SIZE, %di, %di
    movl    hd_list(%di), %eax
    shrl    $1, %eax
    movb    $1, %cl
    call    put_size
    SAY     ", "
    movzwl  hd_list + 4(%di), %eax
    call    put_dec
    SAY     "/"
    movzwl  hd_list + 6(%di), %eax
    call    put_dec
    SAY     "/"
    movzwl  hd_list + 8(%di), %eax
    call    put_dec
    cmpb    $0, hd_list + 10(%di)
    je      9f
    SAY     " EDD"
9:  ret

/* "COM1 3F8  LPT1 378" from the BIOS data area. */
print_ports:
    xorw    %bx, %bx
    movb    $0, %ch                     /* anything printed yet? */
1:  movw    BDA_COM(%bx), %ax
    cmpw    $(4 * 2), %bx
    jb      2f
    cmpw    $(7 * 2), %bx
    jae     9f
2:  testw   %ax, %ax
    jz      5f
    testb   %ch, %ch
    jz      3f
    SAY     "  "
3:  incb    %ch
    pushw   %ax
    movb    $'1', %dl
    cmpw    $(4 * 2), %bx
    jae     4f
    SAY     "COM"
    movw    %bx, %ax
    jmp     6f
4:  SAY     "LPT"
    leaw    -8(%bx), %ax
6:  shrw    $1, %ax
    addb    %dl, %al
    call    putc
    SAY     " "
    popw    %ax
    movb    $3, %cl
    call    put_hex
5:  addw    $2, %bx
    jmp     1b
9:  testb   %ch, %ch
    jnz     1f
    SAY     "none"
1:  ret

print_input:
    movw    $text_83, %si
    testb   $0x10, BDA_KEYBOARD3
    jz      1f
    movw    $text_101, %si
1:  call    puts
    testb   $4, equipment
    jz      1f
    SAY     ", PS/2 mouse"
1:  ret

/* "43 passed, 0 failed, 2 not applicable: mmx, sse" */
print_tests:
    movzwl  tests_passed, %eax
    ATTR    GOOD
    call    put_dec
    SAY     " passed"
    ATTR    TEXT
    SAY     ", "
    movzwl  tests_failed, %eax
    testw   %ax, %ax
    jz      1f
    ATTR    BAD
1:  call    put_dec
    SAY     " failed"
    ATTR    TEXT
    cmpw    $0, tests_skipped
    je      2f
    SAY     ", "
    movzwl  tests_skipped, %eax
    call    put_dec
    SAY     " not for this machine"
2:  ret

/* ---- self-test page ---- */

/* SI = name of test BX */
test_name:
    movw    %bx, %si
    incw    %si
    cmpw    tests_count, %si
    je      1f                          /* the last one runs in real mode and has no table entry */
    decw    %si
    shlw    $2, %si
    movw    tests_start(%si), %si
    ret
1:  movw    $name_real_mode, %si
    ret

draw_selftest:
    HEADING 2, 1, "Self-test"
    AT      2, 13
    call    print_tests
    AT      3, 13
    ATTR    DIM
    SAY     "32-bit protected mode with paging, the last one real mode"
    ATTR    TEXT
    xorw    %bx, %bx
1:  movw    %bx, %ax                    /* columns of 16 */
    movw    %bx, %dx
    shrw    $4, %ax
    andw    $15, %dx
    imulw   $160, %dx, %dx
    imulw   $(26 * 2), %ax, %ax
    addw    %dx, %ax
    addw    $(5 * 160 + 2), %ax
    movw    %ax, scr_pos
    addw    $50, %ax
    movw    %ax, scr_end
    call    print_test
    incw    %bx
    cmpw    tests_count, %bx
    jae     2f
    cmpw    $48, %bx
    jb      1b
2:  AT      22, 1
    ATTR    DIM
    SAY     "F2 runs it again, any other key goes back."
    ATTR    TEXT
    ret

/* "PASS name", "skip name" or "FAIL name (check 3)" for test BX */
print_test:
    movb    test_results(%bx), %dl
    testb   %dl, %dl
    jnz     1f
    ATTR    GOOD
    SAY     "PASS "
    jmp     3f
1:  cmpb    $SKIPPED, %dl
    jne     2f
    ATTR    DIM
    SAY     "skip "
    jmp     3f
2:  ATTR    BAD
    SAY     "FAIL "
3:  cmpb    $SKIPPED, %dl
    je      4f
    ATTR    TEXT
4:  call    test_name
    call    puts
    testb   %dl, %dl
    jz      6f
    cmpb    $SKIPPED, %dl
    je      6f
    cmpb    $UNEXPECTED, %dl
    jne     5f
    SAY     " (exception)"
    jmp     6f
5:  SAY     " ("
    movzbl  %dl, %eax
    call    put_dec
    SAY     ")"
6:  ATTR    TEXT
    ret

/* All of them, one a line, for the log. */
print_test_list:
    xorw    %bx, %bx
1:  call    print_test
    SAYC    '\n'
    incw    %bx
    cmpw    tests_count, %bx
    jb      1b
    ret

/* ---- memory and PCI in full ---- */

draw_details:
    HEADING 2, 1, "Memory map"
    movw    $(3 * 160 + 2), table_pos
    movw    $18, table_rows
    call    draw_memory
    HEADING 2, 41, "PCI bus 0"
    movw    $(3 * 160 + 82), table_pos
    movw    $18, table_rows
    call    draw_pci
    AT      22, 1
    ATTR    DIM
    SAY     "Any key goes back."
    ATTR    TEXT
    ret

/* ---- help ---- */

draw_help:
    movw    $help_lines, %di
    movw    $(2 * 160 + 4), %bx
1:  movw    (%di), %si
    testw   %si, %si
    jz      2f
    movw    %bx, scr_pos
    leaw    156(%bx), %ax
    movw    %ax, scr_end
    movb    2(%di), %al
    movb    %al, scr_attr
    call    puts
    addw    $160, %bx
    addw    $3, %di
    jmp     1b
2:  ATTR    TEXT
    ret

.macro HELP colour, text:vararg
    .pushsection .rodata.help, "a"
.Lhelp\@:
    .asciz  \text
    .popsection
    .word   .Lhelp\@
    .byte   \colour
.endm

    .section .rodata, "a"
help_lines:
    HELP HEAD,   "How to start a guest"
    HELP TEXT,   ""
    HELP TEXT,   "Close this window, and give nestbox something to boot:"
    HELP TEXT,   ""
    HELP BRIGHT, "    nestbox -hda disk.img"
    HELP DIM,    "        a hard disk image"
    HELP BRIGHT, "    nestbox -fda floppy.img"
    HELP DIM,    "        a floppy image"
    HELP BRIGHT, "    nestbox -kernel bzImage -initrd initrd.gz -append console=ttyS0"
    HELP DIM,    "        a Linux kernel without any disk"
    HELP TEXT,   ""
    HELP TEXT,   "-m 256M sets the memory, -snapshot keeps images as they are, -nographic puts"
    HELP TEXT,   "serial port and monitor on the terminal, and -help lists everything else."
    HELP TEXT,   ""
    HELP HEAD,   "On this disk"
    HELP TEXT,   ""
    HELP TEXT,   "Every key you press is shown on the line at the bottom, with its scan code."
    HELP TEXT,   "On the first serial port (115200 8N1) the same report was printed; there, h"
    HELP TEXT,   "prints help, t runs the self-test again, r restarts and q leaves."
    HELP TEXT,   ""
    HELP DIM,    "Any key goes back."
    .word   0

text_none:  .asciz "none"
text_other: .asciz "other"
text_83:    .asciz "84 keys"
text_101:   .asciz "101 keys"

    .balign 2
memory_types: .word text_other, mt_ram, mt_reserved, mt_acpi, mt_nvs, mt_bad
mt_ram:     .asciz "RAM"
mt_reserved: .asciz "reserved"
mt_acpi:    .asciz "ACPI"
mt_nvs:     .asciz "ACPI NVS"
mt_bad:     .asciz "bad"

    .balign 2
floppy_types: .word text_other, ft_360, ft_1200, ft_720, ft_1440, ft_2880, ft_2880
ft_360:     .asciz "360 KB"
ft_1200:    .asciz "1.2 MB"
ft_720:     .asciz "720 KB"
ft_1440:    .asciz "1.44 MB"
ft_2880:    .asciz "2.88 MB"

.macro CLASS base, sub, text
    .byte   \sub, \base
    .word   .Lclass\@
    .pushsection .rodata.classes, "a"
.Lclass\@:
    .asciz  "\text"
    .popsection
.endm
    .balign 2
class_names:
    CLASS   0x00, 0x01, "VGA (old)"
    CLASS   0x01, 0x00, "SCSI"
    CLASS   0x01, 0x01, "IDE"
    CLASS   0x01, 0x06, "SATA"
    CLASS   0x01, 0x08, "NVMe"
    CLASS   0x01, 0xff, "storage"
    CLASS   0x02, 0x00, "Ethernet"
    CLASS   0x02, 0xff, "network"
    CLASS   0x03, 0x00, "VGA"
    CLASS   0x03, 0xff, "display"
    CLASS   0x04, 0x01, "audio"
    CLASS   0x04, 0x03, "HD audio"
    CLASS   0x04, 0xff, "multimedia"
    CLASS   0x05, 0xff, "memory"
    CLASS   0x06, 0x00, "host bridge"
    CLASS   0x06, 0x01, "ISA bridge"
    CLASS   0x06, 0x04, "PCI bridge"
    CLASS   0x06, 0x80, "bridge"
    CLASS   0x06, 0xff, "bridge"
    CLASS   0x07, 0x00, "serial"
    CLASS   0x07, 0x01, "parallel"
    CLASS   0x07, 0xff, "comms"
    CLASS   0x08, 0xff, "system"
    CLASS   0x09, 0xff, "input"
    CLASS   0x0c, 0x03, "USB"
    CLASS   0x0c, 0x05, "SMBus"
    CLASS   0x0c, 0xff, "serial bus"
    .word   0xffff, text_other

.macro FEATURE bit, name
    .byte   \bit
    .asciz  "\name"
.endm
names_edx:
    FEATURE 0, fpu
    FEATURE 1, vme
    FEATURE 2, de
    FEATURE 3, pse
    FEATURE 4, tsc
    FEATURE 5, msr
    FEATURE 6, pae
    FEATURE 7, mce
    FEATURE 8, cx8
    FEATURE 9, apic
    FEATURE 11, sep
    FEATURE 12, mtrr
    FEATURE 13, pge
    FEATURE 14, mca
    FEATURE 15, cmov
    FEATURE 16, pat
    FEATURE 17, pse36
    FEATURE 18, psn
    FEATURE 19, clflush
    FEATURE 21, ds
    FEATURE 22, acpi
    FEATURE 23, mmx
    FEATURE 24, fxsr
    FEATURE 25, sse
    FEATURE 26, sse2
    FEATURE 27, ss
    FEATURE 28, ht
    FEATURE 29, tm
    .byte   255
names_ecx:
    FEATURE 0, sse3
    FEATURE 1, pclmul
    FEATURE 3, monitor
    FEATURE 9, ssse3
    FEATURE 13, cx16
    FEATURE 19, sse4.1
    FEATURE 20, sse4.2
    FEATURE 22, movbe
    FEATURE 23, popcnt
    FEATURE 25, aes
    FEATURE 31, hypervisor
    .byte   255
names_ext:
    FEATURE 11, syscall
    FEATURE 20, nx
    FEATURE 22, mmxext
    FEATURE 29, lm
    FEATURE 30, 3dnowext
    FEATURE 31, 3dnow
    .byte   255

    .bss
    .balign 2
table_pos:  .skip 2
table_rows: .skip 2
feature_rows: .skip 2
