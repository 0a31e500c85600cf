/* SPDX-License-Identifier: MIT */
/* Keys and values of nb_config_set() (include/nestbox.h): QEMU's names and syntax. */
#include "machine/config.h"

#include "cpu/jit/attach.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/log.h"
#include "core/strbuf.h"
#include "core/xalloc.h"
#include "cpu/cpu.h"
#include "machine/options.h"

static void set_text(char **to, const char *v)
{
    xfree(*to);
    *to = v ? xstrdup(v) : NULL;
}

struct config *config_new(void)
{
    struct config *c = xcalloc(1, sizeof *c);

    set_text(&c->board, "pc");
    c->ram_mb = 512; /* what XP and the Linux installers are comfortable with */
    c->clock = CLOCK_REAL;
    c->jit = c->views = HAVE_JIT;
    c->views_hot = JIT_HOT_AGAIN;
    c->ns_per_insn = 1;
    c->log_limit = 4ull << 30;
    c->stop_at = UINT64_MAX;
    c->boot_menu_ms = c->boot_retry_ms = -1;
    c->debugcon_base = 0xe9;
    c->testexit_base = 0xf4;
    c->testexit_size = 4;
    return c;
}

void config_free(struct config *c)
{
    if (!c)
        return;
    xfree(c->board);
    xfree(c->cpu);
    xfree(c->name);
    for (unsigned k = 0; k < CONFIG_MAX_DRIVES; k++) {
        xfree(c->drives[k].file);
        xfree(c->drives[k].serial);
        xfree(c->drives[k].id);
        xfree(c->plugs[k].drive);
        xfree(c->plugs[k].serial);
    }
    xfree(c->kernel);
    xfree(c->initrd);
    xfree(c->append);
    xfree(c->bios);
    xfree(c->vgabios);
    for (unsigned k = 0; k < CONFIG_MAX_PATHS; k++)
        xfree(c->paths[k]);
    for (unsigned k = 0; k < CONFIG_MAX_SERIAL; k++)
        xfree(c->serial[k]);
    for (unsigned k = 0; k < CONFIG_MAX_PARALLEL; k++)
        xfree(c->parallel[k]);
    xfree(c->debugcon);
    xfree(c->loadvm);
    xfree(c);
}

static char *dup_or_null(const char *s)
{
    return s ? xstrdup(s) : NULL;
}

struct config *config_copy(const struct config *from)
{
    struct config *c = xcalloc(1, sizeof *c);

    *c = *from;
    c->board = dup_or_null(from->board);
    c->cpu = dup_or_null(from->cpu);
    c->name = dup_or_null(from->name);
    for (unsigned k = 0; k < CONFIG_MAX_DRIVES; k++) {
        c->drives[k].file = dup_or_null(from->drives[k].file);
        c->drives[k].serial = dup_or_null(from->drives[k].serial);
        c->drives[k].id = dup_or_null(from->drives[k].id);
        c->plugs[k].drive = dup_or_null(from->plugs[k].drive);
        c->plugs[k].serial = dup_or_null(from->plugs[k].serial);
    }
    c->kernel = dup_or_null(from->kernel);
    c->initrd = dup_or_null(from->initrd);
    c->append = dup_or_null(from->append);
    c->bios = dup_or_null(from->bios);
    c->vgabios = dup_or_null(from->vgabios);
    for (unsigned k = 0; k < CONFIG_MAX_PATHS; k++)
        c->paths[k] = dup_or_null(from->paths[k]);
    for (unsigned k = 0; k < CONFIG_MAX_SERIAL; k++)
        c->serial[k] = dup_or_null(from->serial[k]);
    for (unsigned k = 0; k < CONFIG_MAX_PARALLEL; k++)
        c->parallel[k] = dup_or_null(from->parallel[k]);
    c->debugcon = dup_or_null(from->debugcon);
    c->loadvm = dup_or_null(from->loadvm);
    return c;
}

/* ---- values */

bool config_size(const char *text, u64 unit, u64 *bytes)
{
    char *end;
    double v = strtod(text, &end);

    if (end == text || v < 0 || text[0] == '-' || text[0] == '+')
        return false;
    switch (*end) {
    case 0: break;
    case 'k': case 'K': unit = 1ull << 10; end++; break;
    case 'm': case 'M': unit = 1ull << 20; end++; break;
    case 'g': case 'G': unit = 1ull << 30; end++; break;
    case 't': case 'T': unit = 1ull << 40; end++; break;
    default: return false;
    }
    if (*end == 'B')
        end++;
    if (*end || !(v * (double)unit < 9e18))
        return false;
    *bytes = (u64)(v * (double)unit);
    return true;
}

static bool memory_size(struct config *c, const char *value, struct err *e)
{
    u64 bytes;

    if (!config_size(value, 1u << 20, &bytes))
        return err_set(e, ERR_CONFIG, "-m %s: not a size; use for example 512M or 1G", value);
    if (bytes < (u64)CONFIG_MIN_RAM_MB << 20 || bytes > (u64)CONFIG_MAX_RAM_MB << 20)
        return err_set(e, ERR_CONFIG, "-m %s: use %uM to %uM", value, CONFIG_MIN_RAM_MB,
                       CONFIG_MAX_RAM_MB);
    if (bytes & ((1u << 20) - 1))
        return err_set(e, ERR_CONFIG, "-m %s: use whole megabytes", value);
    c->ram_mb = (u32)(bytes >> 20);
    return true;
}

/* Memory that might be plugged in later (maxmem=, slots=) is nothing that the guest sees now. */
static bool set_memory(struct config *c, const char *value, struct err *e)
{
    struct options o;
    bool ok = true;
    u64 n;

    if (!options_parse(&o, value, "size", e))
        return err_prefix(e, "-m");
    if (!o.n)
        ok = memory_size(c, value, e);
    for (unsigned k = 0; ok && k < o.n; k++) {
        if (!strcmp(o.key[k], "size"))
            ok = memory_size(c, o.value[k], e);
        else if (!strcmp(o.key[k], "maxmem"))
            ok = config_size(o.value[k], 1u << 20, &n) ||
                 err_set(e, ERR_CONFIG, "-m maxmem=%s: not a size", o.value[k]);
        else if (!strcmp(o.key[k], "slots"))
            ok = options_number(o.value[k], &n) ||
                 err_set(e, ERR_CONFIG, "-m slots=%s: not a number", o.value[k]);
        else
            ok = err_set(e, ERR_CONFIG, "-m: unknown property %s", o.key[k]);
    }
    options_free(&o);
    return ok;
}

static bool boot_letters(char to[8], const char *v, struct err *e)
{
    if (strlen(v) > 4 || strspn(v, "abcdn") != strlen(v))
        return err_set(e, ERR_CONFIG, "-boot %s: use letters of a (floppy), c (disk), d (CD-ROM), "
                       "n (network)", v);
    snprintf(to, 8, "%s", v);
    return true;
}

static bool boot_wait(const char *key, const char *v, u64 max, i64 *ms, struct err *e)
{
    u64 n;

    if (!strcmp(v, "-1")) {
        *ms = -1;
        return true;
    }
    if (!options_number(v, &n) || n > max)
        return err_set(e, ERR_CONFIG, "-boot %s=%s: use milliseconds, 0 to %llu", key, v,
                       (unsigned long long)max);
    *ms = (i64)n;
    return true;
}

static bool set_boot(struct config *c, const char *value, struct err *e)
{
    struct options o;
    bool ok = true;

    if (!options_parse(&o, value, "order", e))
        return err_prefix(e, "-boot");
    for (unsigned k = 0; ok && k < o.n; k++) {
        if (!strcmp(o.key[k], "order"))
            ok = boot_letters(c->boot_order, o.value[k], e);
        else if (!strcmp(o.key[k], "once"))
            ok = boot_letters(c->boot_once, o.value[k], e);
        else if (!strcmp(o.key[k], "menu"))
            ok = options_bool("menu", o.value[k], &c->boot_menu, e);
        else if (!strcmp(o.key[k], "splash-time"))
            ok = boot_wait("splash-time", o.value[k], 0xffff, &c->boot_menu_ms, e);
        else if (!strcmp(o.key[k], "reboot-timeout"))
            ok = boot_wait("reboot-timeout", o.value[k], 0xffffffff, &c->boot_retry_ms, e);
        else if (!strcmp(o.key[k], "splash"))
            ok = err_set(e, ERR_CONFIG, "-boot splash=%s: there are no boot pictures; leave it out",
                         o.value[k]);
        else if (strcmp(o.key[k], "strict"))
            ok = err_set(e, ERR_CONFIG, "-boot: unknown property %s", o.key[k]);
    }
    options_free(&o);
    return ok;
}

/* Days since 1970-01-01 of a Gregorian date. */
static i64 days_of(i64 y, i64 mo, i64 d)
{
    y -= mo <= 2;
    i64 era = y / 400, yoe = y - era * 400;
    i64 doy = (153 * (mo + (mo > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static bool set_rtc(struct config *c, const char *value, struct err *e)
{
    struct options o;
    bool ok = true;

    if (!options_parse(&o, value, "base", e))
        return err_prefix(e, "-rtc");
    for (unsigned k = 0; ok && k < o.n; k++) {
        const char *v = o.value[k];
        int y, mo, d, h = 0, mi = 0, s = 0, n = 0;
        if (!strcmp(o.key[k], "driftfix"))
            continue;
        if (!strcmp(o.key[k], "clock")) {
            c->rtc_vm = !strcmp(v, "vm") || !strcmp(v, "rt");
            if (!c->rtc_vm && strcmp(v, "host"))
                ok = err_set(e, ERR_CONFIG, "-rtc clock=%s: use host, rt or vm", v);
            continue;
        }
        if (strcmp(o.key[k], "base")) {
            ok = err_set(e, ERR_CONFIG, "-rtc: unknown property %s", o.key[k]);
        } else if (!strcmp(v, "utc")) {
            c->rtc_local = c->rtc_fixed = false;
        } else if (!strcmp(v, "localtime")) {
            c->rtc_local = true;
            c->rtc_fixed = false;
        } else if ((sscanf(v, "%4d-%2d-%2dT%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &s, &n) == 6 ||
                    (h = mi = s = n = 0, sscanf(v, "%4d-%2d-%2d%n", &y, &mo, &d, &n) == 3)) &&
                   !v[n] && y >= 1980 && y <= 2099 && mo >= 1 && mo <= 12 && d >= 1 &&
                   d <= days_of(y + mo / 12, mo % 12 + 1, 1) - days_of(y, mo, 1) &&
                   h >= 0 && h < 24 && mi >= 0 && mi < 60 && s >= 0 && s < 60) {
            c->rtc_fixed = true;
            c->rtc_date = days_of(y, mo, d) * 86400 + h * 3600 + mi * 60 + s;
        } else {
            ok = err_set(e, ERR_CONFIG, "-rtc base=%s: use utc, localtime or "
                         "YYYY-MM-DDTHH:MM:SS (1980 to 2099)", v);
        }
    }
    options_free(&o);
    return ok;
}

/* RFC 4122's text form, in either case. */
static bool set_uuid(struct config *c, const char *value, struct err *e)
{
    u8 uuid[16];
    unsigned n = 0;
    const char *p = value;

    while (n < 32) {
        const char *hex = "0123456789abcdef", *digit;
        if ((n == 8 || n == 12 || n == 16 || n == 20) && *p++ != '-')
            break;
        digit = *p ? strchr(hex, *p >= 'A' && *p <= 'F' ? *p + 32 : *p) : NULL;
        if (!digit)
            break;
        uuid[n / 2] = (u8)(uuid[n / 2] << 4 | (digit - hex));
        n++;
        p++;
    }
    if (n < 32 || *p)
        return err_set(e, ERR_CONFIG, "-uuid %s: use the form "
                       "550e8400-e29b-41d4-a716-446655440000", value);
    memcpy(c->uuid, uuid, sizeof uuid);
    c->has_uuid = true;
    return true;
}

/* What QEMU has and this machine does not, in words that help; matched by how the name begins. */
static const char *absent_device(const char *name)
{
    static const struct { const char *prefix, *why; } kinds[] = {
#define NO_USB "there are no USB devices yet; keyboard and PS/2 mouse are always there"
#define NO_NET "there is no network card yet; leave it out"
#define NO_SOUND "there is no sound card yet; leave it out"
#define NO_VGA "there is one graphics card; use -vga std"
        { "usb-", NO_USB }, { "virtio-net", NO_NET }, { "rtl8139", NO_NET }, { "ne2k", NO_NET },
        { "pcnet", NO_NET }, { "e1000", NO_NET }, { "i8255", NO_NET }, { "tulip", NO_NET },
        { "vmxnet", NO_NET }, { "sb16", NO_SOUND }, { "adlib", NO_SOUND }, { "gus", NO_SOUND },
        { "cs4231", NO_SOUND }, { "AC97", NO_SOUND }, { "ac97", NO_SOUND }, { "ES1370", NO_SOUND },
        { "es1370", NO_SOUND }, { "intel-hda", NO_SOUND }, { "ich9-intel-hda", NO_SOUND },
        { "hda-", NO_SOUND }, { "virtio-sound", NO_SOUND }, { "cirrus", NO_VGA },
        { "isa-vga", NO_VGA }, { "isa-cirrus", NO_VGA },
        { "qxl", NO_VGA }, { "vmware", NO_VGA }, { "virtio-vga", NO_VGA },
        { "virtio", "there are no virtio devices; use ide-hd, ide-cd or floppy" },
        { "ahci", "there is no AHCI; disks are on the IDE controller (ide-hd, ide-cd)" },
        { "ich9-ahci", "there is no AHCI; disks are on the IDE controller (ide-hd, ide-cd)" },
        { "scsi", "there is no SCSI; use ide-hd or ide-cd" },
        { "lsi", "there is no SCSI; use ide-hd or ide-cd" },
        { "piix", "the board has its PIIX4 already; leave it out" },
        { "isa-fdc", "the board has its floppy controller already; leave it out" },
        { "i8042", "the board has it already; leave it out" },
    };

    for (unsigned k = 0; k < ARRAY_LEN(kinds); k++)
        if (!strncmp(name, kinds[k].prefix, strlen(kinds[k].prefix)))
            return kinds[k].why;
    return "no such device; -device help lists them";
}

static bool set_testexit(struct config *c, const struct options *o, struct err *e)
{
    for (unsigned k = 1; k < o->n; k++) {
        const char *key = o->key[k], *v = o->value[k];
        u64 n;
        if (!options_number(v, &n))
            return err_set(e, ERR_CONFIG, "-device isa-debug-exit: %s=%s is no number", key, v);
        if (!strcmp(key, "iobase") && n <= 0xfffc)
            c->testexit_base = (u32)n;
        else if (!strcmp(key, "iosize") && n >= 1 && n <= 4)
            c->testexit_size = (u32)n;
        else
            return err_set(e, ERR_CONFIG, "-device isa-debug-exit: %s=%s is unknown or out of "
                           "range", key, v);
    }
    c->testexit = true;
    return true;
}

static bool set_debugcon_device(struct config *c, const struct options *o, struct err *e)
{
    for (unsigned k = 1; k < o->n; k++) {
        u64 n;
        if (!strcmp(o->key[k], "chardev"))
            set_text(&c->debugcon, o->value[k]);
        else if (!strcmp(o->key[k], "iobase") && options_number(o->value[k], &n) && n <= 0xffff)
            c->debugcon_base = (u32)n;
        else if (strcmp(o->key[k], "id"))
            return err_set(e, ERR_CONFIG, "-device isa-debugcon: %s=%s is unknown or out of range",
                           o->key[k], o->value[k]);
    }
    return true;
}

static bool set_device(struct config *c, const char *value, struct err *e)
{
    struct options o;
    bool ok;

    if (!strcmp(value, "help") || strstr(value, ",help"))
        return err_set(e, ERR_NONE,
                       "isa-debug-exit  ends nestbox with status 2 * value + 1: iobase (0xf4), "
                       "iosize (4)\n"
                       "isa-debugcon    debug console: chardev, iobase (0xe9)\n"
                       "isa-serial, isa-parallel  the next port: chardev\n"
                       "ide-hd, ide-cd  place of a -drive with if=none: drive, bus (ide.0), unit, "
                       "serial\n"
                       "floppy          likewise: drive, unit\n"
                       "VGA             -vga std: vgamem_mb (16), xres (1024), yres (768), "
                       "edid (on)");
    if (!options_parse(&o, value, "driver", e))
        return err_prefix(e, "-device");
    const char *name = o.n && !strcmp(o.key[0], "driver") ? o.value[0] : "";
    if (!strcmp(name, "isa-debug-exit"))
        ok = set_testexit(c, &o, e);
    else if (!strcmp(name, "isa-debugcon"))
        ok = set_debugcon_device(c, &o, e);
    else if (!strcmp(name, "ide-hd") || !strcmp(name, "ide-cd") || !strcmp(name, "floppy"))
        ok = config_plug_drive(c, &o, e);
    else if (!strcmp(name, "VGA"))
        ok = config_vga(c, &o, e);
    else
        ok = err_set(e, ERR_CONFIG, "-device %s: %s", value, absent_device(name));
    options_free(&o);
    return ok;
}

static bool set_machine(const char *value, struct err *e)
{
    /* what concerns accelerators or says what is so here anyway */
    static const char *const known[] = {
        "accel", "acpi", "usb", "vmport", "hpet", "smm", "graphics", "kernel-irqchip",
        "kernel_irqchip", "dump-guest-core", "mem-merge", "pcspk-audiodev", "i8042", "pit", "pic",
        "smbus", "fd-bootchk", "max-ram-below-4g", "memory-backend", "nvdimm", "suppress-vmdesc",
        "igd-passthru",
    };
    struct options o;
    bool ok = true;

    if (!strcmp(value, "help"))
        return err_set(e, ERR_NONE, "pc       i440FX + PIIX4 (default)");
    if (!options_parse(&o, value, "type", e))
        return err_prefix(e, "-machine");
    for (unsigned k = 0; ok && k < o.n; k++) {
        const char *v = o.value[k];
        unsigned n = 0;
        while (n < ARRAY_LEN(known) && strcmp(o.key[k], known[n]))
            n++;
        /* QEMU's versions of the same board differ in what is not modelled here */
        if (!strcmp(o.key[k], "type"))
            ok = !strcmp(v, "pc") || !strcmp(v, "pc-i440fx") || !strncmp(v, "pc-i440fx-", 10) ||
                 (!strncmp(v, "pc-", 3) && v[3] >= '0' && v[3] <= '9') ||
                 err_set(e, ERR_CONFIG, "-machine %s: no such machine; -machine help lists them",
                         v);
        else if (n == ARRAY_LEN(known))
            ok = err_set(e, ERR_CONFIG, "-machine: unknown property %s", o.key[k]);
    }
    options_free(&o);
    return ok;
}

/* views=on, off, or after how many runs of a block (0: at once, for tests) */
static bool set_views(struct config *c, const char *v, struct err *e)
{
    u64 n;

    if (!options_number(v, &n))
        return options_bool("-engine views", v, &c->views, e);
    if (n > 1000000000)
        return err_set(e, ERR_CONFIG, "-engine views=%s: use on, off or 0 to 1000000000", v);
    c->views = true;
    c->views_hot = (u32)n;
    return true;
}

static bool set_engine(struct config *c, const char *key, const char *value, struct err *e)
{
    struct options o;
    bool ok = true;

    if (!strcmp(value, "help"))
        return err_set(e, ERR_NONE, "jit      the translator; the interpreter where the host allows none (default;\n"
                       "         QEMU's name for it is tcg)\n"
                       "interp   the interpreter alone\n"
                       "check    both, and each block's results are compared: slow; ends with status 6 where\n"
                       "         they differ\n"
                       "properties: tlb=coherent (changed page tables count at once), tlb=normal;\n"
                       "            views=on (hot code reaches memory through mappings), views=off");
    if (!options_parse(&o, value, "accel", e))
        return err_prefix(e, "-%s", key);
    if (!o.n)
        ok = err_set(e, ERR_CONFIG, "-%s: there are jit, interp and check", key);
    for (unsigned k = 0; ok && k < o.n; k++) {
        const char *v = o.value[k];
        if (!strcmp(o.key[k], "accel")) {
            ok = !strcmp(v, "jit") || !strcmp(v, "interp") || !strcmp(v, "tcg") ||
                 !strcmp(v, "kvm:tcg") || !strcmp(v, "check") ||
                 err_set(e, ERR_CONFIG, "-%s %s: there are jit, interp and check", key, value);
            c->check = !strcmp(v, "check");
            /* asked for by its name it is missed where there is none (build.c) */
            c->jit = !strcmp(v, "jit") || (HAVE_JIT && strcmp(v, "interp"));
        } else if (!strcmp(o.key[k], "tlb")) {
            ok = (c->tlb_coherent = !strcmp(v, "coherent")) || !strcmp(v, "normal") ||
                 err_set(e, ERR_CONFIG, "-%s tlb=%s: use coherent or normal", key, v);
        } else if (!strcmp(o.key[k], "views")) {
            ok = set_views(c, v, e);
        } else if (strcmp(o.key[k], "thread") && strcmp(o.key[k], "tb-size")) {
            ok = err_set(e, ERR_CONFIG, "-%s: unknown property %s", key, o.key[k]);
        }
    }
    options_free(&o);
    return ok;
}

/* "1", "cpus=1,cores=1": whatever is counted, there is one. */
static bool set_smp(const char *value, struct err *e)
{
    static const char *const known[] = { "cpus", "cores", "threads", "sockets", "maxcpus", "dies",
                                         "clusters", "books", "drawers", "modules" };
    struct options o;
    bool ok = true;
    u64 n;

    if (!options_parse(&o, value, "cpus", e))
        return err_prefix(e, "-smp");
    for (unsigned k = 0; ok && k < o.n; k++) {
        unsigned which = 0;
        while (which < ARRAY_LEN(known) && strcmp(o.key[k], known[which]))
            which++;
        if (which == ARRAY_LEN(known))
            ok = err_set(e, ERR_CONFIG, "-smp: unknown property %s", o.key[k]);
        else if (!options_number(o.value[k], &n))
            ok = err_set(e, ERR_CONFIG, "-smp %s: not a number", value);
        else if (n != 1)
            ok = err_set(e, ERR_CONFIG, "-smp %s: the machine has one processor", value);
    }
    options_free(&o);
    return ok;
}

/* "[guest=]NAME[,process=...]" */
static bool set_name(struct config *c, const char *value, struct err *e)
{
    struct options o;
    bool ok = true;

    if (!options_parse(&o, value, "guest", e))
        return err_prefix(e, "-name");
    for (unsigned k = 0; ok && k < o.n; k++)
        if (!strcmp(o.key[k], "guest"))
            set_text(&c->name, o.value[k]);
        else if (strcmp(o.key[k], "process") && strcmp(o.key[k], "debug-threads"))
            ok = err_set(e, ERR_CONFIG, "-name: unknown property %s", o.key[k]);
    options_free(&o);
    return ok;
}

static bool set_clock(struct config *c, const char *value, struct err *e)
{
    struct options o;
    bool ok = true;

    if (!strcmp(value, "help"))
        return err_set(e, ERR_NONE, "real     the host's clock (default)\n"
                       "counted  retired instructions, ns=N nanoseconds each (1): the same run "
                       "every time");
    if (!options_parse(&o, value, "source", e))
        return err_prefix(e, "-clock");
    for (unsigned k = 0; ok && k < o.n; k++) {
        u64 n;
        if (!strcmp(o.key[k], "source") && !strcmp(o.value[k], "real"))
            c->clock = CLOCK_REAL;
        else if (!strcmp(o.key[k], "source") && !strcmp(o.value[k], "counted"))
            c->clock = CLOCK_COUNTED;
        else if (!strcmp(o.key[k], "ns") && options_number(o.value[k], &n) && n >= 1 && n <= 1000)
            c->ns_per_insn = (u32)n;
        else
            ok = err_set(e, ERR_CONFIG, "-clock %s: use real or counted[,ns=1..1000]", value);
    }
    options_free(&o);
    return ok;
}

static bool log_size(const char *v, u64 *size)
{
    static const char units[] = "kmgt";
    char text[32], *unit;
    size_t n = strlen(v);

    if (!n || n >= sizeof text)
        return false;
    memcpy(text, v, n + 1);
    unit = strchr(units, text[n - 1] | 0x20);
    if (unit)
        text[n - 1] = 0;
    if (!options_number(text, size) || *size > (1ull << 40))
        return false;
    if (unit)
        *size <<= 10 * (unit - units + 1);
    return true;
}

/* QEMU's form: START+SIZE, START-SIZE (up to START), START..END, comma separated. */
static bool set_filter(struct config *c, const char *value, struct err *e)
{
    char text[512], *save = NULL;

    if ((size_t)snprintf(text, sizeof text, "%s", value) >= sizeof text)
        return err_set(e, ERR_CONFIG, "-dfilter: too many ranges");
    c->num_log_ranges = 0;
    for (char *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
        char *op = p + strcspn(p, "+-."), kind = *op;
        const char *second = op + (kind == '.' && op[1] == '.' ? 2 : 1);
        u64 a, b;
        if (c->num_log_ranges == ARRAY_LEN(c->log_range))
            return err_set(e, ERR_CONFIG, "-dfilter: more than %zu ranges",
                           ARRAY_LEN(c->log_range));
        if (kind)
            *op = 0;
        if (!kind || (kind == '.' && second != op + 2) || !options_number(p, &a) ||
            !options_number(second, &b) || a > 0xffffffff || b > 0x100000000 || !(b || kind == '.'))
            return err_set(e, ERR_CONFIG, "-dfilter %s: use START+SIZE, START-SIZE or START..END",
                           value);
        if (kind == '+')
            b = MIN(a + b - 1, 0xffffffffull);
        if (kind == '-') { /* QEMU: the SIZE bytes that end with START */
            u64 first = b > a ? 0 : a - b + 1;
            b = a;
            a = first;
        }
        if (b < a || b > 0xffffffff)
            return err_set(e, ERR_CONFIG, "-dfilter %s: a range ends before it starts", value);
        c->log_range[c->num_log_ranges].first = (u32)a;
        c->log_range[c->num_log_ranges++].last = (u32)b;
    }
    return c->num_log_ranges || err_set(e, ERR_CONFIG, "-dfilter: no range");
}

bool config_log_mask(const char *items, u32 *mask, bool *hash, struct err *e)
{
    static const struct { const char *name; u32 mask; const char *help; } names[] = {
        { "guest_errors", BIT(LOG_GUEST), "errors of the guest" },
        { "unimp", BIT(LOG_UNIMP), "what is not modelled" },
        { "int", BIT(LOG_INT), "interrupts and exceptions" },
        { "exec", BIT(LOG_EXEC), "each instruction" },
        { "cpu", BIT(LOG_CPU), "registers at each instruction" },
        { "mmu", BIT(LOG_MMU), "page walks and faults" },
        { "in_asm", BIT(LOG_IN_ASM), "guest code, decoded" },
        { "out_asm", BIT(LOG_OUT_ASM), "host code made of it" },
        { "op", BIT(LOG_OP), "how it was made" },
        { "reg", BIT(LOG_REG), "register accesses of chips" },
        { "irq", BIT(LOG_IRQ), "interrupt lines" },
        { "info", BIT(LOG_INFO), "resets, media changes" },
        { "cpu_reset", BIT(LOG_INFO), NULL }, /* QEMU's name for it */
    };
    char text[256], *save = NULL;

    if (!strcmp(items, "help")) {
        struct strbuf sb = { 0 };
        for (unsigned k = 0; k < ARRAY_LEN(names) && names[k].help; k++)
            sb_addf(&sb, "%-12s %s\n", names[k].name, names[k].help);
        sb_add(&sb, "hash         trace hash of the run (counted clock)");
        err_set(e, ERR_NONE, "%s", sb_text(&sb));
        sb_free(&sb);
        return false;
    }
    if ((size_t)snprintf(text, sizeof text, "%s", items) >= sizeof text)
        return err_set(e, ERR_CONFIG, "-d: too many items; -d help lists them");
    *mask = 0;
    for (char *p = strtok_r(text, ",", &save); p; p = strtok_r(NULL, ",", &save)) {
        bool known = !strcmp(p, "none");
        if (!strcmp(p, "hash"))
            *hash = known = true;
        for (unsigned k = 0; k < ARRAY_LEN(names); k++)
            if (!strcmp(p, names[k].name)) {
                *mask |= names[k].mask;
                known = true;
            }
        if (!known)
            return err_set(e, ERR_CONFIG, "-d %s: no such item; -d help lists them", p);
    }
    return true;
}

static bool append_text(char **list, unsigned *n, unsigned max, const char *v, const char *what,
                        struct err *e)
{
    if (*n == max)
        return err_set(e, ERR_CONFIG, "-%s: at most %u", what, max);
    set_text(&list[(*n)++], v);
    return true;
}

static bool set_number(const char *key, const char *v, u64 *to, struct err *e)
{
    return options_number(v, to) || err_set(e, ERR_CONFIG, "-%s %s: not a number", key, v);
}

bool config_set(struct config *c, const char *key, const char *v, struct err *e)
{
    static const struct { const char *key; u8 iface, index, cdrom; } drives[] = {
        { "hda", DRIVE_IDE, 0, 0 }, { "hdb", DRIVE_IDE, 1, 0 }, { "hdc", DRIVE_IDE, 2, 0 },
        { "hdd", DRIVE_IDE, 3, 0 }, { "fda", DRIVE_FLOPPY, 0, 0 }, { "fdb", DRIVE_FLOPPY, 1, 0 },
        { "cdrom", DRIVE_IDE, 2, 1 },
    };
    struct strbuf sb = { 0 };
    bool on;

    for (unsigned k = 0; k < ARRAY_LEN(drives); k++)
        if (!strcmp(key, drives[k].key))
            return config_plain_drive(c, drives[k].iface, drives[k].index, drives[k].cdrom, v, e) ||
                   err_prefix(e, "-%s", key);
    if (!strcmp(key, "m"))
        return set_memory(c, v, e);
    if (!strcmp(key, "cpu")) {
        if (!strcmp(v, "help")) {
            cpu_list_models(&sb);
            err_set(e, ERR_NONE, "%s", sb_text(&sb));
            sb_free(&sb);
            return false;
        }
        set_text(&c->cpu, v);
        return true;
    }
    if (!strcmp(key, "machine"))
        return set_machine(v, e);
    if (!strcmp(key, "accel") || !strcmp(key, "engine"))
        return set_engine(c, key, v, e);
    if (!strcmp(key, "drive"))
        return config_drive(c, v, e);
    if (!strcmp(key, "snapshot")) {
        if (!options_bool(key, v, &c->snapshot_all, e))
            return false;
        return true;
    }
    if (!strcmp(key, "boot"))
        return set_boot(c, v, e);
    if (!strcmp(key, "kernel"))
        return set_text(&c->kernel, v), true;
    if (!strcmp(key, "initrd"))
        return set_text(&c->initrd, v), true;
    if (!strcmp(key, "append"))
        return set_text(&c->append, v), true;
    if (!strcmp(key, "bios"))
        return set_text(&c->bios, v), true;
    if (!strcmp(key, "vgabios"))
        return set_text(&c->vgabios, v), true;
    if (!strcmp(key, "L"))
        return append_text(c->paths, &c->num_paths, CONFIG_MAX_PATHS, v, key, e);
    if (!strcmp(key, "serial"))
        return append_text(c->serial, &c->num_serial, CONFIG_MAX_SERIAL, v, key, e);
    if (!strcmp(key, "debugcon"))
        return set_text(&c->debugcon, v), true;
    if (!strcmp(key, "parallel"))
        return append_text(c->parallel, &c->num_parallel, CONFIG_MAX_PARALLEL, v, key, e);
    if (!strcmp(key, "device"))
        return set_device(c, v, e);
    if (!strcmp(key, "rtc"))
        return set_rtc(c, v, e);
    if (!strcmp(key, "vga")) {
        if (!strcmp(v, "help"))
            return err_set(e, ERR_NONE, "std   VGA with Bochs VBE extensions (default)\nnone");
        if (strcmp(v, "std") && strcmp(v, "none"))
            return err_set(e, ERR_CONFIG, "-vga %s: use std or none", v);
        c->no_vga = !strcmp(v, "none");
        return true;
    }
    if (!strcmp(key, "clock"))
        return set_clock(c, v, e);
    if (!strcmp(key, "speed")) {
        char *end;
        double mips = strtod(v, &end);
        if (end == v || *end || !(mips >= 0.01 && mips <= 1000))
            return err_set(e, ERR_CONFIG, "-speed %s: millions of instructions a second, 0.01 to "
                           "1000", v);
        c->clock = CLOCK_PACED;
        c->speed_mips = mips;
        c->ns_per_insn = (u32)(1000 / mips < 1 ? 1 : 1000 / mips + 0.5);
        return true;
    }
    if (!strcmp(key, "seed"))
        return set_number(key, v, &c->seed, e);
    if (!strcmp(key, "stop-at"))
        return set_number(key, v, &c->stop_at, e);
    if (!strcmp(key, "name"))
        return set_name(c, v, e);
    if (!strcmp(key, "uuid"))
        return set_uuid(c, v, e);
    if (!strcmp(key, "no-reboot"))
        return options_bool(key, v, &on, e) && (c->no_reboot = on, true);
    if (!strcmp(key, "no-shutdown"))
        return options_bool(key, v, &on, e) && (c->no_shutdown = on, true);
    if (!strcmp(key, "perfmap"))
        return options_bool(key, v, &on, e) && (c->perfmap = on, true);
    if (!strcmp(key, "d")) {
        u32 mask;
        if (!config_log_mask(v, &mask, &c->hash, e))
            return false;
        c->log_mask |= mask;
        return true;
    }
    if (!strcmp(key, "dfilter"))
        return set_filter(c, v, e);
    if (!strcmp(key, "dlimit")) {
        if (!log_size(v, &c->log_limit) || (c->log_limit && c->log_limit < 4096))
            return err_set(e, ERR_CONFIG, "-dlimit %s: use 4K or more, or 0 for no limit", v);
        return true;
    }
    if (!strcmp(key, "loadvm"))
        return set_text(&c->loadvm, v), true;
    if (!strcmp(key, "smp"))
        return set_smp(v, e);
    return err_set(e, ERR_CONFIG, "%s: no such setting", key);
}
