/* SPDX-License-Identifier: MIT-0
 *
 * Sums of products in single precision, 16 channels at a time. The products of an output are added in the order of the filter,
 * the bias comes last.
 */
#ifndef ETCH_NEON_FLOATS_H
#define ETCH_NEON_FLOATS_H

#include <stdint.h>

#include "neon_float_lanes.h"
#include "floats.h"

enum { ETCH_FLOAT_PIXELS = 5 }; /* whose sums of 16 channels fit the registers */

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

#endif
