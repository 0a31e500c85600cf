/* SPDX-License-Identifier: MIT */
#include "frontend/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *front_alloc(size_t n)
{
    void *p = calloc(1, n ? n : 1);

    if (!p) {
        fputs("nestbox: out of memory\n", stderr);
        exit(2);
    }
    return p;
}

char *front_strdup(const char *s)
{
    size_t n = strlen(s) + 1;

    return memcpy(front_alloc(n), s, n);
}

void text_addn(struct text *t, const char *s, size_t n)
{
    if (t->len + n + 1 > t->cap) {
        size_t cap = t->cap ? t->cap : 128;
        while (cap < t->len + n + 1)
            cap *= 2;
        char *p = front_alloc(cap);
        if (t->len)
            memcpy(p, t->s, t->len);
        free(t->s);
        t->s = p;
        t->cap = cap;
    }
    memcpy(t->s + t->len, s, n);
    t->len += n;
    t->s[t->len] = 0;
}

void text_add(struct text *t, const char *s)
{
    text_addn(t, s, strlen(s));
}

void text_addc(struct text *t, char c)
{
    text_addn(t, &c, 1);
}

void text_addf(struct text *t, const char *fmt, ...)
{
    char small[256];
    va_list ap;

    va_start(ap, fmt);
    int n = vsnprintf(small, sizeof small, fmt, ap);
    va_end(ap);
    if (n < 0)
        return;
    if ((size_t)n < sizeof small) {
        text_addn(t, small, (size_t)n);
        return;
    }
    char *big = front_alloc((size_t)n + 1);
    va_start(ap, fmt);
    vsnprintf(big, (size_t)n + 1, fmt, ap);
    va_end(ap);
    text_addn(t, big, (size_t)n);
    free(big);
}

void text_utf8(struct text *t, uint32_t c)
{
    if (c < 0x80) {
        text_addc(t, (char)c);
    } else if (c < 0x800) {
        text_addc(t, (char)(0xc0 | c >> 6));
        text_addc(t, (char)(0x80 | (c & 63)));
    } else if (c < 0x10000) {
        text_addc(t, (char)(0xe0 | c >> 12));
        text_addc(t, (char)(0x80 | (c >> 6 & 63)));
        text_addc(t, (char)(0x80 | (c & 63)));
    }
}

void text_free(struct text *t)
{
    free(t->s);
    *t = (struct text){ 0 };
}

const char *text_str(const struct text *t)
{
    return t->s ? t->s : "";
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool escape(const char **p, struct text *out)
{
    static const char from[] = "nrtbe0\\\"", to[] = "\n\r\t\b\033\0\\\"";
    char c = **p;

    if (c == 'x') {
        int hi = hex_digit((*p)[1]);
        int lo = hi < 0 ? -1 : hex_digit((*p)[2]);
        if (lo < 0)
            return false;
        text_addc(out, (char)(hi << 4 | lo));
        *p += 3;
        return true;
    }
    const char *at = c ? strchr(from, c) : NULL;
    if (!at)
        return false;
    text_addc(out, to[at - from]);
    (*p)++;
    return true;
}

bool text_word(const char **p, struct text *out)
{
    const char *s = *p;

    text_addn(out, "", 0); /* an empty string is a word, too */
    if (*s == '"') {
        for (s++; *s != '"'; ) {
            if (!*s)
                return false;
            if (*s == '\\') {
                s++;
                if (!escape(&s, out))
                    return false;
            } else {
                text_addc(out, *s++);
            }
        }
        s++;
    } else {
        while (*s && !isspace((unsigned char)*s))
            text_addc(out, *s++);
    }
    while (isspace((unsigned char)*s))
        s++;
    *p = s;
    return true;
}

bool text_number(const char *s, uint64_t *n)
{
    char *end;

    if (!isdigit((unsigned char)*s))
        return false;
    errno = 0;
    unsigned long long v = strtoull(s, &end, s[0] == '0' && (s[1] | 0x20) == 'x' ? 16 : 10);
    if (*end || errno)
        return false;
    *n = v;
    return true;
}

bool text_seconds(const char *s, uint64_t *ns)
{
    char *end;
    double v = strtod(s, &end);

    if (end == s || *end || !(v >= 0 && v <= 1e9))
        return false;
    *ns = (uint64_t)(v * 1e9);
    return true;
}
