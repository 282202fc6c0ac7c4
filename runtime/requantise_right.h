/* SPDX-License-Identifier: MIT-0
 *
 * Requantisation of sums that are known to be small and to be divided, in few instructions.
 */
#ifndef ETCH_REQUANTISE_RIGHT_H
#define ETCH_REQUANTISE_RIGHT_H

#include <stdint.h>

/* value * multiplier * 2^(-31 - right), rounded twice as TensorFlow Lite's MultiplyByQuantizedMultiplier does: to
 * nearest after 31 bits (the upper half of twice the product), then to nearest with ties away from zero.
 * |value| < 2^30, right from 1 to 31, multiplier >= 0. */
static inline int32_t etch_requantise_right(int32_t value, int32_t multiplier, int32_t right)
{
    const int32_t high = (int32_t)(((int64_t)(2 * value) * multiplier + INT64_C(0x80000000)) >> 32);
    return (high + (1 << (right - 1)) - (high < 0)) >> right;
}

/* Limits a value of magnitude up to 2^30; counted from `low`, so that compilers find an unsigned saturation. */
static inline int32_t etch_limit(int32_t value, int32_t low, int32_t high)
{
    const int32_t above = value - low < 0 ? 0 : value - low;
    return (above > high - low ? high - low : above) + low;
}

#endif
