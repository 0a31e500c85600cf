/* SPDX-License-Identifier: MIT */
/* Templates of MMX, SSE, SSE2 and SSE3 rows: the host's own instruction with the general registers
 * mapped. Memory operands have the length that the row says; those that must be aligned and are not
 * fault in the handler. */
#include "cpu/isa.h"
#include "cpu/jit/x64/x64.h"
#include "cpu/simd.h"

struct shape {
    unsigned pfx, op, reg, rm, size; /* op: as asm.h has it; size: of the memory operand */
    bool store, imm;
};

/* Non-temporal stores are stores, LDDQU is a load: nothing of theirs shows. */
static void plain_move(struct shape *s)
{
    switch (s->op) {
    case 0x12b: s->op = 0x129; break;
    case 0x1c3: s->op = 0x89; break;
    case 0x1e7: s->op = 0x17f; break;
    case 0x1f0:
        s->pfx = 0xf3;
        s->op = 0x16f;
        break;
    }
}

static struct shape shape_of(const struct insn *in)
{
    static const u8 pfx[] = { [PFX_66] = 0x66, [PFX_F3] = 0xf3, [PFX_F2] = 0xf2, [PFX_ANY] = 0 };
    static const u8 bytes[] = { [OZ_B] = 1, [OZ_W] = 2, [OZ_D] = 4, [OZ_Q] = 8, [OZ_DQ] = 16,
                                [OZ_X] = 0 };
    const struct isa_row *row = isa_row(in->row);
    struct shape s = { .pfx = pfx[row->pfx], .op = 0x100u | row->op };

    if (row->ext >= 0)
        s.reg = (unsigned)row->ext;
    for (unsigned k = 0; k < 3; k++) {
        unsigned off = k ? in->src : in->dst;
        switch (OPD_KIND(row->o[k])) {
        case OK_G:
            s.reg = x64_host_of[off >> 2];
            break;
        case OK_P: case OK_VX:
            s.reg = off >> 4;
            break;
        case OK_E: case OK_Q: case OK_W: case OK_M: case OK_N: case OK_U:
            if (in->flags & INSN_MEM) {
                s.size = bytes[OPD_SIZE(row->o[k])];
                s.store = k == 0;
            } else {
                s.rm = OPD_KIND(row->o[k]) == OK_E ? x64_host_of[off >> 2] : off >> 4;
            }
            break;
        case OK_I:
            s.imm = true;
            break;
        }
    }
    plain_move(&s);
    return s;
}

static void emit(struct x64 *x, const struct insn *in, const struct shape *s, struct host_mem m)
{
    struct asm_buf *a = &x->a;

    if (s->pfx)
        as_8(a, s->pfx);
    if (in->flags & INSN_MEM)
        as_rm(a, 4, s->op, s->reg, m);
    else
        as_rr(a, 4, s->op, s->reg, s->rm);
    if (s->imm)
        as_8(a, s->op == 0x1c2 ? in->imm & 7 : in->imm);
}

static bool simd(struct x64 *x, unsigned k, bool flags)
{
    const struct insn *in = &x->b->insns[k];
    struct shape s = shape_of(in);
    struct host_mem m = { 0 };
    struct cold *o = NULL;

    if (in->flags & INSN_MEM) {
        if (!s.size)
            return false;
        o = x64_mem(x, k, in->seg, x64_ea_of(in), s.size, s.store, &m);
        if (isa_row(in->row)->attr & A_ALIGN16) {
            o->from[2] = o->misaligned;
            o->misaligned = 0;
        }
        x64_access(x, o, H_NONE); /* through the view, what is not aligned faults there */
    }
    emit(x, in, &s, m);
    if (flags) {
        x64_wrote_unknown(x);
    }
    if (o)
        x64_done(x, o);
    return true;
}

static bool stmxcsr(struct x64 *x, unsigned k)
{
    const struct insn *in = &x->b->insns[k];

    x64_ea(x, in);
    struct cold *o = x64_lookup(x, k, in->seg, 4, true);
    as_nm(&x->a, 4, 0x1ae, 3, HMEMX(H_R10, H_R9, 0));
    x64_done(x, o);
    return true;
}

/* With an exception that is not masked, or a bit that isn't there, by the handler. */
static bool ldmxcsr(struct x64 *x, unsigned k)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    struct host_mem slot = CPU_AT(fast.slot[2]);

    x64_ea(x, in);
    struct cold *o = x64_lookup(x, k, in->seg, 4, false);
    as_load(a, 4, H_R11, HMEMX(H_R10, H_R9, 0));
    as_mov_rr(a, 4, H_R10, H_R11);
    as_alu_ri(a, 4, HA_AND, H_R10, ~mxcsr_mask(x->c) | MXCSR_MASKS);
    as_alu_ri(a, 4, HA_CMP, H_R10, MXCSR_MASKS);
    o->from[2] = as_jcc(a, HC_NZ);
    as_store(a, 4, H_R11, slot);
    as_nm(a, 4, 0x1ae, 2, slot);
    x64_done(x, o);
    return true;
}

bool x64_fp_op(struct x64 *x, unsigned k, unsigned cls)
{
    switch (cls) {
    case T_FP_SIMD: case T_FP_APPROX: return simd(x, k, false);
    case T_FP_COMIS: return simd(x, k, true);
    case T_FP_LDMXCSR: return ldmxcsr(x, k);
    case T_FP_STMXCSR: return stmxcsr(x, k);
    case T_FP_EMMS:
        as_8(&x->a, 0x0f);
        as_8(&x->a, 0x77);
        return true;
    }
    return x64_x87_op(x, k, cls);
}
