/* SPDX-License-Identifier: MIT-0
 *
 * Sums of products in single precision, 16 channels at a time. The products of an output are added in the order of the filter,
 * the bias comes last; on NEON, product and sum are rounded once.
 */
#ifndef ETCH_NEON_FLOATS_H
#define ETCH_NEON_FLOATS_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "neon_levels.h"

#if defined(ETCH_NEON)

typedef struct etch_floats {
    float32x4_t part[4];
} etch_floats;

enum { ETCH_FLOAT_PIXELS = 5 }; /* whose sums of 16 channels fit the registers */

static inline ETCH_FORCED etch_floats etch_load_floats(const float *values)
{
    return (etch_floats){{vld1q_f32(values), vld1q_f32(values + 4), vld1q_f32(values + 8), vld1q_f32(values + 12)}};
}

static inline ETCH_FORCED etch_floats etch_zero_floats(void)
{
    return (etch_floats){{vdupq_n_f32(0.0f), vdupq_n_f32(0.0f), vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)}};
}

/* sum + a * b */
static inline ETCH_FORCED etch_floats etch_add_product(etch_floats sum, etch_floats a, etch_floats b)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4; ++i) {
        sum.part[i] = vfmaq_f32(sum.part[i], a.part[i], b.part[i]);
    }
    return sum;
}

/* sum + value * b */
static inline ETCH_FORCED etch_floats etch_add_scaled(etch_floats sum, float value, etch_floats b)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4; ++i) {
        sum.part[i] = vfmaq_n_f32(sum.part[i], b.part[i], value);
    }
    return sum;
}

/* Sum and bias, within the limits; infinite ones are none. The first `channels` lanes are stored. */
static inline ETCH_FORCED void etch_store_lanes(float *output, etch_floats sum, const float *bias, int32_t channels, float low, float high)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4; ++i) {
        float32x4_t value = vaddq_f32(sum.part[i], vld1q_f32(bias + 4 * i));
        value = low > -INFINITY ? vmaxq_f32(value, vdupq_n_f32(low)) : value;
        value = high < INFINITY ? vminq_f32(value, vdupq_n_f32(high)) : value;
        if (channels >= 4 * i + 4) {
            vst1q_f32(output + 4 * i, value);
        } else if (channels > 4 * i) {
            memcpy(output + 4 * i, &value, (size_t)(channels - 4 * i) * sizeof *output);
        }
    }
}

#else

typedef struct etch_floats {
    float lane[16];
} etch_floats;

enum { ETCH_FLOAT_PIXELS = 5 };

static inline etch_floats etch_load_floats(const float *values)
{
    etch_floats floats;
    memcpy(&floats, values, sizeof floats);
    return floats;
}

static inline etch_floats etch_zero_floats(void)
{
    return (etch_floats){{0.0f}};
}

/* sum + a * b */
static inline etch_floats etch_add_product(etch_floats sum, etch_floats a, etch_floats b)
{
    for (int32_t i = 0; i < 16; ++i) {
        sum.lane[i] += a.lane[i] * b.lane[i];
    }
    return sum;
}

/* sum + value * b */
static inline etch_floats etch_add_scaled(etch_floats sum, float value, etch_floats b)
{
    for (int32_t i = 0; i < 16; ++i) {
        sum.lane[i] += value * b.lane[i];
    }
    return sum;
}

/* Sum and bias, within the limits; infinite ones are none. The first `channels` lanes are stored. */
static inline void etch_store_lanes(float *output, etch_floats sum, const float *bias, int32_t channels, float low, float high)
{
    for (int32_t i = 0; i < 16; ++i) {
        const float value = sum.lane[i] + bias[i];
        const float limited = value < low ? low : value;
        sum.lane[i] = limited > high ? high : limited;
    }
    memcpy(output, &sum, channels < 16 ? (size_t)channels * sizeof *output : sizeof sum);
}

#endif

/* The sums of a few pixels and 16 channels: see etch_multiply_floats; those of the next pixel are `apart` places further. */
static inline ETCH_FORCED void etch_multiply_part(etch_floats *sums, int32_t apart, int32_t pixels, const float *const *rows, int32_t at,
    int32_t height, int32_t count, int32_t step, const float *weights, int32_t stride)
{
    etch_floats part[ETCH_FLOAT_PIXELS];
    ETCH_UNROLL_ALL
    for (int32_t p = 0; p < pixels; ++p) {
        part[p] = etch_zero_floats();
    }
    ETCH_UNROLL_1
    for (int32_t i = 0; i < height; ++i) {
        const float *value = rows[i] + at;
        int32_t k = 0;
#if defined(ETCH_NEON)
        ETCH_UNROLL_1
        for (; k < count / 4 * 4; k += 4, value += 4) {
            float32x4_t values[ETCH_FLOAT_PIXELS];
            ETCH_UNROLL_ALL
            for (int32_t p = 0; p < pixels; ++p) {
                values[p] = vld1q_f32(value + p * step);
            }
            ETCH_UNROLL_ALL
            for (int32_t j = 0; j < 4; ++j, weights += stride) {
                const etch_floats weight = etch_load_floats(weights);
                ETCH_UNROLL_ALL
                for (int32_t p = 0; p < pixels; ++p) {
                    part[p] = etch_add_scaled(part[p], values[p][j], weight);
                }
            }
        }
#endif
        ETCH_UNROLL_1
        for (; k < count; ++k, ++value, weights += stride) {
            const etch_floats weight = etch_load_floats(weights);
            ETCH_UNROLL_ALL
            for (int32_t p = 0; p < pixels; ++p) {
                part[p] = etch_add_scaled(part[p], value[p * step], weight);
            }
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t p = 0; p < pixels; ++p) {
        sums[p * apart] = part[p];
    }
}

/* sums[p * blocks + b]: pixel p, at rows[] + at + p * step, and channels 16 b to 16 b + 15, over `height` rows of `count` values.
 * Weights: [row][value][blocks of all][16 channels], `stride` floats per value. In parts of as many pixels as fit the registers, and as
 * equal as can be. */
static inline ETCH_FORCED void etch_multiply_floats(etch_floats *sums, int32_t pixels, int32_t blocks,
    const float *const *rows, int32_t at, int32_t height, int32_t count, int32_t step, const float *weights, int32_t stride)
{
    const int32_t parts = (pixels + ETCH_FLOAT_PIXELS - 1) / ETCH_FLOAT_PIXELS, across = (pixels + parts - 1) / parts;
    for (int32_t b = 0; b < blocks; ++b) {
        int32_t p = 0;
        for (; p + across <= pixels; p += across) {
            etch_multiply_part(sums + p * blocks + b, blocks, across, rows, at + p * step, height, count, step, weights + 16 * b, stride);
        }
        if (pixels % across > 0) {
            etch_multiply_part(sums + p * blocks + b, blocks, pixels % across, rows, at + p * step, height, count, step, weights + 16 * b, stride);
        }
    }
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
