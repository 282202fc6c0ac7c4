/* SPDX-License-Identifier: MIT
 *
 * The interpreter's integer arithmetic: TensorFlow Lite's requantisation, written for clarity.
 * The generated code has its own (runtime/requantise.h), so that each checks the other.
 */
#include "compiler.h"

#include <math.h>

/* tensorflow/lite/kernels/internal/quantization_util.cc, QuantizeMultiplier */
void quantise_multiplier(double value, int32_t *multiplier, int *shift)
{
    *multiplier = 0;
    *shift = 0;
    if (value == 0.0 || !isfinite(value))
        return;
    const double fraction = frexp(value, shift);
    int64_t fixed = (int64_t)round(fraction * (double)(1LL << 31));
    if (fixed == (1LL << 31)) {
        fixed /= 2;
        ++*shift;
    }
    if (*shift < -31) {
        *shift = 0;
        fixed = 0;
    }
    if (*shift > 30) { /* out of the shift's range: the largest value that it can say */
        *shift = 30;
        fixed = (1LL << 31) - 1;
    }
    *multiplier = (int32_t)fixed;
}

/* gemmlowp SaturatingRoundingDoublingHighMul: round(a * b / 2^31), ties away from zero; the one overflow saturates */
int32_t saturating_doubling_high_multiply(int32_t a, int32_t b)
{
    if (a == INT32_MIN && b == INT32_MIN)
        return INT32_MAX;
    const int64_t product = (int64_t)a * b;
    const int64_t nudge = product >= 0 ? (1LL << 30) : 1 - (1LL << 30);
    return (int32_t)((product + nudge) / (1LL << 31));
}

/* gemmlowp RoundingDivideByPOT: ties away from zero */
int32_t rounding_divide_by_power_of_two(int32_t value, int exponent)
{
    const int64_t divisor = 1LL << exponent;
    const int64_t magnitude = value < 0 ? -(int64_t)value : value;
    const int64_t rounded = (magnitude + divisor / 2) / divisor;
    return (int32_t)(value < 0 ? -rounded : rounded);
}

int32_t saturating_left_shift(int32_t value, int exponent)
{
    const int64_t shifted = (int64_t)value * (1LL << exponent);
    return shifted > INT32_MAX ? INT32_MAX : shifted < INT32_MIN ? INT32_MIN : (int32_t)shifted;
}

/* tensorflow/lite/kernels/internal/common.cc, MultiplyByQuantizedMultiplier in its two build-time forms */
int32_t requantise(int32_t value, int32_t multiplier, int shift, bool single)
{
    if (single) {
        const int total_shift = 31 - shift;
        const int64_t rounding = 1LL << (total_shift - 1);
        return (int32_t)(((int64_t)value * multiplier + rounding) >> total_shift);
    }
    const int left = shift > 0 ? shift : 0;
    const int right = shift > 0 ? 0 : -shift;
    /* The reference shifts in 32 bits: what leaves them is lost. */
    const int32_t shifted = (int32_t)(uint32_t)((uint64_t)(int64_t)value << left);
    return rounding_divide_by_power_of_two(saturating_doubling_high_multiply(shifted, multiplier), right);
}

/* The 64-bit overload, for 16-bit activations: the multiplier is reduced to 16 bits, one rounding */
int32_t requantise64(int64_t value, int32_t multiplier, int shift)
{
    const int32_t reduced = multiplier < 0x7fff0000 ? (multiplier + (1 << 15)) >> 16 : 0x7fff;
    const int total_shift = 15 - shift;
    const int64_t sum = (int64_t)((uint64_t)value * (uint64_t)(int64_t)reduced) + (1LL << (total_shift - 1));
    return (int32_t)(sum >> total_shift);
}

int32_t clamp32(int64_t value, int32_t low, int32_t high)
{
    return value < low ? low : value > high ? high : (int32_t)value;
}

int32_t round_half_away(double value)
{
    const double rounded = round(value);
    if (isnan(rounded))
        return 0;
    return rounded >= 2147483647.0 ? INT32_MAX : rounded <= -2147483648.0 ? INT32_MIN : (int32_t)rounded;
}
