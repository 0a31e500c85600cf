/* SPDX-License-Identifier: MIT */
/* The DSDT: what the board has, in ACPI 1.0b's words and no later ones (contract 3.4). Its header
 * is written by acpi.c.
 *
 * Windows XP stops with 0xA5 when any of these is not so: _PRT is a fixed package, every link has
 * _DIS, devices with one _HID differ in _UID, PCI0's windows overlap nothing that E820 lists. */
#include "bios/aml.h"
#include "bios/tables.h"

static const char *const link_name[BIOS_NUM_LINKS] = { "LNKA", "LNKB", "LNKC", "LNKD" };
static const char *const router_path[BIOS_NUM_LINKS] = {
    "\\_SB.PCI0.ISA.PRQ0", "\\_SB.PCI0.ISA.PRQ1", "\\_SB.PCI0.ISA.PRQ2", "\\_SB.PCI0.ISA.PRQ3",
};
#define SCI_LINK "LNKS"
#define LINK_DISABLED 0x80 /* of a router register */

static void hid(struct blob *b, const char *id)
{
    aml_name_op(b, "_HID");
    aml_eisa_id(b, id);
}

static void uid(struct blob *b, u32 n)
{
    aml_name_op(b, "_UID");
    aml_int(b, n);
}

static void adr(struct blob *b, u32 n)
{
    aml_name_op(b, "_ADR");
    aml_int(b, n);
}

static u32 resources(struct blob *b, const char *name)
{
    aml_name_op(b, name);
    return aml_resources(b);
}

/* ---- sleeping ---- */

/* Name(_Sx, Package { SLP_TYPa, SLP_TYPb, 0, 0 }) */
static void sleep_state(struct blob *b, const char *name, u8 type)
{
    aml_name_op(b, name);
    u32 at = aml_package(b, 4);
    aml_int(b, type);
    aml_int(b, type);
    aml_int(b, 0);
    aml_int(b, 0);
    aml_close(b, at);
}

/* ---- PCI ---- */

/* Ports of the bus: everything but configuration access and GPE0, which is no PCI function's. The
 * PM and SMBus blocks are a function's, and systems look for them here. */
static void port_windows(struct blob *b, const struct bios_board *board)
{
    const struct { u16 base, len; } hole[] = {
        { 0xcf8, 8 }, { board->gpe_base, 4 },
    };
    u32 at = 0;

    while (at < 0x10000) {
        u32 end = 0x10000, next = 0x10000;
        for (unsigned k = 0; k < ARRAY_LEN(hole); k++)
            if (hole[k].base >= at && hole[k].base < end) {
                end = hole[k].base;
                next = (u32)hole[k].base + hole[k].len;
            }
        if (end > at)
            res_io_window(b, (u16)at, (u16)(end - 1));
        at = next;
    }
}

static void pci_resources(struct blob *b, const struct bios_board *board)
{
    u32 at = resources(b, "_CRS");

    res_bus_range(b, 0, 0xff);
    res_io(b, 0xcf8, 8);
    port_windows(b, board);
    res_mem_window(b, 0xa0000, 0xbffff, true);
    res_mem_window(b, bios_pci_window(board->ram_bytes), BIOS_PCI_WINDOW_END, false);
    aml_resources_end(b, at);
}

static void routing_table(struct blob *b, const struct bios_board *board)
{
    aml_name_op(b, "_PRT");
    u32 all = aml_package(b, (u8)(board->pci_slots * 4));
    for (u32 slot = 1; slot <= board->pci_slots; slot++) {
        for (u32 pin = 0; pin < 4; pin++) {
            u32 at = aml_package(b, 4);
            aml_int(b, slot << 16 | 0xffff);
            aml_int(b, pin);
            if (slot == board->sci_slot && !pin)
                aml_name(b, SCI_LINK);
            else
                aml_name(b, link_name[(slot - 1 + pin) % BIOS_NUM_LINKS]);
            aml_int(b, 0);
            aml_close(b, at);
        }
    }
    aml_close(b, all);
}

/* ---- interrupt links ---- */

static void possible(struct blob *b, const u8 *irqs, unsigned count)
{
    u32 at = resources(b, "_PRS");
    res_interrupts(b, irqs, count);
    aml_resources_end(b, at);
}

/* Two helpers: a router register's status, and its setting as resources. */
static void link_methods(struct blob *b)
{
    static const u8 none[1] = { 0 };
    u32 m = aml_method(b, "IQST", 1), at;

    at = aml_if(b);
    aml_and(b);
    aml_int(b, LINK_DISABLED);
    aml_op(b, AML_ARG0);
    aml_no_target(b);
    aml_return(b);
    aml_int(b, 0x09); /* there, shown, off */
    aml_close(b, at);
    aml_return(b);
    aml_int(b, 0x0b);
    aml_close(b, m);

    m = aml_method(b, "IQCR", 1 | AML_SERIALIZED);
    at = resources(b, "PRR0");
    res_interrupts(b, none, 1);
    aml_resources_end(b, at);
    aml_create_dword_field(b);
    aml_name(b, "PRR0");
    aml_int(b, 5); /* the first number, behind five bytes of descriptor */
    aml_name(b, "PRRI");
    at = aml_if(b);
    aml_less(b);
    aml_op(b, AML_ARG0);
    aml_int(b, LINK_DISABLED);
    aml_store(b);
    aml_op(b, AML_ARG0);
    aml_name(b, "PRRI");
    aml_close(b, at);
    aml_return(b);
    aml_name(b, "PRR0");
    aml_close(b, m);
}

static void link_device(struct blob *b, const struct bios_board *board, unsigned n)
{
    u32 dev = aml_device(b, link_name[n]), m;

    hid(b, "PNP0C0F");
    uid(b, n + 1);
    possible(b, board->pirq_irqs, board->num_pirq_irqs);

    m = aml_method(b, "_STA", 0);
    aml_return(b);
    aml_name(b, "IQST");
    aml_name(b, router_path[n]);
    aml_close(b, m);

    m = aml_method(b, "_DIS", 0);
    aml_or(b);
    aml_name(b, router_path[n]);
    aml_int(b, LINK_DISABLED);
    aml_name(b, router_path[n]);
    aml_close(b, m);

    m = aml_method(b, "_CRS", 0);
    aml_return(b);
    aml_name(b, "IQCR");
    aml_name(b, router_path[n]);
    aml_close(b, m);

    m = aml_method(b, "_SRS", 1);
    aml_create_dword_field(b);
    aml_op(b, AML_ARG0);
    aml_int(b, 5);
    aml_name(b, "PRRI");
    aml_store(b);
    aml_name(b, "PRRI");
    aml_name(b, router_path[n]);
    aml_close(b, m);

    aml_close(b, dev);
}

/* SCI's line is fixed: there is one choice, and turning it off does nothing. */
static void sci_link(struct blob *b, const struct bios_board *board)
{
    u32 dev = aml_device(b, SCI_LINK), m, at;

    hid(b, "PNP0C0F");
    uid(b, BIOS_NUM_LINKS + 1);
    possible(b, &board->sci, 1);
    m = aml_method(b, "_STA", 0);
    aml_return(b);
    aml_int(b, 0x0b);
    aml_close(b, m);
    m = aml_method(b, "_DIS", 0);
    aml_close(b, m);
    at = resources(b, "_CRS");
    res_interrupts(b, &board->sci, 1);
    aml_resources_end(b, at);
    m = aml_method(b, "_SRS", 1);
    aml_close(b, m);
    aml_close(b, dev);
}

/* ---- ISA devices ---- */

static u32 isa_device(struct blob *b, const char *name, const char *id)
{
    u32 dev = aml_device(b, name);
    hid(b, id);
    return dev;
}

static void simple_device(struct blob *b, const char *name, const char *id, u16 base, u8 len, int irq)
{
    u32 dev = isa_device(b, name, id), at = resources(b, "_CRS");

    res_io(b, base, len);
    if (irq >= 0)
        res_irq(b, (u8)irq);
    aml_resources_end(b, at);
    aml_close(b, dev);
}

static void port_devices(struct blob *b, const char *id, char letter, const struct bios_port *port,
                         unsigned count)
{
    for (unsigned k = 0; k < count; k++) {
        char name[5] = { letter == 'C' ? 'C' : 'L', letter == 'C' ? 'O' : 'P',
                         letter == 'C' ? 'M' : 'T', (char)('1' + k), 0 };
        u32 dev = isa_device(b, name, id), at;
        uid(b, k + 1);
        at = resources(b, "_CRS");
        res_io(b, port[k].base, 8);
        res_irq(b, port[k].irq);
        aml_resources_end(b, at);
        aml_close(b, dev);
    }
}

static void keyboard_devices(struct blob *b, const struct bios_board *board)
{
    u32 dev, at;

    if (board->keyboard) {
        dev = isa_device(b, "KBD", "PNP0303");
        at = resources(b, "_CRS");
        res_io(b, 0x60, 1);
        res_io(b, 0x64, 1);
        res_irq(b, 1);
        aml_resources_end(b, at);
        aml_close(b, dev);
    }
    if (board->mouse) {
        dev = isa_device(b, "MOU", "PNP0F13");
        at = resources(b, "_CRS");
        res_irq(b, 12);
        aml_resources_end(b, at);
        aml_close(b, dev);
    }
}

static void system_devices(struct blob *b, const struct bios_board *board)
{
    u32 dev, at;

    dev = isa_device(b, "PIC", "PNP0000");
    at = resources(b, "_CRS");
    res_io(b, 0x20, 2);
    res_io(b, 0xa0, 2);
    res_io(b, 0x4d0, 2);
    res_irq(b, 2);
    aml_resources_end(b, at);
    aml_close(b, dev);

    dev = isa_device(b, "DMAC", "PNP0200");
    at = resources(b, "_CRS");
    res_io(b, 0x00, 0x10);
    res_io(b, 0x81, 0x0f);
    res_io(b, 0xc0, 0x20);
    res_dma(b, 4);
    aml_resources_end(b, at);
    aml_close(b, dev);

    if (board->pit) {
        simple_device(b, "TIMR", "PNP0100", 0x40, 4, 0);
        simple_device(b, "SPKR", "PNP0800", 0x61, 1, -1);
    }
    if (board->rtc)
        simple_device(b, "RTC", "PNP0B00", 0x70, 4, 8);
    if (board->fpu)
        simple_device(b, "FPU", "PNP0C04", 0xf0, 1, 13);
    if (board->floppy) {
        dev = isa_device(b, "FDC", "PNP0700");
        at = resources(b, "_CRS");
        res_io(b, 0x3f2, 4);
        res_io(b, 0x3f7, 1);
        res_irq(b, 6);
        res_dma(b, 2);
        aml_resources_end(b, at);
        aml_close(b, dev);
    }

    /* Ports with nobody to speak for them. The firmware's configuration device is one of them: a
     * device of its own would be an unknown one to Windows. */
    dev = isa_device(b, "MBRD", "PNP0C02");
    uid(b, 1);
    at = resources(b, "_CRS");
    res_io(b, 0x80, 1);
    res_io(b, 0x92, 1);
    res_io(b, board->smi_port, 2);
    res_io(b, board->pm_base, 0x40);
    res_io(b, board->smb_base, 0x10);
    if (board->debugcon)
        res_io(b, board->debugcon, 1);
    if (board->fw_cfg)
        res_io(b, board->fw_cfg, 12);
    aml_resources_end(b, at);
    aml_close(b, dev);
}

static void isa_bridge(struct blob *b, const struct bios_board *board)
{
    u32 dev = aml_device(b, "ISA"), at;

    adr(b, (u32)board->router_devfn >> 3 << 16 | (board->router_devfn & 7));
    aml_region(b, "P40C", AML_PCI_CONFIG, board->pirq_reg, BIOS_NUM_LINKS);
    at = aml_field(b, "P40C", 0x01); /* byte access */
    for (unsigned n = 0; n < BIOS_NUM_LINKS; n++)
        aml_field_unit(b, strrchr(router_path[n], '.') + 1, 8);
    aml_close(b, at);
    system_devices(b, board);
    keyboard_devices(b, board);
    port_devices(b, "PNP0501", 'C', board->serial, board->num_serial);
    port_devices(b, "PNP0400", 'L', board->parallel, board->num_parallel);
    aml_close(b, dev);
}

/* GPE0 lies outside PCI0's windows, so its owner is not below PCI0. */
static void gpe_block(struct blob *b, const struct bios_board *board)
{
    u32 dev = isa_device(b, "GPEB", "PNP0C02"), at;

    uid(b, 2);
    at = resources(b, "_CRS");
    res_io(b, board->gpe_base, 4);
    aml_resources_end(b, at);
    aml_close(b, dev);
}

void acpi_dsdt(struct blob *b, const struct bios_board *board)
{
    u32 sb = aml_scope(b, "\\_SB"), dev;

    dev = aml_device(b, "PCI0");
    hid(b, "PNP0A03");
    adr(b, 0);
    uid(b, 1);
    aml_name_op(b, "_BBN");
    aml_int(b, 0);
    pci_resources(b, board);
    routing_table(b, board);
    isa_bridge(b, board);
    aml_close(b, dev);

    link_methods(b);
    for (unsigned n = 0; n < BIOS_NUM_LINKS; n++)
        link_device(b, board, n);
    sci_link(b, board);
    gpe_block(b, board);
    aml_close(b, sb);

    sleep_state(b, "\\_S0", 5);
    /* hibernation is the guest's own; to the board it is soft off */
    sleep_state(b, "\\_S4", board->s5_type);
    sleep_state(b, "\\_S5", board->s5_type);
}
