/* SPDX-License-Identifier: MIT */
/* PCI bus 0: configuration space of type 0 functions, BARs and INTx routing (PCI Local Bus
 * Specification 2.1, chapters 3.7.4, 6 and 2.2.6). The host bridge owns the bus and its ports.
 *
 * A BAR that holds 0 decodes nothing, whatever COMMAND says (on silicon it would sit on port 0
 * or on the interrupt table); so does a port BAR above FFFFh and a memory BAR that wraps.
 * Not modelled: bridges (a bus number other than 0 answers nothing), parity, 64-bit BARs,
 * capabilities other than what a chip puts into its config[] itself. */
#include "devices/pci.h"

void pci_set16(u8 *config, u32 off, u16 v)
{
    st16(config + off, v);
}

void pci_set32(u8 *config, u32 off, u32 v)
{
    st32(config + off, v);
}

void pci_setup(struct pci_device *pd, u16 vendor, u16 device, u8 revision, u32 class_code,
               u8 int_pin)
{
    u8 *c = pd->reset_config;
    pci_set16(c, PCI_VENDOR_ID, vendor);
    pci_set16(c, PCI_DEVICE_ID, device);
    c[PCI_REVISION] = revision;
    c[PCI_PROG_IF] = (u8)class_code;
    pci_set16(c, PCI_CLASS, (u16)(class_code >> 8));
    pci_set16(c, PCI_STATUS, 0x0280); /* medium DEVSEL, fast back-to-back */
    c[PCI_INT_PIN] = int_pin;

    /* I/O, memory, master, parity response, SERR: a chip without one of them clears its bit. */
    pci_set16(pd->wmask, PCI_COMMAND, 0x0147);
    pci_set16(pd->w1cmask, PCI_STATUS, 0xf900);
    pd->wmask[PCI_CACHE_LINE] = 0xff;
    pd->wmask[PCI_LATENCY] = 0xf8;
    if (int_pin)
        pd->wmask[PCI_INT_LINE] = 0xff;
    memcpy(pd->config, c, sizeof(pd->config));
}

static u32 bar_offset(unsigned n)
{
    return n == PCI_ROM_BAR ? (u32)PCI_ROM_ADDR : (u32)PCI_BAR0 + n * 4;
}

void pci_bar_set(struct pci_device *pd, unsigned n, u32 size, bool io, bool prefetch,
                 struct region *r)
{
    struct pci_bar *b = &pd->bar[n];
    u32 off = bar_offset(n);

    if (!size || (size & (size - 1)) || size < (n == PCI_ROM_BAR ? 2048u : io ? 4u : 16u))
        bug(pd->dev.sys->log, "%s: BAR %u of %u bytes", pd->dev.id, n, size);
    b->size = size;
    b->io = io;
    b->prefetch = prefetch;
    b->r = r;
    r->size = size;
    r->prio = n == PCI_ROM_BAR ? PRIO_BAR + 1 : PRIO_BAR; /* an enabled ROM lies over BARs */
    r->flags = (n == PCI_ROM_BAR ? REGION_READ : REGION_RW) | REGION_GUEST_PLACED;

    u32 mask = ~(size - 1), fixed = 0;
    if (n == PCI_ROM_BAR)
        mask |= 1; /* the enable bit */
    else if (io)
        fixed = 1;
    else if (prefetch)
        fixed = 8;
    pci_set32(pd->wmask, off, mask);
    pci_set32(pd->reset_config, off, fixed);
    pci_set32(pd->config, off, fixed);
}

/* Where BAR n decodes now; false if it doesn't. */
static bool bar_decodes(const struct pci_device *pd, unsigned n, u32 *base)
{
    const struct pci_bar *b = &pd->bar[n];
    u16 command = ld16(pd->config + PCI_COMMAND);
    u32 v = ld32(pd->config + bar_offset(n));

    *base = v & ~(b->size - 1);
    if (!(command & (b->io ? PCI_CMD_IO : PCI_CMD_MEM)) || !*base)
        return false;
    if (n == PCI_ROM_BAR && !(v & 1))
        return false;
    if (b->io)
        return *base < 0x10000 && b->size <= 0x10000 - *base;
    return (u64)*base + b->size < BIT64(32); /* one that ends at 4 GB is being sized */
}

static void update_bars(struct pci_device *pd)
{
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        struct pci_bar *b = &pd->bar[n];
        u32 base;
        if (!b->r)
            continue;
        struct space *s = b->io ? pd->dev.sys->io : pd->dev.sys->mem;
        bool on = bar_decodes(pd, n, &base);
        if (b->r->mapped && (!on || b->r->base != base))
            space_unmap(s, b->r);
        if (on && !b->r->mapped) {
            struct err e = { 0 };
            b->r->base = base;
            if (!space_map(s, b->r, &e))
                log_guest(pd->dev.sys->log, pd->dev.id, "BAR %u: %s", n, e.msg);
        }
    }
}

static void drop_bars(struct pci_device *pd)
{
    for (unsigned n = 0; n <= PCI_ROM_BAR; n++) {
        struct pci_bar *b = &pd->bar[n];
        if (b->r && b->r->mapped)
            space_unmap(b->io ? pd->dev.sys->io : pd->dev.sys->mem, b->r);
    }
}

/* INTx of a slot's functions are wired together pin by pin; pin A of slot 1 is PIRQA,
 * and each slot turns them by one: pin p (1 to 4) of slot s is PIRQ (s + p - 2) & 3, as on Intel's
 * boards and as SeaBIOS writes INTLINE. So one bit per slot says who holds a PIRQ line. */
static void update_slot(struct pci_bus *bus, unsigned slot)
{
    u32 held = 0;
    for (unsigned f = 0; f < 8; f++) {
        const struct pci_device *pd = bus->fn[slot << 3 | f];
        if (pd && pd->int_level && pd->config[PCI_INT_PIN])
            held |= BIT((slot + pd->config[PCI_INT_PIN] - 2u) & 3);
    }
    for (unsigned n = 0; n < 4; n++) {
        u32 in = (bus->pirq_inputs[n] & ~BIT(slot)) | (held >> n & 1) << slot;
        if (in == bus->pirq_inputs[n])
            continue;
        bus->pirq_inputs[n] = in;
        wire_set(&bus->pirq[n], in != 0);
    }
}

void pci_set_irq(struct pci_device *pd, int level)
{
    pd->int_level = level != 0;
    if (pd->bus)
        update_slot(pd->bus, pd->devfn >> 3);
}

void pci_reset(struct pci_device *pd)
{
    memcpy(pd->config, pd->reset_config, sizeof(pd->config));
    drop_bars(pd);
    pci_set_irq(pd, 0);
}

bool pci_post_load(struct pci_device *pd, struct err *e)
{
    /* What the guest cannot write must be what this chip has: anything else is another chip's
     * section or a forged one. w1c bits are set by the chip. */
    for (u32 i = 0; i < sizeof(pd->config); i++) {
        u8 fixed = (u8)~(pd->wmask[i] | pd->w1cmask[i]);
        if (i < 0x40 && i != PCI_STATUS && ((pd->config[i] ^ pd->reset_config[i]) & fixed))
            return err_set(e, ERR_STATE, "%s: PCI register %02xh is %02xh in the snapshot, which "
                           "this device cannot hold", pd->dev.id, i, pd->config[i]);
    }
    if (pd->int_level != 0 && pd->int_level != 1)
        return err_set(e, ERR_STATE, "%s: interrupt level %d in the snapshot", pd->dev.id,
                       pd->int_level);
    update_bars(pd);
    if (pd->bus)
        update_slot(pd->bus, pd->devfn >> 3);
    return true;
}

void pci_close(struct pci_device *pd)
{
    drop_bars(pd);
    if (pd->bus && pd->bus->fn[pd->devfn] == pd)
        pd->bus->fn[pd->devfn] = NULL;
    pd->bus = NULL;
}

bool pci_bus_add(struct pci_bus *bus, struct pci_device *pd, u8 devfn, struct err *e)
{
    if (bus->fn[devfn] == pd)
        return true;
    if (bus->fn[devfn])
        return err_set(e, ERR_CONFIG, "PCI slot %u function %u holds %s already: give %s another",
                       devfn >> 3, devfn & 7, bus->fn[devfn]->dev.id, pd->dev.id);
    if (pd->bus)
        return err_set(e, ERR_CONFIG, "%s is in PCI slot %u already", pd->dev.id, pd->devfn >> 3);
    bus->fn[devfn] = pd;
    pd->bus = bus;
    pd->devfn = devfn;
    return true;
}

/* The function that an address names; NULL: master abort. */
static struct pci_device *addressed(const struct pci_bus *bus, u32 address)
{
    if (!(address & BIT(31)) || (address >> 16 & 0xff) != 0)
        return NULL;
    return bus->fn[address >> 8 & 0xff];
}

static bool has_more_functions(const struct pci_bus *bus, u8 devfn)
{
    for (unsigned f = 1; f < 8; f++) {
        if (bus->fn[devfn | f])
            return true;
    }
    return false;
}

u32 pci_config_read(struct pci_bus *bus, u32 address, u32 off, unsigned size)
{
    struct pci_device *pd = addressed(bus, address);
    u32 v = 0;

    off &= 3;
    if (!pd)
        return size_mask(size);
    for (unsigned i = 0; i < size && off + i < 4; i++) {
        u32 reg = (address & 0xfc) + off + i;
        u8 b = pd->config[reg];
        if (reg == PCI_HEADER_TYPE && !(pd->devfn & 7) && has_more_functions(bus, pd->devfn))
            b |= 0x80;
        v |= (u32)b << (8 * i);
    }
    LOG(pd->dev.sys->log, REG, "%s: config %02xh -> %0*x", pd->dev.id, (address & 0xfc) + off,
        (int)size * 2, v);
    return v;
}

void pci_config_write(struct pci_bus *bus, u32 address, u32 off, u32 val, unsigned size)
{
    struct pci_device *pd = addressed(bus, address);
    u8 old[256];

    off &= 3;
    if (!pd)
        return;
    u32 reg = (address & 0xfc) + off;
    size = MIN(size, 4 - off);
    LOG(pd->dev.sys->log, REG, "%s: config %02xh <- %0*x", pd->dev.id, reg, (int)size * 2, val);
    memcpy(old, pd->config, sizeof(old));
    for (unsigned i = 0; i < size; i++) {
        u8 b = (u8)(val >> (8 * i)), *c = &pd->config[reg + i];
        *c = (u8)((*c & ~pd->wmask[reg + i]) | (b & pd->wmask[reg + i]));
        *c &= (u8)~(b & pd->w1cmask[reg + i]);
    }
    bool header = reg < PCI_CACHE_LINE || (reg + size > PCI_BAR0 && reg < PCI_ROM_ADDR + 4);
    if (header && memcmp(old, pd->config, 64))
        update_bars(pd);
    if (pd->config_written)
        pd->config_written(pd, reg, size, old);
}
