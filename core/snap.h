/* SPDX-License-Identifier: MIT */
/* Declared state: one field table per chip gives save, load, dump, diff and the generic
 * round-trip test. Values are stored little-endian by tag, so renaming a C member does not
 * change the format and new fields can be added.
 *
 * Stream: "NBSNAP\r\n", u32 format version, then sections
 *   { u8 name_len, name, u32 version, u32 payload_len, payload }
 * payload = fields { u8 tag_len, tag, u32 byte_len, bytes }. Loading trusts nothing: a wrong
 * length, an unknown or missing field or section is an error that names it. */
#ifndef NB_CORE_SNAP_H
#define NB_CORE_SNAP_H

#include "core/err.h"
#include "core/strbuf.h"
#include "core/types.h"

enum field_kind {
    FIELD_END,
    FIELD_INT,   /* elem_size 1, 2, 4 or 8; count elements */
    FIELD_BOOL,  /* stored as one byte, 0 or 1 */
    FIELD_TIMER, /* struct timer: deadline and order of arming */
    FIELD_SUB,   /* count structs with a field table of their own */
    FIELD_BUF,   /* a heap buffer: offset is of the pointer, len_of gives its length, which must
                    follow from properties, never from fields that are loaded */
    FIELD_F80,   /* 10-byte x87 values, elem_size bytes apart */
};

struct field {
    const char *tag;
    enum field_kind kind;
    u32 offset, elem_size, count;
    const struct field *sub;
    u32 sub_size;                       /* size of one sub struct */
    u32 (*len_of)(const void *obj);     /* FIELD_BUF */
    u32 since;                          /* section version that introduced it; a loader of an older
                                           section leaves the reset value; 0: always there */
};

#define NB_MEMBER(type, m) (((type *)0)->m)
#define F_CHECK_(type, m, T) \
    (0 * sizeof(char[_Generic(&NB_MEMBER(type, m), T *: 1, const T *: 1)]))
/* Integers of a fixed type; the member's type is checked at compile time. */
#define F_U8(type, m) { #m, FIELD_INT, offsetof(type, m) + F_CHECK_(type, m, u8), 1, 1, NULL, 0, NULL, 0 }
#define F_U16(type, m) { #m, FIELD_INT, offsetof(type, m) + F_CHECK_(type, m, u16), 2, 1, NULL, 0, NULL, 0 }
#define F_U32(type, m) { #m, FIELD_INT, offsetof(type, m) + F_CHECK_(type, m, u32), 4, 1, NULL, 0, NULL, 0 }
#define F_U64(type, m) { #m, FIELD_INT, offsetof(type, m) + F_CHECK_(type, m, u64), 8, 1, NULL, 0, NULL, 0 }
#define F_I32(type, m) { #m, FIELD_INT, offsetof(type, m) + F_CHECK_(type, m, i32), 4, 1, NULL, 0, NULL, 0 }
#define F_I64(type, m) { #m, FIELD_INT, offsetof(type, m) + F_CHECK_(type, m, i64), 8, 1, NULL, 0, NULL, 0 }
#define F_BOOL(type, m) { #m, FIELD_BOOL, offsetof(type, m) + F_CHECK_(type, m, bool), 1, 1, NULL, 0, NULL, 0 }
/* Arrays (of any rank) of integers: element size from the expression given. */
#define F_ARRAY(type, m, elem) \
    { #m, FIELD_INT, offsetof(type, m), sizeof(elem), sizeof(NB_MEMBER(type, m)) / sizeof(elem), NULL, 0, NULL, 0 }
#define F_TIMER(type, m) { #m, FIELD_TIMER, offsetof(type, m), 0, 1, NULL, 0, NULL, 0 }
#define F_SUB(type, m, subtype, fields) \
    { #m, FIELD_SUB, offsetof(type, m), 0, sizeof(NB_MEMBER(type, m)) / sizeof(subtype), fields, sizeof(subtype), NULL, 0 }
#define F_BUF(type, m, lenfn) { #m, FIELD_BUF, offsetof(type, m), 1, 1, NULL, 0, lenfn, 0 }
#define F_END { NULL, FIELD_END, 0, 0, 0, NULL, 0, NULL, 0 }

/* Byte sink and source. write/read return false on failure (disk full, truncated). */
struct snap_out {
    bool (*write)(void *to, const void *data, size_t len);
    void *to;
};
struct snap_in {
    bool (*read)(void *from, void *data, size_t len);
    void *from;
};

bool snap_begin(struct snap_out *out, struct err *e);                 /* file header */
bool snap_check(struct snap_in *in, struct err *e);
/* One section from one object. */
bool snap_save(struct snap_out *out, const char *section, u32 version, const struct field *fields,
               const void *obj, struct err *e);
/* Reads the next section, whose name must be `section`, into obj. */
bool snap_load(struct snap_in *in, const char *section, u32 version, const struct field *fields,
               void *obj, struct err *e);

/* Text "tag = value" lines, and the tags in which two objects differ (empty: equal). */
void snap_dump(struct strbuf *sb, const struct field *fields, const void *obj);
void snap_diff(struct strbuf *sb, const struct field *fields, const void *a, const void *b);

#endif
