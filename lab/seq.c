/* SPDX-License-Identifier: MIT */
/* Sequences taken apart and put together again. */
#include "lab/seq.h"

#include <stdio.h>

#include "cpu/state.h"

static bool named(const struct isa_row *row, const char *list)
{
    char key[24];

    snprintf(key, sizeof key, " %s ", row->name);
    return strstr(list, key) != NULL;
}

bool seq_split(const struct isa *isa, const struct lab_case *c, struct seq *s)
{
    u32 mode = c->bits == 32 ? MODE_D : 0;

    s->n = 0;
    for (unsigned at = 0; at < c->len;) {
        struct seq_insn *i = &s->i[s->n];
        if (s->n == SEQ_MAX ||
            isa_decode(isa, c->code + at, MIN(c->len - at, 15u), mode, &i->d) != DECODE_OK)
            return false;
        i->at = (u16)at;
        i->len = i->d.in.len;
        i->rel = 0;
        i->target = -1;
        if (i->d.row && OPD_KIND(i->d.row->o[0]) == OK_J)
            i->rel = OPD_SIZE(i->d.row->o[0]) == OZ_B ? 1 : i->d.in.flags & INSN_OP32 ? 4 : 2;
        at += i->len;
        s->n++;
    }
    for (unsigned k = 0; k < s->n; k++) {
        struct seq_insn *i = &s->i[k];
        u32 to = i->at + i->len + i->d.in.imm;
        if (!i->rel)
            continue;
        if (to == c->len)
            i->target = (int)s->n;
        for (unsigned t = 0; t < s->n; t++)
            if (s->i[t].at == to)
                i->target = (int)t;
    }
    return s->n != 0;
}

bool seq_keep(const struct lab_case *c, const struct seq *s, const bool *keep, struct lab_case *out)
{
    u16 at[SEQ_MAX + 1];
    u16 len = 0;

    *out = *c;
    memset(out->code, 0, sizeof out->code);
    for (unsigned k = 0; k < s->n; k++) { /* where each goes; a dropped one, where the next does */
        at[k] = len;
        if (keep[k])
            len = (u16)(len + s->i[k].len);
    }
    at[s->n] = len;
    for (unsigned k = 0; k < s->n; k++) {
        const struct seq_insn *i = &s->i[k];
        u32 rel;
        if (!keep[k])
            continue;
        memcpy(out->code + at[k], c->code + i->at, i->len);
        if (!i->rel || i->target < 0)
            continue;
        rel = (u32)at[i->target] - at[k] - i->len;
        if (i->rel == 1 && rel + 128 > 255)
            return false;
        for (unsigned b = 0; b < i->rel; b++)
            out->code[at[k] + i->len - i->rel + b] = (u8)(rel >> (8 * b));
    }
    out->len = len;
    out->insns = 0;
    for (unsigned k = 0; k < s->n; k++)
        out->insns = (u8)(out->insns + keep[k]);
    if (out->insns == 1)
        out->insns = 0;
    return len != 0;
}

/* ---- undefined flags */

static const u32 flag_of[6] = { FL_OF, FL_SF, FL_ZF, FL_AF, FL_PF, FL_CF };

/* The table says `m` where a flag is both an input and an output. */
static u32 reads(const struct isa_row *row)
{
    u32 f = 0;

    for (unsigned k = 0; k < 6; k++)
        if (row->efl[k] == 't')
            f |= flag_of[k];
    if (named(row, " adc sbb rcl rcr salc cmc "))
        f |= FL_CF;
    if (named(row, " daa das "))
        f |= FL_CF | FL_AF;
    if (named(row, " aaa aas "))
        f |= FL_AF;
    if (named(row, " loopz loopnz "))
        f |= FL_ZF;
    if (named(row, " into "))
        f |= FL_OF;
    if (named(row, " lahf "))
        f |= FL_SF | FL_ZF | FL_AF | FL_PF | FL_CF;
    if (named(row, " pushf "))
        f |= FL_ARITH;
    return f;
}

static bool leaves_c1(const struct isa_row *row)
{
    return named(row, " fcomi fcomip fucomi fucomip ");
}

bool seq_reads_undefined(const struct seq_undef *u, const struct isa_row *row)
{
    if (u->c1 && named(row, " fnstsw fnstenv fnsave fxsave "))
        return true;
    return u->flags & reads(row);
}

void seq_step(struct seq_undef *u, const struct isa_row *row, bool skipped)
{
    if (row->attr & A_REPC) /* with a count of 0 it compares nothing */
        skipped = true;
    for (unsigned k = 0; k < 6; k++) {
        char how = row->efl[k];
        if (how == 'u')
            u->flags |= flag_of[k];
        else if (!skipped && (how == 'm' || how == '0' || how == '1'))
            u->flags &= ~flag_of[k];
    }
    if (leaves_c1(row))
        u->c1 = true;
}

struct seq_undef seq_undefined_at(const struct seq *s, const struct lab_case *c, u32 eip,
                                  const struct seq_insn **there)
{
    struct seq_undef u = { 0 };
    int open = 0; /* branches before here lead behind this instruction */
    bool inside = eip == c->in.eip + c->len;

    *there = NULL;
    for (unsigned k = 0; k < s->n; k++)
        inside |= c->in.eip + s->i[k].at == eip;
    for (unsigned k = 0; k < s->n; k++) {
        const struct seq_insn *i = &s->i[k];
        if (c->in.eip + i->at == eip) {
            *there = i;
            break;
        }
        if (i->d.row)
            seq_step(&u, i->d.row, open > (int)k || !inside); /* led out: who knows where */
        if (i->rel && i->target > open)
            open = i->target;
    }
    return u;
}
