/* SPDX-License-Identifier: MIT */
/* Class sse: packed integers. (The scalar rows are fp.c, compiled for SSE2.) */
#include "bench.h"

#include <emmintrin.h>

#define PIXELS 16384

static uint8_t image_a[PIXELS] __attribute__((aligned(16))),
    image_b[PIXELS] __attribute__((aligned(16)));
static uint8_t image_c[PIXELS] __attribute__((aligned(16)));

static void image_set_up(void)
{
    uint32_t seed = 362436069u;

    for (int i = 0; i < PIXELS; i++) {
        image_a[i] = (uint8_t)random_next(&seed);
        image_b[i] = (uint8_t)(random_next(&seed) >> 8);
    }
}

/* Blend two pictures by a weight, and the sum of absolute differences to one of them. */
static uint32_t blend_run(void)
{
    const __m128i zero = _mm_setzero_si128();
    __m128i total = zero;
    uint32_t parts[4];

    for (int pass = 0; pass < 16; pass++) {
        const __m128i weight = _mm_set1_epi16((short)(pass * 16)),
                      rest = _mm_set1_epi16((short)(256 - pass * 16));

        for (int i = 0; i < PIXELS; i += 16) {
            __m128i a = _mm_load_si128((const __m128i *)&image_a[i]);
            __m128i b = _mm_load_si128((const __m128i *)&image_b[i]);
            __m128i low = _mm_add_epi16(_mm_mullo_epi16(_mm_unpacklo_epi8(a, zero), weight),
                                        _mm_mullo_epi16(_mm_unpacklo_epi8(b, zero), rest));
            __m128i high = _mm_add_epi16(_mm_mullo_epi16(_mm_unpackhi_epi8(a, zero), weight),
                                         _mm_mullo_epi16(_mm_unpackhi_epi8(b, zero), rest));
            __m128i c = _mm_packus_epi16(_mm_srli_epi16(low, 8), _mm_srli_epi16(high, 8));

            _mm_store_si128((__m128i *)&image_c[i], c);
            total = _mm_add_epi32(total, _mm_sad_epu8(a, c));
            total = _mm_xor_si128(_mm_shuffle_epi32(total, 0x93),
                                  _mm_and_si128(c, _mm_cmpgt_epi8(a, b)));
        }
    }
    _mm_storeu_si128((__m128i *)parts, total);
    return sum_add(sum_add(sum_add(parts[0], parts[1]), parts[2]), parts[3]);
}

const struct program sse_int_programs[] = {
    { "blend_sse2", "sse", 120, NEEDS_SSE2, image_set_up, blend_run },
    { 0 },
};
