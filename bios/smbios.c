/* SPDX-License-Identifier: MIT */
/* SMBIOS 2.4 structures (DMTF DSP0134): the firmware copies them and writes the 32-bit entry
 * point's address and checksums. Types 0, 1, 3, 4, 16, 17, 19, 32, 127. */
#include "bios/tables.h"

#define ANCHOR_LEN 31u
#define UNKNOWN 2

struct writer {
    struct blob *b;
    u32 at;          /* of the structure being written */
    u32 largest;
    u16 count;
    char strings[128];
    u32 strings_len;
    u8 num_strings;
};

static void begin(struct writer *w, u8 type, u8 length, u16 handle)
{
    w->at = w->b->len;
    w->strings_len = 0;
    w->num_strings = 0;
    blob_u8(w->b, type);
    blob_u8(w->b, length);
    blob_u16(w->b, handle);
}

/* A string's number, which stands for it in the structure. */
static void string(struct writer *w, const char *s)
{
    u32 n = (u32)strlen(s) + 1;

    if (n == 1 || n > sizeof w->strings - w->strings_len) {
        blob_u8(w->b, 0);
        return;
    }
    memcpy(w->strings + w->strings_len, s, n);
    w->strings_len += n;
    blob_u8(w->b, ++w->num_strings);
}

static void end(struct writer *w)
{
    blob_bytes(w->b, w->strings, w->strings_len);
    blob_u8(w->b, 0);
    if (!w->num_strings)
        blob_u8(w->b, 0);
    w->largest = MAX(w->largest, w->b->len - w->at);
    w->count++;
}

static void type0(struct writer *w, const struct bios_board *board)
{
    begin(w, 0, 24, 0x0000);
    string(w, "SeaBIOS");
    string(w, board->version);
    blob_u16(w->b, 0xe800);
    string(w, "06/23/1999");    /* as at F000:FFF5 */
    blob_u8(w->b, 1);           /* 128 KB */
    blob_u32(w->b, 0x00018090); /* PCI, shadowing, boot from CD, selectable boot */
    blob_u32(w->b, 0);
    blob_u8(w->b, 0x01);        /* ACPI */
    blob_u8(w->b, 0x04);
    blob_u8(w->b, 0);
    blob_u8(w->b, 0);
    blob_u8(w->b, 0xff);
    blob_u8(w->b, 0xff);
    end(w);
}

static void type1(struct writer *w, const struct bios_board *board)
{
    u8 uuid[16] = { 0 };

    /* the first three fields are little-endian numbers */
    if (board->uuid) {
        static const u8 order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };
        for (unsigned k = 0; k < 16; k++)
            uuid[k] = board->uuid[order[k]];
    }
    begin(w, 1, 27, 0x0100);
    string(w, "nestbox");
    string(w, "pc");
    string(w, "1");
    string(w, "0");
    blob_bytes(w->b, uuid, 16);
    blob_u8(w->b, 6); /* woken by the power switch */
    blob_u8(w->b, 0);
    blob_u8(w->b, 0);
    end(w);
}

static void type3(struct writer *w)
{
    begin(w, 3, 17, 0x0300);
    string(w, "nestbox");
    blob_u8(w->b, 3); /* desktop */
    string(w, "1");
    blob_u16(w->b, 0);
    for (unsigned k = 0; k < 3; k++)
        blob_u8(w->b, 3); /* safe */
    blob_u8(w->b, UNKNOWN);
    blob_zero(w->b, 4);
    end(w);
}

static void type4(struct writer *w, const struct bios_board *board)
{
    u16 mhz = (u16)MIN(board->cpu_mhz, 0xffff);

    begin(w, 4, 35, 0x0400);
    string(w, "CPU 1");
    blob_u8(w->b, 3); /* central processor */
    blob_u8(w->b, UNKNOWN);
    string(w, "GenuineIntel");
    blob_u32(w->b, board->cpu_signature);
    blob_u32(w->b, board->cpu_features);
    string(w, "1");
    blob_u8(w->b, 0);
    blob_u16(w->b, 0);
    blob_u16(w->b, mhz);
    blob_u16(w->b, mhz);
    blob_u8(w->b, 0x41); /* populated, enabled */
    blob_u8(w->b, 1);
    for (unsigned k = 0; k < 3; k++)
        blob_u16(w->b, 0xffff); /* caches are not described */
    blob_zero(w->b, 3);
    end(w);
}

static void memory(struct writer *w, const struct bios_board *board)
{
    u32 kb = (u32)(board->ram_bytes >> 10), mb = (u32)(board->ram_bytes >> 20);

    begin(w, 16, 15, 0x1000);
    blob_u8(w->b, 3); /* on the main board, system memory, no ECC */
    blob_u8(w->b, 3);
    blob_u8(w->b, 3);
    blob_u32(w->b, kb);
    blob_u16(w->b, 0xfffe);
    blob_u16(w->b, 1);
    end(w);

    begin(w, 17, 27, 0x1100);
    blob_u16(w->b, 0x1000);
    blob_u16(w->b, 0xfffe);
    blob_u16(w->b, 64);
    blob_u16(w->b, 64);
    blob_u16(w->b, (u16)mb);
    blob_u8(w->b, 9); /* DIMM */
    blob_u8(w->b, 0);
    string(w, "DIMM 0");
    blob_u8(w->b, 0);
    blob_u8(w->b, 0x0f); /* SDRAM, synchronous */
    blob_u16(w->b, 0x80);
    blob_u16(w->b, 0);
    blob_zero(w->b, 4);
    end(w);

    begin(w, 19, 15, 0x1300);
    blob_u32(w->b, 0);
    blob_u32(w->b, kb - 1);
    blob_u16(w->b, 0x1000);
    blob_u8(w->b, 1);
    end(w);
}

void smbios_make(struct blob *anchor, struct blob *tables, const struct bios_board *board)
{
    struct writer w = { .b = tables };

    type0(&w, board);
    type1(&w, board);
    type3(&w);
    type4(&w, board);
    memory(&w, board);
    begin(&w, 32, 11, 0x2000);
    blob_zero(tables, 7); /* reserved; status: no errors */
    end(&w);
    begin(&w, 127, 4, 0x7f00);
    end(&w);

    blob_bytes(anchor, "_SM_", 4);
    blob_u8(anchor, 0);
    blob_u8(anchor, ANCHOR_LEN);
    blob_u8(anchor, 2);
    blob_u8(anchor, 4);
    blob_u16(anchor, (u16)w.largest);
    blob_u8(anchor, 0);
    blob_zero(anchor, 5);
    blob_bytes(anchor, "_DMI_", 5);
    blob_u8(anchor, 0);
    blob_u16(anchor, (u16)tables->len);
    blob_u32(anchor, 0); /* the firmware's */
    blob_u16(anchor, w.count);
    blob_u8(anchor, 0x24);
    anchor->data[0x15] = blob_checksum(anchor->data + 0x10, 15);
    anchor->data[4] = blob_checksum(anchor->data, ANCHOR_LEN);
}
