/* SPDX-License-Identifier: MIT-0
 *
 * Winograd's F(2x2, 3x3) of signed bytes in exact integers, where the processor sums two products of 16 bits but not four of bytes: 16
 * products instead of 36 for four outputs of a filter of nine taps. The filters' transform is taken four times, so that it has no
 * fractions. (S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, Fast Algorithms for Convolutional
 * Neural Networks, 2016.) Transformed values stay within 4 * 255, filters within 9 * 128. Sums of 32 bits may wrap on their way: four
 * times the true sum, at most 36 * 255 * 128 * channels, does not.
 */
#ifndef ETCH_X86_BYTES_WINOGRAD_H
#define ETCH_X86_BYTES_WINOGRAD_H

#include <stdint.h>
#include <string.h>

#include "unroll.h"
#include "x86_narrow.h"

#if defined(ETCH_AVX2) || defined(ETCH_SSE4)
#define ETCH_WINOGRAD_BYTES
#endif

#if defined(ETCH_WINOGRAD_BYTES)

#if defined(ETCH_AVX2)

typedef __m256i etch_words;
enum { ETCH_WORDS = 16,
    ETCH_PARTS = 2 }; /* words of 16 bits in a register; registers of sums for 16 channels */

static inline ETCH_FORCED etch_words etch_widen_bytes(const uint8_t *bytes)
{
    return _mm256_cvtepu8_epi16(_mm_loadu_si128((const __m128i *)(const void *)bytes));
}

static inline ETCH_FORCED etch_words etch_load_words(const void *source)
{
    return _mm256_loadu_si256((const __m256i *)source);
}

static inline ETCH_FORCED void etch_store_words(void *target, etch_words words)
{
    _mm256_storeu_si256((__m256i *)target, words);
}

#define ETCH_ADD_WORDS _mm256_add_epi16
#define ETCH_SUBTRACT_WORDS _mm256_sub_epi16
#define ETCH_ADD_SUMS _mm256_add_epi32
#define ETCH_SUBTRACT_SUMS _mm256_sub_epi32
#define ETCH_QUARTER_SUMS(sums) _mm256_srai_epi32(sums, 2)
#define ETCH_SAME_PAIR _mm256_set1_epi32
#define ETCH_NO_SUMS _mm256_setzero_si256

#else

typedef __m128i etch_words;
enum { ETCH_WORDS = 8,
    ETCH_PARTS = 4 }; /* words of 16 bits in a register; registers of sums for 16 channels */

static inline ETCH_FORCED etch_words etch_widen_bytes(const uint8_t *bytes)
{
    return _mm_cvtepu8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)bytes));
}

static inline ETCH_FORCED etch_words etch_load_words(const void *source)
{
    return _mm_loadu_si128((const __m128i *)source);
}

static inline ETCH_FORCED void etch_store_words(void *target, etch_words words)
{
    _mm_storeu_si128((__m128i *)target, words);
}

static inline ETCH_FORCED etch_words etch_add_pairs(etch_words sum, etch_words a, etch_words b)
{
    return _mm_add_epi32(sum, _mm_madd_epi16(a, b));
}

#define ETCH_ADD_WORDS _mm_add_epi16
#define ETCH_SUBTRACT_WORDS _mm_sub_epi16
#define ETCH_ADD_SUMS _mm_add_epi32
#define ETCH_SUBTRACT_SUMS _mm_sub_epi32
#define ETCH_QUARTER_SUMS(sums) _mm_srai_epi32(sums, 2)
#define ETCH_SAME_PAIR _mm_set1_epi32
#define ETCH_NO_SUMS _mm_setzero_si128

#endif

/* Two rows of the transform, `apart` rows from each other, of one column: of (d0 - d2, d1 + d2, d2 - d1, d1 - d3) the outer or the inner
 * two. */
static inline ETCH_FORCED void etch_winograd_column(etch_words *column, const uint8_t *const *rows, int32_t at, int32_t inner)
{
    const etch_words b = etch_widen_bytes(rows[1] + at), c = etch_widen_bytes(rows[2] + at);
    if (inner) {
        column[0] = ETCH_ADD_WORDS(b, c);
        column[1] = ETCH_SUBTRACT_WORDS(c, b);
    } else {
        column[0] = ETCH_SUBTRACT_WORDS(etch_widen_bytes(rows[0] + at), c);
        column[1] = ETCH_SUBTRACT_WORDS(b, etch_widen_bytes(rows[3] + at));
    }
}

/* Those rows of 16 or 8 channels of neighbouring tiles. Half of the rows at a time, so that columns stay in registers from tile to
 * tile. */
static inline ETCH_FORCED void etch_winograd_rows(int16_t *values, const uint8_t *const *rows, int32_t at, int32_t tiles, int32_t channels,
    int32_t inner)
{
    const int32_t plane = tiles * channels;
    etch_words first[2], second[2], third[2], fourth[2];
    etch_winograd_column(first, rows, at, inner);
    etch_winograd_column(second, rows, at + channels, inner);
    ETCH_UNROLL_ALL
    for (int32_t t = 0; t < tiles; ++t) {
        etch_winograd_column(third, rows, at + (2 * t + 2) * channels, inner);
        etch_winograd_column(fourth, rows, at + (2 * t + 3) * channels, inner);
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < 2; ++i) {
            int16_t *const target = values + (inner ? 4 + 4 * i : 12 * i) * plane + t * channels;
            etch_store_words(target, ETCH_SUBTRACT_WORDS(first[i], third[i]));
            etch_store_words(target + plane, ETCH_ADD_WORDS(second[i], third[i]));
            etch_store_words(target + 2 * plane, ETCH_SUBTRACT_WORDS(third[i], second[i]));
            etch_store_words(target + 3 * plane, ETCH_SUBTRACT_WORDS(second[i], fourth[i]));
            first[i] = third[i];
            second[i] = fourth[i];
        }
    }
}

/* Transforms `tiles` neighbouring tiles, the first at rows[] + at: [16][tiles][channels], channels a multiple of 16. */
static inline ETCH_FORCED void etch_winograd_values(int16_t *values, const uint8_t *const *rows, int32_t at, int32_t tiles, int32_t channels)
{
    for (int32_t n = 0; n < channels; n += ETCH_WORDS) {
        etch_winograd_rows(values + n, rows, at + n, tiles, channels, 0);
        etch_winograd_rows(values + n, rows, at + n, tiles, channels, 1);
    }
}

/* sums[tile * ETCH_PARTS + part]: 16 channels of one element of the transform. Weights: [pair of input channels][16 channels][2]. */
static inline ETCH_FORCED void etch_winograd_products(etch_words *sums, int32_t tiles, const int16_t *values, int32_t channels,
    const int16_t *weights)
{
    ETCH_UNROLL_ALL
    for (int32_t first = 0; first < ETCH_PARTS; first += 2) {
        etch_words part[12];
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < 2 * tiles; ++i) {
            part[i] = ETCH_NO_SUMS();
        }
        ETCH_UNROLL_4
        for (int32_t k = 0; k < channels; k += 2) {
            const etch_words low = etch_load_words(weights + 16 * k + ETCH_WORDS * first);
            const etch_words high = etch_load_words(weights + 16 * k + ETCH_WORDS * (first + 1));
            ETCH_UNROLL_ALL
            for (int32_t t = 0; t < tiles; ++t) {
                int32_t pair;
                memcpy(&pair, values + t * channels + k, 4);
                const etch_words same = ETCH_SAME_PAIR(pair);
                part[2 * t] = etch_add_pairs(part[2 * t], same, low);
                part[2 * t + 1] = etch_add_pairs(part[2 * t + 1], same, high);
            }
        }
        ETCH_UNROLL_ALL
        for (int32_t t = 0; t < tiles; ++t) {
            sums[t * ETCH_PARTS + first] = part[2 * t];
            sums[t * ETCH_PARTS + first + 1] = part[2 * t + 1];
        }
    }
}

/* One part of a tile's sums, those of its elements `plane` apart, back to two outputs each of the upper and the lower line. */
static inline ETCH_FORCED void etch_winograd_back(etch_words *upper, etch_words *lower, const etch_words *sums, int32_t plane, etch_words start)
{
    etch_words half[8];
    ETCH_UNROLL_ALL
    for (int32_t j = 0; j < 4; ++j) {
        const etch_words a = sums[j * plane], b = sums[(4 + j) * plane], c = sums[(8 + j) * plane], d = sums[(12 + j) * plane];
        half[j] = ETCH_ADD_SUMS(ETCH_ADD_SUMS(a, b), c);
        half[4 + j] = ETCH_SUBTRACT_SUMS(ETCH_SUBTRACT_SUMS(b, c), d);
    }
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 2; ++i) {
        const etch_words *const line = half + 4 * i;
        etch_words *const target = i == 0 ? upper : lower;
        const etch_words left = ETCH_ADD_SUMS(ETCH_ADD_SUMS(line[0], line[1]), line[2]);
        const etch_words right = ETCH_SUBTRACT_SUMS(ETCH_SUBTRACT_SUMS(line[1], line[2]), line[3]);
        target[0] = ETCH_ADD_SUMS(ETCH_QUARTER_SUMS(left), start);
        target[ETCH_PARTS] = ETCH_ADD_SUMS(ETCH_QUARTER_SUMS(right), start);
    }
}

/* Stores 16 channels from `first` on of `tiles` tiles, at most 6; the second line of outputs is `line` bytes after the first. Weights:
 * [block of 16 channels][16 elements][pair of input channels][16 channels][2]. */
static inline ETCH_FORCED void etch_winograd_bytes(int8_t *output, int32_t line, int32_t pitch, int32_t tiles, const int16_t *values,
    int32_t channels, const int16_t *weights, const etch_scaling *scaling, int32_t first)
{
    etch_lanes upper[12], lower[12];
    etch_words sums[16 * 6 * ETCH_PARTS];
    const int32_t plane = tiles * ETCH_PARTS;
    for (int32_t k = 0; k < 16; ++k) {
        etch_winograd_products(sums + k * plane, tiles, values + k * tiles * channels, channels, weights + (first + k) * channels * 16);
    }
    for (int32_t t = 0; t < tiles; ++t) {
        ETCH_UNROLL_ALL
        for (int32_t part = 0; part < ETCH_PARTS; ++part) {
            const etch_words start = etch_load_words(scaling->start + first + part * (16 / ETCH_PARTS));
            etch_winograd_back((etch_words *)(void *)(upper + 2 * t) + part, (etch_words *)(void *)(lower + 2 * t) + part,
                sums + t * ETCH_PARTS + part, plane, start);
        }
    }
    etch_store_bytes(output + first, pitch, 16, upper, 2 * tiles, 1, scaling, first);
    etch_store_bytes(output + line + first, pitch, 16, lower, 2 * tiles, 1, scaling, first);
}

#endif

#endif
