/* SPDX-License-Identifier: MIT */
/* Private to devices/vga*.c and devices/vbe.c: the state of the VGA and what its files share.
 * What a board needs is in devices/vga_rom.h. */
#ifndef NB_DEVICES_VGA_H
#define NB_DEVICES_VGA_H

#include "core/display.h"
#include "devices/pci.h"

#define VGA_NUM_SEQ 5
#define VGA_NUM_CRTC 0x19
#define VGA_NUM_GC 9
#define VGA_NUM_ATC 0x15
#define VGA_MIN_VRAM_MB 1u
#define VGA_MAX_VRAM_MB 256u
#define VGA_MIN_XRES 640u
#define VGA_MIN_YRES 480u
#define VGA_ROM_SIZE 0x10000u
#define VGA_MMIO_SIZE 0x1000u
#define VGA_NO_FRAME 0xffffffffu

/* Indices of the Bochs display interface ("DISPI"). */
enum dispi_index {
    DISPI_ID, DISPI_XRES, DISPI_YRES, DISPI_BPP, DISPI_ENABLE, DISPI_BANK, DISPI_VIRT_WIDTH,
    DISPI_VIRT_HEIGHT, DISPI_X_OFFSET, DISPI_Y_OFFSET, DISPI_NUM,
    DISPI_MEMORY_64K = DISPI_NUM, /* read only: follows from the size of VRAM */
};
enum { DISPI_ENABLED = 0x01, DISPI_GETCAPS = 0x02, DISPI_8BIT_DAC = 0x20, DISPI_LFB = 0x40,
       DISPI_NOCLEAR = 0x80, DISPI_ENABLE_MASK = 0xe3 };
#define DISPI_MAX_XRES 2560u
#define DISPI_MAX_YRES 1600u
#define DISPI_MAX_BPP 32u

/* MISC (3C2/3CC) */
enum { MISC_COLOUR = 1, MISC_RAM = 2, MISC_PAGE = 0x20 };
/* Sequencer 1 and 4 */
enum { SEQ1_8DOT = 1, SEQ1_LOAD2 = 4, SEQ1_HALF_CLOCK = 8, SEQ1_LOAD4 = 0x10, SEQ1_OFF = 0x20 };
enum { SEQ4_EXTENDED = 2, SEQ4_NO_ODD_EVEN = 4, SEQ4_CHAIN4 = 8 };
/* Graphics controller 5 and 6 */
enum { GC5_READ_MODE1 = 8, GC5_ODD_EVEN = 0x10, GC5_INTERLEAVE = 0x20, GC5_256 = 0x40 };
enum { GC6_GRAPHICS = 1, GC6_CHAIN_ODD_EVEN = 2 };
/* Attribute controller index and 10h */
enum { ATC_PAS = 0x20 };
enum { ATC10_MONO = 2, ATC10_LINE_GRAPHICS = 4, ATC10_BLINK = 8, ATC10_PAN_SPLIT = 0x20,
       ATC10_PEL_HALF = 0x40, ATC10_P54S = 0x80 };
/* CRTC 11h and 17h */
enum { CR11_INT_RUN = 0x10 };
enum { CR17_NO_ROW0 = 1, CR17_NO_ROW1 = 2, CR17_LINES_BY2 = 4, CR17_COUNT2 = 8, CR17_WRAP16 = 0x20,
       CR17_BYTE = 0x40, CR17_SYNC = 0x80 };

/* What the picture depends on besides VRAM and blinking, in one piece, so that a comparison with
 * the copy of the last time says whether anything changed. Saved member by member. */
struct vga_regs {
    u8 misc;                 /* 3C2 */
    u8 seq[VGA_NUM_SEQ];
    u8 crtc[VGA_NUM_CRTC];
    u8 gc[VGA_NUM_GC];
    u8 atc[VGA_NUM_ATC];
    u8 atc_index;            /* with PAS */
    u8 dac_mask;             /* 3C6 */
    u8 enabled;              /* 3C3 bit 0 */
    u8 dac[256 * 3];         /* eight bits each; a 6-bit DAC uses the upper six */
    u16 dispi[DISPI_NUM];
};

/* One displayed line as it was last drawn. */
struct vga_row {
    u32 gen;                 /* picture generation at which it last changed */
    u32 ma;                  /* address counter at its start */
    u32 page_lo, page_hi;    /* pages of VRAM that it was made from; lo > hi: none */
    u8 flags;                /* ROW_* */
};
enum { ROW_CURSOR = 1, ROW_BLINK = 2 };

#define VGA_LINE_SLACK 32u

struct vga {
    struct pci_device pci;
    /* properties */
    struct display *display;
    u32 vgamem_mb;
    u32 vram_frame;
    bool has_edid;
    u32 xres, yres;          /* that the monitor prefers */
    /* saved */
    struct vga_regs r;
    u8 fcr;                  /* 3DA/3BA write, 3CA read */
    u8 seq_index, crtc_index, gc_index;
    bool atc_flip_flop;      /* the next write to 3C0 is data */
    u8 dac_addr, dac_sub;    /* address register; which of R, G, B comes next */
    bool dac_reading;        /* 3C7 was written after 3C8 */
    u8 dac_buf[3];           /* the DAC's holding register */
    u32 latch;               /* byte n: plane n */
    u16 dispi_index;
    u16 start_old;           /* the start address until start_due */
    u64 start_due;           /* the retrace at which the CRTC takes what was written */
    u64 vint_due;            /* the retrace that sets the interrupt flip-flop, if CRTC 11 lets it */
    u8 *own_vram;            /* where no frames of guest RAM were given */

    /* not saved: host, derived */
    struct ram own_ram;      /* over own_vram */
    struct ram *ram;         /* &own_ram or the machine's */
    u32 frame0, vram_size;
    struct region lfb, mmio, rom;
    u8 *rom_data;            /* VGA_ROM_SIZE bytes, or NULL */
    u8 edid[128];
    bool notified;           /* display->changed was called since the last render */
    /* drawing */
    u64 lines_drawn;         /* since the start, for tests: an idle screen draws none */
    bool drawn;              /* what follows is valid */
    struct vga_regs old;
    u32 generation;
    bool old_cursor_on, old_blink_on;
    u8 old_cursor[4];        /* CRTC 0A, 0B, 0E, 0F */
    u8 *dirty;               /* one byte per page of VRAM */
    struct vga_row *row;     /* [DISPLAY_MAX_HEIGHT] */
    u32 *line;               /* pixels of one line */
    u8 *dots;                /* colour indices of one line, or its bytes in linear modes */
};

/* vga.c: ports 3B0-3DF by their number, and where the beam is */
u32 vga_port_read(struct vga *v, u32 port, bool peek);
void vga_port_write(struct vga *v, u32 port, u8 val);
u64 vga_frame_count(struct vga *v); /* frames since power-on, for blinking */
u32 vga_start_address(const struct vga *v); /* that the CRTC counts from in this frame */
void vga_timing_changed(struct vga *v);
void vga_visible_change(struct vga *v);

/* vga_mem.c */
extern const struct region_ops vga_window_ops, vga_lfb_ops, vga_rom_ops;

/* The linear modes of DISPI are on: the window is a bank of linear memory. */
static inline bool vga_linear(const struct vga *v)
{
    return (v->r.dispi[DISPI_ENABLE] & DISPI_ENABLED) && v->r.dispi[DISPI_BPP] != 4;
}

static inline u32 vga_vram_rd32(const struct vga *v, u32 off) /* off a multiple of 4 */
{
    return ld32(ram_rd(v->ram, v->frame0 + (off >> PAGE_SHIFT)) + (off & PAGE_MASK));
}

/* vga_draw.c */
void vga_render(void *dev, struct display_frame *f, bool full);

/* vbe.c */
extern const struct region_ops vga_dispi_ops, vga_mmio_ops;
void vga_dispi_reset(struct vga *v);
bool vga_dispi_valid(const struct vga *v); /* the registers can be as they are */
u32 vga_dispi_pitch(const struct vga *v);  /* bytes per line; 4 bpp: of one plane */

/* vga_edid.c: 128 bytes for a monitor whose preferred size is width x height */
void vga_make_edid(u8 *edid, u32 width, u32 height);

#endif
