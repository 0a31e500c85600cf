/* SPDX-License-Identifier: MIT */
#include "frontend/monitor.h"

#include <stdio.h>

void monitor_line(struct front *f, const char *line, struct text *out)
{
    (void)f;
    text_addf(out, "%.40s: not built in yet\n", line);
}

bool monitor_listen(struct front *f, const char *spec, char *why, size_t size)
{
    (void)f;
    (void)spec;
    snprintf(why, size, "not built in yet");
    return false;
}
