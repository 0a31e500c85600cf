/* SPDX-License-Identifier: MIT */
/* Whole machines for tests, made through include/nestbox.h. Their firmware is a few bytes of ours, so
 * that no package is needed, except where a test wants SeaBIOS. */
#ifndef NB_TESTS_MACHINE_RIG_H
#define NB_TESTS_MACHINE_RIG_H

#include <check.h>

#include "core/types.h"
#include "include/nestbox.h"

/* A folder of the test's own, for fixtures. */
void rig_folder_new(void);
void rig_folder_remove(void);
/* Path of a file in it; the buffers go round. */
const char *rig_path(const char *name);
const char *rig_write(const char *name, const void *data, size_t len); /* returns its path */
u8 *rig_read(const char *path, size_t *len);                           /* free() it */

/* A configuration with counted clock, 2 MB, and `code` as BIOS: it starts at F000:0. Pairs of key and
 * value follow, ending with NULL. */
struct nb_config *rig_config(const u8 *code, size_t len, const char *const *pairs);
struct nb_machine *rig_machine(const u8 *code, size_t len, const char *const *pairs);
void rig_set(struct nb_config *cfg, const char *key, const char *value); /* must be right */

u32 rig_reg(struct nb_machine *m, const char *name);
u32 rig_mem32(struct nb_machine *m, u32 addr); /* physical */
u32 rig_pci32(struct nb_machine *m, unsigned devfn, unsigned off);

/* Real mode: timers, serial port, keyboard, disk and RTC interrupts, picture, x87, a PIO disk. It counts
 * IRQ0, IRQ1 and IRQ8 in dwords at 50Ch, 514h and 51Ch, rounds at 500h. */
extern const u8 guest_busy[];
extern const size_t guest_busy_len;
enum { BUSY_PAUSE = 0x16b }; /* a NOP in the loop: F4 there makes it halt each round */

/* Reports the CMOS shutdown code by isa-debug-exit, then changes what it can and resets. */
extern const u8 guest_reset[];
extern const size_t guest_reset_len;
enum {
    RESET_CODE = 0xc3,   /* the shutdown code that it writes */
    RESET_METHOD = 0xc7, /* enum reset_by */
};
enum reset_by { BY_PORT92, BY_KBC, BY_CF9_06, BY_CF9_04, BY_CF9_0E, BY_TRIPLE, NUM_RESET_BY };

#endif
