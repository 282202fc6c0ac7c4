/* SPDX-License-Identifier: MIT-0
 *
 * Vectors of eight values times output channels, on processors that multiply two pairs of 16 bits per instruction: the values of two vectors
 * stay in registers.
 */
#ifndef ETCH_DSP_EIGHT_H
#define ETCH_DSP_EIGHT_H

#include "dsp_scale.h"
#include "noinline.h"

/* 16 products and two outputs of a channel: lr of vector 0, whose values are in r7 ... r10, r0 of vector 1, in r3 ... r6 */
#define ETCH_EIGHT_CHANNEL \
    "ldm r1!, {r0, r11, r12}\n\t" \
    "smlad lr, r7, r11, r0\n\t" \
    "smlad r0, r3, r11, r0\n\t" \
    "smlad lr, r8, r12, lr\n\t" \
    "smlad r0, r4, r12, r0\n\t" \
    "ldm r1!, {r11, r12}\n\t" \
    "smlad lr, r9, r11, lr\n\t" \
    "smlad r0, r5, r11, r0\n\t" \
    "smlad lr, r10, r12, lr\n\t" \
    "smlad r0, r6, r12, r0\n\t" \
    "ldm r1!, {r11, r12}\n\t" \
    "smmla lr, lr, r11, r12\n\t" \
    "smmla r0, r0, r11, r12\n\t" \
    "ssat lr, #8, lr, asr #12\n\t" \
    "ssat r0, #8, r0, asr #12\n\t"

/* `weights` has per channel the sum's start, (w0, w2), (w1, w3), (w4, w6), (w5, w7), factor and offset; the shift is 12, and the outputs of
 * negative sums are at the lower limit. The numbers of vectors and channels are even. On the stack: 0 channels, 4 the first vector's
 * last result, 8 weights, 12 vectors left, 16 the next two. */
static ETCH_NOINLINE void etch_points_of_eight(const int8_t *values, const int32_t *weights, int8_t *result, int32_t vectors, int32_t channels)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int8_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t count __asm__("r3") = vectors;
    register int32_t outputs __asm__("r4") = channels;
    __asm__ volatile("push {r4-r11, lr}\n\t"
                     "sub sp, sp, #24\n\t"
                     "str r4, [sp]\n\t"
                     "str r1, [sp, #8]\n\t"
                     "str r3, [sp, #12]\n"
                     "1:\n\t" /* two vectors */
                     "ldr r3, [r0], #4\n\t"
                     "ldr r4, [r0], #4\n\t"
                     "ldr r5, [r0], #4\n\t"
                     "ldr r6, [r0], #4\n\t"
                     "str r0, [sp, #16]\n\t"
                     "sxtb16 r7, r3\n\t"
                     "sxtb16 r8, r3, ror #8\n\t"
                     "sxtb16 r9, r4\n\t"
                     "sxtb16 r10, r4, ror #8\n\t"
                     "sxtb16 r3, r5\n\t"
                     "sxtb16 r4, r5, ror #8\n\t"
                     "sxtb16 r5, r6\n\t"
                     "sxtb16 r6, r6, ror #8\n\t"
                     "ldr r1, [sp, #8]\n\t"
                     "ldr r0, [sp]\n\t"
                     "add r0, r2, r0\n\t"
                     "str r0, [sp, #4]\n"
                     "2:\n\t" /* two channels */
                     ETCH_EIGHT_CHANNEL
                     "ldr r11, [sp]\n\t"
                     "strb r0, [r2, r11]\n\t"
                     "strb lr, [r2], #1\n\t" ETCH_EIGHT_CHANNEL
                     "ldrd r11, r12, [sp]\n\t"
                     "strb r0, [r2, r11]\n\t"
                     "strb lr, [r2], #1\n\t"
                     "cmp r2, r12\n\t"
                     "bne 2b\n\t"
                     "add r2, r2, r11\n\t"
                     "ldr r0, [sp, #16]\n\t"
                     "ldr r3, [sp, #12]\n\t"
                     "subs r3, r3, #2\n\t"
                     "str r3, [sp, #12]\n\t"
                     "bne 1b\n\t"
                     "add sp, sp, #24\n\t"
                     "pop {r4-r11, lr}"
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(count)
                     : "r"(outputs)
                     : "r12", "cc", "memory");
#else
    for (int32_t i = 0; i < vectors; ++i, values += 8) {
        const int32_t *weight = weights;
        for (int32_t n = 0; n < channels; ++n, weight += 7) {
            uint32_t sum = (uint32_t)weight[0];
            for (int32_t k = 0; k < 4; ++k) {
                const int8_t *const value = values + k / 2 * 4 + k % 2;
                sum += etch_dual_product((int32_t)(((uint32_t)value[2] << 16) | ((uint32_t)value[0] & 0xffff)), weight[1 + k]);
            }
            const int32_t scale[5] = {weight[5], 0, weight[6], 0, 12};
            *result++ = etch_scale_sum(sum, scale);
        }
    }
#endif
}

#endif
