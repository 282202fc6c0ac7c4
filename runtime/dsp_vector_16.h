/* SPDX-License-Identifier: MIT-0
 *
 * One vector times pairs of output channels, 16-bit weights, in the packing of the kernels of two vectors.
 */
#ifndef ETCH_DSP_VECTOR_16_H
#define ETCH_DSP_VECTOR_16_H

#include "asm_lines.h"
#include "dsp_scale.h"
#include "noinline.h"

/* 16 products in 11 instructions: a load of four words of values, two of four words of weights (two of each channel). r2 and r3 are the
 * sums, lr the result, r12 the values' end. The loop is written out and entered where its first part begins; an even
 * number of groups has 44 bytes of code per two. On the stack: 0 values, 4 result's end, 8 entry. */
#define ETCH_VECTOR_16_SUMS \
    "push {r4-r11, lr}\n\t" \
    "sub sp, sp, #16\n\t" \
    "mov lr, r2\n\t" \
    "add r5, r2, r4, lsl #1\n\t" \
    "strd r0, r5, [sp]\n\t" \
    "add r12, r0, r3, lsl #3\n\t" \
    "rsb r7, r3, #0\n\t" \
    "and r7, r7, #15\n\t" \
    "mov r6, #22\n\t" \
    "adr r8, 2f\n\t" \
    "mla r8, r7, r6, r8\n\t" \
    "orr r8, r8, #1\n\t" \
    "str r8, [sp, #8]\n" \
    "1:\n\t" /* a pair of channels */ \
    "ldm r1!, {r2-r5}\n\t" \
    "ldr pc, [sp, #8]\n\t" \
    ".balign 4\n" \
    "2:\n\t" \
    ".rept 8\n\t" \
    "ldm.w r0!, {r4-r7}\n\t" \
    "ldm r1!, {r8-r11}\n\t" \
    "smlad r2, r4, r8, r2\n\t" \
    "smlad r3, r4, r10, r3\n\t" \
    "smlad r2, r5, r9, r2\n\t" \
    "smlad r3, r5, r11, r3\n\t" \
    "ldm r1!, {r8-r11}\n\t" \
    "smlad r2, r6, r8, r2\n\t" \
    "smlad r3, r6, r10, r3\n\t" \
    "smlad r2, r7, r9, r2\n\t" \
    "smlad r3, r7, r11, r3\n\t" \
    ".endr\n\t" ETCH_LINES_32 ETCH_LINES_32 ETCH_LINES_32 \
    "cmp r0, r12\n\t" \
    "bne 2b\n\t"

#define ETCH_VECTOR_16_STORE \
    "asr r2, r2, r10\n\t" \
    "asr r3, r3, r11\n\t" \
    "ssat r2, #8, r2\n\t" \
    "ssat r3, #8, r3\n\t" \
    "strb r2, [lr], #1\n\t" \
    "strb r3, [lr], #1\n\t"

#define ETCH_VECTOR_16_NEXT \
    "ldrd r0, r4, [sp]\n\t" \
    "cmp lr, r4\n\t" \
    "bne 1b\n\t" \
    "add sp, sp, #16\n\t" \
    "pop {r4-r11, lr}"

#if !defined(__ARM_FEATURE_DSP) || !defined(__thumb2__)

static inline const int32_t *etch_vector_16_sums(const int32_t *values, const int32_t *weights, int32_t groups, uint32_t sums[2])
{
    sums[0] = (uint32_t)weights[0];
    sums[1] = (uint32_t)weights[1];
    weights += 4;
    for (int32_t i = 0; i < groups; ++i, values += 2, weights += 4) {
        sums[0] += etch_dual_product(values[0], weights[0]) + etch_dual_product(values[1], weights[1]);
        sums[1] += etch_dual_product(values[0], weights[2]) + etch_dual_product(values[1], weights[3]);
    }
    return weights;
}

#endif

/* `values` are 4 * groups values of a vector, expanded; groups is even. `weights` as for two vectors: per pair of channels the
 * starts of the sums, twice, the weights, factors, offsets and shifts. Writes 2 * blocks results. */
static ETCH_NOINLINE void etch_vector_16_relu(const int32_t *values, const int32_t *weights, int8_t *result, int32_t groups, int32_t blocks)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t count __asm__("r3") = groups;
    register int32_t pairs __asm__("r4") = blocks;
    __asm__ volatile(ETCH_VECTOR_16_SUMS "ldm r1!, {r6-r11}\n\t" /* two factors, offsets, shifts */
                                         "smmla r2, r2, r6, r8\n\t"
                                         "smmla r3, r3, r7, r9\n\t" ETCH_VECTOR_16_STORE ETCH_VECTOR_16_NEXT
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(count)
                     : "r"(pairs)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < blocks; ++n) {
        uint32_t sums[2];
        weights = etch_vector_16_sums(values, weights, groups, sums);
        for (int32_t k = 0; k < 2; ++k) {
            *result++ = etch_scale_sum(sums[k], weights + k);
        }
        weights += 6;
    }
#endif
}

/* The same for any output: sums are multiples of 2, their scaled values are rounded to nearest, and negative ones lose 1. */
static ETCH_NOINLINE void etch_vector_16(const int32_t *values, const int32_t *weights, int8_t *result, int32_t groups, int32_t blocks)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t count __asm__("r3") = groups;
    register int32_t pairs __asm__("r4") = blocks;
    __asm__ volatile(ETCH_VECTOR_16_SUMS "ldm r1!, {r6-r11}\n\t" /* two factors, offsets, shifts */
                                         "smmlar r4, r2, r6, r8\n\t"
                                         "add r2, r4, r2, asr #31\n\t"
                                         "smmlar r4, r3, r7, r9\n\t"
                                         "add r3, r4, r3, asr #31\n\t" ETCH_VECTOR_16_STORE ETCH_VECTOR_16_NEXT
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(count)
                     : "r"(pairs)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < blocks; ++n) {
        uint32_t sums[2];
        weights = etch_vector_16_sums(values, weights, groups, sums);
        for (int32_t k = 0; k < 2; ++k) {
            *result++ = etch_scale_rounded(sums[k], weights + k);
        }
        weights += 6;
    }
#endif
}

/* The sums themselves: `weights` have no factors, offsets and shifts. Writes 2 * blocks sums. */
static ETCH_NOINLINE void etch_vector_16_raw(const int32_t *values, const int32_t *weights, int32_t *result, int32_t groups, int32_t blocks)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int32_t *target __asm__("r2") = result;
    register int32_t count __asm__("r3") = groups;
    register int32_t pairs __asm__("r4") = 4 * blocks; /* of bytes */
    __asm__ volatile(ETCH_VECTOR_16_SUMS "stm lr!, {r2, r3}\n\t" ETCH_VECTOR_16_NEXT
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(count)
                     : "r"(pairs)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < blocks; ++n, result += 2) {
        uint32_t sums[2];
        weights = etch_vector_16_sums(values, weights, groups, sums);
        result[0] = (int32_t)sums[0];
        result[1] = (int32_t)sums[1];
    }
#endif
}

#endif
