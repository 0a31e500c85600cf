/* SPDX-License-Identifier: MIT */
/* include/nestbox.h, the CPU without a machine: memory, registers, runs, contexts, snapshots.
 * Hooks have test_cpu_hooks.c. */
#include <pthread.h>
#include <stdio.h>

#include "tests/unit/cpu_api_rig.h"

/* ---- making one */

START_TEST(options_are_checked)
{
    struct nb_cpu_options o = { .size = sizeof o };
    struct nb_error e = { 0 };

    o.mode = 4;
    ck_assert(nb_cpu_new(&o, &e) == NULL);
    ck_assert_str_ne(e.text, "");
    ck_assert_int_eq(e.code, 1);
    o.mode = 0;
    o.faults = 2;
    ck_assert(nb_cpu_new(&o, NULL) == NULL);
    o.faults = 0;
    o.size = 3;
    ck_assert(nb_cpu_new(&o, &e) == NULL);
    o.size = sizeof o;
    o.model = "no-such-model";
    ck_assert(nb_cpu_new(&o, &e) == NULL);
    ck_assert_ptr_nonnull(strstr(e.text, "no-such-model"));
    o.model = "486";
    struct nb_cpu *cpu = nb_cpu_new(&o, &e);
    ck_assert_ptr_nonnull(cpu);
    nb_cpu_free(cpu);
    /* a caller compiled before `model` was there */
    o.model = "no-such-model";
    o.size = offsetof(struct nb_cpu_options, model);
    cpu = nb_cpu_new(&o, &e);
    ck_assert_ptr_nonnull(cpu);
    nb_cpu_free(cpu);
    cpu = nb_cpu_new(NULL, NULL);
    ck_assert_ptr_nonnull(cpu);
    nb_cpu_free(cpu);
    nb_cpu_free(NULL);
}
END_TEST

START_TEST(modes)
{
    static const struct {
        uint32_t mode, cs, ds, cr0, code, data, limit, flags, cpl;
    } want[] = {
        { NB_CPU_REAL, 0, 0, 0x10, 0x93, 0x93, 0xffff, 2, 0 },
        { NB_CPU_PROT16, 8, 16, 0x33, 0x809b, 0x8093, 0xffffffff, 2, 0 },
        { NB_CPU_PROT32, 8, 16, 0x33, 0xc09b, 0xc093, 0xffffffff, 2, 0 },
        { NB_CPU_USER32, 0x1b, 0x23, 0x33, 0xc0fb, 0xc0f3, 0xffffffff, 0x202, 3 },
    };
    uint32_t k = (uint32_t)_i;
    struct nb_cpu_options o = { .size = sizeof o, .mode = want[k].mode };
    struct nb_cpu *cpu = nb_cpu_new(&o, NULL);

    for (unsigned again = 0; again < 2; again++) {
        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_CS), want[k].cs);
        for (unsigned s = 0; s < 6; s++) {
            bool code = s == 1;
            ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_ES + s), code ? want[k].cs : want[k].ds);
            ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_ES_BASE + s), 0);
            ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_ES_LIMIT + s), want[k].limit);
            ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_ES_ATTR + s),
                              code ? want[k].code : want[k].data);
        }
        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_CR0), want[k].cr0);
        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EFLAGS), want[k].flags);
        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_CPL), want[k].cpl);
        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EIP), 0);
        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_FCW), 0x37f);
        for (unsigned r = NB_CPU_EAX; r <= NB_CPU_EDI; r++) {
            ck_assert_uint_eq(nb_cpu_get(cpu, r), 0);
            nb_cpu_set(cpu, r, ~0u);
        }
        nb_cpu_set(cpu, NB_CPU_EIP, 5);
        nb_cpu_set(cpu, NB_CPU_FS_BASE, 77);
        ck_assert(nb_cpu_reset(cpu, NULL));
    }
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(code_runs_in_each_mode)
{
    struct nb_cpu_exit x = { 0 };
    struct nb_cpu *cpu = cpu_with((uint32_t)_i, NB_CPU_FAULTS_RETURN);

    /* mov [DATA or ds:10h], 12345678h; hlt or int3 */
    switch (_i) {
    case NB_CPU_REAL:
        nb_cpu_set(cpu, NB_CPU_CS, CODE >> 4);
        nb_cpu_set(cpu, NB_CPU_DS, DATA >> 4);
        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_CS_BASE), CODE);
        PUT(cpu, CODE, 0x66, 0xc7, 0x06, 0, 0, 0x78, 0x56, 0x34, 0x12, 0xf4);
        break;
    case NB_CPU_PROT16:
        PUT(cpu, CODE, 0x66, 0x67, 0xc7, 0x05, 0, 0, 2, 0, 0x78, 0x56, 0x34, 0x12, 0xf4);
        break;
    default: PUT(cpu, CODE, 0xc7, 0x05, 0, 0, 2, 0, 0x78, 0x56, 0x34, 0x12, 0xf4);
    }
    enum nb_cpu_reason why = run_for(cpu, 10, &x);
    ck_assert_uint_eq(word_at(cpu, DATA), 0x12345678);
    ck_assert_uint_eq(x.reason, why);
    if (_i == NB_CPU_USER32) { /* HLT is privileged */
        ck_assert_int_eq(why, NB_CPU_FAULT);
        ck_assert_uint_eq(x.vector, 13);
        ck_assert_uint_eq(x.has_error, 1);
        ck_assert_uint_eq(x.error, 0);
        ck_assert_uint_eq(x.software, 0);
        ck_assert_uint_eq(x.eip, CODE + 10);
        ck_assert_uint_eq(x.retired, 1);
    } else {
        ck_assert_int_eq(why, NB_CPU_HALTED);
        ck_assert_uint_eq(x.retired, 2);
    }
    nb_cpu_free(cpu);
}
END_TEST

/* ---- memory */

START_TEST(bad_mappings)
{
    static uint8_t own[0x3000] __attribute__((aligned(16)));
    struct nb_cpu *cpu = cpu32();
    struct nb_error e = { 0 };

    ck_assert(!nb_cpu_map(cpu, 0x30001, 0x1000, NB_CPU_R, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "30001"));
    ck_assert(!nb_cpu_map(cpu, 0x30000, 0x1001, NB_CPU_R, NULL));
    ck_assert(!nb_cpu_map(cpu, 0x30000, 0, NB_CPU_R, NULL));
    ck_assert(!nb_cpu_map(cpu, 0x30000, 0x1000, 8, NULL));
    ck_assert(!nb_cpu_map(cpu, 0x100000000, 0x1000, NB_CPU_R, NULL));
    ck_assert(!nb_cpu_map(cpu, 0xfffff000, 0x2000, NB_CPU_R, NULL));
    ck_assert(!nb_cpu_map(cpu, 0xfffff000, 0xfffffffffffff000, NB_CPU_R, NULL));
    ck_assert(!nb_cpu_map(cpu, CODE - 0x1000, 0x2000, NB_CPU_R, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "overlaps"));
    ck_assert(!nb_cpu_map(cpu, CODE + 0x3000, 0x1000, NB_CPU_R, NULL));
    ck_assert(!nb_cpu_map(cpu, 0, 0x100000000, NB_CPU_R, NULL));
    ck_assert(!nb_cpu_map_buffer(cpu, 0x30000, 0x1000, NB_CPU_R, NULL, NULL));
    ck_assert(!nb_cpu_map_buffer(cpu, 0x30000, 0x1000, NB_CPU_R, own + 1, NULL));
    ck_assert(nb_cpu_map_buffer(cpu, 0x30000, 0x2000, NB_CPU_R, own, NULL));
    ck_assert(!nb_cpu_map_buffer(cpu, 0x40000, 0x2000, NB_CPU_R, own + 0x1000, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "30000"));
    ck_assert(nb_cpu_map_buffer(cpu, 0x40000, 0x1000, NB_CPU_R, own + 0x2000, NULL));
    ck_assert(!nb_cpu_unmap(cpu, 0x50000, 0x1000, NULL));
    ck_assert(!nb_cpu_unmap(cpu, CODE, 0x5000, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "14000"));
    ck_assert(!nb_cpu_unmap(cpu, CODE + 1, 0x1000, NULL));
    ck_assert(!nb_cpu_protect(cpu, CODE, 0x5000, NB_CPU_R, NULL));
    ck_assert(!nb_cpu_protect(cpu, CODE, 0x1000, 16, NULL));
    ck_assert_uint_eq(nb_cpu_regions(cpu, NULL, 0), 4);
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(splits)
{
    struct nb_cpu_region r[8];
    struct nb_cpu *cpu = cpu32();

    PUT(cpu, CODE + 0x1ffe, 1, 2, 3, 4);
    ck_assert(nb_cpu_protect(cpu, CODE + 0x1000, 0x1000, NB_CPU_R, NULL));
    ck_assert_uint_eq(nb_cpu_regions(cpu, r, 8), 4);
    ck_assert_uint_eq(r[1].addr, CODE + 0x1000);
    ck_assert_uint_eq(r[1].size, 0x1000);
    ck_assert_uint_eq(r[1].prot, NB_CPU_R);
    ck_assert_uint_eq(r[2].addr, CODE + 0x2000);
    ck_assert_uint_eq(r[2].size, 0x2000);
    ck_assert_uint_eq(r[2].prot, NB_CPU_RWX);
    ck_assert_ptr_eq((uint8_t *)r[1].host + 0x1000, r[2].host);
    /* over the seam, whatever the protection */
    ck_assert_uint_eq(word_at(cpu, CODE + 0x1ffe), 0x04030201);
    ck_assert(nb_cpu_unmap(cpu, CODE + 0x1000, 0x2000, NULL));
    ck_assert_uint_eq(nb_cpu_regions(cpu, r, 2), 3);
    ck_assert_uint_eq(r[1].addr, CODE + 0x3000);
    uint8_t b[8] = { 9, 9, 9, 9, 9, 9, 9, 9 };
    struct nb_error e = { 0 };
    ck_assert(!nb_cpu_mem_write(cpu, CODE + 0xffc, b, 8, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "11000"));
    ck_assert_uint_eq(word_at(cpu, CODE + 0xffc), 0); /* all or nothing */
    ck_assert(!nb_cpu_mem_read(cpu, CODE + 0xffc, b, 8, NULL));
    ck_assert(!nb_cpu_mem_read(cpu, 0xffffffffffffffff, b, 8, NULL));
    ck_assert(nb_cpu_mem_read(cpu, 0x77777777, b, 0, NULL));
    ck_assert(nb_cpu_map(cpu, CODE + 0x1000, 0x2000, NB_CPU_R, NULL));
    ck_assert_uint_eq(word_at(cpu, CODE + 0x1ffe), 0);
    nb_cpu_free(cpu);
}
END_TEST

/* Each access right, asked for by a read, a write, a read-modify-write and a fetch. */
START_TEST(rights)
{
    static const struct {
        uint8_t code[8];
        unsigned need, err;
    } act[] = {
        { { 0xa1, 0, 0, 3, 0, 0xf4 }, NB_CPU_R, 0 },                  /* mov eax, [30000h] */
        { { 0xa3, 0, 0, 3, 0, 0xf4 }, NB_CPU_W, 2 },                  /* mov [30000h], eax */
        { { 0xff, 0x05, 0, 0, 3, 0, 0xf4 }, NB_CPU_R | NB_CPU_W, 2 }, /* inc dword [30000h] */
        { { 0xe9, 0xfb, 0xff, 0x01, 0x00 }, NB_CPU_X, 16 },           /* jmp 30000h */
    };

    for (unsigned prot = 0; prot < 8; prot++)
        for (unsigned k = 0; k < 4; k++)
            for (unsigned user = 0; user < 2; user++) {
                struct nb_cpu_exit x = { 0 };
                struct nb_cpu *cpu = cpu_with(user ? NB_CPU_USER32 : NB_CPU_PROT32, 0);
                bool ok = (prot & act[k].need) == act[k].need;
                put(cpu, CODE, act[k].code, 8);
                ck_assert(nb_cpu_map(cpu, 0x30000, 0x1000, prot, NULL));
                PUT(cpu, 0x30000, 0x90, 0xf4);
                for (unsigned round = 0; round < 2; round++) { /* what is remembered is not wrong */
                    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
                    ck_assert_int_eq(run_for(cpu, 1, &x),
                                     ok || k == 3 ? NB_CPU_COUNT : NB_CPU_FAULT);
                    if (k == 3)
                        ck_assert_int_eq(run_for(cpu, 1, &x), ok ? NB_CPU_COUNT : NB_CPU_FAULT);
                    if (!ok) {
                        unsigned err = act[k].err & ~(k == 2 && (prot & NB_CPU_W) ? 2u : 0);
                        ck_assert_uint_eq(x.vector, 14);
                        ck_assert_uint_eq(x.cr2, 0x30000);
                        ck_assert_uint_eq(x.error, err | (prot ? 1 : 0) | (user ? 4 : 0));
                        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_CR2), 0x30000);
                        ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EIP), k == 3 ? 0x30000 : CODE);
                    }
                }
                /* the other way round */
                ck_assert(nb_cpu_protect(cpu, 0x30000, 0x1000, ok ? 0 : NB_CPU_RWX, NULL));
                nb_cpu_set(cpu, NB_CPU_EIP, k == 3 ? 0x30000 : CODE);
                ck_assert_int_eq(run_for(cpu, 1, &x), ok ? NB_CPU_FAULT : NB_CPU_COUNT);
                ck_assert(nb_cpu_unmap(cpu, 0x30000, 0x1000, NULL));
                nb_cpu_set(cpu, NB_CPU_EIP, k == 3 ? 0x30000 : CODE);
                ck_assert_int_eq(run_for(cpu, 1, &x), NB_CPU_FAULT);
                ck_assert_uint_eq(x.error & 1, 0);
                nb_cpu_free(cpu);
            }
}
END_TEST

START_TEST(accesses_over_the_edge_change_nothing)
{
    struct nb_cpu_exit x = { 0 };
    struct nb_cpu *cpu = cpu32();

    /* mov [DATA+3FFEh], eax: the second page is not there */
    PUT(cpu, CODE, 0xa3, 0xfe, 0x3f, 2, 0);
    nb_cpu_set(cpu, NB_CPU_EAX, 0xaabbccdd);
    ck_assert_int_eq(run_for(cpu, 1, &x), NB_CPU_FAULT);
    ck_assert_uint_eq(x.cr2, DATA + 0x4000);
    ck_assert_uint_eq(word_at(cpu, DATA + 0x3ffc), 0);
    /* an instruction whose last byte is not there */
    PUT(cpu, CODE + 0x3ffc, 0xb8, 1, 2, 3);
    nb_cpu_set(cpu, NB_CPU_EIP, CODE + 0x3ffc);
    ck_assert_int_eq(run_for(cpu, 1, &x), NB_CPU_FAULT);
    ck_assert_uint_eq(x.cr2, CODE + 0x4000);
    ck_assert_uint_eq(x.error, 16);
    ck_assert_uint_eq(x.eip, CODE + 0x3ffc);
    ck_assert(nb_cpu_map(cpu, CODE + 0x4000, 0x1000, NB_CPU_X, NULL));
    PUT(cpu, CODE + 0x4000, 4);
    ck_assert_int_eq(run_for(cpu, 1, &x), NB_CPU_COUNT);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0x04030201);
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(own_buffer)
{
    uint8_t *own = aligned_alloc(4096, 0x2000);
    struct nb_cpu *cpu = cpu32();

    memset(own, 0, 0x2000);
    ck_assert(nb_cpu_map_buffer(cpu, 0x80000000, 0x2000, NB_CPU_RWX, own, NULL));
    PUT(cpu, 0x80000000, 0xfe, 0x05, 0xff, 0x0f, 0, 0x80, 0xeb,
        0xf8); /* inc byte [80000fffh]; jmp $-6 */
    nb_cpu_set(cpu, NB_CPU_EIP, 0x80000000);
    ck_assert_int_eq(run_for(cpu, 20, NULL), NB_CPU_COUNT);
    ck_assert_uint_eq(own[0xfff], 10);
    /* code changed behind the CPU's back is seen when it is told */
    own[1] = 0x0d; /* dec */
    ck_assert(nb_cpu_mem_changed(cpu, 0x80000001, 1, NULL));
    ck_assert_int_eq(run_for(cpu, 20, NULL), NB_CPU_COUNT);
    ck_assert_uint_eq(own[0xfff], 0);
    ck_assert(!nb_cpu_mem_changed(cpu, 0x80001fff, 2, NULL));
    ck_assert(nb_cpu_unmap(cpu, 0x80000000, 0x1000, NULL));
    ck_assert(nb_cpu_unmap(cpu, 0x80001000, 0x1000, NULL));
    free(own);
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(code_is_coherent)
{
    struct nb_cpu *cpu = cpu32();

    PUT(cpu, CODE, 0x40, 0x40, 0x40, 0xeb, 0xfb); /* 3 x inc eax; jmp */
    ck_assert_int_eq(run_for(cpu, 40, NULL), NB_CPU_COUNT);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 30);
    PUT(cpu, CODE + 1, 0x48); /* dec eax */
    nb_cpu_set(cpu, NB_CPU_EAX, 0);
    ck_assert_int_eq(run_for(cpu, 40, NULL), NB_CPU_COUNT);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 10);
    /* other memory at the place of code that has run */
    ck_assert(nb_cpu_unmap(cpu, CODE, 0x1000, NULL));
    ck_assert(nb_cpu_map(cpu, CODE, 0x1000, NB_CPU_RWX, NULL));
    PUT(cpu, CODE, 0x43, 0x43, 0x43, 0xeb, 0xfb); /* inc ebx */
    nb_cpu_set(cpu, NB_CPU_EAX, 0);
    ck_assert_int_eq(run_for(cpu, 40, NULL), NB_CPU_COUNT);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EBX), 30);
    /* a program that changes the instruction behind the one that writes */
    nb_cpu_set(cpu, NB_CPU_EIP, CODE + 0x100);
    PUT(cpu, CODE + 0x100, 0xc6, 0x05, 7, 1, 1, 0, 0x41, 0x90,
        0xf4); /* mov byte [10107h], inc ecx; nop */
    ck_assert_int_eq(run_for(cpu, 9, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_ECX), 1);
    nb_cpu_free(cpu);
}
END_TEST

static uint32_t io_get(void *user, uint32_t off, unsigned size)
{
    uint32_t *log = user;

    log[0] = off;
    log[1] = size;
    return 0xcafe0000 + off;
}
static void io_put(void *user, uint32_t off, uint32_t v, unsigned size)
{
    uint32_t *log = user;

    log[2] = off;
    log[3] = v;
    log[4] = size;
}

START_TEST(functions)
{
    struct nb_cpu_exit x = { 0 };
    uint32_t log[5] = { 0 };
    struct nb_cpu *cpu = cpu32();

    ck_assert(nb_cpu_map_io(cpu, 0x30000, 0x3000, io_get, io_put, log, NULL));
    PUT(cpu, CODE, 0xa1, 8, 0x10, 3, 0, 0xa2, 5, 0x20, 3,
        0); /* mov eax,[31008h]; mov [32005h], al */
    ck_assert_int_eq(run_for(cpu, 2, &x), NB_CPU_COUNT);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0xcafe1008);
    ck_assert_uint_eq(log[0], 0x1008);
    ck_assert_uint_eq(log[1], 4);
    ck_assert_uint_eq(log[2], 0x2005);
    ck_assert_uint_eq(log[3] & 0xff, 8);
    ck_assert_uint_eq(log[4], 1);
    ck_assert(!nb_cpu_mem_read(cpu, 0x30000, log, 1, NULL));
    ck_assert(!nb_cpu_mem_write(cpu, 0x30000, log, 1, NULL));
    /* offsets are those of the first mapping; nothing is executed there */
    ck_assert(nb_cpu_unmap(cpu, 0x30000, 0x1000, NULL));
    nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    ck_assert_int_eq(run_for(cpu, 1, &x), NB_CPU_COUNT);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0xcafe1008);
    ck_assert(nb_cpu_protect(cpu, 0x31000, 0x2000, NB_CPU_RWX, NULL));
    nb_cpu_set(cpu, NB_CPU_EIP, 0x31000);
    ck_assert_int_eq(run_for(cpu, 1, &x), NB_CPU_FAULT);
    ck_assert_uint_eq(x.error, 17);
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(big_and_small)
{
    struct nb_cpu *cpu = nb_cpu_new(
        &(struct nb_cpu_options){ sizeof(struct nb_cpu_options), NB_CPU_PROT32, 0, NULL }, NULL);
    struct nb_cpu_region r;

    ck_assert(nb_cpu_map(cpu, 0, 0x100000000, NB_CPU_RWX, NULL));
    ck_assert_uint_eq(nb_cpu_regions(cpu, &r, 1), 1);
    ck_assert_uint_eq(r.size, 0x100000000);
    PUT(cpu, 0xffffffff, 0x40); /* inc eax; EIP wraps */
    PUT(cpu, 0, 0x43, 0xf4);
    nb_cpu_set(cpu, NB_CPU_EIP, 0xffffffff);
    ck_assert_int_eq(run_for(cpu, 9, NULL), NB_CPU_HALTED);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 1);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EBX), 1);
    ck_assert(nb_cpu_unmap(cpu, 0x1000, 0xfffff000, NULL));
    ck_assert_uint_eq(nb_cpu_regions(cpu, &r, 1), 1);
    ck_assert_uint_eq(r.size, 0x1000);
    nb_cpu_free(cpu);
}
END_TEST

/* ---- registers */

START_TEST(every_register)
{
    struct nb_cpu *cpu = cpu32();
    struct nb_error e = { 0 };
    unsigned count[17] = { 0 };

    for (unsigned r = 0; r < 200; r++) {
        uint8_t v[16], back[16], old[16];
        size_t n = nb_cpu_reg_size(r);
        ck_assert_uint_le(n, 16);
        count[n]++;
        if (!n) {
            ck_assert(!nb_cpu_reg_get(cpu, r, v, 4, &e));
            ck_assert(!nb_cpu_reg_set(cpu, r, v, 4, NULL));
            ck_assert_uint_eq(nb_cpu_get(cpu, r), 0);
            nb_cpu_set(cpu, r, 1);
            continue;
        }
        ck_assert(!nb_cpu_reg_get(cpu, r, v, n - 1, &e));
        ck_assert(!nb_cpu_reg_set(cpu, r, v, n + 1, &e));
        if (n == 4 && r > NB_CPU_EDI) /* most of them don't take every value: tests below */
            continue;
        ck_assert(nb_cpu_reg_get(cpu, r, old, n, NULL));
        for (unsigned k = 0; k < 16; k++)
            v[k] = (uint8_t)(0x11 * k + r);
        ck_assert(nb_cpu_reg_set(cpu, r, v, n, NULL));
        ck_assert(nb_cpu_reg_get(cpu, r, back, n, NULL));
        ck_assert_mem_eq(v, back, n);
        ck_assert(nb_cpu_reg_set(cpu, r, old, n, NULL));
    }
    ck_assert_uint_eq(count[4], 8 + 2 + 32 + 25);
    ck_assert_uint_eq(count[8], 8);
    ck_assert_uint_eq(count[10], 8);
    ck_assert_uint_eq(count[16], 8);
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(system_registers)
{
    static const struct {
        unsigned reg;
        uint32_t set, get;
    } t[] = {
        { NB_CPU_EIP, 0xdeadbeef, 0xdeadbeef },
        { NB_CPU_EFLAGS, 0x8d5, 0x8d7 },
        { NB_CPU_FS, 0x33, 0x33 },
        { NB_CPU_FS_BASE, 0x7ffd0000, 0x7ffd0000 },
        { NB_CPU_GS_LIMIT, 0xfff, 0xfff },
        { NB_CPU_GS_ATTR, 0x40f3, 0x40f3 },
        { NB_CPU_TR, 0x28, 0x28 },
        { NB_CPU_TR_BASE, 0x5000, 0x5000 },
        { NB_CPU_LDTR_LIMIT, 0x7f, 0x7f },
        { NB_CPU_GDTR_BASE, 0x6000, 0x6000 },
        { NB_CPU_GDTR_LIMIT, 0x17, 0x17 },
        { NB_CPU_IDTR_BASE, 0x7000, 0x7000 },
        { NB_CPU_IDTR_LIMIT, 0x7ff, 0x7ff },
        { NB_CPU_CR2, 0x1234, 0x1234 },
        { NB_CPU_CR3, 0x9000, 0x9000 },
        { NB_CPU_CR4, 0x10, 0x10 },
        { NB_CPU_DR0, 1, 1 },
        { NB_CPU_DR3, 0xffffffff, 0xffffffff },
        { NB_CPU_DR7, 0x1, 0x401 },
        { NB_CPU_FSW, 0x3800, 0x3800 },
        { NB_CPU_FTW, 0xffff, 0xffff },
        { NB_CPU_FOP, 0x7ff, 0x7ff },
        { NB_CPU_FIP, 5, 5 },
        { NB_CPU_FCS, 6, 6 },
        { NB_CPU_FDP, 7, 7 },
        { NB_CPU_FDS, 8, 8 },
        { NB_CPU_MXCSR, 0x1fbf, 0x1fbf },
        { NB_CPU_CPL, 3, 3 },
    };
    struct nb_cpu *cpu = cpu32();
    struct nb_error e = { 0 };
    uint32_t v;

    for (unsigned k = 0; k < sizeof t / sizeof *t; k++) {
        nb_cpu_set(cpu, t[k].reg, t[k].set);
        ck_assert_msg(nb_cpu_get(cpu, t[k].reg) == t[k].get, "register %u is %08x", t[k].reg,
                      nb_cpu_get(cpu, t[k].reg));
    }
    /* what no processor takes */
    ck_assert(nb_cpu_reset(cpu, NULL));
    v = 0x80000010; /* PG without PE */
    ck_assert(!nb_cpu_reg_set(cpu, NB_CPU_CR0, &v, 4, &e));
    ck_assert_ptr_nonnull(strstr(e.text, "80000010"));
    v = 0x20000033; /* NW without CD */
    ck_assert(!nb_cpu_reg_set(cpu, NB_CPU_CR0, &v, 4, &e));
    v = 0x80000000;
    ck_assert(!nb_cpu_reg_set(cpu, NB_CPU_CR4, &v, 4, &e));
    v = 1;
    ck_assert(!nb_cpu_reg_set(cpu, NB_CPU_EFER, &v, 4, &e));
    v = 0x10000;
    ck_assert(!nb_cpu_reg_set(cpu, NB_CPU_MXCSR, &v, 4, &e));
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_CR0), 0x33);
    /* PAE: the four directory pointers are loaded, and checked */
    PUT(cpu, DATA, 0xff, 1, 0, 0);
    nb_cpu_set(cpu, NB_CPU_CR3, DATA);
    nb_cpu_set(cpu, NB_CPU_CR4, 0x20);
    v = 0x80000033;
    ck_assert(!nb_cpu_reg_set(cpu, NB_CPU_CR0, &v, 4, &e));
    PUT(cpu, DATA, 1, 0x10, 2, 0); /* directory at DATA + 1000h: 2 MB page of 0 */
    PUT(cpu, DATA + 0x1000, 0x83);
    ck_assert(nb_cpu_reg_set(cpu, NB_CPU_CR0, &v, 4, &e));
    uint64_t pa;
    ck_assert(nb_cpu_translate(cpu, 0x12345, &pa));
    ck_assert_uint_eq(pa, 0x12345);
    ck_assert(!nb_cpu_translate(cpu, 0x200000, &pa));
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(batches_and_msrs)
{
    struct nb_cpu_value v[4] = { { .reg = NB_CPU_EAX, .v.u32 = 1 },
                                 { .reg = NB_CPU_MM0 + 3, .v.u64 = 2 },
                                 { .reg = NB_CPU_XMM0 + 7, .v.bytes = { [15] = 3 } },
                                 { .reg = 4711 } };
    struct nb_cpu *cpu = cpu32();
    struct nb_error e = { 0 };
    uint64_t msr;

    ck_assert(!nb_cpu_regs_set(cpu, v, 4, &e));
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_EAX), 0); /* the bad one was found first */
    ck_assert(nb_cpu_regs_set(cpu, v, 3, &e));
    memset(&v[0].v, 0xff, sizeof v[0].v);
    memset(&v[1].v, 0xff, sizeof v[1].v);
    memset(&v[2].v, 0xff, sizeof v[2].v);
    ck_assert(!nb_cpu_regs_get(cpu, v, 4, &e));
    ck_assert(nb_cpu_regs_get(cpu, v, 3, &e));
    ck_assert_uint_eq(v[0].v.u64, 1);
    ck_assert_uint_eq(v[1].v.u64, 2);
    ck_assert_uint_eq(v[2].v.bytes[15], 3);
    ck_assert_uint_eq(v[2].v.bytes[0], 0);
    ck_assert(nb_cpu_regs_get(cpu, NULL, 0, NULL));
    uint8_t st[10];
    ck_assert(
        nb_cpu_reg_get(cpu, NB_CPU_ST0 + 3, st, 10, NULL)); /* MMX registers lie in ST's (TOP 0) */
    ck_assert_uint_eq(st[0], 2);
    ck_assert_uint_eq(st[9], 0xff);

    ck_assert(nb_cpu_msr_set(cpu, 0x174, 8, &e)); /* SYSENTER_CS */
    ck_assert(nb_cpu_msr_get(cpu, 0x174, &msr, &e));
    ck_assert_uint_eq(msr, 8);
    ck_assert(!nb_cpu_msr_set(cpu, 0x277, 0x0202020202020202, &e)); /* PAT: no such type */
    ck_assert_ptr_nonnull(strstr(e.text, "277"));
    nb_cpu_free(cpu);
}
END_TEST

START_TEST(segments_from_a_table)
{
    struct nb_cpu *cpu = cpu32();
    struct nb_error e = { 0 };

    ck_assert(!nb_cpu_load_segment(cpu, NB_CPU_DS, 8, &e)); /* no GDT */
    ck_assert_ptr_nonnull(strstr(e.text, "13"));
    PUT(cpu, DATA + 8, 0xff, 0x0f, 0, 0x50, 0x34, 0x92, 0x40, 0x12); /* base 12345000h limit fffh */
    nb_cpu_set(cpu, NB_CPU_GDTR_BASE, DATA);
    nb_cpu_set(cpu, NB_CPU_GDTR_LIMIT, 15);
    ck_assert(nb_cpu_load_segment(cpu, NB_CPU_FS, 8, &e));
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_FS), 8);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_FS_BASE), 0x12345000);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_FS_LIMIT), 0xfff);
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_FS_ATTR), 0x4093); /* and accessed */
    ck_assert(!nb_cpu_load_segment(cpu, NB_CPU_FS, 0x10, &e));
    ck_assert_uint_eq(nb_cpu_get(cpu, NB_CPU_FS), 8);
    ck_assert(!nb_cpu_load_segment(cpu, NB_CPU_CS, 8, &e));
    ck_assert(!nb_cpu_load_segment(cpu, NB_CPU_EAX, 8, &e));
    nb_cpu_free(cpu);
}
END_TEST

Suite *suite_cpu_api(void);
Suite *suite_cpu_api(void)
{
    Suite *s = suite_create("cpu_api");
    TCase *t = tcase_create("cpu_api");

    tcase_set_timeout(t, 60);
    tcase_add_test(t, options_are_checked);
    tcase_add_loop_test(t, modes, 0, 4);
    tcase_add_loop_test(t, code_runs_in_each_mode, 0, 4);
    tcase_add_test(t, bad_mappings);
    tcase_add_test(t, splits);
    tcase_add_test(t, rights);
    tcase_add_test(t, accesses_over_the_edge_change_nothing);
    tcase_add_test(t, own_buffer);
    tcase_add_test(t, code_is_coherent);
    tcase_add_test(t, functions);
    tcase_add_test(t, big_and_small);
    tcase_add_test(t, every_register);
    tcase_add_test(t, system_registers);
    tcase_add_test(t, batches_and_msrs);
    tcase_add_test(t, segments_from_a_table);
    suite_add_tcase(s, t);
    return s;
}
