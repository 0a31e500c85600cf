/* SPDX-License-Identifier: MIT */
/* The tables that a guest finds in memory: ACPI 1.0b, SMBIOS 2.4 and $PIR (docs/firmware-tables.md).
 * machine/ says what the board has; what comes back is handed to the firmware through fw_cfg. */
#ifndef NB_BIOS_TABLES_H
#define NB_BIOS_TABLES_H

#include "bios/blob.h"

#define BIOS_MAX_PORTS 4
#define BIOS_NUM_LINKS 4

struct bios_port {
    u16 base;
    u8 irq;
};

struct bios_board {
    u64 ram_bytes;
    /* power management: PM1 at pm_base, +4 (control), +8 (timer), SMBus, GPE0, SCI */
    u16 pm_base, smb_base, gpe_base, smi_port;
    u8 sci, acpi_enable, acpi_disable;
    u8 s5_type;             /* SLP_TYP of soft off */
    u8 cmos_century;
    /* PCI interrupt routing: slots 1..pci_slots, pin A of slot 1 on link 0 */
    u8 router_devfn;        /* function whose registers pirq_reg.. are the routers */
    u32 router_compatible;  /* device << 16 | vendor, for $PIR */
    u8 pirq_reg;
    u8 pci_slots;
    u8 sci_slot;            /* the slot whose pin A is SCI and not a PIRQ */
    u8 pirq_irqs[8];        /* that ACPI's links may be set to */
    u8 num_pirq_irqs;
    u16 pir_irqs;           /* that $PIR says the router can do */
    /* ISA devices that are there */
    bool pit, rtc, fpu, keyboard, mouse, floppy;
    struct bios_port serial[BIOS_MAX_PORTS], parallel[BIOS_MAX_PORTS];
    u8 num_serial, num_parallel;
    u16 fw_cfg, debugcon;   /* ports; 0: none */
    /* for SMBIOS */
    const char *version;
    const u8 *uuid;         /* 16 bytes in the order of the text; NULL: none */
    u32 cpu_signature, cpu_features;
    u32 cpu_mhz;
};

/* Where PCI's memory window begins: where SeaBIOS begins to look for room for BARs. */
u32 bios_pci_window(u64 ram_bytes);
#define BIOS_PCI_WINDOW_END 0xfebfffffu

struct bios_tables {
    struct blob acpi;   /* FACS, DSDT, FADT, RSDT, with pointers relative to its start */
    struct blob rsdp;
    struct blob pir;
    struct blob smbios_anchor, smbios;
    struct blob loader; /* the commands for etc/table-loader */
};

void bios_tables_make(struct bios_tables *t, const struct bios_board *board);
void bios_tables_free(struct bios_tables *t);

/* File names that the loader's commands use. */
#define BIOS_FILE_RSDP "etc/acpi/rsdp"
#define BIOS_FILE_ACPI "etc/acpi/tables"
#define BIOS_FILE_PIR "etc/pir"
#define BIOS_FILE_LOADER "etc/table-loader"
#define BIOS_FILE_SMBIOS_ANCHOR "etc/smbios/smbios-anchor"
#define BIOS_FILE_SMBIOS "etc/smbios/smbios-tables"

/* ---- parts, for bios/ itself */
void acpi_dsdt(struct blob *b, const struct bios_board *board);
void smbios_make(struct blob *anchor, struct blob *tables, const struct bios_board *board);

#endif
