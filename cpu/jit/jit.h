/* SPDX-License-Identifier: MIT */
/* The translator. Shared by cpu/jit/ and cpu/jit/x64/; others use attach.h.
 *
 * Code is made from blocks of the code cache (icache.h) that ran often, one to one. It is reached
 * by the loop of jit.c, by links between blocks, or through near[], and it leaves to the loop with
 * a reason. While it runs, the guest's registers are in the host's (x64/), c->gpr, c->cc, c->eip
 * and c->retired are stale; every way out and every call of a handler makes them exact first.
 *
 * What has no template, and every memory access that needs more than a table look-up, is done by
 * the interpreter's own handlers, on copies of the instructions that end by coming back (struct
 * jit_group). So faults, devices, self-modifying code and debug events are the interpreter's. */
#ifndef NB_CPU_JIT_JIT_H
#define NB_CPU_JIT_JIT_H

#include "core/vmem.h"
#include "cpu/engine.h"
#include "cpu/jit/attach.h"
#include "cpu/jit/recipe.h"

enum {
    JIT_CODE_BYTES = 8 << 20,
    JIT_SIDE_BYTES = 12 << 20,  /* groups, links, block records */
    JIT_NEAR = 8192,
    JIT_MAX_SITES = 1 << 18,
    JIT_MAX_ALIASES = 4,        /* translations of a block, one an address */
    JIT_MAX_VERSIONS = 4,       /* ... and at an address, one for each kind of flags */
    JIT_EDGE_HOT = 200,         /* savings of flags at an edge before it gets a version */
};

/* Builds for finding our own bugs: each translation is verified before it runs, and at each exit to
 * C the host's x87 and SSE registers are spoilt. */
enum { JIT_PARANOID = HAVE_DEBUG || HAVE_ASAN };

/* Reasons to leave; RUN_x come from handlers and mean what they say. */
enum {
    RUN_JIT_BACK = 8, /* a group has come to its end */
    LEAVE_LINK = 16,  /* c->eip is next; c->fast.link is an edge that may be made to go there */
    LEAVE_LOOK,       /* c->eip is next; look at events, kicks and the budget */
    LEAVE_COLD,       /* what follows c->eip is the interpreter's as things are */
    LEAVE_HOT,        /* the same; the block there has run often */
};

/* What of the guest's state is in the host's registers while code runs: bits of c->fast.fp_in. */
enum {
    FP_SSE = 1, FP_X87 = 2,
    FP_OPEN = 4, /* the x87 with an exception that is not masked; then not FP_X87 */
};

/* A copy of some instructions of a block, and one behind them that leads back. */
struct jit_group {
    struct block *blk;
    u32 eip;            /* the block's, at this address */
    u16 n, blk_n;       /* its instructions, the block's */
    bool slow;          /* a template's memory access that needs more than a look-up */
    bool fp;            /* one of them is about x87, MMX or SSE state: it must be in c->fpu */
    struct insn insns[];
};

/* Whose flags an edge has at hand. */
enum jit_edge_flags {
    JIT_EDGE_SAVED,
    JIT_EDGE_THUNK,  /* those of the block's end: a piece of code recovers them */
    JIT_EDGE_CALLER, /* a return's: r10 points to such a piece of another block */
};

/* An edge to another block: its code, by offsets, and where it leads. What is not there is 0. */
struct jit_link {
    u32 eip;            /* of an indirect one: the last one seen */
    bool indirect;
    u8 tier;            /* of the code that jumps: 1 never leads to 2 by itself */
    u8 flags;           /* enum jit_edge_flags */
    u32 add_site;       /* imm8: instructions of the block it leads to */
    u32 sub_site[3];    /* ... to be taken off again */
    u32 generation_site;/* imm32 */
    u32 eip_site, miss_site, miss; /* imm32; rel32, and where it leads if linked */
    u32 site;           /* rel32 */
    u32 save, save_site;/* code that saves the flags first, and its rel32 */
    i32 heat;           /* how often that may still be done */
    struct flags_at end;/* what the flags are there */
    u32 unlinked;       /* where `site` leads while nobody is at the other side */
    struct jit_block *to;
    struct jit_link *next_in; /* of `to` */
};

/* Code of a block at one address. */
struct jit_block {
    struct block *b;
    u32 eip;
    u32 start, end;     /* 0: none */
    u32 code, body, dead; /* head, behind it, and what the head jumps to once the block is gone */
    u8 tier;              /* 2: looks through the view */
    u64 soft;             /* bit k: insns[k] does not, nevertheless */
    bool sees_flags;      /* those that it starts with */
    struct flags_at entry;/* how it wants them: saved, or by the recipe of the edges that lead here.
                             The latter have no head */
    struct jit_link *in;
    struct jit_block *next;
    bool open;          /* looks for pending x87 exceptions (fp.c) */
    u8 cold;            /* times that it was left for want of that */
};

/* An instruction of the host's that looks through a view, in the order of pc. */
struct jit_site {
    u32 pc, resume;     /* offsets in the code: where it may fault, and where it then goes on */
    struct jit_block *jb;
    u8 k;               /* of which instruction */
    bool write;
    u16 missed;         /* how often, weighted */
};

/* An element of the shadow stack, which grows down on the host's. */
struct jit_return {
    const u8 *code;
    u64 eip;            /* the lower half counts */
};

struct jit_near {
    u64 key;            /* EIP, and c->fast.key in the upper half */
    const u8 *code;
};

/* What a handler is of its row (x64/block.c). */
struct jit_bound {
    insn_fn *fn;
    u16 row;
    u8 size, form;      /* size 0: none */
};

/* Where in near[]: address spaces that take turns do not turn each other out. */
static inline u32 jit_near_of(u32 key, u32 eip)
{
    return (eip ^ eip >> 12 ^ key >> 9) & (JIT_NEAR - 1);
}

struct jit {
    struct jit_near near[JIT_NEAR];
    struct vmem_code mem;
    u32 code_pos, code_start;    /* the stubs lie before code_start */
    u8 *side;
    u32 side_pos;
    u32 generation;              /* of the code cache: what near[] was made for */
    struct jit_site *sites;      /* views: NULL */
    u32 num_sites;
    bool views;
    u8 hot;
    u16 *rows;                   /* template class of each row (rows.c) */
    struct jit_bound bound[1024];
    u32 enter, leave, leave_link, leave_look, leave_why, call_group, dispatch, return_lost,
        thunk_saved;             /* stubs, as offsets */
    u32 fp_store, fp_keep, fp_load[8]; /* the same; [FP_x], + FP_OPEN if it may be open */
    bool host_sse3;
    u8 cold;                     /* LEAVE_COLD was the last reason so many times, at this count */
    u64 cold_at;
    struct jit_fp {              /* an FXSAVE image, and what the host's own code wants */
        _Alignas(16) u8 fx[512];
        u32 mxcsr;
        u16 cw;
        u8 poison[16];
    } fp;
    u32 hot2;                    /* runs until tier 2; 0: at once */
    struct vmem_trap trap;
    u64 stat_tier2, stat_hot, stat_missed, stat_shown, stat_soft;
    u64 stat_blocks, stat_versions, stat_insns, stat_grouped, stat_links, stat_enters, stat_groups,
        stat_killed, stat_flushes, stat_checked, stat_unchecked, stat_slow, stat_faults,
        stat_misses, stat_bytes, stat_ticks, stat_ran;
    u64 ticks0, ns0;             /* of the host, at the start */
    void *stub_starts;           /* verify.c's */
    jit_code_fn *tell;           /* may be NULL */
    void *tell_to;
    struct twice *twice;         /* -engine check: each entry runs one block, and that twice */
};

static inline struct jit *jit_of(const struct cpu *c) { return c->engine_state; }

static inline struct jit_bound *jit_bound(struct jit *j, const struct insn *in)
{
    return &j->bound[((uintptr_t)in->fn >> 4 ^ in->row * 5u) % ARRAY_LEN(j->bound)];
}

static inline u32 jit_count_of(u32 eip) { return (eip ^ eip >> 10) % JIT_COUNTS; }

/* false: no room. */
bool jit_site_new(struct jit *j, struct jit_site s);
const struct jit_site *jit_site_at(const struct jit *j, u32 pc); /* NULL: none */
/* Memory for a group, link or record; NULL when there is no more. */
void *jit_side(struct jit *j, u32 bytes);
/* Instructions from .. from + n - 1 of b. NULL: no room. */
struct jit_group *jit_group_new(struct jit *j, struct block *b, u32 eip, unsigned from, unsigned n);
/* The group's instructions from the handlers. 0: go on with the code; < 4096: a reason to leave;
 * else the code to go on at. Called by the code; returns is the top of the shadow stack. */
u64 jit_run_group(struct cpu *c, struct jit_group *g, struct jit_return *returns);

/* Runs code until it leaves, with the flags as it wants them. Returns why. */
unsigned jit_enter(struct cpu *c, const struct jit_block *jb);

/* check.c: block b by both engines, from c->eip on. RUN_FAULT, RUN_EXIT or RUN_BUG. */
unsigned jit_check(struct cpu *c, struct block *b, struct jit_block *jb);
/* list.c: disassembly, a line an instruction. */
struct strbuf;
void jit_list_guest(struct cpu *c, const struct block *b, u32 eip, struct strbuf *sb);
void jit_list_host(struct cpu *c, const struct jit_block *jb, struct strbuf *sb);
/* What became of a block's instructions. */
struct jit_map {
    u32 at[BLOCK_MAX_INSNS];        /* where their code begins; several of one call begin with it */
    bool handler[BLOCK_MAX_INSNS];
    bool live[BLOCK_MAX_INSNS + 1]; /* whether somebody may see the flags as insns[k] finds them */
    u32 cold;                       /* where the code behind the block begins */
};
/* -d out_asm,op; the emitter calls it where the log has one of them on. */
void jit_trace(struct cpu *c, const struct jit_block *jb, const struct jit_map *map);

/* ---- x64/ */
/* Code for block b at EIP `eip`, in *jb. false: no more room, or it is not for us (then full is
 * false). */
bool x64_translate(struct cpu *c, struct block *b, u32 eip, struct jit_block *jb, bool *full);
void x64_stubs(struct cpu *c);
/* Links l to jb, or unlinks it. */
void x64_link(struct jit *j, struct jit_link *l, const struct jit_block *jb, u32 generation);
void x64_unlink(struct jit *j, struct jit_link *l);
/* Makes the rel32 at `site` lead to `to`. */
void x64_patch(struct jit *j, u32 site, u32 to);
/* Makes the code at `entry` begin with a jump to `to`. */
void x64_patch_entry(struct jit *j, u32 entry, u32 to);
/* verify.c: whether the block's code keeps to the rules; else *why says which it breaks. */
bool x64_verify(struct jit *j, const struct jit_block *jb, char *why, size_t size);
u64 x64_ticks(void); /* the host's time stamp counter */
u32 x64_flags_of(const struct cpu *c);
void x64_flags_to(struct cpu *c, u32 flags);

#endif
