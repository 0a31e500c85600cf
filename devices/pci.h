/* SPDX-License-Identifier: MIT */
/* PCI bus 0 (PCI Local Bus 2.1): configuration space, BARs and INTx, as chips see them. */
#ifndef NB_DEVICES_PCI_H
#define NB_DEVICES_PCI_H

#include "core/device.h"

#define PCI_NUM_BARS 6
#define PCI_ROM_BAR 6

/* Configuration register offsets (PCI 2.1, 6.1). */
enum {
    PCI_VENDOR_ID = 0x00, PCI_DEVICE_ID = 0x02, PCI_COMMAND = 0x04, PCI_STATUS = 0x06,
    PCI_REVISION = 0x08, PCI_PROG_IF = 0x09, PCI_CLASS = 0x0a, PCI_CACHE_LINE = 0x0c,
    PCI_LATENCY = 0x0d, PCI_HEADER_TYPE = 0x0e, PCI_BIST = 0x0f, PCI_BAR0 = 0x10,
    PCI_SUBSYS_VENDOR = 0x2c, PCI_SUBSYS_ID = 0x2e, PCI_ROM_ADDR = 0x30, PCI_CAP_PTR = 0x34,
    PCI_INT_LINE = 0x3c, PCI_INT_PIN = 0x3d, PCI_MIN_GNT = 0x3e, PCI_MAX_LAT = 0x3f,
};
enum { PCI_CMD_IO = 1, PCI_CMD_MEM = 2, PCI_CMD_MASTER = 4 };

struct pci_bar {
    u32 size;          /* power of two; 0: none */
    bool io;           /* port BAR */
    bool prefetch;
    struct region *r;  /* mapped and moved by the bus as the guest writes BAR and COMMAND */
};

/* First member of every PCI chip's instance. Reset values and write masks are tables that init
 * fills; config[] is what is saved. */
struct pci_device {
    struct device dev;
    struct pci_bus *bus;
    u8 devfn;                  /* slot << 3 | function */
    u8 config[256];
    u8 reset_config[256];      /* value after reset; init fills */
    u8 wmask[256];             /* bits the guest can write; init fills */
    u8 w1cmask[256];           /* bits cleared by writing 1 */
    struct pci_bar bar[PCI_NUM_BARS + 1]; /* [6] is the expansion ROM */
    /* Called after config bytes [off, off+size) were written (masks applied); old holds the former
     * value of all 256 bytes. May be NULL. */
    void (*config_written)(struct pci_device *pd, u32 off, u32 size, const u8 *old);
    int int_level;             /* INTx output, 0/1 */
};

/* For init of a PCI chip: vendor/device/class and the type 0 header's standard masks. */
void pci_setup(struct pci_device *pd, u16 vendor, u16 device, u8 revision, u32 class_code,
               u8 int_pin);
void pci_set16(u8 *config, u32 off, u16 v);
void pci_set32(u8 *config, u32 off, u32 v);
/* Declares BAR n (PCI_ROM_BAR for the ROM); r's ops/ram_frame, name, size and kind are set. */
void pci_bar_set(struct pci_device *pd, unsigned n, u32 size, bool io, bool prefetch,
                 struct region *r);
/* To be called by every PCI chip's reset: config to reset values, BARs unmapped, INTx low. */
void pci_reset(struct pci_device *pd);
/* Re-applies BAR mappings and the INTx level after load; refuses impossible header bytes. */
bool pci_post_load(struct pci_device *pd, struct err *e);
/* To be called by every PCI chip's close: BARs unmapped, off the bus. */
void pci_close(struct pci_device *pd);
/* INTx level of the function: routed by the bus to PIRQ (slot + pin - 2) & 3. */
void pci_set_irq(struct pci_device *pd, int level);

/* One function's field table starts with PCI_FIELDS(struct x, pci). */
#define PCI_FIELDS(type, m) F_ARRAY(type, m.config, u8), F_I32(type, m.int_level)

struct pci_bus {
    struct device *owner;
    struct pci_device *fn[256]; /* by devfn */
    u32 pirq_inputs[4];         /* bit n: slot n asserts PIRQA-D */
    struct wire pirq[4];        /* to the ISA bridge's PIRQ inputs */
    u32 address;                /* CF8: saved by the owner */
};
bool pci_bus_add(struct pci_bus *bus, struct pci_device *pd, u8 devfn, struct err *e);
/* Mechanism 1: data port access of size 1, 2 or 4 at CFCh + off. */
u32 pci_config_read(struct pci_bus *bus, u32 address, u32 off, unsigned size);
void pci_config_write(struct pci_bus *bus, u32 address, u32 off, u32 val, unsigned size);

#endif
