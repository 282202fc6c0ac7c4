/* SPDX-License-Identifier: MIT-0
 *
 * Requantisation of 48-bit sums, for 16-bit activations.
 */
#ifndef ETCH_REQUANTISE_WIDE_H
#define ETCH_REQUANTISE_WIDE_H

#include <stdint.h>

/* value * multiplier * 2^(shift - 15), ties towards plus infinity: TensorFlow Lite MultiplyByQuantizedMultiplier for int64
 * (internal/common.cc); multiplier: the upper 16 of 32 bits, rounded. */
static inline int32_t etch_requantise_wide(int64_t value, int32_t multiplier, int shift)
{
    return (int32_t)((value * multiplier + ((int64_t)1 << (14 - shift))) >> (15 - shift));
}

#endif
