/* SPDX-License-Identifier: MIT-0
 *
 * Per-channel amplitude normalisation: TensorFlow Lite for Microcontrollers, signal/src/pcan_argc_fixed.cc.
 */
#ifndef ETCH_PCAN_H
#define ETCH_PCAN_H

#include "bits.h"
#include <stdint.h>

/* The gain as a function of the noise: for every octave three coefficients of a parabola in the 10 bits after the first one.
 * The table has four entries per octave, from 3 on; 0, 1 and 2 have entries of their own. */
static inline int16_t etch_pcan_gain(uint32_t noise, const int16_t *table)
{
    if (noise <= 2) {
        return table[noise];
    }
    const int32_t octave = etch_bit_length(noise);
    const int16_t *part = table + 4 * octave - 6;
    const int32_t fraction = (int32_t)((octave < 11 ? noise << (11 - octave) : noise >> (octave - 11)) & 0x3ff);
    const int32_t slope = ((part[2] * fraction) >> 5) + part[1] * 32;
    return (int16_t)(((slope * fraction + (1 << 14)) >> 15) + part[0]);
}

/* x^2 / 4 below 2, x - 1 from there on; x has 12 fractional bits, the result 6. */
static inline uint32_t etch_pcan_shrink(uint32_t x)
{
    return x < 2 << 12 ? (x * x) >> 20 : (x >> 6) - (1 << 6);
}

#endif
