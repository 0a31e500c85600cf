/* SPDX-License-Identifier: MIT */
/* A3: ACPI's fixed hardware (XP contract 3.4, 3.5, 8): ACPI_ENABLE and ACPI_DISABLE by SMI_CMD set and clear
 * SCI_EN; status bits are cleared by ones only; SCI is the level of status and enable, and one handler
 * call a carry; SLP_EN reads as zero and turns the machine off, which ends this program. */
#include "kernel.h"

enum { SMI_CMD = 0xb2, TMROF = 1 };
static u16 pm;
static volatile u32 ticks, scis;
static u32 storm;
static bool clear_in_handler;

static void on_irq0(struct frame *f)
{
    (void)f;
    ticks++;
    pic_eoi(0);
}

static void on_sci(struct frame *f)
{
    (void)f;
    if (++scis > 1000) { /* it will never end */
        storm++;
        outw(pm + 2, 0);
    }
    if (clear_in_handler)
        outw(pm, TMROF);
    else
        outw(pm + 2, 0);
    pic_eoi(9);
}

/* Halts for up to `ms`; false if the condition did not come. */
#define WAIT(ms, condition) ({ \
        u32 end_ = ticks + (ms) / 10; \
        while (!(condition) && (i32)(ticks - end_) < 0) \
            hlt(); \
        (bool)(condition); \
    })

static void enable_and_disable(void)
{
    outb(SMI_CMD, 0xf0);
    check_eq(inw(pm + 4) & 1, 0, "disabled");
    outb(SMI_CMD, 0xf1);
    check_eq(inw(pm + 4) & 1, 1, "F1_sets_SCI_EN");
    outb(SMI_CMD, 0xf0);
    check_eq(inw(pm + 4) & 1, 0, "F0_clears_SCI_EN");
    outb(SMI_CMD, 0x55);
    check_eq(inw(pm + 4) & 1, 0, "others_do_nothing");
    outb(SMI_CMD, 0xf1);
}

static void write_ones_to_clear(void)
{
    outw(pm + 2, 0);
    outw(pm, 0xffff);
    check(WAIT(3000, inw(pm) & TMROF), "TMROF_comes", "status %x", inw(pm));
    outw(pm, 0);
    check_eq(inw(pm) & TMROF, 1, "zeros_do_not_clear");
    outw(pm, (u16)~TMROF);
    check_eq(inw(pm) & TMROF, 1, "other_ones_do_not_clear");
    check_eq(inb(pm) & TMROF, 1, "byte_read");
    outb(pm + 1, 0xff);
    check_eq(inw(pm) & TMROF, 1, "the_other_byte_does_not_clear");
    outb(pm, TMROF);
    check_eq(inw(pm) & TMROF, 0, "a_one_clears");
    /* the next one is a carry away: 2.34 s, not at once */
    u32 from = ticks;
    check(WAIT(3000, inw(pm) & TMROF), "TMROF_comes_again", "status %x", inw(pm));
    check(ticks - from >= 225 && ticks - from <= 238, "carry_each_2_34_s", "%u0 ms", ticks - from);
}

static void level(void)
{
    /* pending and enabled: at once; held by the status, let go by the enable */
    outw(pm + 2, 0);
    scis = 0;
    clear_in_handler = false;
    outw(pm + 2, TMROF);
    WAIT(50, false);
    check_eq(scis, 1, "sci_on_enable");
    check_eq(inw(pm) & TMROF, 1, "status_stays");
    outw(pm, TMROF);
    WAIT(50, false);
    check_eq(scis, 1, "no_more_without_enable");
    /* two carries with the bit cleared in the handler: one call each */
    scis = 0;
    clear_in_handler = true;
    outw(pm + 2, TMROF);
    check(WAIT(6000, scis == 2), "sci_each_carry", "%u", scis);
    WAIT(50, false);
    check(scis == 2 && !storm, "one_sci_a_carry", "%u", scis);
    /* SCI_EN off: none */
    outb(SMI_CMD, 0xf0);
    scis = 0;
    WAIT(2600, false);
    check_eq(scis, 0, "no_sci_with_SCI_EN_off");
    outw(pm + 2, 0);
    outw(pm, 0xffff);
    outb(SMI_CMD, 0xf1);
}

void test_main(void)
{
    if ((pci_read(1, 3, 0) & 0xffff) == 0x8086 && (pci_read(1, 3, 0x80) & 1))
        pm = (u16)(pci_read(1, 3, 0x40) & 0xffc0);
    check(pm != 0, "pm_block", "id %x", pci_read(1, 3, 0));
    if (!pm)
        return;
    handlers[0x20] = on_irq0;
    handlers[0x29] = on_sci;
    pic_init(0xfa, 0xfd);
    outb(0x4d1, (u8)(inb(0x4d1) | 2)); /* IRQ 9 is a level */
    pit_start(2, 11932);
    enable_and_disable();
    write_ones_to_clear();
    level();
    check_eq(inw(pm + 4) & 0x2000, 0, "SLP_EN_reads_0");
    last_line(); /* what follows is shown by the exit status */
    outw(pm + 4, (u16)(inw(pm + 4) & 0x03ff)); /* SLP_TYP 0 is soft off */
    outw(pm + 4, (u16)((inw(pm + 4) & 0x03ff) | 0x2000));
    WAIT(500, false); /* some machines end a little later */
    outb(0xf4, 1);
}
