/* SPDX-License-Identifier: MIT */
#ifndef NB_BIOS_DISK_BUILTIN_H
#define NB_BIOS_DISK_BUILTIN_H

#include <stdint.h>

/*
 * The built-in disk: a bootable hard disk image of whole 512-byte sectors, at most 63 of them.
 * Its size is nb_builtin_disk_end - nb_builtin_disk. Read-only: guests write to an overlay or not
 * at all.
 */
extern const uint8_t nb_builtin_disk[];
extern const uint8_t nb_builtin_disk_end[];

#endif
