/* SPDX-License-Identifier: MIT-0
 *
 * What the DSP kernels' portable twins compute with: products of pairs, and scaling by the upper half of a product.
 */
#ifndef ETCH_DSP_SCALE_H
#define ETCH_DSP_SCALE_H

#include <stdint.h>

#if !defined(__ARM_FEATURE_DSP) || !defined(__thumb2__)

/* The products of the lower and of the upper halves of two words, added; modulo 2^32, as SMLAD does. */
static inline uint32_t etch_dual_product(int32_t a, int32_t b)
{
    const int32_t low = (int16_t)(uint16_t)((uint32_t)a & 0xffff) * (int16_t)(uint16_t)((uint32_t)b & 0xffff);
    return (uint32_t)low + (uint32_t)((a >> 16) * (b >> 16));
}

static inline int8_t etch_saturate_int8(int32_t value)
{
    if (value < -128) {
        return -128;
    }
    return (int8_t)(value > 127 ? 127 : value);
}

/* The upper half of sum * scale[0] plus scale[2], shifted right by scale[4], as int8: SMMLA, ASR, SSAT. */
static inline int8_t etch_scale_sum(uint32_t sum, const int32_t *scale)
{
    const int32_t high = (int32_t)(((int64_t)(int32_t)sum * scale[0]) >> 32) + scale[2];
    const int32_t value = high >> scale[4];
    return etch_saturate_int8(value);
}

/* The same with the product's upper half rounded to nearest, less 1 for a negative sum: SMMLAR, ADD, ASR, SSAT. */
static inline int8_t etch_scale_rounded(uint32_t sum, const int32_t *scale)
{
    const int32_t high = (int32_t)(((int64_t)(int32_t)sum * scale[0] + INT64_C(0x80000000)) >> 32) + scale[2];
    const int32_t value = (high - ((int32_t)sum < 0)) >> scale[4];
    return etch_saturate_int8(value);
}

/* The same as the first one less something for a negative sum: 2^7 where sums are multiples of 2^8. */
static inline int8_t etch_scale_less(uint32_t sum, const int32_t *scale, int32_t less)
{
    const int32_t high = (int32_t)(((int64_t)(int32_t)sum * scale[0]) >> 32) + scale[2];
    const int32_t value = (high - ((int32_t)sum < 0 ? less : 0)) >> scale[4];
    return etch_saturate_int8(value);
}

/* 256 times the products of four values, as they are expanded for 8-bit weights, with four weights, as pairs 256 * h + l. */
static inline uint32_t etch_borrowed_product(const int32_t *values, int32_t weights)
{
    const int32_t low = (int8_t)(uint8_t)((uint32_t)weights & 0xff), high = (int8_t)(uint8_t)((uint32_t)weights >> 16 & 0xff);
    const int32_t lower = (int32_t)(((uint32_t)high << 16) | ((uint32_t)low & 0xffff));
    return etch_dual_product(values[0], weights) + etch_dual_product(values[1], lower);
}

#endif

#endif
