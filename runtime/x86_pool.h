/* SPDX-License-Identifier: MIT-0
 *
 * Averages of signed bytes, 16 channels at a time.
 */
#ifndef ETCH_X86_POOL_H
#define ETCH_X86_POOL_H

#include <stdint.h>
#include <string.h>

#include "x86_levels.h"

/* `channels` averages, at most 16, of `height` rows of `width` values that are `step` apart; rows are `pitch` apart. Halves are
 * rounded away from zero. The quotient in single precision is exact: up to 4096 values, none is nearer to the next whole number
 * than the last bit. */
static inline ETCH_FORCED void etch_average_bytes(int8_t *output, const int8_t *input, int32_t channels, int32_t height,
    int32_t width, int32_t step, int32_t pitch, int32_t low, int32_t high)
{
    int8_t bytes[16] = {0};
#if defined(ETCH_VNNI_512)
    __m512i sum = _mm512_setzero_si512();
    for (int32_t i = 0; i < height; ++i) {
        for (int32_t j = 0; j < width; ++j) {
            const int8_t *const value = input + i * pitch + j * step;
            if (channels < 16) {
                memcpy(bytes, value, (size_t)channels);
            }
            const __m128i values = _mm_loadu_si128((const __m128i *)(const void *)(channels < 16 ? bytes : value));
            sum = _mm512_add_epi32(sum, _mm512_cvtepi8_epi32(values));
        }
    }
    const __m512i count = _mm512_set1_epi32(height * width), half = _mm512_set1_epi32(height * width / 2);
    sum = _mm512_mask_sub_epi32(_mm512_add_epi32(sum, half), _mm512_movepi32_mask(sum), sum, half);
    sum = _mm512_cvttps_epi32(_mm512_div_ps(_mm512_cvtepi32_ps(sum), _mm512_cvtepi32_ps(count)));
    sum = _mm512_max_epi32(_mm512_min_epi32(sum, _mm512_set1_epi32(high)), _mm512_set1_epi32(low));
    _mm_storeu_si128((__m128i *)(void *)bytes, _mm512_cvtepi32_epi8(sum));
#elif defined(ETCH_VNNI_256) || defined(ETCH_AVX2)
    __m256i sums[2] = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    for (int32_t i = 0; i < height; ++i) {
        for (int32_t j = 0; j < width; ++j) {
            const int8_t *const value = input + i * pitch + j * step;
            if (channels < 16) {
                memcpy(bytes, value, (size_t)channels);
            }
            const __m128i values = _mm_loadu_si128((const __m128i *)(const void *)(channels < 16 ? bytes : value));
            sums[0] = _mm256_add_epi32(sums[0], _mm256_cvtepi8_epi32(values));
            sums[1] = _mm256_add_epi32(sums[1], _mm256_cvtepi8_epi32(_mm_srli_si128(values, 8)));
        }
    }
    const __m256 count = _mm256_set1_ps((float)(height * width));
    const __m256i half = _mm256_set1_epi32(height * width / 2);
    for (int32_t i = 0; i < 2; ++i) {
        const __m256i negative = _mm256_srai_epi32(sums[i], 31);
        const __m256i rounding = _mm256_sub_epi32(_mm256_xor_si256(half, negative), negative);
        const __m256 quotient = _mm256_div_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sums[i], rounding)), count);
        sums[i] = _mm256_min_epi32(_mm256_cvttps_epi32(quotient), _mm256_set1_epi32(high));
        sums[i] = _mm256_max_epi32(sums[i], _mm256_set1_epi32(low));
    }
    const __m256i words = _mm256_permute4x64_epi64(_mm256_packs_epi32(sums[0], sums[1]), 0xd8);
    const __m128i packed = _mm_packs_epi16(_mm256_castsi256_si128(words), _mm256_extracti128_si256(words, 1));
    _mm_storeu_si128((__m128i *)(void *)bytes, packed);
#elif defined(ETCH_SSE4)
    __m128i sums[4] = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
    for (int32_t i = 0; i < height; ++i) {
        for (int32_t j = 0; j < width; ++j) {
            const int8_t *const value = input + i * pitch + j * step;
            if (channels < 16) {
                memcpy(bytes, value, (size_t)channels);
            }
            const __m128i values = _mm_loadu_si128((const __m128i *)(const void *)(channels < 16 ? bytes : value));
            sums[0] = _mm_add_epi32(sums[0], _mm_cvtepi8_epi32(values));
            sums[1] = _mm_add_epi32(sums[1], _mm_cvtepi8_epi32(_mm_srli_si128(values, 4)));
            sums[2] = _mm_add_epi32(sums[2], _mm_cvtepi8_epi32(_mm_srli_si128(values, 8)));
            sums[3] = _mm_add_epi32(sums[3], _mm_cvtepi8_epi32(_mm_srli_si128(values, 12)));
        }
    }
    const __m128 count = _mm_set1_ps((float)(height * width));
    const __m128i half = _mm_set1_epi32(height * width / 2);
    for (int32_t i = 0; i < 4; ++i) {
        const __m128i negative = _mm_srai_epi32(sums[i], 31);
        const __m128i rounding = _mm_sub_epi32(_mm_xor_si128(half, negative), negative);
        const __m128 quotient = _mm_div_ps(_mm_cvtepi32_ps(_mm_add_epi32(sums[i], rounding)), count);
        sums[i] = _mm_min_epi32(_mm_cvttps_epi32(quotient), _mm_set1_epi32(high));
        sums[i] = _mm_max_epi32(sums[i], _mm_set1_epi32(low));
    }
    const __m128i packed = _mm_packs_epi16(_mm_packs_epi32(sums[0], sums[1]), _mm_packs_epi32(sums[2], sums[3]));
    _mm_storeu_si128((__m128i *)(void *)bytes, packed);
#else
    int32_t sums[16] = {0};
    for (int32_t i = 0; i < height; ++i) {
        for (int32_t j = 0; j < width; ++j) {
            for (int32_t n = 0; n < channels; ++n) {
                sums[n] += input[i * pitch + j * step + n];
            }
        }
    }
    for (int32_t n = 0; n < channels; ++n) {
        const int32_t half = height * width / 2;
        const int32_t average = (sums[n] > 0 ? sums[n] + half : sums[n] - half) / (height * width);
        bytes[n] = (int8_t)(average < low ? low : average > high ? high
                                                                 : average);
    }
#endif
    memcpy(output, bytes, (size_t)channels);
}

#endif
