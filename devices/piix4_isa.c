/* SPDX-License-Identifier: MIT */
/* Intel 82371AB PIIX4, function 0: the PCI-to-ISA bridge (data sheet 290562-001): steering of the
 * PCI interrupts to the 8259s, the reset control register at CF9h, and configuration registers.
 * The 8259s, 8254, 8237s, ELCR, NMI and APM ports of the part are chips of their own.
 *
 * Not modelled: distributed DMA, PC/PCI, serial interrupts, positive decode and BIOS chip selects
 * (registers keep what is written); the PIRQ lines are steered as levels, and it is the ELCR that
 * makes the 8259 treat them so. */
#include "devices/pci.h"

enum {
    IORT = 0x4c, XBCS = 0x4e, PIRQRC = 0x60, SERIRQC = 0x64, TOM = 0x69, MSTAT = 0x6a,
    MBDMA = 0x76, APICBASE = 0x80, DLC = 0x82, PDMACFG = 0x90, DDMABP = 0x92, GENCFG = 0xb0,
    RTCCFG = 0xcb,
};
enum { RC_SRST = 0x02, RC_RCPU = 0x04 };
#define PIRQ_DISABLE 0x80
/* IRQs that PIRQRC can name; 0, 1, 2, 8 and 13 are reserved. */
#define STEERABLE 0xdef8u

struct piix4_isa {
    struct pci_device pci;
    struct wire irq[16];  /* not saved: wiring */
    u8 pirq_level;        /* bits 0..3: PIRQA-D, active */
    u8 rc;                /* CF9h */
};

static void piix4_isa_update(struct piix4_isa *p)
{
    u32 levels = 0;
    for (unsigned n = 0; n < 4; n++) {
        u8 route = p->pci.config[PIRQRC + n];
        if (!(route & PIRQ_DISABLE) && (p->pirq_level >> n & 1))
            levels |= BIT(route & 15);
    }
    levels &= STEERABLE;
    for (unsigned n = 0; n < 16; n++)
        wire_set(&p->irq[n], levels >> n & 1);
}

static void pirq_input(void *to, int n, int level)
{
    struct piix4_isa *p = to;
    p->pirq_level = (u8)((p->pirq_level & ~BIT(n & 3)) | (level ? BIT(n & 3) : 0));
    piix4_isa_update(p);
}

static void config_written(struct pci_device *pd, u32 off, u32 size, const u8 *old)
{
    struct piix4_isa *p = (struct piix4_isa *)pd;
    if (off < PIRQRC + 4 && off + size > PIRQRC && memcmp(old + PIRQRC, pd->config + PIRQRC, 4))
        piix4_isa_update(p);
}

static u32 rc_read(void *dev, u32 off, unsigned size)
{
    struct piix4_isa *p = dev;
    (void)off;
    (void)size;
    return p->rc;
}

static void rc_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct piix4_isa *p = dev;
    struct system *sys = p->pci.dev.sys;
    u8 old = p->rc;
    (void)off;
    (void)size;

    p->rc = val & (RC_SRST | RC_RCPU);
    /* RCPU going from 0 to 1 starts it. Hard or soft by SRST: here both reset the machine, as
     * resetting the CPU alone through CF9h has no use but to end in the firmware's reset path. */
    if ((p->rc & RC_RCPU) && !(old & RC_RCPU))
        sys->request(sys->machine, SYSTEM_RESET, 0);
}

static const struct region_ops rc_ops = { rc_read, rc_write, rc_read, 1, 1, false };

static void set_masks(struct piix4_isa *p)
{
    struct pci_device *pd = &p->pci;
    u8 *c = pd->reset_config, *w = pd->wmask;

    pci_setup(pd, 0x8086, 0x7110, 2, 0x060100, 0);
    pci_set16(c, PCI_COMMAND, 0x0007);
    pci_set16(w, PCI_COMMAND, 0x0108);
    pci_set16(pd->w1cmask, PCI_STATUS, 0x7800);
    w[PCI_CACHE_LINE] = w[PCI_LATENCY] = 0;
    c[PCI_HEADER_TYPE] = 0x80;
    c[IORT] = 0x4d; w[IORT] = 0xff;
    pci_set16(c, XBCS, 0x0003);
    pci_set16(w, XBCS, 0x07ff);
    for (u32 n = 0; n < 4; n++) {
        c[PIRQRC + n] = 0x80;
        w[PIRQRC + n] = 0x8f;
    }
    c[SERIRQC] = 0x10; w[SERIRQC] = 0xff;
    c[TOM] = 0x02; w[TOM] = 0xfe;
    pci_set16(w, MSTAT, 0x8084);
    c[MBDMA] = c[MBDMA + 1] = 0x04;
    w[MBDMA] = w[MBDMA + 1] = 0x87;
    w[APICBASE] = 0x7f;
    w[DLC] = 0x0f;
    pci_set16(w, PDMACFG, 0xdedb);
    pci_set16(w, DDMABP, 0xffc0);
    pci_set16(w, DDMABP + 2, 0xffc0);
    pci_set32(w, GENCFG, 0xffffffff);
    c[RTCCFG] = 0x21; w[RTCCFG] = 0x3d;
}

static bool piix4_isa_init(struct device *dev, struct err *e)
{
    struct piix4_isa *p = (struct piix4_isa *)dev;
    set_masks(p);
    p->pci.config_written = config_written;
    return device_io_prio(dev, "reset-control", 0xcf9, 1, PRIO_PORT_OVER, &rc_ops, e) != NULL;
}

static void piix4_isa_reset(struct device *dev, enum reset_kind kind)
{
    struct piix4_isa *p = (struct piix4_isa *)dev;
    (void)kind;
    /* pirq_level follows from the inputs, which their drivers lower at their own reset. */
    pci_reset(&p->pci);
    p->rc = 0;
    piix4_isa_update(p);
}

static bool piix4_isa_post_load(struct device *dev, struct err *e)
{
    struct piix4_isa *p = (struct piix4_isa *)dev;
    p->pirq_level &= 15;
    p->rc &= RC_SRST | RC_RCPU;
    for (unsigned n = 0; n < 4; n++)
        p->pci.config[PIRQRC + n] &= 0x8f;
    if (!pci_post_load(&p->pci, e))
        return false;
    piix4_isa_update(p);
    return true;
}

static void piix4_isa_close(struct device *dev)
{
    pci_close((struct pci_device *)dev);
}

static void piix4_isa_info(struct device *dev, struct strbuf *sb)
{
    struct piix4_isa *p = (struct piix4_isa *)dev;
    for (unsigned n = 0; n < 4; n++) {
        u8 route = p->pci.config[PIRQRC + n];
        sb_addf(sb, "PIRQ%c %s -> ", 'A' + n, p->pirq_level >> n & 1 ? "high" : "low");
        if (route & PIRQ_DISABLE)
            sb_add(sb, "off\n");
        else
            sb_addf(sb, "IRQ%u\n", route & 15);
    }
}

static const struct field piix4_isa_fields[] = {
    PCI_FIELDS(struct piix4_isa, pci), F_U8(struct piix4_isa, pirq_level),
    F_U8(struct piix4_isa, rc), F_END
};

static const struct pin piix4_isa_pins[] = {
    { "irq", PIN_OUT, 16, offsetof(struct piix4_isa, irq), NULL },
    { "pirq", PIN_IN, 4, 0, pirq_input },
    { 0 }
};

static const struct reg_doc piix4_isa_regs[] = {
    { "RC", "io CF9h", REG_RW, true, "SRST = 0 (soft reset) resets the machine, too" },
    { "VID", "pci 00h", REG_RO, true, NULL },
    { "DID", "pci 02h", REG_RO, true, NULL },
    { "PCICMD", "pci 04h", REG_MIXED, true, "special cycles and SERR are stored only" },
    { "PCISTS", "pci 06h", REG_W1C, true, "no error is ever signalled" },
    { "RID", "pci 08h", REG_RO, true, NULL },
    { "CLASSC", "pci 09h", REG_RO, true, NULL },
    { "HEDT", "pci 0Eh", REG_RO, true, NULL },
    { "IORT", "pci 4Ch", REG_RW, false, "stored: no ISA recovery times" },
    { "XBCS", "pci 4Eh", REG_RW, false, "stored: the X-bus chips always decode" },
    { "PIRQRCA-D", "pci 60h", REG_RW, true, NULL },
    { "SERIRQC", "pci 64h", REG_RW, false, "stored: no serial interrupts" },
    { "TOM", "pci 69h", REG_RW, false, "stored: ISA masters reach all of RAM" },
    { "MSTAT", "pci 6Ah", REG_RW, false, "stored" },
    { "MBDMA0-1", "pci 76h", REG_RW, false, "stored: no motherboard DMA" },
    { "APICBASE", "pci 80h", REG_RW, false, "stored: no IO APIC chip select" },
    { "DLC", "pci 82h", REG_RW, false, "stored: no delayed transactions" },
    { "PDMACFG", "pci 90h", REG_RW, false, "stored: no PC/PCI DMA" },
    { "DDMABP0-1", "pci 92h", REG_RW, false, "stored: no distributed DMA" },
    { "GENCFG", "pci B0h", REG_RW, false, "stored: pin functions" },
    { "RTCCFG", "pci CBh", REG_RW, false, "stored: the RTC is a chip of its own" },
    { "DMA, interrupt, timer, NMI, RTC and APM ports", "io 00h-F0h, 4D0h", REG_MIXED, false,
      "the chips i8237, i8259, i8254, mc146818 and the board's port chips" },
    REG_END
};

const struct device_class piix4_isa_class = {
    .name = "piix4_isa",
    .desc = "Intel PIIX4 PCI-to-ISA bridge",
    .size = sizeof(struct piix4_isa),
    .pins = piix4_isa_pins,
    .regs = piix4_isa_regs,
    .init = piix4_isa_init,
    .reset = piix4_isa_reset,
    .close = piix4_isa_close,
    .fields = piix4_isa_fields,
    .version = 1,
    .post_load = piix4_isa_post_load,
    .info = piix4_isa_info,
    .is_pci = true,
};
