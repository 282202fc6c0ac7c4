/* SPDX-License-Identifier: MIT-0
 *
 * Sums of products of signed bytes, 16 channels at a time. Values are copied before they are multiplied, 128 higher: the
 * processor's instruction takes unsigned values times signed weights, and the sums start 128 * (sum of weights) lower. Without that
 * instruction the copies have 16 bits, as its predecessor for 8 bits saturates.
 */
#ifndef ETCH_X86_BYTES_H
#define ETCH_X86_BYTES_H

#include <stdint.h>
#include <string.h>

#include "x86_levels.h"

#if defined(ETCH_VNNI_512)
typedef uint8_t etch_value;
typedef __m512i etch_lanes;
#elif defined(ETCH_VNNI_256)
typedef uint8_t etch_value;
typedef struct etch_lanes {
    __m256i low, high;
} etch_lanes;
#elif defined(ETCH_AVX2)
typedef int16_t etch_value;
typedef struct etch_lanes {
    __m256i low, high;
} etch_lanes;
#elif defined(ETCH_SSE4)
typedef int16_t etch_value;
typedef struct etch_lanes {
    __m128i quarter[4];
} etch_lanes;
#else
typedef uint8_t etch_value;
typedef struct etch_lanes {
    int32_t lane[16];
} etch_lanes;
#endif

/* Where sums start, and how they become outputs: floor(sum * scale + offset) + zero_point, within the limits. Sums below 0 have
 * another offset where `below` is not NULL; exact_scale is not NULL where single precision does not serve. */
typedef struct etch_scaling {
    const int32_t *start;
    const float *scale, *offset, *below;
    const double *exact_scale, *exact_offset, *exact_below;
    int32_t zero_point, low, high;
} etch_scaling;

/* AVX2 has no instruction with a rounding of its own: a kernel rounds everything down while it runs. Nothing moves across the empty
 * statements that reads or writes memory, and so does all that a kernel computes. Returns what etch_round_back gets. */
static inline uint32_t etch_round_down(void)
{
#if defined(ETCH_ROUNDED_DOWN)
    const uint32_t before = _mm_getcsr();
    _mm_setcsr((before & ~(uint32_t)_MM_ROUND_MASK) | _MM_ROUND_DOWN);
    __asm__ volatile("" ::
                         : "memory");
    return before;
#else
    return 0;
#endif
}

static inline void etch_round_back(uint32_t before)
{
#if defined(ETCH_ROUNDED_DOWN)
    __asm__ volatile("" ::
                         : "memory");
    _mm_setcsr(before);
#else
    (void)before;
#endif
}

static inline ETCH_PERHAPS void etch_copy_values(etch_value *target, const int8_t *source, int32_t count)
{
    int32_t i = 0;
#if defined(ETCH_VNNI_512)
    for (; i + 64 <= count; i += 64) {
        _mm512_storeu_si512(target + i, _mm512_xor_si512(_mm512_loadu_si512(source + i), _mm512_set1_epi8(-128)));
    }
#endif
#if defined(ETCH_VNNI_512) || defined(ETCH_VNNI_256)
    for (; i + 16 <= count; i += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(source + i));
        _mm_storeu_si128((__m128i *)(void *)(target + i), _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
    }
#elif defined(ETCH_AVX2)
    for (; i + 16 <= count; i += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(source + i));
        const __m256i values = _mm256_cvtepu8_epi16(_mm_xor_si128(bytes, _mm_set1_epi8(-128)));
        _mm256_storeu_si256((__m256i *)(void *)(target + i), values);
    }
#elif defined(ETCH_SSE4)
    for (; i + 16 <= count; i += 16) {
        const __m128i bytes = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(const void *)(source + i)), _mm_set1_epi8(-128));
        _mm_storeu_si128((__m128i *)(void *)(target + i), _mm_unpacklo_epi8(bytes, _mm_setzero_si128()));
        _mm_storeu_si128((__m128i *)(void *)(target + i + 8), _mm_unpackhi_epi8(bytes, _mm_setzero_si128()));
    }
#endif
    for (; i < count; ++i) {
        target[i] = (etch_value)(source[i] + 128);
    }
}

static inline ETCH_PERHAPS void etch_fill_values(etch_value *target, int32_t value, int32_t count)
{
    for (int32_t i = 0; i < count; ++i) {
        target[i] = (etch_value)(value + 128);
    }
}

#if defined(ETCH_VNNI_512)

static inline ETCH_FORCED void etch_start_sums(etch_lanes *sums, int32_t pixels, int32_t blocks, const int32_t *start)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < pixels * blocks; ++i) {
        sums[i] = _mm512_loadu_si512(start + 16 * (i % blocks));
    }
}

/* sums[p * blocks + b]: pixel p, at rows[] + at + p * step, and channels 16 b to 16 b + 15, over `rows` of `quads` times four
 * values. Weights: [row][quad][blocks of all][16 channels][4], `stride` bytes per quad. At most 24 sums. */
static inline ETCH_FORCED ETCH_PERHAPS void etch_multiply_bytes(etch_lanes *sums, int32_t pixels, int32_t blocks,
    const etch_value *const *rows, int32_t at, int32_t height, int32_t quads, int32_t step, const int8_t *weights, int32_t stride)
{
    for (int32_t i = 0; i < height; ++i) {
        const uint8_t *value = rows[i] + at;
        for (int32_t k = 0; k < quads; ++k, value += 4, weights += stride) {
            __m512i weight[8];
            ETCH_UNROLL_ALL
            for (int32_t b = 0; b < blocks; ++b) {
                weight[b] = _mm512_loadu_si512(weights + 64 * b);
            }
            ETCH_UNROLL_ALL
            for (int32_t p = 0; p < pixels; ++p) {
                int32_t four;
                memcpy(&four, value + p * step, 4);
                ETCH_UNROLL_ALL
                for (int32_t b = 0; b < blocks; ++b) {
                    sums[p * blocks + b] = _mm512_dpbusd_epi32(sums[p * blocks + b], _mm512_set1_epi32(four), weight[b]);
                    ETCH_KEEP(sums[p * blocks + b]);
                }
            }
        }
    }
}

#elif defined(ETCH_VNNI_256) || defined(ETCH_AVX2)

static inline ETCH_FORCED void etch_start_sums(etch_lanes *sums, int32_t pixels, int32_t blocks, const int32_t *start)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < pixels * blocks; ++i) {
        sums[i].low = _mm256_loadu_si256((const __m256i *)(const void *)(start + 16 * (i % blocks)));
        sums[i].high = _mm256_loadu_si256((const __m256i *)(const void *)(start + 16 * (i % blocks) + 8));
    }
}

#if defined(ETCH_VNNI_256)

enum { ETCH_GROUP = 6 }; /* pixels whose sums of 16 channels fit the registers */

/* The sums of a few pixels and one block of channels: see etch_multiply_bytes. */
static inline ETCH_FORCED void etch_multiply_group(etch_lanes *sums, int32_t pixels, int32_t blocks,
    const etch_value *const *rows, int32_t at, int32_t height, int32_t quads, int32_t step, const int8_t *weights, int32_t stride)
{
    __m256i low[ETCH_GROUP], high[ETCH_GROUP];
    ETCH_UNROLL_ALL
    for (int32_t p = 0; p < pixels; ++p) {
        low[p] = sums[p * blocks].low;
        high[p] = sums[p * blocks].high;
    }
    for (int32_t i = 0; i < height; ++i) {
        const uint8_t *value = rows[i] + at;
        for (int32_t k = 0; k < quads; ++k, value += 4, weights += stride) {
            const __m256i low_weight = _mm256_loadu_si256((const __m256i *)(const void *)weights);
            const __m256i high_weight = _mm256_loadu_si256((const __m256i *)(const void *)(weights + 32));
            ETCH_UNROLL_ALL
            for (int32_t p = 0; p < pixels; ++p) {
                int32_t four;
                memcpy(&four, value + p * step, 4);
                low[p] = _mm256_dpbusd_avx_epi32(low[p], _mm256_set1_epi32(four), low_weight);
                high[p] = _mm256_dpbusd_avx_epi32(high[p], _mm256_set1_epi32(four), high_weight);
                ETCH_KEEP(low[p]);
                ETCH_KEEP(high[p]);
            }
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t p = 0; p < pixels; ++p) {
        sums[p * blocks].low = low[p];
        sums[p * blocks].high = high[p];
    }
}

#else

/* sum + the sums of two products each. Written out, or compilers move sums between registers in every turn of a loop. */
static inline ETCH_FORCED __m256i etch_add_pairs(__m256i sum, __m256i a, __m256i b)
{
#if defined(__GNUC__)
    __m256i product;
    __asm__("{vpmaddwd %3, %2, %1|vpmaddwd %1, %2, %3}\n\t"
            "{vpaddd %1, %0, %0|vpaddd %0, %0, %1}"
            : "+x"(sum), "=&x"(product)
            : "x"(a), "x"(b));
    return sum;
#else
    return _mm256_add_epi32(sum, _mm256_madd_epi16(a, b));
#endif
}

enum { ETCH_GROUP = 2 }; /* pixels whose sums of 16 channels fit the registers */
enum { ETCH_LONG = 16 }; /* fours of products from which on six pixels by 8 channels are faster: fewer weights are widened */

/* The sums of six pixels and 8 channels: see etch_multiply_bytes. A register has two partial sums of each of four channels. */
static inline ETCH_FORCED void etch_multiply_six(__m256i *sums, int32_t apart, const etch_value *const *rows, int32_t at, int32_t height, int32_t quads,
    int32_t step, const int8_t *weights, int32_t stride)
{
    __m256i part[12];
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 12; ++i) {
        part[i] = _mm256_setzero_si256();
    }
    for (int32_t i = 0; i < height; ++i) {
        const int16_t *value = rows[i] + at;
        for (int32_t k = 0; k < quads; ++k, value += 4, weights += stride) {
            const __m256i first = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)weights));
            const __m256i second = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(weights + 16)));
            ETCH_UNROLL_ALL
            for (int32_t p = 0; p < 6; ++p) {
                long long four;
                memcpy(&four, value + p * step, 8);
                const __m256i values = _mm256_set1_epi64x(four);
                part[2 * p] = etch_add_pairs(part[2 * p], values, first);
                part[2 * p + 1] = etch_add_pairs(part[2 * p + 1], values, second);
            }
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t p = 0; p < 6; ++p) {
        const __m256i sum = _mm256_permute4x64_epi64(_mm256_hadd_epi32(part[2 * p], part[2 * p + 1]), 0xd8);
        sums[p * apart] = _mm256_add_epi32(sums[p * apart], sum);
    }
}

/* The sums of a few pixels and one block of channels: see etch_multiply_bytes. A register has two partial sums of each of
 * four channels. */
static inline ETCH_FORCED void etch_multiply_group(etch_lanes *sums, int32_t pixels, int32_t blocks,
    const etch_value *const *rows, int32_t at, int32_t height, int32_t quads, int32_t step, const int8_t *weights, int32_t stride)
{
    __m256i part[4 * ETCH_GROUP];
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4 * pixels; ++i) {
        part[i] = _mm256_setzero_si256();
    }
    for (int32_t i = 0; i < height; ++i) {
        const int16_t *value = rows[i] + at;
        for (int32_t k = 0; k < quads; ++k, value += 4, weights += stride) {
            __m256i values[ETCH_GROUP];
            ETCH_UNROLL_ALL
            for (int32_t p = 0; p < pixels; ++p) {
                long long four;
                memcpy(&four, value + p * step, 8);
                values[p] = _mm256_set1_epi64x(four);
            }
            ETCH_UNROLL_ALL
            for (int32_t c = 0; c < 4; ++c) {
                const __m256i weight = _mm256_cvtepi8_epi16(_mm_loadu_si128((const __m128i *)(const void *)(weights + 16 * c)));
                ETCH_UNROLL_ALL
                for (int32_t p = 0; p < pixels; ++p) {
                    part[4 * p + c] = etch_add_pairs(part[4 * p + c], values[p], weight);
                }
            }
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t p = 0; p < pixels; ++p) {
        const __m256i low = _mm256_hadd_epi32(part[4 * p], part[4 * p + 1]);
        const __m256i high = _mm256_hadd_epi32(part[4 * p + 2], part[4 * p + 3]);
        sums[p * blocks].low = _mm256_add_epi32(sums[p * blocks].low, _mm256_permute4x64_epi64(low, 0xd8));
        sums[p * blocks].high = _mm256_add_epi32(sums[p * blocks].high, _mm256_permute4x64_epi64(high, 0xd8));
    }
}

#endif

/* sums[p * blocks + b]: pixel p, at rows[] + at + p * step, and channels 16 b to 16 b + 15, over `rows` of `quads` times four
 * values. Weights: [row][quad][blocks of all][16 channels][4], `stride` bytes per quad. */
static inline ETCH_FORCED ETCH_PERHAPS void etch_multiply_bytes(etch_lanes *sums, int32_t pixels, int32_t blocks,
    const etch_value *const *rows, int32_t at, int32_t height, int32_t quads, int32_t step, const int8_t *weights, int32_t stride)
{
    ETCH_UNROLL_ALL
    for (int32_t b = 0; b < blocks; ++b) {
        int32_t p = 0;
#if !defined(ETCH_VNNI_256)
        for (; p + 6 <= pixels && height * quads >= ETCH_LONG; p += 6) {
            etch_lanes *const first = sums + p * blocks + b;
            etch_multiply_six(&first->low, 2 * blocks, rows, at + p * step, height, quads, step, weights + 64 * b, stride);
            etch_multiply_six(&first->high, 2 * blocks, rows, at + p * step, height, quads, step, weights + 64 * b + 32, stride);
        }
#endif
        for (; p + ETCH_GROUP <= pixels; p += ETCH_GROUP) {
            etch_multiply_group(sums + p * blocks + b, ETCH_GROUP, blocks, rows, at + p * step, height, quads, step, weights + 64 * b, stride);
        }
        if (pixels % ETCH_GROUP > 0) {
            etch_multiply_group(sums + p * blocks + b, pixels % ETCH_GROUP, blocks, rows, at + p * step, height, quads, step, weights + 64 * b, stride);
        }
    }
}

#elif defined(ETCH_SSE4)

static inline ETCH_FORCED void etch_start_sums(etch_lanes *sums, int32_t pixels, int32_t blocks, const int32_t *start)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < pixels * blocks; ++i) {
        ETCH_UNROLL_ALL
        for (int32_t q = 0; q < 4; ++q) {
            sums[i].quarter[q] = _mm_loadu_si128((const __m128i *)(const void *)(start + 16 * (i % blocks) + 4 * q));
        }
    }
}

/* The sums of one or two pixels and the 8 channels from quarter `first` of a block on: see etch_multiply_bytes. A register has two
 * partial sums of each of two channels. */
static inline ETCH_FORCED void etch_multiply_group(etch_lanes *sums, int32_t pixels, int32_t blocks, int32_t first,
    const etch_value *const *rows, int32_t at, int32_t height, int32_t quads, int32_t step, const int8_t *weights, int32_t stride)
{
    __m128i part[8];
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4 * pixels; ++i) {
        part[i] = _mm_setzero_si128();
    }
    for (int32_t i = 0; i < height; ++i) {
        const int16_t *value = rows[i] + at;
        for (int32_t k = 0; k < quads; ++k, value += 4, weights += stride) {
            __m128i values[2];
            ETCH_UNROLL_ALL
            for (int32_t p = 0; p < pixels; ++p) {
                long long four;
                memcpy(&four, value + p * step, 8);
                values[p] = _mm_set1_epi64x(four);
            }
            ETCH_UNROLL_ALL
            for (int32_t c = 0; c < 4; ++c) {
                const __m128i weight = _mm_cvtepi8_epi16(_mm_loadl_epi64((const __m128i *)(const void *)(weights + 16 * first + 8 * c)));
                ETCH_UNROLL_ALL
                for (int32_t p = 0; p < pixels; ++p) {
                    part[4 * p + c] = _mm_add_epi32(part[4 * p + c], _mm_madd_epi16(values[p], weight));
                    ETCH_KEEP(part[4 * p + c]);
                }
            }
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t p = 0; p < pixels; ++p) {
        __m128i *const quarter = sums[p * blocks].quarter + first;
        quarter[0] = _mm_add_epi32(quarter[0], _mm_hadd_epi32(part[4 * p], part[4 * p + 1]));
        quarter[1] = _mm_add_epi32(quarter[1], _mm_hadd_epi32(part[4 * p + 2], part[4 * p + 3]));
    }
}

/* sums[p * blocks + b]: pixel p, at rows[] + at + p * step, and channels 16 b to 16 b + 15, over `rows` of `quads` times four
 * values. Weights: [row][quad][blocks of all][16 channels][4], `stride` bytes per quad. */
static inline ETCH_FORCED ETCH_PERHAPS void etch_multiply_bytes(etch_lanes *sums, int32_t pixels, int32_t blocks,
    const etch_value *const *rows, int32_t at, int32_t height, int32_t quads, int32_t step, const int8_t *weights, int32_t stride)
{
    for (int32_t b = 0; b < blocks; ++b) {
        for (int32_t first = 0; first < 4; first += 2) {
            int32_t p = 0;
            for (; p + 2 <= pixels; p += 2) {
                etch_multiply_group(sums + p * blocks + b, 2, blocks, first, rows, at + p * step, height, quads, step, weights + 64 * b, stride);
            }
            if (pixels % 2 > 0) {
                etch_multiply_group(sums + p * blocks + b, 1, blocks, first, rows, at + p * step, height, quads, step, weights + 64 * b, stride);
            }
        }
    }
}

#else

static inline void etch_start_sums(etch_lanes *sums, int32_t pixels, int32_t blocks, const int32_t *start)
{
    for (int32_t i = 0; i < pixels * blocks; ++i) {
        memcpy(&sums[i], start + 16 * (i % blocks), sizeof *sums);
    }
}

/* sums[p * blocks + b]: pixel p, at rows[] + at + p * step, and channels 16 b to 16 b + 15, over `rows` of `quads` times four
 * values. Weights: [row][quad][blocks of all][16 channels][4], `stride` bytes per quad. */
static inline ETCH_PERHAPS void etch_multiply_bytes(etch_lanes *sums, int32_t pixels, int32_t blocks, const etch_value *const *rows,
    int32_t at, int32_t height, int32_t quads, int32_t step, const int8_t *weights, int32_t stride)
{
    for (int32_t i = 0; i < pixels * blocks; ++i) {
        const int8_t *weight = weights + 64 * (i % blocks);
        for (int32_t row = 0; row < height; ++row) {
            const uint8_t *value = rows[row] + at + i / blocks * step;
            for (int32_t k = 0; k < quads; ++k, value += 4, weight += stride) {
                for (int32_t n = 0; n < 16; ++n) {
                    sums[i].lane[n] += value[0] * weight[4 * n] + value[1] * weight[4 * n + 1] + value[2] * weight[4 * n + 2] + value[3] * weight[4 * n + 3];
                }
            }
        }
    }
}

#endif

#if defined(ETCH_VNNI_512)

/* 16 sums to whole numbers, before the zero point. */
static inline ETCH_FORCED __m512i etch_scaled_lanes(__m512i sum, const etch_scaling *scaling, int32_t channel)
{
    if (scaling->exact_scale == NULL) {
        __m512 offset = _mm512_loadu_ps(scaling->offset + channel);
        if (scaling->below != NULL) {
            offset = _mm512_mask_loadu_ps(offset, _mm512_movepi32_mask(sum), scaling->below + channel);
        }
        /* Rounded down twice, an exact product and sum stay in their interval between whole numbers. */
        const __m512 value = _mm512_fmadd_round_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(scaling->scale + channel), offset,
            _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
        return _mm512_cvt_roundps_epi32(value, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    }
    __m256i half[2];
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 2; ++i) {
        const __m256i part = i == 0 ? _mm512_castsi512_si256(sum) : _mm512_extracti64x4_epi64(sum, 1);
        const __m512d above = _mm512_loadu_pd(scaling->exact_offset + channel + 8 * i);
        const __m512d offset = _mm512_mask_loadu_pd(above, _mm256_movepi32_mask(part), scaling->exact_below + channel + 8 * i);
        const __m512d value = _mm512_fmadd_pd(_mm512_cvtepi32_pd(part), _mm512_loadu_pd(scaling->exact_scale + channel + 8 * i), offset);
        half[i] = _mm512_cvt_roundpd_epi32(value, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
    }
    return _mm512_inserti64x4(_mm512_castsi256_si512(half[0]), half[1], 1);
}

/* Four times 16 whole numbers to bytes, in order. */
static inline ETCH_FORCED __m512i etch_packed_lanes(__m512i a, __m512i b, __m512i c, __m512i d, const etch_scaling *scaling)
{
    const __m512i zero_point = _mm512_set1_epi16((short)scaling->zero_point);
    const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(a, b), zero_point);
    const __m512i high = _mm512_adds_epi16(_mm512_packs_epi32(c, d), zero_point);
    __m512i bytes = _mm512_packs_epi16(low, high);
    if (scaling->low > -128) {
        bytes = _mm512_max_epi8(bytes, _mm512_set1_epi8((char)scaling->low));
    }
    if (scaling->high < 127) {
        bytes = _mm512_min_epi8(bytes, _mm512_set1_epi8((char)scaling->high));
    }
    return _mm512_permutexvar_epi32(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), bytes);
}

/* Stores `channels` outputs of each pixel; pixels are `pitch` bytes apart. */
static inline ETCH_FORCED void etch_store_bytes(int8_t *output, int32_t pitch, int32_t channels, const etch_lanes *sums,
    int32_t pixels, int32_t blocks, const etch_scaling *scaling, int32_t first)
{
    const int32_t count = pixels * blocks;
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < count; i += 4) {
        __m512i part[4];
        ETCH_UNROLL_ALL
        for (int32_t j = 0; j < 4; ++j) {
            part[j] = i + j < count ? etch_scaled_lanes(sums[i + j], scaling, first + 16 * ((i + j) % blocks)) : part[0];
        }
        const __m512i bytes = etch_packed_lanes(part[0], part[1], part[2], part[3], scaling);
        if (i + 4 <= count && channels == 16 * blocks && (pitch == channels || blocks == 4)) {
            _mm512_storeu_si512(output + i / blocks * pitch + 16 * (i % blocks), bytes);
            continue;
        }
        if (i + 4 <= count && blocks == 1 && channels == 8 && pitch == 8) {
            const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 0, 2, 4, 6);
            _mm256_storeu_si256((__m256i *)(void *)(output + i * 8), _mm512_castsi512_si256(_mm512_permutexvar_epi64(order, bytes)));
            continue;
        }
        int8_t stored[64];
        _mm512_storeu_si512(stored, bytes);
        ETCH_UNROLL_ALL
        for (int32_t j = i; j < i + 4; ++j) {
            const int32_t left = channels - 16 * (j % blocks);
            if (j < count) {
                memcpy(output + j / blocks * pitch + 16 * (j % blocks), stored + 16 * (j - i), left < 16 ? (size_t)left : 16);
            }
        }
    }
}

#elif defined(ETCH_VNNI_256) || defined(ETCH_AVX2)

/* Four sums to whole numbers, before the zero point: in double precision, which makes no error. */
static inline ETCH_FORCED __m128i etch_scaled_quarter(__m128i sum, const etch_scaling *scaling, int32_t channel)
{
    __m256d scale, offset, below;
    if (scaling->exact_scale == NULL) {
        scale = _mm256_cvtps_pd(_mm_loadu_ps(scaling->scale + channel));
        offset = _mm256_cvtps_pd(_mm_loadu_ps(scaling->offset + channel));
        below = scaling->below != NULL ? _mm256_cvtps_pd(_mm_loadu_ps(scaling->below + channel)) : offset;
    } else {
        scale = _mm256_loadu_pd(scaling->exact_scale + channel);
        offset = _mm256_loadu_pd(scaling->exact_offset + channel);
        below = _mm256_loadu_pd(scaling->exact_below + channel);
    }
    const __m256d value = _mm256_cvtepi32_pd(sum);
    if (scaling->exact_scale != NULL || scaling->below != NULL) {
        offset = _mm256_blendv_pd(offset, below, value);
    }
    return _mm256_cvttpd_epi32(_mm256_floor_pd(_mm256_add_pd(_mm256_mul_pd(value, scale), offset)));
}

/* Eight sums to whole numbers, before the zero point. */
static inline ETCH_FORCED __m256i etch_scaled_half(__m256i sum, const etch_scaling *scaling, int32_t channel)
{
#if defined(ETCH_ROUNDED_DOWN)
    if (scaling->exact_scale == NULL) {
        __m256 offset = _mm256_loadu_ps(scaling->offset + channel);
        if (scaling->below != NULL) {
            offset = _mm256_blendv_ps(offset, _mm256_loadu_ps(scaling->below + channel), _mm256_castsi256_ps(sum));
        }
        /* Rounded down twice, an exact product and sum stay in their interval between whole numbers. */
        return _mm256_cvtps_epi32(_mm256_fmadd_ps(_mm256_cvtepi32_ps(sum), _mm256_loadu_ps(scaling->scale + channel), offset));
    }
#endif
    const __m128i low = etch_scaled_quarter(_mm256_castsi256_si128(sum), scaling, channel);
    return _mm256_inserti128_si256(_mm256_castsi128_si256(low), etch_scaled_quarter(_mm256_extracti128_si256(sum, 1), scaling, channel + 4), 1);
}

/* 16 sums to words with the zero point: channels 0 to 3, 8 to 11, 4 to 7, 12 to 15, as packing goes by halves of registers. */
static inline ETCH_FORCED __m256i etch_scaled_words(etch_lanes sums, const etch_scaling *scaling, int32_t channel)
{
    const __m256i whole = _mm256_packs_epi32(etch_scaled_half(sums.low, scaling, channel), etch_scaled_half(sums.high, scaling, channel + 8));
    return _mm256_adds_epi16(whole, _mm256_set1_epi16((short)scaling->zero_point));
}

/* Stores `channels` outputs of each pixel; pixels are `pitch` bytes apart. */
static inline ETCH_FORCED void etch_store_bytes(int8_t *output, int32_t pitch, int32_t channels, const etch_lanes *sums,
    int32_t pixels, int32_t blocks, const etch_scaling *scaling, int32_t first)
{
    const int32_t count = pixels * blocks;
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < count; i += 2) {
        const __m256i words = etch_scaled_words(sums[i], scaling, first + 16 * (i % blocks));
        const __m256i others = i + 1 < count ? etch_scaled_words(sums[i + 1], scaling, first + 16 * ((i + 1) % blocks)) : words;
        __m256i bytes = _mm256_packs_epi16(words, others);
        bytes = _mm256_permutevar8x32_epi32(bytes, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
        if (scaling->low > -128) {
            bytes = _mm256_max_epi8(bytes, _mm256_set1_epi8((char)scaling->low));
        }
        if (scaling->high < 127) {
            bytes = _mm256_min_epi8(bytes, _mm256_set1_epi8((char)scaling->high));
        }
        ETCH_UNROLL_ALL
        for (int32_t j = i; j < i + 2; ++j) {
            const __m128i half = j == i ? _mm256_castsi256_si128(bytes) : _mm256_extracti128_si256(bytes, 1);
            const int32_t left = channels - 16 * (j % blocks);
            int8_t *const target = output + j / blocks * pitch + 16 * (j % blocks);
            if (j < count && left >= 16) {
                _mm_storeu_si128((__m128i *)(void *)target, half);
            } else if (j < count) {
                memcpy(target, &half, (size_t)left);
            }
        }
    }
}

#elif defined(ETCH_SSE4)

/* Two sums, the lower ones of four, to whole numbers, before the zero point: in double precision, which makes no error. */
static inline ETCH_FORCED __m128i etch_scaled_pair(__m128i sum, const etch_scaling *scaling, int32_t channel)
{
    const __m128d value = _mm_cvtepi32_pd(sum);
    __m128d scale, offset, below;
    if (scaling->exact_scale == NULL) {
        const __m128 zero = _mm_setzero_ps();
        scale = _mm_cvtps_pd(_mm_loadl_pi(zero, (const __m64 *)(const void *)(scaling->scale + channel)));
        offset = _mm_cvtps_pd(_mm_loadl_pi(zero, (const __m64 *)(const void *)(scaling->offset + channel)));
        below = scaling->below != NULL ? _mm_cvtps_pd(_mm_loadl_pi(zero, (const __m64 *)(const void *)(scaling->below + channel))) : offset;
    } else {
        scale = _mm_loadu_pd(scaling->exact_scale + channel);
        offset = _mm_loadu_pd(scaling->exact_offset + channel);
        below = _mm_loadu_pd(scaling->exact_below + channel);
    }
    if (scaling->exact_scale != NULL || scaling->below != NULL) {
        offset = _mm_blendv_pd(offset, below, value);
    }
    return _mm_cvttpd_epi32(_mm_floor_pd(_mm_add_pd(_mm_mul_pd(value, scale), offset)));
}

static inline ETCH_FORCED __m128i etch_scaled_quarter(__m128i sum, const etch_scaling *scaling, int32_t channel)
{
    const __m128i low = etch_scaled_pair(sum, scaling, channel);
    return _mm_unpacklo_epi64(low, etch_scaled_pair(_mm_unpackhi_epi64(sum, sum), scaling, channel + 2));
}

/* Stores `channels` outputs of each pixel; pixels are `pitch` bytes apart. */
static inline ETCH_FORCED void etch_store_bytes(int8_t *output, int32_t pitch, int32_t channels, const etch_lanes *sums,
    int32_t pixels, int32_t blocks, const etch_scaling *scaling, int32_t first)
{
    for (int32_t i = 0; i < pixels * blocks; ++i) {
        const int32_t channel = first + 16 * (i % blocks), left = channels - 16 * (i % blocks);
        const __m128i zero_point = _mm_set1_epi16((short)scaling->zero_point);
        __m128i whole[4];
        ETCH_UNROLL_ALL
        for (int32_t q = 0; q < 4; ++q) {
            whole[q] = etch_scaled_quarter(sums[i].quarter[q], scaling, channel + 4 * q);
        }
        const __m128i low = _mm_adds_epi16(_mm_packs_epi32(whole[0], whole[1]), zero_point);
        const __m128i high = _mm_adds_epi16(_mm_packs_epi32(whole[2], whole[3]), zero_point);
        __m128i bytes = _mm_packs_epi16(low, high);
        bytes = _mm_max_epi8(bytes, _mm_set1_epi8((char)scaling->low));
        bytes = _mm_min_epi8(bytes, _mm_set1_epi8((char)scaling->high));
        int8_t *const target = output + i / blocks * pitch + 16 * (i % blocks);
        if (left >= 16) {
            _mm_storeu_si128((__m128i *)(void *)target, bytes);
        } else {
            memcpy(target, &bytes, (size_t)left);
        }
    }
}

#else

/* Stores `channels` outputs of each pixel; pixels are `pitch` bytes apart. Double precision makes no error here. */
static inline void etch_store_bytes(int8_t *output, int32_t pitch, int32_t channels, const etch_lanes *sums, int32_t pixels,
    int32_t blocks, const etch_scaling *scaling, int32_t first)
{
    const int exact = scaling->exact_scale != NULL;
    for (int32_t p = 0; p < pixels; ++p) {
        for (int32_t n = 0; n < channels; ++n) {
            const int32_t sum = sums[p * blocks + n / 16].lane[n % 16];
            const double scale = exact ? scaling->exact_scale[first + n] : (double)scaling->scale[first + n];
            double offset = exact ? scaling->exact_offset[first + n] : (double)scaling->offset[first + n];
            if (sum < 0 && exact) {
                offset = scaling->exact_below[first + n];
            } else if (sum < 0 && scaling->below != NULL) {
                offset = (double)scaling->below[first + n];
            }
            const double value = (double)sum * scale + offset;
            const int32_t whole = (int32_t)value - (value < (double)(int32_t)value) + scaling->zero_point;
            output[p * pitch + n] = (int8_t)(whole < scaling->low ? scaling->low : whole > scaling->high ? scaling->high
                                                                                                         : whole);
        }
    }
}

#endif

#endif
