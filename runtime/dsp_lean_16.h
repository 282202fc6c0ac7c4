/* SPDX-License-Identifier: MIT-0
 *
 * One window times groups of four output channels, 16-bit weights: int8 values are expanded where they are multiplied, so that no memory
 * is needed for them, on processors that multiply two pairs of 16 bits per instruction (Armv7E-M, Armv8-M with the DSP extension).
 */
#ifndef ETCH_DSP_LEAN_16_H
#define ETCH_DSP_LEAN_16_H

#include <stdint.h>

#include "asm_lines.h"
#include "dsp_scale.h"
#include "noinline.h"

/* Values that follow each other, a multiple of four; a window has one or several such runs. */
typedef struct EtchRun {
    const int8_t *values;
    int32_t entry; /* where the loop begins, in bytes of code */
    const int8_t *end;
} EtchRun;

/* `bytes` values more, if any; -> the next run's place. */
static inline EtchRun *etch_add_run(EtchRun *run, const int8_t *values, int32_t bytes)
{
    if (bytes > 0) {
        run->values = values;
        run->entry = (8 - bytes / 4 % 8) % 8 * 52;
        run->end = values + bytes;
        ++run;
    }
    return run;
}

/* 16 products in 13 instructions: a load of four values, which are two words when expanded, two loads of four words of weights (two of
 * each channel). r2 ... r5 are the sums, r0 ... lr the values, r12 the next run. The loop is written out 8 times and entered where the
 * first, smaller part of a run begins; ADD to the program counter counts from 4 bytes behind it. On the stack: 0 result, 4 its end,
 * 8 runs, 12 their end, 16 what is added to the weights after a group of channels, 20 to the result. */
#define ETCH_LEAN_16_SUMS \
    "push {r4-r11, lr}\n\t" \
    "sub sp, sp, #24\n\t" \
    "eor r4, r4, r5, asr #31\n\t" \
    "sub r4, r4, r5, asr #31\n\t" \
    "add r4, r2, r4, lsl #2\n\t" \
    "strd r2, r4, [sp]\n\t" \
    "add r3, r3, r3, lsl #1\n\t" \
    "add r3, r0, r3, lsl #2\n\t" \
    "strd r0, r3, [sp, #8]\n\t" \
    "asr r6, r5, #31\n\t" \
    "bic r6, r6, #7\n\t" \
    "strd r5, r6, [sp, #16]\n" \
    "1:\n\t" /* four channels */ \
    "ldm.w r1!, {r2-r5}\n\t" \
    "ldr r12, [sp, #8]\n\t" \
    ".balign 4\n" \
    "2:\n\t" /* a run */ \
    "ldm.w r12!, {r0, r6, lr}\n\t" \
    "add pc, r6\n\t" \
    "nop\n" \
    "3:\n\t" \
    ".rept 8\n\t" \
    "ldr.w r6, [r0], #4\n\t" \
    "ldm.w r1!, {r8-r11}\n\t" \
    "sxtb16 r7, r6, ror #8\n\t" \
    "sxtb16 r6, r6\n\t" \
    "smlad r2, r6, r8, r2\n\t" \
    "smlad r3, r6, r10, r3\n\t" \
    "smlad r2, r7, r9, r2\n\t" \
    "smlad r3, r7, r11, r3\n\t" \
    "ldm.w r1!, {r8-r11}\n\t" \
    "smlad r4, r6, r8, r4\n\t" \
    "smlad r5, r6, r10, r5\n\t" \
    "smlad r4, r7, r9, r4\n\t" \
    "smlad r5, r7, r11, r5\n\t" \
    ".endr\n\t" ETCH_LINES_32 ETCH_LINES_32 ETCH_LINES_32 \
    "cmp r0, lr\n\t" \
    "bne 3b\n\t" \
    "ldr r6, [sp, #12]\n\t" \
    "cmp r12, r6\n\t" \
    "bne 2b\n\t" \
    "ldm r1!, {r6-r9}\n\t" /* factors */ \
    "ldm r1!, {r10, r11, r12, lr}\n\t" /* offsets */

#define ETCH_LEAN_16_STORE \
    "ldm r1!, {r6-r9}\n\t" /* shifts */ \
    "ldr r12, [sp]\n\t" \
    "asr r2, r2, r6\n\t" \
    "asr r3, r3, r7\n\t" \
    "asr r4, r4, r8\n\t" \
    "asr r5, r5, r9\n\t" \
    "ssat r2, #8, r2\n\t" \
    "ssat r3, #8, r3\n\t" \
    "ssat r4, #8, r4\n\t" \
    "ssat r5, #8, r5\n\t" \
    "strb r2, [r12], #1\n\t" \
    "strb r3, [r12], #1\n\t" \
    "strb r4, [r12], #1\n\t" \
    "strb r5, [r12], #1\n\t" \
    "ldrd r6, r7, [sp, #16]\n\t" \
    "ldr lr, [sp, #4]\n\t" \
    "add r1, r1, r6\n\t" \
    "add r12, r12, r7\n\t" \
    "str r12, [sp]\n\t" \
    "cmp r12, lr\n\t" \
    "bne 1b\n\t" \
    "add sp, sp, #24\n\t" \
    "pop {r4-r11, lr}"

#if !defined(__ARM_FEATURE_DSP) || !defined(__thumb2__)

/* The sums of four channels, modulo 2^32. */
static inline const int32_t *etch_lean_16_sums(const EtchRun *runs, int32_t count, const int32_t *weights, uint32_t sums[4])
{
    for (int32_t i = 0; i < 4; ++i) {
        sums[i] = (uint32_t)weights[i];
    }
    weights += 4;
    for (const EtchRun *run = runs; run < runs + count; ++run) {
        for (const int8_t *value = run->values; value < run->end; value += 4, weights += 8) {
            const int32_t even = (int32_t)((uint32_t)value[2] << 16 | ((uint32_t)value[0] & 0xffff));
            const int32_t odd = (int32_t)((uint32_t)value[3] << 16 | ((uint32_t)value[1] & 0xffff));
            for (int32_t i = 0; i < 4; ++i) {
                sums[i] += etch_dual_product(even, weights[2 * i]) + etch_dual_product(odd, weights[2 * i + 1]);
            }
        }
    }
    return weights;
}

#endif

/* A window of `count` runs; `weights` per four channels: the starts of the sums, the weights, factors, offsets and shifts. Writes 4 *
 * blocks results. After each block `step` bytes are added to the weights; a negative step is for blocks from the last to the first.
 * Sums are multiples of 4, and the outputs of negative ones are at the lower limit. */
static ETCH_NOINLINE void etch_lean_16_relu(const EtchRun *runs, const int32_t *weights, int8_t *result, int32_t count, int32_t blocks,
    int32_t step)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const EtchRun *run __asm__("r0") = runs;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t parts __asm__("r3") = count;
    register int32_t groups __asm__("r4") = blocks;
    register int32_t next __asm__("r5") = step;
    __asm__ volatile(ETCH_LEAN_16_SUMS "smmla r2, r2, r6, r10\n\t"
                                       "smmla r3, r3, r7, r11\n\t"
                                       "smmla r4, r4, r8, r12\n\t"
                                       "smmla r5, r5, r9, lr\n\t" ETCH_LEAN_16_STORE
                     : "+r"(run), "+r"(weight), "+r"(target), "+r"(parts)
                     : "r"(groups), "r"(next)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < blocks; ++n) {
        uint32_t sums[4];
        weights = etch_lean_16_sums(runs, count, weights, sums);
        for (int32_t k = 0; k < 4; ++k) {
            const int32_t scale[] = {weights[k], 0, weights[4 + k], 0, weights[8 + k]};
            result[k] = etch_scale_sum(sums[k], scale);
        }
        weights += 12 + step / 4;
        result += step < 0 ? -4 : 4;
    }
#endif
}

/* The same for any output: sums are multiples of 2, their scaled values are rounded to nearest, and negative ones lose 1. */
static ETCH_NOINLINE void etch_lean_16(const EtchRun *runs, const int32_t *weights, int8_t *result, int32_t count, int32_t blocks, int32_t step)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const EtchRun *run __asm__("r0") = runs;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t parts __asm__("r3") = count;
    register int32_t groups __asm__("r4") = blocks;
    register int32_t next __asm__("r5") = step;
    __asm__ volatile(ETCH_LEAN_16_SUMS "smmlar r0, r2, r6, r10\n\t"
                                       "add r2, r0, r2, asr #31\n\t"
                                       "smmlar r0, r3, r7, r11\n\t"
                                       "add r3, r0, r3, asr #31\n\t"
                                       "smmlar r0, r4, r8, r12\n\t"
                                       "add r4, r0, r4, asr #31\n\t"
                                       "smmlar r0, r5, r9, lr\n\t"
                                       "add r5, r0, r5, asr #31\n\t" ETCH_LEAN_16_STORE
                     : "+r"(run), "+r"(weight), "+r"(target), "+r"(parts)
                     : "r"(groups), "r"(next)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < blocks; ++n) {
        uint32_t sums[4];
        weights = etch_lean_16_sums(runs, count, weights, sums);
        for (int32_t k = 0; k < 4; ++k) {
            const int32_t scale[] = {weights[k], 0, weights[4 + k], 0, weights[8 + k]};
            result[k] = etch_scale_rounded(sums[k], scale);
        }
        weights += 12 + step / 4;
        result += step < 0 ? -4 : 4;
    }
#endif
}

#endif
