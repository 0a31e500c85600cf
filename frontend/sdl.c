/* SPDX-License-Identifier: MIT */
/* The SDL2 window. SDL's scancodes are HID usages, so that a key is where it is on the keyboard
 * whatever the host's layout is. The picture is scaled by whole numbers; the mouse is relative, and
 * grabbed while it is the guest's. */
#if HAVE_SDL2
#define SDL_MAIN_HANDLED

#include <SDL.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/front.h"
#include "frontend/x11.h"

#define FAST_MS 33    /* 30 pictures a second */
#define SLOW_MS 100   /* when nothing has changed for a while */
#define SLOW_AFTER 30
#define BLANK_W 640
#define BLANK_H 400

struct window {
    struct front *f;
    SDL_Window *win;
    SDL_Renderer *ren;
    SDL_Texture *tex;
    struct nb_frame frame;
    uint32_t tex_w, tex_h;
    uint32_t wake_event;
    bool grabbed, full, over, must_draw, paused;
    bool new_size;     /* of the picture, while the window covered the screen */
    bool maximized;    /* before the window covered the screen */
    int scale;         /* likewise */
    bool covers;       /* by our own means */
    SDL_Rect before;   /* then: where the window was */
    unsigned buttons;
    unsigned idle;
    int wheel;
    uint8_t down[256 / 8]; /* keys that the guest believes to be pressed */
    uint8_t eaten[256 / 8]; /* keys whose press was ours */
};

static void title(struct window *w)
{
    char text[256];

    snprintf(text, sizeof text, "nestbox%s%s%s%s", w->f->o->name ? ": " : "",
             w->f->o->name ? w->f->o->name : "", w->paused ? " [paused]" : "",
             w->grabbed ? " - Ctrl-Alt-G releases the mouse" : "");
    SDL_SetWindowTitle(w->win, text);
}

static void grab(struct window *w, bool on)
{
    if (w->grabbed == on)
        return;
    w->grabbed = on;
    SDL_SetRelativeMouseMode(on ? SDL_TRUE : SDL_FALSE);
    SDL_SetWindowGrab(w->win, on ? SDL_TRUE : SDL_FALSE);
    if (!on && w->buttons) {
        w->buttons = 0;
        nb_mouse(w->f->m, 0, 0, 0, 0);
    }
    title(w);
}

/* ---- keys */

static bool bit(const uint8_t *set, unsigned n)
{
    return set[n / 8] >> (n % 8) & 1;
}

static void set_bit(uint8_t *set, unsigned n, bool on)
{
    if (on)
        set[n / 8] |= (uint8_t)(1u << n % 8);
    else
        set[n / 8] &= (uint8_t)~(1u << n % 8);
}

static void key(struct window *w, unsigned usage, bool down)
{
    /* The guest's keyboard repeats by itself: the host's repeats would double that. */
    if (usage == 0 || usage > 0xe7 || down == bit(w->down, usage))
        return;
    set_bit(w->down, usage, down);
    nb_key(w->f->m, (uint8_t)usage, down);
}

static void release_all(struct window *w)
{
    for (unsigned k = 0; k < 256; k++)
        if (bit(w->down, k))
            key(w, k, false);
}

static void window_size(struct window *w, int scale)
{
    int width = (int)(w->frame.width ? w->frame.width : BLANK_W);
    int height = (int)(w->frame.height ? w->frame.height : BLANK_H);

    if (w->full)
        w->new_size = true;
    else
        SDL_SetWindowSize(w->win, width * scale, height * scale);
}

static int window_scale(struct window *w)
{
    int ww, wh, width = (int)(w->tex_w ? w->tex_w : BLANK_W);

    if (w->full)
        return w->scale;
    SDL_GetWindowSize(w->win, &ww, &wh);
    return ww >= width ? ww / width : 1;
}

/* Without a window manager that does it. */
static void cover_screen(struct window *w, bool on)
{
    SDL_Rect to = w->before;
    int screen = SDL_GetWindowDisplayIndex(w->win);

    w->covers = on;
    if (on) {
        SDL_GetWindowPosition(w->win, &w->before.x, &w->before.y);
        SDL_GetWindowSize(w->win, &w->before.w, &w->before.h);
        to = w->before;
        SDL_GetDisplayBounds(screen < 0 ? 0 : screen, &to);
    }
    SDL_SetWindowBordered(w->win, on ? SDL_FALSE : SDL_TRUE);
    SDL_SetWindowPosition(w->win, to.x, to.y);
    SDL_SetWindowSize(w->win, to.w, to.h);
}

/* Afterwards the window manager gives the window its former size back, which may be that of another
 * picture, and SDL has forgotten that it was maximized. */
static void full_screen(struct window *w, bool on)
{
    if (on) {
        w->scale = window_scale(w);
        w->maximized = SDL_GetWindowFlags(w->win) & SDL_WINDOW_MAXIMIZED;
        w->new_size = false;
    }
    if (on ? !x11_covers_screen(w->win) : w->covers)
        cover_screen(w, on);
    else if (SDL_SetWindowFullscreen(w->win, on ? SDL_WINDOW_FULLSCREEN_DESKTOP : 0) < 0)
        return;
    w->full = on;
    w->must_draw = true;
    if (!on && w->maximized)
        SDL_MaximizeWindow(w->win);
    else if (!on && w->new_size)
        window_size(w, w->scale);
}

/* Ctrl-Alt and a letter is ours. The guest has seen Ctrl and Alt go down and sees them come up. */
static bool own_key(struct window *w, SDL_Scancode code)
{
    switch (code) {
    case SDL_SCANCODE_G:
        grab(w, !w->grabbed);
        break;
    case SDL_SCANCODE_F:
        full_screen(w, !w->full);
        break;
    case SDL_SCANCODE_EQUALS:
    case SDL_SCANCODE_KP_PLUS:
        if (!w->full)
            window_size(w, window_scale(w) + 1);
        break;
    case SDL_SCANCODE_MINUS:
    case SDL_SCANCODE_KP_MINUS:
        if (!w->full)
            window_size(w, window_scale(w) > 1 ? window_scale(w) - 1 : 1);
        break;
    default:
        return false;
    }
    release_all(w);
    return true;
}

static void key_event(struct window *w, const SDL_KeyboardEvent *e)
{
    unsigned code = (unsigned)e->keysym.scancode;
    bool down = e->type == SDL_KEYDOWN;

    if (code > 255)
        return;
    if (down && (e->keysym.mod & KMOD_CTRL) && (e->keysym.mod & KMOD_ALT) &&
        !bit(w->down, code)) {
        if (bit(w->eaten, code)) /* repeats */
            return;
        if (own_key(w, e->keysym.scancode)) {
            set_bit(w->eaten, code, true);
            return;
        }
    }
    if (!down && bit(w->eaten, code)) {
        set_bit(w->eaten, code, false);
        return;
    }
    if (!bit(w->eaten, code))
        key(w, code, down);
}

/* ---- mouse */

static unsigned button_bit(uint8_t b)
{
    return b == SDL_BUTTON_LEFT ? NB_MOUSE_LEFT : b == SDL_BUTTON_RIGHT ? NB_MOUSE_RIGHT :
           b == SDL_BUTTON_MIDDLE ? NB_MOUSE_MIDDLE : 0;
}

static void mouse_event(struct window *w, const SDL_Event *e)
{
    switch (e->type) {
    case SDL_MOUSEBUTTONDOWN:
        if (!w->grabbed) {
            grab(w, true); /* this click is the window's */
            return;
        }
        w->buttons |= button_bit(e->button.button);
        nb_mouse(w->f->m, 0, 0, 0, w->buttons);
        break;
    case SDL_MOUSEBUTTONUP:
        if (w->buttons & button_bit(e->button.button)) {
            w->buttons &= ~button_bit(e->button.button);
            nb_mouse(w->f->m, 0, 0, 0, w->buttons);
        }
        break;
    case SDL_MOUSEMOTION:
        if (w->grabbed)
            nb_mouse(w->f->m, e->motion.xrel, e->motion.yrel, 0, w->buttons);
        break;
    default: /* SDL_MOUSEWHEEL; y > 0: away from the user, as ours */
        if (w->grabbed)
            nb_mouse(w->f->m, 0, 0, e->wheel.direction == SDL_MOUSEWHEEL_FLIPPED ? -e->wheel.y :
                     e->wheel.y, w->buttons);
    }
}

/* ---- picture */

static bool new_texture(struct window *w, uint32_t width, uint32_t height)
{
    int scale = window_scale(w);

    if (w->tex)
        SDL_DestroyTexture(w->tex);
    w->tex = SDL_CreateTexture(w->ren, SDL_PIXELFORMAT_RGB888, SDL_TEXTUREACCESS_STREAMING,
                               (int)width, (int)height);
    w->tex_w = width;
    w->tex_h = height;
    window_size(w, scale);
    return w->tex != NULL;
}

static void upload(struct window *w)
{
    const struct nb_frame *f = &w->frame;
    uint32_t first = f->dirty_first, last = f->dirty_last;

    if (!f->width || !f->height)
        return;
    if (!w->tex || w->tex_w != f->width || w->tex_h != f->height) {
        if (!new_texture(w, f->width, f->height))
            return;
        first = 0;
        last = f->height - 1;
    }
    if (last >= f->height)
        last = f->height - 1;
    if (first > last)
        return;
    SDL_Rect r = { 0, (int)first, (int)f->width, (int)(last - first + 1) };
    SDL_UpdateTexture(w->tex, &r, f->pixels + (size_t)first * f->width, (int)f->width * 4);
}

static void draw(struct window *w)
{
    int ow, oh;

    SDL_SetRenderDrawColor(w->ren, 0, 0, 0, 255);
    SDL_RenderClear(w->ren);
    SDL_GetRendererOutputSize(w->ren, &ow, &oh);
    if (w->tex && w->frame.width) {
        int iw = (int)w->tex_w, ih = (int)w->tex_h;
        int scale = ow / iw < oh / ih ? ow / iw : oh / ih;
        SDL_Rect to;
        if (scale >= 1) { /* whole numbers: every pixel has the same size */
            to.w = iw * scale;
            to.h = ih * scale;
        } else if ((int64_t)ow * ih < (int64_t)oh * iw) { /* too small: all of it, shrunk */
            to.w = ow;
            to.h = (int)((int64_t)ow * ih / iw);
        } else {
            to.h = oh;
            to.w = (int)((int64_t)oh * iw / ih);
        }
        to.x = (ow - to.w) / 2;
        to.y = (oh - to.h) / 2;
        SDL_RenderCopy(w->ren, w->tex, NULL, &to);
    }
    SDL_RenderPresent(w->ren);
    w->must_draw = false;
}

/* ---- the loop */

static void window_event(struct window *w, const SDL_WindowEvent *e)
{
    switch (e->event) {
    case SDL_WINDOWEVENT_FOCUS_LOST:
        release_all(w);
        grab(w, false);
        break;
    case SDL_WINDOWEVENT_EXPOSED:
    case SDL_WINDOWEVENT_SIZE_CHANGED:
    case SDL_WINDOWEVENT_SHOWN:
        w->must_draw = true;
        break;
    default:
        break;
    }
}

static void event(struct window *w, const SDL_Event *e)
{
    w->idle = 0;
    switch (e->type) {
    case SDL_QUIT:
        nb_quit(w->f->m);
        break;
    case SDL_KEYDOWN:
    case SDL_KEYUP:
        key_event(w, &e->key);
        break;
    case SDL_MOUSEBUTTONDOWN:
    case SDL_MOUSEBUTTONUP:
    case SDL_MOUSEMOTION:
    case SDL_MOUSEWHEEL:
        mouse_event(w, e);
        break;
    case SDL_WINDOWEVENT:
        window_event(w, &e->window);
        break;
    case SDL_RENDER_TARGETS_RESET:
    case SDL_RENDER_DEVICE_RESET:
        w->tex_w = 0; /* made again from the whole picture */
        w->must_draw = true;
        break;
    default:
        if (e->type == w->wake_event)
            w->over = true;
    }
}

static void loop(struct window *w)
{
    uint32_t next = SDL_GetTicks();

    while (!w->over) {
        SDL_Event e;
        uint32_t now = SDL_GetTicks(), period = w->idle > SLOW_AFTER ? SLOW_MS : FAST_MS;
        int wait = (int32_t)(next - now) > 0 ? (int)(next - now) : 0;
        if (wait && SDL_WaitEventTimeout(&e, wait))
            event(w, &e);
        while (!w->over && SDL_PollEvent(&e))
            event(w, &e);
        now = SDL_GetTicks();
        if ((int32_t)(next - now) > 0 && !w->must_draw)
            continue;
        next = now + period;
        if (nb_frame_get(w->f->m, &w->frame)) {
            w->idle = 0;
            w->must_draw = true;
            upload(w);
        } else {
            w->idle++;
            if (w->must_draw && w->frame.width && !w->tex_w)
                upload(w);
        }
        if (w->paused != nb_is_paused(w->f->m)) {
            w->paused = !w->paused;
            title(w);
        }
        if (w->must_draw)
            draw(w);
    }
}

static void wake(void *ui)
{
    struct window *w = ui;
    SDL_Event e = { .type = w->wake_event };

    SDL_PushEvent(&e);
}

static int fail(struct window *w, const char *what)
{
    fprintf(stderr, "nestbox: -display sdl: %s: %s (-display curses or none work without a "
            "window)\n", what, SDL_GetError());
    if (w->ren)
        SDL_DestroyRenderer(w->ren);
    if (w->win)
        SDL_DestroyWindow(w->win);
    SDL_Quit();
    free(w);
    return 2;
}

int sdl_main(struct front *f)
{
    struct window *w = front_alloc(sizeof *w);

    w->f = f;
    SDL_SetMainReady();
    SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1"); /* ours end the run in order */
    SDL_SetHint(SDL_HINT_RENDER_SCALE_QUALITY, "nearest");
    SDL_SetHint(SDL_HINT_GRAB_KEYBOARD, "1");
    SDL_SetHint(SDL_HINT_VIDEO_ALLOW_SCREENSAVER, "1");
    if (SDL_Init(SDL_INIT_VIDEO) < 0)
        return fail(w, "no window system");
    w->win = SDL_CreateWindow("nestbox", SDL_WINDOWPOS_UNDEFINED, SDL_WINDOWPOS_UNDEFINED, BLANK_W,
                              BLANK_H, SDL_WINDOW_RESIZABLE);
    if (!w->win)
        return fail(w, "no window");
    w->ren = SDL_CreateRenderer(w->win, -1, 0);
    if (!w->ren)
        return fail(w, "no renderer");
    SDL_StopTextInput();
    if (f->o->full_screen)
        full_screen(w, true);
    w->wake_event = SDL_RegisterEvents(1);
    title(w);
    f->ui = w;
    f->wake_ui = wake;
    front_ready(f);
    if (!atomic_load(&f->over))
        loop(w);
    nb_frame_free(&w->frame);
    if (w->tex)
        SDL_DestroyTexture(w->tex);
    SDL_DestroyRenderer(w->ren);
    SDL_DestroyWindow(w->win);
    SDL_Quit();
    return 0; /* w is f->ui: the machine thread may still want to wake us */
}
#endif
