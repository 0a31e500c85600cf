/* SPDX-License-Identifier: MIT */
/* Guest memory accessors: inline fast paths, one slow path for all engines (mmu.c).
 * mem_*: segment and effective address. la_*: linear address with the current CPL's rights.
 * sys_*: linear address with supervisor rights (descriptor tables, TSS, stack frames of an inner
 * level are written with the new CPL's). All return false with a parked fault. */
#ifndef NB_CPU_MEM_H
#define NB_CPU_MEM_H

#include "cpu/insn.h"

#define MEM_FAST_(tbl, la, size) \
    (likely((tbl)[(la) >> 12] != 0) && likely(((la) & PAGE_MASK) <= PAGE_SIZE - (size)))

/* The slow paths take and give values, not addresses of locals: a handler whose locals nobody can
 * reach ends in a jump to the next one instead of a call. Bit 63: a fault is parked. */
#define MEM_FAULT (1ull << 63)
u64 mem_load_slow(struct cpu *c, u32 la, unsigned size, bool user);
u64 mem_load_rmw_slow(struct cpu *c, u32 la, unsigned size, bool user);
bool mem_store_slow(struct cpu *c, u32 la, u32 v, unsigned size, bool user);
u64 seg_linear_slow(struct cpu *c, unsigned s, u32 ea, unsigned size, bool write); /* address */

#define MEM_LOAD_(bits, type, table, user) \
    if (MEM_FAST_(table, la, bits / 8)) { \
        memcpy(v, (const u8 *)(uintptr_t)((table)[la >> 12] + la), bits / 8); \
        return true; \
    } \
    u64 r_ = mem_load_slow(c, la, bits / 8, user); \
    *v = (type)r_; \
    return !(r_ & MEM_FAULT);
#define MEM_STORE_(bits, table, user) \
    if (MEM_FAST_(table, la, bits / 8)) { \
        memcpy((u8 *)(uintptr_t)((table)[la >> 12] + la), &v, bits / 8); \
        return true; \
    } \
    return mem_store_slow(c, la, v, bits / 8, user);

#define MEM_DEFINE_(bits, type) \
NB_INLINE NB_WARN_UNUSED bool la_read##bits(struct cpu *c, u32 la, type *v) \
{ \
    MEM_LOAD_(bits, type, c->tlb_rd, c->cpl == 3) \
} \
NB_INLINE NB_WARN_UNUSED bool la_write##bits(struct cpu *c, u32 la, type v) \
{ \
    MEM_STORE_(bits, c->tlb_wr, c->cpl == 3) \
} \
NB_INLINE NB_WARN_UNUSED bool sys_read##bits(struct cpu *c, u32 la, type *v) \
{ \
    MEM_LOAD_(bits, type, c->tlb_sys_rd, false) \
} \
NB_INLINE NB_WARN_UNUSED bool sys_write##bits(struct cpu *c, u32 la, type v) \
{ \
    MEM_STORE_(bits, c->tlb_sys_wr, false) \
}

MEM_DEFINE_(8, u8)
MEM_DEFINE_(16, u16)
MEM_DEFINE_(32, u32)

/* 64 bits fill the register that the others keep their fault bit in. */
NB_INLINE NB_WARN_UNUSED bool la_read64(struct cpu *c, u32 la, u64 *v)
{
    if (MEM_FAST_(c->tlb_rd, la, 8)) {
        memcpy(v, (const u8 *)(uintptr_t)(c->tlb_rd[la >> 12] + la), 8);
        return true;
    }
    return mem_read_slow(c, la, v, 8, c->cpl == 3);
}
NB_INLINE NB_WARN_UNUSED bool la_write64(struct cpu *c, u32 la, u64 v)
{
    if (MEM_FAST_(c->tlb_wr, la, 8)) {
        memcpy((u8 *)(uintptr_t)(c->tlb_wr[la >> 12] + la), &v, 8);
        return true;
    }
    return mem_write_slow(c, la, &v, 8, c->cpl == 3);
}
NB_INLINE NB_WARN_UNUSED bool sys_read64(struct cpu *c, u32 la, u64 *v)
{
    return mem_read_slow(c, la, v, 8, false);
}
NB_INLINE NB_WARN_UNUSED bool sys_write64(struct cpu *c, u32 la, u64 v)
{
    return mem_write_slow(c, la, &v, 8, false);
}

/* Linear address of an access, segment checked. */
NB_INLINE NB_WARN_UNUSED bool seg_linear(struct cpu *c, unsigned s, u32 ea, unsigned size, bool write,
                                         u32 *la)
{
    *la = c->seg[s].base + ea;
    if (unlikely(ea >= (write ? c->seg[s].wr_end : c->seg[s].rd_end))) {
        u64 r = seg_linear_slow(c, s, ea, size, write);
        *la = (u32)r;
        return !(r & MEM_FAULT);
    }
    return true;
}

#define MEM_SEG_(bits, type) \
NB_INLINE NB_WARN_UNUSED bool mem_read##bits(struct cpu *c, unsigned s, u32 ea, type *v) \
{ \
    u32 la; \
    return seg_linear(c, s, ea, bits / 8, false, &la) && la_read##bits(c, la, v); \
} \
NB_INLINE NB_WARN_UNUSED bool mem_write##bits(struct cpu *c, unsigned s, u32 ea, type v) \
{ \
    u32 la; \
    return seg_linear(c, s, ea, bits / 8, true, &la) && la_write##bits(c, la, v); \
}
MEM_SEG_(8, u8)
MEM_SEG_(16, u16)
MEM_SEG_(32, u32)
MEM_SEG_(64, u64)

/* Host address of an access that needs nothing else: in the segment, in one page, plain memory with a
 * table entry. NULL: use the accessors above. Handlers of frequent rows try this first and do the rest
 * in a cold twin, so that they need no stack frame. */
NB_INLINE u8 *mem_fast_rd(const struct cpu *c, unsigned s, u32 ea, unsigned size)
{
    u32 la = c->seg[s].base + ea;
    u64 e = c->tlb_rd[la >> 12];

    if (unlikely(ea >= c->seg[s].rd_end) || unlikely(!e) ||
        unlikely((la & PAGE_MASK) > PAGE_SIZE - size))
        return NULL;
    return (u8 *)(uintptr_t)(e + la);
}
NB_INLINE u8 *mem_fast_wr(const struct cpu *c, unsigned s, u32 ea, unsigned size)
{
    u32 la = c->seg[s].base + ea;
    u64 e = c->tlb_wr[la >> 12];

    if (unlikely(ea >= c->seg[s].wr_end) || unlikely(!e) ||
        unlikely((la & PAGE_MASK) > PAGE_SIZE - size))
        return NULL;
    return (u8 *)(uintptr_t)(e + la);
}

/* The same where MODE_FLAT holds and the segment is ES, SS or DS: base and limit have nothing to say. */
NB_INLINE u8 *flat_ptr(const u64 *table, u32 la, unsigned size)
{
    u64 e = table[la >> 12];

    if (unlikely(!e) || (size > 1 && unlikely((la & PAGE_MASK) > PAGE_SIZE - size)))
        return NULL;
    nb_assume(e + la != 0); /* nothing is mapped there: callers need not look again */
    return (u8 *)(uintptr_t)(e + la);
}

/* Addressings, as the forms of isa.h have them: ANY, FLAT with a base and a displacement, FLATX with
 * an index as well. ADDRESSINGS(X, ...) makes X(suffix, addressing, ...) for all three. */
#define ANY_RD(c, i, size) mem_fast_rd(c, (i)->seg, insn_ea(c, i), size)
#define ANY_WR(c, i, size) mem_fast_wr(c, (i)->seg, insn_ea(c, i), size)
#define FLAT_EA(c, i) ((c)->gpr[(i)->base] + (i)->disp)
#define FLAT_RD(c, i, size) flat_ptr((c)->tlb_rd, FLAT_EA(c, i), size)
#define FLAT_WR(c, i, size) flat_ptr((c)->tlb_wr, FLAT_EA(c, i), size)
#define FLATX_EA(c, i) (FLAT_EA(c, i) + ((c)->gpr[(i)->index] << (i)->scale))
#define FLATX_RD(c, i, size) flat_ptr((c)->tlb_rd, FLATX_EA(c, i), size)
#define FLATX_WR(c, i, size) flat_ptr((c)->tlb_wr, FLATX_EA(c, i), size)
#define ADDRESSINGS(X, ...) X(, ANY, __VA_ARGS__) X(_f, FLAT, __VA_ARGS__) X(_x, FLATX, __VA_ARGS__)
#define ADDRESSED(form, fn) [form] = fn, [FORM_FLAT + (form)] = fn##_f, [FORM_FLATX + (form)] = fn##_x

/* Read-modify-write: the first half checks for write and returns the host address if the fast path
 * holds; the second half stores. A fault can only happen in the first. */
struct rmw {
    u32 la;
    u8 *host; /* NULL: the slow store is used; it cannot fault any more */
};
#define MEM_RMW_(bits, type, SLOW_LOAD, SLOW_STORE) \
NB_INLINE NB_WARN_UNUSED bool rmw_begin##bits(struct cpu *c, unsigned s, u32 ea, type *v, \
                                              struct rmw *m) \
{ \
    u32 la; \
    if (!seg_linear(c, s, ea, bits / 8, true, &la) || \
        (unlikely(ea >= c->seg[s].rd_end) && \
         (seg_linear_slow(c, s, ea, bits / 8, false) & MEM_FAULT))) \
        return false; \
    m->la = la; \
    if (MEM_FAST_(c->tlb_wr, la, bits / 8)) { \
        m->host = (u8 *)(uintptr_t)(c->tlb_wr[la >> 12] + la); \
        memcpy(v, m->host, bits / 8); \
        return true; \
    } \
    m->host = NULL; \
    SLOW_LOAD \
} \
NB_INLINE NB_WARN_UNUSED bool rmw_end##bits(struct cpu *c, const struct rmw *m, type v) \
{ \
    if (likely(m->host != NULL)) { \
        memcpy(m->host, &v, bits / 8); \
        return true; \
    } \
    SLOW_STORE \
}
#define RMW_LOAD_(bits, type) \
    u64 r_ = mem_load_rmw_slow(c, la, bits / 8, c->cpl == 3); \
    *v = (type)r_; \
    return !(r_ & MEM_FAULT);
#define RMW_STORE_(bits) return mem_store_slow(c, m->la, v, bits / 8, c->cpl == 3);

MEM_RMW_(8, u8, RMW_LOAD_(8, u8), RMW_STORE_(8))
MEM_RMW_(16, u16, RMW_LOAD_(16, u16), RMW_STORE_(16))
MEM_RMW_(32, u32, RMW_LOAD_(32, u32), RMW_STORE_(32))
MEM_RMW_(64, u64, return mem_rmw_slow(c, la, v, 8, c->cpl == 3);,
         return mem_write_slow(c, m->la, &v, 8, c->cpl == 3);)

/* Stack with SS and its size. A push writes before ESP changes; the caller commits ESP. */
#define MEM_STACK_(bits, type) \
NB_INLINE NB_WARN_UNUSED bool stack_push##bits(struct cpu *c, u32 *esp, type v) \
{ \
    u32 mask = stack_mask(c), sp = (*esp - bits / 8) & mask; \
    if (!mem_write##bits(c, S_SS, sp, v)) \
        return false; \
    *esp = (*esp & ~mask) | sp; \
    return true; \
} \
NB_INLINE NB_WARN_UNUSED bool stack_pop##bits(struct cpu *c, u32 *esp, type *v) \
{ \
    u32 mask = stack_mask(c); \
    if (!mem_read##bits(c, S_SS, *esp & mask, v)) \
        return false; \
    *esp = (*esp & ~mask) | ((*esp + bits / 8) & mask); \
    return true; \
}

MEM_STACK_(16, u16)
MEM_STACK_(32, u32)

#endif
