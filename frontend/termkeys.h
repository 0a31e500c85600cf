/* SPDX-License-Identifier: MIT */
/* A terminal sends characters; a PC wants keys. Characters as a US keyboard would make them. */
#ifndef NB_FRONTEND_TERMKEYS_H
#define NB_FRONTEND_TERMKEYS_H

#include <stdbool.h>
#include <stdint.h>

enum { TERM_SHIFT = 1, TERM_CTRL = 2, TERM_ALT = 4 };

struct term_key {
    uint8_t usage; /* HID; 0: none */
    uint8_t mods;
};

/* The key for a byte that a terminal sends (control codes included). */
struct term_key term_key_of_char(unsigned c);

#endif
