/* SPDX-License-Identifier: MIT */
/* Templates of near jumps, calls and returns, and how control goes from block to block.
 *
 * An edge asks for the budget of the block that it leads to and then jumps into its body. It is
 * linked when it is first taken. The mapping that made a page's code reachable makes the rest of
 * the page reachable; edges to other pages, and those whose target is not a constant, also ask
 * whether the mapping is that of the day they were linked. */
#include "cpu/isa.h"
#include "cpu/jit/x64/x64.h"

/* The rel32 before here is to lead to the thunk. Two edges of five ways each are the most. */
static void thunk_site(struct x64 *x)
{
    if (x->num_thunk == ARRAY_LEN(x->thunk_from))
        x->full = true;
    else
        x->thunk_from[x->num_thunk++] = x->a.pos - 4;
}

static void call_thunk(struct x64 *x)
{
    as_8(&x->a, 0xe8);
    as_32(&x->a, 0);
    thunk_site(x);
}

static void recover(struct x64 *x, enum jit_edge_flags flags)
{
    if (flags == JIT_EDGE_THUNK)
        call_thunk(x);
    else if (flags == JIT_EDGE_CALLER)
        as_call_r(&x->a, H_R10);
}

void x64_end(struct x64 *x)
{
    u8 was = x->at & AT_HOST;

    if (x->at == AT_HOST && x->clear_af && x->recipe.kind < RC_CAPTURE)
        was = 0; /* saving will clear AF, and spoil them */
    x64_spoil(x);
    x->at |= was;
    x->end = x64_flags_here(x);
}

static enum jit_edge_flags end_flags(const struct x64 *x)
{
    return x->end.at & AT_SAVED ? JIT_EDGE_SAVED : JIT_EDGE_THUNK;
}

static u32 imm8_site(struct asm_buf *a, enum host_alu op) /* op r13, imm8 */
{
    as_nr(a, 8, 0x83, op, H_R13);
    as_8(a, 0);
    return a->pos - 1;
}

static struct cold *cold(struct x64 *x, int kind, struct jit_link *l, u32 from)
{
    struct cold *o = x64_new_cold(x);

    o->kind = kind;
    o->link = l;
    o->from[0] = from;
    return o;
}

static void edge(struct x64 *x, struct jit_link *l, enum jit_edge_flags flags, bool far)
{
    struct asm_buf *a = &x->a;

    l->flags = (u8)flags;
    l->tier = x->jb->tier;
    l->end = x->end;
    l->heat = JIT_EDGE_HOT;
    if (x->j->views && l->tier == 1 && !l->indirect && l->eip < x->eip + x->b->len) {
        /* a loop: how often it runs */
        as_alu_mi(a, 4, HA_SUB, CPU_AT(jit_count[jit_count_of(l->eip)]), 1);
        cold(x, COLD_HOT, l, as_jcc(a, HC_B));
    }
    l->add_site = imm8_site(a, HA_ADD);
    as_alu_rm(a, 8, HA_CMP, H_R13, CPU_AT(fast.limit));
    if (far) {
        cold(x, COLD_OVER, l, as_jcc(a, HC_NBE));
        as_nm(a, 4, 0x81, HA_CMP, CPU_AT(code_generation));
        as_32(a, 0);
        l->generation_site = a->pos - 4;
    }
    l->site = as_jcc(a, far ? HC_Z : HC_BE);
    cold(x, far ? COLD_FAR : COLD_OVER, l, as_jmp(a));
    cold(x, COLD_UNLINKED, l, l->site);
    if (flags != JIT_EDGE_SAVED)
        cold(x, COLD_SAVE, l, 0);
}

static struct jit_link *new_link(struct x64 *x, u32 eip)
{
    struct jit_link *l = jit_side(x->j, sizeof *l);

    if (!l) {
        x->full = true;
        return NULL;
    }
    *l = (struct jit_link){ .eip = eip };
    return l;
}

void x64_edge(struct x64 *x, u32 eip, enum jit_edge_flags flags)
{
    struct jit_link *l = new_link(x, eip);

    if (l)
        edge(x, l, flags, eip >> 12 != x->eip >> 12);
}

/* To the EIP in r9d: where the last one led, else by way of near[]. */
static void indirect_edge(struct x64 *x)
{
    struct asm_buf *a = &x->a;
    struct jit_link *l = new_link(x, 0);

    if (!l)
        return;
    l->indirect = true;
    as_nr(a, 4, 0x81, HA_CMP, H_R9);
    as_32(a, 0);
    l->eip_site = a->pos - 4;
    l->miss_site = as_jcc(a, HC_NZ);
    cold(x, COLD_MISS, l, 0);
    edge(x, l, end_flags(x), true);
}

static void jcc(struct x64 *x, const struct insn *in, unsigned cond)
{
    u32 next = x->eip + in->ofs + in->len, taken;

    x64_end(x);
    x64_want_flags(x);
    bool loop = (i32)in->imm < 0; /* then the branch goes first */
    taken = as_jcc(&x->a, loop ? cond ^ 1 : cond);
    x64_edge(x, loop ? next + in->imm : next, end_flags(x));
    as_rel(&x->a, taken, x->a.pos);
    x64_edge(x, loop ? next : next + in->imm, end_flags(x));
}

/* Pushes the address behind the call, and both halves of a return on the shadow stack. */
static void call(struct x64 *x, unsigned k, bool indirect, u32 target)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    u32 next = x->eip + in->ofs + in->len, to;
    struct host_mem m;
    struct cold *o;

    if (!x64_esp_may_move(x))
        x64_before_write(x, k, BIT(H_R8), true);
    o = x64_mem(x, k, S_SS, HMEM(H_R8, -4), 4, true, &m);
    x64_access(x, o, H_NONE);
    as_store_i(a, 4, m, next);
    as_lea(a, 4, H_R8, HMEM(H_R8, -4));
    x64_esp_moved(x, -4);
    x64_end(x);

    as_alu_rm(a, 8, HA_CMP, H_RSP, CPU_AT(fast.stack_low));
    o = cold(x, COLD_RESET, NULL, as_jcc(a, HC_B));
    o->back = a->pos;
    if (indirect)
        as_load(a, 4, H_R9, CPU_AT(fast.slot[2]));
    as_8(a, 0x68); /* push imm32 */
    as_32(a, next);
    as_8(a, 0xe8);
    as_32(a, 0);
    to = a->pos - 4;
    as_lea(a, 8, H_RSP, HMEM(H_RSP, 8));
    x64_edge(x, next, JIT_EDGE_CALLER);
    as_rel(a, to, a->pos);
    if (indirect)
        indirect_edge(x);
    else
        x64_edge(x, target, end_flags(x));
}

static void ret(struct x64 *x, unsigned k)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    i32 pops = (i32)(4 + in->imm);
    struct host_mem m;

    if (!x64_esp_may_move(x))
        x64_before_write(x, k, BIT(H_R8), true);
    struct cold *o = x64_mem(x, k, S_SS, HMEM(H_R8, 0), 4, false, &m);
    x64_access(x, o, H_NONE);
    as_load(a, 4, H_R9, m);
    as_lea(a, 4, H_R8, HMEM(H_R8, pops));
    x64_esp_moved(x, pops);
    x64_end(x);
    as_8(a, 0x4c); /* lea r10, [rip + thunk] */
    as_8(a, 0x8d);
    as_8(a, 0x15);
    as_32(a, 0);
    if (end_flags(x) == JIT_EDGE_SAVED)
        as_rel(a, a->pos - 4, x->j->thunk_saved);
    else
        thunk_site(x);
    as_alu_rm(a, 4, HA_CMP, H_R9, HMEM(H_RSP, 8));
    cold(x, COLD_RETURN, NULL, as_jcc(a, HC_NZ));
    as_8(a, 0xc3);
}

bool x64_flow(struct x64 *x, unsigned k, unsigned cls, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    u32 next = x->eip + in->ofs + in->len;

    if (size != 4)
        return false;
    if ((cls & 0xf0) == T_JCC) {
        jcc(x, in, cls & 15);
        return true;
    }
    if ((cls & 0xf0) != T_FLOW)
        return false;
    if (form != FORM_R && (in->flags & INSN_MEM) && !(in->flags & INSN_A32))
        return false;
    switch (cls & 15) {
    case 0:
        x64_end(x);
        x64_edge(x, next + in->imm, end_flags(x));
        return true;
    case 1:
        call(x, k, false, next + in->imm);
        return true;
    case 2:
    case 3:
        if (form == FORM_R) {
            as_mov_rr(a, 4, H_R9, x64_host_of[in->dst >> 2]);
        } else {
            struct host_mem m;
            x64_access(x, x64_mem_of(x, k, 4, false, &m), H_NONE);
            as_load(a, 4, H_R9, m);
        }
        if ((cls & 15) == 3) {
            as_store(a, 4, H_R9, CPU_AT(fast.slot[2]));
            call(x, k, true, 0);
        } else {
            x64_end(x);
            indirect_edge(x);
        }
        return true;
    case 4:
        ret(x, k);
        return true;
    }
    return false;
}

/* ---- behind the block */

static void leave_at(struct x64 *x, const struct jit_link *l, u32 eip, unsigned why)
{
    struct asm_buf *a = &x->a;

    if (l && l->indirect)
        as_store(a, 4, H_R9, CPU_AT(eip));
    else
        as_store_i(a, 4, CPU_AT(eip), eip);
    if (why == LEAVE_LINK) {
        as_mov_ri64(a, H_R11, (u64)(uintptr_t)l);
        as_jmp_to(a, x->j->leave_link);
    } else if (why == LEAVE_HOT) {
        as_mov_ri(a, 4, H_R11, LEAVE_HOT);
        as_jmp_to(a, x->j->leave_why);
    } else {
        as_jmp_to(a, x->j->leave_look);
    }
}

/* Tier 1 does not last where there is another. */
static bool counts_savings(const struct x64 *x, const struct jit_link *l)
{
    return l->flags == JIT_EDGE_THUNK && (!x->j->views || l->tier == 2);
}

static void edge_cold(struct x64 *x, const struct cold *o)
{
    struct asm_buf *a = &x->a;
    struct jit_link *l = o->link;
    u32 at = a->pos;

    recover(x, l->flags);
    switch (o->kind) {
    case COLD_OVER:
        l->sub_site[0] = imm8_site(a, HA_SUB);
        leave_at(x, l, l->eip, LEAVE_LOOK);
        break;
    case COLD_FAR:
        l->sub_site[1] = imm8_site(a, HA_SUB);
        if (!l->indirect)
            as_mov_ri(a, 4, H_R9, l->eip);
        as_jmp_to(a, x->j->dispatch);
        break;
    case COLD_HOT:
        leave_at(x, l, l->eip, LEAVE_HOT);
        break;
    case COLD_UNLINKED:
        l->unlinked = at;
        leave_at(x, l, l->eip, LEAVE_LINK);
        break;
    case COLD_SAVE:
        l->save = at;
        if (counts_savings(x, l)) {
            as_mov_ri64(a, H_R11, (u64)(uintptr_t)&l->heat);
            as_alu_mi(a, 4, HA_SUB, HMEM(H_R11, 0), 1);
            at = as_jcc(a, HC_S);
        }
        l->save_site = as_jmp(a);
        if (counts_savings(x, l)) {
            as_rel(a, at, a->pos);
            l->sub_site[2] = imm8_site(a, HA_SUB);
            leave_at(x, l, l->eip, LEAVE_LINK);
        }
        break;
    default: /* COLD_MISS */
        l->miss = at;
        as_jmp_to(a, x->j->dispatch);
        break;
    }
}

static void other_cold(struct x64 *x, const struct cold *o)
{
    struct asm_buf *a = &x->a;

    switch (o->kind) {
    case COLD_HEAD:
    case COLD_HEAD_HOT:
        as_alu_ri(a, 8, HA_SUB, H_R13, x->b->n);
        leave_at(x, NULL, x->eip, o->kind == COLD_HEAD ? LEAVE_LOOK : LEAVE_HOT);
        break;
    case COLD_RESET:
        as_load(a, 8, H_RSP, CPU_AT(fast.stack));
        as_jmp_to(a, o->back);
        break;
    default: /* COLD_RETURN: perhaps one call was never returned from */
        as_alu_rm(a, 4, HA_CMP, H_R9, HMEM(H_RSP, 24));
        u32 lost = as_jcc(a, HC_NZ);
        as_lea(a, 8, H_RSP, HMEM(H_RSP, 16));
        as_8(a, 0xc3);
        as_rel(a, lost, a->pos);
        as_jmp_to(a, x->j->return_lost);
        break;
    }
}

void x64_cold_code(struct x64 *x)
{
    struct asm_buf *a = &x->a;

    for (unsigned k = 0; k < x->num_cold; k++) {
        const struct cold *o = &x->cold[k];
        if (o->kind == COLD_SLOW || o->kind == COLD_LOAD) {
            x64_slow_path(x, o);
            continue;
        }
        for (unsigned n = 0; n < ARRAY_LEN(o->from); n++)
            if (o->from[n])
                as_rel(a, o->from[n], a->pos);
        if (o->kind == COLD_HEAD || o->kind == COLD_HEAD_HOT || o->kind == COLD_RESET ||
            o->kind == COLD_RETURN)
            other_cold(x, o);
        else
            edge_cold(x, o);
    }
    if (x->num_thunk) {
        for (unsigned n = 0; n < x->num_thunk; n++)
            as_rel(a, x->thunk_from[n], a->pos);
        x64_recover(a, &x->end);
        as_8(a, 0xc3);
    }
    for (unsigned k = 0; k < x->num_cold; k++)
        if (x->cold[k].kind == COLD_MISS)
            x64_patch(x->j, x->cold[k].link->miss_site, x->cold[k].link->unlinked);
}
