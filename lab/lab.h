/* SPDX-License-Identifier: MIT */
/* The instruction lab: one case runs on several engines and the results are compared.
 *
 * A case is some bytes of code, the state before, and patches of memory; a result is the state
 * behind the code, or the fault that stopped it. Every engine lays out memory and segments as
 * below, at CPL 3 with paging, so that a case means the same everywhere. Memory that no patch
 * touches holds lab_fill(address); code pages hold CCh. A case ends when EIP reaches its end
 * (where a few bytes of the harness lie: LAB_PAD), with a fault, or where a branch lands on a
 * CCh. */
#ifndef NB_LAB_LAB_H
#define NB_LAB_LAB_H

#include "core/err.h"
#include "core/strbuf.h"
#include "core/types.h"

/* ---- memory: linear addresses, page by page (lab/env.c has the table) */
enum {
    LAB_CODE = 0x10000000, /* pages 0, 1: code, not writable */
    LAB_DATA = 0x20000000, /* page 0 missing; 1, 2: read-write; 3: read-only; 4 missing */
    LAB_STACK = 0x30000000,/* page 0 missing; 1, 2: read-write; 3 missing */
    LAB_PAGES = 7,
    LAB_WRITABLE = 4,      /* the first four of lab_pages can be written */
    LAB_START = 0x800,     /* where code usually starts, from LAB_CODE */
    LAB_PAD = 8,           /* bytes behind the code that belong to the harness */
    LAB_MAX_CODE = 256,
};
struct lab_page { u32 la; bool write, exec; };
extern const struct lab_page lab_pages[LAB_PAGES];
/* Index of the page, or -1 for a missing one. */
int lab_page_of(u32 la);

static inline u8 lab_fill(u32 la) { return (u8)((la * 0x9e3779b1u) >> 24); }

/* ---- segments: the flat ones of a 64-bit Linux process, and an LDT of ours */
enum {
    SEL_CODE32 = 0x23, SEL_DATA32 = 0x2b, /* flat */
    SEL_LONG = 0x33,                      /* 64-bit code: never in a case */
    LDT_CODE32 = 0x07, LDT_CODE16 = 0x0f, LDT_DATA32 = 0x17, LDT_DATA16 = 0x1f, LDT_STACK32 = 0x27,
    LDT_STACK16 = 0x2f, LDT_RO = 0x37, LDT_DOWN32 = 0x3f, LDT_DOWN16 = 0x47, LDT_XONLY = 0x4f,
    LDT_ABSENT = 0x57, LDT_CODE_PAGED = 0x5f, LDT_CUT = 0x67, LDT_CODE_ABSENT = 0x6f,
    LDT_STACK_DOWN = 0x77, LDT_PAGED = 0x7f, LDT_CODE_CUT = 0x87,
    LAB_LDT_LEN = 17, LDT_BEYOND = 0x8f,
};
struct lab_seg {
    const char *name;
    u32 base, limit;      /* limit as in the descriptor */
    u8 type;              /* type nibble, accessed bit set */
    bool big, pages, absent;
};
extern const struct lab_seg lab_ldt[LAB_LDT_LEN];
u32 lab_seg_limit(const struct lab_seg *s); /* in bytes */
/* Base, limit in bytes and attributes (descriptor bits 55:40) of a selector that exists. */
bool lab_seg_of(u16 sel, u32 *base, u32 *limit, u16 *attr);

enum { LS_ES, LS_CS, LS_SS, LS_DS, LS_FS, LS_GS };

/* ---- state, case, result */
enum { LG_EAX, LG_ECX, LG_EDX, LG_EBX, LG_ESP, LG_EBP, LG_ESI, LG_EDI };

/* What a user-mode program sees of EFLAGS, and what a case may set (IF is always 1). */
enum {
    LAB_FLAGS_SEEN = 0x003c4fd5 | 0x200 | 0x3000, LAB_FLAGS_SETTABLE = 0x00244dd5,
    LAB_FLAGS_FIXED = 0x202, LAB_ARITH = 0x8d5,
};

/* x87, MMX and SSE state is an FXSAVE image (SDM 1, 10.5.1): these fields of it. Registers are
 * stored from ST(0) on; MMX register n is the low half of physical register n. */
enum {
    FX_CW = 0, FX_SW = 2, FX_TAG = 4, FX_OP = 6, FX_IP = 8, FX_CS = 12, FX_DP = 16, FX_DS = 20,
    FX_MXCSR = 24, FX_MASK = 28, FX_ST = 32, FX_XMM = 160, FX_USED = 288, FX_SIZE = 512,
    FX_MXCSR_KNOWN = 0xffff, /* no case sets others */
};
static inline unsigned fx_top(const u8 *fx) { return ld16(fx + FX_SW) >> 11 & 7; }
static inline u8 *fx_phys(u8 *fx, unsigned n) { return fx + FX_ST + 16 * ((n - fx_top(fx)) & 7); }
enum { USE_X87 = 1, USE_SSE = 2 }; /* lab_case.use_fx; either loads and compares all of it */

struct lab_regs {
    u32 gpr[8];
    u32 eip, eflags;
    u16 sreg[6];
    u16 pad[2];
};

struct lab_patch { u32 la; u8 len; u8 data[39]; };
enum { LAB_MAX_PATCH = 4 };

struct lab_case {
    struct lab_regs in;
    u8 code[LAB_MAX_CODE];
    u16 len;             /* of code */
    u16 row;             /* of isa.def: of the first instruction */
    u8 form, size;       /* as decoded */
    u8 bits;             /* 16 or 32 */
    u8 use_fx;           /* USE_x: x87, MMX and SSE state is set and compared */
    u8 num_patches;
    u8 insns;            /* of a sequence; 0: one instruction */
    struct lab_patch patch[LAB_MAX_PATCH];
    u64 seed, index;     /* where it came from */
    u8 fx[FX_SIZE];
};

enum lab_status {
    LAB_DONE,    /* eip is behind the code or where it branched to */
    LAB_FAULT,
    LAB_HANG,    /* cut by the timer (host) or the budget (interpreter) */
    LAB_SYSCALL, /* the code made a system call */
    LAB_DIED,    /* the child ended */
};

/* What came of a case, as coverage counts it: done, or the kind of fault. */
enum lab_class {
    LC_DONE, LC_DE, LC_DB, LC_BP, LC_OF, LC_BR, LC_UD, LC_NP, LC_SS, LC_GP,
    LC_PF_READ, LC_PF_WRITE,
    LC_PF_SECOND, /* found on the second page of an access that crosses into it */
    LC_PF_FETCH, LC_AC, LC_MF, LC_XM,
    LC_OTHER,     /* hang, system call, lost child, any other vector */
    LC_NUM
};
struct lab_result;
enum lab_class lab_class_of(const struct lab_result *r);
extern const char *const lab_class_name[LC_NUM];

struct lab_word { u32 la, val; };
enum { LAB_MAX_WORDS = 288 };

struct lab_result {
    struct lab_regs out; /* at a fault: as the fault's frame has it */
    u8 status, vec;
    bool has_err;
    u32 err, cr2;        /* cr2: page faults only */
    u32 num_words;       /* dwords of memory that differ from before; may exceed LAB_MAX_WORDS */
    u64 hash;            /* of all of them */
    struct lab_word word[LAB_MAX_WORDS];
    u8 fx[FX_SIZE];
};

/* ---- engines */
struct lab_engine {
    const char *name;
    /* Starts the run of n cases (n <= LAB_BATCH) and may return before it is done. */
    void (*start)(struct lab_engine *e, const struct lab_case *cases, unsigned n);
    /* Waits for it; the results stay valid until the next start. */
    const struct lab_result *(*wait)(struct lab_engine *e);
    void (*close)(struct lab_engine *e);
};
enum { LAB_BATCH = 512 };

/* NULL with a message where the host cannot do it. */
struct lab_engine *lab_host_open(struct err *e);
struct lab_engine *lab_interp_open(struct err *e);
struct lab_engine *lab_interp_soft_open(struct err *e);
struct lab_engine *lab_jit_open(bool views, struct err *e); /* the translator; its tier 2 */
struct lab_engine *lab_engine_open(const char *name, struct err *e);
/* "vendor family/model/stepping, brand" of this machine's CPU. */
void lab_host_name(char *out, size_t size);
bool lab_host_is_amd(void);

/* ---- shared helpers (lab/env.c) */
bool lab_vector_has_error(unsigned vec);
/* Memory before and after, for engines: `now` and `before` are the LAB_WRITABLE pages. */
void lab_collect(struct lab_result *r, const u8 *now, u8 *before);
/* Applies the patches to a view of pages by index, or takes them back. */
void lab_apply(const struct lab_case *c, u8 *const page[LAB_PAGES]);
void lab_unapply(const struct lab_case *c, u8 *const page[LAB_PAGES]);
void lab_fill_page(u8 *page, unsigned n);
/* The harness's bytes behind the code: a far jump to `to`. */
unsigned lab_pad(u8 out[LAB_PAD], unsigned bits, u32 to, u16 sel);
/* A trap at a CCh that the case does not contain is the end of a branch. */
void lab_settle(const struct lab_case *c, struct lab_result *r);

#endif
