/* SPDX-License-Identifier: MIT */
/*
 * Class calls: where the next instruction is, the processor learns late. fib returns to two places
 * in turn, icall calls through a table in random order, interp is a byte-code interpreter whose
 * switch jumps through one table.
 */
#include "bench.h"

#define NOINLINE __attribute__((noinline))

/* ---- fib ---- */
/* Not inlined into itself: gcc would unroll the recursion into something else. */
static __attribute__((noinline, noclone, optimize("no-optimize-sibling-calls,no-inline"))) uint32_t
fib(uint32_t n)
{
    return n < 2 ? n : fib(n - 1) + fib(n - 2);
}

static uint32_t fib_run(void) { return fib(26); }

/* ---- icall ---- */
typedef uint32_t step_fn(uint32_t);

#define STEP(n, expression) \
    static NOINLINE uint32_t step_##n(uint32_t v) { return expression; }
STEP(0, v + 0x9e3779b9)
STEP(1, v ^ v >> 7)
STEP(2, v * 5 + 1)
STEP(3, v << 3 | v >> 29)
STEP(4, ~v)
STEP(5, v - (v >> 3))
STEP(6, v ^ 0x55aa55aa)
STEP(7, v + (v << 4))
STEP(8, (v & 1) ? v >> 1 : v * 3 + 1)
STEP(9, v ^ v << 9)
STEP(10, v * 0x01000193)
STEP(11, v - 12345)
STEP(12, v >> 5 | v << 27)
STEP(13, v + (v >> 11))
STEP(14, (v ^ 0xff) * 9)
STEP(15, v | 0x10101)
#undef STEP

static step_fn *const steps[16] = {
    step_0, step_1, step_2,  step_3,  step_4,  step_5,  step_6,  step_7,
    step_8, step_9, step_10, step_11, step_12, step_13, step_14, step_15,
};

static uint32_t icall_run(void)
{
    uint32_t v = 1, seed = 2463534242u;

    for (int i = 0; i < 150000; i++)
        v = steps[random_next(&seed) >> 28](v) + (uint32_t)i;
    return v;
}

/* ---- interp: a stack machine that counts primes by trial division ---- */
enum op { PUSH, LOAD, STORE, ADD, MUL, MOD, LESS, DUP, JUMP, JUMP_ZERO, INC, HALT };

/* Variables: 0 the number, 1 the divisor, 2 the count. */
/* clang-format off */
static const int16_t machine_code[] = {
    /* 0 */ PUSH, 2, STORE, 0,
    /* 4: up to 1200 */ LOAD, 0, PUSH, 1200, LESS, JUMP_ZERO, 43,
    /* 11 */ PUSH, 2, STORE, 1,
    /* 15: number < divisor squared? */ LOAD, 0, LOAD, 1, DUP, MUL, LESS, JUMP_ZERO, 28,
    /* 24: a prime */ INC, 2, JUMP, 39,
    /* 28: divides it? */ LOAD, 0, LOAD, 1, MOD, JUMP_ZERO, 39,
    /* 35 */ INC, 1, JUMP, 15,
    /* 39 */ INC, 0, JUMP, 4,
    /* 43 */ HALT,
};
/* clang-format on */

static NOINLINE uint32_t machine_run(const int16_t *code)
{
    int32_t stack[16], variables[4] = { 0 };
    int32_t *top = stack;
    const int16_t *p = code;
    uint32_t steps_done = 0;

    for (;; steps_done++) {
        switch ((enum op) * p++) {
        case PUSH: *++top = *p++; break;
        case LOAD: *++top = variables[*p++]; break;
        case STORE: variables[*p++] = *top--; break;
        case ADD:
            top--;
            top[0] += top[1];
            break;
        case MUL:
            top--;
            top[0] *= top[1];
            break;
        case MOD:
            top--;
            top[0] %= top[1];
            break;
        case LESS:
            top--;
            top[0] = top[0] < top[1];
            break;
        case DUP:
            top[1] = top[0];
            top++;
            break;
        case JUMP: p = code + *p; break;
        case JUMP_ZERO: p = *top-- ? p + 1 : code + *p; break;
        case INC: variables[*p++]++; break;
        case HALT: return sum_add(steps_done, (uint32_t)variables[2]);
        }
    }
}

static uint32_t interp_run(void) { return machine_run(machine_code); }

const struct program call_programs[] = {
    { "fib", "calls", 26, 0, NULL, fib_run },
    { "icall", "calls", 40, 0, NULL, icall_run },
    { "interp", "calls", 130, 0, NULL, interp_run },
    { 0 },
};
