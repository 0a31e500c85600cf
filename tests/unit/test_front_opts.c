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

/* Words separated by blanks. */
static struct result parse(const char *line)
{
    struct result r = { 0 };
    char *copy = strdup(line), *argv[40] = { (char *)"nestbox" }, *save = NULL;
    int argc = 1;

    for (char *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
        argv[argc++] = w;
    FILE *out = open_memstream(&r.out, &r.out_len), *err = open_memstream(&r.err, &r.err_len);
    r.rc = opts_parse(&r.o, argc, argv, out, err);
    fclose(out);
    fclose(err);
    return r; /* copy stays: the options point into it */
}

#define REFUSED(line, text) do { \
    struct result r_ = parse(line); \
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
    REFUSED("-monitor vc", "-monitor vc: use stdio, none, unix:PATH or tcp:127.0.0.1:PORT");
    REFUSED("-gdb /dev/ttyS0", "-gdb /dev/ttyS0: use none, unix:PATH or tcp:127.0.0.1:PORT");
    REFUSED("-net user", "-net: this machine has no network card yet");
}
END_TEST

START_TEST(library_errors_pass_through)
{
    static const char *const lines[] = { "-m 0", "-m 9T", "-m -1", "-m 64Q", "-boot z",
                                         "-drive file=a,bus=1", "-rtc base=noon", "-smp 2",
                                         "-machine q35", "-device e1000", "-stop-at x",
                                         "-clock fast", "-speed 0", "-d everything" };

    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        struct result r = parse(lines[k]);
        ck_assert_msg(r.rc == 1, "%s: rc %d", lines[k], r.rc);
        ck_assert_msg(!strncmp(r.err, "nestbox: -", 10), "%s: %s", lines[k], r.err);
        ck_assert_msg(strchr(r.err, '\n') == r.err + r.err_len - 1, "%s: %s", lines[k], r.err);
        opts_free(&r.o);
    }
}
END_TEST

START_TEST(values_arrive)
{
    struct result r = parse("-m 64M --hda disk.img -S -s -name box -D log -nographic -snapshot "
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
    struct result r = parse("-m 64 disk.img -display none");

    ck_assert_int_eq(r.rc, -1);
    ck_assert_int_eq(r.o.boot_arg, 3);
    ck_assert(r.o.has_boot);
    ck_assert_int_eq(r.o.display, DISPLAY_NONE);
    opts_free(&r.o);
    r = parse("disk.img -hda other.img"); /* both are the first disk */
    ck_assert_int_eq(r.rc, 1);
    opts_free(&r.o);
    r = parse("-append quiet"); /* an option's argument is no disk */
    ck_assert_int_eq(r.rc, -1);
    ck_assert(!r.o.has_boot);
    opts_free(&r.o);
}
END_TEST

START_TEST(display_accepts_properties)
{
    struct result r = parse("-display none,gl=off");

    ck_assert_int_eq(r.rc, -1);
    ck_assert_int_eq(r.o.display, DISPLAY_NONE);
    opts_free(&r.o);
    r = parse("-display nonesuch");
    ck_assert_int_eq(r.rc, 1);
    opts_free(&r.o);
}
END_TEST

START_TEST(help_is_an_answer)
{
    static const char *const lines[] = { "-help", "-h", "--help", "-version", "-cpu help",
                                         "-machine help", "-device help", "-vga help", "-d help",
                                         "-serial help", "-clock help", "-display help",
                                         "-monitor help" };

    for (size_t k = 0; k < sizeof lines / sizeof lines[0]; k++) {
        struct result r = parse(lines[k]);
        ck_assert_msg(r.rc == 0, "%s: rc %d, %s", lines[k], r.rc, r.err);
        ck_assert_msg(r.out_len > 4 && r.out[r.out_len - 1] == '\n', "%s: %s", lines[k], r.out);
        ck_assert_str_eq(r.err, "");
        opts_free(&r.o);
    }
}
END_TEST

START_TEST(help_fits_two_screens)
{
    struct result r = parse("-help");
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
    struct result r = parse("-enable-kvm -m 64");

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
        struct result r = parse(line);
        ck_assert_msg(r.rc == -1, "%s: %s", line, r.err);
        ck_assert_uint_eq(r.o.num_serial, 2);
        ck_assert_str_eq(r.o.serial[1], good[k].spec);
        opts_free(&r.o);
    }
    struct result r = parse("-chardev stdio,mux=on,id=c -serial chardev:c "
                            "-mon chardev=c,mode=readline");
    ck_assert_int_eq(r.rc, -1);
    ck_assert_str_eq(r.o.serial[0], "mon:stdio");
    ck_assert_ptr_null(r.o.monitor);
    opts_free(&r.o);
    r = parse("-chardev socket,path=m,server=on,wait=off,id=c -chardev null,id=d -chardev pty,id=e "
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
    REFUSED("-usbdevice tablet", "-usbdevice: there are no USB devices yet");
}
END_TEST

START_TEST(expectations_are_limited)
{
    char line[800] = "";

    for (int k = 0; k < OPTS_MAX_EXPECT; k++)
        strcat(line, "-expect-serial x ");
    struct result r = parse(line);
    ck_assert_int_eq(r.rc, -1);
    ck_assert_uint_eq(r.o.num_expect, OPTS_MAX_EXPECT);
    opts_free(&r.o);
    strcat(line, "-expect-screen y");
    r = parse(line);
    ck_assert_int_eq(r.rc, 1);
    opts_free(&r.o);
    r = parse("-serial a -serial b -serial c -serial d -serial e");
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
    tcase_add_test(t, expectations_are_limited);
    suite_add_tcase(s, t);
    return s;
}
