/* SPDX-License-Identifier: MIT */
/* Devices from class tables: properties, pins, regions, and the order of their end. */
#include <check.h>
#include <stdlib.h>

#include "core/device.h"
#include "core/xalloc.h"

struct toy {
    struct device dev;
    u32 iobase;
    bool fast;
    char *label;
    struct block *disk;
    struct wire out[3], irq;
    struct timer timer;
    struct region bar; /* mapped without device_io, as a PCI chip's */
    u8 reg;
    int levels[2];
    bool mute;         /* init fails without a reason */
};

static u32 toy_read(void *dev, u32 off, unsigned size)
{
    (void)size;
    return ((struct toy *)dev)->reg + off;
}

static void toy_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct toy *t = dev;
    (void)off, (void)size;
    t->reg = (u8)val;
    wire_set(&t->irq, val & 1);
}

static const struct region_ops toy_ops = { toy_read, toy_write, NULL, 1, 1, false };

static void tick(void *dev, u64 late) { (void)dev, (void)late; }

static bool toy_init(struct device *dev, struct err *e)
{
    struct toy *t = (struct toy *)dev;
    if (t->mute)
        return false;
    timer_init(&t->timer, dev->sys->clock, tick, t, "toy");
    t->bar = (struct region){ .name = "bar", .base = 0x8000, .size = 16, .ops = &toy_ops, .dev = t,
                              .flags = REGION_RW | REGION_GUEST_PLACED };
    return device_io(dev, "toy", t->iobase, 4, &toy_ops, e) && space_map(dev->sys->io, &t->bar, e);
}

static void toy_in(void *dev, int n, int level) { ((struct toy *)dev)->levels[n] = level; }

static bool toy_post_load(struct device *dev, struct err *e)
{
    struct toy *t = (struct toy *)dev;
    if (t->reg > 100)
        return t->reg == 101 ? err_set(e, ERR_STATE, "reg is %u", t->reg) : false;
    return true;
}

static const struct prop props[] = {
    { "iobase", PROP_U32, offsetof(struct toy, iobase), 0x300, NULL, "first port" },
    { "fast", PROP_BOOL, offsetof(struct toy, fast), 1, NULL, "" },
    { "label", PROP_STR, offsetof(struct toy, label), 0, "none", "" },
    { "disk", PROP_BLOCK, offsetof(struct toy, disk), 0, NULL, "" },
    { 0 },
};
static const struct pin pins[] = {
    { "out", PIN_OUT, 3, offsetof(struct toy, out), NULL },
    { "irq", PIN_OUT, 1, offsetof(struct toy, irq), NULL },
    { "in", PIN_IN, 2, 0, toy_in },
    { 0 },
};
static const struct field fields[] = { F_U8(struct toy, reg), F_TIMER(struct toy, timer), F_END };
static const struct device_class toy_class = {
    .name = "toy", .desc = "", .size = sizeof(struct toy), .props = props, .pins = pins,
    .init = toy_init, .fields = fields, .version = 1, .post_load = toy_post_load,
};

struct bench {
    struct space mem, io;
    struct clock clock;
    struct log log;
    u64 retired;
    struct system sys;
};

static struct bench *bench(void)
{
    struct bench *b = xcalloc(1, sizeof(*b));
    log_init(&b->log);
    clock_init(&b->clock, CLOCK_COUNTED, 1, &b->retired, NULL, NULL);
    space_init(&b->mem, "memory", 0xffffffff, &b->log, NULL);
    space_init(&b->io, "ports", 0xffff, &b->log, NULL);
    b->sys = (struct system){ .mem = &b->mem, .io = &b->io, .clock = &b->clock, .log = &b->log };
    return b;
}

static struct toy *toy(struct bench *b, const char *id)
{
    return (struct toy *)device_new(&toy_class, id, &b->sys);
}

static void set_fails(struct device *d, const char *prop, const char *value, const char *text)
{
    struct err e = { 0 };
    ck_assert(!device_set(d, prop, value, &e));
    ck_assert_int_eq(e.code, ERR_CONFIG);
    ck_assert_msg(strstr(e.msg, text) != NULL, "%s", e.msg);
}

START_TEST(properties)
{
    struct toy *t = toy(bench(), "t");
    struct device *d = &t->dev;
    struct err e = { 0 };
    ck_assert_uint_eq(t->iobase, 0x300);
    ck_assert(t->fast);
    ck_assert_str_eq(t->label, "none");
    ck_assert(device_set(d, "iobase", "0x10", &e));
    ck_assert_uint_eq(t->iobase, 16);
    ck_assert(device_set(d, "iobase", "4M", &e));
    ck_assert_uint_eq(t->iobase, 4u << 20);
    ck_assert(device_set(d, "iobase", "4294967295", &e));
    ck_assert_uint_eq(t->iobase, 0xffffffff);
    set_fails(d, "iobase", "4294967296", "iobase=4294967296");
    set_fails(d, "iobase", "4G", "iobase=4G");
    set_fails(d, "iobase", "-1", "iobase=-1");
    set_fails(d, "iobase", "", "number");
    set_fails(d, "iobase", "12x", "number");
    set_fails(d, "iobase", "99999999999999999999999", "number");
    ck_assert_uint_eq(t->iobase, 0xffffffff);
    ck_assert(device_set(d, "fast", "off", &e));
    ck_assert(!t->fast);
    ck_assert(device_set(d, "fast", "yes", &e));
    ck_assert(t->fast);
    set_fails(d, "fast", "maybe", "neither on nor off");
    ck_assert(device_set(d, "label", "a", &e) && device_set(d, "label", "bc", &e));
    ck_assert_str_eq(t->label, "bc");
    set_fails(d, "colour", "red", "toy has no property \"colour\"");
    set_fails(d, "disk", "x", "takes no text");
    ck_assert(device_set_ptr(d, "disk", &e, &e));
    ck_assert_ptr_eq(t->disk, &e);
    ck_assert(!device_set_ptr(d, "iobase", &e, &e));
    device_free(d);
}
END_TEST

START_TEST(regions_and_end)
{
    struct bench *b = bench();
    struct toy *t = toy(b, "t"), *u = toy(b, "u"), *v = toy(b, "v");
    struct err e = { 0 };
    ck_assert(device_init(&t->dev, &e));
    ck_assert_uint_eq(space_read(&b->io, 0x302, 1), 2);
    ck_assert(!device_init(&u->dev, &e)); /* the same ports */
    ck_assert_ptr_nonnull(strstr(e.msg, "u (toy)"));
    ck_assert_ptr_nonnull(strstr(e.msg, "overlaps"));
    v->mute = true;
    memset(&e, 0, sizeof(e));
    ck_assert(!device_init(&v->dev, &e));
    ck_assert_int_eq(e.code, ERR_INTERNAL);
    device_free(&u->dev);
    device_free(&v->dev);
    timer_at(&t->timer, 100);
    ck_assert_uint_eq(b->io.num_regions, 2);
    device_free(&t->dev);
    ck_assert_uint_eq(b->io.num_regions, 0); /* the BAR, too */
    ck_assert_uint_eq(space_read(&b->io, 0x302, 1), 0xff);
    ck_assert_uint_eq(clock_next(&b->clock), CLOCK_NEVER);

    t = toy(b, "t");
    ck_assert(device_init(&t->dev, NULL));
    for (unsigned i = t->dev.num_regions; i < DEVICE_MAX_REGIONS; i++)
        ck_assert_ptr_nonnull(device_mmio(&t->dev, "m", 0x1000u * i, 16, PRIO_BAR, &toy_ops, NULL));
    ck_assert_ptr_null(device_mmio(&t->dev, "m", 0x100000, 16, PRIO_BAR, &toy_ops, NULL));
    device_free(&t->dev);
    ck_assert_uint_eq(b->mem.num_regions, 0);
}
END_TEST

START_TEST(pins_by_name)
{
    struct bench *b = bench();
    struct toy *t = toy(b, "t"), *u = toy(b, "u");
    struct wire w;
    struct err e = { 0 };
    ck_assert_ptr_eq(device_out(&t->dev, "out0"), &t->out[0]);
    ck_assert_ptr_eq(device_out(&t->dev, "out2"), &t->out[2]);
    ck_assert_ptr_eq(device_out(&t->dev, "irq"), &t->irq);
    static const char *const none[] = { "out", "out3", "out-1", "out+1", "out1x", "out 1", "irq0",
                                        "in0", "", "ou" };
    for (unsigned i = 0; i < ARRAY_LEN(none); i++)
        ck_assert_msg(!device_out(&t->dev, none[i]), "%s", none[i]);
    ck_assert(!device_in(&t->dev, "in2", &w));
    ck_assert(!device_in(&t->dev, "irq", &w));
    ck_assert(device_in(&t->dev, "in1", &w));
    wire_set(&w, 1);
    ck_assert_int_eq(t->levels[1], 1);
    ck_assert_int_eq(t->levels[0], 0);

    ck_assert(device_connect(&t->dev, "irq", &u->dev, "in1", &e));
    toy_write(t, 0, 1, 1);
    ck_assert_int_eq(u->levels[1], 1);
    ck_assert(!device_connect(&t->dev, "irq", &u->dev, "in0", &e));
    ck_assert_ptr_nonnull(strstr(e.msg, "t.irq is connected twice"));
    e.code = ERR_NONE;
    ck_assert(!device_connect(&t->dev, "out7", &u->dev, "in0", &e));
    ck_assert_ptr_nonnull(strstr(e.msg, "no output pin \"out7\""));
    e.code = ERR_NONE;
    ck_assert(!device_connect(&t->dev, "out1", &u->dev, "in9", &e));
    ck_assert_ptr_nonnull(strstr(e.msg, "no input pin \"in9\""));
    ck_assert_ptr_null(t->out[1].set);
}
END_TEST

struct bytes { u8 p[4096]; size_t len, pos; };
static bool put(void *to, const void *p, size_t n)
{
    struct bytes *b = to;
    memcpy(b->p + b->len, p, n);
    b->len += n;
    return true;
}
static bool get(void *from, void *p, size_t n)
{
    struct bytes *b = from;
    if (n > b->len - b->pos)
        return false;
    memcpy(p, b->p + b->pos, n);
    b->pos += n;
    return true;
}

START_TEST(save_and_load)
{
    static const struct { u8 reg; const char *text; } cases[] = {
        { 100, NULL }, { 101, "section t: reg is 101" }, { 102, "section t: its saved state" },
    };
    for (unsigned i = 0; i < ARRAY_LEN(cases); i++) {
        struct bench *b = bench();
        struct toy *t = toy(b, "t");
        struct bytes s = { .len = 0 };
        struct snap_out out = { put, &s };
        struct snap_in in = { get, &s };
        struct err e = { 0 };
        ck_assert(device_init(&t->dev, &e));
        t->reg = cases[i].reg;
        ck_assert(device_save(&t->dev, &out, &e));
        t->reg = 0;
        ck_assert_int_eq(device_load(&t->dev, &in, &e), !cases[i].text);
        ck_assert_uint_eq(t->reg, cases[i].reg);
        if (cases[i].text)
            ck_assert_msg(strstr(e.msg, cases[i].text) && e.code == ERR_STATE, "%s", e.msg);
        device_free(&t->dev);
    }
}
END_TEST

Suite *suite_device(void);
Suite *suite_device(void)
{
    Suite *s = suite_create("device");
    TCase *tc = tcase_create("device");
    tcase_add_test(tc, properties);
    tcase_add_test(tc, regions_and_end);
    tcase_add_test(tc, pins_by_name);
    tcase_add_test(tc, save_and_load);
    suite_add_tcase(s, tc);
    return s;
}
