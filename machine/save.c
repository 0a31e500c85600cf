/* SPDX-License-Identifier: MIT */
/* Snapshots: savevm and loadvm.
 *
 *   header of core/snap.h
 *   section "machine"   what the machine is; must agree with the one that loads
 *   section "cpu", one section per device in board order
 *   the typist's queue
 *   the serial ports' input that waits for the guest
 *   u8 marker per drive (MARK_...), and then the overlay's contents if it has one
 *   u64 "NBPAGES\n", u32 frames, u32 stored, u32 frame numbers[stored]
 *   zero bytes up to a multiple of 4096, then the stored pages: a file that can be mapped
 * Pages of zeros are not stored. Every number is checked when loading; a snapshot that is refused
 * leaves no machine behind, as loading happens before the first instruction. */
#include "machine/machine.h"

#include <stdio.h>

#include "core/xalloc.h"

#define PAGES_MAGIC 0x0a53454741504e4eull

struct identity {
    u32 ram_mb, num_devices, num_drives, counted, ns_per_insn;
    u64 now, next_seq;
    u8 board[16], cpu[32];
    u64 hash[2];
    u8 a20;
    u8 pending;    /* requests that the run loop has not taken yet: enum pending */
    i32 exit_code;
};
enum pending { PENDING_RESET = 1, PENDING_INIT = 2, PENDING_OFF = 4, PENDING_EXIT = 8, PENDING_STOP = 16 };

static const struct field identity_fields[] = {
    F_U32(struct identity, ram_mb), F_U32(struct identity, num_devices),
    F_U32(struct identity, counted), F_U32(struct identity, ns_per_insn),
    F_U64(struct identity, now), F_U64(struct identity, next_seq),
    F_ARRAY(struct identity, board, u8), F_ARRAY(struct identity, cpu, u8),
    F_ARRAY(struct identity, hash, u64), F_U8(struct identity, a20),
    F_U32(struct identity, num_drives), F_U8(struct identity, pending),
    F_I32(struct identity, exit_code), F_END
};

static void identify(struct nb_machine *m, struct identity *id)
{
    memset(id, 0, sizeof *id);
    id->ram_mb = m->cfg->ram_mb;
    id->num_devices = m->num_devices;
    id->counted = m->clock.source != CLOCK_REAL;
    id->ns_per_insn = m->clock.ns_per_insn;
    id->now = clock_now(&m->clock);
    id->next_seq = m->clock.next_seq;
    snprintf((char *)id->board, sizeof id->board, "%s", m->board->name);
    snprintf((char *)id->cpu, sizeof id->cpu, "%s", m->cfg->cpu ? m->cfg->cpu : "");
    memcpy(id->hash, m->hash.h, sizeof id->hash);
    id->a20 = m->a20_level != 0;
    id->num_drives = m->num_drives;
    id->pending = (u8)((m->want_reset ? PENDING_RESET : 0) | (m->want_init ? PENDING_INIT : 0) |
                       (m->want_power_off ? PENDING_OFF : 0) | (m->want_exit ? PENDING_EXIT : 0) |
                       (m->want_io_stop ? PENDING_STOP : 0));
    id->exit_code = m->exit_code;
}

/* Counts what was written, for the alignment of the pages. */
struct counted_out {
    struct os_out *out;
    u64 pos;
};

static bool counted_write(void *to, const void *data, size_t len)
{
    struct counted_out *c = to;

    c->pos += len;
    return os_out_write(c->out, data, len);
}

struct counted_in {
    struct os_in *in;
    u64 pos;
};

static bool counted_read(void *from, void *data, size_t len)
{
    struct counted_in *c = from;

    c->pos += len;
    return os_in_read(c->in, data, len);
}

static bool zero_page(const u8 *p)
{
    for (u32 k = 0; k < PAGE_SIZE; k += 8)
        if (ld64(p + k))
            return false;
    return true;
}

static bool saved_frame(const struct nb_machine *m, u32 f)
{
    return !(m->ram.flags[f] & RAM_ROM) && !zero_page(ram_rd(&m->ram, f));
}

static bool save_pages(struct nb_machine *m, struct counted_out *c)
{
    u64 magic = PAGES_MAGIC;
    u32 stored = 0;
    static const u8 zeros[64];

    for (u32 f = 0; f < m->layout.total; f++)
        stored += saved_frame(m, f);
    if (!counted_write(c, &magic, 8) || !counted_write(c, &m->layout.total, 4) ||
        !counted_write(c, &stored, 4))
        return false;
    for (u32 f = 0; f < m->layout.total; f++)
        if (saved_frame(m, f) && !counted_write(c, &f, 4))
            return false;
    while (c->pos & PAGE_MASK)
        if (!counted_write(c, zeros, MIN(sizeof zeros, PAGE_SIZE - (c->pos & PAGE_MASK))))
            return false;
    for (u32 f = 0; f < m->layout.total; f++)
        if (saved_frame(m, f) && !counted_write(c, ram_rd(&m->ram, f), PAGE_SIZE))
            return false;
    return true;
}

/* A drive's byte in the file. */
enum { MARK_OVERLAY = 1, MARK_MEDIUM = 2, MARK_OPEN = 4 /* the guest has opened the tray */ };

static u8 drive_mark(const struct drive *d)
{
    return (u8)((d->blk && d->blk->ops->save_overlay ? MARK_OVERLAY : 0) |
                (d->file ? MARK_MEDIUM : 0) |
                (d->file && !d->blk->inserted ? MARK_OPEN : 0));
}

static bool save_overlays(struct nb_machine *m, struct counted_out *c, struct err *e)
{
    for (unsigned k = 0; k < m->num_drives; k++) {
        struct block *b = m->drives[k].blk;
        u8 mark = drive_mark(&m->drives[k]);
        if (!counted_write(c, &mark, 1) ||
            (mark & MARK_OVERLAY && !b->ops->save_overlay(b, counted_write, c, e)))
            return false;
    }
    return true;
}

bool machine_save(struct nb_machine *m, const char *file, struct err *e)
{
    struct identity id;
    struct counted_out c = { os_out_new(file, e), 0 };
    struct snap_out out = { counted_write, &c };
    bool ok;

    if (!c.out)
        return false;
    /* at a deadline that is due the clock stands, and would go on from there in the machine that loads,
     * whatever the CPU has done since */
    for (unsigned n = 0; n < 100 && clock_run(&m->clock); n++)
        ;
    for (unsigned k = 0; k < m->num_devices; k++)
        if (m->dev[k]->cls->pre_save)
            m->dev[k]->cls->pre_save(m->dev[k]);
    identify(m, &id);
    ok = snap_begin(&out, e) && snap_save(&out, "machine", 2, identity_fields, &id, e) &&
         cpu_save(m->cpu, &out, e);
    for (unsigned k = 0; ok && k < m->num_devices; k++) {
        const struct device_class *cls = m->dev[k]->cls;
        if (cls->fields)
            ok = snap_save(&out, m->dev[k]->id, cls->version, cls->fields, m->dev[k], e);
    }
    ok = ok && typist_save(m, counted_write, &c) && ports_save(m, counted_write, &c) &&
         save_overlays(m, &c, e) && save_pages(m, &c);
    if (!ok) {
        os_out_abort(c.out);
        err_set(e, ERR_RESOURCE, "%s: writing failed; is the disk full?", file);
        return false;
    }
    return os_out_commit(c.out, e);
}

/* ---- loading */

static bool refuse(struct err *e, const char *file, const char *why)
{
    return err_set(e, ERR_STATE, "%s: %s", file, why);
}

static bool same_machine(struct nb_machine *m, const struct identity *id, const char *file,
                         struct err *e)
{
    struct identity mine;

    identify(m, &mine);
    if (memcmp(id->board, mine.board, sizeof mine.board))
        return refuse(e, file, "made on another board (-machine)");
    if (id->ram_mb != mine.ram_mb)
        return err_set(e, ERR_STATE, "%s: made with -m %uM, this machine has %uM", file, id->ram_mb,
                       mine.ram_mb);
    if (memcmp(id->cpu, mine.cpu, sizeof mine.cpu))
        return refuse(e, file, id->cpu[0] ? "made with another -cpu" : "made without -cpu");
    if (id->num_devices != mine.num_devices)
        return refuse(e, file, "made with other devices; use the options it was made with");
    if (id->num_drives != mine.num_drives)
        return err_set(e, ERR_STATE, "%s: made with %u drive%s, this machine has %u", file,
                       id->num_drives, id->num_drives == 1 ? "" : "s", mine.num_drives);
    if (id->next_seq >> 62 || id->now >> 62 || id->a20 > 1 || id->pending > 31)
        return refuse(e, file, "damaged: impossible machine state");
    if (id->counted != mine.counted || (id->counted && id->ns_per_insn != mine.ns_per_insn))
        return refuse(e, file, "made with another -clock");
    return true;
}

static bool load_pages(struct nb_machine *m, struct counted_in *c, const char *file, struct err *e)
{
    u64 magic;
    u32 total, stored, last = 0;
    u32 *frame;
    u8 pad[64];

    if (!counted_read(c, &magic, 8) || magic != PAGES_MAGIC || !counted_read(c, &total, 4) ||
        !counted_read(c, &stored, 4) || total != m->layout.total || stored > total)
        return refuse(e, file, "damaged: no memory pages where they should be");
    frame = xcalloc(stored ? stored : 1, sizeof *frame);
    bool ok = true;
    for (u32 k = 0; ok && k < stored; k++) {
        ok = counted_read(c, &frame[k], 4) && frame[k] < total && (k == 0 || frame[k] > last) &&
             !(m->ram.flags[frame[k]] & RAM_ROM);
        last = frame[k];
    }
    while (ok && (c->pos & PAGE_MASK))
        ok = counted_read(c, pad, MIN(sizeof pad, PAGE_SIZE - (c->pos & PAGE_MASK)));
    for (u32 k = 0; ok && k < stored; k++)
        ok = counted_read(c, ram_wr(&m->ram, frame[k], 0, PAGE_SIZE), PAGE_SIZE);
    xfree(frame);
    return ok || refuse(e, file, "damaged or cut off in the memory pages");
}

static bool load_overlays(struct nb_machine *m, struct counted_in *c, const char *file,
                          struct err *e)
{
    for (unsigned k = 0; k < m->num_drives; k++) {
        struct block *b = m->drives[k].blk;
        u8 mark, mine = drive_mark(&m->drives[k]);
        if (!counted_read(c, &mark, 1) || mark > 7 || (mark & MARK_OPEN && !(mark & MARK_MEDIUM)))
            return refuse(e, file, "damaged: drives");
        if ((mark ^ mine) & MARK_MEDIUM)
            return err_set(e, ERR_STATE, "%s: %s %s when it was made", file, m->drives[k].id,
                           mark & MARK_MEDIUM ? "had a medium" : "was empty");
        if ((mark ^ mine) & MARK_OVERLAY)
            return err_set(e, ERR_STATE, "%s: %s was%s opened with snapshot=on when it was made",
                           file, m->drives[k].id, mark & MARK_OVERLAY ? "" : " not");
        if (mark & MARK_OPEN) {
            if (!b->removable)
                return refuse(e, file, "damaged: drives");
            b->inserted = false;
        }
        if (mark & MARK_OVERLAY && !b->ops->load_overlay(b, counted_read, c, e))
            return false;
    }
    return true;
}

bool machine_load(struct nb_machine *m, const char *file, struct err *e)
{
    struct identity id = { 0 };
    struct counted_in c = { os_in_new(file, e), 0 };
    struct snap_in in = { counted_read, &c };
    bool ok;

    if (!c.in)
        return false;
    ok = snap_check(&in, e) && snap_load(&in, "machine", 2, identity_fields, &id, e) &&
         same_machine(m, &id, file, e) && cpu_load(m->cpu, &in, e);
    if (ok) {
        /* time first: timers are armed against it */
        clock_restore(&m->clock, id.now);
        memcpy(m->hash.h, id.hash, sizeof id.hash);
    }
    for (unsigned k = 0; ok && k < m->num_devices; k++) {
        const struct device_class *cls = m->dev[k]->cls;
        if (!cls->fields)
            continue;
        ok = snap_load(&in, m->dev[k]->id, cls->version, cls->fields, m->dev[k], e);
    }
    for (unsigned k = 0; ok && k < m->num_devices; k++)
        if (m->dev[k]->cls->post_load)
            ok = m->dev[k]->cls->post_load(m->dev[k], e) || err_prefix(e, "%s", m->dev[k]->id);
    ok = ok && (typist_load(m, counted_read, &c) || refuse(e, file, "damaged: typed keys")) &&
         (ports_load(m, counted_read, &c) || refuse(e, file, "damaged: serial input")) &&
         load_overlays(m, &c, file, e) && load_pages(m, &c, file, e);
    if (ok) {
        if (m->clock.next_seq < id.next_seq)
            m->clock.next_seq = id.next_seq;
        m->a20_level = id.a20;
        cpu_set_a20(m->cpu, id.a20);
        m->want_reset = id.pending & PENDING_RESET;
        m->want_init = id.pending & PENDING_INIT;
        m->want_power_off = id.pending & PENDING_OFF;
        m->want_exit = id.pending & PENDING_EXIT;
        m->want_io_stop = id.pending & PENDING_STOP;
        m->exit_code = id.exit_code;
        cpu_state_loaded(m->cpu);
        m->paced_anchor_host = 0;
    }
    os_in_free(c.in);
    if (!ok && e->code != ERR_STATE)
        err_set(e, ERR_STATE, "%s: not a snapshot of this version", file);
    else if (!ok && !strstr(e->msg, file))
        err_prefix(e, "%s", file);
    return ok;
}
