/* SPDX-License-Identifier: MIT */
/* A growing piece of bytes, little-endian: what tables for the firmware are written into. */
#ifndef NB_BIOS_BLOB_H
#define NB_BIOS_BLOB_H

#include "core/types.h"

struct blob {
    u8 *data;
    u32 len, cap;
};

void blob_free(struct blob *b);
void blob_bytes(struct blob *b, const void *p, u32 n);
void blob_zero(struct blob *b, u32 n);
void blob_align(struct blob *b, u32 n); /* zeros up to a multiple of n */
/* Makes room for n bytes at `at` and moves what was there up. */
void blob_insert(struct blob *b, u32 at, const void *p, u32 n);
void blob_u8(struct blob *b, u8 v);
void blob_u16(struct blob *b, u16 v);
void blob_u32(struct blob *b, u32 v);

/* The byte that makes the sum of all n bytes 0, given that it is 0 now. */
u8 blob_checksum(const u8 *p, u32 n);

#endif
