/* SPDX-License-Identifier: MIT */
/* struct cpu: architectural state, derived state, and what the engines keep. Private to cpu/.
 *
 * Conventions
 * - Outside a block c->eip and c->retired are exact. Inside one they are those of the block's start;
 *   a handler that can fault or reach a bus sets c->cur = i first, and cpu_sync(c) makes both
 *   exact (slow paths call it themselves).
 * - Functions that can fault return bool: false = exception parked in c->fault, nothing changed.
 * - EFLAGS' arithmetic flags live in c->cc (flags.h); everything else in c->eflags. */
#ifndef NB_CPU_STATE_H
#define NB_CPU_STATE_H

#include "core/bus.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/ram.h"
#include "core/types.h"
#include "cpu/cpu.h"

enum { R_EAX, R_ECX, R_EDX, R_EBX, R_ESP, R_EBP, R_ESI, R_EDI, R_ZERO };
enum { S_ES, S_CS, S_SS, S_DS, S_FS, S_GS, S_LDTR, S_TR, S_NUM };

/* EFLAGS (SDM 1, 3.4.3) */
enum {
    FL_CF = 1u << 0, FL_1 = 1u << 1, FL_PF = 1u << 2, FL_AF = 1u << 4, FL_ZF = 1u << 6,
    FL_SF = 1u << 7, FL_TF = 1u << 8, FL_IF = 1u << 9, FL_DF = 1u << 10, FL_OF = 1u << 11,
    FL_IOPL = 3u << 12, FL_NT = 1u << 14, FL_RF = 1u << 16, FL_VM = 1u << 17, FL_AC = 1u << 18,
    FL_VIF = 1u << 19, FL_VIP = 1u << 20, FL_ID = 1u << 21,
    FL_ARITH = FL_CF | FL_PF | FL_AF | FL_ZF | FL_SF | FL_OF,
};
#define IOPL(c) (((c)->eflags >> 12) & 3)

enum {
    CR0_PE = 1u << 0, CR0_MP = 1u << 1, CR0_EM = 1u << 2, CR0_TS = 1u << 3, CR0_ET = 1u << 4,
    CR0_NE = 1u << 5, CR0_WP = 1u << 16, CR0_AM = 1u << 18, CR0_NW = 1u << 29,
    CR0_CD = 1u << 30, CR0_PG = 1u << 31,
};
enum {
    CR4_VME = 1u << 0, CR4_PVI = 1u << 1, CR4_TSD = 1u << 2, CR4_DE = 1u << 3, CR4_PSE = 1u << 4,
    CR4_PAE = 1u << 5, CR4_MCE = 1u << 6, CR4_PGE = 1u << 7, CR4_PCE = 1u << 8,
    CR4_OSFXSR = 1u << 9, CR4_OSXMMEXCPT = 1u << 10,
};
enum { EFER_NXE = 1u << 11 };

enum {
    EXC_DE = 0, EXC_DB = 1, EXC_NMI = 2, EXC_BP = 3, EXC_OF = 4, EXC_BR = 5, EXC_UD = 6,
    EXC_NM = 7, EXC_DF = 8, EXC_TS = 10, EXC_NP = 11, EXC_SS = 12, EXC_GP = 13, EXC_PF = 14,
    EXC_MF = 16, EXC_AC = 17, EXC_MC = 18, EXC_XM = 19,
};

/* attr: the descriptor's bits 55:40 (access byte in 7:0, flags nibble in 15:12; SDM 3A 3.4.5) */
enum {
    SEG_A = 1u << 0, SEG_W = 1u << 1 /* data: writable; code: readable */, SEG_R = 1u << 1,
    SEG_E = 1u << 2 /* data: expand-down; code: conforming */, SEG_C = 1u << 2,
    SEG_CODE = 1u << 3, SEG_S = 1u << 4, SEG_P = 1u << 7, SEG_AVL = 1u << 12, SEG_DB = 1u << 14,
    SEG_G = 1u << 15,
};
#define SEG_DPL(attr) (((attr) >> 5) & 3)
#define SEG_TYPE(attr) ((attr) & 0x0f)

struct seg {
    u16 sel;
    u16 attr;
    u32 base;
    u32 limit;   /* in bytes, granularity applied */
    /* derived by seg_update(): an access of up to 16 bytes at ea < rd_end (wr_end) needs no
     * further check; 0 sends every access to the slow check (null, expand-down, execute-only) */
    u32 rd_end, wr_end;
};

/* Lazy arithmetic flags: see flags.h. */
struct cc {
    u32 res; /* result, sign-extended to 32 bits: ZF, SF, PF */
    u32 aux; /* carries: flags.h */
};

struct fpu {
    /* physical R0..R7: 10 bytes used (MMX: low 8); no register crosses a cache line */
    _Alignas(16) u8 reg[8][16];
    u16 cw, sw;     /* sw.TOP is kept in sw */
    u8 valid;       /* bit n: Rn is not empty */
    u16 fop, fcs, fds;
    u32 fip, fdp;
    u32 mxcsr;
    _Alignas(16) u8 xmm[8][16];
    u8 operand[16]; /* not saved: a memory operand that the fast path did not reach */
};

/* MONITOR, MWAIT (op_monitor.c). waiting tells what a halt (EV_HALT) is. */
enum { MONITOR_LINE = 64 };
struct monitor {
    bool armed, waiting;
    paddr pa;
    u8 line[MONITOR_LINE]; /* as it was when it was armed */
};

struct pending_fault {
    u8 vec;
    bool has_err;
    bool soft;      /* INT n, INT3, INTO: pushes the next EIP, no EXT bit */
    u32 err;
    u32 cr2;        /* EXC_PF */
};

struct insn;
struct block;
struct cpu_hooks;
struct cpu_trace;
struct mmu;
struct code_cache;
struct cpu_engine;
struct twice;
struct isa;

/* What a handler returns. */
enum run {
    RUN_NEXT = 0, /* block over: c->eip and c->retired are set, go on */
    RUN_FAULT,    /* c->fault is to be delivered; c->cur is the faulting instruction */
    RUN_EXIT,     /* as RUN_NEXT, but look at events first (mode, interrupts, stop) */
};
typedef unsigned insn_fn(struct cpu *c, const struct insn *i);

/* Reasons to leave the fast loop, c->events (machine thread; cpu_kick sets c->kick). */
enum {
    EV_INTR = 1,      /* INTR line is high */
    EV_NMI = 2,
    EV_STOP = 4,
    EV_SHADOW = 8,    /* the next instruction is in the interrupt shadow of STI */
    EV_SHADOW_SS = 16,/* ... of MOV SS/POP SS: debug exceptions are held too */
    EV_HALT = 32,
    EV_SHUTDOWN = 64,
    EV_TRAP = 128,    /* #DB (single step, breakpoint) to be delivered after this instruction */
    EV_INIT = 256,
    EV_NMI_BLOCKED = 512, /* until IRET; does not leave the loop by itself */
    EV_HOOK = 1024,       /* hooks want blocks or instructions: each goes by the loop's start */
};

/* Mode word: half of a block's key. Everything that decoding or a handler's choice depends on. */
enum {
    MODE_D = 1,        /* CS.D */
    MODE_B = 2,        /* SS.B */
    MODE_PE = 4,
    MODE_V86 = 8,
    MODE_CPL3 = 16,
    MODE_FLAT = 32,    /* CS, DS, ES, SS base 0 limit 4G */
    MODE_SINGLE = 64,  /* one instruction a block: TF, DR7 active, shadow, budget's end */
    MODE_AC = 128,     /* alignment checks on */
    MODE_TS = 256, MODE_EM = 512, MODE_MP = 1024, MODE_NE = 2048, MODE_FXSR = 4096,
    MODE_COUNTED = 8192,
};

enum { JIT_COUNTS = 1024 };

struct cpu {
    /* hot; gpr first: register operands are byte offsets from the start of struct cpu */
    u32 gpr[9];            /* [R_ZERO] is always 0 */
    u32 eip;
    struct {               /* what emitted code reads and writes (cpu/jit/) */
        u64 limit;         /* retired count up to which it may go; 0 after a kick */
        u32 flags, key;
        u8 *stack, *stack_low;
        void *near;
        void *link;
        const u8 *bottom;
        u32 temp;          /* a register operand of handlers */
        u32 slot[3];
        u32 fp_in;         /* FP_x: state that is not in c->fpu now */
        u32 note, note_seg;/* what FOP, FCS and FDS follow from, 0: nothing new */
        u8 *view;          /* base of the current view (view.h) */
        bool view_on;
        const void *miss;  /* the access that has faulted there */
        u32 miss_la;
    } fast;
    u32 code_generation;   /* of everything that remembers where code lies (icache.c) */
    struct cc cc;
    u32 eflags;            /* without FL_ARITH bits; FL_1 set */
    u32 events;
    u64 *tlb_rd, *tlb_wr;  /* current CPL class: [la >> 12] = host page - (la & ~0xfff), 0 = slow */
    const struct insn *cur;
    u32 blk_eip;           /* EIP of the running block's first instruction */
    u32 mode;
    u64 blk_retired;       /* retired count at its start (REP iterations are added here) */
    u64 retired;
    u64 fruitless_at;      /* retired count at the last delivery of an exception or interrupt */
    u32 fruitless;         /* deliveries since an instruction retired (cpu/run.c) */
    u64 until;
    struct seg seg[S_NUM];
    struct pending_fault fault;
    struct block *blk;     /* running block */
    u8 cpl;
    struct insn *patched;  /* of the running block: replaced by a stop, handler in patched_fn */
    insn_fn *patched_fn;
    int kick;              /* cpu_kick sets it on any thread: see cpu_kicked */
    u32 code_last;         /* the last generation that was given out: those of other address spaces
                              come again (mmu_switch) */
    u32 chain;             /* blocks that may still be run before the run loop looks around */

    u64 *tlb_sys_rd, *tlb_sys_wr; /* implicit supervisor accesses: descriptors, TSS, frames */
    u32 cr0, cr2, cr3, cr4, efer;
    u64 pdpte[4];
    u32 dr[4], dr6, dr7;
    struct { u32 base; u16 limit; } gdtr, idtr;
    bool a20;
    struct fpu fpu;
    struct monitor monitor;

    /* MSRs and identity */
    const struct cpu_model *model;
    u32 isa_features;      /* BIT(FEAT_x): which rows of isa.def exist */
    u32 cpuid_edx, cpuid_ecx, cpuid_ext_edx;
    u32 cpuid_level;       /* highest basic leaf */
    char cpuid_vendor[12];
    bool msr_gp;           /* unknown MSRs fault instead of reading 0 */
    u64 tsc_offset;        /* written by WRMSR 10h */
    u64 tsc_last;          /* RDTSC strictly increases */
    u32 sysenter_cs, sysenter_esp, sysenter_eip;
    u64 apic_base, misc_enable, microcode, pat, debugctl, mtrr_def, mtrr_fix[11], mtrr_var[16];
    u64 perf_ctl[2], perf_ctr[2], mcg_status, mc_bank[5][4];

    /* delivery */
    u8 df_state;           /* nesting of exceptions: none, benign, contributory, page fault, double */
    bool catch_faults;
    struct cpu_fault last_fault;
    u32 pending_dr6;       /* DR6 bits of EV_TRAP */
    bool soft_int;         /* the instruction delivered itself (INT n): no single-step trap behind it */

    /* debugger */
    u32 breaks[32];
    unsigned num_breaks;
    struct { u32 la, len; u8 kind; } watch[16];
    unsigned num_watch;
    u32 watch_hit;
    bool watch_stop;
    bool resume_over_break;
    bool stepping;         /* cpu_step: exactly one instruction */

    /* a CPU without a machine: hook.h */
    struct cpu_hooks *hooks;
    struct cpu_trace *trace; /* trace.h; may be NULL */
    bool stop_on;
    u8 stop_hit;           /* STOP_x: there is no block to run, and no fault either */
    u32 stop_la;

    /* wiring */
    struct space *mem, *io;
    struct ram *ram;
    struct clock *clock;
    struct log *log;
    int (*ack)(void *to);
    void *ack_to;
    void (*on_vector)(void *to, unsigned vector);
    void *on_vector_to;
    void (*ferr)(void *to, int level); /* FERR#, cpu_set_ferr() */
    void *ferr_to;
    bool ferr_on, ignne;
    bool soft_fpu, tlb_coherent, counted;

    struct mmu *mmu;
    struct code_cache *code;
    struct twice *twice;   /* a block runs twice (twice.h); else NULL */
    const struct isa *isa;

    /* an engine that translates (engine.h): NULL, and then all blocks are the interpreter's */
    const struct cpu_engine *engine;
    void *engine_state;
    u64 engine_from;       /* retired count up to which it is left alone (cpu_rest) */
    struct insn *group_from, *group_to; /* copies of the running block's instructions that run now */
    u32 jit_count[JIT_COUNTS]; /* runs of blocks until they are looked at again */
    u64 stat_blocks, stat_decoded, stat_invalidated, stat_faults[32], stat_irqs;
};

static inline int cpu_kicked(const struct cpu *c) { return __atomic_load_n(&c->kick, __ATOMIC_RELAXED); }
static inline bool is_pe(const struct cpu *c) { return c->cr0 & CR0_PE; }
static inline bool is_v86(const struct cpu *c) { return c->eflags & FL_VM; }
static inline bool is_prot(const struct cpu *c) /* protected, not virtual-8086 */
{
    return (c->cr0 & CR0_PE) && !(c->eflags & FL_VM);
}
static inline u32 stack_mask(const struct cpu *c)
{
    return c->seg[S_SS].attr & SEG_DB ? 0xffffffffu : 0xffffu;
}
/* Whether something is to be taken, or a shadow to be ended, between two instructions. A pending INTR
 * with IF clear is nothing, nor is an NMI within the handler of another. */
static inline bool cpu_disturbed(const struct cpu *c)
{
    u32 ev = c->events & ~(u32)(EV_NMI_BLOCKED | EV_HOOK);

    if (likely(!ev))
        return false;
    return (ev & ~(u32)(EV_INTR | EV_NMI)) || ((ev & EV_INTR) && (c->eflags & FL_IF)) ||
           ((ev & EV_NMI) && !(c->events & EV_NMI_BLOCKED));
}

/* Parks an exception; returns false for `return raise(...)`. */
NB_COLD bool cpu_raise(struct cpu *c, unsigned vec);
NB_COLD bool cpu_raise_err(struct cpu *c, unsigned vec, u32 err);

/* ---- cpu/cpu.c: what differs, a line a field, a's value first. Flags are brought into one form. */
void cpu_state_diff(struct strbuf *sb, const struct cpu *a, const struct cpu *b);

/* ---- cpu/mode.c */
/* Recomputes c->mode, CPL class pointers and flat bits; call after CS, SS, CPL, EFLAGS.TF/VM/AC, CR0,
 * CR4 or DR7 changed. */
void cpu_update_mode(struct cpu *c);
u32 cpu_eflags(const struct cpu *c);            /* full image, lazy flags included */
void cpu_set_eflags(struct cpu *c, u32 v);      /* all bits as given (FL_1 forced), mode updated */

/* ---- cpu/mmu.c */
bool mmu_new(struct cpu *c, struct err *e);
void mmu_free(struct cpu *c);
/* Paging-related state changed (CR0.PG/WP, CR3 load, CR4.PSE/PAE/PGE, EFER.NXE, A20): selects the
 * context, validates what was kept. For CR3 loads under PAE the caller has loaded pdpte[]. */
void mmu_switch(struct cpu *c, bool cr3_load);
void mmu_flush_global(struct cpu *c);           /* PGE toggle: everything goes */
void mmu_invlpg(struct cpu *c, u32 la);
void mmu_flush_all(struct cpu *c);              /* RAM was replaced: a snapshot was loaded */
/* DR0-3, DR7, the debugger's watchpoints or the ranges of hooks changed. */
void mmu_watch_changed(struct cpu *c);
static inline u32 mmu_dr_len(u32 dr7, unsigned i) /* LENn; 10b is 8 bytes (SDM 3B 17.2.4) */
{
    return 1u << (0x2310u >> (4 * (dr7 >> (18 + 4 * i) & 3)) & 15);
}
/* Sets tlb_rd/tlb_wr for the current CPL and alignment checking. */
void mmu_select(struct cpu *c);
/* c->code_generation is new; all: what code other contexts know is not to be trusted either. */
void mmu_code_generation(struct cpu *c, bool all);
bool mmu_load_pdptes(struct cpu *c, u32 cr3);   /* false: #GP(0) is raised (reserved bits) */
/* Instruction fetch: the page of la for execution at the current CPL. false: #PF is raised.
 * *frame is the RAM frame, or NO_FRAME when the page is not RAM (then *pa tells where). */
#define NO_FRAME 0xffffffffu
bool mmu_fetch(struct cpu *c, u32 la, u32 *frame, paddr *pa);
/* Physical page of la for data; rights checked, A/D set, #PF raised. user: CPL 3 rights. */
bool mmu_translate(struct cpu *c, u32 la, bool write, bool user, paddr *pa);
/* (*pa of both is the address of la itself, not of its page.) */
/* Slow paths behind the inline accessors of mem.h; size 1..16, any alignment, page crossing, MMIO,
 * watchpoints, alignment check. user: rights of CPL 3. Values little-endian in buf. On false nothing
 * was written (both pages are checked first). */
bool mem_read_slow(struct cpu *c, u32 la, void *buf, unsigned size, bool user);
bool mem_write_slow(struct cpu *c, u32 la, const void *buf, unsigned size, bool user);
/* First half of a read-modify-write: reads, but is judged (and sets D) as a write. */
bool mem_rmw_slow(struct cpu *c, u32 la, void *buf, unsigned size, bool user);
/* Checks that [la, la+size) could be written now (size <= 4096) and sets A/D: for instructions that
 * must fault before they change anything. */
bool mem_probe_write(struct cpu *c, u32 la, unsigned size, bool user);
/* The host address for la with at least one byte valid to the end of its page, or NULL when it is
 * not plain RAM (MMIO, code page for writes, watch) or would fault: string operations' fast path. */
u8 *mem_page_ptr(struct cpu *c, u32 la, bool write, bool user);

/* ---- cpu/seg.c */
void seg_update(struct seg *s);                 /* derives rd_end, wr_end */
void seg_set_real(struct cpu *c, unsigned s, u16 sel); /* real and V86 mode: base = sel << 4 */
/* MOV/POP/LxS to ES, SS, DS, FS, GS in the current mode, with all checks. */
bool seg_load(struct cpu *c, unsigned s, u16 sel);
/* Full segment check for an access of size bytes at ea; #GP(0)/#SS(0). *la gets the address. */
bool seg_check_slow(struct cpu *c, unsigned s, u32 ea, unsigned size, bool write, u32 *la);

/* ---- cpu/gate.c, cpu/task.c, cpu/fault.c */
bool far_jump(struct cpu *c, u16 sel, u32 off, bool op32, u32 next_eip);
bool far_call(struct cpu *c, u16 sel, u32 off, bool op32, u32 next_eip);
bool far_ret(struct cpu *c, bool op32, u16 pop);
bool far_iret(struct cpu *c, bool op32, u32 next_eip);
enum task_reason { TASK_JUMP, TASK_CALL, TASK_IRET, TASK_GATE };
bool task_switch(struct cpu *c, u16 tss_sel, enum task_reason why, u32 next_eip, bool has_err, u32 err);
/* Delivers c->fault (exception of the instruction at c->eip), with double and triple fault. */
void fault_deliver(struct cpu *c);
/* Delivers an external interrupt or NMI between instructions. */
void fault_interrupt(struct cpu *c, unsigned vec, bool nmi);
/* INT n, INT3, INTO, ICEBP at c->eip. false: a fault is parked. */
bool fault_soft_int(struct cpu *c, unsigned vec, u32 next_eip, bool icebp);

/* ---- cpu/op_monitor.c */
bool monitor_written(const struct cpu *c);      /* the monitored line has changed */

/* ---- cpu/icache.c: blocks of decoded instructions */
bool code_new(struct cpu *c, struct err *e);
void code_free(struct cpu *c);
void code_flush(struct cpu *c);
void code_mapping_changed(struct cpu *c);       /* la -> frame of code may have changed */
void code_next_generation(struct cpu *c);       /* ... in the current address space alone */
void code_written(void *cpu, u32 frame, u32 off, u32 len); /* struct ram's hook */

/* ---- cpu/hook.c */
enum { STOP_ADDRESS = 1, STOP_FETCH /* the hook of a fetch has asked for a stop */ };
enum hook_says { HOOK_GO_ON, HOOK_AGAIN, HOOK_FAULT };
/* In front of the instruction (block) at EIP, when EV_HOOK is set. */
enum hook_says hook_insn(struct cpu *c);
enum hook_says hook_block(struct cpu *c);
/* The page of pa for a slow access: HOOK_AGAIN when the map may have changed, HOOK_FAULT with #PF
 * parked. frame: of a fetch. */
enum hook_says hook_page(struct cpu *c, u32 la, paddr pa, u32 size, unsigned access, bool user, u32 *frame);

/* ---- cpu/x87.c, cpu/cpuid.c, cpu/msr.c */
void fpu_reset(struct cpu *c, bool init_only);  /* FNINIT when init_only */
u16 fpu_tag_word(const struct cpu *c);          /* the full tag word, two bits a register */
void fpu_set_tag_word(struct cpu *c, u16 v);    /* only empty or not is taken from it */
void fpu_set_cw(struct cpu *c, u16 v);          /* reserved bits fixed, SW.ES/B recomputed */
void fpu_set_sw(struct cpu *c, u16 v);
bool msr_read(struct cpu *c, u32 msr, u64 *v);  /* false: #GP(0) is raised */
bool msr_write(struct cpu *c, u32 msr, u64 v);
void msr_reset(struct cpu *c);
u64 cpu_tsc(struct cpu *c);                     /* strictly increasing */
bool cpu_set_model(struct cpu *c, const char *spec, struct err *e);
/* CR writes with all checks and consequences; false: #GP(0). */
bool cr0_write(struct cpu *c, u32 v);
bool cr3_write(struct cpu *c, u32 v);
bool cr4_write(struct cpu *c, u32 v);

#endif
