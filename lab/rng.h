/* SPDX-License-Identifier: MIT */
/* The generator's random numbers: splitmix64, so that case N of a seed needs no cases before it. */
#ifndef NB_LAB_RNG_H
#define NB_LAB_RNG_H

#include "core/types.h"

struct rng { u64 s; };

static inline u64 rng_next(struct rng *r)
{
    u64 z = r->s += 0x9e3779b97f4a7c15ull;

    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ z >> 27) * 0x94d049bb133111ebull;
    return z ^ z >> 31;
}
static inline struct rng rng_make(u64 seed, u64 index)
{
    struct rng r = { seed ^ index * 0xd1342543de82ef95ull };

    r.s = rng_next(&r) + index;
    return r;
}
static inline u32 rng_u32(struct rng *r) { return (u32)(rng_next(r) >> 16); }
/* 0..n-1, n < 2^16 is enough here */
static inline u32 rng_below(struct rng *r, u32 n) { return (u32)(((rng_next(r) >> 32) * n) >> 32); }
/* true in n of 1000 cases */
static inline bool rng_permille(struct rng *r, u32 n) { return rng_below(r, 1000) < n; }

#endif
