/* SPDX-License-Identifier: MIT-0
 *
 * Averages of signed bytes, 16 channels at a time.
 */
#ifndef ETCH_NEON_POOL_H
#define ETCH_NEON_POOL_H

#include <stdint.h>
#include <string.h>

#include "neon_levels.h"

#if defined(ETCH_NEON)

/* Four sums to averages. The quotient in single precision is exact: up to 4096 values, none is nearer to the next whole number than
 * the last bit. */
static inline ETCH_FORCED int16x4_t etch_averages(int32x4_t sum, int32_t count)
{
    const int32x4_t negative = vshrq_n_s32(sum, 31), half = vdupq_n_s32(count / 2);
    const int32x4_t rounded = vaddq_s32(sum, vsubq_s32(veorq_s32(half, negative), negative));
    return vqmovn_s32(vcvtq_s32_f32(vdivq_f32(vcvtq_f32_s32(rounded), vdupq_n_f32((float)count))));
}

#endif

/* `channels` averages, at most 16, of `height` rows of `width` values that are `step` apart; rows are `pitch` apart. Halves are
 * rounded away from zero. */
static inline ETCH_FORCED void etch_average_bytes(int8_t *output, const int8_t *input, int32_t channels, int32_t height,
    int32_t width, int32_t step, int32_t pitch, int32_t low, int32_t high)
{
    int8_t bytes[16] = {0};
#if defined(ETCH_NEON)
    int32x4_t sums[4] = {vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0), vdupq_n_s32(0)};
    for (int32_t i = 0; i < height; ++i) {
        for (int32_t first = 0; first < width; first += 255) { /* that many values add up to 16 bits */
            const int32_t last = first + 255 < width ? first + 255 : width;
            int16x8_t words[2] = {vdupq_n_s16(0), vdupq_n_s16(0)};
            for (int32_t j = first; j < last; ++j) {
                const int8_t *const value = input + i * pitch + j * step;
                if (channels < 16) {
                    memcpy(bytes, value, (size_t)channels);
                }
                const int8x16_t values = vld1q_s8(channels < 16 ? bytes : value);
                words[0] = vaddw_s8(words[0], vget_low_s8(values));
                words[1] = vaddw_high_s8(words[1], values);
            }
            sums[0] = vaddw_s16(sums[0], vget_low_s16(words[0]));
            sums[1] = vaddw_high_s16(sums[1], words[0]);
            sums[2] = vaddw_s16(sums[2], vget_low_s16(words[1]));
            sums[3] = vaddw_high_s16(sums[3], words[1]);
        }
    }
    const int16x8_t a = vcombine_s16(etch_averages(sums[0], height * width), etch_averages(sums[1], height * width));
    const int16x8_t b = vcombine_s16(etch_averages(sums[2], height * width), etch_averages(sums[3], height * width));
    const int8x16_t all = vqmovn_high_s16(vqmovn_s16(a), b);
    vst1q_s8(bytes, vmaxq_s8(vminq_s8(all, vdupq_n_s8((int8_t)high)), vdupq_n_s8((int8_t)low)));
#else
    int32_t sums[16] = {0};
    for (int32_t i = 0; i < height; ++i) {
        for (int32_t j = 0; j < width; ++j) {
            for (int32_t n = 0; n < channels; ++n) {
                sums[n] += input[i * pitch + j * step + n];
            }
        }
    }
    for (int32_t n = 0; n < channels; ++n) {
        const int32_t half = height * width / 2;
        const int32_t average = (sums[n] > 0 ? sums[n] + half : sums[n] - half) / (height * width);
        bytes[n] = (int8_t)(average < low ? low : average > high ? high
                                                                 : average);
    }
#endif
    memcpy(output, bytes, (size_t)channels);
}

#endif
