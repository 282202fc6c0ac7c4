/* SPDX-License-Identifier: MIT-0
 *
 * The output of a sum with the upper half of one product, exact where the compiler has proven all thresholds between outputs. Sums that
 * give the least and the largest output are told from others first.
 */
#ifndef ETCH_ONE_PRODUCT_H
#define ETCH_ONE_PRODUCT_H

#include "short_scale.h"

#include <stdint.h>

/* Of a value within reach */
static inline int8_t etch_multiple_output(uint32_t value, int32_t factor, int32_t offset, int32_t left)
{
    const int32_t multiple = (int32_t)((value << left) + (uint32_t)offset);
    return (int8_t)((int32_t)((int64_t)multiple * factor >> 32) >> 16);
}

/* scale has how far values reach, the factor, the offset. */
static inline int8_t etch_product_output(uint32_t value, const int32_t scale[3], int32_t left)
{
    return value > (uint32_t)scale[0] ? etch_beyond_reach(value) : etch_multiple_output(value, scale[1], scale[2], left);
}

/* The same where negative sums are rounded otherwise: side has the value of a sum of 0, and the offset from there on. */
static inline int8_t etch_two_sided_product(uint32_t value, const int32_t side[2], const int32_t scale[3], int32_t left)
{
    if (value > (uint32_t)scale[0]) {
        return etch_beyond_reach(value);
    }
    return etch_multiple_output(value, scale[1], value < (uint32_t)side[0] ? scale[2] : side[1], left);
}

/* Of a sum: scale has what is added to it first. */
static inline int8_t etch_one_product_output(int32_t sum, const int32_t scale[4], int32_t left)
{
    return etch_product_output((uint32_t)sum + (uint32_t)scale[0], scale + 1, left);
}

static inline int8_t etch_one_product_two_sided(int32_t sum, const int32_t scale[6], int32_t left)
{
    return etch_two_sided_product((uint32_t)sum + (uint32_t)scale[2], scale, scale + 3, left);
}

#endif
