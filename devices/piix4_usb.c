/* SPDX-License-Identifier: MIT */
/* Intel 82371AB PIIX4, function 2: the USB host controller (data sheet 290562-001, chapter 5): the
 * configuration space; the engine is in uhci.c.
 *
 * LEGSUP stores what is written; its emulation of a PS/2 keyboard needs SMM and traps of ports 60h
 * and 64h, which are not modelled, so that its status bits never come on. USBBASE's bits 31:16,
 * which the data sheet hardwires to 0, can be written: SeaBIOS sizes port BARs with 32 bits. */
#include "devices/piix4_usb.h"

#include "devices/pci.h"

enum { SBRNUM = 0x60, LEGSUP = 0xc0 };
enum { LEGSUP_TRAPS = 0x9f, LEGSUP_IRQ = 0x1000, LEGSUP_PIRQD = 0x2000 };

struct piix4_usb {
    struct pci_device pci;
    struct uhci uhci;
    struct region io;
};

struct uhci *piix4_usb_hub(struct device *dev)
{
    return &((struct piix4_usb *)dev)->uhci;
}

static void update_irq(struct piix4_usb *p, int level)
{
    u16 leg = ld16(p->pci.config + LEGSUP);

    leg = (u16)((leg & ~LEGSUP_IRQ) | (level ? LEGSUP_IRQ : 0));
    pci_set16(p->pci.config, LEGSUP, leg);
    pci_set_irq(&p->pci, level && leg & LEGSUP_PIRQD);
}

static void engine_irq(void *to, int level)
{
    update_irq(to, level);
}

static bool is_master(void *to)
{
    const struct piix4_usb *p = to;
    return p->pci.config[PCI_COMMAND] & PCI_CMD_MASTER;
}

static void config_written(struct pci_device *pd, u32 off, u32 size, const u8 *old)
{
    struct piix4_usb *p = (struct piix4_usb *)pd;
    u8 leg = pd->config[LEGSUP];
    (void)off;
    (void)size;

    if (leg & LEGSUP_TRAPS & ~old[LEGSUP])
        log_unimp(pd->dev.sys->log, pd->dev.id, "keyboard emulation by LEGSUP's traps");
    update_irq(p, uhci_irq_level(&p->uhci));
}

static u32 io_read(void *dev, u32 off, unsigned size)
{
    return uhci_read(&((struct piix4_usb *)dev)->uhci, off, size);
}

static u32 io_peek(void *dev, u32 off, unsigned size)
{
    return uhci_peek(&((struct piix4_usb *)dev)->uhci, off, size);
}

static void io_write(void *dev, u32 off, u32 val, unsigned size)
{
    uhci_write(&((struct piix4_usb *)dev)->uhci, off, val, size);
}

static const struct region_ops io_ops = { io_read, io_write, io_peek, 1, 2, false };

static bool piix4_usb_init(struct device *dev, struct err *e)
{
    struct piix4_usb *p = (struct piix4_usb *)dev;
    struct pci_device *pd = &p->pci;
    (void)e;

    pci_setup(pd, 0x8086, 0x7112, 1, 0x0c0300, 4);
    pci_set16(pd->wmask, PCI_COMMAND, PCI_CMD_IO | PCI_CMD_MASTER);
    pci_set16(pd->w1cmask, PCI_STATUS, 0x3800);
    pd->wmask[PCI_CACHE_LINE] = 0;
    pd->wmask[PCI_LATENCY] = 0xf0;
    pd->reset_config[SBRNUM] = 0x10; /* release 1.0 */
    pci_set16(pd->reset_config, LEGSUP, LEGSUP_PIRQD);
    pci_set16(pd->wmask, LEGSUP, 0x20bf);
    pci_set16(pd->w1cmask, LEGSUP, 0x8f00);
    pd->config_written = config_written;
    memcpy(pd->config, pd->reset_config, sizeof(pd->config));
    p->io = (struct region){ .name = "uhci", .kind = REGION_IO, .ops = &io_ops, .dev = p };
    pci_bar_set(pd, 4, UHCI_IO_SIZE, true, false, &p->io);
    p->uhci.master = is_master;
    p->uhci.irq = engine_irq;
    p->uhci.to = p;
    uhci_init(&p->uhci, dev);
    return true;
}

static void piix4_usb_reset(struct device *dev, enum reset_kind kind)
{
    struct piix4_usb *p = (struct piix4_usb *)dev;
    (void)kind;
    pci_reset(&p->pci);
    uhci_reset(&p->uhci);
}

static bool piix4_usb_post_load(struct device *dev, struct err *e)
{
    struct piix4_usb *p = (struct piix4_usb *)dev;

    if (!pci_post_load(&p->pci, e) || !uhci_post_load(&p->uhci, e))
        return false;
    if (p->pci.config[SBRNUM] != 0x10 || ld16(p->pci.config + LEGSUP) & 0xcf40)
        return err_set(e, ERR_STATE, "%s: impossible configuration registers", dev->id);
    update_irq(p, uhci_irq_level(&p->uhci));
    return true;
}

static void piix4_usb_close(struct device *dev)
{
    struct piix4_usb *p = (struct piix4_usb *)dev;

    uhci_close(&p->uhci);
    pci_close(&p->pci);
}

static void piix4_usb_info(struct device *dev, struct strbuf *sb)
{
    uhci_info(&((struct piix4_usb *)dev)->uhci, sb);
}

static const struct field piix4_usb_fields[] = {
    PCI_FIELDS(struct piix4_usb, pci),
    F_SUB(struct piix4_usb, uhci, struct uhci, uhci_fields), F_END
};

static const struct reg_doc piix4_usb_regs[] = {
    { "VID", "pci 00h", REG_RO, true, NULL },
    { "DID", "pci 02h", REG_RO, true, NULL },
    { "PCICMD", "pci 04h", REG_RW, true, NULL },
    { "PCISTS", "pci 06h", REG_W1C, true, "no abort is ever signalled" },
    { "RID", "pci 08h", REG_RO, true, NULL },
    { "CLASSC", "pci 09h", REG_RO, true, NULL },
    { "MLT", "pci 0Dh", REG_RW, true, "no bus arbitration to time" },
    { "HEDT", "pci 0Eh", REG_RO, true, NULL },
    { "USBBASE", "pci 20h", REG_RW, true, "bits 31:16 can be written" },
    { "INTLN", "pci 3Ch", REG_RW, true, NULL },
    { "INTPN", "pci 3Dh", REG_RO, true, NULL },
    { "SBRNUM", "pci 60h", REG_RO, true, NULL },
    { "LEGSUP", "pci C0h", REG_MIXED, true, "USBPIRQDEN, USBIRQS act; traps, SMI are stored" },
    { "USBCMD", "bar4+0", REG_RW, true, "SWDBG and MAXP are stored" },
    { "USBSTS", "bar4+2", REG_W1C, true, NULL },
    { "USBINTR", "bar4+4", REG_RW, true, NULL },
    { "FRNUM", "bar4+6", REG_RW, true, "written only while stopped" },
    { "FLBASEADD", "bar4+8", REG_RW, true, NULL },
    { "SOFMOD", "bar4+12", REG_RW, true, NULL },
    { "PORTSC0", "bar4+16", REG_MIXED, true, "no over-current" },
    { "PORTSC1", "bar4+18", REG_MIXED, true, "no over-current" },
    REG_END
};

const struct device_class piix4_usb_class = {
    .name = "piix4_usb",
    .desc = "Intel PIIX4 USB host controller (UHCI)",
    .size = sizeof(struct piix4_usb),
    .regs = piix4_usb_regs,
    .init = piix4_usb_init,
    .reset = piix4_usb_reset,
    .close = piix4_usb_close,
    .fields = piix4_usb_fields,
    .version = 1,
    .post_load = piix4_usb_post_load,
    .info = piix4_usb_info,
    .is_pci = true,
};
