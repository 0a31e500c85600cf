/* SPDX-License-Identifier: MIT */
/* GDB's remote protocol (GDB manual, appendix E): one client at a time, this machine only. */
#ifndef NB_FRONTEND_GDB_H
#define NB_FRONTEND_GDB_H

#include <stdbool.h>

#include "include/nestbox.h"

struct front;
struct gdb;

/* Listens at "tcp:..." or "unix:..."; NULL: why says what is wrong. */
struct gdb *gdb_new(struct front *f, const char *spec, char *why, size_t size);
bool gdb_start(struct gdb *g);
void gdb_stopped(struct gdb *g, enum nb_stop why); /* [machine thread] nb_run() has returned */
void gdb_free(struct gdb *g);

#endif
