/* SPDX-License-Identifier: MIT-0
 *
 * Two vectors times pairs of output channels, 8-bit weights: the inner loop of convolutions and matrix products on processors
 * that multiply two pairs of 16 bits per instruction (Armv7E-M, Armv8-M with the DSP extension).
 */
#ifndef ETCH_DSP_PAIR_8_H
#define ETCH_DSP_PAIR_8_H

#include "asm_lines.h"
#include "dsp_scale.h"
#include "noinline.h"

/* 16 products in 12 instructions: a load of four words of values, one of two words of weights (of four values
 * each). Two weights (l, h) lie in flash as the number 256 * h + l, which multiplies x = v1 - 127 as it is; its lower byte then
 * multiplies z = 256 * v0 - x: together 256 * (h * x + l * v0), with one sign extension per word. r2 ... r5 are the sums of vector 0 channel 0,
 * vector 0 channel 1, vector 1 channel 0, vector 1 channel 1, r12 the result, lr the values' end. The loop is written out
 * and entered where its first part begins: 48 bytes of code per group. On the stack: 0 stride, 4 result's end, 8 values, 12 entry. */
#define ETCH_PAIR_8_SUMS \
    "push {r4-r11, lr}\n\t" \
    "sub sp, sp, #16\n\t" \
    "mov r12, r2\n\t" \
    "add r5, r2, r5, lsl #1\n\t" \
    "strd r3, r5, [sp]\n\t" \
    "str r0, [sp, #8]\n\t" \
    "add lr, r0, r4, lsl #4\n\t" \
    "rsb r7, r4, #0\n\t" \
    "and r7, r7, #7\n\t" \
    "add r7, r7, r7, lsl #1\n\t" \
    "adr r8, 2f\n\t" \
    "add r8, r8, r7, lsl #4\n\t" \
    "orr r8, r8, #1\n\t" \
    "str r8, [sp, #12]\n" \
    "1:\n\t" /* a pair of channels */ \
    "ldm r1!, {r2, r3}\n\t" \
    "mov r4, r2\n\t" \
    "mov r5, r3\n\t" \
    "ldr pc, [sp, #12]\n\t" \
    ".balign 4\n" \
    "2:\n\t" \
    ".rept 8\n\t" \
    "ldm r0!, {r6-r9}\n\t" \
    "ldm r1!, {r10, r11}\n\t" \
    "smlad r2, r6, r10, r2\n\t" \
    "smlad r4, r8, r10, r4\n\t" \
    "sxtb16 r10, r10\n\t" \
    "smlad r3, r6, r11, r3\n\t" \
    "smlad r5, r8, r11, r5\n\t" \
    "sxtb16 r11, r11\n\t" \
    "smlad r2, r7, r10, r2\n\t" \
    "smlad r4, r9, r10, r4\n\t" \
    "smlad r3, r7, r11, r3\n\t" \
    "smlad r5, r9, r11, r5\n\t" \
    ".endr\n\t" ETCH_LINES_32 ETCH_LINES_32 ETCH_LINES_32 \
    "cmp r0, lr\n\t" \
    "bne 2b\n\t" \
    "ldm r1!, {r6-r11}\n\t" /* two factors, offsets, shifts */

#define ETCH_PAIR_8_STORE \
    "asr r2, r2, r10\n\t" \
    "asr r3, r3, r11\n\t" \
    "asr r4, r4, r10\n\t" \
    "asr r5, r5, r11\n\t" \
    "ldrd r10, r11, [sp]\n\t" \
    "ssat r2, #8, r2\n\t" \
    "ssat r3, #8, r3\n\t" \
    "ssat r4, #8, r4\n\t" \
    "ssat r5, #8, r5\n\t" \
    "strb r4, [r12, r10]\n\t" /* vector 1 first: at a stride of 0 it is nobody's */ \
    "strb r2, [r12], #1\n\t" \
    "strb r5, [r12, r10]\n\t" \
    "strb r3, [r12], #1\n\t" \
    "ldr r0, [sp, #8]\n\t" \
    "cmp r12, r11\n\t" \
    "bne 1b\n\t" \
    "add sp, sp, #16\n\t" \
    "pop {r4-r11, lr}"

#if !defined(__ARM_FEATURE_DSP) || !defined(__thumb2__)

static inline const int32_t *etch_pair_8_sums(const int32_t *values, const int32_t *weights, int32_t groups, uint32_t sums[4])
{
    for (int32_t i = 0; i < 4; ++i) {
        sums[i] = (uint32_t)weights[i % 2];
    }
    weights += 2;
    for (int32_t i = 0; i < groups; ++i, values += 4, weights += 2) {
        for (int32_t k = 0; k < 4; ++k) {
            sums[k] += etch_borrowed_product(values + k / 2 * 2, weights[k % 2]);
        }
    }
    return weights;
}

#endif

/* `values` are 4 * groups of each of two vectors, expanded; `weights` per pair of channels: the starts of both sums, the weights of
 * 4 * groups values, factors, offsets and shifts of both channels. Writes 2 * blocks results of each vector, those of the
 * second one `stride` further. Sums are multiples of 2^8, and the outputs of negative ones are at the lower limit. */
static ETCH_NOINLINE void etch_pair_8_relu(const int32_t *values, const int32_t *weights, int8_t *result, int32_t stride, int32_t groups,
    int32_t blocks)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t step __asm__("r3") = stride;
    register int32_t count __asm__("r4") = groups;
    register int32_t pairs __asm__("r5") = blocks;
    __asm__ volatile(ETCH_PAIR_8_SUMS "smmla r2, r2, r6, r8\n\t"
                                      "smmla r3, r3, r7, r9\n\t"
                                      "smmla r4, r4, r6, r8\n\t"
                                      "smmla r5, r5, r7, r9\n\t" ETCH_PAIR_8_STORE
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(step)
                     : "r"(count), "r"(pairs)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < blocks; ++n, result += 2) {
        uint32_t sums[4];
        weights = etch_pair_8_sums(values, weights, groups, sums);
        for (int32_t k = 3; k >= 0; --k) {
            result[k / 2 * stride + k % 2] = etch_scale_sum(sums[k], weights + k % 2);
        }
        weights += 6;
    }
#endif
}

/* The same for any output: the scaled values of negative sums lose 2^7. */
static ETCH_NOINLINE void etch_pair_8(const int32_t *values, const int32_t *weights, int8_t *result, int32_t stride, int32_t groups,
    int32_t blocks)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t step __asm__("r3") = stride;
    register int32_t count __asm__("r4") = groups;
    register int32_t pairs __asm__("r5") = blocks;
    __asm__ volatile(ETCH_PAIR_8_SUMS "lsr r0, r2, #31\n\t"
                                      "smmla r2, r2, r6, r8\n\t"
                                      "sub r2, r2, r0, lsl #7\n\t"
                                      "lsr r0, r3, #31\n\t"
                                      "smmla r3, r3, r7, r9\n\t"
                                      "sub r3, r3, r0, lsl #7\n\t"
                                      "lsr r0, r4, #31\n\t"
                                      "smmla r4, r4, r6, r8\n\t"
                                      "sub r4, r4, r0, lsl #7\n\t"
                                      "lsr r0, r5, #31\n\t"
                                      "smmla r5, r5, r7, r9\n\t"
                                      "sub r5, r5, r0, lsl #7\n\t" ETCH_PAIR_8_STORE
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(step)
                     : "r"(count), "r"(pairs)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < blocks; ++n, result += 2) {
        uint32_t sums[4];
        weights = etch_pair_8_sums(values, weights, groups, sums);
        for (int32_t k = 3; k >= 0; --k) {
            result[k / 2 * stride + k % 2] = etch_scale_less(sums[k], weights + k % 2, 128);
        }
        weights += 6;
    }
#endif
}

#endif
