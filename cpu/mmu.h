/* SPDX-License-Identifier: MIT */
/* Inside of the MMU: mmu.c, mmu_ctx.c, mmu_walk.c, memslow.c, twice.c and view.c only.
 *
 * A context is one address space: what CR3 (under PAE the PDPTEs) and the paging bits make of
 * linear addresses. Up to NUM_CTX are kept, each with four flat tables (class x read/write) and a
 * record of the page-table words that its entries were made from. At every flush point the records
 * of the context that is used next are compared with memory; what is equal is exactly what a new
 * walk would give, so that it may stay, global or not. That makes all flushes (CR3, PGE, PSE, ...)
 * the same operation, and INVLPG the only one that must look for a page. */
#ifndef NB_CPU_MMU_H
#define NB_CPU_MMU_H

#include "cpu/state.h"
#include "cpu/view.h"

enum { CLS_SUP, CLS_USER };
enum mmu_access { ACC_READ, ACC_WRITE, ACC_EXEC, ACC_DEBUG /* no rights are checked */ };

enum {
    PTE_P = 1u << 0, PTE_W = 1u << 1, PTE_U = 1u << 2, PTE_A = 1u << 5, PTE_D = 1u << 6,
    PTE_PS = 1u << 7, PTE_PAT = 1u << 7, PTE_G = 1u << 8, PDE_PAT = 1u << 12,
};
#define PTE_NX (1ull << 63)
enum { PF_P = 1, PF_W = 2, PF_U = 4, PF_RSVD = 8, PF_ID = 16 };

enum {
    NUM_CTX = 16,
    PAGES = 1 << 20,
    MAX_LEAVES = 8192,  /* tracked 4 KB pages a context */
    NUM_DIRS = 2048,    /* directory entries: 1024 of 4 MB, or 2048 of 2 MB */
    HASH_LEN = 2048,
    REV_LEN = 16384,
    EXEC_LEN = 512,
    PHYS_LEN = 256,
    HELD_LEN = 64,
    SLICES = PAGES / 512,      /* 4 KB of a table: 512 entries */
    MAX_SLICES = 3072,         /* resident table pages of all contexts: 12 MB */
    FILL_AHEAD = 16,           /* neighbours entered at once in large pages */
    MAX_RANGES = 36, /* 4 registers, 16 watchpoints, 16 of hooks */
    NO_LEAF = 0,
};
#define TABLE_BYTES ((size_t)PAGES * sizeof(u64))
#define CTX_BYTES (4 * TABLE_BYTES)

/* A page-table word as a walk saw it. */
struct word {
    u32 rd, wr;  /* frames behind reads and writes of it; NO_FRAME: not in RAM */
    u16 off;
    u64 val;
};

struct walk {
    paddr pa;             /* of la itself, A20 applied */
    struct word w[2];     /* directory entry, table entry */
    u8 n;                 /* words: 0 without paging, 1 for a large page, else 2 */
    u8 word_size;
    bool us, rw, nx, g;   /* rights of all levels combined */
    u32 err;              /* error code when the walk failed */
};

/* What is at a physical page. */
struct phys {
    u32 ppn1;    /* page number + 1, 0: empty */
    u32 rd, wr;  /* RAM or ROM frame for reads, RAM frame for writes; NO_FRAME: other things */
};

enum { G_USED = 1, G_BIG = 2, G_LINEAR = 4, G_EXEC = 8, G_BAD = 16, G_TABLE = 32 };
struct group { /* one directory entry in use */
    u64 pde;
    u32 pde_frame, pt_frame;
    u32 lin_frame;    /* G_LINEAR: first frame of a large page that is one run of RAM */
    u16 pde_off;
    u16 pos;          /* in ctx->used */
    u16 leaves;
    u8 flags;
};

enum { L_EXEC = 1, L_SLICE = 2 /* of a large page: only the directory entry counts */, L_USED = 4 };
struct leaf { /* one 4 KB page in use */
    u64 pte;
    u32 page;   /* 19:0 page, 31:20 L_x */
    u32 frame;  /* for writes */
    u32 rnext;  /* next leaf of a hash chain by frame */
    u16 hnext;  /* ... by page; free list */
};
#define LEAF_PAGE(l) ((l)->page & 0xfffffu)
#define LEAF_IS(l, f) ((l)->page >> 20 & (f))

struct key {
    u32 bits, cr3;
    u64 pdpte[4];
};

struct ctx {
    bool used;
    u8 index;
    u32 generation;           /* of what is known of where its code lies; 0: nothing */
    struct key key;
    u64 age;
    u64 *tab[2][2];           /* [class][write] */
    u32 slice[2][2][SLICES / 32];
    unsigned num_slices;
    struct view *view[2];     /* by class; NULL: none */
    struct { u32 tag, frame, ppn; } exec[EXEC_LEN];
    u16 hash[HASH_LEN];       /* leaf + 1 */
    u16 free;                 /* leaf + 1 */
    unsigned high, num_leaves;
    unsigned num_groups;
    u16 used_dirs[NUM_DIRS];
    struct group group[NUM_DIRS];
    struct leaf leaf[MAX_LEAVES];
};

struct mmu {
    struct ctx *ctx[NUM_CTX];
    struct ctx *cur;
    u64 age;
    unsigned num_slices;
    struct views *views;      /* NULL: off */
    u64 *zero;                /* the table that sends everything to the slow path */
    u32 *wr_cached;           /* bit per frame: a write entry may exist */
    u32 rev[REV_LEN];         /* leaves by frame */
    struct phys phys[PHYS_LEN];
    /* Pages that may be written but have no write entry because they hold code: what the last walk
     * said, until the next flush point. ram_wr() sees to the code itself. */
    struct { u32 page1, frame; bool user; } held[HELD_LEN];
    bool code_dirty;          /* a mapping that code was fetched through has gone */
    bool exec_untracked;      /* code was fetched through tables that cannot be compared */
    bool own_write;           /* A/D bits are being set */
    /* pages with data breakpoints or watchpoints */
    struct { u32 first, last; } range[MAX_RANGES];
    unsigned num_ranges;
    u32 seen_dr[4], seen_dr7;
    unsigned seen_watch;
    u64 stat_walks, stat_fills, stat_switches, stat_new, stat_dropped, stat_overflows;
};

static inline paddr a20_mask(const struct cpu *c)
{
    return c->a20 ? ~(paddr)0 : ~(paddr)0x100000;
}
static inline unsigned dir_shift(const struct ctx *x) /* page number -> directory index */
{
    return x->key.bits & CR4_PAE ? 9 : 10;
}
static inline bool page_watched(const struct mmu *m, u32 page)
{
    for (unsigned i = 0; i < m->num_ranges; i++)
        if (page >= m->range[i].first && page <= m->range[i].last)
            return true;
    return false;
}

static inline void held_drop(struct mmu *m)
{
    memset(m->held, 0, sizeof m->held);
}

/* mmu_walk.c: no side effects but for commit */
const struct phys *mmu_phys(struct cpu *c, paddr pa);
bool mmu_walk(struct cpu *c, struct walk *w, u32 la, enum mmu_access acc, bool user);
void mmu_commit(struct cpu *c, struct walk *w, bool write); /* sets A and D */
bool mmu_walk_stands(const struct cpu *c, const struct walk *w); /* memory holds what it saw */
bool mmu_raise_pf(struct cpu *c, u32 la, u32 err);          /* false */

/* mmu_ctx.c */
struct ctx *ctx_get(struct cpu *c, const struct key *key);  /* selects, makes; never NULL */
bool ctx_tables(struct ctx *x);
void ctx_validate(struct cpu *c, struct ctx *x);
void ctx_flush(struct cpu *c, struct ctx *x);
void ctx_drop_page(struct cpu *c, struct ctx *x, u32 page);
void ctx_hide_page(struct mmu *m, struct ctx *x, u32 page); /* entries only */
void ctx_fill(struct cpu *c, const struct walk *w, u32 la, bool user);
void ctx_fill_large(struct cpu *c, u32 page, bool user);    /* all of a large page that is known */
void ctx_fill_exec(struct cpu *c, const struct walk *w, u32 la, bool user, u32 frame);
void ctx_protect(void *cpu, u32 frame);
void ctx_tables_written(void *cpu, u32 frame, u32 off, u32 len);

/* mmu.c */
void mmu_tell_code(struct cpu *c);  /* code_next_generation() if due */

#endif
