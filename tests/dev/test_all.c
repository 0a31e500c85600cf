/* SPDX-License-Identifier: MIT */
/* What holds for every chip, tried on each class of devices/list.def: random accesses, saves,
 * loads, resets, peeks, and states that no chip can be in.
 *
 * A failure names the class; the seed is the loop's index, so that it repeats. */
#include <stdlib.h>

#include "core/xalloc.h"
#include "devices/pci.h"
#include "tests/dev/rig.h"

struct bytes {
    u8 *data;
    size_t len, pos;
};

static bool b_write(void *to, const void *p, size_t n)
{
    struct bytes *b = to;
    b->data = xrealloc(b->data, b->len + n);
    memcpy(b->data + b->len, p, n);
    b->len += n;
    return true;
}

static bool b_read(void *from, void *p, size_t n)
{
    struct bytes *b = from;
    if (n > b->len - b->pos)
        return false;
    memcpy(p, b->data + b->pos, n);
    b->pos += n;
    return true;
}

/* ---- a bench with everything that some chip wants ---- */

struct bench {
    struct rig *r;
    struct block *disk;
    struct chardev chr;
    struct display display;
    struct input input;
    u64 rnd;
    u64 seen; /* hash of all that was read */
};

static u32 chr_taken(struct chardev *c, const u8 *data, u32 len)
{
    (void)c;
    (void)data;
    return len;
}

static u32 rnd(struct bench *b)
{
    b->rnd = b->rnd * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(b->rnd >> 33);
}

static struct device *target(struct bench *b)
{
    return b->r->dev[b->r->num_devices - 1];
}

static void add(struct bench *b, const char *cls)
{
    struct rig *r = b->r;
    struct err e = { 0 };
    struct device *dev = rig_make(r, cls, cls, "");

    for (const struct prop *p = dev->cls->props; p && p->name; p++) {
        void *backend = p->kind == PROP_BLOCK ? (void *)b->disk
                      : p->kind == PROP_CHARDEV ? (void *)&b->chr
                      : p->kind == PROP_DISPLAY ? (void *)&b->display
                      : p->kind == PROP_INPUT ? (void *)&b->input : NULL;
        if (backend)
            ck_assert_msg(device_set_ptr(dev, p->name, backend, &e), "%s", e.msg);
    }
    rig_start(r, dev);
    struct pci_device *pd = (struct pci_device *)dev;
    if (dev->cls->is_pci && r->sys.pci && !pd->bus)
        ck_assert_msg(pci_bus_add(r->sys.pci, pd, (u8)(r->num_devices << 3), &e), "%s", e.msg);
}

static struct bench *bench(const struct device_class *cls, u64 seed)
{
    /* Providers first, as on a board. */
    static const char *const providers[] = { "i440fx", "i8237" };
    struct bench *b = xcalloc(1, sizeof(*b));
    bool is_provider = false;

    b->rnd = seed * 77777 + 12345;
    b->r = rig_empty();
    b->disk = block_mem(NULL, 2880, false);
    b->disk->removable = true;
    b->chr.write = chr_taken;
    for (unsigned i = 0; i < ARRAY_LEN(providers); i++)
        is_provider |= !strcmp(cls->name, providers[i]);
    for (unsigned i = 0; i < ARRAY_LEN(providers) && !is_provider; i++)
        if (device_class_find(providers[i]))
            add(b, providers[i]);
    add(b, cls->name);
    return b;
}

static void bench_free(struct bench *b)
{
    rig_free(b->r);
    block_close(b->disk);
    xfree(b);
}

/* A region of the chip that is on a bus now. */
static struct region *random_region(struct bench *b, struct space **space)
{
    const u8 *from = (const u8 *)target(b), *to = from + target(b)->cls->size;
    struct region *found = NULL;
    u32 n = 0;
    for (int k = 0; k < 2; k++) {
        struct space *s = k ? &b->r->mem : &b->r->io;
        for (unsigned i = 0; i < s->num_regions; i++) {
            struct region *r = s->regions[i];
            if ((const u8 *)r >= from && (const u8 *)r < to && r->enabled && rnd(b) % ++n == 0) {
                found = r;
                *space = s;
            }
        }
    }
    return found;
}

static u32 random_value(struct bench *b)
{
    switch (rnd(b) % 6) {
    case 0: return 0;
    case 1: return 0xffffffffu;
    case 2: return 1u << rnd(b) % 32;
    case 3: return rnd(b) % 8;
    default: return rnd(b) << 1 ^ rnd(b);
    }
}

static void drive_something(struct bench *b)
{
    u32 n = 0, index = 0;
    const struct pin *pin = NULL;
    for (const struct pin *p = target(b)->cls->pins; p && p->name; p++)
        if (p->dir == PIN_IN && rnd(b) % ++n == 0) {
            pin = p;
            index = rnd(b) % p->count;
        }
    if (pin)
        pin->input(target(b), (int)index, (int)(rnd(b) & 1));
}

static void feed_backends(struct bench *b)
{
    u8 data[16];
    for (unsigned i = 0; i < sizeof(data); i++)
        data[i] = (u8)rnd(b);
    if (b->chr.receive && b->chr.can_receive) {
        u32 room = b->chr.can_receive(b->chr.dev);
        if (room)
            b->chr.receive(b->chr.dev, data, 1 + rnd(b) % MIN(room, (u32)sizeof(data)));
    }
    if (b->input.key)
        b->input.key(b->input.key_dev, (u8)rnd(b), rnd(b) & 1);
    if (b->input.mouse)
        b->input.mouse(b->input.mouse_dev, (i32)(rnd(b) % 2000) - 1000,
                       (i32)(rnd(b) % 2000) - 1000, (i32)(rnd(b) % 5) - 2, rnd(b) & 31);
    if (rnd(b) % 16 == 0) {
        b->disk->inserted = !b->disk->inserted;
        b->disk->change_count++;
    }
}

static void poke(struct bench *b, unsigned steps)
{
    static const u64 waits[] = { 1, 100, 1000, 20000, 1000000, 60000000 };

    while (steps--) {
        struct space *s = NULL;
        struct region *r = random_region(b, &s);
        u32 what = rnd(b) % 16;
        if (target(b)->cls->is_pci && b->r->sys.pci && what == 15) {
            struct pci_device *pd = (struct pci_device *)target(b);
            pci_config_write(b->r->sys.pci, 0x80000000u | (u32)pd->devfn << 8 | (rnd(b) & 0xfc), 0,
                             random_value(b), 4);
        } else if (what >= 13) {
            feed_backends(b);
        } else if (what == 12) {
            drive_something(b);
        } else if (what >= 10) {
            step_ns(b->r, waits[rnd(b) % ARRAY_LEN(waits)] + rnd(b) % 100);
        } else if (r) {
            u64 off = rnd(b) % r->size;
            unsigned size = 1u << rnd(b) % 3;
            if (rnd(b) % 3 == 0)
                off = MIN((u64)(rnd(b) % 16), r->size - 1);
            if (what < 4)
                b->seen = (b->seen ^ space_read(s, r->base + off, size)) * 0x100000001b3ull;
            else
                space_write(s, r->base + off, random_value(b), size);
        }
    }
}

static struct bytes save(struct bench *b)
{
    struct bytes out = { 0 };
    struct snap_out so = { b_write, &out };
    struct err e = { 0 };
    ck_assert_msg(device_save(target(b), &so, &e), "%s", e.msg);
    return out;
}

static void expect_same(const char *what, struct bench *b, struct bytes x, struct bytes y)
{
    ck_assert_msg(x.len == y.len && (!x.len || !memcmp(x.data, y.data, x.len)), "%s: %s changed its state",
                  target(b)->cls->name, what);
    xfree(x.data);
    xfree(y.data);
}

/* ---- tests: _i = class * SEEDS + seed ---- */

#define SEEDS 4

static const struct device_class *class_of(int i)
{
    return device_classes[i / SEEDS];
}

START_TEST(round_trips)
{
    struct bench *b = bench(class_of(_i), (u64)_i);
    for (int k = 0; k < 12; k++) {
        poke(b, 150);
        rig_snapshot_roundtrip(b->r);
    }
    bench_free(b);
}
END_TEST

/* All fields as text, but for the order in which timers were armed: that counts up. */
static char *dump(struct bench *b)
{
    struct strbuf sb = { 0 };
    if (target(b)->cls->fields)
        snap_dump(&sb, target(b)->cls->fields, target(b));
    char *text = xstrdup(sb_text(&sb)), *to = text;
    for (const char *p = text; *p; *to++ = *p++)
        if (p[0] == '(' && p[1] == '#')
            p += strcspn(p, ")");
    *to = 0;
    sb_free(&sb);
    return text;
}

static void expect_equal_text(const char *what, char *x, char *y)
{
    const char *p = x, *q = y, *line_p = x, *line_q = y;
    for (; *p && *p == *q; p++, q++)
        if (*p == '\n')
            line_p = p + 1, line_q = q + 1;
    ck_assert_msg(*p == *q, "%s: %.*s | %.*s", what, (int)strcspn(line_p, "\n"), line_p,
                  (int)strcspn(line_q, "\n"), line_q);
    xfree(x);
    xfree(y);
}

/* Two machines, one of which was saved and loaded on the way, stay the same for ever: what is not
 * in the field table shows. */
START_TEST(the_loaded_one_goes_on_alike)
{
    struct bench *a = bench(class_of(_i), (u64)_i), *b = bench(class_of(_i), (u64)_i);
    for (int k = 0; k < 8; k++) {
        poke(a, 100);
        poke(b, 100);
        rig_snapshot_roundtrip(b->r);
        for (unsigned i = 0; i < a->r->num_probes; i++)
            ck_assert_msg(a->r->probes[i].level == b->r->probes[i].level &&
                          a->r->probes[i].edges_up == b->r->probes[i].edges_up,
                          "%s: output %s differs after a load", class_of(_i)->name,
                          a->r->probes[i].name);
        expect_equal_text(class_of(_i)->name, dump(a), dump(b));
        ck_assert_msg(a->seen == b->seen, "%s: a read differs after a load", class_of(_i)->name);
        ck_assert_msg(!memcmp(rig_ram(a->r, 0), rig_ram(b->r, 0), a->r->ram.obj.size),
                      "%s: guest memory differs after a load", class_of(_i)->name);
    }
    bench_free(a);
    bench_free(b);
}
END_TEST

START_TEST(reset_is_idempotent)
{
    struct bench *b = bench(class_of(_i), (u64)_i);
    for (int k = 0; k < 10; k++) {
        poke(b, 100);
        rig_reset(b->r, RESET_POWER_ON);
        char *once = dump(b);
        rig_reset(b->r, RESET_POWER_ON);
        expect_equal_text(class_of(_i)->name, once, dump(b));
        rig_snapshot_roundtrip(b->r);
        rig_reset(b->r, RESET_WAKE);
        poke(b, 20);
    }
    bench_free(b);
}
END_TEST

START_TEST(peeks_change_nothing)
{
    struct bench *b = bench(class_of(_i), (u64)_i);
    for (int k = 0; k < 10; k++) {
        poke(b, 100);
        struct bytes before = save(b);
        for (int n = 0; n < 30; n++) {
            struct space *s = NULL;
            struct region *r = random_region(b, &s);
            if (!r)
                break;
            u64 len = MIN(r->size, 64u), at = rnd(b) % (r->size - len + 1);
            for (u64 off = 0; off < len; off++)
                space_peek(s, r->base + at + off, 1u << rnd(b) % 3);
        }
        struct strbuf sb = { 0 };
        if (target(b)->cls->info)
            target(b)->cls->info(target(b), &sb);
        sb_free(&sb);
        expect_same("a peek (or info)", b, before, save(b));
    }
    bench_free(b);
}
END_TEST

/* Bytes of a valid section are changed: the load is refused, or the chip copes with what it got.
 * The sanitizers see what it must not do. */
START_TEST(hostile_state)
{
    const struct device_class *cls = class_of(_i);
    struct bench *b = bench(cls, (u64)_i);
    poke(b, 300);
    struct bytes good = save(b);
    u64 now = now_ns(b->r);
    bench_free(b);
    if (!good.len) { /* a chip without state */
        xfree(good.data);
        return;
    }
    for (int k = 0; k < 60; k++) {
        b = bench(cls, (u64)(_i * 1000 + k));
        struct bytes bad = { xcalloc(good.len, 1), good.len, 0 };
        memcpy(bad.data, good.data, good.len);
        if (k == 0) { /* as it is, it must be taken */
            struct snap_in as_is = { b_read, &bad };
            struct err e = { 0 };
            b->r->retired = now;
            ck_assert_msg(device_load(target(b), &as_is, &e), "%s: %s", cls->name, e.msg);
            bad.pos = 0;
        }
        size_t head = MIN(good.len, (size_t)4096); /* past that there are only buffers' contents */
        for (u32 n = k % 2 ? 1 : 1 + rnd(b) % 24; n; n--) {
            size_t at = rnd(b) % head;
            bad.data[at] = rnd(b) % 2 ? (u8)rnd(b) : bad.data[at] ^ (u8)(1u << rnd(b) % 8);
        }
        struct snap_in in = { b_read, &bad };
        struct err e = { 0 };
        b->r->retired = now; /* states belong to a time */
        if (device_load(target(b), &in, &e)) {
            poke(b, 100);
        } else {
            ck_assert_msg(e.code == ERR_STATE && e.msg[0], "%s: refused without a reason",
                          cls->name);
        }
        rig_reset(b->r, RESET_POWER_ON);
        poke(b, 30);
        xfree(bad.data);
        bench_free(b);
    }
    /* And values that keep the structure: each field's bytes to all ones, all zeros, noise. */
    for (size_t at = 1 + (size_t)good.data[0] + 8; at < good.len;) {
        size_t tag = good.data[at], val = at + 1 + tag + 4, len = ld32(good.data + at + 1 + tag);
        for (int how = 0; how < 3; how++) {
            b = bench(cls, (u64)(_i * 1000) + at);
            struct bytes bad = { xcalloc(good.len, 1), good.len, 0 };
            memcpy(bad.data, good.data, good.len);
            for (size_t i = 0; i < len; i++)
                bad.data[val + i] = how == 0 ? 0xff : how == 1 ? 0 : (u8)rnd(b);
            struct snap_in in = { b_read, &bad };
            struct err e = { 0 };
            b->r->retired = now;
            if (device_load(target(b), &in, &e))
                poke(b, 100);
            xfree(bad.data);
            bench_free(b);
        }
        at = val + len;
    }
    xfree(good.data);
}
END_TEST

Suite *suite_all(void);
Suite *suite_all(void)
{
    Suite *s = suite_create("all");
    TCase *tc = tcase_create("all");
    int n = 0;
    while (device_classes[n])
        n++;
    tcase_set_timeout(tc, 120);
    tcase_add_loop_test(tc, round_trips, 0, n * SEEDS);
    tcase_add_loop_test(tc, the_loaded_one_goes_on_alike, 0, n * SEEDS);
    tcase_add_loop_test(tc, reset_is_idempotent, 0, n * SEEDS);
    tcase_add_loop_test(tc, peeks_change_nothing, 0, n * SEEDS);
    tcase_add_loop_test(tc, hostile_state, 0, n * SEEDS);
    suite_add_tcase(s, tc);
    return s;
}
