/* SPDX-License-Identifier: MIT */
/* snapshot=on: a temporary overlay over an image that is not changed.
 *
 * The overlay is a file without a name, so that nothing is left behind however we end. It holds
 * clusters in the order of their first write; the map is in memory, in leaves made on demand. The
 * first write to a cluster copies the rest of it from the base. */
#include <stdlib.h>

#include "core/xalloc.h"
#include "host/blk.h"
#include "host/os.h"

#define CLUSTER 65536u
#define CLUSTER_SECTORS (CLUSTER / BLOCK_SECTOR)
#define LEAF 1024u /* clusters a leaf maps: 64 MB */

struct overlay {
    struct block b;
    struct block *base;
    int fd;
    u32 **leaf;     /* [leaves][LEAF]: place in the overlay + 1; NULL and 0: in the base */
    u64 leaves;
    u32 used;       /* clusters in the overlay */
    u8 *scratch;    /* one cluster */
};

static u32 place_of(const struct overlay *o, u64 cluster)
{
    const u32 *leaf = o->leaf[cluster / LEAF];
    return leaf ? leaf[cluster % LEAF] : 0;
}

static enum block_status to_block(enum os_status s)
{
    return s == OS_OK ? BLOCK_OK : s == OS_NO_SPACE ? BLOCK_NO_SPACE : BLOCK_IO_ERROR;
}

/* The cluster's sectors: fewer in the last one. */
static u32 cluster_sectors(const struct overlay *o, u64 cluster)
{
    u64 left = o->b.sectors - cluster * CLUSTER_SECTORS;
    return (u32)MIN(left, (u64)CLUSTER_SECTORS);
}

/* The whole cluster as the guest sees it. */
static enum block_status read_cluster(struct overlay *o, u64 cluster, u8 *buf)
{
    u32 place = place_of(o, cluster);
    if (place)
        return to_block(os_pread(o->fd, buf, CLUSTER, (u64)(place - 1) * CLUSTER, false));
    u32 n = cluster_sectors(o, cluster);
    memset(buf + n * BLOCK_SECTOR, 0, CLUSTER - n * BLOCK_SECTOR);
    return block_rw(o->base, BLOCK_READ, cluster * CLUSTER_SECTORS, n, buf);
}

/* Gives the cluster a place with this content. The map changes last, so that a failure (a full
 * disk) leaves everything as it was. */
static enum block_status add_cluster(struct overlay *o, u64 cluster, const u8 *data)
{
    if (o->used == UINT32_MAX)
        return BLOCK_NO_SPACE;
    enum block_status s = to_block(os_pwrite(o->fd, data, CLUSTER, (u64)o->used * CLUSTER));
    if (s != BLOCK_OK)
        return s;
    u32 **leaf = &o->leaf[cluster / LEAF];
    if (!*leaf)
        *leaf = xcalloc(LEAF, sizeof(u32));
    (*leaf)[cluster % LEAF] = ++o->used;
    return BLOCK_OK;
}

static enum block_status read_part(struct overlay *o, u64 sector, u32 count, u8 *buf)
{
    u64 cluster = sector / CLUSTER_SECTORS;
    u32 place = place_of(o, cluster);
    if (!place)
        return block_rw(o->base, BLOCK_READ, sector, count, buf);
    u64 at = (u64)(place - 1) * CLUSTER + sector % CLUSTER_SECTORS * BLOCK_SECTOR;
    return to_block(os_pread(o->fd, buf, (size_t)count * BLOCK_SECTOR, at, false));
}

static enum block_status write_part(struct overlay *o, u64 sector, u32 count, const u8 *buf)
{
    u64 cluster = sector / CLUSTER_SECTORS, in = sector % CLUSTER_SECTORS * BLOCK_SECTOR;
    u32 place = place_of(o, cluster);
    size_t len = (size_t)count * BLOCK_SECTOR;

    if (place)
        return to_block(os_pwrite(o->fd, buf, len, (u64)(place - 1) * CLUSTER + in));
    if (len == CLUSTER)
        return add_cluster(o, cluster, buf);
    enum block_status s = read_cluster(o, cluster, o->scratch);
    if (s != BLOCK_OK)
        return s;
    memcpy(o->scratch + in, buf, len);
    return add_cluster(o, cluster, o->scratch);
}

static void overlay_submit(struct block *b, struct block_req *r)
{
    struct overlay *o = container_of(b, struct overlay, b);
    enum block_status s = BLOCK_OK;

    /* A discarded sector may read as anything, and nothing needs to survive us. */
    if (r->op == BLOCK_READ || r->op == BLOCK_WRITE) {
        u64 sector = r->sector;
        u8 *buf = r->buf;
        for (u32 left = r->count; left && s == BLOCK_OK;) {
            u32 n = MIN(left, CLUSTER_SECTORS - (u32)(sector % CLUSTER_SECTORS));
            s = r->op == BLOCK_READ ? read_part(o, sector, n, buf) : write_part(o, sector, n, buf);
            sector += n;
            buf += (size_t)n * BLOCK_SECTOR;
            left -= n;
        }
    }
    r->status = s;
}

/* Reads in one cluster: that many are asked for without waiting. */
static bool overlay_try_now(struct block *b, struct block_req *r)
{
    struct overlay *o = container_of(b, struct overlay, b);
    u64 in = r->sector % CLUSTER_SECTORS;

    if (r->op != BLOCK_READ || r->count > CLUSTER_SECTORS - in)
        return false;
    u32 place = place_of(o, r->sector / CLUSTER_SECTORS);
    if (!place)
        return o->base->ops->try_now && o->base->ops->try_now(o->base, r);
    enum os_status s = os_pread(o->fd, r->buf, (size_t)r->count * BLOCK_SECTOR,
                                (u64)(place - 1) * CLUSTER + in * BLOCK_SECTOR, true);
    if (s == OS_AGAIN)
        return false;
    r->status = to_block(s);
    return true;
}

static void overlay_wait(struct block *b, struct block_req *r)
{
    (void)b;
    (void)r;
}

static void overlay_close(struct block *b)
{
    struct overlay *o = container_of(b, struct overlay, b);
    for (u64 i = 0; i < o->leaves; i++)
        xfree(o->leaf[i]);
    xfree(o->leaf);
    xfree(o->scratch);
    os_close(o->fd);
    block_close(o->base);
    xfree(o);
}

/* ---- the overlay in a snapshot of the machine ----
 * u64 sectors, u32 cluster size, u32 count, then per cluster: u64 number (ascending), data. */

static bool save_overlay(struct block *b, bool (*write)(void *to, const void *p, size_t n),
                         void *to, struct err *e)
{
    struct overlay *o = container_of(b, struct overlay, b);
    u8 head[16];

    st64(head, b->sectors);
    st32(head + 8, CLUSTER);
    st32(head + 12, o->used);
    bool ok = write(to, head, sizeof(head));
    for (u64 i = 0; i < o->leaves && ok; i++)
        for (u32 k = 0; k < LEAF && o->leaf[i] && ok; k++) {
            u64 cluster = i * LEAF + k;
            if (!o->leaf[i][k])
                continue;
            if (read_cluster(o, cluster, o->scratch) != BLOCK_OK)
                return err_set(e, ERR_RESOURCE, "the overlay of %s cannot be read", b->file);
            ok = write(to, &cluster, 8) && write(to, o->scratch, CLUSTER);
        }
    return ok || err_set(e, ERR_RESOURCE, "the snapshot cannot be written: is the disk full?");
}

static bool load_overlay(struct block *b, bool (*read)(void *from, void *p, size_t n), void *from,
                         struct err *e)
{
    struct overlay *o = container_of(b, struct overlay, b);
    u8 head[16];
    u64 clusters = b->sectors / CLUSTER_SECTORS + (b->sectors % CLUSTER_SECTORS != 0);

    if (!read(from, head, sizeof(head)))
        return err_set(e, ERR_STATE, "the snapshot ends early");
    if (ld64(head) != b->sectors)
        return err_set(e, ERR_STATE, "%s has %llu sectors; when the snapshot was made it had %llu",
                       b->file, (unsigned long long)b->sectors, (unsigned long long)ld64(head));
    if (ld32(head + 8) != CLUSTER || ld32(head + 12) > clusters)
        return err_set(e, ERR_STATE, "the overlay of %s in the snapshot is damaged", b->file);

    for (u64 i = 0; i < o->leaves; i++) {
        xfree(o->leaf[i]);
        o->leaf[i] = NULL;
    }
    o->used = 0;
    u64 next = 0;
    for (u32 i = ld32(head + 12); i; i--) {
        u64 cluster;
        if (!read(from, &cluster, 8) || !read(from, o->scratch, CLUSTER))
            return err_set(e, ERR_STATE, "the snapshot ends early");
        if (cluster < next || cluster >= clusters)
            return err_set(e, ERR_STATE, "the overlay of %s in the snapshot is damaged", b->file);
        next = cluster + 1;
        if (add_cluster(o, cluster, o->scratch) != BLOCK_OK)
            return err_set(e, ERR_RESOURCE,
                           "no space for the overlay of %s: set TMPDIR to another directory",
                           b->file);
    }
    return true;
}

static const struct block_ops overlay_ops = {
    .format = "snapshot", .submit = overlay_submit, .wait = overlay_wait, .close = overlay_close,
    .save_overlay = save_overlay, .load_overlay = load_overlay, .try_now = overlay_try_now,
};

struct block *blk_snapshot(struct block *base, struct err *e)
{
    int fd = os_temp(e);
    if (fd < 0) {
        block_close(base);
        return NULL;
    }
    struct overlay *o = xcalloc(1, sizeof(*o));
    u64 clusters = base->sectors / CLUSTER_SECTORS + (base->sectors % CLUSTER_SECTORS != 0);
    o->base = base;
    o->fd = fd;
    o->leaves = (clusters + LEAF - 1) / LEAF;
    o->leaf = xcalloc((size_t)o->leaves, sizeof(*o->leaf));
    o->scratch = xcalloc(CLUSTER, 1);
    o->b = *base;
    o->b.ops = &overlay_ops;
    o->b.read_only = false;
    o->b.discard = false; /* nothing would come of it */
    return &o->b;
}
