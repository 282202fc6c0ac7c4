/* SPDX-License-Identifier: MIT-0
 *
 * Two vectors times pairs of output channels, 16-bit weights: the inner loop of convolutions and matrix products on processors
 * that multiply two pairs of 16 bits per instruction (Armv7E-M, Armv8-M with the DSP extension).
 */
#ifndef ETCH_DSP_PAIR_16_H
#define ETCH_DSP_PAIR_16_H

#include "asm_lines.h"
#include "dsp_scale.h"
#include "noinline.h"

/* 16 products in 10 instructions: a load of four words of values (two of each vector), one of four words of weights (two of each
 * channel). r2 ... r5 are the sums of vector 0 channel 0, vector 0 channel 1, vector 1 channel 0, vector 1 channel 1. The loop is
 * written out 16 times and entered where the first, smaller part begins; no register is left for a counter. On the stack:
 * 0 result, 4 stride, 8 values, 12 result's end, 16 entry, 20 exit: label 3 for more than one part, 24 values' end. */
#define ETCH_PAIR_16_SUMS \
    "push {r4-r11, lr}\n\t" \
    "sub sp, sp, #32\n\t" \
    "add r5, r2, r5, lsl #1\n\t" \
    "strd r2, r3, [sp]\n\t" \
    "strd r0, r5, [sp, #8]\n\t" \
    "add r6, r0, r4, lsl #4\n\t" \
    "rsb r7, r4, #0\n\t" /* 40 bytes of code per group that the first part does not need */ \
    "and r7, r7, #15\n\t" \
    "add r7, r7, r7, lsl #2\n\t" \
    "adr r8, 2f\n\t" \
    "add r8, r8, r7, lsl #3\n\t" \
    "orr r8, r8, #1\n\t" \
    "adr r9, 3f\n\t" \
    "adr r10, 4f\n\t" \
    "cmp r4, #16\n\t" \
    "it le\n\t" \
    "movle r9, r10\n\t" \
    "orr r9, r9, #1\n\t" \
    "strd r8, r9, [sp, #16]\n\t" \
    "str r6, [sp, #24]\n" \
    "1:\n\t" /* a pair of channels */ \
    "ldm r1!, {r2-r5}\n\t" \
    "ldr pc, [sp, #16]\n\t" \
    ".balign 4\n" \
    "2:\n\t" \
    ".rept 16\n\t" \
    "ldm r0!, {r6-r9}\n\t" \
    "ldm r1!, {r10, r11, r12, lr}\n\t" \
    "smlad r2, r6, r10, r2\n\t" \
    "smlad r3, r6, r12, r3\n\t" \
    "smlad r4, r8, r10, r4\n\t" \
    "smlad r5, r8, r12, r5\n\t" \
    "smlad r2, r7, r11, r2\n\t" \
    "smlad r3, r7, lr, r3\n\t" \
    "smlad r4, r9, r11, r4\n\t" \
    "smlad r5, r9, lr, r5\n\t" \
    ".endr\n\t" ETCH_LINES_32 ETCH_LINES_32 ETCH_LINES_32 ETCH_LINES_32 ETCH_LINES_32 \
    "ldr pc, [sp, #20]\n" \
    ".balign 4\n" \
    "3:\n\t" \
    "ldr r10, [sp, #24]\n\t" \
    "cmp r0, r10\n\t" \
    "bne 2b\n" \
    ".balign 4\n" \
    "4:\n\t" \
    "ldm r1!, {r6-r11}\n\t" /* two factors, offsets, shifts */

#define ETCH_PAIR_16_LIMIT \
    "asr r2, r2, r10\n\t" \
    "asr r3, r3, r11\n\t" \
    "asr r4, r4, r10\n\t" \
    "asr r5, r5, r11\n\t" \
    "ssat r2, #8, r2\n\t" \
    "ssat r3, #8, r3\n\t" \
    "ssat r4, #8, r4\n\t" \
    "ssat r5, #8, r5\n\t"

#define ETCH_PAIR_16_LIMIT_COMMON \
    "ssat r2, #8, r2, asr #12\n\t" \
    "ssat r3, #8, r3, asr #12\n\t" \
    "ssat r4, #8, r4, asr #12\n\t" \
    "ssat r5, #8, r5, asr #12\n\t"

#define ETCH_PAIR_16_STORE \
    "ldrd r10, r11, [sp]\n\t" \
    "strb r4, [r10, r11]\n\t" /* vector 1 first: at a stride of 0 it is nobody's */ \
    "strb r2, [r10], #1\n\t" \
    "strb r5, [r10, r11]\n\t" \
    "strb r3, [r10], #1\n\t" \
    "str r10, [sp]\n\t" \
    "ldrd r0, r11, [sp, #8]\n\t" \
    "cmp r10, r11\n\t" \
    "bne 1b\n\t" \
    "add sp, sp, #32\n\t" \
    "pop {r4-r11, lr}"

#if !defined(__ARM_FEATURE_DSP) || !defined(__thumb2__)

/* The sums of `blocks` pairs of channels and two vectors, modulo 2^32; sums[0] ... [3] as r2 ... r5 above. */
static inline const int32_t *etch_pair_16_sums(const int32_t *values, const int32_t *weights, int32_t groups, uint32_t sums[4])
{
    for (int32_t i = 0; i < 4; ++i) {
        sums[i] = (uint32_t)weights[i];
    }
    weights += 4;
    for (int32_t i = 0; i < groups; ++i, values += 4, weights += 4) {
        for (int32_t k = 0; k < 4; ++k) {
            const int32_t *const value = values + k / 2 * 2, *const weight = weights + k % 2 * 2;
            sums[k] += etch_dual_product(value[0], weight[0]) + etch_dual_product(value[1], weight[1]);
        }
    }
    return weights;
}

#endif

/* `values` are 4 * groups of each of two vectors, expanded, `weights` per pair of channels: the starts of the four sums, the
 * weights of 4 * groups values, factors, offsets and shifts of both channels. Writes 2 * blocks results of each vector, those of the
 * second one `stride` further. Sums are multiples of 4, and the outputs of negative ones are at the lower limit. */
static ETCH_NOINLINE void etch_pair_16_relu(const int32_t *values, const int32_t *weights, int8_t *result, int32_t stride, int32_t groups,
    int32_t blocks)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t step __asm__("r3") = stride;
    register int32_t count __asm__("r4") = groups;
    register int32_t pairs __asm__("r5") = blocks;
    __asm__ volatile(ETCH_PAIR_16_SUMS "smmla r2, r2, r6, r8\n\t"
                                       "smmla r3, r3, r7, r9\n\t"
                                       "smmla r4, r4, r6, r8\n\t"
                                       "smmla r5, r5, r7, r9\n\t" ETCH_PAIR_16_LIMIT ETCH_PAIR_16_STORE
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(step)
                     : "r"(count), "r"(pairs)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < blocks; ++n, result += 2) {
        uint32_t sums[4];
        weights = etch_pair_16_sums(values, weights, groups, sums);
        for (int32_t k = 3; k >= 0; --k) {
            result[k / 2 * stride + k % 2] = etch_scale_sum(sums[k], weights + k % 2);
        }
        weights += 6;
    }
#endif
}

/* The same where all shifts are 12: sums are multiples of powers of two of at least 4. */
static ETCH_NOINLINE void etch_pair_16_common(const int32_t *values, const int32_t *weights, int8_t *result, int32_t stride, int32_t groups,
    int32_t blocks)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t step __asm__("r3") = stride;
    register int32_t count __asm__("r4") = groups;
    register int32_t pairs __asm__("r5") = blocks;
    __asm__ volatile(ETCH_PAIR_16_SUMS "smmla r2, r2, r6, r8\n\t"
                                       "smmla r3, r3, r7, r9\n\t"
                                       "smmla r4, r4, r6, r8\n\t"
                                       "smmla r5, r5, r7, r9\n\t" ETCH_PAIR_16_LIMIT_COMMON ETCH_PAIR_16_STORE
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(step)
                     : "r"(count), "r"(pairs)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < blocks; ++n, result += 2) {
        uint32_t sums[4];
        weights = etch_pair_16_sums(values, weights, groups, sums);
        for (int32_t k = 3; k >= 0; --k) {
            result[k / 2 * stride + k % 2] = etch_scale_sum(sums[k], weights + k % 2);
        }
        weights += 6;
    }
#endif
}

/* The same for any output: sums are multiples of 2, their scaled values are rounded to nearest, and negative ones lose 1. */
static ETCH_NOINLINE void etch_pair_16(const int32_t *values, const int32_t *weights, int8_t *result, int32_t stride, int32_t groups,
    int32_t blocks)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t step __asm__("r3") = stride;
    register int32_t count __asm__("r4") = groups;
    register int32_t pairs __asm__("r5") = blocks;
    __asm__ volatile(ETCH_PAIR_16_SUMS "smmlar r12, r2, r6, r8\n\t"
                                       "add r2, r12, r2, asr #31\n\t"
                                       "smmlar r12, r3, r7, r9\n\t"
                                       "add r3, r12, r3, asr #31\n\t"
                                       "smmlar r12, r4, r6, r8\n\t"
                                       "add r4, r12, r4, asr #31\n\t"
                                       "smmlar r12, r5, r7, r9\n\t"
                                       "add r5, r12, r5, asr #31\n\t" ETCH_PAIR_16_LIMIT ETCH_PAIR_16_STORE
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(step)
                     : "r"(count), "r"(pairs)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < blocks; ++n, result += 2) {
        uint32_t sums[4];
        weights = etch_pair_16_sums(values, weights, groups, sums);
        for (int32_t k = 3; k >= 0; --k) {
            result[k / 2 * stride + k % 2] = etch_scale_rounded(sums[k], weights + k % 2);
        }
        weights += 6;
    }
#endif
}

#endif
