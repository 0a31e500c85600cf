/* SPDX-License-Identifier: MIT */
/* SingleStepTests' JSON: an array of tests `{name, bytes, initial: {regs, ram, queue}, final:
 * {regs, ram}, exception?, cycles?, hash?}`, numbers in decimal; registers that a final state
 * doesn't name have kept their value. Queue and cycles are not looked at. The elements are read one
 * by one, so that a bad one costs no others and its place can be named.
 * Fields of ours in a test: "env": "nestbox-lab-1" and "cpu" (what made it); "fxsave" in a state
 * (512 bytes in hexadecimal), "fault": {vector, error?, cr2?}, "mask": {register: bits compared,
 * "fsw"}.
 * Suites have a metadata.json beside them: `opcodes: {"F7": {reg: {"4": {"flags-mask": N}}}}`. */
#include <stdio.h>
#include <string.h>

#include "core/xalloc.h"
#include "lab/sst.h"

#if !HAVE_JANSSON

static const char absent[] =
    "this nestbox was built without jansson, so it can't read JSON: install libjansson-dev and "
    "build again, or use MOO files";

bool json_start(struct sst_file *f, struct sst_error *e)
{
    (void)f;
    return sst_bad(e, 0, 0, "%s", absent);
}

enum sst_got json_next(struct sst_file *f, struct sst_test *t, struct sst_error *e, bool *more)
{
    (void)f;
    (void)t;
    (void)more;
    sst_bad(e, 0, 0, "%s", absent);
    return SST_BAD;
}

struct sst_meta *sst_meta_open(const char *file, struct err *e)
{
    FILE *f = fopen(file, "r");

    if (!f)
        return NULL;
    fclose(f);
    err_set(e, ERR_RESOURCE, "%s: %s", file, absent);
    return NULL;
}

void sst_meta_free(struct sst_meta *m) { (void)m; }

enum sst_cpu sst_meta_cpu(const struct sst_meta *m) { (void)m; return SST_OTHER; }

u32 sst_meta_mask(const struct sst_meta *m, const u8 *code, unsigned len)
{
    (void)m;
    (void)code;
    (void)len;
    return 0xffffffffu;
}

#else

#include <jansson.h>

/* ---- reading */

static void blanks(struct sst_file *f)
{
    while (f->pos < f->size && strchr(" \t\r\n", f->data[f->pos]) && f->data[f->pos])
        f->pos++;
}

bool json_start(struct sst_file *f, struct sst_error *e)
{
    blanks(f);
    if (f->pos == f->size || f->data[f->pos] != '[')
        return sst_bad(e, 0, f->pos, "expected [, the start of an array of tests");
    f->pos++;
    f->cpu = SST_OTHER;
    return true;
}

struct reader { const struct sst_file *f; struct sst_test *t; struct sst_error *e; };

static bool wrong(struct reader *r, const char *what)
{
    return sst_bad(r->e, r->t->record, r->t->at, "%s", what);
}

static bool take_u32(struct reader *r, const json_t *j, const char *what, u32 *v)
{
    json_int_t n = json_integer_value(j);
    char msg[100];

    if (json_is_integer(j) && n >= 0 && n <= 0xffffffffll) {
        *v = (u32)n;
        return true;
    }
    snprintf(msg, sizeof msg, "%.40s is no number of 32 bits", what);
    return wrong(r, msg);
}

/* 8088 and 80286 name 16-bit registers; they are the lower halves. */
static int reg_of(const char *name)
{
    static const struct { char name[6]; u8 reg; } short_names[] = {
        { "ax", SR_EAX }, { "bx", SR_EBX }, { "cx", SR_ECX }, { "dx", SR_EDX }, { "si", SR_ESI },
        { "di", SR_EDI }, { "bp", SR_EBP }, { "sp", SR_ESP }, { "ip", SR_EIP },
        { "flags", SR_EFLAGS },
    };

    for (unsigned k = 0; k < SST_REGS; k++)
        if (!strcmp(name, sst_reg_name[k]))
            return (int)k;
    for (unsigned k = 0; k < ARRAY_LEN(short_names); k++)
        if (!strcmp(name, short_names[k].name))
            return short_names[k].reg;
    return -1;
}

static bool take_hex(const char *s, u8 *to, size_t n)
{
    for (size_t k = 0; k < 2 * n; k++) {
        char ch = s[k];
        int v = ch >= '0' && ch <= '9' ? ch - '0' : ch >= 'a' && ch <= 'f' ? ch - 'a' + 10
                : ch >= 'A' && ch <= 'F' ? ch - 'A' + 10 : -1;
        if (v < 0)
            return false;
        to[k / 2] = (u8)(k & 1 ? to[k / 2] | v : v << 4);
    }
    return !s[2 * n];
}

static bool take_state(struct reader *r, json_t *test, const char *name, struct sst_state *s,
                       bool *wide)
{
    json_t *j = json_object_get(test, name), *regs, *ram, *v, *at;
    const char *key;
    size_t k;
    u32 n, b;

    if (!json_is_object(j))
        return wrong(r, name[0] == 'i' ? "\"initial\" is missing or no object"
                                       : "\"final\" is missing or no object");
    regs = json_object_get(j, "regs");
    if (!json_is_object(regs))
        return wrong(r, "\"regs\" is missing or no object");
    json_object_foreach(regs, key, v) {
        int reg = reg_of(key);
        if (reg < 0) /* the descriptor caches of tests to come, and the like */
            continue;
        if (!take_u32(r, v, key, &s->reg[reg]))
            return false;
        s->have |= BIT(reg);
        *wide |= !strcmp(key, "eip");
    }
    ram = json_object_get(j, "ram");
    if (ram && !json_is_array(ram))
        return wrong(r, "\"ram\" is no array");
    json_array_foreach(ram, k, v) {
        at = json_array_get(v, 0);
        if (!json_is_array(v) || json_array_size(v) != 2 ||
            !take_u32(r, at, "an address of \"ram\"", &n) ||
            !take_u32(r, json_array_get(v, 1), "a byte of \"ram\"", &b) || b > 255)
            return wrong(r, "an entry of \"ram\" is not [address, byte]");
        if (!sst_add_ram(s, n, (u8)b))
            return wrong(r, "\"ram\" has too many bytes");
    }
    v = json_object_get(j, "fxsave");
    if (v) {
        if (!json_is_string(v) || !take_hex(json_string_value(v), s->fx, 512))
            return wrong(r, "\"fxsave\" is not 512 bytes in hexadecimal");
        s->has_fx = true;
    }
    return true;
}

static bool take_lab(struct reader *r, json_t *test)
{
    struct sst_test *t = r->t;
    json_t *j = json_object_get(test, "mask"), *v;
    const char *key;
    u32 n;

    json_object_foreach(j, key, v) {
        int reg = reg_of(key);
        if (!take_u32(r, v, key, &n))
            return false;
        if (reg >= 0)
            t->mask[reg] = n;
        else if (!strcmp(key, "fsw"))
            t->sw_mask = (u16)n;
        else
            return wrong(r, "\"mask\" names no register");
    }
    j = json_object_get(test, "fault");
    if (!j)
        return true;
    if (!take_u32(r, json_object_get(j, "vector"), "\"vector\"", &n))
        return false;
    if (n > 255)
        return wrong(r, "\"vector\" is above 255");
    t->has_fault = true;
    t->fault = (u8)n;
    v = json_object_get(j, "error");
    t->fault_has_err = v != NULL;
    if (v && !take_u32(r, v, "\"error\"", &t->fault_err))
        return false;
    v = json_object_get(j, "cr2");
    return !v || take_u32(r, v, "\"cr2\"", &t->fault_cr2);
}

static bool take_test(struct reader *r, json_t *test, enum sst_cpu *cpu, char *maker, size_t size)
{
    struct sst_test *t = r->t;
    json_t *j, *v;
    const char *s;
    bool wide = false;
    size_t k;
    u32 n;

    if (!json_is_object(test))
        return wrong(r, "a test is no object");
    s = json_string_value(json_object_get(test, "name"));
    for (k = 0; s && s[k] && k < sizeof t->name - 1; k++)
        t->name[k] = s[k] >= 0x20 && s[k] <= 0x7e ? s[k] : '?';
    j = json_object_get(test, "bytes");
    if (!json_is_array(j) || !json_array_size(j) || json_array_size(j) > sizeof t->code)
        return wrong(r, "\"bytes\" is missing, empty or too long");
    json_array_foreach(j, k, v) {
        if (!take_u32(r, v, "a byte", &n))
            return false;
        if (n > 255)
            return wrong(r, "a byte is above 255");
        t->code[t->len++] = (u8)n;
    }
    if (!take_state(r, test, "initial", &t->before, &wide) ||
        !take_state(r, test, "final", &t->after, &wide))
        return false;
    j = json_object_get(test, "exception");
    if (json_is_object(j)) {
        if (!take_u32(r, json_object_get(j, "number"), "\"number\"", &n) ||
            !take_u32(r, json_object_get(j, "flag_address"), "\"flag_address\"", &t->exc_flags))
            return false;
        t->has_exc = true;
        t->exc = (u8)n;
    }
    s = json_string_value(json_object_get(test, "hash"));
    t->has_hash = s && take_hex(s, t->hash, 20);
    s = json_string_value(json_object_get(test, "env"));
    if (s && strcmp(s, "nestbox-lab-1"))
        return wrong(r, "\"env\" is not nestbox-lab-1");
    /* A 286's prefetch list shows that its tests end with the HLT; an 8088's list NOPs */
    *cpu = s ? SST_LAB : wide ? SST_386 : t->code[t->len - 1] == 0xf4 ? SST_286 : SST_8086;
    if (s) {
        const char *made = json_string_value(json_object_get(test, "cpu"));
        snprintf(maker, size, "%s", made ? made : "");
    }
    return *cpu != SST_LAB || take_lab(r, test);
}

enum sst_got json_next(struct sst_file *f, struct sst_test *t, struct sst_error *e, bool *more)
{
    struct reader r = { f, t, e };
    json_error_t je;
    enum sst_cpu cpu = SST_OTHER;
    json_t *j;
    bool ok;

    blanks(f);
    if (f->pos < f->size && f->data[f->pos] == ',' && f->record) {
        f->pos++;
        blanks(f);
    } else if (f->pos < f->size && f->data[f->pos] != ']' && f->record) {
        sst_bad(e, f->record, f->pos, "expected , or ] behind a test");
        return SST_BAD;
    }
    if (f->pos >= f->size) {
        sst_bad(e, f->record, f->pos, "the file ends within the array");
        return SST_BAD;
    }
    if (f->data[f->pos] == ']')
        return SST_END;
    sst_clear(f, t);
    j = json_loadb((const char *)f->data + f->pos, f->size - f->pos,
                   JSON_DISABLE_EOF_CHECK | JSON_REJECT_DUPLICATES, &je);
    if (!j) {
        sst_bad(e, f->record, f->pos + (size_t)MAX(je.position, 0), "%s", je.text);
        for (char *p = e->msg; *p; p++)
            if (*p < 0x20 || *p > 0x7e)
                *p = '?';
        return SST_BAD;
    }
    ok = take_test(&r, j, &cpu, f->maker, sizeof f->maker);
    json_decref(j);
    f->pos += (size_t)je.position;
    f->record++;
    *more = true;
    if (!ok)
        return SST_BAD;
    /* one file is of one CPU: what the first test says holds */
    if (f->cpu == SST_OTHER)
        f->cpu = cpu;
    if (f->cpu != cpu && !(f->cpu == SST_286 && cpu == SST_8086) &&
        !(f->cpu == SST_8086 && cpu == SST_286)) {
        sst_bad(e, t->record, t->at, "a test of another CPU than those before it");
        return SST_BAD;
    }
    return SST_TEST;
}

/* ---- masks */

struct sst_meta { json_t *opcodes, *root; };

struct sst_meta *sst_meta_open(const char *file, struct err *e)
{
    FILE *f = fopen(file, "r");
    struct sst_meta *m;
    json_error_t je;
    json_t *root;

    if (!f)
        return NULL;
    root = json_loadf(f, 0, &je);
    fclose(f);
    if (!root) {
        err_set(e, ERR_RESOURCE, "%s:%d:%d: %s", file, je.line, je.column, je.text);
        return NULL;
    }
    if (!json_is_object(json_object_get(root, "opcodes"))) {
        err_set(e, ERR_RESOURCE, "%s: there is no object \"opcodes\"", file);
        json_decref(root);
        return NULL;
    }
    m = xcalloc(1, sizeof *m);
    m->root = root;
    m->opcodes = json_object_get(root, "opcodes");
    return m;
}

void sst_meta_free(struct sst_meta *m)
{
    if (m)
        json_decref(m->root);
    xfree(m);
}

enum sst_cpu sst_meta_cpu(const struct sst_meta *m)
{
    const char *s = m ? json_string_value(json_object_get(m->root, "cpu")) : NULL;

    if (!s)
        return SST_OTHER;
    return !strcmp(s, "8086") || !strcmp(s, "8088") ? SST_8086 : !strcmp(s, "286") ? SST_286
                                                                                    : SST_OTHER;
}

u32 sst_meta_mask(const struct sst_meta *m, const u8 *code, unsigned len)
{
    char key[8];
    json_t *j, *v;
    unsigned k = 0;

    if (!m)
        return 0xffffffffu;
    while (k < len && strchr("\x26\x2e\x36\x3e\x64\x65\x66\x67\xf0\xf2\xf3", code[k]) && code[k])
        k++;
    if (k >= len)
        return 0xffffffffu;
    if (code[k] == 0x0f && k + 1 < len)
        snprintf(key, sizeof key, "0F%02X", code[++k]);
    else
        snprintf(key, sizeof key, "%02X", code[k]);
    j = json_object_get(m->opcodes, key);
    v = json_object_get(j, "reg");
    if (v && k + 1 < len) {
        char reg[2] = { (char)('0' + (code[k + 1] >> 3 & 7)), 0 };
        j = json_object_get(v, reg);
    }
    v = json_object_get(j, "flags-mask");
    return json_is_integer(v) ? (u32)json_integer_value(v) | 0xffff0000u : 0xffffffffu;
}

#endif

/* ---- writing needs no library */

static void add_string(struct strbuf *sb, const char *s)
{
    sb_add(sb, "\"");
    for (; *s; s++)
        if (*s == '"' || *s == '\\')
            sb_addf(sb, "\\%c", *s);
        else
            sb_addf(sb, *s < 0x20 || *s > 0x7e ? "?" : "%c", *s);
    sb_add(sb, "\"");
}

static void add_state(struct strbuf *sb, const char *name, const struct sst_state *s)
{
    const char *comma = "";

    sb_addf(sb, "  \"%s\": {\"regs\": {", name);
    for (unsigned k = 0; k < SST_REGS; k++)
        if (s->have & BIT(k)) {
            sb_addf(sb, "%s\"%s\": %u", comma, sst_reg_name[k], s->reg[k]);
            comma = ", ";
        }
    sb_add(sb, "},\n    \"ram\": [");
    for (unsigned k = 0; k < s->num_ram; k++)
        sb_addf(sb, "%s[%u, %u]", k ? ", " : "", s->ram[k].at, s->ram[k].v);
    sb_add(sb, "], \"queue\": []");
    if (s->has_fx) {
        sb_add(sb, ",\n    \"fxsave\": \"");
        for (unsigned k = 0; k < 512; k++)
            sb_addf(sb, "%02x", s->fx[k]);
        sb_add(sb, "\"");
    }
    sb_add(sb, "}");
}

void json_head(const struct sst_writer *w, struct strbuf *out)
{
    (void)w;
    sb_add(out, "[\n");
}

void json_test(const struct sst_writer *w, const struct sst_test *t, struct strbuf *out)
{
    const char *comma = "";
    bool masked = t->sw_mask != 0xffff;

    sb_addf(out, "%s{\n  \"idx\": %llu, \"env\": \"nestbox-lab-1\", \"cpu\": ",
            t->record ? ",\n" : "", (unsigned long long)t->record);
    add_string(out, w->maker);
    sb_add(out, ",\n  \"name\": ");
    add_string(out, t->name);
    sb_add(out, ", \"bytes\": [");
    for (unsigned k = 0; k < t->len; k++)
        sb_addf(out, "%s%u", k ? ", " : "", t->code[k]);
    sb_add(out, "],\n");
    add_state(out, "initial", &t->before);
    sb_add(out, ",\n");
    add_state(out, "final", &t->after);
    if (t->has_fault) {
        sb_addf(out, ",\n  \"fault\": {\"vector\": %u", t->fault);
        if (t->fault_has_err)
            sb_addf(out, ", \"error\": %u", t->fault_err);
        if (t->fault == 14)
            sb_addf(out, ", \"cr2\": %u", t->fault_cr2);
        sb_add(out, "}");
    }
    for (unsigned k = 0; k < SST_REGS; k++)
        masked |= t->mask[k] != 0xffffffffu;
    if (masked) {
        sb_add(out, ",\n  \"mask\": {");
        for (unsigned k = 0; k < SST_REGS; k++)
            if (t->mask[k] != 0xffffffffu) {
                sb_addf(out, "%s\"%s\": %u", comma, sst_reg_name[k], t->mask[k]);
                comma = ", ";
            }
        if (t->sw_mask != 0xffff)
            sb_addf(out, "%s\"fsw\": %u", comma, t->sw_mask);
        sb_add(out, "}");
    }
    sb_add(out, "\n}");
}

void json_tail(const struct sst_writer *w, struct strbuf *out)
{
    (void)w;
    sb_add(out, "\n]\n");
}
