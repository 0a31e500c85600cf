/* SPDX-License-Identifier: MIT */
#include "frontend/gdb.h"

#include <stdio.h>

struct gdb *gdb_new(struct front *f, const char *spec, char *why, size_t size)
{
    (void)f;
    (void)spec;
    snprintf(why, size, "not built in yet");
    return NULL;
}

bool gdb_start(struct gdb *g)
{
    return g != NULL;
}

void gdb_stopped(struct gdb *g, enum nb_stop why)
{
    (void)g;
    (void)why;
}

void gdb_free(struct gdb *g)
{
    (void)g;
}
