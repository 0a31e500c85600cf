/* SPDX-License-Identifier: MIT */
/* x87, MMX and SSE state in the host's registers.
 *
 * A block that has such instructions asks at its start whether the guest's state is in, and has it
 * loaded if not; so do the places behind each call of handlers. Whatever leads to C stores it
 * again first. So loops keep it in, and blocks without such instructions pay nothing. Registers
 * of the x87 are mapped by their physical numbers: TOP and tags are the host's, and MMX finds its
 * registers.
 *
 * The guest's control word and MXCSR go to the host as they are, and nobody here takes its signals.
 * SSE's exceptions must all be masked; else the block is the interpreter's. The x87's show at the
 * next waiting instruction: where one is not masked, a translation of its own (struct jit_block,
 * `open`) asks for SW.ES in front of each, and the handler does what is to be done. That is slower,
 * so other blocks have code that wants all masked. With CR0.NE clear the exception drives a pin at
 * once, which is the interpreter's. c->fpu.cw is exact at all times.
 *
 * The host keeps no pointers of last instructions (AMD's only where an exception is pending):
 * emitted code stores FIP, and what FOP, FCS and FDS follow from, before anybody may look; FDP with
 * each memory operand. Selectors are taken when the state is stored: no code changes them in
 * between.
 *
 * While handlers of other instructions run, the x87's registers stay: no compiler makes code for it
 * that is not asked to, and nobody looks at them.
 *
 * Flags stick on the host, as sse_host.c and x87_host.c expect. */
#include "cpu/isa.h"
#include "cpu/jit/x64/x64.h"
#include "cpu/simd.h"

enum { FX_SW = 2, FX_TAG = 4, FX_MXCSR = 24, FX_ST = 32, FX_XMM = 160 };
enum { NOTE = 1 << 16, XMM_TEMP = 8 };

#define FP_AT(field) HMEM(H_R10, (i32)offsetof(struct jit_fp, field))
#define SEL_OF(s) ((u32)(offsetof(struct cpu, seg) + (s) * sizeof(struct seg) + \
                         offsetof(struct seg, sel)))

/* movups, stmxcsr and the like */
static void xmm_load(struct asm_buf *a, unsigned n, struct host_mem m)
{
    as_rm(a, 4, 0x110, n, m);
}
static void xmm_store(struct asm_buf *a, unsigned n, struct host_mem m)
{
    as_rm(a, 4, 0x111, n, m);
}
static void load16(struct asm_buf *a, unsigned to, struct host_mem m)
{
    as_rm(a, 4, 0x1b7, to, m); /* movzx */
}
static void load8(struct asm_buf *a, unsigned to, struct host_mem m)
{
    as_rm(a, 4, 0x1b6, to, m);
}
static void fxsave(struct asm_buf *a, struct host_mem m) { as_nm(a, 8, 0x1ae, 0, m); }
static void fxrstor(struct asm_buf *a, struct host_mem m) { as_nm(a, 8, 0x1ae, 1, m); }
static void ldmxcsr(struct asm_buf *a, struct host_mem m) { as_nm(a, 4, 0x1ae, 2, m); }
static void stmxcsr(struct asm_buf *a, struct host_mem m) { as_nm(a, 4, 0x1ae, 3, m); }

static u32 unless_in(struct asm_buf *a, unsigned what, unsigned cond)
{
    as_nm(a, 1, 0xf6, 0, CPU_AT(fast.fp_in));
    as_8(a, what);
    return as_jcc(a, cond);
}

static void fp_area(struct jit *j, struct asm_buf *a)
{
    as_mov_ri64(a, H_R10, (u64)(uintptr_t)&j->fp);
}

static void all_xmm(struct asm_buf *a, void (*move)(struct asm_buf *, unsigned, struct host_mem),
                    unsigned base, i32 at)
{
    for (unsigned n = 0; n < 8; n++)
        move(a, n, HMEM(base, at + 16 * (i32)n));
}

/* Between the image, in order of the stack, and physical registers; the status word is in r9d. */
static void turn(struct asm_buf *a, bool store)
{
    as_shift_ri(a, 4, 5, H_R9, 7);
    as_alu_ri(a, 4, HA_AND, H_R9, 0x70);
    for (i32 n = 0; n < 8; n++) {
        struct host_mem image = HMEM(H_R10, FX_ST + 16 * n);
        struct host_mem reg = { H_R14, H_R9, 0, (i32)offsetof(struct cpu, fpu.reg) };

        xmm_load(a, XMM_TEMP, store ? image : reg);
        xmm_store(a, XMM_TEMP, store ? reg : image);
        if (n < 7) {
            as_alu_ri(a, 4, HA_ADD, H_R9, 16);
            as_alu_ri(a, 4, HA_AND, H_R9, 0x70);
        }
    }
}

static void store_pointers(struct asm_buf *a)
{
    u32 skip;

    as_load(a, 4, H_R9, CPU_AT(fast.note));
    as_rr(a, 4, 0x85, H_R9, H_R9);
    skip = as_jcc(a, HC_Z);
    as_store(a, 2, H_R9, CPU_AT(fpu.fop));
    load16(a, H_R9, HMEM(H_R14, (i32)SEL_OF(S_CS)));
    as_store(a, 2, H_R9, CPU_AT(fpu.fcs));
    as_store_i(a, 4, CPU_AT(fast.note), 0);
    as_rel(a, skip, a->pos);
    as_load(a, 4, H_R9, CPU_AT(fast.note_seg));
    as_rr(a, 4, 0x85, H_R9, H_R9);
    skip = as_jcc(a, HC_Z);
    load16(a, H_R9, HMEMX(H_R14, H_R9, 0));
    as_store(a, 2, H_R9, CPU_AT(fpu.fds));
    as_store_i(a, 4, CPU_AT(fast.note_seg), 0);
    as_rel(a, skip, a->pos);
}

static void store_x87(struct jit *j, struct asm_buf *a)
{
    u32 skip;

    fp_area(j, a);
    fxsave(a, FP_AT(fx));
    load16(a, H_R9, FP_AT(fx[FX_SW]));
    as_store(a, 2, H_R9, CPU_AT(fpu.sw));
    as_test_ri(a, 4, H_R9, SW_ES);
    skip = as_jcc(a, HC_Z);
    as_8(a, 0xdb); /* fnclex, before EMMS looks */
    as_8(a, 0xe2);
    as_rel(a, skip, a->pos);
    turn(a, true);
    load8(a, H_R9, FP_AT(fx[FX_TAG]));
    as_store(a, 1, H_R9, CPU_AT(fpu.valid));
    load16(a, H_R9, FP_AT(fx));
    as_alu_ri(a, 4, HA_CMP, H_R9, j->fp.cw);
    skip = as_jcc(a, HC_Z);
    as_nm(a, 4, 0xd9, 5, FP_AT(cw)); /* fldcw */
    as_rel(a, skip, a->pos);
    as_8(a, 0x0f); /* emms */
    as_8(a, 0x77);
    store_pointers(a);
}

static void store_sse(struct jit *j, struct asm_buf *a)
{
    u32 skip;

    all_xmm(a, xmm_store, H_R14, (i32)offsetof(struct cpu, fpu.xmm));
    stmxcsr(a, CPU_AT(fpu.mxcsr));
    as_load(a, 4, H_R9, CPU_AT(fpu.mxcsr));
    as_alu_ri(a, 4, HA_AND, H_R9, ~(u32)MXCSR_EXC);
    as_alu_ri(a, 4, HA_CMP, H_R9, j->fp.mxcsr);
    skip = as_jcc(a, HC_Z);
    fp_area(j, a);
    ldmxcsr(a, FP_AT(mxcsr));
    as_rel(a, skip, a->pos);
}

static void keep_stub(struct jit *j, struct asm_buf *a)
{
    u32 skip;

    j->fp_keep = a->pos;
    skip = unless_in(a, FP_SSE, HC_Z);
    store_sse(j, a);
    as_rel(a, skip, a->pos);
    store_pointers(a); /* segment registers may change */
    as_alu_mi(a, 4, HA_AND, CPU_AT(fast.fp_in), FP_X87);
    as_8(a, 0xc3);
}

void x64_fp_store_stubs(struct jit *j, struct asm_buf *a)
{
    u32 skip;

    j->fp.mxcsr = MXCSR_MASKS;
    j->fp.cw = 0x37f;
    j->fp_store = a->pos;
    skip = unless_in(a, FP_X87 | FP_OPEN, HC_Z);
    store_x87(j, a);
    as_rel(a, skip, a->pos);
    skip = unless_in(a, FP_SSE, HC_Z);
    store_sse(j, a);
    as_rel(a, skip, a->pos);
    as_store_i(a, 4, CPU_AT(fast.fp_in), 0);
    as_8(a, 0xc3);
    keep_stub(j, a);
}

void x64_fp_out_for_group(struct jit *j, struct asm_buf *a)
{
    u32 none, open, all, done;

    as_alu_mi(a, 4, HA_CMP, CPU_AT(fast.fp_in), 0);
    none = as_jcc(a, HC_Z);
    open = unless_in(a, FP_OPEN, HC_NZ);
    as_alu_mi(a, 1, HA_CMP, HMEM(H_R11, (i32)offsetof(struct jit_group, fp)), 0);
    all = as_jcc(a, HC_NZ);
    as_call_to(a, j->fp_keep);
    done = as_jmp(a);
    as_rel(a, all, a->pos);
    as_rel(a, open, a->pos);
    as_call_to(a, j->fp_store);
    as_rel(a, none, a->pos);
    as_rel(a, done, a->pos);
}

void x64_fp_out(struct jit *j, struct asm_buf *a)
{
    u32 skip;

    as_alu_mi(a, 4, HA_CMP, CPU_AT(fast.fp_in), 0);
    skip = as_jcc(a, HC_Z);
    as_call_to(a, j->fp_store);
    as_rel(a, skip, a->pos);
}

/* Whoever relies on what the guest has left there, or is to be left there, finds this. */
void x64_fp_poison(struct jit *j, struct asm_buf *a)
{
    u32 skip;

    memset(j->fp.poison, 0xb7, sizeof j->fp.poison);
    j->fp.poison[9] = 0x7f; /* in 80 bits, a NaN */
    j->fp.poison[8] = 0xff;
    fp_area(j, a);
    for (unsigned n = 0; n < 16; n++)
        xmm_load(a, n, FP_AT(poison));
    skip = unless_in(a, FP_X87 | FP_OPEN, HC_NZ); /* kept over calls of some handlers */
    for (unsigned n = 0; n < 8; n++)
        as_nm(a, 4, 0xdb, 5, FP_AT(poison)); /* fld tbyte */
    as_8(a, 0x0f); /* emms */
    as_8(a, 0x77);
    as_rel(a, skip, a->pos);
}

/* r9d and r10d are the EIP to leave with, and the instructions that the block has behind it. */
static u32 masked_or_fail(struct asm_buf *a, u32 masks)
{
    as_nr(a, 4, 0xf7, 2, H_R11); /* not */
    as_test_ri(a, 4, H_R11, masks);
    return as_jcc(a, HC_NZ);
}

static u32 load_sse(struct asm_buf *a)
{
    u32 fail;

    as_load(a, 4, H_R11, CPU_AT(fpu.mxcsr));
    fail = masked_or_fail(a, MXCSR_MASKS);
    all_xmm(a, xmm_load, H_R14, (i32)offsetof(struct cpu, fpu.xmm));
    ldmxcsr(a, CPU_AT(fpu.mxcsr));
    as_alu_mi(a, 4, HA_OR, CPU_AT(fast.fp_in), FP_SSE);
    return fail;
}

/* FXRSTOR loads all: what is in the XMM registers must be in the image. */
static void load_x87(struct jit *j, struct asm_buf *a)
{
    u32 skip, masked;

    fp_area(j, a);
    stmxcsr(a, FP_AT(fx[FX_MXCSR]));
    skip = unless_in(a, FP_SSE, HC_Z);
    all_xmm(a, xmm_store, H_R10, (i32)offsetof(struct jit_fp, fx[FX_XMM]));
    as_rel(a, skip, a->pos);
    load16(a, H_R9, CPU_AT(fpu.cw));
    as_alu_ri(a, 4, HA_AND, H_R9, ~(u32)CW_X);
    as_store(a, 2, H_R9, FP_AT(fx));
    load8(a, H_R9, CPU_AT(fpu.valid));
    as_store(a, 1, H_R9, FP_AT(fx[FX_TAG]));
    load16(a, H_R9, CPU_AT(fpu.sw));
    as_store(a, 2, H_R9, FP_AT(fx[FX_SW]));
    turn(a, false);
    fxrstor(a, FP_AT(fx));
    load16(a, H_R9, CPU_AT(fpu.cw));
    as_alu_ri(a, 4, HA_AND, H_R9, CW_MASKS);
    as_alu_ri(a, 4, HA_CMP, H_R9, CW_MASKS);
    as_mov_ri(a, 4, H_R9, FP_X87);
    masked = as_jcc(a, HC_Z);
    as_mov_ri(a, 4, H_R9, FP_OPEN);
    as_rel(a, masked, a->pos);
    as_alu_mr(a, 4, HA_OR, CPU_AT(fast.fp_in), H_R9);
}

/* Where it is not in already; to *fail where it cannot be. */
static void want_x87(struct jit *j, struct asm_buf *a, bool open, u32 fail[2])
{
    u32 skip = unless_in(a, open ? FP_X87 | FP_OPEN : FP_X87, HC_NZ);

    if (open) {
        load16(a, H_R11, CPU_AT(fpu.sw));
        as_test_ri(a, 4, H_R11, SW_ES);
        fail[0] = as_jcc(a, HC_NZ);
    } else {
        fail[0] = unless_in(a, FP_OPEN, HC_NZ);
        load16(a, H_R11, CPU_AT(fpu.cw));
        fail[1] = masked_or_fail(a, CW_MASKS);
    }
    load_x87(j, a);
    as_rel(a, skip, a->pos);
}

void x64_fp_load_stubs(struct jit *j, struct asm_buf *a)
{
    u32 fail[16] = { 0 }, num_fails = 0, skip;

    for (unsigned what = FP_SSE; what < ARRAY_LEN(j->fp_load); what++) {
        j->fp_load[what] = a->pos;
        if (what & FP_SSE) {
            skip = unless_in(a, FP_SSE, HC_NZ);
            fail[num_fails++] = load_sse(a);
            as_rel(a, skip, a->pos);
        }
        if (what & FP_X87) {
            want_x87(j, a, what & FP_OPEN, &fail[num_fails]);
            num_fails += 2;
        }
        as_8(a, 0xc3);
    }
    for (unsigned k = 0; k < num_fails; k++)
        if (fail[k])
            as_rel(a, fail[k], a->pos);
    as_store(a, 4, H_R9, CPU_AT(eip));
    as_alu_rr(a, 8, HA_SUB, H_R13, H_R10);
    as_mov_ri(a, 4, H_R11, LEAVE_COLD);
    as_jmp_to(a, j->leave_why);
}

/* ---- in blocks */

bool x64_fp_usable(const struct x64 *x, const struct insn *in)
{
    const struct isa_row *row = isa_row(in->row);
    unsigned cls = x->j->rows[in->row];
    bool load = row->pfx == PFX_F2 && row->op == 0xf0; /* LDDQU: any load will do */

    if (!(cls & T_FP) || x->c->soft_fpu || (x->b->mode & (MODE_TS | MODE_EM)))
        return false;
    if (row->feat == FEAT_SSE3 && !load && !x->j->host_sse3)
        return false;
    if ((row->attr & A_SSE) && !(x->b->mode & MODE_FXSR))
        return false;
    /* CVTPI2PS, CVTPI2PD from memory: whether they are MMX instructions is the host's own affair */
    if (row->map == MAP_2 && row->op == 0x2a && OPD_KIND(row->o[1]) == OK_Q &&
        (in->flags & INSN_MEM))
        return false;
    return !((cls == T_FP_APPROX || cls == T_FP_FUNCTION) && (x->b->mode & MODE_COUNTED));
}

static bool is_mmx(const struct isa_row *row)
{
    for (unsigned k = 0; k < 2; k++) {
        unsigned kind = OPD_KIND(row->o[k]);
        if (kind == OK_P || kind == OK_Q || kind == OK_N)
            return true;
    }
    return row->attr & A_MMX;
}

unsigned x64_fp_need(const struct x64 *x, const struct insn *in)
{
    const struct isa_row *row = isa_row(in->row);
    unsigned cls = x->j->rows[in->row];

    if (!(cls & T_FP) || cls == T_FP_FNSTCW)
        return 0;
    return (row->attr & A_SSE ? FP_SSE : 0u) |
           (row->attr & (A_FPU | A_WAIT) || is_mmx(row) ? FP_X87 : 0u);
}

static unsigned kept_by(const struct x64 *x, const struct jit_group *g)
{
    return g && !g->fp && !x->open ? FP_X87 : 0;
}

void x64_fp_called(struct x64 *x, const struct jit_group *g)
{
    x->fp.in &= (u8)kept_by(x, g);
}

void x64_fp_put_back(struct x64 *x, unsigned in, const struct jit_group *g)
{
    in &= ~kept_by(x, g);
    if (in && g)
        x64_fp_load(x, in, g->insns[0].n + 1u);
}

void x64_fp_load(struct x64 *x, unsigned in, unsigned k)
{
    struct asm_buf *a = &x->a;
    const struct block *b = x->b;

    as_mov_ri(a, 4, H_R9, x->eip + (k < b->n ? b->insns[k].ofs : b->len));
    as_mov_ri(a, 4, H_R10, b->n - k);
    as_call_to(a, x->j->fp_load[in | (x->open ? FP_OPEN : 0u)]);
}

unsigned x64_fp_wants(const struct x64 *x, unsigned k)
{
    const struct block *b = x->b;
    unsigned need = 0;

    for (unsigned n = k; n < b->n; n++) {
        const struct insn *in = &b->insns[n];
        unsigned cls = x->j->rows[in->row];
        if (cls == T_HANDLER || ((cls & T_FP) && !x64_fp_usable(x, in)))
            break;
        need |= x64_fp_need(x, in);
    }
    return need & ~(unsigned)x->fp.in;
}

void x64_fp_want(struct x64 *x, unsigned k)
{
    struct asm_buf *a = &x->a;
    unsigned need = x64_fp_wants(x, k);

    if (!need)
        return;
    x64_spoil(x);
    struct cold *o = x64_new_cold(x);
    o->before = x64_flags_here(x);
    o->serial = x->serial;
    unsigned x87 = x->open ? FP_X87 | FP_OPEN : FP_X87;
    if (need == (FP_SSE | FP_X87) && !x->open) {
        as_alu_mi(a, 4, HA_CMP, CPU_AT(fast.fp_in), need);
        o->from[0] = as_jcc(a, HC_NZ);
    } else {
        if (need & FP_X87)
            o->from[0] = unless_in(a, x87, HC_Z);
        if (need & FP_SSE)
            o->from[1] = unless_in(a, FP_SSE, HC_Z);
    }
    o->kind = COLD_LOAD;
    o->k = (u8)k;
    o->fp.in = (u8)need;
    x64_done(x, o);
    x->fp.in |= (u8)need;
}

void x64_fp_wait(struct x64 *x, unsigned k)
{
    const struct insn *in = &x->b->insns[k];
    unsigned cls = x->j->rows[in->row];
    struct asm_buf *a = &x->a;

    if (!x->open || !(x64_fp_need(x, in) & FP_X87) || cls == T_FP_CONTROL ||
        (cls == T_FP_NOTHING && !(isa_row(in->row)->attr & A_WAIT)))
        return;
    x64_spoil(x);
    struct cold *o = x64_new_cold(x);
    o->kind = COLD_SLOW;
    o->before = x64_flags_here(x);
    o->group = jit_group_new(x->j, x->b, x->eip, k, 1);
    x->full |= !o->group;
    as_mov_rr(a, 8, H_R10, H_RAX);
    as_8(a, 0xdf); /* fnstsw ax */
    as_8(a, 0xe0);
    as_rr(a, 1, 0x84, H_RAX, H_RAX); /* test: ES is bit 7 */
    as_mov_rr(a, 8, H_RAX, H_R10);
    o->from[0] = as_jcc(a, HC_S); /* it faults: nobody comes back */
}

void x64_fp_flush_of(struct x64 *x, const struct fp_known *fp)
{
    struct asm_buf *a = &x->a;

    if (fp->note) {
        const struct insn *in = &x->b->insns[fp->note - 1];
        as_store_i(a, 4, CPU_AT(fpu.fip), x->eip + in->ofs);
        as_store_i(a, 4, CPU_AT(fast.note),
                   NOTE | (isa_row(in->row)->op & 7u) << 8 | in->modrm);
    }
    if (fp->note_mem)
        as_store_i(a, 4, CPU_AT(fast.note_seg), SEL_OF(x->b->insns[fp->note_mem - 1].seg));
}

void x64_fp_flush(struct x64 *x)
{
    x64_fp_flush_of(x, &x->fp);
    x->fp.note = x->fp.note_mem = 0;
}
