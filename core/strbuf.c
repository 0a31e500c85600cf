/* SPDX-License-Identifier: MIT */
/* A growing text buffer (core/strbuf.h). */
#include "core/strbuf.h"

#include <stdarg.h>
#include <stdio.h>

#include "core/xalloc.h"

static void sb_room(struct strbuf *sb, size_t more)
{
    size_t need = sb->len + more + 1;
    if (need <= sb->cap)
        return;
    size_t cap = sb->cap ? sb->cap : 128;
    while (cap < need)
        cap *= 2;
    sb->s = xrealloc(sb->s, cap);
    sb->cap = cap;
}

void sb_addn(struct strbuf *sb, const char *text, size_t n)
{
    sb_room(sb, n);
    memcpy(sb->s + sb->len, text, n);
    sb->len += n;
    sb->s[sb->len] = 0;
}

void sb_add(struct strbuf *sb, const char *text)
{
    sb_addn(sb, text, strlen(text));
}

void sb_addf(struct strbuf *sb, const char *fmt, ...)
{
    va_list ap, again;
    va_start(ap, fmt);
    va_copy(again, ap);
    sb_room(sb, 64); /* enough for most lines: one pass */
    int n = vsnprintf(sb->s + sb->len, sb->cap - sb->len, fmt, ap);
    va_end(ap);
    if (n > 0 && (size_t)n >= sb->cap - sb->len) {
        sb_room(sb, (size_t)n);
        vsnprintf(sb->s + sb->len, (size_t)n + 1, fmt, again);
    }
    if (n > 0)
        sb->len += (size_t)n;
    va_end(again);
}

void sb_free(struct strbuf *sb)
{
    xfree(sb->s);
    memset(sb, 0, sizeof(*sb));
}

const char *sb_text(const struct strbuf *sb)
{
    return sb->s ? sb->s : "";
}
