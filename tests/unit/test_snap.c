/* SPDX-License-Identifier: MIT */
/* Field tables: round trips, versions, and streams that are not what they should be. */
#include <check.h>
#include <stdlib.h>

#include "core/clock.h"
#include "core/fifo.h"
#include "core/snap.h"
#include "core/xalloc.h"

struct sub {
    u8 a;
    u32 b[3];
    struct fifo f;
};

struct obj {
    u8 u8v;
    u16 u16v;
    u32 u32v;
    u64 u64v;
    i32 i32v;
    i64 i64v;
    bool flag;
    u16 matrix[3][5];
    struct sub sub[2];
    struct timer t1, t2, t3;
    u8 *buf;
    u32 buf_len;
    u8 f80[2][16];
    u32 later; /* since version 2 */
};

static u32 buf_len(const void *obj) { return ((const struct obj *)obj)->buf_len; }

static const struct field fifo_fields[] = FIFO_FIELDS;
static const struct field sub_fields[] = {
    F_U8(struct sub, a), F_ARRAY(struct sub, b, u32),
    F_SUB(struct sub, f, struct fifo, fifo_fields), F_END
};
static const struct field fields[] = {
    F_U8(struct obj, u8v), F_U16(struct obj, u16v), F_U32(struct obj, u32v),
    F_U64(struct obj, u64v), F_I32(struct obj, i32v), F_I64(struct obj, i64v),
    F_BOOL(struct obj, flag), F_ARRAY(struct obj, matrix, u16),
    F_SUB(struct obj, sub, struct sub, sub_fields),
    F_TIMER(struct obj, t1), F_TIMER(struct obj, t2), F_TIMER(struct obj, t3),
    F_BUF(struct obj, buf, buf_len),
    { "f80", FIELD_F80, offsetof(struct obj, f80), 16, 2, NULL, 0, NULL, 0 },
    { "later", FIELD_INT, offsetof(struct obj, later), 4, 1, NULL, 0, NULL, 2 },
    F_END
};
/* As version 1 of the program had it, and in another order. */
static const struct field old_fields[] = {
    F_BUF(struct obj, buf, buf_len), F_TIMER(struct obj, t3), F_TIMER(struct obj, t2),
    F_TIMER(struct obj, t1), F_SUB(struct obj, sub, struct sub, sub_fields),
    F_ARRAY(struct obj, matrix, u16), F_BOOL(struct obj, flag), F_I64(struct obj, i64v),
    F_I32(struct obj, i32v), F_U64(struct obj, u64v), F_U32(struct obj, u32v),
    F_U16(struct obj, u16v), F_U8(struct obj, u8v),
    { "f80", FIELD_F80, offsetof(struct obj, f80), 16, 2, NULL, 0, NULL, 0 }, F_END
};

struct bytes { u8 *p; size_t len, pos, limit; };

static bool put(void *to, const void *p, size_t n)
{
    struct bytes *b = to;
    if (b->limit && b->len + n > b->limit)
        return false;
    b->p = xrealloc(b->p, b->len + n);
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

struct bench { struct clock c; u64 retired; struct obj o; };
static char fired[8]; /* test-only; each test runs in a process of its own */
static void fire(void *dev, u64 late)
{
    (void)late;
    strncat(fired, dev, 1);
}

static struct bench *bench(void)
{
    struct bench *b = xcalloc(1, sizeof(*b));
    clock_init(&b->c, CLOCK_COUNTED, 1, &b->retired, NULL, NULL);
    timer_init(&b->o.t1, &b->c, fire, (void *)"1", "t1");
    timer_init(&b->o.t2, &b->c, fire, (void *)"2", "t2");
    timer_init(&b->o.t3, &b->c, fire, (void *)"3", "t3");
    b->o.buf_len = 300;
    b->o.buf = xcalloc(300, 1);
    b->o.later = 77;
    return b;
}

static void bench_free(struct bench *b)
{
    clock_free(&b->c);
    xfree(b->o.buf);
    xfree(b);
}

static void fill(struct bench *b)
{
    struct obj *o = &b->o;
    srand(9);
    o->u8v = 0xfe, o->u16v = 0xfedc, o->u32v = 0xfedcba98, o->u64v = 0xfedcba9876543210ull;
    o->i32v = -5, o->i64v = -6, o->flag = true, o->later = 1234;
    for (int i = 0; i < 15; i++)
        o->matrix[i / 5][i % 5] = (u16)rand();
    for (int i = 0; i < 2; i++) {
        o->sub[i].a = (u8)rand();
        for (int k = 0; k < 3; k++)
            o->sub[i].b[k] = (u32)rand();
        for (int k = 0; k < 70 + i; k++)
            fifo_push(&o->sub[i].f, (u8)rand());
        fifo_pop(&o->sub[i].f);
        for (int k = 0; k < 10; k++)
            o->f80[i][k] = (u8)rand();
    }
    for (int i = 0; i < 300; i++)
        o->buf[i] = (u8)rand();
    timer_at(&o->t3, 500); /* ties fire in this order */
    timer_at(&o->t1, 500);
}

static struct bytes saved(struct bench *b)
{
    struct bytes s = { 0 };
    struct snap_out out = { put, &s };
    struct err e = { 0 };
    ck_assert_msg(snap_begin(&out, &e), "%s", e.msg);
    ck_assert_msg(snap_save(&out, "thing", 2, fields, &b->o, &e), "%s", e.msg);
    return s;
}

static bool load(struct bytes *s, struct bench *b, u32 version, struct err *e)
{
    struct snap_in in = { get, s };
    return snap_check(&in, e) && snap_load(&in, "thing", version, fields, &b->o, e);
}

START_TEST(round_trip)
{
    struct bench *a = bench(), *b = bench();
    struct err e = { 0 };
    struct strbuf sb = { 0 };
    fill(a);
    struct bytes s = saved(a);
    timer_at(&b->o.t2, 9); /* is off in the other */
    ck_assert_msg(load(&s, b, 2, &e), "%s", e.msg);
    ck_assert_uint_eq(s.pos, s.len);
    snap_diff(&sb, fields, &a->o, &b->o);
    ck_assert_str_eq(sb_text(&sb), "");
    ck_assert_int_eq(b->o.i32v, -5);
    ck_assert_uint_eq(b->o.matrix[2][4], a->o.matrix[2][4]);
    ck_assert_uint_eq(b->o.buf[299], a->o.buf[299]);
    ck_assert(!timer_armed(&b->o.t2));
    struct bytes s2 = saved(b);
    ck_assert_uint_eq(s.len, s2.len);
    ck_assert_mem_eq(s.p, s2.p, s.len);

    timer_at(&b->o.t2, 500); /* after the load: comes last */
    b->retired = 500;
    clock_run(&b->c);
    ck_assert_str_eq(fired, "312");

    /* every field shows in the diff, under its name */
    b->o.sub[1].f.count ^= 1;
    b->o.f80[1][9] ^= 1;
    b->o.f80[1][10] ^= 1; /* padding */
    b->o.buf[5] ^= 1;
    snap_diff(&sb, fields, &a->o, &b->o);
    ck_assert_ptr_nonnull(strstr(sb_text(&sb), "sub[1].f.count:"));
    ck_assert_ptr_nonnull(strstr(sb_text(&sb), "f80:"));
    ck_assert_ptr_nonnull(strstr(sb_text(&sb), "buf:"));
    ck_assert_ptr_nonnull(strstr(sb_text(&sb), "t1:"));
    ck_assert_ptr_null(strstr(sb_text(&sb), "u32v"));
    sb_free(&sb);
    snap_dump(&sb, fields, &a->o);
    ck_assert_ptr_nonnull(strstr(sb_text(&sb), "u32v = fedcba98\n"));
    ck_assert_ptr_nonnull(strstr(sb_text(&sb), "t2 = off\n"));
    ck_assert_ptr_nonnull(strstr(sb_text(&sb), "sub[0].a = "));
    sb_free(&sb);
    bench_free(a), bench_free(b), xfree(s.p), xfree(s2.p);
}
END_TEST

START_TEST(layout_is_as_documented)
{
    struct bench *a = bench();
    struct bytes s = { 0 };
    struct snap_out out = { put, &s };
    static const struct field two[] = { F_U16(struct obj, u16v), F_BOOL(struct obj, flag), F_END };
    a->o.u16v = 0x1234, a->o.flag = true;
    ck_assert(snap_begin(&out, NULL) && snap_save(&out, "ab", 3, two, &a->o, NULL));
    static const u8 want[] = "NBSNAP\r\n\1\0\0\0" "\2ab\3\0\0\0\x15\0\0\0"
                             "\4u16v\2\0\0\0\x34\x12" "\4flag\1\0\0\0\1";
    ck_assert_uint_eq(s.len, sizeof(want) - 1);
    ck_assert_mem_eq(s.p, want, s.len);
    bench_free(a), xfree(s.p);
}
END_TEST

START_TEST(versions)
{
    struct bench *a = bench(), *b = bench();
    struct err e = { 0 };
    fill(a);
    struct bytes s = { 0 };
    struct snap_out out = { put, &s };
    ck_assert(snap_begin(&out, &e) && snap_save(&out, "thing", 1, old_fields, &a->o, &e));
    ck_assert_msg(load(&s, b, 2, &e), "%s", e.msg);
    ck_assert_uint_eq(b->o.later, 77); /* keeps its reset value */
    ck_assert_uint_eq(b->o.u32v, a->o.u32v);
    struct bytes n = saved(a);
    ck_assert(!load(&n, b, 1, &e)); /* newer than the program */
    ck_assert_ptr_nonnull(strstr(e.msg, "version 2"));
    bench_free(a), bench_free(b), xfree(s.p), xfree(n.p);
}
END_TEST

static void refuse(struct bytes s, const char *text)
{
    struct bench *b = bench();
    struct err e = { 0 };
    ck_assert(!load(&s, b, 2, &e));
    ck_assert_int_eq(e.code, ERR_STATE);
    ck_assert_msg(strstr(e.msg, text) != NULL, "\"%s\" is not in: %s", text, e.msg);
    bench_free(b);
}

static size_t find(struct bytes s, const char *tag)
{
    for (size_t i = 0; i + strlen(tag) < s.len; i++)
        if (s.p[i] == strlen(tag) && !memcmp(s.p + i + 1, tag, strlen(tag)))
            return i;
    ck_abort_msg("no %s", tag);
    return 0;
}

START_TEST(damage_is_named)
{
    struct bench *a = bench();
    fill(a);
    struct bytes s = saved(a);
    size_t at = find(s, "u32v");
    s.p[at + 4] = '\x01';
    refuse(s, "unknown field u32?");
    memcpy(s.p + at + 1, "u64v", 4);
    refuse(s, "wrong length of field u64v");
    memcpy(s.p + at + 1, "u32v", 4);
    s.p[at + 5] = 3;
    refuse(s, "wrong length of field u32v");
    s.p[at + 5] = 4;
    at = find(s, "flag");
    s.p[at + 9] = 2;
    refuse(s, "flag");
    s.p[at + 9] = 1;
    at = find(s, "i32v");
    memcpy(s.p + at + 1, "u32v", 4);
    refuse(s, "twice: u32v");
    memcpy(s.p + at + 1, "i32v", 4);
    at = find(s, "thing");
    s.p[at + 1] = '\n';
    refuse(s, "section thing is missing (found \"?hing\")");
    s.p[at + 1] = 't';
    s.p[0] = 'X';
    refuse(s, "no snapshot");
    s.p[0] = 'N', s.p[8] = 2;
    refuse(s, "format 2");
    s.p[8] = 1;
    u32 len = ld32(s.p + at + 10);
    st32(s.p + at + 10, len - 1);
    refuse(s, "length");
    st32(s.p + at + 10, len + 8);
    refuse(s, "too long");
    st32(s.p + at + 10, len);
    at = find(s, "t1");
    s.p[at + 3 + 4 + 15] = 0x80;
    refuse(s, "t1");
    s.p[at + 3 + 4 + 15] = 0;

    /* the last field gone, the lengths right */
    size_t last = find(s, "later");
    struct bytes cut = { s.p, last, 0, 0 };
    at = find(s, "thing");
    st32(s.p + at + 10, len - (u32)(s.len - last));
    refuse(cut, "missing field later");
    st32(s.p + at + 10, len);
    for (size_t n = 0; n < s.len; n++) { /* ends anywhere */
        struct bytes shorter = { s.p, n, 0, 0 };
        refuse(shorter, "");
    }
    bench_free(a), xfree(s.p);
}
END_TEST

START_TEST(bit_flips_never_crash)
{
    struct bench *a = bench();
    fill(a);
    struct bytes s = saved(a);
    int taken = 0;
    srand(2);
    for (size_t bit = 0; bit < s.len * 8; bit++) {
        struct bench *b = bench();
        struct err e = { 0 };
        s.p[bit / 8] ^= (u8)(1 << bit % 8);
        s.pos = 0;
        if (load(&s, b, 2, &e))
            taken++;
        else
            ck_assert(e.code == ERR_STATE && e.msg[0]);
        s.p[bit / 8] ^= (u8)(1 << bit % 8);
        bench_free(b);
    }
    ck_assert_int_gt(taken, 300 * 8); /* the buffer's bytes alone */
    for (int k = 0; k < 20000; k++) {
        struct bench *b = bench();
        struct bytes t = { xcalloc(s.len, 1), s.len, 0, 0 };
        memcpy(t.p, s.p, s.len);
        for (int n = 1 + rand() % 6; n; n--) {
            size_t at = 12 + (size_t)rand() % (s.len - 12), len = (size_t)rand() % 20;
            if (rand() % 2)
                t.p[at] = (u8)rand();
            else
                memmove(t.p + at, s.p + (size_t)rand() % (s.len - 20),
                        MIN(len, s.len - at));
        }
        load(&t, b, 2, NULL);
        xfree(t.p);
        bench_free(b);
    }
    bench_free(a), xfree(s.p);
}
END_TEST

START_TEST(full_disk)
{
    struct bench *a = bench();
    struct bytes whole = saved(a);
    for (size_t limit = 1; limit < whole.len; limit += 7) {
        struct bytes s = { .limit = limit };
        struct snap_out out = { put, &s };
        struct err e = { 0 };
        ck_assert(!(snap_begin(&out, &e) && snap_save(&out, "thing", 2, fields, &a->o, &e)));
        ck_assert_int_eq(e.code, ERR_RESOURCE);
        xfree(s.p);
    }
    bench_free(a), xfree(whole.p);
}
END_TEST

Suite *suite_snap(void);
Suite *suite_snap(void)
{
    Suite *s = suite_create("snap");
    TCase *tc = tcase_create("snap");
    tcase_add_test(tc, round_trip);
    tcase_add_test(tc, layout_is_as_documented);
    tcase_add_test(tc, versions);
    tcase_add_test(tc, damage_is_named);
    tcase_add_test(tc, bit_flips_never_crash);
    tcase_add_test(tc, full_disk);
    suite_add_tcase(s, tc);
    return s;
}
