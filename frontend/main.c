/* SPDX-License-Identifier: MIT */
/* nestbox: from the command line to a running machine. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "frontend/front.h"
#include "frontend/gdb.h"
#include "frontend/monitor.h"
#include "frontend/script.h"
#include "frontend/tty.h"

static bool has_window_system(void)
{
    const char *driver = getenv("SDL_VIDEODRIVER");

    return (getenv("DISPLAY") && *getenv("DISPLAY")) ||
           (getenv("WAYLAND_DISPLAY") && *getenv("WAYLAND_DISPLAY")) || (driver && *driver);
}

static enum opts_display choose_display(const struct opts *o)
{
    if (o->nographic)
        return DISPLAY_NONE;
    if (o->display != DISPLAY_DEFAULT)
        return o->display;
    /* Somebody who waits for a text wants no window to come up. */
    if (o->num_expect || o->script || o->screendump || o->print_screen || o->stop_at)
        return DISPLAY_NONE;
    if (HAVE_SDL2 && has_window_system())
        return DISPLAY_SDL;
    if (HAVE_CURSES && !o->daemonize && isatty(1) && isatty(0))
        return DISPLAY_CURSES;
    return DISPLAY_NONE;
}

static int usage(const char *what)
{
    fprintf(stderr, "nestbox: %s\n", what);
    return 1;
}

static int count_stdio(const char *const *spec, unsigned first, unsigned n)
{
    int found = 0;

    for (unsigned k = first; k < n; k++)
        found += spec[k] && !strcmp(spec[k], "stdio");
    return found;
}

/* Who has the terminal, and what the library is to open for the serial ports. */
static int plan_ports(struct opts *o, struct script *s, enum opts_display display,
                      struct tty_config *tty, bool *callback)
{
    const char *first = o->num_serial ? o->serial[0] : o->nographic ? "mon:stdio" : NULL;
    bool mux = first && !strcmp(first, "mon:stdio");
    bool listens = s && script_wants_serial(s);
    struct nb_error e = { 0 };

    *tty = (struct tty_config){ 0 };
    tty->serial = first && (mux || !strcmp(first, "stdio"));
    tty->monitor = mux && !o->monitor;
    tty->escape = mux || (o->nographic && tty->serial);
    if (o->monitor && !strcmp(o->monitor, "stdio")) {
        if (tty->serial && !mux)
            return usage("-serial stdio and -monitor stdio: use -serial mon:stdio for both");
        tty->monitor = true;
    } else if (o->nographic && !o->monitor && !tty->serial) {
        tty->monitor = true;
        tty->escape = true;
    }
    if (display == DISPLAY_CURSES && (tty->serial || tty->monitor))
        return usage("-display curses needs the terminal: give serial port and monitor another "
                     "place (-serial file:F, -monitor unix:PATH)");
    if (count_stdio(o->serial, 1, o->num_serial) + count_stdio(o->parallel, 0, o->num_parallel) +
        count_stdio(&o->debugcon, 0, 1) + (tty->serial || tty->monitor) +
        (display == DISPLAY_CURSES) > 1)
        return usage("stdio: two of -serial, -parallel, -debugcon, -monitor and the screen want the "
                     "terminal; give one another place (file:F, -monitor none)");
    *callback = tty->serial || listens;
    if (listens && first && !tty->serial && strcmp(first, "null") && strcmp(first, "none"))
        return usage("-expect-serial: serial port 0 must be null or stdio");
    for (unsigned k = 0; k < o->num_serial || (k == 0 && *callback); k++) {
        const char *spec = k == 0 && *callback ? "callback" : o->serial[k];
        if (!strcmp(spec, "mon:stdio"))
            return usage("-serial mon:stdio: only the first serial port can have the terminal");
        if (!nb_config_set(o->cfg, "serial", spec, &e)) {
            fprintf(stderr, "nestbox: %s\n", e.text);
            return e.code;
        }
    }
    return 0;
}

struct serial_tap {
    struct front *f;
    bool to_tty;
};

static void serial_output(void *to, const uint8_t *data, size_t len)
{
    struct serial_tap *tap = to;

    if (tap->f->script)
        script_serial(tap->f->script, data, len);
    if (tap->to_tty)
        tty_serial(tap->f->tty, data, len);
}

static void show_examples(void)
{
    fputs("nestbox: nothing to boot was given: this is the built-in disk. Try\n"
          "  nestbox -fda FLOPPY.img -snapshot\n"
          "  nestbox -hda DISK.img -cdrom INSTALL.iso -boot d\n"
          "  nestbox -m 256 -kernel VMLINUZ -initrd INITRD -append console=ttyS0 -nographic\n",
          stderr);
}

static bool start_services(struct front *f)
{
    const struct opts *o = f->o;
    char why[300];

    if (!front_catch_signals(f) || (f->tty && !tty_start(f->tty)))
        return false;
    if (f->gdb && !gdb_start(f->gdb))
        return false;
    for (unsigned k = 0; k < o->num_listen; k++)
        if (!monitor_listen(f, o->listen[k], why, sizeof why)) {
            fprintf(stderr, "nestbox: -monitor %s: %s\n", o->listen[k], why);
            return false;
        }
    return true;
}

static struct script *make_script(struct opts *o, int *rc)
{
    char why[200];
    struct nb_error e = { 0 };

    if (!o->script && !o->num_expect && !o->timeout_ns)
        return NULL;
    struct script *s = script_new(o);
    *rc = 0;
    if (o->script && (*rc = script_read(s, o->script, why)))
        fprintf(stderr, "nestbox: %s\n", why);
    script_add_options(s);
    const char *stop_at = script_stop_at(s);
    if (!*rc && stop_at && !nb_config_set(o->cfg, "stop-at", stop_at, &e)) {
        fprintf(stderr, "nestbox: %s\n", e.text);
        *rc = e.code;
    }
    return s;
}

static void *machine_thread(void *arg)
{
    front_run(arg);
    return NULL;
}

/* A window or a terminal screen has the main thread, and the machine one of its own. */
static void run_with_ui(struct front *f, int (*ui)(struct front *f))
{
    pthread_t t;
    int rc = pthread_create(&t, NULL, machine_thread, f);

    if (rc) {
        fprintf(stderr, "nestbox: no thread: %s\n", strerror(rc));
        f->status = 2;
        return;
    }
    rc = ui(f);
    nb_quit(f->m);
    pthread_join(t, NULL);
    free(f->ui);
    if (rc && !f->status)
        f->status = rc;
}

static void run(struct front *f, enum opts_display display)
{
#if HAVE_SDL2
    if (display == DISPLAY_SDL) {
        run_with_ui(f, sdl_main);
        return;
    }
#endif
#if HAVE_CURSES
    if (display == DISPLAY_CURSES) {
        run_with_ui(f, curses_main);
        return;
    }
#endif
    (void)display;
    front_ready(f);
    front_run(f);
}

static int start(struct opts *o, struct script *s, int *tell_fd)
{
    struct front f;
    struct tty_config tty;
    struct serial_tap tap = { &f, false };
    struct nb_error e = { 0 };
    enum opts_display display = choose_display(o);
    bool callback;
    char why[300];
    int rc = plan_ports(o, s, display, &tty, &callback);

    if (rc)
        return rc;
    if (!front_init(&f, o)) {
        front_free(&f);
        return 2;
    }
    f.tell_fd = tell_fd;
    f.script = s;
    nb_config_log(o->cfg, front_log, &f);
    front_block_signals();
    f.m = nb_new(o->cfg, &e);
    if (!f.m) {
        fprintf(stderr, "nestbox: %s\n", e.text);
        front_free(&f);
        return e.code ? e.code : 2;
    }
    if (tty.serial || tty.monitor)
        f.tty = tty_new(&f, &tty);
    tap.to_tty = tty.serial;
    if (callback)
        nb_serial_output(f.m, 0, serial_output, &tap);
    if (s)
        script_start(s, &f);
    if (o->gdb && !(f.gdb = gdb_new(&f, o->gdb, why, sizeof why))) {
        fprintf(stderr, "nestbox: -gdb %s: %s\n", o->gdb, why);
        f.status = 2;
    } else if (!start_services(&f)) {
        nb_quit(f.m); /* those that did start are ended as usual */
        front_run(&f);
        f.status = 2;
    } else {
        if (!o->has_boot && !s && !o->daemonize && isatty(2) && display != DISPLAY_CURSES)
            show_examples();
        run(&f, display);
    }
    tty_free(f.tty);
    gdb_free(f.gdb);
    nb_free(f.m);
    front_free(&f);
    return f.status;
}

/* The instruction lab is a program of its own behind one name; a build may lack it. */
#if __has_include("lab/lab_main.h")
int lab_main(int argc, char **argv);
#else
static int lab_main(int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return usage("lab: not built in");
}
#endif

int main(int argc, char **argv)
{
    struct opts o;
    struct script *s = NULL;
    int tell_fd = -1;

    if (argc > 1 && !strcmp(argv[1], "lab"))
        return lab_main(argc - 1, argv + 1);
    int rc = opts_parse(&o, argc, argv, stdout, stderr);
    if (rc < 0) {
        rc = 0;
        s = make_script(&o, &rc);
        if (!rc && o.daemonize && !daemon_start(&tell_fd))
            rc = 2;
        if (!rc)
            rc = start(&o, s, &tell_fd);
        daemon_tell(&tell_fd, rc); /* if it never came so far that the machine ran */
        script_free(s);
    }
    opts_free(&o);
    return rc;
}
