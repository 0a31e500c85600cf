/* SPDX-License-Identifier: MIT */
/* Two runs of the same piece of code (twice.h): the undo log, the playback, the comparison. */
#include "cpu/twice.h"

#include "core/vmem.h"
#include "core/xalloc.h"
#include "cpu/flags.h"
#include "cpu/icache.h"
#include "cpu/mmu.h"

enum {
    MAX_PAGES = 256,        /* host pages written to */
    MAX_BYTES = 4 << 20,    /* of old contents */
    MAX_FILLS = 64,
};

/* Bytes of RAM that the first run wrote; places in t->bytes of what was there and, for those that a
 * device wrote, of what it wrote. */
struct noted { u8 *at; u32 n, old, fresh; };

/* What reached outside, and what that did to the CPU. */
struct call {
    enum { CALL_READ, CALL_WRITE, CALL_CLOCK, CALL_FERR } kind;
    u8 size;
    bool stopped, ignne;
    const struct space *space;
    paddr addr;
    u64 val;
    u32 raised, lowered;    /* events */
    u64 until;
    u32 first, end;         /* what devices wrote meanwhile, in t->noted */
};

struct page { u8 *host, *image; }; /* the image is what the first run has left */

struct twice {
    struct cpu *before, *first;
    bool replaying, ad_bits;
    const char *why;        /* it cannot be undone */
    struct noted *noted;
    unsigned num_noted, cap_noted;
    u8 *bytes;
    u32 num_bytes, cap_bytes;
    struct call *call;
    unsigned num_calls, cap_calls, next_call;
    struct page page[MAX_PAGES];
    u8 *images;
    unsigned num_pages;
    struct { u32 page, count; } fill[MAX_FILLS];
    unsigned num_fills;
    /* What c->tlb_wr is in the second run: pages that the first one wrote to through table entries
     * have theirs, those where it took the slow path have none, and all others are the trap. */
    u64 *window;
    u32 shown[MAX_PAGES];   /* pages that are not the trap */
    unsigned num_shown;
    u8 *trap;
    struct strbuf wrong;    /* what the second run did that the first had not */
};

#define WINDOW_BYTES ((size_t)PAGES * sizeof(u64))
_Static_assert(offsetof(struct cpu, chain) == offsetof(struct cpu, kick) + 8 &&
               offsetof(struct cpu, cc) == offsetof(struct cpu, code_generation) + 4,
               "put_state()");

static u64 trap_entry(const struct twice *t, u32 page)
{
    return (u64)(uintptr_t)t->trap - ((u64)page << PAGE_SHIFT);
}

struct twice *twice_new(struct cpu *c)
{
    struct twice *t = xcalloc(1, sizeof *t);

    (void)c;
    t->window = vmem_reserve(WINDOW_BYTES);
    if (!t->window) {
        xfree(t);
        return NULL;
    }
    t->before = xcalloc(1, sizeof *t->before);
    t->first = xcalloc(1, sizeof *t->first);
    t->images = xcalloc(MAX_PAGES, PAGE_SIZE);
    t->trap = xcalloc(2, PAGE_SIZE);
    for (u32 p = 0; p < PAGES; p++)
        t->window[p] = trap_entry(t, p);
    return t;
}

void twice_free(struct twice *t)
{
    if (!t)
        return;
    vmem_release(t->window, WINDOW_BYTES);
    sb_free(&t->wrong);
    xfree(t->before);
    xfree(t->first);
    xfree(t->images);
    xfree(t->trap);
    xfree(t->noted);
    xfree(t->bytes);
    xfree(t->call);
    xfree(t);
}

static void ram_writing(void *cpu, u32 frame, u32 off, u32 len)
{
    struct cpu *c = cpu;

    twice_writing(c, c->ram->page[frame] + off, len);
}

void twice_begin(struct cpu *c, struct twice *t)
{
    t->replaying = t->ad_bits = false;
    t->why = NULL;
    t->num_noted = t->num_bytes = t->num_calls = t->next_call = 0;
    t->num_pages = t->num_fills = t->num_shown = 0;
    t->wrong.len = 0;
    c->twice = t;
    c->ram->writing = ram_writing;
    c->ram->writing_to = c;
    memcpy(t->before, c, offsetof(struct cpu, jit_count));
    mmu_select(c);
}

unsigned twice_interpret(struct cpu *c, struct block *b, unsigned from)
{
    unsigned r;

    c->blk = b;
    c->blk_eip = c->eip - b->insns[from].ofs;
    c->blk_retired = c->retired - from;
    c->chain = 0; /* this one alone */
    r = b->insns[from].fn(c, &b->insns[from]);
    if (r == RUN_FAULT)
        cpu_sync(c);
    if (c->patched) {
        if (b->valid)
            c->patched->fn = c->patched_fn;
        c->patched = NULL;
    }
    c->blk = NULL;
    return r;
}

/* Without the kick, which other threads set, and the generation, which must not go back. What the
 * engine keeps is its own. */
static void put_state(struct cpu *c, const struct cpu *from)
{
    size_t head = offsetof(struct cpu, fast), middle = offsetof(struct cpu, cc);
    size_t behind = offsetof(struct cpu, chain);

    memcpy(c, from, head);
    memcpy((u8 *)c + middle, (const u8 *)from + middle, offsetof(struct cpu, kick) - middle);
    memcpy((u8 *)c + behind, (const u8 *)from + behind, offsetof(struct cpu, jit_count) - behind);
}

/* ---- what is written to RAM */

static u32 keep(struct twice *t, const u8 *from, u32 n)
{
    u32 at = t->num_bytes;

    if (n > MAX_BYTES - at) {
        t->why = "more was written than is kept";
        return 0;
    }
    if (at + n > t->cap_bytes) {
        t->cap_bytes = MAX(2 * t->cap_bytes, at + n + PAGE_SIZE);
        t->bytes = xrealloc(t->bytes, t->cap_bytes);
    }
    memcpy(t->bytes + at, from, n);
    t->num_bytes += n;
    return at;
}

static struct page *find_page(struct twice *t, u8 *host)
{
    for (unsigned k = 0; k < t->num_pages; k++)
        if (host - t->page[k].host < (ptrdiff_t)PAGE_SIZE && host >= t->page[k].host)
            return &t->page[k];
    return NULL;
}

static void add_page(struct cpu *c, u8 *host)
{
    struct twice *t = c->twice;

    if (find_page(t, host))
        return;
    if (t->num_pages == MAX_PAGES) {
        t->why = "more pages were written to than are kept";
        return;
    }
    u8 *image = t->images + (size_t)t->num_pages * PAGE_SIZE;
    host -= (host - c->ram->obj.base) & PAGE_MASK;
    memcpy(image, host, PAGE_SIZE);
    t->page[t->num_pages++] = (struct page){ host, image };
}

void twice_writing(struct cpu *c, u8 *host, u32 n)
{
    struct twice *t = c->twice;

    if (t->replaying) { /* one that the first run did not write to: it should stay as it is */
        add_page(c, host);
        return;
    }
    if (t->why)
        return;
    if (t->num_noted == t->cap_noted) {
        t->cap_noted = 2 * t->cap_noted + 64;
        t->noted = xrealloc(t->noted, t->cap_noted * sizeof *t->noted);
    }
    t->noted[t->num_noted++] = (struct noted){ host, n, keep(t, host, n), 0 };
}

static void show(struct twice *t, u32 page, u64 entry)
{
    if (t->window[page] == trap_entry(t, page)) {
        if (t->num_shown == MAX_PAGES) {
            t->why = "more pages were written to than are kept";
            return;
        }
        t->shown[t->num_shown++] = page;
        t->window[page] = entry;
    } else if (entry) {
        t->window[page] = entry;
    }
}

void twice_slow(struct cpu *c, u32 la, u32 size)
{
    struct twice *t = c->twice;

    if (t->replaying)
        return;
    show(t, la >> PAGE_SHIFT, 0);
    if (size > 1)
        show(t, (la + size - 1) >> PAGE_SHIFT, 0);
}

void twice_cached(struct cpu *c, u32 la, u8 *const host[2], u32 first, u32 second, bool user)
{
    struct twice *t = c->twice;
    u32 page = la >> PAGE_SHIFT;

    twice_writing(c, host[0], first);
    if (second)
        twice_writing(c, host[1], second);
    if (!t->replaying && user == (t->before->cpl == 3) && !(c->mode & MODE_AC))
        show(t, page, c->mmu->cur->tab[user][1][page]);
}

/* ---- the tables */

void twice_filled(struct cpu *c, u32 page, u32 count)
{
    struct twice *t = c->twice;

    if (t->replaying)
        return;
    if (t->num_fills == MAX_FILLS) {
        t->why = "more table entries were made than are noted";
        return;
    }
    t->fill[t->num_fills].page = page;
    t->fill[t->num_fills++].count = count;
}

void twice_ad_bits(struct cpu *c) { c->twice->ad_bits = true; }

void twice_give_up(struct cpu *c, const char *why)
{
    if (!c->twice->replaying)
        c->twice->why = why;
}

void twice_select(struct cpu *c)
{
    struct twice *t = c->twice;
    bool same = t->replaying && c->cpl == t->before->cpl && !(c->mode & MODE_AC);

    c->tlb_wr = same ? t->window : c->mmu->zero;
    c->tlb_sys_wr = c->mmu->zero;
}

/* The second run finds the tables as the first one did. */
static void undo_fills(struct cpu *c)
{
    struct twice *t = c->twice;

    for (unsigned k = 0; k < t->num_fills; k++)
        for (u32 p = t->fill[k].page; p < t->fill[k].page + t->fill[k].count; p++) {
            ctx_hide_page(c->mmu, c->mmu->cur, p);
            if (t->window[p] != trap_entry(t, p))
                t->window[p] = 0;
        }
    if (t->num_fills || t->ad_bits)
        held_drop(c->mmu);
}

/* ---- what reaches outside */

static struct call *new_call(struct cpu *c)
{
    struct twice *t = c->twice;

    if (t->num_calls == t->cap_calls) {
        t->cap_calls = 2 * t->cap_calls + 16;
        t->call = xrealloc(t->call, t->cap_calls * sizeof *t->call);
    }
    struct call *k = &t->call[t->num_calls++];
    *k = (struct call){ .first = t->num_noted, .raised = c->events };
    return k;
}

static void end_call(struct cpu *c, struct call *k)
{
    struct twice *t = c->twice;
    u32 old = k->raised;

    k->raised = c->events & ~old;
    k->lowered = old & ~c->events;
    k->until = c->until;
    k->ignne = c->ignne;
    k->stopped = c->patched != NULL;
    k->end = t->num_noted;
    for (u32 n = k->first; n < k->end && !t->why; n++)
        t->noted[n].fresh = keep(t, t->noted[n].at, t->noted[n].n);
}

/* The next call of the first run, if it was the same, with its consequences. */
static const struct call *play(struct cpu *c, unsigned kind, const struct space *s, paddr addr,
                               unsigned size)
{
    static const char *const names[] = { "read of", "write to", "time stamp", "FERR#" };
    struct twice *t = c->twice;
    const struct call *k = t->next_call < t->num_calls ? &t->call[t->next_call++] : NULL;

    if (!k || k->kind != kind || k->space != s || k->addr != addr || k->size != size) {
        if (!t->wrong.len) {
            sb_addf(&t->wrong, "bus: the translator's %s %s %09llx, %u bytes; the interpreter's ",
                    names[kind], s ? s->name : "", (unsigned long long)addr, size);
            if (k)
                sb_addf(&t->wrong, "%s %s %09llx, %u bytes\n", names[k->kind],
                        k->space ? k->space->name : "", (unsigned long long)k->addr, k->size);
            else
                sb_add(&t->wrong, "is none\n");
        }
        return NULL;
    }
    for (u32 n = k->first; n < k->end; n++) {
        const struct noted *w = &t->noted[n];
        memcpy(w->at, t->bytes + w->fresh, w->n);
    }
    c->events = (c->events | k->raised) & ~k->lowered;
    c->until = k->until;
    c->ignne = k->ignne;
    if (k->stopped)
        code_stop(c);
    return k;
}

u32 twice_read(struct cpu *c, struct space *s, paddr addr, unsigned size)
{
    if (c->twice->replaying) {
        const struct call *k = play(c, CALL_READ, s, addr, size);
        return k ? (u32)k->val : size_mask(size);
    }
    struct call *k = new_call(c);
    unsigned at = c->twice->num_calls - 1;
    u32 v = space_read(s, addr, size);
    k = &c->twice->call[at];
    k->kind = CALL_READ;
    k->space = s;
    k->addr = addr;
    k->size = (u8)size;
    k->val = v;
    end_call(c, k);
    return v;
}

void twice_write(struct cpu *c, struct space *s, paddr addr, u32 v, unsigned size)
{
    struct twice *t = c->twice;

    if (t->replaying) {
        const struct call *k = play(c, CALL_WRITE, s, addr, size);
        if (k && ((k->val ^ v) & size_mask(size)) && !t->wrong.len)
            sb_addf(&t->wrong,
                    "bus: to %s %09llx the interpreter wrote %0*x, the translator %0*x\n",
                    s->name, (unsigned long long)addr, (int)(2 * size), (u32)k->val,
                    (int)(2 * size), v & size_mask(size));
        return;
    }
    struct call *k = new_call(c);
    k->kind = CALL_WRITE;
    k->space = s;
    k->addr = addr;
    k->size = (u8)size;
    k->val = v & size_mask(size);
    space_write(s, addr, v, size);
    end_call(c, k);
}

u64 twice_clock(struct cpu *c)
{
    if (c->twice->replaying) {
        const struct call *k = play(c, CALL_CLOCK, NULL, 0, 0);
        return k ? k->val : 0;
    }
    struct call *k = new_call(c);
    k->kind = CALL_CLOCK;
    k->val = clock_now(c->clock);
    end_call(c, k);
    return k->val;
}

void twice_ferr(struct cpu *c, bool on)
{
    if (c->twice->replaying) {
        play(c, CALL_FERR, NULL, on, 0);
        return;
    }
    struct call *k = new_call(c);
    k->kind = CALL_FERR;
    k->addr = on;
    c->ferr(c->ferr_to, on);
    end_call(c, k);
}

/* ---- between the runs, and the end */

static void over(struct cpu *c)
{
    struct twice *t = c->twice;

    for (unsigned k = 0; k < t->num_shown; k++)
        t->window[t->shown[k]] = trap_entry(t, t->shown[k]);
    c->log = t->before->log;
    c->on_vector = t->before->on_vector;
    c->twice = NULL;
    c->ram->writing = NULL;
    mmu_select(c);
}

const char *twice_why_not(const struct twice *t) { return t->why; }

bool twice_again(struct cpu *c)
{
    struct twice *t = c->twice;

    for (unsigned k = 0; k < t->num_noted && !t->why; k++) {
        add_page(c, t->noted[k].at);
    }
    if (t->why) {
        over(c);
        return false;
    }
    memcpy(t->first, c, offsetof(struct cpu, jit_count));
    for (unsigned k = t->num_noted; k-- > 0;)
        memcpy(t->noted[k].at, t->bytes + t->noted[k].old, t->noted[k].n);
    undo_fills(c);
    put_state(c, t->before);
    c->log = NULL; /* all was said once */
    c->on_vector = NULL;
    t->replaying = true;
    mmu_select(c);
    return true;
}

static void put_first(struct cpu *c)
{
    struct twice *t = c->twice;

    put_state(c, t->first);
    for (unsigned k = 0; k < t->num_pages; k++)
        memcpy(t->page[k].host, t->page[k].image, PAGE_SIZE);
}

#define SAME_(a, b, from, to) \
    (!memcmp((const u8 *)(a) + offsetof(struct cpu, from), \
             (const u8 *)(b) + offsetof(struct cpu, from), \
             offsetof(struct cpu, to) - offsetof(struct cpu, from)))

/* Quick, and may say no where nothing but padding differs. */
static bool surely_same(const struct cpu *a, const struct cpu *b, bool fault)
{
    return SAME_(a, b, gpr, fast) && cc_flags(a) == cc_flags(b) && a->eflags == b->eflags &&
           a->events == b->events && a->mode == b->mode && a->retired == b->retired &&
           SAME_(a, b, seg, fault) && a->cpl == b->cpl && SAME_(a, b, cr0, fpu.operand) &&
           SAME_(a, b, tsc_offset, df_state) && SAME_(a, b, monitor, model) &&
           a->pending_dr6 == b->pending_dr6 && a->df_state == b->df_state &&
           a->soft_int == b->soft_int && a->ferr_on == b->ferr_on && a->ignne == b->ignne &&
           (!fault || !memcmp(&a->fault, &b->fault, sizeof a->fault));
}

static void compare_state(const struct cpu *a, const struct cpu *b, bool fault, struct strbuf *diff)
{
    cpu_state_diff(diff, a, b);
    if (a->mode != b->mode)
        sb_addf(diff, "mode %08x, the translator's %08x\n", a->mode, b->mode);
    if (a->soft_int != b->soft_int)
        sb_addf(diff, "soft_int %u, the translator's %u\n", a->soft_int, b->soft_int);
    const struct pending_fault *fa = &a->fault, *fb = &b->fault;
    if (fault && (fa->vec != fb->vec || fa->has_err != fb->has_err || fa->soft != fb->soft ||
                  fa->err != fb->err || (fa->vec == EXC_PF && fa->cr2 != fb->cr2)))
        sb_addf(diff, "fault: vector %u error %x cr2 %08x, the translator's %u error %x cr2 %08x\n",
                fa->vec, fa->err, fa->cr2, fb->vec, fb->err, fb->cr2);
}

static void memory_line(struct cpu *c, const struct page *p, u32 off, struct strbuf *diff)
{
    u32 frame = 0, n = MIN(16u, PAGE_SIZE - off);

    while (frame < c->ram->frames && c->ram->page[frame] != p->host)
        frame++;
    sb_addf(diff, "memory at frame %x offset %03x:", frame, off);
    for (u32 k = 0; k < n; k++)
        sb_addf(diff, " %02x", p->image[off + k]);
    sb_add(diff, ", the translator's");
    for (u32 k = 0; k < n; k++)
        sb_addf(diff, " %02x", p->host[off + k]);
    sb_add(diff, "\n");
}

static void compare_memory(struct cpu *c, struct strbuf *diff)
{
    enum { MAX_LINES = 8 };
    struct twice *t = c->twice;
    unsigned lines = 0;

    for (unsigned k = 0; k < t->num_pages; k++) {
        const struct page *p = &t->page[k];
        if (!memcmp(p->host, p->image, PAGE_SIZE))
            continue;
        for (u32 off = 0; off < PAGE_SIZE && lines < MAX_LINES; off++)
            if (p->host[off] != p->image[off]) {
                off &= ~15u;
                memory_line(c, p, off, diff);
                lines++;
                off += 15;
            }
    }
    if (unlikely(t->trap[0] || memcmp(t->trap, t->trap + 1, PAGE_SIZE - 1))) {
        u32 off = 0;
        while (!t->trap[off])
            off++;
        sb_addf(diff, "memory: the translator alone wrote to a page, at offset %03x\n", off);
        memset(t->trap, 0, PAGE_SIZE);
    }
    if (t->why)
        sb_addf(diff, "memory: in the translator's run %s\n", t->why);
}

bool twice_end(struct cpu *c, bool fault, struct strbuf *diff, struct strbuf *states)
{
    struct twice *t = c->twice;

    if (t->wrong.len)
        sb_addn(diff, t->wrong.s, t->wrong.len);
    else if (t->next_call != t->num_calls)
        sb_addf(diff, "bus: %u accesses, the translator's %u\n", t->num_calls, t->next_call);
    if (!surely_same(t->first, c, fault))
        compare_state(t->first, c, fault, diff);
    compare_memory(c, diff);
    if (diff->len) {
        sb_add(states, "before:\n");
        cpu_info_registers(t->before, states);
        sb_add(states, "interpreter:\n");
        cpu_info_registers(t->first, states);
        sb_add(states, "translator:\n");
        cpu_info_registers(c, states);
        put_first(c);
    }
    over(c);
    return !diff->len;
}
