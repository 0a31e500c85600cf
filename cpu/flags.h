/* SPDX-License-Identifier: MIT */
/* Lazy arithmetic flags: every operation stores its result and a word of carries; a flag is
 * computed when somebody asks. The only formulas for arithmetic flags in the tree.
 *
 *   cc.res  the result, sign-extended from the operand size to 32 bits
 *   cc.aux  bit 31  CF: carry out of the most significant bit
 *           bit 30  carry into the most significant bit: OF = bit 31 ^ bit 30
 *           bit 15..8  XORed into the result's low byte before its parity is taken
 *           bit 3   AF: carry out of bit 3
 *           bit 0   XORed into the result's sign
 * Operations leave 15..8 and 0 zero; loading EFLAGS uses them to make any combination. */
#ifndef NB_CPU_FLAGS_H
#define NB_CPU_FLAGS_H

#include "cpu/state.h"

#define AUX_CF 0x80000000u
#define AUX_PO 0x40000000u
#define AUX_AF 0x00000008u

NB_INLINE bool cc_cf(const struct cpu *c) { return c->cc.aux >> 31; }
NB_INLINE bool cc_of(const struct cpu *c) { return ((c->cc.aux ^ (c->cc.aux << 1)) >> 31) & 1; }
NB_INLINE bool cc_af(const struct cpu *c) { return (c->cc.aux >> 3) & 1; }
NB_INLINE bool cc_zf(const struct cpu *c) { return c->cc.res == 0; }
NB_INLINE bool cc_sf(const struct cpu *c) { return ((c->cc.res >> 31) ^ c->cc.aux) & 1; }
NB_INLINE bool cc_pf(const struct cpu *c)
{
    return !odd_parity((u8)(c->cc.res ^ (c->cc.aux >> 8)));
}

/* The six flags as EFLAGS bits. */
static inline u32 cc_flags(const struct cpu *c)
{
    return (cc_cf(c) ? FL_CF : 0) | (cc_pf(c) ? FL_PF : 0) | (cc_af(c) ? FL_AF : 0) |
           (cc_zf(c) ? FL_ZF : 0) | (cc_sf(c) ? FL_SF : 0) | (cc_of(c) ? FL_OF : 0);
}

/* Loads them from an EFLAGS image. */
static inline void cc_set(struct cpu *c, u32 f)
{
    u32 res = f & FL_ZF ? 0 : 1;
    bool odd = res; /* parity of res's low byte */
    bool want_odd = !(f & FL_PF);
    u32 cf = f & FL_CF ? 1 : 0, of = f & FL_OF ? 1 : 0;

    c->cc.res = res;
    c->cc.aux = cf << 31 | (cf ^ of) << 30 | (odd != want_odd ? 0x100u : 0) |
                (f & FL_AF ? AUX_AF : 0) | (f & FL_SF ? 1u : 0);
}

/* Changes CF and OF alone (rotates, MUL). */
NB_INLINE void cc_set_cf_of(struct cpu *c, bool cf, bool of)
{
    c->cc.aux = (c->cc.aux & ~(AUX_CF | AUX_PO)) | (u32)cf << 31 | (u32)(cf ^ of) << 30;
}
NB_INLINE void cc_set_cf(struct cpu *c, bool cf) { cc_set_cf_of(c, cf, cc_of(c)); }
/* Changes ZF alone: BSF, CMPXCHG8B, LAR ... */
static inline void cc_set_zf(struct cpu *c, bool zf)
{
    cc_set(c, (cc_flags(c) & ~FL_ZF) | (zf ? FL_ZF : 0));
}

/* ---- value kernels: result of an operation and its flags; bits is 8, 16 or 32 */
#define CC_DEFINE_(bits, T, S) \
NB_INLINE void cc_carries##bits(struct cpu *c, T r, u32 cv) \
{ \
    c->cc.res = (u32)(i32)(S)r; \
    c->cc.aux = ((cv << (32 - bits)) & (AUX_CF | AUX_PO)) | (cv & AUX_AF); \
} \
NB_INLINE T k_add##bits(struct cpu *c, T a, T b) \
{ \
    T r = (T)(a + b); \
    cc_carries##bits(c, r, (u32)((a & b) | ((a | b) & ~r))); \
    return r; \
} \
NB_INLINE T k_adc##bits(struct cpu *c, T a, T b) \
{ \
    T r = (T)(a + b + (T)cc_cf(c)); \
    cc_carries##bits(c, r, (u32)((a & b) | ((a | b) & ~r))); \
    return r; \
} \
NB_INLINE T k_sub##bits(struct cpu *c, T a, T b) \
{ \
    T r = (T)(a - b); \
    cc_carries##bits(c, r, (u32)((~a & b) | (~(a ^ b) & r))); \
    return r; \
} \
NB_INLINE T k_sbb##bits(struct cpu *c, T a, T b) \
{ \
    T r = (T)(a - b - (T)cc_cf(c)); \
    cc_carries##bits(c, r, (u32)((~a & b) | (~(a ^ b) & r))); \
    return r; \
} \
NB_INLINE T k_logic##bits(struct cpu *c, T r) \
{ \
    c->cc.res = (u32)(i32)(S)r; \
    c->cc.aux = 0; \
    return r; \
} \
NB_INLINE T k_and##bits(struct cpu *c, T a, T b) { return k_logic##bits(c, a & b); } \
NB_INLINE T k_or##bits(struct cpu *c, T a, T b) { return k_logic##bits(c, a | b); } \
NB_INLINE T k_xor##bits(struct cpu *c, T a, T b) { return k_logic##bits(c, a ^ b); } \
NB_INLINE T k_inc##bits(struct cpu *c, T a) \
{ \
    T r = (T)(a + 1); \
    u32 cf = c->cc.aux & AUX_CF, of = r == (T)1 << (bits - 1) ? AUX_CF : 0; \
    c->cc.res = (u32)(i32)(S)r; \
    c->cc.aux = cf | (cf ^ of) >> 1 | ((r & 15) == 0 ? AUX_AF : 0); \
    return r; \
} \
NB_INLINE T k_dec##bits(struct cpu *c, T a) \
{ \
    T r = (T)(a - 1); \
    u32 cf = c->cc.aux & AUX_CF, of = a == (T)1 << (bits - 1) ? AUX_CF : 0; \
    c->cc.res = (u32)(i32)(S)r; \
    c->cc.aux = cf | (cf ^ of) >> 1 | ((r & 15) == 15 ? AUX_AF : 0); \
    return r; \
} \
NB_INLINE T k_neg##bits(struct cpu *c, T a) { return k_sub##bits(c, 0, a); }

CC_DEFINE_(8, u8, i8)
CC_DEFINE_(16, u16, i16)
CC_DEFINE_(32, u32, i32)

/* Condition n of Jcc/SETcc/CMOVcc (SDM 1, appendix B). */
NB_INLINE bool cc_cond(const struct cpu *c, unsigned n)
{
    bool v;

    switch (n >> 1) {
    case 0: v = cc_of(c); break;
    case 1: v = cc_cf(c); break;
    case 2: v = cc_zf(c); break;
    case 3: v = cc_cf(c) || cc_zf(c); break;
    case 4: v = cc_sf(c); break;
    case 5: v = cc_pf(c); break;
    case 6: v = cc_sf(c) != cc_of(c); break;
    default: v = cc_zf(c) || cc_sf(c) != cc_of(c); break;
    }
    return v != (n & 1);
}

#endif
