/* SPDX-License-Identifier: MIT */
/* Set-up errors (core/err.h). */
#include "core/err.h"

#include <stdarg.h>
#include <stdio.h>

bool err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
    /* The first error is the cause; what fails after it on the way out is noise. */
    if (!e || e->code != ERR_NONE)
        return false;
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
    va_end(ap);
    e->code = code;
    return false;
}

bool err_prefix(struct err *e, const char *fmt, ...)
{
    if (!e || e->code == ERR_NONE)
        return false;
    char old[sizeof(e->msg)];
    memcpy(old, e->msg, sizeof(old));

    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(e->msg, sizeof(e->msg), fmt, ap);
    va_end(ap);
    if (n < 0)
        n = 0;
    size_t at = MIN((size_t)n, sizeof(e->msg) - 3);
    memcpy(e->msg + at, ": ", 3);
    size_t rest = MIN(strlen(old), sizeof(e->msg) - at - 3);
    memcpy(e->msg + at + 2, old, rest);
    e->msg[at + 2 + rest] = 0;
    return false;
}
