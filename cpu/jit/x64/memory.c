/* SPDX-License-Identifier: MIT */
/* Guest memory and flags in emitted code. */
#include "cpu/flags.h"
#include "cpu/jit/x64/x64.h"

const u8 x64_host_of[8] = { H_RAX, H_RCX, H_RDX, H_RBX, H_R8, H_RBP, H_RSI, H_RDI };

/* ---- flags */

u32 x64_flags_of(const struct cpu *c)
{
    u32 f = cc_flags(c);

    return (f & 0xd5) << 8 | 0x200 | (f >> 11 & 1);
}

void x64_flags_to(struct cpu *c, u32 flags)
{
    cc_set(c, (flags >> 8 & 0xd5) | (flags & 1) << 11);
}

static void save(struct asm_buf *a, bool clear_af)
{
    as_mov_rr(a, 8, H_R10, H_RAX);
    as_8(a, 0x9f); /* lahf */
    as_setcc(a, HC_O, H_RAX);
    if (clear_af)
        as_alu_ri(a, 1, HA_AND, AS_HIGH | 4, 0xef);
    as_mov_rr(a, 4, H_R12, H_RAX);
    as_mov_rr(a, 8, H_RAX, H_R10);
}

void x64_save(struct x64 *x)
{
    if (x->fl != FL_HOST_ONLY)
        return;
    save(&x->a, x->clear_af);
    x->fl = x->clear_af ? FL_SAVED_ONLY : FL_BOTH;
    x->clear_af = false;
}

static void load_flags(struct asm_buf *a, unsigned temp)
{
    as_mov_rr(a, 8, temp, H_RAX);
    as_mov_rr(a, 4, H_RAX, H_R12);
    as_alu_ri(a, 1, HA_ADD, H_RAX, 0x7f); /* 1 + 7Fh: OF */
    as_8(a, 0x9e); /* sahf */
    as_mov_rr(a, 8, H_RAX, temp);
}

void x64_want_flags(struct x64 *x, unsigned temp)
{
    if (x->fl != FL_SAVED_ONLY)
        return;
    load_flags(&x->a, temp);
    x->fl = FL_BOTH;
}

void x64_want_cf(struct x64 *x)
{
    if (x->fl != FL_SAVED_ONLY)
        return;
    as_nr(&x->a, 4, 0x1ba, 4, H_R12); /* bt r12d, 8 */
    as_8(&x->a, 8);
}

/* ---- memory */

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
    struct cold *o = slow_access(x, k, size, write);

    segment(x, o, seg, write);
    as_mov_rr(a, 4, H_R10, H_R9);
    as_shift_ri(a, 4, 5, H_R10, 12);
    if (write)
        as_load(a, 8, H_R11, CPU_AT(tlb_wr));
    else if (x->j->views)
        as_load(a, 8, H_R11, CPU_AT(tlb_rd));
    as_load(a, 8, H_R10, HMEMX(write || x->j->views ? H_R11 : H_R15, H_R10, 3));
    as_rr(a, 8, 0x85, H_R10, H_R10);
    o->from[1] = as_jcc(a, HC_Z);
    if (size > 1) {
        as_test_ri(a, 1, H_R9, size - 1);
        o->misaligned = as_jcc(a, HC_NZ);
        o->aligned = a->pos;
    }
    if (x->fl == FL_BOTH)
        x->fl = FL_SAVED_ONLY;
    return o;
}

/* A displacement that leads from a 32-bit register to the guard on either side when the sum is
 * not a 32-bit address, and that addresses near the ends of the space seldom have. */
static bool plain_disp(i32 disp) { return disp >= -4096 && disp < 0x40000000; }

struct cold *x64_mem(struct x64 *x, unsigned k, unsigned seg, struct host_mem ea, unsigned size,
                     bool write, struct host_mem *m)
{
    bool far = seg == S_FS || seg == S_GS;

    if (x->jb->tier < 2 || (x->jb->soft >> k & 1) || (seg == S_CS && write)) {
        x64_save(x);
        to_r9(x, ea);
        *m = HMEMX(H_R10, H_R9, 0);
        return x64_lookup(x, k, seg, size, write);
    }
    if (far)
        x64_save(x); /* for the check of the limit */
    struct cold *o = slow_access(x, k, size, write);
    o->view = true;
    if (!far && ea.base != H_NONE && ea.index == H_NONE && plain_disp(ea.disp)) {
        *m = (struct host_mem){ H_R15, ea.base, 0, ea.disp };
        return o;
    }
    to_r9(x, ea);
    if (far) {
        segment(x, o, seg, write);
        if (x->fl == FL_BOTH)
            x->fl = FL_SAVED_ONLY;
    }
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
    o->unsaved = x->fl == FL_HOST_ONLY;
    o->clear_af = x->clear_af;
    o->swapped = (u8)swapped;
}

void x64_done(struct x64 *x, struct cold *slow)
{
    slow->back = x->a.pos;
    slow->flags = x->fl != FL_SAVED_ONLY;
}

/* ---- behind the block */

static void slow_path(struct x64 *x, const struct cold *o)
{
    struct asm_buf *a = &x->a;

    if (o->misaligned) {
        as_rel(a, o->misaligned, a->pos);
        as_mov_rr(a, 4, H_R11, H_R9);
        as_alu_ri(a, 4, HA_AND, H_R11, PAGE_MASK);
        as_alu_ri(a, 4, HA_CMP, H_R11, PAGE_SIZE - o->size);
        as_rel(a, as_jcc(a, HC_BE), o->aligned);
    }
    if (o->site) {
        if (!jit_site_new(x->j, (struct jit_site){ .pc = o->site, .resume = a->pos, .jb = x->jb,
                                                   .k = o->k, .write = o->write }))
            x->full = true;
        if (o->swapped != H_NONE)
            as_rr(a, 1, 0x86, o->swapped, AS_HIGH | 4 | o->swapped);
        if (o->unsaved)
            save(a, o->clear_af);
    }
    for (unsigned k = 0; k < ARRAY_LEN(o->from); k++)
        if (o->from[k])
            as_rel(a, o->from[k], a->pos);
    x64_fp_flush_of(x, &o->fp);
    as_mov_ri64(a, H_R11, (u64)(uintptr_t)o->group);
    as_call_to(a, x->j->call_group);
    if (!o->back) {
        as_8(a, 0xcc); /* it ends the block: nobody comes back */
        return;
    }
    x64_fp_put_back(x, o->fp.in, o->group);
    if (o->flags)
        load_flags(a, H_R10);
    as_jmp_to(a, o->back);
}

void x64_cold_code(struct x64 *x)
{
    struct asm_buf *a = &x->a;

    for (unsigned k = 0; k < x->num_cold; k++) {
        const struct cold *o = &x->cold[k];
        if (o->kind == COLD_SLOW) {
            slow_path(x, o);
            continue;
        }
        for (unsigned n = 0; n < ARRAY_LEN(o->from); n++)
            if (o->from[n])
                as_rel(a, o->from[n], a->pos);
        if (o->kind == COLD_LOAD) {
            x64_fp_load(x, o->fp.in, o->k);
            as_jmp_to(a, o->back);
            continue;
        }
        if (o->link)
            o->link->unlinked = a->pos;
        as_store_i(a, 4, CPU_AT(eip), o->eip);
        if (o->kind == COLD_UNLINKED) {
            as_mov_ri64(a, H_R11, (u64)(uintptr_t)o->link);
            as_store(a, 8, H_R11, CPU_AT(fast.link));
            as_mov_ri(a, 4, H_R11, LEAVE_LINK);
        } else {
            as_mov_ri(a, 4, H_R11, o->kind == COLD_HOT ? LEAVE_HOT : LEAVE_LOOK);
        }
        as_jmp_to(a, x->j->leave);
    }
}
