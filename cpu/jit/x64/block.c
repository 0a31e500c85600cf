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
/* Aligns the stack, and is the shadow stack's bottom: two entries that any return may take for its
 * own, because they lead to where lost returns go. */
enum { FRAME = 40, SHADOW_BYTES = 64 << 10 };

static void enter_and_leave(struct jit *j, struct asm_buf *a)
{
    /* enter(cpu, code) */
    j->enter = a->pos;
    for (unsigned k = 0; k < ARRAY_LEN(kept); k++)
        as_push(a, kept[k]);
    as_alu_ri(a, 8, HA_SUB, H_RSP, FRAME);
    as_mov_rr(a, 8, H_R14, H_RDI);
    as_mov_rr(a, 8, H_R11, H_RSI);
    as_store(a, 8, H_RSP, CPU_AT(fast.stack));
    as_lea(a, 8, H_RAX, HMEM(H_RSP, -SHADOW_BYTES));
    as_store(a, 8, H_RAX, CPU_AT(fast.stack_low));
    as_load(a, 8, H_RAX, CPU_AT(fast.bottom));
    as_store(a, 8, H_RAX, HMEM(H_RSP, 0));
    as_store(a, 8, H_RAX, HMEM(H_RSP, 16));
    reload(a, j->views);
    as_jmp_r(a, H_R11);

    j->leave_link = a->pos; /* the link in r11 */
    as_store(a, 8, H_R11, CPU_AT(fast.link));
    as_mov_ri(a, 4, H_R11, LEAVE_LINK);
    u32 go = as_jmp(a);
    j->leave_look = a->pos;
    as_mov_ri(a, 4, H_R11, LEAVE_LOOK);
    as_rel(a, go, a->pos);
    j->leave_why = a->pos; /* reason in r11d */
    spill(a);
    x64_fp_out(j, a);
    if (JIT_PARANOID)
        x64_fp_poison(j, a);
    as_mov_rr(a, 4, H_RAX, H_R11);
    j->leave = a->pos; /* reason in eax, all is in memory already */
    as_load(a, 8, H_RSP, CPU_AT(fast.stack));
    as_alu_ri(a, 8, HA_ADD, H_RSP, FRAME);
    for (unsigned k = ARRAY_LEN(kept); k--;)
        as_pop(a, kept[k]);
    as_8(a, 0xc3);
}

/* Called with the group in r11. */
static void call_group(struct jit *j, struct asm_buf *a)
{
    u32 out, next;

    j->call_group = a->pos;
    spill(a);
    x64_fp_out_for_group(j, a);
    if (JIT_PARANOID)
        x64_fp_poison(j, a);
    as_mov_rr(a, 8, H_RDI, H_R14);
    as_mov_rr(a, 8, H_RSI, H_R11);
    as_lea(a, 8, H_RDX, HMEM(H_RSP, 8));
    as_alu_ri(a, 8, HA_SUB, H_RSP, 8);
    as_mov_ri64(a, H_RAX, (u64)(uintptr_t)jit_run_group);
    as_call_r(a, H_RAX);
    as_alu_ri(a, 8, HA_ADD, H_RSP, 8);
    as_rr(a, 8, 0x85, H_RAX, H_RAX);
    out = as_jcc(a, HC_NZ);
    reload(a, j->views);
    as_8(a, 0xc3);
    as_rel(a, out, a->pos);
    as_alu_ri(a, 8, HA_ADD, H_RSP, 8); /* nobody goes back there */
    as_alu_ri(a, 8, HA_CMP, H_RAX, 4096);
    next = as_jcc(a, HC_NB);
    x64_fp_out(j, a);
    as_jmp_to(a, j->leave);
    as_rel(a, next, a->pos);
    as_mov_rr(a, 8, H_R11, H_RAX);
    reload(a, j->views);
    as_jmp_r(a, H_R11);
}

static void returns(struct jit *j, struct asm_buf *a)
{
    j->return_lost = a->pos; /* EIP in r9d, r10 points to the thunk */
    as_load(a, 8, H_RSP, CPU_AT(fast.stack)); /* above what the thunk's call writes over */
    as_call_r(a, H_R10);

    /* to the EIP in r9d, flags saved */
    j->dispatch = a->pos;
    as_store(a, 4, H_R9, CPU_AT(eip));
    as_mov_rr(a, 4, H_R10, H_R9); /* jit_near_of() */
    as_shift_ri(a, 4, 5, H_R10, 12);
    as_alu_rr(a, 4, HA_XOR, H_R10, H_R9);
    as_load(a, 4, H_R11, CPU_AT(fast.key));
    as_shift_ri(a, 4, 5, H_R11, 9);
    as_alu_rr(a, 4, HA_XOR, H_R11, H_R10);
    as_load(a, 4, H_R10, CPU_AT(fast.key));
    as_shift_ri(a, 8, 4, H_R10, 32);
    as_alu_rr(a, 8, HA_OR, H_R10, H_R9);
    as_alu_ri(a, 4, HA_AND, H_R11, JIT_NEAR - 1);
    as_shift_ri(a, 4, 4, H_R11, 4);
    as_alu_rm(a, 8, HA_ADD, H_R11, CPU_AT(fast.near));
    as_alu_mr(a, 8, HA_CMP, HMEM(H_R11, 0), H_R10);
    as_rel(a, as_jcc(a, HC_NZ), j->leave_look);
    as_jmp_m(a, HMEM(H_R11, (i32)offsetof(struct jit_near, code)));

    j->thunk_saved = a->pos;
    as_8(a, 0xc3);
}

void x64_stubs(struct cpu *c)
{
    struct jit *j = c->engine_state;
    struct asm_buf a = { .base = j->mem.write, .end = JIT_CODE_BYTES };

    x64_fp_store_stubs(j, &a);
    enter_and_leave(j, &a);
    call_group(j, &a);
    returns(j, &a);
    x64_fp_load_stubs(j, &a);
    c->fast.bottom = j->mem.exec + j->return_lost;
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

/* n instructions more, which those ways out that do not run them take off again. */
static void count_edge(struct jit *j, struct jit_link *l, u8 n)
{
    j->mem.write[l->add_site] = n;
    for (unsigned k = 0; k < ARRAY_LEN(l->sub_site); k++)
        if (l->sub_site[k])
            j->mem.write[l->sub_site[k]] = n;
}

void x64_link(struct jit *j, struct jit_link *l, const struct jit_block *jb, u32 generation)
{
    count_edge(j, l, jb->b->n);
    if (l->generation_site)
        st32(j->mem.write + l->generation_site, generation);
    if (l->indirect) {
        st32(j->mem.write + l->eip_site, jb->eip);
        x64_patch(j, l->miss_site, l->miss);
    }
    if (jb->sees_flags && l->save && (jb->entry.at & AT_SAVED)) {
        x64_patch(j, l->save_site, jb->body);
        x64_patch(j, l->site, l->save);
    } else {
        x64_patch(j, l->site, jb->body);
    }
}

void x64_unlink(struct jit *j, struct jit_link *l)
{
    count_edge(j, l, 0);
    x64_patch(j, l->site, l->unlinked);
    if (l->indirect)
        x64_patch(j, l->miss_site, l->unlinked);
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
 * an instruction are dead if the next ones up to one that writes all of them touch registers
 * alone. */
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

/* ---- what an instruction does to registers, for recipes that need them */
enum { ALL_REGS = 0xffff };

static bool writes_flags(unsigned cls, const struct insn *in)
{
    unsigned n = cls & 15;

    if (cls & T_FP)
        return cls == T_FP_COMIS || cls == T_FP_FCOMI;
    switch (cls & 0xf0) {
    case T_ALU: case T_TEST: case T_SHIFT_CL:
        return true;
    case T_UNARY:
        return n != 2;
    case T_SHIFT:
        return in->imm & 31;
    case T_MISC:
        return n >= 8 || n == 4;
    }
    return false;
}

static u32 reg_bit(unsigned off) { return BIT(x64_host_of[off >> 2 & 7]); }

/* x87, MMX and SSE rows: those with a general register as their destination, and templates that
 * need r11. */
static u32 written_fp(unsigned cls, const struct insn *in)
{
    const struct isa_row *row = isa_row(in->row);
    unsigned kind = OPD_KIND(row->o[0]);

    if (cls == T_FP_FNSTCW || cls == T_FP_FLDCW || cls == T_FP_LDMXCSR)
        return BIT(H_R11);
    if (kind == OK_G || (kind == OK_E && !(in->flags & INSN_MEM)))
        return reg_bit(in->dst);
    return row->map == MAP_FX && row->op == 0xdf ? BIT(H_RAX) : 0; /* FNSTSW AX */
}

static u32 written(unsigned cls, const struct insn *in, unsigned form)
{
    bool to_mem = form == FORM_MR || form == FORM_MI || form == FORM_M;
    u32 dst = to_mem ? 0 : reg_bit(in->dst);

    if (cls & T_FP)
        return written_fp(cls, in);

    switch (cls & 0xf0) {
    case T_MOV: case T_EXTEND: case T_LEA: case T_UNARY:
        return dst;
    case T_PUSH:
        return BIT(H_R8);
    case T_POP:
        return dst | BIT(H_R8);
    case T_MISC:
        switch (cls & 15) {
        case 0: return dst | reg_bit(in->src);
        case 1: case 2: return BIT(H_RAX) | BIT(H_RDX);
        case 3: return dst;
        case 6: return 0;
        case 7: return BIT(H_R8) | BIT(H_RBP);
        }
    }
    return ALL_REGS;
}

/* Flags that can only be had by a recipe must not lose what it needs. */
static void guard_flags(struct x64 *x, unsigned k, unsigned cls, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    u32 regs;

    unsigned kind = cls & 0x1f0;
    if (writes_flags(cls, in) || kind == T_SETCC || kind == T_CMOV)
        return; /* its template takes what it wants of the old ones first */
    regs = written(cls, in, form);
    if (kind == T_PUSH && x64_esp_may_move(x))
        return;
    if (kind == T_POP && x64_esp_may_move(x) && !(reg_bit(in->dst) & BIT(H_R8)))
        regs &= ~(u32)BIT(H_R8);
    x64_before_write(x, k, regs, !x64_by_view(x, k) && kind != T_LEA &&
                                     ((in->flags & INSN_MEM) || kind == T_PUSH || kind == T_POP ||
                                      cls == (T_MISC | 7)));
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
        guard_flags(x, k, cls, form);
        x64_fp_wait(x, k);
        return x64_fp_op(x, k, cls);
    }
    /* moffs */
    if (!(in->flags & INSN_A32) && (form == FORM_RM || form == FORM_MR))
        return false;
    guard_flags(x, k, cls, form);
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
    x->at = AT_SAVED;
    x->clear_af = false;
    x->recipe.kind = RC_NONE;
    x->serial++;
    x->j->stat_grouped += n;
    x64_fp_called(x, g);
    x64_fp_want(x, from + n);
}

/* A template may decline after it has emitted something: back to here. */
struct mark {
    u32 pos;
    unsigned num_cold;
    struct flags_at flags;
    u64 grouped;
    struct fp_known fp;
};

static struct mark mark(const struct x64 *x)
{
    return (struct mark){ x->a.pos, x->num_cold, x64_flags_here(x), x->j->stat_grouped, x->fp };
}

static void back_to(struct x64 *x, const struct mark *m)
{
    x->a.pos = m->pos;
    x->num_cold = m->num_cold;
    x->at = m->flags.at;
    x->clear_af = m->flags.clear_af;
    x->recipe = m->flags.recipe;
    x->serial++;
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
    x64_fp_flush(x);
    x64_end(x);
    x64_edge(x, x->eip + b->len, x->end.at & AT_SAVED ? JIT_EDGE_SAVED : JIT_EDGE_THUNK);
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
    x.at = jb->entry.at;
    x.clear_af = jb->entry.clear_af;
    x.recipe = jb->entry.recipe;
    *a = (struct asm_buf){ .base = j->mem.write, .pos = j->code_pos, .end = JIT_CODE_BYTES };
    liveness(&x);
    jb->sees_flags = x.map.live[0] || x64_fp_wants(&x, 0);
    if (!jb->sees_flags)
        x.at = 0;
    jb->start = jb->code = a->pos;
    if (jb->entry.at & AT_SAVED) {
        as_alu_ri(a, 8, HA_ADD, H_R13, b->n);
        as_alu_rm(a, 8, HA_CMP, H_R13, CPU_AT(fast.limit));
        x64_new_cold(&x)->kind = COLD_HEAD;
        x.cold[0].from[0] = as_jcc(a, HC_NBE);
        if (j->views && jb->tier == 1) { /* how often it runs */
            as_alu_mi(a, 4, HA_SUB, CPU_AT(jit_count[jit_count_of(eip)]), 1);
            x64_new_cold(&x)->kind = COLD_HEAD_HOT;
            x.cold[1].from[0] = as_jcc(a, HC_B);
        }
    }
    jb->body = a->pos;
    x64_fp_want(&x, 0);
    body(&x);
    jb->dead = x.map.cold = a->pos;
    if (jb->entry.at & AT_SAVED) {
        as_store_i(a, 4, CPU_AT(eip), eip);
        as_jmp_to(a, j->leave_look);
    }
    x64_cold_code(&x);
    if (a->full || x.full) {
        j->num_sites = sites;
        jb->start = jb->code = 0;
        *full = true;
        return false;
    }
    jb->end = a->pos;
    j->code_pos = ALIGN_UP(a->pos, 16u);
    if (log_on(c->log, LOG_OUT_ASM) || log_on(c->log, LOG_OP))
        jit_trace(c, jb, &x.map);
    return true;
}
