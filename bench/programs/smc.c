/* SPDX-License-Identifier: MIT */
/*
 * Class smc: code that was just written. smc3 writes functions and calls each three times, smc300
 * three hundred times; smcdata changes a word in the page of the running loop; smcpatch is a loop
 * that writes into its own instructions, as DOS programs do.
 */
#include "bench.h"

#include <string.h>
#include <sys/mman.h>

typedef uint32_t code_fn(uint32_t) __attribute__((cdecl));

#define CODE_BYTES 65536

static unsigned char *code;

static void code_set_up(void)
{
    code = mmap(NULL, CODE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS,
                -1, 0);
    if (code == MAP_FAILED)
        die("smc: no executable memory");
}

static unsigned char *put8(unsigned char *p, unsigned v)
{
    *p = (unsigned char)v;
    return p + 1;
}

static unsigned char *put32(unsigned char *p, uint32_t v)
{
    memcpy(p, &v, 4);
    return p + 4;
}

/* Eight instructions on the argument. */
static void write_function(unsigned char *p, uint32_t n)
{
    p = put32(p, 0x0424448b);                  /* mov eax, [esp+4] */
    p = put32(put8(p, 0x05), n * 2654435761u); /* add eax, imm32 */
    p = put8(put8(p, 0x89), 0xc2);             /* mov edx, eax */
    p = put8(put8(put8(p, 0xc1), 0xea), 7);    /* shr edx, 7 */
    p = put8(put8(p, 0x31), 0xd0);             /* xor eax, edx */
    p = put32(put8(p, 0x35), n);               /* xor eax, imm32 */
    p = put8(put8(put8(p, 0xc1), 0xc0), 5);    /* rol eax, 5 */
    put8(p, 0xc3);                             /* ret */
}

static uint32_t write_and_call(unsigned functions, unsigned calls)
{
    uint32_t v = 1;

    for (unsigned n = 0; n < functions; n++) {
        unsigned char *at = code + n * 32 % CODE_BYTES;
        code_fn *fn = (code_fn *)(void *)at;

        write_function(at, n);
        __asm__ volatile("" : : : "memory");
        for (unsigned i = 0; i < calls; i++)
            v = fn(v);
    }
    return v;
}

static uint32_t smc3_run(void) { return write_and_call(2000, 3); }

static uint32_t smc300_run(void) { return write_and_call(300, 300); }

/* mov ecx, n / L: inc dword [word] / dec ecx / jnz L / mov eax, [word] / ret, the word 1 KB away */
static uint32_t smcdata_run(void)
{
    unsigned char *p = code, *loop;
    uint32_t word = (uint32_t)(uintptr_t)code + 1024;

    put32(code + 1024, 0);
    p = put32(put8(p, 0xb9), 40000);
    loop = p;
    p = put32(put8(put8(p, 0xff), 0x05), word);
    p = put8(p, 0x49);
    p = put8(put8(p, 0x75), (unsigned)(loop - (p + 2)) & 0xff);
    p = put32(put8(p, 0xa1), word);
    put8(p, 0xc3);
    __asm__ volatile("" : : : "memory");
    return ((code_fn *)(void *)code)(0);
}

/* xor eax, eax / mov ecx, n / L: add eax, imm / add dword [that imm], 3 / dec ecx / jnz L / ret */
static uint32_t smcpatch_run(void)
{
    unsigned char *p = code, *loop;

    p = put8(put8(p, 0x31), 0xc0);
    p = put32(put8(p, 0xb9), 5000);
    loop = p;
    p = put32(put8(p, 0x05), 1);
    p = put32(put8(put8(p, 0x83), 0x05), (uint32_t)(uintptr_t)loop + 1);
    p = put8(p, 3);
    p = put8(p, 0x49);
    p = put8(put8(p, 0x75), (unsigned)(loop - (p + 2)) & 0xff);
    put8(p, 0xc3);
    __asm__ volatile("" : : : "memory");
    return ((code_fn *)(void *)code)(0);
}

const struct program smc_programs[] = {
    { "smc3", "smc", 3, 0, code_set_up, smc3_run },
    { "smc300", "smc", 12, 0, code_set_up, smc300_run },
    { "smcdata", "smc", 30, 0, code_set_up, smcdata_run },
    { "smcpatch", "smc", 5, 0, code_set_up, smcpatch_run },
    { 0 },
};
