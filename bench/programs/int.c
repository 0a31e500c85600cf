/* SPDX-License-Identifier: MIT */
/*
 * Class int: small loops over integers. sort and sieve live from memory and branches, crc from
 * table look-ups, mul64 from wide multiplications and adc from the carry flag.
 */
#include "bench.h"

#include <string.h>

/* ---- sort: quicksort of 32-bit numbers, insertion sort for short runs ---- */
#define SORT_COUNT 60000

static int32_t sort_input[SORT_COUNT], sort_data[SORT_COUNT];

static void sort_set_up(void)
{
    uint32_t seed = 2463534242u;

    for (int i = 0; i < SORT_COUNT; i++)
        sort_input[i] = (int32_t)random_next(&seed);
}

static void sort_range(int32_t *a, int lo, int hi)
{
    while (hi - lo > 12) {
        int32_t pivot = a[lo + (hi - lo) / 2];
        int i = lo, j = hi;

        while (i <= j) {
            while (a[i] < pivot)
                i++;
            while (a[j] > pivot)
                j--;
            if (i <= j) {
                int32_t t = a[i];

                a[i++] = a[j];
                a[j--] = t;
            }
        }
        /* The shorter side by recursion: the stack stays shallow. */
        if (j - lo < hi - i) {
            sort_range(a, lo, j);
            lo = i;
        } else {
            sort_range(a, i, hi);
            hi = j;
        }
    }
    for (int i = lo + 1; i <= hi; i++) {
        int32_t v = a[i];
        int j = i - 1;

        for (; j >= lo && a[j] > v; j--)
            a[j + 1] = a[j];
        a[j + 1] = v;
    }
}

static uint32_t sort_run(void)
{
    uint32_t sum = 0;

    for (int i = 0; i < SORT_COUNT; i++)
        sort_data[i] = sort_input[i];
    sort_range(sort_data, 0, SORT_COUNT - 1);
    for (int i = 0; i < SORT_COUNT; i++)
        sum = sum_add(sum, (uint32_t)sort_data[i]);
    return sum;
}

/* ---- sieve: primes below a million, a byte each ---- */
#define SIEVE_SIZE 1000000

static unsigned char sieve_flags[SIEVE_SIZE];

static uint32_t sieve_run(void)
{
    uint32_t count = 0, last = 0;

    for (int i = 0; i < SIEVE_SIZE; i++)
        sieve_flags[i] = 1;
    for (unsigned i = 2; i < SIEVE_SIZE; i++) {
        if (!sieve_flags[i])
            continue;
        count++;
        last = i;
        if (i < 1000) {
            for (unsigned k = i * i; k < SIEVE_SIZE; k += i)
                sieve_flags[k] = 0;
        }
    }
    return sum_add(count, last);
}

/* ---- crc: CRC-32 (IEEE 802.3), a byte at a time through a table ---- */
#define CRC_BYTES 400000

static uint32_t crc_table[256];
static unsigned char crc_data[CRC_BYTES];

static void crc_set_up(void)
{
    uint32_t seed = 88172645u;

    for (uint32_t n = 0; n < 256; n++) {
        uint32_t c = n;

        for (int k = 0; k < 8; k++)
            c = c & 1 ? c >> 1 ^ 0xedb88320u : c >> 1;
        crc_table[n] = c;
    }
    for (int i = 0; i < CRC_BYTES; i++)
        crc_data[i] = (unsigned char)random_next(&seed);
}

static uint32_t crc_run(void)
{
    uint32_t crc = 0xffffffffu;

    for (int i = 0; i < CRC_BYTES; i++)
        crc = crc_table[(crc ^ crc_data[i]) & 0xff] ^ crc >> 8;
    return ~crc;
}

/* ---- mul64: modular powers with 64-bit products, and a 64-bit generator ---- */
static uint32_t power_mod(uint32_t base, uint32_t exponent, uint32_t modulus)
{
    uint64_t result = 1, b = base % modulus;

    for (; exponent; exponent >>= 1) {
        if (exponent & 1)
            result = (uint32_t)result * (uint64_t)(uint32_t)b % modulus;
        b = (uint32_t)b * (uint64_t)(uint32_t)b % modulus;
    }
    return (uint32_t)result;
}

static uint32_t mul64_run(void)
{
    uint64_t x = 0x9e3779b97f4a7c15u;
    uint32_t sum = 0;

    for (int i = 0; i < 60000; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        x ^= x >> 29;
        sum += (uint32_t)(x >> 32);
    }
    for (uint32_t i = 0; i < 300; i++)
        sum = sum_add(sum, power_mod(i * 7919 + 3, 0x5a5a5a5au - i, 1000000007u));
    return sum;
}

/* ---- adc: Fibonacci numbers of 4096 bits, added with carry ---- */
#define LIMBS 128

static uint32_t big_a[LIMBS], big_b[LIMBS];

/* a += b. Written out, since compilers save the carry between limbs in their own ways. */
static uint32_t big_add(uint32_t *a, const uint32_t *b)
{
    uint32_t index = 0, count = LIMBS, t, carry;

    /* INC and DEC leave CF alone: that is what this loop is about. */
    __asm__ volatile("clc\n"
                     "1:\n\t"
                     "movl (%[b],%[i],4), %[t]\n\t"
                     "adcl %[t], (%[a],%[i],4)\n\t"
                     "incl %[i]\n\t"
                     "decl %[n]\n\t"
                     "jnz 1b\n\t"
                     "sbbl %[c], %[c]"
                     : [i] "+&r"(index), [n] "+&r"(count), [t] "=&r"(t), [c] "=&a"(carry)
                     : [a] "r"(a), [b] "r"(b)
                     : "memory", "cc");
    return carry;
}

static uint32_t adc_run(void)
{
    uint32_t sum = 0;

    memset(big_a, 0, sizeof(big_a));
    memset(big_b, 0, sizeof(big_b));
    big_a[0] = big_b[0] = 1;
    for (int i = 0; i < 1500; i++) {
        sum += big_add(big_a, big_b);
        sum += big_add(big_b, big_a);
    }
    for (int i = 0; i < LIMBS; i++)
        sum = sum_add(sum, big_b[i]);
    return sum;
}

const struct program int_programs[] = {
    { "sort", "int", 20, 0, sort_set_up, sort_run }, { "sieve", "int", 22, 0, NULL, sieve_run },
    { "crc", "int", 100, 0, crc_set_up, crc_run },   { "mul64", "int", 150, 0, NULL, mul64_run },
    { "adc", "int", 45, 0, NULL, adc_run },          { 0 },
};
