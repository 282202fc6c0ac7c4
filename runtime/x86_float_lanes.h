/* SPDX-License-Identifier: MIT-0
 *
 * 16 values in single precision in the registers of AVX-512, or of AVX2 with FMA. Product and sum are rounded once.
 */
#ifndef ETCH_X86_FLOAT_LANES_H
#define ETCH_X86_FLOAT_LANES_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#include "x86_levels.h"

#if defined(__AVX512F__)
#define ETCH_FLOATS_512
typedef __m512 etch_floats;
#elif defined(__AVX2__) && defined(__FMA__)
#define ETCH_FLOATS_256
typedef struct etch_floats {
    __m256 low, high;
} etch_floats;
#endif

#if defined(ETCH_FLOATS_512) || defined(ETCH_FLOATS_256)

#define ETCH_VECTOR_FLOATS

static inline ETCH_FORCED etch_floats etch_load_floats(const float *values)
{
#if defined(ETCH_FLOATS_512)
    return _mm512_loadu_ps(values);
#else
    return (etch_floats){_mm256_loadu_ps(values), _mm256_loadu_ps(values + 8)};
#endif
}

static inline ETCH_FORCED etch_floats etch_zero_floats(void)
{
#if defined(ETCH_FLOATS_512)
    return _mm512_setzero_ps();
#else
    return (etch_floats){_mm256_setzero_ps(), _mm256_setzero_ps()};
#endif
}

/* sum + a * b */
static inline ETCH_FORCED etch_floats etch_add_product(etch_floats sum, etch_floats a, etch_floats b)
{
#if defined(ETCH_FLOATS_512)
    return _mm512_fmadd_ps(a, b, sum);
#else
    return (etch_floats){_mm256_fmadd_ps(a.low, b.low, sum.low), _mm256_fmadd_ps(a.high, b.high, sum.high)};
#endif
}

/* sum + value * b */
static inline ETCH_FORCED etch_floats etch_add_scaled(etch_floats sum, float value, etch_floats b)
{
#if defined(ETCH_FLOATS_512)
    return etch_add_product(sum, _mm512_set1_ps(value), b);
#else
    return etch_add_product(sum, (etch_floats){_mm256_set1_ps(value), _mm256_set1_ps(value)}, b);
#endif
}

/* Sum and bias, within the limits; infinite ones are none. The first `channels` lanes are stored. */
static inline ETCH_FORCED void etch_store_lanes(float *output, etch_floats sum, const float *bias, int32_t channels, float low, float high)
{
#if defined(ETCH_FLOATS_512)
    sum = _mm512_add_ps(sum, _mm512_loadu_ps(bias));
    sum = low > -INFINITY ? _mm512_max_ps(sum, _mm512_set1_ps(low)) : sum;
    sum = high < INFINITY ? _mm512_min_ps(sum, _mm512_set1_ps(high)) : sum;
#else
    sum.low = _mm256_add_ps(sum.low, _mm256_loadu_ps(bias));
    sum.high = _mm256_add_ps(sum.high, _mm256_loadu_ps(bias + 8));
    sum.low = low > -INFINITY ? _mm256_max_ps(sum.low, _mm256_set1_ps(low)) : sum.low;
    sum.high = low > -INFINITY ? _mm256_max_ps(sum.high, _mm256_set1_ps(low)) : sum.high;
    sum.low = high < INFINITY ? _mm256_min_ps(sum.low, _mm256_set1_ps(high)) : sum.low;
    sum.high = high < INFINITY ? _mm256_min_ps(sum.high, _mm256_set1_ps(high)) : sum.high;
#endif
    memcpy(output, &sum, channels < 16 ? (size_t)channels * sizeof *output : sizeof sum);
}

#endif

#endif
