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
    return (int8_t)(127 + (int32_t)(value >> 31));
}

/* scale has how far values reach, the factor, the 12 bits behind it, the offset. */
static inline int8_t etch_value_output(uint32_t value, const int32_t scale[4])
{
    if (value > (uint32_t)scale[0]) {
        return etch_beyond_reach(value);
    }
    const uint32_t behind = value * (uint32_t)scale[2] >> 12;
    return (int8_t)((int32_t)(value * (uint32_t)scale[1] + behind + (uint32_t)scale[3]) >> 24);
}

/* The same where negative sums are rounded otherwise: side has the value of a sum of 0, and what those from there on get. */
static inline int8_t etch_two_sided_value_output(uint32_t value, const int32_t side[2], const int32_t scale[4])
{
    if (value > (uint32_t)scale[0]) {
        return etch_beyond_reach(value);
    }
    const uint32_t behind = (value * (uint32_t)scale[2] >> 12) + (value < (uint32_t)side[0] ? 0 : (uint32_t)side[1]);
    return (int8_t)((int32_t)(value * (uint32_t)scale[1] + behind + (uint32_t)scale[3]) >> 24);
}

/* Of a sum: scale has what is added to it first. */
static inline int8_t etch_short_output(int32_t sum, const int32_t scale[5])
{
    return etch_value_output((uint32_t)sum + (uint32_t)scale[0], scale + 1);
}

static inline int8_t etch_two_sided_output(int32_t sum, const int32_t scale[7])
{
    return etch_two_sided_value_output((uint32_t)sum + (uint32_t)scale[2], scale, scale + 3);
}

#endif
