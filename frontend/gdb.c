/* SPDX-License-Identifier: MIT */
/* One thread: reads packets, asks the machine through nb_call(), answers. While the guest runs it
 * waits for the machine thread's note that it has stopped, or for gdb's Ctrl-C.
 *
 * Addresses are linear. Attaching stops the machine; a lost connection removes all breakpoints and
 * lets it go on, so that a crashed debugger does not leave a dead guest. */
#include "frontend/gdb.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/front.h"
#include "frontend/gdb_packet.h"
#include "frontend/gdb_regs.h"
#include "frontend/monitor.h"
#include "frontend/net.h"

#define MAX_POINTS 64
#define TARGET_SIGINT 2
#define TARGET_SIGTRAP 5

struct point {
    char kind; /* '0' software, '1' hardware, '2' write, '3' read, '4' access */
    uint32_t addr, len;
};

struct gdb {
    struct front *f;
    int listen_fd, client;
    char *path;
    int note[2];             /* the machine thread writes an enum nb_stop */
    struct gdb_in in;
    struct text out, last;   /* to be sent; the last packet, for "-" */
    bool no_ack, running, attached, gone;
    bool interrupted;        /* we asked for the pause that is coming */
    enum nb_stop why;        /* of the last stop */
    struct point point[MAX_POINTS];
    unsigned num_points;
    const char *pkt;         /* being served */
    size_t pkt_len;
    bool fresh_break;        /* stopped at a breakpoint that the CPU has reported already */
};

struct gdb *gdb_new(struct front *f, const char *spec, char *why, size_t size)
{
    char *path;
    int note[2], fd = net_listen(spec, &path, why, size);

    if (fd < 0)
        return NULL;
    if (pipe(note) < 0) {
        snprintf(why, size, "pipe: %s", strerror(errno));
        close(fd);
        free(path);
        return NULL;
    }
    for (int k = 0; k < 2; k++)
        fcntl(note[k], F_SETFL, O_NONBLOCK);
    struct gdb *g = front_alloc(sizeof *g);
    g->f = f;
    g->listen_fd = fd;
    g->client = -1;
    g->path = path;
    g->note[0] = note[0];
    g->note[1] = note[1];
    return g;
}

void gdb_free(struct gdb *g)
{
    if (!g)
        return;
    close(g->listen_fd);
    close(g->note[0]);
    close(g->note[1]);
    if (g->path)
        unlink(g->path);
    free(g->path);
    text_free(&g->out);
    text_free(&g->last);
    free(g);
}

void gdb_stopped(struct gdb *g, enum nb_stop why)
{
    uint8_t b = (uint8_t)why;

    /* A full pipe is full of notes that nobody has read: one more says nothing new. */
    while (write(g->note[1], &b, 1) < 0 && errno == EINTR)
        ;
}

/* ---- answers */

static void send_packet(struct gdb *g, const char *payload, size_t len)
{
    text_free(&g->last);
    gdb_frame(&g->last, payload, len);
    text_addn(&g->out, g->last.s, g->last.len);
}

static void reply(struct gdb *g, const char *s)
{
    send_packet(g, s, strlen(s));
}

/* [machine] */
static uint32_t linear_pc(struct nb_machine *m)
{
    uint8_t eip[4] = { 0 }, base[4] = { 0 };
    uint32_t v = 0;

    nb_reg_get(m, "eip", eip, 4);
    nb_reg_get(m, "cs_base", base, 4);
    for (int k = 0; k < 4; k++)
        v += (uint32_t)(eip[k] + base[k]) << 8 * k;
    return v;
}

static struct point *point_at(struct gdb *g, uint32_t addr)
{
    for (unsigned k = 0; k < g->num_points; k++)
        if (g->point[k].addr == addr && g->point[k].kind <= '1')
            return &g->point[k];
    return NULL;
}

static void stop_reply(struct gdb *g)
{
    struct nb_machine *m = g->f->m;
    struct text t = { 0 };
    struct point *p = NULL;
    uint32_t addr;

    switch (g->why) {
    case NB_BREAK:
        p = point_at(g, linear_pc(m));
        text_addf(&t, "T%02xthread:01;%s", TARGET_SIGTRAP,
                  !p ? "" : p->kind == '0' ? "swbreak:;" : "hwbreak:;");
        break;
    case NB_WATCH:
        addr = nb_watch_addr(m);
        for (unsigned k = 0; k < g->num_points; k++)
            if (g->point[k].kind >= '2' && addr - g->point[k].addr < g->point[k].len)
                p = &g->point[k];
        text_addf(&t, "T%02xthread:01;%s:%x;", TARGET_SIGTRAP,
                  p && p->kind == '3' ? "rwatch" : p && p->kind == '4' ? "awatch" : "watch", addr);
        break;
    case NB_PAUSED:
    case NB_IO_ERROR:
        text_addf(&t, "T%02xthread:01;", g->interrupted ? TARGET_SIGINT : TARGET_SIGTRAP);
        break;
    case NB_SHUTDOWN:
        text_add(&t, "W03");
        break;
    case NB_EXIT:
        text_addf(&t, "W%02x", nb_exit_code(m) & 0xff);
        break;
    default:
        text_add(&t, "W00");
    }
    g->interrupted = false;
    reply(g, text_str(&t));
    text_free(&t);
}

/* ---- commands; all of them run on the machine thread while the guest is stopped */

static void cmd_read_regs(struct gdb *g)
{
    struct text t = { 0 };

    for (unsigned n = 0; n < gdb_num_g_regs(); n++) {
        uint8_t b[16];
        gdb_reg_read(g->f->m, n, b);
        gdb_hex(&t, b, gdb_reg_size(n));
    }
    reply(g, text_str(&t));
    text_free(&t);
}

static void cmd_write_regs(struct gdb *g)
{
    uint8_t b[1024];
    size_t n, at = 0;

    if (!gdb_unhex(g->pkt + 1, g->pkt_len - 1, b, sizeof b, &n)) {
        reply(g, "E01");
        return;
    }
    for (unsigned k = 0; k < gdb_num_g_regs() && at + gdb_reg_size(k) <= n; k++) {
        gdb_reg_write(g->f->m, k, b + at);
        at += gdb_reg_size(k);
    }
    reply(g, "OK");
}

static void cmd_reg(struct gdb *g)
{
    const char *p = g->pkt + 1;
    struct text t = { 0 };
    uint8_t b[16];
    uint64_t n;
    size_t len;

    if (!gdb_number(&p, &n) || n >= gdb_num_regs()) {
        reply(g, "E01");
    } else if (*g->pkt == 'p') {
        gdb_reg_read(g->f->m, (unsigned)n, b);
        gdb_hex(&t, b, gdb_reg_size((unsigned)n));
        reply(g, text_str(&t));
        text_free(&t);
    } else if (*p != '=' || !gdb_unhex(p + 1, strlen(p + 1), b, sizeof b, &len) ||
               len != gdb_reg_size((unsigned)n) || !gdb_reg_write(g->f->m, (unsigned)n, b)) {
        reply(g, "E01");
    } else {
        reply(g, "OK");
    }
}

static bool addr_len(const char **p, uint32_t *addr, uint32_t *len)
{
    uint64_t a, n;

    if (!gdb_number(p, &a) || **p != ',')
        return false;
    (*p)++;
    if (!gdb_number(p, &n) || n > GDB_PACKET_MAX)
        return false;
    *addr = (uint32_t)a;
    *len = (uint32_t)n;
    return true;
}

static void cmd_read_mem(struct gdb *g)
{
    const char *p = g->pkt + 1;
    uint8_t b[GDB_PACKET_MAX / 2];
    struct text t = { 0 };
    uint32_t addr, len;

    if (!addr_len(&p, &addr, &len)) {
        reply(g, "E01");
        return;
    }
    if (len > sizeof b)
        len = sizeof b; /* gdb asks for the rest */
    size_t n = nb_mem_read(g->f->m, false, addr, b, len);
    if (!n && len) {
        reply(g, "E14"); /* EFAULT */
        return;
    }
    gdb_hex(&t, b, n);
    reply(g, text_str(&t));
    text_free(&t);
}

static void cmd_write_mem(struct gdb *g)
{
    const char *p = g->pkt + 1, *data;
    uint8_t b[GDB_PACKET_MAX];
    uint32_t addr, len;
    size_t n;

    if (!addr_len(&p, &addr, &len) || *p++ != ':') {
        reply(g, "E01");
        return;
    }
    data = p;
    n = g->pkt_len - (size_t)(p - g->pkt);
    if (*g->pkt == 'M') {
        if (!gdb_unhex(p, n, b, sizeof b, &n)) {
            reply(g, "E01");
            return;
        }
        data = (const char *)b;
    }
    if (n != len)
        reply(g, "E01");
    else
        reply(g, nb_mem_write(g->f->m, false, addr, data, len) == len ? "OK" : "E14");
}

static bool set_point(struct gdb *g, const struct point *p, bool on)
{
    static const int kinds[] = { NB_WATCH_WRITE, NB_WATCH_READ, NB_WATCH_RW };

    if (p->kind <= '1')
        return nb_break_set(g->f->m, p->addr, on);
    return nb_watch_set(g->f->m, p->addr, p->len, kinds[p->kind - '2'], on);
}

static void cmd_point(struct gdb *g)
{
    bool on = *g->pkt == 'Z';
    struct point pt = { .kind = g->pkt_len > 1 ? g->pkt[1] : 0 };
    const char *p = g->pkt + 3;

    if (pt.kind < '0' || pt.kind > '4') {
        reply(g, "");
        return;
    }
    if (g->pkt_len < 4 || g->pkt[2] != ',' || !addr_len(&p, &pt.addr, &pt.len) || !pt.len) {
        reply(g, "E01");
        return;
    }
    for (unsigned k = 0; k < g->num_points; k++) {
        struct point *q = &g->point[k];
        if (q->kind != pt.kind || q->addr != pt.addr || q->len != pt.len)
            continue;
        if (!on) {
            set_point(g, q, false);
            *q = g->point[--g->num_points];
        }
        reply(g, "OK");
        return;
    }
    /* The same place twice, under two kinds, is one breakpoint of the machine's. */
    if (on && (g->num_points == MAX_POINTS || !set_point(g, &pt, true))) {
        reply(g, "E22");
        return;
    }
    if (on)
        g->point[g->num_points++] = pt;
    reply(g, "OK");
}

static void remove_points(void *arg)
{
    struct gdb *g = arg;

    while (g->num_points)
        set_point(g, &g->point[--g->num_points], false);
}

static bool terminal(enum nb_stop why)
{
    return why == NB_POWER_OFF || why == NB_RESET || why == NB_EXIT || why == NB_SHUTDOWN;
}

/* Notes of stops before this one, such as the pause that follows a breakpoint, are old news. */
static void forget_notes(struct gdb *g)
{
    uint8_t b[64];

    while (read(g->note[0], b, sizeof b) > 0)
        ;
}

static void go(struct gdb *g)
{
    /* The machine leaves a breakpoint behind that it has reported; one that a step or a new PC has
     * led to is ours to leave. */
    if (!g->fresh_break && point_at(g, linear_pc(g->f->m))) {
        enum nb_stop why = nb_step(g->f->m);
        if (why == NB_WATCH) {
            g->why = why;
            stop_reply(g);
            return;
        }
        if (terminal(why)) {
            forget_notes(g);
            g->running = true;
            front_end(g->f, why);
            return;
        }
    }
    g->fresh_break = false;
    forget_notes(g);
    g->running = true;
    nb_cont(g->f->m);
}

static void step(struct gdb *g)
{
    g->fresh_break = false;
    g->why = nb_step(g->f->m);
    if (terminal(g->why)) {
        forget_notes(g);
        g->running = true; /* the answer is the end's */
        front_end(g->f, g->why);
        return;
    }
    stop_reply(g);
}

static void cmd_resume(struct gdb *g)
{
    char how = *g->pkt;
    const char *p = g->pkt + 1;
    uint64_t v;

    if (how == 'C' || how == 'S') { /* a signal means nothing here */
        gdb_number(&p, &v);
        if (*p == ';')
            p++;
    }
    if (*p && gdb_number(&p, &v)) {
        uint8_t eip[4] = { (uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24) };
        nb_reg_set(g->f->m, "eip", eip, 4);
        g->fresh_break = false;
    }
    if (how == 'c' || how == 'C')
        go(g);
    else
        step(g);
}

static void cmd_v(struct gdb *g)
{
    const char *p = g->pkt;

    if (!strcmp(p, "vCont?")) {
        reply(g, "vCont;c;C;s;S");
    } else if (!strncmp(p, "vCont;", 6)) {
        /* There is one thread, so the first action is it. */
        switch (p[6]) {
        case 'c': case 'C': go(g); break;
        case 's': case 'S': step(g); break;
        default: reply(g, "E01");
        }
    } else if (!strncmp(p, "vKill", 5)) {
        reply(g, "OK");
        nb_quit(g->f->m);
    } else {
        reply(g, "");
    }
}

static void cmd_xfer(struct gdb *g, const char *p)
{
    struct text xml = { 0 }, t = { 0 };
    uint32_t off, len;

    if (strncmp(p, "target.xml:", 11)) {
        reply(g, "E00");
        return;
    }
    p += 11;
    if (!addr_len(&p, &off, &len)) {
        reply(g, "E01");
        return;
    }
    gdb_target_xml(&xml);
    size_t have = off < xml.len ? xml.len - off : 0;
    if (len > GDB_PACKET_MAX / 2)
        len = GDB_PACKET_MAX / 2; /* every byte may need an escape */
    text_addc(&t, have > len ? 'm' : 'l');
    if (have)
        text_addn(&t, xml.s + off, have > len ? len : have);
    send_packet(g, t.s, t.len);
    text_free(&xml);
    text_free(&t);
}

static void cmd_monitor(struct gdb *g, const char *hex)
{
    char line[1024];
    struct text out = { 0 }, t = { 0 };
    size_t n;

    if (!gdb_unhex(hex, strlen(hex), (uint8_t *)line, sizeof line - 1, &n)) {
        reply(g, "E01");
        return;
    }
    line[n] = 0;
    monitor_line(g->f, line, &out);
    for (size_t at = 0; at < out.len; at += 1024) {
        t.len = 0;
        text_addc(&t, 'O');
        gdb_hex(&t, (const uint8_t *)out.s + at, out.len - at < 1024 ? out.len - at : 1024);
        send_packet(g, t.s, t.len);
    }
    text_free(&out);
    text_free(&t);
    reply(g, "OK");
}

static void cmd_query(struct gdb *g)
{
    const char *p = g->pkt;
    char text[160];

    if (!strncmp(p, "qSupported", 10)) {
        snprintf(text, sizeof text, "PacketSize=%x;qXfer:features:read+;QStartNoAckMode+;"
                 "vContSupported+;swbreak+;hwbreak+", GDB_PACKET_MAX);
        reply(g, text);
    } else if (!strcmp(p, "QStartNoAckMode")) {
        reply(g, "OK");
        g->no_ack = true;
    } else if (!strncmp(p, "qXfer:features:read:", 20)) {
        cmd_xfer(g, p + 20);
    } else if (!strncmp(p, "qRcmd,", 6)) {
        cmd_monitor(g, p + 6);
    } else if (!strncmp(p, "qAttached", 9)) {
        reply(g, "1");
    } else if (!strcmp(p, "qC")) {
        reply(g, "QC01");
    } else if (!strcmp(p, "qfThreadInfo")) {
        reply(g, "m01");
    } else if (!strcmp(p, "qsThreadInfo")) {
        reply(g, "l");
    } else {
        reply(g, "");
    }
}

static void command(void *arg)
{
    struct gdb *g = arg;

    switch (*g->pkt) {
    case '?': stop_reply(g); break;
    case 'g': cmd_read_regs(g); break;
    case 'G': cmd_write_regs(g); break;
    case 'p': case 'P': cmd_reg(g); break;
    case 'm': cmd_read_mem(g); break;
    case 'M': case 'X': cmd_write_mem(g); break;
    case 'z': case 'Z': cmd_point(g); break;
    case 'c': case 'C': case 's': case 'S': cmd_resume(g); break;
    case 'v': cmd_v(g); break;
    case 'q': case 'Q': cmd_query(g); break;
    case 'H': case 'T': reply(g, "OK"); break;
    case 'D':
        remove_points(g);
        reply(g, "OK");
        g->attached = false;
        break;
    case 'k':
        g->gone = true;
        nb_quit(g->f->m);
        break;
    default: reply(g, "");
    }
}

/* ---- the connection */

static void attach_here(void *arg)
{
    struct gdb *g = arg;

    g->why = NB_PAUSED;
    g->fresh_break = false;
}

static void packet(struct gdb *g)
{
    g->pkt = g->in.data;
    g->pkt_len = g->in.len;
    if (g->running) /* only Ctrl-C makes sense now */
        return;
    if (!nb_call(g->f->m, command, g))
        g->gone = true;
}

static bool input(struct gdb *g)
{
    uint8_t buf[2048];
    ssize_t n = read(g->client, buf, sizeof buf);

    if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
        return false;
    for (ssize_t k = 0; k < n; k++) {
        bool ack = !g->no_ack;
        switch (gdb_feed(&g->in, buf[k])) {
        case GDB_NOTHING:
            break;
        case GDB_PACKET:
            if (ack)
                text_add(&g->out, "+");
            packet(g);
            break;
        case GDB_BROKEN:
            if (ack)
                text_add(&g->out, "-");
            break;
        case GDB_AGAIN:
            if (ack)
                text_addn(&g->out, text_str(&g->last), g->last.len);
            break;
        case GDB_INTERRUPT:
            if (g->running) {
                g->interrupted = true;
                nb_pause(g->f->m);
            }
            break;
        }
    }
    return true;
}

static void stop_reply_call(void *arg)
{
    struct gdb *g = arg;

    if (g->why == NB_BREAK || g->why == NB_WATCH)
        g->fresh_break = true;
    stop_reply(g);
}

/* The machine thread's note. A breakpoint's stop is followed by that of the pause it leads to. */
static void noted(struct gdb *g)
{
    uint8_t b;

    if (read(g->note[0], &b, 1) != 1 || !g->running)
        return;
    g->running = false;
    g->why = (enum nb_stop)b;
    nb_call(g->f->m, stop_reply_call, g);
}

static void serve(struct gdb *g)
{
    g->in.state = GDB_IDLE;
    g->no_ack = g->running = g->gone = g->interrupted = false;
    g->attached = true;
    g->out.len = 0;
    nb_pause(g->f->m);
    nb_call(g->f->m, attach_here, g);
    while (g->attached && !g->gone) {
        struct pollfd pf[3] = { { g->client, POLLIN, 0 }, { g->note[0], POLLIN, 0 },
                                { front_stop_fd(g->f), POLLIN, 0 } };
        if (poll(pf, 3, -1) < 0 && errno != EINTR)
            break;
        if (pf[1].revents)
            noted(g);
        else if (pf[2].revents)
            g->gone = true;
        if (pf[0].revents && !input(g))
            break;
        /* The last words are sent although the run is over. */
        if (!front_write(g->client, g->gone ? -1 : front_stop_fd(g->f), text_str(&g->out),
                         g->out.len))
            break;
        g->out.len = 0;
    }
    if (!atomic_load(&g->f->over)) {
        nb_call(g->f->m, remove_points, g);
        nb_cont(g->f->m);
    }
}

static void *gdb_thread(void *arg)
{
    struct gdb *g = arg;

    while ((g->client = net_accept(g->listen_fd, front_stop_fd(g->f))) >= 0) {
        serve(g);
        close(g->client);
    }
    return NULL;
}

bool gdb_start(struct gdb *g)
{
    return front_service(g->f, gdb_thread, g);
}
