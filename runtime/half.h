/* SPDX-License-Identifier: MIT-0
 *
 * IEEE 754 binary16 as bit patterns.
 */
#ifndef ETCH_HALF_H
#define ETCH_HALF_H

#include <stdint.h>
#include <string.h>

static inline float etch_half_to_float(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16;
    uint32_t exponent = (half >> 10) & 0x1f, fraction = half & 0x3ffu, bits;
    if (exponent == 31) {
        bits = sign | 0x7f800000u | fraction << 13;
    } else if (exponent == 0 && fraction == 0) {
        bits = sign;
    } else {
        if (exponent == 0) { /* subnormal: 2^-24 times the fraction */
            for (exponent = 1; (fraction & 0x400) == 0; --exponent) {
                fraction <<= 1;
            }
            fraction &= 0x3ff;
        }
        bits = sign | (exponent + 112) << 23 | fraction << 13;
    }
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* Rounds to nearest, ties to even. */
static inline uint16_t etch_float_to_half(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000) {
        return (uint16_t)(sign | 0x7e00);
    }
    if (magnitude >= 0x47800000) {
        return (uint16_t)(sign | 0x7c00);
    }
    if (magnitude >= 0x38800000) { /* normal */
        return (uint16_t)(sign | (((magnitude + 0xfff + (magnitude >> 13 & 1)) >> 13) - (112u << 10)));
    }
    if (magnitude < 0x33000000) {
        return (uint16_t)sign;
    }
    const uint32_t shift = 126 - (magnitude >> 23), fraction = (magnitude & 0x7fffff) | 0x800000;
    const uint32_t rounding = ((uint32_t)1 << (shift - 1)) - 1 + (fraction >> shift & 1);
    return (uint16_t)(sign | (fraction + rounding) >> shift);
}

#endif
