/* SPDX-License-Identifier: MIT */
/* ACPI 1.0b tables (contract 3.3), $PIR (Microsoft's PCI IRQ Routing Table specification 1.0), and
 * the loader's commands that put them in place (QEMU's etc/table-loader).
 *
 * The OEM IDs are those that machines with this chipset have carried for twenty years: Windows
 * setup compares them with lists of good and bad ones, and they are on neither. */
#include "bios/tables.h"

#define HEADER 36u
#define FADT_LEN 116u
#define FACS_LEN 64u
#define RSDP_LEN 20u
#define DISTANT_C_STATE 0x0fff /* over 100 and 1000 us: no C2, no C3 */

u32 bios_pci_window(u64 ram_bytes)
{
    return ram_bytes <= 0x80000000u ? 0x80000000u : ram_bytes <= 0xc0000000u ? 0xc0000000u
                                                                             : 0xe0000000u;
}

/* ---- ACPI ---- */

/* Opens a table: the header with what is known now. Returns where it begins. */
static u32 table_begin(struct blob *b, const char *sig, const char *oem_table)
{
    u32 at = b->len;

    blob_bytes(b, sig, 4);
    blob_u32(b, 0);
    blob_u8(b, 1); /* revision; of a DSDT: integers are 32 bits wide */
    blob_u8(b, 0);
    blob_bytes(b, "BOCHS ", 6);
    blob_bytes(b, oem_table, 8);
    blob_u32(b, 1);
    blob_bytes(b, "BXPC", 4);
    blob_u32(b, 1);
    return at;
}

static void table_end(struct blob *b, u32 at)
{
    st32(b->data + at + 4, b->len - at);
    b->data[at + 9] = blob_checksum(b->data + at, b->len - at);
}

static void facs(struct blob *b)
{
    blob_align(b, 64);
    blob_bytes(b, "FACS", 4);
    blob_u32(b, FACS_LEN);
    blob_zero(b, FACS_LEN - 8);
}

static u32 fadt(struct blob *b, const struct bios_board *board, u32 facs_at, u32 dsdt_at)
{
    u32 at = table_begin(b, "FACP", "BXPCFACP");
    /* WBINVD works, HLT is C1, no sleep button; the power button is the fixed one, the timer has
     * 24 bits, the RTC's alarm is a fixed event that wakes from nothing; "platform clock": XP
     * then takes the PM timer for its performance counter */
    const u32 flags = BIT(0) | BIT(2) | BIT(5) | BIT(15);

    blob_u32(b, facs_at);
    blob_u32(b, dsdt_at);
    blob_u8(b, 0); /* two 8259s */
    blob_u8(b, 0);
    blob_u16(b, board->sci);
    blob_u32(b, board->smi_port);
    blob_u8(b, board->acpi_enable);
    blob_u8(b, board->acpi_disable);
    blob_u16(b, 0);
    blob_u32(b, board->pm_base);
    blob_u32(b, 0);
    blob_u32(b, board->pm_base + 4u);
    blob_u32(b, 0);
    blob_u32(b, 0);
    blob_u32(b, board->pm_base + 8u);
    blob_u32(b, board->gpe_base);
    blob_u32(b, 0);
    blob_u8(b, 4); /* lengths: PM1 events, PM1 control, PM2, timer, GPE0, GPE1 */
    blob_u8(b, 2);
    blob_u8(b, 0);
    blob_u8(b, 4);
    blob_u8(b, 4);
    blob_u8(b, 0);
    blob_u16(b, 0);
    blob_u16(b, DISTANT_C_STATE);
    blob_u16(b, DISTANT_C_STATE);
    blob_u32(b, 0); /* flush size and stride: WBINVD is there */
    blob_u16(b, 0); /* no duty cycle */
    blob_u16(b, 0); /* no day and month alarm */
    blob_u8(b, board->cmos_century);
    blob_zero(b, 3);
    blob_u32(b, flags);
    table_end(b, at);
    return at;
}

/* ---- $PIR ---- */

static void pir(struct blob *b, const struct bios_board *board)
{
    blob_bytes(b, "$PIR", 4);
    blob_u16(b, 0x0100);
    blob_u16(b, (u16)(32 + 16 * board->pci_slots));
    blob_u8(b, 0);
    blob_u8(b, board->router_devfn);
    blob_u16(b, 0); /* no IRQ is PCI's alone */
    blob_u32(b, board->router_compatible);
    blob_zero(b, 4 + 11 + 1);
    for (u32 slot = 1; slot <= board->pci_slots; slot++) {
        blob_u8(b, 0);
        blob_u8(b, (u8)(slot << 3));
        for (u32 pin = 0; pin < 4; pin++) {
            bool sci = slot == board->sci_slot && !pin;
            blob_u8(b, sci ? 0 : (u8)(board->pirq_reg + (slot - 1 + pin) % BIOS_NUM_LINKS));
            blob_u16(b, sci ? 0 : board->pir_irqs);
        }
        blob_u8(b, 0); /* on the main board */
        blob_u8(b, 0);
    }
    b->data[31] = blob_checksum(b->data, b->len);
}

/* ---- the loader's commands: 128 bytes each ---- */

enum { CMD_ALLOCATE = 1, CMD_ADD_POINTER = 2, CMD_ADD_CHECKSUM = 3 };
enum { ZONE_HIGH = 1, ZONE_FSEG = 2 };
#define COMMAND 128u

static void file_name(struct blob *b, const char *name)
{
    char t[56] = "";
    memcpy(t, name, MIN(strlen(name), sizeof t - 1));
    blob_bytes(b, t, sizeof t);
}

static void allocate(struct blob *b, const char *file, u32 align, u8 zone)
{
    blob_u32(b, CMD_ALLOCATE);
    file_name(b, file);
    blob_u32(b, align);
    blob_u8(b, zone);
    blob_align(b, COMMAND);
}

static void add_pointer(struct blob *b, const char *in, u32 offset, const char *to)
{
    blob_u32(b, CMD_ADD_POINTER);
    file_name(b, in);
    file_name(b, to);
    blob_u32(b, offset);
    blob_u8(b, 4);
    blob_align(b, COMMAND);
}

static void add_checksum(struct blob *b, const char *file, u32 offset, u32 start, u32 len)
{
    blob_u32(b, CMD_ADD_CHECKSUM);
    file_name(b, file);
    blob_u32(b, offset);
    blob_u32(b, start);
    blob_u32(b, len);
    blob_align(b, COMMAND);
}

void bios_tables_make(struct bios_tables *t, const struct bios_board *board)
{
    struct blob *a = &t->acpi, *l = &t->loader;

    *t = (struct bios_tables){ 0 };
    facs(a);
    u32 dsdt_at = table_begin(a, "DSDT", "BXPCDSDT");
    acpi_dsdt(a, board);
    table_end(a, dsdt_at);
    blob_align(a, 4);
    u32 fadt_at = fadt(a, board, 0, dsdt_at);
    blob_align(a, 4);
    u32 rsdt_at = table_begin(a, "RSDT", "BXPCRSDT");
    blob_u32(a, fadt_at);
    table_end(a, rsdt_at);

    blob_bytes(&t->rsdp, "RSD PTR ", 8);
    blob_u8(&t->rsdp, 0);
    blob_bytes(&t->rsdp, "BOCHS ", 6);
    blob_u8(&t->rsdp, 0); /* revision: ACPI 1.0 */
    blob_u32(&t->rsdp, rsdt_at);
    t->rsdp.data[8] = blob_checksum(t->rsdp.data, RSDP_LEN);

    pir(&t->pir, board);
    smbios_make(&t->smbios_anchor, &t->smbios, board);

    allocate(l, BIOS_FILE_RSDP, 16, ZONE_FSEG);
    allocate(l, BIOS_FILE_PIR, 16, ZONE_FSEG);
    allocate(l, BIOS_FILE_ACPI, 64, ZONE_HIGH);
    add_pointer(l, BIOS_FILE_ACPI, fadt_at + HEADER, BIOS_FILE_ACPI);
    add_pointer(l, BIOS_FILE_ACPI, fadt_at + HEADER + 4, BIOS_FILE_ACPI);
    add_checksum(l, BIOS_FILE_ACPI, fadt_at + 9, fadt_at, FADT_LEN);
    add_pointer(l, BIOS_FILE_ACPI, rsdt_at + HEADER, BIOS_FILE_ACPI);
    add_checksum(l, BIOS_FILE_ACPI, rsdt_at + 9, rsdt_at, a->len - rsdt_at);
    add_pointer(l, BIOS_FILE_RSDP, 16, BIOS_FILE_ACPI);
    add_checksum(l, BIOS_FILE_RSDP, 8, 0, RSDP_LEN);
}

void bios_tables_free(struct bios_tables *t)
{
    blob_free(&t->acpi);
    blob_free(&t->rsdp);
    blob_free(&t->pir);
    blob_free(&t->smbios_anchor);
    blob_free(&t->smbios);
    blob_free(&t->loader);
}
