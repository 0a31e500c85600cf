/* SPDX-License-Identifier: MIT */
/* struct nb_machine: a board that was built, its memory, its CPU, its back ends and the run loop.
 * Private to machine/. Everything here runs on the machine thread unless it says otherwise. */
#ifndef NB_MACHINE_MACHINE_H
#define NB_MACHINE_MACHINE_H

#include "core/block.h"
#include "core/chardev.h"
#include "core/device.h"
#include "core/display.h"
#include "core/input.h"
#include "cpu/cpu.h"
#include "host/loop.h"
#include "host/os.h"
#include "include/nestbox.h"
#include "machine/config.h"

#define MACHINE_MAX_DEVICES 32
#define MACHINE_MAX_GATES 64
#define MACHINE_MAX_DRIVES 8
#define MACHINE_MAX_SERIAL 4
#define MACHINE_MAX_PARALLEL 2
#define SERIAL_MAX_BREAKS 16 /* more that wait for the guest are one */

/* ---- boards: literal tables, interpreted by build.c alone */
struct board_chip {
    const char *cls, *id;
    const char *props; /* "iobase=0x20,elcr=0x4d0"; NULL: defaults */
    int devfn;         /* PCI slot << 3 | function, or NOT_PCI */
};
#define NOT_PCI (-1)
#define PCI_AT(slot, fn) ((slot) << 3 | (fn))
/* Several outputs on one input are ORed. "cpu.intr", "cpu.nmi", "cpu.a20" are the CPU's. */
struct board_wire {
    const char *from, *to; /* "pit.out0", "pic0.ir0" */
};
struct board {
    const char *name, *text;
    const struct board_chip *chips; /* ends with cls == NULL */
    const struct board_wire *wires; /* ends with from == NULL */
    const char *pic, *rtc, *fw_cfg, *vga, *kbd, *ide, *fdc, *bridge, *pm;
    /* The first serial port is always there, the first parallel one but for "none"; the others are
     * there when they were asked for. */
    const char *serial[MACHINE_MAX_SERIAL], *parallel[MACHINE_MAX_PARALLEL];
};
extern const struct board board_pc;
const struct board *board_find(const char *name);

/* ---- memory layout of the RAM object, in frames */
struct layout {
    u32 ram_frames;   /* guest RAM: frame n is physical page n */
    u32 bios_frame, bios_frames;
    u32 vram_frame, vram_frames;
    u32 total;
};

struct drive {
    char id[24];        /* "ide0-hd0", "floppy1" */
    struct block *blk;  /* of a removable drive a tray, empty or not */
    char *file;         /* NULL: no medium */
    struct drive_config cfg; /* its texts are the configuration's, but for file */
};

struct serial_port {
    struct chardev *chr;
    struct chardev callback;          /* "callback" ports */
    void (*out)(void *to, const u8 *data, size_t len);
    void *out_to;
    u8 *in;                           /* queued input of callback ports */
    u32 in_first, in_len, in_cap;
    u32 breaks[SERIAL_MAX_BREAKS];    /* in the queue: bytes that come before each, ascending */
    u32 num_breaks;
};

struct trace_hash {
    u64 h[2];
    bool on;
};

struct nb_machine {
    struct config *cfg;
    const struct board *board;
    struct log log;
    u64 log_bytes;               /* since the start or the last pause for -dlimit */
    struct system sys;
    struct space mem, io;
    struct ram ram;
    struct clock clock;
    struct layout layout;
    struct region low_ram, high_ram, bios_high, bios_low;
    struct cpu *cpu;
    struct device *dev[MACHINE_MAX_DEVICES];
    unsigned num_devices;
    struct machine_gate { struct or_gate gate; struct device *dev; char pin[24]; char cpu_pin; unsigned used; }
        gates[MACHINE_MAX_GATES];
    unsigned num_gates;
    struct device *pic, *rtc, *fw_cfg, *vga, *pm;
    struct wire ferr;
    struct display display;
    struct input input;
    struct drive drives[MACHINE_MAX_DRIVES];
    unsigned num_drives;
    struct serial_port serial[MACHINE_MAX_SERIAL];
    struct chardev *parallel[MACHINE_MAX_PARALLEL];
    struct chardev *debugcon;

    /* requests from devices and other threads, taken between two instructions */
    bool want_reset, want_init, want_power_off, want_exit, want_io_stop;
    int exit_code;
    int a20_level;
    volatile int want_pause, want_quit, want_nmi, want_user_reset, want_powerdown; /* atomic */
    bool paused, powered_off, holding;
    u64 stop_at;
    enum nb_stop stopped_by;

    /* host side */
    struct loop *loop;
    u64 thread;                  /* os_thread_self() of the machine thread */
    u32 slices;
    u64 zero_count;              /* the clock's source until there is a CPU */
    struct os_mutex *lock;       /* guards the published frame and the queues from other threads */
    struct frame_store *frames;
    struct typist *typist;
    struct trace_hash hash;
    u64 paced_anchor_host, paced_anchor_guest;
    struct quiet {               /* how little the guest does (run.c) */
        u64 since;               /* retired count at which the watch began */
        u32 sleeps;              /* from then on */
        bool tidy;               /* cpu_tidy() was called and no work has come since */
        u32 times_tidied;
    } quiet;
    int perf_map;                /* -1: none */
    bool freeing;
};

/* build.c */
bool machine_build(struct nb_machine *m, struct err *e);
void machine_unbuild(struct nb_machine *m);
struct device *machine_device(struct nb_machine *m, const char *id);
/* firmware.c: ROM images, CMOS, fw_cfg */
bool firmware_load(struct nb_machine *m, struct err *e);
bool firmware_describe(struct nb_machine *m, struct err *e);
void firmware_reset(struct nb_machine *m); /* power-on reset: -boot once= is over */
/* tables.c: ACPI, $PIR, SMBIOS */
bool tables_describe(struct nb_machine *m);
void tables_info(struct nb_machine *m, struct strbuf *sb);
/* kernel.c: -kernel, -initrd, -append */
bool kernel_load(struct nb_machine *m, struct err *e);
/* drives.c */
bool drives_open(struct nb_machine *m, struct err *e);
void drives_close(struct nb_machine *m);
void drives_info(struct nb_machine *m, struct strbuf *sb);
struct drive *drive_find(struct nb_machine *m, const char *id);
bool drive_eject(struct nb_machine *m, const char *id, bool force, struct err *e);
/* flags: NB_MEDIA_... */
bool drive_change(struct nb_machine *m, const char *id, const char *file, unsigned flags,
                  struct err *e);
/* ports.c: serial and parallel ports and the debug console */
bool ports_open(struct nb_machine *m, struct err *e);
void ports_close(struct nb_machine *m);
/* Whether the chip is to be built; ports that nobody asked for are not. */
bool ports_wanted(const struct nb_machine *m, const char *id);
/* Input of callback ports that the guest has not read yet, in a snapshot. */
bool ports_save(struct nb_machine *m, bool (*write)(void *to, const void *p, size_t n), void *to);
bool ports_load(struct nb_machine *m, bool (*read)(void *from, void *p, size_t n), void *from);
/* run.c */
void machine_request(void *machine, enum system_request what, int arg);
void machine_earlier_deadline(void *machine); /* struct clock's on_earlier */
void machine_reset(struct nb_machine *m, enum reset_kind kind);
void machine_wake(struct nb_machine *m); /* any thread */
/* picture.c */
bool picture_new(struct nb_machine *m);
void picture_free(struct nb_machine *m);
u64 picture_rows_copied(struct nb_machine *m); /* so far: an idle screen costs none */
void picture_tick(struct nb_machine *m); /* between blocks: renders if somebody waits for a frame */
/* keys.c */
void typist_new(struct nb_machine *m);
void typist_free(struct nb_machine *m);
/* What was typed and not yet sent, in a snapshot. */
bool typist_save(struct nb_machine *m, bool (*write)(void *to, const void *p, size_t n), void *to);
bool typist_load(struct nb_machine *m, bool (*read)(void *from, void *p, size_t n), void *from);
/* hash.c */
void hash_init(struct nb_machine *m);
void hash_vector(void *m, unsigned vector);
/* save.c */
bool machine_save(struct nb_machine *m, const char *file, struct err *e);
bool machine_load(struct nb_machine *m, const char *file, struct err *e);
/* api.c */
void error_out(struct nb_error *to, const struct err *e);

#endif
