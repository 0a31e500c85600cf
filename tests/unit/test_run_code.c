/* SPDX-License-Identifier: MIT */
/* Where code comes from: code that is written over while it runs, in every way that bytes get into
 * memory; fetches that fault, cross pages or leave RAM; the same place in several modes. */
#include "tests/unit/cpu_rig.h"

#define PD_AT 0x40000u
#define PT_AT 0x41000u
#define MMIO_AT 0x200000u
enum { PTE_RWU = 7 };

struct env {
    struct rig *r;
    struct cpu *c;
    struct region extra;
    const u8 *dma;    /* what an access to port 42h writes */
    u32 dma_to, dma_len;
};

static void env_dma(struct env *v)
{
    if (v->dma)
        dma_write(&v->r->mem, v->dma_to, v->dma, v->dma_len);
}

static u32 env_read(void *dev, u32 off, unsigned size)
{
    (void)off;
    (void)size;
    env_dma(dev);
    return 0;
}

static void env_write(void *dev, u32 off, u32 val, unsigned size)
{
    (void)off;
    (void)val;
    (void)size;
    env_dma(dev);
}

static const struct region_ops env_ops = { .read = env_read, .write = env_write, .min = 1, .max = 4,
                                           .unaligned = true };

static struct env *env_new(void)
{
    struct env *v = calloc(1, sizeof *v);

    v->r = rig_prot();
    v->c = v->r->c;
    v->c->counted = true;
    v->r->port_region.ops = &env_ops;
    v->r->port_region.dev = v;
    return v;
}

static void env_free(struct env *v)
{
    if (v->extra.size)
        space_unmap(&v->r->mem, &v->extra);
    rig_free(v->r);
    free(v);
}

/* Bytes straight into memory, before anything was decoded from there. */
#define CODE(v, at, ...) \
    do { \
        static const u8 code_[] = { __VA_ARGS__ }; \
        memcpy((v)->r->host + (at), code_, sizeof code_); \
    } while (0)

static void paging_on(struct env *v)
{
    st32(v->r->host + PD_AT, PT_AT | PTE_RWU);
    for (u32 p = 0; p < 1024; p++)
        st32(v->r->host + PT_AT + 4 * p, p << 12 | PTE_RWU);
    cpu_set(v->c, CPU_CR3, PD_AT);
    cpu_set(v->c, CPU_CR0, CR0_PE | CR0_ET | CR0_PG);
}

/* Behind the CPU's back: a flush point is the program's affair. */
static void set_pte(struct env *v, u32 la, u32 pte)
{
    st32(v->r->host + PT_AT + 4 * (la >> 12), pte);
}

static void run(struct env *v, u32 eip, u64 n)
{
    u64 end = *cpu_retired(v->c) + n;

    cpu_set(v->c, CPU_EIP, eip);
    ck_assert_int_eq(cpu_run(v->c, end), CPU_BUDGET);
    ck_assert_uint_eq(*cpu_retired(v->c), end);
}

#define REG(v, r) cpu_get((v)->c, CPU_##r)

/* ---- written over ---- */

/* Each program turns INC EAX (40) at CODE_AT + 20h into INC EBX (43) and runs into it in the same
 * block. */
static const struct { u8 code[16]; u8 steps; } writers[] = {
    { { 0xc6, 0x05, 0x20, 0x00, 0x01, 0x00, 0x43 }, 1 },       /* mov byte [10020h], 43h */
    { { 0x88, 0x16 }, 1 },                                     /* mov [esi], dl */
    { { 0x80, 0x36, 0x03 }, 1 },                               /* xor byte [esi], 3 */
    { { 0xf0, 0x80, 0x36, 0x03 }, 1 },
    { { 0x86, 0x16 }, 1 },                                     /* xchg [esi], dl */
    { { 0x89, 0x56, 0xfe }, 1 },                               /* mov [esi-2], edx */
    { { 0x89, 0xf4, 0x83, 0xc4, 0x04, 0x52 }, 3 },             /* push edx, ESP at ESI+4 */
    { { 0x89, 0xf7, 0x88, 0xd0, 0xaa, 0x29, 0xc0 }, 4 },       /* stosb; sub eax,eax */
    { { 0x89, 0xf7, 0x88, 0xd0, 0xf3, 0xaa, 0x29, 0xc0 }, 4 }, /* rep stosb, ECX 1 */
    { { 0x89, 0xf7, 0x89, 0xee, 0xf3, 0xa4 }, 3 },             /* rep movsb from EBP */
    { { 0xe6, 0x42 }, 1 }, { { 0xe4, 0x42, 0x29, 0xc0 }, 2 },  /* DMA by OUT, by IN */
    { { 0x0f, 0xb0, 0x16, 0x29, 0xc0 }, 2 },                   /* cmpxchg [esi], dl, AL = 40h */
    { { 0xdd, 0x1e }, 1 },                                     /* fstp qword [esi] */
};

/* i & 1: through another linear page on the same frame. */
START_TEST(next_instruction_is_written_over)
{
    struct env *v = env_new();
    static const u8 inc_ebx[] = { 0x43 };
    const u8 *code = writers[_i / 2].code;
    static const u8 st[10] = { 0, 0x18, 2, 0, 0, 0, 0, 0x80, 0xff, 0x3f }; /* FSTP: 43 in byte 0 */

    if (_i & 1)
        paging_on(v);
    set_pte(v, 0x90000, CODE_AT | PTE_RWU);
    memset(v->r->host + CODE_AT, 0x90, 0x40);
    CODE(v, CODE_AT + 0x20, 0x40, 0x90, 0xeb, 0xfe);
    for (unsigned k = 0; k < 16; k++)
        if (code[k])
            v->r->host[CODE_AT + k] = code[k];
    u32 to = _i & 1 ? 0x90020 : CODE_AT + 0x20;
    if (code[0] == 0xc6)
        st32(v->r->host + CODE_AT + 2, to);
    v->dma = inc_ebx;
    v->dma_to = CODE_AT + 0x20;
    v->dma_len = 1;
    v->r->host[0x50000] = 0x43;
    cpu_set(v->c, CPU_EDX, code[0] == 0x89 && code[2] == 0xfe ? 0x90439090 : 0x90909043);
    cpu_set(v->c, CPU_ESI, to);
    cpu_set(v->c, CPU_EBP, 0x50000);
    cpu_set(v->c, CPU_ECX, 1);
    cpu_set(v->c, CPU_EAX, code[0] == 0x0f ? 0x40 : 0);
    cpu_set(v->c, CPU_FTW, 0);
    cpu_set_st(v->c, 0, st);
    u32 len = 0;
    for (unsigned k = 0; k < 16; k++)
        if (code[k])
            len = k + 1;
    if (code[0] == 0xc6)
        len = 7;
    run(v, CODE_AT, writers[_i / 2].steps + (0x20 - len) + 1);
    ck_assert_uint_eq(REG(v, EIP), CODE_AT + 0x21);
    ck_assert_msg(REG(v, EBX) == 1 && REG(v, EAX) == 0,
                  "case %d: eax %x ebx %x", _i, REG(v, EAX), REG(v, EBX));
    env_free(v);
}
END_TEST

/* The block runs, is written over by another, and runs again. */
START_TEST(another_block_is_written_over)
{
    struct env *v = env_new();

    CODE(v, CODE_AT, 0xe8, 0x1b, 0, 0, 0,       /* call +20h */
         0xc6, 0x05, 0x20, 0, 1, 0, 0x43,       /* mov byte [10020h], 43h */
         0xe8, 0x0f, 0, 0, 0, 0xeb, 0xfe);      /* call +20h */
    CODE(v, CODE_AT + 0x20, 0x40, 0xc3);
    run(v, CODE_AT, 7);
    ck_assert_uint_eq(REG(v, EAX), 1);
    ck_assert_uint_eq(REG(v, EBX), 1);
    ck_assert_uint_eq(REG(v, EIP), CODE_AT + 0x11);
    env_free(v);
}
END_TEST

/* A loop whose body changes with every turn. */
START_TEST(loop_that_changes_its_own_body)
{
    struct env *v = env_new();

    CODE(v, CODE_AT, 0x05, 0, 0, 0, 0,           /* add eax, imm */
         0xff, 0x05, 1, 0, 1, 0,                 /* inc dword [imm] */
         0xe2, 0xf3, 0xeb, 0xfe);                /* loop */
    cpu_set(v->c, CPU_ECX, 50);
    run(v, CODE_AT, 150);
    ck_assert_uint_eq(REG(v, EAX), 49 * 50 / 2);
    ck_assert_uint_eq(REG(v, EIP), CODE_AT + 13);
    env_free(v);
}
END_TEST

/* MOV EAX, imm32 over a page border: its second page is written, then mapped elsewhere. */
START_TEST(crossing_instruction)
{
    struct env *v = env_new();

    paging_on(v);
    CODE(v, 0x10ffd, 0xb8, 0x11, 0x11, 0x22, 0x22, 0x90, 0xeb, 0xfe);
    CODE(v, 0x30000, 0x44, 0x44, 0x90, 0xeb, 0xfe);
    for (unsigned k = 0; k < 3; k++) {
        run(v, 0x10ffd, 3);
        ck_assert_uint_eq(REG(v, EAX), 0x22221111);
    }
    /* mov byte [11000h], 33h; jmp 10ffdh */
    CODE(v, 0x50000, 0xc6, 0x05, 0, 0x10, 1, 0, 0x33, 0xe9, 0xf1, 0x0f, 0xfc, 0xff);
    run(v, 0x50000, 3);
    ck_assert_uint_eq(REG(v, EAX), 0x22331111);
    /* another frame, with INVLPG, without a store to code */
    set_pte(v, 0x11000, 0x30000 | PTE_RWU);
    CODE(v, 0x51000, 0x0f, 0x01, 0x3d, 0, 0x10, 1, 0, 0xe9, 0xf1, 0xff, 0xfb, 0xff);
    run(v, 0x51000, 3);
    ck_assert_uint_eq(REG(v, EAX), 0x44441111);
    /* the same frame on both sides */
    set_pte(v, 0x11000, 0x10000 | PTE_RWU);
    v->r->host[0x10000] = 0x55;
    v->r->host[0x10001] = 0x66;
    run(v, 0x51000, 3);
    ck_assert_uint_eq(REG(v, EAX), 0x66551111);
    /* gone: #PF at the second page, then it starts again */
    set_pte(v, 0x11000, 0);
    run(v, 0x51000, 3);
    ck_assert_int_eq(frame_seen(v->r).vec, EXC_PF);
    ck_assert_uint_eq(frame_seen(v->r).err, 0);
    ck_assert_uint_eq(REG(v, CR2), 0x11000);
    ck_assert_uint_eq(frame_seen(v->r).eip, 0x10ffd);
    ck_assert_uint_eq(REG(v, EAX), 0x66551111);
    set_pte(v, 0x11000, 0x11000 | PTE_RWU); /* not present to present needs no INVLPG */
    run(v, 0x10ffd, 1);
    ck_assert_uint_eq(REG(v, EAX), 0x22331111);
    env_free(v);
}
END_TEST

/* One frame at two linear addresses: relative branches and pushed EIP are those of each. */
START_TEST(two_addresses_one_frame)
{
    struct env *v = env_new();

    paging_on(v);
    set_pte(v, 0x90000, CODE_AT | PTE_RWU);
    CODE(v, CODE_AT, 0xe8, 3, 0, 0, 0, 0xeb, 0xfe, 0x90, 0x58, 0xeb, 0xfe);
    for (unsigned k = 0; k < 3; k++) {
        run(v, CODE_AT, 2);
        ck_assert_uint_eq(REG(v, EAX), CODE_AT + 5);
        run(v, 0x90000, 2);
        ck_assert_uint_eq(REG(v, EAX), 0x90005);
        ck_assert_uint_eq(REG(v, EIP), 0x90009);
    }
    env_free(v);
}
END_TEST

/* Data beside code keep their page "held"; the mapping then moves, by INVLPG or by CR3. */
START_TEST(held_page_follows_its_mapping)
{
    for (unsigned k = 0; k < 2; k++) {
        struct env *v = env_new();

        paging_on(v);
        set_pte(v, 0x90000, 0x30000 | PTE_RWU);
        CODE(v, 0x30800, 0xc3);
        CODE(v, CODE_AT, 0xe8, 0xfb, 0x07, 8, 0, /* call 90800h: code in that frame */
             0x89, 0x0e, 0x89, 0x0e, 0x01, 0x0e,  /* mov [esi], ecx twice; add [esi], ecx */
             0xeb, 0xfe);
        CODE(v, CODE_AT + 0x100, 0x0f, 0x01, 0x3e, 0x89, 0x16, 0x01, 0x16, 0xeb, 0xfe);
        CODE(v, CODE_AT + 0x200, 0x0f, 0x22, 0xd8, 0x89, 0x16, 0x01, 0x16, 0xeb, 0xfe);
        cpu_set(v->c, CPU_ESI, 0x90010);
        cpu_set(v->c, CPU_ECX, 0x1111);
        cpu_set(v->c, CPU_EDX, 0x2222);
        cpu_set(v->c, CPU_EAX, PD_AT);
        run(v, CODE_AT, 5);
        ck_assert_uint_eq(peek32(v->r, 0x30010), 0x2222);
        set_pte(v, 0x90000, 0x31000 | PTE_RWU);
        run(v, CODE_AT + 0x100 * (k + 1), 3);
        ck_assert_uint_eq(peek32(v->r, 0x30010), 0x2222);
        ck_assert_uint_eq(peek32(v->r, 0x31010), 0x4444);
        env_free(v);
    }
}
END_TEST

/* Where reads and writes of a page go to different places (PAM: write the shadow, read the ROM), a
 * read-modify-write reads the one and writes the other, however often it is done. */
START_TEST(write_only_memory)
{
    struct env *v = env_new();

    v->extra = (struct region){ .name = "rom", .base = 0xc0000, .size = 0x1000, .kind = REGION_ROM,
                                .ram_frame = 0x70, .prio = PRIO_ROM, .flags = REGION_READ };
    ck_assert(space_map(&v->r->mem, &v->extra, &v->r->e));
    CODE(v, CODE_AT, 0x83, 0x06, 1, 0x83, 0x06, 1, 0x83, 0x06, 1, 0xeb, 0xfe); /* add [esi], 1 */
    st32(v->r->host + 0x70000, 0x100);
    cpu_set(v->c, CPU_ESI, 0xc0000);
    run(v, CODE_AT, 3);
    ck_assert_uint_eq(peek32(v->r, 0xc0000), 0x101);
    ck_assert_uint_eq(peek32(v->r, 0x70000), 0x100);
    env_free(v);
}
END_TEST

/* Which bytes are code is known to the byte: a write beside a block leaves it alone, one to its first or
 * last byte ends it, and so on both pages of one that crosses. */
START_TEST(edges_of_blocks)
{
    enum { PAGE2 = CODE_AT + 0x1000, AT = PAGE2 - 2 };
    /* where a block begins, and its length */
    static const struct { u32 at; u8 len; u8 code[8]; } rows[] = {
        { CODE_AT + 0x7e, 5, { 0x40, 0x40, 0x40, 0xeb, 0xfe } }, /* over an edge of 64 */
        { CODE_AT, 4, { 0x40, 0x40, 0xeb, 0xfe } },
        { PAGE2 - 4, 4, { 0x40, 0x40, 0xeb, 0xfe } },
        { AT, 5, { 0xb8, 1, 2, 3, 4 } }, /* MOV EAX over the page's end, a block of its own */
    };

    for (unsigned k = 0; k < ARRAY_LEN(rows); k++)
        for (int at = -1; at <= rows[k].len; at++)
            for (unsigned len = 1; len <= 2; len++) {
                struct env *v = env_new();
                struct ram *ram = v->c->ram;
                u32 pa = rows[k].at + (u32)at;
                if (pa < CODE_AT || (pa & PAGE_MASK) + len > PAGE_SIZE) {
                    env_free(v);
                    continue;
                }
                memcpy(v->r->host + rows[k].at, rows[k].code, sizeof rows[k].code);
                v->r->host[PAGE2 + 0x20] = 0x90;
                run(v, rows[k].at, 1);
                u64 before = v->c->stat_invalidated;
                ram_wr(ram, pa >> PAGE_SHIFT, pa & PAGE_MASK, len);
                bool hit = at < rows[k].len && at + (int)len > 0;
                ck_assert_msg((v->c->stat_invalidated != before) == hit, "row %u, %d, %u bytes: %s",
                              k, at, len, hit ? "the block lives" : "a block is gone");
                /* the last block takes the flag with it, on both pages */
                if (hit && k == 3)
                    ck_assert(!((ram->flags[AT >> PAGE_SHIFT] | ram->flags[PAGE2 >> PAGE_SHIFT]) &
                                RAM_CODE));
                env_free(v);
            }
}
END_TEST

/* Two blocks that share bytes: what is left of the map when one of them goes. */
START_TEST(overlapping_blocks)
{
    static const u8 code[] = { 0x40, 0x40, 0x40, 0x40, 0xeb, 0xfe };
    struct env *v = env_new();
    struct ram *ram = v->c->ram;

    memcpy(v->r->host + CODE_AT, code, sizeof code);
    run(v, CODE_AT, 1);
    run(v, CODE_AT + 2, 1);
    u64 before = v->c->stat_invalidated;
    ram_wr(ram, CODE_AT >> PAGE_SHIFT, 0, 1); /* those of the longer one alone */
    u64 gone = v->c->stat_invalidated;
    ck_assert_uint_gt(gone, before);
    ck_assert(ram->flags[CODE_AT >> PAGE_SHIFT] & RAM_CODE);
    ram_wr(ram, CODE_AT >> PAGE_SHIFT, 1, 1);
    ck_assert_uint_eq(v->c->stat_invalidated, gone);
    ram_wr(ram, CODE_AT >> PAGE_SHIFT, 2, 4);
    ck_assert_uint_gt(v->c->stat_invalidated, gone);
    ck_assert(!(ram->flags[CODE_AT >> PAGE_SHIFT] & RAM_CODE));
    run(v, CODE_AT, 1);
    before = v->c->stat_invalidated;
    ram_wr(ram, CODE_AT >> PAGE_SHIFT, 0, PAGE_SIZE); /* all of it */
    ck_assert_uint_gt(v->c->stat_invalidated, before);
    env_free(v);
}
END_TEST

/* More blocks than the arena holds: it is emptied on the way, and nothing is lost. */
START_TEST(arena_overflows)
{
    struct env *v = env_new();
    u64 made = v->c->stat_blocks;

    memset(v->r->host + CODE_AT, 0x40, 0x8000);
    CODE(v, CODE_AT + 0x8000, 0xe9, 0xfb, 0x7f, 0xff, 0xff); /* jmp CODE_AT */
    for (u32 k = 0; k < 6000; k++) {
        cpu_set(v->c, CPU_EAX, 0);
        run(v, CODE_AT + k, 70);
        ck_assert_uint_eq(REG(v, EAX), 70);
    }
    ck_assert_uint_gt(v->c->stat_blocks - made, 6000);
    cpu_set(v->c, CPU_EAX, 0);
    run(v, CODE_AT, 3 * 0x8001);
    ck_assert_uint_eq(REG(v, EAX), 3 * 0x8000);
    ck_assert_uint_eq(REG(v, EIP), CODE_AT);
    env_free(v);
}
END_TEST

/* ---- limits and borders of fetching ---- */

/* The CS limit cuts a block, or an instruction, that ran before with a larger one. */
START_TEST(limit_cuts_a_cached_block)
{
    static const struct { u32 limit; unsigned good; u32 eip; } t[] = {
        { CODE_AT + 7, 3, 0 }, { CODE_AT + 6, 3, 7 }, { CODE_AT + 2, 2, 2 }, { CODE_AT + 1, 2, 2 },
        { CODE_AT, 1, 1 },
    };

    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        struct env *v = env_new();

        CODE(v, CODE_AT, 0x41, 0x42, 0xb8, 1, 2, 3, 4, 0x43, 0xeb, 0xfe);
        run(v, CODE_AT, 4);
        cpu_set(v->c, CPU_CS_LIMIT, t[k].limit);
        run(v, CODE_AT, t[k].good + 1u);
        if (k == 0) {
            ck_assert_int_eq(frame_seen(v->r).vec, -1);
            run(v, CODE_AT, 5);
            ck_assert_uint_eq(frame_seen(v->r).eip, CODE_AT + 8);
        } else {
            ck_assert_uint_eq(frame_seen(v->r).eip, CODE_AT + t[k].eip);
        }
        ck_assert_int_eq(frame_seen(v->r).vec, EXC_GP);
        ck_assert_uint_eq(frame_seen(v->r).err, 0);
        env_free(v);
    }
}
END_TEST

/* A limit at the page's end comes before a page fault behind it, decoded before or not. */
START_TEST(limit_before_the_missing_page)
{
    for (unsigned known = 0; known < 2; known++) {
        struct env *v = env_new();

        paging_on(v);
        CODE(v, 0x10ffd, 0xb8, 0x11, 0x11, 0x22, 0x22, 0xeb, 0xfe);
        cpu_set(v->c, CPU_CS_LIMIT, 0xfffff); /* not flat before, not flat after: the same block */
        if (known)
            run(v, 0x10ffd, 2);
        set_pte(v, 0x11000, 0);
        cpu_set(v->c, CPU_CR3, PD_AT);
        cpu_set(v->c, CPU_CS_LIMIT, 0x10fff);
        run(v, 0x10ffd, 1);
        ck_assert_int_eq(frame_seen(v->r).vec, EXC_GP);
        ck_assert_uint_eq(frame_seen(v->r).eip, 0x10ffd);
        env_free(v);
    }
}
END_TEST

START_TEST(fifteen_bytes)
{
    static const struct { u8 prefixes; u32 at; bool missing; int vec; } t[] = {
        { 14, CODE_AT, false, -1 }, { 15, CODE_AT, false, EXC_GP },
        { 14, 0x10ff1, true, -1 },          /* ends with the page */
        { 15, 0x10ff1, true, EXC_GP },      /* all 15 are there: the next page does not matter */
        { 15, 0x10ff2, true, EXC_PF },      /* the 15th is missing */
        { 14, 0x10ff2, true, EXC_PF },
        { 14, 0x10ff2, false, -1 }, { 15, 0x10ff2, false, EXC_GP },
    };

    for (unsigned k = 0; k < ARRAY_LEN(t); k++) {
        struct env *v = env_new();

        paging_on(v);
        memset(v->r->host + t[k].at, 0x26, t[k].prefixes);
        CODE(v, t[k].at + t[k].prefixes, 0x43, 0xeb, 0xfe);
        v->r->host[t[k].at + t[k].prefixes] = 0x43;
        if (t[k].missing)
            set_pte(v, 0x11000, 0);
        run(v, t[k].at, 1);
        ck_assert_msg(frame_seen(v->r).vec == t[k].vec, "case %u: %d", k, frame_seen(v->r).vec);
        ck_assert_uint_eq(REG(v, EBX), t[k].vec < 0);
        if (t[k].vec == EXC_PF)
            ck_assert_uint_eq(REG(v, CR2), 0x11000);
        env_free(v);
    }
}
END_TEST

/* MOV to and from CR has no displacement whatever mod says: nothing behind it is fetched. */
START_TEST(mov_cr_at_the_end_of_a_page)
{
    for (unsigned k = 0; k < 2; k++) {
        struct env *v = env_new();

        paging_on(v);
        CODE(v, 0x10ffd, 0x0f, 0x20, 0x40); /* mov eax, cr0 with mod 1 */
        if (k)
            v->r->host[0x10fff] = 0x04; /* mod 0, rm 4: no SIB; to ESP */
        set_pte(v, 0x11000, 0);
        run(v, 0x10ffd, 1);
        ck_assert_int_eq(frame_seen(v->r).vec, -1);
        ck_assert_uint_eq(REG(v, EIP), 0x11000);
        ck_assert_uint_eq(k ? REG(v, ESP) : REG(v, EAX), CR0_PE | CR0_ET | CR0_PG);
        env_free(v);
    }
}
END_TEST

static u32 mmio_code(void *dev, u32 off, unsigned size)
{
    static const u8 code[8] = { 0x40, 0xb9, 0x78, 0x56, 0x34, 0x12, 0xeb, 0xfe };
    u32 v = 0;

    (void)dev;
    for (unsigned k = 0; k < size; k++)
        v |= (u32)code[(off + k) & 7] << (8 * k);
    return v;
}
static void mmio_ignore(void *dev, u32 off, u32 val, unsigned size)
{
    (void)dev, (void)off, (void)val, (void)size;
}
static const struct region_ops code_ops = { .read = mmio_code, .write = mmio_ignore, .min = 1,
                                            .max = 4, .unaligned = true };

START_TEST(code_outside_ram)
{
    struct env *v = env_new();

    v->extra = (struct region){ .name = "code", .base = RIG_RAM, .size = 0x1000, .kind = REGION_IO,
                                .ops = &code_ops, .prio = PRIO_BAR, .flags = REGION_RW };
    ck_assert(space_map(&v->r->mem, &v->extra, &v->r->e));
    run(v, RIG_RAM, 3);
    ck_assert_uint_eq(REG(v, EAX), 1);
    ck_assert_uint_eq(REG(v, ECX), 0x12345678);
    ck_assert_uint_eq(REG(v, EIP), RIG_RAM + 6);
    /* from RAM's last bytes into it, within one instruction */
    CODE(v, RIG_RAM - 3, 0x43, 0xba, 0x11); /* inc ebx; mov edx, imm32 */
    run(v, RIG_RAM - 3, 2);
    ck_assert_uint_eq(REG(v, EBX), 1);
    ck_assert_uint_eq(REG(v, EDX), 0x78b94011);
    ck_assert_uint_eq(REG(v, EIP), RIG_RAM + 3);
    /* nothing at all: FF FF is no instruction */
    run(v, 0x300000, 1);
    ck_assert_int_eq(frame_seen(v->r).vec, EXC_UD);
    env_free(v);
}
END_TEST

/* ---- one place, several modes ---- */

START_TEST(cached_code_of_another_size)
{
    struct env *v = env_new();

    /* 32 bits: mov eax, 9090c031h; 16 bits: mov ax, c031h; nop; nop */
    CODE(v, CODE_AT, 0xb8, 0x31, 0xc0, 0x90, 0x90, 0xeb, 0xfe);
    for (unsigned k = 0; k < 3; k++) {
        cpu_set(v->c, CPU_EAX, 0x77777777);
        cpu_set(v->c, CPU_CS_ATTR, 0xc09b);
        run(v, CODE_AT, 1);
        ck_assert_uint_eq(REG(v, EAX), 0x9090c031);
        ck_assert_uint_eq(REG(v, EIP), CODE_AT + 5);
        cpu_set(v->c, CPU_EAX, 0x77777777);
        cpu_set(v->c, CPU_CS_ATTR, 0x809b);
        run(v, CODE_AT, 3);
        ck_assert_uint_eq(REG(v, EAX), 0x7777c031);
        ck_assert_uint_eq(REG(v, EIP), CODE_AT + 5);
    }
    env_free(v);
}
END_TEST

/* Real mode to protected mode and a far jump into bytes that ran as 16-bit code before. */
START_TEST(protected_mode_by_the_book)
{
    struct env *v = env_new();

    CODE(v, CODE_AT, 0x0f, 0x20, 0xc0, 0x66, 0x83, 0xc8, 1, 0x0f, 0x22, 0xc0, /* PE = 1 */
         0x66, 0xea, 0x40, 0, 1, 0, 8, 0);                                    /* jmp 8:10040h */
    CODE(v, CODE_AT + 0x40, 0xb8, 0x31, 0xc0, 0x90, 0x90, 0xeb, 0xfe);
    cpu_set(v->c, CPU_CR0, 0);
    cpu_set(v->c, CPU_CS, CODE_AT >> 4);
    cpu_set(v->c, CPU_CS_LIMIT, 0xffff);
    cpu_set(v->c, CPU_CS_ATTR, 0x93);
    run(v, 0x40, 4);
    ck_assert_uint_eq(REG(v, EIP), 0x45);
    run(v, 0, 5);
    ck_assert_uint_eq(REG(v, EIP), CODE_AT + 0x45);
    ck_assert_uint_eq(REG(v, EAX), 0x9090c031);
    ck_assert_uint_eq(REG(v, CS), 8);
    env_free(v);
}
END_TEST

/* A supervisor's page that ran at level 0 is no code at level 3. */
START_TEST(level_3_may_not_run_supervisor_pages)
{
    struct env *v = env_new();

    paging_on(v);
    set_pte(v, CODE_AT, CODE_AT | 3);
    cpu_set(v->c, CPU_CR3, PD_AT);
    CODE(v, CODE_AT, 0x40, 0x40, 0x40, 0xeb, 0xfe);
    run(v, CODE_AT, 4);
    rig_level(v->r, 3);
    run(v, CODE_AT, 1);
    ck_assert_int_eq(frame_seen(v->r).vec, EXC_PF);
    ck_assert_uint_eq(frame_seen(v->r).err, 5);
    ck_assert_uint_eq(REG(v, CR2), CODE_AT);
    ck_assert_uint_eq(REG(v, EAX), 3);
    env_free(v);
}
END_TEST

/* 16-bit code runs off its segment's end; in a flat segment EIP goes from the top to 0. */
START_TEST(end_of_the_segment)
{
    struct env *v = env_new();

    v->r->host[0x1ffff] = 0x40;
    cpu_set(v->c, CPU_CS_BASE, CODE_AT);
    cpu_set(v->c, CPU_CS_LIMIT, 0xffff);
    cpu_set(v->c, CPU_CS_ATTR, 0x9b);
    run(v, 0xffff, 2);
    ck_assert_uint_eq(REG(v, EAX) & 0xffff, 1);
    ck_assert_int_eq(frame_seen(v->r).vec, EXC_GP);
    ck_assert_uint_eq(frame_seen(v->r).eip, 0x10000);
    env_free(v);

    v = env_new();
    paging_on(v);
    st32(v->r->host + PD_AT + 4092, PT_AT | PTE_RWU); /* the top 4 MB show the first once more */
    set_pte(v, 0x3ff000, CODE_AT | PTE_RWU);
    cpu_set(v->c, CPU_CR3, PD_AT);
    v->r->host[0x10fff] = 0x40;
    CODE(v, 0, 0x43, 0xeb, 0xfe);
    run(v, 0xffffffff, 2);
    ck_assert_uint_eq(REG(v, EAX), 1);
    ck_assert_uint_eq(REG(v, EBX), 1);
    ck_assert_uint_eq(REG(v, EIP), 1);
    env_free(v);
}
END_TEST

Suite *suite_run_code(void);
Suite *suite_run_code(void)
{
    Suite *s = suite_create("run_code");
    TCase *tc = tcase_create("written");

    tcase_set_timeout(tc, 30);
    tcase_add_loop_test(tc, next_instruction_is_written_over, 0, 2 * ARRAY_LEN(writers));
    tcase_add_test(tc, another_block_is_written_over);
    tcase_add_test(tc, loop_that_changes_its_own_body);
    tcase_add_test(tc, crossing_instruction);
    tcase_add_test(tc, two_addresses_one_frame);
    tcase_add_test(tc, held_page_follows_its_mapping);
    tcase_add_test(tc, write_only_memory);
    tcase_add_test(tc, arena_overflows);
    tcase_add_test(tc, edges_of_blocks);
    tcase_add_test(tc, overlapping_blocks);
    suite_add_tcase(s, tc);
    tc = tcase_create("fetch");
    tcase_add_test(tc, limit_cuts_a_cached_block);
    tcase_add_test(tc, limit_before_the_missing_page);
    tcase_add_test(tc, fifteen_bytes);
    tcase_add_test(tc, mov_cr_at_the_end_of_a_page);
    tcase_add_test(tc, code_outside_ram);
    suite_add_tcase(s, tc);
    tc = tcase_create("modes");
    tcase_add_test(tc, cached_code_of_another_size);
    tcase_add_test(tc, protected_mode_by_the_book);
    tcase_add_test(tc, level_3_may_not_run_supervisor_pages);
    tcase_add_test(tc, end_of_the_segment);
    suite_add_tcase(s, tc);
    return s;
}
