/* SPDX-License-Identifier: MIT */
/* The interpreter as an engine: a bare CPU at CPL 3 with the lab's memory and segments.
 *
 * Physical memory is one small arena: tables of ours first, then the lab's pages in the order of
 * lab_pages. Paging is PAE with NX, as the host's is, so that error codes agree (bit 4 marks
 * fetches). CR0 and CR4 are those of Linux.
 * The GDT imitates Linux's: what its selectors do to a user program
 * (#GP with the selector, or a flat segment) is part of many cases. */
#include "core/bus.h"
#include "core/ram.h"
#include "core/xalloc.h"
#include "cpu/cpu.h"
#include "cpu/isa.h"
#include "cpu/jit/attach.h"
#include "cpu/sys.h"
#include "host/os.h"
#include "lab/lab.h"
#include "lab/system.h"

enum {
    /* frames */
    F_SYS, F_PDPT, F_PD, F_PT = F_PD + 4, F_PAGES = F_PT + 4, F_NUM = F_PAGES + LAB_PAGES,
    SYS_LA = (int)0xd4c3b000, /* supervisor page; odd on purpose */
    GDT_OFF = 0, GDT_LIMIT = 16 * 8 - 1, LDT_OFF = 0x100, TSS_OFF = 0x200, TSS_LIMIT = 0x67,
    BUDGET = 100000,
};
#define PTE_P 1u
#define PTE_W 2u
#define PTE_U 4u
#define PTE_AD 0x60u
#define PTE_NX BIT64(63)

struct interp {
    struct lab_engine e;
    struct log log;
    struct ram ram;
    struct space mem, io;
    struct region region, ports;
    struct lab_sys *outs;  /* where writes to ports are noted, or NULL */
    struct cpu *c;
    u8 *arena;
    u8 *page[LAB_PAGES];
    bool jit, views;
    u8 before[LAB_WRITABLE * 4096];
    struct lab_result result[LAB_BATCH];
};

static void release(struct ram_object *obj)
{
    xfree(obj->base);
}

static void map_page(struct interp *in, u32 la, u32 frame, u64 bits)
{
    u64 pd = la >> 21, at;
    u8 *dir = in->arena + (F_PD + (pd >> 9)) * 4096 + (pd & 511) * 8;
    u32 pt = 0;

    if (ld64(dir) & PTE_P) {
        pt = (u32)(ld64(dir) >> 12);
    } else {
        for (u32 k = F_PT; !pt; k++) /* the first table that no directory entry names yet */
            if (!in->arena[F_SYS * 4096 + 0xff0 + (k - F_PT)]) {
                in->arena[F_SYS * 4096 + 0xff0 + (k - F_PT)] = 1;
                pt = k;
            }
        st64(dir, (u64)pt << 12 | PTE_P | PTE_W | PTE_U | 0x20);
    }
    at = (u64)pt * 4096 + (la >> 12 & 511) * 8;
    st64(in->arena + at, (u64)frame << 12 | bits);
}

static void put_desc(u8 *at, u32 base, u32 limit, u16 attr)
{
    if (attr & 0x8000)
        limit >>= 12;
    st32(at, base << 16 | (limit & 0xffff));
    st32(at + 4, (base & 0xff000000u) | (attr & 0xf000u) << 8 | (limit & 0xf0000) |
                     (attr & 0xffu) << 8 | (base >> 16 & 0xff));
}

static void make_tables(struct interp *in)
{
    u8 *sys = in->arena + F_SYS * 4096;

    for (u32 k = 0; k < 4; k++)
        st64(in->arena + F_PDPT * 4096 + 8 * k, (u64)(F_PD + k) << 12 | PTE_P);
    map_page(in, SYS_LA, F_SYS, PTE_P | PTE_W | PTE_AD | PTE_NX);
    for (u32 k = 0; k < LAB_PAGES; k++)
        map_page(in, lab_pages[k].la, F_PAGES + k,
                 PTE_P | PTE_U | PTE_AD | (lab_pages[k].write ? PTE_W : 0) |
                     (lab_pages[k].exec ? 0 : PTE_NX));
    /* arch/x86/include/asm/segment.h, 64-bit: 32-bit kernel code, kernel code, kernel data, user
     * code 32, user data, user code 64, -, -, TSS (2), LDT (2), TLS (3), CPU number */
    put_desc(sys + 0x08, 0, 0xffffffffu, 0xc09b);
    put_desc(sys + 0x10, 0, 0xffffffffu, 0xa09b);
    put_desc(sys + 0x18, 0, 0xffffffffu, 0xc093);
    put_desc(sys + 0x20, 0, 0xffffffffu, 0xc0fb);
    put_desc(sys + 0x28, 0, 0xffffffffu, 0xc0f3);
    put_desc(sys + 0x30, 0, 0xffffffffu, 0xa0fb);
    put_desc(sys + 0x40, (u32)SYS_LA + TSS_OFF, TSS_LIMIT, 0x008b);
    put_desc(sys + 0x50, (u32)SYS_LA + LDT_OFF, LAB_LDT_LEN * 8 - 1, 0x0082);
    put_desc(sys + 0x78, 0, 0, 0x40f5);
    for (u32 k = 0; k < LAB_LDT_LEN; k++) {
        u32 base, limit;
        u16 attr;
        lab_seg_of((u16)(k * 8 + 7), &base, &limit, &attr);
        put_desc(sys + LDT_OFF + 8 * k, base, limit, attr);
    }
    st16(sys + TSS_OFF + 0x66, 0x68); /* beyond the limit: no port is allowed */
}

static void set_system(struct cpu *c)
{
    cpu_set(c, CPU_GDTR_BASE, (u32)SYS_LA + GDT_OFF);
    cpu_set(c, CPU_GDTR_LIMIT, GDT_LIMIT);
    cpu_set(c, CPU_LDTR, 0x50);
    cpu_set(c, CPU_LDTR_BASE, (u32)SYS_LA + LDT_OFF);
    cpu_set(c, CPU_LDTR_LIMIT, LAB_LDT_LEN * 8 - 1);
    cpu_set(c, CPU_LDTR_ATTR, 0x82);
    cpu_set(c, CPU_TR, 0x40);
    cpu_set(c, CPU_TR_BASE, (u32)SYS_LA + TSS_OFF);
    cpu_set(c, CPU_TR_LIMIT, TSS_LIMIT);
    cpu_set(c, CPU_TR_ATTR, 0x8b);
    cpu_set(c, CPU_EFER, EFER_NXE);
    cpu_set(c, CPU_CR4, CR4_PAE | CR4_PSE | CR4_DE | CR4_MCE | CR4_PGE | CR4_OSFXSR |
                            CR4_OSXMMEXCPT);
    /* under PAE the CPU holds the four PDPTEs; there is no MOV CR3 here to load them */
    c->cr3 = F_PDPT << 12;
    for (unsigned k = 0; k < 4; k++)
        c->pdpte[k] = (u64)(F_PD + k) << 12 | PTE_P;
    cpu_set(c, CPU_CR0, CR0_PE | CR0_PG | CR0_WP | CR0_AM | CR0_NE | CR0_MP | CR0_ET);
    for (unsigned s = 0; s < 6; s++)
        c->seg[s].sel = 0xffff; /* nothing yet: every selector of the first case gets loaded */
}

/* The lab's segments, and those of CPL 0. */
static bool seg_of(u16 sel, u32 *base, u32 *limit, u16 *attr)
{
    if (sel != SEL_CODE0 && sel != SEL_DATA0)
        return lab_seg_of(sel, base, limit, attr);
    *base = 0;
    *limit = 0xffffffffu;
    *attr = sel == SEL_CODE0 ? 0xc09b : 0xc093;
    return true;
}

static void load_segment(struct cpu *c, unsigned s, u16 sel)
{
    u32 base = 0, limit = 0;
    u16 attr = 0;

    seg_of(sel, &base, &limit, &attr); /* null: not present */
    c->seg[s].sel = sel;
    c->seg[s].base = base;
    c->seg[s].limit = limit;
    c->seg[s].attr = attr;
    seg_update(&c->seg[s]);
}

/* FXSAVE image to and from the CPU (SDM 1, 10.5.1). */
static void fx_load(struct cpu *c, const u8 *fx)
{
    unsigned top = fx_top(fx);

    cpu_set(c, CPU_FCW, ld16(fx + FX_CW));
    for (unsigned k = 0; k < 8; k++)
        memcpy(c->fpu.reg[(top + k) & 7], fx + FX_ST + 16 * k, 10);
    c->fpu.valid = fx[FX_TAG];
    cpu_set(c, CPU_FSW, ld16(fx + FX_SW));
    c->fpu.fop = ld16(fx + FX_OP) & 0x7ff;
    c->fpu.fip = ld32(fx + FX_IP);
    c->fpu.fcs = ld16(fx + FX_CS);
    c->fpu.fdp = ld32(fx + FX_DP);
    c->fpu.fds = ld16(fx + FX_DS);
    cpu_set(c, CPU_MXCSR, ld32(fx + FX_MXCSR) & FX_MXCSR_KNOWN);
    for (unsigned k = 0; k < 8; k++)
        cpu_set_xmm(c, k, fx + FX_XMM + 16 * k);
}

static void fx_store(struct cpu *c, u8 *fx)
{
    unsigned top;

    memset(fx, 0, FX_SIZE);
    st16(fx + FX_CW, c->fpu.cw);
    st16(fx + FX_SW, c->fpu.sw);
    top = fx_top(fx);
    fx[FX_TAG] = c->fpu.valid;
    st16(fx + FX_OP, c->fpu.fop);
    st32(fx + FX_IP, c->fpu.fip);
    st16(fx + FX_CS, c->fpu.fcs);
    st32(fx + FX_DP, c->fpu.fdp);
    st16(fx + FX_DS, c->fpu.fds);
    st32(fx + FX_MXCSR, cpu_get(c, CPU_MXCSR));
    for (unsigned k = 0; k < 8; k++)
        memcpy(fx + FX_ST + 16 * k, c->fpu.reg[(top + k) & 7], 10);
    for (unsigned k = 0; k < 8; k++)
        cpu_get_xmm(c, k, fx + FX_XMM + 16 * k);
}

/* In one piece a page: each write of code looks at every block of its page. */
static void put_code(struct interp *in, const struct lab_case *c, bool on)
{
    u32 base, limit;
    u16 attr;

    if (!seg_of(c->in.sreg[LS_CS], &base, &limit, &attr))
        return;
    for (u32 at = 0; at < c->len;) {
        u32 la = base + c->in.eip + at, off = la & 0xfff, n = MIN(c->len - at, 4096 - off);
        int p = lab_page_of(la);
        if (p >= 0 && lab_pages[p].exec) {
            u8 *to = ram_wr(&in->ram, F_PAGES + (u32)p, off, n) + off;
            if (on)
                memcpy(to, c->code + at, n);
            else
                memset(to, 0xcc, n);
        }
        at += n;
    }
}

static void patch(struct interp *in, const struct lab_case *c, bool on)
{
    u8 *before[LAB_PAGES];

    if (!c->num_patches)
        return;
    for (unsigned p = 0; p < LAB_PAGES; p++)
        before[p] = p < LAB_WRITABLE ? in->before + p * 4096 : in->page[p];
    (on ? lab_apply : lab_unapply)(c, in->page);
    (on ? lab_apply : lab_unapply)(c, before);
}

static bool is_int_n(const struct insn *i)
{
    const struct isa_row *row = isa_row(i->row);

    return row->map == MAP_1 && row->op == 0xcd;
}

/* What a fault that was caught would look like to a program under Linux. */
static void take_fault(struct cpu *c, struct lab_result *r)
{
    struct cpu_fault f = cpu_last_fault(c);

    r->status = LAB_FAULT;
    r->vec = f.vector;
    r->has_err = f.has_error;
    r->err = f.has_error ? f.error : 0;
    r->cr2 = f.vector == EXC_PF && !c->fault.soft ? f.cr2 : 0;
    if (c->fault.soft) {
        /* Linux's gates of vectors 3, 4 and 80h can be called from CPL 3, all others not; INT1 (F1)
         * ignores the gate's level */
        bool int_n = c->cur && is_int_n(c->cur);
        if (int_n && f.vector != EXC_BP && f.vector != EXC_OF) {
            r->vec = EXC_GP;
            r->has_err = true;
            r->err = f.vector * 8u + 2;
        } else if (c->cur) {
            r->out.eip = next_eip(c, c->cur);
            if (!(c->seg[S_CS].attr & SEG_DB))
                r->out.eip &= 0xffff;
        }
    }
}

static void set_registers(struct interp *in, const struct lab_case *k, unsigned cpl)
{
    struct cpu *c = in->c;

    memcpy(c->gpr, k->in.gpr, sizeof k->in.gpr);
    for (unsigned s = 0; s < 6; s++)
        if (c->seg[s].sel != k->in.sreg[s] || !c->seg[s].attr)
            load_segment(c, s, k->in.sreg[s]);
    c->cpl = (u8)cpl;
    c->eip = k->in.eip;
    c->events = 0;
    c->pending_dr6 = 0;
    c->cur = NULL;
    c->fault.soft = false;
    if (k->use_fx)
        fx_load(c, k->fx);
    cpu_set(c, CPU_EFLAGS, (k->in.eflags & LAB_FLAGS_SETTABLE) | LAB_FLAGS_FIXED);
}

static void set_case(struct interp *in, const struct lab_case *k, unsigned cpl)
{
    patch(in, k, true);
    put_code(in, k, true);
    set_registers(in, k, cpl);
}

/* Returns why it ended. */
static enum cpu_exit run_set(struct interp *in, const struct lab_case *k, struct lab_result *r)
{
    struct cpu *c = in->c;
    enum cpu_exit why;

    r->vec = 0;
    r->has_err = false;
    r->err = r->cr2 = 0;

    why = cpu_run(c, *cpu_retired(c) + BUDGET);
    memcpy(r->out.gpr, c->gpr, sizeof r->out.gpr);
    r->out.eip = c->eip;
    r->out.eflags = cpu_get(c, CPU_EFLAGS);
    for (unsigned s = 0; s < 6; s++)
        r->out.sreg[s] = c->seg[s].sel;
    if (why == CPU_BREAK)
        take_fault(c, r);
    else
        r->status = why == CPU_HALT ? LAB_DONE : LAB_HANG;
    if (k->use_fx)
        fx_store(c, r->fx);
    put_code(in, k, false);
    lab_collect(r, in->page[0], in->before);
    if (r->num_words > LAB_MAX_WORDS) {
        memcpy(in->page[0], in->before, LAB_WRITABLE * 4096);
    } else {
        for (u32 n = 0; n < r->num_words; n++) {
            int p = lab_page_of(r->word[n].la);
            u32 off = r->word[n].la & 0xfff;
            st32(in->page[p] + off, ld32(in->before + p * 4096 + off));
        }
    }
    patch(in, k, false);
    lab_settle(k, r);
    return why;
}

static void run_case(struct interp *in, const struct lab_case *k, struct lab_result *r)
{
    set_case(in, k, 3);
    if (in->jit && k->insns) {
        /* once for nothing: now blocks are linked, and go on with what is in the host's registers */
        cpu_run(in->c, *cpu_retired(in->c) + BUDGET);
        memcpy(in->page[0], in->before, sizeof in->before);
        set_registers(in, k, 3);
    }
    run_set(in, k, r);
}

/* ---- CPL 0 */

static const u8 sys_cpu_reg[LY_CPL] = {
    CPU_CR0, CPU_CR2, CPU_CR3, CPU_CR4, CPU_DR0, CPU_DR1, CPU_DR2, CPU_DR3, CPU_DR6, CPU_DR7,
    CPU_EFER, CPU_GDTR_BASE, CPU_GDTR_LIMIT, CPU_IDTR_BASE, CPU_IDTR_LIMIT, CPU_LDTR, CPU_TR,
};

static u32 port_read(void *dev, u32 off, unsigned size)
{
    u32 v = 0;

    (void)dev;
    for (unsigned k = 0; k < size; k++)
        v |= (u32)lab_fill(off + k) << (8 * k);
    return v;
}

static void port_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct interp *in = dev;
    struct lab_sys *s = in->outs;

    if (!s || s->num_outs == LAB_MAX_OUTS)
        return;
    s->out[s->num_outs].port = (u16)off;
    s->out[s->num_outs].size = (u8)size;
    s->out[s->num_outs++].v = val;
}

static const struct region_ops port_ops = { .read = port_read, .write = port_write,
                                            .unaligned = true };

static void get_system(struct cpu *c, struct lab_sys *s)
{
    for (unsigned k = 0; k < LY_CPL; k++)
        s->v[k] = cpu_get(c, (enum cpu_reg)sys_cpu_reg[k]);
    s->v[LY_CPL] = c->cpl;
    s->v[LY_IF] = c->eflags & FL_IF ? 1 : 0;
    s->v[LY_IOPL] = c->eflags >> 12 & 3;
    s->v[LY_HALTED] = cpu_halted(c);
    for (unsigned k = 0; k < s->num_msrs; k++)
        if (!msr_read(c, s->msr[k].index, &s->msr[k].v))
            s->msr[k].v = UINT64_MAX;
}

static void add_msrs(struct lab_sys *s, const struct lab_sys *from)
{
    for (unsigned k = 0; k < from->num_msrs; k++) {
        bool known = false;
        for (unsigned n = 0; n < s->num_msrs; n++)
            known |= s->msr[n].index == from->msr[k].index;
        if (!known && s->num_msrs < LAB_MAX_MSRS)
            s->msr[s->num_msrs++].index = from->msr[k].index;
    }
}

void lab_interp_system(struct lab_engine *e, const struct lab_case *k, const struct lab_sys *in,
                       const struct lab_sys *expect, struct lab_sys *before, struct lab_sys *after,
                       struct lab_result *r)
{
    struct interp *it = container_of(e, struct interp, e);
    struct lab_sys keep = { 0 };
    struct cpu *c = it->c;

    add_msrs(&keep, in);
    add_msrs(&keep, expect);
    get_system(c, &keep);
    set_case(it, k, 0);
    for (unsigned n = 0; n < LY_CPL; n++)
        if (in->named & BIT(n))
            cpu_set(c, (enum cpu_reg)sys_cpu_reg[n], in->v[n]);
    if (in->named & (BIT(LY_IF) | BIT(LY_IOPL))) {
        u32 fl = cpu_get(c, CPU_EFLAGS);
        if (in->named & BIT(LY_IF))
            fl = (fl & ~(u32)FL_IF) | (in->v[LY_IF] ? FL_IF : 0);
        cpu_set(c, CPU_EFLAGS, fl | (in->v[LY_IOPL] & 3) << 12);
    }
    for (unsigned n = 0; n < in->num_msrs; n++)
        msr_write(c, in->msr[n].index, in->msr[n].v);
    *before = keep;
    get_system(c, before);
    *after = (struct lab_sys){ 0 };
    it->outs = after;
    run_set(it, k, r);
    it->outs = NULL;
    after->num_msrs = keep.num_msrs;
    memcpy(after->msr, keep.msr, sizeof after->msr);
    get_system(c, after);
    for (unsigned n = 0; n < keep.num_msrs; n++)
        msr_write(c, keep.msr[n].index, keep.msr[n].v);
    cpu_reset(c, CPU_INIT);
    set_system(c);
}

static void interp_start(struct lab_engine *e, const struct lab_case *cases, unsigned n)
{
    struct interp *in = container_of(e, struct interp, e);

    code_flush(in->c); /* blocks of landing places pile up */
    if (in->views)
        mmu_flush_all(in->c); /* so that pages are missed, and shown, again and again */
    for (unsigned k = 0; k < n; k++)
        run_case(in, &cases[k], &in->result[k]);
}

static const struct lab_result *interp_wait(struct lab_engine *e)
{
    return container_of(e, struct interp, e)->result;
}

static void interp_close(struct lab_engine *e)
{
    struct interp *in = container_of(e, struct interp, e);

    cpu_free(in->c);
    space_free(&in->mem);
    space_free(&in->io);
    ram_free(&in->ram);
    log_free(&in->log);
    xfree(in);
}

enum { ENGINE_INTERP, ENGINE_SOFT, ENGINE_JIT, ENGINE_VIEWS };

static struct lab_engine *open_engine(const char *name, unsigned kind, struct err *e)
{
    struct interp *in = xcalloc(1, sizeof *in);
    struct cpu_config cfg = { .model = "max,+nx", .soft_fpu = kind == ENGINE_SOFT };
    struct ram_object obj = { .size = (F_NUM + 1) * 4096, .fd = -1, .release = release };

    in->views = kind == ENGINE_VIEWS;
    in->e = (struct lab_engine){ name, interp_start, interp_wait, interp_close };
    log_init(&in->log);
    if (kind != ENGINE_VIEWS)
        obj.base = xcalloc(1, obj.size);
    else if (!os_ram_new(&obj, obj.size, e)) {
        xfree(in);
        return NULL;
    }
    in->arena = obj.base;
    ram_init(&in->ram, obj);
    space_init(&in->mem, "memory", 0xfffffffffull, &in->log, &in->ram);
    space_init(&in->io, "ports", 0xffff, &in->log, NULL);
    in->region = (struct region){ .name = "ram", .size = F_NUM * 4096, .kind = REGION_RAM,
                                  .prio = PRIO_RAM, .flags = REGION_RW };
    in->ports = (struct region){ .name = "ports", .size = 0x10000, .kind = REGION_IO,
                                 .ops = &port_ops, .dev = in, .prio = PRIO_PORT,
                                 .flags = REGION_RW };
    cfg.mem = &in->mem;
    cfg.io = &in->io;
    cfg.log = &in->log;
    for (unsigned k = 0; k < LAB_PAGES; k++) {
        in->page[k] = in->arena + (F_PAGES + k) * 4096;
        lab_fill_page(in->page[k], k);
    }
    memcpy(in->before, in->page[0], sizeof in->before);
    make_tables(in);
    if (!space_map(&in->mem, &in->region, e) || !space_map(&in->io, &in->ports, e) ||
        !(in->c = cpu_new(&cfg, e))) {
        interp_close(&in->e);
        return NULL;
    }
    /* every row of the table, whatever the model has; CR4.OSFXSR goes with CPUID's bit */
    in->c->cpuid_edx |= CPUID_MMX | CPUID_FXSR | CPUID_SSE | CPUID_SSE2;
    in->c->isa_features = 0xffffffffu;
    isa_free(in->c->isa);
    in->c->isa = isa_new(in->c->isa_features);
    set_system(in->c);
    cpu_catch_faults(in->c, true);
#if HAVE_JIT
    if (kind >= ENGINE_JIT &&
        (!jit_attach(in->c, 0, e) || (kind == ENGINE_VIEWS && !jit_views(in->c, 0, e)))) {
        interp_close(&in->e);
        return NULL;
    }
#endif
    in->jit = kind >= ENGINE_JIT;
    return &in->e;
}

struct lab_engine *lab_interp_open(struct err *e)
{
    return open_engine("interp", ENGINE_INTERP, e);
}

struct lab_engine *lab_interp_soft_open(struct err *e)
{
    return open_engine("interp-soft", ENGINE_SOFT, e);
}

struct lab_engine *lab_jit_open(bool views, struct err *e)
{
#if HAVE_JIT
    return open_engine(views ? "views" : "jit", views ? ENGINE_VIEWS : ENGINE_JIT, e);
#else
    (void)views;
    err_set(e, ERR_CONFIG, "there is no translator for this host's processor");
    return NULL;
#endif
}
