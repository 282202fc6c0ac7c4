/* SPDX-License-Identifier: MIT-0
 *
 * Winograd's F(2x2, 3x3) in single precision, 16 channels at a time: four outputs from a tile of 4 by 4 with 16 products.
 */
#ifndef ETCH_X86_WINOGRAD_H
#define ETCH_X86_WINOGRAD_H

#include <stdint.h>

#include "x86_floats.h"

static inline ETCH_FORCED etch_floats etch_sum_floats(etch_floats a, etch_floats b)
{
#if defined(ETCH_FLOATS_512)
    return _mm512_add_ps(a, b);
#elif defined(ETCH_FLOATS_256)
    return (etch_floats){_mm256_add_ps(a.low, b.low), _mm256_add_ps(a.high, b.high)};
#else
    for (int32_t i = 0; i < 16; ++i) {
        a.lane[i] += b.lane[i];
    }
    return a;
#endif
}

static inline ETCH_FORCED etch_floats etch_difference_floats(etch_floats a, etch_floats b)
{
#if defined(ETCH_FLOATS_512)
    return _mm512_sub_ps(a, b);
#elif defined(ETCH_FLOATS_256)
    return (etch_floats){_mm256_sub_ps(a.low, b.low), _mm256_sub_ps(a.high, b.high)};
#else
    for (int32_t i = 0; i < 16; ++i) {
        a.lane[i] -= b.lane[i];
    }
    return a;
#endif
}

static inline ETCH_FORCED void etch_keep_lanes(float *target, etch_floats lanes)
{
    memcpy(target, &lanes, sizeof lanes);
}

/* The tile's 4 by 4 pixels, as far as they lie inside of the image, to 16 values per channel; each is `plane` floats from the
 * next. `absent` holds `channels` zeros. */
static inline void etch_winograd_tile(float *values, int32_t plane, const float *image, int32_t height, int32_t width,
    int32_t channels, int32_t top, int32_t left, const float *absent)
{
    const float *pixels[16];
    for (int32_t i = 0; i < 16; ++i) {
        const int32_t row = top + i / 4, column = left + i % 4;
        const int32_t inside = row >= 0 && row < height && column >= 0 && column < width;
        pixels[i] = inside ? image + (row * width + column) * channels : absent;
    }
    for (int32_t n = 0; n < channels; n += 16) {
        etch_floats rows[16];
        ETCH_UNROLL_ALL
        for (int32_t j = 0; j < 4; ++j) {
            const etch_floats a = etch_load_floats(pixels[j] + n), b = etch_load_floats(pixels[4 + j] + n);
            const etch_floats c = etch_load_floats(pixels[8 + j] + n), d = etch_load_floats(pixels[12 + j] + n);
            rows[j] = etch_difference_floats(a, c);
            rows[4 + j] = etch_sum_floats(b, c);
            rows[8 + j] = etch_difference_floats(c, b);
            rows[12 + j] = etch_difference_floats(b, d);
        }
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < 4; ++i) {
            float *const target = values + 4 * i * plane + n;
            etch_keep_lanes(target, etch_difference_floats(rows[4 * i], rows[4 * i + 2]));
            etch_keep_lanes(target + plane, etch_sum_floats(rows[4 * i + 1], rows[4 * i + 2]));
            etch_keep_lanes(target + 2 * plane, etch_difference_floats(rows[4 * i + 2], rows[4 * i + 1]));
            etch_keep_lanes(target + 3 * plane, etch_difference_floats(rows[4 * i + 1], rows[4 * i + 3]));
        }
    }
}

/* 16 sums per channel, `plane` floats apart, to the outputs of `rows` by `columns` (at most 2 by 2) pixels. */
static inline ETCH_FORCED void etch_winograd_outputs(float *output, int32_t width, int32_t channels, int32_t rows, int32_t columns,
    const float *sums, int32_t plane, const float *bias, float low, float high)
{
    for (int32_t n = 0; n < channels; n += 16) {
        etch_floats half[8];
        ETCH_UNROLL_ALL
        for (int32_t j = 0; j < 4; ++j) {
            const float *const sum = sums + j * plane + n;
            const etch_floats b = etch_load_floats(sum + 4 * plane), c = etch_load_floats(sum + 8 * plane);
            half[j] = etch_sum_floats(etch_sum_floats(etch_load_floats(sum), b), c);
            half[4 + j] = etch_difference_floats(etch_difference_floats(b, c), etch_load_floats(sum + 12 * plane));
        }
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < 2; ++i) {
            const etch_floats a = etch_sum_floats(etch_sum_floats(half[4 * i], half[4 * i + 1]), half[4 * i + 2]);
            const etch_floats b = etch_difference_floats(etch_difference_floats(half[4 * i + 1], half[4 * i + 2]), half[4 * i + 3]);
            float *const target = output + i * width * channels + n;
            if (i < rows) {
                etch_store_lanes(target, a, bias + n, 16, low, high);
            }
            if (i < rows && columns > 1) {
                etch_store_lanes(target + channels, b, bias + n, 16, low, high);
            }
        }
    }
}

/* Stores the sums of each pixel as they are; pixels are `pitch` floats apart. */
static inline ETCH_FORCED void etch_store_sums(float *output, int32_t pitch, const etch_floats *sums, int32_t pixels, int32_t blocks)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < pixels * blocks; ++i) {
        etch_keep_lanes(output + i / blocks * pitch + 16 * (i % blocks), sums[i]);
    }
}

#endif
