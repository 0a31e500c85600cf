/* SPDX-License-Identifier: MIT */
/* What bios/ is told about the board, read from the board's table and the machine that was built
 * from it, and the tables' way to the firmware (docs/firmware-tables.md). */
#include "machine/machine.h"

#include <stdio.h>
#include <stdlib.h>

#include "bios/tables.h"
#include "devices/fw_cfg.h"

#define PM_BASE 0x600   /* where SeaBIOS puts it when there is a table loader; SMBus is 100h above */
#define GPE_BASE 0xafe0
#define SCI 9
#define APM_PORT 0xb2

static u32 prop_u32(const struct device *dev, const char *name)
{
    for (const struct prop *p = dev->cls->props; p && p->name; p++)
        if (p->kind == PROP_U32 && !strcmp(p->name, name))
            return *(const u32 *)((const u8 *)dev + p->offset);
    return 0;
}

/* The interrupt that a chip's output ends in: "com1.irq" -> "pic0.ir4" -> 4; -1: none. */
static int irq_of(const struct nb_machine *m, const struct device *dev)
{
    char from[32];

    snprintf(from, sizeof from, "%s.irq", dev->id);
    for (const struct board_wire *w = m->board->wires; w->from; w++)
        if (!strcmp(w->from, from) && !strncmp(w->to, "pic", 3) && !strncmp(w->to + 4, ".ir", 3))
            return atoi(w->to + 7) + (w->to[3] - '0') * 8;
    return -1;
}

static bool has_class(const struct nb_machine *m, const char *cls)
{
    for (unsigned k = 0; k < m->num_devices; k++)
        if (!strcmp(m->dev[k]->cls->name, cls))
            return true;
    return false;
}

static u8 find_ports(const struct nb_machine *m, const char *cls, struct bios_port *port)
{
    u8 n = 0;

    for (unsigned k = 0; k < m->num_devices && n < BIOS_MAX_PORTS; k++) {
        const struct device *dev = m->dev[k];
        int irq = irq_of(m, dev);
        if (strcmp(dev->cls->name, cls) || irq < 0)
            continue;
        port[n++] = (struct bios_port){ (u16)prop_u32(dev, "iobase"), (u8)irq };
    }
    return n;
}

static void describe_board(const struct nb_machine *m, struct bios_board *b)
{
    static const u8 irqs[] = { 5, 10, 11 };
    const struct device *debugcon = machine_device((struct nb_machine *)m, "debugcon");
    u32 cpuid[4];

    cpu_cpuid(m->cpu, 1, 0, cpuid);
    *b = (struct bios_board){
        .ram_bytes = (u64)m->cfg->ram_mb << 20,
        .pm_base = PM_BASE, .smb_base = PM_BASE + 0x100, .gpe_base = GPE_BASE,
        .smi_port = APM_PORT, .sci = SCI, .acpi_enable = 0xf1, .acpi_disable = 0xf0,
        .s5_type = 0, .cmos_century = 0x32,
        .router_devfn = PCI_AT(1, 0), .router_compatible = 0x122e8086, .pirq_reg = 0x60,
        .pci_slots = 8, .sci_slot = 1, .pir_irqs = 0xdef8, .num_pirq_irqs = sizeof irqs,
        .pit = has_class(m, "i8254"), .rtc = has_class(m, "mc146818"),
        .fpu = cpuid[3] & 1, .keyboard = has_class(m, "i8042"), .mouse = has_class(m, "i8042"),
        .floppy = has_class(m, "i82077"),
        .fw_cfg = 0x510, .debugcon = debugcon ? (u16)prop_u32(debugcon, "iobase") : 0,
        .version = nb_version(), .uuid = m->cfg->has_uuid ? m->cfg->uuid : NULL,
        .cpu_signature = cpuid[0], .cpu_features = cpuid[3], .cpu_mhz = 1000,
    };
    memcpy(b->pirq_irqs, irqs, sizeof irqs);
    b->num_serial = find_ports(m, "ns16550", b->serial);
    b->num_parallel = find_ports(m, "lpt", b->parallel);
}

static bool add(struct device *f, const char *name, const struct blob *b)
{
    return fw_cfg_add_file(f, name, b->data, b->len);
}

bool tables_describe(struct nb_machine *m)
{
    struct bios_board board;
    struct bios_tables t;
    struct device *f = m->fw_cfg;

    if (!m->pm) /* SeaBIOS would not know where to put the blocks that they name */
        return true;
    describe_board(m, &board);
    bios_tables_make(&t, &board);
    bool ok = add(f, BIOS_FILE_RSDP, &t.rsdp) && add(f, BIOS_FILE_ACPI, &t.acpi) &&
              add(f, BIOS_FILE_PIR, &t.pir) && add(f, BIOS_FILE_LOADER, &t.loader) &&
              add(f, BIOS_FILE_SMBIOS_ANCHOR, &t.smbios_anchor) &&
              add(f, BIOS_FILE_SMBIOS, &t.smbios);
    bios_tables_free(&t);
    return ok;
}

/* `info acpi`: each table in the format of acpidump, which acpixtract reads. Addresses are offsets,
 * before the firmware has placed them. */
void tables_info(struct nb_machine *m, struct strbuf *sb)
{
    u32 len = 0;
    const u8 *p = fw_cfg_file(m->fw_cfg, BIOS_FILE_ACPI, &len);

    for (u32 at = 0; p && at + 8 <= len;) {
        u32 n = ld32(p + at + 4);
        if (p[at] < 'A') { /* filled up to the next table */
            at++;
            continue;
        }
        if (n < 8 || n > len - at)
            break;
        sb_addf(sb, "%.4s @ 0x%08x\n", (const char *)p + at, at);
        for (u32 row = 0; row < n; row += 16) {
            sb_addf(sb, "    %04X:", row);
            for (u32 k = row; k < row + 16; k++) {
                if (k < n)
                    sb_addf(sb, " %02X", p[at + k]);
                else
                    sb_add(sb, "   ");
            }
            sb_add(sb, "  ");
            for (u32 k = row; k < row + 16 && k < n; k++)
                sb_addf(sb, "%c", p[at + k] >= 32 && p[at + k] < 127 ? p[at + k] : '.');
            sb_add(sb, "\n");
        }
        sb_add(sb, "\n");
        at += n;
    }
}
