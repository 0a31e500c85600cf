/* SPDX-License-Identifier: MIT */
/* Option strings; see options.h. */
#include "machine/options.h"

#include <stdlib.h>

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
        if (o->n == OPTIONS_MAX)
            return err_set(e, ERR_CONFIG, "more than %u properties", OPTIONS_MAX);
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
    char *end;

    if (*text < '0' || *text > '9')
        return false;
    *n = strtoull(text, &end, text[0] == '0' && (text[1] | 32) == 'x' ? 16 : 10);
    return end != text && !*end;
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
