/* SPDX-License-Identifier: MIT */
/* The row table and the lookup made from it; see isa.h. */
#include "cpu/isa.h"

#include "core/xalloc.h"
#include "cpu/isa_impl.h"

/* Operand tokens of isa.def. */
enum {
    O__ = 0,
    O_Eb = OPD(E, B), O_Ev = OPD(E, V), O_Ew = OPD(E, W), O_Ed = OPD(E, D), O_Ex = OPD(E, X),
    O_Gb = OPD(G, B), O_Gv = OPD(G, V), O_Gw = OPD(G, W), O_Gd = OPD(G, D),
    O_Ib = OPD(I, B), O_I2b = OPD(I, B), O_Iw = OPD(I, W), O_Iz = OPD(I, V), O_sIb = OPD(SI, V),
    O_Mx = OPD(M, X), O_Mp = OPD(M, X), O_Mb = OPD(M, B), O_Mw = OPD(M, W), O_Md = OPD(M, D),
    O_Mq = OPD(M, Q), O_Mt = OPD(M, T), O_Mdq = OPD(M, DQ),
    O_Rd = OPD(R, D), O_Cd = OPD(C, D), O_Dd = OPD(D, D), O_Sw = OPD(S, W),
    O_Jb = OPD(J, B), O_Jz = OPD(J, V), O_Ob = OPD(O, B), O_Ov = OPD(O, V), O_Ap = OPD(A, V),
    O_Zb = OPD(Z, B), O_Zv = OPD(Z, V), O_ONE = OPD(ONE, B), O_CL = OPD(CL, B),
    O_DX = OPD(DX, W), O_AL = OPD_REG(R_EAX, B), O_rAX = OPD_REG(R_EAX, V),
    O_AX = OPD_REG(R_EAX, W),
    O_Xb = OPD(X, B), O_Xv = OPD(X, V), O_Yb = OPD(Y, B), O_Yv = OPD(Y, V),
    O_ES = OPD_SREG(S_ES), O_CS = OPD_SREG(S_CS), O_SS = OPD_SREG(S_SS), O_DS = OPD_SREG(S_DS),
    O_FS = OPD_SREG(S_FS), O_GS = OPD_SREG(S_GS), O_STi = OPD(STI, T), O_RMx = OPD(RM, X),
    O_Pq = OPD(P, Q), O_Pd = OPD(P, D), O_Qq = OPD(Q, Q), O_Qd = OPD(Q, D), O_Nq = OPD(N, Q),
    O_Vx = OPD(VX, DQ), O_Vq = OPD(VX, Q), O_Vd = OPD(VX, D), O_Wx = OPD(W, DQ),
    O_Wq = OPD(W, Q), O_Wd = OPD(W, D), O_Ux = OPD(U, DQ), O_Uq = OPD(U, Q), O_Ud = OPD(U, D),
    O_RMd = OPD(RM, D),
};
#define EXT__ (-1)
#define EXT_0 0
#define EXT_1 1
#define EXT_2 2
#define EXT_3 3
#define EXT_4 4
#define EXT_5 5
#define EXT_6 6
#define EXT_7 7

#define I(m, opc, x, nm, a, b, d, fl, ck, at, ft, h) extern const struct hset hs_##h;
#define IFX(opc, mrm, nm, fl, at, ft, h) extern const struct hset hs_##h;
#define IP(m, pf, opc, x, nm, a, b, d, fl, at, ft, h) extern const struct hset hs_##h;
#define ISX(mrm, nm, ck, at, ft, h) extern const struct hset hs_##h;
#include "cpu/isa.def"
#undef I
#undef IFX
#undef IP
#undef ISX

static const struct isa_row rows[] = {
#define I(m, opc, x, nm, a, b, d, fl, ck, at, ft, h) \
    { .name = nm, .map = MAP_##m, .op = opc, .ext = EXT_##x, .pfx = PFX_ANY, \
      .o = { O_##a, O_##b, O_##d }, .efl = fl, .chk = ck, .feat = FEAT_##ft, .attr = at, \
      .hs = &hs_##h },
#define IFX(opc, mrm, nm, fl, at, ft, h) \
    { .name = nm, .map = MAP_FX, .op = opc, .ext = -1, .modrm = mrm, .pfx = PFX_ANY, \
      .efl = fl, .feat = FEAT_##ft, .attr = at, .hs = &hs_##h },
#define IP(m, pf, opc, x, nm, a, b, d, fl, at, ft, h) \
    { .name = nm, .map = MAP_##m, .op = opc, .ext = EXT_##x, .pfx = PFX_##pf, \
      .o = { O_##a, O_##b, O_##d }, .efl = fl, .feat = FEAT_##ft, .attr = at, .hs = &hs_##h },
#define ISX(mrm, nm, ck, at, ft, h) \
    { .name = nm, .map = MAP_2X, .op = 0x01, .ext = -1, .modrm = mrm, .pfx = PFX_ANY, \
      .efl = "------", .chk = ck, .feat = FEAT_##ft, .attr = at, .hs = &hs_##h },
#include "cpu/isa.def"
#undef I
#undef IFX
#undef IP
#undef ISX
};

unsigned isa_num_rows(void)
{
    return ARRAY_LEN(rows);
}

const struct isa_row *isa_row(unsigned n)
{
    return n < ARRAY_LEN(rows) ? &rows[n] : NULL;
}

static bool row_wants_memory(const struct isa_row *r)
{
    for (unsigned k = 0; k < 3; k++)
        if (OPD_KIND(r->o[k]) == OK_M)
            return true;
    return false;
}

static bool row_wants_register(const struct isa_row *r)
{
    for (unsigned k = 0; k < 3; k++) {
        unsigned kind = OPD_KIND(r->o[k]);
        if (kind == OK_RM || kind == OK_N || kind == OK_U || kind == OK_STI)
            return true;
    }
    return false;
}

static bool row_has_modrm(const struct isa_row *r)
{
    if (r->map >= MAP_FM || r->ext >= 0)
        return true;
    for (unsigned k = 0; k < 3; k++)
        switch (OPD_KIND(r->o[k])) {
        case OK_E: case OK_G: case OK_M: case OK_R: case OK_RM: case OK_S: case OK_C: case OK_D:
        case OK_STI: case OK_P: case OK_Q: case OK_VX: case OK_W: case OK_N: case OK_U:
            return true;
        default:
            break;
        }
    return false;
}

static unsigned opcodes_of(const struct isa_row *r)
{
    return OPD_KIND(r->o[0]) == OK_Z ? 8 : 1;
}

static bool is_two_byte(const struct isa_row *r)
{
    return r->map == MAP_2 || r->map == MAP_2X;
}

static void enter_prefix(struct isa *isa, u16 n, unsigned pfx)
{
    const struct isa_row *r = &rows[n];

    for (unsigned k = 0; k < opcodes_of(r); k++) {
        u16 (*to)[8] = isa->map[is_two_byte(r)][pfx][(u8)(r->op + k)];

        for (unsigned ext = 0; ext < 8; ext++) {
            if (r->ext >= 0 && (unsigned)r->ext != ext)
                continue;
            /* [0]: memory forms, [1]: register forms */
            if (!row_wants_register(r) && r->map != MAP_FR)
                to[0][ext] = n + 1;
            if (!row_wants_memory(r) && r->map != MAP_FM)
                to[1][ext] = n + 1;
        }
    }
}

static void enter(struct isa *isa, u16 n)
{
    const struct isa_row *r = &rows[n];

    if (r->map == MAP_FX)
        isa->fx[r->op - 0xd8][r->modrm & 0x3f] = n + 1;
    else if (r->map == MAP_2X)
        isa->sys[r->modrm & 0x3f] = n + 1;
    else if (r->pfx != PFX_ANY)
        enter_prefix(isa, n, r->pfx);
    else
        for (unsigned pfx = 0; pfx < PFX_ANY; pfx++)
            enter_prefix(isa, n, pfx);
}

const struct isa *isa_new(u32 features)
{
    struct isa *isa = xcalloc(1, sizeof *isa);

    isa->features = features;
    for (unsigned n = 0; n < ARRAY_LEN(rows); n++)
        /* the length of an absent group member still counts its ModRM byte */
        if (row_has_modrm(&rows[n]))
            isa->has_modrm[is_two_byte(&rows[n])][rows[n].op] = 1;
    /* rows with a prefix go before those without */
    for (unsigned own = 0; own < 2; own++)
        for (unsigned n = 0; n < ARRAY_LEN(rows); n++)
            if ((features & BIT(rows[n].feat)) && (rows[n].pfx != PFX_ANY) == own)
                enter(isa, (u16)n);
    return isa;
}

void isa_free(const struct isa *isa)
{
    xfree((void *)(uintptr_t)isa);
}
