/* SPDX-License-Identifier: MIT */
/* Set-up errors: made where the failure is, printed once by the front end. */
#ifndef NB_CORE_ERR_H
#define NB_CORE_ERR_H

#include "core/types.h"

/* The process's exit code for it (docs/cli.md, "Exit status"). */
enum err_code {
    ERR_NONE = 0,
    ERR_CONFIG = 1,   /* usage or configuration */
    ERR_RESOURCE = 2, /* file missing, locked, unreadable, out of memory or disk */
    ERR_STATE = 5,    /* a snapshot is refused */
    ERR_INTERNAL = 6,
};

struct err {
    enum err_code code;
    char msg[480]; /* one sentence: what, which thing, what to do; no final newline */
};

/* Fills *e (which may be NULL) and returns false, so that callers write
 * `return err_set(e, ERR_CONFIG, "...")`. The first error wins. */
bool err_set(struct err *e, enum err_code code, const char *fmt, ...) NB_PRINTF(3, 4);

/* Puts "prefix: " before the message that is there. Returns false. */
bool err_prefix(struct err *e, const char *fmt, ...) NB_PRINTF(2, 3);

#endif
