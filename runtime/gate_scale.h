/* SPDX-License-Identifier: MIT-0
 *
 * Requantisation and saturation to 16 bits in single instructions, where the DSP extension of Armv7E-M and Armv8-M has them.
 */
#ifndef ETCH_GATE_SCALE_H
#define ETCH_GATE_SCALE_H

#include "clamp.h"
#include <stdint.h>

/* doubled / 2 * multiplier * 2^(-31 - right), rounded as etch_requantise_right rounds it: `doubled` is even, right from 1 to 31,
 * multiplier >= 0. */
static inline int32_t etch_scale_doubled(int32_t doubled, int32_t multiplier, int32_t right)
{
    const int32_t half = 1 << (right - 1);
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    int32_t high;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(high) : "r"(doubled), "r"(multiplier), "r"(half));
#else
    const int32_t high = (int32_t)(((int64_t)doubled * multiplier + INT64_C(0x80000000)) >> 32) + half;
#endif
    return (high - (doubled < 0)) >> right;
}

static inline int32_t etch_saturate_16(int32_t value)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    int32_t result;
    __asm__("ssat %0, #16, %1" : "=r"(result) : "r"(value));
    if (result < -32768 || result > 32767) {
        __builtin_unreachable(); /* compilers do not see into instructions */
    }
    return result;
#else
    return etch_clamp(value, -32768, 32767);
#endif
}

/* The sum of two layers' results; both, and the sum, are stored in 16 bits (tensorflow/lite/micro/kernels/lstm_eval.cc). */
static inline int32_t etch_saturated_sum(int32_t a, int32_t b)
{
    return etch_saturate_16(etch_saturate_16(a) + etch_saturate_16(b));
}

#endif
