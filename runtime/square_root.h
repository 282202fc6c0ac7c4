/* SPDX-License-Identifier: MIT-0
 *
 * Square roots of integers, rounded to the nearest, digit by digit. As in TensorFlow Lite for Microcontrollers
 * (signal/src/square_root_64.cc), the result of a value below 2^32 is at most 65535.
 */
#ifndef ETCH_SQUARE_ROOT_H
#define ETCH_SQUARE_ROOT_H

#include "bits.h"
#include <stdint.h>

static inline uint32_t etch_square_root32(uint32_t value)
{
    uint32_t root = 0, bit = value == 0 ? 0 : (uint32_t)1 << ((etch_bit_length(value) - 1) & ~1);
    for (; bit != 0; bit >>= 2) {
        const uint32_t trial = root + bit;
        root >>= 1;
        if (value >= trial) {
            value -= trial;
            root += bit;
        }
    }
    return value > root && root != 0xffff ? root + 1 : root;
}

static inline uint32_t etch_square_root(uint64_t value)
{
    const uint32_t upper = (uint32_t)(value >> 32);
    if (upper == 0) {
        return etch_square_root32((uint32_t)value);
    }
    uint64_t root = 0, bit = (uint64_t)1 << ((31 + etch_bit_length(upper)) & ~1);
    for (; bit != 0; bit >>= 2) {
        const uint64_t trial = root + bit;
        root >>= 1;
        if (value >= trial) {
            value -= trial;
            root += bit;
        }
    }
    return (uint32_t)(value > root && root != 0xffffffff ? root + 1 : root);
}

#endif
