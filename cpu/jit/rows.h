/* SPDX-License-Identifier: MIT */
/* Which template translates a row of isa.def. A row that is not named here goes to its handler. */
#ifndef NB_CPU_JIT_ROWS_H
#define NB_CPU_JIT_ROWS_H

#include "cpu/insn.h"

/* The low nibble is a number that the template wants: /n, or a condition; of T_FP rows it says
 * which template. */
enum {
    T_HANDLER = 0,
    T_ALU = 0x10,    /* ADD OR ADC SBB AND SUB XOR CMP */
    T_TEST = 0x20,
    T_UNARY = 0x30,  /* INC 0, DEC 1, NOT 2, NEG 3 */
    T_SHIFT = 0x40,  /* by an immediate: /n of group 2 */
    T_SHIFT_CL = 0x50, /* by CL, where the flags do not matter */
    T_MOV = 0x60,
    T_EXTEND = 0x70, /* low opcode byte's bits: B6 0, B7 1, BE 8, BF 9 */
    T_LEA = 0x80,
    T_PUSH = 0x90,
    T_POP = 0xa0,
    T_SETCC = 0xb0,
    T_CMOV = 0xc0,
    T_JCC = 0xd0,
    T_FLOW = 0xe0,   /* JMP 0, CALL 1, JMP ind 2, CALL ind 3, RET 4 */
    T_MISC = 0xf0,   /* XCHG 0, CBW 1, CWD 2, BSWAP 3, SAHF 4, NOP 6, LEAVE 7; MUL 8, IMUL 9,
                        IMUL r,r/m 10, IMUL by imm 11; SHLD 12, SHRD 13 by imm, by CL 14, 15 */
    T_FP = 0x100,    /* x87, MMX, SSE */
    T_FP_SIMD = T_FP, /* the host's instruction, registers and memory operand mapped */
    T_FP_APPROX,     /* the same, but our own function where time is counted */
    T_FP_COMIS,      /* the same, EFLAGS written */
    T_FP_EMMS,
    T_FP_LDMXCSR,
    T_FP_STMXCSR,
    T_FP_X87,        /* the host's instruction; leaves FIP, FDP and FOP */
    T_FP_FUNCTION,   /* the same, but our own function where time is counted */
    T_FP_FCMOV,      /* the same, EFLAGS read */
    T_FP_FCOMI,      /* the same, EFLAGS written */
    T_FP_CONTROL,    /* without the pointers */
    T_FP_FLDCW,
    T_FP_FNSTCW,
    T_FP_NOTHING,    /* WAIT, with nothing to wait for */
};

insn_fn *jit_load_handler(unsigned size); /* MOV r, m of 1, 2 or 4 bytes */
insn_fn *jit_push_handler(void);          /* PUSH r32 */

u16 *jit_rows(void); /* one class a row; xfree() it */

#endif
