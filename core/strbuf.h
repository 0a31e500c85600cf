/* SPDX-License-Identifier: MIT */
/* A growing text buffer, for `info` answers and dumps. */
#ifndef NB_CORE_STRBUF_H
#define NB_CORE_STRBUF_H

#include "core/types.h"

struct strbuf {
    char *s; /* NUL-terminated once anything was added; NULL before */
    size_t len, cap;
};

void sb_add(struct strbuf *sb, const char *text);
void sb_addn(struct strbuf *sb, const char *text, size_t n);
void sb_addf(struct strbuf *sb, const char *fmt, ...) NB_PRINTF(2, 3);
void sb_free(struct strbuf *sb);
/* The text, never NULL; owned by sb. */
const char *sb_text(const struct strbuf *sb);

#endif
