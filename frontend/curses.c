/* SPDX-License-Identifier: MIT */
/* Text modes in the terminal. What a terminal cannot tell, it does not send: Shift alone, key
 * releases, some chords; the monitor's sendkey makes those. Ctrl-] q leaves, because no PC program
 * needs Ctrl-], and Ctrl-] Ctrl-] sends it all the same. */
#if HAVE_CURSES
#define NCURSES_WIDECHAR 1

#include <curses.h>
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#include "frontend/cp437.h"
#include "frontend/front.h"
#include "frontend/termkeys.h"

#define LEAVE_KEY ('\x1d') /* Ctrl-] */
#define FAST_MS 33
#define SLOW_MS 200
#define ESC_WAIT_MS 30

struct screen {
    struct front *f;
    struct nb_frame frame;
    int wake[2];       /* the machine thread's note that the run is over */
    bool utf8, leaving, over, note_shown;
    unsigned idle;     /* looks at an unchanged picture in a row */
    int rows, cols;    /* of the terminal when it was drawn last */
};

/* ---- output */

static short curses_color(unsigned vga)
{
    /* VGA counts blue 1, red 4; curses the reverse */
    return (short)((vga & 1) << 2 | (vga & 2) | (vga & 4) >> 2);
}

static void init_colors(void)
{
    if (!has_colors())
        return;
    start_color();
    for (unsigned bg = 0; bg < 8; bg++)
        for (unsigned fg = 0; fg < 8; fg++) {
            short n = (short)(bg * 8 + fg + 1);
            if (n < COLOR_PAIRS)
                init_pair(n, curses_color(fg), curses_color(bg));
        }
}

/* Without UTF-8, lines and blocks become the nearest ASCII. */
static wchar_t plain(wchar_t c)
{
    if (c < 0x80)
        return c;
    if (c >= 0x2500 && c < 0x2580)
        return c == 0x2500 || c == 0x2550 ? '-' : c == 0x2502 || c == 0x2551 ? '|' : '+';
    return c >= 0x2580 && c < 0x25a0 ? '#' : '?';
}

static void draw_cell(struct screen *s, unsigned row, unsigned col)
{
    struct nb_cell cell = s->frame.cells[row * s->frame.cols + col];
    wchar_t wc[2] = { cp437_unicode[cell.ch], 0 };
    short pair = (short)((cell.attr >> 4 & 7) * 8 + (cell.attr & 7) + 1);
    attr_t attr = cell.attr & 8 ? A_BOLD : A_NORMAL;
    cchar_t cc;

    if (wc[0] == 0xa0)
        wc[0] = ' ';
    if (!s->utf8)
        wc[0] = plain(wc[0]);
    if (!has_colors() || pair >= COLOR_PAIRS)
        pair = 0;
    setcchar(&cc, wc, attr, pair, NULL);
    mvadd_wch((int)row, (int)col, &cc);
}

static void status_line(struct screen *s, int row)
{
    char text[160];

    if (row >= LINES)
        return;
    snprintf(text, sizeof text, " nestbox%s%s%s   Ctrl-] q leaves, Ctrl-] h helps ",
             s->f->o->name ? ": " : "", s->f->o->name ? s->f->o->name : "",
             nb_is_paused(s->f->m) ? " [paused]" : "");
    move(LINES - 1, 0);
    clrtoeol();
    attron(A_REVERSE);
    addnstr(text, COLS - 1);
    attroff(A_REVERSE);
}

static void draw(struct screen *s, bool all)
{
    const struct nb_frame *f = &s->frame;
    unsigned rows = f->rows < (unsigned)LINES ? f->rows : (unsigned)LINES;
    unsigned cols = f->cols < (unsigned)COLS ? f->cols : (unsigned)COLS;

    if (all || !f->text)
        erase();
    if (!f->text) {
        char text[100];
        if (f->width)
            snprintf(text, sizeof text, "The guest shows graphics, %u x %u: use -display sdl",
                     f->width, f->height);
        else
            snprintf(text, sizeof text, "The screen is off.");
        mvaddnstr(LINES / 2, 0, text, COLS - 1);
        rows = 0;
    }
    for (unsigned r = 0; r < rows; r++)
        for (unsigned c = 0; c < cols; c++)
            draw_cell(s, r, c);
    status_line(s, (int)(f->text ? f->rows : 0));
    if (f->text && f->cursor_visible && f->cursor_row < rows && f->cursor_col < cols) {
        curs_set(1);
        move((int)f->cursor_row, (int)f->cursor_col);
    } else {
        curs_set(0);
    }
    refresh();
}

/* ---- input */

static void press(struct screen *s, uint8_t usage, unsigned mods)
{
    static const uint8_t mod_usage[] = { 0xe1, 0xe0, 0xe2 }; /* shift, ctrl, alt */
    struct nb_machine *m = s->f->m;

    if (!usage)
        return;
    for (unsigned k = 0; k < 3; k++)
        if (mods & 1u << k)
            nb_key(m, mod_usage[k], true);
    nb_key(m, usage, true);
    nb_key(m, usage, false);
    for (unsigned k = 3; k-- > 0; )
        if (mods & 1u << k)
            nb_key(m, mod_usage[k], false);
}

static const struct { int code; uint8_t usage, mods; } special[] = {
    { KEY_UP, 0x52, 0 }, { KEY_DOWN, 0x51, 0 }, { KEY_LEFT, 0x50, 0 }, { KEY_RIGHT, 0x4f, 0 },
    { KEY_HOME, 0x4a, 0 }, { KEY_END, 0x4d, 0 }, { KEY_PPAGE, 0x4b, 0 }, { KEY_NPAGE, 0x4e, 0 },
    { KEY_IC, 0x49, 0 }, { KEY_DC, 0x4c, 0 }, { KEY_BACKSPACE, 0x2a, 0 }, { KEY_ENTER, 0x28, 0 },
    { KEY_BTAB, 0x2b, TERM_SHIFT }, { KEY_SLEFT, 0x50, TERM_SHIFT },
    { KEY_SRIGHT, 0x4f, TERM_SHIFT }, { KEY_SR, 0x52, TERM_SHIFT }, { KEY_SF, 0x51, TERM_SHIFT },
    { KEY_SHOME, 0x4a, TERM_SHIFT }, { KEY_SEND, 0x4d, TERM_SHIFT },
    { KEY_SDC, 0x4c, TERM_SHIFT }, { KEY_SIC, 0x49, TERM_SHIFT }, { KEY_B2, 0x5d, 0 },
};

static void function_key(struct screen *s, int code, unsigned mods)
{
    /* terminfo: kf13 is Shift-F1, kf25 Ctrl-F1, kf37 Ctrl-Shift-F1, kf49 Alt-F1 */
    static const uint8_t banks[] = { 0, TERM_SHIFT, TERM_CTRL, TERM_CTRL | TERM_SHIFT, TERM_ALT };

    if (code >= KEY_F(1) && code <= KEY_F(60)) {
        unsigned n = (unsigned)(code - KEY_F(1));
        press(s, (uint8_t)(0x3a + n % 12), mods | banks[n / 12]);
        return;
    }
    for (size_t k = 0; k < sizeof special / sizeof special[0]; k++)
        if (special[k].code == code)
            press(s, special[k].usage, mods | special[k].mods);
}

static void plain_key(struct screen *s, wint_t c, unsigned mods)
{
    if (c >= 128)
        return;
    struct term_key k = term_key_of_char(c);
    char text[2] = { c == 127 ? '\b' : (char)c, 0 };
    /* Typed text is paced by the library, so that a paste does not overrun the keyboard. */
    if (mods || (k.mods & ~TERM_SHIFT) || !nb_type(s->f->m, text))
        press(s, k.usage, mods | k.mods);
}

static void help(struct screen *s)
{
    static const char *const lines[] = {
        "Ctrl-] q        end nestbox", "Ctrl-] d        send Ctrl-Alt-Del",
        "Ctrl-] 1 .. 9   send Alt-F1 .. Alt-F9 (Linux consoles)", "Ctrl-] r        draw again",
        "Ctrl-] Ctrl-]   send Ctrl-]", "Esc, then a key quickly: Alt and that key",
    };

    erase();
    for (int k = 0; k < (int)(sizeof lines / sizeof lines[0]); k++)
        mvaddnstr(k + 1, 2, lines[k], COLS - 3);
    mvaddnstr(9, 2, "Any key goes on.", COLS - 3);
    refresh();
    s->note_shown = true;
}

static void leave_key(struct screen *s, wint_t c)
{
    s->leaving = false;
    if (c == 'q' || c == 'x')
        nb_quit(s->f->m);
    else if (c == 'd')
        nb_sendkey(s->f->m, "ctrl-alt-delete", 50);
    else if (c == 'h' || c == '?')
        help(s);
    else if (c >= '1' && c <= '9')
        press(s, (uint8_t)(0x3a + c - '1'), TERM_ALT);
    else if (c == LEAVE_KEY)
        plain_key(s, c, 0);
    else if (c == 'r')
        clearok(curscr, TRUE);
}

/* One key, with the Esc that stands for Alt. false: nothing was typed. */
static bool read_key(struct screen *s)
{
    unsigned mods = 0;
    wint_t c;
    int rc = get_wch(&c);

    if (rc == ERR)
        return false;
    if (s->note_shown) {
        s->note_shown = false;
        draw(s, true);
        return true;
    }
    if (rc == OK && c == 27) {
        /* A terminal sends Alt-x as Esc x; curses has waited long enough for the x. */
        wint_t after;
        int rc2 = get_wch(&after);
        if (rc2 != ERR) {
            mods = TERM_ALT;
            rc = rc2;
            c = after;
        }
    }
    if (rc == KEY_CODE_YES && c == KEY_RESIZE)
        draw(s, true);
    else if (rc == KEY_CODE_YES)
        function_key(s, (int)c, mods);
    else if (s->leaving)
        leave_key(s, c);
    else if (c == LEAVE_KEY && !mods)
        s->leaving = true;
    else
        plain_key(s, c, mods);
    return true;
}

/* ---- the loop */

static void wake(void *ui)
{
    struct screen *s = ui;
    char b = 0;

    while (write(s->wake[1], &b, 1) < 0 && errno == EINTR)
        ;
}

static void loop(struct screen *s)
{
    bool was_text = false;
    uint32_t rows = 0, cols = 0;
    bool paused = false;

    while (!s->over) {
        struct pollfd pf[2] = { { 0, POLLIN, 0 }, { s->wake[0], POLLIN, 0 } };
        poll(pf, 2, s->idle > 30 ? SLOW_MS : FAST_MS);
        if (pf[1].revents)
            s->over = true;
        if (pf[0].revents & (POLLHUP | POLLERR) && !(pf[0].revents & POLLIN)) {
            nb_quit(s->f->m); /* the terminal is gone */
            break;
        }
        /* Also without input: a new size arrives as a key. */
        while (read_key(s))
            s->idle = 0;
        bool changed = nb_frame_get(s->f->m, &s->frame);
        s->idle = changed ? 0 : s->idle + 1;
        if (paused != nb_is_paused(s->f->m)) {
            paused = !paused;
            changed = true;
        }
        if (!changed || s->note_shown)
            continue;
        draw(s, was_text != s->frame.text || rows != s->frame.rows || cols != s->frame.cols);
        was_text = s->frame.text;
        rows = s->frame.rows;
        cols = s->frame.cols;
    }
}

int curses_main(struct front *f)
{
    struct screen *s = front_alloc(sizeof *s);
    SCREEN *term;

    s->f = f;
    if (pipe(s->wake) < 0) {
        fprintf(stderr, "nestbox: pipe: %s\n", strerror(errno));
        free(s);
        return 2;
    }
    if (f->log == stderr)
        f->log = isatty(2) ? NULL : stderr; /* lines would land in the picture */
    setlocale(LC_CTYPE, "");
    s->utf8 = MB_CUR_MAX > 1;
    term = newterm(NULL, stdout, stdin);
    if (!term) {
        fprintf(stderr, "nestbox: -display curses: terminal %s is not known; set TERM\n",
                getenv("TERM") ? getenv("TERM") : "without name");
        free(s);
        return 2;
    }
    raw();
    noecho();
    nonl();
    nodelay(stdscr, TRUE);
    keypad(stdscr, TRUE);
    set_escdelay(ESC_WAIT_MS);
    init_colors();
    f->ui = s;
    f->wake_ui = wake;
    /* The machine may have ended before it could tell. */
    if (!atomic_load(&f->over))
        loop(s);
    endwin();
    delscreen(term);
    nb_frame_free(&s->frame);
    return 0; /* s is f->ui: the machine thread may still want to wake us */
}
#endif
