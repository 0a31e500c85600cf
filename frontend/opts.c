/* SPDX-License-Identifier: MIT */
/* One row an option. Most rows only hand their value to nb_config_set() under `key`; the library
 * knows what it means. Options of QEMU's that mean nothing here are accepted when leaving them out
 * changes nothing that the user could miss. */
#include "frontend/opts.h"

#include <stdlib.h>
#include <string.h>

#include "frontend/opts_qemu.h"
#include "frontend/text.h"

enum kind {
    K_KEY,    /* key = argument */
    K_ON,     /* key = "on" */
    K_BOOT,   /* key = argument, and there is something to boot */
    K_IGNORE, /* accepted, with or without argument as the row says */
    K_NOTE,   /* accepted; key is what there is to say */
    K_OWN,    /* set_own() */
};

enum own {
    OWN_NONE, OWN_CHARDEV, OWN_DEBUGCON, OWN_DEVICE, OWN_MON, OWN_PARALLEL, OWN_USBDEVICE,
    OWN_CURSES, OWN_D, OWN_DEBUG_FILE, OWN_DISPLAY, OWN_EXPECT_SCREEN, OWN_EXPECT_SERIAL,
    OWN_FULL, OWN_GDB, OWN_HELP, OWN_LOCALTIME, OWN_MACHINE, OWN_MONITOR, OWN_NAME,
    OWN_NET, OWN_NOGRAPHIC, OWN_PAUSED, OWN_PRINT_SCREEN, OWN_S, OWN_SAVEVM, OWN_SCREENDUMP,
    OWN_SCRIPT, OWN_SDL, OWN_SERIAL, OWN_STOP_AT, OWN_TIMEOUT, OWN_VERSION, OWN_CLOCK,
    OWN_ACCEL, OWN_ACTION, OWN_DAEMONIZE, OWN_GLOBAL, OWN_PIDFILE, OWN_PRESET, OWN_SMBIOS,
};

struct row {
    const char *name;
    const char *arg;  /* NULL: takes none */
    enum kind kind;
    const char *key;
    enum own own;
    const char *help; /* NULL: accepted, but not worth a line; a row without name is a heading */
};

static const struct row rows[] = {
    { NULL, NULL, 0, NULL, 0, "Machine" },
    { "preset", "NAME", K_OWN, NULL, OWN_PRESET, "options that suit dos, win98, xp or linux" },
    { "m", "SIZE", K_KEY, "m", 0, "memory: 64, 512M, 2G (default 512M)" },
    { "cpu", "MODEL", K_KEY, "cpu", 0, "processor, with ,+FEATURE ,-FEATURE" },
    { "machine", "NAME", K_OWN, "machine", OWN_MACHINE, "board (-M is the same)" },
    { "M", "NAME", K_OWN, "machine", OWN_MACHINE, NULL },
    { "vga", "std|none", K_KEY, "vga", 0, "graphics card" },
    { "rtc", "base=...", K_KEY, "rtc", 0, "utc, localtime or a date: 2001-10-25T12:00:00" },
    { "device", "NAME", K_OWN, "device", OWN_DEVICE,
      "isa-debug-exit, isa-serial, ide-hd, floppy, ... (help)" },
    { "name", "NAME", K_OWN, "name", OWN_NAME, "name of the guest, shown in the title" },
    { "uuid", "UUID", K_KEY, "uuid", 0, "what SMBIOS tells the guest" },
    { "smp", "1", K_KEY, "smp", 0, NULL },
    { "smbios", "type=1,...", K_OWN, NULL, OWN_SMBIOS, NULL },
    { "global", "NAME.PROP=V", K_OWN, NULL, OWN_GLOBAL, NULL },
    { NULL, NULL, 0, NULL, 0, "Disks and booting" },
    { "hda", "FILE", K_BOOT, "hda", 0, "IDE disk; also -hdb -hdc -hdd" },
    { "hdb", "FILE", K_BOOT, "hdb", 0, NULL },
    { "hdc", "FILE", K_BOOT, "hdc", 0, NULL },
    { "hdd", "FILE", K_BOOT, "hdd", 0, NULL },
    { "fda", "FILE", K_BOOT, "fda", 0, "floppy disk; also -fdb" },
    { "fdb", "FILE", K_BOOT, "fdb", 0, NULL },
    { "cdrom", "FILE", K_BOOT, "cdrom", 0, "CD-ROM image" },
    { "drive", "file=F,...", K_BOOT, "drive", 0,
      "if=ide|floppy|none,index=,media=cdrom,snapshot=,readonly=" },
    { "snapshot", NULL, K_ON, "snapshot", 0, "writes go to temporary files, images stay" },
    { "boot", "order=acd", K_KEY, "boot", 0, "boot order; also once=, menu=on, splash-time=" },
    { "kernel", "FILE", K_BOOT, "kernel", 0, "Linux or multiboot kernel" },
    { "initrd", "FILE", K_KEY, "initrd", 0, "its initial RAM disk" },
    { "append", "TEXT", K_KEY, "append", 0, "its command line" },
    { "bios", "FILE", K_KEY, "bios", 0, "firmware instead of SeaBIOS" },
    { "vgabios", "FILE", K_KEY, "vgabios", 0, NULL },
    { "L", "FOLDER", K_KEY, "L", 0, "where to look for firmware first" },
    { "no-reboot", NULL, K_ON, "no-reboot", 0, "a reset ends nestbox" },
    { "no-shutdown", NULL, K_ON, "no-shutdown", 0, "power-off pauses instead of ending nestbox" },
    { "loadvm", "FILE", K_KEY, "loadvm", 0, "start from a state that savevm made" },
    { NULL, NULL, 0, NULL, 0, "Screen, keyboard and ports" },
    { "display", "KIND", K_OWN, NULL, OWN_DISPLAY, "sdl, curses (text in the terminal) or none" },
    { "full-screen", NULL, K_OWN, NULL, OWN_FULL, "start with the window over the full screen" },
    { "nographic", NULL, K_OWN, NULL, OWN_NOGRAPHIC,
      "serial port and monitor on the terminal; Ctrl-A h: help" },
    { "serial", "DEV", K_OWN, NULL, OWN_SERIAL, "stdio, mon:stdio, file:F, pty, unix:.., tcp:.." },
    { "parallel", "DEV", K_OWN, NULL, OWN_PARALLEL, "a printer: null, none, file:F, ..." },
    { "monitor", "DEV", K_OWN, NULL, OWN_MONITOR,
      "stdio, none, unix:PATH, tcp:.. or telnet:127.0.0.1:PORT" },
    { "chardev", "KIND,id=ID", K_OWN, NULL, OWN_CHARDEV,
      "file,path=F, socket,port=N, ...; then -serial chardev:ID" },
    { "mon", "ID", K_OWN, NULL, OWN_MON, NULL },
    { "debugcon", "DEV", K_OWN, NULL, OWN_DEBUGCON, "debug console port E9h, as -serial" },
    { "k", "LAYOUT", K_IGNORE, NULL, 0, NULL },
    { NULL, NULL, 0, NULL, 0, "Time and engine" },
    { "clock", "SOURCE", K_OWN, "clock", OWN_CLOCK, "real, or counted[,ns=N]: the same run again" },
    { "speed", "MIPS", K_KEY, "speed", 0, "as fast as an old processor" },
    { "seed", "N", K_KEY, "seed", 0, "chance in a counted run" },
    { "accel", "tcg", K_OWN, "accel", OWN_ACCEL, NULL },
    { "engine", "NAME", K_KEY, "engine", 0, "jit|interp|check[,tlb=coherent][,views=off]" },
    { "enable-kvm", NULL, K_NOTE, "there is no accelerator; going on without", 0, NULL },
    { NULL, NULL, 0, NULL, 0, "Debugging" },
    { "S", NULL, K_OWN, NULL, OWN_PAUSED, "start paused (gdb or the monitor continues)" },
    { "s", NULL, K_OWN, NULL, OWN_S, "-gdb tcp:127.0.0.1:1234" },
    { "gdb", "DEV", K_OWN, NULL, OWN_GDB, "wait for gdb at tcp:127.0.0.1:PORT or unix:PATH" },
    { "d", "ITEMS", K_OWN, "d", OWN_D, "log guest_errors,unimp,int,...; hash: of the run" },
    { "dfilter", "RANGES", K_KEY, "dfilter", 0, "trace only START+SIZE,START..END,..." },
    { "dlimit", "SIZE", K_KEY, "dlimit", 0, "bytes of log after which it pauses (4G)" },
    { "perfmap", NULL, K_ON, "perfmap", 0, "translations' names in /tmp/perf-PID.map" },
    { "D", "FILE", K_OWN, NULL, OWN_DEBUG_FILE, "where the log goes (default: stderr)" },
    { NULL, NULL, 0, NULL, 0, "For tests" },
    { "expect-screen", "TEXT", K_OWN, NULL, OWN_EXPECT_SCREEN, "end when the screen shows it" },
    { "expect-serial", "TEXT", K_OWN, NULL, OWN_EXPECT_SERIAL, "end when serial port 0 sent it" },
    { "timeout", "SECONDS", K_OWN, NULL, OWN_TIMEOUT, "end with status 4 if it takes longer" },
    { "script", "FILE", K_OWN, NULL, OWN_SCRIPT, "statements to play (docs/cli.md)" },
    { "stop-at", "COUNT", K_OWN, "stop-at", OWN_STOP_AT, "end after so many instructions" },
    { "savevm", "FILE", K_OWN, NULL, OWN_SAVEVM, "save the state when -stop-at is reached" },
    { "screendump", "FILE", K_OWN, NULL, OWN_SCREENDUMP, "picture at the end: .png or .ppm" },
    { "print-screen", NULL, K_OWN, NULL, OWN_PRINT_SCREEN, "text of the screen at the end" },
    { NULL, NULL, 0, NULL, 0, "Other" },
    { "daemonize", NULL, K_OWN, NULL, OWN_DAEMONIZE, "go on in the background, once it runs" },
    { "pidfile", "FILE", K_OWN, NULL, OWN_PIDFILE, "the process number, in a file that is locked" },
    { "version", NULL, K_OWN, NULL, OWN_VERSION, NULL },
    { "help", NULL, K_OWN, NULL, OWN_HELP, "this text; -version: the version" },
    { "h", NULL, K_OWN, NULL, OWN_HELP, NULL },
    { "?", NULL, K_OWN, NULL, OWN_HELP, NULL },
    /* QEMU's, from scripts and old articles */
    { "nodefaults", NULL, K_IGNORE, NULL, 0, NULL },
    { "no-user-config", NULL, K_IGNORE, NULL, 0, NULL },
    { "no-acpi", NULL, K_NOTE, "the ACPI tables stay; guests have settings of their own "
      "(Linux: acpi=off)", 0, NULL },
    { "action", "EVENT=WHAT", K_OWN, NULL, OWN_ACTION, NULL },
    { "usb", NULL, K_IGNORE, NULL, 0, NULL }, /* it is always there */
    { "usbdevice", "NAME", K_OWN, NULL, OWN_USBDEVICE, NULL },
    { "no-hpet", NULL, K_IGNORE, NULL, 0, NULL },
    { "no-fd-bootchk", NULL, K_IGNORE, NULL, 0, NULL },
    { "net", "none", K_OWN, NULL, OWN_NET, NULL },
    { "nic", "none", K_OWN, NULL, OWN_NET, NULL },
    { "localtime", NULL, K_OWN, NULL, OWN_LOCALTIME, NULL },
    { "startdate", "DATE", K_KEY, "rtc", 0, NULL },
    { "sdl", NULL, K_OWN, NULL, OWN_SDL, NULL },
    { "curses", NULL, K_OWN, NULL, OWN_CURSES, NULL },
};

#define NUM_ROWS (sizeof rows / sizeof rows[0])

void opts_help(FILE *out)
{
    fputs("nestbox: a whole IA-32 PC in one process\n"
          "usage: nestbox [OPTION...] [DISK-IMAGE]\n"
          "  nestbox -fda freedos.img -snapshot\n"
          "  nestbox -m 256 -kernel linux -initrd rd.gz -append console=ttyS0 -nographic\n"
          "  nestbox -hda disk.img -cdrom install.iso -boot d -rtc base=localtime\n"
          "Without an image it starts its built-in disk, which shows what this machine is.\n"
          "Values may be \"help\" (-cpu help). Exit status: 0 ended, 1 usage, 2 file or\n"
          "resource, 3 triple fault (-no-reboot), 4 -timeout, 5 state refused, 6 our bug.\n",
          out);
    for (size_t k = 0; k < NUM_ROWS; k++) {
        const struct row *r = &rows[k];
        char left[32];
        if (!r->help)
            continue;
        if (!r->name) {
            fprintf(out, "%s:\n", r->help);
            continue;
        }
        snprintf(left, sizeof left, "-%s%s%s", r->name, r->arg ? " " : "", r->arg ? r->arg : "");
        fprintf(out, "  %-20s %s\n", left, r->help);
    }
    fputs("Tools:\n  nestbox lab ...      tests of the instructions (nestbox lab help)\n", out);
}

int opts_complain(struct parse *p, const char *option, const char *why)
{
    fprintf(p->err, "nestbox: -%s: %s\n", option, why);
    return 1;
}

int opts_set_key(struct parse *p, const char *key, const char *value)
{
    struct nb_error e = { 0 };

    if (nb_config_set(p->o->cfg, key, value, &e))
        return -1;
    if (e.code == 0) { /* "help" */
        fputs(e.text, p->out);
        if (*e.text && e.text[strlen(e.text) - 1] != '\n')
            fputc('\n', p->out);
        return 0;
    }
    fprintf(p->err, "nestbox: %s\n", e.text);
    return e.code;
}

static int set_display(struct parse *p, const char *v)
{
    size_t n = strcspn(v, ","); /* properties of QEMU's (gl=off) say nothing here */

    if (!strcmp(v, "help")) {
        fprintf(p->out, "none\n%s%s", HAVE_CURSES ? "curses\n" : "", HAVE_SDL2 ? "sdl\n" : "");
        return 0;
    }
    if (n == 4 && !strncmp(v, "none", n)) {
        p->o->display = DISPLAY_NONE;
    } else if (n == 6 && !strncmp(v, "curses", n)) {
        if (!HAVE_CURSES)
            return opts_complain(p, "display curses", "not built in; configure found no ncursesw");
        p->o->display = DISPLAY_CURSES;
    } else if (n == 3 && !strncmp(v, "sdl", n)) {
        if (!HAVE_SDL2)
            return opts_complain(p, "display sdl", "not built in; configure found no SDL2");
        p->o->display = DISPLAY_SDL;
    } else {
        fprintf(p->err, "nestbox: -display %s: %s; -display help lists them\n", v,
                !strncmp(v, "vnc", 3) ? "there is no VNC server yet" : "no such display");
        return 1;
    }
    return -1;
}

static int set_debug(struct parse *p, const char *v)
{
    char items[256], *save = NULL;

    snprintf(items, sizeof items, "%s", v);
    for (char *t = strtok_r(items, ",", &save); t; t = strtok_r(NULL, ",", &save))
        p->o->hash |= !strcmp(t, "hash");
    p->o->has_log = true;
    return opts_set_key(p, "d", v);
}

static int set_serial(struct parse *p, const char *v)
{
    if (!strcmp(v, "help")) {
        fputs("null  none  stdio  mon:stdio  file:PATH  pipe:PATH  pty\n"
              "tcp:HOST:PORT[,server[,nowait]]  unix:PATH[,server[,nowait]]\n", p->out);
        return 0;
    }
    if (p->o->num_serial == OPTS_MAX_SERIAL)
        return opts_complain(p, "serial", "at most 4");
    p->o->serial[p->o->num_serial++] = v;
    return -1;
}

static int set_parallel(struct parse *p, const char *v)
{
    if (!strcmp(v, "help"))
        return set_serial(p, v);
    if (p->o->num_parallel == OPTS_MAX_PARALLEL)
        return opts_complain(p, "parallel", "at most 2");
    p->o->parallel[p->o->num_parallel++] = v;
    return -1;
}

static int set_chardev(struct parse *p, const char *v)
{
    char why[200];

    if (!strcmp(v, "help")) {
        fputs("null  stdio[,mux=on]  pty  file,path=F[,append=on][,input-path=F]  pipe,path=F\n"
              "socket,path=F|[host=H,]port=N[,server=on[,wait=off]]; all with ,id=ID\n", p->out);
        return 0;
    }
    if (chardev_parse(&p->o->chardevs, v, why, sizeof why))
        return -1;
    fprintf(p->err, "nestbox: -chardev %s: %s\n", v, why);
    return 1;
}

static int set_debugcon(struct parse *p, const char *v)
{
    if (!strcmp(v, "help"))
        return set_serial(p, v);
    if (p->o->debugcon)
        return opts_complain(p, "debugcon", "there is one debug console");
    p->o->debugcon = v;
    return -1;
}

/* Its chardev is resolved with the others; the library has what remains. */
static int set_debugcon_device(struct parse *p, const char *v)
{
    struct opts *o = p->o;
    size_t n = 0;
    const char *id = chardev_value(v, "chardev", &n);
    char text[120] = "isa-debugcon";
    int rc = -1;

    if (id && (!n || n > 31))
        return opts_complain(p, "device", "isa-debugcon: chardev=ID is wanted");
    if (id) {
        snprintf(o->debugcon_port, sizeof o->debugcon_port, "chardev:%.*s", (int)n, id);
        rc = set_debugcon(p, o->debugcon_port);
    }
    if (rc >= 0)
        return rc;
    for (const char *q = strchr(v, ','); q; q = strchr(q + 1, ',')) {
        size_t len = strlen(text);
        if (strncmp(q, ",chardev=", 9))
            snprintf(text + len, sizeof text - len, "%.*s", (int)strcspn(q + 1, ",") + 1, q);
    }
    return opts_set_key(p, "device", text);
}

/* index= of a port is what it would have anyway, or it cannot be had. */
static int check_port(struct parse *p, const char *v, unsigned next)
{
    for (const char *q = strchr(v, ','); q; q = strchr(q, ',')) {
        q++;
        if (!strncmp(q, "index=", 6) && (unsigned)(q[6] - '0') == next && strchr(",", q[7]))
            continue;
        if (!strncmp(q, "chardev=", 8) || !strncmp(q, "id=", 3))
            continue;
        fprintf(p->err, "nestbox: -device %s: \"%.*s\": ports are made in their order; leave it "
                "out\n", v, (int)strcspn(q, ","), q);
        return 1;
    }
    return -1;
}

/* Ports are devices of ours as well: the next serial or parallel port. */
static int set_device(struct parse *p, const char *v)
{
    struct opts *o = p->o;
    bool serial = !strncmp(v, "isa-serial", 10) && (!v[10] || v[10] == ',');
    size_t n = 0;

    if (strstr(v, ",help"))
        return opts_set_key(p, "device", "help");
    if (!strncmp(v, "isa-debugcon", 12) && (!v[12] || v[12] == ','))
        return set_debugcon_device(p, v);
    if (!serial && (strncmp(v, "isa-parallel", 12) || (v[12] && v[12] != ',')))
        return opts_set_key(p, "device", v);
    const char *id = chardev_value(v, "chardev", &n);
    if (!id || !n || n > 31)
        return opts_complain(p, "device", "isa-serial and isa-parallel need chardev=ID");
    if (check_port(p, v, serial ? o->num_serial : o->num_parallel) >= 0)
        return 1;
    if (serial ? o->num_serial == OPTS_MAX_SERIAL : o->num_parallel == OPTS_MAX_PARALLEL)
        return opts_complain(p, "device", "there are 4 serial and 2 parallel ports at most");
    char *spec = o->device_port[o->num_device_ports++];
    snprintf(spec, sizeof o->device_port[0], "chardev:%.*s", (int)n, id);
    return serial ? set_serial(p, spec) : set_parallel(p, spec);
}

/* "[chardev=]ID[,mode=readline]" */
static int set_mon(struct parse *p, const char *v)
{
    static const char key[] = "chardev=";
    struct opts *o = p->o;
    size_t n;

    if (strstr(v, "mode=control"))
        return opts_complain(p, "mon", "there is no QMP yet; use mode=readline");
    if (!strncmp(v, key, sizeof key - 1))
        v += sizeof key - 1;
    n = strcspn(v, ",");
    if (!n || n > 31 || memchr(v, '=', n))
        return opts_complain(p, "mon", "use chardev=ID");
    if (*o->mon_chardev)
        return opts_complain(p, "mon", "one is enough; further monitors are -monitor unix:PATH");
    snprintf(o->mon_chardev, sizeof o->mon_chardev, "chardev:%.*s", (int)n, v);
    return -1;
}

static bool is_socket(const char *v)
{
    return !strncmp(v, "unix:", 5) || !strncmp(v, "tcp:", 4) || !strncmp(v, "telnet:", 7);
}

static int set_monitor(struct parse *p, const char *v)
{
    struct opts *o = p->o;

    if (!strcmp(v, "help")) {
        fputs("none  stdio  unix:PATH  tcp:127.0.0.1:PORT  telnet:127.0.0.1:PORT\n", p->out);
        return 0;
    }
    if (!strncmp(v, "chardev:", 8))
        return set_mon(p, v + 8);
    if (!strcmp(v, "mon:stdio"))
        v = "stdio";
    if (!strcmp(v, "null"))
        v = "none";
    if (is_socket(v)) {
        if (o->num_listen == OPTS_MAX_LISTEN)
            return opts_complain(p, "monitor", "at most 4");
        o->listen[o->num_listen++] = v;
        if (!o->monitor)
            o->monitor = v;
    } else if (!strcmp(v, "stdio") || !strcmp(v, "none")) {
        o->monitor = v;
    } else {
        fprintf(p->err, "nestbox: -monitor %s: use stdio, none, unix:PATH, tcp:127.0.0.1:PORT or "
                "telnet:127.0.0.1:PORT\n", v);
        return 1;
    }
    return -1;
}

static int set_gdb(struct parse *p, const char *v)
{
    if (strcmp(v, "none") && strncmp(v, "unix:", 5) && strncmp(v, "tcp:", 4)) {
        fprintf(p->err, "nestbox: -gdb %s: use none, unix:PATH or tcp:127.0.0.1:PORT\n", v);
        return 1;
    }
    p->o->gdb = strcmp(v, "none") ? v : NULL;
    return -1;
}

static int set_expect(struct parse *p, bool serial, const char *v)
{
    if (p->o->num_expect == OPTS_MAX_EXPECT)
        return opts_complain(p, serial ? "expect-serial" : "expect-screen", "at most 16 in all");
    p->o->expect[p->o->num_expect++] = (struct opts_expect){ serial, v };
    return -1;
}

/* "pc,accel=kvm": the accelerator is not the board's business here. */
static int set_machine(struct parse *p, const char *v)
{
    const char *accel = strstr(v, "accel=");

    if (accel && strncmp(accel, "accel=tcg", 9) && strncmp(accel, "accel=kvm:tcg", 13))
        fprintf(p->err, "nestbox: -machine %s: there is no accelerator; going on without\n", v);
    if (strstr(v, "acpi=off"))
        fprintf(p->err, "nestbox: -machine %s: the ACPI tables stay\n", v);
    return opts_set_key(p, "machine", v);
}

/* QEMU tries several in their order. */
static int set_accel(struct parse *p, const char *v)
{
    if (!strncmp(v, "kvm", 3) && v[3] != ':') {
        p->o->kvm_wanted = true;
        return -1;
    }
    p->o->kvm_wanted = false;
    return opts_set_key(p, "accel", v);
}

static int set_preset(struct parse *p, const char *v)
{
    const struct preset *found = preset_find(v);

    if (!strcmp(v, "help")) {
        preset_help(p->out);
        return 0;
    }
    if (!found) {
        fprintf(p->err, "nestbox: -preset %s: no such preset; -preset help lists them\n", v);
        return 1;
    }
    if (p->presets++)
        return opts_complain(p, "preset", "there can be one");
    return -1;
}

/* The guest's name as the window shows it: without the properties. */
static int set_name(struct parse *p, const char *v)
{
    struct opts *o = p->o;
    int rc = opts_set_key(p, "name", v);
    size_t n = 0;

    if (rc >= 0)
        return rc;
    if (!strncmp(v, "guest=", 6))
        v += 6;
    free(o->guest_name);
    o->guest_name = front_strdup(v);
    for (const char *q = v; *q && (*q != ',' || q[1] == ','); q++) {
        q += *q == ',';
        o->guest_name[n++] = *q;
    }
    o->guest_name[n] = 0;
    o->name = o->guest_name;
    return -1;
}

static int set_own(struct parse *p, const struct row *r, const char *v)
{
    struct opts *o = p->o;

    switch (r->own) {
    case OWN_NONE: break;
    case OWN_ACCEL: return set_accel(p, v);
    case OWN_ACTION: return opts_action(p, v);
    case OWN_DAEMONIZE: o->daemonize = true; break;
    case OWN_GLOBAL: return opts_global(p, v);
    case OWN_PIDFILE: o->pidfile = v; break;
    case OWN_PRESET: return set_preset(p, v);
    case OWN_SMBIOS: return opts_smbios(p, v);
    case OWN_CHARDEV: return set_chardev(p, v);
    case OWN_DEBUGCON: return set_debugcon(p, v);
    case OWN_DEVICE: return set_device(p, v);
    case OWN_MON: return set_mon(p, v);
    case OWN_PARALLEL: return set_parallel(p, v);
    case OWN_USBDEVICE:
        return opts_complain(p, r->name, "there are no USB devices yet; the PS/2 mouse is always "
                             "there");
    case OWN_CURSES: return set_display(p, "curses");
    case OWN_SDL: return set_display(p, "sdl");
    case OWN_DISPLAY: return set_display(p, v);
    case OWN_D: return set_debug(p, v);
    case OWN_DEBUG_FILE: o->log_file = v; break;
    case OWN_EXPECT_SCREEN: return set_expect(p, false, v);
    case OWN_EXPECT_SERIAL: return set_expect(p, true, v);
    case OWN_FULL: o->full_screen = true; break;
    case OWN_GDB: return set_gdb(p, v);
    case OWN_S: return set_gdb(p, "tcp:127.0.0.1:1234");
    case OWN_HELP: opts_help(p->out); return 0;
    case OWN_LOCALTIME: return opts_set_key(p, "rtc", "base=localtime");
    case OWN_MACHINE: return set_machine(p, v);
    case OWN_MONITOR: return set_monitor(p, v);
    case OWN_NAME: return set_name(p, v);
    case OWN_NET:
        if (strcmp(v, "none"))
            return opts_complain(p, r->name, "this machine has no network card yet; leave it out");
        break;
    case OWN_NOGRAPHIC: o->nographic = true; break;
    case OWN_PAUSED: o->start_paused = true; break;
    case OWN_PRINT_SCREEN: o->print_screen = true; break;
    case OWN_SAVEVM: o->savevm = v; break;
    case OWN_SCREENDUMP: o->screendump = v; break;
    case OWN_SCRIPT: o->script = v; break;
    case OWN_SERIAL: return set_serial(p, v);
    case OWN_STOP_AT: o->stop_at = v; return opts_set_key(p, "stop-at", v);
    case OWN_TIMEOUT:
        if (!text_seconds(v, &o->timeout_ns) || !o->timeout_ns) {
            fprintf(p->err, "nestbox: -timeout %s: not a number of seconds\n", v);
            return 1;
        }
        break;
    case OWN_VERSION:
        fprintf(p->out, "nestbox %s\n", nb_version());
        return 0;
    case OWN_CLOCK:
        o->counted = !strncmp(v, "counted", 7);
        return opts_set_key(p, "clock", v);
    }
    return -1;
}

static const struct row *find(const char *name)
{
    for (size_t k = 0; k < NUM_ROWS; k++)
        if (rows[k].name && !strcmp(rows[k].name, name))
            return &rows[k];
    return NULL;
}

static int one(struct parse *p, const struct row *r, const char *v)
{
    switch (r->kind) {
    case K_KEY: return opts_set_key(p, r->key, v);
    case K_ON: return opts_set_key(p, r->key, "on");
    case K_BOOT:
        p->o->has_boot = true;
        return opts_set_key(p, r->key, v);
    case K_IGNORE: return -1;
    case K_NOTE:
        fprintf(p->err, "nestbox: -%s: %s\n", r->name, r->key);
        return -1;
    case K_OWN: return set_own(p, r, v);
    }
    return -1;
}

/* "chardev:ID" becomes what it stands for. */
static int resolve_chardevs(struct parse *p)
{
    struct opts *o = p->o;
    const char *mon = *o->mon_chardev ? o->mon_chardev : NULL;
    bool shared = mon && o->num_serial && !strcmp(o->serial[0], mon);
    char why[200];
    bool ok = true;
    int rc;

    for (unsigned k = 0; ok && k < o->num_serial; k++)
        ok = chardev_resolve(&o->chardevs, &o->serial[k], why, sizeof why);
    for (unsigned k = 0; ok && k < o->num_parallel; k++)
        ok = chardev_resolve(&o->chardevs, &o->parallel[k], why, sizeof why);
    if (!ok || !chardev_resolve(&o->chardevs, &o->debugcon, why, sizeof why) ||
        !chardev_resolve(&o->chardevs, &mon, why, sizeof why)) {
        fprintf(p->err, "nestbox: %s\n", why);
        return 1;
    }
    if (shared)
        o->serial[0] = "mon:stdio";
    else if (mon && (rc = set_monitor(p, mon)) >= 0)
        return rc;
    for (unsigned k = 0; k < o->num_parallel; k++)
        if ((rc = opts_set_key(p, "parallel", o->parallel[k])) >= 0)
            return rc;
    return o->debugcon ? opts_set_key(p, "debugcon", o->debugcon) : -1;
}

static bool on_terminal(const char *spec)
{
    return spec && (!strcmp(spec, "stdio") || !strcmp(spec, "mon:stdio"));
}

/* Who needs the terminal cannot leave it. */
static int check_daemon(struct parse *p)
{
    struct opts *o = p->o;
    bool stdio = on_terminal(o->debugcon);

    for (unsigned k = 0; k < o->num_serial; k++)
        stdio |= on_terminal(o->serial[k]);
    for (unsigned k = 0; k < o->num_parallel; k++)
        stdio |= on_terminal(o->parallel[k]);
    if (o->nographic || stdio)
        return opts_complain(p, "daemonize", "a port wants the terminal (stdio, -nographic); use "
                        "-display none with -serial file:F, unix:PATH or pty");
    if (o->monitor && !strcmp(o->monitor, "stdio"))
        return opts_complain(p, "daemonize", "the monitor wants the terminal; use -monitor "
                             "unix:PATH");
    if (o->display == DISPLAY_CURSES)
        return opts_complain(p, "daemonize", "-display curses wants the terminal; use none or sdl");
    if (o->print_screen || (o->script && !strcmp(o->script, "-")))
        return opts_complain(p, "daemonize", "there is no terminal for -print-screen and "
                             "-script -");
    if (o->has_log && !o->log_file)
        return opts_complain(p, "daemonize", "-d needs -D FILE");
    return -1;
}

static int check(struct parse *p)
{
    struct opts *o = p->o;

    if (o->kvm_wanted)
        return opts_complain(p, "accel kvm", "there is the interpreter alone; use tcg or leave it "
                             "out");
    if (o->daemonize && check_daemon(p) >= 0)
        return 1;
    if (o->savevm && !o->stop_at)
        return opts_complain(p, "savevm", "needs -stop-at COUNT: it says when");
    if (o->script && o->num_expect)
        return opts_complain(p, "script", "and -expect-... exclude each other: use expect there");
    if (o->nographic && o->display == DISPLAY_CURSES)
        return opts_complain(p, "nographic", "and -display curses exclude each other: both need "
                             "the terminal");
    return -1;
}

/* One word of the command line, with its value. */
struct word {
    const char *text;            /* as it was given */
    const struct row *row;       /* NULL: a bare word, or see qemu */
    const struct opts_qemu *qemu;
    const char *value;
    bool bare, lacks_value;
};

static int read_word(char **argv, int argc, int k, struct word *w)
{
    const char *a = argv[k];
    bool takes;

    *w = (struct word){ .text = a };
    if (a[0] != '-' || !a[1]) {
        w->bare = true;
        return k + 1;
    }
    a += a[1] == '-' ? 2 : 1;
    w->row = find(a);
    w->qemu = w->row ? NULL : opts_qemu_find(a);
    takes = w->row ? w->row->arg != NULL : w->qemu && w->qemu->takes_value;
    if (takes && k + 1 == argc)
        w->lacks_value = true;
    else if (takes)
        w->value = argv[++k];
    return k + 1;
}

/* The preset comes first, whatever its place, so that explicit options win; what they choose
 * themselves is left out of it. */
static int apply_preset(struct parse *p, int argc, char **argv)
{
    struct opts *o = p->o;
    struct word w;

    for (int k = 1; k < argc;) {
        k = read_word(argv, argc, k, &w);
        if (w.row && w.row->own == OWN_PRESET && w.value)
            o->preset = preset_find(w.value);
    }
    for (unsigned n = 0; o->preset && o->preset->choice[n].option; n++) {
        const struct preset_choice *c = &o->preset->choice[n];
        bool overruled = false;
        for (int k = 1; k < argc;) {
            k = read_word(argv, argc, k, &w);
            overruled |= w.row && preset_overruled(c, w.row->name, w.value);
        }
        if (overruled)
            continue;
        o->preset_chose |= 1u << n;
        int rc = opts_set_key(p, c->option, c->value);
        if (rc >= 0)
            return rc;
    }
    return -1;
}

static void show_preset(struct parse *p)
{
    const struct preset *s = p->o->preset;

    if (!s)
        return;
    fprintf(p->err, "nestbox: -preset %s:", s->name);
    for (unsigned n = 0; s->choice[n].option; n++)
        if (p->o->preset_chose >> n & 1)
            fprintf(p->err, " -%s %s", s->choice[n].option, s->choice[n].value);
    fputs(p->o->preset_chose ? "\n" : " nothing, all of it was given\n", p->err);
}

int opts_parse(struct opts *o, int argc, char **argv, FILE *out, FILE *err)
{
    struct parse p = { o, out, err, 0 };
    struct word w;
    int rc;

    *o = (struct opts){ 0 };
    o->cfg = nb_config_new();
    if ((rc = apply_preset(&p, argc, argv)) >= 0)
        return rc;
    for (int k = 1; k < argc;) {
        int at = k;
        k = read_word(argv, argc, k, &w);
        if (w.bare && o->boot_arg) {
            fprintf(err, "nestbox: %s: only one disk image can be given without an option "
                    "(-hdb, -cdrom, -fda)\n", w.text);
            return 1;
        }
        if (w.bare) {
            o->boot_arg = at;
            continue;
        }
        if (w.lacks_value)
            return opts_complain(&p, w.row ? w.row->name : w.qemu->name, "requires an argument");
        if (!w.row && !w.qemu) {
            fprintf(err, "nestbox: %s: invalid option\n", w.text);
            return 1;
        }
        if (w.qemu && !opts_qemu_answer(w.qemu, w.value, err))
            return 1;
        if (w.row && (rc = one(&p, w.row, w.value)) >= 0)
            return rc;
    }
    if (o->boot_arg) {
        o->has_boot = true;
        if ((rc = opts_set_key(&p, "hda", argv[o->boot_arg])) >= 0)
            return rc;
    }
    if ((rc = resolve_chardevs(&p)) >= 0 || (rc = check(&p)) >= 0)
        return rc;
    show_preset(&p);
    return -1;
}

void opts_free(struct opts *o)
{
    nb_config_free(o->cfg);
    free(o->guest_name);
    o->cfg = NULL;
    o->guest_name = NULL;
}
