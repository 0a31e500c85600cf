/* SPDX-License-Identifier: MIT */
/* x87 operands for tests: edge values, and random ones around them, from a fixed seed. */
#ifndef NB_TESTS_X87_VALUES_H
#define NB_TESTS_X87_VALUES_H

#include "core/types.h"

struct edge { u16 se; u64 sig; };

static const struct edge edges[] = {
    { 0x0000, 0 }, { 0x8000, 0 },                                   /* zeros */
    { 0x0000, 1 }, { 0x8000, 0x7fffffffffffffff }, { 0, 0x4000000000000001 }, /* denormals */
    { 0x0000, 0x8000000000000000 }, { 0x8000, 0x8000000000000001 }, /* pseudo-denormals */
    { 0x0001, 0x8000000000000000 }, { 0x8001, 0xffffffffffffffff }, /* smallest normals */
    { 0x3fff, 0x8000000000000000 }, { 0xbfff, 0x8000000000000000 }, /* 1, -1 */
    { 0x3fff, 0x8000000000000001 }, { 0x3ffe, 0xffffffffffffffff }, /* 1 and a bit more, less */
    { 0x4000, 0x8000000000000000 }, { 0x3ffe, 0x8000000000000000 }, { 0xbffe, 0x8000000000000000 },
    { 0x4000, 0xc90fdaa22168c235 }, { 0x4000, 0xc000000000000000 }, { 0x3ffd, 0xaaaaaaaaaaaaaaab },
    { 0x3fff, 0xc000000000000000 }, { 0x4000, 0xa000000000000000 }, { 0xc000, 0xa000000000000000 },
    { 0x7ffe, 0xffffffffffffffff }, { 0xfffe, 0xffffffffffffffff }, /* largest */
    { 0x7fff, 0x8000000000000000 }, { 0xffff, 0x8000000000000000 }, /* infinities */
    { 0x7fff, 0xc000000000000000 }, { 0xffff, 0xc000000000000000 }, { 0x7fff, 0xc000000000000123 },
    { 0xffff, 0xffffffffffffffff }, { 0x7fff, 0xc000000000000124 }, /* quiet NaNs */
    { 0x7fff, 0x8000000000000001 }, { 0xffff, 0xbfffffffffffffff }, { 0x7fff, 0x8000000000000123 },
    { 0x3fff, 0x4000000000000000 }, { 0xc123, 0x0000000000000001 }, { 0x4005, 0 }, /* unnormals */
    { 0x7fff, 0 }, { 0xffff, 0x4000000000000000 }, { 0x7fff, 0x0000000000000001 }, /* pseudo */
    /* where integers end: 32767, 32767.5, -32768, -32768.5, 2^31, 2^63, 10^18 - 1, 10^18 */
    { 0x400d, 0xfffe000000000000 }, { 0x400d, 0xffff000000000000 }, { 0xc00e, 0x8000000000000000 },
    { 0xc00e, 0x8000800000000000 }, { 0x401d, 0xffffffff00000000 }, { 0x401e, 0x8000000000000000 },
    { 0xc01e, 0x8000000000000000 }, { 0xc01e, 0x8000000040000000 }, { 0x401d, 0xfffffffe00000000 },
    { 0x403e, 0x8000000000000000 }, { 0xc03e, 0x8000000000000000 }, { 0x403d, 0xffffffffffffffff },
    { 0x403d, 0xfffffffffffffffe }, { 0x403a, 0xde0b6b3a763fffff }, { 0x403a, 0xde0b6b3a76400000 },
    { 0x403a, 0xde0b6b3a763ffff8 }, { 0xc03a, 0xde0b6b3a763ffff4 }, { 0x403d, 0x8000000000000000 },
    /* where singles and doubles end */
    { 0x407e, 0xffffff0000000000 }, { 0x407e, 0xffffff8000000000 }, { 0x407f, 0x8000000000000000 },
    { 0x3f81, 0x8000000000000000 }, { 0x3f80, 0xffffffffffffffff }, { 0x3f6a, 0x8000000000000000 },
    { 0x3f69, 0x8000000000000000 }, { 0xbf69, 0x8000000000000001 }, { 0x3f80, 0xfffffe0000000000 },
    { 0x43fe, 0xfffffffffffff800 }, { 0x43fe, 0xfffffffffffffc00 }, { 0x43ff, 0x8000000000000000 },
    { 0x3c01, 0x8000000000000000 }, { 0x3c00, 0xffffffffffffffff }, { 0x3bcd, 0x8000000000000000 },
    { 0x3bcc, 0x8000000000000000 }, { 0xbbcc, 0x8000000000000001 }, { 0x3c00, 0xfffffffffffff000 },
    /* ranges of the functions: 2^62, 2^64, sqrt(2) - 1, scales */
    { 0x403d, 0x8000000000000001 }, { 0x403f, 0x8000000000000000 }, { 0xc03f, 0x8000000000000000 },
    { 0x3ffd, 0xd413cccfe7799211 }, { 0xbffd, 0x95f619980c4336f7 }, { 0x400d, 0x8000000000000000 },
    { 0xc00d, 0x8000000000000000 }, { 0x400d, 0x8008000000000000 }, { 0xc00e, 0xfffc000000000000 },
};

static u64 rng = 0x9e3779b97f4a7c15;
static u64 rnd(void)
{
    rng ^= rng << 13;
    rng ^= rng >> 7;
    rng ^= rng << 17;
    return rng;
}

static NB_UNUSED void any_f80(u8 v[10])
{
    struct edge f = edges[rnd() % ARRAY_LEN(edges)];
    unsigned how = rnd() % 8;

    if (how == 0) { /* anything */
        f.se = (u16)rnd();
        f.sig = rnd();
    } else if (how == 1) { /* near one */
        f.se = (u16)((0x3fff - 66 + rnd() % 132) | (rnd() & 0x8000));
        f.sig = rnd() | BIT64(63);
    } else if (how == 2) { /* short */
        f.se = (u16)((0x3fff - 20 + rnd() % 40) | (rnd() & 0x8000));
        f.sig = (rnd() | BIT64(63)) & ~0ull << rnd() % 64;
    } else if (how == 3) { /* an edge's neighbour */
        f.sig += rnd() % 5 - 2;
        f.se ^= (u16)(rnd() & 0x8001);
    }
    memcpy(v, &f.sig, 8);
    memcpy(v + 8, &f.se, 2);
}

static NB_UNUSED void any_mem(u8 mem[112])
{
    static const u32 f32[] = { 0, 0x80000000, 1, 0x807fffff, 0x00800000, 0x3f800000, 0xbf800000,
        0x7f7fffff, 0x7f800000, 0xff800000, 0x7fc00000, 0xffc00001, 0x7f800001, 0xffbfffff,
        0x40490fdb };
    static const u64 f64[] = { 0, 0x8000000000000000, 1, 0x800fffffffffffff, 0x0010000000000000,
        0x3ff0000000000000, 0xbff0000000000000, 0x7fefffffffffffff, 0x7ff0000000000000,
        0xfff0000000000000, 0x7ff8000000000000, 0xfff8000000000001, 0x7ff0000000000001,
        0xfff7ffffffffffff, 0x3fd5555555555555 };

    for (unsigned k = 0; k < 112; k += 8) {
        u64 v = rnd();
        memcpy(mem + k, &v, 8);
    }
    switch (rnd() % 5) {
    case 0: memcpy(mem, &f32[rnd() % ARRAY_LEN(f32)], 4); break;
    case 1: memcpy(mem, &f64[rnd() % ARRAY_LEN(f64)], 8); break;
    case 2: any_f80(mem); break;
    case 3: /* digits */
        for (unsigned k = 0; k < 9; k++)
            mem[k] = (u8)((rnd() % 10) << 4 | rnd() % 10);
        mem[9] = rnd() & 0x80;
        break;
    default: break;
    }
}

#endif
