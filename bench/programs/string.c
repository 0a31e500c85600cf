/* SPDX-License-Identifier: MIT */
/*
 * Class string: string instructions long and short, and what C libraries do without them. Nothing
 * here is the C library's: which of its variants runs depends on the CPU model.
 */
#include "bench.h"

#define BUFFER_BYTES (1u << 20)
#define FAR_BYTES    (8u << 20)

static unsigned char *buffer_a, *buffer_b, *buffer_far;

static void buffers_set_up(void)
{
    uint32_t seed = 521288629u;

    buffer_a = get_memory(BUFFER_BYTES + 64);
    buffer_b = get_memory(BUFFER_BYTES + 64);
    for (uint32_t i = 0; i < BUFFER_BYTES; i++)
        buffer_a[i] = (unsigned char)(random_next(&seed) | 1);
}

static void far_set_up(void)
{
    buffer_far = get_memory(FAR_BYTES + (1u << 20));
    for (uint32_t i = 0; i < 1u << 20; i++)
        buffer_far[i] = (unsigned char)(i * 7 + (i >> 12));
}

static uint32_t sample(const unsigned char *p, uint32_t len)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < len; i += 997)
        sum = sum_add(sum, p[i]);
    return sum;
}

static void rep_movsd(void *to, const void *from, uint32_t dwords)
{
    __asm__ volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(dwords) : : "memory");
}

static void rep_movsb(void *to, const void *from, uint32_t bytes)
{
    __asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(bytes) : : "memory");
}

static void rep_stosd(void *to, uint32_t value, uint32_t dwords)
{
    __asm__ volatile("rep stosl" : "+D"(to), "+c"(dwords) : "a"(value) : "memory");
}

static void rep_stosb(void *to, uint32_t value, uint32_t bytes)
{
    __asm__ volatile("rep stosb" : "+D"(to), "+c"(bytes) : "a"(value) : "memory");
}

/* Where in p the byte is; len if nowhere. */
static uint32_t repne_scasb(const unsigned char *p, uint32_t value, uint32_t len)
{
    const unsigned char *start = p;
    unsigned char found;

    __asm__ volatile("repne scasb\n\tsete %b2"
                     : "+D"(p), "+c"(len), "=q"(found)
                     : "a"(value)
                     : "memory", "cc");
    return (uint32_t)(p - start) - (found ? 1 : 0);
}

static uint32_t repe_cmpsd(const void *a, const void *b, uint32_t dwords)
{
    __asm__ volatile("repe cmpsl" : "+D"(a), "+S"(b), "+c"(dwords) : : "memory", "cc");
    return dwords;
}

/* A megabyte in pieces of 16 KB. */
static uint32_t repmovs_run(void)
{
    for (uint32_t i = 0; i < BUFFER_BYTES; i += 16384)
        rep_movsd(buffer_b + i, buffer_a + i, 16384 / 4);
    return sample(buffer_b, BUFFER_BYTES);
}

/* Source and destination a power of two apart: they fall on one slot of a direct-mapped TLB. */
static uint32_t repmovs_far_run(void)
{
    for (uint32_t i = 0; i < 1u << 20; i += 65536)
        rep_movsd(buffer_far + FAR_BYTES + i, buffer_far + i, 65536 / 4);
    return sample(buffer_far + FAR_BYTES, 1u << 20);
}

static uint32_t repstos_run(void)
{
    for (uint32_t i = 0; i < BUFFER_BYTES; i += 8192) {
        rep_stosd(buffer_b + i, i * 3 + 0x01020304, 8192 / 4);
        rep_stosb(buffer_b + i + 100, i >> 13, 2000);
    }
    return sample(buffer_b, BUFFER_BYTES);
}

/* Lengths of 1 to 63 bytes, byte and dword, at any alignment. */
static uint32_t repsmall_run(void)
{
    uint32_t seed = 1099087573u;

    for (int i = 0; i < 30000; i++) {
        uint32_t r = random_next(&seed), at = r >> 8 & 0xffff, len = 1 + (r & 63);

        if (r & 0x80)
            rep_movsb(buffer_b + at, buffer_a + at + 3, len);
        else
            rep_movsd(buffer_b + at, buffer_a + at + 5, (len + 3) / 4);
    }
    return sample(buffer_b, 65536);
}

static uint32_t scasb_run(void)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < BUFFER_BYTES; i += 32768)
        sum += repne_scasb(buffer_a + i, 0, 32768);
    /* and short finds */
    for (uint32_t i = 0; i < 65536; i += 64)
        sum += repne_scasb(buffer_a + i, buffer_a[i + 20], 64);
    return sum;
}

static uint32_t cmpsd_run(void)
{
    uint32_t sum = 0;

    rep_movsd(buffer_b, buffer_a, BUFFER_BYTES / 4);
    for (uint32_t i = 0; i < BUFFER_BYTES; i += 32768) {
        buffer_b[i + 32000]++;
        sum += repe_cmpsd(buffer_a + i, buffer_b + i, 32768 / 4);
    }
    return sum;
}

/* ---- what libraries do ---- */
/* Four bytes at a time; the usual trick for a zero byte. */
static __attribute__((noinline)) uint32_t string_length(const unsigned char *s)
{
    const unsigned char *p = s;

    for (; (uintptr_t)p & 3; p++) {
        if (!*p)
            return (uint32_t)(p - s);
    }
    for (;; p += 4) {
        uint32_t v = *(const uint32_t *)(const void *)p;

        if ((v - 0x01010101) & ~v & 0x80808080)
            break;
    }
    while (*p)
        p++;
    return (uint32_t)(p - s);
}

static void text_set_up(void)
{
    uint32_t seed = 2463534242u;

    buffers_set_up();
    /* Strings of 1 to 200 characters, and a long one in the second half. */
    for (uint32_t i = 0; i < BUFFER_BYTES / 2; i += 2 + random_next(&seed) % 200)
        buffer_a[i] = 0;
    buffer_a[BUFFER_BYTES - 1] = 0;
}

static uint32_t strlen_run(void)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < BUFFER_BYTES;) {
        uint32_t len = string_length(buffer_a + i);

        sum = sum_add(sum, len);
        i += len + 1;
    }
    return sum;
}

/* Aligns the destination, moves dwords, then the rest: pieces of 20 bytes to 4 KB. */
static __attribute__((noinline)) void copy(unsigned char *to, const unsigned char *from,
                                           uint32_t len)
{
    while ((uintptr_t)to & 3 && len) {
        *to++ = *from++;
        len--;
    }
    rep_movsd(to, from, len / 4);
    to += len & ~3u;
    from += len & ~3u;
    for (len &= 3; len; len--)
        *to++ = *from++;
}

static uint32_t memcpy_run(void)
{
    uint32_t seed = 2891336453u;

    for (int i = 0; i < 2000; i++) {
        uint32_t r = random_next(&seed), len = r & 1 ? 20 + (r >> 1 & 127) : 128 + (r >> 1 & 4095);
        uint32_t from = random_next(&seed) % (BUFFER_BYTES - 8192),
                 to = random_next(&seed) % (BUFFER_BYTES - 8192);

        copy(buffer_b + to, buffer_a + from, len);
    }
    return sample(buffer_b, BUFFER_BYTES);
}

const struct program string_programs[] = {
    { "repmovs", "string", 150, 0, buffers_set_up, repmovs_run },
    { "repmovs_far", "string", 20, 0, far_set_up, repmovs_far_run },
    { "repstos", "string", 120, 0, buffers_set_up, repstos_run },
    { "repsmall", "string", 80, 0, buffers_set_up, repsmall_run },
    { "scasb", "string", 80, 0, buffers_set_up, scasb_run },
    { "cmpsd", "string", 100, 0, buffers_set_up, cmpsd_run },
    { "strlen", "string", 150, 0, text_set_up, strlen_run },
    { "memcpy", "string", 80, 0, buffers_set_up, memcpy_run },
    { 0 },
};
