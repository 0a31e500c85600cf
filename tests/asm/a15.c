/* SPDX-License-Identifier: MIT */
/* Pitfalls A15, A17, S8, S9 and the rest of contract 1.3 to 1.5: what NTLDR and NTDETECT ask the firmware
 * (SeaBIOS, fed by our tables and our CMOS) before any driver runs. INT 15h's memory map has nothing
 * between A0000h and EFFFFh; ACPI's tables lie where the map says so; each signature is there once,
 * with a good sum, and no MP table is; the disk has one geometry, whoever is asked.
 *
 * Wants a disk of 8 GB as drive 80h, whose sectors 0 and 16065 begin with "SECTOR " and the number;
 * without a disk that part is left out. */
#include "monitor.h"

enum { BUF = 0x8000, DISK_SECTORS = 16777216, SECTORS_OF_CYLINDER = 255 * 63 };

/* Low memory. The compiler takes small constants for null pointers, so it isn't shown them. */
static volatile void *low(u32 at)
{
    __asm__("" : "+r"(at));
    return (volatile void *)at;
}

static u8 get8(u32 at) { return *(volatile u8 *)low(at); }
static u16 get16(u32 at) { return *(volatile u16 *)low(at); }
static u32 get32(u32 at) { return *(volatile u32 *)low(at); }

static u8 sum(const volatile u8 *p, u32 n)
{
    u8 s = 0;

    while (n--)
        s = (u8)(s + *p++);
    return s;
}

/* Two pages of any physical address. */
static volatile u8 *phys(u32 pa)
{
    map(TEST_LA, pa & ~0xfffu, PTE_P | PTE_W);
    map(TEST_LA + 0x1000, (pa & ~0xfffu) + 0x1000, PTE_P | PTE_W);
    return (volatile u8 *)(TEST_LA + (pa & 0xfff));
}

static u8 cmos(u8 i)
{
    outb(0x70, i);
    return inb(0x71);
}

/* ---- the memory map */

struct range { u64 base, len; u32 type; };
static struct range ranges[64];
static u32 num_ranges;

static bool next_range(u32 *cont, struct range *r)
{
    struct user u = bios_regs();

    memset((void *)BUF, 0xaa, 24);
    u.eax = 0xe820;
    u.ebx = *cont;
    u.ecx = 20;
    u.edx = 0x534d4150; /* SMAP */
    u.edi = BUF;
    bios_int(0x15, &u);
    if (trap.eflags & FL_CF || trap.eax != 0x534d4150 || trap.ecx != 20)
        return false;
    memcpy(r, (void *)BUF, 20);
    *cont = trap.ebx;
    return true;
}

/* The type of the range in which `pa` is; 0: in none. */
static u32 type_of(u64 pa)
{
    for (u32 k = 0; k < num_ranges; k++)
        if (pa >= ranges[k].base && pa < ranges[k].base + ranges[k].len)
            return ranges[k].type;
    return 0;
}

static void memory_map(void)
{
    u32 cont = 0, overlaps = 0, in_hole = 0, empty = 0;

    do {
        if (!next_range(&cont, &ranges[num_ranges])) {
            check(false, "e820", "call %u: eax %x ecx %x", num_ranges, trap.eax, trap.ecx);
            return;
        }
        num_ranges++;
    } while (cont && num_ranges < ARRAY_LEN(ranges));
    check(num_ranges >= 4 && !cont, "e820", "%u ranges", num_ranges);
    check_eq(get32(BUF + 20), 0xaaaaaaaa, "e820_writes_20_bytes");

    for (u32 k = 0; k < num_ranges; k++) {
        const struct range *r = &ranges[k];
        empty += !r->len || r->type < 1 || r->type > 4;
        in_hole += r->base < 0xf0000 && r->base + r->len > 0xa0000;
        for (u32 i = 0; i < k; i++)
            overlaps += r->base < ranges[i].base + ranges[i].len && ranges[i].base < r->base + r->len;
    }
    check_eq(empty, 0, "ranges_are_of_acpi_1");
    check_eq(overlaps, 0, "ranges_do_not_overlap");
    check_eq(in_hole, 0, "nothing_from_a0000_to_effff");
    check_eq(type_of(0xf0000), 2, "firmware_is_reserved");
    check_eq(type_of(0xfffff), 2, "firmware_is_reserved_to_its_end");

    /* the low end, three ways */
    u32 ebda = get16(0x40e) * 16u, end = 0;
    for (u32 k = 0; k < num_ranges; k++)
        if (ranges[k].base == 0 && ranges[k].type == 1)
            end = (u32)ranges[k].len;
    check_eq(end, ebda, "low_memory_ends_at_the_ebda");
    struct user u = bios_regs();
    check_eq(bios_int(0x12, &u), end / 1024, "int_12");

    /* E801: the same top in steps of 64 KB, with or without what the firmware keeps at the end */
    u64 top = 0;
    for (u32 k = 0; k < num_ranges; k++)
        if (ranges[k].base == 0x100000 && ranges[k].type == 1)
            top = ranges[k].base + ranges[k].len;
    u = bios_regs();
    u.eax = 0xe801;
    bios_int(0x15, &u);
    u32 e801 = (trap.ebx & 0xffff) * 65536 + 0x1000000;
    check(!(trap.eflags & FL_CF) && (u16)trap.eax == 0x3c00 && (trap.ecx & 0xffff) == 0x3c00 &&
          e801 + 0x10000ull > top && e801 < top + 0x100000, "e801", "ax %x bx %x, map to %x", trap.eax, trap.ebx,
          (u32)top);
    u = bios_regs();
    u.eax = 0x8800;
    bios_int(0x15, &u);
    check((u16)trap.eax >= 0x3c00, "int_15_88", "ax %x", trap.eax);
}

/* ---- tables that are found by their signatures */

static u32 find(u32 from, u32 to, const char *sig, u32 len, u32 *at)
{
    u32 n = 0;

    for (u32 a = from; a < to; a += 16)
        if (!memcmp((const void *)low(a), sig, len)) {
            n++;
            *at = a;
        }
    return n;
}

static void acpi(void)
{
    u32 ebda = get16(0x40e) * 16u, at = 0;
    u32 n = find(ebda, ebda + 1024, "RSD PTR ", 8, &at) + find(0xe0000, 0x100000, "RSD PTR ", 8, &at);

    check_eq(n, 1, "one_rsdp");
    if (!n)
        return;
    check_eq(sum(low(at), 20), 0, "rsdp_sum");
    check_eq(get8(at + 15), 0, "rsdp_revision");
    u32 rsdt = get32(at + 16), bad = 0, outside = 0, facp = 0;
    check(type_of(rsdt) >= 2, "rsdt_is_not_free_memory", "%x: type %u", rsdt, type_of(rsdt));
    u32 entries = (*(volatile u32 *)phys(rsdt + 4) - 36) / 4;
    check(!memcmp((void *)phys(rsdt), "RSDT", 4) && entries >= 1 && entries < 32, "rsdt", "%u tables",
          entries);
    for (u32 k = 0; k < entries && k < 32; k++) {
        u32 pa = *(volatile u32 *)phys(rsdt + 36 + 4 * k), len = *(volatile u32 *)phys(pa + 4);
        outside += type_of(pa) < 2 || type_of(pa + len - 1) != type_of(pa);
        if (len <= 0x1000)
            bad += sum(phys(pa), len) != 0;
        if (!memcmp((void *)phys(pa), "FACP", 4))
            facp = pa;
    }
    check_eq(bad, 0, "tables_sums");
    check_eq(outside, 0, "tables_are_not_free_memory");
    check(facp, "facp", "not in the RSDT");
    if (!facp)
        return;
    u32 facs = *(volatile u32 *)phys(facp + 36), dsdt = *(volatile u32 *)phys(facp + 40);
    check(!memcmp((void *)phys(facs), "FACS", 4) && !(facs & 63) && type_of(facs) >= 2, "facs",
          "at %x", facs);
    check(!memcmp((void *)phys(dsdt), "DSDT", 4) && type_of(dsdt) >= 2, "dsdt", "at %x", dsdt);
}

static void signatures(void)
{
    u32 at = 0, ebda = get16(0x40e) * 16u;

    check_eq(find(0xf0000, 0x100000, "$PIR", 4, &at), 1, "one_pir");
    check_eq(sum(low(at), get16(at + 6)), 0, "pir_sum");
    check_eq(get16(at + 4), 0x0100, "pir_version");
    check_eq(find(0xf0000, 0x100000, "_SM_", 4, &at), 1, "one_smbios");
    check_eq(sum(low(at), get8(at + 5)), 0, "smbios_sum");
    check_eq(get8(at + 6), 2, "smbios_2");
    check_eq(find(0xf0000, 0x100000, "_MP_", 4, &at) + find(ebda, ebda + 1024, "_MP_", 4, &at) +
             find(0x9f000, 0xa0000, "_MP_", 4, &at), 0, "no_mp_table");
    if (find(0xf0000, 0x100000, "$PnP", 4, &at))
        check_eq(sum(low(at), get8(at + 5)), 0, "pnp_sum");

    /* Setup turns ACPI on by the firmware's date: behind 01/01/99. */
    const volatile u8 *date = low(0xffff5);
    check(date[2] == '/' && date[5] == '/' && (date[6] == '9' ? date[7] == '9' : date[6] <= '2'),
          "bios_date", "%x %x", get32(0xffff5), get32(0xffff9));
    check(get16(0xc0000) == 0xaa55 && !sum(low(0xc0000), get8(0xc0002) * 512u), "video_rom",
          "%x, %u blocks", get16(0xc0000), get8(0xc0002));
    u32 pcir = 0xc0000 + get16(0xc0018);
    check(!memcmp((const void *)low(pcir), "PCIR", 4), "video_rom_pcir", "%x", get32(pcir));
}

/* ---- PCI BIOS and the BIOS's data */

static void pci_bios(void)
{
    struct user u = bios_regs();

    u.eax = 0xb101;
    bios_int(0x1a, &u);
    check(!(trap.eflags & FL_CF) && !(trap.eax & 0xff00) && trap.edx == 0x20494350 && trap.eax & 1,
          "pci_bios", "eax %x edx %x", trap.eax, trap.edx);
    u = bios_regs();
    u.eax = 0xb103; /* by class: the IDE function */
    u.ecx = 0x010180;
    bios_int(0x1a, &u);
    check_eq(trap.eax >> 8 & 0xff, 0, "find_class");
    u32 fn = trap.ebx & 0xffff;
    u = bios_regs();
    u.eax = 0xb10a;
    u.ebx = fn;
    bios_int(0x1a, &u);
    check_eq(trap.ecx, pci_read(fn >> 3, fn & 7, 0), "config_by_bios");
    u = bios_regs();
    u.eax = 0xb102; /* no such device */
    u.ecx = 0x1234;
    u.edx = 0x8086;
    bios_int(0x1a, &u);
    check_eq(trap.eax >> 8 & 0xff, 0x86, "device_not_found");
    /* what the Bochs display once used, and what a guest may use itself */
    check_eq(inw(0xff80) << 16 | inw(0xff81), 0xffffffff, "nothing_at_ff80");
}

static void bios_data(void)
{
    u32 coms = 0, lpts = 0, equipment = get16(0x410);

    for (u32 k = 0; k < 4; k++)
        coms += get16(0x400 + 2 * k) != 0;
    for (u32 k = 0; k < 3; k++)
        lpts += get16(0x408 + 2 * k) != 0;
    struct user u = bios_regs();
    check_eq(bios_int(0x11, &u), equipment, "int_11");
    check_eq(equipment >> 9 & 7, coms, "serial_ports");
    check_eq(equipment >> 14, lpts, "parallel_ports");
    /* coprocessor, mouse, 80 columns of colour, one floppy drive */
    check_eq(equipment & 0xf7, 0x27, "equipment");
    check_eq(cmos(0x14) & 6, 6, "cmos_equipment");
    check_eq(cmos(0x10), 0x40, "cmos_floppy");
    u32 s = 0;
    for (u8 i = 0x10; i <= 0x2d; i++)
        s += cmos(i);
    check_eq(s & 0xffff, (u32)cmos(0x2e) << 8 | cmos(0x2f), "cmos_sum");
    check_eq(cmos(0x37), cmos(0x32), "century_twice");
    u = bios_regs();
    u.eax = 0xc000;
    bios_int(0x15, &u);
    check(!(trap.eflags & FL_CF) && *real(trap.es, trap.ebx + 2) == 0xfc, "configuration_table",
          "eax %x", trap.eax);
}

/* ---- the disk */

static void disk_call(u32 ax, u32 bx, u32 cx, u32 dx, u32 si)
{
    struct user u = bios_regs();

    u.eax = ax;
    u.ebx = bx;
    u.ecx = cx;
    u.edx = dx;
    u.esi = si;
    bios_int(0x13, &u);
}

static void disk(void)
{
    check_eq(get8(0x475), 1, "one_disk");
    disk_call(0x0800, 0, 0, 0x80, 0);
    check(!(trap.eflags & FL_CF), "int_13_08", "eax %x", trap.eax);
    u32 cyls = ((trap.ecx >> 8 & 0xff) | (trap.ecx & 0xc0) << 2) + 1, sectors = trap.ecx & 0x3f,
        heads = (trap.edx >> 8 & 0xff) + 1;
    /* SeaBIOS keeps the last cylinder for itself, as BIOSes did */
    check(cyls >= 1023 && heads == 255 && sectors == 63, "geometry_is_translated", "%u/%u/%u", cyls,
          heads, sectors);
    /* from where the firmware has it: CMOS 39h; the drive's own is in 1Bh to 23h and in IDENTIFY */
    check_eq(cmos(0x39) & 3, 1, "cmos_39_says_lba");
    check_eq(cmos(0x12) & 0xf0, 0xf0, "cmos_12");
    check_eq(cmos(0x19), 47, "cmos_19");
    check_eq(cmos(0x1b) | cmos(0x1c) << 8, 16383, "cmos_cylinders");
    check_eq(cmos(0x1d), 16, "cmos_heads");
    check_eq(cmos(0x23), 63, "cmos_sectors");
    outb(0x1f6, 0xa0);
    outb(0x3f6, 2);
    outb(0x1f7, 0xec);
    u32 left = 1000000;
    while (--left && (inb(0x3f6) & 0x88) != 0x08)
        ;
    static u16 id[256];
    for (u32 k = 0; k < 256; k++)
        id[k] = inw(0x1f0);
    outb(0x3f6, 0);
    check(left && id[1] == 16383 && id[3] == 16 && id[6] == 63, "identify_geometry", "%u/%u/%u",
          id[1], id[3], id[6]);
    check_eq((u32)id[61] << 16 | id[60], DISK_SECTORS, "identify_size");

    /* the parameter table that INT 41h points to */
    const u8 *fdpt = real(get16(0x41 * 4 + 2), get16(0x41 * 4));
    check(fdpt[2] == 255 && fdpt[14] == 63 && (fdpt[3] != 0xa0 || !sum(fdpt, 16)), "fdpt",
          "%u heads, %u sectors", fdpt[2], fdpt[14]);

    disk_call(0x4100, 0x55aa, 0, 0x80, 0);
    check(!(trap.eflags & FL_CF) && (u16)trap.ebx == 0xaa55 && trap.ecx & 1, "extensions",
          "ebx %x ecx %x", trap.ebx, trap.ecx);
    memset((void *)BUF, 0, 64);
    *(volatile u16 *)BUF = 0x1a;
    disk_call(0x4800, 0, 0, 0x80, BUF);
    check(!(trap.eflags & FL_CF) && get32(BUF + 16) == DISK_SECTORS && !get32(BUF + 20) &&
          get16(BUF + 24) == 512, "int_13_48", "%x sectors of %u", get32(BUF + 16), get16(BUF + 24));

    /* one sector, by cylinder and by number */
    static const u8 packet[16] = { 16, 0, 1, 0, 0x00, 0x82, 0, 0, SECTORS_OF_CYLINDER & 0xff,
                                   SECTORS_OF_CYLINDER >> 8 };
    memset((void *)(BUF + 0x200), 0, 512);
    disk_call(0x0201, BUF + 0x200, 0x0101, 0x80, 0); /* cylinder 1, head 0, sector 1 */
    check(!(trap.eflags & FL_CF) && !memcmp((void *)(BUF + 0x200), "SECTOR 16065", 12), "by_cylinder",
          "eax %x: %x", trap.eax, get32(BUF + 0x200));
    memset((void *)(BUF + 0x200), 0, 512);
    memcpy((void *)BUF, packet, sizeof(packet));
    disk_call(0x4200, 0, 0, 0x80, BUF);
    check(!(trap.eflags & FL_CF) && !memcmp((void *)(BUF + 0x200), "SECTOR 16065", 12), "by_number",
          "eax %x: %x", trap.eax, get32(BUF + 0x200));
    disk_call(0x0201, BUF + 0x200, 0x0001, 0x80, 0);
    check(!memcmp((void *)(BUF + 0x200), "SECTOR 0", 8), "first_sector", "%x", get32(BUF + 0x200));
}

void test_main(void)
{
    monitor_on();
    memory_map();
    acpi();
    signatures();
    pci_bios();
    bios_data();
    if (get8(0x475))
        disk();
    else
        note("no disk: its part is left out");
    check(sensitive, "the_monitor_is_asked", "%u times, %u ports", sensitive, io_traps);
}
