/* SPDX-License-Identifier: MIT */
/* GDB's packets: checksums, escapes, and what a broken or hostile peer may send. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/gdb_packet.h"
#include "frontend/gdb_regs.h"

Suite *suite_front_gdb(void);

static struct gdb_in in; /* each test runs in a process of its own */

/* The last event that is not GDB_NOTHING. */
static enum gdb_event feed(const char *bytes, size_t len)
{
    enum gdb_event last = GDB_NOTHING;

    for (size_t k = 0; k < len; k++) {
        enum gdb_event e = gdb_feed(&in, (uint8_t)bytes[k]);
        if (e != GDB_NOTHING)
            last = e;
    }
    return last;
}

static enum gdb_event feed_text(const char *text)
{
    return feed(text, strlen(text));
}

START_TEST(packets)
{
    ck_assert_int_eq(feed_text("+$g#67"), GDB_PACKET);
    ck_assert_str_eq(in.data, "g");
    ck_assert_int_eq(feed_text("$#00"), GDB_PACKET);
    ck_assert_uint_eq(in.len, 0);
    ck_assert_int_eq(feed_text("$m0,4#FD"), GDB_PACKET); /* capital digits are digits */
    ck_assert_str_eq(in.data, "m0,4");
    ck_assert_int_eq(feed_text("\x03"), GDB_INTERRUPT);
    ck_assert_int_eq(feed_text("-"), GDB_AGAIN);
    ck_assert_int_eq(feed_text("+"), GDB_NOTHING);
}
END_TEST

START_TEST(broken_packets)
{
    ck_assert_int_eq(feed_text("$g#68"), GDB_BROKEN);
    ck_assert_int_eq(feed_text("$g#6x"), GDB_BROKEN);
    ck_assert_int_eq(feed_text("$g#x7"), GDB_BROKEN);
    ck_assert_int_eq(feed_text("$g#67"), GDB_PACKET); /* and it goes on */
    ck_assert_int_eq(feed_text("$half a packet$g#67"), GDB_PACKET);
    ck_assert_str_eq(in.data, "g");
    ck_assert_int_eq(feed_text("noise#67"), GDB_NOTHING);
}
END_TEST

START_TEST(escapes)
{
    struct text out = { 0 };
    const char data[] = "a$b#c}d*e\0f";

    gdb_frame(&out, data, sizeof data - 1);
    ck_assert_int_eq(feed(out.s, out.len), GDB_PACKET);
    ck_assert_uint_eq(in.len, sizeof data - 1);
    ck_assert_mem_eq(in.data, data, sizeof data - 1);
    ck_assert_ptr_null(memchr(out.s + 1, '$', out.len - 1));
    ck_assert_ptr_null(memchr(out.s + 1, '*', out.len - 1)); /* it would mean a repetition */
    text_free(&out);
    gdb_frame(&out, "OK", 2);
    ck_assert_str_eq(text_str(&out), "$OK#9a");
    text_free(&out);
}
END_TEST

START_TEST(too_long)
{
    unsigned sum = 0;
    char tail[4];

    for (unsigned extra = 0; extra < 2; extra++) {
        sum = 0;
        gdb_feed(&in, '$');
        for (unsigned k = 0; k < GDB_PACKET_MAX + extra * 100000; k++, sum += 'a')
            gdb_feed(&in, 'a');
        snprintf(tail, sizeof tail, "#%02x", sum & 255);
        ck_assert_int_eq(feed_text(tail), extra ? GDB_BROKEN : GDB_PACKET);
        ck_assert_uint_eq(in.len, GDB_PACKET_MAX);
    }
    ck_assert_int_eq(feed_text("$g#67"), GDB_PACKET);
}
END_TEST

START_TEST(random_bytes)
{
    uint32_t x = 12345;

    for (unsigned k = 0; k < 2000000; k++) {
        x = x * 1664525 + 1013904223;
        /* frames are likely, so that the inner states are visited */
        uint8_t b = x >> 30 ? (uint8_t)(x >> 16) : (uint8_t)"$#}a"[x >> 28 & 3];
        gdb_feed(&in, b);
        ck_assert_uint_le(in.len, GDB_PACKET_MAX);
    }
}
END_TEST

START_TEST(hexadecimal)
{
    uint8_t b[4];
    size_t n = 99;
    const char *p = "7fFfg";
    uint64_t v;

    ck_assert(gdb_unhex("01fFA0", 6, b, 4, &n));
    ck_assert_uint_eq(n, 3);
    ck_assert_uint_eq(b[1], 0xff);
    ck_assert(gdb_unhex("", 0, b, 4, &n));
    ck_assert_uint_eq(n, 0);
    ck_assert(!gdb_unhex("012", 3, b, 4, &n));
    ck_assert(!gdb_unhex("0g", 2, b, 4, &n));
    ck_assert(!gdb_unhex("0102030405", 10, b, 4, &n));
    ck_assert(gdb_number(&p, &v));
    ck_assert_uint_eq(v, 0x7fff);
    ck_assert_str_eq(p, "g");
    ck_assert(!gdb_number(&p, &v));
    p = "11112222333344445";
    ck_assert(!gdb_number(&p, &v));
    p = "-1";
    ck_assert(!gdb_number(&p, &v));
}
END_TEST

/* gdb counts bytes by the description: it and the packets must agree. */
START_TEST(target_description)
{
    struct text xml = { 0 };
    unsigned bits, num, g = 0, n = 0;
    char name[32];

    gdb_target_xml(&xml);
    for (const char *p = xml.s; (p = strstr(p, "<reg name=")) != NULL; p++, n++) {
        ck_assert_int_eq(sscanf(p, "<reg name=\"%31[a-z0-9_]\" bitsize=\"%u\" type=\"%*[^\"]\" "
                                "regnum=\"%u\"", name, &bits, &num), 3);
        ck_assert_uint_eq(num, n);
        ck_assert_uint_eq(bits, gdb_reg_size(num) * 8);
        if (n < gdb_num_g_regs())
            g += bits / 8;
    }
    ck_assert_uint_eq(n, gdb_num_regs());
    ck_assert_uint_eq(gdb_reg_size(n), 0);
    /* 16 general, 8 x87 of 10 bytes, 8 x87 control; 8 XMM and MXCSR */
    ck_assert_uint_eq(g, 16 * 4 + 8 * 10 + 8 * 4 + 8 * 16 + 4);
    ck_assert_ptr_nonnull(strstr(xml.s, "org.gnu.gdb.i386.core"));
    text_free(&xml);
}
END_TEST

Suite *suite_front_gdb(void)
{
    Suite *s = suite_create("front_gdb");
    TCase *t = tcase_create("gdb");

    tcase_add_test(t, packets);
    tcase_add_test(t, broken_packets);
    tcase_add_test(t, escapes);
    tcase_add_test(t, too_long);
    tcase_add_test(t, random_bytes);
    tcase_add_test(t, hexadecimal);
    tcase_add_test(t, target_description);
    suite_add_tcase(s, t);
    return s;
}
