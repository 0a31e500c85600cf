/* SPDX-License-Identifier: MIT */
/* The chip test bench: one chip (or a few) on empty buses with a counted clock that only the test
 * moves. A test is a tiny driver: out8, in8, step_ns, wire. */
#ifndef NB_TESTS_DEV_RIG_H
#define NB_TESTS_DEV_RIG_H

#include <check.h>

#include "core/block.h"
#include "core/chardev.h"
#include "core/device.h"
#include "core/display.h"
#include "core/input.h"

#define RIG_MAX_DEVICES 8

struct rig {
    struct system sys;
    struct log log;
    struct space mem, io;
    struct ram ram;
    struct clock clock;
    u64 retired;                 /* the clock's source: step_ns adds to it */
    struct device *dev[RIG_MAX_DEVICES];
    unsigned num_devices;
    struct rig_probe { struct rig *rig; const char *name; int level; u32 edges_up, edges_down; } probes[64];
    unsigned num_probes;
    u32 requests[8];             /* count per enum system_request */
    int last_request_arg;
    struct region ram_region;
    char log_text[65536];        /* all log lines of the test */
    size_t log_len;
};

/* 2 MB of RAM at 0, all classes' defaults; opts "iobase=0x40,mode=2". Fails the test on error. */
struct rig *rig_new(const char *cls, const char *opts);
struct rig *rig_empty(void);                       /* buses only */
struct device *rig_add(struct rig *r, const char *cls, const char *id, const char *opts);
/* Backends must be set before init: rig_make, set, rig_start. */
struct device *rig_make(struct rig *r, const char *cls, const char *id, const char *opts);
void rig_start(struct rig *r, struct device *dev); /* init, probes on all outputs, power-on reset */
void rig_free(struct rig *r);

u8 in8(struct rig *r, u32 port);
u16 in16(struct rig *r, u32 port);
u32 in32(struct rig *r, u32 port);
void out8(struct rig *r, u32 port, u8 v);
void out16(struct rig *r, u32 port, u16 v);
void out32(struct rig *r, u32 port, u32 v);
u8 mem8(struct rig *r, paddr a);                   /* a CPU read, with side effects */
u32 mem32(struct rig *r, paddr a);
void memw8(struct rig *r, paddr a, u8 v);
void memw32(struct rig *r, paddr a, u32 v);
u8 *rig_ram(struct rig *r, u32 addr);              /* pointer to guest RAM */
/* Moves time by ns, firing each timer at its own deadline. */
void step_ns(struct rig *r, u64 ns);
u64 now_ns(struct rig *r);
/* Level of an output pin ("out2"); of device `id` if the rig has several: "pit.out2". */
int wire(struct rig *r, const char *pin);
u32 wire_rises(struct rig *r, const char *pin);    /* rising edges since the start */
void drive(struct rig *r, const char *pin, int level); /* an input pin */
void rig_reset(struct rig *r, enum reset_kind kind);
/* Saves all devices, makes fresh ones, loads: state must be equal (snap_diff), outputs too.
 * Returns the rig with the new instances; a difference fails the test. */
void rig_snapshot_roundtrip(struct rig *r);
bool rig_log_has(struct rig *r, const char *text);

#endif
