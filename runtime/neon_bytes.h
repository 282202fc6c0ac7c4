/* SPDX-License-Identifier: MIT-0
 *
 * Sums of products of signed bytes and their requantisation, 16 or 8 channels at a time. Weights lie as eight values of one channel,
 * eight of the next: a vector is two channels, which is what a product of matrices takes (two pixels by two channels); a dot product
 * takes a pixel's eight values twice, and makes two partial sums of each channel; without it, products of 16 bits are added pair by
 * pair. So weights are loaded once at all levels and never shuffled.
 */
#ifndef ETCH_NEON_BYTES_H
#define ETCH_NEON_BYTES_H

#include <stdint.h>
#include <string.h>

#include "neon_levels.h"

/* How sums become outputs. Scales: of each four channels the biases, the multipliers, the shifts (negative: to the right).
 * two_products: two products fit 16 bits, as no weight is -128. */
typedef struct etch_scaling {
    const int32_t *scales;
    int32_t zero_point, low, high, two_products;
} etch_scaling;

#if defined(ETCH_NEON)

/* sum * multiplier * 2^(-31 + shift), rounded twice as TensorFlow Lite's MultiplyByQuantizedMultiplier does: to nearest after 31 bits,
 * then to nearest with ties away from zero. `exact`: also where the result is below 0. */
static inline ETCH_FORCED int32x4_t etch_scaled_sums(int32x4_t sum, int32x4_t multiplier, int32x4_t shift, int exact)
{
    int32x4_t high = vqrdmulhq_s32(sum, multiplier);
    if (exact) {
        high = vsraq_n_s32(high, high, 31);
    }
    return vrshlq_s32(high, shift);
}

/* Stores `channels` outputs of each pixel; pixels are `pitch` bytes apart. sums[p * wide / 4 + i]: pixel p, channels 4 i to 4 i + 3 of
 * 16 or 8 (`wide`), the first of which is `channel`. Where the zero point is the least output, rounding below it does not show. */
static inline ETCH_FORCED void etch_store_sums(int8_t *output, int32_t pitch, int32_t channels, const int32x4_t *sums, int32_t pixels,
    int32_t wide, const etch_scaling *scaling, int32_t channel)
{
    int16x8_t words[16];
    const int exact = scaling->low < scaling->zero_point;
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < wide / 8; ++i) {
        const int32_t *const scale = scaling->scales + 3 * (channel + 8 * i);
        const int32x4_t multiplier[2] = {vld1q_s32(scale + 4), vld1q_s32(scale + 16)};
        const int32x4_t shift[2] = {vld1q_s32(scale + 8), vld1q_s32(scale + 20)};
        ETCH_UNROLL_ALL
        for (int32_t p = 0; p < pixels; ++p) {
            const int32x4_t *const sum = sums + (p * wide + 8 * i) / 4;
            const int16x4_t low = vqmovn_s32(etch_scaled_sums(sum[0], multiplier[0], shift[0], exact));
            const int16x8_t both = vqmovn_high_s32(low, etch_scaled_sums(sum[1], multiplier[1], shift[1], exact));
            words[p * wide / 8 + i] = vqaddq_s16(both, vdupq_n_s16((int16_t)scaling->zero_point));
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t p = 0; p < pixels; ++p) {
        const int8x8_t first = vqmovn_s16(words[p * wide / 8]);
        int8x16_t bytes = wide == 8 ? vcombine_s8(first, first) : vqmovn_high_s16(first, words[p * wide / 8 + 1]);
        if (scaling->low > -128) {
            bytes = vmaxq_s8(bytes, vdupq_n_s8((int8_t)scaling->low));
        }
        if (scaling->high < 127) {
            bytes = vminq_s8(bytes, vdupq_n_s8((int8_t)scaling->high));
        }
        if (channels >= 16) {
            vst1q_s8(output + p * pitch, bytes);
        } else if (channels == 8) {
            vst1_s8(output + p * pitch, vget_low_s8(bytes));
        } else {
            int8_t stored[16];
            vst1q_s8(stored, bytes);
            memcpy(output + p * pitch, stored, (size_t)channels);
        }
    }
}

/* Eight values, twice */
static inline ETCH_FORCED int8x16_t etch_eight_twice(const int8_t *values)
{
    int64_t eight;
    memcpy(&eight, values, sizeof eight);
    return vreinterpretq_s8_s64(vdupq_n_s64(eight));
}

#endif

#if defined(ETCH_MATRICES)

enum { ETCH_ACROSS_16 = 6 }; /* pixels whose sums fit the registers */
enum { ETCH_ACROSS_8 = 8 };

/* The outputs of a few pixels and one block of channels: see etch_multiply_line. A register has the sums of two pixels and two
 * channels. */
static inline ETCH_FORCED void etch_multiply_block(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels, int32_t wide,
    const int8_t *const *rows, int32_t at, int32_t height, int32_t eights, int32_t step, const int8_t *weights,
    const etch_scaling *scaling, int32_t channel)
{
    const int32_t couples = (pixels + 1) / 2, pairs = wide / 2;
    int32x4_t part[24], sums[32];
    ETCH_UNROLL_ALL
    for (int32_t j = 0; j < pairs; ++j) {
        const int32x2_t start = vld1_s32(scaling->scales + (channel + 2 * j) / 4 * 12 + j % 2 * 2);
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < couples; ++i) {
            part[i * pairs + j] = vcombine_s32(start, start);
        }
    }
    ETCH_UNROLL_1
    for (int32_t row = 0; row < height; ++row) {
        const int8_t *value = rows[row] + at;
        ETCH_UNROLL_2
        for (int32_t k = 0; k < eights; ++k, value += 8, weights += 8 * wide) {
            int8x16_t values[4];
            ETCH_UNROLL_ALL
            for (int32_t i = 0; i < couples; ++i) {
                const int8_t *const first = value + 2 * i * step;
                values[i] = 2 * i + 1 < pixels ? vcombine_s8(vld1_s8(first), vld1_s8(first + step)) : etch_eight_twice(first);
            }
            ETCH_UNROLL_ALL
            for (int32_t j = 0; j < pairs; ++j) {
                const int8x16_t weight = vld1q_s8(weights + 16 * j);
                ETCH_UNROLL_ALL
                for (int32_t i = 0; i < couples; ++i) {
                    part[i * pairs + j] = vmmlaq_s32(part[i * pairs + j], values[i], weight);
                    ETCH_KEEP(part[i * pairs + j]);
                }
            }
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t p = 0; p < pixels; ++p) {
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < wide / 4; ++i) {
            const int64x2_t a = vreinterpretq_s64_s32(part[p / 2 * pairs + 2 * i]), b = vreinterpretq_s64_s32(part[p / 2 * pairs + 2 * i + 1]);
            sums[p * wide / 4 + i] = vreinterpretq_s32_s64(p % 2 == 0 ? vzip1q_s64(a, b) : vzip2q_s64(a, b));
        }
    }
    etch_store_sums(output, pitch, channels, sums, pixels, wide, scaling, channel);
}

#elif defined(ETCH_DOTS)

enum { ETCH_ACROSS_16 = 3 }; /* pixels whose sums fit the registers */
enum { ETCH_ACROSS_8 = 6 };

/* The outputs of a few pixels and one block of channels: see etch_multiply_line. A register has two partial sums of each of two
 * channels. */
static inline ETCH_FORCED void etch_multiply_block(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels, int32_t wide,
    const int8_t *const *rows, int32_t at, int32_t height, int32_t eights, int32_t step, const int8_t *weights,
    const etch_scaling *scaling, int32_t channel)
{
    const int32_t pairs = wide / 2;
    int32x4_t part[24], sums[12];
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < wide / 4; ++i) {
        const int32x4_t start = vld1q_s32(scaling->scales + 3 * channel + 12 * i), zero = vdupq_n_s32(0);
        ETCH_UNROLL_ALL
        for (int32_t p = 0; p < pixels; ++p) {
            part[p * pairs + 2 * i] = vzip1q_s32(start, zero);
            part[p * pairs + 2 * i + 1] = vzip2q_s32(start, zero);
        }
    }
    ETCH_UNROLL_1
    for (int32_t row = 0; row < height; ++row) {
        const int8_t *value = rows[row] + at;
        ETCH_UNROLL_2
        for (int32_t k = 0; k < eights; ++k, value += 8, weights += 8 * wide) {
            int8x16_t values[6];
            ETCH_UNROLL_ALL
            for (int32_t p = 0; p < pixels; ++p) {
                values[p] = etch_eight_twice(value + p * step);
            }
            ETCH_UNROLL_ALL
            for (int32_t j = 0; j < pairs; ++j) {
                const int8x16_t weight = vld1q_s8(weights + 16 * j);
                ETCH_UNROLL_ALL
                for (int32_t p = 0; p < pixels; ++p) {
                    part[p * pairs + j] = vdotq_s32(part[p * pairs + j], values[p], weight);
                    ETCH_KEEP(part[p * pairs + j]);
                }
            }
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < pixels * wide / 4; ++i) {
        sums[i] = vpaddq_s32(part[2 * i], part[2 * i + 1]);
    }
    etch_store_sums(output, pitch, channels, sums, pixels, wide, scaling, channel);
}

#elif defined(ETCH_NEON)

enum { ETCH_ACROSS_16 = 2 }; /* pixels whose sums fit the registers */
enum { ETCH_ACROSS_8 = 2 };

/* Adds the products of one pair of channels to four partial sums of each: of eight values, or of 16 (`second`). */
static inline ETCH_FORCED void etch_add_pair(int32x4_t *sums, int8x16_t value, int8x16_t weight, int8x16_t next_value, int8x16_t next_weight,
    int second, int two_products)
{
    int16x8_t low = vmull_s8(vget_low_s8(weight), vget_low_s8(value)), high = vmull_high_s8(weight, value);
    if (second && two_products) {
        low = vmlal_s8(low, vget_low_s8(next_weight), vget_low_s8(next_value));
        high = vmlal_high_s8(high, next_weight, next_value);
    }
    ETCH_KEEP(low);
    ETCH_KEEP(high);
    sums[0] = vpadalq_s16(sums[0], low);
    sums[1] = vpadalq_s16(sums[1], high);
    ETCH_KEEP(sums[0]);
    ETCH_KEEP(sums[1]);
    if (second && !two_products) {
        sums[0] = vpadalq_s16(sums[0], vmull_s8(vget_low_s8(next_weight), vget_low_s8(next_value)));
        sums[1] = vpadalq_s16(sums[1], vmull_high_s8(next_weight, next_value));
    }
}

/* Eight or 16 (`second`) values of a few pixels times those of eight channels, `stride` bytes apart. */
static inline ETCH_FORCED void etch_multiply_values(int32x4_t *part, int32_t pixels, const int8_t *value, int32_t step,
    const int8_t *weights, int32_t stride, int second, int two_products)
{
    int8x16_t values[2], next_values[2];
    ETCH_UNROLL_ALL
    for (int32_t p = 0; p < pixels; ++p) {
        values[p] = etch_eight_twice(value + p * step);
        next_values[p] = second ? etch_eight_twice(value + p * step + 8) : values[p];
    }
    ETCH_UNROLL_ALL
    for (int32_t j = 0; j < 4; ++j) {
        const int8x16_t weight = vld1q_s8(weights + 16 * j), next_weight = second ? vld1q_s8(weights + stride + 16 * j) : weight;
        ETCH_UNROLL_ALL
        for (int32_t p = 0; p < pixels; ++p) {
            etch_add_pair(part + 8 * p + 2 * j, values[p], weight, next_values[p], next_weight, second, two_products);
        }
    }
}

/* The outputs of a few pixels and one block of channels, eight at a time: see etch_multiply_line. A register has four partial sums of
 * a channel. */
static inline ETCH_FORCED void etch_multiply_block(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels, int32_t wide,
    const int8_t *const *rows, int32_t at, int32_t height, int32_t eights, int32_t step, const int8_t *weights,
    const etch_scaling *scaling, int32_t channel)
{
    for (int32_t n = 0; n < wide; n += 8, weights += 64) {
        int32x4_t part[16], sums[4];
        const int8_t *weight = weights;
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < 8 * pixels; ++i) {
            part[i] = vdupq_n_s32(0);
        }
        ETCH_UNROLL_1
        for (int32_t row = 0; row < height; ++row) {
            const int8_t *value = rows[row] + at;
            ETCH_UNROLL_1
            for (int32_t k = 0; k < eights / 2; ++k, value += 16, weight += 16 * wide) {
                etch_multiply_values(part, pixels, value, step, weight, 8 * wide, 1, scaling->two_products);
            }
            if (eights % 2 > 0) {
                etch_multiply_values(part, pixels, value, step, weight, 8 * wide, 0, scaling->two_products);
                weight += 8 * wide;
            }
        }
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < 2 * pixels; ++i) {
            const int32x4_t low = vpaddq_s32(part[4 * i], part[4 * i + 1]), high = vpaddq_s32(part[4 * i + 2], part[4 * i + 3]);
            sums[i] = vaddq_s32(vpaddq_s32(low, high), vld1q_s32(scaling->scales + 3 * (channel + n) + i % 2 * 12));
        }
        etch_store_sums(output + n, pitch, channels - n < 8 ? channels - n : 8, sums, pixels, 8, scaling, channel + n);
    }
}

#else

enum { ETCH_ACROSS_16 = 1 };
enum { ETCH_ACROSS_8 = 1 };

/* One output; two roundings as TensorFlow Lite makes them: see requantise_right.h. */
static inline int8_t etch_scaled_sum(int32_t sum, const etch_scaling *scaling, int32_t channel)
{
    const int32_t *const scale = scaling->scales + channel / 4 * 12 + channel % 4;
    const int32_t right = -scale[8];
    const int32_t high = (int32_t)(((int64_t)(2 * sum) * scale[4] + INT64_C(0x80000000)) >> 32);
    const int32_t value = ((high + (1 << (right - 1)) - (high < 0)) >> right) + scaling->zero_point;
    return (int8_t)(value < scaling->low ? scaling->low : value > scaling->high ? scaling->high
                                                                                : value);
}

/* The outputs of one pixel and one block of channels: see etch_multiply_line. */
static inline void etch_multiply_block(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels, int32_t wide,
    const int8_t *const *rows, int32_t at, int32_t height, int32_t eights, int32_t step, const int8_t *weights,
    const etch_scaling *scaling, int32_t channel)
{
    (void)pitch;
    (void)pixels;
    (void)step;
    for (int32_t n = 0; n < channels; ++n) {
        int32_t sum = scaling->scales[(channel + n) / 4 * 12 + n % 4];
        for (int32_t row = 0; row < height; ++row) {
            const int8_t *value = rows[row] + at, *weight = weights + 8 * (row * eights * wide + n);
            for (int32_t k = 0; k < eights; ++k, value += 8, weight += 8 * wide) {
                for (int32_t i = 0; i < 8; ++i) {
                    sum += value[i] * weight[i];
                }
            }
        }
        output[n] = etch_scaled_sum(sum, scaling, channel + n);
    }
}

#endif

/* Pixels of a block: as many as fit the registers, and as equal as can be. */
static inline ETCH_FORCED int32_t etch_pixels_across(int32_t pixels, int32_t wide)
{
    const int32_t most = wide == 8 ? ETCH_ACROSS_8 : ETCH_ACROSS_16, count = (pixels + most - 1) / most;
    return (pixels + count - 1) / count;
}

/* `channels` outputs, at most `wide` (16 or 8), of each of `pixels` pixels: these are `step` values apart, their outputs `pitch`. Each
 * reads `height` runs of `eights` times eight values, at rows[] + at. Weights: [row][eight][wide][8]; `channel` is the first one's
 * place in the scales. */
static inline ETCH_FORCED void etch_multiply_line(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels, int32_t wide,
    const int8_t *const *rows, int32_t at, int32_t height, int32_t eights, int32_t step, const int8_t *weights,
    const etch_scaling *scaling, int32_t channel)
{
    const int32_t across = etch_pixels_across(pixels, wide), rest = pixels % across;
    for (int32_t x = 0; x < pixels - rest; x += across) {
        etch_multiply_block(output + x * pitch, pitch, channels, across, wide, rows, at + x * step, height, eights, step, weights, scaling, channel);
    }
    if (rest > 0) {
        const int32_t x = pixels - rest;
        etch_multiply_block(output + x * pitch, pitch, channels, rest, wide, rows, at + x * step, height, eights, step, weights, scaling, channel);
    }
}

#endif
