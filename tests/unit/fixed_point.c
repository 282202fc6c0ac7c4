/* SPDX-License-Identifier: MIT
 *
 * The interpreter's requantisation against exact arithmetic.
 */
#include "compiler.h"

#include "unit.h"

#include <math.h>

/* round(numerator / 2^exponent), ties away from zero */
static int64_t divide_ties_away(int64_t numerator, int exponent)
{
    const int64_t half = exponent > 0 ? 1LL << (exponent - 1) : 0;
    return numerator >= 0 ? (numerator + half) >> exponent : -((-numerator + half) >> exponent);
}

static void check_multipliers(void)
{
    int32_t multiplier;
    int shift;
    quantise_multiplier(1.0, &multiplier, &shift);
    CHECK_EQUAL(multiplier, 1 << 30);
    CHECK_EQUAL(shift, 1);
    quantise_multiplier(0.0, &multiplier, &shift);
    CHECK_EQUAL(multiplier, 0);
    quantise_multiplier(1.0 - 1e-12, &multiplier, &shift); /* rounds up to 2^31: halved, one shift more */
    CHECK_EQUAL(multiplier, 1 << 30);
    CHECK_EQUAL(shift, 1);
    quantise_multiplier(1e-20, &multiplier, &shift);
    CHECK_EQUAL(multiplier, 0);
    for (int i = 0; i < 10000; ++i) {
        const double value = ldexp((double)(unit_random() >> 12) + 1, (int)(unit_random() % 30) - 75);
        quantise_multiplier(value, &multiplier, &shift);
        if (multiplier != 0) {
            CHECK(multiplier >= 1 << 30);
            CHECK(fabs(ldexp(multiplier, shift - 31) / value - 1) < 1e-9);
        }
    }
}

static void check_rounding(void)
{
    CHECK_EQUAL(saturating_doubling_high_multiply(INT32_MIN, INT32_MIN), INT32_MAX);
    CHECK_EQUAL(saturating_doubling_high_multiply(1 << 30, 1 << 30), 1 << 29);
    CHECK_EQUAL(rounding_divide_by_power_of_two(3, 1), 2);
    CHECK_EQUAL(rounding_divide_by_power_of_two(-3, 1), -2);
    CHECK_EQUAL(rounding_divide_by_power_of_two(-2, 2), -1);
    CHECK_EQUAL(rounding_divide_by_power_of_two(INT32_MIN, 31), -1);
    CHECK_EQUAL(rounding_divide_by_power_of_two(INT32_MAX, 31), 1);
    for (int i = 0; i < 100000; ++i) {
        const int32_t value = (int32_t)(unit_random() >> 32), exponent = (int32_t)(unit_random() % 32);
        CHECK_EQUAL(rounding_divide_by_power_of_two(value, exponent), divide_ties_away(value, exponent));
        const int32_t factor = (int32_t)(unit_random() >> 33) | 1 << 30;
        const int64_t product = (int64_t)value * factor, nudged = product + (product >= 0 ? 1LL << 30 : 1 - (1LL << 30));
        CHECK_EQUAL(saturating_doubling_high_multiply(value, factor), nudged / (1LL << 31));
    }
}

static void check_requantise(void)
{
    CHECK_EQUAL(requantise(100, 1 << 30, 1, false), 100);
    CHECK_EQUAL(requantise(-101, 1 << 30, 0, false), -50); /* gemmlowp: ties of negative products go up */
    CHECK_EQUAL(requantise(101, 1 << 30, 0, true), 51);
    CHECK_EQUAL(requantise(-101, 1 << 30, 0, true), -50); /* single rounding: ties upwards */
    for (int i = 0; i < 100000; ++i) {
        const int32_t value = (int32_t)(unit_random() >> 40) - (1 << 23), multiplier = (int32_t)(unit_random() >> 34) | 1 << 30;
        const int shift = (int)(unit_random() % 20) - 16;
        const double exact = ldexp((double)value * multiplier, shift - 31);
        CHECK(fabs(requantise(value, multiplier, shift, true) - exact) <= 0.5);
        if (shift <= 0)
            CHECK(fabs(requantise(value, multiplier, shift, false) - exact) <= 0.5 + ldexp(0.5, shift) + 1e-9);
    }
}

int main(void)
{
    check_multipliers();
    check_rounding();
    check_requantise();
    CHECK_EQUAL(round_half_away(2.5), 3);
    CHECK_EQUAL(round_half_away(-2.5), -3);
    CHECK_EQUAL(round_half_away(1e30), INT32_MAX);
    CHECK_EQUAL(saturating_left_shift(1 << 30, 1), INT32_MAX);
    CHECK_EQUAL(saturating_left_shift(-(1 << 30), 2), INT32_MIN);
    CHECK_EQUAL(clamp32(1LL << 40, -128, 127), 127);
    return unit_result();
}
