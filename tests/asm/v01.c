/* SPDX-License-Identifier: MIT */
/* V-c: the VGA BIOS in V86 mode, called as NT calls it (monitor.h; here the I/O permission bitmap
 * traps too). Each mode that the BIOS lists is set, read back, and written
 * through the linear frame buffer and through the window; then the other VBE calls. */
#include "monitor.h"

enum { INFO = 0x8000, MODE = 0x8400, BUF = 0x8800 };
enum { DISPI_XRES = 1, DISPI_YRES, DISPI_BPP, DISPI_ENABLE, DISPI_BANK, DISPI_VIRT_WIDTH,
       DISPI_VIRT_HEIGHT, DISPI_X_OFFSET, DISPI_Y_OFFSET, DISPI_MEMORY };

static u32 lfb_base, mmio_base;

/* INT 10h. Registers as given; out they are in `trap`. */
static u16 int10(u32 ax, u32 bx, u32 cx, u32 dx, u32 es_buf)
{
    struct user u = bios_regs();

    u.eax = ax;
    u.ebx = bx;
    u.ecx = cx;
    u.edx = dx;
    u.edi = es_buf & 15;
    u.es = es_buf >> 4;
    u.ds = 0x40;
    return bios_int(0x10, &u);
}

static u16 dispi(u16 index)
{
    outw(0x1ce, index);
    return inw(0x1d0);
}

static u16 get16(u32 at) { return *(volatile u16 *)at; }
static u32 get32(u32 at) { return *(volatile u32 *)at; }

/* A window of 4 KB onto any physical address. */
static volatile u8 *phys(u32 pa)
{
    map(TEST_LA, pa & ~0xfffu, PTE_P | PTE_W | PTE_PCD);
    return (volatile u8 *)(TEST_LA + (pa & 0xfff));
}

static void find_card(void)
{
    for (u32 dev = 0; dev < 32; dev++) {
        if (pci_read(dev, 0, 8) >> 16 == 0x0300) {
            lfb_base = pci_read(dev, 0, 0x10) & ~15u;
            mmio_base = pci_read(dev, 0, 0x18) & ~15u;
            check_eq(pci_read(dev, 0, 0), 0x11111234, "pci_id");
            return;
        }
    }
    check(false, "pci_id", "no display controller");
}

/* ---- one mode */

struct seen { u16 mode, w, h; u8 bpp; };
static struct seen seen[256];
static u32 num_seen;
static u32 bad_info, bad_set, bad_read, bad_regs, bad_lfb, bad_bank, bad_clear, lfb_modes;

static void complain(u32 *count, u16 mode, const char *what, u32 got, u32 want)
{
    if (!(*count)++)
        print("NOTE mode %x: %s: %x, not %x\n", mode, what, got, want);
}

static void through_lfb(u16 mode, u32 last)
{
    static const u32 mark = 0x5a3c96e1;
    u32 where[3] = { 0, (last / 2) & ~3u, last & ~3u };

    for (u32 k = 0; k < 3; k++) {
        volatile u32 *p = (volatile u32 *)phys(lfb_base + where[k]);
        if (*p)
            complain(&bad_clear, mode, "not cleared", *p, 0);
        *p = mark + k;
    }
    for (u32 k = 0; k < 3; k++) {
        volatile u32 *p = (volatile u32 *)phys(lfb_base + where[k]);
        if (*p != mark + k)
            complain(&bad_lfb, mode, "frame buffer", *p, mark + k);
    }
    /* the same bytes through the window of 64 KB, by function 5; not with the linear flag */
    if (int10(0x4f02, mode | 0x8000, 0, 0, BUF) != 0x4f)
        complain(&bad_bank, mode, "function 2, no clearing", trap.eax, 0x4f);
    for (u32 k = 0; k < 3; k++) {
        u16 bank = (u16)(where[k] >> 16);
        u32 at = 0xa0000 + (where[k] & 0xfffc);
        if (int10(0x4f05, 0, 0, bank, BUF) != 0x4f)
            complain(&bad_bank, mode, "function 5", trap.eax, 0x4f);
        if (get32(at) != mark + k)
            complain(&bad_bank, mode, "window", get32(at), mark + k);
        int10(0x4f05, 0x100, 0, 0, BUF);
        if ((u16)trap.edx != bank)
            complain(&bad_bank, mode, "window's place", trap.edx, bank);
    }
}

static void one_mode(u16 mode)
{
    memset((void *)MODE, 0, 256);
    if (int10(0x4f01, 0, mode, 0, MODE) != 0x4f) {
        complain(&bad_info, mode, "function 1", trap.eax, 0x4f);
        return;
    }
    u16 attributes = get16(MODE), pitch = get16(MODE + 0x10), w = get16(MODE + 0x12),
        h = get16(MODE + 0x14);
    u8 bpp = *(u8 *)(MODE + 0x19), model = *(u8 *)(MODE + 0x1b);
    bool lfb = attributes & 0x80, dispi_mode = mode >= 0x100 && (model == 4 || model == 6);

    if (num_seen < ARRAY_LEN(seen))
        seen[num_seen++] = (struct seen){ mode, w, h, bpp };
    if (!(attributes & 1) || !w || !h || pitch < (u32)w * bpp / 8 / (model == 3 ? 4 : 1))
        complain(&bad_info, mode, "attributes", attributes, 1);
    if (lfb && get32(MODE + 0x28) != lfb_base)
        complain(&bad_info, mode, "frame buffer at", get32(MODE + 0x28), lfb_base);
    if (int10(0x4f02, (u32)mode | (lfb ? 0x4000 : 0), 0, 0, BUF) != 0x4f) {
        complain(&bad_set, mode, "function 2", trap.eax, 0x4f);
        return;
    }
    if (int10(0x4f03, 0, 0, 0, BUF) != 0x4f || ((u16)trap.ebx & 0x3fff) != mode)
        complain(&bad_read, mode, "function 3", trap.ebx, mode);
    if (!dispi_mode)
        return;
    if (dispi(DISPI_XRES) != w || dispi(DISPI_YRES) != h || dispi(DISPI_BPP) != bpp ||
        !(dispi(DISPI_ENABLE) & 1))
        complain(&bad_regs, mode, "DISPI", (u32)dispi(DISPI_XRES) << 16 | dispi(DISPI_YRES),
                 (u32)w << 16 | h);
    if (lfb) {
        lfb_modes++;
        through_lfb(mode, (u32)pitch * h - 4);
    }
}

static void all_modes(void)
{
    static u16 list[256];
    u32 n = 0;

    memset((void *)INFO, 0, 512);
    memcpy((void *)INFO, "VBE2", 4);
    check_eq(int10(0x4f00, 0, 0, 0, INFO), 0x4f, "function_0");
    check(!memcmp((void *)INFO, "VESA", 4) && get16(INFO + 4) >= 0x200, "vbe_2", "version %x",
          get16(INFO + 4));
    check_eq(get16(INFO + 0x12), dispi(DISPI_MEMORY), "total_memory");
    const u16 *from = (const u16 *)real(get16(INFO + 0x10), get16(INFO + 0x0e));
    while (n < ARRAY_LEN(list) && *from != 0xffff)
        list[n++] = *from++;
    check(n >= 40 && n < ARRAY_LEN(list), "mode_list", "%u modes", n);
    for (u32 k = 0; k < n; k++)
        one_mode(list[k]);
    note("%u modes, %u with a linear frame buffer", n, lfb_modes);
    check_eq(bad_info, 0, "mode_info");
    check_eq(bad_set, 0, "mode_set");
    check_eq(bad_read, 0, "mode_read_back");
    check_eq(bad_regs, 0, "mode_in_registers");
    check_eq(bad_clear, 0, "mode_set_clears");
    check(lfb_modes >= 30 && !bad_lfb, "linear_frame_buffer", "%u of %u bad", bad_lfb, lfb_modes);
    check_eq(bad_bank, 0, "window_is_the_frame_buffer");

    /* What screens have. 1366x768 is in no list of this BIOS; drivers set it in the registers. */
    static const u16 wide[][2] = { { 1280, 720 }, { 1440, 900 }, { 1600, 900 }, { 1680, 1050 },
        { 1920, 1080 }, { 1920, 1200 }, { 2560, 1440 }, { 2560, 1600 } };
    for (u32 k = 0; k < ARRAY_LEN(wide); k++) {
        u32 found = 0;
        for (u32 i = 0; i < num_seen; i++)
            if (seen[i].w == wide[k][0] && seen[i].h == wide[k][1] && seen[i].bpp >= 24)
                found++;
        check(found, "wide_modes", "%ux%u is not there", wide[k][0], wide[k][1]);
    }
}

/* ---- the other functions, in a mode of 1024x768 with 8 bits */

static u16 mode_of(u32 w, u32 h, u32 bpp)
{
    for (u32 i = 0; i < num_seen; i++)
        if (seen[i].w == w && seen[i].h == h && seen[i].bpp == bpp)
            return seen[i].mode;
    return 0;
}

static void scan_lines(void)
{
    check_eq(int10(0x4f02, 0x4000 | mode_of(1024, 768, 8), 0, 0, BUF), 0x4f, "set_8bpp");
    check_eq(int10(0x4f06, 0, 1280, 0, BUF), 0x4f, "function_6");
    check((u16)trap.ebx == 1280 && (u16)trap.ecx == 1280 && (u16)trap.edx >= 768, "line_length",
          "bx %x cx %x dx %x", trap.ebx, trap.ecx, trap.edx);
    check_eq(dispi(DISPI_VIRT_WIDTH), 1280, "virtual_width");
    check_eq(int10(0x4f07, 0, 16, 300, BUF), 0x4f, "function_7");
    check_eq((u32)dispi(DISPI_X_OFFSET) << 16 | dispi(DISPI_Y_OFFSET), 16 << 16 | 300,
             "display_start");
    int10(0x4f07, 1, 0, 0, BUF);
    check_eq((trap.ecx & 0xffff) << 16 | (trap.edx & 0xffff), 16 << 16 | 300, "display_start_read");
}

static void palette(void)
{
    static const u8 colours[8] = { 0x15, 0x2a, 0x3f, 0, 1, 2, 3, 0 };

    check_eq(int10(0x4f08, 0x0800, 0, 0, BUF), 0x4f, "function_8");
    check_eq((trap.ebx >> 8) & 0xff, 8, "dac_of_8_bits");
    check_eq(int10(0x4f08, 0x0600, 0, 0, BUF), 0x4f, "dac_of_6_bits");
    memcpy((void *)BUF, colours, 8);
    if (int10(0x4f09, 0, 2, 254, BUF) != 0x4f) {
        note("function 9 is not in this BIOS: ax %x", trap.eax);
        return;
    }
    outb(0x3c7, 254);
    u32 got = 0;
    for (u32 k = 0; k < 3; k++)
        got = got << 8 | inb(0x3c9);
    check_eq(got, 0x3f2a15, "palette_set"); /* the table holds blue first */
}

static void state(void)
{
    int10(0x4f04, 0, 0x0f, 0, BUF);
    u32 blocks = trap.ebx & 0xffff;
    check((u16)trap.eax == 0x4f && blocks && blocks < 64, "state_size", "ax %x bx %x", trap.eax,
          trap.ebx);
    check_eq(int10(0x4f04, BUF & 15, 0x0f, 1, BUF), 0x4f, "state_save");
    int10(0x4f02, 0x4000 | mode_of(640, 480, 32), 0, 0, INFO);
    u32 other = dispi(DISPI_XRES);
    check_eq(int10(0x4f04, BUF & 15, 0x0f, 2, BUF), 0x4f, "state_restore");
    check(other == 640 && dispi(DISPI_XRES) == 1024 && dispi(DISPI_VIRT_WIDTH) == 1280,
          "state_is_back", "%u, %u wide of %u", other, dispi(DISPI_XRES), dispi(DISPI_VIRT_WIDTH));
}

/* EDID: by function 15h where the BIOS has it, and where drivers without BIOS read it. */
static void edid(void)
{
    static const u8 head[8] = { 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0 };
    u8 mmio[128], sum = 0;

    for (u32 k = 0; k < 128; k++) {
        mmio[k] = phys(mmio_base + k)[0];
        sum = (u8)(sum + mmio[k]);
    }
    check(!memcmp(mmio, head, 8) && !sum, "edid", "sum %x", sum);
    check(mmio[18] == 1 && mmio[19] >= 3, "edid_version", "%u.%u", mmio[18], mmio[19]);
    u16 ax = int10(0x4f15, 0, 0, 0, BUF);
    if (ax != 0x4f) {
        note("function 15h is not in this BIOS: ax %x", ax);
        return;
    }
    memset((void *)BUF, 0, 128);
    check_eq(int10(0x4f15, 1, 0, 0, BUF), 0x4f, "function_15");
    check(!memcmp((void *)BUF, mmio, 128), "edid_by_bios", "%x %x", get32(BUF), get32(BUF + 4));
}

/* The BIOS's own modes, before and after linear ones; then with all ports trapped. */
static void old_modes(void)
{
    int10(0x0013, 0, 0, 0, BUF);
    check_eq(dispi(DISPI_ENABLE) & 1, 0, "mode_13_ends_vbe");
    *(volatile u32 *)0xa0000 = 0x44332211;
    check_eq(get32(0xa0000), 0x44332211, "mode_13");
    int10(0x0012, 0, 0, 0, BUF);
    outw(0x3ce, 0x0205); /* write mode 2, as bootvid draws */
    outw(0x3ce, 0xff08);
    *(volatile u8 *)0xa0000 = 5;
    outw(0x3ce, 0x0005);
    u32 planes = 0;
    for (u16 p = 0; p < 4; p++) {
        outw(0x3ce, (u16)(p << 8 | 4));
        planes |= (u32)*(volatile u8 *)0xa0000 << (8 * p);
    }
    check_eq(planes, 0x00ff00ff, "mode_12");

    u32 before = io_traps;
    memset(task0.iomap, 0xff, sizeof(task0.iomap));
    check_eq(int10(0x4f02, 0x4000 | mode_of(800, 600, 32), 0, 0, BUF), 0x4f, "ports_trapped");
    check(io_traps > before + 10, "ports_come_to_the_monitor", "%u", io_traps - before);
    check_eq((u32)dispi(DISPI_XRES) << 16 | dispi(DISPI_YRES), 800 << 16 | 600,
             "mode_by_trapped_ports");
    int10(0x0003, 0, 0, 0, BUF);
    memset(task0.iomap, 0, sizeof(task0.iomap) - 1);
    int10(0x0e41, 7, 0, 0, BUF); /* a letter */
    check_eq(get16(0xb8000), 0x0741, "mode_3");
    int10(0x0f00, 0, 0, 0, BUF);
    check_eq(trap.eax & 0xff7f, 0x5003, "mode_3_read");
}

void test_main(void)
{
    monitor_on();
    find_card();
    all_modes();
    scan_lines();
    palette();
    state();
    edid();
    old_modes();
    check(sensitive > 1000, "the_monitor_is_asked", "%u times", sensitive);
}
