/* SPDX-License-Identifier: MIT */
/* IBM enhanced keyboard (101/102 keys and those that came later), as the PS/2 Hardware Interface
 * Technical Reference describes it: scan code sets 1 to 3, typematic repetition, all commands.
 *
 * Key sequences are built as set 2 and turned into set 1 when that is selected, so that the shift
 * and Num Lock variants of the grey keys exist once. A sequence enters the 16-byte buffer whole or
 * not at all; the first that doesn't fit leaves the overrun code. The self-test at power-on is
 * over before the CPU starts, so its AAh isn't seen; after Reset it takes 2 ms instead of the 300
 * to 500 of a real one.
 * Not modelled: the link's parity and time-outs, so Resend never comes from us for those. */
#include "devices/ps2.h"

#define BUFFER 16u
#define BAT_NS 2000000u
#define RATE_DEFAULT 0x2b /* 10.9 a second after 500 ms */

enum { KEY_PRINT = 0x46, KEY_PAUSE = 0x48, KEY_INSERT = 0x49, KEY_UP = 0x52, KEY_KP_SLASH = 0x54,
       KEY_LANG1 = 0x90, KEY_LANG2 = 0x91, KEY_LCTRL = 0xe0, KEY_LSHIFT, KEY_LALT,
       KEY_RCTRL = 0xe4, KEY_RSHIFT, KEY_RALT };
enum { LED_NUM = 2 };
enum { ACK = 0xfa, RESEND = 0xfe, BAT_OK = 0xaa };

static bool held(const struct ps2_kbd *k, u8 usage)
{
    return k->down[usage / 32] >> usage % 32 & 1;
}

/* ---- sequences ---- */

struct seq {
    u8 b[16];
    unsigned n;
};

static void add(struct seq *q, u8 v)
{
    if (q->n < sizeof(q->b))
        q->b[q->n++] = v;
}

static void add_key(struct seq *q, bool e0, bool make, u8 code)
{
    if (e0)
        add(q, 0xe0);
    if (!make)
        add(q, 0xf0);
    add(q, code);
}

/* Around the grey keys a held shift is taken back, or one is pretended for Num Lock, so that the
 * keypad codes behind the E0h give cursor keys to software that ignores the prefix. */
static void shifts(const struct ps2_kbd *k, struct seq *q, u8 usage, bool before)
{
    bool l = held(k, KEY_LSHIFT), r = held(k, KEY_RSHIFT), num = k->leds & LED_NUM;
    bool slash = usage == KEY_KP_SLASH;

    if (!slash && num) {
        if (!l && !r)
            add_key(q, true, before, 0x12);
        return;
    }
    if (l)
        add_key(q, true, !before, 0x12);
    if (r)
        add_key(q, true, !before, 0x59);
}

static void print_screen(const struct ps2_kbd *k, struct seq *q, bool make)
{
    bool bare = !held(k, KEY_LCTRL) && !held(k, KEY_RCTRL) && !held(k, KEY_LSHIFT) &&
                !held(k, KEY_RSHIFT);

    if (held(k, KEY_LALT) || held(k, KEY_RALT)) {
        add_key(q, false, make, 0x84);
        return;
    }
    if (bare && make)
        add_key(q, true, true, 0x12);
    add_key(q, true, make, 0x7c);
    if (bare && !make)
        add_key(q, true, false, 0x12);
}

static void pause_key(const struct ps2_kbd *k, struct seq *q)
{
    static const u8 bare[] = { 0xe1, 0x14, 0x77, 0xe1, 0xf0, 0x14, 0xf0, 0x77 };

    if (held(k, KEY_LCTRL) || held(k, KEY_RCTRL)) {
        add_key(q, true, true, 0x7e);
        add_key(q, true, false, 0x7e);
        return;
    }
    for (unsigned i = 0; i < sizeof(bare); i++)
        add(q, bare[i]);
}

/* Set 2 sequence of a key; none: the key has no code, or no break code. */
static void build2(const struct ps2_kbd *k, struct seq *q, u8 usage, bool make)
{
    bool e0;
    u8 code = ps2_set2_code(usage, &e0);
    bool grey = (usage >= KEY_INSERT && usage <= KEY_UP) || usage == KEY_KP_SLASH;

    if (!code)
        return;
    if (usage == KEY_PAUSE) {
        if (make)
            pause_key(k, q);
    } else if (usage == KEY_PRINT) {
        print_screen(k, q, make);
    } else if (usage == KEY_LANG1 || usage == KEY_LANG2) {
        if (make)
            add(q, code);
    } else {
        if (grey && make)
            shifts(k, q, usage, true);
        add_key(q, e0, make, code);
        if (grey && !make)
            shifts(k, q, usage, false);
    }
}

static void build3(const struct ps2_kbd *k, struct seq *q, u8 usage, bool make)
{
    u8 code = ps2_set3_code(usage);
    if (!code)
        return;
    enum ps2_key_type type = k->types[code];
    if (make || type == KEY_TYPEMATIC_BREAK || type == KEY_MAKE_BREAK)
        add_key(q, false, make, code);
}

static void to_set1(struct seq *q)
{
    unsigned n = 0;
    u8 brk = 0;
    for (unsigned i = 0; i < q->n; i++) {
        if (q->b[i] == 0xf0) {
            brk = 0x80;
            continue;
        }
        u8 v = ps2_translate(q->b[i]);
        /* prefixes stand between F0h and nothing else, so they never carry the break bit */
        q->b[n++] = v | brk;
        brk = 0;
    }
    q->n = n;
}

static void send(struct ps2_kbd *k, struct seq *q)
{
    struct fifo *f = &k->link.data;

    if (k->set == 1)
        to_set1(q);
    if (!q->n)
        return;
    if (f->count + q->n > BUFFER) {
        if (!k->overrun)
            fifo_push(f, k->set == 1 ? 0xff : 0x00);
        k->overrun = true;
    } else {
        k->overrun = false;
        for (unsigned i = 0; i < q->n; i++)
            fifo_push(f, q->b[i]);
    }
    if (k->link.ready)
        k->link.ready(k->link.controller);
}

/* ---- typematic ---- */

static u64 repeat_delay(const struct ps2_kbd *k)
{
    return ((k->rate >> 5 & 3) + 1u) * 250000000ull;
}

static u64 repeat_period(const struct ps2_kbd *k)
{
    return (8ull + (k->rate & 7)) * (1u << (k->rate >> 3 & 3)) * 12500000ull / 3;
}

static bool repeats(const struct ps2_kbd *k, u8 usage)
{
    if (k->set == 3) {
        enum ps2_key_type t = k->types[ps2_set3_code(usage)];
        return t == KEY_TYPEMATIC || t == KEY_TYPEMATIC_BREAK;
    }
    return usage != KEY_PAUSE;
}

static void stop_repeat(struct ps2_kbd *k)
{
    k->repeat_key = 0;
    timer_off(&k->repeat);
}

static void repeat_due(void *dev, u64 late)
{
    struct ps2_kbd *k = dev;
    struct seq q = { 0 };
    bool e0;

    timer_at(&k->repeat, clock_now(k->clock) - late + repeat_period(k));
    /* A guest that doesn't read finds no heap of repetitions when it does. */
    if (k->link.data.count)
        return;
    if (k->set == 3) {
        build3(k, &q, k->repeat_key, true);
    } else if (k->repeat_key == KEY_PRINT && (held(k, KEY_LALT) || held(k, KEY_RALT))) {
        add(&q, 0x84);
    } else {
        u8 code = ps2_set2_code(k->repeat_key, &e0);
        add_key(&q, e0, true, code);
    }
    send(k, &q);
}

void ps2_kbd_key(struct ps2_kbd *k, u8 usage, bool down)
{
    struct seq q = { 0 };
    bool e0;

    if (held(k, usage) == down)
        return; /* the host's own repetition */
    if (!ps2_set2_code(usage, &e0))
        return;
    /* A modifier counts for others only: its own state changes first, to no effect on it. */
    k->down[usage / 32] ^= BIT(usage % 32);
    if (!down && k->repeat_key == usage)
        stop_repeat(k);
    if (!k->enabled || timer_armed(&k->bat))
        return;
    if (k->set == 3)
        build3(k, &q, usage, down);
    else
        build2(k, &q, usage, down);
    send(k, &q);
    if (down && repeats(k, usage)) {
        k->repeat_key = usage;
        timer_at(&k->repeat, clock_now(k->clock) + repeat_delay(k));
    } else if (down) {
        stop_repeat(k);
    }
}

/* ---- commands ---- */

static void set_leds(struct ps2_kbd *k, u8 v)
{
    k->leds = v & 7;
    if (k->input)
        k->input->leds = (u8)((v >> 1 & 3) | (v & 1) << 2);
}

static void default_types(struct ps2_kbd *k)
{
    for (unsigned i = 0; i < PS2_SET3_CODES; i++)
        k->types[i] = (u8)ps2_set3_type((u8)i);
}

static void all_types(struct ps2_kbd *k, enum ps2_key_type type)
{
    memset(k->types, (int)type, sizeof(k->types));
}

static void set_defaults(struct ps2_kbd *k)
{
    k->rate = RATE_DEFAULT;
    k->overrun = false;
    fifo_clear(&k->link.data);
    stop_repeat(k);
    default_types(k);
}

static void bat_due(void *dev, u64 late)
{
    struct ps2_kbd *k = dev;
    (void)late;
    ps2_reply(&k->link, BAT_OK);
}

/* Argument of the command that waits for one; false: it is a command, which ends that one. */
static bool argument(struct ps2_kbd *k, u8 v)
{
    u8 cmd = k->command;

    if (v >= 0xed) {
        k->command = 0;
        return false;
    }
    switch (cmd) {
    case 0xed:
        set_leds(k, v);
        break;
    case 0xf0:
        if (v > 3) {
            k->command = 0;
            ps2_reply(&k->link, RESEND);
            return true;
        }
        if (v) {
            k->set = v;
            fifo_clear(&k->link.data);
            stop_repeat(k);
        }
        break;
    case 0xf3:
        if (v & 0x80) {
            k->command = 0;
            ps2_reply(&k->link, RESEND);
            return true;
        }
        k->rate = v;
        break;
    default: { /* FBh to FDh: a list of set 3 codes, ended by a command */
        static const u8 type[3] = { KEY_TYPEMATIC, KEY_MAKE_BREAK, KEY_MAKE };
        if (v < PS2_SET3_CODES)
            k->types[v] = type[cmd - 0xfb];
        ps2_reply(&k->link, ACK);
        return true;
    }
    }
    k->command = 0;
    ps2_reply(&k->link, ACK);
    if (cmd == 0xf0 && !v)
        ps2_reply(&k->link, k->set);
    return true;
}

static void command(struct ps2_kbd *k, u8 v)
{
    struct ps2_link *l = &k->link;
    u8 last = l->last;

    if (v == 0xfe) {
        ps2_reply(l, last);
        return;
    }
    if (v < 0xed || v == 0xef || v == 0xf1) {
        ps2_reply(l, RESEND);
        return;
    }
    if (v == 0xee) { /* Echo is its own answer */
        ps2_reply(l, 0xee);
        return;
    }
    if (v == 0xff)
        fifo_clear(&l->reply);
    ps2_reply(l, ACK);
    switch (v) {
    case 0xed: case 0xf0: case 0xf3: case 0xfb: case 0xfc: case 0xfd:
        k->command = v;
        break;
    case 0xf2:
        ps2_reply(l, 0xab);
        ps2_reply(l, 0x83);
        break;
    case 0xf4:
        fifo_clear(&l->data);
        k->overrun = false;
        k->enabled = true;
        break;
    case 0xf5:
        set_defaults(k);
        k->enabled = false;
        break;
    case 0xf6:
        set_defaults(k);
        break;
    case 0xf7:
        all_types(k, KEY_TYPEMATIC);
        break;
    case 0xf8:
        all_types(k, KEY_MAKE_BREAK);
        break;
    case 0xf9:
        all_types(k, KEY_MAKE);
        break;
    case 0xfa:
        all_types(k, KEY_TYPEMATIC_BREAK);
        break;
    default: /* FFh */
        set_defaults(k);
        k->set = 2;
        k->enabled = true;
        set_leds(k, 0);
        timer_at(&k->bat, clock_now(k->clock) + BAT_NS);
        break;
    }
}

void ps2_kbd_write(struct ps2_kbd *k, u8 v)
{
    if (timer_armed(&k->bat)) { /* the host doesn't wait: neither do we */
        timer_off(&k->bat);
        ps2_reply(&k->link, BAT_OK);
    }
    if (k->command && argument(k, v))
        return;
    command(k, v);
}

/* ---- life ---- */

void ps2_kbd_init(struct ps2_kbd *k, struct clock *clock)
{
    k->clock = clock;
    timer_init(&k->bat, clock, bat_due, k, "keyboard self-test");
    timer_init(&k->repeat, clock, repeat_due, k, "typematic");
}

void ps2_kbd_reset(struct ps2_kbd *k)
{
    timer_off(&k->bat);
    fifo_clear(&k->link.reply);
    set_defaults(k);
    set_leds(k, 0);
    k->link.last = 0;
    k->command = 0;
    k->set = 2;
    k->enabled = true;
}

void ps2_kbd_close(struct ps2_kbd *k)
{
    timer_off(&k->bat);
    timer_off(&k->repeat);
}

bool ps2_kbd_sane(const struct ps2_kbd *k)
{
    bool ok = ps2_link_sane(&k->link) && k->set >= 1 && k->set <= 3 && k->leds <= 7 &&
              (!k->command || k->command == 0xed || k->command == 0xf0 || k->command == 0xf3 ||
               (k->command >= 0xfb && k->command <= 0xfd));
    for (unsigned i = 0; i < PS2_SET3_CODES; i++)
        ok = ok && k->types[i] <= KEY_MAKE;
    return ok;
}

static const struct field fifo_fields[] = FIFO_FIELDS;

const struct field ps2_link_fields[] = {
    F_SUB(struct ps2_link, reply, struct fifo, fifo_fields),
    F_SUB(struct ps2_link, data, struct fifo, fifo_fields),
    F_U8(struct ps2_link, last),
    F_END,
};

const struct field ps2_kbd_fields[] = {
    F_SUB(struct ps2_kbd, link, struct ps2_link, ps2_link_fields),
    F_TIMER(struct ps2_kbd, bat),
    F_TIMER(struct ps2_kbd, repeat),
    F_ARRAY(struct ps2_kbd, down, u32),
    F_U8(struct ps2_kbd, command),
    F_U8(struct ps2_kbd, set),
    F_U8(struct ps2_kbd, leds),
    F_U8(struct ps2_kbd, rate),
    F_U8(struct ps2_kbd, repeat_key),
    F_BOOL(struct ps2_kbd, enabled),
    F_BOOL(struct ps2_kbd, overrun),
    F_ARRAY(struct ps2_kbd, types, u8),
    F_END,
};
