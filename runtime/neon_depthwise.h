/* SPDX-License-Identifier: MIT-0
 *
 * Depthwise sums of products of bytes. Four rows of the image are interleaved to words of four bytes, so that one instruction
 * multiplies a column of the filter.
 */
#ifndef ETCH_NEON_DEPTHWISE_H
#define ETCH_NEON_DEPTHWISE_H

#include <stdint.h>
#include <string.h>

#include "neon_bytes.h"

/* words[i]: the bytes at rows[0] + at + i to rows[3] + at + i. */
static inline void etch_interleave_rows(uint32_t *words, const int8_t *const *rows, int32_t at, int32_t count)
{
    int32_t i = 0;
#if defined(ETCH_NEON)
    for (; i < count / 16 * 16; i += 16) {
        const int8x16x4_t row = {{vld1q_s8(rows[0] + at + i), vld1q_s8(rows[1] + at + i), vld1q_s8(rows[2] + at + i), vld1q_s8(rows[3] + at + i)}};
        vst4q_s8((int8_t *)(words + i), row);
    }
    if (count % 16 >= 8) {
        const int8x8x4_t row = {{vld1_s8(rows[0] + at + i), vld1_s8(rows[1] + at + i), vld1_s8(rows[2] + at + i), vld1_s8(rows[3] + at + i)}};
        vst4_s8((int8_t *)(words + i), row);
    }
    i = count / 8 * 8;
#endif
    for (; i < count; ++i) {
        const uint32_t a = (uint8_t)rows[0][at + i], b = (uint8_t)rows[1][at + i];
        const uint32_t c = (uint8_t)rows[2][at + i], d = (uint8_t)rows[3][at + i];
        words[i] = a | b << 8 | c << 16 | d << 24;
    }
}

static inline void etch_fill_words(uint32_t *words, int32_t value, int32_t count)
{
    for (int32_t i = 0; i < count; ++i) {
        words[i] = (uint32_t)(uint8_t)value * UINT32_C(0x01010101);
    }
}

#if defined(ETCH_NEON)

/* Four vectors: a column's words, or weights, of 16 channels */
typedef struct etch_tap {
    int8x16_t part[4];
} etch_tap;

static inline ETCH_FORCED etch_tap etch_load_tap(const void *bytes)
{
    etch_tap tap;
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4; ++i) {
        tap.part[i] = vld1q_s8((const int8_t *)bytes + 16 * i);
    }
    return tap;
}

#endif

#if defined(ETCH_DOTS) || defined(ETCH_MATRICES)

enum { ETCH_TAPS_ACROSS = 4 }; /* pixels at a time */

/* Outputs of a few pixels and 16 channels, from `columns` times `planes` words: see etch_depthwise_line. Pixels that lie a whole
 * number of columns apart share the words that they have in common. */
static inline ETCH_FORCED void etch_depthwise_block(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels,
    const uint32_t *words, int32_t step, int32_t spread, int32_t columns, int32_t planes, int32_t plane, const etch_tap *taps,
    const etch_scaling *scaling, int32_t first)
{
    int32x4_t sums[4 * ETCH_TAPS_ACROSS];
    const int32_t shared = step % spread == 0 && step / spread < columns, apart = shared ? step / spread : columns;
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4 * pixels; ++i) {
        sums[i] = vld1q_s32(scaling->scales + 3 * first + i % 4 * 12);
    }
    ETCH_UNROLL_ALL
    for (int32_t k = 0; k < planes; ++k) {
        ETCH_UNROLL_ALL
        for (int32_t c = 0; c < (pixels - 1) * apart + columns; ++c) {
            const etch_tap word = etch_load_tap(words + k * plane + (shared ? c * spread : c / columns * step + c % columns * spread));
            ETCH_UNROLL_ALL
            for (int32_t p = 0; p < pixels; ++p) {
                const int32_t column = c - p * apart;
                ETCH_UNROLL_ALL
                for (int32_t i = 0; i < 4; ++i) {
                    if (column >= 0 && column < columns) {
                        sums[4 * p + i] = vdotq_s32(sums[4 * p + i], word.part[i], taps[column * planes + k].part[i]);
                    }
                }
            }
        }
    }
    etch_store_sums(output, pitch, channels, sums, pixels, 16, scaling, first);
}

#elif defined(ETCH_NEON)

enum { ETCH_TAPS_ACROSS = 1 };

/* Outputs of a pixel and 16 channels: see etch_depthwise_line. A register has two partial sums of each of two channels. */
static inline ETCH_FORCED void etch_depthwise_block(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels,
    const uint32_t *words, int32_t step, int32_t spread, int32_t columns, int32_t planes, int32_t plane, const etch_tap *taps,
    const etch_scaling *scaling, int32_t first)
{
    int32x4_t part[8], sums[4];
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 8; ++i) {
        part[i] = vdupq_n_s32(0);
    }
    ETCH_UNROLL_ALL
    for (int32_t k = 0; k < columns * planes; k += 2) {
        const int32_t next = k + 1 < columns * planes ? k + 1 : k;
        const etch_tap word = etch_load_tap(words + k / planes * spread + k % planes * plane);
        const etch_tap next_word = etch_load_tap(words + next / planes * spread + next % planes * plane);
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < 4; ++i) {
            etch_add_pair(part + 2 * i, word.part[i], taps[k].part[i], next_word.part[i], taps[next].part[i], next > k, scaling->two_products);
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4; ++i) {
        sums[i] = vaddq_s32(vpaddq_s32(part[2 * i], part[2 * i + 1]), vld1q_s32(scaling->scales + 3 * first + i * 12));
    }
    etch_store_sums(output, pitch, channels, sums, pixels, 16, scaling, first);
    (void)step;
}

#else

enum { ETCH_TAPS_ACROSS = 1 };

typedef struct etch_tap {
    int8_t weight[64];
} etch_tap;

static inline etch_tap etch_load_tap(const int8_t *weights)
{
    etch_tap tap;
    memcpy(&tap, weights, sizeof tap);
    return tap;
}

/* Outputs of a pixel and up to 16 channels: see etch_depthwise_line. */
static inline void etch_depthwise_block(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels, const uint32_t *words,
    int32_t step, int32_t spread, int32_t columns, int32_t planes, int32_t plane, const etch_tap *taps, const etch_scaling *scaling,
    int32_t first)
{
    for (int32_t n = 0; n < channels; ++n) {
        int32_t sum = scaling->scales[(first + n) / 4 * 12 + n % 4];
        for (int32_t k = 0; k < columns * planes; ++k) {
            const uint32_t word = words[k / planes * spread + k % planes * plane + n];
            for (int32_t i = 0; i < 4; ++i) {
                const int32_t value = (int32_t)(word >> 8 * i & 255);
                sum += (value < 128 ? value : value - 256) * taps[k].weight[4 * n + i];
            }
        }
        output[n] = etch_scaled_sum(sum, scaling, first + n);
    }
    (void)pitch;
    (void)pixels;
    (void)step;
}

#endif

/* Outputs of `pixels` pixels and at most 16 `channels`. Words: `planes` of them, each `plane` words long, of four rows each; pixels are
 * `step` words apart, columns of the filter `spread`. Weights: [column][plane][16][4]. The blocks are chosen here, by registers:
 * `across` and `blocks` (always 1) are for targets that have more of them. */
static inline ETCH_FORCED void etch_depthwise_line(int8_t *output, int32_t pitch, int32_t channels, int32_t pixels, int32_t across,
    int32_t blocks, const uint32_t *words, int32_t step, int32_t spread, int32_t columns, int32_t planes, int32_t plane,
    const int8_t *weights, const etch_scaling *scaling, int32_t first)
{
    etch_tap taps[16]; /* a copy that no output can overwrite stays in registers */
    const int32_t count = across < ETCH_TAPS_ACROSS ? across : ETCH_TAPS_ACROSS;
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < blocks * columns * planes; ++i) {
        taps[i] = etch_load_tap(weights + 64 * i);
    }
    for (int32_t x = 0; x < pixels; x += count) {
        etch_depthwise_block(output + x * pitch, pitch, channels, count, words + x * step, step, spread, columns, planes, plane, taps, scaling, first);
    }
}

#endif
