/* SPDX-License-Identifier: MIT */
/* Whole random guests. From the input a guest is built (guest_make.h) in a machine of CPU, memory
 * and the chips that interrupt (guest_board.h), and runs twice: straight, and as the input says
 * in slices, with kicks, with the block cache emptied, or saved and loaded into a new machine in
 * between. Registers, memory, chips and all that was seen on ports must be the same at the end,
 * and what the CPU keeps (translations, segment caches, the mode word, flags) must be what could
 * be made anew.
 *
 * A guest that changes a present page-table entry and does not flush may go on with the old one,
 * as on a real processor; how long then is up to what is kept. So all but kicks go with
 * tlb=coherent.
 *
 * The second run is the translator's for half of the inputs; FUZZ_ENGINE names its engine, FUZZ_VERBOSE=1 tells about each guest. */
#include "tests/fuzz/fuzz.h" /* first: it wants _GNU_SOURCE */

#include <malloc.h>

#include "cpu/flags.h"
#include "cpu/mmu.h"
#include "cpu/simd.h"
#include "cpu/x87.h"
#include "tests/fuzz/guest_make.h"

enum {
    VARY_SLICES = 1,
    VARY_KICKS = 2,
    VARY_SNAPSHOT = 4,
    VARY_CODE_FLUSH = 8,
    VARY_TLB_FLUSH = 16,
    VARY_STEPS = 32
};

struct plan {
    struct board_options opt;
    u64 end;
    unsigned vary;
    u64 seed; /* of when things happen */
    struct source code;
};

static struct plan plan_of(const u8 *data, size_t size)
{
    static const char *const models[] = { "max", "max,msr=gp", "max", "pentium-m,+nx",
                                          "max", "pentium3",   "486", "max" };
    struct source s = { data, size, 0x9e3779b97f4a7c15ull };
    struct plan p = { 0 };

    for (size_t k = 0; k < MIN(size, (size_t)8); k++)
        s.state = (s.state ^ data[k]) * 0xbf58476d1ce4e5b9ull;
    s.state |= 1;
    u32 how = s16(&s);
    /* the second run's */
    p.opt.engine = !HAVE_JIT || !(how >> 15) ? "interp" : how & 4 ? "views" : "jit";
    p.opt.hot = how & 1 ? 3 : 0;
    p.opt.model = models[how & 7];
    p.opt.coherent = how & 0x38; /* mostly */
    p.opt.soft_fpu = how & 0x40;
    p.opt.ns = (u32)((const u16[]){ 1, 20, 100, 400 })[how >> 7 & 3];
    p.vary = p.opt.coherent ? how >> 9 & 0x3f : VARY_KICKS;
    p.end = 200 + s16(&s) % 4000;
    p.seed = s.state;
    p.code = s;
    return p;
}

static u32 rnd(u64 *state, u32 n)
{
    *state = *state * 6364136223846793005ull + 1442695040888963407ull;
    return (u32)(*state >> 33) % n;
}

static struct board *start(const struct plan *p)
{
    struct board *b = board_new(&p->opt);
    struct source s = p->code;

    make_guest(b, &s);
    return b;
}

/* ---- what must hold between two runs of the CPU */

static void check_entry(struct cpu *c, struct ctx *x, unsigned cls, unsigned write, u32 page)
{
    u64 entry = x->tab[cls][write][page];
    struct walk w;

    if (!entry)
        return;
    MUST(mmu_walk(c, &w, page << PAGE_SHIFT, write ? ACC_WRITE : ACC_READ, cls == CLS_USER));
    const struct phys *ph = mmu_phys(c, w.pa);
    u32 frame = write ? ph->wr : ph->rd;
    MUST(frame != NO_FRAME);
    MUST(entry == (u64)(uintptr_t)c->ram->page[frame] - ((u64)page << PAGE_SHIFT));
    if (write) {
        MUST(ph->rd == ph->wr);
        MUST(!(c->ram->flags[frame] & (RAM_ROM | RAM_CODE | RAM_SHARED | RAM_TABLES | RAM_CLEAN)));
        MUST(!w.n || (w.w[w.n - 1].val & PTE_D));
    }
    for (unsigned k = 0; k < w.n; k++)
        MUST(w.w[k].val & PTE_A || w.w[k].wr == NO_FRAME || !c->tlb_coherent);
    MUST(!page_watched(c->mmu, page));
}

static void check_tlb(struct cpu *c)
{
    struct ctx *x;

    mmu_switch(c, false); /* a flush point: from here on all must be as in memory */
    x = c->mmu->cur;
    for (unsigned cls = 0; cls < 2; cls++)
        for (unsigned write = 0; write < 2; write++)
            for (u32 k = 0; k < SLICES; k++)
                if (x->slice[cls][write][k / 32] & BIT(k % 32))
                    for (u32 p = 0; p < 512; p++)
                        check_entry(c, x, cls, write, k * 512 + p);
    for (unsigned k = 0; k < EXEC_LEN; k++) {
        struct walk w;
        if (!(x->exec[k].tag & 1))
            continue;
        MUST(mmu_walk(c, &w, x->exec[k].tag >> 2 << PAGE_SHIFT, ACC_EXEC, x->exec[k].tag & 2));
        MUST(w.pa >> PAGE_SHIFT == x->exec[k].ppn);
        MUST(mmu_phys(c, w.pa)->rd == x->exec[k].frame);
    }
}

static void check_cpu(struct cpu *c)
{
    u32 mode = c->mode, fl = cpu_eflags(c);
    u64 *rd = c->tlb_rd, *wr = c->tlb_wr;

    MUST(c->gpr[R_ZERO] == 0 && !c->blk && !c->patched);
    MUST((c->eflags & FL_ARITH) == 0 && (fl & ~0x003f7fd7u) == 0 && (fl & FL_1));
    for (unsigned k = 0; k <= S_GS; k++) {
        struct seg s = c->seg[k];
        seg_update(&s);
        if (s.rd_end != c->seg[k].rd_end || s.wr_end != c->seg[k].wr_end)
            fprintf(stderr, "segment %u: %04x %08x %08x %04x: ends %x %x, anew %x %x\n", k, s.sel,
                    s.base, s.limit, s.attr, c->seg[k].rd_end, c->seg[k].wr_end, s.rd_end,
                    s.wr_end);
        MUST(s.rd_end == c->seg[k].rd_end && s.wr_end == c->seg[k].wr_end);
    }
    cpu_update_mode(c);
    if (fl & FL_RF) /* a string instruction left in the middle: the run loop looks at RF itself */
        mode |= MODE_SINGLE;
    if (mode != c->mode)
        fprintf(stderr, "mode word %x, anew %x, events %x, eflags %x\n", mode, c->mode, c->events,
                fl);
    MUST(mode == c->mode && rd == c->tlb_rd && wr == c->tlb_wr);
    MUST(!is_v86(c) || (is_pe(c) && c->cpl == 3));
    MUST(is_pe(c) || c->cpl == 0);
    MUST(!(c->cr0 & CR0_PG) || (c->cr0 & CR0_PE));
    MUST((c->cr4 & ~cr4_mask(c)) == 0);
    MUST((c->fpu.mxcsr & ~mxcsr_mask(c)) == 0);
    MUST((c->dr7 & ~(DR7_WRITABLE | DR7_FIXED)) == 0 && (c->dr7 & DR7_FIXED));
    /* an exception is summarised exactly when an unmasked one is recorded */
    MUST(!(c->fpu.sw & 0x80) == !(c->fpu.sw & ~c->fpu.cw & 0x3f));
    /* flags: any of them made anew is the same */
    struct cc keep = c->cc;
    u32 arith = cc_flags(c);
    cc_set(c, arith);
    MUST(cc_flags(c) == arith);
    for (unsigned k = 0; k < 16; k++) {
        bool made = cc_cond(c, k);
        struct cc fresh = c->cc;
        c->cc = keep;
        MUST(cc_cond(c, k) == made);
        c->cc = fresh;
    }
    c->cc = keep;
}

/* ---- two runs */

static void straight(struct board *b, u64 end)
{
    while (*cpu_retired(b->c) < end && board_slice(b, end))
        ;
}

/* The run that is disturbed. */
static struct board *varied(struct board *b, const struct plan *p, u64 end)
{
    u64 seed = p->seed, saved = 0;
    unsigned rounds = 0;

    while (*cpu_retired(b->c) < end) {
        u64 step = end;
        if (p->vary & VARY_SLICES)
            step = 1 + rnd(&seed, rnd(&seed, 2) ? 8 : 300);
        else if (p->vary & VARY_STEPS)
            step = 1;
        else if (p->vary & ~(unsigned)VARY_KICKS)
            step = 1 + rnd(&seed, 600);
        u64 until = MIN(end, *cpu_retired(b->c) + step);
        if ((p->vary & VARY_KICKS) && rnd(&seed, 2))
            cpu_kick(b->c);
        if (!board_slice(b, until))
            break;
        if (rounds++ > 64 && rnd(&seed, 16))
            continue;
        if ((p->vary & VARY_CODE_FLUSH) && !rnd(&seed, 4))
            cpu_tidy(b->c);
        if ((p->vary & VARY_TLB_FLUSH) && !rnd(&seed, 4))
            mmu_flush_all(b->c);
        if (rnd(&seed, 4) == 0) {
            check_cpu(b->c);
            if (p->opt.coherent)
                check_tlb(b->c);
        }
        if ((p->vary & VARY_SNAPSHOT) && !b->want_init && saved < 2 && rnd(&seed, 4) == 0) {
            b = board_reborn(b);
            saved++;
        }
    }
    return b;
}

static const char *name_of(unsigned r)
{
    static const char *const names[] = {
        "EAX",    "ECX", "EDX", "EBX", "ESP", "EBP", "ESI", "EDI",  "EIP",
        "EFLAGS", "ES",  "CS",  "SS",  "DS",  "FS",  "GS",  "LDTR", "TR",
    };

    return r < ARRAY_LEN(names) ? names[r] : "";
}

/* The fields of the CPU's section that are not equal. */
static void tell_fields(struct board *a, struct board *b)
{
    struct board_bytes sa = { 0 }, sb = { 0 };
    struct snap_out oa = { bytes_write, &sa }, ob = { bytes_write, &sb };
    struct err e = { 0 };

    MUST(cpu_save(a->c, &oa, &e) && cpu_save(b->c, &ob, &e) && sa.len == sb.len);
    for (size_t at = 1 + sa.p[0] + 8; at < sa.len;) { /* core/snap.h has the format */
        unsigned tag = sa.p[at];
        size_t len = ld32(sa.p + at + 1 + tag), data = at + 5 + tag;
        if (memcmp(sa.p + data, sb.p + data, len))
            fprintf(stderr, "  field %.*s\n", (int)tag, (char *)sa.p + at + 1);
        at = data + len;
    }
    xfree(sa.p);
    xfree(sb.p);
}

/* How many things differ; they are named if told to. */
static unsigned differences(struct board *a, struct board *b, bool tell)
{
    struct board_bytes ca = { 0 }, cb = { 0 };
    size_t size = cpu_context_size();
    u8 *xa = malloc(size), *xb = malloc(size);
    unsigned n = 0;
    FILE *to = tell ? stderr : NULL;

    for (unsigned r = 0; r < CPU_NUM_REGS; r++)
        if (cpu_get(a->c, (enum cpu_reg)r) != cpu_get(b->c, (enum cpu_reg)r)) {
            n++;
            if (to)
                fprintf(to, "  register %u %s: %x, %x\n", r, name_of(r),
                        cpu_get(a->c, (enum cpu_reg)r), cpu_get(b->c, (enum cpu_reg)r));
        }
    cpu_context_get(a->c, xa);
    cpu_context_get(b->c, xb);
    for (size_t k = 0; k < size; k++)
        n += xa[k] != xb[k];
    free(xa);
    free(xb);
    if (to && n)
        tell_fields(a, b);
    for (u32 k = 0; k < ALL_RAM; k++)
        if (a->host[k] != b->host[k]) {
            if (to && n++ < 40)
                fprintf(to, "  memory %x: %x, %x\n", k, a->host[k], b->host[k]);
            n++;
        }
    board_save_chips(a, &ca);
    board_save_chips(b, &cb);
    if (ca.len != cb.len || memcmp(ca.p, cb.p, ca.len)) {
        n++;
        for (unsigned k = 0; to && k < NUM_CHIPS; k++) {
            struct strbuf sb = { 0 };
            if (a->chip[k]->cls->fields)
                snap_diff(&sb, a->chip[k]->cls->fields, a->chip[k], b->chip[k]);
            fprintf(to, "  %s: %s\n", a->chip[k]->id, sb_text(&sb));
            sb_free(&sb);
        }
    }
    xfree(ca.p);
    xfree(cb.p);
    if (a->trace != b->trace || a->accesses != b->accesses || a->vectors != b->vectors ||
        a->halts != b->halts || a->resets != b->resets || a->dead != b->dead) {
        n++;
        if (to)
            fprintf(
                to,
                "  trace: %llu and %llu port accesses, %llu and %llu vectors, %u and %u halts\n",
                (unsigned long long)a->accesses, (unsigned long long)b->accesses,
                (unsigned long long)a->vectors, (unsigned long long)b->vectors, a->halts, b->halts);
    }
    return n;
}

/* The last instructions of both runs as the CPU's own traces tell them (docs/traces.md). */
static u64 trace_from;

static void trace_line(void *board, enum log_class cls, const char *line)
{
    struct board *b = board;

    (void)cls;
    if (b->c && *cpu_retired(b->c) >= trace_from)
        fprintf(stderr, "    %s\n", line);
}

static void trace_on(struct board *b, u64 end)
{
    trace_from = end > 3 ? end - 3 : 0;
    b->log.sink = trace_line;
    b->log.sink_to = b;
    b->log.mask = BIT(LOG_INT) | BIT(LOG_MMU) | BIT(LOG_IRQ) | BIT(LOG_INFO) | BIT(LOG_EXEC);
}

static bool differ(const struct plan *p, u64 end, bool tell)
{
    struct board *a = start(p), *b = start(p);

    if (tell) {
        trace_on(a, end);
        trace_on(b, end);
        fprintf(stderr, "  straight, then varied:\n");
    }
    straight(a, end);
    if (tell)
        fprintf(stderr, "  --\n");
    b = varied(b, p, end);
    bool bad = differences(a, b, tell) != 0;
    board_free(a);
    board_free(b);
    return bad;
}

static void tell_place(const struct plan *p, u64 end)
{
    struct board *a = start(p);
    struct strbuf sb = { 0 };
    u8 code[16];
    char text[96];

    straight(a, end);
    cpu_info_registers(a->c, &sb);
    fprintf(stderr, "before instruction %llu:\n%s", (unsigned long long)end, sb_text(&sb));
    u32 la = cpu_get(a->c, CPU_CS_BASE) + cpu_get(a->c, CPU_EIP),
        n = cpu_debug_read(a->c, la, code, 16);
    for (u32 k = 0; k < n; k++)
        fprintf(stderr, "%02x ", code[k]);
    cpu_disasm(code, n, cpu_get(a->c, CPU_EIP), cpu_get(a->c, CPU_CS_ATTR) & SEG_DB ? 32 : 16, text,
               sizeof text);
    fprintf(stderr, " %s\n", text);
    sb_free(&sb);
    board_free(a);
}

/* The first instruction behind which the runs differ, for whoever looks into it. */
static NB_NORETURN void diagnose(const struct plan *p)
{
    u64 hi = 1;

    if (!getenv("FUZZ_VERBOSE")) {
        fprintf(stderr, "fuzz_guest: the runs differ; FUZZ_VERBOSE=1 tells where\n");
        abort();
    }
    while (hi < p->end &&
           !differ(p, hi, false)) /* what happens hangs on where slices end: no bisection */
        hi++;
    fprintf(stderr,
            "fuzz_guest: the runs differ (vary %x, %s%s); first behind instruction %llu of %llu:\n",
            p->vary, p->opt.model, p->opt.coherent ? ", tlb=coherent" : "", (unsigned long long)hi,
            (unsigned long long)p->end);
    differ(p, hi, true);
    tell_place(p, hi - 1);
    abort();
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static bool started;

    if (size < 6)
        return 0;
    if (!started) /* fresh memory is zero already; used memory of this size takes time to clear */
        mallopt(M_MMAP_THRESHOLD, 1 << 20);
    started = true;
    struct plan p = plan_of(data, size);
    const char *engine = getenv("FUZZ_ENGINE");

    if (engine)
        p.opt.engine = engine;
    if (strcmp(p.opt.engine, "interp") &&
        !(HAVE_JIT && (!strcmp(p.opt.engine, "jit") || !strcmp(p.opt.engine, "views") || !strcmp(p.opt.engine, "check")))) {
        fprintf(stderr, "fuzz_guest: no engine %s\n", p.opt.engine);
        exit(2);
    }
    struct plan reference = p;
    reference.opt.engine = "interp";
    struct board *a = start(&reference), *b = start(&p);
    straight(a, p.end);
    b = varied(b, &p, p.end);
    if (getenv("FUZZ_VERBOSE"))
        printf("vary %02x %-14s %s: %llu instructions, %llu vectors, %llu accesses, %u halts, %u "
               "resets, blocks "
               "%llu dropped %llu, walks %llu\n",
               p.vary, p.opt.model, p.opt.coherent ? "coherent" : "-",
               (unsigned long long)*cpu_retired(a->c), (unsigned long long)a->vectors,
               (unsigned long long)a->accesses, a->halts, a->resets,
               (unsigned long long)a->c->stat_blocks, (unsigned long long)a->c->stat_invalidated,
               (unsigned long long)a->c->mmu->stat_walks);
    if (differences(a, b, false))
        diagnose(&p);
    check_cpu(a->c);
    check_tlb(a->c);
    check_cpu(b->c);
    check_tlb(b->c);
    board_free(a);
    board_free(b);
    return 0;
}
