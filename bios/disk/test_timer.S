/* SPDX-License-Identifier: MIT */
/*
 * Self-tests of the machine around the processor: A20, PIT and 8259, the time stamp counter.
 */
    .include "defs.inc"
    .include "selftest.inc"

TEST a20, "A20 gate"
    cmpl    $1200, mem_total_kb
    jae     1f
    SKIP
1:  movl    0x100000 + TEST_PAGE, %esi  /* nobody's, but leave it as it was */
    inb     $0x92, %al
    movb    %al, %bl
    orb     $2, %al
    andb    $0xfe, %al
    outb    %al, $0x92
    FLUSH_TLB
    movl    $0x0ddba11, TEST_PAGE
    movl    $0x600df00d, 0x100000 + TEST_PAGE
    cmpl    $0x0ddba11, TEST_PAGE
    NEED    e
    movb    %bl, %al
    andb    $0xfc, %al
    outb    %al, $0x92
    FLUSH_TLB
    movl    0x100000 + TEST_PAGE, %ecx  /* wraps to 0 */
    movl    $0x7e57, 0x100000 + TEST_PAGE
    movl    TEST_PAGE, %edx
    movb    %bl, %al
    orb     $2, %al
    andb    $0xfe, %al
    outb    %al, $0x92
    FLUSH_TLB
    movl    0x100000 + TEST_PAGE, %edi
    movl    %esi, 0x100000 + TEST_PAGE
    cmpl    $0x0ddba11, %ecx
    NEED    e
    cmpl    $0x7e57, %edx
    NEED    e
    cmpl    $0x600df00d, %edi           /* the write went to the alias, not here */
    NEED    e
    PASS

/* The timer that FADT names counts, and only up: 24 bits of it, as chips with 32 are rare. */
TEST pmtimer, "PM timer"
    movzwl  pm_timer_port, %edx
    testl   %edx, %edx
    jnz     1f
    SKIP
1:  movl    $0x10000, %ecx              /* as many steps as readings allow, at least one */
    xorl    %edi, %edi
    inl     %dx, %eax
    movl    %eax, %ebx
2:  inl     %dx, %eax
    movl    %eax, %esi
    subl    %ebx, %eax
    andl    $0xffffff, %eax
    cmpl    $0x800000, %eax
    NEED    b
    orl     %eax, %edi
    movl    %esi, %ebx
    decl    %ecx
    jnz     2b
    testl   %edi, %edi
    NEED    nz
    PASS

/*
 * The PIT's interrupt, through 8259s that this test moves to 20h and back again. A short one-shot
 * count: the BIOS's own 55 ms would be the longest wait of the whole disk. Its time of day loses
 * less than one tick.
 */
TEST timer, "timer IRQ and HLT"
    inb     $0x21, %al
    movb    %al, pic_masks
    inb     $0xa1, %al
    movb    %al, pic_masks + 1
    movw    $0x2820, %bx
    call    pic_setup
    movb    $0xfe, %al                  /* only IRQ 0 */
    outb    %al, $0x21
    movb    $0xff, %al
    outb    %al, $0xa1
    movl    $timer_irq, %eax
    movl    $0x20, %ebx
    movb    $0x8e, %dl
    call    set_gate
    movl    $0, timer_hits
    movl    $timer_over, fault_resume
    call    timer_arm
    sti
    movl    $0x1000000, %ecx            /* bounded: no interrupt is a result, too */
1:  cmpl    $0, timer_hits
    jne     2f
    decl    %ecx
    jnz     1b
2:  cli
    movl    timer_hits, %edi
    testl   %edi, %edi
    jz      timer_over
    /* It works, so HLT can't sleep for ever. */
    call    timer_arm
    sti
    hlt
    cli
timer_over:
    movw    $0x7008, %bx                /* back to what the BIOS expects */
    call    pic_setup
    movb    pic_masks, %al
    outb    %al, $0x21
    movb    pic_masks + 1, %al
    outb    %al, $0xa1
    movb    $0x34, %al                  /* 18.2 Hz again, mode 2 */
    outb    %al, $0x43
    movb    $0, %al
    outb    %al, $0x40
    outb    %al, $0x40
    /* ICW1 forgot the edge of a key that came meanwhile; drop it, or the keyboard stays mute. */
    inb     $0x64, %al
    testb   $1, %al
    jz      1f
    inb     $0x60, %al
1:  cmpl    $1, %edi
    NEED    e
    cmpl    $2, timer_hits
    NEED    e
    PASS
timer_arm:
    movb    $0x30, %al                  /* channel 0, mode 0: one edge at the end of the count */
    outb    %al, $0x43
    movb    $240, %al                   /* 200 us */
    outb    %al, $0x40
    movb    $0, %al
    outb    %al, $0x40
    ret
timer_irq:
    pushl   %eax
    incl    timer_hits
    movb    $0x20, %al
    outb    %al, $0x20
    popl    %eax
    iretl
/* Both 8259s with vectors BL and BH, everything masked. */
pic_setup:
    movb    $0x11, %al
    outb    %al, $0x20
    outb    %al, $0xa0
    movb    %bl, %al
    outb    %al, $0x21
    movb    %bh, %al
    outb    %al, $0xa1
    movb    $0x04, %al
    outb    %al, $0x21
    movb    $0x02, %al
    outb    %al, $0xa1
    movb    $0x01, %al
    outb    %al, $0x21
    outb    %al, $0xa1
    movb    $0xff, %al
    outb    %al, $0x21
    outb    %al, $0xa1
    ret

TEST tsc, "time stamp counter"
    testl   $FEAT_TSC, cpu_edx
    jnz     1f
    SKIP
1:  rdtsc
    movl    %eax, %esi
    movl    %edx, %edi
    movl    $100, %ecx
2:  loop    2b
    rdtsc
    subl    %esi, %eax
    sbbl    %edi, %edx
    NEED    z                           /* less than 2^32 later, and not before */
    testl   %eax, %eax
    NEED    nz
    PASS

    .bss
    .balign 4
timer_hits: .skip 4
pic_masks:  .skip 2
