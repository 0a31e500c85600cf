/* SPDX-License-Identifier: MIT */
/* The chip test bench (tests/dev/rig.h). */
#include "tests/dev/rig.h"

#include <stdlib.h>

#include "core/xalloc.h"
#include "devices/pci.h"

#define RIG_RAM (2u << 20)

static void sink(void *to, enum log_class cls, const char *line)
{
    struct rig *r = to;
    size_t n = strlen(line);
    (void)cls;
    if (r->log_len + n + 2 > sizeof(r->log_text))
        return;
    memcpy(r->log_text + r->log_len, line, n);
    r->log_len += n;
    r->log_text[r->log_len++] = '\n';
    r->log_text[r->log_len] = 0;
}

static void request(void *machine, enum system_request what, int arg)
{
    struct rig *r = machine;
    r->requests[what]++;
    r->last_request_arg = arg;
}

static void release_ram(struct ram_object *obj)
{
    free(obj->base);
}

struct rig *rig_empty(void)
{
    struct rig *r = xcalloc(1, sizeof(*r));
    struct err e = { 0 };

    log_init(&r->log);
    r->log.mask = ~0u;
    r->log.sink = sink;
    r->log.sink_to = r;
    clock_init(&r->clock, CLOCK_COUNTED, 1, &r->retired, NULL, NULL);
    r->log.now = &r->clock.floor;

    struct ram_object obj = { .size = RIG_RAM, .fd = -1, .release = release_ram };
    obj.base = aligned_alloc(PAGE_SIZE, RIG_RAM);
    ck_assert_ptr_nonnull(obj.base);
    memset(obj.base, 0, RIG_RAM);
    ram_init(&r->ram, obj);
    space_init(&r->mem, "memory", 0xfffffffffull, &r->log, &r->ram);
    space_init(&r->io, "ports", 0xffff, &r->log, NULL);
    r->ram_region = (struct region){
        .name = "ram", .size = RIG_RAM, .kind = REGION_RAM, .prio = PRIO_RAM, .flags = REGION_RW,
    };
    ck_assert_msg(space_map(&r->mem, &r->ram_region, &e), "%s", e.msg);

    r->sys = (struct system){
        .mem = &r->mem, .io = &r->io, .clock = &r->clock, .log = &r->log, .ram = &r->ram,
        .request = request, .machine = r,
        .rtc_base = 946684800, /* 2000-01-01 00:00:00, a Saturday */
    };
    return r;
}

static void set_opts(struct device *dev, const char *opts)
{
    char *copy = xstrdup(opts ? opts : "");
    for (char *p = copy; *p;) {
        char *comma = strchr(p, ',');
        if (comma)
            *comma = 0;
        char *eq = strchr(p, '=');
        struct err e = { 0 };
        ck_assert_msg(eq != NULL, "rig: no value in option \"%s\"", p);
        *eq = 0;
        ck_assert_msg(device_set(dev, p, eq + 1, &e), "rig: %s", e.msg);
        p = comma ? comma + 1 : eq + 1 + strlen(eq + 1);
    }
    xfree(copy);
}

struct device *rig_make(struct rig *r, const char *cls, const char *id, const char *opts)
{
    const struct device_class *c = device_class_find(cls);
    ck_assert_msg(c != NULL, "rig: no class %s in devices/list.def", cls);
    struct device *dev = device_new(c, id, &r->sys);
    set_opts(dev, opts);
    return dev;
}

/* ---- probes on outputs ---- */

static void probe_set(void *to, int n, int level)
{
    struct rig_probe *p = to;
    (void)n;
    level = level != 0;
    if (level == p->level)
        return;
    p->level = level;
    if (level)
        p->edges_up++;
    else
        p->edges_down++;
}

static char *probe_name(const struct device *dev, const struct pin *p, u32 i)
{
    struct strbuf sb = { 0 };
    sb_addf(&sb, "%s.%s", dev->id, p->name);
    if (p->count > 1)
        sb_addf(&sb, "%u", i);
    char *name = xstrdup(sb_text(&sb));
    sb_free(&sb);
    return name;
}

/* On outputs that the test left open. */
static void add_probes(struct rig *r, struct device *dev)
{
    for (const struct pin *p = dev->cls->pins; p && p->name; p++) {
        if (p->dir != PIN_OUT)
            continue;
        for (u32 i = 0; i < MAX(p->count, 1u); i++) {
            struct wire *w = (struct wire *)((u8 *)dev + p->offset) + i;
            if (w->set)
                continue;
            ck_assert_msg(r->num_probes < ARRAY_LEN(r->probes), "rig: too many outputs");
            struct rig_probe *pr = &r->probes[r->num_probes++];
            pr->rig = r;
            pr->name = probe_name(dev, p, i);
            *w = (struct wire){ probe_set, pr, 0 };
        }
    }
}

static struct rig_probe *find_probe(struct rig *r, const char *pin)
{
    for (unsigned i = 0; i < r->num_probes; i++) {
        const char *name = r->probes[i].name;
        if (!strcmp(name, pin) || !strcmp(strchr(name, '.') + 1, pin))
            return &r->probes[i];
    }
    ck_abort_msg("rig: no open output %s", pin);
    return NULL;
}

int wire(struct rig *r, const char *pin)
{
    return find_probe(r, pin)->level;
}

u32 wire_rises(struct rig *r, const char *pin)
{
    return find_probe(r, pin)->edges_up;
}

void drive(struct rig *r, const char *pin, int level)
{
    const char *dot = strchr(pin, '.');
    struct wire w;

    for (unsigned i = 0; i < r->num_devices; i++) {
        struct device *dev = r->dev[i];
        const char *name = pin;
        if (dot) {
            size_t n = (size_t)(dot - pin);
            if (strncmp(dev->id, pin, n) || dev->id[n])
                continue;
            name = dot + 1;
        }
        if (device_in(dev, name, &w)) {
            wire_set(&w, level);
            return;
        }
    }
    ck_abort_msg("rig: no input %s", pin);
}

/* ---- life ---- */

void rig_start(struct rig *r, struct device *dev)
{
    struct err e = { 0 };
    ck_assert_msg(r->num_devices < RIG_MAX_DEVICES, "rig: too many devices");
    r->dev[r->num_devices++] = dev;
    ck_assert_msg(device_init(dev, &e), "rig: %s", e.msg);
    add_probes(r, dev);
    if (dev->cls->reset)
        dev->cls->reset(dev, RESET_POWER_ON);
}

struct device *rig_add(struct rig *r, const char *cls, const char *id, const char *opts)
{
    struct device *dev = rig_make(r, cls, id, opts);
    rig_start(r, dev);
    return dev;
}

struct rig *rig_new(const char *cls, const char *opts)
{
    struct rig *r = rig_empty();
    rig_add(r, cls, cls, opts);
    return r;
}

void rig_reset(struct rig *r, enum reset_kind kind)
{
    for (unsigned i = 0; i < r->num_devices; i++)
        if (r->dev[i]->cls->reset)
            r->dev[i]->cls->reset(r->dev[i], kind);
}

void rig_free(struct rig *r)
{
    while (r->num_devices)
        device_free(r->dev[--r->num_devices]);
    for (unsigned i = 0; i < r->num_probes; i++)
        xfree((char *)r->probes[i].name);
    space_free(&r->io);
    space_free(&r->mem);
    ram_free(&r->ram);
    clock_free(&r->clock);
    log_free(&r->log);
    xfree(r);
}

/* ---- the driver's verbs ---- */

u8 in8(struct rig *r, u32 port) { return (u8)space_read(&r->io, port, 1); }
u16 in16(struct rig *r, u32 port) { return (u16)space_read(&r->io, port, 2); }
u32 in32(struct rig *r, u32 port) { return space_read(&r->io, port, 4); }
void out8(struct rig *r, u32 port, u8 v) { space_write(&r->io, port, v, 1); }
void out16(struct rig *r, u32 port, u16 v) { space_write(&r->io, port, v, 2); }
void out32(struct rig *r, u32 port, u32 v) { space_write(&r->io, port, v, 4); }
u8 mem8(struct rig *r, paddr a) { return (u8)space_read(&r->mem, a, 1); }
u32 mem32(struct rig *r, paddr a) { return space_read(&r->mem, a, 4); }
void memw8(struct rig *r, paddr a, u8 v) { space_write(&r->mem, a, v, 1); }
void memw32(struct rig *r, paddr a, u32 v) { space_write(&r->mem, a, v, 4); }

u8 *rig_ram(struct rig *r, u32 addr)
{
    ck_assert_msg(addr < RIG_RAM, "rig: %x is outside RAM", addr);
    return r->ram.obj.base + addr;
}

u64 now_ns(struct rig *r)
{
    return clock_now(&r->clock);
}

void step_ns(struct rig *r, u64 ns)
{
    u64 target = r->retired + ns;
    unsigned stuck = 0;

    for (;;) {
        u64 next = clock_next(&r->clock);
        if (next > target)
            break;
        if (next > r->retired) {
            r->retired = next;
            stuck = 0;
        } else {
            ck_assert_msg(++stuck < 1000, "rig: timer \"%s\" is always armed for the past",
                          r->clock.heap[0]->name ? r->clock.heap[0]->name : "?");
        }
        clock_run(&r->clock);
    }
    r->retired = target;
    clock_now(&r->clock);
}

bool rig_log_has(struct rig *r, const char *text)
{
    return strstr(r->log_text, text) != NULL;
}

/* ---- snapshots ---- */

struct buffer {
    u8 *data;
    size_t len, pos;
};

static bool buf_write(void *to, const void *p, size_t n)
{
    struct buffer *b = to;
    b->data = xrealloc(b->data, b->len + n);
    memcpy(b->data + b->len, p, n);
    b->len += n;
    return true;
}

static bool buf_read(void *from, void *p, size_t n)
{
    struct buffer *b = from;
    if (n > b->len - b->pos)
        return false;
    memcpy(p, b->data + b->pos, n);
    b->pos += n;
    return true;
}

static struct buffer save_all(struct rig *r)
{
    struct buffer b = { 0 };
    struct snap_out out = { buf_write, &b };
    struct err e = { 0 };
    ck_assert_msg(snap_begin(&out, &e), "%s", e.msg);
    for (unsigned i = 0; i < r->num_devices; i++)
        ck_assert_msg(device_save(r->dev[i], &out, &e), "%s", e.msg);
    return b;
}

static void load_all(struct rig *r, struct buffer *b)
{
    struct snap_in in = { buf_read, b };
    struct err e = { 0 };
    ck_assert_msg(snap_check(&in, &e), "%s", e.msg);
    for (unsigned i = 0; i < r->num_devices; i++)
        ck_assert_msg(device_load(r->dev[i], &in, &e), "%s", e.msg);
    ck_assert_msg(b->pos == b->len, "rig: %zu bytes left after the last section", b->len - b->pos);
}

static void dump_all(struct rig *r, struct strbuf *sb)
{
    for (unsigned i = 0; i < r->num_devices; i++)
        if (r->dev[i]->cls->fields) {
            sb_addf(sb, "[%s]\n", r->dev[i]->id);
            snap_dump(sb, r->dev[i]->cls->fields, r->dev[i]);
        }
}

static void first_difference(const char *a, const char *b)
{
    const char *line_a = a, *line_b = b;
    for (; *a && *a == *b; a++, b++)
        if (*a == '\n') {
            line_a = a + 1;
            line_b = b + 1;
        }
    ck_abort_msg("rig: saved   %.*s\n     loaded  %.*s", (int)strcspn(line_a, "\n"), line_a,
                 (int)strcspn(line_b, "\n"), line_b);
}

/* A new instance with the same properties and backends. */
static struct device *clone_unwired(struct rig *r, const struct device *old)
{
    struct device *dev = device_new(old->cls, old->id, &r->sys);
    for (const struct prop *p = old->cls->props; p && p->name; p++) {
        const u8 *from = (const u8 *)old + p->offset;
        u8 *to = (u8 *)dev + p->offset;
        if (p->kind == PROP_U32) {
            memcpy(to, from, sizeof(u32));
        } else if (p->kind == PROP_BOOL) {
            memcpy(to, from, sizeof(bool));
        } else if (p->kind == PROP_STR) {
            char *text = *(char *const *)(const void *)from;
            xfree(*(char **)(void *)to);
            *(char **)(void *)to = text ? xstrdup(text) : NULL;
        } else {
            memcpy(to, from, sizeof(void *));
        }
    }
    return dev;
}

/* Outputs of the old instance as they were wired; inputs of old instances become the new ones'. */
static void copy_wires(struct rig *r, struct device *const *old, struct device *const *fresh)
{
    for (unsigned d = 0; d < r->num_devices; d++)
        for (const struct pin *p = old[d]->cls->pins; p && p->name; p++) {
            if (p->dir != PIN_OUT)
                continue;
            const struct wire *from = (const void *)((const u8 *)old[d] + p->offset);
            struct wire *to = (void *)((u8 *)fresh[d] + p->offset);
            for (u32 i = 0; i < MAX(p->count, 1u); i++) {
                to[i] = from[i];
                for (unsigned k = 0; k < r->num_devices; k++)
                    if (from[i].to == old[k])
                        to[i].to = fresh[k];
            }
        }
}

void rig_snapshot_roundtrip(struct rig *r)
{
    struct device *old[RIG_MAX_DEVICES], *fresh[RIG_MAX_DEVICES];
    struct rig_probe before[ARRAY_LEN(r->probes)];
    u32 requests[ARRAY_LEN(r->requests)];
    unsigned num = r->num_devices;

    struct buffer saved = save_all(r);
    struct strbuf dump = { 0 }, dump_after = { 0 };
    dump_all(r, &dump);
    memcpy(before, r->probes, sizeof(before));
    memcpy(requests, r->requests, sizeof(requests));
    memcpy(old, r->dev, sizeof(old));

    for (unsigned i = 0; i < num; i++)
        fresh[i] = clone_unwired(r, old[i]);
    copy_wires(r, old, fresh);

    /* PCI functions come back to their places, on the new host bridge's bus or the test's own. */
    struct pci_bus *bus[RIG_MAX_DEVICES] = { NULL }, *old_bus = r->sys.pci;
    u8 devfn[RIG_MAX_DEVICES] = { 0 };
    for (unsigned i = 0; i < num; i++)
        if (old[i]->cls->is_pci) {
            bus[i] = ((struct pci_device *)old[i])->bus;
            devfn[i] = ((struct pci_device *)old[i])->devfn;
        }

    /* The old ones make room on the buses; each takes what it put into r->sys with it. */
    while (r->num_devices)
        device_free(r->dev[--r->num_devices]);

    struct err e = { 0 };
    for (unsigned i = 0; i < num; i++) {
        r->dev[r->num_devices++] = fresh[i];
        ck_assert_msg(device_init(fresh[i], &e), "rig: %s", e.msg);
        if (bus[i])
            ck_assert_msg(pci_bus_add(bus[i] == old_bus ? r->sys.pci : bus[i],
                                      (struct pci_device *)fresh[i], devfn[i], &e),
                          "rig: %s", e.msg);
    }
    rig_reset(r, RESET_POWER_ON);
    load_all(r, &saved);

    struct buffer again = save_all(r);
    dump_all(r, &dump_after);
    if (strcmp(sb_text(&dump), sb_text(&dump_after)))
        first_difference(sb_text(&dump), sb_text(&dump_after));
    ck_assert_msg(saved.len == again.len && !memcmp(saved.data, again.data, saved.len),
                  "rig: %s: state after loading differs from what was saved", fresh[0]->id);
    sb_free(&dump);
    sb_free(&dump_after);
    for (unsigned i = 0; i < r->num_probes; i++) {
        ck_assert_msg(r->probes[i].level == before[i].level,
                      "rig: output %s was %d when saved and is %d after loading",
                      before[i].name, before[i].level, r->probes[i].level);
        r->probes[i] = before[i];
    }
    memcpy(r->requests, requests, sizeof(requests));
    xfree(saved.data);
    xfree(again.data);
}
