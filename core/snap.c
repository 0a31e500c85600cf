/* SPDX-License-Identifier: MIT */
/* Snapshot sections from field tables (core/snap.h).
 *
 * Integers go out as they lie in memory: hosts are little-endian. The loader reads fields in any
 * order, each exactly once, and believes no length. */
#include "core/snap.h"

#include <inttypes.h>

#include "core/clock.h"
#include "core/xalloc.h"

#define MAGIC "NBSNAP\r\n"
#define FORMAT_VERSION 1u
#define MAX_FIELDS 256u
#define F80_BYTES 10u

static unsigned num_fields(const struct field *fields)
{
    unsigned n = 0;
    while (fields[n].kind != FIELD_END)
        n++;
    return n;
}

static const u8 *member(const struct field *f, const void *obj)
{
    const u8 *p = (const u8 *)obj + f->offset;
    if (f->kind == FIELD_BUF) {
        const u8 *buf;
        memcpy(&buf, p, sizeof(buf));
        return buf;
    }
    return p;
}

static u64 table_len(const struct field *fields, const void *obj);

/* Bytes that the field's value takes in the stream. */
static u64 value_len(const struct field *f, const void *obj)
{
    switch (f->kind) {
    case FIELD_INT:
        return (u64)f->elem_size * f->count;
    case FIELD_BOOL:
        return f->count;
    case FIELD_TIMER:
        return 16;
    case FIELD_F80:
        return (u64)F80_BYTES * f->count;
    case FIELD_BUF:
        return member(f, obj) ? f->len_of(obj) : 0;
    case FIELD_SUB: {
        u64 len = 0;
        for (u32 i = 0; i < f->count; i++)
            len += table_len(f->sub, member(f, obj) + (size_t)i * f->sub_size);
        return len;
    }
    case FIELD_END:
        break;
    }
    return 0;
}

static u64 table_len(const struct field *fields, const void *obj)
{
    u64 len = 0;
    for (const struct field *f = fields; f->kind != FIELD_END; f++)
        len += 1 + strlen(f->tag) + 4 + value_len(f, obj);
    return len;
}

/* ---- save ---- */

static bool put(struct snap_out *out, const void *p, size_t n)
{
    return !n || out->write(out->to, p, n);
}

static bool put_u32(struct snap_out *out, u32 v)
{
    return put(out, &v, 4);
}

static bool put_name(struct snap_out *out, const char *name)
{
    u8 len = (u8)strlen(name);
    return put(out, &len, 1) && put(out, name, len);
}

static bool put_table(struct snap_out *out, const struct field *fields, const void *obj);

static bool put_value(struct snap_out *out, const struct field *f, const void *obj)
{
    const u8 *p = member(f, obj);

    switch (f->kind) {
    case FIELD_INT:
    case FIELD_BUF:
        return put(out, p, (size_t)value_len(f, obj));
    case FIELD_BOOL:
        for (u32 i = 0; i < f->count; i++) {
            u8 b = p[i] != 0;
            if (!put(out, &b, 1))
                return false;
        }
        return true;
    case FIELD_TIMER: {
        const struct timer *t = (const void *)p;
        u64 v[2] = { t->when, t->when == CLOCK_NEVER ? 0 : t->seq };
        return put(out, v, sizeof(v));
    }
    case FIELD_F80:
        for (u32 i = 0; i < f->count; i++)
            if (!put(out, p + (size_t)i * f->elem_size, F80_BYTES))
                return false;
        return true;
    case FIELD_SUB:
        for (u32 i = 0; i < f->count; i++)
            if (!put_table(out, f->sub, p + (size_t)i * f->sub_size))
                return false;
        return true;
    case FIELD_END:
        break;
    }
    return true;
}

static bool put_table(struct snap_out *out, const struct field *fields, const void *obj)
{
    for (const struct field *f = fields; f->kind != FIELD_END; f++)
        if (!put_name(out, f->tag) || !put_u32(out, (u32)value_len(f, obj)) ||
            !put_value(out, f, obj))
            return false;
    return true;
}

bool snap_begin(struct snap_out *out, struct err *e)
{
    if (!put(out, MAGIC, 8) || !put_u32(out, FORMAT_VERSION))
        return err_set(e, ERR_RESOURCE, "the snapshot cannot be written: is the disk full?");
    return true;
}

bool snap_save(struct snap_out *out, const char *section, u32 version, const struct field *fields,
               const void *obj, struct err *e)
{
    u64 len = table_len(fields, obj);
    if (len > UINT32_MAX || strlen(section) > 255)
        return err_set(e, ERR_INTERNAL, "snapshot section %s is too long", section);
    if (!put_name(out, section) || !put_u32(out, version) || !put_u32(out, (u32)len) ||
        !put_table(out, fields, obj))
        return err_set(e, ERR_RESOURCE,
                       "the snapshot cannot be written (section %s): is the disk full?", section);
    return true;
}

/* ---- load ---- */

struct loader {
    struct snap_in *in;
    u64 left; /* bytes of the enclosing payload */
    const char *section;
    u32 version;
    struct err *e;
};

static bool refuse(struct loader *l, const char *what, const char *tag)
{
    return err_set(l->e, ERR_STATE, "snapshot section %s: %s%s%s", l->section, what,
                   tag ? " " : "", tag ? tag : "");
}

static bool get(struct loader *l, void *p, u64 n)
{
    if (n > l->left)
        return refuse(l, "a length is wrong", NULL);
    l->left -= n;
    if (n && !l->in->read(l->in->from, p, (size_t)n))
        return refuse(l, "the file ends early", NULL);
    return true;
}

/* Names come from the file and go into messages. */
static void printable(char *s)
{
    for (; *s; s++)
        if (*s < 0x20 || *s > 0x7e)
            *s = '?';
}

static bool get_name(struct loader *l, char name[256])
{
    u8 len;
    if (!get(l, &len, 1) || !get(l, name, len))
        return false;
    name[len] = 0;
    if (strlen(name) != len)
        return refuse(l, "a name contains a zero byte", NULL);
    return true;
}

static bool get_table(struct loader *l, const struct field *fields, void *obj);

static bool get_value(struct loader *l, const struct field *f, void *obj, u32 len)
{
    u8 *p = (u8 *)member(f, obj); /* of an object that the caller may write */
    bool sub = f->kind == FIELD_SUB;

    /* The length of nested tables follows from their own fields and versions. */
    if (!sub && len != value_len(f, obj))
        return refuse(l, "wrong length of field", f->tag);

    switch (f->kind) {
    case FIELD_INT:
    case FIELD_BUF:
        return get(l, p, len);
    case FIELD_BOOL:
        for (u32 i = 0; i < f->count; i++) {
            u8 b;
            if (!get(l, &b, 1))
                return false;
            if (b > 1)
                return refuse(l, "no truth value in field", f->tag);
            p[i] = b;
        }
        return true;
    case FIELD_TIMER: {
        u64 v[2];
        if (!get(l, v, sizeof(v)))
            return false;
        if (v[1] >> 62)
            return refuse(l, "impossible arming order in field", f->tag);
        timer_restore((struct timer *)(void *)p, v[0], v[1]);
        return true;
    }
    case FIELD_F80:
        for (u32 i = 0; i < f->count; i++)
            if (!get(l, p + (size_t)i * f->elem_size, F80_BYTES))
                return false;
        return true;
    case FIELD_SUB: {
        if (len > l->left)
            return refuse(l, "wrong length of field", f->tag);
        struct loader in = *l;
        in.left = len;
        for (u32 i = 0; i < f->count; i++) {
            /* The tables of an array follow one another without a mark between; each ends where
             * its first tag would come again, which get_table sees as its count being full. */
            if (!get_table(&in, f->sub, p + (size_t)i * f->sub_size))
                return false;
        }
        if (in.left)
            return refuse(l, "wrong length of field", f->tag);
        l->left -= len;
        return true;
    }
    case FIELD_END:
        break;
    }
    return false;
}

/* Fields of one table that a section of this version has. */
static unsigned expected(const struct loader *l, const struct field *fields)
{
    unsigned n = 0;
    for (const struct field *f = fields; f->kind != FIELD_END; f++)
        n += f->since <= l->version;
    return n;
}

static bool get_table(struct loader *l, const struct field *fields, void *obj)
{
    u8 seen[MAX_FIELDS / 8] = { 0 };
    unsigned num = num_fields(fields);
    if (num > MAX_FIELDS)
        return err_set(l->e, ERR_INTERNAL, "snapshot section %s has too many fields", l->section);

    for (unsigned todo = expected(l, fields); todo; todo--) {
        char name[256];
        u32 len, i = 0;
        if (!l->left) {
            while (fields[i].since > l->version || (seen[i / 8] & BIT(i % 8)))
                i++;
            return refuse(l, "missing field", fields[i].tag);
        }
        if (!get_name(l, name) || !get(l, &len, 4))
            return false;
        while (i < num && strcmp(fields[i].tag, name))
            i++;
        if (i == num || fields[i].since > l->version) {
            printable(name);
            return refuse(l, "unknown field", name);
        }
        if (seen[i / 8] & BIT(i % 8))
            return refuse(l, "field comes twice:", name);
        seen[i / 8] |= (u8)BIT(i % 8);
        if (!get_value(l, &fields[i], obj, len))
            return false;
    }
    return true;
}

bool snap_check(struct snap_in *in, struct err *e)
{
    u8 head[12];
    if (!in->read(in->from, head, sizeof(head)) || memcmp(head, MAGIC, 8))
        return err_set(e, ERR_STATE, "this is no snapshot, or it is damaged");
    if (ld32(head + 8) != FORMAT_VERSION)
        return err_set(e, ERR_STATE, "the snapshot has format %" PRIu32 "; this program reads %u",
                       ld32(head + 8), FORMAT_VERSION);
    return true;
}

bool snap_load(struct snap_in *in, const char *section, u32 version, const struct field *fields,
               void *obj, struct err *e)
{
    struct loader l = { .in = in, .left = UINT64_MAX, .section = section, .e = e };
    char name[256];
    u32 len;

    if (!get_name(&l, name))
        return false;
    if (strcmp(name, section)) {
        printable(name);
        return err_set(e, ERR_STATE, "snapshot: section %s is missing (found \"%s\")", section,
                       name);
    }
    if (!get(&l, &l.version, 4) || !get(&l, &len, 4))
        return false;
    if (!l.version || l.version > version)
        return err_set(e, ERR_STATE, "snapshot section %s has version %" PRIu32
                       "; this program reads 1 to %" PRIu32, section, l.version, version);
    l.left = len;
    if (!get_table(&l, fields, obj))
        return false;
    if (l.left)
        return refuse(&l, "too long", NULL);
    return true;
}

/* ---- dump and diff ---- */

static u64 int_at(const u8 *p, u32 size)
{
    u64 v = 0;
    memcpy(&v, p, MIN(size, 8u));
    return v;
}

static void add_hex(struct strbuf *sb, const u8 *p, u32 n)
{
    for (u32 i = 0; i < n; i++)
        sb_addf(sb, "%02x", p[i]);
}

static void dump_value(struct strbuf *sb, const struct field *f, const void *obj)
{
    const u8 *p = member(f, obj);
    const u32 most = 64;

    switch (f->kind) {
    case FIELD_INT:
        for (u32 i = 0; i < f->count && i < most; i++)
            sb_addf(sb, " %0*" PRIx64, (int)f->elem_size * 2,
                    int_at(p + (size_t)i * f->elem_size, f->elem_size));
        if (f->count > most)
            sb_addf(sb, " ... (%" PRIu32 ")", f->count);
        break;
    case FIELD_BOOL:
        for (u32 i = 0; i < f->count; i++)
            sb_addf(sb, " %u", p[i] != 0);
        break;
    case FIELD_TIMER: {
        const struct timer *t = (const void *)p;
        if (t->when == CLOCK_NEVER)
            sb_add(sb, " off");
        else
            sb_addf(sb, " %" PRIu64 " ns (#%" PRIu64 ")", t->when, t->seq);
        break;
    }
    case FIELD_F80:
        for (u32 i = 0; i < f->count; i++) {
            const u8 *v = p + (size_t)i * f->elem_size;
            sb_addf(sb, " %04x:%016" PRIx64, ld16(v + 8), ld64(v));
        }
        break;
    case FIELD_BUF: {
        u64 len = value_len(f, obj);
        sb_addf(sb, " (%" PRIu64 " bytes) ", len);
        add_hex(sb, p, (u32)MIN(len, (u64)most));
        break;
    }
    case FIELD_SUB:
    case FIELD_END:
        break;
    }
}

/* Name of element i of a nested table: "prefix.tag[i]". */
static void sub_name(char *out, size_t size, const char *prefix, const struct field *f, u32 i);

static void dump_table(struct strbuf *sb, const char *prefix, const struct field *fields,
                       const void *obj)
{
    for (const struct field *f = fields; f->kind != FIELD_END; f++) {
        if (f->kind != FIELD_SUB) {
            sb_addf(sb, "%s%s =", prefix, f->tag);
            dump_value(sb, f, obj);
            sb_add(sb, "\n");
            continue;
        }
        for (u32 i = 0; i < f->count; i++) {
            char name[128];
            sub_name(name, sizeof(name), prefix, f, i);
            dump_table(sb, name, f->sub, member(f, obj) + (size_t)i * f->sub_size);
        }
    }
}

static void sub_name(char *out, size_t size, const char *prefix, const struct field *f, u32 i)
{
    struct strbuf sb = { 0 };
    if (f->count > 1)
        sb_addf(&sb, "%s%s[%" PRIu32 "].", prefix, f->tag, i);
    else
        sb_addf(&sb, "%s%s.", prefix, f->tag);
    size_t n = MIN(sb.len, size - 1);
    memcpy(out, sb_text(&sb), n);
    out[n] = 0;
    sb_free(&sb);
}

void snap_dump(struct strbuf *sb, const struct field *fields, const void *obj)
{
    dump_table(sb, "", fields, obj);
}

static bool same_value(const struct field *f, const void *a, const void *b)
{
    const u8 *p = member(f, a), *q = member(f, b);
    u64 len = value_len(f, a);

    if (len != value_len(f, b))
        return false;
    switch (f->kind) {
    case FIELD_TIMER: {
        const struct timer *t = (const void *)p, *u = (const void *)q;
        return t->when == u->when && (t->when == CLOCK_NEVER || t->seq == u->seq);
    }
    case FIELD_F80:
        for (u32 i = 0; i < f->count; i++)
            if (memcmp(p + (size_t)i * f->elem_size, q + (size_t)i * f->elem_size, F80_BYTES))
                return false;
        return true;
    default:
        return !len || !memcmp(p, q, (size_t)len);
    }
}

static void diff_table(struct strbuf *sb, const char *prefix, const struct field *fields,
                       const void *a, const void *b)
{
    for (const struct field *f = fields; f->kind != FIELD_END; f++) {
        if (f->kind == FIELD_SUB) {
            for (u32 i = 0; i < f->count; i++) {
                char name[128];
                size_t at = (size_t)i * f->sub_size;
                sub_name(name, sizeof(name), prefix, f, i);
                diff_table(sb, name, f->sub, member(f, a) + at, member(f, b) + at);
            }
        } else if (!same_value(f, a, b)) {
            sb_addf(sb, "%s%s:", prefix, f->tag);
            dump_value(sb, f, a);
            sb_add(sb, " |");
            dump_value(sb, f, b);
            sb_add(sb, "\n");
        }
    }
}

void snap_diff(struct strbuf *sb, const struct field *fields, const void *a, const void *b)
{
    diff_table(sb, "", fields, a, b);
}
