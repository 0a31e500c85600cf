/* SPDX-License-Identifier: MIT */
/* Board `pc`: i440FX host bridge with PIIX4 (docs/how-it-works.md, "The board"). */
#include "machine/machine.h"

static const struct board_chip chips[] = {
    /* providers of buses first: ISA DMA, PCI */
    { "i8237", "dma", NULL, NOT_PCI },
    { "i440fx", "bridge", NULL, PCI_AT(0, 0) },
    { "piix4_isa", "isa", NULL, PCI_AT(1, 0) },
    { "piix4_ide", "ide", NULL, PCI_AT(1, 1) },
    { "piix4_usb", "usb", NULL, PCI_AT(1, 2) },
    { "piix4_pm", "pm", NULL, PCI_AT(1, 3) },
    { "vga", "vga", NULL, PCI_AT(2, 0) },
    { "i8259", "pic0", "iobase=0x20,elcr=0x4d0", NOT_PCI },
    { "i8259", "pic1", "iobase=0xa0,elcr=0x4d1,slave=1", NOT_PCI },
    { "i8254", "pit", "iobase=0x40", NOT_PCI },
    { "mc146818", "rtc", "iobase=0x70", NOT_PCI },
    { "sysctl", "sys", NULL, NOT_PCI },
    { "i8042", "kbc", NULL, NOT_PCI },
    { "ns16550", "com1", "iobase=0x3f8,exact_timing=off", NOT_PCI },
    { "ns16550", "com2", "iobase=0x2f8,exact_timing=off", NOT_PCI },
    { "ns16550", "com3", "iobase=0x3e8,exact_timing=off", NOT_PCI },
    { "ns16550", "com4", "iobase=0x2e8,exact_timing=off", NOT_PCI },
    { "lpt", "lpt1", "iobase=0x378", NOT_PCI },
    { "lpt", "lpt2", "iobase=0x278", NOT_PCI },
    { "i82077", "fdc", NULL, NOT_PCI },
    { "fw_cfg", "fw_cfg", NULL, NOT_PCI },
    { "debugcon", "debugcon", "iobase=0xe9", NOT_PCI },
    { NULL, NULL, NULL, 0 },
};

static const struct board_wire wires[] = {
    { "pic0.int", "cpu.intr" },
    { "pic1.int", "pic0.ir2" },
    { "pic0.cas", "pic1.cas" },
    { "pit.out0", "pic0.ir0" },
    { "pit.out2", "sys.out2" },
    { "sys.gate2", "pit.gate2" },
    { "sys.a20", "cpu.a20" },
    { "kbc.a20", "cpu.a20" },
    { "cpu.ferr", "sys.ferr" },
    { "sys.irq13", "pic1.ir5" },
    { "sys.ignne", "cpu.ignne" },
    { "rtc.nmi_mask", "sys.nmi_mask" },
    { "rtc.alarm", "pm.rtc" },
    { "sys.apmc", "pm.apmc" },
    { "pm.sci", "pic1.ir1" },
    { "kbc.irq1", "pic0.ir1" },
    { "kbc.irq12", "pic1.ir4" },
    { "com1.irq", "pic0.ir4" },
    { "com2.irq", "pic0.ir3" },
    { "com3.irq", "pic0.ir4" },
    { "com4.irq", "pic0.ir3" },
    { "lpt1.irq", "pic0.ir7" },
    { "lpt2.irq", "pic0.ir5" },
    { "fdc.irq", "pic0.ir6" },
    { "rtc.irq", "pic1.ir0" },
    { "ide.irq0", "pic1.ir6" },
    { "ide.irq1", "pic1.ir7" },
    { "bridge.pirq0", "isa.pirq0" },
    { "bridge.pirq1", "isa.pirq1" },
    { "bridge.pirq2", "isa.pirq2" },
    { "bridge.pirq3", "isa.pirq3" },
    { "isa.irq3", "pic0.ir3" },
    { "isa.irq4", "pic0.ir4" },
    { "isa.irq5", "pic0.ir5" },
    { "isa.irq6", "pic0.ir6" },
    { "isa.irq7", "pic0.ir7" },
    { "isa.irq9", "pic1.ir1" },
    { "isa.irq10", "pic1.ir2" },
    { "isa.irq11", "pic1.ir3" },
    { "isa.irq12", "pic1.ir4" },
    { "isa.irq14", "pic1.ir6" },
    { "isa.irq15", "pic1.ir7" },
    { NULL, NULL },
};

const struct board board_pc = {
    .name = "pc",
    .text = "i440FX + PIIX4 (8086:1237, 7110 to 7113)",
    .chips = chips,
    .wires = wires,
    .pic = "pic0",
    .rtc = "rtc",
    .fw_cfg = "fw_cfg",
    .vga = "vga",
    .kbd = "kbc",
    .ide = "ide",
    .fdc = "fdc",
    .bridge = "bridge",
    .pm = "pm",
    .serial = { "com1", "com2", "com3", "com4" },
    .parallel = { "lpt1", "lpt2" },
};

const struct board *board_find(const char *name)
{
    static const struct board *const boards[] = { &board_pc };

    for (unsigned k = 0; k < ARRAY_LEN(boards); k++)
        if (!strcmp(boards[k]->name, name))
            return boards[k];
    return NULL;
}
