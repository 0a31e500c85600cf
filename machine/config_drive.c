/* SPDX-License-Identifier: MIT */
/* Drives as they are configured: -hda and the like, -drive, and the -device that a -drive with
 * if=none belongs to. */
#include "machine/config.h"

#include "core/strbuf.h"
#include "core/xalloc.h"
#include "machine/options.h"

static void set_text(char **to, const char *v)
{
    xfree(*to);
    *to = v ? xstrdup(v) : NULL;
}

static struct drive_config *new_drive(struct config *c, struct err *e)
{
    if (c->num_drives == CONFIG_MAX_DRIVES) {
        err_set(e, ERR_CONFIG, "too many drives: at most %u", CONFIG_MAX_DRIVES);
        return NULL;
    }
    struct drive_config *d = &c->drives[c->num_drives++];
    d->werror = BLOCK_ENOSPC; /* QEMU's defaults: nothing acknowledged is lost */
    d->rerror = BLOCK_REPORT;
    return d;
}

static bool index_taken(const struct config *c, enum drive_if iface, unsigned n)
{
    for (unsigned k = 0; k < c->num_drives; k++)
        if (c->drives[k].iface == iface && c->drives[k].index == n)
            return true;
    return false;
}

static unsigned free_index(const struct config *c, enum drive_if iface)
{
    unsigned n = 0;

    while (n < 4 && index_taken(c, iface, n))
        n++;
    return n;
}

static bool check_index(const struct config *c, enum drive_if iface, unsigned index, struct err *e)
{
    unsigned max = iface == DRIVE_IDE ? 4 : 2;

    if (index >= max)
        return err_set(e, ERR_CONFIG, "drive index %u: %s has %u (0 to %u)", index,
                       iface == DRIVE_IDE ? "the IDE controller" : "the floppy controller", max,
                       max - 1);
    if (index_taken(c, iface, index))
        return err_set(e, ERR_CONFIG, "%s drive %u is given twice",
                       iface == DRIVE_IDE ? "IDE" : "floppy", index);
    return true;
}

/* QEMU's words for what is no file of the host's would be taken for a file's name. */
static bool check_file(const char *file, struct err *e)
{
    static const char *const schemes[] = { "fat:", "nbd:", "nbd+", "http:", "https:", "ftp:",
                                           "ssh:", "iscsi:", "json:", "blkdebug:", "host_device:",
                                           NULL };

    for (unsigned k = 0; file && schemes[k]; k++)
        if (!strncmp(file, schemes[k], strlen(schemes[k])))
            return err_set(e, ERR_CONFIG, "%s: there is no \"%s\" here; make an image file (a file "
                           "of this name is ./%s)", file, schemes[k], file);
    return true;
}

bool config_plain_drive(struct config *c, enum drive_if iface, unsigned index, bool cdrom,
                        const char *file, struct err *e)
{
    struct drive_config *d;

    if (!check_file(file, e) || !check_index(c, iface, index, e) || !(d = new_drive(c, e)))
        return false;
    d->iface = iface;
    d->index = index;
    d->cdrom = cdrom;
    d->read_only = cdrom;
    set_text(&d->file, file && *file ? file : NULL);
    return true;
}

static bool policy(const char *v, bool write, enum block_policy *p, struct err *e)
{
    if (!strcmp(v, "report"))
        *p = BLOCK_REPORT;
    else if (!strcmp(v, "ignore"))
        *p = BLOCK_IGNORE;
    else if (!strcmp(v, "stop"))
        *p = BLOCK_STOP;
    else if (write && !strcmp(v, "enospc"))
        *p = BLOCK_ENOSPC;
    else
        return err_set(e, ERR_CONFIG, "%s=%s: use %sreport, ignore or stop", write ? "werror" :
                       "rerror", v, write ? "enospc, " : "");
    return true;
}

static bool one_of(const char *key, const char *v, const char *const *names, unsigned *n,
                   struct err *e)
{
    struct strbuf sb = { 0 };

    for (*n = 0; names[*n]; ++*n)
        if (!strcmp(v, names[*n]))
            return true;
    for (unsigned k = 0; names[k]; k++)
        sb_addf(&sb, "%s%s", !k ? "" : names[k + 1] ? ", " : " or ", names[k]);
    err_set(e, ERR_CONFIG, "%s=%s: use %s", key, v, sb_text(&sb));
    sb_free(&sb);
    return false;
}

/* How the host's file is used. false without a message: another key. */
static bool host_property(struct drive_config *d, const char *key, const char *v, bool *ok,
                          struct err *e)
{
    static const char *const discards[] = { "unmap", "on", "ignore", "off", NULL };
    static const char *const aios[] = { "threads", "native", "io_uring", NULL };
    unsigned n = 0;

    if (!strcmp(key, "cache")) {
        if ((*ok = one_of(key, v, blk_cache_names, &n, e)))
            d->cache = (enum blk_cache)n;
    } else if (!strcmp(key, "discard")) {
        if ((*ok = one_of(key, v, discards, &n, e)))
            d->discard = n < 2;
    } else if (!strcmp(key, "aio")) {
        *ok = one_of(key, v, aios, &n, e); /* a thread, whatever they say */
    } else {
        return false;
    }
    return true;
}

/* What -drive says, before it is known where that goes. */
struct drive_words {
    struct drive_config d;
    const char *file, *serial, *id;
    int index, bus, unit; /* -1: not given */
};

static bool set_if(struct drive_config *d, const char *v, struct err *e)
{
    if (!strcmp(v, "ide"))
        d->iface = DRIVE_IDE;
    else if (!strcmp(v, "floppy"))
        d->iface = DRIVE_FLOPPY;
    else if (!strcmp(v, "none"))
        d->iface = DRIVE_NONE;
    else
        return err_set(e, ERR_CONFIG, "if=%s: use ide, floppy or none", v);
    return true;
}

static bool place(const char *key, const char *v, int *to, unsigned max, struct err *e)
{
    u64 n;

    if (!options_number(v, &n) || n > max)
        return err_set(e, ERR_CONFIG, "%s=%s: use 0 to %u", key, v, max);
    *to = (int)n;
    return true;
}

static bool drive_property(struct drive_words *w, const char *key, const char *v, struct err *e)
{
    bool ok = true;

    if (!strcmp(key, "file") || !strcmp(key, "file.filename"))
        w->file = v;
    else if (!strcmp(key, "if"))
        ok = set_if(&w->d, v, e);
    else if (!strcmp(key, "index"))
        ok = place(key, v, &w->index, 3, e);
    else if (!strcmp(key, "bus") || !strcmp(key, "unit"))
        ok = place(key, v, *key == 'b' ? &w->bus : &w->unit, 1, e);
    else if (!strcmp(key, "media"))
        ok = (w->d.cdrom = !strcmp(v, "cdrom")) || !strcmp(v, "disk") ||
             err_set(e, ERR_CONFIG, "media=%s: use disk or cdrom", v);
    else if (!strcmp(key, "format") || !strcmp(key, "driver"))
        ok = !strcmp(v, "raw") ||
             err_set(e, ERR_CONFIG, "%s=%s: only raw images are supported; convert it with "
                     "\"qemu-img convert -O raw\"", key, v);
    else if (!strcmp(key, "snapshot"))
        ok = options_bool(key, v, &w->d.snapshot, e);
    else if (!strcmp(key, "readonly") || !strcmp(key, "read-only"))
        ok = options_bool(key, v, &w->d.read_only, e);
    else if (!strcmp(key, "file.locking") || !strcmp(key, "locking"))
        ok = !strcmp(v, "on") || !strcmp(v, "auto") ||
             err_set(e, ERR_CONFIG, "%s=%s: a writer always locks its image; snapshot=on and "
                     "readonly=on share it", key, v);
    else if (!strcmp(key, "serial"))
        w->serial = v;
    else if (!strcmp(key, "id"))
        w->id = v;
    else if (!strcmp(key, "werror"))
        ok = policy(v, true, &w->d.werror, e);
    else if (!strcmp(key, "rerror"))
        ok = policy(v, false, &w->d.rerror, e);
    else if (!host_property(&w->d, key, v, &ok, e) && strcmp(key, "detect-zeroes"))
        ok = err_set(e, ERR_CONFIG, "unknown property %s", key);
    return ok;
}

/* index, or bus and unit: QEMU counts the IDE drives the same way. */
static bool find_place(struct config *c, struct drive_words *w, struct err *e)
{
    struct drive_config *d = &w->d;
    unsigned per_bus = d->iface == DRIVE_IDE ? 2 : 4;

    if (w->index >= 0 && (w->bus >= 0 || w->unit >= 0))
        return err_set(e, ERR_CONFIG, "index= and bus= or unit= exclude each other");
    if (d->iface == DRIVE_FLOPPY && w->bus > 0)
        return err_set(e, ERR_CONFIG, "bus=%d: there is one floppy controller", w->bus);
    if (d->cdrom && d->iface == DRIVE_FLOPPY)
        return err_set(e, ERR_CONFIG, "media=cdrom: the floppy controller has no CD-ROM; use "
                       "if=ide");
    if (w->index >= 0) {
        d->index = (unsigned)w->index;
    } else if (w->bus >= 0 || w->unit >= 0) {
        unsigned first = (unsigned)MAX(w->bus, 0) * per_bus;
        d->index = first + (unsigned)MAX(w->unit, 0);
        if (w->unit < 0 && index_taken(c, d->iface, d->index))
            d->index++;
    } else {
        d->index = d->cdrom && !index_taken(c, DRIVE_IDE, 2) ? 2 : free_index(c, d->iface);
    }
    return check_index(c, d->iface, d->index, e);
}

static bool id_is_new(const struct config *c, const char *id, struct err *e)
{
    if (!*id)
        return err_set(e, ERR_CONFIG, "id=: a name is missing");
    for (unsigned k = 0; k < c->num_drives; k++)
        if (c->drives[k].id && !strcmp(c->drives[k].id, id))
            return err_set(e, ERR_CONFIG, "id=%s is given twice", id);
    return true;
}

bool config_drive(struct config *c, const char *value, struct err *e)
{
    struct drive_words w = { .index = -1, .bus = -1, .unit = -1 };
    struct drive_config *d = NULL;
    struct options o;
    bool ok = true;

    w.d.snapshot = c->snapshot_all;
    w.d.werror = BLOCK_ENOSPC;
    w.d.rerror = BLOCK_REPORT;
    if (!options_parse(&o, value, "file", e))
        return err_prefix(e, "-drive");
    for (unsigned k = 0; ok && k < o.n; k++)
        ok = drive_property(&w, o.key[k], o.value[k], e);
    if (ok && w.d.iface == DRIVE_NONE && !w.id)
        ok = err_set(e, ERR_CONFIG, "if=none needs id=ID, for -device ide-hd,drive=ID");
    ok = ok && check_file(w.file, e) && (!w.id || id_is_new(c, w.id, e)) &&
         (w.d.iface == DRIVE_NONE || find_place(c, &w, e)) && (d = new_drive(c, e));
    if (ok) {
        *d = w.d;
        d->read_only |= d->cdrom;
        set_text(&d->file, w.file && *w.file ? w.file : NULL);
        set_text(&d->serial, w.serial);
        set_text(&d->id, w.id);
    }
    options_free(&o);
    return ok || err_prefix(e, "-drive");
}

/* ---- -device ide-hd, ide-cd, floppy */

static bool plug_bus(struct drive_plug *p, const char *v, int *bus, struct err *e)
{
    if (p->iface == DRIVE_IDE && !strncmp(v, "ide.", 4) && (v[4] == '0' || v[4] == '1') && !v[5])
        *bus = v[4] - '0';
    else if (p->iface == DRIVE_IDE)
        return err_set(e, ERR_CONFIG, "bus=%s: use ide.0 or ide.1", v);
    return true;
}

bool config_plug_drive(struct config *c, const struct options *o, struct err *e)
{
    const char *name = o->value[0], *drive = NULL, *serial = NULL;
    struct drive_plug p = { .iface = *name == 'f' ? DRIVE_FLOPPY : DRIVE_IDE,
                            .cdrom = !strcmp(name, "ide-cd"), .index = -1 };
    int bus = -1, unit = -1;
    bool ok = true;

    for (unsigned k = 1; ok && k < o->n; k++) {
        const char *key = o->key[k], *v = o->value[k];
        if (!strcmp(key, "drive"))
            drive = v;
        else if (!strcmp(key, "bus"))
            ok = plug_bus(&p, v, &bus, e);
        else if (!strcmp(key, "unit"))
            ok = place(key, v, &unit, 1, e);
        else if (!strcmp(key, "serial") && p.iface == DRIVE_IDE)
            serial = v;
        else if (!strcmp(key, "bootindex"))
            ok = err_set(e, ERR_CONFIG, "bootindex=%s: use -boot order=", v);
        else if (strcmp(key, "id"))
            ok = err_set(e, ERR_CONFIG, "unknown property %s", key);
    }
    if (ok && !drive)
        ok = err_set(e, ERR_CONFIG, "drive=ID is missing: the id= of a -drive with if=none");
    if (ok && c->num_plugs == CONFIG_MAX_DRIVES)
        ok = err_set(e, ERR_CONFIG, "too many drives: at most %u", CONFIG_MAX_DRIVES);
    if (!ok)
        return err_prefix(e, "-device %s", name);
    if (p.iface == DRIVE_FLOPPY)
        p.index = unit;
    else if (unit >= 0 || bus >= 0)
        p.index = MAX(bus, 0) * 2 + MAX(unit, 0);
    p.any_unit = unit < 0;
    p.drive = xstrdup(drive);
    p.serial = serial ? xstrdup(serial) : NULL;
    c->plugs[c->num_plugs++] = p;
    return true;
}

static bool attach(struct config *c, const struct drive_plug *p, struct err *e)
{
    struct drive_config *d = NULL;

    for (unsigned k = 0; k < c->num_drives; k++)
        if (c->drives[k].id && !strcmp(c->drives[k].id, p->drive))
            d = &c->drives[k];
    if (!d)
        return err_set(e, ERR_CONFIG, "drive=%s: there is no -drive with this id", p->drive);
    if (d->iface != DRIVE_NONE)
        return err_set(e, ERR_CONFIG, "drive=%s has its place already; use if=none", p->drive);
    unsigned index = p->index >= 0 ? (unsigned)p->index : free_index(c, p->iface);
    if (p->index >= 0 && p->any_unit && index_taken(c, p->iface, index))
        index++;
    if (!check_index(c, p->iface, index, e))
        return false;
    d->iface = p->iface;
    d->index = index;
    d->cdrom = p->cdrom;
    d->read_only |= p->cdrom;
    if (p->serial)
        set_text(&d->serial, p->serial);
    return true;
}

bool config_attach(struct config *c, struct err *e)
{
    /* those with a place of their own first */
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned k = 0; k < c->num_plugs; k++) {
            const struct drive_plug *p = &c->plugs[k];
            if ((p->index < 0) == pass && !attach(c, p, e))
                return err_prefix(e, "-device %s", p->iface == DRIVE_FLOPPY ? "floppy" :
                                  p->cdrom ? "ide-cd" : "ide-hd");
        }
    for (unsigned k = 0; k < c->num_drives; k++)
        if (c->drives[k].iface == DRIVE_NONE)
            return err_set(e, ERR_CONFIG, "-drive id=%s: if=none needs -device ide-hd,drive=%s (or "
                           "ide-cd, floppy)", c->drives[k].id, c->drives[k].id);
    return true;
}
