/* SPDX-License-Identifier: MIT-0
 *
 * What MVE's kernels compute with vector instructions, for other processors.
 */
#ifndef ETCH_SCALED_OUTPUT_H
#define ETCH_SCALED_OUTPUT_H

#include <stdint.h>

#if !defined(__ARM_FEATURE_MVE)

/* sum * multiplier * 2^(-31 - right), rounded after each of both steps as TensorFlow Lite's MultiplyByQuantizedMultiplier does
 * (ties up, then ties away from zero), plus the zero point, within the limits. |sum| < 2^30, right from 1 to 31. */
static inline int8_t etch_scaled_output(int32_t sum, int32_t multiplier, int32_t right, int32_t zero_point, int32_t low, int32_t high)
{
    const int32_t half = (int32_t)(((int64_t)(2 * sum) * multiplier + INT64_C(0x80000000)) >> 32);
    const int32_t value = ((half + (1 << (right - 1)) - (half < 0)) >> right) + zero_point;
    return (int8_t)(value < low ? low : value > high ? high
                                                     : value);
}

/* The same for limits of int8 and a zero point of -128, in which negative values end, with `offset` = 2^(right - 1) + 2^right times the
 * zero point. */
static inline int8_t etch_offset_output(int32_t sum, int32_t multiplier, int32_t offset, int32_t right)
{
    const int32_t half = (int32_t)(((int64_t)(2 * sum) * multiplier + INT64_C(0x80000000)) >> 32);
    const int32_t value = (half + offset) >> right;
    return (int8_t)(value < -128 ? -128 : value > 127 ? 127
                                                      : value);
}

#endif

#endif
