/* SPDX-License-Identifier: MIT-0
 *
 * Functions of 16-bit values by table and linear interpolation.
 */
#ifndef ETCH_INTERPOLATION_H
#define ETCH_INTERPOLATION_H

#include <stdint.h>

/* TensorFlow Lite LUTLookup (internal/common.h): 512 samples over the range of int16_t and one past its end */
static inline int16_t etch_interpolate(const int16_t *table, int16_t value)
{
    const int16_t *const sample = table + 256 + (value >> 7);
    const int32_t slope = (int16_t)(sample[1] - sample[0]);
    return (int16_t)(sample[0] + ((slope * (value & 0x7f) + 64) >> 7));
}

#endif
