/* SPDX-License-Identifier: MIT */
/* SDL2 leaves a full screen to the window manager. Where there is none, or an old one, its window
 * stays as it was and SDL draws for a size that it does not have. Xlib is loaded as SDL loads it:
 * when there is an X server, not when nestbox is built. */
#if HAVE_SDL2
#include "frontend/x11.h"

#include <SDL.h>
#include <SDL_syswm.h>

#if defined(SDL_VIDEO_DRIVER_X11)
struct xlib {
    Window (*root)(Display *);
    Atom (*atom)(Display *, const char *, Bool);
    int (*property)(Display *, Window, Atom, long, long, Bool, Atom, Atom *, int *, unsigned long *,
                    unsigned long *, unsigned char **);
    int (*free)(void *);
};

static bool load(void *lib, const char *name, void *fn)
{
    void *p = SDL_LoadFunction(lib, name);

    SDL_memcpy(fn, &p, sizeof p);
    return p != NULL;
}

static bool is_supported(const struct xlib *x, Display *display)
{
    Atom list = x->atom(display, "_NET_SUPPORTED", True), type;
    Atom wanted = x->atom(display, "_NET_WM_STATE_FULLSCREEN", True);
    unsigned long n = 0, left;
    unsigned char *data = NULL;
    int format = 0;
    bool found = false;

    if (list == None || wanted == None ||
        x->property(display, x->root(display), list, 0, 4096, False, 4 /* XA_ATOM */, &type, &format,
                    &n, &left, &data) != 0)
        return false;
    for (unsigned long k = 0; data && format == 32 && k < n; k++)
        found |= ((const unsigned long *)(const void *)data)[k] == wanted;
    if (data)
        x->free(data);
    return found;
}

bool x11_covers_screen(struct SDL_Window *win)
{
    SDL_SysWMinfo info;
    struct xlib x;
    bool yes = true;

    SDL_VERSION(&info.version);
    if (!SDL_GetWindowWMInfo(win, &info) || info.subsystem != SDL_SYSWM_X11)
        return true;
    void *lib = SDL_LoadObject("libX11.so.6");
    if (lib && load(lib, "XDefaultRootWindow", &x.root) && load(lib, "XInternAtom", &x.atom) &&
        load(lib, "XGetWindowProperty", &x.property) && load(lib, "XFree", &x.free))
        yes = is_supported(&x, info.info.x11.display);
    if (lib)
        SDL_UnloadObject(lib);
    return yes;
}
#else
bool x11_covers_screen(struct SDL_Window *win)
{
    (void)win;
    return true;
}
#endif
#endif
