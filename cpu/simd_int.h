/* SPDX-License-Identifier: MIT */
/* Value kernels of packed integer instructions (SDM 2), for the vector type VEC that the including
 * file names: union mmx or union xmm. Plain loops of constant length: compilers make vector code of
 * them. In the expressions x and y are the lanes of destination and source. */
#ifndef NB_CPU_SIMD_INT_H
#define NB_CPU_SIMD_INT_H

#include "cpu/simd.h"

#define LANES(v, lane) ARRAY_LEN((v).lane)

#define LANEWISE(name, T, lane, expr) \
    NB_INLINE VEC k_##name(VEC a, VEC b) \
    { \
        for (unsigned n = 0; n < LANES(a, lane); n++) { \
            T x = a.lane[n], y = b.lane[n]; \
            a.lane[n] = (T)(expr); \
        } \
        return a; \
    }

/* ---- addition and subtraction */
LANEWISE(paddb, u8, b, x + y)
LANEWISE(paddw, u16, w, x + y)
LANEWISE(paddd, u32, d, x + y)
LANEWISE(paddq, u64, q, x + y)
LANEWISE(psubb, u8, b, x - y)
LANEWISE(psubw, u16, w, x - y)
LANEWISE(psubd, u32, d, x - y)
LANEWISE(psubq, u64, q, x - y)

/* Saturation without wider lanes. Signed overflow: both operands have the sign that the result has
 * not; it ends at the first one's end. */
NB_INLINE u8 not8(u8 v) { return (u8)~v; }
NB_INLINE u16 not16(u16 v) { return (u16)~v; }
LANEWISE(paddusb, u8, b, x + MIN(y, not8(x)))
LANEWISE(paddusw, u16, w, x + MIN(y, not16(x)))
LANEWISE(psubusb, u8, b, MAX(x, y) - y)
LANEWISE(psubusw, u16, w, MAX(x, y) - y)
#define SATURATE(bits, T, U) \
    NB_INLINE T adds##bits(T x, T y) \
    { \
        T r = (T)(U)(x + y), over = (T)((x ^ r) & (y ^ r)) < 0 ? -1 : 0; \
        T end = (T)((x < 0 ? -1 : 0) ^ (T)((U)~(U)0 >> 1)); \
        return (T)((r & ~over) | (end & over)); \
    } \
    NB_INLINE T subs##bits(T x, T y) \
    { \
        T r = (T)(U)(x - y), over = (T)((x ^ y) & (x ^ r)) < 0 ? -1 : 0; \
        T end = (T)((x < 0 ? -1 : 0) ^ (T)((U)~(U)0 >> 1)); \
        return (T)((r & ~over) | (end & over)); \
    }
SATURATE(8, i8, u8)
SATURATE(16, i16, u16)
LANEWISE(paddsb, i8, sb, adds8(x, y))
LANEWISE(paddsw, i16, sw, adds16(x, y))
LANEWISE(psubsb, i8, sb, subs8(x, y))
LANEWISE(psubsw, i16, sw, subs16(x, y))

/* ---- comparison, minimum, average */
LANEWISE(pcmpeqb, u8, b, x == y ? 0xff : 0)
LANEWISE(pcmpeqw, u16, w, x == y ? 0xffff : 0)
LANEWISE(pcmpeqd, u32, d, x == y ? 0xffffffffu : 0)
LANEWISE(pcmpgtb, i8, sb, x > y ? -1 : 0)
LANEWISE(pcmpgtw, i16, sw, x > y ? -1 : 0)
LANEWISE(pcmpgtd, i32, sd, x > y ? -1 : 0)
LANEWISE(pminub, u8, b, MIN(x, y))
LANEWISE(pmaxub, u8, b, MAX(x, y))
LANEWISE(pminsw, i16, sw, MIN(x, y))
LANEWISE(pmaxsw, i16, sw, MAX(x, y))
LANEWISE(pavgb, u8, b, (x + y + 1) >> 1)
LANEWISE(pavgw, u16, w, (x + y + 1) >> 1)

/* ---- logic */
LANEWISE(pand, u64, q, x & y)
LANEWISE(pandn, u64, q, ~x & y)
LANEWISE(por, u64, q, x | y)
LANEWISE(pxor, u64, q, x ^ y)

/* ---- multiplication */
LANEWISE(pmullw, i16, sw, (u32)(x * y))
LANEWISE(pmulhw, i16, sw, (x * y) >> 16)
LANEWISE(pmulhuw, u16, w, ((u32)x * y) >> 16)
LANEWISE(pmuludq, u64, q, (u64)(u32)x * (u32)y)

/* Wraps for four operands of 8000h. */
NB_INLINE VEC k_pmaddwd(VEC a, VEC b)
{
    for (unsigned n = 0; n < LANES(a, d); n++)
        a.d[n] = (u32)(a.sw[2 * n] * b.sw[2 * n]) + (u32)(a.sw[2 * n + 1] * b.sw[2 * n + 1]);
    return a;
}

/* The sum of eight bytes: pairs, then all of them by a multiplication's top word. */
NB_INLINE u64 sum_bytes(u64 v)
{
    u64 pairs = (v & 0x00ff00ff00ff00ffull) + (v >> 8 & 0x00ff00ff00ff00ffull);

    return pairs * 0x0001000100010001ull >> 48;
}
LANEWISE(absdiff, u8, b, MAX(x, y) - MIN(x, y))
NB_INLINE VEC k_psadbw(VEC a, VEC b)
{
    VEC d = k_absdiff(a, b);

    for (unsigned n = 0; n < LANES(d, q); n++)
        d.q[n] = sum_bytes(d.q[n]);
    return d;
}

/* ---- packing: the destination's lanes, then the source's */
NB_INLINE i32 clamp(i32 v, i32 lo, i32 hi)
{
    return v < lo ? lo : v > hi ? hi : v;
}
#define PACK(name, from, to, T, lo, hi) \
    NB_INLINE VEC k_##name(VEC a, VEC b) \
    { \
        VEC r; \
        for (unsigned n = 0; n < LANES(a, from); n++) { \
            r.to[n] = (T)clamp(a.from[n], lo, hi); \
            r.to[n + LANES(a, from)] = (T)clamp(b.from[n], lo, hi); \
        } \
        return r; \
    }
PACK(packsswb, sw, sb, i8, -128, 127)
PACK(packssdw, sd, sw, i16, -32768, 32767)
PACK(packuswb, sw, b, u8, 0, 255)

/* ---- interleaving of the low or high halves */
#define UNPACK(name, lane, high) \
    NB_INLINE VEC k_##name(VEC a, VEC b) \
    { \
        VEC r; \
        for (unsigned n = 0; n < LANES(a, lane) / 2; n++) { \
            r.lane[2 * n] = a.lane[n + (high) * LANES(a, lane) / 2]; \
            r.lane[2 * n + 1] = b.lane[n + (high) * LANES(a, lane) / 2]; \
        } \
        return r; \
    }
UNPACK(punpcklbw, b, 0)
UNPACK(punpcklwd, w, 0)
UNPACK(punpckldq, d, 0)
UNPACK(punpckhbw, b, 1)
UNPACK(punpckhwd, w, 1)
UNPACK(punpckhdq, d, 1)

/* ---- shifts: one count of 64 bits for all lanes */
#define SHIFT(name, T, lane, bits, op) \
    NB_INLINE VEC k_##name(VEC a, u64 count) \
    { \
        for (unsigned n = 0; n < LANES(a, lane); n++) \
            a.lane[n] = count < (bits) ? (T)(a.lane[n] op count) : 0; \
        return a; \
    }
#define SHIFT_SIGNED(name, T, lane, bits) \
    NB_INLINE VEC k_##name(VEC a, u64 count) \
    { \
        for (unsigned n = 0; n < LANES(a, lane); n++) \
            a.lane[n] = (T)(a.lane[n] >> (count < (bits) ? count : (bits) - 1)); \
        return a; \
    }
SHIFT(psrlw, u16, w, 16, >>)
SHIFT(psrld, u32, d, 32, >>)
SHIFT(psrlq, u64, q, 64, >>)
SHIFT(psllw, u16, w, 16, <<)
SHIFT(pslld, u32, d, 32, <<)
SHIFT(psllq, u64, q, 64, <<)
SHIFT_SIGNED(psraw, i16, sw, 16)
SHIFT_SIGNED(psrad, i32, sd, 32)
#define k_psrlw_v(a, b) k_psrlw(a, (b).q[0])
#define k_psrld_v(a, b) k_psrld(a, (b).q[0])
#define k_psrlq_v(a, b) k_psrlq(a, (b).q[0])
#define k_psllw_v(a, b) k_psllw(a, (b).q[0])
#define k_pslld_v(a, b) k_pslld(a, (b).q[0])
#define k_psllq_v(a, b) k_psllq(a, (b).q[0])
#define k_psraw_v(a, b) k_psraw(a, (b).q[0])
#define k_psrad_v(a, b) k_psrad(a, (b).q[0])

/* ---- bytes and words by number */
NB_INLINE u32 k_pmovmskb(VEC a)
{
    u32 m = 0;

    for (unsigned n = 0; n < LANES(a, b); n++)
        m |= (u32)(a.b[n] >> 7) << n;
    return m;
}

/* The rows that both register files have, made by BINARY_(name, kernel). */
#define SIMD_INT_COMMON(BINARY_) \
    BINARY_(paddb, k_paddb); \
    BINARY_(paddw, k_paddw); \
    BINARY_(paddd, k_paddd); \
    BINARY_(paddq, k_paddq); \
    BINARY_(psubb, k_psubb); \
    BINARY_(psubw, k_psubw); \
    BINARY_(psubd, k_psubd); \
    BINARY_(psubq, k_psubq); \
    BINARY_(paddusb, k_paddusb); \
    BINARY_(paddusw, k_paddusw); \
    BINARY_(psubusb, k_psubusb); \
    BINARY_(psubusw, k_psubusw); \
    BINARY_(paddsb, k_paddsb); \
    BINARY_(paddsw, k_paddsw); \
    BINARY_(psubsb, k_psubsb); \
    BINARY_(psubsw, k_psubsw); \
    BINARY_(pcmpeqb, k_pcmpeqb); \
    BINARY_(pcmpeqw, k_pcmpeqw); \
    BINARY_(pcmpeqd, k_pcmpeqd); \
    BINARY_(pcmpgtb, k_pcmpgtb); \
    BINARY_(pcmpgtw, k_pcmpgtw); \
    BINARY_(pcmpgtd, k_pcmpgtd); \
    BINARY_(pminub, k_pminub); \
    BINARY_(pmaxub, k_pmaxub); \
    BINARY_(pminsw, k_pminsw); \
    BINARY_(pmaxsw, k_pmaxsw); \
    BINARY_(pavgb, k_pavgb); \
    BINARY_(pavgw, k_pavgw); \
    BINARY_(pand, k_pand); \
    BINARY_(pandn, k_pandn); \
    BINARY_(por, k_por); \
    BINARY_(pxor, k_pxor); \
    BINARY_(pmullw, k_pmullw); \
    BINARY_(pmulhw, k_pmulhw); \
    BINARY_(pmulhuw, k_pmulhuw); \
    BINARY_(pmuludq, k_pmuludq); \
    BINARY_(pmaddwd, k_pmaddwd); \
    BINARY_(psadbw, k_psadbw); \
    BINARY_(packsswb, k_packsswb); \
    BINARY_(packssdw, k_packssdw); \
    BINARY_(packuswb, k_packuswb); \
    BINARY_(punpckhbw, k_punpckhbw); \
    BINARY_(punpckhwd, k_punpckhwd); \
    BINARY_(punpckhdq, k_punpckhdq); \
    BINARY_(psrlw, k_psrlw_v); \
    BINARY_(psrld, k_psrld_v); \
    BINARY_(psrlq, k_psrlq_v); \
    BINARY_(psllw, k_psllw_v); \
    BINARY_(pslld, k_pslld_v); \
    BINARY_(psllq, k_psllq_v); \
    BINARY_(psraw, k_psraw_v); \
    BINARY_(psrad, k_psrad_v)

#endif
