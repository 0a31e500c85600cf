/* SPDX-License-Identifier: MIT */
/* The cache of decoded blocks.
 *
 * A block is found by linear address in a small direct-mapped table first, else by the physical
 * place of its first byte in a hash table, else it is decoded. Blocks end at a page's end, but for
 * one instruction that crosses it, which is a block of its own and belongs to both pages.
 *
 * A write to a page that holds code reaches code_written() before it happens: blocks that overlap
 * the bytes written are unlinked, and their instructions are all replaced by one that leaves the
 * block. So the running block stops behind the writing instruction, and nothing is freed under
 * anybody's feet: memory is reclaimed by emptying the whole arena. */
#include "cpu/icache.h"

#include "core/xalloc.h"
#include "cpu/engine.h"
#include "cpu/isa.h"
#include "cpu/trace.h"

#define ARENA_BYTES (12u << 20)
#define HASH_SIZE 16384u
#define NEAR_SIZE 4096u
#define LINE_SHIFT 6 /* a page's blocks are listed by the 64-byte line in which they begin there */
#define LINES (PAGE_SIZE >> LINE_SHIFT)
#define BLOCK_MAX_BYTES (BLOCK_MAX_INSNS * 15)

struct near_entry {
    u32 la, mode;
    u32 generation;
    struct block *block;
};

/* What was made of a page: made with its first block and kept. The bits let writes beside code pass
 * without a look at any block; the lists let a write into code look at those nearby alone. */
struct page_code {
    u32 num_blocks;
    struct block *line[LINES];
    u64 bytes[PAGE_SIZE / 64]; /* which bytes are code */
};

struct code_cache {
    u8 *arena;
    u32 used;
    u32 flushes;           /* the arena was emptied: older block pointers are dead */
    u32 num_frames;
    struct page_code **pages; /* NULL: never had any */
    struct block *hash[HASH_SIZE];
    struct near_entry near[NEAR_SIZE];
    u64 scratch[(sizeof(struct block) + 2 * sizeof(struct insn)) / 8 + 1]; /* uncached block */
};

/* The last element of every block, and every element of a block that was written over. */
static unsigned op_block_end(struct cpu *c, const struct insn *i)
{
    c->eip = c->blk_eip + i->ofs;
    c->retired = c->blk_retired + i->n;
    return RUN_NEXT;
}

/* A fetch beyond the CS limit (SDM 3A 5.3). */
static unsigned op_fetch_gp(struct cpu *c, const struct insn *i)
{
    RAISE_ERR(c, i, EXC_GP, 0);
}

bool code_new(struct cpu *c, struct err *e)
{
    struct code_cache *cc = xcalloc(1, sizeof *cc);

    (void)e;
    c->code = cc;
    cc->arena = xcalloc(1, ARENA_BYTES);
    c->code_generation = c->code_last = 1;
    cc->num_frames = c->ram ? c->ram->frames : 0;
    cc->pages = xcalloc(cc->num_frames + 1, sizeof *cc->pages);
    if (c->ram) {
        c->ram->code_written = code_written;
        c->ram->code_to = c;
    }
    return true;
}

void code_free(struct cpu *c)
{
    if (!c->code)
        return;
    if (c->ram && c->ram->code_to == c)
        c->ram->code_written = NULL;
    xfree(c->code->arena);
    for (u32 k = 0; k < c->code->num_frames; k++)
        xfree(c->code->pages[k]);
    xfree(c->code->pages);
    xfree(c->code);
    c->code = NULL;
}

void code_next_generation(struct cpu *c)
{
    if (!c->code)
        return;
    if (++c->code_last == 0) { /* numbers come again */
        code_flush(c);
        return;
    }
    c->code_generation = c->code_last;
    mmu_code_generation(c, false);
}

void code_mapping_changed(struct cpu *c)
{
    if (!c->code)
        return;
    code_next_generation(c);
    mmu_code_generation(c, true);
}

static void kill_block(struct cpu *c, struct block *b)
{
    b->valid = false;
    b->mode |= MODE_DEAD;
    for (unsigned k = 0; k <= b->n; k++)
        b->insns[k].fn = op_block_end;
    if (b->made && c->engine)
        c->engine->killed(c, b);
    if (b == c->blk && c->group_from)
        code_stop(c); /* the copies are none of the above */
}

static void empty_page(struct cpu *c, u32 frame)
{
    if (!c->code->pages[frame]->num_blocks)
        return;
    memset(c->code->pages[frame], 0, sizeof *c->code->pages[frame]);
    ram_clear_flag(c->ram, frame, RAM_CODE);
}

void code_flush(struct cpu *c)
{
    struct code_cache *cc = c->code;

    if (c->blk)
        kill_block(c, c->blk);
    for (u32 h = 0; h < HASH_SIZE; h++)
        for (struct block *b = cc->hash[h]; b; b = b->hash_next) {
            empty_page(c, b->frame);
            if (b->frame2 != NO_FRAME)
                empty_page(c, b->frame2);
            b->valid = false;
            b->mode |= MODE_DEAD;
        }
    memset(cc->hash, 0, sizeof cc->hash);
    memset(cc->near, 0, sizeof cc->near);
    if (++c->code_last == 0)
        c->code_last = 1; /* links that were never set have 0 */
    c->code_generation = c->code_last;
    mmu_code_generation(c, true);
    cc->flushes++;
    cc->used = 0;
    if (c->engine)
        c->engine->flushed(c);
}

void cpu_tidy(struct cpu *c)
{
    struct code_cache *cc = c->code;

    code_flush(c);
    c->cur = NULL;
    for (u32 k = 0; k < cc->num_frames; k++) {
        xfree(cc->pages[k]);
        cc->pages[k] = NULL;
    }
    xfree(cc->arena); /* large enough for the allocator to unmap it */
    cc->arena = xcalloc(1, ARENA_BYTES);
}

NB_INLINE u32 hash_of(u32 frame, u32 off, u32 mode)
{
    u32 h = (frame << 12 | off) * 0x9e3779b1u ^ mode * 0x85ebca6bu;

    return (h ^ h >> 15) & (HASH_SIZE - 1);
}

/* Bits of word w that stand for bytes off to end - 1. */
NB_INLINE u64 word_bits(u32 w, u32 off, u32 end)
{
    u32 from = MAX(off, w * 64) & 63, to = MIN(end, w * 64 + 64) - w * 64;

    return (to == 64 ? ~0ull : (1ull << to) - 1) & ~((1ull << from) - 1);
}

static bool any_code(const struct page_code *pg, u32 off, u32 end)
{
    for (u32 w = off / 64; w <= (end - 1) / 64; w++)
        if (pg->bytes[w] & word_bits(w, off, end))
            return true;
    return false;
}

static void mark_code(struct page_code *pg, u32 off, u32 end, bool on)
{
    for (u32 w = off / 64; w <= (end - 1) / 64; w++) {
        if (on)
            pg->bytes[w] |= word_bits(w, off, end);
        else
            pg->bytes[w] &= ~word_bits(w, off, end);
    }
}

/* The block's byte range within one of its pages. */
static void range_in(const struct block *b, u32 frame, u32 *off, u32 *len)
{
    u32 in_first = MIN(b->len, PAGE_SIZE - b->off);

    if (frame == b->frame) {
        *off = b->off;
        *len = in_first;
    } else {
        *off = 0;
        *len = b->len - in_first;
    }
}

static void unlink_hash(struct code_cache *cc, struct block *b)
{
    struct block **p = &cc->hash[hash_of(b->frame, b->off, b->mode)];

    while (*p && *p != b)
        p = &(*p)->hash_next;
    if (*p)
        *p = b->hash_next;
}

static u32 first_line(u32 off)
{
    return off < BLOCK_MAX_BYTES ? 0 : (off - BLOCK_MAX_BYTES + 1) >> LINE_SHIFT;
}

/* Marks what blocks have of the bytes off to end - 1. */
static void mark_others(struct page_code *pg, u32 frame, u32 off, u32 end)
{
    for (u32 l = first_line(off); l <= (end - 1) >> LINE_SHIFT; l++)
        for (struct block *b = pg->line[l]; b; b = b->page_next[b->frame != frame]) {
            u32 boff, blen;
            range_in(b, frame, &boff, &blen);
            if (boff < end && off < boff + blen)
                mark_code(pg, MAX(off, boff), MIN(end, boff + blen), true);
        }
}

static void unlink_page(struct cpu *c, struct block *b, u32 frame)
{
    struct page_code *pg = c->code->pages[frame];
    u32 off, len;

    range_in(b, frame, &off, &len);
    struct block **p = &pg->line[off >> LINE_SHIFT];
    while (*p && *p != b)
        p = &(*p)->page_next[(*p)->frame != frame];
    if (!*p)
        return;
    *p = b->page_next[b->frame != frame];
    mark_code(pg, off, off + len, false);
    mark_others(pg, frame, off, off + len);
    if (!--pg->num_blocks)
        ram_clear_flag(c->ram, frame, RAM_CODE);
}

void code_written(void *cpu, u32 frame, u32 off, u32 len)
{
    struct cpu *c = cpu;
    struct code_cache *cc = c->code;
    struct page_code *pg = frame < cc->num_frames ? cc->pages[frame] : NULL;
    u32 end = off + len;

    if (!pg || !len || !any_code(pg, off, end))
        return;
    for (u32 l = first_line(off); l <= (end - 1) >> LINE_SHIFT; l++)
        for (struct block *b = pg->line[l], *next; b; b = next) {
            u32 boff, blen;
            next = b->page_next[b->frame != frame];
            range_in(b, frame, &boff, &blen);
            if (boff >= end || off >= boff + blen)
                continue;
            unlink_hash(cc, b);
            unlink_page(c, b, b->frame);
            if (b->frame2 != NO_FRAME)
                unlink_page(c, b, b->frame2);
            kill_block(c, b);
            c->stat_invalidated++;
        }
}

/* Bytes of the page of a frame, or of a place that is not RAM, as the fetch sees them. */
static void fetch_bytes(struct cpu *c, u32 frame, paddr pa, u8 *to, unsigned n)
{
    if (frame != NO_FRAME) {
        memcpy(to, ram_rd(c->ram, frame) + (pa & PAGE_MASK), n);
        return;
    }
    for (unsigned k = 0; k < n; k++)
        to[k] = (u8)space_read(c->mem, pa + k, 1);
}

static void close_block(struct block *b)
{
    struct insn *end = &b->insns[b->n];

    memset(end, 0, sizeof *end);
    end->fn = op_block_end;
    end->ofs = b->len;
    end->n = b->n;
}

/* Decodes one instruction that may cross into the next page. Returns its length, 0 when a fault is
 * parked. *frame2 is the second page, if bytes of it were used. */
static unsigned decode_crossing(struct cpu *c, u32 la, u32 frame, paddr pa, struct decoded *d,
                                u32 *frame2)
{
    u8 bytes[15];
    unsigned first = (unsigned)MIN(15u, PAGE_SIZE - (la & PAGE_MASK));
    enum decode_status st;

    *frame2 = NO_FRAME;
    fetch_bytes(c, frame, pa, bytes, first);
    st = isa_decode(c->isa, bytes, first, c->mode, d);
    if (st == DECODE_MORE && first < 15) {
        paddr pa2;
        if (c->seg[S_CS].limit - c->eip < first) { /* before a page fault: SDM 3A table 6-2 */
            cpu_raise_err(c, EXC_GP, 0);
            return 0;
        }
        if (!mmu_fetch(c, la + first, frame2, &pa2))
            return 0;
        /* the first ones again: a hook that mapped the second page may have written here */
        fetch_bytes(c, frame, pa, bytes, first);
        fetch_bytes(c, *frame2, pa2, bytes + first, 15 - first);
        st = isa_decode(c->isa, bytes, 15, c->mode, d);
    }
    if (st != DECODE_OK) { /* longer than 15 bytes (SDM 2A 2.3.11) */
        cpu_raise_err(c, EXC_GP, 0);
        return 0;
    }
    return d->in.len;
}

/* A block that is not kept: code outside RAM, or one that the CS limit cuts. */
static struct block *make_uncached(struct cpu *c, u32 la, u32 frame, paddr pa)
{
    struct block *b = (struct block *)(void *)c->code->scratch;
    struct decoded d;
    u32 frame2;
    unsigned len = decode_crossing(c, la, frame, pa, &d, &frame2);

    if (!len)
        return NULL;
    memset(b, 0, sizeof *b);
    isa_bind(&d, c->mode);
    b->insns[0] = d.in;
    if (c->seg[S_CS].limit - c->eip < len - 1u)
        b->insns[0].fn = op_fetch_gp;
    b->n = 1;
    b->len = (u16)len;
    b->frame = frame;
    b->frame2 = NO_FRAME;
    b->valid = b->uncached = true;
    close_block(b);
    return b;
}

static void link_page(struct cpu *c, struct block *b, u32 frame)
{
    struct page_code *pg = c->code->pages[frame];
    u32 off, len;

    if (!pg)
        pg = c->code->pages[frame] = xcalloc(1, sizeof *pg);
    range_in(b, frame, &off, &len);
    b->page_next[b->frame != frame] = pg->line[off >> LINE_SHIFT];
    pg->line[off >> LINE_SHIFT] = b;
    mark_code(pg, off, off + len, true);
    pg->num_blocks++;
    ram_set_flag(c->ram, frame, RAM_CODE);
}

/* Gives handlers that write no flags to the instructions whose flags all are written again before
 * anything could see them. What may fault or leave the block sees all flags, and so does what follows
 * the block; in between nobody looks. */
static void drop_dead_flags(struct block *b, insn_fn *const *pure)
{
    bool needed = true;

    for (unsigned k = b->n; k--;) {
        const char *efl = isa_row(b->insns[k].row)->efl;
        bool writes_all = true, writes = false, reads = false;

        if (!pure[k]) {
            needed = true;
            continue;
        }
        for (unsigned f = 0; f < 6; f++) {
            reads |= efl[f] == 't';
            writes |= efl[f] != '-' && efl[f] != 't';
            /* M: not with a count of 0, and then the old ones stay */
            writes_all &= efl[f] != '-' && efl[f] != 't' && efl[f] != 'M';
        }
        if (writes && !needed)
            b->insns[k].fn = pure[k];
        needed = reads || (needed && !writes_all);
    }
}

static struct block *make_block(struct cpu *c, u32 la, u32 frame, paddr pa, u32 mode)
{
    struct code_cache *cc = c->code;
    u32 off = la & PAGE_MASK, pos = 0, room = PAGE_SIZE - off;
    unsigned max = mode & MODE_SINGLE ? 1 : BLOCK_MAX_INSNS;
    const u8 *code = ram_rd(c->ram, frame) + off;
    struct decoded d;
    insn_fn *pure[BLOCK_MAX_INSNS];

    if (cc->used + sizeof(struct block) + (BLOCK_MAX_INSNS + 1) * sizeof(struct insn) > ARENA_BYTES)
        code_flush(c);
    struct block *b = (struct block *)(void *)(cc->arena + cc->used);
    memset(b, 0, sizeof *b);
    b->frame = frame;
    b->frame2 = NO_FRAME;
    b->off = (u16)off;
    b->mode = mode;
    while (b->n < max) {
        struct insn *in = &b->insns[b->n];
        if (unlikely(c->stop_on) && b->n && off + pos == (c->stop_la & PAGE_MASK))
            break;
        if (pos >= room ||
            isa_decode(c->isa, code + pos, room - pos, mode, &d) != DECODE_OK) {
            if (b->n)
                break;
            /* crosses the page, or is too long */
            if (!decode_crossing(c, la, frame, pa, &d, &b->frame2))
                return NULL;
            if (d.in.len > room && (b->frame2 == frame || b->frame2 >= cc->num_frames))
                return make_uncached(c, la, frame, pa); /* nothing to register it under */
            max = 1;
        }
        isa_bind(&d, mode);
        pure[b->n] = d.pure;
        *in = d.in;
        in->n = b->n;
        in->ofs = (u16)pos;
        pos += in->len;
        b->n++;
        c->stat_decoded++;
        if (!d.row || (d.row->attr & A_END))
            break;
    }
    b->len = (u16)pos;
    b->valid = true;
    /* goes on behind itself or at one other place */
    b->direct = !d.row || !(d.row->attr & A_END) || OPD_KIND(d.row->o[0]) == OK_J;
    drop_dead_flags(b, pure);
    close_block(b);
    cc->used += (u32)ALIGN_UP(sizeof *b + (b->n + 1u) * sizeof(struct insn), 8);
    u32 h = hash_of(frame, off, mode);
    b->hash_next = cc->hash[h];
    cc->hash[h] = b;
    link_page(c, b, frame);
    if (b->frame2 != NO_FRAME)
        link_page(c, b, b->frame2);
    c->stat_blocks++;
    if (log_on(c->log, LOG_IN_ASM))
        trace_block(c, b, la);
    return b;
}

/* Whether the block, made before the stop was set, would run through it. Any page may be the stop's
 * page under another address, so that its place in the page is what counts. */
static bool passes_stop(const struct cpu *c, const struct block *b)
{
    for (unsigned k = 1; k < b->n; k++)
        if (((b->off + b->insns[k].ofs) & PAGE_MASK) == (c->stop_la & PAGE_MASK))
            return true;
    return false;
}

static NB_NOINLINE struct block *find_far(struct cpu *c, u32 la, u32 mode, struct near_entry *ne)
{
    struct code_cache *cc = c->code;
    struct block *b;
    u32 frame;
    paddr pa;

    /* never gets into near[] or a link, which would not ask */
    if (unlikely(c->stop_on) && la == c->stop_la) {
        c->stop_hit = STOP_ADDRESS;
        return NULL;
    }
    if (c->eip > c->seg[S_CS].limit) {
        cpu_raise_err(c, EXC_GP, 0);
        return NULL;
    }
    if (!mmu_fetch(c, la, &frame, &pa))
        return NULL;
    if (frame == NO_FRAME || frame >= cc->num_frames)
        return make_uncached(c, la, NO_FRAME, pa);
    u32 off = la & PAGE_MASK;
    for (b = cc->hash[hash_of(frame, off, mode)]; b; b = b->hash_next)
        if (b->frame == frame && b->off == off && b->mode == mode)
            break;
    if (unlikely(c->stop_on) && b && passes_stop(c, b)) {
        code_written(c, b->frame, b->off, 1);
        b = NULL;
    }
    if (b && b->off + b->len > PAGE_SIZE) {
        /* the second page is mapped anew each time: it may lie elsewhere, or fault */
        u32 frame2;
        paddr pa2;
        if (c->seg[S_CS].limit - c->eip < PAGE_SIZE - off) { /* before a page fault, as above */
            cpu_raise_err(c, EXC_GP, 0);
            return NULL;
        }
        if (!mmu_fetch(c, (la & ~PAGE_MASK) + PAGE_SIZE, &frame2, &pa2))
            return NULL;
        if (frame2 != b->frame2)
            return make_uncached(c, la, frame, pa);
    }
    if (!b)
        b = make_block(c, la, frame, pa, mode);
    if (b && b->off + b->len <= PAGE_SIZE) {
        ne->la = la;
        ne->mode = mode;
        ne->generation = c->code_generation;
        ne->block = b;
    }
    return b;
}

NB_INLINE u32 near_of(const struct cpu *c, u32 la, u32 mode)
{
    return (la ^ la >> 12 ^ mode << 4 ^ c->code_generation << 6) & (NEAR_SIZE - 1);
}

struct block *code_find(struct cpu *c, bool single)
{
    struct code_cache *cc = c->code;
    u32 la = c->seg[S_CS].base + c->eip;
    u32 mode = c->mode | (single ? MODE_SINGLE : 0);
    struct near_entry *ne = &cc->near[near_of(c, la, mode)];
    struct block *b;

    if (likely(ne->la == la && ne->mode == mode && ne->generation == c->code_generation &&
               ne->block->valid))
        b = ne->block;
    else if (!(b = find_far(c, la, mode, ne)))
        return NULL;
    /* the CS limit is not part of the key: a block that it cuts is run one by one */
    if (unlikely(c->seg[S_CS].limit - c->eip < b->len - 1u || c->eip > c->seg[S_CS].limit)) {
        if (c->eip > c->seg[S_CS].limit) {
            cpu_raise_err(c, EXC_GP, 0);
            return NULL;
        }
        u32 frame;
        paddr pa;
        if (!mmu_fetch(c, la, &frame, &pa))
            return NULL;
        return make_uncached(c, la, frame, pa);
    }
    return b;
}

unsigned code_jump(struct cpu *c, const struct insn *i, u32 to)
{
    const struct near_entry *ne = &c->code->near[near_of(c, to, c->mode)];

    c->eip = to;
    c->retired = c->blk_retired + i->n + 1;
    if (likely(ne->la == to && ne->mode == c->mode && ne->generation == c->code_generation))
        return code_enter(c, ne->block, to);
    return RUN_NEXT;
}

struct block *code_find_after(struct cpu *c, struct block *from)
{
    struct code_cache *cc = c->code;
    u32 eip = c->eip;
    struct block *b;

    /* links hold for flat CS alone: neither its base nor its limit is part of the key */
    if (c->seg[S_CS].limit != 0xffffffffu || c->seg[S_CS].base != 0)
        return code_find(c, false);
    for (unsigned k = 0; k < 2; k++) {
        struct block_link *l = &from->next[k];
        if (l->eip == eip && l->generation == c->code_generation && l->to->valid &&
            l->to->mode == c->mode)
            return l->to;
    }
    u32 flushes = cc->flushes;
    bool known = from->valid && !from->uncached;
    b = code_find(c, false);
    if (known && b && flushes == cc->flushes && !b->uncached && b->frame2 == NO_FRAME) {
        struct block_link *l = &from->next[eip == c->blk_eip + from->len ? LINK_FALL : LINK_BRANCH];
        if (!from->direct) { /* the two last ones */
            from->next[1] = from->next[0];
            l = from->next;
        }
        *l = (struct block_link){ eip, c->code_generation, b };
    }
    return b;
}
