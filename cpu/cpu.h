/* SPDX-License-Identifier: MIT */
/* The IA-32 CPU as machine/, lab/ and the tests see it. Everything else in cpu/ is private.
 * All calls are on the machine thread, except cpu_kick(). */
#ifndef NB_CPU_CPU_H
#define NB_CPU_CPU_H

#include "core/bus.h"
#include "core/clock.h"
#include "core/err.h"
#include "core/log.h"
#include "core/snap.h"
#include "core/strbuf.h"

struct cpu;

struct cpu_config {
    const char *model;      /* row of cpu/models.def, with options: "pentium-m,+nx,-sse2,msr=gp"; NULL:
                               the default */
    struct space *mem, *io;
    struct clock *clock;    /* may be NULL: TSC = retired count */
    struct log *log;
    bool exact;             /* cpu_run stops exactly at `until` without a counted clock, too */
    bool soft_fpu;          /* x87 and SSE in integers, as on hosts without such units ("fpu=soft" in
                               model, too); a counted clock always has the transcendental functions
                               that way (docs/trace-hash.md) */
    bool tlb_coherent;      /* architecture: "tlb=coherent" */
    /* INTA cycle: returns the vector; called with interrupts about to be delivered */
    int (*ack)(void *to);
    void *ack_to;
    /* after each delivered vector (counted-mode trace hash); may be NULL */
    void (*on_vector)(void *to, unsigned vector);
    void *on_vector_to;
};

struct cpu *cpu_new(const struct cpu_config *cfg, struct err *e);
void cpu_free(struct cpu *c);

enum cpu_reset_kind { CPU_POWER_ON, CPU_INIT };
void cpu_reset(struct cpu *c, enum cpu_reset_kind kind);

enum cpu_exit {
    CPU_BUDGET,   /* retired count reached `until` */
    CPU_HALT,     /* HLT with nothing pending; ask cpu_wakeable() */
    CPU_SHUTDOWN, /* triple fault; only reset or INIT leave it */
    CPU_BREAK,    /* a breakpoint set with cpu_break (EIP is at it) */
    CPU_WATCH,    /* a watchpoint set with cpu_watch (EIP is behind the access) */
    CPU_KICK,     /* cpu_kick() was called, or cpu_stop() by a device */
    CPU_BUG,      /* the engine has found a bug of its own and has reported it to the log */
};

/* Runs until the retired count is >= until (never above it by more than nothing: exact). */
enum cpu_exit cpu_run(struct cpu *c, u64 until);
/* One instruction (one iteration of a REP string instruction), interrupts included as in run;
 * CPU_BUDGET when it was done. */
enum cpu_exit cpu_step(struct cpu *c);

/* The retired-instruction count (the counted clock's source); exact at every bus access. */
const u64 *cpu_retired(const struct cpu *c);

/* Inputs. INTR is a level; NMI is an edge. */
void cpu_set_intr(struct cpu *c, int level);
void cpu_nmi(struct cpu *c);
void cpu_set_a20(struct cpu *c, bool on);
/* FERR#: high while CR0.NE = 0 and an unmasked x87 exception is recorded; a PC makes IRQ13 of it.
 * While it is high a waiting x87 instruction stays where it is, unless IGNNE# was asserted (port F0h:
 * cpu_ignne) since it rose. With no fn (the default) such instructions go on. */
void cpu_set_ferr(struct cpu *c, void (*fn)(void *to, int level), void *to);
void cpu_ignne(struct cpu *c);
/* Any thread, signal handlers too: cpu_run returns CPU_KICK soon. */
void cpu_kick(struct cpu *c);
/* From a device, machine thread: cpu_run returns CPU_KICK after the current instruction. */
void cpu_stop(struct cpu *c);
/* Machine time has a new earliest deadline: cpu_run() must not pass it. A later one than it has changes
 * nothing. Callable from a device's handler during an instruction. */
void cpu_set_until(struct cpu *c, u64 until);
/* From a device or a trace hook during an access: makes EIP and the retired count, as cpu_get() and
 * *cpu_retired() give them, those of the current instruction. */
void cpu_sync_state(struct cpu *c);
bool cpu_halted(const struct cpu *c);
/* Whether an interrupt, NMI or reset would end the halt now. */
bool cpu_wakeable(const struct cpu *c);
/* Between two cpu_run()s: forgets decoded code and gives its memory back. What runs from now on lies in
 * the cache in the order in which it runs. The guest sees nothing of it. */
void cpu_tidy(struct cpu *c);
/* The next `insns` instructions are a quiet guest's: not worth translating, and the caches' lines. */
void cpu_rest(struct cpu *c, u64 insns);

/* Registers by number, for debuggers and tests. Setting a segment register loads its cache as in
 * the current mode, without checks; CPU_REG_*_BASE etc. set the cache alone. */
enum cpu_reg {
    CPU_EAX, CPU_ECX, CPU_EDX, CPU_EBX, CPU_ESP, CPU_EBP, CPU_ESI, CPU_EDI,
    CPU_EIP, CPU_EFLAGS,
    CPU_ES, CPU_CS, CPU_SS, CPU_DS, CPU_FS, CPU_GS, CPU_LDTR, CPU_TR, /* selectors */
    CPU_ES_BASE, CPU_CS_BASE, CPU_SS_BASE, CPU_DS_BASE, CPU_FS_BASE, CPU_GS_BASE, CPU_LDTR_BASE,
    CPU_TR_BASE,
    CPU_ES_LIMIT, CPU_CS_LIMIT, CPU_SS_LIMIT, CPU_DS_LIMIT, CPU_FS_LIMIT, CPU_GS_LIMIT,
    CPU_LDTR_LIMIT, CPU_TR_LIMIT,
    CPU_ES_ATTR, CPU_CS_ATTR, CPU_SS_ATTR, CPU_DS_ATTR, CPU_FS_ATTR, CPU_GS_ATTR, CPU_LDTR_ATTR,
    CPU_TR_ATTR,   /* access byte in 7:0, flags nibble (G D/B - AVL) in 15:12 */
    CPU_GDTR_BASE, CPU_GDTR_LIMIT, CPU_IDTR_BASE, CPU_IDTR_LIMIT,
    CPU_CR0, CPU_CR2, CPU_CR3, CPU_CR4,
    CPU_DR0, CPU_DR1, CPU_DR2, CPU_DR3, CPU_DR6, CPU_DR7,
    CPU_EFER, CPU_CPL,
    CPU_FCW, CPU_FSW, CPU_FTW /* full 16-bit tag word */, CPU_FOP, CPU_FIP, CPU_FCS, CPU_FDP,
    CPU_FDS, CPU_MXCSR,
    CPU_NUM_REGS
};
u32 cpu_get(const struct cpu *c, enum cpu_reg r);
void cpu_set(struct cpu *c, enum cpu_reg r, u32 v);
void cpu_get_st(const struct cpu *c, unsigned i, u8 v[10]); /* ST(i) */
void cpu_set_st(struct cpu *c, unsigned i, const u8 v[10]); /* tag follows FTW */
void cpu_get_xmm(const struct cpu *c, unsigned i, u8 v[16]);
void cpu_set_xmm(struct cpu *c, unsigned i, const u8 v[16]);

/* Debugger's view of memory: linear addresses, no side effects (A bits, faults), RAM code drop on
 * write. Returns bytes done; stops at the first page that is not there. */
u32 cpu_debug_read(struct cpu *c, u32 la, void *buf, u32 len);
u32 cpu_debug_write(struct cpu *c, u32 la, const void *buf, u32 len);
bool cpu_debug_translate(struct cpu *c, u32 la, paddr *pa);

/* Debugger's breakpoints and watchpoints, by linear address; unseen by the guest. */
enum cpu_watch_kind { CPU_WATCH_WRITE = 1, CPU_WATCH_READ = 2, CPU_WATCH_ACCESS = 3 };
bool cpu_break_add(struct cpu *c, u32 la);
bool cpu_break_del(struct cpu *c, u32 la);
bool cpu_watch_add(struct cpu *c, u32 la, u32 len, enum cpu_watch_kind kind);
bool cpu_watch_del(struct cpu *c, u32 la, u32 len, enum cpu_watch_kind kind);
u32 cpu_watch_hit(const struct cpu *c); /* address of the last CPU_WATCH */

/* The last exception that was delivered or, for a bare CPU without IDT (lab), that would be. */
struct cpu_fault { bool valid; u8 vector; bool has_error; u32 error; u32 cr2; };
/* Lab: exceptions and software interrupts are not delivered but stop cpu_run/cpu_step with
 * CPU_BREAK, state as at the start of the instruction. */
void cpu_catch_faults(struct cpu *c, bool on);
struct cpu_fault cpu_last_fault(const struct cpu *c);

/* State as field table(s): one section "cpu". */
bool cpu_save(struct cpu *c, struct snap_out *out, struct err *e);
bool cpu_load(struct cpu *c, struct snap_in *in, struct err *e);
/* After memory was loaded too: drops all that was made from its former contents. */
void cpu_state_loaded(struct cpu *c);

void cpu_info_registers(struct cpu *c, struct strbuf *sb);
void cpu_info_mem(struct cpu *c, struct strbuf *sb);   /* mapped ranges with rights */
void cpu_info_tlb(struct cpu *c, struct strbuf *sb);
void cpu_info_stats(struct cpu *c, struct strbuf *sb);
void cpu_list_models(struct strbuf *sb);               /* -cpu help */
/* CPUID as the guest sees it. */
void cpu_cpuid(const struct cpu *c, u32 leaf, u32 subleaf, u32 out[4]);
/* Zydis where built in, else our own table's mnemonics; returns the length in bytes, 1 for what is
 * no instruction. bits is 16 or 32. */
unsigned cpu_disasm(const u8 *code, unsigned len, u32 eip, unsigned bits, char *out, size_t size);

#endif
