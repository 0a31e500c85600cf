/* SPDX-License-Identifier: MIT */
/* The instruction table: one row per encoding (isa.def), read by the decoder, the interpreter, the
 * translator, the disassembler check, the lab's generator and the coverage report. */
#ifndef NB_CPU_ISA_H
#define NB_CPU_ISA_H

#include "cpu/insn.h"

/* Opcode maps. */
enum isa_map {
    MAP_1,  /* one byte */
    MAP_2,  /* 0F xx */
    MAP_FM, /* D8..DF with a memory operand; ext = reg field */
    MAP_FR, /* D8..DF, register form; ext = reg field, ST(i) in rm */
    MAP_FX, /* D8..DF, one exact ModRM byte (in `modrm`) */
    MAP_2X, /* 0F 01, one exact ModRM byte */
};

/* Operand letters of SDM 2D, appendix A. The low nibble is a size letter. */
enum isa_opsize { OZ_NONE, OZ_B, OZ_W, OZ_D, OZ_V /* 16/32 */, OZ_Q, OZ_T /* 10 bytes */, OZ_DQ, OZ_X /* other */ };
enum isa_opkind {
    OK_NONE,
    OK_E,    /* ModRM r/m: register or memory */
    OK_G,    /* ModRM reg */
    OK_M,    /* r/m, memory only (else #UD) */
    OK_R,    /* r/m, register whatever mod says (MOV CR/DR) */
    OK_RM,   /* r/m, register only (else #UD) */
    OK_I,    /* immediate of its size (z: 16/32 by operand size) */
    OK_SI,   /* sign-extended 8-bit immediate */
    OK_J,    /* relative branch: imm is the sign-extended displacement */
    OK_O,    /* moffs: effective address without ModRM */
    OK_A,    /* far pointer immediate */
    OK_Z,    /* register in opcode bits 2:0 */
    OK_S,    /* segment register in reg */
    OK_C,    /* control register */
    OK_D,    /* debug register */
    OK_REG,  /* fixed general register; number in bits 11:8 */
    OK_SREG, /* fixed segment register; number in bits 11:8 */
    OK_ONE,  /* the constant 1 */
    OK_CL,   /* CL as a count */
    OK_DX,   /* DX as a port */
    OK_X,    /* DS:eSI (segment prefix applies) */
    OK_Y,    /* ES:eDI */
    OK_STI,  /* ST(i), i in rm */
    OK_P, OK_Q,  /* MMX register in reg; MMX register or memory in r/m */
    OK_VX, OK_W, /* XMM register in reg; XMM register or memory in r/m */
    OK_N, OK_U,  /* MMX, XMM register in r/m (memory: #UD) */
};
#define OPD(kind, size) ((OK_##kind << 4) | OZ_##size)
#define OPD_REG(n, size) (((n) << 12) | (OK_REG << 4) | OZ_##size)
#define OPD_SREG(n) (((n) << 12) | (OK_SREG << 4) | OZ_W)
#define OPD_KIND(o) (((o) >> 4) & 0xff)
#define OPD_SIZE(o) ((o) & 0xf)
#define OPD_NUM(o) ((o) >> 12)

/* Checks that decoding makes into another handler, or that the handler makes itself. */
enum isa_check {
    CHK_CPL0 = 1,  /* #GP(0) above CPL 0 (V86 included) */
    CHK_PROT = 2,  /* #UD in real and V86 mode */
    CHK_SELF = 4,  /* the handler checks (IOPL, I/O bitmap, CR4 bits): SDM page of the row */
};

enum isa_attr {
    A_LOCK = 1,    /* LOCK is legal with a memory destination */
    A_END = 2,     /* ends a block: branches, mode changes, interrupt-flag changes, serialising */
    A_REP = 4,     /* string instruction, F3 repeats */
    A_REPC = 8,    /* string compare, F3/F2 repeat while ZF = 1/0 */
    A_FPU = 16,    /* x87: #NM by CR0.EM/TS */
    A_WAIT = 32,   /* WAIT: #NM by CR0.MP and TS */
    A_MMX = 64,    /* #UD by EM, #NM by TS; the handler raises a pending #MF */
    A_SSE = 128,   /* #UD by EM or !OSFXSR, #NM by TS */
    A_IO = 256,    /* reaches the port space */
    A_PRIV = 512,  /* the host cannot run it in user mode (lab) */
    A_EIP = 1024,  /* only moves EIP (coverage: listed apart) */
    A_NOFLOW = 2048, /* result depends on machine state the lab cannot set (RDTSC, CPUID, SLDT ...) */
    A_MODD64 = 4096, /* operand size of near branches and stack: as the mode (reserved) */
    A_MEMSIZE = 8192,/* size of a memory operand is the handler's (FSAVE, BOUND, ...) */
    A_ALIGN16 = 16384, /* #GP(0) where a 16-byte memory operand is misaligned; the handler checks */
};

enum isa_feature {
    FEAT_8086, FEAT_186, FEAT_286, FEAT_386, FEAT_486, FEAT_FPU, FEAT_PENTIUM, FEAT_CX8, FEAT_TSC,
    FEAT_MSR, FEAT_P6, FEAT_CMOV, FEAT_FCMOV, FEAT_SEP, FEAT_MMX, FEAT_FXSR, FEAT_SSE, FEAT_SSE2,
    FEAT_SSE3, FEAT_CLFLUSH, FEAT_MONITOR, FEAT_PMC,
    FEAT_NUM
};

/* Mandatory prefix: part of the opcode of MMX and SSE rows. The last F3 or F2 decides, else 66 (which
 * then is an operand size prefix to these rows, too, but none of theirs depends on that). A row of
 * PFX_ANY stands where no other row has the very prefix. */
enum isa_pfx { PFX_NONE, PFX_66, PFX_F3, PFX_F2, PFX_ANY };

/* Handlers of a row, by operand size and by the kinds of its first two operands. */
enum isa_form {
    FORM_N, FORM_R, FORM_M, FORM_I, FORM_RR, FORM_RM, FORM_MR, FORM_RI, FORM_MI,
    /* added to one of them: a faster handler for MODE_FLAT and MODE_B, 32-bit addresses, and ES, SS or
     * DS; with FORM_FLATX also where there is an index register. Few rows have any. */
    FORM_FLAT,
    FORM_FLATX = 2 * FORM_FLAT,
    /* the same: registers alone, nothing that could fault; flags that are written may be left as they
     * were, or be anything (drop_dead_flags) */
    FORM_PURE = 3 * FORM_FLAT,
    FORM_NUM = 4 * FORM_FLAT,
};
struct hset {
    insn_fn *fn[3][FORM_NUM]; /* [0] 8-bit, [1] 16-bit, [2] 32-bit */
};
/* A set with one handler for every size and form. */
#define HSET_ONE(f) { { { f, f, f, f, f, f, f, f, f }, { f, f, f, f, f, f, f, f, f }, { f, f, f, f, f, f, f, f, f } } }

struct isa_row {
    const char *name;    /* mnemonic, as in the SDM */
    u8 map, op;
    i8 ext;              /* ModRM reg field, -1: any */
    u8 modrm;            /* MAP_FX, MAP_2X */
    u8 pfx;              /* PFX_x */
    u16 o[3];
    char efl[7];         /* OF SF ZF AF PF CF: m modified, t tested, 0/1 set, u undefined, - untouched;
                            M: modified by a count or condition, old value else (tested too) */
    u8 chk, feat;
    u16 attr;
    const struct hset *hs;
};

struct isa; /* the lookup made from the table; read-only once made */
const struct isa *isa_new(u32 features);     /* rows of absent features decode as undefined */
void isa_free(const struct isa *isa);
unsigned isa_num_rows(void);
const struct isa_row *isa_row(unsigned n);

/* ---- decoder */
struct decoded {
    struct insn in;      /* fn is NULL until bound */
    const struct isa_row *row; /* NULL: undefined opcode */
    u8 opcode, map, mod, reg, rm;
    u8 lock, rep;        /* rep: 0, F2 or F3, the last one seen */
    u8 osize;            /* 66 was seen */
    u8 num_prefixes;
    u8 seg_prefix;       /* S_x or 0xff */
    u8 size;             /* 0, 1, 2: index into hset */
    u8 form;
    insn_fn *pure;       /* FORM_PURE's handler, or NULL */
    u8 imm_off, disp_off;/* offsets of these fields in the bytes, 0 if none */
};
enum decode_status {
    DECODE_OK,       /* row may still be NULL: #UD, length counts what was read */
    DECODE_MORE,     /* needs bytes beyond `len` */
    DECODE_TOO_LONG, /* more than 15 bytes: #GP(0) */
};
/* Decodes from `len` bytes (at most 15 are read). mode: MODE_D only. No memory access, no
 * semantics; the result does not depend on EIP, so that one block serves all its mappings. */
enum decode_status isa_decode(const struct isa *isa, const u8 *code, unsigned len, u32 mode,
                              struct decoded *d);
/* Chooses d->in.fn: the row's handler, or the fault that mode, CPL and prefixes call for. */
void isa_bind(struct decoded *d, u32 mode);

#endif
