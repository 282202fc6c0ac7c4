/* SPDX-License-Identifier: MIT-0
 *
 * Depthwise sums of products of bytes. Four rows of the image are interleaved to words of four bytes, 128 higher, so that one
 * instruction multiplies a column of the filter.
 */
#ifndef ETCH_X86_DEPTHWISE_H
#define ETCH_X86_DEPTHWISE_H

#include <stdint.h>
#include <string.h>

#include "x86_bytes.h"

/* words[i]: the bytes at rows[0] + at + i to rows[3] + at + i. */
static inline void etch_interleave_rows(uint32_t *words, const int8_t *const *rows, int32_t at, int32_t count)
{
    int32_t i = 0;
#if defined(ETCH_VNNI_512)
    const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15); /* unpacking restores it */
    for (; i + 64 <= count; i += 64) {
        __m512i row[4];
        ETCH_UNROLL_ALL
        for (int32_t k = 0; k < 4; ++k) {
            row[k] = _mm512_permutexvar_epi32(order, _mm512_loadu_si512(rows[k] + at + i));
            row[k] = _mm512_xor_si512(row[k], _mm512_set1_epi8(-128));
        }
        const __m512i a = _mm512_unpacklo_epi8(row[0], row[1]), b = _mm512_unpacklo_epi8(row[2], row[3]);
        const __m512i c = _mm512_unpackhi_epi8(row[0], row[1]), d = _mm512_unpackhi_epi8(row[2], row[3]);
        _mm512_storeu_si512(words + i, _mm512_unpacklo_epi16(a, b));
        _mm512_storeu_si512(words + i + 16, _mm512_unpackhi_epi16(a, b));
        _mm512_storeu_si512(words + i + 32, _mm512_unpacklo_epi16(c, d));
        _mm512_storeu_si512(words + i + 48, _mm512_unpackhi_epi16(c, d));
    }
#endif
#if defined(ETCH_VNNI_512) || defined(ETCH_VNNI_256) || defined(ETCH_AVX2) || defined(ETCH_SSE4)
    for (; i + 16 <= count; i += 16) {
        __m128i row[4];
        ETCH_UNROLL_ALL
        for (int32_t k = 0; k < 4; ++k) {
            row[k] = _mm_loadu_si128((const __m128i *)(const void *)(rows[k] + at + i));
            row[k] = _mm_xor_si128(row[k], _mm_set1_epi8(-128));
        }
        const __m128i a = _mm_unpacklo_epi8(row[0], row[1]), b = _mm_unpacklo_epi8(row[2], row[3]);
        const __m128i c = _mm_unpackhi_epi8(row[0], row[1]), d = _mm_unpackhi_epi8(row[2], row[3]);
        __m128i *const target = (__m128i *)(void *)(words + i);
        _mm_storeu_si128(target, _mm_unpacklo_epi16(a, b));
        _mm_storeu_si128(target + 1, _mm_unpackhi_epi16(a, b));
        _mm_storeu_si128(target + 2, _mm_unpacklo_epi16(c, d));
        _mm_storeu_si128(target + 3, _mm_unpackhi_epi16(c, d));
    }
#endif
    for (; i < count; ++i) {
        const uint32_t a = (uint8_t)(rows[0][at + i] + 128), b = (uint8_t)(rows[1][at + i] + 128);
        const uint32_t c = (uint8_t)(rows[2][at + i] + 128), d = (uint8_t)(rows[3][at + i] + 128);
        words[i] = a | b << 8 | c << 16 | d << 24;
    }
}

static inline void etch_fill_words(uint32_t *words, int32_t value, int32_t count)
{
    for (int32_t i = 0; i < count; ++i) {
        words[i] = (uint32_t)(uint8_t)(value + 128) * UINT32_C(0x01010101);
    }
}

#if defined(ETCH_VNNI_512)

typedef __m512i etch_tap;

static inline ETCH_FORCED etch_tap etch_load_tap(const int8_t *weights)
{
    return _mm512_loadu_si512(weights);
}

/* sum + a column of four products for each of 16 channels */
static inline ETCH_FORCED etch_lanes etch_multiply_tap(etch_lanes sum, const uint32_t *words, etch_tap weights)
{
    return _mm512_dpbusd_epi32(sum, _mm512_loadu_si512(words), weights);
}

#elif defined(ETCH_VNNI_256)

typedef etch_lanes etch_tap;

static inline ETCH_FORCED etch_tap etch_load_tap(const int8_t *weights)
{
    etch_tap tap;
    tap.low = _mm256_loadu_si256((const __m256i *)(const void *)weights);
    tap.high = _mm256_loadu_si256((const __m256i *)(const void *)(weights + 32));
    return tap;
}

/* sum + a column of four products for each of 16 channels */
static inline ETCH_FORCED etch_lanes etch_multiply_tap(etch_lanes sum, const uint32_t *words, etch_tap weights)
{
    sum.low = _mm256_dpbusd_avx_epi32(sum.low, _mm256_loadu_si256((const __m256i *)(const void *)words), weights.low);
    sum.high = _mm256_dpbusd_avx_epi32(sum.high, _mm256_loadu_si256((const __m256i *)(const void *)(words + 8)), weights.high);
    return sum;
}

#elif defined(ETCH_AVX2)

/* Rows 0 and 2, and rows 1 and 3, as 16 bits. */
typedef struct etch_tap {
    __m256i even[2], odd[2];
} etch_tap;

static inline ETCH_FORCED etch_tap etch_load_tap(const int8_t *weights)
{
    etch_tap tap;
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 2; ++i) {
        const __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)(weights + 32 * i));
        tap.even[i] = _mm256_srai_epi16(_mm256_slli_epi16(bytes, 8), 8);
        tap.odd[i] = _mm256_srai_epi16(bytes, 8);
    }
    return tap;
}

static inline ETCH_FORCED __m256i etch_multiply_half(__m256i sum, const uint32_t *words, __m256i even, __m256i odd)
{
    const __m256i bytes = _mm256_loadu_si256((const __m256i *)(const void *)words);
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_and_si256(bytes, _mm256_set1_epi16(255)), even));
    return _mm256_add_epi32(sum, _mm256_madd_epi16(_mm256_srli_epi16(bytes, 8), odd));
}

/* sum + a column of four products for each of 16 channels */
static inline ETCH_FORCED etch_lanes etch_multiply_tap(etch_lanes sum, const uint32_t *words, etch_tap weights)
{
    sum.low = etch_multiply_half(sum.low, words, weights.even[0], weights.odd[0]);
    sum.high = etch_multiply_half(sum.high, words + 8, weights.even[1], weights.odd[1]);
    return sum;
}

#elif defined(ETCH_SSE4)

/* Rows 0 and 2, and rows 1 and 3, as 16 bits. */
typedef struct etch_tap {
    __m128i even[4], odd[4];
} etch_tap;

static inline ETCH_FORCED etch_tap etch_load_tap(const int8_t *weights)
{
    etch_tap tap;
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4; ++i) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(weights + 16 * i));
        tap.even[i] = _mm_srai_epi16(_mm_slli_epi16(bytes, 8), 8);
        tap.odd[i] = _mm_srai_epi16(bytes, 8);
    }
    return tap;
}

/* sum + a column of four products for each of 16 channels */
static inline ETCH_FORCED etch_lanes etch_multiply_tap(etch_lanes sum, const uint32_t *words, etch_tap weights)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4; ++i) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(words + 4 * i));
        const __m128i even = _mm_madd_epi16(_mm_and_si128(bytes, _mm_set1_epi16(255)), weights.even[i]);
        const __m128i odd = _mm_madd_epi16(_mm_srli_epi16(bytes, 8), weights.odd[i]);
        sum.quarter[i] = _mm_add_epi32(sum.quarter[i], _mm_add_epi32(even, odd));
    }
    return sum;
}

#else

typedef struct etch_tap {
    int8_t weight[64];
} etch_tap;

static inline etch_tap etch_load_tap(const int8_t *weights)
{
    etch_tap tap;
    memcpy(&tap, weights, sizeof tap);
    return tap;
}

/* sum + a column of four products for each of 16 channels */
static inline etch_lanes etch_multiply_tap(etch_lanes sum, const uint32_t *words, etch_tap weights)
{
    for (int32_t n = 0; n < 16; ++n) {
        for (int32_t k = 0; k < 4; ++k) {
            sum.lane[n] += (int32_t)(words[n] >> 8 * k & 255) * weights.weight[4 * n + k];
        }
    }
    return sum;
}

#endif

/* Outputs of `pixels` pixels, `across` at a time, and `blocks` blocks of 16 channels. Words: `planes` of them, each `plane` words
 * long, of four rows each; pixels are `step` words apart, columns of the filter `spread`. Weights: [block][column][plane][16][4]. */
static inline ETCH_FORCED void etch_depthwise_line(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels, int32_t across,
    int32_t blocks, const uint32_t *words, int32_t step, int32_t spread, int32_t columns, int32_t planes, int32_t plane,
    const int8_t *weights, const etch_scaling *scaling, int32_t first)
{
    /* Copies that no output can overwrite stay in registers. */
    etch_tap taps[16];
    int32_t start[64];
    float scale[64], offset[64], below[64];
    etch_scaling copy = *scaling;
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < blocks * columns * planes; ++i) {
        taps[i] = etch_load_tap(weights + 64 * i);
    }
    memcpy(start, scaling->start + first, (size_t)blocks * 64);
    if (scaling->exact_scale == NULL) {
        memcpy(scale, scaling->scale + first, (size_t)blocks * 64);
        memcpy(offset, scaling->offset + first, (size_t)blocks * 64);
        copy.scale = scale;
        copy.offset = offset;
        if (scaling->below != NULL) {
            memcpy(below, scaling->below + first, (size_t)blocks * 64);
            copy.below = below;
        }
        first = 0;
    }
    const uint32_t rounding = etch_round_down();
    for (int32_t x = 0; x < pixels; x += across) {
        etch_lanes sums[4];
        etch_start_sums(sums, across, blocks, start);
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < across * blocks; ++i) {
            const uint32_t *const word = words + (x + i / blocks) * step + 16 * (i % blocks);
            ETCH_UNROLL_ALL
            for (int32_t k = 0; k < columns * planes; ++k) {
                sums[i] = etch_multiply_tap(sums[i], word + k / planes * spread + k % planes * plane, taps[i % blocks * columns * planes + k]);
            }
        }
        etch_store_bytes(output + x * pitch, pitch, channels, sums, across, blocks, &copy, first);
    }
    etch_round_back(rounding);
}

#endif
