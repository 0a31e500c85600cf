/* SPDX-License-Identifier: MIT */
/* Pictures of the screen as PNG or PPM files. */
#ifndef NB_FRONTEND_SHOT_H
#define NB_FRONTEND_SHOT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "include/nestbox.h"

/* Pixels are 0x00RRGGBB. false: the file could not be written. */
bool shot_png(FILE *to, const uint32_t *pixels, uint32_t width, uint32_t height);
bool shot_ppm(FILE *to, const uint32_t *pixels, uint32_t width, uint32_t height);

/* [machine] The screen as it is now; format "png" or "ppm", NULL: by the name's end (PPM if it
 * says nothing, as in QEMU). false: why says what is wrong. */
bool shot_file(struct nb_machine *m, const char *file, const char *format, char *why, size_t size);

#endif
