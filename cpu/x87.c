/* SPDX-License-Identifier: MIT */
/* x87 state: reset, control, status and tag words, stack faults, the error line.
 * SDM 1 chapter 8. Registers are kept as 10-byte images by physical number; the tag word is kept as
 * "not empty" bits and made from the contents when it is asked for. */
#include "cpu/x87.h"

#include "cpu/twice.h"

const u8 fpu_indefinite[10] = { 0, 0, 0, 0, 0, 0, 0, 0xc0, 0xff, 0xff };

u16 fpu_run_exact(struct cpu *c, fpu_fn *fn, void *out, const void *a, const void *b)
{
    if ((c->fpu.cw & CW_MASKS) == CW_MASKS)
        fpu_ops(c)->clear(); /* flags have stuck that the guest has not, or no more */
    return (u16)fn(c->fpu.cw & (u16)~CW_X, out, a, b);
}

u16 fpu_run_on_exact(struct cpu *c, fpu_fn *fn, u8 *a, const u8 *was, const void *b)
{
    u8 out[16];
    u16 r = fpu_run_exact(c, fn, out, was, b == a ? was : b);

    memcpy(a, fpu_trapped(c, r, SW_PRE) ? was : out, 10);
    return r;
}

bool fpu_stack_fault(struct cpu *c, bool overflow)
{
    fpu_flags(c, SW_IE | (overflow ? SW_C1 : 0), SW_C1);
    c->fpu.sw |= SW_SF;
    return c->fpu.cw & SW_IE;
}

/* CR0.NE: #MF. Else the instruction waits until IRQ13's handler ends the error or asserts IGNNE#:
 * it is polled, and each poll takes the time of an instruction, so that machine time goes on. */
unsigned fpu_pending(struct cpu *c, const struct insn *i)
{
    if (c->cr0 & CR0_NE)
        RAISE(c, i, EXC_MF);
    c->cur = i;
    fpu_error_changed(c); /* CR0.NE may have been cleared with the exception pending */
    if (!c->ferr || c->ignne)
        return RUN_NEXT;
    EXIT_AT(c, i, c->blk_eip + i->ofs);
}

void fpu_reset(struct cpu *c, bool init_only)
{
    struct fpu *f = &c->fpu;

    if (!init_only)
        memset(f->reg, 0, sizeof f->reg);
    /* power-on leaves what FNINIT leaves but for CW (SDM 3A table 9-1) */
    f->cw = init_only ? 0x037f : 0x0040;
    f->sw = 0;
    f->valid = init_only ? 0 : 0xff;
    f->fop = f->fcs = f->fds = 0;
    f->fip = f->fdp = 0;
    if (!init_only) {
        memset(f->xmm, 0, sizeof f->xmm);
        f->mxcsr = 0x1f80;
    }
    fpu_error_changed(c);
}

/* Two bits a register: 0 valid, 1 zero, 2 special, 3 empty (SDM 1, 8.1.7). */
u16 fpu_tag_word(const struct cpu *c)
{
    u16 tw = 0;

    for (unsigned n = 0; n < 8; n++) {
        unsigned tag = 3;

        if (c->fpu.valid & BIT(n)) {
            const u8 *r = c->fpu.reg[n];
            unsigned exp = fpu_exp(r);
            u64 sig = fpu_sig(r);

            if (exp == 0 && sig == 0)
                tag = 1;
            else if (exp == 0 || exp == 0x7fff || !(sig >> 63))
                tag = 2;
            else
                tag = 0;
        }
        tw |= (u16)(tag << (2 * n));
    }
    return tw;
}

void fpu_set_tag_word(struct cpu *c, u16 v)
{
    u8 valid = 0;

    for (unsigned n = 0; n < 8; n++)
        if (((v >> (2 * n)) & 3) != 3)
            valid |= (u8)BIT(n);
    c->fpu.valid = valid;
}

void fpu_summarise(struct cpu *c)
{
    struct fpu *f = &c->fpu;

    f->sw &= (u16)~(SW_ES | SW_B);
    if (f->sw & ~f->cw & SW_EXC)
        f->sw |= SW_ES | SW_B;
    fpu_error_changed(c);
}

void fpu_set_cw(struct cpu *c, u16 v)
{
    c->fpu.cw = (v & CW_WRITABLE) | CW_ONES;
    fpu_summarise(c);
}

void fpu_set_sw(struct cpu *c, u16 v)
{
    c->fpu.sw = v;
    fpu_summarise(c);
}

/* The FERR# pin as MS-DOS compatible machines use it (SDM 1 appendix D): low level here is "no
 * unmasked exception, or CR0.NE makes it #MF". The flip-flop behind IGNNE# falls with it. */
void fpu_error_changed(struct cpu *c)
{
    bool on = (c->fpu.sw & SW_ES) && !(c->cr0 & CR0_NE);

    if (!on)
        c->ignne = false;
    if (on == c->ferr_on)
        return;
    c->ferr_on = on;
    if (c->ferr && unlikely(c->twice != NULL))
        twice_ferr(c, on);
    else if (c->ferr)
        c->ferr(c->ferr_to, on);
}

void cpu_set_ferr(struct cpu *c, void (*fn)(void *to, int level), void *to)
{
    c->ferr = fn;
    c->ferr_to = to;
    if (fn)
        fn(to, c->ferr_on);
}

void cpu_ignne(struct cpu *c)
{
    if (c->ferr_on)
        c->ignne = true;
}

void cpu_get_st(const struct cpu *c, unsigned i, u8 v[10])
{
    memcpy(v, c->fpu.reg[(fpu_top(c) + i) & 7], 10);
}

void cpu_set_st(struct cpu *c, unsigned i, const u8 v[10])
{
    memcpy(c->fpu.reg[(fpu_top(c) + i) & 7], v, 10);
}

void cpu_get_xmm(const struct cpu *c, unsigned i, u8 v[16])
{
    memcpy(v, c->fpu.xmm[i & 7], 16);
}

void cpu_set_xmm(struct cpu *c, unsigned i, const u8 v[16])
{
    memcpy(c->fpu.xmm[i & 7], v, 16);
}
