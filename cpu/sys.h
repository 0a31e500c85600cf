/* SPDX-License-Identifier: MIT */
/* What the system half of the CPU shares: descriptors, stack frames, delivery, debug registers,
 * models. Private to cpu/. "SDM" is the Intel 64 and IA-32 Architectures Software Developer's
 * Manual, volumes 2 and 3A. */
#ifndef NB_CPU_SYS_H
#define NB_CPU_SYS_H

#include "cpu/mem.h"
#include "cpu/state.h"

/* ---- descriptors (SDM 3A 3.4.5, 3.5, 5.8.3, 6.11, 7.2.2) */
struct desc {
    u32 lo, hi;
    u32 la; /* where it was read */
};

/* System descriptor types: bits 11:8 of the high word when S = 0. */
enum {
    SYS_TSS16 = 1, SYS_LDT = 2, SYS_TSS16_BUSY = 3, SYS_CALL16 = 4, SYS_TASK = 5, SYS_INT16 = 6,
    SYS_TRAP16 = 7, SYS_TSS32 = 9, SYS_TSS32_BUSY = 11, SYS_CALL32 = 12, SYS_INT32 = 14,
    SYS_TRAP32 = 15,
};

static inline u16 desc_attr(const struct desc *d) { return (d->hi >> 8) & 0xf0ff; }
static inline u32 desc_base(const struct desc *d)
{
    return d->lo >> 16 | (d->hi & 0xff) << 16 | (d->hi & 0xff000000u);
}
static inline u32 desc_limit(const struct desc *d)
{
    u32 limit = (d->lo & 0xffff) | (d->hi & 0xf0000);

    return d->hi & 0x800000 ? limit << 12 | 0xfff : limit;
}
static inline unsigned desc_dpl(const struct desc *d) { return d->hi >> 13 & 3; }
static inline bool desc_present(const struct desc *d) { return d->hi & 0x8000; }
static inline bool desc_is_seg(const struct desc *d) { return d->hi & 0x1000; }
static inline unsigned desc_type(const struct desc *d) { return d->hi >> 8 & 0xf; }
static inline bool desc_is_code(const struct desc *d) { return (d->hi & 0x1800) == 0x1800; }
static inline bool desc_is_conforming(const struct desc *d) { return d->hi & 0x400; }
static inline bool desc_is_wr_data(const struct desc *d) { return (d->hi & 0x1a00) == 0x1200; }
/* gates */
static inline u16 gate_sel(const struct desc *d) { return d->lo >> 16; }
static inline bool gate_is32(const struct desc *d) { return d->hi & 0x800; }
/* Bits 31:16 of a 16-bit gate are reserved: the processor ignores them. */
static inline u32 gate_offset(const struct desc *d)
{
    return (d->lo & 0xffff) | (gate_is32(d) ? d->hi & 0xffff0000u : 0);
}

static inline bool sel_is_null(u16 sel) { return (sel & 0xfffc) == 0; }

/* 1 while an event is being delivered that is no software interrupt: the EXT bit of error codes. */
static inline u32 ext_bit(const struct cpu *c) { return c->df_state != 0; }
/* Error code that names a selector. */
static inline u32 sel_err(const struct cpu *c, u16 sel) { return (sel & 0xfffcu) | ext_bit(c); }

/* Reads the descriptor of a selector that is not null; beyond its table: exception `vec` with the
 * selector as error code. */
NB_WARN_UNUSED bool desc_read(struct cpu *c, u16 sel, unsigned vec, struct desc *d);
/* The same for LAR and friends: *found instead of the exception, null selectors included. */
NB_WARN_UNUSED bool desc_find(struct cpu *c, u16 sel, struct desc *d, bool *found);
/* Sets the Accessed bit in memory (a supervisor write: CR0.WP holds, SDM 3A 4.6.1). */
NB_WARN_UNUSED bool desc_set_accessed(struct cpu *c, struct desc *d);
/* Loads the hidden part, no checks; cpu_update_mode() is up to the caller. */
void seg_set_desc(struct cpu *c, unsigned s, u16 sel, const struct desc *d);
void seg_set_null(struct cpu *c, unsigned s, u16 sel);
/* Limit check alone. */
bool seg_in_limit(const struct seg *s, u32 ea, unsigned size);
/* Nulls DS, ES, FS and GS that a less privileged level may not keep (SDM 2, RET). */
void seg_drop_inner(struct cpu *c);
/* All checks of a stack segment that a TSS names for level `dpl`: #TS, or #SS when not present. */
NB_WARN_UNUSED bool ss_check_inner(struct cpu *c, u16 sel, unsigned dpl, struct desc *d);
/* SS:ESP of level `dpl` from the current TSS; #TS(TR) beyond its limit. */
NB_WARN_UNUSED bool tss_stack(struct cpu *c, unsigned dpl, u16 *ss, u32 *esp);

/* Writes n values of `size` bytes (2, 4) downwards from *sp on the stack `ss`, which need not be
 * loaded yet, after checking all of them. inner: with supervisor rights instead of the current
 * CPL's. Too little room: #SS(ss_err). */
NB_WARN_UNUSED bool frame_push(struct cpu *c, const struct seg *ss, u32 *sp, const u32 *v,
                               unsigned n, unsigned size, bool inner, u32 ss_err);
/* The value `ofs` bytes above the top of the current stack. */
NB_WARN_UNUSED bool frame_peek(struct cpu *c, u32 ofs, unsigned size, u32 *v);

/* #GP(0) unless CPL is 0 (rows with CHK_CPL0: decoding has dealt with CPL 3 only). */
NB_WARN_UNUSED bool need_cpl0(struct cpu *c);
/* #GP(0) unless IN/OUT of size bytes at port is allowed. */
NB_WARN_UNUSED bool io_check(struct cpu *c, u16 port, unsigned size);

/* ---- delivery (fault.c) */
enum { DELIVER_NONE, DELIVER_BENIGN, DELIVER_CONTRIBUTORY, DELIVER_PAGE, DELIVER_DOUBLE };
/* As fault_deliver(), for an exception whose frame holds `eip`. */
void fault_deliver_at(struct cpu *c, u32 eip);
/* INT n redirected to the V86 task's own table (SDM 3A 20.3). */
NB_WARN_UNUSED bool fault_v86_redirect(struct cpu *c, unsigned vec, u32 next);

/* ---- debug registers (debug.c) */
enum { DR6_BD = 1u << 13, DR6_BS = 1u << 14, DR6_BT = 1u << 15 };
enum { DR6_FIXED = 0xffff0ff0, DR6_WRITABLE = 0xe00f };
enum { DR7_FIXED = 0x400, DR7_WRITABLE = 0xffff23ff, DR7_GD = 1u << 13, DR7_ENABLES = 0xff };
/* At the start of the instruction at c->eip, when MODE_SINGLE is set. false: #DB is parked, to be
 * delivered as a fault. Clears EFLAGS.RF, which has done its duty then. */
NB_WARN_UNUSED bool debug_code_check(struct cpu *c);
/* After a port access: remembers a hit, which becomes a trap behind the instruction. */
void debug_io_check(struct cpu *c, u16 port, unsigned size);
/* Adds bits to the #DB that follows the current instruction (single step: DR6_BS). */
void debug_trap(struct cpu *c, u32 dr6_bits);
/* EV_TRAP: delivers that #DB at c->eip, the next instruction. */
void debug_deliver_trap(struct cpu *c);
void dr7_write(struct cpu *c, u32 v);
void dr_write(struct cpu *c, unsigned n, u32 v); /* DR0..DR3 */

/* ---- models (cpuid.c) */
struct cpu_model {
    const char *name, *text;
    const char *vendor;
    u32 signature;
    u32 level;         /* highest basic leaf */
    u32 edx, ecx;      /* leaf 1, as the real part has it; what is not implemented is masked */
    u32 ext_edx;       /* leaf 80000001 */
    u32 opt_edx;       /* off, but may be switched on */
    u32 opt_ext_edx;
    u8 brand_index;
    const char *brand; /* NULL: no leaves 80000002..4 */
    u32 leaf2[4];
    u32 isa;           /* BIT(FEAT_x) besides those that go with feature bits */
};
enum {
    CPUID_FPU = BIT(0), CPUID_VME = BIT(1), CPUID_DE = BIT(2), CPUID_PSE = BIT(3),
    CPUID_TSC = BIT(4), CPUID_MSR = BIT(5), CPUID_PAE = BIT(6), CPUID_MCE = BIT(7),
    CPUID_CX8 = BIT(8), CPUID_APIC = BIT(9), CPUID_SEP = BIT(11), CPUID_MTRR = BIT(12),
    CPUID_PGE = BIT(13), CPUID_MCA = BIT(14), CPUID_CMOV = BIT(15), CPUID_PAT = BIT(16),
    CPUID_PSE36 = BIT(17), CPUID_CLFSH = BIT(19), CPUID_MMX = BIT(23), CPUID_FXSR = BIT(24),
    CPUID_SSE = BIT(25), CPUID_SSE2 = BIT(26), CPUID_SS = BIT(27),
    CPUID_ECX_SSE3 = BIT(0), CPUID_ECX_MONITOR = BIT(3),
    CPUID_EXT_NX = BIT(20),
};
/* CR4 bits that exist on this model. */
u32 cr4_mask(const struct cpu *c);

#endif
