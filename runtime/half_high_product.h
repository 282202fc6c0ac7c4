/* SPDX-License-Identifier: MIT-0
 *
 * Outputs of half_words.h's sums by the upper half of a product: for sums that short_scale.h has no proof for.
 */
#ifndef ETCH_HALF_HIGH_PRODUCT_H
#define ETCH_HALF_HIGH_PRODUCT_H

#include "half_words.h"
#include "thumb_1.h"

/* The output of a sum: scale has the bias, times 4, the multiplier, what is added to the product's upper half, and the shift.
 * TensorFlow Lite's result for |sum| < 2^29 (two roundings: negative sums get less).
 * The product of 32 by 32 bits from halves: H. S. Warren, Hacker's Delight, 2nd edition, section 8-2.. */
static inline int8_t etch_half_word_output(int32_t sum, const int32_t scale[4])
{
#if ETCH_THUMB_1
    int32_t result;
    __asm__(".syntax unified\n\t"
            "ldr r2, [%[scale]]\n\t"
            "lsls %[sum], #2\n\t"
            "adds %[sum], r2\n\t" /* the value */
            "ldr r3, [%[scale], #4]\n\t"
            "uxth r2, %[sum]\n\t" /* its lower half */
            "asrs %[result], %[sum], #16\n\t" /* its upper half */
            "uxth r4, r3\n\t" /* the multiplier's lower half */
            "lsrs r3, #16\n\t" /* the multiplier's upper half */
            "movs r5, r4\n\t"
            "muls r4, r2\n\t"
            "lsrs r4, #16\n\t"
            "muls r5, %[result]\n\t"
            "adds r5, r4\n\t"
            "muls r2, r3\n\t"
            "uxth r4, r5\n\t"
            "adds r2, r4\n\t"
            "lsrs r2, #16\n\t"
            "muls %[result], r3\n\t"
            "asrs r5, #16\n\t"
            "adds %[result], r5\n\t"
            "adds %[result], r2\n\t" /* the product's upper half */
            "asrs %[sum], #31\n\t"
            "lsls %[sum], #1\n\t"
            "adds %[result], %[sum]\n\t"
            "ldr r2, [%[scale], #8]\n\t"
            "adds %[result], r2\n\t"
            "ldr r2, [%[scale], #12]\n\t"
            "asrs %[result], r2"
            : [sum] "+l"(sum), [result] "=&l"(result)
            : [scale] "l"(scale)
            : "r2", "r3", "r4", "r5", "cc", "memory");
#else
    const int32_t value = (int32_t)((uint32_t)sum << 2) + scale[0], nudge = value < 0 ? -2 : 0;
    const int32_t result = ((int32_t)((int64_t)value * scale[1] >> 32) + scale[2] + nudge) >> scale[3];
#endif
    if (result != (int8_t)result) {
        return result < 0 ? -128 : 127;
    }
    return (int8_t)result;
}

/* Two vectors times all channels: rows of weights, in pairs. */
static ETCH_NOINLINE void etch_half_word_channels(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *first,
    int8_t *second, int32_t count, int32_t channels)
{
    for (int32_t n = 0; n < channels; n += 2, weights += 2 * count) {
        int32_t sums[2][2];
        etch_half_word_sums(words, weights, count, sums);
        first[n] = etch_half_word_output(sums[0][0], scales);
        second[n] = etch_half_word_output(sums[0][1], scales);
        if (n + 1 < channels) {
            first[n + 1] = etch_half_word_output(sums[1][0], scales + 4);
            second[n + 1] = etch_half_word_output(sums[1][1], scales + 4);
        }
        scales += 8;
    }
}

#endif
