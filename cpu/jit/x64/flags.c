/* SPDX-License-Identifier: MIT */
/* The guest's arithmetic flags in emitted code: in the host's EFLAGS, saved in r12, by recipe. */
#include "cpu/flags.h"
#include "cpu/jit/x64/x64.h"

u32 x64_flags_of(const struct cpu *c)
{
    u32 f = cc_flags(c);

    return (f & 0xd5) << 8 | 0x200 | (f >> 11 & 1);
}

void x64_flags_to(struct cpu *c, u32 flags)
{
    cc_set(c, (flags >> 8 & 0xd5) | (flags & 1) << 11);
}

/* ---- saved */

void x64_save_host(struct asm_buf *a, bool clear_af)
{
    as_mov_rr(a, 8, H_R10, H_RAX);
    as_8(a, 0x9f); /* lahf */
    as_setcc(a, HC_O, H_RAX);
    if (clear_af)
        as_alu_ri(a, 1, HA_AND, AS_HIGH | 4, 0xef);
    as_mov_rr(a, 4, H_R12, H_RAX);
    as_mov_rr(a, 8, H_RAX, H_R10);
}

void x64_load_saved(struct asm_buf *a, unsigned temp)
{
    as_mov_rr(a, 8, temp, H_RAX);
    as_mov_rr(a, 4, H_RAX, H_R12);
    as_alu_ri(a, 1, HA_ADD, H_RAX, 0x7f); /* 1 + 7Fh: OF */
    as_8(a, 0x9e); /* sahf */
    as_mov_rr(a, 8, H_RAX, temp);
}

/* ---- recipes */

struct recipe x64_recipe(unsigned kind, unsigned size, unsigned dst, unsigned src, u32 imm)
{
    bool high = (dst & AS_HIGH) || (src != H_NONE && (src & AS_HIGH));

    /* what must be undone goes by way of r10, which does not mix with AH..BH */
    if (high && (kind >= RC_ADD || src == H_R11))
        kind = RC_NONE;
    if (dst == src && (kind == RC_ADD || kind == RC_SUB || kind == RC_ADC || kind == RC_SBB))
        kind = RC_NONE;
    return (struct recipe){ .kind = (u8)kind, .size = (u8)size, .dst = (u8)dst, .src = (u8)src,
                            .imm = imm };
}

static u32 bit_of(unsigned host)
{
    return host == H_NONE ? 0 : BIT(host & AS_HIGH ? host & 3 : host);
}

bool x64_recipe_uses(const struct recipe *r, u32 regs)
{
    return r->kind != RC_NONE && ((bit_of(r->dst) | bit_of(r->src)) & regs);
}

static void with_src(struct asm_buf *a, const struct recipe *r, enum host_alu op, unsigned to)
{
    if (r->src == H_NONE)
        as_alu_ri(a, r->size, op, to, r->imm);
    else
        as_alu_rr(a, r->size, op, to, r->src);
}

static void captured_to_cf(struct asm_buf *a)
{
    as_nr(a, 4, 0x1ba, 4, H_R12); /* bt r12d, 0 */
    as_8(a, 0);
}

/* The operand of a shift whose result and last bit are known; the bits before that one are gone,
 * and no flag depends on them. */
static void unshift(struct asm_buf *a, const struct recipe *r)
{
    captured_to_cf(a);
    if (r->kind == RC_SHL)
        as_nr(a, 4, 0xd1, 3, H_R10); /* rcr */
    else
        as_alu_rr(a, 4, HA_ADC, H_R10, H_R10);
    if (r->imm > 1)
        as_shift_ri(a, 4, r->kind == RC_SHL ? 5 : 4, H_R10, r->imm - 1);
}

/* Multiplications: CF and OF are what was captured, the rest follows the low half. */
static void multiplied(struct asm_buf *a, const struct recipe *r)
{
    as_rr(a, r->size, AS_OP(r->size, 0x84), r->dst, r->dst);
    as_mov_rr(a, 8, H_R10, H_RAX);
    as_8(a, 0x9f); /* lahf */
    as_alu_ri(a, 1, HA_AND, AS_HIGH | 4, 0xee);
    as_mov_rr(a, 1, H_RAX, H_R12);
    as_alu_rr(a, 1, HA_OR, AS_HIGH | 4, H_RAX);
    as_alu_ri(a, 1, HA_ADD, H_RAX, 0x7f);
    as_8(a, 0x9e); /* sahf */
    as_mov_rr(a, 8, H_RAX, H_R10);
}

static void cook(struct asm_buf *a, const struct recipe *r)
{
    static const u8 shift[] = { 4, 5, 7 };
    enum host_alu undo = r->kind == RC_ADD ? HA_SUB : r->kind == RC_SUB ? HA_ADD :
                         r->kind == RC_ADC ? HA_SBB : HA_ADC;
    enum host_alu redo = r->kind == RC_ADD ? HA_ADD : r->kind == RC_SUB ? HA_SUB :
                         r->kind == RC_ADC ? HA_ADC : HA_SBB;

    switch (r->kind) {
    case RC_CMP:
        with_src(a, r, HA_CMP, r->dst);
        return;
    case RC_TEST:
        if (r->src == H_NONE)
            as_test_ri(a, r->size, r->dst, r->imm);
        else
            as_rr(a, r->size, AS_OP(r->size, 0x84), r->src, r->dst);
        return;
    case RC_LOGIC:
        as_rr(a, r->size, AS_OP(r->size, 0x84), r->dst, r->dst);
        return;
    case RC_IMUL:
        multiplied(a, r);
        return;
    }
    if (r->moved)
        as_lea(a, 4, H_R10, HMEM(r->dst, -r->moved));
    else
        as_mov_rr(a, 4, H_R10, r->dst);
    switch (r->kind) {
    case RC_ADD:
    case RC_SUB:
        with_src(a, r, undo, H_R10);
        with_src(a, r, redo, H_R10);
        break;
    case RC_ADC:
    case RC_SBB:
        captured_to_cf(a);
        with_src(a, r, undo, H_R10);
        captured_to_cf(a);
        with_src(a, r, redo, H_R10);
        break;
    case RC_NEG:
        as_nr(a, r->size, AS_OP(r->size, 0xf6), 3, H_R10);
        as_nr(a, r->size, AS_OP(r->size, 0xf6), 3, H_R10);
        break;
    case RC_INC:
    case RC_DEC:
        as_nr(a, r->size, AS_OP(r->size, 0xfe), r->kind == RC_INC, H_R10);
        captured_to_cf(a);
        as_nr(a, r->size, AS_OP(r->size, 0xfe), r->kind != RC_INC, H_R10);
        break;
    default: /* SHL, SHR, SAR */
        unshift(a, r);
        as_shift_ri(a, 4, shift[r->kind - RC_SHL], H_R10, r->imm);
        break;
    }
}

void x64_recover(struct asm_buf *a, const struct flags_at *f)
{
    if ((f->at & AT_SAVED) || !(f->at & AT_RECIPE))
        return;
    cook(a, &f->recipe);
    x64_save_host(a, f->clear_af);
}

/* ---- while a block is translated */

struct flags_at x64_flags_here(const struct x64 *x)
{
    return (struct flags_at){ x->at, x->clear_af, x->recipe };
}

void x64_wrote(struct x64 *x, struct recipe r)
{
    x->at = AT_HOST;
    x->clear_af = r.kind >= RC_SHL && r.kind <= RC_SAR;
    x->recipe = r;
    x->serial++;
    if (r.kind != RC_NONE && r.kind < RC_CAPTURE)
        x->at |= AT_RECIPE;
    else if (r.kind == RC_ADC || r.kind == RC_SBB || r.kind == RC_IMUL)
        x->at |= AT_RECIPE; /* captured already */
    if (r.kind == RC_IMUL)
        x->at &= (u8)~AT_HOST; /* the host leaves the others undefined */
}

void x64_wrote_unknown(struct x64 *x) { x64_wrote(x, (struct recipe){ .kind = RC_NONE }); }

void x64_save(struct x64 *x)
{
    if (x->at & AT_SAVED)
        return;
    if (!(x->at & AT_HOST))
        x64_want_flags(x);
    x64_save_host(&x->a, x->clear_af);
    x->at = x->clear_af ? AT_SAVED : x->at | AT_SAVED;
    x->clear_af = false;
    if (x->recipe.kind >= RC_CAPTURE || x64_recipe_uses(&x->recipe, BIT(H_R12)))
        x->at &= (u8)~AT_RECIPE; /* r12 has something else now */
}

void x64_spoil(struct x64 *x)
{
    if (x->at == AT_HOST) {
        if (x->recipe.kind >= RC_CAPTURE) {
            as_setcc(&x->a, HC_B, H_R12);
            x->at |= AT_RECIPE;
        } else {
            x64_save(x);
        }
    }
    x->at &= (u8)~AT_HOST;
}

void x64_want_flags(struct x64 *x)
{
    if (x->at & AT_HOST)
        return;
    if (x->at & AT_RECIPE)
        cook(&x->a, &x->recipe);
    else
        x64_load_saved(&x->a, H_R10);
    x->at |= AT_HOST;
}

/* Where they are saved, r10 stays as it is: callers may have looked up an operand. */
void x64_want_cf(struct x64 *x)
{
    if (x->at & AT_HOST)
        return;
    if (x->at & AT_SAVED) {
        as_nr(&x->a, 4, 0x1ba, 4, H_R12); /* bt r12d, 8 */
        as_8(&x->a, 8);
        return;
    }
    cook(&x->a, &x->recipe);
    x->at |= AT_HOST;
}

/* A recipe goes on with r12 for the register that will be written, if there is but one. */
static bool by_r12(struct x64 *x, u32 regs)
{
    struct recipe *r = &x->recipe;
    unsigned lost = bit_of(r->dst) & regs ? r->dst : r->src;

    if (r->kind >= RC_CAPTURE || r->moved || ((r->dst | lost) & AS_HIGH) ||
        (r->src != H_NONE && (r->src & AS_HIGH)) || x64_recipe_uses(r, BIT(H_R12)) ||
        (r->dst != lost && (bit_of(r->dst) & regs)) || (r->src != lost && (bit_of(r->src) & regs)))
        return false;
    as_mov_rr(&x->a, 4, H_R12, lost);
    if (r->dst == lost)
        r->dst = H_R12;
    if (r->src == lost)
        r->src = H_R12;
    x->serial++;
    return true;
}

void x64_before_write(struct x64 *x, unsigned k, u32 regs, bool accesses)
{
    regs &= ~(u32)BIT(H_R12);
    if (!x64_recipe_uses(&x->recipe, regs))
        return;
    if (x64_live_after(x, k) && !(x->at & AT_SAVED) && (accesses || !(x->at & AT_HOST))) {
        if ((x->at & AT_RECIPE) && by_r12(x, regs))
            return;
        x64_save(x);
    }
    x->at &= (u8)~AT_RECIPE;
    x->recipe.kind = RC_NONE;
    x->serial++;
}

bool x64_esp_may_move(const struct x64 *x)
{
    const struct recipe *r = &x->recipe;

    return r->kind >= RC_ADD && r->kind != RC_IMUL && r->size == 4 && r->dst == H_R8 &&
           r->src != H_R8;
}

void x64_esp_moved(struct x64 *x, i32 by)
{
    if (!x64_recipe_uses(&x->recipe, BIT(H_R8)))
        return;
    x->recipe.moved += by;
    x->serial++;
}
