/* SPDX-License-Identifier: MIT */
/* QEMU's option strings: "a=1,b=x,,y,flag"; a doubled comma is a comma. */
#ifndef NB_MACHINE_OPTIONS_H
#define NB_MACHINE_OPTIONS_H

#include "core/err.h"
#include "core/types.h"

#define OPTIONS_MAX 24
struct options {
    char *text; /* owns all keys and values */
    const char *key[OPTIONS_MAX], *value[OPTIONS_MAX];
    unsigned n;
};

/* The first item may be a bare value: then it is that of `first`. Other bare items are switches: "on",
 * or "off" behind "no". Nothing is left to free when it fails. */
bool options_parse(struct options *o, const char *text, const char *first, struct err *e);
void options_free(struct options *o);
bool options_number(const char *text, u64 *n); /* decimal or 0x, of 64 bits at most */
bool options_bool(const char *key, const char *v, bool *on, struct err *e);

#endif
