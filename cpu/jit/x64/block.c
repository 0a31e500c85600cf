/* SPDX-License-Identifier: MIT */
/* Blocks into code: each instruction by its template, runs of others by a call of their handlers.
 * And the stubs between C and code. */
#include "cpu/isa.h"
#include "cpu/jit/x64/x64.h"

/* ---- stubs */

static void spill(struct asm_buf *a)
{
    for (unsigned r = 0; r < 8; r++)
        as_store(a, 4, x64_host_of[r], HMEM(H_R14, (i32)(offsetof(struct cpu, gpr) + 4 * r)));
    as_store(a, 4, H_R12, CPU_AT(fast.flags));
    as_store(a, 8, H_R13, CPU_AT(retired));
}

static void reload(struct asm_buf *a, bool views)
{
    for (unsigned r = 0; r < 8; r++)
        as_load(a, 4, x64_host_of[r], HMEM(H_R14, (i32)(offsetof(struct cpu, gpr) + 4 * r)));
    as_load(a, 4, H_R12, CPU_AT(fast.flags));
    as_load(a, 8, H_R13, CPU_AT(retired));
    if (views)
        as_load(a, 8, H_R15, CPU_AT(fast.view));
    else
        as_load(a, 8, H_R15, CPU_AT(tlb_rd));
}

static const u8 kept[] = { H_RBX, H_RBP, H_R12, H_R13, H_R14, H_R15 };
enum { FRAME = 24 }; /* aligns the stack, and holds the slot */

void x64_stubs(struct cpu *c)
{
    struct jit *j = c->engine_state;
    struct asm_buf a = { .base = j->mem.write, .end = JIT_CODE_BYTES };
    u32 tail, out, next, miss[2];

    x64_fp_store_stubs(j, &a);

    /* enter(cpu, code) */
    j->enter = a.pos;
    for (unsigned k = 0; k < ARRAY_LEN(kept); k++)
        as_push(&a, kept[k]);
    as_alu_ri(&a, 8, HA_SUB, H_RSP, FRAME);
    as_mov_rr(&a, 8, H_R14, H_RDI);
    as_mov_rr(&a, 8, H_R11, H_RSI);
    reload(&a, j->views);
    as_jmp_r(&a, H_R11);

    /* reason in r11d */
    j->leave = a.pos;
    spill(&a);
    x64_fp_out(j, &a);
    if (JIT_PARANOID)
        x64_fp_poison(j, &a);
    as_mov_rr(&a, 4, H_RAX, H_R11);
    tail = a.pos; /* reason in eax, all is in memory already */
    as_alu_ri(&a, 8, HA_ADD, H_RSP, FRAME);
    for (unsigned k = ARRAY_LEN(kept); k--;)
        as_pop(&a, kept[k]);
    as_8(&a, 0xc3);

    /* called with the group in r11 */
    j->call_group = a.pos;
    spill(&a);
    x64_fp_out_for_group(j, &a);
    if (JIT_PARANOID)
        x64_fp_poison(j, &a);
    as_mov_rr(&a, 8, H_RDI, H_R14);
    as_mov_rr(&a, 8, H_RSI, H_R11);
    as_alu_ri(&a, 8, HA_SUB, H_RSP, 8);
    as_mov_ri64(&a, H_RAX, (u64)(uintptr_t)jit_run_group);
    as_call_r(&a, H_RAX);
    as_alu_ri(&a, 8, HA_ADD, H_RSP, 8);
    as_rr(&a, 8, 0x85, H_RAX, H_RAX);
    out = as_jcc(&a, HC_NZ);
    reload(&a, j->views);
    as_8(&a, 0xc3);
    as_rel(&a, out, a.pos);
    as_alu_ri(&a, 8, HA_ADD, H_RSP, 8); /* nobody goes back there */
    as_alu_ri(&a, 8, HA_CMP, H_RAX, 4096);
    next = as_jcc(&a, HC_NB);
    x64_fp_out(j, &a);
    as_jmp_to(&a, tail);
    as_rel(&a, next, a.pos);
    as_mov_rr(&a, 8, H_R11, H_RAX);
    reload(&a, j->views);
    as_jmp_r(&a, H_R11);

    /* to the EIP in r9d */
    j->dispatch = a.pos;
    as_store(&a, 4, H_R9, CPU_AT(eip));
    as_load(&a, 4, H_R10, CPU_AT(fast.key));
    as_shift_ri(&a, 8, 4, H_R10, 32);
    as_alu_rr(&a, 8, HA_OR, H_R10, H_R9);
    as_mov_rr(&a, 4, H_R11, H_R9);
    as_shift_ri(&a, 4, 5, H_R11, 12);
    as_alu_rr(&a, 4, HA_XOR, H_R11, H_R9);
    as_alu_ri(&a, 4, HA_AND, H_R11, JIT_NEAR - 1);
    as_shift_ri(&a, 4, 4, H_R11, 4);
    as_alu_rm(&a, 8, HA_ADD, H_R11, CPU_AT(fast.near));
    as_alu_mr(&a, 8, HA_CMP, HMEM(H_R11, 0), H_R10);
    miss[0] = as_jcc(&a, HC_NZ);
    as_alu_mi(&a, 4, HA_CMP, CPU_AT(kick), 0);
    miss[1] = as_jcc(&a, HC_NZ);
    as_jmp_m(&a, HMEM(H_R11, (i32)offsetof(struct jit_near, code)));
    as_rel(&a, miss[0], a.pos);
    as_rel(&a, miss[1], a.pos);
    as_mov_ri(&a, 4, H_R11, LEAVE_LOOK);
    as_jmp_to(&a, j->leave);
    x64_fp_load_stubs(j, &a);
    j->code_pos = ALIGN_UP(a.pos, 16u);
}
_Static_assert(sizeof(struct jit_near) == 16, "the stub shifts by 4");

u64 x64_ticks(void)
{
    u32 lo, hi;

    __asm__ volatile("rdtsc" : "=a"(lo), "=d"(hi));
    return (u64)hi << 32 | lo;
}

void x64_patch(struct jit *j, u32 site, u32 to)
{
    st32(j->mem.write + site, to - (site + 4));
}

void x64_patch_entry(struct jit *j, u32 entry, u32 to)
{
    j->mem.write[entry] = 0xe9;
    st32(j->mem.write + entry + 1, to - (entry + 5));
}

/* ---- blocks */

/* Which of its row's handlers an instruction was bound to, whatever the variant; false: a
 * fault's, by mode or prefix. What the search found is kept: it takes longer than all the rest. */
static bool which(const struct x64 *x, const struct insn *in, unsigned *size, unsigned *form)
{
    const struct hset *hs = isa_row(in->row)->hs;
    struct jit_bound *known = jit_bound(x->j, in);

    if (unlikely(known->fn != in->fn || known->row != in->row)) {
        *known = (struct jit_bound){ .fn = in->fn, .row = in->row };
        for (unsigned s = 0; s < 3 && !known->size; s++)
            for (unsigned f = 0; f < FORM_NUM; f++)
                if (hs->fn[s][f] == in->fn) {
                    known->size = (u8)(1u << s);
                    known->form = f % FORM_FLAT;
                    break;
                }
    }
    *size = known->size;
    *form = known->form;
    return known->size != 0;
}

/* ---- liveness of flags
 *
 * Backwards over the block. Who may see them: what reads them, what may fault (a delivered frame
 * shows all of them), what goes to a handler, and whoever comes behind the block. So the flags of
 * an instruction are dead if the next ones up to one that writes all of them touch registers alone. */
enum flag_use { FLAGS_SEEN, FLAGS_KEPT, FLAGS_KILLED };

static enum flag_use flag_use(const struct x64 *x, const struct insn *in)
{
    unsigned cls = x->j->rows[in->row], n = cls & 15, size, form;

    if (!which(x, in, &size, &form) || ((in->flags & INSN_MEM) && (cls & 0xf0) != T_LEA))
        return FLAGS_SEEN;
    if (cls & T_FP) {
        if (cls == T_FP_FCMOV || !x64_fp_usable(x, in) ||
            (x->open && (x64_fp_need(x, in) & FP_X87)))
            return FLAGS_SEEN;
        return cls == T_FP_COMIS || cls == T_FP_FCOMI ? FLAGS_KILLED : FLAGS_KEPT;
    }
    switch (cls & 0xf0) {
    case T_ALU:
        return n == HA_ADC || n == HA_SBB ? FLAGS_SEEN : FLAGS_KILLED;
    case T_TEST:
        return FLAGS_KILLED;
    case T_UNARY:
        return n == 2 ? FLAGS_KEPT : n == 3 ? FLAGS_KILLED : FLAGS_SEEN;
    case T_SHIFT:
        return in->imm & 31 && n >= 4 ? FLAGS_KILLED : FLAGS_KEPT;
    case T_MOV: /* not moffs */
        return isa_row(in->row)->op >= 0xa0 && isa_row(in->row)->op <= 0xa3 ? FLAGS_SEEN
                                                                            : FLAGS_KEPT;
    case T_EXTEND:
    case T_LEA:
    case T_SHIFT_CL: /* or killed: the count decides */
        return FLAGS_KEPT;
    case T_MISC:
        return n <= 3 || n == 6 || n >= 12 ? FLAGS_KEPT : n == 7 || n == 4 ? FLAGS_SEEN
                                                      : FLAGS_KILLED;
    }
    return FLAGS_SEEN;
}

static void liveness(struct x64 *x)
{
    bool live = true;

    for (unsigned k = x->b->n; k-- > 0;) {
        x->map.live[k + 1] = live;
        switch (flag_use(x, &x->b->insns[k])) {
        case FLAGS_SEEN: live = true; break;
        case FLAGS_KILLED: live = false; break;
        case FLAGS_KEPT: break;
        }
    }
    x->map.live[0] = live;
}

/* Emits insns[k] by its template. */
static bool emit(struct x64 *x, unsigned k)
{
    const struct insn *in = &x->b->insns[k];
    unsigned cls = x->j->rows[in->row], size, form;

    if (cls == T_HANDLER || !which(x, in, &size, &form))
        return false;
    if (cls == (T_MISC | 6)) /* one handler for all sizes */
        return true;
    if ((in->flags & INSN_MEM) && !(in->flags & INSN_A32))
        return false;
    if (cls & T_FP) {
        if (!x64_fp_usable(x, in) || (x64_fp_need(x, in) & ~x->fp.in))
            return false;
        x64_fp_wait(x, k);
        return x64_fp_op(x, k, cls);
    }
    /* moffs */
    if (!(in->flags & INSN_A32) && (form == FORM_RM || form == FORM_MR))
        return false;
    return x64_op(x, k, cls, size, form);
}

static bool emit_flow(struct x64 *x, unsigned k)
{
    const struct insn *in = &x->b->insns[k];
    unsigned cls = x->j->rows[in->row], size, form;

    x64_fp_flush(x);
    return cls != T_HANDLER && which(x, in, &size, &form) && x64_flow(x, k, cls, size, form);
}

static void group(struct x64 *x, unsigned from, unsigned n)
{
    struct jit_group *g;

    x64_save(x);
    x64_fp_flush(x);
    for (unsigned k = from; k < from + n; k++) {
        x->map.at[k] = x->a.pos;
        x->map.handler[k] = true;
    }
    g = jit_group_new(x->j, x->b, x->eip, from, n);
    x->full |= !g;
    as_mov_ri64(&x->a, H_R11, (u64)(uintptr_t)g);
    as_call_to(&x->a, x->j->call_group);
    x->fl = FL_SAVED_ONLY;
    x->j->stat_grouped += n;
    x64_fp_called(x, g);
    x64_fp_want(x, from + n);
}

/* A template may decline after it has emitted something: back to here. */
struct mark {
    u32 pos;
    unsigned num_cold;
    enum fl fl;
    bool clear_af;
    u64 grouped;
    struct fp_known fp;
};

static struct mark mark(const struct x64 *x)
{
    return (struct mark){ x->a.pos, x->num_cold, x->fl, x->clear_af,
                          x->j->stat_grouped, x->fp };
}

static void back_to(struct x64 *x, const struct mark *m)
{
    x->a.pos = m->pos;
    x->num_cold = m->num_cold;
    x->fl = m->fl;
    x->clear_af = m->clear_af;
    x->fp = m->fp;
    x->j->stat_grouped = m->grouped;
}

/* insns[k] by its template, behind the call of the `waiting` ones before it. */
static bool emit_behind(struct x64 *x, unsigned k, unsigned waiting,
                        bool (*emit_one)(struct x64 *x, unsigned k))
{
    struct mark m = mark(x);

    if (waiting)
        group(x, k - waiting, waiting);
    x->map.at[k] = x->a.pos;
    if (emit_one(x, k))
        return true;
    back_to(x, &m);
    return false;
}

static void body(struct x64 *x)
{
    struct block *b = x->b;
    bool ends = isa_row(b->insns[b->n - 1].row)->attr & A_END;
    unsigned plain = ends ? b->n - 1u : b->n, waiting = 0;

    for (unsigned k = 0; k < plain; k++)
        waiting = emit_behind(x, k, waiting, emit) ? 0 : waiting + 1;
    if (ends) {
        if (emit_behind(x, plain, waiting, emit_flow))
            return;
        waiting++;
    }
    if (waiting)
        group(x, b->n - waiting, waiting);
    x64_save(x);
    x64_fp_flush(x);
    as_lea(&x->a, 8, H_R13, HMEM(H_R13, b->n));
    x64_exit_to(x, x->eip + b->len);
}

bool x64_translate(struct cpu *c, struct block *b, u32 eip, struct jit_block *jb, bool *full)
{
    struct jit *j = c->engine_state;
    struct x64 x;
    struct asm_buf *a = &x.a;
    u32 sites = j->num_sites;

    memset(&x, 0, offsetof(struct x64, cold));
    x.c = c;
    x.j = j;
    x.b = b;
    x.jb = jb;
    x.eip = eip;
    x.open = jb->open;
    *a = (struct asm_buf){ .base = j->mem.write, .pos = j->code_pos, .end = JIT_CODE_BYTES };
    jb->code = a->pos;
    as_lea(a, 8, H_R10, HMEM(H_R13, b->n));
    as_alu_rm(a, 8, HA_CMP, H_R10, CPU_AT(until));
    struct cold *o = x64_new_cold(&x);
    *o = (struct cold){ .kind = COLD_LOOK, .eip = eip };
    o->from[0] = as_jcc(a, HC_NBE);
    if (j->views && jb->tier == 1) { /* how often it runs */
        as_alu_mi(a, 4, HA_SUB, CPU_AT(fast.count[jit_count_of(eip)]), 1);
        o = x64_new_cold(&x);
        *o = (struct cold){ .kind = COLD_HOT, .eip = eip };
        o->from[0] = as_jcc(a, HC_B);
    }
    liveness(&x);
    x64_fp_want(&x, 0);
    body(&x);
    jb->dead = x.map.cold = a->pos; /* COLD_LOOK of the entry comes first */
    x64_cold_code(&x);
    if (a->full || x.full) {
        j->num_sites = sites;
        *full = true;
        return false;
    }
    jb->end = a->pos;
    j->code_pos = ALIGN_UP(a->pos, 16u);
    if (log_on(c->log, LOG_OUT_ASM) || log_on(c->log, LOG_OP))
        jit_trace(c, jb, &x.map);
    return true;
}
