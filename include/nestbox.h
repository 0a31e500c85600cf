/* SPDX-License-Identifier: MIT */
/* nestbox: a whole IA-32 PC in one process, as a library. The one installed header.
 *
 * Threads. A machine runs on whichever one thread calls nb_run(); that is its machine thread.
 * Each call below says where it may be made:
 *   [any]     from any thread at any time, does not block for longer than a queue's lock;
 *   [machine] on the machine thread while nb_run() is not running (between two nb_run calls), or
 *             from any thread through nb_call(), which runs a function between two instructions;
 *   [setup]   before nb_new() has returned the machine.
 * Several machines may live in one process; they are not isolated from each other.
 *
 * Errors are `struct nb_error`: one sentence that names the thing and says what to do. */
#ifndef NESTBOX_H
#define NESTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define NB_API_VERSION 1 /* incremented when a caller would have to change */

struct nb_config;
struct nb_machine;

struct nb_error {
    int code;       /* the exit code of a program that gives up: 1 configuration, 2 resource,
                       5 snapshot refused, 6 internal */
    char text[480];
};

int nb_api_version(void);        /* [any] of the library that is linked */
const char *nb_version(void);    /* [any] "0.1.0" */

/* ---- configuration [setup] */

struct nb_config *nb_config_new(void);
void nb_config_free(struct nb_config *cfg);
/* Keys are QEMU's option names without the dash, values in QEMU's syntax ("," doubled to escape):
 *   m            size: 16, 512M, 2G (MiB without suffix)
 *   cpu          MODEL[,+feature][,-feature][,msr=gp][,level=N]
 *   machine      pc
 *   accel        tcg (accepted and ignored)
 *   engine       interp
 *   drive        file=F[,if=ide|floppy][,index=N][,media=disk|cdrom][,format=raw][,snapshot=on]
 *                [,readonly=on][,cache=..][,werror=..][,rerror=..]  (repeatable; file= may be empty)
 *   hda..hdd, fda, fdb, cdrom   FILE
 *   snapshot     on: all drives as with snapshot=on
 *   boot         [order=]acdn[,once=..][,menu=on]
 *   kernel, initrd, append, bios, vgabios, L (firmware folder, repeatable, searched first)
 *   serial       (repeatable) null, stdio, file:F, pty, tcp:.., unix:.., callback
 *   parallel, debugcon           likewise
 *   device       isa-debug-exit[,iobase=N][,iosize=N]  (repeatable)
 *   rtc          [base=utc|localtime|YYYY-MM-DD[THH:MM:SS]]
 *   vga          std, none
 *   clock        real | counted[,ns=N]
 *   speed        MIPS (paced)
 *   seed         number: where a counted run may choose (random entropy of devices)
 *   name, uuid
 *   no-reboot    on: a reset ends nb_run with NB_RESET
 *   no-shutdown  on: power-off pauses instead of ending
 *   d            items, comma separated: guest_errors,unimp,int,exec,cpu,mmu,hash,reg,irq ("help" too)
 *   stop-at      retired-instruction count at which nb_run returns NB_STOP_AT
 *   loadvm       FILE made by nb_save
 * "help" as the value of cpu, machine, device, vga, d, serial or clock fails with the list as text
 * and code 0. false: *e says what is wrong. */
bool nb_config_set(struct nb_config *cfg, const char *key, const char *value, struct nb_error *e);

/* Where log lines go; default nowhere. Called on the machine thread; `line` has no newline. */
void nb_config_log(struct nb_config *cfg, void (*fn)(void *to, const char *line), void *to);

/* Builds the machine, in reset. NULL: *e says why. The config may be freed afterwards. */
struct nb_machine *nb_new(const struct nb_config *cfg, struct nb_error *e);
void nb_free(struct nb_machine *m); /* [machine] flushes disks, closes everything */

/* ---- running */

enum nb_stop {
    NB_TIMEOUT,    /* max_ns of host time (counted: guest time) are over */
    NB_PAUSED,     /* nb_pause() was called, or the guest powered off with no-shutdown */
    NB_POWER_OFF,  /* soft-off */
    NB_RESET,      /* reset with no-reboot */
    NB_EXIT,       /* isa-debug-exit: nb_exit_code() */
    NB_SHUTDOWN,   /* triple fault with no-reboot */
    NB_BREAK,      /* a breakpoint of nb_break_set() */
    NB_WATCH,      /* a watchpoint */
    NB_STOP_AT,    /* the count of stop-at is reached */
    NB_IO_ERROR,   /* a disk failed with policy stop or enospc; nb_cont() retries */
    NB_QUIT,       /* nb_quit() */
};
/* [machine] Runs until something on the list happens. Blocks; sleeps while the guest is idle. A
 * paused machine sleeps too, serving nb_call(). max_ns 0: no limit. */
enum nb_stop nb_run(struct nb_machine *m, uint64_t max_ns);
int nb_exit_code(const struct nb_machine *m);          /* [machine] */

void nb_pause(struct nb_machine *m);       /* [any] nb_run returns NB_PAUSED soon; time is held */
void nb_cont(struct nb_machine *m);        /* [any] */
bool nb_is_paused(const struct nb_machine *m); /* [any] */
void nb_quit(struct nb_machine *m);        /* [any] nb_run returns NB_QUIT soon */
void nb_reset(struct nb_machine *m);       /* [any] power-on reset */
void nb_powerdown(struct nb_machine *m);   /* [any] power button; no effect without ACPI */
void nb_nmi(struct nb_machine *m);         /* [any] */
/* [any] Runs fn(arg) on the machine thread between two instructions and returns when it is done.
 * From the machine thread itself: at once. false: the machine is being freed. */
bool nb_call(struct nb_machine *m, void (*fn)(void *arg), void *arg);

/* ---- input [any] */

/* HID usage (page 07h) of the key; codes are those of the USB HID usage tables. */
void nb_key(struct nb_machine *m, uint8_t hid_usage, bool down);
enum { NB_MOUSE_LEFT = 1, NB_MOUSE_RIGHT = 2, NB_MOUSE_MIDDLE = 4 };
/* Relative motion (dy > 0 down, dz > 0 away from the user), state of all buttons. */
void nb_mouse(struct nb_machine *m, int dx, int dy, int dz, unsigned buttons);
/* Types UTF-8 text as a US keyboard would, paced in guest time; characters it cannot make are
 * skipped; returns how many. */
size_t nb_type(struct nb_machine *m, const char *text);
/* Key chord by QEMU's names, "ctrl-alt-delete"; false: a name is unknown. */
bool nb_sendkey(struct nb_machine *m, const char *chord, unsigned hold_ms);

/* ---- picture [any] */

#define NB_MAX_COLS 132
#define NB_MAX_ROWS 60
struct nb_cell { uint8_t ch, attr; }; /* code page 437; VGA attribute */
struct nb_frame {
    uint32_t width, height;      /* 0: blank screen */
    uint32_t generation;
    uint32_t *pixels;            /* 0x00RRGGBB, width * height; the library's, until the next call
                                    of nb_frame_get or nb_frame_free with this struct */
    uint32_t dirty_first, dirty_last; /* rows changed against the frame got before with this struct */
    bool text;                   /* cells are valid */
    uint32_t cols, rows, cursor_col, cursor_row;
    bool cursor_visible;
    struct nb_cell cells[NB_MAX_COLS * NB_MAX_ROWS];
    /* private */
    uint32_t capacity;
};
/* The last published picture; *f must be zero before its first use. Asks for the next one, so that
 * a caller at 30 Hz sees 30 frames a second and nobody draws when nobody looks. Returns false if
 * nothing changed since the last call with this f. */
bool nb_frame_get(struct nb_machine *m, struct nb_frame *f);
void nb_frame_free(struct nb_frame *f);
/* Renders now, exactly: for screenshots. [machine] */
void nb_frame_now(struct nb_machine *m, struct nb_frame *f);
/* Text of a text screen as UTF-8, a line a row, trailing blanks removed; "" in graphics modes. The
 * caller frees it with nb_string_free. [machine] */
char *nb_screen_text(struct nb_machine *m);
void nb_string_free(char *s);
unsigned nb_keyboard_leds(struct nb_machine *m); /* bit 0 num, 1 caps, 2 scroll */

/* ---- serial ports opened with "callback" */

/* Output of port n, on the machine thread. [setup or machine] */
void nb_serial_output(struct nb_machine *m, unsigned n,
                      void (*fn)(void *to, const uint8_t *data, size_t len), void *to);
/* Input for it; queued without limit of the UART's FIFO. [any] */
void nb_serial_input(struct nb_machine *m, unsigned n, const uint8_t *data, size_t len);

/* ---- looking inside [machine] */

/* Text for the monitor's `info WHAT`: registers, mem, tlb, pic, pci, irq, block, status, unimp,
 * mtree, jit, roms, NAME (of a device), help. NULL: no such thing. Free with nb_string_free. */
char *nb_info(struct nb_machine *m, const char *what);
/* Linear or physical memory without side effects; returns the bytes done. */
size_t nb_mem_read(struct nb_machine *m, bool physical, uint64_t addr, void *buf, size_t len);
size_t nb_mem_write(struct nb_machine *m, bool physical, uint64_t addr, const void *buf, size_t len);
/* Registers by name: "eax".."edi", "eip", "eflags", "cs".."gs", "cs_base".., "cr0".., "dr0"..,
 * "st0".."st7" (10 bytes), "fctrl" "fstat" "ftag" "fiseg" "fioff" "foseg" "fooff" "fop", "mxcsr",
 * "xmm0".."xmm7" (16 bytes). value holds little-endian bytes. Returns the size, 0 if unknown. */
size_t nb_reg_get(struct nb_machine *m, const char *name, void *value, size_t size);
bool nb_reg_set(struct nb_machine *m, const char *name, const void *value, size_t size);
/* One line of disassembly at a linear address of the current code size; returns its length. */
size_t nb_disassemble(struct nb_machine *m, uint32_t addr, char *out, size_t size);
/* One instruction; interrupts are taken as usual. */
enum nb_stop nb_step(struct nb_machine *m);
bool nb_break_set(struct nb_machine *m, uint32_t addr, bool on);
enum { NB_WATCH_WRITE = 1, NB_WATCH_READ = 2, NB_WATCH_RW = 3 };
bool nb_watch_set(struct nb_machine *m, uint32_t addr, uint32_t len, int kind, bool on);
uint32_t nb_watch_addr(const struct nb_machine *m);  /* of the last NB_WATCH */
uint64_t nb_retired(const struct nb_machine *m);
uint64_t nb_guest_ns(struct nb_machine *m);
/* Counted clock: hash over every bus access, DMA transfer and vector so far, and with `final` over
 * registers and RAM. 0 unless d=hash. */
uint64_t nb_trace_hash(struct nb_machine *m, bool final);
/* Log items as in the "d" key, "none" for none. */
bool nb_log_items(struct nb_machine *m, const char *items, struct nb_error *e);

/* ---- state and media [machine] */

bool nb_save(struct nb_machine *m, const char *file, struct nb_error *e);
/* Drive by id ("ide0-hd0", "floppy0"; `info block` lists them); file NULL: eject. */
bool nb_media_change(struct nb_machine *m, const char *drive, const char *file, bool read_only,
                     struct nb_error *e);

#ifdef __cplusplus
}
#endif

#endif
