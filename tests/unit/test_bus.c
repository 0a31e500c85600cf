/* SPDX-License-Identifier: MIT */
/* Address spaces: flat views and splitting against a byte-by-byte model. */
#include <check.h>
#include <stdlib.h>

#include "core/bus.h"
#include "core/err.h"
#include "core/log.h"
#include "core/ram.h"
#include "core/strbuf.h"

struct access { u32 off, val; unsigned size; bool write; const void *dev; };
static struct access seen[64]; /* test-only; each test runs in a process of its own */
static unsigned num_seen;

static u32 pattern(const void *dev, u32 off)
{
    u32 v = 0;
    for (int i = 0; i < 4; i++)
        v |= (u32)(u8)((off + (u32)i) * 7 + (u32)(uintptr_t)dev) << (8 * i);
    return v;
}

static u32 t_read(void *dev, u32 off, unsigned size)
{
    seen[num_seen++ % 64] = (struct access){ off, 0, size, false, dev };
    return pattern(dev, off) | (size < 4 ? 0xff000000u : 0); /* junk above size must not matter */
}

static u32 t_peek(void *dev, u32 off, unsigned size)
{
    (void)size;
    return pattern(dev, off);
}

static void t_write(void *dev, u32 off, u32 val, unsigned size)
{
    ck_assert_uint_eq(val & ~size_mask(size), 0);
    seen[num_seen++ % 64] = (struct access){ off, val, size, true, dev };
}

#define OPS(lo, hi, un) { t_read, t_write, t_peek, lo, hi, un }
static const struct region_ops ops[] = {
    OPS(0, 0, false), OPS(1, 1, false), OPS(1, 2, false), OPS(2, 2, false), OPS(2, 4, false),
    OPS(4, 4, false), OPS(1, 4, true), OPS(1, 2, true),
};

struct fix {
    struct log log;
    struct ram ram;
    struct space s;
    u8 *mem;
    char text[4096];
};

static void sink(void *to, enum log_class cls, const char *line)
{
    struct fix *f = to;
    (void)cls;
    if (strlen(f->text) + strlen(line) + 2 < sizeof(f->text))
        strcat(strcat(f->text, line), "\n");
}

static struct fix *fix(u64 limit)
{
    struct fix *f = calloc(1, sizeof(*f));
    log_init(&f->log);
    f->log.mask = ~0u;
    f->log.sink = sink;
    f->log.sink_to = f;
    f->mem = aligned_alloc(4096, 16 * 4096);
    for (int i = 0; i < 16 * 4096; i++)
        f->mem[i] = (u8)(i * 13 + (i >> 8));
    ram_init(&f->ram, (struct ram_object){ .base = f->mem, .size = 16 * 4096, .fd = -1 });
    space_init(&f->s, "space", limit, &f->log, &f->ram);
    num_seen = 0;
    return f;
}

static struct region io(paddr base, u64 size, int kind, int prio, uintptr_t dev)
{
    return (struct region){ .name = "io", .base = base, .size = size, .ops = &ops[kind],
                            .dev = (void *)dev, .prio = prio, .flags = REGION_RW };
}

static void map(struct fix *f, struct region *r)
{
    struct err e = { 0 };
    ck_assert_msg(space_map(&f->s, r, &e), "%s", e.msg);
}

static void expect(unsigned i, u32 off, unsigned size)
{
    ck_assert_uint_lt(i, num_seen);
    ck_assert_uint_eq(seen[i].off, off);
    ck_assert_uint_eq(seen[i].size, size);
}

START_TEST(splits_ascending_and_aligned)
{
    struct fix *f = fix(0xffff);
    struct region r4 = io(0x100, 16, 0, 0, 1), r1 = io(0x200, 16, 1, 0, 2), r2 = io(0x300, 16, 2, 0, 3);
    map(f, &r4), map(f, &r1), map(f, &r2);

    space_read(&f->s, 0x104, 4);
    expect(0, 4, 4);
    num_seen = 0;
    space_read(&f->s, 0x105, 4); /* 1, 2, 1 */
    ck_assert_uint_eq(num_seen, 3);
    expect(0, 5, 1), expect(1, 6, 2), expect(2, 8, 1);
    num_seen = 0;
    space_read(&f->s, 0x106, 4);
    ck_assert_uint_eq(num_seen, 2);
    expect(0, 6, 2), expect(1, 8, 2);
    num_seen = 0;
    space_write(&f->s, 0x202, 0x44332211, 4);
    ck_assert_uint_eq(num_seen, 4);
    for (unsigned i = 0; i < 4; i++) {
        expect(i, 2 + i, 1);
        ck_assert_uint_eq(seen[i].val, 0x11 * (i + 1));
    }
    num_seen = 0;
    space_write(&f->s, 0x304, 0x44332211, 4);
    ck_assert_uint_eq(num_seen, 2);
    expect(0, 4, 2), expect(1, 6, 2);
    ck_assert_uint_eq(seen[1].val, 0x4433);
}
END_TEST

START_TEST(merges_what_is_narrower_than_min)
{
    struct fix *f = fix(0xffff);
    struct region r = io(0x100, 16, 5, 0, 1); /* 4 to 4 */
    map(f, &r);
    ck_assert_uint_eq(space_read(&f->s, 0x106, 1), (pattern((void *)1, 4) >> 16) & 0xff);
    expect(0, 4, 4);
    num_seen = 0;
    space_write(&f->s, 0x106, 0xabcd, 2);
    ck_assert_uint_eq(num_seen, 1);
    expect(0, 4, 4);
    ck_assert_uint_eq(seen[0].val, (pattern((void *)1, 4) & 0xffff) | 0xabcd0000u);

    static const struct region_ops no_peek = { t_read, t_write, NULL, 4, 4, false };
    r.ops = &no_peek;
    num_seen = 0;
    space_write(&f->s, 0x106, 0xabcd, 2);
    ck_assert_uint_eq(num_seen, 0);
    ck_assert_ptr_nonnull(strstr(f->text, "narrower"));
    ck_assert_uint_eq(space_peek(&f->s, 0x104, 4), 0xffffffff);
}
END_TEST

START_TEST(first_byte_decides_who_gets_the_access)
{
    struct fix *f = fix(0xffff);
    struct region cf8 = io(0xcf8, 4, 0, PRIO_PORT, 1), cf9 = io(0xcf9, 1, 1, PRIO_PORT_OVER, 2);
    map(f, &cf8), map(f, &cf9);
    space_write(&f->s, 0xcf8, 0x80000000, 4);
    ck_assert_uint_eq(num_seen, 1);
    ck_assert_ptr_eq(seen[0].dev, (void *)1);
    ck_assert_uint_eq(seen[0].val, 0x80000000);
    space_write(&f->s, 0xcf9, 6, 1);
    ck_assert_ptr_eq(seen[1].dev, (void *)2);
    expect(1, 0, 1);
}
END_TEST

START_TEST(unmapped_and_limits)
{
    struct fix *f = fix(0xffff);
    ck_assert_uint_eq(space_read(&f->s, 0x80, 1), 0xff);
    ck_assert_uint_eq(space_read(&f->s, 0x80, 2), 0xffff);
    ck_assert_uint_eq(space_read(&f->s, 0xffff, 4), 0xffffffff);
    space_write(&f->s, 0xfffe, 1, 4);
    space_write(&f->s, 0x80, 1, 1);
    space_write(&f->s, 0x80, 2, 1);
    const char *first = strstr(f->text, "write to unmapped port 080");
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_null(strstr(first + 1, "write to unmapped port 080"));
    struct region r = io(0xfffe, 2, 0, 0, 1), big = io(0xfffe, 3, 0, 0, 1);
    struct err e = { 0 };
    ck_assert(!space_map(&f->s, &big, &e));
    ck_assert_int_eq(e.code, ERR_CONFIG);
    map(f, &r);
    ck_assert_uint_eq(space_read(&f->s, 0xfffe, 4), 0xffff0000u | (pattern((void *)1, 0) & 0xffff));
}
END_TEST

START_TEST(overlap_is_refused)
{
    struct fix *f = fix(0xfffffffff);
    struct region a = io(0x1000, 0x100, 0, 5, 1), b = io(0x10ff, 1, 0, 5, 2), c = io(0x10ff, 1, 0, 6, 3);
    struct err e = { 0 };
    map(f, &a);
    ck_assert(!space_map(&f->s, &b, &e));
    ck_assert_ptr_nonnull(strstr(e.msg, "overlaps"));
    ck_assert(!space_map(&f->s, &a, &e));
    map(f, &c);
    paddr end;
    ck_assert_ptr_eq(space_find(&f->s, 0x10fe, false, &end), &a);
    ck_assert_uint_eq(end, 0x10fe);
    ck_assert_ptr_eq(space_find(&f->s, 0x10ff, false, &end), &c);
    ck_assert_ptr_null(space_find(&f->s, 0x1100, false, &end));
    ck_assert_uint_eq(end, 0xfffffffff);
    ck_assert_ptr_null(space_find(&f->s, 0, false, &end));
    ck_assert_uint_eq(end, 0xfff);

    struct region bar1 = io(0x8000, 0x100, 0, 0, 4), bar2 = io(0x8080, 0x100, 0, 0, 5);
    bar1.flags = bar2.flags = REGION_RW | REGION_GUEST_PLACED;
    map(f, &bar1), map(f, &bar2);
    ck_assert_ptr_eq(space_find(&f->s, 0x8080, false, NULL), &bar1);
    ck_assert_ptr_eq(space_find(&f->s, 0x8100, false, NULL), &bar2);
    space_enable(&f->s, &bar1, false);
    ck_assert_ptr_eq(space_find(&f->s, 0x8080, true, NULL), &bar2);
    ck_assert_ptr_null(space_find(&f->s, 0x807f, true, NULL));
    space_move(&f->s, &bar2, 0xfffffffffull - 0xff);
    ck_assert_ptr_eq(space_find(&f->s, 0xfffffffff, true, NULL), &bar2);
    space_move(&f->s, &bar2, 0xfffffffffull - 0xfe); /* sticks out */
    ck_assert_ptr_null(space_find(&f->s, 0xfffffffff, true, NULL));
    /* two regions that share no direction may lie at one place */
    struct region rd = io(0x9000, 16, 0, 5, 6), wr = io(0x9000, 16, 0, 5, 7);
    rd.flags = REGION_READ, wr.flags = REGION_WRITE;
    map(f, &rd), map(f, &wr);
    ck_assert_ptr_eq(space_find(&f->s, 0x9000, false, NULL), &rd);
    ck_assert_ptr_eq(space_find(&f->s, 0x9000, true, NULL), &wr);
}
END_TEST

static u32 changes;
static paddr change_start, change_end;
static void on_change(void *to, paddr start, paddr end)
{
    (void)to;
    changes++;
    change_start = start;
    change_end = end;
}

START_TEST(batches_and_notices)
{
    struct fix *f = fix(0xfffffffff);
    struct region a = io(0x1000, 0x100, 0, 5, 1), b = io(0x5000, 0x100, 0, 5, 2);
    f->s.on_change = on_change;
    map(f, &a);
    ck_assert_uint_eq(changes, 1);
    ck_assert_uint_eq(change_start, 0x1000);
    ck_assert_uint_eq(change_end, 0x10ff);
    map(f, &b);
    changes = 0;
    space_begin(&f->s);
    space_move(&f->s, &a, 0x3000);
    space_begin(&f->s);
    space_set_flags(&f->s, &b, REGION_READ);
    space_end(&f->s);
    ck_assert_uint_eq(changes, 0);
    space_end(&f->s);
    ck_assert_uint_eq(changes, 1);
    ck_assert_uint_eq(change_start, 0x1000);
    ck_assert_uint_eq(change_end, 0x50ff);
    ck_assert_ptr_null(space_find(&f->s, 0x5000, true, NULL));
    space_move(&f->s, &a, 0x3000);
    space_enable(&f->s, &a, true);
    ck_assert_uint_eq(changes, 1); /* nothing changed */
    space_unmap(&f->s, &a);
    ck_assert_uint_eq(changes, 2);
}
END_TEST

/* PAM: reads from ROM, writes to RAM; DMA; code notices. */
static u32 code_frame, code_off, code_len, code_calls;
static void code_written(void *to, u32 frame, u32 off, u32 len)
{
    struct fix *f = to;
    code_calls++, code_frame = frame, code_off = off, code_len = len;
    ram_clear_flag(&f->ram, frame, RAM_CODE);
}

struct dma_seen {
    unsigned n;
    paddr addr;
    u32 len;
    bool write;
    u8 bytes[8];
};

static void see_dma(void *to, paddr addr, const void *buf, u32 len, bool write)
{
    struct dma_seen *got = to;

    got->n++;
    got->addr = addr;
    got->len = len;
    got->write = write;
    memcpy(got->bytes, buf, MIN(len, 8u));
}

/* One call a transfer, whatever pages it crosses, with what moved: the trace hash depends on it. */
START_TEST(dma_is_traced)
{
    struct fix *f = fix(0xfffffffff);
    struct dma_seen dma = { 0 };
    struct region ram = { .name = "ram", .base = 0, .size = 2 * 4096, .kind = REGION_RAM,
                          .prio = PRIO_RAM, .flags = REGION_RW };
    u8 back[4];

    map(f, &ram);
    f->s.trace_dma = see_dma;
    f->s.trace_to = &dma;
    dma_write(&f->s, 0xffe, "abcd", 4);
    ck_assert_uint_eq(dma.n, 1);
    ck_assert_uint_eq(dma.addr, 0xffe);
    ck_assert_uint_eq(dma.len, 4);
    ck_assert(dma.write);
    ck_assert_mem_eq(dma.bytes, "abcd", 4);
    dma_read(&f->s, 0xfff, back, 3);
    ck_assert_uint_eq(dma.n, 2);
    ck_assert_uint_eq(dma.addr, 0xfff);
    ck_assert(!dma.write);
    ck_assert_mem_eq(dma.bytes, "bcd", 3);
}
END_TEST

START_TEST(ram_rom_and_dma)
{
    struct fix *f = fix(0xfffffffff);
    struct region ram = { .name = "ram", .base = 0, .size = 4 * 4096, .kind = REGION_RAM,
                          .prio = PRIO_RAM, .flags = REGION_RW };
    struct region rom = { .name = "rom", .base = 0x2000, .size = 4096, .kind = REGION_ROM,
                          .ram_frame = 8, .prio = PRIO_ROM, .flags = REGION_RW };
    struct region shadow = { .name = "shadow", .base = 0x2000, .size = 4096, .kind = REGION_RAM,
                             .ram_frame = 2, .prio = PRIO_SHADOW, .flags = REGION_WRITE };
    map(f, &ram), map(f, &rom);
    ram_set_flag(&f->ram, 8, RAM_ROM);
    u8 was = f->mem[8 * 4096 + 5];
    space_write(&f->s, 0x2005, ~was, 1); /* lost */
    ck_assert_uint_eq(f->mem[8 * 4096 + 5], was);
    map(f, &shadow);
    space_write(&f->s, 0x2005, (u8)~was, 1);
    ck_assert_uint_eq(f->mem[8 * 4096 + 5], was);
    ck_assert_uint_eq(f->mem[2 * 4096 + 5], (u8)~was);
    ck_assert_uint_eq(space_read(&f->s, 0x2005, 1), was);

    /* across RAM into ROM, and over page borders */
    memcpy(&f->mem[0xffe], "\x11\x22\x33\x44", 4);
    ck_assert_uint_eq(space_read(&f->s, 0xffe, 4), 0x44332211);
    ck_assert_uint_eq(space_read(&f->s, 0x1fff, 2),
                      f->mem[0x1fff] | (unsigned)f->mem[8 * 4096] << 8);
    ck_assert_uint_eq(space_read(&f->s, 0x3ffe, 4),
                      0xffff0000u | f->mem[0x3ffe] | (unsigned)f->mem[0x3fff] << 8);

    f->ram.code_written = code_written;
    f->ram.code_to = f;
    ram_set_flag(&f->ram, 1, RAM_CODE | RAM_CLEAN);
    u8 buf[0x3000], back[0x5000];
    for (unsigned i = 0; i < sizeof(buf); i++)
        buf[i] = (u8)(i * 3);
    u8 rom_first = f->mem[8 * 4096];
    dma_write(&f->s, 0xff0, buf, sizeof(buf));
    ck_assert_uint_eq(code_calls, 1);
    ck_assert_uint_eq(code_frame, 1);
    ck_assert_uint_eq(code_off, 0);
    ck_assert_uint_eq(code_len, 4096);
    ck_assert_uint_eq(f->ram.flags[1], 0);
    ck_assert_mem_eq(&f->mem[0xff0], buf, sizeof(buf)); /* frame 2 by the shadow */
    ck_assert_uint_eq(f->mem[8 * 4096], rom_first);
    dma_read(&f->s, 0, back, sizeof(back));
    ck_assert_mem_eq(back, f->mem, 0x2000);
    ck_assert_mem_eq(back + 0x2000, &f->mem[8 * 4096], 0x1000);
    for (unsigned i = 0x4000; i < 0x5000; i++)
        ck_assert_uint_eq(back[i], 0xff);
    ck_assert_ptr_nonnull(strstr(f->text, "DMA from 4000"));

    space_write(&f->s, 0x1ffe, 0xaabbccdd, 1);
    ram_set_flag(&f->ram, 1, RAM_CODE);
    space_write(&f->s, 0x1ffe, 0x1234, 2);
    ck_assert_uint_eq(code_off, 0xffe);
    ck_assert_uint_eq(code_len, 2);

    struct region bad = { .name = "bad", .base = 0x10000, .size = 9 * 4096, .kind = REGION_RAM,
                          .ram_frame = 8, .flags = REGION_RW };
    struct err e = { 0 };
    ck_assert(!space_map(&f->s, &bad, &e)); /* more frames than there are */
}
END_TEST

/* Random maps: who answers at each address, and what a read of any size and alignment gives,
 * against the definition. Patterns depend on region and offset alone, so however an access is
 * split its bytes are known. */
START_TEST(random_maps_against_model)
{
    struct region r[24];
    srand(11);
    for (int round = 0; round < 300; round++) {
        bool ports = round & 1;
        struct fix *f = fix(ports ? 0xffff : 0xfffffffff);
        unsigned n = 0;
        for (unsigned i = 0; i < 24; i++) {
            r[i] = io((paddr)(rand() % 250), 1 + (u64)(rand() % 60), rand() % 8, rand() % 5,
                      (uintptr_t)(100 + 17 * i));
            r[i].flags = (u8)(rand() % 4) | REGION_GUEST_PLACED;
            if (rand() % 4 == 0 && !ports) {
                r[i].kind = REGION_RAM;
                r[i].base = 0, r[i].size = 4096, r[i].ram_frame = (u32)(rand() % 16);
                r[i].prio = 0;
            }
            struct err e = { 0 };
            if (space_map(&f->s, &r[i], &e))
                n++;
            if (rand() % 5 == 0)
                space_enable(&f->s, &r[rand() % (int)(i + 1)], rand() % 2);
            if (rand() % 5 == 0) {
                struct region *m = &r[rand() % (int)(i + 1)];
                if (m->kind == REGION_IO)
                    space_move(&f->s, m, (paddr)(rand() % 250));
            }
            if (rand() % 9 == 0)
                space_unmap(&f->s, &r[rand() % (int)(i + 1)]);
        }
        ck_assert_uint_gt(n, 10);
        struct region *who[2][400];
        for (int dir = 0; dir < 2; dir++)
            for (paddr a = 0; a < 400; a++) {
                struct region *best = NULL;
                for (unsigned i = 0; i < 24; i++)
                    if (r[i].mapped && r[i].enabled && (r[i].flags & (dir ? REGION_WRITE : REGION_READ)) &&
                        a >= r[i].base && a < r[i].base + r[i].size &&
                        (!best || r[i].prio > best->prio ||
                         (r[i].prio == best->prio && r[i].seq < best->seq)))
                        best = &r[i];
                who[dir][a] = best;
                paddr end;
                ck_assert_ptr_eq(space_find(&f->s, a, dir, &end), best);
                ck_assert_uint_ge(end, a);
            }
        for (int k = 0; k < 3000; k++) {
            paddr a = (paddr)(rand() % 390);
            unsigned size = 1 + (unsigned)(rand() % 4);
            num_seen = 0;
            u32 got = space_read(&f->s, a, size);
            ck_assert_uint_eq(got & ~size_mask(size), 0);
            struct region *owner = NULL;
            for (unsigned i = 0; i < size; i++) {
                struct region *w = who[0][a + i];
                u8 byte = (u8)(got >> (8 * i));
                if (!i || w == owner) {
                    owner = w;
                    if (!w)
                        ck_assert_uint_eq(byte, 0xff);
                    else if (w->kind == REGION_RAM)
                        ck_assert_uint_eq(byte, f->mem[(w->ram_frame << 12) + a + i]);
                    else if (w->size - (a + i - w->base) >= 4 && a + i - w->base >= 3)
                        ck_assert_uint_eq(byte, (u8)pattern(w->dev, (u32)(a + i - w->base)));
                } else {
                    break; /* from here the first one's reach depends on its widths: below */
                }
            }
            /* each handler call was legal */
            for (unsigned i = 0; i < num_seen; i++) {
                const struct region *w = NULL;
                for (unsigned j = 0; j < 24; j++)
                    if (r[j].dev == seen[i].dev)
                        w = &r[j];
                unsigned min = w->ops->min ? w->ops->min : 1, max = w->ops->max ? w->ops->max : 4;
                ck_assert_uint_ge(seen[i].size, min);
                ck_assert_uint_le(seen[i].size, max);
                ck_assert(seen[i].size == 1 || seen[i].size == 2 || seen[i].size == 4);
                ck_assert_uint_le(seen[i].off + seen[i].size, w->size);
                if (!w->ops->unaligned)
                    ck_assert_uint_eq(seen[i].off & (seen[i].size - 1), 0);
            }
            num_seen = 0;
            ck_assert_uint_eq(space_peek(&f->s, a, size), got);
            ck_assert_uint_eq(num_seen, 0);
        }
        struct strbuf sb = { 0 };
        space_info(&f->s, &sb);
        ck_assert_uint_gt(sb.len, 100);
        sb_free(&sb);
        space_free(&f->s);
        ram_free(&f->ram);
        log_free(&f->log);
        free(f->mem);
        free(f);
    }
}
END_TEST

Suite *suite_bus(void);
Suite *suite_bus(void)
{
    Suite *s = suite_create("bus");
    TCase *tc = tcase_create("bus");
    tcase_set_timeout(tc, 30);
    tcase_add_test(tc, splits_ascending_and_aligned);
    tcase_add_test(tc, merges_what_is_narrower_than_min);
    tcase_add_test(tc, first_byte_decides_who_gets_the_access);
    tcase_add_test(tc, unmapped_and_limits);
    tcase_add_test(tc, overlap_is_refused);
    tcase_add_test(tc, batches_and_notices);
    tcase_add_test(tc, ram_rom_and_dma);
    tcase_add_test(tc, dma_is_traced);
    tcase_add_test(tc, random_maps_against_model);
    suite_add_tcase(s, tc);
    return s;
}
