/* SPDX-License-Identifier: MIT */
/* The DMA controllers, against a small model of one transfer, and their registers. */
#include "devices/isa_dma.h"
#include "tests/dev/rig.h"

/* A card that has `want` bytes to move and keeps DREQ up. */
struct card {
    struct rig *r;
    u8 data[70000];
    u32 pos, want;
    bool saw_tc, saw_verify;
};

static u32 card_step(void *card, u8 *buf, u32 len, bool to_memory, bool verify, bool tc)
{
    struct card *c = card;
    u32 n = MIN(len, c->want - c->pos);
    if (verify)
        c->saw_verify = true;
    else if (to_memory)
        memcpy(buf, c->data + c->pos, n);
    else
        memcpy(c->data + c->pos, buf, n);
    c->pos += n;
    if (tc && n == len)
        c->saw_tc = true;
    return n;
}

static void attach(struct card *c, struct rig *r, unsigned ch)
{
    c->r = r;
    r->sys.isa_dma->attach(r->sys.isa_dma->dev, ch, card_step, c);
}

static void dreq(struct rig *r, unsigned ch, bool level)
{
    r->sys.isa_dma->dreq(r->sys.isa_dma->dev, ch, level);
}

/* Channels 0-3. */
static void program(struct rig *r, unsigned ch, u8 mode, u8 page, u16 addr, u16 count)
{
    static const u8 pages[4] = { 0x87, 0x83, 0x81, 0x82 };
    out8(r, 0x0a, (u8)(4 | ch));
    out8(r, 0x0b, (u8)(mode | ch));
    out8(r, 0x0c, 0);
    out8(r, ch * 2, (u8)addr);
    out8(r, ch * 2, (u8)(addr >> 8));
    out8(r, ch * 2 + 1, (u8)count);
    out8(r, ch * 2 + 1, (u8)(count >> 8));
    out8(r, pages[ch], page);
    out8(r, 0x0a, (u8)ch);
}

static void cascade(struct rig *r)
{
    out8(r, 0xd6, 0xc0);
    out8(r, 0xd4, 0x00);
}

static u16 get16(struct rig *r, u32 port)
{
    out8(r, 0x0c, 0);
    u8 lo = in8(r, port);
    return (u16)(lo | in8(r, port) << 8);
}

START_TEST(registers)
{
    struct rig *r = rig_new("i8237", NULL);
    ck_assert_uint_eq(in8(r, 0x0f), 0xff); /* all masked */
    ck_assert_uint_eq(in8(r, 0xde), 0xff);
    ck_assert_uint_eq(in8(r, 0x08), 0);
    for (u32 ch = 0; ch < 4; ch++) {
        out8(r, 0x0c, 0);
        out8(r, ch * 2, 0x34);
        out8(r, ch * 2, 0x12);
        out8(r, ch * 2 + 1, 0x78);
        out8(r, ch * 2 + 1, 0x56);
        ck_assert_uint_eq(get16(r, ch * 2), 0x1234);
        ck_assert_uint_eq(get16(r, ch * 2 + 1), 0x5678);
        out8(r, 0xd8, 0);
        out8(r, 0xc0 + ch * 4, 0xcd);
        out8(r, 0xc1 + ch * 4, 0xab); /* the odd port is the same register */
        out8(r, 0xd8, 0);
        ck_assert_uint_eq(in8(r, 0xc1 + ch * 4), 0xcd);
        ck_assert_uint_eq(in8(r, 0xc0 + ch * 4), 0xab);
    }
    out8(r, 0x0c, 0);
    in8(r, 0x00); /* one half read: the master clear puts the flip-flop back */
    out8(r, 0x0d, 0);
    ck_assert_uint_eq(in8(r, 0x00), 0x34);
    out8(r, 0x0e, 0);
    ck_assert_uint_eq(in8(r, 0x0f), 0xf0);
    out8(r, 0x0a, 6);
    ck_assert_uint_eq(in8(r, 0x0f), 0xf4);
    out8(r, 0x0f, 0x0a);
    ck_assert_uint_eq(in8(r, 0x0f), 0xfa);
    for (u32 p = 0; p < 16; p++)
        out8(r, 0x80 + p, (u8)(0xa0 + p));
    rig_snapshot_roundtrip(r);
    for (u32 p = 0; p < 16; p++)
        ck_assert_uint_eq(in8(r, 0x80 + p), 0xa0 + p);
    ck_assert(rig_log_has(r, "POST code a0h"));
    rig_free(r);
}
END_TEST

/* All types, directions, lengths and auto-init against the obvious model. */
START_TEST(transfers_match_the_model)
{
    static const u16 counts[] = { 0, 1, 511, 512, 513, 4095 };
    static const u16 addrs[] = { 0x0000, 0x1000, 0xffff, 0xff80 };
    struct rig *r = rig_new("i8237", NULL);
    static struct card c;
    cascade(r);
    for (unsigned i = 0; i < ARRAY_LEN(counts) * ARRAY_LEN(addrs) * 3 * 2 * 2; i++) {
        u16 count = counts[i % 6], addr = addrs[i / 6 % 4];
        unsigned type = i / 24 % 3;
        bool down = i / 72 % 2, aut = i / 144;
        u8 mode = (u8)(0x40 | type << 2 | (down ? 0x20 : 0) | (aut ? 0x10 : 0));
        u32 base = 0x100000;
        memset(rig_ram(r, base), 0xee, 0x10000);
        memset(&c, 0, sizeof(c));
        attach(&c, r, 2);
        for (u32 k = 0; k <= count; k++) {
            u16 at = (u16)(down ? addr - k : addr + k);
            if (type == 2)
                *rig_ram(r, base + at) = (u8)(k * 7 + 1);
            c.data[k] = type == 1 ? (u8)(k * 5 + 3) : 0;
        }
        c.want = count + 1u;
        in8(r, 0x08);
        program(r, 2, mode, 0x10, addr, count);
        dreq(r, 2, true);
        dreq(r, 2, false);
        ck_assert_uint_eq(c.pos, count + 1u);
        ck_assert(c.saw_tc);
        ck_assert(c.saw_verify == (type == 0));
        for (u32 k = 0; k <= count; k++) {
            u16 at = (u16)(down ? addr - k : addr + k);
            u8 mem = *rig_ram(r, base + at);
            if (type == 0)
                ck_assert_uint_eq(mem, 0xee);
            else if (type == 1)
                ck_assert_uint_eq(mem, (u8)(k * 5 + 3));
            else
                ck_assert_uint_eq(c.data[k], (u8)(k * 7 + 1));
        }
        ck_assert_uint_eq(*rig_ram(r, base + 0x8000), 0xee); /* nothing else */
        ck_assert_uint_eq(in8(r, 0x08), 0x04);
        ck_assert_uint_eq(in8(r, 0x08), 0x00); /* reading clears TC */
        ck_assert_uint_eq(in8(r, 0x0f) >> 2 & 1, !aut);
        ck_assert_uint_eq(get16(r, 4), aut ? addr : (u16)(down ? addr - count - 1 : addr + count + 1));
        ck_assert_uint_eq(get16(r, 5), aut ? count : 0xffff);
    }
    rig_free(r);
}
END_TEST

START_TEST(partial_transfer_continues)
{
    struct rig *r = rig_new("i8237", NULL);
    static struct card c;
    memset(&c, 0, sizeof(c));
    cascade(r);
    attach(&c, r, 1);
    for (u32 i = 0; i < 1000; i++)
        c.data[i] = (u8)(i * 3);
    c.want = 300;
    program(r, 1, 0x44, 0x10, 0x2000, 999);
    dreq(r, 1, true);
    dreq(r, 1, false);
    ck_assert_uint_eq(get16(r, 2), 0x2000 + 300);
    ck_assert_uint_eq(get16(r, 3), 999 - 300);
    ck_assert_uint_eq(in8(r, 0x08), 0);
    rig_snapshot_roundtrip(r);
    attach(&c, r, 1);
    c.want = 1000;
    dreq(r, 1, true);
    ck_assert(c.saw_tc);
    for (u32 i = 0; i < 1000; i++)
        ck_assert_uint_eq(*rig_ram(r, 0x102000 + i), (u8)(i * 3));
    rig_free(r);
}
END_TEST

START_TEST(masks_disable_and_cascade)
{
    struct rig *r = rig_new("i8237", NULL);
    static struct card c;
    memset(&c, 0, sizeof(c));
    attach(&c, r, 3);
    c.want = 100;
    program(r, 3, 0x44, 0x10, 0, 9);
    dreq(r, 3, true);
    ck_assert_uint_eq(c.pos, 0); /* no cascade yet */
    ck_assert_uint_eq(in8(r, 0x08), 0x80); /* but the request shows */
    out8(r, 0x0a, 7);
    cascade(r);
    out8(r, 0x08, 4);
    out8(r, 0x0a, 3);
    ck_assert_uint_eq(c.pos, 0); /* controller disabled */
    out8(r, 0x08, 0); /* now it goes */
    ck_assert_uint_eq(c.pos, 10);
    ck_assert_uint_eq(in8(r, 0x08), 0x88);
    rig_free(r);
}
END_TEST

START_TEST(word_channels)
{
    struct rig *r = rig_new("i8237", NULL);
    static struct card c;
    memset(&c, 0, sizeof(c));
    attach(&c, r, 5);
    for (u32 i = 0; i < 2000; i++)
        c.data[i] = (u8)(i * 11);
    c.want = 2000;
    out8(r, 0xd6, 0x45);
    out8(r, 0xd8, 0);
    out8(r, 0xc4, 0xfe);
    out8(r, 0xc4, 0xff); /* word address FFFEh: wraps within 128 KB */
    out8(r, 0xc6, 0xe7);
    out8(r, 0xc6, 0x03); /* 1000 words */
    out8(r, 0x8b, 0x11); /* bit 0 of the page is not used */
    out8(r, 0xd4, 1);
    dreq(r, 5, true);
    for (u32 i = 0; i < 2000; i++)
        ck_assert_uint_eq(*rig_ram(r, 0x100000 + ((0x1fffc + i) & 0x1ffff)), (u8)(i * 11));
    ck_assert_uint_eq(in8(r, 0xd0), 0x22);
    rig_free(r);
}
END_TEST

START_TEST(software_request)
{
    struct rig *r = rig_new("i8237", NULL);
    static struct card c;
    memset(&c, 0, sizeof(c));
    cascade(r);
    attach(&c, r, 2);
    c.want = 64;
    program(r, 2, 0x84, 0x10, 0, 63);
    out8(r, 0x0a, 6); /* masked: a request goes on all the same */
    out8(r, 0x09, 6);
    ck_assert_uint_eq(c.pos, 64);
    ck_assert_uint_eq(in8(r, 0x08), 0x04);
    rig_free(r);
}
END_TEST

Suite *suite_i8237(void);
Suite *suite_i8237(void)
{
    Suite *s = suite_create("i8237");
    TCase *t = tcase_create("i8237");
    tcase_add_test(t, registers);
    tcase_add_test(t, transfers_match_the_model);
    tcase_add_test(t, partial_transfer_continues);
    tcase_add_test(t, masks_disable_and_cascade);
    tcase_add_test(t, word_channels);
    tcase_add_test(t, software_request);
    suite_add_tcase(s, t);
    return s;
}
