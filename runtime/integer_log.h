/* SPDX-License-Identifier: MIT-0
 *
 * Logarithms of integers: TensorFlow Lite for Microcontrollers, signal/src/log.cc.
 */
#ifndef ETCH_INTEGER_LOG_H
#define ETCH_INTEGER_LOG_H

#include "bits.h"
#include <stdint.h>

/* 2^16 log2(value). Between powers of two a straight line, corrected by a table of 129 entries,
 * 2^16 (log2(1 + i / 128) - i / 128); the reference interpolates it with 1 / 128 of the due slope. */
static inline uint32_t etch_log2(uint32_t value, const int16_t *table)
{
    const int32_t exponent = etch_bit_length(value) - 1;
    const uint32_t mantissa = value - ((uint32_t)1 << exponent);
    const int32_t fraction = (int32_t)(exponent < 16 ? mantissa << (16 - exponent) : mantissa >> (exponent - 16));
    const int32_t low = table[fraction >> 9], high = table[(fraction >> 9) + 1];
    const int32_t correction = low + (((high - low) * (fraction & 0x1ff)) >> 16);
    return ((uint32_t)exponent << 16) + (uint32_t)(fraction + correction);
}

#endif
