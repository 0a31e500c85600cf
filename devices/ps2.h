/* SPDX-License-Identifier: MIT */
/* The PS/2 serial link between the 8042 and what is plugged into it. Keyboard and mouse are parts
 * of the 8042's instance: they have no ports, and their state is saved with it.
 *
 * The controller takes bytes with ps2_pop() when it has room, at the link's speed; the device calls
 * `ready` whenever it may have something to send. */
#ifndef NB_DEVICES_PS2_H
#define NB_DEVICES_PS2_H

#include "core/device.h"
#include "core/fifo.h"
#include "core/input.h"

struct ps2_link {
    struct fifo reply; /* answers to commands: go before anything else */
    struct fifo data;  /* scan codes or packets: whole sequences or nothing */
    u8 last;           /* byte sent last, for Resend */
    void (*ready)(void *controller);
    void *controller;
};

static inline bool ps2_pending(const struct ps2_link *l)
{
    return l->reply.count || l->data.count;
}

static inline u8 ps2_pop(struct ps2_link *l)
{
    l->last = fifo_pop(l->reply.count ? &l->reply : &l->data);
    return l->last;
}

static inline void ps2_reply(struct ps2_link *l, u8 v)
{
    fifo_push(&l->reply, v);
    if (l->ready)
        l->ready(l->controller);
}

static inline bool ps2_link_sane(const struct ps2_link *l)
{
    return fifo_sane(&l->reply) && fifo_sane(&l->data);
}

extern const struct field ps2_link_fields[];

/* ---- keyboard (ps2_kbd.c) ---- */

#define PS2_SET3_CODES 0x90u

struct ps2_kbd {
    struct ps2_link link;
    struct clock *clock;
    struct input *input; /* LEDs go there; may be NULL */
    struct timer bat;    /* end of the self-test */
    struct timer repeat;
    u32 down[8];         /* keys that are held, by HID usage */
    u8 command;          /* that waits for its argument; 0: none */
    u8 set;              /* scan code set 1..3 */
    u8 leds;             /* PS/2 order: scroll, num, caps */
    u8 rate;             /* typematic rate and delay as F3h set it */
    u8 repeat_key;       /* HID usage; 0: none */
    bool enabled;        /* scanning */
    bool overrun;        /* the overrun code is the last entry of the buffer */
    u8 types[PS2_SET3_CODES]; /* set 3: enum ps2_key_type by scan code */
};

enum ps2_key_type { KEY_TYPEMATIC_BREAK, KEY_TYPEMATIC, KEY_MAKE_BREAK, KEY_MAKE };

extern const struct field ps2_kbd_fields[];
void ps2_kbd_init(struct ps2_kbd *k, struct clock *clock);
void ps2_kbd_reset(struct ps2_kbd *k); /* power-on; the self-test's AAh follows */
void ps2_kbd_close(struct ps2_kbd *k);
bool ps2_kbd_sane(const struct ps2_kbd *k);
void ps2_kbd_write(struct ps2_kbd *k, u8 v);
void ps2_kbd_key(struct ps2_kbd *k, u8 usage, bool down);

/* ---- scan codes (ps2_keys.c) ---- */

/* Set 2 code of a HID usage, 0: none; *e0: it has the prefix. Print Screen and Pause have codes
 * here too, but need sequences of their own. */
u8 ps2_set2_code(u8 usage, bool *e0);
u8 ps2_set3_code(u8 usage);
/* Default key types of set 3, by code. */
enum ps2_key_type ps2_set3_type(u8 code);
/* What an 8042 makes of one byte from a set 2 keyboard (the F0h prefix is the caller's). */
u8 ps2_translate(u8 code);

/* ---- mouse (ps2_mouse.c) ---- */

#define PS2_MOUSE_SAMPLES 16u

struct ps2_sample {
    i32 dx, dy, dz;
    u8 buttons;
};

struct ps2_mouse {
    struct ps2_link link;
    struct clock *clock;
    struct timer bat;
    struct timer sample;  /* next packet not before (stream mode) */
    struct ps2_sample queue[PS2_MOUSE_SAMPLES]; /* one per state of the buttons */
    u8 queued;            /* entries in use */
    u8 buttons;           /* as last reported */
    u8 command;           /* that waits for its argument */
    u8 id;                /* 0, 3: wheel, 4: and five buttons */
    u8 rate, resolution;
    u8 knock[2];          /* last two sample rates */
    bool enabled, remote, wrap, scaling;
    bool bad;             /* the last byte was answered with Resend */
};

extern const struct field ps2_mouse_fields[];
void ps2_mouse_init(struct ps2_mouse *m, struct clock *clock);
void ps2_mouse_reset(struct ps2_mouse *m);
void ps2_mouse_close(struct ps2_mouse *m);
bool ps2_mouse_sane(const struct ps2_mouse *m);
void ps2_mouse_write(struct ps2_mouse *m, u8 v);
void ps2_mouse_move(struct ps2_mouse *m, i32 dx, i32 dy, i32 dz, u32 buttons);
/* The controller took a byte: a packet may fit now. */
void ps2_mouse_drained(struct ps2_mouse *m);

#endif
