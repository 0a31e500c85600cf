/* SPDX-License-Identifier: MIT */
/* Files of tests: reading them whole, telling the formats apart. */
#include "lab/sst.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "core/xalloc.h"

const char sst_reg_name[SST_REGS][7] = {
    "cr0", "cr3", "eax", "ebx", "ecx", "edx", "esi", "edi", "ebp", "esp", "cs", "ds",
    "es", "fs", "gs", "ss", "eip", "eflags", "dr6", "dr7",
};

bool sst_bad(struct sst_error *e, u64 record, size_t at, const char *fmt, ...)
{
    va_list ap;

    e->record = record;
    e->at = at;
    va_start(ap, fmt);
    vsnprintf(e->msg, sizeof e->msg, fmt, ap);
    va_end(ap);
    return false;
}

bool sst_read_file(const char *name, u8 **data, size_t *size, struct err *e)
{
    gzFile f = gzopen(name, "rb"); /* plain files pass through */
    size_t cap = 1 << 16, len = 0;
    u8 *buf;
    int n, code;

    if (!f) {
        err_set(e, ERR_RESOURCE, "can't open %s: %s", name, strerror(errno));
        return false;
    }
    gzbuffer(f, 1 << 17);
    buf = xcalloc(1, cap + 1);
    while ((n = gzread(f, buf + len, (unsigned)(cap - len))) > 0) {
        len += (size_t)n;
        if (len < cap)
            continue;
        if (cap >= SST_MAX_FILE) {
            err_set(e, ERR_RESOURCE, "%s: more than %u bytes, unpacked", name, SST_MAX_FILE);
            gzclose(f);
            xfree(buf);
            return false;
        }
        cap *= 2;
        buf = xrealloc(buf, cap + 1);
    }
    if (n < 0) {
        const char *why = gzerror(f, &code);
        err_set(e, ERR_RESOURCE, "can't read %s: %s", name,
                code == Z_ERRNO ? strerror(errno) : why);
        gzclose(f);
        xfree(buf);
        return false;
    }
    if (gzclose_r(f) == Z_BUF_ERROR) { /* the last read ended in the middle of a stream */
        err_set(e, ERR_RESOURCE, "can't read %s: the compressed data end early", name);
        xfree(buf);
        return false;
    }
    buf[len] = 0;
    *data = buf;
    *size = len;
    return true;
}

bool sst_is_moo(const u8 *data, size_t size)
{
    return size >= 4 && !memcmp(data, "MOO ", 4);
}

bool sst_is_json(const u8 *data, size_t size)
{
    while (size && (*data == ' ' || *data == '\t' || *data == '\r' || *data == '\n'))
        data++, size--;
    return size && (*data == '[' || *data == '{');
}

bool sst_start(struct sst_file *f, const u8 *data, size_t size, struct sst_error *e)
{
    memset(f, 0, sizeof *f);
    f->data = (u8 *)(uintptr_t)data;
    f->size = size;
    memset(f->mask, 0xff, sizeof f->mask);
    f->json = !sst_is_moo(data, size);
    return f->json ? json_start(f, e) : moo_start(f, e);
}

enum sst_got sst_next(struct sst_file *f, struct sst_test *t, struct sst_error *e, bool *more)
{
    *more = false;
    return f->json ? json_next(f, t, e, more) : moo_next(f, t, e, more);
}

void sst_clear(struct sst_file *f, struct sst_test *t)
{
    struct sst_state before = t->before, after = t->after;

    memset(t, 0, sizeof *t);
    t->before.ram = before.ram;
    t->before.cap_ram = before.cap_ram;
    t->after.ram = after.ram;
    t->after.cap_ram = after.cap_ram;
    memcpy(t->mask, f->mask, sizeof t->mask);
    t->sw_mask = 0xffff;
    t->record = f->record;
    t->at = f->pos;
}

void sst_free_test(struct sst_test *t)
{
    xfree(t->before.ram);
    xfree(t->after.ram);
}

bool sst_add_ram(struct sst_state *s, u32 at, u8 v)
{
    if (s->num_ram == SST_MAX_RAM)
        return false;
    if (s->num_ram == s->cap_ram) {
        s->cap_ram = s->cap_ram ? 2 * s->cap_ram : 64;
        s->ram = xrealloc(s->ram, s->cap_ram * sizeof *s->ram);
    }
    s->ram[s->num_ram++] = (struct sst_byte){ at, v };
    return true;
}
