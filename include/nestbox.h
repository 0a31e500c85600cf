/* SPDX-License-Identifier: MIT */
/* nestbox: a whole IA-32 PC in one process, as a library. The one installed header. Its last part
 * is the processor alone, over memory that you map.
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

#if defined(__GNUC__)
#pragma GCC visibility push(default)
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
 *   engine       jit | interp | check [,tlb=coherent]; check: each block is run by both, see NB_BUG
 *   drive        file=F[,if=ide|floppy|none][,index=N | ,bus=N,unit=N][,id=ID]
 *                [,media=disk|cdrom][,format=raw][,snapshot=on][,readonly=on][,cache=..]
 *                [,werror=..][,rerror=..]  (repeatable; file= may be empty)
 *   hda..hdd, fda, fdb, cdrom   FILE
 *   snapshot     on: all drives as with snapshot=on
 *   boot         [order=]acdn[,once=..][,menu=on][,splash-time=MS]
 *   kernel, initrd, append, bios, vgabios, L (firmware folder, repeatable, searched first)
 *   serial       (repeatable) null, stdio, file:F, pipe:F, pty, tcp:.., unix:.., callback
 *   parallel     (repeatable) likewise, without callback; "null" when not given, none: no port
 *   debugcon     likewise
 *   device       isa-debug-exit[,iobase=N][,iosize=N], isa-debugcon[,iobase=N],
 *                ide-hd|ide-cd|floppy,drive=ID[,bus=ide.N][,unit=N]  (repeatable)
 *   rtc          [base=utc|localtime|YYYY-MM-DD[THH:MM:SS]]
 *   vga          std, none
 *   clock        real | counted[,ns=N]
 *   speed        MIPS (paced)
 *   seed         number: where a counted run may choose (random entropy of devices)
 *   name, uuid
 *   no-reboot    on: a reset ends nb_run with NB_RESET
 *   no-shutdown  on: power-off pauses instead of ending
 *   d            items, comma separated: guest_errors,unimp,int,exec,cpu,mmu,in_asm,out_asm,op,hash,
 *                reg,irq ("help" too)
 *   perfmap      on: /tmp/perf-PID.map gets names of translated code, for Linux's perf
 *   dfilter      START+SIZE, START-SIZE or START..END, comma separated: addresses that are traced
 *   dlimit       bytes of log after which the machine is paused (4G; 0: never)
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
    NB_BUG,        /* engine=check: the translator and the interpreter differ; the log has a report. A
                      second nb_run goes on with what the interpreter has done */
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
/* [any] As nb_powerdown() where the guest has ACPI on, else as nb_quit(). The guest may take its time,
 * or not listen. */
void nb_shutdown(struct nb_machine *m);
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
/* A break condition on the line of serial port n, behind the input that waits already. Ports with
 * other back ends, too. false: there is no such port, or nothing is connected to it. [any] */
bool nb_serial_break(struct nb_machine *m, unsigned n);

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
enum {
    NB_MEDIA_READ_ONLY = 1,  /* without this and the next: as the drive was configured */
    NB_MEDIA_READ_WRITE = 2,
    NB_MEDIA_FORCE = 4,      /* though the guest has locked the medium in */
};
/* Puts another medium into a floppy or CD-ROM drive ("floppy0", "ide1-cd0"; `info block` lists
 * them); file NULL: takes it out. false: *e says why, and the drive is as it was (empty if the same
 * file could not be opened again). A drive that the guest has locked refuses without force, and the
 * guest is told that somebody wants the medium. */
bool nb_media_change(struct nb_machine *m, const char *drive, const char *file, unsigned flags,
                     struct nb_error *e);


/* ======== a CPU without a machine: nb_cpu_* ======================================================
 *
 * The same processor over memory that you map: no chips, no firmware. docs/embedding.md explains it
 * and compares it with Unicorn.
 *
 * Threads. A CPU belongs to one thread at a time, which may change between two calls. [cpu]: from
 * that thread, inside hooks too; [idle]: from that thread, not inside a hook; [any]: from any
 * thread at any time while the CPU exists. Different CPUs share nothing.
 *
 * Structs that begin with `size` are filled in by the caller with sizeof: a library that is newer
 * or older than the caller uses the members that both know. */

struct nb_cpu;

enum nb_cpu_mode {
    NB_CPU_REAL,    /* all segments base 0, limit 64K, CS:EIP 0:0, interrupt table at 0 */
    NB_CPU_PROT16,  /* CPL 0, 16-bit code and stack, flat 4 GB segments */
    NB_CPU_PROT32,  /* CPL 0, 32-bit, flat */
    NB_CPU_USER32,  /* CPL 3, 32-bit, flat, IOPL 0: as a program under an operating system */
};
enum nb_cpu_faults {
    NB_CPU_FAULTS_RETURN, /* exceptions and INT n that no hook takes end the run: NB_CPU_FAULT */
    NB_CPU_FAULTS_IDT,    /* they are delivered through the guest's own interrupt table */
};
struct nb_cpu_options {
    uint32_t size;
    uint32_t mode;             /* nb_cpu_mode */
    uint32_t faults;           /* nb_cpu_faults */
    const char *model;         /* as the key "cpu" above; NULL: the default model */
};
/* The registers are those of the mode, nothing is mapped, no GDT or IDT is there (limit 0). In the
 * protected modes the hidden parts of the segments are loaded: flat code runs without tables.
 * options NULL: all zero. NULL: *e says why. [any] */
struct nb_cpu *nb_cpu_new(const struct nb_cpu_options *options, struct nb_error *e);
/* [idle]; inside a hook it does nothing. */
void nb_cpu_free(struct nb_cpu *cpu);
/* All registers as after nb_cpu_new(); memory and hooks stay. [idle] */
bool nb_cpu_reset(struct nb_cpu *cpu, struct nb_error *e);

/* ---- memory [cpu]: 4 GB of physical addresses, 4 KB pages, nothing mapped at first.
 *
 * Access to what is not mapped, or not for this, is a page fault (vector 14, CR2 the linear
 * address, error code bit 0: the page is there and allows something, 1 write, 2 CPL 3, 4 fetch)
 * after the hooks NB_CPU_HOOK_UNMAPPED. */

enum { NB_CPU_R = 1, NB_CPU_W = 2, NB_CPU_X = 4, NB_CPU_RWX = 7 };
/* Zeroed memory of the library's. addr and size are multiples of 4096; nothing may overlap. */
bool nb_cpu_map(struct nb_cpu *cpu, uint64_t addr, uint64_t size, unsigned prot,
                struct nb_error *e);
/* Memory of yours, 16-byte aligned, which must live until it is unmapped and, if a hook unmaps it,
 * until nb_cpu_run() has returned. The same bytes can be mapped only once. */
bool nb_cpu_map_buffer(struct nb_cpu *cpu, uint64_t addr, uint64_t size, unsigned prot,
                       void *buffer, struct nb_error *e);
/* Functions instead of memory: size is 1, 2 or 4. They are called within an instruction. */
bool nb_cpu_map_io(struct nb_cpu *cpu, uint64_t addr, uint64_t size,
                   uint32_t (*read)(void *user, uint32_t offset, unsigned size),
                   void (*write)(void *user, uint32_t offset, uint32_t value, unsigned size),
                   void *user, struct nb_error *e);
/* Parts of mappings, or several, too; every page must be mapped. */
bool nb_cpu_unmap(struct nb_cpu *cpu, uint64_t addr, uint64_t size, struct nb_error *e);
bool nb_cpu_protect(struct nb_cpu *cpu, uint64_t addr, uint64_t size, unsigned prot,
                    struct nb_error *e);
struct nb_cpu_region {
    uint64_t addr, size;
    uint32_t prot;
    uint32_t io;       /* 1: of nb_cpu_map_io() */
    void *host;        /* where the bytes are; NULL for io */
};
/* Ascending; fills at most max and returns how many there are. */
size_t nb_cpu_regions(struct nb_cpu *cpu, struct nb_cpu_region *out, size_t max);
/* Physical addresses, whatever the protection; no hooks are called. All or nothing: false if a
 * part is not mapped, or is io. Writes are seen by code that was decoded already. */
bool nb_cpu_mem_read(struct nb_cpu *cpu, uint64_t addr, void *to, size_t len, struct nb_error *e);
bool nb_cpu_mem_write(struct nb_cpu *cpu, uint64_t addr, const void *from, size_t len,
                      struct nb_error *e);
/* To be called after you have changed code through a pointer of your own. */
bool nb_cpu_mem_changed(struct nb_cpu *cpu, uint64_t addr, uint64_t size, struct nb_error *e);
/* Through the guest's page tables, rights ignored, no A bits. false: not present. */
bool nb_cpu_translate(struct nb_cpu *cpu, uint32_t linear, uint64_t *physical);

/* ---- registers [cpu] */

enum nb_cpu_reg {
    NB_CPU_EAX, NB_CPU_ECX, NB_CPU_EDX, NB_CPU_EBX, NB_CPU_ESP, NB_CPU_EBP, NB_CPU_ESI, NB_CPU_EDI,
    NB_CPU_EIP, NB_CPU_EFLAGS,
    /* Selectors. In real and virtual-8086 mode setting one sets the base; in protected mode it
     * sets the selector alone (CS: CPL too): see nb_cpu_load_segment(). */
    NB_CPU_ES = 16, NB_CPU_CS, NB_CPU_SS, NB_CPU_DS, NB_CPU_FS, NB_CPU_GS, NB_CPU_LDTR, NB_CPU_TR,
    /* Hidden parts: base, limit in bytes, and bits 55:40 of the descriptor (access byte in 7:0,
     * G D/B - AVL in 15:12) */
    NB_CPU_ES_BASE, NB_CPU_CS_BASE, NB_CPU_SS_BASE, NB_CPU_DS_BASE, NB_CPU_FS_BASE, NB_CPU_GS_BASE,
    NB_CPU_LDTR_BASE, NB_CPU_TR_BASE,
    NB_CPU_ES_LIMIT, NB_CPU_CS_LIMIT, NB_CPU_SS_LIMIT, NB_CPU_DS_LIMIT, NB_CPU_FS_LIMIT,
    NB_CPU_GS_LIMIT, NB_CPU_LDTR_LIMIT, NB_CPU_TR_LIMIT,
    NB_CPU_ES_ATTR, NB_CPU_CS_ATTR, NB_CPU_SS_ATTR, NB_CPU_DS_ATTR, NB_CPU_FS_ATTR, NB_CPU_GS_ATTR,
    NB_CPU_LDTR_ATTR, NB_CPU_TR_ATTR,
    NB_CPU_GDTR_BASE, NB_CPU_GDTR_LIMIT, NB_CPU_IDTR_BASE, NB_CPU_IDTR_LIMIT,
    NB_CPU_CR0, NB_CPU_CR2, NB_CPU_CR3, NB_CPU_CR4,
    NB_CPU_DR0, NB_CPU_DR1, NB_CPU_DR2, NB_CPU_DR3, NB_CPU_DR6, NB_CPU_DR7,
    NB_CPU_EFER, NB_CPU_CPL,
    NB_CPU_FCW, NB_CPU_FSW, NB_CPU_FTW /* two bits a register */, NB_CPU_FOP, NB_CPU_FIP,
    NB_CPU_FCS, NB_CPU_FDP, NB_CPU_FDS, NB_CPU_MXCSR,
    NB_CPU_ST0 = 96, /* .. + 7: 10 bytes */
    NB_CPU_MM0 = 104, /* .. + 7: 8 bytes */
    NB_CPU_XMM0 = 112, /* .. + 7: 16 bytes; all others are 4 */
};
/* Bytes of a register; 0: there is no such number. [any] */
size_t nb_cpu_reg_size(unsigned reg);
/* One register of 4 bytes; 0 if it is none. The setter ignores what is none or is refused. */
uint32_t nb_cpu_get(struct nb_cpu *cpu, unsigned reg);
void nb_cpu_set(struct nb_cpu *cpu, unsigned reg, uint32_t value);
/* Any register, little-endian; size must be its size. Refused are values that MOV to CR0, CR3 or
 * CR4 or WRMSR to EFER would raise #GP for, and reserved bits of MXCSR. */
bool nb_cpu_reg_get(struct nb_cpu *cpu, unsigned reg, void *value, size_t size, struct nb_error *e);
bool nb_cpu_reg_set(struct nb_cpu *cpu, unsigned reg, const void *value, size_t size,
                    struct nb_error *e);
/* Several at once, in order. An unknown number is found before anything is set. */
struct nb_cpu_value {
    uint32_t reg, reserved;
    union { uint32_t u32; uint64_t u64; uint8_t bytes[16]; } v;
};
bool nb_cpu_regs_get(struct nb_cpu *cpu, struct nb_cpu_value *values, size_t n, struct nb_error *e);
bool nb_cpu_regs_set(struct nb_cpu *cpu, const struct nb_cpu_value *values, size_t n,
                     struct nb_error *e);
bool nb_cpu_msr_get(struct nb_cpu *cpu, uint32_t msr, uint64_t *value, struct nb_error *e);
bool nb_cpu_msr_set(struct nb_cpu *cpu, uint32_t msr, uint64_t value, struct nb_error *e);
/* ES, SS, DS, FS or GS as MOV would load it: from GDT or LDT, with all checks. Not in the middle of
 * an instruction. */
bool nb_cpu_load_segment(struct nb_cpu *cpu, unsigned reg, uint16_t selector, struct nb_error *e);

/* ---- running */

enum nb_cpu_reason {
    NB_CPU_COUNT,    /* max_insns were done */
    NB_CPU_ADDRESS,  /* at `until`, whose instruction was not run */
    NB_CPU_STOPPED,  /* nb_cpu_stop() */
    NB_CPU_FAULT,    /* exception or INT n that nobody took; EIP is at the instruction */
    NB_CPU_HALTED,   /* HLT; EIP is behind it. The next run goes on */
    NB_CPU_SHUTDOWN, /* triple fault (NB_CPU_FAULTS_IDT): only nb_cpu_reset() leads out */
    NB_CPU_TIME,     /* max_ns of host time are over */
    NB_CPU_REFUSED,  /* the call was wrong: cpu is running already, or size is 0 */
};
struct nb_cpu_limits {
    uint32_t size;
    uint32_t has_until;  /* 1: `until` counts */
    uint32_t until;      /* linear address; if the run starts there it ends at once */
    uint32_t reserved;
    uint64_t max_insns;  /* 0: no limit; exact. An iteration of a repeated string instruction is
                            one, an instruction that faults is none */
    uint64_t max_ns;     /* 0: no limit; looked at every 100,000 instructions or so */
};
struct nb_cpu_exit {
    uint32_t size;
    uint32_t reason;     /* nb_cpu_reason */
    uint32_t eip;
    uint32_t vector;     /* the rest: NB_CPU_FAULT */
    uint32_t error;      /* 0 if there is none */
    uint32_t cr2;        /* vector 14: the linear address */
    uint8_t has_error;
    uint8_t software;    /* INT n, INT3, INTO, ICEBP */
    uint8_t reserved[6];
    uint64_t retired;    /* instructions of this run */
};
/* Runs from CS:EIP until something on the list happens; returns the reason. limits NULL: none; exit
 * may be NULL. [idle] */
enum nb_cpu_reason nb_cpu_run(struct nb_cpu *cpu, const struct nb_cpu_limits *limits,
                              struct nb_cpu_exit *exit);
/* One instruction, or one iteration of a repeated one: NB_CPU_COUNT when it was done. [idle] */
enum nb_cpu_reason nb_cpu_step(struct nb_cpu *cpu, struct nb_cpu_exit *exit);
/* The run that is going on, or the next one, ends: in front of the next instruction, or of this one
 * if a code or block hook asks. Async-signal-safe. [any] */
void nb_cpu_stop(struct nb_cpu *cpu);
/* All instructions since nb_cpu_new(). [cpu] */
uint64_t nb_cpu_retired(struct nb_cpu *cpu);
/* "page fault at 00401000: write to 00000008, not mapped"; returns out. [any] */
char *nb_cpu_exit_text(const struct nb_cpu_exit *exit, char *out, size_t size);

/* ---- hooks
 *
 * Hooks are called in the order in which they were added, on the thread of nb_cpu_run(). Inside
 * they may call everything marked [cpu], and nb_cpu_stop().
 *
 * Between two instructions (CODE, BLOCK, FETCH, INTERRUPT, INVALID): registers are exact, and
 * changes count at once. If a hook changes EIP or CS, the instruction that it was called for is not
 * run and those after it in the list are not called; execution goes on at the new place.
 *
 * In an instruction (READ, WRITE, UNMAPPED, IN, OUT, io functions): registers are read as they were
 * before it (of a repeated string instruction: before the iteration; an instruction with several
 * accesses may have done its first half). What is set is kept until it has ended, then set over its
 * results, and then counts; a new EIP is where execution goes on, even if the instruction faulted:
 * the fault is dropped then. Memory and mappings change at once. Refused there: contexts,
 * snapshots, CR0, CR3, CR4, EFER, MSRs and nb_cpu_load_segment().
 *
 * No hooks: no cost. CODE and FETCH make every instruction a block of its own, whatever their
 * range; READ and WRITE slow down the pages of their range. A hook that takes a fault again and
 * again without repairing its cause makes an endless run: max_insns counts no faults. */

enum nb_cpu_hook_kind {
    NB_CPU_HOOK_CODE = 1,      /* before an instruction in the range; size: its length. Once for a
                                  repeated string instruction, and again if it was interrupted */
    NB_CPU_HOOK_BLOCK = 2,     /* before a piece of straight code: at the start of a run, behind a
                                  branch, at a new page, after 64 instructions; size: its bytes,
                                  as far as they are decoded together */
    NB_CPU_HOOK_FETCH = 4,     /* before the bytes of an instruction are looked at; size 0 */
    NB_CPU_HOOK_READ = 8,      /* before data is read; implicit accesses (stack, tables of segments
                                  and interrupts) too, page tables not */
    NB_CPU_HOOK_READ_AFTER = 16,  /* ... and after; data may be changed: what the CPU gets */
    NB_CPU_HOOK_WRITE = 32,    /* before data is written; data may be changed: what memory gets */
    NB_CPU_HOOK_WRITE_AFTER = 64,
    NB_CPU_HOOK_UNMAPPED = 128,/* an access that is not allowed; NB_CPU_TAKEN: it is tried again */
    NB_CPU_HOOK_INTERRUPT = 256, /* an exception, INT n, INT3, INTO; number: vector. NB_CPU_TAKEN:
                                  go on: behind INT n, at the instruction again for an exception */
    NB_CPU_HOOK_INVALID = 512, /* #UD: asked before INTERRUPT hooks; NB_CPU_TAKEN: go on at EIP */
    NB_CPU_HOOK_IN = 1024,     /* port input, range of ports; NB_CPU_TAKEN: `value` is what is read.
                                  Nobody: all ones */
    NB_CPU_HOOK_OUT = 2048,    /* port output; NB_CPU_TAKEN: later hooks are not asked */
};
enum { NB_CPU_PASS = 0, NB_CPU_TAKEN = 1 };
enum { NB_CPU_ACCESS_READ, NB_CPU_ACCESS_WRITE, NB_CPU_ACCESS_FETCH };
struct nb_cpu_event {
    uint32_t size_of_event; /* sizeof, set by the library */
    uint32_t kind;       /* the one nb_cpu_hook_kind that happened */
    uint32_t addr;       /* linear address of the instruction, or of the data; the port */
    uint32_t size;       /* bytes */
    uint64_t physical;   /* UNMAPPED: which page is missing */
    uint8_t *data;       /* READ_AFTER, WRITE, WRITE_AFTER: `size` bytes; else NULL */
    uint32_t value;      /* IN: to be set; OUT */
    uint32_t access;     /* UNMAPPED: NB_CPU_ACCESS_x */
    uint32_t mapped;     /* UNMAPPED: 1: the page is there, but not for this */
    uint32_t number;     /* INTERRUPT: vector */
    uint32_t error, cr2; /* INTERRUPT */
    uint8_t has_error, software;
    uint8_t reserved[6];
};
typedef int nb_cpu_hook_fn(struct nb_cpu *cpu, struct nb_cpu_event *event, void *user);
/* kinds: several may be or'ed. The range, both ends included, is of linear addresses, of ports for
 * IN and OUT, of vectors for INTERRUPT; first > last: everywhere. Data counts by the bytes that are
 * touched. Returns the hook's number, 0 with *e. A hook added inside a hook is called from the next
 * event on. [cpu] */
uint32_t nb_cpu_hook_add(struct nb_cpu *cpu, unsigned kinds, uint32_t first, uint32_t last,
                         nb_cpu_hook_fn *fn, void *user, struct nb_error *e);
/* Its function is not called again, not even for the event that is going on. false: there is no
 * such number. [cpu] */
bool nb_cpu_hook_remove(struct nb_cpu *cpu, uint32_t hook);

/* ---- contexts and snapshots [cpu], but not within an instruction (false or NULL then) */

/* All registers of a CPU, MSRs and hidden state included; no memory. Belongs to no CPU: may be
 * restored into any of the same model. Cheap. */
struct nb_cpu_context;
struct nb_cpu_context *nb_cpu_context_save(struct nb_cpu *cpu, struct nb_error *e);
bool nb_cpu_context_update(struct nb_cpu *cpu, struct nb_cpu_context *ctx, struct nb_error *e);
bool nb_cpu_context_restore(struct nb_cpu *cpu, const struct nb_cpu_context *ctx,
                            struct nb_error *e);
/* [any] */
bool nb_cpu_context_equal(const struct nb_cpu_context *a, const struct nb_cpu_context *b);
void nb_cpu_context_free(struct nb_cpu_context *ctx); /* [any] */

/* Registers, mappings and all bytes of memory. Restoring (into the same CPU) maps again what was
 * mapped and unmaps what was not. Buffers of yours get their bytes back, so that they must live as long as
 * the snapshot. Hooks stay as they are. Free it before its CPU. */
struct nb_cpu_snapshot;
struct nb_cpu_snapshot *nb_cpu_snapshot_take(struct nb_cpu *cpu, struct nb_error *e);
bool nb_cpu_snapshot_restore(struct nb_cpu *cpu, const struct nb_cpu_snapshot *s,
                             struct nb_error *e);
void nb_cpu_snapshot_free(struct nb_cpu_snapshot *s);

#if defined(__GNUC__)
#pragma GCC visibility pop
#endif

#ifdef __cplusplus
}
#endif

#endif
