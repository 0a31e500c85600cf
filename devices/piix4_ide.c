/* SPDX-License-Identifier: MIT */
/* Intel 82371AB PIIX4, function 1: the IDE interface (data sheet 290562-001, chapter 4): two
 * channels at the legacy ports, decoded while IDETIM's enable bit and COMMAND's I/O bit are set,
 * with IRQ 14 and 15, and a bus-master engine each behind BMIBA.
 *
 * The timing registers keep what is written and time nothing. BMIBA's bits 31:16, which the data
 * sheet hardwires to 0, can be written: SeaBIOS sizes port BARs with 32 bits. */
#include "devices/ata.h"
#include "devices/bmide.h"
#include "devices/pci.h"

enum { IDETIM = 0x40, SIDETIM = 0x44, UDMACTL = 0x48, UDMATIM = 0x4a };
#define IDETIM_IDE 0x80 /* of the high byte: decode enable */

struct piix4_ide {
    struct pci_device pci;
    struct ata_channel chan[2];
    struct bmide bm[2];
    struct wire irq[2];           /* not saved: wiring */
    struct region *legacy[2][2];  /* not saved: [channel][command, control] */
    struct region bm_region;
    /* properties */
    struct block *disk[4];
    bool cdrom[4];
    const char *model[4], *serial[4], *firmware[4];
};

static void update_decode(struct piix4_ide *p)
{
    struct space *io = p->pci.dev.sys->io;
    bool io_on = p->pci.config[PCI_COMMAND] & PCI_CMD_IO;

    space_begin(io);
    for (unsigned n = 0; n < 2; n++) {
        bool on = io_on && (p->pci.config[IDETIM + 2 * n + 1] & IDETIM_IDE);
        space_enable(io, p->legacy[n][0], on);
        space_enable(io, p->legacy[n][1], on);
    }
    space_end(io);
}

static void config_written(struct pci_device *pd, u32 off, u32 size, const u8 *old)
{
    (void)off;
    (void)size;
    (void)old;
    update_decode((struct piix4_ide *)pd);
}

/* ---- wires to and from the channels ---- */

static void intrq(void *to, unsigned n, int level)
{
    struct piix4_ide *p = to;
    if (level)
        bmide_interrupt(&p->bm[n]); /* drivers wait for this bit with PIO commands as well */
    wire_set(&p->irq[n], level);
}

static bool dma_ready(void *to, unsigned n, bool to_memory)
{
    struct piix4_ide *p = to;
    return (p->pci.config[PCI_COMMAND] & PCI_CMD_MASTER) && bmide_ready(&p->bm[n], to_memory);
}

static u32 dma_move(void *to, unsigned n, u8 *buf, u32 len, bool to_memory)
{
    struct piix4_ide *p = to;
    return bmide_move(&p->bm[n], p->pci.dev.sys->mem, buf, len, to_memory);
}

/* ---- ports ---- */

static u32 command_read(void *dev, u32 off, unsigned size)
{
    return ata_read(dev, off, size);
}

static u32 command_peek(void *dev, u32 off, unsigned size)
{
    return ata_peek(dev, off, size);
}

static void command_write(void *dev, u32 off, u32 val, unsigned size)
{
    ata_write(dev, off, val, size);
}

static u32 control_read(void *dev, u32 off, unsigned size)
{
    (void)off;
    (void)size;
    return ata_read_alt(dev);
}

static void control_write(void *dev, u32 off, u32 val, unsigned size)
{
    (void)off;
    (void)size;
    ata_write_control(dev, (u8)val);
}

static u32 bm_read(void *dev, u32 off, unsigned size)
{
    struct piix4_ide *p = dev;
    return bmide_read(&p->bm[off >> 3], off & 7, size);
}

static void bm_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct piix4_ide *p = dev;
    if (bmide_write(&p->bm[off >> 3], off & 7, val, size))
        ata_dma_kick(&p->chan[off >> 3]);
}

static const struct region_ops command_ops = { command_read, command_write, command_peek, 0, 0, false };
static const struct region_ops control_ops = { control_read, control_write, control_read, 1, 1, false };
static const struct region_ops bm_ops = { bm_read, bm_write, bm_read, 0, 0, false };

/* ---- life ---- */

static void set_masks(struct piix4_ide *p)
{
    struct pci_device *pd = &p->pci;
    u8 *w = pd->wmask;

    pci_setup(pd, 0x8086, 0x7111, 1, 0x010180, 0);
    pci_set16(w, PCI_COMMAND, PCI_CMD_IO | PCI_CMD_MASTER);
    pci_set16(pd->w1cmask, PCI_STATUS, 0x3800);
    w[PCI_CACHE_LINE] = 0;
    w[PCI_LATENCY] = 0xf0;
    pci_set16(w, IDETIM, 0xf3ff);
    pci_set16(w, IDETIM + 2, 0xf3ff);
    w[SIDETIM] = 0xff;
    w[UDMACTL] = 0x0f;
    pci_set16(w, UDMATIM, 0x3333);
    p->bm_region = (struct region){ .name = "bmide", .kind = REGION_IO, .ops = &bm_ops, .dev = p };
    pci_bar_set(pd, 4, 16, true, false, &p->bm_region);
}

static bool map_channel(struct piix4_ide *p, unsigned n, struct err *e)
{
    static const u32 base[2] = { 0x1f0, 0x170 };
    struct region *r;

    for (unsigned i = 0; i < 2; i++) {
        r = device_io(&p->pci.dev, i ? "ide-control" : "ide-command", base[n] + (i ? 0x206 : 0),
                      i ? 1 : 8, i ? &control_ops : &command_ops, e);
        if (!r)
            return false;
        r->dev = &p->chan[n];
        space_enable(p->pci.dev.sys->io, r, false);
        p->legacy[n][i] = r;
    }
    return true;
}

static bool piix4_ide_init(struct device *dev, struct err *e)
{
    struct piix4_ide *p = (struct piix4_ide *)dev;

    set_masks(p);
    p->pci.config_written = config_written;
    for (unsigned n = 0; n < 2; n++) {
        struct ata_channel *c = &p->chan[n];
        c->owner = dev;
        c->number = n;
        c->intrq = intrq;
        c->dma_ready = dma_ready;
        c->dma_move = dma_move;
        c->to = p;
        for (unsigned i = 0; i < 2; i++) {
            unsigned k = n * 2 + i;
            c->drive[i].blk = p->disk[k];
            c->drive[i].cdrom = p->cdrom[k];
            c->drive[i].model = p->model[k] && *p->model[k] ? p->model[k]
                                : p->cdrom[k]               ? "NESTBOX CD-ROM"
                                                            : "NESTBOX HARDDISK";
            c->drive[i].serial = p->serial[k];
            c->drive[i].firmware = p->firmware[k];
        }
        if (!ata_init(c, e) || !map_channel(p, n, e))
            return false;
    }
    return true;
}

static void piix4_ide_reset(struct device *dev, enum reset_kind kind)
{
    struct piix4_ide *p = (struct piix4_ide *)dev;
    (void)kind;
    pci_reset(&p->pci);
    for (unsigned n = 0; n < 2; n++) {
        bmide_reset(&p->bm[n]);
        ata_reset(&p->chan[n]);
    }
    update_decode(p);
}

static void piix4_ide_pre_save(struct device *dev)
{
    struct piix4_ide *p = (struct piix4_ide *)dev;
    ata_pre_save(&p->chan[0]);
    ata_pre_save(&p->chan[1]);
}

static bool piix4_ide_post_load(struct device *dev, struct err *e)
{
    struct piix4_ide *p = (struct piix4_ide *)dev;

    if (!pci_post_load(&p->pci, e))
        return false;
    for (unsigned n = 0; n < 2; n++) {
        u8 status = p->bm[n].status;
        if (p->bm[n].count > 0x10000)
            return err_set(e, ERR_STATE, "impossible bus-master state");
        if (!ata_post_load(&p->chan[n], e))
            return false;
        p->bm[n].status = status; /* driving INTRQ again is no new interrupt */
    }
    update_decode(p);
    return true;
}

static void piix4_ide_close(struct device *dev)
{
    struct piix4_ide *p = (struct piix4_ide *)dev;
    ata_close(&p->chan[0]);
    ata_close(&p->chan[1]);
    pci_close(&p->pci);
}

static void piix4_ide_info(struct device *dev, struct strbuf *sb)
{
    struct piix4_ide *p = (struct piix4_ide *)dev;
    for (unsigned n = 0; n < 2; n++) {
        ata_info(&p->chan[n], sb);
        sb_addf(sb, "channel %u bus master: command %02x status %02x table %08x\n", n,
                p->bm[n].cmd, p->bm[n].status, p->bm[n].table);
    }
}

static const struct field piix4_ide_fields[] = {
    PCI_FIELDS(struct piix4_ide, pci),
    F_SUB(struct piix4_ide, chan, struct ata_channel, ata_channel_fields),
    F_SUB(struct piix4_ide, bm, struct bmide, bmide_fields), F_END
};

#define DRIVE_PROPS(n) \
    { "disk" #n, PROP_BLOCK, offsetof(struct piix4_ide, disk[n]), 0, NULL, "medium of drive " #n }, \
    { "cdrom" #n, PROP_BOOL, offsetof(struct piix4_ide, cdrom[n]), 0, NULL, \
      "drive " #n " is a CD-ROM drive" }, \
    { "model" #n, PROP_STR, offsetof(struct piix4_ide, model[n]), 0, "", "model of drive " #n }, \
    { "serial" #n, PROP_STR, offsetof(struct piix4_ide, serial[n]), 0, "NB0000" #n, \
      "serial number of drive " #n }, \
    { "firmware" #n, PROP_STR, offsetof(struct piix4_ide, firmware[n]), 0, "1.0", \
      "firmware revision of drive " #n }

static const struct prop piix4_ide_props[] = {
    DRIVE_PROPS(0), DRIVE_PROPS(1), DRIVE_PROPS(2), DRIVE_PROPS(3), { 0 }
};

static const struct pin piix4_ide_pins[] = {
    { "irq", PIN_OUT, 2, offsetof(struct piix4_ide, irq), NULL },
    { 0 }
};

static const struct reg_doc piix4_ide_regs[] = {
    { "data", "io 1F0h, 170h", REG_RW, true, "32-bit accesses are two transfers" },
    { "error, features", "io 1F1h, 171h", REG_RW, true, NULL },
    { "sector count", "io 1F2h, 172h", REG_RW, true, NULL },
    { "LBA low, mid, high", "io 1F3h-1F5h, 173h-175h", REG_RW, true, NULL },
    { "device/head", "io 1F6h, 176h", REG_RW, true, NULL },
    { "status, command", "io 1F7h, 177h", REG_RW, true, NULL },
    { "alternate status, device control", "io 3F6h, 376h", REG_RW, true, NULL },
    { "BMICP, BMICS", "bar4+0, +8", REG_RW, true, NULL },
    { "BMISP, BMISS", "bar4+2, +10", REG_MIXED, true, "simplex never set" },
    { "BMIDTPP, BMIDTPS", "bar4+4, +12", REG_RW, true, NULL },
    { "VID", "pci 00h", REG_RO, true, NULL },
    { "DID", "pci 02h", REG_RO, true, NULL },
    { "PCICMD", "pci 04h", REG_RW, true, NULL },
    { "PCISTS", "pci 06h", REG_W1C, true, "no abort is ever signalled" },
    { "RID", "pci 08h", REG_RO, true, NULL },
    { "CLASSC", "pci 09h", REG_RO, true, NULL },
    { "MLT", "pci 0Dh", REG_RW, true, "no bus arbitration to time" },
    { "HEDT", "pci 0Eh", REG_RO, true, NULL },
    { "BMIBA", "pci 20h", REG_RW, true, "bits 31:16 can be written" },
    { "IDETIM", "pci 40h, 42h", REG_RW, true, "the enable bits act; timings are stored" },
    { "SIDETIM", "pci 44h", REG_RW, false, "stored: no timing" },
    { "UDMACTL", "pci 48h", REG_RW, false, "stored: the drive's mode decides nothing" },
    { "UDMATIM", "pci 4Ah", REG_RW, false, "stored: no timing" },
    REG_END
};

const struct device_class piix4_ide_class = {
    .name = "piix4_ide",
    .desc = "Intel PIIX4 IDE interface with two channels",
    .size = sizeof(struct piix4_ide),
    .props = piix4_ide_props,
    .pins = piix4_ide_pins,
    .regs = piix4_ide_regs,
    .init = piix4_ide_init,
    .reset = piix4_ide_reset,
    .close = piix4_ide_close,
    .fields = piix4_ide_fields,
    .version = 2,
    .post_load = piix4_ide_post_load,
    .pre_save = piix4_ide_pre_save,
    .info = piix4_ide_info,
    .is_pci = true,
};
