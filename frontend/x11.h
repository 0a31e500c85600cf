/* SPDX-License-Identifier: MIT */
/* What SDL2 does not tell of an X server. */
#ifndef NB_FRONTEND_X11_H
#define NB_FRONTEND_X11_H

#include <stdbool.h>

struct SDL_Window;

/* Whether a window manager is there that covers the screen when it is asked to (EWMH,
 * _NET_WM_STATE_FULLSCREEN). true where there is no X server. */
bool x11_covers_screen(struct SDL_Window *win);

#endif
