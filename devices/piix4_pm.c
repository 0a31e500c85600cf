/* SPDX-License-Identifier: MIT */
/* Intel 82371AB PIIX4, function 3: power management and SMBus host controller (data sheet
 * 290562-001, chapters 7 and 11).
 *
 * The PM timer is a closed form of the clock, and so is TMROF_STS: a carry is a toggle of the
 * timer's bit 23, and the chip remembers how many of them the guest has cleared. A timer runs only
 * while the next carry would raise SCI. SCI is a level made from status, enables and SCI_EN on
 * every change.
 *
 * There is no system management mode on this board: SMI# events set their status bits and nothing
 * more, and DEVACTB's APMC_EN comes out of reset set, which tells firmware that SMM is set up. What
 * SMM code would do on a write to APMC is done here: F1h sets SCI_EN, F0h clears it. PM1's power
 * button is a pin; held for four seconds it turns the machine off.
 * The general-purpose event block at a port of its own ("gpe_base") is an addition of this board in
 * the place where QEMU has it; nothing raises its events yet.
 *
 * Revision 3 is the one whose timer can be read without a glitch, as this one can.
 *
 * Not modelled: suspend types other than soft off, clock throttling, the C2 and C3 states,
 * burst and idle timers, device monitors and traps, general-purpose pins (inputs read high),
 * and anything on the SMBus: no device answers there, which the host controller reports. */
#include "devices/piix4_pm.h"

#include "devices/pci.h"

/* configuration space */
enum {
    PMBA = 0x40, CNTA = 0x44, CNTB = 0x48, GPICTL = 0x4c, DEVRESD = 0x50, DEVACTA = 0x54,
    DEVACTB = 0x58, DEVRESA = 0x5c, DEVRESB = 0x60, DEVRESC = 0x64, DEVRESE = 0x68, DEVRESF = 0x6c,
    DEVRESG = 0x70, DEVRESH = 0x74, DEVRESI = 0x78, DEVRESJ = 0x7c, PMREGMISC = 0x80, SMBBA = 0x90,
    SMBHSTCFG = 0xd2, SMBSLVC = 0xd3, SMBSHDW1 = 0xd4, SMBSHDW2 = 0xd5, SMBREV = 0xd6,
};
#define APMC_EN 0x02 /* of DEVACTB's byte 3 */

/* I/O block at PMBA, by dword */
enum { R_PMSTS_EN = 0x00, R_PMCNTRL = 0x04, R_PMTMR = 0x08, R_GPSTS_EN = 0x0c, R_PCNTRL = 0x10,
       R_PLVL = 0x14, R_GLBSTS = 0x18, R_DEVSTS = 0x1c, R_GLBEN = 0x20, R_GLBCTL = 0x28,
       R_DEVCTL = 0x2c, R_GPIREG = 0x30, R_GPOREG = 0x34, PM_SIZE = 0x40 };

enum { TMROF = 0x0001, GBL = 0x0020, PWRBTN = 0x0100, RTC = 0x0400, PWRBTNOR = 0x0800 };
#define PMSTS_STORED (GBL | PWRBTN | RTC | PWRBTNOR)
#define PMEN_BITS (TMROF | GBL | PWRBTN | RTC)
enum { SCI_EN = 0x0001, BRLD_EN_BM = 0x0002, GBL_RLS = 0x0004, SUS_TYP = 0x1c00, SUS_EN = 0x2000 };
#define PMCNTRL_BITS (SCI_EN | BRLD_EN_BM | SUS_TYP)
#define GPEN_BITS 0x0f01u   /* LID, RI, GPI, USB, THRM */
#define PCNTRL_BITS 0x3ffeu
enum { BIOS_STS = 0x0001, APM_STS = 0x0020 };
#define GLBEN_BITS 0x0d03u
#define GLBCTL_BITS 0x07ffff1du
#define BIOS_RLS 0x02u      /* of GLBCTL */
#define GPI_PINS 0x003fffffu
#define GPO_BITS 0x7fffffffu
#define GPO_RESET 0x7fffbfffu

#define PMTMR_HZ 3579545u
#define OVERRIDE_NS (4 * NS_PER_SEC)

/* SMBus I/O block */
enum { SMBHSTSTS, SMBSLVSTS, SMBHSTCNT, SMBHSTCMD, SMBHSTADD, SMBHSTDAT0, SMBHSTDAT1, SMBBLKDAT,
       SMBSLVCNT, SMBSHDWCMD, SMBSLVEVT, SMBSLVDAT = 0x0c, SMB_SIZE = 0x10 };
enum { HOST_BUSY = 1, INTER = 2, DEV_ERR = 4, BUS_ERR = 8, FAILED = 0x10 };
#define HSTSTS_W1C (INTER | DEV_ERR | BUS_ERR | FAILED)
enum { INTEREN = 1, KILL = 2, CMD_PROT = 0x1c, START = 0x40 };
#define INTRSEL_IRQ9 0x08 /* of SMBHSTCFG, bits 3:1 = 100 */
/* Start condition and nine bits of the address at 16 kHz or so: then the missing ACK is seen. */
#define SMB_ADDRESS_NS 600000u
#define BLOCK_BYTES 32u

struct piix4_pm {
    struct pci_device pci;
    struct region pm_region, smb_region;
    struct wire sci;
    u32 gpe_base;

    u64 tmr_base;      /* guest time at which PMTMR was 0 */
    u64 tmrof_cleared; /* toggles of PMTMR's bit 23 up to this one are no longer in TMROF_STS */
    u16 pmsts, pmen, pmcntrl, gpen, glbsts, glben;
    u32 pcntrl, glbctl, devctl, gporeg;
    u8 gpe_sts[2], gpe_en[2];
    bool button, rtc_alarm; /* input levels */
    struct timer carry, override;

    u8 hststs, hstcnt, hstcmd, hstadd, hstdat0, hstdat1, slvcnt;
    u16 slvevt;
    u8 block[BLOCK_BYTES], block_at;
    struct timer smb_done;
};

/* ---- PM timer ---- */

static u64 ticks(const struct piix4_pm *p)
{
    return muldiv64(clock_now(p->pci.dev.sys->clock) - p->tmr_base, PMTMR_HZ, NS_PER_SEC);
}

/* The first nanosecond at which the count is n. */
static u64 time_of_tick(const struct piix4_pm *p, u64 n)
{
    u64 ns = muldiv64(n, NS_PER_SEC, PMTMR_HZ);
    if (muldiv64(ns, PMTMR_HZ, NS_PER_SEC) < n)
        ns++;
    return p->tmr_base + ns;
}

static u16 status(const struct piix4_pm *p)
{
    return (u16)(p->pmsts | (ticks(p) >> 23 > p->tmrof_cleared ? TMROF : 0));
}

/* ---- SCI ---- */

static bool smb_irq(const struct piix4_pm *p)
{
    return (p->hstcnt & INTEREN) && (p->hststs & HSTSTS_W1C) &&
           (p->pci.config[SMBHSTCFG] & 0x0e) == INTRSEL_IRQ9;
}

static void pm_update(struct piix4_pm *p)
{
    u16 sts = status(p);
    bool gpe = (p->gpe_sts[0] & p->gpe_en[0]) || (p->gpe_sts[1] & p->gpe_en[1]);
    bool sci = (p->pmcntrl & SCI_EN) && ((sts & p->pmen & PMEN_BITS) || gpe);

    wire_set(&p->sci, sci || smb_irq(p));
    if ((p->pmcntrl & SCI_EN) && (p->pmen & TMROF) && !(sts & TMROF)) {
        u64 when = time_of_tick(p, (p->tmrof_cleared + 1) << 23);
        if (p->carry.when != when)
            timer_at(&p->carry, when);
    } else {
        timer_off(&p->carry);
    }
}

static void carry_due(void *dev, u64 late)
{
    (void)late;
    pm_update(dev);
}

static void override_due(void *dev, u64 late)
{
    struct piix4_pm *p = dev;
    struct system *sys = p->pci.dev.sys;
    (void)late;
    p->pmsts = (u16)((p->pmsts & ~PWRBTN) | PWRBTNOR);
    pm_update(p);
    sys->request(sys->machine, SYSTEM_POWER_OFF, 0);
}

static void button_input(void *to, int n, int level)
{
    struct piix4_pm *p = to;
    (void)n;
    if (level && !p->button) {
        p->pmsts |= PWRBTN;
        timer_at(&p->override, clock_now(p->pci.dev.sys->clock) + OVERRIDE_NS);
    } else if (!level) {
        timer_off(&p->override);
    }
    p->button = level;
    pm_update(p);
}

static void rtc_input(void *to, int n, int level)
{
    struct piix4_pm *p = to;
    (void)n;
    if (level && !p->rtc_alarm)
        p->pmsts |= RTC;
    p->rtc_alarm = level;
    pm_update(p);
}

/* What SMM code would do with a byte that was written to port B2h. */
static void apmc_input(void *to, int n, int level)
{
    struct piix4_pm *p = to;
    (void)n;
    if (p->pci.config[DEVACTB + 3] & APMC_EN)
        p->glbsts |= APM_STS;
    if (level == 0xf1)
        p->pmcntrl |= SCI_EN;
    else if (level == 0xf0)
        p->pmcntrl &= (u16)~SCI_EN;
    pm_update(p);
}

bool piix4_pm_acpi_on(const struct device *pm)
{
    return ((const struct piix4_pm *)pm)->pmcntrl & SCI_EN;
}

void piix4_pm_press(struct device *pm)
{
    button_input(pm, 0, 1);
    button_input(pm, 0, 0);
}

/* ---- the PM block ---- */

static u32 pm_dword(const struct piix4_pm *p, u32 off)
{
    switch (off) {
    case R_PMSTS_EN:
        return status(p) | (u32)p->pmen << 16;
    case R_PMCNTRL:
        return p->pmcntrl;
    case R_PMTMR:
        return (u32)ticks(p) & 0xffffff;
    case R_GPSTS_EN:
        return (u32)p->gpen << 16;
    case R_PCNTRL:
        return p->pcntrl;
    case R_GLBSTS:
        return p->glbsts;
    case R_GLBEN:
        return p->glben;
    case R_GLBCTL:
        return p->glbctl;
    case R_DEVCTL:
        return p->devctl;
    case R_GPIREG:
        return GPI_PINS;
    case R_GPOREG:
        return p->gporeg;
    default:
        return 0;
    }
}

static u32 pm_peek(void *dev, u32 off, unsigned size)
{
    return pm_dword(dev, off & ~3u) >> 8 * (off & 3) & size_mask(size);
}

static u32 pm_read(void *dev, u32 off, unsigned size)
{
    struct piix4_pm *p = dev;
    if (off == R_PLVL || off == R_PLVL + 1)
        log_unimp(p->pci.dev.sys->log, p->pci.dev.id, "C2 and C3 (PLVL2, PLVL3)");
    return pm_peek(dev, off, size);
}

static void suspend(struct piix4_pm *p)
{
    struct system *sys = p->pci.dev.sys;
    unsigned type = (p->pmcntrl & SUS_TYP) >> 10;

    if (!type)
        sys->request(sys->machine, SYSTEM_POWER_OFF, 0);
    else
        log_unimp(sys->log, p->pci.dev.id, "suspend types other than soft off");
}

static void put(u32 *reg, u32 val, u32 mask)
{
    *reg = (*reg & ~mask) | (val & mask);
}

static void put16(u16 *reg, u32 val, u32 mask)
{
    *reg = (u16)((*reg & ~mask) | (val & mask));
}

/* val and mask are those of the whole dword: mask names the bytes that are written. */
static void pm_dword_write(struct piix4_pm *p, u32 off, u32 val, u32 mask)
{
    u32 set = val & mask;

    switch (off) {
    case R_PMSTS_EN:
        p->pmsts &= (u16)~set;
        if (set & TMROF)
            p->tmrof_cleared = ticks(p) >> 23;
        put16(&p->pmen, val >> 16, (mask >> 16) & PMEN_BITS);
        break;
    case R_PMCNTRL:
        put16(&p->pmcntrl, val, mask & PMCNTRL_BITS);
        if (set & GBL_RLS)
            p->glbsts |= BIOS_STS;
        if (set & SUS_EN)
            suspend(p);
        break;
    case R_GPSTS_EN:
        put16(&p->gpen, val >> 16, (mask >> 16) & GPEN_BITS);
        break;
    case R_PCNTRL:
        put(&p->pcntrl, val, mask & PCNTRL_BITS);
        break;
    case R_GLBSTS:
        p->glbsts &= (u16)~set;
        break;
    case R_GLBEN:
        put16(&p->glben, val, mask & GLBEN_BITS);
        break;
    case R_GLBCTL:
        put(&p->glbctl, val, mask & GLBCTL_BITS);
        if (set & BIOS_RLS)
            p->pmsts |= GBL;
        break;
    case R_DEVCTL:
        put(&p->devctl, val, mask);
        break;
    case R_GPOREG:
        put(&p->gporeg, val, mask & GPO_BITS);
        break;
    default:
        break;
    }
    pm_update(p);
}

static void pm_write(void *dev, u32 off, u32 val, unsigned size)
{
    unsigned shift = 8 * (off & 3);
    pm_dword_write(dev, off & ~3u, val << shift, size_mask(size) << shift);
}

static const struct region_ops pm_ops = { pm_read, pm_write, pm_peek, 1, 4, false };

/* ---- general-purpose events ---- */

static u32 gpe_read(void *dev, u32 off, unsigned size)
{
    const struct piix4_pm *p = dev;
    (void)size;
    return off < 2 ? p->gpe_sts[off] : p->gpe_en[off - 2];
}

static void gpe_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct piix4_pm *p = dev;
    (void)size;
    if (off < 2)
        p->gpe_sts[off] &= (u8)~val;
    else
        p->gpe_en[off - 2] = (u8)val;
    pm_update(p);
}

static const struct region_ops gpe_ops = { gpe_read, gpe_write, gpe_read, 1, 1, false };

/* ---- SMBus host controller ---- */

static void smb_done(void *dev, u64 late)
{
    struct piix4_pm *p = dev;
    (void)late;
    /* Nobody acknowledged the address, or the protocol is none: either is a device error. */
    p->hststs = (u8)((p->hststs & ~HOST_BUSY) | DEV_ERR);
    pm_update(p);
}

static void smb_control(struct piix4_pm *p, u8 val)
{
    p->hstcnt = val & (INTEREN | KILL | CMD_PROT);
    if (val & KILL) {
        if (p->hststs & HOST_BUSY) {
            p->hststs = (u8)((p->hststs & ~HOST_BUSY) | FAILED);
            timer_off(&p->smb_done);
        }
    } else if ((val & START) && !(p->hststs & HOST_BUSY) && (p->pci.config[SMBHSTCFG] & 1)) {
        p->hststs |= HOST_BUSY;
        timer_at(&p->smb_done, clock_now(p->pci.dev.sys->clock) + SMB_ADDRESS_NS);
    }
}

static u32 smb_peek(void *dev, u32 off, unsigned size)
{
    const struct piix4_pm *p = dev;
    (void)size;
    switch (off) {
    case SMBHSTSTS:
        return p->hststs;
    case SMBHSTCNT:
        return p->hstcnt;
    case SMBHSTCMD:
        return p->hstcmd;
    case SMBHSTADD:
        return p->hstadd;
    case SMBHSTDAT0:
        return p->hstdat0;
    case SMBHSTDAT1:
        return p->hstdat1;
    case SMBBLKDAT:
        return p->block[p->block_at];
    case SMBSLVCNT:
        return p->slvcnt;
    case SMBSLVEVT:
        return p->slvevt & 0xff;
    case SMBSLVEVT + 1:
        return p->slvevt >> 8;
    default: /* slave side: nobody calls */
        return 0;
    }
}

static u32 smb_read(void *dev, u32 off, unsigned size)
{
    struct piix4_pm *p = dev;
    u32 v = smb_peek(dev, off, size);

    if (off == SMBHSTCNT)
        p->block_at = 0;
    else if (off == SMBBLKDAT)
        p->block_at = (p->block_at + 1) % BLOCK_BYTES;
    return v;
}

static void smb_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct piix4_pm *p = dev;
    (void)size;
    switch (off) {
    case SMBHSTSTS:
        p->hststs &= (u8)~(val & HSTSTS_W1C);
        break;
    case SMBHSTCNT:
        smb_control(p, (u8)val);
        break;
    case SMBHSTCMD:
        p->hstcmd = (u8)val;
        break;
    case SMBHSTADD:
        p->hstadd = (u8)val;
        break;
    case SMBHSTDAT0:
        p->hstdat0 = (u8)val;
        break;
    case SMBHSTDAT1:
        p->hstdat1 = (u8)val;
        break;
    case SMBBLKDAT:
        p->block[p->block_at] = (u8)val;
        p->block_at = (p->block_at + 1) % BLOCK_BYTES;
        break;
    case SMBSLVCNT:
        p->slvcnt = val & 0x0f;
        break;
    case SMBSLVEVT:
        p->slvevt = (u16)((p->slvevt & 0xff00) | (val & 0xff));
        break;
    case SMBSLVEVT + 1:
        p->slvevt = (u16)((p->slvevt & 0x00ff) | (val & 0xff) << 8);
        break;
    default:
        break;
    }
    pm_update(p);
}

static const struct region_ops smb_ops = { smb_read, smb_write, smb_peek, 1, 1, false };

/* ---- configuration space ---- */

static void place(struct piix4_pm *p, struct region *r, bool on, u32 base)
{
    struct space *io = p->pci.dev.sys->io;

    on = on && base && base <= 0x10000 - r->size;
    if (r->mapped && (!on || r->base != base))
        space_unmap(io, r);
    if (on && !r->mapped) {
        struct err e = { 0 };
        r->base = base;
        if (!space_map(io, r, &e))
            log_guest(p->pci.dev.sys->log, p->pci.dev.id, "%s: %s", r->name, e.msg);
    }
}

/* PMREGMISC alone decides about the PM block; COMMAND's I/O bit is the SMBus block's. */
static void update_decode(struct piix4_pm *p)
{
    const u8 *c = p->pci.config;

    place(p, &p->pm_region, c[PMREGMISC] & 1, ld16(c + PMBA) & 0xffc0u);
    place(p, &p->smb_region, (c[PCI_COMMAND] & PCI_CMD_IO) && (c[SMBHSTCFG] & 1),
          ld16(c + SMBBA) & 0xfff0u);
}

static void config_written(struct pci_device *pd, u32 off, u32 size, const u8 *old)
{
    struct piix4_pm *p = (struct piix4_pm *)pd;
    (void)off;
    (void)size;
    (void)old;
    update_decode(p);
    pm_update(p);
}

static void set_masks(struct piix4_pm *p)
{
    struct pci_device *pd = &p->pci;
    u8 *c = pd->reset_config, *w = pd->wmask;

    pci_setup(pd, 0x8086, 0x7113, 3, 0x068000, 1);
    pci_set16(w, PCI_COMMAND, PCI_CMD_IO | 0x0008);
    pci_set16(pd->w1cmask, PCI_STATUS, 0x3800);
    w[PCI_CACHE_LINE] = w[PCI_LATENCY] = 0;
    pci_set32(c, PMBA, 1);
    pci_set16(w, PMBA, 0xffc0);
    for (u32 r = CNTA; r < PMREGMISC; r += 4)
        pci_set32(w, r, r == DEVRESD || r == DEVRESE || r == DEVRESG ? 0x00ffffff : 0xffffffff);
    c[DEVACTB + 3] = APMC_EN;
    w[PMREGMISC] = 0x01;
    pci_set32(c, SMBBA, 1);
    pci_set16(w, SMBBA, 0xfff0);
    w[SMBHSTCFG] = 0x0f;
    w[SMBSLVC] = w[SMBSHDW1] = w[SMBSHDW2] = 0xff;
}

/* ---- life ---- */

static bool piix4_pm_init(struct device *dev, struct err *e)
{
    struct piix4_pm *p = (struct piix4_pm *)dev;

    set_masks(p);
    p->pci.config_written = config_written;
    p->pm_region = (struct region){ .name = "piix4-pm", .size = PM_SIZE, .kind = REGION_IO,
                                    .ops = &pm_ops, .dev = p, .prio = PRIO_BAR,
                                    .flags = REGION_RW | REGION_GUEST_PLACED };
    p->smb_region = p->pm_region;
    p->smb_region.name = "piix4-smbus";
    p->smb_region.size = SMB_SIZE;
    p->smb_region.ops = &smb_ops;
    timer_init(&p->carry, dev->sys->clock, carry_due, p, "PM timer carry");
    timer_init(&p->override, dev->sys->clock, override_due, p, "power button held");
    timer_init(&p->smb_done, dev->sys->clock, smb_done, p, "SMBus transfer");
    return device_io(dev, "gpe0", p->gpe_base, 4, &gpe_ops, e) != NULL;
}

static void piix4_pm_reset(struct device *dev, enum reset_kind kind)
{
    struct piix4_pm *p = (struct piix4_pm *)dev;
    (void)kind;

    pci_reset(&p->pci);
    p->tmr_base = clock_now(dev->sys->clock);
    p->tmrof_cleared = 0;
    p->pmsts = p->pmen = p->pmcntrl = p->gpen = p->glbsts = p->glben = 0;
    p->pcntrl = p->glbctl = p->devctl = 0;
    p->gporeg = GPO_RESET;
    memset(p->gpe_sts, 0, sizeof p->gpe_sts);
    memset(p->gpe_en, 0, sizeof p->gpe_en);
    p->hststs = p->hstcnt = p->hstcmd = p->hstadd = p->hstdat0 = p->hstdat1 = p->slvcnt = 0;
    p->slvevt = 0;
    memset(p->block, 0, sizeof p->block);
    p->block_at = 0;
    timer_off(&p->override);
    timer_off(&p->smb_done);
    update_decode(p);
    pm_update(p);
}

static bool piix4_pm_post_load(struct device *dev, struct err *e)
{
    struct piix4_pm *p = (struct piix4_pm *)dev;

    if (p->tmr_base > clock_now(dev->sys->clock) || p->tmrof_cleared > ticks(p) >> 23 ||
        p->pmsts & ~PMSTS_STORED || p->pmen & ~PMEN_BITS || p->pmcntrl & ~PMCNTRL_BITS ||
        p->gpen & ~GPEN_BITS || p->pcntrl & ~PCNTRL_BITS || p->glbsts & ~(BIOS_STS | APM_STS) ||
        p->glben & ~GLBEN_BITS || p->glbctl & ~GLBCTL_BITS || p->gporeg & ~GPO_BITS ||
        p->hststs & ~(HOST_BUSY | HSTSTS_W1C) || p->hstcnt & ~(INTEREN | KILL | CMD_PROT) ||
        p->slvcnt & ~0x0f || p->block_at >= BLOCK_BYTES ||
        timer_armed(&p->smb_done) != (p->hststs & HOST_BUSY) ||
        (timer_armed(&p->override) && !p->button))
        return err_set(e, ERR_STATE, "%s: impossible register values", dev->id);
    for (u32 r = 0x40; r < 0x100; r++)
        if ((p->pci.config[r] ^ p->pci.reset_config[r]) & (u8)~p->pci.wmask[r])
            return err_set(e, ERR_STATE, "%s: impossible configuration", dev->id);
    if (!pci_post_load(&p->pci, e))
        return false;
    update_decode(p);
    pm_update(p);
    return true;
}

static void piix4_pm_close(struct device *dev)
{
    struct piix4_pm *p = (struct piix4_pm *)dev;

    place(p, &p->pm_region, false, 0);
    place(p, &p->smb_region, false, 0);
    timer_off(&p->carry);
    timer_off(&p->override);
    timer_off(&p->smb_done);
    pci_close(&p->pci);
}

static void piix4_pm_info(struct device *dev, struct strbuf *sb)
{
    const struct piix4_pm *p = (const struct piix4_pm *)dev;

    sb_addf(sb, "PM block %04x%s, SMBus block %04x%s, SCI on IRQ 9%s\n",
            ld16(p->pci.config + PMBA) & 0xffc0u, p->pm_region.mapped ? "" : " (off)",
            ld16(p->pci.config + SMBBA) & 0xfff0u, p->smb_region.mapped ? "" : " (off)",
            p->pmcntrl & SCI_EN ? "" : ", off: no ACPI");
    sb_addf(sb, "pm1 sts=%04x en=%04x cnt=%04x timer=%06x carries=%llu\n", status(p), p->pmen,
            p->pmcntrl, (u32)ticks(p) & 0xffffff, (unsigned long long)(ticks(p) >> 23));
    sb_addf(sb, "gpe0 sts=%02x%02x en=%02x%02x glbsts=%04x\n", p->gpe_sts[1], p->gpe_sts[0],
            p->gpe_en[1], p->gpe_en[0], p->glbsts);
    sb_addf(sb, "smbus sts=%02x cnt=%02x add=%02x cmd=%02x\n", p->hststs, p->hstcnt, p->hstadd,
            p->hstcmd);
}

static const struct prop piix4_pm_props[] = {
    { "gpe_base", PROP_U32, offsetof(struct piix4_pm, gpe_base), 0xafe0, NULL,
      "first of the four ports of GPE0" },
    { 0 }
};

static const struct pin piix4_pm_pins[] = {
    { "sci", PIN_OUT, 1, offsetof(struct piix4_pm, sci), NULL },
    { "apmc", PIN_IN, 1, 0, apmc_input },
    { "pwrbtn", PIN_IN, 1, 0, button_input },
    { "rtc", PIN_IN, 1, 0, rtc_input },
    { 0 }
};

static const struct field piix4_pm_fields[] = {
    PCI_FIELDS(struct piix4_pm, pci),
    F_U64(struct piix4_pm, tmr_base), F_U64(struct piix4_pm, tmrof_cleared),
    F_U16(struct piix4_pm, pmsts), F_U16(struct piix4_pm, pmen), F_U16(struct piix4_pm, pmcntrl),
    F_U16(struct piix4_pm, gpen), F_U16(struct piix4_pm, glbsts), F_U16(struct piix4_pm, glben),
    F_U32(struct piix4_pm, pcntrl), F_U32(struct piix4_pm, glbctl), F_U32(struct piix4_pm, devctl),
    F_U32(struct piix4_pm, gporeg), F_ARRAY(struct piix4_pm, gpe_sts, u8),
    F_ARRAY(struct piix4_pm, gpe_en, u8), F_BOOL(struct piix4_pm, button),
    F_BOOL(struct piix4_pm, rtc_alarm), F_TIMER(struct piix4_pm, carry),
    F_TIMER(struct piix4_pm, override),
    F_U8(struct piix4_pm, hststs), F_U8(struct piix4_pm, hstcnt), F_U8(struct piix4_pm, hstcmd),
    F_U8(struct piix4_pm, hstadd), F_U8(struct piix4_pm, hstdat0), F_U8(struct piix4_pm, hstdat1),
    F_U8(struct piix4_pm, slvcnt), F_U16(struct piix4_pm, slvevt),
    F_ARRAY(struct piix4_pm, block, u8), F_U8(struct piix4_pm, block_at),
    F_TIMER(struct piix4_pm, smb_done), F_END
};

static const struct reg_doc piix4_pm_regs[] = {
    { "VID", "pci 00h", REG_RO, true, NULL },
    { "DID", "pci 02h", REG_RO, true, NULL },
    { "PCICMD", "pci 04h", REG_MIXED, true, "special cycles are stored only" },
    { "PCISTS", "pci 06h", REG_W1C, true, "no error is ever signalled" },
    { "RID", "pci 08h", REG_RO, true, NULL },
    { "CLASSC", "pci 09h", REG_RO, true, NULL },
    { "HEDT", "pci 0Eh", REG_RO, true, NULL },
    { "INTLN", "pci 3Ch", REG_RW, true, NULL },
    { "INTPN", "pci 3Dh", REG_RO, true, NULL },
    { "PMBA", "pci 40h", REG_RW, true, NULL },
    { "CNTA", "pci 44h", REG_RW, false, "stored: no idle timers" },
    { "CNTB", "pci 48h", REG_RW, false, "stored: no idle timers" },
    { "GPICTL", "pci 4Ch", REG_RW, false, "stored: no general-purpose inputs" },
    { "DEVRESD", "pci 50h", REG_RW, false, "stored: no device monitors" },
    { "DEVACTA", "pci 54h", REG_RW, false, "stored: no device monitors" },
    { "DEVACTB", "pci 58h", REG_RW, true, "APMC_EN acts, and resets to 1: there is no SMM to set up" },
    { "DEVRESA-C", "pci 5Ch-67h", REG_RW, false, "stored: no device monitors" },
    { "DEVRESE", "pci 68h", REG_RW, false, "stored: no device monitors" },
    { "DEVRESF", "pci 6Ch", REG_RW, false, "stored: no device monitors" },
    { "DEVRESG", "pci 70h", REG_RW, false, "stored: no device monitors" },
    { "DEVRESH-J", "pci 74h-7Fh", REG_RW, false, "stored: no device monitors" },
    { "PMREGMISC", "pci 80h", REG_RW, true, NULL },
    { "SMBBA", "pci 90h", REG_RW, true, NULL },
    { "SMBHSTCFG", "pci D2h", REG_RW, true, "SMI# as the interrupt does nothing" },
    { "SMBSLVC", "pci D3h", REG_RW, false, "stored: nobody calls the slave" },
    { "SMBSHDW1-2", "pci D4h, D5h", REG_RW, false, "stored: nobody calls the slave" },
    { "SMBREV", "pci D6h", REG_RO, true, NULL },
    { "PMSTS", "pm+0", REG_W1C, true, "BM_STS and RSM_STS are never set" },
    { "PMEN", "pm+2", REG_RW, true, NULL },
    { "PMCNTRL", "pm+4", REG_MIXED, true, "soft off is the only suspend type" },
    { "PMTMR", "pm+8", REG_RO, true, NULL },
    { "GPSTS", "pm+0Ch", REG_W1C, true, "no event: no thermal, lid, ring or USB wake inputs" },
    { "GPEN", "pm+0Eh", REG_RW, true, NULL },
    { "PCNTRL", "pm+10h", REG_RW, false, "stored: no clock control" },
    { "PLVL2", "pm+14h", REG_RO, false, "a read does not stop the clock" },
    { "PLVL3", "pm+15h", REG_RO, false, "a read does not stop the clock" },
    { "GLBSTS", "pm+18h", REG_W1C, true, "BIOS_STS and APM_STS; no other source" },
    { "DEVSTS", "pm+1Ch", REG_W1C, true, "no device monitor is ever active" },
    { "GLBEN", "pm+20h", REG_RW, false, "stored: no SMI#" },
    { "GLBCTL", "pm+28h", REG_MIXED, true, "BIOS_RLS acts; no SMI#, no timers" },
    { "DEVCTL", "pm+2Ch", REG_RW, false, "stored: no traps" },
    { "GPIREG", "pm+30h", REG_RO, false, "all inputs high" },
    { "GPOREG", "pm+34h", REG_RW, true, "pins are connected to nothing" },
    { "GPE0_STS, GPE0_EN", "gpe+0, +2", REG_MIXED, true, "not of the part: this board's" },
    { "SMBHSTSTS", "smb+0", REG_MIXED, true, NULL },
    { "SMBSLVSTS", "smb+1", REG_W1C, true, "nobody calls the slave" },
    { "SMBHSTCNT", "smb+2", REG_MIXED, true, "no device on the bus" },
    { "SMBHSTCMD", "smb+3", REG_RW, true, NULL },
    { "SMBHSTADD", "smb+4", REG_RW, true, NULL },
    { "SMBHSTDAT0-1", "smb+5, +6", REG_RW, true, NULL },
    { "SMBBLKDAT", "smb+7", REG_RW, true, NULL },
    { "SMBSLVCNT", "smb+8", REG_RW, false, "stored: nobody calls the slave" },
    { "SMBSHDWCMD", "smb+9", REG_RO, true, "nobody calls the slave" },
    { "SMBSLVEVT", "smb+0Ah", REG_RW, false, "stored: nobody calls the slave" },
    { "SMBSLVDAT", "smb+0Ch", REG_RO, true, "nobody calls the slave" },
    REG_END
};

const struct device_class piix4_pm_class = {
    .name = "piix4_pm",
    .desc = "Intel PIIX4 power management and SMBus",
    .size = sizeof(struct piix4_pm),
    .props = piix4_pm_props,
    .pins = piix4_pm_pins,
    .regs = piix4_pm_regs,
    .init = piix4_pm_init,
    .reset = piix4_pm_reset,
    .close = piix4_pm_close,
    .fields = piix4_pm_fields,
    .version = 1,
    .post_load = piix4_pm_post_load,
    .info = piix4_pm_info,
    .is_pci = true,
};
