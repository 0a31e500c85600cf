/* SPDX-License-Identifier: MIT */
/* See chardev.h. */
#include "frontend/chardev.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool refuse(char *why, size_t size, const char *fmt, ...)
{
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(why, size, fmt, ap);
    va_end(ap);
    return false;
}

const char *chardev_value(const char *text, const char *key, size_t *len)
{
    size_t n = strlen(key);

    for (const char *p = strchr(text, ','); p; p = strchr(p + 1, ','))
        if (!strncmp(p + 1, key, n) && p[1 + n] == '=') {
            *len = strcspn(p + n + 2, ",");
            return p + n + 2;
        }
    return NULL;
}

/* What the properties of one -chardev say. */
struct props {
    char kind[16], id[32], path[400], input[400], host[100], port[12];
    bool server, wait, append, mux;
};

static bool put(char *to, size_t size, const char *key, const char *v, char *why, size_t why_size)
{
    if ((size_t)snprintf(to, size, "%s", v) < size)
        return true;
    return refuse(why, why_size, "%s= is too long", key);
}

static bool flag(const char *key, const char *v, bool *on, char *why, size_t size)
{
    *on = !strcmp(v, "on") || !strcmp(v, "yes");
    return *on || !strcmp(v, "off") || !strcmp(v, "no") ||
           refuse(why, size, "%s=%s: use on or off", key, v);
}

static bool set_prop(struct props *p, const char *key, const char *v, char *why, size_t size)
{
    bool ignored;

    if (!strcmp(key, "id"))
        return put(p->id, sizeof p->id, key, v, why, size);
    if (!strcmp(key, "path"))
        return put(p->path, sizeof p->path, key, v, why, size);
    if (!strcmp(key, "input-path"))
        return put(p->input, sizeof p->input, key, v, why, size);
    if (!strcmp(key, "host"))
        return put(p->host, sizeof p->host, key, v, why, size);
    if (!strcmp(key, "port"))
        return put(p->port, sizeof p->port, key, v, why, size);
    if (!strcmp(key, "server"))
        return flag(key, v, &p->server, why, size);
    if (!strcmp(key, "wait"))
        return flag(key, v, &p->wait, why, size);
    if (!strcmp(key, "append"))
        return flag(key, v, &p->append, why, size);
    if (!strcmp(key, "mux"))
        return flag(key, v, &p->mux, why, size);
    if (!strcmp(key, "signal") || !strcmp(key, "nodelay") || !strcmp(key, "delay"))
        return flag(key, v, &ignored, why, size);
    return refuse(why, size, "unknown property %s", key);
}

/* "kind,key=value,key,nokey"; a comma in a value is written twice. */
static bool read_props(struct props *p, const char *text, char *why, size_t size)
{
    char item[512];
    bool first = true;

    *p = (struct props){ .wait = true };
    while (*text) {
        size_t n = 0;
        while (*text && (*text != ',' || text[1] == ',')) {
            text += *text == ',';
            if (n + 1 == sizeof item)
                return refuse(why, size, "a property is too long");
            item[n++] = *text++;
        }
        item[n] = 0;
        text += *text == ',';
        char *eq = strchr(item, '=');
        if (eq)
            *eq = 0;
        if (first && !eq) {
            if (!put(p->kind, sizeof p->kind, "backend", item, why, size))
                return false;
        } else if (first && !strcmp(item, "backend")) {
            if (!put(p->kind, sizeof p->kind, item, eq + 1, why, size))
                return false;
        } else if (eq ? !set_prop(p, item, eq + 1, why, size)
                   : !strncmp(item, "no", 2) && strcmp(item, "nodelay")
                       ? !set_prop(p, item + 2, "off", why, size)
                       : !set_prop(p, item, "on", why, size)) {
            return false;
        }
        first = false;
    }
    return true;
}

static bool needs(const char *what, const char *v, const char *kind, char *why, size_t size)
{
    return *v || refuse(why, size, "%s needs %s=", kind, what);
}

static bool make_spec(struct chardev_opt *d, const struct props *p, char *why, size_t size)
{
    const char *k = p->kind, *server = !p->server ? "" : p->wait ? ",server" : ",server,nowait";
    int n;

    if (!strcmp(k, "null") || !strcmp(k, "stdio") || !strcmp(k, "pty")) {
        n = snprintf(d->spec, sizeof d->spec, "%s", k);
    } else if (!strcmp(k, "file")) {
        if (!needs("path", p->path, k, why, size))
            return false;
        n = snprintf(d->spec, sizeof d->spec, "file:%s%s%s%s", p->path,
                     p->append ? ",append=on" : "", *p->input ? ",input-path=" : "", p->input);
    } else if (!strcmp(k, "pipe")) {
        if (!needs("path", p->path, k, why, size))
            return false;
        n = snprintf(d->spec, sizeof d->spec, "pipe:%s", p->path);
    } else if (!strcmp(k, "socket") && *p->path) {
        if (strchr(p->path, ','))
            return refuse(why, size, "a socket's path cannot have a comma here");
        n = snprintf(d->spec, sizeof d->spec, "unix:%s%s", p->path, server);
    } else if (!strcmp(k, "socket")) {
        if (!needs("path= or port", p->port, k, why, size))
            return false;
        n = snprintf(d->spec, sizeof d->spec, "tcp:%s:%s%s", p->host, p->port, server);
    } else {
        return refuse(why, size, "there is no backend \"%s\"; known are null, stdio, pty, file, "
                      "pipe, socket", k);
    }
    return (size_t)n < sizeof d->spec || refuse(why, size, "it is too long");
}

bool chardev_parse(struct chardev_opts *c, const char *text, char *why, size_t size)
{
    struct props p;

    if (!read_props(&p, text, why, size))
        return false;
    if (!*p.id)
        return refuse(why, size, "id= is missing");
    for (unsigned k = 0; k < c->n; k++)
        if (!strcmp(c->dev[k].id, p.id))
            return refuse(why, size, "there is a chardev %s already", p.id);
    if (c->n == CHARDEV_MAX)
        return refuse(why, size, "at most %d", CHARDEV_MAX);
    struct chardev_opt *d = &c->dev[c->n];
    *d = (struct chardev_opt){ .mux = p.mux };
    memcpy(d->id, p.id, sizeof d->id);
    if (!make_spec(d, &p, why, size))
        return false;
    c->n++;
    return true;
}

bool chardev_resolve(struct chardev_opts *c, const char **spec, char *why, size_t size)
{
    if (!*spec || strncmp(*spec, "chardev:", 8))
        return true;
    for (unsigned k = 0; k < c->n; k++) {
        struct chardev_opt *d = &c->dev[k];
        if (strcmp(d->id, *spec + 8))
            continue;
        if (d->users++ && !(d->mux && !strcmp(d->spec, "stdio")))
            return refuse(why, size, "chardev %s is in use twice", d->id);
        *spec = d->spec;
        return true;
    }
    return refuse(why, size, "%s: there is no -chardev with this id", *spec);
}
