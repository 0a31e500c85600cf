/* SPDX-License-Identifier: MIT */
/* Registers of a CPU without a machine. What is set within an instruction waits for its end. */
#include "core/xalloc.h"
#include "machine/cpu_api.h"

enum reg_kind { KIND_NONE, KIND_32, KIND_CTL, KIND_ST, KIND_MM, KIND_XMM };

/* The numbers of nestbox.h stay what they are; those of cpu.h may change. */
struct reg_info {
    enum reg_kind kind;
    unsigned number;
};

#define SEGS_8(r, base, first)             \
    if ((r) >= (base) && (r) < (base) + 8) \
        return (struct reg_info) { KIND_32, (first) + ((r) - (base)) }

static struct reg_info info_of(unsigned r)
{
    static const u8 rest[] = {
        CPU_GDTR_BASE, CPU_GDTR_LIMIT, CPU_IDTR_BASE, CPU_IDTR_LIMIT, CPU_CR0, CPU_CR2, CPU_CR3,
        CPU_CR4,       CPU_DR0,        CPU_DR1,       CPU_DR2,        CPU_DR3, CPU_DR6, CPU_DR7,
        CPU_EFER,      CPU_CPL,        CPU_FCW,       CPU_FSW,        CPU_FTW, CPU_FOP, CPU_FIP,
        CPU_FCS,       CPU_FDP,        CPU_FDS,       CPU_MXCSR,
    };

    if (r <= NB_CPU_EDI)
        return (struct reg_info){ KIND_32, CPU_EAX + r };
    if (r == NB_CPU_EIP || r == NB_CPU_EFLAGS)
        return (struct reg_info){ KIND_32, r == NB_CPU_EIP ? CPU_EIP : CPU_EFLAGS };
    SEGS_8(r, NB_CPU_ES, CPU_ES);
    SEGS_8(r, NB_CPU_ES_BASE, CPU_ES_BASE);
    SEGS_8(r, NB_CPU_ES_LIMIT, CPU_ES_LIMIT);
    SEGS_8(r, NB_CPU_ES_ATTR, CPU_ES_ATTR);
    if (r >= NB_CPU_GDTR_BASE && r < NB_CPU_GDTR_BASE + ARRAY_LEN(rest)) {
        unsigned n = rest[r - NB_CPU_GDTR_BASE];
        bool ctl = n == CPU_CR0 || n == CPU_CR3 || n == CPU_CR4 || n == CPU_EFER;
        return (struct reg_info){ ctl ? KIND_CTL : KIND_32, n };
    }
    if (r >= NB_CPU_ST0 && r < NB_CPU_ST0 + 8)
        return (struct reg_info){ KIND_ST, r - NB_CPU_ST0 };
    if (r >= NB_CPU_MM0 && r < NB_CPU_MM0 + 8)
        return (struct reg_info){ KIND_MM, r - NB_CPU_MM0 };
    if (r >= NB_CPU_XMM0 && r < NB_CPU_XMM0 + 8)
        return (struct reg_info){ KIND_XMM, r - NB_CPU_XMM0 };
    return (struct reg_info){ KIND_NONE, 0 };
}
_Static_assert(NB_CPU_MXCSR - NB_CPU_GDTR_BASE == 24,
               "the table above is in the order of nestbox.h");
_Static_assert(NB_CPU_TR_ATTR == NB_CPU_ES_ATTR + 7 && NB_CPU_MXCSR < NB_CPU_ST0, "numbers");

size_t nb_cpu_reg_size(unsigned reg)
{
    static const u8 size[] = { 0, 4, 4, 10, 8, 16 };

    return size[info_of(reg).kind];
}

static bool no_such(unsigned reg, struct nb_error *e)
{
    return cpu_fail(e, ERR_CONFIG, "there is no register number %u", reg);
}

static bool check(unsigned reg, size_t size, struct nb_error *e)
{
    size_t is = nb_cpu_reg_size(reg);

    if (!is)
        return no_such(reg, e);
    return is == size ||
           cpu_fail(e, ERR_CONFIG, "register %u has %u bytes, not %zu", reg, (unsigned)is, size);
}

static void get(struct nb_cpu *cpu, unsigned reg, u8 *v)
{
    struct reg_info i = info_of(reg);

    if (cpu->where == CPU_WITHIN)
        for (unsigned k = cpu->num_later; k-- > 0;)
            if (cpu->later[k].reg == reg) {
                memcpy(v, cpu->later[k].v, nb_cpu_reg_size(reg));
                return;
            }
    switch (i.kind) {
    case KIND_32:
    case KIND_CTL: st32(v, cpu_get(cpu->c, i.number)); break;
    case KIND_ST: cpu_get_st(cpu->c, i.number, v); break;
    case KIND_MM: cpu_get_mm(cpu->c, i.number, v); break;
    case KIND_XMM: cpu_get_xmm(cpu->c, i.number, v); break;
    case KIND_NONE: break;
    }
}

static bool refused(unsigned reg, u32 v, struct nb_error *e)
{
    return cpu_fail(e, ERR_CONFIG, "register %u: a processor refuses the value %08x", reg, v);
}

static bool set_now(struct nb_cpu *cpu, unsigned reg, const u8 *v, struct nb_error *e)
{
    struct reg_info i = info_of(reg);

    switch (i.kind) {
    case KIND_32:
        if (i.number == CPU_EIP)
            cpu_set_eip(cpu->c, ld32(v));
        else if (i.number == CPU_EFLAGS)
            cpu_set_flags(cpu->c, ld32(v));
        else
            cpu_set(cpu->c, i.number, ld32(v));
        break;
    case KIND_CTL:
        if (!cpu_set_ctl(cpu->c, i.number, ld32(v)))
            return refused(reg, ld32(v), e);
        break;
    case KIND_ST: cpu_set_st(cpu->c, i.number, v); break;
    case KIND_MM: cpu_set_mm(cpu->c, i.number, v); break;
    case KIND_XMM: cpu_set_xmm(cpu->c, i.number, v); break;
    case KIND_NONE: break;
    }
    return true;
}

static bool set(struct nb_cpu *cpu, unsigned reg, const u8 *v, struct nb_error *e)
{
    if (reg == NB_CPU_MXCSR && (ld32(v) & 0xffff0000u))
        return refused(reg, ld32(v), e);
    if (cpu->where != CPU_WITHIN)
        return set_now(cpu, reg, v, e);
    /* these decide about the access that is going on */
    if (info_of(reg).kind == KIND_CTL && !cpu_not_within(cpu, "control registers can't be set", e))
        return false;
    if (cpu->num_later == cpu->cap_later) {
        cpu->cap_later = cpu->cap_later ? cpu->cap_later * 2 : 16;
        cpu->later = xrealloc(cpu->later, cpu->cap_later * sizeof *cpu->later);
    }
    cpu->later[cpu->num_later].reg = reg;
    memcpy(cpu->later[cpu->num_later++].v, v, nb_cpu_reg_size(reg));
    cpu->later_eip |= reg == NB_CPU_EIP;
    cpu_stop(cpu->c);
    return true;
}

bool cpu_regs_late(struct nb_cpu *cpu)
{
    bool eip = cpu->later_eip;

    for (unsigned k = 0; k < cpu->num_later; k++)
        set_now(cpu, cpu->later[k].reg, cpu->later[k].v, NULL);
    cpu->num_later = 0;
    cpu->later_eip = false;
    if (eip)
        cpu_block_starts(cpu->c);
    return eip;
}

/* ---- nestbox.h */

bool nb_cpu_reg_get(struct nb_cpu *cpu, unsigned reg, void *value, size_t size, struct nb_error *e)
{
    if (!check(reg, size, e))
        return false;
    get(cpu, reg, value);
    return true;
}

bool nb_cpu_reg_set(struct nb_cpu *cpu, unsigned reg, const void *value, size_t size,
                    struct nb_error *e)
{
    return check(reg, size, e) && set(cpu, reg, value, e);
}

uint32_t nb_cpu_get(struct nb_cpu *cpu, unsigned reg)
{
    u32 v = 0;

    nb_cpu_reg_get(cpu, reg, &v, sizeof v, NULL);
    return v;
}

void nb_cpu_set(struct nb_cpu *cpu, unsigned reg, uint32_t value)
{
    nb_cpu_reg_set(cpu, reg, &value, sizeof value, NULL);
}

static bool check_all(const struct nb_cpu_value *values, size_t n, struct nb_error *e)
{
    for (size_t k = 0; k < n; k++)
        if (!nb_cpu_reg_size(values[k].reg))
            return no_such(values[k].reg, e);
    return true;
}

bool nb_cpu_regs_get(struct nb_cpu *cpu, struct nb_cpu_value *values, size_t n, struct nb_error *e)
{
    if (!check_all(values, n, e))
        return false;
    for (size_t k = 0; k < n; k++) {
        memset(&values[k].v, 0, sizeof values[k].v);
        get(cpu, values[k].reg, values[k].v.bytes);
    }
    return true;
}

bool nb_cpu_regs_set(struct nb_cpu *cpu, const struct nb_cpu_value *values, size_t n,
                     struct nb_error *e)
{
    if (!check_all(values, n, e))
        return false;
    for (size_t k = 0; k < n; k++)
        if (!set(cpu, values[k].reg, values[k].v.bytes, e))
            return false;
    return true;
}

bool nb_cpu_msr_get(struct nb_cpu *cpu, uint32_t msr, uint64_t *value, struct nb_error *e)
{
    return cpu_get_msr(cpu->c, msr, value) ||
           cpu_fail(e, ERR_CONFIG, "this CPU has no model-specific register %xh", msr);
}

bool nb_cpu_msr_set(struct nb_cpu *cpu, uint32_t msr, uint64_t value, struct nb_error *e)
{
    if (!cpu_not_within(cpu, "model-specific registers can't be set", e))
        return false;
    return cpu_set_msr(cpu->c, msr, value) ||
           cpu_fail(e, ERR_CONFIG, "model-specific register %xh: this CPU refuses the value %llx",
                    msr, (unsigned long long)value);
}

bool nb_cpu_load_segment(struct nb_cpu *cpu, unsigned reg, uint16_t selector, struct nb_error *e)
{
    struct cpu_fault f = { 0 };

    if (reg < NB_CPU_ES || reg > NB_CPU_GS || reg == NB_CPU_CS)
        return cpu_fail(e, ERR_CONFIG, "register %u is none of ES, SS, DS, FS, GS", reg);
    if (!cpu_not_within(cpu, "segments can't be loaded", e))
        return false;
    return cpu_load_seg(cpu->c, CPU_ES + (reg - NB_CPU_ES), selector, &f) ||
           cpu_fail(e, ERR_CONFIG, "selector %04x: loading it raises exception %u, error code %04x",
                    selector, f.vector, f.error);
}
