/* SPDX-License-Identifier: MIT */
/* Intel 82441FX PCI and Memory Controller (PMC), the host bridge of the 440FX PCIset (data sheet
 * 290549-001). It owns PCI bus 0, the ports CF8h and CFCh, the programmable attribute map over
 * C0000-FFFFF, the compatible SMRAM window and the DRAM hole.
 *
 * Firmware recognises the machine by the subsystem ID, which no real 82441FX has.
 * Not modelled: DRAM types, timing and refresh (registers keep what is written), ECC and parity
 * errors, SMM itself: SMRAM can be opened (D_OPEN) but never becomes visible by an SMI; peer
 * bridge signals; the 15-16 MB hole shows nothing, as no ISA card lies behind it. */
#include "devices/pci.h"

enum {
    PMCCFG = 0x50, DETURBO = 0x52, DBC = 0x53, AXC = 0x54, DRT = 0x55, DRAMC = 0x57, DRAMT = 0x58,
    PAM0 = 0x59, DRB0 = 0x60, FDHC = 0x68, MTT = 0x70, CLT = 0x71, SMRAM = 0x72, ERRCMD = 0x90,
    ERRSTS = 0x91, TRC = 0x93,
};
enum { SMRAM_DOPEN = 0x40, SMRAM_DCLS = 0x20, SMRAM_DLCK = 0x10, SMRAME = 0x08 };
enum { TRC_SHRE = 0x02, TRC_RCPU = 0x04 };
enum { PAM_RE = 1, PAM_WE = 2 };

#define NUM_PAM 13u

struct i440fx {
    struct pci_device pci;
    struct pci_bus bus;          /* saved: address; the rest is wiring */
    u32 shadow_frame;            /* property: RAM frame of C0000h */
    u32 ram_mb;                  /* property: what DRB tells */
    u32 subsys_vendor, subsys_id;
    struct region pam[NUM_PAM];  /* not saved: follow from registers */
    struct region smram, hole;
};

/* The 13 segments of the attribute map: F0000 in PAM0's high nibble, then 16 KB a nibble. */
static paddr pam_base(unsigned n)
{
    return n == 0 ? 0xf0000 : 0xc0000 + (n - 1) * 0x4000u;
}

static u8 pam_bits(const struct i440fx *p, unsigned n)
{
    unsigned nibble = n + 1; /* PAM0's low nibble is reserved */
    return p->pci.config[PAM0 + nibble / 2] >> (nibble & 1 ? 4 : 0) & 3;
}

/* Everything that the registers say about the memory map. */
static void i440fx_update(struct i440fx *p)
{
    struct space *mem = p->pci.dev.sys->mem;
    const u8 *c = p->pci.config;

    space_begin(mem);
    for (unsigned n = 0; n < NUM_PAM; n++) {
        u8 bits = pam_bits(p, n);
        u8 flags = (u8)((bits & PAM_RE ? REGION_READ : 0) | (bits & PAM_WE ? REGION_WRITE : 0));
        if (flags)
            space_set_flags(mem, &p->pam[n], flags);
        space_enable(mem, &p->pam[n], flags != 0);
    }
    space_enable(mem, &p->smram, (c[SMRAM] & SMRAME) && (c[SMRAM] & SMRAM_DOPEN) &&
                                 !(c[SMRAM] & SMRAM_DCLS));
    switch (c[FDHC] >> 6) {
    case 1: /* 512-640 KB */
        space_enable(mem, &p->hole, false);
        p->hole.size = 0x20000;
        space_move(mem, &p->hole, 0x80000);
        space_enable(mem, &p->hole, true);
        break;
    case 2: /* 15-16 MB */
        space_enable(mem, &p->hole, false);
        p->hole.size = 0x100000;
        space_move(mem, &p->hole, 0xf00000);
        space_enable(mem, &p->hole, true);
        break;
    default:
        space_enable(mem, &p->hole, false);
        break;
    }
    space_end(mem);
}

static void config_written(struct pci_device *pd, u32 off, u32 size, const u8 *old)
{
    struct i440fx *p = (struct i440fx *)pd;
    u8 *c = pd->config;
    struct system *sys = pd->dev.sys;

    if (off <= SMRAM && SMRAM < off + size) {
        if (old[SMRAM] & SMRAM_DLCK) /* D_OPEN, D_LCK and SMRAME are read-only until reset */
            c[SMRAM] = (u8)((old[SMRAM] & ~SMRAM_DCLS) | (c[SMRAM] & SMRAM_DCLS));
        else if (c[SMRAM] & SMRAM_DLCK)
            c[SMRAM] &= (u8)~SMRAM_DOPEN;
        if ((c[SMRAM] & (SMRAM_DOPEN | SMRAM_DCLS)) == (SMRAM_DOPEN | SMRAM_DCLS))
            log_guest(sys->log, pd->dev.id, "SMRAM both open and closed");
    }
    if (memcmp(old + PAM0, c + PAM0, 7) || old[FDHC] != c[FDHC] || old[SMRAM] != c[SMRAM])
        i440fx_update(p);
    if ((c[TRC] & TRC_RCPU) && !(old[TRC] & TRC_RCPU))
        sys->request(sys->machine, c[TRC] & TRC_SHRE ? SYSTEM_RESET : SYSTEM_INIT, 0);
}

/* CF8h: only a dword is the address register; narrower cycles are ordinary I/O, to which nothing
 * on this bus answers but the ISA bridge's CF9h, a region of its own. */
static u32 address_read(void *dev, u32 off, unsigned size)
{
    struct i440fx *p = dev;
    (void)off;
    return size == 4 ? p->bus.address : size_mask(size);
}

static void address_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i440fx *p = dev;
    (void)off;
    if (size == 4)
        p->bus.address = val & 0x80fffffc;
}

static u32 data_read(void *dev, u32 off, unsigned size)
{
    struct i440fx *p = dev;
    return pci_config_read(&p->bus, p->bus.address, off, size);
}

static u32 data_peek(void *dev, u32 off, unsigned size)
{
    return data_read(dev, off, size); /* configuration reads have no side effects here */
}

static void data_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct i440fx *p = dev;
    pci_config_write(&p->bus, p->bus.address, off, val, size);
}

static u32 hole_read(void *dev, u32 off, unsigned size)
{
    (void)dev;
    (void)off;
    return size_mask(size);
}

static void hole_write(void *dev, u32 off, u32 val, unsigned size)
{
    (void)dev;
    (void)off;
    (void)val;
    (void)size;
}

static const struct region_ops address_ops = { address_read, address_write, address_read, 0, 0, false };
static const struct region_ops data_ops = { data_read, data_write, data_peek, 0, 0, false };
static const struct region_ops hole_ops = { hole_read, hole_write, hole_read, 0, 0, false };

/* DRB n holds the top of rows 0..n in units of 8 MB. Firmware that we don't run would have sized
 * the rows; these values stand for its work: rows of 128 MB, the last one takes what is left. */
static void set_row_boundaries(struct i440fx *p)
{
    u32 total = p->ram_mb / 8;
    for (u32 n = 0; n < 8; n++) {
        u32 top = n < 7 ? MIN(total, (n + 1) * 16) : MIN(total, 0xffu);
        p->pci.reset_config[DRB0 + n] = p->ram_mb ? (u8)top : 1;
    }
}

static void set_masks(struct i440fx *p)
{
    struct pci_device *pd = &p->pci;
    u8 *c = pd->reset_config, *w = pd->wmask;

    pci_setup(pd, 0x8086, 0x1237, 2, 0x060000, 0);
    pci_set16(c, PCI_COMMAND, 0x0006);
    pci_set16(w, PCI_COMMAND, 0x0140);
    w[PCI_CACHE_LINE] = 0;
    pci_set16(c, PCI_SUBSYS_VENDOR, (u16)p->subsys_vendor);
    pci_set16(c, PCI_SUBSYS_ID, (u16)p->subsys_id);

    pci_set16(w, PMCCFG, 0xc8f0);
    c[DETURBO] = 0x00; w[DETURBO] = 0xff;
    c[DBC] = 0x80; w[DBC] = 0xff;
    w[AXC] = 0x82;
    pci_set16(w, DRT, 0xffff);
    c[DRAMC] = 0x01; w[DRAMC] = 0x67;
    c[DRAMT] = 0x10; w[DRAMT] = 0x7f;
    w[PAM0] = 0x30;
    for (u32 n = 1; n < 7; n++)
        w[PAM0 + n] = 0x33;
    set_row_boundaries(p);
    memset(w + DRB0, 0xff, 8);
    w[FDHC] = 0xc0;
    c[MTT] = 0x20; w[MTT] = 0xf8;
    c[CLT] = 0x10; w[CLT] = 0xf8;
    c[SMRAM] = 0x02; w[SMRAM] = 0x78;
    w[ERRCMD] = 0xfb;
    pd->w1cmask[ERRSTS] = 0x11;
    w[TRC] = 0x0e;
}

static bool map_ram(struct i440fx *p, struct region *r, const char *name, paddr base, u64 size,
                    int prio, u32 frame, struct err *e)
{
    *r = (struct region){ .name = name, .base = base, .size = size, .kind = REGION_RAM,
                          .ram_frame = frame, .prio = prio, .flags = REGION_RW };
    if (!space_map(p->pci.dev.sys->mem, r, e))
        return false;
    space_enable(p->pci.dev.sys->mem, r, false);
    return true;
}

static bool i440fx_init(struct device *dev, struct err *e)
{
    struct i440fx *p = (struct i440fx *)dev;
    struct system *sys = dev->sys;

    if (p->shadow_frame < 0x20)
        return err_set(e, ERR_CONFIG, "shadow_frame %u leaves no room for SMRAM below it",
                       p->shadow_frame);
    set_masks(p);
    p->pci.config_written = config_written;
    p->bus.owner = dev;
    sys->pci = &p->bus;
    if (!pci_bus_add(&p->bus, &p->pci, 0, e))
        return false;
    for (unsigned n = 0; n < NUM_PAM; n++) {
        paddr base = pam_base(n);
        u32 frame = p->shadow_frame + (u32)((base - 0xc0000) >> PAGE_SHIFT);
        if (!map_ram(p, &p->pam[n], "pam", base, n ? 0x4000 : 0x10000, PRIO_SHADOW, frame, e))
            return false;
    }
    if (!map_ram(p, &p->smram, "smram", 0xa0000, 0x20000, PRIO_SMRAM, p->shadow_frame - 0x20, e))
        return false;
    p->hole = (struct region){ .name = "dram-hole", .base = 0x80000, .size = 0x20000,
                               .kind = REGION_IO, .ops = &hole_ops, .dev = p,
                               .prio = PRIO_RAM + 1, .flags = REGION_RW };
    if (!space_map(sys->mem, &p->hole, e))
        return false;
    space_enable(sys->mem, &p->hole, false);
    return device_io(dev, "pci-address", 0xcf8, 4, &address_ops, e) &&
           device_io(dev, "pci-data", 0xcfc, 4, &data_ops, e);
}

static void i440fx_reset(struct device *dev, enum reset_kind kind)
{
    struct i440fx *p = (struct i440fx *)dev;
    u8 keep[7];

    /* A wake from S3 finds its shadow RAM as it left it (the firmware's resume code runs there). */
    memcpy(keep, p->pci.config + PAM0, sizeof(keep));
    pci_reset(&p->pci);
    if (kind == RESET_WAKE)
        memcpy(p->pci.config + PAM0, keep, sizeof(keep));
    p->bus.address = 0;
    i440fx_update(p);
}

static bool i440fx_post_load(struct device *dev, struct err *e)
{
    struct i440fx *p = (struct i440fx *)dev;
    p->bus.address &= 0x80fffffc;
    if (!pci_post_load(&p->pci, e))
        return false;
    i440fx_update(p);
    return true;
}

static void i440fx_close(struct device *dev)
{
    struct i440fx *p = (struct i440fx *)dev;
    for (unsigned n = 0; n < 256; n++) {
        if (p->bus.fn[n])
            p->bus.fn[n]->bus = NULL;
    }
    if (dev->sys->pci == &p->bus)
        dev->sys->pci = NULL;
}

static void i440fx_info(struct device *dev, struct strbuf *sb)
{
    static const char *const mode[] = { "pci", "read", "write", "read+write" };
    struct i440fx *p = (struct i440fx *)dev;

    sb_addf(sb, "CF8 %08x, SMRAM %02x, FDHC %02x\n", p->bus.address, p->pci.config[SMRAM],
            p->pci.config[FDHC]);
    for (unsigned n = 1; n <= NUM_PAM; n++) {
        unsigned s = n % NUM_PAM;
        sb_addf(sb, "%05x-%05x %s\n", (unsigned)pam_base(s),
                (unsigned)(pam_base(s) + p->pam[s].size - 1), mode[pam_bits(p, s)]);
    }
}

static const struct field i440fx_fields[] = {
    PCI_FIELDS(struct i440fx, pci), F_U32(struct i440fx, bus.address), F_END
};

static const struct prop i440fx_props[] = {
    { "shadow_frame", PROP_U32, offsetof(struct i440fx, shadow_frame), 0xc0, NULL,
      "RAM frame that lies at C0000h; SMRAM is the 32 frames before it" },
    { "ram_mb", PROP_U32, offsetof(struct i440fx, ram_mb), 0, NULL,
      "memory that the row boundary registers report; 0: their reset value" },
    { "subsys_vendor", PROP_U32, offsetof(struct i440fx, subsys_vendor), 0x1af4, NULL,
      "subsystem vendor; 1AF4h with device 1100h tells SeaBIOS that fw_cfg is there" },
    { "subsys_id", PROP_U32, offsetof(struct i440fx, subsys_id), 0x1100, NULL, "subsystem device" },
    { 0 }
};

static const struct pin i440fx_pins[] = {
    { "pirq", PIN_OUT, 4, offsetof(struct i440fx, bus.pirq), NULL },
    { 0 }
};

static const struct reg_doc i440fx_regs[] = {
    { "CONFADD", "io CF8h", REG_RW, true, NULL },
    { "CONFDATA", "io CFCh", REG_RW, true, NULL },
    { "VID", "pci 00h", REG_RO, true, NULL },
    { "DID", "pci 02h", REG_RO, true, NULL },
    { "PCICMD", "pci 04h", REG_MIXED, true, "SERR and parity enables are stored only" },
    { "PCISTS", "pci 06h", REG_W1C, true, "no error is ever signalled" },
    { "RID", "pci 08h", REG_RO, true, NULL },
    { "CLASSC", "pci 09h", REG_RO, true, NULL },
    { "MLT", "pci 0Dh", REG_RW, true, "no bus arbitration to time" },
    { "HEDT", "pci 0Eh", REG_RO, true, NULL },
    { "BIST", "pci 0Fh", REG_RO, true, "BIST not supported by the part" },
    { "PMCCFG", "pci 50h", REG_MIXED, false, "stored: bus modes have no effect" },
    { "DETURBO", "pci 52h", REG_RW, false, "stored: no deturbo mode" },
    { "DBC", "pci 53h", REG_RW, false, "stored: data buffers are not modelled" },
    { "AXC", "pci 54h", REG_RW, false, "stored: RAS precharge and the like" },
    { "DRT", "pci 55h", REG_RW, false, "stored: DRAM row types" },
    { "DRAMC", "pci 57h", REG_RW, false, "stored: refresh" },
    { "DRAMT", "pci 58h", REG_RW, false, "stored: DRAM timing" },
    { "PAM0-6", "pci 59h", REG_RW, true, NULL },
    { "DRB0-7", "pci 60h", REG_RW, true, "the map does not follow them" },
    { "FDHC", "pci 68h", REG_RW, true, "the hole is empty" },
    { "MTT", "pci 70h", REG_RW, false, "stored: arbitration" },
    { "CLT", "pci 71h", REG_RW, false, "stored: CPU latency" },
    { "SMRAM", "pci 72h", REG_MIXED, true, "no SMM: only D_OPEN shows it" },
    { "ERRCMD", "pci 90h", REG_RW, false, "stored: no ECC errors" },
    { "ERRSTS", "pci 91h", REG_W1C, false, "reads 0: no ECC errors" },
    { "TRC", "pci 93h", REG_RW, true, "BIST enable is stored only" },
    REG_END
};

const struct device_class i440fx_class = {
    .name = "i440fx",
    .desc = "Intel 82441FX host bridge",
    .size = sizeof(struct i440fx),
    .props = i440fx_props,
    .pins = i440fx_pins,
    .regs = i440fx_regs,
    .init = i440fx_init,
    .reset = i440fx_reset,
    .close = i440fx_close,
    .fields = i440fx_fields,
    .version = 1,
    .post_load = i440fx_post_load,
    .info = i440fx_info,
    .is_pci = true,
};
