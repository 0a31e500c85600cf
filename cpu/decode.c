/* SPDX-License-Identifier: MIT */
/* Bytes to struct decoded, and the choice of the handler. SDM 2A chapter 2, 2D appendix A.
 * No memory is read but the bytes given, so this can be fuzzed alone. */
#include "cpu/isa_impl.h"

struct reader {
    const u8 *p;
    unsigned pos, len;
    enum decode_status bad; /* DECODE_OK while nothing went wrong */
};

static u32 take(struct reader *r, unsigned n)
{
    u32 v = 0;

    if (r->pos + n > 15) {
        /* bytes that are not there come first: the fetch fault precedes #GP(0) only if the 15 bytes
         * themselves cannot be fetched */
        r->bad = r->len < 15 ? DECODE_MORE : DECODE_TOO_LONG;
        return 0;
    }
    if (r->pos + n > r->len) {
        r->bad = DECODE_MORE;
        return 0;
    }
    for (unsigned k = 0; k < n; k++)
        v |= (u32)r->p[r->pos + k] << (8 * k);
    r->pos += n;
    return v;
}

static u8 reg_off(unsigned n, unsigned size)
{
    if (size == OZ_B) /* AL CL DL BL AH CH DH BH */
        return (u8)((n & 3) * 4 + (n >> 2));
    return (u8)(n * 4);
}

/* ModRM, SIB and displacement: SDM 2A tables 2-1 to 2-3. */
static void read_modrm(struct reader *r, struct decoded *d, bool a32)
{
    struct insn *in = &d->in;
    u8 m = (u8)take(r, 1);

    if (r->bad)
        return;
    in->modrm = m;
    d->mod = m >> 6;
    d->reg = (m >> 3) & 7;
    d->rm = m & 7;
    in->base = in->index = R_ZERO;
    /* MOV to and from CR and DR ignore mod: no SIB, no displacement, and none is fetched */
    if (d->map == MAP_2 && d->opcode >= 0x20 && d->opcode <= 0x23)
        d->mod = 3;
    if (d->mod == 3)
        return;
    in->flags |= INSN_MEM;
    unsigned disp_size = d->mod == 1 ? 1 : d->mod == 2 ? (a32 ? 4 : 2) : 0;
    unsigned seg = S_DS;

    if (!a32) {
        static const u8 base16[8] = { R_EBX, R_EBX, R_EBP, R_EBP, R_ESI, R_EDI, R_EBP, R_EBX };
        static const u8 index16[8] = { R_ESI, R_EDI, R_ESI, R_EDI, R_ZERO, R_ZERO, R_ZERO, R_ZERO };
        in->base = base16[d->rm];
        in->index = index16[d->rm];
        if (in->base == R_EBP)
            seg = S_SS;
        if (d->mod == 0 && d->rm == 6) {
            in->base = R_ZERO;
            seg = S_DS;
            disp_size = 2;
        }
    } else if (d->rm == 4) {
        u8 sib = (u8)take(r, 1);
        in->scale = sib >> 6;
        in->index = (sib >> 3) & 7;
        in->base = sib & 7;
        if (in->index == 4) {
            in->index = R_ZERO;
            in->scale = 0;
        }
        if (in->base == R_ESP)
            seg = S_SS;
        if (in->base == R_EBP) {
            if (d->mod == 0) {
                in->base = R_ZERO;
                disp_size = 4;
            } else {
                seg = S_SS;
            }
        }
    } else if (d->mod == 0 && d->rm == 5) {
        disp_size = 4;
    } else {
        in->base = d->rm;
        if (d->rm == R_EBP)
            seg = S_SS;
    }
    if (disp_size) {
        d->disp_off = (u8)r->pos;
        in->disp = take(r, disp_size);
        if (disp_size < 4)
            in->disp = (u32)sext(in->disp, disp_size * 8);
    }
    in->seg = d->seg_prefix != 0xff ? d->seg_prefix : (u8)seg;
}

/* One operand: fills dst (first register operand) or src (second), or imm; returns its kind for the
 * form: 'R', 'M', 'I' or 0. */
static char read_operand(struct reader *r, struct decoded *d, u16 o, bool first)
{
    struct insn *in = &d->in;
    bool op32 = in->flags & INSN_OP32;
    u8 *reg = first ? &in->dst : &in->src;
    unsigned size = OPD_SIZE(o), n;

    switch (OPD_KIND(o)) {
    case OK_E: case OK_M: case OK_Q: case OK_W:
        if (in->flags & INSN_MEM)
            return 'M';
        NB_FALLTHROUGH;
    case OK_RM: case OK_N: case OK_U:
        n = OPD_KIND(o);
        *reg = n == OK_E || n == OK_RM || n == OK_M ? reg_off(d->rm, size) : (u8)(d->rm * 16);
        return 'R';
    case OK_R:
        *reg = reg_off(d->rm, size);
        return 'R';
    case OK_G:
        *reg = reg_off(d->reg, size);
        return 'R';
    case OK_Z:
        *reg = reg_off(d->opcode & 7, size);
        return 'R';
    case OK_REG:
        *reg = reg_off(OPD_NUM(o), size);
        return 'R';
    case OK_SREG:
        *reg = (u8)OPD_NUM(o);
        return 0;
    case OK_P: case OK_VX:
        *reg = (u8)(d->reg * 16);
        return 'R';
    case OK_S: case OK_C: case OK_D:
        *reg = d->reg;
        return 0;
    case OK_STI:
        in->src = d->rm;
        return 0;
    case OK_I: {
        u8 at = (u8)r->pos;
        u32 v = size == OZ_B ? take(r, 1) : size == OZ_W ? take(r, 2) : take(r, op32 ? 4 : 2);
        if (d->imm_off) { /* ENTER's second */
            in->imm2 = (u16)v;
            return 'I';
        }
        d->imm_off = at;
        in->imm = v;
        return 'I';
    }
    case OK_SI:
        d->imm_off = (u8)r->pos;
        in->imm = (u32)sext(take(r, 1), 8);
        if (!op32)
            in->imm &= 0xffff;
        return 'I';
    case OK_ONE:
        in->imm = 1;
        return 'I';
    case OK_J:
        d->imm_off = (u8)r->pos;
        if (size == OZ_B)
            in->imm = (u32)sext(take(r, 1), 8);
        else
            in->imm = op32 ? take(r, 4) : (u32)sext(take(r, 2), 16);
        return 'I';
    case OK_O:
        d->disp_off = (u8)r->pos;
        in->disp = take(r, in->flags & INSN_A32 ? 4 : 2);
        in->seg = d->seg_prefix != 0xff ? d->seg_prefix : S_DS;
        in->flags |= INSN_MEM;
        return 'M';
    case OK_A:
        d->imm_off = (u8)r->pos;
        in->imm = take(r, op32 ? 4 : 2);
        in->imm2 = (u16)take(r, 2);
        return 'I';
    default:
        return 0;
    }
}

static enum isa_form form_of(char a, char b)
{
    if (!a) {
        a = b;
        b = 0;
    }
    switch (a) {
    case 'R':
        return b == 'R' ? FORM_RR : b == 'M' ? FORM_RM : b == 'I' ? FORM_RI : FORM_R;
    case 'M':
        return b == 'R' ? FORM_MR : b == 'I' ? FORM_MI : FORM_M;
    case 'I':
        return FORM_I;
    default:
        return FORM_N;
    }
}

/* 0, 1, 2: byte, 16-bit, 32-bit handlers. The first operand that has a size decides. */
static u8 size_index(const struct isa_row *row, bool op32)
{
    for (unsigned k = 0; k < 2; k++) {
        unsigned kind = OPD_KIND(row->o[k]);
        if (kind == OK_I || kind == OK_SI || kind == OK_J || kind == OK_DX || kind == OK_S ||
            kind == OK_SREG || kind == OK_CL || kind == OK_ONE || kind == OK_NONE)
            continue;
        switch (OPD_SIZE(row->o[k])) {
        case OZ_B: return 0;
        case OZ_W: return 1;
        case OZ_D: return 2;
        default: return op32 ? 2 : 1;
        }
    }
    return op32 ? 2 : 1;
}

enum decode_status isa_decode(const struct isa *isa, const u8 *code, unsigned len, u32 mode,
                              struct decoded *d)
{
    struct reader r = { .p = code, .len = len };
    struct insn *in = &d->in;
    bool op32 = mode & MODE_D, a32 = mode & MODE_D;
    bool def32 = op32;

    memset(d, 0, sizeof *d);
    d->seg_prefix = 0xff;
    in->base = in->index = R_ZERO;
    for (;;) {
        u8 b = (u8)take(&r, 1);
        if (r.bad)
            return r.bad;
        switch (b) {
        case 0x26: d->seg_prefix = S_ES; break;
        case 0x2e: d->seg_prefix = S_CS; break;
        case 0x36: d->seg_prefix = S_SS; break;
        case 0x3e: d->seg_prefix = S_DS; break;
        case 0x64: case 0x65:
            if (!(isa->features & BIT(FEAT_386)))
                goto opcode;
            d->seg_prefix = b == 0x64 ? S_FS : S_GS;
            break;
        case 0x66:
            op32 = !def32;
            d->osize = 1;
            break;
        case 0x67:
            a32 = !def32;
            break;
        case 0xf0: d->lock = 1; break;
        case 0xf2: case 0xf3: d->rep = b; break;
        default:
        opcode:
            d->opcode = b;
            goto have_opcode;
        }
        d->num_prefixes++;
    }
have_opcode:
    if (d->opcode == 0x0f) {
        d->map = MAP_2;
        d->opcode = (u8)take(&r, 1);
        if (r.bad)
            return r.bad;
    } else {
        d->map = MAP_1;
    }
    in->flags = (op32 ? INSN_OP32 : 0) | (a32 ? INSN_A32 : 0) | (d->lock ? INSN_LOCK : 0) |
                (d->rep == 0xf3 ? INSN_REP : 0) | (d->rep == 0xf2 ? INSN_REPNE : 0) |
                (d->seg_prefix != 0xff ? INSN_SEGPFX : 0);

    unsigned two = d->map == MAP_2;
    const u16 (*at)[8] = isa->map[two][d->rep == 0xf3   ? PFX_F3
                                       : d->rep == 0xf2 ? PFX_F2
                                       : d->osize       ? PFX_66
                                                        : PFX_NONE][d->opcode];
    u16 n;
    if (isa->has_modrm[two][d->opcode]) {
        read_modrm(&r, d, a32);
        if (r.bad)
            return r.bad;
        n = at[d->mod == 3][d->reg];
        if (two && d->opcode == 0x01 && d->mod == 3 && isa->sys[in->modrm & 0x3f])
            n = isa->sys[in->modrm & 0x3f];
        if (!two && d->mod == 3 && (d->opcode & 0xf8) == 0xd8) {
            u16 fx = isa->fx[d->opcode - 0xd8][in->modrm & 0x3f];
            if (fx)
                n = fx;
        }
    } else {
        n = at[0][0];
        if (!n)
            n = at[1][0];
    }
    if (n) {
        d->row = isa_row(n - 1u);
        in->row = n - 1u;
        if (d->row->map == MAP_1 || d->row->map == MAP_2) {
            char a = read_operand(&r, d, d->row->o[0], true);
            char b = read_operand(&r, d, d->row->o[1], a == 0 && OPD_KIND(d->row->o[0]) == OK_NONE);
            if (d->row->o[2])
                read_operand(&r, d, d->row->o[2], false);
            d->form = (u8)form_of(a, b);
        } else {
            in->src = d->rm;
            d->form = in->flags & INSN_MEM ? FORM_M : FORM_N;
        }
        if (r.bad)
            return r.bad;
        d->size = size_index(d->row, op32);
        /* strings: the source's segment; prefixes apply to it alone (SDM 2B, MOVS) */
        if (OPD_KIND(d->row->o[0]) == OK_X || OPD_KIND(d->row->o[1]) == OK_X ||
            OPD_KIND(d->row->o[0]) == OK_Y)
            in->seg = d->seg_prefix != 0xff ? d->seg_prefix : S_DS;
        /* XLAT's implicit DS:[eBX+AL]; MASKMOVQ's and MASKMOVDQU's DS:[eDI]; MONITOR's DS:[eAX] */
        if ((d->map == MAP_1 && d->opcode == 0xd7) || (d->map == MAP_2 && d->opcode == 0xf7) ||
            d->row->map == MAP_2X)
            in->seg = d->seg_prefix != 0xff ? d->seg_prefix : S_DS;
    }
    in->len = (u8)r.pos;
    return DECODE_OK;
}

/* ---- binding */

static unsigned op_undefined(struct cpu *c, const struct insn *i)
{
    RAISE(c, i, EXC_UD);
}

static unsigned op_not_available(struct cpu *c, const struct insn *i)
{
    RAISE(c, i, EXC_NM);
}

static unsigned op_protected(struct cpu *c, const struct insn *i)
{
    RAISE_ERR(c, i, EXC_GP, 0);
}

void isa_bind(struct decoded *d, u32 mode)
{
    const struct isa_row *row = d->row;
    struct insn *in = &d->in;

    in->fn = op_undefined;
    d->pure = NULL;
    if (!row)
        return;
    /* LOCK is legal only with a memory destination of a row that allows it (SDM 2A, LOCK) */
    if (d->lock && !((row->attr & A_LOCK) && (in->flags & INSN_MEM)))
        return;
    if ((row->chk & CHK_PROT) && (!(mode & MODE_PE) || (mode & MODE_V86)))
        return;
    if ((row->attr & (A_MMX | A_SSE)) && (mode & MODE_EM))
        return;
    if ((row->attr & A_SSE) && !(mode & MODE_FXSR))
        return;
    /* control registers that are not there: before the privilege check */
    if (d->map == MAP_2 && (d->opcode == 0x20 || d->opcode == 0x22) && !(BIT(d->reg) & 0x1d))
        return;
    if ((row->chk & CHK_CPL0) && (mode & MODE_CPL3)) {
        in->fn = op_protected;
        return;
    }
    if (((row->attr & A_FPU) && (mode & (MODE_EM | MODE_TS))) ||
        ((row->attr & (A_MMX | A_SSE)) && (mode & MODE_TS)) ||
        ((row->attr & A_WAIT) && (mode & MODE_MP) && (mode & MODE_TS))) {
        in->fn = op_not_available;
        return;
    }
    insn_fn *const *fns = row->hs->fn[d->size], *fn = NULL;
    if ((mode & MODE_FLAT) && (mode & MODE_B) && (in->flags & INSN_A32) && in->seg <= S_DS &&
        in->seg != S_CS)
        fn = fns[d->form + (in->index == R_ZERO ? FORM_FLAT : FORM_FLATX)];
    if (!fn)
        fn = fns[d->form];
    if (fn)
        in->fn = fn;
    d->pure = fns[d->form + FORM_PURE];
}
