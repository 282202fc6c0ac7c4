/* SPDX-License-Identifier: MIT-0
 *
 * Two products per multiplication for one vector, for processors that multiply 32 bits and no vectors: a word has the weights of two
 * channels, w = w0 + w1 * 2^16, so that v * w = v * w0 + v * w1 * 2^16. As in half_words.h two such products add up without an
 * overflow of the lower half, weights being above -128.
 *
 * Four channels at a time read from a stream of words: the starts s0 + s1 * 2^16, s1, s2 + s3 * 2^16, s3 of their sums, then the weights of
 * every two values (first value: channels 0 and 1, 2 and 3; second value: the same), then their scales (pair_scale.h).
 */
#ifndef ETCH_PAIR_WORDS_H
#define ETCH_PAIR_WORDS_H

#include "asm_lines.h"
#include "noinline.h"
#include "pair_scale.h"
#include "short_scale.h"
#include "thumb_1.h"

#include <stdint.h>

#if defined(__GNUC__)
#define ETCH_PAIR_WORD_FORCED __attribute__((always_inline))
#else
#define ETCH_PAIR_WORD_FORCED
#endif

/* `count` values as words, then zeros up to a multiple of four. */
static ETCH_NOINLINE void etch_word_values(const int8_t *source, int32_t *values, int32_t count)
{
    for (; count >= 4; count -= 4, source += 4, values += 4) {
        values[0] = source[0];
        values[1] = source[1];
        values[2] = source[2];
        values[3] = source[3];
    }
    for (int32_t i = 0; i < 4 && count > 0; ++i) {
        values[i] = i < count ? source[i] : 0;
    }
}

/* The sums of a block and of another one, `apart` words from it: two pairs of channels each. Values are words, or bytes. */
static inline ETCH_PAIR_WORD_FORCED void etch_pair_word_blocks(const int32_t *words, const int8_t *bytes, const int32_t *stream, int32_t apart,
    int32_t count, int32_t *sums, int32_t *others)
{
    const int32_t *const other = stream + apart;
    uint32_t all[4] = {(uint32_t)stream[0], (uint32_t)stream[2], (uint32_t)other[0], (uint32_t)other[2]};
    int32_t upper[4] = {stream[1], stream[3], other[1], other[3]};
    stream += 4;
    for (int32_t k = 0; k < count; k += 2, stream += 4) {
        const uint32_t value_0 = (uint32_t)(bytes ? bytes[k] : words[k]), value_1 = (uint32_t)(bytes ? bytes[k + 1] : words[k + 1]);
        const uint32_t pair_0 = value_0 * (uint32_t)stream[0] + value_1 * (uint32_t)stream[2];
        const uint32_t pair_1 = value_0 * (uint32_t)stream[1] + value_1 * (uint32_t)stream[3];
        const uint32_t pair_2 = value_0 * (uint32_t)stream[apart] + value_1 * (uint32_t)stream[apart + 2];
        const uint32_t pair_3 = value_0 * (uint32_t)stream[apart + 1] + value_1 * (uint32_t)stream[apart + 3];
        all[0] += pair_0;
        all[1] += pair_1;
        all[2] += pair_2;
        all[3] += pair_3;
        upper[0] += (int32_t)(pair_0 + 0x8000) >> 16;
        upper[1] += (int32_t)(pair_1 + 0x8000) >> 16;
        upper[2] += (int32_t)(pair_2 + 0x8000) >> 16;
        upper[3] += (int32_t)(pair_3 + 0x8000) >> 16;
    }
    for (int32_t i = 0; i < 2; ++i) {
        sums[2 * i] = (int32_t)(all[i] - ((uint32_t)upper[i] << 16));
        sums[2 * i + 1] = upper[i];
        others[2 * i] = (int32_t)(all[i + 2] - ((uint32_t)upper[i + 2] << 16));
        others[2 * i + 1] = upper[i + 2];
    }
}

#if ETCH_THUMB_1
/* Runs one of the sequences below; `size` is that of the result, `length` of the values. */
#define ETCH_PAIR_WORD_RUN(instructions, values, length, stream, result, size) \
    uint32_t pushed[3]; /* as large as what the instructions push, for those who add up stacks */ \
    __asm__ volatile("" \
                     : "=m"(pushed)); \
    register const void *value __asm__("r0") = values; \
    register const int32_t *word __asm__("r1") = stream; \
    register void *target __asm__("r2") = result; \
    register int32_t value_bytes __asm__("r3") = length, bytes __asm__("r4") = size; \
    __asm__ volatile(".syntax unified\n\t" instructions \
                     : "+r"(value), "+r"(word), "+r"(target), "+r"(value_bytes), "+r"(bytes) \
                     : \
                     : "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory")

#define ETCH_PAIR_WORD_WORDS "ldmia r0!, {r2, r3}\n\t"
#define ETCH_PAIR_WORD_BYTES \
    "ldrb r2, [r0]\n\t" \
    "ldrb r3, [r0, #1]\n\t" \
    "sxtb r2, r2\n\t" \
    "sxtb r3, r3\n\t" \
    "adds r0, #2\n\t"

/* The sums of a block: r0 points to values, r1 to the block, lr to the values' end; r12 is 2^15. r8 and r10 add up whole products, r9 and
 * r11 the second channel's. 16 products in 34 instructions, or 42. */
#define ETCH_PAIR_WORD_BLOCK(load) \
    "ldmia r1!, {r4-r7}\n\t" \
    "mov r8, r4\n\t" \
    "mov r9, r5\n\t" \
    "mov r10, r6\n\t" \
    "mov r11, r7\n" \
    "1:\n\t" \
    ".rept 2\n\t" load \
    "ldmia r1!, {r4-r7}\n\t" \
    "muls r4, r2\n\t" \
    "muls r5, r2\n\t" \
    "muls r6, r3\n\t" \
    "muls r7, r3\n\t" \
    "adds r4, r6\n\t" \
    "adds r5, r7\n\t" \
    "add r8, r4\n\t" \
    "add r4, r12\n\t" \
    "asrs r4, #16\n\t" \
    "add r9, r4\n\t" \
    "add r10, r5\n\t" \
    "add r5, r12\n\t" \
    "asrs r5, #16\n\t" \
    "add r11, r5\n\t" \
    ".endr\n\t" ETCH_LINES_8 ETCH_LINES_8 \
    "cmp r0, lr\n\t" \
    "bne 1b\n\t"

/* r0 = the first channel's sum of a pair */
#define ETCH_PAIR_WORD_FIRST(all, second) \
    "mov r0, " all "\n\t" \
    "mov r3, " second "\n\t" \
    "lsls r3, #16\n\t" \
    "subs r0, r3\n\t"

/* From r0: values, r1: blocks, r2: result, r3: the number of the values' bytes, r4: of the result's. On the stack: 0 values, 4 result,
 * 8 its end. */
#define ETCH_PAIR_WORD_START \
    "adds r3, r0\n\t" \
    "mov lr, r3\n\t" \
    "adds r4, r2\n\t" \
    "push {r0, r2, r4}\n\t" \
    "movs r5, #128\n\t" \
    "lsls r5, #8\n\t" \
    "mov r12, r5\n"

/* r2 is where the next block's result begins. */
#define ETCH_PAIR_WORD_NEXT \
    "str r2, [sp, #4]\n\t" \
    "ldr r0, [sp]\n\t" \
    "ldr r3, [sp, #8]\n\t" \
    "cmp r2, r3\n\t" \
    "beq 5f\n\t" \
    "b 6b\n" \
    "5:\n\t" \
    "add sp, #12"

#define ETCH_PAIR_WORD_CHANNELS(load, output) \
    ETCH_PAIR_WORD_START \
    "6:\n\t" ETCH_PAIR_WORD_BLOCK(load) \
    "ldr r2, [sp, #4]\n\t" ETCH_PAIR_WORD_FIRST("r8", "r9") output("r0", "r2", "0") \
    "mov r0, r9\n\t" output("r0", "r2", "1") ETCH_PAIR_WORD_FIRST("r10", "r11") output("r0", "r2", "2") \
    "mov r0, r11\n\t" output("r0", "r2", "3") \
    "adds r2, #4\n\t" ETCH_PAIR_WORD_NEXT

/* Stores the sums of a block. */
#define ETCH_PAIR_WORD_STORE \
    "ldr r2, [sp, #4]\n\t" \
    "mov r0, r8\n\t" \
    "mov r4, r9\n\t" \
    "lsls r3, r4, #16\n\t" \
    "subs r0, r3\n\t" \
    "mov r5, r10\n\t" \
    "mov r6, r11\n\t" \
    "lsls r3, r6, #16\n\t" \
    "subs r5, r3\n\t" \
    "stmia r2!, {r0, r4-r6}\n\t"

/* The sums of all blocks, without scales. */
static ETCH_NOINLINE void etch_pair_word_sums(const int32_t *values, const int32_t *stream, int32_t *sums, int32_t count, int32_t blocks)
{
    ETCH_PAIR_WORD_RUN(ETCH_PAIR_WORD_START "6:\n\t" ETCH_PAIR_WORD_BLOCK(ETCH_PAIR_WORD_WORDS) ETCH_PAIR_WORD_STORE ETCH_PAIR_WORD_NEXT,
        values, 4 * count, stream, sums, 16 * blocks);
}

/* The outputs of all blocks. */
static ETCH_NOINLINE void etch_pair_word_channels(const int32_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks)
{
    ETCH_PAIR_WORD_RUN(ETCH_PAIR_WORD_CHANNELS(ETCH_PAIR_WORD_WORDS, ETCH_PAIR_OUTPUT), values, 4 * count, stream, output, 4 * blocks);
}

static ETCH_NOINLINE void etch_pair_word_two_sided(const int32_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks)
{
    ETCH_PAIR_WORD_RUN(ETCH_PAIR_WORD_CHANNELS(ETCH_PAIR_WORD_WORDS, ETCH_PAIR_TWO_SIDED), values, 4 * count, stream, output, 4 * blocks);
}

/* The same of values as they are, a multiple of four. */
static ETCH_NOINLINE void etch_pair_byte_channels(const int8_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks)
{
    ETCH_PAIR_WORD_RUN(ETCH_PAIR_WORD_CHANNELS(ETCH_PAIR_WORD_BYTES, ETCH_PAIR_OUTPUT), values, count, stream, output, 4 * blocks);
}

static ETCH_NOINLINE void etch_pair_byte_two_sided(const int8_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks)
{
    ETCH_PAIR_WORD_RUN(ETCH_PAIR_WORD_CHANNELS(ETCH_PAIR_WORD_BYTES, ETCH_PAIR_TWO_SIDED), values, count, stream, output, 4 * blocks);
}

#else

static ETCH_NOINLINE void etch_pair_word_sums(const int32_t *values, const int32_t *stream, int32_t *sums, int32_t count, int32_t blocks)
{
    const int32_t block = 4 + 2 * count;
    for (int32_t n = 0; n < blocks; n += 2, stream += 2 * block, sums += 8) {
        int32_t none[4];
        const int32_t has_second = n + 1 < blocks;
        etch_pair_word_blocks(values, 0, stream, has_second ? block : 0, count, sums, has_second ? sums + 4 : none);
    }
}

static inline ETCH_PAIR_WORD_FORCED void etch_pair_outputs(const int32_t *words, const int8_t *bytes, const int32_t *stream, int32_t scale_words, int8_t *output,
    int32_t count, int32_t blocks)
{
    const int32_t weights = 4 + 2 * count, block = weights + 4 * scale_words;
    for (int32_t n = 0; n < blocks; n += 2, stream += 2 * block) {
        int32_t sums[8];
        etch_pair_word_blocks(words, bytes, stream, n + 1 < blocks ? block : 0, count, sums, sums + 4);
        for (int32_t i = 0; i < 8 && n + i / 4 < blocks; ++i) {
            const int32_t *const scale = stream + i / 4 * block + weights + i % 4 * scale_words;
            const uint32_t value = (uint32_t)sums[i];
            *output++ = scale_words == 4 ? etch_value_output(value, scale) : etch_two_sided_value_output(value, scale + 4, scale);
        }
    }
}

static ETCH_NOINLINE void etch_pair_word_channels(const int32_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks)
{
    etch_pair_outputs(values, 0, stream, 4, output, count, blocks);
}

static ETCH_NOINLINE void etch_pair_word_two_sided(const int32_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks)
{
    etch_pair_outputs(values, 0, stream, 6, output, count, blocks);
}

static ETCH_NOINLINE void etch_pair_byte_channels(const int8_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks)
{
    etch_pair_outputs(0, values, stream, 4, output, count, blocks);
}

static ETCH_NOINLINE void etch_pair_byte_two_sided(const int8_t *values, const int32_t *stream, int8_t *output, int32_t count, int32_t blocks)
{
    etch_pair_outputs(0, values, stream, 6, output, count, blocks);
}

#endif

#endif
