/* SPDX-License-Identifier: MIT */
/* x87 control: WAIT, control and status words, environments and whole states (SDM 1, 8.1.10).
 * Instructions with N in their name look at no pending exception. An environment is checked as a
 * whole before a byte of it moves, so that a page fault in its middle changes nothing. */
#include "cpu/mem.h"
#include "cpu/x87.h"

static unsigned op_wait(struct cpu *c, const struct insn *i)
{
    FPU_WAIT(c, i);
    NEXT(c, i);
}
FPU_HSET(wait);

/* FNENI, FNDISI (8087) and FNSETPM (287): nothing any more. */
static unsigned op_fnop_old(struct cpu *c, const struct insn *i)
{
    NEXT(c, i);
}
FPU_HSET(fnop_old);

static unsigned op_fnclex(struct cpu *c, const struct insn *i)
{
    c->fpu.sw &= (u16)~(SW_EXC | SW_SF | SW_ES | SW_B);
    fpu_error_changed(c);
    NEXT(c, i);
}
FPU_HSET(fnclex);

static unsigned op_fninit(struct cpu *c, const struct insn *i)
{
    fpu_reset(c, true);
    NEXT(c, i);
}
FPU_HSET(fninit);

static unsigned op_fldcw(struct cpu *c, const struct insn *i)
{
    u16 v;

    FPU_WAIT(c, i);
    c->cur = i;
    if (!mem_read16(c, i->seg, insn_ea(c, i), &v))
        FAULT(c);
    fpu_set_cw(c, v);
    NEXT(c, i);
}
FPU_HSET(fldcw);

static unsigned op_fnstcw(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (!mem_write16(c, i->seg, insn_ea(c, i), c->fpu.cw))
        FAULT(c);
    NEXT(c, i);
}
FPU_HSET(fnstcw);

static unsigned op_fnstsw_m(struct cpu *c, const struct insn *i)
{
    c->cur = i;
    if (!mem_write16(c, i->seg, insn_ea(c, i), c->fpu.sw))
        FAULT(c);
    NEXT(c, i);
}
FPU_HSET(fnstsw_m);

static unsigned op_fnstsw_ax(struct cpu *c, const struct insn *i)
{
    c->gpr[R_EAX] = (c->gpr[R_EAX] & 0xffff0000u) | c->fpu.sw;
    NEXT(c, i);
}
FPU_HSET(fnstsw_ax);

/* ---- environment images: 14 or 28 bytes, and 80 of registers behind them for FNSAVE */

enum { ENV_MAX = 28 + 80 };

static void put16(u8 *p, u32 v)
{
    p[0] = (u8)v;
    p[1] = (u8)(v >> 8);
}
static void put32(u8 *p, u32 v)
{
    put16(p, v);
    put16(p + 2, v >> 16);
}
static u16 get16(const u8 *p) { return (u16)(p[0] | p[1] << 8); }
static u32 get32(const u8 *p) { return get16(p) | (u32)get16(p + 2) << 16; }

static unsigned env_size(const struct insn *i)
{
    return i->flags & INSN_OP32 ? 28 : 14;
}

/* Bits that the manual calls reserved are ones, as the hardware writes them. */
static void env_make(const struct cpu *c, const struct insn *i, u8 *e)
{
    const struct fpu *f = &c->fpu;
    bool prot = is_prot(c);
    u32 ip = f->fip, dp = f->fdp;

    if (!prot) { /* linear addresses */
        ip += (u32)f->fcs << 4;
        dp += (u32)f->fds << 4;
    }
    if (i->flags & INSN_OP32) {
        put32(e, 0xffff0000u | f->cw);
        put32(e + 4, 0xffff0000u | f->sw);
        put32(e + 8, 0xffff0000u | fpu_tag_word(c));
        put32(e + 12, prot ? ip : 0xffff0000u | (ip & 0xffff));
        put32(e + 16, prot ? (u32)f->fop << 16 | f->fcs : (ip >> 16) << 12 | f->fop);
        put32(e + 20, prot ? dp : 0xffff0000u | (dp & 0xffff));
        put32(e + 24, prot ? 0xffff0000u | f->fds : (dp >> 16) << 12);
    } else {
        put16(e, f->cw);
        put16(e + 2, f->sw);
        put16(e + 4, fpu_tag_word(c));
        put16(e + 6, ip);
        put16(e + 8, prot ? f->fcs : ((ip >> 16) & 15) << 12 | f->fop);
        put16(e + 10, dp);
        put16(e + 12, prot ? f->fds : ((dp >> 16) & 15) << 12);
    }
}

/* In real and V86 mode the selectors are lost: the pointers stay linear. */
static void env_take(struct cpu *c, const struct insn *i, const u8 *e)
{
    struct fpu *f = &c->fpu;
    bool prot = is_prot(c);

    if (i->flags & INSN_OP32) {
        u32 hi = get32(e + 16);

        f->cw = get16(e);
        f->sw = get16(e + 4);
        fpu_set_tag_word(c, get16(e + 8));
        f->fip = prot ? get32(e + 12) : get16(e + 12) | (hi & 0x0ffff000) << 4;
        f->fdp = prot ? get32(e + 20) : get16(e + 20) | (get32(e + 24) & 0x0ffff000) << 4;
        f->fop = (u16)((prot ? hi >> 16 : hi) & 0x7ff);
        f->fcs = prot ? (u16)hi : 0;
        f->fds = prot ? get16(e + 24) : 0;
    } else {
        u32 hi = get16(e + 8), dhi = get16(e + 12);

        f->cw = get16(e);
        f->sw = get16(e + 2);
        fpu_set_tag_word(c, get16(e + 4));
        f->fip = get16(e + 6) | (prot ? 0 : (hi & 0xf000) << 4);
        f->fdp = get16(e + 10) | (prot ? 0 : (dhi & 0xf000) << 4);
        f->fop = prot ? 0 : (u16)(hi & 0x7ff);
        f->fcs = prot ? (u16)hi : 0;
        f->fds = prot ? (u16)dhi : 0;
    }
    fpu_set_cw(c, f->cw);
}

static NB_WARN_UNUSED bool env_write(struct cpu *c, const struct insn *i, const u8 *e, unsigned n)
{
    u32 la, ea = insn_ea(c, i);
    unsigned step = i->flags & INSN_OP32 ? 4 : 2;

    c->cur = i;
    if (!seg_check_slow(c, i->seg, ea, n, true, &la) ||
        !mem_probe_write(c, la, n, c->cpl == 3))
        return false;
    /* a misaligned one faults with its first piece */
    for (unsigned k = 0; k < n; k += step) {
        bool ok = step == 4 ? la_write32(c, la + k, get32(e + k))
                            : la_write16(c, la + k, get16(e + k));
        if (!ok)
            return false;
    }
    return true;
}

static NB_WARN_UNUSED bool env_read(struct cpu *c, const struct insn *i, u8 *e, unsigned n)
{
    u32 la, ea = insn_ea(c, i);
    unsigned step = i->flags & INSN_OP32 ? 4 : 2;

    c->cur = i;
    if (!seg_check_slow(c, i->seg, ea, n, false, &la))
        return false;
    for (unsigned k = 0; k < n; k += step) {
        u32 d;
        u16 w;

        if (step == 4) {
            if (!la_read32(c, la + k, &d))
                return false;
            put32(e + k, d);
        } else {
            if (!la_read16(c, la + k, &w))
                return false;
            put16(e + k, w);
        }
    }
    return true;
}

static unsigned op_fldenv(struct cpu *c, const struct insn *i)
{
    u8 e[ENV_MAX];

    FPU_WAIT(c, i);
    if (!env_read(c, i, e, env_size(i)))
        FAULT(c);
    env_take(c, i, e);
    NEXT(c, i);
}
FPU_HSET(fldenv);

/* Stores, then masks all exceptions. */
static unsigned op_fnstenv(struct cpu *c, const struct insn *i)
{
    u8 e[ENV_MAX];

    env_make(c, i, e);
    if (!env_write(c, i, e, env_size(i)))
        FAULT(c);
    fpu_set_cw(c, c->fpu.cw | CW_MASKS);
    NEXT(c, i);
}
FPU_HSET(fnstenv);

static unsigned op_frstor(struct cpu *c, const struct insn *i)
{
    u8 e[ENV_MAX];
    unsigned n = env_size(i);

    FPU_WAIT(c, i);
    if (!env_read(c, i, e, n + 80))
        FAULT(c);
    env_take(c, i, e);
    for (unsigned k = 0; k < 8; k++)
        memcpy(fpu_st(c, k), e + n + 10 * k, 10);
    NEXT(c, i);
}
FPU_HSET(frstor);

static unsigned op_fnsave(struct cpu *c, const struct insn *i)
{
    u8 e[ENV_MAX];
    unsigned n = env_size(i);

    env_make(c, i, e);
    for (unsigned k = 0; k < 8; k++)
        memcpy(e + n + 10 * k, fpu_st(c, k), 10);
    if (!env_write(c, i, e, n + 80))
        FAULT(c);
    fpu_reset(c, true);
    NEXT(c, i);
}
FPU_HSET(fnsave);
