/* SPDX-License-Identifier: MIT-0
 *
 * The inverse square root of an integer as a multiplier and a shift.
 */
#ifndef ETCH_INVERSE_SQRT_H
#define ETCH_INVERSE_SQRT_H

#include <stdint.h>
#include "fixed_point.h"

/* 1 / sqrt(value) = result * 2^(*shift - 31): TensorFlow Lite GetInvSqrtQuantizedMultiplierExp (internal/common.h),
 * five Newton steps x <- x (3 - y x^2) / 2 in Q3 on the value y, brought to [1/2, 2) by a power of four. 0 counts
 * as 1. */
static inline int32_t etch_inverse_sqrt(int32_t value, int *shift)
{
    int right = 11;
    *shift = 0;
    if (value <= 1) {
        return INT32_MAX;
    }
    for (; value >= 1 << 29; value /= 4) {
        ++right;
    }
    const int pairs = (etch_leading_zeros((uint32_t)value) - 1) / 2 - 1;
    const int32_t half = etch_divide((int32_t)((uint32_t)value << (2 * pairs)) >> 1, 1);
    int32_t x = 1 << 28;
    for (int i = 0; i < 5; ++i) {
        const int32_t cube = etch_shift_left(etch_multiply(etch_multiply(x, x), x), 6);
        const int32_t three = etch_multiply((1 << 28) + (1 << 27), x); /* 3/2 x */
        x = etch_shift_left(etch_subtract(three, etch_multiply(half, cube)), 3);
    }
    x = etch_multiply(x, 1518500250); /* the root of 1/2 */
    right -= pairs;
    if (right < 0) {
        return (int32_t)((uint32_t)x << -right);
    }
    *shift = -right;
    return x;
}

#endif
