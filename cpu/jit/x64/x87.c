/* SPDX-License-Identifier: MIT */
/* Templates of x87 rows: the host's own instruction. */
#include "cpu/isa.h"
#include "cpu/jit/x64/x64.h"
#include "cpu/x87.h"

static struct host_mem operand(void) { return HMEMX(H_R10, H_R9, 0); }

/* Which of the memory forms store: of the odd opcodes /1 (FISTTP), /2, /3, /6 and /7. */
static bool is_store(const struct isa_row *row)
{
    return (row->op & 1) && row->ext >= 1 && row->ext != 4 && row->ext != 5;
}

/* Bytes to check for: of ten-byte operands sixteen, which may send one that fits to the handler. */
static unsigned operand_size(const struct isa_row *row)
{
    switch (OPD_SIZE(row->o[0])) {
    case OZ_W: return 2;
    case OZ_D: return 4;
    case OZ_Q: return 8;
    default: return 16;
    }
}

static struct cold *address(struct x64 *x, unsigned k, unsigned size, bool write)
{
    const struct insn *in = &x->b->insns[k];

    x64_ea(x, in);
    return x64_lookup(x, k, in->seg, size, write);
}

static bool in_memory(struct x64 *x, unsigned k, bool pointers)
{
    const struct insn *in = &x->b->insns[k];
    const struct isa_row *row = isa_row(in->row);
    struct asm_buf *a = &x->a;
    struct host_mem m;

    x64_ea(x, in); /* the address is wanted later */
    struct cold *o = x64_mem(x, k, in->seg, HMEM(H_R9, 0), operand_size(row), is_store(row), &m);
    x64_access(x, o, H_NONE);
    as_nm(a, 4, row->op, (unsigned)row->ext, m);
    if (pointers) {
        if (in->seg == S_FS || in->seg == S_GS) /* an offset is wanted */
            as_alu_rm(a, 4, HA_SUB, H_R9,
                      HMEM(H_R14, (i32)(offsetof(struct cpu, seg) + in->seg * sizeof(struct seg) +
                                        offsetof(struct seg, base))));
        as_store(a, 4, H_R9, CPU_AT(fpu.fdp));
        x->fp.note = x->fp.note_mem = (u8)(k + 1);
    }
    x64_done(x, o);
    return true;
}

static void bytes(struct x64 *x, unsigned op, unsigned modrm)
{
    as_8(&x->a, op);
    as_8(&x->a, modrm);
}

static void in_registers(struct x64 *x, unsigned k)
{
    const struct insn *in = &x->b->insns[k];

    bytes(x, isa_row(in->row)->op, in->modrm);
    x->fp.note = (u8)(k + 1);
}

/* Whether insns[k] sets or clears C1 before anybody can look. */
static bool writes_c1(const struct x64 *x, unsigned k)
{
    const struct insn *in = &x->b->insns[k];

    return k < x->b->n && x->j->rows[in->row] == T_FP_X87 && !(in->flags & INSN_MEM) &&
           !(isa_row(in->row)->op == 0xd9 && in->modrm == 0xd0); /* FNOP */
}

/* C1 is clear behind it, but for what a stack fault does: on some hosts it stays as it was. */
static void fcomi(struct x64 *x, unsigned k)
{
    if (x->open || !writes_c1(x, k + 1)) {
        bytes(x, 0xd9, 0xf7); /* fincstp, fdecstp: C1 is all that they change together */
        bytes(x, 0xd9, 0xf6);
    }
    in_registers(x, k);
    x64_wrote_unknown(x);
}

static bool fnstcw(struct x64 *x, unsigned k)
{
    struct asm_buf *a = &x->a;
    struct cold *o = address(x, k, 2, true);

    as_rm(a, 4, 0x1b7, H_R11, CPU_AT(fpu.cw));
    as_store(a, 2, H_R11, operand());
    x64_done(x, o);
    return true;
}

/* With an exception that is not masked, by the handler. */
static bool fldcw(struct x64 *x, unsigned k)
{
    struct asm_buf *a = &x->a;
    struct host_mem slot = CPU_AT(fast.slot[2]);
    struct cold *o = address(x, k, 2, false);

    as_rm(a, 4, 0x1b7, H_R11, operand());
    if (x->open) { /* and where that changes */
        as_rm(a, 4, 0x1b7, H_R10, CPU_AT(fpu.cw));
        as_alu_rr(a, 4, HA_XOR, H_R10, H_R11);
    } else {
        as_mov_rr(a, 4, H_R10, H_R11);
        as_nr(a, 4, 0xf7, 2, H_R10); /* not */
    }
    as_test_ri(a, 4, H_R10, CW_MASKS);
    o->from[2] = as_jcc(a, HC_NZ);
    as_alu_ri(a, 4, HA_AND, H_R11, CW_WRITABLE);
    as_alu_ri(a, 4, HA_OR, H_R11, CW_ONES);
    as_store(a, 2, H_R11, CPU_AT(fpu.cw));
    as_alu_ri(a, 4, HA_AND, H_R11, ~(u32)CW_X);
    as_store(a, 4, H_R11, slot);
    as_nm(a, 4, 0xd9, 5, slot);
    x64_done(x, o);
    return true;
}

bool x64_x87_op(struct x64 *x, unsigned k, unsigned cls)
{
    const struct insn *in = &x->b->insns[k];

    switch (cls) {
    case T_FP_X87: case T_FP_FUNCTION:
        if (in->flags & INSN_MEM)
            return in_memory(x, k, true);
        in_registers(x, k);
        return true;
    case T_FP_CONTROL:
        if (in->flags & INSN_MEM)
            return in_memory(x, k, false);
        bytes(x, isa_row(in->row)->op, in->modrm);
        return true;
    case T_FP_FCMOV:
        x64_want_flags(x);
        in_registers(x, k);
        return true;
    case T_FP_FCOMI: fcomi(x, k); return true;
    case T_FP_FNSTCW: return fnstcw(x, k);
    case T_FP_FLDCW: return fldcw(x, k);
    case T_FP_NOTHING: return true;
    }
    return false;
}
