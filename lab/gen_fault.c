/* SPDX-License-Identifier: MIT */
/* What can come of a row in user mode, from isa.def: which memory it reaches, and which faults
 * that, its operands and its attributes make possible. Every architectural fault that CPL 3
 * under Linux can reach is here; #NM, #TS, #DF, #MC are not (CR0.TS and EM are the kernel's,
 * nested tasks need a TSS of ours, IRET with NT set is left out).
 *
 * Faults that any instruction can have are claimed for every row: #UD by LOCK, #GP by more than
 * 15 bytes, #PF at the fetch, #DB by TF. */
#include "lab/gen.h"

#include <stdio.h>

static bool named(const struct isa_row *row, const char *list)
{
    char key[24];

    snprintf(key, sizeof key, " %s ", row->name);
    return strstr(list, key) != NULL;
}

/* ---- memory */

static bool touches_nothing(const struct isa_row *row)
{
    return named(row, " lea nop prefetchnta prefetcht0 prefetcht1 prefetcht2 prefetch prefetchw "
                      "invlpg ud1 ");
}

static bool is_memory_kind(unsigned kind)
{
    return kind == OK_E || kind == OK_M || kind == OK_Q || kind == OK_W || kind == OK_O;
}

static bool writes_operand(const struct isa_row *row)
{
    if (row->map == MAP_FM)
        return !strncmp(row->name, "fst", 3) || !strncmp(row->name, "fnst", 4) ||
               !strncmp(row->name, "fist", 4) || named(row, " fbstp fnsave fisttp ");
    if (!is_memory_kind(OPD_KIND(row->o[0])))
        return false;
    if (named(row, " cmp test bt push call jmp mul div idiv bound verr verw lldt ltr lmsw lgdt "
                   "lidt ldmxcsr fxrstor clflush "))
        return false;
    return strcmp(row->name, "imul") || row->o[1];
}

static unsigned bytes_of(const struct gen_unit *u, const struct isa_row *row, u16 o)
{
    unsigned w = u->op32 ? 4 : 2;

    switch (OPD_SIZE(o)) {
    case OZ_B: return 1;
    case OZ_W: return 2;
    case OZ_D: return 4;
    case OZ_V: return OPD_KIND(row->o[1]) == OK_S ? 2 : w; /* MOV from a segment register */
    case OZ_Q: return 8;
    case OZ_T: return 10;
    case OZ_DQ: return 16;
    default: break;
    }
    if (named(row, " fnstenv fldenv "))
        return u->op32 ? 28 : 14;
    if (named(row, " fnsave frstor "))
        return u->op32 ? 108 : 94;
    if (named(row, " fxsave fxrstor "))
        return 512;
    if (named(row, " ldmxcsr stmxcsr "))
        return 4;
    if (named(row, " clflush "))
        return 1;
    if (named(row, " bound "))
        return 2 * w;
    if (named(row, " cmpxchg8b "))
        return 8;
    return w + 2; /* a far pointer */
}

static void describe_memory(struct gen_unit *u, const struct isa_row *row)
{
    unsigned k0 = OPD_KIND(row->o[0]);

    u->access = 0;
    u->size = 0;
    if (u->mem && !touches_nothing(row))
        for (unsigned k = 0; k < 3; k++)
            if (is_memory_kind(OPD_KIND(row->o[k]))) {
                u->size = (u16)bytes_of(u, row, row->o[k]);
                u->access |= k == 0 && writes_operand(row) ? ACC_WRITE : ACC_READ;
            }
    if (u->mem && named(row, " arpl ")) /* writes only what it changes */
        u->access |= ACC_READ;
    for (unsigned k = 0; k < 2; k++)
        if (OPD_KIND(row->o[k]) == OK_O) {
            u->size = (u16)bytes_of(u, row, row->o[k]);
            u->access |= k == 0 ? ACC_WRITE : ACC_READ;
        }
    if (row->attr & (A_REP | A_REPC)) {
        u->size = (u16)bytes_of(u, row, row->o[0] ? row->o[0] : row->o[1]);
        if (named(row, " movs "))
            u->access |= ACC_READ | ACC_WRITE;
        else
            u->access |= named(row, " stos ins ") ? ACC_WRITE : ACC_READ;
        if (k0 == OK_Y || k0 == OK_X || k0 == OK_REG)
            u->size = (u16)bytes_of(u, row, row->o[k0 == OK_REG]);
    }
    if (named(row, " xlat ")) {
        u->access |= ACC_READ;
        u->size = 1;
    }
    if (named(row, " maskmovq maskmovdqu ")) {
        u->access |= ACC_WRITE;
        u->size = row->pfx == PFX_66 ? 16 : 8;
    }
    if (named(row, " push pusha pushf call enter "))
        u->access |= ACC_PUSH;
    if (named(row, " pop popa popf ret retf iret leave "))
        u->access |= ACC_POP;
}

/* ---- faults */

/* Computes in floating point, so that MXCSR decides. Moves, logic, shuffles, reciprocals don't,
 * nor do conversions that are always exact. */
bool gen_raises_xm(const struct isa_row *row)
{
    static const char *const base[] = { "add", "sub", "mul", "div", "sqrt", "min", "max", "cmp",
                                        "comi", "ucomi", "hadd", "hsub", "addsub" };
    static const char *const type[] = { "ps", "pd", "ss", "sd" };

    if (!(row->attr & A_SSE))
        return false;
    if (!strncmp(row->name, "cvt", 3))
        return !named(row, " cvtdq2pd cvtpi2pd cvtsi2sd ");
    for (unsigned b = 0; b < ARRAY_LEN(base); b++) {
        size_t n = strlen(base[b]);
        if (strncmp(row->name, base[b], n))
            continue;
        for (unsigned t = 0; t < 4; t++)
            if (!strcmp(row->name + n, type[t]))
                return !(row->map == MAP_1); /* CMPS is not CMPSS, but be sure */
    }
    return false;
}

static bool always_faults(const struct isa_row *row)
{
    return (row->chk & CHK_CPL0) ||
           named(row, " in out ins outs cli sti hlt int int3 int1 ud1 ud2 sysexit rsm monitor "
                      "mwait ");
}

static bool waits_for_x87(const struct isa_row *row)
{
    if (row->attr & (A_WAIT | A_MMX))
        return true;
    return (row->attr & A_FPU) && strncmp(row->name, "fn", 2) && !named(row, " fxsave fxrstor ");
}

static bool loads_segment(const struct gen_unit *u)
{
    return u->kind == GEN_MOVSEG || u->kind == GEN_POPSEG || u->kind == GEN_LSEG;
}

static u32 access_faults(const struct gen_unit *u, const struct isa_row *row)
{
    u32 f = 0;

    if (u->access & ACC_MEM) {
        bool whole = (row->attr & A_ALIGN16) != 0; /* can't cross a page nor be misaligned */
        /* a prefix makes it the stack segment; ES:eDI takes none */
        if (!((row->attr & (A_REP | A_REPC)) && named(row, " stos scas ins ")))
            f |= BIT(LC_SS);
        f |= BIT(LC_GP);
        if (u->access & ACC_READ)
            f |= BIT(LC_PF_READ);
        if (u->access & ACC_WRITE)
            f |= BIT(LC_PF_WRITE);
        if (u->size > 1 && !whole)
            f |= BIT(LC_PF_SECOND) | BIT(LC_AC);
    }
    if (u->access & ACC_STACK) {
        f |= BIT(LC_SS) | BIT(LC_PF_SECOND) | BIT(LC_AC);
        f |= u->access & ACC_PUSH ? BIT(LC_PF_WRITE) : BIT(LC_PF_READ);
    }
    return f;
}

void gen_describe(struct gen_unit *u)
{
    const struct isa_row *row = isa_row(u->row);
    u32 f = BIT(LC_GP) | BIT(LC_PF_FETCH);

    describe_memory(u, row);
    if (named(row, " ud1 ud2 ")) {
        u->outcomes = f | BIT(LC_UD);
        return;
    }
    /* LOCK MOV CR is CR8 on AMD: not generated; control registers that are not there are */
    if (!((row->attr & A_LOCK) && u->mem) && !(row->map == MAP_2 && (row->op | 2) == 0x23))
        f |= BIT(LC_UD);
    if (!always_faults(row))
        f |= BIT(LC_DONE) | BIT(LC_DB) | access_faults(u, row);
    if (waits_for_x87(row))
        f |= BIT(LC_MF);
    if (gen_raises_xm(row))
        f |= BIT(LC_XM);
    if (named(row, " div idiv aam "))
        f |= BIT(LC_DE);
    if (named(row, " bound "))
        f |= BIT(LC_BR);
    if (named(row, " into "))
        f |= BIT(LC_OF);
    if (named(row, " int "))
        f |= BIT(LC_BP) | BIT(LC_OF);
    if (named(row, " int3 "))
        f |= BIT(LC_BP);
    if (named(row, " int1 "))
        f |= BIT(LC_DB);
    if (loads_segment(u)) {
        bool ss = OPD_KIND(row->o[0]) == OK_SREG ? OPD_NUM(row->o[0]) == S_SS : named(row, " lss ");
        f |= ss ? BIT(LC_SS) : BIT(LC_NP);
        if (u->kind == GEN_MOVSEG)
            f |= BIT(LC_SS);
        if (OPD_KIND(row->o[0]) == OK_SREG && ss)
            f &= ~(u32)BIT(LC_DB); /* held back behind POP SS */
    }
    if (u->kind == GEN_RETF || u->kind == GEN_IRET || u->kind == GEN_FARIND ||
        u->kind == GEN_FARIMM)
        f |= BIT(LC_NP);
    u->outcomes = f;
}

/* ---- aims */

unsigned gen_aim(const struct gen *gen, u64 index)
{
    const struct gen_unit *u = &gen->unit[index % gen->num_units];
    u64 n = index / gen->num_units;
    u32 faults = u->outcomes & ~(u32)BIT(LC_DONE);
    unsigned count = 0, which;

    if (n % 4 == 0 || !faults)
        return GEN_ANY;
    if (n % 4 == 1)
        return u->outcomes & BIT(LC_DONE) ? LC_DONE : GEN_ANY;
    for (u32 f = faults; f; f &= f - 1)
        count++;
    which = (unsigned)((n / 4 * 2 + n % 4 - 2) % count);
    for (unsigned k = 0;; k++)
        if ((faults & BIT(k)) && !which--)
            return k;
}

/* How the aim is to be reached, where there are several ways. */
void gen_choose(struct gctx *g)
{
    const struct gen_unit *u = g->u;
    struct rng *r = &g->r;
    bool mem = u->access & ACC_MEM;

    g->calm = g->aim != GEN_ANY;
    g->gp = GP_LONG;
    if (g->aim == LC_GP) {
        if (mem && !rng_permille(r, 150))
            g->gp = (u8)(rng_below(r, 3) ? GP_LIMIT : GP_RIGHTS);
        if ((g->row->attr & A_ALIGN16) && u->mem && rng_below(r, 2))
            g->gp = GP_ALIGN;
        if (loads_segment(u) || u->kind == GEN_RETF || u->kind == GEN_IRET ||
            u->kind == GEN_FARIND || u->kind == GEN_FARIMM)
            g->gp = rng_below(r, 2) ? GP_SELECTOR : g->gp;
        if (always_faults(g->row))
            g->gp = rng_below(r, 2) ? GP_OWN : GP_LONG;
    }
    if (u->access & ACC_STACK)
        g->bad_stack = !mem || rng_below(r, 2);
    /* reads of a POP's operand and writes of a PUSH's there are not */
    if (mem && g->aim == LC_PF_READ && !(u->access & ACC_READ))
        g->bad_stack = true;
    if (mem && g->aim == LC_PF_READ && !(u->access & ACC_POP))
        g->bad_stack = false;
    if (mem && g->aim == LC_PF_WRITE && !(u->access & ACC_WRITE))
        g->bad_stack = true;
    if (mem && g->aim == LC_PF_WRITE && !(u->access & ACC_PUSH))
        g->bad_stack = false;
}
