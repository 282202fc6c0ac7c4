/* SPDX-License-Identifier: MIT-0
 *
 * The output of a sum with products of 32 bits alone, exact where the compiler has proven all thresholds between outputs. Sums that
 * give the least and the largest output are told from others first, so that the scaled value's upper 8 bits are the output.
 */
#ifndef ETCH_SHORT_SCALE_H
#define ETCH_SHORT_SCALE_H

#include <stdint.h>

/* -128 or 127, for a value out of reach */
static inline int8_t etch_beyond_reach(uint32_t value)
{
    return (int8_t)((int32_t)value >> 31 ^ 127);
}

/* scale has the start, how far values reach, the factor, the 16 bits behind it, the offset. */
static inline int8_t etch_short_output(int32_t sum, const int32_t scale[5])
{
    const uint32_t value = (uint32_t)sum + (uint32_t)scale[0];
    if (value > (uint32_t)scale[1]) {
        return etch_beyond_reach(value);
    }
    const uint32_t behind = (value >> 4) * (uint32_t)scale[3] >> 12;
    return (int8_t)((int32_t)(value * (uint32_t)scale[2] + behind + (uint32_t)scale[4]) >> 24);
}

/* The same where negative sums are rounded otherwise: scale begins with the value of a sum of 0, and what those from there on get. */
static inline int8_t etch_two_sided_output(int32_t sum, const int32_t scale[7])
{
    const uint32_t value = (uint32_t)sum + (uint32_t)scale[2];
    if (value > (uint32_t)scale[3]) {
        return etch_beyond_reach(value);
    }
    const uint32_t behind = ((value >> 4) * (uint32_t)scale[5] >> 12) + (value < (uint32_t)scale[0] ? 0 : (uint32_t)scale[1]);
    return (int8_t)((int32_t)(value * (uint32_t)scale[4] + behind + (uint32_t)scale[6]) >> 24);
}

#endif
