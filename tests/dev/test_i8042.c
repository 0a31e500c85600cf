/* SPDX-License-Identifier: MIT */
/* 8042 with its keyboard and mouse, driven as drivers drive them. */
#include <stdio.h>

#include "devices/ps2.h"
#include "tests/dev/rig.h"

static struct rig *kbc(struct input *in)
{
    struct rig *r = rig_empty();
    struct device *dev = rig_make(r, "i8042", "kbc", "");
    struct err e = { 0 };
    memset(in, 0, sizeof(*in));
    ck_assert(device_set_ptr(dev, "input", in, &e));
    rig_start(r, dev);
    return r;
}

/* Waits for a byte as a polling driver does; -1: none within 20 ms. */
static int get(struct rig *r, bool aux)
{
    for (unsigned i = 0; i < 2000; i++) {
        u8 st = in8(r, 0x64);
        if (st & 1) {
            ck_assert_msg(!!(st & 0x20) == aux, "byte %02x from the wrong device", in8(r, 0x60));
            return in8(r, 0x60);
        }
        step_ns(r, 10000);
    }
    return -1;
}

static void expect_(struct rig *r, bool aux, const char *hex, int line)
{
    unsigned v;
    int n;
    for (const char *p = hex; sscanf(p, "%x%n", &v, &n) == 1; p += n) {
        int got = get(r, aux);
        ck_assert_msg(got == (int)v, "line %d: %s: got %02x where %02x should be", line, hex,
                      (unsigned)got & 0xfff, v);
    }
}
#define kbd_gives(r, hex) expect_(r, false, hex, __LINE__)
#define aux_gives(r, hex) expect_(r, true, hex, __LINE__)

static void quiet_(struct rig *r, int line)
{
    step_ns(r, 20000000);
    ck_assert_msg(!(in8(r, 0x64) & 1), "line %d: unexpected byte %02x", line, in8(r, 0x60));
}
#define quiet(r) quiet_(r, __LINE__)

static void ccb(struct rig *r, u8 v)
{
    out8(r, 0x64, 0x60);
    out8(r, 0x60, v);
}

static void aux(struct rig *r, u8 v)
{
    out8(r, 0x64, 0xd4);
    out8(r, 0x60, v);
}

START_TEST(controller_commands)
{
    struct input in;
    struct rig *r = kbc(&in);
    ck_assert_uint_eq(in8(r, 0x64), 0x10);
    ck_assert_int_eq(wire(r, "a20"), 1);
    out8(r, 0x64, 0xaa);
    ck_assert_uint_eq(in8(r, 0x64), 0x1c); /* SYS, last write was a command */
    kbd_gives(r, "55");
    ck_assert_uint_eq(in8(r, 0x64) & 0x21, 0);
    out8(r, 0x64, 0xab);
    kbd_gives(r, "00");
    out8(r, 0x64, 0xa9);
    kbd_gives(r, "00");
    out8(r, 0x64, 0xa4);
    kbd_gives(r, "f1");
    out8(r, 0x64, 0x20);
    kbd_gives(r, "34");
    ccb(r, 0xff);
    ck_assert_uint_eq(in8(r, 0x64) & 0x0c, 0x04);
    out8(r, 0x64, 0x20);
    kbd_gives(r, "7f");
    ccb(r, 0x00);
    ck_assert_uint_eq(in8(r, 0x64) & 0x04, 0x00);
    static const u8 cmd[4] = { 0xa7, 0xad, 0xa8, 0xae };
    static const char *const want[4] = { "20", "30", "10", "0" };
    for (unsigned i = 0; i < 4; i++) {
        out8(r, 0x64, cmd[i]);
        out8(r, 0x64, 0x20);
        kbd_gives(r, want[i]);
    }
    out8(r, 0x64, 0x7f);
    out8(r, 0x60, 0x99);
    out8(r, 0x64, 0x3f);
    kbd_gives(r, "99");
    out8(r, 0x64, 0xc0);
    ck_assert_uint_eq(get(r, false) & 0x80, 0x80);
    out8(r, 0x64, 0xd2);
    out8(r, 0x60, 0xf0); /* as if from the keyboard, untranslated */
    kbd_gives(r, "f0");
    out8(r, 0x64, 0xd3);
    out8(r, 0x60, 0x42);
    aux_gives(r, "42");
    out8(r, 0x64, 0xac);
    quiet(r);
    ck_assert(rig_log_has(r, "ac"));
    rig_free(r);
}
END_TEST

START_TEST(a20_and_reset)
{
    struct input in;
    struct rig *r = kbc(&in);
    out8(r, 0x64, 0xd0);
    kbd_gives(r, "cf");
    out8(r, 0x64, 0xd1);
    out8(r, 0x60, 0xdd);
    ck_assert_int_eq(wire(r, "a20"), 0);
    out8(r, 0x64, 0xd0);
    kbd_gives(r, "cd");
    out8(r, 0x64, 0xd1);
    out8(r, 0x60, 0xdf);
    ck_assert_int_eq(wire(r, "a20"), 1);
    out8(r, 0x64, 0xdd);
    ck_assert_int_eq(wire(r, "a20"), 0);
    out8(r, 0x64, 0xdf);
    ck_assert_int_eq(wire(r, "a20"), 1);
    ck_assert_uint_eq(r->requests[SYSTEM_INIT], 0);
    out8(r, 0x64, 0xff); /* pulses nothing: HIMEM ends with it */
    out8(r, 0x64, 0xfd);
    ck_assert_uint_eq(r->requests[SYSTEM_INIT], 0);
    out8(r, 0x64, 0xfe);
    ck_assert_uint_eq(r->requests[SYSTEM_INIT], 1);
    out8(r, 0x64, 0xf0);
    ck_assert_uint_eq(r->requests[SYSTEM_INIT], 2);
    out8(r, 0x64, 0xd1);
    out8(r, 0x60, 0x02);
    ck_assert_uint_eq(r->requests[SYSTEM_INIT], 3);
    rig_free(r);
}
END_TEST

START_TEST(timing_and_interrupts)
{
    struct input in;
    struct rig *r = kbc(&in);
    ccb(r, 0x03);
    out8(r, 0x60, 0xf2);
    ck_assert_uint_eq(in8(r, 0x64) & 1, 0);
    step_ns(r, 300000 - 1);
    ck_assert_int_eq(wire(r, "irq1"), 0);
    step_ns(r, 1);
    ck_assert_int_eq(wire(r, "irq1"), 1);
    step_ns(r, 10000000); /* the next one waits until this is read */
    ck_assert_uint_eq(space_peek(&r->io, 0x60, 1), 0xfa);
    rig_snapshot_roundtrip(r);
    ck_assert_int_eq(wire(r, "irq1"), 1);
    ck_assert_uint_eq(in8(r, 0x60), 0xfa);
    ck_assert_int_eq(wire(r, "irq1"), 0);
    ck_assert_uint_eq(in8(r, 0x60), 0xfa); /* the buffer stays readable */
    step_ns(r, 299999);
    ck_assert_int_eq(wire(r, "irq1"), 0);
    step_ns(r, 1);
    ck_assert_int_eq(wire(r, "irq1"), 1);
    ck_assert_uint_eq(wire_rises(r, "irq1"), 2);
    kbd_gives(r, "ab 83");
    ck_assert_uint_eq(wire_rises(r, "irq12"), 0);
    aux(r, 0xf2);
    step_ns(r, 300000);
    ck_assert_int_eq(wire(r, "irq12"), 1);
    ck_assert_int_eq(wire(r, "irq1"), 0);
    ck_assert_uint_eq(in8(r, 0x64) & 0x21, 0x21);
    ccb(r, 0x01); /* gated by the command byte */
    ck_assert_int_eq(wire(r, "irq12"), 0);
    ccb(r, 0x03);
    ck_assert_int_eq(wire(r, "irq12"), 1);
    aux_gives(r, "fa 00");
    /* a disabled interface keeps its bytes */
    ccb(r, 0x10);
    in.key(in.key_dev, 0x04, true);
    quiet(r);
    out8(r, 0x64, 0xae);
    kbd_gives(r, "1c");
    rig_free(r);
}
END_TEST

START_TEST(keyboard_commands)
{
    struct input in;
    struct rig *r = kbc(&in);
    ccb(r, 0x00);
    out8(r, 0x60, 0xff);
    kbd_gives(r, "fa aa");
    quiet(r);
    out8(r, 0x60, 0xee);
    kbd_gives(r, "ee");
    out8(r, 0x60, 0x05); /* NT 4 */
    kbd_gives(r, "fe");
    out8(r, 0x60, 0xf1);
    kbd_gives(r, "fe");
    out8(r, 0x60, 0xed);
    kbd_gives(r, "fa");
    out8(r, 0x60, 0x05);
    kbd_gives(r, "fa");
    ck_assert_uint_eq(in.leds, 0x06); /* scroll and caps, in HID order */
    out8(r, 0x60, 0xed);
    kbd_gives(r, "fa");
    out8(r, 0x60, 0xf4); /* a command ends it */
    kbd_gives(r, "fa");
    out8(r, 0x60, 0x02);
    kbd_gives(r, "fe");
    out8(r, 0x60, 0xf0);
    kbd_gives(r, "fa");
    out8(r, 0x60, 0x00);
    kbd_gives(r, "fa 02");
    out8(r, 0x60, 0xfe);
    kbd_gives(r, "02");
    out8(r, 0x60, 0xf0);
    kbd_gives(r, "fa");
    out8(r, 0x60, 0x04);
    kbd_gives(r, "fe");
    out8(r, 0x60, 0xf3);
    kbd_gives(r, "fa");
    out8(r, 0x60, 0x80);
    kbd_gives(r, "fe");
    out8(r, 0x60, 0xf5);
    kbd_gives(r, "fa");
    in.key(in.key_dev, 0x04, true);
    in.key(in.key_dev, 0x04, false);
    quiet(r);
    out8(r, 0x60, 0xf4);
    kbd_gives(r, "fa");
    in.key(in.key_dev, 0x04, true);
    in.key(in.key_dev, 0x04, false);
    kbd_gives(r, "1c f0 1c");
    /* identification is translated, too */
    ccb(r, 0x40);
    out8(r, 0x60, 0xf2);
    kbd_gives(r, "fa ab 41");
    out8(r, 0x60, 0xff);
    kbd_gives(r, "fa aa");
    ck_assert_uint_eq(in.leds, 0);
    rig_free(r);
}
END_TEST

static void key(struct input *in, u8 usage, bool down)
{
    in->key(in->key_dev, usage, down);
}

struct stroke {
    u8 held[2], usage; /* keys held around it */
    u8 num;            /* Num Lock */
    const char *set2, *set1, *set3;
};

static const struct stroke strokes[] = {
    { { 0 }, 0x04, 0, "1c f0 1c", "1e 9e", "1c" },
    { { 0 }, 0x29, 0, "76 f0 76", "01 81", "08" },
    { { 0 }, 0x40, 0, "83 f0 83", "41 c1", "37" },
    { { 0 }, 0x45, 0, "07 f0 07", "58 d8", "5e" },
    { { 0 }, 0x64, 0, "61 f0 61", "56 d6", "13" },
    { { 0 }, 0x28, 0, "5a f0 5a", "1c 9c", "5a" },
    { { 0 }, 0x58, 0, "e0 5a e0 f0 5a", "e0 1c e0 9c", "79" },
    { { 0 }, 0xe4, 0, "e0 14 e0 f0 14", "e0 1d e0 9d", "58" },
    { { 0 }, 0xe6, 0, "e0 11 e0 f0 11", "e0 38 e0 b8", "39" },
    { { 0 }, 0xe3, 0, "e0 1f e0 f0 1f", "e0 5b e0 db", "8b" },
    { { 0 }, 0x65, 0, "e0 2f e0 f0 2f", "e0 5d e0 dd", "8d" },
    { { 0 }, 0x87, 0, "51 f0 51", "73 f3", "51" },
    { { 0 }, 0x89, 0, "6a f0 6a", "7d fd", "5d" },
    { { 0 }, 0x90, 0, "f2", "f2", NULL },
    { { 0 }, 0x52, 0, "e0 75 e0 f0 75", "e0 48 e0 c8", "63" },
    { { 0 }, 0x52, 1, "e0 12 e0 75 e0 f0 75 e0 f0 12", "e0 2a e0 48 e0 c8 e0 aa", NULL },
    { { 0xe1 }, 0x4c, 0, "e0 f0 12 e0 71 e0 f0 71 e0 12", "e0 aa e0 53 e0 d3 e0 2a", NULL },
    { { 0xe5 }, 0x49, 0, "e0 f0 59 e0 70 e0 f0 70 e0 59", "e0 b6 e0 52 e0 d2 e0 36", NULL },
    { { 0xe1, 0xe5 }, 0x4a, 0, "e0 f0 12 e0 f0 59 e0 6c e0 f0 6c e0 12 e0 59",
      "e0 aa e0 b6 e0 47 e0 c7 e0 2a e0 36", NULL },
    { { 0xe1 }, 0x4d, 1, "e0 69 e0 f0 69", "e0 4f e0 cf", NULL },
    { { 0 }, 0x54, 1, "e0 4a e0 f0 4a", "e0 35 e0 b5", "77" },
    { { 0xe1 }, 0x54, 1, "e0 f0 12 e0 4a e0 f0 4a e0 12", "e0 aa e0 35 e0 b5 e0 2a", NULL },
    { { 0 }, 0x46, 0, "e0 12 e0 7c e0 f0 7c e0 f0 12", "e0 2a e0 37 e0 b7 e0 aa", "57" },
    { { 0xe1 }, 0x46, 0, "e0 7c e0 f0 7c", "e0 37 e0 b7", NULL },
    { { 0xe4 }, 0x46, 0, "e0 7c e0 f0 7c", "e0 37 e0 b7", NULL },
    { { 0xe2 }, 0x46, 0, "84 f0 84", "54 d4", NULL },
    { { 0 }, 0x48, 0, "e1 14 77 e1 f0 14 f0 77", "e1 1d 45 e1 9d c5", "62" },
    { { 0xe0 }, 0x48, 0, "e0 7e e0 f0 7e", "e0 46 e0 c6", NULL },
    { { 0 }, 0xe1, 0, "12 f0 12", "2a aa", "12 f0 12" },
};

static void drain(struct rig *r)
{
    while (get(r, false) >= 0)
        ;
}

START_TEST(scan_codes)
{
    /* 0: set 2 as it is; 1: set 2 translated; 2: set 1 from the keyboard; 3: set 3 */
    struct input in;
    struct rig *r = kbc(&in);
    unsigned how = (unsigned)_i;
    static const u8 set[4] = { 2, 2, 1, 3 };

    ccb(r, 0x00);
    out8(r, 0x60, 0xf0);
    kbd_gives(r, "fa");
    out8(r, 0x60, set[how]);
    kbd_gives(r, "fa");
    ccb(r, how == 1 ? 0x40 : 0x00);
    for (unsigned i = 0; i < ARRAY_LEN(strokes); i++) {
        const struct stroke *s = &strokes[i];
        const char *want = how == 0 ? s->set2 : how == 3 ? s->set3 : s->set1;
        if (!want)
            continue;
        out8(r, 0x60, 0xed);
        ck_assert_int_eq(get(r, false), 0xfa);
        out8(r, 0x60, s->num ? 2 : 0);
        ck_assert_int_eq(get(r, false), 0xfa);
        for (unsigned k = 0; k < 2; k++)
            if (s->held[k])
                key(&in, s->held[k], true);
        drain(r);
        key(&in, s->usage, true);
        key(&in, s->usage, true); /* the host's repetition is none of ours */
        step_ns(r, 1);
        key(&in, s->usage, false);
        kbd_gives(r, want);
        for (unsigned k = 0; k < 2; k++)
            if (s->held[k])
                key(&in, s->held[k], false);
        drain(r);
    }
    /* every key is a different one in every set; none gives nothing by mistake */
    u8 seen[4][0x200] = { { 0 } };
    for (unsigned u = 0; u < 256; u++) {
        bool e0;
        u8 c2 = ps2_set2_code((u8)u, &e0), c3 = ps2_set3_code((u8)u);
        if (!c2 || u == 0x48 || u == 0x94) /* Pause is a sequence; LANG5 is F24 */
            continue;
        unsigned i2 = c2 + (e0 ? 0x100u : 0), i1 = ps2_translate(c2) + (e0 ? 0x100u : 0);
        ck_assert_msg(u == 0x32 || !seen[2][i2]++, "usage %02x: set 2 code twice", u);
        ck_assert_msg(u == 0x32 || !seen[1][i1]++, "usage %02x: set 1 code twice", u);
        if (c3)
            ck_assert_msg(!seen[3][c3]++, "usage %02x: set 3 code twice", u);
    }
    rig_free(r);
}
END_TEST

START_TEST(set3_types)
{
    struct input in;
    struct rig *r = kbc(&in);
    ccb(r, 0x00);
    out8(r, 0x60, 0xf0);
    kbd_gives(r, "fa");
    out8(r, 0x60, 3);
    kbd_gives(r, "fa");
    out8(r, 0x60, 0xfc); /* make/break for two keys */
    kbd_gives(r, "fa");
    out8(r, 0x60, 0x1c);
    kbd_gives(r, "fa");
    out8(r, 0x60, 0x32);
    kbd_gives(r, "fa");
    out8(r, 0x60, 0xf4);
    kbd_gives(r, "fa");
    key(&in, 0x04, true);
    step_ns(r, 2 * NS_PER_SEC); /* no repetition */
    key(&in, 0x04, false);
    kbd_gives(r, "1c f0 1c");
    out8(r, 0x60, 0xf8); /* all make/break */
    kbd_gives(r, "fa");
    key(&in, 0x29, true);
    key(&in, 0x29, false);
    kbd_gives(r, "08 f0 08");
    out8(r, 0x60, 0xf7); /* all typematic: no break codes */
    kbd_gives(r, "fa");
    key(&in, 0xe1, true);
    key(&in, 0xe1, false);
    kbd_gives(r, "12");
    out8(r, 0x60, 0xf6); /* defaults */
    kbd_gives(r, "fa");
    key(&in, 0xe1, true);
    key(&in, 0xe1, false);
    kbd_gives(r, "12 f0 12");
    quiet(r);
    rig_free(r);
}
END_TEST

START_TEST(typematic)
{
    struct input in;
    struct rig *r = kbc(&in);
    ccb(r, 0x40);
    key(&in, 0x04, true);
    kbd_gives(r, "1e");
    u64 t0 = now_ns(r);
    kbd_gives(r, ""); /* nothing yet */
    for (unsigned i = 0; !(in8(r, 0x64) & 1); i++) {
        step_ns(r, 100000);
        ck_assert_uint_le(i, 6000);
    }
    u64 delay = now_ns(r) - t0;
    ck_assert_uint_ge(delay, 499000000);
    ck_assert_uint_le(delay, 501000000);
    unsigned n = 0;
    u64 end = now_ns(r) + 10 * NS_PER_SEC;
    while (now_ns(r) < end) {
        step_ns(r, 1000000);
        if (in8(r, 0x64) & 1) {
            ck_assert_uint_eq(in8(r, 0x60), 0x1e);
            n++;
        }
    }
    ck_assert_uint_ge(n, 108);
    ck_assert_uint_le(n, 111); /* 10.9 a second */
    /* another key takes over; its release ends it though the first is held */
    key(&in, 0x05, true);
    kbd_gives(r, "30");
    step_ns(r, 600000000);
    kbd_gives(r, "30");
    key(&in, 0x05, false);
    step_ns(r, 1000000);
    while (in8(r, 0x64) & 1) {
        u8 v = in8(r, 0x60);
        ck_assert(v == 0x30 || v == 0xb0);
        step_ns(r, 1000000);
    }
    quiet(r);
    step_ns(r, 2 * NS_PER_SEC);
    quiet(r);
    /* fastest: 30 a second after 250 ms; unread, the repetitions don't pile up */
    out8(r, 0x60, 0xf3);
    kbd_gives(r, "fa");
    out8(r, 0x60, 0x00);
    kbd_gives(r, "fa");
    key(&in, 0x06, true);
    step_ns(r, 3 * NS_PER_SEC);
    rig_snapshot_roundtrip(r);
    in.key_dev = r->dev[0];
    key(&in, 0x06, false);
    kbd_gives(r, "2e 2e ae");
    quiet(r);
    rig_free(r);
}
END_TEST

START_TEST(overrun)
{
    struct input in;
    struct rig *r = kbc(&in);
    ccb(r, 0x00);
    for (unsigned i = 0; i < 10; i++) { /* 3 bytes each: five fit into 16 */
        key(&in, (u8)(0x04 + i), true);
        key(&in, (u8)(0x04 + i), false);
    }
    kbd_gives(r, "1c f0 1c 32 f0 32 21 f0 21 23 f0 23 24 f0 24 2b 00");
    quiet(r);
    key(&in, 0x04, true);
    key(&in, 0x04, false);
    kbd_gives(r, "1c f0 1c");
    rig_free(r);
}
END_TEST

START_TEST(mouse_commands)
{
    struct input in;
    struct rig *r = kbc(&in);
    ccb(r, 0x00);
    aux(r, 0xff);
    aux_gives(r, "fa aa 00");
    aux(r, 0xf2);
    aux_gives(r, "fa 00");
    aux(r, 0xe9);
    aux_gives(r, "fa 00 02 64");
    aux(r, 0xe8);
    aux_gives(r, "fa");
    aux(r, 0x03);
    aux_gives(r, "fa");
    aux(r, 0xe7);
    aux_gives(r, "fa");
    aux(r, 0xf3);
    aux_gives(r, "fa");
    aux(r, 0x3c);
    aux_gives(r, "fa");
    aux(r, 0xf4);
    aux_gives(r, "fa");
    aux(r, 0xf0);
    aux_gives(r, "fa");
    aux(r, 0xe9);
    aux_gives(r, "fa 70 03 3c");
    aux(r, 0xe6);
    aux_gives(r, "fa");
    aux(r, 0xea);
    aux_gives(r, "fa");
    aux(r, 0xe9);
    aux_gives(r, "fa 20 03 3c");
    aux(r, 0xf6);
    aux_gives(r, "fa");
    aux(r, 0xe9);
    aux_gives(r, "fa 00 02 64");
    /* invalid: Resend, then Error, then from the start */
    aux(r, 0x55);
    aux_gives(r, "fe");
    aux(r, 0x55);
    aux_gives(r, "fc");
    aux(r, 0xe8);
    aux_gives(r, "fa");
    aux(r, 0x04);
    aux_gives(r, "fe");
    aux(r, 0x01);
    aux_gives(r, "fa");
    aux(r, 0xf3);
    aux_gives(r, "fa");
    aux(r, 0x63);
    aux_gives(r, "fe");
    aux(r, 0x63);
    aux_gives(r, "fc");
    aux(r, 0x63);
    aux_gives(r, "fe");
    aux(r, 0xfe);
    aux_gives(r, "fe"); /* what was sent last */
    /* wrap: everything comes back but FFh and ECh */
    aux(r, 0xee);
    aux_gives(r, "fa");
    aux(r, 0xf4);
    aux_gives(r, "f4");
    aux(r, 0x12);
    aux_gives(r, "12");
    aux(r, 0xec);
    aux_gives(r, "fa");
    aux(r, 0xe9);
    aux_gives(r, "fa 00 01 64");
    quiet(r);
    rig_free(r);
}
END_TEST

static void rate(struct rig *r, u8 v)
{
    aux(r, 0xf3);
    aux_gives(r, "fa");
    aux(r, v);
    aux_gives(r, "fa");
}

static void move(struct input *in, i32 dx, i32 dy, i32 dz, u32 buttons)
{
    in->mouse(in->mouse_dev, dx, dy, dz, buttons);
}

START_TEST(mouse_stream)
{
    struct input in;
    struct rig *r = kbc(&in);
    ccb(r, 0x00);
    move(&in, 5, 5, 0, 1); /* not enabled: only the buttons are known */
    quiet(r);
    move(&in, 0, 0, 0, 0);
    aux(r, 0xf4);
    aux_gives(r, "fa");
    quiet(r);
    move(&in, 5, 3, 0, 0);
    aux_gives(r, "28 05 fd"); /* down is negative */
    step_ns(r, 10000000);
    move(&in, -1, -2, 0, MOUSE_LEFT | MOUSE_MIDDLE);
    aux_gives(r, "1d ff 02");
    /* a click that is shorter than a packet is not lost */
    move(&in, 0, 0, 0, 0);
    move(&in, 0, 0, 0, MOUSE_RIGHT);
    move(&in, 0, 0, 0, 0);
    aux_gives(r, "08 00 00 0a 00 00 08 00 00");
    quiet(r);
    /* large movement is spread over packets, and none is lost */
    move(&in, 600, 0, 0, 0);
    move(&in, 1, -300, 0, 0);
    i32 x = 0, y = 0;
    for (int b0; (b0 = get(r, true)) >= 0;) {
        int bx = get(r, true), by = get(r, true);
        ck_assert_int_eq(b0 & 0xc8, 8);
        x += b0 & 0x10 ? bx - 256 : bx;
        y += b0 & 0x20 ? by - 256 : by;
    }
    ck_assert_int_eq(x, 601);
    ck_assert_int_eq(y, 300);
    /* packets come no faster than the sample rate, and come together */
    rate(r, 10);
    step_ns(r, NS_PER_SEC);
    u32 bytes = 0;
    for (unsigned i = 0; i < 1000; i++) {
        move(&in, 1, 0, 0, 0);
        step_ns(r, 1000000);
        if (in8(r, 0x64) & 1) {
            in8(r, 0x60);
            bytes++;
        }
    }
    ck_assert_uint_ge(bytes, 30);
    ck_assert_uint_le(bytes, 33);
    /* 2:1 scaling by its table */
    aux(r, 0xf5);
    while (get(r, true) >= 0)
        ;
    aux(r, 0xe7);
    aux_gives(r, "fa");
    rate(r, 200);
    aux(r, 0xf4);
    aux_gives(r, "fa");
    static const u8 scaled[8] = { 0, 1, 1, 3, 6, 9, 12, 14 };
    for (unsigned i = 1; i < 8; i++) {
        step_ns(r, 10000000);
        move(&in, (i32)i, 0, 0, 0);
        ck_assert_int_eq(get(r, true), 8);
        ck_assert_int_eq(get(r, true), scaled[i]);
        ck_assert_int_eq(get(r, true), 0);
    }
    rig_free(r);
}
END_TEST

START_TEST(mouse_wheel)
{
    struct input in;
    struct rig *r = kbc(&in);
    ccb(r, 0x00);
    rate(r, 200);
    rate(r, 100);
    rate(r, 80);
    aux(r, 0xf2);
    aux_gives(r, "fa 03");
    aux(r, 0xf4);
    aux_gives(r, "fa");
    move(&in, 0, 0, 1, 0); /* up, away from the user */
    aux_gives(r, "08 00 00 ff");
    move(&in, 0, 0, -2, MOUSE_SIDE);
    aux_gives(r, "08 00 00 02");
    move(&in, 0, 0, 10, 0);
    aux_gives(r, "08 00 00 f9 08 00 00 fd");
    rate(r, 200);
    rate(r, 200);
    rate(r, 80);
    aux(r, 0xf2);
    aux_gives(r, "fa 04");
    step_ns(r, 100000000);
    move(&in, 1, 0, 1, MOUSE_SIDE);
    aux_gives(r, "08 01 00 1f");
    move(&in, 0, 0, 0, MOUSE_EXTRA | MOUSE_LEFT);
    aux_gives(r, "09 00 00 20");
    rig_snapshot_roundtrip(r);
    aux(r, 0xff);
    aux_gives(r, "fa aa 00");
    aux(r, 0xf2);
    aux_gives(r, "fa 00");
    rig_free(r);
}
END_TEST

START_TEST(mouse_remote)
{
    struct input in;
    struct rig *r = kbc(&in);
    ccb(r, 0x00);
    aux(r, 0xf0);
    aux_gives(r, "fa");
    move(&in, 3, 0, 0, 0);
    move(&in, 4, 0, 0, 0);
    quiet(r);
    aux(r, 0xeb);
    aux_gives(r, "fa 08 07 00");
    aux(r, 0xeb);
    aux_gives(r, "fa 08 00 00");
    quiet(r);
    rig_free(r);
}
END_TEST

/* A sequence that has begun is finished before the other device speaks. */
START_TEST(no_mixing)
{
    struct input in;
    struct rig *r = kbc(&in);
    ccb(r, 0x00);
    aux(r, 0xf4);
    aux_gives(r, "fa");
    out8(r, 0x60, 0xf2);
    move(&in, 1, 0, 0, 0);
    kbd_gives(r, "fa ab 83");
    aux_gives(r, "08");
    key(&in, 0x04, true);
    aux_gives(r, "01 00");
    kbd_gives(r, "1c");
    rig_free(r);
}
END_TEST

/* A guest that writes anything: no crash, no mixed packets, and the state stays loadable. */
START_TEST(noise)
{
    struct input in;
    struct rig *r = kbc(&in);
    u32 seed = (u32)_i * 99 + 3;
    for (unsigned i = 0; i < 30000; i++) {
        seed = seed * 1664525u + 1013904223u;
        u8 v = (u8)(seed >> 12);
        switch (seed >> 28) {
        case 0: case 1: case 2:
            out8(r, 0x60, v);
            break;
        case 3: case 4:
            out8(r, 0x64, v);
            break;
        case 5: case 6:
            aux(r, v);
            break;
        case 7: case 8:
            in8(r, 0x60);
            break;
        case 9:
            key(&in, v, seed >> 8 & 1);
            break;
        case 10:
            move(&in, (i32)seed, (i32)(seed << 7), (i8)v, seed >> 3);
            break;
        case 11:
            if (v < 4) {
                rig_snapshot_roundtrip(r);
                in.key_dev = in.mouse_dev = r->dev[0];
            }
            break;
        default:
            step_ns(r, seed >> 12 & 0xfffff);
            break;
        }
        ck_assert_uint_eq(in8(r, 0x64) & 0xc2, 0);
    }
    rig_free(r);
}
END_TEST

Suite *suite_i8042(void);
Suite *suite_i8042(void)
{
    Suite *s = suite_create("i8042");
    TCase *tc = tcase_create("i8042");
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, controller_commands);
    tcase_add_test(tc, a20_and_reset);
    tcase_add_test(tc, timing_and_interrupts);
    tcase_add_test(tc, keyboard_commands);
    tcase_add_loop_test(tc, scan_codes, 0, 4);
    tcase_add_test(tc, set3_types);
    tcase_add_test(tc, typematic);
    tcase_add_test(tc, overrun);
    tcase_add_test(tc, mouse_commands);
    tcase_add_test(tc, mouse_stream);
    tcase_add_test(tc, mouse_wheel);
    tcase_add_test(tc, mouse_remote);
    tcase_add_test(tc, no_mixing);
    tcase_add_loop_test(tc, noise, 0, 4);
    suite_add_tcase(s, tc);
    return s;
}
