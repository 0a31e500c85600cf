/* SPDX-License-Identifier: MIT */
/* The board `pc` with something in every drive, under fuzz_dev and fuzz_chip. */
#ifndef NB_TESTS_FUZZ_PC_BOARD_H
#define NB_TESTS_FUZZ_PC_BOARD_H

#include "tests/fuzz/fuzz.h" /* first: it wants _GNU_SOURCE */

#include "machine/machine.h"

/* All vectors to an IRET that ends the interrupt at both PICs; then halt for ever. */
static const u8 guest[] = {
    0xfa, 0x31, 0xc0, 0x8e, 0xd8, 0x8e, 0xd0, 0xbc, 0x00, 0x70, /* cli; ds, ss = 0; sp = 7000h */
    0x31, 0xff, 0xb9, 0x00, 0x01,             /* xor di,di; mov cx,100h */
    0xc7, 0x05, 0x22, 0x00,                   /* next: mov word [di],22h */
    0xc7, 0x45, 0x02, 0x00, 0xf0,             /* mov word [di+2],f000h */
    0x83, 0xc7, 0x04, 0xe2, 0xf2,             /* add di,4; loop next */
    0xfb, 0xf4, 0xeb, 0xfc,                   /* sti; hlt; jmp sti */
    0x90,
    0x50, 0xb0, 0x20, 0xe6, 0x20, 0xe6, 0xa0, 0x58, 0xcf, /* 22h: eoi, eoi, iret */
};

static struct mem_file disk, cd, floppy;

static void option(struct nb_config *cfg, const char *key, const char *value)
{
    struct nb_error e = { 0 };

    if (!nb_config_set(cfg, key, value, &e)) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
}

static struct nb_machine *machine(void)
{
    struct nb_config *cfg = fuzz_config(guest, sizeof guest);
    struct nb_error e = { 0 };
    char v[128];

    if (!disk.path[0]) {
        static u8 data[1 << 20];
        for (u32 k = 0; k < sizeof data; k++)
            data[k] = (u8)(k * 13 + (k >> 9));
        disk = mem_file(data, sizeof data);
        cd = mem_file(data, 100 * 2048);
        floppy = mem_file(data, 720 << 10);
    }
    snprintf(v, sizeof v, "file=%s,snapshot=on", disk.path);
    option(cfg, "drive", v);
    snprintf(v, sizeof v, "file=%s,media=cdrom,index=2", cd.path);
    option(cfg, "drive", v);
    snprintf(v, sizeof v, "file=%s,if=floppy,snapshot=on", floppy.path);
    option(cfg, "drive", v);
    option(cfg, "serial", "callback");
    option(cfg, "debugcon", "null");
    option(cfg, "device", "isa-debug-exit");
    struct nb_machine *m = nb_new(cfg, &e);
    if (!m) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    nb_config_free(cfg);
    return m;
}

#endif
