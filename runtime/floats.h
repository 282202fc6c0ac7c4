/* SPDX-License-Identifier: MIT-0
 *
 * 16 values in single precision in plain C, where the target's header (which comes first) has no vectors for them, and what all
 * targets do with them alike.
 */
#ifndef ETCH_FLOATS_H
#define ETCH_FLOATS_H

#include <stdint.h>
#include <string.h>

#if !defined(ETCH_VECTOR_FLOATS)

typedef struct etch_floats {
    float lane[16];
} etch_floats;

static inline ETCH_FORCED etch_floats etch_load_floats(const float *values)
{
    etch_floats floats;
    memcpy(&floats, values, sizeof floats);
    return floats;
}

static inline ETCH_FORCED etch_floats etch_zero_floats(void)
{
    return (etch_floats){{0.0f}};
}

/* sum + a * b */
static inline ETCH_FORCED etch_floats etch_add_product(etch_floats sum, etch_floats a, etch_floats b)
{
    for (int32_t i = 0; i < 16; ++i) {
        sum.lane[i] += a.lane[i] * b.lane[i];
    }
    return sum;
}

/* sum + value * b */
static inline ETCH_FORCED etch_floats etch_add_scaled(etch_floats sum, float value, etch_floats b)
{
    for (int32_t i = 0; i < 16; ++i) {
        sum.lane[i] += value * b.lane[i];
    }
    return sum;
}

/* Sum and bias, within the limits; infinite ones are none. The first `channels` lanes are stored. */
static inline ETCH_FORCED void etch_store_lanes(float *output, etch_floats sum, const float *bias, int32_t channels, float low, float high)
{
    for (int32_t i = 0; i < 16; ++i) {
        const float value = sum.lane[i] + bias[i];
        const float limited = value < low ? low : value;
        sum.lane[i] = limited > high ? high : limited;
    }
    memcpy(output, &sum, channels < 16 ? (size_t)channels * sizeof *output : sizeof sum);
}

#endif

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
