/* SPDX-License-Identifier: MIT */
/* Command lines come from scripts, wikis and old articles. An option of QEMU's that is not in
 * opts.c has a row here, so that the answer is never just "invalid option":
 *   SILENT  leaving it out changes nothing that anybody could miss,
 *   NOTE    the machine starts without it, and one line says so,
 *   REFUSE  the guest would miss it, or the user would rely on it. */
#include "frontend/opts_qemu.h"

#include <string.h>

#include "frontend/opts.h"

#define NO_VNC "there is no VNC server yet; use -display sdl, curses or none"
#define NO_QMP "there is no QMP yet; use -monitor unix:PATH"
#define NO_SOUND "there is no sound card yet; leave it out"
#define NO_NET "this machine has no network card yet; leave it out"
#define NO_HOST "nothing of the host's is passed through; leave it out"
#define NO_SANDBOX "there is no sandbox yet; leave it out"
#define KEYS "Ctrl-Alt and G, F, + or - are the window's keys"

static const struct opts_qemu table[] = {
    /* screen and keys */
    { "alt-grab", false, QEMU_NOTE, KEYS, NULL },
    { "ctrl-grab", false, QEMU_NOTE, KEYS, NULL },
    { "no-frame", false, QEMU_NOTE, "-full-screen has no frame", NULL },
    { "no-quit", false, QEMU_NOTE, "closing the window ends the machine", NULL },
    { "show-cursor", false, QEMU_SILENT, NULL, NULL },
    { "g", true, QEMU_NOTE, "the guest chooses the resolution", NULL },
    { "std-vga", false, QEMU_SILENT, NULL, NULL },
    { "cirrusvga", false, QEMU_REFUSE, "use -vga std", NULL },
    { "vnc", true, QEMU_REFUSE, NO_VNC, "none" },
    { "spice", true, QEMU_REFUSE, NO_VNC, NULL },
    { "rotate", true, QEMU_REFUSE, "the picture is not turned; leave it out", "0" },
    /* sound */
    { "soundhw", true, QEMU_REFUSE, NO_SOUND, NULL },
    { "audio", true, QEMU_REFUSE, NO_SOUND, "none" },
    { "audiodev", true, QEMU_NOTE, "there is no sound card yet; it is ignored", NULL },
    /* network */
    { "netdev", true, QEMU_REFUSE, NO_NET, NULL },
    { "redir", true, QEMU_REFUSE, NO_NET, NULL },
    { "smb", true, QEMU_REFUSE, NO_NET, NULL },
    { "tftp", true, QEMU_REFUSE, NO_NET, NULL },
    { "bootp", true, QEMU_REFUSE, NO_NET, NULL },
    /* monitor, logs */
    { "qmp", true, QEMU_REFUSE, NO_QMP, "none" },
    { "qmp-pretty", true, QEMU_REFUSE, NO_QMP, "none" },
    { "trace", true, QEMU_REFUSE, "use -d ITEMS (-d help lists them)", NULL },
    { "msg", true, QEMU_SILENT, NULL, NULL },
    { "echr", true, QEMU_REFUSE, "the escape key is Ctrl-A; leave it out", "0x01" },
    /* machine */
    { "icount", true, QEMU_REFUSE, "use -clock counted,ns=N, or -speed MIPS", "off" },
    { "no-kvm", false, QEMU_SILENT, NULL, NULL },
    { "no-kqemu", false, QEMU_SILENT, NULL, NULL },
    { "kernel-kqemu", false, QEMU_SILENT, NULL, NULL },
    { "no-kvm-irqchip", false, QEMU_SILENT, NULL, NULL },
    { "enable-hax", false, QEMU_NOTE, "there is no accelerator; going on without", NULL },
    { "tb-size", true, QEMU_SILENT, NULL, NULL },
    { "win2k-hack", false, QEMU_SILENT, NULL, NULL },
    { "rtc-td-hack", false, QEMU_SILENT, NULL, NULL },
    { "mem-prealloc", false, QEMU_NOTE, "memory is taken when the guest uses it", NULL },
    { "mem-path", true, QEMU_NOTE, "guest memory is ordinary memory here", NULL },
    { "mlock", false, QEMU_NOTE, "guest memory may be swapped", NULL },
    { "overcommit", true, QEMU_NOTE, "guest memory may be swapped", NULL },
    { "realtime", true, QEMU_NOTE, "guest memory may be swapped", NULL },
    { "balloon", true, QEMU_REFUSE, "there is no balloon; leave it out", "none" },
    { "numa", true, QEMU_REFUSE, "there is one processor with one memory; leave it out", NULL },
    { "watchdog", true, QEMU_REFUSE, "there is no watchdog; leave it out", NULL },
    { "watchdog-action", true, QEMU_SILENT, NULL, NULL },
    { "acpitable", true, QEMU_REFUSE, "the ACPI tables are the machine's own; leave it out", NULL },
    { "fw_cfg", true, QEMU_REFUSE, "fw_cfg holds what the machine puts there; leave it out", NULL },
    { "option-rom", true, QEMU_REFUSE, "no option ROMs but the machine's own; leave it out", NULL },
    { "pflash", true, QEMU_REFUSE, "there is no flash; use -bios FILE", NULL },
    { "dtb", true, QEMU_REFUSE, "there are no device trees here; leave it out", NULL },
    { "object", true, QEMU_REFUSE, "there are no objects to make; leave it out", NULL },
    { "set", true, QEMU_REFUSE, "give the property where the thing is made", NULL },
    { "plugin", true, QEMU_REFUSE, "there are no plugins; -d and -D trace", NULL },
    { "tpmdev", true, QEMU_REFUSE, "there is no TPM; leave it out", NULL },
    { "bt", true, QEMU_REFUSE, NO_HOST, NULL },
    /* disks */
    { "blockdev", true, QEMU_REFUSE, "use -drive file=F,if=none,id=ID", NULL },
    { "sd", true, QEMU_REFUSE, "there is no SD card; use -drive if=ide or if=floppy", NULL },
    { "mtdblock", true, QEMU_REFUSE, "there is no flash; use -drive if=ide or if=floppy", NULL },
    { "virtfs", true, QEMU_REFUSE, NO_HOST, NULL },
    { "fsdev", true, QEMU_REFUSE, NO_HOST, NULL },
    { "hdachs", true, QEMU_REFUSE, "the firmware finds a geometry; leave it out", NULL },
    /* the program */
    { "readconfig", true, QEMU_REFUSE, "there are no configuration files yet; use options", NULL },
    { "writeconfig", true, QEMU_REFUSE, "there are no configuration files yet; use options", NULL },
    { "nouserconfig", false, QEMU_SILENT, NULL, NULL },
    { "runas", true, QEMU_REFUSE, "start it as that user instead", NULL },
    { "run-with", true, QEMU_REFUSE, "start it as that user, in that folder, instead", NULL },
    { "chroot", true, QEMU_REFUSE, NO_SANDBOX, NULL },
    { "sandbox", true, QEMU_REFUSE, NO_SANDBOX, "off" },
    { "incoming", true, QEMU_REFUSE, "use -loadvm FILE with what savevm wrote", NULL },
    { "only-migratable", false, QEMU_SILENT, NULL, NULL },
    { "add-fd", true, QEMU_REFUSE, "give the file's name", NULL },
    { "compat", true, QEMU_SILENT, NULL, NULL },
    { "semihosting", false, QEMU_REFUSE, "use -device isa-debug-exit", NULL },
    { "async-teardown", false, QEMU_SILENT, NULL, NULL },
};

const struct opts_qemu *opts_qemu_find(const char *name)
{
    for (size_t k = 0; k < sizeof table / sizeof table[0]; k++)
        if (!strcmp(table[k].name, name))
            return &table[k];
    return NULL;
}

bool opts_qemu_answer(const struct opts_qemu *q, const char *value, FILE *err)
{
    if (q->answer == QEMU_SILENT || (value && q->harmless && !strcmp(value, q->harmless)))
        return true;
    fprintf(err, "nestbox: -%s: %s\n", q->name, q->text);
    return q->answer == QEMU_NOTE;
}

/* ---- options that act a little */

/* Whether the option string has key=value; "" as the value: whichever. */
static bool has_item(const char *v, const char *key, const char *value)
{
    size_t n = strlen(key);

    for (const char *q = v; q; q = strchr(q, ',')) {
        q += *q == ',';
        if (!strncmp(q, key, n) && q[n] == '=' &&
            (!*value || (!strncmp(q + n + 1, value, strlen(value)) &&
                         strchr(",", q[n + 1 + strlen(value)]))))
            return true;
    }
    return false;
}

int opts_smbios(struct parse *p, const char *v)
{
    const char *uuid = strstr(v, "uuid=");
    char text[64];

    if (has_item(v, "file", ""))
        return opts_complain(p, "smbios", "the tables are the machine's own; leave file= out");
    if (!has_item(v, "type", ""))
        return opts_complain(p, "smbios", "use type=1,uuid=UUID");
    if (has_item(v, "type", "1") && uuid) {
        snprintf(text, sizeof text, "%.*s", (int)strcspn(uuid + 5, ","), uuid + 5);
        if (!strchr(v, ',') || strcspn(v, ",") + 1 == (size_t)(uuid - v))
            v = NULL;
        int rc = opts_set_key(p, "uuid", text);
        if (rc >= 0 || !v)
            return rc;
    }
    fprintf(p->err, "nestbox: -smbios %s: the texts are the machine's own; they are ignored\n", v);
    return -1;
}

/* Few devices have anything to set. */
int opts_global(struct parse *p, const char *v)
{
    static const char iobase[] = "isa-debugcon.iobase=", s3[] = "PIIX4_PM.disable_s";
    char text[80];

    if (!strncmp(v, iobase, sizeof iobase - 1)) {
        snprintf(text, sizeof text, "isa-debugcon,iobase=%.40s", v + sizeof iobase - 1);
        return opts_set_key(p, "device", text);
    }
    if (!strchr(v, '='))
        return opts_complain(p, "global", "use NAME.PROPERTY=VALUE");
    if (!strncmp(v, "VGA.", 4)) {
        snprintf(text, sizeof text, "VGA,%.60s", v + 4);
        return opts_set_key(p, "device", text);
    }
    /* these states are not offered in the first place */
    if (strncmp(v, s3, sizeof s3 - 1))
        fprintf(p->err, "nestbox: -global %s: ignored; devices take properties in -device\n", v);
    return -1;
}

int opts_action(struct parse *p, const char *v)
{
    static const char *const known[] = { "reboot=reset", "reboot=shutdown", "shutdown=poweroff",
                                         "shutdown=pause" };
    static const char *const free_of_effect[] = { "panic", "watchdog" };
    char text[200], *save = NULL;

    snprintf(text, sizeof text, "%s", v);
    for (char *t = strtok_r(text, ",", &save); t; t = strtok_r(NULL, ",", &save)) {
        unsigned k = 0, n = 0;
        while (k < 4 && strcmp(t, known[k]))
            k++;
        while (n < 2 && strncmp(t, free_of_effect[n], strlen(free_of_effect[n])))
            n++;
        if (k == 4 && n == 2) {
            fprintf(p->err, "nestbox: -action %s: use reboot=reset|shutdown, "
                    "shutdown=poweroff|pause\n", v);
            return 1;
        }
        if (k == 4)
            continue;
        int rc = opts_set_key(p, k < 2 ? "no-reboot" : "no-shutdown", k & 1 ? "on" : "off");
        if (rc >= 0)
            return rc;
    }
    return -1;
}
