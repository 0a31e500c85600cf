/* SPDX-License-Identifier: MIT */
/* Address spaces: one region type for physical memory and for I/O ports.
 *
 * A space is a set of regions with priorities; reads and writes are resolved separately, so
 * that PAM ("read from ROM, write to RAM") is two ordinary regions. The result is a sorted flat
 * view that lookups search; it is rebuilt on map, unmap, move and enable. The space splits
 * accesses to the widths that a region declares, naturally aligned, in ascending order.
 * Machine thread only. */
#ifndef NB_CORE_BUS_H
#define NB_CORE_BUS_H

#include "core/types.h"

struct log;
struct ram;
struct region;
struct strbuf;

struct region_ops {
    /* `off` is relative to the region; size is 1, 2 or 4, within min..max; off is aligned to
     * size unless `unaligned`. Values are zero-extended; bits above size are ignored on write. */
    u32 (*read)(void *dev, u32 off, unsigned size);
    void (*write)(void *dev, u32 off, u32 val, unsigned size);
    /* Side-effect-free read for debuggers; NULL: the region reads as all ones to them. */
    u32 (*peek)(void *dev, u32 off, unsigned size);
    u8 min, max;    /* natural widths in bytes; 0 means 1 and 4 */
    bool unaligned; /* the region takes unaligned offsets of sizes up to max as they come */
};

/* Priorities. Equal ones may not overlap, but for REGION_GUEST_PLACED regions: there the one
 * mapped first wins, as a guest may place BARs where it likes. */
enum region_prio {
    PRIO_BAR = 0,       /* never shadows RAM, ROM or the local APIC */
    PRIO_RAM = 10,
    PRIO_ROM = 20,
    PRIO_VGA = 30,      /* legacy window A0000-BFFFF over RAM */
    PRIO_SHADOW = 40,   /* PAM: RAM over ROM */
    PRIO_SMRAM = 50,
    PRIO_APIC = 60,
    /* ports */
    PRIO_PORT = 10,      /* fixed ports */
    PRIO_PORT_OVER = 20, /* a port inside another chip's range: CF9h in CF8h-CFBh */
};

enum region_flags {
    REGION_READ = 1,         /* takes part in reads */
    REGION_WRITE = 2,        /* takes part in writes */
    REGION_GUEST_PLACED = 4, /* a BAR */
    REGION_RW = 3,
};

enum region_kind { REGION_IO, REGION_RAM, REGION_ROM };

struct region {
    const char *name;
    paddr base;
    u64 size;
    enum region_kind kind;
    const struct region_ops *ops; /* REGION_IO */
    void *dev;
    u32 ram_frame;                /* REGION_RAM, REGION_ROM: first frame in struct ram's numbering */
    int prio;
    u8 flags;                     /* region_flags */
    bool enabled, mapped;         /* private: space_map enables */
    u32 seq;                      /* private: order of mapping */
};

struct seg_view { /* one piece of the flat view */
    paddr start, end; /* inclusive */
    struct region *r;
};

struct space {
    const char *name;
    u64 limit; /* highest address */
    struct log *log;
    struct ram *ram; /* memory space: where REGION_RAM frames live */
    /* Called after the view changed; the one subscriber is the CPU (TLB and code). */
    void (*on_change)(void *to, paddr start, paddr end);
    void *on_change_to;
    /* private */
    struct region **regions;
    unsigned num_regions, cap_regions;
    struct seg_view *view[2]; /* [0] reads, [1] writes */
    unsigned view_len[2];
    u16 *fast[2]; /* spaces of 64 KB: address -> view index + 1 */
    u32 next_seq;
    unsigned batch;        /* depth of space_begin */
    bool dirty;            /* the view is out of date, for changes in dirty_start..dirty_end */
    paddr dirty_start, dirty_end;
    unsigned last[2];      /* view index that answered last */
    /* trace hook: every CPU access to an I/O region (the counted-mode trace hash) */
    void (*trace)(void *to, paddr addr, u32 val, unsigned size, bool write, bool port);
    /* ... and every DMA transfer, with the bytes that moved */
    void (*trace_dma)(void *to, paddr addr, const void *buf, u32 len, bool write);
    void *trace_to;
};

void space_init(struct space *s, const char *name, u64 limit, struct log *log, struct ram *ram);
void space_free(struct space *s);

/* Maps r (whose fields name, base, size, kind, ops/dev or ram_frame, prio, flags are set).
 * false with a message in *e if it overlaps one of equal priority. r must outlive the space. */
struct err;
bool space_map(struct space *s, struct region *r, struct err *e);
void space_unmap(struct space *s, struct region *r);
void space_move(struct space *s, struct region *r, paddr base);
void space_set_flags(struct space *s, struct region *r, u8 flags);
void space_enable(struct space *s, struct region *r, bool on);
/* Moves and enables are never refused; what overlaps at equal priority then is resolved as for
 * BARs: the region mapped first answers. Between begin and end the view is not rebuilt (several moves at once). */
void space_begin(struct space *s);
void space_end(struct space *s);

/* What answers at addr; NULL if nothing does. *end gets the last address of that piece (or of
 * the hole). */
struct region *space_find(struct space *s, paddr addr, bool write, paddr *end);

/* The CPU's accesses: any size 1..4, any alignment, RAM or not.
 *
 * The region that answers the first byte takes as much as its widths, natural alignment and its
 * own end allow, even where a region of higher priority covers a later byte: a dword write to
 * CF8h is the host bridge's, a byte write to CF9h the reset control's. The rest is looked up anew.
 * Reads narrower than `min` read a whole unit; such writes merge with what peek gives, and are
 * dropped and logged if the region has none. */
u32 space_read(struct space *s, paddr addr, unsigned size);
void space_write(struct space *s, paddr addr, u32 val, unsigned size);
/* No side effects; all ones where nothing can be read without them. */
u32 space_peek(struct space *s, paddr addr, unsigned size);

/* Device DMA: reaches RAM (and reads of ROM) only; other parts read all ones, writes there are
 * dropped; both are logged. Writes mark pages dirty and invalidate code. */
void dma_read(struct space *s, paddr addr, void *buf, u32 len);
void dma_write(struct space *s, paddr addr, const void *buf, u32 len);

void space_info(struct space *s, struct strbuf *out); /* `info mtree` */

#endif
