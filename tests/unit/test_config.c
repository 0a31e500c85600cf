/* SPDX-License-Identifier: MIT */
/* Every key of nb_config_set(): what it accepts, what it makes of it, and the one line it refuses with. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cpu/state.h"
#include "machine/config.h"
#include "machine/machine.h"
#include "machine/options.h"
#include "tests/unit/machine_rig.h"

/* ---- option strings */

START_TEST(options_split)
{
    struct options o;
    struct err e = { 0 };

    ck_assert(options_parse(&o, "a,,b,if=x=y,,,snapshot,nofoo,no", "file", &e));
    ck_assert_uint_eq(o.n, 5);
    ck_assert_str_eq(o.key[0], "file");
    ck_assert_str_eq(o.value[0], "a,b");
    ck_assert_str_eq(o.key[1], "if");
    ck_assert_str_eq(o.value[1], "x=y,");
    ck_assert_str_eq(o.key[2], "snapshot");
    ck_assert_str_eq(o.value[2], "on");
    ck_assert_str_eq(o.key[3], "foo");
    ck_assert_str_eq(o.value[3], "off");
    ck_assert_str_eq(o.key[4], "no");
    options_free(&o);

    ck_assert(options_parse(&o, "", "file", &e));
    ck_assert_uint_eq(o.n, 0);
    options_free(&o);
    ck_assert(options_parse(&o, ",,", "file", &e));
    ck_assert_uint_eq(o.n, 1);
    ck_assert_str_eq(o.value[0], ",");
    options_free(&o);
    ck_assert(options_parse(&o, ",,,", "file", &e));
    ck_assert_str_eq(o.value[0], ",");
    options_free(&o);
    ck_assert(options_parse(&o, "k=", NULL, &e));
    ck_assert_str_eq(o.value[0], "");
    options_free(&o);

    char many[OPTIONS_MAX * 4 + 8] = "";
    for (unsigned k = 0; k < OPTIONS_MAX; k++)
        strcat(many, "a=b,");
    ck_assert(options_parse(&o, many, NULL, &e));
    ck_assert_uint_eq(o.n, OPTIONS_MAX);
    options_free(&o);
    strcat(many, "a=b");
    ck_assert(!options_parse(&o, many, NULL, &e));
    ck_assert_str_eq(e.msg, "more than 24 properties");
}
END_TEST

START_TEST(numbers)
{
    static const struct { const char *text; bool ok; u64 n; } rows[] = {
        { "0", true, 0 }, { "10", true, 10 }, { "010", true, 10 }, { "0x10", true, 16 },
        { "0XfF", true, 255 }, { "18446744073709551615", true, UINT64_MAX },
        { "0xffffffffffffffff", true, UINT64_MAX }, { "18446744073709551616", false, 0 },
        { "0x10000000000000000", false, 0 }, { "99999999999999999999999", false, 0 },
        { "", false, 0 }, { "0x", false, 0 }, { "-1", false, 0 }, { "+1", false, 0 },
        { " 1", false, 0 }, { "1 ", false, 0 }, { "1a", false, 0 }, { "a", false, 0 },
        { "1.5", false, 0 }, { "0x1g", false, 0 },
    };

    for (unsigned k = 0; k < ARRAY_LEN(rows); k++) {
        u64 n = 0;
        ck_assert_msg(options_number(rows[k].text, &n) == rows[k].ok, "\"%s\"", rows[k].text);
        if (rows[k].ok)
            ck_assert_uint_eq(n, rows[k].n);
    }
}
END_TEST

START_TEST(sizes)
{
    static const struct { const char *text; bool ok; u64 n; } rows[] = {
        { "16", true, 16ull << 20 }, { "1.5", true, 3ull << 19 }, { "512M", true, 512ull << 20 },
        { "512m", true, 512ull << 20 }, { "2G", true, 2ull << 30 }, { "1.5G", true, 3ull << 29 },
        { "640K", true, 640ull << 10 }, { "1T", true, 1ull << 40 }, { "4MB", true, 4ull << 20 },
        { "", false, 0 }, { "M", false, 0 }, { "-1", false, 0 }, { "+1", false, 0 },
        { "1X", false, 0 }, { "1MM", false, 0 }, { "nan", false, 0 }, { "inf", false, 0 },
        { "1e30", false, 0 }, { "9999999999G", false, 0 }, { "1M ", false, 0 },
    };

    for (unsigned k = 0; k < ARRAY_LEN(rows); k++) {
        u64 n = 0;
        ck_assert_msg(config_size(rows[k].text, 1 << 20, &n) == rows[k].ok, "\"%s\"",
                      rows[k].text);
        if (rows[k].ok)
            ck_assert_uint_eq(n, rows[k].n);
    }
}
END_TEST

/* ---- what is refused, word for word */

static const struct { const char *key, *value; int code; const char *text; } refusals[] = {
    { "m", "lots", 1, "-m lots: not a size; use for example 512M or 1G" },
    { "m", "0", 1, "-m 0: use 1M to 3584M" },
    { "m", "640K", 1, "-m 640K: use 1M to 3584M" },
    { "m", "3585", 1, "-m 3585: use 1M to 3584M" },
    { "m", "4G", 1, "-m 4G: use 1M to 3584M" },
    { "m", "1.5M", 1, "-m 1.5M: use whole megabytes" },
    { "machine", "q35", 1, "-machine q35: no such machine; -machine help lists them" },
    { "engine", "jit9", 1, "-engine jit9: there are jit, interp and check" },
    { "accel", "kvm", 1, "-accel kvm: there are jit, interp and check" },
    { "drive", "file=x,if=scsi", 1, "-drive: if=scsi: use ide, floppy or none" },
    { "drive", "file=x,index=4", 1, "-drive: index=4: use 0 to 3" },
    { "drive", "file=x,index=two", 1, "-drive: index=two: use 0 to 3" },
    { "drive", "file=x,if=floppy,index=2", 1,
      "-drive: drive index 2: the floppy controller has 2 (0 to 1)" },
    { "drive", "file=x,media=tape", 1, "-drive: media=tape: use disk or cdrom" },
    { "drive", "file=x,media=cdrom,if=floppy", 1,
      "-drive: media=cdrom: the floppy controller has no CD-ROM; use if=ide" },
    { "drive", "file=x,format=qcow2", 1, "-drive: format=qcow2: only raw images are supported; "
      "convert it with \"qemu-img convert -O raw\"" },
    { "drive", "file=x,snapshot=maybe", 1, "-drive: snapshot=maybe: use on or off" },
    { "drive", "file=x,readonly=2", 1, "-drive: readonly=2: use on or off" },
    { "drive", "file=x,werror=panic", 1,
      "-drive: werror=panic: use enospc, report, ignore or stop" },
    { "drive", "file=x,rerror=enospc", 1, "-drive: rerror=enospc: use report, ignore or stop" },
    { "drive", "file=x,cache=writethru", 1,
      "-drive: cache=writethru: use writeback, none, writethrough, directsync or unsafe" },
    { "drive", "file=x,discard=yes", 1, "-drive: discard=yes: use unmap, on, ignore or off" },
    { "drive", "file=x,aio=posix", 1, "-drive: aio=posix: use threads, native or io_uring" },
    { "drive", "file=x,colour=red", 1, "-drive: unknown property colour" },
    { "snapshot", "x", 1, "snapshot=x: use on or off" },
    { "boot", "xyz", 1, "-boot xyz: use letters of a (floppy), c (disk), d (CD-ROM), n (network)" },
    { "boot", "acdna", 1,
      "-boot acdna: use letters of a (floppy), c (disk), d (CD-ROM), n (network)" },
    { "boot", "menu=yep", 1, "menu=yep: use on or off" },
    { "boot", "when=now", 1, "-boot: unknown property when" },
    { "device", "e1000", 1, "-device e1000: there is no network card yet; leave it out" },
    { "device", "usb-tablet,id=t", 1, "-device usb-tablet,id=t: there are no USB devices yet; keyboard "
      "and PS/2 mouse are always there" },
    { "device", "AC97", 1, "-device AC97: there is no sound card yet; leave it out" },
    { "device", "virtio-blk-pci,drive=d", 1, "-device virtio-blk-pci,drive=d: there are no virtio "
      "devices; use ide-hd, ide-cd or floppy" },
    { "device", "virtio-net-pci", 1, "-device virtio-net-pci: there is no network card yet; leave it "
      "out" },
    { "device", "toaster", 1, "-device toaster: no such device; -device help lists them" },
    { "device", "ide-hd", 1, "-device ide-hd: drive=ID is missing: the id= of a -drive with if=none" },
    { "device", "ide-hd,drive=a,bus=ide.2", 1, "-device ide-hd: bus=ide.2: use ide.0 or ide.1" },
    { "device", "ide-cd,drive=a,bus=scsi.0", 1, "-device ide-cd: bus=scsi.0: use ide.0 or ide.1" },
    { "device", "ide-hd,drive=a,unit=2", 1, "-device ide-hd: unit=2: use 0 to 1" },
    { "device", "ide-hd,drive=a,bootindex=1", 1, "-device ide-hd: bootindex=1: use -boot order=" },
    { "device", "floppy,drive=a,serial=x", 1, "-device floppy: unknown property serial" },
    { "device", "isa-debugcon,iobase=0x10000", 1,
      "-device isa-debugcon: iobase=0x10000 is unknown or out of range" },
    { "device", "isa-debugcon,colour=1", 1,
      "-device isa-debugcon: colour=1 is unknown or out of range" },
    { "drive", "file=x,bus=2", 1, "-drive: bus=2: use 0 to 1" },
    { "drive", "file=x,unit=2", 1, "-drive: unit=2: use 0 to 1" },
    { "drive", "file=x,index=1,unit=1", 1, "-drive: index= and bus= or unit= exclude each other" },
    { "drive", "file=x,if=floppy,bus=1", 1, "-drive: bus=1: there is one floppy controller" },
    { "drive", "file=x,if=none", 1, "-drive: if=none needs id=ID, for -device ide-hd,drive=ID" },
    { "drive", "file=x,id=", 1, "-drive: id=: a name is missing" },
    { "drive", "file=x,file.locking=off", 1, "-drive: file.locking=off: a writer always locks its "
      "image; snapshot=on and readonly=on share it" },
    { "drive", "fat:rw:folder", 1, "-drive: fat:rw:folder: there is no \"fat:\" here; make an image "
      "file (a file of this name is ./fat:rw:folder)" },
    { "hda", "nbd:localhost:10809", 1, "-hda: nbd:localhost:10809: there is no \"nbd:\" here; make an "
      "image file (a file of this name is ./nbd:localhost:10809)" },
    { "m", "512,max=1", 1, "-m: unknown property max" },
    { "m", "512,maxmem=much", 1, "-m maxmem=much: not a size" },
    { "m", "512,slots=-1", 1, "-m slots=-1: not a number" },
    { "machine", "pc,colour=red", 1, "-machine: unknown property colour" },
    { "machine", "isapc", 1, "-machine isapc: no such machine; -machine help lists them" },
    { "machine", "pc-q35-7.0", 1, "-machine pc-q35-7.0: no such machine; -machine help lists them" },
    { "engine", "interp,tlb=big", 1, "-engine tlb=big: use coherent or normal" },
    { "engine", "jit,views=some", 1, "-engine views=some: use on or off" },
    { "engine", "jit,views=1000000001", 1,
      "-engine views=1000000001: use on, off or 0 to 1000000000" },
    { "engine", "interp,speed=9", 1, "-engine: unknown property speed" },
    { "boot", "splash-time=65536", 1, "-boot splash-time=65536: use milliseconds, 0 to 65535" },
    { "boot", "menu=on,splash-time=-2", 1, "-boot splash-time=-2: use milliseconds, 0 to 65535" },
    { "boot", "reboot-timeout=4294967296", 1,
      "-boot reboot-timeout=4294967296: use milliseconds, 0 to 4294967295" },
    { "boot", "splash=a.bmp", 1, "-boot splash=a.bmp: there are no boot pictures; leave it out" },
    { "name", "guest=a,colour=red", 1, "-name: unknown property colour" },
    { "device", "", 1, "-device : no such device; -device help lists them" },
    { "device", "isa-debug-exit,iobase=zero", 1,
      "-device isa-debug-exit: iobase=zero is no number" },
    { "device", "isa-debug-exit,iobase=0xfffd", 1,
      "-device isa-debug-exit: iobase=0xfffd is unknown or out of range" },
    { "device", "isa-debug-exit,iosize=5", 1,
      "-device isa-debug-exit: iosize=5 is unknown or out of range" },
    { "device", "VGA,vgamem_mb=0", 1, "-device VGA: vgamem_mb=0: use a number from 1 to 256" },
    { "device", "VGA,vgamem_mb=24", 1, "-device VGA: vgamem_mb=24: use a power of two from 1 to 256" },
    { "device", "VGA,xres=639", 1, "-device VGA: xres=639: use a number from 640 to 2560" },
    { "device", "VGA,yres=1601", 1, "-device VGA: yres=1601: use a number from 480 to 1600" },
    { "device", "VGA,xres=wide", 1, "-device VGA: xres=wide: use a number from 640 to 2560" },
    { "device", "VGA,edid=maybe", 1, "-device VGA: edid=maybe: use on or off" },
    { "device", "VGA,colour=1", 1, "-device VGA: no property colour; there are vgamem_mb, xres, yres "
      "and edid" },
    { "device", "isa-debug-exit,colour=1", 1,
      "-device isa-debug-exit: colour=1 is unknown or out of range" },
    { "rtc", "base=tomorrow", 1, "-rtc base=tomorrow: use utc, localtime or "
      "YYYY-MM-DDTHH:MM:SS (1980 to 2099)" },
    { "rtc", "2001-13-01", 1, "-rtc base=2001-13-01: use utc, localtime or "
      "YYYY-MM-DDTHH:MM:SS (1980 to 2099)" },
    { "rtc", "1979-12-31", 1, "-rtc base=1979-12-31: use utc, localtime or "
      "YYYY-MM-DDTHH:MM:SS (1980 to 2099)" },
    { "rtc", "2001-02-30", 1, "-rtc base=2001-02-30: use utc, localtime or "
      "YYYY-MM-DDTHH:MM:SS (1980 to 2099)" },
    { "rtc", "2001-01-01T24:00:00", 1, "-rtc base=2001-01-01T24:00:00: use utc, localtime or "
      "YYYY-MM-DDTHH:MM:SS (1980 to 2099)" },
    { "rtc", "clock=sun", 1, "-rtc clock=sun: use host, rt or vm" },
    { "rtc", "speed=2", 1, "-rtc: unknown property speed" },
    { "vga", "cirrus", 1, "-vga cirrus: use std or none" },
    { "clock", "sundial", 1, "-clock sundial: use real or counted[,ns=1..1000]" },
    { "clock", "counted,ns=0", 1, "-clock counted,ns=0: use real or counted[,ns=1..1000]" },
    { "clock", "counted,ns=1001", 1, "-clock counted,ns=1001: use real or counted[,ns=1..1000]" },
    { "speed", "0", 1, "-speed 0: millions of instructions a second, 0.01 to 1000" },
    { "speed", "nan", 1, "-speed nan: millions of instructions a second, 0.01 to 1000" },
    { "speed", "10 MIPS", 1, "-speed 10 MIPS: millions of instructions a second, 0.01 to 1000" },
    { "seed", "x", 1, "-seed x: not a number" },
    { "stop-at", "18446744073709551616", 1, "-stop-at 18446744073709551616: not a number" },
    { "no-reboot", "perhaps", 1, "no-reboot=perhaps: use on or off" },
    { "no-shutdown", "perhaps", 1, "no-shutdown=perhaps: use on or off" },
    { "perfmap", "perhaps", 1, "perfmap=perhaps: use on or off" },
    { "d", "int,everything", 1, "-d everything: no such item; -d help lists them" },
#define UUID_FORM ": use the form 550e8400-e29b-41d4-a716-446655440000"
    { "uuid", "", 1, "-uuid " UUID_FORM },
    { "uuid", "00112233", 1, "-uuid 00112233" UUID_FORM },
    { "uuid", "00112233445566778899aabbccddeeff", 1,
      "-uuid 00112233445566778899aabbccddeeff" UUID_FORM },
    { "uuid", "00112233-4455-6677-8899-aabbccddeef", 1,
      "-uuid 00112233-4455-6677-8899-aabbccddeef" UUID_FORM },
    { "uuid", "00112233-4455-6677-8899-aabbccddeeff0", 1,
      "-uuid 00112233-4455-6677-8899-aabbccddeeff0" UUID_FORM },
    { "uuid", "g0112233-4455-6677-8899-aabbccddeeff", 1,
      "-uuid g0112233-4455-6677-8899-aabbccddeeff" UUID_FORM },
    { "smp", "2", 1, "-smp 2: the machine has one processor" },
    { "smp", "0", 1, "-smp 0: the machine has one processor" },
    { "smp", "1,maxcpus=2", 1, "-smp 1,maxcpus=2: the machine has one processor" },
    { "smp", "cores=2", 1, "-smp cores=2: the machine has one processor" },
    { "smp", "one", 1, "-smp one: not a number" },
    { "smp", "1,colour=1", 1, "-smp: unknown property colour" },
    { "frobnicate", "on", 1, "frobnicate: no such setting" },
    { "", "", 1, ": no such setting" },
};

START_TEST(refused)
{
    struct nb_config *cfg = nb_config_new();
    struct nb_error e = { 0 };

    ck_assert_msg(!nb_config_set(cfg, refusals[_i].key, refusals[_i].value, &e), "%s=%s was taken",
                  refusals[_i].key, refusals[_i].value);
    ck_assert_int_eq(e.code, refusals[_i].code);
    ck_assert_str_eq(e.text, refusals[_i].text);
    nb_config_free(cfg);
}
END_TEST

/* Nothing overflows, whatever is given. */
START_TEST(long_values)
{
    static const char *const keys[] = {
        "m", "cpu", "machine", "accel", "engine", "drive", "hda", "fda", "cdrom", "snapshot", "boot",
        "kernel", "initrd", "append", "bios", "vgabios", "L", "serial", "parallel", "debugcon",
        "device", "rtc", "vga", "clock", "speed", "seed", "name", "uuid", "no-reboot",
        "no-shutdown", "perfmap", "d", "stop-at", "loadvm", "smp",
    };
    struct nb_config *cfg = nb_config_new();
    char *v = malloc(70001);

    for (unsigned k = 0; k < ARRAY_LEN(keys); k++)
        for (unsigned c = 0; c < 4; c++) {
            struct nb_error e = { 0 };
            memset(v, "a,1="[c], 70000);
            v[70000] = 0;
            if (!nb_config_set(cfg, keys[k], v, &e)) {
                ck_assert_uint_gt(strlen(e.text), 5);
                ck_assert_int_eq(e.code, 1);
            }
        }
    free(v);
    nb_config_free(cfg);
}
END_TEST

/* "help" lists fit in an error's text, to the last line. */
START_TEST(help)
{
    static const struct { const char *key, *first, *last; } rows[] = {
        { "machine", "pc ", "(default)" }, { "device", "isa-debug-exit", "edid (on)" },
        { "vga", "std ", "none" }, { "d", "guest_errors", "(counted clock)" },
        { "clock", "real ", "every time" }, { "cpu", "CPU models", " nx" },
    };

    for (unsigned k = 0; k < ARRAY_LEN(rows); k++) {
        struct nb_config *cfg = nb_config_new();
        struct nb_error e = { .code = 9 };
        ck_assert(!nb_config_set(cfg, rows[k].key, "help", &e));
        ck_assert_int_eq(e.code, 0);
        ck_assert_msg(strstr(e.text, rows[k].first) == e.text, "%s", e.text);
        size_t n = strlen(e.text), l = strlen(rows[k].last);
        while (n && e.text[n - 1] == '\n')
            n--;
        ck_assert_msg(n >= l && !strncmp(e.text + n - l, rows[k].last, l), "%s: %s", rows[k].key,
                      e.text);
        ck_assert_uint_gt(n, 5);
        ck_assert_msg(strlen(e.text) < sizeof e.text - 1, "the list of -%s is cut off", rows[k].key);
        nb_config_free(cfg);
    }
}
END_TEST

/* ---- what is taken */

static struct config *given(const char *const *pairs)
{
    struct config *c = config_new();
    struct err e = { 0 };

    for (; *pairs; pairs += 2)
        ck_assert_msg(config_set(c, pairs[0], pairs[1], &e), "%s=%s: %s", pairs[0], pairs[1],
                      e.msg);
    /* a copy owns all its texts */
    struct config *copy = config_copy(c);
    config_free(c);
    return copy;
}
#define GIVEN(...) given((const char *const[]){ __VA_ARGS__, NULL })

START_TEST(defaults)
{
    struct config *c = config_new();

    ck_assert_uint_eq(c->ram_mb, 512);
    ck_assert_str_eq(c->board, "pc");
    ck_assert_int_eq(c->clock, CLOCK_REAL);
    ck_assert_uint_eq(c->ns_per_insn, 1);
    ck_assert_uint_eq(c->stop_at, UINT64_MAX);
    ck_assert(!c->testexit && !c->no_reboot && !c->snapshot_all && !c->boot_menu && !c->no_vga);
    config_free(c);
}
END_TEST

START_TEST(values)
{
    struct config *c = GIVEN("m", "16", "cpu", "486,+fpu", "machine", "pc,usb=off", "accel", "tcg",
                             "engine", "interp", "boot", "order=da,once=c,menu=on,strict=on",
                             "kernel", "k,ernel", "initrd", "i", "append", "a=b,c", "bios", "b",
                             "vgabios", "v", "L", "/one", "L", "/two", "serial", "null", "debugcon",
                             "file:x", "device", "isa-debug-exit,iobase=0x501,iosize=2", "rtc",
                             "base=1999-12-31T23:59:58", "vga", "none", "clock", "counted,ns=7",
                             "seed", "0xdead", "stop-at", "12345", "name", "n", "uuid",
                             "00112233-4455-6677-8899-AABBCCDDeeff",
                             "no-reboot", "on", "no-shutdown", "yes", "d", "int,hash,unimp",
                             "loadvm", "l", "snapshot", "on", "smp", "1", "parallel", "none");

    ck_assert_uint_eq(c->ram_mb, 16);
    ck_assert_str_eq(c->cpu, "486,+fpu");
    ck_assert_str_eq(c->boot_order, "da");
    ck_assert_str_eq(c->boot_once, "c");
    ck_assert(c->boot_menu);
    ck_assert_str_eq(c->kernel, "k,ernel");
    ck_assert_str_eq(c->initrd, "i");
    ck_assert_str_eq(c->append, "a=b,c");
    ck_assert_str_eq(c->bios, "b");
    ck_assert_str_eq(c->vgabios, "v");
    ck_assert_uint_eq(c->num_paths, 2);
    ck_assert_str_eq(c->paths[1], "/two");
    ck_assert_uint_eq(c->num_serial, 1);
    ck_assert_str_eq(c->debugcon, "file:x");
    ck_assert(c->testexit);
    ck_assert_uint_eq(c->testexit_base, 0x501);
    ck_assert_uint_eq(c->testexit_size, 2);
    ck_assert(c->rtc_fixed && !c->rtc_local);
    ck_assert_int_eq(c->rtc_date, 946684798);
    ck_assert(c->no_vga);
    ck_assert_int_eq(c->clock, CLOCK_COUNTED);
    ck_assert_uint_eq(c->ns_per_insn, 7);
    ck_assert_uint_eq(c->seed, 0xdead);
    ck_assert(c->has_uuid);
    for (unsigned k = 0; k < 16; k++)
        ck_assert_uint_eq(c->uuid[k], k * 0x11);
    ck_assert_uint_eq(c->stop_at, 12345);
    ck_assert(c->no_reboot && c->no_shutdown && c->hash && c->snapshot_all);
    ck_assert_uint_eq(c->log_mask, BIT(LOG_INT) | BIT(LOG_UNIMP));
    ck_assert_str_eq(c->loadvm, "l");
    config_free(c);

    c = GIVEN("speed", "2.5", "rtc", "2000-02-29", "m", "size=3584M", "d", "none");
    ck_assert_int_eq(c->clock, CLOCK_PACED);
    ck_assert_uint_eq(c->ns_per_insn, 400);
    ck_assert_int_eq(c->rtc_date, 951782400);
    ck_assert_uint_eq(c->ram_mb, 3584);
    ck_assert_uint_eq(c->log_mask, 0);
    config_free(c);
    c = GIVEN("rtc", "base=localtime,clock=host", "boot", "n", "boot", "menu=off");
    ck_assert(c->rtc_local && !c->rtc_fixed);
    ck_assert_str_eq(c->boot_order, "n");
    config_free(c);
}
END_TEST

/* The forms of command lines that were written for QEMU. */
START_TEST(forms)
{
    static const char *const boards[] = { "pc", "type=pc,accel=kvm,pcspk-audiodev=a", "accel=tcg",
                                          "pc-i440fx-7.2,hpet=off", "pc-1.0", "pc-i440fx",
                                          "pc,usb=off,vmport=off,acpi=off,kernel_irqchip=on" };

    for (unsigned k = 0; k < ARRAY_LEN(boards); k++)
        config_free(GIVEN("machine", boards[k]));
    struct config *c = GIVEN("smp", "1,sockets=1,cores=1,threads=1", "smp", "cpus=1", "m",
                             "size=64M,slots=2,maxmem=1G", "name", "guest=a,,b,debug-threads=on",
                             "engine", "tcg,thread=single,tlb=coherent", "device",
                             "isa-debugcon,iobase=0x402", "boot", "splash-time=100,reboot-timeout=0",
                             "device", "VGA");
    ck_assert_uint_eq(c->ram_mb, 64);
    ck_assert_str_eq(c->name, "a,b");
    ck_assert(c->tlb_coherent);
    ck_assert_uint_eq(c->debugcon_base, 0x402);
    ck_assert_int_eq(c->boot_menu_ms, 100);
    ck_assert_int_eq(c->boot_retry_ms, 0);
    config_free(c);
    c = GIVEN("engine", "interp,tlb=coherent", "accel", "tcg");
    ck_assert(c->tlb_coherent && c->jit == HAVE_JIT);
    ck_assert(c->boot_menu_ms == -1 && c->debugcon_base == 0xe9);
    config_free(c);
    c = GIVEN("engine", "interp,tlb=coherent", "accel", "tcg,tlb=normal");
    ck_assert(!c->tlb_coherent);
    config_free(c);
    c = GIVEN("engine", "interp", "engine", "tlb=coherent");
    ck_assert(c->tlb_coherent && !c->jit);
    config_free(c);
    c = GIVEN("engine", "jit", "m", "1");
    ck_assert(c->jit && c->views == HAVE_JIT && c->views_hot > 0);
    config_free(c);
    c = GIVEN("engine", "jit,views=off", "m", "1");
    ck_assert(!c->views);
    config_free(c);
    c = GIVEN("engine", "jit,views=0", "m", "1");
    ck_assert(c->views && c->views_hot == 0);
    config_free(c);
}
END_TEST

/* What is said of the engine reaches the processor. */
START_TEST(coherent_tlb)
{
    for (int on = 0; on < 2; on++) {
        struct nb_config *cfg = nb_config_new();
        struct nb_error e = { 0 };
        ck_assert(nb_config_set(cfg, "m", "1", &e));
        ck_assert(!on || nb_config_set(cfg, "engine", "interp,tlb=coherent", &e));
        struct nb_machine *m = nb_new(cfg, &e);
        ck_assert_msg(m != NULL, "%s", e.text);
        ck_assert_int_eq(m->cpu->tlb_coherent, on);
        nb_free(m);
        nb_config_free(cfg);
    }
}
END_TEST

/* bus and unit, and drives that a -device places, in whichever order. */
START_TEST(plugged_drives)
{
    struct config *c = GIVEN("device", "ide-cd,drive=cd,bus=ide.1,unit=1,id=x", "device",
                             "ide-hd,drive=free,serial=NEW", "drive",
                             "file=a,if=none,id=hd,serial=S", "drive", "file=b,if=none,id=cd",
                             "drive", "c,if=none,id=free,serial=OLD", "device",
                             "ide-hd,drive=hd,bus=ide.1", "drive", "d,bus=0,unit=0", "drive",
                             "e,if=floppy,unit=1", "drive", "if=none,id=fd,file=f", "device",
                             "floppy,drive=fd");
    static const struct { enum drive_if iface; unsigned index; bool cd; const char *file, *serial; }
        want[] = {
            { DRIVE_IDE, 2, false, "a", "S" }, { DRIVE_IDE, 3, true, "b", NULL },
            { DRIVE_IDE, 1, false, "c", "NEW" }, { DRIVE_IDE, 0, false, "d", NULL },
            { DRIVE_FLOPPY, 1, false, "e", NULL }, { DRIVE_FLOPPY, 0, false, "f", NULL },
        };
    struct err e = { 0 };

    ck_assert_uint_eq(c->num_drives, ARRAY_LEN(want));
    ck_assert_msg(config_attach(c, &e), "%s", e.msg);
    for (unsigned k = 0; k < ARRAY_LEN(want); k++) {
        const struct drive_config *d = &c->drives[k];
        ck_assert_int_eq(d->iface, want[k].iface);
        ck_assert_msg(d->index == want[k].index, "drive %u has index %u", k, d->index);
        ck_assert(d->cdrom == want[k].cd && d->read_only == want[k].cd);
        ck_assert_str_eq(d->file, want[k].file);
        ck_assert_pstr_eq(d->serial, want[k].serial);
    }
    config_free(c);

    /* a bus alone: its first unit that is free */
    c = GIVEN("drive", "a,bus=1", "drive", "b,bus=1", "drive", "c,unit=1", "drive",
              "d,if=none,id=d", "device", "ide-hd,drive=d,bus=ide.0");
    ck_assert(config_attach(c, &e));
    ck_assert_uint_eq(c->drives[0].index, 2);
    ck_assert_uint_eq(c->drives[1].index, 3);
    ck_assert_uint_eq(c->drives[2].index, 1);
    ck_assert_uint_eq(c->drives[3].index, 0);
    config_free(c);

    static const struct { const char *drive, *device, *text; } bad[] = {
        { "a,if=none,id=x", NULL,
          "-drive id=x: if=none needs -device ide-hd,drive=x (or ide-cd, floppy)" },
        { "a,if=none,id=x", "ide-hd,drive=y",
          "-device ide-hd: drive=y: there is no -drive with this id" },
        { "a,id=x", "ide-cd,drive=x", "-device ide-cd: drive=x has its place already; use if=none" },
        { "a,if=none,id=x", "ide-hd,drive=x,bus=ide.0,unit=1",
          "-device ide-hd: IDE drive 1 is given twice" },
    };
    for (unsigned k = 0; k < ARRAY_LEN(bad); k++) {
        c = GIVEN("hdb", "b", "drive", bad[k].drive);
        e = (struct err){ 0 };
        ck_assert(!bad[k].device || config_set(c, "device", bad[k].device, &e));
        ck_assert(!config_attach(c, &e));
        ck_assert_str_eq(e.msg, bad[k].text);
        ck_assert_int_eq(e.code, ERR_CONFIG);
        config_free(c);
    }
    c = GIVEN("drive", "a,if=none,id=x");
    e = (struct err){ 0 };
    ck_assert(!config_set(c, "drive", "b,id=x", &e));
    ck_assert_str_eq(e.msg, "-drive: id=x is given twice");
    config_free(c);
}
END_TEST

START_TEST(drives)
{
    struct config *c = GIVEN("drive", "file=a,,b.img,snapshot=on,serial=SN 1", "drive",
                             "c.img,if=floppy,readonly=on", "cdrom", "d.iso", "hdd", "e",
                             "drive", "file=,if=floppy", "drive", "f,index=1,werror=stop,rerror=ignore");

    ck_assert_uint_eq(c->num_drives, 6);
    static const struct { enum drive_if iface; unsigned index; bool cd, ro, snap; const char *file; }
        want[] = {
            { DRIVE_IDE, 0, false, false, true, "a,b.img" },
            { DRIVE_FLOPPY, 0, false, true, false, "c.img" },
            { DRIVE_IDE, 2, true, true, false, "d.iso" },
            { DRIVE_IDE, 3, false, false, false, "e" },
            { DRIVE_FLOPPY, 1, false, false, false, NULL },
            { DRIVE_IDE, 1, false, false, false, "f" },
        };
    for (unsigned k = 0; k < ARRAY_LEN(want); k++) {
        const struct drive_config *d = &c->drives[k];
        ck_assert_int_eq(d->iface, want[k].iface);
        ck_assert_uint_eq(d->index, want[k].index);
        ck_assert(d->cdrom == want[k].cd && d->read_only == want[k].ro &&
                  d->snapshot == want[k].snap);
        ck_assert(!d->file == !want[k].file);
        if (d->file)
            ck_assert_str_eq(d->file, want[k].file);
    }
    ck_assert_str_eq(c->drives[0].serial, "SN 1");
    ck_assert_int_eq(c->drives[0].werror, BLOCK_ENOSPC);
    ck_assert_int_eq(c->drives[0].rerror, BLOCK_REPORT);
    ck_assert_int_eq(c->drives[5].werror, BLOCK_STOP);
    ck_assert_int_eq(c->drives[5].rerror, BLOCK_IGNORE);
    config_free(c);
}
END_TEST

/* Places: a CD-ROM goes to the second channel while that is free; nothing is given twice. */
START_TEST(drive_caches)
{
    static const struct { const char *value; enum blk_cache cache; bool discard; } rows[] = {
        { "file=x", BLK_WRITEBACK, false },
        { "file=x,cache=writeback,discard=ignore,aio=threads", BLK_WRITEBACK, false },
        { "file=x,cache=none,discard=unmap,aio=native", BLK_NONE, true },
        { "file=x,cache=writethrough,discard=on,aio=io_uring", BLK_WRITETHROUGH, true },
        { "file=x,cache=directsync,discard=off", BLK_DIRECTSYNC, false },
        { "file=x,cache=unsafe", BLK_UNSAFE, false },
    };

    for (unsigned k = 0; k < ARRAY_LEN(rows); k++) {
        struct config *c = GIVEN("drive", rows[k].value);
        ck_assert_int_eq(c->drives[0].cache, rows[k].cache);
        ck_assert(c->drives[0].discard == rows[k].discard);
        config_free(c);
    }
}
END_TEST

START_TEST(drive_places)
{
    struct config *c = GIVEN("drive", "a,media=cdrom", "drive", "b,media=cdrom", "drive", "c",
                             "drive", "d");
    struct err e = { 0 };

    ck_assert_uint_eq(c->drives[0].index, 2);
    ck_assert_uint_eq(c->drives[1].index, 0);
    ck_assert_uint_eq(c->drives[2].index, 1);
    ck_assert_uint_eq(c->drives[3].index, 3);
    ck_assert(!config_set(c, "drive", "e", &e));
    ck_assert_str_eq(e.msg, "-drive: drive index 4: the IDE controller has 4 (0 to 3)");
    e = (struct err){ 0 };
    ck_assert(!config_set(c, "hda", "x", &e));
    ck_assert_str_eq(e.msg, "-hda: IDE drive 0 is given twice");
    e = (struct err){ 0 };
    ck_assert(!config_set(c, "cdrom", "x", &e));
    ck_assert_str_eq(e.msg, "-cdrom: IDE drive 2 is given twice");
    ck_assert(config_set(c, "fda", "x", &e) && config_set(c, "fdb", "", &e));
    e = (struct err){ 0 };
    ck_assert(!config_set(c, "fdb", "y", &e));
    ck_assert_str_eq(e.msg, "-fdb: floppy drive 1 is given twice");
    config_free(c);
}
END_TEST

START_TEST(too_many)
{
    struct config *c = config_new();
    struct err e = { 0 };

    for (unsigned k = 0; k < CONFIG_MAX_PATHS; k++)
        ck_assert(config_set(c, "L", "x", &e));
    ck_assert(!config_set(c, "L", "x", &e));
    ck_assert_str_eq(e.msg, "-L: at most 8");
    e = (struct err){ 0 };
    for (unsigned k = 0; k < CONFIG_MAX_SERIAL; k++)
        ck_assert(config_set(c, "serial", "null", &e));
    ck_assert(!config_set(c, "serial", "null", &e));
    ck_assert_str_eq(e.msg, "-serial: at most 4");
    e = (struct err){ 0 };
    for (unsigned k = 0; k < CONFIG_MAX_PARALLEL; k++)
        ck_assert(config_set(c, "parallel", "null", &e));
    ck_assert(!config_set(c, "parallel", "null", &e));
    ck_assert_str_eq(e.msg, "-parallel: at most 2");
    config_free(c);
}
END_TEST

/* ---- what only building shows */

static void not_built(int code, const char *text, const char *const *pairs)
{
    struct nb_config *cfg = rig_config(guest_busy, guest_busy_len, pairs);
    struct nb_error e = { 0 };
    struct nb_machine *m = nb_new(cfg, &e);

    ck_assert_msg(m == NULL, "built, without \"%s\"", text);
    ck_assert_msg(strstr(e.text, text) != NULL, "\"%s\" does not say \"%s\"", e.text, text);
    ck_assert_int_eq(e.code, code);
    ck_assert_ptr_null(strchr(e.text, '\n'));
    nb_config_free(cfg);
}
#define NOT_BUILT(code, text, ...) \
    not_built(code, text, (const char *const[]){ __VA_ARGS__, NULL })

START_TEST(building_fails)
{
    static const u8 junk[1000] = { 1 };
    const char *empty = rig_write("empty", junk, 0), *odd = rig_write("odd", junk, 1000);
    u8 *big = calloc(1, 257 << 10);
    const char *large = rig_write("large", big, 257 << 10);

    free(big);
    NOT_BUILT(2, rig_path("gone"), "bios", rig_path("gone"));
    NOT_BUILT(1, "1000 bytes; a BIOS is a multiple of 1 KB and at most 256 KB", "bios", odd);
    NOT_BUILT(1, "0 bytes; a BIOS is a multiple of 1 KB and at most 256 KB", "bios", empty);
    NOT_BUILT(1, "263168 bytes; a BIOS is a multiple of 1 KB", "bios", large);
    NOT_BUILT(2, "gone.bin not found: install the package \"seabios\", or name the folder with -L",
              "bios", "gone.bin");
    NOT_BUILT(1, "VGA BIOS: 0 bytes", "vgabios", empty);
    NOT_BUILT(1, "no option ROM", "vgabios", odd);
    NOT_BUILT(2, rig_path("gone"), "hda", rig_path("gone"));
    NOT_BUILT(1, "ide0-hd0: a hard disk needs a file", "hda", "");
    NOT_BUILT(1, "-cpu", "cpu", "z80");
    NOT_BUILT(1, "-parallel carrier pigeon: ", "parallel", "carrier pigeon");
    NOT_BUILT(1, "-serial telepathy", "serial", "telepathy");
    NOT_BUILT(1, "-initrd and -append need -kernel", "append", "x");
    NOT_BUILT(1, "-initrd and -append need -kernel", "initrd", "x");
    NOT_BUILT(2, rig_path("gone"), "kernel", rig_path("gone"));
    NOT_BUILT(2, rig_path("gone"), "loadvm", rig_path("gone"));
    NOT_BUILT(5, "this is no snapshot, or it is damaged", "loadvm", odd);
    NOT_BUILT(1, "-device isa-debug-exit: ", "device", "isa-debug-exit,iobase=0x3f8");
    NOT_BUILT(2, rig_path("."), "kernel", rig_path("."));
}
END_TEST

START_TEST(sizes_are_built)
{
    static const char *const given_m[] = { "1", "2", "15", "16", "17", "64" };

    for (unsigned k = 0; k < ARRAY_LEN(given_m); k++) {
        const char *const pairs[] = { "m", given_m[k], NULL };
        struct nb_machine *m = rig_machine(guest_busy, guest_busy_len, pairs);
        u32 top = (u32)atoi(given_m[k]) << 20, v = 0x5aa55aa5;
        nb_mem_write(m, true, top - 4, &v, 4);
        ck_assert_uint_eq(rig_mem32(m, top - 4), top == 1 << 20 ? rig_mem32(m, top - 4) : v);
        ck_assert_uint_eq(rig_mem32(m, top), 0xffffffff);
        nb_run(m, 20000000);
        ck_assert_uint_gt(rig_mem32(m, 0x50c), 10);
        nb_free(m);
    }
}
END_TEST

Suite *suite_config(void);
Suite *suite_config(void)
{
    Suite *s = suite_create("config");
    TCase *t = tcase_create("config");

    tcase_add_checked_fixture(t, rig_folder_new, rig_folder_remove);
    tcase_add_test(t, options_split);
    tcase_add_test(t, numbers);
    tcase_add_test(t, sizes);
    tcase_add_loop_test(t, refused, 0, (int)ARRAY_LEN(refusals));
    tcase_add_test(t, long_values);
    tcase_add_test(t, help);
    tcase_add_test(t, defaults);
    tcase_add_test(t, values);
    tcase_add_test(t, forms);
    tcase_add_test(t, coherent_tlb);
    tcase_add_test(t, plugged_drives);
    tcase_add_test(t, drives);
    tcase_add_test(t, drive_caches);
    tcase_add_test(t, drive_places);
    tcase_add_test(t, too_many);
    tcase_add_test(t, building_fails);
    tcase_add_test(t, sizes_are_built);
    suite_add_tcase(s, t);
    return s;
}
