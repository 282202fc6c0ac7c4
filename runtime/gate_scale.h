/* SPDX-License-Identifier: MIT-0
 *
 * Requantisation and saturation to 16 bits in single instructions, where the DSP extension of Armv7E-M and Armv8-M has them, and without
 * products of 64 bits otherwise.
 */
#ifndef ETCH_GATE_SCALE_H
#define ETCH_GATE_SCALE_H

#include "clamp.h"
#include <stdint.h>

/* Armv6-M multiplies faster than by the shifts and sums that GCC makes of products with constants: it does not see that these are any. */
#if defined(__GNUC__) && defined(__thumb__) && !defined(__thumb2__)
#define ETCH_NO_CONSTANT(x) __asm__("" : "+l"(x))
#else
#define ETCH_NO_CONSTANT(x) ((void)0)
#endif

/* doubled / 2 * multiplier * 2^(-31 - right), rounded as etch_requantise_right rounds it: `doubled` is even, right from 1 to 31,
 * multiplier >= 0. */
static inline int32_t etch_scale_doubled(int32_t doubled, int32_t multiplier, int32_t right)
{
    const int32_t half = 1 << (right - 1);
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    int32_t high;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(high) : "r"(doubled), "r"(multiplier), "r"(half));
#elif defined(__thumb__) && !defined(__thumb2__)
    /* by halves: H. S. Warren, Hacker's Delight, 2nd edition, section 8-2 */
    const int32_t upper = doubled >> 16;
    const uint32_t lower = (uint32_t)doubled & 0xffff;
    int32_t factor = multiplier >> 16;
    uint32_t rest = (uint32_t)multiplier & 0xffff;
    ETCH_NO_CONSTANT(factor);
    ETCH_NO_CONSTANT(rest);
    const int32_t middle = upper * (int32_t)rest + (int32_t)(lower * rest >> 16);
    const uint32_t carried = lower * (uint32_t)factor + ((uint32_t)middle & 0xffff) + 0x8000;
    const int32_t high = upper * factor + (middle >> 16) + (int32_t)(carried >> 16) + half;
#else
    const int32_t high = (int32_t)(((int64_t)doubled * multiplier + INT64_C(0x80000000)) >> 32) + half;
#endif
    return (high - (doubled < 0)) >> right;
}

/* value * (upper * 2^12 + lower) * 2^(-24 - right), rounded in the same way: |value| < 2^19, upper and lower have 12 bits. */
static inline int32_t etch_scale_short(int32_t value, int32_t upper, int32_t lower, int32_t right)
{
    ETCH_NO_CONSTANT(upper);
    ETCH_NO_CONSTANT(lower);
    const int32_t high = (value * upper + (value * lower >> 12) + 2048) >> 12;
    return (high + (1 << (right - 1)) - (value < 0)) >> right;
}

/* value * 2^(-1 - right), rounded in the same way: multipliers of 2^30 */
static inline int32_t etch_scale_half(int32_t value, int32_t right)
{
    return (((value + 1) >> 1) + (1 << (right - 1)) - (value < 0)) >> right;
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
#if !(defined(__ARM_FEATURE_DSP) && defined(__thumb2__))
    if (a == (int16_t)a && b == (int16_t)b && a + b == (int16_t)(a + b)) {
        return a + b;
    }
#endif
    return etch_saturate_16(etch_saturate_16(a) + etch_saturate_16(b));
}

#endif
