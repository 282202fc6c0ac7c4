/* SPDX-License-Identifier: MIT-0
 *
 * Floats to integers, towards zero; saturating, NaN becomes 0.
 */
#ifndef ETCH_TRUNCATE_H
#define ETCH_TRUNCATE_H

#include <stdint.h>

static inline int32_t etch_truncate_int32(float value)
{
    if (value >= 2147483648.0f) {
        return INT32_MAX;
    }
    if (value < -2147483648.0f) {
        return INT32_MIN;
    }
    return value == value ? (int32_t)value : 0;
}

/* For the low 8 or 16 bits: 0 where int32_t does not hold the value. */
static inline int32_t etch_truncate_low_bits(float value)
{
    return value > -2147483648.0f && value < 2147483648.0f ? (int32_t)value : 0;
}

static inline int64_t etch_truncate_int64(float value)
{
    if (value >= 9223372036854775808.0f) {
        return INT64_MAX;
    }
    if (value < -9223372036854775808.0f) {
        return INT64_MIN;
    }
    return value == value ? (int64_t)value : 0;
}

static inline uint32_t etch_truncate_uint32(float value)
{
    if (value >= 4294967296.0f) {
        return UINT32_MAX;
    }
    return value > 0.0f ? (uint32_t)value : 0;
}

static inline uint64_t etch_truncate_uint64(float value)
{
    if (value >= 18446744073709551616.0f) {
        return UINT64_MAX;
    }
    return value > 0.0f ? (uint64_t)value : 0;
}

#endif
