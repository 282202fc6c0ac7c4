/* SPDX-License-Identifier: MIT-0
 *
 * Winograd's F(2x2, 3x3) in exact integers, for processors that multiply two pairs of 16 bits per instruction: 16 products instead of 36
 * for four outputs of a filter of nine taps. The filters' transform is taken four times, so that it has no fractions.
 * (S. Winograd, Arithmetic Complexity of Computations, 1980; A. Lavin and S. Gray, Fast Algorithms for Convolutional
 * Neural Networks, 2016.)
 */
#ifndef ETCH_DSP_WINOGRAD_H
#define ETCH_DSP_WINOGRAD_H

#include "asm_lines.h"
#include "dsp_scale.h"
#include "noinline.h"

#include <stdint.h>

/* Values 0 and 2, or 1 and 3, of four bytes as the halves of a word: SXTB16. */
static inline int32_t etch_even_bytes(const int8_t *value)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    int32_t word;
    __asm__("ldr %0, [%1]\n\t"
            "sxtb16 %0, %0"
            : "=r"(word)
            : "r"(value), "m"(*(const int8_t(*)[4])value));
    return word;
#else
    return (int32_t)(((uint32_t)value[2] << 16) | ((uint32_t)value[0] & 0xffff));
#endif
}

/* The halves of two words added, each for itself. */
static inline int32_t etch_add_halves(int32_t a, int32_t b)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    int32_t sum;
    __asm__("sadd16 %0, %1, %2"
            : "=r"(sum)
            : "r"(a), "r"(b)
            : "cc");
    return sum;
#else
    const uint32_t high = ((uint32_t)a & 0xffff0000) + ((uint32_t)b & 0xffff0000);
    return (int32_t)(high | (((uint32_t)a + (uint32_t)b) & 0xffff));
#endif
}

static inline int32_t etch_subtract_halves(int32_t a, int32_t b)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    int32_t difference;
    __asm__("ssub16 %0, %1, %2"
            : "=r"(difference)
            : "r"(a), "r"(b)
            : "cc");
    return difference;
#else
    const uint32_t high = ((uint32_t)a & 0xffff0000) - ((uint32_t)b & 0xffff0000);
    return (int32_t)(high | (((uint32_t)a - (uint32_t)b) & 0xffff));
#endif
}

/* (d0 - d2, d1 + d2, d2 - d1, d1 - d3): one dimension of the transform. */
static inline void etch_winograd_four(const int32_t d[4], int32_t *out, int32_t step)
{
    out[0] = etch_subtract_halves(d[0], d[2]);
    out[step] = etch_add_halves(d[1], d[2]);
    out[2 * step] = etch_subtract_halves(d[2], d[1]);
    out[3 * step] = etch_subtract_halves(d[1], d[3]);
}

/* Transforms the values of two tiles, four rows of six pixels at `image` (a row has `row` bytes): per element of the transform and four
 * channels the words (t0: 0, 2), (t0: 1, 3), (t1: 0, 2), (t1: 1, 3). */
static ETCH_NOINLINE void etch_winograd_values(const int8_t *image, int32_t row, int32_t channels, int32_t *values)
{
    for (int32_t k = 0; k < channels; k += 4, values += 4) {
        for (int32_t half = 0; half < 2; ++half) {
            int32_t lines[6][4];
            const int8_t *pixel = image + k + half;
            for (int32_t x = 0; x < 6; ++x, pixel += channels) {
                const int32_t d[4] = {etch_even_bytes(pixel), etch_even_bytes(pixel + row), etch_even_bytes(pixel + 2 * row),
                    etch_even_bytes(pixel + 3 * row)};
                etch_winograd_four(d, lines[x], 1);
            }
            int32_t *out = values + half;
            for (int32_t i = 0; i < 4; ++i, out += 4 * channels) {
                const int32_t d[6] = {lines[0][i], lines[1][i], lines[2][i], lines[3][i], lines[4][i], lines[5][i]};
                etch_winograd_four(d, out, channels);
                etch_winograd_four(d + 2, out + 2, channels);
            }
        }
    }
}

/* r2 ... r5 are an element's sums of tile 0 channel 0, tile 0 channel 1, tile 1 channel 0, tile 1 channel 1. The first group of
 * four channels begins them; the code of the others is written out 15 times and entered where it suffices. On the stack:
 * 0 the sums of 16 elements, 256 values, 260 entry, 264 result, 268 its end, 272 step, 276 line, 280 the next sums, 288 starts,
 * factors, offsets, shifts of two channels. */
#define ETCH_WINOGRAD_SUMS \
    "push {r4-r11, lr}\n\t" \
    "sub sp, sp, #320\n\t" \
    "str r0, [sp, #256]\n\t" \
    "add r6, r2, r6\n\t" \
    "strd r2, r6, [sp, #264]\n\t" \
    "strd r3, r4, [sp, #272]\n\t" \
    "rsb r7, r5, #16\n\t" /* 40 bytes of code per group that is not needed */ \
    "add r7, r7, r7, lsl #2\n\t" \
    "adr r8, 3f\n\t" \
    "add r8, r8, r7, lsl #3\n\t" \
    "orr r8, r8, #1\n\t" \
    "str r8, [sp, #260]\n" \
    "1:\n\t" /* a pair of channels */ \
    "ldr r0, [sp, #256]\n\t" \
    "mov r6, sp\n\t" \
    "str r6, [sp, #280]\n" \
    "2:\n\t" /* an element of the transform */ \
    "ldm r0!, {r6-r9}\n\t" \
    "ldm r1!, {r10, r11, r12, lr}\n\t" \
    "smuad r2, r6, r10\n\t" \
    "smuad r3, r6, r12\n\t" \
    "smuad r4, r8, r10\n\t" \
    "smuad r5, r8, r12\n\t" \
    "smlad r2, r7, r11, r2\n\t" \
    "smlad r3, r7, lr, r3\n\t" \
    "smlad r4, r9, r11, r4\n\t" \
    "smlad r5, r9, lr, r5\n\t" \
    "ldr pc, [sp, #260]\n\t" \
    ".balign 4\n" \
    "3:\n\t" \
    ".rept 15\n\t" \
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
    "ldr r6, [sp, #280]\n\t" \
    "stm r6!, {r2-r5}\n\t" \
    "str r6, [sp, #280]\n\t" \
    "add r7, sp, #256\n\t" \
    "cmp r6, r7\n\t" \
    "bne 2b\n\t" \
    "ldm r1!, {r2-r9}\n\t" /* two starts, factors, offsets, shifts */ \
    "add lr, sp, #288\n\t" \
    "stm lr, {r2-r9}\n\t" \
    "ldr lr, [sp, #264]\n\t"

/* The four elements of a column of a tile and channel (item 0: tile 0 channel 0, 4: tile 0 channel 1, ...) */
#define ETCH_WINOGRAD_LOAD(column) \
    "ldr r0, [sp, #16*" column "+\\item]\n\t" \
    "ldr r2, [sp, #64+16*" column "+\\item]\n\t" \
    "ldr r3, [sp, #128+16*" column "+\\item]\n\t" \
    "ldr r4, [sp, #192+16*" column "+\\item]\n\t"

/* Of every tile and channel the four outputs: r5 and r7 of the upper line, r6 and r8 of the lower one. The start goes to element (1, 1),
 * which all of them have once. */
#define ETCH_WINOGRAD_STORE(scale) \
    ".irp item, 0, 4, 8, 12\n\t" ETCH_WINOGRAD_LOAD("0") "add r5, r2, r3\n\t" \
                                                         "sub r2, r2, r3\n\t" \
                                                         "add r5, r5, r0\n\t" \
                                                         "sub r6, r2, r4\n\t" ETCH_WINOGRAD_LOAD("1") "ldr r9, [sp, #288+(\\item & 4)]\n\t" \
                                                                                                      "add r2, r2, r9\n\t" \
                                                                                                      "add r7, r2, r3\n\t" \
                                                                                                      "sub r2, r2, r3\n\t" \
                                                                                                      "add r7, r7, r0\n\t" \
                                                                                                      "sub r8, r2, r4\n\t" \
                                                                                                      "add r5, r5, r7\n\t" \
                                                                                                      "add r6, r6, r8\n\t" ETCH_WINOGRAD_LOAD("2") "add r9, r2, r3\n\t" \
                                                                                                                                                   "sub r2, r2, r3\n\t" \
                                                                                                                                                   "add r9, r9, r0\n\t" \
                                                                                                                                                   "sub r2, r2, r4\n\t" \
                                                                                                                                                   "add r5, r5, r9\n\t" \
                                                                                                                                                   "add r6, r6, r2\n\t" \
                                                                                                                                                   "sub r7, r7, r9\n\t" \
                                                                                                                                                   "sub r8, r8, r2\n\t" ETCH_WINOGRAD_LOAD("3") "add r9, r2, r3\n\t" \
                                                                                                                                                                                                "sub r2, r2, r3\n\t" \
                                                                                                                                                                                                "add r9, r9, r0\n\t" \
                                                                                                                                                                                                "sub r2, r2, r4\n\t" \
                                                                                                                                                                                                "sub r7, r7, r9\n\t" \
                                                                                                                                                                                                "sub r8, r8, r2\n\t" \
                                                                                                                                                                                                "ldr r10, [sp, #296+(\\item & 4)]\n\t" \
                                                                                                                                                                                                "ldr r11, [sp, #304+(\\item & 4)]\n\t" \
                                                                                                                                                                                                "ldr r12, [sp, #312+(\\item & 4)]\n\t" scale \
                                                                                                                                                                                                "asr r5, r5, r12\n\t" \
                                                                                                                                                                                                "asr r6, r6, r12\n\t" \
                                                                                                                                                                                                "asr r7, r7, r12\n\t" \
                                                                                                                                                                                                "asr r8, r8, r12\n\t" \
                                                                                                                                                                                                "ssat r5, #8, r5\n\t" \
                                                                                                                                                                                                "ssat r6, #8, r6\n\t" \
                                                                                                                                                                                                "ssat r7, #8, r7\n\t" \
                                                                                                                                                                                                "ssat r8, #8, r8\n\t" \
                                                                                                                                                                                                "ldrd r2, r3, [sp, #272]\n\t" \
                                                                                                                                                                                                "add r4, lr, #((\\item & 4) / 4)\n\t" \
                                                                                                                                                                                                ".if \\item >= 8\n\t" \
                                                                                                                                                                                                "add r4, r4, r2, lsl #1\n\t" \
                                                                                                                                                                                                ".endif\n\t" \
                                                                                                                                                                                                "strb r7, [r4, r2]\n\t" \
                                                                                                                                                                                                "strb r5, [r4]\n\t" \
                                                                                                                                                                                                "add r4, r4, r3\n\t" \
                                                                                                                                                                                                "strb r8, [r4, r2]\n\t" \
                                                                                                                                                                                                "strb r6, [r4]\n\t" \
                                                                                                                                                                                                ".endr\n\t" ETCH_LINES_32 ETCH_LINES_32 ETCH_LINES_32 ETCH_LINES_32 \
                                                                                                                                                                                                "add lr, lr, #2\n\t" \
                                                                                                                                                                                                "ldr r0, [sp, #268]\n\t" \
                                                                                                                                                                                                "str lr, [sp, #264]\n\t" \
                                                                                                                                                                                                "cmp lr, r0\n\t" \
                                                                                                                                                                                                "bne 1b\n\t" \
                                                                                                                                                                                                "add sp, sp, #320\n\t" \
                                                                                                                                                                                                "pop {r4-r11, lr}"

#define ETCH_WINOGRAD_SCALE_RELU \
    "smmla r5, r5, r10, r11\n\t" \
    "smmla r6, r6, r10, r11\n\t" \
    "smmla r7, r7, r10, r11\n\t" \
    "smmla r8, r8, r10, r11\n\t"

#define ETCH_WINOGRAD_SCALE \
    "lsr r9, r5, #31\n\t" \
    "smmla r5, r5, r10, r11\n\t" \
    "sub r5, r5, r9, lsl #1\n\t" \
    "lsr r9, r6, #31\n\t" \
    "smmla r6, r6, r10, r11\n\t" \
    "sub r6, r6, r9, lsl #1\n\t" \
    "lsr r9, r7, #31\n\t" \
    "smmla r7, r7, r10, r11\n\t" \
    "sub r7, r7, r9, lsl #1\n\t" \
    "lsr r9, r8, #31\n\t" \
    "smmla r8, r8, r10, r11\n\t" \
    "sub r8, r8, r9, lsl #1\n\t"

#if !defined(__ARM_FEATURE_DSP) || !defined(__thumb2__)

static inline const int32_t *etch_winograd_sums(const int32_t *values, const int32_t *weights, int32_t groups, uint32_t sums[16][4])
{
    for (int32_t element = 0; element < 16; ++element) {
        for (int32_t k = 0; k < 4; ++k) {
            sums[element][k] = 0;
        }
        for (int32_t i = 0; i < groups; ++i, values += 4, weights += 4) {
            for (int32_t k = 0; k < 4; ++k) {
                const int32_t *const value = values + k / 2 * 2, *const weight = weights + k % 2 * 2;
                sums[element][k] += etch_dual_product(value[0], weight[0]) + etch_dual_product(value[1], weight[1]);
            }
        }
    }
    return weights;
}

static inline void etch_winograd_outputs(uint32_t sums[16][4], int32_t k, uint32_t start, uint32_t outputs[4])
{
    uint32_t upper[4], lower[4];
    for (int32_t j = 0; j < 4; ++j) {
        const uint32_t second = sums[4 + j][k] + (j == 1 ? start : 0);
        upper[j] = sums[j][k] + second + sums[8 + j][k];
        lower[j] = second - sums[8 + j][k] - sums[12 + j][k];
    }
    outputs[0] = upper[0] + upper[1] + upper[2];
    outputs[1] = upper[1] - upper[2] - upper[3];
    outputs[2] = lower[0] + lower[1] + lower[2];
    outputs[3] = lower[1] - lower[2] - lower[3];
}

#endif

/* Two tiles times `channels` filters: 4 * groups transformed values per element, at most 64; `weights` per pair of channels: 16 elements,
 * starts, factors, offsets and shifts. Pixels of the result are `step` apart, its two lines `line`. The outputs of negative
 * sums are at the lower limit. */
static ETCH_NOINLINE void etch_winograd_relu(const int32_t *values, const int32_t *weights, int8_t *result, int32_t step, int32_t line,
    int32_t groups, int32_t channels)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t next __asm__("r3") = step;
    register int32_t below __asm__("r4") = line;
    register int32_t count __asm__("r5") = groups;
    register int32_t results __asm__("r6") = channels;
    __asm__ volatile(ETCH_WINOGRAD_SUMS ETCH_WINOGRAD_STORE(ETCH_WINOGRAD_SCALE_RELU)
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(next)
                     : "r"(below), "r"(count), "r"(results)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < channels; n += 2, result += 2) {
        uint32_t sums[16][4];
        weights = etch_winograd_sums(values, weights, groups, sums);
        for (int32_t k = 0; k < 4; ++k) {
            const int32_t *const scale = weights + 2 + k % 2;
            uint32_t outputs[4];
            etch_winograd_outputs(sums, k, (uint32_t)weights[k % 2], outputs);
            for (int32_t i = 0; i < 4; ++i) {
                result[i / 2 * line + (k / 2 * 2 + i % 2) * step + k % 2] = etch_scale_sum(outputs[i], scale);
            }
        }
        weights += 8;
    }
#endif
}

/* The same for any output: the scaled values of negative sums, which are multiples of 4, lose 2. */
static ETCH_NOINLINE void etch_winograd(const int32_t *values, const int32_t *weights, int8_t *result, int32_t step, int32_t line,
    int32_t groups, int32_t channels)
{
#if defined(__ARM_FEATURE_DSP) && defined(__thumb2__)
    register const int32_t *value __asm__("r0") = values;
    register const int32_t *weight __asm__("r1") = weights;
    register int8_t *target __asm__("r2") = result;
    register int32_t next __asm__("r3") = step;
    register int32_t below __asm__("r4") = line;
    register int32_t count __asm__("r5") = groups;
    register int32_t results __asm__("r6") = channels;
    __asm__ volatile(ETCH_WINOGRAD_SUMS ETCH_WINOGRAD_STORE(ETCH_WINOGRAD_SCALE)
                     : "+r"(value), "+r"(weight), "+r"(target), "+r"(next)
                     : "r"(below), "r"(count), "r"(results)
                     : "r12", "cc", "memory");
#else
    for (int32_t n = 0; n < channels; n += 2, result += 2) {
        uint32_t sums[16][4];
        weights = etch_winograd_sums(values, weights, groups, sums);
        for (int32_t k = 0; k < 4; ++k) {
            const int32_t *const scale = weights + 2 + k % 2;
            uint32_t outputs[4];
            etch_winograd_outputs(sums, k, (uint32_t)weights[k % 2], outputs);
            for (int32_t i = 0; i < 4; ++i) {
                result[i / 2 * line + (k / 2 * 2 + i % 2) * step + k % 2] = etch_scale_less(outputs[i], scale, 2);
            }
        }
        weights += 8;
    }
#endif
}

#endif
