/* SPDX-License-Identifier: MIT-0
 *
 * Two rows of bytes side by side as pairs of 16 bits: what dual multiplications read.
 */
#ifndef ETCH_ROW_PAIRS_H
#define ETCH_ROW_PAIRS_H

#include <stdint.h>
#include <string.h>

#include "clamp.h"

/* Four neighbours of an upper and of a lower row become four pairs, the upper value in the lower half, `step` words apart. */
static inline void etch_pair_four(const int8_t *upper, const int8_t *lower, int32_t *pairs, int32_t step)
{
#if defined(__ARM_FEATURE_DSP)
    uint32_t above, below, first, last;
    memcpy(&above, upper, 4);
    memcpy(&below, lower, 4);
    __asm__("pkhbt %0, %1, %2, lsl #16"
            : "=r"(first)
            : "r"(above), "r"(below));
    __asm__("pkhtb %0, %1, %2, asr #16"
            : "=r"(last)
            : "r"(below), "r"(above));
    __asm__("sxtb16 %0, %1"
            : "=r"(pairs[0])
            : "r"(first));
    __asm__("sxtb16 %0, %1, ror #8"
            : "=r"(pairs[step])
            : "r"(first));
    __asm__("sxtb16 %0, %1"
            : "=r"(pairs[2 * step])
            : "r"(last));
    __asm__("sxtb16 %0, %1, ror #8"
            : "=r"(pairs[3 * step])
            : "r"(last));
#else
    for (int32_t i = 0; i < 4; ++i) {
        pairs[i * step] = (int32_t)((uint32_t)upper[i] & 0xffff) | (int32_t)((uint32_t)lower[i] << 16);
    }
#endif
}

/* The sum of both products of two pairs, added to `sum` */
static inline int32_t etch_pair_product(int32_t a, int32_t b, int32_t sum)
{
    return sum + (int16_t)a * (int16_t)b + (a >> 16) * (b >> 16);
}

/* What SMMLA and SSAT make of a sum: ((sum * multiplier + constant * 2^32) >> 32) >> shift, limited to 8 bits */
static inline int8_t etch_saturate_scaled(int32_t sum, int32_t multiplier, int32_t constant, int shift)
{
    return (int8_t)etch_clamp(((int32_t)((int64_t)sum * multiplier >> 32) + constant) >> shift, -128, 127);
}

/* What SMMLAR, ADD, ASR and SSAT make of a sum: its product with the multiplier is rounded, and a negative one loses 1. */
static inline int8_t etch_saturate_rounded(int32_t sum, int32_t multiplier, int32_t constant, int shift)
{
    const int32_t high = (int32_t)(((int64_t)sum * multiplier + INT64_C(0x80000000)) >> 32) + constant;
    return (int8_t)etch_clamp((high - (sum < 0)) >> shift, -128, 127);
}

#endif
