/* SPDX-License-Identifier: MIT */
/* The AML writer. */
#include "bios/aml.h"

enum {
    OP_ZERO = 0x00, OP_ONE = 0x01, OP_NAME = 0x08, OP_BYTE = 0x0a, OP_WORD = 0x0b, OP_DWORD = 0x0c,
    OP_SCOPE = 0x10, OP_BUFFER = 0x11, OP_PACKAGE = 0x12, OP_METHOD = 0x14, OP_DUAL = 0x2e,
    OP_MULTI = 0x2f, OP_EXT = 0x5b, OP_STORE = 0x70, OP_AND = 0x7b, OP_OR = 0x7d,
    OP_CREATE_DWORD = 0x8a, OP_LESS = 0x95, OP_IF = 0xa0, OP_RETURN = 0xa4,
    EXT_REGION = 0x80, EXT_FIELD = 0x81, EXT_DEVICE = 0x82,
};

/* ---- names and numbers ---- */

static void segment(struct blob *b, const char *from, size_t n)
{
    char seg[4] = { '_', '_', '_', '_' };
    memcpy(seg, from, MIN(n, sizeof seg));
    blob_bytes(b, seg, sizeof seg);
}

void aml_name(struct blob *b, const char *name)
{
    unsigned segs = 1;

    for (; *name == '\\' || *name == '^'; name++)
        blob_u8(b, (u8)*name);
    for (const char *p = name; *p; p++)
        segs += *p == '.';
    if (!*name) {
        blob_u8(b, 0);
        return;
    }
    if (segs == 2) {
        blob_u8(b, OP_DUAL);
    } else if (segs > 2) {
        blob_u8(b, OP_MULTI);
        blob_u8(b, (u8)segs);
    }
    for (unsigned k = 0; k < segs; k++) {
        size_t n = strcspn(name, ".");
        segment(b, name, n);
        name += n + 1;
    }
}

void aml_int(struct blob *b, u32 v)
{
    if (v <= 1) {
        blob_u8(b, v ? OP_ONE : OP_ZERO);
    } else if (v <= 0xff) {
        blob_u8(b, OP_BYTE);
        blob_u8(b, (u8)v);
    } else if (v <= 0xffff) {
        blob_u8(b, OP_WORD);
        blob_u16(b, (u16)v);
    } else {
        blob_u8(b, OP_DWORD);
        blob_u32(b, v);
    }
}

static u32 hex_digit(char c)
{
    return (u32)(c <= '9' ? c - '0' : c - 'A' + 10);
}

/* Three letters of five bits and four hex digits, the most significant byte first. */
void aml_eisa_id(struct blob *b, const char *id)
{
    u32 v = 0;
    u8 t[4];

    for (unsigned k = 0; k < 3; k++)
        v = v << 5 | (u32)(id[k] - 0x40);
    for (unsigned k = 3; k < 7; k++)
        v = v << 4 | hex_digit(id[k]);
    for (unsigned k = 0; k < 4; k++)
        t[k] = (u8)(v >> 8 * (3 - k));
    blob_u8(b, OP_DWORD);
    blob_bytes(b, t, 4);
}

/* ---- lengths ---- */

/* PkgLength counts itself; more than one byte: the low nibble first, the top two bits of the first
 * byte say how many follow. */
static unsigned pkg_length(u8 out[4], u32 n, bool counts_itself)
{
    unsigned bytes = 1;
    u32 self = counts_itself ? 1 : 0;

    if (n + self <= 0x3f) {
        out[0] = (u8)(n + self);
        return 1;
    }
    while (n + self * (bytes + 1) >= 1u << (4 + 8 * bytes))
        bytes++;
    n += self * (bytes + 1);
    out[0] = (u8)(bytes << 6 | (n & 15));
    for (unsigned k = 0; k < bytes; k++)
        out[k + 1] = (u8)(n >> (4 + 8 * k));
    return bytes + 1;
}

void aml_close(struct blob *b, u32 at)
{
    u8 t[4];
    unsigned n = pkg_length(t, b->len - at, true);
    blob_insert(b, at, t, n);
}

static u32 open_named(struct blob *b, u8 op, const char *name)
{
    blob_u8(b, op);
    u32 at = b->len;
    aml_name(b, name);
    return at;
}

u32 aml_scope(struct blob *b, const char *name)
{
    return open_named(b, OP_SCOPE, name);
}

u32 aml_device(struct blob *b, const char *name)
{
    blob_u8(b, OP_EXT);
    return open_named(b, EXT_DEVICE, name);
}

u32 aml_method(struct blob *b, const char *name, u8 args_and_flags)
{
    u32 at = open_named(b, OP_METHOD, name);
    blob_u8(b, args_and_flags);
    return at;
}

u32 aml_package(struct blob *b, u8 elements)
{
    blob_u8(b, OP_PACKAGE);
    blob_u8(b, elements);
    return b->len - 1;
}

u32 aml_if(struct blob *b)
{
    blob_u8(b, OP_IF);
    return b->len;
}

u32 aml_field(struct blob *b, const char *region, u8 flags)
{
    blob_u8(b, OP_EXT);
    u32 at = open_named(b, EXT_FIELD, region);
    blob_u8(b, flags);
    return at;
}

/* ---- terms ---- */

void aml_name_op(struct blob *b, const char *name)
{
    blob_u8(b, OP_NAME);
    aml_name(b, name);
}

void aml_op(struct blob *b, u8 op)
{
    blob_u8(b, op);
}

void aml_return(struct blob *b)
{
    blob_u8(b, OP_RETURN);
}

void aml_store(struct blob *b)
{
    blob_u8(b, OP_STORE);
}

void aml_and(struct blob *b)
{
    blob_u8(b, OP_AND);
}

void aml_or(struct blob *b)
{
    blob_u8(b, OP_OR);
}

void aml_no_target(struct blob *b)
{
    blob_u8(b, OP_ZERO);
}

void aml_less(struct blob *b)
{
    blob_u8(b, OP_LESS);
}

void aml_region(struct blob *b, const char *name, u8 space, u32 offset, u32 len)
{
    blob_u8(b, OP_EXT);
    blob_u8(b, EXT_REGION);
    aml_name(b, name);
    blob_u8(b, space);
    aml_int(b, offset);
    aml_int(b, len);
}

void aml_field_unit(struct blob *b, const char *name, u32 bits)
{
    u8 t[4];
    segment(b, name, strlen(name));
    blob_bytes(b, t, pkg_length(t, bits, false));
}

void aml_create_dword_field(struct blob *b)
{
    blob_u8(b, OP_CREATE_DWORD);
}

/* ---- resources ---- */

u32 aml_resources(struct blob *b)
{
    blob_u8(b, OP_BUFFER);
    return b->len;
}

void aml_resources_end(struct blob *b, u32 at)
{
    struct blob size = { 0 };

    blob_u8(b, 0x79); /* end tag; a checksum of 0 means that there is none */
    blob_u8(b, 0);
    aml_int(&size, b->len - at);
    blob_insert(b, at, size.data, size.len);
    blob_free(&size);
    aml_close(b, at);
}

void res_io(struct blob *b, u16 base, u8 len)
{
    blob_u8(b, 0x47);
    blob_u8(b, 1);
    blob_u16(b, base);
    blob_u16(b, base);
    blob_u8(b, 1);
    blob_u8(b, len);
}

void res_irq(struct blob *b, u8 irq)
{
    blob_u8(b, 0x22);
    blob_u16(b, (u16)(1u << irq));
}

void res_dma(struct blob *b, u8 channel)
{
    blob_u8(b, 0x2a);
    blob_u8(b, (u8)(1u << channel));
    blob_u8(b, 0);
}

void res_interrupts(struct blob *b, const u8 *irqs, unsigned count)
{
    blob_u8(b, 0x89);
    blob_u16(b, (u16)(2 + 4 * count));
    blob_u8(b, 0x09);
    blob_u8(b, (u8)count);
    for (unsigned k = 0; k < count; k++)
        blob_u32(b, irqs[k]);
}

static void window16(struct blob *b, u8 type, u8 specific, u16 first, u16 last)
{
    blob_u8(b, 0x88);
    blob_u16(b, 13);
    blob_u8(b, type);
    blob_u8(b, 0x0c); /* producer, positive decode, minimum and maximum fixed */
    blob_u8(b, specific);
    blob_u16(b, 0);
    blob_u16(b, first);
    blob_u16(b, last);
    blob_u16(b, 0);
    blob_u16(b, (u16)(last - first + 1));
}

void res_bus_range(struct blob *b, u16 first, u16 last)
{
    window16(b, 2, 0, first, last);
}

void res_io_window(struct blob *b, u16 first, u16 last)
{
    window16(b, 1, 3, first, last); /* the entire range, no ISA aliases */
}

void res_mem_window(struct blob *b, u32 first, u32 last, bool cacheable)
{
    blob_u8(b, 0x87);
    blob_u16(b, 23);
    blob_u8(b, 0);
    blob_u8(b, 0x0c);
    blob_u8(b, cacheable ? 0x03 : 0x01);
    blob_u32(b, 0);
    blob_u32(b, first);
    blob_u32(b, last);
    blob_u32(b, 0);
    blob_u32(b, last - first + 1);
}
