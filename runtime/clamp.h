/* SPDX-License-Identifier: MIT-0
 *
 * Limits: written so that compilers find their saturating instructions.
 */
#ifndef ETCH_CLAMP_H
#define ETCH_CLAMP_H

#include <stdint.h>

static inline int32_t etch_clamp(int32_t value, int32_t low, int32_t high)
{
    const int32_t raised = value < low ? low : value;
    return raised > high ? high : raised;
}

/* The same from 0 upwards: an unsigned saturation, of a shifted value even, where processors have one. */
static inline int32_t etch_clamp_positive(int32_t value, int32_t high)
{
    const int32_t raised = value < 0 ? 0 : value;
    return raised > high ? high : raised;
}

#endif
