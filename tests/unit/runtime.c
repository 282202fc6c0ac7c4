/* SPDX-License-Identifier: MIT
 *
 * The headers that generated files absorb, against the interpreter's own arithmetic: neither shares code with the other.
 */
#include "compiler.h"
#include "exponential.h"
#include "fixed_point.h"
#include "integer_division.h"
#include "integer_log.h"
#include "inverse_sqrt.h"
#include "logarithm.h"
#include "pcan.h"
#include "requantise.h"
#include "requantise_wide.h"
#include "sigmoid16.h"
#include "square_root.h"

#include "unit.h"

#include <math.h>

/* Small, large and extreme values in turn. */
static int32_t any_value(void)
{
    static const int32_t extremes[] = {0, 1, -1, INT32_MAX, INT32_MIN, INT32_MIN + 1, 1 << 30, -(1 << 30)};
    const uint64_t random = unit_random();
    switch (random & 3) {
    case 0:
        return extremes[random >> 61];
    case 1:
        return (int32_t)(random >> 50) - (1 << 13);
    default:
        return (int32_t)(random >> 32);
    }
}

static void check_requantisation(void)
{
    for (int i = 0; i < 1000000; ++i) {
        const int32_t value = any_value(), multiplier = (int32_t)(unit_random() >> 34) | 1 << 30;
        const int shift = (int)(unit_random() % 62) - 31;
        CHECK_EQUAL(etch_requantise(value, multiplier, shift), requantise(value, multiplier, shift, false));
        if (shift > -31 && shift < 8)
            CHECK_EQUAL(etch_requantise_single(value >> 8, multiplier, shift), requantise(value >> 8, multiplier, shift, true));
    }
    CHECK_EQUAL(etch_requantise(12345, 0, 0), 0);
}

/* 47-bit sums, as 16-bit activations have them */
static void check_wide_requantisation(void)
{
    for (int i = 0; i < 1000000; ++i) {
        const int64_t value = (int64_t)(unit_random() >> 16) - (INT64_C(1) << 47);
        const int32_t multiplier = (int32_t)(unit_random() >> 34) | 1 << 30;
        const int32_t reduced = multiplier < 0x7fff0000 ? (multiplier + (1 << 15)) >> 16 : 0x7fff;
        const int shift = -16 - (int)(unit_random() % 16);
        CHECK_EQUAL(etch_requantise_wide(value, reduced, shift), requantise64(value, multiplier, shift));
    }
}

/* The signal library's approximations, against what they approximate. */
static void check_signal_functions(void)
{
    int16_t corrections[129], gains[125];
    for (int i = 0; i < 129; ++i)
        corrections[i] = (int16_t)round(65536 * (log2(1 + i / 128.0) - i / 128.0));
    for (int i = 0; i < 125; ++i)
        gains[i] = (int16_t)(i % 4 == 2 ? 1000 : 0); /* every octave starts at 1000 and stays there */
    for (int i = 0; i < 100000; ++i) {
        const uint32_t value = (uint32_t)(unit_random() >> (32 + unit_random() % 31)) | 2;
        CHECK(fabs(etch_log2(value, corrections) / 65536.0 - log2(value)) < 0.005);
        CHECK_EQUAL(etch_bit_length(value), floor(log2(value)) + 1);
        if (value > 2)
            CHECK_EQUAL(etch_pcan_gain(value, gains), 1000);
    }
    CHECK_EQUAL(etch_bit_length(0), 0);
    CHECK_EQUAL(etch_pcan_shrink(4096), 16); /* 1 -> 1/4 */
    CHECK_EQUAL(etch_pcan_shrink(8192), 64); /* 2 -> 1 */
    CHECK_EQUAL(etch_pcan_shrink(40960), 576); /* 10 -> 9 */
}

static void check_fixed_point(void)
{
    for (int i = 0; i < 1000000; ++i) {
        const int32_t a = any_value(), b = any_value();
        const int bits = (int)(unit_random() % 31);
        if (a != INT32_MIN || b != INT32_MIN)
            CHECK_EQUAL(etch_multiply(a, b), saturating_doubling_high_multiply(a, b));
        CHECK_EQUAL(etch_divide(a, bits), rounding_divide_by_power_of_two(a, bits));
        CHECK_EQUAL(etch_shift_left(a, bits), saturating_left_shift(a, bits));
    }
    for (int i = 0; i < 100000; ++i) {
        const int32_t x = (int32_t)(unit_random() >> 33);
        CHECK_EQUAL(etch_one_over_one_plus(x), fixed_one_over_one_plus(x));
        int got, expected;
        CHECK_EQUAL(etch_reciprocal(x | 1, 12, &got), fixed_reciprocal(x | 1, 12, &expected));
        CHECK_EQUAL(got, expected);
        CHECK_EQUAL(etch_logarithm(x | 1 << 19), fixed_log(x | 1 << 19));
        CHECK_EQUAL(etch_exponential(-x), fixed_exp_on_negative(-x, 5));
        int32_t multiplier;
        CHECK_EQUAL(etch_inverse_sqrt(x, &got), (inverse_sqrt_multiplier(x, &multiplier, &expected), multiplier));
        CHECK_EQUAL(got, expected);
    }
}

static void check_sigmoids(void)
{
    for (int64_t scaled = -600000; scaled <= 600000; scaled += 3) {
        CHECK_EQUAL(etch_logistic_int16((int32_t)scaled), logistic_int16((int32_t)scaled));
        CHECK_EQUAL(etch_tanh_int16((int32_t)scaled), tanh_int16((int32_t)scaled));
    }
}

static void check_integers(void)
{
    for (uint64_t root = 1; root < 0xffffffff; root += root / 5 + 1) {
        CHECK_EQUAL(etch_square_root(root * root), root);
        if (root > 70000) {
            CHECK_EQUAL(etch_square_root(root * root + root), root);
            CHECK_EQUAL(etch_square_root(root * root + root + 1), root + 1);
        }
    }
    CHECK_EQUAL(etch_square_root(0), 0);
    CHECK_EQUAL(etch_square_root(0xffffffff), 65535);
    for (int64_t a = -9; a <= 9; ++a) {
        for (int64_t b = -4; b <= 4; ++b) {
            if (b == 0)
                continue;
            CHECK_EQUAL(etch_floor_quotient(a, b) * b + etch_floor_modulo(a, b), a);
            CHECK(etch_floor_modulo(a, b) == 0 || (etch_floor_modulo(a, b) < 0) == (b < 0));
        }
    }
    CHECK_EQUAL(etch_quotient(INT64_MIN, -1), INT64_MIN);
    CHECK_EQUAL(etch_quotient(5, 0), 0);
    CHECK_EQUAL(etch_power(3, 4), 81);
    CHECK_EQUAL(etch_power(-1, -3), -1);
    CHECK_EQUAL(etch_power(2, -1), 0);
}

int main(void)
{
    check_requantisation();
    check_wide_requantisation();
    check_signal_functions();
    check_fixed_point();
    check_sigmoids();
    check_integers();
    return unit_result();
}
