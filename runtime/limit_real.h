/* SPDX-License-Identifier: MIT-0
 *
 * Limits of fused activations. What is not a number stays so.
 */
#ifndef ETCH_LIMIT_REAL_H
#define ETCH_LIMIT_REAL_H

static inline float etch_limit_real(float value, float low, float high)
{
    const float raised = value < low ? low : value;
    return raised > high ? high : raised;
}

#endif
