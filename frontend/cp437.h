/* SPDX-License-Identifier: MIT */
/* The PC's character set on screens: code page 437 with the pictures of the control codes. */
#ifndef NB_FRONTEND_CP437_H
#define NB_FRONTEND_CP437_H

#include <stdint.h>

extern const uint16_t cp437_unicode[256];

#endif
