/* SPDX-License-Identifier: MIT */
/* Typing: text and key chords become key events, paced in guest time. */
#include "machine/machine.h"

#include <stdlib.h>

#include "core/xalloc.h"

#define KEY_GAP_NS 8000000ull /* between two events: slower than any BIOS needs */
#define QUEUE_MAX 65536u
#define MAX_HOLD_MS 60000u

struct key_event {
    u8 usage;
    bool down;
    u32 gap_ms; /* before it, instead of KEY_GAP_NS; 0: that */
};

struct typist {
    struct nb_machine *m;
    struct timer timer;
    struct key_event *queue;
    u32 head, len;
};

/* HID usages (USB HID Usage Tables 1.12, section 10) */
enum {
    KEY_A = 0x04, KEY_1 = 0x1e, KEY_0 = 0x27, KEY_ENTER = 0x28, KEY_ESC = 0x29, KEY_BS = 0x2a,
    KEY_TAB = 0x2b, KEY_SPACE = 0x2c, KEY_LCTRL = 0xe0, KEY_LSHIFT = 0xe1, KEY_LALT = 0xe2,
};

/* US layout: character, usage, shift */
static const struct { char ch; u8 usage; bool shift; } punct[] = {
    { '\n', KEY_ENTER, 0 }, { '\r', KEY_ENTER, 0 }, { '\t', KEY_TAB, 0 }, { '\b', KEY_BS, 0 },
    { '\033', KEY_ESC, 0 }, { ' ', KEY_SPACE, 0 }, { '!', 0x1e, 1 }, { '@', 0x1f, 1 },
    { '#', 0x20, 1 }, { '$', 0x21, 1 }, { '%', 0x22, 1 }, { '^', 0x23, 1 }, { '&', 0x24, 1 },
    { '*', 0x25, 1 }, { '(', 0x26, 1 }, { ')', 0x27, 1 }, { '-', 0x2d, 0 }, { '_', 0x2d, 1 },
    { '=', 0x2e, 0 }, { '+', 0x2e, 1 }, { '[', 0x2f, 0 }, { '{', 0x2f, 1 }, { ']', 0x30, 0 },
    { '}', 0x30, 1 }, { '\\', 0x31, 0 }, { '|', 0x31, 1 }, { ';', 0x33, 0 }, { ':', 0x33, 1 },
    { '\'', 0x34, 0 }, { '"', 0x34, 1 }, { '`', 0x35, 0 }, { '~', 0x35, 1 }, { ',', 0x36, 0 },
    { '<', 0x36, 1 }, { '.', 0x37, 0 }, { '>', 0x37, 1 }, { '/', 0x38, 0 }, { '?', 0x38, 1 },
};

static bool char_key(char ch, u8 *usage, bool *shift)
{
    *shift = false;
    if (ch >= 'a' && ch <= 'z') {
        *usage = (u8)(KEY_A + ch - 'a');
        return true;
    }
    if (ch >= 'A' && ch <= 'Z') {
        *usage = (u8)(KEY_A + ch - 'A');
        *shift = true;
        return true;
    }
    if (ch >= '1' && ch <= '9') {
        *usage = (u8)(KEY_1 + ch - '1');
        return true;
    }
    if (ch == '0') {
        *usage = KEY_0;
        return true;
    }
    for (unsigned k = 0; k < ARRAY_LEN(punct); k++)
        if (punct[k].ch == ch) {
            *usage = punct[k].usage;
            *shift = punct[k].shift;
            return true;
        }
    return false;
}

static const struct { const char *name; u8 usage; } names[] = {
    { "ret", 0x28 }, { "enter", 0x28 }, { "esc", 0x29 }, { "backspace", 0x2a }, { "tab", 0x2b },
    { "spc", 0x2c }, { "space", 0x2c }, { "minus", 0x2d }, { "equal", 0x2e },
    { "bracket_left", 0x2f }, { "bracket_right", 0x30 }, { "backslash", 0x31 },
    { "semicolon", 0x33 }, { "apostrophe", 0x34 }, { "grave_accent", 0x35 }, { "comma", 0x36 },
    { "dot", 0x37 }, { "slash", 0x38 }, { "caps_lock", 0x39 }, { "f1", 0x3a }, { "f2", 0x3b },
    { "f3", 0x3c }, { "f4", 0x3d }, { "f5", 0x3e }, { "f6", 0x3f }, { "f7", 0x40 },
    { "f8", 0x41 }, { "f9", 0x42 }, { "f10", 0x43 }, { "f11", 0x44 }, { "f12", 0x45 },
    { "print", 0x46 }, { "sysrq", 0x46 }, { "scroll_lock", 0x47 }, { "pause", 0x48 },
    { "insert", 0x49 }, { "home", 0x4a }, { "pgup", 0x4b }, { "delete", 0x4c }, { "end", 0x4d },
    { "pgdn", 0x4e }, { "right", 0x4f }, { "left", 0x50 }, { "down", 0x51 }, { "up", 0x52 },
    { "num_lock", 0x53 }, { "kp_divide", 0x54 }, { "kp_multiply", 0x55 }, { "kp_subtract", 0x56 },
    { "kp_add", 0x57 }, { "kp_enter", 0x58 }, { "kp_1", 0x59 }, { "kp_2", 0x5a },
    { "kp_3", 0x5b }, { "kp_4", 0x5c }, { "kp_5", 0x5d }, { "kp_6", 0x5e }, { "kp_7", 0x5f },
    { "kp_8", 0x60 }, { "kp_9", 0x61 }, { "kp_0", 0x62 }, { "kp_decimal", 0x63 },
    { "less", 0x64 }, { "menu", 0x65 }, { "ctrl", 0xe0 }, { "shift", 0xe1 }, { "alt", 0xe2 },
    { "meta_l", 0xe3 }, { "ctrl_r", 0xe4 }, { "shift_r", 0xe5 }, { "alt_r", 0xe6 },
    { "meta_r", 0xe7 },
};

static u8 key_by_name(const char *name, size_t len)
{
    u8 usage;
    bool shift;

    if (len == 1 && char_key(*name, &usage, &shift) && !shift)
        return usage;
    for (unsigned k = 0; k < ARRAY_LEN(names); k++)
        if (strlen(names[k].name) == len && !strncmp(names[k].name, name, len))
            return names[k].usage;
    return 0;
}

/* ---- on the machine thread */

static void typist_next(struct typist *t)
{
    if (t->len && !timer_armed(&t->timer)) {
        u32 gap = t->queue[t->head].gap_ms;
        timer_at(&t->timer, clock_now(&t->m->clock) + (gap ? gap * 1000000ull : KEY_GAP_NS));
    }
}

static void typist_fire(void *dev, u64 late)
{
    struct typist *t = dev;
    struct input *in = &t->m->input;

    (void)late;
    if (t->len) {
        struct key_event ev = t->queue[t->head];
        t->head = (t->head + 1) % QUEUE_MAX;
        t->len--;
        if (in->key)
            in->key(in->key_dev, ev.usage, ev.down);
    }
    typist_next(t);
}

void typist_new(struct nb_machine *m)
{
    struct typist *t = xcalloc(1, sizeof *t);

    t->m = m;
    t->queue = xcalloc(QUEUE_MAX, sizeof *t->queue);
    timer_init(&t->timer, &m->clock, typist_fire, t, "typist");
    m->typist = t;
}

void typist_free(struct nb_machine *m)
{
    if (!m->typist)
        return;
    timer_off(&m->typist->timer);
    xfree(m->typist->queue);
    xfree(m->typist);
    m->typist = NULL;
}

/* Number of events, deadline of the next, then the events: what a script typed before the snapshot
 * arrives after it, too. */
bool typist_save(struct nb_machine *m, bool (*write)(void *to, const void *p, size_t n), void *to)
{
    struct typist *t = m->typist;
    u64 head[3] = { t->len, t->timer.when, timer_armed(&t->timer) ? t->timer.seq : 0 };

    if (!write(to, head, sizeof head))
        return false;
    for (u32 k = 0; k < t->len; k++) {
        const struct key_event *ev = &t->queue[(t->head + k) % QUEUE_MAX];
        u64 v = ev->usage | (u64)ev->down << 8 | (u64)ev->gap_ms << 32;
        if (!write(to, &v, 8))
            return false;
    }
    return true;
}

bool typist_load(struct nb_machine *m, bool (*read)(void *from, void *p, size_t n), void *from)
{
    struct typist *t = m->typist;
    u64 head[3];

    if (!read(from, head, sizeof head) || head[0] > QUEUE_MAX || head[2] >> 62 ||
        (head[1] == CLOCK_NEVER) != (head[0] == 0))
        return false;
    t->head = 0;
    t->len = (u32)head[0];
    for (u32 k = 0; k < t->len; k++) {
        u64 v;
        if (!read(from, &v, 8) || (v & 0xfffffe00u) || v >> 32 > MAX_HOLD_MS)
            return false;
        t->queue[k] = (struct key_event){ (u8)v, v >> 8 & 1, (u32)(v >> 32) };
    }
    timer_restore(&t->timer, head[1], head[2]);
    return true;
}

struct key_msg {
    struct nb_machine *m;
    u32 n;
    bool at_once;
    struct key_event ev[];
};

static void keys_arrive(void *arg, bool run)
{
    struct key_msg *msg = arg;

    if (run && msg->at_once && !msg->m->typist->len) {
        struct input *in = &msg->m->input;
        for (u32 k = 0; in->key && k < msg->n; k++)
            in->key(in->key_dev, msg->ev[k].usage, msg->ev[k].down);
    } else if (run) {
        struct typist *t = msg->m->typist;
        for (u32 k = 0; k < msg->n && t->len < QUEUE_MAX; k++)
            t->queue[(t->head + t->len++) % QUEUE_MAX] = msg->ev[k];
        typist_next(t);
    }
    xfree(msg);
}

static struct key_msg *key_msg(struct nb_machine *m, u32 max)
{
    struct key_msg *msg = xcalloc(1, sizeof *msg + max * sizeof msg->ev[0]);

    msg->m = m;
    return msg;
}

static void put(struct key_msg *msg, u8 usage, bool down, u32 gap_ms)
{
    msg->ev[msg->n++] = (struct key_event){ usage, down, gap_ms };
}

/* ---- the API's calls: any thread */

void nb_key(struct nb_machine *m, uint8_t hid_usage, bool down)
{
    struct key_msg *msg = key_msg(m, 1);

    put(msg, hid_usage, down, 0);
    msg->at_once = true;
    loop_post(m->loop, keys_arrive, msg, LOOP_ASAP);
}

size_t nb_type(struct nb_machine *m, const char *text)
{
    size_t len = MIN(strlen(text), QUEUE_MAX / 4), typed = 0;
    struct key_msg *msg = key_msg(m, (u32)len * 4 + 1);

    for (size_t k = 0; k < len; k++) {
        u8 usage;
        bool shift;
        if (!char_key(text[k], &usage, &shift))
            continue;
        if (shift)
            put(msg, KEY_LSHIFT, true, 0);
        put(msg, usage, true, 0);
        put(msg, usage, false, 0);
        if (shift)
            put(msg, KEY_LSHIFT, false, 0);
        typed++;
    }
    loop_post(m->loop, keys_arrive, msg, LOOP_ASAP);
    return typed;
}

bool nb_sendkey(struct nb_machine *m, const char *chord, unsigned hold_ms)
{
    u8 keys[8];
    unsigned n = 0;
    const char *p = chord;

    while (*p) {
        size_t len = strcspn(p, "-");
        u8 usage = key_by_name(p, len);
        if (!usage || n == ARRAY_LEN(keys))
            return false;
        keys[n++] = usage;
        p += len;
        if (*p == '-' && !*++p)
            return false;
    }
    if (!n)
        return false;
    struct key_msg *msg = key_msg(m, 2 * n);
    for (unsigned k = 0; k < n; k++)
        put(msg, keys[k], true, 0);
    for (unsigned k = n; k-- > 0; )
        put(msg, keys[k], false, k == n - 1 ? MIN(hold_ms, MAX_HOLD_MS) : 0);
    loop_post(m->loop, keys_arrive, msg, LOOP_ASAP);
    return true;
}

struct mouse_msg {
    struct nb_machine *m;
    i32 dx, dy, dz;
    u32 buttons;
};

static void mouse_arrives(void *arg, bool run)
{
    struct mouse_msg *msg = arg;
    struct input *in = &msg->m->input;

    if (run && in->mouse)
        in->mouse(in->mouse_dev, msg->dx, msg->dy, msg->dz, msg->buttons);
    xfree(msg);
}

void nb_mouse(struct nb_machine *m, int dx, int dy, int dz, unsigned buttons)
{
    struct mouse_msg *msg = xcalloc(1, sizeof *msg);

    *msg = (struct mouse_msg){ m, dx, dy, dz, buttons };
    loop_post(m->loop, mouse_arrives, msg, LOOP_ASAP);
}

unsigned nb_keyboard_leds(struct nb_machine *m)
{
    return __atomic_load_n(&m->input.leds, __ATOMIC_RELAXED);
}
