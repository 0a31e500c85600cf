/* SPDX-License-Identifier: MIT */
/* Two results of one case: do they agree, and if not, where; as text, too. */
#ifndef NB_LAB_COMPARE_H
#define NB_LAB_COMPARE_H

#include "lab/lab.h"
#include "lab/masks.h"

enum lab_difference {
    LD_STATUS = 1, LD_VECTOR = 2, LD_ERROR = 4, LD_CR2 = 8, LD_GPR = 16, LD_EIP = 32, LD_FLAGS = 64,
    LD_SEG = 128, LD_MEM = 256, LD_FPU = 512, LD_XMM = 1024,
    LD_RESTART = 2048, LD_MXCSR = 4096,
};

/* Bits of lab_difference; 0: they agree. */
u32 lab_compare(const struct lab_case *c, const struct lab_result *a, const struct lab_result *b);
/* The same with the caller's lookup of the instruction table, which sequences need. */
struct isa;
u32 lab_compare_by(const struct isa *isa, const struct lab_case *c, const struct lab_result *a,
                   const struct lab_result *b);
/* Of two engines of ours that compute on the same unit: bit by bit, with what the manual calls
 * undefined and what processors keep as they like (the x87's pointers). */
u32 lab_compare_exact(const struct lab_case *c, const struct lab_result *a,
                      const struct lab_result *b);
/* LD_RESTART if a fault at the case's start left anything changed: for our own engines. */
u32 lab_check_restart(const struct lab_case *c, const struct lab_result *r);
void lab_print_difference(struct strbuf *sb, u32 diff);
/* Bytes, disassembly, state before, both results. */
void lab_print_case(struct strbuf *sb, const struct lab_case *c);
void lab_print_result(struct strbuf *sb, const struct lab_case *c, const char *engine,
                      const struct lab_result *r);
extern const char lab_gpr_name[8][4];
extern const char lab_sreg_name[6][3];

#endif
