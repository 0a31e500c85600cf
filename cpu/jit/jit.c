/* SPDX-License-Identifier: MIT */
/* The translator's loop: which blocks get code, how control passes between code, handlers and the
 * interpreter, and what happens to code whose bytes are written over. */
#include "cpu/jit/jit.h"

#include <stdio.h>

#include "core/err.h"
#include "core/strbuf.h"
#include "core/xalloc.h"
#include "cpu/hook.h"
#include "cpu/isa.h"
#include "cpu/jit/rows.h"
#include "cpu/trace.h"
#include "cpu/x87.h"
#include "cpu/twice.h"
#include "cpu/view.h"

/* Code exists for 32-bit protected mode with flat segments; the rest is interpreted so far. */
enum {
    MODE_WANT = MODE_D | MODE_B | MODE_PE | MODE_FLAT,
    MODE_MUST_NOT = MODE_V86 | MODE_SINGLE | MODE_AC,
};

enum { COLD_ENOUGH = 4 }; /* before a translation gives way to one for open exceptions */

static void killed(struct cpu *c, struct block *b);

void *jit_side(struct jit *j, u32 bytes)
{
    u32 at = ALIGN_UP(j->side_pos, 8u);

    if (bytes > JIT_SIDE_BYTES - at)
        return NULL;
    j->side_pos = at + bytes;
    return j->side + at;
}

static void empty(struct cpu *c)
{
    struct jit *j = jit_of(c);

    memset(j->near, 0, sizeof j->near);
    j->code_pos = j->code_start;
    j->side_pos = 0;
    j->num_sites = 0;
    c->fast.miss = NULL;
    c->fast.link = NULL;
    j->stat_flushes++;
}

/* What near[] is good for: the mapping's generation and the mode. */
static void update_key(struct cpu *c)
{
    struct jit *j = jit_of(c);

    if (unlikely((j->generation ^ c->code_generation) >> 17))
        memset(j->near, 0, sizeof j->near); /* 17 bits of it are in the key */
    j->generation = c->code_generation;
    c->fast.key = c->code_generation << 15 | (u32)c->fast.view_on << 14 | (c->mode & 0x3fff);
}

static void remember(struct cpu *c, u32 eip, u32 code)
{
    struct jit *j = jit_of(c);
    struct jit_near *n = &j->near[jit_near_of(c->fast.key, eip)];

    n->key = (u64)c->fast.key << 32 | eip;
    n->code = j->mem.exec + code;
}

static const struct flags_at saved = { .at = AT_SAVED };

static bool suits(const struct jit_block *jb, u32 eip, unsigned tier, const struct flags_at *entry)
{
    return jb->eip == eip && jb->tier == tier && jb->entry.at == entry->at &&
           ((entry->at & AT_SAVED) || (jb->entry.clear_af == entry->clear_af &&
                                       recipe_equal(&jb->entry.recipe, &entry->recipe)));
}

static struct jit_block *made_for(struct block *b, u32 eip, unsigned tier,
                                  const struct flags_at *entry)
{
    for (struct jit_block *jb = b->made; jb; jb = jb->next)
        if (suits(jb, eip, tier, entry))
            return jb;
    return NULL;
}

static NB_COLD void tell(struct jit *j, const struct cpu *c, const struct jit_block *jb)
{
    char name[32];

    snprintf(name, sizeof name, "guest_%s_%08x", c->cpl == 3 ? "user" : "sys", jb->eip);
    j->tell(j->tell_to, j->mem.exec + jb->start, jb->end - jb->start, name);
}

void jit_tell_code(struct cpu *c, jit_code_fn *fn, void *to)
{
    struct jit *j = jit_of(c);

    if (!j)
        return;
    j->tell = fn;
    j->tell_to = to;
    fn(to, j->mem.exec, j->code_start, "nestbox_stubs");
}

/* It must not run if it could do harm: a bug of ours. */
static NB_COLD void verify(struct cpu *c, const struct jit_block *jb)
{
    char why[200];

    if (!x64_verify(jit_of(c), jb, why, sizeof why))
        bug(c->log, "the translation of %08x: %s", jb->eip, why);
}

/* Whether a translation of b, made now, would run with the guest's x87 as it is. */
static bool wants_open(const struct cpu *c, const struct block *b)
{
    return (c->fpu.cw & CW_MASKS) != CW_MASKS && !(c->fpu.sw & SW_ES) && (b->mode & MODE_NE);
}

/* Translates into jb, which is new or has lost its code. */
static bool translate(struct cpu *c, struct block *b, struct jit_block *jb)
{
    struct jit *j = jit_of(c);
    bool full = false;

    u64 start = x64_ticks();
    bool made = x64_translate(c, b, jb->eip, jb, &full);
    j->stat_ticks += x64_ticks() - start;
    if (!made)
        return false;
    j->stat_blocks++;
    j->stat_insns += b->n;
    j->stat_bytes += jb->end - jb->start;
    j->stat_tier2 += jb->tier == 2;
    if (JIT_PARANOID || unlikely(j->twice != NULL))
        verify(c, jb);
    if (unlikely(j->tell != NULL))
        tell(j, c, jb);
    return true;
}

/* Code of b for EIP, tier and flags like these. NULL: there is no more room. */
static struct jit_block *make(struct cpu *c, struct block *b, u32 eip, unsigned tier,
                              const struct flags_at *entry)
{
    struct jit *j = jit_of(c);
    struct jit_block *jb = made_for(b, eip, tier, entry);

    if (jb) /* it has missed too often: again, with less through the view */
        return jb->start || translate(c, b, jb) ? jb : NULL;
    jb = jit_side(j, sizeof *jb);
    if (!jb)
        return NULL;
    *jb = (struct jit_block){ .b = b, .eip = eip, .tier = (u8)tier, .entry = *entry,
                              .open = wants_open(c, b), .next = b->made };
    if (!translate(c, b, jb))
        return NULL;
    b->made = jb;
    return jb;
}

static void lead_to(struct cpu *c, struct jit_link *l, struct jit_block *jb)
{
    l->to = jb;
    l->next_in = jb->in;
    jb->in = l;
    x64_link(jit_of(c), l, jb, c->code_generation);
    jit_of(c)->stat_links++;
}

static void unlink_from(struct jit_link *l)
{
    struct jit_link **p = &l->to->in;

    while (*p != l)
        p = &(*p)->next_in;
    *p = l->next_in;
    l->to = NULL;
}

/* Links of tier 2 that led to the code of tier 1 now lead to that of tier 2. */
static void move_links(struct cpu *c, struct jit_block *from, struct jit_block *to)
{
    for (struct jit_link *l = from->in, *next; l; l = next) {
        next = l->next_in;
        if (l->tier == 2) {
            unlink_from(l);
            lead_to(c, l, to);
        }
    }
}

static NB_COLD struct jit_block *no_room(struct cpu *c, bool *emptied)
{
    code_flush(c); /* and with it all of ours */
    *emptied = true;
    return NULL;
}

/* The code of b for where it is now; NULL: it has none. hot: it has run often. *emptied: all blocks
 * are gone. */
static struct jit_block *code_for(struct cpu *c, struct block *b, bool hot, bool *emptied)
{
    struct jit *j = jit_of(c);
    struct jit_block *jb = made_for(b, c->eip, c->fast.view_on ? 2 : 1, &saved), *jb2;
    unsigned aliases = 0;

    *emptied = false;
    if (likely(jb != NULL) && likely(jb->code != 0))
        return jb;
    if (c->fast.view_on)
        jb = made_for(b, c->eip, 1, &saved);
    if (!jb) {
        if (b->uncached || b->frame2 != NO_FRAME || !b->valid ||
            (b->mode & (MODE_WANT | MODE_MUST_NOT)) != MODE_WANT)
            return NULL; /* reached from code, without the run loop's question */
        if (b->heat < j->hot) {
            b->heat++;
            return NULL;
        }
        for (jb = b->made; jb; jb = jb->next)
            aliases += jb->tier == 1 && jb->entry.at == AT_SAVED;
        if (aliases >= JIT_MAX_ALIASES)
            return NULL;
        jb = make(c, b, c->eip, 1, &saved);
        if (!jb)
            return no_room(c, emptied);
        if (!c->fast.view_on)
            return jb;
    }
    if (!hot && j->hot2 && !made_for(b, c->eip, 2, &saved))
        return jb;
    jb2 = make(c, b, c->eip, 2, &saved);
    if (!jb2)
        return no_room(c, emptied);
    move_links(c, jb, jb2);
    return jb2;
}

static struct flags_at end_of(const struct jit_link *l)
{
    return (struct flags_at){ .at = AT_RECIPE, .clear_af = l->end.clear_af,
                              .recipe = l->end.recipe };
}

/* An edge has saved its flags for jb often: a version of jb that takes them as they are. */
static bool specialise(struct cpu *c, struct jit_link *l, struct jit_block *jb)
{
    struct jit *j = jit_of(c);
    struct flags_at entry = end_of(l);
    struct jit_block *v = made_for(jb->b, jb->eip, jb->tier, &entry);
    unsigned versions = 0;

    l->heat = 0x7fffffff;
    for (struct jit_block *k = jb->b->made; k; k = k->next)
        versions += k->eip == jb->eip && k->tier == jb->tier;
    if (!v && versions >= JIT_MAX_VERSIONS)
        return true;
    if (!(v = make(c, jb->b, jb->eip, jb->tier, &entry)))
        return false;
    j->stat_versions++;
    unlink_from(l);
    lead_to(c, l, v);
    return true;
}

/* Makes the edge that was left by lead to jb. false: there is no room. */
static bool join(struct cpu *c, struct jit_link *l, struct jit_block *jb)
{
    /* Code of tier 1 runs in contexts without a view too, and stays among itself. */
    if (l->tier == 1 && jb->tier == 2 && !(jb = made_for(jb->b, jb->eip, 1, &saved)))
        return true;
    if (!l->indirect && l->eip != jb->eip)
        return true;
    if (!l->to) {
        struct flags_at entry = end_of(l);
        struct jit_block *v = NULL;
        if (l->flags == JIT_EDGE_THUNK)
            v = made_for(jb->b, jb->eip, jb->tier, &entry);
        lead_to(c, l, v && v->start ? v : jb);
        return true;
    }
    if (l->to == jb && jb->sees_flags && l->flags == JIT_EDGE_THUNK)
        return specialise(c, l, jb);
    return true;
}

/* How far code may go without a look around. A kick sets it to 0, after c->kick. */
static void update_limit(struct cpu *c)
{
    if (likely(__atomic_load_n(&c->fast.limit, __ATOMIC_RELAXED) == c->until))
        return;
    __atomic_store_n(&c->fast.limit, c->until, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&c->kick, __ATOMIC_SEQ_CST))
        __atomic_store_n(&c->fast.limit, 0, __ATOMIC_RELAXED);
}

static bool must_look(const struct cpu *c)
{
    return cpu_disturbed(c) || cpu_kicked(c) || c->retired >= c->until;
}

/* Whether instructions may run that nobody looks at one by one. */
static bool may_run(const struct cpu *c)
{
    return !c->hooks && !c->stop_on && !(c->events & EV_HOOK);
}

unsigned jit_enter(struct cpu *c, const struct jit_block *jb)
{
    struct jit *j = jit_of(c);
    u64 before = c->retired;
    unsigned r;

    update_limit(c);
    c->fast.flags = x64_flags_of(c);
    c->fast.link = NULL;
    j->stat_enters++;
    r = ((unsigned (*)(struct cpu *, const u8 *))(uintptr_t)(j->mem.exec + j->enter))(
        c, j->mem.exec + jb->code);
    x64_flags_to(c, c->fast.flags);
    j->stat_ran += c->retired - before;
    return r;
}

/* Code has left this block a moment ago. false: another attempt, with code for open exceptions. */
static NB_COLD bool left_alone(struct cpu *c, struct block *b)
{
    struct jit *j = jit_of(c);
    struct jit_block *jb = made_for(b, c->eip, 1, &saved);

    if (j->cold_at != c->retired) {
        j->cold = 0;
        return false;
    }
    if (wants_open(c, b) && j->cold == 1) {
        if (jb && !jb->open && ++jb->cold >= COLD_ENOUGH) {
            killed(c, b);
            jb = NULL;
        }
        if (!jb || jb->open)
            return false;
    }
    j->cold = 0;
    return true;
}

static unsigned run(struct cpu *c, struct block *b)
{
    struct jit *j = jit_of(c);
    bool emptied, hot;

    if (unlikely(!may_run(c)))
        return RUN_COLD;
    if (unlikely(j->cold) && left_alone(c, b))
        return RUN_COLD;
    if (j->views && !j->hot2)
        view_heat(c);
    struct jit_block *jb = code_for(c, b, false, &emptied);
    if (emptied)
        return RUN_NEXT;
    /* code asks for the whole block's room; what the budget's end cuts is the interpreter's */
    if (!jb || c->until - c->retired < b->n)
        return RUN_COLD;
    update_key(c);
    if (unlikely(j->twice != NULL))
        return jit_check(c, b, jb);
    for (;;) {
        unsigned r;
        remember(c, jb->eip, jb->code);
        r = jit_enter(c, jb);
        if (r < LEAVE_LINK)
            return r;
        if (r == LEAVE_COLD) {
            j->cold = j->cold && j->cold_at == c->retired ? 2 : 1;
            j->cold_at = c->retired;
            return RUN_NEXT;
        }
        hot = r == LEAVE_HOT;
        if (hot) {
            c->jit_count[jit_count_of(c->eip)] = j->hot2;
            j->stat_hot++;
            view_heat(c);
        }
        if (must_look(c))
            return RUN_EXIT;
        struct jit_link *l = r == LEAVE_LINK ? c->fast.link : NULL;
        j->stat_misses += !l;
        u32 flushes = (u32)j->stat_flushes;
        struct block *next = code_find(c, false);
        if (!next)
            return RUN_FAULT;
        if (flushes != (u32)j->stat_flushes)
            return RUN_NEXT;
        /* what hot code leads to is hot */
        jb = code_for(c, next, hot || (l && l->tier == 2), &emptied);
        if (!jb || c->until - c->retired < next->n)
            return RUN_NEXT;
        if (l && !join(c, l, jb)) {
            code_flush(c);
            return RUN_NEXT;
        }
        update_key(c);
    }
}

/* Behind a group's last instruction. */
static unsigned op_group_back(struct cpu *c, const struct insn *i)
{
    (void)c;
    (void)i;
    return RUN_JIT_BACK;
}

struct jit_group *jit_group_new(struct jit *j, struct block *b, u32 eip, unsigned from, unsigned n)
{
    struct jit_group *g = jit_side(j, (u32)(sizeof *g + (n + 1) * sizeof(struct insn)));

    if (!g)
        return NULL;
    *g = (struct jit_group){ .blk = b, .eip = eip, .n = (u16)n, .blk_n = b->n };
    memcpy(g->insns, &b->insns[from], (n + 1) * sizeof(struct insn));
    for (unsigned k = 0; k < n; k++)
        g->fp |= (isa_row(g->insns[k].row)->attr & (A_FPU | A_WAIT | A_MMX | A_SSE)) != 0;
    g->insns[n].fn = op_group_back;
    return g;
}

/* ---- views */

bool jit_site_new(struct jit *j, struct jit_site s)
{
    if (j->num_sites == JIT_MAX_SITES)
        return false;
    j->sites[j->num_sites++] = s;
    return true;
}

const struct jit_site *jit_site_at(const struct jit *j, u32 at)
{
    u32 low = 0, high = j->num_sites;

    while (low < high) {
        u32 mid = (low + high) / 2;
        if (j->sites[mid].pc < at)
            low = mid + 1;
        else
            high = mid;
    }
    return low < j->num_sites && j->sites[low].pc == at ? &j->sites[low] : NULL;
}

/* In a signal handler: an access through the view has come to where nothing is shown. */
static u64 on_fault(void *ctx, u64 pc, u64 addr)
{
    struct cpu *c = ctx;
    const struct jit *j = jit_of(c);
    const struct jit_site *s = jit_site_at(j, (u32)(pc - j->trap.from));

    if (!s)
        return 0;
    c->fast.miss = s;
    c->fast.miss_la = (u32)addr; /* views lie at multiples of 4 GB; of misaligned SSE: nonsense */
    return j->trap.from + s->resume;
}

static void unlink_code(struct jit *j, struct jit_block *jb)
{
    for (struct jit_link *l = jb->in, *next; l; l = next) {
        next = l->next_in;
        x64_unlink(j, l);
        l->to = NULL;
    }
    jb->in = NULL;
    if (jb->entry.at & AT_SAVED) /* who is on the way here by near[] */
        x64_patch_entry(j, jb->code, jb->dead);
    jb->start = jb->code = 0;
}

/* What a site missed has been done by a handler. Weights: a page that can be shown now will not be
 * missed again; what cannot be is a device, code that is written, a page that comes and goes. */
static void missed(struct cpu *c)
{
    enum { SHOWN = 1, NOT_SHOWN = 8, ENOUGH = 64 };
    struct jit *j = jit_of(c);
    struct jit_site *s = &j->sites[(const struct jit_site *)c->fast.miss - j->sites];
    bool shown = view_missed(c, c->fast.miss_la, s->write);

    c->fast.miss = NULL;
    j->stat_missed++;
    j->stat_shown += shown;
    s->missed += shown ? SHOWN : NOT_SHOWN;
    if (s->missed < ENOUGH || (s->jb->soft >> s->k & 1))
        return;
    s->jb->soft |= BIT64(s->k);
    j->stat_soft++;
    if (s->jb->start)
        unlink_code(j, s->jb); /* the next to come finds none, and makes it anew */
}

/* Mapping or mode have changed: the ways back lead to where all that is unknown goes. */
static NB_COLD void forget_returns(struct cpu *c, struct jit_return *r)
{
    for (; (u8 *)r < c->fast.stack; r++)
        r->code = c->fast.bottom;
}

u64 jit_run_group(struct cpu *c, struct jit_group *g, struct jit_return *returns)
{
    struct jit *j = jit_of(c);
    u32 key = c->fast.key;
    unsigned r;

    x64_flags_to(c, c->fast.flags);
    c->retired -= g->blk_n;
    c->blk = g->blk;
    c->blk_eip = c->eip = g->eip;
    c->blk_retired = c->retired;
    c->chain = 0; /* this block alone */
    c->group_from = g->insns;
    c->group_to = g->insns + g->n;
    j->stat_groups++;
    j->stat_slow += g->slow;
    r = g->insns[0].fn(c, g->insns);
    if (r == RUN_FAULT) {
        cpu_sync(c);
        j->stat_faults++;
    }
    if (unlikely(c->patched != NULL)) {
        c->patched->fn = c->patched_fn;
        c->patched = NULL;
    }
    c->group_from = c->group_to = NULL;
    c->blk = NULL;
    c->fast.flags = x64_flags_of(c);
    if (unlikely(c->fast.miss != NULL))
        missed(c);
    update_key(c);
    update_limit(c);
    if (unlikely(c->fast.key != key))
        forget_returns(c, returns);
    if (r == RUN_JIT_BACK) {
        c->retired = c->blk_retired + g->blk_n; /* iterations of string instructions are in it */
        return 0;
    }
    if (r == RUN_NEXT && !must_look(c)) { /* near[] may know the way on */
        struct jit_near *n = &j->near[jit_near_of(c->fast.key, c->eip)];
        if (n->key == ((u64)c->fast.key << 32 | c->eip))
            return (u64)(uintptr_t)n->code;
        return LEAVE_LOOK;
    }
    return r == RUN_NEXT ? LEAVE_LOOK : r;
}

static void killed(struct cpu *c, struct block *b)
{
    struct jit *j = jit_of(c);

    for (struct jit_block *jb = b->made; jb; jb = jb->next) {
        if (jb->start)
            unlink_code(j, jb);
        j->stat_killed++;
    }
    b->made = NULL;
}

#define LLU(v) ((unsigned long long)(v))

/* What stat_ticks are in nanoseconds; 0: there is no clock to compare with. */
static u64 translation_ns(const struct cpu *c)
{
    const struct jit *j = jit_of(c);
    u64 ticks = x64_ticks() - j->ticks0;

    if (!c->clock || !c->clock->host_ns || !ticks)
        return 0;
    return (u64)((double)j->stat_ticks * (double)(c->clock->host_ns(c->clock->host) - j->ns0) /
                 (double)ticks);
}

static void info(struct cpu *c, struct strbuf *sb)
{
    const struct jit *j = jit_of(c);
    u64 insns = MAX(j->stat_insns, 1u), ns = translation_ns(c);

    sb_addf(sb, "translated: %llu blocks, %llu instructions, of them %llu left to handlers; "
                "%.1f bytes an instruction\n", LLU(j->stat_blocks), LLU(j->stat_insns),
            LLU(j->stat_grouped), (double)j->stat_bytes / (double)insns);
    if (ns)
        sb_addf(sb, "time: %.0f ns an instruction, %.3f ms in all\n", (double)ns / (double)insns,
                (double)ns / 1e6);
    sb_addf(sb, "tiers: %llu instructions run by translations, %llu by the interpreter\n",
            LLU(j->stat_ran), LLU(c->retired > j->stat_ran ? c->retired - j->stat_ran : 0));
    sb_addf(sb, "code: %u KB of %u, side tables %u KB of %u\n", j->code_pos >> 10,
            JIT_CODE_BYTES >> 10, j->side_pos >> 10, JIT_SIDE_BYTES >> 10);
    sb_addf(sb, "links: %llu made; entered %llu times from outside, %llu of them as no table knew "
                "the way\n", LLU(j->stat_links), LLU(j->stat_enters), LLU(j->stat_misses));
    sb_addf(sb, "invalidated: %llu translations; %llu times all\n", LLU(j->stat_killed),
            LLU(j->stat_flushes));
    sb_addf(sb, "handlers: called %llu times, %llu of them for a memory access past the tables; "
                "%llu faults\n", LLU(j->stat_groups), LLU(j->stat_slow), LLU(j->stat_faults));
    if (j->twice)
        sb_addf(sb, "checked: %llu blocks run by both engines, %llu by the interpreter alone\n",
                LLU(j->stat_checked), LLU(j->stat_unchecked));
    if (!j->views)
        return;
    sb_addf(sb, "tier 2: %llu translations; hot %llu times; missed %llu, then shown %llu; "
                "%llu accesses made soft\n", LLU(j->stat_tier2), LLU(j->stat_hot),
            LLU(j->stat_missed), LLU(j->stat_shown), LLU(j->stat_soft));
    view_info(c, sb);
}

static void release(struct cpu *c)
{
    struct jit *j = jit_of(c);

    if (j->views) {
        vmem_trap_remove(&j->trap);
        view_free(c);
        vmem_release(j->sites, JIT_MAX_SITES * sizeof *j->sites);
    }
    vmem_code_free(&j->mem);
    vmem_release(j->side, JIT_SIDE_BYTES);
    twice_free(j->twice);
    xfree(j->rows);
    xfree(j->stub_starts);
    xfree(j);
    c->engine_state = NULL;
    c->engine = NULL;
}

static void start(struct cpu *c)
{
    struct jit *j = jit_of(c);

    j->code_pos = 0;
    xfree(j->stub_starts);
    j->stub_starts = NULL;
    x64_stubs(c);
    j->code_start = j->code_pos;
    code_flush(c);
}

static const struct cpu_engine jit_engine = {
    MODE_WANT | MODE_MUST_NOT, MODE_WANT, run, killed, empty, info, release,
};

bool jit_views(struct cpu *c, unsigned hot, struct err *e)
{
    struct jit *j = jit_of(c);
    /* A view costs a millisecond or two until all that is hot is there: 400 is after some 10 ms. */
    struct view_policy policy = { .on_heat = hot ? 400 : 1, .max_pieces = 16000 };

    if (!view_new(c, &policy, e))
        return false;
    j->sites = vmem_reserve(JIT_MAX_SITES * sizeof *j->sites);
    j->trap = (struct vmem_trap){ (u64)(uintptr_t)j->mem.exec,
                                  (u64)(uintptr_t)j->mem.exec + JIT_CODE_BYTES, on_fault, c };
    if (!j->sites || !vmem_trap_add(&j->trap)) {
        vmem_release(j->sites, JIT_MAX_SITES * sizeof *j->sites);
        view_free(c);
        return err_set(e, ERR_RESOURCE, "faults cannot be taken here");
    }
    j->views = true;
    j->hot2 = hot;
    for (unsigned k = 0; k < JIT_COUNTS; k++)
        c->jit_count[k] = hot;
    start(c); /* code looks otherwise now */
    return true;
}

bool jit_attach(struct cpu *c, unsigned hot, struct err *e)
{
    struct jit *j = xcalloc(1, sizeof *j);

    if (!vmem_code_new(&j->mem, JIT_CODE_BYTES)) {
        xfree(j);
        return err_set(e, ERR_RESOURCE, "the host allows no executable memory");
    }
    j->side = vmem_reserve(JIT_SIDE_BYTES);
    if (!j->side) {
        vmem_code_free(&j->mem);
        xfree(j);
        return err_set(e, ERR_RESOURCE, "no memory for the translator");
    }
    j->rows = jit_rows();
    j->hot = (u8)MIN(hot, 255u);
    j->host_sse3 = host_has_sse3();
    j->ticks0 = x64_ticks();
    j->ns0 = c->clock && c->clock->host_ns ? c->clock->host_ns(c->clock->host) : 0;
    c->engine_state = j;
    c->fast.near = j->near;
    start(c);
    c->engine = &jit_engine;
    return true;
}

bool jit_attach_check(struct cpu *c, struct err *e)
{
    if (!jit_attach(c, 0, e))
        return false;
    struct jit *j = jit_of(c);
    j->twice = twice_new(c);
    if (!j->twice) {
        release(c);
        return err_set(e, ERR_RESOURCE, "no memory for the translator");
    }
    return true;
}
