/* SPDX-License-Identifier: MIT */
/* include/nestbox.h, the CPU without a machine: hooks of every kind, and what they may do inside. */
#include <stdio.h>

#include "tests/unit/cpu_api_rig.h"

/* What a hook saw, and what it is to do. */
struct seen {
    unsigned n;
    struct nb_cpu_event ev[64];
    uint8_t data[64][16];
    uint32_t eip[64], eax[64];
    int verdict;
    void (*act)(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s);
    uint32_t id;
    struct nb_cpu_context *ctx;
};

static int watch(struct nb_cpu *cpu, struct nb_cpu_event *ev, void *user)
{
    struct seen *s = user;
    unsigned k = s->n;

    ck_assert_uint_eq(ev->size_of_event, sizeof *ev);
    if (k < 64) {
        s->ev[k] = *ev;
        s->eip[k] = nb_cpu_get(cpu, NB_CPU_EIP);
        s->eax[k] = nb_cpu_get(cpu, NB_CPU_EAX);
        if (ev->data)
            memcpy(s->data[k], ev->data, ev->size);
        s->n++;
    }
    if (s->act)
        s->act(cpu, ev, s);
    return s->verdict;
}

static uint32_t hook(struct nb_cpu *cpu, unsigned kinds, uint32_t first, uint32_t last,
                     struct seen *s)
{
    struct nb_error e = { 0 };
    uint32_t id = nb_cpu_hook_add(cpu, kinds, first, last, watch, s, &e);

    ck_assert_msg(id != 0, "%s", e.text);
    s->id = id;
    return id;
}

START_TEST(bad_hooks)
{
    struct nb_cpu *cpu = cpu32();
    struct nb_error e = { 0 };

    ck_assert_uint_eq(nb_cpu_hook_add(cpu, 0, 1, 0, watch, NULL, &e), 0);
    ck_assert_uint_eq(nb_cpu_hook_add(cpu, 4096, 1, 0, watch, NULL, &e), 0);
    ck_assert_str_ne(e.text, "");
    ck_assert_uint_eq(nb_cpu_hook_add(cpu, NB_CPU_HOOK_CODE, 1, 0, NULL, NULL, NULL), 0);
    ck_assert(!nb_cpu_hook_remove(cpu, 0));
    ck_assert(!nb_cpu_hook_remove(cpu, 1));
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(code_and_blocks)
{
    struct seen code = { 0 }, some = { 0 }, block = { 0 };
    struct nb_cpu *cpu = cpu32();

    /* mov ecx,2; L: inc eax; dec ecx; jnz L; hlt */
    PUT(cpu, CODE, 0xb9, 2, 0, 0, 0, 0x40, 0x49, 0x75, 0xfc, 0xf4);
    hook(cpu, NB_CPU_HOOK_CODE, 1, 0, &code);
    hook(cpu, NB_CPU_HOOK_CODE, CODE + 5, CODE + 5, &some);
    hook(cpu, NB_CPU_HOOK_BLOCK, 1, 0, &block);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    static const uint32_t at[] = { 0, 5, 6, 7, 5, 6, 7, 9 }, len[] = { 5, 1, 1, 2, 1, 1, 2, 1 };
    ck_assert_uint_eq(code.n, 8);
    for (unsigned k = 0; k < 8; k++) {
        ck_assert_uint_eq(code.ev[k].kind, NB_CPU_HOOK_CODE);
        ck_assert_uint_eq(code.ev[k].addr, CODE + at[k]);
        ck_assert_uint_eq(code.ev[k].size, len[k]);
        ck_assert_uint_eq(code.eip[k], CODE + at[k]);
    }
    ck_assert_uint_eq(code.eax[5], 2);
    ck_assert_uint_eq(some.n, 2);
    ck_assert_uint_eq(block.n, 3); /* start, the loop once more, behind it */
    ck_assert_uint_eq(block.ev[0].addr, CODE);
    ck_assert_uint_eq(block.ev[1].addr, CODE + 5);
    ck_assert_uint_eq(block.ev[2].addr, CODE + 9);
    /* blocks alone: the same ones, with their length */
    ck_assert(nb_cpu_hook_remove(cpu, code.id));
    ck_assert(nb_cpu_hook_remove(cpu, some.id));
    ck_assert(!nb_cpu_hook_remove(cpu, some.id));
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    for (unsigned slice = 0; slice < 2; slice++) {
        block.n = 0;
        nb_cpu_set(cpu, NB_CPU_EIP, CODE);
        ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
        ck_assert_uint_eq(block.n, 3);
        ck_assert_uint_eq(block.ev[0].size, 9);
        ck_assert_uint_eq(block.ev[1].addr, CODE + 5);
        ck_assert_uint_eq(block.ev[1].size, 4);
        ck_assert_uint_eq(block.ev[2].addr, CODE + 9);
    }
    ck_assert_uint_eq(code.n, 8);
    nb_cpu_free(cpu);
}
END_TEST

static void skip_two(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)s;
    if (ev->addr == CODE + 1)
        nb_cpu_set(cpu, NB_CPU_EIP, CODE + 3);
}
static void fix_eax(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)s;
    if (ev->addr == CODE + 2)
        nb_cpu_set(cpu, NB_CPU_EAX, 100);
}
static void write_code(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)s;
    if (ev->addr == CODE + 1)
        PUT(cpu, CODE + 1, 0x43); /* inc ebx, in place of the instruction that is about to run */
}

START_TEST(code_hook_changes)
{
    struct seen a = { .act = skip_two }, b = { 0 };
    struct nb_cpu *cpu = cpu32();

    PUT(cpu, CODE, 0x40, 0x40, 0x40, 0x40, 0xf4);
    hook(cpu, NB_CPU_HOOK_CODE, 1, 0, &a);
    hook(cpu, NB_CPU_HOOK_CODE, 1, 0, &b);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 2);
    ck_assert_uint_eq(a.n, 4); /* 0, 1 (leaves), 3, 4 */
    ck_assert_uint_eq(a.ev[2].addr, CODE + 3);
    ck_assert_uint_eq(b.n, 3); /* not asked for the instruction that was left */
    a.act = fix_eax;
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 102);
    a.act = write_code;
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    nb_cpu_set(cpu, NB_CPU_EAX, 0);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 3);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EBX), 1);
    nb_cpu_free(cpu);
}
END_TEST

static void decrypt(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)s;
    if (ev->addr == CODE + 1)
        PUT(cpu, CODE + 1, 0x43, 0xf4);
}

START_TEST(fetch_comes_before_decoding)
{
    struct seen s = { .act = decrypt };
    struct nb_cpu *cpu = cpu32();

    PUT(cpu, CODE, 0x40, 0x0f, 0x0b); /* inc eax; ud2 until the hook writes */
    hook(cpu, NB_CPU_HOOK_FETCH, CODE, CODE + 1, &s);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(s.n, 2);
    ck_assert_uint_eq(s.ev[1].kind, NB_CPU_HOOK_FETCH);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EBX), 1);
    nb_cpu_free(cpu);
}
END_TEST

/* ---- data */

START_TEST(reads_and_writes)
{
    struct seen all = { 0 }, near = { 0 };
    struct nb_cpu *cpu = cpu32();

    /* mov eax,[DATA+2]; push eax; mov [DATA+0fffh], ax; inc byte [DATA] */
    PUT(cpu, CODE, 0xa1, 2, 0, 2, 0, 0x50, 0x66, 0xa3, 0xff, 0x0f, 2, 0, 0xfe, 0x05, 0, 0, 2, 0,
        0xf4);
    PUT(cpu, DATA, 7, 0, 0x78, 0x56, 0x34, 0x12);
    hook(cpu,
         NB_CPU_HOOK_READ | NB_CPU_HOOK_READ_AFTER | NB_CPU_HOOK_WRITE | NB_CPU_HOOK_WRITE_AFTER, 1,
         0, &all);
    hook(cpu, NB_CPU_HOOK_WRITE, DATA + 0x1000, DATA + 0x1000, &near); /* the second byte of one */
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    static const struct {
        unsigned kind;
        uint32_t addr, size, eip;
        uint8_t b0;
    } want[] = {
        { NB_CPU_HOOK_READ, DATA + 2, 4, 0, 0 },
        { NB_CPU_HOOK_READ_AFTER, DATA + 2, 4, 0, 0x78 },
        { NB_CPU_HOOK_WRITE, DATA + 0x3ffc, 4, 5, 0x78 },
        { NB_CPU_HOOK_WRITE_AFTER, DATA + 0x3ffc, 4, 5, 0x78 },
        { NB_CPU_HOOK_WRITE, DATA + 0xfff, 2, 6, 0x78 },
        { NB_CPU_HOOK_WRITE_AFTER, DATA + 0xfff, 2, 6, 0x78 },
        { NB_CPU_HOOK_READ, DATA, 1, 12, 0 },
        { NB_CPU_HOOK_READ_AFTER, DATA, 1, 12, 7 },
        { NB_CPU_HOOK_WRITE, DATA, 1, 12, 8 },
        { NB_CPU_HOOK_WRITE_AFTER, DATA, 1, 12, 8 },
    };
    ck_assert_uint_eq(all.n, sizeof want / sizeof *want);
    for (unsigned k = 0; k < all.n; k++) {
        ck_assert_uint_eq(all.ev[k].kind, want[k].kind);
        ck_assert_uint_eq(all.ev[k].addr, want[k].addr);
        ck_assert_uint_eq(all.ev[k].size, want[k].size);
        ck_assert_uint_eq(all.eip[k], CODE + want[k].eip);
        ck_assert(!all.ev[k].data == (want[k].kind == NB_CPU_HOOK_READ));
        ck_assert_uint_eq(all.data[k][0], want[k].b0);
    }
    ck_assert_uint_eq(near.n, 1);
    ck_assert_uint_eq(near.ev[0].addr, DATA + 0xfff);
    /* gone hooks see nothing, and what was slow is quick again */
    ck_assert(nb_cpu_hook_remove(cpu, all.id));
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(all.n, 10);
    ck_assert_uint_eq(near.n, 2);
    nb_cpu_free(cpu);
}
END_TEST

static void change_data(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)s;
    if (ev->kind == NB_CPU_HOOK_READ)
        PUT(cpu, DATA, 5, 0, 0, 0); /* seen by the read that follows */
    else
        ev->data[1] = 1; /* READ_AFTER: for the CPU alone; WRITE: for memory */
}

START_TEST(data_may_be_changed)
{
    struct seen s = { .act = change_data };
    struct nb_cpu *cpu = cpu32();

    PUT(cpu, CODE, 0xa1, 0, 0, 2, 0, 0xa3, 0x10, 0, 2, 0, 0xf4);
    hook(cpu, NB_CPU_HOOK_READ | NB_CPU_HOOK_READ_AFTER, 1, 0, &s);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0x105);
    ck_assert_uint_eq(word_at(cpu, DATA), 5);
    ck_assert(nb_cpu_hook_remove(cpu, s.id));
    hook(cpu, NB_CPU_HOOK_WRITE, 1, 0, &s);
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 5);
    ck_assert_uint_eq(word_at(cpu, DATA + 0x10), 0x105);
    nb_cpu_free(cpu);
}
END_TEST

static void set_regs(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    struct nb_error e = { 0 };
    uint32_t v = 0x33;

    (void)ev;
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0);
    nb_cpu_set(cpu, NB_CPU_EAX, 77); /* over the result of this very MOV */
    nb_cpu_set(cpu, NB_CPU_EBX, 1);
    nb_cpu_set(cpu, NB_CPU_EBX, 2); /* the last one counts */
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EBX), 2);
    if (s->verdict == 5)
        nb_cpu_set(cpu, NB_CPU_EIP, CODE + 6);
    ck_assert(!nb_cpu_reg_set(cpu, NB_CPU_CR0, &v, 4, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "middle of an instruction"));
    ck_assert(!nb_cpu_msr_set(cpu, 0x174, 0, NULL));
    ck_assert(!nb_cpu_load_segment(cpu, NB_CPU_DS, 0, NULL));
    ck_assert(nb_cpu_context_save(cpu, NULL) == NULL);
    ck_assert(!nb_cpu_context_restore(cpu, s->ctx, NULL));
    ck_assert(!nb_cpu_context_update(cpu, s->ctx, NULL));
    ck_assert(nb_cpu_snapshot_take(cpu, NULL) == NULL);
    ck_assert_int_eq(nb_cpu_run(cpu, NULL, NULL), NB_CPU_REFUSED);
    ck_assert(!nb_cpu_reset(cpu, NULL));
    nb_cpu_free(cpu); /* nothing */
}

START_TEST(registers_wait_for_the_end)
{
    struct seen s = { .act = set_regs };
    struct nb_cpu *cpu = cpu32();

    s.ctx = nb_cpu_context_save(cpu, NULL);
    PUT(cpu, CODE, 0xa1, 0, 0, 2, 0, 0x41, 0x42, 0xf4); /* mov eax,[DATA]; inc ecx; inc edx */
    PUT(cpu, DATA, 9);
    hook(cpu, NB_CPU_HOOK_READ, DATA, DATA + 3, &s);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 77);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EBX), 2);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_ECX), 1);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EDX), 1);
    ck_assert_uint_eq(nb_cpu_retired(cpu), 4);
    ck_assert(nb_cpu_reset(cpu, NULL));
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    s.verdict = 5;
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_ECX), 0); /* jumped over */
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EDX), 1);
    nb_cpu_context_free(s.ctx);
    nb_cpu_free(cpu);
}
END_TEST

static void stop_here(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)ev;
    (void)s;
    nb_cpu_stop(cpu);
}

START_TEST(stop_in_each_kind)
{
    static const struct {
        unsigned kind;
        uint32_t eip;
    } want[] = {
        { NB_CPU_HOOK_CODE, 0 },         { NB_CPU_HOOK_BLOCK, 0 },
        { NB_CPU_HOOK_FETCH, 0 },        { NB_CPU_HOOK_READ, 5 },
        { NB_CPU_HOOK_READ_AFTER, 5 },   { NB_CPU_HOOK_WRITE, 10 },
        { NB_CPU_HOOK_WRITE_AFTER, 10 }, { NB_CPU_HOOK_IN, 11 },
        { NB_CPU_HOOK_OUT, 12 },         { NB_CPU_HOOK_INTERRUPT, 12 },
        { NB_CPU_HOOK_INVALID, 14 },     { NB_CPU_HOOK_UNMAPPED, 16 },
    };
    struct nb_cpu_exit x = { 0 };
    struct seen s = { .act = stop_here };
    struct nb_cpu *cpu = cpu32();

    /* mov eax,[]; mov [],eax; in al,dx; out dx,al; int 20h; ud2; mov eax,[0] */
    PUT(cpu, CODE, 0xa1, 0, 0, 2, 0, 0xa3, 0, 0, 2, 0, 0xec, 0xee, 0xcd, 0x20, 0x0f, 0x0b, 0xa1, 0,
        0, 0, 0);
    hook(cpu, want[_i].kind, 1, 0, &s);
    if (_i >= 10) /* get there */
        nb_cpu_set(cpu, NB_CPU_EIP, CODE + want[_i].eip);
    ck_assert_int_eq(run_for(cpu, 100, &x), _i >= 9 ? NB_CPU_FAULT : NB_CPU_STOPPED);
    ck_assert_uint_eq(x.eip, CODE + want[_i].eip);
    ck_assert_uint_eq(s.n, 1);
    if (_i >= 9) { /* not taken: the fault ends the run first, and the stop is there for the next */
        ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_STOPPED);
        s.verdict = NB_CPU_TAKEN;
        ck_assert_int_eq(run_for(cpu, 100, &x), _i == 11 ? NB_CPU_FAULT : NB_CPU_STOPPED);
        ck_assert_uint_eq(x.eip, CODE + want[_i].eip + (_i == 9 ? 2 : 0));
    }
    nb_cpu_free(cpu);
}
END_TEST

/* ---- what is not mapped */

static void map_it(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)s;
    ck_assert(nb_cpu_map(cpu, ev->physical, 0x1000, NB_CPU_RWX, NULL));
    PUT(cpu, ev->physical, 0x40, 0xf4);
}
static void lie(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)cpu, (void)ev, (void)s;
}
static void skip_it(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)ev;
    nb_cpu_set(cpu, NB_CPU_EIP, CODE + 5);
    s->verdict = NB_CPU_PASS;
}

START_TEST(unmapped)
{
    struct nb_cpu_exit x = { 0 };
    struct seen s = { .act = map_it, .verdict = NB_CPU_TAKEN };
    struct nb_cpu *cpu = cpu32();

    /* mov [40ffeh], eax (two pages); jmp 50000h */
    PUT(cpu, CODE, 0xa3, 0xfe, 0x0f, 4, 0, 0xe9, 0xf6, 0xff, 3, 0);
    nb_cpu_set(cpu, NB_CPU_EAX, 0x44332211);
    hook(cpu, NB_CPU_HOOK_UNMAPPED, 1, 0, &s);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_HALTED);
    ck_assert_uint_eq(s.n, 3);
    ck_assert_uint_eq(s.ev[0].addr, 0x40ffe);
    ck_assert_uint_eq(s.ev[0].size, 2);
    ck_assert_uint_eq(s.ev[0].physical, 0x40000);
    ck_assert_uint_eq(s.ev[0].access, NB_CPU_ACCESS_WRITE);
    ck_assert_uint_eq(s.ev[0].mapped, 0);
    ck_assert_uint_eq(s.ev[1].addr, 0x41000);
    ck_assert_uint_eq(s.ev[1].physical, 0x41000);
    ck_assert_uint_eq(s.ev[2].access, NB_CPU_ACCESS_FETCH);
    ck_assert_uint_eq(s.ev[2].physical, 0x50000);
    ck_assert_uint_eq(s.eip[1], CODE);
    ck_assert_uint_eq(word_at(cpu, 0x40ffe) & 0xffff, 0x2211);
    ck_assert_uint_eq(word_at(cpu, 0x41000) & 0xffff, 0x4433);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0x44332212);
    /* protection */
    s.n = 0;
    s.verdict = NB_CPU_PASS;
    s.act = NULL;
    ck_assert(nb_cpu_protect(cpu, 0x40000, 0x1000, NB_CPU_R, NULL));
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_FAULT);
    ck_assert_uint_eq(s.n, 1);
    ck_assert_uint_eq(s.ev[0].mapped, 1);
    ck_assert_uint_eq(x.error, 3);
    /* who says "try again" for nothing does not hang */
    s.act = lie;
    s.verdict = NB_CPU_TAKEN;
    s.n = 0;
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_FAULT);
    ck_assert_uint_eq(s.n, 16);
    /* a new EIP drops the fault */
    s.act = skip_it;
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_HALTED);
    nb_cpu_free(cpu);
}
END_TEST

static void take_away(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)s;
    nb_cpu_unmap(cpu, ev->addr & ~0xfffu, 0x1000, NULL);
}

/* Pages go while they are used: by hooks of reads and writes, of the stack, of the code itself. */
START_TEST(memory_taken_away)
{
    static const uint8_t code[][8] = {
        { 0xa1, 0, 0, 2, 0, 0xf4 },       /* mov eax,[DATA] */
        { 0xa3, 0, 0, 2, 0, 0xf4 },       /* mov [DATA],eax */
        { 0xff, 0x05, 0, 0, 2, 0, 0xf4 }, /* inc dword [DATA] */
        { 0xf3, 0xa5, 0xf4 },             /* rep movsd */
        { 0x60, 0xf4 },                   /* pusha */
        { 0xff, 0x35, 0, 0, 2, 0, 0xf4 }, /* push dword [DATA] */
    };
    struct nb_cpu_exit x = { 0 };
    struct seen s = { .act = take_away };
    struct nb_cpu *cpu = cpu32();
    unsigned kind = _i % 2 ? NB_CPU_HOOK_READ : NB_CPU_HOOK_READ_AFTER;

    put(cpu, CODE, code[_i / 2], 8);
    nb_cpu_set(cpu, NB_CPU_ESI, DATA);
    nb_cpu_set(cpu, NB_CPU_EDI, DATA + 0x1000);
    nb_cpu_set(cpu, NB_CPU_ECX, 100);
    hook(cpu, kind | NB_CPU_HOOK_WRITE, 1, 0, &s);
    ck_assert_int_ne(run_for(cpu, 100, &x), NB_CPU_COUNT);
    ck_assert_uint_ge(s.n, 1);
    if (_i == 1 || _i == 2 || _i == 3 || _i == 5) { /* gone before the access: it faults */
        ck_assert_uint_eq(x.reason, NB_CPU_FAULT);
        ck_assert_uint_eq(x.vector, 14);
        ck_assert_uint_eq(x.cr2, DATA);
        ck_assert_uint_eq(x.eip, CODE);
        ck_assert_uint_eq(x.retired, 0);
    }
    nb_cpu_free(cpu);
}
END_TEST

static void map_and_stop(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    map_it(cpu, ev, s);
    nb_cpu_set(cpu, NB_CPU_EAX, 5);
    nb_cpu_stop(cpu);
}

/* What the hook of a fetch asks for comes in front of that instruction. */
START_TEST(unmapped_fetch)
{
    struct nb_cpu_exit x = { 0 };
    struct seen s = { .act = map_and_stop, .verdict = NB_CPU_TAKEN };
    struct nb_cpu *cpu = cpu32();

    hook(cpu, NB_CPU_HOOK_UNMAPPED, 1, 0, &s);
    nb_cpu_set(cpu, NB_CPU_EIP, 0x50000);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_STOPPED);
    ck_assert_uint_eq(x.retired, 0);
    ck_assert_uint_eq(x.eip, 0x50000);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 5);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 6); /* inc eax; hlt */
    ck_assert_uint_eq(s.n, 1);
    nb_cpu_free(cpu);
}
END_TEST

static void take_code(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)ev, (void)s;
    nb_cpu_unmap(cpu, CODE, 0x1000, NULL);
}

START_TEST(code_taken_away)
{
    struct nb_cpu_exit x = { 0 };
    struct seen s = { .act = take_code };
    struct nb_cpu *cpu = cpu32();

    PUT(cpu, CODE, 0xa3, 0, 0, 2, 0, 0x40, 0x40, 0xf4);
    hook(cpu, NB_CPU_HOOK_WRITE, DATA, DATA, &s);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_FAULT); /* behind the instruction that did it */
    ck_assert_uint_eq(x.cr2, CODE + 5);
    ck_assert_uint_eq(x.error, 16);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0);
    nb_cpu_free(cpu);
}
END_TEST

/* ---- interrupts and exceptions */

static void linux_exit(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)s;
    if (ev->software)
        nb_cpu_set(cpu, NB_CPU_EAX, nb_cpu_get(cpu, NB_CPU_EAX) + 1000);
    else
        nb_cpu_set(cpu, NB_CPU_ECX, 10); /* repairs the division */
}

START_TEST(interrupts)
{
    struct nb_cpu_exit x = { 0 };
    struct seen s = { .act = linux_exit, .verdict = NB_CPU_TAKEN }, other = { 0 };
    struct nb_cpu *cpu = cpu32();

    /* mov al,6; int 80h; xor ecx,ecx; div cl (#DE); int3; hlt */
    PUT(cpu, CODE, 0xb0, 6, 0xcd, 0x80, 0x31, 0xc9, 0xf6, 0xf1, 0xcc, 0xf4);
    hook(cpu, NB_CPU_HOOK_INTERRUPT, 14, 14, &other);
    hook(cpu, NB_CPU_HOOK_INTERRUPT, 1, 0, &s);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_HALTED);
    ck_assert_uint_eq(s.n, 3);
    ck_assert_uint_eq(s.ev[0].number, 0x80);
    ck_assert_uint_eq(s.ev[0].software, 1);
    ck_assert_uint_eq(s.ev[0].addr, CODE + 2);
    ck_assert_uint_eq(s.ev[1].number, 0);
    ck_assert_uint_eq(s.ev[1].software, 0);
    ck_assert_uint_eq(s.eip[1], CODE + 6);
    ck_assert_uint_eq(s.ev[2].number, 3);
    ck_assert_uint_eq(other.n, 0);
    ck_assert_uint_eq(x.retired, 6);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0x664 + 1000); /* 1006 / 10, and INT3's */
    nb_cpu_free(cpu);
}
END_TEST

static void step_over(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)ev, (void)s;
    nb_cpu_set(cpu, NB_CPU_EIP, nb_cpu_get(cpu, NB_CPU_EIP) + 2);
}

START_TEST(invalid)
{
    struct nb_cpu_exit x = { 0 };
    struct seen s = { .act = step_over, .verdict = NB_CPU_TAKEN }, after = { 0 };
    struct nb_cpu *cpu = cpu32();

    PUT(cpu, CODE, 0x0f, 0x0b, 0x40, 0xf4);
    hook(cpu, NB_CPU_HOOK_INVALID, 1, 0, &s);
    hook(cpu, NB_CPU_HOOK_INTERRUPT, 1, 0, &after);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_HALTED);
    ck_assert_uint_eq(s.n, 1);
    ck_assert_uint_eq(s.ev[0].addr, CODE);
    ck_assert_uint_eq(after.n, 0);
    s.verdict = NB_CPU_PASS;
    s.act = NULL;
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_FAULT);
    ck_assert_uint_eq(x.vector, 6);
    ck_assert_uint_eq(x.eip, CODE);
    ck_assert_uint_eq(after.n, 1);
    ck_assert_uint_eq(after.ev[0].number, 6);
    nb_cpu_free(cpu);
}
END_TEST

/* Through the guest's table: without hooks, with hooks that pass, with data hooks on its tables. */
START_TEST(guest_table)
{
    struct nb_cpu_exit x = { 0 };
    struct seen s = { 0 }, w = { 0 };
    struct nb_cpu *cpu = cpu_with(NB_CPU_PROT32, NB_CPU_FAULTS_IDT);

    /* GDT at DATA: code at selector 8; IDT at DATA+100h: all gates to CODE+100h */
    PUT(cpu, DATA + 8, 0xff, 0xff, 0, 0, 0, 0x9b, 0xcf, 0);
    for (unsigned v = 0; v < 0x21; v++)
        PUT(cpu, DATA + 0x100 + 8 * v, 0, 1, 8, 0, 0, 0x8e, 1, 0);
    nb_cpu_set(cpu, NB_CPU_GDTR_BASE, DATA);
    nb_cpu_set(cpu, NB_CPU_GDTR_LIMIT, 15);
    nb_cpu_set(cpu, NB_CPU_IDTR_BASE, DATA + 0x100);
    nb_cpu_set(cpu, NB_CPU_IDTR_LIMIT, 0x21 * 8 - 1);
    PUT(cpu, CODE, 0xcd, 0x20, 0xa1, 0, 0, 0, 0x70); /* int 20h; mov eax,[70000000h] */
    PUT(cpu, CODE + 0x100, 0x5b, 0x43, 0xf4);        /* pop ebx; inc ebx; hlt */
    if (_i)
        hook(cpu, NB_CPU_HOOK_INTERRUPT | NB_CPU_HOOK_UNMAPPED, 1, 0, &s);
    if (_i == 2)
        hook(cpu, NB_CPU_HOOK_READ | NB_CPU_HOOK_WRITE, DATA, DATA + 0x3fff, &w);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EBX), CODE + 3); /* the frame's EIP + 1 */
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EIP), CODE + 0x103);
    ck_assert_uint_eq(x.retired, 4);
    nb_cpu_set(cpu, NB_CPU_EIP, CODE + 2);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EBX), 1); /* error code 0, + 1 */
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_CR2), 0x70000000);
    ck_assert_uint_eq(s.n, _i ? 3 : 0);
    if (_i == 2)
        ck_assert_uint_ge(w.n, 8);
    /* no room for the frame: double fault, and that fails too */
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    nb_cpu_set(cpu, NB_CPU_ESP, 0x60000000);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_SHUTDOWN);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_SHUTDOWN);
    ck_assert(nb_cpu_reset(cpu, NULL));
    nb_cpu_set(cpu, NB_CPU_EIP, CODE + 0x101);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_HALTED);
    nb_cpu_free(cpu);
}
END_TEST

/* ---- ports */

static void answer(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)cpu, (void)s;
    if (ev->kind == NB_CPU_HOOK_IN)
        ev->value = 0x55667788;
}

START_TEST(ports)
{
    struct nb_cpu_exit x = { 0 };
    struct seen s = { .act = answer, .verdict = NB_CPU_TAKEN };
    struct nb_cpu *cpu = cpu_with(_i ? NB_CPU_USER32 : NB_CPU_PROT32, 0);

    /* in al,60h; out 61h,al; mov dx,3f8h; in eax,dx; out dx,ax; insb; hlt */
    PUT(cpu, CODE, 0xe4, 0x60, 0xe6, 0x61, 0x66, 0xba, 0xf8, 3, 0xed, 0x66, 0xef, 0x6c, 0xf4);
    nb_cpu_set(cpu, NB_CPU_EDI, DATA);
    if (_i) { /* IOPL 0 forbids */
        ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_FAULT);
        ck_assert_uint_eq(x.vector, 13);
        nb_cpu_free(cpu);
        return;
    }
    ck_assert_int_eq(run_for(cpu, 1, &x), NB_CPU_COUNT);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0xff); /* nobody there */
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    hook(cpu, NB_CPU_HOOK_IN | NB_CPU_HOOK_OUT, 0x61, 0xffff, &s);
    ck_assert_int_eq(run_for(cpu, 100, &x), NB_CPU_HALTED);
    static const struct {
        unsigned kind;
        uint32_t port, size, value;
    } want[] = {
        { NB_CPU_HOOK_OUT, 0x61, 1, 0xff },
        { NB_CPU_HOOK_IN, 0x3f8, 4, 0 },
        { NB_CPU_HOOK_OUT, 0x3f8, 2, 0x7788 },
        { NB_CPU_HOOK_IN, 0x3f8, 1, 0 },
    };
    ck_assert_uint_eq(s.n, 4);
    for (unsigned k = 0; k < 4; k++) {
        ck_assert_uint_eq(s.ev[k].kind, want[k].kind);
        ck_assert_uint_eq(s.ev[k].addr, want[k].port);
        ck_assert_uint_eq(s.ev[k].size, want[k].size);
        if (want[k].kind == NB_CPU_HOOK_OUT)
            ck_assert_uint_eq(s.ev[k].value, want[k].value);
    }
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0x55667788);
    ck_assert_uint_eq(word_at(cpu, DATA), 0x88);
    nb_cpu_free(cpu);
}
END_TEST

/* ---- the list changes while it is used */

static void remove_self(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    (void)ev;
    ck_assert(nb_cpu_hook_remove(cpu, s->id));
}
static struct seen added;
static void add_one(struct nb_cpu *cpu, struct nb_cpu_event *ev, struct seen *s)
{
    if (s->n == 1)
        for (unsigned k = 0; k < 20; k++) /* the list moves */
            hook(cpu, ev->kind, 1, 0, &added);
}

START_TEST(list_changes_inside)
{
    static const unsigned kinds[] = { NB_CPU_HOOK_CODE,        NB_CPU_HOOK_BLOCK,
                                      NB_CPU_HOOK_FETCH,       NB_CPU_HOOK_READ,
                                      NB_CPU_HOOK_WRITE_AFTER, NB_CPU_HOOK_OUT,
                                      NB_CPU_HOOK_INTERRUPT };
    struct nb_cpu *cpu = cpu32();
    struct seen s = { .act = remove_self }, t = { 0 };

    s.verdict = t.verdict = added.verdict = kinds[_i] == NB_CPU_HOOK_INTERRUPT;
    memset(&added, 0, sizeof added);
    /* push [DATA]; out dx,al; int 1; jmp $+2 ; twice */
    PUT(cpu, CODE, 0xff, 0x35, 0, 0, 2, 0, 0xee, 0xcd, 0x20, 0xeb, 0, 0xff, 0x35, 0, 0, 2, 0, 0xee,
        0xcd, 0x20, 0xeb, 0, 0xf4);
    if (kinds[_i] != NB_CPU_HOOK_INTERRUPT) {
        PUT(cpu, CODE + 7, 0x90, 0x90);
        PUT(cpu, CODE + 18, 0x90, 0x90);
    }
    hook(cpu, kinds[_i], 1, 0, &s);
    if (kinds[_i] != NB_CPU_HOOK_INTERRUPT)
        hook(cpu, kinds[_i], 1, 0, &t);
    else
        s.verdict = 1;
    ck_assert_int_eq(run_for(cpu, 100, NULL),
                     kinds[_i] == NB_CPU_HOOK_INTERRUPT ? NB_CPU_FAULT : NB_CPU_HALTED);
    ck_assert_uint_eq(s.n, 1);
    if (kinds[_i] != NB_CPU_HOOK_INTERRUPT)
        ck_assert_uint_ge(t.n, 2);
    ck_assert(!nb_cpu_hook_remove(cpu, s.id));
    /* added inside: from the next event on */
    struct seen a = { .act = add_one, .verdict = s.verdict };
    added.verdict = s.verdict;
    if (t.id)
        ck_assert(nb_cpu_hook_remove(cpu, t.id));
    hook(cpu, kinds[_i], 1, 0, &a);
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    nb_cpu_set(cpu, NB_CPU_ESP, DATA + 0x4000);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    ck_assert_uint_ge(a.n, 2);
    if (!s.verdict)
        ck_assert_uint_eq(added.n, a.n * 20 - 20 > 64 ? 64 : a.n * 20 - 20);
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(many_ranges)
{
    struct seen s[40];
    struct nb_cpu *cpu = cpu32();

    memset(s, 0, sizeof s);
    PUT(cpu, CODE, 0xa1, 0x9d, 0, 2, 0, 0xf4);
    for (unsigned k = 0; k < 40; k++)
        hook(cpu, NB_CPU_HOOK_READ, DATA + 4 * k, DATA + 4 * k + 3, &s[k]);
    ck_assert_int_eq(run_for(cpu, 100, NULL), NB_CPU_HALTED);
    for (unsigned k = 0; k < 40; k++)
        ck_assert_uint_eq(s[k].n, k == 39 || k == 40);
    nb_cpu_free(cpu);
}
END_TEST

Suite *suite_cpu_hooks(void);
Suite *suite_cpu_hooks(void)
{
    Suite *s = suite_create("cpu_hooks");
    TCase *t = tcase_create("cpu_hooks");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, bad_hooks);
    tcase_add_test(t, code_and_blocks);
    tcase_add_test(t, code_hook_changes);
    tcase_add_test(t, fetch_comes_before_decoding);
    tcase_add_test(t, reads_and_writes);
    tcase_add_test(t, data_may_be_changed);
    tcase_add_test(t, registers_wait_for_the_end);
    tcase_add_loop_test(t, stop_in_each_kind, 0, 12);
    tcase_add_test(t, unmapped);
    tcase_add_loop_test(t, memory_taken_away, 0, 12);
    tcase_add_test(t, unmapped_fetch);
    tcase_add_test(t, code_taken_away);
    tcase_add_test(t, interrupts);
    tcase_add_test(t, invalid);
    tcase_add_loop_test(t, guest_table, 0, 3);
    tcase_add_loop_test(t, ports, 0, 2);
    tcase_add_loop_test(t, list_changes_inside, 0, 7);
    tcase_add_test(t, many_ranges);
    suite_add_tcase(s, t);
    return s;
}
