/* SPDX-License-Identifier: MIT-0
 *
 * Sums of products in single precision, 16 channels at a time. The products of an output are added in the order of the filter,
 * the bias comes last; where the processor has it, product and sum are rounded once.
 */
#ifndef ETCH_X86_FLOATS_H
#define ETCH_X86_FLOATS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "x86_levels.h"

#if defined(__AVX512F__)
#define ETCH_FLOATS_512
typedef __m512 etch_floats;
#elif defined(__AVX2__) && defined(__FMA__)
#define ETCH_FLOATS_256
typedef struct etch_floats {
    __m256 low, high;
} etch_floats;
#else
typedef struct etch_floats {
    float lane[16];
} etch_floats;
#endif

static inline ETCH_FORCED etch_floats etch_zero_floats(void)
{
#if defined(ETCH_FLOATS_512)
    return _mm512_setzero_ps();
#elif defined(ETCH_FLOATS_256)
    return (etch_floats){_mm256_setzero_ps(), _mm256_setzero_ps()};
#else
    return (etch_floats){{0.0f}};
#endif
}

static inline ETCH_FORCED etch_floats etch_load_floats(const float *values)
{
#if defined(ETCH_FLOATS_512)
    return _mm512_loadu_ps(values);
#elif defined(ETCH_FLOATS_256)
    return (etch_floats){_mm256_loadu_ps(values), _mm256_loadu_ps(values + 8)};
#else
    etch_floats floats;
    memcpy(&floats, values, sizeof floats);
    return floats;
#endif
}

/* sum + a * b */
static inline ETCH_FORCED etch_floats etch_add_product(etch_floats sum, etch_floats a, etch_floats b)
{
#if defined(ETCH_FLOATS_512)
    return _mm512_fmadd_ps(a, b, sum);
#elif defined(ETCH_FLOATS_256)
    return (etch_floats){_mm256_fmadd_ps(a.low, b.low, sum.low), _mm256_fmadd_ps(a.high, b.high, sum.high)};
#else
    for (int32_t i = 0; i < 16; ++i) {
        sum.lane[i] += a.lane[i] * b.lane[i];
    }
    return sum;
#endif
}

static inline ETCH_FORCED etch_floats etch_same_floats(float value)
{
#if defined(ETCH_FLOATS_512)
    return _mm512_set1_ps(value);
#elif defined(ETCH_FLOATS_256)
    return (etch_floats){_mm256_set1_ps(value), _mm256_set1_ps(value)};
#else
    etch_floats floats;
    for (int32_t i = 0; i < 16; ++i) {
        floats.lane[i] = value;
    }
    return floats;
#endif
}

static inline ETCH_FORCED void etch_keep_floats(etch_floats *sum)
{
#if defined(ETCH_FLOATS_512)
    ETCH_KEEP(*sum);
#elif defined(ETCH_FLOATS_256)
    ETCH_KEEP(sum->low);
    ETCH_KEEP(sum->high);
#else
    (void)sum;
#endif
}

#if defined(ETCH_FLOATS_512)

enum { ETCH_FLOAT_SUMS = 24 }; /* that fit the registers */

#else

enum { ETCH_FLOAT_SUMS = 6 }; /* that fit the registers */

#endif

/* sums[p * blocks + b]: pixel p, at rows[] + at + p * step, and channels 16 b to 16 b + 15, over `height` rows of `count` values.
 * Weights: [row][value][blocks of all][16 channels], `stride` floats per value. */
static inline ETCH_FORCED void etch_multiply_part(etch_floats *sums, int32_t pixels, int32_t blocks, int32_t all,
    const float *const *rows, int32_t at, int32_t height, int32_t count, int32_t step, const float *weights, int32_t stride)
{
    etch_floats part[ETCH_FLOAT_SUMS];
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < pixels * blocks; ++i) {
        part[i] = etch_zero_floats();
    }
    for (int32_t i = 0; i < height; ++i) {
        const float *value = rows[i] + at;
        for (int32_t k = 0; k < count; ++k, ++value, weights += stride) {
            etch_floats weight[8];
            ETCH_UNROLL_ALL
            for (int32_t b = 0; b < blocks; ++b) {
                weight[b] = etch_load_floats(weights + 16 * b);
            }
            ETCH_UNROLL_ALL
            for (int32_t p = 0; p < pixels; ++p) {
                ETCH_UNROLL_ALL
                for (int32_t b = 0; b < blocks; ++b) {
                    part[p * blocks + b] = etch_add_product(part[p * blocks + b], etch_same_floats(value[p * step]), weight[b]);
                    etch_keep_floats(&part[p * blocks + b]);
                }
            }
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < pixels * blocks; ++i) {
        sums[i / blocks * all + i % blocks] = part[i];
    }
}

/* The same, in parts that the registers can hold. */
static inline ETCH_FORCED void etch_multiply_floats(etch_floats *sums, int32_t pixels, int32_t blocks,
    const float *const *rows, int32_t at, int32_t height, int32_t count, int32_t step, const float *weights, int32_t stride)
{
    if (pixels * blocks <= ETCH_FLOAT_SUMS) {
        etch_multiply_part(sums, pixels, blocks, blocks, rows, at, height, count, step, weights, stride);
        return;
    }
    const int32_t wide = blocks > 1 ? 2 : 1, most = ETCH_FLOAT_SUMS / wide;
    for (int32_t b = 0; b + wide <= blocks; b += wide) {
        int32_t p = 0;
        for (; p + most <= pixels; p += most) {
            etch_multiply_part(sums + p * blocks + b, most, wide, blocks, rows, at + p * step, height, count, step, weights + 16 * b, stride);
        }
        if (pixels % most > 0) {
            etch_multiply_part(sums + p * blocks + b, pixels % most, wide, blocks, rows, at + p * step, height, count, step, weights + 16 * b, stride);
        }
    }
    if (blocks % wide > 0) {
        const int32_t b = blocks - 1;
        for (int32_t p = 0; p < pixels; ++p) {
            etch_multiply_part(sums + p * blocks + b, 1, 1, blocks, rows, at + p * step, height, count, step, weights + 16 * b, stride);
        }
    }
}

/* Sum and bias, within the limits; infinite ones are none. The first `channels` lanes are stored. */
static inline ETCH_FORCED void etch_store_lanes(float *output, etch_floats sum, const float *bias, int32_t channels, float low, float high)
{
#if defined(ETCH_FLOATS_512)
    sum = _mm512_add_ps(sum, _mm512_loadu_ps(bias));
    sum = low > -INFINITY ? _mm512_max_ps(sum, _mm512_set1_ps(low)) : sum;
    sum = high < INFINITY ? _mm512_min_ps(sum, _mm512_set1_ps(high)) : sum;
#elif defined(ETCH_FLOATS_256)
    sum.low = _mm256_add_ps(sum.low, _mm256_loadu_ps(bias));
    sum.high = _mm256_add_ps(sum.high, _mm256_loadu_ps(bias + 8));
    sum.low = low > -INFINITY ? _mm256_max_ps(sum.low, _mm256_set1_ps(low)) : sum.low;
    sum.high = low > -INFINITY ? _mm256_max_ps(sum.high, _mm256_set1_ps(low)) : sum.high;
    sum.low = high < INFINITY ? _mm256_min_ps(sum.low, _mm256_set1_ps(high)) : sum.low;
    sum.high = high < INFINITY ? _mm256_min_ps(sum.high, _mm256_set1_ps(high)) : sum.high;
#else
    for (int32_t i = 0; i < 16; ++i) {
        const float value = sum.lane[i] + bias[i];
        const float limited = value < low ? low : value;
        sum.lane[i] = limited > high ? high : limited;
    }
#endif
    memcpy(output, &sum, channels < 16 ? (size_t)channels * sizeof *output : sizeof sum);
}

/* Stores `channels` outputs of each pixel; pixels are `pitch` floats apart. */
static inline ETCH_FORCED void etch_store_floats(float *output, int32_t pitch, int32_t channels, const etch_floats *sums, int32_t pixels,
    int32_t blocks, const float *bias, float low, float high)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < pixels * blocks; ++i) {
        const int32_t first = 16 * (i % blocks);
        etch_store_lanes(output + i / blocks * pitch + first, sums[i], bias + first, channels - first, low, high);
    }
}

/* Depthwise: outputs of `pixels` pixels, `across` at a time, of 16 channels. Pixels are `step` floats apart in the rows, columns of
 * the filter `spread`. Weights: [row][column][16]. */
static inline ETCH_FORCED void etch_depthwise_floats(float *output, int32_t pitch, int32_t channels, int32_t pixels, int32_t across,
    const float *const *rows, int32_t at, int32_t step, int32_t spread, int32_t height, int32_t width, const float *weights,
    const float *bias, float low, float high)
{
    for (int32_t x = 0; x < pixels; x += across) {
        etch_floats sums[4];
        ETCH_UNROLL_ALL
        for (int32_t p = 0; p < across; ++p) {
            sums[p] = etch_zero_floats();
        }
        for (int32_t i = 0; i < height; ++i) {
            ETCH_UNROLL_ALL
            for (int32_t j = 0; j < width; ++j) {
                const etch_floats weight = etch_load_floats(weights + (i * width + j) * 16);
                ETCH_UNROLL_ALL
                for (int32_t p = 0; p < across; ++p) {
                    sums[p] = etch_add_product(sums[p], etch_load_floats(rows[i] + at + (x + p) * step + j * spread), weight);
                }
            }
        }
        etch_store_floats(output + x * pitch, pitch, channels, sums, across, 1, bias, low, high);
    }
}

#endif
