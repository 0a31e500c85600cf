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

void x64_save(struct x64 *x)
{
    struct asm_buf *a = &x->a;

    if (x->fl != FL_HOST_ONLY)
        return;
    as_mov_rr(a, 8, H_R10, H_RAX);
    as_8(a, 0x9f); /* lahf */
    as_setcc(a, HC_O, H_RAX);
    if (x->clear_af)
        as_alu_ri(a, 1, HA_AND, AS_HIGH | 4, 0xef);
    as_mov_rr(a, 4, H_R12, H_RAX);
    as_mov_rr(a, 8, H_RAX, H_R10);
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

void x64_ea(struct x64 *x, const struct insn *in)
{
    struct host_mem m = { in->base == R_ZERO ? H_NONE : x64_host_of[in->base],
                          in->index == R_ZERO ? H_NONE : x64_host_of[in->index], in->scale,
                          (i32)in->disp };

    if (m.base == H_NONE && m.index == H_NONE)
        as_mov_ri(&x->a, 4, H_R9, in->disp);
    else if (m.index == H_NONE && !in->disp)
        as_mov_rr(&x->a, 4, H_R9, m.base);
    else
        as_lea(&x->a, 4, H_R9, m);
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

struct cold *x64_lookup(struct x64 *x, unsigned k, unsigned seg, unsigned size, bool write)
{
    struct asm_buf *a = &x->a;
    struct cold *o = x64_new_cold(x);

    o->kind = COLD_SLOW;
    o->size = (u8)size;
    o->group = jit_group_new(x->j, x->b, x->eip, k, 1);
    x->full |= !o->group;
    if (o->group)
        o->group->slow = true;
    if (seg == S_FS || seg == S_GS || (seg == S_CS && write)) { /* code is never writable */
        i32 at = (i32)(offsetof(struct cpu, seg) + seg * sizeof(struct seg));
        i32 end = write ? (i32)offsetof(struct seg, wr_end) : (i32)offsetof(struct seg, rd_end);
        as_alu_rm(a, 4, HA_CMP, H_R9, HMEM(H_R14, at + end));
        o->from[0] = as_jcc(a, HC_NB);
        as_alu_rm(a, 4, HA_ADD, H_R9, HMEM(H_R14, at + (i32)offsetof(struct seg, base)));
    }
    as_mov_rr(a, 4, H_R10, H_R9);
    as_shift_ri(a, 4, 5, H_R10, 12);
    if (write)
        as_load(a, 8, H_R11, CPU_AT(tlb_wr));
    as_load(a, 8, H_R10, HMEMX(write ? H_R11 : H_R15, H_R10, 3));
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
            as_mov_ri(a, 4, H_R11, LEAVE_LOOK);
        }
        as_jmp_to(a, x->j->leave);
    }
}
