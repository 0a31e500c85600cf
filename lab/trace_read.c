/* SPDX-License-Identifier: MIT */
/* Reading traces line by line: memory use doesn't depend on their length.
 *
 * QEMU (-d cpu,exec,in_asm,int,nochain with -singlestep): a record is a "Trace" line, a register
 * dump or both; a dump behind an event's line ("v=.. e=..") belongs to the event. Disassembly is
 * printed once, at translation: a table keeps the latest.
 * Bochs (debugger, "trace on" and "trace-reg on"): a record is a line "(0).[count] [address] cs:eip
 * (..): instruction ; bytes" and the registers in front of it. */
#include "lab/trace_read.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "core/xalloc.h"

enum { MAX_LINE = 4096, TEXTS = 4096 };

const char trace_field_name[TF_NUM][8] = {
    "eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "eip", "eflags", "cs", "ss", "ds", "es",
    "fs", "gs", "cpl", "cr0", "cr2", "cr3", "cr4", "vector", "error",
};

struct trace_reader {
    gzFile f;
    char name[256];
    enum trace_form form;
    u64 line;
    char buf[MAX_LINE];
    bool again;          /* buf holds a line that was put back */
    bool ended;
    struct trace_rec next; /* being put together */
    bool open, dumped;   /* something is in it; its registers too */
    bool skip_dump;      /* QEMU: of an event */
    u32 vector, error;   /* of the last event */
    bool has_event, saw_insn;
    struct { u32 la; char text[80]; } *texts;
};

struct trace_reader *trace_open(const char *file, struct err *e)
{
    struct trace_reader *r;
    gzFile f = gzopen(file, "rb");

    if (!f) {
        err_set(e, ERR_RESOURCE, "can't open %s: %s", file, strerror(errno));
        return NULL;
    }
    r = xcalloc(1, sizeof *r);
    r->f = f;
    snprintf(r->name, sizeof r->name, "%s", file);
    gzbuffer(f, 1 << 17);
    return r;
}

void trace_close(struct trace_reader *r)
{
    if (!r)
        return;
    gzclose(r->f);
    xfree(r->texts);
    xfree(r);
}

enum trace_form trace_form(const struct trace_reader *r)
{
    return r->form;
}

/* The next line without its end; longer ones are cut. */
static char *get_line(struct trace_reader *r, struct err *e)
{
    size_t n;
    int code;

    if (r->again) {
        r->again = false;
        return r->buf;
    }
    if (!gzgets(r->f, r->buf, sizeof r->buf)) {
        const char *why = gzerror(r->f, &code);
        if (code != Z_OK && code != Z_STREAM_END)
            err_set(e, ERR_RESOURCE, "can't read %s behind line %llu: %s", r->name,
                    (unsigned long long)r->line, code == Z_ERRNO ? strerror(errno) : why);
        return NULL;
    }
    r->line++;
    n = strlen(r->buf);
    if (n == sizeof r->buf - 1 && r->buf[n - 1] != '\n') {
        int ch;
        while ((ch = gzgetc(r->f)) != -1 && ch != '\n')
            ;
    }
    while (n && (r->buf[n - 1] == '\n' || r->buf[n - 1] == '\r'))
        r->buf[--n] = 0;
    return !strncmp(r->buf, "nestbox: ", 9) ? memmove(r->buf, r->buf + 9, n - 8) : r->buf;
}

static void set(struct trace_rec *rec, enum trace_field f, u32 v)
{
    rec->v[f] = v;
    rec->have |= BIT(f);
}

/* Hexadecimal, with or without 0x and with Bochs's underscore. */
static bool hex(const char **p, u64 *v)
{
    const char *s = *p;
    bool any = false;

    if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
        s += 2;
    *v = 0;
    for (; isxdigit((unsigned char)*s) || (*s == '_' && any); s++) {
        if (*s == '_')
            continue;
        *v = *v << 4 | (u64)(isdigit((unsigned char)*s) ? *s - '0' : (*s | 32) - 'a' + 10);
        any = true;
    }
    *p = s;
    return any;
}

static int field_of(const char *name, size_t n)
{
    char low[12];

    if (n >= sizeof low)
        return -1;
    for (size_t k = 0; k < n; k++)
        low[k] = (char)tolower((unsigned char)name[k]);
    low[n] = 0;
    if (!strcmp(low, "efl"))
        return TF_EFLAGS;
    if (low[0] == 'r' && n == 3) /* Bochs, built for 64 bits */
        low[0] = 'e';
    for (int k = 0; k < TF_VECTOR; k++)
        if (!strcmp(low, trace_field_name[k]))
            return k;
    return -1;
}

/* NAME=HEX NAME=HEX ..., also "ES =0010 base limit attr". */
static void take_pairs(struct trace_rec *rec, const char *p)
{
    while (*p) {
        const char *name = p;
        size_t n;
        int f;
        u64 v;
        while (isalnum((unsigned char)*p))
            p++;
        n = (size_t)(p - name);
        if (n && *p == ' ' && p[1] == '=')
            p++;
        if (!n || *p != '=') {
            p += *p != 0;
            continue;
        }
        p++;
        f = field_of(name, n);
        if (f >= 0 && hex(&p, &v))
            set(rec, (enum trace_field)f, (u32)v);
        else
            while (*p && *p != ' ')
                p++;
    }
}

static bool take_far(const char **p, struct trace_rec *rec)
{
    u64 sel, off;

    if (!hex(p, &sel) || **p != ':')
        return false;
    (*p)++;
    if (!hex(p, &off))
        return false;
    set(rec, TF_CS, (u32)sel);
    set(rec, TF_EIP, (u32)off);
    return true;
}

static void begin(struct trace_reader *r)
{
    memset(&r->next, 0, sizeof r->next);
    r->next.line = r->line;
    r->open = true;
    r->dumped = false;
}

/* Hands out what was put together. */
static bool finish(struct trace_reader *r, struct trace_rec *rec)
{
    if (!r->open)
        return false;
    *rec = r->next;
    if (r->has_event) {
        set(rec, TF_VECTOR, r->vector);
        set(rec, TF_ERROR, r->error);
        r->has_event = false;
    }
    r->open = false;
    r->saw_insn = true;
    return true;
}

static void put_back(struct trace_reader *r)
{
    r->again = true;
}

static void take_event(struct trace_reader *r, const char *v, const char *e)
{
    u64 n;

    if (hex(&v, &n)) {
        r->vector = (u32)n;
        r->has_event = true;
    }
    if (e && hex(&e, &n))
        r->error = (u32)n;
}

/* ---- ours */

/* true: a record is complete. */
static bool ours(struct trace_reader *r, const char *p, struct trace_rec *rec)
{
    bool cpu = !strncmp(p, "cpu ", 4), exec = !strncmp(p, "exec ", 5);

    if (!strncmp(p, "int ", 4)) {
        const char *v = strstr(p, " v="), *e = strstr(p, " e="), *at = strstr(p, " cpl=");
        if (!v || !e || !at)
            return false;
        if (finish(r, rec)) {
            put_back(r);
            return true;
        }
        take_event(r, v + 3, e + 3);
        if (r->saw_insn)
            return false;
        /* events alone */
        begin(r);
        r->next.event = true;
        at += 5;
        at += strcspn(at, " ");
        at += *at == ' ';
        take_far(&at, &r->next);
        snprintf(r->next.text, sizeof r->next.text, "%.*s", (int)sizeof r->next.text - 1, p);
        finish(r, rec);
        r->saw_insn = false;
        return true;
    }
    if (!cpu && !exec)
        return false;
    if (r->open && (cpu || r->next.text[0])) {
        finish(r, rec);
        put_back(r);
        return true;
    }
    if (!r->open)
        begin(r);
    p = strchr(p, ' ') + 1;
    p += strcspn(p, " "); /* the count */
    if (!*p)
        return false;
    p++;
    if (cpu) {
        take_pairs(&r->next, p);
    } else if (take_far(&p, &r->next)) {
        p += *p == ' ';
        p += strcspn(p, " ");
        snprintf(r->next.text, sizeof r->next.text, "%.*s", (int)sizeof r->next.text - 1,
                 *p ? p + 1 : p);
    }
    return false;
}

/* ---- QEMU */

static void keep_text(struct trace_reader *r, const char *p)
{
    u64 la;

    if (!hex(&p, &la) || *p != ':')
        return;
    p += 1 + strspn(p + 1, " ");
    if (!r->texts)
        r->texts = xcalloc(TEXTS, sizeof *r->texts);
    r->texts[la % TEXTS].la = (u32)la;
    snprintf(r->texts[la % TEXTS].text, sizeof r->texts[0].text, "%.*s",
             (int)sizeof r->texts[0].text - 1, p);
}

static void find_text(struct trace_reader *r, u32 la)
{
    if (r->texts && r->texts[la % TEXTS].la == la)
        snprintf(r->next.text, sizeof r->next.text, "%s", r->texts[la % TEXTS].text);
}

static bool qemu(struct trace_reader *r, const char *p, struct trace_rec *rec)
{
    const char *v;

    if (!strncmp(p, "Trace ", 6)) {
        const char *b = strchr(p, '[');
        u64 base, pc;
        if (!b)
            return false;
        if (finish(r, rec)) {
            put_back(r);
            return true;
        }
        b++;
        begin(r);
        if (hex(&b, &base) && *b++ == '/' && hex(&b, &pc)) {
            set(&r->next, TF_EIP, (u32)(pc - base));
            find_text(r, (u32)pc);
        }
        return false;
    }
    v = strstr(p, ": v=");
    if (v && strstr(v, " e=")) {
        if (finish(r, rec)) {
            put_back(r);
            return true;
        }
        take_event(r, v + 4, strstr(v, " e=") + 3);
        r->skip_dump = true;
        return false;
    }
    if (!strncmp(p, "0x", 2)) {
        keep_text(r, p);
        return false;
    }
    if (!strncmp(p, "EAX=", 4) || !strncmp(p, "RAX=", 4)) {
        if (r->skip_dump) { /* goes on to its last line */
            r->dumped = true;
            return false;
        }
        if (r->open && r->dumped) {
            finish(r, rec);
            put_back(r);
            return true;
        }
        if (!r->open)
            begin(r);
        r->dumped = true;
    }
    if (r->skip_dump) {
        r->skip_dump = strncmp(p, "EFER=", 5) != 0;
        return false;
    }
    if (r->open && r->dumped)
        take_pairs(&r->next, p);
    return false;
}

/* ---- Bochs */

static bool bochs(struct trace_reader *r, const char *p, struct trace_rec *rec)
{
    const char *name = p, *q, *semi;
    size_t n;
    u64 v;
    int f;

    if (!strncmp(p, "CPU0:", 5)) {
        begin(r);
        return false;
    }
    if (!strncmp(p, "(0).[", 5)) {
        q = strstr(p, "] [");
        q = q ? strchr(q + 3, ']') : NULL;
        if (!q)
            return false;
        if (!r->open)
            begin(r);
        r->next.line = r->line;
        q += 1 + strspn(q + 1, " ");
        if (!take_far(&q, &r->next)) {
            r->open = false;
            return false;
        }
        q = strstr(q, "): ");
        semi = q ? strrchr(q, ';') : NULL;
        if (q)
            snprintf(r->next.text, sizeof r->next.text, "%.*s",
                     (int)MIN(semi ? (size_t)(semi - q - 3) : strlen(q + 3),
                              sizeof r->next.text - 1), q + 3);
        return finish(r, rec);
    }
    if (!r->open)
        return false;
    if (!strncmp(p, "eflags ", 7)) {
        q = p + 7;
        if (hex(&q, &v))
            set(&r->next, TF_EFLAGS, (u32)v);
        return false;
    }
    for (; *p; p = q) { /* "rax: 00000000_00000001 rcx: ..." */
        p += strspn(p, " ");
        name = p;
        while (isalnum((unsigned char)*p))
            p++;
        n = (size_t)(p - name);
        q = p + (*p == ':');
        if (!n || q == p) {
            q = p + (*p != 0);
            continue;
        }
        q += strspn(q, " ");
        f = field_of(name, n);
        if (f >= 0 && hex(&q, &v))
            set(&r->next, (enum trace_field)f, (u32)v);
        else
            q += strcspn(q, " ");
    }
    return false;
}

static enum trace_form guess(const char *p)
{
    if (!strncmp(p, "cpu ", 4) || !strncmp(p, "exec ", 5) || !strncmp(p, "int ", 4) ||
        !strncmp(p, "mmu ", 4))
        return TRACE_OURS;
    if (!strncmp(p, "Trace ", 6) || !strncmp(p, "EAX=", 4) || !strncmp(p, "RAX=", 4) ||
        !strncmp(p, "IN:", 3))
        return TRACE_QEMU;
    return strncmp(p, "(0).[", 5) && strncmp(p, "CPU0:", 5) ? TRACE_UNKNOWN : TRACE_BOCHS;
}

bool trace_next(struct trace_reader *r, struct trace_rec *rec, struct err *e)
{
    const char *p;
    bool done;

    if (r->ended)
        return false;
    while ((p = get_line(r, e))) {
        if (r->form == TRACE_UNKNOWN)
            r->form = guess(p);
        switch (r->form) {
        case TRACE_OURS: done = ours(r, p, rec); break;
        case TRACE_QEMU: done = qemu(r, p, rec); break;
        case TRACE_BOCHS: done = bochs(r, p, rec); break;
        default: done = false;
        }
        if (done)
            return true;
    }
    r->ended = true;
    if (e->code)
        return false;
    if (r->form == TRACE_UNKNOWN)
        return err_set(e, ERR_RESOURCE, "%s: there is no line of a trace that nestbox, QEMU (-d "
                       "cpu,exec) or Bochs (trace on) writes", r->name);
    return r->form != TRACE_BOCHS && finish(r, rec);
}
