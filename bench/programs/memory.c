/* SPDX-License-Identifier: MIT */
/*
 * Class memory: what a load costs. stream runs through arrays, chase follows pointers that no
 * prefetcher guesses, unalign crosses 4, 64 and 4096-byte boundaries, randrw changes words all over
 * 8 MB, which is more than the TLBs of emulators hold.
 */
#include "bench.h"

/* ---- stream: a[i] = b[i] + k * c[i] ---- */
#define STREAM_WORDS 200000

static uint32_t *stream_a, *stream_b, *stream_c;

static void stream_set_up(void)
{
    stream_a = get_memory(STREAM_WORDS * 4);
    stream_b = get_memory(STREAM_WORDS * 4);
    stream_c = get_memory(STREAM_WORDS * 4);
    for (uint32_t i = 0; i < STREAM_WORDS; i++) {
        stream_b[i] = i * 3;
        stream_c[i] = i ^ 0x5555;
    }
}

static uint32_t stream_run(void)
{
    uint32_t sum = 0;

    for (uint32_t k = 1; k <= 4; k++) {
        for (uint32_t i = 0; i < STREAM_WORDS; i++)
            stream_a[i] = stream_b[i] + k * stream_c[i];
        for (uint32_t i = 0; i < STREAM_WORDS; i++)
            sum += stream_a[i];
    }
    return sum;
}

/* ---- chase ---- */
#define CHASE_LINKS (1u << 16) /* 64 bytes apart: 4 MB */

static uint32_t (*chase_links)[16];

static void chase_set_up(void)
{
    uint32_t seed = 123456789u;

    chase_links = get_memory(CHASE_LINKS * 64);
    for (uint32_t i = 0; i < CHASE_LINKS; i++)
        chase_links[i][0] = i;
    /* One cycle through all of them (Sattolo). */
    for (uint32_t i = CHASE_LINKS - 1; i > 0; i--) {
        uint32_t j = random_next(&seed) % i, t = chase_links[i][0];

        chase_links[i][0] = chase_links[j][0];
        chase_links[j][0] = t;
    }
}

static uint32_t chase_run(void)
{
    uint32_t at = 0, sum = 0;

    for (uint32_t i = 0; i < CHASE_LINKS * 2; i++) {
        at = chase_links[at][0];
        sum += at ^ i;
    }
    return sum;
}

/* ---- unalign ---- */
#define UNALIGN_BYTES (64u << 10)

static unsigned char *unalign_data;

static void unalign_set_up(void) { unalign_data = get_memory(UNALIGN_BYTES + 8); }

static uint32_t load(const unsigned char *p)
{
    uint32_t v;

    __asm__ volatile("movl %1, %0" : "=r"(v) : "m"(*(const uint32_t *)(const void *)p) : "memory");
    return v;
}

static void store(unsigned char *p, uint32_t v)
{
    __asm__ volatile("movl %1, %0" : "=m"(*(uint32_t *)(void *)p) : "r"(v) : "memory");
}

static uint32_t unalign_run(void)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < UNALIGN_BYTES + 8; i++)
        unalign_data[i] = (unsigned char)i;
    for (uint32_t off = 1; off < 4; off++) {
        for (uint32_t i = off; i < UNALIGN_BYTES; i += 4) {
            uint32_t v = load(unalign_data + i);

            store(unalign_data + i, v + i);
            sum = (sum << 1 | sum >> 31) ^ v;
        }
    }
    return sum;
}

/* ---- randrw ---- */
#define RANDRW_WORDS (2u << 20)

static uint32_t *randrw_data;

static void randrw_set_up(void) { randrw_data = get_memory(RANDRW_WORDS * 4); }

static uint32_t randrw_run(void)
{
    uint32_t seed = 88675123u, sum = 0;

    /* Every unit undoes the additions of its first half, so that the next one finds the same. */
    for (uint32_t i = 0; i < 100000; i++)
        sum += randrw_data[random_next(&seed) % RANDRW_WORDS] += i;
    seed = 88675123u;
    for (uint32_t i = 0; i < 100000; i++)
        randrw_data[random_next(&seed) % RANDRW_WORDS] -= i;
    return sum;
}

const struct program memory_programs[] = {
    { "stream", "memory", 40, 0, stream_set_up, stream_run },
    { "chase", "memory", 8, 0, chase_set_up, chase_run },
    { "unalign", "memory", 100, 0, unalign_set_up, unalign_run },
    { "randrw", "memory", 6, 0, randrw_set_up, randrw_run },
    { 0 },
};
