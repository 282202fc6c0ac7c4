/* SPDX-License-Identifier: MIT-0
 *
 * Floats to integers, ties away from zero.
 */
#ifndef ETCH_ROUND_H
#define ETCH_ROUND_H

#include <math.h>
#include <stdint.h>

/* round(value) + zero_point within [low, high], |zero_point| < 2^16; NaN gives low. */
static inline int32_t etch_round_to(float value, int32_t zero_point, int32_t low, int32_t high)
{
    const float rounded = roundf(value);
    if (!(rounded > (float)(low - zero_point))) {
        return low;
    }
    return rounded >= (float)(high - zero_point) ? high : (int32_t)rounded + zero_point;
}

/* The same for all of int32. */
static inline int32_t etch_round_to_int32(float value, int32_t zero_point)
{
    const double units = (double)roundf(value) + zero_point;
    if (!(units > -2147483648.0)) {
        return INT32_MIN;
    }
    return units >= 2147483647.0 ? INT32_MAX : (int32_t)units;
}

#endif
