/* SPDX-License-Identifier: MIT */
/* Coverage by row, form, operand size and outcome. */
#include "lab/cells.h"

#include <stdio.h>

#include "core/xalloc.h"

void cells_init(struct cells *t, const struct gen *g)
{
    memset(t, 0, sizeof *t);
    t->g = g;
    t->n = xcalloc(g->num_units, sizeof *t->n);
}

void cells_free(struct cells *t)
{
    xfree(t->n);
}

void cells_add(struct cells *t, const struct lab_case *c, enum lab_class k)
{
    unsigned unit = (unsigned)(c->index % t->g->num_units);

    if (c->row != t->g->unit[unit].row)
        return;
    /* the first byte of a page, not the second part of anything */
    if (k == LC_PF_SECOND && !(t->g->unit[unit].outcomes & BIT(k)))
        k = t->g->unit[unit].outcomes & BIT(LC_PF_READ) ? LC_PF_READ : LC_PF_WRITE;
    t->n[unit][k]++;
    if (!(t->g->unit[unit].outcomes & BIT(k)))
        t->strange[k]++;
}

bool cells_lack(const struct cells *t, u64 index, u64 min)
{
    unsigned unit = (unsigned)(index % t->g->num_units), aim = gen_aim(t->g, index);

    return aim != GEN_ANY && t->n[unit][aim] < min;
}

unsigned cells_count(const struct cells *t, u64 min, unsigned *under)
{
    unsigned all = 0;

    *under = 0;
    for (unsigned u = 0; u < t->g->num_units; u++)
        for (unsigned k = 0; k < LC_NUM; k++)
            if (t->g->unit[u].outcomes & BIT(k)) {
                all++;
                *under += t->n[u][k] < min;
            }
    return all;
}

void cells_unit_name(const struct gen_unit *u, char *out, size_t size)
{
    static const char pfx[][4] = { "", "66 ", "f3 ", "f2 ", "" };
    const struct isa_row *row = isa_row(u->row);
    char ext[8] = "";

    if (row->map == MAP_FX || row->map == MAP_2X)
        snprintf(ext, sizeof ext, " %02x", row->modrm);
    else if (row->ext >= 0)
        snprintf(ext, sizeof ext, "/%d", row->ext);
    snprintf(out, size, "%s%s%02x%s %s %s%s", pfx[row->pfx],
             row->map == MAP_2 || row->map == MAP_2X ? "0f" : "", row->op, ext, row->name,
             u->mem ? "mem" : "reg", row->pfx != PFX_ANY ? "" : u->op32 ? "32" : "16");
}

void cells_print_under(const struct cells *t, u64 min)
{
    for (unsigned u = 0; u < t->g->num_units; u++) {
        bool first = true;
        char name[48];
        for (unsigned k = 0; k < LC_NUM; k++) {
            if (!(t->g->unit[u].outcomes & BIT(k)) || t->n[u][k] >= min)
                continue;
            if (first) {
                cells_unit_name(&t->g->unit[u], name, sizeof name);
                printf("under %llu: %s:", (unsigned long long)min, name);
                first = false;
            }
            printf(" %s %llu", lab_class_name[k], (unsigned long long)t->n[u][k]);
        }
        if (!first)
            puts("");
    }
    for (unsigned k = 0; k < LC_NUM; k++)
        if (t->strange[k])
            printf("not claimed by their rows: %llu times %s\n", (unsigned long long)t->strange[k],
                   lab_class_name[k]);
}
