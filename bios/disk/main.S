/* SPDX-License-Identifier: MIT */
/*
 * Entry from the boot sector, the report for the log, and the idle loop: keys, serial bytes and
 * the clocks, with HLT whenever there is nothing to do.
 */
    .include "defs.inc"
    .code16
    .section .entry, "ax"
    .globl  stage2

stage2:
    movw    $bss_start, %di
    movw    $bss_end, %cx
    subw    %di, %cx
    xorb    %al, %al
    rep stosb
    call    screen_init
    call    draw_frame
    call    probe_all
    call    selftest_run
    movw    $draw_overview, page
    call    show_page
    call    clock_show
    call    key_prompt
    call    log_init
    call    log_report
    call    keys_init
    jmp     idle

    .text
/* ---- idle loop ---- */

idle:
    call    clock_poll
    call    serial_poll
    cmpb    $0, raw_changed
    je      1f
    call    raw_show
1:  call    key_waiting
    jz      2f
    call    key_get
    call    key_do
    jmp     idle
    /* Look once more with interrupts off: STI takes effect after HLT only, so no key is missed
       until the next tick. */
2:  cli
    call    key_waiting
    jnz     3f
    cmpb    $0, raw_changed
    jne     3f
    sti
    hlt
    jmp     idle
3:  sti
    jmp     idle

show_page:
    call    screen_clear
    movw    page, %ax
    call    *%ax
    movb    $-1, last_second            /* the overview's clocks again */
    ret

key_prompt:
    AT      23, 1
    ATTR    HEAD
    SAY     "Key         "
    ATTR    DIM
    SAY     "press any: this line names it"
    ATTR    TEXT
    ret

key_do:
    movw    $draw_overview, %bx
    cmpb    $0x3b, %ah                  /* F1 */
    jne     1f
    movw    $draw_help, %bx
    jmp     page_toggle
1:  cmpb    $0x3c, %ah                  /* F2 */
    jne     2f
    pushw   %ax
    call    selftest_run
    popw    %ax
    movw    $draw_selftest, %bx
    jmp     page_set
2:  cmpb    $0x3d, %ah                  /* F3 */
    jne     3f
    movw    $draw_details, %bx
page_toggle:
    cmpw    page, %bx
    jne     page_set
    movw    $draw_overview, %bx
    jmp     page_set
3:  cmpb    $0x44, %ah                  /* F10 */
    je      leave
    cmpw    $0x011b, %ax                /* Esc alone */
    jne     4f
    cmpw    $draw_overview, page        /* leaves a page first */
    je      restart
4:  cmpw    %bx, page
    je      5f
page_set:
    pushw   %ax
    movw    %bx, page
    call    show_page
    popw    %ax
5:  call    key_show
    call    raw_show
    ret

/* ---- leaving ---- */

/* A cold start, by all means that a PC has, the most usual first. */
restart:
    cli
    movw    $0, BDA_WARM
    movw    $1000, %cx
1:  inb     $0x64, %al
    testb   $2, %al
    loopnz  1b
    movb    $0xfe, %al                  /* keyboard controller: pulse the reset line */
    outb    %al, $0x64
    call    short_wait
    movb    $0x06, %al                  /* the chip set's reset register */
    movw    $0xcf9, %dx
    outb    %al, %dx
    call    short_wait
    inb     $0x92, %al
    orb     $1, %al
    outb    %al, $0x92
    call    short_wait
    lidtl   no_idt                      /* and a triple fault */
    int3

short_wait:
    movw    $0xffff, %cx
1:  loop    1b
    ret

/*
 * The debug-exit device of test runs, then ACPI's soft-off where a PM1a block exists (sleep type 0
 * is S5 on a PIIX4 and means nothing on other chips); otherwise people close the window.
 */
leave:
    movb    $0x31, %al
    outb    %al, $0xf4
    movw    pm1a_cnt_port, %dx
    testw   %dx, %dx
    jz      1f
    inw     %dx, %ax
    andw    $0x0003, %ax                /* SCI_EN, BM_RLD stay */
    orw     $0x2000, %ax
    outw    %ax, %dx
1:  AT      23, 1
    ATTR    BRIGHT
    SAY     "Close the window to quit."
    call    screen_fill
    ATTR    TEXT
    call    to_log
    SAY     "nestbox builtin: close the window to quit\n"
    call    to_screen
    ret

/* ---- serial keys ---- */

serial_poll:
    call    log_poll
    jc      9f
    cmpb    $'q', %al
    je      leave
    cmpb    $'r', %al
    je      restart
    call    to_log
    cmpb    $'t', %al
    jne     1f
    call    selftest_run
    call    to_log
    call    log_tests
    jmp     8f
1:  cmpb    $'h', %al
    jne     2f
    SAY     "nestbox builtin: h help, t self-test, r restart, q leave; start a guest with\n"
    SAY     "    nestbox -hda disk.img\n    nestbox -fda floppy.img\n"
    SAY     "    nestbox -kernel bzImage -initrd initrd.gz -append console=ttyS0\n"
    jmp     8f
2:  movzbl  %al, %eax
    SAY     "nestbox builtin: serial byte "
    movb    $2, %cl
    call    put_hex
    cmpb    $' ', %al
    jbe     3f
    cmpb    $0x7e, %al
    ja      3f
    SAY     " "
    call    putc
3:  SAYC    '\n'
8:  call    to_screen
9:  ret

/* ---- the report ---- */

.macro LINE word
    SAY     "nestbox builtin: \word "
.endm

log_report:
    call    to_log
    LINE    "CPU"
    call    print_cpu
    SAY     ", "
    movw    $cpu_brand, %si
    cmpb    $0, (%si)
    je      1f
    call    print_brand
    SAY     ", "
1:  SAY     "TSC "
    call    print_tsc
    SAY     ", "
    call    print_speed
    SAYC    '\n'
    LINE    "FEATURES"
    call    print_features
    SAYC    '\n'

    LINE    "MEMORY"
    movl    mem_total_kb, %eax
    call    put_dec
    SAY     " KB"
    movw    $e820_map, %di
    movw    e820_count, %cx
    jcxz    3f
2:  pushw   %cx
    SAYC    ' '
    movl    (%di), %eax
    movl    4(%di), %edx
    call    put_hex64
    SAYC    '+'
    movl    8(%di), %eax
    movl    12(%di), %edx
    call    put_hex64
    SAYC    '='
    movl    16(%di), %eax
    call    put_dec
    popw    %cx
    addw    $E820_SIZE, %di
    loop    2b
3:  SAYC    '\n'

    LINE    "PCI"
    movw    $pci_list, %di
    movw    pci_count, %cx
    jcxz    5f
4:  pushw   %cx
    call    print_slot
    SAYC    '='
    movl    8(%di), %eax
    movb    $4, %cl
    call    put_hex
    pushl   %eax
    SAYC    ':'
    popl    %eax
    shrl    $16, %eax
    call    put_hex
    SAYC    ' '
    popw    %cx
    addw    $PCI_SIZE, %di
    loop    4b
5:  SAYC    '\n'

    LINE    "DISKS"
    call    print_floppies
    xorw    %bx, %bx
6:  cmpb    %bl, hd_count
    jbe     7f
    cmpb    $MAX_HD, %bl
    jae     7f
    SAY     "; "
    call    print_hard_disk
    incw    %bx
    jmp     6b
7:  SAYC    '\n'
    LINE    "PORTS"
    call    print_ports
    SAY     ", "
    call    print_input
    SAYC    '\n'
    LINE    "CLOCKS"
    SAY     "RTC "
    call    print_time
    SAY     ", PIT ticks "
    movl    BDA_TICKS, %eax
    call    put_dec
    movw    pm_timer_port, %dx
    testw   %dx, %dx
    jz      8f
    SAY     ", PM timer "
    movzwl  %dx, %eax
    movb    $4, %cl
    call    put_hex
8:  SAYC    '\n'
    call    log_tests
    LINE    "READY"
    SAYC    '\n'
    call    to_screen
    ret

log_tests:
    call    print_test_list
    LINE    "SELFTEST"
    movzwl  tests_passed, %eax
    call    put_dec
    SAY     " passed, "
    movzwl  tests_failed, %eax
    call    put_dec
    SAY     " failed\n"
    ret

/* ---- clocks ---- */

/* A CMOS register: AL -> AL. Interrupts are off between index and data: the BIOS uses both. */
cmos_read:
    pushfl
    cli
    outb    %al, $0x70
    inb     $0x71, %al
    popfl
    ret

/* Called at every wake-up; does something once per second. */
clock_poll:
    movb    $0x0a, %al
    call    cmos_read
    testb   $0x80, %al                  /* update in progress: next time */
    jnz     9f
    movb    $0x00, %al
    call    cmos_read
    cmpb    last_second, %al
    je      9f
clock_show:
    movb    $0x00, %al
    call    cmos_read
    movb    %al, last_second
    AT      0, 60
    ATTR    BAR
    call    print_time
    ATTR    TEXT
    cmpw    $draw_overview, page
    jne     9f
    AT      19, 52
    call    print_time
    AT      17, 52
    movl    BDA_TICKS, %eax
    call    put_dec
    SAY     " ticks since midnight"
    call    screen_fill
    movw    pm_timer_port, %dx
    testw   %dx, %dx
    jz      9f
    AT      18, 52
    inl     %dx, %eax
    movb    $8, %cl
    call    put_hex
    SAY     " at port "
    movzwl  %dx, %eax
    movb    $4, %cl
    call    put_hex
9:  ret

/* "2026-11-24 16:08:36", whatever format the RTC keeps. */
print_time:
    pushal
    movb    $0x0b, %al
    call    cmos_read
    movb    %al, rtc_mode
    movb    $0x32, %al                  /* century, where PCs have come to keep it */
    call    cmos_read
    movb    %al, %bl                    /* always BCD */
    call    from_bcd
    cmpb    $19, %al
    jb      1f
    cmpb    $29, %al
    jbe     2f
1:  movb    $20, %al
2:  movzbl  %al, %eax
    call    put_dec2
    movb    $0x09, %al
    call    rtc_value
    call    put_dec2
    SAYC    '-'
    movb    $0x08, %al
    call    rtc_value
    call    put_dec2
    SAYC    '-'
    movb    $0x07, %al
    call    rtc_value
    call    put_dec2
    SAYC    ' '
    movb    $0x04, %al
    call    cmos_read
    movb    %al, %dl
    testb   $2, rtc_mode                /* 24 hours? */
    jnz     3f
    andb    $0x7f, %al                  /* 12 AM is 0, bit 7 adds 12 */
3:  call    rtc_convert
    testb   $2, rtc_mode
    jnz     5f
    cmpb    $12, %al
    jne     4f
    movb    $0, %al
4:  testb   $0x80, %dl
    jz      5f
    addb    $12, %al
5:  movzbl  %al, %eax
    call    put_dec2
    SAYC    ':'
    movb    $0x02, %al
    call    rtc_value
    call    put_dec2
    SAYC    ':'
    movb    $0x00, %al
    call    rtc_value
    call    put_dec2
    popal
    ret

/* EAX = RTC register AL as a number. */
rtc_value:
    call    cmos_read
    call    rtc_convert
    movzbl  %al, %eax
    ret

rtc_convert:
    testb   $4, rtc_mode                /* binary already? */
    jnz     1f
from_bcd:
    pushw   %cx
    movb    %al, %cl
    andb    $0x0f, %cl
    shrb    $4, %al
    movb    $10, %ch
    mulb    %ch
    addb    %cl, %al
    popw    %cx
1:  ret

    .section .rodata, "a"
    .balign 4
no_idt:     .word 0
            .long 0

    .bss
    .balign 2
page:       .skip 2
last_second: .skip 1
rtc_mode:   .skip 1
