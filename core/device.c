/* SPDX-License-Identifier: MIT */
/* Device instances from their classes (core/device.h). */
#include "core/device.h"

#include <stdlib.h>

#include "core/xalloc.h"

static void *at_offset(struct device *dev, u32 offset)
{
    return (u8 *)dev + offset;
}

struct device *device_new(const struct device_class *cls, const char *id, struct system *sys)
{
    struct device *dev = xcalloc(1, cls->size);
    dev->cls = cls;
    dev->id = xstrdup(id);
    dev->sys = sys;
    for (const struct prop *p = cls->props; p && p->name; p++) {
        void *to = at_offset(dev, p->offset);
        if (p->kind == PROP_U32)
            *(u32 *)to = p->def;
        else if (p->kind == PROP_BOOL)
            *(bool *)to = p->def != 0;
        else if (p->kind == PROP_STR && p->def_str)
            *(char **)to = xstrdup(p->def_str);
    }
    return dev;
}

/* ---- properties ---- */

static const struct prop *find_prop(const struct device *dev, const char *name)
{
    for (const struct prop *p = dev->cls->props; p && p->name; p++)
        if (!strcmp(p->name, name))
            return p;
    return NULL;
}

static bool parse_u32(const char *text, u32 *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long v = strtoull(text, &end, 0);
    unsigned shift = 0;
    switch (*end) {
    case 'k': case 'K': shift = 10; end++; break;
    case 'm': case 'M': shift = 20; end++; break;
    case 'g': case 'G': shift = 30; end++; break;
    default: break;
    }
    if (*end || v > UINT32_MAX || (v << shift) > UINT32_MAX)
        return false;
    *out = (u32)(v << shift);
    return true;
}

static bool parse_bool(const char *text, bool *out)
{
    static const char *const words[2][5] = {
        { "off", "no", "false", "0", "n" }, { "on", "yes", "true", "1", "y" },
    };
    for (int v = 0; v < 2; v++)
        for (unsigned i = 0; i < ARRAY_LEN(words[v]); i++)
            if (!strcmp(text, words[v][i])) {
                *out = v;
                return true;
            }
    return false;
}

bool device_set(struct device *dev, const char *prop, const char *value, struct err *e)
{
    const struct prop *p = find_prop(dev, prop);
    if (!p)
        return err_set(e, ERR_CONFIG, "%s has no property \"%s\"", dev->cls->name, prop);

    void *to = at_offset(dev, p->offset);
    switch (p->kind) {
    case PROP_U32:
        if (!parse_u32(value, to))
            return err_set(e, ERR_CONFIG, "%s: %s=%s is not a number of up to 32 bits",
                           dev->cls->name, prop, value);
        return true;
    case PROP_BOOL:
        if (!parse_bool(value, to))
            return err_set(e, ERR_CONFIG, "%s: %s=%s is neither on nor off", dev->cls->name, prop,
                           value);
        return true;
    case PROP_STR:
        xfree(*(char **)to);
        *(char **)to = xstrdup(value);
        return true;
    default:
        return err_set(e, ERR_CONFIG, "%s: %s takes no text", dev->cls->name, prop);
    }
}

bool device_set_ptr(struct device *dev, const char *prop, void *backend, struct err *e)
{
    const struct prop *p = find_prop(dev, prop);
    if (!p || p->kind < PROP_BLOCK)
        return err_set(e, ERR_CONFIG, "%s has no backend \"%s\"", dev->cls->name, prop);
    *(void **)at_offset(dev, p->offset) = backend;
    return true;
}

/* ---- life ---- */

bool device_init(struct device *dev, struct err *e)
{
    if (dev->cls->init && !dev->cls->init(dev, e)) {
        err_set(e, ERR_INTERNAL, "cannot be set up"); /* only if init gave no reason */
        return err_prefix(e, "%s (%s)", dev->id, dev->cls->name);
    }
    return true;
}

/* Unmaps whatever lies inside the instance, PCI BARs included. */
static void unmap_all(struct device *dev, struct space *s)
{
    const u8 *from = (const u8 *)dev, *to = from + dev->cls->size;
    if (!s)
        return;
    for (unsigned i = s->num_regions; i-- > 0;) {
        struct region *r = s->regions[i];
        if ((const u8 *)r >= from && (const u8 *)r < to)
            space_unmap(s, r);
    }
}

void device_free(struct device *dev)
{
    if (!dev)
        return;
    if (dev->cls->close)
        dev->cls->close(dev);
    unmap_all(dev, dev->sys->mem);
    unmap_all(dev, dev->sys->io);
    for (const struct prop *p = dev->cls->props; p && p->name; p++)
        if (p->kind == PROP_STR)
            xfree(*(char **)at_offset(dev, p->offset));
    /* No timer of it may stay in the queue. */
    for (const struct field *f = dev->cls->fields; f && f->kind != FIELD_END; f++)
        if (f->kind == FIELD_TIMER) {
            struct timer *t = at_offset(dev, f->offset);
            if (t->clock)
                timer_off(t);
        }
    xfree((char *)dev->id);
    xfree(dev);
}

/* ---- regions ---- */

static struct region *add_region(struct device *dev, struct space *s, struct region r, struct err *e)
{
    if (dev->num_regions == DEVICE_MAX_REGIONS) {
        err_set(e, ERR_INTERNAL, "%s: too many regions", dev->cls->name);
        return NULL;
    }
    struct region *slot = &dev->regions[dev->num_regions];
    *slot = r;
    if (!space_map(s, slot, e))
        return NULL;
    dev->num_regions++;
    return slot;
}

struct region *device_io_prio(struct device *dev, const char *name, u32 base, u32 size, int prio,
                              const struct region_ops *ops, struct err *e)
{
    struct region r = {
        .name = name, .base = base, .size = size, .kind = REGION_IO, .ops = ops, .dev = dev,
        .prio = prio, .flags = REGION_RW,
    };
    return add_region(dev, dev->sys->io, r, e);
}

struct region *device_io(struct device *dev, const char *name, u32 base, u32 size,
                         const struct region_ops *ops, struct err *e)
{
    return device_io_prio(dev, name, base, size, PRIO_PORT, ops, e);
}

struct region *device_mmio(struct device *dev, const char *name, paddr base, u64 size, int prio,
                           const struct region_ops *ops, struct err *e)
{
    struct region r = {
        .name = name, .base = base, .size = size, .kind = REGION_IO, .ops = ops, .dev = dev,
        .prio = prio, .flags = REGION_RW,
    };
    return add_region(dev, dev->sys->mem, r, e);
}

/* ---- pins ---- */

/* "out" or, for an array, "out2". */
static const struct pin *find_pin(const struct device *dev, const char *name, enum pin_dir dir,
                                  u32 *index)
{
    for (const struct pin *p = dev->cls->pins; p && p->name; p++) {
        size_t n = strlen(p->name);
        if (p->dir != dir || strncmp(name, p->name, n))
            continue;
        const char *rest = name + n;
        *index = 0;
        if (p->count <= 1) {
            if (!*rest)
                return p;
            continue;
        }
        if (*rest < '0' || *rest > '9')
            continue;
        char *end;
        unsigned long i = strtoul(rest, &end, 10);
        if (!*end && i < p->count) {
            *index = (u32)i;
            return p;
        }
    }
    return NULL;
}

struct wire *device_out(struct device *dev, const char *pin)
{
    u32 i;
    const struct pin *p = find_pin(dev, pin, PIN_OUT, &i);
    return p ? (struct wire *)at_offset(dev, p->offset) + i : NULL;
}

bool device_in(struct device *dev, const char *pin, struct wire *to)
{
    u32 i;
    const struct pin *p = find_pin(dev, pin, PIN_IN, &i);
    if (!p)
        return false;
    *to = (struct wire){ p->input, dev, (int)i };
    return true;
}

bool device_connect(struct device *a, const char *out, struct device *b, const char *in,
                    struct err *e)
{
    struct wire *w = device_out(a, out), to;
    if (!w)
        return err_set(e, ERR_INTERNAL, "%s (%s) has no output pin \"%s\"", a->id, a->cls->name,
                       out);
    if (!device_in(b, in, &to))
        return err_set(e, ERR_INTERNAL, "%s (%s) has no input pin \"%s\"", b->id, b->cls->name,
                       in);
    if (w->set)
        return err_set(e, ERR_INTERNAL, "output %s.%s is connected twice", a->id, out);
    *w = to;
    return true;
}

/* ---- snapshots ---- */

bool device_save(struct device *dev, struct snap_out *out, struct err *e)
{
    if (dev->cls->pre_save)
        dev->cls->pre_save(dev);
    return !dev->cls->fields ||
           snap_save(out, dev->id, dev->cls->version, dev->cls->fields, dev, e);
}

bool device_load(struct device *dev, struct snap_in *in, struct err *e)
{
    if (dev->cls->fields &&
        !snap_load(in, dev->id, dev->cls->version, dev->cls->fields, dev, e))
        return false;
    if (dev->cls->post_load && !dev->cls->post_load(dev, e)) {
        err_set(e, ERR_STATE, "its saved state is impossible");
        return err_prefix(e, "snapshot section %s", dev->id);
    }
    return true;
}

const struct device_class *device_class_find(const char *name)
{
    for (const struct device_class *const *c = device_classes; *c; c++)
        if (!strcmp((*c)->name, name))
            return *c;
    return NULL;
}
