/* SPDX-License-Identifier: MIT-0
 *
 * Two products per multiplication, for processors that multiply 32 bits and no vectors: a word has the values of two vectors,
 * v = v0 + v1 * 2^16, so that v * w = v0 * w + v1 * w * 2^16. Two such products add up without an overflow of the lower half, as
 * weights are above -128: |v0 * w + v0' * w'| <= 2 * 128 * 127 < 2^15.
 */
#ifndef ETCH_HALF_WORDS_H
#define ETCH_HALF_WORDS_H

#include "asm_lines.h"
#include "noinline.h"
#include "thumb_1.h"

#include <stdint.h>

/* Both halves' products, which only together are known to be whole. */
static inline uint32_t etch_half_word_products(uint32_t word, int32_t weight)
{
    return word * (uint32_t)weight;
}

/* `count` values of two vectors as words, then zeros up to a multiple of four. */
static ETCH_NOINLINE void etch_half_words(const int8_t *first, const int8_t *second, uint32_t *words, int32_t count)
{
    for (int32_t i = 0; i < count; ++i) {
        words[i] = (uint32_t)first[i] + etch_half_word_products(1 << 16, second[i]);
    }
    for (int32_t i = count; i % 4 != 0; ++i) {
        words[i] = 0;
    }
}

#if ETCH_THUMB_1
/* Sums over two rows of weights that end at r1 and r2, r3 being their length's negative, words at r0: r8 and r10 add up whole products,
 * r9 and r11 the second vector's. 16 products in 43 instructions. */
#define ETCH_HALF_WORD_LOOP \
    "movs r4, #0\n\t" \
    "mov r8, r4\n\t" \
    "mov r9, r4\n\t" \
    "mov r10, r4\n\t" \
    "mov r11, r4\n\t" \
    "movs r4, #128\n\t" \
    "lsls r4, #8\n\t" \
    "mov r12, r4\n" \
    "1:\n\t" \
    ".rept 2\n\t" \
    "ldmia r0!, {r4, r5}\n\t" \
    "ldrsb r6, [r1, r3]\n\t" \
    "muls r6, r4\n\t" \
    "ldrsb r7, [r2, r3]\n\t" \
    "muls r7, r4\n\t" \
    "adds r3, #1\n\t" \
    "ldrsb r4, [r1, r3]\n\t" \
    "muls r4, r5\n\t" \
    "adds r6, r4\n\t" \
    "ldrsb r4, [r2, r3]\n\t" \
    "muls r4, r5\n\t" \
    "adds r7, r4\n\t" \
    "add r8, r6\n\t" \
    "add r6, r12\n\t" \
    "asrs r6, #16\n\t" \
    "add r9, r6\n\t" \
    "add r10, r7\n\t" \
    "add r7, r12\n\t" \
    "asrs r7, #16\n\t" \
    "add r11, r7\n\t" \
    "adds r3, #1\n\t" \
    ".endr\n\t" ETCH_LINES_32 \
    "bne 1b\n\t"
#endif

/* Two vectors times the weights of two channels, rows of `count`, a multiple of four: sums[channel][vector]. `all` adds up whole
 * products, `upper` the second vector's: (v0 + v1 * 2^16 + 2^15) >> 16 = v1 for v0 of 16 bits; what is left of `all` is the first's. */
static inline void etch_half_word_sums(const uint32_t *words, const int8_t *weights, int32_t count, int32_t sums[2][2])
{
#if ETCH_THUMB_1
    register uint32_t all_0 __asm__("r0") = (uint32_t)(uintptr_t)words, all_1 __asm__("r1") = (uint32_t)(uintptr_t)(weights + count);
    register int32_t upper_0 __asm__("r2") = (int32_t)(uintptr_t)(weights + 2 * count), upper_1 __asm__("r3") = -count;
    __asm__ volatile(".syntax unified\n\t" ETCH_HALF_WORD_LOOP
                     "mov r0, r8\n\t"
                     "mov r1, r10\n\t"
                     "mov r2, r9\n\t"
                     "mov r3, r11"
                     : "+r"(all_0), "+r"(all_1), "+r"(upper_0), "+r"(upper_1)
                     :
                     : "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "cc", "memory");
#else
    uint32_t all_0 = 0, all_1 = 0;
    int32_t upper_0 = 0, upper_1 = 0;
    const int8_t *const row = weights + count;
    for (int32_t k = 0; k < count; k += 4) {
        const uint32_t *const word = words + k;
        const int8_t *const row_0 = weights + k, *const row_1 = row + k;
        const uint32_t pair_0 = etch_half_word_products(word[0], row_0[0]) + etch_half_word_products(word[1], row_0[1]);
        const uint32_t pair_1 = etch_half_word_products(word[0], row_1[0]) + etch_half_word_products(word[1], row_1[1]);
        const uint32_t pair_2 = etch_half_word_products(word[2], row_0[2]) + etch_half_word_products(word[3], row_0[3]);
        const uint32_t pair_3 = etch_half_word_products(word[2], row_1[2]) + etch_half_word_products(word[3], row_1[3]);
        all_0 += pair_0 + pair_2;
        all_1 += pair_1 + pair_3;
        upper_0 += ((int32_t)(pair_0 + 0x8000) >> 16) + ((int32_t)(pair_2 + 0x8000) >> 16);
        upper_1 += ((int32_t)(pair_1 + 0x8000) >> 16) + ((int32_t)(pair_3 + 0x8000) >> 16);
    }
#endif
    sums[0][0] = (int32_t)(all_0 - ((uint32_t)upper_0 << 16));
    sums[0][1] = upper_0;
    sums[1][0] = (int32_t)(all_1 - ((uint32_t)upper_1 << 16));
    sums[1][1] = upper_1;
}

#endif
