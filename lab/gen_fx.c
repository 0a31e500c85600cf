/* SPDX-License-Identifier: MIT */
/* x87, MMX and SSE state of generated cases, and what lies at their memory operands: values at the
 * edges of each format, operands that have something to do with each other (equal, opposite, one
 * unit apart, a tie), and every setting of the control words. */
#include "lab/gen.h"

/* ---- values */

void gen_float(struct rng *r, u8 v[10])
{
    u64 m = rng_next(r), top = BIT64(63);
    u32 e = 0x3fff;

    switch (rng_below(r, 20)) {
    case 0: m = 0; e = 0; break;
    case 1: m = top; break;                                  /* 1 */
    case 2: m = top; e = 0x7fff; break;                      /* infinity */
    case 3: m |= BIT64(62) | top; e = 0x7fff; break;         /* QNaN */
    case 4: m = (m & ~BIT64(62)) | top | 1; e = 0x7fff; break; /* SNaN */
    case 5: m &= ~top; e = 0; break;                         /* denormal */
    case 6: m |= top; e = 0; break;                          /* pseudo-denormal */
    case 7: m &= ~top; e = 1 + rng_below(r, 0x7fff); break;  /* unsupported */
    case 8: m = (u64)gen_edge(r) << 32 | top; e += rng_below(r, 40); break;
    case 9: m |= top; e = 1 + rng_below(r, 0x7ffe); break;
    case 10: m = ~0ull; e = rng_below(r, 2) ? 0x7ffe : 0x3fff + rng_below(r, 70); break;
    case 11: m = top; e = 1 + rng_below(r, 4); break;
    case 12: m = top | (m & ~0ull << rng_below(r, 63)); e += rng_below(r, 66); break;
    /* around a tie of 24 and of 53 bits, with exponents around the formats' ends */
    case 13:
        m = top | (m & ~0xffffffffffull) | (0x8000000000ull + rng_below(r, 3) - 1);
        e = rng_below(r, 2) ? 0x3fff - 130 + rng_below(r, 8) : 0x3fff + 124 + rng_below(r, 8);
        break;
    case 14:
        m = top | (m & ~0x7ffull) | (0x400 + rng_below(r, 3) - 1);
        e = rng_below(r, 2) ? 0x3fff - 1026 + rng_below(r, 8) : 0x3fff + 1020 + rng_below(r, 8);
        break;
    /* what does not quite fit an integer */
    case 15:
        e = 0x3fff + (rng_below(r, 2) ? 15 : rng_below(r, 2) ? 31 : 63) - rng_below(r, 2);
        m = rng_below(r, 2) ? ~0ull << rng_below(r, 50) : top | rng_below(r, 4);
        break;
    default: m |= top; e = 0x3fff - 20 + rng_below(r, 40); break;
    }
    st64(v, m);
    st16(v + 8, (u16)(e | (rng_below(r, 2) << 15)));
}

static u32 float32(struct rng *r)
{
    u32 v = rng_u32(r), sign = v & 0x80000000u, m = v & 0x7fffff;

    switch (rng_below(r, 18)) {
    case 0: return sign;
    case 1: return sign | 0x3f800000;
    case 2: return sign | 0x7f800000;
    case 3: return sign | 0x7fc00000 | m;
    case 4: return sign | 0x7f800000 | (m & 0x3fffff) | 1;
    case 5: return sign | m;                                   /* denormal */
    case 6: return sign | 1u << rng_below(r, 23);
    case 7: return sign | 0x00800000 | (rng_below(r, 2) ? m : rng_below(r, 3)); /* smallest */
    case 8: return sign | 0x7f7fffff;
    case 9: return sign | 0x7f000000 | m;
    case 10: return (sign | 0x4f000000) + rng_below(r, 5) - 2; /* around 2^31 */
    case 11: return sign | (127 + rng_below(r, 34)) << 23 | (m & ~0u << rng_below(r, 23));
    case 12: return sign | (126 + rng_below(r, 2)) << 23 | rng_below(r, 3); /* 0.5, 1 and so on */
    case 13: return sign | (1 + rng_below(r, 254)) << 23 | m;
    case 14: return sign | (64 + rng_below(r, 4)) << 23 | m;  /* products near the smallest */
    case 15: return v;
    default: return sign | (127 - 12 + rng_below(r, 24)) << 23 | m;
    }
}

static u64 float64(struct rng *r)
{
    u64 v = rng_next(r), sign = v & BIT64(63), m = v & 0xfffffffffffffull;
    u64 one = 0x3ff0000000000000ull, inf = 0x7ff0000000000000ull;

    switch (rng_below(r, 18)) {
    case 0: return sign;
    case 1: return sign | one;
    case 2: return sign | inf;
    case 3: return sign | inf | BIT64(51) | m;
    case 4: return sign | inf | (m & ~BIT64(51)) | 1;
    case 5: return sign | m;
    case 6: return sign | BIT64(rng_below(r, 52));
    case 7: return sign | BIT64(52) | (rng_below(r, 2) ? m : rng_below(r, 3));
    case 8: return sign | (inf - 1);
    case 9: return sign | 0x7fe0000000000000ull | m;
    case 10: /* around 2^31 and what rounds to the ends of 32 bits */
        return (sign | (one + ((u64)31 << 52))) - ((u64)rng_below(r, 6) << 20);
    case 11:
        return sign | (u64)(1023 + rng_below(r, 66)) << 52 | (m & ~0ull << rng_below(r, 52));
    case 12: /* ties and ends of single precision */
        return sign | (u64)(rng_below(r, 2) ? 1023 - 151 + rng_below(r, 28)
                                            : 1023 + 125 + rng_below(r, 5)) << 52 |
               (rng_below(r, 2) ? (m & ~0x1fffffffull) | (0x10000000 + rng_below(r, 3) - 1) : m);
    case 13: return sign | (u64)(1 + rng_below(r, 2046)) << 52 | m;
    case 14: return sign | (u64)(512 + rng_below(r, 4)) << 52 | m;
    case 15: return v;
    default: return sign | (u64)(1023 - 12 + rng_below(r, 24)) << 52 | m;
    }
}

static u64 integers(struct rng *r)
{
    static const u8 e8[] = { 0, 1, 2, 0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff };
    static const u16 e16[] = { 0, 1, 0x7e, 0x7f, 0x80, 0xff, 0x100, 0x7ffe, 0x7fff, 0x8000, 0x8001,
                               0xff7f, 0xff80, 0xfffe, 0xffff };
    u64 v = rng_next(r);
    unsigned k;

    switch (rng_below(r, 10)) {
    case 0: case 1:
        for (k = 0, v = 0; k < 8; k++)
            v = v << 8 | e8[rng_below(r, ARRAY_LEN(e8))];
        return v;
    case 2: case 3:
        for (k = 0, v = 0; k < 4; k++)
            v = v << 16 | e16[rng_below(r, ARRAY_LEN(e16))];
        return v;
    case 4: case 5: return (u64)gen_edge(r) << 32 | gen_edge(r);
    case 6: return rng_below(r, 80);                  /* a count of a shift */
    case 7: return rng_below(r, 2) ? 0 : ~0ull;
    default: return v;
    }
}

enum { AS_INT, AS_F32, AS_F64 };

static void fill_lanes(struct rng *r, u8 v[16], unsigned as)
{
    for (unsigned k = 0; k < 16; k += 8)
        if (as == AS_F64) {
            st64(v + k, float64(r));
        } else if (as == AS_F32) {
            st32(v + k, float32(r));
            st32(v + k + 4, float32(r));
        } else {
            st64(v + k, integers(r));
        }
}

/* A signalling NaN or a denormal in the lowest lane or all of them: an exception for every
 * operation that looks at it. */
static void make_bad(struct rng *r, u8 v[16], unsigned as)
{
    unsigned w = as == AS_F64 ? 8 : 4, lanes = rng_below(r, 2) ? 1 : 16 / w;
    u64 nan = as == AS_F64 ? 0x7ff0000000000001ull : 0x7f800001;

    for (unsigned k = 0; k < lanes && as != AS_INT; k++)
        if (w == 8)
            st64(v + 8 * k, rng_below(r, 2) ? nan : 1 + rng_below(r, 1000));
        else
            st32(v + 4 * k, rng_below(r, 2) ? (u32)nan : 1 + rng_below(r, 1000));
}

static unsigned format_of(const struct isa_row *row, struct rng *r)
{
    size_t n = strlen(row->name);
    unsigned as = AS_INT;

    if (n > 2 && (row->attr & A_SSE)) {
        const char *end = row->name + n - 2;
        if (!strcmp(end, "ps") || !strcmp(end, "ss"))
            as = AS_F32;
        if (!strcmp(end, "pd") || !strcmp(end, "sd"))
            as = AS_F64;
        if (!strncmp(row->name, "cvt", 3)) { /* the source's */
            const char *from = row->name + (row->name[3] == 't' ? 4 : 3);
            as = !strncmp(from, "ps", 2) || !strncmp(from, "ss", 2)   ? AS_F32
                 : !strncmp(from, "pd", 2) || !strncmp(from, "sd", 2) ? AS_F64
                                                                      : AS_INT;
        }
    }
    return rng_permille(r, 120) ? rng_below(r, 3) : as;
}

/* One register made from another: results cancel, compare equal, round the other way. */
static void relate(struct rng *r, u8 *to, const u8 *from, unsigned as)
{
    unsigned w = as == AS_F64 ? 8 : 4;

    memcpy(to, from, 16);
    for (unsigned k = 0; k < 16; k += w)
        switch (rng_below(r, 5)) {
        case 0:
            break;
        case 1:
            to[k + w - 1] ^= 0x80;
            break;
        case 2:
            st32(to + k, ld32(to + k) + 1);
            break;
        case 3:
            st32(to + k, ld32(to + k) - 1);
            break;
        default:
            to[k + w - 2] = (u8)(to[k + w - 2] + (rng_below(r, 2) ? 0x80 : 0x10)); /* exponent */
            break;
        }
}

/* ---- control words */

u32 gen_mxcsr(struct rng *r)
{
    u32 v = rng_below(r, 4) << 13;

    v |= rng_below(r, 6) && !rng_permille(r, 200) ? 0x1f80 : rng_u32(r) & 0x1f80;
    if (!rng_below(r, 5))
        v |= 0x40;   /* DAZ */
    if (!rng_below(r, 5))
        v |= 0x8000; /* FTZ */
    if (rng_below(r, 2))
        v |= rng_u32(r) & 0x3f;
    return v;
}

/* pending: an exception waits for the next waiting instruction. */
static void x87_control(struct rng *r, u8 *fx, bool calm, bool pending)
{
    u32 cw = 0x37f, sw = rng_u32(r) & 0x7f00;

    if (rng_below(r, 2))
        cw = (rng_u32(r) & 0xc00) | 0x40 | (0x3f & (rng_u32(r) | (rng_below(r, 2) ? 0x3f : 0))) |
             (rng_below(r, 3) + (rng_below(r, 2) ? 1 : 0)) % 4 << 8;
    if (rng_permille(r, 300))
        sw |= rng_u32(r) & 0x7f;
    if (!rng_permille(r, 60) || calm)
        sw &= ~(~cw & 0x3f); /* nothing pending */
    if (pending) {
        u32 e = rng_below(r, 6);
        cw &= ~BIT(e);
        sw |= BIT(e);
    }
    if (sw & ~cw & 0x3f)
        sw |= 0x8080;
    st16(fx + FX_CW, (u16)cw);
    st16(fx + FX_SW, (u16)sw);
    switch (rng_below(r, 8)) {
    case 0: fx[FX_TAG] = (u8)rng_u32(r); break;
    case 1: fx[FX_TAG] = 0; break;
    case 2: fx[FX_TAG] = (u8)BIT(sw >> 11 & 7); break;
    case 3: fx[FX_TAG] = (u8)~BIT(((sw >> 11) - 1) & 7); break; /* room for one */
    default: fx[FX_TAG] = 0xff; break;
    }
}

/* All registers in some state, for sequences: full of numbers that can be computed with. */
void gen_fx_state(struct rng *r, u8 *fx)
{
    unsigned as = rng_below(r, 3);

    memset(fx, 0, FX_SIZE);
    st16(fx + FX_CW, 0x37f);
    x87_control(r, fx, true, false);
    st32(fx + FX_MXCSR, gen_mxcsr(r));
    for (unsigned k = 0; k < 8; k++) {
        gen_float(r, fx + FX_ST + 16 * k);
        fill_lanes(r, fx + FX_XMM + 16 * k, rng_below(r, 2) ? as : rng_below(r, 3));
    }
}

void gen_fx(struct gctx *g)
{
    struct rng *r = &g->r;
    u8 *fx = g->c->fx;
    const u16 attr = g->row->attr;
    unsigned as = format_of(g->row, r);
    u32 mxcsr = 0x1f80;

    g->c->use_fx |= attr & A_SSE ? USE_X87 | USE_SSE : USE_X87;
    memset(fx, 0, FX_SIZE);
    x87_control(r, fx, g->calm, g->aim == LC_MF);
    for (unsigned k = 0; k < 8; k++) {
        u8 *st = fx + FX_ST + 16 * k;
        if (attr & A_MMX && rng_below(r, 8)) {
            st64(st, integers(r));
            st16(st + 8, rng_below(r, 8) ? 0xffff : (u16)rng_u32(r));
        } else if (k && !(attr & A_MMX) && !rng_below(r, 6)) {
            memcpy(st, fx + FX_ST, 10); /* ST(0), its opposite or its neighbour */
            st[9] ^= rng_below(r, 2) ? 0x80 : 0;
            st[0] = (u8)(st[0] + rng_below(r, 3) - 1);
        } else {
            gen_float(r, st);
        }
    }
    for (unsigned k = 0; k < 8; k++) {
        u8 *x = fx + FX_XMM + 16 * k;
        if (!(attr & A_SSE)) {
            st64(x, rng_next(r)); /* only seen to stay */
            st64(x + 8, rng_next(r));
        } else if (k && !rng_below(r, 5)) {
            relate(r, x, fx + FX_XMM, as);
        } else {
            fill_lanes(r, x, as);
        }
        if (g->aim == LC_XM && rng_below(r, 2))
            make_bad(r, x, as);
    }
    if (attr & A_SSE) {
        mxcsr = gen_mxcsr(r);
        if (g->aim == LC_XM)
            mxcsr &= ~(rng_below(r, 3) ? 0x1f80u : rng_u32(r) & 0x1f80) & ~0x40u;
        else if (g->calm)
            mxcsr |= 0x1f80;
    }
    st32(fx + FX_MXCSR, mxcsr);
}

/* ---- memory */

static void x87_operand(struct gctx *g, u8 *to)
{
    struct rng *r = &g->r;
    const struct isa_row *row = g->row;
    bool integer = !strncmp(row->name, "fi", 2);
    u64 v;

    switch (OPD_SIZE(row->o[0])) {
    case OZ_D:
        if (!integer)
            st32(to, float32(r));
        break;
    case OZ_Q:
        if (!integer)
            st64(to, float64(r));
        else
            st64(to, integers(r));
        break;
    case OZ_T:
        gen_float(r, to);
        if (!strcmp(row->name, "fbld")) {
            for (unsigned k = 0; k < 9; k++)
                to[k] = (u8)(rng_below(r, 10) << 4 | rng_below(r, 10));
            if (rng_below(r, 2))
                memset(to, rng_below(r, 2) ? 0 : 0x99, rng_below(r, 10));
            to[9] = (u8)rng_u32(r);
        }
        break;
    default: /* an environment: its words in both sizes */
        v = rng_next(r);
        for (unsigned k = 0; k < 7; k++) {
            unsigned at = g->op32 ? 4 * k : 2 * k;
            if (at + 2 <= g->operand->len)
                st16(to + at, (u16)(v >> (k * 9)));
        }
        if (rng_below(r, 2))
            st16(to, 0x37f);
        break;
    }
}

void gen_fx_operand(struct gctx *g)
{
    struct rng *r = &g->r;
    struct lab_patch *p = g->operand;

    if (!p)
        return;
    if ((g->row->attr & A_FPU) && strcmp(g->row->name, "fxrstor") != 0) {
        if (rng_below(r, 8))
            x87_operand(g, p->data);
        return;
    }
    if (!strcmp(g->row->name, "ldmxcsr")) {
        st32(p->data, rng_below(r, 8) || g->aim == LC_DONE ? gen_mxcsr(r) : rng_u32(r) & ~0x20000u);
        return;
    }
    if (!strcmp(g->row->name, "fxrstor") && p->len >= 28) {
        gen_fx_state(r, g->c->fx); /* a register file that differs from what is restored */
        x87_control(r, p->data, true, false);
        st32(p->data + FX_MXCSR, rng_below(r, 8) || g->aim == LC_DONE ? gen_mxcsr(r) : gen_edge(r));
        st32(p->data + FX_MXCSR, ld32(p->data + FX_MXCSR) & ~0x20000u); /* AMD has that bit */
        return;
    }
    unsigned as = format_of(g->row, r);
    if (rng_below(r, 4))
        fill_lanes(r, p->data, as);
    else
        relate(r, p->data, g->c->fx + FX_XMM + 16 * rng_below(r, 8), as);
    if (g->aim == LC_XM && rng_below(r, 2))
        make_bad(r, p->data, as);
}
