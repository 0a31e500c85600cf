/* SPDX-License-Identifier: MIT */
/* The command line: what is accepted, what is refused, in which words. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/opts.h"

Suite *suite_front_opts(void);

struct result {
    struct opts o;
    int rc;
    char *out, *err;
    size_t out_len, err_len;
};

/* Words separated by blanks. In place: options point into themselves. */
static void parse(struct result *r, const char *line)
{
    char *copy = strdup(line), *argv[40] = { (char *)"nestbox" }, *save = NULL;
    int argc = 1;

    *r = (struct result){ 0 };
    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    FILE *out = open_memstream(&r->out, &r->out_len), *err = open_memstream(&r->err, &r->err_len);
    r->rc = opts_parse(&r->o, argc, argv, out, err);
    fclose(out);
    fclose(err);
    /* copy stays: the options point into it, too */
}

#define REFUSED(line, text) do { \
    struct result r_; \
    parse(&r_, line); \
    ck_assert_int_eq(r_.rc, 1); \
    ck_assert_str_eq(r_.err, "nestbox: " text "\n"); \
    ck_assert_str_eq(r_.out, ""); \
    opts_free(&r_.o); \
} while (0)

START_TEST(mistakes_are_one_line)
{
    REFUSED("-foo", "-foo: invalid option");
    REFUSED("--foo", "--foo: invalid option");
    REFUSED("-mm 3", "-mm: invalid option");
    REFUSED("---m 3", "---m: invalid option");
    REFUSED("-m", "-m: requires an argument");
    REFUSED("-hda", "-hda: requires an argument");
    REFUSED("a.img b.img", "b.img: only one disk image can be given without an option (-hdb, "
            "-cdrom, -fda)");
    REFUSED("-display gtk", "-display gtk: no such display; -display help lists them");
    REFUSED("-savevm x", "-savevm: needs -stop-at COUNT: it says when");
    REFUSED("-timeout soon", "-timeout soon: not a number of seconds");
    REFUSED("-timeout 0", "-timeout 0: not a number of seconds");
    REFUSED("-monitor vc", "-monitor vc: use stdio, none, unix:PATH, tcp:127.0.0.1:PORT or "
            "telnet:127.0.0.1:PORT");
    REFUSED("-gdb /dev/ttyS0", "-gdb /dev/ttyS0: use none, unix:PATH or tcp:127.0.0.1:PORT");
    REFUSED("-net user", "-net: this machine has no network card yet; leave it out");
}
END_TEST

START_TEST(library_errors_pass_through)
{
    static const char *const lines[] = { "-m 0", "-m 9T", "-m -1", "-m 64Q", "-boot z",
                                         "-drive file=a,bus=2", "-rtc base=noon", "-smp 2",
                                         "-machine q35", "-device e1000", "-stop-at x",
                                         "-clock fast", "-speed 0", "-d everything" };

    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        struct result r;
        parse(&r, lines[k]);
        ck_assert_msg(r.rc == 1, "%s: rc %d", lines[k], r.rc);
        ck_assert_msg(!strncmp(r.err, "nestbox: -", 10), "%s: %s", lines[k], r.err);
        ck_assert_msg(strchr(r.err, '\n') == r.err + r.err_len - 1, "%s: %s", lines[k], r.err);
        opts_free(&r.o);
    }
}
END_TEST

START_TEST(values_arrive)
{
    struct result r;

    parse(&r, "-m 64M --hda disk.img -S -s -name box -D log -nographic -snapshot "
                            "-serial stdio -serial null -monitor none -timeout 1.5 -k de "
                            "-accel tcg -smp cpus=1 -machine pc,accel=tcg -d int,hash "
                            "-clock counted,ns=2 -stop-at 1000 -savevm s -full-screen");

    ck_assert_str_eq(r.err, "");
    ck_assert_int_eq(r.rc, -1);
    ck_assert(r.o.has_boot && r.o.start_paused && r.o.nographic && r.o.hash && r.o.counted);
    ck_assert(r.o.has_log && r.o.full_screen && !r.o.boot_arg);
    ck_assert_str_eq(r.o.gdb, "tcp:127.0.0.1:1234");
    ck_assert_str_eq(r.o.name, "box");
    ck_assert_str_eq(r.o.log_file, "log");
    ck_assert_str_eq(r.o.monitor, "none");
    ck_assert_uint_eq(r.o.num_serial, 2);
    ck_assert_str_eq(r.o.serial[0], "stdio");
    ck_assert_uint_eq(r.o.timeout_ns, 1500000000);
    opts_free(&r.o);
}
END_TEST

START_TEST(bare_word_is_the_boot_disk)
{
    struct result r;

    parse(&r, "-m 64 disk.img -display none");

    ck_assert_int_eq(r.rc, -1);
    ck_assert_int_eq(r.o.boot_arg, 3);
    ck_assert(r.o.has_boot);
    ck_assert_int_eq(r.o.display, DISPLAY_NONE);
    opts_free(&r.o);
    parse(&r, "disk.img -hda other.img"); /* both are the first disk */
    ck_assert_int_eq(r.rc, 1);
    opts_free(&r.o);
    parse(&r, "-append quiet"); /* an option's argument is no disk */
    ck_assert_int_eq(r.rc, -1);
    ck_assert(!r.o.has_boot);
    opts_free(&r.o);
}
END_TEST

START_TEST(display_accepts_properties)
{
    struct result r;

    parse(&r, "-display none,gl=off");

    ck_assert_int_eq(r.rc, -1);
    ck_assert_int_eq(r.o.display, DISPLAY_NONE);
    opts_free(&r.o);
    parse(&r, "-display nonesuch");
    ck_assert_int_eq(r.rc, 1);
    opts_free(&r.o);
}
END_TEST

START_TEST(help_is_an_answer)
{
    static const char *const lines[] = { "-help", "-h", "--help", "-version", "-cpu help",
                                         "-machine help", "-device help", "-vga help", "-d help",
                                         "-serial help", "-clock help", "-display help",
                                         "-monitor help", "-debugcon help", "-preset help",
                                         "-engine help", "-device ide-hd,help",
                                         "-device isa-serial,help" };

    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        struct result r;
        parse(&r, lines[k]);
        ck_assert_msg(r.rc == 0, "%s: rc %d, %s", lines[k], r.rc, r.err);
        ck_assert_msg(r.out_len > 4 && r.out[r.out_len - 1] == '\n', "%s: %s", lines[k], r.out);
        ck_assert_str_eq(r.err, "");
        opts_free(&r.o);
    }
}
END_TEST

START_TEST(help_fits_two_screens)
{
    struct result r;

    parse(&r, "-help");
    unsigned lines = 0, examples = 0;

    for (char *p = r.out, *end; *p; p = end + 1) {
        end = strchr(p, '\n');
        ck_assert_ptr_nonnull(end);
        ck_assert_msg(end - p <= 80, "%.*s", (int)(end - p), p);
        examples += !strncmp(p, "  nestbox -", 11);
        lines++;
    }
    ck_assert_uint_le(lines, 100);
    ck_assert_uint_eq(examples, 3);
    opts_free(&r.o);
}
END_TEST

START_TEST(kvm_is_a_warning)
{
    struct result r;

    parse(&r, "-enable-kvm -m 64");

    ck_assert_int_eq(r.rc, -1);
    ck_assert_ptr_nonnull(strstr(r.err, "no accelerator"));
    opts_free(&r.o);
}
END_TEST

/* QEMU's long form becomes the short one. */
START_TEST(chardevs)
{
    static const struct { const char *args, *spec; } good[] = {
        { "null,id=a", "null" }, { "backend=pty,id=a", "pty" },
        { "stdio,id=a,signal=off", "stdio" }, { "file,id=a,path=x,,y", "file:x,y" },
        { "file,path=x,append=on,id=a", "file:x,append=on" },
        { "file,id=a,path=o,input-path=i", "file:o,input-path=i" },
        { "pipe,id=a,path=p", "pipe:p" },
        { "socket,id=a,path=s,server=on,wait=off", "unix:s,server,nowait" },
        { "socket,id=a,path=s,server,nowait", "unix:s,server,nowait" },
        { "socket,id=a,host=h,port=1,server", "tcp:h:1,server" },
        { "socket,id=a,port=1,nodelay", "tcp::1" },
    };
    char line[200];

    for (unsigned k = 0; k < sizeof good / sizeof good[0]; k++) {
        snprintf(line, sizeof line, "-serial null -device isa-serial,chardev=a -chardev %s",
                 good[k].args);
        struct result r;
        parse(&r, line);
        ck_assert_msg(r.rc == -1, "%s: %s", line, r.err);
        ck_assert_uint_eq(r.o.num_serial, 2);
        ck_assert_str_eq(r.o.serial[1], good[k].spec);
        opts_free(&r.o);
    }
    struct result r;

    parse(&r, "-chardev stdio,mux=on,id=c -serial chardev:c "
                            "-mon chardev=c,mode=readline");
    ck_assert_int_eq(r.rc, -1);
    ck_assert_str_eq(r.o.serial[0], "mon:stdio");
    ck_assert_ptr_null(r.o.monitor);
    opts_free(&r.o);
    parse(&r, "-chardev socket,path=m,server=on,wait=off,id=c -chardev null,id=d -chardev pty,id=e "
              "-mon c -parallel chardev:d -device isa-parallel,chardev=e -debugcon none -usb");
    ck_assert_int_eq(r.rc, -1);
    ck_assert_str_eq(r.o.monitor, "unix:m,server,nowait");
    ck_assert_uint_eq(r.o.num_parallel, 2);
    ck_assert_str_eq(r.o.parallel[0], "null");
    ck_assert_str_eq(r.o.parallel[1], "pty");
    opts_free(&r.o);

    REFUSED("-chardev null", "-chardev null: id= is missing");
    REFUSED("-chardev udp,id=a", "-chardev udp,id=a: there is no backend \"udp\"; known are null, "
            "stdio, pty, file, pipe, socket");
    REFUSED("-chardev file,id=a", "-chardev file,id=a: file needs path=");
    REFUSED("-chardev socket,id=a", "-chardev socket,id=a: socket needs path= or port=");
    REFUSED("-chardev socket,id=a,path=x,,y",
            "-chardev socket,id=a,path=x,,y: a socket's path cannot have a comma here");
    REFUSED("-chardev socket,id=a,path=x,reconnect=1",
            "-chardev socket,id=a,path=x,reconnect=1: unknown property reconnect");
    REFUSED("-chardev null,id=a,mux=maybe",
            "-chardev null,id=a,mux=maybe: mux=maybe: use on or off");
    REFUSED("-chardev null,id=a -chardev pty,id=a",
            "-chardev pty,id=a: there is a chardev a already");
    REFUSED("-chardev null,id=a -serial chardev:a -parallel chardev:a",
            "chardev a is in use twice");
    REFUSED("-serial chardev:a", "chardev:a: there is no -chardev with this id");
    REFUSED("-mon chardev=a,mode=control", "-mon: there is no QMP yet; use mode=readline");
    REFUSED("-device isa-serial", "-device: isa-serial and isa-parallel need chardev=ID");
    REFUSED("-parallel null -parallel null -parallel null", "-parallel: at most 2");
    REFUSED("-chardev null,id=a -device isa-serial,chardev=a,index=1", "-device "
            "isa-serial,chardev=a,index=1: \"index=1\": ports are made in their order; leave it "
            "out");
    REFUSED("-device isa-parallel,iobase=0x278,chardev=a", "-device isa-parallel,iobase=0x278,"
            "chardev=a: \"iobase=0x278\": ports are made in their order; leave it out");
    REFUSED("-device isa-debugcon,colour=1,chardev=a",
            "-device isa-debugcon: colour=1 is unknown or out of range");
    parse(&r, "-chardev null,id=a -serial pty -device isa-serial,id=s,index=1,chardev=a");
    ck_assert_msg(r.rc == -1, "%s", r.err);
    ck_assert_str_eq(r.o.serial[1], "null");
    opts_free(&r.o);
    REFUSED("-usbdevice tablet", "-usbdevice: there are no USB devices yet; the PS/2 "
            "mouse is always there");
}
END_TEST

static void accepted(const char *line, const char *err)
{
    struct result r;

    parse(&r, line);

    ck_assert_msg(r.rc == -1, "%s: %s", line, r.err);
    ck_assert_msg(!strcmp(r.err, err), "%s: %s", line, r.err);
    ck_assert_str_eq(r.out, "");
    opts_free(&r.o);
}

/* What is QEMU's and not ours: taken, taken with a line, or refused with one. */
START_TEST(options_of_qemu)
{
    accepted("-no-kvm -win2k-hack -msg timestamp=on -tb-size 64 -only-migratable", "");
    accepted("--show-cursor -nodefaults -no-user-config -no-hpet -no-fd-bootchk -usb -k de", "");
    accepted("-vnc none -balloon none -sandbox off -qmp none -net none -nic none", "");
    accepted("-audiodev pa,id=a",
             "nestbox: -audiodev: there is no sound card yet; it is ignored\n");
    accepted("-mem-prealloc -m 64",
             "nestbox: -mem-prealloc: memory is taken when the guest uses it\n");
    accepted("-no-acpi", "nestbox: -no-acpi: the ACPI tables stay; guests have settings of their "
             "own (Linux: acpi=off)\n");
    accepted("-device VGA,edid=off,id=video0 -global VGA.xres=1920 -global VGA.yres=1080", "");
    accepted("-global PIIX4_PM.disable_s3=1 -global isa-debugcon.iobase=0x402", "");
    accepted("-global kvm-pit.lost_tick_policy=discard", "nestbox: -global "
             "kvm-pit.lost_tick_policy=discard: ignored; devices take properties in -device\n");
    accepted("-startdate 2001-10-25 -action reboot=shutdown,panic=none", "");
    accepted("-machine pc,accel=kvm:tcg -accel kvm -accel tcg", "");
    accepted("-machine type=pc,accel=kvm", "nestbox: -machine type=pc,accel=kvm: there is no "
             "accelerator; going on without\n");
    accepted("-smbios type=1,uuid=550e8400-e29b-41d4-a716-446655440000", "");
    accepted("-smbios type=1,product=X,uuid=550e8400-e29b-41d4-a716-446655440000", "nestbox: "
             "-smbios type=1,product=X,uuid=550e8400-e29b-41d4-a716-446655440000: the texts are the "
             "machine's own; they are ignored\n");
    REFUSED("-vnc :0", "-vnc: there is no VNC server yet; use -display sdl, curses or none");
    REFUSED("-vnc", "-vnc: requires an argument");
    REFUSED("-soundhw sb16", "-soundhw: there is no sound card yet; leave it out");
    REFUSED("-netdev user,id=n", "-netdev: this machine has no network card yet; leave it out");
    REFUSED("-qmp unix:q,server", "-qmp: there is no QMP yet; use -monitor unix:PATH");
    REFUSED("-readconfig f", "-readconfig: there are no configuration files yet; use options");
    REFUSED("-icount shift=0", "-icount: use -clock counted,ns=N, or -speed MIPS");
    REFUSED("-accel tcg -accel kvm",
            "-accel kvm: there is the interpreter alone; use tcg or leave it out");
    REFUSED("-global VGA.xres=1", "-device VGA: xres=1: use a number from 640 to 2560");
    REFUSED("-global x", "-global: use NAME.PROPERTY=VALUE");
    REFUSED("-smbios file=f", "-smbios: the tables are the machine's own; leave file= out");
    REFUSED("-smbios uuid=x", "-smbios: use type=1,uuid=UUID");
    REFUSED("-smbios type=1,uuid=x", "-uuid x: use the form 550e8400-e29b-41d4-a716-446655440000");
    REFUSED("-action reboot=never", "-action reboot=never: use reboot=reset|shutdown, "
            "shutdown=poweroff|pause");
    REFUSED("-debugcon null -debugcon null", "-debugcon: there is one debug console");
}
END_TEST

START_TEST(monitors)
{
    struct result r;

    parse(&r, "-monitor telnet:127.0.0.1:4444,server,nowait -monitor unix:m "
                            "-monitor stdio -monitor tcp::1");

    ck_assert_int_eq(r.rc, -1);
    ck_assert_uint_eq(r.o.num_listen, 3);
    ck_assert_str_eq(r.o.listen[0], "telnet:127.0.0.1:4444,server,nowait");
    ck_assert_str_eq(r.o.listen[2], "tcp::1");
    ck_assert_str_eq(r.o.monitor, "stdio");
    opts_free(&r.o);
    parse(&r, "-monitor mon:stdio");
    ck_assert_str_eq(r.o.monitor, "stdio");
    opts_free(&r.o);
    parse(&r, "-monitor unix:m");
    ck_assert_str_eq(r.o.monitor, "unix:m"); /* the terminal has none then */
    opts_free(&r.o);
    parse(&r, "-chardev socket,id=c,path=m,server=on -monitor chardev:c");
    ck_assert_int_eq(r.rc, -1);
    ck_assert_str_eq(r.o.listen[0], "unix:m,server");
    opts_free(&r.o);
    parse(&r, "-chardev null,id=d -device isa-debugcon,iobase=0x402,chardev=d");
    ck_assert_msg(r.rc == -1, "%s", r.err);
    ck_assert_str_eq(r.o.debugcon, "null");
    opts_free(&r.o);
    REFUSED("-monitor unix:a -monitor unix:b -monitor unix:c -monitor unix:d -monitor unix:e",
            "-monitor: at most 4");
    REFUSED("-mon chardev=a -mon chardev=b",
            "-mon: one is enough; further monitors are -monitor unix:PATH");
    REFUSED("-mon mode=readline", "-mon: use chardev=ID");
    REFUSED("-device isa-debugcon,iobase=0x10000,chardev=d",
            "-device isa-debugcon: iobase=0x10000 is unknown or out of range");
}
END_TEST

START_TEST(presets)
{
    static const struct { const char *line, *said; } rows[] = {
        { "-preset dos", "-m 16 -cpu pentium -speed 25 -rtc base=localtime -vga std" },
        { "-preset win98", "-m 256 -cpu pentium2 -speed 50 -engine tlb=coherent -rtc "
          "base=localtime -vga std" },
        { "-preset xp", "-m 512 -cpu pentium-m -rtc base=localtime -vga std" },
        { "-preset linux", "-m 512 -cpu pentium-m,+nx -rtc base=utc -vga std" },
        /* explicit options win, before it and behind it */
        { "-m 64 -preset dos", "-cpu pentium -speed 25 -rtc base=localtime -vga std" },
        { "-preset dos -m 64", "-cpu pentium -speed 25 -rtc base=localtime -vga std" },
        { "-clock real -preset dos -cpu 486", "-m 16 -rtc base=localtime -vga std" },
        { "-preset dos -speed 100 -localtime -vga none", "-m 16 -cpu pentium" },
        { "-rtc utc -preset dos", "-m 16 -cpu pentium -speed 25 -vga std" },
        { "-preset dos -startdate 1999-12-31", "-m 16 -cpu pentium -speed 25 -vga std" },
        { "-preset win98 -m 1 -speed 9 -vga none -rtc clock=vm,base=utc -cpu 486 -engine "
          "interp,tlb=normal", NULL },
        /* other properties of the same option leave the choice alone */
        { "-rtc clock=vm -preset xp -m 64", "-cpu pentium-m -rtc base=localtime -vga std" },
        { "-accel tcg -preset win98 -m 64 -clock counted", "-cpu pentium2 -engine "
          "tlb=coherent -rtc base=localtime -vga std" },
    };

    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        struct result r;
        parse(&r, rows[k].line);
        const char *said = strstr(r.err, ": -preset ");
        ck_assert_msg(r.rc == -1, "%s: %s", rows[k].line, r.err);
        ck_assert_ptr_nonnull(said);
        said = strchr(said + 3, ':') + 2;
        if (rows[k].said)
            ck_assert_msg(!strncmp(said, rows[k].said, strlen(rows[k].said)) &&
                          !strcmp(said + strlen(rows[k].said), "\n"), "%s: %s", rows[k].line,
                          r.err);
        else
            ck_assert_str_eq(said, "nothing, all of it was given\n");
        opts_free(&r.o);
    }
    /* the library has what was said, and what was given in its place */
    struct result r;

    parse(&r, "-preset dos -m help");
    ck_assert_int_eq(r.rc, 1);
    opts_free(&r.o);
    REFUSED("-preset vista", "-preset vista: no such preset; -preset help lists them");
    REFUSED("-preset", "-preset: requires an argument");
    REFUSED("-preset dos -preset xp", "-preset: there can be one");
    REFUSED("-preset dos -foo", "-foo: invalid option");
}
END_TEST

/* What a preset chooses is what the machine has. */
START_TEST(presets_act)
{
    static const struct { const char *line; unsigned mb; } rows[] = {
        { "-preset dos", 16 }, { "-preset dos -m 24", 24 }, { "-m 24 -preset dos", 24 },
        { "-preset win98", 256 },
    };

    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        struct result r;
        parse(&r, rows[k].line);
        struct nb_error e = { 0 };
        struct nb_machine *m = nb_new(r.o.cfg, &e);
        uint64_t end = (uint64_t)rows[k].mb << 20;
        uint8_t in = 0x5a, b[2] = { 0, 0 };
        ck_assert_msg(m != NULL, "%s", e.text);
        nb_mem_write(m, true, end - 1, &in, 1);
        nb_mem_write(m, true, end, &in, 1);
        nb_mem_read(m, true, end - 1, b, 1);
        nb_mem_read(m, true, end, b + 1, 1);
        ck_assert_msg(b[0] == 0x5a && b[1] != 0x5a, "%s: not %u MB", rows[k].line, rows[k].mb);
        nb_free(m);
        opts_free(&r.o);
    }
}
END_TEST

START_TEST(daemons_have_no_terminal)
{
#define PORT "-daemonize: a port wants the terminal (stdio, -nographic); use -display none with " \
             "-serial file:F, unix:PATH or pty"
    REFUSED("-daemonize -nographic", PORT);
    REFUSED("-serial stdio -daemonize", PORT);
    REFUSED("-daemonize -serial mon:stdio", PORT);
    REFUSED("-daemonize -parallel stdio", PORT);
    REFUSED("-daemonize -debugcon stdio", PORT);
    REFUSED("-daemonize -chardev stdio,id=c -serial chardev:c", PORT);
    REFUSED("-daemonize -monitor stdio",
            "-daemonize: the monitor wants the terminal; use -monitor unix:PATH");
    REFUSED("-daemonize -print-screen", "-daemonize: there is no terminal for -print-screen and "
            "-script -");
    REFUSED("-daemonize -script -", "-daemonize: there is no terminal for -print-screen and "
            "-script -");
    REFUSED("-daemonize -d int", "-daemonize: -d needs -D FILE");
    accepted("-daemonize -d int -D log -serial null -monitor none -pidfile p", "");
}
END_TEST

/* Every option of -help with values that nobody means: an answer in one line, or none. */
START_TEST(nonsense)
{
    static const char *const values[] = {
        "", ",", "=", ",,", "a=b,c", "=,=", "%s%n", "-1", "\xff\xfe", "chardev:", "mon:", "unix:",
        "tcp:", "telnet:,", "id=,if=none", "file=,if=floppy", "type=1,uuid=", "guest=,guest=",
        "dos,xp", "isa-debugcon,chardev=", "isa-serial,chardev=,", "nono",
    };
    struct result help;
    parse(&help, "-help");
    char *save = NULL, longer[4096];
    unsigned options = 0;

    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = 0;
    for (char *l = strtok_r(help.out, "\n", &save); l; l = strtok_r(NULL, "\n", &save)) {
        char option[40] = "", value[40] = "";
        if (sscanf(l, "  -%38s %38s", option + 1, value) < 1)
            continue;
        option[0] = '-';
        options++;
        for (unsigned k = 0; k <= sizeof values / sizeof values[0]; k++) {
            const char *v = k < sizeof values / sizeof values[0] ? values[k] : longer;
            char *argv[] = { (char *)"nestbox", option, strdup(v), NULL };
            struct result r = { 0 };
            FILE *out = open_memstream(&r.out, &r.out_len);
            FILE *err = open_memstream(&r.err, &r.err_len);
            r.rc = opts_parse(&r.o, 3, argv, out, err);
            fclose(out);
            fclose(err);
            ck_assert_msg(r.rc >= -1 && r.rc <= 1, "%s %s: %d", option, v, r.rc);
            ck_assert_msg((r.rc == 1) <= (r.err_len > 10), "%s %s: no word", option, v);
            if (r.rc == 1)
                ck_assert_msg(!strncmp(r.err, "nestbox: ", 9) &&
                              strchr(r.err, '\n') == r.err + r.err_len - 1, "%s %s: %s", option, v,
                              r.err);
            opts_free(&r.o);
            free(argv[2]);
            free(r.out);
            free(r.err);
        }
    }
    ck_assert_uint_gt(options, 50);
    opts_free(&help.o);
}
END_TEST

START_TEST(names)
{
    static const struct { const char *given, *name; } rows[] = {
        { "-name box", "box" }, { "-name guest=box,debug-threads=on", "box" },
        { "-name a,,b,process=p", "a,b" }, { "-name a -name b", "b" },
    };

    for (unsigned k = 0; k < sizeof rows / sizeof rows[0]; k++) {
        struct result r;
        parse(&r, rows[k].given);
        ck_assert_int_eq(r.rc, -1);
        ck_assert_str_eq(r.o.name, rows[k].name);
        opts_free(&r.o);
    }
}
END_TEST

START_TEST(expectations_are_limited)
{
    char line[800] = "";

    for (int k = 0; k < OPTS_MAX_EXPECT; k++)
        strcat(line, "-expect-serial x ");
    struct result r;

    parse(&r, line);
    ck_assert_int_eq(r.rc, -1);
    ck_assert_uint_eq(r.o.num_expect, OPTS_MAX_EXPECT);
    opts_free(&r.o);
    strcat(line, "-expect-screen y");
    parse(&r, line);
    ck_assert_int_eq(r.rc, 1);
    opts_free(&r.o);
    parse(&r, "-serial a -serial b -serial c -serial d -serial e");
    ck_assert_int_eq(r.rc, 1);
    opts_free(&r.o);
}
END_TEST

Suite *suite_front_opts(void)
{
    Suite *s = suite_create("front_opts");
    TCase *t = tcase_create("opts");

    tcase_add_test(t, mistakes_are_one_line);
    tcase_add_test(t, library_errors_pass_through);
    tcase_add_test(t, values_arrive);
    tcase_add_test(t, bare_word_is_the_boot_disk);
    tcase_add_test(t, display_accepts_properties);
    tcase_add_test(t, help_is_an_answer);
    tcase_add_test(t, help_fits_two_screens);
    tcase_add_test(t, kvm_is_a_warning);
    tcase_add_test(t, chardevs);
    tcase_add_test(t, options_of_qemu);
    tcase_add_test(t, monitors);
    tcase_add_test(t, presets);
    tcase_add_test(t, presets_act);
    tcase_add_test(t, daemons_have_no_terminal);
    tcase_add_test(t, nonsense);
    tcase_add_test(t, names);
    tcase_add_test(t, expectations_are_limited);
    suite_add_tcase(s, t);
    return s;
}
