/* SPDX-License-Identifier: MIT */
/* Masks beyond the `u` columns of isa.def: results that the SDM calls undefined under a condition,
 * and points where processors differ. Each entry says where the manual leaves it open and what was
 * seen on which host; nothing else may be masked. */
#include "lab/masks.h"

#include "cpu/isa.h"

const struct lab_mask_note lab_mask_notes[] = {
    { "shld shrd", "operand size 16, count (mod 32) above 16", "destination and all flags",
      "SDM 2B, SHLD/SHRD: result and flags undefined if the count exceeds the operand size", "" },
    { "bswap", "operand size 16", "destination", "SDM 2A, BSWAP: 16-bit register undefined", "" },
};
const unsigned lab_num_mask_notes = ARRAY_LEN(lab_mask_notes);

/* OF SF ZF AF PF CF, in the order of isa_row.efl */
static const u32 flag_of[6] = { FL_OF, FL_SF, FL_ZF, FL_AF, FL_PF, FL_CF };

static bool named(const struct isa_row *row, const char *a, const char *b)
{
    return !strcmp(row->name, a) || !strcmp(row->name, b);
}

struct lab_mask lab_mask_of(const struct lab_case *c)
{
    const struct isa_row *row = c->row == 0xffff ? NULL : isa_row(c->row);
    struct lab_mask m = { 0 };

    if (!row)
        return m;
    for (unsigned k = 0; k < 6; k++)
        if (row->efl[k] == 'u')
            m.flags |= flag_of[k];
    if (named(row, "shld", "shrd") && c->size == 1) {
        u32 count = OPD_KIND(row->o[2]) == OK_CL ? c->in.gpr[LG_ECX] : c->code[c->len - 1];
        if ((count & 31) > 16) {
            m.flags |= LAB_ARITH;
            m.dest = true;
        }
    }
    if (named(row, "bswap", "bswap") && c->size == 1)
        m.dest = true;
    return m;
}
