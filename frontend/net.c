/* SPDX-License-Identifier: MIT */
#include "frontend/net.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "frontend/text.h"

static int fail(int fd, char *why, size_t size, const char *what)
{
    snprintf(why, size, "%s: %s", what, strerror(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

static int listen_tcp(const char *spec, char *why, size_t size)
{
    const char *colon = strrchr(spec, ':');
    size_t host_len = colon ? (size_t)(colon - spec) : 0;
    char host[64];
    uint64_t port;
    int on = 1;

    if (!colon || host_len >= sizeof host) {
        snprintf(why, size, "use tcp:127.0.0.1:PORT");
        return -1;
    }
    if (!text_number(colon + 1, &port) || !port || port > 65535) {
        snprintf(why, size, "\"%s\" is no port; use a number from 1 to 65535", colon + 1);
        return -1;
    }
    memcpy(host, spec, host_len);
    host[host_len] = 0;
    bool six = !strcmp(host, "::1") || !strcmp(host, "[::1]");
    if (!six && *host && strcmp(host, "localhost") && strcmp(host, "127.0.0.1")) {
        snprintf(why, size, "only this machine may connect: use 127.0.0.1, and ssh -L from afar");
        return -1;
    }
    int fd = socket(six ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(fd, why, size, "socket");
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    struct sockaddr_in in4 = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port),
                               .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port),
                                .sin6_addr = IN6ADDR_LOOPBACK_INIT };
    int rc = six ? bind(fd, (struct sockaddr *)&in6, sizeof in6)
                 : bind(fd, (struct sockaddr *)&in4, sizeof in4);
    if (rc < 0)
        return fail(fd, why, size, "port in use or forbidden");
    return fd;
}

/* A socket file that nobody listens at any more is in the way; everything else stays. */
static void remove_dead(const struct sockaddr_un *sa)
{
    struct stat st;

    if (lstat(sa->sun_path, &st) < 0 || !S_ISSOCK(st.st_mode))
        return;
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return;
    if (connect(fd, (const struct sockaddr *)sa, sizeof *sa) < 0 && errno == ECONNREFUSED)
        unlink(sa->sun_path);
    close(fd);
}

static int listen_unix(const char *name, char **path, char *why, size_t size)
{
    struct sockaddr_un sa = { .sun_family = AF_UNIX };

    if (!*name || strlen(name) >= sizeof sa.sun_path) {
        snprintf(why, size, "the path must have 1 to %zu characters", sizeof sa.sun_path - 1);
        return -1;
    }
    strcpy(sa.sun_path, name);
    remove_dead(&sa);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(fd, why, size, "socket");
    /* Before bind(): the file is made with what the socket allows. */
    fchmod(fd, 0600);
    if (bind(fd, (struct sockaddr *)&sa, sizeof sa) < 0)
        return fail(fd, why, size, name);
    *path = front_strdup(name);
    return fd;
}

/* QEMU's words for what is so anyway: we listen, and wait for nobody. */
static bool check_props(const char *p, char *why, size_t size)
{
    static const char *const known[] = { "server", "server=on", "server=yes", "nowait", "wait=off",
                                         "wait=no", "wait", "wait=on", "nodelay", "nodelay=on",
                                         "ipv4", "ipv4=on", "ipv6", "ipv6=on", "telnet=off" };

    while (*p == ',') {
        size_t n = strcspn(++p, ","), k = 0;
        while (k < sizeof known / sizeof known[0] &&
               (strlen(known[k]) != n || strncmp(known[k], p, n)))
            k++;
        if (k == sizeof known / sizeof known[0]) {
            snprintf(why, size, "\"%.*s\" is not known here; leave it out",
                     (int)(n > 60 ? 60 : n), p);
            return false;
        }
        p += n;
    }
    return true;
}

int net_listen(const char *spec, char **path, char *why, size_t size)
{
    char text[256];
    int fd;

    *path = NULL;
    if ((size_t)snprintf(text, sizeof text, "%s", spec) >= sizeof text) {
        snprintf(why, size, "too long");
        return -1;
    }
    text[strcspn(text, ",")] = 0;
    const char *props = strchr(spec, ',');
    if (props && !check_props(props, why, size))
        return -1;
    if (!strncmp(text, "tcp:", 4) || !strncmp(text, "telnet:", 7)) {
        fd = listen_tcp(strchr(text, ':') + 1, why, size);
    } else if (!strncmp(text, "unix:", 5)) {
        fd = listen_unix(text + 5, path, why, size);
    } else {
        snprintf(why, size, "use tcp:127.0.0.1:PORT or unix:PATH");
        return -1;
    }
    if (fd >= 0 && listen(fd, 1) < 0)
        return fail(fd, why, size, "listen");
    return fd;
}

int net_accept(int fd, int stop_fd)
{
    for (;;) {
        struct pollfd pf[2] = { { fd, POLLIN, 0 }, { stop_fd, POLLIN, 0 } };
        if (poll(pf, 2, -1) < 0 && errno != EINTR)
            return -1;
        if (pf[1].revents)
            return -1;
        if (!(pf[0].revents & POLLIN))
            continue;
        int c = accept(fd, NULL, NULL), on = 1;
        if (c < 0)
            continue;
        fcntl(c, F_SETFD, FD_CLOEXEC);
        fcntl(c, F_SETFL, fcntl(c, F_GETFL) | O_NONBLOCK);
        setsockopt(c, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on); /* fails for unix sockets */
        return c;
    }
}
