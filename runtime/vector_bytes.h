/* SPDX-License-Identifier: MIT-0
 *
 * One vector times eight channels at a time, for processors that multiply 32 bits: each value is loaded once for all of them. Weights
 * are stored 128 higher, as Armv6-M loads only unsigned bytes without an index register: sums are too high by 128 times the
 * values' sum.
 */
#ifndef ETCH_VECTOR_BYTES_H
#define ETCH_VECTOR_BYTES_H

#include "asm_lines.h"
#include "noinline.h"
#include "thumb_1.h"

#include <stdint.h>

/* The sums of `count` values, a multiple of four, times weights[count][8]. */
static inline void etch_vector_sums(const int8_t *values, const uint8_t *weights, int32_t count, int32_t sums[8])
{
#if ETCH_THUMB_1
    register const int8_t *end __asm__("r0") = values + count;
    register int32_t index __asm__("r1") = -count;
    register const uint8_t *weight __asm__("r2") = weights;
    register int32_t *result __asm__("r3") = sums;
    __asm__ volatile(".syntax unified\n\t"
                     "mov lr, r3\n\t"
                     "movs r5, #0\n\t"
                     "movs r6, #0\n\t"
                     "movs r7, #0\n\t"
                     "mov r8, r5\n\t"
                     "mov r9, r5\n\t"
                     "mov r10, r5\n\t"
                     "mov r11, r5\n\t"
                     "mov r12, r5\n"
                     "1:\n\t"
                     ".irp weight, 0, 8, 16, 24\n\t" /* the value in r3 times eight weights */
                     "ldrsb r3, [r0, r1]\n\t"
                     "ldrb r4, [r2, #\\weight + 0]\n\t"
                     "muls r4, r3\n\t"
                     "add r5, r4\n\t"
                     "ldrb r4, [r2, #\\weight + 1]\n\t"
                     "muls r4, r3\n\t"
                     "add r6, r4\n\t"
                     "ldrb r4, [r2, #\\weight + 2]\n\t"
                     "muls r4, r3\n\t"
                     "add r7, r4\n\t"
                     "ldrb r4, [r2, #\\weight + 3]\n\t"
                     "muls r4, r3\n\t"
                     "add r8, r4\n\t"
                     "ldrb r4, [r2, #\\weight + 4]\n\t"
                     "muls r4, r3\n\t"
                     "add r9, r4\n\t"
                     "ldrb r4, [r2, #\\weight + 5]\n\t"
                     "muls r4, r3\n\t"
                     "add r10, r4\n\t"
                     "ldrb r4, [r2, #\\weight + 6]\n\t"
                     "muls r4, r3\n\t"
                     "add r11, r4\n\t"
                     "ldrb r4, [r2, #\\weight + 7]\n\t"
                     "muls r4, r3\n\t"
                     "add r12, r4\n\t"
                     "adds r1, #1\n\t"
                     ".endr\n\t" ETCH_LINES_32 ETCH_LINES_32 ETCH_LINES_32
                     "adds r2, #32\n\t"
                     "cmp r1, #0\n\t"
                     "bne 1b\n\t"
                     "mov r3, lr\n\t"
                     "stmia r3!, {r5-r7}\n\t"
                     "mov r5, r8\n\t"
                     "mov r6, r9\n\t"
                     "mov r7, r10\n\t"
                     "stmia r3!, {r5-r7}\n\t"
                     "mov r5, r11\n\t"
                     "mov r6, r12\n\t"
                     "stmia r3!, {r5-r6}"
                     : "+r"(end), "+r"(index), "+r"(weight), "+r"(result)
                     :
                     : "r4", "r5", "r6", "r7", "r8", "r9", "r10", "r11", "r12", "lr", "cc", "memory");
#else
    int32_t sum_0 = 0, sum_1 = 0, sum_2 = 0, sum_3 = 0, sum_4 = 0, sum_5 = 0, sum_6 = 0, sum_7 = 0;
    for (int32_t k = 0; k < count; ++k, weights += 8) {
        const int32_t value = values[k];
        sum_0 += value * weights[0];
        sum_1 += value * weights[1];
        sum_2 += value * weights[2];
        sum_3 += value * weights[3];
        sum_4 += value * weights[4];
        sum_5 += value * weights[5];
        sum_6 += value * weights[6];
        sum_7 += value * weights[7];
    }
    sums[0] = sum_0;
    sums[1] = sum_1;
    sums[2] = sum_2;
    sums[3] = sum_3;
    sums[4] = sum_4;
    sums[5] = sum_5;
    sums[6] = sum_6;
    sums[7] = sum_7;
#endif
}

/* Copies `count` values, with zeros up to a multiple of four; what sums of them are too high by. */
static ETCH_NOINLINE int32_t etch_vector_excess(const int8_t *source, int8_t *values, int32_t count)
{
    int32_t sum = 0;
    for (int32_t k = 0; k < count; ++k) {
        values[k] = source[k];
        sum += source[k];
    }
    for (int32_t k = count; k % 4 != 0; ++k) {
        values[k] = 0;
    }
    return 128 * sum;
}

/* Sums as above, less `excess`, from `start` on. */
static ETCH_NOINLINE void etch_vector_offset_sums(const int8_t *values, const uint8_t *weights, int32_t count, const int32_t start[8], int32_t excess,
    int32_t sums[8])
{
    etch_vector_sums(values, weights, count, sums);
    for (int32_t i = 0; i < 8; ++i) {
        sums[i] += start[i] - excess;
    }
}

#endif
