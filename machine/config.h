/* SPDX-License-Identifier: MIT */
/* What the caller asked for, as checked values: the meaning of each key of nb_config_set(). */
#ifndef NB_MACHINE_CONFIG_H
#define NB_MACHINE_CONFIG_H

#include "core/block.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/types.h"
#include "host/blk.h"

#define CONFIG_MAX_DRIVES 8
#define CONFIG_MAX_SERIAL 4
#define CONFIG_MAX_PARALLEL 2
#define CONFIG_MAX_PATHS 8
#define CONFIG_MIN_RAM_MB 1u
#define CONFIG_MAX_RAM_MB 3584u /* below the PCI hole at E0000000h */

enum drive_if { DRIVE_IDE, DRIVE_FLOPPY, DRIVE_NONE };

struct drive_config {
    enum drive_if iface;
    unsigned index;       /* IDE: channel * 2 + unit; floppy: unit */
    bool cdrom;
    char *file;           /* NULL: no medium */
    const u8 *builtin;    /* the built-in disk instead of a file */
    u32 builtin_len;
    bool snapshot, read_only;
    enum block_policy werror, rerror;
    enum blk_cache cache;
    bool discard;
    char *serial, *id;    /* id: the user's name for it, or NULL */
};

/* -device ide-hd,drive=ID: where a drive with if=none goes */
struct drive_plug {
    enum drive_if iface;
    bool cdrom;
    int index;            /* -1: the first that is free */
    bool any_unit;        /* of the bus that index begins */
    char *drive, *serial;
};

/* -device VGA; 0: as the card has it */
struct vga_config {
    u32 mem_mb, xres, yres;
    bool no_edid;
};

struct config {
    char *board, *cpu, *name;
    bool has_uuid;
    u8 uuid[16];          /* in the order of its text; all zero when not given */
    u32 ram_mb;
    struct drive_config drives[CONFIG_MAX_DRIVES];
    unsigned num_drives;
    struct drive_plug plugs[CONFIG_MAX_DRIVES];
    unsigned num_plugs;
    bool snapshot_all;
    char boot_order[8], boot_once[8];
    bool boot_menu;
    i64 boot_menu_ms, boot_retry_ms; /* how long the firmware waits; -1: its own ideas */
    char *kernel, *initrd, *append;
    char *bios, *vgabios;
    char *paths[CONFIG_MAX_PATHS];
    unsigned num_paths;
    char *serial[CONFIG_MAX_SERIAL];
    unsigned num_serial;
    char *parallel[CONFIG_MAX_PARALLEL];
    unsigned num_parallel;
    char *debugcon;
    u32 debugcon_base;
    bool testexit;
    u32 testexit_base, testexit_size;
    bool no_vga;
    struct vga_config vga;
    bool rtc_local;
    bool rtc_fixed;
    bool rtc_vm;          /* -rtc clock=vm or rt: the RTC stands while the machine does */
    i64 rtc_date;         /* seconds since 1970 when rtc_fixed */
    enum clock_source clock;
    u32 ns_per_insn;
    double speed_mips;
    u64 seed, stop_at;
    bool no_reboot, no_shutdown, hash;
    bool tlb_coherent;    /* see cpu.h */
    bool perfmap;         /* names of translations for Linux's perf */
    bool check;           /* both engines, each block compared; jit is set, too */
    bool jit;             /* translate; the interpreter alone if the host allows no such memory */
    bool views;           /* the translator's: see cpu/view.h */
    u32 views_hot;        /* after so many runs of a block */
    u32 log_mask;
    u64 log_limit;                    /* bytes; 0: none */
    struct { u32 first, last; } log_range[16];
    unsigned num_log_ranges;
    char *loadvm;
    void (*log_fn)(void *to, const char *line);
    void *log_to;
};

struct config *config_new(void);
void config_free(struct config *c);
struct config *config_copy(const struct config *c);
bool config_set(struct config *c, const char *key, const char *value, struct err *e);
/* "512", "512M", "2G", "640K": bytes, `unit` without a suffix. */
bool config_size(const char *text, u64 unit, u64 *bytes);
/* config_drive.c */
struct options;
bool config_plain_drive(struct config *c, enum drive_if iface, unsigned index, bool cdrom,
                        const char *file, struct err *e);
bool config_drive(struct config *c, const char *value, struct err *e);
bool config_plug_drive(struct config *c, const struct options *o, struct err *e);
/* Drives with if=none go where their -device says: once, when all is known. */
bool config_attach(struct config *c, struct err *e);
/* config_vga.c */
bool config_vga(struct config *c, const struct options *o, struct err *e);

bool config_log_mask(const char *items, u32 *mask, bool *hash, struct err *e);

#endif
