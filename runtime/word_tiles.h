/* SPDX-License-Identifier: MIT-0
 *
 * Two products per multiplication as in half_words.h, for processors with 32 registers: four vectors, in two words per value, times four
 * channels at a time.
 */
#ifndef ETCH_WORD_TILES_H
#define ETCH_WORD_TILES_H

#include "noinline.h"
#include "riscv_tiles.h"
#include "unroll.h"

#include <stdint.h>

/* `count` values of four vectors as words of two, then zeros up to a multiple of four values. */
static ETCH_NOINLINE void etch_tile_words(const int8_t *const vectors[4], uint32_t *words, int32_t count)
{
    const int8_t *first = vectors[0], *second = vectors[1], *third = vectors[2], *fourth = vectors[3];
    for (; count >= 4; count -= 4, words += 8, first += 4, second += 4, third += 4, fourth += 4) {
        ETCH_UNROLL_4
        for (int32_t k = 0; k < 4; ++k) {
            words[2 * k] = (uint32_t)first[k] + ((uint32_t)second[k] << 16);
            words[2 * k + 1] = (uint32_t)third[k] + ((uint32_t)fourth[k] << 16);
        }
    }
    for (int32_t k = 0; k < 4 && count > 0; ++k) {
        words[2 * k] = k < count ? (uint32_t)first[k] + ((uint32_t)second[k] << 16) : 0;
        words[2 * k + 1] = k < count ? (uint32_t)third[k] + ((uint32_t)fourth[k] << 16) : 0;
    }
}

#if ETCH_RISCV_TILES
/* Two values of two vectors (words in `word`, `next`) times a channel's weights in t4 and t5: `all` adds up whole products, `upper` the
 * second vector's. a4 is 2^15. */
#define ETCH_TILE_PAIR(word, next, all, upper) \
    "mul t6, " word ", t4\n\t" \
    "mul a3, " next ", t5\n\t" \
    "add t6, t6, a3\n\t" \
    "add " all ", " all ", t6\n\t" \
    "add t6, t6, a4\n\t" \
    "srai t6, t6, 16\n\t" \
    "add " upper ", " upper ", t6\n\t"
#define ETCH_TILE_CHANNEL(first, second, all_0, upper_0, all_1, upper_1) \
    "lb t4, " first "(a1)\n\t" \
    "lb t5, " second "(a1)\n\t" ETCH_TILE_PAIR("t0", "t2", all_0, upper_0) ETCH_TILE_PAIR("t1", "t3", all_1, upper_1)
#define ETCH_TILE_WORDS(w0, w1, w2, w3) \
    "lw t0, " w0 "(a0)\n\t" \
    "lw t1, " w1 "(a0)\n\t" \
    "lw t2, " w2 "(a0)\n\t" \
    "lw t3, " w3 "(a0)\n\t"
#define ETCH_TILE_START(place, all_0, upper_0, all_1, upper_1) \
    "lw " upper_0 ", " place "(a3)\n\t" \
    "slli t4, " upper_0 ", 16\n\t" \
    "add " all_0 ", t4, " upper_0 "\n\t" \
    "mv " all_1 ", " all_0 "\n\t" \
    "mv " upper_1 ", " upper_0 "\n\t"
/* The sums of 16 channels and vectors from where a0 ... a3 point to */
#define ETCH_TILE_SUMS \
    "li a4, 0x8000\n\t" \
        ETCH_TILE_START("0", "a5", "a6", "a7", "s0") ETCH_TILE_START("4", "s1", "s2", "s3", "s4") ETCH_TILE_START("8", "s5", "s6", "s7", "s8") \
            ETCH_TILE_START("12", "s9", "s10", "s11", "ra") \
    "1:\n\t" ETCH_TILE_WORDS("0", "4", "8", "12") ETCH_TILE_CHANNEL("0", "1", "a5", "a6", "a7", "s0") \
        ETCH_TILE_CHANNEL("2", "3", "s1", "s2", "s3", "s4") ETCH_TILE_CHANNEL("4", "5", "s5", "s6", "s7", "s8") \
            ETCH_TILE_CHANNEL("6", "7", "s9", "s10", "s11", "ra") ETCH_TILE_WORDS("16", "20", "24", "28") \
                ETCH_TILE_CHANNEL("8", "9", "a5", "a6", "a7", "s0") ETCH_TILE_CHANNEL("10", "11", "s1", "s2", "s3", "s4") \
                    ETCH_TILE_CHANNEL("12", "13", "s5", "s6", "s7", "s8") ETCH_TILE_CHANNEL("14", "15", "s9", "s10", "s11", "ra") \
    "addi a0, a0, 32\n\t" \
    "addi a1, a1, 16\n\t" \
    "bne a0, a2, 1b\n\t"
#else
/* sums[channel][vector], from start[channel] on. Weights: [pair of values][channel][2], `count` a multiple of four. */
static inline void etch_tile_sums(const uint32_t *words, const int8_t *weights, const int32_t start[4], int32_t count, int32_t sums[16])
{
    for (int32_t n = 0; n < 8; ++n) { /* two vectors of a channel */
        const int8_t *const row = weights + n / 2 * 2;
        uint32_t all = (uint32_t)start[n / 2] * 65537u;
        int32_t upper = start[n / 2];
        for (int32_t k = 0; k < count; k += 2) {
            const int32_t weight = row[4 * k], next = row[4 * k + 1];
            const uint32_t pair = words[2 * k + n % 2] * (uint32_t)weight + words[2 * k + 2 + n % 2] * (uint32_t)next;
            all += pair;
            upper += (int32_t)(pair + 0x8000) >> 16;
        }
        sums[2 * n] = (int32_t)(all - ((uint32_t)upper << 16));
        sums[2 * n + 1] = upper;
    }
}
#endif

#endif
