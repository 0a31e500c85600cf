/* SPDX-License-Identifier: MIT */
/* Framing of GDB's remote protocol: $data#xx, escapes, acknowledgements, hexadecimal. */
#ifndef NB_FRONTEND_GDB_PACKET_H
#define NB_FRONTEND_GDB_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "frontend/text.h"

#define GDB_PACKET_MAX 0x4000 /* what qSupported tells gdb */

enum gdb_event {
    GDB_NOTHING,
    GDB_PACKET,    /* data[0..len) */
    GDB_BROKEN,    /* wrong checksum or too long: answer "-" */
    GDB_INTERRUPT, /* Ctrl-C */
    GDB_AGAIN,     /* "-": the last packet is to be sent again */
};

struct gdb_in {
    enum { GDB_IDLE, GDB_DATA, GDB_ESCAPE, GDB_SUM1, GDB_SUM2 } state;
    uint8_t sum, sent_sum;
    bool too_long, bad_hex;
    size_t len;
    char data[GDB_PACKET_MAX + 1]; /* NUL-terminated, escapes undone */
};

enum gdb_event gdb_feed(struct gdb_in *in, uint8_t byte);
/* Adds the packet with this payload, escaped. */
void gdb_frame(struct text *out, const char *payload, size_t len);

/* Bytes of pairs of digits; false: an odd number, a bad digit, or more than max. */
bool gdb_unhex(const char *s, size_t len, uint8_t *to, size_t max, size_t *n);
void gdb_hex(struct text *out, const uint8_t *data, size_t len);
/* Number at *p without 0x, at most 16 digits; false: none. */
bool gdb_number(const char **p, uint64_t *v);

#endif
