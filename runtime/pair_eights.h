/* SPDX-License-Identifier: MIT-0
 *
 * Vectors of eight values times words of two channels' weights (pair_words.h). The products of a group of values add up within 16 bits:
 * of two values always, weights being above -128, of three or four where the compiler has found an order of the values in which every
 * channel's weights of a group have magnitudes that add up to less than 256. So a group's products make one word:
 *
 *     word = first + second * 2^16,  |first| < 2^15,  second = (word >> 16) + (bit 15 of word)
 *
 * Values go to the stack in this order, which begins with the first one.
 *
 * Two channels at a time read from a stream of words: eight of weights, where their outputs are, the starts s0 + s1 * 2^16 and s1 of
 * their sums, then their scales (pair_scale.h).
 */
#ifndef ETCH_PAIR_EIGHTS_H
#define ETCH_PAIR_EIGHTS_H

#include "noinline.h"
#include "pair_scale.h"
#include "short_scale.h"
#include "thumb_1.h"

#include <stdint.h>

#if ETCH_THUMB_1
/* Sums of 16 products, to r2 and r3, and to r0 the place of their outputs. r0 points to values, r1 to the pair. A shift's carry is the
 * last bit that it drops. By groups of two, three and three and two, or four values: 35, 31 or 29 instructions. */
/* r3 gets a word's second sum, r2 the first channel's of all words. */
#define ETCH_EIGHT_UPPER(word) \
    "asrs " word ", #16\n\t" \
    "adcs r3, " word "\n\t"
#define ETCH_EIGHT_LOWER \
    "lsls r5, r3, #16\n\t" \
    "subs r2, r5\n\t"
#define ETCH_EIGHT_TWOS \
    "ldmia r0!, {r2, r3, r4}\n\t" \
    "ldmia r1!, {r5, r6, r7}\n\t" \
    "muls r5, r2\n\t" \
    "muls r6, r3\n\t" \
    "muls r7, r4\n\t" \
    "adds r5, r6\n\t" \
    "ldmia r0!, {r2, r3}\n\t" \
    "ldmia r1!, {r4, r6}\n\t" \
    "muls r4, r2\n\t" \
    "muls r6, r3\n\t" \
    "adds r7, r4\n\t" \
    "ldmia r0!, {r2, r3}\n\t" \
    "ldmia r1!, {r4}\n\t" \
    "muls r4, r2\n\t" \
    "adds r6, r4\n\t" \
    "ldmia r1!, {r2, r4}\n\t" \
    "muls r2, r3\n\t" \
    "ldmia r0!, {r3}\n\t" \
    "muls r4, r3\n\t" \
    "adds r4, r2\n\t" \
    "ldmia r1!, {r0, r2, r3}\n\t" \
    "adds r2, r4\n\t" \
    "adds r2, r5\n\t" \
    "adds r2, r6\n\t" \
    "adds r2, r7\n\t" ETCH_EIGHT_UPPER("r4") ETCH_EIGHT_UPPER("r5") ETCH_EIGHT_UPPER("r6") ETCH_EIGHT_UPPER("r7") ETCH_EIGHT_LOWER

#define ETCH_EIGHT_THREES \
    "ldmia r0!, {r2, r3, r4}\n\t" \
    "ldmia r1!, {r5, r6, r7}\n\t" \
    "muls r5, r2\n\t" \
    "muls r6, r3\n\t" \
    "muls r7, r4\n\t" \
    "adds r5, r6\n\t" \
    "adds r5, r7\n\t" \
    "ldmia r0!, {r2, r3, r4}\n\t" \
    "ldmia r1!, {r6, r7}\n\t" \
    "muls r2, r6\n\t" \
    "muls r3, r7\n\t" \
    "adds r2, r3\n\t" \
    "ldmia r1!, {r3, r6, r7}\n\t" \
    "muls r4, r3\n\t" \
    "adds r4, r2\n\t" \
    "ldmia r0!, {r2, r3}\n\t" \
    "muls r6, r2\n\t" \
    "muls r7, r3\n\t" \
    "adds r6, r7\n\t" \
    "ldmia r1!, {r0, r2, r3}\n\t" \
    "adds r2, r4\n\t" \
    "adds r2, r5\n\t" \
    "adds r2, r6\n\t" ETCH_EIGHT_UPPER("r4") ETCH_EIGHT_UPPER("r5") ETCH_EIGHT_UPPER("r6") ETCH_EIGHT_LOWER

#define ETCH_EIGHT_FOURS \
    "ldmia r0!, {r2, r3, r4}\n\t" \
    "ldmia r1!, {r5, r6, r7}\n\t" \
    "muls r5, r2\n\t" \
    "muls r6, r3\n\t" \
    "muls r7, r4\n\t" \
    "adds r5, r6\n\t" \
    "adds r5, r7\n\t" \
    "ldmia r0!, {r2, r3, r4}\n\t" \
    "ldmia r1!, {r6, r7}\n\t" \
    "muls r2, r6\n\t" \
    "muls r3, r7\n\t" \
    "adds r5, r2\n\t" \
    "ldmia r1!, {r2, r6, r7}\n\t" \
    "muls r4, r2\n\t" \
    "adds r3, r4\n\t" \
    "ldmia r0!, {r2, r4}\n\t" \
    "muls r6, r2\n\t" \
    "muls r7, r4\n\t" \
    "adds r6, r3\n\t" \
    "adds r6, r7\n\t" \
    "ldmia r1!, {r0, r2, r3}\n\t" \
    "adds r2, r5\n\t" \
    "adds r2, r6\n\t" ETCH_EIGHT_UPPER("r5") ETCH_EIGHT_UPPER("r6") ETCH_EIGHT_LOWER

#define ETCH_EIGHT_PAIR(sums, output) "mov r0, sp\n\t" sums "add r0, r9\n\t" output("r2", "r0", "0") output("r3", "r0", "1")

/* Back to the next pairs, near enough for one branch or not */
#define ETCH_EIGHT_NEAR "bne 1b\n\t"
#define ETCH_EIGHT_FAR \
    "beq 4f\n\t" \
    "b 1b\n" \
    "4:\n\t"

/* From r0: values, r1: order, r2: output, r3: stream, r4: its end, r5: the values' end, r6 and r7: bytes to the next values and output.
 * Then r8: values, r9: output, r10: what follows in the order, r11: the stream's end, r12 and lr: the two steps. */
#define ETCH_EIGHT_VECTORS(pair, back) \
    "push {r3, r5}\n\t" \
    "adds r1, #4\n\t" \
    "mov r8, r0\n\t" \
    "mov r9, r2\n\t" \
    "mov r10, r1\n\t" \
    "mov r11, r4\n\t" \
    "mov r12, r6\n\t" \
    "mov lr, r7\n" \
    "6:\n\t" \
    "mov r0, r8\n\t" \
    "mov r1, r10\n\t" \
    "ldmia r1, {r1-r7}\n\t" \
    "ldrsb r1, [r0, r1]\n\t" \
    "ldrsb r2, [r0, r2]\n\t" \
    "ldrsb r3, [r0, r3]\n\t" \
    "ldrsb r4, [r0, r4]\n\t" \
    "ldrsb r5, [r0, r5]\n\t" \
    "ldrsb r6, [r0, r6]\n\t" \
    "ldrsb r7, [r0, r7]\n\t" \
    "ldrb r0, [r0]\n\t" \
    "sxtb r0, r0\n\t" \
    "push {r0-r7}\n\t" \
    "ldr r1, [sp, #32]\n" \
    "1:\n\t" pair pair \
    "cmp r1, r11\n\t" back \
    "add sp, #32\n\t" \
    "add r9, lr\n\t" \
    "add r8, r12\n\t" \
    "ldr r0, [sp, #4]\n\t" \
    "cmp r8, r0\n\t" \
    "beq 5f\n\t" \
    "b 6b\n" \
    "5:\n\t" \
    "add sp, #8"

#define ETCH_EIGHT_RUN(pair, back, words) \
    uint32_t pushed[10]; /* as large as what the instructions push, for those who add up stacks */ \
    __asm__ volatile("" \
                     : "=m"(pushed)); \
    register const int8_t *value __asm__("r0") = values, *end __asm__("r5") = values + 8 * direction * count; \
    register const int32_t *place __asm__("r1") = order, *word __asm__("r3") = stream, *last __asm__("r4") = stream + channels / 2 * (words); \
    register int8_t *target __asm__("r2") = output; \
    register int32_t step __asm__("r6") = 8 * direction, target_step __asm__("r7") = channels * direction; \
    __asm__ volatile(".syntax unified\n\t" ETCH_EIGHT_VECTORS(pair, back) \
                     : "+r"(value), "+r"(place), "+r"(target), "+r"(word), "+r"(last), "+r"(end), "+r"(step), "+r"(target_step) \
                     : \
                     : "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")

#else

/* The sums of two channels, however the values are grouped */
static inline void etch_eight_sums(const int8_t values[8], const int32_t *stream, int32_t sums[2])
{
    sums[1] = stream[10];
    sums[0] = (int32_t)((uint32_t)stream[9] - ((uint32_t)stream[10] << 16));
    for (int32_t k = 0; k < 8; ++k) {
        const int32_t first = (int16_t)stream[k];
        sums[0] += values[k] * first;
        sums[1] += values[k] * ((stream[k] - first) >> 16);
    }
}

static inline void etch_eight_all(const int8_t *values, const int32_t *order, const int32_t *stream, int32_t words, int8_t *output, int32_t count,
    int32_t channels, int32_t direction)
{
    for (; count > 0; --count, values += 8 * direction, output += channels * direction) {
        int8_t own[8];
        for (int32_t k = 0; k < 8; ++k) {
            own[k] = values[order[k]];
        }
        const int32_t *pair = stream, columns = (words - 11) / 2;
        for (int32_t n = 0; n < channels; n += 2, pair += words) {
            int32_t sums[2];
            etch_eight_sums(own, pair, sums);
            for (int32_t i = 0; i < 2; ++i) {
                const int32_t *const scale = pair + 11 + i * columns;
                output[pair[8] + i] = columns == 4 ? etch_value_output((uint32_t)sums[i], scale)
                                                   : etch_two_sided_value_output((uint32_t)sums[i], scale + 4, scale);
            }
        }
    }
}
#endif

/* `count` vectors times `channels`, a multiple of four, from the first vector on, or with a direction of -1 from the last one */
static ETCH_NOINLINE void etch_eight_by_twos(const int8_t *values, const int32_t *order, const int32_t *stream, int8_t *output, int32_t count,
    int32_t channels, int32_t direction)
{
#if ETCH_THUMB_1
    ETCH_EIGHT_RUN(ETCH_EIGHT_PAIR(ETCH_EIGHT_TWOS, ETCH_PAIR_OUTPUT), ETCH_EIGHT_FAR, 19);
#else
    etch_eight_all(values, order, stream, 19, output, count, channels, direction);
#endif
}

static ETCH_NOINLINE void etch_eight_by_threes(const int8_t *values, const int32_t *order, const int32_t *stream, int8_t *output, int32_t count,
    int32_t channels, int32_t direction)
{
#if ETCH_THUMB_1
    ETCH_EIGHT_RUN(ETCH_EIGHT_PAIR(ETCH_EIGHT_THREES, ETCH_PAIR_OUTPUT), ETCH_EIGHT_NEAR, 19);
#else
    etch_eight_all(values, order, stream, 19, output, count, channels, direction);
#endif
}

static ETCH_NOINLINE void etch_eight_by_fours(const int8_t *values, const int32_t *order, const int32_t *stream, int8_t *output, int32_t count,
    int32_t channels, int32_t direction)
{
#if ETCH_THUMB_1
    ETCH_EIGHT_RUN(ETCH_EIGHT_PAIR(ETCH_EIGHT_FOURS, ETCH_PAIR_OUTPUT), ETCH_EIGHT_NEAR, 19);
#else
    etch_eight_all(values, order, stream, 19, output, count, channels, direction);
#endif
}

static ETCH_NOINLINE void etch_two_sided_eight_by_twos(const int8_t *values, const int32_t *order, const int32_t *stream, int8_t *output, int32_t count,
    int32_t channels, int32_t direction)
{
#if ETCH_THUMB_1
    ETCH_EIGHT_RUN(ETCH_EIGHT_PAIR(ETCH_EIGHT_TWOS, ETCH_PAIR_TWO_SIDED), ETCH_EIGHT_FAR, 23);
#else
    etch_eight_all(values, order, stream, 23, output, count, channels, direction);
#endif
}

static ETCH_NOINLINE void etch_two_sided_eight_by_threes(const int8_t *values, const int32_t *order, const int32_t *stream, int8_t *output, int32_t count,
    int32_t channels, int32_t direction)
{
#if ETCH_THUMB_1
    ETCH_EIGHT_RUN(ETCH_EIGHT_PAIR(ETCH_EIGHT_THREES, ETCH_PAIR_TWO_SIDED), ETCH_EIGHT_FAR, 23);
#else
    etch_eight_all(values, order, stream, 23, output, count, channels, direction);
#endif
}

static ETCH_NOINLINE void etch_two_sided_eight_by_fours(const int8_t *values, const int32_t *order, const int32_t *stream, int8_t *output, int32_t count,
    int32_t channels, int32_t direction)
{
#if ETCH_THUMB_1
    ETCH_EIGHT_RUN(ETCH_EIGHT_PAIR(ETCH_EIGHT_FOURS, ETCH_PAIR_TWO_SIDED), ETCH_EIGHT_FAR, 23);
#else
    etch_eight_all(values, order, stream, 23, output, count, channels, direction);
#endif
}

#endif
