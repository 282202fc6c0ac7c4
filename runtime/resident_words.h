/* SPDX-License-Identifier: MIT-0
 *
 * Two products per multiplication as in half_words.h, for vectors of eight values and processors with 32 registers: sixteen of them keep
 * the words of four vectors for all channels. Sums do not leave registers, either.
 *
 * A channel is six words of the stream: what is added to sums, how far values reach, factor and offset of one_product.h, then eight
 * weights; or eight words where negative sums are rounded otherwise, with the value of a sum of 0 and the offset from there on before
 * the weights.
 */
#ifndef ETCH_RESIDENT_WORDS_H
#define ETCH_RESIDENT_WORDS_H

#include "noinline.h"
#include "one_product.h"
#include "riscv_tiles.h"

#include <stdint.h>

/* How far values go to the left, for all layers */
#define ETCH_RESIDENT_LEFT 13

#if ETCH_RISCV_TILES
/* Value `place` of four vectors, from where t0 ... t3 point to, as two words */
#define ETCH_RESIDENT_VALUE(place, word, other) \
    "lb " word ", " place "(t0)\n\t" \
    "lb t4, " place "(t1)\n\t" \
    "lb " other ", " place "(t2)\n\t" \
    "lb t5, " place "(t3)\n\t" \
    "slli t4, t4, 16\n\t" \
    "slli t5, t5, 16\n\t" \
    "add " word ", " word ", t4\n\t" \
    "add " other ", " other ", t5\n\t"

/* Two values times their weights. t2 and t4 add up the words' whole products, t3 and t5 those of the upper halves; a2 is 2^15. */
#define ETCH_RESIDENT_FIRST(place, next, word, next_word, other, next_other) \
    "lb t0, " place "(a0)\n\t" \
    "lb t1, " next "(a0)\n\t" \
    "mul t2, " word ", t0\n\t" \
    "mul t6, " next_word ", t1\n\t" \
    "mul t4, " other ", t0\n\t" \
    "mul t1, " next_other ", t1\n\t" \
    "add t2, t2, t6\n\t" \
    "add t4, t4, t1\n\t" \
    "add t3, t2, a2\n\t" \
    "add t5, t4, a2\n\t" \
    "srai t3, t3, 16\n\t" \
    "srai t5, t5, 16\n\t"
#define ETCH_RESIDENT_PAIR(place, next, word, next_word, other, next_other) \
    "lb t0, " place "(a0)\n\t" \
    "lb t1, " next "(a0)\n\t" \
    "mul t6, " word ", t0\n\t" \
    "mul a4, " next_word ", t1\n\t" \
    "mul t0, " other ", t0\n\t" \
    "mul t1, " next_other ", t1\n\t" \
    "add t6, t6, a4\n\t" \
    "add t0, t0, t1\n\t" \
    "add t2, t2, t6\n\t" \
    "add t4, t4, t0\n\t" \
    "add t6, t6, a2\n\t" \
    "add t0, t0, a2\n\t" \
    "srai t6, t6, 16\n\t" \
    "srai t0, t0, 16\n\t" \
    "add t3, t3, t6\n\t" \
    "add t5, t5, t0\n\t"
/* The four vectors' values of a channel, t2 ... t5 */
#define ETCH_RESIDENT_VALUES(start, w0, w1, w2, w3, w4, w5, w6, w7) \
    ETCH_RESIDENT_FIRST(w0, w1, "s0", "s1", "s8", "s9") \
    ETCH_RESIDENT_PAIR(w2, w3, "s2", "s3", "s10", "s11") \
    ETCH_RESIDENT_PAIR(w4, w5, "s4", "s5", "a5", "a6") \
    ETCH_RESIDENT_PAIR(w6, w7, "s6", "s7", "a7", "ra") \
    "lw t6, " start "(a0)\n\t" \
    "slli t0, t3, 16\n\t" \
    "slli t1, t5, 16\n\t" \
    "sub t2, t2, t0\n\t" \
    "sub t4, t4, t1\n\t" \
    "add t2, t2, t6\n\t" \
    "add t3, t3, t6\n\t" \
    "add t4, t4, t6\n\t" \
    "add t5, t5, t6\n\t"

/* The output of `value`: t0 is how far values reach, t1 the factor, a4 the offset. */
#define ETCH_RESIDENT_OUTPUT(value, place) \
    "bgeu t0, " value ", 2f\n\t" \
    "srai " value ", " value ", 31\n\t" \
    "xori " value ", " value ", 127\n\t" \
    "j 3f\n" \
    "2:\n\t" \
    "slli " value ", " value ", 13\n\t" \
    "add " value ", " value ", a4\n\t" \
    "mulh " value ", " value ", t1\n\t" \
    "srai " value ", " value ", 16\n" \
    "3:\n\t" \
    "sb " value ", " place "\n\t"
/* The same where the offset of values from t6 on is a2 */
#define ETCH_RESIDENT_SIDED_OUTPUT(value, place) \
    "bltu " value ", t6, 2f\n\t" \
    "bgeu t0, " value ", 4f\n\t" \
    "srai " value ", " value ", 31\n\t" \
    "xori " value ", " value ", 127\n\t" \
    "j 3f\n" \
    "2:\n\t" \
    "slli " value ", " value ", 13\n\t" \
    "add " value ", " value ", a4\n\t" \
    "j 5f\n" \
    "4:\n\t" \
    "slli " value ", " value ", 13\n\t" \
    "add " value ", " value ", a2\n" \
    "5:\n\t" \
    "mulh " value ", " value ", t1\n\t" \
    "srai " value ", " value ", 16\n" \
    "3:\n\t" \
    "sb " value ", " place "\n\t"

/* A channel's outputs, `place` bytes from where the first one's next channels have theirs. As soon as there is one, its value's register is
 * free. */
#define ETCH_RESIDENT_OUTPUTS(output, place) \
    output("t2", place "(a1)") \
    "add t2, a1, a3\n\t" output("t3", place "(t2)") \
    "lw t3, 4(sp)\n\t" \
    "add t2, t2, t3\n\t" output("t4", place "(t2)") \
    "add t2, t2, a3\n\t" output("t5", place "(t2)")

/* From a0: stream, a1: the first target, a2: the first vector, a3: from one target to the next, a4: from the first to the third, a5, a6:
 * the same of vectors, a7: the stream's end, t6: whether channels are odd. On the stack: 0 its end, 4 from the second to the third target. */
#define ETCH_RESIDENT_START \
    "addi sp, sp, -16\n\t" \
    "sw a7, 0(sp)\n\t" \
    "sub t0, a4, a3\n\t" \
    "sw t0, 4(sp)\n\t" \
    "mv t0, a2\n\t" \
    "add t1, t0, a5\n\t" \
    "add t2, t0, a6\n\t" \
    "add t3, t2, a5\n\t" ETCH_RESIDENT_VALUE("0", "s0", "s8") ETCH_RESIDENT_VALUE("1", "s1", "s9") ETCH_RESIDENT_VALUE("2", "s2", "s10") \
        ETCH_RESIDENT_VALUE("3", "s3", "s11") ETCH_RESIDENT_VALUE("4", "s4", "a5") ETCH_RESIDENT_VALUE("5", "s5", "a6") \
            ETCH_RESIDENT_VALUE("6", "s6", "a7") ETCH_RESIDENT_VALUE("7", "s7", "ra") \
    "li a2, 0x8000\n\t"
/* Two channels at a time; an odd one comes first, as a second one. */
#define ETCH_RESIDENT_TWO(size, channel, next) \
    ETCH_RESIDENT_START \
    "beqz t6, 1f\n\t" \
    "addi a0, a0, -" size "\n\t" \
    "addi a1, a1, -1\n\t" \
    "j 7f\n" \
    "1:\n\t" channel \
    "7:\n\t" next \
    "lw t6, 0(sp)\n\t" \
    "addi a0, a0, 2 * " size "\n\t" \
    "addi a1, a1, 2\n\t" \
    "bne a0, t6, 1b\n\t" \
    "addi sp, sp, 16"

#define ETCH_RESIDENT_SCALE(reach, factor, offset) \
    "lw t0, " reach "(a0)\n\t" \
    "lw t1, " factor "(a0)\n\t" \
    "lw a4, " offset "(a0)\n\t"
#define ETCH_RESIDENT_SIDES(zero, above) \
    "lw t6, " zero "(a0)\n\t" \
    "lw a2, " above "(a0)\n\t"

#define ETCH_RESIDENT_CHANNELS \
    ETCH_RESIDENT_TWO("24", \
        ETCH_RESIDENT_VALUES("0", "16", "17", "18", "19", "20", "21", "22", "23") ETCH_RESIDENT_SCALE("4", "8", "12") \
            ETCH_RESIDENT_OUTPUTS(ETCH_RESIDENT_OUTPUT, "0"), \
        ETCH_RESIDENT_VALUES("24", "40", "41", "42", "43", "44", "45", "46", "47") ETCH_RESIDENT_SCALE("28", "32", "36") \
            ETCH_RESIDENT_OUTPUTS(ETCH_RESIDENT_OUTPUT, "1"))
#define ETCH_RESIDENT_SIDED_CHANNELS \
    ETCH_RESIDENT_TWO("32", \
        ETCH_RESIDENT_VALUES("0", "24", "25", "26", "27", "28", "29", "30", "31") ETCH_RESIDENT_SCALE("4", "8", "12") \
            ETCH_RESIDENT_SIDES("16", "20") ETCH_RESIDENT_OUTPUTS(ETCH_RESIDENT_SIDED_OUTPUT, "0") "li a2, 0x8000\n", \
        ETCH_RESIDENT_VALUES("32", "56", "57", "58", "59", "60", "61", "62", "63") ETCH_RESIDENT_SCALE("36", "40", "44") \
            ETCH_RESIDENT_SIDES("48", "52") ETCH_RESIDENT_OUTPUTS(ETCH_RESIDENT_SIDED_OUTPUT, "1") "li a2, 0x8000\n\t")

/* Where there are fewer than four vectors, some go twice: the second one is one step on, the third one two steps if there are four, one if
 * there are three, the fourth one as far from it as the second one from the first. */
#define ETCH_RESIDENT_RUN(instructions, size) \
    uint32_t pushed[4]; /* as large as what the instructions push, for those who add up stacks */ \
    __asm__ volatile("" \
                     : "=m"(pushed)); \
    register const int32_t *word __asm__("a0") = stream, *end __asm__("a7") = stream + channels * size; \
    register int8_t *target __asm__("a1") = output; \
    register const int8_t *value __asm__("a2") = vector; \
    register int32_t pitch __asm__("a3") = count > 1 ? channels : 0, third __asm__("a4") = count > 2 ? (count - 2) * channels : 0; \
    register int32_t second __asm__("a5") = count > 1 ? 8 : 0, other __asm__("a6") = count > 2 ? (count - 2) * 8 : 0; \
    register int32_t odd __asm__("t6") = channels % 2; \
    __asm__ volatile(instructions \
                     : "+r"(word), "+r"(target), "+r"(value), "+r"(pitch), "+r"(third), "+r"(second), "+r"(other), "+r"(end), "+r"(odd) \
                     : \
                     : "t0", "t1", "t2", "t3", "t4", "t5", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", "s11", "ra", \
                     "memory")
#else
/* Weight `place` of those in words, the first one in the lowest byte */
static inline int32_t etch_resident_weight(const int32_t *words, int32_t place)
{
    return (int32_t)((uint32_t)words[place / 4] << (24 - place % 4 * 8)) >> 24;
}

/* Outputs of `count` vectors, at most four, which are all read before; `size`: a channel's words in the stream */
static inline void etch_resident_loop(const int8_t *vector, const int32_t *stream, int32_t size, int8_t *output, int32_t channels, int32_t count)
{
    int8_t values[32];
    for (int32_t i = 0; i < 8 * count; ++i) {
        values[i] = vector[i];
    }
    for (int32_t n = 0; n < channels; ++n, stream += size) {
        for (int32_t v = 0; v < count; ++v) {
            uint32_t value = (uint32_t)stream[0];
            for (int32_t k = 0; k < 8; ++k) {
                value += (uint32_t)(values[8 * v + k] * etch_resident_weight(stream + size - 2, k));
            }
            output[v * channels + n] = size == 6 ? etch_product_output(value, stream + 1, ETCH_RESIDENT_LEFT)
                                                 : etch_two_sided_product(value, stream + 4, stream + 1, ETCH_RESIDENT_LEFT);
        }
    }
}
#endif

/* All channels of all vectors, four at a time; `backwards`: from the last ones on */
static ETCH_NOINLINE void etch_resident_channels(const int8_t *input, const int32_t *stream, int8_t *result, int32_t channels, int32_t vectors,
    int32_t backwards)
{
    for (int32_t left = vectors; left > 0; left -= 4) {
        const int32_t count = left < 4 ? left : 4, first = backwards ? left - count : vectors - left;
        const int8_t *const vector = input + 8 * first;
        int8_t *const output = result + channels * first;
#if ETCH_RISCV_TILES
        ETCH_RESIDENT_RUN(ETCH_RESIDENT_CHANNELS, 6);
#else
        etch_resident_loop(vector, stream, 6, output, channels, count);
#endif
    }
}

static ETCH_NOINLINE void etch_resident_two_sided(const int8_t *input, const int32_t *stream, int8_t *result, int32_t channels, int32_t vectors,
    int32_t backwards)
{
    for (int32_t left = vectors; left > 0; left -= 4) {
        const int32_t count = left < 4 ? left : 4, first = backwards ? left - count : vectors - left;
        const int8_t *const vector = input + 8 * first;
        int8_t *const output = result + channels * first;
#if ETCH_RISCV_TILES
        ETCH_RESIDENT_RUN(ETCH_RESIDENT_SIDED_CHANNELS, 8);
#else
        etch_resident_loop(vector, stream, 8, output, channels, count);
#endif
    }
}

#endif
