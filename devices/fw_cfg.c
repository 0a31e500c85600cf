/* SPDX-License-Identifier: MIT */
/* QEMU firmware configuration device (QEMU's docs/specs/fw_cfg): how SeaBIOS learns about memory,
 * boot order, tables and kernels. Selector at 510h, data at 511h, DMA address at 514h-51Bh.
 *
 * DMA here is instant: the firmware's polling loop ends at its first look. A transfer that names
 * memory other than RAM moves what it can and reports the error bit for none of it, as QEMU does
 * for reads past an item's end: those give zeros. */
#include "devices/fw_cfg.h"

#include "core/xalloc.h"

enum { DMA_ERROR = 1, DMA_READ = 2, DMA_SKIP = 4, DMA_SELECT = 8, DMA_WRITE = 16 };

#define NAME_LEN 56u
#define MAX_KEYS 32u /* numeric items besides files */
#define DIR_ENTRY 64u
/* Writable items are saved in one fixed piece: firmware pointers and the like. */
#define WRITABLE_BYTES 4096u

struct item {
    u16 key;
    u8 *data;          /* owned; NULL if writable */
    u32 len;
    bool writable;
    u32 writable_at;   /* offset in the writable piece */
    char name[NAME_LEN];
};

struct fw_cfg {
    struct device dev;
    struct item item[MAX_KEYS + FW_CFG_MAX_FILES]; /* not saved: the machine's configuration */
    u32 num_items, num_files, writable_used;
    u8 *directory;                                 /* not saved: from the files */
    u8 *writable_reset;                            /* not saved: contents after reset */
    u8 *writable;
    u16 key;
    u32 pos;
    u32 dma_high, dma_low;                         /* as written, host order */
};

static const u8 *item_bytes(const struct fw_cfg *p, const struct item *it)
{
    return it->writable ? p->writable + it->writable_at : it->data;
}

static struct item *find(struct fw_cfg *p, u16 key)
{
    for (u32 i = 0; i < p->num_items; i++) {
        if (p->item[i].key == (key & 0xbfff)) /* bit 14 was the old write select */
            return &p->item[i];
    }
    return NULL;
}

static struct item *find_name(struct fw_cfg *p, const char *name)
{
    for (u32 i = 0; i < p->num_items; i++) {
        if (p->item[i].name[0] && !strcmp(p->item[i].name, name))
            return &p->item[i];
    }
    return NULL;
}

static void put_be32(u8 *b, u32 v)
{
    b[0] = (u8)(v >> 24);
    b[1] = (u8)(v >> 16);
    b[2] = (u8)(v >> 8);
    b[3] = (u8)v;
}

static u32 get_be32(const u8 *b)
{
    return (u32)b[0] << 24 | (u32)b[1] << 16 | (u32)b[2] << 8 | b[3];
}

/* The directory: a count, then 64 bytes a file, all big-endian. */
static void build_directory(struct fw_cfg *p)
{
    u32 n = 0;
    memset(p->directory, 0, 4 + FW_CFG_MAX_FILES * DIR_ENTRY);
    for (u32 i = 0; i < p->num_items; i++) {
        const struct item *it = &p->item[i];
        u8 *d = p->directory + 4 + n * DIR_ENTRY;
        if (!it->name[0])
            continue;
        put_be32(d, it->len);
        d[4] = (u8)(it->key >> 8);
        d[5] = (u8)it->key;
        memcpy(d + 8, it->name, NAME_LEN);
        n++;
    }
    put_be32(p->directory, n);
    fw_cfg_add_key(&p->dev, FW_CFG_FILE_DIR, p->directory, 4 + n * DIR_ENTRY);
}

static void set_data(struct item *it, const void *data, u32 len)
{
    u8 *bytes = xcalloc(1, MAX(len, 1u));
    if (len)
        memcpy(bytes, data, len);
    xfree(it->data);
    it->data = bytes;
    it->len = len;
}

bool fw_cfg_add_key(struct device *dev, u16 key, const void *data, u32 len)
{
    struct fw_cfg *p = (struct fw_cfg *)dev;
    struct item *it = find(p, key);

    if (key & 0x4000)
        return false;
    if (!it) {
        if (p->num_items - p->num_files == MAX_KEYS)
            return false;
        it = &p->item[p->num_items++];
        it->key = key;
    }
    if (it->writable)
        return false;
    set_data(it, data, len);
    return true;
}

static struct item *new_file(struct fw_cfg *p, const char *name)
{
    struct item *it = find_name(p, name);

    if (it)
        return it->writable ? NULL : it;
    if (p->num_files == FW_CFG_MAX_FILES || !*name || strlen(name) >= NAME_LEN)
        return NULL;
    it = &p->item[p->num_items++];
    it->key = (u16)(FW_CFG_FILE_FIRST + p->num_files++);
    memcpy(it->name, name, strlen(name));
    return it;
}

bool fw_cfg_add_file(struct device *dev, const char *name, const void *data, u32 len)
{
    struct fw_cfg *p = (struct fw_cfg *)dev;
    struct item *it = new_file(p, name);

    if (!it)
        return false;
    set_data(it, data, len);
    build_directory(p);
    return true;
}

bool fw_cfg_add_writable(struct device *dev, const char *name, const void *data, u32 len)
{
    struct fw_cfg *p = (struct fw_cfg *)dev;

    if (len > WRITABLE_BYTES - p->writable_used || find_name(p, name))
        return false;
    struct item *it = new_file(p, name);
    if (!it)
        return false;
    it->writable = true;
    it->writable_at = p->writable_used;
    it->len = len;
    p->writable_used += len;
    memcpy(p->writable_reset + it->writable_at, data, len);
    memcpy(p->writable + it->writable_at, data, len);
    build_directory(p);
    return true;
}

const u8 *fw_cfg_file(struct device *dev, const char *name, u32 *len)
{
    struct fw_cfg *p = (struct fw_cfg *)dev;
    const struct item *it = find_name(p, name);

    if (!it)
        return NULL;
    *len = it->len;
    return item_bytes(p, it);
}

/* ---- DMA ---- */

static void dma_copy(struct fw_cfg *p, u32 control, u32 len, u64 addr)
{
    static const u8 zero[512];
    const struct item *it = find(p, p->key);
    struct space *mem = p->dev.sys->mem;
    u32 have = it && p->pos < it->len ? MIN(len, it->len - p->pos) : 0;

    if (control & DMA_READ) {
        if (have)
            dma_write(mem, addr, item_bytes(p, it) + p->pos, have);
        /* Zeros behind the end; a length of gigabytes ends at the end of what can be RAM. */
        for (u32 at = have; at < len;) {
            u32 n = MIN(len - at, (u32)sizeof(zero));
            paddr end;
            struct region *r = space_find(mem, addr + at, true, &end);
            if (addr + at > mem->limit)
                break;
            if (!r || r->kind != REGION_RAM) {
                u64 skip = end - (addr + at) + 1;
                if (skip >= len - at)
                    break;
                at += (u32)skip;
                continue;
            }
            dma_write(mem, addr + at, zero, n);
            at += n;
        }
    } else if (control & DMA_WRITE) {
        dma_read(mem, addr, p->writable + it->writable_at + p->pos, have);
    }
    p->pos += have;
}

static void dma_run(struct fw_cfg *p)
{
    struct space *mem = p->dev.sys->mem;
    u64 at = (u64)p->dma_high << 32 | p->dma_low;
    u8 desc[16], result[4];

    p->dma_high = p->dma_low = 0;
    if (at > mem->limit - sizeof(desc)) {
        log_guest(p->dev.sys->log, p->dev.id, "DMA descriptor outside memory");
        return;
    }
    dma_read(mem, at, desc, sizeof(desc));
    u32 control = get_be32(desc), len = get_be32(desc + 4);
    u64 addr = (u64)get_be32(desc + 8) << 32 | get_be32(desc + 12);

    if (control & DMA_SELECT) {
        p->key = (u16)(control >> 16);
        p->pos = 0;
    }
    const struct item *it = find(p, p->key);
    u32 error = 0;
    if (control & DMA_READ) {
        if (addr > mem->limit || len > mem->limit - addr)
            error = DMA_ERROR;
        else
            dma_copy(p, control & DMA_READ, len, addr);
    } else if (control & DMA_WRITE) {
        if (!it || !it->writable || p->pos > it->len || len > it->len - p->pos ||
            addr > mem->limit || len > mem->limit - addr)
            error = DMA_ERROR;
        else
            dma_copy(p, control & DMA_WRITE, len, addr);
    } else if ((control & DMA_SKIP) && it && p->pos < it->len) {
        p->pos += MIN(len, it->len - p->pos);
    }
    put_be32(result, error);
    dma_write(mem, at, result, sizeof(result));
}

/* ---- ports ---- */

static u8 next_byte(const struct fw_cfg *p, const struct item *it)
{
    return it && p->pos < it->len ? item_bytes(p, it)[p->pos] : 0;
}

/* 510h, 511h: a word written to 510h selects; the second port reads the item byte by byte. */
static u32 port_read(void *dev, u32 off, unsigned size)
{
    struct fw_cfg *p = dev;
    const struct item *it = find(p, p->key);
    if (size == 2 || off == 0)
        return size_mask(size);
    u32 v = next_byte(p, it);
    if (it && p->pos < it->len)
        p->pos++;
    return v;
}

static u32 port_peek(void *dev, u32 off, unsigned size)
{
    struct fw_cfg *p = dev;
    if (size == 2 || off == 0)
        return size_mask(size);
    return next_byte(p, find(p, p->key));
}

static void port_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct fw_cfg *p = dev;
    if (off == 0 && size == 2) {
        p->key = (u16)val;
        p->pos = 0;
    }
}

/* 514h: address register, big-endian; the write of its low half starts the transfer. Reads give
 * "QEMU CFG". */
static u32 dma_port_read(void *dev, u32 off, unsigned size)
{
    static const u8 text[8] = "QEMU CFG";
    u32 v = 0;
    (void)dev;
    for (unsigned i = 0; i < size; i++)
        v |= (u32)text[(off + i) & 7] << (8 * i);
    return v;
}

static void dma_port_write(void *dev, u32 off, u32 val, unsigned size)
{
    struct fw_cfg *p = dev;
    u8 b[4];

    if (size != 4)
        return;
    st32(b, val);
    if (off == 0) {
        p->dma_high = get_be32(b);
    } else {
        p->dma_low = get_be32(b);
        dma_run(p);
    }
}

static const struct region_ops port_ops = { port_read, port_write, port_peek, 1, 2, false };
static const struct region_ops dma_ops = { dma_port_read, dma_port_write, dma_port_read, 1, 4, false };

/* ---- life ---- */

static bool fw_cfg_init(struct device *dev, struct err *e)
{
    struct fw_cfg *p = (struct fw_cfg *)dev;

    p->directory = xcalloc(1, 4 + FW_CFG_MAX_FILES * DIR_ENTRY);
    p->writable = xcalloc(1, WRITABLE_BYTES);
    p->writable_reset = xcalloc(1, WRITABLE_BYTES);
    fw_cfg_add_key(dev, FW_CFG_SIGNATURE, "QEMU", 4);
    fw_cfg_add_u32(dev, FW_CFG_ID, 3); /* the port interface, and DMA */
    build_directory(p);
    return device_io(dev, "fw-cfg", 0x510, 2, &port_ops, e) &&
           device_io(dev, "fw-cfg-dma", 0x514, 8, &dma_ops, e);
}

static void fw_cfg_reset(struct device *dev, enum reset_kind kind)
{
    struct fw_cfg *p = (struct fw_cfg *)dev;
    if (kind == RESET_POWER_ON) /* at a wake the firmware's pointers still hold */
        memcpy(p->writable, p->writable_reset, WRITABLE_BYTES);
    p->key = 0;
    p->pos = 0;
    p->dma_high = p->dma_low = 0;
}

static void fw_cfg_close(struct device *dev)
{
    struct fw_cfg *p = (struct fw_cfg *)dev;
    for (u32 i = 0; i < p->num_items; i++)
        xfree(p->item[i].data);
    xfree(p->directory);
    xfree(p->writable);
    xfree(p->writable_reset);
}

static void fw_cfg_info(struct device *dev, struct strbuf *sb)
{
    struct fw_cfg *p = (struct fw_cfg *)dev;
    sb_addf(sb, "key %04x position %u\n", p->key, p->pos);
    for (u32 i = 0; i < p->num_items; i++)
        sb_addf(sb, "%04x %7u bytes%s %s\n", p->item[i].key, p->item[i].len,
                p->item[i].writable ? ", writable" : "", p->item[i].name);
}

static u32 writable_len(const void *obj)
{
    (void)obj;
    return WRITABLE_BYTES;
}

static const struct field fw_cfg_fields[] = {
    F_U16(struct fw_cfg, key), F_U32(struct fw_cfg, pos), F_U32(struct fw_cfg, dma_high),
    F_U32(struct fw_cfg, dma_low), F_BUF(struct fw_cfg, writable, writable_len), F_END
};

static const struct reg_doc fw_cfg_regs[] = {
    { "selector", "io 510h", REG_WO, true, NULL },
    { "data", "io 511h", REG_RO, true, "writing items through the port was never supported here" },
    { "DMA address", "io 514h-51Bh", REG_RW, true, NULL },
    REG_END
};

const struct device_class fw_cfg_class = {
    .name = "fw_cfg",
    .desc = "QEMU firmware configuration device",
    .size = sizeof(struct fw_cfg),
    .regs = fw_cfg_regs,
    .init = fw_cfg_init,
    .reset = fw_cfg_reset,
    .close = fw_cfg_close,
    .fields = fw_cfg_fields,
    .version = 1,
    .info = fw_cfg_info,
};
