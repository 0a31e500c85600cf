/* SPDX-License-Identifier: MIT */
/* A command is one row and one function, which runs between two instructions of the guest: what it
 * sees holds together. Answers are collected and written by the caller's thread, so that a slow
 * reader never holds up the machine. */
#include "frontend/monitor.h"

#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/expr.h"
#include "frontend/front.h"
#include "frontend/net.h"
#include "frontend/shot.h"

#define MAX_ARGS 8

struct call {
    struct front *f;
    struct nb_machine *m;
    struct text *out;
    const char *name;
    const char *rest;          /* the line behind the name */
    char fmt[32];              /* "/4xw" behind x, xp and print */
    unsigned argc;
    char *argv[MAX_ARGS];
};

static void complain(struct call *c, const char *fmt, const char *detail)
{
    text_addf(c->out, "%s: ", c->name);
    text_addf(c->out, fmt, detail);
    text_add(c->out, "\n");
}

static bool get_reg(void *call, const char *name, uint64_t *value)
{
    struct nb_machine *m = ((struct call *)call)->m;
    uint8_t b[16] = { 0 };
    uint64_t base;
    size_t n;

    if (!strcmp(name, "pc")) /* linear, as `x /i` wants it */
        return get_reg(call, "eip", value) && get_reg(call, "cs_base", &base) &&
               (*value = (uint32_t)(*value + base), true);
    if (!strcmp(name, "sp"))
        return get_reg(call, "esp", value) && get_reg(call, "ss_base", &base) &&
               (*value = (uint32_t)(*value + base), true);
    n = nb_reg_get(m, name, b, sizeof b);
    *value = 0;
    for (size_t k = 0; k < n && k < 8; k++)
        *value |= (uint64_t)b[k] << 8 * k;
    return n != 0;
}

static bool eval(struct call *c, const char *text, uint64_t *v)
{
    char why[100];

    if (expr_eval(text, get_reg, c, v, why, sizeof why))
        return true;
    complain(c, "%s", why);
    return false;
}

static bool number_arg(struct call *c, unsigned k, int64_t *v)
{
    char *end;

    *v = strtoll(c->argv[k], &end, 0);
    if (*c->argv[k] && !*end)
        return true;
    complain(c, "%s is not a number", c->argv[k]);
    return false;
}

/* ---- commands */

static void cmd_help(struct call *c);

static void cmd_info(struct call *c)
{
    const char *what = c->argc ? c->argv[0] : "help";
    char *text = nb_info(c->m, what);

    if (!text) {
        complain(c, "no such thing: %s (\"info help\" lists them)", what);
        return;
    }
    text_add(c->out, text);
    if (*text && text[strlen(text) - 1] != '\n')
        text_add(c->out, "\n");
    nb_string_free(text);
}

static void dump_insns(struct call *c, uint32_t addr, unsigned count)
{
    char line[160];

    for (unsigned k = 0; k < count; k++) {
        size_t n = nb_disassemble(c->m, addr, line, sizeof line);
        text_addf(c->out, "0x%08x:  %s\n", addr, line);
        if (!n)
            break;
        addr += (uint32_t)n;
    }
}

static void dump_string(struct call *c, bool physical, uint64_t addr, unsigned count)
{
    while (count--) {
        unsigned char b;
        unsigned k = 0;
        text_addf(c->out, "%08llx: \"", (unsigned long long)addr);
        for (; k < 4096 && nb_mem_read(c->m, physical, addr, &b, 1) && b; k++, addr++) {
            if (b == '"' || b == '\\')
                text_addf(c->out, "\\%c", b);
            else if (b >= ' ' && b < 0x7f)
                text_addc(c->out, (char)b);
            else
                text_addf(c->out, "\\x%02x", b);
        }
        text_add(c->out, "\"\n");
        addr++;
    }
}

static void dump_values(struct call *c, bool physical, uint64_t addr, const struct mem_format *f)
{
    unsigned per_line = f->format == 'c' ? 8 : 16 / f->size;

    for (unsigned k = 0; k < f->count; k++, addr += f->size) {
        uint8_t b[8] = { 0 };
        uint64_t v = 0;
        char text[40];
        if (!physical)
            addr &= 0xffffffff;
        if (k % per_line == 0)
            text_addf(c->out, "%s%08llx:", k ? "\n" : "", (unsigned long long)addr);
        if (nb_mem_read(c->m, physical, addr, b, f->size) != f->size) {
            text_add(c->out, " cannot be read\n");
            return;
        }
        for (unsigned n = 0; n < f->size; n++)
            v |= (uint64_t)b[n] << 8 * n;
        mem_format_value(text, sizeof text, f, v);
        text_addf(c->out, " %s", text);
    }
    text_add(c->out, "\n");
}

static bool parse_fmt(struct call *c, struct mem_format *f)
{
    const char *p = c->fmt;
    char why[100];

    if (mem_format_parse(&p, f, why, sizeof why))
        return true;
    complain(c, "%s", why);
    return false;
}

static void dump(struct call *c, bool physical)
{
    struct mem_format f = { 1, 'x', 0 };
    uint64_t addr;

    if (!parse_fmt(c, &f) || !eval(c, c->rest, &addr))
        return;
    if (!f.size)
        f.size = f.format == 'c' || f.format == 's' ? 1 : 4;
    if (f.format == 'i' && physical)
        complain(c, "instructions are shown at linear addresses: use %s", "x");
    else if (f.format == 'i')
        dump_insns(c, (uint32_t)addr, f.count);
    else if (f.format == 's')
        dump_string(c, physical, addr, f.count);
    else
        dump_values(c, physical, addr, &f);
}

static void cmd_x(struct call *c)
{
    dump(c, false);
}

static void cmd_xp(struct call *c)
{
    dump(c, true);
}

static void cmd_print(struct call *c)
{
    struct mem_format f = { 1, 'x', 4 };
    char text[40];
    uint64_t v;

    if (!parse_fmt(c, &f) || !eval(c, c->rest, &v))
        return;
    if (f.format == 'i' || f.format == 's')
        f.format = 'x';
    if (v >> 32 && v >> 32 != 0xffffffff)
        f.size = 8;
    if (f.format == 'x')
        snprintf(text, sizeof text, "0x%llx",
                 (unsigned long long)(f.size == 8 ? v : (uint32_t)v));
    else
        mem_format_value(text, sizeof text, &f, v);
    text_addf(c->out, "%s\n", text);
}

static void cmd_stop(struct call *c)
{
    nb_pause(c->m);
}

static void cmd_cont(struct call *c)
{
    if (atomic_load(&c->f->over))
        return;
    nb_cont(c->m);
}

static void cmd_reset(struct call *c)
{
    nb_reset(c->m);
}

static void cmd_powerdown(struct call *c)
{
    nb_powerdown(c->m);
}

static void cmd_nmi(struct call *c)
{
    nb_nmi(c->m);
}

static void cmd_quit(struct call *c)
{
    nb_quit(c->m);
}

static void cmd_sendkey(struct call *c)
{
    int64_t ms = 100;

    if (c->argc > 1 && !number_arg(c, 1, &ms))
        return;
    if (ms < 0 || ms > 60000)
        complain(c, "%s: use 0 to 60000 milliseconds", c->argv[1]);
    else if (!nb_sendkey(c->m, c->argv[0], (unsigned)ms))
        complain(c, "unknown key in %s (as in ctrl-alt-delete, f1, ret, a)", c->argv[0]);
}

static void cmd_sendtext(struct call *c)
{
    const char *p = c->rest;
    struct text t = { 0 };

    if (*p != '"')
        text_add(&t, p);
    else if (!text_word(&p, &t)) {
        complain(c, "%s", "the string is not closed or has an unknown escape");
        text_free(&t);
        return;
    }
    nb_type(c->m, text_str(&t));
    text_free(&t);
}

static void cmd_mouse_move(struct call *c)
{
    int64_t d[3] = { 0 };

    for (unsigned k = 0; k < c->argc && k < 3; k++) {
        if (!number_arg(c, k, &d[k]))
            return;
        if (d[k] < -32768 || d[k] > 32767) {
            complain(c, "%s is out of range", c->argv[k]);
            return;
        }
    }
    nb_mouse(c->m, (int)d[0], (int)d[1], (int)d[2], c->f->mouse_buttons);
}

static void cmd_mouse_button(struct call *c)
{
    int64_t v;

    if (!number_arg(c, 0, &v))
        return;
    if (v < 0 || v > 7) {
        complain(c, "%s: 1 left, 2 right, 4 middle, or their sum", c->argv[0]);
        return;
    }
    c->f->mouse_buttons = (unsigned)v;
    nb_mouse(c->m, 0, 0, 0, (unsigned)v);
}

static void cmd_savevm(struct call *c)
{
    struct nb_error e = { 0 };

    if (!nb_save(c->m, c->argv[0], &e))
        complain(c, "%s", e.text);
}

static void cmd_screendump(struct call *c)
{
    const char *file = NULL, *format = NULL;
    char why[200];

    for (unsigned k = 0; k < c->argc; k++) {
        if (!strcmp(c->argv[k], "-f") && k + 1 < c->argc)
            format = c->argv[++k];
        else
            file = c->argv[k];
    }
    if (!file)
        complain(c, "%s", "a file name is missing");
    else if (!shot_file(c->m, file, format, why, sizeof why))
        complain(c, "%s", why);
}

static void cmd_screentext(struct call *c)
{
    char *text = nb_screen_text(c->m);

    text_add(c->out, text);
    if (*text && text[strlen(text) - 1] != '\n')
        text_add(c->out, "\n");
    nb_string_free(text);
}

static void cmd_change(struct call *c)
{
    struct nb_error e = { 0 };
    const char *word[2] = { NULL, NULL };
    unsigned flags = 0, n = 0;

    for (unsigned k = 0; k < c->argc; k++) {
        const char *a = c->argv[k];
        if (!strcmp(a, "-f")) {
            flags |= NB_MEDIA_FORCE;
        } else if (n < 2) {
            word[n++] = a;
        } else if (!strcmp(a, "read-only")) {
            flags |= NB_MEDIA_READ_ONLY;
        } else if (!strcmp(a, "read-write")) {
            flags |= NB_MEDIA_READ_WRITE;
        } else if (strcmp(a, "raw") && strcmp(a, "retain")) { /* QEMU's format and mode */
            complain(c, "%s: use read-only, read-write or retain", a);
            return;
        }
    }
    if (n < 2 || !*word[1])
        complain(c, "%s", "use [-f] DRIVE FILE [read-only|read-write]");
    else if (!nb_media_change(c->m, word[0], word[1], flags, &e))
        complain(c, "%s", e.text);
}

static void cmd_eject(struct call *c)
{
    struct nb_error e = { 0 };
    const char *drive = NULL;
    unsigned flags = 0;

    for (unsigned k = 0; k < c->argc; k++) {
        if (!strcmp(c->argv[k], "-f"))
            flags = NB_MEDIA_FORCE;
        else
            drive = c->argv[k];
    }
    if (!drive || c->argc > 1 + (flags != 0))
        complain(c, "%s", "use [-f] DRIVE");
    else if (!nb_media_change(c->m, drive, NULL, flags, &e))
        complain(c, "%s", e.text);
}

static void cmd_sendbreak(struct call *c)
{
    uint64_t port = 0;

    if (c->argc && !text_number(c->argv[0], &port))
        complain(c, "%s is no number of a serial port", c->argv[0]);
    else if (port > 99 || !nb_serial_break(c->m, (unsigned)port))
        complain(c, "nothing is connected to serial port %s; -serial connects it",
                 c->argc ? c->argv[0] : "0");
}

static void cmd_log(struct call *c)
{
    struct nb_error e = { 0 };

    if (nb_log_items(c->m, c->argv[0], &e))
        return;
    if (e.code == 0)
        text_addf(c->out, "%s\n", e.text);
    else
        complain(c, "%s", e.text);
}

static const struct {
    const char *name, *alias, *args;
    unsigned min, max;
    void (*fn)(struct call *c);
    const char *help;
} commands[] = {
    { "help", "?", "[COMMAND]", 0, 1, cmd_help, "this list" },
    { "info", NULL, "WHAT", 0, 1, cmd_info, "registers, pic, pci, block, ...; info help" },
    { "x", NULL, "[/FMT] ADDR", 1, MAX_ARGS, cmd_x, "linear memory; FMT: count, xduocis, bhwg" },
    { "xp", NULL, "[/FMT] ADDR", 1, MAX_ARGS, cmd_xp, "physical memory" },
    { "print", "p", "[/FMT] EXPR", 1, MAX_ARGS, cmd_print, "value: $eax + 4; $pc is linear" },
    { "stop", "s", "", 0, 0, cmd_stop, "pause" },
    { "cont", "c", "", 0, 0, cmd_cont, "go on" },
    { "system_reset", NULL, "", 0, 0, cmd_reset, "power-on reset" },
    { "system_powerdown", NULL, "", 0, 0, cmd_powerdown, "power button" },
    { "nmi", NULL, "", 0, 1, cmd_nmi, "non-maskable interrupt" },
    { "sendkey", NULL, "KEY[-KEY...] [MS]", 1, 2, cmd_sendkey, "keys held together: ctrl-alt-f2" },
    { "sendtext", NULL, "TEXT", 1, MAX_ARGS, cmd_sendtext, "types it; \"dir\\n\" knows escapes" },
    { "mouse_move", NULL, "DX DY [DZ]", 2, 3, cmd_mouse_move, "moves the mouse" },
    { "mouse_button", NULL, "STATE", 1, 1, cmd_mouse_button, "1 left, 2 right, 4 middle" },
    { "screendump", NULL, "FILE [-f png|ppm]", 1, 3, cmd_screendump, "picture of the screen" },
    { "screentext", NULL, "", 0, 0, cmd_screentext, "text of a text screen" },
    { "sendbreak", "chardev-send-break", "[PORT]", 0, 1, cmd_sendbreak, "break on a serial line" },
    { "savevm", NULL, "FILE", 1, 1, cmd_savevm, "saves the state for -loadvm" },
    { "change", NULL, "[-f] DRIVE FILE [MODE]", 2, 5, cmd_change,
      "other medium; MODE: read-only, read-write" },
    { "eject", NULL, "[-f] DRIVE", 1, 2, cmd_eject, "takes the medium out; -f: though locked" },
    { "log", NULL, "ITEMS", 1, 1, cmd_log, "what is logged; log help" },
    { "quit", "q", "", 0, 0, cmd_quit, "ends nestbox" },
};

#define NUM_COMMANDS (sizeof commands / sizeof commands[0])

static size_t find_command(const char *name)
{
    for (size_t k = 0; k < NUM_COMMANDS; k++)
        if (!strcmp(name, commands[k].name) ||
            (commands[k].alias && !strcmp(name, commands[k].alias)))
            return k;
    return NUM_COMMANDS;
}

static void cmd_help(struct call *c)
{
    size_t only = c->argc ? find_command(c->argv[0]) : NUM_COMMANDS;

    if (c->argc && only == NUM_COMMANDS) {
        complain(c, "unknown command %s", c->argv[0]);
        return;
    }
    for (size_t k = 0; k < NUM_COMMANDS; k++) {
        char left[64];
        if (only != NUM_COMMANDS && k != only)
            continue;
        snprintf(left, sizeof left, "%s%s%s %s", commands[k].name, commands[k].alias ? "|" : "",
                 commands[k].alias ? commands[k].alias : "", commands[k].args);
        text_addf(c->out, "%-30s %s\n", left, commands[k].help);
    }
}

/* ---- a line */

static bool split(struct call *c)
{
    const char *p = c->rest;

    while (*p) {
        struct text w = { 0 };
        if (c->argc == MAX_ARGS || !text_word(&p, &w)) {
            text_free(&w);
            complain(c, "%s", c->argc == MAX_ARGS ? "too many words" :
                     "the string is not closed or has an unknown escape");
            return false;
        }
        c->argv[c->argc++] = w.s;
    }
    return true;
}

struct request {
    struct call *c;
    size_t row;
};

static void run_command(void *arg)
{
    struct request *r = arg;

    commands[r->row].fn(r->c);
}

void monitor_line(struct front *f, const char *line, struct text *out)
{
    struct call c = { .f = f, .m = f->m, .out = out };
    struct text name = { 0 };
    const char *p = line;
    size_t n;

    while (isspace((unsigned char)*p))
        p++;
    if (!*p || *p == '#')
        return;
    /* "x/4xw ADDR": the format may touch the name. */
    while (*p && !isspace((unsigned char)*p) && *p != '/')
        text_addc(&name, *p++);
    if (isspace((unsigned char)*p))
        while (isspace((unsigned char)*p))
            p++;
    c.name = text_str(&name);
    size_t k = find_command(c.name);
    if (k == NUM_COMMANDS) {
        text_addf(out, "unknown command: %.60s (\"help\" lists them)\n", c.name);
        text_free(&name);
        return;
    }
    if (*p == '/' && (commands[k].fn == cmd_x || commands[k].fn == cmd_xp ||
                      commands[k].fn == cmd_print)) {
        for (n = 0; *p && !isspace((unsigned char)*p); p++)
            if (n < sizeof c.fmt - 1)
                c.fmt[n++] = *p;
        while (isspace((unsigned char)*p))
            p++;
    }
    struct text rest = { 0 };
    text_add(&rest, p);
    while (rest.len && isspace((unsigned char)rest.s[rest.len - 1]))
        rest.s[--rest.len] = 0;
    c.rest = text_str(&rest);
    /* Free text and expressions are one argument, whatever is in them. */
    bool whole = commands[k].max == MAX_ARGS, ok = whole || split(&c);
    unsigned have = whole ? *c.rest != 0 : c.argc;
    if (ok && (have < commands[k].min || have > commands[k].max))
        complain(&c, "use %s", commands[k].args[0] ? commands[k].args : "it without arguments");
    else if (ok && !nb_call(f->m, run_command, &(struct request){ &c, k }))
        complain(&c, "%s", "the machine has ended");
    while (c.argc)
        free(c.argv[--c.argc]);
    text_free(&rest);
    text_free(&name);
}

/* ---- a socket */

struct listener {
    struct front *f;
    int fd;
    char *path;
    bool telnet;
};

/* A telnet client's commands are no text: IAC and what belongs to it (RFC 854). */
static bool telnet_command(unsigned *state, unsigned char c)
{
    enum { TEXT, IAC, OPTION, SUB, SUB_IAC };

    switch (*state) {
    case TEXT:
        *state = c == 255 ? IAC : TEXT;
        return c == 255;
    case IAC:
        *state = c >= 251 && c <= 254 ? OPTION : c == 250 ? SUB : TEXT;
        return true;
    case OPTION:
        *state = TEXT;
        return true;
    case SUB:
        *state = c == 255 ? SUB_IAC : SUB;
        return true;
    default:
        *state = c == 240 ? TEXT : SUB;
        return true;
    }
}

static void serve(struct listener *l, int client)
{
    int stop = front_stop_fd(l->f);
    char line[1024], buf[512];
    size_t len = 0;
    unsigned telnet = 0;
    struct text out = { 0 };

    text_addf(&out, "nestbox %s monitor; \"help\" lists commands\n" MONITOR_PROMPT, nb_version());
    for (bool open = true; open; ) {
        open = front_write(client, stop, text_str(&out), out.len);
        text_free(&out);
        struct pollfd pf[2] = { { client, POLLIN, 0 }, { stop, POLLIN, 0 } };
        if (!open || (poll(pf, 2, -1) < 0 && errno != EINTR) || pf[1].revents)
            break;
        ssize_t n = read(client, buf, sizeof buf);
        if (n == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
            break;
        for (ssize_t k = 0; k < n; k++) {
            if (l->telnet && telnet_command(&telnet, (unsigned char)buf[k]))
                continue;
            if (buf[k] == '\n') {
                line[len] = 0;
                len = 0;
                monitor_line(l->f, line, &out);
                text_add(&out, MONITOR_PROMPT);
            } else if (buf[k] != '\r' && buf[k] && len < sizeof line - 1) {
                line[len++] = buf[k];
            }
        }
    }
    text_free(&out);
}

static void *listener_thread(void *arg)
{
    struct listener *l = arg;
    int client;

    while ((client = net_accept(l->fd, front_stop_fd(l->f))) >= 0) {
        serve(l, client);
        close(client);
    }
    close(l->fd);
    if (l->path)
        unlink(l->path);
    free(l->path);
    free(l);
    return NULL;
}

bool monitor_listen(struct front *f, const char *spec, char *why, size_t size)
{
    char *path;
    int fd = net_listen(spec, &path, why, size);

    if (fd < 0)
        return false;
    struct listener *l = front_alloc(sizeof *l);
    *l = (struct listener){ f, fd, path, !strncmp(spec, "telnet:", 7) };
    if (front_service(f, listener_thread, l))
        return true;
    snprintf(why, size, "no thread for it");
    close(fd);
    free(path);
    free(l);
    return false;
}
