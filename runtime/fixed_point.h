/* SPDX-License-Identifier: MIT-0
 *
 * Products and reciprocals of fixed-point values. A value in Qn has n integer bits: it is raw * 2^(n - 31).
 */
#ifndef ETCH_FIXED_POINT_H
#define ETCH_FIXED_POINT_H

#include <stdint.h>

/* gemmlowp SaturatingRoundingDoublingHighMul: the product of values in Qa and Qb, in Q(a + b). Not both may be
 * INT32_MIN. */
static inline int32_t etch_multiply(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + (1 << 30)) >> 31);
}

/* Sum, difference and scaling that wrap where they leave 32 bits. */
static inline int32_t etch_add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static inline int32_t etch_subtract(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

/* value * 2^bits, saturated (gemmlowp SaturatingRoundingMultiplyByPOT, positive exponents) */
static inline int32_t etch_shift_left(int32_t value, int bits)
{
    if (value > INT32_MAX >> bits) {
        return INT32_MAX;
    }
    return value < -(INT32_MAX >> bits) - 1 ? INT32_MIN : (int32_t)((uint32_t)value << bits);
}

/* gemmlowp RoundingDivideByPOT: value / 2^bits, ties away from zero */
static inline int32_t etch_divide(int32_t value, int bits)
{
    const int32_t rest = value & (int32_t)(((uint32_t)1 << bits) - 1);
    const int32_t half = (int32_t)((((uint32_t)1 << bits) - 1) >> 1) + (value < 0 ? 1 : 0);
    return (value >> bits) + (rest > half ? 1 : 0);
}

static inline int etch_leading_zeros(uint32_t value)
{
#ifdef __GNUC__
    return value == 0 ? 32 : __builtin_clz(value);
#else
    int count = 0;
    while (count < 32 && (value & 0x80000000u) == 0) {
        value <<= 1;
        ++count;
    }
    return count;
#endif
}

/* gemmlowp one_over_one_plus_x_for_x_in_0_1: 1 / (1 + x), both in Q0, by three Newton steps for the reciprocal of
 * d = (1 + x) / 2 from the estimate 48/17 - 32/17 d */
static inline int32_t etch_one_over_one_plus(int32_t x)
{
    const int32_t half = (int32_t)(((int64_t)x + INT32_MAX + 1) >> 1);
    int32_t estimate = 1515870810 + etch_multiply(half, -1010580540);
    for (int i = 0; i < 3; ++i) {
        const int32_t error = (1 << 29) - etch_multiply(half, estimate);
        estimate += etch_shift_left(etch_multiply(estimate, error), 2);
    }
    return etch_shift_left(estimate, 1);
}

/* TensorFlow Lite GetReciprocal: 1 / x is the result * 2^-bits_over_unit, for x > 0 with `integer_bits` integer
 * bits */
static inline int32_t etch_reciprocal(int32_t x, int integer_bits, int *bits_over_unit)
{
    const int headroom = etch_leading_zeros((uint32_t)x);
    *bits_over_unit = integer_bits - headroom;
    return etch_one_over_one_plus((int32_t)(((uint32_t)x << headroom) - 0x80000000u));
}

#endif
