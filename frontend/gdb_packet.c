/* SPDX-License-Identifier: MIT */
#include "frontend/gdb_packet.h"

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

static void start(struct gdb_in *in)
{
    in->state = GDB_DATA;
    in->sum = 0;
    in->len = 0;
    in->too_long = in->bad_hex = false;
}

static void store(struct gdb_in *in, char c)
{
    if (in->len == GDB_PACKET_MAX)
        in->too_long = true;
    else
        in->data[in->len++] = c;
}

static enum gdb_event idle(struct gdb_in *in, uint8_t byte)
{
    switch (byte) {
    case '$':
        start(in);
        return GDB_NOTHING;
    case 3:
        return GDB_INTERRUPT;
    case '-':
        return GDB_AGAIN;
    default: /* "+", and line noise */
        return GDB_NOTHING;
    }
}

static enum gdb_event last_digit(struct gdb_in *in, uint8_t byte)
{
    int d = digit((char)byte);

    in->state = GDB_IDLE;
    in->data[in->len] = 0;
    if (d < 0 || in->bad_hex || in->too_long || (in->sent_sum << 4 | d) != in->sum)
        return GDB_BROKEN;
    return GDB_PACKET;
}

enum gdb_event gdb_feed(struct gdb_in *in, uint8_t byte)
{
    int d;

    switch (in->state) {
    case GDB_IDLE:
        return idle(in, byte);
    case GDB_DATA:
        if (byte == '#') {
            in->state = GDB_SUM1;
        } else if (byte == '$') { /* the last packet was cut short */
            start(in);
        } else {
            in->sum = (uint8_t)(in->sum + byte);
            if (byte == '}')
                in->state = GDB_ESCAPE;
            else
                store(in, (char)byte);
        }
        return GDB_NOTHING;
    case GDB_ESCAPE:
        in->sum = (uint8_t)(in->sum + byte);
        store(in, (char)(byte ^ 0x20));
        in->state = GDB_DATA;
        return GDB_NOTHING;
    case GDB_SUM1:
        d = digit((char)byte);
        in->bad_hex = d < 0;
        in->sent_sum = (uint8_t)(d & 15);
        in->state = GDB_SUM2;
        return GDB_NOTHING;
    default:
        return last_digit(in, byte);
    }
}

void gdb_frame(struct text *out, const char *payload, size_t len)
{
    uint8_t sum = 0;

    text_addc(out, '$');
    for (size_t k = 0; k < len; k++) {
        char c = payload[k];
        if (c == '$' || c == '#' || c == '}' || c == '*') {
            text_addc(out, '}');
            sum = (uint8_t)(sum + '}');
            c ^= 0x20;
        }
        text_addc(out, c);
        sum = (uint8_t)(sum + (uint8_t)c);
    }
    text_addf(out, "#%02x", sum);
}

bool gdb_unhex(const char *s, size_t len, uint8_t *to, size_t max, size_t *n)
{
    if (len % 2 || len / 2 > max)
        return false;
    for (size_t k = 0; k < len / 2; k++) {
        int hi = digit(s[2 * k]), lo = digit(s[2 * k + 1]);
        if (hi < 0 || lo < 0)
            return false;
        to[k] = (uint8_t)(hi << 4 | lo);
    }
    *n = len / 2;
    return true;
}

void gdb_hex(struct text *out, const uint8_t *data, size_t len)
{
    static const char digits[] = "0123456789abcdef";

    for (size_t k = 0; k < len; k++) {
        text_addc(out, digits[data[k] >> 4]);
        text_addc(out, digits[data[k] & 15]);
    }
}

bool gdb_number(const char **p, uint64_t *v)
{
    const char *s = *p;

    for (*v = 0; digit(*s) >= 0; s++) {
        if (s - *p == 16)
            return false;
        *v = *v << 4 | (unsigned)digit(*s);
    }
    if (s == *p)
        return false;
    *p = s;
    return true;
}
