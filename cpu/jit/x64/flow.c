/* SPDX-License-Identifier: MIT */
/* Templates of near jumps, calls and returns, and how control leaves a block. */
#include "cpu/isa.h"
#include "cpu/jit/x64/x64.h"

static void count(struct x64 *x)
{
    as_lea(&x->a, 8, H_R13, HMEM(H_R13, x->b->n));
}

static void kick_check(struct x64 *x, u32 eip)
{
    struct cold *o = x64_new_cold(x);

    as_alu_mi(&x->a, 4, HA_CMP, CPU_AT(kick), 0);
    *o = (struct cold){ .kind = COLD_LOOK, .eip = eip };
    o->from[0] = as_jcc(&x->a, HC_NZ);
}

/* In the page a link that is made when it is first taken; elsewhere near[] decides, because another
 * page's mapping may change while this one's does not. */
void x64_exit_to(struct x64 *x, u32 eip)
{
    struct asm_buf *a = &x->a;

    if (eip >> 12 != x->eip >> 12) {
        as_mov_ri(a, 4, H_R9, eip);
        as_jmp_to(a, x->j->dispatch);
        return;
    }
    if (eip <= x->eip + x->b->len) /* a loop: kicks must get through */
        kick_check(x, eip);
    struct jit_link *l = jit_side(x->j, sizeof *l);
    struct cold *o = x64_new_cold(x);
    if (!l) {
        x->full = true;
        return;
    }
    *l = (struct jit_link){ .eip = eip, .page = eip >> 12, .tier = x->jb->tier };
    *o = (struct cold){ .kind = COLD_UNLINKED, .link = l, .eip = eip };
    l->site = o->from[0] = as_jmp(a);
}

static void dispatch(struct x64 *x, unsigned target)
{
    count(x);
    if (target != H_R9)
        as_mov_rr(&x->a, 4, H_R9, target);
    as_jmp_to(&x->a, x->j->dispatch);
}

static void jcc(struct x64 *x, const struct insn *in, unsigned cond)
{
    u32 next = x->eip + in->ofs + in->len, taken;

    x64_save(x);
    x64_want_flags(x, H_R10);
    taken = as_jcc(&x->a, cond);
    count(x);
    x64_exit_to(x, next);
    as_rel(&x->a, taken, x->a.pos);
    count(x);
    x64_exit_to(x, next + in->imm);
}

/* Pushes the address behind the call. The target, if it is not a constant, waits in the slot. */
static void call(struct x64 *x, unsigned k)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;

    struct host_mem m;
    struct cold *o = x64_mem(x, k, S_SS, HMEM(H_R8, -4), 4, true, &m);

    x64_access(x, o, H_NONE);
    as_store_i(a, 4, m, x->eip + in->ofs + in->len);
    as_lea(a, 4, H_R8, HMEM(H_R8, -4));
}

bool x64_flow(struct x64 *x, unsigned k, unsigned cls, unsigned size, unsigned form)
{
    const struct insn *in = &x->b->insns[k];
    struct asm_buf *a = &x->a;
    u32 next = x->eip + in->ofs + in->len;
    struct host_mem slot = HMEM(H_RSP, 8), m;
    struct cold *o;

    if (size != 4)
        return false;
    if ((cls & 0xf0) == T_JCC) {
        jcc(x, in, cls & 15);
        return true;
    }
    if ((cls & 0xf0) != T_FLOW)
        return false;
    x64_save(x);
    switch (cls & 15) {
    case 0:
        count(x);
        x64_exit_to(x, next + in->imm);
        return true;
    case 1:
        call(x, k);
        count(x);
        x64_exit_to(x, next + in->imm);
        return true;
    case 2:
        if (form == FORM_R) {
            dispatch(x, x64_host_of[in->dst >> 2]);
            return true;
        }
        if (!(in->flags & INSN_A32))
            return false;
        o = x64_mem_of(x, k, 4, false, &m);
        x64_access(x, o, H_NONE);
        as_load(a, 4, H_R9, m);
        dispatch(x, H_R9);
        return true;
    case 3:
        if (form == FORM_R) {
            as_store(a, 4, x64_host_of[in->dst >> 2], slot);
        } else {
            if (!(in->flags & INSN_A32))
                return false;
            o = x64_mem_of(x, k, 4, false, &m);
            x64_access(x, o, H_NONE);
            as_load(a, 4, H_R9, m);
            as_store(a, 4, H_R9, slot);
        }
        call(x, k);
        as_load(a, 4, H_R9, slot);
        dispatch(x, H_R9);
        return true;
    case 4:
        o = x64_mem(x, k, S_SS, HMEM(H_R8, 0), 4, false, &m);
        x64_access(x, o, H_NONE);
        as_load(a, 4, H_R9, m);
        as_lea(a, 4, H_R8, HMEM(H_R8, (i32)(4 + in->imm)));
        dispatch(x, H_R9);
        return true;
    }
    return false;
}
