/* SPDX-License-Identifier: MIT
 *
 * Exponential, logarithm, reciprocal and inverse square root in fixed point, for the interpreter: gemmlowp's
 * fixedpoint/fixedpoint.h and TensorFlow Lite's internal/common.h, written for clarity on raw integers. A value "in Qn"
 * has n integer bits: it is raw * 2^(n - 31). The generated code has its own (runtime/), so that each checks the other.
 */
#include "compiler.h"

#include <math.h>

static int32_t multiply(int32_t a, int32_t b)
{
    return saturating_doubling_high_multiply(a, b);
}

static int32_t halve_exactly(int64_t value)
{
    return (int32_t)(value / 2);
}

/* Sums wrap as the reference's do. */
static int32_t add(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a + (uint32_t)b);
}

static int32_t subtract(int32_t a, int32_t b)
{
    return (int32_t)((uint32_t)a - (uint32_t)b);
}

static int32_t saturate(int64_t value)
{
    return clamp32(value, INT32_MIN, INT32_MAX);
}

/* gemmlowp SaturatingRoundingMultiplyByPOT and Rescale: Q`from` -> Q`to` */
static int32_t rescale(int32_t value, int from, int to)
{
    return from >= to ? saturating_left_shift(value, from - to) : rounding_divide_by_power_of_two(value, to - from);
}

/* gemmlowp RoundingHalfSum: (a + b) / 2, ties away from zero */
static int32_t half_sum(int32_t a, int32_t b)
{
    const int64_t sum = (int64_t)a + b;
    return halve_exactly(sum + (sum >= 0 ? 1 : -1));
}

static int leading_zeros(uint32_t value)
{
    int count = 0;
    for (uint32_t bit = 1u << 31; bit != 0 && !(value & bit); bit >>= 1)
        ++count;
    return count;
}

/* e^x for x in [-1/4, 0), Q0: the Taylor series around -1/8 up to the fourth power
 * (gemmlowp exp_on_interval_between_negative_one_quarter_and_0_excl) */
static int32_t exp_near_zero(int32_t value)
{
    const int32_t exp_of_minus_eighth = 1895147668, third = 715827883;
    const int32_t x = add(value, 1 << 28);
    const int32_t x2 = multiply(x, x), x3 = multiply(x2, x), x4 = multiply(x2, x2);
    const int32_t x4_over_4 = rounding_divide_by_power_of_two(x4, 2);
    const int32_t tail = rounding_divide_by_power_of_two(add(multiply(add(x4_over_4, x3), third), x2), 1);
    return add(exp_of_minus_eighth, multiply(exp_of_minus_eighth, add(x, tail)));
}

int32_t fixed_exp_on_negative(int32_t value, int integer_bits)
{
    /* e^-(2^k), k = -2 ... 4, in Q0 */
    static const int32_t factors[] = {1672461947, 1302514674, 790015084, 290630308, 39332535, 720401, 242};
    const int fractional_bits = 31 - integer_bits;
    if (value == 0)
        return INT32_MAX;
    const int32_t quarter = 1 << (fractional_bits - 2);
    const int32_t part = (value & (quarter - 1)) - quarter; /* in [-1/4, 0) */
    int32_t result = exp_near_zero(rescale(part, integer_bits, 0));
    const int32_t rest = subtract(part, value);
    for (int k = -2; k < integer_bits && k <= 4; ++k)
        if (rest & (1 << (fractional_bits + k)))
            result = multiply(result, factors[k + 2]);
    if (integer_bits > 5 && value < -(1 << (36 - integer_bits))) /* below -32 */
        return 0;
    return result;
}

/* Newton's iteration for 1 / ((1 + x) / 2), x in [0, 1] in Q0; the result in Q2 */
static int32_t reciprocal_of_half_sum(int32_t x)
{
    const int32_t forty_eight_over_17 = 1515870810, minus_32_over_17 = -1010580540;
    const int32_t denominator = half_sum(x, INT32_MAX);
    int32_t estimate = add(forty_eight_over_17, multiply(denominator, minus_32_over_17));
    for (int i = 0; i < 3; ++i) {
        const int32_t error = subtract(1 << 29, multiply(denominator, estimate));
        estimate = add(estimate, rescale(multiply(estimate, error), 4, 2));
    }
    return estimate;
}

int32_t fixed_one_over_one_plus(int32_t x)
{
    return rescale(reciprocal_of_half_sum(x), 1, 0);
}

int32_t fixed_reciprocal(int32_t x, int integer_bits, int *bits_over_unit)
{
    const int headroom_plus_one = leading_zeros((uint32_t)x);
    *bits_over_unit = integer_bits - headroom_plus_one;
    const uint32_t fraction = headroom_plus_one > 31 ? 0 : (uint32_t)x << headroom_plus_one;
    return fixed_one_over_one_plus((int32_t)(fraction - (1u << 31)));
}

/* gemmlowp logistic */
int32_t fixed_logistic(int32_t value, int integer_bits)
{
    if (value == 0)
        return 1 << 30;
    const int32_t minus_magnitude = value > 0 ? -value : value;
    const int32_t positive = fixed_one_over_one_plus(fixed_exp_on_negative(minus_magnitude, integer_bits));
    return value > 0 ? positive : subtract(INT32_MAX, positive);
}

/* gemmlowp tanh: (1 - e^-2|x|) / (1 + e^-2|x|), with the sign of x */
int32_t fixed_tanh(int32_t value, int integer_bits)
{
    if (value == 0)
        return 0;
    const int32_t minus_magnitude = value > 0 ? -value : value;
    const int32_t exponential = fixed_exp_on_negative(minus_magnitude, integer_bits + 1);
    const int32_t magnitude = rescale(subtract(reciprocal_of_half_sum(exponential), 1 << 29), 2, 0);
    return value > 0 ? magnitude : -magnitude;
}

/* TensorFlow Lite log_x_for_x_greater_than_or_equal_to_1_impl<5, 12>: x in Q12, the result in Q5. Two scalings of x
 * towards 1, by 2^a sqrt(1/2) and by 2^b, the better is taken; a rational approximation around 2^(-1/4) gives the rest.
 */
int32_t fixed_log(int32_t x)
{
    const int32_t log_2 = 1488522236, fourth_root_of_half = 1805811301, sqrt_of_half = 1518500250;
    const int32_t alpha_n = 117049297, alpha_d = 127690142, alpha_i = 1057819769, alpha_f = 638450708;
    const int accumulator_bits = 6, input_bits = 12;
    const int32_t quarter = rescale(536870912, 0, accumulator_bits);

    const int headroom_a = leading_zeros((uint32_t)x);
    const int32_t scaled_a = saturating_left_shift(x, headroom_a - 1);
    const int32_t ratio_a = saturating_left_shift(multiply(scaled_a, sqrt_of_half), 1);
    const int32_t power_a =
        saturate((int64_t)saturating_left_shift(input_bits - headroom_a, 31 - accumulator_bits) + quarter);

    const int headroom_b = leading_zeros((uint32_t)multiply(x, sqrt_of_half)) - 1;
    const int32_t ratio_b = saturating_left_shift(x, headroom_b);
    const int32_t power_b =
        saturate((int64_t)saturating_left_shift(input_bits - headroom_b, 31 - accumulator_bits) - quarter);

    const int32_t r = ratio_a < ratio_b ? ratio_a : ratio_b;
    const int32_t power = power_a > power_b ? power_a : power_b;
    const int32_t p = half_sum(r, fourth_root_of_half);
    int32_t q = subtract(r, fourth_root_of_half);
    q = add(q, q);
    const int32_t q2 = multiply(q, q);
    const int32_t numerator = add(multiply(q, r), multiply(multiply(q, q2), alpha_n));
    const int32_t denominator = add(multiply(p, add(add(alpha_i, q), multiply(alpha_d, q2))), multiply(alpha_f, q));
    const int32_t quotient = multiply(rescale(numerator, 0, accumulator_bits), fixed_one_over_one_plus(denominator));
    return rescale(add(multiply(power, log_2), quotient), accumulator_bits, 5);
}

/* TensorFlow Lite GetInvSqrtQuantizedMultiplierExp: five Newton steps x <- x (3 - y x^2) / 2 in Q3, then the root of
 * the power of two that was taken out. */
void inverse_sqrt_multiplier(int32_t value, int32_t *multiplier, int *shift)
{
    *multiplier = INT32_MAX;
    *shift = 0;
    if (value <= 1)
        return;
    int right = 11;
    for (; value >= 1 << 29; value /= 4)
        ++right;
    const int pairs = (leading_zeros((uint32_t)value) - 1) / 2 - 1;
    right -= pairs;
    value = (int32_t)((uint32_t)value << (2 * pairs));
    const int32_t half_y = rounding_divide_by_power_of_two(value / 2, 1), half_three = (1 << 28) + (1 << 27);
    int32_t x = 1 << 28;
    for (int i = 0; i < 5; ++i) {
        const int32_t cube = rescale(multiply(multiply(x, x), x), 9, 3);
        x = rescale(subtract(multiply(half_three, x), multiply(half_y, cube)), 6, 3);
    }
    *multiplier = multiply(x, 1518500250); /* sqrt(1/2) */
    if (right < 0) {
        *multiplier = (int32_t)((uint32_t)*multiplier << -right);
        right = 0;
    }
    *shift = -right;
}

/* TensorFlow Lite CalculateInputRadius: the largest |input| whose rescaled value stays below 2^integer_bits */
int32_t fixed_input_radius(int integer_bits, int left_shift)
{
    const double largest = ((1 << integer_bits) - 1) * ldexp(1.0, 31 - integer_bits) / ldexp(1.0, left_shift);
    return largest >= 2147483647.0 ? INT32_MAX : (int32_t)floor(largest);
}
