/* SPDX-License-Identifier: MIT */
/* IN, OUT, INS, OUTS (SDM 2). Ports go straight to the port space.
 *
 * REP: one iteration at a time; each counts as one retired instruction. Everything that can fault
 * is checked before the port is touched, so that no data is lost. Between iterations the
 * instruction is left, EIP at it and EFLAGS.RF set, when an event or the budget asks for it, or
 * for the debugger. */
#include "core/bus.h"
#include "cpu/icache.h"
#include "cpu/isa.h"
#include "cpu/sys.h"
#include "cpu/twice.h"

enum { REP_MAX = 4096 };

#define HSET_SIZES(f) { \
    { f##8, f##8, f##8, f##8, f##8, f##8, f##8, f##8, f##8 }, \
    { f##16, f##16, f##16, f##16, f##16, f##16, f##16, f##16, f##16 }, \
    { f##32, f##32, f##32, f##32, f##32, f##32, f##32, f##32, f##32 } }
#define SIZES_(name) \
static unsigned op_##name##8(struct cpu *c, const struct insn *i) { return do_##name(c, i, 1); } \
static unsigned op_##name##16(struct cpu *c, const struct insn *i) { return do_##name(c, i, 2); } \
static unsigned op_##name##32(struct cpu *c, const struct insn *i) { return do_##name(c, i, 4); } \
const struct hset hs_##name = { HSET_SIZES(op_##name) };

static u32 port_read(struct cpu *c, u16 port, unsigned size)
{
    u32 v;

    cpu_sync(c);
    v = bus_read(c, c->io, port, size);
    if (unlikely(c->dr7 & DR7_ENABLES))
        debug_io_check(c, port, size);
    return v;
}

static void port_write(struct cpu *c, u16 port, u32 v, unsigned size)
{
    cpu_sync(c);
    bus_write(c, c->io, port, v, size);
    if (unlikely(c->dr7 & DR7_ENABLES))
        debug_io_check(c, port, size);
}

NB_INLINE unsigned in_port(struct cpu *c, const struct insn *i, u16 port, unsigned size)
{
    u32 v;

    c->cur = i;
    if (!io_check(c, port, size))
        FAULT(c);
    v = port_read(c, port, size);
    if (size == 1)
        REG8(c, R_EAX * 4) = (u8)v;
    else if (size == 2)
        REG16(c, R_EAX * 4) = (u16)v;
    else
        c->gpr[R_EAX] = v;
    NEXT(c, i);
}

NB_INLINE unsigned out_port(struct cpu *c, const struct insn *i, u16 port, unsigned size)
{
    c->cur = i;
    if (!io_check(c, port, size))
        FAULT(c);
    port_write(c, port, c->gpr[R_EAX] & size_mask(size), size);
    EXIT_AT(c, i, next_eip(c, i));
}

NB_INLINE unsigned do_in_imm(struct cpu *c, const struct insn *i, unsigned size)
{
    return in_port(c, i, i->imm & 0xff, size);
}
NB_INLINE unsigned do_in_dx(struct cpu *c, const struct insn *i, unsigned size)
{
    return in_port(c, i, (u16)c->gpr[R_EDX], size);
}
NB_INLINE unsigned do_out_imm(struct cpu *c, const struct insn *i, unsigned size)
{
    return out_port(c, i, i->imm & 0xff, size);
}
NB_INLINE unsigned do_out_dx(struct cpu *c, const struct insn *i, unsigned size)
{
    return out_port(c, i, (u16)c->gpr[R_EDX], size);
}
SIZES_(in_imm)
SIZES_(in_dx)
SIZES_(out_imm)
SIZES_(out_dx)

/* ---- strings */

static void advance(struct cpu *c, unsigned r, u32 mask, unsigned size)
{
    u32 v = c->gpr[r] + (c->eflags & FL_DF ? -size : size);

    c->gpr[r] = (c->gpr[r] & ~mask) | (v & mask);
}

static bool ins_one(struct cpu *c, const struct insn *i, unsigned size)
{
    u16 port = (u16)c->gpr[R_EDX];
    u32 ea = c->gpr[R_EDI] & insn_ea_mask(i), la, v;
    bool ok;

    if (!io_check(c, port, size))
        return false;
    la = c->seg[S_ES].base + ea;
    if (ea >= c->seg[S_ES].wr_end && !seg_check_slow(c, S_ES, ea, size, true, &la))
        return false;
    if (unlikely(c->mode & MODE_AC) && (la & (size - 1)))
        return cpu_raise_err(c, EXC_AC, 0);
    if (!MEM_FAST_(c->tlb_wr, la, size) && !mem_probe_write(c, la, size, c->cpl == 3))
        return false;
    v = port_read(c, port, size);
    if (size == 1)
        ok = la_write8(c, la, (u8)v);
    else if (size == 2)
        ok = la_write16(c, la, (u16)v);
    else
        ok = la_write32(c, la, v);
    if (!ok)
        return false;
    advance(c, R_EDI, insn_ea_mask(i), size);
    return true;
}

static bool outs_one(struct cpu *c, const struct insn *i, unsigned size)
{
    u16 port = (u16)c->gpr[R_EDX], w;
    u32 ea = c->gpr[R_ESI] & insn_ea_mask(i), v;
    u8 b;

    if (!io_check(c, port, size))
        return false;
    if (size == 1) {
        if (!mem_read8(c, i->seg, ea, &b))
            return false;
        v = b;
    } else if (size == 2) {
        if (!mem_read16(c, i->seg, ea, &w))
            return false;
        v = w;
    } else if (!mem_read32(c, i->seg, ea, &v)) {
        return false;
    }
    port_write(c, port, v, size);
    advance(c, R_ESI, insn_ea_mask(i), size);
    return true;
}

/* Whether the loop must see to something before the next iteration. */
static bool must_leave(const struct cpu *c, const struct insn *i)
{
    return cpu_disturbed(c) || cpu_kicked(c) || (c->mode & MODE_SINGLE) ||
           c->blk_retired + i->n >= c->until || !code_stands(c);
}

typedef bool string_fn(struct cpu *c, const struct insn *i, unsigned size);

NB_INLINE unsigned string_io(struct cpu *c, const struct insn *i, unsigned size, string_fn *one)
{
    c->cur = i;
    if (!(i->flags & (INSN_REP | INSN_REPNE))) {
        if (!one(c, i, size))
            FAULT(c);
        EXIT_AT(c, i, next_eip(c, i));
    }
    /* the port is checked even if nothing is to be moved */
    if (!(c->gpr[R_ECX] & insn_ea_mask(i)) && !io_check(c, (u16)c->gpr[R_EDX], size))
        FAULT(c);
    for (unsigned n = 1; c->gpr[R_ECX] & insn_ea_mask(i); n++) {
        u32 left = (c->gpr[R_ECX] - 1) & insn_ea_mask(i);

        if (!one(c, i, size))
            FAULT(c);
        c->gpr[R_ECX] = (c->gpr[R_ECX] & ~insn_ea_mask(i)) | left;
        if (!left)
            break;
        c->blk_retired++;
        if (n >= REP_MAX || must_leave(c, i)) {
            c->eflags |= FL_RF;
            c->eip = c->blk_eip + i->ofs;
            c->retired = c->blk_retired + i->n;
            return RUN_EXIT;
        }
    }
    EXIT_AT(c, i, next_eip(c, i));
}

NB_INLINE unsigned do_ins(struct cpu *c, const struct insn *i, unsigned size)
{
    return string_io(c, i, size, ins_one);
}
NB_INLINE unsigned do_outs(struct cpu *c, const struct insn *i, unsigned size)
{
    return string_io(c, i, size, outs_one);
}
SIZES_(ins)
SIZES_(outs)
