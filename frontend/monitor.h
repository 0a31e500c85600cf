/* SPDX-License-Identifier: MIT */
/* The monitor: one command a line. Any thread; the machine is asked through nb_call(). */
#ifndef NB_FRONTEND_MONITOR_H
#define NB_FRONTEND_MONITOR_H

#include <stdbool.h>
#include <stddef.h>

#include "frontend/text.h"

struct front;

#define MONITOR_PROMPT "(nestbox) "

/* Runs one line; the answer is added to *out. */
void monitor_line(struct front *f, const char *line, struct text *out);
/* Listens at "tcp:..." or "unix:..." and serves one client after the other; false: why says what
 * is wrong. */
bool monitor_listen(struct front *f, const char *spec, char *why, size_t size);

#endif
