/* SPDX-License-Identifier: MIT-0
 *
 * Depthwise 3 by 3 filters, four channels of a line at a time: the three rows under the filter are held in pairs of 16 bits, of
 * these channels only.
 */
#ifndef ETCH_DSP_DEPTHWISE_LEAN_H
#define ETCH_DSP_DEPTHWISE_LEAN_H

#include <stdint.h>
#include <string.h>

#include "asm_lines.h"
#include "dsp_expand.h"
#include "dsp_scale.h"
#include "noinline.h"

/* The next row of four channels: `pairs` get per column the rows above each other, of channels 0, 2, 1, 3, from the upper halves of what
 * they have and from `last`, the row that was the last one; `last` gets `count` values, `step` apart, as (c0, c2), (c1, c3). */
static inline void etch_depthwise_row(int32_t *pairs, int32_t *last, const int8_t *values, int32_t step, int32_t count)
{
    for (int32_t i = 0; i < count; ++i, pairs += 4, last += 2, values += step) {
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
        __asm__ volatile("ldm %0, {r2-r5}\n\t"
                         "ldrd r6, r8, [%1]\n\t"
                         "lsr r2, r2, #16\n\t"
                         "lsr r4, r4, #16\n\t"
                         "pkhbt r2, r2, r6, lsl #16\n\t"
                         "pkhtb r3, r6, r3, asr #16\n\t"
                         "pkhbt r4, r4, r8, lsl #16\n\t"
                         "pkhtb r5, r8, r5, asr #16\n\t"
                         "stm %0, {r2-r5}\n\t"
                         "ldr r2, [%2]\n\t"
                         "sxtb16 r8, r2, ror #8\n\t"
                         "sxtb16 r6, r2\n\t"
                         "strd r6, r8, [%1]"
                         :
                         : "r"(pairs), "r"(last), "r"(values)
                         : "r2", "r3", "r4", "r5", "r6", "r8", "memory");
#else
        for (int32_t k = 0; k < 4; ++k) {
            const int32_t half = k % 2 == 0 ? last[k / 2] : last[k / 2] >> 16;
            pairs[k] = etch_halves(pairs[k] >> 16, half);
        }
        last[0] = etch_halves(values[0], values[2]);
        last[1] = etch_halves(values[1], values[3]);
#endif
    }
}

/* 36 products of an output's four channels in 34 instructions. r2 ... r5 are the sums. On the stack: 0 pairs, 4 last, 8 result, 12 its
 * end, 16 weights, 20 step. */
#define ETCH_DEPTHWISE_LEAN_SUMS \
    "push {r4-r11, lr}\n\t" \
    "sub sp, sp, #24\n\t" \
    "strd r0, r1, [sp]\n\t" \
    "mla r5, r4, r5, r3\n\t" \
    "strd r3, r5, [sp, #8]\n\t" \
    "strd r2, r4, [sp, #16]\n" \
    "1:\n\t" \
    "ldr r0, [sp]\n\t" \
    "ldr r1, [sp, #16]\n\t" \
    "ldm r1!, {r2-r5}\n\t" \
    ".rept 3\n\t" \
    "ldm r0!, {r6-r9}\n\t" \
    "ldm r1!, {r10, r11, r12, lr}\n\t" \
    "smlad r2, r6, r10, r2\n\t" \
    "smlad r4, r7, r11, r4\n\t" \
    "smlad r3, r8, r12, r3\n\t" \
    "smlad r5, r9, lr, r5\n\t" \
    ".endr\n\t" ETCH_LINES_32 \
    "ldr r0, [sp, #4]\n\t" \
    "ldm r0!, {r6-r9}\n\t" \
    "ldm r1!, {r10, r11, r12, lr}\n\t" \
    "smlabb r2, r6, r10, r2\n\t" \
    "smlatt r4, r6, r10, r4\n\t" \
    "smlabb r3, r7, r11, r3\n\t" \
    "smlatt r5, r7, r11, r5\n\t" \
    "smlabb r2, r8, r12, r2\n\t" \
    "smlatt r4, r8, r12, r4\n\t" \
    "smlabb r3, r9, lr, r3\n\t" \
    "smlatt r5, r9, lr, r5\n\t" \
    "ldm r0!, {r6, r7}\n\t" \
    "ldm r1!, {r10, r11}\n\t" \
    "smlabb r2, r6, r10, r2\n\t" \
    "smlatt r4, r6, r10, r4\n\t" \
    "smlabb r3, r7, r11, r3\n\t" \
    "smlatt r5, r7, r11, r5\n\t" \
    "ldm r1!, {r6-r9}\n\t" /* factors */ \
    "ldm r1!, {r10, r11, r12, lr}\n\t" /* offsets */

#define ETCH_DEPTHWISE_LEAN_STORE \
    "ldm r1!, {r6-r9}\n\t" /* shifts */ \
    "ldrd r10, r11, [sp, #8]\n\t" \
    "asr r2, r2, r6\n\t" \
    "asr r3, r3, r7\n\t" \
    "asr r4, r4, r8\n\t" \
    "asr r5, r5, r9\n\t" \
    "ldr r12, [sp, #20]\n\t" \
    "ssat r2, #8, r2\n\t" \
    "ssat r3, #8, r3\n\t" \
    "ssat r4, #8, r4\n\t" \
    "ssat r5, #8, r5\n\t" \
    "ldrd r6, r7, [sp]\n\t" \
    "strb r3, [r10, #1]\n\t" \
    "strb r4, [r10, #2]\n\t" \
    "strb r5, [r10, #3]\n\t" \
    "strb r2, [r10]\n\t" \
    "add r10, r10, r12\n\t"

#define ETCH_DEPTHWISE_LEAN_NEXT \
    "add r6, r6, #16\n\t" \
    "add r7, r7, #8\n\t" \
    "strd r6, r7, [sp]\n\t" \
    "str r10, [sp, #8]\n\t" \
    "cmp r10, r11\n\t" \
    "bne 1b\n\t" \
    "add sp, sp, #24\n\t" \
    "pop {r4-r11, lr}"

#if !defined(__ARM_FEATURE_DSP) || !defined(__thumb2__)

/* The sums of an output's four channels, modulo 2^32. */
static inline void etch_depthwise_lean_sums(const int32_t *pairs, const int32_t *last, const int32_t *weights, uint32_t sums[4])
{
    for (int32_t k = 0; k < 4; ++k) { /* in the order 0, 2, 1, 3 */
        const int32_t channel = k / 2 + k % 2 * 2;
        sums[channel] = (uint32_t)weights[channel];
        for (int32_t j = 0; j < 3; ++j) {
            const int32_t value = last[2 * j + k / 2], weight = weights[16 + 2 * j + k / 2];
            sums[channel] += etch_dual_product(pairs[4 * j + k], weights[4 + 4 * j + k]);
            sums[channel] += k % 2 == 0 ? etch_dual_product(value & 0xffff, weight) : (uint32_t)((value >> 16) * (weight >> 16));
        }
    }
}

#endif

/* A line of `count` outputs, `step` apart, of four channels; `weights`: the starts of the sums, pairs of weights of the upper two rows,
 * those of the last row, factors, offsets and shifts. Sums are multiples of 4, and the outputs of negative ones are at the lower limit. */
static ETCH_NOINLINE void etch_depthwise_lean_relu(const int32_t *pairs, const int32_t *last, const int32_t *weights, int8_t *result,
    int32_t step, int32_t count)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *upper __asm__("r0") = pairs;
    register const int32_t *lower __asm__("r1") = last;
    register const int32_t *weight __asm__("r2") = weights;
    register int8_t *target __asm__("r3") = result;
    register int32_t next __asm__("r4") = step;
    register int32_t outputs __asm__("r5") = count;
    __asm__ volatile(ETCH_DEPTHWISE_LEAN_SUMS "smmla r2, r2, r6, r10\n\t"
                                              "smmla r3, r3, r7, r11\n\t"
                                              "smmla r4, r4, r8, r12\n\t"
                                              "smmla r5, r5, r9, lr\n\t" ETCH_DEPTHWISE_LEAN_STORE ETCH_DEPTHWISE_LEAN_NEXT
                     : "+r"(upper), "+r"(lower), "+r"(weight), "+r"(target)
                     : "r"(next), "r"(outputs)
                     : "r12", "cc", "memory");
#else
    for (int32_t x = 0; x < count; ++x, pairs += 4, last += 2, result += step) {
        uint32_t sums[4];
        etch_depthwise_lean_sums(pairs, last, weights, sums);
        for (int32_t k = 0; k < 4; ++k) {
            const int32_t scale[] = {weights[22 + k], 0, weights[26 + k], 0, weights[30 + k]};
            result[k] = etch_scale_sum(sums[k], scale);
        }
    }
#endif
}

/* The same for any output: sums are multiples of 2, their scaled values are rounded to nearest, and negative ones lose 1. */
static ETCH_NOINLINE void etch_depthwise_lean(const int32_t *pairs, const int32_t *last, const int32_t *weights, int8_t *result,
    int32_t step, int32_t count)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *upper __asm__("r0") = pairs;
    register const int32_t *lower __asm__("r1") = last;
    register const int32_t *weight __asm__("r2") = weights;
    register int8_t *target __asm__("r3") = result;
    register int32_t next __asm__("r4") = step;
    register int32_t outputs __asm__("r5") = count;
    __asm__ volatile(ETCH_DEPTHWISE_LEAN_SUMS "smmlar r0, r2, r6, r10\n\t"
                                              "add r2, r0, r2, asr #31\n\t"
                                              "smmlar r0, r3, r7, r11\n\t"
                                              "add r3, r0, r3, asr #31\n\t"
                                              "smmlar r0, r4, r8, r12\n\t"
                                              "add r4, r0, r4, asr #31\n\t"
                                              "smmlar r0, r5, r9, lr\n\t"
                                              "add r5, r0, r5, asr #31\n\t" ETCH_DEPTHWISE_LEAN_STORE ETCH_DEPTHWISE_LEAN_NEXT
                     : "+r"(upper), "+r"(lower), "+r"(weight), "+r"(target)
                     : "r"(next), "r"(outputs)
                     : "r12", "cc", "memory");
#else
    for (int32_t x = 0; x < count; ++x, pairs += 4, last += 2, result += step) {
        uint32_t sums[4];
        etch_depthwise_lean_sums(pairs, last, weights, sums);
        for (int32_t k = 0; k < 4; ++k) {
            const int32_t scale[] = {weights[22 + k], 0, weights[26 + k], 0, weights[30 + k]};
            result[k] = etch_scale_rounded(sums[k], scale);
        }
    }
#endif
}

#endif
