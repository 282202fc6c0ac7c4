/* SPDX-License-Identifier: MIT-0
 *
 * The output of a sum with products of 32 bits alone, exact where the compiler has proven all thresholds between outputs. Sums that
 * give the least and the largest output are told from others first, so that the scaled value's upper 8 bits are the output.
 */
#ifndef ETCH_SHORT_SCALE_H
#define ETCH_SHORT_SCALE_H

#include <stdint.h>

/* scale has the start, how far values reach, the factor, the 14 bits behind it, the offset. */
static inline int8_t etch_short_output(int32_t sum, const int32_t scale[5])
{
    const uint32_t value = (uint32_t)sum + (uint32_t)scale[0];
    if (value > (uint32_t)scale[1]) {
        return (int8_t)((int32_t)value >> 31 ^ 127); /* -128 or 127 */
    }
    return (int8_t)((int32_t)(value * (uint32_t)scale[2] + (value * (uint32_t)scale[3] >> 14) + (uint32_t)scale[4]) >> 24);
}

#endif
