/* SPDX-License-Identifier: MIT-0
 *
 * Sums of products in single precision, 16 channels at a time. The products of an output are added in the order of the filter,
 * the bias comes last.
 */
#ifndef ETCH_X86_FLOATS_H
#define ETCH_X86_FLOATS_H

#include <stdint.h>

#include "x86_float_lanes.h"
#include "floats.h"

#if defined(ETCH_FLOATS_512)
enum { ETCH_FLOAT_SUMS = 24 }; /* that fit the registers */
#else
enum { ETCH_FLOAT_SUMS = 6 };
#endif

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
                    part[p * blocks + b] = etch_add_scaled(part[p * blocks + b], value[p * step], weight[b]);
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

#endif
