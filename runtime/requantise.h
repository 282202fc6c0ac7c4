/* SPDX-License-Identifier: MIT-0
 *
 * Requantisation: value * multiplier * 2^(shift - 31), rounded as TensorFlow Lite's reference kernels round it.
 */
#ifndef ETCH_REQUANTISE_H
#define ETCH_REQUANTISE_H

#include <stdint.h>

/* TensorFlow Lite MultiplyByQuantizedMultiplier (internal/common.cc), double rounding: a saturating rounding
 * doubling high multiply, then a division by 2^-shift with ties away from zero. With T = value * multiplier and
 * n = 31 - shift that is floor((T + 2^(n - 1) + s 2^30) / 2^n), where s = -1 for negative values and 1 for others.
 * multiplier >= 0. */
static inline int32_t etch_requantise(int32_t value, int32_t multiplier, int shift)
{
    if (shift >= 0) {
        return (int32_t)(((int64_t)(int32_t)((uint32_t)value << shift) * multiplier + (1 << 30)) >> 31);
    }
    const int64_t nudge = ((int64_t)1 << (30 - shift)) + (value < 0 ? -(1 << 30) : (1 << 30));
    return (int32_t)(((int64_t)value * multiplier + nudge) >> (31 - shift));
}

/* The same with one rounding, ties towards plus infinity (TFLITE_SINGLE_ROUNDING). */
static inline int32_t etch_requantise_single(int32_t value, int32_t multiplier, int shift)
{
    return (int32_t)(((int64_t)value * multiplier + ((int64_t)1 << (30 - shift))) >> (31 - shift));
}

#endif
