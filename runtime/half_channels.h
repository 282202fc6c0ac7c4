/* SPDX-License-Identifier: MIT-0
 *
 * Two vectors times all channels (half_words.h), outputs by short_scale.h.
 */
#ifndef ETCH_HALF_CHANNELS_H
#define ETCH_HALF_CHANNELS_H

#include "half_words.h"
#include "noinline.h"
#include "short_scale.h"
#include "thumb_1.h"

#include <stdint.h>

#if ETCH_THUMB_1
/* The output of a sum, r0; r3 ... r7 are the scale. `above` adds to the products what sums of 0 and more get. */
#define ETCH_SCALED_SUM(above) \
    "adds r0, r3\n\t" \
    "cmp r0, r4\n\t" \
    "bls 2f\n\t" \
    "lsrs r0, #31\n\t" \
    "adds r0, #127\n\t" \
    "b 3f\n" \
    "2:\n\t" \
    "mov r1, r0\n\t" \
    "muls r1, r6\n\t" \
    "lsrs r1, #12\n\t" above \
    "muls r0, r5\n\t" \
    "adds r0, r1\n\t" \
    "adds r0, r7\n\t" \
    "lsrs r0, #24\n" \
    "3:\n\t"

/* On the stack: 0 words, 4 weights, 8 scales, 12 first, 16 second, 20 count, 24 the channels that are left. */
#define ETCH_ALL_CHANNELS(load, output) \
    "push {r0-r6}\n" \
    "6:\n\t" \
    "ldr r0, [sp]\n\t" \
    "ldr r1, [sp, #4]\n\t" \
    "ldr r3, [sp, #20]\n\t" \
    "adds r1, r3\n\t" \
    "adds r2, r1, r3\n\t" \
    "str r2, [sp, #4]\n\t" \
    "rsbs r3, r3, #0\n\t" ETCH_HALF_WORD_LOOP \
    "ldr r2, [sp, #8]\n\t" load \
    "mov r0, r8\n\t" \
    "mov r1, r9\n\t" \
    "lsls r1, #16\n\t" \
    "subs r0, r1\n\t" output \
    "ldr r1, [sp, #12]\n\t" \
    "strb r0, [r1]\n\t" \
    "mov r0, r9\n\t" output \
    "ldr r1, [sp, #16]\n\t" \
    "strb r0, [r1]\n\t" \
    "ldr r0, [sp, #24]\n\t" \
    "subs r0, #2\n\t" \
    "str r0, [sp, #24]\n\t" \
    "bmi 5f\n\t" /* there is no second channel */ \
        load \
    "str r2, [sp, #8]\n\t" \
    "mov r0, r10\n\t" \
    "mov r1, r11\n\t" \
    "lsls r1, #16\n\t" \
    "subs r0, r1\n\t" output \
    "ldr r1, [sp, #12]\n\t" \
    "strb r0, [r1, #1]\n\t" \
    "adds r1, #2\n\t" \
    "str r1, [sp, #12]\n\t" \
    "mov r0, r11\n\t" output \
    "ldr r1, [sp, #16]\n\t" \
    "strb r0, [r1, #1]\n\t" \
    "adds r1, #2\n\t" \
    "str r1, [sp, #16]\n\t" \
    "ldr r0, [sp, #24]\n\t" \
    "cmp r0, #0\n\t" \
    "beq 5f\n\t" \
    "b 6b\n" \
    "5:\n\t" \
    "add sp, #28"

static ETCH_NOINLINE void etch_half_channels(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *first,
    int8_t *second, int32_t count, int32_t channels)
{
    uint32_t pushed[7]; /* as large as what the instructions push, for those who add up stacks */
    __asm__ volatile(""
                     : "=m"(pushed));
    register const uint32_t *word __asm__("r0") = words;
    register const int8_t *row __asm__("r1") = weights;
    register const int32_t *scale __asm__("r2") = scales;
    register int8_t *result __asm__("r3") = first, *other __asm__("r4") = second;
    register int32_t length __asm__("r5") = count, rest __asm__("r6") = channels;
    __asm__ volatile(".syntax unified\n\t" ETCH_ALL_CHANNELS("ldmia r2!, {r3-r7}\n\t", ETCH_SCALED_SUM(""))
                     : "+r"(word), "+r"(row), "+r"(scale), "+r"(result), "+r"(other), "+r"(length), "+r"(rest)
                     :
                     : "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}

/* r12: the value of a sum of 0; lr: what is added from there on */
static ETCH_NOINLINE void etch_two_sided_channels(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *first,
    int8_t *second, int32_t count, int32_t channels)
{
    uint32_t pushed[7]; /* as large as what the instructions push, for those who add up stacks */
    __asm__ volatile(""
                     : "=m"(pushed));
    register const uint32_t *word __asm__("r0") = words;
    register const int8_t *row __asm__("r1") = weights;
    register const int32_t *scale __asm__("r2") = scales;
    register int8_t *result __asm__("r3") = first, *other __asm__("r4") = second;
    register int32_t length __asm__("r5") = count, rest __asm__("r6") = channels;
    __asm__ volatile(".syntax unified\n\t" ETCH_ALL_CHANNELS("ldmia r2!, {r0, r1}\n\tmov r12, r0\n\tmov lr, r1\n\tldmia r2!, {r3-r7}\n\t",
        ETCH_SCALED_SUM("cmp r0, r12\n\tbcc 4f\n\tadd r1, lr\n4:\n\t"))
                     : "+r"(word), "+r"(row), "+r"(scale), "+r"(result), "+r"(other), "+r"(length), "+r"(rest)
                     :
                     : "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
}

#else

static ETCH_NOINLINE void etch_half_channels(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *first,
    int8_t *second, int32_t count, int32_t channels)
{
    for (int32_t n = 0; n < channels; n += 2, weights += 2 * count, scales += 10) {
        int32_t sums[2][2];
        etch_half_word_sums(words, weights, count, sums);
        first[n] = etch_short_output(sums[0][0], scales);
        second[n] = etch_short_output(sums[0][1], scales);
        if (n + 1 < channels) {
            first[n + 1] = etch_short_output(sums[1][0], scales + 5);
            second[n + 1] = etch_short_output(sums[1][1], scales + 5);
        }
    }
}

static ETCH_NOINLINE void etch_two_sided_channels(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *first,
    int8_t *second, int32_t count, int32_t channels)
{
    for (int32_t n = 0; n < channels; n += 2, weights += 2 * count, scales += 14) {
        int32_t sums[2][2];
        etch_half_word_sums(words, weights, count, sums);
        first[n] = etch_two_sided_output(sums[0][0], scales);
        second[n] = etch_two_sided_output(sums[0][1], scales);
        if (n + 1 < channels) {
            first[n + 1] = etch_two_sided_output(sums[1][0], scales + 7);
            second[n + 1] = etch_two_sided_output(sums[1][1], scales + 7);
        }
    }
}

#endif

#endif
