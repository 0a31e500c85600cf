/* SPDX-License-Identifier: MIT */
/* Guest memory in emitted code: effective addresses, the look-up, the view, and slow paths. */
#include "cpu/isa.h"
#include "cpu/jit/x64/x64.h"

const u8 x64_host_of[8] = { H_RAX, H_RCX, H_RDX, H_RBX, H_R8, H_RBP, H_RSI, H_RDI };

struct host_mem x64_ea_of(const struct insn *in)
{
    return (struct host_mem){ in->base == R_ZERO ? H_NONE : x64_host_of[in->base],
                              in->index == R_ZERO ? H_NONE : x64_host_of[in->index], in->scale,
                              (i32)in->disp };
}

static void to_r9(struct x64 *x, struct host_mem ea)
{
    if (ea.base == H_R9 && ea.index == H_NONE && !ea.disp)
        return;
    if (ea.base == H_NONE && ea.index == H_NONE)
        as_mov_ri(&x->a, 4, H_R9, (u32)ea.disp);
    else if (ea.index == H_NONE && !ea.disp)
        as_mov_rr(&x->a, 4, H_R9, ea.base);
    else
        as_lea(&x->a, 4, H_R9, ea);
}

void x64_ea(struct x64 *x, const struct insn *in)
{
    to_r9(x, x64_ea_of(in));
}

struct cold *x64_new_cold(struct x64 *x)
{
    if (x->num_cold == MAX_COLD) {
        x->full = true;
        x->num_cold = 0;
    }
    struct cold *o = &x->cold[x->num_cold++];
    *o = (struct cold){ .fp = x->fp };
    return o;
}

static struct cold *slow_access(struct x64 *x, unsigned k, unsigned size, bool write)
{
    struct cold *o = x64_new_cold(x);

    o->kind = COLD_SLOW;
    o->size = (u8)size;
    o->k = (u8)k;
    o->write = write;
    o->before = x64_flags_here(x);
    o->serial = x->serial;
    o->group = jit_group_new(x->j, x->b, x->eip, k, 1);
    x->full |= !o->group;
    if (o->group)
        o->group->slow = true;
    return o;
}

/* From effective to linear address, in r9. */
static void segment(struct x64 *x, struct cold *o, unsigned seg, bool write)
{
    struct asm_buf *a = &x->a;

    if (seg == S_FS || seg == S_GS || (seg == S_CS && write)) { /* code is never writable */
        i32 at = (i32)(offsetof(struct cpu, seg) + seg * sizeof(struct seg));
        i32 end = write ? (i32)offsetof(struct seg, wr_end) : (i32)offsetof(struct seg, rd_end);
        as_alu_rm(a, 4, HA_CMP, H_R9, HMEM(H_R14, at + end));
        o->from[0] = as_jcc(a, HC_NB);
        as_alu_rm(a, 4, HA_ADD, H_R9, HMEM(H_R14, at + (i32)offsetof(struct seg, base)));
    }
}

struct cold *x64_lookup(struct x64 *x, unsigned k, unsigned seg, unsigned size, bool write)
{
    struct asm_buf *a = &x->a;

    x64_spoil(x);
    struct cold *o = slow_access(x, k, size, write);
    segment(x, o, seg, write);
    as_mov_rr(a, 4, H_R10, H_R9);
    as_shift_ri(a, 4, 5, H_R10, 12);
    if (x->j->views || (write && x->j->twice)) { /* r15 is not for this, or not the only table */
        as_shift_ri(a, 4, 4, H_R10, 3);
        if (write)
            as_alu_rm(a, 8, HA_ADD, H_R10, CPU_AT(tlb_wr));
        else
            as_alu_rm(a, 8, HA_ADD, H_R10, CPU_AT(tlb_rd));
        as_load(a, 8, H_R10, HMEM(H_R10, 0));
    } else {
        as_load(a, 8, H_R10, (struct host_mem){ H_R15, H_R10, 3, write ? TLB_WR_BYTES : 0 });
    }
    as_rr(a, 8, 0x85, H_R10, H_R10);
    o->from[1] = as_jcc(a, HC_Z);
    if (size > 1) {
        as_test_ri(a, 1, H_R9, size - 1);
        o->misaligned = as_jcc(a, HC_NZ);
        o->aligned = a->pos;
    }
    return o;
}

/* A displacement that leads from a 32-bit register to the guard on either side when the sum is
 * not a 32-bit address, and that addresses near the ends of the space seldom have. */
static bool plain_disp(i32 disp) { return disp >= -4096 && disp < 0x40000000; }

static bool far_seg(unsigned seg) { return seg == S_FS || seg == S_GS; }

static bool by_view(const struct x64 *x, unsigned k)
{
    return x->jb->tier >= 2 && !(x->jb->soft >> k & 1);
}

bool x64_by_view(const struct x64 *x, unsigned k)
{
    const struct insn *in = &x->b->insns[k];

    return by_view(x, k) && !((in->flags & INSN_MEM) && (far_seg(in->seg) || in->seg == S_CS));
}

struct cold *x64_mem(struct x64 *x, unsigned k, unsigned seg, struct host_mem ea, unsigned size,
                     bool write, struct host_mem *m)
{
    if (!by_view(x, k) || (seg == S_CS && write)) {
        to_r9(x, ea);
        *m = HMEMX(H_R10, H_R9, 0);
        return x64_lookup(x, k, seg, size, write);
    }
    if (far_seg(seg))
        x64_spoil(x); /* by the check of the limit */
    struct cold *o = slow_access(x, k, size, write);
    o->view = true;
    if (!far_seg(seg) && ea.base != H_NONE && ea.index == H_NONE && plain_disp(ea.disp)) {
        *m = (struct host_mem){ H_R15, ea.base, 0, ea.disp };
        return o;
    }
    to_r9(x, ea);
    segment(x, o, seg, write);
    *m = HMEMX(H_R15, H_R9, 0);
    return o;
}

struct cold *x64_mem_of(struct x64 *x, unsigned k, unsigned size, bool write, struct host_mem *m)
{
    const struct insn *in = &x->b->insns[k];
    struct host_mem ea = x64_ea_of(in);

    if (size == 1 && x->jb->tier >= 2 && ((in->dst | in->src) & 1)) {
        /* AH..BH may be exchanged with a register of the address */
        to_r9(x, ea);
        ea = HMEM(H_R9, 0);
    }
    return x64_mem(x, k, in->seg, ea, size, write, m);
}

void x64_access(struct x64 *x, struct cold *o, unsigned swapped)
{
    if (!o->view)
        return;
    o->site = x->a.pos;
    o->before = x64_flags_here(x);
    o->serial = x->serial;
    o->swapped = (u8)swapped;
}

void x64_done(struct x64 *x, struct cold *slow)
{
    slow->back = x->a.pos;
    slow->after = x->at;
    slow->same = slow->serial == x->serial;
}

static void load_r11(struct asm_buf *a, unsigned size, struct host_mem m)
{
    if (size < 4)
        as_rm(a, 4, size == 1 ? 0x1b6 : 0x1b7, H_R11, m); /* movzx */
    else
        as_load(a, 4, H_R11, m);
}

void x64_load_operand(struct x64 *x, unsigned k, unsigned size)
{
    struct host_mem m;
    struct cold *o = x64_mem_of(x, k, size, false, &m);

    o->load = true;
    if (o->group) {
        struct insn *load = &o->group->insns[0];
        load->fn = jit_load_handler(size);
        load->dst = (u8)offsetof(struct cpu, fast.temp);
    }
    x64_access(x, o, H_NONE);
    load_r11(&x->a, size, m);
    x64_done(x, o);
}

/* ---- behind the block */

void x64_slow_path(struct x64 *x, const struct cold *o)
{
    struct asm_buf *a = &x->a;
    const struct recipe *r = &o->before.recipe;
    /* through the view the host's may be there */
    bool unsaved = (o->before.at & AT_HOST) && !(o->before.at & AT_SAVED);
    bool rebuilt = unsaved || (o->before.at & (AT_SAVED | AT_RECIPE)) == AT_RECIPE;
    bool again = rebuilt && o->same && (o->after & AT_RECIPE); /* somebody may cook it once more */
    bool keep_r11 = again && x64_recipe_uses(r, BIT(H_R11)) && !o->load;
    bool keep_r12 = again && (r->kind >= RC_CAPTURE || x64_recipe_uses(r, BIT(H_R12)));

    if (o->misaligned) {
        as_rel(a, o->misaligned, a->pos);
        as_store(a, 4, H_R9, CPU_AT(fast.slot[0]));
        as_alu_mi(a, 4, HA_AND, CPU_AT(fast.slot[0]), PAGE_MASK);
        as_alu_mi(a, 4, HA_CMP, CPU_AT(fast.slot[0]), PAGE_SIZE - o->size);
        as_rel(a, as_jcc(a, HC_BE), o->aligned);
    }
    if (o->site) {
        if (!jit_site_new(x->j, (struct jit_site){ .pc = o->site, .resume = a->pos, .jb = x->jb,
                                                   .k = o->k, .write = o->write }))
            x->full = true;
        if (o->swapped != H_NONE)
            as_rr(a, 1, 0x86, o->swapped, AS_HIGH | 4 | o->swapped);
    }
    for (unsigned k = 0; k < ARRAY_LEN(o->from); k++)
        if (o->from[k])
            as_rel(a, o->from[k], a->pos);
    if (keep_r11)
        as_store(a, 4, H_R11, CPU_AT(fast.slot[0]));
    if (keep_r12)
        as_store(a, 4, H_R12, CPU_AT(fast.slot[1]));
    if (unsaved)
        x64_save_host(a, o->before.clear_af);
    else
        x64_recover(a, &o->before);
    if (o->kind == COLD_LOAD) {
        x64_fp_load(x, o->fp.in, o->k);
        if (keep_r11)
            as_load(a, 4, H_R11, CPU_AT(fast.slot[0]));
        if (keep_r12)
            as_load(a, 4, H_R12, CPU_AT(fast.slot[1]));
        as_jmp_to(a, o->back);
        return;
    }
    if (o->from_r11)
        as_store(a, 4, H_R11, CPU_AT(fast.temp));
    x64_fp_flush_of(x, &o->fp);
    as_mov_ri64(a, H_R11, (u64)(uintptr_t)o->group);
    as_call_to(a, x->j->call_group);
    if (!o->back) {
        as_8(a, 0xcc); /* it ends the block: nobody comes back */
        return;
    }
    x64_fp_put_back(x, o->fp.in, o->group);
    if (o->after & AT_HOST)
        x64_load_saved(a, H_R10);
    if (o->load)
        load_r11(a, o->size, CPU_AT(fast.temp));
    if (keep_r11)
        as_load(a, 4, H_R11, CPU_AT(fast.slot[0]));
    if (keep_r12)
        as_load(a, 4, H_R12, CPU_AT(fast.slot[1]));
    as_jmp_to(a, o->back);
}
