/* SPDX-License-Identifier: MIT */
/* What the interpreter does for a block as a whole (flags that nobody sees are not made, blocks run into
 * each other) must not be seen: random programs run in one go and a step at a time end in the same
 * state, wherever they are stopped and whatever faults in them. */
#include <pthread.h>
#include <unistd.h>

#include "tests/unit/cpu_rig.h"

enum {
    PD_AT = 0x40000, PT_AT = 0x41000, DATA_AT = 0x30000, ABSENT_AT = 0x50000, PTE_RWU = 7,
    INSNS = 60, ROUNDS = 6,
};

struct writer {
    u8 bytes[2048];
    unsigned len;
    u32 seed;
};

static u32 pick(struct writer *w, u32 n)
{
    w->seed = w->seed * 1664525 + 1013904223;
    return (w->seed >> 8) % n;
}

static void put(struct writer *w, unsigned v)
{
    ck_assert_uint_lt(w->len, sizeof w->bytes);
    w->bytes[w->len++] = (u8)v;
}

static void put32(struct writer *w, u32 v)
{
    for (unsigned k = 0; k < 4; k++)
        put(w, v >> 8 * k & 0xff);
}

/* Not ESP, nor EBX, which points to the data. */
static unsigned reg(struct writer *w)
{
    static const u8 free_ones[] = { R_EAX, R_ECX, R_EDX, R_EBP, R_ESI, R_EDI };

    return free_ones[pick(w, ARRAY_LEN(free_ones))];
}

static void two_regs(struct writer *w) { put(w, 0xc0 | reg(w) << 3 | reg(w)); }

static void put_alu(struct writer *w)
{
    unsigned op = pick(w, 8) << 3; /* ADD to CMP */

    switch (pick(w, 5)) {
    case 0: /* op r/m32, r32 */
        put(w, op | 1);
        two_regs(w);
        break;
    case 1: /* op r/m32, imm8 */
        put(w, 0x83);
        put(w, 0xc0 | op | reg(w));
        put(w, pick(w, 256));
        break;
    case 2: /* op r8, r8: AL, CL, DL, AH, CH, DH */
        put(w, op);
        put(w, 0xc0 | (pick(w, 2) * 4 + pick(w, 3)) << 3 | (pick(w, 2) * 4 + pick(w, 3)));
        break;
    case 3: /* TEST */
        put(w, 0x85);
        two_regs(w);
        break;
    default: /* INC, DEC, NOT, NEG */
        if (pick(w, 2)) {
            put(w, 0x40 | pick(w, 2) << 3 | reg(w));
        } else {
            put(w, 0xf7);
            put(w, 0xd0 | pick(w, 2) << 3 | reg(w));
        }
    }
}

static void put_shift(struct writer *w)
{
    bool by_cl = pick(w, 3) == 0;

    put(w, by_cl ? 0xd3 : 0xc1);
    put(w, 0xc0 | pick(w, 8) << 3 | reg(w));
    if (!by_cl)
        put(w, pick(w, 34)); /* 0 and 32 among them: no flag changes */
}

static void put_move(struct writer *w)
{
    switch (pick(w, 8)) {
    case 0: /* LEA r, [r + r * 2 + disp8] */
        put(w, 0x8d);
        put(w, 0x44 | reg(w) << 3);
        put(w, 0x40 | reg(w) << 3 | reg(w));
        put(w, pick(w, 256));
        break;
    case 1: /* SETcc */
        put(w, 0x0f);
        put(w, 0x90 | pick(w, 16));
        put(w, 0xc0 | pick(w, 3));
        break;
    case 2: /* CMOVcc */
        put(w, 0x0f);
        put(w, 0x40 | pick(w, 16));
        two_regs(w);
        break;
    case 3: /* IMUL */
        put(w, 0x0f);
        put(w, 0xaf);
        two_regs(w);
        break;
    case 4: /* MOVZX, MOVSX r, r8 */
        put(w, 0x0f);
        put(w, 0xb6 | pick(w, 2) << 3);
        put(w, 0xc0 | reg(w) << 3 | pick(w, 3));
        break;
    case 5: /* CDQ */
        put(w, 0x99);
        break;
    case 6: /* BSWAP */
        put(w, 0x0f);
        put(w, 0xc8 | reg(w));
        break;
    default:
        put(w, 0xb8 | reg(w));
        put32(w, w->seed);
    }
}

static void put_memory(struct writer *w)
{
    static const u8 ops[] = { 0x8b, 0x89, 0x03, 0x01, 0x33, 0x31, 0x3b, 0x39, 0x13, 0x11, 0x85 };

    switch (pick(w, 6)) {
    case 0: /* a register over the stack */
        put(w, 0x50 | reg(w));
        put(w, 0x58 | reg(w));
        break;
    case 1: /* op byte [ebx + disp8] */
        put(w, pick(w, 2) ? 0x88 : 0x02);
        put(w, 0x43 | pick(w, 3) << 3);
        put(w, pick(w, 100));
        break;
    case 2: /* across the page's end */
        put(w, ops[pick(w, ARRAY_LEN(ops))]);
        put(w, 0x83 | reg(w) << 3);
        put32(w, 0x1000 - 1 - pick(w, 3));
        break;
    default: /* op dword [ebx + disp8] */
        put(w, ops[pick(w, ARRAY_LEN(ops))]);
        put(w, 0x43 | reg(w) << 3);
        put(w, pick(w, 100));
    }
}

static void put_compare(struct writer *w)
{
    switch (pick(w, 12)) {
    case 0: /* CMP r32, r32 */
        put(w, 0x3b);
        two_regs(w);
        break;
    case 1: /* CMP r32, [ebx + disp8] */
        put(w, 0x3b);
        put(w, 0x43 | reg(w) << 3);
        put(w, pick(w, 100));
        break;
    case 2: /* CMP r32, imm8 */
        put(w, 0x83);
        put(w, 0xf8 | reg(w));
        put(w, pick(w, 256));
        break;
    case 3: /* CMP r32, [ebx + disp32]: also across the page's end */
        put(w, 0x3b);
        put(w, 0x83 | reg(w) << 3);
        put32(w, 0x1000 - 1 - pick(w, 6));
        break;
    case 4: /* CMP dword [ebx + disp8], imm8 */
        put(w, 0x83);
        put(w, 0x7b);
        put(w, pick(w, 100));
        put(w, pick(w, 256));
        break;
    case 5: /* CMP byte [ebx + disp8], imm8 */
        put(w, 0x80);
        put(w, 0x7b);
        put(w, pick(w, 100));
        put(w, pick(w, 256));
        break;
    case 6: /* CMP r8, imm8 */
        put(w, 0x80);
        put(w, 0xf8 | pick(w, 3));
        put(w, pick(w, 256));
        break;
    case 7: /* TEST r32, r32 */
        put(w, 0x85);
        two_regs(w);
        break;
    case 8: /* TEST r8, r8 */
        put(w, 0x84);
        put(w, 0xc0 | pick(w, 3) << 3 | pick(w, 3));
        break;
    case 9: /* DEC r32 */
        put(w, 0x48 | reg(w));
        break;
    default: /* none */
        break;
    }
}

static void put_flow(struct writer *w)
{
    switch (pick(w, 3)) {
    case 0: /* CALL over a JMP to a RET, which comes back to the JMP over the RET */
        put(w, 0xe8);
        put32(w, 2);
        put(w, 0xeb);
        put(w, 1);
        put(w, 0xc3);
        break;
    default: /* Jcc over a MOV, behind a comparison that it may be joined with */
        put_compare(w);
        put(w, 0x70 | pick(w, 16));
        put(w, 2);
        put(w, 0x89);
        two_regs(w);
    }
}

/* A loop of random instructions, counted in memory; then JMP $. */
static void write_program(struct writer *w, u32 seed)
{
    *w = (struct writer){ .seed = seed };
    for (unsigned n = 0; n < INSNS; n++) {
        u32 kind = pick(w, 100);

        if (kind < 45) {
            put_alu(w);
        } else if (kind < 60) {
            put_shift(w);
        } else if (kind < 75) {
            put_move(w);
        } else if (kind < 87) {
            put_memory(w);
        } else if (kind < 99 || pick(w, 3)) {
            put_flow(w);
        } else { /* ADD r, [absent] */
            put(w, 0x03);
            put(w, 0x05 | reg(w) << 3);
            put32(w, ABSENT_AT + pick(w, 4000));
        }
    }
    put(w, 0xff); /* DEC dword [ebx - 4] */
    put(w, 0x4b);
    put(w, 0xfc);
    put(w, 0x0f); /* JNZ to the start */
    put(w, 0x85);
    put32(w, 0u - (w->len + 4));
    put(w, 0xeb);
    put(w, 0xfe);
}

static struct rig *load(const struct writer *w)
{
    struct rig *r = rig_prot();

    for (u32 p = 0; p < 256; p++)
        st32(r->host + PT_AT + 4 * p, p << 12 | (p << 12 == ABSENT_AT ? 0 : PTE_RWU));
    st32(r->host + PD_AT, PT_AT | PTE_RWU);
    cpu_set(r->c, CPU_CR3, PD_AT);
    cpu_set(r->c, CPU_CR0, CR0_PE | CR0_ET | CR0_PG);
    memcpy(r->host + CODE_AT, w->bytes, w->len);
    for (u32 k = 0; k < 0x2000; k += 4)
        st32(r->host + DATA_AT + k, (k + 1) * 0x9e3779b1u);
    st32(r->host + DATA_AT + 0x100 - 4, ROUNDS);
    for (unsigned g = R_EAX; g <= R_EDI; g++)
        if (g != R_ESP)
            cpu_set(r->c, CPU_EAX + g, (g + 1) * 0x6b43a9b5u);
    cpu_set(r->c, CPU_EBX, DATA_AT + 0x100);
    r->c->counted = true;
    return r;
}

static void check_same(const struct rig *a, const struct rig *b, u32 seed, u64 n)
{
    for (unsigned g = CPU_EAX; g <= CPU_EDI; g++)
        ck_assert_msg(cpu_get(a->c, g) == cpu_get(b->c, g),
                      "seed %u, %u instructions: register %u is %08x, stepped %08x", seed,
                      (unsigned)n, g - CPU_EAX, cpu_get(a->c, g), cpu_get(b->c, g));
    ck_assert_msg(cpu_get(a->c, CPU_EIP) == cpu_get(b->c, CPU_EIP) &&
                      cpu_get(a->c, CPU_EFLAGS) == cpu_get(b->c, CPU_EFLAGS),
                  "seed %u, %u instructions: EIP %08x, EFLAGS %08x, stepped %08x, %08x", seed,
                  (unsigned)n, cpu_get(a->c, CPU_EIP), cpu_get(a->c, CPU_EFLAGS),
                  cpu_get(b->c, CPU_EIP), cpu_get(b->c, CPU_EFLAGS));
    ck_assert_uint_eq(*cpu_retired(a->c), *cpu_retired(b->c));
    ck_assert_msg(memcmp(a->host, b->host, PD_AT) == 0, "seed %u: memory differs", seed);
}

START_TEST(blocks_do_what_steps_do)
{
    for (u32 seed = 1; seed <= 150; seed++) {
        struct writer w;

        write_program(&w, seed);
        struct rig *whole = load(&w), *stepped = load(&w);
        for (u64 at = 0; at < 600;) {
            at += 1 + pick(&w, 200);
            ck_assert_int_eq(cpu_run(whole->c, at), CPU_BUDGET);
            while (*cpu_retired(stepped->c) < at)
                ck_assert_int_eq(cpu_step(stepped->c), CPU_BUDGET);
            check_same(whole, stepped, seed, at);
        }
        rig_free(whole);
        rig_free(stepped);
    }
}
END_TEST

static void *kick_soon(void *cpu)
{
    usleep(20000);
    cpu_kick(cpu);
    return NULL;
}

/* A kick from another thread ends a chain of blocks that goes on for ever. */
START_TEST(a_kick_ends_a_chain)
{
    static const u8 code[] = { 0x40, 0xeb, 0xfd }; /* L: INC EAX / JMP L */
    struct rig *r = rig_prot();
    pthread_t kicker;

    poke(r, CODE_AT, code, sizeof code);
    ck_assert_int_eq(pthread_create(&kicker, NULL, kick_soon, r->c), 0);
    ck_assert_int_eq(cpu_run(r->c, UINT64_MAX), CPU_KICK);
    pthread_join(kicker, NULL);
    ck_assert_uint_eq(*cpu_retired(r->c), 2 * (u64)cpu_get(r->c, CPU_EAX));
    rig_free(r);
}
END_TEST

Suite *suite_run_blocks(void);
Suite *suite_run_blocks(void)
{
    Suite *s = suite_create("run_blocks");
    TCase *t = tcase_create("blocks");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, blocks_do_what_steps_do);
    suite_add_tcase(s, t);
    t = tcase_create("chain");
    tcase_set_timeout(t, 10);
    tcase_add_test(t, a_kick_ends_a_chain);
    suite_add_tcase(s, t);
    return s;
}
