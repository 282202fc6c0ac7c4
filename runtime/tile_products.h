/* SPDX-License-Identifier: MIT-0
 *
 * Tiles of four vectors by four channels as in word_tiles.h, outputs by one_product.h.
 */
#ifndef ETCH_TILE_PRODUCTS_H
#define ETCH_TILE_PRODUCTS_H

#include "noinline.h"
#include "one_product.h"
#include "riscv_tiles.h"
#include "word_tiles.h"

#include <stdint.h>

#if ETCH_RISCV_TILES
/* The output of the value in `value`, to `place`: t0 is how far values reach, t1 the factor, t2 the offset, t5 how far values go to
 * the left. */
#define ETCH_TILE_OUTPUT(value, place) \
    "bgeu t0, " value ", 2f\n\t" \
    "srai " value ", " value ", 31\n\t" \
    "xori " value ", " value ", 127\n\t" \
    "j 3f\n" \
    "2:\n\t" \
    "sll " value ", " value ", t5\n\t" \
    "add " value ", " value ", t2\n\t" \
    "mulh " value ", " value ", t1\n\t" \
    "srai " value ", " value ", 16\n" \
    "3:\n\t" \
    "sb " value ", " place "\n\t"
/* The same where the offset of values from a1 on is t4 */
#define ETCH_TILE_SIDED_OUTPUT(value, place) \
    "bltu " value ", a1, 2f\n\t" \
    "bgeu t0, " value ", 4f\n\t" \
    "srai " value ", " value ", 31\n\t" \
    "xori " value ", " value ", 127\n\t" \
    "j 3f\n" \
    "2:\n\t" \
    "sll " value ", " value ", t5\n\t" \
    "add " value ", " value ", t2\n\t" \
    "j 5f\n" \
    "4:\n\t" \
    "sll " value ", " value ", t5\n\t" \
    "add " value ", " value ", t4\n" \
    "5:\n\t" \
    "mulh " value ", " value ", t1\n\t" \
    "srai " value ", " value ", 16\n" \
    "3:\n\t" \
    "sb " value ", " place "\n\t"
#define ETCH_TILE_SCALE(reach, factor, offset) \
    "lw t0, " reach "(a3)\n\t" \
    "lw t1, " factor "(a3)\n\t" \
    "lw t2, " offset "(a3)\n\t"
#define ETCH_TILE_SIDES(zero, above) \
    "lw a1, " zero "(a3)\n\t" \
    "lw t4, " above "(a3)\n\t"
/* A channel's four outputs from its sums, to where a0, a2, a4, t6 point to */
#define ETCH_TILE_OUTPUTS(output, channel, all_0, upper_0, all_1, upper_1) \
    "slli t3, " upper_0 ", 16\n\t" \
    "sub " all_0 ", " all_0 ", t3\n\t" \
    "slli t3, " upper_1 ", 16\n\t" \
    "sub " all_1 ", " all_1 ", t3\n\t" output(all_0, channel "(a0)") output(upper_0, channel "(a2)") output(all_1, channel "(a4)") \
        output(upper_1, channel "(t6)")

/* From a0: words, a1: weights, a2: blocks, a3: targets, a4: the words' bytes, a5: the number of blocks, t0: left. On the stack: 0 words,
 * 4 their end, 8 left, 12 the blocks that are left, 16 ... 28 targets, 32 the block, 36 weights. */
#define ETCH_TILE_BLOCKS_START \
    "addi sp, sp, -48\n\t" \
    "sw a0, 0(sp)\n\t" \
    "add a4, a4, a0\n\t" \
    "sw a4, 4(sp)\n\t" \
    "sw t0, 8(sp)\n\t" \
    "sw a5, 12(sp)\n\t" \
    "lw t0, 0(a3)\n\t" \
    "lw t1, 4(a3)\n\t" \
    "lw t2, 8(a3)\n\t" \
    "lw t3, 12(a3)\n\t" \
    "sw t0, 16(sp)\n\t" \
    "sw t1, 20(sp)\n\t" \
    "sw t2, 24(sp)\n\t" \
    "sw t3, 28(sp)\n\t" \
    "mv a3, a2\n" \
    "6:\n\t" \
    "lw a0, 0(sp)\n\t" \
    "lw a2, 4(sp)\n\t" \
    "sw a3, 32(sp)\n\t" ETCH_TILE_SUMS \
    "sw a1, 36(sp)\n\t" \
    "lw a3, 32(sp)\n\t" \
    "lw a0, 16(sp)\n\t" \
    "lw a2, 20(sp)\n\t" \
    "lw a4, 24(sp)\n\t" \
    "lw t6, 28(sp)\n\t" \
    "lw t5, 8(sp)\n\t"
/* `size`: of a block of starts and scales */
#define ETCH_TILE_BLOCKS_NEXT(size) \
    "addi a0, a0, 4\n\t" \
    "addi a2, a2, 4\n\t" \
    "addi a4, a4, 4\n\t" \
    "addi t6, t6, 4\n\t" \
    "sw a0, 16(sp)\n\t" \
    "sw a2, 20(sp)\n\t" \
    "sw a4, 24(sp)\n\t" \
    "sw t6, 28(sp)\n\t" \
    "lw a1, 36(sp)\n\t" \
    "addi a3, a3, " size "\n\t" \
    "lw t0, 12(sp)\n\t" \
    "addi t0, t0, -1\n\t" \
    "sw t0, 12(sp)\n\t" \
    "bnez t0, 6b\n\t" \
    "addi sp, sp, 48"

#define ETCH_TILE_BLOCKS \
    ETCH_TILE_BLOCKS_START \
    ETCH_TILE_SCALE("16", "20", "24") \
    ETCH_TILE_OUTPUTS(ETCH_TILE_OUTPUT, "0", "a5", "a6", "a7", "s0") \
    ETCH_TILE_SCALE("28", "32", "36") \
    ETCH_TILE_OUTPUTS(ETCH_TILE_OUTPUT, "1", "s1", "s2", "s3", "s4") \
    ETCH_TILE_SCALE("40", "44", "48") \
    ETCH_TILE_OUTPUTS(ETCH_TILE_OUTPUT, "2", "s5", "s6", "s7", "s8") \
    ETCH_TILE_SCALE("52", "56", "60") \
    ETCH_TILE_OUTPUTS(ETCH_TILE_OUTPUT, "3", "s9", "s10", "s11", "ra") \
    ETCH_TILE_BLOCKS_NEXT("64")
#define ETCH_TILE_SIDED_BLOCKS \
    ETCH_TILE_BLOCKS_START \
    ETCH_TILE_SIDES("16", "20") \
    ETCH_TILE_SCALE("24", "28", "32") \
    ETCH_TILE_OUTPUTS(ETCH_TILE_SIDED_OUTPUT, "0", "a5", "a6", "a7", "s0") \
    ETCH_TILE_SIDES("36", "40") \
    ETCH_TILE_SCALE("44", "48", "52") \
    ETCH_TILE_OUTPUTS(ETCH_TILE_SIDED_OUTPUT, "1", "s1", "s2", "s3", "s4") \
    ETCH_TILE_SIDES("56", "60") \
    ETCH_TILE_SCALE("64", "68", "72") \
    ETCH_TILE_OUTPUTS(ETCH_TILE_SIDED_OUTPUT, "2", "s5", "s6", "s7", "s8") \
    ETCH_TILE_SIDES("76", "80") \
    ETCH_TILE_SCALE("84", "88", "92") \
    ETCH_TILE_OUTPUTS(ETCH_TILE_SIDED_OUTPUT, "3", "s9", "s10", "s11", "ra") \
    ETCH_TILE_BLOCKS_NEXT("96")
#endif

#if ETCH_RISCV_TILES
#define ETCH_TILE_RUN(instructions) \
    uint32_t pushed[12]; /* as large as what the instructions push, for those who add up stacks */ \
    __asm__ volatile("" \
                     : "=m"(pushed)); \
    register const uint32_t *word __asm__("a0") = words; \
    register const int8_t *weight __asm__("a1") = weights; \
    register const int32_t *scale __asm__("a2") = scales; \
    register int8_t *const *target __asm__("a3") = targets; \
    register int32_t bytes __asm__("a4") = 8 * count, rest __asm__("a5") = blocks, shift __asm__("t0") = left; \
    __asm__ volatile(instructions \
                     : "+r"(word), "+r"(weight), "+r"(scale), "+r"(target), "+r"(bytes), "+r"(rest), "+r"(shift) \
                     : \
                     : "t1", "t2", "t3", "t4", "t5", "t6", "a6", "a7", "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10", \
                     "s11", "ra", "memory")
#else
/* columns: 3, or 5 where negative sums are rounded otherwise */
static inline void etch_tile_block_loop(const uint32_t *words, const int8_t *weights, const int32_t *scales, int32_t columns,
    int8_t *const targets[4], int32_t count, int32_t blocks, int32_t left)
{
    for (int32_t n = 0; n < blocks; ++n, weights += 4 * count, scales += 4 + 4 * columns) {
        int32_t sums[16];
        etch_tile_sums(words, weights, scales, count, sums);
        for (int32_t i = 0; i < 16; ++i) {
            const int32_t *const scale = scales + 4 + i / 4 * columns;
            const uint32_t value = (uint32_t)sums[i];
            targets[i % 4][4 * n + i / 4] = columns == 3 ? etch_product_output(value, scale, left)
                                                         : etch_two_sided_product(value, scale, scale + 2, left);
        }
    }
}
#endif

/* Four vectors times `blocks` of four channels, `weights` as etch_tile_sums needs them. A block has its sums' starts in `scales`, then
 * what outputs need: how far values reach, factor, offset. */
static ETCH_NOINLINE void etch_tile_blocks(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *const targets[4],
    int32_t count, int32_t blocks, int32_t left)
{
#if ETCH_RISCV_TILES
    ETCH_TILE_RUN(ETCH_TILE_BLOCKS);
#else
    etch_tile_block_loop(words, weights, scales, 3, targets, count, blocks, left);
#endif
}

/* Before that, the value of a sum of 0, and the offset from there on */
static ETCH_NOINLINE void etch_two_sided_tile_blocks(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *const targets[4],
    int32_t count, int32_t blocks, int32_t left)
{
#if ETCH_RISCV_TILES
    ETCH_TILE_RUN(ETCH_TILE_SIDED_BLOCKS);
#else
    etch_tile_block_loop(words, weights, scales, 5, targets, count, blocks, left);
#endif
}

/* Of a block's channels, those that exist */
static inline void etch_store_last_channels(int8_t *const blocks[4], int8_t *const targets[4], int32_t first, int32_t channels)
{
    for (int32_t i = 0; i < channels; ++i) {
        for (int32_t v = 0; v < 4; ++v) {
            targets[v][first + i] = blocks[v][i];
        }
    }
}

/* All channels */
static ETCH_NOINLINE void etch_tile_products(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *const targets[4], int32_t count,
    int32_t channels, int32_t left)
{
    const int32_t blocks = channels / 4;
    if (blocks > 0) {
        etch_tile_blocks(words, weights, scales, targets, count, blocks, left);
    }
    if (channels % 4 > 0) {
        int8_t last[4][4];
        int8_t *const rest[4] = {last[0], last[1], last[2], last[3]};
        etch_tile_blocks(words, weights + 4 * blocks * count, scales + 16 * blocks, rest, count, 1, left);
        etch_store_last_channels(rest, targets, 4 * blocks, channels % 4);
    }
}

static ETCH_NOINLINE void etch_two_sided_tile_products(const uint32_t *words, const int8_t *weights, const int32_t *scales, int8_t *const targets[4],
    int32_t count, int32_t channels, int32_t left)
{
    const int32_t blocks = channels / 4;
    if (blocks > 0) {
        etch_two_sided_tile_blocks(words, weights, scales, targets, count, blocks, left);
    }
    if (channels % 4 > 0) {
        int8_t last[4][4];
        int8_t *const rest[4] = {last[0], last[1], last[2], last[3]};
        etch_two_sided_tile_blocks(words, weights + 4 * blocks * count, scales + 24 * blocks, rest, count, 1, left);
        etch_store_last_channels(rest, targets, 4 * blocks, channels % 4);
    }
}

#endif
