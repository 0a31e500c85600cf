/* SPDX-License-Identifier: MIT */
/* The option ROM that starts a kernel (kernel.S), and its parameter block. */
#ifndef NB_BIOS_OPTROM_ROM_H
#define NB_BIOS_OPTROM_ROM_H

#include "core/types.h"

extern const u8 nb_kernel_rom[], nb_kernel_rom_end[];

/* Offsets of 32-bit parameters. */
enum {
    KROM_KIND = 0x20, KROM_ENTRY = 0x24, KROM_INFO = 0x28, KROM_COUNT = 0x2c, KROM_TABLE = 0x30,
    KROM_MAX_ITEMS = 8, KROM_ITEM = 12, KROM_PNP = 0x90, /* the PnP header; its checksum is at +9 */
};
enum { KROM_LINUX = 0, KROM_MULTIBOOT = 1 };

#endif
