/* SPDX-License-Identifier: MIT-0
 *
 * 16 values in single precision in the registers of NEON. Product and sum are rounded once.
 */
#ifndef ETCH_NEON_FLOAT_LANES_H
#define ETCH_NEON_FLOAT_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "neon_levels.h"

#if defined(ETCH_NEON)

#define ETCH_VECTOR_FLOATS

typedef struct etch_floats {
    float32x4_t part[4];
} etch_floats;

static inline ETCH_FORCED etch_floats etch_load_floats(const float *values)
{
    return (etch_floats){{vld1q_f32(values), vld1q_f32(values + 4), vld1q_f32(values + 8), vld1q_f32(values + 12)}};
}

static inline ETCH_FORCED etch_floats etch_zero_floats(void)
{
    return (etch_floats){{vdupq_n_f32(0.0f), vdupq_n_f32(0.0f), vdupq_n_f32(0.0f), vdupq_n_f32(0.0f)}};
}

/* sum + a * b */
static inline ETCH_FORCED etch_floats etch_add_product(etch_floats sum, etch_floats a, etch_floats b)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4; ++i) {
        sum.part[i] = vfmaq_f32(sum.part[i], a.part[i], b.part[i]);
    }
    return sum;
}

/* sum + value * b */
static inline ETCH_FORCED etch_floats etch_add_scaled(etch_floats sum, float value, etch_floats b)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4; ++i) {
        sum.part[i] = vfmaq_n_f32(sum.part[i], b.part[i], value);
    }
    return sum;
}

/* Sum and bias, within the limits; infinite ones are none. The first `channels` lanes are stored. */
static inline ETCH_FORCED void etch_store_lanes(float *output, etch_floats sum, const float *bias, int32_t channels, float low, float high)
{
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4; ++i) {
        float32x4_t value = vaddq_f32(sum.part[i], vld1q_f32(bias + 4 * i));
        value = low > -INFINITY ? vmaxq_f32(value, vdupq_n_f32(low)) : value;
        value = high < INFINITY ? vminq_f32(value, vdupq_n_f32(high)) : value;
        if (channels >= 4 * i + 4) {
            vst1q_f32(output + 4 * i, value);
        } else if (channels > 4 * i) {
            memcpy(output + 4 * i, &value, (size_t)(channels - 4 * i) * sizeof *output);
        }
    }
}

#endif

#endif
