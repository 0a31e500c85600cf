/* SPDX-License-Identifier: MIT */
/* Frames are published, not shared: the display device renders into the next frame on the machine
 * thread and publishes it; front ends take finished frames (machine/ copies or swaps buffers).
 * No front end reads VRAM. */
#ifndef NB_CORE_DISPLAY_H
#define NB_CORE_DISPLAY_H

#include "core/types.h"

#define DISPLAY_MAX_WIDTH 2560u
#define DISPLAY_MAX_HEIGHT 2048u
#define DISPLAY_TEXT_MAX (132u * 60u)

struct display_cell { /* text modes: what a terminal front end and `screentext` need */
    u8 ch, attr;      /* code page 437 byte; VGA attribute: fg 3:0, bg 6:4, 7 blink or bright */
};

/* Filled by the display device on request, never on its own initiative: machine/ calls
 * render() at the rate that front ends ask for, or for a screenshot. */
struct display_frame {
    u32 width, height;      /* pixels; 0: blank */
    u32 stride;             /* in pixels */
    u32 *pixels;            /* 0x00RRGGBB; capacity MAX_WIDTH * MAX_HEIGHT, owned by machine/ */
    u32 generation;         /* changes with each visible change */
    u32 dirty_first, dirty_last; /* rows changed since the last render; first > last: none */
    u32 row_gen[DISPLAY_MAX_HEIGHT]; /* the generation at which a row got the pixels it has */
    bool text;              /* a text mode: cells are valid */
    u32 cols, rows;
    u32 cursor_col, cursor_row;
    bool cursor_visible;
    struct display_cell cells[DISPLAY_TEXT_MAX];
};

struct display {
    /* device half, set by the VGA: brings *f up to date; `full` ignores dirty tracking. */
    void (*render)(void *dev, struct display_frame *f, bool full);
    void *dev;
    /* machine half: the device calls it when anything visible may have changed (may be NULL) */
    void (*changed)(void *to);
    void *to;
};

#endif
