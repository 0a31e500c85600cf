/* SPDX-License-Identifier: MIT */
/* Registers as gdb numbers them. */
#ifndef NB_FRONTEND_GDB_REGS_H
#define NB_FRONTEND_GDB_REGS_H

#include "frontend/text.h"
#include "include/nestbox.h"

unsigned gdb_num_regs(void);
unsigned gdb_num_g_regs(void); /* those of the g packet come first */
unsigned gdb_reg_size(unsigned n); /* bytes in the protocol, at most 16; 0: no such register */
/* [machine] to/from gdb_reg_size(n) bytes. */
void gdb_reg_read(struct nb_machine *m, unsigned n, uint8_t *to);
bool gdb_reg_write(struct nb_machine *m, unsigned n, const uint8_t *from);
/* The target description. */
void gdb_target_xml(struct text *out);

#endif
