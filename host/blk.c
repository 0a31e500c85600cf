/* SPDX-License-Identifier: MIT */
/* Opening disk images (host/blk.h). */
#include "host/blk.h"

#include "host/os.h"

const char *const blk_formats[] = { "raw", NULL };
const char *const blk_cache_names[] = { "writeback", "none", "writethrough", "directsync", "unsafe",
                                        NULL };

/* Files that start so are disk images of another format: taking their bytes for a disk's would
 * show the guest garbage and, writable, destroy them. */
static const struct {
    const char *magic;
    u32 len;
    const char *what;
} others[] = {
    { "QFI\xfb", 4, "a qcow2" },
    { "KDMV", 4, "a VMDK" },
    { "# Disk DescriptorFile", 21, "a VMDK" },
    { "conectix", 8, "a VHD" },
    { "vhdxfile", 8, "a VHDX" },
    { "<<< ", 4, "a VDI" },
    { "Bochs Virtual HD Image", 22, "a Bochs" },
};

static bool check_magic(const char *file, struct block *b, struct err *e)
{
    u8 head[BLOCK_SECTOR];
    if (block_rw(b, BLOCK_READ, 0, 1, head) != BLOCK_OK)
        return err_set(e, ERR_RESOURCE, "%s: its first sector cannot be read", file);
    for (unsigned i = 0; i < ARRAY_LEN(others); i++)
        if (!memcmp(head, others[i].magic, others[i].len))
            return err_set(e, ERR_RESOURCE,
                           "%s: this is %s image, which is not supported: convert it with "
                           "'qemu-img convert -O raw', or say format=raw to use its bytes as "
                           "they are", file, others[i].what);
    return true;
}

struct block *blk_open(const struct blk_opts *o, struct err *e)
{
    if (o->format && strcmp(o->format, "raw")) {
        err_set(e, ERR_CONFIG, "%s: format=%s is not known; known are: raw", o->file, o->format);
        return NULL;
    }
    struct block *b = blk_raw(o, e);
    if (b && !o->format && !check_magic(o->file, b, e)) {
        block_close(b);
        return NULL;
    }
    if (b && o->snapshot && !o->read_only)
        b = blk_snapshot(b, e);
    return b ? blk_thread(b, o->loop, o->async) : NULL;
}
