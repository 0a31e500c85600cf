/* SPDX-License-Identifier: MIT */
/* Character backends on TCP and local sockets, as client and as server of one client at a time. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/strbuf.h"
#include "core/xalloc.h"
#include "host/chr_int.h"
#include "host/os.h"

struct sock_opts {
    char *address;  /* "HOST:PORT" or a path */
    bool tcp, server, wait;
};

static bool parse(const char *spec, struct sock_opts *so, struct err *e)
{
    *so = (struct sock_opts){ .tcp = !strncmp(spec, "tcp:", 4), .wait = true };
    const char *rest = strchr(spec, ':') + 1, *comma = strchr(rest, ',');
    size_t n = comma ? (size_t)(comma - rest) : strlen(rest);

    while (comma) {
        const char *opt = comma + 1;
        comma = strchr(opt, ',');
        size_t len = comma ? (size_t)(comma - opt) : strlen(opt);
#define IS(word) (len == strlen(word) && !strncmp(opt, word, len))
        if (IS("server") || IS("server=on"))
            so->server = true;
        else if (IS("nowait") || IS("wait=off"))
            so->wait = false;
        else if (!(IS("server=off") || IS("wait=on") || IS("wait") || IS("nodelay") ||
                   IS("nodelay=on")))
            return err_set(e, ERR_CONFIG, "%s: unknown option \"%.*s\"; known are server, nowait",
                           spec, (int)len, opt);
#undef IS
    }
    if (!n)
        return err_set(e, ERR_CONFIG, "%s: the address is missing", spec);
    so->address = xcalloc(n + 1, 1);
    memcpy(so->address, rest, n);
    return true;
}

/* ---- addresses ---- */

/* getaddrinfo() takes a port modulo 65536 and any text as a service's name; we take numbers. */
static bool good_port(const struct sock_opts *so, const char *text, struct err *e)
{
    size_t digits = strspn(text, "0123456789");
    unsigned long port = digits && digits < 10 ? strtoul(text, NULL, 10) : 0;

    if (!text[digits] && port >= 1 && port <= 65535)
        return true;
    return err_set(e, ERR_CONFIG, "tcp:%s: \"%s\" is no port; use a number from 1 to 65535",
                   so->address, text);
}

/* A listening or connected socket, or -1. */
static int open_inet(const struct sock_opts *so, struct err *e)
{
    char *host = xstrdup(so->address), *colon = strrchr(host, ':');
    struct addrinfo hint = { .ai_socktype = SOCK_STREAM, .ai_family = AF_UNSPEC }, *list = NULL;
    int fd = -1, one = 1, error = 0;

    if (!colon || !colon[1]) {
        err_set(e, ERR_CONFIG, "tcp:%s: HOST:PORT is wanted, for example tcp:127.0.0.1:4444",
                so->address);
        xfree(host);
        return -1;
    }
    if (!good_port(so, colon + 1, e)) {
        xfree(host);
        return -1;
    }
    *colon = 0;
    char *name = host;
    if (*name == '[' && colon > host && colon[-1] == ']') { /* [::1]:PORT */
        name++;
        colon[-1] = 0;
    }
    /* Without a name, this machine only: a guest's console is no service for the network. */
    int failed = getaddrinfo(*name ? name : "127.0.0.1", colon + 1, &hint, &list);
    if (failed) {
        err_set(e, ERR_RESOURCE, "tcp:%s: %s", so->address, gai_strerror(failed));
        xfree(host);
        return -1;
    }
    for (struct addrinfo *a = list; a && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd < 0) {
            error = errno;
            continue;
        }
        if (so->server)
            setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
        bool ok = so->server ? !bind(fd, a->ai_addr, a->ai_addrlen) && !listen(fd, 1)
                             : !connect(fd, a->ai_addr, a->ai_addrlen);
        if (!ok) {
            error = errno;
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(list);
    xfree(host);
    if (fd < 0)
        err_set(e, ERR_RESOURCE, "tcp:%s: cannot %s: %s", so->address,
                so->server ? "listen there" : "connect", strerror(error));
    return fd;
}

static int open_unix(const struct sock_opts *so, struct err *e)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };
    size_t n = strlen(so->address);

    if (n >= sizeof(sa.sun_path)) {
        err_set(e, ERR_CONFIG, "unix:%s: longer than %zu characters", so->address,
                sizeof(sa.sun_path) - 1);
        return -1;
    }
    memcpy(sa.sun_path, so->address, n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        err_set(e, ERR_RESOURCE, "unix:%s: %s", so->address, strerror(errno));
        return -1;
    }
    if (so->server) {
        /* A socket that nobody listens at is what an earlier run left. */
        struct stat st;
        if (!lstat(so->address, &st) && S_ISSOCK(st.st_mode) &&
            connect(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 && errno == ECONNREFUSED)
            unlink(so->address);
        close(fd);
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (fd >= 0 && !bind(fd, (struct sockaddr *)&sa, sizeof(sa)) && !listen(fd, 1))
            return fd;
    } else if (!connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
        return fd;
    }
    err_set(e, ERR_RESOURCE, "unix:%s: cannot %s: %s", so->address,
            so->server ? "listen there" : "connect", strerror(errno));
    os_close(fd);
    return -1;
}

/* ---- connections ---- */

static void take_client(struct chr *s, int fd)
{
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one)); /* keys must not wait */
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    if (s->accept_watch)
        loop_set_events(s->accept_watch, 0); /* one at a time */
    chr_attach(s, fd, fd);
}

static void on_client(void *arg, int events)
{
    struct chr *s = arg;
    (void)events;
    int fd = accept4(s->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0)
        take_client(s, fd);
}

struct chardev *chr_socket(const char *spec, const struct chr_opts *o, struct err *e)
{
    struct sock_opts so;
    if (!parse(spec, &so, e))
        return NULL;
    int fd = so.tcp ? open_inet(&so, e) : open_unix(&so, e);
    if (fd < 0) {
        xfree(so.address);
        return NULL;
    }
    struct chr *s = chr_new(o);
    s->socket = true;
    if (!so.server) {
        xfree(so.address);
        take_client(s, fd);
        return &s->c;
    }
    s->listener = fd;
    s->c.unplugged = true;
    if (so.tcp)
        xfree(so.address);
    else
        s->unlink_path = so.address;
    int client = -1;
    if (so.wait) {
        chr_note(o, "waiting for a connection to %s", spec);
        do
            client = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
        while (client < 0 && errno == EINTR);
    }
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); /* a client may leave before accept() */
    s->accept_watch = loop_watch(o->loop, fd, LOOP_READ, on_client, s);
    if (client >= 0)
        take_client(s, client);
    return &s->c;
}
