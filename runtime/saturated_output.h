/* SPDX-License-Identifier: MIT-0
 *
 * The output of a sum by the upper half of one product, for processors that multiply 32 by 32 bits and saturate.
 */
#ifndef ETCH_SATURATED_OUTPUT_H
#define ETCH_SATURATED_OUTPUT_H

#include <stdint.h>

/* scale has the bias, times 4, the multiplier, what is added to the product's upper half, and the shift.
 * TensorFlow Lite's result for |sum| < 2^29 (two roundings: negative sums get less). */
static inline int8_t etch_saturated_output(int32_t sum, const int32_t scale[4])
{
    const int32_t value = (int32_t)((uint32_t)sum << 2) + scale[0], sign = value >> 31;
    const int32_t result = ((int32_t)((int64_t)value * scale[1] >> 32) + scale[2] + sign + sign) >> scale[3];
#if defined(__ARM_FEATURE_SAT) && defined(__GNUC__)
    int32_t limited;
    __asm__("ssat %0, #8, %1"
            : "=r"(limited)
            : "r"(result)
            : "cc");
    return (int8_t)limited;
#else
    const int32_t least = result < -128 ? -128 : result;
    return (int8_t)(least > 127 ? 127 : least);
#endif
}

#endif
