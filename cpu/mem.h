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

#define MEM_DEFINE_(bits, type) \
NB_INLINE NB_WARN_UNUSED bool la_read##bits(struct cpu *c, u32 la, type *v) \
{ \
    if (MEM_FAST_(c->tlb_rd, la, bits / 8)) { \
        memcpy(v, (const u8 *)(uintptr_t)(c->tlb_rd[la >> 12] + la), bits / 8); \
        return true; \
    } \
    return mem_read_slow(c, la, v, bits / 8, c->cpl == 3); \
} \
NB_INLINE NB_WARN_UNUSED bool la_write##bits(struct cpu *c, u32 la, type v) \
{ \
    if (MEM_FAST_(c->tlb_wr, la, bits / 8)) { \
        memcpy((u8 *)(uintptr_t)(c->tlb_wr[la >> 12] + la), &v, bits / 8); \
        return true; \
    } \
    return mem_write_slow(c, la, &v, bits / 8, c->cpl == 3); \
} \
NB_INLINE NB_WARN_UNUSED bool sys_read##bits(struct cpu *c, u32 la, type *v) \
{ \
    if (MEM_FAST_(c->tlb_sys_rd, la, bits / 8)) { \
        memcpy(v, (const u8 *)(uintptr_t)(c->tlb_sys_rd[la >> 12] + la), bits / 8); \
        return true; \
    } \
    return mem_read_slow(c, la, v, bits / 8, false); \
} \
NB_INLINE NB_WARN_UNUSED bool sys_write##bits(struct cpu *c, u32 la, type v) \
{ \
    if (MEM_FAST_(c->tlb_sys_wr, la, bits / 8)) { \
        memcpy((u8 *)(uintptr_t)(c->tlb_sys_wr[la >> 12] + la), &v, bits / 8); \
        return true; \
    } \
    return mem_write_slow(c, la, &v, bits / 8, false); \
} \
NB_INLINE NB_WARN_UNUSED bool mem_read##bits(struct cpu *c, unsigned s, u32 ea, type *v) \
{ \
    u32 la = c->seg[s].base + ea; \
    if (unlikely(ea >= c->seg[s].rd_end) && !seg_check_slow(c, s, ea, bits / 8, false, &la)) \
        return false; \
    return la_read##bits(c, la, v); \
} \
NB_INLINE NB_WARN_UNUSED bool mem_write##bits(struct cpu *c, unsigned s, u32 ea, type v) \
{ \
    u32 la = c->seg[s].base + ea; \
    if (unlikely(ea >= c->seg[s].wr_end) && !seg_check_slow(c, s, ea, bits / 8, true, &la)) \
        return false; \
    return la_write##bits(c, la, v); \
}

MEM_DEFINE_(8, u8)
MEM_DEFINE_(16, u16)
MEM_DEFINE_(32, u32)
MEM_DEFINE_(64, u64)

/* Read-modify-write: the first half checks for write and returns the host address if the fast path
 * holds; the second half stores. A fault can only happen in the first. */
struct rmw {
    u32 la;
    u8 *host; /* NULL: the slow store is used; it cannot fault any more */
};
#define MEM_RMW_(bits, type) \
NB_INLINE NB_WARN_UNUSED bool rmw_begin##bits(struct cpu *c, unsigned s, u32 ea, type *v, \
                                              struct rmw *m) \
{ \
    m->la = c->seg[s].base + ea; \
    if (unlikely(ea >= c->seg[s].wr_end) && \
        !seg_check_slow(c, s, ea, bits / 8, true, &m->la)) \
        return false; \
    if (unlikely(ea >= c->seg[s].rd_end) && \
        !seg_check_slow(c, s, ea, bits / 8, false, &m->la)) \
        return false; \
    if (MEM_FAST_(c->tlb_wr, m->la, bits / 8)) { \
        m->host = (u8 *)(uintptr_t)(c->tlb_wr[m->la >> 12] + m->la); \
        memcpy(v, m->host, bits / 8); \
        return true; \
    } \
    m->host = NULL; \
    return mem_rmw_slow(c, m->la, v, bits / 8, c->cpl == 3); \
} \
NB_INLINE NB_WARN_UNUSED bool rmw_end##bits(struct cpu *c, const struct rmw *m, type v) \
{ \
    if (likely(m->host != NULL)) { \
        memcpy(m->host, &v, bits / 8); \
        return true; \
    } \
    return mem_write_slow(c, m->la, &v, bits / 8, c->cpl == 3); \
}

MEM_RMW_(8, u8)
MEM_RMW_(16, u16)
MEM_RMW_(32, u32)
MEM_RMW_(64, u64)

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
