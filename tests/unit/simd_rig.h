/* SPDX-License-Identifier: MIT */
/* A CPU with every feature and the runner of single instructions, for the tests of MMX, SSE and MONITOR.
 * One including file each. */
#ifndef NB_TESTS_SIMD_RIG_H
#define NB_TESTS_SIMD_RIG_H

#include "cpu/simd.h"
#include "tests/unit/cpu_rig.h"

enum { AT = 0x30000 };

static struct rig *r;

static void all_features(struct cpu *c, u32 features)
{
    isa_free(c->isa);
    c->isa_features = features;
    c->isa = isa_new(features);
    c->cpuid_edx = 0xffffffffu; /* CR4's bits */
    code_flush(c);
}

static void set_up(void)
{
    r = rig_prot();
    all_features(r->c, 0xffffffffu);
    cpu_catch_faults(r->c, true);
}

static void tear_down(void)
{
    rig_free(r);
}

/* Runs one instruction: the vector it faults with, or -1. */
static int run(const u8 *code, unsigned n)
{
    poke(r, CODE_AT, code, n);
    cpu_set(r->c, CPU_EIP, CODE_AT);
    if (cpu_step(r->c) == CPU_BREAK)
        return cpu_last_fault(r->c).vector;
    ck_assert_uint_eq(cpu_get(r->c, CPU_EIP), CODE_AT + n);
    return -1;
}

#endif
