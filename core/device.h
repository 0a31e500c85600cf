/* SPDX-License-Identifier: MIT */
/* What a chip is: one `const struct device_class`, created, wired, reset and saved by tables.
 *
 * Order of life: init all (allocate, declare regions) -> wire all (the board's table) ->
 * reset(RESET_POWER_ON) all -> run -> close all in reverse. init never touches another device;
 * reset never allocates. Everything here runs on the machine thread. */
#ifndef NB_CORE_DEVICE_H
#define NB_CORE_DEVICE_H

#include "core/bus.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/irq.h"
#include "core/log.h"
#include "core/ram.h"
#include "core/snap.h"
#include "core/strbuf.h"
#include "core/types.h"

struct device;
struct pci_bus;
struct block;
struct chardev;
struct display;
struct input;
struct isa_dma;

enum system_request {
    SYSTEM_RESET,     /* power-on reset (CF9, 8042 and port 92h without a shutdown code) */
    SYSTEM_INIT,      /* CPU reset only (port 92h, 8042 FEh, triple fault): the machine decides by
                         CMOS 0Fh whether it becomes a power-on reset */
    SYSTEM_POWER_OFF, /* soft-off */
    SYSTEM_EXIT,      /* isa-debug-exit: arg is the process's exit code */
    SYSTEM_SUSPEND,   /* S3 */
    SYSTEM_A20,       /* arg: level of the A20 gate */
    SYSTEM_NMI,
};

/* What a device can reach: made once per machine (or per test rig). */
struct system {
    struct space *mem, *io;
    struct clock *clock;
    struct log *log;
    struct ram *ram;
    /* Requests to the machine: taken at the end of the current instruction. */
    void (*request)(void *machine, enum system_request what, int arg);
    void *machine;
    /* Wall clock at guest time 0: seconds since 1970 in the guest's zone (RTC start value). */
    i64 rtc_base;
    /* Buses between chips; each is filled by its provider's init (board order: providers first). */
    struct isa_dma *isa_dma; /* devices/isa_dma.h, by the i8237s */
    struct pci_bus *pci;     /* devices/pci.h, by the host bridge */
};

enum reset_kind {
    RESET_POWER_ON, /* power-on, CF9, hard reset: every register to its data sheet's reset value */
    RESET_INIT,     /* the CPU alone is reset; chips are not called with it */
    RESET_WAKE,     /* S3 wake: RAM and PAM kept */
};

enum prop_kind { PROP_U32, PROP_BOOL, PROP_STR, PROP_BLOCK, PROP_CHARDEV, PROP_DISPLAY, PROP_INPUT };

struct prop {
    const char *name;
    enum prop_kind kind;
    u32 offset;        /* of the member: u32, bool, const char *, struct block *, ... */
    u32 def;           /* default of u32 and bool */
    const char *def_str;
    const char *help;
};

enum pin_dir { PIN_OUT, PIN_IN };

struct pin {
    const char *name;   /* referred to as "name" (count 1) or "name3" (count > 1) in boards */
    enum pin_dir dir;
    u32 count;
    u32 offset;         /* PIN_OUT: of the first struct wire */
    wire_fn *input;     /* PIN_IN: called with the device, the index and the level */
};

/* Register list of the chip's data sheet: every register is in it, modelled or not. A test
 * reads it (tests/dev/test_regs.c). */
enum reg_access { REG_RO, REG_WO, REG_RW, REG_W1C, REG_MIXED };

struct reg_doc {
    const char *name;   /* the data sheet's name */
    const char *where;  /* "io+0", "pci 40h", "index 0Ah": as the data sheet gives it */
    enum reg_access access;
    bool modelled;
    const char *note;   /* what is not modelled, and why; NULL if all is */
};
#define REG_END { NULL, NULL, REG_RO, false, NULL }

struct device_class {
    const char *name;   /* "i8254" */
    const char *desc;   /* "Intel 8254 programmable interval timer" */
    size_t size;        /* of the instance; its first member is struct device */
    const struct prop *props;   /* ends with name == NULL; may be NULL */
    const struct pin *pins;     /* likewise */
    const struct reg_doc *regs; /* likewise */
    bool (*init)(struct device *dev, struct err *e);
    void (*reset)(struct device *dev, enum reset_kind kind);
    void (*close)(struct device *dev); /* may be NULL */
    const struct field *fields;        /* NULL: no state */
    u32 version;                       /* of the field table; from 1 */
    bool (*post_load)(struct device *dev, struct err *e); /* range checks, derived state, outputs */
    void (*pre_save)(struct device *dev);  /* finish host work in flight */
    void (*info)(struct device *dev, struct strbuf *sb);  /* `info NAME`; NULL: field dump */
    bool is_pci;        /* the instance starts with struct pci_device (devices/pci.h) */
};

#define DEVICE_MAX_REGIONS 12

struct device {
    const struct device_class *cls;
    const char *id;     /* "pit": unique on a board */
    struct system *sys;
    struct region regions[DEVICE_MAX_REGIONS]; /* not saved: follow from registers */
    unsigned num_regions;
};

/* Creates an instance: zeroed, properties at their defaults. Then set properties, then init. */
struct device *device_new(const struct device_class *cls, const char *id, struct system *sys);
bool device_set(struct device *dev, const char *prop, const char *value, struct err *e);
bool device_set_ptr(struct device *dev, const char *prop, void *backend, struct err *e);
bool device_init(struct device *dev, struct err *e);
void device_free(struct device *dev); /* close, unmap its regions, release */

/* For init(): declares an I/O region and maps it (ports in sys->io). The region belongs to dev.
 * Overlap is an error of the board and fails init. */
struct region *device_io(struct device *dev, const char *name, u32 base, u32 size,
                         const struct region_ops *ops, struct err *e);
/* The same with a priority of its own (PRIO_PORT_OVER). */
struct region *device_io_prio(struct device *dev, const char *name, u32 base, u32 size, int prio,
                              const struct region_ops *ops, struct err *e);
struct region *device_mmio(struct device *dev, const char *name, paddr base, u64 size, int prio,
                           const struct region_ops *ops, struct err *e);

/* "out" or "out2": NULL if there is none. */
struct wire *device_out(struct device *dev, const char *pin);
bool device_in(struct device *dev, const char *pin, struct wire *to);
/* Connects an output of a to an input of b. An output drives one input (use or_gate for more). */
bool device_connect(struct device *a, const char *out, struct device *b, const char *in,
                    struct err *e);

/* Save and load one device: pre_save, the section named by its id, post_load. */
bool device_save(struct device *dev, struct snap_out *out, struct err *e);
bool device_load(struct device *dev, struct snap_in *in, struct err *e);

/* All classes, by name (devices/list.def). */
extern const struct device_class *const device_classes[]; /* ends with NULL */
const struct device_class *device_class_find(const char *name);

#endif
