/* SPDX-License-Identifier: MIT */
/* Fixed-width names, bit helpers and little-endian loads for the whole tree.
 * The only header that may use compiler extensions (docs/how-it-works.md, "Layers"). */
#ifndef NB_CORE_TYPES_H
#define NB_CORE_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t i8;
typedef int16_t i16;
typedef int32_t i32;
typedef int64_t i64;

typedef u64 paddr; /* guest physical address: 36 bits matter (PAE, PSE-36) */

#define BIT(n) (1u << (n))
#define BIT64(n) (1ull << (n))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))
#define MIN(a, b) ((a) < (b) ? (a) : (b))
#define MAX(a, b) ((a) > (b) ? (a) : (b))
#define ALIGN_UP(v, a) (((v) + (a) - 1) & ~((__typeof__(v))(a) - 1))

#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
/* Tells the compiler what it can't know. */
#define nb_assume(x) do { if (!(x)) __builtin_unreachable(); } while (0)
#define NB_WARN_UNUSED __attribute__((warn_unused_result))
#define NB_PRINTF(fmt, args) __attribute__((format(printf, fmt, args)))
#define NB_VPRINTF(fmt) __attribute__((format(printf, fmt, 0)))
#define NB_NORETURN __attribute__((noreturn))
#define NB_NOINLINE __attribute__((noinline))
#define NB_INLINE static inline __attribute__((always_inline))
#define NB_COLD __attribute__((cold, noinline))
#define NB_FALLTHROUGH __attribute__((fallthrough))
#define NB_UNUSED __attribute__((unused))
#define NB_MAY_ALIAS __attribute__((may_alias))

/* Unaligned little-endian access. Hosts are little-endian (configure checks it). */
static inline u16 ld16(const void *p) { u16 v; memcpy(&v, p, 2); return v; }
static inline u32 ld32(const void *p) { u32 v; memcpy(&v, p, 4); return v; }
static inline u64 ld64(const void *p) { u64 v; memcpy(&v, p, 8); return v; }
static inline void st16(void *p, u16 v) { memcpy(p, &v, 2); }
static inline void st32(void *p, u32 v) { memcpy(p, &v, 4); }
static inline void st64(void *p, u64 v) { memcpy(p, &v, 8); }

/* Sign-extends the low `bits` bits (1..32) of v. */
static inline i32 sext(u32 v, unsigned bits)
{
    return (i32)(v << (32 - bits)) >> (32 - bits);
}

static inline bool odd_parity(u8 v) { return __builtin_parity(v); }
static inline unsigned ctz32(u32 v) { return (unsigned)__builtin_ctz(v); } /* v != 0 */
static inline unsigned clz32(u32 v) { return (unsigned)__builtin_clz(v); } /* v != 0 */
static inline unsigned clz64(u64 v) { return (unsigned)__builtin_clzll(v); } /* v != 0 */
static inline unsigned ctz64(u64 v) { return (unsigned)__builtin_ctzll(v); } /* v != 0 */
#if defined(__x86_64__)
static inline bool host_has_sse3(void) { return __builtin_cpu_supports("sse3"); }
#endif
static inline u32 swap_bytes32(u32 v) { return __builtin_bswap32(v); }

/* The 128-bit product: high half to *hi, low half returned. */
static inline u64 mul64(u64 a, u64 b, u64 *hi)
{
#if defined(__SIZEOF_INT128__) && !defined(NB_NO_INT128)
    __extension__ unsigned __int128 p = (unsigned __int128)a * b;

    *hi = (u64)(p >> 64);
    return (u64)p;
#else
    u64 al = (u32)a, ah = a >> 32, bl = (u32)b, bh = b >> 32;
    u64 ll = al * bl, lh = al * bh, hl = ah * bl;
    u64 mid = (ll >> 32) + (u32)lh + (u32)hl;

    *hi = ah * bh + (lh >> 32) + (hl >> 32) + (mid >> 32);
    return mid << 32 | (u32)ll;
#endif
}

/* All ones in the low `size` bytes (1, 2, 4): what an access to nothing reads. */
static inline u32 size_mask(unsigned size)
{
    return size >= 4 ? 0xffffffffu : (1u << (size * 8)) - 1;
}

#endif
