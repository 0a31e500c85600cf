/* SPDX-License-Identifier: MIT */
/* What the tests of nestbox.h's CPU without a machine share. */
#ifndef NB_TESTS_UNIT_CPU_API_RIG_H
#define NB_TESTS_UNIT_CPU_API_RIG_H

#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "include/nestbox.h"

#define CODE 0x10000u
#define DATA 0x20000u
#define PUT(cpu, addr, ...) \
    put(cpu, addr, (const uint8_t[]){ __VA_ARGS__ }, sizeof((const uint8_t[]){ __VA_ARGS__ }))

static inline void put(struct nb_cpu *cpu, uint64_t addr, const uint8_t *bytes, size_t n)
{
    struct nb_error e = { 0 };

    ck_assert_msg(nb_cpu_mem_write(cpu, addr, bytes, n, &e), "%s", e.text);
}

static inline struct nb_cpu *cpu_with(uint32_t mode, uint32_t faults)
{
    struct nb_cpu_options o = { .size = sizeof o, .mode = mode, .faults = faults };
    struct nb_error e = { 0 };
    struct nb_cpu *cpu = nb_cpu_new(&o, &e);

    ck_assert_msg(cpu != NULL, "%s", e.text);
    ck_assert(nb_cpu_map(cpu, CODE, 0x4000, NB_CPU_RWX, NULL));
    ck_assert(nb_cpu_map(cpu, DATA, 0x4000, NB_CPU_R | NB_CPU_W, NULL));
    if (mode != NB_CPU_REAL)
        nb_cpu_set(cpu, NB_CPU_EIP, CODE);
    nb_cpu_set(cpu, NB_CPU_ESP, DATA + 0x4000);
    return cpu;
}

static inline struct nb_cpu *cpu32(void) { return cpu_with(NB_CPU_PROT32, NB_CPU_FAULTS_RETURN); }

static inline uint32_t word_at(struct nb_cpu *cpu, uint64_t addr)
{
    uint32_t v = 0;

    ck_assert(nb_cpu_mem_read(cpu, addr, &v, sizeof v, NULL));
    return v;
}

static inline enum nb_cpu_reason run_for(struct nb_cpu *cpu, uint64_t n, struct nb_cpu_exit *x)
{
    struct nb_cpu_limits lim = { .size = sizeof lim, .max_insns = n };

    if (x)
        x->size = sizeof *x;
    return nb_cpu_run(cpu, &lim, x);
}

static inline enum nb_cpu_reason run_to(struct nb_cpu *cpu, uint32_t addr, struct nb_cpu_exit *x)
{
    struct nb_cpu_limits lim = {
        .size = sizeof lim, .has_until = 1, .until = addr, .max_insns = 1000000
    };

    if (x)
        x->size = sizeof *x;
    return nb_cpu_run(cpu, &lim, x);
}

#endif
