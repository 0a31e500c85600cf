/* SPDX-License-Identifier: MIT */
/* Drives: from configuration to opened images. */
#include "machine/machine.h"

#include <stdio.h>

#include "bios/disk/builtin.h"
#include "core/xalloc.h"
#include "host/blk.h"

static void warn_line(void *machine, const char *line)
{
    log_write(&((struct nb_machine *)machine)->log, LOG_WARN, "%s", line);
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
                              .format = "raw", .warn = warn_line, .warn_to = m };
        b = blk_open(&o, e);
        if (!b)
            return NULL;
    }
    b->werror = cfg->werror;
    b->rerror = cfg->rerror;
    b->on_stop = io_stop;
    b->on_stop_to = m;
    return b;
}

bool drives_open(struct nb_machine *m, struct err *e)
{
    struct config *cfg = m->cfg;

    if (!cfg->num_drives && !cfg->kernel) {
        /* nothing to boot: our own disk (bios/disk) */
        struct drive_config *d = &cfg->drives[cfg->num_drives++];
        d->used = true;
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
        if (!d->cfg.file && !d->cfg.builtin) {
            if (d->cfg.iface == DRIVE_IDE && !d->cfg.cdrom)
                return err_set(e, ERR_CONFIG, "%s: a hard disk needs a file", d->id);
            continue;
        }
        d->blk = open_medium(m, &d->cfg, e);
        if (!d->blk)
            return false;
        d->file = xstrdup(d->cfg.file ? d->cfg.file : "(built-in)");
    }
    return true;
}

void drives_close(struct nb_machine *m)
{
    for (unsigned k = 0; k < m->num_drives; k++) {
        if (m->drives[k].blk)
            block_close(m->drives[k].blk);
        xfree(m->drives[k].file);
    }
    m->num_drives = 0;
}

struct drive *drive_find(struct nb_machine *m, const char *id)
{
    for (unsigned k = 0; k < m->num_drives; k++)
        if (!strcmp(m->drives[k].id, id))
            return &m->drives[k];
    return NULL;
}

void drives_info(struct nb_machine *m, struct strbuf *sb)
{
    for (unsigned k = 0; k < m->num_drives; k++) {
        const struct drive *d = &m->drives[k];
        const struct block *b = d->blk;
        if (!b) {
            sb_addf(sb, "%s: [not inserted]\n", d->id);
            continue;
        }
        sb_addf(sb, "%s: %s (raw%s%s) %llu sectors\n", d->id, d->file,
                b->read_only ? ", read-only" : "",
                d->cfg.snapshot || m->cfg->snapshot_all ? ", snapshot" : "",
                (unsigned long long)b->sectors);
        sb_addf(sb, "    read %llu bytes in %llu, wrote %llu in %llu, flushes %llu, errors %llu\n",
                (unsigned long long)b->rd_bytes, (unsigned long long)b->rd_ops,
                (unsigned long long)b->wr_bytes, (unsigned long long)b->wr_ops,
                (unsigned long long)b->flush_ops, (unsigned long long)b->errors);
    }
    if (!m->num_drives)
        sb_add(sb, "no drives\n");
}
