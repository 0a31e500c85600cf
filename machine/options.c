/* SPDX-License-Identifier: MIT */
/* Option strings; see options.h. */
#include "machine/options.h"

#include "core/xalloc.h"

bool options_parse(struct options *o, const char *text, const char *first, struct err *e)
{
    size_t len = strlen(text);
    char *w;
    const char *r = text;

    memset(o, 0, sizeof *o);
    o->text = w = xcalloc(len + 2, 1);
    while (*r) {
        char *key = w, *eq = NULL;
        while (*r && (*r != ',' || r[1] == ',')) {
            if (*r == ',')
                r++;
            if (*r == '=' && !eq)
                eq = w;
            *w++ = *r++;
        }
        if (*r == ',')
            r++;
        *w++ = 0;
        if (o->n == OPTIONS_MAX) {
            options_free(o);
            return err_set(e, ERR_CONFIG, "more than %u properties", OPTIONS_MAX);
        }
        if (eq) {
            *eq = 0;
            o->key[o->n] = key;
            o->value[o->n] = eq + 1;
        } else if (o->n == 0 && first) {
            o->key[0] = first;
            o->value[0] = key;
        } else {
            bool no = !strncmp(key, "no", 2) && key[2];
            o->key[o->n] = no ? key + 2 : key;
            o->value[o->n] = no ? "off" : "on";
        }
        o->n++;
    }
    return true;
}

void options_free(struct options *o)
{
    xfree(o->text);
    o->text = NULL;
    o->n = 0;
}

bool options_number(const char *text, u64 *n)
{
    unsigned base = text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10;
    const char *p = base == 16 ? text + 2 : text;

    /* strtoull() would take signs and blanks, and a number that is too long. */
    *n = 0;
    if (!*p)
        return false;
    for (; *p; p++) {
        char lower = (char)(*p | 32);
        unsigned digit = *p >= '0' && *p <= '9' ? (unsigned)(*p - '0') :
                         lower >= 'a' && lower <= 'f' ? (unsigned)(lower - 'a') + 10 : 99;
        if (digit >= base || *n > (UINT64_MAX - digit) / base)
            return false;
        *n = *n * base + digit;
    }
    return true;
}

bool options_bool(const char *key, const char *v, bool *on, struct err *e)
{
    if (!strcmp(v, "on") || !strcmp(v, "yes") || !strcmp(v, "true"))
        *on = true;
    else if (!strcmp(v, "off") || !strcmp(v, "no") || !strcmp(v, "false"))
        *on = false;
    else
        return err_set(e, ERR_CONFIG, "%s=%s: use on or off", key, v);
    return true;
}
