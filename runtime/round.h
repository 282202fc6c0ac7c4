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

#endif
