/* SPDX-License-Identifier: MIT */
#include "frontend/expr.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH 32      /* of parentheses and signs */
#define MAX_COUNT 65536u  /* of `x` */

struct parser {
    const char *p;
    expr_reg *reg;
    void *to;
    char *why;
    size_t size;
    unsigned depth;
    bool failed;
};

static uint64_t fail(struct parser *e, const char *why)
{
    if (!e->failed)
        snprintf(e->why, e->size, "%s", why);
    e->failed = true;
    return 0;
}

static void blanks(struct parser *e)
{
    while (isspace((unsigned char)*e->p))
        e->p++;
}

static uint64_t binary(struct parser *e, unsigned level);

static uint64_t unary(struct parser *e)
{
    char name[32], *end;
    size_t n = 0;
    uint64_t v;

    blanks(e);
    if (e->depth == MAX_DEPTH)
        return fail(e, "too deep");
    switch (*e->p) {
    case '-':
    case '+':
    case '~': {
        char op = *e->p++;
        e->depth++;
        v = unary(e);
        e->depth--;
        return op == '-' ? 0 - v : op == '~' ? ~v : v;
    }
    case '(':
        e->p++;
        e->depth++;
        v = binary(e, 0);
        e->depth--;
        blanks(e);
        if (*e->p != ')')
            return fail(e, "\")\" is missing");
        e->p++;
        return v;
    case '$':
        for (e->p++; isalnum((unsigned char)*e->p) || *e->p == '_'; e->p++)
            if (n < sizeof name - 1)
                name[n++] = *e->p;
        name[n] = 0;
        if (!e->reg || !e->reg(e->to, name, &v)) {
            if (!e->failed)
                snprintf(e->why, e->size, "no register $%s", name);
            e->failed = true;
            return 0;
        }
        return v;
    default:
        if (!isdigit((unsigned char)*e->p))
            return fail(e, *e->p ? "not a number, register or \"(\"" : "a value is missing");
        v = strtoull(e->p, &end, e->p[0] == '0' && (e->p[1] | 0x20) == 'x' ? 16 : 10);
        if (isalnum((unsigned char)*end))
            return fail(e, "not a number (hexadecimal ones start with 0x)");
        e->p = end;
        return v;
    }
}

/* Weakest first. */
static const char *const levels[] = { "|", "^", "&", "<>", "+-", "*/%" };
#define NUM_LEVELS (sizeof levels / sizeof levels[0])

static uint64_t apply(struct parser *e, char op, uint64_t a, uint64_t b)
{
    switch (op) {
    case '|': return a | b;
    case '^': return a ^ b;
    case '&': return a & b;
    case '<': return b < 64 ? a << b : 0;
    case '>': return b < 64 ? a >> b : 0;
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    default:
        if (!b)
            return fail(e, "division by zero");
        return op == '/' ? a / b : a % b;
    }
}

static uint64_t binary(struct parser *e, unsigned level)
{
    if (level == NUM_LEVELS)
        return unary(e);
    uint64_t v = binary(e, level + 1);
    for (;;) {
        blanks(e);
        char op = *e->p;
        if (!op || e->failed || !strchr(levels[level], op))
            return v;
        if ((op == '<' || op == '>') && *++e->p != op)
            return fail(e, "use << or >>");
        e->p++;
        v = apply(e, op, v, binary(e, level + 1));
    }
}

bool expr_eval(const char *text, expr_reg *reg, void *to, uint64_t *value, char *why, size_t size)
{
    struct parser e = { text, reg, to, why, size, 0, false };

    *value = binary(&e, 0);
    if (!e.failed && *e.p)
        fail(&e, "something follows the expression");
    return !e.failed;
}

bool mem_format_parse(const char **p, struct mem_format *f, char *why, size_t why_size)
{
    const char *s = *p;

    if (*s != '/')
        return true;
    s++;
    if (isdigit((unsigned char)*s)) {
        char *end;
        unsigned long n = strtoul(s, &end, 10);
        if (!n || n > MAX_COUNT) {
            snprintf(why, why_size, "the count must be 1 to %u", MAX_COUNT);
            return false;
        }
        f->count = (unsigned)n;
        s = end;
    }
    for (; *s && !isspace((unsigned char)*s); s++) {
        switch (*s) {
        case 'x': case 'd': case 'u': case 'o': case 'c': case 'i': case 's':
            f->format = *s;
            break;
        case 'b': f->size = 1; break;
        case 'h': f->size = 2; break;
        case 'w': f->size = 4; break;
        case 'g': f->size = 8; break;
        default:
            snprintf(why, why_size, "format: a count, one of xduocis, one of bhwg");
            return false;
        }
    }
    *p = s;
    return true;
}

static int64_t sign_extend(uint64_t v, unsigned size)
{
    unsigned shift = 64 - 8 * size;

    return (int64_t)(v << shift) >> shift;
}

int mem_format_value(char *to, size_t size, const struct mem_format *f, uint64_t v)
{
    if (f->size < 8)
        v &= (1ull << 8 * f->size) - 1;
    switch (f->format) {
    case 'd': return snprintf(to, size, "%lld", (long long)sign_extend(v, f->size));
    case 'u': return snprintf(to, size, "%llu", (unsigned long long)v);
    case 'o': return snprintf(to, size, "0%llo", (unsigned long long)v);
    case 'c': {
        unsigned char c = (unsigned char)v;
        if (c == '\'' || c == '\\')
            return snprintf(to, size, "'\\%c'", c);
        if (c >= ' ' && c < 0x7f)
            return snprintf(to, size, "'%c'", c);
        return snprintf(to, size, "'\\x%02x'", c);
    }
    default: return snprintf(to, size, "0x%0*llx", (int)f->size * 2, (unsigned long long)v);
    }
}
