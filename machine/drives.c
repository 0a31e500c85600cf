/* SPDX-License-Identifier: MIT */
/* Drives: from configuration to opened images. */
#include "machine/machine.h"

#include <stdio.h>

#include "bios/disk/builtin.h"
#include "core/xalloc.h"
#include "devices/i82077.h"
#include "host/blk.h"

struct warning {
    struct nb_machine *m;
    char *line;
};

static void warning_arrives(void *arg, bool run)
{
    struct warning *w = arg;

    if (run)
        log_write(&w->m->log, LOG_WARN, "%s", w->line);
    xfree(w->line);
    xfree(w);
}

/* Disk threads have something to say, too. */
static void warn_line(void *machine, const char *line)
{
    struct nb_machine *m = machine;

    if (os_thread_self() == __atomic_load_n(&m->thread, __ATOMIC_RELAXED)) {
        log_write(&m->log, LOG_WARN, "%s", line);
        return;
    }
    struct warning *w = xcalloc(1, sizeof *w);
    *w = (struct warning){ m, xstrdup(line) };
    loop_post(m->loop, warning_arrives, w, LOOP_ASAP);
}

static void io_stop(void *machine, struct block *b)
{
    struct nb_machine *m = machine;

    log_write(&m->log, LOG_WARN, "%s: the host failed an access; the machine is paused, \"cont\" "
              "tries again", b->file ? b->file : "disk");
    m->want_io_stop = true;
    cpu_stop(m->cpu);
}

static struct block *open_medium(struct nb_machine *m, const struct drive_config *cfg,
                                 struct err *e)
{
    struct block *b;

    if (cfg->builtin) {
        b = block_mem(cfg->builtin, cfg->builtin_len / BLOCK_SECTOR, false);
    } else {
        struct blk_opts o = { .file = cfg->file, .read_only = cfg->read_only,
                              .snapshot = cfg->snapshot || m->cfg->snapshot_all,
                              .removable = cfg->iface == DRIVE_FLOPPY || cfg->cdrom,
                              .cache = cfg->cache, .discard = cfg->discard, .loop = m->loop,
                              .async = m->cfg->clock == CLOCK_REAL,
                              .format = "raw", .warn = warn_line, .warn_to = m };
        b = blk_open(&o, e);
        if (!b)
            return NULL;
    }
    return b;
}

static bool removable(const struct drive_config *cfg)
{
    return cfg->iface == DRIVE_FLOPPY || cfg->cdrom;
}

/* What the drive can take; a disk's own device judges the other images. */
static bool check_medium(const struct drive *d, const struct block *b, struct err *e)
{
    if (d->cfg.iface == DRIVE_FLOPPY && b->sectors > FDC_MAX_SECTORS)
        return err_set(e, ERR_CONFIG, "%s is larger than any floppy disk (%u KB)", d->cfg.file,
                       FDC_MAX_SECTORS / 2);
    if (removable(&d->cfg) && b->sectors < (d->cfg.cdrom ? 4 : 1))
        return err_set(e, ERR_CONFIG, "%s is too short for a %s", d->cfg.file,
                       d->cfg.cdrom ? "CD-ROM" : "floppy disk");
    return true;
}

/* Opens what cfg names and makes it the drive's medium. */
static bool load_medium(struct nb_machine *m, struct drive *d, struct err *e)
{
    struct block *b = open_medium(m, &d->cfg, e);

    if (!b)
        return false;
    if (!check_medium(d, b, e)) {
        block_close(b);
        return false;
    }
    if (removable(&d->cfg))
        block_tray_load(d->blk, b);
    else
        d->blk = b;
    xfree(d->file);
    d->file = xstrdup(d->cfg.file ? d->cfg.file : "(built-in)");
    return true;
}

bool drives_open(struct nb_machine *m, struct err *e)
{
    struct config *cfg = m->cfg;

    if (!config_attach(cfg, e))
        return false;
    if (!cfg->num_drives && !cfg->kernel) {
        /* nothing to boot: our own disk (bios/disk) */
        struct drive_config *d = &cfg->drives[cfg->num_drives++];
        d->iface = DRIVE_IDE;
        d->builtin = nb_builtin_disk;
        d->builtin_len = (u32)(nb_builtin_disk_end - nb_builtin_disk);
    }
    for (unsigned k = 0; k < cfg->num_drives; k++) {
        struct drive *d = &m->drives[m->num_drives++];
        d->cfg = cfg->drives[k];
        if (d->cfg.iface == DRIVE_FLOPPY)
            snprintf(d->id, sizeof d->id, "floppy%u", d->cfg.index);
        else
            snprintf(d->id, sizeof d->id, "ide%u-%s%u", d->cfg.index / 2,
                     d->cfg.cdrom ? "cd" : "hd", d->cfg.index % 2);
        d->cfg.file = d->cfg.file ? xstrdup(d->cfg.file) : NULL; /* it may change */
        if (removable(&d->cfg))
            d->blk = block_tray();
        if (!d->cfg.file && !d->cfg.builtin) {
            if (!removable(&d->cfg))
                return err_set(e, ERR_CONFIG, "%s: a hard disk needs a file", d->id);
        } else if (!load_medium(m, d, e)) {
            return false;
        }
        d->blk->werror = d->cfg.werror;
        d->blk->rerror = d->cfg.rerror;
        d->blk->on_stop = io_stop;
        d->blk->on_stop_to = m;
    }
    return true;
}

/* ---- other media while the machine runs */

/* The drive of that name if its medium may be taken out now. */
static struct drive *drive_to_empty(struct nb_machine *m, const char *id, bool force, struct err *e)
{
    struct drive *d = drive_find(m, id);

    if (!d) {
        err_set(e, ERR_CONFIG, "no drive \"%.40s\"; \"info block\" lists them", id);
        return NULL;
    }
    if (!removable(&d->cfg)) {
        err_set(e, ERR_CONFIG, "%s is a hard disk: its medium cannot be changed while the machine "
                "runs; start nestbox with another -drive", d->id);
        return NULL;
    }
    /* what the controller has under way is the former medium's */
    struct device *dev = machine_device(m, d->cfg.iface == DRIVE_FLOPPY ? m->board->fdc :
                                                                          m->board->ide);
    if (dev && dev->cls->pre_save)
        dev->cls->pre_save(dev);
    if (d->blk->stalled) {
        err_set(e, ERR_CONFIG, "%s: a failed access waits to be tried again: make room and \"cont\", "
                "then change the medium", d->id);
        return NULL;
    }
    /* a tray that the guest has opened is open */
    if (d->blk->locked && d->blk->inserted && !force) {
        d->blk->eject_wanted = true;
        err_set(e, ERR_CONFIG, "%s: the guest has locked the medium in and is asked to let it go; "
                "try again then, or use -f", d->id);
        return NULL;
    }
    return d;
}

static void unload(struct drive *d)
{
    block_tray_load(d->blk, NULL);
    xfree(d->file);
    xfree(d->cfg.file);
    d->file = d->cfg.file = NULL;
}

bool drive_eject(struct nb_machine *m, const char *id, bool force, struct err *e)
{
    struct drive *d = drive_to_empty(m, id, force, e);

    if (!d)
        return false;
    if (block_tray_medium(d->blk)) {
        LOG(&m->log, INFO, "%s: ejected", d->id);
        unload(d);
    }
    return true;
}

bool drive_change(struct nb_machine *m, const char *id, const char *file, unsigned flags,
                  struct err *e)
{
    struct drive *d = drive_to_empty(m, id, flags & NB_MEDIA_FORCE, e);

    if (!d)
        return false;
    struct drive_config was = d->cfg;
    char *old_file = was.file;
    bool ok;

    if (flags & NB_MEDIA_READ_ONLY)
        d->cfg.read_only = true;
    else if (flags & NB_MEDIA_READ_WRITE && !d->cfg.cdrom)
        d->cfg.read_only = false;
    /* our own hold on the same file would be in the way */
    if (d->file && !strcmp(d->file, file))
        block_tray_load(d->blk, NULL);
    d->cfg.file = xstrdup(file);
    ok = load_medium(m, d, e);
    if (ok) {
        LOG(&m->log, INFO, "%s: %s is in", d->id, d->file);
        xfree(old_file);
        return true;
    }
    xfree(d->cfg.file);
    d->cfg = was;
    if (!block_tray_medium(d->blk))
        unload(d);
    return err_prefix(e, "%s", d->id);
}

void drives_close(struct nb_machine *m)
{
    for (unsigned k = 0; k < m->num_drives; k++) {
        if (m->drives[k].blk)
            block_close(m->drives[k].blk);
        xfree(m->drives[k].file);
        xfree(m->drives[k].cfg.file);
    }
    m->num_drives = 0;
}

struct drive *drive_find(struct nb_machine *m, const char *id)
{
    for (unsigned k = 0; k < m->num_drives; k++)
        if (!strcmp(m->drives[k].id, id) ||
            (m->drives[k].cfg.id && !strcmp(m->drives[k].cfg.id, id)))
            return &m->drives[k];
    return NULL;
}

void drives_info(struct nb_machine *m, struct strbuf *sb)
{
    for (unsigned k = 0; k < m->num_drives; k++) {
        const struct drive *d = &m->drives[k];
        const struct block *b = d->blk;
        sb_add(sb, d->id);
        if (d->cfg.id)
            sb_addf(sb, " (%s)", d->cfg.id);
        if (!d->file) {
            sb_addf(sb, ": [not inserted]%s\n", b && b->locked ? " (locked)" : "");
            continue;
        }
        sb_addf(sb, ": %s (raw%s%s%s%s) %llu sectors\n", d->file,
                b->read_only ? ", read-only" : "",
                d->cfg.snapshot || m->cfg->snapshot_all ? ", snapshot" : "",
                b->locked ? ", locked" : "", b->inserted ? "" : ", tray open",
                (unsigned long long)b->sectors);
        static const char *const policies[] = { "report", "ignore", "stop", "enospc" };
        sb_addf(sb, "    cache=%s, discard=%s, werror=%s, rerror=%s\n",
                blk_cache_names[d->cfg.cache], b->discard ? "unmap" : "ignore",
                policies[b->werror], policies[b->rerror]);
        sb_addf(sb, "    read %llu bytes in %llu, wrote %llu in %llu, flushes %llu, discards %llu\n",
                (unsigned long long)b->rd_bytes, (unsigned long long)b->rd_ops,
                (unsigned long long)b->wr_bytes, (unsigned long long)b->wr_ops,
                (unsigned long long)b->flush_ops, (unsigned long long)b->discard_ops);
        sb_addf(sb, "    errors %llu, later than the drive would be %llu\n",
                (unsigned long long)b->errors, (unsigned long long)b->late_ops);
    }
    if (!m->num_drives)
        sb_add(sb, "no drives\n");
}
