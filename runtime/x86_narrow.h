/* SPDX-License-Identifier: MIT-0
 *
 * Sums of products of one vector of bytes: pmaddubsw takes bytes as they are, twice as many as pmaddwd, but saturates at 16 bits. Where few
 * pairs of neighbouring products can get there, what it takes away is added afterwards. Otherwise values keep their sign, which
 * psignb gives to the weights: 128 * 127 + 128 * 127 < 2^15. Where the processor sums four products of bytes, these are its sums.
 */
#ifndef ETCH_X86_NARROW_H
#define ETCH_X86_NARROW_H

#include <stdint.h>
#include <string.h>

#include "x86_bytes.h"

#if defined(ETCH_AVX2) || defined(ETCH_SSE4)
typedef uint8_t etch_narrow;
#else
typedef etch_value etch_narrow;
#endif

/* Values 128 higher, as by etch_copy_values. */
static inline ETCH_PERHAPS void etch_copy_narrow(etch_narrow *target, const int8_t *source, int32_t count)
{
#if defined(ETCH_AVX2) || defined(ETCH_SSE4)
    int32_t i = 0;
    for (; i + 16 <= count; i += 16) {
        const __m128i bytes = _mm_loadu_si128((const __m128i *)(const void *)(source + i));
        _mm_storeu_si128((__m128i *)(void *)(target + i), _mm_xor_si128(bytes, _mm_set1_epi8(-128)));
    }
    for (; i < count; ++i) {
        target[i] = (etch_narrow)(source[i] + 128);
    }
#else
    etch_copy_values(target, source, count);
#endif
}

/* Values as they are, where they keep their sign. */
static inline ETCH_PERHAPS void etch_copy_signed(etch_narrow *target, const int8_t *source, int32_t count)
{
#if defined(ETCH_AVX2) || defined(ETCH_SSE4)
    memcpy(target, source, (size_t)count);
#else
    etch_copy_values(target, source, count);
#endif
}

/* What sums start with where values keep their sign. */
static inline const int32_t *etch_narrow_start(const int32_t *start, const int32_t *signed_start)
{
#if defined(ETCH_AVX2) || defined(ETCH_SSE4)
    (void)start;
    return signed_start;
#else
    (void)signed_start;
    return start;
#endif
}

#if defined(ETCH_AVX2)

enum { ETCH_NARROW = 4 }; /* blocks whose sums fit the registers */

static inline ETCH_FORCED void etch_multiply_narrow_part(etch_lanes *sums, int32_t blocks, const etch_narrow *values, int32_t quads,
    const int8_t *weights, int32_t stride, int32_t is_signed)
{
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i part[2 * ETCH_NARROW];
    ETCH_UNROLL_ALL
    for (int32_t b = 0; b < blocks; ++b) {
        part[2 * b] = sums[b].low;
        part[2 * b + 1] = sums[b].high;
    }
    for (int32_t k = 0; k < quads; ++k, values += 4, weights += stride) {
        int32_t four;
        memcpy(&four, values, 4);
        const __m256i same = _mm256_set1_epi32(four);
        const __m256i magnitude = is_signed ? _mm256_abs_epi8(same) : same;
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < 2 * blocks; ++i) {
            const __m256i weight = _mm256_loadu_si256((const __m256i *)(const void *)(weights + 32 * i));
            const __m256i factor = is_signed ? _mm256_sign_epi8(weight, same) : weight;
            part[i] = _mm256_add_epi32(part[i], _mm256_madd_epi16(_mm256_maddubs_epi16(magnitude, factor), ones));
            ETCH_KEEP(part[i]);
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t b = 0; b < blocks; ++b) {
        sums[b].low = part[2 * b];
        sums[b].high = part[2 * b + 1];
    }
}

#elif defined(ETCH_SSE4)

enum { ETCH_NARROW = 2 }; /* blocks whose sums fit the registers */

static inline ETCH_FORCED void etch_multiply_narrow_part(etch_lanes *sums, int32_t blocks, const etch_narrow *values, int32_t quads,
    const int8_t *weights, int32_t stride, int32_t is_signed)
{
    const __m128i ones = _mm_set1_epi16(1);
    __m128i part[4 * ETCH_NARROW];
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4 * blocks; ++i) {
        part[i] = sums[i / 4].quarter[i % 4];
    }
    for (int32_t k = 0; k < quads; ++k, values += 4, weights += stride) {
        int32_t four;
        memcpy(&four, values, 4);
        const __m128i same = _mm_set1_epi32(four);
        const __m128i magnitude = is_signed ? _mm_abs_epi8(same) : same;
        ETCH_UNROLL_ALL
        for (int32_t i = 0; i < 4 * blocks; ++i) {
            const __m128i weight = _mm_loadu_si128((const __m128i *)(const void *)(weights + 16 * i));
            const __m128i factor = is_signed ? _mm_sign_epi8(weight, same) : weight;
            part[i] = _mm_add_epi32(part[i], _mm_madd_epi16(_mm_maddubs_epi16(magnitude, factor), ones));
            ETCH_KEEP(part[i]);
        }
    }
    ETCH_UNROLL_ALL
    for (int32_t i = 0; i < 4 * blocks; ++i) {
        sums[i / 4].quarter[i % 4] = part[i];
    }
}

#endif

#if defined(ETCH_VNNI_512)
enum { ETCH_AHEAD = 512 }; /* bytes of weights: one vector takes longer to read them from the second cache than to multiply them */

/* Adds four values' products. */
static inline ETCH_FORCED void etch_add_quad(etch_lanes *sums, int32_t blocks, const uint8_t *values, const int8_t *weights)
{
    int32_t four;
    memcpy(&four, values, 4);
    ETCH_UNROLL_ALL
    for (int32_t b = 0; b < blocks; ++b) {
        _mm_prefetch((const char *)((uintptr_t)weights + (uintptr_t)(64 * b + ETCH_AHEAD)), _MM_HINT_T0);
        sums[b] = _mm512_dpbusd_epi32(sums[b], _mm512_set1_epi32(four), _mm512_loadu_si512(weights + 64 * b));
        ETCH_KEEP(sums[b]);
    }
}

/* At most eight blocks, in two sets of sums: products need not wait for those before. */
static inline ETCH_FORCED void etch_multiply_vector(etch_lanes *sums, int32_t blocks, const uint8_t *values, int32_t quads,
    const int8_t *weights, int32_t stride)
{
    etch_lanes others[8];
    ETCH_UNROLL_ALL
    for (int32_t b = 0; b < blocks; ++b) {
        others[b] = _mm512_setzero_si512();
    }
    for (int32_t k = 0; k < quads / 2; ++k, values += 8, weights += 2 * stride) {
        etch_add_quad(sums, blocks, values, weights);
        etch_add_quad(others, blocks, values + 4, weights + stride);
    }
    if (quads % 2 > 0) {
        etch_add_quad(sums, blocks, values, weights);
    }
    ETCH_UNROLL_ALL
    for (int32_t b = 0; b < blocks; ++b) {
        sums[b] = _mm512_add_epi32(sums[b], others[b]);
    }
}
#endif

/* As etch_multiply_bytes, of one vector. */
static inline ETCH_FORCED void etch_multiply_narrow(etch_lanes *sums, int32_t blocks, const etch_narrow *values, int32_t quads,
    const int8_t *weights, int32_t stride, int32_t is_signed)
{
#if defined(ETCH_AVX2) || defined(ETCH_SSE4)
    int32_t b = 0;
    for (; b + ETCH_NARROW <= blocks; b += ETCH_NARROW) {
        etch_multiply_narrow_part(sums + b, ETCH_NARROW, values, quads, weights + 64 * b, stride, is_signed);
    }
    if (blocks % ETCH_NARROW > 0) {
        etch_multiply_narrow_part(sums + b, blocks % ETCH_NARROW, values, quads, weights + 64 * b, stride, is_signed);
    }
#elif defined(ETCH_VNNI_512)
    (void)is_signed;
    etch_multiply_vector(sums, blocks, values, quads, weights, stride);
#else
    (void)is_signed;
    etch_multiply_bytes(sums, 1, blocks, &values, 0, 1, quads, 0, weights, stride);
#endif
}

/* Adds to the sums of `channels` channels what saturation has taken away. Pairs: channel and first value of each that may saturate. */
static inline void etch_restore_saturated(etch_lanes *sums, int32_t first, int32_t channels, const etch_narrow *values, const int8_t *packed,
    int32_t stride, const int32_t *pairs, int32_t count)
{
#if defined(ETCH_AVX2) || defined(ETCH_SSE4)
    for (int32_t i = 0; i < count; ++i) {
        const int32_t n = pairs[2 * i], k = pairs[2 * i + 1];
        const int8_t *const weight = packed + k / 4 * stride + 4 * n + k % 4;
        const int32_t exact = values[k] * weight[0] + values[k + 1] * weight[1];
        if (n >= first && n < first + channels && (exact > INT16_MAX || exact < INT16_MIN)) {
            char *const lane = (char *)sums + 4 * (n - first);
            int32_t sum;
            memcpy(&sum, lane, sizeof sum);
            sum += exact - (exact > 0 ? INT16_MAX : INT16_MIN);
            memcpy(lane, &sum, sizeof sum);
        }
    }
#else
    (void)sums, (void)first, (void)channels, (void)values, (void)packed, (void)stride, (void)pairs, (void)count;
#endif
}

#endif
